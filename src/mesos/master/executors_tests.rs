//! Task groups at a master whose allocator, registrar, agent and scheduler are played by hand.

use super::super::Flags;
use super::*;
use crate::actor::testing::Bench;
use crate::actor::{Effect, Input};
use crate::base::id::{JobId, OfferId, Symbol};
use crate::base::quantity::Quantities;
use crate::base::time::Span;
use crate::job::{Behaviour, Member};
use crate::mesos::message::{
    Acceptance, AgentInfo, Allocation, Capabilities, ExecutorReport, FrameworkInfo, OfferEntry, Operation, TaskReport,
};

const AGENT: ProcessId = ProcessId { slot: 5, incarnation: 0 };
const SCHEDULER: ProcessId = ProcessId { slot: 6, incarnation: 0 };

fn flags() -> Flags {
    let long = Span::from_secs(1 << 30);
    Flags {
        agent_ping_timeout: Span::from_secs(15),
        max_agent_ping_timeouts: 5,
        agent_reregister_timeout: long,
        offer_timeout: None,
        max_completed_frameworks: 5,
        max_completed_tasks_per_framework: 5,
        max_unreachable_tasks_per_framework: 5,
        recovery_agent_removal_limit_percent: 100,
        registry_gc_interval: long,
        registry_max_agent_age: long,
        registry_max_agent_count: 5,
    }
}

fn r(text: &str) -> Resources {
    Resources::parse(text).unwrap()
}
fn id(n: u32) -> TaskId {
    TaskId { template: JobId(1), n }
}
fn member(n: u32, text: &str) -> Member {
    let all = r(text);
    let plain = TaskSpec::plain(JobId(1), Symbol(0), all.scalars(), Behaviour::fixed(Span::MAX));
    Member { id: id(n), spec: Arc::new(TaskSpec { extra: all - &Resources::from_scalars(plain.each), ..plain }) }
}
const EXECUTOR: u32 = 100;
fn group(executor: &str, tasks: &[(u32, &str)]) -> Arc<TaskGroup> {
    let tasks = tasks.iter().map(|(n, text)| member(*n, text)).collect();
    Arc::new(TaskGroup { executor: member(EXECUTOR, executor), tasks })
}
const OWN: &str = "cpus:0.1;mem:32;disk:10;ports:[31000-31000]";

/// A master with one agent and one framework.
struct Stage {
    bench: Bench,
    master: Master,
    agent: AgentId,
    framework: FrameworkId,
    info: Arc<AgentInfo>,
    offers: u64,
    /// What the allocator has: what was not offered, and what came back.
    free: Resources,
    /// Errors told to the scheduler, and executors that it heard to be lost.
    errors: Vec<(u32, Reason)>,
    lost: u32,
    /// Groups that the agent was sent, and whether with an executor.
    sent: Vec<bool>,
    facts: Vec<Fact>,
}

impl Stage {
    fn new() -> Self {
        let mut bench = Bench::new();
        let name = |bench: &mut Bench, text: &str| bench.names.intern(text);
        let (own, star) = (name(&mut bench, "M"), name(&mut bench, "*"));
        let info = AgentInfo { hostname: own, total: r(TOTAL), attributes: vec![], devices: 0, address: 0 };
        let nobody = AgentId { master: own, n: 0 };
        let mut stage = Self {
            bench,
            master: Master::new(own, flags(), true),
            agent: nobody,
            framework: FrameworkId(own),
            info: Arc::new(info),
            offers: 0,
            free: r(TOTAL),
            errors: vec![],
            lost: 0,
            sent: vec![],
            facts: vec![],
        };
        let msg = Msg::RegisterAgent { info: stage.info.clone(), checkpointed: Resources::EMPTY };
        stage.tell(AGENT, msg);
        let capabilities = Capabilities { partition_aware: true, ..Capabilities::default() };
        let info = FrameworkInfo {
            name: own,
            id: None,
            roles: vec![star],
            principal: None,
            failover_timeout: Span::from_secs(9),
            checkpoint: true,
            capabilities,
            suppressed: Vec::new(),
        };
        stage.tell(SCHEDULER, Msg::Subscribe { info: Arc::new(info), force: false });
        stage
    }

    fn tell(&mut self, from: ProcessId, msg: Msg) {
        self.input(Input::Message { from, msg });
    }

