//! The client without a world: what it says to servers and to its main mailbox.

use super::*;
use crate::base::id::Names;
use crate::base::time::Time;

const SERVER: u32 = 3;

struct Bench {
    client: Client,
    dice: crate::base::dice::Dice,
    names: Names,
}

impl Bench {
    fn new(on_disconnect: OnDisconnect, candidate: Option<Candidate>) -> Self {
        let config = Config {
            servers: SERVER..SERVER + 1,
            session_timeout: Span::from_secs(9),
            on_disconnect,
            masters: Group::new("/mesos", "info_"),
            candidate,
        };
        let client = Client::new(Arc::new(config));
        Self { client, dice: crate::base::dice::Dice::new(1), names: Names::default() }
    }

    /// What it does, in words; effects on timers and watches are left out.
    fn give(&mut self, input: Input) -> String {
        let mut outbox = Vec::new();
        let mut cx = Cx {
            now: Time::ZERO,
            wall: Time::ZERO,
            me: ProcessId { slot: 0, incarnation: 4 },
            dice: &mut self.dice,
            names: &mut self.names,
            behaviour: &Default::default(),
            outbox: &mut outbox,
            detailed: false,
        };
        self.client.handle(&mut cx, input);
        let word = |effect: Effect| match effect {
            Effect::Send { msg: Msg::Zk(packet), .. } => Some(match &*packet {
                Packet::Connect { session, .. } => format!("connect {session}"),
                Packet::Close { session } => format!("close {session}"),
                Packet::Call { xid, request: Request::Create { path, .. }, .. } => format!("{xid}: create {path}"),
                Packet::Call { xid, request: Request::Children { path, .. }, .. } => format!("{xid}: list {path}"),
                Packet::Call { xid, request: Request::Get { path, .. }, .. } => format!("{xid}: get {path}"),
                other => format!("{other:?}"),
            }),
            Effect::Dispatch { msg: Msg::Candidacy { leading, number }, .. } => {
                Some(format!("{} {number}", if leading { "leads" } else { "leads no more" }))
            }
            Effect::Dispatch { msg: Msg::Detected { leader }, .. } => {
                Some(leader.map_or("nobody leads".into(), |l| format!("{}.{} leads", l.slot, l.incarnation)))
            }
            Effect::Dispatch { msg: Msg::Stored { token, answer }, .. } => Some(format!("stored {token}: {answer:?}")),
            Effect::Timer { .. } | Effect::Cancel { .. } | Effect::Watch { .. } | Effect::Unwatch { .. } => None,
            other => panic!("{other:?}"),
        };
        outbox.into_iter().filter_map(word).collect::<Vec<_>>().join(", ")
    }

    fn hear(&mut self, packet: Packet) -> String {
        let from = ProcessId { slot: SERVER, incarnation: 0 };
        self.give(Input::Message { from, msg: Msg::Zk(Arc::new(packet)) })
    }
    fn connected(&mut self, session: SessionId) -> String {
        self.hear(Packet::Connected { session, timeout: Span::from_secs(9) })
    }
    fn reply(&mut self, xid: u64, answer: Answer) -> String {
        self.hear(Packet::Reply { xid, answer })
    }
    fn children(&mut self, xid: u64, names: &[&str]) -> String {
        self.reply(xid, Answer::Children(names.iter().map(|&name| name.into()).collect()))
    }
    fn timer(&mut self, kind: u8) -> String {
        self.give(Input::Timer { key: TimerKey::new(kind, 0) })
    }
    fn store(&mut self, token: u64) -> String {
        let request = Arc::new(Request::Get { path: "/s".into(), watch: false });
        self.give(Input::Message { from: ProcessId { slot: 0, incarnation: 4 }, msg: Msg::Store { token, request } })
    }
}

/// A candidate that is connected and leads with number 5.
fn leader(on_disconnect: OnDisconnect) -> Bench {
    let mut bench = Bench::new(on_disconnect, Some(Candidate::Masters));
    assert_eq!(bench.give(Input::Start { disk: [].into() }), "connect 0");
    assert_eq!(bench.connected(7), "1: create /mesos, 2: create /mesos/info_, 3: list /mesos");
    assert_eq!(bench.reply(1, Answer::Refused(Refused::NodeExists)), "");
    assert_eq!(bench.reply(2, Answer::Created("/mesos/info_0000000005".into())), "");
    assert_eq!(bench.children(3, &["info_0000000004", "info_0000000005"]), "4: get /mesos/info_0000000004");
    let data = |slot| Answer::Data { data: Data::Process(ProcessId { slot, incarnation: 1 }), version: 0 };
    assert_eq!(bench.reply(4, data(8)), "8.1 leads");
    assert_eq!(bench.hear(Packet::Changed { path: "/mesos".into() }), "5: list /mesos");
    assert_eq!(bench.children(5, &["info_0000000005"]), "leads 5, 6: get /mesos/info_0000000005");
    assert_eq!(bench.reply(6, data(0)), "0.1 leads");
    bench
}

