//! Normal JSON to values. The shape is right already and defaults are filled in; what can still be
//! wrong are constraints, whose rules depend on their words.

use super::shape::add;
use crate::base::quantity::{Milli, Quantities};
use crate::base::time::Span;
use crate::marathon::model::app::{
    AppOnly, Backoff, Constraint, HealthCheck, HealthKind, HostPort, KillSelection, Kind, Operator, PersistentVolume,
    PortDefinition, PortNeed, ReadinessCheck, RunSpec, Unreachable, UpgradeStrategy, VersionInfo,
};
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::Detail;
use crate::marathon::model::version::Version;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

type Fields = Map<String, Value>;

/// An app in normal form. Ids are absolute or relative to `base`; `version` counts if it is there.
pub fn app(fields: &Fields, base: &PathId) -> Result<RunSpec, Vec<Detail>> {
    let mut details = Vec::new();
    let constraints = items(fields, "constraints").enumerate();
    let constraints = constraints
        .filter_map(|(i, c)| constraint(c).map_err(|e| add(&mut details, &format!("/constraints({i})"), e)).ok());
    let constraints = constraints.collect();
    let mut volumes = Vec::new();
    let container = fields.get("container").cloned();
    let all = container.as_ref().and_then(|c| c["volumes"].as_array()).map_or(&[][..], Vec::as_slice);
    for (i, volume) in all.iter().enumerate() {
        if let Some(persistent) = volume.get("persistent") {
            let path = volume["containerPath"].as_str().unwrap_or_default();
            volumes.push(self::volume(persistent, path, &format!("/container/volumes({i})"), &mut details));
        }
    }
    let definitions: Vec<PortDefinition> = items(fields, "portDefinitions").map(port_definition).collect();
    let require_ports = flag(fields, "requirePorts");
    let app = AppOnly {
        cmd: text(fields, "cmd"),
        args: fields.get("args").map(|_| texts(fields, "args")).filter(|args| !args.is_empty()),
        user: text(fields, "user"),
        executor: text(fields, "executor").unwrap_or_default(),
        fetch: items(fields, "fetch").cloned().collect(),
        networks: items(fields, "networks").cloned().collect(),
        check: fields.get("check").cloned(),
        residency: fields.get("residency").cloned(),
        tty: fields.get("tty").and_then(Value::as_bool),
        resource_limits: fields.get("resourceLimits").cloned(),
        secrets: table(fields, "secrets"),
        executor_resources: fields.get("executorResources").cloned(),
        port_definitions: definitions,
        container,
    };
    if !details.is_empty() {
        return Err(details);
    }
    let number = |name: &str| fields.get(name).and_then(Value::as_f64).unwrap_or_default();
    let amount = |name: &str| Milli::from_f64(number(name));
    let id = PathId::resolve(&text(fields, "id").unwrap_or_default(), base);
    let version = text(fields, "version").and_then(|text| Version::parse(&text)).unwrap_or_default();
    Ok(RunSpec {
        instances: count(fields, "instances"),
        each: Quantities::new(amount("cpus"), amount("mem"), amount("disk"), amount("gpus")),
        role: text(fields, "role").unwrap_or_default(),
        accepted_roles: fields
            .get("acceptedResourceRoles")
            .map(|_| texts(fields, "acceptedResourceRoles").into_iter().collect()),
        constraints,
        backoff: Backoff {
            first: seconds(fields, "backoffSeconds"),
            factor: number("backoffFactor"),
            most: seconds(fields, "maxLaunchDelaySeconds"),
        },
        upgrade: upgrade(&fields["upgradeStrategy"]),
        unreachable: unreachable(&fields["unreachableStrategy"]),
        kill_selection: kill_selection(fields),
        kill_grace: fields.get("taskKillGracePeriodSeconds").map(|_| seconds(fields, "taskKillGracePeriodSeconds")),
        ports: ports(&app, require_ports),
        require_ports,
        health_checks: items(fields, "healthChecks").map(health_check).collect(),
        readiness_checks: items(fields, "readinessChecks").map(readiness_check).collect(),
        has_check: app.check.is_some(),
        dependencies: texts(fields, "dependencies").iter().map(|d| PathId::resolve(d, base)).collect(),
        labels: labels(fields),
        env: table(fields, "env"),
        volumes,
        versions: VersionInfo { version, last_scaling: version, last_config_change: version },
        kind: Kind::App(Box::new(app)),
        id,
    })
}

