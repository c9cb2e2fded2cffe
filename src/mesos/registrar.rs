//! The registrar: keeps the registry and writes it before anybody hears of a change
//! (`src/master/registrar.cpp`, `registry_operations.hpp`).
//!
//! An operation is a value. While a write is in flight operations pile up; the next write carries
//! them all. A write happens even if no operation mutates. The registry holds admitted and
//! unreachable agents; everything else about a cluster lives elsewhere, as upstream.

use crate::actor::{Cx, DiskOp, Input, Mailbox};
use crate::fact::Fact;
use crate::mesos::message::{Msg, Registry, RegistryOp};

impl Registry {
    /// Applies one operation; says whether it changed anything.
    pub fn apply(&mut self, op: &RegistryOp) -> bool {
        match op {
            RegistryOp::AdmitAgent { agent, info } => {
                !self.admitted.contains_key(agent) && self.admitted.insert(*agent, info.clone()).is_none()
            }
            RegistryOp::UpdateAgent { agent, info } => match self.admitted.get_mut(agent) {
                Some(old) if old != info => {
                    *old = info.clone();
                    true
                }
                _ => false,
            },
            RegistryOp::MarkAgentUnreachable { agent, at } => {
                let was = self.admitted.swap_remove(agent).is_some();
                if was {
                    self.unreachable.insert(*agent, *at);
                }
                was
            }
            RegistryOp::MarkAgentReachable { agent, info } => {
                self.unreachable.shift_remove(agent);
                self.admitted.insert(*agent, info.clone()).is_none()
            }
            RegistryOp::RemoveAgent { agent } => self.admitted.swap_remove(agent).is_some(),
            RegistryOp::Prune { agents } => {
                agents.iter().filter(|a| self.unreachable.shift_remove(*a).is_some()).count() > 0
            }
        }
    }
}

/// The registrar's mailbox.
#[derive(Clone, Debug, Default)]
pub struct Registrar {
    pub registry: Registry,
    version: u64,
    queued: Vec<(u64, RegistryOp)>,
    /// Answers to give when the write in flight is durable.
    storing: Vec<(u64, bool)>,
    in_flight: bool,
}

impl Registrar {
    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Start { disk } => {
                for op in disk.iter() {
                    if let DiskOp::Registry { version, operations } = op {
                        self.version = *version;
                        operations.iter().for_each(|op| {
                            self.registry.apply(op);
                        });
                    }
                }
            }
            Input::Message { msg: Msg::Apply { token, op }, .. } => {
                self.queued.push((token, op));
                self.store(cx);
            }
            Input::Persisted { token } if token == self.version && self.in_flight => {
                self.in_flight = false;
                let operations = self.storing.len() as u32;
                cx.fact(Fact::RegistryWritten { version: self.version, operations });
                for (token, mutated) in self.storing.drain(..) {
                    cx.dispatch(Mailbox::MAIN, Msg::Applied { token, mutated });
                }
                self.store(cx);
            }
            _ => {}
        }
    }

    /// Starts a write of everything that is queued, unless one is in flight.
    fn store(&mut self, cx: &mut Cx) {
        if self.in_flight || self.queued.is_empty() {
            return;
        }
        let mut operations = Vec::with_capacity(self.queued.len());
        for (token, op) in self.queued.drain(..) {
            self.storing.push((token, self.registry.apply(&op)));
            operations.push(op);
        }
        self.version += 1;
        self.in_flight = true;
        cx.persist(self.version, DiskOp::Registry { version: self.version, operations: operations.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{AgentId, Symbol};
    use crate::base::time::Time;
    use crate::mesos::message::AgentInfo;
    use crate::mesos::testing::Bench;
    use std::sync::Arc;

    fn agent(n: u32) -> AgentId {
        AgentId { master: Symbol(0), n }
    }

    #[test]
    fn operations_pile_up_while_a_write_is_in_flight() {
        let mut bench = Bench::new();
        let mut registrar = Registrar::default();
        let apply = |token, n| Input::Message {
            from: Bench::ME,
            msg: Msg::Apply { token, op: RegistryOp::MarkAgentReachable { agent: agent(n), info: bench_info() } },
        };
        let shown = |effects: Vec<crate::actor::Effect>| {
            use crate::actor::Effect as E;
            let one = |e: &E| match e {
                E::Persist { token, op: DiskOp::Registry { operations, .. } } => {
                    format!("write v{token} of {}", operations.len())
                }
                E::Dispatch { msg: Msg::Applied { token, mutated }, .. } => format!("applied {token} {mutated}"),
                E::Fact(_) => "fact".into(),
                other => format!("{other:?}"),
            };
            effects.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let mut step = |input| shown(bench.run(|cx| registrar.handle(cx, input)));
        assert_eq!(step(apply(1, 1)), "write v1 of 1");
        assert_eq!(step(apply(2, 2)), "");
        assert_eq!(step(apply(3, 2)), "");
        assert_eq!(step(Input::Persisted { token: 1 }), "fact, applied 1 true, write v2 of 2");
        assert_eq!(step(Input::Persisted { token: 2 }), "fact, applied 2 true, applied 3 false");
        assert_eq!(registrar.registry.admitted.len(), 2);
    }

    fn bench_info() -> Arc<AgentInfo> {
        Arc::new(AgentInfo {
            hostname: Symbol(0),
            total: Default::default(),
            attributes: vec![],
            devices: 0,
            address: 0,
        })
    }

    #[test]
    fn admitted_and_unreachable_stay_disjoint() {
        let mut r = Registry::default();
        assert!(r.apply(&RegistryOp::AdmitAgent { agent: agent(1), info: bench_info() }));
        assert!(!r.apply(&RegistryOp::AdmitAgent { agent: agent(1), info: bench_info() }));
        assert!(r.apply(&RegistryOp::MarkAgentUnreachable { agent: agent(1), at: Time::ZERO }));
        assert!(!r.apply(&RegistryOp::MarkAgentUnreachable { agent: agent(1), at: Time::ZERO }));
        assert!(r.admitted.is_empty() && r.unreachable.len() == 1);
        assert!(r.apply(&RegistryOp::MarkAgentReachable { agent: agent(1), info: bench_info() }));
        assert!(r.admitted.len() == 1 && r.unreachable.is_empty());
        assert!(!r.apply(&RegistryOp::Prune { agents: [agent(1)].into() }));
        assert!(r.apply(&RegistryOp::RemoveAgent { agent: agent(1) }));
    }
}
