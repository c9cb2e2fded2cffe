//! Clusters with several masters and ZooKeeper lose their leaders, their ensemble and the network
//! between them.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::world;
use mesosim::base::dice::{Dice, Site};
use mesosim::base::time::{Span, Time};
use mesosim::check::{Checker, INVARIANTS};
use mesosim::fact::{At, End, Fact, ProcessKind};
use mesosim::world::World;

const MASTERS: std::ops::Range<u32> = 0..3;
const ZOOKEEPERS: std::ops::Range<u32> = 3..6;

/// Three masters, three servers, two frameworks, twelve agents. No task fails by itself.
fn cluster(seed: u64, faults: &str) -> String {
    format!(
        r#"
seed = {seed}
duration = "30m"
stop_when_done = false
[network]
latency = {{ exponential = "1ms", shift = "500us" }}
[disk]
latency = {{ exponential = "4ms", shift = "1ms" }}
[cluster]
masters = 3
zookeepers = 3
[[agents]]
name = "agent"
count = 12
resources = "cpus:4;mem:8192"
[[frameworks]]
name = "one"
role = "a"
checkpoint = true
capabilities = ["PARTITION_AWARE"]
failover_timeout = "1h"
[[frameworks]]
name = "two"
role = "b"
checkpoint = true
failover_timeout = "1h"
[[workload]]
kind = "poisson"
framework = "one"
rate = "10/min"
tasks = {{ uniform = [1, 4] }}
duration = {{ exponential = "60s" }}
cpus = 1
mem = "1GiB"
[[workload]]
kind = "poisson"
framework = "two"
rate = "6/min"
tasks = 2
duration = {{ exponential = "90s" }}
cpus = 0.7
mem = "512MiB"
{faults}"#
    )
}

/// Runs to the instant with all invariants; a violation fails the test.
fn watch(world: &mut World, checker: &mut Checker, end: Time) -> Vec<At<Fact>> {
    let (mut facts, mut seen, mut all) = (Vec::new(), Vec::new(), Vec::new());
    world.watch(checker.watch());
    while world.next_time().is_some_and(|t| t <= end) {
        world.step();
        world.take_facts(&mut facts);
        world.take_messages(&mut seen);
        if let Some(violation) = checker.after_step(world, &facts, &seen) {
            panic!("{violation}");
        }
        all.append(&mut facts);
        seen.clear();
    }
    all
}

fn checker() -> Checker {
    let names: Vec<&str> = INVARIANTS.iter().map(|row| row.0).collect();
    Checker::new(&names)
}

fn run(text: &str, minutes: i64) -> (World, Vec<At<Fact>>) {
    let (mut world, mut checker) = (world(text), checker());
    let facts = watch(&mut world, &mut checker, Time::from_secs(60 * minutes));
    if let Some(violation) = checker.finish(&world) {
        panic!("{violation}");
    }
    (world, facts)
}

/// Masters that served, in order: slot and when.
fn leaders(facts: &[At<Fact>]) -> Vec<(u32, Time)> {
    let ready = |f: &At<Fact>| match f.what {
        Fact::LeaderReady { kind: ProcessKind::Master, slot, .. } => Some((slot, f.at)),
        _ => None,
    };
    facts.iter().filter_map(ready).collect()
}

fn count(facts: &[At<Fact>], of: impl Fn(&Fact) -> bool) -> usize {
    facts.iter().filter(|f| of(&f.what)).count()
}

/// Containers that ended otherwise than by themselves.
fn broken(facts: &[At<Fact>]) -> usize {
    count(facts, |f| matches!(f, Fact::TaskEnded { how: End::Killed | End::Lost | End::Failed, .. }))
}

