//! State as the API shows it: tasks, apps with what is embedded, deployments, instances of pods.

use super::embed::Embed;
use super::stats::Stats;
use super::view::{HealthRecord, ReadinessResult, Running, TaskFailure, View};
use crate::base::id::Names;
use crate::base::time::Time;
use crate::fact::Condition;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::instance::{Instance, Task, is_active};
use crate::marathon::model::json::write;
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::{Action, Plan};
use crate::marathon::model::version::Version;
use crate::mesos::task_state::TaskState;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An instant with three digits of fraction.
#[must_use]
pub fn instant(at: Time) -> Value {
    Version::at(at).to_string().into()
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}

/// The address of an agent's host: its slot in the world as one of 10.0.0.0/8.
#[must_use]
pub fn address(slot: u32) -> String {
    let [_, a, b, c] = slot.to_be_bytes();
    format!("10.{a}.{b}.{c}")
}

/// The state of Mesos that a condition is shown as.
#[must_use]
pub fn mesos_state(condition: Condition) -> TaskState {
    match condition {
        Condition::Scheduled | Condition::Provisioned | Condition::Staging => TaskState::Staging,
        Condition::Starting => TaskState::Starting,
        Condition::Running => TaskState::Running,
        Condition::Killing => TaskState::Killing,
        Condition::Unreachable | Condition::UnreachableInactive => TaskState::Unreachable,
        Condition::Error => TaskState::Error,
        Condition::Failed => TaskState::Failed,
        Condition::Finished => TaskState::Finished,
        Condition::Killed | Condition::Expunged => TaskState::Killed,
        Condition::Gone => TaskState::Gone,
        Condition::Dropped => TaskState::Dropped,
        Condition::Unknown => TaskState::Unknown,
    }
}

/// Tasks of an instance; none before it has been placed.
pub fn tasks(instance: &Instance, service_ports: &[u16], view: &dyn View) -> Vec<Value> {
    let health: Vec<Value> = view.health(instance.id).iter().map(|h| self::health(instance, h, view.names())).collect();
    instance.tasks.iter().filter_map(|t| task(instance, t, service_ports, &health, view)).collect()
}

fn task(instance: &Instance, task: &Task, service_ports: &[u16], health: &[Value], view: &dyn View) -> Option<Value> {
    let place = instance.place.as_ref()?;
    let names = view.names();
    let active = is_active(task.condition);
    let ports: Vec<u16> =
        if active { task.host_ports.iter().copied().filter(|p| *p != 0).collect() } else { Vec::new() };
    let mut shown = Map::new();
    put(&mut shown, "appId", Some(instance.spec.id.as_str()));
    put(&mut shown, "healthCheckResults", Some(health.to_vec()));
    put(&mut shown, "host", Some(names.text(place.info.hostname)));
    put(&mut shown, "id", Some(view.task_name(instance, task)));
    put(&mut shown, "ipAddresses", Some(json!([{ "ipAddress": address(place.info.address), "protocol": "IPv4" }])));
    put(&mut shown, "ports", Some(ports));
    put(&mut shown, "servicePorts", Some(service_ports.to_vec()));
    put(&mut shown, "slaveId", Some(names.agent(place.agent)));
    put(&mut shown, "state", Some(mesos_state(task.condition).name()));
    if active {
        put(&mut shown, "stagedAt", Some(instant(task.staged_at)));
        put(&mut shown, "startedAt", task.started_at.map(instant));
        put(&mut shown, "version", Some(task.version.to_string()));
    }
    put(&mut shown, "localVolumes", Some(volumes(instance)));
    put(&mut shown, "role", Some(instance.spec.role.as_str()));
    Some(Value::Object(shown))
}

fn volumes(instance: &Instance) -> Value {
    let Some(reservation) = &instance.reservation else { return json!([]) };
    // `<safe path>#<container path>#<uuid>`
    let volume = |id: &String| match id.split('#').nth(1) {
        Some(path) => json!({ "containerPath": path, "persistenceId": id }),
        None => json!({ "persistenceId": id }),
    };
    reservation.volumes.iter().map(volume).collect()
}

fn health(instance: &Instance, record: &HealthRecord, names: &Names) -> Value {
    let mut shown = Map::new();
    put(&mut shown, "alive", Some(record.alive()));
    put(&mut shown, "consecutiveFailures", Some(record.consecutive_failures));
    put(&mut shown, "firstSuccess", record.first_success.map(instant));
    put(&mut shown, "instanceId", Some(names.text(instance.id.0)));
    put(&mut shown, "lastSuccess", record.last_success.map(instant));
    put(&mut shown, "lastFailure", record.last_failure.map(instant));
    put(&mut shown, "lastFailureCause", record.cause.clone());
    Value::Object(shown)
}

