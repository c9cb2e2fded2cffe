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
        if !id.is_within(&self.id) {
            return None;
        }
        // The path up to the next slash is the id of the group below.
        let own = if self.id.is_root() { 0 } else { self.id.as_str().len() };
        let rest = id.as_str().get(own + 1..)?;
        let end = rest.find('/').map_or(id.as_str().len(), |at| own + 1 + at);
        self.groups.get(&id.as_str()[..end])?.group(id)
    }

    /// All run specs below, by path.
    #[must_use]
    pub fn all_specs(&self) -> BTreeMap<&PathId, &Arc<RunSpec>> {
        let mut all: BTreeMap<_, _> = self.specs.iter().collect();
        self.groups.values().for_each(|group| all.extend(group.all_specs()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_their_paths() {
        let mut root = Group::empty(PathId::root(), Version(0));
        for name in ["/a", "/ab", "/b"] {
            let mut outer = Group::empty(PathId::absolute(name), Version(0));
            let inner = Group::empty(PathId::absolute(&format!("{name}/x")), Version(0));
            outer.groups.insert(inner.id.clone(), Arc::new(inner));
            root.groups.insert(outer.id.clone(), Arc::new(outer));
        }
        let found = |id: &str| root.group(&PathId::absolute(id)).map(|group| group.id.to_string());
        for id in ["/", "/a", "/ab", "/ab/x", "/b/x"] {
            assert_eq!(found(id).as_deref(), Some(id));
        }
        for id in ["/c", "/a/y", "/a/x/z", "/abc"] {
            assert_eq!(found(id), None, "{id}");
        }
    }
}
