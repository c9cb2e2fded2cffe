//! Reservations: a stack of entries whose top names the role that holds the resource, and the
//! rules about roles as paths.
//!
//! The bottom entry is the least refined one. Each entry above must be to a role strictly below
//! the role beneath it; only the bottom one may be static.

use std::sync::Arc;

/// Whether an operator configured the reservation at the agent or somebody made it at run time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReservationKind {
    Static,
    Dynamic,
}

impl ReservationKind {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Dynamic => "DYNAMIC",
        }
    }
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Static, Self::Dynamic].into_iter().find(|kind| kind.name() == name)
    }
}

/// Key and optional value, sorted: upstream compares labels without regard to their order. No
/// labels and an empty list of labels are the same to us.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Labels(Vec<(Arc<str>, Option<Arc<str>>)>);

impl Labels {
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (Arc<str>, Option<Arc<str>>)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_unstable();
        Self(pairs)
    }
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(key, value)| (&**key, value.as_deref()))
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One entry of a stack. Two entries are equal only if all four parts are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reservation {
    pub kind: ReservationKind,
    pub role: Arc<str>,
    pub principal: Option<Arc<str>>,
    pub labels: Labels,
}

impl Reservation {
    #[must_use]
    pub fn fixed(role: &str) -> Self {
        Self { kind: ReservationKind::Static, role: role.into(), principal: None, labels: Labels::default() }
    }
    #[must_use]
    pub fn dynamic(role: &str, principal: Option<&str>) -> Self {
        let principal = principal.map(Into::into);
        Self { kind: ReservationKind::Dynamic, role: role.into(), principal, labels: Labels::default() }
    }
}

/// Whether `role` lies strictly below `ancestor` in the tree of roles: `a/b` below `a`, not `ab`.
#[must_use]
pub fn is_strict_descendant(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor).is_some_and(|rest| rest.starts_with('/'))
}

/// What is wrong with the name of a role, if anything. `*` is no role that can be reserved to.
#[must_use]
pub fn role_fault(role: &str) -> Option<&'static str> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if role.is_empty() {
        Some("the role is empty")
    } else if role == "*" {
        Some("`*` stands for unreserved and cannot hold a reservation")
    } else if role.chars().any(odd) {
        Some("the role contains a space, a control character or a backslash")
    } else if role.split('/').any(str::is_empty) {
        Some("the role has an empty part")
    } else if role.split('/').any(|part| part == "." || part == ".." || part == "*") {
        Some("the role has a part `.`, `..` or `*`")
    } else if role.split('/').any(|part| part.starts_with('-')) {
        Some("a part of the role begins with `-`")
    } else {
        None
    }
}

/// What is wrong with a stack of reservations, if anything.
#[must_use]
pub(super) fn stack_fault(stack: &[Reservation]) -> Option<&'static str> {
    let roles = stack.iter().find_map(|entry| role_fault(&entry.role));
    let on_top = |pair: &[Reservation]| pair[1].kind == ReservationKind::Static;
    let beside = |pair: &[Reservation]| !is_strict_descendant(&pair[1].role, &pair[0].role);
    if roles.is_some() {
        roles
    } else if stack.windows(2).any(on_top) {
        Some("a STATIC reservation stands above another one")
    } else if stack.windows(2).any(beside) {
        Some("a refinement must be to a role below the role beneath it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_go_by_parts_of_the_path() {
        assert!(is_strict_descendant("a/b/c", "a/b") && is_strict_descendant("a/b/c", "a"));
        assert!(!is_strict_descendant("a/bx", "a/b") && !is_strict_descendant("a", "a"));
    }

    #[test]
    fn bad_roles_are_told_apart() {
        for bad in ["", "*", "a b", "a//b", "/a", "a/", "a/..", ".", "-a", "a/-b", "a\\b", "a/*"] {
            assert!(role_fault(bad).is_some(), "{bad}");
        }
        for good in ["a", "a/b", "a-b", "...", "eng.web/prod_1"] {
            assert_eq!(role_fault(good), None, "{good}");
        }
    }

    #[test]
    fn stacks_refine_downwards_and_are_static_at_the_bottom_only() {
        let (a, ab) = (Reservation::fixed("a"), Reservation::dynamic("a/b", Some("p")));
        assert_eq!(stack_fault(&[a.clone(), ab.clone()]), None);
        assert!(stack_fault(&[ab.clone(), a.clone()]).is_some());
        assert!(stack_fault(&[a.clone(), Reservation::fixed("a/b")]).unwrap().contains("STATIC"));
        assert!(stack_fault(&[a, Reservation::dynamic("c", None)]).unwrap().contains("below"));
    }
}
