//! Writes down what the allocator of a simulated run is told and does, as a case whose runs are
//! given, so that what is found in a scenario becomes a test.
//!
//! The tape stands between the master's process and its allocator. What contradicts the books of
//! the allocator (it drops that, as upstream does) is left out. A master that starts anew has a new
//! allocator, which begins a case of its own.

use super::event::{AgentUse, Amounts, Capability, Event, Framework, FrameworkUse, Init, Visits};
use super::ledger::Ledger;
use super::record::{Body, Offers, Record};
use crate::actor::{Cx, Effect, Input};
use crate::base::id::{AgentId, FrameworkId, Names, RoleId};
use crate::base::time::{Span, Time};
use crate::mesos::allocator::{Allocate, RunOrder, Work};
use crate::mesos::message::{AgentInfo, Converted, FrameworkInfo, Msg, Refuse};
use crate::mesos::resource::Resources;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What has been written so far. Clones write to the same one.
#[derive(Clone, Debug)]
pub struct Tape(Arc<Mutex<Text>>);

#[derive(Debug)]
struct Text {
    name: String,
    init: Init,
    weights: BTreeMap<String, f64>,
    /// Guarantees and limits by role.
    quotas: Vec<(String, Amounts, Amounts)>,
    /// Cases that are complete, a line each.
    done: String,
    case: Option<Open>,
}

/// The case that is being written.
#[derive(Debug)]
struct Open {
    began: Time,
    now: Time,
    ledger: Ledger,
    events: usize,
    input: String,
    output: String,
}

