//! Invariants: what must hold in every run, whatever fails. One file each.
//!
//! A `Checker` stands outside of the world. After every step it is given the facts and the
//! messages of that step; it recounts them in a `Ledger` of its own, which never reads a core's
//! books, and asks each invariant. Those compare the recount with the cores' books and with the
//! truth. The work of a step is proportional to what the step did, never to the size of the
//! cluster. Adding one: a file here with its doc (the property, where upstream promises it, what
//! is verified and what is not), its tests, and a word in `invariants!` below.

pub mod ledger;
pub mod marathons;

use crate::base::id::{AgentId, Names, Symbol};
use crate::base::quantity::Quantities;
use crate::base::time::{Span, Time};
use crate::fact::{At, Fact, ProcessKind};
use crate::marathon::core::flags::Flags;
use crate::mesos::message::Msg;
use crate::world::{Lens, Seen, Watch, World};
use ledger::{Ledger, Noted};
use marathons::Marathons;
use std::sync::Arc;

/// What invariants may read of a world.
pub trait Watched {
    fn names(&self) -> &Names;
    /// All that a machine has.
    fn host_total(&self, host: Symbol) -> Option<Quantities>;
    /// What the allocator of the master in this slot believes to be free on an agent.
    fn free_on(&self, master: u32, agent: AgentId) -> Option<Quantities>;
    /// How many offers the book of the master in this slot has outstanding; `None`: none is there.
    fn outstanding(&self, master: u32) -> Option<u64>;
    /// The id of the master that lives in a slot.
    fn master_id(&self, slot: u32) -> Option<Symbol>;
    /// The value of an attribute of a host; `hostname` is one, too.
    fn attribute(&self, host: Symbol, field: Symbol) -> Option<Symbol>;
    /// The instant is over: books that are kept in several mailboxes must agree.
    fn is_quiet(&self) -> bool;
    /// The flags of the Marathon that lives in a slot.
    fn flags(&self, slot: u32) -> Option<&Flags>;
}

impl Watched for World {
    fn names(&self) -> &Names {
        self.names()
    }
    fn host_total(&self, host: Symbol) -> Option<Quantities> {
        self.host_total(host)
    }
    fn free_on(&self, master: u32, agent: AgentId) -> Option<Quantities> {
        self.master(master)?.1.free_quantities(agent)
    }
    fn outstanding(&self, master: u32) -> Option<u64> {
        self.master(master).map(|(master, _)| master.outstanding_offers().count() as u64)
    }
    fn master_id(&self, slot: u32) -> Option<Symbol> {
        self.master(slot).map(|(master, _)| master.id())
    }
    fn attribute(&self, host: Symbol, field: Symbol) -> Option<Symbol> {
        self.attribute(host, field)
    }
    fn is_quiet(&self) -> bool {
        self.is_quiet()
    }
    fn flags(&self, slot: u32) -> Option<&Flags> {
        self.marathon_flags(slot)
    }
}

/// Time passes for the invariants in steps of this at least.
const TICK: Span = Span::from_secs(10);

/// What an invariant sees: the world, and the books with everything so far booked in them.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub world: &'a dyn Watched,
    pub ledger: &'a Ledger,
    pub marathons: &'a Marathons,
}

impl View<'_> {
    fn agent(&self, id: AgentId) -> String {
        self.world.names().agent(id)
    }
}

/// What an invariant looks at, each with the methods that it is asked with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hears {
    /// `message`, with those of `messages` that its `lens` lets through.
    Messages,
    /// `fact` or `said`, with those of `facts`.
    Facts,
    /// `step`, after each step in which it heard a message or a fact.
    Steps,
    /// `step`, after each step in which something was booked on an agent.
    Bookings,
    /// `quiet`.
    Instants,
    /// `overdue`, as soon as something happens after the time that it waits for.
    Deadlines,
    /// `passed`, every few seconds.
    Time,
}

