//! Replication: entries go to the disks of a majority, then they count and are applied.
//!
//! One write to the disk is under way at a time; entries that come meanwhile share the next. A
//! follower that joins is given the leader's state and the entries behind it, whatever it had: a
//! state is shared, not copied, so that costs less than finding out where two logs part.

use super::{GATHER_TIMER, Holder, Job, Role, SYNC_LIMIT, Server};
use crate::actor::{Cx, DiskOp, Effect, ProcessId, TimerKey, WatchMode};
use crate::zk::state::State;
use crate::zk::wire::{Entry, Peer, Record, Txn};
use std::sync::Arc;

/// A snapshot is written when so many entries came since the last, or more than the state is large.
pub(super) const SNAPSHOT_AFTER: usize = 1000;

impl Server {
    fn last_index(&self) -> u64 {
        self.applied + self.log.len() as u64
    }

    pub(super) fn recover(&mut self, disk: &[DiskOp]) {
        for op in disk {
            let DiskOp::Zookeeper(record) = op else { continue };
            match &**record {
                Record::Vote { term, vote } => (self.term, self.vote) = (*term, Some(*vote)),
                Record::Snapshot { index, term, state, entries } => {
                    (self.applied, self.applied_term) = (*index, *term);
                    self.state = state.clone();
                    self.log = entries.iter().cloned().collect();
                    self.since_snapshot = 0;
                }
                Record::Entries { after, entries } => {
                    self.log.truncate(after.saturating_sub(self.applied) as usize);
                    self.log.extend(entries.iter().cloned());
                    self.since_snapshot += entries.len();
                }
            }
        }
        self.commit = self.applied;
        self.durable = self.last_index();
        let newest = self.log.back().map_or(self.applied_term, |e| e.term);
        if newest > self.term {
            (self.term, self.vote) = (newest, None);
        }
    }

    // ---- disk ----

    pub(super) fn enqueue(&mut self, cx: &mut Cx, job: Job) {
        if !self.jobs.contains(&job) {
            self.jobs.push_back(job);
        }
        self.next_job(cx);
    }

    fn next_job(&mut self, cx: &mut Cx) {
        while self.busy.is_none() {
            let Some(job) = self.jobs.pop_front() else { return };
            let record = match job {
                Job::Vote { term, candidate } => Record::Vote { term, vote: candidate.slot },
                Job::Entries if self.durable >= self.last_index() => continue,
                Job::Entries => {
                    let (after, entries) = self.replicate(cx);
                    self.since_snapshot += entries.len();
                    Record::Entries { after, entries }
                }
                Job::Snapshot => {
                    self.replicate(cx);
                    self.since_snapshot = 0;
                    Record::Snapshot {
                        index: self.applied,
                        term: self.applied_term,
                        state: self.state.clone(),
                        entries: self.log.iter().cloned().collect(),
                    }
                }
            };
            self.token += 1;
            self.writing = if matches!(job, Job::Vote { .. }) { self.durable } else { self.last_index() };
            self.busy = Some(job);
            cx.persist(self.token, DiskOp::Zookeeper(Arc::new(record)));
        }
    }

    pub(super) fn written(&mut self, cx: &mut Cx) {
        let Some(job) = self.busy.take() else { return };
        match job {
            Job::Vote { term, candidate } => self.voted(cx, term, candidate),
            Job::Entries | Job::Snapshot => {
                self.durable = self.writing.min(self.last_index());
                let (term, index) = (self.term, self.durable);
                match &self.role {
                    Role::Following { leader, sync_to: Some(_), .. } => {
                        Self::tell(cx, *leader, Peer::Ack { term, index });
                    }
                    Role::Leading(_) => self.count(cx),
                    _ => {}
                }
                self.committed(cx, self.commit);
            }
        }
        if self.since_snapshot > SNAPSHOT_AFTER.max(self.state.size()) {
            self.jobs.push_back(Job::Snapshot);
        }
        if self.durable < self.last_index() {
            self.jobs.push_back(Job::Entries);
        }
        self.next_job(cx);
    }

    // ---- leader ----

    pub(super) fn append(&mut self, cx: &mut Cx, entry: Entry) {
        self.log.push_back(entry);
        self.enqueue(cx, Job::Entries);
    }

    /// Entries go out to the followers as they go to the own disk: those that are not there yet.
    fn replicate(&self, cx: &mut Cx) -> (u64, Arc<[Entry]>) {
        let after = self.durable;
        let entries: Arc<[Entry]> = self.log.range((after - self.applied) as usize..).cloned().collect();
        if let Role::Leading(leading) = &self.role
            && !entries.is_empty()
        {
            for (follower, _) in &leading.followers {
                Self::tell(cx, *follower, Peer::Append { term: self.term, after, entries: entries.clone() });
            }
        }
        (after, entries)
    }

