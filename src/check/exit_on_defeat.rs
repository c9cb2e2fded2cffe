//! A Marathon that loses its leadership ends; nothing of a term lives on in the next one.
//!
//! Upstream promises it since 1.3.6 (marathon#1553, #4656): the process exits, and what its
//! supervisor starts again is a standby without memories.
//!
//! AREAS VERIFIED: a process that says that it lost its leadership is stopped in the same instant,
//! and none is elected twice in one life. AREAS NOT VERIFIED: how soon a leader that is cut off
//! learns that it lost, which its ZooKeeper client decides.

use super::{Hears, Invariant, View};
use crate::base::map::Map;
use crate::base::time::Time;
use crate::fact::{At, Fact, ProcessKind};

pub const SUMMARY: &str = "a Marathon that loses its leadership ends, and leads once in a life";

#[derive(Clone, Default)]
pub struct ExitOnDefeat {
    /// Processes that were elected, with their life.
    terms: Map<u32, u32>,
    /// Processes that lost, and when.
    lost: Map<u32, Time>,
}

impl Invariant for ExitOnDefeat {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts, Hears::Deadlines]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["LeaderElected", "LeaderLost", "ProcessStopped"]
    }

    fn said(&mut self, _: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::LeaderElected { kind: ProcessKind::Marathon, slot, incarnation }
                if self.terms.insert(slot, incarnation) == Some(incarnation) =>
            {
                return Err(format!("process {slot}, a Marathon, was elected twice in one life"));
            }
            Fact::LeaderLost { kind: ProcessKind::Marathon, slot, .. } => {
                self.lost.insert(slot, fact.at);
            }
            Fact::ProcessStopped { kind: ProcessKind::Marathon, slot, .. } => {
                self.lost.swap_remove(&slot);
            }
            _ => {}
        }
        Ok(())
    }

    fn due(&self) -> Option<Time> {
        self.lost.values().min().copied()
    }

    fn overdue(&mut self, _: View) -> Result<(), String> {
        let Some((slot, then)) = self.lost.pop() else { return Ok(()) };
        Err(format!("process {slot}, a Marathon, lost its leadership at {then} and lives on"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::base::id::Symbol;
    use crate::base::time::Time;
    use crate::fact::{Fact, ProcessKind};

    #[test]
    fn fires_when_a_loser_stays() {
        let (kind, slot, incarnation) = (ProcessKind::Marathon, 0, 0);
        let lost = Fact::LeaderLost { kind, slot, incarnation };
        let now = Time::from_secs;
        let mut honest = Stage::new("exit-on-defeat");
        assert!(honest.at(now(1), &[elected(0), lost, process_stopped(kind, Symbol(2))]).is_empty());
        assert!(honest.at(now(2), &[Fact::LeaderElected { kind, slot, incarnation: 1 }]).is_empty());
        assert_eq!(
            honest.at(now(3), &[Fact::LeaderElected { kind, slot, incarnation: 1 }]),
            ["process 0, a Marathon, was elected twice in one life"]
        );
        let mut stays = Stage::new("exit-on-defeat");
        assert!(stays.at(now(1), &[elected(0), lost]).is_empty(), "it may end in this instant");
        assert_eq!(stays.at(now(2), &[serves(1)]), ["process 0, a Marathon, lost its leadership at 00:00:01.000000 and lives on"]);
    }
}
