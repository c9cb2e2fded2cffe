//! What an allocator did with an event: offers, and afterwards the order of roles and frameworks.

use crate::base::time::Time;
use crate::mesos::resource::Resources;
use std::collections::BTreeMap;

/// What was offered: framework, role, agent, resources (without allocation role).
pub type Offers = BTreeMap<String, BTreeMap<String, BTreeMap<String, Resources>>>;

/// A step of a player, with the event that caused it.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Index of the event, counted from 0 (`init`).
    pub event: usize,
    /// The name of that event.
    pub op: String,
    /// Since `init`.
    pub clock: Time,
    pub body: Body,
}

/// What a player tells about one event: a run that it made, or that it refused an operation.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    pub clock: Time,
    pub body: Body,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// A run. An `allocate` always tells its run, other events only if it made offers.
    Allocation {
        offers: Offers,
        /// After the run; absent while there is no agent.
        ranking: Option<Ranking>,
    },
    /// `reserve` or `unreserve` did not fit in what is free; nothing changed. The text is free.
    Error(String),
}

/// Who is next, as the sorters have it after a run.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Ranking {
    /// Clients of the role sorter, in order.
    pub roles: Vec<Standing>,
    /// Active clients of the framework sorter of each role, in order.
    pub frameworks: BTreeMap<String, Vec<Standing>>,
    /// All nodes of the role sorter below its root, depth first.
    pub tree: Vec<TreeNode>,
}

/// A client in its order.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    pub name: String,
    /// Divided by the weight.
    pub share: f64,
    /// How many times it was given something.
    pub count: u64,
}

/// A node of the tree of roles.
#[derive(Clone, PartialEq, Debug)]
pub struct TreeNode {
    /// The virtual leaf of role `a` is `a/.`.
    pub path: String,
    pub kind: NodeKind,
    pub share: f64,
    pub count: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeKind {
    Leaf,
    /// A leaf that takes no part at present.
    Inactive,
    Internal,
}

impl NodeKind {
    pub const ALL: [Self; 3] = [Self::Leaf, Self::Inactive, Self::Internal];

    /// The name in a record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Inactive => "inactive",
            Self::Internal => "internal",
        }
    }
}
