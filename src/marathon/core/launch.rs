//! The launch queue: who is to be launched and may be now, new instances, launch tokens
//! (`LaunchQueueActor`, `TaskLauncherActor`).

use super::limiter::ConfigKey;
use super::tracker::config_of;
use super::update::Operation;
use super::writes::{Change, Then};
use super::{Marathon, timer};
use crate::actor::{Cx, TimerKey};
use crate::base::dice::Site;
use crate::base::id::{JobId, OfferId, RoleId, Symbol};
use crate::base::map::{Lookup, Map};
use crate::base::quantity::Milli;
use crate::base::time::Time;
use crate::fact::{Condition, Goal};
use crate::job::{TaskGroup, TaskSpec};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::instance::{Instance, InstanceId, State};
use crate::marathon::model::path::PathId;
use crate::marathon::rest::view::OfferStatistics;
use crate::mesos::message;
use crate::mesos::resource::Resources;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

const INSTANCE_ID: Site = Site::new("marathon-instance-id");

/// Instances to be added; one such at a time.
#[derive(Clone, Debug)]
struct Add {
    spec: Arc<RunSpec>,
    count: u32,
    /// The scale check that asked holds the app's lock until they are there.
    unlock: bool,
}

/// An offer whose launches are being written down.
#[derive(Clone, Debug)]
pub(super) struct Accept {
    pub(super) offer: OfferId,
    pub(super) launches: Vec<Launching>,
    pub(super) outstanding: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Launching {
    pub(super) id: InstanceId,
    pub(super) what: Planned,
    /// The instance as it was before, to which it returns if the offer cannot be accepted.
    pub(super) before: Option<Arc<Instance>>,
    pub(super) written: bool,
}

/// What is to be done with a part of an offer.
#[derive(Clone, Debug)]
pub(super) enum Planned {
    Launch(message::Launch),
    /// A pod's containers together.
    LaunchGroup(Arc<TaskGroup>),
    /// Reserve these, then make volumes of a part of them.
    Reserve {
        reserved: Resources,
        volumes: Resources,
    },
    /// Destroy the volumes among these, then give back everything.
    Free(Resources),
}

#[derive(Clone, Default, Debug)]
pub(super) struct Launch {
    /// Apps with instances that may be launched now, and the roles of those.
    pub(super) wanting: BTreeMap<Symbol, SmallVec<[RoleId; 1]>>,
    /// When to look again at apps whose launches wait, and the same by app.
    delays: BTreeSet<(Time, Symbol)>,
    delay_of: Lookup<Symbol, Time>,
    tokens: u32,
    /// Tokens are those of this period.
    period: i64,
    adds: VecDeque<Add>,
    /// Of the first of `adds`: how many are not there yet.
    adding: u32,
    made: u64,
    pub(super) templates: Lookup<ConfigKey, JobId>,
    /// By configuration and all disk of one task, which may be more than was asked for.
    pub(super) task_specs: Lookup<(ConfigKey, Milli), Arc<TaskSpec>>,
    pub(super) pods: super::pods::Known,
    pub(super) accepts: Map<u64, Accept>,
    pub(super) next_accept: u64,
    pub(super) offers_seen: u64,
    pub(super) volumes_made: u64,
    /// Of apps with something to launch: since when, and what offers did for them.
    pub(super) entries: Map<Symbol, Entry>,
}

/// A line of `/v2/queue`.
#[derive(Clone, Default, Debug)]
pub(super) struct Entry {
    pub(super) since: Time,
    pub(super) offers: OfferStatistics,
}

impl Launch {
    pub(super) fn begin(&mut self, tokens: u32) {
        self.tokens = tokens;
        self.period = 0;
    }
}

impl Marathon {
    // ---- tokens ----

    /// How many launches are allowed until the next refresh. They are set, not added, each period.
    pub(super) fn tokens(&mut self, now: Time) -> &mut u32 {
        let period = (now - self.began).0 / self.flags.launch_token_refresh_interval.0.max(1);
        if period > self.launch.period {
            self.launch.period = period;
            self.launch.tokens = self.flags.launch_tokens;
        }
        &mut self.launch.tokens
    }

    // ---- adding instances ----

