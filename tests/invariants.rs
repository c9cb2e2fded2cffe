//! The invariants in whole runs: silent while cores are honest, whatever fails around them; loud
//! when one is sabotaged, and then it is the right one that speaks.

use expect_test::expect;
use mesosim::base::time::Time;
use mesosim::check::{Checker, INVARIANTS, Violation};
use mesosim::fact::{Fact, ProcessKind};
use mesosim::scenario::Scenario;
use mesosim::world::World;
use mesosim::world::sabotage::{ASSERTION, SABOTEURS, Saboteur};
use std::panic::AssertUnwindSafe;
use std::path::Path;

/// Everything that can fail does: machines and agent processes, a rack, links of agents and of a
/// framework, for longer and shorter than the time-outs.
const STORM: &str = r#"
    duration = "20m"
    stop_when_done = false
    [master]
    agent_ping_timeout = "3s"
    max_agent_ping_timeouts = 3
    agent_reregister_timeout = "10m"
    [roles.heavy]
    weight = 3
    [[agents]]
    name = "agent"
    count = 12
    resources = "cpus:4;mem:8192"
    racks = 3
    [[frameworks]]
    name = "aware"
    role = "heavy"
    capabilities = ["PARTITION_AWARE"]
    checkpoint = true
    failover_timeout = "1h"
    chooser = "best-fit"
    [[frameworks]]
    name = "plain"
    role = "light"
    failover_timeout = "30s"
    [[frameworks]]
    name = "gang"
    role = "heavy"
    gang = true
    chooser = "random"
    [[workload]]
    kind = "poisson"
    framework = "aware"
    rate = "10/min"
    tasks = { uniform = [1, 8] }
    duration = { exponential = "40s" }
    cpus = 1.5
    mem = "1GiB"
    [[workload]]
    kind = "poisson"
    framework = "plain"
    rate = "10/min"
    tasks = { uniform = [1, 4] }
    duration = { exponential = "20s" }
    cpus = 0.7
    mem = "512MiB"
    failure = 0.1
    [[workload]]
    kind = "poisson"
    framework = "gang"
    rate = "2/min"
    tasks = 4
    duration = "30s"
    cpus = 2
    mem = "1GiB"
    [[fault]]
    kind = "agent-crash"
    mtbf = "15m"
    mttr = "20s"
    [[fault]]
    kind = "agent-crash"
    mtbf = "10m"
    mttr = "3s"
    process = true
    [[fault]]
    kind = "rack-loss"
    at = "4m"
    down = "30s"
    rack = "r1"
    [[fault]]
    kind = "partition"
    at = "7m"
    lasts = "40s"
    from = "agent-3"
    to = "master"
    [[fault]]
    kind = "partition"
    at = "8m"
    lasts = "4s"
    from = "agent-4"
    to = "master"
    [[fault]]
    kind = "partition"
    at = "9m"
    lasts = "50s"
    from = "master"
    to = "agent-5"
    one_way = true
    [[fault]]
    kind = "partition"
    at = "10m"
    lasts = "1m"
    from = "agent-6"
    to = "master"
    one_way = true
    [[fault]]
    kind = "partition"
    at = "11m"
    lasts = "5s"
    from = "plain"
    to = "master"
    [[fault]]
    kind = "partition"
    at = "12m"
    lasts = "1m"
    from = "gang"
    to = "master"
    [[fault]]
    kind = "agent-crash"
    at = "13m"
    target = "agent-7"
"#;

/// Two agents on each of which one task fits at a time.
const CALM: &str = r#"
    duration = "2m"
    [agent]
    registration_backoff_factor = "10s"
    [[agents]]
    name = "agent"
    count = 2
    resources = "cpus:4;mem:4096"
    [[frameworks]]
    name = "batch"
    [[workload]]
    kind = "poisson"
    framework = "batch"
    rate = "30/min"
    tasks = 2
    duration = "5s"
    cpus = 3
    mem = "1GiB"
"#;

/// An app on two of three machines, upgraded once; long after that, the Marathon that leads dies.
const SHOP: &str = r#"
    duration = "40m"
    stop_when_done = false
    [cluster]
    zookeepers = 3
    [[agents]]
    name = "agent"
    count = 3
    resources = "cpus:4;mem:4096;ports:[31000-32000]"
    [[marathon]]
    instances = 2
    [[request]]
    kind = "marathon"
    at = "1m"
    method = "POST"
    path = "/v2/apps"
    body = '{ "id": "/web", "cmd": "serve", "instances": 2, "cpus": 1, "constraints": [["hostname", "UNIQUE"]] }'
    [[request]]
    kind = "marathon"
    at = "2m"
    method = "PUT"
    path = "/v2/apps//web"
    body = '{ "cmd": "serve --better" }'
    [[fault]]
    kind = "marathon-crash"
    at = "20m"
    down = "30s"
