//! Stateful apps in whole small clusters: volumes are made, outlive machines and leaders, and are
//! given back.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::watched::{Drive, Watched};
use mesosim::base::id::AgentId;
use mesosim::fact::{Fact, ProcessKind, ResourceOp};
use mesosim::http::{Body, Method, Request};
use mesosim::mesos::resource::Resources;
use mesosim::scenario::Scenario;
use mesosim::sim::Sim;
use mesosim::world::Request as Outside;
use serde_json::{Value, json};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

const CONFIGURED: &str = "cpus:4;mem:8192;disk:10000;ports:[31000-31100]";

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
[cluster]
masters = 3
zookeepers = 3
[[agents]]
name = "agent"
count = 3
resources = "{CONFIGURED}"
[[marathon]]
instances = 2
mesos_role = "db"
mesos_authentication_principal = "marathon"
[[app]]
id = "/db"
ready_after = "2s"
{more}
"#
    )
}

/// An app with one volume on each machine that it runs on.
fn db(instances: u32, persistent: Value) -> Value {
    json!({
        "id": "/db", "cmd": "serve", "cpus": 1, "mem": 128, "instances": instances,
        "container": { "type": "MESOS", "volumes": [{ "containerPath": "data", "mode": "RW", "persistent": persistent }] },
        "constraints": [["hostname", "UNIQUE"]],
    })
}

/// A watched world in which every object is in one place.
struct Run {
    watched: Watched,
    /// What every agent has.
    configured: Resources,
}

impl Deref for Run {
    type Target = Watched;
    fn deref(&self) -> &Watched {
        &self.watched
    }
}

impl DerefMut for Run {
    fn deref_mut(&mut self) -> &mut Watched {
        &mut self.watched
    }
}

impl Drive for Run {
    fn watched(&mut self) -> &mut Watched {
        &mut self.watched
    }

    fn step(&mut self) {
        let step = self.try_step();
        if let Some(violation) = step.violation {
            panic!("{violation}");
        }
        if self.facts[step.first..].iter().any(|f| matches!(f.what, Fact::ResourcesConverted { .. })) {
            self.conserves();
        }
    }
}

impl Run {
    fn new(text: &str) -> Self {
        let configured = text.lines().find_map(|line| line.strip_prefix("resources = "));
        let configured = Resources::parse(configured.expect("agents").trim_matches('"')).unwrap();
        Self { watched: Watched::new(text, &[]), configured }
    }

    fn until(&mut self, s: i64) {
        Drive::until(self, s);
        self.conserves();
    }

    /// What each agent of the leading master has, with everything reserved and every volume, is what
    /// is used, offered and free there, object by object; taken together it is what was configured.
    fn conserves(&mut self) {
        // The allocator's mailbox may have something to read still.
        while !self.world.is_quiet() {
            self.step();
        }
        for (agent, total) in self.totals() {
            assert_eq!(total.as_configured(), self.configured, "{agent:?}");
        }
    }

    /// Totals of the agents that the leading master has.
    fn totals(&self) -> Vec<(AgentId, Resources)> {
        let Some(slot) = self.world.leader_of(ProcessKind::Master) else { return Vec::new() };
        let Some((master, allocator)) = self.world.master(slot) else { return Vec::new() };
        let books = master.books().into_iter().map(|books| {
            let free = allocator.free(books.agent).expect("the allocator knows it");
            let parts = free.clone() + &books.used + &books.offered;
            let told = format!("{free} free, {} used, {} offered of {}", books.used, books.offered, books.total);
            assert_eq!(parts, books.total, "{told}");
            (books.agent, books.total)
        });
        books.collect()
    }

    /// Everything that is reserved, in the cluster.
    fn held(&self) -> Resources {
        let all = self.totals().into_iter().map(|(_, total)| total.checkpointed());
        all.fold(Resources::EMPTY, |sum, held| sum + &held)
    }

    fn volumes(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.held().objects().filter_map(|object| object.persistence_id().map(str::to_owned)).collect();
        ids.sort();
        ids
    }

