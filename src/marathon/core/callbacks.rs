//! Call-back subscriptions: every event is posted to every subscriber, whose addresses are kept in the
//! store. A legacy form, as Marathon had it before 1.5 (`HttpEventActor`, `SubscribersKeeperActor`).
//!
//! Posts wait for nobody: whoever does not answer, or slowly, holds up neither the others nor Marathon.
//! After each post that failed or was answered too late a subscriber gets nothing for a while, twice as
//! long as the last time; the first good answer ends that. What it is not sent meanwhile is lost.
//! Quirk: posts that are under way together and fail together double the pause each, so that a burst of
//! ten events, not answered, is followed by silence of seventeen minutes.

use super::flags::Endpoint;
use super::http::{self, Client};
use super::{Marathon, timer};
use crate::actor::{Cx, ProcessId, TimerKey};
use crate::base::id::Symbol;
use crate::base::map::Map;
use crate::base::time::{Span, Time};
use crate::fact::{Delivery, Fact};
use crate::http::{Body, Method, Request, Response};
use crate::marathon::rest::event::Event;
use crate::marathon::rest::show;
use crate::mesos::message::Msg;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Addresses in order, as they are stored.
pub(super) type Urls = Arc<BTreeSet<Arc<str>>>;

/// Doublings beyond this are for ever.
const MOST_DOUBLINGS: u32 = 33;

/// What a subscriber has coming.
#[derive(Clone, Copy, Debug)]
struct Limit {
    failed: u32,
    until: Time,
}

/// A post that is not answered yet.
#[derive(Clone, Debug)]
struct Post {
    url: Arc<str>,
    endpoint: Symbol,
    to: ProcessId,
    sent: Time,
}

#[derive(Clone, Default, Debug)]
pub(super) struct Callbacks {
    /// Who is told events.
    pub(super) urls: Urls,
    /// The same with what is being written.
    wanted: Urls,
    limits: Map<Arc<str>, Limit>,
    posts: Map<u64, Post>,
    /// When posts are given up, in order.
    deadlines: VecDeque<(Time, u64)>,
}

/// A change of the subscriptions that is being written.
#[derive(Clone, Debug)]
pub(super) struct Subscribing {
    urls: Urls,
    answer: Option<(Client, Response)>,
}

impl Marathon {
    // ---- who is subscribed ----

    /// From a request, or (`client` is none) from the flag `http_endpoints`.
    pub(super) fn change_subscription(&mut self, cx: &mut Cx, client: Option<Client>, url: &str, on: bool) {
        let mut answer = None;
        if let Some(client) = client {
            let (ip, url) = (show::address(client.process.slot), url.to_owned());
            let event =
                if on { Event::Subscribed { client: ip, url } } else { Event::Unsubscribed { client: ip, url } };
            answer = Some((client, Response::json(200, event.json(cx.wall, cx.names))));
            self.event(cx, |_| event);
        }
        let mut urls = (*self.callbacks.wanted).clone();
        let changed = if on { urls.insert(url.into()) } else { urls.remove(url) };
        if !changed {
            let urls = self.callbacks.urls.clone();
            return self.subscribed_to(cx, Subscribing { urls, answer });
        }
        let urls = Arc::new(urls);
        self.callbacks.wanted = urls.clone();
        self.store_subscribers(cx, urls.clone(), Subscribing { urls, answer });
    }

    /// It is written, or nothing was to be written.
    pub(super) fn subscribed_to(&mut self, cx: &mut Cx, done: Subscribing) {
        self.callbacks.urls = done.urls;
        if let Some((client, response)) = done.answer {
            http::answer(cx, client, response);
        }
    }

    /// What a predecessor left.
    pub(super) fn load_subscribers(&mut self, urls: Urls) {
        (self.callbacks.urls, self.callbacks.wanted) = (urls.clone(), urls);
    }

    pub(super) fn begin_callbacks(&mut self, cx: &mut Cx) {
        if self.flags.event_subscriber {
            for url in self.flags.http_endpoints.clone().iter() {
                self.change_subscription(cx, None, url, true);
            }
        }
    }

    // ---- events ----

