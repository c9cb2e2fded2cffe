//! The invariants in whole runs: silent while cores are honest, whatever fails around them; loud
//! when one is sabotaged, and then it is the right one that speaks.

use mesosim::actor::{Effect, Mailbox};
use mesosim::base::time::Time;
use mesosim::check::{Checker, INVARIANTS, Violation};
use mesosim::fact::Fact;
use mesosim::mesos::message::{AgentInfo, Msg, StatusUpdate};
use mesosim::mesos::task_state::TaskState;
use mesosim::scenario::Scenario;
use mesosim::world::{Sabotage, World};
use std::path::Path;
use std::sync::Arc;

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
const MASTER: u32 = 0;
const AGENT: u32 = 2;

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
    world.watch_messages();
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

/// Names of the invariants that fire in the first instant in which one does.
fn first_to_fire(slot: u32, how: Sabotage) -> Vec<&'static str> {
    let mut world = world(CALM, &[]);
    world.sabotage(slot, how);
    let (violations, _) = run(&mut world, 2);
    violations.iter().map(|v| v.invariant).collect()
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
}

// ---- sabotage ----

/// Carries out twice every effect that is chosen.
fn twice(outbox: &mut Vec<Effect>, chosen: impl Fn(&Effect) -> bool) {
    let copies = |effect: Effect| if chosen(&effect) { vec![effect.clone(), effect] } else { vec![effect] };
    *outbox = outbox.drain(..).flat_map(copies).collect();
}

/// Changes every status update that is sent.
fn alter(outbox: &mut [Effect], change: impl Fn(&mut StatusUpdate)) {
    for effect in outbox {
        if let Effect::Send { msg: Msg::Status(update), .. } = effect {
            change(update);
        }
    }
}

#[test]
fn two_containers_for_one_task() {
    let both = |_: Mailbox, outbox: &mut Vec<Effect>| {
        twice(outbox, |e| matches!(e, Effect::Spawn { .. } | Effect::Fact(Fact::TaskStarted { .. })));
    };
    assert_eq!(first_to_fire(AGENT, both), ["no-overcommit"]);
}

#[test]
fn an_allocator_that_counts_an_agent_double() {
    fn double(_: Mailbox, outbox: &mut Vec<Effect>) {
        for effect in outbox {
            if let Effect::Dispatch { msg: Msg::AddAgent { info, .. }, .. } = effect {
                let total = info.total.clone() + &info.total;
                *info = Arc::new(AgentInfo { total, ..(**info).clone() });
            }
        }
    }
    let fired = first_to_fire(MASTER, double);
    assert_eq!(fired[0], "no-overcommit", "{fired:?}");
}

#[test]
fn an_allocator_that_answers_twice() {
    let answer = |_: Mailbox, outbox: &mut Vec<Effect>| {
        twice(outbox, |e| matches!(e, Effect::Dispatch { msg: Msg::Allocated(_), .. }));
    };
    assert_eq!(first_to_fire(MASTER, answer), ["no-overcommit", "offer-once", "conservation"]);
}

#[test]
fn a_master_that_forgets_to_give_back() {
    let forget = |_: Mailbox, outbox: &mut Vec<Effect>| {
        outbox.retain(|e| !matches!(e, Effect::Dispatch { msg: Msg::Recover { .. }, .. }));
    };
    assert_eq!(first_to_fire(MASTER, forget), ["conservation"]);
}

#[test]
fn a_master_that_ends_an_offer_twice() {
    let end = |_: Mailbox, outbox: &mut Vec<Effect>| {
        let ends = |e: &Effect| {
            matches!(
                e,
                Effect::Fact(Fact::OffersEnded { .. }) | Effect::Dispatch { msg: Msg::RecoverOffers { .. }, .. }
            )
        };
        twice(outbox, ends);
    };
    assert_eq!(first_to_fire(MASTER, end), ["offer-once"]);
}

