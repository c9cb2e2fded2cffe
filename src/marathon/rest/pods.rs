//! `/v2/pods` (`PodsResource`, `PodStatusConversion`).

use super::apps::{path, update};
use super::command::{Answer, Command, Outcome};
use super::route::{Routed, flag, not_allowed, reply};
use super::show::{address, instant, mesos_state};
use super::view::View;
use crate::base::quantity::Quantities;
use crate::fact::Condition;
use crate::http::{Method, Request, Response};
use crate::marathon::group::change::Change;
use crate::marathon::group::define::Context;
use crate::marathon::group::pod;
use crate::marathon::model::app::{HostPort, PodContainer, PodOnly, RunSpec};
use crate::marathon::model::instance::{Instance, Task, is_active, is_terminal};
use crate::marathon::model::json::{self, tables, write};
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::Rejection;
use crate::marathon::model::version::Version;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What the sum of an instance's resources begins with. Quirk: whatever the pod's `executorResources`
/// are.
const DEFAULT_EXECUTOR: Quantities = Quantities([100, 32_000, 10_000, 0]);

pub(super) fn route(request: &Request, rest: &[&str], view: &dyn View) -> Routed {
    use Method as M;
    // `/v2/pods/shop/web::status`: what follows the two colons is a sub-resource.
    let whole = rest.join("/");
    let (id, sub) = whole.split_once("::").map_or((whole.as_str(), None), |(id, sub)| (id, Some(sub)));
    let id = PathId::absolute(id);
    let sub: Option<Vec<&str>> = sub.map(|sub| sub.split('/').filter(|part| !part.is_empty()).collect());
    match (request.method, sub.as_deref(), rest) {
        (M::Head, None, []) => Ok(Outcome::Reply(Response::empty(200))),
        (M::Get, None, []) => {
            let specs = view.root().all_specs();
            let pods = specs.values().filter(|spec| spec.pod().is_some());
            Ok(reply(200, pods.map(|spec| write::run_spec(spec)).collect()))
        }
        (M::Post, None, []) => create(request, view),
        (M::Get, None, _) => Ok(reply(200, write::run_spec(known(&id, view)?))),
        (M::Put, None, [_, ..]) => put(request, &path(rest), view),
        (M::Delete, None, [_, ..]) => {
            known(&id, view)?;
            let change = Change::Delete { id: id.clone(), pod: true };
            Ok(update(request, change, flag(request, "force", false), Answer::PodDeleted, id.parent()))
        }
        (M::Get, Some(["status"]), _) if id.is_root() => {
            let specs = view.root().all_specs();
            let all = specs.values().filter_map(|spec| Some(status(spec, spec.pod()?, view)));
            Ok(reply(200, all.collect()))
        }
        (M::Get, Some(["status"]), _) => {
            let spec = known(&id, view)?;
            Ok(reply(200, spec.pod().map(|pod| status(spec, pod, view)).unwrap_or_default()))
        }
        (M::Get, Some(["versions"]), _) => {
            known(&id, view)?;
            Ok(reply(200, view.versions(&id).iter().map(|v| Value::from(v.to_string())).collect()))
        }
        (M::Get, Some(["versions", version]), _) => {
            let version =
                Version::parse(version).ok_or_else(|| Rejection::Bad(format!("`{version}` is no instant")))?;
            let found = view.spec_at(&id, version).ok_or_else(|| missing(&id))?;
            Ok(reply(200, write::run_spec(&found)))
        }
        (M::Delete, Some(["instances"]), _) => {
            let ids = json::checked(&json::parse(&request.body)?, &tables::INSTANCE_IDS, false)?;
            let ids: Vec<&str> = ids.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            kill(request, &id, &ids, false, view)
        }
        (M::Delete, Some(["instances", instance]), _) => kill(request, &id, &[*instance], true, view),
        _ => not_allowed(),
    }
}

fn missing(id: &PathId) -> Rejection {
    Rejection::Missing { kind: "Pod", id: id.clone(), version: None }
}

fn known<'a>(id: &PathId, view: &'a dyn View) -> Result<&'a Arc<RunSpec>, Rejection> {
    view.root().spec(id).filter(|spec| spec.pod().is_some()).ok_or_else(|| missing(id))
}

