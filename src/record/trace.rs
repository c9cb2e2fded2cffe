//! The trace for people: one line per fact in fixed columns, so that the eye can run down a
//! column: when, whom it concerns, what, details.

use crate::base::id::Names;
use crate::base::time::Time;
use crate::fact::{Detail, Fact};
use crate::mesos::task_state::Reason;

/// Whom it concerns, what happened, details.
type Columns = (String, &'static str, String);

/// One line, without a line break.
#[must_use]
pub fn line(names: &Names, at: Time, fact: &Fact) -> String {
    join(at, ' ', fact_columns(names, fact))
}

/// The same for a detail; marked with a dot before the verb.
#[must_use]
pub fn detail_line(names: &Names, at: Time, detail: &Detail) -> String {
    join(at, '.', detail_columns(names, detail))
}

fn join(at: Time, mark: char, (subject, what, details): Columns) -> String {
    let time = at.to_string();
    format!("{time:>18}  {subject:<24} {mark}{what:<14} {details}").trim_end().to_owned()
}

/// Ids without the long middle of the master's UUID: `7ae7-S195` stands for `7ae74e0a-...-S195`. Two
/// masters of one run still differ, and the columns stay where the eye expects them.
pub fn short(id: impl AsRef<str>) -> String {
    let id = id.as_ref();
    let is_uuid = id.len() >= 36 && [8, 13, 18, 23].iter().all(|&i| id.as_bytes()[i] == b'-');
    match (is_uuid, id.get(..4), id.get(36..)) {
        (true, Some(head), Some(rest)) => format!("{head}{rest}"),
        _ => id.to_owned(),
    }
}

fn because(reason: Reason) -> String {
    if reason == Reason::None { String::new() } else { format!("  {}", reason.name()) }
}

fn fact_columns(names: &Names, fact: &Fact) -> Columns {
    let name = |symbol| names.text(symbol);
    let agent = |host, id| format!("{} {}", names.text(host), short(names.agent(id)));
    match *fact {
        Fact::JobSubmitted { job, owner, tasks, each } => {
            (job.to_string(), "submitted", format!("to {}: {tasks} x {each}", name(owner)))
        }
        Fact::JobOffered { job, owner } => (job.to_string(), "first offer", format!("to {}", name(owner))),
        Fact::JobEnded { job, owner } => (job.to_string(), "ended", format!("of {}", name(owner))),
        Fact::JobUnplaceable { job, owner } => {
            (job.to_string(), "unplaceable", format!("of {}: no machine can hold a task", name(owner)))
        }
        Fact::TaskStarted { task, owner, host } => {
            (task.to_string(), "started", format!("on {} for {}", name(host), name(owner)))
        }
        Fact::TaskEnded { task, owner, host, how } => {
            let how = format!("{how:?}").to_lowercase();
            (task.to_string(), "ended", format!("{how} on {} for {}", name(host), name(owner)))
        }
        Fact::ProcessStarted { slot, incarnation, kind, name: n } => {
            let kind = format!("{kind:?}").to_lowercase();
            (name(n).to_owned(), "process up", format!("{kind}, slot {slot}, incarnation {incarnation}"))
        }
        Fact::ProcessStopped { slot, incarnation, kind, name: n } => {
            let kind = format!("{kind:?}").to_lowercase();
            (name(n).to_owned(), "process down", format!("{kind}, slot {slot}, incarnation {incarnation}"))
        }
        Fact::FaultBegan { fault } => (format!("fault {fault}"), "began", String::new()),
        Fact::FaultBit { fault } => (format!("fault {fault}"), "bit", String::new()),
        Fact::FaultEnded { fault } => (format!("fault {fault}"), "ended", String::new()),
        Fact::AgentRegistered { agent: id, host, total } => (agent(host, id), "registered", total.to_string()),
        Fact::AgentReregistered { agent: id, host, total } => (agent(host, id), "reregistered", total.to_string()),
        Fact::AgentDisconnected { agent: id, host } => (agent(host, id), "disconnected", String::new()),
        Fact::AgentUnreachable { agent: id, host } => (agent(host, id), "unreachable", String::new()),
        Fact::AgentRemoved { agent: id, host } => (agent(host, id), "removed", String::new()),
        Fact::FrameworkSubscribed { framework, name: n, role } => (
            name(n).to_owned(),
            "subscribed",
            format!("as {} in role {}", short(names.framework(framework)), name(role)),
        ),
        Fact::EventPosted { endpoint, how } => (name(endpoint).to_owned(), "event", format!("{how:?}").to_lowercase()),
        Fact::FrameworkRole { framework, role, standing } => {
            let standing = format!("{standing:?}").to_lowercase();
            (short(names.framework(framework)), "role", format!("{} {standing}", name(role)))
        }
        Fact::FrameworkDisconnected { framework } => (short(names.framework(framework)), "disconnected", String::new()),
        Fact::FrameworkRemoved { framework } => (short(names.framework(framework)), "removed", String::new()),
        Fact::FrameworkSuppressed { framework } => (short(names.framework(framework)), "suppressed", String::new()),
        Fact::FrameworkRevived { framework } => (short(names.framework(framework)), "revived", String::new()),
        Fact::AllocationRun { run, candidates, offers } => {
            (format!("run {run}"), "allocated", format!("{offers} offers from {candidates} agents"))
        }
        Fact::Offered { framework, role, first, count, total } => (
            short(names.framework(framework)),
            "offered",
            format!("{count} from {} in role {}: {total}", short(names.offer(first)), name(role)),
        ),
        Fact::OffersEnded { framework, first, count, how, total } => {
            let how = format!("{how:?}").to_lowercase();
            (
                short(names.framework(framework)),
                "offers ended",
                format!("{count} {how}, {}: {total}", short(names.offer(first))),
            )
        }
        Fact::TaskLaunched { framework, task, agent: id } => (
            task.to_string(),
            "launched",
            format!("on {} for {}", short(names.agent(id)), short(names.framework(framework))),
        ),
        Fact::TaskReported { framework, task, agent: id, state } => (
            task.to_string(),
            "reported",
            format!("{} on {} for {}", state.name(), short(names.agent(id)), short(names.framework(framework))),
        ),
        Fact::TaskTerminal { framework, task, agent: id, state, reason } => (
            task.to_string(),
            "terminal",
            format!(
                "{} on {} for {}{}",
                state.name(),
                short(names.agent(id)),
                short(names.framework(framework)),
                because(reason)
            ),
        ),
        Fact::ExecutorHeld { framework, executor, agent: id } => (
            executor.to_string(),
            "executor",
            format!("held on {} for {}", short(names.agent(id)), short(names.framework(framework))),
        ),
        Fact::ExecutorReleased { framework, executor, agent: id, reason } => (
            executor.to_string(),
            "executor",
            format!(
                "released on {} for {}{}",
                short(names.agent(id)),
                short(names.framework(framework)),
                because(reason)
            ),
        ),
        Fact::ExecutorStarted { executor, owner, host } => {
            (executor.to_string(), "executor up", format!("on {} for {}", name(host), name(owner)))
        }
        Fact::ExecutorEnded { executor, owner, host } => {
            (executor.to_string(), "executor down", format!("on {} for {}", name(host), name(owner)))
        }
        Fact::ResourcesConverted { framework, agent: id, operation, total } => {
            let of = short(names.framework(framework));
            (short(names.agent(id)), "resources", format!("{operation:?} {total} for {of}"))
        }
        Fact::RegistryWritten { version, operations } => {
            ("registry".to_owned(), "written", format!("version {version}, {operations} operations"))
        }
        Fact::DevicesUsed { owner, milli } => {
            (owned(names.text(owner)), "devices", format!("{} in use", super::text::fixed(milli as i64, 3)))
        }
        Fact::Hosted { slot, program, host, owner, task } => {
            let what = format!("as {} of {} on {}, slot {slot}", task, names.text(owner), names.text(host));
            (owned(names.text(program)), "runs", what)
        }
        Fact::SessionOpened { slot, session } => {
            (format!("session {session}"), "opened", format!("for process {slot}"))
        }
        Fact::SessionExpired { slot, session } => {
            (format!("session {session}"), "expired", format!("of process {slot}"))
        }
        Fact::LeaderElected { kind, slot, incarnation } => (leader(kind), "elected", process(slot, incarnation)),
        Fact::LeaderReady { kind, slot, incarnation } => (leader(kind), "serves", process(slot, incarnation)),
        Fact::LeaderLost { kind, slot, incarnation } => (leader(kind), "lost", process(slot, incarnation)),
        Fact::ServiceTemplate { template, app, each, .. } => {
            (owned(name(app)), "template", format!("{template}: {each}"))
        }
        Fact::PlacementLimit { template, field, most } => {
            (template.to_string(), "limit", format!("{most} a {}", name(field)))
        }
        Fact::AppTarget { app, instances } => (owned(name(app)), "target", format!("{instances} instances")),
        Fact::InstanceChanged { instance, condition, goal, host, .. } => {
            let place = if name(host).is_empty() { String::new() } else { format!(" on {}", name(host)) };
            (owned(name(instance)), "changed", format!("{condition:?}{place}, goal {goal:?}"))
        }
        Fact::InstanceHealth { instance, healthy, .. } => {
            let health = healthy.map_or("unknown", |h| if h { "healthy" } else { "unhealthy" });
            (owned(name(instance)), "health", health.to_owned())
        }
        Fact::InstanceKill { instance, why, .. } => (owned(name(instance)), "kill", format!("{why:?}")),
        Fact::DeploymentBegan { deployment, steps } => (owned(name(deployment)), "began", format!("{steps} steps")),
        Fact::DeploymentStep { deployment, step, app } => {
            (owned(name(deployment)), "step", format!("{step}: {}", name(app)))
        }
        Fact::DeploymentEnded { deployment, how } => (owned(name(deployment)), "ended", format!("{how:?}")),
        Fact::OfferRefused { app, why, count } => (owned(name(app)), "refused", format!("{count} offers: {why:?}")),
        Fact::Answered { request, status } => (format!("request {request}"), "answered", status.to_string()),
    }
}

fn leader(kind: crate::fact::ProcessKind) -> String {
    format!("{kind:?} leader").to_lowercase()
}

fn process(slot: u32, incarnation: u32) -> String {
    format!("process {slot}, life {incarnation}")
}

fn owned(text: &str) -> String {
    text.to_owned()
}

fn detail_columns(names: &Names, detail: &Detail) -> Columns {
    let by = |framework| short(names.framework(framework));
    match *detail {
        Detail::TaskSeen { framework, task, state, reason } => {
            (task.to_string(), "seen", format!("{} by {}{}", state.name(), by(framework), because(reason)))
        }
        Detail::TaskForwarded { framework, task, state, reason } => {
            (task.to_string(), "forwarded", format!("{} to {}{}", state.name(), by(framework), because(reason)))
        }
        Detail::UpdateSent { framework, task, state, again } => {
            let again = if again { ", again" } else { "" };
            (task.to_string(), "update sent", format!("{} for {}{again}", state.name(), by(framework)))
        }
        Detail::UpdateAcknowledged { framework, task, state } => {
            (task.to_string(), "acknowledged", format!("{} by {}", state.name(), by(framework)))
        }
        Detail::BeatMissed { slot, peer, misses } => {
            (format!("slot {slot}"), "beat missed", format!("of slot {peer}, {misses} in a row"))
        }
        Detail::AgentRegistering { host, attempt } => {
            (owned(names.text(host)), "registering", format!("attempt {attempt}"))
        }
        Detail::DownloadAwaited { host, task, what } => {
            (task.to_string(), "download awaited", format!("of {} on {}", names.text(what), names.text(host)))
        }
        Detail::Downloaded { host, what } => (owned(names.text(host)), "downloaded", owned(names.text(what))),
        Detail::KillAsked { framework, task } => (task.to_string(), "kill asked", format!("by {}", by(framework))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{AgentId, FrameworkId, JobId, OfferId, TaskId};
    use crate::base::quantity::Quantities;
    use crate::fact::{End, OfferEnd};
    use crate::mesos::task_state::TaskState;

    #[test]
    fn ids_lose_the_middle_of_the_uuid_and_nothing_else() {
        assert_eq!(short("7ae74e0a-edf6-4008-aa1e-3b0d29cd42d5-S195"), "7ae7-S195");
        for other in ["M0-S3", "agent-1", "", "a name that is longer than thirty-six characters"] {
            assert_eq!(short(other), other);
        }
    }

    #[test]
    fn lines_stand_in_columns() {
        let mut names = Names::default();
        let owner = names.intern("analytics");
        let host = names.intern("rack-1-7");
        let master = names.intern("6c1f-M0");
        let framework = FrameworkId(names.intern("6c1f-M0-0000"));
        let agent = AgentId { master, n: 12 };
        let task = TaskId { template: JobId(3), n: 7 };
        let each = Quantities([500, 1_024_000, 0, 0]);
        let first = OfferId::new(master, 40);
        let facts = [
            Fact::JobSubmitted { job: JobId(3), owner, tasks: 20, each },
            Fact::AgentRegistered { agent, host, total: each.times(8) },
            Fact::FrameworkSubscribed { framework, name: owner, role: owner },
            Fact::Offered { framework, role: owner, first, count: 2, total: each },
            Fact::OffersEnded { framework, first, count: 2, how: OfferEnd::Declined, total: each },
            Fact::TaskLaunched { framework, task, agent },
            Fact::TaskStarted { task, owner, host },
            Fact::TaskEnded { task, owner, host, how: End::Lost },
            Fact::TaskTerminal { framework, task, agent, state: TaskState::Lost, reason: Reason::AgentRemoved },
            Fact::TaskReported { framework, task, agent, state: TaskState::Running },
        ];
        let mut text: String = (facts.iter().enumerate())
            .map(|(i, f)| line(&names, Time::from_secs(i as i64 * 40_000), f) + "\n")
            .collect();
        let detail = Detail::TaskSeen { framework, task, state: TaskState::Lost, reason: Reason::None };
        text += &detail_line(&names, Time(1_500_000), &detail);
        // A snapshot loses indentation that all its lines share.
        let text = format!("|\n{text}\n");
        expect_test::expect![[r#"
            |
               00:00:00.000000  job-3                     submitted      to analytics: 20 x cpus:0.5;mem:1024
               11:06:40.000000  rack-1-7 6c1f-M0-S12      registered     cpus:4;mem:8192
               22:13:20.000000  analytics                 subscribed     as 6c1f-M0-0000 in role analytics
             1d09:20:00.000000  6c1f-M0-0000              offered        2 from 6c1f-M0-O40 in role analytics: cpus:0.5;mem:1024
             1d20:26:40.000000  6c1f-M0-0000              offers ended   2 declined, 6c1f-M0-O40: cpus:0.5;mem:1024
             2d07:33:20.000000  job-3.7                   launched       on 6c1f-M0-S12 for 6c1f-M0-0000
             2d18:40:00.000000  job-3.7                   started        on rack-1-7 for analytics
             3d05:46:40.000000  job-3.7                   ended          lost on rack-1-7 for analytics
             3d16:53:20.000000  job-3.7                   terminal       TASK_LOST on 6c1f-M0-S12 for 6c1f-M0-0000  REASON_SLAVE_REMOVED
             4d04:00:00.000000  job-3.7                   reported       TASK_RUNNING on 6c1f-M0-S12 for 6c1f-M0-0000
               00:00:00.001500  job-3.7                  .seen           TASK_LOST by 6c1f-M0-0000
        "#]].assert_eq(&text);
    }
}
