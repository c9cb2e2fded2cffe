//! Offers die with their master: an ACCEPT that names an offer of another master launches nothing.
//!
//! Upstream promises it in `docs/reconciliation.md` (offers do not outlive a master's leadership) and
//! keeps it in `Master::accept`, which answers TASK_LOST or TASK_DROPPED with
//! REASON_INVALID_OFFERS.
//!
//! AREAS VERIFIED: every launch that a master makes in the step in which it handles such an ACCEPT.
//! AREAS NOT VERIFIED: operations other than launches.

use super::{Hears, Invariant, View};
use crate::base::map::Set;
use crate::fact::{At, Fact, ProcessKind};
use crate::base::id::{OfferId, TaskId};
use crate::mesos::message::{Launch, Msg};
use crate::world::Seen;

pub const SUMMARY: &str = "an offer of a master that leads no more launches nothing";

#[derive(Clone, Default)]
pub struct DeadOffers {
    /// Templates of the tasks in such an ACCEPT of this step.
    dead: Set<(u32, u32)>,
}

impl DeadOffers {
    fn mark(&mut self, tasks: impl Iterator<Item = TaskId>) {
        self.dead.extend(tasks.map(|task| (task.template.0, task.n)));
    }
}

impl Invariant for DeadOffers {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts, Hears::Steps]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["ACCEPT"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["TaskLaunched"]
    }

    fn lens(_: ProcessKind, msg: &Msg, sent: bool) -> bool {
        matches!(msg, Msg::Accept { .. } | Msg::AcceptBulk(_)) && !sent
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        // Of a master that died in this step nobody can say any more which one it was.
        let is_dead = |offer: &OfferId| view.world.master_id(seen.to.slot).is_some_and(|id| id != offer.master);
        match &seen.msg {
            Msg::Accept { offer, launches, .. } if is_dead(offer) => {
                self.mark(launches.as_slice().iter().flat_map(Launch::tasks));
            }
            Msg::AcceptBulk(acceptance) if acceptance.offers.iter().any(is_dead) => self.mark(acceptance.tasks()),
            _ => {}
        }
        Ok(())
    }

    fn said(&mut self, _: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::TaskLaunched { task, .. } if self.dead.contains(&(task.template.0, task.n)) => {
                return Err(format!("{task} was launched on an offer that its master never made"));
            }
            _ => {}
        }
        Ok(())
    }

    fn step(&mut self, _: View) -> Result<(), String> {
        self.dead.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::base::id::{OfferId, Symbol, TaskId};
    use crate::job::{Behaviour, Member, TaskGroup, TaskSpec};
    use crate::base::time::Span;
    use crate::mesos::message::{Acceptance, Launch, Launches, Msg, Operation, Refuse};
    use std::sync::Arc;

    fn launch() -> Launch {
        let spec = TaskSpec::plain(TASK.template, Symbol(2), cpus(1), Behaviour::fixed(Span::from_secs(1)));
        Launch { spec: Arc::new(spec), first: TASK.n, count: 1 }
    }

    fn accept(master: Symbol) -> Msg {
        let (offer, launches) = (OfferId::new(master, 0), Launches::One(launch()));
        Msg::Accept { framework: FRAMEWORK, offer, more: None, refuse: Refuse::NONE, launches }
    }

    fn accept_bulk(master: Symbol) -> Msg {
        let (offers, operations) = (vec![OfferId::new(master, 0)], vec![Operation::Launch(launch())]);
        Msg::AcceptBulk(Arc::new(Acceptance { framework: FRAMEWORK, offers, refuse: Refuse::NONE, operations }))
    }

    fn accept_group(master: Symbol) -> Msg {
        let member = |id| Member { id, spec: launch().spec };
        let executor = member(TaskId { template: TASK.template, n: 99 });
        let group = Arc::new(TaskGroup { executor, tasks: vec![member(TASK)] });
        let (offers, operations) = (vec![OfferId::new(master, 0)], vec![Operation::LaunchGroup(group)]);
        Msg::AcceptBulk(Arc::new(Acceptance { framework: FRAMEWORK, offers, refuse: Refuse::NONE, operations }))
    }

    #[test]
    fn fires_when_a_dead_offer_launches() {
        for accept in [accept, accept_bulk, accept_group] {
            let mut stage = Stage::new("dead-offers");
            stage.send(offers(0, &[cpus(4)]));
            assert!(stage.step(&[(false, accept(MASTER))], &[launched(TASK)]).is_empty());
            assert!(stage.step(&[(false, accept(Symbol(77)))], &[]).is_empty());
            let found = stage.step(&[(false, accept(Symbol(77)))], &[launched(TASK)]);
            assert_eq!(found, ["job-0.0 was launched on an offer that its master never made"]);
        }
    }
}
