//! The ZooKeeper client of a process: mailbox `Mailbox::ZK`.
//!
//! It keeps a session with the ensemble, moves to another server when its own is gone, and does on
//! it what Mesos' group, contender and detector and Curator's latch do (`src/zookeeper/group.cpp`,
//! `contender.cpp`, `detector.cpp`): candidates are ephemeral sequential nodes of one folder, the
//! smallest number leads.
//!
//! What the process's main mailbox sees of it, all dispatched (`from` is the process itself):
//!
//! - `Msg::Detected { leader }`: the leading *Mesos master*, whenever it changes; not before the
//!   first one is known.
//! - `Msg::Candidacy { leading, number }`, for candidates: this process's own candidacy won (`true`)
//!   or lost (`false`), whenever that changes; `number` grows from candidacy to candidacy. A
//!   candidate whose node is gone stands again by itself, under a new number.
//! - `Msg::Stored { token, answer }` for every `Msg::Store { token, request }` that it dispatches
//!   to `Mailbox::ZK`. Requests wait while there is no connection and are carried out and answered
//!   in order. `Refused::ConnectionLoss` and `Refused::SessionExpired` say that the connection or
//!   the session went while the request was under way (it may or may not have been carried out);
//!   with the session requests that still wait are refused, too.
//! - `Msg::Resign`, dispatched to `Mailbox::ZK`: closes the session at once, so that a successor
//!   need not wait for it to expire. The process stands no more; if it was leading, `Candidacy`
//!   says that it no longer does.
//!
//! When the connection is lost, masters and drivers keep what they know for one session time-out
//! and then declare their session lost themselves, whatever the servers think of it
//! (`OnDisconnect::WaitForExpiry`); Curator's latch gives up leadership at once
//! (`OnDisconnect::GiveUpAtOnce`).
//!
//! The heartbeat is a `Watch` effect, so an idle session costs nothing.

use crate::actor::{Cx, Effect, Input, Mailbox, ProcessId, TimerKey, WatchMode};
use crate::base::dice::Site;
use crate::base::time::Span;
use crate::mesos::message::Msg;
use crate::zk::wire::{Answer, Data, Packet, Refused, Request, SessionId};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

const BACKOFF: Site = Site::new("zookeeper-client-backoff");

/// Longest pause between two attempts to connect.
const PAUSE: Span = Span::from_secs(1);

/// Kinds of timers.
const CONNECT_TIMER: u8 = 1;
const SESSION_TIMER: u8 = 2;

/// What becomes of leadership when the connection is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnDisconnect {
    /// It is kept until the session must have expired.
    WaitForExpiry,
    /// It is given up.
    GiveUpAtOnce,
}

/// A folder of candidates, and the label that their nodes begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub path: Arc<str>,
    pub label: Arc<str>,
}

impl Group {
    #[must_use]
    pub fn new(path: &str, label: &str) -> Self {
        Self { path: path.into(), label: label.into() }
    }
}

/// Where a process stands for election.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Candidate {
    /// Among the masters.
    Masters,
    /// In a group of its own.
    Own(Group),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Slots of the servers.
    pub servers: Range<u32>,
    pub session_timeout: Span,
    pub on_disconnect: OnDisconnect,
    /// Where the leading master is found.
    pub masters: Group,
    pub candidate: Option<Candidate>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Link {
    /// Between two attempts.
    Pausing,
    Connecting,
    Connected,
}

/// A request under way.
#[derive(Clone, PartialEq, Debug)]
enum Call {
    /// A folder above the candidates.
    Folder,
    Join,
    List,
    Read(Arc<str>),
    Store(u64),
}

