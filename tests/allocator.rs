//! The allocator by itself: the worked examples of the notes, and random histories against its
//! books. What it dispatches to itself waits behind what is there already, as in a mailbox.

use mesosim::actor::{Behaviour, Cx, Effect, Input, Mailbox, ProcessId, TimerKey};
use mesosim::base::dice::Dice;
use mesosim::base::id::{AgentId, FrameworkId, Names, OfferId, Symbol};
use mesosim::base::map::Map;
use mesosim::base::quantity::Quantities;
use mesosim::base::time::{Span, Time};
use mesosim::mesos::allocator::sorter::Excluded;
use mesosim::mesos::allocator::{Allocate, Flags, by_name};
use mesosim::mesos::message::{AgentInfo, Allocation, Capabilities, FrameworkInfo, Msg, OfferBatch, Refuse};
use mesosim::mesos::resource::Resources;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;

const ME: ProcessId = ProcessId { slot: 0, incarnation: 0 };

/// An allocator in its mailbox, with a clock that is moved by hand.
struct Rig {
    allocator: Box<dyn Allocate>,
    now: Time,
    dice: Dice,
    names: Names,
    mailbox: VecDeque<Msg>,
    timers: Vec<(Time, TimerKey)>,
    /// Answers that nobody has taken yet.
    offers: Vec<Arc<Allocation>>,
    roles: Map<FrameworkId, Symbol>,
}

fn amount(cpus: i64, mem: i64) -> Quantities {
    Quantities([cpus * 1000, mem * 1000, 0, 0])
}

fn flags() -> Flags {
    Flags {
        allocation_interval: Span::from_secs(1),
        min_allocatable: [[10, 0, 0, 0], [0, 32_000, 0, 0]].map(|set| Quantities(set).into()).to_vec(),
        filter_gpu: true,
        excluded: Excluded::default(),
        weights: Vec::new(),
        quotas: Vec::new(),
    }
}

impl Rig {
    fn of(policy: &str, chunk: &str, most: Quantities, flags: Flags) -> Self {
        let allocator = by_name(policy, chunk, most, flags).expect("a known policy");
        let mut rig = Self {
            allocator,
            now: Time::ZERO,
            dice: Dice::new(7),
            names: Names::default(),
            mailbox: VecDeque::new(),
            timers: Vec::new(),
            offers: Vec::new(),
            roles: Map::default(),
        };
        rig.handle(Input::Start { disk: [].into() });
        rig
    }
    fn drf() -> Self {
        Self::of("drf", "whole", Quantities::ZERO, flags())
    }

    fn handle(&mut self, input: Input) {
        let mut outbox = Vec::new();
        self.allocator.handle(
            &mut Cx {
                now: self.now,
                wall: self.now,
                me: ME,
                dice: &mut self.dice,
                names: &mut self.names,
                behaviour: &Behaviour::default(),
                outbox: &mut outbox,
                detailed: false,
            },
            input,
        );
        for effect in outbox {
            match effect {
                Effect::Dispatch { to: Mailbox::ALLOCATOR, msg } => self.mailbox.push_back(msg),
                Effect::Dispatch { to: Mailbox::MAIN, msg: Msg::Allocated(a) } => self.offers.push(a),
                Effect::Timer { key, after } => {
                    self.timers.retain(|t| t.1 != key);
                    self.timers.push((self.now + after, key));
                }
                Effect::Fact(_) => {}
                other => panic!("not an allocator's effect: {other:?}"),
            }
        }
    }

    /// Puts a message in the mailbox without letting it be handled.
    fn post(&mut self, msg: Msg) {
        self.mailbox.push_back(msg);
    }
    /// Handles all that is in the mailbox.
    fn settle(&mut self) {
        while let Some(msg) = self.mailbox.pop_front() {
            self.handle(Input::Message { from: ME, msg });
        }
    }
    fn tell(&mut self, msg: Msg) {
        self.post(msg);
        self.settle();
    }
    /// Moves the clock; timers due on the way act.
    fn until(&mut self, ns: i64) {
        let end = Time(ns);
        while let Some(at) =
            (0..self.timers.len()).min_by_key(|&i| self.timers[i].0).filter(|&i| self.timers[i].0 <= end)
        {
            let (time, key) = self.timers.remove(at);
            self.now = time;
            self.handle(Input::Timer { key });
            self.settle();
        }
        self.now = end;
    }

