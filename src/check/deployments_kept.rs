//! A deployment that was confirmed goes on, whoever leads, and what is over does not begin again.
//!
//! Upstream promises it by writing the plan before it answers, and by taking up all stored plans at
//! the beginning of a term (`DeploymentManagerActor`; MARATHON-8566, #4085, #815).
//!
//! AREAS VERIFIED: an answer that names a deployment comes when that has begun; a leader that begins
//! to serve has taken up every deployment that its predecessors began and did not end; no plan is
//! deleted from the store before its deployment ends, except for another that overrides it; none
//! begins again in the term in which it ended, or a minute after its end. AREAS NOT VERIFIED: that it
//! goes on at the right step (it begins anew, as upstream); Marathons that keep their state in memory.

use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::Map;
use crate::base::time::{Span, Time};
use crate::fact::{At, Fact, ProcessKind};
use crate::marathon::model::plan::Plan;
use crate::mesos::message::Msg;
use crate::world::Seen;
use crate::zk::wire::{Data, Request};

pub const SUMMARY: &str = "a confirmed deployment goes on under the next leader, an ended one does not";

/// The header of an answer that names a deployment.
const HEADER: &str = "Marathon-Deployment-Id";
/// By then the end of a deployment has reached the store.
const SETTLED: Span = Span::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Course {
    /// Goes on, as this process has said last.
    Open(u32),
    /// Its plan was deleted for one that overrides it.
    Overridden,
    Ended(u32, Time),
}

#[derive(Clone, Default)]
pub struct DeploymentsKept {
    /// By number of the fleet and deployment.
    stages: Map<(u32, Symbol), Course>,
    /// Plans that were deleted in this instant without an end so far, and answers of this instant.
    deleted: Vec<(u32, Symbol)>,
    answered: Vec<(u32, Symbol)>,
    instant: Time,
}

impl DeploymentsKept {
    /// Judges what was left open in an instant that is over.
    fn settle(&mut self, view: View, now: Time) -> Result<(), String> {
        if now <= self.instant {
            return Ok(());
        }
        self.instant = now;
        let names = view.world.names();
        for key in std::mem::take(&mut self.answered) {
            if !self.stages.contains_key(&key) {
                return Err(format!("a client was told of deployment {}, which has not begun", names.text(key.1)));
            }
        }
        for key in std::mem::take(&mut self.deleted) {
            if matches!(self.stages.get(&key), Some(Course::Open(_))) {
                return Err(format!("deployment {} goes on, and its plan was deleted", names.text(key.1)));
            }
        }
        Ok(())
    }
}

