//! Marathons in whole small clusters: apps are posted, run, are scaled, lose machines and leaders.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::world;
use mesosim::base::map::Map;
use mesosim::base::time::Time;
use mesosim::fact::{At, DeploymentEnd, Fact};
use mesosim::http::{Body, Method, Request, Response};
use mesosim::mesos::message::Msg;
use mesosim::world::{Request as Outside, World};
use serde_json::{Value, json};
use std::sync::Arc;

/// A world, what was seen of it so far, and answers to requests.
struct Run {
    world: World,
    facts: Vec<At<Fact>>,
    answers: Map<u64, Arc<Response>>,
    /// Names of events of streams, in order.
    events: Vec<String>,
}

impl Run {
    fn new(text: &str) -> Self {
        let mut world = world(text);
        world.watch_messages(|_, _, _| true);
        Self { world, facts: Vec::new(), answers: Map::default(), events: Vec::new() }
    }

    fn until(&mut self, s: i64) {
        self.world.run_until(Time::from_secs(s));
        self.world.take_facts(&mut self.facts);
        let mut seen = Vec::new();
        self.world.take_messages(&mut seen);
        for message in seen.into_iter().filter(|message| !message.sent) {
            // To itself: the request was put in from outside.
            if let (Msg::HttpReply { token, response }, true) = (message.msg, message.from == message.to) {
                if let Body::Text(text) = &response.body {
                    let name = text.lines().find_map(|line| line.strip_prefix("event: "));
                    self.events.extend(name.map(str::to_owned));
                }
                self.answers.insert(token, response);
            }
        }
    }

    /// Asks the how-manieth Marathon and gives it two seconds.
    fn ask(&mut self, marathon: u32, method: Method, path: &str, body: Value) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let body = if body.is_null() { Body::Empty } else { Body::Json(body) };
        let request = Arc::new(Request { method, path: path.into(), query, body, hops: 0 });
        let token = self.world.inject(Outside::Http { marathon, request });
        let now = self.world.now();
        self.world.run_until(now);
        self.until(now.0 / 1_000_000_000 + 2);
        let answer = self.answers.get(&u64::from(token)).expect("an answer");
        let body = match &answer.body {
            Body::Json(body) => body.clone(),
            Body::Text(text) => Value::String(text.clone()),
            Body::Empty => Value::Null,
        };
        (answer.status, body)
    }

    /// Asks the Marathons in turn until one answers without an error of its own.
    fn try_asking(&mut self, method: Method, path: &str, body: Value) -> Option<u16> {
        for _ in 0..10 {
            for marathon in 0..2 {
                let request =
                    Request { method, path: path.into(), query: Vec::new(), body: Body::Json(body.clone()), hops: 0 };
                let (path, force) = (request.path.replace("?force=true", ""), vec![("force".into(), "true".into())]);
                let request = Arc::new(Request { path, query: force, ..request });
                let token = self.world.inject(Outside::Http { marathon, request });
                let now = self.world.now().0 / 1_000_000_000;
                self.until(now + 5);
                let status = self.answers.get(&u64::from(token)).map(|answer| answer.status);
                if status.is_some_and(|status| status < 500) {
                    return status;
                }
            }
        }
        None
    }

    /// A Marathon that is alive.
    fn world_marathon(&self) -> u32 {
        let stopped = self.facts.iter().rev().find_map(|fact| match fact.what {
            Fact::ProcessStopped { slot, kind: mesosim::fact::ProcessKind::Marathon, .. } => Some(slot),
            _ => None,
        });
        // Slots: three masters, three servers, two Marathons.
        if stopped == Some(6) { 1 } else { 0 }
    }

    fn count(&self, which: impl Fn(&Fact) -> bool) -> usize {
        self.facts.iter().filter(|fact| which(&fact.what)).count()
    }

    /// Containers that run now.
    fn running(&self) -> usize {
        let started = self.count(|f| matches!(f, Fact::TaskStarted { .. }));
        started - self.count(|f| matches!(f, Fact::TaskEnded { .. }))
    }

    fn succeeded(&self) -> usize {
        self.count(|f| matches!(f, Fact::DeploymentEnded { how: DeploymentEnd::Succeeded, .. }))
    }
}

fn cluster(more: &str) -> String {
    format!(
        r#"
seed = 3
duration = "2h"
stop_when_done = false
[network]
latency = "1ms"
[[agents]]
name = "agent"
count = 5
resources = "cpus:4;mem:8192;ports:[31000-32000]"
racks = 2
{more}
"#
    )
}

