//! Edits of the tree: each gives a new root that shares what it leaves alone (`RootGroup.scala`).

use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;
use crate::marathon::model::version::Version;
use std::sync::Arc;

/// An empty group; one at the top level has an opinion on roles.
#[must_use]
pub fn new_group(id: &PathId, flags: &Flags) -> Group {
    let mut group = Group::empty(id.clone(), Version::default());
    if is_top(id) {
        group.enforce_role = Some(flags.enforce_role_of_new_groups);
    }
    group
}

/// Whether a group of this id lies directly below the root.
#[must_use]
pub fn is_top(id: &PathId) -> bool {
    !id.is_root() && id.parent().is_root()
}

/// Applies `edit` to the group `id` of a copy; missing groups on the way are made.
#[must_use]
pub fn edit(root: &Group, id: &PathId, flags: &Flags, edit: &mut dyn FnMut(&mut Group)) -> Group {
    let mut new = root.clone();
    edit_in_place(&mut new, id, flags, edit);
    new
}

/// The same in the tree itself; what is shared with other trees is copied first.
pub fn edit_in_place(root: &mut Group, id: &PathId, flags: &Flags, edit: &mut dyn FnMut(&mut Group)) {
    if *id == root.id {
        return edit(root);
    }
    let depth = root.id.segments().count();
    let Some(name) = id.segments().nth(depth) else { return };
    let child = PathId::resolve(name, &root.id);
    let below = root.groups.entry(child.clone()).or_insert_with(|| Arc::new(new_group(&child, flags)));
    edit_in_place(Arc::make_mut(below), id, flags, edit);
}

/// Puts a spec where its id says. An empty group of the same id makes room.
#[must_use]
pub fn put_spec(root: &Group, spec: &Arc<RunSpec>, flags: &Flags) -> Group {
    let mut new = root.clone();
    put_spec_in_place(&mut new, spec, flags);
    new
}

/// The same in the tree itself, for many specs one after the other.
pub fn put_spec_in_place(root: &mut Group, spec: &Arc<RunSpec>, flags: &Flags) {
    edit_in_place(root, &spec.id.parent(), flags, &mut |group| {
        if group.groups.get(&spec.id).is_some_and(|inner| inner.all_specs().is_empty()) {
            group.groups.remove(&spec.id);
        }
        group.specs.insert(spec.id.clone(), Arc::clone(spec));
    });
}

#[must_use]
pub fn remove_spec(root: &Group, id: &PathId, flags: &Flags) -> Group {
    if root.spec(id).is_none() {
        return root.clone();
    }
    edit(root, &id.parent(), flags, &mut |group| drop(group.specs.remove(id)))
}

#[must_use]
pub fn put_group(root: &Group, group: &Arc<Group>, flags: &Flags) -> Group {
    if group.id.is_root() {
        return group.as_ref().clone();
    }
    edit(root, &group.id.parent(), flags, &mut |parent| drop(parent.groups.insert(group.id.clone(), Arc::clone(group))))
}

#[must_use]
pub fn remove_group(root: &Group, id: &PathId, flags: &Flags) -> Group {
    if id.is_root() || root.group(id).is_none() {
        return root.clone();
    }
    edit(root, &id.parent(), flags, &mut |parent| drop(parent.groups.remove(id)))
}

/// Applies `change` to every spec in and below the group; `None` leaves one alone.
#[must_use]
pub fn map_specs(group: &Group, change: &mut dyn FnMut(&Arc<RunSpec>) -> Option<RunSpec>) -> Group {
    let mut new = group.clone();
    for spec in new.specs.values_mut() {
        if let Some(changed) = change(spec) {
            *spec = Arc::new(changed);
        }
    }
    for inner in new.groups.values_mut() {
        *inner = Arc::new(map_specs(inner, change));
    }
    new
}

/// Every group of the tree is of this version.
#[must_use]
pub fn stamped(group: &Group, version: Version) -> Group {
    let mut new = group.clone();
    new.version = version;
    for inner in new.groups.values_mut() {
        *inner = Arc::new(stamped(inner, version));
    }
    new
}

/// All groups in and below this one, outer ones first.
#[must_use]
pub fn all_groups(group: &Group) -> Vec<&Group> {
    let mut all = vec![group];
    group.groups.values().for_each(|inner| all.extend(all_groups(inner)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::json::read::testing::app;
    use serde_json::json;

    fn ids(root: &Group) -> String {
        let specs = root.all_specs();
        let groups = all_groups(root).into_iter().map(|g| format!("{}/", g.id));
        groups.chain(specs.keys().map(ToString::to_string)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn specs_come_and_go_with_their_groups() {
        let flags = Flags::default();
        let root = Group::empty(PathId::root(), Version(1));
        let web = Arc::new(app(json!({ "id": "/shop/front/web", "cmd": "run" })));
        let root = put_spec(&root, &web, &flags);
        assert_eq!(ids(&root), "// /shop/ /shop/front/ /shop/front/web");
        assert_eq!(root.group(&PathId::absolute("/shop")).and_then(|g| g.enforce_role), Some(false));
        assert_eq!(root.group(&PathId::absolute("/shop/front")).and_then(|g| g.enforce_role), None);
        let empty = remove_spec(&root, &web.id, &flags);
        assert_eq!(ids(&empty), "// /shop/ /shop/front/");
        // An empty group makes room for an app of its name, a full one does not.
        let front = Arc::new(app(json!({ "id": "/shop/front", "cmd": "run" })));
        assert_eq!(ids(&put_spec(&empty, &front, &flags)), "// /shop/ /shop/front");
        assert_eq!(ids(&put_spec(&root, &front, &flags)), "// /shop/ /shop/front/ /shop/front /shop/front/web");
        assert_eq!(ids(&remove_group(&root, &PathId::absolute("/shop"), &flags)), "//");
        assert!(all_groups(&stamped(&root, Version(7))).iter().all(|g| g.version == Version(7)));
    }
}
