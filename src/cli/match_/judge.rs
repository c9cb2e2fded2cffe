//! Which offers an app takes and why not the others: the checks of Marathon's core, and beside
//! each refusal the numbers and instances behind it.

use super::read::{Agent, Offer, Task, info};
use super::resident::Waiting;
use crate::base::dice::{Dice, Site};
use crate::base::id::{Names, Symbol};
use crate::base::quantity::{KINDS, Milli, Quantities};
use crate::base::time::{Span, Time};
use crate::fact::OfferRefusal;
use crate::marathon::core::constraints::{Fields, Member, Placed, is_abroad};
use crate::marathon::core::flags::Quirks;
use crate::marathon::core::matching;
use crate::marathon::core::ports::PortDice;
use crate::marathon::core::resources::{self, Roles};
use crate::marathon::model::app::{Constraint, HostPort, Operator, RunSpec};
use crate::marathon::model::flags::Flags;
use crate::marathon::model::instance::InstanceId;
use crate::marathon::model::json::write;
use crate::marathon::model::version::Version;
use crate::mesos::message::AgentInfo;
use crate::mesos::resource::{Resources, Value as Amount};
use crate::mesos::task_state::TaskState;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const PORTS: Site = Site::new("match-ports");
/// More instances than this are not counted.
pub(super) const MOST: u32 = 100_000;
/// Instances named in a message.
const NAMED: usize = 3;

/// What the offers are judged by beside the app.
#[derive(Clone, Debug, Default)]
pub(super) struct Circumstances {
    pub(super) flags: Flags,
    pub(super) quirks: Quirks,
    /// When it is asked, in nanoseconds since 1970, if that is told.
    pub(super) now: Option<i64>,
    /// Region of the Mesos master, if it is told.
    pub(super) region: Option<String>,
}

/// One reason with its numbers.
#[derive(Clone, Debug)]
pub(super) struct Detail {
    pub(super) reason: OfferRefusal,
    pub(super) text: String,
    pub(super) fields: Map<String, Value>,
}

/// What is said of one offer.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    /// The one under which Marathon counts the refusal comes first.
    pub(super) details: Vec<Detail>,
    /// Instances that go there when all offers are used.
    pub(super) takes: u32,
    /// Stateful ones of them that are launched on what they hold there.
    pub(super) launches: Vec<String>,
    /// What should be known of an offer that is used.
    pub(super) lines: Vec<String>,
}

/// An instance that is placed.
pub(super) struct Known {
    id: String,
    /// State of its task, or what else is known of it.
    standing: &'static str,
    pub(super) info: Arc<AgentInfo>,
}

