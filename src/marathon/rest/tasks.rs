//! `/v2/tasks` (`TasksResource`), kills of an app's tasks (`TaskKiller`), `/v2/deployments`.

use super::apps::{app, unknown, update};
use super::command::{Answer, Command, Outcome};
use super::route::{Routed, flag, not_allowed, nowhere, reply};
use super::show;
use super::view::{View, instance_of_task};
use crate::base::id::Symbol;
use crate::fact::Condition;
use crate::http::{Body, Method, Request, Response};
use crate::marathon::group::change::{Change, KillAndScale};
use crate::marathon::model::instance::{Instance, is_active};
use crate::marathon::model::json::{self, tables};
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::Rejection;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn route(request: &Request, rest: &[&str], view: &dyn View) -> Routed {
    match (request.method, rest) {
        // Requests carry no headers; this stands for `Accept: text/plain`.
        (Method::Get, []) if request.parameter("accept") == Some("text/plain") => {
            let refused = || Response::json(406, json!({ "message": "Not Acceptable" }));
            Ok(Outcome::Reply(if view.flags().text_plain_tasks { as_text(view) } else { refused() }))
        }
        (Method::Get, []) => list(request, view),
        (Method::Post, ["delete"]) => kill_many(request, view),
        (_, [] | ["delete"]) => not_allowed(),
        _ => nowhere(view),
    }
}

fn list(request: &Request, view: &dyn View) -> Routed {
    let words = request.query.iter().filter(|(name, _)| name == "status" || name == "status[]");
    let wanted: Vec<Condition> = words
        .filter_map(|(_, word)| match word.to_lowercase().as_str() {
            "running" => Some(Condition::Running),
            "staging" => Some(Condition::Staging),
            _ => None,
        })
        .collect();
    let mut tasks = Vec::new();
    for id in view.specs_with_instances() {
        // Tasks of what has left the root are not shown.
        let Some(spec) = view.root().spec(&id).filter(|spec| spec.app().is_some()) else { continue };
        let ports = spec.service_ports();
        for instance in view.instances(&id) {
            if wanted.is_empty() || wanted.contains(&instance.state.condition) {
                tasks.extend(show::tasks(instance, &ports, view));
            }
        }
    }
    Ok(reply(200, json!({ "tasks": tasks })))
}

/// Tasks in the text form that releases before 1.11 gave and discovery scripts read: one line an
/// app and service port. Not part of 1.11, which answers 406.
fn as_text(view: &dyn View) -> Response {
    let mut text = String::new();
    for spec in view.root().all_specs().values().filter(|spec| spec.app().is_some()) {
        let healthy = |instance: &&Instance| {
            instance.state.condition == Condition::Running && view.health(instance.id).iter().all(|h| h.alive())
        };
        let instances: Vec<&Instance> = view.instances(&spec.id).into_iter().filter(healthy).collect();
        let host = |instance: &Instance| {
            instance.place.as_ref().map_or(String::new(), |place| view.names().text(place.info.hostname).to_owned())
        };
        let ports = spec.service_ports();
        if ports.is_empty() {
            let hosts: String = instances.iter().map(|instance| format!("{}\t", host(instance))).collect();
            text += &format!("{}\t \t{hosts}\n", spec.id.safe());
        }
        for (i, port) in ports.iter().enumerate() {
            let mut line = format!("{}\t{port}\t", spec.id.safe());
            for instance in &instances {
                let own = instance.tasks.first().and_then(|task| task.host_ports.get(i));
                line += &format!("{}:{}\t", host(instance), own.copied().unwrap_or(0));
            }
            text += &format!("{line}\n");
        }
    }
    Response { status: 200, headers: vec![("Content-Type", "text/plain".to_owned())], body: Body::Text(text) }
}

fn scale_and_wipe(request: &Request) -> Result<(bool, bool), Rejection> {
    let (scale, wipe) = (flag(request, "scale", false), flag(request, "wipe", false));
    if scale && wipe {
        return Err(Rejection::Bad("You cannot use scale and wipe at the same time.".to_owned()));
    }
    Ok((scale, wipe))
}

/// The victims of each spec and how many of them make the spec smaller.
fn kill_and_scale(victims: &[&Instance]) -> BTreeMap<PathId, KillAndScale> {
    let mut kill: BTreeMap<PathId, KillAndScale> = BTreeMap::new();
    for instance in victims {
        let own = kill.entry(instance.spec.id.clone()).or_default();
        own.instances.push(instance.id.0);
        let condition = instance.state.condition;
        own.fewer += u32::from(is_active(condition) && condition != Condition::Killing);
    }
    kill
}

