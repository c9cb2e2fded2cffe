//! What an operation does to an instance (`InstanceUpdater.scala`, `TaskUpdater.scala`): a pure
//! function from the instance as it is stored to what is to be stored.

use super::flags::Quirks;
use crate::base::time::{Span, Time};
use crate::fact::{Condition, Goal};
use crate::marathon::model::app::{RunSpec, Unreachable};
use crate::marathon::model::instance::{Instance, Place, Reservation, ReservationState, State, Task, is_terminal};
use crate::mesos::task_state::{Reason, TaskState};
use std::sync::Arc;

/// What may happen to an instance.
#[derive(Clone, PartialEq, Debug)]
pub enum Operation {
    /// A new instance, to be launched.
    Schedule(Arc<Instance>),
    /// A stopped instance with a reservation is wanted again, with this definition.
    Reschedule(Arc<RunSpec>),
    /// A launch was decided.
    Provision {
        place: Place,
        /// One, or of a pod one for each container.
        tasks: Vec<Task>,
    },
    /// Resources are to be reserved for it, and volumes made.
    Reserve {
        place: Place,
        reservation: Reservation,
    },
    /// What it held is given back.
    Unreserve,
    /// The launch could not be sent.
    Revert(Arc<Instance>),
    /// Mesos says so of one of its tasks.
    Status(Status),
    ChangeGoal(Goal),
    ForceExpunge,
    ReservationTimeout,
}

/// The part of a status update that counts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Status {
    pub task: crate::base::id::TaskId,
    pub state: TaskState,
    pub reason: Reason,
    pub healthy: Option<bool>,
    /// For `Unreachable`: since when.
    pub at: Time,
}

/// What comes of it.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    Noop,
    Update(Arc<Instance>),
    /// Forget it; this was its last state.
    Expunge(Arc<Instance>),
    /// The operation makes no sense in this state.
    Fail,
}

/// 14.2 of the notes.
#[must_use]
pub fn condition_of(state: TaskState, reason: Reason) -> Condition {
    match state {
        TaskState::Staging => Condition::Staging,
        TaskState::Starting => Condition::Starting,
        TaskState::Running => Condition::Running,
        TaskState::Killing => Condition::Killing,
        TaskState::Unreachable => Condition::Unreachable,
        TaskState::Unknown => Condition::Unknown,
        TaskState::Finished => Condition::Finished,
        TaskState::Failed => Condition::Failed,
        TaskState::Killed => Condition::Killed,
        TaskState::Error => Condition::Error,
        TaskState::Dropped => Condition::Dropped,
        TaskState::Gone | TaskState::GoneByOperator => Condition::Gone,
        TaskState::Lost => match reason {
            Reason::Reconciliation | Reason::AgentDisconnected | Reason::AgentRemoved => Condition::Unreachable,
            _ => Condition::Gone,
        },
    }
}

/// Order in which the condition of one task decides that of the instance.
const DECISIVE: [Condition; 13] = [
    Condition::Error,
    Condition::Failed,
    Condition::Gone,
    Condition::Dropped,
    Condition::Unreachable,
    Condition::Killing,
    Condition::Starting,
    Condition::Staging,
    Condition::Unknown,
    Condition::Provisioned,
    Condition::Running,
    Condition::Finished,
    Condition::Killed,
];

fn elapsed(since: Time, limit: Span, now: Time) -> bool {
    now - since >= limit
}

/// The condition of an instance with these tasks.
#[must_use]
pub fn aggregate(tasks: &[Task], strategy: Unreachable, now: Time) -> Condition {
    let found = DECISIVE.iter().copied().find(|c| tasks.iter().any(|task| task.condition == *c));
    match (found, strategy) {
        (Some(Condition::Unreachable), Unreachable::Enabled { inactive_after, .. }) => {
            let gone = |task: &Task| {
                task.condition == Condition::Unreachable
                    && task.unreachable_since.is_some_and(|since| elapsed(since, inactive_after, now))
            };
            if tasks.iter().any(gone) { Condition::UnreachableInactive } else { Condition::Unreachable }
        }
        (Some(condition), _) => condition,
        (None, _) => Condition::Unknown,
    }
}

