//! The scheduler driver: subscription with the leading master, and its messages
//! (`MarathonSchedulerDriver`, `MarathonScheduler`). Only a leader drives.

use super::{Marathon, Phase, timer};
use crate::actor::bug::Bug;
use crate::actor::{Cx, Effect, ProcessId, TimerKey, WatchMode};
use crate::base::dice::Site;
use crate::base::id::{AgentId, FrameworkId};
use crate::base::map::Lookup;
use crate::base::time::Span;
use crate::marathon::model::flags::Feature;
use crate::marathon::rest::event::Event;
use crate::marathon::rest::show;
use crate::marathon::rest::view::View;
use crate::mesos::message::{AgentInfo, Capabilities, FrameworkInfo, Msg, OfferBatch};
use std::sync::Arc;

const BACKOFF: Site = Site::new("marathon-registration-backoff");
/// Registration back-off of the driver: first and largest wait.
const BACKOFF_FIRST: Span = Span::from_secs(2);
const BACKOFF_MOST: Span = Span::from_secs(60);
/// `mesos_heartbeat_interval` and `mesos_heartbeat_failure_threshold`.
const HEARTBEAT: Span = Span::from_secs(15);
const HEARTBEATS_MISSED: u32 = 5;

#[derive(Clone, Default, Debug)]
pub(super) struct Driver {
    pub(super) master: Option<ProcessId>,
    pub(super) subscribed: bool,
    /// Kept in the store from the first subscription on.
    pub(super) id: Option<FrameworkId>,
    attempts: u64,
    retries: u32,
    /// What offers say of agents.
    pub(super) agents: Lookup<AgentId, Arc<AgentInfo>>,
}

impl Marathon {
    /// The leading master, or none.
    pub(super) fn detected(&mut self, cx: &mut Cx, leader: Option<ProcessId>) {
        if self.driver.subscribed {
            self.event(cx, |_| Event::SchedulerDisconnected);
        }
        if let Some(old) = self.driver.master
            && Some(old) != leader
        {
            cx.outbox.push(Effect::Unwatch { peer: old });
        }
        self.driver.master = leader;
        self.driver.subscribed = false;
        self.driver.retries = 0;
        cx.cancel(TimerKey::new(timer::SUBSCRIBE, 0));
        if self.phase == Phase::Leading {
            self.drive(cx);
        }
    }

    pub(super) fn drive(&mut self, cx: &mut Cx) {
        if self.driver.master.is_some() {
            self.arm_subscription(cx, BACKOFF_FIRST);
        }
    }

    pub(super) fn disconnected(&mut self, cx: &mut Cx, peer: ProcessId) {
        if Some(peer) == self.driver.master {
            self.detected(cx, Some(peer));
        }
    }

    /// No sign of the master for too long: the process ends.
    pub(super) fn beat_missed(&mut self, cx: &mut Cx, misses: u32) {
        if misses == HEARTBEATS_MISSED && self.phase == Phase::Leading {
            self.exit(cx);
        }
    }

    fn arm_subscription(&mut self, cx: &mut Cx, most: Span) {
        let n = self.driver.attempts;
        self.driver.attempts += 1;
        let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
        let wait = Span(cx.draw(BACKOFF, entity, n).between(0, most.0));
        cx.timer(TimerKey::new(timer::SUBSCRIBE, 0), wait);
    }

    pub(super) fn subscribe(&mut self, cx: &mut Cx) {
        let leading = self.phase == Phase::Leading;
        let Some(master) = self.driver.master.filter(|_| leading && !self.driver.subscribed) else { return };
        let definitions = &self.flags.definitions;
        let info = FrameworkInfo {
            name: self.flags.framework_name,
            id: self.driver.id,
            role: self.flags.mesos_role,
            principal: self.flags.principal,
            failover_timeout: definitions.failover_timeout,
            checkpoint: definitions.checkpoint,
            capabilities: Capabilities {
                partition_aware: true,
                gpu_resources: definitions.has(Feature::GpuResources),
                task_killing_state: definitions.has(Feature::TaskKilling),
                ..Capabilities::default()
            },
            suppressed: self.revive.is_suppressed(),
        };
        cx.send(master, Msg::Subscribe { info: Arc::new(info), force: true });
        self.driver.retries += 1;
        let most = Span(BACKOFF_FIRST.0.saturating_mul(1 << self.driver.retries.min(32)));
        let tenth = Span(definitions.failover_timeout.0 / 10);
        let cap = if tenth > Span::ZERO { tenth.min(BACKOFF_MOST) } else { BACKOFF_MOST };
        self.arm_subscription(cx, most.min(cap));
    }

    fn subscribed(&mut self, cx: &mut Cx, id: FrameworkId) {
        let known = self.driver.id == Some(id);
        self.driver.id = Some(id);
        if self.driver.subscribed {
            return;
        }
        self.driver.subscribed = true;
        self.driver.agents.clear();
        cx.cancel(TimerKey::new(timer::SUBSCRIBE, 0));
        if let Some(master) = self.driver.master {
            let (every, misses) = (HEARTBEAT, HEARTBEATS_MISSED);
            cx.outbox.push(Effect::Watch { peer: master, every, misses, mode: WatchMode::Ping });
        }
        let master = self.driver.master.map_or_else(String::new, |master| show::address(master.slot));
        if known {
            self.event(cx, |_| Event::SchedulerReregistered { master });
        } else {
            self.event(cx, |view| Event::SchedulerRegistered {
                framework: view.names().framework(id).to_owned(),
                master,
            });
            self.keep_framework_id(cx, id);
        }
        // The master keeps the suppression of an earlier subscription, so say what holds now.
        self.say_suppression(cx);
    }

    pub(super) fn tell(&self, cx: &mut Cx, msg: Msg) {
        if let Some(master) = self.driver.master.filter(|_| self.driver.subscribed) {
            cx.send(master, msg);
        }
    }

    pub(super) fn mesos_says(&mut self, cx: &mut Cx, from: ProcessId, msg: Msg) {
        if Some(from) != self.driver.master {
            return;
        }
        match msg {
            Msg::Subscribed { framework } => self.subscribed(cx, framework),
            Msg::Offers(batch) if self.driver.subscribed => {
                self.describe(&batch);
                self.offers(cx, &batch);
            }
            Msg::Update(update) => self.status(cx, update),
            // "Framework has been removed" and whatever else is fatal: the framework id stays in
            // the store; an operator has to remove it.
            Msg::Error { .. } if cx.shows(Bug::ActsAfterDefeat) => {}
            Msg::Error { .. } => self.exit(cx),
            // A rescinded offer is only logged upstream; `slaveLost` is ignored.
            _ => {}
        }
    }

    fn describe(&mut self, batch: &OfferBatch) {
        for (agent, info) in &batch.described {
            self.driver.agents.insert(*agent, info.clone());
        }
    }
}
