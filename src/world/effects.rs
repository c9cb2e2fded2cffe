//! Carrying out what a core wants done, effect by effect.

use super::link::GIVES_UP;
use super::{Container, DISK, DURATION, EXIT, Event, HeldWrite, INLINE_TIMERS, Seen, World};
use crate::actor::{DiskOp, Effect, Input, Mailbox, ProcessId, TimerKey};
use crate::base::id::{Symbol, TaskId};
use crate::base::sampler::Distribution;
use crate::base::time::Span;
use crate::fact::{At, End};
use crate::http::Request;
use crate::job::{ServiceClock, TaskSpec};
use crate::mesos::message::Msg;
use std::sync::Arc;

impl World {
    /// Effects of a process that is sabotaged or about to be stopped half way.
    #[cold]
    pub(super) fn carry_out_tampered(&mut self, to: ProcessId, mailbox: Mailbox, outbox: &mut Vec<Effect>) {
        if let Some(sabotage) = self.processes[to.slot as usize].sabotage {
            sabotage(mailbox, outbox);
        }
        for effect in outbox.drain(..) {
            if self.seen.is_some() {
                self.see_sent(to, &effect);
            }
            self.carry_out(to, mailbox, effect);
            let left = &mut self.processes[to.slot as usize].stop_after;
            if let Some(n) = left {
                *n -= 1;
                if *n == 0 {
                    self.stop(to.slot, true);
                }
            }
            if !self.is_current(to) {
                // Crashed half way: the rest never happens.
                break;
            }
        }
    }

    /// Notes the timer that has just been numbered `serial`; it replaces one of the same key.
    #[inline]
    pub(super) fn arm(&mut self, slot: u32, mailbox: Mailbox, key: TimerKey) {
        let timers = &mut self.processes[slot as usize].timers;
        if let Some(timer) = timers.iter_mut().find(|t| t.1 == key && t.0 == mailbox) {
            timer.2 = self.serial;
        } else if timers.len() < INLINE_TIMERS && !self.more_timers.contains(&(slot, mailbox, key)) {
            timers.push((mailbox, key, self.serial));
        } else {
            self.more_timers.insert((slot, mailbox, key), self.serial);
        }
    }

    /// Forgets a timer if it is armed (and has this serial number); says whether it was.
    #[inline]
    pub(super) fn disarm(&mut self, slot: u32, mailbox: Mailbox, key: TimerKey, serial: Option<u64>) -> bool {
        let timers = &mut self.processes[slot as usize].timers;
        if let Some(at) = timers.iter().position(|t| t.1 == key && t.0 == mailbox) {
            let due = serial.is_none_or(|s| s == timers[at].2);
            if due {
                timers.swap_remove(at);
            }
            return due;
        }
        let name = (slot, mailbox, key);
        let due = self.more_timers.get(&name).is_some_and(|&s| serial.is_none_or(|wanted| wanted == s));
        if due {
            self.more_timers.remove(&name);
        }
        due
    }

    /// Shows a message that is being sent to whoever watches.
    pub(super) fn see_sent(&mut self, from: ProcessId, effect: &Effect) {
        let (Effect::Send { msg, .. } | Effect::Dispatch { msg, .. }) = effect else { return };
        let sender = self.processes[from.slot as usize].kind;
        if !self.seen.as_ref().is_some_and(|(watch, _)| watch.sees(sender, msg, true)) {
            return;
        }
        let (to, mailbox) = match effect {
            Effect::Send { to, .. } => {
                let mailbox = match msg {
                    Msg::Zk(_) => self.mailbox_towards(to.slot, from.slot),
                    Msg::Log(_) => Mailbox::REGISTRAR,
                    _ => Mailbox::MAIN,
                };
                let to = if to.is_address() { self.id_of(to.slot) } else { *to };
                (to, mailbox)
            }
            Effect::Dispatch { to, .. } => (from, *to),
            _ => return,
        };
        let at = self.queue.now();
        if let Some((_, seen)) = &mut self.seen {
            seen.push(Seen { at, from, sender, to, mailbox, sent: true, msg: msg.clone() });
        }
    }

