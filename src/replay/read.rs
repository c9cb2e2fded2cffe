//! JSON to cases. A file holds any number of JSON objects one after the other, usually one a line.

use super::event::{AgentUse, Capability, Event, Framework, FrameworkUse, Init, Visits};
use super::fields::{At, Fallible, Fields};
use super::record::{Body, NodeKind, Offers, Ranking, Record, Standing, TreeNode};
use super::{Case, Fault};
use crate::base::time::{Span, Time};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseError {
    /// Its name, empty if that could not be read.
    pub case: String,
    pub place: CasePlace,
    pub fault: Fault,
}

/// Where in the case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CasePlace {
    Whole,
    /// Number and name of an event.
    Event(usize, String),
    /// Number of a record.
    Record(usize),
}

impl std::fmt::Display for CaseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Fault { what, mend } = &self.fault;
        write!(f, "case `{}`, ", self.case)?;
        match &self.place {
            CasePlace::Whole => {}
            CasePlace::Event(number, op) if op.is_empty() => write!(f, "event {number}: ")?,
            CasePlace::Event(number, op) => write!(f, "event {number} ({op}): ")?,
            CasePlace::Record(number) => write!(f, "record {number}: ")?,
        }
        write!(f, "{what}\nhelp: {mend}")
    }
}
impl std::error::Error for CaseError {}

/// What is wrong with a file of cases.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileError {
    /// Not JSON: line and what the parser says.
    Json(usize, String),
    /// The line where the case begins, and the case's fault.
    Case(usize, CaseError),
}

impl std::fmt::Display for FileError {
    /// Begins with the line, so that a file's name and a colon may go before it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(line, what) => write!(f, "{line}: {what}\nhelp: write one JSON object for each case"),
            Self::Case(line, error) => write!(f, "{line}: {error}"),
        }
    }
}
impl std::error::Error for FileError {}

/// The cases of a text, one after the other, each with the line where it begins.
pub struct Cases<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Cases<'a> {
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }
    fn skip(&mut self, to: usize) {
        self.line += self.text.as_bytes()[self.at..to].iter().filter(|&&byte| byte == b'\n').count();
        self.at = to;
    }
}

impl Iterator for Cases<'_> {
    type Item = Result<(usize, Case), FileError>;

    /// Ends after a text that is no JSON, as nobody knows where the next one begins.
    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..];
        let blank = rest.len() - rest.trim_start().len();
        self.skip(self.at + blank);
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let line = self.line;
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Json>();
        match stream.next()? {
            Ok(json) => {
                self.skip(self.at + stream.byte_offset());
                let case = Case::from_json(&json).map_err(|error| FileError::Case(line, error));
                Some(case.map(|case| (line, case)))
            }
            Err(error) => {
                self.skip(self.text.len());
                // The parser counts lines from where this case begins.
                let told = error.to_string();
                let what = told.split(" at line ").next().unwrap_or_default();
                let what = format!("not JSON at column {}: {what}", error.column());
                Some(Err(FileError::Json(line + error.line().saturating_sub(1), what)))
            }
        }
    }
}

impl Case {
    /// Reads one case; `output` may be missing.
    ///
    /// # Errors
    /// The first thing that is wrong: where, what, and what to write instead.
    pub fn from_json(json: &Json) -> Result<Self, CaseError> {
        let name = json.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
        let error = |place: CasePlace, fault: Fault| CaseError { case: name.clone(), place, fault };
        let whole = |fault| error(CasePlace::Whole, fault);
        let mut fields = At::top(json).fields().map_err(whole)?;
        fields.id("name").map_err(whole)?;
        let why = fields.get("why").map_or(Ok(String::new()), |at| at.text()).map_err(whole)?;
        let events = fields.needed("input").and_then(|at| at.list()).map_err(whole)?;
        let records = fields.get("output").map(|at| at.list()).transpose().map_err(whole)?;
        fields.finish().map_err(whole)?;
        let mut input = Vec::with_capacity(events.len());
        for (number, at) in events.iter().enumerate() {
            let event = read_event(&At::top(at.value)).and_then(|event| place(number, event));
            let op = at.value.get("op").and_then(Json::as_str).unwrap_or_default();
            input.push(event.map_err(|fault| error(CasePlace::Event(number, op.to_owned()), fault))?);
        }
        if input.is_empty() {
            return Err(whole(Fault::new("there is no event", "begin with `{\"op\":\"init\"}`")));
        }
        let records = records.map(|records| {
            let read = |(number, at): (usize, &At)| {
                read_record(&At::top(at.value)).map_err(|fault| error(CasePlace::Record(number), fault))
            };
            records.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()
        });
        let output = records.transpose()?;
        let rounded = json.get("input").is_some_and(is_finer);
        Ok(Self { name: name.clone(), why, input, output, rounded })
    }
}

