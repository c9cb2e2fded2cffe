//! `mesosim plan OLD.json NEW.json`: what Marathon would do to get from one to the other, step by
//! step; nothing runs. The same functions decide as in a simulation.

use super::{Failure, print};
use crate::base::id::Symbol;
use crate::base::time::Time;
use crate::marathon::group::define::{self, Context};
use crate::marathon::group::graph::Graph;
use crate::marathon::group::{impossible, tree, update};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::{Feature, Flags};
use crate::marathon::model::group::Group;
use crate::marathon::model::json::{self, tables, write};
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::{Action, Plan};
use crate::marathon::model::rejection::{Detail, Rejection};
use crate::marathon::model::version::Version;
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Show the deployment that leads from one set of Marathon apps to another.
#[derive(Args)]
pub(super) struct Arguments {
    /// What is deployed: an app, a list of apps, or a group, as Marathon's API has them (JSON).
    old: PathBuf,
    /// What is to be deployed, in full: what it does not name is stopped.
    new: PathBuf,
    /// Print the plan as JSON.
    #[arg(long)]
    json: bool,
    /// Features that are enabled: secrets, gpu_resources, external_volumes.
    #[arg(long, value_name = "FEATURE")]
    enable_features: Vec<String>,
    /// Marathon's own role, which apps have by default.
    #[arg(long, value_name = "ROLE", default_value = "*")]
    mesos_role: String,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let flags = flags(&arguments.enable_features, &arguments.mesos_role)?;
    let empty = Arc::new(Group::empty(PathId::root(), Version::at(Time::ZERO)));
    let (old, _) = next(&empty, &arguments.old, &flags)?;
    let (new, plan) = next(&old, &arguments.new, &flags)?;
    let warnings = warnings(&new);
    if arguments.json {
        let body = as_json(&plan, &warnings);
        let text = serde_json::to_string_pretty(&body).unwrap_or_default();
        print(&format!("{text}\n"));
    } else {
        print(&as_text(&plan, &warnings));
    }
    Ok(())
}

/// Flags of Marathon with these features and this role.
pub(super) fn flags(features: &[String], role: &str) -> Result<Flags, Failure> {
    let mut flags = Flags { role: role.to_owned(), ..Flags::default() };
    for name in features {
        let Some((_, feature)) = Feature::ALL.iter().find(|(known, _)| known == name) else {
            let known: Vec<&str> = Feature::ALL.iter().map(|(known, _)| *known).collect();
            let told = format!("error: unknown feature `{name}`\nhelp: there are {}", known.join(", "));
            return Err(Failure::Input(told));
        };
        flags.features.insert(*feature);
    }
    Ok(flags)
}

/// Deploys a file on top of `root`.
fn next(root: &Arc<Group>, file: &Path, flags: &Flags) -> Result<(Arc<Group>, Arc<Plan>), Failure> {
    let refuse = |told: String| Failure::Input(format!("error: {}: {told}", file.display()));
    let value = json_of(file)?;
    let target = read(&value, root, flags).map_err(|e| refuse(told(&e, None)))?;
    let version = Version(root.version.0 + 1);
    let nobody = BTreeMap::new();
    update::replace(root, &target, &nobody, version, Symbol::default(), flags)
        .map_err(|e| refuse(told(&e, Some(&target))))
}

