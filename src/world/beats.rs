//! Heartbeats: pings, their answers, and those who expect them.
//!
//! A watch is defined beat by beat: ping i leaves at start + i * period, takes a latency of its own
//! class, is answered by any live process at the other end, and a period without an answer is a
//! miss. While nothing is abnormal (both ends alive, no cut between them, round trips shorter than
//! a period) no beat can have an effect, so none is made: the watch sleeps, and when something
//! abnormal begins, its state at that instant is computed from the same numbered draws. Eager and
//! elided worlds therefore have the same digest.
//!
//! Beats have a lane of their own: at one instant they come after all ordinary events, ordered by
//! watch.

use super::link::Network;
use crate::actor::{Mailbox, ProcessId, WatchMode};
use crate::base::map::Lookup;
use crate::base::time::{Span, Time};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum What {
    PongArrives(u64),
    PingArrives(u64),
    Tick(u64),
    Deadline,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Entry {
    at: Time,
    watch: u32,
    what: What,
    /// Stale unless equal to the watch's.
    epoch: u32,
}

#[derive(Clone, Debug)]
struct Watch {
    watcher: ProcessId,
    /// Who is told of misses.
    mailbox: Mailbox,
    peer: u32,
    every: Span,
    misses: u32,
    mode: WatchMode,
    start: Time,
    live: bool,
    awake: bool,
    epoch: u32,
    answered: bool,
    missed: u32,
    /// Last ping heard (listeners).
    heard: Time,
}

/// The watches of one slot in order, dead ones among them until they are many: thousands may end
/// one by one.
#[derive(Clone, Debug, Default)]
struct Named {
    ids: SmallVec<[u32; 2]>,
    dead: u32,
}

/// What the world must do after a beat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Nothing,
    Missed {
        watcher: ProcessId,
        mailbox: Mailbox,
        peer: u32,
        misses: u32,
    },
    /// A fault swallowed the beat or made it late.
    Bitten {
        fault: u32,
    },
}

#[derive(Clone, Debug, Default)]
pub(super) struct Beats {
    /// Never sleep; for the test that elision changes nothing.
    pub(super) eager: bool,
    watches: Vec<Watch>,
    index: Lookup<(u32, u32), u32>,
    /// Watches that name a slot, as watcher or as peer.
    of: Vec<Named>,
    lane: BinaryHeap<Reverse<Entry>>,
    /// Beats made, to show that idle ones are not.
    pub(super) made: u64,
}

/// What beats need to know of the world.
pub(super) struct Surroundings<'a> {
    pub(super) now: Time,
    pub(super) network: &'a Network,
    /// By slot.
    pub(super) alive: &'a dyn Fn(u32) -> bool,
}

impl Surroundings<'_> {
    fn is_normal(&self, a: u32, b: u32, every: Span) -> bool {
        (self.alive)(a)
            && (self.alive)(b)
            && self.network.cut_between(a, b).is_none()
            && self.network.cut_between(b, a).is_none()
            && self.network.trouble_between(a, b).is_none()
            && self.network.trouble_between(b, a).is_none()
            && self.network.latency.max().0.saturating_mul(2) < every.0
    }
}

impl Beats {
    pub(super) fn next_time(&self) -> Option<Time> {
        self.lane.peek().map(|e| e.0.at)
    }

    fn note(&mut self, slot: u32, watch: u32) {
        if self.of.len() <= slot as usize {
            self.of.resize(slot as usize + 1, Named::default());
        }
        self.of[slot as usize].ids.push(watch);
    }

    pub(super) fn watch(
        &mut self,
        s: &Surroundings,
        (watcher, mailbox): (ProcessId, Mailbox),
        peer: u32,
        every: Span,
        misses: u32,
        mode: WatchMode,
    ) {
        self.unwatch(s, watcher.slot, peer);
        let watch = Watch {
            watcher,
            mailbox,
            peer,
            every,
            misses,
            mode,
            start: s.now,
            live: true,
            awake: false,
            epoch: 0,
            answered: true,
            missed: 0,
            heard: s.now,
        };
        // Slots of dead watches are not reused: their numbers order the lane.
        let id = self.watches.len() as u32;
        self.watches.push(watch);
        self.index.insert((watcher.slot, peer), id);
        self.note(watcher.slot, id);
        self.note(peer, id);
        // A listener that is awake must hear these pings one by one.
        let heard = mode == WatchMode::Ping && self.listener(id).is_some_and(|l| self.watches[l as usize].awake);
        if self.eager || heard || !self.may_sleep(s, id) {
            self.wake(s, id);
        }
    }