pub(super) fn failure(failure: &TaskFailure) -> Value {
    let mut shown = Map::new();
    put(&mut shown, "appId", Some(failure.spec.as_str()));
    put(&mut shown, "host", Some(failure.host.as_str()));
    put(&mut shown, "message", Some(failure.message.as_str()));
    put(&mut shown, "state", Some(failure.state.name()));
    put(&mut shown, "taskId", Some(failure.task.as_str()));
    put(&mut shown, "timestamp", Some(instant(failure.at)));
    put(&mut shown, "version", Some(failure.version.to_string()));
    put(&mut shown, "slaveId", failure.agent.clone());
    Value::Object(shown)
}

/// Shows apps with what is embedded; deployments are looked through once for all of them.
pub(super) struct Shown<'a> {
    view: &'a dyn View,
    embed: Embed,
    deployments: BTreeMap<PathId, Vec<Value>>,
    readiness: BTreeMap<PathId, Vec<Value>>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(embed: Embed, view: &'a dyn View) -> Self {
        let (mut deployments, mut readiness): (BTreeMap<_, Vec<Value>>, BTreeMap<_, Vec<Value>>) = Default::default();
        if embed.deployments || embed.readiness {
            for running in view.deployments() {
                let id = json!({ "id": view.names().text(running.plan.id) });
                for spec in running.plan.affected() {
                    deployments.entry(spec.clone()).or_default().push(id.clone());
                }
                for result in &running.readiness {
                    readiness.entry(result.spec.clone()).or_default().push(self::readiness(result));
                }
            }
        }
        Self { view, embed, deployments, readiness }
    }

    pub(super) fn app(&self, spec: &RunSpec) -> Value {
        let of = |all: &BTreeMap<PathId, Vec<Value>>| all.get(&spec.id).cloned().unwrap_or_default();
        let (embed, view) = (self.embed, self.view);
        let Value::Object(mut shown) = write::run_spec(spec) else { return Value::Null };
        with_tasks(&mut shown, spec, embed, view);
        if embed.deployments {
            put(&mut shown, "deployments", Some(of(&self.deployments)));
        }
        if embed.readiness {
            put(&mut shown, "readinessCheckResults", Some(of(&self.readiness)));
        }
        Value::Object(shown)
    }
}

fn with_tasks(shown: &mut Map<String, Value>, spec: &RunSpec, embed: Embed, view: &dyn View) {
    if embed.counts || embed.stats {
        let stats = Stats::of(spec, view);
        if embed.counts {
            stats.put_counts(shown);
        }
        if embed.stats {
            put(shown, "taskStats", Some(stats.by_version(spec)));
        }
    }
    if embed.tasks {
        let tasks: Vec<Value> = view.instances(&spec.id).into_iter().flat_map(|i| self::tasks(i, &[], view)).collect();
        put(shown, "tasks", Some(tasks));
    }
    if embed.last_failure {
        put(shown, "lastTaskFailure", view.last_failure(&spec.id).map(|f| failure(&f)));
    }
}

fn readiness(result: &ReadinessResult) -> Value {
    let mut shown = json!({ "name": result.name, "taskId": result.task, "ready": result.ready });
    if let Some((status, body)) = &result.last_response {
        shown["lastResponse"] = json!({ "status": status, "contentType": "text/plain", "body": body });
    }
    shown
}

/// One action: `{"action": "ScaleApplication", "app": "/web"}`.
#[must_use]
pub fn action(action: &Action) -> Value {
    let spec = action.spec();
    let (name, kind) = match spec.pod() {
        Some(_) => (action.name().replace("Application", "Pod"), "pod"),
        None => (action.name().to_owned(), "app"),
    };
    json!({ "action": name, kind: spec.id.as_str() })
}

#[must_use]
pub fn step(actions: &[Action]) -> Value {
    json!({ "actions": actions.iter().map(action).collect::<Value>() })
}

/// A plan in the short form of events.
#[must_use]
pub fn plan(plan: &Plan, names: &Names) -> Value {
    let steps: Value = plan.steps.iter().map(|actions| step(actions)).collect();
    json!({ "id": names.text(plan.id), "version": plan.version.to_string(), "steps": steps })
}

