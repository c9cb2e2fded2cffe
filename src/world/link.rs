//! The network: connections between processes.
//!
//! Per ordered pair messages arrive in order or not at all. A connection has an epoch; when either
//! process stops, or a cut has swallowed something, the epoch moves on and nothing of the old one
//! arrives. Latency is drawn by the number of the message on its connection and direction, so
//! that no other traffic shifts it.

use crate::actor::ProcessId;
use crate::base::dice::{Dice, Site, SiteKey};
use crate::base::map::Lookup;
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use smallvec::SmallVec;

const LATENCY: Site = Site::new("network-latency");

/// The two directions of a connection: from `a` to `b` and back.
pub(super) const FORWARD: usize = 0;

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) epoch: u32,
    /// Something was sent in this epoch: both ends have a connection that can break.
    pub(super) open: bool,
    /// The receiver was told of the connection, by direction.
    pub(super) linked: [bool; 2],
    /// Incarnations of `a` and `b` in this epoch.
    incarnations: [u32; 2],
    /// A message was swallowed by a cut: the connection will be found broken.
    pub(super) damaged: bool,
    sent: [u64; 2],
    last: [Time; 2],
}

#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) latency: Distribution,
    key: SiteKey,
    pub(super) links: Vec<Link>,
    index: Lookup<(u32, u32), u32>,
    /// Connections of each slot.
    of: Vec<SmallVec<[u32; 2]>>,
    cuts: Vec<Cut>,
}

/// Messages from these slots to those are swallowed.
#[derive(Clone, Debug)]
struct Cut {
    id: u32,
    from: Vec<bool>,
    to: Vec<bool>,
}

impl Network {
    pub(super) fn new(latency: Distribution, dice: &mut Dice) -> Self {
        let key = dice.key(LATENCY);
        Self { latency, key, links: Vec::new(), index: Lookup::default(), of: Vec::new(), cuts: Vec::new() }
    }

    /// The connection between two slots and the direction of `from` in it.
    pub(super) fn find(&mut self, from: u32, to: u32) -> (u32, usize) {
        // Most processes talk to one other; its connection is at hand.
        for end in [from, to] {
            if let Some(&first) = self.of.get(end as usize).and_then(|links| links.first()) {
                let link = &self.links[first as usize];
                if link.a == from && link.b == to {
                    return (first, 0);
                }
                if link.b == from && link.a == to {
                    return (first, 1);
                }
            }
        }
        let (a, b) = (from.min(to), from.max(to));
        let direction = usize::from(from != a);
        if let Some(&link) = self.index.get(&(a, b)) {
            return (link, direction);
        }
        let link = self.links.len() as u32;
        self.links.push(Link {
            a,
            b,
            epoch: 0,
            open: false,
            linked: [false; 2],
            incarnations: [0; 2],
            damaged: false,
            sent: [0; 2],
            last: [Time::ZERO; 2],
        });
        self.index.insert((a, b), link);
        let most = from.max(to) as usize;
        if self.of.len() <= most {
            self.of.resize(most + 1, SmallVec::new());
        }
        self.of[a as usize].push(link);
        self.of[b as usize].push(link);
        (link, direction)
    }

    /// When the next message of a direction arrives, in order behind those before it.
    #[inline]
    pub(super) fn arrival(&mut self, link: u32, direction: usize, now: Time, dice: &mut Dice) -> Time {
        let (latency, key) = (self.latency, self.key);
        let link = &mut self.links[link as usize];
        let n = link.sent[direction];
        link.sent[direction] += 1;
        link.open = true;
        let wait = match latency {
            Distribution::Fixed(span) => span,
            drawn => {
                let entity = if direction == FORWARD {
                    u64::from(link.a) << 32 | u64::from(link.b)
                } else {
                    u64::from(link.b) << 32 | u64::from(link.a)
                };
                let draw = if dice.is_hooked() { dice.draw(LATENCY, entity, n) } else { key.draw(entity, n) };
                drawn.sample(draw)
            }
        };
        let at = (now + wait).max(link.last[direction]);
        link.last[direction] = at;
        at
    }

    /// Latency of heartbeat `n` between two slots, in a class of its own.
    pub(super) fn beat_latency(&self, from: u32, to: u32, n: u64) -> Span {
        let entity = u64::from(from) << 32 | u64::from(to);
        self.latency.sample(self.key.draw(entity, 1 << 63 | n))
    }

