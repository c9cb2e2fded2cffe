//! Marathon as a state machine: carries commands out against Mesos.
//!
//! Upstream is a society of actors; here each actor's part is a file, and a message between two of
//! them is a call, or an entry in the queue `work` where an answer would otherwise come back in the
//! middle of the question. The order of upstream that can be seen from outside is kept: a change
//! of an instance is written to the store, then applied, then told to the others one after the
//! other (14.5 of the notes); a launch is written before it is accepted; a status is acknowledged
//! after it was written.

pub mod callbacks;
pub mod changes;
pub mod constraints;
pub mod deploy;
pub mod downloads;
pub mod driver;
pub mod flags;
pub mod groups;
pub mod health;
pub mod http;
pub mod jobs;
pub mod kill;
pub mod launch;
pub mod limiter;
pub mod matching;
pub mod offers;
mod pods;
pub mod ports;
pub mod probe;
pub mod residents;
pub mod resources;
pub mod revive;
pub mod scaling;
pub mod status;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod traces;
pub mod tracker;
pub mod update;
pub mod view;
pub mod volumes;
pub mod writes;

use crate::actor::bug::Bug;
use crate::actor::{Cx, Effect, Input, ProcessId, TimerKey};
use crate::base::id::Symbol;
use crate::base::map::Lookup;
use crate::base::time::{Span, Time};
use crate::fact::{Fact, ProcessKind};
use crate::job::{Behaviour, Service};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;
use crate::marathon::model::version::Version;
use crate::marathon::rest::view::TaskFailure;
use crate::mesos::message::Msg;
use flags::Flags;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Kinds of timers.
mod timer {
    pub(super) const SUBSCRIBE: u8 = 1;
    pub(super) const OVERDUE: u8 = 3;
    pub(super) const EXPUNGE: u8 = 4;
    pub(super) const SCALE: u8 = 5;
    pub(super) const RECONCILE: u8 = 6;
    pub(super) const BACKOFF: u8 = 7;
    pub(super) const DELAYS: u8 = 8;
    pub(super) const REVIVE: u8 = 9;
    pub(super) const REPEAT: u8 = 10;
    pub(super) const KILL: u8 = 11;
    pub(super) const HEALTH: u8 = 12;
    pub(super) const PROBE: u8 = 13;
    pub(super) const SYNC: u8 = 14;
    pub(super) const READINESS: u8 = 15;
    pub(super) const ABDICATE: u8 = 16;
    pub(super) const FORWARD: u8 = 17;
    pub(super) const CALLBACK: u8 = 18;
}

/// How the tasks of an app behave: what a scenario says of its synthetic containers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Synthetic {
    pub behaviour: Behaviour,
    pub service: Service,
    /// They are schedulers: a program of the scenario, by number.
    pub program: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Standby,
    /// Elected; the store is being read.
    Loading,
    Leading,
}

/// What is done when the present matter is through.
#[derive(Clone, Debug)]
enum Work {
    ScaleCheck(PathId),
    /// Whatever waits for its first step.
    Deploy(Symbol),
}

#[derive(Clone, Debug)]
pub struct Marathon {
    flags: Arc<Flags>,
    /// By app, as its path is interned.
    synthetic: Arc<Lookup<Symbol, Synthetic>>,
    phase: Phase,
    /// When it began to lead; jobs are paced from here.
    began: Time,
    root: Arc<Group>,
    driver: driver::Driver,
    store: store::Store,
    writes: writes::Writes,
    tracker: tracker::Tracker,
    limiter: limiter::Limiter,
    launch: launch::Launch,
    revive: revive::Revive,
    kills: kill::Kills,
    probes: probe::Probes,
    health: health::Health,
    deployments: deploy::Deployments,
    locks: jobs::Locks,
    groups: groups::Groups,
    http: http::Http,
    callbacks: callbacks::Callbacks,
    failures: BTreeMap<PathId, TaskFailure>,
    work: VecDeque<Work>,
}

impl Marathon {
    #[must_use]
    pub fn new(flags: Arc<Flags>, synthetic: Arc<Lookup<Symbol, Synthetic>>) -> Self {
        let driver = driver::Driver::new(&flags);
        let home = flags.home_region;
        Self {
            flags,
            synthetic,
            phase: Phase::Standby,
            began: Time::ZERO,
            root: Arc::new(Group::empty(PathId::root(), Version::default())),
            driver,
            store: store::Store::default(),
            writes: writes::Writes::default(),
            tracker: tracker::Tracker::new(home),
            limiter: limiter::Limiter::default(),
            launch: launch::Launch::default(),
            revive: revive::Revive::default(),
            kills: kill::Kills::default(),
            probes: probe::Probes::default(),
            health: health::Health::default(),
            deployments: deploy::Deployments::default(),
            locks: jobs::Locks::default(),
            groups: groups::Groups::default(),
            http: http::Http::default(),
            callbacks: callbacks::Callbacks::default(),
            failures: BTreeMap::new(),
            work: VecDeque::new(),
        }
    }

