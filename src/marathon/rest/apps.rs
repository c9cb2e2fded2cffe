//! `/v2/apps` (`AppsResource`, `AppTasksResource`, `AppVersionsResource`).

use super::command::{Answer, Command, Outcome, Update};
use super::embed::Embed;
use super::route::{Routed, flag, not_allowed, nowhere, reply};
use super::show::{self, Shown};
use super::view::View;
use super::{selector, tasks};
use crate::http::{Method, Request};
use crate::marathon::group::change::Change;
use crate::marathon::group::define::{self, Context};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::group::Group;
use crate::marathon::model::json::{self, write};
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::Rejection;
use crate::marathon::model::version::Version;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn route(request: &Request, rest: &[&str], view: &dyn View) -> Routed {
    use Method as M;
    match (request.method, rest) {
        (M::Get, []) => list(request, view),
        (M::Post, []) => create(request, view),
        (M::Put | M::Patch, []) => put_all(request, view),
        (M::Post, [id @ .., "restart"]) if !id.is_empty() => restart(request, &path(id), view),
        // Quirk: `DELETE` of `/x/restart` deletes an app of that name, which there cannot be.
        (method, [id @ .., "tasks"]) if !id.is_empty() => match method {
            M::Get => tasks_of(id, view),
            M::Delete => tasks::kill_of_app(request, &path(id), None, view),
            _ => not_allowed(),
        },
        (M::Delete, [id @ .., "tasks", task]) if !id.is_empty() => {
            tasks::kill_of_app(request, &path(id), Some(task), view)
        }
        (M::Get, [id @ .., "versions"]) if !id.is_empty() => versions(&path(id), view),
        (M::Get, [id @ .., "versions", version]) if !id.is_empty() => version_of(&path(id), version, view),
        (M::Get, id) => one(request, id, view),
        (M::Put, id) => put(request, &path(id), true, view),
        (M::Patch, id) => put(request, &path(id), false, view),
        (M::Delete, id) => delete(request, &path(id)),
        (M::Head, []) => not_allowed(),
        (M::Head | M::Post, _) => nowhere(view),
    }
}

pub(super) fn path(parts: &[&str]) -> PathId {
    PathId::absolute(&parts.join("/"))
}

fn context<'a>(view: &'a dyn View) -> Context<'a> {
    Context { root: view.root(), flags: view.flags(), strict: false }
}

pub(super) fn unknown(id: &PathId) -> Rejection {
    Rejection::Missing { kind: "App", id: id.clone(), version: None }
}

/// The app; not a pod of that id.
pub(super) fn app<'a>(id: &PathId, view: &'a dyn View) -> Result<&'a Arc<RunSpec>, Rejection> {
    view.root().spec(id).filter(|spec| spec.app().is_some()).ok_or_else(|| unknown(id))
}

pub(super) fn update(request: &Request, change: Change, force: bool, answer: Answer, group: PathId) -> Outcome {
    Outcome::Command(Command::Update(Update { change, force, answer, group, uri: request.path.clone() }))
}

fn list(request: &Request, view: &dyn View) -> Routed {
    let embed = Embed { counts: true, deployments: true, ..Embed::of_apps(request) };
    let selectors = match request.parameter("label") {
        Some(text) => selector::parse(text).map_err(Rejection::Bad)?,
        None => Vec::new(),
    };
    let contains =
        |text: &str, part: Option<&str>| part.is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()));
    let (cmd, id) = (request.parameter("cmd"), request.parameter("id"));
    let wanted = |spec: &RunSpec| {
        let own = spec.app().and_then(|app| app.cmd.as_deref());
        (cmd.is_none() || own.is_some_and(|own| contains(own, cmd)))
            && contains(spec.id.as_str(), id)
            && selectors.iter().all(|selector| selector.matches(&spec.labels))
    };
    let specs = view.root().all_specs();
    let specs = specs.values().filter(|spec| spec.app().is_some() && wanted(spec));
    let shown = Shown::new(embed, view);
    Ok(reply(200, json!({ "apps": specs.map(|spec| shown.app(spec)).collect::<Value>() })))
}

/// Apps of a group and all below it.
pub(super) fn of_group(group: &Group, embed: Embed, view: &dyn View) -> Value {
    let specs = group.all_specs();
    let shown = Shown::new(embed, view);
    specs.values().filter(|spec| spec.app().is_some()).map(|spec| shown.app(spec)).collect()
}

fn one(request: &Request, id: &[&str], view: &dyn View) -> Routed {
    let embed = Embed { counts: true, tasks: true, last_failure: true, deployments: true, ..Embed::of_apps(request) };
    if let [group @ .., "*"] = id {
        let group = path(group);
        let found = view.root().group(&group);
        let found = found.ok_or(Rejection::Missing { kind: "Group", id: group, version: None })?;
        return Ok(reply(200, json!({ "*": of_group(found, embed, view) })));
    }
    let spec = app(&path(id), view)?;
    Ok(reply(200, json!({ "app": Shown::new(embed, view).app(spec) })))
}

