//! Rules that a well-formed definition must obey (`AppValidation.scala`, `PodsValidation.scala`,
//! `Group.scala`): of one spec, of the tree, of an update of a spec with persistent volumes. Every
//! function adds all that is wrong to the list, with its place.

use super::graph::Graph;
use super::pod_rules;
use super::roles::Roles;
use super::tree;
use crate::base::time::Span;
use crate::marathon::model::app::{AppOnly, HealthCheck, HostPort, Kind, RunSpec, Unreachable};
use crate::marathon::model::flags::{Feature, Flags};
use crate::marathon::model::group::Group;
use crate::marathon::model::json::shape::{Form, add};
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::Detail;
use serde_json::Value;
use std::collections::BTreeSet;

type Details = Vec<Detail>;

const RESERVED: [&str; 5] = ["restart", "tasks", "versions", ".", ".."];
const SINGLE_INSTANCE: &str = "MARATHON_SINGLE_INSTANCE_APP";

/// One app or pod, on its own.
#[must_use]
pub fn spec(spec: &RunSpec, flags: &Flags) -> Details {
    let mut details = Details::new();
    let d = &mut details;
    id(&spec.id, d);
    unique(
        spec.ports.iter().filter_map(|port| port.name.as_deref()),
        ports_place(spec),
        "Port names must be unique.",
        d,
    );
    if let Unreachable::Enabled { inactive_after, expunge_after } = spec.unreachable
        && inactive_after > expunge_after
    {
        let (i, e) = (inactive_after.as_secs_f64(), expunge_after.as_secs_f64());
        let told = format!("inactiveAfterSeconds ({i}) must not be greater than expungeAfterSeconds ({e})");
        add(d, "/unreachableStrategy/inactiveAfterSeconds", &told);
    }
    for (value, name) in [
        (spec.upgrade.minimum_health_capacity, "minimumHealthCapacity"),
        (spec.upgrade.maximum_over_capacity, "maximumOverCapacity"),
    ] {
        if !(0.0..=1.0).contains(&value) {
            add(d, &format!("/upgradeStrategy/{name}"), &format!("got {value}, expected between 0.0 and 1.0"));
        }
    }
    if spec.accepted_roles.as_ref().is_some_and(BTreeSet::is_empty) {
        add(d, "/acceptedResourceRoles", "must not be empty");
    }
    resident(spec, d);
    gated(spec, flags, d);
    match &spec.kind {
        Kind::App(only) => app(spec, only, flags, d),
        Kind::Pod(only) => {
            pod_rules::check(only, d);
            networks(only.definition.get("networks").and_then(Value::as_array).map_or(&[], Vec::as_slice), d);
        }
    }
    details
}

/// Roles of a spec, given those that are valid for it.
pub fn role(spec: &RunSpec, roles: &Roles, details: &mut Details) {
    let valid = |set: &BTreeSet<String>| set.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    if !roles.valid.contains(&spec.role) {
        add(details, "/role", &format!("got {}, expected one of: {}", spec.role, valid(&roles.valid)));
    }
    let may = BTreeSet::from(["*".to_owned(), spec.role.clone()]);
    if spec.accepted_roles.as_ref().is_some_and(|accepted| !accepted.is_subset(&may)) {
        let told = format!("acceptedResourceRoles can only contain {}", valid(&may).replace(", ", " and "));
        add(details, "/acceptedResourceRoles", &told);
    }
}

/// An id, absolute.
pub fn id(id: &PathId, details: &mut Details) {
    if id.is_root() {
        add(details, "/id", "must not be root");
    }
    if !Form::Path.fits(id.as_str()) {
        add(details, "/id", "each segment must be lower-case letters, digits, dots and dashes inside");
    }
    if id.segments().last().is_some_and(|last| RESERVED.contains(&last)) {
        let told = format!("must not end with any of the following reserved keywords: {}", RESERVED.join(", "));
        add(details, "/id", &told);
    }
}

fn unique<'a>(names: impl Iterator<Item = &'a str>, place: &str, told: &str, details: &mut Details) {
    let mut seen = BTreeSet::new();
    if names.into_iter().any(|name| !seen.insert(name)) {
        add(details, place, told);
    }
}

fn mapped(app: &AppOnly) -> &[Value] {
    app.container.as_ref().and_then(|c| c["portMappings"].as_array()).map_or(&[], Vec::as_slice)
}

