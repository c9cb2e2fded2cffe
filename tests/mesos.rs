//! Whole small clusters: what masters, agents and frameworks do together when things break.
//!
//! Scenario texts go in, facts, details and messages come out. The first test is a farm: storms
//! over many seeds, after which every job must have ended.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::{facts_until, scenario, world};
use mesosim::base::map::{Map, Set};
use mesosim::base::time::{Span, Time};
use mesosim::fact::{At, Detail, End, Fact, OfferEnd};
use mesosim::mesos::task_state::{Reason, TaskState};
use mesosim::sim::Sim;
use mesosim::world::World;

/// Crashes of machines and processes, a lost rack, cuts of either kind of all links, all within the
/// first 20 minutes; work arrives in the first 15.
fn storm(seed: u64, network: &str) -> String {
    format!(
        r#"
seed = {seed}
duration = "20m"
[network]
latency = {network}
[[agents]]
name = "agent"
count = 20
resources = "cpus:4;mem:8192"
racks = 4
[roles.a]
weight = 2
[[frameworks]]
name = "aware"
role = "a"
capabilities = ["PARTITION_AWARE"]
chooser = "random"
failover_timeout = "1h"
[[frameworks]]
name = "saved"
role = "b/c"
checkpoint = true
refuse = "3s"
failover_timeout = "1h"
[[frameworks]]
name = "brief"
role = "b"
failover_timeout = "0s"
[[workload]]
kind = "poisson"
framework = "aware"
rate = "10/min"
until = "15m"
tasks = {{ exponential = 3 }}
duration = {{ exponential = "45s" }}
cpus = 1
mem = "1GiB"
failure = 0.05
[[workload]]
kind = "poisson"
framework = "saved"
rate = "8/min"
until = "15m"
tasks = 2
duration = "70s"
cpus = 1.5
mem = "512MiB"
[[workload]]
kind = "poisson"
framework = "brief"
tasks = 1
rate = "15/min"
until = "15m"
duration = {{ exponential = "5s" }}
cpus = 1
mem = "512MiB"
[[fault]]
kind = "latency-burst"
mtbf = "5m"
mttr = "40s"
from = "agents"
to = "master"
extra = "3s"
[[fault]]
kind = "loss-burst"
at = "6m"
lasts = "3m"
from = "frameworks"
to = "master"
percent = 30.5
[[fault]]
kind = "slow-agent"
at = "2m"
lasts = "4m"
target = "rack_id=r3"
service = "700ms"
[[fault]]
kind = "disk-stall"
mtbf = "4m"
mttr = "20s"
target = "master"
[[fault]]
kind = "task-failures"
at = "4m"
percent = 60
[[fault]]
kind = "agent-crash"
mtbf = "20m"
mttr = "2m"
[[fault]]
kind = "agent-crash"
mtbf = "20m"
mttr = "3s"
process = true
[[fault]]
kind = "rack-loss"
at = "5m"
down = "3m"
rack = "r1"
[[fault]]
kind = "partition"
at = "9m"
lasts = "40s"
from = "rack_id=r0"
to = "master"
[[fault]]
kind = "partition"
at = "10m"
lasts = "3m"
from = "rack_id=r2"
to = "master"
one_way = true
[[fault]]
kind = "partition"
at = "11m"
lasts = "20s"
from = "master"
to = "frameworks"
[[fault]]
kind = "partition"
at = "12m"
lasts = "30s"
from = "frameworks"
to = "master"
one_way = true
[[fault]]
kind = "partition"
at = "14m"
lasts = "2m"
from = "master"
to = "rack_id=r3"
one_way = true
"#
    )
}

/// Once everything is healed every job ends, and once.
fn everything_ends(seeds: std::ops::Range<u64>, network: &str) {
    let mut hung = Vec::new();
    for seed in seeds {
        let mut world = world(&storm(seed, network));
        let mut facts = facts_until(&mut world, Time::from_secs(20 * 60));
        let quiet = Time::from_secs(3 * 3600);
        while world.now() < quiet && !world.is_done() {
            world.step();
        }
        world.take_facts(&mut facts);
        let mut open: Map<_, _> = Map::default();
        let mut ended = Set::default();
        for fact in &facts {
            match fact.what {
                Fact::JobSubmitted { job, owner, .. } => assert!(open.insert(job, owner).is_none()),
                Fact::JobEnded { job, .. } => {
                    assert!(ended.insert(job), "seed {seed}: {job} ended twice");
                    assert!(open.swap_remove(&job).is_some(), "seed {seed}: {job} ended before it came");
                }
                _ => {}
            }
        }
        assert!(ended.len() > 300, "seed {seed}: {} jobs are no storm", ended.len());
        for (job, owner) in open {
            hung.push(format!("seed {seed}: {job} of {}", world.names().text(owner)));
        }
    }
    assert!(hung.is_empty(), "{} jobs never ended:\n{}", hung.len(), hung.join("\n"));
}

