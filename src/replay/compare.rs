//! The first difference between what was recorded and what came out: offers, order and counts
//! exactly, shares to 1e-12, errors by presence only.

use super::record::{Body, Offers, Ranking, Record, Standing, TreeNode};
use crate::base::time::Time;
use crate::mesos::resource::Resources;

/// Shares may differ by this much, as their text may.
pub const TOLERANCE: f64 = 1e-12;
/// The same where amounts were rounded when they were read.
pub(super) const ROUNDED_TOLERANCE: f64 = 1e-3;

/// Where two lists of records part, and both sides.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// Index of the record.
    pub record: usize,
    /// The record's event and clock, and what of it differs.
    pub what: String,
    pub recorded: String,
    pub ours: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n  recorded: {}\n  ours:     {}", self.what, self.recorded, self.ours)
    }
}

/// Compares record by record; none if all agree.
#[must_use]
pub fn first_difference(recorded: &[Record], ours: &[Record], tolerance: f64) -> Option<Difference> {
    for i in 0..recorded.len().max(ours.len()) {
        let found = match (recorded.get(i), ours.get(i)) {
            (Some(a), Some(b)) if same_place(a, b) => {
                part(a, b, tolerance).map(|(what, a, b)| (head(recorded, i, &what), a, b))
            }
            // One side has a record where the other has none.
            (Some(a), Some(b)) if (a.event, a.clock) < (b.event, b.clock) => {
                Some((head(recorded, i, "the record"), text(a), "nothing there".to_owned()))
            }
            (Some(_), Some(b)) | (None, Some(b)) => {
                Some((head(ours, i, "the record"), "nothing there".to_owned(), text(b)))
            }
            (Some(a), None) => Some((head(recorded, i, "the record"), text(a), "nothing there".to_owned())),
            (None, None) => None,
        };
        if let Some((what, recorded, ours)) = found {
            return Some(Difference { record: i, what, recorded, ours });
        }
    }
    None
}

fn head(records: &[Record], i: usize, what: &str) -> String {
    let Record { event, op, clock, .. } = &records[i];
    format!("record {i}, event {event} ({op}), clock {} s: {what}", clock.as_secs_f64())
}

/// A clock is the shortest decimal of a double, which tells nanoseconds for 104 days.
fn same_clock(a: Time, b: Time) -> bool {
    a.0.abs_diff(b.0) <= (a.0.unsigned_abs() >> 52)
}

fn same_place(a: &Record, b: &Record) -> bool {
    a.event == b.event && a.op == b.op && same_clock(a.clock, b.clock)
}

fn text(record: &Record) -> String {
    match &record.body {
        Body::Error(text) => format!("error: {text}"),
        Body::Allocation { offers, .. } => {
            let all: Vec<String> = flat(offers).map(|(whom, what)| format!("{} {what}", whom.join(" "))).collect();
            if all.is_empty() { "a run without offers".to_owned() } else { all.join(" | ") }
        }
    }
}

/// Framework, role, agent; resources.
fn flat(offers: &Offers) -> impl Iterator<Item = ([&str; 3], &Resources)> {
    offers.iter().flat_map(|(framework, roles)| {
        roles.iter().flat_map(move |(role, agents)| {
            agents.iter().map(move |(agent, resources)| ([framework.as_str(), role, agent], resources))
        })
    })
}

type Found = (String, String, String);

fn part(a: &Record, b: &Record, tolerance: f64) -> Option<Found> {
    match (&a.body, &b.body) {
        (Body::Error(_), Body::Error(_)) => None,
        (Body::Allocation { offers: x, ranking: r }, Body::Allocation { offers: y, ranking: s }) => {
            offers_part(x, y).or_else(|| ranking_part(r.as_ref(), s.as_ref(), tolerance))
        }
        _ => Some(("one is an error".to_owned(), text(a), text(b))),
    }
}

