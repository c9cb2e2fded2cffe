//! The recount of Marathons: what each has asked its store to keep, what it has said of its
//! instances and deployments, and for how long nothing has gone wrong in the cluster.
//!
//! It is made of messages and facts alone, never of a Marathon's books. Processes that share a store
//! are one `Fleet`; a Marathon that keeps its state in memory is a fleet of its own, of which no
//! definitions are known. What a leader wrote and could not say any more comes to light when its
//! successor reads the store.

use super::Watched;
use crate::base::id::{JobId, Names, Symbol, TaskId};
use crate::base::map::{Lookup, Map, Set};
use crate::base::time::{Span, Time};
use crate::fact::{At, Condition, Fact, Goal, ProcessKind};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::group::Group;
use crate::marathon::model::instance::{Instance, is_terminal};
use crate::marathon::model::plan::Plan;
use crate::mesos::message::Msg;
use crate::world::Seen;
use crate::zk::wire::{Answer, Data, Request};
use std::sync::Arc;

/// What is known of an instance.
#[derive(Clone, Debug)]
pub struct Known {
    pub app: Symbol,
    pub config: Option<JobId>,
    pub condition: Condition,
    pub goal: Goal,
    /// When it came into this condition.
    pub since: Time,
    /// Of its health checks, in the present leader's term.
    pub healthy: Option<bool>,
    /// As it was last asked to be written, and when.
    pub record: Option<Arc<Instance>>,
    pub asked: Time,
}

impl Known {
    #[must_use]
    pub fn spec(&self) -> Option<&Arc<RunSpec>> {
        self.record.as_ref().map(|record| &record.spec)
    }
    #[must_use]
    pub fn runs(&self) -> bool {
        self.condition == Condition::Running && self.goal == Goal::Running
    }
    /// Nobody can reach it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self.condition, Condition::Unreachable | Condition::UnreachableInactive)
    }
    /// A task of it may run where Mesos can reach it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !is_terminal(self.condition) && !self.is_lost() && self.condition != Condition::Scheduled
    }
}

/// Marathons that share a store.
#[derive(Clone, Default, Debug)]
pub struct Fleet {
    pub instances: Map<Symbol, Known>,
    pub apps: Map<Symbol, Set<Symbol>>,
    /// The tree as it was last asked to be written.
    pub root: Option<Arc<Group>>,
    pub plans: Map<Symbol, Arc<Plan>>,
    /// Deployments that go on, with the step that is under way.
    pub deployments: Map<Symbol, u32>,
    /// The process that last began to serve, and when.
    pub leader: Option<(u32, Time)>,
    /// Records of instances of which nothing has been said yet.
    fresh: Lookup<Symbol, (Arc<Instance>, Time)>,
    /// Plans of deployments that are over; forgotten when the next one begins.
    ended: Vec<Symbol>,
}

impl Fleet {
    /// Instances of an app, in no particular order.
    pub fn of_app(&self, app: Symbol) -> impl Iterator<Item = (Symbol, &Known)> {
        let ids = self.apps.get(&app).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.instances.get(id)?)))
    }
    /// The definition that the tree has of an app.
    #[must_use]
    pub fn spec(&self, names: &Names, app: Symbol) -> Option<&Arc<RunSpec>> {
        let path = crate::marathon::model::path::PathId::absolute(names.text(app));
        self.root.as_ref()?.spec(&path)
    }

    fn forget(&mut self, instance: Symbol) -> Option<Known> {
        let known = self.instances.swap_remove(&instance)?;
        if let Some(ids) = self.apps.get_mut(&known.app) {
            ids.swap_remove(&instance);
        }
        Some(known)
    }

    /// What a new leader found.
    fn read(&mut self, names: &Names, nodes: &[(Arc<str>, Data, u32)], now: Time) {
        let before = std::mem::take(&mut self.instances);
        self.apps.clear();
        self.plans.clear();
        self.fresh.clear();
        self.root = None;
        for (path, data, _) in nodes {
            let Data::Record(record) = data else { continue };
            if let Ok(instance) = record.0.clone().downcast::<Instance>() {
                let id = instance.id.0;
                let Some(app) = names.find(instance.spec.id.as_str()) else { continue };
                let state = instance.state;
                let old = before.get(&id).filter(|old| old.condition == state.condition);
                let since = old.map_or(now.min(state.since), |old| old.since);
                let config = config_of(names, &instance.spec);
                let (condition, goal, healthy) = (state.condition, state.goal, None);
                let (record, asked) = (Some(instance), now);
                let known = Known { app, config, condition, goal, since, healthy, record, asked };
                self.instances.insert(id, known);
                self.apps.entry(app).or_default().insert(id);
            } else if let Ok(plan) = record.0.clone().downcast::<Plan>() {
                self.plans.insert(plan.id, plan);
            } else if path.ends_with("/state/root") {
                self.root = record.0.clone().downcast::<Group>().ok();
            }
        }
    }
}

