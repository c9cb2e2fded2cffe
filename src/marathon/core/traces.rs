//! Traces of the state machine against a Mesos played by hand (section 25 of the notes).

use super::flags::{Flags, Quirks};
use super::{Marathon, testing};
use crate::actor::{Behaviour, Cx, Effect, Input, ProcessId, TimerKey};
use crate::base::dice::Dice;
use crate::base::id::{AgentId, FrameworkId, Names, OfferId, Symbol, TaskId};
use crate::base::map::Map;
use crate::base::time::{Span, Time};
use crate::fact::{Condition, DeploymentEnd, Fact, Goal};
use crate::job::TaskGroup;
use crate::marathon::model::app::{HealthCheck, HealthKind, RunSpec, UpgradeStrategy};
use crate::marathon::model::group::Group;
use crate::marathon::model::instance::Instance;
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::{Action, Plan};
use crate::marathon::model::version::Version;
use crate::mesos::message::{
    AgentInfo, Allocation, Launch, Msg, OfferBatch, OfferEntry, Operation as Wanted, StatusUpdate,
};
use crate::mesos::resource::Resources;
use crate::mesos::task_state::{Reason, Source, TaskState};
use serde_json::{Value, json};
use std::sync::Arc;

const MASTER: ProcessId = ProcessId { slot: 0, incarnation: 0 };
const ME: ProcessId = ProcessId { slot: 1, incarnation: 0 };

struct Play {
    marathon: Marathon,
    now: Time,
    dice: Dice,
    names: Names,
    timers: Map<TimerKey, (Time, u64)>,
    serial: u64,
    /// Messages to the master, and to agents (probes).
    sent: Vec<Msg>,
    probes: Vec<(u64, TaskId)>,
    facts: Vec<Fact>,
    /// Tasks that were launched, in order, and their agents.
    launched: Vec<(TaskId, AgentId)>,
    offers: u64,
    agents: u32,
}

impl Play {
    /// A leader that is subscribed.
    fn new(agents: u32, change: impl FnOnce(&mut Flags)) -> Self {
        let mut names = Names::default();
        let (name, role) = (names.intern("marathon"), names.intern("*"));
        let mut flags = Flags::new(name, role, Arc::default());
        change(&mut flags);
        let mut play = Self {
            marathon: Marathon::new(Arc::new(flags), Arc::default()),
            now: Time::ZERO,
            dice: Dice::new(1),
            names,
            timers: Map::default(),
            serial: 0,
            sent: Vec::new(),
            probes: Vec::new(),
            facts: Vec::new(),
            launched: Vec::new(),
            offers: 0,
            agents,
        };
        play.input(Input::Start { disk: Arc::new([]) });
        play.message(MASTER, Msg::Detected { leader: Some(MASTER) });
        play.until(3);
        let framework = play.framework();
        play.mesos(Msg::Subscribed { framework });
        play.until(30);
        play
    }

    fn framework(&mut self) -> FrameworkId {
        FrameworkId(self.names.intern("m-0000"))
    }

    fn act(&mut self, act: impl FnOnce(&mut Marathon, &mut Cx)) {
        let mut outbox = Vec::new();
        let mut cx = Cx {
            now: self.now,
            wall: self.now,
            me: ME,
            dice: &mut self.dice,
            names: &mut self.names,
            behaviour: &Behaviour::default(),
            outbox: &mut outbox,
            detailed: false,
        };
        act(&mut self.marathon, &mut cx);
        for effect in outbox {
            match effect {
                Effect::Send { msg: Msg::Probe { task, token, .. }, .. } => self.probes.push((token, task)),
                Effect::Send { to, msg } => {
                    assert_eq!(to, MASTER);
                    self.note_launches(&msg);
                    self.sent.push(msg);
                }
                Effect::Timer { key, after } => {
                    self.serial += 1;
                    self.timers.insert(key, (self.now + after, self.serial));
                }
                Effect::Cancel { key } => {
                    self.timers.swap_remove(&key);
                }
                Effect::Fact(fact) => self.facts.push(fact),
                _ => {}
            }
        }
    }

