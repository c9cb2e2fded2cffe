//! Which new instances are healthy and ready: both are needed to count (`ReadinessBehavior`).

use super::super::probe::{Probe, Purpose};
use super::super::{Marathon, timer};
use crate::actor::{Cx, TimerKey};
use crate::base::id::Symbol;
use crate::base::map::Map;
use crate::fact::Condition;
use crate::marathon::model::instance::InstanceId;
use crate::marathon::rest::view::ReadinessResult;
use std::collections::BTreeSet;

#[derive(Clone, Default, Debug)]
pub(super) struct Gate {
    pub(super) healthy: BTreeSet<InstanceId>,
    pub(super) ready: BTreeSet<InstanceId>,
    /// Last results of readiness checks.
    pub(super) results: Map<InstanceId, (bool, u16)>,
}

impl Gate {
    /// Health is known to be good; `ready`: nobody asks for readiness. Says whether the instance
    /// has just become both. Later ill health takes nothing back.
    pub(super) fn is_healthy(&mut self, id: InstanceId, ready: bool) -> bool {
        let new = self.healthy.insert(id);
        let new_ready = ready && self.ready.insert(id);
        (new || new_ready) && self.ready.contains(&id)
    }
    pub(super) fn is_ready(&mut self, id: InstanceId) -> bool {
        self.ready.insert(id) && self.healthy.contains(&id)
    }
    /// The instance's task has ended.
    pub(super) fn leaves(&mut self, id: InstanceId) {
        self.healthy.remove(&id);
        self.ready.remove(&id);
        self.results.swap_remove(&id);
    }
    /// Exactly so many are healthy, and so many ready.
    pub(super) fn has(&self, count: u32) -> bool {
        self.healthy.len() == count as usize && self.ready.len() == count as usize
    }
}

impl Marathon {
    pub(super) fn begin_readiness(&mut self, cx: &mut Cx, app: Symbol, id: InstanceId) {
        let action = self.deployments.actions.get_mut(&app);
        let done = action.and_then(|action| action.stage.gate()).is_none_or(|gate| gate.ready.contains(&id));
        if !done {
            self.ask_readiness(cx, u64::from(id.0.0));
        }
    }

    /// `number`: of the instance's symbol.
    pub(in super::super) fn ask_readiness(&mut self, cx: &mut Cx, number: u64) {
        let id = InstanceId(Symbol(number as u32));
        let Some(instance) = self.tracker.get(id) else { return };
        let Some(app) = self.tracker.app_of(id) else { return };
        let Some(action) = self.deployments.actions.get(&app) else { return };
        let current = action.spec.versions.version == instance.spec.versions.version;
        let Some(check) = action.spec.readiness_checks.first().filter(|_| current) else { return };
        if instance.state.condition == Condition::Running {
            let timeout = check.timeout;
            self.probe(cx, id, Purpose::Readiness, timeout);
        }
    }

    pub(in super::super) fn readiness_answered(&mut self, cx: &mut Cx, probe: Probe, status: Option<u16>) {
        let id = probe.id;
        let Some(app) = self.tracker.app_of(id) else { return };
        if self.tracker.get(id).is_none_or(|instance| instance.incarnation != probe.incarnation) {
            return;
        }
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        let Some(check) = action.spec.readiness_checks.first().cloned() else { return };
        let Some(gate) = action.stage.gate() else { return };
        // Nobody answered in time: as a gateway would say.
        let code = status.unwrap_or(504);
        let ready = check.ready_codes.contains(&code);
        gate.results.insert(id, (ready, code));
        if !ready {
            cx.timer(TimerKey::new(timer::READINESS, u64::from(id.0.0)), check.interval);
        } else if gate.is_ready(id) {
            self.passed_gate(cx, app);
        }
    }

    /// Results so far of all actions of a deployment.
    pub(in super::super) fn readiness_results(
        &self,
        deployment: Symbol,
        name: &dyn Fn(Symbol) -> String,
    ) -> Vec<ReadinessResult> {
        let mut all = Vec::new();
        for action in self.deployments.actions.values().filter(|action| action.deployment == deployment) {
            let Some(check) = action.spec.readiness_checks.first() else { continue };
            let mut stage = action.stage.clone();
            for (id, (ready, code)) in stage.gate().map(|gate| gate.results.clone()).unwrap_or_default() {
                let task = self.tracker.get(id).and_then(|instance| instance.tasks.first());
                all.push(ReadinessResult {
                    spec: action.spec.id.clone(),
                    name: check.name.clone(),
                    task: task.map_or_else(String::new, |task| name(Symbol(task.id.n))),
                    ready,
                    last_response: check.preserve_last_response.then(|| (code, String::new())),
                });
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_counts_when_it_is_both() {
        let (a, b) = (InstanceId(Symbol(1)), InstanceId(Symbol(2)));
        let mut gate = Gate::default();
        assert!(gate.is_healthy(a, true) && !gate.is_healthy(a, true));
        assert!(!gate.is_healthy(b, false) && gate.is_ready(b) && !gate.is_ready(b));
        assert!(gate.has(2));
        gate.leaves(a);
        assert!(gate.has(1) && !gate.has(2));
    }
}