#[test]
fn a_leader_crashes_and_nothing_is_lost_but_time() {
    for seed in 1..=5 {
        let crash = "[[fault]]\nkind = \"master-crash\"\nat = \"5m\"\ndown = \"1m\"\n";
        let (world, facts) = run(&cluster(seed, crash), 15);
        let led = leaders(&facts);
        assert_eq!(led.len(), 2, "seed {seed}: {led:?}");
        assert_ne!(led[0].0, led[1].0);
        let outage = led[1].1 - Time::from_secs(300);
        // The session expires 10 s after its last heartbeat, at the most; then a vote of the
        // servers, a fetch and a write of the registry.
        let (low, high) = (Span::from_secs(6), Span::from_secs(11));
        assert!((low..high).contains(&outage), "seed {seed}: {outage}");
        let back = |f: &&At<Fact>| matches!(f.what, Fact::AgentReregistered { .. }) && f.at >= led[1].1;
        let back: Vec<Time> = facts.iter().filter(back).map(|f| f.at).collect();
        assert_eq!(back.len(), 12, "seed {seed}");
        assert!(back[11] - led[1].1 < Span::from_secs(2), "seed {seed}: {}", back[11]);
        let subscribed = |f: &&At<Fact>| matches!(f.what, Fact::FrameworkSubscribed { .. }) && f.at > led[1].1;
        assert_eq!(facts.iter().filter(subscribed).count(), 2, "seed {seed}");
        assert_eq!(broken(&facts), 0, "seed {seed}: no task dies of it");
        let unreachable = count(&facts, |f| matches!(f, Fact::AgentUnreachable { .. } | Fact::AgentRemoved { .. }));
        assert_eq!(unreachable, 0, "seed {seed}");
        assert_eq!(count(&facts, |f| matches!(f, Fact::FaultBit { .. })), 1);
        let ended = facts.iter().filter(|f| matches!(f.what, Fact::JobEnded { .. }) && f.at > led[1].1).count();
        assert!(ended > 80, "seed {seed}: work goes on, {ended} jobs");
        assert_eq!(world.leader_of(ProcessKind::Master), Some(led[1].0));
    }
}

/// Twenty deaths of whoever leads, five minutes apart: each time another candidacy wins, and all
/// agents come back.
#[test]
fn leader_after_leader() {
    let crash = "[[fault]]\nkind = \"master-crash\"\nmtbf = \"3m\"\nmttr = \"20s\"\n";
    let (_, facts) = run(&cluster(7, crash), 30);
    let led = leaders(&facts);
    assert!(led.len() >= 5, "{led:?}");
    let struck = count(&facts, |f| matches!(f, Fact::FaultBit { .. }));
    assert!(struck + 1 >= led.len(), "{struck} crashes, {led:?}");
    assert_eq!(broken(&facts), 0);
}

#[test]
fn without_a_majority_nobody_is_elected_and_no_session_expires() {
    for seed in 1..=3 {
        let faults = r#"
[[fault]]
kind = "zookeeper-crash"
at = "5m"
down = "5m"
target = "zookeeper-0"
[[fault]]
kind = "zookeeper-crash"
at = "5m"
down = "5m"
target = "zookeeper-1"
"#;
        let (_, facts) = run(&cluster(seed, faults), 15);
        let (lost, back) = (Time::from_secs(300), Time::from_secs(600));
        let during = |f: &&At<Fact>| f.at > lost && f.at < back;
        let expired = |f: &&At<Fact>| matches!(f.what, Fact::SessionExpired { .. });
        assert_eq!(facts.iter().filter(during).filter(expired).count(), 0, "seed {seed}");
        // The leader gives itself up when its session must have expired; nobody can follow it.
        let gave_up = facts.iter().find(|f| matches!(f.what, Fact::LeaderLost { .. })).map(|f| f.at);
        let most = lost + Span::from_secs(30);
        assert!(gave_up.is_some_and(|at| at > lost && at < most), "seed {seed}: {gave_up:?}");
        let led = leaders(&facts);
        assert_eq!(led.len(), 2, "seed {seed}: {led:?}");
        assert!(led[1].1 > back && led[1].1 < back + Span::from_secs(40), "seed {seed}: {led:?}");
        let again = facts.iter().filter(|f| matches!(f.what, Fact::AgentReregistered { .. }) && f.at > led[1].1);
        assert_eq!(again.count(), 12, "seed {seed}");
        // Tasks run on without anybody to lead them.
        assert_eq!(broken(&facts), 0, "seed {seed}");
    }
}

#[test]
fn one_server_of_three_is_no_loss() {
    for target in ["zookeeper-0", "zookeeper-1", "zookeeper-2", "leading-zookeeper"] {
        let fault =
            format!("[[fault]]\nkind = \"zookeeper-crash\"\nat = \"5m\"\ndown = \"2m\"\ntarget = \"{target}\"\n");
        let (_, facts) = run(&cluster(3, &fault), 10);
        assert_eq!(leaders(&facts).len(), 1, "{target}");
        assert_eq!(
            count(&facts, |f| matches!(f, Fact::SessionExpired { .. } | Fact::LeaderLost { .. })),
            0,
            "{target}"
        );
    }
}

