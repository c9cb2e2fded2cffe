//! Asking Mesos for offers, and for none, role by role (`ReviveOffersStreamLogic`,
//! `ReviveOffersState`): at most one frame each interval. A frame tells which roles there are and for
//! which of them nothing is wanted (UPDATE_FRAMEWORK), and revives roles that gained a reason; a role
//! that became wanted or was revived is revived once more on the second tick after.
//!
//! A role is known from the first instance that has it until the leader changes: a master that is
//! told of a role less rescinds its offers, and an app that is deleted and posted again wants no such
//! round trip.

use super::{Marathon, timer};
use crate::actor::{Cx, TimerKey};
use crate::base::id::{RoleId, Symbol};
use crate::base::time::Time;
use crate::marathon::model::instance::Instance;
use crate::mesos::message::Msg;
use std::collections::BTreeMap;

/// Ticks from a revival to its repetition.
const REPEAT_TICKS: u32 = 2;

/// Who wants offers for a role.
#[derive(Clone, Copy, Default, Debug)]
struct Wants {
    /// Apps with something of the role to launch now.
    apps: u32,
    /// Instances that only wait until what they hold is offered, to be given back.
    to_free: u32,
    /// Grows whenever an instance begins to want offers, or a delay ends.
    version: u64,
}

/// What a frame says of a role: whether offers are wanted, for which version.
type Frame = BTreeMap<RoleId, (bool, u64)>;

#[derive(Clone, Default, Debug)]
pub(super) struct Revive {
    /// Every role known in this term.
    roles: BTreeMap<RoleId, Wants>,
    /// Something of `roles` may differ from the last frame.
    changed: bool,
    framed: Frame,
    last_frame: Option<Time>,
    armed: bool,
    /// Roles to revive again, and on the how-manieth tick from here.
    repeat_in: BTreeMap<RoleId, u32>,
}

impl Revive {
    fn role(&mut self, role: RoleId) -> &mut Wants {
        self.changed = true;
        self.roles.entry(role).or_default()
    }
    pub(super) fn want_more(&mut self, role: RoleId) {
        self.role(role).version += 1;
    }
    /// An app begins or ceases to want offers for a role.
    pub(super) fn app_wants(&mut self, role: RoleId, wants: bool) {
        let apps = &mut self.role(role).apps;
        *apps = if wants { *apps + 1 } else { *apps - 1 };
    }
    fn now(&self) -> Frame {
        let state = |(role, wants): (&RoleId, &Wants)| (*role, (wants.apps > 0 || wants.to_free > 0, wants.version));
        self.roles.iter().map(state).collect()
    }
}

impl Marathon {
    /// Beginning of a term: one frame for everything that is there.
    pub(super) fn revive_all(&mut self, cx: &mut Cx) {
        self.revive.role(self.flags.mesos_role);
        let apps: Vec<Symbol> = self.tracker.apps().map(|(app, _)| app).collect();
        for app in apps {
            let instances: Vec<_> = self.tracker.of_app(app).cloned().collect();
            for instance in instances {
                let to_free = instance.is_to_be_freed();
                self.revive.role(cx.names.intern(&instance.spec.role)).to_free += u32::from(to_free);
            }
            self.list_launches(cx, app);
            self.look_at_launches(cx, app);
        }
        self.revive_if_needed(cx);
    }

    /// An instance changed: its role is known from now on, and freeing what it holds may be due.
    pub(super) fn revive_saw(&mut self, cx: &mut Cx, before: Option<&Instance>, after: Option<&Instance>) {
        if let Some(known) = after.or(before) {
            let role = cx.names.intern(&known.spec.role);
            if !self.revive.roles.contains_key(&role) {
                self.revive.role(role);
            }
        }
        let mut to_free = |instance: Option<&Instance>| {
            let instance = instance.filter(|instance| instance.is_to_be_freed())?;
            Some(cx.names.intern(&instance.spec.role))
        };
        let (was, is) = (to_free(before), to_free(after));
        if was == is {
            return;
        }
        if let Some(role) = was {
            self.revive.role(role).to_free -= 1;
        }
        if let Some(role) = is {
            let wants = self.revive.role(role);
            wants.to_free += 1;
            wants.version += 1;
        }
    }

