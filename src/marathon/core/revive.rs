//! Asking Mesos for offers, and for none (`ReviveOffersStreamLogic`): at most one frame each
//! interval; a role that gained a reason is revived, and once more on the second tick after.

use super::{Marathon, timer};
use crate::actor::{Cx, TimerKey};
use crate::base::time::Time;
use crate::mesos::message::Msg;

#[derive(Clone, Default, Debug)]
pub(super) struct Revive {
    /// Grows whenever an instance begins to want offers, or a delay ends.
    version: u64,
    /// What the last frame said: whether offers were wanted, for which version.
    framed: Option<(bool, u64)>,
    last_frame: Option<Time>,
    armed: bool,
    /// Revive again on the second tick from here.
    ticks_to_repeat: u32,
    suppressed: bool,
}

impl Revive {
    pub(super) fn want_more(&mut self) {
        self.version += 1;
    }
    /// As a subscription must say.
    pub(super) fn is_suppressed(&self) -> bool {
        self.suppressed
    }
}

impl Marathon {
    /// Something is to be launched, or to be given back (which no backoff delays).
    fn wants_offers(&self) -> bool {
        !self.launch.wanting.is_empty() || !self.tracker.to_free.is_empty()
    }

    /// Beginning of a term: one frame for everything that is there.
    pub(super) fn revive_all(&mut self, cx: &mut Cx) {
        let apps: Vec<_> = self.tracker.apps().map(|(app, _)| app).collect();
        for app in apps {
            self.list_launches(cx, app);
            self.look_at_launches(cx, app);
        }
        self.revive.suppressed = self.flags.suppress_offers && !self.wants_offers();
        self.revive_if_needed(cx);
    }

    /// Something changed that decides on offers.
    pub(super) fn revive_if_needed(&mut self, cx: &mut Cx) {
        let now = (self.wants_offers(), self.revive.version);
        if self.revive.framed == Some(now) || self.revive.armed {
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
        if self.revive.framed != Some((self.wants_offers(), self.revive.version)) {
            self.frame(cx);
        }
    }

    fn frame(&mut self, cx: &mut Cx) {
        let wanted = self.wants_offers();
        let before = self.revive.framed.replace((wanted, self.revive.version));
        self.revive.last_frame = Some(cx.now);
        let (was, version) = before.unwrap_or((false, 0));
        if !wanted {
            self.revive.ticks_to_repeat = 0;
            if self.flags.suppress_offers && (was || before.is_none()) {
                self.say_suppression(cx);
            }
            return;
        }
        if !was || self.revive.version > version {
            self.say_suppression(cx);
            self.revive.ticks_to_repeat = 2;
            self.arm_repeat(cx);
        }
    }

    fn arm_repeat(&mut self, cx: &mut Cx) {
        let period = self.flags.min_revive_offers_interval;
        cx.timer(TimerKey::new(timer::REPEAT, 0), self.until_tick(cx.now, period, period));
    }

    pub(super) fn repeat_revive(&mut self, cx: &mut Cx) {
        if self.revive.ticks_to_repeat == 0 {
            return;
        }
        self.revive.ticks_to_repeat -= 1;
        if self.revive.ticks_to_repeat > 0 {
            self.arm_repeat(cx);
        } else if self.wants_offers() {
            self.say_suppression(cx);
        }
    }

    /// Tells Mesos what holds now: offers, whatever was refused before, or none.
    pub(super) fn say_suppression(&mut self, cx: &mut Cx) {
        let Some(framework) = self.driver.id.filter(|_| self.driver.subscribed) else { return };
        self.revive.suppressed = self.flags.suppress_offers && !self.wants_offers();
        let msg = if self.revive.suppressed { Msg::Suppress { framework } } else { Msg::Revive { framework } };
        self.tell(cx, msg);
    }
}