    #[inline]
    pub(super) fn carry_out(&mut self, from: ProcessId, mailbox: Mailbox, effect: Effect) {
        match effect {
            Effect::Send { to, msg } => self.send(from, to, msg),
            Effect::Dispatch { to, msg } => {
                self.sent[msg.kind()] += 1;
                self.queue.push(self.queue.now(), Event::Dispatch { to: from, mailbox: to, msg });
            }
            Effect::Timer { key, after } => {
                self.serial += 1;
                self.arm(from.slot, mailbox, key);
                let at = self.queue.now().saturating_add(after);
                self.queue.push(at, Event::Timer { to: from, mailbox, key, serial: self.serial });
            }
            Effect::Cancel { key } => {
                self.disarm(from.slot, mailbox, key, None);
            }
            Effect::Persist { token, op } => match self.stalled(from.slot) {
                Some(fault) => {
                    self.held_writes.push(HeldWrite { fault, to: from, mailbox, token, op });
                    self.bite(fault);
                }
                None => self.write(from, mailbox, token, op),
            },
            Effect::Watch { peer, every, misses, mode } => {
                self.with_beats(|beats, s| beats.watch(s, (from, mailbox), peer.slot, every, misses, mode));
            }
            Effect::Unwatch { peer } => self.with_beats(|beats, s| beats.unwatch(s, from.slot, peer.slot)),
            Effect::Spawn { key, spec, task } => self.spawn(from, key, spec, task),
            Effect::Exit { key: Some(key) } => self.end_container(from, key),
            Effect::Exit { key: None } => self.stop(from.slot, true),
            Effect::Fact(fact) => self.emit_by(from.slot, fact),
            Effect::Detail(what) => {
                let at = self.queue.now();
                if let Some(details) = &mut self.details {
                    details.push(At { at, by: from.slot, what });
                }
            }
        }
    }

    /// The disk takes a write and is done with it after its latency.
    pub(super) fn write(&mut self, of: ProcessId, mailbox: Mailbox, token: u64, op: DiskOp) {
        let wait = match self.disk_latency {
            Distribution::Fixed(span) => span,
            drawn => {
                let entity = u64::from(of.slot) << 32 | u64::from(of.incarnation);
                let persists = &mut self.processes[of.slot as usize].persists;
                *persists += 1;
                drawn.sample(self.dice.draw(DISK, entity, *persists))
            }
        };
        let at = self.queue.now().saturating_add(wait);
        self.queue.push(at, Event::Persisted { to: of, mailbox, token, op });
    }

    #[cold]
    fn bite_late(&mut self) {
        for fault in std::mem::take(&mut self.network.bitten) {
            self.bite(fault);
        }
    }

    #[inline]
    pub(super) fn send(&mut self, from: ProcessId, to: ProcessId, msg: Msg) {
        if !self.is_current(to) {
            return self.send_to_address(from, to, msg);
        }
        self.sent[msg.kind()] += 1;
        let (link, direction) = self.network.find(from.slot, to.slot);
        if let Some(cut) = self.network.cut_between(from.slot, to.slot) {
            self.network.links[link as usize].open = true;
            return self.swallow(link, cut);
        }
        let at = self.network.arrival(link, direction, self.queue.now(), &mut self.dice);
        if !self.network.bitten.is_empty() {
            self.bite_late();
        }
        let connection = &mut self.network.links[link as usize];
        connection.connect(direction, from.incarnation, to.incarnation);
        let epoch = connection.epoch;
        self.queue.push(at, Event::Deliver { link, direction: direction as u8, epoch, msg });
    }

    /// A message to whoever lives at an address: a live process gets it; if there is none, the
    /// machine refuses the connection, unless it is gone itself. To a life that is over: lost.
    #[cold]
    fn send_to_address(&mut self, from: ProcessId, to: ProcessId, msg: Msg) {
        if to.is_address() && self.processes[to.slot as usize].is_alive() {
            return self.send(from, self.id_of(to.slot), msg);
        }
        self.sent[msg.kind()] += 1;
        self.dropped += 1;
        if self.processes[to.slot as usize].vanished {
            return self.repeat(from, to);
        }
        if !to.is_address() {
            return;
        }
        if let Some(cut) =
            self.network.cut_between(from.slot, to.slot).or_else(|| self.network.cut_between(to.slot, from.slot))
        {
            return self.bite(cut);
        }
        let (link, direction) = self.network.find(from.slot, to.slot);
        let there = self.network.arrival(link, direction, self.queue.now(), &mut self.dice);
        let back = self.network.arrival(link, 1 - direction, there, &mut self.dice);
        self.network.links[link as usize].open = false;
        self.queue.push(back, Event::Exited { to: from, peer: to });
    }

