//! The client's side of Mesos: subscription of a scheduler with the leading master, as every driver
//! does it (`src/sched/sched.cpp`).
//!
//! When a leader is detected SUBSCRIBE leaves after a random part of the first wait; until it is
//! answered it is repeated after random parts of waits that double each time, up to a tenth of the
//! fail-over time-out and a minute.

use crate::actor::{Cx, ProcessId, TimerKey};
use crate::base::dice::Site;
use crate::base::time::Span;
use crate::mesos::message::{FrameworkInfo, Msg};
use std::sync::Arc;

/// Driver flags: first and largest wait.
const FIRST: Span = Span::from_secs(2);
const MOST: Span = Span::from_secs(60);

/// Where a scheduler stands with the master.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Of the draws, and the timer: a framework's own.
    site: Site,
    timer: u8,
    /// No wait is longer.
    most: Span,
    master: Option<ProcessId>,
    subscribed: bool,
    /// SUBSCRIBE calls planned in this life, and made since the last detection.
    attempts: u64,
    retries: u32,
}

impl Registration {
    #[must_use]
    pub fn new(site: Site, timer: u8, failover_timeout: Span) -> Self {
        let tenth = Span(failover_timeout.0 / 10);
        let most = if tenth > Span::ZERO { tenth.min(MOST) } else { MOST };
        Self { site, timer, most, master: None, subscribed: false, attempts: 0, retries: 0 }
    }

    #[must_use]
    pub fn master(&self) -> Option<ProcessId> {
        self.master
    }
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.subscribed
    }
    /// Whether more than one SUBSCRIBE was sent: which one was heard is then not known.
    #[must_use]
    pub fn has_repeated(&self) -> bool {
        self.retries > 1
    }

    /// Says something to the master, if one is known.
    pub fn tell(&self, cx: &mut Cx, msg: Msg) {
        if let Some(master) = self.master {
            cx.send(master, msg);
        }
    }

    /// There is another leader, none, or the connection with this one broke.
    pub fn detected(&mut self, cx: &mut Cx, leader: Option<ProcessId>) {
        self.noticed(cx, leader);
        self.begin(cx);
    }

    /// The same for a process that does not want to subscribe, or not yet.
    pub fn noticed(&mut self, cx: &mut Cx, leader: Option<ProcessId>) {
        self.master = leader;
        self.subscribed = false;
        self.retries = 0;
        cx.cancel(TimerKey::new(self.timer, 0));
    }

    /// Subscribes with the leader, if there is one.
    pub fn begin(&mut self, cx: &mut Cx) {
        if self.master.is_some() {
            self.arm(cx, FIRST);
        }
    }

    fn arm(&mut self, cx: &mut Cx, most: Span) {
        let n = self.attempts;
        self.attempts += 1;
        let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
        let wait = Span(cx.draw(self.site, entity, n).between(0, most.0));
        cx.timer(TimerKey::new(self.timer, 0), wait);
    }

    /// The timer fired: SUBSCRIBE, if it is still called for.
    pub fn due(&mut self, cx: &mut Cx, info: impl FnOnce() -> FrameworkInfo) {
        let Some(master) = self.master.filter(|_| !self.subscribed) else { return };
        cx.send(master, Msg::Subscribe { info: Arc::new(info()), force: true });
        self.retries += 1;
        let doubled = Span(FIRST.0.saturating_mul(1 << self.retries.min(32)));
        self.arm(cx, doubled.min(self.most));
    }

    /// The master answered; false if it had before.
    pub fn answered(&mut self, cx: &mut Cx) -> bool {
        if std::mem::replace(&mut self.subscribed, true) {
            return false;
        }
        cx.cancel(TimerKey::new(self.timer, 0));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Effect;
    use crate::actor::testing::Bench;
    use crate::base::id::Symbol;
    use crate::mesos::message::Capabilities;

    const SITE: Site = Site::new("registration-bench");
    const MASTER: ProcessId = ProcessId { slot: 9, incarnation: 0 };

    fn info() -> FrameworkInfo {
        FrameworkInfo {
            name: Symbol(1),
            id: None,
            roles: vec![Symbol(2)],
            principal: None,
            failover_timeout: Span::ZERO,
            checkpoint: false,
            capabilities: Capabilities::default(),
            suppressed: Vec::new(),
        }
    }

    /// The wait that was armed, if one was, and whether SUBSCRIBE was sent.
    fn seen(effects: &[Effect]) -> (Option<Span>, bool) {
        let wait = effects.iter().find_map(|e| if let Effect::Timer { after, .. } = e { Some(*after) } else { None });
        (wait, effects.iter().any(|e| matches!(e, Effect::Send { msg: Msg::Subscribe { .. }, .. })))
    }

    #[test]
    fn waits_double_up_to_their_bound() {
        for (failover_timeout, bound) in [(Span::ZERO, 60), (Span::from_secs(300), 30), (Span::from_secs(1 << 20), 60)]
        {
            let (mut bench, mut registration) = (Bench::new(), Registration::new(SITE, 1, failover_timeout));
            let (first, sent) = seen(&bench.run(|cx| registration.detected(cx, Some(MASTER))));
            assert!(first.is_some_and(|wait| wait <= FIRST) && !sent);
            let mut longest = Span::ZERO;
            for retry in 1..40 {
                let (wait, sent) = seen(&bench.run(|cx| registration.due(cx, info)));
                let most = Span::from_secs((2_i64 << retry.min(20)).min(bound));
                assert!(sent && wait.is_some_and(|wait| wait <= most), "{retry}: {wait:?} of {most}");
                assert_eq!(registration.has_repeated(), retry > 1);
                longest = longest.max(wait.unwrap_or(Span::ZERO));
            }
            assert!(longest > Span::from_secs(bound / 2), "{longest}");
        }
    }

    #[test]
    fn an_answer_ends_the_repetitions_until_the_next_detection() {
        let (mut bench, mut registration) = (Bench::new(), Registration::new(SITE, 1, Span::ZERO));
        bench.run(|cx| registration.detected(cx, Some(MASTER)));
        bench.run(|cx| registration.due(cx, info));
        bench.run(|cx| assert!(registration.answered(cx) && !registration.answered(cx)));
        assert!(registration.is_subscribed());
        assert_eq!(seen(&bench.run(|cx| registration.due(cx, info))), (None, false));
        let (wait, _) = seen(&bench.run(|cx| registration.detected(cx, Some(MASTER))));
        assert!(wait.is_some() && !registration.is_subscribed() && !registration.has_repeated());
        assert_eq!(seen(&bench.run(|cx| registration.detected(cx, None))), (None, false));
        assert!(bench.run(|cx| registration.tell(cx, Msg::Detected { leader: None })).is_empty(), "to nobody");
        assert_eq!(seen(&bench.run(|cx| registration.due(cx, info))), (None, false));
    }
}