fn read(request: &Request, view: &dyn View) -> Result<RunSpec, Rejection> {
    let context = Context { root: view.root(), flags: view.flags(), strict: false };
    pod::pod(&json::parse(&request.body)?, &PathId::root(), context)
}

fn create(request: &Request, view: &dyn View) -> Routed {
    let spec = read(request, view)?;
    let (id, group) = (spec.id.clone(), spec.id.parent());
    let force = flag(request, "force", false);
    Ok(update(request, Change::Create(Arc::new(spec)), force, Answer::PodCreated(id), group))
}

fn put(request: &Request, id: &PathId, view: &dyn View) -> Routed {
    let spec = read(request, view)?;
    if spec.id != *id {
        return Err(Rejection::Bad(format!("'{id}' does not match definition's id ('{}')", spec.id)));
    }
    let force = flag(request, "force", false);
    Ok(update(request, Change::PutPod(Arc::new(spec)), force, Answer::PodUpdated(id.clone()), id.parent()))
}

fn kill(request: &Request, id: &PathId, wanted: &[&str], single: bool, view: &dyn View) -> Routed {
    known(id, view)?;
    let named = |instance: &&Instance| wanted.contains(&view.names().text(instance.id.0));
    let victims: Vec<&Instance> = view.instances(id).into_iter().filter(named).collect();
    let mut shown = victims.iter().map(|instance| killed(instance, view));
    let body = match (single, shown.next()) {
        (true, None) => {
            let told = format!("Task '{}' does not exist", wanted.first().copied().unwrap_or_default());
            return Err(Rejection::NotFound(told));
        }
        (true, Some(one)) => one,
        (false, first) => first.into_iter().chain(shown).collect(),
    };
    let wipe = flag(request, "wipe", false);
    let concerned = victims.iter().filter(|instance| wipe || is_active(instance.state.condition));
    let instances = concerned.map(|instance| instance.id).collect();
    Ok(Outcome::Command(Command::Kill { instances, wipe, reply: Response::json(200, body) }))
}

/// An instance that is being killed, in the plain form.
fn killed(instance: &Instance, view: &dyn View) -> Value {
    let names = view.names();
    json!({
        "instanceId": { "idString": names.text(instance.id.0) },
        "agentInfo": instance.place.as_ref().map(|place| json!({
            "host": names.text(place.info.hostname), "agentId": names.agent(place.agent), "attributes": [],
        })),
        "runSpecVersion": instance.spec.versions.version.to_string(),
        "state": {
            "condition": format!("{:?}", instance.state.condition),
            "since": instant(instance.state.since),
            "goal": format!("{:?}", instance.state.goal),
        },
        "tasksMap": instance.tasks.iter().map(|task| (view.task_name(instance, task), json!({}))).collect::<Map<_, _>>(),
    })
}

/// `PodStatus`.
fn status(spec: &RunSpec, pod: &PodOnly, view: &dyn View) -> Value {
    // Those that have never been placed are left out.
    let launched = view.instances(&spec.id).into_iter().filter(|i| !(i.is_scheduled() && i.place.is_none()));
    let (mut stable, mut since, mut instances) = (0, None, Vec::new());
    for instance in launched {
        let state = instance_state(instance, pod);
        stable += u32::from(state == "STABLE");
        since = since.max(Some(instance.state.since));
        instances.push(instance_status(instance, state, pod, view));
    }
    let terminating = view
        .deployments()
        .iter()
        .any(|running| running.plan.original.spec(&spec.id).is_some() && running.plan.target.spec(&spec.id).is_none());
    let state = match terminating {
        true => "TERMINAL",
        false if stable >= spec.instances => "STABLE",
        false => "DEGRADED",
    };
    let (now, since) = (instant(view.wall()), instant(since.unwrap_or_else(|| view.wall())));
    let history: Vec<Value> = view
        .last_failure(&spec.id)
        .into_iter()
        .map(|failure| {
            let container = json!({ "containerId": failure.task, "lastKnownState": failure.state.name() });
            json!({ "instanceID": failure.task.rsplitn(3, '.').nth(2).unwrap_or_default(),
                "terminatedAt": instant(failure.at), "message": failure.message, "containers": [container] })
        })
        .collect();
    json!({
        "id": spec.id.as_str(), "spec": write::run_spec(spec), "status": state, "statusSince": since,
        "instances": instances, "terminationHistory": history, "lastUpdated": now, "lastChanged": since,
    })
}

