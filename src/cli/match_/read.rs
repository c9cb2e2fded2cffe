//! Offers, instances and agents from the JSON in which Mesos and Marathon give them.
//!
//! Offers come as the scheduler API has them (`agent_id`, typed values) or as Marathon shows those
//! that it did not use (`GET /v2/queue?embed=lastUnusedOffers`: `agentId`, bare values).

use crate::base::id::Names;
use crate::base::suggest;
use crate::marathon::model::json::shape::{Field, Form, Type, may, must};
use crate::marathon::model::json;
use crate::marathon::model::rejection::{Detail, Rejection};
use crate::marathon::model::version::Version;
use crate::mesos::message::AgentInfo;
use crate::mesos::resource::{Place, Resources};
use crate::mesos::resource::attributes::Attributes;
use crate::mesos::task_state::TaskState;
use serde_json::{Map, Value};
use std::sync::Arc;

static ANY: Type = Type::Any;
static TEXT: Type = Type::Text { least: 1, most: usize::MAX, form: Form::Free };

static OFFER_FIELDS: &[Field] = &[
    must("id", &ANY),
    may("framework_id", &ANY),
    may("frameworkId", &ANY),
    may("slave_id", &ANY),
    may("slaveId", &ANY),
    may("agent_id", &ANY),
    may("agentId", &ANY),
    must("hostname", &TEXT),
    may("url", &ANY),
    may("domain", &ANY),
    must("resources", &RESOURCES),
    may("attributes", &ANY),
    may("executor_ids", &ANY),
    may("executorIds", &ANY),
    may("unavailability", &UNAVAILABILITY),
    may("allocation_info", &ALLOCATION),
    may("allocationInfo", &ALLOCATION),
];
static RESOURCES: Type = Type::List { of: &RESOURCE, least: 0, most: usize::MAX };
static RESOURCE: Type = Type::Object(&[
    must("name", &TEXT),
    may("type", &TEXT),
    may("scalar", &ANY),
    may("ranges", &ANY),
    may("set", &ANY),
    may("role", &TEXT),
    may("reservation", &ANY),
    may("reservations", &ANY),
    may("disk", &ANY),
    may("disk_source", &ANY),
    may("persistence_id", &ANY),
    may("revocable", &ANY),
    may("shared", &ANY),
    may("provider_id", &ANY),
    may("allocation_info", &ALLOCATION),
]);
static ALLOCATION: Type = Type::Object(&[may("role", &TEXT)]);
static NANOSECONDS: Type = Type::Object(&[must("nanoseconds", &Type::Whole { least: 0, most: i64::MAX })]);
static UNAVAILABILITY: Type = Type::Object(&[must("start", &NANOSECONDS), may("duration", &NANOSECONDS)]);
static OFFER: Type = Type::Object(OFFER_FIELDS);
static OFFERS: Type = Type::List { of: &OFFER, least: 0, most: usize::MAX };

static TASKS: Type = Type::List { of: &TASK, least: 0, most: usize::MAX };
static TASK: Type = Type::Object(&[
    must("id", &TEXT),
    must("appId", &TEXT),
    must("host", &TEXT),
    must("state", &TEXT),
    may("slaveId", &TEXT),
    may("version", &TEXT),
    may("role", &ANY),
    may("region", &TEXT),
    may("zone", &TEXT),
    may("ports", &ANY),
    may("servicePorts", &ANY),
    may("ipAddresses", &ANY),
    may("stagedAt", &ANY),
    may("startedAt", &ANY),
    may("healthCheckResults", &ANY),
    may("checkResult", &ANY),
    may("localVolumes", &ANY),
]);

/// One offer.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) id: String,
    pub(super) hostname: String,
    pub(super) agent: Option<String>,
    pub(super) info: Arc<AgentInfo>,
    pub(super) resources: Resources,
    /// To whom it was made.
    pub(super) framework: Option<String>,
    /// To which role of the framework it was made.
    pub(super) role: Option<String>,
    pub(super) region: Option<String>,
    /// Start and length of the maintenance window, in nanoseconds.
    pub(super) unavailable: Option<(i64, Option<i64>)>,
}

/// One task of an app.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) app: String,
    pub(super) host: String,
    pub(super) agent: Option<String>,
    pub(super) state: TaskState,
    pub(super) version: Option<Version>,
    /// Ids of its persistent volumes.
    pub(super) volumes: Vec<String>,
    /// Fault domain, if it is told.
    pub(super) domain: Vec<(&'static str, String)>,
}

/// An agent of which something beside its host is known.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) id: Option<String>,
    pub(super) hostname: String,
    pub(super) attributes: Vec<(String, String)>,
}

