//! Marathon stays the framework that it is, whoever leads.
//!
//! Upstream promises it by `FrameworkIdRepository`, which a leader reads before it subscribes; a
//! Marathon that comes with a new id leaves its tasks to die with the old one (MARATHON-8420).
//!
//! AREAS VERIFIED: once ZooKeeper has acknowledged the framework id, every process that uses the same
//! store subscribes under that id, and writes no other. AREAS NOT VERIFIED: a leader that dies
//! between its first subscription and that write, which has launched nothing; an id that the master
//! refuses for ever; Marathons that keep their state in memory.

use super::{Hears, Invariant, View};
use crate::base::map::Map;
use crate::fact::ProcessKind;
use crate::mesos::message::Msg;
use crate::world::Seen;
use crate::zk::wire::{Answer, Data, Request};
use std::sync::Arc;

pub const SUMMARY: &str = "a Marathon subscribes under the framework id that its store has";

#[derive(Clone, Default)]
pub struct FrameworkIdStays {
    /// Where processes keep the id.
    paths: Map<u32, Arc<str>>,
    /// Ids on their way to the store, by process and token.
    under_way: Map<(u32, u64), Arc<str>>,
    kept: Map<Arc<str>, Arc<str>>,
}

impl Invariant for FrameworkIdStays {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["store", "SUBSCRIBE", "stored"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        let looked_at = match msg {
            Msg::Store { .. } | Msg::Subscribe { .. } => sent,
            Msg::Stored { .. } => !sent,
            _ => false,
        };
        looked_at && from == ProcessKind::Marathon
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        let slot = seen.from.slot;
        match &seen.msg {
            Msg::Store { token, request } => {
                let (Request::Set { path, data, .. } | Request::Create { path, data, .. }) = &**request else {
                    return Ok(());
                };
                if !path.ends_with("/state/framework") {
                    return Ok(());
                }
                self.paths.insert(slot, path.clone());
                if let Data::Text(id) = data {
                    if let Some(kept) = self.kept.get(path).filter(|kept| *kept != id) {
                        return Err(format!("{path} is to be {id}; it has been {kept}"));
                    }
                    self.under_way.insert((slot, *token), id.clone());
                }
            }
            Msg::Stored { token, answer } => {
                let slot = seen.to.slot;
                if let Some(id) = self.under_way.swap_remove(&(slot, *token))
                    && !matches!(**answer, Answer::Refused(_))
                    && let Some(path) = self.paths.get(&slot)
                {
                    self.kept.insert(path.clone(), id);
                }
            }
            Msg::Subscribe { info, .. } => {
                let Some(kept) = self.paths.get(&slot).and_then(|path| self.kept.get(path)) else { return Ok(()) };
                let id = info.id.map(|id| view.world.names().framework(id));
                if id != Some(&**kept) {
                    let id = id.map_or("without an id".to_owned(), |id| format!("as {id}"));
                    return Err(format!("process {slot} subscribes {id}; its store says {kept}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::base::id::{FrameworkId, Symbol};
    use crate::base::time::Span;
    use crate::mesos::message::{Capabilities, FrameworkInfo, Msg};
    use crate::zk::wire::{Answer, Data, Request};
    use std::sync::Arc;

    fn subscribe(id: Option<FrameworkId>) -> Msg {
        let info = FrameworkInfo {
            name: Symbol(2),
            id,
            roles: vec![Symbol(2)],
            principal: None,
            failover_timeout: Span::ZERO,
            checkpoint: true,
            capabilities: Capabilities::default(),
            suppressed: Vec::new(),
        };
        Msg::Subscribe { info: Arc::new(info), force: true }
    }

    fn keep(token: u64, id: &str) -> Msg {
        let (path, data) = ("/marathon/state/framework".into(), Data::Text(id.into()));
        Msg::Store { token, request: Arc::new(Request::Set { path, data, version: None }) }
    }

    #[test]
    fn fires_when_a_successor_comes_as_another() {
        let mut stage = Stage::new("framework-id-stays");
        assert!(stage.send(subscribe(None)).is_empty());
        stage.send(keep(0, "f"));
        assert!(stage.send(subscribe(None)).is_empty(), "nobody knows whether it was written");
        let stored = Msg::Stored { token: 0, answer: Arc::new(Answer::Done { version: 1 }) };
        stage.step(&[(false, stored)], &[]);
        assert!(stage.send(subscribe(Some(FRAMEWORK))).is_empty());
        let mut other = Stage::new("framework-id-stays");
        other.send(keep(0, "f"));
        let stored = Msg::Stored { token: 0, answer: Arc::new(Answer::Done { version: 1 }) };
        other.step(&[(false, stored)], &[]);
        assert_eq!(other.send(keep(1, "g")), ["/marathon/state/framework is to be g; it has been f"]);
        assert_eq!(stage.send(subscribe(None)), ["process 0 subscribes without an id; its store says f"]);
    }
}
