//! Roles that a spec may have (`RoleSettings.scala`): Marathon's own and its top-level group's; the
//! group's alone where the group enforces it. A role that a spec has already may stay.

use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;
use std::collections::BTreeSet;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roles {
    pub valid: BTreeSet<String>,
    pub default: String,
}

impl Roles {
    /// For the spec `id` in the tree `root`.
    #[must_use]
    pub fn of(id: &PathId, root: &Group, flags: &Flags) -> Self {
        let own = flags.role.clone();
        if id.parent().is_root() {
            return Self { valid: [own.clone()].into(), default: own };
        }
        let name = id.segments().next().unwrap_or_default().to_owned();
        let top = root.group(&PathId::absolute(&name)).filter(|group| !group.id.is_root());
        let enforced = match top {
            Some(group) => group.enforce_role.unwrap_or_default(),
            None => flags.enforce_role_of_new_groups,
        };
        let existing = root.spec(id).map(|spec| spec.role.clone());
        let (default, more) = if enforced { (name, None) } else { (own, Some(name)) };
        let valid = [Some(default.clone()), more, existing].into_iter().flatten().collect();
        Self { valid, default }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::version::Version;
    use std::sync::Arc;

    #[test]
    fn a_group_that_enforces_its_role_leaves_no_choice() {
        let mut root = Group::empty(PathId::root(), Version(0));
        let id = PathId::absolute("/shop/web");
        let shown = |root: &Group, flags: &Flags| {
            let roles = Roles::of(&id, root, flags);
            (roles.default, roles.valid.into_iter().collect::<Vec<_>>().join(" "))
        };
        let mut flags = Flags::default();
        assert_eq!(shown(&root, &flags), ("*".into(), "* shop".into()));
        flags.enforce_role_of_new_groups = true;
        assert_eq!(shown(&root, &flags), ("shop".into(), "shop".into()));
        let mut shop = Group::empty(PathId::absolute("/shop"), Version(0));
        shop.enforce_role = Some(false);
        root.groups.insert(shop.id.clone(), Arc::new(shop));
        assert_eq!(shown(&root, &flags), ("*".into(), "* shop".into()));
        let at_root = Roles::of(&PathId::absolute("/web"), &root, &flags);
        assert_eq!((at_root.default, at_root.valid.len()), ("*".to_owned(), 1));
    }
}
