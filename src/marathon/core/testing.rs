//! Apps and instances for unit tests.

use crate::base::id::{AgentId, JobId, Names, Symbol, TaskId};
use crate::base::quantity::{Milli, Quantities};
use crate::base::time::{Span, Time};
use crate::fact::{Condition, Goal};
use crate::marathon::model::app::{
    AppOnly, Backoff, Constraint, HealthCheck, HealthKind, KillSelection, Kind, Operator, RunSpec, Unreachable,
    UpgradeStrategy, VersionInfo,
};
use crate::marathon::model::instance::{Instance, InstanceId, Place, State, Task};
use crate::marathon::model::path::PathId;
use crate::marathon::model::version::Version;
use crate::mesos::message::AgentInfo;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) fn spec(id: &str, instances: u32) -> RunSpec {
    RunSpec {
        id: PathId::absolute(id),
        instances,
        each: Quantities::new(Milli::from_int(1), Milli::from_int(128), Milli::ZERO, Milli::ZERO),
        role: "*".into(),
        accepted_roles: None,
        constraints: Vec::new(),
        backoff: Backoff { first: Span::from_secs(1), factor: 1.15, most: Span::from_secs(300) },
        upgrade: UpgradeStrategy { minimum_health_capacity: 1.0, maximum_over_capacity: 1.0 },
        unreachable: Unreachable::Enabled { inactive_after: Span::ZERO, expunge_after: Span::ZERO },
        kill_selection: KillSelection::YoungestFirst,
        kill_grace: None,
        ports: Vec::new(),
        require_ports: false,
        health_checks: Vec::new(),
        readiness_checks: Vec::new(),
        has_check: false,
        dependencies: BTreeSet::new(),
        labels: BTreeMap::new(),
        env: BTreeMap::new(),
        volumes: Vec::new(),
        versions: VersionInfo { version: Version(1), last_scaling: Version(1), last_config_change: Version(1) },
        kind: Kind::App(Box::new(AppOnly { cmd: Some("sleep 1".into()), ..AppOnly::default() })),
    }
}

/// An HTTP check with a grace period in seconds.
pub(crate) fn health_check(grace_s: i64) -> HealthCheck {
    HealthCheck {
        kind: HealthKind::Http,
        path: None,
        command: None,
        port_index: None,
        port: None,
        grace_period: Span::from_secs(grace_s),
        interval: Span::from_secs(10),
        timeout: Span::from_secs(5),
        max_consecutive_failures: 3,
        delay: Span::ZERO,
        ip_protocol: None,
        ignore_http_1xx: None,
    }
}

pub(crate) fn constraint(field: &str, operator: Operator, value: Option<&str>) -> Constraint {
    Constraint { field: field.into(), operator, value: value.map(Into::into) }
}

pub(crate) fn scheduled(n: u32, spec: Arc<RunSpec>) -> Instance {
    let state = State {
        condition: Condition::Scheduled,
        since: Time::ZERO,
        active_since: None,
        healthy: None,
        goal: Goal::Running,
    };
    Instance {
        id: InstanceId(Symbol(n)),
        spec,
        place: None,
        state,
        tasks: Vec::new(),
        reservation: None,
        incarnation: 0,
    }
}

pub(crate) fn task_id(n: u32) -> TaskId {
    TaskId { template: JobId(1 << 31), n }
}

pub(crate) fn task(n: u32) -> Task {
    Task {
        id: task_id(n),
        staged_at: Time::ZERO,
        started_at: None,
        mesos: None,
        condition: Condition::Provisioned,
        unreachable_since: None,
        healthy: None,
        host_ports: Vec::new(),
        version: Version(1),
    }
}

/// A place whose host and attributes have the texts' fixed numbers as symbols: see `names`.
pub(crate) fn place(host: &str, attributes: &[(&str, &str)]) -> Place {
    let mut names = names();
    place_in(&mut names, host, attributes)
}

pub(crate) fn place_in(names: &mut Names, host: &str, attributes: &[(&str, &str)]) -> Place {
    let hostname = names.intern(host);
    let attributes = attributes.iter().map(|(n, v)| (names.intern(n), names.intern(v))).collect();
    let info = AgentInfo { hostname, total: Default::default(), attributes, devices: 0, address: 0 };
    Place { agent: AgentId { master: Symbol(0), n: hostname.0 }, info: Arc::new(info) }
}

pub(crate) fn names() -> Names {
    let mut names = Names::default();
    for name in ["", "*", "h1", "h2", "h3"] {
        names.intern(name);
    }
    names
}

pub(crate) fn running(n: u32, spec: Arc<RunSpec>, place: Place, started: i64) -> Instance {
    let state = State {
        condition: Condition::Running,
        since: Time::from_secs(started),
        active_since: Some(Time::from_secs(started)),
        healthy: None,
        goal: Goal::Running,
    };
    let task = Task {
        condition: Condition::Running,
        staged_at: Time::from_secs(started),
        started_at: Some(Time::from_secs(started)),
        ..task(n)
    };
    Instance { place: Some(place), state, tasks: vec![task], incarnation: 1, ..scheduled(n, spec) }
}
