//! Health checks that an executor runs (`src/checks/health_checker.cpp`): of the service in its own
//! container, reported in status updates; too many failures in a row end the task.

use super::executor::Kill;
use super::{Agent, CHECK_TIMER};
use crate::actor::{Cx, Effect, TimerKey};
use crate::base::time::Time;
use crate::job::{AgentCheck, ServiceClock};
use crate::mesos::task_state::{Reason, TaskState};

/// The check of one task.
#[derive(Clone, Debug)]
pub(super) struct Checking {
    check: AgentCheck,
    clock: ServiceClock,
    began: Time,
    /// No success so far: failures within the grace period do not count.
    initial: bool,
    failures: u32,
    healthy: Option<bool>,
}

/// What follows from one result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Nothing,
    /// It is to be reported; `kill`: and the task to be ended.
    Report {
        healthy: bool,
        kill: bool,
    },
}

impl Checking {
    /// What was said last; an agent that registers again reports it (`getTaskHealth`).
    pub(super) fn health(&self) -> Option<bool> {
        self.healthy
    }
    fn new(check: AgentCheck, now: Time) -> Self {
        Self { check, clock: ServiceClock::new(now), began: now, initial: true, failures: 0, healthy: None }
    }

    /// Only changes to health are reported, but every failure is.
    fn result(&mut self, well: bool, now: Time) -> Verdict {
        if well {
            let news = self.healthy != Some(true);
            (self.initial, self.failures, self.healthy) = (false, 0, Some(true));
            return if news { Verdict::Report { healthy: true, kill: false } } else { Verdict::Nothing };
        }
        if self.initial && now - self.began < self.check.grace_period {
            return Verdict::Nothing;
        }
        self.initial = false;
        self.failures += 1;
        self.healthy = Some(false);
        let most = self.check.consecutive_failures;
        Verdict::Report { healthy: false, kill: most > 0 && self.failures >= most }
    }
}

impl Agent {
    /// The task has been forked: its check begins after its delay.
    pub(super) fn begin_check(&mut self, cx: &mut Cx, at: usize) {
        let task = &mut self.tasks[at];
        let Some(check) = task.spec.check else { return };
        task.checking = Some(Box::new(Checking::new(check, cx.now)));
        cx.timer(TimerKey::new(CHECK_TIMER, task.executor.key()), check.delay);
    }

    pub(super) fn check_task(&mut self, cx: &mut Cx, key: u64) {
        let Some(at) = self.task_of(key) else { return };
        let task = &mut self.tasks[at];
        let (spec, id, group) = (task.spec.clone(), task.id, task.group);
        // The executor of a group checks no container that is being killed.
        if group.is_some() && task.executor.is_killing() {
            return;
        }
        let Some(checking) = task.checking.as_mut().filter(|_| task.executor.is_running()) else { return };
        let status = spec.service.map_or(0, |it| checking.clock.status(&it, cx.dice, (spec.owner, id), cx.now));
        let verdict = checking.result((200..400).contains(&status), cx.now);
        cx.timer(TimerKey::new(CHECK_TIMER, key), checking.check.interval);
        let Verdict::Report { healthy, kill } = verdict else { return };
        self.update_with(cx, at, TaskState::Running, Reason::HealthCheckStatusUpdated, Some(healthy));
        if let Some(group) = group.filter(|_| kill) {
            return self.kill_unhealthy(cx, at, group);
        }
        if kill && self.tasks[at].executor.kill() == Kill::Signal {
            cx.outbox.push(Effect::Exit { key: Some(key) });
        }
    }

    /// What the last update of a task says of its health.
    pub(super) fn health_at_end(&self, at: usize) -> Option<bool> {
        let checking = self.tasks[at].checking.as_ref()?;
        (checking.healthy == Some(false)).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Span;

    #[test]
    fn failures_in_grace_do_not_count_and_enough_in_a_row_kill() {
        let check = AgentCheck {
            delay: Span::ZERO,
            interval: Span::from_secs(10),
            timeout: Span::from_secs(5),
            grace_period: Span::from_secs(30),
            consecutive_failures: 2,
        };
        let mut checking = Checking::new(check, Time::ZERO);
        let mut at = |s, well| checking.result(well, Time::from_secs(s));
        let told = |healthy, kill| Verdict::Report { healthy, kill };
        assert_eq!(at(20, false), Verdict::Nothing);
        assert_eq!(at(30, false), told(false, false));
        assert_eq!(at(40, true), told(true, false));
        assert_eq!(at(50, true), Verdict::Nothing);
        assert_eq!(at(60, false), told(false, false));
        assert_eq!(at(70, false), told(false, true));
    }
}
