//! An operator: a client from outside who sends scripted requests to HTTP APIs, each of which several
//! processes serve, of which any may be down.
//!
//! Defined behaviour. Each request leaves at its time, independently of the others, for the process
//! that answered last. No answer within the time-out, 502 or 503: after a pause the next process is
//! asked, at most `attempts` times in all; then the request counts as unanswered (status 0). An
//! answer to an attempt that was given up is not heard. Where a service runs that moves about, a name
//! service tells (`Located`); while it is nowhere an attempt fails at once. `{deployment}` and `{version}` in a path
//! stand for those that the service's last answer named, as an operator copies them from the screen; a list of
//! deployments names its first.

use crate::actor::{Cx, Input, ProcessId, TimerKey};
use crate::base::suggest;
use crate::base::time::{Span, Time};
use crate::fact::Fact;
use crate::http::{Body, Method, Request, Response};
use crate::mesos::message::Msg;
use serde_json::{Value, json};
use std::sync::Arc;

const SEND_TIMER: u8 = 1;
const TIMEOUT_TIMER: u8 = 2;

/// Something that answers requests: processes that serve one API.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its number, if it runs as tasks and moves about.
    pub program: Option<u32>,
    /// Addresses of the servers, in the order of trying.
    pub servers: Vec<ProcessId>,
}

#[derive(Clone, Debug)]
pub struct Config {
    pub services: Vec<Service>,
    pub timeout: Span,
    /// Before the next server is asked.
    pub pause: Span,
    pub attempts: u32,
    pub script: Vec<Scripted>,
}

/// One request of the script.
#[derive(Clone, PartialEq, Debug)]
pub struct Scripted {
    /// The number under which it is recorded.
    pub number: u32,
    pub at: Time,
    /// Which of the services is asked.
    pub service: usize,
    pub request: Arc<Request>,
}

/// What of a request is at fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Method,
    Url,
    Body,
}

/// Why a text is no request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misread {
    pub part: Part,
    pub what: String,
    pub mend: String,
}

/// A request as a scenario writes it: a method, a URL without host (`/v2/apps?force=true`), a body
/// in JSON.
///
/// # Errors
/// The part at fault, with a mend.
pub fn parse(method: &str, url: &str, body: Option<&str>) -> Result<Request, Misread> {
    let known: Vec<&str> = Method::ALL.iter().map(|(name, _)| *name).collect();
    let Some((_, method)) = Method::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(method)) else {
        let mend = match suggest::nearest(method, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", suggest::list(&known)),
        };
        return Err(Misread { part: Part::Method, what: format!("`{method}` is no method"), mend });
    };
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    if !path.starts_with('/') {
        let mend = "begin with a slash, as in `/v2/apps`".to_owned();
        return Err(Misread { part: Part::Url, what: format!("`{url}` is no path"), mend });
    }
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decoded(&name.replace('+', " "))?, decoded(&value.replace('+', " "))?))
    };
    let query: Result<Vec<_>, Misread> = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    let body = match body {
        None => Body::Empty,
        Some(text) => Body::Json(serde_json::from_str(text).map_err(|e| Misread {
            part: Part::Body,
            what: format!("the body is not JSON: {e}"),
            mend: "correct it at that place".to_owned(),
        })?),
    };
    Ok(Request { method: *method, path: decoded(path)?, query: query?, body, hops: 0 })
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, Misread> {
    let wrong = || Misread {
        part: Part::Url,
        what: format!("`{text}` has a broken `%`"),
        mend: "write two hexadecimal digits after it, `%25` for itself".to_owned(),
    };
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok()).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// What came of a request.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    pub number: u32,
    pub sent: Time,
    pub ended: Time,
    /// Attempts that were made.
    pub attempts: u32,
    /// `None`: nobody answered.
    pub response: Option<Arc<Response>>,
}