    pub(super) fn add_instances(&mut self, cx: &mut Cx, spec: &Arc<RunSpec>, count: u32, unlock: bool) {
        self.launch.adds.push_back(Add { spec: spec.clone(), count, unlock });
        if self.launch.adds.len() == 1 {
            self.next_add(cx);
        }
    }

    fn next_add(&mut self, cx: &mut Cx) {
        while let Some(add) = self.launch.adds.front().cloned() {
            let app = cx.names.intern(add.spec.id.as_str());
            let mut left = add.count;
            if add.spec.is_resident() {
                let stopped = |i: &&Arc<Instance>| {
                    i.reservation.is_some() && i.state.goal == Goal::Stopped && i.has_no_live_task()
                };
                let found = self.tracker.of_app(app).filter(stopped).take(left as usize);
                let again: Vec<InstanceId> = found.map(|instance| instance.id).collect();
                left -= again.len() as u32;
                for id in again {
                    self.operate(id, Operation::Reschedule(add.spec.clone()), Then::Added);
                }
            }
            for _ in 0..left {
                let instance = self.new_instance(cx, &add.spec);
                self.operate(instance.id, Operation::Schedule(Arc::new(instance)), Then::Added);
            }
            self.launch.adding = add.count;
            if add.count > 0 {
                return;
            }
            self.add_done(cx);
        }
    }

    fn new_instance(&mut self, cx: &mut Cx, spec: &Arc<RunSpec>) -> Instance {
        let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
        let n = self.launch.made;
        self.launch.made += 1;
        let (a, b) = (cx.draw(INSTANCE_ID, entity, 2 * n).0, cx.draw(INSTANCE_ID, entity, 2 * n + 1).0);
        let id = format!("{}.instance-{}", spec.id.safe(), uuid(a, b));
        let state = State {
            condition: Condition::Scheduled,
            since: cx.wall,
            active_since: None,
            healthy: None,
            goal: Goal::Running,
        };
        Instance {
            id: InstanceId(cx.names.intern(&id)),
            spec: spec.clone(),
            place: None,
            state,
            tasks: Vec::new(),
            reservation: None,
            incarnation: 0,
        }
    }

    /// One of those being added is there.
    pub(super) fn added(&mut self, cx: &mut Cx) {
        self.launch.adding -= 1;
        if self.launch.adding == 0 {
            self.add_done(cx);
            self.next_add(cx);
        }
    }

    fn add_done(&mut self, cx: &mut Cx) {
        let Some(add) = self.launch.adds.pop_front() else { return };
        if add.unlock {
            let app = cx.names.intern(add.spec.id.as_str());
            self.locks.release_scaling(app);
        }
    }

    // ---- who wants offers ----

    pub(super) fn launch_saw(&mut self, cx: &mut Cx, app: Symbol, change: &Change) {
        let was = change.before.as_ref().is_some_and(|before| before.is_scheduled());
        let is = !change.expunged && change.after.is_scheduled();
        let came_up = |i: &Instance| i.state.condition == Condition::Running && i.state.healthy != Some(false);
        if came_up(&change.after) && !change.before.as_ref().is_some_and(|before| came_up(before)) {
            *self.tokens(cx.now) += 1;
        }
        self.arm_overdue(cx);
        self.arm_expunge(cx);
        self.revive_saw(cx, change.before.as_deref(), (!change.expunged).then_some(&*change.after));
        if !was && !is {
            return self.revive_if_needed(cx);
        }
        if is && !was {
            let wall = cx.wall;
            self.launch.entries.entry(app).or_insert_with(|| Entry { since: wall, ..Entry::default() });
            let deadline = self.limiter.deadline(config_of(app, &change.after));
            if deadline.is_none_or(|deadline| deadline <= cx.now) {
                self.revive.want_more(cx.names.intern(&change.after.spec.role));
            }
        }
        self.look_at_launches(cx, app);
    }

    /// Instances that a predecessor left to be launched make a line of the queue.
    pub(super) fn list_launches(&mut self, cx: &Cx, app: Symbol) {
        if self.tracker.app(app).is_some_and(|known| known.waiting() > 0) {
            let since = cx.wall;
            self.launch.entries.entry(app).or_insert_with(|| Entry { since, ..Entry::default() });
        }
    }

