//! Which instances die when an app has too many, and how many are to be added when it has too few
//! (`ScalingProposition.scala`, `Constraints.selectInstancesToKill`).

use super::constraints::Fields;
use crate::base::id::Names;
use crate::base::map::Map;
use crate::base::time::Time;
use crate::fact::{Condition, Goal};
use crate::marathon::model::app::{KillSelection, Operator, RunSpec};
use crate::marathon::model::instance::{Instance, InstanceId};
use std::collections::{BTreeMap, BTreeSet};

/// What to do so that an app has its target.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Proposal {
    /// In order.
    pub victims: Vec<InstanceId>,
    pub to_start: u32,
}

/// Whether the instance counts towards the target: wanted and not given up as unreachable.
#[must_use]
pub fn counts(instance: &Instance) -> bool {
    instance.state.goal == Goal::Running && instance.state.condition != Condition::UnreachableInactive
}

/// `candidates`: all that count, in order of their ids. `sentenced`: those that must be among the
/// victims.
pub fn propose(
    names: &mut Names,
    fields: &mut Fields,
    spec: &RunSpec,
    candidates: &[&Instance],
    sentenced: &[InstanceId],
    scale_to: u32,
) -> Proposal {
    let sentenced: BTreeSet<InstanceId> = sentenced.iter().copied().collect();
    let (doomed, rest): (Vec<&Instance>, Vec<&Instance>) = candidates.iter().partition(|i| sentenced.contains(&i.id));
    let surplus = candidates.len().saturating_sub(scale_to as usize);
    let kills = surplus.max(doomed.len());
    let to_start = (scale_to as usize + kills).saturating_sub(candidates.len()) as u32;
    if kills == 0 {
        return Proposal { victims: Vec::new(), to_start };
    }
    let mut victims: Vec<InstanceId> = doomed.iter().map(|i| i.id).collect();
    let picked = pick_evenly(names, fields, spec, &rest, kills - victims.len());
    let chosen: BTreeSet<InstanceId> = picked.iter().copied().collect();
    victims.extend(picked);
    let mut rest: Vec<&Instance> = rest.into_iter().filter(|i| !chosen.contains(&i.id)).collect();
    rest.sort_by_key(|i| (weight(i), age_key(i, spec.kill_selection), i.id));
    victims.extend(rest.iter().map(|i| i.id));
    victims.truncate(kills);
    Proposal { victims, to_start }
}

/// Lighter ones die first. Those that are not up (scheduled, provisioned) come last.
fn weight(instance: &Instance) -> u8 {
    match instance.state.condition {
        Condition::Unreachable => 1,
        Condition::Staging => 2,
        Condition::Starting => 3,
        Condition::Running => 4,
        _ => 5,
    }
}

/// Sorts as `killSelection` says among those of one weight; without a date first.
fn age_key(instance: &Instance, selection: KillSelection) -> (bool, i64) {
    let date: Option<Time> = match instance.state.condition {
        Condition::Staging => instance.tasks.iter().map(|task| task.staged_at).min(),
        Condition::Starting => Some(instance.state.since),
        _ => instance.state.active_since,
    };
    let Some(date) = date else { return (false, 0) };
    let key = match selection {
        KillSelection::YoungestFirst => -date.0,
        KillSelection::OldestFirst => date.0,
    };
    (true, key)
}

/// Members of one GROUP_BY constraint's groups, without those picked.
#[derive(Default)]
struct Distribution {
    /// Size of each group; groups stay when they are empty.
    sizes: Vec<usize>,
    by_size: BTreeMap<usize, BTreeSet<usize>>,
    /// Difference before anything was picked.
    initial: usize,
}

impl Distribution {
    fn new(sizes: Vec<usize>) -> Self {
        let mut by_size = BTreeMap::<usize, BTreeSet<usize>>::new();
        for (group, size) in sizes.iter().enumerate() {
            by_size.entry(*size).or_default().insert(group);
        }
        let mut made = Self { sizes, by_size, initial: 0 };
        made.initial = made.difference();
        made
    }
    fn difference(&self) -> usize {
        let (Some(least), Some(most)) = (self.by_size.keys().next(), self.by_size.keys().next_back()) else { return 0 };
        most - least
    }
    fn take(&mut self, group: usize) {
        let size = self.sizes[group];
        self.move_to(group, size - 1);
    }
    fn give(&mut self, group: usize) {
        let size = self.sizes[group];
        self.move_to(group, size + 1);
    }
    fn move_to(&mut self, group: usize, size: usize) {
        let old = self.sizes[group];
        if let Some(set) = self.by_size.get_mut(&old) {
            set.remove(&group);
            if set.is_empty() {
                self.by_size.remove(&old);
            }
        }
        self.by_size.entry(size).or_default().insert(group);
        self.sizes[group] = size;
    }
    /// Whether the groups are as even as can be asked for without one more of this group.
    fn is_more_even_without(&mut self, group: usize) -> bool {
        self.take(group);
        let after = self.difference();
        self.give(group);
        after <= 1 || after < self.initial
    }
}