fn wrong(place: &str, what: impl Into<String>) -> Rejection {
    Rejection::Malformed { details: vec![Detail { path: place.to_owned(), errors: vec![what.into()] }], semantic: true }
}

/// The list in one of the wrappers in which the API gives it, and the place of its elements.
fn unwrap<'a>(value: &'a Value, name: &str) -> Result<(&'a Value, String), Rejection> {
    let mut place = String::new();
    let mut at = value;
    while let Value::Object(fields) = at {
        let Some(inner) = fields.get(name) else {
            let known: Vec<&str> = fields.keys().map(String::as_str).collect();
            let mistyped = known.iter().find(|key| suggest::nearest(key, &[name]).is_some());
            let hint = mistyped.map_or(String::new(), |key| format!("; is `{key}` meant to be `{name}`?"));
            return Err(wrong(&format!("{place}/"), format!("there is no list `{name}`{hint}")));
        };
        place = format!("{place}/{name}");
        at = inner;
    }
    Ok((at, place))
}

/// Places of a refusal below the list.
fn below(place: &str, rejection: Rejection) -> Rejection {
    let Rejection::Malformed { details, semantic } = rejection else { return rejection };
    let moved = details.into_iter().map(|d| {
        let rest = if d.path == "/" { String::new() } else { d.path };
        Detail { path: format!("{place}{rest}"), errors: d.errors }
    });
    Rejection::Malformed { details: moved.collect(), semantic }
}

/// Text, or a message with a text.
fn id(fields: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let value = names.iter().find_map(|name| fields.get(*name))?;
    let text = value.as_str().or_else(|| value.get("value")?.as_str())?;
    Some(text.to_owned())
}

/// Offers of a file; `app`: of a launch queue those of this app.
pub(super) fn offers(value: &Value, app: &str, names: &mut Names) -> Result<Vec<Offer>, Rejection> {
    let unused = value.get("queue").map(|queue| unused_offers(queue, app)).transpose()?;
    let value = unused.as_ref().unwrap_or(value);
    let (list, place) = unwrap(value, "offers")?;
    let list = json::checked(list, &OFFERS, true).map_err(|e| below(&place, e))?;
    let each = list.as_array().into_iter().flatten().enumerate();
    each.map(|(i, value)| offer(value, names).map_err(|e| below(&format!("{place}({i})"), e))).collect()
}

/// Those that Marathon did not use for an app, out of its launch queue.
fn unused_offers(queue: &Value, app: &str) -> Result<Value, Rejection> {
    let id = |item: &Value| item.get("app")?.get("id")?.as_str().map(str::to_owned);
    let item = queue.as_array().into_iter().flatten().find(|item| id(item).as_deref() == Some(app));
    let item = item.ok_or_else(|| wrong("/queue", format!("`{app}` does not wait in this launch queue")))?;
    let Some(unused) = item.get("lastUnusedOffers").and_then(Value::as_array) else {
        let mend = "there is no `lastUnusedOffers`; ask for /v2/queue?embed=lastUnusedOffers";
        return Err(wrong("/queue", mend));
    };
    Ok(unused.iter().filter_map(|one| one.get("offer").cloned()).collect())
}

fn offer(value: &Value, names: &mut Names) -> Result<Offer, Rejection> {
    let nothing = Map::new();
    let fields = value.as_object().unwrap_or(&nothing);
    let hostname = id(fields, &["hostname"]).unwrap_or_default();
    let number = id(fields, &["id"]).ok_or_else(|| wrong("/id", "must be a text or {\"value\": TEXT}"))?;
    let resources = fields.get("resources").cloned().unwrap_or_default();
    let resources = Resources::from_json(&resources)
        .map_err(|e| {
            let at = if let Place::Path(path) = &e.place { path.as_str() } else { "" };
            wrong(&format!("/resources{at}"), format!("{}; {}", e.what, e.mend))
        })?;
    let mut role = ["allocation_info", "allocationInfo"].iter().find_map(|n| fields.get(*n)?.get("role")?.as_str());
    let of_resource = resources.objects().find_map(|object| object.meta().allocation_role.clone());
    role = role.or(of_resource.as_deref());
    let mut attributes = attributes(fields.get("attributes"), "/attributes")?;
    let domain = fields.get("domain").and_then(|domain| domain.get("fault_domain").or(domain.get("faultDomain")));
    let mut region = None;
    for (field, name) in [("region", "@region"), ("zone", "@zone")] {
        if let Some(value) = domain.and_then(|d| d.get(field)?.get("name")?.as_str()) {
            attributes.push((name.to_owned(), value.to_owned()));
            region = region.or((field == "region").then(|| value.to_owned()));
        }
    }
    let window = fields.get("unavailability").map(|window| {
        let at = |name: &str| window.get(name)?.get("nanoseconds")?.as_i64();
        (at("start").unwrap_or_default(), at("duration"))
    });
    Ok(Offer {
        id: number,
        agent: id(fields, &["slave_id", "slaveId", "agent_id", "agentId"]),
        framework: id(fields, &["framework_id", "frameworkId"]),
        role: role.map(str::to_owned),
        info: Arc::new(info(names, &hostname, &attributes)),
        hostname,
        resources: resources.without_allocation_role(),
        region,
        unavailable: window,
    })
}

