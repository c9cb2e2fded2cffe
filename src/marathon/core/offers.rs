//! Offers: who is asked in which order, what is launched, what becomes of the rest
//! (`OfferMatcherManagerActor`, `OfferProcessorImpl`, `InstanceOpFactoryImpl`).
//!
//! Upstream works on eight offers at a time and stacks the others, the last on top, up to a limit.
//! Matching takes no simulated time, so of that the order is kept, and that offers beyond the
//! limit go back at once.

use super::launch::{Accept, Launching, Planned};
use super::limiter::ConfigKey;
use super::matching;
use super::ports::{self, PortDice};
use super::resources::{self, Roles};
use super::update::Operation;
use super::writes::Then;
use super::{Marathon, Synthetic, volumes};
use crate::actor::Cx;
use crate::base::dice::Site;
use crate::base::id::{AgentId, JobId, OfferId, Symbol, TaskId};
use crate::base::map::Map;
use crate::base::quantity::Quantities;
use crate::base::sampler::Distribution;
use crate::base::time::Span;
use crate::fact::{Condition, Fact, OfferRefusal};
use crate::job::{AgentCheck, Behaviour, Service, TaskGroup, TaskSpec};
use crate::marathon::model::app::{HealthCheck, Operator, RunSpec};
use crate::marathon::model::instance::{Instance, InstanceId, Place, Task};
use crate::mesos::message::{
    Acceptance, AgentInfo, Launch, Launches, Msg, OfferBatch, OfferRange, OfferRanges, Operation as Wanted, Refuse,
};
use crate::mesos::resource::{ResourceOperation, Resources};
use std::sync::Arc;

const MATCHERS: Site = Site::new("marathon-matchers");
const PORTS: Site = Site::new("marathon-ports");

/// An offer while it is matched.
pub(super) struct Open {
    agent: AgentId,
    pub(super) info: Arc<AgentInfo>,
    /// How-manieth offer of this life: the entity of its dice.
    number: u64,
    pub(super) left: Resources,
    /// Instances for which something of it is reserved.
    pub(super) held: Vec<InstanceId>,
}

impl Open {
    pub(super) fn place(&self) -> Place {
        Place { agent: self.agent, info: self.info.clone() }
    }
}

/// A place found for an instance.
pub(super) struct Match {
    pub(super) instance: Arc<Instance>,
    pub(super) found: Found,
}

pub(super) enum Found {
    Launch {
        spec: Arc<TaskSpec>,
        host_ports: ports::Ports,
    },
    /// Of a pod.
    LaunchGroup {
        group: Arc<TaskGroup>,
        host_ports: ports::Ports,
    },
    /// What to reserve, the volumes to be made of it, and their ids.
    Reserve {
        reserved: Resources,
        volumes: Resources,
        ids: Vec<String>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Nobody wants it for now.
    Long,
    /// It is wanted again soon.
    Soon,
}

impl Marathon {
    pub(super) fn offers(&mut self, cx: &mut Cx, batch: &OfferBatch) {
        let count = batch.len();
        let at_once = self.flags.max_parallel_offers.min(count);
        let stacked = (count - at_once).min(self.flags.max_queued_offers);
        let order = (0..at_once).chain((at_once..at_once + stacked).rev());
        let mut refused: Vec<Option<Refused>> = vec![Some(Refused::Soon); count as usize];
        let mut reasons = Map::<(Symbol, OfferRefusal), u32>::default();
        for index in order {
            refused[index as usize] = self.offer(cx, batch, index, &mut reasons);
        }
        for ((app, why), count) in reasons {
            cx.fact(Fact::OfferRefused { app, why, count });
        }
        for (how, refuse) in [
            (Refused::Long, Refuse::seconds(self.flags.decline_offer_duration)),
            (Refused::Soon, Refuse::seconds(Refuse::DEFAULT_SPAN)),
        ] {
            self.decline(cx, batch, &refused, how, refuse);
        }
    }