fn create(request: &Request, view: &dyn View) -> Routed {
    let spec = define::app(&json::parse(&request.body)?, context(view))?;
    let (id, group) = (spec.id.clone(), spec.id.parent());
    let force = flag(request, "force", false);
    Ok(update(request, Change::Create(Arc::new(spec)), force, Answer::AppCreated(id), group))
}

fn put(request: &Request, id: &PathId, may_create: bool, view: &dyn View) -> Routed {
    let partial = !may_create || flag(request, "partialUpdate", true);
    let put = define::update(&json::parse(&request.body)?, Some(id), partial, may_create, context(view))?;
    let existing = view.root().spec(id).filter(|spec| spec.app().is_some());
    let change = match put.fields.get("version").and_then(Value::as_str).filter(|_| partial && existing.is_some()) {
        Some(text) => {
            let version = Version::parse(text).ok_or_else(|| Rejection::invalid("/version", "is no instant"))?;
            let to = view.spec_at(id, version).ok_or_else(|| unknown(id))?;
            Change::RevertApp { app: id.clone(), to }
        }
        None => {
            // What is wrong by itself is told at once, not when the update's turn comes.
            define::merged(&put, existing.map(Arc::as_ref), context(view)).map_err(|e| match existing {
                None if !may_create => unknown(id),
                _ => e,
            })?;
            Change::PutApps(vec![put])
        }
    };
    Ok(update(request, change, flag(request, "force", false), Answer::Put(id.clone()), id.parent()))
}

fn put_all(request: &Request, view: &dyn View) -> Routed {
    let creates = request.method == Method::Put;
    let partial = !creates || flag(request, "partialUpdate", true);
    let body = json::parse(&request.body)?;
    let Some(all) = body.as_array() else {
        // The shape says what is wrong.
        json::checked(&body, &json::tables::APP_UPDATES, false)?;
        return nowhere(view);
    };
    let puts: Result<Vec<_>, Rejection> =
        all.iter().map(|value| define::update(value, None, partial, creates, context(view))).collect();
    let force = flag(request, "force", false);
    Ok(update(request, Change::PutApps(puts?), force, Answer::Deployment, PathId::root()))
}

fn delete(request: &Request, id: &PathId) -> Routed {
    let change = Change::Delete { id: id.clone(), pod: false };
    Ok(update(request, change, flag(request, "force", true), Answer::Deployment, id.parent()))
}

fn restart(request: &Request, id: &PathId, view: &dyn View) -> Routed {
    app(id, view)?;
    let force = flag(request, "force", false);
    Ok(update(request, Change::Restart(id.clone()), force, Answer::Deployment, id.parent()))
}

fn tasks_of(id: &[&str], view: &dyn View) -> Routed {
    let specs = match id {
        [group @ .., "*"] => {
            let group = path(group);
            let found = view.root().group(&group);
            let found = found.ok_or(Rejection::Missing { kind: "Group", id: group, version: None })?;
            found.all_specs().into_iter().filter(|(_, spec)| spec.app().is_some()).map(|(id, _)| id.clone()).collect()
        }
        _ => vec![app(&path(id), view)?.id.clone()],
    };
    let instances = specs.iter().flat_map(|id| view.instances(id));
    let tasks: Value = instances.flat_map(|instance| show::tasks(instance, &[], view)).collect();
    Ok(reply(200, json!({ "tasks": tasks })))
}

fn versions(id: &PathId, view: &dyn View) -> Routed {
    app(id, view)?;
    let versions: Value = view.versions(id).iter().map(|v| Value::from(v.to_string())).collect();
    Ok(reply(200, json!({ "versions": versions })))
}