    fn info(&mut self, name: &str, role: &str, gpu: bool, suppressed: bool) -> Arc<FrameworkInfo> {
        let capabilities = Capabilities { gpu_resources: gpu, ..Capabilities::default() };
        let role = self.names.intern(role);
        Arc::new(FrameworkInfo {
            name: self.names.intern(name),
            id: None,
            roles: vec![role],
            principal: None,
            failover_timeout: Span::ZERO,
            checkpoint: false,
            capabilities,
            suppressed: if suppressed { vec![role] } else { Vec::new() },
        })
    }
    fn framework(&mut self, name: &str, role: &str) -> FrameworkId {
        let framework = FrameworkId(self.names.intern(name));
        let info = self.info(name, role, false, false);
        self.roles.insert(framework, info.roles[0]);
        self.tell(Msg::AddFramework { framework, info, active: true });
        framework
    }
    fn agent_msg(&mut self, n: u32, total: Quantities, used: &[(FrameworkId, Symbol, Resources)]) -> Msg {
        let hostname = self.names.intern(&format!("n{n}"));
        let info =
            AgentInfo { hostname, total: Resources::from_scalars(total), attributes: vec![], devices: 0, address: 0 };
        Msg::AddAgent { agent: agent(n), info: Arc::new(info), used: used.into() }
    }
    fn agent(&mut self, n: u32, total: Quantities) {
        let msg = self.agent_msg(n, total, &[]);
        self.tell(msg);
    }

    /// Offers made since the last look: framework, agent, amounts.
    fn taken(&mut self) -> Vec<(FrameworkId, u32, Quantities)> {
        let of = |a: Arc<Allocation>| {
            a.iter().map(|e| (a.framework, e.agent.n, e.resources.quantities())).collect::<Vec<_>>()
        };
        std::mem::take(&mut self.offers).into_iter().flat_map(of).collect()
    }
    /// Gives the whole of an answer back.
    fn decline(&mut self, allocation: &Arc<Allocation>, refuse: Refuse) {
        let first = OfferId::new(Symbol(0), 0);
        let batch = Arc::new(OfferBatch { first, allocation: allocation.clone(), described: vec![] });
        let count = allocation.len();
        self.tell(Msg::RecoverOffers { batch, from: 0, count, refuse });
    }
    fn recover(&mut self, framework: FrameworkId, n: u32, scalars: Quantities, refuse: Refuse) {
        let role = self.roles[&framework];
        self.tell(Msg::Recover { framework, role, agent: agent(n), scalars, refuse });
    }
    fn free(&self, n: u32) -> Quantities {
        self.allocator.free(agent(n)).expect("a known agent").quantities()
    }
    fn held(&self, n: u32, framework: FrameworkId) -> Quantities {
        self.allocator.held(agent(n), framework).expect("a known agent").quantities()
    }
}

fn agent(n: u32) -> AgentId {
    AgentId { master: Symbol(0), n }
}

fn seconds(text: f64) -> i64 {
    (text * 1000.0).round() as i64 * 1_000_000
}

/// 26.9: requests merge while a run is queued; a run looks at nothing else than was asked for.
#[test]
fn three_agents_at_one_instant_cause_one_run() {
    let mut rig = Rig::drf();
    let f = rig.framework("f", "a");
    let before = rig.allocator.work();
    for n in 0..3 {
        let msg = rig.agent_msg(n, amount(2, 2000), &[]);
        rig.post(msg);
    }
    rig.settle();
    let after = rig.allocator.work();
    assert_eq!((after.runs - before.runs, after.agent_visits - before.agent_visits, rig.offers.len()), (1, 3, 1));
    let mut agents: Vec<u32> = rig.taken().iter().map(|o| o.1).collect();
    agents.sort_unstable();
    assert_eq!(agents, [0, 1, 2]);

    // Agents one by one, with what they have left out of sight of the second run.
    rig.recover(f, 0, amount(2, 2000), Refuse::NONE);
    rig.agent(3, amount(1, 1000));
    assert_eq!(rig.taken(), [(f, 3, amount(1, 1000))], "the leftovers of agent 0 wait for the tick");
    rig.until(seconds(1.0));
    assert_eq!(rig.taken(), [(f, 0, amount(2, 2000))]);

    // A revival in the same burst makes it a run over all.
    rig.recover(f, 1, amount(2, 2000), Refuse::NONE);
    let msg = rig.agent_msg(4, amount(1, 1000), &[]);
    rig.post(msg);
    rig.post(Msg::ReviveOffers { framework: f, roles: Arc::default() });
    let runs = rig.allocator.work().runs;
    rig.settle();
    assert_eq!((rig.allocator.work().runs - runs, rig.taken().len()), (1, 2));
}

