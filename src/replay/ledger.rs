//! Who and what a case has so far, to find events that contradict it before an allocator sees them.
//!
//! Kept from the events and from the offers that came out: agents, frameworks and what each
//! framework holds where. An agent or framework that has left may still be named by a late
//! `recover`, as in a master with messages on their way; that gives back nothing. What an agent
//! says that a framework uses can come back once the framework is there.

use super::Fault;
use super::check::check_role;
use super::event::{Event, Framework};
use super::record::Offers;
use crate::base::quantity::Milli;
use crate::base::time::{Span, Time};
use crate::mesos::resource::Resources;
use std::collections::{BTreeMap, BTreeSet};

/// The most that an agent may have of one name.
const MOST_OF_AGENT: Milli = Milli::from_int(1_000_000_000_000);

#[derive(Clone, Default, Debug)]
pub(super) struct Ledger {
    now: Time,
    event_driven: bool,
    runs_given: bool,
    agents: BTreeSet<String>,
    frameworks: BTreeMap<String, Known>,
    /// All ids that ever were.
    past_agents: BTreeSet<String>,
    past_frameworks: BTreeSet<String>,
    /// What each framework holds, by agent, framework and role; of unknown frameworks too.
    held: BTreeMap<String, BTreeMap<(String, String), Resources>>,
}

#[derive(Clone, Debug)]
struct Known {
    roles: BTreeSet<String>,
    active: bool,
}

fn unknown(what: &str, id: &str) -> Fault {
    Fault::new(format!("unknown {what} `{id}`"), format!("add the {what} before, or correct the id"))
}

/// Sums over a cluster must not overflow.
fn check_amounts(id: &str, total: &Resources) -> Result<(), Fault> {
    match total.scalars_only().all_quantities().iter().find(|(_, amount)| **amount > MOST_OF_AGENT) {
        Some((name, amount)) => Err(Fault::new(format!("agent `{id}` has {amount} {name}"), "write at most 10^12")),
        None => Ok(()),
    }
}

fn roles_of(framework: &Framework) -> BTreeSet<String> {
    framework.roles.iter().cloned().collect()
}

