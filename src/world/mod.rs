//! The world: seats the cores on the engine and gives them a network, disks, containers, faults.
//!
//! One run is one thread. The world is `Clone + Send`: a clone goes on exactly as the original.
//! What happens comes out as facts (digested here), and on demand as details and messages; the
//! world never looks at who reads them.

mod beats;
pub mod bench;
pub mod build;
mod effects;
mod endpoints;
pub mod fault;
mod lifecycle;
mod link;
mod marathon;
mod programs;
pub mod sabotage;
mod schedulers;
mod script;
pub mod seats;
pub mod view;

use crate::actor::{Behaviour, Cx, DiskOp, Effect, Input, Mailbox, ProcessId, TimerKey};
use crate::base::dice::{Dice, Site};
use crate::base::digest::Digest;
use crate::base::id::{JobId, Names, Symbol, TaskId};
use crate::base::map::Lookup;
use crate::base::quantity::Quantities;
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use crate::engine::queue::Queue;
use crate::fact::{At, Detail, End, Fact, ProcessKind, WORLD};
use crate::frameworks::batch::Batch;
use crate::frameworks::endpoint::Endpoint;
use crate::frameworks::execute::Execute;
use crate::frameworks::operator::{Operator, Outcome as Answer};
use crate::http;
use crate::job::{Job, ServiceClock, TaskSpec};
use crate::marathon::core::Marathon;
use crate::mesos::agent::Agent;
use crate::mesos::allocator::Allocate;
use crate::mesos::master::Master;
use crate::mesos::message::Msg;
use crate::mesos::registrar::Registrar;
use crate::workload::{Arrival, Source};
use crate::zk::client::Client;
use crate::zk::server::Server;
use beats::{Beats, Outcome, Surroundings};
use fault::Fault;
use link::{Network, process};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

const DISK: Site = Site::new("disk-latency");
const DURATION: Site = Site::new("task-duration");
const EXIT: Site = Site::new("task-exit");

/// Timers of a process that are searched one by one.
const INLINE_TIMERS: usize = 8;

/// After the last job has ended the run goes on for this long, so that acknowledgements arrive.
const SETTLE: Span = Span::from_secs(1);

/// A write that a stalled disk has not taken yet.
#[derive(Clone, Debug)]
struct HeldWrite {
    fault: u32,
    to: ProcessId,
    mailbox: Mailbox,
    token: u64,
    op: DiskOp,
}

/// What waits in the queue.
#[derive(Clone, Debug, Default)]
enum Event {
    /// A free slot of the queue. (With a default, events move as whole words.)
    #[default]
    Nothing,
    Deliver {
        link: u32,
        direction: u8,
        epoch: u32,
        msg: Msg,
    },
    Dispatch {
        to: ProcessId,
        mailbox: Mailbox,
        msg: Msg,
    },
    Timer {
        to: ProcessId,
        mailbox: Mailbox,
        key: TimerKey,
        serial: u64,
    },
    Persisted {
        to: ProcessId,
        mailbox: Mailbox,
        token: u64,
        op: DiskOp,
    },
    /// The connection with `peer` was found broken.
    Exited {
        to: ProcessId,
        peer: ProcessId,
    },
    /// The kernel gives up a connection over which something was sent that nobody acknowledged.
    GivenUp {
        link: u32,
        epoch: u32,
        to: ProcessId,
        peer: ProcessId,
    },
    ContainerEnds {
        of: ProcessId,
        key: u64,
        how: End,
    },
    /// A busy mailbox has served its first input.
    Served {
        to: ProcessId,
        mailbox: Mailbox,
    },
    Start {
        slot: u32,
    },
    /// The supervisor starts the next life of a process.
    Restart {
        slot: u32,
        incarnation: u32,
    },
    Arrival {
        source: u32,
    },
    Request {
        number: u32,
    },
    FaultBegins {
        fault: u32,
    },
    FaultEnds {
        fault: u32,
    },
}

/// The cores of one process.
#[derive(Clone, Debug)]
enum Core {
    Master { master: Box<Master>, allocator: Box<dyn Allocate>, registrar: Box<Registrar> },
    Agent(Box<Agent>),
    Framework(Box<Batch>),
    Operator(Box<Operator>),
    Endpoint(Box<Endpoint>),
    Execute(Box<Execute>),
    Marathon(Box<Marathon>),
    Zookeeper(Box<Server>),
    Bench(Box<bench::Actor>),
}

