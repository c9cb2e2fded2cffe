//! Sets of words (`Value.Set`), kept sorted so that equality does not depend on the order given.

use std::sync::Arc;

/// Different words in ascending order of their bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Items(Vec<Arc<str>>);

impl Items {
    #[must_use]
    pub fn new<T: Into<Arc<str>>>(items: impl IntoIterator<Item = T>) -> Self {
        let mut all: Vec<Arc<str>> = items.into_iter().map(Into::into).collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|item| &**item)
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    fn has(&self, item: &Arc<str>) -> bool {
        self.0.binary_search(item).is_ok()
    }
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|item| self.has(item))
    }
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self::new(self.0.iter().chain(&other.0).cloned())
    }
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self(self.0.iter().filter(|item| !other.has(item)).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn union_difference_and_subset() {
        let (a, b) = (Items::new(["y", "x", "y"]), Items::new(["z", "y"]));
        assert_eq!(a, Items::new(["x", "y"]));
        assert_eq!(a.plus(&b), Items::new(["x", "y", "z"]));
        assert_eq!(a.minus(&b), Items::new(["x"]));
        assert!(a.plus(&b).contains(&b) && !a.contains(&b) && a.contains(&Items::default()));
    }
}
