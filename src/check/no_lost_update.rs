//! Every change of the tree begins from the tree that counts: no update is lost.
//!
//! Upstream promises it by its single write path, a queue that takes one update at a time
//! (`GroupManagerImpl`; marathon#1709).
//!
//! AREAS VERIFIED: each deployment plan that is stored leads from the version of the tree that was
//! last written to that store, or read from it by its leader, to a later one; so updates come in one
//! order, whoever leads. AREAS NOT VERIFIED: changes without a deployment; that a plan's target
//! is what was asked for; Marathons that keep their state in memory.

use super::{Hears, Invariant, View};
use crate::fact::ProcessKind;
use crate::marathon::model::plan::Plan;
use crate::mesos::message::Msg;
use crate::world::Seen;
use crate::zk::wire::{Data, Request};

pub const SUMMARY: &str = "each deployment leads from the tree that counts to a later one";

#[derive(Clone, Default)]
pub struct NoLostUpdate;

impl Invariant for NoLostUpdate {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["store"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        from == ProcessKind::Marathon
            && sent
            && matches!(msg, Msg::Store { request, .. }
                if matches!(&**request, Request::Create { data: Data::Record(_), .. }))
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        let Msg::Store { request, .. } = &seen.msg else { return Ok(()) };
        let Request::Create { data: Data::Record(record), .. } = &**request else { return Ok(()) };
        let Some(plan) = record.get::<Plan>() else { return Ok(()) };
        let (from, to) = (plan.original.version, plan.target.version);
        let id = view.world.names().text(plan.id);
        if to <= from {
            return Err(format!("deployment {id} leads from version {from} of the tree to {to}"));
        }
        let root = view.marathons.fleet(seen.from.slot).and_then(|fleet| fleet.root.as_ref());
        match root {
            Some(root) if root.version != from => {
                Err(format!("deployment {id} begins from version {from} of the tree; {} counts", root.version))
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
    use crate::marathon::model::group::Group;
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::version::Version;
    use std::sync::Arc;

    fn run(from: i64, to: i64) -> Vec<String> {
        let tree = |version| Group::empty(PathId::root(), Version(version));
        let (original, target) = (Arc::new(tree(from)), Arc::new(tree(to)));
        let plan = Plan { id: Symbol(2), version: target.version, original, target, steps: Vec::new() };
        let messages = [opens_store(), store(1, "root", tree(5_000)), store(2, "deployments/f", plan)];
        Stage::new("no-lost-update").step(&messages.map(|msg| (true, msg)), &[])
    }

    #[test]
    fn fires_when_a_plan_begins_from_an_old_tree() {
        assert!(run(5_000, 6_000).is_empty());
        let old = "deployment f begins from version 1970-01-01T00:00:04.000Z of the tree; 1970-01-01T00:00:05.000Z counts";
        assert_eq!(run(4_000, 6_000), [old]);
        assert!(run(5_000, 5_000)[0].contains("leads from version"));
    }
}