    /// Something changed that decides on offers.
    pub(super) fn revive_if_needed(&mut self, cx: &mut Cx) {
        if !self.revive.changed || self.revive.armed {
            return;
        }
        if self.revive.framed == self.revive.now() {
            self.revive.changed = false;
            return;
        }
        let wait = self.flags.min_revive_offers_interval;
        let next = self.revive.last_frame.map_or(cx.now, |last| last + wait);
        if next <= cx.now {
            return self.frame(cx);
        }
        self.revive.armed = true;
        cx.timer(TimerKey::new(timer::REVIVE, 0), next - cx.now);
    }

    pub(super) fn frame_due(&mut self, cx: &mut Cx) {
        self.revive.armed = false;
        if self.revive.framed != self.revive.now() {
            self.frame(cx);
        }
    }

    fn frame(&mut self, cx: &mut Cx) {
        let now = self.revive.now();
        let before = std::mem::replace(&mut self.revive.framed, now.clone());
        (self.revive.last_frame, self.revive.changed) = (Some(cx.now), false);
        let suppresses = self.flags.suppress_offers;
        let was_wanted = |role: &RoleId| before.get(role).is_some_and(|(wanted, _)| *wanted);
        let other_roles = !before.keys().eq(now.keys());
        let other_wants = now.iter().any(|(role, (wanted, _))| was_wanted(role) != *wanted);
        let (mut unsuppressed, mut revived) = (Vec::new(), Vec::new());
        for (&role, &(wanted, version)) in &now {
            let is_new = if suppresses { wanted && !was_wanted(&role) } else { !before.contains_key(&role) };
            if is_new {
                unsuppressed.push(role);
            }
            let grew = was_wanted(&role) && before[&role].1 < version;
            if wanted && (grew || (!suppresses && !was_wanted(&role))) {
                revived.push(role);
            }
        }
        if other_roles || (suppresses && other_wants) {
            self.say_roles(cx);
            self.repeat_later(cx, &unsuppressed);
        }
        if !revived.is_empty() {
            self.say_revive(cx, &revived);
            self.repeat_later(cx, &revived);
        }
    }

    fn repeat_later(&mut self, cx: &mut Cx, roles: &[RoleId]) {
        let idle = self.revive.repeat_in.is_empty();
        self.revive.repeat_in.extend(roles.iter().map(|role| (*role, REPEAT_TICKS)));
        if idle && !roles.is_empty() {
            self.arm_repeat(cx);
        }
    }

    fn arm_repeat(&mut self, cx: &mut Cx) {
        let period = self.flags.min_revive_offers_interval;
        cx.timer(TimerKey::new(timer::REPEAT, 0), self.until_tick(cx.now, period, period));
    }

    /// A tick: roles whose time has come are revived again, unless nothing is wanted for them.
    pub(super) fn repeat_revive(&mut self, cx: &mut Cx) {
        let mut due = Vec::new();
        for (role, ticks) in &mut self.revive.repeat_in {
            *ticks -= 1;
            // Without suppression Mesos is told that every role is wanted, so all are repeated.
            let wanted = self.revive.framed.get(role).is_some_and(|(wanted, _)| *wanted);
            if *ticks == 0 && (wanted || !self.flags.suppress_offers) {
                due.push(*role);
            }
        }
        self.revive.repeat_in.retain(|_, ticks| *ticks > 0);
        if !self.revive.repeat_in.is_empty() {
            self.arm_repeat(cx);
        }
        if !due.is_empty() {
            self.say_revive(cx, &due);
        }
    }

    // ---- the driver's part ----

    /// Which roles there are, and for which of them no offers are wanted.
    fn say_roles(&mut self, cx: &mut Cx) {
        let mut roles: Vec<RoleId> = self.revive.framed.keys().copied().collect();
        // Names order by bytes on the wire.
        roles.sort_by_key(|role| cx.names.text(*role));
        let unwanted = |role: &RoleId| self.flags.suppress_offers && !self.revive.framed[role].0;
        let suppressed = roles.iter().copied().filter(unwanted).collect();
        self.driver.set_roles(roles, suppressed);
        self.update_framework(cx);
    }

    /// Forget what was refused for these roles.
    fn say_revive(&mut self, cx: &mut Cx, roles: &[RoleId]) {
        let Some(framework) = self.driver.connected_as() else { return self.driver.say_at_connection() };
        self.tell(cx, Msg::Revive { framework, roles: roles.into() });
    }
}
