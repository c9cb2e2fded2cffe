//! Pods in whole small clusters: their containers start together, end together and come back
//! together, whoever dies meanwhile, and their executors hold what they need as long as they live.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::watched::{Drive, Watched};
use mesosim::actor::{Effect, Mailbox};
use mesosim::base::id::{Symbol, TaskId};
use mesosim::base::map::Map;
use mesosim::base::time::Time;
use mesosim::fact::{At, Fact, ProcessKind};
use mesosim::http::Method;
use mesosim::mesos::message::{Msg, Operation};
use mesosim::mesos::resource::Resources;
use mesosim::mesos::task_state::{Reason, TaskState};
use mesosim::world::Sabotage;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

fn cluster(seed: u64, more: &str) -> String {
    format!(
        r#"
seed = {seed}
duration = "2h"
stop_when_done = false
[network]
latency = {{ exponential = "400us", shift = "100us" }}
[disk]
latency = {{ exponential = "4ms", shift = "1ms" }}
[agent]
executor_startup = "1s"
[cluster]
masters = 3
zookeepers = 3
[[agents]]
name = "agent"
count = 5
resources = "cpus:4;mem:2048;disk:1000;ports:[31000-31100]"
[[marathon]]
instances = 2
mesos_role = "shop"
mesos_authentication_principal = "marathon"
{more}
"#
    )
}

fn container(name: &str, cpus: f64) -> Value {
    json!({ "name": name, "resources": { "cpus": cpus, "mem": 64 }, "exec": { "command": { "shell": name } },
        "endpoints": [{ "name": name, "hostPort": 0 }] })
}

/// Two containers, one of them checked.
fn two(instances: u32, version: u32) -> Value {
    let mut first = container("web", 0.5);
    first["healthCheck"] =
        json!({ "http": { "endpoint": "web" }, "intervalSeconds": 5, "timeoutSeconds": 2, "gracePeriodSeconds": 30 });
    json!({ "id": "/two", "labels": { "version": version.to_string() }, "containers": [first, container("log", 0.2)],
        "scaling": { "kind": "fixed", "instances": instances }, "scheduling": { "placement": { "constraints": [
            { "fieldName": "hostname", "operator": "MAX_PER", "value": "2" }] } } })
}

/// Three of them.
fn three(instances: u32) -> Value {
    json!({ "id": "/three", "containers": [container("a", 0.5), container("b", 0.1), container("c", 0.1)],
        "scaling": { "kind": "fixed", "instances": instances } })
}

/// A watched world that runs pods.
struct Run(Watched);

impl Deref for Run {
    type Target = Watched;
    fn deref(&self) -> &Watched {
        &self.0
    }
}

impl DerefMut for Run {
    fn deref_mut(&mut self) -> &mut Watched {
        &mut self.0
    }
}

impl Drive for Run {
    fn watched(&mut self) -> &mut Watched {
        &mut self.0
    }
}

impl Run {
    fn new(text: &str) -> Self {
        Self(Watched::new(text, &[]))
    }

    /// Asks, and is not refused.
    fn get(&mut self, method: Method, path: &str, body: &Value) -> Value {
        let (status, body) = self.ask(method, path, body);
        assert!(status < 300, "{method:?} {path}: {status} {body}");
        body
    }

    /// Posts a pod and waits for nothing.
    fn put_in(&mut self, pod: &Value) {
        self.inject(0, Method::Post, "/v2/pods", pod);
    }

    fn post(&mut self, pod: &Value) {
        self.get(Method::Post, "/v2/pods", pod);
    }

    fn status(&mut self, pod: &str) -> Value {
        self.get(Method::Get, &format!("/v2/pods/{pod}::status"), &Value::Null)
    }