/// What constraints look at.
pub(super) fn info(names: &mut Names, hostname: &str, attributes: &[(String, String)]) -> AgentInfo {
    let attributes = attributes.iter().map(|(name, value)| (names.intern(name), names.intern(value))).collect();
    AgentInfo { hostname: names.intern(hostname), total: Resources::EMPTY, attributes, devices: 0, address: 0 }
}

/// A list of typed or bare values, or a table as `/slaves` has it.
fn attributes(value: Option<&Value>, place: &str) -> Result<Vec<(String, String)>, Rejection> {
    let mut all = Vec::new();
    match value {
        None => {}
        Some(Value::Object(table)) => {
            for (name, value) in table {
                all.push((name.clone(), bare(value, &format!("{place}/{name}"))?));
            }
        }
        Some(Value::Array(list)) => {
            for (i, one) in list.iter().enumerate() {
                let place = format!("{place}({i})");
                let name = one.get("name").and_then(Value::as_str);
                let name = name.ok_or_else(|| wrong(&format!("{place}/name"), "is missing"))?;
                all.push((name.to_owned(), typed(one, &place)?));
            }
        }
        Some(_) => return Err(wrong(place, "must be a list of attributes")),
    }
    Ok(all)
}

fn bare(value: &Value, place: &str) -> Result<String, Rejection> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(wrong(place, "must be a text or a number")),
    }
}

/// One attribute as text, in the form in which agents are given theirs.
fn typed(one: &Value, place: &str) -> Result<String, Rejection> {
    let inner = |name: &str, field: &str| {
        let value = one.get(name).filter(|value| !value.is_null())?;
        Some(value.get(field).unwrap_or(value))
    };
    if let Some(value) = inner("text", "value").or_else(|| inner("scalar", "value")) {
        return bare(value, place);
    }
    let words = |list: Vec<String>, open: &str, close: &str| format!("{open}{}{close}", list.join(","));
    if let Some(Value::Array(items)) = inner("set", "item") {
        let items: Result<Vec<String>, Rejection> = items.iter().map(|item| bare(item, place)).collect();
        return Ok(words(items?, "{", "}"));
    }
    if let Some(Value::Array(ranges)) = inner("ranges", "range") {
        let pair = |range: &Value| Some(format!("{}-{}", range.get("begin")?.as_u64()?, range.get("end")?.as_u64()?));
        let pairs: Option<Vec<String>> = ranges.iter().map(pair).collect();
        let text = words(pairs.ok_or_else(|| wrong(place, "a range needs `begin` and `end`"))?, "[", "]");
        return Attributes::parse(&format!("x:{text}")).map(|_| text).map_err(|e| wrong(place, e.what));
    }
    Err(wrong(place, "has no value; add `text`, `scalar`, `ranges` or `set`"))
}

/// Tasks of a file.
pub(super) fn tasks(value: &Value) -> Result<Vec<Task>, Rejection> {
    if let Some(instances) = value.get("instances") {
        return pod_instances(value, instances);
    }
    let (list, place) = unwrap(value, "tasks")?;
    let list = json::checked(list, &TASKS, true).map_err(|e| below(&place, e))?;
    let each = list.as_array().into_iter().flatten().enumerate();
    each.map(|(i, value)| task(value).map_err(|e| below(&format!("{place}({i})"), e))).collect()
}

