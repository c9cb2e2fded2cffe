//! `mesosim bench allocator`: the cycles on which the real allocator was timed, with CPU time,
//! memory, counts of work, and a checksum of the offers of the last cycle.

use super::{cpu_s, peak_mib, print, spread};
use crate::base::time::{SECOND_NS, Span};
use crate::mesos::allocator::Work;
use crate::mesos::allocator::policy::drf::Drf;
use crate::mesos::allocator::setups::{AGENT, Roles, Setup};
use crate::mesos::message::Refuse;
use crate::mesos::resource::Resources;
use serde_json::{Value, json};

/// Agents, frameworks and roles of each row, small ones first: peak memory of the process is that
/// of the largest row so far.
const ROWS: [[u32; 3]; 5] =
    [[1_000, 50, 1], [10_000, 200, 1], [10_000, 1_000, 1], [10_000, 500, 500], [50_000, 200, 1]];
const FULL_ROWS: [[u32; 3]; 15] = [
    [1_000, 50, 1],
    [1_000, 200, 1],
    [1_000, 1_000, 1],
    [1_000, 5_000, 1],
    [10_000, 50, 1],
    [10_000, 200, 1],
    [10_000, 500, 1],
    [10_000, 1_000, 1],
    [10_000, 5_000, 1],
    [10_000, 50, 50],
    [10_000, 500, 500],
    [50_000, 50, 50],
    [50_000, 200, 1],
    [50_000, 1_000, 1],
    [50_000, 5_000, 1],
];
/// Roles with small and with large quota.
const QUOTA_ROWS: [[u32; 2]; 3] = [[25, 5], [250, 50], [2_500, 500]];

/// CPU milliseconds of the work.
fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let start = cpu_s();
    std::hint::black_box(work());
    (cpu_s() - start) * 1e3
}
fn median(values: Vec<f64>) -> f64 {
    if values.is_empty() { f64::NAN } else { spread(values)[1] }
}
fn parse(text: &str) -> Resources {
    Resources::parse(text).expect("a text of ours")
}

fn since(work: Work, before: Work, rounds: u64) -> Value {
    json!({
        "agent_visits": (work.agent_visits - before.agent_visits) / rounds,
        "sorts": (work.sorts - before.sorts) / rounds,
        "moves": (work.moves - before.moves) / rounds,
        "comparisons": (work.comparisons - before.comparisons) / rounds,
    })
}

/// Idle agents, all offered in each cycle and all given back.
fn full_cycle([agents, frameworks, roles]: [u32; 3], rounds: u64) -> Value {
    let mut setup = Setup::new(Drf);
    let add_agents = timed(|| setup.add_agents(agents, &parse(AGENT)));
    let add_frameworks = timed(|| setup.add_frameworks(frameworks, Roles::Flat(roles)));
    let [mut cycle, mut idle, mut recover] = [const { Vec::new() }; 3];
    // The first round finds cold memory and unsorted clients.
    let mut offers = setup.cycle();
    setup.give_back(Refuse::NONE);
    let before = setup.core.work();
    for round in 0..rounds {
        cycle.push(timed(|| offers = setup.cycle()));
        let batches = setup.offers.clone();
        idle.push(timed(|| setup.cycle()));
        setup.offers = batches;
        if round + 1 < rounds {
            recover.push(timed(|| setup.give_back(Refuse::NONE)));
        }
    }
    json!({
        "setup": "full-cycle", "agents": agents, "frameworks": frameworks, "roles": roles,
        "cycle_cpu_ms": median(cycle), "idle_cpu_ms": median(idle), "recover_cpu_ms": median(recover),
        "add_frameworks_cpu_ms": add_frameworks, "add_agents_cpu_ms": add_agents, "rss_mib": peak_mib(),
        "offers": offers, "checksum": setup.checksum(), "work": since(setup.core.work(), before, rounds),
    })
}

