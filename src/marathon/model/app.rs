//! What Marathon runs: run specs (`AppDefinition.scala`, `PodDefinition.scala`). What scheduling
//! needs is common to apps and pods; the rest belongs to the kind.

use super::path::PathId;
use super::version::Version;
use crate::base::quantity::Quantities;
use crate::base::time::Span;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, PartialEq, Debug)]
pub struct RunSpec {
    pub id: PathId,
    pub instances: u32,
    /// What one instance takes of scalars (for a pod all containers and the executor together).
    pub each: Quantities,
    pub role: String,
    /// `None`: as `accepted_resource_roles_default_behavior` says.
    pub accepted_roles: Option<BTreeSet<String>>,
    pub constraints: Vec<Constraint>,
    pub backoff: Backoff,
    pub upgrade: UpgradeStrategy,
    pub unreachable: Unreachable,
    pub kill_selection: KillSelection,
    /// `taskKillGracePeriodSeconds`.
    pub kill_grace: Option<Span>,
    /// Host ports that one instance needs, in order.
    pub ports: Vec<PortNeed>,
    /// `requirePorts`.
    pub require_ports: bool,
    pub health_checks: Vec<HealthCheck>,
    pub readiness_checks: Vec<ReadinessCheck>,
    /// A general `check` is declared (informational; blocks "considered healthy").
    pub has_check: bool,
    pub dependencies: BTreeSet<PathId>,
    pub labels: BTreeMap<String, String>,
    pub env: BTreeMap<String, Value>,
    /// Persistent volumes; an app that has some is resident.
    pub volumes: Vec<PersistentVolume>,
    pub versions: VersionInfo,
    pub kind: Kind,
}

/// What apps and pods do not share.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    App(Box<AppOnly>),
    Pod(Box<PodOnly>),
}

/// What only pods have.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PodOnly {
    /// The definition in normal form, but for `id`, `version` and `scaling`.
    pub definition: serde_json::Map<String, Value>,
    /// `executorResources`: what the executor of an instance takes beside its containers.
    pub executor: Quantities,
    pub containers: Vec<PodContainer>,
    /// `scaling.maxInstances`.
    pub max_instances: Option<u32>,
}

/// One container: one task of each instance.
#[derive(Clone, PartialEq, Debug)]
pub struct PodContainer {
    pub name: String,
    pub each: Quantities,
    /// Run by the executor, so of a kind that Marathon does not run itself.
    pub health_check: Option<HealthCheck>,
    /// Name of the endpoint that the check asks; a command asks none.
    pub health_endpoint: Option<String>,
    /// `lifecycle.killGracePeriodSeconds`.
    pub kill_grace: Option<Span>,
    /// Which of `RunSpec::ports` are its endpoints'.
    pub ports: std::ops::Range<usize>,
}

/// Fields of apps that neither placement nor the life of an instance depends on. Those kept as
/// JSON are in normal form, defaults filled in.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AppOnly {
    pub cmd: Option<String>,
    pub args: Option<Vec<String>>,
    pub user: Option<String>,
    pub executor: String,
    pub fetch: Vec<Value>,
    pub container: Option<Value>,
    pub networks: Vec<Value>,
    pub port_definitions: Vec<PortDefinition>,
    pub check: Option<Value>,
    pub residency: Option<Value>,
    pub tty: Option<bool>,
    pub resource_limits: Option<Value>,
    pub secrets: BTreeMap<String, Value>,
    /// Not part of what makes a change an upgrade.
    pub executor_resources: Option<Value>,
}

