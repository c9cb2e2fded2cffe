//! Host ports of one instance out of an offer (`PortsMatcher.scala`).

use crate::base::dice::SiteKey;
use crate::marathon::model::app::{HostPort, RunSpec};
use crate::mesos::resource::Ranges;
use smallvec::SmallVec;

/// Host ports in the order of `RunSpec::ports`; 0 where none is needed.
pub type Ports = SmallVec<[u16; 2]>;

/// Draws of one offer's port sequence.
#[derive(Clone, Copy, Debug)]
pub struct PortDice {
    pub key: SiteKey,
    pub entity: u64,
    pub stage: u64,
}

/// The ports offered in the order in which they are given out: ranges shuffled, then upwards from
/// a start drawn over all of them, around the end.
struct Sequence {
    ranges: SmallVec<[(u64, u64); 4]>,
    total: u64,
    next: u64,
    given: u64,
}

impl Sequence {
    fn new(offered: &Ranges, dice: PortDice) -> Self {
        let mut ranges: SmallVec<[(u64, u64); 4]> = offered.iter().collect();
        let draw = |n: u64| dice.key.draw(dice.entity, dice.stage << 32 | n);
        for i in 0..ranges.len().saturating_sub(1) {
            let j = i + draw(i as u64).below((ranges.len() - i) as u64) as usize;
            ranges.swap(i, j);
        }
        let total = offered.count();
        let next = if total == 0 { 0 } else { draw(0xffff_ffff).below(total) };
        Self { ranges, total, next, given: 0 }
    }
}

impl Iterator for Sequence {
    type Item = u16;
    fn next(&mut self) -> Option<u16> {
        if self.given == self.total {
            return None;
        }
        let mut at = self.next % self.total;
        self.next += 1;
        self.given += 1;
        for (begin, end) in &self.ranges {
            let len = end - begin + 1;
            if at < len {
                return u16::try_from(begin + at).ok();
            }
            at -= len;
        }
        None
    }
}

/// Ports for one instance; `None` if the offer has not what it needs.
#[must_use]
pub fn choose(spec: &RunSpec, offered: &Ranges, dice: PortDice) -> Option<Ports> {
    let is_fixed = |port: u16| spec.ports.iter().any(|need| need.host == HostPort::Fixed(port));
    let mut sequence = None;
    let mut chosen = Ports::new();
    for need in &spec.ports {
        let port = match need.host {
            HostPort::None => 0,
            HostPort::Fixed(port) => {
                let wanted = u64::from(port);
                offered.iter().any(|(begin, end)| begin <= wanted && wanted <= end).then_some(port)?
            }
            HostPort::Dynamic => {
                let sequence = sequence.get_or_insert_with(|| Sequence::new(offered, dice));
                sequence.find(|port| *port != 0 && !is_fixed(*port))?
            }
        };
        chosen.push(port);
    }
    Some(chosen)
}

/// The same as a resource.
#[must_use]
pub fn ranges(ports: &[u16]) -> Ranges {
    Ranges::new(ports.iter().filter(|p| **p != 0).map(|p| (u64::from(*p), u64::from(*p))))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::base::dice::{Dice, Site};
    use crate::marathon::model::app::PortNeed;

    fn dice(entity: u64) -> PortDice {
        PortDice { key: Dice::new(1).key(Site::new("marathon-ports")), entity, stage: 0 }
    }

    fn spec(hosts: &[HostPort]) -> RunSpec {
        let need = |host: &HostPort| PortNeed { name: None, service_port: 0, host: *host };
        RunSpec { ports: hosts.iter().map(need).collect(), ..testing::spec("/a", 1) }
    }

    #[test]
    fn dynamic_ports_are_consecutive_and_wrap() {
        let offered = Ranges::new([(100, 102), (200, 201)]);
        let all = spec(&[HostPort::Dynamic; 5]);
        let mut starts = std::collections::BTreeSet::new();
        for entity in 0..50 {
            let mut got: Vec<u16> = choose(&all, &offered, dice(entity)).unwrap().to_vec();
            starts.insert(got[0]);
            got.sort_unstable();
            assert_eq!(got, [100, 101, 102, 200, 201], "each once");
        }
        assert_eq!(starts.len(), 5, "any of them comes first");
        assert_eq!(choose(&spec(&[HostPort::Dynamic; 6]), &offered, dice(0)), None);
    }

    #[test]
    fn fixed_ports_must_be_offered_and_are_not_drawn() {
        let offered = Ranges::new([(80, 81)]);
        let mixed = spec(&[HostPort::Dynamic, HostPort::Fixed(80), HostPort::None]);
        for entity in 0..20 {
            assert_eq!(choose(&mixed, &offered, dice(entity)).unwrap().to_vec(), [81, 80, 0]);
        }
        assert_eq!(choose(&spec(&[HostPort::Fixed(82)]), &offered, dice(0)), None);
        assert_eq!(ranges(&[81, 80, 0]), Ranges::new([(80, 81)]));
    }
}
