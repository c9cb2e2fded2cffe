//! Flags that pace the state machine, with upstream's names and defaults. How definitions are read
//! is in `model::flags`.

use crate::base::id::{RoleId, Symbol};
use crate::base::map::Map;
use crate::base::time::Span;
use crate::marathon::model::flags as definitions;
use std::sync::Arc;

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

/// Somebody to whom events can be posted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Its slot in the world.
    pub address: u32,
    /// In facts.
    pub name: Symbol,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Flags {
    /// Interned; the owner of its tasks in facts.
    pub framework_name: Symbol,
    /// Interned.
    pub mesos_role: RoleId,
    /// `mesos_authentication_principal`, interned. Without it nothing can be reserved.
    pub principal: Option<Symbol>,
    pub definitions: Arc<definitions::Flags>,
    /// Region of the masters, interned; upstream learns it from `MasterInfo` when it subscribes.
    pub home_region: Option<Symbol>,
    /// Sizes of what apps fetch, by image and URI (ours).
    pub download_bits: Arc<Map<String, u64>>,
    pub quirks: Quirks,
    pub store: Store,

    pub max_parallel_offers: u32,
    pub max_queued_offers: u32,
    pub decline_offer_duration: Span,
    pub launch_tokens: u32,
    pub launch_token_refresh_interval: Span,
    pub min_revive_offers_interval: Span,
    pub suppress_offers: bool,

    pub task_launch_confirm_timeout: Span,
    pub task_launch_timeout: Span,
    /// From a reservation until its resources must have been offered.
    pub task_reservation_timeout: Span,
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

    pub max_queued_root_group_updates: u32,
    pub zk_max_versions: u32,
    /// `event_subscriber`: there are call-back subscriptions (before 1.5).
    pub event_subscriber: bool,
    /// Subscribed by every leader.
    pub http_endpoints: Arc<[String]>,
    pub http_event_callback_slow_consumer_timeout: Span,
    /// A post that is not answered by then has failed.
    pub http_event_request_timeout: Span,
    /// Who is at an address (ours; what a name service does).
    pub endpoints: Arc<Map<String, Endpoint>>,

    /// Where in ZooKeeper (the path of `--zk`).
    pub zk_path: Arc<str>,
}

impl Flags {
    /// Upstream's defaults.
    #[must_use]
    pub fn new(framework_name: Symbol, mesos_role: RoleId, definitions: Arc<definitions::Flags>) -> Self {
        Self {
            framework_name,
            mesos_role,
            principal: None,
            definitions,
            home_region: None,
            download_bits: Arc::default(),
            quirks: Quirks::Real,
            store: Store::Memory,
            max_parallel_offers: 8,
            max_queued_offers: 1024,
            decline_offer_duration: Span::from_secs(120),
            launch_tokens: 100,
            launch_token_refresh_interval: Span::from_secs(30),
            min_revive_offers_interval: Span::from_secs(5),
            suppress_offers: true,
            task_launch_confirm_timeout: Span::from_secs(300),
            task_launch_timeout: Span::from_secs(300),
            task_reservation_timeout: Span::from_secs(20),
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
            max_queued_root_group_updates: 500,
            zk_max_versions: 50,
            event_subscriber: false,
            http_endpoints: Arc::default(),
            http_event_callback_slow_consumer_timeout: Span::from_secs(10),
            http_event_request_timeout: Span::from_secs(10),
            endpoints: Arc::default(),
            zk_path: "/marathon".into(),
        }
    }
}
