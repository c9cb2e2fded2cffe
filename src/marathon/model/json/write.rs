//! Values as Marathon prints them (`AppConversion.scala`): deprecated fields left out, absent ones
//! too, in the API's order. What is written can be read back.

use super::shape::number;
use crate::base::quantity::Milli;
use crate::base::time::Span;
use crate::marathon::model::app::{
    AppOnly, Constraint, HealthCheck, HealthKind, KillSelection, Kind, PodOnly, PortDefinition, ReadinessCheck,
    RunSpec, Unreachable, UpgradeStrategy,
};
use crate::marathon::model::group::Group;
use crate::marathon::model::version::Version;
use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

/// An app or a pod.
#[must_use]
pub fn run_spec(spec: &RunSpec) -> Value {
    match &spec.kind {
        Kind::App(app) => Value::Object(self::app(spec, app)),
        Kind::Pod(pod) => Value::Object(self::pod(spec, pod)),
    }
}

/// Collects fields, leaving out what is absent.
struct Writer(Fields);

impl Writer {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
    fn maybe(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }
    fn some(&mut self, name: &str, values: Vec<Value>) {
        if !values.is_empty() {
            self.put(name, values);
        }
    }
}

#[must_use]
pub fn app(spec: &RunSpec, app: &AppOnly) -> Fields {
    let mut w = Writer(Map::new());
    w.put("id", spec.id.as_str());
    w.maybe("acceptedResourceRoles", spec.accepted_roles.as_ref().map(|roles| json!(roles)));
    w.maybe("args", app.args.as_ref().map(|args| json!(args)));
    w.put("backoffFactor", number(spec.backoff.factor));
    w.put("backoffSeconds", seconds(spec.backoff.first));
    w.maybe("cmd", app.cmd.clone());
    w.some("constraints", spec.constraints.iter().map(constraint).collect());
    w.maybe("container", app.container.clone());
    w.put("cpus", amount(spec.each.cpus()));
    w.some("dependencies", spec.dependencies.iter().map(|d| d.as_str().into()).collect());
    w.put("disk", amount(spec.each.disk()));
    w.maybe("env", (!spec.env.is_empty()).then(|| json!(spec.env)));
    w.put("executor", app.executor.as_str());
    w.maybe("executorResources", app.executor_resources.clone());
    w.some("fetch", app.fetch.clone());
    w.some("healthChecks", spec.health_checks.iter().map(health_check).collect());
    w.maybe("check", app.check.clone());
    w.put("instances", spec.instances);
    w.put("labels", json!(spec.labels));
    w.put("maxLaunchDelaySeconds", seconds(spec.backoff.most));
    w.put("mem", amount(spec.each.mem()));
    w.put("gpus", amount(spec.each.gpus()));
    w.put("networks", app.networks.clone());
    let on_host = app.networks.iter().all(|network| network["mode"] == "host");
    w.maybe("portDefinitions", on_host.then(|| app.port_definitions.iter().map(port_definition).collect::<Value>()));
    w.some("readinessChecks", spec.readiness_checks.iter().map(readiness_check).collect());
    w.maybe("residency", app.residency.clone());
    w.put("requirePorts", spec.require_ports);
    w.maybe("resourceLimits", app.resource_limits.clone());
    w.maybe("secrets", (!app.secrets.is_empty()).then(|| json!(app.secrets)));
    w.maybe("taskKillGracePeriodSeconds", spec.kill_grace.map(seconds));
    w.put("upgradeStrategy", upgrade(spec.upgrade));
    w.maybe("user", app.user.clone());
    w.put("version", spec.versions.version.to_string());
    // An app that has not been deployed yet has a version and nothing else.
    let versions = spec.versions;
    if versions.last_config_change != Version::default() {
        let (config, scaling) = (versions.last_config_change.to_string(), versions.last_scaling.to_string());
        w.put("versionInfo", json!({ "lastScalingAt": scaling, "lastConfigChangeAt": config }));
    }
    w.put("killSelection", kill_selection(spec.kill_selection));
    w.put("unreachableStrategy", unreachable(spec.unreachable));
    w.maybe("tty", app.tty);
    w.put("role", spec.role.as_str());
    w.0
}