fn items<'a>(fields: &'a Fields, name: &str) -> impl Iterator<Item = &'a Value> {
    fields.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text(fields: &Fields, name: &str) -> Option<String> {
    fields.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn texts(fields: &Fields, name: &str) -> Vec<String> {
    items(fields, name).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn flag(fields: &Fields, name: &str) -> bool {
    fields.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn count(fields: &Fields, name: &str) -> u32 {
    fields.get(name).and_then(Value::as_u64).map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX))
}

/// Seconds; fractions count (pods have them).
fn seconds(fields: &Fields, name: &str) -> Span {
    Span::from_secs_f64(fields.get(name).and_then(Value::as_f64).unwrap_or_default())
}

fn table(fields: &Fields, name: &str) -> BTreeMap<String, Value> {
    let entries = fields.get(name).and_then(Value::as_object).into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A table of texts.
#[must_use]
pub fn labels(fields: &Fields) -> BTreeMap<String, String> {
    let entries = table(fields, "labels").into_iter();
    entries.map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned())).collect()
}

fn port_definition(value: &Value) -> PortDefinition {
    let labels = value.as_object().map(labels).unwrap_or_default();
    PortDefinition {
        port: port(&value["port"]),
        protocol: value["protocol"].as_str().unwrap_or("tcp").to_owned(),
        name: value["name"].as_str().map(str::to_owned),
        labels,
    }
}

fn port(value: &Value) -> u16 {
    value.as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or_default()
}

/// The number that a port of the host is asked with.
#[must_use]
pub fn host_port(value: Option<&Value>) -> HostPort {
    match value.map(port) {
        None => HostPort::None,
        Some(0) => HostPort::Dynamic,
        Some(number) => HostPort::Fixed(number),
    }
}

fn ports(app: &AppOnly, required: bool) -> Vec<PortNeed> {
    let mappings = app.container.as_ref().and_then(|c| c["portMappings"].as_array());
    if let Some(mappings) = mappings.filter(|mappings| !mappings.is_empty()) {
        let need = |mapping: &Value| PortNeed {
            name: mapping["name"].as_str().map(str::to_owned),
            service_port: port(&mapping["servicePort"]),
            host: host_port(mapping.get("hostPort")),
        };
        return mappings.iter().map(need).collect();
    }
    let need = |definition: &PortDefinition| PortNeed {
        name: definition.name.clone(),
        service_port: definition.port,
        host: if required && definition.port != 0 { HostPort::Fixed(definition.port) } else { HostPort::Dynamic },
    };
    app.port_definitions.iter().map(need).collect()
}

/// `[field, operator]` or `[field, operator, value]`.
pub fn constraint(value: &Value) -> Result<Constraint, &'static str> {
    let words: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (field, operator, value) = match words[..] {
        [field, operator] => (field, operator, None),
        [field, operator, value] => (field, operator, Some(value)),
        _ => return Err("Each constraint must have either 2 or 3 fields"),
    };
    made_constraint(field, operator, value)
}

/// Checks what an operator wants of its value.
pub fn made_constraint(field: &str, operator: &str, value: Option<&str>) -> Result<Constraint, &'static str> {
    if field.is_empty() {
        return Err("a constraint needs the name of a field");
    }
    let known = Operator::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(operator));
    let Some(&(_, operator)) = known else {
        return Err("operator must be one of UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE, IS");
    };
    let whole = |text: &str| text.parse::<i32>().is_ok();
    let literal = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_/.-".contains(c));
    match operator {
        Operator::Unique if value.is_some() => return Err("UNIQUE takes no value"),
        Operator::GroupBy if !value.is_none_or(whole) => return Err("GROUP_BY takes an integer or no value"),
        Operator::MaxPer if !value.is_some_and(whole) => return Err("MAX_PER needs an integer"),
        Operator::Like | Operator::Unlike => match value {
            None => return Err("LIKE and UNLIKE need a regular expression"),
            Some(pattern) if regex::Regex::new(pattern).is_err() => return Err("is not a valid regular expression"),
            Some(_) => {}
        },
        Operator::Is if !literal(value.unwrap_or_default()) => return Err("IS compares with texts and numbers only"),
        _ => {}
    }
    Ok(Constraint { field: field.to_owned(), operator, value: value.map(str::to_owned) })
}

