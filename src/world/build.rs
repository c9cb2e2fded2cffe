//! From a scenario to a world: the only place that resolves names to code.

use super::endpoints;
use super::fault::{self, Occurrence};
use super::link::Network;
use super::marathon::{self, Installation};
use super::programs::{Program, Programs};
use super::schedulers::{Scheduler, scheduler};
use super::script;
use super::seats::{Seat, Seats};
use super::{Core, Desk, Feed, Planned, Process, World};
use crate::actor::{Behaviour, DiskOp};
use crate::base::dice::{Dice, Site};
use crate::base::id::{Names, RoleId, Symbol};
use crate::base::map::{Lookup, Map};
use crate::base::quantity::{Milli, Quantities};
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use crate::engine::queue::Queue;
use crate::fact::ProcessKind;
use crate::frameworks::endpoint::{self, Endpoint};
use crate::frameworks::execute::command::Command;
use crate::frameworks::operator::{self, Operator};
use crate::http::Body;
use crate::job::TaskSpec;
use crate::marathon::core::downloads::named_in;
use crate::marathon::core::flags::Endpoint as Place;
use crate::marathon::core::flags::Store;
use crate::marathon::core::{Marathon, Synthetic};
use crate::mesos::agent::{self, Agent};
use crate::mesos::allocator::amounts::{Amounts, Limits};
use crate::mesos::allocator::quota::Quota;
use crate::mesos::allocator::{self, Allocate};
use crate::mesos::master::{self, Master};
use crate::mesos::message::{AgentInfo, Msg};
use crate::mesos::registrar::Registrar;
use crate::mesos::resource::Resources;
use crate::scenario::model::{self, Role, Scenario};
use crate::scenario::section::Section;
use crate::scenario::units::{Amount, Size};
use crate::workload;
use crate::zk::client::{self, Client};
use crate::zk::server::{self, Server};
use serde::Deserialize;
use smallvec::SmallVec;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Kinds of processes that selectors know, by the word for all of them.
const KINDS_BY_NAME: [(ProcessKind, &str); 3] =
    [(ProcessKind::Master, "masters"), (ProcessKind::Zookeeper, "zookeepers"), (ProcessKind::Marathon, "marathons")];

/// Where Mesos masters contend, and the label of their nodes.
const MASTERS_PATH: &str = "/mesos";
const MASTERS_LABEL: &str = "json.info_";
/// Likewise of Marathons, where each installation contends in a folder of its own.
const MARATHONS_LABEL: &str = "latch-";

const MASTER_ID: Site = Site::new("master-id");

/// Everything needed to start a process of the scenario, again and again.
#[derive(Clone, Debug)]
pub struct Blueprint {
    seats: Seats,
    /// How ZooKeeper's servers are set up.
    ensemble: server::Config,
    /// ZooKeeper clients of masters, and of those who only look for the leader; none without
    /// ZooKeeper.
    candidate: Option<Arc<client::Config>>,
    observer: Option<Arc<client::Config>>,
    master_flags: master::Flags,
    allocator: Box<dyn Allocate>,
    frameworks: Vec<Scheduler>,
    /// Of every Marathon process that sits at a fixed address its installation and how it stands for
    /// election; then those of the installations that run as tasks.
    marathons: Vec<(Arc<Installation>, Option<Arc<client::Config>>)>,
    /// What is asked of them from outside.
    operator: Option<Arc<operator::Config>>,
    /// Who is told events, behind the operator.
    endpoints: Vec<Arc<endpoint::Config>>,
    synthetic: Arc<Lookup<Symbol, Synthetic>>,
    /// What runs as tasks of apps.
    programs: Vec<Program>,
    agents: Vec<Arc<AgentInfo>>,
    agent_flags: agent::Flags,
    /// Of each agent, in bits a second.
    bandwidths: Vec<Option<u64>>,
    /// Total of each host by its name.
    totals: Map<Symbol, Quantities>,
    largest: Vec<(Quantities, u32)>,
}

impl Blueprint {
    fn first_agent(&self) -> u32 {
        self.seats.of(ProcessKind::Agent).start
    }

