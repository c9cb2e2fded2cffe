//! A tree of clients that hands them out in sharing order (`sorter/drf/sorter.{hpp,cpp}`).
//!
//! Clients are paths: role paths in the role sorter, framework ids in a role's framework sorter
//! (an id with a slash makes a tree there too, as upstream). A client that is also an inner node
//! becomes a virtual leaf named `.` below it. Semantics: always fully sorted when asked. The order
//! is kept, and before it is asked for only those nodes move whose standing changed since. Leaves
//! that nobody wants an order of (suppressed frameworks, roles without a taker) stand in no list,
//! so that walking does not meet them; their allocations count in the shares above them.

use super::amounts::Amounts;
use super::policy::{Sharing, Standing, Throw};
use crate::base::map::Map;
use crate::base::quantity::KINDS;
use crate::mesos::resource::{Object, Resources};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::sync::Arc;

/// A client's handle; stays the same while its node moves in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client(pub u32);

/// Names that do not count in shares.
#[derive(Clone, Default, Debug)]
pub struct Excluded {
    /// Bit i set: the usual kind i.
    pub kinds: u8,
    pub others: Vec<Arc<str>>,
}

impl Excluded {
    #[must_use]
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut excluded = Self::default();
        for name in names {
            match KINDS.iter().position(|kind| *kind == name) {
                Some(kind) => excluded.kinds |= 1 << kind,
                None => excluded.others.push(name.into()),
            }
        }
        excluded
    }
}

/// What the order depends on beside the tree.
#[derive(Debug)]
pub struct Ground<'a, S> {
    pub sharing: &'a S,
    /// Of the whole cluster.
    pub total: &'a Amounts,
    /// Changes whenever `total` does.
    pub version: u64,
    pub excluded: &'a Excluded,
    /// The dice of this order, for policies that draw.
    pub throw: Throw,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Internal,
    Leaf,
}

#[derive(Clone, Debug)]
struct Node {
    path: Box<str>,
    parent: u32,
    children: Vec<u32>,
    /// Children with a wanted leaf, in order as of their `rank` and `ranked_count`.
    ranked: Vec<u32>,
    kind: Kind,
    client: u32,
    allocated: Amounts,
    /// Shared objects by agent slot: each counts once, however many copies there are.
    shared: Option<Box<Map<u32, Resources>>>,
    /// How often the subtree was allocated to; never goes down.
    count: u64,
    /// Cached at the first sort, as upstream: a later weight of a path that is no client is
    /// ignored until the node is rebuilt.
    weight: Option<f64>,
    rank: f64,
    ranked_count: u64,
    /// Stands in the parent's `ranked`.
    listed: bool,
    /// Stands in `touched`.
    touched: bool,
    /// Wanted leaves in the subtree.
    wanted: u32,
    serial: u64,
}

impl Node {
    fn is_virtual(&self) -> bool {
        self.path.ends_with("/.")
    }
}

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

/// A position in the order. Stays valid while allocations are booked; `Sorter::settle` ends it.
#[derive(Clone, Default, Debug)]
pub struct Cursor {
    /// Inner nodes down to the present one, with the index of the next child.
    stack: SmallVec<[(u32, u32); 4]>,
    /// The only client there is.
    sole: Option<u32>,
}

/// A node as it is shown.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    pub path: &'a str,
    pub kind: Kind,
    /// Of a leaf.
    pub client: Client,
    pub rank: f64,
    pub share: f64,
    pub count: u64,
}

#[derive(Clone, Debug)]
pub struct Sorter {
    nodes: Vec<Node>,
    free_nodes: Vec<u32>,
    paths: Map<Box<str>, u32>,
    /// Node of each client.
    clients: Vec<u32>,
    free_clients: Vec<u32>,
    weights: Map<Box<str>, f64>,
    next_serial: u64,
    /// Nodes that have not had their first sort, if weights count.
    unpinned: Vec<u32>,
    weighted: bool,
    /// Version of the total with which the ranks were computed.
    version: u64,
    /// All ranks and orders must be computed anew.
    dirty: bool,
    /// Nodes whose standing changed since.
    touched: Vec<u32>,
    /// How many times siblings were ordered anew, for tests of the work done.
    pub sorts: u64,
    /// How many nodes were moved to where they belong.
    pub moves: u64,
    pub comparisons: u64,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::new()
    }
}