fn ports_place(spec: &RunSpec) -> &'static str {
    match &spec.kind {
        Kind::App(app) if mapped(app).is_empty() => "/portDefinitions",
        Kind::App(_) => "/container/portMappings",
        Kind::Pod(_) => "/containers",
    }
}

fn resident(spec: &RunSpec, d: &mut Details) {
    for (i, volume) in spec.volumes.iter().enumerate() {
        let place = match &spec.kind {
            Kind::App(_) => format!("/container/volumes({i})"),
            Kind::Pod(_) => format!("/volumes({i})"),
        };
        if matches!(&*volume.container_path, "" | "." | "..") {
            add(d, &format!("{place}/containerPath"), "can not be one of (., ..), nor empty");
        }
        if volume.container_path.contains('/') && spec.app().is_some() {
            add(d, &format!("{place}/containerPath"), "value must not contain \"/\"");
        }
        if volume.size.0 <= 0 {
            add(d, &format!("{place}/persistent/size"), "got 0, expected more than 0");
        }
        if volume.max_size.is_some() && volume.disk_type != "mount" {
            add(d, &format!("{place}/persistent"), "Only mount volumes can have maxSize");
        }
        if volume.max_size.is_some_and(|most| most < volume.size) {
            add(d, &format!("{place}/persistent"), "maxSize must not be smaller than size");
        }
        if !volume.constraints.is_empty() && volume.disk_type == "root" {
            add(d, &format!("{place}/persistent"), "Constraints on root volumes are not supported");
        }
    }
    if !spec.is_resident() {
        return;
    }
    if spec.unreachable != Unreachable::Disabled {
        add(d, "/", "unreachableStrategy must be disabled for resident tasks");
    }
    if spec.upgrade.maximum_over_capacity > 0.0 {
        let told = format!("got {}, expected 0.0", spec.upgrade.maximum_over_capacity);
        add(d, "/upgradeStrategy/maximumOverCapacity", &told);
    }
    if spec.accepted_roles.as_ref().is_some_and(|roles| *roles != BTreeSet::from(["*".to_owned()])) {
        let told = format!("A resident {} must have `acceptedResourceRoles = [\"*\"]`.", spec.word().to_lowercase());
        add(d, "/acceptedResourceRoles", &told);
    }
    if spec.role == "*" {
        add(d, "/role", "resources cannot be reserved for the role *; give the service a role");
    }
}

/// What needs a feature that may be off.
fn gated(spec: &RunSpec, flags: &Flags, d: &mut Details) {
    let mut needs = |needed: bool, feature: Feature, place: &str| {
        if needed && !flags.has(feature) {
            let name = feature.name();
            add(d, place, &format!("Feature {name} is not enabled. Enable with --enable_features {name})"));
        }
    };
    let references = spec.env.values().any(Value::is_object);
    needs(references, Feature::Secrets, "/env");
    needs(spec.each.gpus().0 > 0, Feature::GpuResources, "/");
    let Some(app) = spec.app() else { return };
    needs(!app.secrets.is_empty(), Feature::Secrets, "/secrets");
    let volumes = app.container.as_ref().and_then(|c| c["volumes"].as_array()).map_or(&[][..], Vec::as_slice);
    for (i, volume) in volumes.iter().enumerate() {
        let place = format!("/container/volumes({i})");
        needs(volume.get("external").is_some(), Feature::ExternalVolumes, &place);
        needs(volume.get("secret").is_some(), Feature::Secrets, &place);
    }
}

