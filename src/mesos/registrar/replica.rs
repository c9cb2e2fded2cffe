//! A master's replica of the registry's log (`src/log/replica.cpp`, `coordinator.cpp`): promises,
//! accepts, and answers when what it says is on its disk.
//!
//! The log holds one value, the whole registry, in versions: an entry replaces the one before, so a
//! replica that was away needs no catching up. Ballots are numbers of candidacies.

use crate::actor::{Cx, DiskOp, ProcessId};
use crate::mesos::message::{LogEntry, LogPacket};
use std::collections::VecDeque;
use std::sync::Arc;

/// Something to be made durable and then answered.
#[derive(Clone, PartialEq, Debug)]
enum Work {
    Promise(u64),
    Accept(u64, Arc<LogEntry>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Replica {
    promised: u64,
    accepted: Option<Arc<LogEntry>>,
    /// What of it is on disk.
    durable_promise: u64,
    durable: Option<(u64, u64)>,
    /// One write at a time, in order.
    work: VecDeque<(ProcessId, Work)>,
    busy: bool,
    token: u64,
}

/// Later entries are greater.
pub(super) fn rank(entry: &LogEntry) -> (u64, u64) {
    (entry.ballot, entry.version)
}

impl Replica {
    pub(super) fn recover(&mut self, disk: &[DiskOp]) {
        for op in disk {
            match op {
                DiskOp::Promised { ballot } => self.promised = self.promised.max(*ballot),
                DiskOp::Accepted(entry) => {
                    self.promised = self.promised.max(entry.ballot);
                    self.accepted = Some(entry.clone());
                }
                _ => {}
            }
        }
        self.durable_promise = self.promised;
        self.durable = self.accepted.as_deref().map(rank);
    }

    /// Hears a coordinator; the answer if it can be given at once.
    pub(super) fn hear(&mut self, cx: &mut Cx, from: ProcessId, packet: &LogPacket) -> Option<LogPacket> {
        let work = match packet {
            LogPacket::Prepare { ballot } | LogPacket::Write { ballot, .. } if *ballot < self.promised => {
                return Some(LogPacket::Rejected { ballot: *ballot, promised: self.promised });
            }
            LogPacket::Prepare { ballot } => {
                self.promised = *ballot;
                if self.durable_promise == *ballot {
                    return Some(self.answer(&Work::Promise(*ballot)));
                }
                Work::Promise(*ballot)
            }
            LogPacket::Write { ballot, entry } => {
                self.promised = *ballot;
                let work = Work::Accept(*ballot, entry.clone());
                if self.durable >= Some(rank(entry)) {
                    return Some(self.answer(&work));
                }
                if self.accepted.as_deref().map(rank) < Some(rank(entry)) {
                    self.accepted = Some(entry.clone());
                }
                work
            }
            LogPacket::Promised { .. } | LogPacket::Written { .. } | LogPacket::Rejected { .. } => return None,
        };
        // Asked again while it is being written: one answer is enough.
        if !self.work.iter().any(|(to, known)| *to == from && *known == work) {
            self.work.push_back((from, work));
            self.write(cx);
        }
        None
    }

    fn write(&mut self, cx: &mut Cx) {
        if self.busy {
            return;
        }
        let op = match self.work.front() {
            None => return,
            Some((_, Work::Promise(ballot))) => DiskOp::Promised { ballot: *ballot },
            Some((_, Work::Accept(_, entry))) => DiskOp::Accepted(entry.clone()),
        };
        self.busy = true;
        self.token += 1;
        cx.persist(self.token, op);
    }

    /// A write is done: whom to answer what.
    pub(super) fn written(&mut self, cx: &mut Cx) -> Option<(ProcessId, LogPacket)> {
        let (to, work) = self.work.pop_front()?;
        self.busy = false;
        match &work {
            Work::Promise(ballot) => self.durable_promise = *ballot,
            Work::Accept(ballot, entry) => {
                self.durable_promise = *ballot;
                self.durable = Some(rank(entry));
            }
        }
        self.write(cx);
        Some((to, self.answer(&work)))
    }

    fn answer(&self, work: &Work) -> LogPacket {
        match work {
            Work::Promise(ballot) => LogPacket::Promised { ballot: *ballot, accepted: self.accepted.clone() },
            Work::Accept(ballot, entry) => LogPacket::Written { ballot: *ballot, version: entry.version },
        }
    }
}
