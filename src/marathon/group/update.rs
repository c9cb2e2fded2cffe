//! The single write path as a pure function (`GroupManagerImpl.scala`): change, service ports,
//! versions, rules, plan. Nothing is stored here; the state machine keeps the result or drops it.

use super::change::{Change, KillAndScale};
use super::define::{self, Context};
use super::{plan, pod, ports, revert, tree, validate, versions};
use crate::base::id::Symbol;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::Plan;
use crate::marathon::model::rejection::{Detail, Rejection};
use crate::marathon::model::version::Version;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a change leads to.
#[derive(Clone, PartialEq, Debug)]
pub struct Updated {
    pub root: Arc<Group>,
    /// `None`: the root is stored as it is, nothing is deployed (`Change::EnforceRole`).
    pub plan: Option<Arc<Plan>>,
}

/// Applies the change to the root. `version` is newer than all before, `plan` a fresh id.
pub fn update(
    root: &Arc<Group>,
    change: &Change,
    version: Version,
    plan: Symbol,
    flags: &Flags,
) -> Result<Updated, Rejection> {
    let changed = apply(root, change, flags)?;
    if let Change::EnforceRole { .. } = change {
        return Ok(Updated { root: Arc::new(changed), plan: None });
    }
    let nobody = BTreeMap::new();
    let kill: &BTreeMap<PathId, KillAndScale> = match change {
        Change::KillAndScale(kill) => kill,
        _ => &nobody,
    };
    let (root, plan) = replace(root, &changed, kill, version, plan, flags)?;
    Ok(Updated { root, plan: Some(plan) })
}

/// From the root to a changed tree without service ports and versions: the tree with them, and the
/// plan that leads there.
pub fn replace(
    root: &Arc<Group>,
    changed: &Group,
    kill: &BTreeMap<PathId, KillAndScale>,
    version: Version,
    plan: Symbol,
    flags: &Flags,
) -> Result<(Arc<Group>, Arc<Plan>), Rejection> {
    let target = Arc::new(settled(root, changed, version, flags)?);
    let plan = plan::compute(plan, version, root, &target, kill);
    residents(root, &plan)?;
    Ok((target, Arc::new(plan)))
}

/// Service ports and versions of the changed tree, which must be valid then.
fn settled(root: &Group, changed: &Group, version: Version, flags: &Flags) -> Result<Group, Rejection> {
    let numbered = ports::assign(root, changed, flags)?;
    let stamped = versions::stamp(version, root, &numbered);
    let details = validate::root(&stamped, root, flags);
    if details.is_empty() { Ok(stamped) } else { Err(Rejection::Invalid(details)) }
}

fn residents(root: &Group, plan: &Plan) -> Result<(), Rejection> {
    let mut details = Vec::new();
    for (i, id) in plan.affected().into_iter().enumerate() {
        let (Some(old), Some(new)) = (root.spec(id), plan.target.spec(id)) else { continue };
        let word = if new.pod().is_some() { "pod" } else { "app" };
        for Detail { path, errors } in validate::resident_update(old, new) {
            let rest = if path == "/" { "" } else { &*path };
            details.push(Detail { path: format!("/{word}({i}){rest}"), errors });
        }
    }
    if details.is_empty() { Ok(()) } else { Err(Rejection::Invalid(details)) }
}

fn missing(kind: &'static str, id: &PathId) -> Rejection {
    Rejection::Missing { kind, id: id.clone(), version: None }
}