    /// Breaks all connections of a slot: the other ends of those that were open.
    pub(super) fn break_all(&mut self, slot: u32) -> SmallVec<[u32; 2]> {
        let mut peers = SmallVec::new();
        for &link in self.of.get(slot as usize).into_iter().flatten() {
            let link = &mut self.links[link as usize];
            if link.renew() {
                peers.push(if link.a == slot { link.b } else { link.a });
            }
        }
        peers
    }

    // ---- cuts ----

    pub(super) fn cut(&mut self, id: u32, from: &[u32], to: &[u32]) {
        let mark = |slots: &[u32]| {
            let most = slots.iter().max().map_or(0, |&m| m as usize + 1);
            let mut marks = vec![false; most];
            slots.iter().for_each(|&s| marks[s as usize] = true);
            marks
        };
        self.cuts.push(Cut { id, from: mark(from), to: mark(to) });
    }

    pub(super) fn heal(&mut self, id: u32) {
        self.cuts.retain(|c| c.id != id);
    }

    /// The cut that swallows what goes from one slot to the other, if any.
    #[inline]
    pub(super) fn cut_between(&self, from: u32, to: u32) -> Option<u32> {
        if self.cuts.is_empty() {
            return None;
        }
        let marked = |marks: &[bool], slot: u32| marks.get(slot as usize).copied().unwrap_or(false);
        self.cuts.iter().find(|c| marked(&c.from, from) && marked(&c.to, to)).map(|c| c.id)
    }

    /// Connections damaged by cuts and reachable again: broken now, both ends find out.
    pub(super) fn take_damaged(&mut self) -> Vec<(u32, u32)> {
        let mut broken = Vec::new();
        for i in 0..self.links.len() {
            let (a, b, damaged) = (self.links[i].a, self.links[i].b, self.links[i].damaged);
            if damaged && self.cut_between(a, b).is_none() && self.cut_between(b, a).is_none() {
                self.links[i].renew();
                broken.push((a, b));
            }
        }
        broken
    }
}

impl Link {
    /// A new epoch; says whether the old one was open.
    fn renew(&mut self) -> bool {
        self.epoch += 1;
        self.linked = [false; 2];
        self.damaged = false;
        std::mem::replace(&mut self.open, false)
    }

    /// Both ends, the sender's first.
    pub(super) fn ends(&self, direction: usize) -> (u32, u32) {
        if direction == FORWARD { (self.a, self.b) } else { (self.b, self.a) }
    }

    pub(super) fn connect(&mut self, direction: usize, from: u32, to: u32) {
        self.incarnations = if direction == FORWARD { [from, to] } else { [to, from] };
    }

    /// The processes that this epoch connects, the sender's first.
    pub(super) fn processes(&self, direction: usize) -> (ProcessId, ProcessId) {
        let (a, b) = (process(self.a, self.incarnations[0]), process(self.b, self.incarnations[1]));
        if direction == FORWARD { (a, b) } else { (b, a) }
    }
}

/// A connection's end.
pub(super) fn process(slot: u32, incarnation: u32) -> ProcessId {
    ProcessId { slot, incarnation }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> (Network, Dice) {
        let mut dice = Dice::new(1);
        let latency = Distribution::Uniform { low: Span::from_millis(1), high: Span::from_millis(9) };
        (Network::new(latency, &mut dice), dice)
    }

    #[test]
    fn messages_of_a_pair_never_overtake_each_other() {
        let (mut net, mut dice) = network();
        let (link, direction) = net.find(4, 2);
        assert_eq!((net.find(2, 4), direction), ((link, 0), 1));
        let mut last = Time::ZERO;
        for i in 0..200 {
            let at = net.arrival(link, direction, Time(i * 10_000), &mut dice);
            assert!(at >= last && at >= Time(i * 10_000 + 1_000_000));
            last = at;
        }
    }

    #[test]
    fn other_traffic_shifts_no_latency() {
        let (mut quiet, mut dice) = network();
        let (mut busy, _) = network();
        let (a, b) = (quiet.find(0, 1).0, busy.find(0, 1).0);
        let other = busy.find(0, 2).0;
        for i in 0..50 {
            let now = Time::from_secs(i);
            busy.arrival(other, 0, now, &mut dice);
            busy.arrival(b, 1, now, &mut dice);
            assert_eq!(quiet.arrival(a, 0, now, &mut dice), busy.arrival(b, 0, now, &mut dice));
        }
    }

    #[test]
    fn cuts_have_a_direction() {
        let (mut net, _) = network();
        net.cut(7, &[1, 2], &[3]);
        assert_eq!((net.cut_between(1, 3), net.cut_between(3, 1), net.cut_between(1, 9)), (Some(7), None, None));
        net.heal(7);
        assert_eq!(net.cut_between(1, 3), None);
    }
}