fn offers_part(a: &Offers, b: &Offers) -> Option<Found> {
    if a == b {
        return None;
    }
    let missing: Vec<_> = flat(a).filter(|one| !flat(b).any(|other| other == *one)).collect();
    let odd: Vec<_> = flat(b).filter(|one| !flat(a).any(|other| other == *one)).collect();
    if missing.is_empty() && odd.is_empty() {
        return None;
    }
    let list = |all: &[([&str; 3], &Resources)]| {
        let shown: Vec<String> = all.iter().take(8).map(|(whom, what)| format!("{} {what}", whom.join(" "))).collect();
        let more = all.len().saturating_sub(8);
        match (shown.is_empty(), more) {
            (true, _) => "no offer of its own".to_owned(),
            (false, 0) => shown.join(" | "),
            (false, more) => format!("{} | and {more} more", shown.join(" | ")),
        }
    };
    let (recorded, ours) = (flat(a).count(), flat(b).count());
    let what = format!(
        "{} of {recorded} recorded offers are not ours, {} of our {ours} are not recorded",
        missing.len(),
        odd.len()
    );
    Some((what, list(&missing), list(&odd)))
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    a.to_bits() == b.to_bits() || (a - b).abs() <= tolerance
}

fn standings(all: &[Standing]) -> String {
    let all: Vec<String> = all.iter().map(|one| format!("{} {} {}", one.name, one.share, one.count)).collect();
    if all.is_empty() { "nobody".to_owned() } else { all.join(" | ") }
}

fn standings_part(what: &str, a: &[Standing], b: &[Standing], tolerance: f64) -> Option<Found> {
    let same =
        |(x, y): (&Standing, &Standing)| x.name == y.name && x.count == y.count && near(x.share, y.share, tolerance);
    let all_same = a.len() == b.len() && a.iter().zip(b).all(same);
    (!all_same).then(|| (what.to_owned(), standings(a), standings(b)))
}

fn ranking_part(a: Option<&Ranking>, b: Option<&Ranking>, tolerance: f64) -> Option<Found> {
    let (a, b) = match (a, b) {
        // Not every recording tells the order.
        (None, _) => return None,
        (Some(a), Some(b)) => (a, b),
        (Some(a), None) => {
            return Some(("there is no order of roles".to_owned(), standings(&a.roles), "none".to_owned()));
        }
    };
    if let Some(found) = standings_part("the order of roles (name, share, count)", &a.roles, &b.roles, tolerance) {
        return Some(found);
    }
    let keys = |side: &Ranking| side.frameworks.keys().cloned().collect::<Vec<_>>().join(" | ");
    if !a.frameworks.keys().eq(b.frameworks.keys()) {
        return Some(("the roles with frameworks".to_owned(), keys(a), keys(b)));
    }
    for ((role, x), y) in a.frameworks.iter().zip(b.frameworks.values()) {
        let what = format!("the order of frameworks in role `{role}` (id, share, count)");
        if let Some(found) = standings_part(&what, x, y, tolerance) {
            return Some(found);
        }
    }
    let same = |(x, y): (&TreeNode, &TreeNode)| {
        x.path == y.path && x.kind == y.kind && x.count == y.count && near(x.share, y.share, tolerance)
    };
    if a.tree.len() == b.tree.len() && a.tree.iter().zip(&b.tree).all(same) {
        return None;
    }
    let nodes = |side: &Ranking| {
        let all: Vec<String> = side
            .tree
            .iter()
            .map(|node| format!("{} {} {} {}", node.path, node.kind.name(), node.share, node.count))
            .collect();
        all.join(" | ")
    };
    Some(("the tree of roles (path, kind, share, count)".to_owned(), nodes(a), nodes(b)))
}

#[cfg(test)]
mod tests {
    use super::super::Cases;
    use super::*;
    use expect_test::expect;

