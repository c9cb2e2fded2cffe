//! Who listens to events hears of every change of an instance, in order.
//!
//! Upstream promises it of `/v2/events`, and closes the connection of a listener that is too slow
//! since 1.8.
//!
//! AREAS VERIFIED: of each change of an instance's condition or goal that a leader says, every
//! listener to all events is told in the same instant, by an `instance_changed_event` of that instance,
//! in the order of the changes; a listener that is not is never told anything again. AREAS NOT VERIFIED:
//! the other events; listeners to some types; the text of events; whether what is sent arrives.

use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::{Map, Set};
use crate::base::time::Time;
use crate::fact::{At, Fact, ProcessKind};
use crate::http::Body;
use crate::mesos::message::Msg;
use crate::world::Seen;
use std::collections::VecDeque;

pub const SUMMARY: &str = "listeners hear of every change of an instance, in order";

/// Where a stream comes from and goes to: server, client, and the number of the request.
type Stream = (u32, u32, u64);

#[derive(Clone, Default)]
pub struct EventsComplete {
    /// Clients that asked for all events.
    asked: Set<Stream>,
    /// Instances that a listener was told of in this instant, in order.
    open: Map<Stream, VecDeque<Symbol>>,
    /// Those that missed a change, and which.
    closed: Map<Stream, Symbol>,
    instant: Time,
}

impl EventsComplete {
    fn begins(&mut self, at: Time) {
        if at > self.instant {
            self.instant = at;
            self.open.values_mut().for_each(VecDeque::clear);
        }
    }

    fn told(&mut self, view: View, stream: Stream, text: &str) -> Result<(), String> {
        let names = view.world.names();
        if let Some(missed) = self.closed.get(&stream) {
            let missed = names.text(*missed);
            return Err(format!("listener {} was not told of a change of {missed}, and hears on", stream.1));
        }
        let heard = self.open.entry(stream).or_default();
        let Some(data) = text.strip_prefix("event: instance_changed_event") else { return Ok(()) };
        let id = data.split_once("\"instanceId\":\"").and_then(|(_, rest)| rest.split_once('"'));
        heard.extend(id.and_then(|(id, _)| names.find(id)));
        Ok(())
    }
}

impl Invariant for EventsComplete {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["HTTP", "HTTP_REPLY"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["InstanceChanged", "ProcessStopped"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        match msg {
            Msg::Http { request, .. } => !sent && request.path == "/v2/events" && request.query.is_empty(),
            Msg::HttpReply { response, .. } => {
                sent && from == ProcessKind::Marathon
                    && matches!(&response.body, Body::Text(text) if text.starts_with("event: "))
            }
            _ => false,
        }
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        self.begins(seen.at);
        match &seen.msg {
            Msg::Http { token, .. } => {
                self.asked.insert((seen.to.slot, seen.from.slot, *token));
                Ok(())
            }
            Msg::HttpReply { token, response } => {
                let stream = (seen.from.slot, seen.to.slot, *token);
                match &response.body {
                    Body::Text(text) if self.asked.contains(&stream) => self.told(view, stream, text),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn said(&mut self, _: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::InstanceChanged { instance, .. } if !self.open.is_empty() => {
                self.begins(fact.at);
                let mut missed = Vec::new();
                for (stream, heard) in self.open.iter_mut().filter(|(stream, _)| stream.0 == fact.by) {
                    // There are more events than changes that facts tell of.
                    match heard.iter().position(|told| *told == instance) {
                        Some(at) => drop(heard.drain(..=at)),
                        None => missed.push(*stream),
                    }
                }
                for stream in missed {
                    self.open.swap_remove(&stream);
                    self.closed.insert(stream, instance);
                }
            }
            Fact::ProcessStopped { slot, kind: ProcessKind::Marathon | ProcessKind::Client, .. } => {
                let of = |stream: &Stream| stream.0 == slot || stream.1 == slot;
                self.asked.retain(|stream| !of(stream));
                self.open.retain(|stream, _| !of(stream));
                self.closed.retain(|stream, _| !of(stream));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::fact::{Condition, Goal};
    use crate::http::{Method, Request, Response};
    use std::sync::Arc;

    fn event(instance: &str) -> (bool, Msg) {
        let text = format!("event: instance_changed_event\r\ndata: {{\"instanceId\":\"{instance}\"}}\r\n\r\n");
        let response = Response { status: 200, headers: Vec::new(), body: Body::Text(text) };
        (true, Msg::HttpReply { token: 3, response: Arc::new(response) })
    }

    #[test]
    fn fires_when_a_listener_misses_a_change_and_hears_on() {
        let (path, body) = ("/v2/events".into(), Body::Empty);
        let request = Request { method: Method::Get, path, query: Vec::new(), body, hops: 0 };
        let asks = (false, Msg::Http { token: 3, request: Arc::new(request) });
        let is = |n| instance(n, Condition::Running, Goal::Running);
        let now = Time::from_secs;
        let mut stage = Stage::new("events-complete");
        stage.moment(now(1), 0, &[asks, event("m")], &[]);
        assert!(stage.moment(now(2), 0, &[event("f"), event("host"), event("m")], &[is(2), is(0)]).is_empty());
        let mut closed = stage.clone();
        assert!(closed.moment(now(3), 0, &[event("f"), event("m")], &[is(0), is(2)]).is_empty(), "in another order");
        assert_eq!(
            closed.moment(now(4), 0, &[event("f")], &[]),
            ["listener 0 was not told of a change of f, and hears on"]
        );
        assert!(stage.moment(now(3), 0, &[], &[is(0)]).is_empty(), "the connection may be closed");
    }
}
