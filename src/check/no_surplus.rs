//! No app gets more instances than its target and what its upgrade may have beside it.
//!
//! Upstream promises it by `upgradeStrategy.maximumOverCapacity` (`TaskReplaceActor`) and, outside of
//! deployments, by the scale check.
//!
//! AREAS VERIFIED: whenever an instance is added, or a stopped one is wanted again, its app has at
//! most `floor(instances * (1 + maximumOverCapacity))` instances that are wanted and not given up as
//! unreachable. Instances and definitions are those that a leader writes down, or reads when its term
//! begins. AREAS NOT VERIFIED: the surplus that a returning instance makes; half a minute after a
//! target went down, in which earlier wishes are still carried out; Marathons that keep their state
//! in memory. Exception: an app that could not move otherwise may have one more, as upstream.

use super::marathons::Room;
use super::{Hears, Invariant, View};
use crate::base::id::{Names, Symbol};
use crate::base::map::{Map, Set};
use crate::base::time::{Span, Time};
use crate::fact::{At, Condition, Fact, Goal, ProcessKind};
use crate::marathon::model::group::Group;
use crate::marathon::model::instance::Instance;
use crate::mesos::message::Msg;
use crate::world::Seen;
use crate::zk::wire::{Answer, Data, Request};
use std::sync::Arc;

pub const SUMMARY: &str = "no instance is added beyond an app's target and its over-capacity";

const GRACE: Span = Span::from_secs(30);

/// How many instances an app may have, and might until a moment ago.
#[derive(Clone, Copy, Default)]
struct Limit {
    most: u32,
    before: u32,
    lowered: Option<Time>,
}

impl Limit {
    fn at(&self, now: Time) -> u32 {
        let recent = self.lowered.is_some_and(|then| now < then + GRACE);
        if recent { self.before.max(self.most) } else { self.most }
    }
}

/// Processes that share a store.
#[derive(Clone, Default)]
struct Cluster {
    limits: Map<String, Limit>,
    /// Instances that count, by app.
    counted: Map<Symbol, Set<Symbol>>,
}

#[derive(Clone, Default)]
pub struct NoSurplus {
    /// Where processes keep their state.
    stores: Map<u32, Arc<str>>,
    clusters: Map<Arc<str>, Cluster>,
}

fn counts(condition: Condition, goal: Goal) -> bool {
    goal == Goal::Running && !matches!(condition, Condition::UnreachableInactive | Condition::Expunged)
}

impl Cluster {
    fn read_root(&mut self, root: &Group, now: Time) {
        let specs = root.all_specs();
        let ids: Set<&str> = specs.keys().map(|id| id.as_str()).collect();
        let gone = self.limits.keys().filter(|app| !ids.contains(app.as_str())).cloned();
        let gone: Vec<(String, u32)> = gone.map(|app| (app, 0)).collect();
        let all = specs.into_iter().map(|(id, spec)| (id.as_str().to_owned(), Room::of(spec).most));
        for (app, most) in gone.into_iter().chain(all) {
            let limit = self.limits.entry(app).or_default();
            if most < limit.most {
                (limit.before, limit.lowered) = (limit.at(now), Some(now));
            }
            limit.most = most;
        }
    }

    /// What a new leader found.
    fn read_all(&mut self, names: &Names, nodes: &[(Arc<str>, Data, u32)], now: Time) {
        self.counted.clear();
        for (path, data, _) in nodes {
            let Data::Record(record) = data else { continue };
            if let Some(root) = record.get::<Group>().filter(|_| path.ends_with("/root")) {
                self.read_root(root, now);
            }
            if let Some(instance) = record.get::<Instance>()
                && counts(instance.state.condition, instance.state.goal)
                && let Some(app) = names.find(instance.spec.id.as_str())
            {
                self.counted.entry(app).or_default().insert(instance.id.0);
            }
        }
    }
}