/// Picks for GROUP_BY: only that operator has a say in who dies. May return fewer than asked for.
///
/// Instances with the same groups in all constraints are alike here, so the search goes over such
/// classes and not over instances.
fn pick_evenly(
    names: &mut Names,
    fields: &mut Fields,
    spec: &RunSpec,
    candidates: &[&Instance],
    wanted: usize,
) -> Vec<InstanceId> {
    let grouped: Vec<&str> =
        spec.constraints.iter().filter(|c| c.operator == Operator::GroupBy).map(|c| c.field.as_str()).collect();
    if grouped.is_empty() || wanted == 0 || wanted >= candidates.len() {
        return Vec::new();
    }
    // Class: the group in each constraint. Members in order of their ids, next victim last.
    let mut classes: Map<Vec<usize>, Vec<InstanceId>> = Map::default();
    let mut groups: Vec<Map<Option<crate::base::id::Symbol>, usize>> = vec![Map::default(); grouped.len()];
    let mut sizes: Vec<Vec<usize>> = vec![Vec::new(); grouped.len()];
    for instance in candidates {
        let mut class = Vec::with_capacity(grouped.len());
        for (k, field) in grouped.iter().enumerate() {
            let value = instance.place.as_ref().and_then(|place| fields.value(names, field, &place.info));
            let next = groups[k].len();
            let group = *groups[k].entry(value).or_insert(next);
            if group == next {
                sizes[k].push(0);
            }
            sizes[k][group] += 1;
            class.push(group);
        }
        classes.entry(class).or_default().push(instance.id);
    }
    classes.values_mut().for_each(|members| members.reverse());
    let mut distributions: Vec<Distribution> = sizes.into_iter().map(Distribution::new).collect();
    // Classes by group of each constraint, and all classes, each ordered by its next victim.
    let mut heads: BTreeSet<(InstanceId, usize)> = BTreeSet::new();
    let mut of_group: Vec<Vec<BTreeSet<(InstanceId, usize)>>> =
        distributions.iter().map(|d| vec![BTreeSet::new(); d.sizes.len()]).collect();
    for (number, (class, members)) in classes.iter().enumerate() {
        let head = (*members.last().expect("a class has members"), number);
        heads.insert(head);
        class.iter().enumerate().for_each(|(k, group)| {
            of_group[k][*group].insert(head);
        });
    }
    let mut picked = Vec::new();
    while picked.len() < wanted {
        let mut order: Vec<usize> = (0..distributions.len()).collect();
        order.sort_by_key(|k| std::cmp::Reverse(distributions[*k].difference()));
        let uneven = order.iter().filter(|k| distributions[**k].by_size.len() > 1);
        let largest = uneven.flat_map(|k| {
            let groups = distributions[*k].by_size.values().next_back();
            groups.into_iter().flatten().flat_map(|group| of_group[*k][*group].iter().copied())
        });
        let tried: Vec<(InstanceId, usize)> = if distributions.len() == 1 {
            // All members of the largest groups are alike, so the first stands for all.
            let groups = distributions[0].by_size.values().next_back().into_iter().flatten();
            let first = groups.filter_map(|group| of_group[0][*group].first().copied());
            let uneven = distributions[0].by_size.len() > 1;
            if uneven { first.take(1).collect() } else { heads.iter().copied().take(1).collect() }
        } else {
            largest.chain(heads.iter().copied()).collect()
        };
        let found = tried.into_iter().find(|(_, number)| {
            let (class, _) = classes.get_index(*number).expect("a class");
            class.iter().enumerate().all(|(k, group)| distributions[k].is_more_even_without(*group))
        });
        let Some(head) = found else { break };
        let (class, members) = classes.get_index_mut(head.1).expect("a class");
        members.pop();
        picked.push(head.0);
        heads.remove(&head);
        let next = members.last().map(|id| (*id, head.1));
        heads.extend(next);
        for (k, group) in class.iter().enumerate() {
            distributions[k].take(*group);
            of_group[k][*group].remove(&head);
            of_group[k][*group].extend(next);
        }
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use std::sync::Arc;

    fn ids(numbers: &[u32]) -> Vec<InstanceId> {
        numbers.iter().map(|n| InstanceId(crate::base::id::Symbol(*n))).collect()
    }

    fn run(spec: &RunSpec, all: &[Instance], sentenced: &[u32], scale_to: u32, names: &mut Names) -> Proposal {
        let candidates: Vec<&Instance> = all.iter().filter(|i| counts(i)).collect();
        propose(names, &mut Fields::default(), spec, &candidates, &ids(sentenced), scale_to)
    }

    #[test]
    fn weights_come_before_dates() {
        let mut names = testing::names();
        let spec = testing::spec("/a", 5);
        let shared = Arc::new(spec.clone());
        let at = |n: u32, started| testing::running(n, shared.clone(), testing::place("h1", &[]), started);
        let with = |n, condition| {
            let mut i = at(n, 50);
            i.state.condition = condition;
            i
        };
        let all = [
            at(1, 10),
            at(2, 30),
            at(3, 20),
            with(4, Condition::Staging),
            with(5, Condition::Unreachable),
            testing::scheduled(6, shared.clone()),
            with(7, Condition::UnreachableInactive),
        ];
        let killed = |spec: &RunSpec, scale_to, names: &mut Names| run(spec, &all, &[], scale_to, names).victims;
        assert_eq!(killed(&spec, 0, &mut names), ids(&[5, 4, 2, 3, 1, 6]));
        let oldest = RunSpec { kill_selection: KillSelection::OldestFirst, ..spec.clone() };
        assert_eq!(killed(&oldest, 2, &mut names), ids(&[5, 4, 1, 3]));
        assert_eq!(run(&spec, &all, &[], 9, &mut names), Proposal { victims: vec![], to_start: 3 });
        // The sentenced die even if the app has too few.
        assert_eq!(run(&spec, &all, &[1], 9, &mut names), Proposal { victims: ids(&[1]), to_start: 4 });
        assert_eq!(run(&spec, &all, &[1, 3], 5, &mut names), Proposal { victims: ids(&[1, 3]), to_start: 1 });
    }

    #[test]
    fn group_by_keeps_the_groups_even() {
        let mut names = testing::names();
        let mut spec = testing::spec("/a", 9);
        spec.constraints = vec![testing::constraint("rack", Operator::GroupBy, Some("3"))];
        let shared = Arc::new(spec.clone());
        let mut all = Vec::new();
        for n in 0..9_u32 {
            // Five in r1, three in r2, one in r3.
            let rack = if n < 5 {
                "r1"
            } else if n < 8 {
                "r2"
            } else {
                "r3"
            };
            let place = testing::place_in(&mut names, &format!("x{n}"), &[("rack", rack)]);
            all.push(testing::running(100 + n, shared.clone(), place, i64::from(n)));
        }
        assert_eq!(run(&spec, &all, &[], 7, &mut names).victims, ids(&[100, 101]));
        assert_eq!(run(&spec, &all, &[], 5, &mut names).victims, ids(&[100, 101, 102, 105]));
        // The youngest would be the one in r3.
        assert_eq!(run(&spec, &all, &[], 3, &mut names).victims.len(), 6);
        assert!(!run(&spec, &all, &[], 3, &mut names).victims.contains(&ids(&[108])[0]));
    }

    #[test]
    fn two_group_by_constraints_must_both_agree() {
        let mut names = testing::names();
        let mut spec = testing::spec("/a", 4);
        spec.constraints = vec![
            testing::constraint("rack", Operator::GroupBy, Some("2")),
            testing::constraint("zone", Operator::GroupBy, Some("2")),
        ];
        let shared = Arc::new(spec.clone());
        let mut all = Vec::new();
        for (n, (rack, zone)) in [("r1", "z1"), ("r1", "z2"), ("r2", "z1"), ("r1", "z1")].iter().enumerate() {
            let place = testing::place_in(&mut names, &format!("x{n}"), &[("rack", rack), ("zone", zone)]);
            all.push(testing::running(100 + n as u32, shared.clone(), place, 0));
        }
        // r1 has three of four, z1 three of four: whoever is in both is in surplus.
        assert_eq!(run(&spec, &all, &[], 3, &mut names).victims, ids(&[100]));
    }
}