    fn decline(&self, cx: &mut Cx, batch: &OfferBatch, refused: &[Option<Refused>], how: Refused, refuse: Refuse) {
        let Some(framework) = self.driver.id else { return };
        let mut ranges: Vec<OfferRange> = Vec::new();
        for index in (0..batch.len()).filter(|i| refused[*i as usize] == Some(how)) {
            match ranges.last_mut() {
                Some(last) if last.first.plus(u64::from(last.count)) == batch.id(index) => last.count += 1,
                _ => ranges.push(OfferRange { first: batch.id(index), count: 1 }),
            }
        }
        if !ranges.is_empty() {
            self.tell(cx, Msg::Decline { framework, offers: OfferRanges::from_slice(&ranges), refuse });
        }
    }

    /// Matches one offer; says how it is refused if nothing is launched on it.
    fn offer(
        &mut self,
        cx: &mut Cx,
        batch: &OfferBatch,
        index: u32,
        reasons: &mut Map<(Symbol, OfferRefusal), u32>,
    ) -> Option<Refused> {
        let number = self.launch.offers_seen;
        self.launch.offers_seen += 1;
        let entry = batch.allocation.entry(index);
        let held = self.held_in(cx, entry.resources);
        if held.is_empty() {
            if self.launch.wanting.is_empty() {
                return Some(Refused::Long);
            }
            if *self.tokens(cx.now) == 0 {
                return Some(Refused::Soon);
            }
        }
        let Some(info) = self.driver.agents.get(&entry.agent).cloned() else { return Some(Refused::Soon) };
        let mut open = Open { agent: entry.agent, info, number, left: entry.resources.clone(), held };
        let accept = self.launch.next_accept;
        if !open.held.is_empty() {
            let freed = self.free_strays(cx, &mut open, accept);
            if !freed.is_empty() {
                self.begin_accept(cx, batch.id(index), freed);
                return None;
            }
            if *self.tokens(cx.now) == 0 {
                return Some(Refused::Soon);
            }
        }
        let role = batch.allocation.role;
        let most = self.flags.definitions.max_instances_per_offer as usize;
        let key = cx.dice.key(MATCHERS);
        let entity = u64::from(cx.me.slot) << 48 | number;
        // Shuffled from the front as far as somebody is asked; who took it stands at the end again.
        let mut list: Vec<Symbol> = self.launch.wanting.keys().copied().collect();
        let (shuffled, mut asked) = (list.len(), 0);
        // Apps whose volumes are in the offer come first.
        let mut preferred = 0;
        if !open.held.is_empty() {
            let owners: Vec<Symbol> = open.held.iter().filter_map(|id| self.tracker.app_of(*id)).collect();
            list.sort_by_key(|app| !owners.contains(app));
            preferred = list.iter().filter(|app| owners.contains(app)).count();
        }
        let mut launches = Vec::new();
        while asked < list.len() && launches.len() < most && *self.tokens(cx.now) > 0 {
            if asked < shuffled {
                let end = if asked < preferred { preferred } else { shuffled };
                let other = asked + key.draw(entity, asked as u64).below((end - asked) as u64) as usize;
                list.swap(asked, other);
            }
            let app = list[asked];
            asked += 1;
            match self.match_app(cx, app, role, &mut open, launches.len()) {
                Ok(Some(found)) => {
                    *self.tokens(cx.now) -= 1;
                    let then = Then::Launch { accept, at: launches.len() as u32 };
                    launches.push(self.provision(cx, app, &open, found, then));
                    list.push(app);
                }
                Ok(None) => {}
                Err(why) => {
                    *reasons.entry((app, why)).or_default() += 1;
                    self.note_refusal(cx, app, why);
                }
            }
        }
        if launches.is_empty() {
            return Some(Refused::Long);
        }
        self.begin_accept(cx, batch.id(index), launches);
        None
    }

    /// The offer is accepted when everything is written down.
    fn begin_accept(&mut self, cx: &mut Cx, offer: OfferId, launches: Vec<Launching>) {
        let outstanding = launches.iter().filter(|launching| !launching.written).count() as u32;
        let accept = Accept { offer, launches, outstanding };
        if outstanding == 0 {
            return self.accept(cx, accept);
        }
        self.launch.accepts.insert(self.launch.next_accept, accept);
        self.launch.next_accept += 1;
    }