/// `upgradeStrategy`.
#[must_use]
pub fn upgrade(value: &Value) -> UpgradeStrategy {
    UpgradeStrategy {
        minimum_health_capacity: value["minimumHealthCapacity"].as_f64().unwrap_or(1.0),
        maximum_over_capacity: value["maximumOverCapacity"].as_f64().unwrap_or(1.0),
    }
}

/// `unreachableStrategy`.
#[must_use]
pub fn unreachable(value: &Value) -> Unreachable {
    let Some(fields) = value.as_object() else { return Unreachable::Disabled };
    Unreachable::Enabled {
        inactive_after: seconds(fields, "inactiveAfterSeconds"),
        expunge_after: seconds(fields, "expungeAfterSeconds"),
    }
}

fn kill_selection(fields: &Fields) -> KillSelection {
    match text(fields, "killSelection").as_deref() {
        Some("OLDEST_FIRST") => KillSelection::OldestFirst,
        _ => KillSelection::YoungestFirst,
    }
}

fn health_check(value: &Value) -> HealthCheck {
    let empty = Map::new();
    let fields = value.as_object().unwrap_or(&empty);
    let word = text(fields, "protocol").unwrap_or_default();
    let kind = HealthKind::ALL.iter().find(|(name, _)| *name == word).map_or(HealthKind::Http, |(_, kind)| *kind);
    // A command makes it one of commands, whatever the protocol says.
    let kind = if fields.contains_key("command") { HealthKind::Command } else { kind };
    HealthCheck {
        kind,
        path: text(fields, "path"),
        command: value["command"]["value"].as_str().map(str::to_owned),
        port_index: fields.get("portIndex").map(|_| count(fields, "portIndex")),
        port: fields.get("port").map(port),
        grace_period: seconds(fields, "gracePeriodSeconds"),
        interval: seconds(fields, "intervalSeconds"),
        timeout: seconds(fields, "timeoutSeconds"),
        max_consecutive_failures: count(fields, "maxConsecutiveFailures"),
        delay: seconds(fields, "delaySeconds"),
        ip_protocol: text(fields, "ipProtocol").filter(|_| kind != HealthKind::Command),
        ignore_http_1xx: fields.get("ignoreHttp1xx").and_then(Value::as_bool),
    }
}

fn readiness_check(value: &Value) -> ReadinessCheck {
    let empty = Map::new();
    let fields = value.as_object().unwrap_or(&empty);
    let word = |name: &str| text(fields, name).unwrap_or_default();
    ReadinessCheck {
        name: word("name"),
        protocol: word("protocol"),
        path: word("path"),
        port_name: word("portName"),
        interval: seconds(fields, "intervalSeconds"),
        timeout: seconds(fields, "timeoutSeconds"),
        ready_codes: items(fields, "httpStatusCodesForReady").map(port).collect(),
        preserve_last_response: flag(fields, "preserveLastResponse"),
    }
}

/// `persistent` of a volume.
pub fn volume(persistent: &Value, path: &str, place: &str, details: &mut Vec<Detail>) -> PersistentVolume {
    let mut constraints = Vec::new();
    for (i, value) in persistent["constraints"].as_array().into_iter().flatten().enumerate() {
        let told = match constraint(value) {
            Ok(c) if c.field != "path" => "volumes are constrained by the field `path` only",
            Ok(c) if !matches!(c.operator, Operator::Like | Operator::Unlike) => "Operator must be one of LIKE, UNLIKE",
            Ok(c) => {
                constraints.push(c);
                continue;
            }
            Err(told) => told,
        };
        add(details, &format!("{place}/persistent/constraints({i})"), told);
    }
    let mebibytes = |name: &str| persistent[name].as_i64().map(Milli::from_int);
    PersistentVolume {
        container_path: path.to_owned(),
        size: mebibytes("size").unwrap_or_default(),
        disk_type: persistent["type"].as_str().unwrap_or("root").to_owned(),
        max_size: mebibytes("maxSize"),
        profile: persistent["profileName"].as_str().map(str::to_owned),
        constraints,
    }
}

