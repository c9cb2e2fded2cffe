//! Offers: who is asked in which order, what is launched, what becomes of the rest
//! (`OfferMatcherManagerActor`, `OfferProcessorImpl`, `InstanceOpFactoryImpl`).
//!
//! Upstream works on eight offers at a time and stacks the others, the last on top, up to a limit.
//! Matching takes no simulated time, so of that the order is kept, and that offers beyond the
//! limit go back at once.

use super::launch::{Accept, Launching};
use super::limiter::ConfigKey;
use super::matching;
use super::ports::{self, PortDice};
use super::resources::{self, Roles};
use super::update::Operation;
use super::writes::Then;
use super::{Marathon, Synthetic};
use crate::actor::Cx;
use crate::base::dice::Site;
use crate::base::id::{AgentId, Symbol, TaskId};
use crate::base::map::Map;
use crate::base::sampler::Distribution;
use crate::base::time::Span;
use crate::fact::{Condition, Fact, OfferRefusal};
use crate::job::{AgentCheck, Behaviour, Service, TaskSpec};
use crate::marathon::model::app::{Operator, RunSpec};
use crate::marathon::model::instance::{Instance, InstanceId, Place, Task};
use crate::mesos::message::{AgentInfo, Launch, Launches, Msg, OfferBatch, OfferRange, OfferRanges, Refuse};
use crate::mesos::resource::Resources;
use std::sync::Arc;

const MATCHERS: Site = Site::new("marathon-matchers");
const PORTS: Site = Site::new("marathon-ports");

/// An offer while it is matched.
struct Open {
    agent: AgentId,
    info: Arc<AgentInfo>,
    /// How-manieth offer of this life: the entity of its dice.
    number: u64,
    left: Resources,
}

