//! Sessions: opened, moved, kept alive, expired; requests, watches.
//!
//! The server that a client is connected to expects its heartbeats, and tells the leader when they
//! stay away; the leader alone expires sessions. For a session that no live server answers for the
//! leader waits a whole time-out, rounded up to ticks as ZooKeeper does. Without a majority nothing
//! can be written, so nothing expires either.

use super::{Attached, EXPIRY_TIMER, Holder, Role, Server};
use crate::actor::{Cx, Effect, ProcessId, TimerKey, WatchMode};
use crate::base::time::{Span, Time};
use crate::fact::Fact;
use crate::mesos::message::Msg;
use crate::zk::state::Change;
use crate::zk::wire::{Answer, Entry, Packet, Peer, Request, SessionId, Txn};
use std::collections::VecDeque;
use std::sync::Arc;

impl Server {
    // ---- clients ----

    pub(super) fn client_says(&mut self, cx: &mut Cx, from: ProcessId, packet: &Packet) {
        match packet {
            _ if !self.serves() => Self::tell_client(cx, from, Packet::Closed),
            Packet::Connect { session: 0, timeout } => {
                // ZooKeeper grants between 2 and 20 ticks.
                let timeout = (*timeout).clamp(self.config.tick * 2, self.config.tick * 20);
                self.propose(cx, Txn::Open { client: from, timeout });
            }
            Packet::Connect { session, .. } => match &self.role {
                Role::Following { leader, .. } => {
                    Self::tell(cx, *leader, Peer::Revalidate { session: *session, client: from });
                }
                _ => {
                    let valid = self.revalidate(cx, cx.me.slot, *session);
                    self.revalidated(cx, *session, from, valid);
                }
            },
            Packet::Call { session, xid, request } => self.call(cx, from, *session, *xid, request),
            Packet::Close { session } => {
                if self.attached(from, *session).is_some() {
                    self.propose(cx, Txn::Close { session: *session, expired: false });
                }
            }
            Packet::Connected { .. } | Packet::Reply { .. } | Packet::Changed { .. } | Packet::Closed => {}
        }
    }

    fn attached(&mut self, client: ProcessId, session: SessionId) -> Option<&mut Attached> {
        let attached = self.clients.get_mut(&client.slot)?;
        (attached.open && attached.client == client && attached.session == session).then_some(attached)
    }

    fn call(&mut self, cx: &mut Cx, from: ProcessId, session: SessionId, xid: u64, request: &Request) {
        let Some(attached) = self.attached(from, session) else {
            return Self::tell_client(cx, from, Packet::Closed);
        };
        if request.is_write() {
            attached.asked = xid;
            self.propose(cx, Txn::Write { session, xid, request: request.clone() });
        } else if attached.answered < attached.asked {
            // Requests of a session are answered in order.
            attached.held.push_back((attached.asked, xid, request.clone()));
        } else {
            self.answer(cx, from, xid, request);
        }
    }

    /// Answers a read from the own state and leaves a watch if one is asked for.
    fn answer(&mut self, cx: &mut Cx, to: ProcessId, xid: u64, request: &Request) {
        let watcher = self.clients.get(&to.slot).map(|attached| (to.slot, attached.serial));
        let (watches, path) = match request {
            Request::Get { path, watch: true } => (Some(&mut self.node_watches), Some(path)),
            Request::Children { path, watch: true } => (Some(&mut self.child_watches), Some(path)),
            _ => (None, None),
        };
        if let (Some(watches), Some(path), Some(watcher)) = (watches, path, watcher) {
            let waiting = watches.get_or_insert_with(path.clone(), Vec::new);
            // Connections that are gone leave their watches behind until they are many.
            if waiting.len() == waiting.capacity() && waiting.len() > 16 {
                let clients = &self.clients;
                waiting.retain(|(slot, serial)| clients.get(slot).is_some_and(|a| a.open && a.serial == *serial));
            }
            waiting.push(watcher);
        }
        let answer = self.state.read(request);
        Self::tell_client(cx, to, Packet::Reply { xid, answer });
    }

