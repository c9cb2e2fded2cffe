//! Groups on an agent whose containers and master are played by hand.

use super::super::{CHECK_TIMER, DOWNLOAD_TIMER, EXECUTOR_TIMER, Flags, REGISTER_TIMER, REGISTRATION_TIMER};
use super::*;
use crate::actor::testing::Bench;
use crate::actor::{Input, ProcessId, TimerKey};
use crate::base::id::{AgentId, JobId, Symbol};
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use crate::fact::End;
use crate::job::{AgentCheck, Behaviour, Download, Keep, TaskSpec};
use crate::mesos::message::{AgentInfo, Capabilities, Reregistration, StatusUpdate};
use crate::mesos::resource::Resources;
use TaskState as S;

const MASTER: ProcessId = ProcessId { slot: 9, incarnation: 0 };
const FRAMEWORK: FrameworkId = FrameworkId(Symbol(7));
const EXECUTOR: TaskId = TaskId { template: JobId(9), n: 1 };
const ID: AgentId = AgentId { master: Symbol(3), n: 0 };
/// So that a size in megabits is a number of seconds.
const SPEED: u64 = 1_000_000;

fn task(n: u32) -> TaskId {
    TaskId { template: JobId(1), n }
}
fn plain() -> TaskSpec {
    TaskSpec::plain(JobId(1), Symbol(1), Default::default(), Behaviour::fixed(Span::MAX))
}
/// Needs an image that takes so many seconds.
fn heavy(seconds: u64) -> TaskSpec {
    let what =
        Download { name: Symbol(40 + seconds as u32), bits: seconds * SPEED, keep: Keep::Image { force: false } };
    TaskSpec { downloads: Some([what].into()), ..plain() }
}

/// An agent, its timers and its containers.
struct Machine {
    bench: Bench,
    agent: Agent,
    timers: Vec<(Time, TimerKey)>,
    /// Containers that run, by task.
    containers: Vec<(u32, u64)>,
    /// What was said of which task, in order.
    said: Vec<(u32, S)>,
    updates: Vec<StatusUpdate>,
    /// How often an executor was said to be over, and how many run.
    exited: u32,
    running: i32,
    report: Option<Arc<Reregistration>>,
    /// Whether updates are acknowledged.
    acknowledges: bool,
}

impl Machine {
    fn new(startup: i64) -> Self {
        let total = Resources::parse("cpus:4").unwrap();
        let info = AgentInfo { hostname: Symbol(0), total, attributes: vec![], devices: 0, address: 0 };
        let executor_startup = Distribution::Fixed(Span::from_secs(startup));
        let flags = Flags { bandwidth_bits_per_s: Some(SPEED), executor_startup, ..Flags::default() };
        let mut new = Self {
            bench: Bench::new(),
            agent: Agent::new(Arc::new(info), flags),
            timers: vec![],
            containers: vec![],
            said: vec![],
            updates: vec![],
            exited: 0,
            running: 0,
            report: None,
            acknowledges: true,
        };
        new.tell(Msg::Detected { leader: Some(MASTER) });
        new.tell(Msg::AgentRegistered { agent: ID, ping_timeout: Span::from_secs(75) });
        new
    }

    fn tell(&mut self, msg: Msg) {
        self.give(Input::Message { from: MASTER, msg });
    }

    fn give(&mut self, input: Input) {
        let mut next = vec![input];
        while let Some(input) = next.pop() {
            let mut follow = Vec::new();
            for effect in self.bench.run(|cx| self.agent.handle(cx, input)) {
                match effect {
                    Effect::Timer { key, after } => {
                        self.timers.retain(|timer| timer.1 != key);
                        self.timers.push((self.bench.now.saturating_add(after), key));
                    }
                    Effect::Cancel { key } => self.timers.retain(|timer| timer.1 != key),
                    Effect::Spawn { key, task, .. } => self.containers.push((task.n, key)),
                    Effect::Exit { key: Some(key) } => {
                        self.containers.retain(|container| container.1 != key);
                        follow.push(Input::ContainerEnded { key, how: End::Killed });
                    }
                    Effect::Send { msg: Msg::Status(update), .. } => {
                        self.said.push((update.task.n, update.state));
                        self.updates.push(update);
                        if self.acknowledges {
                            let StatusUpdate { framework, task, uuid, .. } = update;
                            let msg = Msg::StatusAck { framework, task, uuid };
                            follow.push(Input::Message { from: MASTER, msg });
                        }
                    }
                    Effect::Send { msg: Msg::ExitedExecutor { executor, .. }, .. } => {
                        assert_eq!(executor, EXECUTOR);
                        self.exited += 1;
                    }
                    Effect::Send { msg: Msg::ReregisterAgent(report), .. } => self.report = Some(report),
                    Effect::Fact(Fact::ExecutorStarted { .. }) => self.running += 1,
                    Effect::Fact(Fact::ExecutorEnded { .. }) => self.running -= 1,
                    _ => {}
                }
            }
            follow.reverse();
            next.extend(follow);
        }
    }

