//! Words that every room shares. Imports nothing of ours.

pub mod dice;
pub mod digest;
pub mod id;
pub mod map;
pub mod quantity;
pub mod sampler;
pub mod slab;
pub mod suggest;
pub mod time;
