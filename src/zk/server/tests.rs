//! An ensemble without a world: messages and disks in any order, deaths and broken connections.

use super::log::SNAPSHOT_AFTER;
use super::*;
use crate::actor::{Behaviour, DiskOp, TimerKey};
use crate::base::dice::{Dice, Site};
use crate::base::id::Names;
use crate::fact::Fact;
use crate::zk::wire::{Answer, Data};

const SERVERS: u32 = 3;
const CLIENT: u32 = 9;
const TICK: Span = Span::from_secs(2);

struct Place {
    server: Server,
    incarnation: u32,
    disk: Vec<DiskOp>,
    writing: Option<(u64, DiskOp)>,
    /// By sender; the client is the last.
    inbox: Vec<VecDeque<Msg>>,
    timers: Vec<TimerKey>,
}

struct Ensemble {
    dice: Dice,
    names: Names,
    now: Time,
    places: Vec<Place>,
    /// What the client was told, by server.
    told: Vec<(u32, Packet)>,
    expired: Vec<SessionId>,
}

impl Ensemble {
    fn new(seed: u64) -> Self {
        let config = Config { servers: 0..SERVERS, tick: TICK };
        let place = |_| Place {
            server: Server::new(config.clone()),
            incarnation: 0,
            disk: Vec::new(),
            writing: None,
            inbox: vec![VecDeque::new(); SERVERS as usize + 1],
            timers: Vec::new(),
        };
        let mut ensemble = Self {
            dice: Dice::new(seed),
            names: Names::default(),
            now: Time::ZERO,
            places: (0..SERVERS).map(place).collect(),
            told: Vec::new(),
            expired: Vec::new(),
        };
        for slot in 0..SERVERS {
            ensemble.give(slot, Input::Start { disk: [].into() });
        }
        ensemble
    }

    fn id(&self, slot: u32) -> ProcessId {
        let incarnation = self.places.get(slot as usize).map_or(0, |place| place.incarnation);
        ProcessId { slot, incarnation }
    }