/// `portDefinitions[]`; `port` is the service port (0: to be assigned).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortDefinition {
    pub port: u16,
    pub protocol: String,
    pub name: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// One port of an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortNeed {
    pub name: Option<String>,
    /// 0: none, or still to be assigned.
    pub service_port: u16,
    pub host: HostPort,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostPort {
    /// No port of the host (container network).
    None,
    /// Any that is offered.
    Dynamic,
    Fixed(u16),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Constraint {
    pub field: String,
    pub operator: Operator,
    pub value: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    Unique,
    Cluster,
    GroupBy,
    Like,
    Unlike,
    MaxPer,
    Is,
}

impl Operator {
    pub const ALL: &[(&str, Self)] = &[
        ("UNIQUE", Self::Unique),
        ("CLUSTER", Self::Cluster),
        ("GROUP_BY", Self::GroupBy),
        ("LIKE", Self::Like),
        ("UNLIKE", Self::Unlike),
        ("MAX_PER", Self::MaxPer),
        ("IS", Self::Is),
    ];
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, o)| *o == self).map_or("?", |(name, _)| name)
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Backoff {
    pub first: Span,
    pub factor: f64,
    pub most: Span,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UpgradeStrategy {
    pub minimum_health_capacity: f64,
    pub maximum_over_capacity: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreachable {
    Disabled,
    Enabled { inactive_after: Span, expunge_after: Span },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KillSelection {
    #[default]
    YoungestFirst,
    OldestFirst,
}

#[derive(Clone, PartialEq, Debug)]
pub struct HealthCheck {
    pub kind: HealthKind,
    pub path: Option<String>,
    pub command: Option<String>,
    pub port_index: Option<u32>,
    pub port: Option<u16>,
    pub grace_period: Span,
    pub interval: Span,
    pub timeout: Span,
    pub max_consecutive_failures: u32,
    /// Kinds that the executor runs only.
    pub delay: Span,
    pub ip_protocol: Option<String>,
    pub ignore_http_1xx: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HealthKind {
    Http,
    Https,
    Tcp,
    Command,
    MesosHttp,
    MesosHttps,
    MesosTcp,
}

impl HealthKind {
    pub const ALL: &[(&str, Self)] = &[
        ("HTTP", Self::Http),
        ("HTTPS", Self::Https),
        ("TCP", Self::Tcp),
        ("COMMAND", Self::Command),
        ("MESOS_HTTP", Self::MesosHttp),
        ("MESOS_HTTPS", Self::MesosHttps),
        ("MESOS_TCP", Self::MesosTcp),
    ];
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, k)| *k == self).map_or("?", |(name, _)| name)
    }
    /// Whether Marathon itself probes; otherwise the executor does.
    #[must_use]
    pub fn by_marathon(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::Tcp)
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct ReadinessCheck {
    pub name: String,
    pub protocol: String,
    pub path: String,
    pub port_name: String,
    pub interval: Span,
    pub timeout: Span,
    pub ready_codes: Vec<u16>,
    pub preserve_last_response: bool,
}

/// A persistent volume that the app asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct PersistentVolume {
    pub container_path: String,
    pub size: crate::base::quantity::Milli,
    /// `root`, `path` or `mount`.
    pub disk_type: String,
    pub max_size: Option<crate::base::quantity::Milli>,
    pub profile: Option<String>,
    pub constraints: Vec<Constraint>,
}

/// When the definition was made and last changed in size or otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VersionInfo {
    pub version: Version,
    pub last_scaling: Version,
    pub last_config_change: Version,
}

/// What backoff is counted for: `(id, lastConfigChangeAt)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConfigRef {
    pub id: PathId,
    pub last_config_change: Version,
}