    fn note_launches(&mut self, msg: &Msg) {
        let agent = |offer: &OfferId| AgentId { master: Symbol(0), n: (offer.n() % u64::from(self.agents)) as u32 };
        match msg {
            Msg::Accept { offer, launches, .. } => {
                let tasks = launches.as_slice().iter().flat_map(Launch::tasks);
                self.launched.extend(tasks.map(|task| (task, agent(offer))));
            }
            Msg::AcceptBulk(acceptance) => {
                let agent = agent(&acceptance.offers[0]);
                self.launched.extend(acceptance.tasks().map(|task| (task, agent)));
            }
            _ => {}
        }
    }

    fn input(&mut self, input: Input) {
        self.act(|marathon, cx| marathon.handle(cx, input));
    }
    fn message(&mut self, from: ProcessId, msg: Msg) {
        self.input(Input::Message { from, msg });
    }
    fn mesos(&mut self, msg: Msg) {
        self.message(MASTER, msg);
    }

    /// Lets time pass up to this second.
    fn until(&mut self, s: i64) {
        let end = Time::from_secs(s);
        while let Some((key, at)) =
            self.timers.iter().min_by_key(|(_, due)| **due).map(|(key, due)| (*key, due.0)).filter(|(_, at)| *at <= end)
        {
            self.timers.swap_remove(&key);
            self.now = at;
            self.input(Input::Timer { key });
        }
        self.now = end;
    }

    /// One offer of each agent.
    fn offer(&mut self, resources: &str) {
        let framework = self.framework();
        let role = self.names.intern("*");
        let resources = Resources::parse(resources).unwrap();
        let agent = |n| AgentId { master: Symbol(0), n };
        let info = |names: &mut Names, n: u32| {
            let hostname = names.intern(&format!("host-{n}"));
            let attributes = vec![(names.intern("rack"), names.intern(&format!("r{}", n % 2)))];
            Arc::new(AgentInfo { hostname, total: resources.clone(), attributes, devices: 0, address: 100 + n })
        };
        let described = (0..self.agents).map(|n| (agent(n), info(&mut self.names, n))).collect();
        let entry = |n| OfferEntry { agent: agent(n), resources: resources.clone() };
        let allocation = Arc::new(Allocation::new(framework, role, (0..self.agents).map(entry).collect()));
        let first = OfferId::new(Symbol(0), self.offers);
        self.offers += u64::from(self.agents);
        self.mesos(Msg::Offers(Arc::new(OfferBatch { first, allocation, described })));
    }

    fn status(&mut self, index: usize, state: TaskState) {
        let (task, agent) = self.launched[index];
        let framework = self.framework();
        let update = StatusUpdate {
            framework,
            agent,
            task,
            uuid: 7,
            state,
            latest: state,
            reason: Reason::None,
            source: Source::Executor,
            retry: false,
            healthy: None,
        };
        self.mesos(Msg::Update(update));
    }

    fn up(&mut self, index: usize) {
        for state in [TaskState::Starting, TaskState::Running] {
            self.status(index, state);
        }
    }

    /// Makes this the definition of its app and deploys the plan's steps.
    fn deploy(&mut self, id: &str, spec: &RunSpec, steps: &[fn(Arc<RunSpec>) -> Action]) {
        let spec = Arc::new(spec.clone());
        let mut root = Group::empty(PathId::root(), spec.versions.version);
        root.specs.insert(spec.id.clone(), spec.clone());
        let plan = Plan {
            id: self.names.intern(id),
            version: spec.versions.version,
            original: self.marathon.root.clone(),
            target: Arc::new(root),
            steps: steps.iter().map(|step| vec![step(spec.clone())]).collect(),
        };
        self.act(|marathon, cx| {
            marathon.root = plan.target.clone();
            marathon.deploy(cx, Arc::new(plan));
            marathon.settle(cx);
        });
    }

    fn ended(&self, id: &str) -> Option<DeploymentEnd> {
        let deployment = self.names.find(id)?;
        self.facts.iter().find_map(|fact| match fact {
            Fact::DeploymentEnded { deployment: own, how } if *own == deployment => Some(*how),
            _ => None,
        })
    }