    /// Lets time pass; checks and retries are left alone.
    fn until(&mut self, s: i64) {
        let works = [DOWNLOAD_TIMER, EXECUTOR_TIMER, REGISTRATION_TIMER, CHECK_TIMER, REGISTER_TIMER];
        let end = Time::from_secs(s);
        while let Some(at) = self
            .timers
            .iter()
            .enumerate()
            .filter(|(_, timer)| works.contains(&timer.1.kind()) && timer.0 <= end)
            .min_by_key(|(_, timer)| timer.0)
            .map(|(at, _)| at)
        {
            let (due, key) = self.timers.remove(at);
            self.bench.now = due;
            self.give(Input::Timer { key });
        }
        self.bench.now = end;
    }

    fn launch_as(&mut self, first: u32, specs: Vec<TaskSpec>, launch_executor: bool) {
        let capabilities = Capabilities { partition_aware: true, task_killing_state: true, ..Capabilities::default() };
        let info = FrameworkInfo {
            name: Symbol(1),
            id: Some(FRAMEWORK),
            roles: vec![Symbol(2)],
            principal: None,
            failover_timeout: Span::ZERO,
            checkpoint: true,
            capabilities,
            suppressed: Vec::new(),
        };
        let member = |(n, spec): (usize, TaskSpec)| Member { id: task(first + n as u32), spec: Arc::new(spec) };
        let executor = Member { id: EXECUTOR, spec: Arc::new(plain()) };
        let group = Arc::new(TaskGroup { executor, tasks: specs.into_iter().enumerate().map(member).collect() });
        self.tell(Msg::RunTaskGroup {
            framework: FRAMEWORK,
            role: Symbol(2),
            group,
            info: Arc::new(info),
            launch_executor,
        });
    }
    fn launch(&mut self, specs: Vec<TaskSpec>) {
        self.launch_as(0, specs, true);
    }
    fn ends(&mut self, n: u32, how: End) {
        let at = self.containers.iter().position(|container| container.0 == n).expect("it runs");
        let key = self.containers.remove(at).1;
        self.give(Input::ContainerEnded { key, how });
    }
    fn kill(&mut self, n: u32) {
        self.tell(Msg::KillTask { framework: FRAMEWORK, task: task(n) });
    }
    fn take(&mut self) -> Vec<(u32, S)> {
        std::mem::take(&mut self.said)
    }
    fn is_idle(&self) -> bool {
        self.agent.groups.is_empty() && self.agent.frameworks.is_empty() && self.agent.live_tasks() == 0
    }
}

/// A machine with so many plain tasks of one group.
fn up(count: usize) -> Machine {
    let mut machine = Machine::new(0);
    machine.launch(vec![plain(); count]);
    let all = 0..count as u32;
    let said: Vec<_> = all.clone().map(|n| (n, S::Starting)).chain(all.map(|n| (n, S::Running))).collect();
    let (mut took, mut expected) = (machine.take(), said);
    took.sort_unstable();
    expected.sort_unstable();
    assert_eq!(took, expected);
    machine
}

#[test]
fn one_that_finishes_leaves_the_others_alone_and_the_last_ends_the_executor() {
    let mut machine = up(3);
    machine.ends(1, End::Finished);
    machine.ends(0, End::Finished);
    assert_eq!(machine.take(), [(1, S::Finished), (0, S::Finished)]);
    assert_eq!((machine.exited, machine.running, machine.containers.len()), (0, 1, 1));
    machine.ends(2, End::Finished);
    assert_eq!((machine.exited, machine.running), (1, 0));
    assert!(machine.is_idle());
}

