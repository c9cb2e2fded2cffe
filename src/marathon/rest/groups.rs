//! `/v2/groups` (`GroupsResource`).

use super::apps::{of_group, path, update};
use super::command::{Answer, Outcome};
use super::embed::{self, Embed};
use super::reply as answers;
use super::route::{Routed, flag, not_allowed, reply};
use super::show::Shown;
use super::view::View;
use crate::base::id::Symbol;
use crate::http::{Method, Request};
use crate::marathon::group::change::Change;
use crate::marathon::group::{tree, update as path_of_writes};
use crate::marathon::model::group::Group;
use crate::marathon::model::json::{self, tables, write};
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::Rejection;
use crate::marathon::model::version::Version;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn route(request: &Request, rest: &[&str], view: &dyn View) -> Routed {
    use Method as M;
    match (request.method, rest) {
        (M::Get, [id @ .., "apps"]) => {
            let group = group(&path(id), view)?;
            Ok(reply(200, json!({ "apps": of_group(group, Embed::of_apps(request), view) })))
        }
        (M::Get, [id @ .., "versions"]) => {
            group(&path(id), view)?;
            let versions: Value = view.group_versions().iter().map(|v| Value::from(v.to_string())).collect();
            Ok(reply(200, versions))
        }
        (M::Get, [id @ .., "versions", version]) => {
            let (id, unknown) = (path(id), || Rejection::Bad(format!("`{version}` is no instant")));
            let version = Version::parse(version).ok_or_else(unknown)?;
            let root = view.root_at(version).ok_or_else(|| missing(&id))?;
            Ok(shown(request, root.group(&id).ok_or_else(|| missing(&id))?, view))
        }
        (M::Get, id) => Ok(shown(request, group(&path(id), view)?, view)),
        (M::Post, id) => put(request, &path(id), true, view),
        (M::Put, id) => put(request, &path(id), false, view),
        (M::Patch, id) => patch(request, &path(id), view),
        (M::Delete, id) => {
            let id = path(id);
            let force = flag(request, "force", false);
            Ok(update(request, Change::DeleteGroup(id.clone()), force, Answer::Deployment, id.parent()))
        }
        (M::Head, _) => not_allowed(),
    }
}

fn missing(id: &PathId) -> Rejection {
    Rejection::Missing { kind: "Group", id: id.clone(), version: None }
}

fn group<'a>(id: &PathId, view: &'a dyn View) -> Result<&'a Group, Rejection> {
    view.root().group(id).ok_or_else(|| missing(id))
}

fn shown(request: &Request, group: &Group, view: &dyn View) -> Outcome {
    let (parts, embed) = embed::of_group(request);
    let apps = Shown::new(embed, view);
    let body = write::group(group, &parts, &mut |spec| match spec.pod() {
        Some(_) => Some(write::run_spec(spec)),
        None => Some(apps.app(spec)),
    });
    reply(200, body)
}

fn put(request: &Request, at: &PathId, must_be_new: bool, view: &dyn View) -> Routed {
    let fields = json::object(&json::parse(&request.body)?, &tables::GROUP, false)?;
    let id = match fields.get("id").and_then(Value::as_str) {
        Some(text) => PathId::resolve(text, at),
        None => at.clone(),
    };
    let only = |name: &str| match fields.keys().filter(|field| *field != "id").count() {
        1 => Ok(()),
        _ => Err(Rejection::invalid(format!("/{name}"), "not allowed in conjunction with other properties.")),
    };
    let change = if let Some(text) = fields.get("version").and_then(Value::as_str) {
        only("version")?;
        let unknown = || Rejection::invalid("/version", format!("Group {id} not available in version {text}"));
        let to = Version::parse(text).ok_or_else(unknown)?;
        let old = view.root_at(to).and_then(|root| root.group(&id).cloned()).ok_or_else(unknown)?;
        Change::RevertGroup { group: id.clone(), to, old: Arc::new(old) }
    } else if let Some(factor) = fields.get("scaleBy").and_then(Value::as_f64) {
        only("scaleBy")?;
        Change::ScaleGroup { group: id.clone(), factor }
    } else {
        Change::PutGroup { group: id.clone(), tree: fields, must_be_new }
    };
    if flag(request, "dryRun", false) && !must_be_new {
        let root = view.root();
        let version = Version::next(view.wall(), root.version);
        let updated = path_of_writes::update(root, &change, version, Symbol::default(), view.flags())?;
        return Ok(match updated.plan {
            Some(plan) => Outcome::Reply(answers::dry_run(&plan)),
            None => reply(200, json!({ "steps": [] })),
        });
    }
    let answer = if must_be_new { Answer::GroupCreated(id) } else { Answer::Deployment };
    Ok(update(request, change, flag(request, "force", false), answer, at.parent()))
}

