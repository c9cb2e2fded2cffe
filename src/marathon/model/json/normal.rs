//! Normal form of an app in JSON (`AppNormalization.scala`): fields that were replaced since 1.5
//! move to their successors, networks, ports and containers get what is implied, every field that
//! has a default gets it. Input has the right shape already (`tables::APP`).

use super::tables;
use crate::marathon::model::flags::Flags;
use crate::marathon::model::rejection::Rejection;
use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

/// One port, of which nothing is said.
fn default_ports() -> Value {
    json!([{ "labels": {}, "name": "default", "port": 0, "protocol": "tcp" }])
}

fn default_mappings() -> Value {
    json!([{ "containerPort": 0, "labels": {}, "name": "default", "protocol": "tcp", "servicePort": 0 }])
}

fn list<'a>(fields: &'a Fields, name: &str) -> &'a [Value] {
    fields.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn missing_or_empty(fields: &Fields, name: &str) -> bool {
    list(fields, name).is_empty()
}

fn mode(network: &Value) -> &str {
    network["mode"].as_str().unwrap_or("container")
}

/// Whether some network is not the host's.
fn off_host(networks: &[Value]) -> bool {
    networks.iter().any(|network| mode(network) != "host")
}

/// Whether a volume of the container is persistent (`persistent`) or external (`external`).
#[must_use]
pub fn has_volume(fields: &Fields, kind: &str) -> bool {
    let volumes = fields.get("container").and_then(|c| c["volumes"].as_array());
    volumes.is_some_and(|volumes| volumes.iter().any(|volume| volume.get(kind).is_some()))
}

/// An update with the fields of old moved; defaults are left to the app that comes of it.
pub fn update(mut fields: Fields, flags: &Flags) -> Result<Fields, Rejection> {
    tables::SHOWN_ONLY.iter().for_each(|name| drop(fields.remove(*name)));
    old_fields(&fields)?;
    artifacts(&mut fields);
    let discovery = networks(&mut fields, flags)?;
    if fields.contains_key("container") || discovery.is_some() {
        container(&mut fields, discovery.as_ref())?;
    }
    if let Some(ports) = fields.remove("ports") {
        fields.entry("portDefinitions").or_insert_with(|| definitions(&ports));
    }
    health_checks(&mut fields, true);
    Ok(fields)
}

/// A whole app in normal form but for its role.
pub fn app(mut fields: Fields, flags: &Flags) -> Result<Fields, Rejection> {
    tables::SHOWN_ONLY.iter().for_each(|name| drop(fields.remove(*name)));
    old_fields(&fields)?;
    artifacts(&mut fields);
    let discovery = networks(&mut fields, flags)?;
    if let Some(ports) = fields.remove("ports") {
        fields.entry("portDefinitions").or_insert_with(|| definitions(&ports));
    }
    let ports_named = !missing_or_empty(&fields, "portDefinitions");
    ports_and_container(&mut fields, discovery.as_ref())?;
    let mapped = fields.get("container").is_some_and(|c| c["portMappings"].as_array().is_some_and(|m| !m.is_empty()));
    health_checks(&mut fields, ports_named || mapped);
    let resident = has_volume(&fields, "persistent");
    if resident {
        fields.entry("residency").or_insert_with(|| json!({}));
    }
    resolve_networks(&mut fields, flags)?;
    defaults(&mut fields, resident);
    Ok(fields)
}