    fn input(&mut self, input: Input) {
        for effect in self.bench.run(|cx| self.master.handle(cx, input)) {
            match effect {
                Effect::Dispatch { msg: Msg::Apply { token, .. }, .. } => {
                    self.tell(Bench::ME, Msg::Applied { token, mutated: true });
                }
                Effect::Dispatch { msg: Msg::Recover { scalars, .. }, .. } => {
                    self.free += &Resources::from_scalars(scalars);
                }
                Effect::Dispatch { msg: Msg::RecoverBulk(back), .. } => self.free += &back.resources,
                Effect::Dispatch { msg: Msg::AddAgent { info, used, .. }, .. } => {
                    self.free = info.total.clone();
                    used.iter().for_each(|(_, _, resources)| self.free -= resources);
                }
                Effect::Send { msg: Msg::AgentRegistered { agent, .. }, .. } => self.agent = agent,
                Effect::Send { msg: Msg::Subscribed { framework }, .. } => self.framework = framework,
                Effect::Send { msg: Msg::Update(update), .. } if update.state == TaskState::Error => {
                    self.errors.push((update.task.n, update.reason));
                }
                Effect::Send { msg: Msg::ExecutorLost { .. }, .. } => self.lost += 1,
                Effect::Send { msg: Msg::RunTaskGroup { launch_executor, .. }, .. } => self.sent.push(launch_executor),
                Effect::Fact(fact) => self.facts.push(fact),
                _ => {}
            }
        }
    }

    /// Everything that is free is offered, and this is launched on it.
    fn launch(&mut self, groups: &[Arc<TaskGroup>]) {
        let star = self.bench.names.intern("*");
        let resources = std::mem::take(&mut self.free);
        let allocation = Allocation::new(self.framework, star, vec![OfferEntry { agent: self.agent, resources }]);
        let first = OfferId::new(self.master.id(), self.offers);
        self.offers += 1;
        self.tell(Bench::ME, Msg::Allocated(Arc::new(allocation)));
        let operations = groups.iter().cloned().map(Operation::LaunchGroup).collect();
        let (framework, refuse) = (self.framework, Refuse::NONE);
        let acceptance = Acceptance { framework, offers: vec![first], refuse, operations };
        self.tell(SCHEDULER, Msg::AcceptBulk(Arc::new(acceptance)));
    }

    fn used(&self) -> Resources {
        self.master.books()[0].used.clone()
    }

    fn report(&mut self, with: bool) -> Msg {
        let star = self.bench.names.intern("*");
        let (framework, spec) = (self.framework, member(EXECUTOR, OWN).spec);
        let executor = ExecutorReport { framework, role: star, executor: id(EXECUTOR), spec };
        let running = TaskState::Running;
        let task = TaskReport {
            framework,
            task: id(1),
            spec: member(1, "cpus:1").spec,
            role: star,
            latest: running,
            forwarded: running,
            uuid: 0,
            healthy: None,
        };
        Msg::ReregisterAgent(Arc::new(Reregistration {
            id: self.agent,
            info: self.info.clone(),
            checkpointed: Resources::EMPTY,
            tasks: vec![task],
            executors: if with { vec![executor] } else { vec![] },
            frameworks: vec![],
        }))
    }

    fn exited(&mut self) {
        let msg = Msg::ExitedExecutor { framework: self.framework, agent: self.agent, executor: id(EXECUTOR) };
        self.tell(AGENT, msg);
    }
}

const TOTAL: &str = "cpus:4;mem:1024;disk:100;ports:[31000-31009]";

#[test]
fn a_group_and_its_executor_are_charged() {
    let mut stage = Stage::new();
    stage.launch(&[group(OWN, &[(1, "cpus:1;mem:64"), (2, "cpus:0.5")])]);
    assert_eq!((stage.sent.clone(), stage.errors.len()), (vec![true], 0));
    let all = r("cpus:1.6;mem:96;disk:10;ports:[31000-31000]");
    assert_eq!((stage.used(), stage.free.clone()), (all.clone(), r(TOTAL) - &all));
    let launched = stage.facts.iter().filter(|fact| matches!(fact, Fact::TaskLaunched { .. })).count();
    let held = stage.facts.iter().filter(|fact| matches!(fact, Fact::ExecutorHeld { .. })).count();
    assert_eq!((launched, held), (2, 1));
    // More tasks under the same executor: it is charged once.
    stage.launch(&[group(OWN, &[(3, "cpus:1")])]);
    assert_eq!(
        (stage.sent.clone(), stage.used().scalars()),
        (vec![true, false], r("cpus:2.6;mem:96;disk:10").scalars())
    );
    stage.exited();
    stage.exited();
    assert_eq!((stage.lost, stage.used()), (1, r("cpus:2.5;mem:64")));
}

