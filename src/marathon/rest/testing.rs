//! A state machine that stands still, for tests of the API.

use super::command::{Command, Outcome, Update};
use super::reply;
use super::route::route;
use super::view::{HealthRecord, Metric, QueueItem, Running, TaskFailure, View};
use crate::base::id::{AgentId, FrameworkId, JobId, Names, Symbol, TaskId};
use crate::base::time::Time;
use crate::fact::{Condition, Goal};
use crate::http::{Body, Method, Request, Response};
use crate::marathon::group::update::update;
use crate::marathon::model::app::{HostPort, PodContainer, RunSpec};
use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::instance::{Instance, InstanceId, Place, State, Task};
use crate::marathon::model::json::read;
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::Plan;
use crate::marathon::model::version::Version;
use crate::mesos::message::AgentInfo;
use crate::mesos::resource::Resources;
use crate::mesos::task_state::TaskState;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Fixture {
    pub(super) names: Names,
    pub(super) flags: Flags,
    pub(super) roots: Vec<Arc<Group>>,
    pub(super) instances: Vec<Instance>,
    pub(super) deployments: Vec<Running>,
    pub(super) queue: Vec<QueueItem>,
    pub(super) failures: BTreeMap<PathId, TaskFailure>,
    pub(super) health: BTreeMap<InstanceId, Vec<HealthRecord>>,
    pub(super) leads: bool,
    pub(super) callbacks: Option<Vec<String>>,
}

/// An app of two instances with a health check.
pub(super) fn app(id: &str) -> Value {
    json!({ "id": id, "cmd": "run", "instances": 2, "healthChecks": [{ "protocol": "HTTP" }] })
}

/// A request without a body; parameters as in a URL.
pub(super) fn get(url: &str) -> Request {
    request(Method::Get, url, Value::Null)
}

pub(super) fn request(method: Method, url: &str, body: Value) -> Request {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    let query = query.split('&').filter(|p| !p.is_empty()).map(pair).collect();
    let body = if body.is_null() { Body::Empty } else { Body::Json(body) };
    Request { method, path: path.to_owned(), query, body, hops: 0 }
}

impl Fixture {
    pub(super) fn new() -> Self {
        let mut names = Names::default();
        names.intern("nobody");
        Self {
            names,
            flags: Flags::default(),
            roots: vec![Arc::new(Group::empty(PathId::root(), Version::at(Time::ZERO)))],
            instances: Vec::new(),
            deployments: Vec::new(),
            queue: Vec::new(),
            failures: BTreeMap::new(),
            health: BTreeMap::new(),
            leads: true,
            callbacks: None,
        }
    }

    /// Sends a request and carries out what comes of it as far as the root is concerned.
    pub(super) fn send(&mut self, method: Method, url: &str, body: Value) -> Response {
        match route(&request(method, url, body), self) {
            Outcome::Reply(response) => response,
            Outcome::Command(Command::Update(asked)) => self.change(&asked),
            Outcome::Command(
                Command::Kill { reply, .. }
                | Command::Cancel { reply, .. }
                | Command::ResetDelay { reply, .. }
                | Command::Abdicate { reply },
            ) => reply,
            Outcome::Command(Command::Attach { .. } | Command::Subscribe { .. } | Command::Unsubscribe { .. }) => {
                Response::empty(200)
            }
            Outcome::Forward => reply::no_leader(),
        }
    }

    /// The same in one line: status, headers, body.
    pub(super) fn told(&mut self, method: Method, url: &str, body: Value) -> String {
        let response = self.send(method, url, body);
        let headers: String = response.headers.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        let body = match response.body {
            Body::Empty => String::new(),
            Body::Json(value) => format!(" {value}"),
            Body::Text(text) => format!(" {text}"),
        };
        format!("{}{headers}{body}", response.status)
    }

    fn change(&mut self, asked: &Update) -> Response {
        let id = self.names.intern(&format!("deployment-{}", self.roots.len()));
        let root = Arc::clone(self.root());
        let version = Version(root.version.0 + 1_000);
        match update(&root, &asked.change, version, id, &self.flags) {
            Ok(updated) => {
                self.roots.push(Arc::clone(&updated.root));
                reply::updated(&asked.answer, &updated, self)
            }
            Err(refused) => refused.response(),
        }
    }

    pub(super) fn deploy(&mut self, app: Value) -> Arc<Plan> {
        let before = Arc::clone(self.root());
        let response = self.send(Method::Post, "/v2/apps", app);
        assert_eq!(response.status, 201, "{response:?}");
        let (id, after) = (self.names.intern(&format!("deployment-{}", self.roots.len() - 1)), Arc::clone(self.root()));
        Arc::new(crate::marathon::group::plan::compute(id, after.version, &before, &after, &BTreeMap::new()))
    }

    pub(super) fn spec(&self, id: &str) -> Arc<RunSpec> {
        Arc::clone(self.root().spec(&PathId::absolute(id)).expect("deployed"))
    }

