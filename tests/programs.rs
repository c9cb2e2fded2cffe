//! Schedulers that are tasks of an app: they live and die with their containers and their machines,
//! and come back as the frameworks that they were.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::{facts_until, world};
use mesosim::base::time::{Span, Time};
use mesosim::fact::{At, End, Fact, ProcessKind};
use mesosim::scenario::Scenario;
use mesosim::sim::{Finished, Sim};
use mesosim::world::World;
use std::path::Path;

const DREAM: &str = include_str!("../scenarios/dream-within-a-dream.toml");

fn run(text: &str, overrides: &[(String, String)], seed: u64) -> Finished {
    let seed = ("seed".to_owned(), seed.to_string());
    let overrides: Vec<(String, String)> = overrides.iter().cloned().chain([seed]).collect();
    let scenario = Scenario::parse(text, "dream.toml", Path::new("."), &overrides, None);
    let scenario = scenario.unwrap_or_else(|e| panic!("{}", e.render(false)));
    let sim = Sim::of(scenario, true).unwrap_or_else(|e| panic!("{}", e.render(false)));
    sim.run(&mut ()).unwrap_or_else(|e| panic!("{e:?}"))
}

/// The expectations that failed.
fn failed(run: &Finished) -> Vec<&str> {
    if let Some(broken) = &run.broken {
        panic!("{}: {}", broken.what, broken.text);
    }
    run.expectations.iter().filter(|outcome| !outcome.passed).map(|outcome| outcome.want.as_str()).collect()
}

#[test]
fn everything_returns_with_its_id_and_its_tasks() {
    for seed in 1..=3 {
        let run = run(DREAM, &[], seed);
        assert_eq!(failed(&run), [""; 0], "seed {seed}");
    }
}

/// What the scenario expects is not true of every scheduler: one that writes nothing down comes back
/// as another framework without its jobs.
#[test]
fn a_scheduler_that_keeps_nothing_is_found_out() {
    let forgets = [("frameworks.batch.store".to_owned(), "memory".to_owned())];
    assert_eq!(failed(&run(DREAM, &forgets, 1)), ["schedulers.ids == 4", "jobs.open == 0"]);
}

/// One Marathon without elections that starts a batch framework with a job every half minute.
fn small(agents: u32, seed: u64, more: &str) -> String {
    format!(
        r#"
seed = {seed}
duration = "2h"
stop_when_done = false
[network]
latency = {{ exponential = "400us", shift = "100us" }}
[disk]
latency = {{ exponential = "2ms", shift = "1ms" }}
[[agents]]
name = "host"
count = {agents}
resources = "cpus:2;mem:2048"
[[agents]]
name = "worker"
count = 4
resources = "cpus:4;mem:4096"
[[marathon]]
store = "memory"
[[frameworks]]
name = "batch"
kind = "batch"
store = "disk"
checkpoint = true
failover_timeout = "1d"
[[app]]
id = "/batch"
runs = "batch"
ready_after = "3s"
[[workload]]
kind = "poisson"
framework = "batch"
rate = "2/min"
until = "80m"
tasks = {{ uniform = [1, 3] }}
duration = {{ uniform = ["30s", "4m"] }}
cpus = 1
mem = "64MiB"
[[request]]
kind = "marathon"
at = "1m"
method = "POST"
path = "/v2/apps"
body = '''{{"id": "/batch", "cmd": "./batch", "cpus": 2, "mem": 1024, "portDefinitions": [],
    "constraints": [["hostname", "LIKE", "host-.*"]], "backoffSeconds": 1,
    "unreachableStrategy": {{"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}}}}'''
{more}
"#
    )
}

/// From when until when each process of the batch framework lived, and on which machine.
fn lives(world: &World, facts: &[At<Fact>]) -> Vec<(Time, Option<Time>, String)> {
    let mut all: Vec<(u32, Time, Option<Time>, String)> = Vec::new();
    for fact in facts {
        match fact.what {
            Fact::Hosted { slot, host, .. } => all.push((slot, fact.at, None, world.names().text(host).to_owned())),
            Fact::ProcessStopped { slot, kind: ProcessKind::Framework, .. } => {
                let life = all.iter_mut().rev().find(|life| life.0 == slot).expect("it lived");
                assert_eq!(life.2.replace(fact.at), None);
            }
            _ => {}
        }
    }
    all.into_iter().map(|(_, from, until, host)| (from, until, host)).collect()
}

