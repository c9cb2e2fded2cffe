//! Changes of leaders: when one was lost, and when the next one had what it needs to go on. Marathons
//! that run as tasks of another are not looked at: losing one is an ordinary loss of a task.

use super::recording::Failover;
use crate::base::id::Symbol;
use crate::base::map::Set;
use crate::base::time::Time;
use crate::fact::ProcessKind;

/// What a cluster of masters, or of Marathons, has for a leader.
#[derive(Clone, Debug, Default)]
struct Side {
    leader: Option<(u32, u32)>,
    /// Index in `Leaders::changes` of the change that is not complete.
    open: Option<usize>,
    /// Agents and frameworks that the lost leader had, and those that came to the new one.
    agents_before: u64,
    agents: Set<Symbol>,
    frameworks_before: Set<Symbol>,
    frameworks: Set<Symbol>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Leaders {
    masters: Side,
    marathons: Side,
    /// Names of frameworks with a subscription.
    subscribed: Set<Symbol>,
    /// Names of Marathons' frameworks.
    services: Set<Symbol>,
    /// Slots and names of what runs as tasks.
    hosted: Set<u32>,
    hosted_names: Set<Symbol>,
    pub(super) changes: Vec<Failover>,
}

impl Leaders {
    fn side(&mut self, kind: ProcessKind, slot: u32) -> Option<&mut Side> {
        match kind {
            _ if self.hosted.contains(&slot) => None,
            ProcessKind::Master => Some(&mut self.masters),
            ProcessKind::Marathon => Some(&mut self.marathons),
            _ => None,
        }
    }

    pub(super) fn hosted(&mut self, slot: u32, program: Symbol) {
        self.hosted.insert(slot);
        self.hosted_names.insert(program);
    }

    /// Frameworks with this owner name belong to Marathon.
    pub(super) fn service_is(&mut self, owner: Symbol) {
        self.services.insert(owner);
    }

    /// The process died, stepped down, or lost its session.
    pub(super) fn gone(&mut self, kind: ProcessKind, slot: u32, incarnation: Option<u32>, at: Time, agents: u64) {
        let (changes, subscribed) = (self.changes.len(), self.subscribed.clone());
        let Some(side) = self.side(kind, slot) else { return };
        let led = side.leader.is_some_and(|l| l.0 == slot && incarnation.is_none_or(|i| i == l.1));
        if !led {
            return;
        }
        *side = Side { open: Some(changes), agents_before: agents, frameworks_before: subscribed, ..Side::default() };
        self.changes.push(Failover { kind: kind_name(kind).to_owned(), lost_ns: at.0, ..Failover::default() });
    }

    /// The session of the process in this slot is no more.
    pub(super) fn session_gone(&mut self, slot: u32, at: Time, agents: u64) {
        self.gone(ProcessKind::Master, slot, None, at, agents);
        self.gone(ProcessKind::Marathon, slot, None, at, agents);
    }

    pub(super) fn elected(&mut self, kind: ProcessKind, slot: u32, incarnation: u32, at: Time) {
        let Some(side) = self.side(kind, slot) else { return };
        side.leader = Some((slot, incarnation));
        if let Some(open) = side.open {
            self.changes[open].elected_ns.get_or_insert(at.0);
        }
    }

    pub(super) fn ready(&mut self, kind: ProcessKind, slot: u32, at: Time) {
        if let Some(open) = self.side(kind, slot).and_then(|side| side.open) {
            self.changes[open].ready_ns.get_or_insert(at.0);
        }
    }

    /// The masters' leader admitted the agent of this host.
    pub(super) fn agent(&mut self, host: Symbol, at: Time) {
        let side = &mut self.masters;
        let Some(open) = side.open else { return };
        let change = &mut self.changes[open];
        side.agents.insert(host);
        change.first_agent_ns.get_or_insert(at.0);
        if side.agents.len() as u64 * 100 >= side.agents_before * 99 {
            change.agents_ns.get_or_insert(at.0);
        }
    }

    pub(super) fn subscribed(&mut self, name: Symbol, at: Time) {
        self.subscribed.insert(name);
        // The change of a Marathon's leader is complete: whether it is offered anything depends on
        // what it has to place, and it suppresses offers while that is nothing.
        if self.services.contains(&name)
            && !self.hosted_names.contains(&name)
            && let Some(open) = self.marathons.open.take_if(|open| self.changes[*open].elected_ns.is_some())
        {
            self.changes[open].frameworks_ns = Some(at.0);
        }
        let side = &mut self.masters;
        let Some(open) = side.open else { return };
        side.frameworks.insert(name);
        if side.frameworks_before.iter().all(|f| side.frameworks.contains(f)) {
            self.changes[open].frameworks_ns.get_or_insert(at.0);
        }
    }

    pub(super) fn unsubscribed(&mut self, name: Symbol) {
        self.subscribed.shift_remove(&name);
    }

    /// Whether masters wait for offers: cheap, because this is asked for every batch of them.
    #[inline]
    pub(super) fn waits(&self) -> bool {
        self.masters.open.is_some()
    }

    pub(super) fn offered(&mut self, at: Time) {
        let Some(open) = self.masters.open else { return };
        let change = &mut self.changes[open];
        change.first_offer_ns.get_or_insert(at.0);
        // The one that counts is the first when everybody is there.
        if change.frameworks_ns.is_some() && change.agents_ns.is_some() {
            change.offer_to_all_ns = Some(at.0);
            self.masters.open = None;
        }
    }
}

fn kind_name(kind: ProcessKind) -> &'static str {
    if kind == ProcessKind::Master { "master" } else { "marathon" }
}
