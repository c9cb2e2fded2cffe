//! Cases and records to JSON, in the form and the order of fields of the recordings.

use super::Case;
use super::event::{Amounts, Capability, Event, Framework, Init};
use super::record::{Body, Offers, Ranking, Record, Standing};
use crate::base::time::{SECOND_NS, Span};
use crate::mesos::resource::{JsonForm, Resources};
use serde_json::{Map, Value as Json, json};

/// Whole numbers without a fraction, as the recordings have them.
fn number(value: f64) -> Json {
    let whole = value as i64;
    if whole.unsigned_abs() < 1 << 53 && (whole as f64).to_bits() == value.to_bits() {
        json!(whole)
    } else {
        json!(value)
    }
}

fn seconds(ns: i64) -> Json {
    if ns % SECOND_NS == 0 { json!(ns / SECOND_NS) } else { json!(ns as f64 / SECOND_NS as f64) }
}

fn resources(all: &Resources) -> Json {
    // Only the pre-refinement form can fail.
    all.to_json(JsonForm::Compact).unwrap_or_default()
}

fn amounts(all: &Amounts) -> Json {
    all.iter().map(|(name, amount)| (name.clone(), number(amount.0 as f64 / 1000.0))).collect::<Map<_, _>>().into()
}

fn amount_sets(all: &[Amounts]) -> Json {
    all.iter().map(amounts).collect()
}

/// An object that is being filled in.
struct Out(Map<String, Json>);

impl Out {
    fn op(op: &str) -> Self {
        Self(Map::new()).with("op", op)
    }
    fn with(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }
    /// Left out if it says nothing new.
    fn unless(self, usual: bool, key: &str, value: impl Into<Json>) -> Self {
        if usual { self } else { self.with(key, value) }
    }
    fn framework(self, framework: &Framework) -> Self {
        let usual = framework.capabilities == Capability::usual();
        let names: Json = framework.capabilities.iter().map(|one| Json::from(one.name())).collect();
        let minima: Map<_, _> =
            framework.min_allocatable.iter().map(|(role, sets)| (role.clone(), amount_sets(sets))).collect();
        self.with("id", framework.id.as_str())
            .with("roles", framework.roles.clone())
            .unless(
                framework.suppressed.is_empty(),
                "suppressed",
                framework.suppressed.iter().cloned().collect::<Json>(),
            )
            .unless(usual, "capabilities", names)
            .unless(minima.is_empty(), "min_allocatable", minima)
    }
}

impl Init {
    fn to_json(&self) -> Map<String, Json> {
        let usual = Self::default();
        let excluded: Json = self.fairness_exclude.iter().cloned().collect();
        Out::op("init")
            .unless(
                self.allocation_interval == usual.allocation_interval,
                "allocation_interval",
                seconds(self.allocation_interval.0),
            )
            .unless(
                self.min_allocatable == usual.min_allocatable,
                "min_allocatable",
                amount_sets(&self.min_allocatable),
            )
            .unless(self.fairness_exclude.is_empty(), "fairness_exclude", excluded)
            .unless(self.filter_gpu, "filter_gpu", self.filter_gpu)
            .unless(!self.event_driven, "event_driven", true)
            .unless(!self.runs_given, "runs", "given")
            .unless(self.sorter == usual.sorter, "sorter", self.sorter.as_str())
            .0
    }
}