/// What is known of a group.
#[derive(Clone, Debug)]
struct Membership {
    group: Group,
    detects: bool,
    contends: bool,
    /// Number of the own node, and the request that made it.
    mine: Option<(u64, u64)>,
    joining: bool,
    listing: bool,
    /// Something changed while the list was under way.
    stale: bool,
    smallest: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub struct Client {
    config: Arc<Config>,
    link: Link,
    /// Slot of the server that it is, or tries to be, connected with.
    server: u32,
    session: SessionId,
    /// The session before, which is over whatever a server says.
    lost: SessionId,
    timeout: Span,
    draws: u64,
    xid: u64,
    /// Requests under way: number, group, what for.
    calls: VecDeque<(u64, u8, Call)>,
    waiting: VecDeque<(u64, Arc<Request>)>,
    groups: SmallVec<[Membership; 1]>,
    /// What the main mailbox was told last.
    leader: Option<ProcessId>,
    leading: Option<u64>,
    resigned: bool,
}

impl Client {
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let membership = |group: &Group, detects, contends| Membership {
            group: group.clone(),
            detects,
            contends,
            mine: None,
            joining: false,
            listing: false,
            stale: false,
            smallest: None,
        };
        let among_masters = config.candidate == Some(Candidate::Masters);
        let mut groups: SmallVec<[Membership; 1]> = SmallVec::new();
        groups.push(membership(&config.masters, true, among_masters));
        if let Some(Candidate::Own(own)) = &config.candidate {
            groups.push(membership(own, false, true));
        }
        Self {
            link: Link::Pausing,
            server: config.servers.start,
            session: 0,
            lost: 0,
            timeout: config.session_timeout,
            draws: 0,
            xid: 0,
            calls: VecDeque::new(),
            waiting: VecDeque::new(),
            groups,
            leader: None,
            leading: None,
            resigned: false,
            config,
        }
    }