/// A property of every run. Each method says what is wrong if it finds the property broken.
#[expect(unused_variables, reason = "most invariants look at few kinds of things")]
pub trait Invariant: dyn_clone::DynClone + Send {
    /// What it is asked about; `noted` and `end` are rare, everybody is asked.
    fn hears(&self) -> &'static [Hears];
    /// The labels of the messages that it looks at; all if there is none.
    fn messages(&self) -> &'static [&'static str] {
        &[]
    }
    /// The names of the facts that it looks at; all if there is none.
    fn facts(&self) -> &'static [&'static str] {
        &[]
    }
    /// Which of those messages it looks at: by the kind of the sender, the message, and whether it is
    /// being sent or being given to a core. No other message is shown to it.
    #[must_use]
    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool
    where
        Self: Sized,
    {
        false
    }
    /// A message was sent, or given to a core.
    ///
    /// # Errors
    /// What is wrong.
    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        Ok(())
    }
    /// # Errors
    /// What is wrong.
    fn fact(&mut self, view: View, fact: &Fact) -> Result<(), String> {
        Ok(())
    }
    /// The same with who says it, and when.
    ///
    /// # Errors
    /// What is wrong.
    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        self.fact(view, &fact.what)
    }
    /// Some seconds have passed since it was last asked; the present instant is not booked yet.
    ///
    /// # Errors
    /// What is wrong.
    fn passed(&mut self, view: View, now: Time) -> Result<(), String> {
        Ok(())
    }
    /// The ledger could not book something.
    ///
    /// # Errors
    /// What is wrong.
    fn noted(&mut self, view: View, noted: &Noted) -> Result<(), String> {
        Ok(())
    }
    /// All messages and facts of one step have been shown (see `Hears`).
    ///
    /// # Errors
    /// What is wrong.
    fn step(&mut self, view: View) -> Result<(), String> {
        Ok(())
    }
    /// An instant at which something was booked is over.
    ///
    /// # Errors
    /// What is wrong.
    fn quiet(&mut self, view: View) -> Result<(), String> {
        Ok(())
    }
    /// Until when it waits for something, if it does.
    fn due(&self) -> Option<Time> {
        None
    }
    /// That time has passed.
    ///
    /// # Errors
    /// What is wrong.
    fn overdue(&mut self, view: View) -> Result<(), String> {
        Ok(())
    }
    /// The run is over.
    ///
    /// # Errors
    /// What is wrong.
    fn end(&mut self, view: View) -> Result<(), String> {
        Ok(())
    }
}

dyn_clone::clone_trait_object!(Invariant);

macro_rules! invariants {
    ($($name:ident $text:literal $type:ident),+) => {
        $(pub mod $name;)+
        /// Names in scenarios and summaries, in the order of the list.
        pub const INVARIANTS: &[(&str, &str)] = &[$(($text, $name::SUMMARY)),+];

        fn by_name(name: &str) -> Option<Rule> {
            fn rule<I: Invariant + Default + 'static>(name: &'static str) -> Rule {
                let invariant = Box::<I>::default();
                let hears = |what| invariant.hears().contains(&what);
                let wants = Wants { steps: hears(Hears::Steps), bookings: hears(Hears::Bookings) };
                Rule { name, lens: I::lens, invariant, wants, heard: false, fired: false }
            }
            match name {
                $($text => Some(rule::<$name::$type>($text)),)+
                _ => None,
            }
        }
    };
}
invariants!(
    no_overcommit "no-overcommit" NoOvercommit,
    conservation "conservation" Conservation,
    offer_once "offer-once" OfferOnce,
    terminal_stays "terminal-stays" TerminalStays,
    updates_in_order "updates-in-order" UpdatesInOrder,
    one_registry_writer "one-registry-writer" OneRegistryWriter,
    dead_offers "dead-offers" DeadOffers,
    placement "placement" Placement,
    marathon_leader "marathon-leader" MarathonLeader,
    restart_harmless "restart-harmless" RestartHarmless,
    apps_converge "apps-converge" AppsConverge,
    intent_first "intent-first" IntentFirst,
    framework_id_stays "framework-id-stays" FrameworkIdStays,
    one_deployment "one-deployment" OneDeployment,
    no_surplus "no-surplus" NoSurplus,
    minimum_health "minimum-health" MinimumHealth,
    exit_on_defeat "exit-on-defeat" ExitOnDefeat,
    no_strays "no-strays" NoStrays,
    deployments_kept "deployments-kept" DeploymentsKept,
    deployments_apart "deployments-apart" DeploymentsApart,
    upgrades_complete "upgrades-complete" UpgradesComplete,
    dependencies_first "dependencies-first" DependenciesFirst,
    patience "patience" Patience,
    volumes_stay "volumes-stay" VolumesStay,
    reservations_returned "reservations-returned" ReservationsReturned,
    offers_wanted "offers-wanted" OffersWanted,
    health_kills "health-kills" HealthKills,
    launch_backoff "launch-backoff" LaunchBackoff,
    kills_repeated "kills-repeated" KillsRepeated,
    no_lost_update "no-lost-update" NoLostUpdate,
    reads_first "reads-first" ReadsFirst,
    versions_grow "versions-grow" VersionsGrow,
    events_complete "events-complete" EventsComplete
);