    /// The pod and all of its instances and containers are up, as the API says.
    fn is_stable(&mut self, pod: &str, instances: usize) -> Value {
        let status = self.status(pod);
        let now = self.world.now();
        assert_eq!(
            (&status["status"], status["instances"].as_array().map(Vec::len)),
            (&json!("STABLE"), Some(instances)),
            "{pod} at {now}: {status}"
        );
        for instance in status["instances"].as_array().expect("a list") {
            assert_eq!(instance["status"], "STABLE", "{instance}");
            for container in instance["containers"].as_array().expect("a list") {
                assert_eq!(container["status"], "TASK_RUNNING", "{instance}");
            }
        }
        status
    }

    /// Containers that run in truth, with their hosts, by instance and incarnation.
    fn running(&self) -> BTreeMap<(String, u32), BTreeSet<(String, Symbol)>> {
        let mut alive: Map<TaskId, Symbol> = Map::default();
        for fact in &self.facts {
            match fact.what {
                Fact::TaskStarted { task, host, .. } => drop(alive.insert(task, host)),
                Fact::TaskEnded { task, .. } => drop(alive.swap_remove(&task)),
                // Also what was announced and not begun.
                Fact::ProcessStopped { kind: ProcessKind::Agent, name, .. } => alive.retain(|_, host| *host != name),
                _ => {}
            }
        }
        let mut all: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (task, host) in alive {
            let mut parts = self.world.names().text(Symbol(task.n)).rsplitn(3, '.');
            let incarnation = parts.next().and_then(|n| n.parse().ok()).expect("a number");
            let (container, instance) = (parts.next().expect("named"), parts.next().expect("named"));
            all.entry((instance.to_owned(), incarnation)).or_default().insert((container.to_owned(), host));
        }
        all
    }

    /// So many whole pods run, each on one machine, and nothing else.
    fn are_whole(&self, pods: &[(&str, usize, usize)]) {
        let running = self.running();
        for (pod, instances, containers) in pods {
            let own: Vec<_> = running.iter().filter(|((id, _), _)| id.starts_with(&format!("{pod}."))).collect();
            assert_eq!(own.len(), *instances, "{running:?}");
            for (instance, all) in own {
                let hosts: BTreeSet<Symbol> = all.iter().map(|container| container.1).collect();
                assert_eq!((all.len(), hosts.len()), (*containers, 1), "{instance:?}: {all:?}");
            }
        }
        assert_eq!(running.len(), pods.iter().map(|pod| pod.1).sum::<usize>(), "{running:?}");
    }

    /// What the leading master says is used.
    fn used(&self) -> Resources {
        let slot = self.world.leader_of(ProcessKind::Master).expect("one leads");
        let books = self.world.master(slot).expect("a master").0.books();
        books.into_iter().fold(Resources::EMPTY, |sum, books| sum + &books.used)
    }

    fn executors(&self) -> usize {
        let up = self.count(|f| matches!(f, Fact::ExecutorStarted { .. }));
        up - self.count(|f| matches!(f, Fact::ExecutorEnded { .. }))
    }
    fn states(&self, wanted: TaskState) -> usize {
        self.count(|f| matches!(f, Fact::TaskTerminal { state, .. } if *state == wanted))
    }
}

fn deployed(text: &str, pods: &[Value]) -> Run {
    let mut run = Run::new(text);
    run.until(40);
    pods.iter().for_each(|pod| run.post(pod));
    run.until(110);
    run
}

fn scalars(text: &str) -> Resources {
    Resources::from_scalars(Resources::parse(text).expect("right").scalars())
}

#[test]
fn executors_hold_their_resources_as_long_as_they_live() {
    let mut run = deployed(&cluster(1, ""), &[two(3, 1), three(2)]);
    run.is_stable("two", 3);
    run.is_stable("three", 2);
    run.are_whole(&[("two", 3, 2), ("three", 2, 3)]);
    // 3 x (0.7 + 0.1) and 2 x (0.7 + 0.1) cpus; 10 MiB of disk are the executors' alone.
    let expected = scalars("cpus:4;mem:928;disk:50");
    assert_eq!((Resources::from_scalars(run.used().scalars()), run.executors()), (expected, 5));
    run.get(Method::Delete, "/v2/pods/two", &Value::Null);
    run.until(run.world.now().0 / 1_000_000_000 + 20);
    assert_eq!(
        (Resources::from_scalars(run.used().scalars()), run.executors()),
        (scalars("cpus:1.6;mem:448;disk:20"), 2)
    );
    run.are_whole(&[("three", 2, 3)]);
    run.get(Method::Delete, "/v2/pods/three", &Value::Null);
    run.until(run.world.now().0 / 1_000_000_000 + 20);
    assert_eq!((run.used(), run.executors()), (Resources::EMPTY, 0));
}

