//! A small cluster that all invariants watch, whose Marathons can be asked.

use mesosim::base::map::Map;
use mesosim::base::time::Time;
use mesosim::check::{Checker, INVARIANTS, Violation};
use mesosim::fact::{At, Fact};
use mesosim::http::{Body, Method, Request, Response};
use mesosim::mesos::message::Msg;
use mesosim::world::{Request as Outside, Seen, World};
use serde_json::Value;
use std::borrow::Borrow;
use std::sync::Arc;

pub(crate) struct Watched {
    pub(crate) world: World,
    checker: Checker,
    /// All that was said so far.
    pub(crate) facts: Vec<At<Fact>>,
    answers: Map<u64, Arc<Response>>,
    /// The Marathon to ask first.
    next: u32,
}

/// What a step has brought: the number of the first new fact, and messages.
pub(crate) struct Step {
    pub(crate) first: usize,
    pub(crate) seen: Vec<Seen>,
    pub(crate) violation: Option<Violation>,
}

impl Watched {
    /// The cluster of a scenario; messages of these labels are shown beside those that checks look at.
    pub(crate) fn new(text: &str, labels: &[&str]) -> Self {
        let mut world = super::world(text);
        let names: Vec<&str> = INVARIANTS.iter().map(|row| row.0).collect();
        let checker = Checker::new(&names);
        let mut watch = (**checker.watch()).clone();
        watch.add(&["HTTP_REPLY"], |_, _, _| true);
        if !labels.is_empty() {
            watch.add(labels, |_, _, _| true);
        }
        world.watch(&Arc::new(watch));
        Self { world, checker, facts: Vec::new(), answers: Map::default(), next: 0 }
    }

    pub(crate) fn try_step(&mut self) -> Step {
        let (first, mut seen) = (self.facts.len(), Vec::new());
        self.world.step();
        self.world.take_facts(&mut self.facts);
        self.world.take_messages(&mut seen);
        let violation = self.checker.after_step(&self.world, &self.facts[first..], &seen);
        for message in seen.iter().filter(|message| !message.sent) {
            // To itself: the request was put in from outside.
            if let (Msg::HttpReply { token, response }, true) = (&message.msg, message.from == message.to) {
                self.answers.insert(*token, response.clone());
            }
        }
        Step { first, seen, violation }
    }

    /// Puts a request to a Marathon in and waits for nothing.
    pub(crate) fn inject(&mut self, marathon: u32, method: Method, path: &str, body: &Value) -> u64 {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let body = if body.is_null() { Body::Empty } else { Body::Json(body.clone()) };
        let request = Arc::new(Request { method, path: path.into(), query, body, hops: 0 });
        u64::from(self.world.inject(Outside::Http { marathon, request }))
    }

    pub(crate) fn count(&self, which: impl Fn(&Fact) -> bool) -> usize {
        self.facts.iter().filter(|fact| which(&fact.what)).count()
    }
}

/// Whoever drives a watched cluster, and may look at each step.
pub(crate) trait Drive {
    fn watched(&mut self) -> &mut Watched;

    /// A step; a violation fails the test.
    fn step(&mut self) {
        if let Some(violation) = self.watched().try_step().violation {
            panic!("{violation}");
        }
    }

    fn until(&mut self, s: i64) {
        let end = Time::from_secs(s);
        while self.watched().world.next_time().is_some_and(|t| t <= end) {
            self.step();
        }
    }

    /// Until such a fact is said.
    fn until_fact(&mut self, which: impl Fn(&Fact) -> bool) {
        let seen = self.watched().facts.len();
        while !self.watched().facts[seen..].iter().any(|fact| which(&fact.what)) {
            assert!(self.watched().world.now() < Time::from_secs(3600), "it never happens");
            self.step();
        }
    }

    /// Asks the two Marathons in turn until one answers: status and body.
    fn ask(&mut self, method: Method, path: &str, body: impl Borrow<Value>) -> (u16, Value) {
        for _ in 0..4 {
            let watched = self.watched();
            let token = watched.inject(watched.next % 2, method, path, body.borrow());
            let end = watched.world.now().0 / 1_000_000_000 + 5;
            self.until(end);
            let watched = self.watched();
            let Some(answer) = watched.answers.get(&token).filter(|answer| answer.status < 500) else {
                watched.next += 1;
                continue;
            };
            let body = match &answer.body {
                Body::Json(body) => body.clone(),
                Body::Text(text) => Value::String(text.clone()),
                Body::Empty => Value::Null,
            };
            return (answer.status, body);
        }
        panic!("no Marathon answers");
    }
}