    /// Without ZooKeeper: who leads, as such a process is told when it starts.
    pub(super) fn leader(&self, seat: Seat) -> Option<u32> {
        let told = seat.kind != ProcessKind::Master && self.seats.zookeepers == 0;
        told.then_some(self.seats.slot(ProcessKind::Master, 0))
    }

    /// Who sits at a fixed address.
    pub(super) fn seat(&self, slot: u32) -> Option<Seat> {
        self.seats.seat(slot)
    }

    /// The fixed addresses of a kind.
    pub(super) fn slots(&self, kind: ProcessKind) -> std::ops::Range<u32> {
        self.seats.of(kind)
    }

    pub(super) fn program(&self, number: u32) -> &Program {
        &self.programs[number as usize]
    }

    /// The program called so.
    pub(super) fn program_named(&self, names: &Names, name: &str) -> Option<u32> {
        self.programs.iter().position(|program| names.text(program.name) == name).map(|at| at as u32)
    }

    /// The program that a seat is.
    fn program_at(&self, seat: Seat) -> Option<u32> {
        self.programs.iter().position(|program| program.seat == seat).map(|at| at as u32)
    }

    /// The cores of a process that starts in a slot.
    pub(super) fn core(&self, seat: Seat, slot: u32, names: &mut Names, dice: &mut Dice, incarnation: u32) -> Core {
        let Seat { kind, index } = seat;
        match kind {
            ProcessKind::Master => {
                let id = names.intern(&master_id(dice, slot, incarnation));
                let alone = self.seats.zookeepers == 0;
                Core::Master {
                    master: Box::new(Master::new(id, self.master_flags.clone(), alone)),
                    allocator: self.allocator.clone(),
                    registrar: Box::new(Registrar::new(self.seats.of(ProcessKind::Master), alone)),
                }
            }
            ProcessKind::Zookeeper => Core::Zookeeper(Box::new(Server::new(self.ensemble.clone()))),
            ProcessKind::Marathon => {
                let (installation, _) = &self.marathons[index as usize];
                Core::Marathon(Box::new(Marathon::new(installation.flags(slot), self.synthetic.clone())))
            }
            ProcessKind::Framework => self.frameworks[index as usize].core(),
            ProcessKind::Client => {
                // The operator comes first, if there is one.
                match index.checked_sub(u32::from(self.operator.is_some())) {
                    Some(at) => Core::Endpoint(Box::new(Endpoint::new(self.endpoints[at as usize].clone()))),
                    None => {
                        let script = self.operator.clone().expect("a client has a script");
                        Core::Operator(Box::new(Operator::new(script)))
                    }
                }
            }
            _ => {
                let info = self.agents[index as usize].clone();
                let bandwidth_bits_per_s = self.bandwidths[index as usize];
                let flags = agent::Flags { bandwidth_bits_per_s, ..self.agent_flags.clone() };
                Core::Agent(Box::new(Agent::new(info, flags)))
            }
        }
    }

    /// The ZooKeeper client of such a process.
    pub(super) fn zk_client(&self, Seat { kind, index }: Seat) -> Option<Box<Client>> {
        let config = match kind {
            ProcessKind::Marathon => self.marathons[index as usize].1.as_ref(),
            ProcessKind::Master => self.candidate.as_ref(),
            ProcessKind::Framework | ProcessKind::Agent => self.observer.as_ref(),
            _ => None,
        };
        config.map(|config| Box::new(Client::new(config.clone())))
    }

    /// The slot of the how-manieth Marathon process.
    pub(super) fn marathon_slot(&self, index: u32) -> Option<u32> {
        let slots = self.seats.of(ProcessKind::Marathon);
        slots.clone().nth(index as usize)
    }

    /// The scheduler that starts in a slot.
    fn scheduler(&self, slot: u32) -> Option<&Scheduler> {
        let Seat { kind, index } = self.seats.seat(slot)?;
        (kind == ProcessKind::Framework).then(|| &self.frameworks[index as usize])
    }