    pub(super) fn call_back(&mut self, cx: &mut Cx, event: Value) {
        let urls = self.callbacks.urls.clone();
        self.callbacks.limits.retain(|url, _| urls.contains(url));
        let request =
            Request { method: Method::Post, path: String::new(), query: Vec::new(), body: Body::Json(event), hops: 0 };
        let request = Arc::new(request);
        for url in urls.iter() {
            let known = self.flags.endpoints.get(&**url).copied();
            let endpoint = known.map_or_else(|| cx.names.intern(url), |endpoint| endpoint.name);
            if self.callbacks.limits.get(url).is_some_and(|limit| limit.until > cx.now) {
                cx.fact(Fact::EventPosted { endpoint, how: Delivery::Skipped });
                continue;
            }
            let Some(Endpoint { address, .. }) = known else {
                // Nobody of that name.
                self.post_failed(cx, url, endpoint, Delivery::Failed);
                continue;
            };
            let to = ProcessId::at(address);
            let token = self.http.number();
            self.callbacks.posts.insert(token, Post { url: url.clone(), endpoint, to, sent: cx.now });
            self.callbacks.deadlines.push_back((cx.now + self.flags.http_event_request_timeout, token));
            if self.callbacks.deadlines.len() == 1 {
                self.arm_posts(cx);
            }
            cx.send(to, Msg::Http { token, request: request.clone() });
        }
    }

    /// An answer to a post; false if it is none.
    pub(super) fn post_answered(&mut self, cx: &mut Cx, from: ProcessId, token: u64, response: &Response) -> bool {
        if self.callbacks.posts.get(&token).is_none_or(|post| post.to.slot != from.slot) {
            return false;
        }
        let Some(post) = self.callbacks.posts.swap_remove(&token) else { return false };
        let slow = cx.now - post.sent >= self.flags.http_event_callback_slow_consumer_timeout;
        match (response.status, slow) {
            (200..300, false) => {
                self.callbacks.limits.swap_remove(&post.url);
                cx.fact(Fact::EventPosted { endpoint: post.endpoint, how: Delivery::Delivered });
            }
            (200..300, true) => self.post_failed(cx, &post.url, post.endpoint, Delivery::Slow),
            _ => self.post_failed(cx, &post.url, post.endpoint, Delivery::Failed),
        }
        true
    }

    fn post_failed(&mut self, cx: &mut Cx, url: &Arc<str>, endpoint: Symbol, how: Delivery) {
        let limit = self.callbacks.limits.entry(url.clone()).or_insert(Limit { failed: 0, until: cx.now });
        limit.failed += 1;
        limit.until = match limit.failed {
            ..MOST_DOUBLINGS => cx.now.saturating_add(Span::from_secs(1 << limit.failed)),
            _ => Time(i64::MAX),
        };
        cx.fact(Fact::EventPosted { endpoint, how });
    }

    fn arm_posts(&self, cx: &mut Cx) {
        if let Some((deadline, _)) = self.callbacks.deadlines.front() {
            cx.timer(TimerKey::new(timer::CALLBACK, 0), *deadline - cx.now);
        }
    }

    /// Posts that nobody answered in time.
    pub(super) fn posts_late(&mut self, cx: &mut Cx) {
        while let Some((_, token)) = self.callbacks.deadlines.pop_front_if(|(deadline, _)| *deadline <= cx.now) {
            if let Some(post) = self.callbacks.posts.swap_remove(&token) {
                self.post_failed(cx, &post.url, post.endpoint, Delivery::Failed);
            }
        }
        self.arm_posts(cx);
    }

    /// The connection with an endpoint broke.
    pub(super) fn endpoint_gone(&mut self, cx: &mut Cx, peer: ProcessId) {
        let open = self.callbacks.posts.iter().filter(|(_, post)| post.to.slot == peer.slot);
        let tokens: Vec<u64> = open.map(|(token, _)| *token).collect();
        for token in tokens {
            if let Some(post) = self.callbacks.posts.swap_remove(&token) {
                self.post_failed(cx, &post.url, post.endpoint, Delivery::Failed);
            }
        }
    }
}
