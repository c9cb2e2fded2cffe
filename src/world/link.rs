//! The network: connections between processes.
//!
//! Per ordered pair messages arrive in order or not at all. A connection has an epoch; when either
//! process stops, or a cut has swallowed something, the epoch moves on and nothing of the old one
//! arrives. Latency is drawn by the number of the message on its connection and direction, so
//! that no other traffic shifts it.
//!
//! Trouble on the way (bursts of latency or of lost packets) makes messages late, never absent: the
//! connections are TCP, and a lost packet is sent again after a time-out that doubles from 200 ms.

use crate::actor::ProcessId;
use crate::base::dice::{Dice, Site, SiteKey};
use crate::base::map::Lookup;
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use smallvec::SmallVec;

const LATENCY: Site = Site::new("network-latency");
const LOSS: Site = Site::new("network-loss");
/// Time-out before a lost packet is sent again; it doubles with each loss.
const RETRANSMIT: Span = Span::from_millis(200);
const MOST_RETRANSMITS: u64 = 10;

/// Linux gives a connection up after fifteen repetitions of something that was not acknowledged
/// (`tcp_retries2`).
pub(super) const GIVES_UP: Span = Span::from_millis(924_600);

/// Connections of a process that are searched one by one.
const AT_HAND: usize = 4;

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
    /// Somebody repeats something to an end that is no more, and will give up in this epoch.
    pub(super) repeats: bool,
    sent: [u64; 2],
    last: [Time; 2],
}

#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) latency: Distribution,
    key: SiteKey,
    loss: SiteKey,
    pub(super) links: Vec<Link>,
    index: Lookup<(u32, u32), u32>,
    /// Connections of each slot.
    of: Vec<SmallVec<[u32; 2]>>,
    /// On whose machine a slot is, if it is not a machine of its own.
    lodgings: Lookup<u32, u32>,
    cuts: Vec<Cut>,
    troubles: Vec<Trouble>,
    /// Troubles that made a message late since somebody asked.
    pub(super) bitten: SmallVec<[u32; 2]>,
}

/// Messages from these slots to those are late.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// Number of the fault.
    pub(super) id: u32,
    pub(super) from: Slots,
    pub(super) to: Slots,
    pub(super) extra: Span,
    /// Packets lost, in a million.
    pub(super) loss_ppm: u32,
    /// Only answers to heartbeats: the process itself is slow, not its network.
    pub(super) beats_only: bool,
}

/// A set of slots.
#[derive(Clone, Debug)]
pub(super) enum Slots {
    All,
    Marked(Vec<bool>),
}

impl Slots {
    pub(super) fn of(slots: &[u32]) -> Self {
        let most = slots.iter().max().map_or(0, |&m| m as usize + 1);
        let mut marks = vec![false; most];
        slots.iter().for_each(|&s| marks[s as usize] = true);
        Self::Marked(marks)
    }
    fn has(&self, slot: u32) -> bool {
        match self {
            Self::All => true,
            Self::Marked(marks) => marks.get(slot as usize).copied().unwrap_or(false),
        }
    }
}

/// Messages from these slots to those are swallowed.
#[derive(Clone, Debug)]
struct Cut {
    id: u32,
    from: Slots,
    to: Slots,
}

impl Network {
    pub(super) fn new(latency: Distribution, dice: &mut Dice) -> Self {
        let (key, loss) = (dice.key(LATENCY), dice.key(LOSS));
        Self {
            latency,
            key,
            loss,
            links: Vec::new(),
            index: Lookup::default(),
            of: Vec::new(),
            lodgings: Lookup::default(),
            cuts: Vec::new(),
            troubles: Vec::new(),
            bitten: SmallVec::new(),
        }
    }