    /// Owner name and gang setting of the scenario's framework.
    pub(super) fn framework(&self, index: u32) -> (Symbol, bool) {
        let config = &self.frameworks[index as usize];
        (config.name, config.gang)
    }

    /// The slot of the scenario's framework, and the program that it is if it runs as tasks.
    pub(super) fn framework_slot(&self, index: u32) -> (u32, Option<u32>) {
        let seat = Seat { kind: ProcessKind::Framework, index };
        (self.seats.slot(ProcessKind::Framework, index), self.program_at(seat))
    }

    /// Whether any machine of the fleet, empty, could hold one of these tasks.
    pub(super) fn can_hold(&self, spec: &TaskSpec) -> bool {
        let devices = spec.devices.as_ref().map_or(0, |d| d.count);
        self.largest.iter().any(|(total, has)| total.contains(spec.each) && *has >= devices)
    }

    pub(super) fn capacity(&self) -> Quantities {
        self.totals.values().fold(Quantities::ZERO, |sum, t| sum + *t)
    }

    /// Marathons' frameworks, one an installation: name and role.
    pub(super) fn marathon_frameworks(&self) -> Vec<(Symbol, RoleId)> {
        let mut all: Vec<_> = self.marathons.iter().map(|(installation, _)| installation.framework()).collect();
        all.dedup();
        all
    }

    /// Commands that run as frameworks, with the frameworks' names.
    pub(super) fn commands(&self) -> impl Iterator<Item = (Symbol, &Command)> {
        self.frameworks.iter().filter_map(|f| Some((f.name, f.command.as_ref()?)))
    }

    /// Who is told events: name and text of it.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.endpoints.iter().map(|endpoint| endpoint.name)
    }
    /// What operators post that is fetched without a size, hence in no time, in order.
    pub(super) fn instant_downloads(&self) -> Vec<String> {
        let Some((installation, _)) = self.marathons.first() else { return Vec::new() };
        let body = |scripted: &operator::Scripted| match &scripted.request.body {
            Body::Json(body) => named_in(body),
            _ => Vec::new(),
        };
        let all = self.script().iter().flat_map(body).filter(|name| !installation.sizes().contains_key(name));
        all.collect::<BTreeSet<String>>().into_iter().collect()
    }
    /// What operators ask.
    pub(super) fn script(&self) -> &[operator::Scripted] {
        self.operator.as_ref().map_or(&[], |operator| &operator.script)
    }

    pub(super) fn host_total(&self, host: Symbol) -> Option<Quantities> {
        self.totals.get(&host).copied()
    }

    /// Agent slots that a selector names: a hostname, `attribute=value`, or `agents` for all.
    pub(super) fn select(&self, names: &Names, selector: &str) -> Vec<u32> {
        let matches = |info: &AgentInfo| match selector.split_once('=') {
            _ if selector == "agents" => true,
            Some((name, value)) => {
                let wanted = (name.trim(), value.trim());
                info.attributes.iter().any(|(n, v)| (names.text(*n), names.text(*v)) == wanted)
            }
            None => names.text(info.hostname) == selector,
        };
        let first = self.first_agent();
        (first..).zip(&self.agents).filter(|(_, info)| matches(info)).map(|(slot, _)| slot).collect()
    }

    /// Slots that a selector of processes names: agents as above; all of a kind (`masters`,
    /// `zookeepers`, `marathons`, `frameworks`); one of a kind (`master-2`, `zookeeper-0`); a
    /// framework's name. `master` is the only one, or all of them.
    pub(super) fn select_processes(&self, names: &Names, selector: &str) -> Vec<u32> {
        for (kind, plural) in KINDS_BY_NAME {
            let word = plural.strip_suffix('s').unwrap_or(plural);
            let slots = self.seats.of(kind);
            if selector == plural || selector == word {
                return slots.collect();
            }
            let number = selector.strip_prefix(word).and_then(|rest| rest.strip_prefix('-'));
            if let Some(number) = number.and_then(|n| n.parse::<u32>().ok()) {
                return slots.skip(number as usize).take(1).collect();
            }
        }
        if selector == "frameworks" {
            let slots = self.seats.of(ProcessKind::Framework);
            return slots.filter(|slot| self.seat(*slot).is_some_and(|seat| self.program_at(seat).is_none())).collect();
        }
        let named = self.frameworks.iter().position(|f| names.text(f.name) == selector);
        named.map_or_else(|| self.select(names, selector), |i| vec![self.seats.slot(ProcessKind::Framework, i as u32)])
    }

    /// The kind called so in the singular, if the scenario has such processes.
    pub(super) fn kind_named(&self, word: &str) -> Option<ProcessKind> {
        let row = KINDS_BY_NAME.iter().find(|(_, plural)| plural.strip_suffix('s') == Some(word));
        row.map(|row| row.0).filter(|kind| !self.seats.of(*kind).is_empty())
    }

    /// `master-1` and the like: what a selector calls the process in this slot.
    pub(super) fn selector_of(&self, slot: u32) -> Option<String> {
        let seat = self.seats.seat(slot)?;
        let row = KINDS_BY_NAME.iter().find(|row| row.0 == seat.kind)?;
        Some(format!("{}-{}", row.1.strip_suffix('s')?, seat.index))
    }

    /// The value of an attribute of a host of the fleet.
    pub(super) fn attribute(&self, host: Symbol, field: Symbol) -> Option<Symbol> {
        let (at, _, _) = self.totals.get_full(&host)?;
        let info = self.agents.get(at).filter(|info| info.hostname == host)?;
        info.attributes.iter().find(|(name, _)| *name == field).map(|(_, value)| *value)
    }

    pub(super) fn hostname(&self, slot: u32) -> Symbol {
        self.agents[(slot - self.first_agent()) as usize].hostname
    }
}