    /// Host and volume of each task of the app.
    fn tasks(&mut self) -> Vec<(String, String)> {
        let (status, body) = self.ask(Method::Get, "/v2/apps//db/tasks", Value::Null);
        assert_eq!(status, 200, "{body}");
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let task = |task: &Value| (text(&task["host"]), text(&task["localVolumes"][0]["persistenceId"]));
        let mut all: Vec<_> = body["tasks"].as_array().expect("a list").iter().map(task).collect();
        all.sort();
        all
    }

    fn operations(&self, wanted: ResourceOp) -> usize {
        self.count(|f| matches!(f, Fact::ResourcesConverted { operation, .. } if *operation == wanted))
    }
    fn started(&self) -> usize {
        self.count(|f| matches!(f, Fact::TaskStarted { .. }))
    }
    fn running(&self) -> usize {
        self.started() - self.count(|f| matches!(f, Fact::TaskEnded { .. }))
    }

    /// Puts the app up and lets it run for half a minute.
    fn deployed(text: &str, app: Value) -> Self {
        let mut run = Self::new(text);
        run.until(40);
        let (status, body) = run.ask(Method::Post, "/v2/apps", app);
        assert_eq!(status, 201, "{body}");
        run.until(90);
        run
    }
}

fn crash(down: &str, process: bool) -> String {
    ["agent-0", "agent-1", "agent-2"]
        .map(|target| {
            format!(
                "[[fault]]\nkind = \"agent-crash\"\nat = \"2m\"\ndown = \"{down}\"\ntarget = \"{target}\"\nprocess = {process}\n"
            )
        })
        .join("")
}

/// Machines reboot, before and after the master has given them up: what ran there runs there again,
/// on its old volume.
#[test]
fn a_reboot_keeps_the_volume() {
    for (down, process, seed) in [("20s", false, 1), ("20s", true, 2), ("3m", false, 3)] {
        let mut run = Run::deployed(&cluster(seed, &crash(down, process)), db(2, json!({ "size": 500 })));
        let before = run.tasks();
        assert_eq!((run.running(), before.len()), (2, 2), "{down}");
        assert!(before.iter().all(|(_, volume)| volume.starts_with("db#data#")), "{before:?}");
        assert_eq!(run.held().quantities(), Resources::parse("cpus:2;mem:256;disk:1000").unwrap().quantities());
        let volumes = run.volumes();
        // A task on an unreachable agent is asked for every ten minutes.
        run.until(1_500);
        assert_eq!((run.running(), run.started()), (2, 4), "{down} {process}");
        assert_eq!((run.tasks(), run.volumes()), (before, volumes), "{down} {process}");
        let [reserved, destroyed] = [ResourceOp::Reserve, ResourceOp::Destroy].map(|op| run.operations(op));
        assert_eq!((reserved, destroyed), (2, 0));
    }
}

/// A leader dies right after the first volume was made, or both do: one instance comes up all the
/// same, and nothing stays reserved but for it.
#[test]
fn leaders_die_between_reservation_and_launch() {
    for (seed, kinds) in [
        (1, &[ProcessKind::Marathon][..]),
        (2, &[ProcessKind::Master][..]),
        (3, &[ProcessKind::Marathon, ProcessKind::Master][..]),
    ] {
        for made in [ResourceOp::Reserve, ResourceOp::Create] {
            let mut run = Run::new(&cluster(seed, ""));
            run.until(40);
            let body = Body::Json(db(1, json!({ "size": 500 })));
            let request =
                Arc::new(Request { method: Method::Post, path: "/v2/apps".into(), query: vec![], body, hops: 0 });
            run.world.inject(Outside::Http { marathon: 0, request });
            run.until_fact(|f| matches!(f, Fact::ResourcesConverted { operation, .. } if *operation == made));
            assert_eq!(run.started(), 0);
            for kind in kinds {
                let leader = run.world.leader_of(*kind).expect("one leads");
                run.world.stop_after_effects(leader, 1);
            }
            run.until(600);
            let what = format!("{kinds:?} after {made:?}");
            assert_eq!((run.running(), run.started()), (1, 1), "{what}");
            assert_eq!(run.volumes().len(), 1, "{what}: {}", run.held());
            assert_eq!(run.held().quantities(), Resources::parse("cpus:1;mem:128;disk:500").unwrap().quantities());
            let mine = run.tasks();
            assert_eq!(mine[0].1, run.volumes()[0], "{what}");
        }
    }
}