fn kill(victims: &[&Instance], wipe: bool, reply: Response) -> Outcome {
    // Without wipe there is nothing to do for those that do not run; they are listed all the same.
    let concerned = victims.iter().filter(|instance| wipe || is_active(instance.state.condition));
    Outcome::Command(Command::Kill { instances: concerned.map(|instance| instance.id).collect(), wipe, reply })
}

/// `DELETE /v2/apps/x/tasks` and `.../tasks/t`.
pub(super) fn kill_of_app(request: &Request, id: &PathId, task: Option<&str>, view: &dyn View) -> Routed {
    let (scale, wipe) = scale_and_wipe(request)?;
    let host = request.parameter("host").filter(|_| task.is_none());
    let named = task.map(|task| instance_of_task(view.names(), task));
    let wanted = |instance: &&Instance| {
        let on_host = host.is_none_or(|host| {
            let own = instance.place.as_ref().map(|place| view.names().text(place.info.hostname));
            host == "*" || own == Some(host)
        });
        on_host && named.is_none_or(|named| named == Some(instance.id))
    };
    let mut victims: Vec<&Instance> = view.instances(id).into_iter().filter(wanted).collect();
    if scale {
        if view.instances(id).is_empty() {
            return Err(Rejection::NotFound(format!("Path '{id}' does not exist")));
        }
        victims.retain(|instance| is_active(instance.state.condition));
        let mut kill = kill_and_scale(&victims);
        kill.entry(id.clone()).or_default();
        let force = flag(request, "force", false);
        return Ok(update(request, Change::KillAndScale(kill), force, Answer::Deployment, PathId::root()));
    }
    app(id, view).map_err(|_| unknown(id))?;
    let mut shown = victims.iter().filter_map(|instance| show::tasks(instance, &[], view).into_iter().next());
    let body = match task {
        Some(task) if victims.is_empty() => {
            return Err(Rejection::NotFound(format!("Task '{task}' does not exist")));
        }
        Some(_) => json!({ "task": shown.next() }),
        None => json!({ "tasks": shown.collect::<Value>() }),
    };
    Ok(kill(&victims, wipe, Response::json(200, body)))
}

/// `POST /v2/tasks/delete`.
fn kill_many(request: &Request, view: &dyn View) -> Routed {
    let (scale, wipe) = scale_and_wipe(request)?;
    let fields = json::object(&json::parse(&request.body)?, &tables::TASK_IDS, false)?;
    let mut victims: Vec<&Instance> = Vec::new();
    for task in fields["ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if task.rsplit('.').count() < 3 && !task.contains(".instance-") {
            return Err(Rejection::Bad(format!("Invalid task id '{task}'.")));
        }
        let found = instance_of_task(view.names(), task).and_then(|id| view.instance(id));
        victims.extend(found.filter(|found| victims.iter().all(|known| known.id != found.id)));
    }
    if scale {
        let force = flag(request, "force", false);
        let change = Change::KillAndScale(kill_and_scale(&victims));
        return Ok(update(request, change, force, Answer::Deployment, PathId::root()));
    }
    victims.retain(|instance| view.root().spec(&instance.spec.id).is_some());
    let shown: Value = victims.iter().flat_map(|instance| show::tasks(instance, &[], view)).collect();
    Ok(kill(&victims, wipe, Response::json(200, json!({ "tasks": shown }))))
}

/// `/v2/deployments`.
pub(super) fn deployments(request: &Request, rest: &[&str], view: &dyn View) -> Routed {
    match (request.method, rest) {
        (Method::Get, []) => {
            let all = view.deployments();
            let shown: Value = all.iter().map(|running| show::deployment(running, view.names())).collect();
            Ok(reply(200, shown))
        }
        (Method::Delete, [id]) => {
            let all = view.deployments();
            let found = all.iter().find(|running| view.names().text(running.plan.id) == *id);
            let Some(running) = found else {
                return Err(Rejection::NotFound(format!("DeploymentPlan {id} does not exist")));
            };
            if flag(request, "force", false) {
                let deployment: Symbol = running.plan.id;
                return Ok(Outcome::Command(Command::Cancel { deployment, reply: Response::empty(202) }));
            }
            let change = Change::Rollback(Arc::clone(&running.plan));
            Ok(update(request, change, true, Answer::Deployment, PathId::root()))
        }
        (_, [] | [_]) => not_allowed(),
        _ => nowhere(view),
    }
}

#[cfg(test)]
mod tests {
    use super::super::command::Update;
    use super::super::testing::{Fixture, app as template, request};
    use super::super::view::Running;
    use super::*;

