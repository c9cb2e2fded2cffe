//! Somebody outside who is told events: an address that takes POSTs and answers after a while, badly
//! now and then, or, while it is dead, not at all.

use crate::actor::{Cx, Input, ProcessId, TimerKey};
use crate::base::dice::Site;
use crate::base::id::Symbol;
use crate::base::map::Lookup;
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use crate::http::Response;
use crate::mesos::message::Msg;
use std::sync::Arc;

const ANSWER: Site = Site::new("endpoint-answer");
const FAILURE: Site = Site::new("endpoint-failure");
const ANSWER_TIMER: u8 = 1;

#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    pub name: Symbol,
    pub url: String,
    /// From a request until its answer leaves.
    pub answers_after: Distribution,
    /// So many of a million requests are answered with 500.
    pub fails_ppm: u32,
    /// From when until when it takes requests and answers none.
    pub dead: Option<(Time, Time)>,
}

#[derive(Clone, Debug)]
pub struct Endpoint {
    config: Arc<Config>,
    /// Requests so far, in this life.
    taken: u64,
    /// What is to be answered: to whom, and how.
    open: Lookup<u64, (ProcessId, u64, u16)>,
}

impl Endpoint {
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self { config, taken: 0, open: Lookup::default() }
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Message { from, msg: Msg::Http { token, .. } } => self.take(cx, from, token),
            Input::Timer { key } => {
                if let Some((to, token, status)) = self.open.remove(&key.number()) {
                    answer(cx, to, token, status);
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, cx: &mut Cx, from: ProcessId, token: u64) {
        if self.config.dead.is_some_and(|(since, until)| (since..until).contains(&cx.now)) {
            return;
        }
        let n = self.taken;
        self.taken += 1;
        let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
        let fails = cx.draw(FAILURE, entity, n).below(1_000_000) < u64::from(self.config.fails_ppm);
        let after = self.config.answers_after.sample(cx.draw(ANSWER, entity, n));
        let status = if fails { 500 } else { 200 };
        if after <= Span::ZERO {
            return answer(cx, from, token, status);
        }
        self.open.insert(n, (from, token, status));
        cx.timer(TimerKey::new(ANSWER_TIMER, n), after);
    }
}

fn answer(cx: &mut Cx, to: ProcessId, token: u64, status: u16) {
    cx.send(to, Msg::HttpReply { token, response: Arc::new(Response::empty(status)) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Effect;
    use crate::actor::testing::Bench;
    use crate::http::{Body, Method, Request};

    const CALLER: ProcessId = ProcessId { slot: 9, incarnation: 0 };

    fn endpoint(answers_after: Span, fails_ppm: u32, dead: Option<(Time, Time)>) -> Endpoint {
        let answers_after = Distribution::Fixed(answers_after);
        Endpoint::new(Arc::new(Config { name: Symbol(1), url: "http://a".into(), answers_after, fails_ppm, dead }))
    }

    fn post(bench: &mut Bench, endpoint: &mut Endpoint, token: u64) -> Vec<Effect> {
        let (path, body) = (String::new(), Body::Empty);
        let request = Arc::new(Request { method: Method::Post, path, query: Vec::new(), body, hops: 0 });
        let msg = Msg::Http { token, request };
        bench.run(|cx| endpoint.handle(cx, Input::Message { from: CALLER, msg }))
    }

    fn statuses(effects: &[Effect]) -> Vec<(u64, u16)> {
        let status = |effect: &Effect| match effect {
            Effect::Send { to: CALLER, msg: Msg::HttpReply { token, response } } => Some((*token, response.status)),
            _ => None,
        };
        effects.iter().filter_map(status).collect()
    }

    #[test]
    fn answers_come_late_badly_or_not_at_all() {
        let mut bench = Bench::new();
        assert_eq!(statuses(&post(&mut bench, &mut endpoint(Span::ZERO, 0, None), 5)), [(5, 200)]);
        assert_eq!(statuses(&post(&mut bench, &mut endpoint(Span::ZERO, 1_000_000, None), 6)), [(6, 500)]);
        let mut slow = endpoint(Span::from_secs(3), 0, None);
        for (n, token) in [(0, 7), (1, 8)] {
            let told = post(&mut bench, &mut slow, token);
            assert!(matches!(&told[..], [Effect::Timer { after, .. }] if *after == Span::from_secs(3)), "{told:?}");
            let key = TimerKey::new(ANSWER_TIMER, n);
            assert_eq!(statuses(&bench.run(|cx| slow.handle(cx, Input::Timer { key }))), [(token, 200)]);
        }
        let mut dead = endpoint(Span::ZERO, 0, Some((Time::from_secs(10), Time::from_secs(20))));
        for (at, answers) in [(9, 1), (10, 0), (19, 0), (20, 1)] {
            bench.now = Time::from_secs(at);
            assert_eq!(statuses(&post(&mut bench, &mut dead, 1)).len(), answers, "at {at}");
        }
    }
}