impl Event {
    /// The event as it stands in `input`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let out = Out::op(self.op());
        let out = match self {
            Self::Init(init) => return init.to_json().into(),
            Self::AddAgent { id, total, hostname, used } => {
                let list: Json = used
                    .iter()
                    .map(|one| {
                        json!({"framework": one.framework, "role": one.role, "resources": resources(&one.resources)})
                    })
                    .collect();
                out.with("id", id.as_str())
                    .with("resources", resources(total))
                    .unless(hostname.is_none(), "hostname", hostname.clone())
                    .unless(used.is_empty(), "used", list)
            }
            Self::UpdateAgent { id, total, hostname } => out
                .with("id", id.as_str())
                .with("resources", resources(total))
                .unless(hostname.is_none(), "hostname", hostname.clone()),
            Self::RemoveAgent { id }
            | Self::ActivateAgent { id }
            | Self::DeactivateAgent { id }
            | Self::RemoveFramework { id }
            | Self::ActivateFramework { id }
            | Self::DeactivateFramework { id } => out.with("id", id.as_str()),
            Self::AddFramework { framework, active, used } => {
                let list: Json = used
                    .iter()
                    .map(|one| json!({"agent": one.agent, "role": one.role, "resources": resources(&one.resources)}))
                    .collect();
                out.framework(framework).unless(*active, "active", false).unless(used.is_empty(), "used", list)
            }
            Self::UpdateFramework(framework) => out.framework(framework),
            Self::Suppress { framework, roles } | Self::Revive { framework, roles } => {
                out.with("framework", framework.as_str()).with("roles", roles.clone())
            }
            Self::Recover { framework, role, agent, resources: given, refuse, allocated } => out
                .with("framework", framework.as_str())
                .with("role", role.as_str())
                .with("agent", agent.as_str())
                .with("resources", resources(given))
                .unless(refuse.is_none(), "refuse_seconds", refuse.map(|span| seconds(span.0)))
                .unless(!allocated, "allocated", true),
            Self::Accept { agent, role, resources: taken } => {
                out.with("agent", agent.as_str()).with("role", role.as_str()).with("resources", resources(taken))
            }
            Self::UpdateWeights { weights } => {
                let map: Map<_, _> = weights.iter().map(|(role, weight)| (role.clone(), number(*weight))).collect();
                out.with("weights", map)
            }
            Self::UpdateQuota { role, guarantees, limits } => {
                out.with("role", role.as_str()).with("guarantees", amounts(guarantees)).with("limits", amounts(limits))
            }
            Self::Whitelist { hostnames } => {
                out.with("hostnames", hostnames.as_ref().map(|all| all.iter().cloned().collect::<Json>()))
            }
            Self::Reserve { agent, resources: all } | Self::Unreserve { agent, resources: all } => {
                out.with("agent", agent.as_str()).with("resources", resources(all))
            }
            Self::ReserveOffered { framework, role, agent, offered, resources: part }
            | Self::UnreserveOffered { framework, role, agent, offered, resources: part } => out
                .with("framework", framework.as_str())
                .with("role", role.as_str())
                .with("agent", agent.as_str())
                .with("offered", resources(offered))
                .with("resources", resources(part)),
            Self::ConvertOffered { framework, role, agent, resources: before, into } => out
                .with("framework", framework.as_str())
                .with("role", role.as_str())
                .with("agent", agent.as_str())
                .with("resources", resources(before))
                .with("into", resources(into)),
            Self::Advance { by } => out.with("seconds", seconds(by.0)),
            Self::Allocate(None) | Self::Tick => out,
            Self::Allocate(Some(visits)) => out
                .unless(!visits.batch, "batch", true)
                .unless(visits.ago == Span::ZERO, "asked_ago", seconds(visits.ago.0))
                .with("agents", visits.agents.clone())
                .unless(visits.again == visits.agents, "again", visits.again.clone()),
        };
        out.0.into()
    }
}

fn offers_json(offers: &Offers) -> Json {
    let agents = |agents: &std::collections::BTreeMap<String, Resources>| -> Json {
        let of = |(agent, all): (&String, &Resources)| {
            let mut list = match resources(all) {
                Json::Array(list) => list,
                other => vec![other],
            };
            list.sort_by_cached_key(Json::to_string);
            (agent.clone(), Json::Array(list))
        };
        agents.iter().map(of).collect::<Map<_, _>>().into()
    };
    let framework = |roles: &std::collections::BTreeMap<String, _>| -> Json {
        roles.iter().map(|(role, of)| (role.clone(), agents(of))).collect::<Map<_, _>>().into()
    };
    offers.iter().map(|(id, roles)| (id.clone(), framework(roles))).collect::<Map<_, _>>().into()
}

fn standings(all: &[Standing]) -> Json {
    all.iter().map(|one| json!([one.name, number(one.share), one.count])).collect()
}

impl Ranking {
    fn write(&self, out: Out) -> Out {
        let frameworks: Map<_, _> = self.frameworks.iter().map(|(role, all)| (role.clone(), standings(all))).collect();
        let tree: Json =
            self.tree.iter().map(|node| json!([node.path, node.kind.name(), number(node.share), node.count])).collect();
        out.with("roles", standings(&self.roles)).with("frameworks", frameworks).with("tree", tree)
    }
}

impl Record {
    /// The record as it stands in `output`, after a field `case` if there is one to name.
    #[must_use]
    pub fn to_json(&self, case: Option<&str>) -> Json {
        let out = Out(Map::new())
            .unless(case.is_none(), "case", case)
            .with("event", self.event)
            .with("op", self.op.as_str())
            .with("clock", seconds(self.clock.0));
        let out = match &self.body {
            Body::Error(text) => out.with("error", text.as_str()),
            Body::Allocation { offers, ranking } => {
                let out = out.with("offers", offers_json(offers));
                match ranking {
                    Some(ranking) => ranking.write(out),
                    None => out,
                }
            }
        };
        out.0.into()
    }
}

