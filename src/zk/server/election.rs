//! Who leads the ensemble.
//!
//! A server that knows no leader asks around before it stands for election, so that one that was
//! cut off does not disturb a majority that has a leader. A vote is on disk before it is given, and
//! is given to a log that is as long as one's own: whatever counts already survives.

use super::{ELECTION_TIMER, GATHER_TIMER, Job, Leading, Role, SYNC_LIMIT, Server};
use crate::actor::{Cx, Effect, ProcessId, TimerKey, WatchMode};
use crate::base::dice::Site;
use crate::base::time::Span;
use crate::zk::wire::{Entry, Packet, Peer, Txn};

const DELAY: Site = Site::new("zookeeper-election");
/// Longest delay of a server's first question, and of the later ones.
const FIRST_DELAY: Span = Span::from_millis(200);
const LATER_DELAY: Span = Span::from_secs(1);

impl Server {
    fn is_looking(&self) -> bool {
        matches!(self.role, Role::Looking { .. })
    }

    /// No leader is known (any more): clients are sent away, and the search begins.
    pub(super) fn look(&mut self, cx: &mut Cx) {
        match std::mem::replace(&mut self.role, Role::Looking { willing: Vec::new(), granted: Vec::new() }) {
            Role::Looking { .. } => {}
            Role::Following { leader, .. } => Self::unwatch(cx, leader.slot),
            Role::Leading(leading) => {
                for (follower, _) in leading.followers {
                    Self::unwatch(cx, follower.slot);
                }
                cx.cancel(TimerKey::new(GATHER_TIMER, 0));
                cx.cancel(TimerKey::new(super::EXPIRY_TIMER, 0));
            }
        }
        self.dismiss_clients(cx);
        self.wait_to_ask(cx, FIRST_DELAY);
    }

    fn wait_to_ask(&mut self, cx: &mut Cx, most: Span) {
        let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
        let wait = Span(cx.draw(DELAY, entity, self.tries).between(0, most.0));
        self.tries += 1;
        cx.timer(TimerKey::new(ELECTION_TIMER, 0), wait);
    }

    /// Term and number of the last entry.
    fn last(&self) -> (u64, u64) {
        (self.log.back().map_or(self.applied_term, |e| e.term), self.applied + self.log.len() as u64)
    }

    pub(super) fn seek_votes(&mut self, cx: &mut Cx) {
        if !self.is_looking() {
            return;
        }
        self.role = Role::Looking { willing: vec![cx.me.slot], granted: Vec::new() };
        let ((last_term, index), term) = (self.last(), self.term);
        for other in self.others(cx) {
            Self::tell(cx, other, Peer::Looking { term, index, last_term });
        }
        self.wait_to_ask(cx, LATER_DELAY * 2);
        if self.majority() == 1 {
            self.stand(cx);
        }
    }

    pub(super) fn answer_looking(&mut self, cx: &mut Cx, from: ProcessId, theirs: u64, last: (u64, u64)) {
        let term = self.term;
        match &self.role {
            Role::Looking { .. } if last >= self.last() => Self::tell(cx, from, Peer::Willing { term }),
            Role::Looking { .. } => {}
            // Only the leader itself says that it leads: a follower that has not noticed yet that its
            // leader is gone would revive the dead, and two such would send each other back for ever.
            Role::Following { .. } => {}
            // It has voted in a later term and can follow nobody of this one: all elect anew.
            Role::Leading(_) if theirs > term => {
                (self.term, self.vote) = (theirs, None);
                self.look(cx);
            }
            Role::Leading(_) => Self::tell(cx, from, Peer::Led { term, leader: cx.me }),
        }
    }

    pub(super) fn willing(&mut self, cx: &mut Cx, from: ProcessId, term: u64) {
        let most = self.majority();
        let Role::Looking { willing, granted } = &mut self.role else { return };
        if willing.is_empty() || !granted.is_empty() || willing.contains(&from.slot) {
            return;
        }
        willing.push(from.slot);
        let enough = willing.len() >= most;
        // So that the new term is above that of everybody who is willing.
        if term > self.term {
            (self.term, self.vote) = (term, None);
        }
        if enough {
            self.stand(cx);
        }
    }

    /// Stands for election in a new term, with its own vote on disk first.
    fn stand(&mut self, cx: &mut Cx) {
        self.term += 1;
        self.vote = Some(cx.me.slot);
        self.role = Role::Looking { willing: Vec::new(), granted: Vec::new() };
        let term = self.term;
        self.enqueue(cx, Job::Vote { term, candidate: cx.me });
    }