impl Invariant for NoSurplus {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["store", "stored"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["InstanceChanged"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        let looked_at = match msg {
            Msg::Store { request, .. } => {
                sent && matches!(&**request, Request::Create { path, .. } | Request::Set { path, .. }
                    if path.ends_with("/state/root"))
            }
            Msg::Stored { answer, .. } => !sent && matches!(**answer, Answer::Tree(_)),
            _ => false,
        };
        looked_at && from == ProcessKind::Marathon
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        match &seen.msg {
            Msg::Store { request, .. } => match &**request {
                // The folder of the tree is made, or found to be there, as a term begins.
                Request::Create { path, .. } if path.ends_with("/state/root") => {
                    let store: Arc<str> = path.trim_end_matches("/root").into();
                    self.clusters.entry(store.clone()).or_default();
                    self.stores.insert(seen.from.slot, store);
                }
                Request::Set { path, data: Data::Record(record), .. } if path.ends_with("/state/root") => {
                    let store = self.stores.get(&seen.from.slot);
                    if let Some(cluster) = store.and_then(|store| self.clusters.get_mut(store))
                        && let Some(root) = record.get::<Group>()
                    {
                        cluster.read_root(root, seen.at);
                    }
                }
                _ => {}
            },
            Msg::Stored { answer, .. } => {
                let store = self.stores.get(&seen.to.slot);
                if let Answer::Tree(nodes) = &**answer
                    && let Some(cluster) = store.and_then(|store| self.clusters.get_mut(store))
                {
                    cluster.read_all(view.world.names(), nodes, seen.at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        let Fact::InstanceChanged { app, instance, condition, goal, .. } = fact.what else { return Ok(()) };
        let store = self.stores.get(&fact.by);
        let Some(cluster) = store.and_then(|store| self.clusters.get_mut(store)) else { return Ok(()) };
        let counted = cluster.counted.entry(app).or_default();
        if !counts(condition, goal) {
            counted.swap_remove(&instance);
            return Ok(());
        }
        if !counted.insert(instance) || condition != Condition::Scheduled {
            return Ok(());
        }
        let (names, count) = (view.world.names(), counted.len() as u32);
        let most = cluster.limits.get(names.text(app)).map_or(0, |limit| limit.at(fact.at));
        if count > most {
            let (app, instance) = (names.text(app), names.text(instance));
            return Err(format!("{instance} was added: {app} has {count} instances, {most} may be"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::base::id::{JobId, Symbol};
    use crate::base::time::Time;
    use crate::fact::{Condition, Fact, Goal};
    use crate::marathon::core::testing::{scheduled, spec};
    use crate::marathon::model::group::Group;
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::version::Version;
    use crate::mesos::message::Msg;
    use crate::zk::wire::{Answer, Data, Opaque, Request};
    use std::sync::Arc;

    fn path() -> Arc<str> {
        "/marathon/state/root".into()
    }

    /// May have twice its target.
    fn root(instances: u32) -> Data {
        let spec = Arc::new(spec("/app", instances));
        let mut root = Group::empty(PathId::root(), Version(1));
        root.specs.insert(spec.id.clone(), spec);
        Data::Record(Opaque(Arc::new(root)))
    }

    fn write(data: Data) -> Msg {
        let request = match data {
            Data::Empty => Request::Create { path: path(), data, ephemeral: false, sequential: false },
            data => Request::Set { path: path(), data, version: None },
        };
        Msg::Store { token: 0, request: Arc::new(request) }
    }

    fn changed(n: u32, condition: Condition, goal: Goal) -> Fact {
        let config = JobId::service(Symbol(9));
        Fact::InstanceChanged { app: APP, instance: Symbol(n), config, condition, goal, host: HOST }
    }

    #[test]
    fn fires_when_a_third_instance_is_added_for_one() {
        let added = |n| changed(n, Condition::Scheduled, Goal::Running);
        let mut stage = Stage::new("no-surplus");
        assert!(stage.facts(&[added(0)]).is_empty(), "a store in memory");
        stage.send(write(Data::Empty));
        stage.send(write(root(1)));
        assert!(stage.facts(&[added(0), added(1)]).is_empty());
        let lost = changed(0, Condition::UnreachableInactive, Goal::Running);
        let back = changed(0, Condition::Running, Goal::Running);
        assert!(stage.facts(&[lost, added(2), back]).is_empty(), "nobody added the one that came back");
        let over = changed(0, Condition::Running, Goal::Decommissioned);
        assert!(stage.facts(&[over, changed(1, Condition::Failed, Goal::Decommissioned), added(0)]).is_empty());
        stage.send(write(root(0)));
        assert!(stage.at(Time::from_secs(29), &[over, added(0)]).is_empty(), "a moment ago it might");
        let found = stage.at(Time::from_secs(30), &[over, added(0)]);
        assert_eq!(found, ["m was added: /app has 2 instances, 0 may be"]);
    }

    #[test]
    fn counts_what_a_new_leader_finds() {
        let instance = |n| {
            let record = scheduled(n, Arc::new(spec("/app", 1)));
            (format!("/marathon/state/instances/{n}").into(), Data::Record(Opaque(Arc::new(record))), 0)
        };
        let nodes = vec![(path(), root(1), 1), instance(0), instance(1)];
        let mut stage = Stage::new("no-surplus");
        stage.send(write(Data::Empty));
        stage.step(&[(false, Msg::Stored { token: 0, answer: Arc::new(Answer::Tree(nodes)) })], &[]);
        let found = stage.facts(&[changed(2, Condition::Scheduled, Goal::Running)]);
        assert_eq!(found, ["f was added: /app has 3 instances, 2 may be"]);
    }
}