/// Refuses what says one thing in an old and a new way.
fn old_fields(fields: &Fields) -> Result<(), Rejection> {
    if !missing_or_empty(fields, "uris") && !missing_or_empty(fields, "fetch") {
        return Err(Rejection::invalid("/uris", "may not be set in conjunction with fetch"));
    }
    let docker = fields.get("container").map_or(&Value::Null, |c| &c["docker"]);
    if !docker["network"].is_null() && !missing_or_empty(fields, "networks") {
        return Err(Rejection::invalid("/", "must not specify both container.docker.network and networks"));
    }
    if fields.contains_key("ipAddress") {
        if !missing_or_empty(fields, "networks") {
            return Err(Rejection::invalid("/", "must not specify both networks and ipAddress"));
        }
        if !missing_or_empty(fields, "ports") || !missing_or_empty(fields, "portDefinitions") {
            return Err(Rejection::invalid("/", "cannot specify both an IP address and port"));
        }
    }
    let mut ports: Vec<u64> = list(fields, "ports").iter().filter_map(Value::as_u64).filter(|p| *p != 0).collect();
    let all = ports.len();
    ports.sort_unstable();
    ports.dedup();
    if ports.len() < all {
        return Err(Rejection::invalid("/", "ports must be unique"));
    }
    if let (Some(ports), Some(_)) = (fields.get("ports"), fields.get("portDefinitions")) {
        let same = list(fields, "portDefinitions").iter().map(|d| d.get("port").cloned().unwrap_or(json!(0)));
        if same.collect::<Vec<_>>() != list(fields, "ports") && !ports.is_null() {
            return Err(Rejection::invalid("/", "cannot specify both ports and port definitions"));
        }
    }
    Ok(())
}

/// `uris` become `fetch`; archives are extracted.
fn artifacts(fields: &mut Fields) {
    const ARCHIVES: [&str; 8] = [".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip", ".tar"];
    let Some(uris) = fields.remove("uris") else { return };
    let uris = uris.as_array().cloned().unwrap_or_default();
    if uris.is_empty() {
        return;
    }
    let artifact = |uri: &Value| {
        let archive = uri.as_str().is_some_and(|uri| ARCHIVES.iter().any(|ending| uri.ends_with(ending)));
        json!({ "uri": uri, "extract": archive })
    };
    fields.insert("fetch".to_owned(), uris.iter().map(artifact).collect());
}

/// `ipAddress` and `container.docker.network` become `networks`; gives the ports to discover.
fn networks(fields: &mut Fields, flags: &Flags) -> Result<Option<Value>, Rejection> {
    let docker = fields.get_mut("container").and_then(|c| c.get_mut("docker")).and_then(Value::as_object_mut);
    let old = docker.and_then(|docker| docker.remove("network"));
    let address = fields.remove("ipAddress");
    let (name, labels) = match &address {
        Some(address) => (address.get("networkName").cloned(), address.get("labels").cloned()),
        None => (None, None),
    };
    let network = |mode: &str, name: Option<Value>| {
        let mut network = json!({ "mode": mode });
        for (key, value) in [("name", name), ("labels", labels.clone())] {
            if let Some(value) = value {
                network[key] = value;
            }
        }
        json!([network])
    };
    let new = match (old.as_ref().and_then(Value::as_str), &address) {
        (Some("HOST"), _) => Some(json!([{ "mode": "host" }])),
        (Some("USER"), _) => Some(network("container", name)),
        (Some("BRIDGE"), _) => Some(network("container/bridge", None)),
        (Some(other), _) => {
            let told = format!("network {other} of Docker is not supported; use HOST, BRIDGE or USER");
            return Err(Rejection::invalid("/container/docker/network", told));
        }
        (None, Some(_)) if name.as_ref().and_then(Value::as_str) == Some(&*flags.bridge_name) => {
            Some(network("container/bridge", None))
        }
        (None, Some(_)) => Some(network("container", name)),
        (None, None) => None,
    };
    if let Some(new) = new {
        fields.insert("networks".to_owned(), new);
    }
    let discovery = address.map(|address| address["discovery"]["ports"].clone());
    if discovery.is_some() {
        fields.entry("container").or_insert_with(|| json!({ "type": "MESOS" }));
    }
    Ok(discovery.filter(|ports| ports.as_array().is_some_and(|ports| !ports.is_empty())))
}

