//! Flags of the Marathon process that decide how definitions are read, checked and shown
//! (`MarathonConf`, `AllConf`). Those that pace the state machine are the state machine's own.

use crate::base::time::Span;
use std::collections::BTreeSet;

/// `accepted_resource_roles_default_behavior`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AcceptedRoles {
    #[default]
    Any,
    Reserved,
    Unreserved,
}

impl AcceptedRoles {
    pub const ALL: &[(&str, Self)] =
        &[("any", Self::Any), ("reserved", Self::Reserved), ("unreserved", Self::Unreserved)];
}

/// `enable_features`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Feature {
    Vips,
    TaskKilling,
    ExternalVolumes,
    Secrets,
    GpuResources,
}

impl Feature {
    pub const ALL: &[(&str, Self)] = &[
        ("vips", Self::Vips),
        ("task_killing", Self::TaskKilling),
        ("external_volumes", Self::ExternalVolumes),
        ("secrets", Self::Secrets),
        ("gpu_resources", Self::GpuResources),
    ];
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, f)| *f == self).map_or("?", |(name, _)| name)
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Flags {
    /// `mesos_role`.
    pub role: String,
    /// `new_group_enforce_role`: `top` if set, `off` otherwise.
    pub enforce_role_of_new_groups: bool,
    pub accepted_roles: AcceptedRoles,
    /// `local_port_min`, `local_port_max`: service ports, both ends included.
    pub local_ports: (u16, u16),
    pub default_network_name: Option<String>,
    pub bridge_name: String,
    pub features: BTreeSet<Feature>,
    pub max_running_deployments: usize,
    pub max_instances_per_offer: u32,
    /// `gpu_scheduling_behavior`: `restricted` or `unrestricted`.
    pub gpus_restricted: bool,
    /// Address of this process as clients see it.
    pub hostname: String,
    pub http_port: u16,
    /// `zk`, for `GET /v2/info` only.
    pub zk: String,
    pub framework_name: String,
    pub user: String,
    pub failover_timeout: Span,
    pub checkpoint: bool,
    /// `GET /v2/tasks` as text, as releases before 1.11 gave it.
    pub text_plain_tasks: bool,
    /// `marathon.quirks = "fixed"`: what is plainly a bug of the real one is mended.
    pub mended: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            role: "*".to_owned(),
            enforce_role_of_new_groups: false,
            accepted_roles: AcceptedRoles::Any,
            local_ports: (10_000, 20_000),
            default_network_name: None,
            bridge_name: "mesos-bridge".to_owned(),
            features: BTreeSet::new(),
            max_running_deployments: 100,
            max_instances_per_offer: 5,
            gpus_restricted: true,
            hostname: "localhost".to_owned(),
            http_port: 8080,
            zk: "zk://localhost:2181/marathon".to_owned(),
            framework_name: "marathon".to_owned(),
            user: "root".to_owned(),
            failover_timeout: Span::from_secs(604_800),
            checkpoint: true,
            text_plain_tasks: false,
            mended: false,
        }
    }
}

impl Flags {
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_off_until_they_are_named() {
        let mut flags = Flags::default();
        assert!(Feature::ALL.iter().all(|(_, feature)| !flags.has(*feature)));
        flags.features.insert(Feature::Secrets);
        assert!(flags.has(Feature::Secrets) && Feature::Secrets.name() == "secrets");
    }
}
