//! `mesosim allocator replay` and `run --record-allocator` as their users meet them.

use expect_test::expect;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fresh folder with these files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocator").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder for the test");
    for (file, text) in files {
        fs::write(path.join(file), text).expect("a file for the test");
    }
    path
}

/// Exit code, standard output, standard error.
fn mesosim(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mesosim")).args(arguments).current_dir(folder).output();
    let output = output.expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
}

/// Two frameworks, one agent each; the output of `wrong` has the agents exchanged.
const CASES: &str = concat!(
    r#"{"name":"right","why":"","input":[{"op":"init"},{"op":"add_framework","id":"f","roles":["a"]},"#,
    r#"{"op":"add_agent","id":"s","resources":[{"name":"cpus","scalar":2}]},{"op":"allocate"}],"#,
    r#""output":[{"event":3,"op":"allocate","clock":0,"offers":{"f":{"a":{"s":[{"name":"cpus","scalar":2}]}}},"#,
    r#""roles":[["a",1,1]],"frameworks":{"a":[["f",1,1]]},"tree":[["a","leaf",1,1]]}]}"#,
    "\n",
    r#"{"name":"wrong","why":"","input":[{"op":"init"},{"op":"add_framework","id":"f","roles":["a"]},"#,
    r#"{"op":"add_agent","id":"s","resources":[{"name":"cpus","scalar":2}]},{"op":"allocate"}],"#,
    r#""output":[{"event":3,"op":"allocate","clock":0,"offers":{"f":{"a":{"s":[{"name":"cpus","scalar":1}]}}}}]}"#,
    "\n",
    r#"{"name":"script","input":[{"op":"init"},{"op":"allocate"}]}"#,
    "\n",
);

