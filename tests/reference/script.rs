//! Random scripts of events with everything in them, made while they are being played, so that
//! what is given back was offered before. The same seed makes the same script.

use mesosim::base::quantity::Milli;
use mesosim::base::time::Span;
use mesosim::mesos::resource::{Reservation, Resources};
use mesosim::replay::{
    AgentUse, Amounts, Body, Capability, Event, Framework, FrameworkUse, Init, Player, Record, Session,
};
use std::collections::{BTreeMap, BTreeSet};

/// The last two cannot be reserved to.
const ROLES: [&str; 12] = ["a", "b", "a/b", "a/c", "a/b/x", "a/0", "b/y", "c", "d", "d/e/f", "a/-z", "*"];
const TOPS: [&str; 4] = ["a", "b", "c", "d"];
const FRAMEWORKS: [&str; 7] = ["f1", "f2", "f3", "x/1", "x/2", "x", "g"];

/// A stream of numbers (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// What the maker of a script has to remember.
#[derive(Debug)]
pub(crate) struct Script {
    random: Random,
    most_agents: usize,
    /// Kinds of events and resources that this script leaves out.
    calm: BTreeSet<&'static str>,
    agents: BTreeMap<String, Resources>,
    frameworks: BTreeMap<String, (Framework, bool)>,
    born: usize,
}

fn r(text: &str) -> Resources {
    Resources::parse(text).unwrap()
}

/// Every feature that a script may go without.
const FEATURES: [&str; 14] = [
    "reserved",
    "revocable",
    "ports",
    "disks",
    "shared",
    "gpus",
    "odd",
    "weights",
    "quota",
    "suppress",
    "filters",
    "churn",
    "whitelist",
    "used",
];

impl Script {
    /// A script and how the allocator is set up for it.
    pub(crate) fn new(seed: u64) -> (Self, Event) {
        let mut random = Random::new(seed);
        // Half of all scripts have everything, the others miss some features, so that the
        // remaining ones meet more often.
        let calm = if random.one_in(2) {
            BTreeSet::new()
        } else {
            FEATURES.into_iter().filter(|_| random.one_in(2)).collect()
        };
        let mut calm = calm;
        // How whole disks and shared volumes meet quotas depends on the order in which amounts of
        // one name stand, of which nobody has recorded enough.
        if random.one_in(2) {
            calm.insert("quota");
        } else {
            calm.extend(["disks", "shared"]);
        }
        let sets = [vec![("cpus", 10)], vec![("mem", 32_000)], vec![("cpus", 1_000), ("mem", 64_000)], vec![]];
        let set = |random: &mut Random| -> Amounts {
            random.of(&sets).into_iter().map(|(name, least)| (name.to_owned(), Milli(least))).collect()
        };
        let mut init = Init { event_driven: random.one_in(2), ..Init::default() };
        if random.one_in(3) {
            init.allocation_interval = random.of(&[Span::from_millis(500), Span::from_secs(3), Span::from_millis(1)]);
        }
        if random.one_in(3) {
            init.min_allocatable = (0..random.below(3)).map(|_| set(&mut random)).collect();
        }
        if random.one_in(4) {
            init.fairness_exclude = [random.of(&["cpus", "mem", "gpus", "fpga"]).to_owned()].into();
        }
        init.filter_gpu = !random.one_in(4);
        let most_agents = 1 + random.below(9);
        let script = Self { random, most_agents, calm, agents: BTreeMap::new(), frameworks: BTreeMap::new(), born: 0 };
        (script, Event::Init(init))
    }

    fn has(&self, feature: &'static str) -> bool {
        !self.calm.contains(feature)
    }
    fn role(&mut self) -> String {
        self.random.of(&ROLES).to_owned()
    }
    /// A role that something can be reserved to.
    fn reservable(&mut self) -> String {
        self.random.of(&ROLES[..ROLES.len() - 2]).to_owned()
    }
    fn agent(&mut self) -> Option<String> {
        let all: Vec<&String> = self.agents.keys().collect();
        (!all.is_empty()).then(|| (*self.random.of(&all)).clone())
    }
    fn framework(&mut self) -> Option<String> {
        let all: Vec<&String> = self.frameworks.keys().collect();
        (!all.is_empty()).then(|| (*self.random.of(&all)).clone())
    }

