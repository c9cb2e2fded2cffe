//! What an agent downloads before an executor can start: artifacts
//! (`src/slave/containerizer/fetcher.cpp`) and images (the store of Docker or of the provisioner).
//!
//! A task fetches what it needs one thing after another; tasks of one machine do so beside each
//! other, and all transfers share the machine's bandwidth equally. Tasks that want the same image, or
//! the same artifact with `cache`, wait for one transfer. Images stay on the machine's disk; the
//! fetcher's cache begins empty in every life of the agent, as upstream empties it. What nobody waits
//! for any more is broken off and is not kept in part. Meanwhile Mesos says nothing of the task: it is
//! staging, until its executor has registered or `executor_registration_timeout` is over.

use super::executor::{self, Kill};
use super::{Agent, DOWNLOAD_TIMER, EXECUTOR_TIMER, REGISTRATION_TIMER};
use crate::actor::{Cx, DiskOp, TimerKey};
use crate::base::id::Symbol;
use crate::base::map::Set;
use crate::base::time::{SECOND_NS, Span, Time};
use crate::fact::Detail;
use crate::job::{Download, Keep};
use crate::mesos::task_state::{Reason, TaskState};

/// One transfer that is under way.
#[derive(Clone, Copy, Debug)]
struct Transfer {
    number: u64,
    what: Download,
    /// What is missing, in bits times the nanoseconds of a second, so that nothing is lost in shares.
    missing: u128,
}

/// A task that waits for a transfer.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    container: u64,
    transfer: u64,
    /// Which of the task's downloads it is.
    at: usize,
}

#[derive(Clone, Default, Debug)]
pub(super) struct Downloads {
    /// Images on the disk.
    images: Set<Symbol>,
    /// Artifacts in the fetcher's cache.
    cache: Set<Symbol>,
    /// In the order in which they began.
    transfers: Vec<Transfer>,
    waiting: Vec<Waiting>,
    /// Up to this instant `missing` is right.
    counted: Time,
    next: u64,
}

impl Downloads {
    /// An earlier life wrote down that the disk holds this image.
    pub(super) fn found(&mut self, image: Symbol) {
        self.images.insert(image);
    }

    fn has(&self, what: &Download) -> bool {
        match what.keep {
            Keep::Image { force } => !force && self.images.contains(&what.name),
            Keep::Cache => self.cache.contains(&what.name),
            Keep::Sandbox => false,
        }
    }

    /// Takes off what has come in since. Shares are rounded down, so nothing is through too early.
    fn count(&mut self, now: Time, bits_per_s: u64) {
        let passed_ns = (now - self.counted).0.max(0) as u128;
        self.counted = now;
        let share = (passed_ns * u128::from(bits_per_s)).checked_div(self.transfers.len() as u128);
        for transfer in &mut self.transfers {
            transfer.missing = transfer.missing.saturating_sub(share.unwrap_or(0));
        }
    }

    /// From the last count until the next transfer is through.
    fn until_next(&self, bits_per_s: u64) -> Option<Span> {
        let least = self.transfers.iter().map(|transfer| transfer.missing).min()?;
        let ns = (least * self.transfers.len() as u128).div_ceil(u128::from(bits_per_s));
        Some(Span(i64::try_from(ns).unwrap_or(i64::MAX)))
    }

    /// The transfer of this to wait for: one that others wait for already, or a new one.
    fn join(&mut self, what: Download) -> u64 {
        let same = |other: &&Transfer| other.what.name == what.name && other.what.is_shared() && what.is_shared();
        if let Some(other) = self.transfers.iter().find(same) {
            return other.number;
        }
        let (number, missing) = (self.next, u128::from(what.bits) * SECOND_NS as u128);
        self.next += 1;
        self.transfers.push(Transfer { number, what, missing });
        number
    }

