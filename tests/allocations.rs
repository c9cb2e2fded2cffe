//! What runs often asks for no memory: idle machines none at all, tasks none each once the tables
//! have grown.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use allocation_counter::measure;
use common::world;
use mesosim::base::time::Time;
use mesosim::world::World;

fn seconds(n: i64) -> Time {
    Time::from_secs(n)
}

/// Runs to the instant and counts allocations.
fn allocations(world: &mut World, end: Time) -> u64 {
    measure(|| world.run_until(end)).count_total
}

fn sent(world: &World, label: &str) -> u64 {
    world.messages().iter().find(|m| m.0 == label).map_or(0, |m| m.1)
}

const IDLE: &str = r#"
duration = "2h"
stop_when_done = false
[[agents]]
count = 1000
resources = "cpus:4;mem:8192"
[[frameworks]]
name = "f"
"#;

/// A thousand machines, a suppressed framework: nothing for an hour, with beats made and without.
#[test]
fn idling_asks_for_no_memory() {
    for eager in [false, true] {
        let mut world = world(IDLE);
        if eager {
            world.make_all_beats();
        }
        world.run_until(seconds(600));
        let [_, beats, _] = world.counts();
        let count = allocations(&mut world, seconds(4200));
        let made = world.counts()[1] - beats;
        assert_eq!(made > 200_000, eager, "{made} beats");
        // The registry's clean-up each quarter of an hour looks through an empty list.
        assert!(count <= 4, "{count} allocations in an idle hour, eager: {eager}");
    }
}

/// Few jobs with many tasks: memory is asked for by job and by batch of offers, not by task.
#[test]
fn launching_asks_for_memory_by_batch() {
    let text = r#"
duration = "10h"
stop_when_done = false
[[agents]]
count = 200
resources = "cpus:16;mem:65536"
[[frameworks]]
name = "f"
[[workload]]
kind = "poisson"
framework = "f"
rate = "6/min"
tasks = 1000
duration = { exponential = "20s" }
cpus = 1
mem = "1GiB"
"#;
    let mut world = world(text);
    // Tables have grown by then.
    world.run_until(seconds(3600));
    let mut facts = Vec::new();
    world.take_facts(&mut facts);
    let before = ["RUN_TASK", "OFFERS", "ACCEPT"].map(|l| sent(&world, l));
    let count = allocations(&mut world, seconds(2 * 3600));
    let [tasks, offers, accepts] =
        std::array::from_fn(|i| sent(&world, ["RUN_TASK", "OFFERS", "ACCEPT"][i]) - before[i]);
    assert!(tasks > 100_000 && tasks > 20 * offers, "{tasks} tasks, {offers} batches");
    let jobs = tasks / 1000;
    let seen = format!("{count} allocations, {jobs} jobs, {tasks} tasks, {accepts} accepts, {offers} batches");
    assert!(count <= 10 * jobs + 15 * offers + 1000 && count < accepts / 4, "{seen}");
}
