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
                Some(Err(FileError::Json(line + error.line().saturating_sub(1), error.to_string())))
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
    let (agents, again, batch) = (f.get("agents"), f.get("again"), f.get("batch"));
    let Some(agents) = agents else {
        return match again.or(batch) {
            Some(at) => Err(at.error("there are no `agents`", "add them, or remove this")),
            None => Ok(None),
        };
    };
    let agents = agents.texts()?;
    let again = again.map_or(Ok(agents.clone()), |at| at.texts())?;
    Ok(Some(Visits { batch: batch.map_or(Ok(false), |at| at.flag())?, agents, again }))
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