#[test]
fn one_that_fails_takes_the_others_with_it() {
    let mut machine = up(3);
    machine.ends(1, End::Failed);
    let said = machine.take();
    assert_eq!(said[0], (1, S::Failed));
    for n in [0, 2] {
        let of: Vec<S> = said.iter().filter(|told| told.0 == n).map(|told| told.1).collect();
        assert_eq!(of, [S::Killing, S::Killed]);
    }
    assert_eq!((machine.exited, machine.running, said.len()), (1, 0, 5));
    assert!(machine.is_idle());
}

#[test]
fn to_kill_one_is_to_kill_all() {
    let mut machine = up(2);
    machine.kill(0);
    let said = machine.take();
    assert_eq!((said.len(), said.iter().filter(|told| told.1 == S::Killed).count()), (4, 2));
    assert!(machine.updates.iter().all(|update| update.reason == Reason::None));
    assert!(machine.is_idle() && machine.exited == 1);
    // Too late: nobody has it any more.
    machine.kill(1);
    assert_eq!(machine.take(), []);
}

/// Upstream leaves the executor to register, and only then sends it away.
#[test]
fn what_is_killed_before_it_was_delivered_never_runs() {
    let mut machine = Machine::new(5);
    machine.launch(vec![plain(), plain()]);
    assert_eq!((machine.take(), machine.running), (vec![], 1));
    machine.kill(1);
    assert_eq!(machine.take(), [(0, S::Killed), (1, S::Killed)]);
    assert!(machine.updates.iter().all(|update| update.reason == Reason::TaskKilledDuringLaunch));
    assert_eq!((machine.exited, machine.running), (0, 1));
    machine.until(5);
    assert_eq!((machine.exited, machine.running, machine.containers.len()), (1, 0, 0));
    assert!(machine.is_idle());
}

#[test]
fn containers_fetch_beside_each_other_and_run_when_all_are_there() {
    let mut machine = Machine::new(0);
    machine.launch(vec![heavy(10), plain(), heavy(30)]);
    assert_eq!(machine.take().len(), 3, "STARTING of each");
    assert_eq!(machine.containers.iter().map(|container| container.0).collect::<Vec<_>>(), [1]);
    // Half of the bandwidth each: the first is through after 20 s.
    machine.until(19);
    assert_eq!(machine.containers.len(), 1);
    machine.until(20);
    assert_eq!((machine.containers.len(), machine.take()), (2, vec![]));
    // A kill is lost on them; one that ends is looked at later.
    machine.kill(0);
    machine.ends(1, End::Finished);
    assert_eq!(machine.take(), []);
    machine.until(40);
    let mut said = machine.take();
    said.sort_unstable();
    assert_eq!(said, [(0, S::Running), (1, S::Running), (1, S::Finished), (2, S::Running)]);
    assert_eq!(machine.exited, 0);
}

#[test]
fn one_that_fails_while_others_are_started_takes_them_with_it_later() {
    let mut machine = Machine::new(0);
    machine.launch(vec![heavy(70), plain()]);
    machine.ends(1, End::Failed);
    // Longer than an executor may take to register: it has.
    machine.until(69);
    assert_eq!(machine.take(), [(0, S::Starting), (1, S::Starting)]);
    machine.until(70);
    let ends: Vec<(u32, S)> = machine.take().into_iter().filter(|told| told.1.is_terminal()).collect();
    assert_eq!(ends, [(1, S::Failed), (0, S::Killed)]);
    assert!(machine.is_idle());
}

#[test]
fn an_executor_that_does_not_register_fails_its_tasks() {
    let mut machine = Machine::new(90);
    machine.launch(vec![plain(), plain()]);
    machine.until(60);
    assert_eq!(machine.take(), [(0, S::Failed), (1, S::Failed)]);
    assert!(machine.updates.iter().all(|update| update.reason == Reason::ExecutorRegistrationTimeout));
    machine.until(100);
    assert_eq!((machine.exited, machine.running, machine.containers.len()), (1, 0, 0));
    assert!(machine.is_idle());
}