/// An app at its desk: where its instances are.
pub(super) struct Desk<'a> {
    pub(super) spec: &'a RunSpec,
    pub(super) circumstances: &'a Circumstances,
    pub(super) names: Names,
    pub(super) fields: Fields,
    placed: Placed,
    pub(super) known: Vec<Known>,
    /// Stateful instances that wait on what they hold.
    pub(super) waiting: Vec<Waiting>,
    /// Instances put so far.
    members: u32,
    /// What the reader should know of the instances.
    pub(super) notes: Vec<String>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(spec: &'a RunSpec, circumstances: &'a Circumstances, names: Names) -> Self {
        let mut placed = Placed::default();
        placed.count_fields(&spec.constraints);
        let fields = Fields::default();
        let (known, waiting, notes) = (Vec::new(), Vec::new(), Vec::new());
        Self { spec, circumstances, names, fields, placed, known, waiting, members: 0, notes }
    }

    pub(super) fn placed(&self) -> usize {
        self.known.len() - self.waiting.len()
    }

    pub(super) fn know(&mut self, id: String, standing: &'static str, info: Arc<AgentInfo>) {
        self.known.push(Known { id, standing, info });
    }

    fn config(&self) -> Version {
        self.spec.versions.last_config_change
    }

    /// Takes the instances that constraints look at. Attributes of their agents are those of
    /// `agents`, or of an offer of the same agent.
    pub(super) fn learn(&mut self, tasks: &[Task], agents: &[Agent], offers: &[Offer]) {
        let own = tasks.iter().filter(|task| task.app == self.spec.id.as_str());
        let (mut older, mut away, mut dark) = (0, 0, Vec::new());
        let by_attribute = |c: &Constraint| !matches!(c.field.as_str(), "hostname" | "@hostname");
        let by_attribute = self.spec.constraints.iter().any(by_attribute);
        for task in own {
            use TaskState as S;
            let waits = self.waits(task);
            if !waits && !matches!(task.state, S::Staging | S::Starting | S::Running | S::Killing) {
                away += 1;
                continue;
            }
            if !waits && task.version.is_some_and(|version| version < self.config()) {
                older += 1;
                continue;
            }
            let told = agents.iter().find(|agent| same(&agent.id, &agent.hostname, task));
            let offered = offers.iter().find(|offer| same(&offer.agent, &offer.hostname, task));
            let mut info = match (told, offered) {
                (Some(agent), _) => info(&mut self.names, &task.host, &agent.attributes),
                (None, Some(offer)) => (*offer.info).clone(),
                (None, None) => {
                    if by_attribute {
                        dark.push(task.host.clone());
                    }
                    info(&mut self.names, &task.host, &[])
                }
            };
            for (name, value) in &task.domain {
                let (name, value) = (self.names.intern(name), self.names.intern(value));
                if info.attributes.iter().all(|(known, _)| *known != name) {
                    info.attributes.push((name, value));
                }
            }
            self.put(&info);
            self.know(task.id.clone(), task.state.name(), Arc::new(info));
            if waits {
                self.note_waiting(task);
            }
        }
        if self.spec.is_resident() {
            self.learn_holders(tasks, offers);
        }
        if away > 0 {
            self.notes.push(format!("{} ended or unreachable, so constraints do not count {}", many(away, "instance"), them(away)));
        }
        if older > 0 {
            let what = "of an older configuration, with which a new one may share a place";
            self.notes.push(format!("{} {what}", many(older, "instance")));
        }
        dark.sort();
        dark.dedup();
        if !dark.is_empty() {
            self.notes.push(format!(
                "attributes of {} are not known, so instances there count in no constraint on attributes; \
                 give them with --agents SLAVES.json",
                dark.join(", ")
            ));
        }
    }

    /// One more instance at a place.
    pub(super) fn put(&mut self, info: &AgentInfo) {
        self.members += 1;
        self.count_member(Symbol(self.members), info, true);
    }

    pub(super) fn count_member(&mut self, number: Symbol, info: &AgentInfo, add: bool) {
        let member = Member { id: InstanceId(number), config: self.config(), target: self.spec.instances, info };
        if add {
            self.placed.add(&mut self.names, &mut self.fields, &member);
        } else {
            self.placed.remove(&mut self.names, &mut self.fields, &member);
        }
    }

    pub(super) fn dice(offer: usize, stage: u32) -> PortDice {
        PortDice { key: Dice::new(0).key(PORTS), entity: offer as u64, stage: u64::from(stage) }
    }

    /// Whether these constraints let an instance go there.
    pub(super) fn allows(&mut self, constraints: &[Constraint], info: &AgentInfo) -> bool {
        let at = (self.config(), self.spec.instances);
        let quirks = self.circumstances.quirks;
        self.placed.allows(&mut self.names, &mut self.fields, constraints, at, info, quirks)
    }

    /// What is said of each offer, alone and with the others.
    pub(super) fn judge(&mut self, offers: &[Offer]) -> (Vec<Verdict>, Together) {
        let alone = |(i, offer)| Verdict { details: self.reasons(i, offer), ..Verdict::default() };
        let mut verdicts: Vec<Verdict> = offers.iter().enumerate().map(alone).collect();
        let together = self.fill(offers, &mut verdicts);
        (verdicts, together)
    }

    /// Launches on the offers as long as it goes, each offer in turn as often as one offer is used
    /// at a time.
    fn fill(&mut self, offers: &[Offer], verdicts: &mut [Verdict]) -> Together {
        let spec = self.spec;
        let flags = self.circumstances.flags.clone();
        let mut left: Vec<Resources> = offers.iter().map(|offer| offer.resources.clone()).collect();
        let mut together = Together { all: 0, at_once: 0, more: false };
        let blocked: Vec<bool> = offers.iter().map(|offer| self.blocked(offer).is_some()).collect();
        for round in 0.. {
            let before = together.all;
            for (i, offer) in offers.iter().enumerate().filter(|(i, _)| !blocked[*i]) {
                for _ in 0..flags.max_instances_per_offer {
                    let dice = Self::dice(i, verdicts[i].takes);
                    let allows = || self.allows(&spec.constraints, &offer.info);
                    let Ok((_, ranges)) = matching::fit(spec, &left[i], &flags, dice, allows) else { break };
                    resources::take(&mut left[i], Roles::of(spec, &flags), spec.each, ranges);
                    self.put(&offer.info);
                    verdicts[i].takes += 1;
                    together.all += 1;
                }
            }
            if round == 0 {
                together.at_once = together.all;
            }
            together.more = together.all >= MOST;
            if together.all == before || together.more {
                break;
            }
        }
        together
    }

    /// What keeps an app from an offer before its contents are looked at.
    pub(super) fn blocked(&self, offer: &Offer) -> Option<Vec<Detail>> {
        if let Some(role) = offer.role.as_ref().filter(|role| **role != self.spec.role) {
            let text = format!("it is offered to role {role}, the app has role {}", self.spec.role);
            return Some(vec![detail(OfferRefusal::UnfulfilledRole, text, json!({ "offered": role, "role": self.spec.role }))]);
        }
        if let (Some(home), Some(region)) = (&self.circumstances.region, &offer.region)
            && is_abroad(&self.names, &self.spec.constraints, &offer.info, home)
        {
            let text = format!("the agent is in region {region}, the master in {home}, and no constraint names @region or @zone");
            return Some(vec![detail(OfferRefusal::UnfulfilledConstraint, text, json!({ "region": region, "home": home }))]);
        }
        let (start, length) = offer.unavailable?;
        let window = (Time(start), length.map(Span));
        if self.circumstances.now.is_some_and(|now| !matching::in_maintenance(window, Time(now))) {
            return None;
        }
        let until = length.map_or(String::new(), |l| format!(" until {}", instant(start.saturating_add(l))));
        let asked = if self.circumstances.now.is_none() { "; --at TIME says when it is asked" } else { "" };
        let text = format!("the agent is in maintenance from {}{until}{asked}", instant(start));
        let window = json!({ "start": instant(start), "end": length.map(|l| instant(start.saturating_add(l))) });
        // Quirk: Marathon counts this as a constraint as well, so in its funnel it stands there.
        let why = [OfferRefusal::UnfulfilledConstraint, OfferRefusal::AgentMaintenance];
        Some(why.map(|why| detail(why, text.clone(), window.clone())).into())
    }

    /// Why an instance does not go there; nothing if it does.
    fn reasons(&mut self, i: usize, offer: &Offer) -> Vec<Detail> {
        if let Some(blocked) = self.blocked(offer) {
            return blocked;
        }
        let spec = self.spec;
        let flags = self.circumstances.flags.clone();
        let allowed = self.allows(&spec.constraints, &offer.info);
        let found = matching::reasons(spec, &offer.resources, &flags, Self::dice(i, 0), allowed);
        let mut details = Vec::new();
        for reason in found {
            match reason {
                OfferRefusal::UnfulfilledConstraint => details.extend(self.constraints(&offer.info)),
                other => details.push(self.amounts(other, offer, Roles::of(spec, &flags), spec.each)),
            }
        }
        details
    }

    /// One for each constraint that is in the way.
    pub(super) fn constraints(&mut self, info: &AgentInfo) -> Vec<Detail> {
        let spec = self.spec;
        let mut details = Vec::new();
        for (i, constraint) in spec.constraints.iter().enumerate() {
            if self.allows(std::slice::from_ref(constraint), info) {
                continue;
            }
            let value = self.fields.value(&mut self.names, &constraint.field, info);
            let (why, there) = self.why(constraint, value);
            let shown = write::constraint(constraint);
            let words: Vec<&str> = shown.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let text = format!("constraints({i}) {}: {why}", words.join(" "));
            let has = value.map(|value| self.names.text(value));
            let fields = json!({ "constraint": i, "definition": shown, "has": has, "instances": there });
            details.push(detail(OfferRefusal::UnfulfilledConstraint, text, fields));
        }
        details
    }

    /// In words why a constraint is not met, and the instances that are in the way.
    fn why(&mut self, constraint: &Constraint, value: Option<Symbol>) -> (String, Vec<String>) {
        let field = &constraint.field;
        let Some(value) = value else { return (format!("the agent has no `{field}`"), Vec::new()) };
        // All instances by their value of the field.
        let mut by_value: BTreeMap<Symbol, Vec<usize>> = BTreeMap::new();
        for (i, known) in self.known.iter().enumerate() {
            if let Some(own) = self.fields.value(&mut self.names, field, &known.info) {
                by_value.entry(own).or_default().push(i);
            }
        }
        let has = self.names.text(value).to_owned();
        let wanted = constraint.value.as_deref().unwrap_or_default();
        let here = by_value.get(&value).cloned().unwrap_or_default();
        let ids = |list: &[usize]| list.iter().map(|i| self.known[*i].id.clone()).collect::<Vec<_>>();
        let count = here.len();
        match constraint.operator {
            Operator::Unique => (format!("`{has}` is taken by {}", self.named(&here)), ids(&here)),
            Operator::MaxPer => {
                (format!("`{has}` has {} of at most {wanted}: {}", many(count, "instance"), self.named(&here)), ids(&here))
            }
            Operator::Cluster if wanted.is_empty() => {
                let others: Vec<usize> = by_value.values().flatten().copied().collect();
                let at = by_value.keys().next().map_or("", |value| self.names.text(*value));
                (format!("the others are at `{at}`, this is `{has}`: {}", self.named(&others)), ids(&others))
            }
            Operator::Cluster | Operator::Is => (format!("it is `{has}`, not `{wanted}`"), Vec::new()),
            Operator::Like => (format!("`{has}` does not match `{wanted}`"), Vec::new()),
            Operator::Unlike => (format!("`{has}` matches `{wanted}`"), Vec::new()),
            Operator::GroupBy => {
                if count == 0 {
                    let values: Vec<&str> = by_value.keys().map(|value| self.names.text(*value)).collect();
                    let all: Vec<usize> = by_value.values().flatten().copied().collect();
                    let (groups, values) = (many(values.len(), "group"), values.join(", "));
                    let text = format!("`{has}` would be one more than {groups} ({values}), and {wanted} are allowed");
                    return (text, ids(&all));
                }
                let sizes: Vec<String> =
                    by_value.iter().map(|(value, list)| format!("{} {}", self.names.text(*value), list.len())).collect();
                let text = format!(
                    "`{has}` has {} already, with {} over {wanted} groups ({})",
                    many(count, "instance"),
                    many(self.spec.instances as usize, "instance"),
                    sizes.join(", ")
                );
                (text, ids(&here))
            }
        }
    }

    /// The first of these instances, with their states.
    fn named(&self, list: &[usize]) -> String {
        let one = |i: &usize| format!("{} ({})", self.known[*i].id, self.known[*i].standing);
        let mut text = list.iter().take(NAMED).map(one).collect::<Vec<_>>().join(", ");
        if list.len() > NAMED {
            text += &format!(" and {} more", list.len() - NAMED);
        }
        text
    }

    /// A reason that lies in the offer's contents.
    pub(super) fn amounts(&self, reason: OfferRefusal, offer: &Offer, roles: Roles, needs: Quantities) -> Detail {
        let spec = self.spec;
        let (has, ports) = resources::usable(&offer.resources, roles);
        let kind = match reason {
            OfferRefusal::InsufficientCpus => 0,
            OfferRefusal::InsufficientMemory => 1,
            OfferRefusal::InsufficientDisk => 2,
            OfferRefusal::InsufficientGpus => 3,
            OfferRefusal::DeclinedScarceResources => {
                let text = format!("it has {} gpus, which are kept for apps that need some; the label GPU_SCHEDULING_BEHAVIOR \"unrestricted\" lets this one in", has.gpus());
                return detail(reason, text, json!({ "gpus": write::amount(has.gpus()) }));
            }
            OfferRefusal::InsufficientPorts => return self.ports(&ports),
            _ => {
                let there = elsewhere(&offer.resources, roles, None);
                let text = if there.is_empty() {
                    "the offer is empty".to_owned()
                } else {
                    format!("nothing is for role {}; there is {}", accepted(spec, roles), told(&there))
                };
                return detail(reason, text, json!({ "elsewhere": shown(&there) }));
            }
        };
        let there = elsewhere(&offer.resources, roles, Some(kind));
        let more = if there.is_empty() { String::new() } else { format!("; not usable: {}", told(&there)) };
        let (wanted, usable) = (Milli(needs.0[kind]), Milli(has.0[kind]));
        let name = KINDS[kind];
        let text = format!("wanted {wanted} {name}, the offer has {usable} for role {}{more}", accepted(spec, roles));
        let fields = json!({ "resource": name, "wanted": write::amount(wanted), "usable": write::amount(usable), "elsewhere": shown(&there) });
        detail(reason, text, fields)
    }

    fn ports(&self, offered: &crate::mesos::resource::Ranges) -> Detail {
        let is_offered = |port: u16| offered.iter().any(|(a, b)| (a..=b).contains(&u64::from(port)));
        let fixed = |need: &crate::marathon::model::app::PortNeed| match need.host {
            HostPort::Fixed(port) => Some(port),
            _ => None,
        };
        let fixed: Vec<u16> = self.spec.ports.iter().filter_map(fixed).collect();
        let missing: Vec<String> = fixed.iter().filter(|p| !is_offered(**p)).map(u16::to_string).collect();
        let dynamic = self.spec.ports.iter().filter(|need| need.host == HostPort::Dynamic).count();
        let text = if missing.is_empty() {
            let free = offered.count().saturating_sub(fixed.len() as u64);
            format!("wanted {} beside {} fixed, the offer has {free}: {offered}", many(dynamic, "port"), fixed.len())
        } else {
            format!("port {} is not in {offered}", missing.join(", "))
        };
        let fields = json!({ "fixed": fixed, "dynamic": dynamic, "usable": offered.to_string() });
        detail(OfferRefusal::InsufficientPorts, text, fields)
    }
}