/// 26.1: the totals are updated before the shares are compared; a tie goes to fewer allocations.
#[test]
fn plain_drf() {
    let mut rig = Rig::drf();
    let fa = rig.framework("fa", "a");
    rig.agent(1, amount(6, 3000));
    let fb = rig.framework("fb", "b");
    assert_eq!(rig.taken(), [(fa, 1, amount(6, 3000))]);
    for (n, cpus, mem, winner) in [(2, 2, 6000, fb), (3, 4, 1000, fa), (4, 8, 2000, fb)] {
        rig.agent(n, amount(cpus, mem));
        assert_eq!(rig.taken(), [(winner, n, amount(cpus, mem))], "agent {n}");
    }
}

/// 26.2: weights and nested roles.
#[test]
fn a_weighted_tree() {
    let mut rig = Rig::of("drf", "whole", Quantities::ZERO, Flags { weights: vec![("b".into(), 2.0)], ..flags() });
    let frameworks = [("x", "a/x"), ("y", "a/y"), ("b", "b")].map(|(name, role)| (rig.framework(name, role), name));
    let mut winners = String::new();
    for n in 0..12 {
        rig.agent(n, amount(1, 100));
        let offers = rig.taken();
        assert_eq!(offers.len(), 1);
        winners += frameworks.iter().find(|f| f.0 == offers[0].0).expect("one of them").1;
    }
    assert_eq!(winners, "xbbybbxbbybb");
}

/// 26.5: when a refused agent is offered again, to the instant.
#[test]
fn refusals_last_to_the_instant() {
    for (refused, span, again) in
        [(0.4, 0.0, 1.0), (0.4, 0.1, 2.0), (0.5, 5.0, 6.0), (1.0, 5.0, 6.0), (0.999, 1.0, 2.0), (1.0, 1.0, 3.0)]
    {
        let mut rig = Rig::drf();
        let f = rig.framework("f", "a");
        rig.agent(1, amount(4, 4000));
        let first = rig.offers.pop().expect("an offer");
        rig.until(seconds(refused));
        rig.decline(&first, Refuse::seconds(Span(seconds(span))));
        assert!(rig.offers.is_empty(), "a decline triggers nothing");
        rig.until(seconds(again) - 1);
        assert!(rig.offers.is_empty(), "refused at {refused} for {span}: too early");
        rig.until(seconds(again));
        assert_eq!(rig.taken(), [(f, 1, amount(4, 4000))], "refused at {refused} for {span}");
    }
}

/// 26.6: a filter hides what the refused bundle contains and nothing more.
#[test]
fn more_than_was_refused_is_offered() {
    let mut rig = Rig::drf();
    let f = rig.framework("f", "a");
    rig.agent(1, amount(4, 4000));
    rig.taken();
    rig.recover(f, 1, amount(3, 3000), Refuse::seconds(Span::from_secs(5)));
    rig.until(seconds(1.0));
    assert_eq!(rig.taken(), []);
    rig.recover(f, 1, amount(1, 1000), Refuse::NONE);
    assert_eq!(rig.taken(), [], "what comes back triggers nothing");
    rig.until(seconds(2.0));
    assert_eq!(rig.taken(), [(f, 1, amount(4, 4000))]);
}

