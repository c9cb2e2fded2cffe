//! A tree of clients that hands them out in sharing order (`sorter/drf/sorter.{hpp,cpp}`).
//!
//! Clients are paths: role paths in the role sorter, framework ids in a role's framework sorter
//! (an id with a slash makes a tree there too, as upstream). A client that is also an inner node
//! becomes a virtual leaf named `.` below it. Semantics: always fully sorted when asked; the order
//! is kept and repaired where an allocation changed it.

use super::policy::{Sharing, Standing, Throw};
use crate::base::map::Map;
use crate::base::quantity::Quantities;
use std::cmp::Ordering;

/// A client's handle; stays the same while its node moves in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client(pub u32);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Internal,
    Active,
    Inactive,
}

#[derive(Clone, Debug)]
struct Node {
    path: Box<str>,
    /// Where the last component of `path` begins.
    name_at: usize,
    parent: u32,
    children: Vec<u32>,
    kind: Kind,
    client: u32,
    allocated: Quantities,
    /// How often the subtree was allocated to; never goes down.
    count: u64,
    /// Cached at the first sort, as upstream: a later weight of a path that is no client is
    /// ignored until the node is rebuilt.
    weight: Option<f64>,
    rank: f64,
    serial: u64,
}

impl Node {
    fn name(&self) -> &str {
        &self.path[self.name_at..]
    }
}

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

/// One row of `Sorter::tree`: path, kind, rank and count of a node.
pub type TreeRow<'a> = (&'a str, Kind, f64, u64);

#[derive(Clone, Debug)]
pub struct Sorter {
    nodes: Vec<Node>,
    free_nodes: Vec<u32>,
    /// Node of each client.
    clients: Vec<u32>,
    free_clients: Vec<u32>,
    weights: Map<Box<str>, f64>,
    total: Quantities,
    excluded: u8,
    active: u32,
    next_serial: u64,
    /// All ranks and orders must be computed anew.
    dirty: bool,
    /// `order` must be collected anew from the sorted tree.
    stale: bool,
    /// Who is in `order` has changed.
    members: bool,
    /// Active clients in sharing order.
    order: Vec<u32>,
    /// How many times siblings were ordered anew, for tests of the work done.
    pub sorts: u64,
}

impl Sorter {
    /// `excluded`: bit i set if resource kind i does not count in shares.
    #[must_use]
    pub fn new(excluded: u8) -> Self {
        let root = Node {
            path: "".into(),
            name_at: 0,
            parent: NONE,
            children: Vec::new(),
            kind: Kind::Internal,
            client: NONE,
            allocated: Quantities::ZERO,
            count: 0,
            weight: Some(1.0),
            rank: 0.0,
            serial: 0,
        };
        Self {
            nodes: vec![root],
            free_nodes: Vec::new(),
            clients: Vec::new(),
            free_clients: Vec::new(),
            weights: Map::default(),
            total: Quantities::ZERO,
            excluded,
            active: 0,
            next_serial: 1,
            dirty: true,
            stale: true,
            members: true,
            order: Vec::new(),
            sorts: 0,
        }
    }

    fn node(&self, i: u32) -> &Node {
        &self.nodes[i as usize]
    }
    fn node_mut(&mut self, i: u32) -> &mut Node {
        &mut self.nodes[i as usize]
    }

    fn create(&mut self, path: &str, parent: u32, kind: Kind) -> u32 {
        let serial = self.next_serial;
        self.next_serial += 1;
        let node = Node {
            path: path.into(),
            name_at: path.rfind('/').map_or(0, |i| i + 1),
            parent,
            children: Vec::new(),
            kind,
            client: NONE,
            allocated: Quantities::ZERO,
            count: 0,
            weight: None,
            rank: 0.0,
            serial,
        };
        let index = if let Some(index) = self.free_nodes.pop() {
            self.nodes[index as usize] = node;
            index
        } else {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        };
        self.node_mut(parent).children.push(index);
        index
    }

    fn child(&self, parent: u32, name: &str) -> Option<u32> {
        self.node(parent).children.iter().copied().find(|&c| self.node(c).name() == name)
    }