#[derive(Clone, Debug)]
struct Container {
    key: u64,
    task: TaskId,
    spec: Arc<TaskSpec>,
    /// How its service does, if it has one.
    service: Option<Box<ServiceClock>>,
}

/// A mailbox with a service time: an input is handled when it has been served.
#[derive(Clone, Debug, Default)]
struct Desk {
    service: Span,
    waiting: VecDeque<Input>,
}

#[derive(Clone, Debug)]
struct Process {
    kind: ProcessKind,
    name: Symbol,
    incarnation: u32,
    core: Option<Core>,
    /// Its ZooKeeper client, if it uses ZooKeeper.
    zk: Option<Box<Client>>,
    /// A supervisor starts it again this long after it ended.
    restart: Option<Span>,
    /// It went with its machine: nobody answers at its address, not even with a refusal.
    vanished: bool,
    disk: Vec<DiskOp>,
    /// Only if some mailbox has a service time.
    desks: Option<Box<[Desk; Mailbox::COUNT]>>,
    /// Timers armed; beyond a few they are in the world's map.
    timers: SmallVec<[(Mailbox, TimerKey, u64); 2]>,
    containers: Vec<Container>,
    /// The container that it lives in, if it is a task.
    guest: Option<programs::Guest>,
    /// Difference of its wall clock from the true time.
    skew: Span,
    /// Writes asked for in this life.
    persists: u64,
    /// It is to be stopped after this many more effects.
    stop_after: Option<u64>,
    sabotage: Option<Sabotage>,
}

impl Process {
    fn is_alive(&self) -> bool {
        self.core.is_some()
    }
}

#[derive(Clone)]
struct Feed {
    source: Box<dyn Source>,
    next: Option<Arrival>,
}

/// Outside input, numbered and kept: what a scenario's `[[request]]` or a live client asks.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    Submit(Arrival),
    /// A request to a Marathon process (the how-manieth), as if from its own machine.
    Http {
        marathon: u32,
        request: Arc<http::Request>,
    },
}

/// A message seen on its way, for checks and traces: once when a core sends it and, if it arrives,
/// once when a core is given it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Time,
    pub from: ProcessId,
    pub sender: ProcessKind,
    pub to: ProcessId,
    /// Mailbox that it is meant for.
    pub mailbox: Mailbox,
    pub sent: bool,
    pub msg: Msg,
}

/// Which messages are shown: by the kind of the sender, the message, and whether it is being sent or
/// being handled.
pub type Lens = fn(ProcessKind, &Msg, bool) -> bool;

/// What of the messages is shown: those that any lens of their kind picks out.
#[derive(Clone, Default)]
pub struct Watch(Vec<SmallVec<[Lens; 2]>>);

impl Watch {
    /// Looks through a lens at messages of some kinds (of all, if none is named).
    ///
    /// # Panics
    /// If there is no message of such a label.
    pub fn add(&mut self, labels: &[&str], lens: Lens) {
        self.0.resize(Msg::LABELS.len(), SmallVec::new());
        labels.iter().for_each(|label| assert!(Msg::LABELS.contains(label), "there is no message {label}"));
        for (kind, label) in self.0.iter_mut().zip(Msg::LABELS) {
            if labels.is_empty() || labels.contains(label) {
                kind.push(lens);
            }
        }
    }
    #[inline]
    fn sees(&self, from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        self.0[msg.kind()].iter().any(|lens| lens(from, msg, sent))
    }
}

/// Changes what a core wants done before it is: a sabotaged core, for tests of the checks.
pub type Sabotage = fn(Mailbox, &mut Vec<Effect>);

/// A scheduled fault.
#[derive(Clone)]
struct Planned {
    fault: Box<dyn Fault>,
    bit: bool,
    /// Slots that it struck, in order; known only then.
    struck: Vec<u32>,
}