    fn take_sent(&mut self) -> Vec<&'static str> {
        self.sent.drain(..).map(|msg| msg.label()).collect()
    }

    /// Conditions and goals of all instances, in order of their creation.
    fn instances(&self) -> Vec<(Condition, Goal)> {
        let mut all: Vec<_> =
            self.marathon.tracker.apps().flat_map(|(app, _)| self.marathon.tracker.of_app(app)).collect();
        all.sort_by_key(|instance| instance.id);
        all.iter().map(|instance| (instance.state.condition, instance.state.goal)).collect()
    }

    fn task_name(&self, index: usize) -> &str {
        self.names.text(Symbol(self.launched[index].0.n))
    }
}

const START: fn(Arc<RunSpec>) -> Action = Action::Start;
const SCALE: fn(Arc<RunSpec>) -> Action = |spec| Action::Scale { spec, kill: Vec::new() };
const RESTART: fn(Arc<RunSpec>) -> Action = Action::Restart;
const STOP: fn(Arc<RunSpec>) -> Action = Action::Stop;
const BIG: &str = "cpus:16;mem:16384;ports:[31000-32000]";
const RUNNING: (Condition, Goal) = (Condition::Running, Goal::Running);

fn app(instances: u32, version: i64) -> RunSpec {
    let mut spec = testing::spec("/web", instances);
    spec.versions.version = Version(version);
    spec.versions.last_config_change = Version(version);
    spec
}

fn running(instances: u32, agents: u32, change: impl FnOnce(&mut RunSpec)) -> Play {
    let mut play = Play::new(agents, |_| {});
    let mut spec = app(instances, 1);
    change(&mut spec);
    play.deploy("first", &spec, &[START, SCALE]);
    play.offer(BIG);
    (0..play.launched.len()).for_each(|i| play.up(i));
    play
}

/// 25.1.
#[test]
fn a_first_launch() {
    let mut play = Play::new(1, |_| {});
    assert!(play.take_sent().ends_with(&["SUBSCRIBE", "UPDATE_FRAMEWORK_CALL", "RECONCILE"]));
    play.deploy("d", &app(1, 1), &[START, SCALE]);
    assert_eq!(play.take_sent(), ["UPDATE_FRAMEWORK_CALL"]);
    assert_eq!(play.instances(), [(Condition::Scheduled, Goal::Running)]);
    play.offer(BIG);
    assert_eq!(play.take_sent(), ["ACCEPT"]);
    assert_eq!(play.instances(), [(Condition::Provisioned, Goal::Running)]);
    let name = play.task_name(0).to_owned();
    assert!(name.starts_with("web.instance-") && name.ends_with("._app.1"), "{name}");
    play.up(0);
    assert_eq!(play.take_sent(), ["ACKNOWLEDGE", "ACKNOWLEDGE"]);
    assert_eq!((play.instances(), play.ended("d")), (vec![RUNNING], Some(DeploymentEnd::Succeeded)));
    // Frames are five seconds apart; by then nothing is wanted any more.
    play.until(60);
    assert_eq!(play.take_sent(), ["UPDATE_FRAMEWORK_CALL"]);
    play.offer(BIG);
    assert_eq!(play.take_sent(), ["DECLINE"]);
}

/// 25.2: the same instance again, after a delay.
#[test]
fn a_crash_backs_off() {
    let mut play = running(1, 1, |_| {});
    play.until(40);
    play.status(0, TaskState::Failed);
    assert_eq!(play.instances(), [(Condition::Failed, Goal::Running)]);
    play.offer(BIG);
    assert_eq!(play.launched.len(), 1, "it waits for a second");
    play.until(41);
    play.offer(BIG);
    assert_eq!(play.launched.len(), 2);
    let incarnation = |name: &str| name.rsplit_once('.').map(|(id, n)| (id.to_owned(), n.to_owned())).unwrap();
    let (first, second) = (incarnation(play.task_name(0)), incarnation(play.task_name(1)));
    assert_eq!((first.0, second.1.as_str()), (second.0, "2"));
    // The second crash multiplies the delay.
    play.up(1);
    play.status(1, TaskState::Finished);
    play.until(42);
    play.offer(BIG);
    assert_eq!(play.launched.len(), 2);
    play.until(43);
    play.offer(BIG);
    assert_eq!(play.launched.len(), 3);
}

