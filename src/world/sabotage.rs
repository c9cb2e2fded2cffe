//! Ways to make an honest core misbehave, by name: for tests of the checks, and for showing what a
//! broken core looks like from the command line (`run --sabotage NAME`, hidden there).
//!
//! A sabotage changes from outside what a core wants done, before it is done; no core carries code
//! for being broken. Every invariant has at least one that makes it fire, and one breaks an
//! assertion inside a core (`tests/invariants.rs` runs them all).

use super::{Sabotage, World};
use crate::actor::bug::Bug;
use crate::actor::{Effect, Mailbox};
use crate::base::id::{AgentId, FrameworkId, OfferId, Symbol};
use crate::fact::{Condition, Fact, KillReason, ProcessKind};
use crate::marathon::model::instance::Instance;
use crate::mesos::message::{AgentInfo, FrameworkInfo, Msg, OfferBatch, StatusUpdate};
use crate::mesos::task_state::{Reason, TaskState};
use crate::zk::wire::{Data, Opaque, Request};
use std::sync::Arc;

/// What breaks if a core asserts something that is not so, instead of the name of an invariant.
pub const ASSERTION: &str = "assertion";

/// One way to misbehave.
pub struct Saboteur {
    pub name: &'static str,
    /// Processes of this kind misbehave, all of them.
    pub of: ProcessKind,
    /// The invariant that it is there for, or `ASSERTION`. Others may notice as well.
    pub breaks: &'static str,
    pub how: Sabotage,
}

const fn row(name: &'static str, of: ProcessKind, breaks: &'static str, how: Sabotage) -> Saboteur {
    Saboteur { name, of, breaks, how }
}

/// All of them; what each does stands at its function.
#[rustfmt::skip] // flat table
pub const SABOTEURS: &[Saboteur] = &[
    row("runs-two-containers", ProcessKind::Agent, "no-overcommit", runs_two_containers),
    row("counts-agents-double", ProcessKind::Master, "no-overcommit", counts_agents_double),
    row("allocates-twice", ProcessKind::Master, "no-overcommit", allocates_twice),
    row("never-gives-back", ProcessKind::Master, "conservation", never_gives_back),
    row("ends-offers-twice", ProcessKind::Master, "offer-once", ends_offers_twice),
    row("makes-offers-twice", ProcessKind::Master, "offer-once", makes_offers_twice),
    row("forgets-offers", ProcessKind::Master, "offer-once", forgets_offers),
    row("runs-again", ProcessKind::Agent, "terminal-stays", runs_again),
    row("restarts-what-ended", ProcessKind::Agent, "terminal-stays", restarts_what_ended),
    row("finishes-before-running", ProcessKind::Agent, "terminal-stays", finishes_before_running),
    row("runs-before-starting", ProcessKind::Agent, "updates-in-order", runs_before_starting),
    row("repeats-old-updates", ProcessKind::Master, "updates-in-order", repeats_old_updates),
    row("alters-updates", ProcessKind::Master, "updates-in-order", alters_updates),
    row("writes-versions-twice", ProcessKind::Master, "one-registry-writer", writes_versions_twice),
    row("honours-dead-offers", ProcessKind::Master, "dead-offers", honours_dead_offers),
    row("crowds-hosts", ProcessKind::Marathon, "placement", crowds_hosts),
    row("meddles-as-standby", ProcessKind::Marathon, "marathon-leader", meddles_as_standby),
    row("kills-on-taking-over", ProcessKind::Marathon, "restart-harmless", kills_on_taking_over),
    row("never-launches", ProcessKind::Marathon, "apps-converge", never_launches),
    row("writes-down-too-little", ProcessKind::Marathon, "intent-first", writes_down_too_little),
    row("forgets-its-id", ProcessKind::Marathon, "framework-id-stays", forgets_its_id),
    row("deploys-twice", ProcessKind::Marathon, "one-deployment", deploys_twice),
    row("adds-too-many", ProcessKind::Marathon, "no-surplus", adds_too_many),
    row("kills-what-it-starts", ProcessKind::Marathon, "minimum-health", kills_what_it_starts),
    row("gives-back-too-much", ProcessKind::Master, ASSERTION, gives_back_too_much),
];