    /// Number of the candidacy that it believes to have won.
    #[must_use]
    pub fn leading(&self) -> Option<u64> {
        self.leading
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Start { .. } => {
                let first = self.draw(cx).between(0, self.config.servers.len() as i64 - 1);
                self.server = self.config.servers.start + first as u32;
                self.connect(cx);
            }
            Input::Message { from, msg: Msg::Zk(packet) } if from.slot == self.server => self.packet(cx, &packet),
            Input::Message { msg: Msg::Store { token, request }, .. } => self.store(cx, token, request),
            Input::Message { msg: Msg::Resign, .. } => self.resign(cx),
            Input::Timer { key } => match key.kind() {
                CONNECT_TIMER if self.link == Link::Pausing => self.connect(cx),
                CONNECT_TIMER => self.disconnected(cx),
                SESSION_TIMER => {
                    self.session_lost(cx);
                    if self.link == Link::Connecting {
                        self.connect(cx);
                    }
                }
                _ => {}
            },
            Input::Exited { peer } if peer.slot == self.server => self.disconnected(cx),
            // Two thirds of the time-out without an answer.
            Input::WatchMissed { peer, misses } if peer.slot == self.server && misses >= 2 => self.disconnected(cx),
            _ => {}
        }
    }

    fn draw(&mut self, cx: &mut Cx) -> crate::base::dice::Draw {
        let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
        self.draws += 1;
        cx.draw(BACKOFF, entity, self.draws)
    }

    fn say(&self, cx: &mut Cx, packet: Packet) {
        cx.send(ProcessId::at(self.server), Msg::Zk(Arc::new(packet)));
    }

    // ---- connection and session ----

    fn connect(&mut self, cx: &mut Cx) {
        self.link = Link::Connecting;
        self.say(cx, Packet::Connect { session: self.session, timeout: self.config.session_timeout });
        let patience = Span(self.config.session_timeout.0 / self.config.servers.len().max(1) as i64);
        cx.timer(TimerKey::new(CONNECT_TIMER, 0), patience);
    }

    fn packet(&mut self, cx: &mut Cx, packet: &Packet) {
        match (packet, self.link) {
            (_, Link::Pausing) => {}
            (Packet::Closed, _) => self.disconnected(cx),
            (Packet::Connected { session: 0, .. }, Link::Connecting) => {
                self.session_lost(cx);
                self.connect(cx);
            }
            (Packet::Connected { session, timeout }, Link::Connecting) => {
                let expected = if self.session == 0 { *session != self.lost } else { *session == self.session };
                if expected {
                    self.connected(cx, *session, *timeout);
                }
            }
            (Packet::Reply { xid, answer }, Link::Connected) => self.reply(cx, *xid, answer),
            (Packet::Changed { path }, Link::Connected) => {
                let groups = 0..self.groups.len();
                for i in groups {
                    if self.groups[i].group.path == *path {
                        self.list(cx, i);
                    }
                }
            }
            _ => {}
        }
    }

    fn connected(&mut self, cx: &mut Cx, session: SessionId, timeout: Span) {
        if self.groups.iter().any(|group| group.joining) {
            // Whether the last attempt to join came through is not known, and another node of the
            // same session would stand in its own way: away with both.
            self.say(cx, Packet::Close { session });
            self.session_lost(cx);
            return self.connect(cx);
        }
        self.link = Link::Connected;
        (self.session, self.timeout) = (session, timeout);
        cx.cancel(TimerKey::new(CONNECT_TIMER, 0));
        cx.cancel(TimerKey::new(SESSION_TIMER, 0));
        let (peer, every) = (ProcessId::at(self.server), Span(timeout.0 / 3));
        cx.outbox.push(Effect::Watch { peer, every, misses: 2, mode: WatchMode::Ping });
        for i in 0..self.groups.len() {
            if self.groups[i].contends && self.groups[i].mine.is_none() && !self.resigned {
                self.join(cx, i);
            }
            self.list(cx, i);
        }
        for (token, request) in std::mem::take(&mut self.waiting) {
            self.call(cx, 0, Call::Store(token), (*request).clone());
        }
    }

    /// The connection is lost, or was not to be had: the next server.
    fn disconnected(&mut self, cx: &mut Cx) {
        let was = std::mem::replace(&mut self.link, Link::Pausing);
        let gone = self.server;
        let servers = &self.config.servers;
        self.server = if gone + 1 < servers.end { gone + 1 } else { servers.start };
        match was {
            Link::Connected => {
                cx.outbox.push(Effect::Unwatch { peer: ProcessId::at(gone) });
                for group in &mut self.groups {
                    (group.listing, group.stale, group.smallest) = (false, false, None);
                }
                self.refuse_calls(cx, Refused::ConnectionLoss);
                cx.timer(TimerKey::new(SESSION_TIMER, 0), self.timeout);
                if self.config.on_disconnect == OnDisconnect::GiveUpAtOnce {
                    self.tell_candidacy(cx, None);
                }
                self.connect(cx);
            }
            Link::Connecting => {
                let pause = Span(self.draw(cx).between(0, PAUSE.0));
                cx.timer(TimerKey::new(CONNECT_TIMER, 0), pause);
            }
            Link::Pausing => self.server = gone,
        }
    }

    fn refuse_calls(&mut self, cx: &mut Cx, why: Refused) {
        for (.., call) in std::mem::take(&mut self.calls) {
            if let Call::Store(token) = call {
                let answer = Arc::new(Answer::Refused(why));
                cx.dispatch(Mailbox::MAIN, Msg::Stored { token, answer });
            }
        }
    }

    /// The session is over, or taken for over: whatever hung on it is gone.
    fn session_lost(&mut self, cx: &mut Cx) {
        cx.cancel(TimerKey::new(SESSION_TIMER, 0));
        (self.lost, self.session) = (self.session, 0);
        for group in &mut self.groups {
            (group.mine, group.joining, group.listing, group.stale) = (None, false, false, false);
            group.smallest = None;
        }
        self.refuse_calls(cx, Refused::SessionExpired);
        for (token, _) in std::mem::take(&mut self.waiting) {
            let answer = Arc::new(Answer::Refused(Refused::SessionExpired));
            cx.dispatch(Mailbox::MAIN, Msg::Stored { token, answer });
        }
        self.tell_candidacy(cx, None);
        self.tell_leader(cx, None);
    }

    fn resign(&mut self, cx: &mut Cx) {
        self.resigned = true;
        if self.link == Link::Connected {
            self.say(cx, Packet::Close { session: self.session });
            cx.outbox.push(Effect::Unwatch { peer: ProcessId::at(self.server) });
            self.session_lost(cx);
            self.connect(cx);
        } else {
            self.session_lost(cx);
        }
    }

    // ---- requests ----

    fn store(&mut self, cx: &mut Cx, token: u64, request: Arc<Request>) {
        if self.link == Link::Connected {
            self.call(cx, 0, Call::Store(token), (*request).clone());
        } else {
            self.waiting.push_back((token, request));
        }
    }

    fn call(&mut self, cx: &mut Cx, group: usize, call: Call, request: Request) {
        self.xid += 1;
        self.calls.push_back((self.xid, group as u8, call));
        self.say(cx, Packet::Call { session: self.session, xid: self.xid, request });
    }

    fn reply(&mut self, cx: &mut Cx, xid: u64, answer: &Answer) {
        let Some(at) = self.calls.iter().position(|call| call.0 == xid) else { return };
        let (_, group, call) = self.calls.remove(at).expect("just found");
        let i = usize::from(group);
        match (call, answer) {
            (Call::Store(token), _) => {
                cx.dispatch(Mailbox::MAIN, Msg::Stored { token, answer: Arc::new(answer.clone()) });
            }
            (Call::Folder, _) => {}
            (Call::Join, Answer::Created(path)) => {
                self.groups[i].joining = false;
                self.groups[i].mine = number(path).map(|number| (number, xid));
                self.judge(cx, i);
            }
            // The session has just ended; the server closes the connection.
            (Call::Join, _) => {}
            (Call::List, answer) => {
                self.groups[i].listing = false;
                if std::mem::take(&mut self.groups[i].stale) {
                    self.list(cx, i);
                }
                let names = if let Answer::Children(names) = answer { &names[..] } else { &[] };
                self.listed(cx, i, xid, names);
            }
            (Call::Read(name), Answer::Data { data: Data::Process(leader), .. }) => {
                if self.groups[i].smallest.as_ref() == Some(&name) {
                    self.tell_leader(cx, Some(*leader));
                }
            }
            (Call::Read(_), _) => {}
        }
    }

    // ---- groups ----

    fn join(&mut self, cx: &mut Cx, i: usize) {
        let group = self.groups[i].group.clone();
        let ends = group.path.match_indices('/').map(|(at, _)| at).chain([group.path.len()]);
        for end in ends.filter(|&end| end > 0) {
            let path = group.path[..end].into();
            let folder = Request::Create { path, data: Data::Empty, ephemeral: false, sequential: false };
            self.call(cx, i, Call::Folder, folder);
        }
        let path = format!("{}/{}", group.path, group.label).into();
        let node = Request::Create { path, data: Data::Process(cx.me), ephemeral: true, sequential: true };
        self.groups[i].joining = true;
        self.call(cx, i, Call::Join, node);
    }

    fn list(&mut self, cx: &mut Cx, i: usize) {
        if std::mem::replace(&mut self.groups[i].listing, true) {
            self.groups[i].stale = true;
            return;
        }
        let path = self.groups[i].group.path.clone();
        self.call(cx, i, Call::List, Request::Children { path, watch: true });
    }

    fn listed(&mut self, cx: &mut Cx, i: usize, xid: u64, names: &[Arc<str>]) {
        let group = &mut self.groups[i];
        // Byte order is the order of the numbers.
        let candidates = || names.iter().filter(|name| name.starts_with(&*group.group.label));
        let smallest = candidates().next().cloned();
        let gone =
            group.mine.is_some_and(|(mine, since)| xid > since && !candidates().any(|name| number(name) == Some(mine)));
        let changed = group.smallest != smallest;
        group.smallest = smallest.clone();
        if gone {
            group.mine = None;
            self.tell_candidacy(cx, None);
            self.join(cx, i);
        }
        self.judge(cx, i);
        if !self.groups[i].detects || !changed {
            return;
        }
        match smallest {
            Some(name) => {
                let path = format!("{}/{name}", self.groups[i].group.path).into();
                self.call(cx, i, Call::Read(name), Request::Get { path, watch: false });
            }
            None => self.tell_leader(cx, None),
        }
    }

    /// Whether the own candidacy is the one that leads.
    fn judge(&mut self, cx: &mut Cx, i: usize) {
        let group = &self.groups[i];
        let Some(smallest) = group.smallest.as_ref().filter(|_| group.contends) else { return };
        let mine = group.mine.map(|(mine, _)| mine);
        self.tell_candidacy(cx, mine.filter(|_| mine == number(smallest)));
    }

    fn tell_candidacy(&mut self, cx: &mut Cx, leading: Option<u64>) {
        let before = std::mem::replace(&mut self.leading, leading);
        if before == leading {
            return;
        }
        if let Some(number) = before {
            cx.dispatch(Mailbox::MAIN, Msg::Candidacy { leading: false, number });
        }
        if let Some(number) = leading {
            cx.dispatch(Mailbox::MAIN, Msg::Candidacy { leading: true, number });
        }
    }

    fn tell_leader(&mut self, cx: &mut Cx, leader: Option<ProcessId>) {
        if self.leader != leader {
            self.leader = leader;
            cx.dispatch(Mailbox::MAIN, Msg::Detected { leader });
        }
    }
}

/// The number at the end of a sequential node's name.
fn number(name: &str) -> Option<u64> {
    name.get(name.len().checked_sub(10)?..)?.parse().ok()
}

#[cfg(test)]
mod tests;
