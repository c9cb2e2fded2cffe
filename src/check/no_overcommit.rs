//! No agent is over-allocated: neither in the master's view, where tasks and outstanding offers
//! together fit in what the agent has, nor in truth, where its containers do.
//!
//! Upstream promises it on both sides of an offer: the allocator gives away only what is available
//! on an agent (`HierarchicalAllocatorProcess::__generateOffers`), and the master refuses tasks
//! that need more than the offers they are launched on (`master/validation.cpp`).
//!
//! AREAS VERIFIED: cpus, mem, disk and gpus, after every step of the world; the master's view from
//! the ledger, so independent of the master's books; the truth from the containers that began and
//! ended on each machine, also where the master has written the agent off.
//!
//! Not held against anybody: a task that reaches an agent which is registering again, after its
//! report was sent, while the master writes the agent off and the task with it. The master then
//! takes the agent back without the task and cannot know that it runs; an upstream agent accepts
//! tasks in that state too (`Slave::run`). If the agent reports such a task later, its tasks may
//! hold more than it has until one has ended, but nothing that they hold is on offer.
//!
//! AREAS NOT VERIFIED: ranges, sets and the identity of reserved or persistent objects, because
//! the ledger counts scalars; revocable resources and shared volumes, which may be overcommitted
//! by design and which no core makes yet; what the command executor itself takes on top of its
//! task (MESOS-1718), because such executors are not modelled as consumers (those of groups are).

use super::{Hears, Invariant, View};
use crate::fact::Fact;

pub const SUMMARY: &str = "tasks and offers fit in each agent, in the master's view and in truth";

#[derive(Clone, Default)]
pub struct NoOvercommit;

impl Invariant for NoOvercommit {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts, Hears::Bookings]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["TaskStarted", "ExecutorStarted"]
    }

    fn fact(&mut self, view: View, fact: &Fact) -> Result<(), String> {
        let (Fact::TaskStarted { task, host, .. } | Fact::ExecutorStarted { executor: task, host, .. }) = *fact else {
            return Ok(());
        };
        let (running, total) = (view.ledger.running_on(host), view.world.host_total(host).unwrap_or_default());
        // A stray does not count, so it is not what made it too much.
        if total.contains(running) || view.ledger.is_stray(task) {
            return Ok(());
        }
        let host = view.world.names().text(host);
        Err(format!("containers on {host} take {running} of {total} since {task} started"))
    }

    fn step(&mut self, view: View) -> Result<(), String> {
        for row in view.ledger.raised() {
            let most = if row.excused { row.total.saturating_sub(row.used) } else { row.total - row.used };
            if !most.contains(row.offered) {
                let agent = view.agent(row.agent);
                let (used, offered, total) = (row.used, row.offered, row.total);
                return Err(format!("agent {agent} has {total}; tasks hold {used} and {offered} is on offer"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::base::id::{JobId, Symbol, TaskId};
    use crate::fact::{Fact, OfferEnd};

    const OTHER: TaskId = TaskId { n: 1, ..TASK };

    #[test]
    fn counts_tasks_and_offers_together() {
        let mut stage = Stage::new("no-overcommit");
        assert!(stage.send(offers(0, &[cpus(4)])).is_empty());
        assert!(stage.facts(&[ended(0, 1, OfferEnd::Accepted, cpus(4)), launched(TASK)]).is_empty());
        assert!(stage.send(offers(1, &[cpus(1)])).is_empty());
        assert_eq!(
            stage.send(offers(2, &[cpus(1)])),
            ["agent m-S0 has cpus:4; tasks hold cpus:3 and cpus:2 is on offer"]
        );
    }

    #[test]
    fn counts_containers_in_truth() {
        let mut stage = Stage::new("no-overcommit");
        assert!(stage.facts(&[started(TASK)]).is_empty());
        assert!(stage.facts(&[stopped(TASK), started(OTHER)]).is_empty());
        assert_eq!(stage.facts(&[started(TASK)]), ["containers on host take cpus:6 of cpus:4 since job-0.0 started"]);
    }

    /// An executor of a group takes what it needs beside its tasks.
    #[test]
    fn counts_executors_in_truth() {
        let mut stage = Stage::new("no-overcommit");
        let (template, owner) = (JobId(1 << 31 | 5), Symbol(2));
        let executor = |n| TaskId { template, n };
        let up = |n| Fact::ExecutorStarted { executor: executor(n), owner, host: HOST };
        stage.facts(&[Fact::ServiceTemplate { template, owner, app: Symbol(4), each: cpus(1) }]);
        assert!(stage.facts(&[started(TASK), up(1)]).is_empty());
        assert!(stage.facts(&[Fact::ExecutorEnded { executor: executor(1), owner, host: HOST }, up(2)]).is_empty());
        let found = stage.facts(&[up(3)]);
        assert!(found[0].starts_with("containers on host take cpus:5 of cpus:4 since"), "{found:?}");
    }
}