#[derive(Clone)]
pub struct World {
    queue: Queue<Event>,
    beats: Beats,
    network: Network,
    disk_latency: Distribution,
    held_writes: Vec<HeldWrite>,
    processes: Vec<Process>,
    more_timers: Lookup<(u32, Mailbox, TimerKey), u64>,
    serial: u64,
    dice: Dice,
    names: Names,
    behaviour: Arc<Behaviour>,
    blueprint: Arc<build::Blueprint>,
    programs: programs::Programs,
    feeds: Vec<Feed>,
    requests: Vec<(Time, Request)>,
    next_job: u32,
    faults: Vec<Planned>,
    /// Numbers of those that have begun and not ended, in order.
    active_faults: Vec<u32>,
    outbox: Vec<Effect>,
    /// Jobs submitted and not yet over, arrivals still to come, and when the last job ended.
    open_jobs: u64,
    done_at: Option<Time>,
    /// First thing that went wrong with the input of the run.
    failure: Option<String>,

    digest: Digest,
    facts: Vec<At<Fact>>,
    details: Option<Vec<At<Detail>>>,
    seen: Option<(Arc<Watch>, Vec<Seen>)>,
    events: u64,
    sent: Vec<u64>,
    dropped: u64,
}

impl World {
    // ---- driving ----

    #[must_use]
    pub fn now(&self) -> Time {
        self.queue.now()
    }