    /// A task waits no more; what nobody else waits for is broken off.
    fn forget(&mut self, container: u64) -> bool {
        let Some(at) = self.waiting.iter().position(|waiting| waiting.container == container) else { return false };
        let transfer = self.waiting.remove(at).transfer;
        if !self.waiting.iter().any(|waiting| waiting.transfer == transfer) {
            self.transfers.retain(|other| other.number != transfer);
        }
        true
    }
}

impl Agent {
    /// A task has come: its executor starts as soon as everything is there.
    pub(super) fn prepare(&mut self, cx: &mut Cx, key: u64) {
        let Some(at) = self.task_of(key) else { return };
        let (needs, alone) = (self.tasks[at].spec.downloads.is_some(), self.tasks[at].group.is_none());
        let Some(speed) = self.flags.bandwidth_bits_per_s.filter(|_| needs) else {
            return self.fetched(cx, at, self.flags.executor_registration_timeout);
        };
        self.downloads.count(cx.now, speed);
        self.fetch(cx, key, 0);
        self.arm_downloads(cx, speed);
        // A group's executor has registered before its tasks fetch anything.
        if alone && self.downloads.waiting.iter().any(|waiting| waiting.container == key) {
            cx.timer(TimerKey::new(REGISTRATION_TIMER, key), self.flags.executor_registration_timeout);
        }
    }

    /// Goes on with a task's downloads from the given one.
    fn fetch(&mut self, cx: &mut Cx, key: u64, from: usize) {
        let Some(at) = self.task_of(key) else { return };
        let task = &self.tasks[at];
        let (id, host) = (task.id, self.info.hostname);
        let here = at;
        let mut left = task.spec.downloads.iter().flat_map(|all| all.iter()).enumerate().skip(from);
        let Some((at, what)) = left.find(|(_, what)| !self.downloads.has(what)) else {
            // The time-out has been running since the task came, if it had to wait at all.
            let timeout = if from == 0 { self.flags.executor_registration_timeout } else { Span::MAX };
            return self.fetched(cx, here, timeout);
        };
        let what = *what;
        let transfer = self.downloads.join(what);
        self.downloads.waiting.push(Waiting { container: key, transfer, at });
        cx.detail(|| Detail::DownloadAwaited { host, task: id, what: what.name });
    }

    fn arm_downloads(&mut self, cx: &mut Cx, speed: u64) {
        let key = TimerKey::new(DOWNLOAD_TIMER, 0);
        match self.downloads.until_next(speed) {
            Some(wait) => cx.timer(key, wait),
            None => cx.cancel(key),
        }
    }

    /// Some transfers are through.
    pub(super) fn downloaded(&mut self, cx: &mut Cx) {
        let Some(speed) = self.flags.bandwidth_bits_per_s else { return };
        self.downloads.count(cx.now, speed);
        let ready: Vec<Transfer> = self.downloads.transfers.iter().filter(|t| t.missing == 0).copied().collect();
        self.downloads.transfers.retain(|transfer| transfer.missing > 0);
        for transfer in &ready {
            let name = transfer.what.name;
            let host = self.info.hostname;
            cx.detail(|| Detail::Downloaded { host, what: name });
            match transfer.what.keep {
                Keep::Image { .. } => {
                    if self.downloads.images.insert(name) {
                        cx.persist(0, DiskOp::Image(name));
                    }
                }
                Keep::Cache => {
                    self.downloads.cache.insert(name);
                }
                Keep::Sandbox => {}
            }
        }
        let all = std::mem::take(&mut self.downloads.waiting);
        let is_ready = |waiting: &Waiting| ready.iter().any(|transfer| transfer.number == waiting.transfer);
        let (served, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_ready);
        self.downloads.waiting = others;
        for waiting in served {
            self.fetch(cx, waiting.container, waiting.at + 1);
        }
        self.arm_downloads(cx, speed);
    }