/// An invariant that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    pub invariant: &'static str,
    pub at: Time,
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.at, self.invariant, self.what)
    }
}

/// After which steps it is asked.
#[derive(Clone, Copy)]
struct Wants {
    steps: bool,
    bookings: bool,
}

#[derive(Clone)]
struct Rule {
    name: &'static str,
    lens: Lens,
    invariant: Box<dyn Invariant>,
    wants: Wants,
    /// It was shown something in this step.
    heard: bool,
    /// An invariant that has fired is not asked again: what follows from a violation says little.
    fired: bool,
}

/// Which rules hear of what, in the order of the rules.
#[derive(Clone, Default)]
struct Hearers {
    /// By kind of message, and of fact.
    messages: Vec<Vec<usize>>,
    facts: Vec<Vec<usize>>,
    /// Those that want each step in which they heard something, or that booked something.
    steps: Vec<usize>,
    instants: Vec<usize>,
    deadlines: Vec<usize>,
    time: Vec<usize>,
    everybody: Vec<usize>,
}

impl Hearers {
    fn of(rules: &[Rule]) -> Self {
        let mut all = Self { everybody: (0..rules.len()).collect(), ..Self::default() };
        all.messages.resize(Msg::LABELS.len(), Vec::new());
        all.facts.resize(Fact::KINDS.len(), Vec::new());
        for (i, rule) in rules.iter().enumerate() {
            let enroll = |lists: &mut [Vec<usize>], known: &[&str], wanted: &[&str]| {
                wanted.iter().for_each(|name| assert!(known.contains(name), "{}: there is no {name}", rule.name));
                let kinds = lists.iter_mut().zip(known).filter(|(_, name)| wanted.is_empty() || wanted.contains(name));
                kinds.for_each(|(list, _)| list.push(i));
            };
            for what in rule.invariant.hears() {
                match what {
                    Hears::Messages => enroll(&mut all.messages, Msg::LABELS, rule.invariant.messages()),
                    Hears::Facts => enroll(&mut all.facts, Fact::KINDS, rule.invariant.facts()),
                    Hears::Steps | Hears::Bookings if all.steps.last() == Some(&i) => {}
                    Hears::Steps | Hears::Bookings => all.steps.push(i),
                    Hears::Instants => all.instants.push(i),
                    Hears::Deadlines => all.deadlines.push(i),
                    Hears::Time => all.time.push(i),
                }
            }
        }
        all
    }
}

/// Checks one run.
#[derive(Clone)]
pub struct Checker {
    ledger: Ledger,
    marathons: Marathons,
    rules: Vec<Rule>,
    watch: Arc<Watch>,
    hearers: Hearers,
    /// The first instant that an invariant waits for.
    due: Time,
    /// When those who hear of time are asked next.
    next_tick: Time,
    violations: Vec<Violation>,
}

/// Asks some rules, in order; one that answers with something wrong has fired.
macro_rules! ask {
    ($checker:expr, $world:expr, $at:expr, $hearers:expr, |$rule:ident, $view:ident| $question:expr) => {
        for &i in &$hearers {
            let $rule = &mut $checker.rules[i];
            if $rule.fired {
                continue;
            }
            let $view = View { world: $world, ledger: &$checker.ledger, marathons: &$checker.marathons };
            if let Err(what) = $question {
                $rule.fired = true;
                $checker.violations.push(Violation { invariant: $rule.name, at: $at, what });
            }
        }
    };
}