    fn records(text: &str) -> Vec<Record> {
        let case = format!(r#"{{"name":"c","input":[{{"op":"init"}}],"output":[{text}]}}"#);
        Cases::new(&case).next().unwrap().unwrap().1.output.unwrap()
    }
    const RUN: &str = r#"{"event":3,"op":"allocate","clock":1.5,"offers":{"f":{"a":{"s1":[{"name":"cpus","scalar":1}],
        "s2":[{"name":"cpus","scalar":2},{"name":"mem","scalar":64}]}}},"roles":[["a",0.5,2],["b",0.5,3]],
        "frameworks":{"a":[["f",0.5,2]]},"tree":[["a","leaf",0.5,2],["b","leaf",0.5,3]]}"#;
    const ERROR: &str = r#"{"event":4,"op":"reserve","clock":1.5,"error":"no"}"#;

    fn told(recorded: &str, ours: &str) -> String {
        let found = first_difference(&records(recorded), &records(ours), TOLERANCE);
        found.map_or("they agree\n".to_owned(), |found| format!("{found}\n"))
    }

    #[test]
    fn what_may_differ_may() {
        assert_eq!(told(RUN, RUN), "they agree\n");
        assert_eq!(told(RUN, &RUN.replace(r#""leaf",0.5"#, r#""leaf",0.5000000000001"#)), "they agree\n");
        assert_eq!(told(ERROR, &ERROR.replace("no", "never")), "they agree\n");
        let swapped = r#"[{"name":"mem","scalar":64},{"name":"cpus","scalar":2}]"#;
        let listed = r#"[{"name":"cpus","scalar":2},{"name":"mem","scalar":64}]"#;
        assert_eq!(told(RUN, &RUN.replace(listed, swapped)), "they agree\n");
    }

    #[test]
    fn both_sides_of_the_first_difference_are_shown() {
        let told = [
            told(RUN, &RUN.replace(r#""scalar":1}"#, r#""scalar":1.5}"#)),
            told(RUN, &RUN.replace(r#"["a",0.5,2],["b",0.5,3]"#, r#"["b",0.5,3],["a",0.5,2]"#)),
            told(RUN, &RUN.replace(r#"["f",0.5,2]"#, r#"["f",0.5,1]"#)),
            told(RUN, &RUN.replace(r#""leaf",0.5,3"#, r#""internal",0.5,3"#)),
            told(RUN, &RUN.replace("1.5,", "2,")),
            told(RUN, ERROR),
            told(RUN, ""),
            told("", ERROR),
            told(&format!("{RUN},{ERROR}"), RUN),
            told(ERROR, &RUN.replace(r#""event":3,"op":"allocate""#, r#""event":4,"op":"reserve""#)),
        ];
        expect![[r#"
            record 0, event 3 (allocate), clock 1.5 s: 1 of 2 recorded offers are not ours, 1 of our 2 are not recorded
              recorded: f a s1 cpus:1
              ours:     f a s1 cpus:1.5
            record 0, event 3 (allocate), clock 1.5 s: the order of roles (name, share, count)
              recorded: a 0.5 2 | b 0.5 3
              ours:     b 0.5 3 | a 0.5 2
            record 0, event 3 (allocate), clock 1.5 s: the order of frameworks in role `a` (id, share, count)
              recorded: f 0.5 2
              ours:     f 0.5 1
            record 0, event 3 (allocate), clock 1.5 s: the tree of roles (path, kind, share, count)
              recorded: a leaf 0.5 2 | b leaf 0.5 3
              ours:     a leaf 0.5 2 | b internal 0.5 3
            record 0, event 3 (allocate), clock 1.5 s: the record
              recorded: f a s1 cpus:1 | f a s2 cpus:2; mem:64
              ours:     nothing there
            record 0, event 3 (allocate), clock 1.5 s: the record
              recorded: f a s1 cpus:1 | f a s2 cpus:2; mem:64
              ours:     nothing there
            record 0, event 3 (allocate), clock 1.5 s: the record
              recorded: f a s1 cpus:1 | f a s2 cpus:2; mem:64
              ours:     nothing there
            record 0, event 4 (reserve), clock 1.5 s: the record
              recorded: nothing there
              ours:     error: no
            record 1, event 4 (reserve), clock 1.5 s: the record
              recorded: error: no
              ours:     nothing there
            record 0, event 4 (reserve), clock 1.5 s: one is an error
              recorded: error: no
              ours:     f a s1 cpus:1 | f a s2 cpus:2; mem:64
        "#]]
        .assert_eq(&told.concat());
    }
}