    fn total(&mut self) -> Resources {
        let mut total = Resources::EMPTY;
        let (cpus, mem) =
            (self.random.of(&["1", "2", "4", "0.5", "2.501"]), self.random.of(&["64", "512", "1024", "96.25"]));
        if !self.random.one_in(12) {
            total += &r(&format!("cpus:{cpus}"));
        }
        if !self.random.one_in(12) {
            total += &r(&format!("mem:{mem}"));
        }
        if self.random.one_in(2) {
            total += &r("disk:100");
        }
        if self.has("ports") && self.random.one_in(2) {
            total += &r("ports:[31000-31009]");
        }
        if self.has("gpus") && self.random.one_in(5) {
            total += &r("gpus:1");
        }
        if self.has("odd") && self.random.one_in(4) {
            total += &r(self.random.of(&["fpga:3", "zone:{x,y}", "fpga:0.001", "cpus:1;zone:{z}"]));
        }
        if self.has("revocable") && self.random.one_in(3) {
            total += &r(self.random.of(&["cpus{REV}:2", "cpus{REV}:1; mem{REV}:64"]));
        }
        if self.has("reserved") && self.random.one_in(2) {
            let role = self.reservable();
            total += &r(&self
                .random
                .of(&["cpus({}):1", "mem({}):128; cpus({}):2", "ports({}):[1-5]", "disk({}):7"])
                .replace("{}", &role));
            if self.random.one_in(3) {
                total += &r("cpus(reservations: [(STATIC,a),(DYNAMIC,a/b,p)]):1");
            }
            if self.random.one_in(6) {
                total += &r(&format!("cpus({role}){{REV}}:1"));
            }
        }
        if self.has("disks") && self.random.one_in(4) {
            total += &r(self.random.of(&["disk[PATH:/p]:30", "disk[MOUNT:/m]:40", "disk(a)[v1:data]:5"]));
        }
        if self.has("shared") && self.random.one_in(4) {
            total += &r(self.random.of(&["disk(a)[v2:data]<SHARED>:6", "disk(b)[v3:data]<SHARED>:6"]));
        }
        total
    }
    fn new_framework(&mut self, id: String) -> Framework {
        let mut roles: Vec<String> = (0..1 + self.random.below(3)).map(|_| self.role()).collect();
        roles.sort();
        roles.dedup();
        if self.random.one_in(2) {
            roles.reverse();
        }
        let mut capabilities = Capability::usual();
        for one in [Capability::RevocableResources, Capability::SharedResources, Capability::GpuResources] {
            if self.random.one_in(2) {
                capabilities.insert(one);
            }
        }
        if self.random.one_in(4) {
            capabilities.remove(&Capability::ReservationRefinement);
        }
        let suppressed = if self.has("suppress") && self.random.one_in(4) {
            roles.iter().filter(|_| self.random.one_in(2)).cloned().collect()
        } else {
            BTreeSet::new()
        };
        let mut min_allocatable = BTreeMap::new();
        if self.random.one_in(5) {
            let sets = [vec![], vec![Amounts::from([("cpus".to_owned(), Milli(2_000))])], vec![Amounts::new()]];
            min_allocatable.insert(self.random.of(&roles), self.random.of(&sets));
        }
        Framework { id, roles, suppressed, capabilities, min_allocatable }
    }
    /// Some of it: objects left out, scalars cut.
    fn part(&mut self, all: &Resources) -> Resources {
        let mut part = Resources::EMPTY;
        for object in all.objects() {
            if self.random.one_in(3) {
                continue;
            }
            let one = Resources::from_objects([&*object]);
            let half = Amounts::from([(object.name().to_owned(), Milli(500 + 500 * self.random.below(3) as i64))]);
            let half = half.into_iter().map(|(name, amount)| (name.as_str().into(), amount)).collect();
            if self.random.one_in(3) {
                part += &one.scalars_only().shrink_to(&half, mesosim::mesos::resource::Unnamed::Drop);
            } else {
                part += &one;
            }
        }
        part
    }
    fn amounts(&mut self) -> Amounts {
        let mut all = Amounts::new();
        for (name, sizes) in
            [("cpus", [500, 2_000, 7_000]), ("mem", [64_000, 700_000, 0]), ("disk", [50_000, 0, 1_000])]
        {
            if self.random.one_in(2) {
                all.insert(name.to_owned(), Milli(self.random.of(&sizes)));
            }
        }
        all
    }

