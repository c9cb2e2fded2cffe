//! From method and path to a resource. Doubled slashes count as one, as clients send them.

use super::command::{Command, Outcome};
use super::view::View;
use super::{apps, groups, info, pods, queue, subscriptions, tasks};
use crate::http::{Method, Request, Response};
use crate::marathon::model::rejection::Rejection;
use serde_json::{Value, json};

/// What becomes of a request.
#[must_use]
pub fn route(request: &Request, view: &dyn View) -> Outcome {
    let path: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
    if !view.is_leader() {
        return match (&path[..], view.leader()) {
            // Streams are not passed on: the client is sent to the leader.
            (["v2", "events"], Some(leader)) if request.hops == 0 => {
                Outcome::Reply(Response::empty(302).with("Location", format!("http://{leader}/v2/events")))
            }
            _ => Outcome::Forward,
        };
    }
    resource(request, &path, view).unwrap_or_else(|refused| Outcome::Reply(refused.response()))
}

/// Either what to do, or why not.
pub(super) type Routed = Result<Outcome, Rejection>;

fn resource(request: &Request, path: &[&str], view: &dyn View) -> Routed {
    match path {
        ["v2", "apps", rest @ ..] => apps::route(request, rest, view),
        ["v2", "groups", rest @ ..] => groups::route(request, rest, view),
        ["v2", "pods", rest @ ..] => pods::route(request, rest, view),
        // `/v2/pods::status` without a slash.
        ["v2", "pods::status"] => pods::route(request, &["::status"], view),
        ["v2", "tasks", rest @ ..] => tasks::route(request, rest, view),
        ["v2", "deployments", rest @ ..] => tasks::deployments(request, rest, view),
        ["v2", "queue", rest @ ..] => queue::route(request, rest, view),
        ["v2", "eventSubscriptions"] => subscriptions::route(request, view),
        ["v2", "events"] if request.method == Method::Get => {
            let types = request.query.iter().filter(|(name, _)| name == "event_type").map(|(_, word)| word.clone());
            Ok(Outcome::Command(Command::Attach { types: types.collect() }))
        }
        _ => info::route(request, path, view),
    }
}

/// A path that nobody serves. Quirk: 500, not 404.
pub(super) fn nowhere(view: &dyn View) -> Routed {
    let status = if view.flags().mended { 404 } else { 500 };
    Ok(reply(status, json!({ "message": "URI not found" })))
}

/// A path that is served, but not with this method.
pub(super) fn not_allowed() -> Routed {
    Ok(reply(405, json!({ "message": "Method Not Allowed" })))
}

pub(super) fn reply(status: u16, body: Value) -> Outcome {
    Outcome::Reply(Response::json(status, body))
}

/// A flag in the query.
pub(super) fn flag(request: &Request, name: &str, default: bool) -> bool {
    request.parameter(name).map_or(default, |text| text.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, app, get};
    use super::*;

    #[test]
    fn unknown_places_and_methods_are_told_apart() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.told(Method::Get, "/v3", Value::Null), r#"500 {"message":"URI not found"}"#);
        assert_eq!(fixture.send(Method::Post, "/v2/leader", Value::Null).status, 405);
        fixture.flags.mended = true;
        assert_eq!(fixture.send(Method::Get, "/v3", Value::Null).status, 404);
        fixture.deploy(app("/a"));
        assert_eq!(fixture.send(Method::Get, "//v2//apps//a", Value::Null).status, 200);
    }

    #[test]
    fn a_standby_passes_on_and_redirects_streams() {
        let mut fixture = Fixture::new();
        fixture.leads = false;
        assert_eq!(route(&get("/v2/apps"), &fixture), Outcome::Forward);
        let Outcome::Reply(response) = route(&get("/v2/events"), &fixture) else { panic!("a redirect") };
        assert_eq!(response.headers, [("Location", "http://marathon-2:8080/v2/events".to_owned())]);
        fixture.leads = true;
        let attach = Command::Attach { types: vec!["deployment_info".into()] };
        assert_eq!(route(&get("/v2/events?event_type=deployment_info"), &fixture), Outcome::Command(attach));
    }
}
