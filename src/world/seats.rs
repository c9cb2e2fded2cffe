//! Who sits where: the slots (network addresses) of a scenario's processes.
//!
//! Slots of one kind are contiguous, and the kinds stand in one order: masters, ZooKeeper servers,
//! Marathons, clients, frameworks, agents. A kind that a scenario does not have takes no slot.

use crate::fact::ProcessKind;
use std::ops::Range;

/// What sits in a slot, and the how-manieth of its kind it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat {
    pub kind: ProcessKind,
    pub index: u32,
}

/// The kinds in the order of their slots.
const ORDER: [ProcessKind; 6] = [
    ProcessKind::Master,
    ProcessKind::Zookeeper,
    ProcessKind::Marathon,
    ProcessKind::Client,
    ProcessKind::Framework,
    ProcessKind::Agent,
];

/// How many processes of each kind there are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Seats {
    pub masters: u32,
    pub zookeepers: u32,
    pub marathons: u32,
    pub clients: u32,
    pub frameworks: u32,
    pub agents: u32,
}

impl Seats {
    fn counts(&self) -> [u32; ORDER.len()] {
        [self.masters, self.zookeepers, self.marathons, self.clients, self.frameworks, self.agents]
    }

    /// Slots of a kind.
    #[must_use]
    pub fn of(&self, kind: ProcessKind) -> Range<u32> {
        let mut first = 0;
        for (this, count) in ORDER.into_iter().zip(self.counts()) {
            if this == kind {
                return first..first + count;
            }
            first += count;
        }
        first..first
    }

    /// The slot of the i-th process of a kind.
    #[must_use]
    pub fn slot(&self, kind: ProcessKind, index: u32) -> u32 {
        self.of(kind).start + index
    }

    /// Who sits in a slot; slots beyond the last are nobody's.
    #[must_use]
    pub fn seat(&self, slot: u32) -> Option<Seat> {
        let mut first = 0;
        for (kind, count) in ORDER.into_iter().zip(self.counts()) {
            if slot < first + count {
                return Some(Seat { kind, index: slot - first });
            }
            first += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_seats_agree() {
        let seats = Seats { masters: 3, zookeepers: 3, marathons: 0, clients: 1, frameworks: 2, agents: 10 };
        let mut slot = 0;
        for (kind, count) in ORDER.into_iter().zip(seats.counts()) {
            assert_eq!(seats.of(kind), slot..slot + count);
            for index in 0..count {
                assert_eq!(seats.slot(kind, index), slot);
                assert_eq!(seats.seat(slot), Some(Seat { kind, index }));
                slot += 1;
            }
        }
        assert_eq!(seats.seat(slot), None);
    }
}