impl RunSpec {
    #[must_use]
    pub fn config_ref(&self) -> ConfigRef {
        ConfigRef { id: self.id.clone(), last_config_change: self.versions.last_config_change }
    }
    #[must_use]
    pub fn is_resident(&self) -> bool {
        !self.volumes.is_empty()
    }
    #[must_use]
    pub fn app(&self) -> Option<&AppOnly> {
        match &self.kind {
            Kind::App(app) => Some(app),
            Kind::Pod(_) => None,
        }
    }
    #[must_use]
    pub fn pod(&self) -> Option<&PodOnly> {
        match &self.kind {
            Kind::Pod(pod) => Some(pod),
            Kind::App(_) => None,
        }
    }
    /// Whether health is known of its instances, by checks of the app or of any container of the pod.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        let checked = |pod: &PodOnly| pod.containers.iter().any(|container| container.health_check.is_some());
        !self.health_checks.is_empty() || self.pod().is_some_and(checked)
    }
    /// `App` or `Pod`, as error messages say.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.pod().is_some() { "Pod" } else { "App" }
    }

    /// Whether `to` differs in anything but size and versions, so that instances must be replaced.
    #[must_use]
    pub fn is_upgrade(&self, to: &Self) -> bool {
        let mut same = self.clone();
        (same.instances, same.versions) = (to.instances, to.versions);
        if let (Kind::App(own), Kind::App(theirs)) = (&mut same.kind, &to.kind) {
            own.executor_resources.clone_from(&theirs.executor_resources);
        }
        if let (Kind::Pod(own), Kind::Pod(theirs)) = (&mut same.kind, &to.kind) {
            own.max_instances = theirs.max_instances;
        }
        same != *to
    }
    #[must_use]
    pub fn is_only_scale_change(&self, to: &Self) -> bool {
        self.instances != to.instances && !self.is_upgrade(to)
    }
    /// Whether instances of this one must be replaced to get to `to`.
    #[must_use]
    pub fn needs_restart(&self, to: &Self) -> bool {
        self.versions != to.versions || self.is_upgrade(to)
    }

    /// Service ports of the definition, in order.
    #[must_use]
    pub fn service_ports(&self) -> Vec<u16> {
        self.ports.iter().map(|port| port.service_port).collect()
    }

    /// Sets the service ports, in the order of `service_ports`, everywhere where they stand.
    pub fn set_service_ports(&mut self, numbers: &[u16]) {
        for (port, number) in self.ports.iter_mut().zip(numbers) {
            port.service_port = *number;
        }
        let Kind::App(app) = &mut self.kind else { return };
        let mappings = app.container.as_mut().and_then(|c| c.get_mut("portMappings")).and_then(Value::as_array_mut);
        if let Some(mappings) = mappings.filter(|mappings| !mappings.is_empty()) {
            for (mapping, number) in mappings.iter_mut().zip(numbers) {
                mapping["servicePort"] = Value::from(*number);
            }
            return;
        }
        for (definition, number) in app.port_definitions.iter_mut().zip(numbers) {
            definition.port = *number;
        }
        if self.require_ports {
            for (port, number) in self.ports.iter_mut().zip(numbers) {
                port.host = if *number == 0 { HostPort::Dynamic } else { HostPort::Fixed(*number) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::json::read::testing::app;
    use serde_json::json;

    #[test]
    fn size_alone_is_no_upgrade() {
        let old = app(json!({ "id": "/a", "cmd": "run" }));
        let mut new = app(json!({ "id": "/a", "cmd": "run", "instances": 3 }));
        new.versions.version = Version(7);
        assert!(!old.is_upgrade(&new) && old.is_only_scale_change(&new) && old.needs_restart(&new));
        new.labels.insert("x".into(), "y".into());
        assert!(old.is_upgrade(&new) && !old.is_only_scale_change(&new));
        let executor = app(json!({ "id": "/a", "cmd": "run", "executorResources": { "cpus": 1 } }));
        assert!(!old.is_upgrade(&executor));
    }

    #[test]
    fn service_ports_stand_in_definitions_or_mappings() {
        let mut host = app(json!({ "id": "/a", "cmd": "run", "ports": [0, 80], "requirePorts": true }));
        assert_eq!(host.service_ports(), [0, 80]);
        host.set_service_ports(&[10_000, 80]);
        let Kind::App(only) = &host.kind else { panic!("an app") };
        assert_eq!((only.port_definitions[0].port, host.ports[0].host), (10_000, HostPort::Fixed(10_000)));
        let mut bridge = app(json!({ "id": "/a", "cmd": "run", "networks": [{ "mode": "container/bridge" }] }));
        bridge.set_service_ports(&[10_001]);
        let Kind::App(only) = &bridge.kind else { panic!("an app") };
        assert_eq!(only.container.as_ref().map(|c| c["portMappings"][0]["servicePort"].clone()), Some(json!(10_001)));
        assert_eq!(bridge.ports[0].host, HostPort::Dynamic);
    }
}
