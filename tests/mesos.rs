//! Whole small clusters: what masters, agents and frameworks do together when things break.
//!
//! Scenario texts go in, facts, details and messages come out. The first test is a farm: storms
//! over many seeds, after which every job must have ended.

mod common;

use common::{facts_until, world};
use mesosim::base::map::{Map, Set};
use mesosim::base::time::Time;
use mesosim::fact::Fact;

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
