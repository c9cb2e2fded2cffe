//! What follows from a change of an instance, in upstream's order (14.5 of the notes): health,
//! backoff, launch queue, events, scale check; then those who listen to events.

use super::tracker::config_of;
use super::writes::Change;
use super::{Marathon, Work, limiter};
use crate::actor::Cx;
use crate::base::id::{JobId, Symbol};
use crate::fact::{Condition, Fact};
use crate::marathon::model::instance::Instance;
use crate::marathon::rest::event::Event;
use crate::marathon::rest::view::{TaskFailure, View};

impl Marathon {
    pub(super) fn changed(&mut self, cx: &mut Cx, change: &Change) {
        let app = cx.names.intern(change.after.spec.id.as_str());
        self.note_change(cx, app, change);
        self.health_saw(cx, change);
        self.pod_health_saw(cx, app, change);
        self.back_off(cx, app, change);
        self.launch_saw(cx, app, change);
        self.tell_change(cx, change);
        self.note_failure(cx, change);
        if Self::needs_scale_check(change) {
            self.work.push_back(Work::ScaleCheck(change.after.spec.id.clone()));
        }
        self.kills_saw(cx, change);
        self.scaling_saw(cx, app, change);
        self.deployments_saw(cx, app, change);
        self.pod_became_healthy(cx, app, change);
    }

    fn note_change(&mut self, cx: &mut Cx, app: Symbol, change: &Change) {
        let after = &change.after;
        let same = |before: &Instance| {
            (before.state.condition, before.state.goal) == (after.state.condition, after.state.goal)
        };
        if !change.expunged && change.before.as_ref().is_some_and(|before| same(before)) {
            return;
        }
        let condition = if change.expunged { Condition::Expunged } else { after.state.condition };
        let host = match &after.place {
            Some(place) => place.info.hostname,
            None => cx.names.intern(""),
        };
        let config = self.template(cx, app, after);
        let (instance, goal) = (after.id.0, after.state.goal);
        cx.fact(Fact::InstanceChanged { app, instance, config, condition, goal, host });
    }

    /// Events about the change, in upstream's order.
    fn tell_change(&mut self, cx: &mut Cx, change: &Change) {
        if !self.has_listeners() {
            return;
        }
        let after = &change.after;
        let task = change.status.and_then(|status| after.tasks.iter().find(|task| task.id == status.task));
        if let (Some(status), Some(task), Some(place)) = (change.status, task, &after.place) {
            let names = &*cx.names;
            let event = Event::StatusUpdate {
                agent: names.agent(place.agent),
                task: names.text(Symbol(task.id.n)).to_owned(),
                state: status.state,
                message: String::new(),
                app: after.spec.id.clone(),
                host: names.text(place.info.hostname).to_owned(),
                address: place.info.address,
                ports: task.host_ports.clone(),
                version: task.version,
            };
            self.event(cx, |_| event);
        }
        let condition = after.state.condition;
        self.event(cx, |view| Event::instance_changed(after, condition, view));
        let before = change.before.as_ref().and_then(|before| before.state.healthy);
        if before != after.state.healthy {
            self.event(cx, |view| health_changed(after, after.state.healthy, view));
        }
    }

    /// The last failure of each app is kept for the API (not over a change of leader).
    fn note_failure(&mut self, cx: &Cx, change: &Change) {
        use Condition as C;
        let (after, Some(status)) = (&change.after, change.status) else { return };
        let condition = after.state.condition;
        if !matches!(condition, C::Error | C::Failed | C::Gone | C::Dropped | C::Unknown | C::Unreachable) {
            return;
        }
        let failure = TaskFailure {
            spec: after.spec.id.clone(),
            host: after.place.as_ref().map_or("", |place| cx.names.text(place.info.hostname)).to_owned(),
            message: status.reason.name().to_owned(),
            state: status.state,
            task: cx.names.text(Symbol(status.task.n)).to_owned(),
            at: cx.wall,
            version: after.spec.versions.version,
            agent: after.place.as_ref().map(|place| cx.names.agent(place.agent)),
        };
        self.failures.insert(after.spec.id.clone(), failure);
    }

    /// The template of an instance's configuration: its interned `<app>@<version of the config>`.
    pub(super) fn template(&mut self, cx: &mut Cx, app: Symbol, instance: &Instance) -> JobId {
        let key = config_of(app, instance);
        if let Some(known) = self.launch.templates.get(&key) {
            return *known;
        }
        let name = format!("{}@{}", instance.spec.id, key.changed);
        let template = JobId(1 << 31 | cx.names.intern(&name).0);
        self.launch.templates.insert(key, template);
        template
    }

    fn back_off(&mut self, cx: &mut Cx, app: Symbol, change: &Change) {
        let after = &change.after;
        if change.before.as_ref().is_some_and(|before| before.state.condition == after.state.condition) {
            return;
        }
        let key = config_of(app, after);
        match limiter::effect_of(after.state.condition) {
            limiter::Effect::Add => {
                self.limiter.add(key, &after.spec.backoff, cx.now);
                self.arm_backoff(cx);
                self.look_at_launches(cx, app);
            }
            limiter::Effect::Advance => {
                if self.limiter.advance(key, cx.now) {
                    self.look_at_launches(cx, app);
                }
            }
            limiter::Effect::Nothing => {}
        }
    }
}

/// The event that an instance's health changed.
pub(super) fn health_changed(instance: &Instance, healthy: Option<bool>, view: &dyn View) -> Event {
    let id = view.names().text(instance.id.0).to_owned();
    let (spec, version) = (instance.spec.id.clone(), instance.spec.versions.version);
    Event::InstanceHealthChanged { instance: id, spec, version, healthy }
}