/// 26.10: suppression keeps filters and shares, revival forgets filters and runs over all.
#[test]
fn suppress_and_revive() {
    let mut rig = Rig::drf();
    let f = rig.framework("f", "a");
    rig.agent(1, amount(4, 4000));
    let offer = rig.offers.pop().expect("an offer");
    rig.decline(&offer, Refuse::seconds(Span::from_secs(3600)));
    rig.tell(Msg::SuppressOffers { framework: f, roles: Arc::default() });
    rig.agent(2, amount(1, 1000));
    rig.until(seconds(10.0));
    assert_eq!(rig.taken(), [], "the suppressed one gets nothing");
    rig.tell(Msg::ReviveOffers { framework: f, roles: Arc::default() });
    let mut offers = rig.taken();
    offers.sort_by_key(|o| o.1);
    assert_eq!(offers, [(f, 1, amount(4, 4000)), (f, 2, amount(1, 1000))]);

    // Shares of the suppressed count: with f holding 5 of 10 the others' agents go elsewhere.
    rig.tell(Msg::SuppressOffers { framework: f, roles: Arc::default() });
    let g = rig.framework("g", "b");
    rig.agent(3, amount(5, 5000));
    assert_eq!(rig.taken(), [(g, 3, amount(5, 5000))]);
    rig.tell(Msg::ReviveOffers { framework: f, roles: Arc::default() });
    let h = rig.framework("h", "c");
    rig.agent(4, amount(1, 1000));
    assert_eq!(rig.taken(), [(h, 4, amount(1, 1000))]);
}

#[test]
fn too_little_is_not_offered() {
    let mut rig = Rig::drf();
    let f = rig.framework("f", "a");
    rig.agent(1, Quantities([9, 31_999, 1_000_000, 0]));
    rig.agent(2, Quantities([10, 0, 0, 0]));
    rig.agent(3, Quantities([0, 32_000, 0, 0]));
    let agents: Vec<_> = rig.taken().iter().map(|o| (o.0, o.1)).collect();
    assert_eq!(agents, [(f, 2), (f, 3)]);
}

#[test]
fn agents_with_gpus_wait_for_those_who_can_use_them() {
    let mut rig = Rig::drf();
    rig.framework("f", "a");
    let total = Quantities([4_000, 4_000_000, 0, 1_000]);
    rig.agent(1, total);
    assert_eq!(rig.taken(), []);
    let g = FrameworkId(rig.names.intern("g"));
    let info = rig.info("g", "a", true, false);
    rig.tell(Msg::AddFramework { framework: g, info, active: true });
    assert_eq!(rig.taken(), [(g, 1, total)]);
}

/// Frameworks and agents that go free what they held and the shares that came of it.
#[test]
fn removals_free_shares() {
    let mut rig = Rig::drf();
    let (f, g) = (rig.framework("f", "a"), rig.framework("g", "b"));
    rig.agent(1, amount(4, 4000));
    rig.agent(2, amount(2, 2000));
    assert_eq!(rig.taken(), [(f, 1, amount(4, 4000)), (g, 2, amount(2, 2000))]);
    // With agent 1 goes f's share, so that f is next.
    rig.tell(Msg::RemoveAgent { agent: agent(1) });
    assert_eq!(rig.allocator.free(agent(1)), None);
    rig.agent(3, amount(1, 1000));
    assert_eq!(rig.taken(), [(f, 3, amount(1, 1000))]);
    rig.tell(Msg::RemoveFramework { framework: g });
    assert_eq!((rig.free(2), rig.held(3, f)), (amount(2, 2000), amount(1, 1000)));
    rig.until(seconds(1.0));
    assert_eq!(rig.taken(), [(f, 2, amount(2, 2000))]);
}

/// What agents report for a framework that is not known holds back, and is booked when it comes.
#[test]
fn use_by_strangers_holds_back() {
    let mut rig = Rig::drf();
    let f = rig.framework("f", "a");
    let (g, role) = (FrameworkId(rig.names.intern("g")), rig.names.intern("b"));
    let msg = rig.agent_msg(1, amount(4, 4000), &[(g, role, Resources::from_scalars(amount(3, 1000)))]);
    rig.tell(msg);
    assert_eq!(rig.taken(), [(f, 1, amount(1, 3000))]);
    rig.framework("g", "b");
    assert_eq!(rig.held(1, g), amount(3, 1000));
    // g has 3/8, f 3000/8000: a tie in shares and counts, and "a" < "b"; then f has more.
    rig.agent(2, amount(4, 4000));
    assert_eq!(rig.taken(), [(f, 2, amount(4, 4000))]);
    rig.agent(3, amount(1, 1000));
    assert_eq!(rig.taken(), [(g, 3, amount(1, 1000))]);
}