    /// The ping watch whose pings a listener hears.
    fn partner(&self, id: u32) -> Option<u32> {
        let watch = &self.watches[id as usize];
        let other = *self.index.get(&(watch.peer, watch.watcher.slot))?;
        (self.watches[other as usize].mode == WatchMode::Ping).then_some(other)
    }

    fn listener(&self, ping: u32) -> Option<u32> {
        let watch = &self.watches[ping as usize];
        let other = *self.index.get(&(watch.peer, watch.watcher.slot))?;
        (self.watches[other as usize].mode == WatchMode::Listen).then_some(other)
    }

    fn may_sleep(&self, s: &Surroundings, id: u32) -> bool {
        let watch = &self.watches[id as usize];
        match watch.mode {
            WatchMode::Ping => {
                watch.answered && watch.missed == 0 && s.is_normal(watch.watcher.slot, watch.peer, watch.every)
            }
            WatchMode::Listen => self.partner(id).is_some_and(|ping| {
                let ping = &self.watches[ping as usize];
                !ping.awake && s.is_normal(ping.watcher.slot, ping.peer, ping.every)
            }),
        }
    }

    pub(super) fn unwatch(&mut self, s: &Surroundings, watcher: u32, peer: u32) {
        let Some(id) = self.index.get(&(watcher, peer)).copied() else { return };
        // Whoever listens to these pings hears no more of them.
        if self.watches[id as usize].mode == WatchMode::Ping
            && let Some(listener) = self.listener(id)
        {
            self.wake(s, id);
            self.wake(s, listener);
        }
        self.index.remove(&(watcher, peer));
        let watch = &mut self.watches[id as usize];
        watch.live = false;
        watch.epoch += 1;
        for slot in [watcher, peer] {
            let named = &mut self.of[slot as usize];
            named.dead += 1;
            if named.dead as usize * 2 > named.ids.len() {
                named.dead = 0;
                named.ids.retain(|w| self.watches[*w as usize].live);
            }
        }
    }

    fn naming(&self, slot: u32) -> SmallVec<[u32; 2]> {
        self.of.get(slot as usize).map(|named| named.ids.clone()).unwrap_or_default()
    }

    /// Something abnormal begins that touches this slot: its watches are made beat by beat.
    pub(super) fn disturb(&mut self, s: &Surroundings, slot: u32) {
        for id in self.naming(slot) {
            self.wake(s, id);
        }
    }

    /// The process has stopped: its own watches end, those on it go on unanswered.
    pub(super) fn stopped(&mut self, s: &Surroundings, slot: u32) {
        self.disturb(s, slot);
        for id in self.naming(slot) {
            let watch = &self.watches[id as usize];
            if watch.live && watch.watcher.slot == slot {
                let peer = watch.peer;
                self.unwatch(s, slot, peer);
            }
        }
    }

    fn push(&mut self, id: u32, at: Time, what: What) {
        let epoch = self.watches[id as usize].epoch;
        self.lane.push(Reverse(Entry { at, watch: id, what, epoch }));
    }

    /// Arrival of ping i at the peer and of its answer at the watcher.
    fn times(&self, network: &Network, id: u32, i: u64) -> (Time, Time) {
        let watch = &self.watches[id as usize];
        let (from, to) = (watch.watcher.slot, watch.peer);
        // Numbered over the life of the watch's pair of slots: watches differ by their number.
        let n = u64::from(id) << 32 | i;
        let ping = watch.start + watch.every * i as i64 + network.beat_latency(from, to, n);
        (ping, ping + network.beat_latency(to, from, n))
    }

    /// Computes the state of a sleeping watch at this instant and goes on beat by beat.
    fn wake(&mut self, s: &Surroundings, id: u32) {
        let watch = &self.watches[id as usize];
        if watch.awake || !watch.live {
            return;
        }
        if watch.mode == WatchMode::Listen {
            if let Some(ping) = self.partner(id) {
                self.wake(s, ping);
            }
            // `heard` was brought up to date by the partner.
            let watch = &mut self.watches[id as usize];
            watch.awake = true;
            let due = watch.heard + watch.every * i64::from(watch.misses);
            self.push(id, due.max(s.now), What::Deadline);
            return;
        }
        // Beats of this very instant have not happened yet: the lane comes last.
        let passed = (s.now - watch.start).0;
        let next = if passed <= 0 { 0 } else { (passed - 1) / watch.every.0 + 1 } as u64;
        let (start, every) = (watch.start, watch.every);
        let mut answered = true;
        let mut heard = None;
        if let Some(i) = next.checked_sub(1) {
            let (ping, pong) = self.times(s.network, id, i);
            answered = pong < s.now;
            if ping < s.now {
                heard = Some(ping);
                if !answered {
                    self.push(id, pong, What::PongArrives(i));
                }
            } else {
                self.push(id, ping, What::PingArrives(i));
                heard = i.checked_sub(1).map(|i| self.times(s.network, id, i).0);
            }
        }
        let watch = &mut self.watches[id as usize];
        watch.awake = true;
        watch.answered = answered;
        watch.missed = 0;
        self.push(id, start + every * next as i64, What::Tick(next));
        if let (Some(listener), Some(heard)) = (self.listener(id), heard) {
            let watch = &mut self.watches[listener as usize];
            watch.heard = watch.heard.max(heard);
        }
    }

