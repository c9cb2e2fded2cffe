//! The command executor as a sub-machine of the agent (`src/launcher/executor.cpp`).

use crate::actor::Cx;
use crate::base::dice::Site;
use crate::base::sampler::Distribution;
use crate::base::time::Span;
use crate::fact::End;
use crate::mesos::task_state::TaskState;

const STARTUP: Site = Site::new("executor-startup");

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The container is being launched; the task is queued.
    Registering,
    Running,
    /// Running, and a kill was asked for.
    Killing,
    Terminated,
    /// There never was one: stands for a task that only has an update to deliver.
    Absent,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Executor {
    key: u64,
    state: State,
}

/// What a kill means at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kill {
    Ignored,
    /// The task was still queued and is never delivered.
    NeverRan,
    Signal,
}

/// How long the executor takes to register.
pub(super) fn startup(cx: &mut Cx, distribution: Distribution, key: u64) -> Span {
    match distribution {
        Distribution::Fixed(span) => span,
        drawn => {
            let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
            drawn.sample(cx.draw(STARTUP, entity, key))
        }
    }
}

impl Executor {
    pub(super) fn starting(key: u64) -> Self {
        Self { key, state: State::Registering }
    }
    pub(super) fn absent() -> Self {
        Self { key: u64::MAX, state: State::Absent }
    }
    pub(super) fn is_absent(&self) -> bool {
        self.state == State::Absent
    }
    /// Not there yet, and nobody has given it up.
    pub(super) fn is_registering(&self) -> bool {
        self.state == State::Registering
    }
    pub(super) fn key(&self) -> u64 {
        self.key
    }
    pub(super) fn is_killing(&self) -> bool {
        self.state == State::Killing
    }
    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running | State::Killing)
    }
    /// The task is delivered; false if it is too late for that.
    pub(super) fn launch(&mut self) -> bool {
        let queued = self.state == State::Registering;
        if queued {
            self.state = State::Running;
        }
        queued
    }
    pub(super) fn kill(&mut self) -> Kill {
        match self.state {
            State::Registering => {
                self.state = State::Terminated;
                Kill::NeverRan
            }
            State::Running => {
                self.state = State::Killing;
                Kill::Signal
            }
            State::Killing | State::Terminated | State::Absent => Kill::Ignored,
        }
    }
    /// The process ended: KILLED whatever the exit status if a kill was asked for.
    pub(super) fn ended(&mut self, how: End) -> Option<TaskState> {
        let state = match (self.state, how) {
            (State::Killing, _) | (State::Running, End::Killed) => TaskState::Killed,
            (State::Running, End::Finished) => TaskState::Finished,
            (State::Running, End::Failed | End::Lost) => TaskState::Failed,
            (State::Registering | State::Terminated | State::Absent, _) => return None,
        };
        self.state = State::Terminated;
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_decides_the_end_state() {
        let mut e = Executor::starting(1);
        assert!(e.launch() && !e.launch());
        assert_eq!((e.kill(), e.kill()), (Kill::Signal, Kill::Ignored));
        assert_eq!((e.ended(End::Finished), e.ended(End::Finished)), (Some(TaskState::Killed), None));
        let mut queued = Executor::starting(2);
        assert_eq!(queued.kill(), Kill::NeverRan);
        assert!(!queued.launch() && !queued.is_running());
    }
}