#[test]
fn ports_of_all_containers_differ() {
    let mut run = deployed(&cluster(2, ""), &[two(3, 1), three(4)]);
    let mut ports: Map<String, BTreeSet<u64>> = Map::default();
    for (pod, instances) in [("two", 3), ("three", 4)] {
        for instance in run.is_stable(pod, instances)["instances"].as_array().expect("a list") {
            let host = instance["agentHostname"].as_str().expect("placed").to_owned();
            for container in instance["containers"].as_array().expect("a list") {
                let port = container["endpoints"][0]["allocatedHostPort"].as_u64().expect("a port");
                assert!((31_000..=31_100).contains(&port));
                assert!(ports.entry(host.clone()).or_default().insert(port), "{host}: {port} is given twice");
            }
        }
    }
    assert_eq!(ports.values().map(BTreeSet::len).sum::<usize>(), 3 * 2 + 4 * 3);
}

/// The first test of the whole: machines are lost and come back, containers fail, leaders change, and
/// meanwhile a new version is rolled out and the pod is scaled.
#[test]
fn pods_live_through_everything() {
    let (mut lost, mut failed) = (0, 0);
    for seed in 1..=4 {
        let faults = r#"
[[app]]
id = "/two"
ready_after = "2s"
[[app]]
id = "/three"
container = "b"
exits_after = { exponential = "5m" }
failure = 0.8
[[fault]]
kind = "agent-crash"
at = "4m"
down = "3m"
target = "agent-1"
[[fault]]
kind = "marathon-crash"
at = "8m5s"
down = "30s"
[[fault]]
kind = "master-crash"
at = "9m"
down = "30s"
[[fault]]
kind = "agent-crash"
at = "8m20s"
down = "5s"
process = true
target = "agent-2"
[[fault]]
kind = "partition"
at = "12m"
lasts = "2m"
from = "agent-3"
to = "masters"
"#;
        let mut run = deployed(&cluster(seed, faults), &[two(4, 1), three(3)]);
        run.is_stable("two", 4);
        run.are_whole(&[("two", 4, 2), ("three", 3, 3)]);
        run.until(480);
        run.get(Method::Put, "/v2/pods/two", &two(4, 2));
        run.until(900);
        run.get(Method::Put, "/v2/pods/two", &two(6, 2));
        run.until(1_200);
        let status = run.is_stable("two", 6);
        assert_eq!(status["spec"]["labels"]["version"], "2");
        let of_old = status["instances"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|instance| instance["specReference"] != status["instances"][0]["specReference"]);
        assert_eq!(of_old.count(), 2, "two came with the scaling: {status}");
        failed += run.states(TaskState::Failed);
        lost += run.count(|f| matches!(f, Fact::TaskTerminal { reason: Reason::AgentRemoved, .. }));
        // `/three` may be between two incarnations; when its containers rest, all of it is there.
        run.until(1_260);
        let whole = |run: &Run| {
            let three = run.running().into_iter().filter(|((id, _), _)| id.starts_with("three."));
            three.filter(|(_, all)| all.len() >= 2).count() == 3
        };
        while !whole(&run) {
            assert!(run.world.now() < Time::from_secs(2_400), "seed {seed}: {:?}", run.running());
            run.step();
        }
        assert_eq!(run.executors_in_books(), run.executors_in_truth(), "seed {seed}");
    }
    assert!(lost >= 8 && failed >= 8, "{lost} are lost with machines, {failed} fail");
}