    /// Adds a client, inactive. The path must not be a client yet.
    pub fn add(&mut self, path: &str) -> Client {
        let client = self.free_clients.pop().unwrap_or_else(|| {
            self.clients.push(NONE);
            self.clients.len() as u32 - 1
        });
        let mut current = ROOT;
        let mut end = 0;
        for name in path.split('/') {
            end += name.len();
            current = match self.child(current, name) {
                Some(next) => {
                    if self.node(next).kind != Kind::Internal && end < path.len() {
                        self.make_internal(next);
                        self.child(current, name).expect("replaced in place")
                    } else {
                        next
                    }
                }
                None => self.create(&path[..end], current, Kind::Internal),
            };
            end += 1;
        }
        // A node that was there before and has children keeps them: the client goes below it.
        if !self.node(current).children.is_empty() {
            current = self.create(&format!("{path}/."), current, Kind::Inactive);
        }
        let node = self.node_mut(current);
        node.kind = Kind::Inactive;
        node.client = client;
        self.clients[client as usize] = current;
        self.dirty = true;
        Client(client)
    }

    /// Puts an inner node where the leaf was; the leaf becomes its virtual child `.`. Both keep
    /// the allocation and the count.
    fn make_internal(&mut self, leaf: u32) {
        let (path, parent) = (self.node(leaf).path.clone(), self.node(leaf).parent);
        let (allocated, count) = (self.node(leaf).allocated, self.node(leaf).count);
        let inner = self.create(&path, parent, Kind::Internal);
        self.node_mut(parent).children.retain(|&c| c != leaf);
        let node = self.node_mut(inner);
        (node.allocated, node.count) = (allocated, count);
        node.children.push(leaf);
        let node = self.node_mut(leaf);
        node.path = format!("{path}/.").into();
        node.name_at = path.len() + 1;
        node.parent = inner;
        node.weight = None;
    }

    /// Removes a client with whatever it still holds.
    pub fn remove(&mut self, client: Client) {
        let leaf = self.clients[client.0 as usize];
        if self.node(leaf).kind == Kind::Active {
            self.active -= 1;
        }
        let allocated = self.node(leaf).allocated;
        let mut current = self.node(leaf).parent;
        while current != NONE {
            self.node_mut(current).allocated -= allocated;
            current = self.node(current).parent;
        }
        self.clients[client.0 as usize] = NONE;
        self.free_clients.push(client.0);
        let mut current = leaf;
        while current != ROOT && self.node(current).children.is_empty() {
            let parent = self.node(current).parent;
            self.node_mut(parent).children.retain(|&c| c != current);
            self.free_nodes.push(current);
            current = parent;
        }
        // An inner node with nothing but its virtual leaf becomes the leaf again.
        if current != ROOT && self.node(current).children.len() == 1 {
            let child = self.node(current).children[0];
            if self.node(child).name() == "." {
                let (kind, client) = (self.node(child).kind, self.node(child).client);
                let node = self.node_mut(current);
                node.children.clear();
                (node.kind, node.client) = (kind, client);
                self.clients[client as usize] = current;
                self.free_nodes.push(child);
            }
        }
        (self.dirty, self.members) = (true, true);
    }

    pub fn activate(&mut self, client: Client) {
        let node = self.clients[client.0 as usize];
        if self.node(node).kind == Kind::Inactive {
            self.node_mut(node).kind = Kind::Active;
            self.active += 1;
            (self.dirty, self.members) = (true, true);
        }
    }

    pub fn deactivate(&mut self, client: Client) {
        let node = self.clients[client.0 as usize];
        if self.node(node).kind == Kind::Active {
            self.node_mut(node).kind = Kind::Inactive;
            self.active -= 1;
            (self.dirty, self.members) = (true, true);
        }
    }

    #[must_use]
    pub fn is_active(&self, client: Client) -> bool {
        self.node(self.clients[client.0 as usize]).kind == Kind::Active
    }

    /// Books an allocation that counts as `times` allocations (one per agent).
    pub fn allocated<S: Sharing>(&mut self, client: Client, amount: Quantities, times: u64, sharing: &S) {
        let leaf = self.clients[client.0 as usize];
        let mut current = leaf;
        while current != NONE {
            let node = self.node_mut(current);
            node.allocated += amount;
            node.count += times;
            current = node.parent;
        }
        if S::STEADY && !self.dirty && self.active > 1 {
            self.repair(leaf, sharing);
        } else {
            self.dirty = true;
        }
    }

    pub fn unallocated(&mut self, client: Client, amount: Quantities) {
        let mut current = self.clients[client.0 as usize];
        while current != NONE {
            let node = self.node_mut(current);
            node.allocated -= amount;
            current = node.parent;
        }
        self.dirty = true;
    }

    pub fn add_total(&mut self, amount: Quantities) {
        self.total += amount;
        self.dirty = true;
    }
    pub fn remove_total(&mut self, amount: Quantities) {
        self.total -= amount;
        self.dirty = true;
    }

