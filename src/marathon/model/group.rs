//! The tree of groups: one value, of one version (`Group.scala`, `RootGroup.scala`).

use super::app::RunSpec;
use super::path::PathId;
use super::version::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    pub id: PathId,
    /// Apps and pods directly in this group.
    pub specs: BTreeMap<PathId, Arc<RunSpec>>,
    pub groups: BTreeMap<PathId, Arc<Group>>,
    pub dependencies: BTreeSet<PathId>,
    pub version: Version,
    /// Only of a top-level group.
    pub enforce_role: Option<bool>,
}

impl Group {
    #[must_use]
    pub fn empty(id: PathId, version: Version) -> Self {
        let (specs, groups) = (BTreeMap::new(), BTreeMap::new());
        Self { id, specs, groups, dependencies: BTreeSet::new(), version, enforce_role: None }
    }

    /// The run spec with this id, anywhere below.
    #[must_use]
    pub fn spec(&self, id: &PathId) -> Option<&Arc<RunSpec>> {
        self.group(&id.parent())?.specs.get(id)
    }

    /// The group with this id: this one or one below.
    #[must_use]
    pub fn group(&self, id: &PathId) -> Option<&Self> {
        if *id == self.id {
            return Some(self);
        }
        let next = self.groups.values().find(|g| id.is_within(&g.id))?;
        next.group(id)
    }

    /// All run specs below, by path.
    #[must_use]
    pub fn all_specs(&self) -> BTreeMap<&PathId, &Arc<RunSpec>> {
        let mut all: BTreeMap<_, _> = self.specs.iter().collect();
        self.groups.values().for_each(|group| all.extend(group.all_specs()));
        all
    }
}