#[test]
fn the_smallest_number_leads() {
    let mut bench = leader(OnDisconnect::WaitForExpiry);
    // The own node is gone: it stands again.
    bench.hear(Packet::Changed { path: "/mesos".into() });
    assert_eq!(
        bench.children(7, &["info_0000000009"]),
        "leads no more 5, 8: create /mesos, 9: create /mesos/info_, 10: get /mesos/info_0000000009"
    );
}

#[test]
fn masters_keep_leadership_until_their_session_must_have_expired() {
    let mut bench = leader(OnDisconnect::WaitForExpiry);
    assert_eq!(bench.hear(Packet::Closed), "connect 7");
    assert_eq!(bench.timer(CONNECT_TIMER), "");
    assert_eq!(bench.timer(CONNECT_TIMER), "connect 7");
    // In time: nothing has happened, but what there is is looked at again.
    assert_eq!(bench.connected(7), "7: list /mesos");
    assert_eq!(bench.children(7, &["info_0000000005"]), "8: get /mesos/info_0000000005");
    assert_eq!(bench.hear(Packet::Closed), "connect 7");
    assert_eq!(bench.timer(SESSION_TIMER), "leads no more 5, nobody leads, connect 0");
    // A late answer for the lost session does not bring it back.
    assert_eq!(bench.connected(7), "");
    assert_eq!(bench.connected(12), "9: create /mesos, 10: create /mesos/info_, 11: list /mesos");
}

#[test]
fn a_latch_gives_up_at_once() {
    let mut bench = leader(OnDisconnect::GiveUpAtOnce);
    assert_eq!(bench.hear(Packet::Closed), "leads no more 5, connect 7");
    assert_eq!(bench.hear(Packet::Connected { session: 0, timeout: Span::ZERO }), "nobody leads, connect 0");
}

#[test]
fn a_candidacy_in_doubt_is_taken_back_with_its_session() {
    let mut bench = Bench::new(OnDisconnect::WaitForExpiry, Some(Candidate::Masters));
    bench.give(Input::Start { disk: [].into() });
    bench.connected(7);
    assert_eq!(bench.hear(Packet::Closed), "connect 7");
    assert_eq!(bench.connected(7), "close 7, connect 0");
}

#[test]
fn stores_wait_for_a_connection_and_are_refused_with_the_session() {
    let mut bench = Bench::new(OnDisconnect::WaitForExpiry, None);
    assert_eq!(bench.store(1), "");
    bench.give(Input::Start { disk: [].into() });
    assert_eq!(bench.connected(7), "1: list /mesos, 2: get /s");
    assert_eq!(bench.store(2), "3: get /s");
    assert_eq!(bench.reply(2, Answer::Refused(Refused::NoNode)), "stored 1: Refused(NoNode)");
    assert_eq!(bench.hear(Packet::Closed), "stored 2: Refused(ConnectionLoss), connect 7");
    assert_eq!(bench.store(3), "");
    assert_eq!(bench.timer(SESSION_TIMER), "stored 3: Refused(SessionExpired), connect 0");
}

#[test]
fn who_resigns_stands_no_more() {
    let mut bench = leader(OnDisconnect::GiveUpAtOnce);
    let resign = Input::Message { from: ProcessId { slot: 0, incarnation: 4 }, msg: Msg::Resign };
    assert_eq!(bench.give(resign), "close 7, leads no more 5, nobody leads, connect 0");
    assert_eq!(bench.connected(8), "7: list /mesos");
}

#[test]
fn a_marathon_stands_in_its_own_group_and_detects_masters() {
    let own = Candidate::Own(Group::new("/marathon/leader", "latch-"));
    let mut bench = Bench::new(OnDisconnect::GiveUpAtOnce, Some(own));
    bench.give(Input::Start { disk: [].into() });
    assert_eq!(
        bench.connected(7),
        "1: list /mesos, 2: create /marathon, 3: create /marathon/leader, 4: create /marathon/leader/latch-, \
         5: list /marathon/leader"
    );
    assert_eq!(bench.children(1, &["info_0000000001"]), "6: get /mesos/info_0000000001");
    bench.reply(4, Answer::Created("/marathon/leader/latch-0000000002".into()));
    assert_eq!(bench.children(5, &["latch-0000000002"]), "leads 2");
}
