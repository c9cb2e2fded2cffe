//! An instance that nobody can reach is given up when its strategy says so, and not before.
//!
//! Upstream promises it by `unreachableStrategy` (`InstanceUpdater`, `ExpungeOverdueLostTasksActor`):
//! replaced after `inactiveAfterSeconds`, forgotten after `expungeAfterSeconds`; 0 and 0 stand for at
//! once (MARATHON-8719).
//!
//! AREAS VERIFIED: no wanted instance becomes UnreachableInactive, or is expunged while it is
//! unreachable, before that time has passed since it was seen to be so; never, if its strategy is
//! disabled. AREAS NOT VERIFIED: how much later it is (upstream looks when it next hears of the task);
//! that there is one replacement for each (`no-surplus`, `apps-converge`); Marathons that keep their
//! state in memory.

use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::Lookup;
use crate::base::time::{Span, Time};
use crate::fact::{At, Condition, Fact, Goal};
use crate::marathon::model::app::Unreachable;

pub const SUMMARY: &str = "an unreachable instance is replaced and forgotten when its strategy says so";

/// What is written takes a while to be said.
const SLACK: Span = Span::from_secs(5);

#[derive(Clone, Default)]
pub struct Patience {
    /// When an instance was first seen to be unreachable, until it is back.
    lost: Lookup<Symbol, Time>,
}

impl Invariant for Patience {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["InstanceChanged"]
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        let Fact::InstanceChanged { instance, condition, .. } = fact.what else { return Ok(()) };
        let lost = match condition {
            Condition::Unreachable => {
                self.lost.get_or_insert_with(instance, || fact.at);
                return Ok(());
            }
            Condition::UnreachableInactive => self.lost.get(&instance).copied(),
            _ => self.lost.remove(&instance),
        };
        let before = view.marathons.before().and_then(|before| before.known.as_ref());
        let (Some(lost), Some(before)) = (lost, before.filter(|before| before.is_lost())) else { return Ok(()) };
        let Some(spec) = before.spec().filter(|_| before.goal == Goal::Running) else { return Ok(()) };
        let (done, after) = match (condition, spec.unreachable) {
            (Condition::UnreachableInactive | Condition::Expunged, Unreachable::Disabled) => ("given up", None),
            (Condition::UnreachableInactive, Unreachable::Enabled { inactive_after, .. }) => {
                ("replaced", Some(inactive_after))
            }
            (Condition::Expunged, Unreachable::Enabled { expunge_after, .. }) => ("forgotten", Some(expunge_after)),
            _ => return Ok(()),
        };
        let waited = fact.at - lost;
        if after.is_some_and(|after| waited + SLACK >= after) {
            return Ok(());
        }
        let instance = view.world.names().text(instance);
        let after = after.map_or("never".to_owned(), |after| format!("after {after}"));
        Err(format!("{instance} was {done} {waited} after it was lost; its strategy says {after}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::marathon::core::testing::{scheduled, spec};
    use crate::marathon::model::app::RunSpec;
    use std::sync::Arc;

    fn run(unreachable: Unreachable, at_s: i64, condition: Condition) -> Vec<String> {
        let mut stage = Stage::new("patience");
        let app = Arc::new(RunSpec { unreachable, ..spec("/app", 1) });
        let record = store(1, "instances/host", scheduled(1, app));
        let now = Time::from_secs;
        let is = |condition| instance(1, condition, Goal::Running);
        stage.moment(now(1), 0, &[(true, record)], &[is(Condition::Running)]);
        assert!(stage.at(now(100), &[is(Condition::Unreachable)]).is_empty());
        stage.at(now(at_s), &[is(condition)])
    }

    #[test]
    fn fires_when_an_instance_is_given_up_too_early() {
        let (inactive_after, expunge_after) = (Span::from_secs(300), Span::from_secs(600));
        let default = Unreachable::Enabled { inactive_after, expunge_after };
        assert!(run(default, 400, Condition::UnreachableInactive).is_empty());
        assert!(run(default, 150, Condition::Running).is_empty());
        assert_eq!(
            run(default, 150, Condition::UnreachableInactive),
            ["host was replaced 50s after it was lost; its strategy says after 5m"]
        );
        assert_eq!(
            run(default, 400, Condition::Expunged),
            ["host was forgotten 5m after it was lost; its strategy says after 10m"]
        );
        assert_eq!(
            run(Unreachable::Disabled, 90_000, Condition::UnreachableInactive),
            ["host was given up 1d58m20s after it was lost; its strategy says never"]
        );
    }
}
