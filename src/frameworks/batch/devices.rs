//! Shared GPU devices, packed by the framework itself: Mesos has no fractions of a GPU, so a host
//! says in its attributes how many devices it has and the framework keeps the books.

use crate::base::id::{AgentId, Names, Symbol, TaskId};
use crate::base::map::Map;
use crate::job::DeviceDemand;
use crate::mesos::message::AgentInfo;
use smallvec::SmallVec;

/// Thousandths of one device.
const WHOLE: u32 = 1000;

#[derive(Clone, Debug, Default)]
struct Host {
    model: Option<Symbol>,
    /// Thousandths in use, by device.
    used: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Devices {
    hosts: Map<AgentId, Host>,
    /// What each live task holds: agent, devices, thousandths of each.
    held: Map<TaskId, (AgentId, SmallVec<[u16; 8]>, u32)>,
    /// Tasks of an earlier life, on agents that were not described in this one.
    remembered: Vec<(AgentId, TaskId, DeviceDemand)>,
    /// Thousandths of devices in use on all hosts, and how many of them were last told.
    in_use: u64,
    told: u64,
}

impl Devices {
    pub(super) fn describe(&mut self, names: &Names, agent: AgentId, info: &AgentInfo) {
        if info.devices == 0 {
            return;
        }
        let model = info.attributes.iter().find(|(name, _)| names.text(*name) == "model").map(|(_, value)| *value);
        let host = self.hosts.entry(agent).or_default();
        host.model = model;
        host.used.resize(info.devices as usize, 0);
        let (here, others) = std::mem::take(&mut self.remembered).into_iter().partition(|(on, ..)| *on == agent);
        self.remembered = others;
        let here: Vec<_> = here;
        for (_, task, demand) in here {
            self.take(names, agent, task, &demand);
        }
    }

    /// A task of an earlier life: its devices are booked when its agent has been described.
    pub(super) fn remember(&mut self, agent: AgentId, task: TaskId, demand: &DeviceDemand) {
        self.remembered.push((agent, task, demand.clone()));
    }

    /// Devices of the agent for the demand, or `None`. Whole devices come first in order; a share
    /// goes to the fullest device that still has room, so that whole ones stay free.
    fn find(&self, names: &Names, agent: AgentId, demand: &DeviceDemand) -> Option<SmallVec<[u16; 8]>> {
        let host = self.hosts.get(&agent)?;
        if !demand.models.is_empty() {
            let model = names.text(host.model?);
            if !demand.models.iter().any(|m| m == model) {
                return None;
            }
        }
        let share = demand.count == 1 && demand.milli < WHOLE;
        let devices = host.used.iter().enumerate();
        if share {
            let fits = devices.filter(|(_, used)| **used + demand.milli <= WHOLE);
            let (best, _) = fits.max_by_key(|&(i, used)| (*used, std::cmp::Reverse(i)))?;
            return Some(SmallVec::from_slice(&[best as u16]));
        }
        let free: SmallVec<[u16; 8]> =
            devices.filter(|(_, used)| **used == 0).map(|(i, _)| i as u16).take(demand.count as usize).collect();
        (free.len() == demand.count as usize).then_some(free)
    }

    pub(super) fn fits(&self, names: &Names, agent: AgentId, demand: &DeviceDemand) -> bool {
        self.find(names, agent, demand).is_some()
    }

    /// Books devices for a task; they must fit.
    pub(super) fn take(&mut self, names: &Names, agent: AgentId, task: TaskId, demand: &DeviceDemand) {
        let Some(devices) = self.find(names, agent, demand) else { return };
        let milli = if demand.count == 1 { demand.milli } else { WHOLE };
        let host = &mut self.hosts[&agent];
        for &device in &devices {
            host.used[device as usize] += milli;
        }
        self.in_use += u64::from(milli) * devices.len() as u64;
        self.held.insert(task, (agent, devices, milli));
    }

    /// Thousandths in use, if that has changed since it was last asked.
    pub(super) fn changed(&mut self) -> Option<u64> {
        (std::mem::replace(&mut self.told, self.in_use) != self.in_use).then_some(self.in_use)
    }

    pub(super) fn release(&mut self, task: TaskId) {
        self.remembered.retain(|(_, other, _)| *other != task);
        if self.held.is_empty() {
            return;
        }
        if let Some((agent, devices, milli)) = self.held.swap_remove(&task) {
            self.in_use -= u64::from(milli) * devices.len() as u64;
            for device in devices {
                self.hosts[&agent].used[device as usize] -= milli;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::JobId;

    #[test]
    fn shares_fill_devices_before_whole_ones_are_broken() {
        let mut names = Names::default();
        let (model, t4) = (names.intern("model"), names.intern("T4"));
        let agent = AgentId { master: Symbol(0), n: 0 };
        let info = AgentInfo {
            hostname: t4,
            total: Default::default(),
            attributes: vec![(model, t4)],
            devices: 2,
            address: 0,
        };
        let mut devices = Devices::default();
        devices.describe(&names, agent, &info);
        let demand = |count, milli, models: &[&str]| DeviceDemand {
            count,
            milli,
            models: models.iter().map(ToString::to_string).collect(),
        };
        let task = |n| TaskId { template: JobId(0), n };
        assert!(!devices.fits(&names, agent, &demand(1, 500, &["V100"])));
        devices.take(&names, agent, task(0), &demand(1, 500, &["T4"]));
        devices.take(&names, agent, task(1), &demand(1, 400, &[]));
        assert!(devices.fits(&names, agent, &demand(1, 1000, &[])), "both shares are on one device");
        assert!(!devices.fits(&names, agent, &demand(2, 1000, &[])));
        assert_eq!((devices.changed(), devices.changed()), (Some(900), None));
        devices.take(&names, agent, task(2), &demand(1, 1000, &[]));
        assert_eq!(devices.changed(), Some(1_900));
        devices.release(task(2));
        devices.release(task(0));
        devices.release(task(1));
        assert!(devices.fits(&names, agent, &demand(2, 1000, &[])));
        assert_eq!(devices.changed(), Some(0));
    }
}
