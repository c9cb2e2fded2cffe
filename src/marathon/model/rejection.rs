//! Why a request is refused, and the answer that says so.

use crate::http::Response;
use crate::marathon::model::path::PathId;
use crate::marathon::model::version::Version;
use serde_json::{Value, json};

/// What is wrong at one place of a body: `/constraints(0)` and all that is wrong there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detail {
    pub path: String,
    pub errors: Vec<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Rejection {
    /// 400, the body is no JSON.
    NotJson(String),
    /// 400, or 422 if `semantic`: the JSON does not have the form of what it should be.
    Malformed { details: Vec<Detail>, semantic: bool },
    /// 422, well-formed but not valid.
    Invalid(Vec<Detail>),
    /// 404 in the kind's word: `App`, `Pod`, `Group`.
    Missing { kind: &'static str, id: PathId, version: Option<Version> },
    /// 404 with this text.
    NotFound(String),
    /// 409: there is something of that name.
    Exists(String),
    /// 400 with this text.
    Bad(String),
    /// 403: too many deployments run.
    TooManyDeployments(usize),
    /// 503: the queue of updates is full.
    TooManyUpdates(usize),
    /// 500 with this text.
    Failed(String),
}

impl Rejection {
    /// One thing wrong at one place.
    #[must_use]
    pub fn invalid(path: impl Into<String>, error: impl Into<String>) -> Self {
        Self::Invalid(vec![Detail { path: path.into(), errors: vec![error.into()] }])
    }

    /// In one line, as `reason` of `group_change_failed`.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.response().body {
            crate::http::Body::Json(body) => body["message"].as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        }
    }

    #[must_use]
    pub fn response(&self) -> Response {
        let plain = |status: u16, message: String| Response::json(status, json!({ "message": message }));
        match self {
            Self::NotJson(text) => Response::json(400, json!({ "message": "Invalid JSON", "details": text })),
            Self::Malformed { details, semantic } => {
                let status = if *semantic { 422 } else { 400 };
                Response::json(status, json!({ "message": "Invalid JSON", "details": listed(details) }))
            }
            Self::Invalid(details) => {
                Response::json(422, json!({ "message": "Object is not valid", "details": listed(details) }))
            }
            Self::Missing { kind, id, version: None } => plain(404, format!("{kind} '{id}' does not exist")),
            Self::Missing { kind, id, version: Some(version) } => {
                plain(404, format!("{kind} '{id}' in version '{version}' does not exist"))
            }
            Self::NotFound(text) => plain(404, text.clone()),
            Self::Exists(text) => plain(409, text.clone()),
            Self::Bad(text) => plain(400, text.clone()),
            Self::TooManyDeployments(most) => {
                plain(403, format!("Max number of running deployments has been reached: {most}"))
            }
            Self::TooManyUpdates(most) => {
                plain(503, format!("Max queue size of root group updates has been reached: {most}"))
            }
            Self::Failed(text) => plain(500, text.clone()),
        }
    }
}

fn listed(details: &[Detail]) -> Value {
    details.iter().map(|d| json!({ "path": d.path, "errors": d.errors })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_status_and_says_why() {
        let missing = Rejection::Missing { kind: "App", id: PathId::absolute("/x"), version: None };
        assert_eq!(missing.response().status, 404);
        assert_eq!(missing.reason(), "App '/x' does not exist");
        let invalid = Rejection::invalid("/instances", "must be at least 0");
        let body = json!({
            "message": "Object is not valid",
            "details": [{ "path": "/instances", "errors": ["must be at least 0"] }],
        });
        assert_eq!(invalid.response(), Response::json(422, body));
        let malformed = |semantic| Rejection::Malformed { details: vec![], semantic }.response().status;
        assert_eq!((malformed(false), malformed(true)), (400, 422));
    }
}
