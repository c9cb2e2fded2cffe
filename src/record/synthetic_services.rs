//! A made-up cluster with masters, Marathons and two apps, written down by hand: a leading master
//! dies after ten minutes, a leading Marathon after twenty, an agent is lost in between.

use super::recorder::{FrameworkSetup, RackSetup, RecorderSetup};
use super::recording::RequestRecord;
use super::synthetic::Made;
use crate::base::id::{AgentId, FrameworkId, JobId, Names, OfferId, Symbol, TaskId};
use crate::base::quantity::Quantities;
use crate::base::time::{Span, Time};
use crate::fact::{
    At, Condition, DeploymentEnd, End, Fact, Goal, KillReason, OfferEnd, OfferRefusal, ProcessKind, WORLD,
};
use crate::mesos::task_state::{Reason, TaskState};

const AGENTS: u32 = 20;
const WEB: u32 = 12;

struct Script {
    names: Names,
    facts: Vec<At<Fact>>,
    hosts: Vec<Symbol>,
    owner: Symbol,
    batch: Symbol,
    nowhere: Symbol,
    each: Quantities,
}

fn at(seconds: f64) -> Time {
    Time(libm::round(seconds * 1e9) as i64)
}

impl Script {
    fn say(&mut self, seconds: f64, what: Fact) {
        self.facts.push(At { at: at(seconds), by: WORLD, what });
    }
    fn agent(&mut self, n: u32) -> AgentId {
        AgentId { master: self.names.intern("M0"), n }
    }
    fn total() -> Quantities {
        Quantities([16_000, 65_536_000, 0, 0])
    }
    fn offer(&mut self, seconds: f64, master: &str, n: u64, id: FrameworkId, declined: bool) {
        let (master, role) = (self.names.intern(master), self.owner);
        let (first, total) = (OfferId::new(master, n), Self::total());
        self.say(seconds, Fact::Offered { framework: id, role, first, count: 1, total });
        if declined {
            let how = OfferEnd::Declined;
            self.say(seconds + 0.001, Fact::OffersEnded { framework: id, first, count: 1, how, total });
        }
    }
    fn subscribe(&mut self, seconds: f64, name: Symbol, id: &str) -> FrameworkId {
        let framework = FrameworkId(self.names.intern(id));
        self.say(seconds, Fact::FrameworkSubscribed { framework, name, role: name });
        framework
    }
    fn instance(&mut self, seconds: f64, app: &str, n: u32, condition: Condition) {
        let app_symbol = self.names.intern(app);
        let instance = self.names.intern(&format!("{app}.{n}"));
        let host = if condition == Condition::Scheduled { self.nowhere } else { self.hosts[n as usize] };
        let config = template(app);
        self.say(
            seconds,
            Fact::InstanceChanged { app: app_symbol, instance, config, condition, goal: Goal::Running, host },
        );
    }
    fn health(&mut self, seconds: f64, app: &str, n: u32, healthy: bool) {
        let (app_symbol, instance) = (self.names.intern(app), self.names.intern(&format!("{app}.{n}")));
        self.say(seconds, Fact::InstanceHealth { app: app_symbol, instance, healthy: Some(healthy) });
    }
    /// The instance comes up on its agent within some seconds.
    fn bring_up(&mut self, seconds: f64, app: &str, n: u32, framework: FrameworkId, attempt: u32) {
        let task = TaskId { template: template(app), n: n + 100 * attempt };
        let (agent, host, owner) = (self.agent(n), self.hosts[n as usize], self.owner);
        self.instance(seconds, app, n, Condition::Scheduled);
        self.instance(seconds + 1.0, app, n, Condition::Provisioned);
        self.say(seconds + 1.0, Fact::TaskLaunched { framework, task, agent });
        self.say(seconds + 2.0, Fact::TaskStarted { task, owner, host });
        self.instance(seconds + 2.0, app, n, Condition::Running);
        if app == "/web" {
            self.health(seconds + 12.0, app, n, true);
        }
    }
}

/// Templates of services have their top bit set.
fn template(app: &str) -> JobId {
    JobId(1 << 31 | u32::from(app == "/db"))
}

/// What the operator asks: both apps, an app that is refused, and something nobody answers.
fn requests() -> Vec<RequestRecord> {
    let asked =
        [(5, "POST", "/v2/apps"), (60, "POST", "/v2/apps"), (605, "GET", "/v2/leader"), (1_402, "PUT", "/v2/apps/web")];
    let record = |(number, (seconds, method, path)): (u32, (i64, &str, &str))| RequestRecord {
        number,
        at_ns: seconds * 1_000_000_000,
        method: method.into(),
        path: path.into(),
        ..RequestRecord::default()
    };
    (0..).zip(asked).map(record).collect()
}