/// Instances of a pod's status, each as one task; those that were never placed are nowhere.
fn pod_instances(status: &Value, instances: &Value) -> Result<Vec<Task>, Rejection> {
    let app = status.get("id").and_then(Value::as_str).ok_or_else(|| wrong("/id", "is missing"))?;
    let list = instances.as_array().ok_or_else(|| wrong("/instances", "must be a list of instances"))?;
    let mut all = Vec::new();
    for (i, instance) in list.iter().enumerate() {
        let text = |name: &str| instance.get(name).and_then(Value::as_str).map(str::to_owned);
        let told = text("status").unwrap_or_default();
        let state = match &*told {
            "PENDING" | "STAGING" => TaskState::Staging,
            "STABLE" | "DEGRADED" => TaskState::Running,
            "TERMINAL" => TaskState::Killed,
            _ => {
                let known = "PENDING, STAGING, STABLE, DEGRADED, TERMINAL";
                let place = format!("/instances({i})/status");
                return Err(wrong(&place, format!("`{told}` is no status of an instance; known here: {known}")));
            }
        };
        let Some(host) = text("agentHostname") else { continue };
        let domain = [("@region", "agentRegion"), ("@zone", "agentZone")];
        all.push(Task {
            id: text("id").unwrap_or_default(),
            app: app.to_owned(),
            host,
            agent: text("agentId"),
            state,
            version: None,
            // Pods with volumes are not judged.
            volumes: Vec::new(),
            domain: domain.into_iter().filter_map(|(name, field)| Some((name, text(field)?))).collect(),
        });
    }
    Ok(all)
}

fn task(value: &Value) -> Result<Task, Rejection> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let state = text("state").unwrap_or_default();
    let known = TaskState::ALL.iter().find(|known| known.name() == state);
    let state = *known.ok_or_else(|| {
        let names: Vec<&str> = TaskState::ALL.iter().map(|state| state.name()).collect();
        let hint = suggest::nearest(&state, &names).map_or(String::new(), |near| format!("; did you mean {near}?"));
        wrong("/state", format!("`{state}` is no state of a task{hint}"))
    })?;
    let version = text("version").map(|text| {
        Version::parse(&text).ok_or_else(|| wrong("/version", format!("`{text}` is no time as 2026-01-31T12:00:00.000Z")))
    });
    Ok(Task {
        id: text("id").unwrap_or_default(),
        app: text("appId").unwrap_or_default(),
        host: text("host").unwrap_or_default(),
        agent: text("slaveId"),
        state,
        version: version.transpose()?,
        volumes: (value.get("localVolumes").and_then(Value::as_array).into_iter().flatten())
            .filter_map(|volume| Some(volume.get("persistenceId")?.as_str()?.to_owned()))
            .collect(),
        domain: [("@region", "region"), ("@zone", "zone")]
            .into_iter()
            .filter_map(|(name, field)| Some((name, text(field)?)))
            .collect(),
    })
}

