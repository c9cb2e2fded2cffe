//! What the recorder knows at this instant, for `live`.

use super::{Framework, Recorder};
use crate::record::Count;

impl Recorder {
    pub(in crate::record) fn app_value(&self, hash: u64, part: usize) -> f64 {
        self.apps.value(hash, part)
    }

    pub(in crate::record) fn deployments_now(&self, how: Option<&str>) -> f64 {
        self.apps.deployments(how)
    }

    pub(in crate::record) fn counted(&self, framework: Option<u32>, which: Count) -> u64 {
        framework.map_or(self.counts[which as usize], |f| self.frameworks[f as usize].counts[which as usize])
    }
    pub(in crate::record) fn framework_named(&self, name: &str) -> Option<u32> {
        self.frameworks.iter().position(|f| f.setup.name == name).map(|i| i as u32)
    }
    /// Names known so far; those that came unannounced have none until the end.
    pub(in crate::record) fn framework_names(&self) -> impl Iterator<Item = &str> {
        self.frameworks.iter().map(|f| f.setup.name.as_str()).filter(|name| !name.is_empty())
    }
    pub(in crate::record) fn capacity_now(&self) -> [i64; 4] {
        self.capacity.map(|l| l.value)
    }
    pub(in crate::record) fn offered_now(&self) -> [i64; 4] {
        self.offered.map(|l| l.value)
    }
    pub(in crate::record) fn allocated_now(&self, framework: Option<u32>) -> [i64; 4] {
        let rows = self.frameworks.iter().enumerate();
        let chosen = rows.filter(|(i, _)| framework.is_none_or(|f| f as usize == *i));
        chosen.fold([0; 4], |sum, (_, f)| std::array::from_fn(|k| sum[k] + f.allocated[k].value))
    }
    /// Thousandths of shared devices.
    pub(in crate::record) fn devices_now(&self) -> i64 {
        self.over(None, |f| f.devices.value)
    }
    pub(in crate::record) fn queued_now(&self, framework: Option<u32>) -> i64 {
        self.over(framework, |f| f.queued.value)
    }
    pub(in crate::record) fn running_now(&self, framework: Option<u32>) -> i64 {
        self.over(framework, |f| f.running.value)
    }
    pub(in crate::record) fn agents_now(&self) -> (i64, i64) {
        (self.registered.value, self.connected.value)
    }
    pub(in crate::record) fn waiting_now(&self) -> i64 {
        self.waiting.value
    }
    fn over(&self, framework: Option<u32>, of: impl Fn(&Framework) -> i64) -> i64 {
        match framework {
            Some(f) => of(&self.frameworks[f as usize]),
            None => self.frameworks.iter().map(of).sum(),
        }
    }
}