    /// A vote is on disk.
    pub(super) fn voted(&mut self, cx: &mut Cx, term: u64, candidate: ProcessId) {
        if term != self.term || self.vote != Some(candidate.slot) || !self.is_looking() {
            return;
        }
        if candidate.slot != cx.me.slot {
            return Self::tell(cx, candidate, Peer::Granted { term });
        }
        let (last_term, index) = self.last();
        for other in self.others(cx) {
            Self::tell(cx, other, Peer::Ask { term, index, last_term });
        }
        self.granted(cx, cx.me, term);
    }

    pub(super) fn asked(&mut self, cx: &mut Cx, from: ProcessId, term: u64, last: (u64, u64)) {
        if !self.is_looking() {
            return self.answer_looking(cx, from, term, last);
        }
        if term > self.term {
            (self.term, self.vote) = (term, None);
            self.role = Role::Looking { willing: Vec::new(), granted: Vec::new() };
        }
        let free = self.vote.is_none_or(|vote| vote == from.slot);
        if term == self.term && free && last >= self.last() {
            self.vote = Some(from.slot);
            self.enqueue(cx, Job::Vote { term, candidate: from });
            // It has the better claim for a while.
            self.wait_to_ask(cx, LATER_DELAY * 2);
        }
    }

    pub(super) fn granted(&mut self, cx: &mut Cx, from: ProcessId, term: u64) {
        let most = self.majority();
        let Role::Looking { granted, .. } = &mut self.role else { return };
        if term != self.term || self.vote != Some(cx.me.slot) || granted.contains(&from.slot) {
            return;
        }
        granted.push(from.slot);
        if granted.len() >= most {
            self.lead(cx);
        }
    }

    fn lead(&mut self, cx: &mut Cx) {
        cx.cancel(TimerKey::new(ELECTION_TIMER, 0));
        let term = self.term;
        self.role = Role::Leading(Leading { first: self.last().1 + 1, ..Leading::default() });
        for other in self.others(cx) {
            Self::tell(cx, other, Peer::Lead { term });
        }
        cx.timer(TimerKey::new(GATHER_TIMER, 0), self.config.tick * i64::from(SYNC_LIMIT));
        self.append(cx, Entry { term, origin: cx.me.slot, txn: Txn::Nothing });
    }

    /// Somebody leads in this term.
    pub(super) fn led(&mut self, cx: &mut Cx, term: u64, leader: ProcessId) {
        let known = matches!(&self.role, Role::Following { leader: known, .. } if *known == leader);
        let behind = term < self.term || term == self.term && (known || !self.is_looking());
        if behind || leader.slot == cx.me.slot {
            return;
        }
        self.look(cx);
        cx.cancel(TimerKey::new(ELECTION_TIMER, 0));
        if term > self.term {
            (self.term, self.vote) = (term, None);
        }
        self.role = Role::Following { leader, sync_to: None, serving: false };
        let (peer, every) = (leader, self.config.tick * i64::from(SYNC_LIMIT));
        cx.outbox.push(Effect::Watch { peer, every, misses: 1, mode: WatchMode::Listen });
        Self::tell(cx, leader, Peer::Join { term });
    }

    /// Another server is gone, or the way to it.
    pub(super) fn server_left(&mut self, cx: &mut Cx, slot: u32) {
        match &mut self.role {
            Role::Looking { .. } => {}
            Role::Following { leader, .. } if leader.slot == slot => self.look(cx),
            Role::Following { .. } => {}
            Role::Leading(leading) => {
                let before = leading.followers.len();
                leading.followers.retain(|(id, _)| id.slot != slot);
                if leading.followers.len() < before {
                    Self::unwatch(cx, slot);
                    self.release_all(cx, slot);
                    self.need_majority(cx);
                }
            }
        }
    }

    /// A leader without a majority stops.
    pub(super) fn need_majority(&mut self, cx: &mut Cx) {
        if let Role::Leading(leading) = &self.role
            && leading.followers.len() + 1 < self.majority()
        {
            self.look(cx);
        }
    }

    /// The connections to all clients are closed.
    fn dismiss_clients(&mut self, cx: &mut Cx) {
        for (slot, attached) in std::mem::take(&mut self.clients) {
            Self::unwatch(cx, slot);
            if attached.open {
                Self::tell_client(cx, attached.client, Packet::Closed);
            }
        }
        self.arriving.clear();
        self.node_watches.clear();
        self.child_watches.clear();
    }
}