#[test]
fn a_line_for_each_case_and_a_summary() {
    let at = folder("lines", &[("cases.jsonl", CASES)]);
    let (code, out, _) = mesosim(&at, &["allocator", "replay", "cases.jsonl"]);
    expect![[r#"
        agrees   right (4 events, 1 record)
        differs  wrong: record 0, event 3 (allocate), clock 0 s: 1 of 1 recorded offers are not ours, 1 of our 1 are not recorded
          recorded: f a s cpus:1
          ours:     f a s cpus:2
        played   script (2 events, 1 record)
        3 cases, 10 events: 1 agree, 1 differ, 1 without recorded output
    "#]].assert_eq(&out);
    assert_eq!(code, 1);
    let (code, out, _) = mesosim(&at, &["allocator", "replay", "--json", "cases.jsonl"]);
    expect![[r#"
        {"case":"right","result":"agrees","events":4,"records":1}
        {"case":"wrong","result":"differs","events":4,"records":1,"difference":{"record":0,"what":"record 0, event 3 (allocate), clock 0 s: 1 of 1 recorded offers are not ours, 1 of our 1 are not recorded","recorded":"f a s cpus:1","ours":"f a s cpus:2"}}
        {"case":"script","result":"played","events":2,"records":1}
        {"cases":3,"agree":1,"differ":1,"played":1,"events":10,"records":3}
    "#]].assert_eq(&out);
    assert_eq!(code, 1);
}

#[test]
fn emitted_records_name_their_case_and_compare_nothing() {
    let at = folder("emit", &[("cases.jsonl", CASES)]);
    let (code, out, _) = mesosim(&at, &["allocator", "replay", "cases.jsonl", "--emit"]);
    expect![[r#"
        {"case":"right","event":3,"op":"allocate","clock":0,"offers":{"f":{"a":{"s":[{"name":"cpus","scalar":2}]}}},"roles":[["a",1,1]],"frameworks":{"a":[["f",1,1]]},"tree":[["a","leaf",1,1]]}
        {"case":"wrong","event":3,"op":"allocate","clock":0,"offers":{"f":{"a":{"s":[{"name":"cpus","scalar":2}]}}},"roles":[["a",1,1]],"frameworks":{"a":[["f",1,1]]},"tree":[["a","leaf",1,1]]}
        {"case":"script","event":1,"op":"allocate","clock":0,"offers":{}}
    "#]].assert_eq(&out);
    assert_eq!(code, 0);
}

#[test]
fn what_is_wrong_is_told_with_file_line_event_and_mend() {
    let recover = r#"{"op":"recover","framework":"f","role":"a","agent":"s","resources":[{"name":"cpus","scalar":3}]}"#;
    let late = CASES.replace(
        r#"{"op":"allocate"}],"output":[{"event":3"#,
        &format!(r#"{{"op":"allocate"}},{recover}],"output":[{{"event":3"#),
    );
    let nested = r#"{"name":"n","input":[{"op":"init"},{"op":"update_quota","role":"a/b","limits":{"cpus":1}}]}"#;
    let files = [
        ("late.jsonl", late.as_str()),
        ("nested.jsonl", &format!("\n{nested}")),
        ("broken.jsonl", "{\"name\": \"b\",\n"),
        ("empty.jsonl", "\n"),
        ("good.jsonl", CASES),
    ];
    let at = folder("wrong", &files);
    let mut told = String::new();
    for file in ["late.jsonl", "nested.jsonl", "broken.jsonl", "empty.jsonl", "none.jsonl"] {
        let (code, out, err) = mesosim(&at, &["allocator", "replay", file]);
        assert_eq!((code, out.as_str()), (2, ""), "{file}");
        told.push_str(&err);
    }
    let (code, _, err) = mesosim(&at, &["allocator", "replay", "good.jsonl", "--policy", "fair"]);
    assert_eq!(code, 2);
    told.push_str(&err);
    expect![[r#"
        error: late.jsonl:1: case `right`, event 4 (recover): framework `f` holds cpus:2 in role `a` on `s`, not cpus:3
        help: name what it was offered and has not given back
        error: nested.jsonl:2: case `n`, event 1 (update_quota): quota on the nested role `a/b`
        help: set it on a top-level role
        error: broken.jsonl:2: not JSON at column 0: EOF while parsing a value
        help: write one JSON object for each case
        error: empty.jsonl: there is no case
        help: write one JSON object for each case
        error: none.jsonl: No such file or directory (os error 2)
        help: name a file of cases
        error: good.jsonl:1: case `right`, event 0 (init): there is no policy `fair`
        help: write one of drf, random, fifo
    "#]]
    .assert_eq(&told);
}

#[test]
fn other_policies_play_the_same_events() {
    let at = folder("policies", &[("cases.jsonl", CASES)]);
    let (_, drf, _) = mesosim(&at, &["allocator", "replay", "cases.jsonl", "--emit"]);
    for policy in ["random", "fifo"] {
        let (code, out, err) = mesosim(&at, &["allocator", "replay", "cases.jsonl", "--emit", "--policy", policy]);
        assert_eq!((code, out.lines().count()), (0, drf.lines().count()), "{policy}: {err}");
    }
}

#[test]
fn all_recordings_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("tests/oracle")).expect("recordings").map(|entry| entry.expect("a file").path());
    let files: Vec<String> = files.map(|path| path.display().to_string()).collect();
    let arguments: Vec<&str> = ["allocator", "replay"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let (code, out, err) = mesosim(root, &arguments);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.lines().last().is_some_and(|line| line.contains(" 0 differ")), "{out}");
}

/// Two frameworks with weights, filters and crashes; a queue in front of the allocator.
const SCENARIO: &str = r#"duration = "6m"

[[agents]]
count = 12
resources = "cpus:4;mem:8192;ports:[31000-31099]"
racks = 3

[roles.heavy]
weight = 2.5

[[frameworks]]
name = "one"
role = "heavy"
failover_timeout = "1h"

[[frameworks]]
name = "two"
failover_timeout = "1h"

[[workload]]
kind = "poisson"
framework = "one"
rate = "12/min"
tasks = 5
duration = { exponential = "40s" }
cpus = 1
mem = "1GiB"

[[workload]]
kind = "poisson"
framework = "two"
rate = "12/min"
tasks = 3
duration = { exponential = "30s" }
cpus = 0.5
mem = "700MiB"

[[fault]]
kind = "agent-crash"
mtbf = "4m"
mttr = "1m"
"#;

#[test]
fn a_recorded_run_replays_to_the_same_offers() {
    let at = folder("record", &[("scenario.toml", SCENARIO)]);
    for (name, set) in [("plain", "seed=3"), ("queue", "allocator.service_time=3ms"), ("fifo", "allocator.policy=fifo")]
    {
        let file = format!("{name}.jsonl");
        let run = ["run", "scenario.toml", "--no-report", "--quiet", "--set", set, "--record-allocator", &file];
        let (code, _, err) = mesosim(&at, &run);
        assert_eq!(code, 0, "{err}");
        let (code, out, err) = mesosim(&at, &["allocator", "replay", &file]);
        assert_eq!(code, 0, "{set}: {out}{err}");
        let text = fs::read_to_string(at.join(&file)).expect("it was written");
        let (events, runs) = (text.matches(r#""op":"#).count(), text.matches(r#""offers":{"#).count());
        assert!(events > 1_000 && runs > 50, "{events} events, {runs} runs");
        // The instants of runs matter: without the clock filters never end, and offers differ.
        let still = text
            .replace(r#"{"op":"tick"},"#, "")
            .replace(r#""op":"advance","seconds":0."#, r#""op":"advance","seconds":0.00"#);
        fs::write(at.join("still.jsonl"), still).expect("a file for the test");
        let (code, _, _) = mesosim(&at, &["allocator", "replay", "still.jsonl"]);
        assert_ne!(code, 0, "{set}");
    }
}

/// Reservations and volumes are made, used and given back; the run plays again as it was.
#[test]
fn a_run_with_volumes_is_a_case() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/marathon/resident-app-after-reboot.toml");
    let delete = r#"request=[{ kind = "marathon", at = "1m", method = "POST", path = "/v2/apps", body = '{"id": "/db", "cmd": "serve", "cpus": 1, "mem": 1024, "container": {"type": "MESOS", "volumes": [{"containerPath": "data", "mode": "RW", "persistent": {"size": 20000}}]}}' }, { kind = "marathon", at = "4m", method = "DELETE", path = "/v2/apps/db" }]"#;
    let at = folder("volumes", &[]);
    let run = ["run", scenario, "--no-report", "--quiet", "--set", delete, "--record-allocator", "volumes.jsonl"];
    // What the scenario expects is of another request.
    let (_, _, err) = mesosim(&at, &run);
    let text = fs::read_to_string(at.join("volumes.jsonl")).expect(&err);
    for (op, times) in [("reserve_offered", 1), ("convert_offered", 2), ("unreserve_offered", 1)] {
        assert_eq!(text.matches(&format!(r#""op":"{op}""#)).count(), times, "{op}");
    }
    let (code, out, err) = mesosim(&at, &["allocator", "replay", "volumes.jsonl"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_case_cannot_tell_everything() {
    let at = folder("chunk", &[("scenario.toml", SCENARIO)]);
    let mut told = String::new();
    for set in [r#"allocator.chunk={ kind = "slice", cpus = 1 }"#, "allocator.policy=random"] {
        let run = ["run", "scenario.toml", "--no-report", "--quiet", "--set", set, "--record-allocator", "x.jsonl"];
        let (code, _, err) = mesosim(&at, &run);
        assert_eq!(code, 2);
        told.push_str(&err);
    }
    expect![[r#"
        error: --record-allocator: a case cannot tell the chunk policy
        help: add --set allocator.chunk=whole
        error: --record-allocator: a case cannot tell the draws of `random`
        help: record a policy that does not draw
    "#]]
    .assert_eq(&told);
}