impl Run {
    /// How many executors the leading master's facts leave, and how many machines run.
    fn executors_in_books(&self) -> usize {
        let ready = |f: &At<Fact>| matches!(f.what, Fact::LeaderReady { kind: ProcessKind::Master, .. });
        let from = self.facts.iter().rposition(ready).unwrap_or(0);
        let by = self.world.leader_of(ProcessKind::Master).expect("one leads");
        let mut held: BTreeSet<(TaskId, u32)> = BTreeSet::new();
        for fact in self.facts[from..].iter().filter(|fact| fact.by == by) {
            match fact.what {
                Fact::ExecutorHeld { executor, agent, .. } => drop(held.insert((executor, agent.n))),
                Fact::ExecutorReleased { executor, agent, .. } => drop(held.remove(&(executor, agent.n))),
                _ => {}
            }
        }
        held.len()
    }
    fn executors_in_truth(&self) -> usize {
        let mut up: BTreeSet<(Symbol, TaskId)> = BTreeSet::new();
        for fact in &self.facts {
            match fact.what {
                Fact::ExecutorStarted { executor, host, .. } => drop(up.insert((host, executor))),
                Fact::ExecutorEnded { executor, host, .. } => drop(up.remove(&(host, executor))),
                Fact::ProcessStopped { kind: ProcessKind::Agent, name, .. } => up.retain(|(host, _)| *host != name),
                _ => {}
            }
        }
        up.len()
    }
}

/// A leader dies after any few effects from the launch on: no pod runs in part, or twice.
#[test]
fn leaders_die_anywhere_on_the_way() {
    for kind in [ProcessKind::Marathon, ProcessKind::Master] {
        // The first of them write the root.
        for effects in (4..44).step_by(4) {
            let mut run = Run::new(&cluster(effects, ""));
            run.until(40);
            run.put_in(&three(2));
            run.until_fact(|f| matches!(f, Fact::DeploymentBegan { .. }));
            if kind == ProcessKind::Master {
                run.until_fact(|f| matches!(f, Fact::Offered { .. }));
            }
            let leader = run.world.leader_of(kind).expect("one leads");
            run.world.stop_after_effects(leader, effects);
            run.until(700);
            run.are_whole(&[("three", 2, 3)]);
            run.is_stable("three", 2);
        }
    }
}

/// An agent dies after any few effects from when it is given a pod.
#[test]
fn an_agent_dies_anywhere_on_the_way() {
    for effects in (1..30).step_by(3) {
        let mut run = Run::new(&cluster(effects, ""));
        run.until(40);
        run.put_in(&three(1));
        run.until_fact(|f| matches!(f, Fact::ExecutorStarted { .. }));
        let by = run.facts.iter().rfind(|f| matches!(f.what, Fact::ExecutorStarted { .. })).map(|f| f.by);
        run.world.stop_after_effects(by.expect("just seen"), effects);
        run.until(600);
        run.are_whole(&[("three", 1, 3)]);
        run.is_stable("three", 1);
    }
}

/// `DELETE /v2/pods/x::instances/i`: all containers die and start again, in the next incarnation.
#[test]
fn an_operator_kills_an_instance() {
    let mut run = deployed(&cluster(3, ""), &[three(2)]);
    let status = run.is_stable("three", 2);
    let id = status["instances"][0]["id"].as_str().expect("an id").to_owned();
    run.get(Method::Delete, &format!("/v2/pods/three::instances/{id}"), &Value::Null);
    run.until(180);
    assert_eq!(run.states(TaskState::Killed), 3);
    run.is_stable("three", 2);
    let incarnations: Vec<u32> = run.running().into_keys().map(|(_, incarnation)| incarnation).collect();
    assert_eq!(incarnations.iter().sum::<u32>(), 3, "one of them is new: {incarnations:?}");
    // Wiped: it is another instance.
    run.get(Method::Delete, &format!("/v2/pods/three::instances/{id}?wipe=true"), &Value::Null);
    run.until(240);
    assert_eq!(run.states(TaskState::Killed), 6);
    assert!(run.running().into_keys().all(|(other, _)| other != id));
    run.are_whole(&[("three", 2, 3)]);
}

