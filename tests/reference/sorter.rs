//! The sorter of the reference: a tree of names, put in order from scratch whenever somebody asks.
//!
//! Nodes keep only what cannot be computed anew: who is a client, how often a node was given
//! something, and the weight that a node had when it was first put in order (upstream looks a
//! weight up once). What a node has allocated is summed up from the books at every sort.

use mesosim::base::quantity::Milli;
use mesosim::mesos::resource::Resources;
use mesosim::replay::{NodeKind, Standing, TreeNode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Amounts by resource name.
pub(crate) type Totals = BTreeMap<Arc<str>, Milli>;

/// Scalars by name, whatever their metadata; copies of a shared object count once.
pub(crate) fn scalar_quantities(resources: &Resources) -> Totals {
    resources.scalars_only().all_quantities()
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    path: String,
    kind: NodeKind,
    count: u64,
    /// Set by the first sort that sees the node.
    weight: Option<f64>,
    share: f64,
    children: Vec<Node>,
}

/// What a client has on an agent.
pub(crate) struct Holding<'a> {
    pub(crate) client: &'a str,
    pub(crate) agent: &'a str,
    pub(crate) resources: &'a Resources,
}

#[derive(Clone, Debug)]
pub(crate) struct Sorter {
    root: Node,
    clients: BTreeSet<String>,
    weights: BTreeMap<String, f64>,
    excluded: BTreeSet<String>,
}

impl Node {
    fn new(name: &str, path: &str, kind: NodeKind) -> Self {
        let (name, path) = (name.to_owned(), path.to_owned());
        Self { name, path, kind, count: 0, weight: None, share: 0.0, children: Vec::new() }
    }
    fn child(&mut self, name: &str) -> Option<&mut Node> {
        self.children.iter_mut().find(|child| child.name == name)
    }
    /// The client that a leaf stands for.
    fn client(&self) -> &str {
        self.path.strip_suffix("/.").unwrap_or(&self.path)
    }
}