#[test]
fn after_every_storm_every_job_ends() {
    everything_ends(0..60, r#"{ exponential = "2ms", shift = "1ms" }"#);
}

/// Executors take their time to start, and a busy master merges and delays.
#[test]
fn after_every_storm_over_a_busy_master_every_job_ends() {
    let busy = "{ exponential = \"20ms\" }\n[master]\nservice_time = \"3ms\"\n[allocator]\nservice_time = \"20ms\"\n\
                [agent]\nexecutor_startup = { exponential = \"2s\" }";
    everything_ends(200..230, busy);
}

/// Latencies near the first retries: answers cross with repeated questions.
#[test]
fn after_every_storm_on_slow_links_every_job_ends() {
    everything_ends(100..160, r#"{ exponential = "300ms", shift = "100ms" }"#);
}

/// The five invariants hold all through the storms.
#[test]
fn no_storm_breaks_an_invariant() {
    for (seeds, network) in [
        (300..308, r#"{ exponential = "2ms", shift = "1ms" }"#),
        (400..408, r#"{ exponential = "300ms", shift = "100ms" }"#),
    ] {
        for seed in seeds {
            let sim = Sim::of(scenario(&storm(seed, network)), true).unwrap_or_else(|e| panic!("{}", e.render(false)));
            let finished = sim.run(&mut ()).unwrap_or_else(|e| panic!("{e:?}"));
            assert!(finished.broken.is_none(), "seed {seed}: {:?}", finished.broken);
        }
    }
}

/// Two machines; `aware` saves nothing but knows partitions, `plain` neither. Each runs one task
/// of ten minutes on each machine.
fn pair(faults: &str) -> World {
    world(&format!(
        r#"
duration = "1h"
stop_when_done = false
[network]
latency = "1ms"
[[agents]]
name = "agent"
count = 2
resources = "cpus:4;mem:8192"
racks = 2
[[frameworks]]
name = "aware"
capabilities = ["PARTITION_AWARE"]
checkpoint = true
[[frameworks]]
name = "plain"
checkpoint = true
[[frameworks]]
name = "careless"
[[workload]]
kind = "poisson"
framework = "aware"
rate = "1/s"
max_jobs = 1
tasks = 2
duration = "10m"
cpus = 2
mem = "1GiB"
[[workload]]
kind = "poisson"
framework = "plain"
rate = "1/s"
max_jobs = 1
tasks = 2
duration = "10m"
cpus = 1
mem = "1GiB"
[[workload]]
kind = "poisson"
framework = "careless"
rate = "1/s"
max_jobs = 1
tasks = 2
duration = "10m"
cpus = 1
mem = "1GiB"
{faults}
"#
    ))
}

fn seconds(n: i64) -> Time {
    Time::from_secs(n)
}

/// All facts of an hour, and all jobs have ended once.
fn hour(world: &mut World) -> Vec<At<Fact>> {
    let facts = facts_until(world, seconds(3600));
    let ended = facts.iter().filter(|f| matches!(f.what, Fact::JobEnded { .. })).count();
    assert_eq!(ended, 3, "every job ends, once");
    facts
}

fn when(facts: &[At<Fact>], is: impl Fn(&Fact) -> bool) -> Vec<Time> {
    facts.iter().filter(|f| is(&f.what)).map(|f| f.at).collect()
}

/// Ends of tasks by the master's books other than by finishing: instant, state, reason.
fn losses(facts: &[At<Fact>]) -> Vec<(Time, TaskState, Reason)> {
    let loss = |f: &At<Fact>| match f.what {
        Fact::TaskTerminal { state, reason, .. } if state != TaskState::Finished => Some((f.at, state, reason)),
        _ => None,
    };
    facts.iter().filter_map(loss).collect()
}

/// 7.5, 7.6, 27.1: a machine that dies silently is found by its pings; its work is done elsewhere;
/// it comes back under its id and is offered.
#[test]
fn a_machine_that_dies_is_missed_after_five_pings() {
    let mut world = pair("[[fault]]\nkind = \"rack-loss\"\nat = \"100s\"\ndown = \"200s\"\nrack = \"r0\"");
    let facts = hour(&mut world);
    let unreachable = when(&facts, |f| matches!(f, Fact::AgentUnreachable { .. }));
    assert_eq!(unreachable.len(), 1);
    // The last pong came in the 15 s before the crash.
    assert!((seconds(100 + 60)..=seconds(100 + 90)).contains(&unreachable[0]), "{}", unreachable[0]);
    let mut states: Vec<_> = losses(&facts).iter().map(|l| (l.0 == unreachable[0], l.1.name(), l.2)).collect();
    states.sort_unstable_by_key(|s| s.1);
    let lost = (true, "TASK_LOST", Reason::AgentRemoved);
    assert_eq!(states, [lost, lost, (true, "TASK_UNREACHABLE", Reason::AgentRemoved)]);
    let back = when(&facts, |f| matches!(f, Fact::AgentReregistered { .. }));
    assert!(back.len() == 1 && back[0] >= seconds(300) && back[0] < seconds(303), "{back:?}");
    assert_eq!(when(&facts, |f| matches!(f, Fact::AgentRegistered { .. })).len(), 2, "it keeps its id");
    assert!(when(&facts, |f| matches!(f, Fact::TaskLaunched { .. })).iter().any(|&t| t >= back[0]), "it works again");
}

/// 7.7: when only the process dies its connection breaks at once: tasks of a framework that does
/// not checkpoint are lost at once, the others' when the agent is back without them.
#[test]
fn an_agent_process_that_dies_is_noticed_at_once() {
    let mut world = pair(
        "[[fault]]\nkind = \"agent-crash\"\nprocess = true\nat = \"100s\"\ndown = \"20s\"\ntarget = \"rack_id=r0\"",
    );
    let facts = hour(&mut world);
    let gone = when(&facts, |f| matches!(f, Fact::AgentDisconnected { .. }));
    assert_eq!(gone, [seconds(100) + Span::from_millis(1)]);
    assert_eq!(when(&facts, |f| matches!(f, Fact::AgentUnreachable { .. })), []);
    let (at_once, later): (Vec<_>, Vec<_>) = losses(&facts).into_iter().partition(|l| l.0 == gone[0]);
    assert!(!at_once.is_empty() && at_once.iter().all(|l| (l.1, l.2) == (TaskState::Lost, Reason::AgentDisconnected)));
    assert!(!later.is_empty() && later.iter().all(|l| l.2 == Reason::Reconciliation), "{later:?}");
    assert!(later.iter().all(|l| l.0 >= seconds(120) && l.0 < seconds(122)), "{later:?}");
    let rescinded = when(&facts, |f| matches!(f, Fact::OffersEnded { how: OfferEnd::Rescinded, .. }));
    assert!(rescinded.iter().all(|&t| t == gone[0]), "what was offered of it is taken back: {rescinded:?}");
}

/// A cut shorter than the pings' patience that swallows nothing but pings leaves no trace.
#[test]
fn a_short_cut_of_an_idle_link_is_no_matter() {
    let cut = "[[fault]]\nkind = \"partition\"\nat = \"100s\"\nlasts = \"40s\"\nfrom = \"rack_id=r0\"\nto = \"master\"";
    let facts = hour(&mut pair(cut));
    let trouble = |f: &Fact| matches!(f, Fact::AgentUnreachable { .. } | Fact::AgentDisconnected { .. });
    assert_eq!(when(&facts, trouble), []);
    assert_eq!(losses(&facts), []);
    assert_eq!(when(&facts, |f| matches!(f, Fact::FaultBit { .. })).len(), 1, "pings were swallowed");
}

/// A long one makes the agent unreachable. Its tasks run on, are killed when it is back because
/// they were started anew elsewhere, and nothing is counted twice.
#[test]
fn a_long_cut_ends_in_a_return() {
    let cut =
        "[[fault]]\nkind = \"partition\"\nat = \"100s\"\nlasts = \"200s\"\nfrom = \"rack_id=r0\"\nto = \"master\"";
    let facts = hour(&mut pair(cut));
    let unreachable = when(&facts, |f| matches!(f, Fact::AgentUnreachable { .. }));
    assert_eq!(unreachable.len(), 1);
    assert!((seconds(160)..=seconds(190)).contains(&unreachable[0]), "{}", unreachable[0]);
    let back = when(&facts, |f| matches!(f, Fact::AgentReregistered { .. }))[0];
    assert!(back >= seconds(300) && back < seconds(302), "{back}");
    let ends = |how| when(&facts, |f| matches!(f, Fact::TaskEnded { how: h, .. } if *h == how));
    assert_eq!(ends(End::Lost), [], "no container died with the connection");
    assert!(
        ends(End::Killed).len() == 3 && ends(End::Killed).iter().all(|&t| t >= back && t < back + Span::from_secs(1))
    );
    assert_eq!(ends(End::Finished).len(), 6);
}

/// 6.4: a framework whose time to come back is over is removed and its tasks are shut down in
/// truth; with more time nothing is killed (T15). The cut is noticed because the end of the short
/// task is swallowed.
#[test]
fn only_frameworks_that_stay_away_are_removed() {
    for (timeout, removed) in [("1ms", true), ("1h", false)] {
        let text = format!(
            r#"
duration = "1h"
stop_when_done = false
[[agents]]
count = 2
resources = "cpus:4;mem:8192"
[[frameworks]]
name = "f"
failover_timeout = "{timeout}"
[[workload]]
kind = "poisson"
framework = "f"
rate = "1/s"
max_jobs = 5
tasks = 1
duration = "300s"
cpus = 1
mem = "1GiB"
[[workload]]
kind = "poisson"
framework = "f"
rate = "1/s"
from = "30s"
max_jobs = 1
tasks = 1
duration = "40s"
cpus = 1
mem = "1GiB"
[[fault]]
kind = "partition"
at = "60s"
lasts = "80s"
from = "frameworks"
to = "master"
"#
        );
        let mut world = world(&text);
        let facts = facts_until(&mut world, seconds(3600));
        let gone = when(&facts, |f| matches!(f, Fact::FrameworkRemoved { .. }));
        let killed = when(&facts, |f| matches!(f, Fact::TaskEnded { how: End::Killed, .. }));
        assert_eq!(when(&facts, |f| matches!(f, Fact::JobEnded { .. })).len(), 6, "{timeout}");
        assert_eq!(gone.len(), usize::from(removed), "{timeout}");
        assert_eq!(killed.len(), if removed { 5 } else { 0 }, "{timeout}");
        let attempts = when(&facts, |f| matches!(f, Fact::TaskStarted { .. })).len();
        assert_eq!(attempts, if removed { 12 } else { 6 }, "{timeout}");
    }
}

const WORK: &str = r#"
duration = "1h"
[network]
latency = "1ms"
[[agents]]
count = 10
resources = "cpus:4;mem:8192"
[[frameworks]]
name = "f"
[[workload]]
kind = "poisson"
framework = "f"
rate = "1/s"
max_jobs = 50
tasks = 4
duration = "10s"
cpus = 1
mem = "1GiB"
"#;

/// 11.2: of each stream the head alone is in flight, and STARTING, RUNNING and the end are all
/// sent, each after the acknowledgement of the one before.
#[test]
fn updates_of_a_task_go_one_by_one() {
    let mut world = world(WORK);
    world.watch_details();
    let facts = facts_until(&mut world, seconds(600));
    assert_eq!(when(&facts, |f| matches!(f, Fact::TaskEnded { .. })).len(), 200);
    let mut details = Vec::new();
    world.take_details(&mut details);
    let mut tasks: Map<_, Vec<(bool, TaskState)>> = Map::default();
    for detail in details {
        match detail.what {
            Detail::UpdateSent { task, state, again, .. } => {
                assert!(!again, "nothing is lost, so nothing is repeated");
                tasks.entry(task).or_default().push((true, state));
            }
            Detail::UpdateAcknowledged { task, state, .. } => tasks.entry(task).or_default().push((false, state)),
            _ => {}
        }
    }
    assert_eq!(tasks.len(), 200);
    let path = [TaskState::Starting, TaskState::Running, TaskState::Finished].map(|s| [(true, s), (false, s)]);
    for (task, steps) in tasks {
        assert_eq!(steps, path.concat(), "{task}");
    }
}

/// 7.2 and the registrar: ten agents register while the disk is busy; few versions are written.
#[test]
fn registrations_share_writes() {
    let text = WORK.replace("[network]", "[disk]\nlatency = \"2s\"\n[network]");
    let facts = facts_until(&mut world(&text), seconds(60));
    let registered = when(&facts, |f| matches!(f, Fact::AgentRegistered { .. }));
    let written: Vec<u32> = facts
        .iter()
        .filter_map(|f| match f.what {
            Fact::RegistryWritten { operations, .. } => Some(operations),
            _ => None,
        })
        .collect();
    assert_eq!(registered.len(), 10);
    assert!(written.len() <= 3 && written.iter().sum::<u32>() == 10, "{written:?}");
}

/// 8.3: an offer that nobody answers is taken back after its time and offered again.
#[test]
fn offers_time_out() {
    let text = WORK.replace("max_jobs = 50", "max_jobs = 1")
        + "[master]\noffer_timeout = \"30s\"\n[[fault]]\nkind = \"partition\"\nat = \"5s\"\nlasts = \"20m\"\n\
           from = \"master\"\nto = \"frameworks\"\none_way = true\n";
    let text = text.replace("rate = \"1/s\"", "rate = \"1/s\"\nfrom = \"10s\"");
    let facts = facts_until(&mut world(&text), seconds(600));
    let offered = when(&facts, |f| matches!(f, Fact::Offered { .. }));
    let rescinded = when(&facts, |f| matches!(f, Fact::OffersEnded { how: OfferEnd::Rescinded, .. }));
    assert!(offered.len() > 5 && rescinded.len() > 5);
    for &end in &rescinded {
        assert!(offered.contains(&(end - Span::from_secs(30))), "taken back at {end}");
    }
}
