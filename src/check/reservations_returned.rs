//! What is reserved for an instance that is gone is given back when it is offered.
//!
//! Upstream promises it by looking at the reservations of an offer before anything else
//! (`OfferMatcherReconciler`; marathon#5142, MARATHON-7711).
//!
//! AREAS VERIFIED: of reservations that bear the name of an instance, as masters tell agents to keep
//! them, none is declined three times by a Marathon that does not know the instance, or wants it no
//! more and has nothing running of it. AREAS NOT VERIFIED: reservations that are offered to nobody,
//! because the role is suppressed (`offers-wanted` looks at those that are known to be in the way);
//! reservations that operators made.

use super::volumes_stay::INSTANCE_LABEL;
use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::{Map, Set};
use crate::fact::{At, Condition, Fact, Goal, ProcessKind};
use crate::mesos::message::{Msg, OfferRange};
use crate::world::Seen;

pub const SUMMARY: &str = "a reservation of an instance that is gone is given back when it is offered";

/// An offer may be declined for other reasons: too many of them at a time.
const PATIENCE: u32 = 3;

#[derive(Clone, Default)]
pub struct ReservationsReturned {
    /// Instances for which something is reserved, by address of the agent.
    held: Map<u32, Vec<Symbol>>,
    /// All of these that are gone, and how often what they hold was declined.
    strays: Map<Symbol, u32>,
}

impl ReservationsReturned {
    fn judge(&mut self, view: View, instance: Symbol) {
        let is_held = self.held.values().any(|all| all.contains(&instance));
        let known = view.marathons.fleets().iter().find_map(|fleet| fleet.instances.get(&instance));
        let is_gone = known.is_none_or(|i| i.goal == Goal::Decommissioned && !i.is_live() && !i.is_lost());
        if is_held && is_gone {
            self.strays.entry(instance).or_insert(0);
        } else {
            self.strays.swap_remove(&instance);
        }
    }

    fn declined(&mut self, view: View, range: OfferRange) -> Result<(), String> {
        let names = view.world.names();
        for n in 0..range.count {
            let Some(offered) = view.ledger.offered_as(range.first.plus(u64::from(n))) else { continue };
            let named = offered.reserved();
            let holders: Set<Symbol> =
                named.objects().filter_map(|object| names.find(object.label(INSTANCE_LABEL)?)).collect();
            for instance in holders {
                let Some(times) = self.strays.get_mut(&instance) else { continue };
                *times += 1;
                if *times >= PATIENCE {
                    let instance = names.text(instance);
                    return Err(format!("{instance} is gone; what it has reserved was declined {PATIENCE} times"));
                }
            }
        }
        Ok(())
    }
}

impl Invariant for ReservationsReturned {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["CHECKPOINT_RESOURCES", "DECLINE"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["InstanceChanged"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        sent && match msg {
            Msg::CheckpointResources(_) => true,
            Msg::Decline { .. } => from == ProcessKind::Marathon,
            _ => false,
        }
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        match &seen.msg {
            Msg::CheckpointResources(resources) => {
                let names = view.world.names();
                let all = resources.objects();
                let holders: Set<Symbol> =
                    all.filter_map(|object| names.find(object.label(INSTANCE_LABEL)?)).collect();
                let holders: Vec<Symbol> = holders.into_iter().collect();
                let before = if holders.is_empty() {
                    self.held.swap_remove(&seen.to.slot)
                } else {
                    self.held.insert(seen.to.slot, holders.clone())
                };
                for instance in before.into_iter().flatten().chain(holders) {
                    self.judge(view, instance);
                }
                Ok(())
            }
            Msg::Decline { offers, .. } if !self.strays.is_empty() => {
                offers.as_slice().iter().try_for_each(|range| self.declined(view, *range))
            }
            _ => Ok(()),
        }
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        if let Fact::InstanceChanged { instance, condition, goal, .. } = fact.what
            && !self.held.is_empty()
            && (goal == Goal::Decommissioned || condition == Condition::Expunged || self.strays.contains_key(&instance))
        {
            self.judge(view, instance);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::base::id::OfferId;
    use crate::mesos::message::{Allocation, OfferBatch, OfferEntry, OfferRanges, Refuse};
    use crate::mesos::resource::Resources;
    use std::sync::Arc;

    fn run(last: Condition) -> Vec<Vec<String>> {
        let mut stage = Stage::new("reservations-returned");
        let name = stage.name("app.instance-1");
        let text = format!("disk(reservations: [(DYNAMIC,r,p,{{{INSTANCE_LABEL}: app.instance-1}})])[v:data]:5");
        let resources = Resources::parse(&text).unwrap();
        stage.facts(&[instance(name.0, Condition::Running, Goal::Running)]);
        stage.send(Msg::CheckpointResources(resources.clone()));
        stage.facts(&[instance(name.0, last, Goal::Running)]);
        let mut told = Vec::new();
        for n in 0..4 {
            let entry = OfferEntry { agent: AGENT, resources: resources.clone() };
            let allocation = Arc::new(Allocation::new(FRAMEWORK, Symbol(2), vec![entry]));
            let first = OfferId::new(MASTER, n);
            stage.send(Msg::Offers(Arc::new(OfferBatch { first, allocation, described: Vec::new() })));
            let offers = OfferRanges::from_slice(&[OfferRange { first, count: 1 }]);
            told.push(stage.send(Msg::Decline { framework: FRAMEWORK, offers, refuse: Refuse::NONE }));
        }
        told
    }

    #[test]
    fn fires_when_nobody_gives_it_back() {
        assert!(run(Condition::Killed).concat().is_empty(), "it is wanted");
        let told = run(Condition::Expunged);
        assert_eq!(told.concat(), ["app.instance-1 is gone; what it has reserved was declined 3 times"]);
        assert!(told[1].is_empty() && !told[2].is_empty());
    }
}
