//! How much of an agent one offer carries: chunk policies, one file each, as parameters of the
//! Mesos cycle.

use crate::mesos::resource::Resources;

/// A rule for the part of an agent that one framework is offered at a time.
pub trait Chunk: Clone + Send + Sync + 'static {
    /// True if `carve` never cuts.
    const WHOLE: bool = false;
    /// What to offer of `available`, or `None` for all of it.
    fn carve(&self, available: &Resources) -> Option<Resources>;
}

macro_rules! chunks {
    ($($name:ident),+) => {
        $(pub mod $name;)+
        /// Names and summaries, in the order of the list.
        pub const CHUNKS: &[(&str, &str)] = &[$((stringify!($name), $name::SUMMARY)),+];
    };
}
chunks!(whole, slice);
