//! Processes begin and end, and faults strike them and the network between them.

use super::fault::Fault;
use super::link::Trouble;
use super::{Event, Sabotage, World, link};
use crate::actor::{DiskOp, Input, Mailbox, ProcessId};
use crate::base::dice::Site;
use crate::base::id::TaskId;
use crate::base::time::Span;
use crate::fact::{End, Fact, ProcessKind};
use crate::mesos::message::Msg;
use std::sync::Arc;

const FAILS: Site = Site::new("fault-task-failures");

impl World {
    pub(super) fn start(&mut self, slot: u32) {
        if self.processes[slot as usize].is_alive() {
            return;
        }
        let blueprint = self.blueprint.clone();
        let seat = self.seat(slot);
        let incarnation = self.processes[slot as usize].incarnation;
        let core = blueprint.core(seat, slot, &mut self.names, &mut self.dice, incarnation);
        let process = &mut self.processes[slot as usize];
        process.core = Some(core);
        process.zk = blueprint.zk_client(seat);
        process.vanished = false;
        let has_zk = process.zk.is_some();
        let (kind, name) = (process.kind, process.name);
        let own_disk: Arc<[DiskOp]> = process.disk.clone().into();
        let id = link::process(slot, incarnation);
        self.emit(Fact::ProcessStarted { slot, incarnation, kind, name });
        let disk = self.moves_in(id).unwrap_or(own_disk);
        // Whoever still has a connection with an earlier life of this address finds it broken.
        self.break_links(slot, link::process(slot, incarnation.wrapping_sub(1)));
        self.break_links_of_guests(slot);
        let own: &[Mailbox] = match kind {
            ProcessKind::Master => &[Mailbox::MAIN, Mailbox::ALLOCATOR, Mailbox::REGISTRAR],
            _ => &[Mailbox::MAIN],
        };
        for &mailbox in own.iter().chain(has_zk.then_some(&Mailbox::ZK)) {
            if self.is_current(id) {
                self.handle(id, mailbox, Input::Start { disk: disk.clone() });
            }
        }
        if kind == ProcessKind::Master && incarnation > 0 {
            self.announce(id);
        }
        // Without elections everybody is told who leads when it starts.
        if let Some(leader) = blueprint.leader(seat)
            && self.is_current(id)
        {
            let leader = Some(self.id_of(leader));
            self.queue
                .push(self.now(), Event::Dispatch { to: id, mailbox: Mailbox::MAIN, msg: Msg::Detected { leader } });
        }
        if self.is_current(id) {
            self.opens(id, seat);
        }
    }

    /// Without elections a master that comes back is found at its old address.
    fn announce(&mut self, leader: ProcessId) {
        for slot in 0..self.processes.len() as u32 {
            if !self.processes[slot as usize].is_alive() {
                continue;
            }
            if self.blueprint.leader(self.seat(slot)) == Some(leader.slot) {
                let (to, msg) = (self.id_of(slot), Msg::Detected { leader: Some(leader) });
                self.queue.push(self.now(), Event::Dispatch { to, mailbox: Mailbox::MAIN, msg });
            }
        }
    }

    /// Ends a process and its containers. `noticed`: its connections break at once (the kernel
    /// closes them); otherwise the machine vanishes and the other ends learn it later.
    pub(super) fn stop(&mut self, slot: u32, noticed: bool) {
        if !self.processes[slot as usize].is_alive() {
            return;
        }
        let id = self.id_of(slot);
        let process = &mut self.processes[slot as usize];
        process.core = None;
        process.zk = None;
        process.vanished = !noticed;
        process.incarnation += 1;
        process.persists = 0;
        process.stop_after = None;
        process.desks.iter_mut().flat_map(|d| d.iter_mut()).for_each(|d| d.waiting.clear());
        let (kind, name, restart, incarnation) = (process.kind, process.name, process.restart, process.incarnation);
        let containers = std::mem::take(&mut process.containers);
        for container in containers {
            let (task, owner) = (container.task, container.spec.owner);
            self.emit(Fact::TaskEnded { task, owner, host: name, how: End::Lost });
            if container.spec.program.is_some() {
                self.evict(slot, container.key, noticed);
            }
        }
        self.emit(Fact::ProcessStopped { slot, incarnation: id.incarnation, kind, name });
        self.with_beats(|beats, s| beats.stopped(s, slot));
        if noticed {
            self.break_links(slot, id);
        }
        if let Some(delay) = restart {
            self.queue.push(self.now() + delay, Event::Restart { slot, incarnation });
        }
        self.guest_exited(slot);
    }

    pub(super) fn break_links(&mut self, slot: u32, gone: ProcessId) {
        for peer in self.network.break_all(slot) {
            if self.network.cut_between(slot, peer).is_some() || !self.processes[peer as usize].is_alive() {
                continue;
            }
            let (link, direction) = self.network.find(slot, peer);
            let at = self.network.arrival(link, direction, self.queue.now(), &mut self.dice);
            // The arrival drew a latency; the connection itself stays closed.
            self.network.links[link as usize].open = false;
            let to = self.id_of(peer);
            self.queue.push(at, Event::Exited { to, peer: gone });
        }
    }

    /// Alters the outbox of whatever runs in this slot from now on.
    pub fn sabotage(&mut self, slot: u32, how: Sabotage) {
        self.processes[slot as usize].sabotage = Some(how);
    }

    /// Stops a process after it has carried out this many more effects.
    pub fn stop_after_effects(&mut self, slot: u32, effects: u64) {
        self.processes[slot as usize].stop_after = Some(effects.max(1));
    }

    // ---- faults ----