/// 25.4: two of the new version come up beside the two old ones, one goes for each.
#[test]
fn an_upgrade_rolls() {
    let mut play = running(2, 2, |_| {});
    assert_eq!(play.ended("first"), Some(DeploymentEnd::Succeeded));
    play.deploy("second", &app(2, 2), &[RESTART]);
    assert_eq!(play.instances().len(), 4);
    play.take_sent();
    play.offer(BIG);
    assert_eq!(play.launched.len(), 4);
    play.up(2);
    assert_eq!(play.sent.iter().filter(|msg| msg.label() == "KILL").count(), 1);
    play.up(3);
    assert_eq!(play.sent.iter().filter(|msg| msg.label() == "KILL").count(), 2);
    assert_eq!(play.ended("second"), None);
    for i in [0, 1] {
        play.status(i, TaskState::Killed);
    }
    assert_eq!((play.instances(), play.ended("second")), (vec![RUNNING; 2], Some(DeploymentEnd::Succeeded)));
}

/// The trace of section 7: at half of the capacity, one after the other.
#[test]
fn an_upgrade_without_room() {
    let upgrade = UpgradeStrategy { minimum_health_capacity: 0.5, maximum_over_capacity: 0.0 };
    let mut play = running(3, 3, |spec| spec.upgrade = upgrade);
    play.deploy("second", &RunSpec { upgrade, ..app(3, 2) }, &[RESTART]);
    assert_eq!(play.instances().iter().filter(|i| i.1 == Goal::Decommissioned).count(), 1);
    assert_eq!(play.instances().len(), 3, "nothing starts until the victim is gone");
    let victims: Vec<usize> = (0..3).collect();
    let mut killed = 0;
    for round in 0..3 {
        let kills: Vec<TaskId> =
            play.sent.iter().filter_map(|m| if let Msg::Kill { task, .. } = m { Some(*task) } else { None }).collect();
        assert_eq!(kills.len(), round + 1);
        let victim = victims.iter().copied().find(|i| play.launched[*i].0 == kills[round]).unwrap();
        play.status(victim, TaskState::Killed);
        killed += 1;
        play.offer(BIG);
        assert_eq!(play.launched.len(), 3 + killed);
        play.up(2 + killed);
    }
    assert_eq!(play.ended("second"), Some(DeploymentEnd::Succeeded));
}

/// 25.7 and 15.4: lost at once, replaced at once; if it comes back it is killed.
#[test]
fn a_lost_instance_is_replaced() {
    let mut play = running(1, 2, |_| {});
    play.until(100);
    play.status(0, TaskState::Unreachable);
    assert_eq!(play.instances(), [(Condition::Scheduled, Goal::Running)]);
    play.offer(BIG);
    play.up(1);
    assert_ne!(play.task_name(0).split("._app").next(), play.task_name(1).split("._app").next());
    play.take_sent();
    play.status(0, TaskState::Running);
    assert_eq!(play.take_sent(), ["KILL", "ACKNOWLEDGE"]);
}

#[test]
fn scaling_down_kills_the_youngest_and_stopping_all() {
    let mut play = running(3, 3, |_| {});
    let mut fewer = app(1, 1);
    fewer.versions.version = Version(2);
    play.deploy("fewer", &fewer, &[SCALE]);
    assert_eq!(play.sent.iter().filter(|msg| msg.label() == "KILL").count(), 2);
    let doomed: Vec<usize> = (0..3).filter(|i| play.instances()[*i].1 == Goal::Decommissioned).collect();
    let task_of = |play: &Play, i: usize| {
        let app = play.names.find("/web").unwrap();
        let all: Vec<TaskId> = play.marathon.tracker.of_app(app).map(|i| i.tasks[0].id).collect();
        play.launched.iter().position(|(task, _)| *task == all[i]).unwrap()
    };
    let tasks: Vec<usize> = doomed.iter().map(|i| task_of(&play, *i)).collect();
    for task in tasks {
        play.status(task, TaskState::Killed);
    }
    assert_eq!(play.ended("fewer"), Some(DeploymentEnd::Succeeded));
    assert_eq!(play.instances(), [RUNNING]);
    play.deploy("stop", &fewer, &[STOP]);
    let last = task_of(&play, 0);
    play.status(last, TaskState::Killed);
    assert_eq!((play.instances(), play.ended("stop")), (vec![], Some(DeploymentEnd::Succeeded)));
}