    fn note_refusal(&mut self, cx: &Cx, app: Symbol, why: OfferRefusal) {
        let Some(entry) = self.launch.entries.get_mut(&app) else { return };
        let offers = &mut entry.offers;
        offers.processed += 1;
        offers.unused += 1;
        offers.last_unused = Some(cx.wall);
        match offers.refused.iter_mut().find(|(own, _)| *own == why) {
            Some((_, count)) => *count += 1,
            None => offers.refused.push((why, 1)),
        }
    }

    /// The first of the app's launchable configurations that fits. Instances of one configuration
    /// are alike, so the first of them stands for all.
    fn match_app(
        &mut self,
        cx: &mut Cx,
        app: Symbol,
        role: Symbol,
        open: &mut Open,
        stage: usize,
    ) -> Result<Option<Match>, OfferRefusal> {
        let mut why = None;
        let Some(known) = self.tracker.app(app) else { return Ok(None) };
        let candidates: smallvec::SmallVec<[_; 2]> = known
            .scheduled
            .iter()
            .filter(|(changed, _)| {
                let deadline = self.limiter.deadline(ConfigKey { app, changed: **changed });
                deadline.is_none_or(|deadline| deadline <= cx.now)
            })
            .filter_map(|(changed, ids)| Some((*changed, *ids.first()?)))
            .collect();
        let mut resident = false;
        for (changed, id) in candidates {
            let Some(instance) = self.tracker.get(id).cloned() else { continue };
            if instance.spec.is_resident() {
                resident = true;
                continue;
            }
            if cx.names.text(role) != instance.spec.role {
                continue;
            }
            match self.fit(cx, app, &instance.spec, open, stage) {
                Ok((host_ports, ranges)) => {
                    let spec = instance.spec.clone();
                    let roles = Roles::of(&spec, &self.flags.definitions);
                    if let Some(pod) = spec.pod() {
                        let on = (roles, &*host_ports, &Resources::EMPTY);
                        let group = self.task_group(cx, app, &instance, pod, &mut open.left, on);
                        return Ok(Some(Match { instance, found: Found::LaunchGroup { group, host_ports } }));
                    }
                    let (each, extra) = resources::take(&mut open.left, roles, spec.each, ranges);
                    let base = self.task_spec(cx, app, ConfigKey { app, changed }, &instance, spec.each);
                    let same = extra.is_empty() && each == base.each;
                    let spec = if same { base } else { Arc::new(TaskSpec { each, extra, ..(*base).clone() }) };
                    let found = Found::Launch { spec, host_ports };
                    return Ok(Some(Match { instance, found }));
                }
                Err(reason) => why = Some(reason),
            }
        }
        if resident {
            return self.match_resident(cx, app, role, open, stage);
        }
        why.map_or(Ok(None), Err)
    }

    /// Whether one instance of this definition fits, and on which ports.
    fn fit(
        &mut self,
        cx: &mut Cx,
        app: Symbol,
        spec: &RunSpec,
        open: &Open,
        stage: usize,
    ) -> Result<(ports::Ports, crate::mesos::resource::Ranges), OfferRefusal> {
        let definitions = self.flags.definitions.clone();
        let dice = self.port_dice(cx, open, stage);
        let at = (spec.versions.last_config_change, spec.instances);
        matching::fit(spec, &open.left, &definitions, dice, || {
            self.tracker.allows(cx.names, app, &spec.constraints, at, &open.info, self.flags.quirks)
        })
    }

    pub(super) fn port_dice(&self, cx: &mut Cx, open: &Open, stage: usize) -> PortDice {
        PortDice { key: cx.dice.key(PORTS), entity: u64::from(cx.me.slot) << 48 | open.number, stage: stage as u64 }
    }

