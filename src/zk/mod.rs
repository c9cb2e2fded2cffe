//! ZooKeeper as its clients see it: sessions, ephemeral and sequential nodes, watches, a majority.

pub mod wire;