    /// The client is connected to this server with this session from now on.
    fn attach(&mut self, cx: &mut Cx, client: ProcessId, session: SessionId) {
        let Some(timeout) = self.state.session(session).map(|s| s.timeout) else { return };
        self.serial += 1;
        let attached =
            Attached { client, session, serial: self.serial, open: true, asked: 0, answered: 0, held: VecDeque::new() };
        let before = self.clients.insert(client.slot, attached);
        if let Some(before) = before.filter(|before| before.session != session) {
            self.report(cx, Peer::Detached { session: before.session });
        }
        cx.outbox.push(Effect::Watch { peer: client, every: timeout, misses: 1, mode: WatchMode::Listen });
        Self::tell_client(cx, client, Packet::Connected { session, timeout });
    }

    /// Tells the leader, who may be this server.
    fn report(&mut self, cx: &mut Cx, what: Peer) {
        match (&self.role, &what) {
            (Role::Following { leader, .. }, _) => Self::tell(cx, *leader, what),
            (_, Peer::Silent { session }) => self.silent(cx, cx.me.slot, *session),
            (_, Peer::Detached { session }) => self.detached(cx, cx.me.slot, *session),
            _ => {}
        }
    }

    /// The connection broke; the session lives on until it expires.
    pub(super) fn client_left(&mut self, _: &mut Cx, peer: ProcessId) {
        if let Some(attached) = self.clients.get_mut(&peer.slot)
            && attached.client == peer
        {
            attached.open = false;
            attached.held.clear();
        }
    }

    /// No heartbeat for the whole time-out.
    pub(super) fn client_silent(&mut self, cx: &mut Cx, slot: u32) {
        Self::unwatch(cx, slot);
        let Some(attached) = self.clients.swap_remove(&slot) else { return };
        if attached.open {
            Self::tell_client(cx, attached.client, Packet::Closed);
        }
        self.report(cx, Peer::Silent { session: attached.session });
    }

    pub(super) fn revalidated(&mut self, cx: &mut Cx, session: SessionId, client: ProcessId, valid: bool) {
        if !valid {
            Self::tell_client(cx, client, Packet::Connected { session: 0, timeout: Span::ZERO });
        } else if self.state.session(session).is_some() {
            self.attach(cx, client, session);
        } else {
            // The leader knows more than has been applied here.
            self.arriving.push((session, client));
        }
    }

    /// The session is another server's from now on.
    pub(super) fn moved(&mut self, cx: &mut Cx, session: SessionId) {
        let Some(slot) = self.state.session(session).map(|s| s.client.slot) else { return };
        if self.clients.get(&slot).is_some_and(|attached| attached.session == session) {
            self.let_go(cx, slot);
        }
    }

    fn let_go(&mut self, cx: &mut Cx, slot: u32) {
        Self::unwatch(cx, slot);
        if let Some(attached) = self.clients.swap_remove(&slot)
            && attached.open
        {
            Self::tell_client(cx, attached.client, Packet::Closed);
        }
    }

    // ---- what an applied entry means here ----

    /// `closed`: slot of the client whose session the entry closed.
    pub(super) fn applied_entry(
        &mut self,
        cx: &mut Cx,
        index: u64,
        entry: &Entry,
        closed: Option<u32>,
        answer: Answer,
    ) {
        let mine = entry.origin == cx.me.slot;
        match &entry.txn {
            Txn::Nothing => {}
            Txn::Open { client, timeout } => {
                // What an earlier leader did it has said itself, if it lived to see it.
                if let Role::Leading(leading) = &mut self.role
                    && entry.term == self.term
                {
                    let held =
                        cx.me.slot == entry.origin || leading.followers.iter().any(|(id, _)| id.slot == entry.origin);
                    cx.fact(Fact::SessionOpened { slot: client.slot, session: index });
                    if held {
                        leading.holders.insert(index, Holder::Server(entry.origin));
                    } else {
                        self.let_expire(cx, index, *timeout);
                    }
                }
                if let Some(at) = self.arriving.iter().position(|(session, _)| *session == index) {
                    let (_, client) = self.arriving.swap_remove(at);
                    self.attach(cx, client, index);
                } else if mine && self.serves() {
                    self.attach(cx, *client, index);
                } else if mine {
                    // It was asked for before the server lost its leader; the client is gone.
                    self.report(cx, Peer::Detached { session: index });
                }
            }
            Txn::Close { session, expired } => {
                let Some(slot) = closed else { return };
                if let Role::Leading(leading) = &mut self.role {
                    leading.holders.remove(session);
                    if *expired && entry.term == self.term {
                        cx.fact(Fact::SessionExpired { slot, session: *session });
                    }
                }
                if self.clients.get(&slot).is_some_and(|attached| attached.session == *session) {
                    self.let_go(cx, slot);
                }
            }
            Txn::Write { session, xid, .. } if mine => self.answer_write(cx, *session, *xid, answer),
            Txn::Write { .. } => {}
        }
    }