fn pod(spec: &RunSpec, pod: &PodOnly) -> Fields {
    let mut w = Writer(Map::new());
    w.put("id", spec.id.as_str());
    for (name, value) in &pod.definition {
        w.put(name, value.clone());
    }
    let mut scaling = json!({ "kind": "fixed", "instances": spec.instances });
    if let Some(most) = pod.max_instances {
        scaling["maxInstances"] = json!(most);
    }
    w.put("scaling", scaling);
    w.put("version", spec.versions.version.to_string());
    w.0
}

/// Whole seconds where it is so.
#[must_use]
pub fn seconds(span: Span) -> Value {
    number(span.as_secs_f64())
}

#[must_use]
pub fn amount(amount: Milli) -> Value {
    number(amount.to_f64())
}

#[must_use]
pub fn constraint(constraint: &Constraint) -> Value {
    let mut words = vec![constraint.field.as_str(), constraint.operator.name()];
    words.extend(constraint.value.as_deref());
    json!(words)
}

#[must_use]
pub fn upgrade(strategy: UpgradeStrategy) -> Value {
    json!({
        "maximumOverCapacity": number(strategy.maximum_over_capacity),
        "minimumHealthCapacity": number(strategy.minimum_health_capacity),
    })
}

#[must_use]
pub fn unreachable(strategy: Unreachable) -> Value {
    match strategy {
        Unreachable::Disabled => json!("disabled"),
        Unreachable::Enabled { inactive_after, expunge_after } => json!({
            "inactiveAfterSeconds": seconds(inactive_after),
            "expungeAfterSeconds": seconds(expunge_after),
        }),
    }
}

#[must_use]
pub fn kill_selection(selection: KillSelection) -> &'static str {
    match selection {
        KillSelection::YoungestFirst => "YOUNGEST_FIRST",
        KillSelection::OldestFirst => "OLDEST_FIRST",
    }
}

fn port_definition(definition: &PortDefinition) -> Value {
    let mut w = Writer(Map::new());
    w.put("labels", json!(definition.labels));
    w.maybe("name", definition.name.clone());
    w.put("port", definition.port);
    w.put("protocol", definition.protocol.as_str());
    Value::Object(w.0)
}

/// A health check of an app, also in events.
#[must_use]
pub fn health_check(check: &HealthCheck) -> Value {
    let mut w = Writer(Map::new());
    w.maybe("command", check.command.as_ref().map(|command| json!({ "value": command })));
    w.put("gracePeriodSeconds", seconds(check.grace_period));
    w.maybe("ignoreHttp1xx", check.ignore_http_1xx);
    w.put("intervalSeconds", seconds(check.interval));
    w.put("maxConsecutiveFailures", check.max_consecutive_failures);
    w.maybe("path", check.path.clone());
    w.maybe("port", check.port);
    w.maybe("portIndex", check.port_index);
    w.put("protocol", check.kind.name());
    if check.kind != HealthKind::Command {
        w.maybe("ipProtocol", check.ip_protocol.clone());
    }
    w.put("timeoutSeconds", seconds(check.timeout));
    w.put("delaySeconds", seconds(check.delay));
    Value::Object(w.0)
}

fn readiness_check(check: &ReadinessCheck) -> Value {
    json!({
        "name": check.name,
        "protocol": check.protocol,
        "path": check.path,
        "portName": check.port_name,
        "intervalSeconds": seconds(check.interval),
        "timeoutSeconds": seconds(check.timeout),
        "httpStatusCodesForReady": check.ready_codes,
        "preserveLastResponse": check.preserve_last_response,
    })
}

/// A group; `spec` makes the JSON of an app or pod, `None` leaves it out.
#[must_use]
pub fn group(group: &Group, parts: &Parts, spec: &mut dyn FnMut(&RunSpec) -> Option<Value>) -> Value {
    let mut w = Writer(Map::new());
    w.put("id", group.id.as_str());
    let (mut apps, mut pods) = (Vec::new(), Vec::new());
    for member in group.specs.values() {
        let of_kind = if member.pod().is_some() { (parts.pods, &mut pods) } else { (parts.apps, &mut apps) };
        if of_kind.0 {
            of_kind.1.extend(spec(member));
        }
    }
    if parts.apps {
        w.put("apps", apps);
    }
    w.put("dependencies", group.dependencies.iter().map(|d| d.as_str().into()).collect::<Vec<Value>>());
    if parts.groups {
        let groups: Vec<Value> = group.groups.values().map(|inner| self::group(inner, parts, spec)).collect();
        w.put("groups", groups);
    }
    if parts.pods {
        w.put("pods", pods);
    }
    w.put("version", group.version.to_string());
    w.maybe("enforceRole", group.enforce_role);
    Value::Object(w.0)
}

