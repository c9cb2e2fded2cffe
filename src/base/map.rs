//! The only maps allowed: ordered by insertion (`Map`, `Set`), or without any order (`Lookup`).
//!
//! All use one fixed hasher. `Lookup` cannot be iterated, so no result can depend on its layout.

use rustc_hash::FxBuildHasher;
use std::hash::Hash;

/// Insertion-ordered map. Remove with `shift_remove`; `swap_remove` reorders.
pub type Map<K, V> = indexmap::IndexMap<K, V, FxBuildHasher>;
/// Insertion-ordered set.
pub type Set<K> = indexmap::IndexSet<K, FxBuildHasher>;

#[expect(clippy::disallowed_types, reason = "wrapped so that it cannot be iterated")]
type Raw<K, V> = std::collections::HashMap<K, V, FxBuildHasher>;

/// A hash map that answers questions about one key and nothing else.
#[derive(Clone, Debug)]
pub struct Lookup<K, V>(Raw<K, V>);

impl<K, V> Default for Lookup<K, V> {
    fn default() -> Self {
        Self(Raw::default())
    }
}

impl<K: Hash + Eq, V> Lookup<K, V> {
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.0.entry(key).or_insert_with(make)
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
