//! The binary as its users meet it: files, standard output and error, exit codes.
//!
//! Every test has a folder of its own, in which the binary is started, so that messages name no
//! path of this machine.

#[path = "common/binary.rs"]
mod binary;

use binary::{TINY, digest, files, folder, good, mesosim, refused, text};
use expect_test::{Expect, expect};
use std::fs;

/// A small cluster with everything that leaves files: jobs, random and explicit faults, figures.
const SMALL: &str = r#"duration = "10m"
stop_when_done = false

[[agents]]
name = "agent"
count = 6
resources = "cpus:4;mem:8192"
racks = 2

[[frameworks]]
name = "one"
failover_timeout = "1h"
chooser = "random"

[[workload]]
kind = "poisson"
framework = "one"
rate = "6/min"
tasks = 2
duration = { exponential = "50s" }
cpus = 1
mem = "1GiB"

[[fault]]
kind = "agent-crash"
mtbf = "10m"
mttr = "1m"

[[fault]]
kind = "partition"
at = "4m"
lasts = "2m"
from = "rack_id=r1"
to = "master"
"#;

#[test]
fn a_run_writes_its_results() {
    let at = folder("run", &[("small.toml", SMALL)]);
    let stdout = good(&at, &["run", "small.toml"]);
    assert!(stdout.starts_with("small  seed 1  "), "{stdout}");
    assert!(stdout.ends_with("results in results/small\nreport in results/small/report.html\n"), "{stdout}");
    let names: Vec<String> = files(&at.join("results")).into_keys().collect();
    expect![[r#"
        small/
        small/agents.csv
        small/faults.toml
        small/figures/
        small/figures/agent-map.csv
        small/figures/agent-map.svg
        small/figures/agents.csv
        small/figures/agents.svg
        small/figures/churn.csv
        small/figures/churn.svg
        small/figures/dominant-share.csv
        small/figures/dominant-share.svg
        small/figures/offers.csv
        small/figures/offers.svg
        small/figures/shares.csv
        small/figures/shares.svg
        small/figures/tasks.csv
        small/figures/tasks.svg
        small/figures/utilization.csv
        small/figures/utilization.svg
        small/figures/waits.csv
        small/figures/waits.svg
        small/frameworks.csv
        small/manifest.json
        small/recording.json
        small/report.html
        small/scenario.toml
        small/series.csv
        small/summary.json
        small/verdict.json
        small/waits.csv"#]]
    .assert_eq(&names.join("\n"));
}

#[test]
fn json_is_all_that_stands_on_standard_output() {
    let at = folder("json", &[("small.toml", SMALL)]);
    let stdout = good(&at, &["run", "small.toml", "--json", "--out", "out"]);
    let summary: serde_json::Value = serde_json::from_str(&stdout).expect("one JSON value");
    assert_eq!(summary["run"]["name"], "small");
    assert_eq!(stdout, text(&at.join("out/summary.json")));
}

#[test]
fn quiet_prints_nothing() {
    let at = folder("quiet", &[("tiny.toml", TINY)]);
    assert_eq!(good(&at, &["run", "tiny.toml", "--quiet", "--out", "out"]), "");
    assert!(at.join("out/summary.json").is_file());
}

#[test]
fn no_report_writes_nothing() {
    let at = folder("no-report", &[("small.toml", SMALL)]);
    let before = files(&at);
    let stdout = good(&at, &["run", "small.toml", "--no-report", "--trace"]);
    assert!(stdout.contains("digest ") && !stdout.contains("results in"), "{stdout}");
    assert!(files(&at) == before);
}

#[test]
fn twice_is_the_same_to_the_byte_and_another_seed_differs() {
    let at = folder("twice", &[("small.toml", SMALL)]);
    for (out, more) in [("a", None), ("b", None), ("c", Some("2"))] {
        let seed: Vec<&str> = more.map_or(vec![], |seed| vec!["--seed", seed]);
        good(&at, &[&["run", "small.toml", "--quiet", "--trace", "--out", out], &seed[..]].concat());
    }
    let [a, b, c] = ["a", "b", "c"].map(|out| files(&at.join(out)));
    let differing: Vec<_> = a.keys().filter(|name| a.get(*name) != b.get(*name)).collect();
    assert!(differing.is_empty() && a.len() == b.len(), "{differing:?}");
    assert_ne!(digest(&at.join("a")), digest(&at.join("c")));
    assert_ne!(a["series.csv"], c["series.csv"]);
    // What another run left is gone when the folder is used again.
    good(&at, &["run", "small.toml", "--quiet", "--out", "c"]);
    let again = files(&at.join("c"));
    assert!(!again.contains_key("run.trace"), "a trace of another run is left");
    assert!(again.iter().all(|(name, bytes)| a[name] == *bytes));
}

#[test]
fn checks_and_figures_change_no_digest() {
    let at = folder("unwatched", &[("small.toml", SMALL)]);
    good(&at, &["run", "small.toml", "--quiet", "--out", "watched"]);
    good(
        &at,
        &["run", "small.toml", "--quiet", "--no-check", "--eager", "--set", "report.plots=false", "--out", "bare"],
    );
    assert_eq!(digest(&at.join("watched")), digest(&at.join("bare")));
    assert!(!at.join("bare/figures").exists());
}

#[test]
fn a_failed_expectation_says_where_what_and_how_to_see_it_again() {
    let expects = "\n[[expect]]\nmetric = \"tasks.finished\"\nequals = 7\nwhy = \"a week has seven days\"\n\
                   \n[[expect]]\nmetric = \"tasks.finished\"\nequals = 1\n\
                   \n[[expect]]\nmetric = \"agents.registered\"\nat_least = 2\nwithin = \"30s\"\n";
    let at = folder("expectation", &[("tiny.toml", &format!("{TINY}{expects}"))]);
    let outcome = mesosim(&at, &["run", "tiny.toml", "--seed", "5", "--set", "report.interval=1s"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.contains("1 of 3 hold"), "{}", outcome.stdout);
    expect![[r#"
        tiny.toml:15: expected tasks.finished == 7 (a week has seven days), got 1
        tiny.toml:24: expected agents.registered >= 2 within 30s, got 1
        seed 5; replay: mesosim run tiny.toml --seed 5 --trace --set report.interval=1s
    "#]]
    .assert_eq(&outcome.stderr);
    assert!(at.join("results/tiny/summary.json").is_file(), "results are written all the same");

    let words = replay(&outcome.stderr);
    let again = mesosim(&at, &words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((again.code, again.stderr), (1, outcome.stderr));
    assert!(at.join("results/tiny/run.trace").is_file());
}

/// A replay command out of standard error, as words after the name of the program.
fn replay(stderr: &str) -> Vec<String> {
    let line = stderr.lines().find_map(|line| line.split_once("replay: mesosim ")).expect("a replay").1;
    line.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect()
}

/// A sabotaged core: which invariant (or assertion) fires, and that all is said that is needed to
/// see it again.
#[track_caller]
fn sabotaged(name: &str, breaks: &str, message: Expect) {
    // Two machines and one task, so that an offer is declined.
    let two = TINY.replace("count = 1", "count = 2");
    let at = folder(&format!("sabotage-{name}"), &[("tiny.toml", &two)]);
    let fixed = ["--set", "network.latency=1ms", "--set", "disk.latency=5ms"];
    let outcome = mesosim(&at, &[&["run", "tiny.toml", "--seed", "7", "--sabotage", name], &fixed[..]].concat());
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert!(lines[0].starts_with(&format!("violated: {breaks} at 00:00:")) && lines[0].ends_with(" with seed 7"));
    let events = lines.iter().skip_while(|line| **line != "last events:").filter(|line| line.starts_with("  "));
    let events: Vec<&&str> = events.collect();
    assert!((10..=40).contains(&events.len()), "{}", outcome.stderr);
    // The first lines and the last ones; ids begin with the master's, a UUID drawn by the seed.
    let tail = &lines[lines.len() - 5..];
    // The words of a broken assertion are those of the compiler's library.
    let head = if breaks == "assertion" { &lines[..1] } else { &lines[..2] };
    assert!(lines[1].len() > 20, "{}", lines[1]);
    let shown: Vec<String> = head.iter().chain(&["..."]).chain(tail).map(|l| without_uuids(l)).collect();
    message.assert_eq(&shown.join("\n"));

    let words = replay(&outcome.stderr);
    let again = mesosim(&at, &words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((again.code, again.stderr), (1, outcome.stderr));
    // Without the sabotage the same run is clean.
    good(&at, &[&["run", "tiny.toml", "--seed", "7", "--quiet"], &fixed[..]].concat());
}

/// Ids without the master's part.
fn without_uuids(line: &str) -> String {
    let bare = |word: &str| match word.rsplit_once("-S").or(word.rsplit_once("-O")).or(word.rsplit_once("-0")) {
        Some((head, _)) if head.len() >= 4 && head.chars().all(|c| c.is_ascii_hexdigit() || c == '-') => {
            format!("M{}", &word[head.len()..])
        }
        _ => word.to_owned(),
    };
    line.split(' ').map(bare).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_task_that_runs_again_is_a_violation() {
    sabotaged(
        "runs-again",
        "terminal-stays",
        expect![[r#"
            violated: terminal-stays at 00:00:15.004000 with seed 7
              job-0.0 is TASK_RUNNING by the word of agent M-S0, which said before that it ended
            ...
                 00:00:05.003000  M-0000                 offers ended   1 declined, M-O1: cpus:4;mem:4096
                 00:00:05.003000  M-0000                 suppressed
                 00:00:05.004000  job-0.0                   started        on agent-1 for one
                 00:00:15.004000  job-0.0                   ended          finished on agent-1 for one
            replay: mesosim run tiny.toml --seed 7 --trace --set network.latency=1ms --set disk.latency=5ms --sabotage runs-again"#]],
    );
}

#[test]
fn an_offer_that_ends_twice_is_a_violation() {
    sabotaged(
        "ends-offers-twice",
        "offer-once",
        expect![[r#"
        violated: offer-once at 00:00:05.003000 with seed 7
          offer M-O0 was ended for M-0000 and is not outstanding to it
        ...
             00:00:05.002000  job-0                     first offer    to one
             00:00:05.003000  M-0000                 offers ended   1 accepted, M-O0: cpus:4;mem:4096
             00:00:05.003000  M-0000                 offers ended   1 accepted, M-O0: cpus:4;mem:4096
             00:00:05.003000  job-0.0                   launched       on M-S0 for M-0000
        replay: mesosim run tiny.toml --seed 7 --trace --set network.latency=1ms --set disk.latency=5ms --sabotage ends-offers-twice"#]],
    );
}

#[test]
fn a_broken_assertion_of_a_core_is_a_violation() {
    sabotaged(
        "gives-back-too-much",
        "assertion",
        expect![[r#"
            violated: assertion at 00:00:05.003000 with seed 7
            ...
                 00:00:05.003000  M-0000                 offers ended   1 accepted, M-O0: cpus:4;mem:4096
                 00:00:05.003000  job-0.0                   launched       on M-S0 for M-0000
                 00:00:05.003000  M-0000                 offers ended   1 declined, M-O1: cpus:4;mem:4096
                 00:00:05.003000  M-0000                 suppressed
            replay: mesosim run tiny.toml --seed 7 --trace --set network.latency=1ms --set disk.latency=5ms --sabotage gives-back-too-much"#]],
    );
}

#[test]
fn an_unknown_sabotage() {
    let stderr = refused(&folder("sabotage", &[("tiny.toml", TINY)]), &["run", "tiny.toml", "--sabotage", "sleeps"]);
    assert!(stderr.contains("there is no such sabotage; there are runs-two-containers, "), "{stderr}");
}

#[test]
fn the_explicit_list_of_faults_gives_the_same_run() {
    let at = folder("faults", &[("small.toml", SMALL)]);
    good(&at, &["run", "small.toml", "--quiet", "--out", "first"]);
    let list = text(&at.join("first/faults.toml"));
    assert!(list.matches("agent-crash").count() > 1 && list.contains("partition"), "{list}");
    good(&at, &["run", "small.toml", "--quiet", "--faults", "first/faults.toml", "--out", "second"]);
    assert_eq!(digest(&at.join("first")), digest(&at.join("second")));
    assert_eq!(text(&at.join("second/faults.toml")), list);
    // Without any fault it is another run.
    fs::write(at.join("none.toml"), "").expect("a file");
    good(&at, &["run", "small.toml", "--quiet", "--faults", "none.toml", "--out", "third"]);
    assert_ne!(digest(&at.join("first")), digest(&at.join("third")));
}

#[test]
fn decisions_that_were_logged_can_be_given_again() {
    let at = folder("decisions", &[("small.toml", SMALL)]);
    good(&at, &["run", "small.toml", "--quiet", "--log-decisions", "log.txt", "--out", "first"]);
    let log = text(&at.join("log.txt"));
    assert!(log.lines().count() > 100, "{}", log.len());
    good(&at, &["run", "small.toml", "--quiet", "--decisions", "log.txt", "--out", "second"]);
    assert_eq!(digest(&at.join("first")), digest(&at.join("second")));
    // One changed decision is another run.
    let durations = |line: &&str| line.starts_with("task-duration ");
    let line = log.lines().find(durations).expect("run times are drawn");
    let (name, _) = line.rsplit_once(' ').expect("four words");
    fs::write(at.join("one.txt"), format!("{name} {}\n", u64::MAX)).expect("a file");
    good(&at, &["run", "small.toml", "--quiet", "--decisions", "one.txt", "--out", "fourth"]);
    assert_ne!(digest(&at.join("first")), digest(&at.join("fourth")));
}

#[test]
fn a_trace_has_a_line_for_each_transition() {
    let at = folder("trace", &[("tiny.toml", TINY)]);
    // Fixed latencies, so that the lines can be followed.
    let fixed = ["--set", "network.latency=1ms", "--set", "disk.latency=5ms"];
    good(&at, &[&["run", "tiny.toml", "--quiet", "--trace", "--out", "out"], &fixed[..]].concat());
    let trace = text(&at.join("out/run.trace"));
    // Ids begin with the master's, a UUID drawn by the seed.
    let id = trace.split(' ').find_map(|word| word.strip_suffix("-S0")).expect("an agent's id");
    let lines: Vec<String> = trace.lines().map(|line| line.trim_start().replace(id, "M")).collect();
    expect![[r#"
        00:00:00.000000  master                    process up     master, slot 0, incarnation 0
        00:00:00.000000  one                       process up     framework, slot 1, incarnation 0
        00:00:00.000000  agent-0                   process up     agent, slot 2, incarnation 0
        00:00:00.821260  agent-0                  .registering    attempt 0
        00:00:00.827260  registry                  written        version 1, 1 operations
        00:00:00.827260  agent-0 M-S0           registered     cpus:4;mem:4096
        00:00:00.856071  one                       subscribed     as M-0000 in role *
        00:00:05.000000  job-0                     submitted      to one: 1 x cpus:1;mem:1024
        00:00:05.001000  M-0000                 revived
        00:00:05.001000  run 8                     allocated      1 offers from 1 agents
        00:00:05.001000  M-0000                 offered        1 from M-O0 in role *: cpus:4;mem:4096
        00:00:05.002000  job-0                     first offer    to one
        00:00:05.003000  M-0000                 offers ended   1 accepted, M-O0: cpus:4;mem:4096
        00:00:05.003000  job-0.0                   launched       on M-S0 for M-0000
        00:00:05.003000  M-0000                 suppressed
        00:00:05.004000  job-0.0                   started        on agent-0 for one
        00:00:05.004000  job-0.0                  .update sent    TASK_STARTING for M-0000
        00:00:05.005000  job-0.0                  .forwarded      TASK_STARTING to M-0000
        00:00:05.006000  job-0.0                  .seen           TASK_STARTING by M-0000
        00:00:05.008000  job-0.0                  .acknowledged   TASK_STARTING by M-0000
        00:00:05.008000  job-0.0                  .update sent    TASK_RUNNING for M-0000
        00:00:05.009000  job-0.0                  .forwarded      TASK_RUNNING to M-0000
        00:00:05.010000  job-0.0                  .seen           TASK_RUNNING by M-0000
        00:00:05.012000  job-0.0                  .acknowledged   TASK_RUNNING by M-0000
        00:00:15.004000  job-0.0                   ended          finished on agent-0 for one
        00:00:15.004000  job-0.0                  .update sent    TASK_FINISHED for M-0000
        00:00:15.005000  job-0.0                   terminal       TASK_FINISHED on M-S0 for M-0000
        00:00:15.005000  job-0.0                  .forwarded      TASK_FINISHED to M-0000
        00:00:15.006000  job-0                     ended          of one
        00:00:15.006000  job-0.0                  .seen           TASK_FINISHED by M-0000
        00:00:15.008000  job-0.0                  .acknowledged   TASK_FINISHED by M-0000"#]]
    .assert_eq(&lines.join("\n"));
    let names: Vec<String> = files(&at).into_keys().filter(|name| name.contains("partial")).collect();
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn until_ends_a_run_early() {
    let at = folder("until", &[("small.toml", SMALL)]);
    good(&at, &["run", "small.toml", "--quiet", "--until", "3m", "--out", "out"]);
    assert!(text(&at.join("out/manifest.json")).contains("\"simulated_ns\": 180000000000"));
    let refused = refused(&at, &["run", "small.toml", "--until", "3"]);
    expect![[r#"
        error: invalid value '3' for '--until <TIME>': a duration needs a unit
        write "3s" for seconds; the units are d, h, m, s, ms, us and ns: write for example "1h30m", "90s" or "250ms"

        For more information, try '--help'.
    "#]]
    .assert_eq(&refused);
}

#[test]
fn what_has_no_size_is_told() {
    let body = r#"{"apps": [
        {"id": "/a", "cmd": "run", "fetch": [{"uri": "http://a/1"}, {"uri": "http://a/2"}, {"uri": "http://a/3"}]},
        {"id": "/b", "container": {"type": "DOCKER", "docker": {"image": "nginx"}}}]}"#;
    let more = format!(
        "[[marathon]]\n[[request]]\nkind = \"marathon\"\nat = \"10s\"\nmethod = \"POST\"\npath = \"/v2/groups\"\nbody = '''{body}'''\n"
    );
    let (none, some) = (format!("{TINY}\n{more}"), "[sizes]\n\"http://a/2\" = \"1MiB\"\n\"nginx\" = \"1MiB\"\n");
    let at = folder("sizes", &[("none.toml", &none), ("some.toml", &format!("{none}{some}"))]);
    expect![[r#"
        none.toml: good: 1 agents, 1 frameworks, 1 jobs in traces, 0 fault sections, 1m
        note: without a size in [sizes], so fetched in no time: `http://a/1`, `http://a/2`, `http://a/3` and 1 more
        some.toml: good: 1 agents, 1 frameworks, 1 jobs in traces, 0 fault sections, 1m
        note: without a size in [sizes], so fetched in no time: `http://a/1`, `http://a/3`
    "#]]
    .assert_eq(&good(&at, &["validate", "none.toml", "some.toml"]));
    let told = good(&at, &["run", "some.toml", "--no-report"]);
    assert!(told.ends_with("so fetched in no time: `http://a/1`, `http://a/3`\n"), "{told}");
}

#[test]
fn validate_reads_everything_and_runs_nothing() {
    let at = folder("validate", &[("small.toml", SMALL), ("tiny.toml", TINY)]);
    let before = files(&at);
    expect![[r#"
        small.toml: good: 6 agents, 1 frameworks, 0 jobs in traces, 2 fault sections, 10m
        tiny.toml: good: 1 agents, 1 frameworks, 1 jobs in traces, 0 fault sections, 1m
    "#]]
    .assert_eq(&good(&at, &["validate", "small.toml", "tiny.toml"]));
    // Good ones are reported, bad ones too, and all are looked at.
    fs::write(at.join("bad.toml"), TINY.replace("cpus = 1", "cpus = -1")).expect("a file");
    let outcome = mesosim(&at, &["validate", "no-such.toml", "tiny.toml", "bad.toml"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stdout.starts_with("tiny.toml: good"), "{}", outcome.stdout);
    expect![[r#"
        error: cannot read no-such.toml: No such file or directory (os error 2)
         |
         = help: check the path; scenarios that come with mesosim are in scenarios/

        error: -1 is not an amount
          --> bad.toml:13:29
           |
        13 | jobs = [{ at = "5s", cpus = -1, mem = "1GiB", duration = "10s" }]
           |                             ^^
           |
           = help: write a number from 0 to 1000000000000, for example 0.5 or 2
    "#]]
    .assert_eq(&outcome.stderr);
    assert_eq!(files(&at).len(), before.len() + 1);
}

#[test]
fn plugins_lists_every_kind() {
    let listed = good(&folder("plugins", &[]), &["plugins"]);
    expect![[r#"
        policies (allocator.policy)
          drf     smallest weighted dominant share first (Mesos' default)
          random  weighted random order, drawn anew for every agent
          fifo    who came first, whatever it holds
        chunks (allocator.chunk)
          whole  all that is free on the agent (Mesos)
          slice  at most `cpus` and `mem` (MiB) of an agent in one offer
        frameworks (frameworks.kind)
          batch  queues jobs of equal tasks and places them on offers
        choosers (frameworks.chooser)
          first-fit  fill offers in the order in which they came
          best-fit   the offer that the task fills best
          worst-fit  the offer with the most room, which spreads a job
          random     fill offers in a random order
        fleets (agents.from)
          group        a number of equal machines, spread over racks
          openb-nodes  the nodes of Alibaba's GPU trace of 2023 (openb)
        workloads (workload.kind)
          poisson   jobs that arrive at random, at a rate that may change over the day
          job-list  jobs written out in the scenario itself
          job-csv   a trace of jobs, one per line, plain or gzipped
          openb     the pods of Alibaba's GPU trace of 2023 (openb)
        faults (fault.kind)
          agent-crash      agents stop and start again, at an instant or by mtbf and mttr
          rack-loss        all machines of a rack lose power together
          partition        the network between two groups is cut, both ways or one way
          latency-burst    messages between two groups take longer for a while
          loss-burst       packets between two groups are lost and sent again for a while
          task-failures    a part of the tasks fails, running ones and those that start meanwhile
          slow-agent       agents take a time for each message for a while
          disk-stall       disks of processes take no writes for a while
          master-crash     masters stop and start again, the leading one or any, at an instant or by mtbf and mttr
          zookeeper-crash  ZooKeeper servers stop and start again, at an instant or by mtbf and mttr
          marathon-crash   Marathons stop and start again, the leading one or any, at an instant or by mtbf and mttr
          framework-crash  schedulers of frameworks stop and start again, at an instant or by mtbf and mttr
        invariants (check.invariants)
          no-overcommit          tasks and offers fit in each agent, in the master's view and in truth
          conservation           free, used and offered resources of each agent add up to its total
          offer-once             an offer is made once, outstanding to one framework, and ends once
          terminal-stays         a task that ended, in truth or by its agent's word, never runs again
          updates-in-order       updates of a task reach its framework in the order of its agent
          one-registry-writer    versions of the registry form one chain, and a succeeded writer never writes again
          dead-offers            an offer of a master that leads no more launches nothing
          placement              UNIQUE and MAX_PER hold among the instances of one configuration when one is placed
          marathon-leader        a Marathon that does not lead touches neither store nor driver
          restart-harmless       a change of Marathon's leader alone kills and places nothing
          apps-converge          a quarter of an hour after heal every app has its target, or refuses offers
          intent-first           Marathon's store has every task's record before the task is launched
          framework-id-stays     a Marathon subscribes under the framework id that its store has
          one-deployment         an app takes part in one deployment at a time
          no-surplus             no instance is added beyond an app's target and its over-capacity
          minimum-health         a deployment's kills leave minimumHealthCapacity
          exit-on-defeat         a Marathon that loses its leadership ends, and leads once in a life
          no-strays              every container belongs to an instance that is wanted, or is killed
          deployments-kept       a confirmed deployment goes on under the next leader, an ended one does not
          deployments-apart      a deployment kills instances of an app when something happens to that app
          upgrades-complete      after an upgrade or its rolling back no other version is left
          dependencies-first     a deployment's step begins when all apps of the step before are up
          patience               an unreachable instance is replaced and forgotten when its strategy says so
          volumes-stay           volumes of an instance that is to stay are kept, and it is launched on them
          reservations-returned  a reservation of an instance that is gone is given back when it is offered
          offers-wanted          a Marathon that has something to launch does not stay suppressed
          health-kills           ill health kills nothing that is unreachable, or in its grace period
          launch-backoff         what failed is not launched again before its delay is over
          kills-repeated         kills are repeated until the task has ended, and not sent after that
          no-lost-update         each deployment leads from the tree that counts to a later one
          reads-first            a Marathon serves when it has read its store
          versions-grow          no leader knows less of the tree than clients were told
          events-complete        listeners hear of every change of an instance, in order
        bugs (run --bug, test --bug)
          standby-expunges         a standby deletes the instances of the store as if they were lost (marathon#1039); marathon-leader in marathon/calm-failover.toml
          acts-after-defeat        a Marathon that lost its leadership goes on driving and checking health (marathon#356); exit-on-defeat in marathon/leader-loses-zookeeper.toml
          id-read-too-early        a standby that started before the framework id was stored registers anew (marathon#1063); framework-id-stays in marathon/calm-failover.toml
          instances-forgotten      a new leader forgets all instances and starts them again (marathon#2477); restart-harmless in marathon/calm-failover.toml
          running-is-healthy       a new leader counts what runs as healthy and kills below the minimum (MARATHON-8716); minimum-health in marathon/rolling-upgrade-leader-crash.toml
          plans-leave-with-leader  a leader that steps down deletes its running deployments (marathon#4085); deployments-kept in marathon/leader-abdicates.toml
          cancel-restores-all      cancelling a deployment puts all apps back, those of others too (marathon#1434); apps./api.healthy in marathon/cancelled-deployment.toml
          foreign-changes          a deployment takes changes of other apps for its own (DCOS-54927); deployments-apart in marathon/two-upgrades-at-once.toml
          no-room-to-move          a replacement that may go neither above nor below its size stands still (marathon#1100); deployments.succeeded in marathon/upgrade-one-at-a-time.toml
          waits-for-unreachable    a deployment waits for the end of an instance that nobody can reach (marathon#4039); deployments.succeeded in marathon/upgrade-past-lost-machine.toml
          kill-queue-jams          an unreachable instance that is to go stays in the kill queue and is never killed when it is back (MARATHON-8422); kills-repeated in marathon/upgrade-past-lost-machine.toml
          launches-unseen          constraints do not see launches that are being written down (marathon#1349); placement in marathon/unique-fewer-hosts.toml
        figures
          utilization     Utilization of the cluster
          shares          Who holds the capacity
          dominant-share  Dominant share of the frameworks
          waits           Waits
          tasks           Tasks waiting and running
          churn           Task churn
          agents          Agents
          agent-map       Agents over time
          failover        Changes of leaders
          instances       Instances of the apps
          deployments     Deployments
          offers          Offer traffic
          refusals        Why offers were refused
    "#]]
    .assert_eq(&listed);
}

#[test]
fn bench_runs_report_their_work() {
    let at = folder("bench", &[("small.toml", SMALL)]);
    let stdout = good(&at, &["bench", "run", "small.toml", "--runs", "1", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    good(&at, &["run", "small.toml", "--quiet", "--out", "out"]);
    assert_eq!(report["digest"], digest(&at.join("out")));
    assert!(report["offers"].as_u64() > Some(100) && report["messages"].as_object().is_some_and(|m| m.len() > 10));
    let names: Vec<String> = files(&at).into_keys().filter(|name| !name.starts_with("out")).collect();
    assert_eq!(names, ["small.toml"]);
}
