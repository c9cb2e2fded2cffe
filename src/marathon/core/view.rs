//! What the API is lent of the state machine.

use super::limiter::ConfigKey;
use super::{Marathon, Phase};
use crate::actor::Cx;
use crate::base::id::{FrameworkId, Names, Symbol};
use crate::base::time::Time;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::instance::{Instance, InstanceId, Task};
use crate::marathon::model::path::PathId;
use crate::marathon::model::version::Version;
use crate::marathon::rest::view::{HealthRecord, Metric, QueueItem, Running, TaskFailure, View};
use std::sync::Arc;

pub(super) struct Lent<'a> {
    marathon: &'a Marathon,
    names: &'a Names,
    wall: Time,
    now: Time,
}

impl Marathon {
    pub(super) fn lend<'a>(&'a self, cx: &'a Cx) -> Lent<'a> {
        Lent { marathon: self, names: cx.names, wall: cx.wall, now: cx.now }
    }

    /// No election: there is nobody else.
    pub(super) fn is_alone(&self) -> bool {
        self.flags.store == super::flags::Store::Memory
    }
}

impl Lent<'_> {
    fn app(&self, path: &PathId) -> Option<Symbol> {
        self.names.find(path.as_str())
    }
}

impl View for Lent<'_> {
    fn wall(&self) -> Time {
        self.wall
    }
    fn names(&self) -> &Names {
        self.names
    }
    fn flags(&self) -> &Flags {
        &self.marathon.flags.definitions
    }
    fn root(&self) -> &Arc<Group> {
        &self.marathon.root
    }

    fn instances(&self, spec: &PathId) -> Vec<&Instance> {
        let Some(app) = self.app(spec) else { return Vec::new() };
        self.marathon.tracker.of_app(app).map(|instance| &**instance).collect()
    }
    fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.marathon.tracker.get(id).map(|instance| &**instance)
    }
    fn specs_with_instances(&self) -> Vec<PathId> {
        let mut all: Vec<PathId> = self.marathon.tracker.apps().map(|(_, app)| app.id.clone()).collect();
        all.sort();
        all
    }
    fn health(&self, instance: InstanceId) -> Vec<HealthRecord> {
        self.marathon.health_records(instance)
    }
    fn last_failure(&self, spec: &PathId) -> Option<TaskFailure> {
        self.marathon.failures.get(spec).cloned()
    }
    fn task_name(&self, _: &Instance, task: &Task) -> String {
        self.names.text(Symbol(task.id.n)).to_owned()
    }

    fn deployments(&self) -> Vec<Running> {
        let name = |symbol: Symbol| self.names.text(symbol).to_owned();
        let running = self.marathon.deployments.running().map(|(plan, step)| Running {
            plan: plan.clone(),
            step,
            readiness: self.marathon.readiness_results(plan.id, &name),
        });
        running.collect()
    }
    fn queue(&self) -> Vec<QueueItem> {
        let mut items = Vec::new();
        for (app, entry) in &self.marathon.launch.entries {
            let Some(known) = self.marathon.tracker.app(*app) else { continue };
            let Some((changed, ids)) = known.scheduled.iter().next_back() else { continue };
            let stored = ids.first().and_then(|id| self.marathon.tracker.get(*id)).map(|instance| &instance.spec);
            let Some(spec) = self.marathon.spec(&known.id).or(stored) else { continue };
            let deadline = self.marathon.limiter.deadline(ConfigKey { app: *app, changed: *changed });
            items.push(QueueItem {
                spec: spec.clone(),
                count: known.waiting() as u32,
                since: entry.since,
                // Backoff is kept on the monotonic clock.
                delayed_until: deadline.map(|deadline| self.wall + (deadline - self.now)),
                offers: entry.offers.clone(),
            });
        }
        items
    }

    fn versions(&self, spec: &PathId) -> Vec<Version> {
        self.marathon.groups.versions(spec)
    }
    fn spec_at(&self, spec: &PathId, version: Version) -> Option<Arc<RunSpec>> {
        self.marathon.groups.spec_at(spec, version)
    }
    fn group_versions(&self) -> Vec<Version> {
        self.marathon.groups.root_versions()
    }
    fn root_at(&self, version: Version) -> Option<Arc<Group>> {
        self.marathon.groups.root_at(version)
    }

    fn is_leader(&self) -> bool {
        self.marathon.phase == Phase::Leading
    }
    fn leader(&self) -> Option<String> {
        let own = &self.marathon.flags.definitions;
        self.is_leader().then(|| format!("{}:{}", own.hostname, own.http_port))
    }
    fn callbacks(&self) -> Option<Vec<String>> {
        let marathon = &self.marathon;
        let urls = || marathon.callbacks.urls.iter().map(|url| url.to_string()).collect();
        marathon.flags.event_subscriber.then(urls)
    }
    fn framework_id(&self) -> Option<FrameworkId> {
        self.marathon.driver.id
    }
    fn metrics(&self) -> Vec<(&'static str, Metric)> {
        let m = self.marathon;
        let gauge = |n: usize| Metric::Gauge(n as f64);
        let specs = m.root.all_specs();
        let pods = specs.values().filter(|spec| spec.pod().is_some()).count();
        vec![
            ("marathon.apps.active.gauge", gauge(specs.len() - pods)),
            ("marathon.pods.active.gauge", gauge(pods)),
            ("marathon.deployments.active.gauge", gauge(m.deployments.len())),
            ("marathon.instances.running.gauge", gauge(m.tracker.running() as usize)),
            ("marathon.instances.staged.gauge", gauge(m.tracker.coming_up.len())),
            ("marathon.instances.inflight-kills.gauge", gauge(m.kills_in_flight())),
            ("marathon.mesos.offers.incoming.counter", Metric::Counter(m.launch.offers_seen)),
        ]
    }
}