/// Marathon dies after any single effect while the app comes up, from when its root is written.
#[test]
fn marathon_dies_anywhere_on_the_way() {
    for effects in (4..100).step_by(6) {
        let mut run = Run::new(&cluster(5, ""));
        run.until(40);
        let body = Body::Json(db(2, json!({ "size": 500 })));
        let request = Arc::new(Request { method: Method::Post, path: "/v2/apps".into(), query: vec![], body, hops: 0 });
        run.world.inject(Outside::Http { marathon: 0, request });
        run.until_fact(|f| matches!(f, Fact::DeploymentBegan { .. }));
        let leader = run.world.leader_of(ProcessKind::Marathon).expect("one leads");
        run.world.stop_after_effects(leader, effects);
        run.until(400);
        assert_eq!(run.running(), 2, "{effects}");
        assert_eq!(run.volumes().len(), 2, "{effects}: {}", run.held());
    }
}

/// Deleting an app, or its tasks with `wipe`, gives everything back.
#[test]
fn deleting_gives_everything_back() {
    let mut run = Run::deployed(&cluster(1, ""), db(2, json!({ "size": 500 })));
    let before = run.tasks();
    let (status, _) = run.ask(Method::Delete, "/v2/apps//db/tasks?wipe=true", Value::Null);
    assert_eq!(status, 200);
    run.until(200);
    let after = run.tasks();
    assert_eq!((run.running(), run.started(), run.volumes().len()), (2, 4, 2));
    assert!(after.iter().all(|(_, volume)| before.iter().all(|(_, old)| old != volume)), "{before:?} {after:?}");
    assert_eq!(run.operations(ResourceOp::Destroy), 2);
    let (status, _) = run.ask(Method::Delete, "/v2/apps//db", Value::Null);
    assert_eq!(status, 200);
    run.until(300);
    assert_eq!((run.running(), run.held()), (0, Resources::EMPTY));
    for (_, total) in run.totals() {
        assert_eq!(total, run.configured, "all is unreserved");
    }
    let (created, destroyed) = (run.operations(ResourceOp::Create), run.operations(ResourceOp::Destroy));
    let (reserved, unreserved) = (run.operations(ResourceOp::Reserve), run.operations(ResourceOp::Unreserve));
    assert_eq!((created, destroyed, reserved, unreserved), (4, 4, 4, 4));
}

/// Scaling down keeps the volume, and scaling up takes it again; so does an upgrade.
#[test]
fn what_is_scaled_down_keeps_its_volume() {
    let mut run = Run::deployed(&cluster(4, ""), db(3, json!({ "size": 500 })));
    let (all, volumes) = (run.tasks(), run.volumes());
    assert_eq!(all.len(), 3);
    for (instances, until) in [(1, 160), (3, 240)] {
        let (status, body) = run.ask(Method::Put, "/v2/apps//db", json!({ "instances": instances }));
        assert_eq!(status, 200, "{body}");
        run.until(until);
        assert_eq!((run.running(), run.volumes()), (instances, volumes.clone()));
    }
    assert_eq!(run.tasks(), all);
    let mut next = db(3, json!({ "size": 500 }));
    next["env"] = json!({ "RELEASE": "2" });
    let (status, body) = run.ask(Method::Put, "/v2/apps//db", next);
    assert_eq!(status, 200, "{body}");
    run.until(400);
    assert_eq!((run.running(), run.started(), run.tasks(), run.volumes()), (3, 8, all, volumes));
}

