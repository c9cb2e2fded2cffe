//! `compare`, `test` and `diff` as their users meet them: many runs, what is said of them, what
//! is written, exit codes.

#[path = "common/binary.rs"]
mod binary;

use binary::{digest, files, folder, good, mesosim, refused, text};
use expect_test::expect;
use serde_json::Value;
use std::fs;

/// Two frameworks that want more than six machines have: policies matter. Faults are drawn.
const TIGHT: &str = r#"duration = "8m"
stop_when_done = false

[[agents]]
name = "agent"
count = 6
resources = "cpus:4;mem:8192"

[roles.left]
weight = 3

[[frameworks]]
name = "left"
role = "left"

[[frameworks]]
name = "right"
role = "right"

[[workload]]
kind = "poisson"
framework = "left"
rate = "12/min"
tasks = 3
duration = { exponential = "30s" }
cpus = 1
mem = "1GiB"

[[workload]]
kind = "poisson"
framework = "right"
rate = "12/min"
tasks = 3
duration = { exponential = "30s" }
cpus = 1
mem = "1GiB"

[[fault]]
kind = "agent-crash"
mtbf = "40m"
mttr = "1m"

[[expect]]
metric = "tasks.finished"
at_least = 100
why = "machines are busy"
"#;

const VARY: [&str; 2] = ["--vary", "allocator.policy=drf,random"];