/// Agents as `/slaves` of a master has them; only hosts and attributes are looked at.
pub(super) fn agents(value: &Value) -> Result<Vec<Agent>, Rejection> {
    let (list, place) = unwrap(value, if value.get("agents").is_some() { "agents" } else { "slaves" })?;
    let list = list.as_array().ok_or_else(|| wrong(&place, "must be a list of agents"))?;
    let read = |(i, value): (usize, &Value)| {
        let place = format!("{place}({i})");
        let hostname = value.get("hostname").and_then(Value::as_str);
        let hostname = hostname.ok_or_else(|| wrong(&format!("{place}/hostname"), "is missing"))?;
        let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
        let attributes = attributes(value.get("attributes"), &format!("{place}/attributes"))?;
        Ok(Agent { id, hostname: hostname.to_owned(), attributes })
    };
    list.iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is wrong, in lines.
    fn told(rejection: Rejection) -> String {
        match rejection {
            Rejection::Malformed { details, .. } | Rejection::Invalid(details) => {
                details.iter().map(|d| format!("{}: {}", d.path, d.errors.join(", "))).collect::<Vec<_>>().join("\n")
            }
            other => other.reason(),
        }
    }

    #[test]
    fn offers_of_either_api_are_read_alike() {
        let mesos = json!({ "type": "OFFERS", "offers": { "offers": [{
            "id": { "value": "O1" }, "agent_id": { "value": "S1" }, "hostname": "n1",
            "allocation_info": { "role": "web" },
            "domain": { "fault_domain": { "region": { "name": "eu" }, "zone": { "name": "a" } } },
            "resources": [
                { "name": "cpus", "type": "SCALAR", "scalar": { "value": 1.5 }, "allocation_info": { "role": "web" } },
                { "name": "ports", "type": "RANGES", "ranges": { "range": [{ "begin": 1, "end": 5 }] } }],
            "attributes": [
                { "name": "rack", "type": "TEXT", "text": { "value": "r1" } },
                { "name": "level", "type": "SCALAR", "scalar": { "value": 3.0 } },
                { "name": "set", "type": "SET", "set": { "item": ["b", "a"] } },
                { "name": "range", "type": "RANGES", "ranges": { "range": [{ "begin": 1, "end": 2 }] } }] }] } });
        let queue = json!({ "queue": [
            { "app": { "id": "/other" } },
            { "app": { "id": "/web" }, "lastUnusedOffers": [{ "reason": ["InsufficientCpus"], "offer": {
                "id": "O1", "agentId": "S1", "hostname": "n1", "allocationInfo": { "role": "web" },
                "domain": { "faultDomain": { "region": { "name": "eu" }, "zone": { "name": "a" } } },
                "resources": [
                    { "name": "cpus", "role": "*", "scalar": 1.5, "ranges": null, "set": null },
                    { "name": "ports", "role": "*", "ranges": [{ "begin": 1, "end": 5 }] }],
                "attributes": [{ "name": "rack", "text": "r1" }, { "name": "level", "scalar": 3.0 },
                    { "name": "set", "set": ["b", "a"] }, { "name": "range", "ranges": [{ "begin": 1, "end": 2 }] }]
            } }] }] });
        let mut names = Names::default();
        let read = |value: &Value, names: &mut Names| offers(value, "/web", names).map_err(told).unwrap();
        let (one, other) = (read(&mesos, &mut names), read(&queue, &mut names));
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        assert_eq!(one[0].resources, Resources::parse("cpus:1.5;ports:[1-5]").unwrap());
        assert_eq!((one[0].agent.as_deref(), one[0].role.as_deref()), (Some("S1"), Some("web")));
        let shown = one[0].info.attributes.iter().map(|(n, v)| format!("{}:{}", names.text(*n), names.text(*v)));
        let shown: Vec<String> = shown.collect();
        assert_eq!(shown, ["rack:r1", "level:3.0", "set:{b,a}", "range:[1-2]", "@region:eu", "@zone:a"]);
        assert!(told(offers(&queue, "/third", &mut names).unwrap_err()).contains("does not wait"));
        assert!(told(offers(&queue, "/other", &mut names).unwrap_err()).contains("embed=lastUnusedOffers"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let offer = |extra: Value| {
            let mut base = json!({ "id": "O", "hostname": "n", "resources": [] });
            for (name, value) in extra.as_object().unwrap() {
                base[name] = value.clone();
            }
            json!([base])
        };
        let mut names = Names::default();
        for (value, expected) in [
            (json!({ "ofers": [] }), "/: there is no list `offers`; is `ofers` meant to be `offers`?"),
            (json!([{ "id": "O", "resources": [] }]), "(0)/hostname: error.path.missing"),
            (offer(json!({ "hostnam": "x" })), "(0)/hostnam: unknown field; did you mean `hostname`?"),
            (
                offer(json!({ "resources": [{ "name": "cpus", "scalar": { "value": -1 } }] })),
                "(0)/resources[0].scalar.value: the amount is negative; write an amount",
            ),
            (
                offer(json!({ "resources": [{ "name": "cpus", "skalar": 1 }] })),
                "(0)/resources(0)/skalar: unknown field; did you mean `scalar`?",
            ),
            (offer(json!({ "attributes": [{ "text": "a" }] })), "(0)/attributes(0)/name: is missing"),
            (offer(json!({ "attributes": [{ "name": "a" }] })), "(0)/attributes(0): has no value; add `text`, `scalar`, `ranges` or `set`"),
            (offer(json!({ "unavailability": {} })), "(0)/unavailability/start: error.path.missing"),
        ] {
            let got = told(offers(&value, "/a", &mut names).expect_err(expected));
            assert_eq!(got, expected);
        }
        let task = |extra: (&str, &str)| {
            let mut base = json!({ "id": "t", "appId": "/a", "host": "n", "state": "TASK_RUNNING" });
            base[extra.0] = extra.1.into();
            told(tasks(&json!({ "tasks": [base] })).expect_err("wrong"))
        };
        assert_eq!(
            task(("state", "TASK_RUNING")),
            "/tasks(0)/state: `TASK_RUNING` is no state of a task; did you mean TASK_RUNNING?"
        );
        assert_eq!(task(("version", "now")), "/tasks(0)/version: `now` is no time as 2026-01-31T12:00:00.000Z");
        assert_eq!(told(agents(&json!({ "slaves": [{}] })).unwrap_err()), "/slaves(0)/hostname: is missing");
        let known = agents(&json!({ "slaves": [{ "id": "S", "hostname": "n", "attributes": { "level": 3, "rack": "r" } }] }));
        let attributes = &known.unwrap()[0].attributes;
        assert_eq!(attributes[..], [("level".to_owned(), "3".to_owned()), ("rack".to_owned(), "r".to_owned())]);
    }
}
