//! The allocator's mailbox (`HierarchicalAllocatorProcess`): messages and timers to operations of
//! the core, and its answers to messages.
//!
//! A run is requested by events for some agents or all, and by the batch timer for all; requests
//! are merged while a run is queued, and the run itself is one more message behind those already
//! in the mailbox. What contradicts the books (a late message about an agent that has gone, say) is
//! dropped, as upstream.

use super::chunk::Chunk;
use super::core::{Core, Gates, Profile, Used};
use super::policy::Sharing;
use super::run::Order;
use super::{Allocate, Flags, Work};
use crate::actor::{Cx, Input, Mailbox, TimerKey};
use crate::base::dice::Site;
use crate::base::id::{AgentId, FrameworkId};
use crate::base::quantity::Quantities;
use crate::fact::Fact;
use crate::mesos::message::{FrameworkInfo, Msg};
use crate::mesos::resource::Resources;
use std::sync::Arc;

const SHUFFLE: Site = Site::new("allocator-shuffle");
const SORTER: Site = Site::new("allocator-sorter");
const BATCH_TIMER: TimerKey = TimerKey::new(1, 0);

/// The allocator with Mesos' cycle.
#[derive(Clone, Debug)]
pub struct Cycle<S, C> {
    core: Core<S, C>,
    /// Agents that the master told of as gone or away so far.
    departures: u64,
}

fn profile(info: &FrameworkInfo) -> Profile {
    let can = info.capabilities;
    Profile {
        roles: info.roles.clone(),
        suppressed: info.suppressed.clone(),
        gates: Gates {
            gpu_resources: can.gpu_resources,
            revocable_resources: can.revocable_resources,
            shared_resources: can.shared_resources,
            reservation_refinement: can.reservation_refinement,
        },
        minima: Vec::new(),
    }
}

impl<S: Sharing, C: Chunk> Cycle<S, C> {
    #[must_use]
    pub fn new(sharing: S, chunk: C, flags: &Flags) -> Self {
        Self { core: Core::new(sharing, chunk, flags), departures: 0 }
    }

    fn message(&mut self, cx: &mut Cx, msg: Msg) {
        let (core, now) = (&mut self.core, cx.now);
        let done = match msg {
            Msg::AddFramework { framework, info, active } => {
                core.add_framework(cx.names, now, framework, profile(&info), active, Used::Reported)
            }
            Msg::RemoveFramework { framework } => core.remove_framework(framework),
            Msg::ActivateFramework { framework } => core.activate_framework(now, framework),
            Msg::DeactivateFramework { framework } => core.deactivate_framework(framework),
            Msg::ChangeFramework { framework, info } => core.update_framework(cx.names, framework, profile(&info)),
            Msg::ReviveOffers { framework, roles } => core.revive(now, framework, &roles),
            Msg::SuppressOffers { framework, roles } => core.suppress(framework, &roles),
            Msg::AddAgent { agent, info, used } => core.add_agent(cx.names, now, agent, &info, &used),
            Msg::RemoveAgent { agent } => {
                self.departures += 1;
                core.remove_agent(agent)
            }
            Msg::ActivateAgent { agent } => core.set_agent_active(agent, true),
            Msg::DeactivateAgent { agent } => {
                self.departures += 1;
                core.set_agent_active(agent, false)
            }
            Msg::RecoverOffers { batch, from, count, refuse } => {
                core.recover_offers(now, &batch, from, count, refuse);
                Ok(())
            }
            Msg::Recover { framework, role, agent, scalars, refuse } => {
                core.recover(now, (framework, role), agent, &Resources::from_scalars(scalars), refuse, false)
            }
            Msg::UpdateAllocation(c) => core.convert((c.framework, c.role), c.agent, &c.before, &c.before, &c.after),
            Msg::RecoverBulk(r) => core.recover(now, (r.framework, r.role), r.agent, &r.resources, r.refuse, false),
            _ => Ok(()),
        };
        // Who contradicts the books is late: what it speaks of has gone.
        drop(done);
    }

    fn perform(&mut self, cx: &mut Cx) {
        let (shuffle, sorter) = (cx.dice.key(SHUFFLE), cx.dice.key(SORTER));
        let Some(report) = self.core.run(Order::Shuffled(shuffle), sorter) else { return };
        for mut answer in report.answers {
            if let Some(answer) = Arc::get_mut(&mut answer) {
                answer.departures = self.departures;
            }
            cx.dispatch(Mailbox::MAIN, Msg::Allocated(answer));
        }
        if report.offers > 0 {
            cx.fact(Fact::AllocationRun { run: report.run, candidates: report.candidates, offers: report.offers });
        }
    }
}