/// The instance whose fact is being looked at, as it was before.
#[derive(Clone, Debug)]
pub struct Before {
    pub instance: Symbol,
    pub known: Option<Known>,
}

#[derive(Clone, Default, Debug)]
pub struct Marathons {
    fleets: Vec<Fleet>,
    /// Number of a process's fleet, and of the fleet of a store.
    of_slot: Lookup<u32, u32>,
    of_store: Lookup<Arc<str>, u32>,
    before: Option<Before>,
    open_faults: Set<u32>,
    /// When something last went wrong, or was mended.
    trouble: Time,
}

/// The template of a definition's tasks.
#[must_use]
pub fn config_of(names: &Names, spec: &RunSpec) -> Option<JobId> {
    names.find(&format!("{}@{}", spec.id, spec.versions.last_config_change)).map(JobId::service)
}

/// The instance that a task's name names: `<instance>.<container>.<incarnation>`.
#[must_use]
pub fn instance_of(names: &Names, task: TaskId) -> Option<Symbol> {
    names.find(names.text(Symbol(task.n)).rsplitn(3, '.').nth(2)?)
}

/// How many instances an upgrade of an app must leave, and may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    pub least: u32,
    pub most: u32,
}

impl Room {
    /// An app that could not move otherwise may have one more, or, where a volume cannot be had
    /// twice, one less.
    #[must_use]
    pub fn of(spec: &RunSpec) -> Self {
        let (n, strategy) = (f64::from(spec.instances), spec.upgrade);
        let least = libm::ceil(n * strategy.minimum_health_capacity) as u32;
        let most = libm::floor(n * (1.0 + strategy.maximum_over_capacity)) as u32;
        match (least == most && most > 0, spec.is_resident()) {
            (true, true) => Self { least: least - 1, most },
            (true, false) => Self { least, most: most + 1 },
            (false, _) => Self { least, most },
        }
    }
}

/// Whether a fact is about services, leaders, machines or faults: there are few of those beside
/// offers and tasks of jobs.
#[must_use]
pub fn is_of_services(fact: &Fact) -> bool {
    match fact {
        Fact::TaskStarted { task, .. }
        | Fact::TaskEnded { task, .. }
        | Fact::TaskLaunched { task, .. }
        | Fact::TaskReported { task, .. }
        | Fact::TaskTerminal { task, .. } => task.template.is_service(),
        Fact::JobSubmitted { .. }
        | Fact::JobOffered { .. }
        | Fact::JobEnded { .. }
        | Fact::JobUnplaceable { .. }
        | Fact::AllocationRun { .. }
        | Fact::Offered { .. }
        | Fact::OffersEnded { .. }
        | Fact::DevicesUsed { .. } => false,
        _ => true,
    }
}

impl Marathons {
    pub const MESSAGES: &[&str] = &["store", "stored"];