    /// Instances that run, one on each of hosts `host-0`, `host-1` and so on.
    pub(super) fn run(&mut self, id: &str, count: u32) {
        let spec = self.spec(id);
        let master = self.names.intern("M0");
        for n in self.instances.len() as u32..self.instances.len() as u32 + count {
            let info = AgentInfo {
                hostname: self.names.intern(&format!("host-{n}")),
                total: Resources::default(),
                attributes: Vec::new(),
                devices: 0,
                address: 5 + n,
            };
            let at = Time::from_secs(10);
            let task = |container: u32, host_ports: Vec<u16>| Task {
                id: TaskId { template: JobId(container), n: 1 },
                staged_at: at,
                started_at: Some(Time::from_secs(11)),
                mesos: Some(TaskState::Running),
                condition: Condition::Running,
                unreachable_since: None,
                healthy: None,
                host_ports,
                version: spec.versions.version,
            };
            let tasks = match spec.pod() {
                None => vec![task(0, vec![31_000])],
                Some(pod) => {
                    let port = |i: usize| if spec.ports[i].host == HostPort::None { 0 } else { 31_000 + i as u16 };
                    let of = |(i, own): (usize, &PodContainer)| task(i as u32, own.ports.clone().map(port).collect());
                    pod.containers.iter().enumerate().map(of).collect()
                }
            };
            self.instances.push(Instance {
                id: InstanceId(self.names.intern(&format!("{}.instance-{n}", spec.id.safe()))),
                spec: Arc::clone(&spec),
                place: Some(Place { agent: AgentId { master, n }, info: Arc::new(info) }),
                state: State {
                    condition: Condition::Running,
                    since: Time::from_secs(11),
                    active_since: Some(Time::from_secs(11)),
                    healthy: None,
                    goal: Goal::Running,
                },
                tasks,
                reservation: None,
                incarnation: 1,
            });
        }
    }

    /// One result of a health check for the instance with this index.
    pub(super) fn healthy(&mut self, index: usize, good: bool) {
        let at = Some(Time::from_secs(12));
        let record = if good {
            HealthRecord { first_success: at, last_success: at, ..HealthRecord::default() }
        } else {
            HealthRecord { last_failure: at, consecutive_failures: 1, ..HealthRecord::default() }
        };
        self.health.insert(self.instances[index].id, vec![record]);
    }
}

impl View for Fixture {
    fn wall(&self) -> Time {
        Time::from_secs(20)
    }
    fn names(&self) -> &Names {
        &self.names
    }
    fn flags(&self) -> &Flags {
        &self.flags
    }
    fn root(&self) -> &Arc<Group> {
        self.roots.last().expect("there is a root")
    }
    fn instances(&self, spec: &PathId) -> Vec<&Instance> {
        self.instances.iter().filter(|instance| instance.spec.id == *spec).collect()
    }
    fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.id == id)
    }
    fn specs_with_instances(&self) -> Vec<PathId> {
        let mut all: Vec<PathId> = self.instances.iter().map(|instance| instance.spec.id.clone()).collect();
        all.sort();
        all.dedup();
        all
    }
    fn health(&self, instance: InstanceId) -> Vec<HealthRecord> {
        self.health.get(&instance).cloned().unwrap_or_default()
    }
    fn last_failure(&self, spec: &PathId) -> Option<TaskFailure> {
        self.failures.get(spec).cloned()
    }
    fn deployments(&self) -> Vec<Running> {
        self.deployments.clone()
    }
    fn queue(&self) -> Vec<QueueItem> {
        self.queue.clone()
    }
    fn versions(&self, spec: &PathId) -> Vec<Version> {
        let mut all: Vec<Version> =
            self.roots.iter().filter_map(|root| root.spec(spec)).map(|spec| spec.versions.version).collect();
        all.dedup();
        all.reverse();
        all
    }
    fn spec_at(&self, spec: &PathId, version: Version) -> Option<Arc<RunSpec>> {
        let mut all = self.roots.iter().filter_map(|root| root.spec(spec));
        all.find(|spec| spec.versions.version == version).cloned()
    }
    fn group_versions(&self) -> Vec<Version> {
        self.roots.iter().rev().map(|root| root.version).collect()
    }
    fn root_at(&self, version: Version) -> Option<Arc<Group>> {
        self.roots.iter().find(|root| root.version == version).cloned()
    }
    fn is_leader(&self) -> bool {
        self.leads
    }
    fn leader(&self) -> Option<String> {
        Some(if self.leads { "marathon-1:8080" } else { "marathon-2:8080" }.to_owned())
    }
    fn callbacks(&self) -> Option<Vec<String>> {
        self.callbacks.clone()
    }
    fn framework_id(&self) -> Option<FrameworkId> {
        Some(FrameworkId(Symbol(0)))
    }
    fn metrics(&self) -> Vec<(&'static str, Metric)> {
        vec![("marathon.apps.active.gauge", Metric::Gauge(2.0)), ("marathon.deployments.counter", Metric::Counter(3))]
    }
}

/// Definitions for tests that need no deployment.
pub(super) fn spec(value: Value) -> RunSpec {
    read::testing::app(value)
}
