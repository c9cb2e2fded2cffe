//! A Marathon serves when it has read its store; that it could not is not that nothing is there.
//!
//! Upstream promises it by aborting the start when loading fails (MARATHON-7784, marathon#2224): a
//! leader that takes a failure for an empty store kills everything as unknown.
//!
//! AREAS VERIFIED: whoever begins to serve has asked its store for everything in this life, and the
//! answer was neither missing nor a refusal. AREAS NOT VERIFIED: what it makes of the answer
//! (`restart-harmless`, `deployments-kept`, `versions-grow`); Marathons that keep their state in memory.

use super::{Hears, Invariant, View};
use crate::base::map::Map;
use crate::fact::{At, Fact, ProcessKind};
use crate::marathon::core::flags::Store;
use crate::mesos::message::Msg;
use crate::world::Seen;
use crate::zk::wire::{Answer, Request};

pub const SUMMARY: &str = "a Marathon serves when it has read its store";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Asked(u64),
    Failed,
    Done,
}

#[derive(Clone, Default)]
pub struct ReadsFirst {
    readings: Map<u32, Reading>,
}

impl Invariant for ReadsFirst {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["store", "stored"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["LeaderReady", "ProcessStopped"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        from == ProcessKind::Marathon
            && match msg {
                Msg::Store { request, .. } => sent && matches!(**request, Request::Tree { .. }),
                Msg::Stored { answer, .. } => !sent && matches!(**answer, Answer::Tree(_) | Answer::Refused(_)),
                _ => false,
            }
    }

    fn message(&mut self, _: View, seen: &Seen) -> Result<(), String> {
        match &seen.msg {
            Msg::Store { token, request } => {
                if matches!(&**request, Request::Tree { path } if path.ends_with("/state")) {
                    self.readings.insert(seen.from.slot, Reading::Asked(*token));
                }
            }
            Msg::Stored { token, answer } => {
                if let Some(reading) = self.readings.get_mut(&seen.to.slot)
                    && *reading == Reading::Asked(*token)
                {
                    let done = matches!(**answer, Answer::Tree(_));
                    *reading = if done { Reading::Done } else { Reading::Failed };
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::ProcessStopped { kind: ProcessKind::Marathon, slot, .. } => {
                self.readings.swap_remove(&slot);
                Ok(())
            }
            Fact::LeaderReady { kind: ProcessKind::Marathon, slot, .. } => {
                let in_memory = view.world.flags(slot).is_some_and(|flags| flags.store == Store::Memory);
                let how = match self.readings.get(&slot) {
                    Some(Reading::Done) => return Ok(()),
                    None if in_memory => return Ok(()),
                    Some(Reading::Failed) => "could not read",
                    Some(Reading::Asked(_)) | None => "has not read",
                };
                Err(format!("process {slot}, a Marathon, serves and {how} its store"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::zk::wire::Refused;
    use std::sync::Arc;

    #[test]
    fn fires_when_a_leader_takes_a_failure_for_nothing() {
        let run = |answer: Option<Answer>| {
            let mut stage = Stage::new("reads-first");
            let request = Arc::new(Request::Tree { path: "/marathon/state".into() });
            stage.step(&[(true, Msg::Store { token: 7, request })], &[elected(0)]);
            let stored = answer.map(|answer| (false, Msg::Stored { token: 7, answer: Arc::new(answer) }));
            stage.step(&stored.into_iter().collect::<Vec<_>>(), &[serves(0)])
        };
        assert!(run(Some(Answer::Tree(Vec::new()))).is_empty());
        let refused = Answer::Refused(Refused::ConnectionLoss);
        assert_eq!(run(Some(refused)), ["process 0, a Marathon, serves and could not read its store"]);
        assert_eq!(run(None), ["process 0, a Marathon, serves and has not read its store"]);
    }
}
