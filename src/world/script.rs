//! `[[request]]` tables with `kind = "marathon"`: what an operator asks of Marathon's HTTP API, from
//! outside, over the network.

use super::build::Error;
use crate::base::time::Span;
use crate::frameworks::operator::{self, Scripted};
use crate::http::{Body, Method, Request};
use crate::scenario::model::{self, Scenario};
use serde::Deserialize;
use std::sync::Arc;

pub(super) const KIND: &str = "marathon";

/// How long the operator waits for an answer, and then before asking the next Marathon.
const TIMEOUT: Span = Span::from_secs(10);
const PAUSE: Span = Span::from_secs(1);
const ATTEMPTS: u32 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    method: String,
    /// With the query: `/v2/apps/web?force=true`.
    path: String,
    /// JSON.
    #[serde(default)]
    body: Option<String>,
    /// A file with it.
    #[serde(default)]
    file: Option<String>,
}

/// The operator that sends all of them; `None` without such requests.
pub(super) fn operator(scenario: &Scenario, servers: std::ops::Range<u32>) -> Result<Option<operator::Config>, Error> {
    let mut script = Vec::new();
    for (number, request) in scenario.requests.iter().enumerate() {
        if request.section.kind == KIND {
            script.push(scripted(number as u32, request, servers.is_empty())?);
        }
    }
    let servers = servers.map(crate::actor::ProcessId::at).collect();
    let config = operator::Config { servers, timeout: TIMEOUT, pause: PAUSE, attempts: ATTEMPTS, script };
    Ok((!config.script.is_empty()).then_some(config))
}

fn scripted(number: u32, request: &model::Request, nobody: bool) -> Result<Scripted, Error> {
    let (section, at) = (&request.section, request.at);
    let params: Params = section.read()?;
    if nobody {
        let help = "add a table [[marathon]]";
        return Err(section.error("kind", "there is no Marathon to ask in this scenario", help));
    }
    let Some((_, method)) = Method::ALL.iter().find(|(name, _)| *name == params.method) else {
        let known: Vec<&str> = Method::ALL.iter().map(|(name, _)| *name).collect();
        return Err(section.unknown("method", "method", &params.method, &known));
    };
    if !params.path.starts_with('/') {
        let help = "write the path from the root, for example path = \"/v2/apps\"";
        return Err(section.error("path", "a path begins with /", help));
    }
    let text = match (params.body, params.file) {
        (Some(_), Some(_)) => {
            return Err(section.error("body", "there are two bodies", "keep either `body` or `file`"));
        }
        (Some(text), None) => Some(("body", text)),
        (None, Some(_)) => Some(("file", section.data_file()?.text().map_err(|told| section.in_file(&told))?)),
        (None, None) => None,
    };
    let body = match text {
        None => Body::Empty,
        Some((key, text)) => match serde_json::from_str(&text) {
            Ok(value) => Body::Json(value),
            Err(e) => return Err(section.error(key, format!("this is not JSON: {e}"), "mend the JSON")),
        },
    };
    let (path, query) = params.path.split_once('?').unwrap_or((&params.path, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    let query = query.split('&').filter(|p| !p.is_empty()).map(pair).collect();
    let asked = Request { method: *method, path: path.to_owned(), query, body, hops: 0 };
    Ok(Scripted { number, at, request: Arc::new(asked) })
}
