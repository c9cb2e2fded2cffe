//! Schedulers that run as tasks: the containers of an `[[app]]` with `runs = "NAME"` are that
//! Marathon or that framework of the scenario.
//!
//! Such a process lives while its container does, on the container's machine: it dies with either,
//! and a cut that strikes the machine strikes it. When it ends by itself its container has failed.
//! Every container gets an address of its own, so that an old process that nobody has ended yet and
//! the new one in its place can both be alive. What a program makes durable is kept off the machine
//! (a network volume): the process that started last reads and writes it, and nothing that an
//! earlier one writes becomes durable.

use super::seats::Seat;
use super::{Event, World};
use crate::actor::{DiskOp, Input, Mailbox, ProcessId};
use crate::base::id::{JobId, Symbol, TaskId};
use crate::base::time::Span;
use crate::fact::{Fact, ProcessKind};
use crate::job::{Job, TaskSpec};
use crate::mesos::message::Msg;
use std::sync::Arc;

/// A Marathon or a framework that runs as tasks of an app.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) name: Symbol,
    /// What it is, as one that sits at a fixed address would be.
    pub(super) seat: Seat,
}

/// The container that a process lives in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    pub(super) program: u32,
    /// The life of the agent, and its number for the container.
    agent: ProcessId,
    key: u64,
    owner: Symbol,
    task: TaskId,
}

/// What is kept of a program while no process of it lives.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    disk: Vec<DiskOp>,
    writer: Option<ProcessId>,
}

/// Where programs live and have lived.
#[derive(Clone, Debug, Default)]
pub(super) struct Programs {
    /// Slots that guests have had, with the program.
    places: Vec<(u32, u32)>,
    /// Guests that went with their machine, and the machine.
    vanished: Vec<(ProcessId, u32)>,
    kept: Vec<Kept>,
    /// Jobs that came while nobody was there to take them, with the framework.
    waiting: Vec<(u32, JobId, Arc<Job>)>,
}

impl Programs {
    pub(super) fn new(count: usize) -> Self {
        Self { kept: vec![Kept::default(); count], ..Self::default() }
    }
    /// Jobs wait for their framework to start.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl World {
    /// What the process in a slot is.
    pub(super) fn seat(&self, slot: u32) -> Seat {
        let guest = self.processes[slot as usize].guest;
        let seat = match guest {
            Some(guest) => Some(self.blueprint.program(guest.program).seat),
            None => self.blueprint.seat(slot),
        };
        seat.expect("a process sits there")
    }

    /// A container has started that is a program: its process starts when its service answers.
    pub(super) fn admit(&mut self, agent: ProcessId, key: u64, spec: &TaskSpec, task: TaskId) {
        let Some(program) = spec.program else { return };
        let Seat { kind, .. } = self.blueprint.program(program).seat;
        let name = self.blueprint.program(program).name;
        // The address of one that went with its machine is not given away: others still believe in it.
        let free = |&&(slot, of): &&(u32, u32)| {
            let process = &self.processes[slot as usize];
            of == program && process.guest.is_none() && !process.vanished
        };
        let slot = match self.programs.places.iter().find(free) {
            Some(&(slot, _)) => slot,
            None => {
                let slot = self.processes.len() as u32;
                self.add_process(kind, name);
                self.programs.places.push((slot, program));
                slot
            }
        };
        let ready = spec.service.map_or(Span::ZERO, |service| service.ready(&mut self.dice, (spec.owner, task)));
        let process = &mut self.processes[slot as usize];
        process.guest = Some(Guest { program, agent, key, owner: spec.owner, task });
        let incarnation = process.incarnation;
        self.network.lodge(slot, agent.slot);
        self.queue.push(self.now().saturating_add(ready), Event::Restart { slot, incarnation });
    }

    /// A container that is a program has ended, and its process with it. `noticed`: as for `stop`.
    pub(super) fn evict(&mut self, agent: u32, key: u64, noticed: bool) {
        let lives_there = |guest: &Guest| (guest.agent.slot, guest.key) == (agent, key);
        let places = self.programs.places.iter().map(|place| place.0);
        let found =
            places.into_iter().find(|&slot| self.processes[slot as usize].guest.as_ref().is_some_and(lives_there));
        let Some(slot) = found else { return };
        let id = self.id_of(slot);
        let process = &mut self.processes[slot as usize];
        let guest = process.guest.take();
        if process.is_alive() {
            self.stop(slot, noticed);
            if !noticed {
                self.programs.vanished.push((id, agent));
            }
        } else {
            // It may have been about to start.
            process.incarnation += 1;
        }
        self.network.move_out(slot);
        if let Some(guest) = guest {
            self.locate(guest.program, slot, false);
        }
    }

