//! Flags of Marathon that change behaviour, with upstream's names and defaults.

use crate::base::id::{RoleId, Symbol};
use crate::base::time::Span;

/// Which of Marathon's oddities are played.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Quirks {
    /// As Marathon 1.11 does it, bugs included.
    #[default]
    Real,
    /// The plain bugs are mended.
    Fixed,
}

/// Where state is kept (`--internal_store_backend`).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Store {
    /// In the process, lost with it; no election either.
    #[default]
    Memory,
    Zookeeper,
}

/// `--accepted_resource_roles_default_behavior`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum DefaultRoles {
    #[default]
    Any,
    Reserved,
    Unreserved,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Flags {
    /// Interned; the owner of its tasks in facts.
    pub framework_name: Symbol,
    /// Interned.
    pub mesos_role: RoleId,
    pub failover_timeout: Span,
    pub checkpoint: bool,
    pub task_killing: bool,
    pub gpu_resources: bool,
    pub quirks: Quirks,
    pub store: Store,

    pub max_instances_per_offer: u32,
    pub max_parallel_offers: u32,
    pub max_queued_offers: u32,
    pub decline_offer_duration: Span,
    pub launch_tokens: u32,
    pub launch_token_refresh_interval: Span,
    pub min_revive_offers_interval: Span,
    pub suppress_offers: bool,
    pub accepted_resource_roles_default_behavior: DefaultRoles,
    /// `--gpu_scheduling_behavior`: apps without GPUs take no offers with some.
    pub gpus_are_scarce: bool,

    pub task_launch_confirm_timeout: Span,
    pub task_launch_timeout: Span,
    pub reconciliation_initial_delay: Span,
    pub reconciliation_interval: Span,
    pub scale_apps_initial_delay: Span,
    pub scale_apps_interval: Span,
    pub kill_chunk_size: u32,
    pub kill_retry_timeout: Span,
    pub task_lost_expunge_initial_delay: Span,
    pub task_lost_expunge_interval: Span,
    pub max_concurrent_marathon_health_checks: u32,
    pub instance_tracker_num_parallel_updates: u32,

    pub max_running_deployments: u32,
    pub max_queued_root_group_updates: u32,
    pub local_port_min: u16,
    pub local_port_max: u16,
    pub zk_max_versions: u32,
}

impl Flags {
    /// Upstream's defaults.
    #[must_use]
    pub fn new(framework_name: Symbol, mesos_role: RoleId) -> Self {
        Self {
            framework_name,
            mesos_role,
            failover_timeout: Span::from_secs(604_800),
            checkpoint: true,
            task_killing: false,
            gpu_resources: false,
            quirks: Quirks::Real,
            store: Store::Memory,
            max_instances_per_offer: 5,
            max_parallel_offers: 8,
            max_queued_offers: 1024,
            decline_offer_duration: Span::from_secs(120),
            launch_tokens: 100,
            launch_token_refresh_interval: Span::from_secs(30),
            min_revive_offers_interval: Span::from_secs(5),
            suppress_offers: true,
            accepted_resource_roles_default_behavior: DefaultRoles::Any,
            gpus_are_scarce: true,
            task_launch_confirm_timeout: Span::from_secs(300),
            task_launch_timeout: Span::from_secs(300),
            reconciliation_initial_delay: Span::from_secs(15),
            reconciliation_interval: Span::from_secs(600),
            scale_apps_initial_delay: Span::from_secs(15),
            scale_apps_interval: Span::from_secs(300),
            kill_chunk_size: 100,
            kill_retry_timeout: Span::from_secs(30),
            task_lost_expunge_initial_delay: Span::from_secs(300),
            task_lost_expunge_interval: Span::from_secs(30),
            max_concurrent_marathon_health_checks: 256,
            instance_tracker_num_parallel_updates: 16,
            max_running_deployments: 100,
            max_queued_root_group_updates: 500,
            local_port_min: 10_000,
            local_port_max: 20_000,
            zk_max_versions: 50,
        }
    }
}
