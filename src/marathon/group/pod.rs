//! Pods from JSON (`PodNormalization.scala`, `PodConversion.scala`): what scheduling needs is read
//! out, the rest of the definition is kept in normal form.

use super::define::{Context, checked};
use super::roles::Roles;
use crate::base::quantity::{Milli, Quantities};
use crate::base::time::Span;
use crate::marathon::model::app::{
    Backoff, HealthCheck, HealthKind, HostPort, KillSelection, Kind, PodContainer, PodOnly, PortNeed, RunSpec,
    VersionInfo,
};
use crate::marathon::model::json::shape::add;
use crate::marathon::model::json::{self, read, tables};
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::Rejection;
use crate::marathon::model::version::Version;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A whole pod; its id may be relative to `base`.
pub fn pod(value: &Value, base: &PathId, context: Context) -> Result<RunSpec, Rejection> {
    let fields = json::object(value, &tables::POD, context.strict)?;
    let id = PathId::resolve(fields["id"].as_str().unwrap_or_default(), base);
    let roles = Roles::of(&id, context.root, context.flags);
    let spec = from_fields(normal(fields, context)?, id, &roles.default)?;
    checked(spec, &roles, context.flags)
}

/// Fills in what is implied.
fn normal(mut fields: Map<String, Value>, context: Context) -> Result<Map<String, Value>, Rejection> {
    let networks = fields.entry("networks").or_insert_with(|| json!([{ "mode": "host" }]));
    if networks.as_array().is_some_and(Vec::is_empty) {
        *networks = json!([{ "mode": "host" }]);
    }
    let mut by_container = false;
    for network in networks.as_array_mut().into_iter().flatten() {
        network["mode"] = network.get("mode").cloned().unwrap_or_else(|| json!("container"));
        by_container |= network["mode"] == "container";
        if network["mode"] == "container" && network.get("name").is_none() {
            let Some(name) = &context.flags.default_network_name else {
                let told = "Network name must be specified when container network is selected.";
                return Err(Rejection::invalid("/networks", told));
            };
            network["name"] = json!(name);
        }
    }
    for container in fields.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
        for endpoint in container.get_mut("endpoints").and_then(Value::as_array_mut).into_iter().flatten() {
            if endpoint.get("hostPort").is_none() && !by_container {
                endpoint["hostPort"] = json!(0);
            }
        }
        let resources = &mut container["resources"];
        for (name, default) in [("disk", 0), ("gpus", 0)] {
            if resources.get(name).is_none() {
                resources[name] = json!(default);
            }
        }
        fill(
            container.get_mut("healthCheck"),
            &json!({ "gracePeriodSeconds": 300, "intervalSeconds": 60, "maxConsecutiveFailures": 3,
                "timeoutSeconds": 20, "delaySeconds": 15 }),
        );
        fill(container.get_mut("check"), &json!({ "intervalSeconds": 60, "timeoutSeconds": 20, "delaySeconds": 15 }));
    }
    let volumes = fields.get("volumes").and_then(Value::as_array);
    let resident = volumes.is_some_and(|volumes| volumes.iter().any(|v| v.get("persistent").is_some()));
    let scheduling = fields.entry("scheduling").or_insert_with(|| json!({}));
    let (minimum, over) = if resident { (0.5, 0) } else { (1.0, 1) };
    let unreachable =
        if resident { json!("disabled") } else { json!({ "inactiveAfterSeconds": 0, "expungeAfterSeconds": 0 }) };
    fill(
        Some(scheduling),
        &json!({ "backoff": {}, "upgrade": {}, "placement": {}, "killSelection": "YOUNGEST_FIRST",
            "unreachableStrategy": unreachable }),
    );
    fill(scheduling.get_mut("backoff"), &json!({ "backoff": 1, "backoffFactor": 1.15, "maxLaunchDelay": 300 }));
    fill(
        scheduling.get_mut("upgrade"),
        &json!({ "minimumHealthCapacity": json::shape::number(minimum), "maximumOverCapacity": over }),
    );
    fill(scheduling.get_mut("placement"), &json!({ "constraints": [], "acceptedResourceRoles": [] }));
    fill(scheduling.get_mut("unreachableStrategy"), &json!({ "inactiveAfterSeconds": 0, "expungeAfterSeconds": 0 }));
    fields.entry("executorResources").or_insert_with(|| json!({}));
    fill(fields.get_mut("executorResources"), &json!({ "cpus": 0.1, "mem": 32, "disk": 10 }));
    Ok(fields)
}

fn fill(value: Option<&mut Value>, defaults: &Value) {
    let (Some(Value::Object(fields)), Value::Object(defaults)) = (value, defaults) else { return };
    for (name, default) in defaults {
        fields.entry(name.clone()).or_insert_with(|| default.clone());
    }
}

fn quantities(resources: &Value) -> Quantities {
    let amount = |name: &str| Milli::from_f64(resources[name].as_f64().unwrap_or_default());
    Quantities::new(amount("cpus"), amount("mem"), amount("disk"), amount("gpus"))
}

