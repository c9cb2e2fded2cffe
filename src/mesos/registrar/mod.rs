//! The registrar: keeps the registry and writes it before anybody hears of a change
//! (`src/master/registrar.cpp`, `registry_operations.hpp`).
//!
//! An operation is a value. While a write is in flight operations pile up; the next write carries
//! them all. A write happens even if no operation mutates. The registry holds admitted and
//! unreachable agents; everything else about a cluster lives elsewhere, as upstream.
//!
//! With elections the registry is a log that the masters replicate (`replica`): the registrar of a
//! new leader asks a majority for their promises and their latest version, writes that anew under
//! its own ballot, and from then on each version counts once a majority has it on disk. Whoever is
//! told of a higher ballot has been overtaken and stops. A master without elections writes to its
//! own disk. Nobody's disk is ever lost here, so an empty replica is a new one.

mod replica;

use crate::actor::{Cx, DiskOp, Input, Mailbox, ProcessId, TimerKey};
use crate::base::time::Span;
use crate::fact::Fact;
use crate::mesos::message::{LogEntry, LogPacket, Msg, Registry, RegistryOp};
use replica::{Replica, rank};
use std::ops::Range;
use std::sync::Arc;

/// `registry_fetch_timeout`, `registry_store_timeout`.
const FETCH_TIMEOUT: Span = Span::from_secs(60);
const STORE_TIMEOUT: Span = Span::from_secs(20);
/// What was not answered is asked again.
const RETRY: Span = Span::from_secs(1);

const DEADLINE_TIMER: u8 = 1;
const RETRY_TIMER: u8 = 2;

impl Registry {
    /// Applies one operation; says whether it changed anything.
    pub fn apply(&mut self, op: &RegistryOp) -> bool {
        match op {
            RegistryOp::AdmitAgent { agent, info } => {
                !self.admitted.contains_key(agent) && self.admitted.insert(*agent, info.clone()).is_none()
            }
            RegistryOp::UpdateAgent { agent, info } => match self.admitted.get_mut(agent) {
                Some(old) if old != info => {
                    *old = info.clone();
                    true
                }
                _ => false,
            },
            RegistryOp::MarkAgentUnreachable { agent, at } => {
                let was = self.admitted.swap_remove(agent).is_some();
                if was {
                    self.unreachable.insert(*agent, *at);
                }
                was
            }
            RegistryOp::MarkAgentReachable { agent, info } => {
                self.unreachable.shift_remove(agent);
                self.admitted.insert(*agent, info.clone()).is_none()
            }
            RegistryOp::RemoveAgent { agent } => self.admitted.swap_remove(agent).is_some(),
            RegistryOp::Prune { agents } => {
                agents.iter().filter(|a| self.unreachable.shift_remove(*a).is_some()).count() > 0
            }
        }
    }
}

/// What the registrar is doing.
#[derive(Clone, Debug)]
enum Phase {
    /// Not the leader's, or overtaken.
    Idle,
    /// Collects promises: slots that gave theirs, and the latest version that they know.
    Fetching { promised: Vec<u32>, latest: Option<Arc<LogEntry>> },
    /// A version is on its way to the replicas: slots that have it. `first`: it is the one that
    /// makes the log this leader's.
    Writing { entry: Arc<LogEntry>, written: Vec<u32>, first: bool },
    /// Nothing is in flight.
    Ready,
}

/// The registrar's mailbox.
#[derive(Clone, Debug)]
pub struct Registrar {
    /// Slots of all masters.
    masters: Range<u32>,
    /// There is one master and no election: the registry is on its own disk.
    alone: bool,
    registry: Arc<Registry>,
    version: u64,
    ballot: u64,
    phase: Phase,
    replica: Replica,
    queued: Vec<(u64, RegistryOp)>,
    /// Answers to give when the write in flight is durable.
    storing: Vec<(u64, bool)>,
}

impl Registrar {
    #[must_use]
    pub fn new(masters: Range<u32>, alone: bool) -> Self {
        Self {
            masters,
            alone,
            registry: Arc::default(),
            version: 0,
            ballot: 0,
            phase: if alone { Phase::Ready } else { Phase::Idle },
            replica: Replica::default(),
            queued: Vec::new(),
            storing: Vec::new(),
        }
    }