fn version_of(id: &PathId, version: &str, view: &dyn View) -> Routed {
    let Some(version) = Version::parse(version) else {
        return Err(Rejection::Bad(format!("`{version}` is no instant")));
    };
    let missing = Rejection::Missing { kind: "App", id: id.clone(), version: Some(version) };
    let spec = view.spec_at(id, version).ok_or(missing)?;
    Ok(reply(200, write::run_spec(&spec)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, app as template};
    use super::*;
    use crate::http::Body;
    use expect_test::expect;

    fn body(fixture: &mut Fixture, url: &str) -> Value {
        match fixture.send(Method::Get, url, Value::Null).body {
            Body::Json(value) => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_posted_app_comes_back_with_its_deployment() {
        let mut fixture = Fixture::new();
        let response = fixture.send(Method::Post, "/v2/apps", template("/web"));
        let Body::Json(app) = &response.body else { panic!("{response:?}") };
        assert_eq!(
            (response.status, &app["tasksRunning"], &app["deployments"][0]["id"]),
            (201, &json!(0), &json!("deployment-1"))
        );
        assert_eq!(response.headers[0], ("Location", "/web".to_owned()));
        let again = fixture.told(Method::Post, "/v2/apps", template("/web"));
        assert_eq!(again, r#"409 {"message":"An app with id [/web] already exists."}"#);
        let wrong = fixture.told(Method::Post, "/v2/apps", json!({ "id": "/x", "instances": "two", "cpus": 0 }));
        expect![[r#"400 {"message":"Invalid JSON","details":[{"path":"/cpus","errors":["error.min"]},{"path":"/instances","errors":["error.expected.jsnumber"]}]}"#]].assert_eq(&wrong);
    }

    #[test]
    fn lists_are_filtered() {
        let mut fixture = Fixture::new();
        fixture.deploy(json!({ "id": "/shop/web", "cmd": "Serve web", "labels": { "tier": "front" } }));
        fixture.deploy(json!({ "id": "/shop/db", "cmd": "mongod" }));
        let mut ids = |query: &str| {
            let apps = body(&mut fixture, &format!("/v2/apps?{query}"))["apps"].clone();
            apps.as_array().map(|apps| apps.iter().filter_map(|a| a["id"].as_str()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(ids("").as_deref(), Some("/shop/db /shop/web"));
        assert_eq!(ids("cmd=serve").as_deref(), Some("/shop/web"));
        assert_eq!(ids("id=DB").as_deref(), Some("/shop/db"));
        assert_eq!(ids("label=tier").as_deref(), Some("/shop/web"));
        let told = fixture.told(Method::Get, "/v2/apps?label=%3D%3D", Value::Null);
        assert!(told.starts_with("400 "), "{told}");
        assert_eq!(body(&mut fixture, "/v2/apps/shop/*")["*"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn one_app_shows_its_tasks_and_failure() {
        let mut fixture = Fixture::new();
        fixture.deploy(template("/web"));
        fixture.run("/web", 1);
        let app = body(&mut fixture, "/v2/apps/web")["app"].clone();
        assert_eq!((&app["tasksRunning"], &app["tasks"][0]["host"]), (&json!(1), &json!("host-0")));
        assert_eq!((app.get("taskStats"), app.get("lastTaskFailure")), (None, None));
        assert_eq!(body(&mut fixture, "/v2/apps/web/tasks")["tasks"][0]["id"], "web.instance-0._app.1");
        assert_eq!(body(&mut fixture, "/v2/apps/*/tasks")["tasks"].as_array().map(Vec::len), Some(1));
        let told = fixture.told(Method::Get, "/v2/apps/gone", Value::Null);
        assert_eq!(told, r#"404 {"message":"App '/gone' does not exist"}"#);
    }

    #[test]
    fn versions_are_listed_and_put_back() {
        let mut fixture = Fixture::new();
        fixture.deploy(template("/web"));
        fixture.send(Method::Put, "/v2/apps/web", json!({ "cmd": "other" }));
        let versions = body(&mut fixture, "/v2/apps/web/versions")["versions"].clone();
        assert_eq!(versions, json!(["2026-01-01T00:00:02.000Z", "2026-01-01T00:00:01.000Z"]));
        let first = versions[1].as_str().expect("a text").to_owned();
        assert_eq!(body(&mut fixture, &format!("/v2/apps/web/versions/{first}"))["cmd"], "run");
        assert_eq!(fixture.send(Method::Put, "/v2/apps/web", json!({ "version": first })).status, 200);
        let spec = fixture.spec("/web");
        assert_eq!(spec.app().and_then(|app| app.cmd.clone()).as_deref(), Some("run"));
        assert_eq!(spec.versions.version, fixture.root().version);
        let never = json!({ "version": "2020-01-01T00:00:00.000Z" });
        assert_eq!(fixture.send(Method::Put, "/v2/apps/web", never).status, 404);
    }

    #[test]
    fn writes_become_commands_with_their_force() {
        let mut fixture = Fixture::new();
        fixture.deploy(template("/web"));
        let command = |method: Method, url: &str, body: Value| match super::super::route(
            &super::super::testing::request(method, url, body),
            &fixture,
        ) {
            Outcome::Command(Command::Update(update)) => (update.change, update.force),
            other => panic!("{other:?}"),
        };
        let id = PathId::absolute("/web");
        assert_eq!(
            command(Method::Delete, "/v2/apps/web", Value::Null),
            (Change::Delete { id: id.clone(), pod: false }, true)
        );
        assert_eq!(command(Method::Post, "/v2/apps/web/restart?force=true", Value::Null), (Change::Restart(id), true));
        let (change, force) =
            command(Method::Put, "/v2/apps", json!([{ "id": "/web", "cpus": 2 }, { "id": "/n", "cmd": "run" }]));
        assert!(matches!(change, Change::PutApps(puts) if puts.len() == 2) && !force);
        assert_eq!(fixture.send(Method::Patch, "/v2/apps/gone", json!({ "cmd": "run" })).status, 404);
        assert_eq!(fixture.send(Method::Put, "/v2/apps/web", json!({ "args": ["x"] })).status, 422);
        assert_eq!(fixture.send(Method::Put, "/v2/apps", json!({ "id": "/web" })).status, 400);
    }
}