    /// An event that may come next; it may contradict what went before.
    pub(crate) fn next<P: Player>(&mut self, session: &Session<P>) -> Event {
        loop {
            if let Some(event) = self.try_next(session) {
                return event;
            }
        }
    }
    fn try_next<P: Player>(&mut self, session: &Session<P>) -> Option<Event> {
        let held: Vec<_> =
            session.holdings().map(|(a, f, r, all)| (a.to_owned(), f.to_owned(), r.to_owned(), all.clone())).collect();
        if self.agents.is_empty() || (self.agents.len() < self.most_agents && self.random.one_in(3)) {
            return Some(self.add_agent());
        }
        if self.frameworks.is_empty() {
            return self.add_framework(&held);
        }
        let what = self.random.below(100);
        let event = match what {
            0..25 => {
                let (agent, framework, role, all) = (!held.is_empty()).then(|| self.random.of(&held))?;
                let whole = self.random.one_in(2);
                let resources = if whole { all } else { self.part(&all) };
                let ms = self.random.of(&[0, 100, 500, 1_000, 1_000, 5_000, 5_000, 30_000, 2_000, -1_000]);
                // Whether a filter outlives a role that the framework has dropped, nobody has recorded.
                let subscribed = self.frameworks.get(&framework).is_some_and(|(of, _)| of.roles.contains(&role));
                let refuse =
                    (subscribed && self.has("filters") && !self.random.one_in(4)).then(|| Span::from_millis(ms));
                Event::Recover { framework, role, agent, resources, refuse, allocated: false }
            }
            25..45 if self.random.one_in(2) => Event::Allocate(None),
            25..45 => Event::Advance {
                by: Span::from_millis(
                    self.random.of(&[250, 500, 1_000, 1_000, 1_000, 2_000, 4_999, 5_000, 5_000, 1, 10_000]),
                ),
            },
            45..50 => self.add_framework(&held)?,
            50..54 if self.has("churn") => {
                let id = self.framework()?;
                match self.random.below(4) {
                    0 => Event::RemoveFramework { id },
                    1 => Event::DeactivateFramework { id },
                    _ => Event::ActivateFramework { id },
                }
            }
            54..58 => {
                let id = self.framework()?;
                // A framework that is away does not change.
                if !self.frameworks[&id].1 {
                    return Some(Event::ActivateFramework { id });
                }
                Event::UpdateFramework(self.new_framework(id))
            }
            58..66 if self.has("suppress") => {
                let framework = self.framework()?;
                let own = self.frameworks[&framework].0.roles.clone();
                let roles = if self.random.one_in(2) { Vec::new() } else { vec![self.random.of(&own)] };
                if self.random.one_in(2) {
                    Event::Suppress { framework, roles }
                } else {
                    Event::Revive { framework, roles }
                }
            }
            66..70 if self.has("weights") => {
                let mut weights = BTreeMap::new();
                for _ in 0..1 + self.random.below(2) {
                    weights.insert(self.role(), self.random.of(&[0.5, 1.0, 2.0, 3.0, 2.5]));
                }
                Event::UpdateWeights { weights }
            }
            70..76 if self.has("quota") => {
                let role = self.random.of(&TOPS).to_owned();
                Event::UpdateQuota { role, guarantees: self.amounts(), limits: self.amounts() }
            }
            76..84 => self.change_agent()?,
            84..86 if self.has("whitelist") => {
                let hostnames = if self.random.one_in(2) {
                    None
                } else {
                    Some(self.agents.keys().filter(|_| self.random.one_in(2)).cloned().collect())
                };
                Event::Whitelist { hostnames }
            }
            86..92 if self.has("reserved") => self.reserve()?,
            92..95 if self.has("reserved") => {
                let (agent, framework, role, offered) = (!held.is_empty()).then(|| self.random.of(&held))?;
                let part = self.part(&offered);
                if self.random.one_in(2) {
                    let resources = part.reserved().non_shared();
                    Event::UnreserveOffered { framework, role, agent, offered, resources }
                } else {
                    let part = part.non_shared().non_revocable();
                    let to = if role == "*" || role == "a/-z" { self.reservable() } else { role.clone() };
                    let resources = part.push_reservation(&Reservation::dynamic(&to, Some("p"))).ok()?;
                    Event::ReserveOffered { framework, role, agent, offered, resources }
                }
            }
            95..98 => {
                let (agent, _, role, all) = (!held.is_empty()).then(|| self.random.of(&held))?;
                let resources = self.part(&all);
                Event::Accept { agent, role, resources }
            }
            _ => return None,
        };
        Some(event)
    }
    fn add_agent(&mut self) -> Event {
        self.born += 1;
        let id = format!("s{}", self.born % 23);
        let total = self.total();
        let mut used = Vec::new();
        let mut left = total.clone().non_shared();
        while self.has("used") && self.random.one_in(6) {
            let resources = self.part(&left);
            left -= &resources;
            used.push(AgentUse { framework: self.random.of(&FRAMEWORKS).to_owned(), role: self.role(), resources });
        }
        Event::AddAgent { id, total, hostname: None, used }
    }
    fn add_framework(&mut self, held: &[(String, String, String, Resources)]) -> Option<Event> {
        let id = self.random.of(&FRAMEWORKS).to_owned();
        let framework = self.new_framework(id.clone());
        // What agents said that it uses already, it says too.
        let own = held.iter().filter(|(_, framework, _, _)| *framework == id);
        let used = own.map(|(agent, _, role, all)| FrameworkUse {
            agent: agent.clone(),
            role: role.clone(),
            resources: all.clone(),
        });
        let used = used.collect();
        Some(Event::AddFramework { framework, active: !self.random.one_in(8), used })
    }
    fn change_agent(&mut self) -> Option<Event> {
        let id = self.agent()?;
        let event = match self.random.below(7) {
            0 if self.has("churn") => Event::RemoveAgent { id },
            1 if self.has("churn") => Event::DeactivateAgent { id },
            2 | 3 => Event::ActivateAgent { id },
            4 => Event::UpdateAgent { total: self.agents[&id].clone(), id, hostname: None },
            5 => Event::UpdateAgent {
                total: self.agents[&id].clone() + &r(self.random.of(&["cpus:1", "mem:64.5", "gpus:1"])),
                id,
                hostname: None,
            },
            _ => Event::UpdateAgent { id, total: self.total(), hostname: None },
        };
        Some(event)
    }
    fn reserve(&mut self) -> Option<Event> {
        let agent = self.agent()?;
        let total = self.agents[&agent].clone();
        let part = self.part(&total).non_shared();
        if self.random.one_in(2) {
            let resources = part.reserved();
            return Some(Event::Unreserve { agent, resources });
        }
        let part = if self.random.one_in(4) { part } else { part.unreserved() };
        let to = self.reservable();
        let resources = part.non_revocable().push_reservation(&Reservation::dynamic(&to, None)).ok()?;
        Some(Event::Reserve { agent, resources })
    }