    /// What it knows of the registry.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Start { disk } if self.alone => self.recover_alone(cx, &disk),
            Input::Start { disk } => self.replica.recover(&disk),
            Input::Message { msg: Msg::Apply { token, op }, .. } => {
                self.queued.push((token, op));
                self.store(cx);
            }
            Input::Message { msg: Msg::FetchRegistry { ballot }, .. } => self.fetch(cx, ballot),
            Input::Message { from, msg: Msg::Log(packet) } => self.hear(cx, from, &packet),
            Input::Persisted { .. } if self.alone => self.stored(cx),
            Input::Persisted { .. } => {
                if let Some((to, answer)) = self.replica.written(cx) {
                    self.say(cx, to, answer);
                }
            }
            Input::Timer { key } if key.kind() == RETRY_TIMER => self.ask(cx),
            Input::Timer { .. } => self.lose(cx),
            _ => {}
        }
    }

    /// A master that leads without election finds its registry on its own disk.
    fn recover_alone(&mut self, cx: &mut Cx, disk: &[DiskOp]) {
        let registry = Arc::make_mut(&mut self.registry);
        for op in disk {
            if let DiskOp::Registry { version, operations } = op {
                self.version = *version;
                operations.iter().for_each(|op| {
                    registry.apply(op);
                });
            }
        }
        if self.version > 0 {
            cx.dispatch(Mailbox::MAIN, Msg::RegistryFetched { registry: self.registry.clone() });
        }
    }

    // ---- writes ----

    /// Starts a write of everything that is queued, unless one is in flight.
    fn store(&mut self, cx: &mut Cx) {
        if !matches!(self.phase, Phase::Ready) || self.queued.is_empty() {
            return;
        }
        let registry = Arc::make_mut(&mut self.registry);
        let mut operations = Vec::with_capacity(self.queued.len());
        for (token, op) in self.queued.drain(..) {
            self.storing.push((token, registry.apply(&op)));
            operations.push(op);
        }
        self.version += 1;
        if self.alone {
            self.phase = Phase::Idle;
            cx.persist(self.version, DiskOp::Registry { version: self.version, operations: operations.into() });
        } else {
            self.write(cx, false);
        }
    }

    fn write(&mut self, cx: &mut Cx, first: bool) {
        let entry = Arc::new(LogEntry { ballot: self.ballot, version: self.version, registry: self.registry.clone() });
        self.phase = Phase::Writing { entry, written: Vec::new(), first };
        cx.timer(TimerKey::new(DEADLINE_TIMER, 0), STORE_TIMEOUT);
        self.ask(cx);
    }

    /// The write is durable: the answers.
    fn stored(&mut self, cx: &mut Cx) {
        self.phase = Phase::Ready;
        let operations = self.storing.len() as u32;
        cx.fact(Fact::RegistryWritten { version: self.version, operations });
        for (token, mutated) in self.storing.drain(..) {
            cx.dispatch(Mailbox::MAIN, Msg::Applied { token, mutated });
        }
        self.store(cx);
    }

    // ---- coordinator of the replicated log ----

    fn majority(&self) -> usize {
        self.masters.len() / 2 + 1
    }

    fn fetch(&mut self, cx: &mut Cx, ballot: u64) {
        self.ballot = ballot;
        self.phase = Phase::Fetching { promised: Vec::new(), latest: None };
        cx.timer(TimerKey::new(DEADLINE_TIMER, 0), FETCH_TIMEOUT);
        self.ask(cx);
    }

    /// Asks every replica that has not answered, the own one among them.
    fn ask(&mut self, cx: &mut Cx) {
        let (packet, done) = match &self.phase {
            Phase::Idle | Phase::Ready => return,
            Phase::Fetching { promised, .. } => (LogPacket::Prepare { ballot: self.ballot }, promised),
            Phase::Writing { entry, written, .. } => {
                (LogPacket::Write { ballot: self.ballot, entry: entry.clone() }, written)
            }
        };
        let left: Vec<u32> = self.masters.clone().filter(|slot| !done.contains(slot)).collect();
        let packet = Arc::new(packet);
        cx.timer(TimerKey::new(RETRY_TIMER, 0), RETRY);
        for slot in left {
            if slot == cx.me.slot {
                self.hear(cx, cx.me, &packet);
            } else {
                cx.send(ProcessId::at(slot), Msg::Log(packet.clone()));
            }
        }
    }

    fn hear(&mut self, cx: &mut Cx, from: ProcessId, packet: &LogPacket) {
        match packet {
            LogPacket::Prepare { .. } | LogPacket::Write { .. } => {
                if let Some(answer) = self.replica.hear(cx, from, packet) {
                    self.say(cx, from, answer);
                }
            }
            LogPacket::Promised { ballot, accepted } if *ballot == self.ballot => {
                self.promised(cx, from.slot, accepted.as_ref());
            }
            LogPacket::Written { ballot, version } if (*ballot, *version) == (self.ballot, self.version) => {
                self.written(cx, from.slot);
            }
            LogPacket::Rejected { ballot, .. } if *ballot == self.ballot => self.lose(cx),
            LogPacket::Promised { .. } | LogPacket::Written { .. } | LogPacket::Rejected { .. } => {}
        }
    }

    fn say(&mut self, cx: &mut Cx, to: ProcessId, answer: LogPacket) {
        if to == cx.me {
            self.hear(cx, to, &answer);
        } else {
            cx.send(to, Msg::Log(Arc::new(answer)));
        }
    }

    fn promised(&mut self, cx: &mut Cx, slot: u32, accepted: Option<&Arc<LogEntry>>) {
        let most = self.majority();
        let Phase::Fetching { promised, latest } = &mut self.phase else { return };
        if promised.contains(&slot) {
            return;
        }
        promised.push(slot);
        if accepted.map(|a| rank(a)) > latest.as_deref().map(rank) {
            *latest = accepted.cloned();
        }
        if promised.len() < most {
            return;
        }
        if let Some(latest) = latest {
            (self.version, self.registry) = (latest.version, latest.registry.clone());
        }
        self.version += 1;
        self.write(cx, true);
    }

    fn written(&mut self, cx: &mut Cx, slot: u32) {
        let most = self.majority();
        let Phase::Writing { written, first, .. } = &mut self.phase else { return };
        if written.contains(&slot) {
            return;
        }
        written.push(slot);
        if written.len() < most {
            return;
        }
        let first = *first;
        cx.cancel(TimerKey::new(DEADLINE_TIMER, 0));
        cx.cancel(TimerKey::new(RETRY_TIMER, 0));
        if first {
            cx.dispatch(Mailbox::MAIN, Msg::RegistryFetched { registry: self.registry.clone() });
        }
        self.stored(cx);
    }

    /// Overtaken, or too few replicas answered in time: nothing that is queued or comes is done.
    fn lose(&mut self, cx: &mut Cx) {
        if matches!(self.phase, Phase::Idle) {
            return;
        }
        self.phase = Phase::Idle;
        cx.cancel(TimerKey::new(DEADLINE_TIMER, 0));
        cx.cancel(TimerKey::new(RETRY_TIMER, 0));
        cx.dispatch(Mailbox::MAIN, Msg::RegistryLost);
    }
}

#[cfg(test)]
mod tests;