    /// Sets the weight of a path. A node that exists is told only if the path is a client's.
    pub fn set_weight(&mut self, path: &str, weight: f64) {
        self.weights.insert(path.into(), weight);
        let node = self.clients.iter().copied().filter(|&n| n != NONE).find_map(|n| {
            let node = self.node(n);
            if &*node.path == path {
                Some(n)
            } else {
                (node.name() == "." && &*self.node(node.parent).path == path).then_some(node.parent)
            }
        });
        if let Some(node) = node {
            self.node_mut(node).weight = Some(weight);
        }
        self.dirty = true;
    }

    /// What the client holds.
    #[must_use]
    pub fn holds(&self, client: Client) -> Quantities {
        self.node(self.clients[client.0 as usize]).allocated
    }
    #[must_use]
    pub fn active_clients(&self) -> u32 {
        self.active
    }
    #[must_use]
    pub fn total(&self) -> Quantities {
        self.total
    }

    /// Active clients in sharing order. `throw` is used by policies that draw at every call.
    pub fn order<S: Sharing>(&mut self, sharing: &S, throw: Throw) -> &[u32] {
        if self.active <= 1 {
            // Nobody to compare with: the order is known without ranks, which stay dirty.
            if std::mem::take(&mut self.members) {
                self.collect();
            }
            return &self.order;
        }
        if self.dirty || !S::STEADY {
            self.sort_below(ROOT, sharing, throw);
            self.dirty = false;
            self.stale = true;
        }
        if self.stale {
            self.collect();
            (self.stale, self.members) = (false, false);
        }
        &self.order
    }