/// The check of a container, as executors run it.
fn health_check(value: &Value) -> HealthCheck {
    let kind = match (&value["http"], &value["tcp"]) {
        (http @ Value::Object(_), _) if http["scheme"] == "HTTPS" => HealthKind::MesosHttps,
        (Value::Object(_), _) => HealthKind::MesosHttp,
        (_, Value::Object(_)) => HealthKind::MesosTcp,
        _ => HealthKind::Command,
    };
    let seconds = |name: &str| Span::from_secs_f64(value[name].as_f64().unwrap_or_default());
    let failures = value["maxConsecutiveFailures"].as_u64().and_then(|n| u32::try_from(n).ok());
    HealthCheck {
        kind,
        path: value["http"]["path"].as_str().map(str::to_owned),
        command: value["exec"]["command"]["shell"].as_str().map(str::to_owned),
        port_index: None,
        port: None,
        grace_period: seconds("gracePeriodSeconds"),
        interval: seconds("intervalSeconds"),
        timeout: seconds("timeoutSeconds"),
        max_consecutive_failures: failures.unwrap_or_default(),
        delay: seconds("delaySeconds"),
        ip_protocol: None,
        ignore_http_1xx: None,
    }
}

fn health_endpoint(check: &Value) -> Option<String> {
    let name = check["http"]["endpoint"].as_str().or(check["tcp"]["endpoint"].as_str());
    name.map(str::to_owned)
}