"#;

/// A busier shop: apps that depend on one another, a stateful one that goes again, one that is broken,
/// somebody who listens; a machine is away for a quarter of an hour, and the leader abdicates.
const MALL: &str = r#"
    duration = "40m"
    stop_when_done = false
    [cluster]
    zookeepers = 3
    [[agents]]
    name = "agent"
    count = 4
    resources = "cpus:4;mem:4096;disk:10000;ports:[31000-32000]"
    [[marathon]]
    instances = 2
    mesos_role = "mall"
    mesos_authentication_principal = "marathon"
    [[app]]
    id = "/broken"
    exits_after = "1s"
    failure = 1
    [[request]]
    kind = "marathon"
    at = "50s"
    method = "GET"
    path = "/v2/events"
    [[request]]
    kind = "marathon"
    at = "1m"
    method = "POST"
    path = "/v2/groups"
    body = """{ "id": "/shop", "apps": [
        { "id": "db", "cmd": "serve", "instances": 1, "cpus": 1,
          "healthChecks": [{ "protocol": "HTTP", "path": "/", "portIndex": 0, "intervalSeconds": 5 }] },
        { "id": "web", "cmd": "serve", "instances": 4, "cpus": 1, "dependencies": ["db"],
          "constraints": [["hostname", "UNIQUE"]],
          "unreachableStrategy": { "inactiveAfterSeconds": 300, "expungeAfterSeconds": 600 } }] }"""
    [[request]]
    kind = "marathon"
    at = "2m"
    method = "POST"
    path = "/v2/apps"
    body = """{ "id": "/files", "cmd": "serve", "instances": 1, "cpus": 1, "container": { "type": "MESOS",
        "volumes": [{ "containerPath": "data", "mode": "RW", "persistent": { "size": 1000 } }] } }"""
    [[request]]
    kind = "marathon"
    at = "3m"
    method = "POST"
    path = "/v2/apps"
    body = '{ "id": "/broken", "cmd": "serve", "instances": 1, "cpus": 0.1, "backoffSeconds": 10 }'
    [[request]]
    kind = "marathon"
    at = "5m"
    method = "DELETE"
    path = "/v2/apps//files"
    [[fault]]
    kind = "agent-crash"
    at = "8m"
    down = "15m"
    target = "agent-3"
    [[request]]
    kind = "marathon"
    at = "30m"
    method = "DELETE"
    path = "/v2/leader"
"#;

fn world(text: &str, overrides: &[(&str, &str)]) -> World {
    let overrides: Vec<(String, String)> = overrides.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
    let scenario = Scenario::parse(text, "test.toml", Path::new(""), &overrides, None);
    let scenario = scenario.unwrap_or_else(|e| panic!("{e}"));
    World::build(&scenario).unwrap_or_else(|e| panic!("{e}")).0
}

/// What happened in a run that tests want to know of.
#[derive(Default, Debug)]
struct Tally {
    finished: u32,
    unreachable: u32,
    reregistered: u32,
    frameworks_removed: u32,
    bites: u32,
}

impl Tally {
    fn count(&mut self, fact: &Fact) {
        match fact {
            Fact::JobEnded { .. } => self.finished += 1,
            Fact::AgentUnreachable { .. } => self.unreachable += 1,
            Fact::AgentReregistered { .. } => self.reregistered += 1,
            Fact::FrameworkRemoved { .. } => self.frameworks_removed += 1,
            Fact::FaultBit { .. } => self.bites += 1,
            _ => {}
        }
    }
}

/// Runs with all invariants until the end, or to the end of the instant of the first violation.
fn run(world: &mut World, minutes: i64) -> (Vec<Violation>, Tally) {
    let names: Vec<&str> = INVARIANTS.iter().map(|row| row.0).collect();
    let mut checker = Checker::new(&names);
    let (mut facts, mut seen, mut tally) = (Vec::new(), Vec::new(), Tally::default());
    world.watch(checker.watch());
    let end = Time::from_secs(60 * minutes);
    while let Some(next) = world.next_time().filter(|&t| t <= end) {
        if checker.violations().first().is_some_and(|v| v.at < next) {
            return (checker.violations().to_vec(), tally);
        }
        world.step();
        world.take_facts(&mut facts);
        world.take_messages(&mut seen);
        checker.after_step(world, &facts, &seen);
        facts.drain(..).for_each(|fact| tally.count(&fact.what));
        seen.clear();
    }
    checker.finish(world);
    (checker.violations().to_vec(), tally)
}

