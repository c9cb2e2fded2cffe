//! One server of a ZooKeeper ensemble.
//!
//! The servers elect a leader by majority and replicate a log of changes: an entry counts once it
//! is on the disks of a majority. (Terms and votes are Raft's, which are simpler to state than
//! Zab's; what a client can see is the same.) A follower passes writes on to the leader and answers
//! reads from its own state, which may be behind. A server that is no part of a majority closes its
//! clients' connections and refuses new ones.
//!
//! Files: `election` (who leads), `log` (replication, disk), `sessions` (clients, expiry, watches).
//! Nobody's disk is ever lost here, so a server that comes back knows what it voted for and has
//! accepted.

mod election;
mod log;
mod sessions;

use super::state::State;
use super::wire::{Entry, Packet, Peer, Request, SessionId, Txn};
use crate::actor::{Cx, Effect, Input, ProcessId};
use crate::base::map::{Lookup, Map};
use crate::base::time::{Span, Time};
use crate::mesos::message::Msg;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

/// How the ensemble is set up.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Slots of all servers.
    pub servers: Range<u32>,
    /// `tickTime`: heartbeats between servers, and the grain of expiry.
    pub tick: Span,
}

/// `syncLimit`: a server that is silent for so many ticks is given up.
const SYNC_LIMIT: u32 = 5;

/// Kinds of timers.
const ELECTION_TIMER: u8 = 1;
const EXPIRY_TIMER: u8 = 2;
const GATHER_TIMER: u8 = 3;

#[derive(Clone, Debug)]
enum Role {
    /// Knows no leader. `willing`, `granted`: servers that would vote, or did vote, for this one.
    Looking {
        willing: Vec<u32>,
        granted: Vec<u32>,
    },
    /// `synced`: has the leader's state, and every entry that was there when it joined is applied.
    Following {
        leader: ProcessId,
        sync_to: Option<u64>,
        serving: bool,
    },
    Leading(Leading),
}

/// What only a leader knows.
#[derive(Clone, Debug, Default)]
struct Leading {
    /// Servers that joined, with the last entry on their disks.
    followers: Vec<(ProcessId, u64)>,
    /// Its first entry: once that counts, so does everything before it, and it serves.
    first: u64,
    serving: bool,
    holders: Lookup<SessionId, Holder>,
    /// Sessions that nobody holds, by the instant at which they expire.
    expiring: BTreeMap<Time, Vec<SessionId>>,
}

/// Who answers for a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holder {
    /// The server in this slot hears its heartbeats.
    Server(u32),
    /// Nobody: it expires at this instant.
    Until(Time),
}

/// A client's connection, by the client's slot.
#[derive(Clone, Debug)]
struct Attached {
    client: ProcessId,
    session: SessionId,
    /// Number of the connection: watches of an earlier one are void.
    serial: u64,
    /// The connection broke; only the heartbeat is still awaited.
    open: bool,
    /// Last write passed on, last one answered.
    asked: u64,
    answered: u64,
    /// Reads that wait for the write before them.
    held: VecDeque<(u64, u64, Request)>,
}

/// What the disk is asked to do; one after the other.
#[derive(Clone, PartialEq, Debug)]
enum Job {
    /// Vote for this server, then ask for votes or tell it.
    Vote { term: u64, candidate: ProcessId },
    /// Entries that are not on the disk yet.
    Entries,
    /// Everything: after a sync, or because the log has grown long.
    Snapshot,
}

#[derive(Clone, Debug)]
pub struct Server {
    config: Config,
    role: Role,
    /// Draws of election delays.
    tries: u64,
    term: u64,
    vote: Option<u32>,

    state: Arc<State>,
    applied: u64,
    applied_term: u64,
    /// Entries `applied + 1 ..`.
    log: VecDeque<Entry>,
    /// Last entry that is on a majority's disks, as far as known.
    commit: u64,
    /// Last entry on the own disk, and entries there since the last snapshot.
    durable: u64,
    since_snapshot: usize,

    busy: Option<Job>,
    /// Last entry of the write under way.
    writing: u64,
    jobs: VecDeque<Job>,
    token: u64,

    clients: Map<u32, Attached>,
    /// Sessions that move here and are not in the own state yet, with their clients.
    arriving: Vec<(SessionId, ProcessId)>,
    serial: u64,
    /// Clients (slot, connection) that wait for a change.
    node_watches: Lookup<Arc<str>, Vec<(u32, u64)>>,
    child_watches: Lookup<Arc<str>, Vec<(u32, u64)>>,
}