impl Ledger {
    /// Whether the event may happen now.
    pub(super) fn check(&self, event: &Event) -> Result<(), Fault> {
        event.check()?;
        match event {
            Event::Init(_) => Err(Fault::new("a second `init`", "begin a case of its own")),
            Event::AddAgent { id, .. } if self.agents.contains(id) => {
                Err(Fault::new(format!("agent `{id}` is there already"), "remove it before, or update it"))
            }
            // More may be in use than there is: such agents do come back to masters.
            Event::AddAgent { id, total, .. } => check_amounts(id, total),
            Event::UpdateAgent { id, total, .. } => {
                self.agent(id)?;
                check_amounts(id, total)
            }
            Event::RemoveAgent { id } | Event::ActivateAgent { id } | Event::DeactivateAgent { id } => self.agent(id),
            Event::AddFramework { framework, .. } if self.frameworks.contains_key(&framework.id) => Err(Fault::new(
                format!("framework `{}` is there already", framework.id),
                "remove it before, or update it",
            )),
            Event::AddFramework { framework, used, .. } => self.check_used(&framework.id, used),
            Event::UpdateFramework(framework) => self.framework(&framework.id).map(|_| ()),
            Event::RemoveFramework { id } | Event::ActivateFramework { id } | Event::DeactivateFramework { id } => {
                self.framework(id).map(|_| ())
            }
            Event::Suppress { framework, roles } => self.check_roles(framework, roles),
            Event::Revive { framework, roles } => {
                self.check_roles(framework, roles)?;
                if self.framework(framework)?.active {
                    return Ok(());
                }
                Err(Fault::new(format!("framework `{framework}` is not active"), "activate it before reviving it"))
            }
            Event::Recover { framework, role, agent, resources, .. } => {
                check_role(role)?;
                self.once(agent, framework)?;
                if !self.frameworks.contains_key(framework) && self.of(framework, role, agent).is_some() {
                    let what = format!("framework `{framework}` is not there to give back what it uses on `{agent}`");
                    return Err(Fault::new(what, "add the framework before"));
                }
                if !self.agents.contains(agent) || !self.frameworks.contains_key(framework) {
                    return Ok(());
                }
                self.check_held(framework, role, agent, resources)
            }
            Event::Accept { agent, role, resources } => {
                self.agent(agent)?;
                let mut sum = Resources::EMPTY;
                for ((framework, of), held) in self.held.get(agent).into_iter().flatten() {
                    if of == role && self.frameworks.contains_key(framework) {
                        sum += held;
                    }
                }
                if sum.contains(resources) {
                    return Ok(());
                }
                let what = format!("{resources} accepted of {sum} that role `{role}` holds on `{agent}`");
                Err(Fault::new(what, "accept what was offered"))
            }
            Event::Reserve { agent, .. } | Event::Unreserve { agent, .. } => self.agent(agent),
            Event::ReserveOffered { framework, role, agent, offered, resources } => {
                let from = resources.pop_reservation().map_err(|error| Fault::new(error.what, error.mend))?;
                self.check_change(framework, role, agent, offered, &from)
            }
            Event::UnreserveOffered { framework, role, agent, offered, resources } => {
                self.check_change(framework, role, agent, offered, resources)
            }
            Event::ConvertOffered { framework, role, agent, resources, .. } => {
                self.check_held(framework, role, agent, resources)
            }
            Event::Advance { by } => match self.now.0.checked_add(by.0) {
                Some(_) => Ok(()),
                None => Err(Fault::new("the clock runs beyond the end of time", "advance by less")),
            },
            Event::Allocate(None) if self.runs_given => {
                Err(Fault::new("a run without `agents` in a case whose runs are given", "name the agents in order"))
            }
            Event::Allocate(Some(visits)) if self.runs_given => {
                visits.agents.iter().try_for_each(|agent| self.agent(agent))
            }
            Event::Allocate(Some(_)) | Event::Tick if !self.runs_given => {
                Err(Fault::new("runs are not given in this case", "write `\"runs\":\"given\"` in `init`"))
            }
            Event::Allocate(_) | Event::Tick | Event::UpdateWeights { .. } | Event::UpdateQuota { .. } => Ok(()),
            Event::Whitelist { .. } => Ok(()),
        }
    }

    fn agent(&self, id: &str) -> Result<(), Fault> {
        if self.agents.contains(id) { Ok(()) } else { Err(unknown("agent", id)) }
    }
    fn framework(&self, id: &str) -> Result<&Known, Fault> {
        self.frameworks.get(id).ok_or_else(|| unknown("framework", id))
    }
    /// Both are or were there. Frameworks that only an agent told of count.
    fn once(&self, agent: &str, framework: &str) -> Result<(), Fault> {
        if !self.past_agents.contains(agent) {
            Err(unknown("agent", agent))
        } else if !self.past_frameworks.contains(framework) {
            Err(unknown("framework", framework))
        } else {
            Ok(())
        }
    }
    fn check_roles(&self, framework: &str, roles: &[String]) -> Result<(), Fault> {
        let known = self.framework(framework)?;
        match roles.iter().find(|role| !known.roles.contains(*role)) {
            Some(role) => {
                let what = format!("`{role}` is no role of framework `{framework}`");
                Err(Fault::new(what, "name its roles, or none for all of them"))
            }
            None => Ok(()),
        }
    }
    fn of(&self, framework: &str, role: &str, agent: &str) -> Option<&Resources> {
        self.held.get(agent)?.get(&(framework.to_owned(), role.to_owned()))
    }
    fn check_held(&self, framework: &str, role: &str, agent: &str, resources: &Resources) -> Result<(), Fault> {
        let held = self.of(framework, role, agent).unwrap_or(&Resources::EMPTY);
        if held.contains(resources) {
            return Ok(());
        }
        let what = format!("framework `{framework}` holds {held} in role `{role}` on `{agent}`, not {resources}");
        Err(Fault::new(what, "name what it was offered and has not given back"))
    }
    fn check_change(
        &self,
        framework: &str,
        role: &str,
        agent: &str,
        offered: &Resources,
        from: &Resources,
    ) -> Result<(), Fault> {
        check_role(role)?;
        self.agent(agent)?;
        self.framework(framework)?;
        self.check_held(framework, role, agent, offered)?;
        if offered.contains(from) {
            return Ok(());
        }
        Err(Fault::new(format!("{from} is no part of the offered {offered}"), "name a part of what is offered"))
    }
    /// What a new framework says that it uses must be what its agents said.
    fn check_used(&self, framework: &str, used: &[super::event::FrameworkUse]) -> Result<(), Fault> {
        for one in used.iter().filter(|one| self.agents.contains(&one.agent)) {
            self.check_held(framework, &one.role, &one.agent, &one.resources)?;
        }
        Ok(())
    }