    /// What all tasks of a configuration have in common that take so much in all.
    pub(super) fn task_spec(
        &mut self,
        cx: &mut Cx,
        app: Symbol,
        key: ConfigKey,
        instance: &Instance,
        all: Quantities,
    ) -> Arc<TaskSpec> {
        if let Some(known) = self.launch.task_specs.get(&(key, all.disk())) {
            return known.clone();
        }
        let spec = &instance.spec;
        let mut template = self.template(cx, app, instance);
        if all.disk().0 != spec.each.disk().0 + volumes::nominal(spec).0 {
            // Its disks are larger than what was asked for.
            let name = format!("{}@{}@{}", spec.id, key.changed, all.disk());
            template = JobId::service(cx.names.intern(&name));
        }
        let owner = self.flags.framework_name;
        cx.fact(Fact::ServiceTemplate { template, owner, app, each: all });
        Self::note_limits(cx, template, spec);
        let Synthetic { behaviour, service, program } = self.synthetic(app);
        let check = spec.health_checks.iter().find(|check| !check.kind.by_marathon()).map(agent_check);
        let downloads = self.downloads(cx, &instance.spec);
        let made = Arc::new(TaskSpec {
            downloads,
            program,
            service: Some(service),
            check,
            kill_grace: spec.kill_grace,
            ..TaskSpec::plain(template, owner, spec.each, behaviour)
        });
        self.launch.task_specs.insert((key, all.disk()), made.clone());
        made
    }

    /// How containers behave: as the scenario says of this app or container, or for ever and well.
    pub(super) fn synthetic(&self, name: Symbol) -> Synthetic {
        let well = Service { ready_after: Distribution::Fixed(Span::ZERO), well_for: None, ill_for: None };
        let known = self.synthetic.get(&name).copied();
        known.unwrap_or(Synthetic { behaviour: Behaviour::fixed(Span::MAX), service: well, program: None })
    }

    /// Tells of limits to instances of a configuration with one value of a field.
    pub(super) fn note_limits(cx: &mut Cx, template: JobId, spec: &RunSpec) {
        for constraint in &spec.constraints {
            let most = match constraint.operator {
                Operator::Unique => Some(1),
                Operator::MaxPer => constraint.value.as_deref().and_then(|value| value.parse().ok()),
                _ => None,
            };
            if let Some(most) = most {
                let field = cx.names.intern(constraint.field.trim_start_matches('@'));
                cx.fact(Fact::PlacementLimit { template, field, most });
            }
        }
    }

    /// Writes down that the instance is to run there; the offer is accepted when that is durable.
    fn provision(&mut self, cx: &mut Cx, app: Symbol, open: &Open, found: Match, then: Then) -> Launching {
        let Match { instance, found } = found;
        let id = instance.id;
        self.tracker.set_launching(cx.names, id, Some(open.place()));
        let what = match found {
            Found::Launch { spec, host_ports } => {
                Planned::Launch(self.begin_launch(cx, &instance, open, spec, &host_ports, then))
            }
            Found::LaunchGroup { group, host_ports } => {
                self.begin_group(cx, &instance, open, &group, &host_ports, then);
                Planned::LaunchGroup(group)
            }
            Found::Reserve { reserved, volumes, ids } => {
                self.begin_reservation(cx, id, open, ids, then);
                Planned::Reserve { reserved, volumes }
            }
        };
        if let Some(entry) = self.launch.entries.get_mut(&app) {
            entry.offers.processed += 1;
            entry.offers.last_used = Some(cx.wall);
        }
        self.look_at_launches(cx, app);
        Launching { id, what, before: Some(instance), written: false }
    }

    fn begin_launch(
        &mut self,
        cx: &mut Cx,
        instance: &Instance,
        open: &Open,
        spec: Arc<TaskSpec>,
        host_ports: &[u16],
        then: Then,
    ) -> Launch {
        let id = instance.id;
        let name = format!("{}._app.{}", cx.names.text(id.0), instance.incarnation + 1);
        let task = TaskId { template: spec.template, n: cx.names.intern(&name).0 };
        let task_record = provisioned_task(cx, instance, task, host_ports);
        self.operate(id, Operation::Provision { place: open.place(), tasks: vec![task_record] }, then);
        Launch { spec, first: task.n, count: 1 }
    }