fn healthy(tasks: &[Task]) -> Option<bool> {
    let mut so_far = None;
    for task in tasks {
        match (task.condition, task.healthy) {
            (Condition::Running, Some(false)) => return Some(false),
            (Condition::Running, Some(true)) => so_far = Some(true),
            (Condition::Running | Condition::Finished, _) => {}
            _ => return None,
        }
    }
    so_far
}

/// The instance's state after its tasks changed. It stays as it is unless condition or health did.
fn state_after(old: &State, tasks: &[Task], strategy: Unreachable, now: Time) -> State {
    let (condition, healthy) = (aggregate(tasks, strategy, now), healthy(tasks));
    if (condition, healthy) == (old.condition, old.healthy) {
        return *old;
    }
    let active_since = tasks.iter().filter_map(|task| task.started_at).min();
    State { condition, since: now, active_since, healthy, goal: old.goal }
}

/// The task after a status; `None` if that says nothing new.
fn task_after(task: &Task, status: &Status) -> Option<Task> {
    let condition = condition_of(status.state, status.reason);
    // The first terminal update is the last word.
    if is_terminal(task.condition) {
        return None;
    }
    let mut next = Task { mesos: Some(status.state), condition, healthy: status.healthy, ..task.clone() };
    match condition {
        Condition::Unreachable => {
            next.unreachable_since = task.unreachable_since.or(Some(status.at));
            next.healthy = task.healthy;
        }
        _ => next.unreachable_since = None,
    }
    if condition == Condition::Running && task.started_at.is_none() {
        next.started_at = Some(status.at);
    }
    if condition == Condition::Running && task.condition == Condition::Running && status.healthy.is_none() {
        // A repeated RUNNING without a word on health does not take back an earlier one.
        next.healthy = task.healthy;
    }
    let moved = (next.condition, next.healthy) != (task.condition, task.healthy);
    moved.then_some(next)
}

fn may_change(from: Goal, to: Goal) -> bool {
    from == to || from != Goal::Decommissioned
}

fn settled(next: Instance) -> Effect {
    let over = next.has_no_live_task() && next.state.goal == Goal::Decommissioned && next.reservation.is_none();
    if over { Effect::Expunge(Arc::new(next)) } else { Effect::Update(Arc::new(next)) }
}