    /// What it reads of these.
    #[must_use]
    pub fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        from == ProcessKind::Marathon
            && match msg {
                Msg::Store { request, .. } => sent && request.is_write(),
                Msg::Stored { answer, .. } => !sent && matches!(**answer, Answer::Tree(_)),
                _ => false,
            }
    }

    /// The fleet of a process.
    #[must_use]
    pub fn fleet(&self, slot: u32) -> Option<&Fleet> {
        self.fleets.get(*self.of_slot.get(&slot)? as usize)
    }
    /// The number of a process's fleet.
    #[must_use]
    pub fn number(&self, slot: u32) -> Option<u32> {
        self.of_slot.get(&slot).copied()
    }
    #[must_use]
    pub fn fleets(&self) -> &[Fleet] {
        &self.fleets
    }
    /// The instance of the fact that is being looked at, as it was before that fact.
    #[must_use]
    pub fn before(&self) -> Option<&Before> {
        self.before.as_ref()
    }
    /// Nothing has gone wrong and nothing was mended for so long.
    #[must_use]
    pub fn calm(&self, now: Time) -> Span {
        if self.open_faults.is_empty() { now - self.trouble } else { Span::ZERO }
    }

    fn fleet_mut(&mut self, slot: u32) -> &mut Fleet {
        let new = self.fleets.len() as u32;
        let number = *self.of_slot.get_or_insert_with(slot, || new);
        if number == new {
            self.fleets.push(Fleet::default());
        }
        &mut self.fleets[number as usize]
    }

    pub(super) fn message(&mut self, world: &dyn Watched, seen: &Seen) {
        if seen.sender != ProcessKind::Marathon {
            return;
        }
        let slot = seen.from.slot;
        match &seen.msg {
            Msg::Store { request, .. } => match &**request {
                Request::Create { path, data: Data::Record(record), .. }
                | Request::Set { path, data: Data::Record(record), .. } => {
                    let value = record.0.clone();
                    let fleet = self.fleet_mut(slot);
                    if let Ok(instance) = value.clone().downcast::<Instance>() {
                        if let Some(known) = fleet.instances.get_mut(&instance.id.0) {
                            (known.record, known.asked) = (Some(instance), seen.at);
                        } else {
                            fleet.fresh.insert(instance.id.0, (instance, seen.at));
                        }
                    } else if let Ok(plan) = value.clone().downcast::<Plan>() {
                        fleet.plans.insert(plan.id, plan);
                    } else if path.ends_with("/state/root") {
                        fleet.root = value.downcast::<Group>().ok();
                    }
                }
                // The folder of the tree is made, or found to be there, as a term begins.
                Request::Create { path, .. } if path.ends_with("/state/root") => {
                    let store: Arc<str> = path.trim_end_matches("/root").into();
                    match self.of_store.get(&store).copied() {
                        Some(number) => {
                            self.of_slot.insert(slot, number);
                        }
                        None => {
                            self.fleet_mut(slot);
                            let number = self.of_slot.get(&slot).copied().unwrap_or_default();
                            self.of_store.insert(store, number);
                        }
                    }
                }
                _ => {}
            },
            Msg::Stored { answer, .. } => {
                if let Answer::Tree(nodes) = &**answer {
                    self.fleet_mut(slot).read(world.names(), nodes, seen.at);
                }
            }
            _ => {}
        }
    }

    pub(super) fn fact(&mut self, fact: &At<Fact>) {
        let at = fact.at;
        self.before = None;
        match fact.what {
            Fact::InstanceChanged { app, instance, config, condition, goal, .. } => {
                let fleet = self.fleet_mut(fact.by);
                let known = if condition == Condition::Expunged {
                    fleet.forget(instance)
                } else {
                    let old = fleet.instances.get(&instance).cloned();
                    let same = old.as_ref().filter(|old| old.condition == condition);
                    let since = same.map_or(at, |old| old.since);
                    let (record, asked) = match (&old, fleet.fresh.remove(&instance)) {
                        (Some(old), _) => (old.record.clone(), old.asked),
                        (None, Some((record, asked))) => (Some(record), asked),
                        (None, None) => (None, at),
                    };
                    let healthy = old.as_ref().and_then(|old| old.healthy);
                    let config = Some(config);
                    let new = Known { app, config, condition, goal, since, healthy, record, asked };
                    fleet.instances.insert(instance, new);
                    if old.is_none() {
                        fleet.apps.entry(app).or_default().insert(instance);
                    }
                    old
                };
                self.before = Some(Before { instance, known });
            }
            Fact::InstanceHealth { instance, healthy, .. } => {
                if let Some(known) = self.fleet_mut(fact.by).instances.get_mut(&instance) {
                    known.healthy = healthy;
                }
            }
            Fact::DeploymentBegan { deployment, .. } => {
                let fleet = self.fleet_mut(fact.by);
                for old in std::mem::take(&mut fleet.ended) {
                    fleet.plans.swap_remove(&old);
                }
                fleet.deployments.insert(deployment, 0);
            }
            Fact::DeploymentStep { deployment, step, .. } => {
                self.fleet_mut(fact.by).deployments.insert(deployment, step);
            }
            Fact::DeploymentEnded { deployment, .. } => {
                let fleet = self.fleet_mut(fact.by);
                fleet.deployments.swap_remove(&deployment);
                fleet.ended.push(deployment);
            }
            Fact::LeaderElected { kind: ProcessKind::Marathon, .. } => {
                let fleet = self.fleet_mut(fact.by);
                fleet.deployments.clear();
                fleet.ended.clear();
                fleet.instances.values_mut().for_each(|known| known.healthy = None);
                self.trouble = at;
            }
            Fact::LeaderReady { kind: ProcessKind::Marathon, slot, .. } => {
                self.fleet_mut(fact.by).leader = Some((slot, at));
                self.trouble = at;
            }
            Fact::FaultBegan { fault } => {
                self.open_faults.insert(fault);
            }
            Fact::FaultEnded { fault } => {
                self.open_faults.swap_remove(&fault);
                self.trouble = at;
            }
            Fact::ProcessStopped { slot, kind: ProcessKind::Marathon, .. } => {
                if let Some(number) = self.of_slot.get(&slot) {
                    self.fleets[*number as usize].leader.take_if(|leader| leader.0 == slot);
                }
                self.trouble = at;
            }
            Fact::ProcessStarted { kind, .. } | Fact::ProcessStopped { kind, .. }
                if !matches!(kind, ProcessKind::Framework | ProcessKind::Client) =>
            {
                self.trouble = at;
            }
            Fact::LeaderElected { .. }
            | Fact::LeaderReady { .. }
            | Fact::LeaderLost { .. }
            | Fact::AgentRegistered { .. }
            | Fact::AgentReregistered { .. }
            | Fact::AgentDisconnected { .. }
            | Fact::AgentUnreachable { .. }
            | Fact::AgentRemoved { .. }
            | Fact::FrameworkDisconnected { .. } => self.trouble = at,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::marathon::core::testing::{scheduled, spec};
    use crate::marathon::model::app::{PersistentVolume, UpgradeStrategy};
    use crate::zk::wire::Opaque;

    #[test]
    fn there_is_always_room_to_move() {
        let room = |instances, minimum_health_capacity, maximum_over_capacity, resident: bool| {
            let upgrade = UpgradeStrategy { minimum_health_capacity, maximum_over_capacity };
            let volume = PersistentVolume {
                container_path: "data".into(),
                size: crate::base::quantity::Milli(1),
                disk_type: "root".into(),
                max_size: None,
                profile: None,
                constraints: Vec::new(),
            };
            let volumes = if resident { vec![volume] } else { Vec::new() };
            let Room { least, most } = Room::of(&RunSpec { upgrade, volumes, ..spec("/app", instances) });
            (least, most)
        };
        assert_eq!((room(5, 0.5, 0.0, false), room(5, 0.5, 0.5, true)), ((3, 5), (3, 7)));
        assert_eq!((room(5, 1.0, 0.1, false), room(5, 1.0, 0.1, true)), ((5, 6), (4, 5)));
        assert_eq!((room(0, 1.0, 0.0, false), room(0, 1.0, 0.0, true)), ((0, 0), (0, 0)));
    }

    fn seen(msg: Msg, sent: bool, slot: u32) -> Seen {
        let me = crate::actor::ProcessId { slot, incarnation: 0 };
        let (at, sender, mailbox) = (Time::from_secs(5), ProcessKind::Marathon, crate::actor::Mailbox::MAIN);
        Seen { at, from: me, sender, to: me, mailbox, sent, msg }
    }

    fn say(book: &mut Marathons, at_s: i64, by: u32, what: Fact) {
        book.fact(&At { at: Time::from_secs(at_s), by, what });
    }

    /// Two processes of one store, and what the first could not say any more.
    #[test]
    fn a_successor_finds_what_was_written() {
        let (mut book, mut names) = (Marathons::default(), Names::default());
        for name in ["m", "host", "f", "/app"] {
            names.intern(name);
        }
        let free = Map::default();
        let world = (&names, &free, 0);
        let record = |condition| {
            let mut instance = scheduled(1, Arc::new(spec("/app", 1)));
            instance.state.condition = condition;
            instance
        };
        book.message(&world, &seen(opens_store(), true, 4));
        book.message(&world, &seen(store(1, "instances/host", record(Condition::Scheduled)), true, 4));
        say(&mut book, 6, 4, instance(1, Condition::Scheduled, Goal::Running));
        say(&mut book, 7, 4, instance(2, Condition::Running, Goal::Running));
        let apps = |book: &Marathons, slot| book.fleet(slot).map(|fleet| fleet.of_app(APP).count());
        assert_eq!((apps(&book, 4), apps(&book, 5), book.number(5)), (Some(2), None, None));
        let known = &book.fleet(4).unwrap().instances[&HOST];
        assert_eq!((known.asked, known.since), (Time::from_secs(5), Time::from_secs(6)));
        assert!(book.before().is_some_and(|before| before.known.is_none()));
        book.message(&world, &seen(opens_store(), true, 5));
        let nodes = vec![("i".into(), Data::Record(Opaque::new(record(Condition::Failed))), 1)];
        book.message(&world, &seen(Msg::Stored { token: 9, answer: Arc::new(Answer::Tree(nodes)) }, false, 5));
        let fleet = book.fleet(5).unwrap();
        assert_eq!((apps(&book, 4), fleet.instances[&HOST].condition), (Some(1), Condition::Failed));
        say(&mut book, 8, 5, instance(1, Condition::Expunged, Goal::Running));
        assert_eq!(apps(&book, 4), Some(0));
        assert!(book.before().is_some_and(|before| before.known.is_some()));
    }

    #[test]
    fn calm_begins_when_everything_is_mended() {
        let mut book = Marathons::default();
        let now = Time::from_secs(100);
        say(&mut book, 10, 0, Fact::FaultBegan { fault: 3 });
        assert_eq!(book.calm(now), Span::ZERO);
        say(&mut book, 20, 0, Fact::FaultEnded { fault: 3 });
        assert_eq!(book.calm(now), Span::from_secs(80));
        say(&mut book, 50, 0, serves(0));
        assert_eq!(book.calm(now), Span::from_secs(50));
    }

    #[test]
    fn tasks_of_jobs_are_not_of_services() {
        assert!(!is_of_services(&started(TASK)) && !is_of_services(&launched(TASK)));
        let task = TaskId { template: JobId::service(APP), n: 0 };
        assert!(is_of_services(&started(task)) && is_of_services(&serves(0)) && is_of_services(&registered()));
    }
}