/// `Slave::__run`: what the master believes of the executor must be so.
#[test]
fn tasks_for_an_executor_that_is_over_are_dropped() {
    let mut machine = up(1);
    machine.acknowledges = false;
    machine.ends(0, End::Failed);
    assert_eq!((machine.take(), machine.exited), (vec![(0, S::Failed)], 1));
    // The master has heard of the end; the last word of the old task has not been acknowledged.
    machine.launch_as(1, vec![plain()], true);
    assert_eq!((machine.take(), machine.exited), (vec![(1, S::Dropped)], 2));
    // It has not.
    machine.launch_as(2, vec![plain()], false);
    assert_eq!((machine.take(), machine.exited), (vec![(2, S::Dropped)], 2));
    assert!(machine.updates[3..].iter().all(|update| update.reason == Reason::ExecutorTerminated));
    let last: Vec<StatusUpdate> = machine.updates.drain(2..).collect();
    for StatusUpdate { framework, task, uuid, .. } in last {
        machine.tell(Msg::StatusAck { framework, task, uuid });
    }
    assert!(machine.is_idle());
    machine.acknowledges = true;
    machine.launch_as(3, vec![plain()], false);
    assert_eq!(machine.take(), [(3, S::Dropped)], "there is none");
    machine.launch_as(4, vec![plain()], true);
    assert_eq!(machine.take().last(), Some(&(4, S::Running)));
}

/// The master forgot the executor, and wants it anew: the one that is there goes.
#[test]
fn an_executor_that_the_master_forgot_is_shut_down() {
    let mut machine = up(2);
    machine.launch_as(5, vec![plain()], true);
    let ends: Vec<(u32, S)> = machine.take().into_iter().filter(|told| told.1.is_terminal()).collect();
    assert_eq!((ends.len(), ends.contains(&(5, S::Dropped)), machine.exited), (3, true, 1));
    assert!(machine.is_idle());
}

#[test]
fn another_group_of_the_same_executor_joins_the_first() {
    let mut machine = up(1);
    machine.launch_as(1, vec![plain()], false);
    assert_eq!(machine.take(), [(1, S::Starting), (1, S::Running)]);
    assert_eq!(machine.running, 1);
    machine.kill(0);
    assert!(machine.is_idle() && machine.exited == 1);
}

#[test]
fn an_agent_that_is_back_reports_its_executors() {
    let mut machine = up(2);
    machine.ends(0, End::Finished);
    machine.give(Input::Exited { peer: MASTER });
    machine.until(2);
    let report = machine.report.clone().expect("it registers");
    assert_eq!((report.tasks.len(), report.executors.len()), (1, 1));
    assert_eq!((report.executors[0].executor, report.executors[0].role), (EXECUTOR, Symbol(2)));
    machine.ends(1, End::Finished);
    assert_eq!(machine.exited, 1, "it is said at once, whoever hears it");
    machine.report = None;
    machine.until(60);
    let report = machine.report.clone().expect("it tries again");
    assert_eq!((report.tasks.len(), report.executors.len()), (1, 0));
}

#[test]
fn a_framework_that_is_over_takes_its_executors_with_it() {
    let mut machine = up(2);
    machine.tell(Msg::ShutdownFramework { framework: FRAMEWORK });
    assert_eq!((machine.running, machine.take(), machine.exited), (0, vec![], 0));
    assert!(machine.is_idle() && machine.containers.is_empty());
}

/// All of them say that one was ill.
#[test]
fn an_ill_task_ends_its_group_as_ill() {
    let check = AgentCheck {
        delay: Span::from_secs(1),
        interval: Span::from_secs(1),
        timeout: Span::from_secs(1),
        grace_period: Span::ZERO,
        consecutive_failures: 2,
    };
    let mut machine = Machine::new(0);
    // Nothing listens in it.
    machine.launch(vec![plain(), TaskSpec { check: Some(check), ..plain() }]);
    machine.take();
    machine.until(1);
    assert_eq!((machine.take(), machine.containers.len()), (vec![(1, S::Running)], 2));
    machine.until(2);
    let ends: Vec<&StatusUpdate> = machine.updates.iter().filter(|update| update.state == S::Killed).collect();
    assert_eq!((ends.len(), ends.iter().all(|update| update.healthy == Some(false))), (2, true));
    assert!(machine.is_idle());
}