/// A node counts a shared object once, however many copies of it come or go at once.
fn one_copy(object: &Object) -> Resources {
    Resources::from_objects([&Object::new(object.name(), object.value().clone(), object.meta().clone())])
}

impl Sorter {
    #[must_use]
    pub fn new() -> Self {
        let mut sorter = Self {
            nodes: Vec::new(),
            free_nodes: Vec::new(),
            paths: Map::default(),
            clients: Vec::new(),
            free_clients: Vec::new(),
            weights: Map::default(),
            next_serial: 0,
            unpinned: Vec::new(),
            weighted: false,
            version: 0,
            dirty: true,
            touched: Vec::new(),
            sorts: 0,
            moves: 0,
            comparisons: 0,
        };
        sorter.create("", NONE, Kind::Internal);
        sorter.nodes[0].weight = Some(1.0);
        sorter
    }

    /// One whose clients may have weights.
    #[must_use]
    pub fn weighted() -> Self {
        Self { weighted: true, ..Self::new() }
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
            parent,
            children: Vec::new(),
            ranked: Vec::new(),
            kind,
            client: NONE,
            allocated: Amounts::NOTHING,
            shared: None,
            count: 0,
            weight: None,
            rank: 0.0,
            ranked_count: 0,
            listed: false,
            touched: false,
            wanted: 0,
            serial,
        };
        let index = if let Some(index) = self.free_nodes.pop() {
            self.nodes[index as usize] = node;
            index
        } else {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        };
        if self.weighted {
            self.unpinned.push(index);
        }
        if parent != NONE {
            self.node_mut(parent).children.push(index);
            self.paths.insert(path.into(), index);
        }
        index
    }

    /// Takes a node out of its parent and of the tree.
    fn discard(&mut self, node: u32) {
        let parent = self.node(node).parent;
        self.node_mut(parent).children.retain(|&child| child != node);
        self.unlist(node);
        let path = std::mem::take(&mut self.node_mut(node).path);
        self.paths.swap_remove(&*path);
        if std::mem::take(&mut self.node_mut(node).touched) {
            self.touched.retain(|&other| other != node);
        }
        self.free_nodes.push(node);
    }

    /// Adds a client that is not wanted yet. The path must not be a client.
    pub fn add(&mut self, path: &str) -> Client {
        let client = self.free_clients.pop().unwrap_or_else(|| {
            self.clients.push(NONE);
            self.clients.len() as u32 - 1
        });
        let mut current = ROOT;
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            current = match self.paths.get(&path[..end]).copied() {
                Some(next) => {
                    if self.node(next).kind == Kind::Leaf && end < path.len() {
                        self.make_internal(next)
                    } else {
                        next
                    }
                }
                None => self.create(&path[..end], current, Kind::Internal),
            };
        }
        // A node that was there before and has children keeps them: the client goes below it.
        if !self.node(current).children.is_empty() {
            current = self.create(&format!("{path}/."), current, Kind::Leaf);
        }
        let node = self.node_mut(current);
        node.kind = Kind::Leaf;
        node.client = client;
        self.clients[client as usize] = current;
        Client(client)
    }

    /// Puts an inner node where the leaf was; the leaf becomes its virtual child `.`. Both keep
    /// the allocation and the count.
    fn make_internal(&mut self, leaf: u32) -> u32 {
        let path = self.node(leaf).path.clone();
        let parent = self.node(leaf).parent;
        self.unlist(leaf);
        self.node_mut(parent).children.retain(|&child| child != leaf);
        let inner = self.create(&path, parent, Kind::Internal);
        let below: Box<str> = format!("{path}/.").into();
        self.paths.insert(below.clone(), leaf);
        let old = self.node(leaf);
        let (allocated, shared) = (old.allocated.clone(), old.shared.clone());
        let (count, wanted, serial) = (old.count, old.wanted, old.serial);
        let node = self.node_mut(inner);
        (node.allocated, node.shared) = (allocated, shared);
        (node.count, node.wanted) = (count, wanted);
        let new_serial = std::mem::replace(&mut node.serial, serial);
        node.children.push(leaf);
        let node = self.node_mut(leaf);
        node.path = below;
        node.parent = inner;
        node.weight = None;
        node.serial = new_serial;
        if self.weighted {
            self.unpinned.push(leaf);
        }
        self.dirty = true;
        inner
    }

    /// Removes a client with whatever it still holds.
    pub fn remove(&mut self, client: Client) {
        self.set_wanted(client, false);
        let leaf = self.clients[client.0 as usize];
        let mut allocated = std::mem::take(&mut self.node_mut(leaf).allocated);
        let shared = self.node_mut(leaf).shared.take();
        let of_agents = shared.iter().flat_map(|shared| shared.values());
        of_agents.for_each(|resources| allocated.subtract(&Amounts::of(resources)));
        let mut current = self.node(leaf).parent;
        while current != NONE {
            let node = self.node_mut(current);
            node.allocated.subtract(&allocated);
            let parent = node.parent;
            for (&agent, resources) in shared.iter().flat_map(|shared| shared.iter()) {
                self.unshare(current, agent, resources);
            }
            self.touch(current);
            current = parent;
        }
        self.clients[client.0 as usize] = NONE;
        self.free_clients.push(client.0);
        let mut current = leaf;
        while current != ROOT && self.node(current).children.is_empty() {
            let parent = self.node(current).parent;
            self.discard(current);
            current = parent;
        }
        // An inner node with nothing but its virtual leaf becomes the leaf again.
        if current != ROOT && self.node(current).children.len() == 1 {
            let child = self.node(current).children[0];
            if self.node(child).is_virtual() {
                let client = self.node(child).client;
                self.discard(child);
                let node = self.node_mut(current);
                (node.kind, node.client) = (Kind::Leaf, client);
                node.ranked.clear();
                self.clients[client as usize] = current;
                self.touch(current);
            }
        }
    }

    /// Whether the client is to be handed out.
    pub fn set_wanted(&mut self, client: Client, wanted: bool) {
        let leaf = self.clients[client.0 as usize];
        if (self.node(leaf).wanted > 0) == wanted {
            return;
        }
        let mut current = leaf;
        while current != NONE {
            let node = self.node_mut(current);
            if wanted {
                node.wanted += 1;
            } else {
                node.wanted -= 1;
            }
            let parent = node.parent;
            self.touch(current);
            current = parent;
        }
    }
    #[must_use]
    pub fn is_wanted(&self, client: Client) -> bool {
        self.node(self.clients[client.0 as usize]).wanted > 0
    }
    /// How many clients are to be handed out.
    #[inline]
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.nodes[0].wanted
    }

    #[inline]
    fn touch(&mut self, node: u32) {
        if node != ROOT && !self.nodes[node as usize].touched {
            self.nodes[node as usize].touched = true;
            self.touched.push(node);
        }
    }

    /// Books an allocation that counts as `times` allocations (one per agent).
    #[inline]
    pub fn allocated(&mut self, client: Client, amount: &Amounts, times: u64) {
        let mut current = self.clients[client.0 as usize];
        while current != NONE {
            let node = &mut self.nodes[current as usize];
            node.allocated.add(amount);
            node.count += times;
            let parent = node.parent;
            self.touch(current);
            current = parent;
        }
    }
    #[inline]
    pub fn unallocated(&mut self, client: Client, amount: &Amounts) {
        let mut current = self.clients[client.0 as usize];
        while current != NONE {
            let node = &mut self.nodes[current as usize];
            node.allocated.subtract(amount);
            let parent = node.parent;
            self.touch(current);
            current = parent;
        }
    }

    /// Shared objects of an agent go to the client; each node counts those that are new to it.
    pub fn share(&mut self, client: Client, agent: u32, shared: &Resources) {
        let mut current = self.clients[client.0 as usize];
        while current != NONE {
            let node = self.node_mut(current);
            let held = node.shared.get_or_insert_default().entry(agent).or_default();
            let new = super::amounts::pick(shared, |object| !held.contains(&one_copy(object)));
            *held += shared;
            node.allocated.add(&Amounts::of(&new));
            let parent = node.parent;
            self.touch(current);
            current = parent;
        }
    }
    /// The reverse: each node stops counting those of which the last copy went.
    pub fn give_up_shared(&mut self, client: Client, agent: u32, shared: &Resources) {
        let mut current = self.clients[client.0 as usize];
        while current != NONE {
            self.unshare(current, agent, shared);
            self.touch(current);
            current = self.node(current).parent;
        }
    }
    fn unshare(&mut self, node: u32, agent: u32, shared: &Resources) {
        let node = self.node_mut(node);
        let Some(by_agent) = &mut node.shared else { return };
        let Some(held) = by_agent.get_mut(&agent) else { return };
        *held -= shared;
        let gone = super::amounts::pick(shared, |object| !held.contains(&one_copy(object)));
        node.allocated.subtract(&Amounts::of(&gone));
        if held.is_empty() {
            by_agent.swap_remove(&agent);
        }
    }

    /// Sets the weight of a path. A node that exists is told only if the path is a client's.
    pub fn set_weight(&mut self, path: &str, weight: f64) {
        self.weights.insert(path.into(), weight);
        let node = self.paths.get(path).copied();
        if let Some(node) = node
            && (self.node(node).kind == Kind::Leaf || self.paths.contains_key(&*format!("{path}/.")))
        {
            self.node_mut(node).weight = Some(weight);
        }
        self.dirty = true;
    }

    /// What the first sort does beside sorting: the weight of each node is fixed.
    pub fn pin_weights(&mut self) {
        for node in std::mem::take(&mut self.unpinned) {
            self.node_mut(node).weight = Some(self.weight(node));
        }
    }
    #[must_use]
    pub fn is_unpinned(&self) -> bool {
        !self.unpinned.is_empty()
    }
    fn weight(&self, node: u32) -> f64 {
        let node = self.node(node);
        node.weight.unwrap_or_else(|| self.weights.get(&*node.path).copied().unwrap_or(1.0))
    }

    /// What the client holds.
    #[must_use]
    pub fn holds(&self, client: Client) -> &Amounts {
        &self.node(self.clients[client.0 as usize]).allocated
    }
    /// What all clients hold.
    #[must_use]
    pub fn allocation(&self) -> &Amounts {
        &self.nodes[0].allocated
    }

    // ---- the order ----

    fn standing<'a, S>(&'a self, node: u32, ground: &Ground<'a, S>) -> Standing<'a> {
        let weight = self.weight(node);
        let node = self.node(node);
        Standing {
            allocated: &node.allocated,
            total: ground.total,
            weight,
            serial: node.serial,
            excluded: ground.excluded,
        }
    }

    /// Brings the order up to date.
    pub fn settle<S: Sharing>(&mut self, ground: &Ground<S>) {
        if self.wanted() <= 1 {
            // Nobody to compare with: the order is known without ranks, which stay as they are.
            return;
        }
        let crowd = self.touched.len() >= 16 && self.touched.len() * 4 >= self.wanted() as usize;
        if !S::STEADY || self.dirty || self.version != ground.version || crowd {
            self.sort_below(ROOT, ground);
            self.dirty = false;
            self.version = ground.version;
            for node in std::mem::take(&mut self.touched) {
                self.node_mut(node).touched = false;
            }
            return;
        }
        while let Some(node) = self.touched.pop() {
            self.node_mut(node).touched = false;
            self.reposition(node, ground);
        }
    }

    fn sort_below<S: Sharing>(&mut self, parent: u32, ground: &Ground<S>) {
        self.sorts += 1;
        // The last order is a good start: it is nearly right.
        let mut ranked = std::mem::take(&mut self.node_mut(parent).ranked);
        if self.dirty || ranked.len() != self.node(parent).children.len() || !self.touched.is_empty() {
            ranked.retain(|&child| self.nodes[child as usize].parent == parent);
            let mut children = std::mem::take(&mut self.node_mut(parent).children);
            ranked.iter().for_each(|&child| self.nodes[child as usize].listed = true);
            for &child in &children {
                if !std::mem::replace(&mut self.nodes[child as usize].listed, true) {
                    ranked.push(child);
                }
            }
            ranked.retain(|&child| {
                let node = &mut self.nodes[child as usize];
                node.listed = node.wanted > 0;
                node.listed
            });
            std::mem::swap(&mut self.node_mut(parent).children, &mut children);
        }
        for &child in &ranked {
            let rank = ground.sharing.rank(&self.standing(child, ground), ground.throw);
            let node = self.node_mut(child);
            (node.rank, node.ranked_count) = (rank, node.count);
        }
        let (nodes, comparisons) = (&self.nodes, &mut self.comparisons);
        ranked.sort_by(|&a, &b| {
            *comparisons += 1;
            compare(nodes, a, b)
        });
        for &child in &ranked {
            if self.node(child).kind == Kind::Internal {
                self.sort_below(child, ground);
            }
        }
        self.node_mut(parent).ranked = ranked;
    }

    /// Where the node stands, or would stand, among its ranked siblings.
    fn position(&mut self, node: u32) -> Result<usize, usize> {
        let (nodes, comparisons) = (&self.nodes, &mut self.comparisons);
        nodes[nodes[node as usize].parent as usize].ranked.binary_search_by(|&other| {
            *comparisons += 1;
            compare(nodes, other, node)
        })
    }

    /// Takes a node out of the list of its parent.
    fn unlist(&mut self, node: u32) {
        if !std::mem::take(&mut self.node_mut(node).listed) {
            return;
        }
        let parent = self.node(node).parent;
        match self.position(node) {
            Ok(at) if !self.dirty => {
                self.node_mut(parent).ranked.remove(at);
            }
            _ => self.node_mut(parent).ranked.retain(|&child| child != node),
        }
    }

    /// Moves a node to where it belongs.
    fn reposition<S: Sharing>(&mut self, node: u32, ground: &Ground<S>) {
        self.moves += 1;
        // Who was given something last was the first, mostly.
        let siblings = &self.nodes[self.nodes[node as usize].parent as usize].ranked;
        let from = match self.node(node).listed {
            true if siblings.first() == Some(&node) => Some(0),
            true => self.position(node).ok(),
            false => None,
        };
        let rank = ground.sharing.rank(&self.standing(node, ground), ground.throw);
        let own = self.node_mut(node);
        (own.rank, own.ranked_count) = (rank, own.count);
        own.listed = own.wanted > 0;
        let (parent, listed) = (own.parent, own.listed);
        let mut ranked = std::mem::take(&mut self.node_mut(parent).ranked);
        let (nodes, comparisons) = (&self.nodes, &mut self.comparisons);
        let mut find = |ranked: &[u32]| {
            ranked.partition_point(|&other| {
                *comparisons += 1;
                compare(nodes, other, node) == Ordering::Less
            })
        };
        match from {
            Some(from) if listed => {
                // What stands before it and behind it is in order.
                let to = from + find(&ranked[from + 1..]);
                if to > from {
                    ranked[from..=to].rotate_left(1);
                } else {
                    let to = find(&ranked[..from]);
                    ranked[to..=from].rotate_right(1);
                }
            }
            Some(from) => {
                ranked.remove(from);
            }
            None if listed => {
                let at = find(&ranked);
                ranked.insert(at, node);
            }
            None => {}
        }
        self.node_mut(parent).ranked = ranked;
    }

    /// Before the first of the order. `settle` must have been called.
    #[inline]
    pub fn start(&self, cursor: &mut Cursor) {
        cursor.stack.clear();
        cursor.sole = None;
        if self.wanted() == 1 {
            cursor.sole = self.sole();
        } else if self.wanted() > 1 {
            cursor.stack.push((ROOT, 0));
        }
    }
    /// The only wanted client.
    #[must_use]
    pub fn sole(&self) -> Option<u32> {
        if self.wanted() != 1 {
            return None;
        }
        let mut current = ROOT;
        while self.node(current).kind == Kind::Internal {
            let wanted = |child: &&u32| self.node(**child).wanted > 0;
            // The list is right unless the client was wanted only lately.
            let node = self.node(current);
            current = *node.ranked.iter().find(wanted).or_else(|| node.children.iter().find(wanted))?;
        }
        Some(self.node(current).client)
    }
    /// The next client of the order.
    #[inline]
    pub fn next(&self, cursor: &mut Cursor) -> Option<u32> {
        if cursor.sole.is_some() {
            return cursor.sole.take();
        }
        loop {
            let (node, at) = cursor.stack.last_mut()?;
            let Some(&child) = self.nodes[*node as usize].ranked.get(*at as usize) else {
                cursor.stack.pop();
                continue;
            };
            *at += 1;
            let node = &self.nodes[child as usize];
            if node.kind == Kind::Leaf {
                return Some(node.client);
            }
            cursor.stack.push((child, 0));
        }
    }

    /// All nodes in order, wanted or not, computed from nothing: for recordings and tests.
    #[must_use]
    pub fn rows<'a, S: Sharing>(&'a self, ground: &Ground<'a, S>) -> Vec<Row<'a>> {
        let mut rows = Vec::new();
        self.rows_below(ROOT, ground, &mut rows);
        rows
    }
    fn rows_below<'a, S: Sharing>(&'a self, parent: u32, ground: &Ground<'a, S>, rows: &mut Vec<Row<'a>>) {
        let mut below: Vec<(u32, Row)> = Vec::new();
        for &child in &self.node(parent).children {
            let (standing, node) = (self.standing(child, ground), self.node(child));
            let rank = ground.sharing.rank(&standing, ground.throw);
            let share = super::policy::drf::dominant_share(&standing) / standing.weight;
            let row =
                Row { path: &node.path, kind: node.kind, client: Client(node.client), rank, share, count: node.count };
            below.push((child, row));
        }
        below.sort_by(|(_, a), (_, b)| {
            a.rank.total_cmp(&b.rank).then(a.count.cmp(&b.count)).then_with(|| a.path.cmp(b.path))
        });
        for (child, row) in below {
            rows.push(row);
            self.rows_below(child, ground, rows);
        }
    }
}