fn ids(facts: &[At<Fact>]) -> Vec<mesosim::base::id::FrameworkId> {
    let subscribed = facts.iter().filter_map(|fact| match fact.what {
        Fact::FrameworkSubscribed { framework, .. } => Some(framework),
        _ => None,
    });
    let mut all: Vec<_> = subscribed.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Jobs submitted and ended; each ends once.
fn jobs(facts: &[At<Fact>]) -> (usize, usize) {
    let submitted = facts.iter().filter(|fact| matches!(fact.what, Fact::JobSubmitted { .. })).count();
    let mut ended: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact.what {
            Fact::JobEnded { job, .. } => Some(job),
            _ => None,
        })
        .collect();
    let count = ended.len();
    ended.sort_unstable();
    ended.dedup();
    assert_eq!(ended.len(), count, "no job ends twice");
    (submitted, count)
}

/// How tasks of apps ended.
fn ended_tasks(facts: &[At<Fact>]) -> Vec<End> {
    let ended = facts.iter().filter_map(|fact| match fact.what {
        Fact::TaskEnded { task, how, .. } if task.template.is_service() => Some(how),
        _ => None,
    });
    ended.collect()
}

#[test]
fn a_scheduler_lives_from_when_its_service_is_ready_until_its_container_ends() {
    let crash = "[[fault]]\nkind = \"agent-crash\"\nat = \"10m\"\ntarget = \"machine-of-batch\"\nprocess = true\ndown = \"20m\"\n";
    let mut world = world(&small(2, 1, crash));
    let facts = facts_until(&mut world, Time::from_secs(7_000));
    let started = facts.iter().find_map(|fact| match fact.what {
        Fact::TaskStarted { task, .. } if task.template.is_service() => Some(fact.at),
        _ => None,
    });
    let all = lives(&world, &facts);
    let [(first, Some(until), host), (second, None, other)] = &all[..] else { panic!("{all:?}") };
    assert_eq!(Some(*first), started.map(|at| at + Span::from_secs(3)));
    assert_eq!(*until, Time::from_secs(600));
    assert!(host != other && *second > *until);
    // Jobs came while nobody was there; they waited.
    let (submitted, ended) = jobs(&facts);
    assert!(submitted > 100 && ended == submitted, "{submitted} submitted, {ended} ended");
}

#[test]
fn a_scheduler_that_exits_is_a_task_that_failed() {
    let crash = "[[fault]]\nkind = \"framework-crash\"\nat = \"10m\"\ntarget = \"batch\"\n";
    let mut world = world(&small(2, 1, crash));
    let facts = facts_until(&mut world, Time::from_secs(7_000));
    let all = lives(&world, &facts);
    let [(_, Some(first_ends), _), (second_begins, None, _)] = &all[..] else { panic!("{all:?}") };
    assert_eq!(*first_ends, Time::from_secs(600));
    assert!(*second_begins - *first_ends < Span::from_secs(30), "Marathon heard at once, and waited for its backoff");
    assert_eq!(ended_tasks(&facts), [End::Failed]);
    let (submitted, ended) = jobs(&facts);
    assert_eq!(ended, submitted);
}

#[test]
fn one_that_was_cut_off_gives_way_to_the_one_in_its_place() {
    // Mesos aborts a scheduler whose place another one has taken.
    let cut =
        "[[fault]]\nkind = \"partition\"\nat = \"9m\"\nlasts = \"5m\"\nfrom = \"machine-of-batch\"\nto = \"masters\"\n";
    let mut world = world(&small(2, 1, cut));
    let facts = facts_until(&mut world, Time::from_secs(7_000));
    let all = lives(&world, &facts);
    let [(_, Some(first_ends), _), (second_begins, None, _)] = &all[..] else { panic!("{all:?}") };
    assert!(first_ends > second_begins, "cut off, the old one lived beside the new one");
    assert!(*first_ends >= Time::from_secs(14 * 60), "until the network healed");
    assert_eq!(ids(&facts).len(), 2, "Marathon's and the batch framework's");
    assert_eq!(ended_tasks(&facts).len(), 1, "the old one's container has ended");
    let (submitted, ended) = jobs(&facts);
    assert_eq!(ended, submitted, "what the old one wrote while it was cut off counts for nothing");
}