    /// Something was sent to a machine that is gone: the kernel repeats it, and gives up in the end.
    fn repeat(&mut self, from: ProcessId, to: ProcessId) {
        let (link, _) = self.network.find(from.slot, to.slot);
        let connection = &mut self.network.links[link as usize];
        if connection.open && !std::mem::replace(&mut connection.repeats, true) {
            let epoch = connection.epoch;
            self.queue.push(self.queue.now() + GIVES_UP, Event::GivenUp { link, epoch, to: from, peer: to });
        }
    }

    /// A synthetic container: its length and its exit are drawn by its task.
    pub(super) fn spawn(&mut self, of: ProcessId, key: u64, spec: Arc<TaskSpec>, task: TaskId) {
        let entity = u64::from(spec.owner.0);
        let span = match spec.behaviour.duration {
            Distribution::Fixed(span) => span,
            drawn => drawn.sample(self.dice.draw(DURATION, entity, task.bits())),
        };
        let fails = spec.behaviour.failure_ppm > 0
            && self.dice.draw(EXIT, entity, task.bits()).chance_ppm(spec.behaviour.failure_ppm);
        let how = if fails { End::Failed } else { End::Finished };
        let (span, how) = match self.doomed(of.slot, entity, task) {
            Some(fault) => {
                self.bite(fault);
                (Span::ZERO, End::Failed)
            }
            None => (span, how),
        };
        self.admit(of, key, &spec, task);
        let service = spec.service.map(|_| Box::new(ServiceClock::new(self.queue.now())));
        self.processes[of.slot as usize].containers.push(Container { key, task, spec, service });
        self.queue.push(self.queue.now().saturating_add(span), Event::ContainerEnds { of, key, how });
    }

    /// A probe has reached a machine: the container's service answers, if there is one.
    pub(super) fn answer_probe(&mut self, at: ProcessId, asker: ProcessId, of: (Symbol, TaskId), token: u64) {
        let now = self.queue.now();
        let containers = &mut self.processes[at.slot as usize].containers;
        let asked = containers.iter_mut().find(|c| c.task == of.1 && c.spec.owner == of.0);
        let status = asked.map_or(0, |container| {
            let Container { spec, service, task, .. } = container;
            let how = spec.service.zip(service.as_mut());
            how.map_or(0, |(it, clock)| clock.status(&it, &mut self.dice, (spec.owner, *task), now))
        });
        self.send(at, asker, Msg::Probed { token, status });
    }

    /// A client on the Marathon's own machine asks it.
    pub(super) fn ask_marathon(&mut self, marathon: u32, token: u32, request: Arc<Request>) {
        let slot = self.blueprint.marathon_slot(marathon);
        let Some(to) = slot.map(|slot| self.id_of(slot)).filter(|to| self.is_current(*to)) else { return };
        let msg = Msg::Http { token: u64::from(token), request };
        self.hand(to, Mailbox::MAIN, Input::Message { from: to, msg });
    }

    pub(super) fn container_ends(&mut self, of: ProcessId, key: u64, how: End) {
        if !self.is_current(of) {
            return;
        }
        let containers = &mut self.processes[of.slot as usize].containers;
        let Some(at) = containers.iter().position(|c| c.key == key) else { return };
        let ended = containers.swap_remove(at);
        if ended.spec.program.is_some() {
            self.evict(of.slot, key, true);
        }
        self.hand(of, Mailbox::MAIN, Input::ContainerEnded { key, how });
    }

    pub(super) fn end_container(&mut self, of: ProcessId, key: u64) {
        let containers = &self.processes[of.slot as usize].containers;
        if containers.iter().any(|c| c.key == key) {
            self.queue.push(self.queue.now(), Event::ContainerEnds { of, key, how: End::Killed });
        }
    }
}