/// The changed tree, without new versions yet.
fn apply(root: &Group, change: &Change, flags: &Flags) -> Result<Group, Rejection> {
    let context = Context { root, flags, strict: false };
    match change {
        Change::Create(spec) => {
            if let Some(old) = root.spec(&spec.id) {
                let article = if old.pod().is_some() { "A pod" } else { "An app" };
                return Err(Rejection::Exists(format!("{article} with id [{}] already exists.", spec.id)));
            }
            Ok(tree::put_spec(root, spec, flags))
        }
        Change::PutApps(puts) => {
            let mut tree = root.clone();
            for put in puts {
                let existing = tree.spec(&put.id);
                if existing.is_some_and(|spec| spec.app().is_none()) {
                    return Err(Rejection::invalid("/", SAME_ID));
                }
                if existing.is_none() && !put.may_create {
                    return Err(missing("App", &put.id));
                }
                let new = define::merged(put, existing.map(Arc::as_ref), Context { root: &tree, ..context })?;
                let new = RunSpec { versions: existing.map(|old| old.versions).unwrap_or_default(), ..new };
                tree::put_spec_in_place(&mut tree, &Arc::new(new), flags);
            }
            Ok(tree)
        }
        Change::RevertApp { app, to } => match root.spec(app) {
            Some(_) => Ok(tree::put_spec(root, to, flags)),
            None => Err(missing("App", app)),
        },
        Change::PutPod(spec) => match root.spec(&spec.id).filter(|old| old.pod().is_some()) {
            Some(old) => {
                let versions = old.versions;
                let new = RunSpec { versions, ..spec.as_ref().clone() };
                Ok(tree::put_spec(root, &Arc::new(new), flags))
            }
            None => Err(missing("Pod", &spec.id)),
        },
        Change::Delete { id, pod } => match root.spec(id).filter(|spec| spec.pod().is_some() == *pod) {
            Some(_) => Ok(tree::remove_spec(root, id, flags)),
            None => Err(missing(if *pod { "Pod" } else { "App" }, id)),
        },
        Change::Restart(id) => match root.spec(id).filter(|spec| spec.app().is_some()) {
            Some(spec) => Ok(tree::put_spec(root, &Arc::new(versions::marked_for_restart(spec)), flags)),
            None => Err(missing("App", id)),
        },
        Change::PutGroup { group, tree, must_be_new } => put_group(group, tree, *must_be_new, context),
        Change::ScaleGroup { group, factor } => {
            let scale = |spec: &Arc<RunSpec>| {
                let instances = libm::ceil(f64::from(spec.instances) * factor) as u32;
                (spec.app().is_some() && instances != spec.instances)
                    .then(|| RunSpec { instances, ..spec.as_ref().clone() })
            };
            Ok(tree::edit(root, group, flags, &mut |group| *group = tree::map_specs(group, &mut { scale })))
        }
        Change::RevertGroup { old, .. } => Ok(revert::group_of(root, old, flags)),
        Change::DeleteGroup(id) if id.is_root() => Ok(Group::empty(PathId::root(), root.version)),
        Change::DeleteGroup(id) => match root.group(id) {
            Some(_) => Ok(tree::remove_group(root, id, flags)),
            None => Err(missing("Group", id)),
        },
        Change::EnforceRole { group, enforce } => {
            if !tree::is_top(group) {
                return Err(Rejection::invalid("/", format!("{group} is not a top-level group")));
            }
            if root.group(group).is_none() {
                return Err(missing("Group", group));
            }
            Ok(tree::edit(root, group, flags, &mut |group| group.enforce_role = Some(*enforce)))
        }
        Change::KillAndScale(kill) => Ok(tree::map_specs(root, &mut |spec| {
            let fewer = kill.get(&spec.id)?.fewer;
            Some(RunSpec { instances: spec.instances.saturating_sub(fewer), ..spec.as_ref().clone() })
        })),
        Change::Rollback(plan) => Ok(revert::revert(plan, root, flags)),
    }
}

/// `PUT` or `POST` of a group: lists that are given replace those that are there.
pub fn put_group(
    id: &PathId,
    update: &Map<String, Value>,
    must_be_new: bool,
    context: Context,
) -> Result<Group, Rejection> {
    if must_be_new {
        if context.root.group(id).is_some() {
            return Err(Rejection::Exists(format!("Group {id} is already created. Use PUT to change this group.")));
        }
        if context.root.spec(id).is_some() {
            return Err(Rejection::Exists(format!("An app with the path {id} already exists.")));
        }
    }
    // Roles of what is below depend on what the top-level groups of this update say.
    let mut roots = context.root.clone();
    enforced(id, update, &mut roots, context)?;
    let context = Context { root: &roots, ..context };
    let fallback = tree::new_group(id, context.flags);
    let current = roots.group(id).unwrap_or(&fallback);
    let new = merged_group(id, update, current, "", context)?;
    Ok(tree::put_group(&roots, &Arc::new(new), context.flags))
}