/// Whether some scalar in it is no whole number of thousandths.
fn is_finer(json: &Json) -> bool {
    let fine = |value: &Json| value.as_f64().is_some_and(|v| (v * 1000.0 - libm::round(v * 1000.0)).abs() > 1e-6);
    match json {
        Json::Array(list) => list.iter().any(is_finer),
        Json::Object(map) => map.iter().any(|(key, value)| match key.as_str() {
            "scalar" => fine(value) || value.get("value").is_some_and(fine),
            _ => is_finer(value),
        }),
        _ => false,
    }
}

/// `init` stands first and nowhere else.
fn place(number: usize, event: Event) -> Fallible<Event> {
    match (number, matches!(event, Event::Init(_))) {
        (0, false) => Err(Fault::new("the first event is not `init`", "begin with `{\"op\":\"init\"}`")),
        (1.., true) => Err(Fault::new("a second `init`", "begin a case of its own")),
        _ => Ok(event),
    }
}

fn read_event(at: &At) -> Fallible<Event> {
    let mut f = at.fields()?;
    let op = f.text("op")?;
    let event = match op.as_str() {
        "init" => Event::Init(read_init(&mut f)?),
        "add_agent" => {
            let mut used = Vec::new();
            for one in f.list("used")? {
                let mut u = one.fields()?;
                let (framework, role) = (u.id("framework")?, u.id("role")?);
                used.push(AgentUse { framework, role, resources: u.resources("resources")? });
                u.finish()?;
            }
            Event::AddAgent {
                id: f.id("id")?,
                total: f.resources("resources")?,
                hostname: read_hostname(&mut f)?,
                used,
            }
        }
        "update_agent" => {
            Event::UpdateAgent { id: f.id("id")?, total: f.resources("resources")?, hostname: read_hostname(&mut f)? }
        }
        "remove_agent" => Event::RemoveAgent { id: f.id("id")? },
        "activate_agent" => Event::ActivateAgent { id: f.id("id")? },
        "deactivate_agent" => Event::DeactivateAgent { id: f.id("id")? },
        "add_framework" => {
            let mut used = Vec::new();
            for one in f.list("used")? {
                let mut u = one.fields()?;
                let (agent, role) = (u.id("agent")?, u.id("role")?);
                used.push(FrameworkUse { agent, role, resources: u.resources("resources")? });
                u.finish()?;
            }
            Event::AddFramework { framework: read_framework(&mut f)?, active: f.flag("active", true)?, used }
        }
        "update_framework" => Event::UpdateFramework(read_framework(&mut f)?),
        "remove_framework" => Event::RemoveFramework { id: f.id("id")? },
        "activate_framework" => Event::ActivateFramework { id: f.id("id")? },
        "deactivate_framework" => Event::DeactivateFramework { id: f.id("id")? },
        "suppress" => Event::Suppress { framework: f.id("framework")?, roles: f.texts("roles")? },
        "revive" => Event::Revive { framework: f.id("framework")?, roles: f.texts("roles")? },
        "recover" => Event::Recover {
            framework: f.id("framework")?,
            role: f.id("role")?,
            agent: f.id("agent")?,
            resources: f.resources("resources")?,
            refuse: f.get("refuse_seconds").map(|at| at.seconds()).transpose()?,
            allocated: f.flag("allocated", false)?,
        },
        "accept" => Event::Accept { agent: f.id("agent")?, role: f.id("role")?, resources: f.resources("resources")? },
        "update_weights" => {
            let mut weights = BTreeMap::new();
            for (role, at) in f.needed("weights")?.entries()? {
                weights.insert(role.to_owned(), at.number()?);
            }
            Event::UpdateWeights { weights }
        }
        "update_quota" => Event::UpdateQuota {
            role: f.id("role")?,
            guarantees: f.amounts("guarantees")?,
            limits: f.amounts("limits")?,
        },
        "whitelist" => {
            let at = f.needed("hostnames")?;
            let hostnames = if at.value.is_null() { None } else { Some(at.texts()?.into_iter().collect()) };
            Event::Whitelist { hostnames }
        }
        "reserve" => Event::Reserve { agent: f.id("agent")?, resources: f.resources("resources")? },
        "unreserve" => Event::Unreserve { agent: f.id("agent")?, resources: f.resources("resources")? },
        "reserve_offered" => Event::ReserveOffered {
            framework: f.id("framework")?,
            role: f.id("role")?,
            agent: f.id("agent")?,
            offered: f.resources("offered")?,
            resources: f.resources("resources")?,
        },
        "unreserve_offered" => Event::UnreserveOffered {
            framework: f.id("framework")?,
            role: f.id("role")?,
            agent: f.id("agent")?,
            offered: f.resources("offered")?,
            resources: f.resources("resources")?,
        },
        "convert_offered" => Event::ConvertOffered {
            framework: f.id("framework")?,
            role: f.id("role")?,
            agent: f.id("agent")?,
            resources: f.resources("resources")?,
            into: f.resources("into")?,
        },
        "advance" => Event::Advance { by: f.needed("seconds")?.seconds()? },
        "allocate" => Event::Allocate(read_visits(&mut f)?),
        "tick" => Event::Tick,
        _ => {
            let known = Event::OPS.map(|op| format!("`{op}`")).join(", ");
            return Err(Fault::new(format!("unknown op `{op}`"), format!("write one of {known}")));
        }
    };
    f.finish()?;
    event.check()?;
    Ok(event)
}

