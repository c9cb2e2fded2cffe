//! Records of the state store as JSON text: what a new leader reads back (`storage/`, there as
//! protocol buffers). Specs are records of their own, by id and version; roots, instances and plans
//! name them. Reading takes functions that find what is named, and fails with what is missing.

use super::app::{Kind, RunSpec, VersionInfo};
use super::group::Group;
use super::instance::{Instance, InstanceId, Place, Reservation, ReservationState, State, Task};
use super::json::{read, write};
use super::path::PathId;
use super::plan::{Action, Plan};
use super::version::Version;
use crate::base::id::{AgentId, JobId, Names, TaskId};
use crate::base::time::Time;
use crate::fact::{Condition, Goal};
use crate::marathon::group::pod;
use crate::mesos::message::AgentInfo;
use crate::mesos::resource::Resources;
use crate::mesos::task_state::TaskState;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Finds a spec by id and version.
pub type Specs<'a> = &'a dyn Fn(&PathId, Version) -> Option<Arc<RunSpec>>;
/// Finds a root by version.
pub type Roots<'a> = &'a dyn Fn(Version) -> Option<Arc<Group>>;

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("a record is no JSON: {e}"))
}

fn word<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name].as_str().ok_or_else(|| format!("a record has no text `{name}`"))
}

fn number<T: TryFrom<i64>>(value: &Value, name: &str) -> Result<T, String> {
    let number = value[name].as_i64().ok_or_else(|| format!("a record has no number `{name}`"))?;
    T::try_from(number).map_err(|_| format!("`{name}` of a record is out of bounds: {number}"))
}

fn version(value: &Value, name: &str) -> Result<Version, String> {
    number(value, name).map(Version)
}

