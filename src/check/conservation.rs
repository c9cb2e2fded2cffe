//! Resources are conserved: what an agent has is, to the thousandth, what the allocator holds
//! free, what tasks hold and what is on offer; each part is in exactly one place.
//!
//! Upstream promises it in `HierarchicalAllocatorProcess`: what is taken from an agent comes back
//! exactly once, by `recoverResources`, and the sum of both sides is the agent's total
//! (`Slave::getAvailable`). Master and allocator are two mailboxes, so the books agree when an
//! instant is over, not between two messages of it.
//!
//! AREAS VERIFIED: cpus, mem, disk and gpus of every agent at the end of each instant in which
//! something happened to it (that an offer was made is judged when it ends, or with the run); the
//! allocator's book of free resources against the recount of the ledger; that a task is booked once
//! and released once, and that an agent leaves with nothing booked. Where tasks hold more than
//! there is (see the exception of `no-overcommit`) nothing is free.
//!
//! AREAS NOT VERIFIED: which framework or role holds what, because the allocator's book is read
//! per agent; ranges, sets, reservations and volumes, because the ledger counts scalars; instants
//! at which a busy master (service time) still has messages to handle, because the books may
//! differ then.

use super::ledger::{Noted, Row};
use super::{Hears, Invariant, View};

pub const SUMMARY: &str = "free, used and offered resources of each agent add up to its total";

#[derive(Clone, Default)]
pub struct Conservation;

impl Invariant for Conservation {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Instants]
    }

    fn noted(&mut self, view: View, noted: &Noted) -> Result<(), String> {
        match *noted {
            Noted::LaunchedAgain { task, agent } => {
                Err(format!("{task} on agent {} was launched and held its resources already", view.agent(agent)))
            }
            Noted::ReleasedAgain { task, agent } => {
                Err(format!("{task} on agent {} gave back resources that it did not hold", view.agent(agent)))
            }
            Noted::LeftBehind { agent, used, offered } => {
                let agent = view.agent(agent);
                Err(format!("agent {agent} was removed; tasks hold {used} and {offered} is on offer there"))
            }
            Noted::OfferedAgain { .. } | Noted::EndedAgain { .. } => Ok(()),
        }
    }

    fn quiet(&mut self, view: View) -> Result<(), String> {
        judge(view, view.ledger.touched())
    }

    fn end(&mut self, view: View) -> Result<(), String> {
        judge(view, view.ledger.rows())
    }
}

fn judge<'a>(view: View, rows: impl Iterator<Item = &'a Row>) -> Result<(), String> {
        let Some(master) = view.ledger.leader() else { return Ok(()) };
        for row in rows.filter(|r| r.registered) {
            let agent = || view.agent(row.agent);
            let Some(free) = view.world.free_on(master, row.agent) else {
                return Err(format!("agent {} is registered and the allocator does not know it", agent()));
            };
            let rest = row.total - row.used;
            let rest = if row.excused { row.total.saturating_sub(row.used) } else { rest };
            if free + row.offered != rest {
                let (used, offered, total) = (row.used, row.offered, row.total);
                let parts = format!("{free} free, {used} used, {offered} offered");
                return Err(format!("agent {} has {total}, which is not {parts}", agent()));
            }
        }
        Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::fact::{Fact, OfferEnd};

    #[test]
    fn the_parts_add_up() {
        let mut stage = Stage::new("conservation");
        stage.free.insert(AGENT, cpus(0));
        assert!(stage.send(offers(0, &[cpus(4)])).is_empty());
        stage.free.insert(AGENT, cpus(1));
        assert!(stage.facts(&[ended(0, 1, OfferEnd::Accepted, cpus(4)), launched(TASK)]).is_empty());
        assert_eq!(
            stage.facts(&[terminal(TASK)]),
            ["agent m-S0 has cpus:4, which is not cpus:1 free, nothing used, nothing offered"]
        );
    }

    #[test]
    fn what_is_left_behind_is_lost() {
        let mut stage = Stage::new("conservation");
        stage.free.insert(AGENT, cpus(0));
        assert!(stage.send(offers(0, &[cpus(4)])).is_empty());
        stage.free.clear();
        assert_eq!(
            stage.facts(&[Fact::AgentRemoved { agent: AGENT, host: HOST }]),
            ["agent m-S0 was removed; tasks hold nothing and cpus:4 is on offer there"]
        );
        let mut stage = Stage::new("conservation");
        stage.free.clear();
        assert_eq!(stage.facts(&[launched(TASK)]), ["agent m-S0 is registered and the allocator does not know it"]);
        assert!(Stage::new("conservation").facts(&[terminal(TASK)])[0].contains("did not hold"));
    }
}
