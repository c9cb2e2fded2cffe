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

/// What the phases of masters end with, in order, and those of Marathons. A Marathon is as before
/// once it has subscribed: whether it is offered anything then depends on what it has to place.
pub const MASTER: [&str; 5] = ["elected", "first agent", "99 % of agents", "all frameworks", "first offer"];
pub const MARATHON: [&str; 3] = ["elected", "store read", "subscribed"];

/// All phases that came to their end, in order. A Marathon whose store is its memory reads nothing:
/// its phases have one less.
#[must_use]
pub fn phases(change: &Failover) -> Vec<Phase> {
    let marathon = change.kind == "marathon";
    let ends: Vec<(&'static str, Option<i64>)> = if marathon {
        let at = [change.elected_ns, change.ready_ns, change.frameworks_ns];
        let reads = change.ready_ns.is_some_and(|at| change.elected_ns.is_none_or(|elected| at > elected));
        MARATHON.into_iter().zip(at).filter(|(until, _)| *until != "store read" || reads).collect()
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
    let last = if change.kind == "marathon" { MARATHON.last() } else { MASTER.last() };
    phases(change).last().filter(|p| Some(&p.until) == last).map(|p| p.to_ns)
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
    #[test]
    fn a_marathon_is_back_when_it_has_subscribed() {
        let change = Failover {
            kind: "marathon".into(),
            lost_ns: 100,
            elected_ns: Some(112),
            ready_ns: Some(115),
            frameworks_ns: Some(121),
            ..Failover::default()
        };
        let told = |change: &Failover| -> Vec<_> {
            phases(change).iter().map(|p| format!("{} {}", p.until, p.to_ns - p.from_ns)).collect()
        };
        assert_eq!(told(&change), ["elected 12", "store read 3", "subscribed 6"]);
        assert_eq!(total_ns(&change), Some(21));
        let memory = Failover { ready_ns: Some(112), ..change.clone() };
        assert_eq!(told(&memory), ["elected 12", "subscribed 9"]);
        let unknown = Failover { ready_ns: None, ..change.clone() };
        assert_eq!((told(&unknown), total_ns(&unknown)), (told(&memory), Some(21)));
        let alone = Failover { frameworks_ns: None, ..change };
        assert_eq!((told(&alone), total_ns(&alone)), (vec!["elected 12".into(), "store read 3".into()], None));
    }
}