impl Outcome {
    /// One line of the file of responses.
    #[must_use]
    pub fn json(&self, request: &Request) -> Value {
        let mut line = json!({
            "request": self.number,
            "method": request.method.name(),
            "path": request.path,
            "sent_s": self.sent.as_secs_f64(),
            "ended_s": self.ended.as_secs_f64(),
            "attempts": self.attempts,
            "status": self.response.as_ref().map_or(0, |response| response.status),
        });
        let Some(response) = &self.response else { return line };
        for (name, value) in &response.headers {
            line["headers"][*name] = value.as_str().into();
        }
        match &response.body {
            Body::Empty => {}
            Body::Json(body) => line["body"] = body.clone(),
            Body::Text(text) => line["body"] = text.as_str().into(),
        }
        line
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    attempts: u32,
    /// Whether the last attempt may still be answered.
    waits: bool,
    first_sent: Option<Time>,
}

/// What is known of a service.
#[derive(Clone, Debug)]
struct Known {
    servers: Vec<ProcessId>,
    /// Index of the server to ask first.
    next: usize,
    /// What the last answers named.
    deployment: String,
    version: String,
}

#[derive(Clone, Debug)]
pub struct Operator {
    config: Arc<Config>,
    progress: Vec<Progress>,
    services: Vec<Known>,
    outcomes: Vec<Outcome>,
}

impl Operator {
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let progress = vec![Progress::default(); config.script.len()];
        let known = |service: &Service| {
            let (deployment, version) = (String::new(), String::new());
            Known { servers: service.servers.clone(), next: 0, deployment, version }
        };
        let services = config.services.iter().map(known).collect();
        Self { config, progress, services, outcomes: Vec::new() }
    }

    /// What came of the requests, in the order in which they ended.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Start { .. } => {
                for (i, scripted) in self.config.script.iter().enumerate() {
                    cx.timer(TimerKey::new(SEND_TIMER, i as u64), scripted.at - cx.now);
                }
            }
            Input::Timer { key } => {
                let index = key.number() as usize;
                match key.kind() {
                    SEND_TIMER => self.send(cx, index),
                    // Nobody answered: ask another.
                    TIMEOUT_TIMER if self.progress[index].waits => self.try_again(cx, index, None),
                    _ => {}
                }
            }
            Input::Message { msg: Msg::HttpReply { token, response }, .. } => self.answered(cx, token, response),
            Input::Message { msg: Msg::Located { program, slot, up }, .. } => {
                let at = self.config.services.iter().position(|service| service.program == Some(program));
                if let Some(known) = at.map(|at| &mut self.services[at]) {
                    known.servers.retain(|server| server.slot != slot);
                    known.servers.extend(up.then_some(ProcessId::at(slot)));
                }
            }
            _ => {}
        }
    }

    fn send(&mut self, cx: &mut Cx, index: usize) {
        let service = &self.services[self.config.script[index].service];
        let server = service.servers.get(service.next % service.servers.len().max(1)).copied();
        let progress = &mut self.progress[index];
        progress.attempts += 1;
        progress.first_sent.get_or_insert(cx.now);
        let Some(server) = server else {
            return self.try_again(cx, index, None);
        };
        progress.waits = true;
        let token = token(index, progress.attempts);
        let request = self.filled_in(index);
        cx.send(server, Msg::Http { token, request });
        cx.timer(TimerKey::new(TIMEOUT_TIMER, index as u64), self.config.timeout);
    }

    fn answered(&mut self, cx: &mut Cx, answered: u64, response: Arc<Response>) {
        let index = (answered >> 32) as usize;
        let Some(progress) = self.progress.get(index) else { return };
        if !progress.waits || token(index, progress.attempts) != answered {
            return;
        }
        cx.cancel(TimerKey::new(TIMEOUT_TIMER, index as u64));
        if matches!(response.status, 502 | 503) {
            return self.try_again(cx, index, Some(response));
        }
        let service = &mut self.services[self.config.script[index].service];
        if let Some((_, id)) = response.headers.iter().find(|(name, _)| *name == "Marathon-Deployment-Id") {
            service.deployment.clone_from(id);
        }
        if let Body::Json(body) = &response.body
            && let Some(version) = body["version"].as_str()
        {
            version.clone_into(&mut service.version);
        }
        // A list of deployments names the one that began first.
        if let Body::Json(list) = &response.body
            && let (Some(id), true) = (list[0]["id"].as_str(), list[0]["affectedApps"].is_array())
        {
            id.clone_into(&mut service.deployment);
        }
        self.end(cx, index, Some(response));
    }

    fn try_again(&mut self, cx: &mut Cx, index: usize, response: Option<Arc<Response>>) {
        self.progress[index].waits = false;
        self.services[self.config.script[index].service].next += 1;
        if self.progress[index].attempts >= self.config.attempts {
            return self.end(cx, index, response);
        }
        cx.timer(TimerKey::new(SEND_TIMER, index as u64), self.config.pause);
    }

    fn end(&mut self, cx: &mut Cx, index: usize, response: Option<Arc<Response>>) {
        let (number, progress) = (self.config.script[index].number, &mut self.progress[index]);
        progress.waits = false;
        let status = response.as_ref().map_or(0, |response| response.status);
        cx.fact(Fact::Answered { request: number, status });
        let (sent, attempts) = (progress.first_sent.unwrap_or(cx.now), progress.attempts);
        self.outcomes.push(Outcome { number, sent, ended: cx.now, attempts, response });
    }

    fn filled_in(&self, index: usize) -> Arc<Request> {
        let Scripted { request, service, .. } = &self.config.script[index];
        let service = &self.services[*service];
        if !request.path.contains('{') {
            return Arc::clone(request);
        }
        let path = request.path.replace("{deployment}", &service.deployment).replace("{version}", &service.version);
        Arc::new(Request { path, ..request.as_ref().clone() })
    }
}