    /// A task will not run: nothing is downloaded for it any more.
    pub(super) fn abandon_downloads(&mut self, cx: &mut Cx, key: u64) {
        let Some(speed) = self.flags.bandwidth_bits_per_s else { return };
        cx.cancel(TimerKey::new(REGISTRATION_TIMER, key));
        self.downloads.count(cx.now, speed);
        if self.downloads.forget(key) {
            self.arm_downloads(cx, speed);
        }
    }

    /// Everything that a task needs is there.
    fn fetched(&mut self, cx: &mut Cx, at: usize, timeout: Span) {
        match self.tasks[at].group {
            // The executor is there already.
            Some(group) => self.start_in_group(cx, at, group),
            None => self.start_executor(cx, self.tasks[at].executor.key(), timeout),
        }
    }

    /// The executor starts, and registers unless `timeout` comes first.
    pub(super) fn start_executor(&mut self, cx: &mut Cx, key: u64, timeout: Span) {
        let startup = self.flags.executor_startup;
        match executor::startup(cx, startup, key) {
            Span::ZERO => self.executor_ready(cx, key),
            wait => {
                cx.timer(TimerKey::new(EXECUTOR_TIMER, key), wait);
                if wait > timeout {
                    cx.timer(TimerKey::new(REGISTRATION_TIMER, key), timeout);
                }
            }
        }
    }