fn instance_state(instance: &Instance, pod: &PodOnly) -> &'static str {
    let condition = instance.state.condition;
    if instance.is_scheduled() || condition == Condition::Provisioned {
        return "PENDING";
    }
    match condition {
        Condition::Staging | Condition::Starting => "STAGING",
        Condition::Running => {
            // A container that is checked counts as unhealthy until its check has said otherwise.
            let mut containers = instance.tasks.iter().zip(&pod.containers);
            let sick =
                containers.any(|(task, container)| container.health_check.is_some() && task.healthy != Some(true));
            if sick { "DEGRADED" } else { "STABLE" }
        }
        Condition::Unreachable | Condition::UnreachableInactive => "DEGRADED",
        _ => "TERMINAL",
    }
}

fn instance_status(instance: &Instance, state: &str, pod: &PodOnly, view: &dyn View) -> Value {
    let names = view.names();
    let since = instant(instance.state.since);
    let containers = instance.tasks.iter().zip(&pod.containers).map(|(task, container)| {
        let mut shown = json!({
            "name": container.name,
            "status": mesos_state(task.condition).name(),
            "statusSince": instant(task.started_at.unwrap_or(task.staged_at)),
            "containerId": view.task_name(instance, task),
            "endpoints": endpoints(instance, task, container),
            "conditions": conditions(task, container.health_check.is_some(), &since),
            "lastUpdated": since,
            "lastChanged": since,
        });
        if is_charged(instance, task) {
            shown["resources"] = amounts(container.each);
        }
        shown
    });
    let containers: Vec<Value> = containers.collect();
    let charged = instance.tasks.iter().zip(&pod.containers).filter(|(task, _)| is_charged(instance, task));
    let resources = charged.fold(DEFAULT_EXECUTOR, |sum, (_, container)| sum + container.each);
    let volumes = instance.reservation.iter().flat_map(|reservation| &reservation.volumes);
    let mut shown = json!({
        "id": names.text(instance.id.0),
        "status": state,
        "statusSince": since,
        "resources": amounts(resources),
        "networks": [],
        "containers": containers,
        "localVolumes": volumes.map(|id| json!({ "persistenceId": id })).collect::<Value>(),
        "specReference": format!("/v2/pods{}::versions/{}", instance.spec.id, instance.spec.versions.version),
        "lastUpdated": since,
        "lastChanged": since,
        "role": instance.spec.role,
    });
    if let Some(place) = &instance.place {
        shown["agentId"] = names.agent(place.agent).into();
        shown["agentHostname"] = names.text(place.info.hostname).into();
        shown["networks"] = json!([{ "addresses": [address(place.info.address)] }]);
    }
    shown
}

/// Whether the container's resources are counted: it was launched, or they are reserved for it.
fn is_charged(instance: &Instance, task: &Task) -> bool {
    let launched = is_active(task.condition) && task.condition != Condition::Provisioned;
    launched || instance.reservation.is_some()
}

fn amounts(of: Quantities) -> Value {
    json!({
        "cpus": write::amount(of.cpus()), "mem": write::amount(of.mem()),
        "disk": write::amount(of.disk()), "gpus": write::amount(of.gpus()),
    })
}

/// Those with a port of the host first, the one whose health is checked last.
fn endpoints(instance: &Instance, task: &Task, container: &PodContainer) -> Value {
    if !is_active(task.condition) {
        return json!([]);
    }
    let needs = instance.spec.ports.get(container.ports.clone()).unwrap_or_default();
    let mut shown = Vec::new();
    for (need, number) in needs.iter().zip(&task.host_ports).filter(|(need, _)| need.host != HostPort::None) {
        shown.push(json!({ "name": need.name, "allocatedHostPort": number }));
    }
    for need in needs.iter().filter(|need| need.host == HostPort::None) {
        shown.push(json!({ "name": need.name }));
    }
    let checked = container.health_endpoint.as_deref();
    if let Some(at) = shown.iter().position(|endpoint| endpoint["name"].as_str() == checked) {
        let mut endpoint = shown.remove(at);
        if let Some(healthy) = task.healthy {
            endpoint["healthy"] = json!(healthy);
        }
        shown.push(endpoint);
    }
    shown.into()
}