fn web(instances: u32) -> Value {
    let check =
        json!({ "protocol": "HTTP", "path": "/", "intervalSeconds": 5, "gracePeriodSeconds": 20, "timeoutSeconds": 2 });
    json!({ "id": "/web", "cmd": "run", "cpus": 1, "mem": 128, "instances": instances, "healthChecks": [check],
            "constraints": [["hostname", "UNIQUE"]], "unreachableStrategy": { "inactiveAfterSeconds": 0, "expungeAfterSeconds": 0 } })
}

#[test]
fn an_app_is_deployed_scaled_and_survives_a_machine() {
    let mut run = Run::new(&cluster(
        r#"
[[marathon]]
[[app]]
id = "/web"
ready_after = "3s"
[[fault]]
kind = "agent-crash"
target = "agent-0"
at = "10m"
"#,
    ));
    run.until(20);
    let (status, body) = run.ask(0, Method::Post, "/v2/apps", web(3));
    assert_eq!((status, &body["id"], body["deployments"].as_array().map(Vec::len)), (201, &json!("/web"), Some(1)));
    let (status, _) = run.ask(0, Method::Post, "/v2/apps", web(3));
    assert_eq!(status, 409);
    run.until(60);
    assert_eq!((run.running(), run.succeeded()), (3, 1));
    let (_, body) = run.ask(0, Method::Get, "/v2/apps//web", Value::Null);
    let app = &body["app"];
    assert_eq!((&app["tasksRunning"], &app["tasksHealthy"]), (&json!(3), &json!(3)));
    let hosts: std::collections::BTreeSet<&str> =
        app["tasks"].as_array().unwrap().iter().map(|task| task["host"].as_str().unwrap()).collect();
    assert_eq!(hosts.len(), 3, "UNIQUE");
    // Five machines hold five.
    let (status, _) = run.ask(0, Method::Put, "/v2/apps//web", json!({ "instances": 5 }));
    assert_eq!(status, 200);
    run.until(120);
    assert_eq!((run.running(), run.succeeded()), (5, 2));
    // The sixth waits for a machine.
    run.ask(0, Method::Put, "/v2/apps//web", json!({ "instances": 6 }));
    let (status, body) = run.ask(0, Method::Put, "/v2/apps//web", json!({ "instances": 4 }));
    assert_eq!(status, 409, "{body}");
    let (_, body) = run.ask(0, Method::Get, "/v2/queue", Value::Null);
    assert_eq!(body["queue"][0]["count"], json!(1));
    let (status, _) = run.ask(0, Method::Put, "/v2/apps//web?force=true", json!({ "instances": 4 }));
    assert_eq!(status, 200);
    run.until(300);
    assert_eq!((run.running(), run.succeeded()), (4, 3));
    // The machine is lost for good; one of four may have been there, and a fifth takes its place.
    run.until(1_200);
    assert_eq!(run.running(), 4);
    let (_, body) = run.ask(0, Method::Get, "/v2/apps//web/tasks", Value::Null);
    assert!(body["tasks"].as_array().unwrap().iter().all(|task| task["host"] != json!("agent-0")));
    let (status, _) = run.ask(0, Method::Delete, "/v2/apps//web", Value::Null);
    assert_eq!(status, 200);
    run.until(1_300);
    assert_eq!(run.running(), 0);
    let (status, _) = run.ask(0, Method::Get, "/v2/apps//web", Value::Null);
    assert_eq!(status, 404);
}

fn highly_available(more: &str) -> String {
    cluster(&format!(
        r#"
[cluster]
masters = 3
zookeepers = 3
[[marathon]]
instances = 2
[[app]]
id = "/web"
ready_after = "3s"
{more}
"#
    ))
}

fn marathon_leaders(run: &Run) -> usize {
    run.count(|f| matches!(f, Fact::LeaderReady { kind: mesosim::fact::ProcessKind::Marathon, .. }))
}