impl Server {
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            role: Role::Looking { willing: Vec::new(), granted: Vec::new() },
            tries: 0,
            term: 0,
            vote: None,
            state: Arc::default(),
            applied: 0,
            applied_term: 0,
            log: VecDeque::new(),
            commit: 0,
            durable: 0,
            since_snapshot: 0,
            busy: None,
            writing: 0,
            jobs: VecDeque::new(),
            token: 0,
            clients: Map::default(),
            arriving: Vec::new(),
            serial: 0,
            node_watches: Lookup::default(),
            child_watches: Lookup::default(),
        }
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Start { disk } => {
                self.recover(&disk);
                self.look(cx);
            }
            Input::Message { from, msg: Msg::Zk(packet) } => self.client_says(cx, from, &packet),
            Input::Message { from, msg: Msg::Ensemble(packet) } => self.server_says(cx, from, &packet),
            Input::Timer { key } => match key.kind() {
                ELECTION_TIMER => self.seek_votes(cx),
                EXPIRY_TIMER => self.expire(cx),
                GATHER_TIMER => self.need_majority(cx),
                _ => {}
            },
            Input::Persisted { token } if token == self.token => self.written(cx),
            Input::Exited { peer } if self.is_server(peer.slot) => self.server_left(cx, peer.slot),
            Input::Exited { peer } => self.client_left(cx, peer),
            Input::WatchMissed { peer, misses } if self.is_server(peer.slot) => match &self.role {
                Role::Leading(_) if misses < SYNC_LIMIT => {}
                _ => self.server_left(cx, peer.slot),
            },
            Input::WatchMissed { peer, .. } => self.client_silent(cx, peer.slot),
            _ => {}
        }
    }

    fn is_server(&self, slot: u32) -> bool {
        self.config.servers.contains(&slot)
    }
    fn majority(&self) -> usize {
        self.config.servers.len() / 2 + 1
    }
    fn others(&self, cx: &Cx) -> impl Iterator<Item = ProcessId> + use<> {
        let me = cx.me.slot;
        self.config.servers.clone().filter(move |slot| *slot != me).map(ProcessId::at)
    }

    /// Whether clients are served.
    fn serves(&self) -> bool {
        match &self.role {
            Role::Looking { .. } => false,
            Role::Following { serving, .. } => *serving,
            Role::Leading(leading) => leading.serving,
        }
    }

    fn tell(cx: &mut Cx, to: ProcessId, packet: Peer) {
        cx.send(to, Msg::Ensemble(Arc::new(packet)));
    }
    fn tell_client(cx: &mut Cx, to: ProcessId, packet: Packet) {
        cx.send(to, Msg::Zk(Arc::new(packet)));
    }
    fn unwatch(cx: &mut Cx, slot: u32) {
        cx.outbox.push(Effect::Unwatch { peer: ProcessId::at(slot) });
    }

    fn server_says(&mut self, cx: &mut Cx, from: ProcessId, packet: &Peer) {
        match packet {
            Peer::Looking { term, index, last_term } => self.answer_looking(cx, from, *term, (*last_term, *index)),
            Peer::Willing { term } => self.willing(cx, from, *term),
            Peer::Led { term, leader } => self.led(cx, *term, *leader),
            Peer::Ask { term, index, last_term } => self.asked(cx, from, *term, (*last_term, *index)),
            Peer::Granted { term } => self.granted(cx, from, *term),
            Peer::Lead { term } => self.led(cx, *term, from),
            Peer::Join { term } => self.joined(cx, from, *term),
            Peer::Ack { term, index } => self.acknowledged(cx, from, *term, *index),
            Peer::Propose { txn } => {
                if self.follower(from).is_some() {
                    self.append(cx, Entry { term: self.term, origin: from.slot, txn: txn.clone() });
                }
            }
            Peer::Revalidate { session, client } => {
                if self.follower(from).is_some() {
                    let valid = self.revalidate(cx, from.slot, *session);
                    Self::tell(cx, from, Peer::Revalidated { session: *session, client: *client, valid });
                }
            }
            Peer::Silent { session } => self.silent(cx, from.slot, *session),
            Peer::Detached { session } => self.detached(cx, from.slot, *session),
            _ if !matches!(&self.role, Role::Following { leader, .. } if *leader == from) => {}
            Peer::Sync { term, index, index_term, state, entries } => {
                self.synced(cx, *term, (*index, *index_term), state, entries);
            }
            Peer::Append { term, after, entries } => self.appended(cx, *term, *after, entries),
            Peer::Commit { term, index } => {
                if *term == self.term {
                    self.committed(cx, *index);
                }
            }
            Peer::Revalidated { session, client, valid } => self.revalidated(cx, *session, *client, *valid),
            Peer::Moved { session } => self.moved(cx, *session),
        }
    }

    /// The follower in a process, if this server leads and it has joined.
    fn follower(&mut self, from: ProcessId) -> Option<&mut (ProcessId, u64)> {
        match &mut self.role {
            Role::Leading(leading) => leading.followers.iter_mut().find(|(id, _)| *id == from),
            _ => None,
        }
    }

    /// Something to be replicated: a leader appends it, a follower passes it on.
    fn propose(&mut self, cx: &mut Cx, txn: Txn) {
        match &self.role {
            Role::Leading(_) => self.append(cx, Entry { term: self.term, origin: cx.me.slot, txn }),
            Role::Following { leader, .. } => Self::tell(cx, *leader, Peer::Propose { txn }),
            Role::Looking { .. } => {}
        }
    }

    // ---- views, for tests and fault selectors ----

    /// The term that it leads in.
    #[must_use]
    pub fn leads(&self) -> Option<u64> {
        matches!(&self.role, Role::Leading(leading) if leading.serving).then_some(self.term)
    }
    /// What it has applied: number of the last entry, and the state.
    #[must_use]
    pub fn applied(&self) -> (u64, &State) {
        (self.applied, &self.state)
    }
}

#[cfg(test)]
mod tests;