fn conditions(task: &Task, checked: bool, since: &Value) -> Value {
    use Condition as C;
    let early = matches!(task.condition, C::Scheduled | C::Provisioned | C::Staging | C::Starting);
    if !checked || early || is_terminal(task.condition) {
        return json!([]);
    }
    let (value, reason) = match task.healthy {
        Some(healthy) => (healthy, "health-reported-by-mesos"),
        None => (false, "health-unreported-by-mesos"),
    };
    json!([{ "name": "healthy", "value": value.to_string(), "reason": reason, "lastChanged": since, "lastUpdated": since }])
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;
    use crate::http::Body;
    use expect_test::expect;

    fn template() -> Value {
        json!({ "id": "/p", "containers": [
            { "name": "a", "resources": { "cpus": 1, "mem": 32 }, "endpoints": [{ "name": "http" }],
                "healthCheck": { "http": { "endpoint": "http" } } }] })
    }
    fn body(fixture: &mut Fixture, url: &str) -> Value {
        match fixture.send(Method::Get, url, Value::Null).body {
            Body::Json(value) => value,
            other => panic!("{other:?}"),
        }
    }

    /// Containers one by one, and what their conditions make of the instance.
    #[test]
    fn an_instance_is_what_its_containers_are() {
        let mut fixture = Fixture::new();
        let mut pod = template();
        let second = json!({ "name": "b", "resources": { "cpus": 0.5, "mem": 64, "disk": 5 }, "endpoints": [
            { "name": "in", "containerPort": 80 }, { "name": "admin", "containerPort": 82, "hostPort": 0 }],
            "healthCheck": { "tcp": { "endpoint": "in" } } });
        pod["containers"].as_array_mut().unwrap().push(second);
        pod["networks"] = json!([{ "mode": "container", "name": "net" }]);
        pod["containers"][0]["endpoints"][0] = json!({ "name": "http", "containerPort": 81, "hostPort": 0 });
        assert_eq!(fixture.send(Method::Post, "/v2/pods", pod).status, 201);
        fixture.run("/p", 1);
        let seen = |fixture: &mut Fixture| body(fixture, "/v2/pods/p::status")["instances"][0].clone();
        let instance = seen(&mut fixture);
        assert_eq!(instance["resources"], json!({ "cpus": 1.6, "mem": 128, "disk": 15, "gpus": 0 }));
        let ids: Vec<&Value> = (0..2).map(|i| &instance["containers"][i]["containerId"]).collect();
        assert_eq!(ids, ["p.instance-0.a.1", "p.instance-0.b.1"]);
        let ports = [json!({ "name": "admin", "allocatedHostPort": 31_002 }), json!({ "name": "in" })];
        assert_eq!(instance["containers"][1]["endpoints"], json!(ports), "the checked one last");
        let state = |fixture: &mut Fixture| seen(fixture)["status"].as_str().map(str::to_owned);
        let mut become_ = |health: [Option<bool>; 2], condition| {
            let instance = &mut fixture.instances[0];
            instance.tasks.iter_mut().zip(health).for_each(|(task, healthy)| task.healthy = healthy);
            instance.state.condition = condition;
            state(&mut fixture).unwrap_or_default()
        };
        assert_eq!(become_([Some(true), None], Condition::Running), "DEGRADED");
        assert_eq!(become_([Some(true); 2], Condition::Running), "STABLE");
        assert_eq!(become_([Some(true); 2], Condition::Unreachable), "DEGRADED");
        assert_eq!(become_([Some(true); 2], Condition::Starting), "STAGING");
        assert_eq!(become_([Some(true); 2], Condition::Killing), "TERMINAL");
        assert_eq!(become_([Some(true); 2], Condition::Failed), "PENDING", "it is to be launched again");
        fixture.instances[0].state.goal = crate::fact::Goal::Decommissioned;
        assert_eq!(seen(&mut fixture)["status"], "TERMINAL");
        fixture.instances[0].tasks[1].condition = Condition::Killed;
        let over = seen(&mut fixture);
        assert_eq!(
            (&over["containers"][1]["status"], &over["containers"][1]["endpoints"]),
            (&json!("TASK_KILLED"), &json!([]))
        );
        assert_eq!(over["containers"][1].get("resources"), None);
        assert_eq!(over["resources"]["mem"], 64);
    }

    #[test]
    fn pods_are_made_shown_and_deleted() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.send(Method::Head, "/v2/pods", Value::Null).status, 200);
        let response = fixture.send(Method::Post, "/v2/pods", template());
        assert_eq!((response.status, response.headers.len()), (201, 2));
        assert_eq!(fixture.send(Method::Post, "/v2/pods", template()).status, 409);
        assert_eq!(body(&mut fixture, "/v2/pods")[0]["id"], "/p");
        assert_eq!(body(&mut fixture, "/v2/pods/p")["executorResources"]["mem"], 32);
        assert_eq!(fixture.send(Method::Get, "/v2/apps/p", Value::Null).status, 404);
        let mut other = template();
        other["scaling"] = json!({ "kind": "fixed", "instances": 3 });
        assert_eq!(fixture.send(Method::Put, "/v2/pods/p", other.clone()).status, 200);
        assert_eq!(body(&mut fixture, "/v2/pods/p::versions").as_array().map(Vec::len), Some(2));
        assert_eq!(fixture.send(Method::Put, "/v2/pods/q", other).status, 400);
        let told = fixture.told(Method::Delete, "/v2/pods/p", Value::Null);
        assert_eq!(told, "202 Location=deployment-3 Marathon-Deployment-Id=deployment-3");
        let told = fixture.told(Method::Get, "/v2/pods/p::status", Value::Null);
        assert_eq!(told, r#"404 {"message":"Pod '/p' does not exist"}"#);
    }

    #[test]
    fn a_status_sums_up_instances() {
        let mut fixture = Fixture::new();
        fixture.send(Method::Post, "/v2/pods", template());
        assert_eq!(body(&mut fixture, "/v2/pods/p::status")["status"], "DEGRADED");
        fixture.run("/p", 1);
        assert_eq!(body(&mut fixture, "/v2/pods/p::status")["instances"][0]["status"], "DEGRADED");
        fixture.instances[0].tasks[0].healthy = Some(true);
        let mut status = body(&mut fixture, "/v2/pods/::status")[0].clone();
        status["spec"] = Value::Null;
        expect![[r#"{"id":"/p","spec":null,"status":"STABLE","statusSince":"2026-01-01T00:00:11.000Z","instances":[{"id":"p.instance-0","status":"STABLE","statusSince":"2026-01-01T00:00:11.000Z","resources":{"cpus":1.1,"mem":64,"disk":10,"gpus":0},"networks":[{"addresses":["10.0.0.5"]}],"containers":[{"name":"a","status":"TASK_RUNNING","statusSince":"2026-01-01T00:00:11.000Z","containerId":"p.instance-0.a.1","endpoints":[{"name":"http","allocatedHostPort":31000,"healthy":true}],"conditions":[{"name":"healthy","value":"true","reason":"health-reported-by-mesos","lastChanged":"2026-01-01T00:00:11.000Z","lastUpdated":"2026-01-01T00:00:11.000Z"}],"lastUpdated":"2026-01-01T00:00:11.000Z","lastChanged":"2026-01-01T00:00:11.000Z","resources":{"cpus":1,"mem":32,"disk":0,"gpus":0}}],"localVolumes":[],"specReference":"/v2/pods/p::versions/2026-01-01T00:00:01.000Z","lastUpdated":"2026-01-01T00:00:11.000Z","lastChanged":"2026-01-01T00:00:11.000Z","role":"*","agentId":"M0-S0","agentHostname":"host-0"}],"terminationHistory":[],"lastUpdated":"2026-01-01T00:00:20.000Z","lastChanged":"2026-01-01T00:00:11.000Z"}"#]].assert_eq(&status.to_string());
    }

    #[test]
    fn instances_are_killed_by_id() {
        let mut fixture = Fixture::new();
        fixture.send(Method::Post, "/v2/pods", template());
        fixture.run("/p", 2);
        let told = fixture.told(Method::Delete, "/v2/pods/p::instances/p.instance-1", Value::Null);
        assert!(told.starts_with(r#"200 {"instanceId":{"idString":"p.instance-1"}"#), "{told}");
        let told = fixture.told(Method::Delete, "/v2/pods/p::instances/p.instance-7", Value::Null);
        assert!(told.starts_with("404 "), "{told}");
        let both = json!(["p.instance-0", "p.instance-1"]);
        match fixture.send(Method::Delete, "/v2/pods/p::instances", both).body {
            Body::Json(all) => assert_eq!(all.as_array().map(Vec::len), Some(2)),
            other => panic!("{other:?}"),
        }
    }
}