    pub(super) fn fault_begins(&mut self, fault: u32) {
        self.emit(Fact::FaultBegan { fault });
        let at = self.active_faults.partition_point(|&other| other < fault);
        self.active_faults.insert(at, fault);
        let act = self.faults[fault as usize].fault.clone();
        if act.begin(self, fault) {
            self.bite(fault);
        }
    }

    pub(super) fn fault_ends(&mut self, fault: u32) {
        self.active_faults.retain(|&other| other != fault);
        let act = self.faults[fault as usize].fault.clone();
        act.end(self, fault);
        self.emit(Fact::FaultEnded { fault });
    }

    /// Notes whom a fault strikes, and gives the slots back in order.
    pub(super) fn strike(&mut self, fault: u32, mut slots: Vec<u32>) -> Vec<u32> {
        slots.sort_unstable();
        self.faults[fault as usize].struck.clone_from(&slots);
        slots
    }

    /// Whom a fault struck, in order of slots.
    pub(super) fn struck(&self, fault: u32) -> Vec<u32> {
        self.faults[fault as usize].struck.clone()
    }

    /// Active faults that struck a slot, in the order of the explicit list.
    fn striking(&self, slot: u32) -> impl Iterator<Item = (u32, &dyn Fault)> {
        let planned = self.active_faults.iter().map(|&fault| (fault, &self.faults[fault as usize]));
        let struck = planned.filter(move |(_, planned)| planned.struck.binary_search(&slot).is_ok());
        struck.map(|(fault, planned)| (fault, &*planned.fault))
    }

    /// The fault has an effect.
    pub(super) fn bite(&mut self, fault: u32) {
        if let Some(planned) = self.faults.get_mut(fault as usize)
            && !std::mem::replace(&mut planned.bit, true)
        {
            self.emit(Fact::FaultBit { fault });
        }
    }

    /// Whether an active fault keeps the process down.
    pub(super) fn is_held_down(&self, slot: u32) -> bool {
        self.striking(slot).any(|(_, fault)| fault.holds_down())
    }

    /// The active fault that stalls this process's disk.
    pub(super) fn stalled(&self, slot: u32) -> Option<u32> {
        self.striking(slot).find(|(_, fault)| fault.stalls_disks()).map(|(number, _)| number)
    }

    /// The active fault that lets this task fail as soon as it runs.
    pub(super) fn doomed(&mut self, slot: u32, owner: u64, task: TaskId) -> Option<u32> {
        if self.active_faults.is_empty() {
            return None;
        }
        let failing = self.striking(slot).map(|(number, fault)| (number, fault.fails_tasks_ppm()));
        let failing: Vec<(u32, u32)> = failing.filter(|(_, ppm)| *ppm > 0).collect();
        failing.into_iter().find(|&(number, ppm)| self.strikes(number, owner, task, ppm)).map(|(number, _)| number)
    }

    /// Whether a burst of failures meets this task: a draw of the task, the same at any instant.
    pub(super) fn strikes(&mut self, fault: u32, owner: u64, task: TaskId, ppm: u32) -> bool {
        self.dice.draw(FAILS, u64::from(fault) << 32 | owner, task.bits()).chance_ppm(ppm)
    }

    /// Ends a part of the containers that run in a slot; says whether there were any.
    pub(super) fn fail_containers(&mut self, slot: u32, fault: u32, ppm: u32, how: End) -> bool {
        let id = self.id_of(slot);
        let running: Vec<_> =
            self.processes[slot as usize].containers.iter().map(|c| (c.key, c.spec.owner, c.task)).collect();
        let mut bit = false;
        for (key, owner, task) in running {
            if self.strikes(fault, u64::from(owner.0), task, ppm) {
                self.queue.push(self.now(), Event::ContainerEnds { of: id, key, how });
                bit = true;
            }
        }
        bit
    }

    /// Every input of this process takes as long as the worst active fault says.
    pub(super) fn set_pace(&mut self, slot: u32) {
        let service = self.striking(slot).map(|(_, fault)| fault.service()).max().unwrap_or(Span::ZERO);
        let desks = self.processes[slot as usize].desks.get_or_insert_default();
        desks[Mailbox::MAIN.0 as usize].service = service;
    }

    /// A disk goes on, unless another fault stalls it, too: it takes what it was asked meanwhile, in
    /// order.
    pub(super) fn release_writes(&mut self, fault: u32) {
        for mut write in std::mem::take(&mut self.held_writes) {
            if write.fault == fault {
                match self.stalled(write.to.slot) {
                    Some(other) => write.fault = other,
                    None if self.is_current(write.to) => {
                        self.write(write.to, write.mailbox, write.token, write.op);
                        continue;
                    }
                    None => continue,
                }
            }
            self.held_writes.push(write);
        }
    }

    /// Messages between these slots are late from now on.
    pub(super) fn make_late(&mut self, trouble: Trouble, slots: &[u32]) {
        for slot in self.with_guests(slots) {
            self.with_beats(|beats, s| beats.disturb(s, slot));
        }
        self.network.trouble(trouble);
    }

    /// Swallows what goes from these slots to those until healed.
    pub(super) fn cut(&mut self, id: u32, from: &[u32], to: &[u32]) {
        for slot in self.with_guests(from).into_iter().chain(self.with_guests(to)) {
            self.with_beats(|beats, s| beats.disturb(s, slot));
        }
        self.network.cut(id, from, to);
    }

    pub(super) fn heal(&mut self, id: u32) {
        self.network.heal(id);
        for (a, b) in self.network.take_damaged() {
            for (to, peer) in [(a, b), (b, a)] {
                if self.processes[to as usize].is_alive() {
                    let (to, peer) = (self.id_of(to), self.id_of(peer));
                    self.queue.push(self.now(), Event::Exited { to, peer });
                }
            }
        }
    }
}