/// The sabotage of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Saboteur> {
    SABOTEURS.iter().find(|row| row.name == name)
}

impl World {
    /// Shows an old bug again in all cores that made it.
    pub fn show_bug(&mut self, bug: Bug) {
        let mut behaviour = (*self.behaviour).clone();
        behaviour.bugs.push(bug);
        self.behaviour = Arc::new(behaviour);
    }

    /// Makes every process of the saboteur's kind misbehave from now on.
    pub fn sabotage_all(&mut self, saboteur: &Saboteur) {
        for process in self.processes.iter_mut().filter(|p| p.kind == saboteur.of) {
            process.sabotage = Some(saboteur.how);
        }
    }
}

// ---- in common ----

/// Carries out twice every effect that is chosen.
fn twice(outbox: &mut Vec<Effect>, chosen: impl Fn(&Effect) -> bool) {
    let copies = |effect: Effect| if chosen(&effect) { vec![effect.clone(), effect] } else { vec![effect] };
    *outbox = outbox.drain(..).flat_map(copies).collect();
}

/// Swaps two states in every status update that an agent sends.
fn swap_states(outbox: &mut [Effect], a: TaskState, b: TaskState) {
    for effect in outbox {
        if let Effect::Send { msg: Msg::Status(update), .. } = effect {
            update.state = match update.state {
                state if state == a => b,
                state if state == b => a,
                other => other,
            };
        }
    }
}

// ---- Marathon ----

/// Says of each placement that there are two.
fn crowds_hosts(_: Mailbox, outbox: &mut Vec<Effect>) {
    let again = outbox.iter().find_map(|e| match *e {
        Effect::Fact(Fact::InstanceChanged { app, config, condition: Condition::Provisioned, goal, host, .. }) => {
            let (condition, instance) = (Condition::Provisioned, Symbol(0));
            Some(Fact::InstanceChanged { app, instance, config, condition, goal, host })
        }
        _ => None,
    });
    outbox.extend(again.map(Effect::Fact));
}

/// Calls Mesos whenever it talks to ZooKeeper, leading or not.
fn meddles_as_standby(_: Mailbox, outbox: &mut Vec<Effect>) {
    let to = outbox.iter().find_map(|e| match e {
        Effect::Send { to, msg: Msg::Zk(_) } => Some(*to),
        _ => None,
    });
    let msg = Msg::Revive { framework: FrameworkId(Symbol(0)), roles: Arc::default() };
    outbox.extend(to.map(|to| Effect::Send { to, msg }));
}

/// Kills something as soon as it leads.
fn kills_on_taking_over(_: Mailbox, outbox: &mut Vec<Effect>) {
    if outbox.iter().any(|e| matches!(e, Effect::Fact(Fact::LeaderReady { .. }))) {
        let (app, instance, why) = (Symbol(0), Symbol(0), KillReason::Orphan);
        outbox.push(Effect::Fact(Fact::InstanceKill { app, instance, why }));
    }
}

/// Places instances and never tells Mesos.
fn never_launches(_: Mailbox, outbox: &mut Vec<Effect>) {
    outbox.retain(|e| !matches!(e, Effect::Send { msg: Msg::Accept { .. } | Msg::AcceptBulk(_), .. }));
}

/// The records of its instances name no tasks.
fn writes_down_too_little(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        if let Effect::Dispatch { msg: Msg::Store { request, .. }, .. } = effect
            && let Request::Set { path, data: Data::Record(record), version } = &**request
            && let Some(instance) = record.get::<Instance>()
        {
            let data = Data::Record(Opaque::new(Instance { tasks: Vec::new(), ..instance.clone() }));
            *request = Arc::new(Request::Set { path: path.clone(), data, version: *version });
        }
    }
}

/// Subscribes as if for the first time.
fn forgets_its_id(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        if let Effect::Send { msg: Msg::Subscribe { info, .. }, .. } = effect {
            *info = Arc::new(FrameworkInfo { id: None, ..(**info).clone() });
        }
    }
}