fn app(spec: &RunSpec, app: &AppOnly, flags: &Flags, d: &mut Details) {
    let container = app.container.as_ref();
    let docker = container.is_some_and(|c| c["type"] == "DOCKER");
    let contained = container.is_some_and(|c| !docker || c.get("docker").is_some());
    let (cmd, args) = (app.cmd.is_some(), app.args.is_some());
    if cmd && args || !(cmd || args || contained) {
        add(d, "/", "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.");
    }
    // Quirk: a command of one character counts as empty.
    let least = if flags.mended { 1 } else { 2 };
    if app.cmd.as_ref().is_some_and(|cmd| cmd.chars().count() < least) {
        add(d, "/", "must not be an empty string");
    }
    if docker && container.is_none_or(|c| c.get("docker").is_none()) {
        add(d, "/container/docker", "not defined");
    }
    if docker && spec.each.gpus().0 > 0 {
        add(d, "/", "GPU resources only work with the Mesos containerizer");
    }
    networks(&app.networks, d);
    if docker && app.networks.iter().filter(|n| n["mode"] == "container").count() > 1 {
        add(d, "/", "Docker containers may join one container network only");
    }
    let on_host = app.networks.iter().all(|n| n["mode"] == "host");
    if on_host && !mapped(app).is_empty() {
        add(d, "/", "portMappings are not allowed with host-networking");
    }
    if !on_host && !app.port_definitions.is_empty() {
        add(d, "/", "portDefinitions are only allowed with host-networking");
    }
    let mut seen = BTreeSet::new();
    if app.port_definitions.iter().any(|port| port.port != 0 && !seen.insert(port.port)) {
        add(d, "/portDefinitions", "Ports must be unique.");
    }
    checks(spec, docker, d);
    if app.secrets.is_empty() && spec.env.values().any(Value::is_object) {
        add(d, "/env", "refers to secrets that are not defined");
    }
    if spec.labels.get(SINGLE_INSTANCE).is_some_and(|label| label == "true") {
        if spec.instances > 1 {
            add(d, "/", "Single instance app may only have one instance");
        }
        for (value, name) in [
            (spec.upgrade.minimum_health_capacity, "minimumHealthCapacity"),
            (spec.upgrade.maximum_over_capacity, "maximumOverCapacity"),
        ] {
            if value > 0.0 {
                add(d, &format!("/upgradeStrategy/{name}"), &format!("got {value}, expected 0.0"));
            }
        }
    }
    let volumes = container.and_then(|c| c["volumes"].as_array()).map_or(&[][..], Vec::as_slice);
    let single_use = |volume: &&Value| volume.get("external").is_some_and(|external| external["shared"] != true);
    if spec.instances > 1 && volumes.iter().any(|volume| single_use(&volume)) {
        add(d, "/instances", "an app with an external volume that is not shared may have one instance only");
    }
    for (i, volume) in volumes.iter().enumerate().filter(|(_, v)| v.get("persistent").is_some()) {
        if volume["mode"] != "RW" {
            add(d, &format!("/container/volumes({i})/mode"), "a persistent volume must be RW");
        }
    }
    for (limit, asked) in [("cpus", spec.each.cpus()), ("mem", spec.each.mem())] {
        let set = app.resource_limits.as_ref().and_then(|limits| limits[limit].as_f64());
        if set.is_some_and(|most| most < asked.to_f64()) {
            let told = format!("a limit must not be less than what is requested ({asked})");
            add(d, &format!("/resourceLimits/{limit}"), &told);
        }
    }
}

fn networks(networks: &[Value], d: &mut Details) {
    let count = |mode: &str| networks.iter().filter(|n| n["mode"] == mode).count();
    let named = |mode: &str| networks.iter().any(|n| n["mode"] == mode && n.get("name").is_some());
    if named("host") {
        add(d, "/networks", "Host networks may not have names or labels");
    }
    if named("container/bridge") {
        add(d, "/networks", "Bridge networks may not have names");
    }
    unique(networks.iter().filter_map(|n| n["name"].as_str()), "/networks", "Duplicate networks are not allowed", d);
    let (hosts, bridges) = (count("host"), count("container/bridge"));
    if hosts + bridges > 1 || (hosts + bridges == 1 && count("container") > 0) {
        add(d, "/networks", "either one host network, or one bridge network, or container networks");
    }
}