impl Checker {
    /// A checker of some of `INVARIANTS`, by their names.
    ///
    /// # Panics
    /// If a name is not in that list.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        let rules: Vec<Rule> = names.iter().map(|name| by_name(name).expect("a listed invariant")).collect();
        let mut watch = Watch::default();
        watch.add(Ledger::MESSAGES, |_, msg, sent| Ledger::lens(msg, sent));
        watch.add(Marathons::MESSAGES, Marathons::lens);
        for rule in rules.iter().filter(|rule| rule.invariant.hears().contains(&Hears::Messages)) {
            watch.add(rule.invariant.messages(), rule.lens);
        }
        let hearers = Hearers::of(&rules);
        let (ledger, marathons, next_tick, violations) = Default::default();
        Self { ledger, marathons, rules, watch: Arc::new(watch), hearers, due: Time::MAX, next_tick, violations }
    }

    /// The messages that it is to be shown.
    #[must_use]
    pub fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }

    /// Nothing is booked that has not been compared: a step without facts and messages needs no look.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.rules.is_empty() || self.ledger.touched().len() == 0
    }

    /// Looks at the facts and messages of one `World::step`; the first thing wrong, if any.
    pub fn after_step(&mut self, world: &World, facts: &[At<Fact>], seen: &[Seen]) -> Option<Violation> {
        let before = self.violations.len();
        self.look(world, world.now(), facts, seen);
        self.violations.get(before).cloned()
    }

    /// Looks once more when the run is over.
    pub fn finish(&mut self, world: &World) -> Option<Violation> {
        let before = self.violations.len();
        self.finish_at(world, world.now());
        self.violations.get(before).cloned()
    }

    /// Everything found wrong so far, the first of each invariant, in order.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    fn look(&mut self, world: &dyn Watched, now: Time, facts: &[At<Fact>], seen: &[Seen]) {
        if self.rules.is_empty() {
            return;
        }
        if now > self.due {
            self.judge_overdue(world, now);
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            ask!(self, world, now, self.hearers.time, |rule, view| rule.invariant.passed(view, now));
        }
        // Messages first: an offer is booked from the message that carries it.
        for seen in seen {
            self.ledger.message(seen);
            self.marathons.message(world, seen);
            ask!(self, world, seen.at, self.hearers.messages[seen.msg.kind()], |rule, view| {
                if !(rule.lens)(seen.sender, &seen.msg, seen.sent) {
                    continue;
                }
                rule.heard = true;
                rule.invariant.message(view, seen)
            });
        }
        for fact in facts {
            self.ledger.fact(fact.by, &fact.what);
            if marathons::is_of_services(&fact.what) {
                self.marathons.fact(fact);
            }
            ask!(self, world, fact.at, self.hearers.facts[fact.what.kind()], |rule, view| {
                rule.heard = true;
                rule.invariant.said(view, fact)
            });
        }
        if !self.ledger.noted().is_empty() {
            for noted in self.ledger.noted().to_vec() {
                ask!(self, world, now, self.hearers.everybody, |rule, view| rule.invariant.noted(view, &noted));
            }
        }
        if !facts.is_empty() || !seen.is_empty() {
            let booked = self.ledger.raised().len() > 0;
            ask!(self, world, now, self.hearers.steps, |rule, view| {
                let heard = std::mem::take(&mut rule.heard) && rule.wants.steps;
                let wanted = heard || booked && rule.wants.bookings;
                if !wanted {
                    continue;
                }
                rule.invariant.step(view)
            });
            self.ledger.end_step();
            self.find_due();
        }
        if self.ledger.touched().len() > 0 && world.is_quiet() {
            ask!(self, world, now, self.hearers.instants, |rule, view| rule.invariant.quiet(view));
            self.ledger.end_instant();
        }
    }

    /// Asks those that have waited in vain.
    #[cold]
    fn judge_overdue(&mut self, world: &dyn Watched, now: Time) {
        ask!(self, world, now, self.hearers.deadlines, |rule, view| {
            if rule.invariant.due().is_none_or(|due| now <= due) {
                continue;
            }
            rule.invariant.overdue(view)
        });
        self.find_due();
    }

    fn find_due(&mut self) {
        let waiting = self.hearers.deadlines.iter().map(|&i| &self.rules[i]).filter(|rule| !rule.fired);
        self.due = waiting.filter_map(|rule| rule.invariant.due()).min().unwrap_or(Time::MAX);
    }

    fn finish_at(&mut self, world: &dyn Watched, now: Time) {
        if now > self.due {
            self.judge_overdue(world, now);
        }
        if world.is_quiet() {
            ask!(self, world, now, self.hearers.instants, |rule, view| rule.invariant.quiet(view));
            ask!(self, world, now, self.hearers.time, |rule, view| rule.invariant.passed(view, now));
            ask!(self, world, now, self.hearers.everybody, |rule, view| rule.invariant.end(view));
        }
    }
}

