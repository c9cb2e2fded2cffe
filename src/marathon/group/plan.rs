//! The steps from one tree to another (`DeploymentPlan.scala`): stop what is gone, mark what is
//! new, then scale or restart what differs, dependencies first.

use super::change::KillAndScale;
use super::graph::Graph;
use crate::base::id::Symbol;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::{Action, Plan};
use crate::marathon::model::version::Version;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The plan; without steps if nothing differs. Specs of a cycle of dependencies, which validation
/// refuses, are left for the first step.
#[must_use]
pub fn compute(
    id: Symbol,
    version: Version,
    original: &Arc<Group>,
    target: &Arc<Group>,
    kill: &BTreeMap<PathId, KillAndScale>,
) -> Plan {
    let (old, new) = (original.all_specs(), target.all_specs());
    let stop = old.iter().filter(|(id, _)| !new.contains_key(*id)).map(|(_, spec)| Action::Stop(Arc::clone(spec)));
    let start = new.iter().filter(|(id, _)| !old.contains_key(*id)).map(|(_, spec)| Action::Start(Arc::clone(spec)));
    let mut steps: Vec<Vec<Action>> = vec![stop.collect(), start.collect()];

    let graph = Graph::of(target);
    let depths = graph.depths().ok();
    let mut layers: BTreeMap<u32, Vec<Action>> = BTreeMap::new();
    for (id, spec) in new {
        let before = old.get(id).copied();
        if before.is_some_and(|before| Arc::ptr_eq(before, spec)) {
            continue;
        }
        let scale = |kill: Vec<Symbol>| Action::Scale { spec: Arc::clone(spec), kill };
        let action = match before {
            None => scale(Vec::new()),
            Some(before) if before == spec => continue,
            Some(before) if before.is_only_scale_change(spec) || spec.instances == 0 => {
                scale(kill.get(id).map(|kill| kill.instances.clone()).unwrap_or_default())
            }
            Some(before) if before.needs_restart(spec) => Action::Restart(Arc::clone(spec)),
            Some(_) => continue,
        };
        let depth = depths.as_ref().and_then(|depths| depths.get(&id).copied()).unwrap_or(0);
        layers.entry(depth).or_default().push(action);
    }
    steps.extend(layers.into_values());
    steps.retain(|step| !step.is_empty());
    Plan { id, version, original: Arc::clone(original), target: Arc::clone(target), steps }
}

/// In one line: `Start /a; Scale /a 3`.
#[cfg(test)]
pub(crate) fn told(plan: &Plan) -> String {
    let action = |action: &Action| {
        let word = action.name().trim_end_matches("Application");
        match action {
            Action::Scale { spec, kill } if kill.is_empty() => format!("{word} {} {}", spec.id, spec.instances),
            Action::Scale { spec, kill } => format!("{word} {} {} -{}", spec.id, spec.instances, kill.len()),
            other => format!("{word} {}", other.spec().id),
        }
    };
    let step = |step: &Vec<Action>| step.iter().map(action).collect::<Vec<_>>().join(", ");
    plan.steps.iter().map(step).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::{tree, versions};
    use super::*;
    use crate::marathon::model::app::RunSpec;
    use crate::marathon::model::flags::Flags;
    use crate::marathon::model::json::read::testing::app;
    use serde_json::json;

    fn spec(id: &str, instances: u32, dependencies: &[&str]) -> RunSpec {
        let mut spec = app(json!({ "id": id, "cmd": "run", "instances": instances, "dependencies": dependencies }));
        // As posted now; without any version it would be a restart.
        spec.versions.version = Version(99);
        spec
    }
    fn root(version: i64, from: &Group, specs: Vec<RunSpec>) -> Arc<Group> {
        let put = |root: Group, spec: RunSpec| tree::put_spec(&root, &Arc::new(spec), &Flags::default());
        let empty = Group::empty(PathId::root(), Version(version));
        let to = specs.into_iter().fold(empty, put);
        Arc::new(versions::stamp(Version(version), from, &to))
    }
    fn steps(from: &Arc<Group>, to: &Arc<Group>) -> String {
        told(&compute(Symbol(0), Version(9), from, to, &BTreeMap::new()))
    }

    #[test]
    fn actions_follow_from_what_differs() {
        let empty = Arc::new(Group::empty(PathId::root(), Version(0)));
        let one = root(1, &empty, vec![spec("/a", 1, &[]), spec("/b", 2, &[])]);
        assert_eq!(steps(&empty, &one), "Start /a, Start /b; Scale /a 1, Scale /b 2");
        assert_eq!(steps(&one, &one), "");
        let same = root(2, &one, vec![spec("/a", 1, &[]), spec("/b", 2, &[])]);
        assert_eq!((steps(&one, &same), same.version), (String::new(), Version(2)));
        let two = root(2, &one, vec![spec("/a", 3, &[]), RunSpec { role: "r".into(), ..spec("/b", 2, &[]) }]);
        assert_eq!(steps(&one, &two), "Scale /a 3, Restart /b");
        assert_eq!(steps(&one, &empty), "Stop /a, Stop /b");
        // A change that also scales to nothing is no restart, nor is a restart of nothing.
        let gone = root(2, &one, vec![spec("/a", 1, &[]), RunSpec { role: "r".into(), ..spec("/b", 0, &[]) }]);
        assert_eq!(steps(&one, &gone), "Scale /b 0");
        let again = versions::marked_for_restart(one.spec(&PathId::absolute("/a")).expect("there"));
        let again = root(2, &one, vec![again, spec("/b", 2, &[])]);
        assert_eq!(steps(&one, &again), "Restart /a");
    }

    #[test]
    fn dependencies_go_first_and_the_unaffected_stay_out() {
        let empty = Arc::new(Group::empty(PathId::root(), Version(0)));
        let all = vec![spec("/web", 1, &["/api"]), spec("/api", 1, &["/db"]), spec("/db", 1, &[]), spec("/x", 1, &[])];
        let one = root(1, &empty, all);
        let scales = "Scale /db 1, Scale /x 1; Scale /api 1; Scale /web 1";
        assert_eq!(steps(&empty, &one), format!("Start /api, Start /db, Start /web, Start /x; {scales}"));
        let next = vec![spec("/web", 2, &["/api"]), spec("/api", 1, &["/db"]), spec("/db", 2, &[]), spec("/x", 1, &[])];
        let two = root(2, &one, next);
        assert_eq!(steps(&one, &two), "Scale /db 2; Scale /web 2");
    }

    #[test]
    fn victims_are_named_in_the_scaling() {
        let empty = Arc::new(Group::empty(PathId::root(), Version(0)));
        let one = root(1, &empty, vec![spec("/a", 3, &[])]);
        let two = root(2, &one, vec![spec("/a", 1, &[])]);
        let kill = KillAndScale { instances: vec![Symbol(4), Symbol(5)], fewer: 2 };
        let plan = compute(Symbol(0), Version(2), &one, &two, &[(PathId::absolute("/a"), kill)].into());
        assert_eq!(told(&plan), "Scale /a 1 -2");
    }
}
