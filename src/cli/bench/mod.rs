//! `mesosim bench engine`, `bench allocator` and `bench run SCENARIO`: CPU time and memory, with the counts of
//! work done beside every figure. Timings decide nothing; they are reported.

mod allocator;

use super::{Failure, in_data, load, on_terminal, print};
use crate::sim::Sim;
use crate::world::World;
use crate::world::bench::{Actor, tickers};
use clap::{Args, Subcommand};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Measure the engine, or a whole run.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Events per CPU second of ping-pong, timers and M/M/1, through the mailboxes, outbox and
    /// payload slab of a cluster run.
    Engine {
        /// Runs of each; the median counts.
        #[arg(long, default_value_t = 5)]
        runs: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// CPU time and memory of the allocation cycles on which Mesos' own allocator was timed.
    Allocator {
        /// The whole grid, up to 50,000 agents and 5,000 frameworks.
        #[arg(long)]
        full: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// CPU seconds and peak memory of a scenario without checks, figures or files.
    Run {
        /// The scenario file (TOML).
        scenario: PathBuf,
        /// Override a key, as in `run`.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// Folder with the data files that the scenario names.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Runs; the median counts.
        #[arg(long, default_value_t = 5)]
        runs: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// CPU seconds of this process so far, user and system.
fn cpu_s() -> f64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return f64::NAN };
    let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Peak resident memory of this process in MiB.
fn peak_mib() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(f64::NAN, |usage| usage.max_rss() as f64 / 1024.0)
}

/// Least, median and largest.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}

fn engine(runs: usize, as_json: bool) {
    let mm1 = || vec![Actor::Mm1 { left: 5_000_000, served: 0, arrivals: VecDeque::new(), sojourn_ns: 0 }];
    type Case = (&'static str, Box<dyn Fn() -> Vec<Actor>>, u64);
    let cases: [Case; 4] = [
        ("ping-pong", Box::new(|| vec![Actor::Ping, Actor::Ping]), 20_000_000),
        ("timers, 1,000", Box::new(|| tickers(1_000, 20_000_000)), 0),
        ("timers, 100,000", Box::new(|| tickers(100_000, 20_000_000)), 0),
        ("M/M/1", Box::new(mm1), 0),
    ];
    let mut rows = Vec::new();
    for (name, actors, pings) in cases {
        let mut seconds = Vec::new();
        let mut events = 0;
        for _ in 0..runs.max(1) {
            let mut world = World::of_actors(1, actors());
            if pings > 0 {
                world.serve_ping(pings);
            }
            let start = cpu_s();
            world.run_dry();
            seconds.push(cpu_s() - start);
            events = world.counts()[0];
        }
        let [least, median, most] = spread(seconds);
        rows.push(json!({"workload": name, "events": events, "cpu_s": median, "cpu_s_min": least, "cpu_s_max": most,
            "events_per_cpu_s": events as f64 / median}));
    }
    if as_json {
        print(&format!("{:#}\n", Value::Array(rows)));
        return;
    }
    print(&format!("{:<16} {:>11} {:>8} {:>17} {:>16}\n", "workload", "events", "CPU s", "min..max", "M events/CPU s"));
    for row in rows {
        let get = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        let range = format!("{:.3}..{:.3}", get("cpu_s_min"), get("cpu_s_max"));
        let name = row["workload"].as_str().unwrap_or_default();
        print(&format!(
            "{name:<16} {:>11} {:>8.3} {range:>17} {:>16.1}\n",
            row["events"],
            get("cpu_s"),
            get("events_per_cpu_s") / 1e6
        ));
    }
}

fn scenario_run(what: What) -> Result<(), Failure> {
    let What::Run { scenario, set, data, runs, json: as_json } = what else { return Ok(()) };
    let mut seconds = Vec::new();
    let mut last = None;
    for _ in 0..runs.max(1) {
        let start = cpu_s();
        let loaded = load(&scenario, &set, data.as_deref(), Vec::new())?;
        let sim = Sim::of(loaded, false).map_err(|e| Failure::Input(e.render(on_terminal())))?;
        let finished = sim.run(&mut ()).map_err(|stop| match stop {
            crate::sim::Stop::Input(told) => in_data(&told),
            crate::sim::Stop::Scenario(e) => Failure::Input(e.render(on_terminal())),
        })?;
        seconds.push(cpu_s() - start);
        last = Some(finished);
    }
    let Some(finished) = last else { return Ok(()) };
    let [least, median, most] = spread(seconds);
    let [events, beats, lost] = finished.world.counts();
    let work: Vec<_> = finished.world.masters().map(|(_, allocator)| allocator.work()).collect();
    let sum = |f: fn(&crate::mesos::allocator::Work) -> u64| work.iter().map(f).sum::<u64>();
    let offers = sum(|w| w.offers);
    let messages: serde_json::Map<String, Value> =
        finished.world.messages().iter().map(|(k, n)| ((*k).to_owned(), json!(n))).collect();
    let report = json!({
        "scenario": finished.manifest.name, "seed": finished.manifest.seed, "digest": finished.manifest.digest,
        "runs": runs.max(1), "cpu_s": median, "cpu_s_min": least, "cpu_s_max": most, "peak_rss_mib": peak_mib(),
        "simulated_s": finished.world.now().as_secs_f64(), "events": events, "beats": beats, "messages_lost": lost,
        "offers": offers, "allocation_runs": sum(|w| w.runs), "idle_allocation_runs": sum(|w| w.idle_runs),
        "agent_visits": sum(|w| w.agent_visits), "sorts": sum(|w| w.sorts), "moves": sum(|w| w.moves),
        "comparisons": sum(|w| w.comparisons),
        "offers_per_cpu_s": offers as f64 / median, "events_per_cpu_s": events as f64 / median,
        "tasks_launched": finished.summary.number("tasks", "launched"),
        "tasks_finished": finished.summary.number("tasks", "finished"),
        "messages": messages,
    });
    if as_json {
        print(&format!("{report:#}\n"));
        return Ok(());
    }
    let mut text = format!(
        "{}: {median:.2} CPU s (median of {}, {least:.2}..{most:.2}), {:.0} MiB peak\n",
        finished.manifest.name,
        runs.max(1),
        peak_mib()
    );
    for (key, value) in report.as_object().expect("an object") {
        if !matches!(key.as_str(), "scenario" | "messages" | "runs") && !key.starts_with("cpu_s") {
            text.push_str(&format!("  {key:<22} {value}\n"));
        }
    }
    text.push_str("  messages\n");
    for (label, n) in finished.world.messages() {
        text.push_str(&format!("    {label:<20} {n}\n"));
    }
    print(&text);
    Ok(())
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.what {
        What::Engine { runs, json } => {
            engine(runs, json);
            Ok(())
        }
        What::Allocator { full, json } => {
            allocator::run(full, json);
            Ok(())
        }
        what @ What::Run { .. } => scenario_run(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(spread(vec![3.0, 1.0, 2.0]).map(f64::to_bits), [1.0, 2.0, 3.0].map(f64::to_bits));
        let before = cpu_s();
        let mut world = World::of_actors(1, tickers(10, 50_000));
        world.run_dry();
        assert!(cpu_s() > before && peak_mib() > 0.0);
    }
}
