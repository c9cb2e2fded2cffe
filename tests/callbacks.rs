//! Call-back subscriptions in whole small clusters: who is called when, and how the calls end.

#[allow(dead_code, reason = "not every test file uses all of it")]
mod common;

use common::{facts_until, world};
use mesosim::base::time::{Span, Time};
use mesosim::fact::{Delivery, Fact};

/// Events at the instants of `posts` (an app that is posted); endpoints `a`, `b`, ... as described.
fn play(marathon: &str, endpoints: &[&str], subscribe: &str, posts: &[u32]) -> Vec<(i64, String, Delivery)> {
    let mut text = format!(
        r#"
duration = "2h"
stop_when_done = false
[network]
latency = "1ms"
[[agents]]
name = "agent"
count = 1
resources = "cpus:0.1;mem:32"
[[marathon]]
event_subscriber = "http_callback"
{marathon}
"#
    );
    for (i, endpoint) in endpoints.iter().enumerate() {
        let name = char::from(b'a' + i as u8);
        text += &format!("[[endpoints]]\nname = \"{name}\"\nurl = \"http://{name}\"\n{endpoint}\n");
    }
    let mut request = |at: u32, method: &str, path: &str, body: &str| {
        text +=
            &format!("[[request]]\nkind = \"marathon\"\nat = \"{at}s\"\nmethod = \"{method}\"\npath = \"{path}\"\n");
        if !body.is_empty() {
            text += &format!("body = '{body}'\n");
        }
    };
    for (i, word) in subscribe.split(' ').filter(|word| !word.is_empty()).enumerate() {
        let (method, name) = word.strip_prefix('-').map_or(("POST", word), |name| ("DELETE", name));
        request(10 + i as u32, method, &format!("/v2/eventSubscriptions?callbackUrl=http://{name}"), "");
    }
    // Suspended: a deployment without instances, so that there are the same few events each time.
    for at in posts {
        let body = format!("{{\"id\": \"/app-{at}\", \"cmd\": \"run\", \"instances\": 0}}");
        request(*at, "POST", "/v2/apps", &body);
    }
    let mut world = world(&text);
    let facts = facts_until(&mut world, Time::from_secs(7200));
    let posted = facts.iter().filter_map(|fact| match fact.what {
        Fact::EventPosted { endpoint, how } => {
            let seconds = (fact.at - Time::ZERO).0 / Span::from_secs(1).0;
            Some((seconds, world.names().text(endpoint).to_owned(), how))
        }
        _ => None,
    });
    posted.collect()
}

/// What became of the events for one endpoint, and in which second.
fn of(all: &[(i64, String, Delivery)], name: &str) -> Vec<(i64, Delivery)> {
    all.iter().filter(|(_, own, _)| own == name).map(|(at, _, how)| (*at, *how)).collect()
}

fn count(all: &[(i64, Delivery)], seconds: std::ops::Range<i64>, which: Delivery) -> usize {
    all.iter().filter(|(at, how)| seconds.contains(at) && *how == which).count()
}

use Delivery::{Delivered, Failed, Skipped, Slow};

#[test]
fn a_subscriber_hears_from_its_subscription_to_its_end() {
    let all = play("", &["", ""], "a b -a", &[5, 60]);
    // Its own subscription is told before it is stored, and its end while it still is.
    let a = of(&all, "a");
    assert_eq!(a, [(11, Delivered), (12, Delivered)], "of others' subscriptions, and of its own end");
    let b = of(&all, "b");
    assert_eq!(b[0], (12, Delivered));
    let events = count(&b, 60..61, Delivered);
    assert!(events >= 4 && b.len() == 1 + events, "{b:?}");
}