    /// Agent, framework, role and what is held.
    pub(super) fn holdings(&self) -> impl Iterator<Item = (&str, &str, &str, &Resources)> {
        self.held.iter().flat_map(|(agent, held)| {
            held.iter().map(move |((framework, role), what)| (agent.as_str(), framework.as_str(), role.as_str(), what))
        })
    }

    /// Books an event that was checked.
    pub(super) fn book(&mut self, event: &Event) {
        match event {
            Event::Init(init) => (self.event_driven, self.runs_given) = (init.event_driven, init.runs_given),
            Event::AddAgent { id, used, .. } => {
                self.agents.insert(id.clone());
                self.past_agents.insert(id.clone());
                for one in used {
                    self.past_frameworks.insert(one.framework.clone());
                    self.add(&one.framework, &one.role, id, &one.resources);
                }
            }
            Event::RemoveAgent { id } => {
                self.agents.remove(id);
                self.held.remove(id);
            }
            Event::AddFramework { framework, active, .. } => {
                self.past_frameworks.insert(framework.id.clone());
                let known = Known { roles: roles_of(framework), active: *active };
                self.frameworks.insert(framework.id.clone(), known);
            }
            Event::UpdateFramework(framework) => {
                if let Some(known) = self.frameworks.get_mut(&framework.id) {
                    known.roles = roles_of(framework);
                }
            }
            Event::RemoveFramework { id } => {
                self.frameworks.remove(id);
                self.held.values_mut().for_each(|held| held.retain(|(framework, _), _| framework != id));
            }
            Event::ActivateFramework { id } | Event::DeactivateFramework { id } => {
                if let Some(known) = self.frameworks.get_mut(id) {
                    known.active = matches!(event, Event::ActivateFramework { .. });
                }
            }
            Event::Recover { framework, role, agent, resources, .. } if self.frameworks.contains_key(framework) => {
                self.take(framework, role, agent, resources);
            }
            Event::ReserveOffered { framework, role, agent, resources, .. } => {
                if let Ok(from) = resources.pop_reservation() {
                    self.take(framework, role, agent, &from);
                    self.add(framework, role, agent, resources);
                }
            }
            Event::UnreserveOffered { framework, role, agent, resources, .. } => {
                if let Ok(to) = resources.pop_reservation() {
                    self.take(framework, role, agent, resources);
                    self.add(framework, role, agent, &to);
                }
            }
            Event::ConvertOffered { framework, role, agent, resources, into } => {
                self.take(framework, role, agent, resources);
                self.add(framework, role, agent, into);
            }
            Event::Advance { by: Span(ns) } => self.now = Time(self.now.0.saturating_add(*ns)),
            _ => {}
        }
    }
    /// Books what came out.
    pub(super) fn book_offers(&mut self, offers: &Offers) {
        for (framework, roles) in offers {
            for (role, agents) in roles {
                for (agent, resources) in agents {
                    self.add(framework, role, agent, resources);
                }
            }
        }
    }
    fn add(&mut self, framework: &str, role: &str, agent: &str, resources: &Resources) {
        let held = self.held.entry(agent.to_owned()).or_default();
        *held.entry((framework.to_owned(), role.to_owned())).or_default() += resources;
    }
    fn take(&mut self, framework: &str, role: &str, agent: &str, resources: &Resources) {
        let Some(held) = self.held.get_mut(agent) else { return };
        let key = (framework.to_owned(), role.to_owned());
        if let Some(of) = held.get_mut(&key) {
            *of -= resources;
            if of.is_empty() {
                held.remove(&key);
            }
        }
    }
}
