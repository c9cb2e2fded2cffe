//! What a client was told stays true: the tree goes forward only, whoever leads.
//!
//! Upstream promises it by a `sync` before it reads its store (MARATHON-7763): a new leader that is
//! connected with a server that lags behind would otherwise begin with an old tree.
//!
//! AREAS VERIFIED: answers to updates name deployments of later and later versions of the tree, in the
//! order in which they are sent; a tree that a leader reads from its store is as new as all that
//! clients were told of. AREAS NOT VERIFIED: answers to questions, which are made from that tree;
//! Marathons that keep their state in memory.

use super::{Hears, Invariant, View};
use crate::base::map::Map;
use crate::fact::ProcessKind;
use crate::marathon::model::version::Version;
use crate::mesos::message::Msg;
use crate::world::Seen;
use crate::zk::wire::Answer;

pub const SUMMARY: &str = "no leader knows less of the tree than clients were told";

/// The header of an answer that names a deployment.
const HEADER: &str = "Marathon-Deployment-Id";

#[derive(Clone, Default)]
pub struct VersionsGrow {
    /// The latest version that a client was told of, by fleet.
    told: Map<u32, Version>,
}

impl Invariant for VersionsGrow {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["HTTP_REPLY", "stored"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        from == ProcessKind::Marathon
            && match msg {
                Msg::HttpReply { response, .. } => sent && response.headers.iter().any(|(name, _)| *name == HEADER),
                Msg::Stored { answer, .. } => !sent && matches!(**answer, Answer::Tree(_)),
                _ => false,
            }
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        let slot = seen.from.slot;
        let (Some(number), Some(fleet)) = (view.marathons.number(slot), view.marathons.fleet(slot)) else {
            return Ok(());
        };
        match &seen.msg {
            // A standby passes on what the leader has said already.
            Msg::HttpReply { response, .. } if fleet.leader.is_some_and(|leader| leader.0 == slot) => {
                let header = response.headers.iter().find(|(name, _)| *name == HEADER);
                let id = header.and_then(|(_, id)| view.world.names().find(id));
                let Some(plan) = id.and_then(|id| fleet.plans.get(&id)) else { return Ok(()) };
                let version = plan.target.version;
                match self.told.insert(number, version) {
                    Some(told) if told >= version => {
                        Err(format!("a client is told of version {version}; others were told of {told}"))
                    }
                    _ => Ok(()),
                }
            }
            Msg::Stored { .. } => {
                let Some(told) = self.told.get(&number) else { return Ok(()) };
                let read = fleet.root.as_ref().map_or(Version::default(), |root| root.version);
                if read < *told {
                    return Err(format!("a leader reads version {read} of the tree; clients were told of {told}"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::base::id::Symbol;
    use crate::http::Response;
    use crate::marathon::model::group::Group;
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::plan::Plan;
    use crate::zk::wire::{Data, Opaque};
    use std::sync::Arc;

    fn tree(version: i64) -> Arc<Group> {
        Arc::new(Group::empty(PathId::root(), Version(version)))
    }

    fn plan(id: u32, version: i64) -> Plan {
        let (id, version, target) = (Symbol(id), Version(version), tree(version));
        Plan { id, version, original: tree(0), target, steps: Vec::new() }
    }

    fn told(id: &str) -> (bool, Msg) {
        (true, Msg::HttpReply { token: 0, response: Arc::new(Response::empty(200).with(HEADER, id)) })
    }

    fn found(version: i64) -> (bool, Msg) {
        let nodes = vec![("/marathon/state/root".into(), Data::Record(Opaque(tree(version))), 1)];
        (false, Msg::Stored { token: 9, answer: Arc::new(Answer::Tree(nodes)) })
    }

    #[test]
    fn fires_when_a_leader_knows_less_than_its_clients() {
        let mut stage = Stage::new("versions-grow");
        let plans = [plan(2, 5_000), plan(1, 7_000)].map(|plan| (true, store(1, "deployments/x", plan)));
        stage.step(&[(true, opens_store())], &[elected(0), serves(0)]);
        stage.step(&plans, &[]);
        assert!(stage.step(&[told("f")], &[]).is_empty());
        let mut backwards = stage.clone();
        assert!(backwards.step(&[told("host")], &[]).is_empty());
        assert!(backwards.step(&[told("f")], &[])[0].starts_with("a client is told of version 1970-01-01T00:00:05"));
        let mut fresh = stage.clone();
        assert!(fresh.step(&[found(5_000)], &[]).is_empty());
        let old = "a leader reads version 1970-01-01T00:00:04.000Z of the tree; \
                   clients were told of 1970-01-01T00:00:05.000Z";
        assert_eq!(stage.step(&[found(4_000)], &[]), [old]);
    }
}