/// Sets `enforceRole` of the groups of an update; it may not change together with services.
fn enforced(id: &PathId, update: &Map<String, Value>, root: &mut Group, context: Context) -> Result<(), Rejection> {
    if let Some(enforce) = update.get("enforceRole").and_then(Value::as_bool) {
        if enforce && !tree::is_top(id) {
            let told = format!("enforceRole can only be set for top-level groups, and {id} is not top-level");
            return Err(Rejection::invalid("/enforceRole", told));
        }
        let before = context.root.group(id).and_then(|group| group.enforce_role);
        if before.is_some_and(|before| before != enforce) && has_services(update) {
            let told = "enforceRole cannot change together with services; make two requests";
            return Err(Rejection::invalid("/enforceRole", told));
        }
        if tree::is_top(id) {
            *root = tree::edit(root, id, context.flags, &mut |group| group.enforce_role = Some(enforce));
        }
    }
    for inner in update.get("groups").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        let inner_id = PathId::resolve(inner.get("id").and_then(Value::as_str).unwrap_or_default(), id);
        enforced(&inner_id, inner, root, context)?;
    }
    Ok(())
}

fn has_services(update: &Map<String, Value>) -> bool {
    let inner = update.get("groups").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    update.contains_key("apps") || update.contains_key("pods") || inner.into_iter().any(has_services)
}

/// The group after the update; `place` is where the update stands in the body.
fn merged_group(
    id: &PathId,
    update: &Map<String, Value>,
    current: &Group,
    place: &str,
    context: Context,
) -> Result<Group, Rejection> {
    let mut new = current.clone();
    let list = |name: &str| update.get(name).and_then(Value::as_array);
    if let Some(apps) = list("apps") {
        new.specs.retain(|_, spec| spec.app().is_none());
        for (i, app) in apps.iter().enumerate() {
            let place = format!("{place}/apps({i})");
            let fields = app.as_object().cloned().unwrap_or_default();
            let spec = define::app_in(fields, id, context).map_err(|e| at(&place, e))?;
            child(id, &spec.id, &place)?;
            let versions = context.root.spec(&spec.id).map(|old| old.versions).unwrap_or_default();
            put_member(&mut new, RunSpec { versions, ..spec }, &place)?;
        }
    }
    if let Some(pods) = list("pods") {
        new.specs.retain(|_, spec| spec.pod().is_none());
        for (i, value) in pods.iter().enumerate() {
            let place = format!("{place}/pods({i})");
            let spec = pod::pod(value, id, context).map_err(|e| at(&place, e))?;
            child(id, &spec.id, &place)?;
            let versions = context.root.spec(&spec.id).map(|old| old.versions).unwrap_or_default();
            put_member(&mut new, RunSpec { versions, ..spec }, &place)?;
        }
    }
    if let Some(groups) = list("groups") {
        new.groups.clear();
        for (i, inner) in groups.iter().filter_map(Value::as_object).enumerate() {
            let place = format!("{place}/groups({i})");
            let Some(name) = inner.get("id").and_then(Value::as_str) else {
                return Err(Rejection::invalid(format!("{place}/id"), "a group in a group must have an id"));
            };
            let inner_id = PathId::resolve(name, id);
            child(id, &inner_id, &place)?;
            let fallback = tree::new_group(&inner_id, context.flags);
            let current = context.root.group(&inner_id).unwrap_or(&fallback);
            let group = merged_group(&inner_id, inner, current, &place, context)?;
            new.groups.insert(inner_id, Arc::new(group));
        }
    }
    if let Some(dependencies) = list("dependencies") {
        let dependencies = dependencies.iter().filter_map(Value::as_str);
        new.dependencies = dependencies.map(|dependency| PathId::resolve(dependency, id)).collect();
    }
    Ok(new)
}

const SAME_ID: &str = "Applications and Pods may not share the same id";

/// Puts an app or pod of an update into its group, once.
fn put_member(group: &mut Group, spec: RunSpec, place: &str) -> Result<(), Rejection> {
    let kind = spec.app().is_some();
    match group.specs.insert(spec.id.clone(), Arc::new(spec)) {
        None => Ok(()),
        Some(other) if (other.app().is_some()) == kind => {
            Err(Rejection::invalid(format!("{place}/id"), format!("there are two of the id {}", other.id)))
        }
        Some(_) => Err(Rejection::invalid(format!("{place}/id"), SAME_ID)),
    }
}

/// Members lie directly below their group.
fn child(group: &PathId, member: &PathId, place: &str) -> Result<(), Rejection> {
    if member.parent() == *group && !member.is_root() {
        return Ok(());
    }
    Err(Rejection::invalid(format!("{place}/id"), format!("Identifier is not child of '{group}'")))
}