/// The JSON of a file.
pub(super) fn json_of(file: &Path) -> Result<Value, Failure> {
    let refuse = |told: String| Failure::Input(format!("error: {}: {told}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|e| refuse(format!("{e}\nhelp: name a file that can be read")))?;
    serde_json::from_str(&text).map_err(|e| {
        refuse(format!("not JSON: {e}\nhelp: correct it at the line and column named; comments are not JSON"))
    })
}

/// The tree that the JSON means. Versions of what `root` has are kept, so that what is equal stays.
fn read(value: &Value, root: &Group, flags: &Flags) -> Result<Group, Rejection> {
    let empty = Group::empty(PathId::root(), root.version);
    let unwrapped = match value {
        Value::Object(fields) if fields.len() == 1 => fields.get("app").or(fields.get("*")).unwrap_or(value),
        _ => value,
    };
    let fields = unwrapped.as_object();
    let has = |name: &str| fields.is_some_and(|fields| fields.contains_key(name));
    let is_group = has("apps") || has("groups") || has("pods");
    // `GET /v2/apps` is a list in an object: its apps may lie anywhere.
    let list = match (unwrapped, unwrapped.get("apps")) {
        (Value::Array(list), _) => Some(list.clone()),
        (_, Some(Value::Array(list))) if fields.is_some_and(|fields| fields.len() == 1) => Some(list.clone()),
        (Value::Object(_), _) if !is_group => Some(vec![unwrapped.clone()]),
        _ => None,
    };
    let tree = match list {
        Some(list) => {
            let place = |i: usize| match unwrapped {
                Value::Array(_) => format!("({i})"),
                _ if is_group => format!("/apps({i})"),
                _ => String::new(),
            };
            apps(&list, &place, empty, flags)?
        }
        None => {
            let fields = json::object(unwrapped, &tables::GROUP, true)?;
            let id = PathId::absolute(fields.get("id").and_then(Value::as_str).unwrap_or("/"));
            update::put_group(&id, &fields, false, Context { root: &empty, flags, strict: true })?
        }
    };
    Ok(tree::map_specs(&tree, &mut |spec| {
        let versions = root.spec(&spec.id)?.versions;
        Some(RunSpec { versions, ..spec.as_ref().clone() })
    }))
}

fn apps(list: &[Value], place: &dyn Fn(usize) -> String, mut tree: Group, flags: &Flags) -> Result<Group, Rejection> {
    for (i, value) in list.iter().enumerate() {
        let place = place(i);
        let context = Context { root: &tree, flags, strict: true };
        let spec = define::app(value, context).map_err(|e| below(&place, e))?;
        if tree.spec(&spec.id).is_some() {
            return Err(Rejection::invalid(format!("{place}/id"), format!("there are two apps `{}`", spec.id)));
        }
        tree::put_spec_in_place(&mut tree, &Arc::new(spec), flags);
    }
    Ok(tree)
}

/// The same refusal with its places below another.
fn below(place: &str, rejection: Rejection) -> Rejection {
    let moved = |details: Vec<Detail>| {
        let rest = |path: String| if path == "/" { String::new() } else { path };
        details.into_iter().map(|d| Detail { path: format!("{place}{}", rest(d.path)), errors: d.errors }).collect()
    };
    match rejection {
        Rejection::Invalid(details) => Rejection::Invalid(moved(details)),
        Rejection::Malformed { details, semantic } => Rejection::Malformed { details: moved(details), semantic },
        other => other,
    }
}

/// A refusal in lines: place and reason each.
pub(super) fn told(rejection: &Rejection, tree: Option<&Group>) -> String {
    let details = match rejection {
        Rejection::Invalid(details) | Rejection::Malformed { details, .. } => details,
        other => return format!("{}\nhelp: correct the file", other.reason()),
    };
    let mut text = "not a valid definition".to_owned();
    for Detail { path, errors } in details {
        let place = if path.is_empty() { "/" } else { path };
        errors.iter().for_each(|error| text += &format!("\n  {place}: {}", plain(error)));
    }
    if let Some(Err(cycle)) = tree.map(|tree| Graph::of(tree).depths().map(drop)) {
        let mut ids: Vec<&str> = cycle.iter().map(|id| id.as_str()).collect();
        ids.extend(cycle.first().map(|id| id.as_str()));
        text += &format!("\n  the cycle: {}\nhelp: remove one of these dependencies", ids.join(" -> "));
    } else {
        text += "\nhelp: correct these places; numbers in parentheses count from 0";
    }
    text
}

/// Names of the JSON library in words.
fn plain(error: &str) -> String {
    match error {
        "error.path.missing" => "is missing".to_owned(),
        "error.min" => "is too small".to_owned(),
        "error.max" => "is too large".to_owned(),
        "error.minLength" => "is too short".to_owned(),
        "error.maxLength" => "is too long".to_owned(),
        "error.pattern" => "has characters that are not allowed here".to_owned(),
        "error.unknown.enum.literal" => "is none of the words that are allowed here".to_owned(),
        "error.expected.int" => "must be a whole number".to_owned(),
        other => match other.strip_prefix("error.expected.js") {
            Some(kind) => format!("must be of type {kind}"),
            None => other.to_owned(),
        },
    }
}

/// Constraints that cannot be met: id and text.
fn warnings(root: &Group) -> Vec<(String, String)> {
    let of = |spec: &Arc<RunSpec>| {
        let found = impossible::constraints(spec).into_iter();
        let id = spec.id.to_string();
        found.map(move |i| (format!("{id}{}", i.place), format!("{}; {}", i.what, i.mend))).collect::<Vec<_>>()
    };
    root.all_specs().into_values().flat_map(of).collect()
}

/// Names of fields that differ, but for versions and size.
fn changed(old: &RunSpec, new: &RunSpec) -> Vec<String> {
    let (old, new) = (write::run_spec(old), write::run_spec(new));
    let silent = ["version", "versionInfo", "instances", "scaling"];
    let names = |value: &Value| value.as_object().map_or(Vec::new(), |fields| fields.keys().cloned().collect());
    let mut all: Vec<String> = names(&old);
    all.extend(names(&new));
    all.sort();
    all.dedup();
    all.retain(|name| !silent.contains(&name.as_str()) && old.get(name) != new.get(name));
    all
}

/// What an action does, for readers.
fn describe(action: &Action, plan: &Plan) -> (&'static str, String) {
    let spec = action.spec();
    let old = plan.original.spec(&spec.id);
    let before = old.map_or(0, |old| old.instances);
    match action {
        Action::Stop(spec) => ("stop", format!("{} instances end", spec.instances)),
        Action::Start(_) => ("start", "new".to_owned()),
        Action::Scale { spec, .. } => {
            let fields = old.map_or(Vec::new(), |old| changed(old, spec));
            let note = if fields.is_empty() { String::new() } else { format!("; changed: {}", fields.join(", ")) };
            ("scale", format!("{before} -> {} instances{note}", spec.instances))
        }
        Action::Restart(spec) => {
            let fields = old.map_or(Vec::new(), |old| changed(old, spec));
            let n = f64::from(spec.instances);
            let least = libm::ceil(n * spec.upgrade.minimum_health_capacity);
            let mut most = libm::floor(n * (1.0 + spec.upgrade.maximum_over_capacity));
            // Nothing could move: one above for the others, one below for residents.
            let stuck = least >= most;
            if stuck && !spec.is_resident() {
                most += 1.0;
            }
            let least = if stuck && spec.is_resident() { least - 1.0 } else { least };
            let size = if before == spec.instances { String::new() } else { format!("; {before} -> {n} instances") };
            let fields = if fields.is_empty() { "restart".to_owned() } else { fields.join(", ") };
            let pace = format!("at least {least} healthy, at most {most} at a time");
            ("replace", format!("{} instances, {pace}{size}; changed: {fields}", spec.instances))
        }
    }
}

fn as_text(plan: &Plan, warnings: &[(String, String)]) -> String {
    let mut text = match plan.steps.len() {
        0 => "nothing to do: the definitions are equal\n".to_owned(),
        1 => "1 step\n".to_owned(),
        n => format!("{n} steps, one after the other; what stands in one step runs side by side\n"),
    };
    let width = plan.affected().iter().map(|id| id.as_str().len()).max().unwrap_or(0);
    for (i, step) in plan.steps.iter().enumerate() {
        for (k, action) in step.iter().enumerate() {
            let number = if k == 0 { format!("{}", i + 1) } else { String::new() };
            let (word, what) = describe(action, plan);
            text += &format!("{number:>3}  {word:<7}  {:<width$}  {what}\n", action.spec().id.as_str());
        }
    }
    for (place, what) in warnings {
        text += &format!("warning: {place}: {what}\n");
    }
    text
}

fn as_json(plan: &Plan, warnings: &[(String, String)]) -> Value {
    let action = |action: &Action| {
        let mut shown = crate::marathon::rest::show::action(action);
        let spec = action.spec();
        let old = plan.original.spec(&spec.id);
        shown["instances"] = match action {
            Action::Stop(_) | Action::Start(_) => json!(0),
            _ => json!(spec.instances),
        };
        shown["before"] = json!(old.map_or(0, |old| old.instances));
        if let (Some(old), Action::Scale { .. } | Action::Restart(_)) = (old, action) {
            shown["changed"] = json!(changed(old, spec));
        }
        shown
    };
    let steps = plan.steps.iter().map(|step| json!({ "actions": step.iter().map(action).collect::<Value>() }));
    let warnings = warnings.iter().map(|(place, what)| json!({ "path": place, "message": what }));
    json!({ "steps": steps.collect::<Value>(), "warnings": warnings.collect::<Value>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn plan(old: &Value, new: &Value) -> Result<String, String> {
        let flags = Flags::default();
        let empty = Arc::new(Group::empty(PathId::root(), Version::at(Time::ZERO)));
        let step = |root: &Arc<Group>, value: &Value| {
            let target = read(value, root, &flags).map_err(|e| told(&e, None))?;
            let version = Version(root.version.0 + 1);
            update::replace(root, &target, &BTreeMap::new(), version, Symbol::default(), &flags)
                .map_err(|e| told(&e, Some(&target)))
        };
        let (old, _) = step(&empty, old)?;
        let (new, plan) = step(&old, new)?;
        Ok(as_text(&plan, &warnings(&new)))
    }

    #[test]
    fn a_plan_says_what_happens_to_each_app() {
        let old = json!({ "apps": [
            { "id": "/shop/web", "cmd": "run 1", "instances": 4, "dependencies": ["/shop/db"] },
            { "id": "/shop/db", "cmd": "mongod" }, { "id": "/old", "cmd": "run" }, { "id": "/same", "cmd": "run" }] });
        let new = json!({ "id": "/", "apps": [{ "id": "same", "cmd": "run" }], "groups": [{ "id": "shop", "apps": [
            { "id": "web", "cmd": "run 2", "instances": 4, "dependencies": ["db"],
                "upgradeStrategy": { "minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.25 } },
            { "id": "db", "cmd": "mongod", "instances": 3, "constraints": [] },
            { "id": "cache", "cmd": "redis", "instances": 2, "constraints": [["hostname", "MAX_PER", "0"]] }] }] });
        expect![[r#"
            4 steps, one after the other; what stands in one step runs side by side
              1  stop     /old         1 instances end
              2  start    /shop/cache  new
              3  scale    /shop/cache  0 -> 2 instances
                 scale    /shop/db     1 -> 3 instances
              4  replace  /shop/web    4 instances, at least 2 healthy, at most 5 at a time; changed: cmd, upgradeStrategy
            warning: /shop/cache/constraints(0): MAX_PER 0 lets no instance start; let it be at least 1
        "#]].assert_eq(&plan(&old, &new).unwrap());
        assert_eq!(plan(&old, &old).unwrap(), "nothing to do: the definitions are equal\n");
    }

    #[test]
    fn wrong_files_are_refused_with_place_and_mend() {
        let good = json!([]);
        let wrong = json!([{ "id": "/a", "cmd": "run" }, { "id": "/b", "cmd": "run", "instnaces": 2 }]);
        let cycle = json!([{ "id": "/a", "cmd": "run", "dependencies": ["/b"] },
            { "id": "/b", "cmd": "run", "dependencies": ["/a"] }]);
        let types = json!({ "id": "/a", "cmd": "run", "cpus": "1", "constraints": [["rack"]] });
        let rules = json!({ "apps": [{ "id": "/a", "cmd": "run", "constraints": [["rack", "MAX_PER", "x"]] }] });
        let twice = json!([{ "id": "/a", "cmd": "run" }, { "id": "/a", "cmd": "run" }]);
        let all: String = [wrong, cycle, types, rules, twice]
            .iter()
            .map(|value| plan(&good, value).expect_err("wrong") + "\n\n")
            .collect();
        expect![[r#"
            not a valid definition
              (1)/instnaces: unknown field; did you mean `instances`?
            help: correct these places; numbers in parentheses count from 0

            not a valid definition
              /: Dependency graph has cyclic dependencies.
              the cycle: /a -> /b -> /a
            help: remove one of these dependencies

            not a valid definition
              /constraints(0): is too short
              /cpus: must be of type number
            help: correct these places; numbers in parentheses count from 0

            not a valid definition
              /apps(0)/constraints(0): MAX_PER needs an integer
            help: correct these places; numbers in parentheses count from 0

            not a valid definition
              (1)/id: there are two apps `/a`
            help: correct these places; numbers in parentheses count from 0

        "#]].assert_eq(&all);
    }

    #[test]
    fn the_apps_of_the_scenarios_can_be_deployed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/apps");
        let flags = Flags::default();
        let empty = Arc::new(Group::empty(PathId::root(), Version::at(Time::ZERO)));
        let mut steps = Vec::new();
        for entry in std::fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            let (root, plan) = match next(&empty, &path, &flags) {
                Ok(reached) => reached,
                Err(Failure::Input(text)) => panic!("{text}"),
                Err(Failure::Broken) => panic!("{}", path.display()),
            };
            assert_eq!(warnings(&root), [], "{}", path.display());
            steps.push(plan.steps.len());
        }
        assert!(steps.len() >= 4 && steps.iter().all(|steps| *steps >= 2), "{steps:?}");
    }

    #[test]
    fn files_that_cannot_be_read_are_input_errors() {
        let arguments = Arguments {
            old: "no/such.json".into(),
            new: "no/such.json".into(),
            json: false,
            enable_features: vec![],
            mesos_role: "*".into(),
        };
        assert!(matches!(run(arguments), Err(Failure::Input(text)) if text.contains("no/such.json")));
    }

    #[test]
    fn the_json_form_has_actions_and_warnings() {
        let flags = Flags::default();
        let empty = Arc::new(Group::empty(PathId::root(), Version::at(Time::ZERO)));
        let target = read(&json!({ "id": "/a", "cmd": "run" }), &empty, &flags).unwrap();
        let (_, plan) =
            update::replace(&empty, &target, &BTreeMap::new(), Version(1), Symbol::default(), &flags).unwrap();
        let shown = as_json(&plan, &[("/a".into(), "why".into())]);
        let actions = |i: usize| shown["steps"][i]["actions"][0].clone();
        assert_eq!(actions(0), json!({ "action": "StartApplication", "app": "/a", "instances": 0, "before": 0 }));
        assert_eq!(actions(1)["instances"], 1);
        assert_eq!(shown["warnings"], json!([{ "path": "/a", "message": "why" }]));
    }
}