#[test]
fn a_master_that_makes_an_offer_twice() {
    let offer = |_: Mailbox, outbox: &mut Vec<Effect>| {
        twice(outbox, |e| matches!(e, Effect::Send { msg: Msg::Offers(_), .. }));
    };
    assert_eq!(first_to_fire(MASTER, offer), ["offer-once"]);
}

#[test]
fn a_master_that_forgets_an_offer() {
    let forget = |_: Mailbox, outbox: &mut Vec<Effect>| {
        outbox.retain(|e| !matches!(e, Effect::Fact(Fact::OffersEnded { .. })));
    };
    let fired = first_to_fire(MASTER, forget);
    assert!(fired.contains(&"offer-once"), "{fired:?}");
}

#[test]
fn an_agent_whose_task_runs_again() {
    fn again(_: Mailbox, outbox: &mut Vec<Effect>) {
        let last = outbox.iter().find_map(|e| match e {
            Effect::Send { to, msg: Msg::Status(u) } if u.state == TaskState::Finished => Some((*to, *u)),
            _ => None,
        });
        if let Some((to, update)) = last {
            let (state, uuid) = (TaskState::Running, update.uuid + 1_000_000);
            outbox.push(Effect::Send { to, msg: Msg::Status(StatusUpdate { state, latest: state, uuid, ..update }) });
        }
    }
    assert_eq!(first_to_fire(AGENT, again), ["terminal-stays"]);
}

#[test]
fn an_agent_that_starts_what_has_ended() {
    fn restart(_: Mailbox, outbox: &mut Vec<Effect>) {
        let ended = outbox.iter().find_map(|e| match *e {
            Effect::Fact(Fact::TaskEnded { task, owner, host, .. }) => Some(Fact::TaskStarted { task, owner, host }),
            _ => None,
        });
        outbox.extend(ended.map(Effect::Fact));
    }
    assert_eq!(first_to_fire(AGENT, restart), ["terminal-stays"]);
}

#[test]
fn an_agent_that_says_finished_before_running() {
    let swap = |_: Mailbox, outbox: &mut Vec<Effect>| {
        alter(outbox, |update| {
            update.state = match update.state {
                TaskState::Running => TaskState::Finished,
                TaskState::Finished => TaskState::Running,
                other => other,
            }
        });
    };
    assert_eq!(first_to_fire(AGENT, swap), ["terminal-stays"]);
}

#[test]
fn an_agent_that_swaps_two_updates() {
    let swap = |_: Mailbox, outbox: &mut Vec<Effect>| {
        alter(outbox, |update| {
            update.state = match update.state {
                TaskState::Starting => TaskState::Running,
                TaskState::Running => TaskState::Starting,
                other => other,
            }
        });
    };
    assert_eq!(first_to_fire(AGENT, swap), ["updates-in-order"]);
}

#[test]
fn a_master_that_forwards_an_old_update_again() {
    fn replay(_: Mailbox, outbox: &mut Vec<Effect>) {
        let last = outbox.iter().find_map(|e| match e {
            Effect::Send { to, msg: Msg::Update(u) } if u.state == TaskState::Finished => Some((*to, *u)),
            _ => None,
        });
        // An agent runs one task at a time, so the update before is the RUNNING of the same task.
        if let Some((to, update)) = last {
            let (state, uuid) = (TaskState::Running, update.uuid - 1);
            outbox.push(Effect::Send { to, msg: Msg::Update(StatusUpdate { state, uuid, ..update }) });
        }
    }
    assert_eq!(first_to_fire(MASTER, replay), ["updates-in-order"]);
}

#[test]
fn a_master_that_alters_an_update() {
    fn alter(_: Mailbox, outbox: &mut Vec<Effect>) {
        for effect in outbox {
            if let Effect::Send { msg: Msg::Update(update), .. } = effect
                && update.state == TaskState::Running
            {
                update.state = TaskState::Finished;
            }
        }
    }
    assert_eq!(first_to_fire(MASTER, alter), ["updates-in-order"]);
}