/// The same refusal with its places below `place`.
fn at(place: &str, rejection: Rejection) -> Rejection {
    match rejection {
        Rejection::Invalid(details) => {
            let below = |detail: Detail| {
                let rest = if detail.path == "/" { "" } else { &*detail.path };
                Detail { path: format!("{place}{rest}"), ..detail }
            };
            Rejection::Invalid(details.into_iter().map(below).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::PutApp;
    use super::*;
    use crate::marathon::model::json::{self, tables};
    use crate::marathon::model::plan::Action;
    use proptest::prelude::*;
    use serde_json::json;

    struct Store {
        root: Arc<Group>,
        flags: Flags,
        now: i64,
    }

    impl Store {
        fn new() -> Self {
            Self { root: Arc::new(Group::empty(PathId::root(), Version(0))), flags: Flags::default(), now: 0 }
        }
        fn context(&self) -> Context<'_> {
            Context { root: &self.root, flags: &self.flags, strict: true }
        }
        /// Applies a change and tells the plan, or the refusal's places.
        fn run(&mut self, change: &Change) -> String {
            self.now += 1;
            match update(&self.root, change, Version(self.now), Symbol(0), &self.flags) {
                Ok(updated) => {
                    self.root = updated.root;
                    updated.plan.map_or("no plan".to_owned(), |plan| plan::told(&plan))
                }
                Err(Rejection::Invalid(details)) => details.iter().map(|d| format!("{} ", d.path)).collect(),
                Err(other) => format!("{} {}", other.response().status, other.reason()),
            }
        }
        fn post(&mut self, app: Value) -> String {
            match define::app(&app, self.context()) {
                Ok(spec) => self.run(&Change::Create(Arc::new(spec))),
                Err(refused) => format!("{}", refused.response().status),
            }
        }
        fn put(&mut self, id: &str, app: Value, partial: bool) -> String {
            let id = PathId::absolute(id);
            let put: PutApp = define::update(&app, Some(&id), partial, true, self.context()).expect("well-formed");
            self.run(&Change::PutApps(vec![put]))
        }
        fn group(&mut self, id: &str, tree: Value) -> String {
            let tree = json::object(&tree, &tables::GROUP, true).expect("well-formed");
            self.run(&Change::PutGroup { group: PathId::absolute(id), tree, must_be_new: false })
        }
        fn version(&self, id: &str) -> i64 {
            self.root.spec(&PathId::absolute(id)).expect("there").versions.version.0
        }
    }

    #[test]
    fn an_app_lives_through_all_changes() {
        let mut store = Store::new();
        assert_eq!(store.post(json!({ "id": "/a", "cmd": "run" })), "Start /a; Scale /a 1");
        assert_eq!(store.post(json!({ "id": "/a", "cmd": "run" })), "409 An app with id [/a] already exists.");
        assert_eq!(store.put("/a", json!({ "instances": 3 }), true), "Scale /a 3");
        assert_eq!(store.put("/a", json!({ "instances": 3 }), true), "");
        assert_eq!((store.version("/a"), store.root.version), (3, Version(4)));
        assert_eq!(store.put("/a", json!({ "cmd": "other" }), true), "Restart /a");
        assert_eq!(store.run(&Change::Restart(PathId::absolute("/a"))), "Restart /a");
        assert_eq!(store.put("/a", json!({ "instances": 0, "cmd": "third" }), true), "Scale /a 0");
        let delete = Change::Delete { id: PathId::absolute("/a"), pod: false };
        assert_eq!(store.run(&delete), "Stop /a");
        assert_eq!(store.run(&delete), "404 App '/a' does not exist");
        assert_eq!(store.put("/b", json!({ "cmd": "run" }), false), "Start /b; Scale /b 1");
    }

    #[test]
    fn ports_are_kept_when_zeros_are_posted_again() {
        let mut store = Store::new();
        store.post(json!({ "id": "/a", "cmd": "run", "ports": [0, 0] }));
        let ports = store.root.spec(&PathId::absolute("/a")).expect("there").service_ports();
        assert_eq!(ports, [10_000, 10_001]);
        assert_eq!(store.put("/a", json!({ "cmd": "run", "ports": [0, 0] }), false), "");
    }

    #[test]
    fn killing_with_scale_names_the_victims() {
        let mut store = Store::new();
        store.post(json!({ "id": "/a", "cmd": "run", "instances": 3 }));
        let kill = KillAndScale { instances: vec![Symbol(7), Symbol(8)], fewer: 2 };
        assert_eq!(store.run(&Change::KillAndScale([(PathId::absolute("/a"), kill)].into())), "Scale /a 1 -2");
    }

    #[test]
    fn a_group_is_put_scaled_and_deleted() {
        let mut store = Store::new();
        let shop = json!({ "apps": [{ "id": "web", "cmd": "run", "dependencies": ["db/mongo"] }], "groups": [
            { "id": "db", "apps": [{ "id": "mongo", "cmd": "run" }] }] });
        let all = "Start /shop/db/mongo, Start /shop/web; Scale /shop/db/mongo 1; Scale /shop/web 1";
        assert_eq!(store.group("/shop", shop.clone()), all);
        assert_eq!(store.group("/shop", shop), "");
        // Lists that are left out stay.
        let more = json!({ "apps": [{ "id": "web", "cmd": "run", "instances": 2, "dependencies": ["db/mongo"] }] });
        assert_eq!(store.group("/shop", more), "Scale /shop/web 2");
        let scale = Change::ScaleGroup { group: PathId::absolute("/shop"), factor: 1.5 };
        assert_eq!(store.run(&scale), "Scale /shop/db/mongo 2; Scale /shop/web 3");
        let old = Arc::new(store.root.group(&PathId::absolute("/shop")).expect("there").clone());
        assert_eq!(store.group("/shop", json!({ "groups": [] })), "Stop /shop/db/mongo");
        let back = Change::RevertGroup { group: PathId::absolute("/shop"), to: Version(1), old };
        assert_eq!(store.run(&back), "Start /shop/db/mongo; Scale /shop/db/mongo 2");
        assert_eq!(store.run(&Change::DeleteGroup(PathId::absolute("/shop"))), "Stop /shop/db/mongo, Stop /shop/web");
        assert_eq!(store.run(&Change::DeleteGroup(PathId::absolute("/shop"))), "404 Group '/shop' does not exist");
    }

    #[test]
    fn wrong_trees_change_nothing() {
        let mut store = Store::new();
        assert_eq!(store.group("/s", json!({ "apps": [{ "id": "a", "cmd": "x" }] })), "/apps(0) ");
        assert_eq!(store.group("/s", json!({ "apps": [{ "id": "/b", "cmd": "run" }] })), "/apps(0)/id ");
        let cycle = json!({ "apps": [{ "id": "a", "cmd": "run", "dependencies": ["b"] },
            { "id": "b", "cmd": "run", "dependencies": ["a"] }] });
        assert_eq!(store.group("/s", cycle), "/ ");
        assert_eq!(store.root.version, Version(0));
    }

    #[test]
    fn an_id_belongs_to_one() {
        let mut store = Store::new();
        let pod = json!({ "id": "p", "containers": [{ "name": "a", "resources": { "cpus": 1, "mem": 32 } }] });
        let app = json!({ "id": "p", "cmd": "run" });
        assert_eq!(store.group("/s", json!({ "apps": [app], "pods": [pod] })), "/pods(0)/id ");
        assert_eq!(store.group("/s", json!({ "apps": [app, app] })), "/apps(1)/id ");
        assert_eq!(store.group("/s", json!({ "pods": [pod] })), "Start /s/p; Scale /s/p 1");
        assert_eq!(store.put("/s/p", json!({ "cmd": "run" }), true), "/ ");
        assert_eq!(store.group("/s", json!({ "apps": [app] })), "/apps(0)/id ");
        // The same pod again is no change.
        assert_eq!(store.group("/s", json!({ "pods": [pod] })), "");
    }

    #[test]
    fn a_role_is_enforced_by_its_group() {
        let mut store = Store::new();
        let app = json!([{ "id": "a", "cmd": "run" }]);
        store.group("/team", json!({ "enforceRole": true, "apps": app }));
        assert_eq!(store.root.spec(&PathId::absolute("/team/a")).map(|a| a.role.clone()), Some("team".into()));
        assert_eq!(store.group("/team", json!({ "enforceRole": false, "apps": app })), "/enforceRole ");
        assert_eq!(store.group("/team/x", json!({ "enforceRole": true })), "/enforceRole ");
        let off = Change::EnforceRole { group: PathId::absolute("/team"), enforce: false };
        assert_eq!(store.run(&off), "no plan");
        assert_eq!(store.root.group(&PathId::absolute("/team")).and_then(|g| g.enforce_role), Some(false));
    }

    #[test]
    fn a_failed_upgrade_is_rolled_back_as_a_restart() {
        let mut store = Store::new();
        store.post(json!({ "id": "/a", "cmd": "run" }));
        let put = define::update(&json!({ "cmd": "bad" }), Some(&PathId::absolute("/a")), true, true, store.context());
        let change = Change::PutApps(vec![put.expect("well-formed")]);
        let upgrade = update(&store.root, &change, Version(10), Symbol(1), &store.flags).expect("valid");
        store.root = Arc::clone(&upgrade.root);
        store.now = 19;
        let back = Change::Rollback(upgrade.plan.expect("a plan"));
        assert_eq!(store.run(&back), "Restart /a");
        let spec = store.root.spec(&PathId::absolute("/a")).expect("there");
        assert_eq!((spec.app().and_then(|a| a.cmd.clone()), spec.versions.version), (Some("run".into()), Version(20)));
    }

    /// A tree of apps `/a` to `/d` and `/g/a` to `/g/d`, each absent or of some size and command.
    fn a_tree() -> impl Strategy<Value = Vec<Option<(u32, u32)>>> {
        prop::collection::vec(prop::option::of((0..4_u32, 0..2_u32)), 8)
    }
    fn made(tree: &[Option<(u32, u32)>], now: &Group) -> Group {
        let names = ["/a", "/b", "/c", "/d", "/g/a", "/g/b", "/g/c", "/g/d"];
        let mut root = Group::empty(PathId::root(), now.version);
        for (name, app) in names.iter().zip(tree) {
            let Some((instances, cmd)) = app else { continue };
            let fields = json!({ "id": name, "cmd": format!("run {cmd}"), "instances": instances });
            let spec = json::read::testing::app(fields);
            let versions = now.spec(&spec.id).map(|old| old.versions).unwrap_or_default();
            root = tree::put_spec(&root, &Arc::new(RunSpec { versions, ..spec }), &Flags::default());
        }
        root
    }
    /// What runs: command and size by id.
    fn running(root: &Group) -> BTreeMap<PathId, (Option<String>, u32)> {
        let specs = root.all_specs().into_iter();
        let of = |spec: &RunSpec| (spec.app().and_then(|app| app.cmd.clone()), spec.instances);
        specs.map(|(id, spec)| (id.clone(), of(spec))).collect()
    }

    proptest! {
        #[test]
        fn a_plan_leads_to_its_target_and_back(first in a_tree(), second in a_tree()) {
            let (flags, nobody) = (Flags::default(), BTreeMap::new());
            let empty = Arc::new(Group::empty(PathId::root(), Version(0)));
            let to = |from: &Arc<Group>, tree: &Group, now: i64| {
                replace(from, tree, &nobody, Version(now), Symbol(0), &flags).expect("valid")
            };
            let (one, _) = to(&empty, &made(&first, &empty), 1);
            let (two, plan) = to(&one, &made(&second, &one), 2);
            // Carrying out the steps by hand.
            let mut cluster = running(&one);
            for action in plan.steps.iter().flatten() {
                let spec = action.spec();
                let cmd = spec.app().and_then(|app| app.cmd.clone());
                match action {
                    Action::Stop(_) => drop(cluster.remove(&spec.id)),
                    Action::Start(_) => drop(cluster.insert(spec.id.clone(), (cmd, 0))),
                    Action::Scale { .. } => {
                        let entry = cluster.get_mut(&spec.id).expect("started before");
                        // A change that scales to nothing is no restart.
                        prop_assert!(entry.0 == cmd || spec.instances == 0);
                        *entry = (cmd, spec.instances);
                    }
                    Action::Restart(_) => drop(cluster.insert(spec.id.clone(), (cmd, spec.instances))),
                }
            }
            prop_assert_eq!(&cluster, &running(&two));
            // Each changed app is in one step beside its start.
            let actions: Vec<&Action> = plan.steps.iter().flatten().collect();
            let others = actions.iter().filter(|action| !matches!(action, Action::Start(_))).count();
            prop_assert_eq!(others, plan.affected().len());
            // Rolling back gives the same apps.
            let back = update(&two, &Change::Rollback(plan), Version(3), Symbol(1), &flags).expect("valid");
            prop_assert_eq!(running(&back.root), running(&one));
        }
    }
}
