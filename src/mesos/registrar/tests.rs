//! Registrars of three masters, with messages and disks in any order, crashes and losses.

use super::*;
use crate::actor::Effect;
use crate::actor::testing::Bench;
use crate::base::dice::{Dice, Site};
use crate::base::id::{AgentId, Symbol};
use crate::base::time::Time;
use crate::mesos::message::AgentInfo;
use std::collections::VecDeque;

fn agent(n: u32) -> AgentId {
    AgentId { master: Symbol(0), n }
}

fn info() -> Arc<AgentInfo> {
    Arc::new(AgentInfo { hostname: Symbol(0), total: Default::default(), attributes: vec![], devices: 0, address: 0 })
}

fn admit(token: u64) -> Msg {
    Msg::Apply { token, op: RegistryOp::AdmitAgent { agent: agent(token as u32), info: info() } }
}

#[test]
fn operations_pile_up_while_a_write_is_in_flight() {
    let mut bench = Bench::new();
    let mut registrar = Registrar::new(0..1, true);
    let apply = |token, n| Input::Message {
        from: Bench::ME,
        msg: Msg::Apply { token, op: RegistryOp::MarkAgentReachable { agent: agent(n), info: info() } },
    };
    let shown = |effects: Vec<Effect>| {
        let one = |e: &Effect| match e {
            Effect::Persist { token, op: DiskOp::Registry { operations, .. } } => {
                format!("write v{token} of {}", operations.len())
            }
            Effect::Dispatch { msg: Msg::Applied { token, mutated }, .. } => format!("applied {token} {mutated}"),
            Effect::Fact(_) => "fact".into(),
            other => format!("{other:?}"),
        };
        effects.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let mut step = |input| shown(bench.run(|cx| registrar.handle(cx, input)));
    assert_eq!(step(apply(1, 1)), "write v1 of 1");
    assert_eq!(step(apply(2, 2)), "");
    assert_eq!(step(apply(3, 2)), "");
    assert_eq!(step(Input::Persisted { token: 1 }), "fact, applied 1 true, write v2 of 2");
    assert_eq!(step(Input::Persisted { token: 2 }), "fact, applied 2 true, applied 3 false");
    assert_eq!(registrar.registry().admitted.len(), 2);
}

#[test]
fn admitted_and_unreachable_stay_disjoint() {
    let mut r = Registry::default();
    assert!(r.apply(&RegistryOp::AdmitAgent { agent: agent(1), info: info() }));
    assert!(!r.apply(&RegistryOp::AdmitAgent { agent: agent(1), info: info() }));
    assert!(r.apply(&RegistryOp::MarkAgentUnreachable { agent: agent(1), at: Time::ZERO }));
    assert!(!r.apply(&RegistryOp::MarkAgentUnreachable { agent: agent(1), at: Time::ZERO }));
    assert!(r.admitted.is_empty() && r.unreachable.len() == 1);
    assert!(r.apply(&RegistryOp::MarkAgentReachable { agent: agent(1), info: info() }));
    assert!(r.admitted.len() == 1 && r.unreachable.is_empty());
    assert!(!r.apply(&RegistryOp::Prune { agents: [agent(1)].into() }));
    assert!(r.apply(&RegistryOp::RemoveAgent { agent: agent(1) }));
}

/// One master of three: its registrar, its disk, and what is on its way to it.
struct Place {
    registrar: Registrar,
    disk: Vec<DiskOp>,
    /// The write under way, and messages by sender.
    writing: Option<(u64, DiskOp)>,
    inbox: [VecDeque<Arc<LogPacket>>; 3],
    retries: bool,
    leads: bool,
}

struct Masters {
    bench: Bench,
    places: Vec<Place>,
    /// Operations that were answered as done, and versions by who wrote them.
    done: Vec<u64>,
    versions: Vec<u64>,
}

fn me(slot: usize) -> ProcessId {
    ProcessId { slot: slot as u32, incarnation: 0 }
}

impl Masters {
    fn new() -> Self {
        let place = |_| Place {
            registrar: Registrar::new(0..3, false),
            disk: Vec::new(),
            writing: None,
            inbox: Default::default(),
            retries: false,
            leads: false,
        };
        let places = (0..3).map(place).collect();
        Self { bench: Bench::new(), places, done: Vec::new(), versions: Vec::new() }
    }

    fn give(&mut self, slot: usize, input: Input) {
        let place = &mut self.places[slot];
        let effects = self.bench.run(|cx| {
            cx.me = me(slot);
            place.registrar.handle(cx, input);
        });
        for effect in effects {
            match effect {
                Effect::Send { to, msg: Msg::Log(packet) } => {
                    self.places[to.slot as usize].inbox[slot].push_back(packet);
                }
                Effect::Persist { token, op } => {
                    assert!(self.places[slot].writing.replace((token, op)).is_none(), "one write at a time");
                }
                Effect::Timer { key, .. } => self.places[slot].retries |= key.kind() == RETRY_TIMER,
                Effect::Cancel { key } => self.places[slot].retries &= key.kind() != RETRY_TIMER,
                Effect::Dispatch { msg: Msg::RegistryFetched { registry }, .. } => {
                    for &token in &self.done {
                        assert!(registry.admitted.contains_key(&agent(token as u32)), "operation {token} was done");
                    }
                    self.places[slot].leads = true;
                }
                Effect::Dispatch { msg: Msg::Applied { token, .. }, .. } => self.done.push(token),
                Effect::Dispatch { msg: Msg::RegistryLost, .. } => self.restart(slot),
                Effect::Fact(Fact::RegistryWritten { version, .. }) => self.versions.push(version),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The process ends and begins anew with what its disk holds.
    fn restart(&mut self, slot: usize) {
        let place = &mut self.places[slot];
        place.registrar = Registrar::new(0..3, false);
        (place.writing, place.retries, place.leads) = (None, false, false);
        place.inbox = Default::default();
        let disk = place.disk.clone().into();
        self.give(slot, Input::Start { disk });
    }
}

/// Whatever is lost, late or dead, each version is written once and nothing that was done is
/// forgotten.
#[test]
fn the_log_keeps_what_it_promised() {
    let key = Dice::new(1).key(Site::new("test-registrars"));
    let (mut done, mut elections) = (0, 0);
    for seed in 0..200 {
        let mut masters = Masters::new();
        let (mut ballot, mut token) = (0, 0);
        for n in 0..1_000 {
            let draw = |k: u64, most: u64| key.draw(seed, n * 4 + k).below(most);
            let slot = draw(0, 3) as usize;
            match draw(1, 120) {
                0 => {
                    ballot += 1;
                    elections += 1;
                    masters.give(slot, Input::Message { from: me(slot), msg: Msg::FetchRegistry { ballot } });
                }
                1 => masters.restart(slot),
                2..=15 if masters.places[slot].leads => {
                    token += 1;
                    masters.give(slot, Input::Message { from: me(slot), msg: admit(token) });
                }
                16..=20 if masters.places[slot].retries => {
                    masters.give(slot, Input::Timer { key: TimerKey::new(RETRY_TIMER, 0) });
                }
                21 => {
                    masters.places[slot].inbox[draw(2, 3) as usize].pop_front();
                }
                22..=55 => {
                    if let Some((token, op)) = masters.places[slot].writing.take() {
                        masters.places[slot].disk.retain(|older| !op.replaces(older));
                        masters.places[slot].disk.push(op);
                        masters.give(slot, Input::Persisted { token });
                    }
                }
                _ => {
                    let from = draw(2, 3) as usize;
                    if let Some(packet) = masters.places[slot].inbox[from].pop_front() {
                        masters.give(slot, Input::Message { from: me(from), msg: Msg::Log(packet) });
                    }
                }
            }
        }
        // A leader may hear late that its last version counts, after its successor wrote the next.
        masters.versions.sort_unstable();
        assert!(masters.versions.windows(2).all(|w| w[0] < w[1]), "seed {seed}: {:?}", masters.versions);
        done += masters.done.len();
    }
    assert!(done > 1_000 && elections > 1_000, "{done} operations, {elections} elections");
}
