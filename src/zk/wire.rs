//! What ZooKeeper clients and servers say to one another, as values.
//!
//! A client opens a session with one server of the ensemble and keeps it alive with heartbeats;
//! requests on a session are answered in order. Data of a node is a shared value that ZooKeeper
//! does not look into.

use crate::actor::ProcessId;
use std::sync::Arc;

/// A session, unique over the life of the ensemble.
pub type SessionId = u64;

/// What a node holds. ZooKeeper stores bytes; here the bytes are typed.
#[derive(Clone, PartialEq, Debug)]
pub enum Data {
    Empty,
    /// A candidate for leadership: its process (address).
    Process(ProcessId),
    /// A record of a store, as text (JSON).
    Text(Arc<str>),
}

#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// A node with data. `sequential`: ten digits are added to the path; `ephemeral`: it goes when
    /// its session ends.
    Create {
        path: Arc<str>,
        data: Data,
        ephemeral: bool,
        sequential: bool,
    },
    /// `version`: only if the node has it.
    Delete {
        path: Arc<str>,
        version: Option<u32>,
    },
    Set {
        path: Arc<str>,
        data: Data,
        version: Option<u32>,
    },
    Get {
        path: Arc<str>,
        watch: bool,
    },
    Children {
        path: Arc<str>,
        watch: bool,
    },
    /// All or nothing.
    Multi(Vec<Request>),
    /// Everything below a path: what a client gets by walking it, in one answer.
    Tree {
        path: Arc<str>,
    },
}

#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// Full path of the created node.
    Created(Arc<str>),
    Done {
        version: u32,
    },
    Data {
        data: Data,
        version: u32,
    },
    /// Names in byte order.
    Children(Vec<Arc<str>>),
    /// Full path, data, version; in byte order of paths.
    Tree(Vec<(Arc<str>, Data, u32)>),
    Multi(Vec<Answer>),
    Refused(Refused),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    NoNode,
    NodeExists,
    NotEmpty,
    BadVersion,
    SessionExpired,
}

/// One message between a client and a server.
#[derive(Clone, PartialEq, Debug)]
pub enum Packet {
    // ---- client -> server ----
    /// Open a session (`session` 0) or move an existing one to this server.
    Connect {
        session: SessionId,
        timeout: crate::base::time::Span,
    },
    Call {
        session: SessionId,
        xid: u64,
        request: Request,
    },
    Close {
        session: SessionId,
    },
    // ---- server -> client ----
    /// `session` 0: the session that was asked for has expired.
    Connected {
        session: SessionId,
        timeout: crate::base::time::Span,
    },
    Reply {
        xid: u64,
        answer: Answer,
    },
    /// A watch fired: the node or its children changed.
    Changed {
        path: Arc<str>,
    },
}