    /// `registerExecutorTimeout`: the container is destroyed, whatever it was waiting for.
    pub(super) fn registration_timed_out(&mut self, cx: &mut Cx, key: u64) {
        let Some(at) = self.task_of(key) else { return self.group_timed_out(cx, key) };
        if !self.tasks[at].executor.is_registering() || self.tasks[at].executor.kill() != Kill::NeverRan {
            return;
        }
        cx.cancel(TimerKey::new(EXECUTOR_TIMER, key));
        self.abandon_downloads(cx, key);
        self.update(cx, at, TaskState::Failed, Reason::ExecutorRegistrationTimeout);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Flags;
    use super::*;
    use crate::actor::testing::Bench;
    use crate::actor::{Effect, Input, ProcessId};
    use crate::base::id::{AgentId, FrameworkId, JobId, TaskId};
    use crate::base::sampler::Distribution;
    use crate::job::{Behaviour, TaskSpec};
    use crate::mesos::message::{AgentInfo, Capabilities, FrameworkInfo, Msg};
    use crate::mesos::resource::Resources;
    use std::sync::Arc;

    const MASTER: ProcessId = ProcessId { slot: 9, incarnation: 0 };
    const FRAMEWORK: FrameworkId = FrameworkId(Symbol(7));
    /// So that a size in megabits is a number of seconds.
    const SPEED: u64 = 1_000_000;

    fn image(name: u32, seconds: u64) -> Download {
        Download { name: Symbol(name), bits: seconds * SPEED, keep: Keep::Image { force: false } }
    }
    fn task(n: u32) -> TaskId {
        TaskId { template: JobId(1), n }
    }

    /// An agent and its timers.
    struct Machine {
        bench: Bench,
        agent: Agent,
        timers: Vec<(Time, TimerKey)>,
        said: Vec<(i64, u32, TaskState, Reason)>,
        disk: Vec<DiskOp>,
    }

    impl Machine {
        fn new(disk: &[DiskOp]) -> Self {
            let total = Resources::parse("cpus:4").unwrap();
            let info = AgentInfo { hostname: Symbol(0), total, attributes: vec![], devices: 0, address: 0 };
            let flags = Flags { bandwidth_bits_per_s: Some(SPEED), ..Flags::default() };
            let (bench, agent) = (Bench::new(), Agent::new(Arc::new(info), flags));
            let mut new = Self { bench, agent, timers: vec![], said: vec![], disk: vec![] };
            new.give(Input::Start { disk: disk.into() });
            new.tell(Msg::Detected { leader: Some(MASTER) });
            let agent = AgentId { master: Symbol(3), n: 0 };
            new.tell(Msg::AgentRegistered { agent, ping_timeout: Span::from_secs(75) });
            new
        }
        fn tell(&mut self, msg: Msg) {
            self.give(Input::Message { from: MASTER, msg });
        }
        fn give(&mut self, input: Input) {
            for effect in self.bench.run(|cx| self.agent.handle(cx, input)) {
                match effect {
                    Effect::Timer { key, after } => {
                        self.timers.retain(|timer| timer.1 != key);
                        self.timers.push((self.bench.now + after, key));
                    }
                    Effect::Cancel { key } => self.timers.retain(|timer| timer.1 != key),
                    Effect::Persist { op, .. } => self.disk.push(op),
                    Effect::Send { msg: Msg::Status(u), .. }
                        if u.state.is_terminal() || u.state == TaskState::Starting =>
                    {
                        self.said.push((self.bench.now.0 / 1_000_000, u.task.n, u.state, u.reason));
                    }
                    _ => {}
                }
            }
        }
        fn run(&mut self, n: u32, downloads: &[Download]) {
            let info = FrameworkInfo {
                name: Symbol(1),
                id: Some(FRAMEWORK),
                roles: vec![Symbol(2)],
                principal: None,
                failover_timeout: Span::ZERO,
                checkpoint: true,
                capabilities: Capabilities { partition_aware: true, ..Capabilities::default() },
                suppressed: Vec::new(),
            };
            let plain = TaskSpec::plain(JobId(1), Symbol(1), Default::default(), Behaviour::fixed(Span::MAX));
            let spec = Arc::new(TaskSpec { downloads: Some(downloads.into()), ..plain });
            self.tell(Msg::RunTask {
                framework: FRAMEWORK,
                role: Symbol(2),
                task: task(n),
                spec,
                info: Arc::new(info),
            });
        }
        fn until(&mut self, s: i64) {
            let end = Time::from_secs(s);
            loop {
                self.timers.sort();
                // Retries of updates that nobody acknowledges are not the matter here.
                let due = self.timers.iter().position(|t| t.0 <= end && t.1.kind() != super::super::RETRY_TIMER);
                let Some(at) = due else { break };
                let (at, key) = self.timers.remove(at);
                self.bench.now = at;
                self.give(Input::Timer { key });
            }
            self.bench.now = end;
        }
        /// When tasks started, in milliseconds.
        fn started(&self) -> Vec<(i64, u32)> {
            self.said.iter().filter(|said| said.2 == TaskState::Starting).map(|said| (said.0, said.1)).collect()
        }
    }

    #[test]
    fn an_image_takes_its_size_and_is_there_for_the_next_task() {
        let mut machine = Machine::new(&[]);
        machine.run(0, &[image(1, 12)]);
        machine.until(5);
        // Joins the transfer that is under way.
        machine.run(1, &[image(1, 12)]);
        machine.until(20);
        machine.run(2, &[image(1, 12)]);
        assert_eq!(machine.started(), [(12_000, 0), (12_000, 1), (20_000, 2)]);
        assert_eq!(machine.disk.iter().filter(|op| **op == DiskOp::Image(Symbol(1))).count(), 1);
    }

    #[test]
    fn transfers_share_the_bandwidth() {
        let mut machine = Machine::new(&[]);
        machine.run(0, &[image(1, 10)]);
        machine.until(4);
        machine.run(1, &[image(2, 10)]);
        // From 4 s on half the speed each: 6 s more take 12. Then 4 s are left of the other.
        machine.until(60);
        assert_eq!(machine.started(), [(16_000, 0), (20_000, 1)]);
    }

    #[test]
    fn one_thing_after_another_and_only_the_cached_are_kept() {
        let artifact = |name, keep| Download { name: Symbol(name), bits: 3 * SPEED, keep };
        let all = [artifact(1, Keep::Sandbox), artifact(2, Keep::Cache), image(3, 4)];
        let mut machine = Machine::new(&[]);
        machine.run(0, &all);
        machine.until(20);
        machine.run(1, &all);
        machine.until(40);
        let forced = Download { keep: Keep::Image { force: true }, ..image(3, 4) };
        machine.run(2, &[forced]);
        machine.until(50);
        assert_eq!(machine.started(), [(10_000, 0), (23_000, 1), (44_000, 2)]);
    }

    #[test]
    fn two_sandboxes_of_one_artifact_are_two_transfers() {
        let artifact = Download { name: Symbol(1), bits: 3 * SPEED, keep: Keep::Sandbox };
        let mut machine = Machine::new(&[]);
        machine.run(0, &[artifact]);
        machine.run(1, &[artifact]);
        machine.until(20);
        assert_eq!(machine.started(), [(6_000, 0), (6_000, 1)]);
    }

    #[test]
    fn who_is_killed_meanwhile_never_runs_and_leaves_the_bandwidth_to_others() {
        let mut machine = Machine::new(&[]);
        machine.run(0, &[image(1, 10)]);
        machine.run(1, &[image(2, 10)]);
        machine.until(8);
        machine.tell(Msg::KillTask { framework: FRAMEWORK, task: task(0) });
        machine.until(50);
        let none = Reason::None;
        assert_eq!(machine.said, [(8_000, 0, TaskState::Killed, none), (14_000, 1, TaskState::Starting, none)]);
        // Nothing of the first is kept.
        machine.run(2, &[image(1, 10)]);
        machine.until(70);
        assert_eq!(machine.started().last(), Some(&(60_000, 2)));
    }

    #[test]
    fn a_pull_longer_than_the_time_out_fails_the_task() {
        let mut machine = Machine::new(&[]);
        machine.run(0, &[image(1, 61)]);
        machine.until(30);
        machine.run(1, &[image(1, 61)]);
        machine.until(100);
        let late = Reason::ExecutorRegistrationTimeout;
        // The transfer goes on for the other, whose time is not over.
        assert_eq!(
            machine.said,
            [(60_000, 0, TaskState::Failed, late), (61_000, 1, TaskState::Starting, Reason::None)]
        );
    }

    #[test]
    fn images_outlive_the_process_and_the_cache_does_not() {
        let artifact = Download { name: Symbol(2), bits: 3 * SPEED, keep: Keep::Cache };
        let mut machine = Machine::new(&[DiskOp::Image(Symbol(1))]);
        machine.run(0, &[image(1, 10)]);
        machine.run(1, &[image(1, 10), artifact]);
        machine.until(10);
        assert_eq!(machine.started(), [(0, 0), (3_000, 1)]);
    }

    #[test]
    fn a_framework_that_goes_takes_its_downloads_along() {
        let mut machine = Machine::new(&[]);
        machine.run(0, &[image(1, 10)]);
        machine.until(2);
        machine.tell(Msg::ShutdownFramework { framework: FRAMEWORK });
        machine.until(90);
        assert!(machine.said.is_empty() && machine.agent.downloads.transfers.is_empty());
    }

    #[test]
    fn without_a_bandwidth_nothing_takes_time() {
        let mut machine = Machine::new(&[]);
        machine.agent.flags.bandwidth_bits_per_s = None;
        machine.agent.flags.executor_startup = Distribution::Fixed(Span::from_secs(90));
        machine.run(0, &[image(1, 10)]);
        machine.agent.flags.executor_startup = Distribution::Fixed(Span::from_secs(3));
        machine.run(1, &[image(1, 10)]);
        machine.until(100);
        // An executor that is too slow by itself is given up likewise.
        let late = Reason::ExecutorRegistrationTimeout;
        assert_eq!(machine.said, [(3_000, 1, TaskState::Starting, Reason::None), (60_000, 0, TaskState::Failed, late)]);
    }
}