impl<S, C> Allocate for Cycle<S, C>
where
    S: Sharing + std::fmt::Debug,
    C: Chunk + std::fmt::Debug,
{
    fn handle(&mut self, cx: &mut Cx, input: Input) {
        let was_pending = self.core.is_pending();
        match input {
            Input::Start { .. } => {
                self.core.arm();
                cx.timer(BATCH_TIMER, self.core.interval);
            }
            // Two hops from the timer to the run, as upstream: tick, request, run.
            Input::Timer { .. } => {
                cx.timer(BATCH_TIMER, self.core.interval);
                self.core.tick(cx.now);
            }
            Input::Message { msg: Msg::RunAllocation, .. } => return self.perform(cx),
            Input::Message { msg, .. } => self.message(cx, msg),
            _ => {}
        }
        if !was_pending && self.core.is_pending() {
            cx.dispatch(Mailbox::ALLOCATOR, Msg::RunAllocation);
        }
    }

    fn free(&self, agent: AgentId) -> Option<Resources> {
        self.core.free(agent)
    }

    fn free_quantities(&self, agent: AgentId) -> Option<Quantities> {
        self.core.free_quantities(agent)
    }

    fn held(&self, agent: AgentId, framework: FrameworkId) -> Option<Resources> {
        self.core.held(agent, framework)
    }

    fn watch_runs(&mut self) {
        self.core.watched = Some(None);
    }

    fn last_run(&self) -> Option<&super::RunOrder> {
        self.core.watched.as_ref()?.as_ref()
    }

    fn work(&self) -> Work {
        self.core.work()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ProcessId;
    use crate::actor::testing::Bench;
    use crate::base::id::RoleId;
    use crate::base::id::Symbol;
    use crate::base::quantity::Milli;
    use crate::base::quantity::Quantities;
    use crate::base::time::Span;
    use crate::mesos::allocator::by_name;
    use crate::mesos::allocator::sorter::Excluded;
    use crate::mesos::message::Capabilities;
    use crate::mesos::message::{AgentInfo, Refuse};

    const AGENT: AgentId = AgentId { master: Symbol(0), n: 0 };

    fn cpus(n: i64) -> Resources {
        Resources::from_scalars(Quantities::new(Milli::from_int(n), Milli::ZERO, Milli::ZERO, Milli::ZERO))
    }

    /// An allocator, and a hand to give it messages; `free` is what it believes to be free then.
    struct Desk {
        bench: Bench,
        allocator: Box<dyn Allocate>,
        framework: FrameworkId,
        role: RoleId,
    }

    impl Desk {
        fn new() -> Self {
            let mut bench = Bench::new();
            let flags = Flags {
                allocation_interval: Span::from_secs(1),
                min_allocatable: Vec::new(),
                filter_gpu: true,
                excluded: Excluded::default(),
                weights: Vec::new(),
                quotas: Vec::new(),
            };
            let (framework, role) = (FrameworkId(bench.names.intern("framework")), bench.names.intern("role"));
            let allocator = by_name("drf", "whole", Quantities::ZERO, flags).expect("both are listed");
            Self { bench, allocator, framework, role }
        }
        fn tell(&mut self, msg: Msg) -> Option<Resources> {
            let from = ProcessId { slot: 0, incarnation: 0 };
            self.bench.run(|cx| self.allocator.handle(cx, Input::Message { from, msg }));
            self.allocator.free(AGENT)
        }
        fn add_framework(&mut self) -> Option<Resources> {
            let info = FrameworkInfo {
                name: self.framework.0,
                id: Some(self.framework),
                roles: vec![self.role],
                principal: None,
                failover_timeout: Span::ZERO,
                checkpoint: false,
                capabilities: Capabilities::default(),
                suppressed: vec![self.role],
            };
            self.tell(Msg::AddFramework { framework: self.framework, info: Arc::new(info), active: false })
        }
        fn add_agent(&mut self, used: &[i64]) -> Option<Resources> {
            let info =
                AgentInfo { hostname: Symbol(0), total: cpus(4), attributes: Vec::new(), devices: 0, address: 0 };
            let used = used.iter().map(|&n| (self.framework, self.role, cpus(n))).collect();
            self.tell(Msg::AddAgent { agent: AGENT, info: Arc::new(info), used })
        }
        fn recover(&mut self, n: i64) -> Option<Resources> {
            let (framework, role, agent) = (self.framework, self.role, AGENT);
            self.tell(Msg::Recover { framework, role, agent, scalars: cpus(n).quantities(), refuse: Refuse::NONE })
        }
    }

    /// As upstream, which counts free resources anew from what is held.
    #[test]
    fn an_agent_that_came_back_with_more_than_it_has_is_not_offered_twice() {
        let mut desk = Desk::new();
        desk.add_framework();
        assert_eq!(desk.add_agent(&[3, 3]), Some(cpus(0)));
        assert_eq!(desk.recover(3), Some(cpus(1)));
        assert_eq!(desk.recover(3), Some(cpus(4)));
    }

    #[test]
    fn what_strangers_use_is_booked_once_when_they_are_known() {
        let mut desk = Desk::new();
        assert_eq!(desk.add_agent(&[1, 1]), Some(cpus(2)));
        assert_eq!(desk.add_framework(), Some(cpus(2)));
        assert_eq!(desk.recover(1), Some(cpus(3)));
        assert_eq!(desk.recover(1), Some(cpus(4)));
    }
}