    pub(super) fn joined(&mut self, cx: &mut Cx, from: ProcessId, term: u64) {
        let Role::Leading(leading) = &mut self.role else { return };
        if term != self.term {
            return;
        }
        leading.followers.retain(|(id, _)| id.slot != from.slot);
        leading.followers.push((from, 0));
        // What is not on the own disk yet goes out with the next write.
        let known = (self.durable.max(self.writing) - self.applied) as usize;
        let entries = self.log.range(..known.min(self.log.len())).cloned().collect();
        let (index, index_term, state) = (self.applied, self.applied_term, self.state.clone());
        Self::tell(cx, from, Peer::Sync { term, index, index_term, state, entries });
        let every = self.config.tick;
        cx.outbox.push(Effect::Watch { peer: from, every, misses: SYNC_LIMIT, mode: WatchMode::Ping });
        self.release_all(cx, from.slot);
    }

    pub(super) fn acknowledged(&mut self, cx: &mut Cx, from: ProcessId, term: u64, index: u64) {
        if term != self.term {
            return;
        }
        if let Some(follower) = self.follower(from) {
            follower.1 = follower.1.max(index);
            let commit = self.commit;
            self.count(cx);
            if self.commit == commit {
                // It may have joined only now, and know nothing of what counts already.
                Self::tell(cx, from, Peer::Commit { term, index: commit });
            }
        }
    }

    /// What is on the disks of a majority counts, if it is of this term or before such.
    fn count(&mut self, cx: &mut Cx) {
        let most = self.majority();
        let Role::Leading(leading) = &mut self.role else { return };
        let mut last: Vec<u64> = leading.followers.iter().map(|(_, index)| *index).collect();
        last.push(self.durable);
        last.sort_unstable_by(|a, b| b.cmp(a));
        let Some(&index) = last.get(most - 1) else { return };
        if index < leading.first || index <= self.commit {
            return;
        }
        for (follower, _) in &leading.followers {
            Self::tell(cx, *follower, Peer::Commit { term: self.term, index });
        }
        self.committed(cx, index);
    }

    // ---- follower ----

    pub(super) fn synced(
        &mut self,
        cx: &mut Cx,
        term: u64,
        (index, index_term): (u64, u64),
        state: &Arc<State>,
        entries: &[Entry],
    ) {
        let Role::Following { sync_to, .. } = &mut self.role else { return };
        if term != self.term {
            return;
        }
        *sync_to = Some(index + entries.len() as u64);
        self.state = state.clone();
        (self.applied, self.applied_term, self.commit, self.durable) = (index, index_term, index, index);
        self.log = entries.iter().cloned().collect();
        // A write under way is overtaken by the snapshot behind it.
        self.writing = index;
        self.jobs.retain(|job| matches!(job, Job::Vote { .. }));
        self.enqueue(cx, Job::Snapshot);
    }

    pub(super) fn appended(&mut self, cx: &mut Cx, term: u64, after: u64, entries: &[Entry]) {
        if !matches!(self.role, Role::Following { sync_to: Some(_), .. }) || term != self.term {
            return;
        }
        if after != self.last_index() {
            // Something is missing: from the beginning.
            return self.look(cx);
        }
        self.log.extend(entries.iter().cloned());
        self.enqueue(cx, Job::Entries);
    }

    // ---- both ----

    /// Applies what counts and is on the own disk, so that what has left the log can be read back.
    pub(super) fn committed(&mut self, cx: &mut Cx, index: u64) {
        self.commit = self.commit.max(index);
        let (mut changes, to) = (Vec::new(), self.commit.min(self.durable));
        while self.applied < to
            && let Some(entry) = self.log.pop_front()
        {
            self.applied += 1;
            self.applied_term = entry.term;
            changes.clear();
            let closed = match &entry.txn {
                Txn::Close { session, .. } => self.state.session(*session).map(|s| s.client.slot),
                _ => None,
            };
            let answer = Arc::make_mut(&mut self.state).apply(self.applied, &entry.txn, &mut changes);
            // Who watches hears of it before anybody can ask for what is new.
            changes.iter().for_each(|change| self.fire(cx, change));
            self.applied_entry(cx, self.applied, &entry, closed, answer);
        }
        let applied = self.applied;
        match &mut self.role {
            Role::Following { sync_to: Some(to), serving, .. } if applied >= *to => *serving = true,
            Role::Leading(leading) if !leading.serving && applied >= leading.first => {
                leading.serving = true;
                cx.cancel(TimerKey::new(GATHER_TIMER, 0));
                self.take_over_sessions(cx);
            }
            _ => {}
        }
    }

    /// The leader's books of who holds what begin with nobody holding anything, as a new leader
    /// knows the sessions and not where they are.
    fn take_over_sessions(&mut self, cx: &mut Cx) {
        let state = self.state.clone();
        for (session, held) in state.sessions() {
            if self.holder(session).is_none() {
                self.let_expire(cx, session, held.timeout);
            }
        }
    }

    pub(super) fn holder(&self, session: u64) -> Option<Holder> {
        match &self.role {
            Role::Leading(leading) => leading.holders.get(&session).copied(),
            _ => None,
        }
    }
}