fn read_hostname(f: &mut Fields) -> Fallible<Option<String>> {
    f.get("hostname").map(|at| at.text()).transpose()
}

fn read_init(f: &mut Fields) -> Fallible<Init> {
    let usual = Init::default();
    let runs_given = match f.get("runs") {
        None => false,
        Some(at) if at.text()? == "given" => true,
        Some(at) => return Err(at.error("not a way of running", "write \"given\", or leave it out")),
    };
    Ok(Init {
        allocation_interval: f.get("allocation_interval").map_or(Ok(usual.allocation_interval), |at| at.seconds())?,
        min_allocatable: f.get("min_allocatable").map_or(Ok(usual.min_allocatable), |at| at.amount_sets())?,
        fairness_exclude: f.texts("fairness_exclude")?.into_iter().collect(),
        filter_gpu: f.flag("filter_gpu", usual.filter_gpu)?,
        event_driven: f.flag("event_driven", usual.event_driven)?,
        runs_given,
        sorter: f.get("sorter").map_or(Ok(usual.sorter), |at| at.text())?,
    })
}

fn read_framework(f: &mut Fields) -> Fallible<Framework> {
    let capabilities = match f.get("capabilities") {
        None => Capability::usual(),
        Some(list) => {
            let mut all = BTreeSet::new();
            for at in list.list()? {
                let name = at.text()?;
                all.insert(Capability::ALL.into_iter().find(|one| one.name() == name).ok_or_else(|| {
                    let known = Capability::ALL.map(|one| format!("`{}`", one.name())).join(", ");
                    at.error(&format!("unknown capability `{name}`"), &format!("write one of {known}"))
                })?);
            }
            all
        }
    };
    let mut min_allocatable = BTreeMap::new();
    if let Some(map) = f.get("min_allocatable") {
        for (role, at) in map.entries()? {
            min_allocatable.insert(role.to_owned(), at.amount_sets()?);
        }
    }
    Ok(Framework {
        id: f.id("id")?,
        roles: f.needed("roles")?.texts()?,
        suppressed: f.texts("suppressed")?.into_iter().collect(),
        capabilities,
        min_allocatable,
    })
}