    /// One launch of an offer was written down, or could not be.
    pub(super) fn provisioned(&mut self, cx: &mut Cx, accept: u64, at: u32, took: bool) {
        let Some(entry) = self.launch.accepts.get_mut(&accept) else { return };
        entry.launches[at as usize].written = took;
        entry.outstanding -= 1;
        let (launching, outstanding) = (&entry.launches[at as usize], entry.outstanding);
        // A reserved instance waits as before, and may be launched as soon as it is offered.
        let waits_on = !took || matches!(launching.what, Planned::Reserve { .. });
        let id = launching.id;
        if waits_on {
            self.not_launching(cx, id);
        }
        if outstanding == 0
            && let Some(done) = self.launch.accepts.swap_remove(&accept)
        {
            self.accept(cx, done);
        }
    }

    fn not_launching(&mut self, cx: &mut Cx, id: InstanceId) {
        self.tracker.set_launching(cx.names, id, None);
        if let Some(app) = self.tracker.app_of(id) {
            self.look_at_launches(cx, app);
        }
    }

    fn accept(&mut self, cx: &mut Cx, accept: Accept) {
        let Accept { offer, launches, .. } = accept;
        let written = launches.into_iter().filter(|launching| launching.written);
        let Some(framework) = self.driver.connected_as() else {
            // No driver: what was written is taken back.
            for launching in written.collect::<Vec<_>>() {
                if let Some(before) = launching.before {
                    self.operate(launching.id, Operation::Revert(before), Then::Nothing);
                }
            }
            return;
        };
        let planned: Vec<Planned> = written.map(|launching| launching.what).collect();
        if planned.iter().any(|planned| !matches!(planned, Planned::Launch(_))) {
            let operations = planned.into_iter().flat_map(operations).collect();
            let acceptance = Acceptance { framework, offers: vec![offer], refuse: Refuse::NONE, operations };
            return self.tell(cx, Msg::AcceptBulk(Arc::new(acceptance)));
        }
        let launch = |planned| match planned {
            Planned::Launch(launch) => Some(launch),
            _ => None,
        };
        let mut launches: Vec<Launch> = planned.into_iter().filter_map(launch).collect();
        if launches.is_empty() {
            let offers = OfferRanges::One(OfferRange { first: offer, count: 1 });
            return self.tell(cx, Msg::Decline { framework, offers, refuse: Refuse::seconds(Refuse::DEFAULT_SPAN) });
        }
        let launches = match launches.len() {
            1 => Launches::One(launches.pop().expect("one")),
            _ => Launches::Many(launches.into()),
        };
        self.tell(cx, Msg::Accept { framework, offer, more: None, refuse: Refuse::NONE, launches });
    }
}

/// A check as its executor runs it.
pub(super) fn agent_check(check: &HealthCheck) -> AgentCheck {
    AgentCheck {
        delay: check.delay,
        interval: check.interval,
        timeout: check.timeout,
        grace_period: check.grace_period,
        consecutive_failures: check.max_consecutive_failures,
    }
}

/// The record of a task that is about to be launched.
pub(super) fn provisioned_task(cx: &Cx, instance: &Instance, id: TaskId, host_ports: &[u16]) -> Task {
    Task {
        id,
        staged_at: cx.wall,
        started_at: None,
        mesos: None,
        condition: Condition::Provisioned,
        unreachable_since: None,
        healthy: None,
        host_ports: host_ports.to_vec(),
        version: instance.spec.versions.version,
    }
}

/// The operations of an ACCEPT, in order.
fn operations(planned: Planned) -> Vec<Wanted> {
    use ResourceOperation as Op;
    let all = match planned {
        Planned::Launch(launch) => return vec![Wanted::Launch(launch)],
        Planned::LaunchGroup(group) => return vec![Wanted::LaunchGroup(group)],
        Planned::Reserve { reserved, volumes } => vec![Op::Reserve(reserved), Op::Create(volumes)],
        Planned::Free(own) => {
            let volumes = own.persistent_volumes();
            let beneath = Op::Unreserve(own.without_volumes());
            if volumes.is_empty() { vec![beneath] } else { vec![Op::Destroy(volumes), beneath] }
        }
    };
    all.into_iter().map(Wanted::Convert).collect()
}