/// Each role has a quota of half an agent or of two agents; the second cycle has nothing to give.
fn quota([small, large]: [u32; 2]) -> Value {
    let mut setup = Setup::new(Drf);
    let agents = small + large;
    let add_agents = timed(|| setup.add_agents(agents, &parse(Setup::<Drf>::QUOTA_AGENT)));
    let add_frameworks = timed(|| setup.add_quota_frameworks(small, large));
    let set_quota = timed(|| setup.set_quotas(small, large));
    let before = setup.core.work();
    let mut offers = 0;
    let cycle = timed(|| offers = setup.cycle());
    let checksum = setup.checksum();
    let batches = setup.offers.clone();
    let idle = timed(|| setup.cycle());
    setup.offers = batches;
    let recover = timed(|| setup.give_back(Refuse::NONE));
    json!({
        "setup": "large-and-small-quota", "agents": agents, "frameworks": agents, "roles": agents,
        "cycle_cpu_ms": cycle, "idle_cpu_ms": idle, "recover_cpu_ms": recover,
        "add_frameworks_cpu_ms": add_frameworks, "add_agents_cpu_ms": add_agents, "set_quota_cpu_ms": set_quota,
        "rss_mib": peak_mib(), "offers": offers, "checksum": checksum, "work": since(setup.core.work(), before, 1),
    })
}

/// Agents in use, all refused for long by whoever gets them: a cycle passes over more and more
/// filters.
fn decline([agents, frameworks]: [u32; 2], rounds: u64) -> Value {
    let mut setup = Setup::new(Drf);
    let add_frameworks = timed(|| setup.add_frameworks(frameworks, Roles::Flat(1)));
    let used = parse("cpus:1;mem:128;ports:[31126-31510]");
    let add_agents = timed(|| setup.add_used_agents(agents, &parse(AGENT), &used));
    let (mut cycle, mut recover, mut offers) = (Vec::new(), Vec::new(), 0);
    let before = setup.core.work();
    for round in 0..rounds {
        cycle.push(timed(|| offers = setup.cycle()));
        if round + 1 < rounds {
            recover.push(timed(|| setup.give_back(Refuse::seconds(Span(10_000 * SECOND_NS)))));
        }
    }
    json!({
        "setup": "decline-offers", "agents": agents, "frameworks": frameworks, "roles": 1,
        "cycle_cpu_ms": median(cycle), "idle_cpu_ms": Value::Null, "recover_cpu_ms": median(recover),
        "add_frameworks_cpu_ms": add_frameworks, "add_agents_cpu_ms": add_agents, "rss_mib": peak_mib(),
        "offers": offers, "checksum": setup.checksum(), "work": since(setup.core.work(), before, rounds),
    })
}

pub(super) fn run(full: bool, as_json: bool) {
    let rows: &[[u32; 3]] = if full { &FULL_ROWS } else { &ROWS };
    let mut done: Vec<Value> = Vec::new();
    let small_first = rows.iter().filter(|row| row[0] <= 10_000);
    done.extend(small_first.map(|&row| full_cycle(row, 9)));
    done.extend(QUOTA_ROWS.map(quota));
    done.push(decline([10_000, 200], 10));
    done.extend(rows.iter().filter(|row| row[0] > 10_000).map(|&row| full_cycle(row, 5)));
    if as_json {
        print(&format!("{:#}\n", Value::Array(done)));
        return;
    }
    print(&format!(
        "{:<22} {:>6} {:>10} {:>5} {:>9} {:>8} {:>10} {:>14} {:>7} {:>6} {:>16}\n",
        "set-up",
        "agents",
        "frameworks",
        "roles",
        "cycle ms",
        "idle ms",
        "recover ms",
        "frameworks ms",
        "MiB",
        "offers",
        "checksum"
    ));
    for row in done {
        let get = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        print(&format!(
            "{:<22} {:>6} {:>10} {:>5} {:>9.3} {:>8.3} {:>10.3} {:>14.3} {:>7.1} {:>6} {:>16}\n",
            text("setup"),
            row["agents"],
            row["frameworks"],
            row["roles"],
            get("cycle_cpu_ms"),
            get("idle_cpu_ms"),
            get("recover_cpu_ms"),
            get("add_frameworks_cpu_ms"),
            get("rss_mib"),
            row["offers"],
            text("checksum"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_fields_that_are_promised() {
        for row in [full_cycle([20, 3, 1], 2), quota([5, 1]), decline([20, 3], 2)] {
            let names = ["agents", "frameworks", "roles", "cycle_cpu_ms", "recover_cpu_ms", "add_frameworks_cpu_ms"];
            assert!(names.iter().all(|name| row[*name].is_number()), "{row}");
            assert!(row["rss_mib"].as_f64() > Some(0.0) && row["checksum"].as_str().is_some_and(|sum| sum.len() == 16));
        }
        assert_eq!(full_cycle([20, 3, 1], 2)["offers"], 20);
    }
}
