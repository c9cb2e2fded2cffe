//! The process itself: `/v2/info`, `/v2/leader`, `/ping`, `/metrics`, `/v2/plugins`, `/logging`
//! (`InfoResource`, `LeaderResource`, `SystemResource`).

use super::command::{Command, Outcome};
use super::route::{Routed, not_allowed, nowhere, reply};
use super::show::instant;
use super::view::{Metric, View};
use crate::base::time::Time;
use crate::http::{Body, Method, Request, Response};
use crate::marathon::model::json::shape::number;
use crate::marathon::model::json::write::seconds;
use crate::marathon::model::rejection::Rejection;
use serde_json::{Map, Value, json};

/// The version of Marathon that is played.
const VERSION: &str = "1.11.24";

pub(super) fn route(request: &Request, path: &[&str], view: &dyn View) -> Routed {
    use Method as M;
    match (request.method, path) {
        (M::Get, []) => Ok(Outcome::Reply(Response::empty(302).with("Location", "/ui/"))),
        (M::Get, ["ping"]) => Ok(text("pong")),
        (M::Get, ["metrics"]) => Ok(reply(200, metrics(view))),
        (M::Get, ["metrics", "prometheus"]) => Ok(text(&prometheus(view))),
        (M::Get, ["logging"]) => Ok(reply(200, json!([]))),
        (M::Get, ["v2", "info"]) => Ok(reply(200, info(view))),
        (M::Get, ["v2", "plugins"]) => Ok(reply(200, json!({ "plugins": [] }))),
        (M::Get, ["v2", "leader"]) => match view.leader() {
            Some(leader) => Ok(reply(200, json!({ "leader": leader }))),
            None => Err(Rejection::NotFound("There is no leader".to_owned())),
        },
        (M::Delete, ["v2", "leader"]) => {
            let reply = Response::json(200, json!({ "message": "Leadership abdicated" }));
            Ok(Outcome::Command(Command::Abdicate { reply }))
        }
        (
            _,
            [] | ["ping" | "metrics" | "logging"] | ["metrics", "prometheus"] | ["v2", "info" | "plugins" | "leader"],
        ) => not_allowed(),
        _ => nowhere(view),
    }
}

fn text(text: &str) -> Outcome {
    let headers = vec![("Content-Type", "text/plain".to_owned())];
    Outcome::Reply(Response { status: 200, headers, body: Body::Text(text.to_owned()) })
}

/// The keys are those that strict clients know.
fn info(view: &dyn View) -> Value {
    let flags = view.flags();
    let features: Vec<&str> = flags.features.iter().map(|feature| feature.name()).collect();
    json!({
        "name": "marathon",
        "version": VERSION,
        "buildref": "simulated",
        "elected": view.is_leader(),
        "leader": view.leader(),
        "frameworkId": view.framework_id().map(|id| view.names().framework(id)),
        "marathon_config": {
            "checkpoint": flags.checkpoint,
            "default_network_name": flags.default_network_name,
            "executor": "//cmd",
            "failover_timeout": seconds(flags.failover_timeout),
            "features": features,
            "framework_name": flags.framework_name,
            "ha": true,
            "hostname": flags.hostname,
            "local_port_max": flags.local_ports.1,
            "local_port_min": flags.local_ports.0,
            "max_instances_per_offer": flags.max_instances_per_offer,
            "mesos_bridge_name": flags.bridge_name,
            "mesos_role": flags.role,
            "mesos_user": flags.user,
            "new_group_enforce_role": if flags.enforce_role_of_new_groups { "top" } else { "off" },
        },
        "zookeeper_config": { "zk": flags.zk },
        "http_config": { "http_port": flags.http_port, "https_port": 8443 },
    })
}

fn metrics(view: &dyn View) -> Value {
    let (mut counters, mut gauges) = (Map::new(), Map::new());
    for (name, metric) in view.metrics() {
        match metric {
            Metric::Counter(count) => counters.insert(name.to_owned(), json!({ "count": count })),
            Metric::Gauge(value) => gauges.insert(name.to_owned(), json!({ "value": number(value) })),
        };
    }
    json!({
        "version": "5.0.0", "start": instant(Time::ZERO), "end": instant(view.wall()),
        "gauges": gauges, "counters": counters, "histograms": {}, "meters": {}, "timers": {},
    })
}

/// `# TYPE` and a value for each, names with underscores.
fn prometheus(view: &dyn View) -> String {
    let line = |(name, metric): (&str, Metric)| {
        let name = name.replace(['.', '-'], "_");
        match metric {
            Metric::Counter(count) => format!("# TYPE {name} counter\n{name} {count}\n"),
            Metric::Gauge(value) => format!("# TYPE {name} gauge\n{name} {}\n", number(value)),
        }
    };
    view.metrics().into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[test]
    fn the_process_tells_of_itself() {
        let mut fixture = Fixture::new();
        let mut told = |method: Method, url: &str| fixture.told(method, url, Value::Null);
        assert_eq!(told(Method::Get, "/ping"), "200 Content-Type=text/plain pong");
        assert_eq!(told(Method::Get, "/v2/leader"), r#"200 {"leader":"marathon-1:8080"}"#);
        assert_eq!(told(Method::Delete, "/v2/leader"), r#"200 {"message":"Leadership abdicated"}"#);
        assert_eq!(told(Method::Get, "/"), "302 Location=/ui/");
        let info = told(Method::Get, "/v2/info");
        for part in [r#""elected":true"#, r#""frameworkId":"nobody""#, r#""local_port_min":10000"#] {
            assert!(info.contains(part), "{info}");
        }
    }

    #[test]
    fn metrics_come_in_two_forms() {
        let mut fixture = Fixture::new();
        let json = fixture.told(Method::Get, "/metrics", Value::Null);
        assert!(json.contains(r#""marathon.deployments.counter":{"count":3}"#), "{json}");
        let text = fixture.told(Method::Get, "/metrics/prometheus", Value::Null);
        assert!(text.contains("# TYPE marathon_apps_active_gauge gauge\nmarathon_apps_active_gauge 2\n"), "{text}");
    }
}