fn time(value: &Value, name: &str) -> Option<Time> {
    value[name].as_i64().map(Time)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// The name of one of a closed list.
fn named<T: Copy + std::fmt::Debug>(all: &[T], name: &str) -> Result<T, String> {
    let found = all.iter().find(|one| format!("{one:?}") == name);
    found.copied().ok_or_else(|| format!("a record names `{name}`, which nobody knows"))
}

const CONDITIONS: [Condition; 16] = [
    Condition::Scheduled,
    Condition::Provisioned,
    Condition::Staging,
    Condition::Starting,
    Condition::Running,
    Condition::Killing,
    Condition::Unreachable,
    Condition::UnreachableInactive,
    Condition::Error,
    Condition::Failed,
    Condition::Finished,
    Condition::Killed,
    Condition::Gone,
    Condition::Dropped,
    Condition::Unknown,
    Condition::Expunged,
];
const GOALS: [Goal; 3] = [Goal::Running, Goal::Stopped, Goal::Decommissioned];
const STATES: [TaskState; 14] = [
    TaskState::Staging,
    TaskState::Starting,
    TaskState::Running,
    TaskState::Killing,
    TaskState::Unreachable,
    TaskState::Unknown,
    TaskState::Finished,
    TaskState::Failed,
    TaskState::Killed,
    TaskState::Error,
    TaskState::Lost,
    TaskState::Dropped,
    TaskState::Gone,
    TaskState::GoneByOperator,
];

// ---- specs ----

#[must_use]
pub fn spec(spec: &RunSpec) -> String {
    let v = spec.versions;
    let versions = [v.version.0, v.last_scaling.0, v.last_config_change.0];
    json!({ "pod": spec.pod().is_some(), "versions": versions, "definition": write::run_spec(spec) }).to_string()
}

pub fn read_spec(text: &str) -> Result<RunSpec, String> {
    let record = parse(text)?;
    let fields = record["definition"].as_object().ok_or("a record of a spec has no definition")?;
    let mut spec = if record["pod"] == true {
        let id = PathId::absolute(word(&record["definition"], "id")?);
        pod::from_fields(fields.clone(), id, "*").map_err(|e| e.reason())?
    } else {
        read::app(fields, &PathId::root()).map_err(|e| format!("a record of an app is wrong: {e:?}"))?
    };
    let versions: Vec<Version> = list(&record, "versions").iter().filter_map(Value::as_i64).map(Version).collect();
    let [version, last_scaling, last_config_change] = versions[..] else {
        return Err("a record of a spec has no versions".to_owned());
    };
    spec.versions = VersionInfo { version, last_scaling, last_config_change };
    Ok(spec)
}

// ---- roots ----

#[must_use]
pub fn root(root: &Group) -> String {
    group_value(root).to_string()
}

fn group_value(group: &Group) -> Value {
    let specs = group.specs.values().map(|spec| json!([spec.id.as_str(), spec.versions.version.0]));
    json!({
        "id": group.id.as_str(),
        "version": group.version.0,
        "dependencies": group.dependencies.iter().map(PathId::as_str).collect::<Value>(),
        "enforceRole": group.enforce_role,
        "specs": specs.collect::<Value>(),
        "groups": group.groups.values().map(|inner| group_value(inner)).collect::<Value>(),
    })
}

pub fn read_root(text: &str, specs: Specs) -> Result<Group, String> {
    read_group(&parse(text)?, specs)
}

fn read_group(record: &Value, specs: Specs) -> Result<Group, String> {
    let mut group = Group::empty(PathId::absolute(word(record, "id")?), version(record, "version")?);
    group.enforce_role = record["enforceRole"].as_bool();
    group.dependencies = list(record, "dependencies").iter().filter_map(Value::as_str).map(PathId::absolute).collect();
    for entry in list(record, "specs") {
        let id = PathId::absolute(entry[0].as_str().unwrap_or_default());
        let version = Version(entry[1].as_i64().unwrap_or_default());
        let spec = specs(&id, version).ok_or_else(|| format!("{id} of version {version} is not in the store"))?;
        group.specs.insert(id, spec);
    }
    for inner in list(record, "groups") {
        let inner = read_group(inner, specs)?;
        group.groups.insert(inner.id.clone(), Arc::new(inner));
    }
    Ok(group)
}

// ---- instances ----

/// What the agent had in all is not kept.
#[must_use]
pub fn instance(instance: &Instance, names: &Names) -> String {
    let state = instance.state;
    let mut record = json!({
        "id": names.text(instance.id.0),
        "spec": instance.spec.id.as_str(),
        "version": instance.spec.versions.version.0,
        "condition": format!("{:?}", state.condition),
        "since": state.since.0,
        "activeSince": state.active_since.map(|at| at.0),
        "healthy": state.healthy,
        "goal": format!("{:?}", state.goal),
        "incarnation": instance.incarnation,
        "tasks": instance.tasks.iter().map(task_value).collect::<Value>(),
    });
    if let Some(place) = &instance.place {
        let attributes =
            place.info.attributes.iter().map(|(name, value)| json!([names.text(*name), names.text(*value)]));
        record["place"] = json!({
            "master": names.text(place.agent.master),
            "n": place.agent.n,
            "host": names.text(place.info.hostname),
            "address": place.info.address,
            "devices": place.info.devices,
            "attributes": attributes.collect::<Value>(),
        });
    }
    if let Some(reservation) = &instance.reservation {
        let (state, deadline) = match reservation.state {
            ReservationState::New { deadline } => ("New", Some(deadline.0)),
            ReservationState::Launched => ("Launched", None),
            ReservationState::Suspended => ("Suspended", None),
        };
        record["reservation"] = json!({ "volumes": reservation.volumes, "state": state, "deadline": deadline });
    }
    record.to_string()
}

fn task_value(task: &Task) -> Value {
    json!({
        "template": task.id.template.0,
        "n": task.id.n,
        "stagedAt": task.staged_at.0,
        "startedAt": task.started_at.map(|at| at.0),
        "mesos": task.mesos.map(|state| format!("{state:?}")),
        "condition": format!("{:?}", task.condition),
        "unreachableSince": task.unreachable_since.map(|at| at.0),
        "healthy": task.healthy,
        "ports": task.host_ports,
        "version": task.version.0,
    })
}

/// Fails also if the spec is gone, as the peer then forgets the instance.
pub fn read_instance(text: &str, names: &mut Names, specs: Specs) -> Result<Instance, String> {
    let record = parse(text)?;
    let (id, at) = (PathId::absolute(word(&record, "spec")?), version(&record, "version")?);
    let spec = specs(&id, at).ok_or_else(|| format!("{id} of version {at} is not in the store"))?;
    let tasks: Result<Vec<Task>, String> = list(&record, "tasks").iter().map(read_task).collect();
    let state = State {
        condition: named(&CONDITIONS, word(&record, "condition")?)?,
        since: number(&record, "since").map(Time)?,
        active_since: time(&record, "activeSince"),
        healthy: record["healthy"].as_bool(),
        goal: named(&GOALS, word(&record, "goal")?)?,
    };
    Ok(Instance {
        id: InstanceId(names.intern(word(&record, "id")?)),
        spec,
        place: record.get("place").map(|place| read_place(place, names)).transpose()?,
        state,
        tasks: tasks?,
        reservation: record.get("reservation").map(read_reservation).transpose()?,
        incarnation: number(&record, "incarnation")?,
    })
}

fn read_place(record: &Value, names: &mut Names) -> Result<Place, String> {
    let mut attributes = Vec::new();
    for pair in list(record, "attributes") {
        let (name, value) = (pair[0].as_str().unwrap_or_default(), pair[1].as_str().unwrap_or_default());
        attributes.push((names.intern(name), names.intern(value)));
    }
    let info = AgentInfo {
        hostname: names.intern(word(record, "host")?),
        total: Resources::default(),
        attributes,
        devices: number(record, "devices")?,
        address: number(record, "address")?,
    };
    let agent = AgentId { master: names.intern(word(record, "master")?), n: number(record, "n")? };
    Ok(Place { agent, info: Arc::new(info) })
}

fn read_task(record: &Value) -> Result<Task, String> {
    let ports = list(record, "ports").iter().filter_map(Value::as_u64).filter_map(|port| u16::try_from(port).ok());
    Ok(Task {
        id: TaskId { template: JobId(number(record, "template")?), n: number(record, "n")? },
        staged_at: number(record, "stagedAt").map(Time)?,
        started_at: time(record, "startedAt"),
        mesos: record["mesos"].as_str().map(|name| named(&STATES, name)).transpose()?,
        condition: named(&CONDITIONS, word(record, "condition")?)?,
        unreachable_since: time(record, "unreachableSince"),
        healthy: record["healthy"].as_bool(),
        host_ports: ports.collect(),
        version: version(record, "version")?,
    })
}

fn read_reservation(record: &Value) -> Result<Reservation, String> {
    let state = match word(record, "state")? {
        "New" => ReservationState::New { deadline: number(record, "deadline").map(Time)? },
        "Launched" => ReservationState::Launched,
        _ => ReservationState::Suspended,
    };
    let volumes = list(record, "volumes").iter().filter_map(Value::as_str).map(str::to_owned);
    Ok(Reservation { volumes: volumes.collect(), state })
}

// ---- plans ----

#[must_use]
pub fn plan(plan: &Plan, names: &Names) -> String {
    let action = |action: &Action| {
        let kill: Vec<&str> = match action {
            Action::Scale { kill, .. } => kill.iter().map(|id| names.text(*id)).collect(),
            _ => Vec::new(),
        };
        json!([action.name(), action.spec().id.as_str(), kill])
    };
    let step = |step: &Vec<Action>| step.iter().map(action).collect::<Value>();
    json!({
        "id": names.text(plan.id),
        "version": plan.version.0,
        "original": plan.original.version.0,
        "target": plan.target.version.0,
        "steps": plan.steps.iter().map(step).collect::<Value>(),
    })
    .to_string()
}

pub fn read_plan(text: &str, names: &mut Names, roots: Roots) -> Result<Plan, String> {
    let record = parse(text)?;
    let root = |name: &str| {
        let version = version(&record, name)?;
        roots(version).ok_or_else(|| format!("the root of version {version} is not in the store"))
    };
    let (original, target) = (root("original")?, root("target")?);
    let mut steps = Vec::new();
    for step in list(&record, "steps") {
        let mut actions = Vec::new();
        for entry in step.as_array().into_iter().flatten() {
            let (name, id) = (entry[0].as_str().unwrap_or_default(), entry[1].as_str().unwrap_or_default());
            let from = if name == "StopApplication" { &original } else { &target };
            let missing = || format!("a plan names {id}, which its root has not");
            let spec = Arc::clone(from.spec(&PathId::absolute(id)).ok_or_else(missing)?);
            actions.push(match name {
                "StartApplication" => Action::Start(spec),
                "StopApplication" => Action::Stop(spec),
                "RestartApplication" => Action::Restart(spec),
                "ScaleApplication" => {
                    let victims = entry[2].as_array().into_iter().flatten().filter_map(Value::as_str);
                    Action::Scale { spec, kill: victims.map(|id| names.intern(id)).collect() }
                }
                other => return Err(format!("a plan has an unknown action `{other}`")),
            });
        }
        steps.push(actions);
    }
    let id = names.intern(word(&record, "id")?);
    Ok(Plan { id, version: version(&record, "version")?, original, target, steps })
}

/// Ids and versions of all specs that a root names: what must stay in the store while it does.
#[must_use]
pub fn named_by(root: &Group) -> BTreeSet<(PathId, Version)> {
    root.all_specs().into_iter().map(|(id, spec)| (id.clone(), spec.versions.version)).collect()
}

/// Where the record of a spec is kept: `web_1767225600000` below the kind's node.
#[must_use]
pub fn key(spec: &RunSpec) -> String {
    let kind = match spec.kind {
        Kind::App(_) => "apps",
        Kind::Pod(_) => "pods",
    };
    format!("{kind}/{}_{}", spec.id.safe(), spec.versions.version.0)
}

#[cfg(test)]
mod tests {
    use super::super::json::read::testing::app;
    use super::*;
    use crate::base::id::Symbol;
    use crate::marathon::group::define::Context;
    use crate::marathon::group::{plan as plans, tree, versions};
    use crate::marathon::model::flags::Flags;
    use std::collections::BTreeMap;

    fn specs() -> Vec<RunSpec> {
        let (root, flags) = (Group::empty(PathId::root(), Version(0)), Flags::default());
        let context = Context { root: &root, flags: &flags, strict: true };
        let pod = json!({ "id": "/s/p", "containers": [{ "name": "a", "resources": { "cpus": 0.1, "mem": 1 },
            "endpoints": [{ "name": "x" }] }], "scheduling": { "backoff": { "backoff": 1.5 } } });
        let mut all = vec![
            app(json!({ "id": "/a", "cmd": "run", "backoffFactor": 1.2345678901234567, "cpus": 0.001 })),
            app(json!({ "id": "/s/b", "cmd": "run", "healthChecks": [{ "command": { "value": "x" } }],
                "networks": [{ "mode": "container/bridge" }], "constraints": [["hostname", "UNIQUE"]] })),
            pod::pod(&pod, &PathId::root(), context).expect("valid"),
        ];
        for (i, spec) in all.iter_mut().enumerate() {
            let i = i as i64;
            spec.versions =
                VersionInfo { version: Version(30 + i), last_scaling: Version(20), last_config_change: Version(10) };
        }
        all
    }
    fn tree() -> Group {
        let put = |root: Group, spec| tree::put_spec(&root, &Arc::new(spec), &Flags::default());
        let root = specs().into_iter().fold(Group::empty(PathId::root(), Version(40)), put);
        tree::edit(&root, &PathId::absolute("/s"), &Flags::default(), &mut |g| {
            g.dependencies.insert(PathId::absolute("/a"));
        })
    }

    #[test]
    fn specs_and_roots_come_back_as_they_were() {
        for one in specs() {
            assert_eq!(read_spec(&spec(&one)), Ok(one));
        }
        let tree = tree();
        let find = |id: &PathId, version: Version| tree.spec(id).filter(|s| s.versions.version == version).cloned();
        assert_eq!(read_root(&root(&tree), &find), Ok(tree.clone()));
        assert_eq!(named_by(&tree).len(), 3);
        let told = read_root(&root(&tree), &|_, _| None).unwrap_err();
        assert!(told.contains("/a of version"), "{told}");
        assert_eq!(key(&specs()[1]), "apps/s_b_31");
    }

    #[test]
    fn instances_come_back_under_new_symbols() {
        let mut names = Names::default();
        let spec = Arc::new(specs().remove(0));
        let info = AgentInfo {
            hostname: names.intern("h1"),
            total: Resources::default(),
            attributes: vec![(names.intern("rack"), names.intern("r1"))],
            devices: 2,
            address: 9,
        };
        let task = Task {
            id: TaskId { template: JobId(1 << 31), n: 4 },
            staged_at: Time(5),
            started_at: Some(Time(6)),
            mesos: Some(TaskState::Running),
            condition: Condition::Running,
            unreachable_since: None,
            healthy: Some(false),
            host_ports: vec![0, 31_000],
            version: Version(30),
        };
        let mut one = Instance {
            id: InstanceId(names.intern("a.instance-1")),
            spec: Arc::clone(&spec),
            place: Some(Place { agent: AgentId { master: names.intern("M"), n: 3 }, info: Arc::new(info) }),
            state: State {
                condition: Condition::Running,
                since: Time(6),
                active_since: Some(Time(6)),
                healthy: None,
                goal: Goal::Stopped,
            },
            tasks: vec![task],
            reservation: Some(Reservation {
                volumes: vec!["v".into()],
                state: ReservationState::New { deadline: Time(7) },
            }),
            incarnation: 2,
        };
        let find = |_: &PathId, _: Version| Some(Arc::clone(&spec));
        let mut again = Names::default();
        again.intern("something else");
        let text = instance(&one, &names);
        let back = read_instance(&text, &mut again, &find).unwrap();
        assert_eq!(instance(&back, &again), text);
        assert_eq!(read_instance(&text, &mut names, &find), Ok(one.clone()));
        for condition in CONDITIONS {
            (one.state.condition, one.place, one.reservation) = (condition, None, None);
            assert_eq!(read_instance(&instance(&one, &names), &mut names, &find), Ok(one.clone()));
        }
        assert!(read_instance(&text, &mut names, &|_, _| None).is_err());
        assert!(read_instance("{}", &mut names, &find).is_err());
    }

    #[test]
    fn plans_come_back_with_their_roots() {
        let mut names = Names::default();
        let empty = Arc::new(Group::empty(PathId::root(), Version(1)));
        let full = Arc::new(versions::stamp(Version(2), &empty, &tree()));
        let victim = names.intern("a.instance-1");
        for (from, to) in [(&empty, &full), (&full, &empty)] {
            let id: Symbol = names.intern("deployment");
            let mut one = plans::compute(id, Version(3), from, to, &BTreeMap::new());
            for action in one.steps.iter_mut().flatten() {
                if let Action::Scale { kill, .. } = action {
                    kill.push(victim);
                }
            }
            let roots = |v: Version| [&empty, &full].into_iter().find(|r| r.version == v).cloned();
            assert_eq!(read_plan(&plan(&one, &names), &mut names, &roots), Ok(one));
        }
        let told = read_plan(r#"{"original":9,"target":9}"#, &mut names, &|_| None).unwrap_err();
        assert!(told.contains("not in the store"), "{told}");
    }
}