/// A pod in normal form, as it is also stored.
pub fn from_fields(mut fields: Map<String, Value>, id: PathId, default_role: &str) -> Result<RunSpec, Rejection> {
    fields.remove("id");
    let version = fields.remove("version").and_then(|v| Version::parse(v.as_str()?)).unwrap_or_default();
    let scaling = fields.remove("scaling").unwrap_or_default();
    let count = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
    let role = fields.entry("role").or_insert_with(|| json!(default_role)).as_str().unwrap_or_default().to_owned();
    let mut details = Vec::new();
    let empty = Value::Null;
    let scheduling = fields.get("scheduling").unwrap_or(&empty);
    let mut constraints = Vec::new();
    for (i, value) in scheduling["placement"]["constraints"].as_array().into_iter().flatten().enumerate() {
        let word = |name: &str| value[name].as_str();
        let (field, operator) = (word("fieldName").unwrap_or_default(), word("operator").unwrap_or_default());
        match read::made_constraint(field, operator, word("value")) {
            Ok(constraint) => constraints.push(constraint),
            Err(told) => add(&mut details, &format!("/scheduling/placement/constraints({i})"), told),
        }
    }
    let mut volumes = Vec::new();
    for (i, volume) in fields.get("volumes").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if let Some(persistent) = volume.get("persistent") {
            let name = volume["name"].as_str().unwrap_or_default();
            volumes.push(read::volume(persistent, name, &format!("/volumes({i})"), &mut details));
        }
    }
    if !details.is_empty() {
        return Err(Rejection::Invalid(details));
    }
    let seconds = |value: &Value| Span::from_secs_f64(value.as_f64().unwrap_or_default());
    let backoff = &scheduling["backoff"];
    let roles: BTreeSet<String> = scheduling["placement"]["acceptedResourceRoles"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let (mut ports, mut containers) = (Vec::new(), Vec::new());
    let executor = quantities(fields.get("executorResources").unwrap_or(&empty));
    let mut each = executor;
    let mut has_check = false;
    for container in fields.get("containers").and_then(Value::as_array).into_iter().flatten() {
        let first = ports.len();
        for endpoint in container["endpoints"].as_array().into_iter().flatten() {
            let host: HostPort = read::host_port(endpoint.get("hostPort"));
            ports.push(PortNeed { name: endpoint["name"].as_str().map(str::to_owned), service_port: 0, host });
        }
        let own = quantities(&container["resources"]);
        each += own;
        has_check |= container.get("check").is_some();
        containers.push(PodContainer {
            name: container["name"].as_str().unwrap_or_default().to_owned(),
            each: own,
            health_check: container.get("healthCheck").map(health_check),
            health_endpoint: health_endpoint(&container["healthCheck"]),
            kill_grace: container["lifecycle"].get("killGracePeriodSeconds").map(seconds),
            ports: first..ports.len(),
        });
    }
    let environment = fields.get("environment").and_then(Value::as_object).into_iter().flatten();
    let oldest = scheduling["killSelection"] == "OLDEST_FIRST";
    Ok(RunSpec {
        id,
        instances: count(&scaling["instances"]).unwrap_or(1),
        each,
        role,
        accepted_roles: (!roles.is_empty()).then_some(roles),
        constraints,
        backoff: Backoff {
            first: seconds(&backoff["backoff"]),
            factor: backoff["backoffFactor"].as_f64().unwrap_or(1.15),
            most: seconds(&backoff["maxLaunchDelay"]),
        },
        upgrade: read::upgrade(&scheduling["upgrade"]),
        unreachable: read::unreachable(&scheduling["unreachableStrategy"]),
        kill_selection: if oldest { KillSelection::OldestFirst } else { KillSelection::YoungestFirst },
        kill_grace: None,
        ports,
        require_ports: false,
        health_checks: Vec::new(),
        readiness_checks: Vec::new(),
        has_check,
        dependencies: BTreeSet::new(),
        labels: read::labels(&fields),
        env: environment.map(|(key, value)| (key.clone(), value.clone())).collect(),
        volumes,
        versions: VersionInfo { version, last_scaling: version, last_config_change: version },
        kind: Kind::Pod(Box::new(PodOnly {
            max_instances: count(&scaling["maxInstances"]),
            executor,
            containers,
            definition: fields,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::flags::Flags;
    use crate::marathon::model::group::Group;
    use crate::marathon::model::json::write;

    fn made(value: Value) -> Result<RunSpec, Rejection> {
        let (root, flags) = (Group::empty(PathId::root(), Version(0)), Flags::default());
        pod(&value, &PathId::root(), Context { root: &root, flags: &flags, strict: true })
    }
    fn container(name: &str) -> Value {
        json!({ "name": name, "resources": { "cpus": 0.5, "mem": 64 },
            "endpoints": [{ "name": name, "hostPort": 0 }, { "name": format!("{name}2") }] })
    }

    #[test]
    fn a_pod_takes_what_all_its_containers_and_its_executor_take() {
        let pod = made(json!({ "id": "/p", "containers": [container("a"), container("b")], "scaling": {
            "kind": "fixed", "instances": 3 }, "labels": { "x": "y" } }))
        .unwrap();
        assert_eq!(pod.each, Quantities([1_100, 160_000, 10_000, 0]));
        assert_eq!((pod.instances, pod.ports.len(), pod.labels.len()), (3, 4, 1));
        let only = pod.pod().expect("a pod");
        assert_eq!((only.containers[1].ports.clone(), &*only.containers[1].name), (2..4, "b"));
        assert_eq!(
            (only.executor, only.containers[0].each),
            (Quantities([100, 32_000, 10_000, 0]), only.containers[1].each)
        );
    }

    #[test]
    fn checks_of_containers_are_those_that_executors_run() {
        let with = |check: Value| {
            let mut checked = container("a");
            checked["healthCheck"] = check;
            let pod = made(json!({ "id": "/p", "containers": [checked, container("b")] })).unwrap();
            assert!(pod.is_checked());
            let first = pod.pod().expect("a pod").containers[0].clone();
            (
                first.health_check.map(|check| (check.kind, check.interval.0, check.max_consecutive_failures)),
                first.health_endpoint,
            )
        };
        let second = crate::base::time::SECOND_NS;
        let endpoint = Some("a".to_owned());
        let http =
            with(json!({ "http": { "endpoint": "a", "path": "/x" }, "intervalSeconds": 5, "timeoutSeconds": 2 }));
        assert_eq!(http, (Some((HealthKind::MesosHttp, 5 * second, 3)), endpoint.clone()));
        let https = with(json!({ "http": { "endpoint": "a", "scheme": "HTTPS" } }));
        assert_eq!(https, (Some((HealthKind::MesosHttps, 60 * second, 3)), endpoint.clone()));
        let tcp = with(json!({ "tcp": { "endpoint": "a" }, "maxConsecutiveFailures": 1 }));
        assert_eq!(tcp, (Some((HealthKind::MesosTcp, 60 * second, 1)), endpoint));
        let command = with(json!({ "exec": { "command": { "shell": "true" } } }));
        assert_eq!(command, (Some((HealthKind::Command, 60 * second, 3)), None));
        assert!(!made(json!({ "id": "/p", "containers": [container("a")] })).unwrap().is_checked());
    }

    #[test]
    fn what_is_written_can_be_read_back() {
        let mut pod = made(json!({ "id": "/p", "containers": [container("a")], "scheduling": {
            "placement": { "constraints": [{ "fieldName": "hostname", "operator": "UNIQUE" }] } } }))
        .unwrap();
        let Value::Object(fields) = write::run_spec(&pod) else { panic!("an object") };
        let back = from_fields(fields, pod.id.clone(), "?").unwrap();
        pod.versions = back.versions;
        assert_eq!((back.constraints.len(), &back), (1, &pod));
    }

    #[test]
    fn wrong_pods_are_refused() {
        let told = |value: Value| format!("{:?}", made(value).unwrap_err());
        assert!(told(json!({ "id": "/p", "containers": [] })).contains("error.minLength"));
        assert!(told(json!({ "id": "/p", "containers": [container("a"), container("a")] })).contains("must be unique"));
        let constraint = json!({ "fieldName": "rack", "operator": "MAX_PER" });
        let scheduling = json!({ "placement": { "constraints": [constraint] } });
        let wrong = json!({ "id": "/p", "containers": [container("a")], "scheduling": scheduling });
        assert!(told(wrong).contains("/scheduling/placement/constraints(0)"));
    }
}