/// How many instances fit in all offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Together {
    pub(super) all: u32,
    /// Of them when these offers come once.
    pub(super) at_once: u32,
    /// It was not counted to the end.
    pub(super) more: bool,
}

pub(super) fn detail(reason: OfferRefusal, text: String, fields: Value) -> Detail {
    let Value::Object(fields) = fields else { return Detail { reason, text, fields: Map::new() } };
    Detail { reason, text, fields }
}

/// The same agent: by its id if both are known, else by the host.
fn same(id: &Option<String>, hostname: &str, task: &Task) -> bool {
    match (id, &task.agent) {
        (Some(one), Some(other)) => one == other,
        _ => hostname == task.host,
    }
}

pub(super) fn many(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn them(n: usize) -> &'static str {
    if n == 1 { "it" } else { "them" }
}

fn instant(ns: i64) -> String {
    Version(ns.div_euclid(1_000_000)).to_string()
}

/// The roles whose resources the app takes.
fn accepted(spec: &RunSpec, roles: Roles) -> String {
    let mut all: Vec<&str> = spec.accepted_roles.iter().flatten().map(String::as_str).collect();
    if all.is_empty() {
        all = [spec.role.as_str(), "*"].into_iter().filter(|role| roles.accepts(Some(role))).collect();
        all.dedup();
    }
    all.join(" or ")
}

