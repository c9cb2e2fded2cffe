//! What users may ask of the tree of apps: each a function from root to root, as a value, so that
//! it can wait in the queue of the single write path and be applied to the root of that moment.

use crate::base::id::Symbol;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::Plan;
use crate::marathon::model::version::Version;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// `POST /v2/apps`, `POST /v2/pods`.
    Create(Arc<RunSpec>),
    /// `PUT` and `PATCH` of one app or several: all in one deployment.
    PutApps(Vec<PutApp>),
    /// Put back the stored definition of an app (`PUT` with `version`).
    RevertApp {
        app: PathId,
        to: Arc<RunSpec>,
    },
    /// `PUT /v2/pods/x`; the pod must exist.
    PutPod(Arc<RunSpec>),
    Delete {
        id: PathId,
        pod: bool,
    },
    /// Deploy the app as it is anew.
    Restart(PathId),
    /// `POST /v2/groups`, `PUT /v2/groups/x`: a tree in JSON that is put at `group`.
    PutGroup {
        group: PathId,
        tree: Map<String, Value>,
        must_be_new: bool,
    },
    /// Every app and pod below gets `ceil(instances * factor)`.
    ScaleGroup {
        group: PathId,
        factor: f64,
    },
    /// Put a group of an old root back.
    RevertGroup {
        group: PathId,
        to: Version,
        old: Arc<crate::marathon::model::group::Group>,
    },
    DeleteGroup(PathId),
    /// `PATCH /v2/groups/x`: without versions, plan or locks.
    EnforceRole {
        group: PathId,
        enforce: bool,
    },
    /// Kill these instances and scale down by as many as are active and not being killed yet.
    KillAndScale(BTreeMap<PathId, KillAndScale>),
    /// Undo a deployment.
    Rollback(Arc<Plan>),
}

/// One app of a `PUT` or `PATCH`.
#[derive(Clone, PartialEq, Debug)]
pub struct PutApp {
    pub id: PathId,
    /// The body after type checks, legacy forms modernised.
    pub fields: Map<String, Value>,
    /// Fields that are absent keep what they are; otherwise they get their defaults.
    pub partial: bool,
    pub may_create: bool,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct KillAndScale {
    /// They must be among the victims.
    pub instances: Vec<Symbol>,
    /// How many of them count for the new number of instances.
    pub fewer: u32,
}