    /// A machine is up again: whoever still has a connection with what lived there finds it broken.
    pub(super) fn break_links_of_guests(&mut self, machine: u32) {
        let all = std::mem::take(&mut self.programs.vanished);
        let (here, elsewhere) = all.into_iter().partition(|(_, on)| *on == machine);
        self.programs.vanished = elsewhere;
        let here: Vec<(ProcessId, u32)> = here;
        for (gone, _) in here {
            self.processes[gone.slot as usize].vanished = false;
            self.break_links(gone.slot, gone);
        }
    }

    /// The process of a container has ended by itself.
    pub(super) fn guest_exited(&mut self, slot: u32) {
        if let Some(guest) = self.processes[slot as usize].guest {
            let how = crate::fact::End::Failed;
            self.queue.push(self.now(), Event::ContainerEnds { of: guest.agent, key: guest.key, how });
        }
    }

    /// What the program of this process has kept, which from now on it alone writes; says where it
    /// lives.
    pub(super) fn moves_in(&mut self, id: ProcessId) -> Option<Arc<[DiskOp]>> {
        let guest = self.processes[id.slot as usize].guest?;
        let kept = &mut self.programs.kept[guest.program as usize];
        kept.writer = Some(id);
        let disk = kept.disk.clone().into();
        let program = self.blueprint.program(guest.program).name;
        let host = self.processes[guest.agent.slot as usize].name;
        self.emit(Fact::Hosted { slot: id.slot, program, host, owner: guest.owner, task: guest.task });
        Some(disk)
    }

    /// A process has started: operators find it, and jobs that waited for it come.
    pub(super) fn opens(&mut self, id: ProcessId, Seat { kind, index }: Seat) {
        if let Some(guest) = self.processes[id.slot as usize].guest {
            self.locate(guest.program, id.slot, true);
        }
        if kind != ProcessKind::Framework || self.programs.waiting.is_empty() {
            return;
        }
        for (framework, job, what) in std::mem::take(&mut self.programs.waiting) {
            if framework == index && self.is_current(id) {
                self.hand(id, Mailbox::MAIN, Input::Message { from: id, msg: Msg::Submit(what, job) });
            } else {
                self.programs.waiting.push((framework, job, what));
            }
        }
    }

    /// Tells operators where a Marathon is, or is no more, as a name service would.
    fn locate(&mut self, program: u32, slot: u32, up: bool) {
        if self.blueprint.program(program).seat.kind != ProcessKind::Marathon {
            return;
        }
        for client in self.blueprint.slots(ProcessKind::Client) {
            let to = self.id_of(client);
            if self.is_current(to) {
                let msg = Msg::Located { program, slot, up };
                self.hand(to, Mailbox::MAIN, Input::Message { from: to, msg });
            }
        }
    }

    /// A job for a framework: to its process (if it runs as a task, the one that started last), or
    /// kept until one starts.
    pub(super) fn submit_to(&mut self, framework: u32, job: JobId, what: Arc<Job>) {
        let (slot, program) = self.blueprint.framework_slot(framework);
        let to = match program {
            None => Some(self.id_of(slot)),
            Some(program) => self.programs.kept[program as usize].writer,
        };
        match to.filter(|id| self.is_current(*id)) {
            Some(to) => self.hand(to, Mailbox::MAIN, Input::Message { from: to, msg: Msg::Submit(what, job) }),
            None => self.programs.waiting.push((framework, job, what)),
        }
    }

    /// The disk of a process; none if it writes no more, because another has taken its place.
    pub(super) fn disk_of(&mut self, id: ProcessId) -> Option<&mut Vec<DiskOp>> {
        let process = &mut self.processes[id.slot as usize];
        match process.guest {
            None => Some(&mut process.disk),
            Some(guest) => {
                let kept = &mut self.programs.kept[guest.program as usize];
                (kept.writer == Some(id)).then_some(&mut kept.disk)
            }
        }
    }

    /// Live processes of a program, in order of slots.
    pub(super) fn guests(&self, program: u32) -> Vec<u32> {
        let of = |&(slot, of): &(u32, u32)| (of == program && self.processes[slot as usize].is_alive()).then_some(slot);
        self.programs.places.iter().filter_map(of).collect()
    }

    /// Machines on which a program runs, in order of slots.
    pub(super) fn machines_of(&self, program: u32) -> Vec<u32> {
        let machine = |slot: u32| Some(self.processes[slot as usize].guest?.agent.slot);
        let mut all: Vec<u32> = self.guests(program).into_iter().filter_map(machine).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// These slots, and those of the processes that live on these machines.
    pub(super) fn with_guests(&self, slots: &[u32]) -> Vec<u32> {
        let lodged = |&(slot, _): &(u32, u32)| {
            let guest = self.processes[slot as usize].guest?;
            slots.contains(&guest.agent.slot).then_some(slot)
        };
        slots.iter().copied().chain(self.programs.places.iter().filter_map(lodged)).collect()
    }
}