impl Tape {
    /// A tape for a run of this name. `init` says how the allocator is set up, `weights` which
    /// roles have one, `quotas` guarantees and limits of roles.
    #[must_use]
    pub fn new(
        name: &str,
        init: Init,
        weights: BTreeMap<String, f64>,
        quotas: Vec<(String, Amounts, Amounts)>,
    ) -> Self {
        let init = Init { event_driven: true, runs_given: true, ..init };
        let text = Text { name: name.to_owned(), init, weights, quotas, done: String::new(), case: None };
        Self(Arc::new(Mutex::new(text)))
    }
    /// An allocator that does the same and is written down.
    #[must_use]
    pub fn wrap(&self, mut inner: Box<dyn Allocate>) -> Box<dyn Allocate> {
        inner.watch_runs();
        Box::new(Taped { inner, tape: self.clone() })
    }
    /// All cases, a line each.
    #[must_use]
    pub fn finish(self) -> String {
        self.with(|text| {
            text.close();
            std::mem::take(&mut text.done)
        })
    }
    fn with<T>(&self, change: impl FnOnce(&mut Text) -> T) -> T {
        // A run that broke down half-way leaves what it has written.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Text {
    fn close(&mut self) {
        let Some(case) = self.case.take() else { return };
        let number = self.done.lines().count();
        let name = if number == 0 { self.name.clone() } else { format!("{}-{}", self.name, number + 1) };
        let name = serde_json::Value::from(name);
        let (input, output) = (case.input, case.output);
        self.done
            .push_str(&format!(r#"{{"name":{name},"why":"a simulated run","input":[{input}],"output":[{output}]}}"#));
        self.done.push('\n');
    }
    fn open(&mut self, now: Time) {
        self.close();
        let (input, output) = (String::new(), String::new());
        self.case = Some(Open { began: now, now, ledger: Ledger::default(), events: 0, input, output });
        let (init, weights) = (Event::Init(self.init.clone()), self.weights.clone());
        let quotas = self.quotas.clone();
        if let Some(case) = &mut self.case {
            case.push(&init);
            if !weights.is_empty() {
                case.push(&Event::UpdateWeights { weights });
            }
            for (role, guarantees, limits) in quotas {
                case.push(&Event::UpdateQuota { role, guarantees, limits });
            }
        }
    }
}

impl Open {
    /// Writes an event, if it fits what went before.
    fn tell(&mut self, now: Time, event: &Event) {
        if self.ledger.check(event).is_err() {
            return;
        }
        if now > self.now {
            self.push(&Event::Advance { by: now - self.now });
            self.now = now;
        }
        self.push(event);
    }
    fn push(&mut self, event: &Event) {
        self.ledger.book(event);
        if self.events > 0 {
            self.input.push(',');
        }
        self.events += 1;
        self.input.push_str(&event.to_json().to_string());
    }
    /// Writes the offers of the run that was the last event.
    fn answer(&mut self, offers: Offers) {
        self.ledger.book_offers(&offers);
        let body = Body::Allocation { offers, ranking: None };
        let clock = Time((self.now - self.began).0);
        let record = Record { event: self.events - 1, op: "allocate".to_owned(), clock, body };
        if !self.output.is_empty() {
            self.output.push(',');
        }
        self.output.push_str(&record.to_json(None).to_string());
    }
    /// What a framework holds already when it registers: all that agents have told.
    fn used_by(&self, id: &str) -> Vec<FrameworkUse> {
        let own = self.ledger.holdings().filter(|(_, framework, ..)| *framework == id);
        own.map(|(agent, _, role, held)| FrameworkUse {
            agent: agent.to_owned(),
            role: role.to_owned(),
            resources: held.clone(),
        })
        .collect()
    }
}

/// An allocator that is written down.
#[derive(Clone, Debug)]
struct Taped {
    inner: Box<dyn Allocate>,
    tape: Tape,
}

fn framework(names: &Names, id: FrameworkId, info: &FrameworkInfo) -> Framework {
    let can = info.capabilities;
    let all = [
        (Capability::ReservationRefinement, can.reservation_refinement),
        (Capability::RevocableResources, can.revocable_resources),
        (Capability::GpuResources, can.gpu_resources),
        (Capability::SharedResources, can.shared_resources),
    ];
    Framework {
        id: names.framework(id).to_owned(),
        suppressed: info.suppressed.iter().map(|role| names.text(*role).to_owned()).collect(),
        roles: texts(names, &info.roles),
        capabilities: all.into_iter().filter(|(_, has)| *has).map(|(capability, _)| capability).collect(),
        min_allocatable: BTreeMap::new(),
    }
}

fn texts(names: &Names, roles: &[RoleId]) -> Vec<String> {
    roles.iter().map(|role| names.text(*role).to_owned()).collect()
}

fn agent(names: &Names, id: AgentId, info: &AgentInfo, used: &[(FrameworkId, RoleId, Resources)]) -> Event {
    let used = used.iter().map(|(framework, role, resources)| AgentUse {
        framework: names.framework(*framework).to_owned(),
        role: names.text(*role).to_owned(),
        resources: resources.clone(),
    });
    Event::AddAgent {
        id: names.agent(id),
        total: info.total.clone(),
        hostname: Some(names.text(info.hostname).to_owned()),
        used: used.collect(),
    }
}

fn recover(names: &Names, of: (FrameworkId, RoleId), agent: AgentId, resources: Resources, refuse: Refuse) -> Event {
    Event::Recover {
        framework: names.framework(of.0).to_owned(),
        role: names.text(of.1).to_owned(),
        agent: names.agent(agent),
        resources,
        refuse: refuse.span(),
        allocated: false,
    }
}

/// Reservations as such, since every allocator can replay them; volumes as what becomes of what.
fn conversion(names: &Names, converted: &Converted) -> Event {
    let (before, after) = (converted.before.clone(), converted.after.clone());
    let framework = names.framework(converted.framework).to_owned();
    let (role, agent) = (names.text(converted.role).to_owned(), names.agent(converted.agent));
    if after.pop_reservation().is_ok_and(|popped| popped == before) {
        return Event::ReserveOffered { framework, role, agent, offered: before, resources: after };
    }
    if before.pop_reservation().is_ok_and(|popped| popped == after) {
        return Event::UnreserveOffered { framework, role, agent, offered: before.clone(), resources: before };
    }
    Event::ConvertOffered { framework, role, agent, resources: before, into: after }
}

/// The events that a message to the allocator means.
fn events(names: &Names, case: &Open, msg: &Msg) -> Vec<Event> {
    let id = |framework: &FrameworkId| names.framework(*framework).to_owned();
    let event = match msg {
        Msg::AddFramework { framework: of, info, active } => {
            Event::AddFramework { framework: framework(names, *of, info), active: *active, used: case.used_by(&id(of)) }
        }
        Msg::RemoveFramework { framework } => Event::RemoveFramework { id: id(framework) },
        Msg::ActivateFramework { framework } => Event::ActivateFramework { id: id(framework) },
        Msg::DeactivateFramework { framework } => Event::DeactivateFramework { id: id(framework) },
        Msg::ChangeFramework { framework: of, info } => Event::UpdateFramework(framework(names, *of, info)),
        Msg::ReviveOffers { framework, roles } => {
            Event::Revive { framework: id(framework), roles: texts(names, roles) }
        }
        Msg::SuppressOffers { framework, roles } => {
            Event::Suppress { framework: id(framework), roles: texts(names, roles) }
        }
        Msg::AddAgent { agent: of, info, used } => agent(names, *of, info, used),
        Msg::RemoveAgent { agent } => Event::RemoveAgent { id: names.agent(*agent) },
        Msg::ActivateAgent { agent } => Event::ActivateAgent { id: names.agent(*agent) },
        Msg::DeactivateAgent { agent } => Event::DeactivateAgent { id: names.agent(*agent) },
        Msg::RecoverOffers { batch, from, count, refuse } => {
            let allocation = &batch.allocation;
            let of = (allocation.framework, allocation.role);
            let each = allocation.range(*from, *count);
            return each.map(|offered| recover(names, of, offered.agent, offered.resources.clone(), *refuse)).collect();
        }
        Msg::Recover { framework, role, agent, scalars, refuse } => {
            recover(names, (*framework, *role), *agent, Resources::from_scalars(*scalars), *refuse)
        }
        Msg::UpdateAllocation(converted) => conversion(names, converted),
        Msg::RecoverBulk(r) => recover(names, (r.framework, r.role), r.agent, r.resources.clone(), r.refuse),
        _ => return Vec::new(),
    };
    vec![event]
}

fn visits(names: &Names, now: Time, order: &RunOrder) -> Visits {
    let ids = |all: &[AgentId]| all.iter().map(|id| names.agent(*id)).collect();
    let ago = if now > order.asked.at { now - order.asked.at } else { Span::ZERO };
    Visits { batch: order.asked.armed != u64::MAX, ago, agents: ids(&order.agents), again: ids(&order.again) }
}

/// What a run has just offered.
fn offers(names: &Names, effects: &[Effect]) -> Offers {
    let mut offers = Offers::new();
    for effect in effects {
        let Effect::Dispatch { msg: Msg::Allocated(allocation), .. } = effect else { continue };
        let roles = offers.entry(names.framework(allocation.framework).to_owned()).or_default();
        let agents = roles.entry(names.text(allocation.role).to_owned()).or_default();
        for offered in allocation.iter() {
            agents.insert(names.agent(offered.agent), offered.resources.clone());
        }
    }
    offers
}

impl Allocate for Taped {
    fn handle(&mut self, cx: &mut Cx, input: Input) {
        let now = cx.now;
        let runs = matches!(&input, Input::Message { msg: Msg::RunAllocation, .. });
        self.tape.with(|text| match &input {
            Input::Start { .. } => text.open(now),
            Input::Timer { .. } => {
                if let Some(case) = &mut text.case {
                    case.tell(now, &Event::Tick);
                }
            }
            Input::Message { msg, .. } => {
                if let Some(case) = &mut text.case {
                    events(cx.names, case, msg).iter().for_each(|event| case.tell(now, event));
                }
            }
            _ => {}
        });
        let before = cx.outbox.len();
        self.inner.handle(cx, input);
        if let Some(order) = self.inner.last_run().filter(|_| runs) {
            self.tape.with(|text| {
                if let Some(case) = &mut text.case {
                    case.tell(now, &Event::Allocate(Some(visits(cx.names, now, order))));
                    case.answer(offers(cx.names, &cx.outbox[before..]));
                }
            });
        }
    }
    fn free(&self, agent: AgentId) -> Option<Resources> {
        self.inner.free(agent)
    }
    fn held(&self, agent: AgentId, framework: FrameworkId) -> Option<Resources> {
        self.inner.held(agent, framework)
    }
    fn work(&self) -> Work {
        self.inner.work()
    }
}