/// A master's id: a UUID drawn from seed, slot and incarnation.
fn master_id(dice: &mut Dice, slot: u32, incarnation: u32) -> String {
    let word = |dice: &mut Dice, n| dice.draw(MASTER_ID, u64::from(slot) << 32 | u64::from(incarnation), n).0;
    let (a, b) = (word(dice, 0), word(dice, 1));
    let (high, low) = ((a >> 16) as u16, a as u16);
    let version = 0x4000 | low & 0x0fff;
    let variant = 0x8000 | (b >> 48) as u16 & 0x3fff;
    format!("{:08x}-{high:04x}-{version:04x}-{variant:04x}-{:012x}", (a >> 32) as u32, b & 0xffff_ffff_ffff)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SliceParams {
    #[serde(default)]
    cpus: Option<Amount>,
    #[serde(default)]
    mem: Option<Size>,
}

pub(super) type Error = crate::scenario::Error;

impl World {
    pub(super) fn empty(mut dice: Dice, latency: Distribution) -> Self {
        let network = Network::new(latency, &mut dice);
        let flags = allocator::Flags {
            allocation_interval: Span::from_secs(1),
            min_allocatable: Vec::new(),
            filter_gpu: true,
            excluded: allocator::sorter::Excluded::default(),
            weights: Vec::new(),
            quotas: Vec::new(),
        };
        let blueprint = Blueprint {
            seats: Seats::default(),
            ensemble: server::Config::default(),
            candidate: None,
            observer: None,
            master_flags: master_flags(&model::MasterFlags::default()),
            allocator: allocator::by_name("drf", "whole", Quantities::ZERO, flags).expect("both are listed"),
            frameworks: Vec::new(),
            marathons: Vec::new(),
            operator: None,
            endpoints: Vec::new(),
            synthetic: Arc::default(),
            programs: Vec::new(),
            agents: Vec::new(),
            agent_flags: agent::Flags::default(),
            bandwidths: Vec::new(),
            totals: Map::default(),
            largest: Vec::new(),
        };
        Self {
            queue: Queue::default(),
            beats: super::beats::Beats::default(),
            network,
            disk_latency: Distribution::Fixed(Span::ZERO),
            held_writes: Vec::new(),
            processes: Vec::new(),
            more_timers: Lookup::default(),
            serial: 0,
            dice,
            names: Names::default(),
            behaviour: Arc::new(Behaviour::default()),
            blueprint: Arc::new(blueprint),
            programs: Programs::default(),
            feeds: Vec::new(),
            requests: Vec::new(),
            next_job: 0,
            faults: Vec::new(),
            active_faults: Vec::new(),
            outbox: Vec::new(),
            open_jobs: 0,
            done_at: None,
            failure: None,
            digest: crate::base::digest::Digest::default(),
            facts: Vec::new(),
            details: None,
            seen: None,
            events: 0,
            sent: vec![0; Msg::LABELS.len()],
            dropped: 0,
        }
    }

    pub(super) fn add_process(&mut self, kind: ProcessKind, name: Symbol) -> &mut Process {
        self.processes.push(Process {
            kind,
            name,
            incarnation: 0,
            core: None,
            zk: None,
            restart: None,
            vanished: false,
            disk: Vec::<DiskOp>::new(),
            desks: None,
            timers: SmallVec::new(),
            containers: Vec::new(),
            guest: None,
            skew: Span::ZERO,
            persists: 0,
            stop_after: None,
            sabotage: None,
        });
        self.processes.last_mut().expect("just pushed")
    }

    /// Puts something around the allocator of every master that starts from now on.
    pub fn wrap_allocator(&mut self, wrap: impl FnOnce(Box<dyn Allocate>) -> Box<dyn Allocate>) {
        let blueprint = Arc::make_mut(&mut self.blueprint);
        blueprint.allocator = wrap(blueprint.allocator.clone());
    }

    /// Builds the world of a scenario and its explicit list of faults.
    ///
    /// # Errors
    /// What the scenario says wrong, with the place and the mend.
    pub fn build(scenario: &Scenario) -> Result<(Self, Vec<Occurrence>), Error> {
        Self::build_with(scenario, Dice::new(scenario.seed))
    }

    /// The same with given dice, whose draws may be logged or overridden.
    ///
    /// # Errors
    /// What the scenario says wrong, with the place and the mend.
    pub fn build_with(scenario: &Scenario, dice: Dice) -> Result<(Self, Vec<Occurrence>), Error> {
        let mut world = Self::empty(dice, scenario.network.latency);
        world.disk_latency = scenario.disk.latency;
        let blueprint = Arc::new(blueprint(scenario, &mut world.names)?);
        world.blueprint = blueprint.clone();
        world.programs = Programs::new(blueprint.programs.len());

        let (master, allocator) = (scenario.master.service_time, scenario.allocator.service_time);
        let services = [master, allocator, master, Span::ZERO];
        let supervised = (blueprint.seats.zookeepers > 0).then_some(scenario.cluster.restart_delay);
        for i in 0..blueprint.seats.masters {
            let name = if blueprint.seats.masters == 1 { "master".to_owned() } else { format!("master-{i}") };
            let name = world.names.intern(&name);
            let process = world.add_process(ProcessKind::Master, name);
            process.restart = supervised;
            if services.iter().any(|&s| s > Span::ZERO) {
                process.desks = Some(Box::new(services.map(|service| Desk { service, waiting: VecDeque::new() })));
            }
        }
        for i in 0..blueprint.seats.zookeepers {
            let name = world.names.intern(&format!("zookeeper-{i}"));
            world.add_process(ProcessKind::Zookeeper, name).restart = supervised;
        }
        for (installation, election) in &blueprint.marathons[..blueprint.seats.marathons as usize] {
            let count = blueprint.marathons.iter().filter(|(other, _)| Arc::ptr_eq(other, installation)).count();
            let same = world.processes.iter().filter(|process| process.kind == ProcessKind::Marathon).count();
            let before = blueprint.marathons[..same].iter().filter(|(other, _)| Arc::ptr_eq(other, installation));
            let number = before.count();
            let name = installation.name.clone();
            let name = if count == 1 { name } else { format!("{name}-{number}") };
            let name = world.names.intern(&name);
            // One that keeps nothing has nothing to come back to.
            let restart = election.as_ref().and(supervised);
            world.add_process(ProcessKind::Marathon, name).restart = restart;
        }
        if blueprint.operator.is_some() {
            let name = world.names.intern("operator-0");
            world.add_process(ProcessKind::Client, name);
        }
        for endpoint in &blueprint.endpoints {
            world.add_process(ProcessKind::Client, endpoint.name);
        }
        for scheduler in &blueprint.frameworks {
            world.add_process(ProcessKind::Framework, scheduler.name);
        }
        for info in &blueprint.agents {
            world.add_process(ProcessKind::Agent, info.hostname);
        }
        // ZooKeeper first: the others look for it as soon as they live.
        let (slots, first) = (0..world.processes.len() as u32, blueprint.seats.of(ProcessKind::Zookeeper));
        for slot in first.clone().chain(slots.filter(|slot| !first.contains(slot))) {
            let is_a_task = blueprint.seat(slot).is_some_and(|seat| blueprint.program_at(seat).is_some());
            if is_a_task {
                continue;
            }
            let scheduler = blueprint.scheduler(slot);
            world.queue.push(scheduler.map_or(Time::ZERO, |s| s.starts), super::Event::Start { slot });
        }

        for source in workload::build_all(scenario)? {
            world.feeds.push(Feed { source, next: None });
        }
        for source in 0..world.feeds.len() as u32 {
            world.feed(source);
        }
        let own_work = blueprint.frameworks.iter().filter_map(|scheduler| scheduler.work.clone());
        for arrival in own_work {
            world.request(arrival.at, arrival);
        }
        for request in scenario.requests.iter().filter(|request| request.section.kind != script::KIND) {
            for arrival in workload::request_arrivals(&request.section, scenario, request.at)? {
                world.request(request.at, arrival);
            }
        }

        let site = fault::Site { blueprint: &blueprint, end: Time(scenario.duration.0) };
        let occurrences = fault::plan(&scenario.faults, &site, &world.names, &mut world.dice)?;
        for (number, occurrence) in occurrences.iter().enumerate() {
            let fault = number as u32;
            world.faults.push(Planned { fault: occurrence.fault.clone(), bit: false, struck: Vec::new() });
            world.queue.push(occurrence.at, super::Event::FaultBegins { fault });
            if let Some(lasts) = occurrence.lasts {
                world.queue.push(occurrence.at.saturating_add(lasts), super::Event::FaultEnds { fault });
            }
        }
        Ok((world, occurrences))
    }
}

fn master_flags(flags: &model::MasterFlags) -> master::Flags {
    master::Flags {
        agent_ping_timeout: flags.agent_ping_timeout,
        max_agent_ping_timeouts: flags.max_agent_ping_timeouts,
        agent_reregister_timeout: flags.agent_reregister_timeout,
        offer_timeout: flags.offer_timeout,
        max_completed_frameworks: flags.max_completed_frameworks,
        max_completed_tasks_per_framework: flags.max_completed_tasks_per_framework,
        max_unreachable_tasks_per_framework: flags.max_unreachable_tasks_per_framework,
        registry_gc_interval: flags.registry_gc_interval,
        recovery_agent_removal_limit_percent: flags.recovery_agent_removal_limit_percent,
        registry_max_agent_age: flags.registry_max_agent_age,
        registry_max_agent_count: flags.registry_max_agent_count,
    }
}

fn blueprint(scenario: &Scenario, names: &mut Names) -> Result<Blueprint, Error> {
    let cluster = &scenario.cluster;
    let apps = marathon::apps(scenario)?;
    let hosted: Vec<&str> = apps.iter().filter_map(|app| app.runs.as_deref()).collect();
    let mut installations = marathon::installations(scenario, names, &hosted)?;
    let endpoints = endpoints::endpoints(scenario, names)?;
    let operators = u32::from(scenario.requests.iter().any(|request| request.section.kind == script::KIND));
    let hosts: usize = scenario.fleets.iter().map(|fleet| fleet.hosts.len()).sum();
    let seats = Seats {
        masters: cluster.masters,
        zookeepers: cluster.zookeepers,
        marathons: installations.iter().map(|installation| installation.instances).sum(),
        clients: operators + endpoints.len() as u32,
        frameworks: scenario.frameworks.len() as u32,
        agents: hosts as u32,
    };
    let servers = seats.of(ProcessKind::Zookeeper);
    let zk = |candidate: Option<client::Candidate>| {
        (!servers.is_empty()).then(|| {
            Arc::new(client::Config {
                servers: servers.clone(),
                session_timeout: cluster.zk_session_timeout,
                on_disconnect: client::OnDisconnect::WaitForExpiry,
                masters: client::Group::new(MASTERS_PATH, MASTERS_LABEL),
                candidate,
            })
        })
    };
    let (mut marathons, mut hosted_marathons) = (Vec::new(), Vec::new());
    let first = seats.slot(ProcessKind::Client, operators);
    let place = |(address, endpoint): (u32, &Arc<endpoint::Config>)| {
        (endpoint.url.clone(), Place { address, name: endpoint.name })
    };
    let places: Arc<Map<String, Place>> = Arc::new((first..).zip(&endpoints).map(place).collect());
    installations.iter_mut().for_each(|installation| installation.knows(places.clone()));
    for installation in installations {
        let group = client::Group::new(&installation.election(), MARATHONS_LABEL);
        let stands = (installation.store() == Store::Zookeeper).then_some(client::Candidate::Own(group));
        // Curator's latch gives up leadership as soon as it is disconnected.
        let give_up = |config: Arc<client::Config>| {
            Arc::new(client::Config { on_disconnect: client::OnDisconnect::GiveUpAtOnce, ..(*config).clone() })
        };
        let election = zk(stands).map(give_up);
        let installation = Arc::new(installation);
        if installation.instances == 0 {
            hosted_marathons.push((installation.clone(), election.clone()));
        }
        marathons.extend((0..installation.instances).map(|_| (installation.clone(), election.clone())));
    }
    marathons.append(&mut hosted_marathons);
    let (mut agents, mut bandwidths) = (Vec::new(), Vec::new());
    let mut totals = Map::default();
    let mut largest: Vec<(Quantities, u32)> = Vec::new();
    for fleet in &scenario.fleets {
        for host in &fleet.hosts {
            let total = Resources::parse(&host.resources)
                .map_err(|e| fleet.section.error("resources", e.to_string(), "see `--resources` of mesos-agent"))?;
            let hostname = names.intern(&host.hostname);
            let attributes = host.attributes.iter().map(|(n, v)| (names.intern(n), names.intern(v))).collect();
            let shape = (total.quantities(), host.devices);
            totals.insert(hostname, shape.0);
            if !largest.contains(&shape) {
                largest.push(shape);
            }
            let address = seats.slot(ProcessKind::Agent, agents.len() as u32);
            bandwidths.push(fleet.bandwidth.map(|bandwidth| bandwidth.bits_per_s));
            agents.push(Arc::new(AgentInfo { hostname, total, attributes, devices: host.devices, address }));
        }
    }
    let frameworks: Vec<Scheduler> =
        (0..).zip(&scenario.frameworks).map(|(i, f)| scheduler(f, i, names)).collect::<Result<_, _>>()?;
    let find = |name: &str, key: &Section| {
        let framework = scenario.framework_index(name);
        if let Some(index) = framework {
            frameworks[index as usize].may_be_a_task(key)?;
            return Ok(Seat { kind: ProcessKind::Framework, index });
        }
        let index = (seats.marathons as usize..marathons.len()).find(|&at| marathons[at].0.name == name);
        let known = scenario.frameworks.iter().map(|framework| framework.name.as_str());
        let all = marathons.iter().map(|(installation, _)| installation.name.as_str());
        let known: Vec<&str> = known.chain(all).collect();
        let index = index.ok_or_else(|| key.unknown("runs", "framework or Marathon", name, &known))?;
        Ok(Seat { kind: ProcessKind::Marathon, index: index as u32 })
    };
    let mut programs: Vec<Program> = Vec::new();
    for app in &apps {
        let Some(name) = &app.runs else { continue };
        let program = Program { seat: find(name, app.section)?, name: names.intern(name) };
        if programs.iter().any(|other| other.seat == program.seat) {
            let what = format!("another app runs `{name}` already");
            return Err(app.section.error("runs", what, "let one app run it, and give that app more instances"));
        }
        programs.push(program);
    }
    let services = script::services(&marathons, seats.of(ProcessKind::Marathon).start, &programs);
    let operator = script::operator(scenario, services)?;
    Ok(Blueprint {
        ensemble: server::Config { servers: servers.clone(), tick: cluster.zk_tick_time },
        candidate: zk(Some(client::Candidate::Masters)),
        observer: zk(None),
        seats,
        master_flags: master_flags(&scenario.master),
        allocator: build_allocator(scenario)?,
        frameworks,
        operator: operator.map(Arc::new),
        endpoints,
        marathons,
        synthetic: Arc::new(marathon::synthetic(&apps, &programs, names)),
        programs,
        agents,
        agent_flags: agent::Flags {
            registration_backoff_factor: scenario.agent.registration_backoff_factor,
            executor_startup: scenario.agent.executor_startup,
            executor_registration_timeout: scenario.agent.executor_registration_timeout,
            bandwidth_bits_per_s: None,
        },
        bandwidths,
        totals,
        largest,
    })
}

fn quota_of(role: &Role) -> Quota {
    fn pairs(amounts: &[(String, Milli)]) -> impl Iterator<Item = (&str, Milli)> {
        amounts.iter().map(|(name, amount)| (&**name, *amount))
    }
    Quota { guarantees: Amounts::from_pairs(pairs(&role.guarantee)), limits: Limits::from_pairs(pairs(&role.limit)) }
}

fn build_allocator(scenario: &Scenario) -> Result<Box<dyn Allocate>, Error> {
    let flags = &scenario.allocator;
    let excluded = &flags.fair_sharing_excluded_resource_names;
    let core_flags = allocator::Flags {
        allocation_interval: flags.allocation_interval,
        min_allocatable: flags.min_allocatable_resources.iter().map(|&set| set.into()).collect(),
        filter_gpu: flags.filter_gpu_resources,
        excluded: allocator::sorter::Excluded::new(excluded.iter().map(|name| &**name)),
        weights: scenario.roles.iter().map(|r| (r.name.clone(), r.weight)).collect(),
        quotas: scenario.roles.iter().map(|r| (r.name.clone(), quota_of(r))).collect(),
    };
    let most = if flags.chunk.kind == "slice" {
        let params: SliceParams = flags.chunk.read()?;
        let (cpus, mem) = (params.cpus.map_or(Milli::ZERO, |a| a.0), params.mem.map_or(Milli::ZERO, |s| s.0));
        Quantities::new(cpus, mem, Milli::ZERO, Milli::ZERO)
    } else {
        let _: NoParams = flags.chunk.read()?;
        Quantities::ZERO
    };
    let _: NoParams = flags.policy.read()?;
    let unknown = |section: &Section, what: &str, list: &[(&str, &str)]| {
        section.unknown_kind(what, &list.iter().map(|row| row.0).collect::<Vec<_>>())
    };
    let (policies, chunks) = (allocator::policy::POLICIES, allocator::chunk::CHUNKS);
    if !policies.iter().any(|p| p.0 == flags.policy.kind) {
        return Err(unknown(&flags.policy, "policy", policies));
    }
    allocator::by_name(&flags.policy.kind, &flags.chunk.kind, most, core_flags)
        .ok_or_else(|| unknown(&flags.chunk, "chunk", chunks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn master_ids_are_version_4_uuids() {
        let mut dice = Dice::new(1);
        let (a, b) = (master_id(&mut dice, 0, 0), master_id(&mut dice, 0, 1));
        assert_ne!(a, b);
        assert_eq!((a.len(), a.as_bytes()[14], a.matches('-').count()), (36, b'4', 4));
    }
}