/// Apps for tests of other modules.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::marathon::model::flags::Flags;
    use crate::marathon::model::json::{normal, object, tables};

    /// The app that this JSON means, with the role `*`.
    pub(crate) fn app(value: Value) -> RunSpec {
        let fields = object(&value, &tables::APP, true).unwrap_or_else(|e| panic!("{value}: {e:?}"));
        let mut fields = normal::app(fields, &Flags::default()).unwrap_or_else(|e| panic!("{value}: {e:?}"));
        fields.entry("role").or_insert_with(|| Value::from("*"));
        super::app(&fields, &PathId::root()).unwrap_or_else(|e| panic!("{value}: {e:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::testing::app;
    use super::*;
    use serde_json::json;

    #[test]
    fn constraints_are_what_their_operators_want() {
        let of = |value: Value| constraint(&value).map(|c| (c.operator.name(), c.value));
        assert_eq!(of(json!(["hostname", "UNIQUE"])), Ok(("UNIQUE", None)));
        assert_eq!(of(json!(["rack", "group_by", "3"])), Ok(("GROUP_BY", Some("3".into()))));
        assert_eq!(of(json!(["rack", "CLUSTER", ""])), Ok(("CLUSTER", Some(String::new()))));
        for (wrong, told) in [
            (json!(["hostname", "UNIQUE", ""]), "UNIQUE takes no value"),
            (json!(["rack", "GROUP_BY", "x"]), "integer"),
            (json!(["rack", "MAX_PER"]), "integer"),
            (json!(["rack", "LIKE"]), "regular"),
            (json!(["rack", "LIKE", "("]), "regular"),
            (json!(["rack", "IS", "{a,b}"]), "texts and numbers"),
            (json!(["rack", "NEAR"]), "operator must be one of"),
            (json!(["", "UNIQUE"]), "name of a field"),
            (json!(["rack"]), "2 or 3"),
        ] {
            let refused = of(wrong.clone()).unwrap_err();
            assert!(refused.contains(told), "{wrong}: {refused}");
        }
    }

    #[test]
    fn an_app_is_read_into_values() {
        let app = app(json!({
            "id": "/shop/web", "cmd": "run", "cpus": 0.5, "mem": 64, "instances": 2, "acceptedResourceRoles": ["*"],
            "dependencies": ["../db", "/queue"], "taskKillGracePeriodSeconds": 5, "requirePorts": true, "ports": [80, 0],
            "healthChecks": [{ "protocol": "TCP", "intervalSeconds": 5 }, { "command": { "value": "true" } }],
            "unreachableStrategy": { "inactiveAfterSeconds": 1, "expungeAfterSeconds": 2 },
            "container": { "type": "MESOS", "volumes": [{ "containerPath": "d", "mode": "RW", "persistent": {
                "size": 10, "type": "path", "constraints": [["path", "LIKE", "/a.*"]] } }] },
        }));
        assert_eq!(app.each, Quantities([500, 64_000, 0, 0]));
        assert_eq!(app.dependencies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/db", "/queue"]);
        assert_eq!((app.ports[0].host, app.ports[1].host), (HostPort::Fixed(80), HostPort::Dynamic));
        assert_eq!((app.health_checks[0].kind, app.health_checks[1].kind), (HealthKind::Tcp, HealthKind::Command));
        let (inactive_after, expunge_after) = (Span::from_secs(1), Span::from_secs(2));
        assert_eq!(app.unreachable, Unreachable::Enabled { inactive_after, expunge_after });
        assert_eq!((app.volumes[0].size, app.volumes[0].constraints.len()), (Milli(10_000), 1));
        assert!(app.is_resident() && app.kill_grace == Some(Span::from_secs(5)));
    }
}