fn read_visits(f: &mut Fields) -> Fallible<Option<Visits>> {
    let (agents, again, batch, ago) = (f.get("agents"), f.get("again"), f.get("batch"), f.get("asked_ago"));
    let Some(agents) = agents else {
        return match again.or(batch).or(ago) {
            Some(at) => Err(at.error("there are no `agents`", "add them, or remove this")),
            None => Ok(None),
        };
    };
    let agents = agents.texts()?;
    let again = again.map_or(Ok(agents.clone()), |at| at.texts())?;
    let (batch, ago) = (batch.map_or(Ok(false), |at| at.flag())?, ago.map_or(Ok(Span::ZERO), |at| at.seconds())?);
    Ok(Some(Visits { batch, ago, agents, again }))
}

/// Reads one record of an output.
fn read_record(at: &At) -> Fallible<Record> {
    let mut f = at.fields()?;
    let event = f.needed("event")?.whole()?;
    let event = usize::try_from(event).map_err(|_| Fault::new("the number of the event is too large", "correct it"))?;
    let op = f.text("op")?;
    let Span(clock_ns) = f.needed("clock")?.seconds()?;
    let body = match (f.get("error"), f.get("offers")) {
        (Some(error), None) => Body::Error(error.text()?),
        (None, Some(offers)) => Body::Allocation { offers: read_offers(&offers)?, ranking: read_ranking(&mut f)? },
        _ => return Err(at.error("a record has either `offers` or `error`", "write one of them")),
    };
    f.finish()?;
    Ok(Record { event, op, clock: Time(clock_ns), body })
}

fn read_offers(at: &At) -> Fallible<Offers> {
    let mut offers = Offers::new();
    for (framework, at) in at.entries()? {
        let roles = offers.entry(framework.to_owned()).or_default();
        for (role, at) in at.entries()? {
            let agents = roles.entry(role.to_owned()).or_default();
            for (agent, at) in at.entries()? {
                agents.insert(agent.to_owned(), at.resources()?);
            }
        }
    }
    Ok(offers)
}

fn read_ranking(f: &mut Fields) -> Fallible<Option<Ranking>> {
    let (roles, frameworks, tree) = (f.get("roles"), f.get("frameworks"), f.get("tree"));
    let (Some(roles), Some(frameworks), Some(tree)) = (&roles, &frameworks, &tree) else {
        return match roles.or(frameworks).or(tree) {
            Some(at) => Err(at.error("without the other two", "write `roles`, `frameworks` and `tree`, or none")),
            None => Ok(None),
        };
    };
    let mut ranking = Ranking { roles: read_standings(roles)?, ..Ranking::default() };
    for (role, at) in frameworks.entries()? {
        ranking.frameworks.insert(role.to_owned(), read_standings(&at)?);
    }
    for at in tree.list()? {
        let [path, kind, share, count] = &at.list()?[..] else {
            return Err(at.error("not a node", "write `[path, kind, share, count]`"));
        };
        let name = kind.text()?;
        let kind = NodeKind::ALL.into_iter().find(|one| one.name() == name);
        let kind = kind.ok_or_else(|| at.error("no kind of node", "write leaf, inactive or internal"))?;
        ranking.tree.push(TreeNode { path: path.text()?, kind, share: share.number()?, count: count.whole()? });
    }
    Ok(Some(ranking))
}