/// Any standby passes requests on; when the leader dies the other goes on with the same tasks and
/// the same framework id.
#[test]
fn a_leader_crash_loses_no_task() {
    for how in ["", "process = true"] {
        let mut run = Run::new(&highly_available(&format!("[[fault]]\nkind = \"marathon-crash\"\nat = \"5m\"\n{how}")));
        run.until(30);
        let (status, _) = run.ask(0, Method::Post, "/v2/apps", web(4));
        assert_eq!(status, 201);
        let (status, info) = run.ask(1, Method::Get, "/v2/info", Value::Null);
        assert_eq!(status, 200);
        let framework = info["frameworkId"].clone();
        assert!(framework.is_string(), "{info}");
        run.until(290);
        assert_eq!((run.running(), run.succeeded(), marathon_leaders(&run)), (4, 1, 1));
        run.until(600);
        assert_eq!((run.running(), marathon_leaders(&run)), (4, 2), "{how}");
        assert_eq!(run.count(|f| matches!(f, Fact::TaskStarted { .. })), 4, "nothing was launched anew");
        assert_eq!(run.count(|f| matches!(f, Fact::TaskEnded { .. })), 0, "and nothing killed");
        // Of the two one is alive, or both again.
        let alive = if how.is_empty() { run.world_marathon() } else { 0 };
        let (status, info) = run.ask(alive, Method::Get, "/v2/info", Value::Null);
        assert_eq!((status, &info["frameworkId"]), (200, &framework));
        let (status, body) = run.ask(alive, Method::Get, "/v2/apps//web", Value::Null);
        assert_eq!((status, &body["app"]["tasksHealthy"]), (200, &json!(4)));
        // The new leader can change what the old one began.
        run.ask(alive, Method::Put, "/v2/apps//web", json!({ "instances": 2 }));
        run.until(700);
        assert_eq!((run.running(), run.succeeded()), (2, 2));
    }
}

/// The leader dies while ten instances come up: the deployment is taken up and ends.
#[test]
fn a_deployment_survives_its_leader() {
    for at in ["40s", "41s", "42s", "44s", "50s"] {
        let mut run = Run::new(&highly_available(&format!(
            "[[fault]]\nkind = \"marathon-crash\"\nat = \"{at}\"\nprocess = true"
        )));
        run.until(38);
        let mut app = web(10);
        app["constraints"] = json!([]);
        run.ask(0, Method::Post, "/v2/apps", app);
        run.until(300);
        assert_eq!(run.running(), 10, "{at}");
        assert_eq!(run.succeeded(), 1, "{at}");
    }
}

/// Containers of the app that ran at once, at least and at most, from an instant on.
fn range_of_running(run: &Run, from: Time) -> (usize, usize) {
    let (mut now, mut least, mut most) = (0, usize::MAX, 0);
    for fact in &run.facts {
        match fact.what {
            Fact::TaskStarted { .. } => now += 1,
            Fact::TaskEnded { .. } => now -= 1,
            _ => continue,
        }
        if fact.at >= from {
            (least, most) = (least.min(now), most.max(now));
        }
    }
    (least, most)
}

/// New instances must be healthy before old ones go; a second change waits or overrides.
#[test]
fn an_upgrade_keeps_the_app_up_and_locks_it() {
    let mut run = Run::new(&cluster("[[marathon]]\n[[app]]\nid = \"/web\"\nready_after = \"20s\"\n"));
    run.until(20);
    let mut app = web(4);
    app["constraints"] = json!([]);
    app["healthChecks"][0]["gracePeriodSeconds"] = json!(60);
    app["upgradeStrategy"] = json!({ "minimumHealthCapacity": 1.0, "maximumOverCapacity": 0.5 });
    run.ask(0, Method::Post, "/v2/apps", app);
    run.until(100);
    assert_eq!((run.running(), run.succeeded()), (4, 1));
    let (status, body) = run.ask(0, Method::Put, "/v2/apps//web", json!({ "cmd": "other" }));
    assert_eq!(status, 200, "{body}");
    let (_, deployments) = run.ask(0, Method::Get, "/v2/deployments", Value::Null);
    assert_eq!(deployments[0]["currentActions"][0]["action"], json!("RestartApplication"));
    let (status, body) = run.ask(0, Method::Put, "/v2/apps//web", json!({ "cmd": "third" }));
    assert_eq!((status, body["deployments"].as_array().map(Vec::len)), (409, Some(1)));
    run.until(400);
    assert_eq!((run.running(), run.succeeded()), (4, 2));
    assert_eq!(range_of_running(&run, Time::from_secs(100)), (4, 6));
    // Forced in the middle: the first is given up, the app ends as the second says.
    run.ask(0, Method::Put, "/v2/apps//web", json!({ "cmd": "third" }));
    run.until(430);
    let (status, _) = run.ask(0, Method::Put, "/v2/apps//web?force=true", json!({ "cmd": "fourth" }));
    assert_eq!(status, 200);
    run.until(800);
    let cancelled = |f: &Fact| matches!(f, Fact::DeploymentEnded { how: DeploymentEnd::Cancelled, .. });
    assert_eq!((run.running(), run.succeeded(), run.count(cancelled)), (4, 3, 1));
    let (_, body) = run.ask(0, Method::Get, "/v2/apps//web", Value::Null);
    assert_eq!((&body["app"]["cmd"], &body["app"]["tasksHealthy"]), (&json!("fourth"), &json!(4)));
    // And back: the definition before is put in place by a new deployment.
    run.ask(0, Method::Put, "/v2/apps//web", json!({ "cmd": "fifth" }));
    let (_, deployments) = run.ask(0, Method::Get, "/v2/deployments", Value::Null);
    let id = deployments[0]["id"].as_str().unwrap().to_owned();
    let (status, _) = run.ask(0, Method::Delete, &format!("/v2/deployments/{id}"), Value::Null);
    assert_eq!(status, 200);
    run.until(1_200);
    let (_, body) = run.ask(0, Method::Get, "/v2/apps//web", Value::Null);
    assert_eq!((&body["app"]["cmd"], &body["app"]["tasksRunning"]), (&json!("fourth"), &json!(4)));
}