/// Beside each step goes that of another deployment.
fn deploys_twice(_: Mailbox, outbox: &mut Vec<Effect>) {
    let step = outbox.iter().find_map(|e| match *e {
        Effect::Fact(Fact::DeploymentStep { step, app, .. }) => Some((step, app)),
        _ => None,
    });
    if let Some((step, app)) = step {
        let deployment = Symbol(0);
        outbox.push(Effect::Fact(Fact::DeploymentBegan { deployment, steps: step }));
        outbox.push(Effect::Fact(Fact::DeploymentStep { deployment, step, app }));
    }
}

/// Says that three more instances were added.
fn adds_too_many(_: Mailbox, outbox: &mut Vec<Effect>) {
    let added = outbox.iter().find_map(|e| match *e {
        Effect::Fact(Fact::InstanceChanged { app, config, condition: Condition::Scheduled, goal, host, .. }) => {
            let condition = Condition::Scheduled;
            Some(move |n| Fact::InstanceChanged { app, instance: Symbol(n), config, condition, goal, host })
        }
        _ => None,
    });
    outbox.extend(added.into_iter().flat_map(|more| (0..3).map(more)).map(Effect::Fact));
}

/// In the name of its deployment it kills each instance as soon as it runs.
fn kills_what_it_starts(_: Mailbox, outbox: &mut Vec<Effect>) {
    let runs = outbox.iter().find_map(|e| match *e {
        Effect::Fact(Fact::InstanceChanged { app, instance, condition: Condition::Running, .. }) => {
            Some(Fact::InstanceKill { app, instance, why: KillReason::Deployment })
        }
        _ => None,
    });
    outbox.extend(runs.map(Effect::Fact));
}

// ---- registry and offers ----

/// Every version of the registry is written once more.
fn writes_versions_twice(_: Mailbox, outbox: &mut Vec<Effect>) {
    twice(outbox, |e| matches!(e, Effect::Fact(Fact::RegistryWritten { .. })));
}

/// Its offers bear another master's name, and it launches on them all the same.
fn honours_dead_offers(_: Mailbox, outbox: &mut Vec<Effect>) {
    let mut launched = None;
    for effect in outbox.iter_mut() {
        match effect {
            Effect::Send { msg: Msg::Offers(batch), .. } => {
                let first = OfferId::new(Symbol(0), batch.first.n());
                *batch = Arc::new(OfferBatch { first, ..(**batch).clone() });
            }
            Effect::Send { msg: Msg::Update(u), .. } if u.reason == Reason::InvalidOffers => {
                // The update names no agent; any will do.
                let agent = AgentId { n: 0, ..u.agent };
                launched = Some(Fact::TaskLaunched { framework: u.framework, task: u.task, agent });
            }
            _ => {}
        }
    }
    outbox.extend(launched.map(Effect::Fact));
}

// ---- agents ----

/// Each task runs in two containers.
fn runs_two_containers(_: Mailbox, outbox: &mut Vec<Effect>) {
    twice(outbox, |e| matches!(e, Effect::Spawn { .. } | Effect::Fact(Fact::TaskStarted { .. })));
}

/// After TASK_FINISHED comes another TASK_RUNNING.
fn runs_again(_: Mailbox, outbox: &mut Vec<Effect>) {
    let last = outbox.iter().find_map(|e| match e {
        Effect::Send { to, msg: Msg::Status(u) } if u.state == TaskState::Finished => Some((*to, *u)),
        _ => None,
    });
    if let Some((to, update)) = last {
        let (state, uuid) = (TaskState::Running, update.uuid + 1_000_000);
        outbox.push(Effect::Send { to, msg: Msg::Status(StatusUpdate { state, latest: state, uuid, ..update }) });
    }
}

/// A container that has ended starts once more.
fn restarts_what_ended(_: Mailbox, outbox: &mut Vec<Effect>) {
    let ended = outbox.iter().find_map(|e| match *e {
        Effect::Fact(Fact::TaskEnded { task, owner, host, .. }) => Some(Fact::TaskStarted { task, owner, host }),
        _ => None,
    });
    outbox.extend(ended.map(Effect::Fact));
}