fn read_standings(at: &At) -> Fallible<Vec<Standing>> {
    let read = |at: &At| {
        let [name, share, count] = &at.list()?[..] else {
            return Err(at.error("not a client", "write `[name, share, count]`"));
        };
        Ok(Standing { name: name.text()?, share: share.number()?, count: count.whole()? })
    };
    at.list()?.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    fn told(text: &str) -> String {
        let errors = Cases::new(text).filter_map(Result::err).map(|error| format!("{error}\n"));
        errors.collect()
    }
    /// A case whose event 1 is this.
    fn event(text: &str) -> String {
        let case = format!(r#"{{"name":"c","why":"","input":[{{"op":"init"}},{text}]}}"#);
        let told = told(&case);
        told.strip_prefix("1: case `c`, event 1 ").unwrap_or(&told).to_owned()
    }

    #[test]
    fn files_hold_cases_one_after_the_other_and_errors_name_their_line() {
        let one = r#"{"name":"one","why":"w","input":[{"op":"init"}]}"#;
        let many = format!("{one}\n\n{one}{one}\n{{\"name\":\n\"x\",\"input\":[]}}\n  {one}\n");
        let lines: Vec<_> =
            Cases::new(&many).map(|case| case.map(|(line, _)| line).map_err(|e| e.to_string())).collect();
        let empty = "4: case `x`, there is no event\nhelp: begin with `{\"op\":\"init\"}`".to_owned();
        assert_eq!(lines, [Ok(1), Ok(3), Ok(3), Err(empty), Ok(6)]);
        let broken: Vec<_> =
            [format!("{one}\n{{"), "[1]".into(), "{}".into(), "7 nonsense".into()].map(|t| told(&t)).into();
        expect![[r#"
            2: not JSON at column 1: EOF while parsing an object
            help: write one JSON object for each case
            1: case ``, not an object
            help: write `{...}`
            1: case ``, the object has no `name`
            help: add it
            1: case ``, not an object
            help: write `{...}`
            1: not JSON at column 2: expected ident
            help: write one JSON object for each case
        "#]]
        .assert_eq(&broken.concat());
    }

    #[test]
    fn what_is_wrong_with_an_event_is_told_with_the_mend() {
        let agent = r#""op":"add_agent","id":"s""#;
        let bad = [
            r#"7"#.to_owned(),
            r#"{"op":"explode"}"#.to_owned(),
            r#"{"id":"s"}"#.to_owned(),
            r#"{"op":"init"}"#.to_owned(),
            r#"{"op":"advance","seconds":"1s"}"#.to_owned(),
            r#"{"op":"advance","seconds":-1}"#.to_owned(),
            r#"{"op":"advance","seconds":1e300}"#.to_owned(),
            r#"{"op":"allocate","over":"all"}"#.to_owned(),
            r#"{"op":"allocate","again":["s"]}"#.to_owned(),
            r#"{"op":"allocate","agents":["s","s"]}"#.to_owned(),
            format!(r#"{{{agent}}}"#),
            format!(r#"{{{agent},"resources":"cpus:1"}}"#),
            format!(r#"{{{agent},"resources":[{{"name":"cpus","scalar":-1}}]}}"#),
            format!(r#"{{{agent},"resources":[{{"name":"cpus","scaler":1}}]}}"#),
            format!(r#"{{{agent},"resources":[{{"name":"cpus","scalar":1,"allocation_info":{{"role":"a"}}}}]}}"#),
            format!(r#"{{{agent},"resources":[{{"name":"ports","ranges":[[3,1]]}}]}}"#),
            format!(r#"{{{agent},"resources":[],"used":[{{"framework":"f","role":"a/..","resources":[]}}]}}"#),
            r#"{"op":"add_framework","id":"f","roles":["a","a"]}"#.to_owned(),
            r#"{"op":"add_framework","id":"f","roles":["a/../b"]}"#.to_owned(),
            r#"{"op":"add_framework","id":"","roles":["a"]}"#.to_owned(),
            r#"{"op":"add_framework","id":"f","roles":["a"],"suppressed":["b"]}"#.to_owned(),
            r#"{"op":"add_framework","id":"f","roles":["a"],"capabilities":["FLY"]}"#.to_owned(),
            r#"{"op":"add_framework","id":"f","roles":["a"],"min_allocatable":{"a":[{"cpus":-1}]}}"#.to_owned(),
            r#"{"op":"update_quota","role":"a/b","guarantees":{"cpus":1}}"#.to_owned(),
            r#"{"op":"update_quota","role":"*"}"#.to_owned(),
            r#"{"op":"update_quota","role":"a","limits":{"cpus":-0.5}}"#.to_owned(),
            r#"{"op":"update_weights","weights":{"a":0}}"#.to_owned(),
            r#"{"op":"whitelist"}"#.to_owned(),
            r#"{"op":"reserve","agent":"s","resources":[{"name":"cpus","scalar":1}]}"#.to_owned(),
            r#"{"op":"unreserve","agent":"s","resources":[]}"#.to_owned(),
        ];
        let told: String = bad.iter().map(|text| event(text)).collect();
        expect![[r#"
            1: case `c`, event 1: not an object
            help: write `{...}`
            (explode): unknown op `explode`
            help: write one of `init`, `add_agent`, `update_agent`, `remove_agent`, `activate_agent`, `deactivate_agent`, `add_framework`, `update_framework`, `remove_framework`, `activate_framework`, `deactivate_framework`, `suppress`, `revive`, `recover`, `accept`, `update_weights`, `update_quota`, `whitelist`, `reserve`, `unreserve`, `reserve_offered`, `unreserve_offered`, `convert_offered`, `advance`, `allocate`, `tick`
            1: case `c`, event 1: the object has no `op`
            help: add it
            (init): a second `init`
            help: begin a case of its own
            (advance): `seconds`: not a number
            help: write one
            (advance): the clock goes backwards
            help: write at least 0 seconds
            (advance): `seconds`: more than a hundred years
            help: write a shorter time in seconds
            (allocate): unknown field `over`
            help: known here are `op`, `agents`, `again`, `batch`, `asked_ago`
            (allocate): `again`: there are no `agents`
            help: add them, or remove this
            (allocate): agent `s` is visited twice
            help: name each agent once
            (add_agent): the object has no `resources`
            help: add it
            (add_agent): `resources`: not a list
            help: write `[...]`
            (add_agent): `resources` at `[0].scalar`: the amount is negative
            help: write an amount
            (add_agent): `resources[0].scaler`: no field of a resource
            help: correct or remove it
            (add_agent): `resources[0].allocation_info`: resources of a case are allocated to nobody
            help: leave it out
            (add_agent): `resources` at `[0].ranges`: a range ends before it begins
            help: write ranges apart
            (add_agent): role `a/..`: the role has a part `.`, `..` or `*`
            help: write a role like `a` or `a/b`
            (add_framework): role `a` twice
            help: name each role once
            (add_framework): role `a/../b`: the role has a part `.`, `..` or `*`
            help: write a role like `a` or `a/b`
            (add_framework): `id`: the text is empty
            help: write an id
            (add_framework): `b` is suppressed and no role of the framework
            help: suppress roles that it has
            (add_framework): `capabilities[0]`: unknown capability `FLY`
            help: write one of `MULTI_ROLE`, `RESERVATION_REFINEMENT`, `REVOCABLE_RESOURCES`, `GPU_RESOURCES`, `SHARED_RESOURCES`, `TASK_KILLING_STATE`, `PARTITION_AWARE`, `REGION_AWARE`
            (add_framework): `min_allocatable.a[0].cpus`: the amount is negative
            help: write at least 0
            (update_quota): quota on the nested role `a/b`
            help: set it on a top-level role
            (update_quota): quota on the role `*`
            help: set it on another role
            (update_quota): `limits.cpus`: the amount is negative
            help: write at least 0
            (update_weights): the weight of `a` is 0
            help: write a weight above 0
            (whitelist): the object has no `hostnames`
            help: add it
            (reserve): `cpus:1` is not reserved
            help: write resources in their reserved form, with `reservations`
            (unreserve): there are no resources
            help: name what is to be reserved or unreserved
        "#]].assert_eq(&told);
    }

    #[test]
    fn the_set_up_is_checked() {
        let init = |text: &str| told(&format!(r#"{{"name":"c","input":[{{"op":"init",{text}}}]}}"#));
        let told = [
            init(r#""allocation_interval":0"#),
            init(r#""runs":"given""#),
            init(r#""runs":"sometimes""#),
            init(r#""min_allocatable":{"cpus":1}"#),
            told(r#"{"name":"c","input":[{"op":"allocate"}]}"#),
            told(r#"{"name":"c","input":[{"op":"init"}],"outputs":[]}"#),
        ];
        expect![[r#"
            1: case `c`, event 0 (init): the allocation interval is too short
            help: write at least 0.001 s
            1: case `c`, event 0 (init): runs are given and the case is not event driven
            help: add `"event_driven":true`
            1: case `c`, event 0 (init): `runs`: not a way of running
            help: write "given", or leave it out
            1: case `c`, event 0 (init): `min_allocatable`: not a list
            help: write `[...]`
            1: case `c`, event 0 (allocate): the first event is not `init`
            help: begin with `{"op":"init"}`
            1: case `c`, unknown field `outputs`
            help: known here are `name`, `why`, `input`, `output`
        "#]]
        .assert_eq(&told.concat());
    }

    #[test]
    fn records_are_read_as_strictly() {
        let record = |text: &str| told(&format!(r#"{{"name":"c","input":[{{"op":"init"}}],"output":[{text}]}}"#));
        let told = [
            record(r#"{"event":0,"op":"allocate","clock":0}"#),
            record(r#"{"event":-1,"op":"allocate","clock":0,"offers":{}}"#),
            record(r#"{"event":1,"op":"allocate","clock":0,"offers":{"f":{"a":{"s":[{"name":"cpus"}]}}}}"#),
            record(r#"{"event":1,"op":"allocate","clock":0,"offers":{},"roles":[]}"#),
            record(r#"{"event":1,"op":"allocate","clock":0,"offers":{},"roles":[["a",1]],"frameworks":{},"tree":[]}"#),
            record(r#"{"event":1,"op":"a","clock":0,"offers":{},"roles":[],"frameworks":{},"tree":[["a","bud",0,0]]}"#),
        ];
        expect![[r#"
            1: case `c`, record 0: a record has either `offers` or `error`
            help: write one of them
            1: case `c`, record 0: `event`: not a whole number of at least 0
            help: write one
            1: case `c`, record 0: `offers.f.a.s` at `[0]`: there is no value
            help: add `scalar`, `ranges` or `set`
            1: case `c`, record 0: `roles`: without the other two
            help: write `roles`, `frameworks` and `tree`, or none
            1: case `c`, record 0: `roles[0]`: not a client
            help: write `[name, share, count]`
            1: case `c`, record 0: `tree[0]`: no kind of node
            help: write leaf, inactive or internal
        "#]]
        .assert_eq(&told.concat());
    }

    /// A case that nearly makes sense, with one value of it replaced.
    fn nearly() -> impl Strategy<Value = String> {
        let whole = r#"{"name":"c","why":"w","input":[{"op":"init","event_driven":true,"min_allocatable":[{"cpus":1}]},
            {"op":"add_agent","id":"s","resources":[{"name":"cpus","scalar":4}],"used":[]},
            {"op":"add_framework","id":"f","roles":["a"],"used":[],"min_allocatable":{"a":[{"cpus":1}]}},
            {"op":"recover","framework":"f","role":"a","agent":"s","resources":[{"name":"cpus","scalar":4}],
             "refuse_seconds":5},{"op":"advance","seconds":1},{"op":"update_weights","weights":{"a":2}},
            {"op":"update_quota","role":"a","guarantees":{"cpus":1},"limits":{"cpus":2}}],
            "output":[{"event":2,"op":"add_framework","clock":0,"offers":{"f":{"a":{"s":[]}}},
            "roles":[["a",1,1]],"frameworks":{"a":[["f",1,1]]},"tree":[["a","leaf",1,1]]}]}"#;
        let odd = prop::sample::select(vec![
            "null",
            "true",
            "-1",
            "1e308",
            "0.00001",
            "18446744073709551615",
            "\"\"",
            "\"a/..\"",
            "[]",
            "[[]]",
            "{}",
            "[{\"name\":\"cpus\",\"scalar\":1e12}]",
        ]);
        let pieces: Vec<&str> = whole.split_inclusive([',', ':', '[']).collect();
        (0..pieces.len(), 0..3_usize, odd).prop_map(move |(at, drop, odd)| {
            let mut text = pieces[..at].concat();
            text.push_str(odd);
            let rest = pieces[(at + drop).min(pieces.len())..].concat();
            text.push_str(&rest);
            text
        })
    }

    proptest! {
        /// Whatever the reader takes, it writes so that it reads back; nothing panics.
        #[test]
        fn any_text_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), nearly in nearly()) {
            for text in [String::from_utf8_lossy(&bytes).into_owned(), nearly] {
                for case in Cases::new(&text).filter_map(Result::ok).map(|(_, case)| case) {
                    let again = Case::from_json(&case.to_json()).unwrap();
                    prop_assert_eq!((&case.input, &case.output), (&again.input, &again.output));
                }
            }
        }
    }
}