/// The executor kills a container that is ill, and the others with it.
#[test]
fn an_ill_container_ends_its_pod() {
    let ill = "[[app]]\nid = \"/two\"\nready_after = \"2s\"\nwell_for = \"3m\"\nill_for = \"24h\"\n";
    let mut run = deployed(&cluster(4, ill), &[two(1, 1)]);
    run.is_stable("two", 1);
    run.until(300);
    assert_eq!((run.states(TaskState::Killed), run.states(TaskState::Failed)), (2, 0));
    run.is_stable("two", 1);
    let kills = run.count(|f| matches!(f, Fact::InstanceKill { .. }));
    assert_eq!(kills, 0, "Marathon has no part in it");
}

/// A master that keeps what executors held, an agent that runs them on, and a Marathon that writes down
/// too little are found out, although nothing else is wrong.
#[test]
fn invariants_see_executors_and_groups() {
    fn keeps_executors(_: Mailbox, outbox: &mut Vec<Effect>) {
        let own = Resources::parse("cpus:0.1;mem:32;disk:10").expect("right").scalars();
        let kept = |e: &Effect| matches!(e, Effect::Dispatch { msg: Msg::RecoverBulk(back), .. } if back.resources.scalars() == own);
        outbox.retain(|e| !kept(e));
    }
    fn releases_executors_early(_: Mailbox, outbox: &mut Vec<Effect>) {
        let held = outbox.iter().find_map(|e| match *e {
            Effect::Fact(Fact::ExecutorHeld { framework, executor, agent }) => Some((framework, executor, agent)),
            _ => None,
        });
        let reason = Reason::ExecutorTerminated;
        let early =
            held.map(|(framework, executor, agent)| Fact::ExecutorReleased { framework, executor, agent, reason });
        outbox.extend(early.map(Effect::Fact));
    }
    #[expect(clippy::ptr_arg, reason = "the shape of all")]
    fn accepts_before_it_writes(_: Mailbox, outbox: &mut Vec<Effect>) {
        for effect in outbox.iter_mut() {
            if let Effect::Send { msg: Msg::AcceptBulk(acceptance), .. } = effect {
                let mut other = (**acceptance).clone();
                for operation in &mut other.operations {
                    if let Operation::LaunchGroup(group) = operation {
                        let mut changed = (**group).clone();
                        changed.tasks[0].id.n += 1;
                        *group = Arc::new(changed);
                    }
                }
                *acceptance = Arc::new(other);
            }
        }
    }
    let all: [(ProcessKind, Sabotage, &str); 3] = [
        (ProcessKind::Master, keeps_executors, "conservation"),
        (ProcessKind::Master, releases_executors_early, "conservation"),
        (ProcessKind::Marathon, accepts_before_it_writes, "intent-first"),
    ];
    for (kind, sabotage, fires) in all {
        let mut run = Run::new(&cluster(7, ""));
        run.until(40);
        let leader = run.world.leader_of(kind).expect("one leads");
        run.world.sabotage(leader, sabotage);
        run.put_in(&three(2));
        let mut deleted = false;
        let found = loop {
            let now = run.world.now();
            if now > Time::from_secs(80) && !deleted {
                deleted = true;
                for marathon in 0..2 {
                    run.inject(marathon, Method::Delete, "/v2/pods/three", &Value::Null);
                }
            }
            assert!(now < Time::from_secs(160), "{fires} does not fire");
            if let Some(violation) = run.try_step().violation {
                break violation;
            }
        };
        assert_eq!(found.invariant, fires, "{found}");
    }
}