    /// The instant of the next thing to happen.
    #[must_use]
    pub fn next_time(&self) -> Option<Time> {
        match (self.queue.next_time(), self.beats.next_time()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Lets the next thing happen; false if there is none.
    pub fn step(&mut self) -> bool {
        let (event, beat) = (self.queue.next_time(), self.beats.next_time());
        match (event, beat) {
            (None, None) => false,
            (Some(e), b) if b.is_none_or(|b| e <= b) => {
                let event = self.queue.pop();
                self.events += 1;
                self.happen(event);
                true
            }
            (_, Some(b)) => {
                self.queue.advance(b);
                self.beat();
                true
            }
            (Some(_), None) => unreachable!("the first arm takes it"),
        }
    }

    /// Runs until the instant has passed or nothing is left; the clock then stands there.
    pub fn run_until(&mut self, end: Time) {
        while self.next_time().is_some_and(|t| t <= end) && self.failure.is_none() {
            self.step();
        }
        self.queue.advance(end);
    }

    /// Outside input now. It is numbered, kept, and takes the same path as a scenario's.
    pub fn inject(&mut self, request: Request) -> u32 {
        let number = self.requests.len() as u32;
        self.requests.push((self.now(), request));
        self.queue.push(self.now(), Event::Request { number });
        number
    }

    /// All jobs of all workloads are over and the dust has settled.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done_at.is_some_and(|t| self.now() >= t + SETTLE)
    }

    /// Nothing more happens at this instant and no mailbox of a master has a backlog: books that
    /// are kept in several mailboxes must agree.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let idle = |p: &Process| {
            p.kind != ProcessKind::Master || p.desks.iter().flat_map(|d| d.iter()).all(|d| d.waiting.is_empty())
        };
        self.next_time().is_none_or(|t| t > self.now()) && self.processes.iter().take(16).all(idle)
    }

    /// What was wrong with the input of the run, if anything.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    // ---- what came out ----

    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }
    #[must_use]
    pub fn dice(&self) -> &Dice {
        &self.dice
    }
    /// Facts since the last call, in order.
    pub fn take_facts(&mut self, into: &mut Vec<At<Fact>>) {
        into.append(&mut self.facts);
    }
    /// From now on details are made.
    pub fn watch_details(&mut self) {
        self.details.get_or_insert_default();
    }
    pub fn take_details(&mut self, into: &mut Vec<At<Detail>>) {
        if let Some(details) = &mut self.details {
            into.append(details);
        }
    }
    /// From now on the messages that the lens picks out are shown.
    pub fn watch_messages(&mut self, lens: Lens) {
        let mut watch = Watch::default();
        watch.add(&[], lens);
        self.watch(&Arc::new(watch));
    }
    /// From now on these messages are shown.
    pub fn watch(&mut self, watch: &Arc<Watch>) {
        self.seen.get_or_insert_with(|| (watch.clone(), Vec::new()));
    }
    /// Whether there are facts or messages to be taken.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.facts.is_empty() || self.seen.as_ref().is_some_and(|(_, seen)| !seen.is_empty())
    }
    pub fn take_messages(&mut self, into: &mut Vec<Seen>) {
        if let Some((_, seen)) = &mut self.seen {
            into.append(seen);
        }
    }
    /// Every beat is made, idle or not.
    pub fn make_all_beats(&mut self) {
        self.beats.eager = true;
    }
    /// Events handled, beats made, messages lost on the way.
    #[must_use]
    pub fn counts(&self) -> [u64; 3] {
        [self.events, self.beats.made, self.dropped]
    }
    /// Messages sent so far by kind, those within a process included.
    #[must_use]
    pub fn messages(&self) -> Vec<(&'static str, u64)> {
        Msg::LABELS.iter().copied().zip(self.sent.iter().copied()).filter(|(_, n)| *n > 0).collect()
    }

    fn emit(&mut self, fact: Fact) {
        self.emit_by(WORLD, fact);
    }

    fn emit_by(&mut self, by: u32, fact: Fact) {
        let at = self.now();
        fact.digest(at, &mut self.digest);
        match fact {
            Fact::JobSubmitted { .. } => self.open_jobs += 1,
            Fact::JobEnded { .. } | Fact::JobUnplaceable { .. } => {
                self.open_jobs -= 1;
                self.note_done();
            }
            _ => {}
        }
        self.facts.push(At { at, by, what: fact });
    }

    fn note_done(&mut self) {
        let waiting = self.open_jobs > 0 || self.programs.is_waited_for();
        let idle = !waiting && self.feeds.iter().all(|f| f.next.is_none());
        self.done_at = idle.then(|| self.now());
    }

    // ---- events ----

    fn is_current(&self, id: ProcessId) -> bool {
        self.processes.get(id.slot as usize).is_some_and(|p| p.is_alive() && p.incarnation == id.incarnation)
    }

    fn id_of(&self, slot: u32) -> ProcessId {
        process(slot, self.processes[slot as usize].incarnation)
    }

    #[inline]
    fn happen(&mut self, event: Event) {
        match event {
            Event::Nothing => {}
            Event::Deliver { link, direction, epoch, msg } => self.deliver(link, direction, epoch, msg),
            Event::Dispatch { to, mailbox, msg } => {
                if self.is_current(to) {
                    self.hand(to, mailbox, Input::Message { from: to, msg });
                }
            }
            Event::Timer { to, mailbox, key, serial } => {
                if self.disarm(to.slot, mailbox, key, Some(serial)) && self.is_current(to) {
                    self.hand(to, mailbox, Input::Timer { key });
                }
            }
            Event::Persisted { to, mailbox, token, op } => {
                if self.is_current(to) {
                    let Some(disk) = self.disk_of(to) else { return };
                    if op.replaces_any() {
                        disk.retain(|older| !op.replaces(older));
                    }
                    disk.push(op);
                    self.hand(to, mailbox, Input::Persisted { token });
                }
            }
            Event::Exited { to, peer } => {
                if self.is_current(to) {
                    let mailbox = self.mailbox_towards(to.slot, peer.slot);
                    self.hand(to, mailbox, Input::Exited { peer });
                }
            }
            Event::GivenUp { link, epoch, to, peer } => {
                if self.network.gives_up(link, epoch) && self.is_current(to) {
                    let mailbox = self.mailbox_towards(to.slot, peer.slot);
                    self.hand(to, mailbox, Input::Exited { peer });
                }
            }
            Event::ContainerEnds { of, key, how } => self.container_ends(of, key, how),
            Event::Served { to, mailbox } => self.served(to, mailbox),
            Event::Start { slot } => self.start(slot),
            Event::Restart { slot, incarnation } => {
                if self.processes[slot as usize].incarnation == incarnation && !self.is_held_down(slot) {
                    self.start(slot);
                }
            }
            Event::Arrival { source } => self.arrive(source),
            Event::Request { number } => match self.requests[number as usize].1.clone() {
                Request::Submit(arrival) => self.submit(arrival),
                Request::Http { marathon, request } => self.ask_marathon(marathon, number, request),
            },
            Event::FaultBegins { fault } => self.fault_begins(fault),
            Event::FaultEnds { fault } => self.fault_ends(fault),
        }
    }

    #[inline]
    fn deliver(&mut self, link: u32, direction: u8, epoch: u32, msg: Msg) {
        let connection = &mut self.network.links[link as usize];
        if connection.epoch != epoch {
            self.dropped += 1;
            return;
        }
        let (from, to) = connection.ends(direction as usize);
        let first = !std::mem::replace(&mut connection.linked[direction as usize], true);
        if let Some(cut) = self.network.cut_between(from, to) {
            return self.swallow(link, cut);
        }
        let connection = &self.network.links[link as usize];
        let (from, to) = connection.processes(direction as usize);
        if !self.is_current(to) {
            self.dropped += 1;
            return;
        }
        if let Msg::Probe { owner, task, token } = msg {
            return self.answer_probe(to, from, (owner, task), token);
        }
        let mailbox = match msg {
            Msg::Zk(_) => self.mailbox_towards(to.slot, from.slot),
            Msg::Log(_) => Mailbox::REGISTRAR,
            _ => Mailbox::MAIN,
        };
        if first {
            self.hand(to, mailbox, Input::Linked { peer: from });
            if !self.is_current(to) {
                return;
            }
        }
        self.hand(to, mailbox, Input::Message { from, msg });
    }

    /// The mailbox that has to do with a peer: a process's ZooKeeper client with the servers.
    fn mailbox_towards(&self, slot: u32, peer: u32) -> Mailbox {
        let is_server = |slot: u32| self.processes[slot as usize].kind == ProcessKind::Zookeeper;
        if is_server(peer) && !is_server(slot) { Mailbox::ZK } else { Mailbox::MAIN }
    }

    fn swallow(&mut self, link: u32, cut: u32) {
        self.network.links[link as usize].damaged = true;
        self.dropped += 1;
        self.bite(cut);
    }

    /// Gives an input to a mailbox, at once or behind what it is busy with.
    #[inline(always)]
    fn hand(&mut self, to: ProcessId, mailbox: Mailbox, input: Input) {
        let Some(desks) = &mut self.processes[to.slot as usize].desks else {
            return self.handle(to, mailbox, input);
        };
        let desk = &mut desks[mailbox.0 as usize];
        if desk.service == Span::ZERO && desk.waiting.is_empty() {
            return self.handle(to, mailbox, input);
        }
        self.queue_up(to, mailbox, input);
    }

    #[inline(never)]
    fn queue_up(&mut self, to: ProcessId, mailbox: Mailbox, input: Input) {
        let Some(desks) = &mut self.processes[to.slot as usize].desks else { return };
        let desk = &mut desks[mailbox.0 as usize];
        desk.waiting.push_back(input);
        if desk.waiting.len() == 1 {
            let ready = self.queue.now() + desk.service;
            self.queue.push(ready, Event::Served { to, mailbox });
        }
    }

    fn served(&mut self, to: ProcessId, mailbox: Mailbox) {
        if !self.is_current(to) {
            return;
        }
        let Some(desks) = &mut self.processes[to.slot as usize].desks else { return };
        let desk = &mut desks[mailbox.0 as usize];
        let Some(input) = desk.waiting.pop_front() else { return };
        if !desk.waiting.is_empty() {
            let ready = self.queue.now() + desk.service;
            self.queue.push(ready, Event::Served { to, mailbox });
        }
        self.handle(to, mailbox, input);
    }

    fn handle(&mut self, to: ProcessId, mailbox: Mailbox, input: Input) {
        if let (Some((watch, seen)), Input::Message { from, msg }) = (&mut self.seen, &input)
            && let sender = self.processes[from.slot as usize].kind
            && watch.sees(sender, msg, false)
        {
            let at = self.queue.now();
            seen.push(Seen { at, from: *from, sender, to, mailbox, sent: false, msg: msg.clone() });
        }
        let now = self.queue.now();
        let mut outbox = std::mem::take(&mut self.outbox);
        let process = &mut self.processes[to.slot as usize];
        let mut cx = Cx {
            now,
            wall: now + process.skew,
            me: to,
            dice: &mut self.dice,
            names: &mut self.names,
            behaviour: &self.behaviour,
            outbox: &mut outbox,
            detailed: self.details.is_some(),
        };
        match process.core.as_mut().expect("only live processes are given inputs") {
            _ if mailbox == Mailbox::ZK => {
                if let Some(client) = &mut process.zk {
                    client.handle(&mut cx, input);
                }
            }
            Core::Agent(agent) => agent.handle(&mut cx, input),
            Core::Master { master, allocator, registrar } => match mailbox {
                Mailbox::ALLOCATOR => allocator.handle(&mut cx, input),
                Mailbox::REGISTRAR => registrar.handle(&mut cx, input),
                _ => master.handle(&mut cx, input),
            },
            Core::Framework(framework) => framework.handle(&mut cx, input),
            Core::Marathon(marathon) => marathon.handle(&mut cx, input),
            Core::Operator(operator) => operator.handle(&mut cx, input),
            Core::Endpoint(endpoint) => endpoint.handle(&mut cx, input),
            Core::Execute(execute) => execute.handle(&mut cx, input),
            Core::Zookeeper(server) => server.handle(&mut cx, input),
            Core::Bench(bench) => bench.handle(&mut cx, input),
        }
        if process.sabotage.is_some() || process.stop_after.is_some() {
            self.carry_out_tampered(to, mailbox, &mut outbox);
        } else {
            let watched = self.seen.is_some();
            for effect in outbox.drain(..) {
                if watched {
                    self.see_sent(to, &effect);
                }
                match effect {
                    Effect::Send { to: peer, msg } => self.send(to, peer, msg),
                    // The only effect that ends the process: the rest never happens.
                    Effect::Exit { key: None } => {
                        self.stop(to.slot, true);
                        break;
                    }
                    other => self.carry_out(to, mailbox, other),
                }
            }
        }
        self.outbox = outbox;
    }

    // ---- heartbeats ----

    fn with_beats<R>(&mut self, act: impl FnOnce(&mut Beats, &Surroundings) -> R) -> R {
        let processes = &self.processes;
        let alive = |slot: u32| processes[slot as usize].is_alive();
        let surroundings = Surroundings { now: self.queue.now(), network: &self.network, alive: &alive };
        act(&mut self.beats, &surroundings)
    }

    fn beat(&mut self) {
        match self.with_beats(Beats::step) {
            Outcome::Nothing => {}
            Outcome::Bitten { fault } => self.bite(fault),
            Outcome::Missed { watcher, mailbox, peer, misses } => {
                if let Some(details) = &mut self.details {
                    let what = Detail::BeatMissed { slot: watcher.slot, peer, misses };
                    details.push(At { at: self.queue.now(), by: WORLD, what });
                }
                if self.is_current(watcher) {
                    let peer = self.id_of(peer);
                    self.hand(watcher, mailbox, Input::WatchMissed { peer, misses });
                }
            }
        }
    }

    // ---- work ----

    fn arrive(&mut self, source: u32) {
        let Some(arrival) = self.feeds[source as usize].next.take() else { return };
        self.submit(arrival);
        self.feed(source);
        self.note_done();
    }

    /// Fetches the next arrival of a workload.
    fn feed(&mut self, source: u32) {
        let feed = &mut self.feeds[source as usize];
        match feed.source.next(&mut self.dice) {
            Ok(next) => {
                feed.next = next;
                if let Some(arrival) = &feed.next {
                    self.queue.push(arrival.at, Event::Arrival { source });
                }
            }
            Err(error) => {
                self.failure.get_or_insert(error);
            }
        }
    }

    /// Work from outside at an instant: numbered and kept.
    fn request(&mut self, at: Time, arrival: Arrival) {
        let number = self.requests.len() as u32;
        self.requests.push((at, Request::Submit(arrival)));
        self.queue.push(at, Event::Request { number });
    }

    /// What came of requests to HTTP APIs, in the order in which they ended.
    #[must_use]
    pub fn answers(&self) -> Vec<&Answer> {
        let operators = self.processes.iter().filter_map(|process| match &process.core {
            Some(Core::Operator(operator)) => Some(operator.outcomes()),
            _ => None,
        });
        operators.flatten().collect()
    }

    fn submit(&mut self, arrival: Arrival) {
        let id = JobId(self.next_job);
        self.next_job += 1;
        let (owner, gang) = self.blueprint.framework(arrival.framework);
        let plain = TaskSpec::plain(id, owner, arrival.each, arrival.behaviour);
        let spec = TaskSpec { devices: arrival.devices, ..plain };
        if !self.blueprint.can_hold(&spec) {
            self.emit(Fact::JobSubmitted { job: id, owner, tasks: arrival.tasks, each: spec.each });
            self.emit(Fact::JobUnplaceable { job: id, owner });
            return;
        }
        let job = Job { tasks: arrival.tasks, gang: arrival.gang.unwrap_or(gang), spec: Arc::new(spec) };
        self.submit_to(arrival.framework, id, Arc::new(job));
    }

    /// Sum of the totals of all machines.
    #[must_use]
    pub fn capacity(&self) -> Quantities {
        self.blueprint.capacity()
    }
}
