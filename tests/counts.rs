//! What is counted is what happened: once, whoever leads, and also while nobody does.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::scenario;
use mesosim::sim::{Finished, Sim};
use serde_json::Value;

/// Runs with all invariants checked; all expectations must hold.
fn run(text: &str) -> Finished {
    let sim = Sim::of(scenario(text), true).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let finished = sim.run(&mut ()).unwrap_or_else(|e| panic!("{e:?}"));
    assert!(finished.broken.is_none(), "{:?}", finished.broken);
    for outcome in &finished.expectations {
        assert!(outcome.passed, "{outcome:?}");
    }
    finished
}

/// The leading master dies at two minutes; four tasks end before there is another.
#[test]
fn tasks_are_launched_and_end_once_whoever_leads() {
    let finished = run(r#"
seed = 5
duration = "20m"
[cluster]
masters = 3
zookeepers = 3
[[agents]]
name = "agent"
count = 4
resources = "cpus:4;mem:8192"
[[frameworks]]
name = "one"
capabilities = ["PARTITION_AWARE"]
failover_timeout = "1h"
[[workload]]
kind = "job-list"
framework = "one"
jobs = [
    { at = "30s", tasks = 8, cpus = 1, mem = "1GiB", duration = "10m" },
    { at = "30s", tasks = 4, cpus = 1, mem = "1GiB", duration = "94s" },
]
[[fault]]
kind = "master-crash"
at = "2m"
down = "1m"
[[expect]]
metric = "leaders.masters_elected"
equals = 1
at = "2m4s"
why = "nobody leads when the short tasks end"
[[expect]]
metric = "tasks.finished"
equals = 4
at = "2m6s"
[[expect]]
metric = "task_states.finished"
equals = 0
at = "2m6s"
"#);
    let number = |group, name| finished.summary.number(group, name);
    assert_eq!(number("leaders", "masters_elected"), 2);
    assert_eq!([number("tasks", "launched"), number("tasks", "finished")], [12, 12]);
    assert_eq!(number("task_states", "finished"), 12);
    let reported = finished.summary.facts.get("TaskReported").copied();
    assert_eq!(reported, Some(12), "the new master heard of all of them");
}

/// An app without patience: what runs on an agent that is cut off is given up at once. A request
/// that Marathon refuses is counted and kept with its answer.
#[test]
fn marathons_instances_and_requests_are_counted() {
    let finished = run(r#"
seed = 5
duration = "10m"
stop_when_done = false
[[agents]]
name = "agent"
count = 2
resources = "cpus:4;mem:8192;ports:[31000-32000]"
[[marathon]]
[[request]]
kind = "marathon"
at = "30s"
method = "POST"
path = "/v2/apps"
body = '''{ "id": "/web", "cmd": "serve", "instances": 2, "cpus": 1, "mem": 64,
  "constraints": [["hostname", "UNIQUE"]],
  "unreachableStrategy": { "inactiveAfterSeconds": 0, "expungeAfterSeconds": 0 } }'''
[[request]]
kind = "marathon"
at = "1m"
method = "POST"
path = "/v2/apps"
body = '{ "id": "/bad", "cmd": "serve", "instances": -1 }'
[[fault]]
kind = "partition"
at = "3m"
lasts = "3m"
from = "agent-0"
to = "masters"
[[expect]]
metric = "frameworks.marathon.tasks.running"
equals = 2
at = "2m"
[[expect]]
metric = "frameworks.marathon.tasks.launched"
at_least = 3
[[expect]]
metric = "apps./web.losses"
equals = 1
at = "5m"
[[expect]]
metric = "apps./web.losses"
equals = 1
[[expect]]
metric = "requests.refused"
equals = 1
within = "62s"
[[expect]]
metric = "responses.1.status"
equals = 422
"#);
    let requests = ["answered", "refused", "unanswered"].map(|name| finished.summary.number("requests", name));
    assert_eq!(requests, [1, 1, 0]);
    let lines = finished.responses();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> =
        lines.iter().map(|l| (l["request"].as_u64(), l["status"].as_u64(), l["path"].as_str())).collect();
    assert_eq!(told, [(Some(0), Some(201), Some("/v2/apps")), (Some(1), Some(422), Some("/v2/apps"))]);
    assert!(lines[1]["body"]["message"].is_string(), "{}", lines[1]);
}
