//! The scheduler driver: subscription with the leading master, and its messages
//! (`MarathonSchedulerDriver`, `MarathonScheduler`). Only a leader drives.

use super::flags::Flags;
use super::{Marathon, Phase, timer};
use crate::actor::bug::Bug;
use crate::actor::{Cx, Effect, ProcessId, WatchMode};
use crate::base::dice::Site;
use crate::base::id::{AgentId, FrameworkId, RoleId};
use crate::base::map::Lookup;
use crate::base::time::Span;
use crate::marathon::model::flags::Feature;
use crate::marathon::rest::event::Event;
use crate::marathon::rest::show;
use crate::marathon::rest::view::View;
use crate::mesos::driver::Registration;
use crate::mesos::message::{AgentInfo, Capabilities, FrameworkInfo, Msg, OfferBatch};
use std::sync::Arc;

const BACKOFF: Site = Site::new("marathon-registration-backoff");
/// `mesos_heartbeat_interval` and `mesos_heartbeat_failure_threshold`.
const HEARTBEAT: Span = Span::from_secs(15);
const HEARTBEATS_MISSED: u32 = 5;

#[derive(Clone, Debug)]
pub(super) struct Driver {
    registration: Registration,
    /// Kept in the store from the first subscription on.
    pub(super) id: Option<FrameworkId>,
    /// Roles of the next subscription, and those of them that are suppressed.
    roles: Vec<RoleId>,
    suppressed: Vec<RoleId>,
    /// It was subscribed in this life of the process. Quirk: a new leader subscribes with its own
    /// role alone, and has the others added when the master knows it.
    introduced: bool,
    /// Roles or suppression changed while there was no connection.
    changed: bool,
    /// What offers say of agents.
    pub(super) agents: Lookup<AgentId, Arc<AgentInfo>>,
}

impl Driver {
    pub(super) fn new(flags: &Flags) -> Self {
        Self {
            registration: Registration::new(BACKOFF, timer::SUBSCRIBE, flags.definitions.failover_timeout),
            id: None,
            roles: Vec::new(),
            suppressed: Vec::new(),
            introduced: false,
            changed: false,
            agents: Lookup::default(),
        }
    }
    /// The framework's id, if the master can be spoken to.
    pub(super) fn connected_as(&self) -> Option<FrameworkId> {
        self.id.filter(|_| self.registration.is_subscribed())
    }
    pub(super) fn set_roles(&mut self, roles: Vec<RoleId>, suppressed: Vec<RoleId>) {
        (self.roles, self.suppressed) = (roles, suppressed);
    }
    /// What could not be said now is, with everything that holds then, when there is a connection.
    pub(super) fn say_at_connection(&mut self) {
        self.changed = true;
    }
}

impl Marathon {
    /// The leading master, or none.
    pub(super) fn detected(&mut self, cx: &mut Cx, leader: Option<ProcessId>) {
        if self.driver.registration.is_subscribed() {
            self.event(cx, |_| Event::SchedulerDisconnected);
        }
        if let Some(old) = self.driver.registration.master()
            && Some(old) != leader
        {
            cx.outbox.push(Effect::Unwatch { peer: old });
        }
        self.driver.registration.noticed(cx, leader);
        if self.phase == Phase::Leading {
            self.drive(cx);
        }
    }

    pub(super) fn drive(&mut self, cx: &mut Cx) {
        self.driver.registration.begin(cx);
    }

    pub(super) fn disconnected(&mut self, cx: &mut Cx, peer: ProcessId) {
        if Some(peer) == self.driver.registration.master() {
            self.detected(cx, Some(peer));
        }
    }

    /// No sign of the master for too long: the process ends.
    pub(super) fn beat_missed(&mut self, cx: &mut Cx, misses: u32) {
        if misses == HEARTBEATS_MISSED && self.phase == Phase::Leading {
            self.exit(cx);
        }
    }

    pub(super) fn subscribe(&mut self, cx: &mut Cx) {
        if self.phase == Phase::Leading {
            let (flags, driver) = (&self.flags, &mut self.driver);
            let (id, introduced) = (driver.id, driver.introduced);
            let (roles, suppressed) = match introduced {
                true => (driver.roles.clone(), driver.suppressed.clone()),
                false => (vec![flags.mesos_role], Vec::new()),
            };
            driver.registration.due(cx, || info(flags, id, roles, suppressed));
        }
    }

    /// UPDATE_FRAMEWORK, now or when there is a connection.
    pub(super) fn update_framework(&mut self, cx: &mut Cx) {
        let Some(framework) = self.driver.connected_as() else { return self.driver.say_at_connection() };
        let (roles, suppressed) = (self.driver.roles.clone(), self.driver.suppressed.clone());
        let info = Arc::new(info(&self.flags, Some(framework), roles, suppressed));
        self.tell(cx, Msg::UpdateCall { framework, info });
    }

    fn subscribed(&mut self, cx: &mut Cx, id: FrameworkId) {
        let known = self.driver.id == Some(id);
        self.driver.id = Some(id);
        if !self.driver.registration.answered(cx) {
            return;
        }
        self.driver.introduced = true;
        self.driver.agents.clear();
        let master = self.driver.registration.master();
        if let Some(master) = master {
            let (every, misses) = (HEARTBEAT, HEARTBEATS_MISSED);
            cx.outbox.push(Effect::Watch { peer: master, every, misses, mode: WatchMode::Ping });
        }
        let master = master.map_or_else(String::new, |master| show::address(master.slot));
        if known {
            self.event(cx, |_| Event::SchedulerReregistered { master });
        } else {
            self.event(cx, |view| Event::SchedulerRegistered {
                framework: view.names().framework(id).to_owned(),
                master,
            });
            self.keep_framework_id(cx, id);
        }
        if std::mem::take(&mut self.driver.changed) {
            self.update_framework(cx);
        }
    }

    pub(super) fn tell(&self, cx: &mut Cx, msg: Msg) {
        if self.driver.registration.is_subscribed() {
            self.driver.registration.tell(cx, msg);
        }
    }

    pub(super) fn mesos_says(&mut self, cx: &mut Cx, from: ProcessId, msg: Msg) {
        if Some(from) != self.driver.registration.master() {
            return;
        }
        match msg {
            Msg::Subscribed { framework } => self.subscribed(cx, framework),
            Msg::Offers(batch) if self.driver.registration.is_subscribed() => {
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

fn info(flags: &Flags, id: Option<FrameworkId>, roles: Vec<RoleId>, suppressed: Vec<RoleId>) -> FrameworkInfo {
    let definitions = &flags.definitions;
    FrameworkInfo {
        name: flags.framework_name,
        id,
        roles,
        principal: flags.principal,
        failover_timeout: definitions.failover_timeout,
        checkpoint: definitions.checkpoint,
        capabilities: Capabilities {
            partition_aware: true,
            gpu_resources: definitions.has(Feature::GpuResources),
            task_killing_state: definitions.has(Feature::TaskKilling),
            multi_role: true,
            ..Capabilities::default()
        },
        suppressed,
    }
}
