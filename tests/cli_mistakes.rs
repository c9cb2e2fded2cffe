//! What users do wrong, and what the binary says to it: file, line and what to write instead, exit
//! code 2, nothing half-written.

#[path = "common/binary.rs"]
mod binary;

use binary::{TINY, folder, refused};
use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;

/// The message for a scenario that is wrong, of `run` and of `validate` alike.
#[track_caller]
fn bad(name: &str, scenario: &str, more: &[(&str, &str)], message: Expect) {
    let folder = folder(name, &[&[("bad.toml", scenario)], more].concat());
    let stderr = refused(&folder, &["run", "bad.toml"]);
    message.assert_eq(&stderr);
    assert_eq!(refused(&folder, &["validate", "bad.toml"]), stderr);
}

#[test]
fn an_unknown_key() {
    bad(
        "unknown-key",
        &TINY.replace("duration = \"1m\"", "durration = \"1m\""),
        &[],
        expect![[r#"
        error: missing key `duration`
         --> bad.toml:1:1
          |
        1 | durration = "1m"
          | ^
          |
          = help: add `duration = "2h"`: when the run ends at the latest

        error: unknown key `durration`
         --> bad.toml:1:1
          |
        1 | durration = "1m"
          | ^^^^^^^^^
          |
          = help: did you mean `duration`?
    "#]],
    );
    bad(
        "unknown-plugin-key",
        &TINY.replace("[[frameworks]]", "[[frameworks]]\nchoser = \"random\""),
        &[],
        expect![[r#"
            error: unknown key `choser`
             --> bad.toml:8:1
              |
            8 | choser = "random"
              | ^^^^^^
              |
              = help: did you mean `chooser`?
        "#]],
    );
}

#[test]
fn a_wrong_unit() {
    bad(
        "wrong-unit",
        &TINY.replace("\"1m\"", "\"1 parsec\""),
        &[],
        expect![[r#"
        error: unknown unit `parsec` in "1 parsec"
         --> bad.toml:1:12
          |
        1 | duration = "1 parsec"
          |            ^^^^^^^^^^
          |
          = help: the units are d, h, m, s, ms, us and ns: write for example "1h30m", "90s" or "250ms"
    "#]],
    );
    bad(
        "no-unit",
        &TINY.replace("mem = \"1GiB\"", "mem = 1024"),
        &[],
        expect![[r#"
        error: a size needs a unit
          --> bad.toml:13:38
           |
        13 | jobs = [{ at = "5s", cpus = 1, mem = 1024, duration = "10s" }]
           |                                      ^^^^
           |
           = help: write "1024MiB"
    "#]],
    );
}

#[test]
fn a_missing_file() {
    let at = folder("missing-file", &[]);
    expect![[r#"
        error: cannot read no-such.toml: No such file or directory (os error 2)
         |
         = help: check the path; scenarios that come with mesosim are in scenarios/
    "#]]
    .assert_eq(&refused(&at, &["run", "no-such.toml"]));
    let csv = with_trace("jobs.csv");
    bad(
        "missing-trace",
        &csv,
        &[],
        expect![[r#"
            error: there is no file jobs.csv
              --> bad.toml:12:8
               |
            12 | file = "jobs.csv"
               |        ^^^^^^^^^^
               |
               = help: correct the path, or pass the folder it is in with `--data DIR`
        "#]],
    );
    let at = folder("missing-faults", &[("tiny.toml", TINY)]);
    expect![[r#"
        error: cannot read no-such.toml: No such file or directory (os error 2)
        help: check the path
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--faults", "no-such.toml"]));
    expect![[r#"
        error: cannot read no-such.txt: No such file or directory (os error 2)
        help: check the path
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--decisions", "no-such.txt"]));
}

/// `TINY` with its jobs from a trace.
fn with_trace(file: &str) -> String {
    let jobs = TINY.find("[[workload]]").expect("it has jobs");
    format!("{}[[workload]]\nkind = \"job-csv\"\nfile = \"{file}\"\n", &TINY[..jobs])
}

const TRACE: &str = "job_id,framework,submit_s,tasks,duration_s,cpus,mem_gb\n\
                     1,one,1,1,10,1,1\n\
                     2,one,2,1,10,1,1\n\
                     3,one,3,1,ten,1,1\n";

#[test]
fn a_malformed_line_of_a_trace() {
    let csv = with_trace("jobs.csv");
    bad(
        "trace-line",
        &csv,
        &[("jobs.csv", TRACE)],
        expect![[r#"
            error: jobs.csv:4: duration_s is not a number: "ten"
            help: write a decimal number such as 12.5
        "#]],
    );
    bad(
        "trace-order",
        &csv,
        &[("jobs.csv", &TRACE.replace("3,one,3,1,ten", "3,one,1,1,10"))],
        expect![[r#"
            error: jobs.csv:4: submit_s 1 is before the line above
            help: sort the file by submit_s
        "#]],
    );
}

#[test]
fn a_malformed_line_of_a_gzipped_trace() {
    let csv = with_trace("jobs.csv.gz");
    let at = folder("trace-gz", &[("bad.toml", &csv)]);
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(TRACE.as_bytes()).expect("memory");
    let packed = gz.finish().expect("memory");
    fs::write(at.join("jobs.csv.gz"), &packed).expect("a file");
    expect![[r#"
        error: jobs.csv.gz:4: duration_s is not a number: "ten"
        help: write a decimal number such as 12.5
    "#]]
    .assert_eq(&refused(&at, &["run", "bad.toml"]));
    // Cut off in the middle.
    fs::write(at.join("jobs.csv.gz"), &packed[..packed.len() / 2]).expect("a file");
    expect![[r#"
        error: cannot read jobs.csv.gz: incomplete deflate stream
          --> bad.toml:12:8
           |
        12 | file = "jobs.csv.gz"
           |        ^^^^^^^^^^^^^
           |
           = help: check the file
    "#]]
    .assert_eq(&refused(&at, &["run", "bad.toml"]));
}

#[test]
fn a_trace_that_turns_out_wrong_far_into_the_run_leaves_nothing() {
    let csv = with_trace("jobs.csv");
    let at = folder("late", &[("bad.toml", &csv), ("jobs.csv", TRACE)]);
    let stderr = refused(&at, &["run", "bad.toml", "--trace", "--log-decisions", "log.txt", "--out", "deep/out"]);
    assert!(stderr.contains("jobs.csv:4"), "{stderr}");
}

#[test]
fn contradictory_resources() {
    bad(
        "resources-twice",
        &TINY.replace("cpus:4;mem:4096", "cpus:4;mem:4096;cpus:8"),
        &[],
        expect![[r#"
        error: `cpus` is given twice
         --> bad.toml:5:13
          |
        5 | resources = "cpus:4;mem:4096;cpus:8"
          |             ^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: write one amount for it
    "#]],
    );
    bad(
        "resources-range",
        &TINY.replace("cpus:4;mem:4096", "cpus:4;ports:[9-3]"),
        &[],
        expect![[r#"
        error: the range 9-3 of `ports` is empty
         --> bad.toml:5:13
          |
        5 | resources = "cpus:4;ports:[9-3]"
          |             ^^^^^^^^^^^^^^^^^^^^
          |
          = help: write 3-9
    "#]],
    );
}

#[test]
fn an_impossible_selector() {
    let fault = "\n[[fault]]\nkind = \"rack-loss\"\nat = \"10s\"\nrack = \"r7\"\n";
    bad(
        "selector-rack",
        &format!("{TINY}{fault}"),
        &[],
        expect![[r#"
            error: `rack_id=r7` selects nothing in this scenario
              --> bad.toml:18:8
               |
            18 | rack = "r7"
               |        ^^^^
               |
               = help: write a hostname ("agent-3"), an attribute ("rack_id=r2"), "agents" for all, "masters", "master-1", "zookeepers", "marathons", a framework's name, or, for a fault that strikes processes, "leading-master", or "machine-of-NAME" for what an app runs
        "#]],
    );
    let fault =
        "\n[[fault]]\nkind = \"partition\"\nat = \"10s\"\nlasts = \"5s\"\nfrom = \"agent-1\"\nto = \"master\"\n";
    bad(
        "selector-host",
        &format!("{TINY}{fault}"),
        &[],
        expect![[r#"
            error: `agent-1` selects nothing in this scenario
              --> bad.toml:19:8
               |
            19 | from = "agent-1"
               |        ^^^^^^^^^
               |
               = help: write a hostname ("agent-3"), an attribute ("rack_id=r2"), "agents" for all, "masters", "master-1", "zookeepers", "marathons", a framework's name, or, for a fault that strikes processes, "leading-master", or "machine-of-NAME" for what an app runs
        "#]],
    );
}

#[test]
fn a_fault_before_the_start() {
    let fault = "\n[[fault]]\nkind = \"agent-crash\"\nat = \"-10s\"\ntarget = \"agents\"\n";
    bad(
        "fault-early",
        &format!("{TINY}{fault}"),
        &[],
        expect![[r#"
        error: "-10s" is negative
          --> bad.toml:17:6
           |
        17 | at = "-10s"
           |      ^^^^^^
           |
           = help: write a duration of "0s" or more
    "#]],
    );
}

#[test]
fn unknown_names() {
    bad(
        "fault-kind",
        &format!("{TINY}\n[[fault]]\nkind = \"agent-crsh\"\nat = \"1s\"\n"),
        &[],
        expect![[r#"
            error: unknown fault `agent-crsh`
              --> bad.toml:16:8
               |
            16 | kind = "agent-crsh"
               |        ^^^^^^^^^^^^
               |
               = help: did you mean `agent-crash`? there are `agent-crash`, `rack-loss`, `partition`, `latency-burst`, `loss-burst`, `task-failures`, `slow-agent`, `disk-stall`, `master-crash`, `zookeeper-crash`, `marathon-crash`, `framework-crash`
        "#]],
    );
    bad(
        "metric",
        &format!("{TINY}\n[[expect]]\nmetric = \"tasks.finishd\"\nequals = 1\n"),
        &[],
        expect![[r#"
            error: there is no metric `tasks.finishd`
              --> bad.toml:15:1
               |
            15 | [[expect]]
               | ^^^^^^^^^^
               |
               = help: did you mean `tasks.finished`?
        "#]],
    );
    bad(
        "invariant",
        &format!("{TINY}\n[check]\ninvariants = [\"offer-onec\"]\n"),
        &[],
        expect![[r#"
        error: unknown invariant `offer-onec`
          --> bad.toml:16:15
           |
        16 | invariants = ["offer-onec"]
           |               ^^^^^^^^^^^^
           |
           = help: did you mean `offer-once`?
    "#]],
    );
    bad(
        "policy",
        &format!("{TINY}\n[allocator]\npolicy = \"drff\"\n"),
        &[],
        expect![[r#"
            error: unknown policy `drff`
              --> bad.toml:16:10
               |
            16 | policy = "drff"
               |          ^^^^^^
               |
               = help: did you mean `drf`? there are `drf`, `random`, `fifo`
        "#]],
    );
    let at = folder("set", &[("tiny.toml", TINY)]);
    expect![[r#"
        error: unknown policy `drff`
         --> --set:1:18
          |
        1 | allocator.policy=drff
          |                  ^^^^
          |
          = help: did you mean `drf`? there are `drf`, `random`, `fifo`
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--set", "allocator.policy=drff"]));
    expect![[r#"
        error: --set seed: there is no value
        help: write --set seed=VALUE
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--set", "seed"]));
}

#[test]
fn a_folder_that_cannot_be_written() {
    let at = folder("out", &[("tiny.toml", TINY), ("taken", "a file")]);
    expect![[r#"
        error: cannot write taken: taken is a file, not a folder
        help: choose another folder with --out
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--out", "taken"]));
    expect![[r#"
        error: cannot write taken/below: taken is a file, not a folder
        help: choose another folder with --out
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--out", "taken/below"]));
    expect![[r#"
        error: cannot write taken/below: taken is a file, not a folder
        help: choose another folder with --out
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--trace", "--out", "taken/below"]));
    expect![[r#"
        error: cannot write no/such/log.txt: there is no folder no/such
        help: name a file in a folder that exists
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--log-decisions", "no/such/log.txt", "--out", "new"]));
}

#[test]
fn an_unknown_flag() {
    let at = folder("flag", &[("tiny.toml", TINY)]);
    expect![[r#"
        error: unexpected argument '--sed' found

          tip: a similar argument exists: '--seed'

        Usage: mesosim run --seed <SEED> <SCENARIO>

        For more information, try '--help'.
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--sed", "2"]));
    expect![[r#"
        error: unrecognized subcommand 'rnu'

        Usage: mesosim <COMMAND>

        For more information, try '--help'.
    "#]]
    .assert_eq(&refused(&at, &["rnu", "tiny.toml"]));
}

#[test]
fn a_list_of_faults_or_decisions_that_is_none() {
    let at = folder("lists", &[("tiny.toml", TINY), ("f.toml", "seed = 1\n"), ("d.txt", "a 1 2 3\nb 1 2\n")]);
    expect![[r#"
        error: f.toml: unexpected key `seed`
        help: give a faults.toml
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--faults", "f.toml"]));
    expect![[r#"
        error: d.txt:2: not a decision
        help: a line is: site entity n value
    "#]]
    .assert_eq(&refused(&at, &["run", "tiny.toml", "--decisions", "d.txt"]));
}
