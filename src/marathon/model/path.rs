//! Ids of apps, pods and groups: absolute paths (`PathId.scala`).

use std::fmt;
use std::sync::Arc;

/// An absolute path, canonical: `/`, `/web`, `/shop/db`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PathId(Arc<str>);

impl PathId {
    #[must_use]
    pub fn root() -> Self {
        Self("/".into())
    }
    /// Resolves `.`, `..` and relative paths against `base`; `..` above the root stays at the root.
    #[must_use]
    pub fn resolve(text: &str, base: &Self) -> Self {
        let mut parts: Vec<&str> = if text.starts_with('/') { Vec::new() } else { base.segments().collect() };
        for part in text.split('/').filter(|p| !p.is_empty()) {
            match part {
                "." => {}
                ".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        Self(format!("/{}", parts.join("/")).into())
    }
    #[must_use]
    pub fn absolute(text: &str) -> Self {
        Self::resolve(text, &Self::root())
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|p| !p.is_empty())
    }
    #[must_use]
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }
    /// The root's parent is the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self.0.rfind('/') {
            None | Some(0) => Self::root(),
            Some(at) => Self(self.0[..at].into()),
        }
    }
    /// Whether this is `group` or lies below it.
    #[must_use]
    pub fn is_within(&self, group: &Self) -> bool {
        group.is_root() || self.0.strip_prefix(&*group.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
    /// Segments joined with `_`, as in ids of instances.
    #[must_use]
    pub fn safe(&self) -> String {
        self.segments().collect::<Vec<_>>().join("_")
    }
}

/// A path is found by its text.
impl std::borrow::Borrow<str> for PathId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_resolve_against_their_group() {
        let shop = PathId::absolute("shop/");
        let shown = |text: &str| PathId::resolve(text, &shop).to_string();
        assert_eq!(shown("db"), "/shop/db");
        assert_eq!(shown("../web"), "/web");
        assert_eq!(shown("../../.."), "/");
        assert_eq!(shown("/a/./b/../c"), "/a/c");
        assert_eq!(PathId::absolute("/shop/db").parent(), shop);
        assert_eq!(shop.parent().parent(), PathId::root());
        assert!(PathId::absolute("/shop/db").is_within(&shop) && shop.is_within(&shop));
        assert!(!PathId::absolute("/shopping").is_within(&shop));
        assert_eq!(PathId::absolute("/shop/db").safe(), "shop_db");
    }
}
