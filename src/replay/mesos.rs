//! The simulator's own allocator as a player: the core that a simulated master runs, without its
//! mailbox and its dice. Agents are visited in the order of the bytes of their ids.

use super::event::{Amounts as Listed, Capability, Event, Framework, Init, Visits};
use super::record::{Body, NodeKind, Offers, Ranking, Standing, Step, TreeNode};
use super::{Fault, Player};
use crate::base::dice::SiteKey;
use crate::base::id::{AgentId, FrameworkId, Names, RoleId};
use crate::base::quantity::Milli;
use crate::base::time::{Span, Time};
use crate::mesos::allocator::Flags;
use crate::mesos::allocator::amounts::{Amounts, Limits};
use crate::mesos::allocator::chunk::whole::Whole;
use crate::mesos::allocator::core::{Core, Gates, Profile, Used};
use crate::mesos::allocator::fault;
use crate::mesos::allocator::filter::Instant;
use crate::mesos::allocator::policy::{self, PolicyUser, Sharing};
use crate::mesos::allocator::run::{Order, Report};
use crate::mesos::allocator::sorter::{Excluded, Kind, Row};
use crate::mesos::message::{AgentInfo, Refuse};
use crate::mesos::resource::Resources;

/// Mesos' cycle with the policy that the case names.
pub struct Mesos(Box<dyn Desk>);

/// A player whose policy's type is hidden.
trait Desk {
    fn apply(&mut self, event: &Event) -> Result<Vec<Step>, Fault>;
}

impl Player for Mesos {
    fn start(init: &Init) -> Result<Self, Fault> {
        struct Starter<'a>(&'a Init);
        impl PolicyUser for Starter<'_> {
            type Out = Box<dyn Desk>;
            fn call<S: Sharing + std::fmt::Debug>(self, sharing: S) -> Self::Out {
                Box::new(Seat::new(sharing, self.0))
            }
        }
        let none = || {
            let known: Vec<&str> = policy::POLICIES.iter().map(|(name, _)| *name).collect();
            Fault::new(format!("there is no policy `{}`", init.sorter), format!("write one of {}", known.join(", ")))
        };
        policy::with(&init.sorter, Starter(init)).map(Self).ok_or_else(none)
    }
    fn apply(&mut self, event: &Event) -> Result<Vec<Step>, Fault> {
        self.0.apply(event)
    }
}

struct Seat<S> {
    core: Core<S, Whole>,
    names: Names,
    event_driven: bool,
    runs_given: bool,
    interval: Span,
    now: Time,
    next_tick: Time,
    /// The instant of the last run that the timer asked for.
    batch: Instant,
}

fn amounts(listed: &Listed) -> Amounts {
    Amounts::from_pairs(pairs(listed))
}
fn pairs(listed: &Listed) -> impl Iterator<Item = (&str, Milli)> {
    listed.iter().map(|(name, amount)| (&**name, *amount))
}
fn refused(fault: &fault::Fault) -> Fault {
    Fault::new(fault.to_string(), "let events fit together")
}

impl<S: Sharing> Seat<S> {
    fn new(sharing: S, init: &Init) -> Self {
        let flags = Flags {
            allocation_interval: init.allocation_interval,
            min_allocatable: init.min_allocatable.iter().map(amounts).collect(),
            filter_gpu: init.filter_gpu,
            excluded: Excluded::new(init.fairness_exclude.iter().map(|name| &**name)),
            weights: Vec::new(),
            quotas: Vec::new(),
        };
        let mut core = Core::new(sharing, Whole, &flags);
        core.arm();
        Self {
            core,
            names: Names::default(),
            event_driven: init.event_driven,
            runs_given: init.runs_given,
            interval: init.allocation_interval,
            now: Time::ZERO,
            next_tick: Time::ZERO + init.allocation_interval,
            batch: Instant { at: Time::ZERO, armed: 0 },
        }
    }

    fn agent(&mut self, id: &str) -> AgentId {
        AgentId { master: self.names.intern(id), n: 0 }
    }
    fn framework(&mut self, id: &str) -> FrameworkId {
        FrameworkId(self.names.intern(id))
    }
    fn role(&mut self, role: &str) -> RoleId {
        self.names.intern(role)
    }
    fn info(&mut self, id: &str, hostname: Option<&str>, total: &Resources) -> AgentInfo {
        let hostname = self.names.intern(hostname.unwrap_or(id));
        AgentInfo { hostname, total: total.clone(), attributes: Vec::new(), devices: 0, address: 0 }
    }
    fn profile(&mut self, framework: &Framework) -> Profile {
        let can = |capability| framework.can(capability);
        let gates = Gates {
            gpu_resources: can(Capability::GpuResources),
            revocable_resources: can(Capability::RevocableResources),
            shared_resources: can(Capability::SharedResources),
            reservation_refinement: can(Capability::ReservationRefinement),
        };
        let minima = framework.min_allocatable.iter();
        Profile {
            roles: framework.roles.iter().map(|role| self.names.intern(role)).collect(),
            suppressed: framework.suppressed.iter().map(|role| self.names.intern(role)).collect(),
            gates,
            minima: minima.map(|(role, sets)| (self.names.intern(role), sets.iter().map(amounts).collect())).collect(),
        }
    }