fn compare(more: &[&'static str]) -> Vec<&'static str> {
    [&["compare", "tight.toml"], &VARY[..], more].concat()
}

// ---- compare ----

#[test]
fn a_comparison_says_and_writes_what_differs() {
    let at = folder("compare", &[("tight.toml", TIGHT)]);
    let stdout = good(&at, &compare(&["--seeds", "6"]));
    assert!(stdout.starts_with("tight: drf against random, 6 seeds, 1 to 6\n"), "{stdout}");
    assert!(stdout.contains("left: wait until running, p99"), "{stdout}");
    assert!(stdout.ends_with("12 runs; results in results/tight-compare\n"), "{stdout}");
    let names: Vec<String> = files(&at.join("results/tight-compare")).into_keys().collect();
    let shown: Vec<&String> = names.iter().filter(|name| !name.starts_with("runs/")).collect();
    let expected = [
        "comparison.csv",
        "comparison.json",
        "comparison.md",
        "comparison.tex",
        "differences.svg",
        "index.html",
        "runs.csv",
    ];
    assert_eq!(shown, expected);
    assert_eq!(names.iter().filter(|name| name.ends_with(".json") && name.starts_with("runs/")).count(), 12);

    // The mean of the table is the mean of the runs as `run` makes them.
    let json: Value = serde_json::from_str(&text(&at.join("results/tight-compare/comparison.json"))).expect("JSON");
    let metrics = json["metrics"].as_array().expect("metrics");
    let metric = metrics.iter().find(|m| m["metric"] == "tasks.finished").expect("it is among the defaults");
    for (variant, policy) in ["drf", "random"].iter().enumerate() {
        let set = format!("allocator.policy={policy}");
        let run = good(&at, &["run", "tight.toml", "--seed", "4", "--set", &set, "--json", "--no-report"]);
        let summary: Value = serde_json::from_str(&run).expect("JSON");
        let (one, all) = (&summary["tasks"]["finished"], &metric["variants"][variant]["values"]);
        assert_eq!(one.as_f64(), all[3].as_f64(), "{policy}");
    }
    let values = |variant: usize| -> Vec<f64> {
        let all = metric["variants"][variant]["values"].as_array().expect("values");
        all.iter().map(|v| v.as_f64().expect("a number")).collect()
    };
    let differences: Vec<f64> = values(0).iter().zip(values(1)).map(|(a, b)| b - a).collect();
    let mean = differences.iter().sum::<f64>() / 6.0;
    let said = metric["variants"][1]["difference"]["mean"].as_f64().expect("a number");
    assert!((said - mean).abs() < 1e-6, "{said} {mean}");
}

#[test]
fn the_bytes_do_not_depend_on_workers_or_interruptions() {
    let at = folder("workers", &[("tight.toml", TIGHT)]);
    let more = ["--seeds", "3..7", "--json", "--out"];
    let one = good(&at, &[&compare(&more)[..], &["one", "--jobs", "1"]].concat());
    let four = good(&at, &[&compare(&more)[..], &["four", "--jobs", "4"]].concat());
    assert_eq!(one, four);
    assert_eq!(one, text(&at.join("one/comparison.json")));
    // Interrupted: some runs are lost, one is torn.
    let mut kept: Vec<_> = fs::read_dir(at.join("four/runs")).expect("runs").map(|e| e.expect("one").path()).collect();
    kept.sort();
    assert_eq!(kept.len(), 10);
    kept[..4].iter().for_each(|path| fs::remove_file(path).expect("it is there"));
    let torn = fs::read(&kept[5]).expect("a run");
    fs::write(&kept[5], &torn[..torn.len() / 2]).expect("torn");
    let before = files(&at.join("one"));
    let stdout = good(&at, &compare(&["--seeds", "3..7", "--out", "four"]));
    assert!(stdout.ends_with("10 runs, 5 of them made before; results in four\n"), "{stdout}");
    let after = files(&at.join("four"));
    let differing: Vec<_> = before.iter().filter(|(name, bytes)| after.get(*name) != Some(bytes)).collect();
    assert!(differing.iter().all(|(name, _)| name.ends_with("index.html")), "{differing:?}");
    assert!(differing.is_empty() && before.len() == after.len());
}

#[test]
fn a_grid_and_chosen_metrics() {
    let at = folder("grid", &[("tight.toml", TIGHT)]);
    let more = ["--vary", "roles.left.weight=1,3", "--seeds", "2", "--no-report", "--json"];
    let metrics = ["--metric", "waits.left.running_s.p90", "--metric", "frameworks.left.dominant_share"];
    let stdout = good(&at, &[&compare(&more)[..], &metrics].concat());
    let json: Value = serde_json::from_str(&stdout).expect("JSON");
    let names: Vec<&str> =
        json["variants"].as_array().expect("variants").iter().filter_map(|v| v["name"].as_str()).collect();
    assert_eq!(names, ["drf, weight=1", "drf, weight=3", "random, weight=1", "random, weight=3"]);
    assert_eq!(json["metrics"].as_array().map(Vec::len), Some(2));
    // More weight, more of the cluster: with common random numbers even two seeds show it.
    let share = &json["metrics"][1]["variants"];
    assert!(share[1]["mean"].as_f64() > share[0]["mean"].as_f64(), "{share}");
    assert_eq!(files(&at).len(), 1, "--no-report writes nothing");
}

#[test]
fn a_variant_that_changes_nothing_shows_nothing() {
    let at = folder("nothing", &[("tight.toml", TIGHT)]);
    // Not a default value, but one that no run reaches.
    let vary = ["--vary", "frameworks.left.failover_timeout=1h,2h", "--seeds", "2", "--no-report"];
    let stdout = good(&at, &[&["compare", "tight.toml"], &vary[..]].concat());
    assert!(stdout.contains("the same with every seed") && !stdout.contains("longer"), "{stdout}");
    assert!(stdout.contains(": no difference shown at 95 % in any of these "), "{stdout}");
}

#[test]
fn comparisons_that_cannot_be_made() {
    let at = folder("refused", &[("tight.toml", TIGHT)]);
    let mut said = String::new();
    let wrong: [&[&str]; 8] = [
        &["--vary", "allocator.policy=drf,random", "--seeds", "1"],
        &["--vary", "allocator.polcy=drf,random"],
        &["--vary", "allocator.policy=drf,ranodm"],
        &["--vary", "allocator.policy=drf"],
        &["--vary", "allocator.policy=drf,random", "--metric", "task.finished"],
        &["--vary", "allocator.policy=drf,random", "--set", "seed"],
        &["--vary", "allocator.policy=drf,random", "--out", "tight.toml/x"],
        &["--vary", "allocator.policy=drf,random", "--seeds", "ten"],
    ];
    for arguments in wrong {
        let stderr = refused(&at, &[&["compare", "tight.toml"], arguments].concat());
        said.push_str(&format!("{}\n{stderr}\n", arguments.join(" ")));
    }
    expect![[r#"
        --vary allocator.policy=drf,random --seeds 1
        error: an interval needs at least two seeds, and one is given
        help: write --seeds 10

        --vary allocator.polcy=drf,random
        error: unknown key `polcy`
         --> --set:1:11
          |
        1 | allocator.polcy=drf
          |           ^^^^^
          |
          = help: did you mean `policy`?

        --vary allocator.policy=drf,ranodm
        error: unknown policy `ranodm`
         --> --set:1:18
          |
        1 | allocator.policy=ranodm
          |                  ^^^^^^
          |
          = help: did you mean `random`? there are `drf`, `random`, `fifo`

        --vary allocator.policy=drf
        error: there is only one variant, nothing to compare it with
        help: give two values or more, as in --vary allocator.policy=drf,random

        --vary allocator.policy=drf,random --metric task.finished
        error: there is no metric `task.finished`
        help: did you mean `tasks.finished`?

        --vary allocator.policy=drf,random --set seed
        error: --set seed: there is no value
        help: write --set seed=VALUE

        --vary allocator.policy=drf,random --out tight.toml/x
        error: cannot write tight.toml/x/runs: not a directory
        help: choose another folder with --out

        --vary allocator.policy=drf,random --seeds ten
        error: invalid value 'ten' for '--seeds <N|A..B>': write how many, as in 10, or the first and the last, as in 1..10

        For more information, try '--help'.

    "#]].assert_eq(&said);
}

// ---- test ----

#[test]
fn scenarios_as_tests() {
    let fails = TIGHT.replace("at_least = 100", "at_least = 100000");
    let at = folder("test", &[]);
    fs::create_dir_all(at.join("all/below")).expect("folders");
    fs::write(at.join("all/good.toml"), TIGHT).expect("a file");
    fs::write(at.join("all/below/fails <1>.toml"), &fails).expect("a file");
    fs::write(at.join("all/data.toml"), "duration = '1m'\n[[agents]]\nfrom = 'openb-nodes'\nfile = 'openb_x.csv'\n")
        .expect("a file");
    let outcome = mesosim(&at, &["test", "all", "--seeds", "1..2", "--junit", "out.xml", "--jobs", "2"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    let (lines, last) = outcome.stdout.trim_end().rsplit_once('\n').expect("a summary");
    assert!(last.starts_with("2 passed, 2 failed, 1 skipped in "), "{last}");
    expect![[r#"
        FAIL  all/below/fails <1>.toml  seed 1
              all/below/fails <1>.toml:43: expected tasks.finished >= 100000 (machines are busy), got 391
              replay: mesosim run 'all/below/fails <1>.toml' --seed 1 --trace
        FAIL  all/below/fails <1>.toml  seed 2
              all/below/fails <1>.toml:43: expected tasks.finished >= 100000 (machines are busy), got 353
              replay: mesosim run 'all/below/fails <1>.toml' --seed 2 --trace
        skip  all/data.toml: its data is not here; give its folder with --data DIR
        ok    all/good.toml  seed 1  1 expectation, 33 invariants
        ok    all/good.toml  seed 2  1 expectation, 33 invariants"#]]
    .assert_eq(lines);

    let xml = text(&at.join("out.xml"));
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"5\" failures=\"2\" "));
    assert!(xml.contains("classname=\"all/below/fails &lt;1&gt;.toml\" name=\"seed 2\""), "{xml}");
    assert_eq!((xml.matches("<failure ").count(), xml.matches("<skipped ").count()), (2, 1));

    // The command that is printed fails in the same way.
    let line = lines.lines().find_map(|l| l.split_once("replay: mesosim ")).expect("a replay").1;
    let words: Vec<&str> = line
        .split('\'')
        .flat_map(|part| if part.contains("toml") { vec![part] } else { part.split_whitespace().collect() })
        .collect();
    let again = mesosim(&at, &words);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("expected tasks.finished >= 100000 (machines are busy), got "), "{}", again.stderr);
    // What passes alone passes.
    let alone = good(&at, &["test", "all/good.toml", "--quiet"]);
    assert!(alone.starts_with("1 passed in "), "{alone}");
}

#[test]
fn a_violated_invariant_fails_a_test() {
    let at = folder("violated", &[("tight.toml", TIGHT)]);
    let words = ["test", "tight.toml", "--seeds", "7..7", "--sabotage", "makes-offers-twice", "--junit", "out.xml"];
    let outcome = mesosim(&at, &words);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    let lines: Vec<&str> = outcome.stdout.lines().map(str::trim_start).collect();
    assert_eq!(lines[0], "FAIL  tight.toml  seed 7");
    assert!(
        lines[1].starts_with("violated: offer-once at 00:00:") && lines[1].ends_with(" with seed 7"),
        "{}",
        lines[1]
    );
    assert_eq!(lines[3], "last events:");
    let replay = "replay: mesosim run tight.toml --seed 7 --trace --sabotage makes-offers-twice";
    assert_eq!(lines[12], replay, "{}", outcome.stdout);
    assert!(text(&at.join("out.xml")).contains("<failure message=\"violated: offer-once at 00:00:"));
    // The command fails in the same way, at the same instant.
    let words: Vec<&str> = replay.split(' ').skip(2).collect();
    let again = mesosim(&at, &words);
    assert_eq!((again.code, again.stderr.lines().next()), (1, Some(lines[1])));
}

#[test]
fn what_cannot_be_read_runs_nothing() {
    let at = folder("unread", &[("good.toml", TIGHT), ("bad.toml", &TIGHT.replace("cpus = 1", "cpu = 1"))]);
    let stderr = refused(&at, &["test", "good.toml", "bad.toml", "no-such.toml", "--junit", "out.xml"]);
    assert!(stderr.contains("unknown key `cpu`") && stderr.contains("cannot read no-such.toml"), "{stderr}");
    fs::create_dir(at.join("empty")).expect("a folder");
    assert!(refused(&at, &["test", "empty"]).contains("there is no .toml file in empty"));
    assert!(refused(&at, &["test", "good.toml", "--junit", "no/out.xml"]).contains("there is no folder no"));
}

// ---- diff ----

#[test]
fn one_run_twice_is_the_same() {
    let at = folder("same", &[("tight.toml", TIGHT)]);
    let stdout = good(&at, &["diff", "tight.toml", "tight.toml"]);
    assert!(stdout.contains("\nthe same: ") && stdout.contains(" events, digest "), "{stdout}");
    // A folder and the scenario that made it.
    good(&at, &["run", "tight.toml", "--quiet", "--seed", "5", "--set", "allocator.policy=random", "--out", "made"]);
    let stdout = good(&at, &["diff", "made", "tight.toml", "--seed-b", "5", "--set-b", "allocator.policy=random"]);
    assert!(stdout.contains(&format!("digest {}\n", digest(&at.join("made")))), "{stdout}");
}

#[test]
fn the_first_event_at_which_two_policies_part() {
    let at = folder("part", &[("tight.toml", TIGHT)]);
    let fixed = ["--set-a", "network.latency=1ms", "--set-b", "network.latency=1ms", "--context", "4"];
    let words = [&["diff", "tight.toml", "tight.toml", "--set-b", "allocator.policy=random"], &fixed[..]].concat();
    let outcome = mesosim(&at, &words);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    let stdout = outcome.stdout;
    let parts = stdout.split_once("they part after ").expect("they do").1;
    let common: usize = parts.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    assert_eq!(stdout.matches("\n  A ").count(), 4, "{stdout}");
    assert_eq!(stdout.matches("\n  B ").count(), 4, "{stdout}");
    assert!(stdout.contains("tasks.finished "), "{stdout}");

    // Against the traces: the facts before that are equal, the next one is not.
    let mut traces = Vec::new();
    for (out, policy) in [("a", "drf"), ("b", "random")] {
        let set = format!("allocator.policy={policy}");
        let run = ["run", "tight.toml", "--quiet", "--trace", "--set", "network.latency=1ms", "--set", &set];
        good(&at, &[&run[..], &["--out", out]].concat());
        let is_fact = |line: &&str| line.chars().nth(45) == Some(' ');
        let facts: Vec<String> =
            text(&at.join(out).join("run.trace")).lines().filter(is_fact).map(str::to_owned).collect();
        traces.push(facts);
    }
    assert_eq!(traces[0][..common], traces[1][..common]);
    assert_ne!(traces[0][common], traces[1][common]);
    assert!(stdout.contains(&format!("\n  A {}\n", traces[0][common])), "{stdout}");
    assert!(stdout.contains(&format!("    {}\n\nA goes on:", traces[0][common - 1])), "{stdout}");
}

#[test]
fn folders_with_traces_are_compared_as_they_are() {
    let at = folder("traces", &[("tight.toml", TIGHT)]);
    for out in ["a", "b"] {
        good(&at, &["run", "tight.toml", "--quiet", "--trace", "--out", out]);
    }
    assert!(good(&at, &["diff", "a", "b"]).contains("\nthe same: "));
    // Another program would have had another line here.
    let trace = text(&at.join("b/run.trace"));
    let mut lines: Vec<&str> = trace.lines().collect();
    lines[100] = "  00:00:00.000000  somebody                  else";
    fs::write(at.join("b/run.trace"), lines.join("\n")).expect("a file");
    let outcome = mesosim(&at, &["diff", "a", "b"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.contains("they part after 100 common events"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("  B   00:00:00.000000  somebody"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("the summaries are equal"), "{}", outcome.stdout);
}

#[test]
fn a_folder_that_was_made_otherwise_is_told() {
    let at = folder("otherwise", &[("tight.toml", TIGHT)]);
    good(&at, &["run", "tight.toml", "--quiet", "--until", "7m", "--out", "short"]);
    let outcome = mesosim(&at, &["diff", "short", "tight.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stdout);
    assert!(outcome.stderr.starts_with("note: short has digest "), "{}", outcome.stderr);
}

#[test]
fn what_is_no_run() {
    let at = folder("no-run", &[("tight.toml", TIGHT)]);
    fs::create_dir(at.join("empty")).expect("a folder");
    assert!(refused(&at, &["diff", "tight.toml", "empty"]).contains("is this the folder of a run?"));
    assert!(refused(&at, &["diff", "tight.toml", "none.toml"]).contains("cannot read none.toml"));
    assert!(refused(&at, &["diff", "tight.toml", "tight.toml", "--set-b", "x=1"]).contains("unknown key `x`"));
}
