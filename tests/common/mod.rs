//! Small clusters for tests, as scenario texts.

#[allow(dead_code, reason = "not every test file uses it")]
pub(crate) mod watched;

use mesosim::base::time::Time;
use mesosim::fact::{At, Fact};
use mesosim::scenario::Scenario;
use mesosim::world::World;
use std::path::Path;

/// Reads a scenario text; a mistake in it fails the test with its message.
pub(crate) fn scenario(text: &str) -> Scenario {
    match Scenario::parse(text, "test.toml", Path::new("."), &[], None) {
        Ok(scenario) => scenario,
        Err(e) => panic!("{}", e.render(false)),
    }
}

pub(crate) fn world(text: &str) -> World {
    match World::build(&scenario(text)) {
        Ok((world, _)) => world,
        Err(e) => panic!("{}", e.render(false)),
    }
}

/// Runs to the instant and gives the facts.
pub(crate) fn facts_until(world: &mut World, end: Time) -> Vec<At<Fact>> {
    world.run_until(end);
    let mut facts = Vec::new();
    world.take_facts(&mut facts);
    facts
}

/// Twenty machines in four racks, two weighted frameworks that ask for most of them, crashes of
/// machines and of agent processes, a rack lost, a partition; latencies are drawn.
#[allow(dead_code, reason = "not every test file uses it")]
pub(crate) fn stormy(seed: u64) -> String {
    format!(
        r#"
seed = {seed}
duration = "20m"
stop_when_done = false
[network]
latency = {{ exponential = "2ms", shift = "1ms" }}
[[agents]]
name = "agent"
count = 20
resources = "cpus:4;mem:8192"
racks = 4
[roles.a]
weight = 2
[[frameworks]]
name = "one"
role = "a"
capabilities = ["PARTITION_AWARE"]
chooser = "random"
failover_timeout = "1h"
[[frameworks]]
name = "two"
role = "b/c"
refuse = "3s"
failover_timeout = "1h"
[[workload]]
kind = "poisson"
framework = "one"
rate = "10/min"
tasks = {{ exponential = 4 }}
duration = {{ exponential = "45s" }}
cpus = 1
mem = "1GiB"
failure = 0.05
[[workload]]
kind = "poisson"
framework = "two"
rate = "8/min"
tasks = 3
duration = "70s"
cpus = 1.5
mem = "512MiB"
[[fault]]
kind = "agent-crash"
mtbf = "40m"
mttr = "2m"
[[fault]]
kind = "agent-crash"
mtbf = "40m"
mttr = "10s"
process = true
[[fault]]
kind = "rack-loss"
at = "5m"
down = "3m"
rack = "r1"
[[fault]]
kind = "partition"
at = "10m"
lasts = "2m"
from = "rack_id=r2"
to = "master"
[[fault]]
kind = "partition"
at = "14m"
lasts = "20s"
from = "master"
to = "rack_id=r3"
one_way = true
[[fault]]
kind = "latency-burst"
mtbf = "6m"
mttr = "90s"
from = "rack_id=r0"
to = "master"
extra = "9s"
[[fault]]
kind = "loss-burst"
at = "7m"
lasts = "2m"
from = "agents"
to = "master"
percent = 40
[[fault]]
kind = "slow-agent"
at = "12m"
lasts = "2m"
target = "rack_id=r1"
service = "4s"
[[fault]]
kind = "disk-stall"
at = "16m"
lasts = "30s"
target = "master"
[[fault]]
kind = "task-failures"
at = "3m"
lasts = "1m"
percent = 50
"#
    )
}