    fn answer_write(&mut self, cx: &mut Cx, session: SessionId, xid: u64, answer: Answer) {
        let Some(client) = self.state.session(session).map(|s| s.client) else { return };
        let Some(attached) = self.attached(client, session) else { return };
        attached.answered = xid;
        let due = attached.held.iter().take_while(|(after, ..)| *after <= xid).count();
        let due: Vec<_> = attached.held.drain(..due).collect();
        Self::tell_client(cx, client, Packet::Reply { xid, answer });
        for (_, xid, request) in due {
            self.answer(cx, client, xid, &request);
        }
    }

    /// Tells those who watch.
    pub(super) fn fire(&mut self, cx: &mut Cx, change: &Change) {
        let (watches, path) = match change {
            Change::Node(path) => (&mut self.node_watches, path),
            Change::Children(path) => (&mut self.child_watches, path),
        };
        let Some(waiting) = watches.remove(path) else { return };
        let packet = Arc::new(Packet::Changed { path: path.clone() });
        for (slot, serial) in waiting {
            if let Some(attached) = self.clients.get(&slot)
                && attached.open
                && attached.serial == serial
            {
                cx.send(attached.client, Msg::Zk(packet.clone()));
            }
        }
    }

    // ---- the leader's books ----

    /// A session is now held by a server; says whether it exists.
    pub(super) fn revalidate(&mut self, cx: &mut Cx, server: u32, session: SessionId) -> bool {
        if self.state.session(session).is_none() {
            return false;
        }
        let Role::Leading(leading) = &mut self.role else { return false };
        let before = leading.holders.insert(session, Holder::Server(server));
        if let Some(Holder::Server(old)) = before
            && old != server
        {
            if old == cx.me.slot {
                self.moved(cx, session);
            } else if let Some((follower, _)) = leading.followers.iter().find(|(id, _)| id.slot == old) {
                Self::tell(cx, *follower, Peer::Moved { session });
            }
        }
        true
    }

    /// The server that holds the session has not heard of its client for the whole time-out.
    pub(super) fn silent(&mut self, cx: &mut Cx, server: u32, session: SessionId) {
        if self.holder(session) == Some(Holder::Server(server)) {
            self.propose(cx, Txn::Close { session, expired: true });
        }
    }

    pub(super) fn detached(&mut self, cx: &mut Cx, server: u32, session: SessionId) {
        if self.holder(session) == Some(Holder::Server(server))
            && let Some(timeout) = self.state.session(session).map(|s| s.timeout)
        {
            self.let_expire(cx, session, timeout);
        }
    }

    /// A server left: nobody answers for its sessions until their clients have found another.
    pub(super) fn release_all(&mut self, cx: &mut Cx, server: u32) {
        let state = self.state.clone();
        for (session, held) in state.sessions() {
            if self.holder(session) == Some(Holder::Server(server)) {
                self.let_expire(cx, session, held.timeout);
            }
        }
    }

    /// Nobody holds the session: it expires unless somebody takes it.
    pub(super) fn let_expire(&mut self, cx: &mut Cx, session: SessionId, timeout: Span) {
        let tick = self.config.tick.0;
        let Role::Leading(leading) = &mut self.role else { return };
        let at = Time(((cx.now + timeout).0 / tick + 1) * tick);
        leading.holders.insert(session, Holder::Until(at));
        let first = leading.expiring.keys().next().copied();
        leading.expiring.entry(at).or_default().push(session);
        if first.is_none_or(|first| at < first) {
            cx.timer(TimerKey::new(EXPIRY_TIMER, 0), at - cx.now);
        }
    }

    pub(super) fn expire(&mut self, cx: &mut Cx) {
        let Role::Leading(leading) = &mut self.role else { return };
        let mut due = Vec::new();
        while let Some(entry) = leading.expiring.first_entry() {
            let at = *entry.key();
            if at > cx.now {
                cx.timer(TimerKey::new(EXPIRY_TIMER, 0), at - cx.now);
                break;
            }
            let sessions = entry.remove();
            due.extend(sessions.into_iter().filter(|s| leading.holders.get(s) == Some(&Holder::Until(at))));
        }
        for session in due {
            self.propose(cx, Txn::Close { session, expired: true });
        }
    }
}