/// Rank, then fewer allocations, then bytes of the path; total.
#[inline]
fn compare(nodes: &[Node], a: u32, b: u32) -> Ordering {
    let (a, b) = (&nodes[a as usize], &nodes[b as usize]);
    a.rank.total_cmp(&b.rank).then(a.ranked_count.cmp(&b.ranked_count)).then_with(|| a.path.cmp(&b.path))
}

#[cfg(test)]
mod tests {
    use super::super::policy::drf::Drf;
    use super::*;
    use crate::base::dice::{Dice, Site, SiteKey};
    use crate::base::quantity::Quantities;
    use expect_test::expect;

    /// A sorter and the cluster's total.
    struct Desk {
        sorter: Sorter,
        total: Amounts,
        version: u64,
        excluded: Excluded,
    }

    impl Desk {
        fn new(total: Amounts) -> Self {
            Self { sorter: Sorter::weighted(), total, version: 1, excluded: Excluded::default() }
        }
        fn ground(&self) -> Ground<'_, Drf> {
            let throw = Throw { key: SiteKey::default(), entity: 0 };
            Ground { sharing: &Drf, total: &self.total, version: self.version, excluded: &self.excluded, throw }
        }
        fn order(&mut self) -> Vec<u32> {
            let Self { sorter, total, version, excluded } = self;
            let throw = Throw { key: SiteKey::default(), entity: 0 };
            sorter.pin_weights();
            sorter.settle(&Ground { sharing: &Drf, total, version: *version, excluded, throw });
            let mut cursor = Cursor::default();
            sorter.start(&mut cursor);
            std::iter::from_fn(|| sorter.next(&mut cursor)).collect()
        }
        fn wanted(&mut self, path: &str) -> Client {
            let client = self.sorter.add(path);
            self.sorter.set_wanted(client, true);
            client
        }
    }

    fn cpus(n: i64) -> Amounts {
        Quantities([n * 1000, 0, 0, 0]).into()
    }

    /// Worked example 26.2 of the notes: weights b=2; clients a/x, a/y, b; twelve equal agents.
    #[test]
    fn weighted_tree() {
        let mut desk = Desk::new(Amounts::NOTHING);
        desk.sorter.set_weight("b", 2.0);
        let names = ["a/x", "a/y", "b"];
        names.iter().for_each(|name| {
            desk.wanted(name);
        });
        let mut winners = Vec::new();
        for _ in 0..12 {
            desk.total.add(&cpus(1));
            desk.version += 1;
            let first = desk.order()[0];
            winners.push(names[first as usize]);
            desk.sorter.allocated(Client(first), &cpus(1), 1);
        }
        expect![[r#"["a/x", "b", "b", "a/y", "b", "b", "a/x", "b", "b", "a/y", "b", "b"]"#]]
            .assert_eq(&format!("{winners:?}"));
    }

    #[test]
    fn a_client_that_gets_children_becomes_a_virtual_leaf_and_comes_back() {
        let mut desk = Desk::new(cpus(10));
        let a = desk.wanted("a");
        desk.sorter.allocated(a, &cpus(2), 1);
        let ab = desk.wanted("a/b");
        desk.sorter.allocated(ab, &cpus(1), 1);
        let shown = |desk: &mut Desk| {
            let order = desk.order();
            let rows: Vec<_> = desk
                .sorter
                .rows(&desk.ground())
                .iter()
                .map(|r| (r.path, r.kind, r.share, r.count))
                .map(|r| format!("{r:?}"))
                .collect();
            format!("{order:?} {}", rows.join(" "))
        };
        expect![[r#"[1, 0] ("a", Internal, 0.3, 2) ("a/b", Leaf, 0.1, 1) ("a/.", Leaf, 0.2, 1)"#]]
            .assert_eq(&shown(&mut desk));
        desk.sorter.unallocated(ab, &cpus(1));
        desk.sorter.remove(ab);
        assert_eq!(*desk.sorter.holds(a), cpus(2));
        expect![[r#"[0] ("a", Leaf, 0.2, 2)"#]].assert_eq(&shown(&mut desk));
    }

    #[test]
    fn a_shared_object_counts_once_on_each_node() {
        let mut desk = Desk::new(cpus(10));
        let (x, y) = (desk.wanted("a/x"), desk.wanted("a/y"));
        let volume = Resources::parse("disk(a)[v:data]<SHARED>:10").unwrap();
        desk.sorter.share(x, 0, &volume);
        desk.sorter.share(x, 0, &volume);
        desk.sorter.share(y, 0, &volume);
        let held =
            |desk: &Desk| [desk.sorter.holds(x), desk.sorter.holds(y), desk.sorter.allocation()].map(|a| a.usual.0[2]);
        assert_eq!(held(&desk), [10_000, 10_000, 10_000]);
        desk.sorter.give_up_shared(x, 0, &volume);
        assert_eq!(held(&desk), [10_000, 10_000, 10_000]);
        desk.sorter.give_up_shared(x, 0, &volume);
        assert_eq!(held(&desk), [0, 10_000, 10_000]);
        desk.sorter.remove(y);
        assert_eq!(*desk.sorter.allocation(), Amounts::NOTHING);
    }

    /// The kept order against one that is sorted from nothing each time.
    #[test]
    fn repair_equals_a_full_sort() {
        let key = Dice::new(4).key(Site::new("test-sorter"));
        let mut desk = Desk::new(Quantities([50_000, 90_000, 0, 0]).into());
        let paths = ["r", "r/a", "r/b/x", "r/b/y", "s", "t/u", "t/v", "w"];
        let mut clients: Vec<Option<Client>> = vec![None; 8];
        for step in 0..4_000 {
            let draw = |n| key.draw(step, n);
            let i = draw(0).below(8) as usize;
            match (clients[i], draw(1).below(24)) {
                (None, _) => clients[i] = Some(desk.wanted(paths[i])),
                (Some(client), 0) => {
                    let held = desk.sorter.holds(client).clone();
                    desk.sorter.unallocated(client, &held);
                }
                (Some(client), 1) => desk.sorter.set_wanted(client, false),
                (Some(client), 2..=3) => desk.sorter.set_wanted(client, true),
                (Some(_), 4) => desk.sorter.set_weight(paths[i], 1.0 + draw(2).below(3) as f64),
                (Some(_), 5) => {
                    desk.total.add(&cpus(1));
                    desk.version += 1;
                }
                (Some(client), 6) if draw(2).below(4) == 0 => {
                    desk.sorter.remove(client);
                    clients[i] = None;
                }
                (Some(client), _) => {
                    let amount = Quantities([draw(3).below(3) as i64, draw(4).below(3) as i64, 0, 0]).into();
                    desk.sorter.allocated(client, &amount, 1);
                }
            }
            if draw(5).below(3) == 0 {
                continue;
            }
            let order = desk.order();
            let rows = desk.sorter.rows(&desk.ground());
            let leaves = rows.iter().filter(|r| r.kind == Kind::Leaf && desk.sorter.is_wanted(r.client));
            assert_eq!(order, leaves.map(|r| r.client.0).collect::<Vec<_>>(), "step {step}");
        }
        assert!(desk.sorter.moves > 1_000 && desk.sorter.sorts > 500);
    }
}