    /// Makes the next beat of the lane.
    pub(super) fn step(&mut self, s: &Surroundings) -> Outcome {
        let Some(Reverse(entry)) = self.lane.pop() else { return Outcome::Nothing };
        let id = entry.watch;
        let watch = &self.watches[id as usize];
        if !watch.live || watch.epoch != entry.epoch {
            return Outcome::Nothing;
        }
        self.made += 1;
        let (from, to, every) = (watch.watcher.slot, watch.peer, watch.every);
        match entry.what {
            What::Tick(i) => {
                let (ping, _) = self.times(s.network, id, i);
                self.push(id, s.now + every, What::Tick(i + 1));
                let watch = &mut self.watches[id as usize];
                let missed = i > 0 && !watch.answered;
                if missed {
                    watch.missed += 1;
                }
                watch.answered = false;
                let (watcher, mailbox, misses) = (watch.watcher, watch.mailbox, watch.missed);
                let cut = s.network.cut_between(from, to);
                if cut.is_none() {
                    let late = s.network.beat_late(from, to, u64::from(id) << 32 | i);
                    self.push(id, ping + late, What::PingArrives(i));
                }
                match (missed, cut.or_else(|| s.network.trouble_between(from, to))) {
                    (true, _) => Outcome::Missed { watcher, mailbox, peer: to, misses },
                    (false, Some(fault)) => Outcome::Bitten { fault },
                    (false, None) => Outcome::Nothing,
                }
            }
            What::PingArrives(i) => {
                if let Some(fault) = s.network.cut_between(from, to) {
                    return Outcome::Bitten { fault };
                }
                if !(s.alive)(to) {
                    return Outcome::Nothing;
                }
                if let Some(listener) = self.listener(id) {
                    self.watches[listener as usize].heard = s.now;
                }
                if let Some(fault) = s.network.cut_between(to, from) {
                    return Outcome::Bitten { fault };
                }
                let n = u64::from(id) << 32 | i;
                let way = s.network.beat_latency(to, from, n) + s.network.beat_late(to, from, n);
                self.push(id, s.now + way, What::PongArrives(i));
                s.network.trouble_between(to, from).map_or(Outcome::Nothing, |fault| Outcome::Bitten { fault })
            }
            What::PongArrives(_) => {
                if let Some(fault) = s.network.cut_between(to, from) {
                    return Outcome::Bitten { fault };
                }
                let watch = &mut self.watches[id as usize];
                watch.answered = true;
                watch.missed = 0;
                if !self.eager && self.may_sleep(s, id) {
                    self.sleep(s, id);
                }
                Outcome::Nothing
            }
            What::Deadline => {
                let watch = &mut self.watches[id as usize];
                let due = watch.heard + watch.every * i64::from(watch.misses);
                if due > s.now {
                    self.push(id, due, What::Deadline);
                    return Outcome::Nothing;
                }
                // Counts anew from here, should the listener go on.
                watch.heard = s.now;
                let (watcher, mailbox, misses) = (watch.watcher, watch.mailbox, watch.misses);
                let next = s.now + watch.every * i64::from(watch.misses);
                self.push(id, next, What::Deadline);
                Outcome::Missed { watcher, mailbox, peer: to, misses }
            }
        }
    }

    fn sleep(&mut self, s: &Surroundings, id: u32) {
        let watch = &mut self.watches[id as usize];
        watch.awake = false;
        watch.epoch += 1;
        if let Some(listener) = self.listener(id)
            && self.watches[listener as usize].awake
            && self.may_sleep(s, listener)
        {
            let listener = &mut self.watches[listener as usize];
            listener.awake = false;
            listener.epoch += 1;
        }
    }
}