/// A place found for an instance.
struct Match {
    instance: Arc<Instance>,
    spec: Arc<TaskSpec>,
    host_ports: ports::Ports,
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
        if self.launch.wanting.is_empty() {
            return Some(Refused::Long);
        }
        if *self.tokens(cx.now) == 0 {
            return Some(Refused::Soon);
        }
        let entry = batch.allocation.entry(index);
        let Some(info) = self.driver.agents.get(&entry.agent).cloned() else { return Some(Refused::Soon) };
        let mut open = Open { agent: entry.agent, info, number, left: entry.resources.clone() };
        let role = batch.allocation.role;
        let most = self.flags.definitions.max_instances_per_offer as usize;
        let key = cx.dice.key(MATCHERS);
        let entity = u64::from(cx.me.slot) << 48 | number;
        // Shuffled from the front as far as somebody is asked; who took it stands at the end again.
        let mut list: Vec<Symbol> = self.launch.wanting.iter().copied().collect();
        let (shuffled, mut asked) = (list.len(), 0);
        let accept = self.launch.next_accept;
        let mut launches = Vec::new();
        while asked < list.len() && launches.len() < most && *self.tokens(cx.now) > 0 {
            if asked < shuffled {
                let other = asked + key.draw(entity, asked as u64).below((shuffled - asked) as u64) as usize;
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
        self.launch.next_accept += 1;
        let outstanding = launches.len() as u32;
        self.launch.accepts.insert(accept, Accept { offer: batch.id(index), launches, outstanding });
        None
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
        for (changed, id) in candidates {
            let Some(instance) = self.tracker.get(id).cloned() else { continue };
            if cx.names.text(role) != instance.spec.role {
                continue;
            }
            match self.fit(cx, app, &instance.spec, open, stage) {
                Ok((host_ports, ranges)) => {
                    let spec = instance.spec.clone();
                    let roles = Roles::of(&spec, &self.flags.definitions);
                    let (each, extra) = resources::take(&mut open.left, roles, spec.each, ranges);
                    let base = self.task_spec(cx, app, ConfigKey { app, changed }, &instance);
                    let same = extra.is_empty() && each == base.each;
                    let spec = if same { base } else { Arc::new(TaskSpec { each, extra, ..(*base).clone() }) };
                    return Ok(Some(Match { instance, spec, host_ports }));
                }
                Err(reason) => why = Some(reason),
            }
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
        let dice = PortDice {
            key: cx.dice.key(PORTS),
            entity: u64::from(cx.me.slot) << 48 | open.number,
            stage: stage as u64,
        };
        let at = (spec.versions.last_config_change, spec.instances);
        matching::fit(spec, &open.left, &definitions, dice, || {
            self.tracker.allows(cx.names, app, &spec.constraints, at, &open.info, self.flags.quirks)
        })
    }

    /// What all tasks of a configuration have in common.
    fn task_spec(&mut self, cx: &mut Cx, app: Symbol, key: ConfigKey, instance: &Instance) -> Arc<TaskSpec> {
        if let Some(known) = self.launch.task_specs.get(&key) {
            return known.clone();
        }
        let spec = &instance.spec;
        let template = self.template(cx, app, instance);
        let owner = self.flags.framework_name;
        cx.fact(Fact::ServiceTemplate { template, owner, app, each: spec.each });
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
        let well = Service { ready_after: Distribution::Fixed(Span::ZERO), well_for: None, ill_for: None };
        let synthetic = self.synthetic.get(&app).copied();
        let synthetic = synthetic.unwrap_or(Synthetic { behaviour: Behaviour::fixed(Span::MAX), service: well });
        let check = spec.health_checks.iter().find(|check| !check.kind.by_marathon()).map(|check| AgentCheck {
            delay: check.delay,
            interval: check.interval,
            timeout: check.timeout,
            grace_period: check.grace_period,
            consecutive_failures: check.max_consecutive_failures,
        });
        let made = Arc::new(TaskSpec {
            service: Some(synthetic.service),
            check,
            kill_grace: spec.kill_grace,
            ..TaskSpec::plain(template, owner, spec.each, synthetic.behaviour)
        });
        self.launch.task_specs.insert(key, made.clone());
        made
    }

    /// Writes down that the instance is to run there; the offer is accepted when that is durable.
    fn provision(&mut self, cx: &mut Cx, app: Symbol, open: &Open, found: Match, then: Then) -> Launching {
        let Match { instance, spec, host_ports } = found;
        let id = instance.id;
        let name = format!("{}._app.{}", cx.names.text(id.0), instance.incarnation + 1);
        let task = TaskId { template: spec.template, n: cx.names.intern(&name).0 };
        let place = Place { agent: open.agent, info: open.info.clone() };
        self.tracker.set_launching(cx.names, id, Some(place.clone()));
        let task_record = Task {
            id: task,
            staged_at: cx.wall,
            started_at: None,
            mesos: None,
            condition: Condition::Provisioned,
            unreachable_since: None,
            healthy: None,
            host_ports: host_ports.to_vec(),
            version: instance.spec.versions.version,
        };
        self.operate(id, Operation::Provision { place, task: task_record }, then);
        if let Some(entry) = self.launch.entries.get_mut(&app) {
            entry.offers.processed += 1;
            entry.offers.last_used = Some(cx.wall);
        }
        self.look_at_launches(cx, app);
        Launching { launch: Launch { spec, first: task.n, count: 1 }, before: instance, written: false }
    }

    /// One launch of an offer was written down, or could not be.
    pub(super) fn provisioned(&mut self, cx: &mut Cx, accept: u64, at: u32, took: bool) {
        let Some(entry) = self.launch.accepts.get_mut(&accept) else { return };
        entry.launches[at as usize].written = took;
        entry.outstanding -= 1;
        let (id, outstanding) = (entry.launches[at as usize].before.id, entry.outstanding);
        if !took {
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
        let Some(framework) = self.driver.id.filter(|_| self.driver.subscribed) else {
            // No driver: what was written is taken back.
            for launching in written.collect::<Vec<_>>() {
                self.operate(launching.before.id, Operation::Revert(launching.before), Then::Nothing);
            }
            return;
        };
        let mut launches: Vec<Launch> = written.map(|launching| launching.launch).collect();
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