    /// The connection between two slots and the direction of `from` in it.
    pub(super) fn find(&mut self, from: u32, to: u32) -> (u32, usize) {
        // Most processes talk to few others; those connections are at hand.
        let links = |end: u32| self.of.get(end as usize).map_or(&[][..], |links| links);
        let (of_from, of_to) = (links(from), links(to));
        let fewer = if of_from.len() < of_to.len() { of_from } else { of_to };
        for &near in fewer.iter().take(AT_HAND) {
            let link = &self.links[near as usize];
            if link.a == from && link.b == to {
                return (near, 0);
            }
            if link.b == from && link.a == to {
                return (near, 1);
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
            repeats: false,
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
        let late = if self.troubles.is_empty() { Span::ZERO } else { self.late(link, direction) };
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
        let at = (now + wait + late).max(link.last[direction]);
        link.last[direction] = at;
        at
    }

    /// Latency of heartbeat `n` between two slots, in a class of its own, without trouble.
    pub(super) fn beat_latency(&self, from: u32, to: u32, n: u64) -> Span {
        let entity = u64::from(from) << 32 | u64::from(to);
        self.latency.sample(self.key.draw(entity, 1 << 63 | n))
    }

    // ---- whose machine ----

    /// The process in this slot is on that machine: what strikes the machine strikes it.
    pub(super) fn lodge(&mut self, slot: u32, machine: u32) {
        self.lodgings.insert(slot, machine);
    }

    pub(super) fn move_out(&mut self, slot: u32) {
        self.lodgings.remove(&slot);
    }

    /// Whether what strikes these two groups strikes what goes from one slot to the other.
    fn strikes(&self, from_group: &Slots, to_group: &Slots, from: u32, to: u32) -> bool {
        let is_in = |group: &Slots, slot: u32| {
            group.has(slot) || self.lodgings.get(&slot).is_some_and(|machine| group.has(*machine))
        };
        is_in(from_group, from) && is_in(to_group, to)
    }

    // ---- trouble ----

    pub(super) fn trouble(&mut self, trouble: Trouble) {
        self.troubles.push(trouble);
    }

    pub(super) fn end_trouble(&mut self, id: u32) {
        self.troubles.retain(|t| t.id != id);
    }

    /// The first trouble for heartbeats from one slot to the other.
    pub(super) fn trouble_between(&self, from: u32, to: u32) -> Option<u32> {
        self.troubles.iter().find(|t| self.strikes(&t.from, &t.to, from, to)).map(|t| t.id)
    }

    /// How late trouble makes heartbeat `n`.
    pub(super) fn beat_late(&self, from: u32, to: u32, n: u64) -> Span {
        if self.troubles.is_empty() {
            return Span::ZERO;
        }
        let entity = u64::from(from) << 32 | u64::from(to);
        let troubles = self.troubles.iter().filter(|t| self.strikes(&t.from, &t.to, from, to));
        troubles.fold(Span::ZERO, |sum, t| sum + t.delay(self.loss, entity, 1 << 58 | n))
    }

    /// How late trouble makes the next message of a direction.
    #[cold]
    fn late(&mut self, link: u32, direction: usize) -> Span {
        let link = &self.links[link as usize];
        let ((from, to), n) = (link.ends(direction), link.sent[direction]);
        let entity = u64::from(from) << 32 | u64::from(to);
        let mut sum = Span::ZERO;
        let mut bitten = std::mem::take(&mut self.bitten);
        for trouble in self.troubles.iter().filter(|t| !t.beats_only && self.strikes(&t.from, &t.to, from, to)) {
            let late = trouble.delay(self.loss, entity, n);
            if late > Span::ZERO {
                bitten.push(trouble.id);
                sum += late;
            }
        }
        self.bitten = bitten;
        sum
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

    /// A connection of this epoch is given up; whether it was still there.
    pub(super) fn gives_up(&mut self, link: u32, epoch: u32) -> bool {
        let link = &mut self.links[link as usize];
        link.epoch == epoch && link.renew()
    }

    // ---- cuts ----

    pub(super) fn cut(&mut self, id: u32, from: &[u32], to: &[u32]) {
        self.cuts.push(Cut { id, from: Slots::of(from), to: Slots::of(to) });
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
        self.cuts.iter().find(|c| self.strikes(&c.from, &c.to, from, to)).map(|c| c.id)
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

impl Trouble {
    /// How late message `n` of a direction is: the extra latency, and the time-outs of its packets
    /// that were lost.
    fn delay(&self, loss: SiteKey, entity: u64, n: u64) -> Span {
        let mut late = self.extra;
        let mut wait = RETRANSMIT;
        for k in 0..MOST_RETRANSMITS {
            if self.loss_ppm == 0 || !loss.draw(entity, n << 4 | k).chance_ppm(self.loss_ppm) {
                break;
            }
            late += wait;
            wait = wait * 2;
        }
        late
    }
}

impl Link {
    /// A new epoch; says whether the old one was open.
    fn renew(&mut self) -> bool {
        self.epoch += 1;
        self.linked = [false; 2];
        self.damaged = false;
        self.repeats = false;
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