    #[must_use]
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Start { .. } => self.start(cx),
            Input::Message { from, msg } => self.message(cx, from, msg),
            Input::Timer { key } => self.timer(cx, key),
            Input::Exited { peer } => {
                self.disconnected(cx, peer);
                self.client_gone(peer);
                self.leader_gone(cx, peer);
                self.endpoint_gone(cx, peer);
            }
            Input::WatchMissed { misses, .. } => self.beat_missed(cx, misses),
            Input::Linked { .. } | Input::Persisted { .. } | Input::ContainerEnded { .. } => {}
        }
        self.settle(cx);
    }

    fn start(&mut self, cx: &mut Cx) {
        if self.flags.store == flags::Store::Memory {
            self.elected(cx);
        } else if cx.shows(Bug::StandbyExpunges) {
            cx.timer(TimerKey::new(timer::EXPUNGE, 0), self.flags.task_lost_expunge_initial_delay);
        }
    }

    fn message(&mut self, cx: &mut Cx, from: ProcessId, msg: Msg) {
        match msg {
            Msg::Detected { leader } => self.detected(cx, leader),
            Msg::Probed { token, status } => self.probed(cx, token, status),
            Msg::Stored { token, answer } => self.stored(cx, token, &answer),
            Msg::Candidacy { leading: true, .. } => self.elected(cx),
            Msg::Candidacy { leading: false, .. } if self.leads() && cx.shows(Bug::ActsAfterDefeat) => {
                cx.fact(Fact::LeaderLost {
                    kind: ProcessKind::Marathon,
                    slot: cx.me.slot,
                    incarnation: cx.me.incarnation,
                });
            }
            Msg::Candidacy { leading: false, .. } if self.phase != Phase::Standby => self.exit(cx),
            Msg::Http { token, request } => {
                self.http(cx, http::Client { process: from, token }, &request);
            }
            Msg::HttpReply { token, response } => self.forwarded_answered(cx, from, token, response),
            _ if self.phase == Phase::Leading => self.mesos_says(cx, from, msg),
            _ => {}
        }
    }

    fn timer(&mut self, cx: &mut Cx, key: TimerKey) {
        match key.kind() {
            timer::SUBSCRIBE => self.subscribe(cx),
            timer::OVERDUE => self.find_overdue(cx),
            timer::EXPUNGE if self.phase == Phase::Standby && cx.shows(Bug::StandbyExpunges) => self.purge(cx),
            timer::EXPUNGE => self.expunge_lost(cx),
            timer::SCALE => self.check_all(cx),
            timer::RECONCILE => self.reconcile(cx),
            timer::BACKOFF => self.clean_up_backoff(cx),
            timer::DELAYS => self.delays_over(cx),
            timer::REVIVE => self.frame_due(cx),
            timer::REPEAT => self.repeat_revive(cx),
            timer::KILL => self.retry_kills(cx),
            timer::HEALTH => self.check_health(cx, key.number()),
            timer::PROBE => self.probes_late(cx),
            timer::SYNC => self.sync_action(cx, Symbol(key.number() as u32)),
            timer::READINESS => self.ask_readiness(cx, key.number()),
            timer::ABDICATE => self.abdicate(cx),
            timer::CALLBACK => self.posts_late(cx),
            timer::FORWARD => self.find_leader(cx, key.number()),
            _ => {}
        }
    }

    /// Does what has been put off, until nothing is left.
    fn settle(&mut self, cx: &mut Cx) {
        loop {
            if self.follow_up(cx) || self.write_next(cx) {
                continue;
            }
            match self.work.pop_front() {
                Some(Work::ScaleCheck(path)) => self.check_scale(cx, &path),
                Some(Work::Deploy(id)) => self.next_step(cx, id),
                None => break,
            }
        }
    }

    // ---- leadership ----

    /// Whether it is the leader, and serves.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.phase == Phase::Leading
    }

    /// Elected: what a predecessor left is read first.
    fn elected(&mut self, cx: &mut Cx) {
        if self.phase != Phase::Standby {
            return;
        }
        self.phase = Phase::Loading;
        cx.fact(Fact::LeaderElected { kind: ProcessKind::Marathon, slot: cx.me.slot, incarnation: cx.me.incarnation });
        self.load(cx);
    }

    /// Everything is there: parts that only a leader has begin their work, then the driver.
    fn ready(&mut self, cx: &mut Cx) {
        self.phase = Phase::Leading;
        self.began = cx.now;
        self.launch.begin(self.flags.launch_tokens);
        self.tracker.ignores_launching = cx.shows(Bug::LaunchesUnseen);
        self.begin_callbacks(cx);
        self.begin_jobs(cx);
        self.resume_deployments(cx);
        self.reconcile_health(cx);
        self.kill_decommissioned(cx);
        self.revive_all(cx);
        cx.fact(Fact::LeaderReady { kind: ProcessKind::Marathon, slot: cx.me.slot, incarnation: cx.me.incarnation });
        self.drive(cx);
    }

    /// The process ends, as upstream's does; a supervisor starts it again as a standby.
    fn exit(&mut self, cx: &mut Cx) {
        if self.phase != Phase::Standby {
            let (slot, incarnation) = (cx.me.slot, cx.me.incarnation);
            cx.fact(Fact::LeaderLost { kind: ProcessKind::Marathon, slot, incarnation });
        }
        cx.outbox.push(Effect::Exit { key: None });
    }

    // ---- words that several parts need ----

    /// The definition as it is to be.
    fn spec(&self, path: &PathId) -> Option<&Arc<RunSpec>> {
        self.root.spec(path)
    }

    /// Until the next instant of a job's grid: `first` after the beginning, then every `period`.
    fn until_tick(&self, now: Time, first: Span, period: Span) -> Span {
        let passed = now - self.began - first;
        if passed.0 < 0 {
            return Span(-passed.0);
        }
        Span(period.0 - passed.0 % period.0.max(1))
    }
}
