//! Task states, reasons and sources (`include/mesos/v1/mesos.proto`, TaskState and TaskStatus).

/// States of a task. `Unreachable` and `Unknown` are neither running nor terminal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum TaskState {
    Staging,
    Starting,
    Running,
    Killing,
    Unreachable,
    Unknown,
    Finished,
    Failed,
    Killed,
    Error,
    Lost,
    Dropped,
    Gone,
    GoneByOperator,
}

impl TaskState {
    pub const ALL: [Self; 14] = [
        Self::Staging,
        Self::Starting,
        Self::Running,
        Self::Killing,
        Self::Unreachable,
        Self::Unknown,
        Self::Finished,
        Self::Failed,
        Self::Killed,
        Self::Error,
        Self::Lost,
        Self::Dropped,
        Self::Gone,
        Self::GoneByOperator,
    ];
    /// Terminal in the master's bookkeeping (`Lost` counts although such a task may come back).
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self >= Self::Finished
    }
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Staging => "TASK_STAGING",
            Self::Starting => "TASK_STARTING",
            Self::Running => "TASK_RUNNING",
            Self::Killing => "TASK_KILLING",
            Self::Unreachable => "TASK_UNREACHABLE",
            Self::Unknown => "TASK_UNKNOWN",
            Self::Finished => "TASK_FINISHED",
            Self::Failed => "TASK_FAILED",
            Self::Killed => "TASK_KILLED",
            Self::Error => "TASK_ERROR",
            Self::Lost => "TASK_LOST",
            Self::Dropped => "TASK_DROPPED",
            Self::Gone => "TASK_GONE",
            Self::GoneByOperator => "TASK_GONE_BY_OPERATOR",
        }
    }
}

/// Why a status update was made; `None` when upstream leaves the field out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Reason {
    None,
    CommandExecutorFailed,
    ExecutorTerminated,
    FrameworkRemoved,
    InvalidOffers,
    MasterDisconnected,
    Reconciliation,
    AgentDisconnected,
    AgentRemoved,
    AgentReregistered,
    AgentRestarted,
    TaskInvalid,
    TaskKilledDuringLaunch,
    HealthCheckStatusUpdated,
    ResourcesUnknown,
    ExecutorRegistrationTimeout,
    TaskGroupInvalid,
}

impl Reason {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "-",
            Self::CommandExecutorFailed => "REASON_COMMAND_EXECUTOR_FAILED",
            Self::ExecutorTerminated => "REASON_EXECUTOR_TERMINATED",
            Self::FrameworkRemoved => "REASON_FRAMEWORK_REMOVED",
            Self::InvalidOffers => "REASON_INVALID_OFFERS",
            Self::MasterDisconnected => "REASON_MASTER_DISCONNECTED",
            Self::Reconciliation => "REASON_RECONCILIATION",
            Self::AgentDisconnected => "REASON_SLAVE_DISCONNECTED",
            Self::AgentRemoved => "REASON_SLAVE_REMOVED",
            Self::AgentReregistered => "REASON_SLAVE_REREGISTERED",
            Self::AgentRestarted => "REASON_SLAVE_RESTARTED",
            Self::TaskInvalid => "REASON_TASK_INVALID",
            Self::TaskKilledDuringLaunch => "REASON_TASK_KILLED_DURING_LAUNCH",
            Self::HealthCheckStatusUpdated => "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
            Self::ResourcesUnknown => "REASON_RESOURCES_UNKNOWN",
            Self::ExecutorRegistrationTimeout => "REASON_EXECUTOR_REGISTRATION_TIMEOUT",
            Self::TaskGroupInvalid => "REASON_TASK_GROUP_INVALID",
        }
    }
}

/// Who made a status update.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Source {
    Master,
    Agent,
    Executor,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_states_are_those_of_the_protocol() {
        let all = [
            (TaskState::Staging, false),
            (TaskState::Killing, false),
            (TaskState::Unreachable, false),
            (TaskState::Unknown, false),
            (TaskState::Finished, true),
            (TaskState::Lost, true),
            (TaskState::GoneByOperator, true),
        ];
        for (state, terminal) in all {
            assert_eq!(state.is_terminal(), terminal, "{}", state.name());
        }
    }
}