fn patch(request: &Request, id: &PathId, view: &dyn View) -> Routed {
    let fields = json::object(&json::parse(&request.body)?, &tables::GROUP_PATCH, false)?;
    if !tree::is_top(id) {
        return Err(Rejection::invalid("/", format!("{id} is not a top-level group")));
    }
    group(id, view)?;
    let default = view.flags().enforce_role_of_new_groups;
    let enforce = fields.get("enforceRole").and_then(Value::as_bool).unwrap_or(default);
    let change = Change::EnforceRole { group: id.clone(), enforce };
    Ok(update(request, change, false, Answer::Deployment, id.parent()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;
    use crate::http::Body;
    use expect_test::expect;

    fn body(fixture: &mut Fixture, url: &str) -> Value {
        match fixture.send(Method::Get, url, Value::Null).body {
            Body::Json(value) => value,
            other => panic!("{other:?}"),
        }
    }
    fn shop() -> Value {
        json!({ "id": "/shop", "apps": [{ "id": "web", "cmd": "run" }], "groups": [
            { "id": "db", "apps": [{ "id": "mongo", "cmd": "run" }] }] })
    }

    #[test]
    fn groups_are_made_shown_and_deleted() {
        let mut fixture = Fixture::new();
        let told = fixture.told(Method::Post, "/v2/groups", shop());
        let result = r#"{"version":"2026-01-01T00:00:01.000Z","deploymentId":"deployment-1"}"#;
        assert_eq!(told, format!("201 Marathon-Deployment-Id=deployment-1 Location=/shop {result}"));
        assert_eq!(fixture.send(Method::Post, "/v2/groups", shop()).status, 409);
        let group = body(&mut fixture, "/v2/groups/shop?embed=group.groups");
        expect![[r#"{"id":"/shop","dependencies":[],"groups":[{"id":"/shop/db","dependencies":[],"groups":[],"version":"2026-01-01T00:00:01.000Z"}],"version":"2026-01-01T00:00:01.000Z","enforceRole":false}"#]].assert_eq(&group.to_string());
        let all = body(&mut fixture, "/v2/groups");
        assert_eq!(all["groups"][0]["groups"][0]["apps"][0]["id"], "/shop/db/mongo");
        assert_eq!(body(&mut fixture, "/v2/groups/shop/apps")["apps"].as_array().map(Vec::len), Some(2));
        assert_eq!(fixture.send(Method::Delete, "/v2/groups/shop/db", Value::Null).status, 200);
        assert_eq!(fixture.send(Method::Get, "/v2/groups/shop/db", Value::Null).status, 404);
    }

    #[test]
    fn a_dry_run_tells_the_steps_and_changes_nothing() {
        let mut fixture = Fixture::new();
        let told = fixture.told(Method::Put, "/v2/groups?dryRun=true", shop());
        expect![[r#"200 {"steps":[{"actions":[{"action":"StartApplication","app":"/shop/db/mongo"},{"action":"StartApplication","app":"/shop/web"}]},{"actions":[{"action":"ScaleApplication","app":"/shop/db/mongo"},{"action":"ScaleApplication","app":"/shop/web"}]}]}"#]].assert_eq(&told);
        assert_eq!(fixture.roots.len(), 1);
    }

    #[test]
    fn scaling_and_going_back_stand_alone() {
        let mut fixture = Fixture::new();
        fixture.send(Method::Post, "/v2/groups", shop());
        assert_eq!(fixture.send(Method::Put, "/v2/groups/shop", json!({ "scaleBy": 2.5 })).status, 200);
        assert_eq!(fixture.spec("/shop/web").instances, 3);
        let first = body(&mut fixture, "/v2/groups/shop/versions")[1].clone();
        let both = fixture.told(Method::Put, "/v2/groups/shop", json!({ "version": first, "scaleBy": 1 }));
        assert!(both.starts_with("422 ") && both.contains("/version"), "{both}");
        assert_eq!(fixture.send(Method::Put, "/v2/groups/shop", json!({ "version": first })).status, 200);
        assert_eq!(fixture.spec("/shop/web").instances, 1);
        let url = format!("/v2/groups/shop/versions/{}", first.as_str().expect("a text"));
        assert_eq!(body(&mut fixture, &url)["apps"][0]["instances"], 1);
    }

    #[test]
    fn a_patch_sets_the_role_alone() {
        let mut fixture = Fixture::new();
        fixture.send(Method::Post, "/v2/groups", shop());
        let before = fixture.root().version;
        assert_eq!(fixture.told(Method::Patch, "/v2/groups/shop", json!({ "enforceRole": true })), "200");
        assert_eq!(fixture.root().version, before);
        assert_eq!(body(&mut fixture, "/v2/groups/shop")["enforceRole"], true);
        assert_eq!(fixture.send(Method::Patch, "/v2/groups/shop/db", json!({ "enforceRole": true })).status, 422);
        assert_eq!(fixture.send(Method::Patch, "/v2/groups/gone", json!({})).status, 404);
    }
}
