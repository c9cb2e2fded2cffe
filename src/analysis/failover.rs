//! A change of leaders in phases: one after the other, each ending when one more thing is as it
//! was, so that their lengths sum to the whole.
//!
//! Things can be ready out of order (frameworks before the last agents). A phase then ends no
//! earlier than the one before it, and may be empty.

use crate::record::recording::Failover;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Phase {
    /// What it ends with.
    pub until: &'static str,
    /// Nanoseconds since the leader was lost.
    pub from_ns: i64,
    pub to_ns: i64,
}

/// What the phases of masters end with, in order, and those of Marathons.
pub const MASTER: [&str; 5] = ["elected", "first agent", "99 % of agents", "all frameworks", "first offer"];
pub const MARATHON: [&str; 4] = ["elected", "store read", "subscribed", "first offer"];

/// All phases that came to their end, in order.
#[must_use]
pub fn phases(change: &Failover) -> Vec<Phase> {
    let ends: Vec<(&'static str, Option<i64>)> = if change.kind == "marathon" {
        let at = [change.elected_ns, change.ready_ns, change.frameworks_ns, change.offer_to_all_ns];
        MARATHON.into_iter().zip(at).collect()
    } else {
        let at =
            [change.elected_ns, change.first_agent_ns, change.agents_ns, change.frameworks_ns, change.offer_to_all_ns];
        MASTER.into_iter().zip(at).collect()
    };
    let mut from_ns = 0;
    let mut phases = Vec::new();
    for (until, at) in ends {
        let Some(at) = at else { break };
        let to_ns = (at - change.lost_ns).max(from_ns);
        phases.push(Phase { until, from_ns, to_ns });
        from_ns = to_ns;
    }
    phases
}

/// From the loss to the last phase, if all came to their end.
#[must_use]
pub fn total_ns(change: &Failover) -> Option<i64> {
    let phases = phases(change);
    phases.last().filter(|p| p.until == "first offer").map(|p| p.to_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other_and_sum_to_the_whole() {
        let change = Failover {
            kind: "master".into(),
            lost_ns: 100,
            elected_ns: Some(110),
            ready_ns: Some(111),
            first_agent_ns: Some(115),
            agents_ns: Some(140),
            frameworks_ns: Some(130),
            first_offer_ns: Some(135),
            offer_to_all_ns: Some(150),
        };
        let found = phases(&change);
        let lengths: Vec<_> = found.iter().map(|p| p.to_ns - p.from_ns).collect();
        assert_eq!(lengths, [10, 5, 25, 0, 10]);
        assert_eq!(total_ns(&change), Some(50));
        let cut = Failover { agents_ns: None, ..change };
        assert_eq!((phases(&cut).len(), total_ns(&cut)), (2, None));
    }
}
