//! Rules of pods beyond those of every definition (`PodsValidation.scala`): names, endpoints, checks
//! of containers, and which of them mount which volumes.

use crate::marathon::model::app::{PodContainer, PodOnly};
use crate::marathon::model::json::shape::add;
use crate::marathon::model::rejection::Detail;
use serde_json::Value;
use std::collections::BTreeSet;

type Details = Vec<Detail>;

pub(super) fn check(pod: &PodOnly, d: &mut Details) {
    let containers = list(pod.definition.get("containers"));
    let networks = list(pod.definition.get("networks"));
    let mode = |mode: &str| networks.iter().any(|network| network["mode"] == mode);
    let volumes: Vec<&str> = names(pod.definition.get("volumes")).collect();
    unique(pod.containers.iter().map(|c| c.name.as_str()), "/containers", "container names must be unique", d);
    unique(volumes.iter().copied(), "/volumes", "volume names must be unique", d);
    for (i, (container, known)) in containers.iter().zip(&pod.containers).enumerate() {
        let place = format!("/containers({i})");
        for (j, endpoint) in list(container.get("endpoints")).iter().enumerate() {
            let place = format!("{place}/endpoints({j})/containerPort");
            match endpoint.get("containerPort") {
                Some(_) if mode("host") => add(d, &place, "is not allowed when using host-mode networking"),
                None if mode("container") => add(d, &place, "is required when using container-mode networking"),
                _ => {}
            }
        }
        health(container, known, &place, d);
        for (j, mount) in list(container.get("volumeMounts")).iter().enumerate() {
            if !volumes.iter().any(|volume| mount["name"] == *volume) {
                add(d, &format!("{place}/volumeMounts({j})/name"), "Referenced Volume in VolumeMount should exist");
            }
        }
    }
    let mounted: BTreeSet<&str> =
        containers.iter().flat_map(|container| names(container.get("volumeMounts"))).collect();
    for (i, _) in volumes.iter().enumerate().filter(|(_, volume)| !mounted.contains(**volume)) {
        add(d, &format!("/volumes({i})"), "volume must be referenced by at least one container");
    }
    let numbers: Vec<i64> = containers
        .iter()
        .flat_map(|container| list(container.get("endpoints")))
        .filter_map(|endpoint| endpoint["containerPort"].as_i64())
        .collect();
    if numbers.iter().collect::<BTreeSet<_>>().len() < numbers.len() {
        add(d, "/", "container ports must be unique across all containers");
    }
}

fn health(container: &Value, known: &PodContainer, place: &str, d: &mut Details) {
    let (Some(value), Some(check)) = (container.get("healthCheck"), &known.health_check) else { return };
    let place = format!("{place}/healthCheck");
    if ["http", "tcp", "exec"].iter().filter(|kind| value.get(**kind).is_some()).count() != 1 {
        add(d, &place, "Only one of http, tcp, or command may be specified");
    }
    if check.timeout >= check.interval {
        let (got, most) = (value["timeoutSeconds"].clone(), value["intervalSeconds"].clone());
        add(d, &format!("{place}/timeoutSeconds"), &format!("got {got}, expected less than {most}"));
    }
    for kind in ["http", "tcp"] {
        let Some(wanted) = value[kind].get("endpoint") else { continue };
        if !names(container.get("endpoints")).any(|name| wanted == name) {
            add(d, &format!("{place}/{kind}/endpoint"), "contained in the container endpoints");
        }
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn names(value: Option<&Value>) -> impl Iterator<Item = &str> {
    list(value).iter().filter_map(|item| item["name"].as_str())
}

fn unique<'a>(names: impl Iterator<Item = &'a str>, place: &str, told: &str, d: &mut Details) {
    let mut seen = BTreeSet::new();
    if names.into_iter().any(|name| !seen.insert(name)) {
        add(d, place, told);
    }
}

#[cfg(test)]
mod tests {
    use super::super::define::Context;
    use super::super::pod::pod;
    use crate::marathon::model::flags::Flags;
    use crate::marathon::model::group::Group;
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::rejection::Rejection;
    use crate::marathon::model::version::Version;
    use serde_json::{Value, json};

    /// Places of what is wrong with a pod of one container that is changed, and of another.
    fn places(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let container = |name: &str| {
            json!({ "name": name, "resources": { "cpus": 0.5, "mem": 64 }, "endpoints": [{ "name": name }],
                "volumeMounts": [{ "name": "data", "mountPath": "/d" }] })
        };
        let mut value = json!({ "id": "/p", "containers": [container("a"), container("b")], "volumes": [
            { "name": "data", "host": "/x" }] });
        change(&mut value);
        let (root, flags) = (Group::empty(PathId::root(), Version(0)), Flags::default());
        match pod(&value, &PathId::root(), Context { root: &root, flags: &flags, strict: true }) {
            Ok(_) => Vec::new(),
            Err(Rejection::Invalid(details)) => details.into_iter().map(|detail| detail.path).collect(),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_pods_must_obey() {
        assert!(places(|_| {}).is_empty());
        assert_eq!(places(|pod| pod["containers"][1]["name"] = json!("a")), ["/containers"]);
        let mount = "/containers(1)/volumeMounts(0)/name";
        assert_eq!(places(|pod| pod["containers"][1]["volumeMounts"][0]["name"] = json!("x")), [mount]);
        let unused = |pod: &mut Value| {
            pod["volumes"] = json!([{ "name": "data", "host": "/x" }, { "name": "more", "host": "/y" }]);
        };
        assert_eq!(places(unused), ["/volumes(1)"]);
        let port = "/containers(0)/endpoints(0)/containerPort";
        assert_eq!(places(|pod| pod["containers"][0]["endpoints"][0]["containerPort"] = json!(80)), [port]);
        let containers = |ports: [Option<u16>; 2]| {
            places(|pod| {
                pod["networks"] = json!([{ "mode": "container", "name": "net" }]);
                for (i, port) in ports.into_iter().enumerate().filter_map(|(i, port)| Some((i, port?))) {
                    pod["containers"][i]["endpoints"][0]["containerPort"] = json!(port);
                }
            })
        };
        assert_eq!(containers([Some(80), Some(81)]), [] as [&str; 0]);
        assert_eq!(containers([Some(80), None]), ["/containers(1)/endpoints(0)/containerPort"]);
        assert_eq!(containers([Some(80), Some(80)]), ["/"]);
    }

    #[test]
    fn checks_ask_one_endpoint_of_their_container_in_time() {
        let with = |check: Value| places(|pod| pod["containers"][0]["healthCheck"] = check);
        assert!(with(json!({ "http": { "endpoint": "a" } })).is_empty());
        assert_eq!(with(json!({ "tcp": { "endpoint": "b" } })), ["/containers(0)/healthCheck/tcp/endpoint"]);
        let both = json!({ "http": { "endpoint": "a" }, "tcp": { "endpoint": "a" } });
        assert_eq!(with(both), ["/containers(0)/healthCheck"]);
        assert_eq!(with(json!({})), ["/containers(0)/healthCheck"]);
        let slow = json!({ "tcp": { "endpoint": "a" }, "intervalSeconds": 5 });
        assert_eq!(with(slow), ["/containers(0)/healthCheck/timeoutSeconds"], "20 seconds unless set");
    }
}