    fn give(&mut self, slot: u32, input: Input) {
        let (me, mut outbox) = (self.id(slot), Vec::new());
        let mut cx = Cx {
            now: self.now,
            wall: self.now,
            me,
            dice: &mut self.dice,
            names: &mut self.names,
            behaviour: &Behaviour::default(),
            outbox: &mut outbox,
            detailed: false,
        };
        self.places[slot as usize].server.handle(&mut cx, input);
        for effect in outbox {
            match effect {
                Effect::Send { to, msg: Msg::Zk(packet) } if to.slot == CLIENT => {
                    self.told.push((slot, (*packet).clone()))
                }
                Effect::Send { to, msg } => {
                    if to.is_address() || to == self.id(to.slot) {
                        self.places[to.slot as usize].inbox[slot as usize].push_back(msg);
                    }
                }
                Effect::Persist { token, op } => {
                    assert!(self.places[slot as usize].writing.replace((token, op)).is_none(), "one write at a time");
                }
                Effect::Timer { key, .. } => {
                    let timers = &mut self.places[slot as usize].timers;
                    timers.retain(|known| *known != key);
                    timers.push(key);
                }
                Effect::Cancel { key } => self.places[slot as usize].timers.retain(|known| *known != key),
                Effect::Fact(Fact::SessionExpired { session, .. }) => self.expired.push(session),
                Effect::Watch { .. } | Effect::Unwatch { .. } | Effect::Fact(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn persisted(&mut self, slot: u32) {
        let place = &mut self.places[slot as usize];
        if let Some((token, op)) = place.writing.take() {
            if op.replaces_any() {
                place.disk.retain(|older| !op.replaces(older));
            }
            place.disk.push(op);
            self.give(slot, Input::Persisted { token });
        }
    }

    fn deliver(&mut self, slot: u32, from: u32) {
        let inbox = &mut self.places[slot as usize].inbox[from.min(SERVERS) as usize];
        if let Some(msg) = inbox.pop_front() {
            let from = self.id(from);
            self.give(slot, Input::Message { from, msg });
        }
    }

    fn fire(&mut self, slot: u32) {
        if let Some(key) = self.places[slot as usize].timers.pop() {
            self.give(slot, Input::Timer { key });
        }
        // It followed somebody who is gone, and hears nothing.
        if let Role::Following { leader: peer, serving: false, .. } = self.places[slot as usize].server.role {
            self.give(slot, Input::WatchMissed { peer, misses: 1 });
        }
    }

    /// The connection of two servers breaks; both find out.
    fn sever(&mut self, a: u32, b: u32) {
        for (a, b) in [(a, b), (b, a)] {
            self.places[a as usize].inbox[b as usize].clear();
        }
        for (a, b) in [(a, b), (b, a)] {
            let peer = self.id(b);
            self.give(a, Input::Exited { peer });
        }
    }

    fn restart(&mut self, slot: u32) {
        let config = Config { servers: 0..SERVERS, tick: TICK };
        let place = &mut self.places[slot as usize];
        place.server = Server::new(config);
        place.incarnation += 1;
        place.writing = None;
        place.timers.clear();
        place.inbox.iter_mut().for_each(VecDeque::clear);
        for other in (0..SERVERS).filter(|other| *other != slot) {
            self.places[other as usize].inbox[slot as usize].clear();
            let peer = ProcessId { slot, incarnation: self.places[slot as usize].incarnation - 1 };
            self.give(other, Input::Exited { peer });
        }
        let disk = self.places[slot as usize].disk.clone().into();
        self.give(slot, Input::Start { disk });
    }

    /// Everything that can happen does, until nothing is left but timers; those fire if nobody leads.
    fn settle(&mut self) {
        for round in 0..10_000 {
            for slot in 0..SERVERS {
                self.persisted(slot);
                for from in (0..SERVERS).chain([CLIENT]) {
                    self.deliver(slot, from);
                }
            }
            let idle = |p: &Place| p.writing.is_none() && p.inbox.iter().all(VecDeque::is_empty);
            let busy = !self.places.iter().all(idle);
            if !busy && self.leader().is_some() && self.places.iter().all(|p| p.server.serves()) {
                return;
            }
            if !busy {
                // One after the other, as their delays would have it.
                self.fire(round % SERVERS);
            }
        }
        panic!("the ensemble does not settle");
    }

    fn leader(&self) -> Option<u32> {
        (0..SERVERS).find(|&slot| self.places[slot as usize].server.leads().is_some())
    }

    fn say(&mut self, slot: u32, packet: Packet) {
        self.places[slot as usize].inbox[SERVERS as usize].push_back(Msg::Zk(Arc::new(packet)));
    }

    fn open(&mut self, slot: u32) -> SessionId {
        self.say(slot, Packet::Connect { session: 0, timeout: Span::from_secs(10) });
        self.settle();
        match self.told.pop() {
            Some((by, Packet::Connected { session, .. })) if by == slot => session,
            other => panic!("{other:?}"),
        }
    }
}

fn create(path: &str, ephemeral: bool) -> Request {
    Request::Create { path: path.into(), data: Data::Empty, ephemeral, sequential: ephemeral }
}

#[test]
fn a_session_moves_and_its_requests_are_answered_in_order() {
    let mut ensemble = Ensemble::new(1);
    ensemble.settle();
    let leader = ensemble.leader().expect("settled");
    let (a, b) = ((leader + 1) % SERVERS, (leader + 2) % SERVERS);
    let session = ensemble.open(a);
    let call = |xid, request| Packet::Call { session, xid, request };
    let children = || Request::Children { path: "/x".into(), watch: true };
    ensemble.say(a, call(1, create("/x", false)));
    ensemble.say(a, call(2, create("/x/n_", true)));
    ensemble.say(a, call(3, children()));
    ensemble.settle();
    let told: Vec<Packet> = std::mem::take(&mut ensemble.told).into_iter().map(|(_, packet)| packet).collect();
    let reply = |xid, answer| Packet::Reply { xid, answer };
    assert_eq!(
        told,
        [
            reply(1, Answer::Created("/x".into())),
            reply(2, Answer::Created("/x/n_0000000000".into())),
            reply(3, Answer::Children(vec!["n_0000000000".into()])),
        ]
    );
    // Another server: the first one closes, and the watch is gone with the connection.
    ensemble.say(b, Packet::Connect { session, timeout: Span::from_secs(10) });
    ensemble.settle();
    assert_eq!(
        std::mem::take(&mut ensemble.told),
        [(a, Packet::Closed), (b, Packet::Connected { session, timeout: Span::from_secs(10) })]
    );
    ensemble.say(b, call(4, create("/x/n_", true)));
    ensemble.say(b, call(5, children()));
    ensemble.say(b, call(6, create("/x/n_", true)));
    ensemble.settle();
    let told: Vec<Packet> = std::mem::take(&mut ensemble.told).into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(told[2..], [Packet::Changed { path: "/x".into() }, reply(6, Answer::Created("/x/n_0000000002".into()))]);
}

#[test]
fn silence_ends_a_session_and_what_hung_on_it() {
    let mut ensemble = Ensemble::new(2);
    ensemble.settle();
    let slot = (ensemble.leader().expect("settled") + 1) % SERVERS;
    let session = ensemble.open(slot);
    for (xid, request) in [(1, create("/x", false)), (2, create("/x/n_", true))] {
        ensemble.say(slot, Packet::Call { session, xid, request });
    }
    ensemble.settle();
    ensemble.give(slot, Input::WatchMissed { peer: ProcessId { slot: CLIENT, incarnation: 0 }, misses: 1 });
    ensemble.settle();
    assert_eq!(ensemble.expired, [session]);
    let read = |ensemble: &Ensemble| {
        let state = ensemble.places[0].server.applied().1.clone();
        state.read(&Request::Children { path: "/x".into(), watch: false })
    };
    assert_eq!(read(&ensemble), Answer::Children(vec![]));
    ensemble.say(slot, Packet::Connect { session, timeout: Span::from_secs(10) });
    ensemble.settle();
    assert_eq!(ensemble.told.pop(), Some((slot, Packet::Connected { session: 0, timeout: Span::ZERO })));
}

/// The server of a session dies: its clock starts anew at the leader, and a client that finds
/// another server in time keeps it.
#[test]
fn the_clock_restarts_when_a_server_is_lost() {
    for returns in [true, false] {
        let mut ensemble = Ensemble::new(3);
        ensemble.settle();
        let leader = ensemble.leader().expect("settled");
        let (a, b) = ((leader + 1) % SERVERS, (leader + 2) % SERVERS);
        let session = ensemble.open(a);
        ensemble.now = Time::from_secs(101);
        ensemble.restart(a);
        ensemble.settle();
        if returns {
            ensemble.say(b, Packet::Connect { session, timeout: Span::from_secs(10) });
            ensemble.settle();
        }
        // 101 s and 10 s, rounded up to ticks of 2 s.
        ensemble.now = Time::from_secs(111);
        let timer = Input::Timer { key: TimerKey::new(EXPIRY_TIMER, 0) };
        ensemble.give(leader, timer.clone());
        ensemble.settle();
        assert!(ensemble.expired.is_empty());
        ensemble.now = Time::from_secs(112);
        ensemble.give(leader, timer);
        ensemble.settle();
        assert_eq!(ensemble.expired, if returns { vec![] } else { vec![session] });
    }
}

#[test]
fn without_a_majority_clients_are_sent_away() {
    let mut ensemble = Ensemble::new(4);
    ensemble.settle();
    let leader = ensemble.leader().expect("settled");
    let session = ensemble.open(leader);
    for other in (0..SERVERS).filter(|other| *other != leader) {
        ensemble.sever(leader, other);
    }
    assert_eq!(ensemble.told, [(leader, Packet::Closed)]);
    ensemble.say(leader, Packet::Connect { session, timeout: Span::from_secs(10) });
    ensemble.deliver(leader, CLIENT);
    assert_eq!(ensemble.told.pop(), Some((leader, Packet::Closed)));
    assert!(ensemble.expired.is_empty());
}

/// Any order, deaths at any moment: servers that have applied equally much have the same state, and
/// what a client was told is done stays done. With enough entries for snapshots.
#[test]
fn what_counts_is_never_lost() {
    let key = Dice::new(7).key(Site::new("test-ensemble"));
    let (mut created, mut restarts) = (0_u64, 0);
    for seed in 0..120 {
        let mut ensemble = Ensemble::new(seed);
        ensemble.settle();
        let mut session = ensemble.open(0);
        let (mut xid, mut done) = (0, Vec::new());
        ensemble.say(0, Packet::Call { session, xid: 0, request: create("/x", false) });
        ensemble.settle();
        for n in 0..1_500 {
            let draw = |k: u64, most: u64| key.draw(seed, n * 4 + k).below(most);
            let (slot, from) = (draw(0, u64::from(SERVERS)) as u32, draw(2, u64::from(SERVERS) + 1) as u32);
            let from = if from == SERVERS { CLIENT } else { from };
            match draw(1, 240) {
                0 => {
                    ensemble.restart(slot);
                    restarts += 1;
                }
                1 => ensemble.sever(slot, (slot + 1) % SERVERS),
                2..=9 => ensemble.fire(slot),
                10..=49 => {
                    xid += 1;
                    ensemble.say(0, Packet::Call { session, xid, request: create(&format!("/x/{xid}"), false) });
                }
                50..=99 => ensemble.persisted(slot),
                _ => ensemble.deliver(slot, from),
            }
            for (_, packet) in std::mem::take(&mut ensemble.told) {
                if let Packet::Reply { answer: Answer::Created(path), .. } = packet {
                    done.push(path);
                }
            }
            for (a, b) in [(0, 1), (1, 2), (0, 2)] {
                let (a, b) = (ensemble.places[a].server.applied(), ensemble.places[b].server.applied());
                assert!(a.0 != b.0 || a.1 == b.1, "seed {seed}: two states after entry {}", a.0);
            }
            if n % 300 == 299 {
                ensemble.settle();
                for place in &ensemble.places {
                    for path in &done {
                        let answer = place.server.applied().1.read(&Request::Get { path: path.clone(), watch: false });
                        assert!(matches!(answer, Answer::Data { .. }), "seed {seed}: {path} is gone");
                    }
                }
                ensemble.told.clear();
                session = ensemble.open(0);
            }
        }
        created += done.len() as u64;
    }
    assert!(created > 1_500 && restarts > 500, "{created} nodes, {restarts} restarts");
}

/// A long log is cut short by a snapshot, and a server that reads it back has the same state.
#[test]
fn snapshots_replace_the_log_on_disk() {
    let mut ensemble = Ensemble::new(8);
    ensemble.settle();
    let session = ensemble.open(1);
    ensemble.say(1, Packet::Call { session, xid: 0, request: create("/x", false) });
    for xid in 1..=3 * SNAPSHOT_AFTER as u64 {
        let path = format!("/x/{}", xid % 50);
        let request = if xid <= 50 {
            create(&format!("/x/{}", xid % 50), false)
        } else {
            Request::Set { path: path.as_str().into(), data: Data::Text(format!("{xid}").into()), version: None }
        };
        ensemble.say(1, Packet::Call { session, xid, request });
        ensemble.settle();
    }
    let before = ensemble.places[1].server.applied().1.clone();
    assert!(ensemble.places[1].disk.len() < 2 * SNAPSHOT_AFTER, "{}", ensemble.places[1].disk.len());
    ensemble.restart(1);
    ensemble.settle();
    assert_eq!(*ensemble.places[1].server.applied().1, before);
}
