//! Maps the ids of the wire to a core's own dense slots.

use crate::base::id::{AgentId, Symbol};
use crate::base::map::Lookup;

/// Slot of each agent id. Ids minted by one master are found by their serial number; ids of
/// earlier masters, which are few after a while, in a map.
#[derive(Clone, Debug, Default)]
pub struct AgentIndex {
    master: Option<Symbol>,
    /// Slot + 1, or 0.
    dense: Vec<u32>,
    rest: Lookup<AgentId, u32>,
}

impl AgentIndex {
    #[inline]
    #[must_use]
    pub fn get(&self, id: AgentId) -> Option<u32> {
        if self.master == Some(id.master) {
            return self.dense.get(id.n as usize)?.checked_sub(1);
        }
        self.rest.get(&id).copied()
    }
    pub fn insert(&mut self, id: AgentId, slot: u32) {
        if *self.master.get_or_insert(id.master) != id.master {
            self.rest.insert(id, slot);
            return;
        }
        let n = id.n as usize;
        if self.dense.len() <= n {
            self.dense.resize(n + 1, 0);
        }
        self.dense[n] = slot + 1;
    }
    pub fn remove(&mut self, id: AgentId) -> Option<u32> {
        if self.master == Some(id.master) {
            return std::mem::take(self.dense.get_mut(id.n as usize)?).checked_sub(1);
        }
        self.rest.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_masters_apart() {
        let mut index = AgentIndex::default();
        let id = |master, n| AgentId { master: Symbol(master), n };
        index.insert(id(1, 5), 0);
        index.insert(id(2, 5), 7);
        assert_eq!((index.get(id(1, 5)), index.get(id(2, 5)), index.get(id(1, 9))), (Some(0), Some(7), None));
        assert_eq!((index.remove(id(1, 5)), index.get(id(1, 5)), index.remove(id(2, 5))), (Some(0), None, Some(7)));
    }
}