#[test]
fn dead_ones_are_skipped_and_hold_nobody_up() {
    let marathon = "http_event_request_timeout = \"5s\"";
    let all = play(marathon, &["", "dead_from = \"0s\"\ndead_until = \"100s\""], "a b", &[60, 70, 4000]);
    let (a, b) = (of(&all, "a"), of(&all, "b"));
    let events = count(&a, 60..61, Delivered);
    assert!(events >= 4, "{a:?}");
    // Everything at the instant at which it happened.
    assert_eq!((count(&a, 70..71, Delivered), count(&a, 4000..4001, Delivered)), (events, events));
    // Given up after the time-out; each doubles the pause.
    assert_eq!(count(&b, 65..66, Failed), events);
    assert_eq!(count(&b, 70..71, Skipped), events, "the pause is longer than five seconds");
    assert_eq!(count(&b, 4000..4001, Delivered), events, "it is over");
    assert_eq!(b.len(), 3 * events);
}

/// One event at a time: pauses of 2, 4, 8 seconds.
#[test]
fn pauses_double_and_end_with_a_good_answer() {
    // Every subscription is one event; those of `a` are refused until 100 s.
    let text = |seconds: &[u32]| {
        let mut text = r#"
duration = "1h"
stop_when_done = false
[network]
latency = "1ms"
[[agents]]
name = "agent"
count = 1
resources = "cpus:1;mem:32"
[[marathon]]
event_subscriber = "http_callback"
http_endpoints = ["http://a", "http://nobody"]
http_event_request_timeout = "100ms"
[[endpoints]]
name = "a"
url = "http://a"
dead_until = "100s"
"#
        .to_owned();
        for at in seconds {
            text += &format!("[[request]]\nkind = \"marathon\"\nat = \"{at}s\"\nmethod = \"POST\"\n");
            text += "path = \"/v2/eventSubscriptions?callbackUrl=http://a\"\n";
        }
        text
    };
    let ends = |seconds: &[u32], name: &str| -> Vec<Delivery> {
        let mut world = world(&text(seconds));
        let facts = facts_until(&mut world, Time::from_secs(3600));
        let of = |fact: &Fact| match fact {
            Fact::EventPosted { endpoint, how } if world.names().text(*endpoint) == name => Some(*how),
            _ => None,
        };
        // The first one is of the registration with Mesos.
        facts.iter().filter_map(|fact| of(&fact.what)).skip(1).collect()
    };
    // Failed at 0 (at most 3 s) and 10.1; then 4 s, 8 s, 16 s of silence.
    let seconds = [10, 13, 15, 22, 24, 39, 41, 120, 121, 122];
    let expected = [Failed, Skipped, Failed, Skipped, Failed, Skipped, Failed, Delivered, Delivered, Delivered];
    assert_eq!(ends(&seconds, "a"), expected);
    // An address that nobody has fails at once, for ever.
    let nobody = ends(&seconds, "http://nobody");
    assert_eq!(nobody, [Failed, Skipped, Failed, Skipped, Failed, Skipped, Failed, Failed, Skipped, Skipped]);
}

#[test]
fn slow_ones_are_told_and_then_skipped() {
    let marathon = "http_event_callback_slow_consumer_timeout = \"2s\"";
    let endpoints = ["answers_after = \"1s\"", "answers_after = \"3s\"", "answers_after = \"30s\"", "fails = 1"];
    let all = play(marathon, &endpoints, "a b c d", &[600, 606]);
    let events = count(&of(&all, "a"), 601..602, Delivered);
    assert!(events >= 4, "{all:?}");
    assert_eq!(count(&of(&all, "a"), 607..608, Delivered), events);
    assert_eq!(count(&of(&all, "b"), 603..604, Slow), events);
    assert_eq!(count(&of(&all, "b"), 606..607, Skipped), events);
    assert_eq!(count(&of(&all, "c"), 610..611, Failed), events, "the request's own time-out is ten seconds");
    assert_eq!(count(&of(&all, "c"), 640..700, Slow), 0, "an answer that nobody waits for");
    assert_eq!(count(&of(&all, "d"), 600..601, Failed), events);
    assert_eq!(count(&of(&all, "d"), 606..607, Skipped), events);
}