fn checks(spec: &RunSpec, docker: bool, d: &mut Details) {
    let ports = spec.ports.len();
    for (i, check) in spec.health_checks.iter().enumerate() {
        let place = format!("/healthChecks({i})");
        if !addresses_a_port(check, ports) {
            let told =
                "Health check port indices must address an element of the ports array or container port mappings.";
            add(d, &place, told);
        }
        if check.port.is_some() && check.port_index.is_some() {
            add(d, &place, "port and portIndex exclude one another");
        }
        if check.kind == crate::marathon::model::app::HealthKind::Command && check.command.is_none() {
            add(d, &format!("{place}/command"), "not defined");
        }
        if check.timeout < Span::ZERO {
            add(d, &format!("{place}/timeoutSeconds"), "must not be negative");
        }
        let ours = check.kind.by_marathon() || check.command.is_some();
        if check.ip_protocol.as_deref() == Some("IPv6") && (ours || !docker) {
            add(d, &place, "IPv6 is for checks of MESOS_ kinds on Docker containers only");
        }
    }
    let general = spec.app().and_then(|app| app.check.as_ref());
    for probe in general.iter().flat_map(|check| [&check["http"], &check["tcp"]]).filter(|probe| probe.is_object()) {
        let index = probe["portIndex"].as_u64();
        if index.is_some_and(|index| index >= ports as u64)
            || (index.is_none() && probe["port"].is_null() && ports != 1)
        {
            let told = "check port index must address an element of the ports array or container port mappings.";
            add(d, "/check", told);
        }
    }
    let by_agents = spec.health_checks.iter().filter(|check| !check.kind.by_marathon() && check.command.is_none());
    if by_agents.count() > 1 {
        add(d, "/", "AppDefinition can contain at most one Mesos health check");
    }
    if spec.readiness_checks.len() > 1 {
        add(d, "/readinessChecks", "there may be one readiness check only");
    }
    for (i, check) in spec.readiness_checks.iter().enumerate() {
        let place = format!("/readinessChecks({i})");
        if check.timeout >= check.interval {
            let (t, i) = (check.timeout.as_secs_f64(), check.interval.as_secs_f64());
            add(d, &format!("{place}/timeoutSeconds"), &format!("got {t}, expected less than {i}"));
        }
        if spec.ports.iter().all(|port| port.name.as_ref() != Some(&check.port_name)) {
            let told = format!("No port definition reference for portName {}", check.port_name);
            add(d, &format!("{place}/portName"), &told);
        }
    }
}

fn addresses_a_port(check: &HealthCheck, ports: usize) -> bool {
    if check.command.is_some() || !check.kind.by_marathon() {
        return true;
    }
    match check.port_index {
        Some(index) => (index as usize) < ports,
        None => check.port.is_some() || ports == 1,
    }
}

/// The tree as a whole, and the specs in it that `old` does not have so.
#[must_use]
pub fn root(root: &Group, old: &Group, flags: &Flags) -> Details {
    let mut details = Details::new();
    if Graph::of(root).depths().is_err() {
        add(&mut details, "/", "Dependency graph has cyclic dependencies.");
    }
    for group in tree::all_groups(root) {
        let place = if group.id.is_root() { String::new() } else { format!("/groups/{}", group.id) };
        for (id, inner) in &group.groups {
            if let Some(spec) = group.specs.get(id) {
                let kinds = if spec.pod().is_some() { "Pods" } else { "Applications" };
                add(&mut details, &place, &format!("Groups and {kinds} may not have the same identifier."));
            }
            if inner.enforce_role == Some(true) && !tree::is_top(id) {
                let told = format!("enforceRole can only be set for top-level groups, and {id} is not top-level");
                add(&mut details, "/enforceRole", &told);
            }
        }
    }
    for (id, member) in root.all_specs() {
        let unchanged = old.spec(id).is_some_and(|before| std::sync::Arc::ptr_eq(before, member));
        if unchanged {
            continue;
        }
        let mut own = spec(member, flags);
        role(member, &Roles::of(id, root, flags), &mut own);
        let word = if member.pod().is_some() { "pods" } else { "apps" };
        for detail in own {
            let rest = if detail.path == "/" { "" } else { &*detail.path };
            detail.errors.iter().for_each(|error| add(&mut details, &format!("/{word}/{id}{rest}"), error));
        }
    }
    details
}