/// TASK_FINISHED is said first, TASK_RUNNING when the task has ended.
#[expect(clippy::ptr_arg, reason = "the shape of all")]
fn finishes_before_running(_: Mailbox, outbox: &mut Vec<Effect>) {
    swap_states(outbox, TaskState::Running, TaskState::Finished);
}

/// TASK_RUNNING comes before TASK_STARTING.
#[expect(clippy::ptr_arg, reason = "the shape of all")]
fn runs_before_starting(_: Mailbox, outbox: &mut Vec<Effect>) {
    swap_states(outbox, TaskState::Starting, TaskState::Running);
}

// ---- masters ----

/// The allocator is told that each agent has twice of what it has.
fn counts_agents_double(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        if let Effect::Dispatch { msg: Msg::AddAgent { info, .. }, .. } = effect {
            let total = info.total.clone() + &info.total;
            *info = Arc::new(AgentInfo { total, ..(**info).clone() });
        }
    }
}

/// The allocator says twice what it has given to whom.
fn allocates_twice(_: Mailbox, outbox: &mut Vec<Effect>) {
    twice(outbox, |e| matches!(e, Effect::Dispatch { msg: Msg::Allocated(_), .. }));
}

/// What tasks held is not given back to the allocator.
fn never_gives_back(_: Mailbox, outbox: &mut Vec<Effect>) {
    outbox.retain(|e| !matches!(e, Effect::Dispatch { msg: Msg::Recover { .. }, .. }));
}

/// An offer that ends does so twice.
fn ends_offers_twice(_: Mailbox, outbox: &mut Vec<Effect>) {
    let ends = |e: &Effect| {
        matches!(e, Effect::Fact(Fact::OffersEnded { .. }) | Effect::Dispatch { msg: Msg::RecoverOffers { .. }, .. })
    };
    twice(outbox, ends);
}

/// The same offers are sent twice.
fn makes_offers_twice(_: Mailbox, outbox: &mut Vec<Effect>) {
    twice(outbox, |e| matches!(e, Effect::Send { msg: Msg::Offers(_), .. }));
}

/// It is not noted that offers have ended.
fn forgets_offers(_: Mailbox, outbox: &mut Vec<Effect>) {
    outbox.retain(|e| !matches!(e, Effect::Fact(Fact::OffersEnded { .. })));
}

/// Before TASK_FINISHED is forwarded, the update that came before it is forwarded again.
fn repeats_old_updates(_: Mailbox, outbox: &mut Vec<Effect>) {
    let last = outbox.iter().find_map(|e| match e {
        Effect::Send { to, msg: Msg::Update(u) } if u.state == TaskState::Finished => Some((*to, *u)),
        _ => None,
    });
    // Numbers count up in an agent, so where it runs one task at a time this was of the same task.
    if let Some((to, update)) = last {
        let (state, uuid) = (TaskState::Running, update.uuid - 1);
        outbox.push(Effect::Send { to, msg: Msg::Update(StatusUpdate { state, uuid, ..update }) });
    }
}

/// TASK_RUNNING is forwarded as TASK_FINISHED.
fn alters_updates(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        if let Effect::Send { msg: Msg::Update(update), .. } = effect
            && update.state == TaskState::Running
        {
            update.state = TaskState::Finished;
        }
    }
}

/// More offers go back to the allocator than there were; it finds no such entry in the batch.
fn gives_back_too_much(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        if let Effect::Dispatch { msg: Msg::RecoverOffers { count, .. }, .. } = effect {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for (i, row) in SABOTEURS.iter().enumerate() {
            assert!(SABOTEURS[..i].iter().all(|other| other.name != row.name), "{}", row.name);
            assert!(by_name(row.name).is_some_and(|found| found.breaks == row.breaks));
        }
        assert!(by_name("none").is_none());
    }

    #[test]
    fn what_is_chosen_comes_twice() {
        let fact = |fault| Effect::Fact(Fact::FaultBit { fault });
        let mut outbox = vec![fact(1), fact(2)];
        twice(&mut outbox, |e| *e == fact(2));
        assert_eq!(outbox, [fact(1), fact(2), fact(2)]);
    }
}