/// `container.docker.portMappings` and the ports to discover become `container.portMappings`.
fn container(fields: &mut Fields, discovery: Option<&Value>) -> Result<(), Rejection> {
    let Some(container) = fields.get_mut("container").and_then(Value::as_object_mut) else { return Ok(()) };
    let docker = container.get_mut("docker").and_then(Value::as_object_mut);
    if let Some(old) = docker.and_then(|docker| docker.remove("portMappings")) {
        let some = |value: &Value| value.as_array().is_some_and(|mappings| !mappings.is_empty());
        if some(&old) && container.get("portMappings").is_some_and(some) {
            let told = "cannot specify both portMappings and docker.portMappings";
            return Err(Rejection::invalid("/container/docker/portMappings", told));
        }
        if !container.get("portMappings").is_some_and(some) {
            container.insert("portMappings".to_owned(), old);
        }
    }
    if let Some(ports) = discovery {
        if container.get("type").and_then(Value::as_str) == Some("DOCKER") {
            return Err(Rejection::invalid("/ipAddress", "ipAddress/discovery is not allowed for Docker containers"));
        }
        let mapping = |port: &Value| {
            let mut mapping = port.clone();
            mapping["containerPort"] = port.get("number").cloned().unwrap_or(json!(0));
            if let Some(fields) = mapping.as_object_mut() {
                fields.remove("number");
            }
            mapping
        };
        let mappings = ports.as_array().map_or(Vec::new(), |ports| ports.iter().map(mapping).collect());
        container.insert("portMappings".to_owned(), Value::Array(mappings));
    }
    Ok(())
}

fn definitions(ports: &Value) -> Value {
    ports.as_array().map_or(json!([]), |ports| ports.iter().map(|port| json!({ "port": port })).collect())
}

/// Where ports are said: `portDefinitions` on the host's network, `container.portMappings` on others.
fn ports_and_container(fields: &mut Fields, discovery: Option<&Value>) -> Result<(), Rejection> {
    let networks = list(fields, "networks").to_vec();
    container(fields, discovery)?;
    let asked = list(fields, "portDefinitions").len();
    if let Some(container) = fields.get_mut("container").and_then(Value::as_object_mut) {
        if networks.is_empty() || networks.iter().any(|network| mode(network) == "host") {
            container.remove("portMappings");
        } else {
            let mappings = container.entry("portMappings").or_insert_with(default_mappings);
            if let Some(mappings) = mappings.as_array_mut() {
                let more = asked.saturating_sub(mappings.len());
                mappings.extend(std::iter::repeat_n(json!({}), more));
            }
        }
    }
    if off_host(&networks) {
        fields.remove("portDefinitions");
    } else {
        fields.entry("portDefinitions").or_insert_with(default_ports);
    }
    Ok(())
}

fn health_checks(fields: &mut Fields, ports: bool) {
    for check in fields.get_mut("healthChecks").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(check) = check.as_object_mut() else { continue };
        let command = check.get("protocol").and_then(Value::as_str) == Some("COMMAND");
        if ports && !command && !check.contains_key("port") && !check.contains_key("portIndex") {
            check.insert("portIndex".to_owned(), json!(0));
        }
    }
}

fn resolve_networks(fields: &mut Fields, flags: &Flags) -> Result<(), Rejection> {
    let mut networks = list(fields, "networks").to_vec();
    if networks.is_empty() {
        networks.push(json!({ "mode": "host" }));
    }
    for network in &mut networks {
        if mode(network) == "container" && network.get("name").is_none() {
            let Some(name) = &flags.default_network_name else {
                let told = "Network name must be specified when container network is selected.";
                return Err(Rejection::invalid("/networks", told));
            };
            network["name"] = json!(name);
        }
        if network.get("mode").is_none() {
            network["mode"] = json!("container");
        }
    }
    if off_host(&networks) {
        let empty = || json!({ "type": "MESOS", "portMappings": default_mappings() });
        fields.entry("container").or_insert_with(empty);
        fields.insert("requirePorts".to_owned(), json!(false));
    }
    let bridge = networks.iter().any(|network| mode(network) == "container/bridge");
    for mapping in fields
        .get_mut("container")
        .and_then(|c| c.get_mut("portMappings"))
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if bridge && mapping.get("hostPort").is_none() {
            mapping["hostPort"] = json!(0);
        }
    }
    fields.insert("networks".to_owned(), Value::Array(networks));
    Ok(())
}

fn fill(value: &mut Value, defaults: &Value) {
    let (Some(fields), Some(defaults)) = (value.as_object_mut(), defaults.as_object()) else { return };
    for (name, default) in defaults {
        fields.entry(name.clone()).or_insert_with(|| default.clone());
    }
}

fn fill_all(fields: &mut Fields, name: &str, defaults: &Value) {
    for value in fields.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
        fill(value, defaults);
    }
}

