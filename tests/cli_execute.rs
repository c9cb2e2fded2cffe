//! `mesosim execute` as its users meet it: what it prints, its exit codes, what it refuses.

#[path = "common/binary.rs"]
mod binary;

use binary::{folder, good, mesosim};
use expect_test::expect;
use serde_json::Value;
use std::path::Path;

/// Six machines with drawn latencies; at two minutes one framework has taken all of them.
const BUSY: &str = r#"
duration = "10m"
[network]
latency = { exponential = "2ms", shift = "1ms" }
[[agents]]
name = "node"
count = 6
resources = "cpus:2;mem:1024"
[[frameworks]]
name = "greedy"
[[workload]]
kind = "job-list"
framework = "greedy"
jobs = [{ at = "1m", tasks = 12, cpus = 1, mem = "256MiB", duration = "5m" }]
"#;

fn execute(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let outcome = mesosim(folder, &[&["execute"], arguments].concat());
    (outcome.code, outcome.stdout, outcome.stderr)
}

/// The states and how it came out, from `--json`.
fn story(text: &str) -> (Vec<String>, String, Value) {
    let json: Value = serde_json::from_str(text).expect("JSON");
    let states = json["states"].as_array().expect("a list").iter().map(|s| s["state"].as_str().unwrap().to_owned());
    (states.collect(), json["outcome"].as_str().expect("a word").to_owned(), json.clone())
}