/// Names one attempt of one request.
fn token(index: usize, attempt: u32) -> u64 {
    (index as u64) << 32 | u64::from(attempt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::{Behaviour, Effect};
    use crate::base::dice::Dice;
    use crate::base::id::Names;
    use crate::http::Method;
    use serde_json::json;

    const SERVERS: [ProcessId; 2] = [ProcessId { slot: 3, incarnation: 0 }, ProcessId { slot: 4, incarnation: 0 }];

    struct Bench {
        operator: Operator,
        dice: Dice,
        names: Names,
    }

    impl Bench {
        fn new(paths: &[&str]) -> Self {
            let scripted = |(i, path): (usize, &&str)| {
                let request =
                    Request { method: Method::Get, path: (*path).into(), query: vec![], body: Body::Empty, hops: 0 };
                Scripted { number: 10 + i as u32, at: Time::from_secs(5), service: 0, request: Arc::new(request) }
            };
            let config = Config {
                services: vec![Service { program: Some(3), servers: SERVERS.to_vec() }],
                timeout: Span::from_secs(10),
                pause: Span::from_secs(1),
                attempts: 3,
                script: paths.iter().enumerate().map(scripted).collect(),
            };
            Self { operator: Operator::new(Arc::new(config)), dice: Dice::new(1), names: Names::default() }
        }
        fn feed(&mut self, at: i64, input: Input) -> Vec<Effect> {
            let mut outbox = Vec::new();
            let (now, behaviour) = (Time::from_secs(at), Behaviour::default());
            let mut cx = Cx {
                now,
                wall: now,
                me: ProcessId { slot: 0, incarnation: 0 },
                dice: &mut self.dice,
                names: &mut self.names,
                behaviour: &behaviour,
                outbox: &mut outbox,
                detailed: false,
            };
            self.operator.handle(&mut cx, input);
            outbox
        }
        /// Lets the timer of request `index` fire and gives where and with which token it went.
        fn sent(&mut self, at: i64, index: u64) -> (u32, u64, String) {
            let effects = self.feed(at, Input::Timer { key: TimerKey::new(SEND_TIMER, index) });
            match &effects[..] {
                [Effect::Send { to, msg: Msg::Http { token, request } }, Effect::Timer { .. }] => {
                    (to.slot, *token, request.path.clone())
                }
                other => panic!("{other:?}"),
            }
        }
        fn answer(&mut self, at: i64, token: u64, response: Response) -> Vec<Effect> {
            self.feed(
                at,
                Input::Message { from: SERVERS[0], msg: Msg::HttpReply { token, response: Arc::new(response) } },
            )
        }
    }

    #[test]
    fn each_request_leaves_at_its_time_and_is_recorded() {
        let mut bench = Bench::new(&["/ping", "/v2/apps"]);
        let start = bench.feed(2, Input::Start { disk: [].into() });
        let timer = |n| Effect::Timer { key: TimerKey::new(SEND_TIMER, n), after: Span::from_secs(3) };
        assert_eq!(start, [timer(0), timer(1)]);
        let (slot, token, _) = bench.sent(5, 0);
        assert_eq!(slot, 3);
        let effects = bench.answer(6, token, Response::empty(200));
        assert!(effects.contains(&Effect::Fact(Fact::Answered { request: 10, status: 200 })));
        let outcome = &bench.operator.outcomes()[0];
        assert_eq!((outcome.number, outcome.ended, outcome.attempts), (10, Time::from_secs(6), 1));
    }

    #[test]
    fn silence_and_502_send_it_to_the_next() {
        let mut bench = Bench::new(&["/ping"]);
        let (first, old, _) = bench.sent(5, 0);
        let effects = bench.feed(15, Input::Timer { key: TimerKey::new(TIMEOUT_TIMER, 0) });
        assert_eq!(effects, [Effect::Timer { key: TimerKey::new(SEND_TIMER, 0), after: Span::from_secs(1) }]);
        let (second, token, _) = bench.sent(16, 0);
        assert_eq!((first, second), (3, 4));
        // The first server's answer comes too late.
        assert_eq!(bench.answer(17, old, Response::empty(200)), []);
        bench.answer(18, token, Response::empty(502));
        let (third, token, _) = bench.sent(19, 0);
        assert_eq!(third, 3);
        let effects = bench.answer(20, token, Response::empty(503));
        assert!(effects.contains(&Effect::Fact(Fact::Answered { request: 10, status: 503 })), "{effects:?}");
    }

    #[test]
    fn a_request_that_nobody_answers_ends_with_status_0() {
        let mut bench = Bench::new(&["/ping"]);
        let mut last = Vec::new();
        for attempt in 0..3 {
            bench.sent(attempt * 20, 0);
            last = bench.feed(attempt * 20 + 10, Input::Timer { key: TimerKey::new(TIMEOUT_TIMER, 0) });
        }
        assert_eq!(last, [Effect::Fact(Fact::Answered { request: 10, status: 0 })]);
        assert_eq!(bench.operator.outcomes()[0].response, None);
    }

    #[test]
    fn a_service_that_moves_is_asked_where_it_is() {
        let mut bench = Bench::new(&["/ping"]);
        let mut located = |slot, up| {
            let msg = Msg::Located { program: 3, slot, up };
            assert_eq!(bench.feed(1, Input::Message { from: SERVERS[0], msg }), []);
        };
        located(3, false);
        located(4, false);
        let nowhere = bench.feed(5, Input::Timer { key: TimerKey::new(SEND_TIMER, 0) });
        assert_eq!(nowhere, [Effect::Timer { key: TimerKey::new(SEND_TIMER, 0), after: Span::from_secs(1) }]);
        bench.feed(5, Input::Message { from: SERVERS[0], msg: Msg::Located { program: 3, slot: 9, up: true } });
        assert_eq!(bench.sent(6, 0).0, 9);
    }

    #[test]
    fn paths_name_what_the_last_answer_named() {
        let mut bench = Bench::new(&["/v2/apps", "/v2/deployments/{deployment}/{version}"]);
        let (_, token, _) = bench.sent(5, 0);
        let response = Response::json(201, json!({ "version": "v7" })).with("Marathon-Deployment-Id", "d-1");
        bench.answer(6, token, response);
        assert_eq!(bench.sent(7, 1).2, "/v2/deployments/d-1/v7");
    }

    #[test]
    fn requests_are_read_from_scenarios() {
        let request = parse("put", "/v2/apps/a%2Fb?force=true&label=x+%3D%3D+y", Some("{\"a\":1}")).unwrap();
        assert_eq!((request.method, &*request.path), (Method::Put, "/v2/apps/a/b"));
        assert_eq!((request.parameter("force"), request.parameter("label")), (Some("true"), Some("x == y")));
        assert_eq!(request.body, Body::Json(json!({ "a": 1 })));
        for (method, url, body, part, told) in [
            ("DELTE", "/", None, Part::Method, "did you mean `DELETE`?"),
            ("X", "/", None, Part::Method, "write one of `GET`"),
            ("GET", "v2/apps", None, Part::Url, "begin with a slash"),
            ("GET", "/a%2", None, Part::Url, "broken `%`"),
            ("GET", "/a%+1", None, Part::Url, "broken `%`"),
            ("GET", "/a?x=%ff", None, Part::Url, "broken `%`"),
            ("POST", "/a", Some("{"), Part::Body, "not JSON: EOF"),
        ] {
            let refused = parse(method, url, body).unwrap_err();
            let said = format!("{}; {}", refused.what, refused.mend);
            assert!(refused.part == part && said.contains(told), "{refused:?}");
        }
    }

    #[test]
    fn an_outcome_is_one_line() {
        let request = parse("POST", "/v2/apps", Some("{}")).unwrap();
        let response = Response::json(201, json!({ "id": "/a" })).with("Location", "/a");
        let (sent, ended) = (Time::from_secs(1), Time(1_250_000_000));
        let mut outcome = Outcome { number: 3, sent, ended, attempts: 2, response: Some(Arc::new(response)) };
        let line = outcome.json(&request).to_string();
        let start =
            r#"{"request":3,"method":"POST","path":"/v2/apps","sent_s":1.0,"ended_s":1.25,"attempts":2,"status":201"#;
        assert_eq!(line, format!(r#"{start},"headers":{{"Location":"/a"}},"body":{{"id":"/a"}}}}"#));
        outcome.response = None;
        assert_eq!(outcome.json(&request)["status"], 0);
    }
}
