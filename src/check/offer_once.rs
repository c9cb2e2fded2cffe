//! An offer is made once, to one framework, and ends once: by ACCEPT, by DECLINE or taken back.
//! No resource of an agent is in two outstanding offers, and an offer that has ended does nothing.
//!
//! Upstream promises it in `master.cpp`: `offer` mints serial ids, each for one framework;
//! `removeOffer` forgets the offer whatever ended it; ACCEPT and DECLINE of an offer that is not
//! known any more launch nothing and give nothing back (`REASON_INVALID_OFFERS`).
//!
//! AREAS VERIFIED: every id that OFFERS carries is new; every end is that of an outstanding offer
//! of that framework; outstanding offers of an agent fit in the agent's total after every step;
//! tasks that are launched in a step fit in the offers accepted in it, so that an ACCEPT of an
//! ended offer launches nothing; at the end of the run the master's own number of outstanding
//! offers is ours.
//!
//! AREAS NOT VERIFIED: two offers of one agent that share a port, a set item or a volume, because
//! the ledger counts scalars; shared volumes, which may be in several offers by design; whether
//! the framework was told of the end (RESCIND may still be on its way); offers of a master that
//! died, because they die with it and end without a fact.

use super::ledger::Noted;
use super::{Hears, Invariant, View};
use crate::base::id::TaskId;
use crate::base::quantity::Quantities;
use crate::fact::{Fact, OfferEnd};

pub const SUMMARY: &str = "an offer is made once, outstanding to one framework, and ends once";

#[derive(Clone, Default)]
pub struct OfferOnce {
    /// Accepted in this step and not yet given to a task.
    accepted: Quantities,
    /// First task launched in this step without resources for it.
    uncovered: Option<TaskId>,
}

impl Invariant for OfferOnce {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts, Hears::Steps, Hears::Bookings]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["OffersEnded", "TaskLaunched"]
    }

    fn fact(&mut self, view: View, fact: &Fact) -> Result<(), String> {
        match *fact {
            Fact::OffersEnded { how: OfferEnd::Accepted, total, .. } => self.accepted += total,
            Fact::TaskLaunched { task, .. } => {
                let each = view.ledger.each(task.template);
                if self.accepted.contains(each) {
                    self.accepted -= each;
                } else {
                    self.uncovered.get_or_insert(task);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn noted(&mut self, view: View, noted: &Noted) -> Result<(), String> {
        let names = view.world.names();
        match *noted {
            Noted::OfferedAgain { first, count } => {
                Err(format!("offer {} ({count} in all) was made before", names.offer(first)))
            }
            Noted::EndedAgain { framework, offer } => {
                let (offer, framework) = (names.offer(offer), names.framework(framework));
                Err(format!("offer {offer} was ended for {framework} and is not outstanding to it"))
            }
            Noted::LaunchedAgain { .. } | Noted::ReleasedAgain { .. } | Noted::LeftBehind { .. } => Ok(()),
        }
    }

    fn step(&mut self, view: View) -> Result<(), String> {
        self.accepted = Quantities::ZERO;
        if let Some(task) = self.uncovered.take() {
            return Err(format!("{task} was launched without an accepted offer that covers it"));
        }
        for row in view.ledger.raised() {
            if !row.total.contains(row.offered) {
                let (agent, offered, total) = (view.agent(row.agent), row.offered, row.total);
                return Err(format!("outstanding offers of agent {agent} carry {offered}; it has {total}"));
            }
        }
        Ok(())
    }

    fn end(&mut self, view: View) -> Result<(), String> {
        let ours = view.ledger.outstanding();
        match view.ledger.leader().and_then(|master| view.world.outstanding(master)) {
            Some(books) if books != ours => {
                Err(format!("the master has {books} outstanding offers, and {ours} were made and have not ended"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::fact::OfferEnd;

    #[test]
    fn an_offer_is_made_once_and_ends_once() {
        let mut stage = Stage::new("offer-once");
        assert!(stage.send(offers(0, &[cpus(2), cpus(2)])).is_empty());
        assert!(stage.facts(&[ended(0, 2, OfferEnd::Declined, cpus(4))]).is_empty());
        assert_eq!(
            stage.facts(&[ended(1, 1, OfferEnd::Declined, cpus(2))]),
            ["offer m-O1 was ended for f and is not outstanding to it"]
        );
        let mut stage = Stage::new("offer-once");
        assert!(stage.send(offers(3, &[cpus(1)])).is_empty());
        assert_eq!(stage.send(offers(3, &[cpus(1)])), ["offer m-O3 (1 in all) was made before"]);
    }

    #[test]
    fn resources_are_in_one_offer() {
        let mut stage = Stage::new("offer-once");
        assert!(stage.send(offers(0, &[cpus(4)])).is_empty());
        assert_eq!(stage.send(offers(1, &[cpus(4)])), ["outstanding offers of agent m-S0 carry cpus:8; it has cpus:4"]);
    }

    #[test]
    fn a_launch_is_covered_by_what_was_accepted() {
        let mut stage = Stage::new("offer-once");
        assert!(stage.facts(&[reported(TASK)]).is_empty());
        assert!(stage.facts(&[terminal(TASK)]).is_empty());
        assert!(stage.send(offers(0, &[cpus(4)])).is_empty());
        assert!(stage.facts(&[ended(0, 1, OfferEnd::Accepted, cpus(4)), launched(TASK)]).is_empty());
        assert!(stage.facts(&[terminal(TASK)]).is_empty());
        assert_eq!(stage.facts(&[launched(TASK)]), ["job-0.0 was launched without an accepted offer that covers it"]);
    }

    #[test]
    fn no_offer_is_forgotten() {
        let mut stage = Stage::new("offer-once");
        assert!(stage.send(offers(0, &[cpus(4)])).is_empty());
        stage.outstanding = 1;
        assert!(stage.finish().is_empty());
        stage.outstanding = 0;
        assert_eq!(stage.finish(), ["the master has 0 outstanding offers, and 1 were made and have not ended"]);
    }
}
