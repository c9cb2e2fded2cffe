//! Marathon with several roles in whole small clusters: which it has, whose offers are used for what,
//! and what weights, quotas and reservations do to its apps.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::watched::{Drive, Watched};
use mesosim::base::id::{AgentId, OfferId, Symbol, TaskId};
use mesosim::base::map::Map;
use mesosim::fact::{At, Fact, ProcessKind};
use mesosim::http::Method;
use mesosim::mesos::message::{Launch, Msg};
use serde_json::{Value, json};
use std::ops::{Deref, DerefMut};

fn cluster(resources: &str, more: &str) -> String {
    format!(
        r#"
duration = "2h"
stop_when_done = false
[network]
latency = {{ exponential = "400us", shift = "100us" }}
[cluster]
masters = 3
zookeepers = 3
[[agents]]
name = "agent"
count = 3
resources = "{resources}"
[[marathon]]
instances = 2
{more}
"#
    )
}

/// What a Marathon said of its roles.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Said {
    Subscribe(String),
    Update(String),
    Revive(String),
}

/// A watched world, and what was said in it of roles.
struct Run {
    watched: Watched,
    said: Vec<Said>,
    /// Role of every offer that was made.
    offered: Map<OfferId, Symbol>,
    /// Role of the offer on which each task was launched, and its app.
    launched: Map<TaskId, (String, String)>,
    apps: Map<u32, Symbol>,
    running: Map<Symbol, Map<Symbol, ()>>,
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
        let facts = self.facts[step.first..].to_vec();
        for At { what, .. } in &facts {
            match *what {
                Fact::ServiceTemplate { template, app, .. } => drop(self.apps.insert(template.0, app)),
                Fact::InstanceChanged { app, instance, condition, .. } => {
                    let running = self.running.entry(app).or_default();
                    if condition == mesosim::fact::Condition::Running {
                        running.insert(instance, ());
                    } else {
                        running.swap_remove(&instance);
                    }
                }
                _ => {}
            }
        }
        for message in step.seen {
            match &message.msg {
                Msg::Subscribe { info, .. } if message.sent => {
                    let text = self.roles(&info.roles, &info.suppressed);
                    self.said.push(Said::Subscribe(text));
                }
                Msg::UpdateCall { info, .. } if message.sent => {
                    let text = self.roles(&info.roles, &info.suppressed);
                    self.said.push(Said::Update(text));
                }
                Msg::Revive { roles, .. } if message.sent => {
                    let text = self.roles(roles, &[]);
                    self.said.push(Said::Revive(text));
                }
                Msg::Offers(batch) if message.sent => {
                    self.offered.extend((0..batch.len()).map(|i| (batch.id(i), batch.allocation.role)));
                }
                Msg::Accept { offer, launches, .. } if message.sent => {
                    self.launches(*offer, launches.as_slice().iter().flat_map(Launch::tasks));
                }
                Msg::AcceptBulk(acceptance) if message.sent => {
                    self.launches(acceptance.offers[0], acceptance.tasks());
                }
                _ => {}
            }
        }
    }
}

impl Run {
    fn new(resources: &str, more: &str) -> Self {
        let labels = ["SUBSCRIBE", "UPDATE_FRAMEWORK_CALL", "REVIVE", "OFFERS", "ACCEPT"];
        Self {
            watched: Watched::new(&cluster(resources, more), &labels),
            said: Vec::new(),
            offered: Map::default(),
            launched: Map::default(),
            apps: Map::default(),
            running: Map::default(),
        }
    }