fn below(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

impl Sorter {
    pub(crate) fn new(weights: BTreeMap<String, f64>, excluded: BTreeSet<String>) -> Self {
        Self { root: Node::new("", "", NodeKind::Internal), clients: BTreeSet::new(), weights, excluded }
    }
    pub(crate) fn contains(&self, client: &str) -> bool {
        self.clients.contains(client)
    }
    /// A new client, inactive.
    pub(crate) fn add(&mut self, client: &str) {
        self.clients.insert(client.to_owned());
        let mut node = &mut self.root;
        let mut made = false;
        for part in client.split('/') {
            let known = node.children.iter().position(|child| child.name == part);
            let at = known.unwrap_or_else(|| {
                if node.kind != NodeKind::Internal {
                    // The leaf goes on as the virtual leaf below an internal node of its name.
                    let mut leaf = Node::new(".", &below(&node.path, "."), node.kind);
                    leaf.count = node.count;
                    node.kind = NodeKind::Internal;
                    node.weight = None;
                    node.children.push(leaf);
                }
                node.children.push(Node::new(part, &below(&node.path, part), NodeKind::Internal));
                node.children.len() - 1
            });
            made = known.is_none();
            node = &mut node.children[at];
        }
        if made {
            node.kind = NodeKind::Inactive;
        } else {
            node.children.push(Node::new(".", &below(&node.path, "."), NodeKind::Inactive));
        }
    }
    pub(crate) fn remove(&mut self, client: &str) {
        self.clients.remove(client);
        let mut parts: Vec<&str> = client.split('/').collect();
        if self.leaf(client).name == "." {
            parts.push(".");
        }
        remove(&mut self.root, &parts);
    }
    fn leaf(&mut self, client: &str) -> &mut Node {
        let mut node = &mut self.root;
        for part in client.split('/') {
            node = node.child(part).expect("a client has a node");
        }
        if node.kind == NodeKind::Internal { node.child(".").expect("a client has a leaf") } else { node }
    }
    pub(crate) fn activate(&mut self, client: &str) {
        self.leaf(client).kind = NodeKind::Leaf;
    }
    pub(crate) fn deactivate(&mut self, client: &str) {
        self.leaf(client).kind = NodeKind::Inactive;
    }
    /// The weight of a path. A node that is internal and no client keeps the weight that it has.
    pub(crate) fn set_weight(&mut self, path: &str, weight: f64) {
        self.weights.insert(path.to_owned(), weight);
        if self.clients.contains(path) {
            let mut node = &mut self.root;
            for part in path.split('/') {
                node = node.child(part).expect("a client has a node");
            }
            node.weight = Some(weight);
        }
    }
    /// Something was given to the client.
    pub(crate) fn count(&mut self, client: &str) {
        self.leaf(client).count += 1;
        let virtual_leaf = self.leaf(client).name == ".";
        let parts: Vec<&str> = client.split('/').collect();
        let mut node = &mut self.root;
        for (i, part) in parts.iter().enumerate() {
            node = node.child(part).expect("a client has a node");
            if i + 1 < parts.len() || virtual_leaf {
                node.count += 1;
            }
        }
    }
    /// Puts all in order; gives the active clients.
    pub(crate) fn sort(&mut self, holdings: &[Holding], totals: &Totals) -> Vec<String> {
        let allocated = self.allocated(holdings);
        sort_below(&mut self.root, &|node: &mut Node| {
            let weight = *node.weight.get_or_insert_with(|| self.weights.get(&node.path).copied().unwrap_or(1.0));
            let mut share = 0.0_f64;
            for (name, total) in totals {
                if total.0 > 0 && !self.excluded.contains(&**name) {
                    let of = allocated.get(&node.path).and_then(|all| all.get(name)).copied().unwrap_or_default();
                    share = share.max(of.to_f64() / total.to_f64());
                }
            }
            share / weight
        });
        let mut order = Vec::new();
        walk(&self.root, &mut |node| {
            if node.kind == NodeKind::Leaf {
                order.push(node.client().to_owned());
            }
        });
        order
    }
    /// Scalars that each node has allocated, by path.
    fn allocated(&self, holdings: &[Holding]) -> BTreeMap<String, Totals> {
        let mut sums = BTreeMap::<String, Totals>::new();
        // Copies of a shared object count once for each node and agent.
        let mut shared = BTreeMap::<(String, &str), Resources>::new();
        for one in holdings {
            let mut path = String::new();
            let mut nodes = vec![below(one.client, ".")];
            for part in one.client.split('/') {
                path = below(&path, part);
                nodes.push(path.clone());
            }
            let plain = scalar_quantities(&one.resources.non_shared());
            for node in nodes {
                add(sums.entry(node.clone()).or_default(), &plain);
                *shared.entry((node, one.agent)).or_default() += &one.resources.shared();
            }
        }
        for ((node, _), resources) in shared {
            add(sums.entry(node).or_default(), &scalar_quantities(&resources));
        }
        sums
    }
    /// The active clients as the last sort left them.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        let mut all = Vec::new();
        walk(&self.root, &mut |node| {
            if node.kind == NodeKind::Leaf {
                all.push(Standing { name: node.client().to_owned(), share: node.share, count: node.count });
            }
        });
        all
    }
    /// All nodes as the last sort left them.
    pub(crate) fn tree(&self) -> Vec<TreeNode> {
        let mut all = Vec::new();
        walk(&self.root, &mut |node| {
            all.push(TreeNode { path: node.path.clone(), kind: node.kind, share: node.share, count: node.count });
        });
        all
    }
}

fn add(sum: &mut Totals, more: &Totals) {
    for (name, amount) in more {
        sum.entry(name.clone()).or_default().0 += amount.0;
    }
}

fn remove(node: &mut Node, parts: &[&str]) {
    let Some((first, rest)) = parts.split_first() else { return };
    let at = node.children.iter().position(|child| child.name == *first).expect("a client has a node");
    remove(&mut node.children[at], rest);
    let child = &mut node.children[at];
    if child.children.is_empty() && (rest.is_empty() || child.kind == NodeKind::Internal) {
        node.children.remove(at);
    } else if let [only] = &child.children[..]
        && only.name == "."
    {
        // The virtual leaf becomes its parent, which keeps its own count and weight.
        child.kind = only.kind;
        child.children.clear();
    }
}

fn sort_below(node: &mut Node, share: &impl Fn(&mut Node) -> f64) {
    for child in node.children.iter_mut().filter(|child| child.kind != NodeKind::Inactive) {
        child.share = share(child);
    }
    node.children.sort_by(|a, b| {
        let inactive = |node: &Node| node.kind == NodeKind::Inactive;
        inactive(a)
            .cmp(&inactive(b))
            .then(a.share.total_cmp(&b.share))
            .then(a.count.cmp(&b.count))
            .then(a.path.cmp(&b.path))
    });
    node.children.iter_mut().for_each(|child| sort_below(child, share));
}

fn walk(node: &Node, visit: &mut impl FnMut(&Node)) {
    for child in &node.children {
        visit(child);
        walk(child, visit);
    }
}