    fn fixture() -> Fixture {
        let mut fixture = Fixture::new();
        fixture.deploy(template("/web"));
        fixture.run("/web", 2);
        fixture
    }
    fn command(fixture: &Fixture, method: Method, url: &str, body: Value) -> Command {
        match super::super::route(&request(method, url, body), fixture) {
            Outcome::Command(command) => command,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tasks_are_listed_by_status() {
        let mut fixture = fixture();
        fixture.instances[1].state.condition = Condition::Staging;
        let mut hosts = |query: &str| match fixture.send(Method::Get, &format!("/v2/tasks{query}"), Value::Null).body {
            Body::Json(body) => body["tasks"].as_array().map_or(0, Vec::len),
            other => panic!("{other:?}"),
        };
        assert_eq!((hosts(""), hosts("?status=running"), hosts("?status[]=staging"), hosts("?status=x")), (2, 1, 1, 2));
    }

    #[test]
    fn a_kill_shows_its_victims_and_spares_goals() {
        let fixture = fixture();
        let killed = command(&fixture, Method::Delete, "/v2/apps/web/tasks?host=host-1", Value::Null);
        let Command::Kill { instances, wipe: false, reply } = killed else { panic!("{killed:?}") };
        assert_eq!(instances, [fixture.instances[1].id]);
        assert!(matches!(reply.body, Body::Json(body) if body["tasks"][0]["id"] == "web.instance-1._app.1"));
        let one = command(&fixture, Method::Delete, "/v2/apps/web/tasks/web.instance-0._app.1?wipe=true", Value::Null);
        let Command::Kill { wipe: true, reply, .. } = one else { panic!("{one:?}") };
        assert!(matches!(reply.body, Body::Json(body) if body["task"]["host"] == "host-0"));
        let ids = json!({ "ids": ["web.instance-0._app.1", "web.instance-1._app.1", "web.instance-9._app.1"] });
        let many = command(&fixture, Method::Post, "/v2/tasks/delete", ids);
        assert!(matches!(many, Command::Kill { instances, .. } if instances.len() == 2));
    }

    #[test]
    fn a_kill_with_scale_is_a_deployment() {
        let mut fixture = fixture();
        fixture.instances[1].state.condition = Condition::Killing;
        let killed = command(&fixture, Method::Delete, "/v2/apps/web/tasks?scale=true", Value::Null);
        let Command::Update(Update { change: Change::KillAndScale(kill), force: false, .. }) = killed else {
            panic!("{killed:?}")
        };
        let own = &kill[&PathId::absolute("/web")];
        assert_eq!((own.instances.len(), own.fewer), (2, 1));
        assert_eq!(fixture.send(Method::Delete, "/v2/apps/web/tasks?scale=true", Value::Null).status, 200);
        assert_eq!(fixture.spec("/web").instances, 1);
    }

    #[test]
    fn wrong_kills_are_refused() {
        let mut fixture = fixture();
        let both = fixture.told(Method::Delete, "/v2/apps/web/tasks?scale=true&wipe=true", Value::Null);
        assert_eq!(both, r#"400 {"message":"You cannot use scale and wipe at the same time."}"#);
        let gone = fixture.told(Method::Delete, "/v2/apps/web/tasks/web.instance-7._app.1", Value::Null);
        assert_eq!(gone, r#"404 {"message":"Task 'web.instance-7._app.1' does not exist"}"#);
        assert_eq!(fixture.send(Method::Delete, "/v2/apps/gone/tasks", Value::Null).status, 404);
        assert_eq!(fixture.send(Method::Post, "/v2/tasks/delete", json!({ "ids": ["x"] })).status, 400);
        assert_eq!(fixture.send(Method::Post, "/v2/tasks/delete", json!({})).status, 400);
    }

    #[test]
    fn deployments_are_cancelled_or_rolled_back() {
        let mut fixture = fixture();
        let plan = fixture.deploy(template("/other"));
        fixture.deployments.push(Running { plan: Arc::clone(&plan), step: 1, readiness: Vec::new() });
        let url = "/v2/deployments/deployment-2";
        let cancel = command(&fixture, Method::Delete, &format!("{url}?force=true"), Value::Null);
        assert!(
            matches!(cancel, Command::Cancel { deployment, reply } if deployment == plan.id && reply.status == 202)
        );
        assert_eq!(fixture.send(Method::Delete, url, Value::Null).status, 200);
        assert!(fixture.root().spec(&PathId::absolute("/other")).is_none());
        let gone = fixture.told(Method::Delete, "/v2/deployments/x", Value::Null);
        assert_eq!(gone, r#"404 {"message":"DeploymentPlan x does not exist"}"#);
    }

    #[test]
    fn the_old_text_form_lists_healthy_tasks() {
        let mut fixture = fixture();
        fixture.healthy(1, false);
        let url = "/v2/tasks?accept=text/plain";
        assert_eq!(fixture.send(Method::Get, url, Value::Null).status, 406);
        fixture.flags.text_plain_tasks = true;
        let told = fixture.told(Method::Get, url, Value::Null);
        assert_eq!(told, "200 Content-Type=text/plain web\t10000\thost-0:31000\t\n");
    }
}