/// Carries an operation out on an instance (`None`: it is not known).
#[must_use]
pub fn apply(instance: Option<&Arc<Instance>>, operation: &Operation, now: Time, _quirks: Quirks) -> Effect {
    let old = match (instance, operation) {
        (None, Operation::Schedule(new)) => return Effect::Update(new.clone()),
        (None, Operation::ForceExpunge | Operation::ReservationTimeout | Operation::Unreserve) => return Effect::Noop,
        (None, _) | (Some(_), Operation::Schedule(_)) => return Effect::Fail,
        (Some(old), _) => old,
    };
    match operation {
        Operation::Schedule(_) => Effect::Fail,
        Operation::Reschedule(spec) => {
            let ours = old.reservation.is_some() && old.has_no_live_task() && old.state.goal == Goal::Stopped;
            if !ours {
                return Effect::Fail;
            }
            let state = State {
                condition: Condition::Scheduled,
                since: now,
                active_since: None,
                healthy: None,
                goal: Goal::Running,
            };
            Effect::Update(Arc::new(Instance { state, spec: spec.clone(), ..(**old).clone() }))
        }
        Operation::Provision { place, tasks } => {
            if !old.is_scheduled() {
                return Effect::Fail;
            }
            let state = State {
                condition: Condition::Provisioned,
                since: now,
                active_since: None,
                healthy: None,
                goal: old.state.goal,
            };
            let reservation = old.reservation.clone().map(|r| Reservation { state: ReservationState::Launched, ..r });
            Effect::Update(Arc::new(Instance {
                id: old.id,
                spec: old.spec.clone(),
                place: Some(place.clone()),
                state,
                tasks: tasks.clone(),
                reservation,
                incarnation: old.incarnation + 1,
            }))
        }
        Operation::Reserve { place, reservation } => {
            if !old.is_scheduled() || old.reservation.is_some() {
                return Effect::Fail;
            }
            let (place, reservation) = (Some(place.clone()), Some(reservation.clone()));
            Effect::Update(Arc::new(Instance { place, reservation, ..(**old).clone() }))
        }
        Operation::Unreserve => {
            if old.is_to_be_freed() {
                Effect::Expunge(old.clone())
            } else {
                Effect::Fail
            }
        }
        Operation::Revert(before) => {
            let goal = old.state.goal;
            let state = State { goal, ..before.state };
            settled(Instance { state, ..(**before).clone() })
        }
        Operation::Status(status) => on_status(old, status, now),
        Operation::ChangeGoal(goal) => {
            if !may_change(old.state.goal, *goal) {
                return Effect::Fail;
            }
            if old.state.goal == *goal {
                return Effect::Noop;
            }
            settled(Instance { state: State { goal: *goal, ..old.state }, ..(**old).clone() })
        }
        Operation::ForceExpunge | Operation::ReservationTimeout => {
            let state = State { condition: Condition::Killed, since: now, ..old.state };
            Effect::Expunge(Arc::new(Instance { state, ..(**old).clone() }))
        }
    }
}