fn http_check() -> HealthCheck {
    HealthCheck {
        kind: HealthKind::Http,
        path: None,
        command: None,
        port_index: Some(0),
        port: None,
        grace_period: Span::from_secs(20),
        interval: Span::from_secs(10),
        timeout: Span::from_secs(5),
        max_consecutive_failures: 3,
        delay: Span::ZERO,
        ip_protocol: None,
        ignore_http_1xx: None,
    }
}

/// 17.2: nothing counts in the grace period; the kill comes on failure number max + 1.
#[test]
fn ill_health_kills_after_one_more_failure_than_the_limit() {
    let mut play = Play::new(1, |_| {});
    let spec = RunSpec { health_checks: vec![http_check()], ..app(1, 1) };
    play.deploy("d", &spec, &[START, SCALE]);
    play.offer(BIG);
    play.up(0);
    assert_eq!(play.ended("d"), None, "running is not healthy");
    let ask = |play: &mut Play, until: i64, status: u16| {
        play.until(until);
        let (token, _) = play.probes.pop().expect("a probe");
        assert!(play.probes.is_empty());
        play.message(ProcessId { slot: 100, incarnation: 0 }, Msg::Probed { token, status });
    };
    // Deployed at 30; ticks at 35, 45, ...; in grace until 50.
    ask(&mut play, 35, 0);
    ask(&mut play, 45, 200);
    assert_eq!(play.ended("d"), Some(DeploymentEnd::Succeeded));
    play.take_sent();
    for until in [55, 65, 75] {
        ask(&mut play, until, 500);
    }
    play.until(84);
    assert!(!play.take_sent().contains(&"KILL"));
    // No answer at all is a failure when its time is over.
    play.until(85);
    play.probes.clear();
    play.until(90);
    assert!(play.take_sent().contains(&"KILL"));
    play.status(0, TaskState::Killed);
    play.offer(BIG);
    assert_eq!(play.launched.len(), 2, "again at once, no backoff");
}

/// 10.1: a hundred tokens for thirty seconds, five instances an offer.
#[test]
fn tokens_and_the_limit_per_offer_pace_launches() {
    let mut play = Play::new(30, |_| {});
    play.deploy("d", &app(300, 1), &[START, SCALE]);
    play.offer(BIG);
    assert_eq!(play.launched.len(), 100);
    let mut per_agent = [0; 30];
    play.launched.iter().for_each(|(_, agent)| per_agent[agent.n as usize] += 1);
    assert_eq!(per_agent.iter().max(), Some(&5));
    (0..10).for_each(|i| play.up(i));
    play.offer(BIG);
    assert_eq!(play.launched.len(), 110, "one more for each that runs");
    play.until(61);
    play.offer(BIG);
    assert_eq!(play.launched.len(), 210);
}

/// 15.3: a launch that is never confirmed is killed after five minutes, and again every 30 s.
#[test]
fn overdue_launches_are_killed() {
    let mut play = Play::new(1, |_| {});
    play.deploy("d", &app(1, 1), &[START, SCALE]);
    play.offer(BIG);
    play.until(330);
    assert!(!play.take_sent().contains(&"KILL"));
    play.until(335);
    assert!(play.take_sent().contains(&"KILL"));
    play.until(400);
    assert!(play.take_sent().contains(&"KILL"));
}

/// 15.4: with the quirk a surplus locks the app against further scale checks.
#[test]
fn a_surplus_is_killed_and_locks() {
    for (quirks, replaced) in [(Quirks::Real, false), (Quirks::Fixed, true)] {
        let mut play = Play::new(3, |flags| flags.quirks = quirks);
        play.deploy("d", &app(3, 1), &[START, SCALE]);
        play.offer(BIG);
        (0..3).for_each(|i| play.up(i));
        // Somebody changes the tree behind Marathon's back.
        let mut root = (*play.marathon.root).clone();
        let fewer = RunSpec { instances: 2, ..app(3, 1) };
        root.specs.insert(fewer.id.clone(), Arc::new(fewer));
        play.marathon.root = Arc::new(root);
        play.until(316);
        let kills: Vec<TaskId> =
            play.sent.iter().filter_map(|m| if let Msg::Kill { task, .. } = m { Some(*task) } else { None }).collect();
        assert_eq!(kills.len(), 1);
        let victim = play.launched.iter().position(|(task, _)| *task == kills[0]).unwrap();
        play.status(victim, TaskState::Killed);
        let other = (0..3).find(|i| *i != victim).unwrap();
        play.status(other, TaskState::Unreachable);
        let scheduled = play.instances().iter().filter(|i| i.0 == Condition::Scheduled).count();
        assert_eq!(scheduled == 1, replaced, "{quirks:?}");
    }
}

