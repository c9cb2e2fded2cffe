//! Deployment plans: steps of actions that lead from one tree to another (`DeploymentPlan.scala`).

use super::app::RunSpec;
use super::group::Group;
use super::path::PathId;
use super::version::Version;
use crate::base::id::Symbol;
use std::sync::Arc;

#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// A marker: the spec is new.
    Start(Arc<RunSpec>),
    /// `kill`: instances (interned ids) that must be among the victims.
    Scale {
        spec: Arc<RunSpec>,
        kill: Vec<Symbol>,
    },
    Restart(Arc<RunSpec>),
    Stop(Arc<RunSpec>),
}

impl Action {
    #[must_use]
    pub fn spec(&self) -> &Arc<RunSpec> {
        let (Self::Start(spec) | Self::Scale { spec, .. } | Self::Restart(spec) | Self::Stop(spec)) = self;
        spec
    }
    /// As the API names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "StartApplication",
            Self::Scale { .. } => "ScaleApplication",
            Self::Restart(_) => "RestartApplication",
            Self::Stop(_) => "StopApplication",
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// A UUID, interned.
    pub id: Symbol,
    pub version: Version,
    pub original: Arc<Group>,
    pub target: Arc<Group>,
    /// Actions of one step run side by side.
    pub steps: Vec<Vec<Action>>,
}

impl Plan {
    /// Ids of the specs that some action touches, in order, each once.
    #[must_use]
    pub fn affected(&self) -> std::collections::BTreeSet<&PathId> {
        self.steps.iter().flatten().map(|action| &action.spec().id).collect()
    }
}
