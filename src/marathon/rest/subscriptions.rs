//! `/v2/eventSubscriptions`: call-back subscriptions as Marathon had them before 1.5, a legacy form.
//! Without `event_subscriber` the path is nobody's, as in 1.11.

use super::command::{Command, Outcome};
use super::route::{Routed, not_allowed, nowhere, reply};
use super::view::View;
use crate::http::{Method, Request};
use crate::marathon::model::rejection::Rejection;
use serde_json::json;

/// Whether events can be posted there.
#[must_use]
pub fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with(['/', ':', '?']) && !rest.contains(char::is_whitespace)
    })
}

pub(super) fn route(request: &Request, view: &dyn View) -> Routed {
    let Some(urls) = view.callbacks() else { return nowhere(view) };
    let url = || request.parameter("callbackUrl").unwrap_or_default().to_owned();
    match request.method {
        Method::Get => Ok(reply(200, json!({ "callbackUrls": urls }))),
        Method::Post if !is_url(&url()) => {
            Err(Rejection::invalid("/", format!("callbackUrl `{}` is no URL of http or https", url())))
        }
        Method::Post => Ok(Outcome::Command(Command::Subscribe { url: url() })),
        Method::Delete => Ok(Outcome::Command(Command::Unsubscribe { url: url() })),
        _ => not_allowed(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::route::route;
    use super::super::testing::Fixture;
    use super::*;
    use crate::http::Body;
    use serde_json::Value;

    fn ask(fixture: &Fixture, method: Method, url: &str) -> Outcome {
        let query = if url.is_empty() { Vec::new() } else { vec![("callbackUrl".to_owned(), url.to_owned())] };
        let path = "/v2/eventSubscriptions".to_owned();
        route(&Request { method, path, query, body: Body::Empty, hops: 0 }, fixture)
    }

    #[test]
    fn subscriptions_are_listed_made_and_ended() {
        let mut fixture = Fixture::new();
        let status = |outcome: Outcome| match outcome {
            Outcome::Reply(response) => response.status,
            _ => 0,
        };
        assert_eq!(status(ask(&fixture, Method::Get, "")), 500, "1.11 has no such path");
        fixture.callbacks = Some(vec!["http://a".to_owned()]);
        let Outcome::Reply(list) = ask(&fixture, Method::Get, "") else { panic!("an answer") };
        assert_eq!((list.status, list.body), (200, Body::Json(json!({ "callbackUrls": ["http://a"] }))));
        let url = || "https://b:80/x?y".to_owned();
        let made = Outcome::Command(Command::Subscribe { url: url() });
        assert_eq!(ask(&fixture, Method::Post, &url()), made);
        assert_eq!(ask(&fixture, Method::Delete, &url()), Outcome::Command(Command::Unsubscribe { url: url() }));
        for bad in ["", "b", "ftp://b", "http://", "http:///x", "http://a b"] {
            assert_eq!(status(ask(&fixture, Method::Post, bad)), 422, "{bad}");
        }
        assert_eq!(status(ask(&fixture, Method::Put, "http://a")), 405);
        assert_eq!(fixture.told(Method::Head, "/v2/eventSubscriptions", Value::Null).split(' ').next(), Some("405"));
    }
}