/// Nobody tells the master that a scheduler's machine is gone for good. What was offered to it is
/// held until the kernel gives the connection up.
#[test]
fn offers_to_a_scheduler_that_is_gone_are_held_for_a_quarter_of_an_hour() {
    let crash = "[[fault]]\nkind = \"agent-crash\"\nat = \"10m\"\ntarget = \"machine-of-batch\"\n";
    let mut world = world(&small(1, 1, crash));
    let facts = facts_until(&mut world, Time::from_secs(3_600));
    let lost = facts.iter().find_map(|fact| matches!(fact.what, Fact::FrameworkDisconnected { .. }).then_some(fact.at));
    let after = lost.expect("found out") - Time::from_secs(600);
    // From the first thing that it was sent in vain.
    assert!((Span::from_secs(924)..Span::from_secs(924 + 300)).contains(&after), "{after}");
}

#[test]
fn storms_leave_one_of_each_and_every_job_done() {
    let mut lives = 0;
    for seed in 1..=12 {
        let mut storm = String::new();
        for (i, at) in ["8m", "13m30s", "21m", "22m", "37m", "50m", "51m10s"].iter().enumerate() {
            let target = if i % 3 == 1 { format!("worker-{}", i % 4) } else { "machine-of-batch".to_owned() };
            let process = i % 2 == 0;
            storm += &format!(
                "[[fault]]\nkind = \"agent-crash\"\nat = \"{at}\"\ndown = \"3m\"\ntarget = \"{target}\"\nprocess = {process}\n"
            );
        }
        let run = run(&small(3, seed, &storm), &[], seed);
        assert_eq!(failed(&run), [""; 0]);
        let counted =
            |group: &str, key: &str| *run.summary.groups.get(group).and_then(|g| g.get(key)).expect("counted");
        assert_eq!((counted("schedulers", "ids"), counted("jobs", "open")), (2, 0), "seed {seed}");
        lives += counted("schedulers", "begun");
    }
    assert!(lives > 30, "they did strike: {lives} lives");
}

/// Wherever in what it does a scheduler dies: no job is lost, none is done twice.
#[test]
fn a_crash_between_any_two_effects_costs_nothing() {
    let (mut never_taken, mut deaths) = (0, 0);
    for effects in 1..=60 {
        let mut world = world(&small(2, effects, ""));
        let mut facts = facts_until(&mut world, Time::from_secs(600));
        let hosted = facts.iter().rev().find_map(|fact| match fact.what {
            Fact::Hosted { slot, .. } => Some(slot),
            _ => None,
        });
        world.stop_after_effects(hosted.expect("it runs"), effects);
        facts.extend(facts_until(&mut world, Time::from_secs(7_000)));
        deaths += lives(&world, &facts).len() - 1;
        let (submitted, ended) = jobs(&facts);
        assert_eq!(ended, submitted, "{effects} effects");
        // One that had not been written down when the scheduler died was never taken.
        let numbers = facts.iter().filter_map(|fact| match fact.what {
            Fact::JobSubmitted { job, .. } => Some(job.0 as usize + 1),
            _ => None,
        });
        never_taken += numbers.max().expect("jobs") - submitted;
    }
    assert_eq!(deaths, 60);
    assert!(never_taken < 5, "{never_taken} jobs");
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let told = |more: &str| {
        let text = small(1, 1, more);
        let scenario = Scenario::parse(&text, "small.toml", Path::new("."), &[], None).expect("good TOML");
        World::build(&scenario).map(|_| ()).map_err(|e| e.render(false)).expect_err("refused")
    };
    let app = |id: &str, runs: &str| format!("[[app]]\nid = \"{id}\"\nruns = \"{runs}\"\n");
    let unknown = told(&app("/x", "bacth"));
    assert!(
        unknown.contains("unknown framework or Marathon `bacth`") && unknown.contains("did you mean `batch`?"),
        "{unknown}"
    );
    let twice = told(&app("/x", "batch"));
    assert!(twice.contains("another app runs `batch` already"), "{twice}");
    let client = told(&format!(
        "[[frameworks]]\nname = \"once\"\nkind = \"execute\"\ncommand = \"true\"\n{}",
        app("/x", "once")
    ));
    assert!(client.contains("a client that ends"), "{client}");
    let both =
        told(&format!("[[marathon]]\nname = \"inner\"\nstore = \"memory\"\ninstances = 1\n{}", app("/x", "inner")));
    assert!(both.contains("its instances are the processes"), "{both}");
}