    fn collect(&mut self) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        self.walk(ROOT, &mut |node| {
            if node.kind == Kind::Active {
                order.push(node.client);
            }
        });
        self.order = order;
    }

    fn walk(&self, from: u32, visit: &mut impl FnMut(&Node)) {
        for &child in &self.node(from).children {
            visit(self.node(child));
            self.walk(child, visit);
        }
    }

    fn sort_below<S: Sharing>(&mut self, parent: u32, sharing: &S, throw: Throw) {
        self.sorts += 1;
        let mut children = std::mem::take(&mut self.node_mut(parent).children);
        for &child in &children {
            self.node_mut(child).rank = self.rank(child, sharing, throw);
            if self.node(child).weight.is_none() {
                let weight = self.weight(child);
                self.node_mut(child).weight = Some(weight);
            }
        }
        children.sort_unstable_by(|&a, &b| self.compare(a, b));
        for &child in &children {
            if self.node(child).kind == Kind::Internal {
                self.sort_below(child, sharing, throw);
            }
        }
        self.node_mut(parent).children = children;
    }

    fn weight(&self, node: u32) -> f64 {
        let node = self.node(node);
        node.weight.unwrap_or_else(|| self.weights.get(&node.path).copied().unwrap_or(1.0))
    }

    fn rank<S: Sharing>(&self, node: u32, sharing: &S, throw: Throw) -> f64 {
        let standing = Standing {
            allocated: self.node(node).allocated,
            total: self.total,
            weight: self.weight(node),
            serial: self.node(node).serial,
            excluded: self.excluded,
        };
        sharing.rank(&standing, throw)
    }

    /// Rank, then fewer allocations, then bytes of the path; total.
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (self.node(a), self.node(b));
        a.rank.total_cmp(&b.rank).then(a.count.cmp(&b.count)).then_with(|| a.path.cmp(&b.path))
    }

    /// Moves a leaf and its ancestors back to where they belong after an allocation.
    fn repair<S: Sharing>(&mut self, leaf: u32, sharing: &S) {
        // Steady policies do not look at the dice.
        let throw = Throw { key: crate::base::dice::SiteKey::default(), entity: 0 };
        let mut current = leaf;
        while current != ROOT {
            let parent = self.node(current).parent;
            self.node_mut(current).rank = self.rank(current, sharing, throw);
            let mut children = std::mem::take(&mut self.node_mut(parent).children);
            let from = children.iter().position(|&c| c == current).expect("a child of its parent");
            let mut at = from;
            while at + 1 < children.len() && self.compare(children[at + 1], current) == Ordering::Less {
                children[at] = children[at + 1];
                at += 1;
            }
            while at == from && at > 0 && self.compare(current, children[at - 1]) == Ordering::Less {
                // An allocation never lowers a share, so this happens only under new policies.
                children[..=from].sort_unstable_by(|&a, &b| self.compare(a, b));
                at = 0;
            }
            if at > from {
                children[at] = current;
            }
            self.node_mut(parent).children = children;
            self.stale |= at != from;
            current = parent;
        }
    }

    /// All nodes in pre-order of the tree as it stands, for recordings and tests.
    #[must_use]
    pub fn tree(&self) -> Vec<TreeRow<'_>> {
        let mut rows = Vec::new();
        let mut stack: Vec<u32> = self.node(ROOT).children.iter().rev().copied().collect();
        while let Some(n) = stack.pop() {
            let node = self.node(n);
            rows.push((&*node.path, node.kind, node.rank, node.count));
            stack.extend(node.children.iter().rev());
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::drf::Drf;
    use super::*;
    use crate::base::dice::SiteKey;
    use expect_test::expect;

    fn throw() -> Throw {
        Throw { key: SiteKey::default(), entity: 0 }
    }
    fn cpus(n: i64) -> Quantities {
        Quantities([n * 1000, 0, 0, 0])
    }

    /// Worked example 26.2 of the notes: weights b=2; clients a/x, a/y, b; twelve equal agents.
    #[test]
    fn weighted_tree() {
        let mut sorter = Sorter::new(0);
        sorter.set_weight("b", 2.0);
        let names = ["a/x", "a/y", "b"];
        for name in names {
            let client = sorter.add(name);
            sorter.activate(client);
        }
        let mut winners = Vec::new();
        for _ in 0..12 {
            sorter.add_total(cpus(1));
            let first = sorter.order(&Drf, throw())[0];
            winners.push(names[first as usize]);
            sorter.allocated(Client(first), cpus(1), 1, &Drf);
        }
        expect![[r#"["a/x", "b", "b", "a/y", "b", "b", "a/x", "b", "b", "a/y", "b", "b"]"#]]
            .assert_eq(&format!("{winners:?}"));
    }

    #[test]
    fn a_client_that_gets_children_becomes_a_virtual_leaf_and_comes_back() {
        let mut sorter = Sorter::new(0);
        sorter.add_total(cpus(10));
        let a = sorter.add("a");
        sorter.activate(a);
        sorter.allocated(a, cpus(2), 1, &Drf);
        let ab = sorter.add("a/b");
        sorter.activate(ab);
        sorter.allocated(ab, cpus(1), 1, &Drf);
        let shown = |s: &mut Sorter| {
            let order = s.order(&Drf, throw()).to_vec();
            format!("{order:?} {:?}", s.tree())
        };
        expect![[r#"[1, 0] [("a", Internal, 0.3, 2), ("a/b", Active, 0.1, 1), ("a/.", Active, 0.2, 1)]"#]]
            .assert_eq(&shown(&mut sorter));
        sorter.unallocated(ab, cpus(1));
        sorter.remove(ab);
        assert_eq!(sorter.holds(a), cpus(2));
        assert_eq!(sorter.order(&Drf, throw()), [0]);
        assert_eq!(sorter.tree().iter().map(|r| (r.0, r.1, r.3)).collect::<Vec<_>>(), [("a", Kind::Active, 2)]);
    }

    /// The kept order against one that is sorted from nothing each time.
    #[test]
    fn repair_equals_a_full_sort() {
        let key = crate::base::dice::Dice::new(4).key(crate::base::dice::Site::new("test-sorter"));
        let mut kept = Sorter::new(0);
        kept.add_total(Quantities([50_000, 90_000, 0, 0]));
        let paths = ["r", "r/a", "r/b/x", "r/b/y", "s", "t/u", "t/v", "w"];
        let clients: Vec<Client> = paths.iter().map(|p| kept.add(p)).collect();
        for &c in &clients {
            kept.activate(c);
        }
        for step in 0..2_000 {
            let draw = |n| key.draw(step, n);
            let client = clients[draw(0).below(8) as usize];
            match draw(1).below(20) {
                0 => kept.unallocated(client, kept.holds(client)),
                1 => kept.deactivate(client),
                2 => kept.activate(client),
                3 => kept.set_weight(paths[client.0 as usize], 1.0 + draw(2).below(3) as f64),
                _ => {
                    let amount = Quantities([draw(3).below(3) as i64, draw(4).below(3) as i64, 0, 0]);
                    kept.allocated(client, amount, 1, &Drf);
                }
            }
            let mut fresh = kept.clone();
            fresh.dirty = true;
            assert_eq!(kept.order(&Drf, throw()), fresh.order(&Drf, throw()), "step {step}");
        }
    }
}