/// One line of `GET /v2/deployments`.
pub(super) fn deployment(running: &Running, names: &Names) -> Value {
    let plan = &running.plan;
    let (mut apps, mut pods) = (Vec::new(), Vec::new());
    let mut seen = std::collections::BTreeSet::new();
    for spec in plan.steps.iter().flatten().map(Action::spec).filter(|spec| seen.insert(&spec.id)) {
        if spec.pod().is_some() { &mut pods } else { &mut apps }.push(spec.id.as_str());
    }
    let current = (running.step as usize).checked_sub(1).and_then(|i| plan.steps.get(i));
    let of_step = |wanted: &Action| {
        let own = running.readiness.iter().filter(|result| result.spec == wanted.spec().id);
        let own: Vec<Value> = own.map(readiness).collect();
        let mut shown = action(wanted);
        if !own.is_empty() {
            shown["readinessCheckResults"] = own.into();
        }
        shown
    };
    let actions: Vec<Value> = current.into_iter().flatten().map(of_step).collect();
    json!({
        "id": names.text(plan.id),
        "version": plan.version.to_string(),
        "affectedApps": apps,
        "affectedPods": pods,
        "steps": plan.steps.iter().map(|actions| step(actions)).collect::<Value>(),
        "currentActions": actions,
        "currentStep": running.step,
        "totalSteps": plan.steps.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, app as template};
    use super::*;
    use expect_test::expect;

    fn pretty(value: &Value) -> String {
        serde_json::to_string_pretty(value).expect("JSON can be printed")
    }

    #[test]
    fn a_running_task_shows_where_it_is() {
        let mut fixture = Fixture::new();
        fixture.deploy(template("/web"));
        fixture.run("/web", 1);
        fixture.healthy(0, true);
        let tasks: Vec<Value> = fixture
            .instances(&fixture.spec("/web").id)
            .into_iter()
            .flat_map(|i| tasks(i, &[10_000], &fixture))
            .collect();
        expect![[r#"
            [
              {
                "appId": "/web",
                "healthCheckResults": [
                  {
                    "alive": true,
                    "consecutiveFailures": 0,
                    "firstSuccess": "2026-01-01T00:00:12.000Z",
                    "instanceId": "web.instance-0",
                    "lastSuccess": "2026-01-01T00:00:12.000Z"
                  }
                ],
                "host": "host-0",
                "id": "web.instance-0._app.1",
                "ipAddresses": [
                  {
                    "ipAddress": "10.0.0.5",
                    "protocol": "IPv4"
                  }
                ],
                "ports": [
                  31000
                ],
                "servicePorts": [
                  10000
                ],
                "slaveId": "M0-S0",
                "state": "TASK_RUNNING",
                "stagedAt": "2026-01-01T00:00:10.000Z",
                "startedAt": "2026-01-01T00:00:11.000Z",
                "version": "2026-01-01T00:00:01.000Z",
                "localVolumes": [],
                "role": "*"
              }
            ]"#]]
        .assert_eq(&pretty(&tasks.into()));
    }

    #[test]
    fn a_task_that_is_over_hides_its_times_and_ports() {
        let mut fixture = Fixture::new();
        fixture.deploy(template("/web"));
        fixture.run("/web", 1);
        fixture.instances[0].tasks[0].condition = Condition::Failed;
        let shown = tasks(&fixture.instances[0], &[], &fixture);
        assert_eq!((shown[0].get("stagedAt"), &shown[0]["ports"]), (None, &json!([])));
        assert_eq!(shown[0]["state"], "TASK_FAILED");
        fixture.instances[0].place = None;
        assert!(tasks(&fixture.instances[0], &[], &fixture).is_empty());
    }

    #[test]
    fn a_deployment_shows_its_step() {
        let mut fixture = Fixture::new();
        let plan = fixture.deploy(template("/web"));
        let mut running = Running { plan, step: 2, readiness: Vec::new() };
        expect![[r#"
            {
              "id": "deployment-1",
              "version": "2026-01-01T00:00:01.000Z",
              "affectedApps": [
                "/web"
              ],
              "affectedPods": [],
              "steps": [
                {
                  "actions": [
                    {
                      "action": "StartApplication",
                      "app": "/web"
                    }
                  ]
                },
                {
                  "actions": [
                    {
                      "action": "ScaleApplication",
                      "app": "/web"
                    }
                  ]
                }
              ],
              "currentActions": [
                {
                  "action": "ScaleApplication",
                  "app": "/web"
                }
              ],
              "currentStep": 2,
              "totalSteps": 2
            }"#]]
        .assert_eq(&pretty(&deployment(&running, fixture.names())));
        running.step = 0;
        assert_eq!(deployment(&running, fixture.names())["currentActions"], json!([]));
    }
}