/// A volume on a disk of its own takes the whole of it.
#[test]
fn a_mounted_volume_grows_to_its_disk() {
    let text = cluster(1, &crash("20s", true)).replace("disk:10000", "disk:10000;disk[MOUNT:/ssd]:2000");
    let mut run = Run::deployed(&text, db(1, json!({ "size": 500, "type": "mount" })));
    assert_eq!(run.running(), 1);
    let held = Resources::parse("cpus:1;mem:128;disk:2000").unwrap().quantities();
    assert_eq!(run.held().quantities(), held);
    let before = run.tasks();
    run.until(300);
    assert_eq!((run.running(), run.started(), run.tasks()), (1, 2, before));
    let (status, _) = run.ask(Method::Delete, "/v2/apps//db", Value::Null);
    assert_eq!(status, 200);
    run.until(400);
    assert_eq!(run.held(), Resources::EMPTY);
}

/// As the real one: without a principal the app is accepted, and never placed.
#[test]
fn without_a_principal_nothing_is_reserved() {
    let text = cluster(1, "").replace("mesos_authentication_principal = \"marathon\"\n", "");
    let run = Run::deployed(&text, db(1, json!({ "size": 500 })));
    assert_eq!((run.running(), run.held()), (0, Resources::EMPTY));
    assert!(run.count(|f| matches!(f, Fact::OfferRefused { .. })) > 0);
}

/// Half an hour in which agents, masters and Marathons die again and again; when all is mended each
/// instance runs on its volume and nothing else is reserved. (The deaths of agents are noticed: what
/// is reserved on a machine that is gone already may be lost, and its instance waits for it.)
#[test]
fn storms_leave_no_reservation_behind() {
    for seed in 1..=8 {
        let crash = |i: u64| {
            let (kind, target) = [
                ("agent-crash", ["agent-0", "agent-1", "agent-2"][(i + seed) as usize % 3]),
                ("master-crash", "leading-master"),
                ("marathon-crash", "leading-marathon"),
            ][i as usize % 3];
            let (at, down) = (100 + (i * i * 37 + i * 61 * seed) % 2_000, 5 + (i * 17 + seed * 29) % 90);
            let process = kind == "agent-crash" || i.is_multiple_of(2);
            format!(
                "[[fault]]\nkind = \"{kind}\"\nat = \"{at}s\"\ndown = \"{down}s\"\ntarget = \"{target}\"\nprocess = {process}\n"
            )
        };
        let storm: String = (0..36).map(crash).collect();
        let mut run = Run::deployed(&cluster(seed, &storm), db(3, json!({ "size": 500 })));
        run.until(600);
        run.ask(Method::Delete, "/v2/apps//db/tasks?wipe=true", Value::Null);
        run.until(3_600);
        assert_eq!(run.running(), 3, "seed {seed}");
        let held = Resources::parse("cpus:3;mem:384;disk:1500").unwrap().quantities();
        assert_eq!(run.held().quantities(), held, "seed {seed}: {}", run.held());
        let tasks: Vec<String> = run.tasks().into_iter().map(|(_, volume)| volume).collect();
        let mut volumes = run.volumes();
        volumes.sort_by_key(|volume| tasks.iter().position(|own| own == volume));
        assert_eq!(tasks, volumes, "seed {seed}");
    }
}

/// The scenario that operators read expects what comes to pass.
#[test]
fn the_scenario_of_reboots_holds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/marathon/resident-app-after-reboot.toml");
    for seed in ["1", "2", "3"] {
        let seed = [("seed".to_owned(), seed.to_owned())];
        let scenario = Scenario::load(std::path::Path::new(path), &seed, None);
        let scenario = scenario.unwrap_or_else(|e| panic!("{}", e.render(false)));
        let finished = Sim::of(scenario, true).map(|sim| sim.run(&mut ()));
        let Ok(Ok(finished)) = finished else { panic!("{:?}", finished.map(|run| run.map(|_| ()))) };
        assert!(finished.broken.is_none(), "{:?}", finished.broken);
        let missed = finished.expectations.iter().filter(|outcome| !outcome.passed);
        assert_eq!(missed.map(|outcome| &*outcome.why).collect::<Vec<_>>(), Vec::<&str>::new());
    }
}