/// Which parts of a group are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts {
    pub apps: bool,
    pub pods: bool,
    pub groups: bool,
}

#[cfg(test)]
mod tests {
    use super::super::read::testing::app;
    use super::*;
    use crate::marathon::model::json::{object, read, tables};
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::version::Version;
    use expect_test::expect;

    #[test]
    fn an_app_prints_as_marathon_prints_it() {
        let mut web =
            app(json!({ "id": "/web", "cmd": "sleep 1", "cpus": 0.1, "constraints": [["hostname", "unique"]],
            "healthChecks": [{ "path": "/health" }] }));
        let version = Version(1_767_225_600_000);
        web.versions =
            crate::marathon::model::app::VersionInfo { version, last_scaling: version, last_config_change: version };
        let printed = serde_json::to_string_pretty(&run_spec(&web)).unwrap();
        expect![[r#"
            {
              "id": "/web",
              "backoffFactor": 1.15,
              "backoffSeconds": 1,
              "cmd": "sleep 1",
              "constraints": [
                [
                  "hostname",
                  "UNIQUE"
                ]
              ],
              "cpus": 0.1,
              "disk": 0,
              "executor": "",
              "healthChecks": [
                {
                  "gracePeriodSeconds": 300,
                  "intervalSeconds": 60,
                  "maxConsecutiveFailures": 3,
                  "path": "/health",
                  "protocol": "HTTP",
                  "ipProtocol": "IPv4",
                  "timeoutSeconds": 20,
                  "delaySeconds": 15
                }
              ],
              "instances": 1,
              "labels": {},
              "maxLaunchDelaySeconds": 300,
              "mem": 128,
              "gpus": 0,
              "networks": [
                {
                  "mode": "host"
                }
              ],
              "portDefinitions": [
                {
                  "labels": {},
                  "name": "default",
                  "port": 0,
                  "protocol": "tcp"
                }
              ],
              "requirePorts": false,
              "upgradeStrategy": {
                "maximumOverCapacity": 1,
                "minimumHealthCapacity": 1
              },
              "version": "2026-01-01T00:00:00.000Z",
              "versionInfo": {
                "lastScalingAt": "2026-01-01T00:00:00.000Z",
                "lastConfigChangeAt": "2026-01-01T00:00:00.000Z"
              },
              "killSelection": "YOUNGEST_FIRST",
              "unreachableStrategy": {
                "inactiveAfterSeconds": 0,
                "expungeAfterSeconds": 0
              },
              "role": "*"
            }"#]]
        .assert_eq(&printed);
    }

    #[test]
    fn what_is_written_can_be_read_back() {
        for value in [
            json!({ "id": "/a", "cmd": "run", "ports": [0, 9000], "requirePorts": true, "tty": true, "user": "me" }),
            json!({ "id": "/s/b", "args": ["x"], "networks": [{ "mode": "container/bridge" }], "dependencies": ["/a"],
                "container": { "docker": { "image": "i" }, "portMappings": [{ "containerPort": 80, "name": "http" }] },
                "readinessChecks": [{ "portName": "http" }], "env": { "A": "1" }, "labels": { "l": "m" },
                "healthChecks": [{ "protocol": "MESOS_HTTP" }], "check": { "exec": { "command": { "shell": "x" } } } }),
            json!({ "id": "/r", "cmd": "run", "acceptedResourceRoles": ["*"], "role": "db", "container": {
                "type": "MESOS", "volumes": [{ "containerPath": "d", "mode": "RW", "persistent": { "size": 1 } }] } }),
        ] {
            let spec = app(value);
            let fields = object(&run_spec(&spec), &tables::APP, true).unwrap();
            let mut back = read::app(&fields, &PathId::root()).unwrap();
            back.versions = spec.versions;
            assert_eq!(back, spec);
        }
    }
}
