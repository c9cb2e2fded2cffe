//! Instances of run specs and their tasks (`Instance.scala`, `Task.scala`).

use super::app::RunSpec;
use super::version::Version;
use crate::base::id::{AgentId, Symbol, TaskId};
use crate::base::time::Time;
use crate::fact::{Condition, Goal};
use crate::mesos::message::AgentInfo;
use crate::mesos::task_state::TaskState;
use std::sync::Arc;

/// Interned text `<safe path>.instance-<uuid>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InstanceId(pub Symbol);

#[derive(Clone, PartialEq, Debug)]
pub struct Instance {
    pub id: InstanceId,
    /// The definition it was (or will be) launched with.
    pub spec: Arc<RunSpec>,
    /// Where it was placed; kept when its task has ended, until it is placed anew.
    pub place: Option<Place>,
    pub state: State,
    /// Of an app none or one; of a pod one for each container.
    pub tasks: Vec<Task>,
    pub reservation: Option<Reservation>,
    /// How often its tasks were launched.
    pub incarnation: u32,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    pub agent: AgentId,
    /// Host, attributes, address as they were at the launch.
    pub info: Arc<AgentInfo>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct State {
    pub condition: Condition,
    pub since: Time,
    pub active_since: Option<Time>,
    /// From health flags in Mesos statuses only.
    pub healthy: Option<bool>,
    pub goal: Goal,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Task {
    /// As Mesos knows it; its text `<instance id>.<container>.<incarnation>` is the name with the
    /// number `id.n`. The container of an app is `_app`.
    pub id: TaskId,
    pub staged_at: Time,
    pub started_at: Option<Time>,
    /// Last state from Mesos; `None` until the first.
    pub mesos: Option<TaskState>,
    pub condition: Condition,
    pub unreachable_since: Option<Time>,
    /// Flag of the last status, set by checks that the executor runs.
    pub healthy: Option<bool>,
    /// In the order of `RunSpec::ports`, or of the container's part of them; 0 where no host port is
    /// used.
    pub host_ports: Vec<u16>,
    /// Version of the run spec it was launched with.
    pub version: Version,
}

/// Of a resident instance.
#[derive(Clone, PartialEq, Debug)]
pub struct Reservation {
    pub volumes: Vec<String>,
    pub state: ReservationState,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ReservationState {
    New { deadline: Time },
    Launched,
    Suspended,
}

/// Whether a condition is terminal.
#[must_use]
pub fn is_terminal(condition: Condition) -> bool {
    use Condition as C;
    matches!(
        condition,
        C::Error | C::Failed | C::Finished | C::Killed | C::Gone | C::Dropped | C::Unknown | C::Expunged
    )
}

/// Whether a condition counts as active.
#[must_use]
pub fn is_active(condition: Condition) -> bool {
    use Condition as C;
    matches!(condition, C::Provisioned | C::Staging | C::Starting | C::Running | C::Killing | C::Unreachable)
}

impl Instance {
    /// To be launched: wanted, and waiting or ended.
    #[must_use]
    pub fn is_scheduled(&self) -> bool {
        self.state.goal == Goal::Running
            && (self.state.condition == Condition::Scheduled || is_terminal(self.state.condition))
    }
    /// It holds a reservation and is not to be launched any more: what it holds is to be given back.
    #[must_use]
    pub fn is_to_be_freed(&self) -> bool {
        self.reservation.is_some() && self.state.goal == Goal::Decommissioned && self.has_no_live_task()
    }
    #[must_use]
    pub fn has_no_live_task(&self) -> bool {
        self.tasks.iter().all(|task| is_terminal(task.condition))
    }
    /// Not wanted, and there is nothing to be killed: it was never launched, and holds a reservation.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state.goal != Goal::Running && self.state.condition == Condition::Scheduled
    }
    /// As deployments and the kill service see it: gone for now, terminal or unreachable.
    #[must_use]
    pub fn is_considered_terminal(&self) -> bool {
        let condition = self.state.condition;
        is_terminal(condition) || matches!(condition, Condition::Unreachable | Condition::UnreachableInactive)
    }
}
