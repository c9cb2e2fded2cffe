//! Requests and responses of HTTP APIs as values; no socket, no bytes on a wire.

use serde_json::Value;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub const ALL: &[(&str, Self)] = &[
        ("GET", Self::Get),
        ("HEAD", Self::Head),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, m)| *m == self).map_or("?", |(name, _)| name)
    }
}

/// What the body of a request or response is.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    Empty,
    Json(Value),
    /// Anything else, as text; for a request also JSON that nobody has parsed yet.
    Text(String),
}

#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    pub method: Method,
    /// Percent-decoded, without the query: `/v2/apps/web`.
    pub path: String,
    /// In order, percent-decoded; a parameter may come more than once.
    pub query: Vec<(String, String)>,
    pub body: Body,
    /// How many servers have passed it on (a standby sends it to the leader).
    pub hops: u8,
}

impl Request {
    /// The first value of a query parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Response {
    pub status: u16,
    /// Only those with a meaning for clients (`Location`, `Marathon-Deployment-Id`).
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

impl Response {
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(body) }
    }
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }
    #[must_use]
    pub fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_parameters_counts() {
        let query = vec![("force".into(), "true".into()), ("force".into(), "false".into())];
        let request = Request { method: Method::Get, path: "/ping".into(), query, body: Body::Empty, hops: 0 };
        assert_eq!((request.parameter("force"), request.parameter("scale")), (Some("true"), None));
        assert_eq!(Method::ALL.iter().map(|(_, m)| m.name()).collect::<String>(), "GETHEADPOSTPUTPATCHDELETE");
    }
}
