//! Undoing a deployment (`DeploymentPlanReverter.scala`): its own changes are taken back, those
//! that others made to other specs since then stay.

use super::tree;
use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::Plan;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The present root with the plan's changes taken back.
#[must_use]
pub fn revert(plan: &Plan, current: &Group, flags: &Flags) -> Group {
    let (original, target) = (plan.original.all_specs(), plan.target.all_specs());
    let mut root = current.clone();
    for (id, old) in &original {
        if target.get(id) != Some(old) {
            tree::put_spec_in_place(&mut root, old, flags);
        }
    }
    for id in target.keys().filter(|id| !original.contains_key(**id)) {
        root = tree::remove_spec(&root, id, flags);
    }
    groups(plan, root, flags)
}

/// Groups are not locked by deployments, so others may have changed them meanwhile: what they
/// added stays.
fn groups(plan: &Plan, mut root: Group, flags: &Flags) -> Group {
    let by_id = |root| -> BTreeMap<PathId, &Group> {
        tree::all_groups(root).into_iter().map(|group| (group.id.clone(), group)).collect()
    };
    let (original, target) = (by_id(&plan.original), by_id(&plan.target));
    let mut ids: Vec<&PathId> = original.keys().chain(target.keys()).collect();
    ids.sort_unstable();
    ids.dedup();
    // Inner groups first, so that outer ones are empty when it is their turn.
    for id in ids.into_iter().rev() {
        match (original.get(id), target.get(id)) {
            (Some(old), None) => {
                let add = |group: &mut Group| group.dependencies.extend(old.dependencies.iter().cloned());
                root = tree::edit(&root, id, flags, &mut { add });
            }
            (Some(old), Some(new)) if old.dependencies != new.dependencies => {
                root = tree::edit(&root, id, flags, &mut |group| {
                    group.dependencies.extend(old.dependencies.difference(&new.dependencies).cloned());
                    group.dependencies.retain(|d| old.dependencies.contains(d) || !new.dependencies.contains(d));
                });
            }
            (None, Some(new)) => {
                let Some(now) = root.group(id) else { continue };
                let empty = now.specs.is_empty() && now.groups.is_empty();
                if empty && now.dependencies == new.dependencies {
                    root = tree::remove_group(&root, id, flags);
                } else if !new.dependencies.is_empty() {
                    root = tree::edit(&root, id, flags, &mut |group| {
                        group.dependencies.retain(|d| !new.dependencies.contains(d));
                    });
                }
            }
            _ => {}
        }
    }
    root
}

/// The present root with the group as it was in an old one.
#[must_use]
pub fn group_of(root: &Group, old: &Arc<Group>, flags: &Flags) -> Group {
    tree::put_group(root, old, flags)
}

#[cfg(test)]
mod tests {
    use super::super::plan::compute;
    use super::*;
    use crate::base::id::Symbol;
    use crate::marathon::model::json::read::testing::app;
    use crate::marathon::model::version::Version;
    use serde_json::json;

    fn put(root: &Group, id: &str, instances: u32) -> Group {
        let spec = app(json!({ "id": id, "cmd": "run", "instances": instances }));
        tree::put_spec(root, &Arc::new(spec), &Flags::default())
    }
    fn told(root: &Group) -> String {
        let specs = root.all_specs();
        let specs = specs.values().map(|spec| format!("{}={}", spec.id, spec.instances));
        let groups = tree::all_groups(root).into_iter().skip(1);
        let groups =
            groups.map(|g| format!("{}/{}", g.id, g.dependencies.iter().map(ToString::to_string).collect::<String>()));
        groups.chain(specs).collect::<Vec<_>>().join(" ")
    }
    fn plan(from: &Group, to: &Group) -> Plan {
        compute(Symbol(0), Version(1), &Arc::new(from.clone()), &Arc::new(to.clone()), &BTreeMap::new())
    }

    #[test]
    fn own_changes_go_back_and_those_of_others_stay() {
        let flags = Flags::default();
        let empty = Group::empty(PathId::root(), Version(0));
        let before = put(&put(&empty, "/a", 1), "/b", 1);
        // The deployment: /a grows, /b goes, /shop/web comes.
        let after = put(&put(&empty, "/a", 5), "/shop/web", 1);
        let plan = plan(&before, &after);
        assert_eq!(told(&revert(&plan, &after, &flags)), "/a=1 /b=1");
        // Meanwhile somebody else put /shop/db and /c.
        let now = put(&put(&after, "/shop/db", 2), "/c", 7);
        assert_eq!(told(&revert(&plan, &now, &flags)), "/shop/ /a=1 /b=1 /c=7 /shop/db=2");
    }

    #[test]
    fn dependencies_of_groups_are_merged_back() {
        let flags = Flags::default();
        let shop = PathId::absolute("/shop");
        let depend = |root: &Group, on: &[&str]| {
            tree::edit(root, &shop, &flags, &mut |g| g.dependencies = on.iter().map(|d| PathId::absolute(d)).collect())
        };
        let empty = Group::empty(PathId::root(), Version(0));
        let (before, after) = (depend(&empty, &["/a", "/b"]), depend(&empty, &["/b", "/c"]));
        let now = depend(&empty, &["/b", "/c", "/d"]);
        assert_eq!(told(&revert(&plan(&before, &after), &now, &flags)), "/shop//a/b/d");
        assert_eq!(told(&revert(&plan(&before, &empty), &empty, &flags)), "/shop//a/b");
        assert_eq!(told(&revert(&plan(&empty, &after), &now, &flags)), "/shop//d");
        assert_eq!(told(&revert(&plan(&empty, &after), &after, &flags)), "");
    }
}