    /// Makes the run that was asked for.
    fn run(&mut self, visits: Option<&Visits>) -> Option<Report> {
        let listed = visits.map(|visits| [&visits.agents, &visits.again]);
        let listed = listed.map(|both| both.map(|ids| ids.iter().map(|id| self.agent(id)).collect::<Vec<_>>()));
        let order = match &listed {
            Some([first, second]) => Order::Listed(first, second),
            None => Order::Ids(&self.names),
        };
        self.core.run(order, SiteKey::default())
    }

    fn step(&mut self, report: &Report) -> Step {
        let mut offers = Offers::new();
        for answer in &report.answers {
            let framework = offers.entry(self.names.framework(answer.framework).to_owned()).or_default();
            let role = framework.entry(self.names.text(answer.role).to_owned()).or_default();
            for offer in answer.iter() {
                role.insert(self.names.text(offer.agent.master).to_owned(), offer.resources.clone());
            }
        }
        let ranking = self.core.has_agents().then(|| {
            self.core.pin_weights();
            self.ranking()
        });
        Step { clock: self.now, body: Body::Allocation { offers, ranking } }
    }

    fn ranking(&self) -> Ranking {
        let ground = self.core.ground();
        let name = |row: &Row| row.path.strip_suffix("/.").unwrap_or(row.path).to_owned();
        let standing = |row: &Row| Standing { name: name(row), share: row.share, count: row.count };
        let rows = self.core.role_sorter().rows(&ground);
        let tree = rows.iter().map(|row| {
            let kind = if row.kind == Kind::Leaf { NodeKind::Leaf } else { NodeKind::Internal };
            TreeNode { path: row.path.to_owned(), kind, share: row.share, count: row.count }
        });
        let frameworks = self.core.framework_sorters().map(|(role, sorter)| {
            let rows = sorter.rows(&ground);
            let wanted = rows.iter().filter(|row| row.kind == Kind::Leaf && sorter.is_wanted(row.client));
            (role.to_owned(), wanted.map(standing).collect())
        });
        Ranking {
            roles: rows.iter().filter(|row| row.kind == Kind::Leaf).map(standing).collect(),
            frameworks: frameworks.collect(),
            tree: tree.collect(),
        }
    }

    /// The clock jumps. A timer of batch runs that falls due on the way fires once, in the order of
    /// due times among the ends of filters, and is armed anew from the new time on.
    fn advance(&mut self, end: Time) -> Vec<Step> {
        self.now = end;
        if !self.event_driven || self.runs_given || self.next_tick > end {
            return Vec::new();
        }
        self.core.tick(self.next_tick);
        self.next_tick = end.saturating_add(self.interval);
        let report = self.run(None).filter(|report| report.offers > 0);
        report.map(|report| self.step(&report)).into_iter().collect()
    }

