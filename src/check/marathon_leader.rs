//! Only the Marathon that leads touches its store and its driver.
//!
//! Upstream promises it by its election service: a standby proxies requests and nothing else, and a
//! leader that lost its leadership exits (`core/election/`, MARATHON-7763).
//!
//! AREAS VERIFIED: every request to the store, every call to Mesos and every kill that a Marathon
//! process sends comes after it was elected, and before it says that it lost, in the same life.
//! AREAS NOT VERIFIED: whether the election was right: two may believe that they lead while one is
//! cut off, until its session expires, as upstream.

use super::{Hears, Invariant, View};
use crate::base::map::Set;
use crate::fact::{At, Fact, ProcessKind};
use crate::mesos::message::Msg;
use crate::world::Seen;
use crate::zk::wire::Request;

pub const SUMMARY: &str = "a Marathon that does not lead touches neither store nor driver";

#[derive(Clone, Default)]
pub struct MarathonLeader {
    leading: Set<u32>,
    /// What a process sent in this step while it did not lead, as far as known.
    suspect: Option<(u32, &'static str)>,
}

impl Invariant for MarathonLeader {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts, Hears::Steps]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["store", "SUBSCRIBE", "ACCEPT", "DECLINE", "REVIVE", "SUPPRESS", "UPDATE_FRAMEWORK_CALL", "KILL", "ACKNOWLEDGE", "RECONCILE"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["LeaderElected", "LeaderLost", "ProcessStopped"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        let touches = match msg {
            // A standby reads where the leader is, in order to pass requests on.
            Msg::Store { request, .. } => {
                !matches!(**request, Request::Get { .. } | Request::Children { .. } | Request::Tree { .. })
            }
            Msg::Subscribe { .. }
            | Msg::Accept { .. }
            | Msg::AcceptBulk(_)
            | Msg::Decline { .. }
            | Msg::Revive { .. }
            | Msg::Suppress { .. }
            | Msg::UpdateCall { .. }
            | Msg::Kill { .. }
            | Msg::Acknowledge { .. }
            | Msg::Reconcile { .. } => true,
            _ => false,
        };
        touches && sent && from == ProcessKind::Marathon
    }

    fn message(&mut self, _: View, seen: &Seen) -> Result<(), String> {
        let slot = seen.from.slot;
        if !self.leading.contains(&slot) {
            self.suspect.get_or_insert((slot, seen.msg.label()));
        }
        Ok(())
    }

    fn said(&mut self, _: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::LeaderElected { slot, kind: ProcessKind::Marathon, .. } => {
                self.leading.insert(slot);
                // Facts and messages of one step come apart: what it sent may have come after.
                self.suspect.take_if(|suspect| suspect.0 == slot);
            }
            Fact::LeaderLost { slot, kind: ProcessKind::Marathon, .. }
            | Fact::ProcessStopped { slot, kind: ProcessKind::Marathon, .. } => {
                self.leading.swap_remove(&slot);
            }
            _ => {}
        }
        Ok(())
    }

    fn step(&mut self, _: View) -> Result<(), String> {
        match self.suspect.take() {
            Some((slot, label)) => Err(format!("process {slot}, a Marathon that does not lead, sent {label}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use std::sync::Arc;

    #[test]
    fn fires_when_a_standby_calls_mesos() {
        let (kind, slot, incarnation) = (ProcessKind::Marathon, 0, 0);
        let mut stage = Stage::new("marathon-leader");
        let revive = || Msg::Revive { framework: FRAMEWORK, roles: Arc::default() };
        let looked_at = |from| MarathonLeader::lens(from, &revive(), true);
        assert!(looked_at(kind) && !looked_at(ProcessKind::Framework), "others call Mesos as they like");
        assert!(stage.step(&[(true, revive())], &[Fact::LeaderElected { kind, slot, incarnation }]).is_empty());
        stage.facts(&[Fact::LeaderLost { kind, slot, incarnation }]);
        assert_eq!(stage.send(revive()), ["process 0, a Marathon that does not lead, sent REVIVE"]);
    }
}