/// The leader cannot reach ZooKeeper and does not know that it has been replaced: for a moment two
/// lead, and only one of them can write the registry.
#[test]
fn a_leader_that_is_cut_off_is_replaced_and_stops() {
    let mut both = 0;
    for seed in 1..=8 {
        let cut = r#"
[[fault]]
kind = "partition"
at = "5m"
lasts = "2m"
from = "leading-master"
to = "zookeepers"
"#;
        let (_, facts) = run(&cluster(seed, cut), 15);
        let led = leaders(&facts);
        assert_eq!(led.len(), 2, "seed {seed}: {led:?}");
        let stopped = facts.iter().find(|f| matches!(f.what, Fact::LeaderLost { .. }));
        let stopped = stopped.unwrap_or_else(|| panic!("seed {seed}: the old leader never stops"));
        assert_eq!(stopped.by, led[0].0, "seed {seed}");
        both += usize::from(stopped.at > led[1].1);
        // What the old leader writes after the new one began is refused.
        let written = |by, f: &&At<Fact>| matches!(f.what, Fact::RegistryWritten { .. }) && f.by == by;
        assert_eq!(facts.iter().filter(|f| f.at > led[1].1).filter(|f| written(led[0].0, f)).count(), 0, "seed {seed}");
        let mut versions: Vec<u64> = facts
            .iter()
            .filter_map(|f| match f.what {
                Fact::RegistryWritten { version, .. } => Some(version),
                _ => None,
            })
            .collect();
        versions.sort_unstable();
        assert!(versions.windows(2).all(|w| w[0] < w[1]), "seed {seed}: each version is written once: {versions:?}");
        assert_eq!(broken(&facts), 0, "seed {seed}");
    }
    assert!(both > 0, "in some run both led for a moment");
}

/// A new leader is told by the registry whom to expect, and gives up those that do not come.
#[test]
fn agents_that_do_not_come_back_are_given_up() {
    let faults = r#"
[master]
agent_reregister_timeout = "10m"
[[fault]]
kind = "agent-crash"
at = "4m50s"
target = "agent-3"
[[fault]]
kind = "master-crash"
at = "5m"
process = true
"#;
    let (_, facts) = run(&cluster(2, faults), 29);
    let led = leaders(&facts);
    assert_eq!(led.len(), 2);
    let gone: Vec<Time> =
        facts.iter().filter(|f| matches!(f.what, Fact::AgentUnreachable { .. })).map(|f| f.at).collect();
    assert_eq!(gone.len(), 1);
    let after = gone[0] - led[1].1;
    assert!((Span::from_secs(600)..Span::from_secs(601)).contains(&after), "{after}");
    // Its tasks were asked about until that moment, and run elsewhere then.
    let lost: Vec<_> = facts
        .iter()
        .filter_map(|f| match f.what {
            Fact::TaskEnded { task, how: End::Lost, .. } => Some(task),
            _ => None,
        })
        .collect();
    assert!(!lost.is_empty());
    let ended: Vec<_> = facts
        .iter()
        .filter_map(|f| match f.what {
            Fact::JobEnded { job, .. } => Some(job),
            _ => None,
        })
        .collect();
    for task in lost {
        assert!(ended.contains(&task.template), "{task} was never run again");
    }
}

/// Eager and elided heartbeats, those of ZooKeeper sessions among them: one digest.
#[test]
fn elided_sessions_change_nothing() {
    let faults = r#"
[[fault]]
kind = "master-crash"
mtbf = "6m"
mttr = "30s"
[[fault]]
kind = "zookeeper-crash"
mtbf = "10m"
mttr = "20s"
[[fault]]
kind = "agent-crash"
mtbf = "1h"
mttr = "40s"
[[fault]]
kind = "partition"
at = "8m"
lasts = "15s"
from = "zookeeper-1"
to = "agents"
[[fault]]
kind = "partition"
at = "12m"
lasts = "1m"
from = "agent-4"
to = "zookeepers"
one_way = true
"#;
    for seed in 1..=20 {
        let elided = world(&cluster(seed, faults));
        let mut eager = elided.clone();
        eager.make_all_beats();
        let (mut a, mut b) = (elided, eager);
        for end in (0..=20).map(|m| Time::from_secs(60 * m)) {
            a.run_until(end);
            b.run_until(end);
            assert_eq!(a.digest().hex(), b.digest().hex(), "seed {seed}: before {end}");
        }
        let ([.., made_a, _], [.., made_b, _]) = (a.counts(), b.counts());
        assert!(made_a * 2 < made_b, "seed {seed}: {made_a} beats made elided, {made_b} eager");
    }
}