/// A pod with a volume comes back on it; when it is deleted nothing stays reserved.
#[test]
fn volumes_of_a_pod_outlive_its_containers() {
    let mut pod = three(2);
    pod["volumes"] =
        json!([{ "name": "data", "persistent": { "size": 100 } }, { "name": "logs", "persistent": { "size": 50 } }]);
    for (at, name) in [(0, "data"), (1, "data"), (2, "logs")] {
        pod["containers"][at]["volumeMounts"] = json!([{ "name": name, "mountPath": "/mnt" }]);
    }
    let fails = "[[app]]\nid = \"/three\"\ncontainer = \"c\"\nexits_after = \"5m\"\nfailure = 1.0\n";
    let mut run = deployed(&cluster(5, fails), &[pod]);
    let volumes = |status: &Value| {
        let of = |instance: &Value| {
            let host = instance["agentHostname"].as_str().unwrap_or_default().to_owned();
            let ids = instance["localVolumes"].as_array().into_iter().flatten();
            (host, ids.map(|id| id["persistenceId"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>())
        };
        status["instances"].as_array().expect("a list").iter().map(of).collect::<BTreeSet<_>>()
    };
    let before = volumes(&run.is_stable("three", 2));
    for (_, ids) in &before {
        let names: Vec<&str> = ids.iter().filter_map(|id| id.split('#').nth(1)).collect();
        assert_eq!(names, ["data", "logs"], "told apart by name");
    }
    // The volumes are the executor's, and all is reserved: 2 x (0.8 cpus, 224 MiB, 10 + 150 MiB of disk).
    assert_eq!(run.used().quantities(), Resources::parse("cpus:1.6;mem:448;disk:320").unwrap().quantities());
    run.until(700);
    assert!(run.states(TaskState::Failed) >= 2);
    run.until(760);
    assert_eq!(volumes(&run.is_stable("three", 2)), before);
    run.are_whole(&[("three", 2, 3)]);
    run.get(Method::Delete, "/v2/pods/three", &Value::Null);
    run.until(900);
    let slot = run.world.leader_of(ProcessKind::Master).expect("one leads");
    for books in run.world.master(slot).expect("a master").0.books() {
        assert_eq!((books.total.checkpointed(), books.used), (Resources::EMPTY, Resources::EMPTY));
    }
}

/// Everything that can fail does: all invariants, every run twice the same.
#[test]
fn storms_are_clean_and_repeat() {
    let faults = r#"
[[app]]
id = "/two"
ready_after = "2s"
well_for = { exponential = "20m" }
ill_for = "24h"
[[app]]
id = "/three"
exits_after = { exponential = "8m" }
failure = 0.5
[[fault]]
kind = "agent-crash"
mtbf = "15m"
mttr = "90s"
[[fault]]
kind = "agent-crash"
mtbf = "15m"
mttr = "3s"
process = true
[[fault]]
kind = "marathon-crash"
at = "4m"
down = "20s"
[[fault]]
kind = "master-crash"
at = "6m"
down = "30s"
[[fault]]
kind = "partition"
at = "9m"
lasts = "20s"
from = "masters"
to = "agent-2"
[[fault]]
kind = "latency-burst"
mtbf = "6m"
mttr = "90s"
from = "agents"
to = "masters"
extra = "9s"
"#;
    let (mut lost, mut failed) = (0, 0);
    for seed in 1..=6 {
        let text = cluster(seed, faults);
        let mut digest = || {
            let mut run = Run::new(&text);
            run.until(40);
            run.post(&two(5, 1));
            run.post(&three(4));
            run.until(420);
            run.get(Method::Put, "/v2/pods/two?force=true", &two(5, 2));
            run.until(1_200);
            lost += run.count(|f| matches!(f, Fact::ProcessStopped { kind: ProcessKind::Agent, .. }));
            failed += run.states(TaskState::Failed);
            run.world.digest().hex()
        };
        assert_eq!(digest(), digest(), "seed {seed}");
    }
    assert!(lost > 60 && failed > 60, "{lost} {failed}");
}