/// One app, many machines; the launch tokens and the time between offers pace it.
#[test]
fn an_app_of_thousands() {
    const INSTANCES: u32 = 1_000;
    let mut run = Run::new(&format!(
        r#"
seed = 1
duration = "12h"
stop_when_done = false
[network]
latency = "1ms"
[[agents]]
name = "agent"
count = {}
resources = "cpus:16;mem:65536;ports:[31000-32000]"
racks = 20
[[marathon]]
"#,
        INSTANCES / 10
    ));
    run.until(30);
    let app = json!({ "id": "/many", "cmd": "run", "cpus": 1, "mem": 128, "instances": INSTANCES,
                      "constraints": [["rack_id", "GROUP_BY", "20"], ["hostname", "MAX_PER", "12"]] });
    run.ask(0, Method::Post, "/v2/apps", app);
    run.until(1_800);
    assert_eq!((run.running(), run.succeeded()), (INSTANCES as usize, 1));
    run.ask(0, Method::Put, "/v2/apps//many", json!({ "instances": INSTANCES / 2 }));
    run.until(3_600);
    assert_eq!((run.running(), run.succeeded()), (INSTANCES as usize / 2, 2));
}

/// Machines, masters, Marathons and ZooKeeper servers crash, links are cut, for half an hour in
/// which the app is upgraded and scaled; after that it has what was asked for last.
#[test]
fn storms_pass() {
    for seed in 1..=SEEDS {
        let mut run = Run::new(&storm(seed));
        run.until(60);
        let mut app = web(6);
        app["constraints"] = json!([["hostname", "MAX_PER", "2"]]);
        let (status, _) = run.ask(0, Method::Post, "/v2/apps", app);
        assert_eq!(status, 201, "seed {seed}");
        for (s, change) in [
            (300, json!({ "cmd": "second" })),
            (500, json!({ "instances": 3 })),
            (700, json!({ "cmd": "third" })),
            (1_000, json!({ "instances": 7 })),
            (1_500, json!({ "cmd": "fourth", "instances": 6 })),
        ] {
            run.until(s);
            run.try_asking(Method::Put, "/v2/apps//web?force=true", change);
        }
        run.until(4_000);
        // Without weather everybody is alive.
        let (status, body) = run.ask(0, Method::Get, "/v2/apps//web", Value::Null);
        assert_eq!(status, 200, "seed {seed}");
        let app = &body["app"];
        let shown = [&app["instances"], &app["tasksRunning"], &app["tasksHealthy"]].map(|n| n.as_u64().unwrap());
        assert_eq!(shown, [shown[0]; 3], "seed {seed}: {app}");
        assert_eq!(run.running() as u64, shown[0], "seed {seed}: nothing else runs");
        let (_, body) = run.ask(0, Method::Get, "/v2/deployments", Value::Null);
        assert_eq!(body, json!([]), "seed {seed}");
    }
}

/// Checks that executors run: their words count for deployments; a service that falls ill is
/// killed by its executor and comes back.
#[test]
fn executors_check_health_too() {
    let mut run = Run::new(&cluster(
        "[[marathon]]\n[[app]]\nid = \"/web\"\nready_after = \"20s\"\nwell_for = \"200s\"\nill_for = \"1h\"\n",
    ));
    run.until(20);
    let mut app = web(2);
    app["healthChecks"] = json!([{ "protocol": "MESOS_HTTP", "path": "/", "delaySeconds": 1, "intervalSeconds": 5,
                                   "gracePeriodSeconds": 60, "maxConsecutiveFailures": 3 }]);
    run.ask(0, Method::Post, "/v2/apps", app);
    run.until(35);
    assert_eq!((run.running(), run.succeeded()), (2, 0), "not ready yet");
    run.until(100);
    assert_eq!((run.running(), run.succeeded()), (2, 1));
    let (_, body) = run.ask(0, Method::Get, "/v2/apps//web", Value::Null);
    assert_eq!(body["app"]["tasksHealthy"], json!(2), "{body}");
    // Ill about 240 s after the start; three failures later it is killed and launched again.
    run.until(330);
    let killed = |f: &Fact| matches!(f, Fact::TaskEnded { how: mesosim::fact::End::Killed, .. });
    assert_eq!((run.count(killed), run.running()), (2, 2));
    let kills = run.count(|f| matches!(f, Fact::InstanceKill { .. }));
    assert_eq!(kills, 0, "the executor did it, not Marathon");
}