/// Two containers with ports and a check, of which the executor takes the ports.
fn pod(instances: u32) -> RunSpec {
    let definition = json!({ "containers": [
        { "name": "a", "resources": { "cpus": 1, "mem": 64 }, "endpoints": [{ "name": "x", "hostPort": 0 }],
            "healthCheck": { "http": { "endpoint": "x" } } },
        { "name": "b", "resources": { "cpus": 0.5, "mem": 32 },
            "endpoints": [{ "name": "y", "hostPort": 0 }, { "name": "z" }] }],
        "networks": [{ "mode": "host" }], "executorResources": { "cpus": 0.1, "mem": 32, "disk": 10 },
        "scaling": { "kind": "fixed", "instances": instances },
        "scheduling": { "backoff": { "backoff": 1, "backoffFactor": 1.15, "maxLaunchDelay": 300 },
            "upgrade": { "minimumHealthCapacity": 1, "maximumOverCapacity": 1 } } });
    let Value::Object(fields) = definition else { panic!("an object") };
    let mut spec = crate::marathon::group::pod::from_fields(fields, PathId::absolute("/pod"), "*").expect("valid");
    spec.versions.version = Version(1);
    spec.versions.last_config_change = Version(1);
    spec
}

const POD_OFFER: &str = "cpus:4;mem:1024;disk:100;ports:[31000-31009]";

fn pods(instances: u32) -> Play {
    let mut play = Play::new(1, |_| {});
    play.deploy("first", &pod(instances), &[START, SCALE]);
    play.offer(POD_OFFER);
    play
}

impl Play {
    fn healthy(&mut self, index: usize, healthy: bool) {
        let (task, agent) = self.launched[index];
        let (framework, state) = (self.framework(), TaskState::Running);
        let (reason, source) = (Reason::HealthCheckStatusUpdated, Source::Executor);
        let (uuid, retry, healthy) = (7, false, Some(healthy));
        let update =
            StatusUpdate { framework, agent, task, uuid, state, latest: state, reason, source, retry, healthy };
        self.mesos(Msg::Update(update));
    }
    fn group(&self) -> Arc<TaskGroup> {
        let last = self.sent.iter().rev().find_map(|msg| match msg {
            Msg::AcceptBulk(acceptance) => match &acceptance.operations[..] {
                [Wanted::LaunchGroup(group)] => Some(group.clone()),
                other => panic!("{other:?}"),
            },
            _ => None,
        });
        last.expect("a group was launched")
    }
    fn instance(&self) -> Arc<Instance> {
        let mut all = self.marathon.tracker.apps().flat_map(|(app, _)| self.marathon.tracker.of_app(app));
        all.next().cloned().expect("there is one")
    }
}

#[test]
fn a_pod_is_launched_as_a_group_and_up_when_all_of_it_is() {
    let mut play = pods(1);
    let group = play.group();
    let name = |n: u32| play.names.text(Symbol(n));
    let instance = name(play.instance().id.0.0).to_owned();
    let uuid = instance.strip_prefix("pod.instance-").expect("its path first");
    assert_eq!(name(group.executor.id.n), format!("instance-pod.{uuid}"));
    let names: Vec<&str> = group.tasks.iter().map(|task| name(task.id.n)).collect();
    assert_eq!(names, [format!("{instance}.a.1"), format!("{instance}.b.1")]);
    let takes: Vec<String> = group.tasks.iter().map(|task| task.spec.resources().to_string()).collect();
    assert_eq!(takes, ["cpus:1; mem:64", "cpus:0.5; mem:32"]);
    let tasks = play.instance().tasks.clone();
    let [first, second] = &tasks[..] else { panic!("{tasks:?}") };
    assert_eq!((first.host_ports.len(), second.host_ports.len(), second.host_ports[1]), (1, 2, 0));
    let own = group.executor.spec.resources();
    assert_eq!(own.scalars(), Resources::parse("cpus:0.1;mem:32;disk:10").unwrap().scalars());
    let (a, b) = (first.host_ports[0].min(second.host_ports[0]), first.host_ports[0].max(second.host_ports[0]));
    let ports = Resources::parse(&format!("ports:[{a}-{a},{b}-{b}]")).unwrap();
    assert_eq!(own - &Resources::parse("cpus:0.1;mem:32;disk:10").unwrap(), ports, "the executor takes all ports");
    // One container after the other; then the check of the first.
    play.up(0);
    assert_eq!(play.instance().state.condition, Condition::Provisioned);
    play.up(1);
    assert_eq!((play.instance().state.condition, play.ended("first")), (Condition::Running, None));
    play.healthy(0, true);
    assert_eq!(play.ended("first"), Some(DeploymentEnd::Succeeded));
    play.healthy(0, false);
    assert_eq!(play.instance().state.healthy, Some(false));
    let health = |fact: &Fact| match fact {
        Fact::InstanceHealth { healthy, .. } => Some(*healthy),
        _ => None,
    };
    assert_eq!(play.facts.iter().filter_map(health).collect::<Vec<_>>(), [Some(true), Some(false)]);
}