impl Invariant for DeploymentsKept {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts, Hears::Time]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["HTTP_REPLY", "store"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["DeploymentBegan", "DeploymentEnded", "LeaderElected", "LeaderReady"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        from == ProcessKind::Marathon
            && sent
            && match msg {
                Msg::Store { request, .. } => matches!(**request, Request::Create { .. } | Request::Delete { .. }),
                Msg::HttpReply { response, .. } => response.headers.iter().any(|(name, _)| *name == HEADER),
                _ => false,
            }
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        self.settle(view, seen.at)?;
        let Some(fleet) = view.marathons.number(seen.from.slot) else { return Ok(()) };
        match &seen.msg {
            Msg::Store { request, .. } => match &**request {
                Request::Create { data: Data::Record(record), .. } if record.get::<Plan>().is_some() => {
                    for key in std::mem::take(&mut self.deleted) {
                        self.stages.insert(key, Course::Overridden);
                    }
                }
                Request::Delete { path, .. } => {
                    if let Some((_, id)) = path.rsplit_once("/deployments/")
                        && let Some(id) = view.world.names().find(id)
                    {
                        self.deleted.push((fleet, id));
                    }
                }
                _ => {}
            },
            Msg::HttpReply { response, .. } => {
                let header = response.headers.iter().find(|(name, _)| *name == HEADER);
                // In memory it begins in the same instant.
                if let Some(id) = header.and_then(|(_, id)| view.world.names().find(id)) {
                    self.answered.push((fleet, id));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        self.settle(view, fact.at)?;
        let Some(fleet) = view.marathons.number(fact.by) else { return Ok(()) };
        let names = view.world.names();
        match fact.what {
            Fact::DeploymentBegan { deployment, .. } => {
                let before = self.stages.insert((fleet, deployment), Course::Open(fact.by));
                if let Some(Course::Ended(by, then)) = before
                    && (by == fact.by || fact.at - then > SETTLED)
                {
                    return Err(format!("deployment {} ended at {then} and begins again", names.text(deployment)));
                }
            }
            Fact::DeploymentEnded { deployment, .. } => {
                self.stages.insert((fleet, deployment), Course::Ended(fact.by, fact.at));
            }
            // One process may lead twice, in different lives.
            Fact::LeaderElected { kind: ProcessKind::Marathon, slot, .. } => {
                for stage in self.stages.values_mut() {
                    match stage {
                        Course::Open(by) if *by == slot => *by = u32::MAX,
                        Course::Ended(by, _) if *by == slot => *by = u32::MAX,
                        _ => {}
                    }
                }
            }
            Fact::LeaderReady { kind: ProcessKind::Marathon, slot, .. } => {
                // A store in memory has nothing to take up.
                if view.marathons.fleet(slot).is_none_or(|fleet| fleet.root.is_none()) {
                    return Ok(());
                }
                let lost = self.stages.iter().find(|((of, _), stage)| {
                    *of == fleet && matches!(stage, Course::Open(by) if *by != slot)
                });
                if let Some(((_, id), _)) = lost {
                    return Err(format!("deployment {} had begun, and the new leader forgot it", names.text(*id)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn passed(&mut self, view: View, now: Time) -> Result<(), String> {
        self.settle(view, now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::fact::DeploymentEnd;
    use crate::http::Response;
    use crate::marathon::model::group::Group;
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::version::Version;
    use std::sync::Arc;

    fn now(s: i64) -> Time {
        Time::from_secs(s)
    }

    fn delete(id: &str) -> (bool, Msg) {
        let path: Arc<str> = format!("/marathon/state/deployments/{id}").into();
        (true, Msg::Store { token: 9, request: Arc::new(Request::Delete { path, version: None }) })
    }

    /// A leader with a tree that has begun deployment `f`.
    fn stage() -> Stage {
        let mut stage = Stage::new("deployments-kept");
        let tree = store(1, "root", Group::empty(PathId::root(), Version(1)));
        let began = Fact::DeploymentBegan { deployment: Symbol(2), steps: 1 };
        let reply = Msg::HttpReply { token: 0, response: Arc::new(Response::empty(200).with(HEADER, "f")) };
        stage.moment(now(1), 0, &[(true, opens_store()), (true, tree)], &[elected(0), serves(0), began]);
        assert!(stage.moment(now(2), 0, &[(true, reply)], &[]).is_empty());
        stage
    }

    #[test]
    fn fires_when_a_new_leader_forgets_or_repeats() {
        let began = Fact::DeploymentBegan { deployment: Symbol(2), steps: 1 };
        let ended = Fact::DeploymentEnded { deployment: Symbol(2), how: DeploymentEnd::Succeeded };
        let tree = || store(1, "root", Group::empty(PathId::root(), Version(1)));
        let taken_over = |facts: &[Fact]| {
            let mut stage = stage();
            stage.moment(now(3), 1, &[(true, opens_store()), (true, tree())], facts)
        };
        assert!(taken_over(&[elected(1), began, serves(1)]).is_empty());
        assert_eq!(taken_over(&[elected(1), serves(1)]), ["deployment f had begun, and the new leader forgot it"]);
        let mut over = stage();
        assert!(over.moment(now(3), 0, &[delete("f")], &[ended]).is_empty());
        assert_eq!(over.at(now(9), &[began]), ["deployment f ended at 00:00:03.000000 and begins again"]);
    }

    #[test]
    fn fires_when_a_plan_is_deleted_or_an_answer_comes_too_early() {
        let plan = || {
            let group = Arc::new(Group::empty(PathId::root(), Version(1)));
            Plan { id: Symbol(3), version: Version(1), original: group.clone(), target: group, steps: Vec::new() }
        };
        let mut overridden = stage();
        overridden.moment(now(3), 0, &[delete("f"), (true, store(1, "deployments/x", plan()))], &[]);
        assert!(overridden.at(now(4), &[elected(1), serves(1)]).is_empty());
        let mut deleted = stage();
        assert!(deleted.moment(now(3), 0, &[delete("f")], &[]).is_empty(), "its end may follow");
        assert_eq!(deleted.at(now(4), &[serves(1)]), ["deployment f goes on, and its plan was deleted"]);
        let mut early = stage();
        let reply = Msg::HttpReply { token: 0, response: Arc::new(Response::empty(200).with(HEADER, "host")) };
        early.moment(now(3), 0, &[(true, reply)], &[]);
        assert_eq!(early.at(now(4), &[serves(1)]), ["a client was told of deployment host, which has not begun"]);
    }
}