    /// Whether the app wants offers now, and if not, from when on.
    pub(super) fn look_at_launches(&mut self, cx: &mut Cx, app: Symbol) {
        let (mut wants, mut later) = (SmallVec::<[RoleId; 1]>::new(), None::<Time>);
        let scheduled = self.tracker.app(app).map(|app| &app.scheduled);
        for (changed, ids) in scheduled.into_iter().flatten() {
            match self.limiter.deadline(ConfigKey { app, changed: *changed }) {
                Some(deadline) if deadline > cx.now => later = Some(later.map_or(deadline, |l| l.min(deadline))),
                // Instances of one configuration have one role.
                _ => wants
                    .extend(ids.first().and_then(|id| self.tracker.get(*id)).map(|i| cx.names.intern(&i.spec.role))),
            }
        }
        wants.sort_unstable();
        wants.dedup();
        if self.tracker.app(app).is_none_or(|known| known.waiting() == 0) {
            self.launch.entries.swap_remove(&app);
        }
        let launch = &mut self.launch;
        if let Some(old) = launch.delay_of.remove(&app) {
            launch.delays.remove(&(old, app));
        }
        if let Some(deadline) = later {
            launch.delay_of.insert(app, deadline);
            launch.delays.insert((deadline, app));
            self.arm_delays(cx);
        }
        let wanted = self.launch.wanting.get(&app).cloned().unwrap_or_default();
        for role in wants.iter().filter(|role| !wanted.contains(role)) {
            self.revive.app_wants(*role, true);
        }
        for role in wanted.iter().filter(|role| !wants.contains(role)) {
            self.revive.app_wants(*role, false);
        }
        if wants.is_empty() {
            self.launch.wanting.remove(&app);
        } else if wants != wanted {
            self.launch.wanting.insert(app, wants);
        }
        self.revive_if_needed(cx);
    }

    fn arm_delays(&mut self, cx: &mut Cx) {
        if let Some((first, _)) = self.launch.delays.first() {
            cx.timer(TimerKey::new(timer::DELAYS, 0), (*first - cx.now).max(crate::base::time::Span::ZERO));
        }
    }

    pub(super) fn delays_over(&mut self, cx: &mut Cx) {
        while let Some((due, app)) = self.launch.delays.first().copied().filter(|(due, _)| *due <= cx.now) {
            self.launch.delays.remove(&(due, app));
            self.launch.delay_of.remove(&app);
            self.want_more(cx, app);
            self.look_at_launches(cx, app);
        }
        self.arm_delays(cx);
    }

    /// Forgets the delay of an app (all its configurations, or one).
    pub(super) fn reset_delay(&mut self, cx: &mut Cx, path: &PathId, config: Option<ConfigKey>) {
        let app = cx.names.intern(path.as_str());
        let any = match config {
            Some(key) => self.limiter.reset(key),
            None => !self.limiter.reset_app(app).is_empty(),
        };
        if any {
            self.want_more(cx, app);
            self.look_at_launches(cx, app);
        }
    }

    /// A delay of the app is over: the roles of what may be launched have a new reason for offers.
    fn want_more(&mut self, cx: &mut Cx, app: Symbol) {
        let scheduled = self.tracker.app(app).map(|app| &app.scheduled);
        for (changed, ids) in scheduled.into_iter().flatten() {
            let deadline = self.limiter.deadline(ConfigKey { app, changed: *changed });
            if deadline.is_none_or(|deadline| deadline <= cx.now)
                && let Some(instance) = ids.first().and_then(|id| self.tracker.get(*id))
            {
                self.revive.want_more(cx.names.intern(&instance.spec.role));
            }
        }
    }
}

/// A version 4 UUID out of 128 random bits.
pub(super) fn uuid(a: u64, b: u64) -> String {
    let (high, low) = ((a >> 16) as u16, a as u16);
    let version = 0x4000 | low & 0x0fff;
    let variant = 0x8000 | (b >> 48) as u16 & 0x3fff;
    format!("{:08x}-{high:04x}-{version:04x}-{variant:04x}-{:012x}", (a >> 32) as u32, b & 0xffff_ffff_ffff)
}