/// 25.14: the first container that fails decides; all begin anew under the same executor.
#[test]
fn one_failed_container_ends_the_instance() {
    let mut play = pods(1);
    (0..2).for_each(|i| play.up(i));
    let executor = play.group().executor.id;
    play.until(40);
    play.status(1, TaskState::Failed);
    assert_eq!(play.instances(), [(Condition::Failed, Goal::Running)]);
    play.status(0, TaskState::Killed);
    assert_eq!(play.instances(), [(Condition::Failed, Goal::Running)]);
    play.until(41);
    play.offer(POD_OFFER);
    assert_eq!(play.launched.len(), 4);
    let texts: Vec<&str> = (2..4).map(|i| play.task_name(i)).collect();
    assert!(texts[0].ends_with(".a.2") && texts[1].ends_with(".b.2"), "{texts:?}");
    assert_eq!(play.group().executor.id, executor);
    // A late word on the old tasks is for nobody.
    play.take_sent();
    play.status(1, TaskState::Failed);
    assert_eq!(
        (play.take_sent(), play.instances()),
        (vec!["ACKNOWLEDGE"], vec![(Condition::Provisioned, Goal::Running)])
    );
}

#[test]
fn a_container_that_finishes_is_not_missed_until_all_have() {
    let mut play = pods(1);
    (0..2).for_each(|i| play.up(i));
    play.status(1, TaskState::Finished);
    assert_eq!(play.instances(), [RUNNING]);
    play.status(0, TaskState::Finished);
    assert_eq!(play.instances(), [(Condition::Finished, Goal::Running)]);
}

#[test]
fn to_kill_an_instance_is_to_kill_all_its_tasks() {
    let mut play = pods(2);
    assert_eq!(play.launched.len(), 4);
    (0..4).for_each(|i| play.up(i));
    [0, 2].into_iter().for_each(|i| play.healthy(i, true));
    play.take_sent();
    play.deploy("fewer", &pod(1), &[SCALE]);
    let killed = play.sent.iter().filter_map(|msg| match msg {
        Msg::Kill { task, .. } => play.launched.iter().position(|launched| launched.0 == *task),
        _ => None,
    });
    let killed: Vec<usize> = killed.collect();
    assert!(matches!(killed[..], [0, 1] | [2, 3]), "{killed:?}");
    play.status(killed[1], TaskState::Killed);
    assert_eq!(play.ended("fewer"), None, "one of its tasks lives");
    play.status(killed[0], TaskState::Killed);
    assert_eq!((play.ended("fewer"), play.instances().len()), (Some(DeploymentEnd::Succeeded), 1));
}

#[test]
fn what_does_not_fit_together_is_not_launched_at_all() {
    let mut play = Play::new(1, |_| {});
    play.deploy("first", &pod(1), &[START, SCALE]);
    // Room for the containers, not for the executor beside them.
    play.offer("cpus:1.5;mem:1024;disk:100;ports:[31000-31009]");
    play.offer("cpus:4;mem:1024;disk:100;ports:[31000-31000]");
    assert_eq!(play.launched.len(), 0);
    play.offer("cpus:1.6;mem:128;disk:10;ports:[31000-31001]");
    assert_eq!(play.launched.len(), 2);
}