/// What an offer has that the app does not use: by why not, by name.
fn elsewhere(offer: &Resources, roles: Roles, kind: Option<usize>) -> BTreeMap<(String, String), Milli> {
    let mut sums = BTreeMap::new();
    for object in offer.objects().filter(|object| !roles.usable(object)) {
        let Amount::Scalar(amount) = object.value() else { continue };
        if kind.is_some_and(|kind| object.name() != KINDS[kind]) {
            continue;
        }
        let role = object.reservation_role().unwrap_or("*");
        let place = if object.is_persistent_volume() {
            "in a persistent volume".to_owned()
        } else if object.meta().revocable {
            "revocable".to_owned()
        } else {
            format!("for role {role}")
        };
        sums.entry((place, object.name().to_owned())).or_insert(Milli::ZERO).0 += amount.0;
    }
    sums
}

fn told(there: &BTreeMap<(String, String), Milli>) -> String {
    there.iter().map(|((place, name), amount)| format!("{amount} {name} {place}")).collect::<Vec<_>>().join(", ")
}

fn shown(there: &BTreeMap<(String, String), Milli>) -> Value {
    let mut all = Vec::new();
    for ((place, name), amount) in there {
        all.push(json!({ "resource": name, "amount": write::amount(*amount), "where": place }));
    }
    Value::Array(all)
}
