//! Which offer a task goes to: placement choosers, one file each.
//!
//! A chooser gives an offer a score; the lowest is taken. Adding one: a file here and a word in
//! `choosers!` below.

use crate::base::dice::Draw;
use crate::base::quantity::Quantities;

/// What a chooser sees of an offer that can hold the task.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Position in the batch of offers.
    pub index: u32,
    /// Free there before the task is placed.
    pub free: Quantities,
    /// What the task asks for.
    pub need: Quantities,
    /// Keyed by batch and position.
    pub draw: Draw,
}

/// A rule for the choice of offers.
pub trait Chooser {
    /// True if scores are positions: then offers are taken as they come and nothing is sorted.
    const IN_ORDER: bool = false;
    fn score(&self, candidate: &Candidate) -> i64;
}

macro_rules! choosers {
    ($($name:ident $type:ident $text:literal),+) => {
        $(pub mod $name;)+
        /// A chooser by its name in scenarios.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Choice { $($type),+ }
        /// Names in scenarios and summaries, in the order of the list.
        pub const CHOOSERS: &[(&str, Choice, &str)] = &[$(($text, Choice::$type, $name::SUMMARY)),+];
        impl Choice {
            /// Hands the chooser to a function that is compiled for each.
            pub fn with<R>(self, user: impl ChooserUser<R>) -> R {
                match self { $(Self::$type => user.call(&$name::$type)),+ }
            }
        }
    };
}
choosers!(first_fit FirstFit "first-fit", best_fit BestFit "best-fit", worst_fit WorstFit "worst-fit", random Random "random");

/// Something that works with any chooser.
pub trait ChooserUser<R> {
    fn call<C: Chooser>(self, chooser: &C) -> R;
}