#[expect(clippy::too_many_lines, reason = "one story from its beginning to its end")]
pub(crate) fn make() -> Made {
    let mut names = Names::default();
    let hosts: Vec<Symbol> = (0..AGENTS).map(|i| names.intern(&format!("agent-{i}"))).collect();
    let (owner, batch, nowhere) = (names.intern("marathon"), names.intern("batch"), names.intern(""));
    let each = Quantities([1_000, 2_048_000, 0, 0]);
    let mut s = Script { names, facts: Vec::new(), hosts, owner, batch, nowhere, each };
    let (web, db) = (s.names.intern("/web"), s.names.intern("/db"));
    let process = |name: &str, names: &mut Names| names.intern(name);
    for (slot, kind, name) in [
        (1, ProcessKind::Master, "master-0"),
        (2, ProcessKind::Master, "master-1"),
        (3, ProcessKind::Marathon, "marathon-0"),
        (4, ProcessKind::Marathon, "marathon-1"),
    ] {
        let name = process(name, &mut s.names);
        s.say(0.0, Fact::ProcessStarted { slot, incarnation: 0, kind, name });
    }
    s.say(1.0, Fact::LeaderElected { kind: ProcessKind::Master, slot: 1, incarnation: 0 });
    s.say(1.5, Fact::LeaderElected { kind: ProcessKind::Marathon, slot: 3, incarnation: 0 });
    s.say(1.6, Fact::LeaderReady { kind: ProcessKind::Marathon, slot: 3, incarnation: 0 });
    for i in 0..AGENTS {
        let (agent, host) = (s.agent(i), s.hosts[i as usize]);
        s.say(2.0 + f64::from(i) * 0.02, Fact::AgentRegistered { agent, host, total: Script::total() });
    }
    for (app, symbol) in [("/web", web), ("/db", db)] {
        let (template, owner, each) = (template(app), s.owner, s.each);
        s.say(3.0, Fact::ServiceTemplate { template, owner, app: symbol, each });
    }
    let (owner, batch) = (s.owner, s.batch);
    let service = s.subscribe(3.2, owner, "M0-0000");
    let jobs = s.subscribe(3.4, batch, "M0-0001");
    s.offer(4.0, "M0", 1, service, true);

    let first = s.names.intern("deployment-1");
    s.say(5.0, Fact::DeploymentBegan { deployment: first, steps: 2 });
    s.say(5.0, Fact::AppTarget { app: web, instances: WEB });
    s.say(5.0, Fact::AppTarget { app: db, instances: 3 });
    s.say(5.0, Fact::DeploymentStep { deployment: first, step: 1, app: db });
    for n in 0..3 {
        s.bring_up(6.0 + f64::from(n) * 5.0, "/db", n, service, 0);
    }
    s.say(30.0, Fact::DeploymentStep { deployment: first, step: 2, app: web });
    for n in 0..WEB {
        s.bring_up(31.0 + f64::from(n) * 4.0, "/web", n, service, 0);
    }
    s.say(100.0, Fact::DeploymentEnded { deployment: first, how: DeploymentEnd::Succeeded });
    s.say(40.0, Fact::OfferRefused { app: web, why: OfferRefusal::UnfulfilledConstraint, count: 80 });
    s.say(41.0, Fact::OfferRefused { app: web, why: OfferRefusal::InsufficientCpus, count: 10 });
    s.say(42.0, Fact::OfferRefused { app: db, why: OfferRefusal::UnfulfilledConstraint, count: 10 });

    // The leading master dies with an offer out; the next one is elected when its session expires.
    s.offer(599.0, "M0", 2, jobs, false);
    s.say(600.0, Fact::FaultBegan { fault: 0 });
    s.say(600.0, Fact::FaultBit { fault: 0 });
    let master = s.names.intern("master-0");
    s.say(600.0, Fact::ProcessStopped { slot: 1, incarnation: 0, kind: ProcessKind::Master, name: master });
    s.say(610.0, Fact::SessionExpired { slot: 1, session: 7 });
    s.say(610.2, Fact::LeaderElected { kind: ProcessKind::Master, slot: 2, incarnation: 0 });
    s.say(610.3, Fact::LeaderReady { kind: ProcessKind::Master, slot: 2, incarnation: 0 });
    for i in 0..AGENTS {
        let (agent, host) = (s.agent(i), s.hosts[i as usize]);
        let seconds = if i == 0 { 610.7 } else { 610.65 + f64::from(i) * 0.05 };
        s.say(seconds, Fact::AgentReregistered { agent, host, total: Script::total() });
        // Its tasks come with it.
        for (app, instances) in [("/web", WEB), ("/db", 3)] {
            if i < instances {
                let task = TaskId { template: template(app), n: i };
                s.say(seconds, Fact::TaskReported { framework: service, task, agent, state: TaskState::Running });
            }
        }
    }
    s.subscribe(611.2, owner, "M0-0000");
    s.subscribe(612.0, batch, "M0-0001");
    s.offer(611.5, "M1", 1, service, true);
    s.offer(613.0, "M1", 2, jobs, true);
    s.say(660.0, Fact::FaultEnded { fault: 0 });

    // An agent is lost: its instance is replaced elsewhere, and comes to its end.
    let (agent, host) = (s.agent(5), s.hosts[5]);
    s.say(900.0, Fact::FaultBegan { fault: 1 });
    s.say(900.0, Fact::FaultBit { fault: 1 });
    s.say(975.0, Fact::AgentUnreachable { agent, host });
    let task = TaskId { template: template("/web"), n: 5 };
    let (state, reason) = (TaskState::Unreachable, Reason::AgentRemoved);
    s.say(975.0, Fact::TaskTerminal { framework: service, task, agent, state, reason });
    s.say(975.0, Fact::TaskEnded { task, owner, host, how: End::Lost });
    s.instance(975.1, "/web", 5, Condition::Unreachable);
    s.instance(985.0, "/web", 5, Condition::Gone);
    s.bring_up(985.5, "/web", 15, service, 1);
    s.say(1_000.0, Fact::FaultEnded { fault: 1 });
    s.say(1_001.0, Fact::AgentReregistered { agent, host, total: Script::total() });

    // The leading Marathon dies; nothing happens to its instances.
    let marathon = s.names.intern("marathon-0");
    s.say(1_200.0, Fact::ProcessStopped { slot: 3, incarnation: 0, kind: ProcessKind::Marathon, name: marathon });
    s.say(1_206.0, Fact::LeaderElected { kind: ProcessKind::Marathon, slot: 4, incarnation: 0 });
    s.say(1_207.0, Fact::LeaderReady { kind: ProcessKind::Marathon, slot: 4, incarnation: 0 });
    s.subscribe(1_207.5, owner, "M0-0000");
    s.offer(1_208.0, "M1", 3, service, true);

    // A scale-down that is overridden, and the one that does it.
    let (second, third) = (s.names.intern("deployment-2"), s.names.intern("deployment-3"));
    s.say(1_400.0, Fact::DeploymentBegan { deployment: second, steps: 1 });
    s.say(1_400.0, Fact::DeploymentStep { deployment: second, step: 1, app: web });
    s.say(1_402.0, Fact::DeploymentEnded { deployment: second, how: DeploymentEnd::Cancelled });
    s.say(1_402.0, Fact::DeploymentBegan { deployment: third, steps: 1 });
    s.say(1_402.0, Fact::AppTarget { app: web, instances: 10 });
    s.say(1_402.0, Fact::DeploymentStep { deployment: third, step: 1, app: web });
    for n in [3, 7] {
        let instance = s.names.intern(&format!("/web.{n}"));
        s.say(1_402.5, Fact::InstanceKill { app: web, instance, why: KillReason::ScaleDown });
        s.instance(1_402.5, "/web", n, Condition::Killing);
        let task = TaskId { template: template("/web"), n };
        let (agent, host) = (s.agent(n), s.hosts[n as usize]);
        s.say(1_420.0, Fact::TaskEnded { task, owner, host, how: End::Killed });
        let (state, reason) = (TaskState::Killed, Reason::None);
        s.say(1_420.0, Fact::TaskTerminal { framework: service, task, agent, state, reason });
        s.instance(1_420.1, "/web", n, Condition::Killed);
    }
    s.say(1_421.0, Fact::DeploymentEnded { deployment: third, how: DeploymentEnd::Succeeded });

    for (seconds, request, status) in [(5.0, 0, 201), (60.01, 1, 422), (615.0, 2, 0), (1_402.0, 3, 200)] {
        s.say(seconds, Fact::Answered { request, status });
    }

    s.facts.sort_by_key(|f| f.at);
    let framework = |symbol, name: &str| FrameworkSetup { symbol, name: name.into(), role: name.into(), weight: 1.0 };
    let setup = RecorderSetup {
        interval: Span::from_secs(5),
        frameworks: vec![framework(owner, "marathon"), framework(batch, "batch")],
        fault_labels: vec!["leading master crashed".into(), "agent-5 cut off".into()],
        racks: vec![RackSetup { name: "r0".into(), hosts: s.hosts.clone() }],
        gpu_share: None,
        marathons: vec![owner],
        requests: requests(),
        endpoints: Vec::new(),
    };
    Made { setup, names: s.names, facts: s.facts, end: Time::from_secs(1_800) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Recording;

    #[test]
    fn what_the_recorder_makes_of_it() {
        let made = make();
        let recording = made.recording();
        let count = |key: &str| *recording.counts.get(key).unwrap();
        assert_eq!((count("leaders.masters_elected"), count("leaders.marathons_elected")), (2, 2));
        assert_eq!((count("offers.made"), count("offers.orphaned"), count("offers.declined")), (5, 1, 4));
        assert_eq!(*recording.levels.get("offers.outstanding").unwrap(), 0);
        assert_eq!(*recording.levels.get("agents.registered").unwrap(), i64::from(AGENTS));
        assert_eq!(recording.failovers.len(), 2);
        // Only the lost agent was away; changing masters is no reason.
        assert_eq!(recording.agent_marks.len(), 2);
        assert_eq!(count("tasks.launched"), 16, "each task once, however many masters hear of it");
        let requests = ["answered", "refused", "unanswered"].map(|what| count(&format!("requests.{what}")));
        assert_eq!(requests, [2, 1, 1]);
        let refused = &recording.requests[1];
        assert_eq!((refused.status, refused.ended_ns), (Some(422), Some(60_010_000_000)));
        let web = &recording.apps[0];
        let of = |key: &str| *web.counts.get(key).unwrap();
        assert_eq!((of("target"), of("healthy"), of("losses"), of("kills"), of("kills_scale_down")), (10, 10, 1, 2, 2));
        // From the first deployment until all are healthy, and from the loss until the new one is.
        assert_eq!(recording.shortages.len(), 2);
        assert_eq!(recording.shortages[1], (975_100_000_000, 997_500_000_000));
        // 15 instances hold a CPU each, 13 at the end.
        let used = &recording.series.used[0];
        assert_eq!((used[30], *used.last().unwrap()), (15_000_000, 13_000_000));
        let gap = &recording.series.agents_registered[(600 / 5)..(615 / 5)];
        assert_eq!((gap[0], gap[1]), (0, 0));
        assert!(gap[2] > 10_000_000 && gap[2] < 20_000_000, "{gap:?}");
    }

    #[test]
    fn it_reads_back() {
        let recording = make().recording();
        let dir = std::env::temp_dir().join(format!("mesosim-services-{}", std::process::id()));
        recording.files().write(&dir, &[]).unwrap();
        assert_eq!(Recording::read(&dir).unwrap(), recording);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn apps_can_be_asked_for_while_it_runs() {
        let made = make();
        let mut recorder = crate::record::Recorder::new(made.setup.clone());
        let key = recorder.key("apps./web.healthy").unwrap();
        let lost = recorder.key("apps./web.lost").unwrap();
        assert!(recorder.key("apps./web.happy").is_none());
        let mut seen = Vec::new();
        for fact in &made.facts {
            recorder.fact(fact.at, &fact.what);
            if recorder.wants_names() {
                recorder.take_names(&made.names);
            }
            let now = (recorder.value(key) as u32, recorder.value(lost) as u32);
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        assert_eq!((seen[0], seen[12], seen[13], seen[14]), ((0, 0), (12, 0), (11, 1), (11, 0)));
        let ends = ["running", "succeeded", "failed", "cancelled"];
        assert_eq!(ends.map(|how| recorder.metric(&format!("deployments.{how}"))), [0.0, 2.0, 0.0, 1.0].map(Some));
        assert_eq!(recorder.metric("apps./web.kills_scale_down"), Some(2.0));
    }

    /// Given up at once, and back again: the one is a loss, the other keeps its health.
    #[test]
    fn losses_of_every_kind_are_counted_and_health_comes_back() {
        let made = make();
        let mut recorder = crate::record::Recorder::new(made.setup.clone());
        for fact in made.facts.iter().filter(|fact| fact.at < at(900.0)) {
            recorder.fact(fact.at, &fact.what);
        }
        recorder.take_names(&made.names);
        let changed = |recorder: &mut crate::record::Recorder, n: u32, condition| {
            let (app, instance) = (made.names.find("/web").unwrap(), made.names.find(&format!("/web.{n}")).unwrap());
            let (config, goal, host) = (template("/web"), Goal::Running, Symbol::default());
            recorder.fact(at(901.0), &Fact::InstanceChanged { app, instance, config, condition, goal, host });
            ["healthy", "lost", "losses"].map(|part| recorder.metric(&format!("apps./web.{part}")))
        };
        let [healthy, _, losses] = changed(&mut recorder, 1, Condition::Running).map(Option::unwrap);
        assert_eq!(changed(&mut recorder, 1, Condition::Unreachable), [healthy - 1.0, 1.0, losses + 1.0].map(Some));
        assert_eq!(changed(&mut recorder, 1, Condition::Running), [healthy, 0.0, losses + 1.0].map(Some));
        assert_eq!(changed(&mut recorder, 1, Condition::Expunged), [healthy - 1.0, 0.0, losses + 2.0].map(Some));
    }
}
