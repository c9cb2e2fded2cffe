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
use crate::base::time::Span;
use crate::fact::{Condition, Fact, Goal, KillReason, ProcessKind};
use crate::http::{Body, Response};
use crate::marathon::model::app::{Backoff, RunSpec};
use crate::marathon::model::group::Group;
use crate::marathon::model::instance::Instance;
use crate::marathon::model::plan::Plan;
use crate::marathon::model::version::Version;
use crate::mesos::message::{
    Acceptance, AgentInfo, FrameworkInfo, Msg, OfferBatch, OfferRange, OfferRanges, Operation, Refuse, StatusUpdate,
};
use crate::mesos::resource::ResourceOperation;
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
    row("stays-after-defeat", ProcessKind::Marathon, "exit-on-defeat", stays_after_defeat),
    row("forgets-to-kill", ProcessKind::Marathon, "no-strays", forgets_to_kill),
    row("deletes-plans", ProcessKind::Marathon, "deployments-kept", deletes_plans),
    row("kills-next-door", ProcessKind::Marathon, "deployments-apart", kills_next_door),
    row("leaves-one-behind", ProcessKind::Marathon, "upgrades-complete", leaves_one_behind),
    row("hurries-on", ProcessKind::Marathon, "dependencies-first", hurries_on),
    row("loses-patience", ProcessKind::Marathon, "patience", loses_patience),
    row("destroys-volumes", ProcessKind::Marathon, "volumes-stay", destroys_volumes),
    row("keeps-reservations", ProcessKind::Marathon, "reservations-returned", keeps_reservations),
    row("never-revives", ProcessKind::Marathon, "offers-wanted", never_revives),
    row("kills-the-unreachable", ProcessKind::Marathon, "health-kills", kills_the_unreachable),
    row("launches-at-once", ProcessKind::Marathon, "launch-backoff", launches_at_once),
    row("never-kills", ProcessKind::Marathon, "kills-repeated", never_kills),
    row("plans-from-yesterday", ProcessKind::Marathon, "no-lost-update", plans_from_yesterday),
    row("serves-unread", ProcessKind::Marathon, "reads-first", serves_unread),
    row("answers-twice", ProcessKind::Marathon, "versions-grow", answers_twice),
    row("tells-half", ProcessKind::Marathon, "events-complete", tells_half),
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

/// It says that it lost its leadership, and does not end.
fn stays_after_defeat(_: Mailbox, outbox: &mut Vec<Effect>) {
    outbox.retain(|e| !matches!(e, Effect::Exit { key: None }));
}

/// Instead of killing an instance it says that it is gone.
fn forgets_to_kill(_: Mailbox, outbox: &mut Vec<Effect>) {
    let before = outbox.len();
    never_kills(Mailbox::MAIN, outbox);
    let any = outbox.len() < before;
    for effect in outbox.iter_mut().filter(|_| any) {
        if let Effect::Fact(Fact::InstanceChanged { condition, goal, .. }) = effect
            && *goal != Goal::Running
        {
            *condition = Condition::Expunged;
        }
    }
}

/// Its plans leave the store, and their deployments have not ended.
fn deletes_plans(_: Mailbox, outbox: &mut Vec<Effect>) {
    outbox.retain(|e| !matches!(e, Effect::Fact(Fact::DeploymentEnded { .. })));
}

/// Whenever it declines offers, a deployment kills something.
fn kills_next_door(_: Mailbox, outbox: &mut Vec<Effect>) {
    if outbox.iter().any(|e| matches!(e, Effect::Send { msg: Msg::Decline { .. }, .. })) {
        let (app, instance, why) = (Symbol(0), Symbol(0), KillReason::Deployment);
        outbox.push(Effect::Fact(Fact::InstanceKill { app, instance, why }));
    }
}

/// What is gone runs, as it says, and is wanted.
fn leaves_one_behind(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        if let Effect::Fact(Fact::InstanceChanged { condition, goal, .. }) = effect
            && *condition == Condition::Expunged
        {
            (*condition, *goal) = (Condition::Running, Goal::Running);
        }
    }
}

/// With each step of a deployment the next one begins.
fn hurries_on(_: Mailbox, outbox: &mut Vec<Effect>) {
    let step = outbox.iter().find_map(|e| match *e {
        Effect::Fact(Fact::DeploymentStep { deployment, step, app }) => Some((deployment, step + 1, app)),
        _ => None,
    });
    outbox.extend(step.map(|(deployment, step, app)| Effect::Fact(Fact::DeploymentStep { deployment, step, app })));
}

/// Something more is said of an instance that cannot be reached.
fn of_unreachable(outbox: &mut Vec<Effect>, more: impl Fn(Symbol, Symbol, Fact) -> Fact) {
    let lost = outbox.iter().find_map(|e| match *e {
        Effect::Fact(fact) => match fact {
            Fact::InstanceChanged { app, instance, condition: Condition::Unreachable, .. } => {
                Some(more(app, instance, fact))
            }
            _ => None,
        },
        _ => None,
    });
    outbox.extend(lost.map(Effect::Fact));
}

/// It gives up instances as soon as it cannot reach them.
fn loses_patience(_: Mailbox, outbox: &mut Vec<Effect>) {
    of_unreachable(outbox, |_, _, mut fact| {
        if let Fact::InstanceChanged { condition, .. } = &mut fact {
            *condition = Condition::UnreachableInactive;
        }
        fact
    });
}

