//! From a request's JSON to a definition that obeys every rule of its own: shapes, old forms,
//! defaults, roles, rules (`AppHelpers.scala`).

use super::change::PutApp;
use super::roles::Roles;
use super::validate;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::json::{self, antique, normal, read, tables, write};
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::Rejection;
use serde_json::{Map, Value};

type Fields = Map<String, Value>;

/// What a definition is read against.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub root: &'a Group,
    pub flags: &'a Flags,
    /// Refuse unknown fields, which Marathon ignores.
    pub strict: bool,
}

/// A whole app, as `POST` has it.
pub fn app(value: &Value, context: Context) -> Result<RunSpec, Rejection> {
    let mut value = value.clone();
    antique::modernise(&mut value)?;
    let fields = json::object(&value, &tables::APP, context.strict)?;
    finish(fields, &PathId::root(), context)
}

/// The fields of an app of a group, checked in their shape already.
pub fn app_in(fields: Fields, group: &PathId, context: Context) -> Result<RunSpec, Rejection> {
    finish(fields, group, context)
}

/// The body of `PUT` or `PATCH` of the app `id` (`None`: the body names it).
pub fn update(
    value: &Value,
    id: Option<&PathId>,
    partial: bool,
    may_create: bool,
    context: Context,
) -> Result<PutApp, Rejection> {
    let mut value = value.clone();
    antique::modernise(&mut value)?;
    if let (Some(id), Some(fields)) = (id, value.as_object_mut()) {
        fields.insert("id".to_owned(), Value::from(id.as_str()));
    }
    let shape = if partial { &tables::APP_UPDATE } else { &tables::APP };
    let mut fields = json::object(&value, shape, context.strict)?;
    let id = match (id, fields.get("id").and_then(Value::as_str)) {
        (Some(id), _) => id.clone(),
        (None, Some(text)) => PathId::absolute(text),
        (None, None) => return Err(Rejection::invalid("/id", "each app of the list must have its id")),
    };
    if partial {
        let version = fields.contains_key("version");
        let readonly = |name: &str| tables::SHOWN_ONLY.contains(&name) || name == "versionInfo";
        if version && fields.keys().any(|name| name != "version" && name != "id" && !readonly(name)) {
            return Err(Rejection::invalid("/", "The 'version' field may only be combined with the 'id' field."));
        }
        fields = normal::update(fields, context.flags)?;
    }
    Ok(PutApp { id, fields, partial, may_create })
}

/// The app that comes of an update of `existing`.
pub fn merged(put: &PutApp, existing: Option<&RunSpec>, context: Context) -> Result<RunSpec, Rejection> {
    let Some(existing) = existing.filter(|_| put.partial) else {
        let mut fields = put.fields.clone();
        fields.insert("id".to_owned(), Value::from(put.id.as_str()));
        return finish(fields, &PathId::root(), context);
    };
    let mut fields = match existing.app() {
        Some(app) => write::app(existing, app),
        None => Fields::new(),
    };
    // Quirk: these two do not survive an update that does not name them.
    if !context.flags.mended {
        fields.remove("executorResources");
        fields.remove("resourceLimits");
    }
    for (name, value) in &put.fields {
        fields.insert(name.clone(), value.clone());
    }
    fields.insert("id".to_owned(), Value::from(put.id.as_str()));
    finish(fields, &PathId::root(), context)
}

fn finish(mut fields: Fields, base: &PathId, context: Context) -> Result<RunSpec, Rejection> {
    fields.remove("version");
    fields.remove("versionInfo");
    let id = PathId::resolve(fields.get("id").and_then(Value::as_str).unwrap_or_default(), base);
    let roles = Roles::of(&id, context.root, context.flags);
    let mut fields = normal::app(fields, context.flags)?;
    fields.entry("role").or_insert_with(|| Value::from(roles.default.as_str()));
    let spec = read::app(&fields, base).map_err(Rejection::Invalid)?;
    checked(spec, &roles, context.flags)
}

