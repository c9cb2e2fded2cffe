//! Who is next: sharing policies, one file each, as parameters of the Mesos cycle.
//!
//! A sorter keeps its clients in a tree of paths and hands out its active leaves in pre-order of
//! the sorted tree. A policy says how siblings rank; ties go to fewer allocations, then to the
//! bytes of the path (`src/master/allocator/mesos/sorter`). Adding one: a file here with its doc,
//! its parameters and its tests, and a word in `policies!` below.

use super::amounts::Amounts;
use super::chunk::Chunk;
use super::cycle::Cycle;
use super::sorter::Excluded;
use super::{Allocate, Flags};
use crate::base::dice::SiteKey;

/// What a policy may know of a node of the sorter's tree.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Offered or allocated in the subtree.
    pub allocated: &'a Amounts,
    /// Of the whole cluster.
    pub total: &'a Amounts,
    pub weight: f64,
    /// Order of creation of the node in its sorter.
    pub serial: u64,
    /// Names that do not count in shares.
    pub excluded: &'a Excluded,
}

/// The dice of one call of `sort`: (key of the policy's site, entity of this call).
#[derive(Clone, Copy, Debug)]
pub struct Throw {
    pub key: SiteKey,
    pub entity: u64,
}

/// A rule for the order of siblings.
pub trait Sharing: Clone + Send + Sync + 'static {
    /// True if a rank changes only when the standing does; then the order is kept between calls
    /// and repaired where it changed. False: ranks are drawn anew at every call.
    const STEADY: bool;
    /// Lower comes first.
    fn rank(&self, node: &Standing, throw: Throw) -> f64;
}

/// Somebody who needs the type of a policy that is known by name.
pub trait PolicyUser {
    type Out;
    fn call<S: Sharing + std::fmt::Debug>(self, sharing: S) -> Self::Out;
}

macro_rules! policies {
    ($($name:ident $type:ident),+) => {
        $(pub mod $name;)+
        /// Names and summaries, in the order of the list.
        pub const POLICIES: &[(&str, &str)] = &[$((stringify!($name), $name::SUMMARY)),+];

        /// Calls the user with the policy of that name.
        pub fn with<U: PolicyUser>(name: &str, user: U) -> Option<U::Out> {
            match name {
                $(stringify!($name) => Some(user.call($name::$type)),)+
                _ => None,
            }
        }
    };
}
policies!(drf Drf, random Random, fifo Fifo);

/// The Mesos cycle with the policy of that name.
pub fn cycle<C: Chunk + std::fmt::Debug>(name: &str, chunk: C, flags: &Flags) -> Option<Box<dyn Allocate>> {
    struct Maker<'a, C>(C, &'a Flags);
    impl<C: Chunk + std::fmt::Debug> PolicyUser for Maker<'_, C> {
        type Out = Box<dyn Allocate>;
        fn call<S: Sharing + std::fmt::Debug>(self, sharing: S) -> Self::Out {
            Box::new(Cycle::new(sharing, self.0, self.1))
        }
    }
    with(name, Maker(chunk, flags))
}