/// The defaults of the API's types.
fn defaults(fields: &mut Fields, resident: bool) {
    let careful = resident || has_volume(fields, "external");
    let upgrade = if careful { (0.0, 0.5) } else { (1.0, 1.0) };
    let unreachable =
        if resident { json!("disabled") } else { json!({ "inactiveAfterSeconds": 0, "expungeAfterSeconds": 0 }) };
    let all = json!({
        "backoffFactor": 1.15, "backoffSeconds": 1, "maxLaunchDelaySeconds": 300, "cpus": 1, "mem": 128, "disk": 0,
        "gpus": 0, "executor": "", "instances": 1, "requirePorts": false, "killSelection": "YOUNGEST_FIRST",
        "upgradeStrategy": { "maximumOverCapacity": upgrade.0, "minimumHealthCapacity": upgrade.1 },
        "unreachableStrategy": unreachable,
    });
    let mut whole = Value::Object(std::mem::take(fields));
    fill(&mut whole, &all);
    if let Value::Object(filled) = whole {
        *fields = filled;
    }
    if let Some(strategy) = fields.get_mut("unreachableStrategy") {
        fill(strategy, &json!({ "inactiveAfterSeconds": 0, "expungeAfterSeconds": 0 }));
    }
    if let Some(residency) = fields.get_mut("residency") {
        fill(residency, &json!({ "relaunchEscalationTimeoutSeconds": 3600, "taskLostBehavior": "WAIT_FOREVER" }));
    }
    if let Some(executor) = fields.get_mut("executorResources") {
        fill(executor, &json!({ "cpus": 0.1, "mem": 32, "disk": 10 }));
    }
    fill_all(fields, "portDefinitions", &json!({ "labels": {}, "port": 0, "protocol": "tcp" }));
    fill_all(fields, "fetch", &json!({ "extract": true, "executable": false, "cache": false }));
    fill_all(
        fields,
        "healthChecks",
        &json!({
            "gracePeriodSeconds": 300, "intervalSeconds": 60, "maxConsecutiveFailures": 3, "protocol": "HTTP",
            "ipProtocol": "IPv4", "timeoutSeconds": 20, "delaySeconds": 15,
        }),
    );
    fill_all(
        fields,
        "readinessChecks",
        &json!({
            "name": "readinessCheck", "protocol": "HTTP", "path": "/", "portName": "http-api", "intervalSeconds": 30,
            "timeoutSeconds": 10, "httpStatusCodesForReady": [200], "preserveLastResponse": false,
        }),
    );
    if let Some(check) = fields.get_mut("check") {
        fill(check, &json!({ "intervalSeconds": 60, "timeoutSeconds": 20, "delaySeconds": 15 }));
    }
    let Some(container) = fields.get_mut("container").and_then(Value::as_object_mut) else { return };
    container.entry("type").or_insert_with(|| json!("DOCKER"));
    container.entry("volumes").or_insert_with(|| json!([]));
    fill_all(
        container,
        "portMappings",
        &json!({ "containerPort": 0, "labels": {}, "protocol": "tcp", "servicePort": 0 }),
    );
    let mesos = container["type"] == "MESOS";
    if let Some(docker) = container.get_mut("docker") {
        let mut all = json!({ "forcePullImage": false });
        if !mesos {
            all["parameters"] = json!([]);
            all["privileged"] = json!(false);
        }
        fill(docker, &all);
    }
    for volume in container.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(persistent) = volume.get_mut("persistent") {
            fill(persistent, &json!({ "type": "root" }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(app: Value) -> Value {
        let Value::Object(fields) = app else { panic!("an object") };
        match self::app(fields, &Flags::default()) {
            Ok(fields) => Value::Object(fields),
            Err(rejection) => match rejection.response().body {
                crate::http::Body::Json(body) => body["details"].clone(),
                _ => Value::Null,
            },
        }
    }

    #[test]
    fn an_app_on_the_hosts_network_has_one_port() {
        let app = normal(json!({ "id": "a" }));
        assert_eq!(app["portDefinitions"], default_ports());
        assert_eq!(app["networks"], json!([{ "mode": "host" }]));
        assert_eq!((app.get("container"), &app["cpus"], &app["mem"]), (None, &json!(1), &json!(128)));
        assert_eq!(normal(json!({ "ports": [] }))["portDefinitions"], json!([]));
        let two = normal(json!({ "ports": [8080, 0] }));
        assert_eq!((&two["portDefinitions"][0]["port"], &two["portDefinitions"][1]["port"]), (&json!(8080), &json!(0)));
        // Mappings mean nothing on the host's network and are dropped.
        let app = normal(json!({ "container": { "type": "MESOS", "portMappings": [{ "containerPort": 80 }] } }));
        assert_eq!(app["container"], json!({ "type": "MESOS", "volumes": [] }));
    }

    #[test]
    fn a_bridge_maps_ports() {
        let app = normal(json!({ "networks": [{ "mode": "container/bridge" }], "requirePorts": true,
            "container": { "docker": { "image": "a" } }, "portDefinitions": [{}, {}] }));
        assert_eq!(app.get("portDefinitions"), None);
        let mappings = app["container"]["portMappings"].as_array().unwrap();
        assert_eq!((mappings.len(), &mappings[0]["hostPort"], &mappings[0]["name"]), (2, &json!(0), &json!("default")));
        assert_eq!((&app["requirePorts"], &app["container"]["type"]), (&json!(false), &json!("DOCKER")));
        // A container network leaves host ports alone.
        let app = normal(json!({ "networks": [{ "name": "blue" }] }));
        assert_eq!(app["container"]["portMappings"][0].get("hostPort"), None);
        let told = normal(json!({ "networks": [{}] }));
        assert_eq!(told[0]["path"], "/networks");
    }

    #[test]
    fn old_fields_move_to_their_successors() {
        let app = normal(json!({ "uris": ["http://x/a.tgz", "http://x/b"], "container": { "docker": {
            "image": "a", "network": "BRIDGE", "portMappings": [{ "containerPort": 80 }] } } }));
        assert_eq!((&app["fetch"][0]["extract"], &app["fetch"][1]["extract"]), (&json!(true), &json!(false)));
        assert_eq!(app["networks"], json!([{ "mode": "container/bridge" }]));
        assert_eq!(app["container"]["portMappings"][0]["containerPort"], 80);
        assert_eq!(app["container"]["docker"].get("portMappings"), None);
        let app = normal(json!({ "ipAddress": { "networkName": "blue", "discovery": { "ports": [
            { "number": 80, "name": "http" }] } } }));
        assert_eq!(app["networks"], json!([{ "mode": "container", "name": "blue" }]));
        assert_eq!(app["container"]["portMappings"][0]["containerPort"], 80);
        let told = normal(json!({ "uris": ["a"], "fetch": [{ "uri": "b" }] }));
        assert_eq!(told[0]["path"], "/uris");
        let told = normal(json!({ "ports": [1], "portDefinitions": [{ "port": 2 }] }));
        assert_eq!(told[0]["errors"][0], "cannot specify both ports and port definitions");
    }

    #[test]
    fn resident_apps_have_defaults_of_their_own() {
        let app = normal(json!({ "container": { "type": "MESOS", "volumes": [
            { "containerPath": "data", "mode": "RW", "persistent": { "size": 10 } }] } }));
        assert_eq!(app["upgradeStrategy"], json!({ "maximumOverCapacity": 0.0, "minimumHealthCapacity": 0.5 }));
        assert_eq!(app["unreachableStrategy"], "disabled");
        assert_eq!(app["residency"]["relaunchEscalationTimeoutSeconds"], 3600);
        assert_eq!(app["container"]["volumes"][0]["persistent"]["type"], "root");
    }

    #[test]
    fn checks_look_at_the_first_port_unless_told() {
        let app = normal(json!({ "portDefinitions": [{}], "healthChecks": [{}, { "port": 80 }, {
            "protocol": "COMMAND", "command": { "value": "true" } }] }));
        let index = |i: usize| app["healthChecks"][i].get("portIndex").cloned();
        assert_eq!((index(0), index(1), index(2)), (Some(json!(0)), None, None));
        let Value::Object(fields) = json!({ "cmd": "x", "ports": [1] }) else { panic!("an object") };
        let update = update(fields, &Flags::default()).unwrap();
        assert_eq!(Value::Object(update), json!({ "cmd": "x", "portDefinitions": [{ "port": 1 }] }));
    }
}
