//! Bugs of old versions that can be switched on (`--bug NAME`): each is the mistake that its ticket
//! tells of, in the core that made it, and is seen where the real trigger comes about.
//!
//! With one of them switched on, the invariant or expectation named here fires in its scenario;
//! without it the same run is clean (`tests/marathon_scenarios.rs`).

/// A mistake that a core makes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    StandbyExpunges,
    ActsAfterDefeat,
    IdReadTooEarly,
    InstancesForgotten,
    RunningIsHealthy,
    PlansLeaveWithLeader,
    CancelRestoresAll,
    ForeignChanges,
    NoRoomToMove,
    WaitsForUnreachable,
    KillQueueJams,
    LaunchesUnseen,
}

/// What is told of a bug.
#[derive(Clone, Copy, Debug)]
pub struct Exhibit {
    pub name: &'static str,
    pub bug: Bug,
    pub summary: &'static str,
    /// Ticket upstream.
    pub ticket: &'static str,
    /// The invariant that fires, or the metric whose expectation is missed.
    pub fires: &'static str,
    /// Where it is triggered, below `scenarios/`.
    pub scenario: &'static str,
}

const fn row(
    name: &'static str,
    bug: Bug,
    summary: &'static str,
    ticket: &'static str,
    fires: &'static str,
    scenario: &'static str,
) -> Exhibit {
    Exhibit { name, bug, summary, ticket, fires, scenario }
}

/// All of them: mistakes of leaders and standbys, of deployments, of kills and launches.
#[rustfmt::skip] // flat table
pub const BUGS: &[Exhibit] = &[
    row("standby-expunges", Bug::StandbyExpunges, "a standby deletes the instances of the store as if they were lost", "marathon#1039", "marathon-leader", "marathon/calm-failover.toml"),
    row("acts-after-defeat", Bug::ActsAfterDefeat, "a Marathon that lost its leadership goes on driving and checking health", "marathon#356", "exit-on-defeat", "marathon/leader-loses-zookeeper.toml"),
    row("id-read-too-early", Bug::IdReadTooEarly, "a standby that started before the framework id was stored registers anew", "marathon#1063", "framework-id-stays", "marathon/calm-failover.toml"),
    row("instances-forgotten", Bug::InstancesForgotten, "a new leader forgets all instances and starts them again", "marathon#2477", "restart-harmless", "marathon/calm-failover.toml"),
    row("running-is-healthy", Bug::RunningIsHealthy, "a new leader counts what runs as healthy and kills below the minimum", "MARATHON-8716", "minimum-health", "marathon/rolling-upgrade-leader-crash.toml"),
    row("plans-leave-with-leader", Bug::PlansLeaveWithLeader, "a leader that steps down deletes its running deployments", "marathon#4085", "deployments-kept", "marathon/leader-abdicates.toml"),
    row("cancel-restores-all", Bug::CancelRestoresAll, "cancelling a deployment puts all apps back, those of others too", "marathon#1434", "apps./api.healthy", "marathon/cancelled-deployment.toml"),
    row("foreign-changes", Bug::ForeignChanges, "a deployment takes changes of other apps for its own", "DCOS-54927", "deployments-apart", "marathon/two-upgrades-at-once.toml"),
    row("no-room-to-move", Bug::NoRoomToMove, "a replacement that may go neither above nor below its size stands still", "marathon#1100", "deployments.succeeded", "marathon/upgrade-one-at-a-time.toml"),
    row("waits-for-unreachable", Bug::WaitsForUnreachable, "a deployment waits for the end of an instance that nobody can reach", "marathon#4039", "deployments.succeeded", "marathon/upgrade-past-lost-machine.toml"),
    row("kill-queue-jams", Bug::KillQueueJams, "an unreachable instance that is to go stays in the kill queue and is never killed when it is back", "MARATHON-8422", "kills-repeated", "marathon/upgrade-past-lost-machine.toml"),
    row("launches-unseen", Bug::LaunchesUnseen, "constraints do not see launches that are being written down", "marathon#1349", "placement", "marathon/unique-fewer-hosts.toml"),
];

/// The bug of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Exhibit> {
    BUGS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_tickets_are_unique() {
        let names: BTreeSet<&str> = BUGS.iter().map(|row| row.name).collect();
        let tickets: BTreeSet<&str> = BUGS.iter().map(|row| row.ticket).collect();
        assert_eq!((names.len(), tickets.len()), (BUGS.len(), BUGS.len()));
        assert_eq!(by_name("launches-unseen").map(|row| row.bug), Some(Bug::LaunchesUnseen));
        assert!(by_name("sleeps").is_none());
    }
}