#[test]
fn honest_cores_are_never_accused() {
    let mut sum = Tally::default();
    for seed in 1..=10 {
        for (policy, chunk) in [("drf", "'whole'"), ("random", "{ kind = 'slice', cpus = 2, mem = '2GiB' }")] {
            let seed = seed.to_string();
            let set = [("seed", &*seed), ("allocator.policy", policy), ("allocator.chunk", chunk)];
            let (violations, tally) = run(&mut world(STORM, &set), 20);
            assert!(violations.is_empty(), "seed {seed}, {policy}: {}", violations[0]);
            sum.finished += tally.finished;
            sum.unreachable += tally.unreachable;
            sum.reregistered += tally.reregistered;
            sum.frameworks_removed += tally.frameworks_removed;
            sum.bites += tally.bites;
        }
    }
    // Twenty runs of twenty minutes in which everything that is to happen did.
    assert!(sum.finished > 4_000 && sum.unreachable > 100 && sum.reregistered > 200, "{sum:?}");
    assert!(sum.frameworks_removed >= 20 && sum.bites > 400, "{sum:?}");
}

#[test]
fn a_calm_run_is_clean() {
    let (violations, tally) = run(&mut world(CALM, &[]), 2);
    assert_eq!((violations, tally.finished > 10), (vec![], true));
    for text in [SHOP, MALL] {
        let (violations, tally) = run(&mut world(text, &[]), 40);
        assert_eq!((violations, tally.bites), (vec![], 1));
    }
}

// ---- sabotage ----

/// Names of the invariants that fire in the first instant in which one does.
fn first_to_fire(saboteur: &Saboteur) -> Vec<&'static str> {
    let of_marathon = saboteur.of == ProcessKind::Marathon;
    let places = if of_marathon { &[(SHOP, 40), (MALL, 40)][..] } else { &[(CALM, 2)] };
    let in_place = |&(text, minutes): &(&str, i64)| {
        let mut world = world(text, &[]);
        world.sabotage_all(saboteur);
        let (violations, _) = run(&mut world, minutes);
        (!violations.is_empty()).then(|| violations.iter().map(|v| v.invariant).collect())
    };
    places.iter().find_map(in_place).unwrap_or_default()
}

#[test]
fn every_sabotage_is_noticed_by_the_right_invariant() {
    let checked = SABOTEURS.iter().filter(|s| s.breaks != ASSERTION);
    let fired: Vec<String> = checked.map(|s| format!("{}: {}", s.name, first_to_fire(s).join(", "))).collect();
    expect![[r#"
        runs-two-containers: no-overcommit
        counts-agents-double: no-overcommit, offer-once, conservation
        allocates-twice: no-overcommit, offer-once, conservation
        never-gives-back: conservation
        ends-offers-twice: offer-once
        makes-offers-twice: offer-once
        forgets-offers: no-overcommit, offer-once, conservation
        runs-again: terminal-stays
        restarts-what-ended: terminal-stays
        finishes-before-running: terminal-stays
        runs-before-starting: updates-in-order
        repeats-old-updates: updates-in-order
        alters-updates: updates-in-order
        writes-versions-twice: one-registry-writer
        honours-dead-offers: dead-offers, no-overcommit, offer-once, conservation
        crowds-hosts: placement
        meddles-as-standby: marathon-leader
        kills-on-taking-over: restart-harmless
        never-launches: apps-converge
        writes-down-too-little: intent-first
        forgets-its-id: framework-id-stays
        deploys-twice: one-deployment
        adds-too-many: no-surplus
        kills-what-it-starts: minimum-health
        stays-after-defeat: exit-on-defeat
        forgets-to-kill: no-strays
        deletes-plans: deployments-kept
        kills-next-door: deployments-apart
        leaves-one-behind: upgrades-complete
        hurries-on: dependencies-first
        loses-patience: patience
        destroys-volumes: volumes-stay
        keeps-reservations: reservations-returned
        never-revives: offers-wanted
        kills-the-unreachable: health-kills
        launches-at-once: launch-backoff
        never-kills: kills-repeated
        plans-from-yesterday: no-lost-update
        serves-unread: reads-first
        answers-twice: versions-grow
        tells-half: events-complete"#]]
    .assert_eq(&fired.join("\n"));
    for (row, line) in SABOTEURS.iter().filter(|s| s.breaks != ASSERTION).zip(&fired) {
        assert!(line.contains(row.breaks), "{line}");
    }
}

#[test]
fn every_invariant_has_a_sabotage() {
    for (name, _) in INVARIANTS {
        assert!(SABOTEURS.iter().any(|s| s.breaks == *name), "{name}");
    }
}

#[test]
fn a_broken_assertion_stops_the_core() {
    let broken: Vec<_> = SABOTEURS.iter().filter(|s| s.breaks == ASSERTION).collect();
    assert!(!broken.is_empty());
    for saboteur in broken {
        let mut world = world(CALM, &[]);
        world.sabotage_all(saboteur);
        let stopped = std::panic::catch_unwind(AssertUnwindSafe(|| world.run_until(Time::from_secs(120))));
        assert!(stopped.is_err(), "{}", saboteur.name);
    }
}