/// A world made of numbers, and words for what happens in it, for the tests of invariants.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::actor::{Mailbox, ProcessId};
    use crate::base::id::{FrameworkId, JobId, OfferId, TaskId};
    use crate::base::map::Map;
    use crate::fact::{Condition, End, Goal, OfferEnd, ProcessKind};
    use crate::mesos::message::{AgentInfo, Allocation, Msg, OfferBatch, OfferEntry, Reregistration, StatusUpdate};
    use crate::mesos::resource::Resources;
    use crate::mesos::task_state::{Reason, Source, TaskState};
    use crate::zk::wire::{Data, Opaque, Request};
    use std::sync::Arc;

    pub(crate) const MASTER: Symbol = Symbol(0);
    pub(crate) const HOST: Symbol = Symbol(1);
    pub(crate) const FRAMEWORK: FrameworkId = FrameworkId(Symbol(2));
    pub(crate) const APP: Symbol = Symbol(3);
    pub(crate) const AGENT: AgentId = AgentId { master: MASTER, n: 0 };
    pub(crate) const TASK: TaskId = TaskId { template: JobId(0), n: 0 };

    pub(crate) fn cpus(n: i64) -> Quantities {
        Quantities([n * 1000, 0, 0, 0])
    }

    /// One agent with 4 cpus, jobs of 3 cpus a task; the books say what they are told to.
    #[derive(Clone)]
    pub(crate) struct Stage {
        names: Names,
        pub(crate) free: Map<AgentId, Quantities>,
        pub(crate) outstanding: u64,
        checker: Checker,
    }

    impl Watched for (&Names, &Map<AgentId, Quantities>, u64) {
        fn names(&self) -> &Names {
            self.0
        }
        fn host_total(&self, host: Symbol) -> Option<Quantities> {
            (host == HOST).then(|| cpus(4))
        }
        fn free_on(&self, _: u32, agent: AgentId) -> Option<Quantities> {
            self.1.get(&agent).copied()
        }
        fn outstanding(&self, _: u32) -> Option<u64> {
            Some(self.2)
        }
        fn master_id(&self, _: u32) -> Option<Symbol> {
            Some(MASTER)
        }
        fn attribute(&self, _: Symbol, _: Symbol) -> Option<Symbol> {
            None
        }
        fn is_quiet(&self) -> bool {
            true
        }
        fn flags(&self, _: u32) -> Option<&Flags> {
            None
        }
    }

    impl Stage {
        /// The invariant alone, with the agent registered and free, and a job submitted.
        pub(crate) fn new(invariant: &str) -> Self {
            let mut names = Names::default();
            for name in ["m", "host", "f", "/app"] {
                names.intern(name);
            }
            let checker = Checker::new(&[invariant]);
            let mut stage = Self { names, free: Map::default(), outstanding: 0, checker };
            stage.free.insert(AGENT, cpus(4));
            let submitted = Fact::JobSubmitted { job: TASK.template, owner: Symbol(2), tasks: 9, each: cpus(3) };
            let master = Fact::ProcessStarted { slot: 0, incarnation: 0, kind: ProcessKind::Master, name: Symbol(0) };
            assert!(stage.facts(&[master, submitted, registered()]).is_empty());
            stage
        }
        /// One step of the process in a slot at an instant; gives back what was found in it.
        pub(crate) fn moment(&mut self, at: Time, slot: u32, messages: &[(bool, Msg)], facts: &[Fact]) -> Vec<String> {
            let me = ProcessId { slot, incarnation: 0 };
            let seen = |(sent, msg): &(bool, Msg)| Seen {
                at,
                from: me,
                sender: ProcessKind::Marathon,
                to: me,
                mailbox: Mailbox::MAIN,
                sent: *sent,
                msg: msg.clone(),
            };
            let facts: Vec<At<Fact>> = facts.iter().map(|&what| At { at, by: slot, what }).collect();
            let seen: Vec<Seen> = messages.iter().map(seen).collect();
            let before = self.checker.violations.len();
            let world = (&self.names, &self.free, self.outstanding);
            self.checker.look(&world, at, &facts, &seen);
            self.checker.violations[before..].iter().map(|v| v.what.clone()).collect()
        }
        /// One step; gives back what was found in it.
        pub(crate) fn step(&mut self, messages: &[(bool, Msg)], facts: &[Fact]) -> Vec<String> {
            self.moment(Time::ZERO, 0, messages, facts)
        }
        /// One fact that the process in a slot says.
        pub(crate) fn said(&mut self, by: u32, what: Fact) -> Vec<String> {
            self.moment(Time::ZERO, by, &[], &[what])
        }
        /// Facts of an instant.
        pub(crate) fn at(&mut self, at: Time, facts: &[Fact]) -> Vec<String> {
            self.moment(at, 0, &[], facts)
        }
        /// The number of a text.
        pub(crate) fn name(&mut self, text: &str) -> Symbol {
            self.names.intern(text)
        }
        pub(crate) fn facts(&mut self, facts: &[Fact]) -> Vec<String> {
            self.step(&[], facts)
        }
        pub(crate) fn send(&mut self, msg: Msg) -> Vec<String> {
            self.step(&[(true, msg)], &[])
        }
        pub(crate) fn finish(&mut self) -> Vec<String> {
            let before = self.checker.violations.len();
            self.checker.finish_at(&(&self.names, &self.free, self.outstanding), Time::ZERO);
            self.checker.violations[before..].iter().map(|v| v.what.clone()).collect()
        }
    }

    pub(crate) fn registered() -> Fact {
        Fact::AgentRegistered { agent: AGENT, host: HOST, total: cpus(4) }
    }
    pub(crate) fn offers(first: u64, each: &[Quantities]) -> Msg {
        let entry = |q: &Quantities| OfferEntry { agent: AGENT, resources: Resources::from_scalars(*q) };
        let allocation = Allocation::new(FRAMEWORK, Symbol(2), each.iter().map(entry).collect());
        let first = OfferId::new(MASTER, first);
        Msg::Offers(Arc::new(OfferBatch { first, allocation: Arc::new(allocation), described: Vec::new() }))
    }
    pub(crate) fn ended(first: u64, count: u32, how: OfferEnd, total: Quantities) -> Fact {
        Fact::OffersEnded { framework: FRAMEWORK, first: OfferId::new(MASTER, first), count, how, total }
    }
    pub(crate) fn launched(task: TaskId) -> Fact {
        Fact::TaskLaunched { framework: FRAMEWORK, task, agent: AGENT }
    }
    pub(crate) fn reported(task: TaskId) -> Fact {
        Fact::TaskReported { framework: FRAMEWORK, task, agent: AGENT, state: TaskState::Running }
    }
    pub(crate) fn terminal(task: TaskId) -> Fact {
        let (state, reason) = (TaskState::Finished, Reason::None);
        Fact::TaskTerminal { framework: FRAMEWORK, task, agent: AGENT, state, reason }
    }
    pub(crate) fn started(task: TaskId) -> Fact {
        Fact::TaskStarted { task, owner: Symbol(2), host: HOST }
    }
    pub(crate) fn stopped(task: TaskId) -> Fact {
        Fact::TaskEnded { task, owner: Symbol(2), host: HOST, how: End::Finished }
    }
    pub(crate) fn report() -> Msg {
        let info =
            AgentInfo { hostname: HOST, total: Resources::default(), attributes: vec![], devices: 0, address: 0 };
        let info = Arc::new(info);
        Msg::ReregisterAgent(Arc::new(Reregistration {
            id: AGENT,
            info,
            checkpointed: Resources::default(),
            tasks: vec![],
            executors: vec![],
            frameworks: vec![],
        }))
    }
    /// An instance with the number of a symbol is, or is not, wanted in a condition.
    pub(crate) fn instance(n: u32, condition: Condition, goal: Goal) -> Fact {
        let config = JobId::service(Symbol(9));
        Fact::InstanceChanged { app: APP, instance: Symbol(n), config, condition, goal, host: HOST }
    }
    /// A record goes to the store, below `/marathon/state`.
    pub(crate) fn store<T: std::any::Any + Send + Sync>(token: u64, path: &str, value: T) -> Msg {
        let (path, data) = (format!("/marathon/state/{path}").into(), Data::Record(Opaque(Arc::new(value))));
        Msg::Store { token, request: Arc::new(Request::Create { path, data, ephemeral: false, sequential: false }) }
    }
    /// A leader begins to read its store.
    pub(crate) fn opens_store() -> Msg {
        let (path, data) = ("/marathon/state/root".into(), Data::Empty);
        Msg::Store { token: 0, request: Arc::new(Request::Create { path, data, ephemeral: false, sequential: false }) }
    }
    pub(crate) fn elected(slot: u32) -> Fact {
        Fact::LeaderElected { kind: ProcessKind::Marathon, slot, incarnation: 0 }
    }
    pub(crate) fn serves(slot: u32) -> Fact {
        Fact::LeaderReady { kind: ProcessKind::Marathon, slot, incarnation: 0 }
    }
    pub(crate) fn process_stopped(kind: ProcessKind, name: Symbol) -> Fact {
        Fact::ProcessStopped { slot: 0, incarnation: 0, kind, name }
    }
    pub(crate) fn update(uuid: u64, state: TaskState) -> StatusUpdate {
        StatusUpdate {
            framework: FRAMEWORK,
            agent: AGENT,
            task: TASK,
            uuid,
            state,
            latest: state,
            reason: Reason::None,
            source: Source::Executor,
            retry: false,
            healthy: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_makes_its_invariant() {
        let all: Vec<&str> = INVARIANTS.iter().map(|row| row.0).collect();
        assert_eq!(Checker::new(&all).rules.iter().map(|r| r.name).collect::<Vec<_>>(), all);
        assert!(by_name("offers").is_none());
    }

    /// The names after `what` in a text, in order and once.
    fn named(text: &str, what: &str) -> Vec<String> {
        let word = |rest: &str| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        let mut all: Vec<String> = text.split(what).skip(1).map(word).collect();
        all.sort();
        all.dedup();
        all
    }

    /// An invariant that left out a fact or a message that it looks at would never be shown it.
    #[test]
    fn what_they_look_at_is_what_they_list() {
        let wire = include_str!("../mesos/message.rs");
        let rows = wire.split("fn kind(&self)").nth(1).and_then(|rest| rest.split("fn label").next()).expect("a table");
        let label = |message: &str| {
            let row = rows.lines().find(|row| named(row, "Self::").iter().any(|name| name == message));
            let number = row.and_then(|row| row.rsplit("=> ").next()?.trim_end_matches(',').parse::<usize>().ok());
            Msg::LABELS[number.unwrap_or_else(|| panic!("no row of {message}"))].to_owned()
        };
        let listed = |names: &[&str]| {
            let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            names.sort();
            names
        };
        for rule in Checker::new(&INVARIANTS.iter().map(|row| row.0).collect::<Vec<_>>()).rules {
            let path = format!("{}/src/check/{}.rs", env!("CARGO_MANIFEST_DIR"), rule.name.replace('-', "_"));
            let text = std::fs::read_to_string(path).expect("a file");
            let code = text.split("#[cfg(test)]").next().expect("code");
            let facts = rule.invariant.facts();
            assert!(facts.is_empty() || listed(facts) == named(code, "Fact::"), "{}", rule.name);
            let mut messages: Vec<String> = named(code, "Msg::").iter().map(|message| label(message)).collect();
            messages.sort();
            messages.dedup();
            let labels = rule.invariant.messages();
            assert!(labels.is_empty() || listed(labels) == messages, "{}: {messages:?}", rule.name);
        }
    }
}