fn on_status(old: &Arc<Instance>, status: &Status, now: Time) -> Effect {
    let Some(at) = old.tasks.iter().position(|task| task.id == status.task) else { return Effect::Noop };
    let strategy = old.spec.unreachable;
    let changed = task_after(&old.tasks[at], status);
    let mut tasks = old.tasks.clone();
    match changed {
        Some(task) => tasks[at] = task,
        // A further word on an unreachable task is the only occasion to find it gone for too long.
        None if old.tasks[at].condition == Condition::Unreachable => {}
        None => return Effect::Noop,
    }
    let state = state_after(&old.state, &tasks, strategy, now);
    if tasks == old.tasks && state == old.state {
        return Effect::Noop;
    }
    let mut next = Instance { state, tasks, ..(**old).clone() };
    if let Unreachable::Enabled { expunge_after, .. } = strategy
        && matches!(next.state.condition, Condition::Unreachable | Condition::UnreachableInactive)
        && next.tasks.iter().any(|t| t.unreachable_since.is_some_and(|since| elapsed(since, expunge_after, now)))
    {
        return Effect::Expunge(Arc::new(next));
    }
    if let Some(reservation) = &mut next.reservation
        && next.tasks.iter().all(|task| is_terminal(task.condition))
    {
        if status.state == TaskState::GoneByOperator {
            // The agent is gone for good, with its disks: begin anew elsewhere.
            next.reservation = None;
            next.place = None;
            next.state.condition = Condition::Scheduled;
        } else {
            reservation.state = ReservationState::Suspended;
        }
    }
    settled(next)
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn now(s: i64) -> Time {
        Time::from_secs(s)
    }

    fn status(state: TaskState, at: i64) -> Operation {
        let task = testing::task_id(1);
        Operation::Status(Status { task, state, reason: Reason::None, healthy: None, at: now(at) })
    }

    fn step(instance: &mut Arc<Instance>, operation: &Operation, at: i64) -> Effect {
        let effect = apply(Some(instance), operation, now(at), Quirks::Real);
        if let Effect::Update(next) = &effect {
            *instance = next.clone();
        }
        effect
    }

    fn provisioned(unreachable: Unreachable) -> Arc<Instance> {
        let spec = RunSpec { unreachable, ..testing::spec("/a", 1) };
        let mut instance = Arc::new(testing::scheduled(1, Arc::new(spec)));
        let operation = Operation::Provision { place: testing::place("h1", &[]), tasks: vec![testing::task(1)] };
        assert!(matches!(step(&mut instance, &operation, 1), Effect::Update(_)));
        instance
    }

    #[test]
    fn a_task_comes_up_and_its_first_end_counts() {
        let mut i = provisioned(Unreachable::Disabled);
        assert_eq!((i.state.condition, i.incarnation), (Condition::Provisioned, 1));
        for (state, condition) in [
            (TaskState::Staging, Condition::Staging),
            (TaskState::Starting, Condition::Starting),
            (TaskState::Running, Condition::Running),
        ] {
            assert!(matches!(step(&mut i, &status(state, 2), 2), Effect::Update(_)));
            assert_eq!(i.state.condition, condition);
        }
        assert_eq!(i.state.active_since, Some(now(2)));
        assert_eq!(step(&mut i, &status(TaskState::Running, 3), 3), Effect::Noop);
        assert!(matches!(step(&mut i, &status(TaskState::Failed, 4), 4), Effect::Update(_)));
        assert!(i.is_scheduled(), "it is to be launched again");
        assert_eq!(step(&mut i, &status(TaskState::Running, 5), 5), Effect::Noop);
        assert_eq!(step(&mut i, &status(TaskState::Killed, 5), 5), Effect::Noop);
    }

    #[test]
    fn goals_end_with_decommissioning() {
        let mut i = provisioned(Unreachable::Disabled);
        assert_eq!(step(&mut i, &Operation::ChangeGoal(Goal::Running), 2), Effect::Noop);
        assert!(matches!(step(&mut i, &Operation::ChangeGoal(Goal::Stopped), 2), Effect::Update(_)));
        assert!(matches!(step(&mut i, &Operation::ChangeGoal(Goal::Decommissioned), 2), Effect::Update(_)));
        assert_eq!(step(&mut i, &Operation::ChangeGoal(Goal::Running), 2), Effect::Fail);
        assert!(matches!(step(&mut i, &status(TaskState::Killed, 3), 3), Effect::Expunge(_)));
        // One that was never launched goes at once.
        let mut fresh = Arc::new(testing::scheduled(2, Arc::new(testing::spec("/a", 1))));
        assert!(matches!(step(&mut fresh, &Operation::ChangeGoal(Goal::Decommissioned), 2), Effect::Expunge(_)));
    }

    /// Section 12 of the notes.
    #[test]
    fn a_reservation_outlives_tasks_and_ends_with_the_instance() {
        let mut i = Arc::new(testing::scheduled(1, Arc::new(testing::spec("/a", 1))));
        let reservation =
            Reservation { volumes: vec!["a#data#1".into()], state: ReservationState::New { deadline: now(21) } };
        let reserve = Operation::Reserve { place: testing::place("h1", &[]), reservation };
        let held = |i: &Instance| i.reservation.as_ref().map(|reservation| reservation.state);
        assert!(matches!(step(&mut i, &reserve, 1), Effect::Update(_)));
        assert!(i.is_scheduled() && i.place.is_some());
        assert_eq!(step(&mut i, &reserve, 2), Effect::Fail, "once is enough");
        let provision = Operation::Provision { place: testing::place("h1", &[]), tasks: vec![testing::task(1)] };
        step(&mut i, &provision, 3);
        assert_eq!(held(&i), Some(ReservationState::Launched));
        step(&mut i, &status(TaskState::Failed, 4), 4);
        assert_eq!((held(&i), i.is_scheduled()), (Some(ReservationState::Suspended), true));
        // Scaled away, wanted again, and at last deleted.
        step(&mut i, &Operation::ChangeGoal(Goal::Stopped), 5);
        step(&mut i, &Operation::Reschedule(Arc::new(testing::spec("/a", 2))), 6);
        assert_eq!((i.state.condition, i.state.goal, i.spec.instances), (Condition::Scheduled, Goal::Running, 2));
        assert_eq!(step(&mut i, &Operation::Unreserve, 7), Effect::Fail, "it is wanted");
        step(&mut i, &provision, 7);
        assert!(matches!(step(&mut i, &Operation::ChangeGoal(Goal::Decommissioned), 8), Effect::Update(_)));
        assert!(!i.is_to_be_freed());
        assert!(matches!(step(&mut i, &status(TaskState::Killed, 9), 9), Effect::Update(_)));
        assert!(i.is_to_be_freed());
        assert!(matches!(step(&mut i, &Operation::Unreserve, 10), Effect::Expunge(_)));
    }

    #[test]
    fn with_its_agent_a_reservation_is_gone() {
        let mut i = provisioned(Unreachable::Disabled);
        let reservation = Reservation { volumes: Vec::new(), state: ReservationState::Launched };
        i = Arc::new(Instance { reservation: Some(reservation), ..(*i).clone() });
        step(&mut i, &status(TaskState::Unreachable, 2), 2);
        assert_eq!(i.state.condition, Condition::Unreachable, "for ever, if need be");
        step(&mut i, &status(TaskState::GoneByOperator, 3), 3);
        assert_eq!((&i.reservation, &i.place, i.state.condition), (&None, &None, Condition::Scheduled));
    }

    /// 16 and 25.7, 25.8 of the notes.
    #[test]
    fn unreachable_instances_follow_their_strategy() {
        let limits =
            |i, e| Unreachable::Enabled { inactive_after: Span::from_secs(i), expunge_after: Span::from_secs(e) };
        let lost = status(TaskState::Unreachable, 10);
        let mut at_once = provisioned(limits(0, 0));
        assert!(matches!(step(&mut at_once, &lost, 10), Effect::Expunge(_)));
        let mut inactive = provisioned(limits(0, 60));
        step(&mut inactive, &lost, 10);
        assert_eq!(inactive.state.condition, Condition::UnreachableInactive);
        let mut patient = provisioned(limits(300, 600));
        step(&mut patient, &lost, 10);
        assert_eq!(patient.state.condition, Condition::Unreachable);
        assert_eq!(step(&mut patient, &lost, 200), Effect::Noop);
        // Only a further word finds it out.
        step(&mut patient, &lost, 310);
        assert_eq!(patient.state.condition, Condition::UnreachableInactive);
        step(&mut patient, &status(TaskState::Running, 320), 320);
        assert_eq!(patient.state.condition, Condition::Running);
        assert_eq!(patient.tasks[0].unreachable_since, None);
        let mut forever = provisioned(Unreachable::Disabled);
        step(&mut forever, &lost, 10);
        assert_eq!(step(&mut forever, &lost, 100_000), Effect::Noop);
        assert_eq!(forever.state.condition, Condition::Unreachable);
    }

    #[test]
    fn health_flags_of_statuses_change_the_instance() {
        let mut i = provisioned(Unreachable::Disabled);
        step(&mut i, &status(TaskState::Running, 2), 2);
        let task = testing::task_id(1);
        let say = |healthy| {
            let (state, reason) = (TaskState::Running, Reason::None);
            Operation::Status(Status { task, state, reason, healthy, at: now(3) })
        };
        step(&mut i, &say(Some(true)), 3);
        assert_eq!(i.state.healthy, Some(true));
        assert_eq!(step(&mut i, &say(Some(true)), 4), Effect::Noop);
        assert_eq!(step(&mut i, &say(None), 4), Effect::Noop);
        step(&mut i, &say(Some(false)), 5);
        assert_eq!((i.state.healthy, i.state.since), (Some(false), now(5)));
    }

    #[test]
    fn lost_is_what_its_reason_says() {
        assert_eq!(condition_of(TaskState::Lost, Reason::AgentRemoved), Condition::Unreachable);
        assert_eq!(condition_of(TaskState::Lost, Reason::InvalidOffers), Condition::Gone);
        assert_eq!(condition_of(TaskState::GoneByOperator, Reason::None), Condition::Gone);
    }
}