/// Masters and servers die after any single effect, around elections and registry writes, and are
/// started again: whatever the point, the cluster finds back and keeps its books.
#[test]
fn any_effect_may_be_the_last() {
    let key = Dice::new(5).key(Site::new("test-failover-points"));
    let mut deaths = 0;
    for seed in 0..60 {
        let mut world = world(&cluster(seed, ""));
        let mut checker = checker();
        let (mut facts, mut now) = (Vec::new(), Time::ZERO);
        for n in 0..6 {
            // Often while the cluster still finds together, later while it is busy.
            let wait = key.draw(seed, 3 * n).between(0, if n < 3 { 2_000 } else { 40_000 });
            now += Span::from_millis(wait);
            facts.extend(watch(&mut world, &mut checker, now));
            let slot = key.draw(seed, 3 * n + 1).below(u64::from(ZOOKEEPERS.end)) as u32;
            world.stop_after_effects(slot, key.draw(seed, 3 * n + 2).below(60));
        }
        facts.extend(watch(&mut world, &mut checker, Time::from_secs(420)));
        deaths += count(&facts, |f| matches!(f, Fact::ProcessStopped { .. }));
        let leader = world.leader_of(ProcessKind::Master);
        assert!(leader.is_some_and(|slot| MASTERS.contains(&slot)), "seed {seed}: nobody leads");
        let last = leaders(&facts).last().map(|l| l.0);
        assert_eq!(last, leader, "seed {seed}");
        let agents = world.master(leader.unwrap_or(0)).map_or(0, |(master, _)| master.books().len());
        assert_eq!(agents, 12, "seed {seed}: agents that are back");
        assert_eq!(broken(&facts), 0, "seed {seed}");
        assert!(world.leader_of(ProcessKind::Zookeeper).is_some(), "seed {seed}");
    }
    assert!(deaths > 150, "{deaths} deaths");
}

/// Twice the same, and forks go on alike.
#[test]
fn elections_are_repeatable() {
    let crash = "[[fault]]\nkind = \"master-crash\"\nmtbf = \"4m\"\nmttr = \"20s\"\n";
    let text = cluster(11, crash);
    let digest = |mut world: World| {
        world.run_until(Time::from_secs(900));
        world.digest().hex()
    };
    let whole = digest(world(&text));
    let mut first = world(&text);
    first.run_until(Time::from_secs(301));
    assert_eq!((digest(first.clone()), digest(first)), (whole.clone(), whole));
}

/// Ten thousand agents with idle sessions: in a day nothing happens but ticks of the three masters'
/// allocators and their clean-up of the registry.
#[test]
fn idle_sessions_cost_nothing() {
    let text = r#"
duration = "25h"
stop_when_done = false
[cluster]
masters = 3
zookeepers = 3
[[agents]]
name = "agent"
count = 10000
resources = "cpus:4;mem:8192"
"#;
    let mut world = world(text);
    world.run_until(Time::from_secs(3600));
    let [events, beats, _] = world.counts();
    // About a dozen messages, timers and writes for each to connect, detect and register.
    assert!(events < 40 * 10_000, "{events}");
    world.run_until(Time::from_secs(25 * 3600));
    let [after, beats_after, _] = world.counts();
    assert_eq!(beats_after, beats);
    let day = after - events;
    assert!(day <= 3 * (2 * 86_400 + 24 * 4 + 10), "{day} events in a day");
}

/// Without ZooKeeper there is one master. When it comes back it knows its agents from its own disk,
/// they find it where it was, and no task is lost.
#[test]
fn a_master_without_elections_comes_back_to_its_agents() {
    let fault = "[[fault]]\nkind = \"master-crash\"\nat = \"5m\"\ndown = \"30s\"\n";
    let text = cluster(4, fault).replace("[cluster]\nmasters = 3\nzookeepers = 3\n", "");
    let (_, facts) = run(&text, 10);
    let back = Time::from_secs(330);
    let again = facts.iter().filter(|f| matches!(f.what, Fact::AgentReregistered { .. }) && f.at > back);
    assert_eq!(again.count(), 12);
    let new = count(&facts, |f| matches!(f, Fact::AgentRegistered { .. }));
    assert_eq!((new, broken(&facts)), (12, 0));
    assert!(facts.iter().any(|f| matches!(f.what, Fact::JobEnded { .. }) && f.at > back));
}
