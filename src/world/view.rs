//! What checks may read of a world: the cores' own books, and the truth.

use super::{Core, Process, World};
use crate::base::id::{RoleId, Symbol, TaskId};
use crate::base::quantity::Quantities;
use crate::fact::ProcessKind;
use crate::frameworks::execute::command::Command;
use crate::frameworks::operator::Scripted;
use crate::mesos::allocator::Allocate;
use crate::mesos::master::Master;

/// What runs on a machine in truth.
#[derive(Clone, PartialEq, Debug)]
pub struct Truth {
    pub host: Symbol,
    pub total: Quantities,
    pub running: Quantities,
    pub tasks: Vec<(Symbol, TaskId)>,
}

impl World {
    /// Live masters with their allocators.
    pub fn masters(&self) -> impl Iterator<Item = (&Master, &dyn Allocate)> {
        (0..self.processes.len() as u32).filter_map(|slot| self.master(slot))
    }

    /// The live master in a slot with its allocator.
    #[must_use]
    pub fn master(&self, slot: u32) -> Option<(&Master, &dyn Allocate)> {
        match &self.processes.get(slot as usize)?.core {
            Some(Core::Master { master, allocator, .. }) => Some((&**master, &**allocator)),
            _ => None,
        }
    }

    /// Who leads its kind, as the processes themselves believe; if several do, the latest to be
    /// elected.
    #[must_use]
    pub fn leader_of(&self, kind: ProcessKind) -> Option<u32> {
        let since = |p: &Process| match &p.core {
            Some(Core::Zookeeper(server)) => server.leads(),
            Some(Core::Master { master, .. }) if p.zk.is_none() => master.leads().then_some(0),
            Some(Core::Marathon(marathon)) if p.zk.is_none() => marathon.leads().then_some(0),
            _ => p.zk.as_ref().and_then(|zk| zk.leading()),
        };
        let of_kind = (0..).zip(&self.processes).filter(|(_, p)| p.kind == kind && p.is_alive());
        of_kind.filter_map(|(slot, p)| Some((since(p)?, slot))).max().map(|(_, slot)| slot)
    }

    /// Every machine that is up.
    pub fn machines(&self) -> impl Iterator<Item = Truth> + '_ {
        self.processes.iter().filter_map(|p| match &p.core {
            Some(Core::Agent(agent)) => Some(Truth {
                host: p.name,
                total: agent.info().total.quantities(),
                running: p.containers.iter().fold(Quantities::ZERO, |sum, c| sum + c.spec.each),
                tasks: p.containers.iter().map(|c| (c.spec.owner, c.task)).collect(),
            }),
            _ => None,
        })
    }

    /// The total of a host of the fleet by its name.
    #[must_use]
    pub fn host_total(&self, host: Symbol) -> Option<Quantities> {
        self.blueprint.host_total(host)
    }

    /// The value of an attribute of a host of the fleet; `hostname` is one, too.
    #[must_use]
    pub fn attribute(&self, host: Symbol, field: Symbol) -> Option<Symbol> {
        if self.names.text(field) == "hostname" {
            return Some(host);
        }
        self.blueprint.attribute(host, field)
    }

    /// The flags of the Marathon that lives in a slot.
    #[must_use]
    pub fn marathon_flags(&self, slot: u32) -> Option<&crate::marathon::core::flags::Flags> {
        match self.processes.get(slot as usize)?.core.as_ref()? {
            Core::Marathon(marathon) => Some(marathon.flags()),
            _ => None,
        }
    }
    /// Marathons' frameworks: names and roles.
    #[must_use]
    pub fn marathon_frameworks(&self) -> Vec<(Symbol, RoleId)> {
        self.blueprint.marathon_frameworks()
    }

    /// Commands that run as frameworks of their own, with the frameworks' names.
    pub fn commands(&self) -> impl Iterator<Item = (Symbol, &Command)> {
        self.blueprint.commands()
    }

    /// Names of those to whom events can be posted.
    pub fn endpoints(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.blueprint.endpoints()
    }

    /// Images and artifacts of apps that operators post and that have no size, so that they are there at
    /// once; in order.
    #[must_use]
    pub fn instant_downloads(&self) -> Vec<String> {
        self.blueprint.instant_downloads()
    }

    /// What operators ask of HTTP APIs, in the order of the scenario.
    #[must_use]
    pub fn script(&self) -> &[Scripted] {
        self.blueprint.script()
    }

    /// Memory in use by kind of record, in numbers: agents' live tasks, frameworks' live jobs, the
    /// masters' sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let mut sizes = Sizes::default();
        for process in &self.processes {
            match &process.core {
                Some(Core::Agent(agent)) => sizes.agent_tasks += agent.live_tasks(),
                Some(Core::Framework(framework)) => sizes.framework_jobs += framework.live_jobs(),
                Some(Core::Master { master, .. }) => {
                    let [agents, frameworks, tasks, batches, archived] = master.sizes();
                    sizes.master_agents += agents;
                    sizes.master_frameworks += frameworks;
                    sizes.master_tasks += tasks;
                    sizes.open_batches += batches;
                    sizes.archived_tasks += archived;
                }
                Some(
                    Core::Zookeeper(_)
                    | Core::Marathon(_)
                    | Core::Operator(_)
                    | Core::Endpoint(_)
                    | Core::Execute(_)
                    | Core::Bench(_),
                )
                | None => {}
            }
            sizes.containers += process.containers.len();
        }
        sizes.pending_events = self.queue.len();
        sizes
    }
}

/// Numbers of live records.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sizes {
    pub agent_tasks: usize,
    pub framework_jobs: usize,
    pub master_agents: usize,
    pub master_frameworks: usize,
    pub master_tasks: usize,
    pub open_batches: usize,
    pub archived_tasks: usize,
    pub containers: usize,
    pub pending_events: usize,
}