impl Case {
    #[must_use]
    pub fn to_json(&self) -> Json {
        let input: Json = self.input.iter().map(Event::to_json).collect();
        let output = self.output.as_ref().map(|all| all.iter().map(|one| one.to_json(None)).collect::<Json>());
        Out(Map::new())
            .with("name", self.name.as_str())
            .with("why", self.why.as_str())
            .with("input", input)
            .unless(output.is_none(), "output", output)
            .0
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cases;
    use super::*;

    /// Every event, with every field in it.
    const ALL: &str = r#"{"name":"all","why":"every event","input":[
        {"op":"init","allocation_interval":0.5,"min_allocatable":[{"cpus":0.5,"mem":1}],"fairness_exclude":["gpus"],
         "filter_gpu":false,"event_driven":true,"runs":"given","sorter":"random"},
        {"op":"add_agent","id":"s","resources":[{"name":"cpus","scalar":4}],"hostname":"h",
         "used":[{"framework":"f","role":"a","resources":[{"name":"cpus","scalar":1}]}]},
        {"op":"update_agent","id":"s","resources":[{"name":"ports","ranges":[[1,9]]}],"hostname":"i"},
        {"op":"remove_agent","id":"s"},{"op":"activate_agent","id":"s"},{"op":"deactivate_agent","id":"s"},
        {"op":"add_framework","id":"f","roles":["b","a"],"suppressed":["a"],"capabilities":["GPU_RESOURCES"],
         "min_allocatable":{"a":[]},"active":false,
         "used":[{"agent":"s","role":"a","resources":[{"name":"cpus","scalar":1}]}]},
        {"op":"update_framework","id":"f","roles":["b"]},
        {"op":"remove_framework","id":"f"},{"op":"activate_framework","id":"f"},{"op":"deactivate_framework","id":"f"},
        {"op":"suppress","framework":"f","roles":["a"]},{"op":"revive","framework":"f","roles":[]},
        {"op":"recover","framework":"f","role":"a","agent":"s","resources":[{"name":"cpus","scalar":0.001}],
         "refuse_seconds":0.1,"allocated":true},
        {"op":"accept","agent":"s","role":"a","resources":[{"name":"zone","set":["x","y"]}]},
        {"op":"update_weights","weights":{"a/b":2.5}},
        {"op":"update_quota","role":"a","guarantees":{"cpus":1.5},"limits":{"mem":64}},
        {"op":"whitelist","hostnames":["h"]},{"op":"whitelist","hostnames":null},
        {"op":"reserve","agent":"s","resources":[{"name":"cpus","scalar":1,
         "reservations":[{"type":"DYNAMIC","role":"a","principal":"p","labels":{"k":"v"}}]}]},
        {"op":"unreserve","agent":"s","resources":[{"name":"cpus","scalar":1,
         "reservations":[{"type":"STATIC","role":"a"}]}]},
        {"op":"reserve_offered","framework":"f","role":"a","agent":"s","offered":[{"name":"cpus","scalar":2}],
         "resources":[{"name":"cpus","scalar":1,"reservations":[{"type":"DYNAMIC","role":"a"}]}]},
        {"op":"unreserve_offered","framework":"f","role":"a","agent":"s","offered":[{"name":"cpus","scalar":2}],
         "resources":[{"name":"cpus","scalar":1,"reservations":[{"type":"DYNAMIC","role":"a"}]}]},
        {"op":"convert_offered","framework":"f","role":"a","agent":"s",
         "resources":[{"name":"disk","scalar":1,"reservations":[{"type":"DYNAMIC","role":"a"}]}],
         "into":[{"name":"disk","scalar":1,"reservations":[{"type":"DYNAMIC","role":"a"}],
          "persistence_id":"v"}]},
        {"op":"advance","seconds":0.25},
        {"op":"allocate"},{"op":"allocate","batch":true,"asked_ago":0.001,"agents":["s","t"],"again":["t","s"]},{"op":"tick"}],
        "output":[{"event":25,"op":"allocate","clock":0.25,
         "offers":{"f":{"a":{"s":[{"name":"cpus","scalar":1},{"name":"mem","scalar":5}]}}},
         "roles":[["a",0.3333333333333333,2]],"frameworks":{"a":[["f",1,1]]},"tree":[["a","internal",0,7]]},
        {"event":19,"op":"reserve","clock":0,"error":"it does not fit"}]}"#;

    #[test]
    fn every_event_is_written_as_it_was_read() {
        let (_, case) = Cases::new(ALL).next().unwrap().unwrap();
        let ops: std::collections::BTreeSet<_> = case.input.iter().map(Event::op).collect();
        assert_eq!(ops, Event::OPS.into());
        let json: Json = serde_json::from_str(ALL).unwrap();
        assert_eq!(case.to_json().to_string(), json.to_string());
    }
}
