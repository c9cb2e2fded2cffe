//! Answers to what the state machine has carried out or refused.

use super::command::Answer;
use super::show;
use super::view::View;
use crate::base::id::{Names, Symbol};
use crate::http::{Body, Response};
use crate::marathon::group::update::Updated;
use crate::marathon::model::json::write;
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::Plan;
use crate::marathon::model::rejection::Rejection;
use serde_json::{Value, json};

pub const DEPLOYMENT_HEADER: &str = "Marathon-Deployment-Id";

/// The update has been stored and its deployment begun.
#[must_use]
pub fn updated(answer: &Answer, updated: &Updated, view: &dyn View) -> Response {
    // `PATCH` of a group changes no version and deploys nothing.
    let Some(plan) = &updated.plan else { return Response::empty(200) };
    let names = view.names();
    let id = names.text(plan.id);
    let result = |status: u16| {
        let body = json!({ "version": plan.version.to_string(), "deploymentId": id });
        Response::json(status, body).with(DEPLOYMENT_HEADER, id)
    };
    let spec = |id: &PathId| updated.root.spec(id);
    match answer {
        Answer::Deployment => result(200),
        Answer::Put(path) if plan.original.spec(path).is_some() => result(200),
        Answer::Put(path) | Answer::GroupCreated(path) => result(201).with("Location", path.as_str()),
        Answer::AppCreated(path) => {
            let Some(app) = spec(path) else { return result(201) };
            let mut body = write::run_spec(app);
            for count in ["tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy"] {
                body[count] = json!(0);
            }
            body["deployments"] = json!([{ "id": id }]);
            Response::json(201, body).with("Location", path.as_str()).with(DEPLOYMENT_HEADER, id)
        }
        Answer::PodCreated(path) => {
            pod(201, spec(path).map(|pod| write::run_spec(pod)), id).with("Location", path.as_str())
        }
        Answer::PodUpdated(path) => pod(200, spec(path).map(|pod| write::run_spec(pod)), id),
        Answer::PodDeleted => Response::empty(202).with("Location", id).with(DEPLOYMENT_HEADER, id),
        Answer::PodInstancesKilled(instances) => Response::json(200, instances.clone()),
    }
}

fn pod(status: u16, body: Option<Value>, deployment: &str) -> Response {
    Response::json(status, body.unwrap_or_default()).with(DEPLOYMENT_HEADER, deployment)
}

/// The update was refused.
#[must_use]
pub fn refused(rejection: &Rejection) -> Response {
    rejection.response()
}

/// Other deployments hold a spec of the plan, and there was no `force`.
#[must_use]
pub fn locked(deployments: &[Symbol], names: &Names) -> Response {
    let message = "The app is locked by one or more deployments. Send the request with `?force=true` to override \
                   them; look at them under '/v2/deployments/<DEPLOYMENT_ID>'.";
    let ids: Value = deployments.iter().map(|id| json!({ "id": names.text(*id) })).collect();
    Response::json(409, json!({ "message": message, "deployments": ids }))
}

/// The store did not answer in time.
#[must_use]
pub fn timed_out() -> Response {
    Response::json(503, json!({ "message": "the request took too long" }))
}

/// More requests at a time than `http_max_concurrent_requests`.
#[must_use]
pub fn too_busy() -> Response {
    Response { status: 503, headers: Vec::new(), body: Body::Text("too many concurrent requests".to_owned()) }
}

/// A standby that knows no leader.
#[must_use]
pub fn no_leader() -> Response {
    let body = Body::Text("Could not determine the current leader".to_owned());
    Response { status: 502, headers: Vec::new(), body }
}

/// A standby got a request from another standby.
#[must_use]
pub fn proxy_loop() -> Response {
    Response { status: 502, headers: Vec::new(), body: Body::Text("Detected proxying loop.".to_owned()) }
}

/// Steps of a plan that nobody carries out.
#[must_use]
pub(super) fn dry_run(plan: &Plan) -> Response {
    let steps: Value = plan.steps.iter().map(|actions| show::step(actions)).collect();
    Response::json(200, json!({ "steps": steps }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, app};
    use super::*;
    use crate::http::Method;

    #[test]
    fn conflicts_name_the_deployments() {
        let mut names = Names::default();
        let id = names.intern("d-1");
        let response = locked(&[id], &names);
        let Body::Json(body) = &response.body else { panic!("{response:?}") };
        assert_eq!((response.status, &body["deployments"]), (409, &json!([{ "id": "d-1" }])));
        assert!(body["message"].as_str().is_some_and(|text| text.contains("force=true")));
    }

    #[test]
    fn an_update_answers_with_version_and_deployment() {
        let mut fixture = Fixture::new();
        fixture.deploy(app("/web"));
        let told = fixture.told(Method::Put, "/v2/apps/web", json!({ "instances": 5 }));
        let body = r#"{"version":"2026-01-01T00:00:02.000Z","deploymentId":"deployment-2"}"#;
        assert_eq!(told, format!("200 Marathon-Deployment-Id=deployment-2 {body}"));
        let told = fixture.told(Method::Put, "/v2/apps/new", json!({ "cmd": "run" }));
        assert!(told.starts_with("201 Marathon-Deployment-Id=deployment-3 Location=/new {"), "{told}");
    }
}
