//! Questions to services over the network, for health and readiness checks.

use super::{Marathon, timer};
use crate::actor::{Cx, ProcessId, TimerKey};
use crate::base::map::Map;
use crate::base::time::{Span, Time};
use crate::marathon::model::instance::InstanceId;
use crate::mesos::message::Msg;
use std::collections::{BTreeSet, VecDeque};

/// What an answer is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Purpose {
    /// The so-manieth health check of its definition.
    Health(u8),
    Readiness,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) id: InstanceId,
    /// Of the instance when it was asked.
    pub(super) incarnation: u32,
    pub(super) purpose: Purpose,
}

#[derive(Clone, Default, Debug)]
pub(super) struct Probes {
    next: u64,
    in_flight: Map<u64, (Probe, Time)>,
    /// Health checks beyond the limit, and all that wait or are under way: each once.
    waiting: VecDeque<(Probe, Span)>,
    asked: BTreeSet<(InstanceId, Purpose)>,
    health_in_flight: u32,
    deadlines: BTreeSet<(Time, u64)>,
    armed: Option<Time>,
}

impl Marathon {
    /// Asks the instance's service; the answer, or its absence, comes back as a status. A question
    /// that is still open is not asked again (upstream would ask).
    pub(super) fn probe(&mut self, cx: &mut Cx, id: InstanceId, purpose: Purpose, timeout: Span) {
        let Some(instance) = self.tracker.get(id) else { return };
        let probe = Probe { id, incarnation: instance.incarnation, purpose };
        if !self.probes.asked.insert((id, purpose)) {
            return;
        }
        let limit = self.flags.max_concurrent_marathon_health_checks;
        if purpose != Purpose::Readiness && self.probes.health_in_flight >= limit {
            self.probes.waiting.push_back((probe, timeout));
            return;
        }
        self.send_probe(cx, probe, timeout);
    }

    fn send_probe(&mut self, cx: &mut Cx, probe: Probe, timeout: Span) {
        let task = self.tracker.get(probe.id).and_then(|instance| {
            let place = instance.place.as_ref()?;
            Some((place.info.address, instance.tasks.first()?.id))
        });
        let Some((address, task)) = task else {
            self.probes.asked.remove(&(probe.id, probe.purpose));
            return;
        };
        let token = self.probes.next;
        self.probes.next += 1;
        if probe.purpose != Purpose::Readiness {
            self.probes.health_in_flight += 1;
        }
        let deadline = cx.now.saturating_add(timeout);
        self.probes.in_flight.insert(token, (probe, deadline));
        self.probes.deadlines.insert((deadline, token));
        self.arm_probes(cx);
        // Whatever life the agent's machine leads: the port is asked, not the process.
        let to = ProcessId::at(address);
        cx.send(to, Msg::Probe { owner: self.flags.framework_name, task, token });
    }

    fn arm_probes(&mut self, cx: &mut Cx) {
        let first = self.probes.deadlines.first().map(|(at, _)| *at);
        if let Some(at) = first.filter(|at| self.probes.armed.is_none_or(|armed| armed > *at || armed < cx.now)) {
            self.probes.armed = Some(at);
            cx.timer(TimerKey::new(timer::PROBE, 0), (at - cx.now).max(Span::ZERO));
        }
    }

    pub(super) fn probes_late(&mut self, cx: &mut Cx) {
        self.probes.armed = None;
        while let Some((at, token)) = self.probes.deadlines.first().copied().filter(|(at, _)| *at <= cx.now) {
            self.probes.deadlines.remove(&(at, token));
            self.conclude_probe(cx, token, None);
        }
        self.arm_probes(cx);
    }

    /// An answer; `status` 0: the connection was refused.
    pub(super) fn probed(&mut self, cx: &mut Cx, token: u64, status: u16) {
        self.conclude_probe(cx, token, Some(status));
    }

    fn conclude_probe(&mut self, cx: &mut Cx, token: u64, status: Option<u16>) {
        let Some((probe, deadline)) = self.probes.in_flight.swap_remove(&token) else { return };
        self.probes.deadlines.remove(&(deadline, token));
        self.probes.asked.remove(&(probe.id, probe.purpose));
        match probe.purpose {
            Purpose::Health(check) => {
                self.probes.health_in_flight -= 1;
                self.health_answered(cx, probe, check, status);
                while self.probes.health_in_flight < self.flags.max_concurrent_marathon_health_checks {
                    let Some((next, timeout)) = self.probes.waiting.pop_front() else { break };
                    self.send_probe(cx, next, timeout);
                }
            }
            Purpose::Readiness => self.readiness_answered(cx, probe, status),
        }
    }
}