/// A scenario alone: the operator posts, scales, and is answered although the leader dies.
#[test]
fn an_operator_follows_the_scenario() {
    let run = |more: &str| {
        let mut run = Run::new(&highly_available(&format!(
            r#"
[[request]]
kind = "marathon"
at = "1m"
method = "POST"
path = "/v2/apps"
body = '{{"id": "/web", "cmd": "run", "cpus": 1, "mem": 64, "instances": 2}}'
[[request]]
kind = "marathon"
at = "5m1s"
method = "PUT"
path = "/v2/apps//web"
body = '{{"instances": 4}}'
[[request]]
kind = "marathon"
at = "10m"
method = "GET"
path = "/v2/apps//web"
{more}
"#
        )));
        run.until(700);
        run
    };
    for more in ["", "[[fault]]\nkind = \"marathon-crash\"\nat = \"5m\"\n"] {
        let run = run(more);
        let statuses: Vec<(u32, u16)> = run
            .facts
            .iter()
            .filter_map(
                |f| if let Fact::Answered { request, status } = f.what { Some((request, status)) } else { None },
            )
            .collect();
        assert_eq!(statuses, [(0, 201), (1, 200), (2, 200)], "{more}");
        let last = run.world.answers().last().unwrap().response.clone().unwrap();
        let Body::Json(body) = &last.body else { panic!("{last:?}") };
        assert_eq!((&body["app"]["tasksRunning"], run.running()), (&json!(4), 4));
    }
}

/// 19 of the notes: the order of a first deployment's events.
#[test]
fn events_tell_a_first_deployment() {
    let mut run = Run::new(&cluster("[[marathon]]\n"));
    run.until(30);
    run.ask(0, Method::Get, "/v2/events", Value::Null);
    run.ask(0, Method::Post, "/v2/apps", json!({ "id": "/web", "cmd": "run", "cpus": 1, "mem": 64 }));
    run.until(50);
    expect_test::expect![[r#"
        event_stream_attached
        api_post_event
        group_change_success
        deployment_info
        deployment_step_success
        deployment_info
        instance_changed_event
        instance_changed_event
        status_update_event
        instance_changed_event
        status_update_event
        instance_changed_event
        deployment_step_success
        deployment_success"#]]
    .assert_eq(&run.events.join("\n"));
}

const SEEDS: u64 = 12;

/// Thirty things that go wrong in the first half hour, each for a while.
fn storm(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut faults = String::new();
    for _ in 0..30 {
        let (at, lasts) = (61 + draw(1_700), 10 + draw(150));
        let (kind, more) = match draw(8) {
            0..=2 => ("agent-crash", format!("target = \"agent-{}\"\ndown", draw(12))),
            3 => ("marathon-crash", "process = true\ndown".to_owned()),
            4 => ("marathon-crash", format!("target = \"marathon-{}\"\ndown", draw(2))),
            5 => ("master-crash", format!("process = {}\ndown", draw(2) == 1)),
            6 => ("zookeeper-crash", format!("target = \"zookeeper-{}\"\ndown", draw(3))),
            _ => {
                let from = ["marathon-0", "marathon-1", "agent-3", "agent-7"][draw(4) as usize];
                let to = ["masters", "zookeepers"][draw(2) as usize];
                ("partition", format!("from = \"{from}\"\nto = \"{to}\"\none_way = {}\nlasts", draw(2) == 1))
            }
        };
        faults += &format!("[[fault]]\nkind = \"{kind}\"\nat = \"{at}s\"\n{more} = \"{lasts}s\"\n");
    }
    highly_available(&faults)
        .replace("seed = 3", &format!("seed = {seed}"))
        .replace("count = 5", "count = 12")
        .replace("latency = \"1ms\"", "latency = { exponential = \"2ms\", shift = \"1ms\" }")
}
