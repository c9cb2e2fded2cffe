//! `[[request]]` tables with `kind = "marathon"`: what an operator asks of Marathon's HTTP API, from
//! outside, over the network.

use super::build::Error;
use crate::base::time::Span;
use crate::frameworks::operator::{self, Misread, Part, Scripted};
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
    let text = match (params.body, params.file) {
        (Some(_), Some(_)) => {
            return Err(section.error("body", "there are two bodies", "keep either `body` or `file`"));
        }
        (Some(text), None) => Some(("body", text)),
        (None, Some(_)) => Some(("file", section.data_file()?.text().map_err(|told| section.in_file(&told))?)),
        (None, None) => None,
    };
    let asked = operator::parse(&params.method, &params.path, text.as_ref().map(|(_, text)| text.as_str()));
    let asked = asked.map_err(|Misread { part, what, mend }| {
        let key = match part {
            Part::Method => "method",
            Part::Url => "path",
            Part::Body => text.as_ref().map_or("body", |(key, _)| key),
        };
        section.error(key, what, mend)
    })?;
    Ok(Scripted { number, at, request: Arc::new(asked) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Method};
    use std::path::Path;

    fn read(request: &str) -> Result<operator::Config, String> {
        let text = format!("duration = \"1h\"\n[[request]]\nkind = \"marathon\"\nat = \"1m\"\n{request}\n");
        let scenario = Scenario::parse(&text, "here.toml", Path::new("."), &[], None);
        let scenario = scenario.map_err(|e| e.render(false))?;
        operator(&scenario, 3..5).map(Option::unwrap).map_err(|e| e.render(false))
    }

    #[test]
    fn a_request_is_read_as_the_operator_reads_it() {
        let text = "method = \"put\"\npath = \"/v2/apps/a%2Fb?force=true&label=x%20y\"\nbody = '{\"cpus\": 1}'";
        let config = read(text).unwrap();
        let request = &config.script[0].request;
        assert_eq!((request.method, request.path.as_str()), (Method::Put, "/v2/apps/a/b"));
        assert_eq!((request.parameter("force"), request.parameter("label")), (Some("true"), Some("x y")));
        assert_eq!(request.body, Body::Json(serde_json::json!({ "cpus": 1 })));
    }

    /// The line of the key at fault, what is wrong, the mend.
    #[test]
    fn mistakes_are_shown_at_their_key() {
        let told: Vec<String> = [
            "method = \"DELTE\"\npath = \"/v2/apps\"",
            "method = \"GET\"\npath = \"v2/apps\"",
            "method = \"GET\"\npath = \"/v2/apps%zz\"",
            "method = \"POST\"\npath = \"/v2/apps\"\nbody = '{'",
            "method = \"POST\"\npath = \"/v2/apps\"\nbody = '{}'\nfile = \"Cargo.toml\"",
            "method = \"POST\"\npath = \"/v2/apps\"\nfile = \"Cargo.toml\"",
        ]
        .map(|text| read(text).unwrap_err())
        .into();
        expect_test::expect![[r#"
            error: `DELTE` is no method
             --> here.toml:5:10
              |
            5 | method = "DELTE"
              |          ^^^^^^^
              |
              = help: did you mean `DELETE`?
            error: `v2/apps` is no path
             --> here.toml:6:8
              |
            6 | path = "v2/apps"
              |        ^^^^^^^^^
              |
              = help: begin with a slash, as in `/v2/apps`
            error: `/v2/apps%zz` has a broken `%`
             --> here.toml:6:8
              |
            6 | path = "/v2/apps%zz"
              |        ^^^^^^^^^^^^^
              |
              = help: write two hexadecimal digits after it, `%25` for itself
            error: the body is not JSON: EOF while parsing an object at line 1 column 1
             --> here.toml:7:8
              |
            7 | body = '{'
              |        ^^^
              |
              = help: correct it at that place
            error: there are two bodies
             --> here.toml:7:8
              |
            7 | body = '{}'
              |        ^^^^
              |
              = help: keep either `body` or `file`
            error: the body is not JSON: expected value at line 1 column 2
             --> here.toml:7:8
              |
            7 | file = "Cargo.toml"
              |        ^^^^^^^^^^^^
              |
              = help: correct it at that place"#]]
        .assert_eq(&told.join("\n"));
    }
}
