//! What ZooKeeper clients and servers say to one another, and servers among themselves, as values.
//!
//! A client opens a session with one server of the ensemble and keeps it alive with heartbeats;
//! requests on a session are answered in order. Data of a node is a shared value that ZooKeeper
//! does not look into.

use super::state::State;
use crate::actor::ProcessId;
use crate::base::time::Span;
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
    /// A record of a store that only its writer can read.
    Record(Opaque),
}

/// A shared value of whoever wrote it; two are equal if they are the same.
#[derive(Clone)]
pub struct Opaque(pub Arc<dyn std::any::Any + Send + Sync>);

impl Opaque {
    #[must_use]
    pub fn new<T: std::any::Any + Send + Sync>(value: T) -> Self {
        Self(Arc::new(value))
    }
    /// The value, if it is of this type.
    #[must_use]
    pub fn get<T: std::any::Any + Send + Sync>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl PartialEq for Opaque {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opaque")
    }
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
    /// A watch on a node that does not exist waits for it to be created.
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
    NoChildrenForEphemerals,
    /// The session ended before the answer came: the request may or may not have been carried out.
    SessionExpired,
    /// The connection ended before the answer came: likewise.
    ConnectionLoss,
}

impl Request {
    /// Whether it changes anything, if it can.
    #[must_use]
    pub fn is_write(&self) -> bool {
        match self {
            Self::Create { .. } | Self::Delete { .. } | Self::Set { .. } | Self::Multi(_) => true,
            Self::Get { .. } | Self::Children { .. } | Self::Tree { .. } => false,
        }
    }
}

/// One message between a client and a server.
#[derive(Clone, PartialEq, Debug)]
pub enum Packet {
    // ---- client -> server ----
    /// Open a session (`session` 0) or move an existing one to this server.
    Connect {
        session: SessionId,
        timeout: Span,
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
        timeout: Span,
    },
    Reply {
        xid: u64,
        answer: Answer,
    },
    /// A watch fired: the node or its children changed.
    Changed {
        path: Arc<str>,
    },
    /// The server closes the connection, or refuses it: it is no part of a majority.
    Closed,
}

/// A change of the replicated state.
#[derive(Clone, PartialEq, Debug)]
pub enum Txn {
    /// First entry of a new leader.
    Nothing,
    /// The session gets the number of the entry.
    Open {
        client: ProcessId,
        timeout: Span,
    },
    Close {
        session: SessionId,
        expired: bool,
    },
    Write {
        session: SessionId,
        xid: u64,
        request: Request,
    },
}

/// An entry of the servers' log.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub term: u64,
    /// Slot of the server that answers the client.
    pub origin: u32,
    pub txn: Txn,
}

/// A record on a server's disk.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// The server voted in this term.
    Vote { term: u64, vote: u32 },
    /// Entries with contiguous numbers, the first `after + 1`; what was there is overwritten.
    Entries { after: u64, entries: Arc<[Entry]> },
    /// The state after entry `index`, and the entries behind it: everything but the vote.
    Snapshot { index: u64, term: u64, state: Arc<State>, entries: Arc<[Entry]> },
}

impl Record {
    #[must_use]
    pub fn replaces(&self, older: &Self) -> bool {
        match self {
            Self::Vote { .. } => matches!(older, Self::Vote { .. }),
            Self::Snapshot { .. } => !matches!(older, Self::Vote { .. }),
            Self::Entries { .. } => false,
        }
    }
    #[must_use]
    pub fn replaces_any(&self) -> bool {
        !matches!(self, Self::Entries { .. })
    }
}

/// What servers say to one another. `index` and `last_term` name the last entry of a log.
#[derive(Clone, PartialEq, Debug)]
pub enum Peer {
    // ---- election ----
    /// I know no leader; would you vote for me?
    Looking {
        term: u64,
        index: u64,
        last_term: u64,
    },
    /// Neither do I, and I would.
    Willing {
        term: u64,
    },
    /// There is a leader.
    Led {
        term: u64,
        leader: ProcessId,
    },
    /// Vote for me in this term.
    Ask {
        term: u64,
        index: u64,
        last_term: u64,
    },
    Granted {
        term: u64,
    },
    /// I have been elected.
    Lead {
        term: u64,
    },
    // ---- follower -> leader ----
    Join {
        term: u64,
    },
    /// Everything up to this entry is on my disk.
    Ack {
        term: u64,
        index: u64,
    },
    Propose {
        txn: Txn,
    },
    /// A client moves its session to me.
    Revalidate {
        session: SessionId,
        client: ProcessId,
    },
    /// The session's client has not been heard of for the whole time-out.
    Silent {
        session: SessionId,
    },
    /// The session's client left me for another session.
    Detached {
        session: SessionId,
    },
    // ---- leader -> follower ----
    /// Replaces whatever the follower has.
    Sync {
        term: u64,
        index: u64,
        index_term: u64,
        state: Arc<State>,
        entries: Arc<[Entry]>,
    },
    Append {
        term: u64,
        after: u64,
        entries: Arc<[Entry]>,
    },
    /// Entries up to this one are on a majority's disks.
    Commit {
        term: u64,
        index: u64,
    },
    Revalidated {
        session: SessionId,
        client: ProcessId,
        valid: bool,
    },
    /// The session moved to another server.
    Moved {
        session: SessionId,
    },
}