#[test]
fn a_group_is_launched_whole_or_not_at_all() {
    let fine = [(1, "cpus:1"), (2, "mem:64")];
    let wrong = [
        ("too much together", group(OWN, &[(1, "cpus:2"), (2, "cpus:2")])),
        ("the executor fits not", group("cpus:3.5;mem:32;disk:10", &fine)),
        ("an executor without disk", group("cpus:0.1;mem:32", &fine)),
        ("with too few cpus", group("cpus:0.009;mem:32;disk:10", &fine)),
        ("with too little memory", group("cpus:0.1;mem:31;disk:10", &fine)),
        ("one id twice", group(OWN, &[(1, "cpus:1"), (1, "cpus:1")])),
        ("a task of nothing", group(OWN, &[(1, "cpus:1"), (2, "")])),
    ];
    for (what, group) in wrong {
        let mut stage = Stage::new();
        stage.launch(std::slice::from_ref(&group));
        let told: Vec<(u32, Reason)> = group.tasks.iter().map(|t| (t.id.n, Reason::TaskGroupInvalid)).collect();
        assert_eq!((stage.errors.clone(), stage.sent.len()), (told, 0), "{what}");
        assert_eq!((stage.used(), stage.free.clone()), (Resources::EMPTY, r(TOTAL)), "{what}");
    }
    // Of two groups the second has no room, and one id is taken.
    let mut stage = Stage::new();
    let second = Arc::new(TaskGroup { executor: member(7, OWN), tasks: vec![member(9, "cpus:1")] });
    stage.launch(&[group(OWN, &fine), second.clone()]);
    assert_eq!((stage.sent.len(), stage.errors.clone()), (1, vec![(9, Reason::TaskGroupInvalid)]), "the port is taken");
    stage.errors.clear();
    stage.launch(&[group(OWN, &[(1, "cpus:1"), (5, "cpus:1")])]);
    assert_eq!(stage.errors.len(), 2, "one of them runs already");
    stage.errors.clear();
    stage.launch(&[group("cpus:0.2;mem:32;disk:10", &[(6, "cpus:1")])]);
    assert_eq!(stage.errors.len(), 1, "not the executor that is there");
}

#[test]
fn an_agent_that_is_back_is_believed() {
    let mut stage = Stage::new();
    stage.launch(&[group(OWN, &[(1, "cpus:1")])]);
    let with = stage.report(true);
    stage.tell(AGENT, with);
    assert_eq!(stage.used().scalars(), r("cpus:1.1;mem:32;disk:10").scalars());
    let without = stage.report(false);
    stage.tell(AGENT, without);
    assert_eq!((stage.used(), stage.lost), (r("cpus:1"), 0));
    let reason = stage.facts.iter().find_map(|fact| match fact {
        Fact::ExecutorReleased { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, Some(Reason::Reconciliation));
}

#[test]
fn an_executor_goes_with_its_agent_and_comes_back_with_it() {
    let mut stage = Stage::new();
    stage.launch(&[group(OWN, &[(1, "cpus:1")])]);
    let report = stage.report(true);
    stage.input(Input::WatchMissed { peer: AGENT, misses: 5 });
    let over = |stage: &Stage| stage.facts.iter().filter(|f| matches!(f, Fact::ExecutorReleased { .. })).count();
    assert_eq!((over(&stage), stage.master.books().len()), (1, 0));
    stage.tell(AGENT, report);
    let all = r("cpus:1.1;mem:32;disk:10;ports:[31000-31000]");
    assert_eq!((stage.used(), stage.free.clone()), (all.clone(), r(TOTAL) - &all));
    stage.exited();
    assert_eq!((over(&stage), stage.used()), (2, r("cpus:1")));
}

#[test]
fn a_framework_that_is_over_holds_nothing() {
    let mut stage = Stage::new();
    stage.launch(&[group(OWN, &[(1, "cpus:1")])]);
    stage.tell(SCHEDULER, Msg::Teardown { framework: stage.framework });
    assert_eq!((stage.used(), stage.free.quantities()), (Resources::EMPTY, r(TOTAL).quantities()));
    assert_ne!(stage.free.quantities(), Quantities::ZERO);
}