/// An allocator to which nothing happened answers a tick without a look at its agents.
#[test]
fn an_idle_tick_costs_nothing() {
    let mut rig = Rig::drf();
    let f = rig.framework("f", "a");
    for n in 0..1000 {
        let msg = rig.agent_msg(n, amount(4, 4000), &[]);
        rig.post(msg);
    }
    rig.settle();
    let offers = std::mem::take(&mut rig.offers);
    for offer in &offers {
        rig.decline(offer, Refuse::seconds(Span::from_secs(100_000)));
    }
    rig.until(seconds(1.0));
    let before = rig.allocator.work();
    rig.until(seconds(1001.0));
    let after = rig.allocator.work();
    assert_eq!(
        (after.agent_visits, after.sorts, after.idle_runs),
        (before.agent_visits, before.sorts, before.idle_runs + 1000)
    );
    rig.tell(Msg::SuppressOffers { framework: f, roles: Arc::default() });
    rig.recover(f, 1, amount(1, 1), Refuse::NONE);
    rig.until(seconds(2001.0));
    assert_eq!(rig.allocator.work().agent_visits, before.agent_visits, "nobody wants anything");
}

/// The random policy gives by weight, whoever has how much.
#[test]
fn random_order_follows_the_weights() {
    let weights = vec![("b".to_owned(), 3.0)];
    let mut rig = Rig::of("random", "whole", Quantities::ZERO, Flags { weights, ..flags() });
    let (f, g) = (rig.framework("f", "a"), rig.framework("g", "b"));
    for n in 0..4000 {
        rig.agent(n, amount(1, 1000));
    }
    let offers = rig.taken();
    let of = |id| offers.iter().filter(|o| o.0 == id).count();
    assert_eq!(of(f) + of(g), 4000);
    // Expected 1,000 with a standard deviation of 27.
    assert!((880..1120).contains(&of(f)), "{}", of(f));
}

/// With slices one agent serves several frameworks in one run.
#[test]
fn slices_deal_an_agent_to_two() {
    let mut rig = Rig::of("drf", "slice", amount(3, 3000), flags());
    let (f, g) = (rig.framework("f", "a"), rig.framework("g", "b"));
    let runs = rig.allocator.work().runs;
    rig.agent(1, amount(4, 4000));
    assert_eq!(rig.taken(), [(f, 1, amount(3, 3000)), (g, 1, amount(1, 1000))]);
    assert_eq!((rig.allocator.work().runs - runs, rig.free(1)), (1, Quantities::ZERO));
}