    /// Remembers an event that has happened.
    pub(crate) fn note(&mut self, event: &Event, records: &[Record]) {
        let failed = records.iter().any(|record| matches!(record.body, Body::Error(_)));
        match event {
            Event::AddAgent { id, total, .. } | Event::UpdateAgent { id, total, .. } => {
                self.agents.insert(id.clone(), total.clone());
            }
            Event::RemoveAgent { id } => {
                self.agents.remove(id);
            }
            Event::AddFramework { framework, active, .. } => {
                self.frameworks.insert(framework.id.clone(), (framework.clone(), *active));
            }
            Event::UpdateFramework(framework) => {
                let active = self.frameworks.get(&framework.id).is_some_and(|(_, active)| *active);
                self.frameworks.insert(framework.id.clone(), (framework.clone(), active));
            }
            Event::RemoveFramework { id } => {
                self.frameworks.remove(id);
            }
            Event::ActivateFramework { id } | Event::DeactivateFramework { id } => {
                if let Some((_, active)) = self.frameworks.get_mut(id) {
                    *active = matches!(event, Event::ActivateFramework { .. });
                }
            }
            Event::Reserve { agent, resources } | Event::ReserveOffered { agent, resources, .. } if !failed => {
                let from = resources.pop_reservation().unwrap();
                let total = self.agents.get_mut(agent).unwrap();
                *total = total.clone() - &from + resources;
            }
            Event::Unreserve { agent, resources } | Event::UnreserveOffered { agent, resources, .. } if !failed => {
                let to = resources.pop_reservation().unwrap();
                let total = self.agents.get_mut(agent).unwrap();
                *total = total.clone() - resources + &to;
            }
            _ => {}
        }
    }
}