/// The spec, if it obeys its own rules.
pub fn checked(spec: RunSpec, roles: &Roles, flags: &Flags) -> Result<RunSpec, Rejection> {
    let mut details = validate::spec(&spec, flags);
    validate::role(&spec, roles, &mut details);
    if details.is_empty() { Ok(spec) } else { Err(Rejection::Invalid(details)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::version::Version;
    use serde_json::json;

    fn with<T>(act: impl FnOnce(Context) -> T) -> T {
        let (root, flags) = (Group::empty(PathId::root(), Version(0)), Flags::default());
        act(Context { root: &root, flags: &flags, strict: false })
    }
    fn made(value: Value) -> Result<RunSpec, Rejection> {
        with(|context| app(&value, context))
    }
    fn put(old: Value, change: Value, partial: bool) -> Result<RunSpec, Rejection> {
        let old = made(old)?;
        with(|context| merged(&update(&change, Some(&old.id), partial, true, context)?, Some(&old), context))
    }

    #[test]
    fn a_posted_app_is_complete() {
        let web = made(json!({ "id": "web", "cmd": "run", "container": { "image": "docker:///nginx" } })).unwrap();
        assert_eq!((web.id.as_str(), &*web.role, web.instances), ("/web", "*", 1));
        assert!(web.app().is_some_and(|app| app.container.as_ref().is_some_and(|c| c["docker"]["image"] == "nginx")));
        let refused = made(json!({ "id": "web", "role": "other" })).unwrap_err();
        let Rejection::Invalid(details) = refused else { panic!("{refused:?}") };
        assert_eq!(details.iter().map(|d| &*d.path).collect::<Vec<_>>(), ["/", "/role"]);
    }

    #[test]
    fn an_update_keeps_what_it_does_not_name() {
        let old = json!({ "id": "/a", "cmd": "run", "cpus": 2, "labels": { "x": "y" }, "executorResources": {} });
        let new = put(old.clone(), json!({ "mem": 64, "tasksRunning": 3 }), true).unwrap();
        assert_eq!((new.each.cpus().0, new.each.mem().0, new.labels.len()), (2_000, 64_000, 1));
        assert_eq!(new.app().and_then(|app| app.executor_resources.clone()), None);
        let new = put(old.clone(), json!({ "cmd": "other" }), false).unwrap();
        assert_eq!((new.each.cpus().0, new.labels.len()), (1_000, 0));
        let both = put(old.clone(), json!({ "args": ["x"] }), true).unwrap_err();
        assert!(both.reason().contains("not valid"));
        let mixed = put(old, json!({ "version": "2026-01-01T00:00:00.000Z", "cpus": 1 }), true).unwrap_err();
        assert!(matches!(mixed, Rejection::Invalid(details) if details[0].errors[0].contains("'version'")));
    }

    #[test]
    fn an_update_keeps_all_where_bugs_are_mended() {
        let (root, flags) = (Group::empty(PathId::root(), Version(0)), Flags { mended: true, ..Flags::default() });
        let context = Context { root: &root, flags: &flags, strict: false };
        let old = app(&json!({ "id": "/a", "cmd": "run", "executorResources": { "cpus": 1 } }), context).unwrap();
        let put = update(&json!({ "mem": 64 }), Some(&old.id), true, true, context).unwrap();
        let new = merged(&put, Some(&old), context).unwrap();
        assert_eq!(
            new.app().and_then(|app| app.executor_resources.as_ref()).map(|r| r["cpus"].clone()),
            Some(json!(1))
        );
    }

    #[test]
    fn a_change_of_network_moves_the_ports() {
        let bridge = json!({ "networks": [{ "mode": "container/bridge" }] });
        let new = put(json!({ "id": "/a", "cmd": "run", "ports": [0, 0] }), bridge, true).unwrap();
        assert_eq!(new.ports.len(), 1);
        let only = new.app().expect("an app");
        assert!(only.port_definitions.is_empty() && only.container.is_some());
    }
}