    /// What an event does beside runs.
    fn happen(&mut self, event: &Event) -> Result<(), fault::Fault> {
        let now = self.now;
        match event {
            Event::AddAgent { id, total, hostname, used } => {
                let (info, agent) = (self.info(id, hostname.as_deref(), total), self.agent(id));
                let used = used.iter().map(|one| {
                    (
                        FrameworkId(self.names.intern(&one.framework)),
                        self.names.intern(&one.role),
                        one.resources.clone(),
                    )
                });
                let used: Vec<_> = used.collect();
                self.core.add_agent(&self.names, now, agent, &info, &used)
            }
            Event::UpdateAgent { id, total, hostname } => {
                let (mut info, agent) = (self.info(id, hostname.as_deref(), total), self.agent(id));
                if let (None, Some(known)) = (hostname, self.core.hostname(agent)) {
                    info.hostname = known;
                }
                self.core.update_agent(now, agent, &info)
            }
            Event::RemoveAgent { id } => {
                let agent = self.agent(id);
                self.core.remove_agent(agent)
            }
            Event::ActivateAgent { id } => {
                let agent = self.agent(id);
                self.core.set_agent_active(agent, true)
            }
            Event::DeactivateAgent { id } => {
                let agent = self.agent(id);
                self.core.set_agent_active(agent, false)
            }
            Event::AddFramework { framework, active, used } => {
                let (id, profile) = (self.framework(&framework.id), self.profile(framework));
                let used = used.iter().map(|one| {
                    let agent = AgentId { master: self.names.intern(&one.agent), n: 0 };
                    (agent, self.names.intern(&one.role), one.resources.clone())
                });
                let used: Vec<_> = used.collect();
                self.core.add_framework(&self.names, now, id, profile, *active, Used::Listed(&used))
            }
            Event::UpdateFramework(framework) => {
                let (id, profile) = (self.framework(&framework.id), self.profile(framework));
                self.core.update_framework(&self.names, id, profile)
            }
            Event::RemoveFramework { id } => {
                let id = self.framework(id);
                self.core.remove_framework(id)
            }
            Event::ActivateFramework { id } => {
                let id = self.framework(id);
                self.core.activate_framework(now, id)
            }
            Event::DeactivateFramework { id } => {
                let id = self.framework(id);
                self.core.deactivate_framework(id)
            }
            Event::Suppress { framework, roles } => {
                let roles: Vec<RoleId> = roles.iter().map(|role| self.role(role)).collect();
                let id = self.framework(framework);
                self.core.suppress(id, &roles)
            }
            Event::Revive { framework, roles } => {
                let roles: Vec<RoleId> = roles.iter().map(|role| self.role(role)).collect();
                let id = self.framework(framework);
                self.core.revive(now, id, &roles)
            }
            Event::Recover { framework, role, agent, resources, refuse, allocated } => {
                let (of, agent) = ((self.framework(framework), self.role(role)), self.agent(agent));
                let refuse = refuse.map_or(Refuse::NONE, Refuse::seconds);
                match self.core.recover(now, of, agent, resources, refuse, *allocated) {
                    // Late: who held it, or where, has gone.
                    Err(fault::Fault::UnknownAgent) => Ok(()),
                    Err(fault::Fault::NotHeld) if !self.core.has_framework(of.0) => Ok(()),
                    done => done,
                }
            }
            Event::Accept { agent, role, resources } => {
                let (agent, role) = (self.agent(agent), self.role(role));
                self.core.accept(agent, role, resources)
            }
            Event::UpdateWeights { weights } => {
                self.core.update_weights(weights.iter().map(|(role, weight)| (&**role, *weight)))
            }
            Event::UpdateQuota { role, guarantees, limits } => {
                self.core.update_quota(role, amounts(guarantees), Limits::from_pairs(pairs(limits)))
            }
            Event::Whitelist { hostnames } => {
                let list = hostnames.as_ref();
                let list = list.map(|list| list.iter().map(|name| self.names.intern(name)).collect());
                self.core.update_whitelist(list);
                Ok(())
            }
            Event::Reserve { agent, resources } => {
                let agent = self.agent(agent);
                self.core.reserve(agent, resources)
            }
            Event::Unreserve { agent, resources } => {
                let agent = self.agent(agent);
                self.core.unreserve(agent, resources)
            }
            Event::ReserveOffered { framework, role, agent, offered, resources } => {
                let (of, agent) = ((self.framework(framework), self.role(role)), self.agent(agent));
                let before = resources.pop_reservation().map_err(|error| fault::Fault::Operation(error.to_string()))?;
                self.core.convert(of, agent, offered, &before, resources)
            }
            Event::ConvertOffered { framework, role, agent, resources, into } => {
                let (of, agent) = ((self.framework(framework), self.role(role)), self.agent(agent));
                self.core.convert(of, agent, resources, resources, into)
            }
            Event::UnreserveOffered { framework, role, agent, offered, resources } => {
                let (of, agent) = ((self.framework(framework), self.role(role)), self.agent(agent));
                let after = resources.pop_reservation().map_err(|error| fault::Fault::Operation(error.to_string()))?;
                self.core.convert(of, agent, offered, resources, &after)
            }
            Event::Tick => {
                self.batch = self.core.batch_instant(now);
                self.core.arm();
                Ok(())
            }
            Event::Init(_) | Event::Advance { .. } | Event::Allocate(_) => Ok(()),
        }
    }
}

impl<S: Sharing> Desk for Seat<S> {
    fn apply(&mut self, event: &Event) -> Result<Vec<Step>, Fault> {
        match event {
            Event::Advance { by } => return Ok(self.advance(self.now.saturating_add(*by))),
            Event::Allocate(visits) => {
                let by_event = Instant { at: self.now, armed: u64::MAX };
                match visits {
                    Some(visits) => self.core.request_listed(if visits.batch { self.batch } else { by_event }),
                    None => self.core.request_all(self.now),
                }
                let report = self.run(visits.as_ref()).unwrap_or_default();
                return Ok(vec![self.step(&report)]);
            }
            _ => {}
        }
        match self.happen(event) {
            Err(fault::Fault::Operation(text)) if matches!(event, Event::Reserve { .. } | Event::Unreserve { .. }) => {
                return Ok(vec![Step { clock: self.now, body: Body::Error(text) }]);
            }
            done => done.map_err(|fault| refused(&fault))?,
        }
        if !self.event_driven || self.runs_given {
            self.core.drop_request();
            return Ok(Vec::new());
        }
        if !self.core.is_pending() {
            return Ok(Vec::new());
        }
        let report = self.run(None).filter(|report| report.offers > 0);
        Ok(report.map(|report| self.step(&report)).into_iter().collect())
    }
}
