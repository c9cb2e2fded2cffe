//! Recordings of allocators: events that go in, offers that come out, and their replay.
//!
//! A case is one JSON object: a name, why it exists, `input` (events) and, once somebody has
//! played it, `output` (records). The format is that of recordings of the real allocator of Mesos,
//! so a case tells whether another allocator decides alike. `Player` is what an allocator
//! implements to be replayed; `play` drives it, `first_difference` compares.
//!
//! Contradictions (`ledger.rs`) are found before a player sees the event, so all players refuse
//! the same events and a refused one has changed nothing.

mod check;
mod compare;
mod event;
mod fields;
mod ledger;
mod mesos;
mod play;
mod read;
mod record;
mod tape;
mod write;

pub use compare::{Difference, TOLERANCE, first_difference};
pub use event::{AgentUse, Amounts, Capability, Event, Framework, FrameworkUse, Init, Visits};
pub use mesos::Mesos;
pub use play::{Player, Refused, Session, play};
pub use read::{CaseError, CasePlace, Cases, FileError};
pub use record::{Body, NodeKind, Offers, Ranking, Record, Standing, Step, TreeNode};
pub use tape::Tape;

/// One script of events with what an allocator did, if anybody has recorded that.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    pub name: String,
    /// What the case shows.
    pub why: String,
    /// The first event is `Event::Init`, and no other one is.
    pub input: Vec<Event>,
    pub output: Option<Vec<Record>>,
    /// Amounts finer than a thousandth were rounded when the case was read. Upstream keeps such a
    /// double until its first arithmetic, so recorded shares may then differ in the fourth digit.
    pub rounded: bool,
}

impl Case {
    /// Compares what was recorded, if anything was, with what came out.
    #[must_use]
    pub fn first_difference(&self, ours: &[Record]) -> Option<Difference> {
        let tolerance = if self.rounded { compare::ROUNDED_TOLERANCE } else { compare::TOLERANCE };
        self.output.as_ref().and_then(|recorded| first_difference(recorded, ours, tolerance))
    }
}

/// What is wrong with an event, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}; {mend}")]
pub struct Fault {
    pub what: String,
    pub mend: String,
}

impl Fault {
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }
}