#[test]
fn a_command_that_ends_well() {
    let folder = folder("well", &[]);
    let text = good(&folder, &["execute", "--command", "echo hello; sleep 2.5; echo oops 1>&2"]);
    expect![[r#"
        00:00:00.000000  mesos-execute called, needs cpus:1;mem:128
        00:00:01.492376  subscribed as 7ae7-0000
        00:00:01.494438  offer 7ae7-O0 taken: cpus:4;mem:4096 on agent-0 (7ae7-S0)
        00:00:01.496622  TASK_STARTING
        00:00:01.500378  TASK_RUNNING
        00:00:03.997196  TASK_FINISHED  exit status 0
        stdout
          hello
        stderr
          oops
    "#]]
    .assert_eq(&text);
    // The same again; another seed waits longer or shorter for its subscription.
    assert_eq!(text, good(&folder, &["execute", "--command", "echo hello; sleep 2.5; echo oops 1>&2"]));
    assert_ne!(text, good(&folder, &["execute", "--command", "echo hello; sleep 2.5; echo oops 1>&2", "--seed", "7"]));
}

#[test]
fn a_command_that_fails() {
    let folder = folder("fails", &[]);
    let (code, stdout, stderr) = execute(&folder, &["--command", "echo before; exit 3; echo after", "--json"]);
    assert_eq!((code, stderr.as_str()), (1, ""));
    let (states, outcome, json) = story(&stdout);
    assert_eq!(states, ["TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"]);
    assert_eq!((outcome.as_str(), &json["exit_status"], &json["stdout"]), ("failed", &3.into(), &"before\n".into()));
    let (_, stdout, _) = execute(&folder, &["--command", "false"]);
    assert!(stdout.contains("TASK_FAILED  REASON_COMMAND_EXECUTOR_FAILED  exit status 1\n"), "{stdout}");
}

#[test]
fn a_command_that_is_killed_has_written_what_it_had() {
    let folder = folder("killed", &[]);
    let arguments = ["--command", "echo one; sleep 60; echo two", "--kill_after", "5s", "--name", "nap"];
    let (code, stdout, _) = execute(&folder, &arguments);
    assert_eq!(code, 1);
    assert!(stdout.contains("TASK_KILLING\n") && stdout.contains("TASK_KILLED  ended by a signal\n"), "{stdout}");
    assert!(stdout.ends_with("stdout\n  one\nstderr\n"), "{stdout}");
}

#[test]
fn a_scenario_lends_its_cluster() {
    let folder = folder("scenario", &[("busy.toml", BUSY)]);
    let before = ["--command", "sleep 5", "--scenario", "busy.toml", "--at", "10s", "--json"];
    let (code, stdout, stderr) = execute(&folder, &before);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let (states, _, json) = story(&stdout);
    assert_eq!(states, ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]);
    assert!(json["states"][0]["at_s"].as_f64().unwrap() > 10.0 && json["agent"].as_str().unwrap().starts_with("node"));

    // Everything is taken: it waits, and is stopped.
    let full = ["--command", "true", "--scenario", "busy.toml", "--at", "2m", "--give-up-after", "1m"];
    let (code, stdout, stderr) = execute(&folder, &full);
    assert_eq!((code, stderr.as_str()), (1, ""));
    assert!(stdout.ends_with("00:03:00.000000  gave up after 1m: no offer was large enough\n"), "{stdout}");
    // The scenario's own frameworks are there.
    let (code, _, stderr) = execute(&folder, &[&full[..], &["--name", "greedy"]].concat());
    assert_eq!(code, 2);
    expect![[r#"
        error: --name: the scenario has a framework `greedy` already
        help: choose another name
    "#]]
    .assert_eq(&stderr);
}

/// It says so at once, and does not wait.
#[test]
fn more_than_any_agent_has_is_told() {
    let folder = folder("large", &[("busy.toml", BUSY)]);
    let (code, stdout, stderr) = execute(&folder, &["--command", "true", "--resources", "cpus:8;mem:64"]);
    assert_eq!((code, stderr.as_str()), (1, ""));
    expect![[r#"
        00:00:00.000000  mesos-execute called, needs cpus:8;mem:64
        00:00:00.000000  no agent is large enough: they have cpus:4;mem:4096
    "#]]
    .assert_eq(&stdout);
    let (code, stdout, _) =
        execute(&folder, &["--command", "true", "--resources", "gpus:1", "--scenario", "busy.toml", "--json"]);
    let (states, outcome, json) = story(&stdout);
    assert_eq!((code, states.len(), outcome.as_str(), &json["stdout"]), (1, 0, "too large", &Value::Null));
}

#[test]
fn wrong_input_is_refused() {
    let folder = folder("wrong", &[("broken.toml", "duration = 7\n")]);
    let mut told = String::new();
    for arguments in [
        &["--command", "true", "--resources", "cpus:many"][..],
        &["--command", "true", "--resources", "cpus:0"],
        &["--command", "true", "--resources", "cpus(dev):1"],
        &["--command", "true", "--name", ""],
        &["--command", "true", "--role", "a b"],
        &["--command", "true", "--scenario", "none.toml"],
        &["--command", "true", "--scenario", "broken.toml"],
        &["--command", "true", "--give-up-after", "0s"],
        &["--command", "true", "--kill-after", "soon"],
        &["--command", "true", "--set", "seed"],
        &[],
    ] {
        let (code, stdout, stderr) = execute(&folder, arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        told += &format!("{}\n{}\n", arguments.join(" "), stderr.trim_end());
    }
    expect![[r#"
        --command true --resources cpus:many
        error: --resources: `many` is no value of a resource, at byte 5: write a number, ranges `[1-10]` or a set `{a,b}`, and `;` before the next resource
        help: write amounts of cpus, mem, disk and gpus, for example --resources "cpus:1;mem:128"
        --command true --resources cpus:0
        error: --resources: `cpus:0` is not plain amounts of something
        help: write amounts of cpus, mem, disk and gpus, for example --resources "cpus:1;mem:128"
        --command true --resources cpus(dev):1
        error: --resources: `cpus(dev):1` is not plain amounts of something
        help: write amounts of cpus, mem, disk and gpus, for example --resources "cpus:1;mem:128"
        --command true --name 
        error: --name: the name is empty
        help: leave it out, or write a name
        --command true --role a b
        error: --role: "a b" cannot be the name of a role
        help: a role has no spaces or control characters
        --command true --scenario none.toml
        error: cannot read none.toml: No such file or directory (os error 2)
         |
         = help: check the path; scenarios that come with mesosim are in scenarios/
        --command true --scenario broken.toml
        error: a duration needs a unit
         --> broken.toml:1:12
          |
        1 | duration = 7
          |            ^
          |
          = help: write "7s"
        --command true --give-up-after 0s
        error: --give-up-after: there is no time to run in
        help: write a time above 0s, such as 10m
        --command true --kill-after soon
        error: invalid value 'soon' for '--kill-after <TIME>': "soon" is not a duration
        the units are d, h, m, s, ms, us and ns: write for example "1h30m", "90s" or "250ms"

        For more information, try '--help'.
        --command true --set seed
        error: --set seed: there is no value
        help: write --set seed=VALUE

        error: the following required arguments were not provided:
          --command <COMMAND>

        Usage: mesosim execute --command <COMMAND>

        For more information, try '--help'.
    "#]].assert_eq(&told);
}

/// In a run of a scenario they are among the results, and go away with the next run.
#[test]
fn results_hold_sandboxes() {
    let with = format!(
        "{BUSY}[[frameworks]]\nname = \"backup\"\nkind = \"execute\"\nat = \"5s\"\ncommand = \"echo saved; echo slow 1>&2\"\n"
    );
    let folder = folder("results", &[("busy.toml", BUSY), ("with.toml", &with)]);
    good(&folder, &["run", "with.toml", "--out", "out", "--quiet"]);
    let read = |file: &str| std::fs::read_to_string(folder.join("out/sandbox/backup").join(file)).ok();
    assert_eq!((read("stdout").as_deref(), read("stderr").as_deref()), (Some("saved\n"), Some("slow\n")));
    good(&folder, &["run", "busy.toml", "--out", "out", "--quiet"]);
    assert_eq!((read("stdout"), read("stderr")), (None, None));
}