/// What may not change while there are persistent volumes.
#[must_use]
pub fn resident_update(old: &RunSpec, new: &RunSpec) -> Details {
    const RESOURCES: &str =
        "resource requirements of a service with persistent volumes cannot be changed; create a new service instead";
    let mut details = Details::new();
    let d = &mut details;
    if !old.is_resident() && !new.is_resident() {
        return details;
    }
    if old.volumes != new.volumes {
        add(d, "/", "Persistent volumes can not be changed!");
    }
    for (name, before, after) in [
        ("cpus", old.each.cpus(), new.each.cpus()),
        ("mem", old.each.mem(), new.each.mem()),
        ("disk", old.each.disk(), new.each.disk()),
        ("gpus", old.each.gpus(), new.each.gpus()),
    ] {
        if before != after {
            add(d, &format!("/{name}"), RESOURCES);
        }
    }
    if old.require_ports != new.require_ports {
        add(d, "/requirePorts", RESOURCES);
    }
    let ports = |spec: &RunSpec| -> BTreeSet<Option<u16>> {
        let number = |host: HostPort| match host {
            HostPort::None => None,
            HostPort::Dynamic => Some(0),
            HostPort::Fixed(port) => Some(port),
        };
        spec.ports.iter().map(|port| number(port.host)).collect()
    };
    if ports(old) != ports(new) {
        add(d, "/", "host ports of a service with persistent volumes cannot be changed; create a new service instead");
    }
    if new.upgrade.maximum_over_capacity > 0.0 {
        let told = format!("got {}, expected 0.0", new.upgrade.maximum_over_capacity);
        add(d, "/upgradeStrategy/maximumOverCapacity", &told);
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::json::read::testing::app;
    use crate::marathon::model::version::Version;
    use serde_json::json;
    use std::sync::Arc;

    /// Everything that is wrong with an app, in lines `path: error`.
    fn wrong(fields: Value) -> Vec<String> {
        let mut whole = json!({ "id": "/a", "cmd": "run" });
        for (name, value) in fields.as_object().expect("an object") {
            whole[name] = value.clone();
        }
        let details = spec(&app(whole), &Flags::default());
        details.iter().flat_map(|d| d.errors.iter().map(|e| format!("{}: {e}", d.path))).collect()
    }

    #[test]
    fn each_rule_refuses_what_it_is_about() {
        let volume = |persistent: Value| {
            json!({ "type": "MESOS", "volumes": [
            { "containerPath": "d", "mode": "RW", "persistent": persistent }] })
        };
        for (fields, told) in [
            (json!({}), ""),
            (json!({ "args": ["x"] }), "/: AppDefinition must either"),
            (json!({ "cmd": null }), "/: AppDefinition must either"),
            (json!({ "cmd": "x" }), "/: must not be an empty string"),
            (json!({ "cmd": null, "container": { "type": "MESOS" } }), ""),
            (json!({ "container": { "type": "DOCKER" } }), "/container/docker: not defined"),
            (json!({ "id": "/a/tasks" }), "/id: must not end with any of"),
            (json!({ "portDefinitions": [{ "port": 80 }, { "port": 80 }] }), "/portDefinitions: Ports must be unique."),
            (json!({ "portDefinitions": [{ "name": "a" }, { "name": "a" }] }), "/portDefinitions: Port names must be"),
            (json!({ "healthChecks": [{ "portIndex": 1 }] }), "/healthChecks(0): Health check port indices"),
            (json!({ "healthChecks": [{ "port": 1, "portIndex": 0 }] }), "/healthChecks(0): port and portIndex"),
            (json!({ "healthChecks": [{ "protocol": "COMMAND" }] }), "/healthChecks(0)/command: not defined"),
            (
                json!({ "healthChecks": [{ "protocol": "MESOS_TCP" }, { "protocol": "MESOS_HTTP" }] }),
                "/: AppDefinition can contain at most one Mesos health check",
            ),
            (json!({ "healthChecks": [{ "command": { "value": "x" } }, { "protocol": "MESOS_HTTP" }] }), ""),
            (json!({ "healthChecks": [{ "ipProtocol": "IPv6" }] }), "/healthChecks(0): IPv6"),
            (json!({ "check": { "http": { "portIndex": 0 } } }), ""),
            (json!({ "check": { "tcp": { "portIndex": 1 } } }), "/check: check port index"),
            (
                json!({ "readinessChecks": [{ "portName": "x", "timeoutSeconds": 1 }] }),
                "/readinessChecks(0)/portName: No port definition reference for portName x",
            ),
            (
                json!({ "readinessChecks": [{ "portName": "default", "timeoutSeconds": 30 }] }),
                "/readinessChecks(0)/timeoutSeconds: got 30, expected less than 30",
            ),
            (
                json!({ "unreachableStrategy": { "inactiveAfterSeconds": 2, "expungeAfterSeconds": 1 } }),
                "/unreachableStrategy/inactiveAfterSeconds: inactiveAfterSeconds (2) must not be greater than",
            ),
            (json!({ "acceptedResourceRoles": [] }), "/acceptedResourceRoles: must not be empty"),
            (json!({ "role": "db", "container": volume(json!({ "size": 1 })) }), ""),
            (json!({ "container": volume(json!({ "size": 1 })) }), "/role: resources cannot be reserved"),
            (
                json!({ "role": "db", "container": volume(json!({ "size": 0 })) }),
                "/container/volumes(0)/persistent/size: got 0",
            ),
            (
                json!({ "role": "db", "container": volume(json!({ "size": 1, "maxSize": 2 })) }),
                "/container/volumes(0)/persistent: Only mount volumes can have maxSize",
            ),
            (
                json!({ "role": "db", "unreachableStrategy": {}, "container": volume(json!({ "size": 1 })) }),
                "/: unreachableStrategy must be disabled",
            ),
            (json!({ "gpus": 1 }), "/: Feature gpu_resources is not enabled"),
            (json!({ "secrets": { "a": { "source": "b" } } }), "/secrets: Feature secrets is not enabled"),
            (
                json!({ "instances": 2, "labels": { "MARATHON_SINGLE_INSTANCE_APP": "true" },
                    "upgradeStrategy": { "minimumHealthCapacity": 0, "maximumOverCapacity": 0 } }),
                "/: Single instance app may only have one instance",
            ),
            (json!({ "resourceLimits": { "cpus": 0.5 } }), "/resourceLimits/cpus: a limit must not be less"),
            (json!({ "networks": [{ "mode": "host" }, { "name": "blue" }] }), "/networks: either one host network"),
        ] {
            let found = wrong(fields.clone());
            match told {
                "" => assert_eq!(found, Vec::<String>::new(), "{fields}"),
                told => assert!(found.len() == 1 && found[0].starts_with(told), "{fields}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_command_of_one_character_counts_where_bugs_are_mended() {
        let flags = Flags { mended: true, ..Flags::default() };
        assert_eq!(spec(&app(json!({ "id": "/a", "cmd": "x" })), &flags), Details::new());
    }

    #[test]
    fn roles_are_judged_together() {
        let mut details = Details::new();
        let spec = app(json!({ "id": "/a", "cmd": "run", "role": "web", "acceptedResourceRoles": ["other"] }));
        role(&spec, &Roles { valid: ["*".to_owned()].into(), default: "*".into() }, &mut details);
        assert_eq!(details[0].errors, ["got web, expected one of: *"]);
        assert_eq!(details[1].errors, ["acceptedResourceRoles can only contain * and web"]);
    }

    #[test]
    fn the_tree_has_rules_of_its_own() {
        let flags = Flags::default();
        let empty = Group::empty(PathId::root(), Version(0));
        let put = |root: &Group, value: Value| tree::put_spec(root, &Arc::new(app(value)), &flags);
        let one = put(&empty, json!({ "id": "/shop/web", "cmd": "run" }));
        assert_eq!(root(&one, &empty, &flags), Details::new());
        let two = put(&one, json!({ "id": "/shop", "cmd": "x", "dependencies": ["/shop"] }));
        let found: Vec<(String, String)> =
            root(&two, &one, &flags).into_iter().map(|d| (d.path, d.errors.join("; "))).collect();
        let expected = [
            (
                "/",
                "Dependency graph has cyclic dependencies.; Groups and Applications may not have the same identifier.",
            ),
            ("/apps//shop", "must not be an empty string"),
        ];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        // What was there before is not judged again.
        assert_eq!(root(&two, &two, &flags).len(), 1);
    }

    #[test]
    fn residents_keep_their_resources() {
        let make = |cpus: f64, size: u32, over: f64| {
            app(json!({ "id": "/a", "cmd": "run", "role": "db", "cpus": cpus,
                "upgradeStrategy": { "minimumHealthCapacity": 0.5, "maximumOverCapacity": over },
                "container": { "type": "MESOS", "volumes": [
                    { "containerPath": "d", "mode": "RW", "persistent": { "size": size } }] } }))
        };
        let old = make(1.0, 10, 0.0);
        let paths =
            |new: RunSpec| resident_update(&old, &new).into_iter().map(|d| d.path).collect::<Vec<_>>().join(" ");
        assert_eq!(paths(old.clone()), "");
        assert_eq!(paths(make(2.0, 11, 0.5)), "/ /cpus /upgradeStrategy/maximumOverCapacity");
        assert_eq!(paths(RunSpec { require_ports: true, ..old.clone() }), "/requirePorts");
    }
}
