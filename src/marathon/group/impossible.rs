//! Definitions that Marathon accepts and no cluster can run: constraints that contradict one
//! another or leave too few places. Marathon itself says nothing and waits; tools warn.

use crate::marathon::model::app::{Constraint, Operator, RunSpec};

/// What can never come true, with the place in the definition and a mend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Impossible {
    /// `/constraints(1)`.
    pub place: String,
    pub what: String,
    pub mend: String,
}

/// Everything that is wrong with the constraints of one spec, whatever the cluster.
#[must_use]
pub fn constraints(spec: &RunSpec) -> Vec<Impossible> {
    let mut found = Vec::new();
    for (i, constraint) in spec.constraints.iter().enumerate() {
        let place = || format!("/constraints({i})");
        let mut say = |what: String, mend: &str| {
            found.push(Impossible { place: place(), what, mend: mend.to_owned() });
        };
        if let Some(most) = number(constraint).filter(|most| *most < 1) {
            match constraint.operator {
                Operator::MaxPer => say(format!("MAX_PER {most} lets no instance start"), "let it be at least 1"),
                Operator::GroupBy => {
                    say(
                        format!("GROUP_BY {most} has no group to put an instance in"),
                        "write how many groups there are",
                    );
                }
                _ => {}
            }
        }
        let before = &spec.constraints[..i];
        for other in before.iter().filter(|other| other.field == constraint.field) {
            if let Some(what) = contradiction(other, constraint) {
                say(format!("{what} for `{}`", constraint.field), "keep one of the two");
            }
        }
        if let Some(places) = places(spec, constraint).filter(|places| *places < u64::from(spec.instances)) {
            let (field, wanted) = (&constraint.field, spec.instances);
            let what = format!("the constraints on `{field}` leave room for {places} of {wanted} instances");
            say(what, "ask for fewer instances, or loosen one of the constraints");
        }
    }
    found
}

fn number(constraint: &Constraint) -> Option<i64> {
    constraint.value.as_ref().and_then(|value| value.parse().ok())
}

/// The one value that the field must have, if there is one.
fn pinned(constraint: &Constraint) -> Option<&str> {
    let value = constraint.value.as_deref().filter(|value| !value.is_empty())?;
    let plain = !value.contains(|c: char| r"\.+*?()|[]{}^$".contains(c));
    match constraint.operator {
        Operator::Cluster | Operator::Is => Some(value),
        Operator::Like if plain => Some(value),
        _ => None,
    }
}

fn contradiction(a: &Constraint, b: &Constraint) -> Option<String> {
    if let (Some(x), Some(y)) = (pinned(a), pinned(b))
        && x != y
    {
        return Some(format!("`{x}` and `{y}` are both required"));
    }
    for (like, unlike) in [(a, b), (b, a)] {
        if unlike.operator != Operator::Unlike {
            continue;
        }
        if like.operator == Operator::Like && like.value == unlike.value {
            return Some(format!(
                "LIKE and UNLIKE ask for the opposite of `{}`",
                like.value.as_deref().unwrap_or_default()
            ));
        }
        let pattern = unlike.value.as_deref().and_then(|p| regex::Regex::new(&format!("^(?:{p})$")).ok());
        if let (Some(value), Some(pattern)) = (pinned(like), pattern)
            && pattern.is_match(value)
        {
            return Some(format!("`{value}` is required and excluded"));
        }
    }
    None
}

/// How many instances fit, if a count follows from a limit per value and a bound on the values.
fn places(spec: &RunSpec, limit: &Constraint) -> Option<u64> {
    let per_value = match limit.operator {
        Operator::Unique => 1,
        Operator::MaxPer => number(limit).and_then(|most| u64::try_from(most).ok())?,
        _ => return None,
    };
    let others = spec.constraints.iter().filter(|other| other.field == limit.field);
    let values = others.filter_map(|other| match other.operator {
        // All on one value, whichever it is.
        Operator::Cluster => Some(1),
        // Quirk: GROUP_BY admits no more values than its number.
        Operator::GroupBy => number(other).and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0),
        _ => pinned(other).map(|_| 1),
    });
    // A limit of 0 has been told already.
    values.min().filter(|_| per_value > 0).map(|values| values.saturating_mul(per_value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::json::read::testing::app;
    use serde_json::{Value, json};

    fn told(instances: u32, list: Value) -> String {
        let spec = app(json!({ "id": "/a", "cmd": "run", "instances": instances, "constraints": list }));
        constraints(&spec).iter().map(|i| format!("{}: {}\n", i.place, i.what)).collect()
    }

    #[test]
    fn contradictions_are_found() {
        for (list, what) in [
            (
                json!([["rack", "CLUSTER", "a"], ["rack", "CLUSTER", "b"]]),
                "(1): `a` and `b` are both required for `rack`",
            ),
            (json!([["rack", "LIKE", "a.*"], ["rack", "UNLIKE", "a.*"]]), "(1): LIKE and UNLIKE ask for the opposite"),
            (json!([["rack", "IS", "a1"], ["rack", "UNLIKE", "a[0-9]"]]), "(1): `a1` is required and excluded"),
            (json!([["rack", "MAX_PER", "0"]]), "(0): MAX_PER 0 lets no instance start"),
            (json!([["rack", "GROUP_BY", "0"]]), "(0): GROUP_BY 0 has no group"),
            (
                json!([["hostname", "UNIQUE"], ["hostname", "CLUSTER", "h1"]]),
                "(0): the constraints on `hostname` leave room for 1 of 3",
            ),
            (
                json!([["rack", "GROUP_BY", "2"], ["rack", "MAX_PER", "1"]]),
                "(1): the constraints on `rack` leave room for 2 of 3",
            ),
        ] {
            let found = told(3, list.clone());
            assert!(found.starts_with(&format!("/constraints{what}")) && found.lines().count() == 1, "{list}: {found}");
        }
    }

    #[test]
    fn what_some_cluster_can_run_is_left_alone() {
        for list in [
            json!([["hostname", "UNIQUE"], ["rack", "GROUP_BY", "3"]]),
            json!([["rack", "LIKE", "a.*"], ["rack", "UNLIKE", "ab"]]),
            json!([["rack", "CLUSTER"], ["rack", "MAX_PER", "3"]]),
            json!([["rack", "GROUP_BY"]]),
            json!([["rack", "CLUSTER", "a"], ["zone", "CLUSTER", "b"]]),
        ] {
            assert_eq!(told(3, list.clone()), "", "{list}");
        }
        assert_eq!(told(1, json!([["hostname", "UNIQUE"], ["hostname", "CLUSTER", "h1"]])), "");
    }
}