/// It takes those that it cannot reach for ill.
fn kills_the_unreachable(_: Mailbox, outbox: &mut Vec<Effect>) {
    of_unreachable(outbox, |app, instance, _| Fact::InstanceKill { app, instance, why: KillReason::Health });
}

/// Before it launches on volumes it destroys them.
fn destroys_volumes(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        let Effect::Send { msg, .. } = effect else { continue };
        let Msg::Accept { framework, offer, refuse, launches, .. } = &*msg else { continue };
        let volumes: Vec<_> = launches.as_slice().iter().map(|l| l.spec.extra.persistent_volumes()).collect();
        let destroyed = volumes.into_iter().filter(|all| !all.is_empty());
        let mut operations: Vec<Operation> =
            destroyed.map(|all| Operation::Convert(ResourceOperation::Destroy(all))).collect();
        if !operations.is_empty() {
            operations.extend(launches.as_slice().iter().cloned().map(Operation::Launch));
            let (framework, offers, refuse) = (*framework, vec![*offer], *refuse);
            *msg = Msg::AcceptBulk(Arc::new(Acceptance { framework, offers, refuse, operations }));
        }
    }
}

/// It declines what it would give back.
fn keeps_reservations(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        let Effect::Send { msg, .. } = effect else { continue };
        let Msg::AcceptBulk(acceptance) = &*msg else { continue };
        let gives_back = |o: &Operation| matches!(o, Operation::Convert(ResourceOperation::Unreserve(_)));
        if acceptance.operations.iter().any(gives_back) {
            let ranges: Vec<OfferRange> =
                acceptance.offers.iter().map(|offer| OfferRange { first: *offer, count: 1 }).collect();
            let (framework, offers) = (acceptance.framework, OfferRanges::from_slice(&ranges));
            *msg = Msg::Decline { framework, offers, refuse: Refuse::NONE };
        }
    }
}

/// It asks for no offers when it should ask for some.
fn never_revives(_: Mailbox, outbox: &mut Vec<Effect>) {
    outbox.retain(|e| !matches!(e, Effect::Send { msg: Msg::Revive { .. }, .. }));
    for effect in outbox {
        if let Effect::Send { msg: Msg::UpdateCall { info, .. }, .. } = effect {
            *info = Arc::new(FrameworkInfo { suppressed: info.roles.clone(), ..(**info).clone() });
        }
    }
}

/// It writes down longer delays than it keeps.
fn launches_at_once(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        if let Effect::Dispatch { msg: Msg::Store { request, .. }, .. } = effect {
            let mut changed = (**request).clone();
            if let Request::Set { data, .. } | Request::Create { data, .. } = &mut changed
                && let Data::Record(record) = &*data
                && let Some(instance) = record.get::<Instance>()
            {
                let hour = Span::from_secs(3600);
                let backoff = Backoff { first: hour, most: hour, ..instance.spec.backoff };
                let spec = Arc::new(RunSpec { backoff, ..(*instance.spec).clone() });
                *data = Data::Record(Opaque::new(Instance { spec, ..instance.clone() }));
            }
            *request = Arc::new(changed);
        }
    }
}

/// It never asks Mesos to kill anything.
fn never_kills(_: Mailbox, outbox: &mut Vec<Effect>) {
    outbox.retain(|e| !matches!(e, Effect::Send { msg: Msg::Kill { .. }, .. }));
}

/// Its deployments begin from a tree that was.
fn plans_from_yesterday(_: Mailbox, outbox: &mut Vec<Effect>) {
    for effect in outbox {
        if let Effect::Dispatch { msg: Msg::Store { request, .. }, .. } = effect
            && let Request::Create { path, data: Data::Record(record), ephemeral, sequential } = &**request
            && let Some(plan) = record.get::<Plan>()
        {
            let original = Arc::new(Group { version: Version(0), ..(*plan.original).clone() });
            let (path, data) = (path.clone(), Data::Record(Opaque::new(Plan { original, ..plan.clone() })));
            let (ephemeral, sequential) = (*ephemeral, *sequential);
            *request = Arc::new(Request::Create { path, data, ephemeral, sequential });
        }
    }
}

/// It serves as soon as it is elected.
fn serves_unread(_: Mailbox, outbox: &mut Vec<Effect>) {
    let elected = outbox.iter().find_map(|e| match *e {
        Effect::Fact(Fact::LeaderElected { kind, slot, incarnation }) => Some((kind, slot, incarnation)),
        _ => None,
    });
    let ready = |(kind, slot, incarnation)| Effect::Fact(Fact::LeaderReady { kind, slot, incarnation });
    outbox.extend(elected.map(ready));
}

/// A client is told of its deployment twice.
fn answers_twice(_: Mailbox, outbox: &mut Vec<Effect>) {
    let names_one = |response: &Response| response.headers.iter().any(|(name, _)| *name == "Marathon-Deployment-Id");
    twice(outbox, |e| matches!(e, Effect::Send { msg: Msg::HttpReply { response, .. }, .. } if names_one(response)));
}

/// Listeners do not hear that instances run.
fn tells_half(_: Mailbox, outbox: &mut Vec<Effect>) {
    let hides = |response: &Response| match &response.body {
        Body::Text(text) => text.starts_with("event: instance_changed_event") && text.contains("\"Running\""),
        _ => false,
    };
    outbox.retain(|e| !matches!(e, Effect::Send { msg: Msg::HttpReply { response, .. }, .. } if hides(response)));
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
