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
}
