//! `[[request]]` tables with `kind = "marathon"`: what an operator asks of Marathon's HTTP API, from
//! outside, over the network.

use super::build::Error;
use super::marathon::Installation;
use super::programs::Program;
use super::seats::Seat;
use crate::actor::ProcessId;
use crate::base::time::Span;
use crate::fact::ProcessKind;
use crate::frameworks::operator::{self, Misread, Part, Scripted, Service};
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
    /// The name of the one that is asked; otherwise the first of the scenario.
    #[serde(default)]
    marathon: Option<String>,
    /// With the query: `/v2/apps/web?force=true`.
    path: String,
    /// JSON.
    #[serde(default)]
    body: Option<String>,
    /// A file with it.
    #[serde(default)]
    file: Option<String>,
}

/// Marathons that can be asked, in the order of the scenario: of the seats at fixed addresses that
/// begin at `first`, or as a program.
pub(super) fn services(
    marathons: &[(Arc<Installation>, Stands)],
    first: u32,
    programs: &[Program],
) -> Vec<(String, Service)> {
    let mut all: Vec<(usize, String, Service)> = Vec::new();
    for (at, (installation, _)) in (0..).zip(marathons) {
        let seat = Seat { kind: ProcessKind::Marathon, index: at };
        let program = programs.iter().position(|program| program.seat == seat).map(|number| number as u32);
        let address = program.is_none().then_some(ProcessId::at(first + at));
        match all.last_mut().filter(|last| last.1 == installation.name) {
            Some(last) => last.2.servers.extend(address),
            None => {
                let service = Service { program, servers: address.into_iter().collect() };
                all.push((installation.index, installation.name.clone(), service));
            }
        }
    }
    all.sort_by_key(|service| service.0);
    all.into_iter().map(|(_, name, service)| (name, service)).collect()
}

/// How a Marathon stands for election.
type Stands = Option<Arc<crate::zk::client::Config>>;

/// The operator that sends all of them; `None` without such requests.
pub(super) fn operator(
    scenario: &Scenario,
    services: Vec<(String, Service)>,
) -> Result<Option<operator::Config>, Error> {
    let (names, services): (Vec<String>, Vec<Service>) = services.into_iter().unzip();
    let mut script = Vec::new();
    for (number, request) in scenario.requests.iter().enumerate() {
        if request.section.kind == KIND {
            script.push(scripted(number as u32, request, &names)?);
        }
    }
    let config = operator::Config { services, timeout: TIMEOUT, pause: PAUSE, attempts: ATTEMPTS, script };
    Ok((!config.script.is_empty()).then_some(config))
}

fn scripted(number: u32, request: &model::Request, known: &[String]) -> Result<Scripted, Error> {
    let (section, at) = (&request.section, request.at);
    let params: Params = section.read()?;
    if known.is_empty() {
        let help = "add a table [[marathon]]";
        return Err(section.error("kind", "there is no Marathon to ask in this scenario", help));
    }
    let service = match &params.marathon {
        None => 0,
        Some(name) => known.iter().position(|other| other == name).ok_or_else(|| {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            section.unknown("marathon", "Marathon", name, &known)
        })?,
    };
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
    Ok(Scripted { number, at, service, request: Arc::new(asked) })
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
        let services = ["outer", "inner"].map(|name| (name.to_owned(), Service { program: None, servers: vec![] }));
        operator(&scenario, services.into()).map(Option::unwrap).map_err(|e| e.render(false))
    }

    #[test]
    fn a_request_is_read_as_the_operator_reads_it() {
        let text = "method = \"put\"\npath = \"/v2/apps/a%2Fb?force=true&label=x%20y\"\nbody = '{\"cpus\": 1}'";
        let config = read(text).unwrap();
        assert_eq!(config.script[0].service, 0, "the first");
        let other = read(&format!("{text}\nmarathon = \"inner\"")).unwrap();
        assert_eq!(other.script[0].service, 1);
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
            "method = \"GET\"\npath = \"/ping\"\nmarathon = \"iner\"",
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
              = help: correct it at that place
            error: unknown Marathon `iner`
             --> here.toml:7:12
              |
            7 | marathon = "iner"
              |            ^^^^^^
              |
              = help: did you mean `inner`?"#]]
        .assert_eq(&told.join("\n"));
    }
}