    /// Roles in order, in brackets those that are suppressed.
    fn roles(&self, roles: &[Symbol], suppressed: &[Symbol]) -> String {
        let name = |role: &Symbol| {
            let text = self.world.names().text(*role);
            if suppressed.contains(role) { format!("({text})") } else { text.to_owned() }
        };
        roles.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn launches(&mut self, offer: OfferId, tasks: impl Iterator<Item = TaskId>) {
        let names = self.watched.world.names();
        let role = names.text(self.offered[&offer]).to_owned();
        for task in tasks {
            let app = names.text(self.apps[&task.template.0]).to_owned();
            self.launched.insert(task, (app, role.clone()));
        }
    }

    /// Instances of an app that run.
    fn running(&self, app: &str) -> usize {
        let app = self.world.names().find(app);
        app.and_then(|app| self.running.get(&app)).map_or(0, Map::len)
    }

    /// Apps with the roles of the offers on which they were launched.
    fn places(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<_> = self.launched.values().map(|(app, role)| (&**app, &**role)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn take_said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }

    /// What the leading master and its allocator say of each agent agrees.
    fn books_agree(&mut self) -> Vec<AgentId> {
        while !self.world.is_quiet() {
            self.step();
        }
        let slot = self.world.leader_of(ProcessKind::Master).expect("a leader");
        let (master, allocator) = self.world.master(slot).expect("it has cores");
        let books = master.books().into_iter().map(|books| {
            let free = allocator.free(books.agent).expect("the allocator knows it");
            assert_eq!(free.clone() + &books.used + &books.offered, books.total, "{:?}", books.agent);
            books.agent
        });
        books.collect()
    }
}

const PLAIN: &str = "cpus:4;mem:8192;ports:[31000-31100]";

fn app(id: &str, instances: u32) -> Value {
    json!({ "id": id, "cmd": "serve", "cpus": 1, "mem": 64, "instances": instances })
}

fn group(id: &str) -> Value {
    json!({ "id": id, "enforceRole": true })
}

use Said::{Revive, Subscribe, Update};

fn subscribe(text: &str) -> Said {
    Subscribe(text.to_owned())
}
fn update(text: &str) -> Said {
    Update(text.to_owned())
}

#[test]
fn a_role_comes_with_its_first_instance_and_goes_with_the_leader() {
    let mut run = Run::new(PLAIN, "");
    run.until(30);
    assert_eq!(run.take_said(), [subscribe("*"), update("(*)")]);
    assert_eq!(run.ask(Method::Post, "/v2/groups", group("/dev")).0, 201);
    assert_eq!(run.take_said(), [], "a group alone needs nothing");
    assert_eq!(run.ask(Method::Post, "/v2/apps", app("/dev/a", 2)).0, 201);
    run.until(60);
    assert_eq!(run.take_said(), [update("(*) dev"), update("(*) (dev)")]);
    assert_eq!(run.running("/dev/a"), 2);
    assert_eq!(run.places(), [("/dev/a", "dev")]);
    // The next leader subscribes as the first did, and learns of the other role from its instances.
    assert_eq!(run.ask(Method::Delete, "/v2/leader", Value::Null).0, 200);
    run.until(120);
    assert_eq!(run.take_said(), [subscribe("*"), update("(*) (dev)")]);
    assert_eq!(run.running("/dev/a"), 2);
    // Without instances the role stays until there is another leader.
    assert_eq!(run.ask(Method::Delete, "/v2/apps/dev/a", Value::Null).0, 200);
    run.until(180);
    assert_eq!((run.take_said(), run.running("/dev/a")), (Vec::new(), 0));
    assert_eq!(run.ask(Method::Delete, "/v2/leader", Value::Null).0, 200);
    run.until(240);
    assert_eq!(run.take_said(), [subscribe("*"), update("(*)")]);
}

#[test]
fn a_new_master_is_told_all_roles_at_once() {
    let mut run = Run::new(PLAIN, "[[fault]]\nkind = \"master-crash\"\nat = \"2m\"\ndown = \"10s\"");
    run.until(30);
    run.ask(Method::Post, "/v2/groups", group("/dev"));
    run.ask(Method::Post, "/v2/apps", app("/dev/a", 2));
    run.ask(Method::Post, "/v2/apps", app("/b", 1));
    run.until(119);
    run.take_said();
    run.until(200);
    let said = run.take_said();
    assert!(!said.is_empty() && said.iter().all(|said| *said == subscribe("(*) (dev)")), "{said:?}");
    assert_eq!(run.books_agree().len(), 3);
    // Tasks that the agents brought back are still of their roles.
    assert_eq!(run.ask(Method::Put, "/v2/apps/dev/a", json!({ "instances": 0 })).0, 200);
    run.until(260);
    assert_eq!((run.running("/dev/a"), run.running("/b")), (0, 1));
    assert_eq!(run.books_agree().len(), 3);
}

#[test]
fn instances_are_launched_on_offers_of_their_role_only() {
    let mut run = Run::new(PLAIN, "mesos_role = \"ops\"");
    run.until(30);
    for id in ["/dev", "/prod"] {
        assert_eq!(run.ask(Method::Post, "/v2/groups", group(id)).0, 201);
    }
    for id in ["/dev/a", "/prod/b", "/c", "/prod/d"] {
        assert_eq!(run.ask(Method::Post, "/v2/apps", app(id, 2)).0, 201);
    }
    run.until(120);
    assert_eq!(run.places(), [("/c", "ops"), ("/dev/a", "dev"), ("/prod/b", "prod"), ("/prod/d", "prod")]);
    let (_, tasks) = run.ask(Method::Get, "/v2/tasks", Value::Null);
    let mut roles: Vec<(&str, &str)> = tasks["tasks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|task| (task["appId"].as_str().unwrap_or("-"), task["role"].as_str().unwrap_or("-")))
        .collect();
    roles.sort_unstable();
    roles.dedup();
    assert_eq!(roles, run.places());
    // Another role is another configuration: everything is started anew, on other offers.
    let mut other = app("/c", 2);
    other["role"] = json!("*");
    assert_eq!(run.ask(Method::Put, "/v2/apps/c", other).0, 422, "no role that an app there may have");
    let mut other = app("/prod/b", 2);
    other["role"] = json!("ops");
    assert_eq!(run.ask(Method::Put, "/v2/apps/prod/b", other.clone()).0, 422, "its group enforces another");
    let off = json!({ "enforceRole": false });
    assert_eq!(run.ask(Method::Patch, "/v2/groups/prod", off).0, 200);
    assert_eq!(run.ask(Method::Put, "/v2/apps/prod/b", other).0, 200);
    run.until(240);
    assert!(run.places().contains(&("/prod/b", "ops")), "{:?}", run.places());
    assert_eq!(run.running("/prod/b"), 2);
    assert_eq!(run.books_agree().len(), 3);
}

/// A role is revived for what it wants itself.
#[test]
fn a_second_wish_revives_its_role_alone() {
    let mut run = Run::new(PLAIN, "");
    run.until(30);
    run.ask(Method::Post, "/v2/groups", group("/dev"));
    // More than there is room for.
    run.ask(Method::Post, "/v2/apps", app("/dev/a", 20));
    run.until(120);
    assert_eq!(run.running("/dev/a"), 12);
    run.take_said();
    let mut more = app("/dev/b", 1);
    more["cpus"] = json!(0.1);
    run.ask(Method::Post, "/v2/apps", more);
    run.until(160);
    let said = run.take_said();
    assert!(!said.is_empty() && said.iter().all(|said| *said == Revive("dev".to_owned())), "{said:?}");
    assert_eq!(run.running("/dev/b"), 0, "there is no room");
    // What ends there is offered to the role that still wants it.
    run.ask(Method::Delete, "/v2/apps/dev/a?force=true", Value::Null);
    run.until(220);
    assert_eq!(run.running("/dev/b"), 1);
}

#[test]
fn without_suppression_roles_are_told_and_wanted_for_ever() {
    let mut run = Run::new(PLAIN, "suppress_offers = false");
    run.until(30);
    assert_eq!(run.take_said(), [subscribe("*"), update("*"), Revive("*".into())]);
    run.ask(Method::Post, "/v2/groups", group("/dev"));
    run.ask(Method::Post, "/v2/apps", app("/dev/a", 2));
    run.until(80);
    let said = run.take_said();
    assert_eq!(said[..2], [update("* dev"), Revive("dev".into())], "{said:?}");
    assert!(said[2..].iter().all(|said| *said == Revive("dev".into())), "{said:?}");
    assert_eq!(run.running("/dev/a"), 2);
}

#[test]
fn a_limit_holds_the_apps_of_its_role_back_and_no_others() {
    let mut run = Run::new(PLAIN, "[roles.dev]\nlimit = \"cpus:3\"");
    run.until(30);
    run.ask(Method::Post, "/v2/groups", group("/dev"));
    run.ask(Method::Post, "/v2/apps", app("/dev/a", 5));
    run.ask(Method::Post, "/v2/apps", app("/b", 5));
    run.until(300);
    assert_eq!((run.running("/dev/a"), run.running("/b")), (3, 5));
}

#[test]
fn what_is_guaranteed_to_a_role_is_not_for_others() {
    let free = |more: &str| {
        let mut run = Run::new(PLAIN, more);
        run.until(30);
        run.ask(Method::Post, "/v2/apps", app("/b", 20));
        run.until(120);
        let before = run.running("/b");
        run.ask(Method::Post, "/v2/groups", group("/dev"));
        run.ask(Method::Post, "/v2/apps", app("/dev/a", 6));
        run.until(300);
        (before, run.running("/dev/a"))
    };
    assert_eq!(free("[roles.dev]\nguarantee = \"cpus:5\""), (7, 5));
    assert_eq!(free(""), (12, 0), "nobody keeps anything free for it");
}

#[test]
fn reserved_resources_are_for_apps_of_the_role_that_accept_them() {
    let mut run = Run::new("cpus:1;cpus(dev):2;mem:1024;mem(dev):1024;ports:[31000-31100]", "");
    run.until(30);
    run.ask(Method::Post, "/v2/groups", group("/dev"));
    // Of each machine: one free CPU, two reserved.
    run.ask(Method::Post, "/v2/apps", app("/stranger", 5));
    run.until(90);
    assert_eq!(run.running("/stranger"), 3);
    let mut choosy = app("/dev/free-only", 1);
    choosy["acceptedResourceRoles"] = json!(["*"]);
    run.ask(Method::Post, "/v2/apps", choosy);
    run.ask(Method::Post, "/v2/apps", app("/dev/a", 8));
    run.until(180);
    assert_eq!((run.running("/dev/a"), run.running("/dev/free-only")), (6, 0));
}
