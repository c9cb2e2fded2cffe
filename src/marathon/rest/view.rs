//! What the API reads: the state machine lends this to `route` and to the makers of answers.
//!
//! Only the leader is asked for more than whether it leads; a standby passes every request on.
//! Instants are wall-clock times of the process.

use crate::base::id::{FrameworkId, Names};
use crate::base::time::Time;
use crate::fact::OfferRefusal;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::instance::{Instance, InstanceId, Task};
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::Plan;
use crate::marathon::model::version::Version;
use crate::mesos::task_state::TaskState;
use std::sync::Arc;

pub trait View {
    fn wall(&self) -> Time;
    fn names(&self) -> &Names;
    fn flags(&self) -> &Flags;
    fn root(&self) -> &Arc<Group>;

    // ---- instances ----
    /// Of one spec, in the tracker's order.
    fn instances(&self, spec: &PathId) -> Vec<&Instance>;
    fn instance(&self, id: InstanceId) -> Option<&Instance>;
    /// All specs that have instances, in order, also those that have left the root.
    fn specs_with_instances(&self) -> Vec<PathId>;
    /// Results of Marathon's own and the executor's checks, one for each check that has any.
    fn health(&self, instance: InstanceId) -> Vec<HealthRecord>;
    fn last_failure(&self, spec: &PathId) -> Option<TaskFailure>;
    /// The id of a task as Mesos knows it.
    fn task_name(&self, instance: &Instance, task: &Task) -> String {
        let at = instance.tasks.iter().position(|own| own == task).unwrap_or_default();
        let container = instance.spec.pod().and_then(|pod| pod.containers.get(at));
        let container = container.map_or("_app", |container| &container.name);
        format!("{}.{container}.{}", self.names().text(instance.id.0), task.id.n)
    }

    // ---- deployments and the launch queue ----
    /// In the order in which they began.
    fn deployments(&self) -> Vec<Running>;
    /// Specs with at least one instance to launch.
    fn queue(&self) -> Vec<QueueItem>;

    // ---- history ----
    /// Stored versions of an app or pod, newest first.
    fn versions(&self, spec: &PathId) -> Vec<Version>;
    fn spec_at(&self, spec: &PathId, version: Version) -> Option<Arc<RunSpec>>;
    /// Stored versions of the root, newest first.
    fn group_versions(&self) -> Vec<Version>;
    fn root_at(&self, version: Version) -> Option<Arc<Group>>;

    // ---- the process ----
    fn is_leader(&self) -> bool;
    /// `host:port` of the leader that this process knows of.
    fn leader(&self) -> Option<String>;
    fn framework_id(&self) -> Option<FrameworkId>;
    /// Where events are posted; `None`: there are no call-back subscriptions.
    fn callbacks(&self) -> Option<Vec<String>>;
    /// By name.
    fn metrics(&self) -> Vec<(&'static str, Metric)>;
}

/// A deployment that is not over.
#[derive(Clone, PartialEq, Debug)]
pub struct Running {
    pub plan: Arc<Plan>,
    /// From 1; 0 before the first.
    pub step: u32,
    pub readiness: Vec<ReadinessResult>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct ReadinessResult {
    pub spec: PathId,
    pub name: String,
    /// As Mesos knows it.
    pub task: String,
    pub ready: bool,
    /// If the check preserves it: status and body.
    pub last_response: Option<(u16, String)>,
}

/// One line of `GET /v2/queue`.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueItem {
    pub spec: Arc<RunSpec>,
    /// Instances left to launch.
    pub count: u32,
    pub since: Time,
    /// Until when launches wait; the past or `None`: they do not.
    pub delayed_until: Option<Time>,
    pub offers: OfferStatistics,
}

/// What became of offers that the spec saw.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OfferStatistics {
    pub processed: u64,
    pub unused: u64,
    pub last_used: Option<Time>,
    pub last_unused: Option<Time>,
    /// Since the queue entry began, each refused offer under its first reason.
    pub refused: Vec<(OfferRefusal, u64)>,
    /// Of each agent the last refusal, newest last.
    pub last_refusals: Vec<LastRefusal>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct LastRefusal {
    pub at: Time,
    /// The offer in its JSON form.
    pub offer: Arc<serde_json::Value>,
    /// All of them; the first in the order of the funnel counts.
    pub reasons: Vec<OfferRefusal>,
}

/// `Health` of one check on one instance.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HealthRecord {
    pub first_success: Option<Time>,
    pub last_success: Option<Time>,
    pub last_failure: Option<Time>,
    pub consecutive_failures: u32,
    pub cause: Option<String>,
}

impl HealthRecord {
    /// The last success is later than the last failure.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.last_success.is_some_and(|good| self.last_failure.is_none_or(|bad| good > bad))
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct TaskFailure {
    pub spec: PathId,
    pub host: String,
    pub message: String,
    pub state: TaskState,
    /// As Mesos knows it.
    pub task: String,
    pub at: Time,
    pub version: Version,
    /// Printed agent id.
    pub agent: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Metric {
    Counter(u64),
    Gauge(f64),
}

/// Finds the instance that a task id names: `<instance id>.<container>.<incarnation>`.
#[must_use]
pub fn instance_of_task(names: &Names, task: &str) -> Option<InstanceId> {
    let mut cut = task.rsplitn(3, '.');
    let incarnation = cut.next()?;
    let (_container, instance) = (cut.next()?, cut.next()?);
    incarnation.parse::<u64>().ok()?;
    names.find(instance).map(InstanceId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_names_its_instance() {
        let mut names = Names::default();
        let id = InstanceId(names.intern("shop_web.instance-1"));
        assert_eq!(instance_of_task(&names, "shop_web.instance-1._app.3"), Some(id));
        assert_eq!(instance_of_task(&names, "shop_web.instance-1._app.x"), None);
        assert_eq!(instance_of_task(&names, "shop_web.instance-2._app.3"), None);
        assert_eq!(instance_of_task(&names, "web"), None);
    }

    #[test]
    fn the_later_of_success_and_failure_decides() {
        let mut record = HealthRecord::default();
        assert!(!record.alive());
        record.last_success = Some(Time(5));
        assert!(record.alive());
        record.last_failure = Some(Time(5));
        assert!(!record.alive());
    }
}