#[derive(Clone, Debug)]
enum Step {
    AddAgent(u32, i64, i64),
    RemoveAgent(u32),
    Awake(u32, bool),
    Suppress(usize),
    Revive(usize),
    Deactivate(usize),
    Activate(usize),
    RemoveFramework(usize),
    AddFramework(usize),
    /// Gives part of what is held back: (which holding, parts in 4, refused for seconds).
    Return(usize, i64, i64),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..12_u32, 1..8_i64, 1..8_i64).prop_map(|(n, c, m)| Step::AddAgent(n, c, m)),
        1 => (0..12_u32).prop_map(Step::RemoveAgent),
        1 => (0..12_u32, any::<bool>()).prop_map(|(n, awake)| Step::Awake(n, awake)),
        1 => (0..4_usize).prop_map(Step::Suppress),
        2 => (0..4_usize).prop_map(Step::Revive),
        1 => (0..4_usize).prop_map(Step::Deactivate),
        2 => (0..4_usize).prop_map(Step::Activate),
        1 => (0..4_usize).prop_map(Step::RemoveFramework),
        2 => (0..4_usize).prop_map(Step::AddFramework),
        8 => (any::<usize>(), 1..=4_i64, 0..8_i64).prop_map(|(h, p, s)| Step::Return(h, p, s)),
        4 => (1..3_000_i64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

/// What a naive bookkeeper knows.
#[derive(Default)]
struct Books {
    agents: Map<u32, (Quantities, bool)>,
    /// (active, suppressed)
    frameworks: Map<usize, (bool, bool)>,
    held: Map<(usize, u32), Quantities>,
}

const ROLES: [&str; 4] = ["a", "a/x", "b", "b"];
const FRAMEWORKS: [&str; 4] = ["f0", "f1", "f2", "f3"];

fn history(policy: &str, chunk: &str, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut rig = Rig::of(policy, chunk, amount(2, 2), Flags { min_allocatable: vec![], ..flags() });
    let ids = FRAMEWORKS.map(|name| FrameworkId(rig.names.intern(name)));
    let mut books = Books::default();
    for step in steps {
        match step {
            Step::AddAgent(n, cpus, mem) if !books.agents.contains_key(&n) => {
                books.agents.insert(n, (amount(cpus, mem), true));
                rig.agent(n, amount(cpus, mem));
            }
            Step::RemoveAgent(n) => {
                books.agents.swap_remove(&n);
                books.held.retain(|k, _| k.1 != n);
                rig.tell(Msg::RemoveAgent { agent: agent(n) });
            }
            Step::Awake(n, awake) => {
                if let Some(a) = books.agents.get_mut(&n) {
                    a.1 = awake;
                }
                let agent = agent(n);
                rig.tell(if awake { Msg::ActivateAgent { agent } } else { Msg::DeactivateAgent { agent } });
            }
            Step::Suppress(i) => {
                if let Some(f) = books.frameworks.get_mut(&i) {
                    f.1 = true;
                }
                rig.tell(Msg::SuppressOffers { framework: ids[i], roles: Arc::default() });
            }
            Step::Revive(i) if books.frameworks.get(&i).is_some_and(|f| f.0) => {
                books.frameworks[&i].1 = false;
                rig.tell(Msg::ReviveOffers { framework: ids[i], roles: Arc::default() });
            }
            Step::Deactivate(i) => {
                if let Some(f) = books.frameworks.get_mut(&i) {
                    f.0 = false;
                }
                rig.tell(Msg::DeactivateFramework { framework: ids[i] });
            }
            Step::Activate(i) => {
                if let Some(f) = books.frameworks.get_mut(&i) {
                    f.0 = true;
                }
                rig.tell(Msg::ActivateFramework { framework: ids[i] });
            }
            Step::RemoveFramework(i) => {
                books.frameworks.swap_remove(&i);
                books.held.retain(|k, _| k.0 != i);
                rig.tell(Msg::RemoveFramework { framework: ids[i] });
            }
            Step::AddFramework(i) if !books.frameworks.contains_key(&i) => {
                books.frameworks.insert(i, (true, false));
                rig.framework(FRAMEWORKS[i], ROLES[i]);
            }
            Step::Return(which, parts, refuse) if !books.held.is_empty() => {
                let (&(i, n), &all) = books.held.get_index(which % books.held.len()).expect("within");
                let part = Quantities(all.0.map(|v| v * parts / 4));
                if parts == 4 {
                    books.held.swap_remove(&(i, n));
                } else {
                    books.held[&(i, n)] -= part;
                }
                rig.recover(ids[i], n, part, Refuse::seconds(Span::from_secs(refuse)));
            }
            Step::Wait(ms) => rig.until(rig.now.0 + ms * 1_000_000),
            _ => {}
        }
        for (id, n, resources) in rig.taken() {
            let i = ids.iter().position(|&f| f == id).expect("a known framework");
            prop_assert_eq!(books.frameworks.get(&i), Some(&(true, false)), "offered to one that wants nothing");
            prop_assert!(books.agents.get(&n).is_some_and(|a| a.1), "an agent that is away was offered");
            *books.held.entry((i, n)).or_default() += resources;
        }
        for (&n, &(total, _)) in &books.agents {
            let mut sum = rig.free(n);
            for (i, &id) in ids.iter().enumerate() {
                let held = rig.held(n, id);
                prop_assert_eq!(held, books.held.get(&(i, n)).copied().unwrap_or_default());
                sum += held;
            }
            prop_assert_eq!(sum, total, "agent {}", n);
            prop_assert!(rig.free(n).0.iter().all(|&v| v >= 0), "more was given than there is");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens: what is free and what is held add up to the total, nothing is given
    /// twice, nothing goes to who wants nothing.
    #[test]
    fn the_books_balance(steps in steps(), random in any::<bool>(), slice in any::<bool>()) {
        history(if random { "random" } else { "drf" }, if slice { "slice" } else { "whole" }, steps)?;
    }
}
