//! The leading master's books in the recorder: which tasks hold resources, what became of them.

use super::{Agent, Job, NONE, Recorder, add};
use crate::base::id::{JobId, TaskId};
use crate::base::quantity::Quantities;
use crate::mesos::task_state::TaskState;
use crate::record::Count;
use smallvec::SmallVec;

/// Tasks of one job, by their numbers, of which the masters have not heard yet how they ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Open(SmallVec<[u64; 2]>);

impl Open {
    fn add(&mut self, n: u32) {
        let word = n as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (n % 64);
    }
    fn has(&self, n: u32) -> bool {
        self.0.get(n as usize / 64).is_some_and(|word| word >> (n % 64) & 1 == 1)
    }
    fn remove(&mut self, n: u32) {
        if let Some(word) = self.0.get_mut(n as usize / 64) {
            *word &= !(1 << (n % 64));
        }
    }
}

impl Recorder {
    fn open(&mut self, job: JobId) -> Option<&mut Open> {
        match self.slot(job) {
            Some(slot) => Some(&mut self.jobs[slot].open),
            None => self.services.get_mut(&job).map(|service| &mut service.open),
        }
    }

    /// The task holds its resources from now on; whose it is.
    fn book(&mut self, left: i64, task: TaskId) -> u32 {
        let (framework, each) = if let Some(slot) = self.slot(task.template) {
            let job = &mut self.jobs[slot];
            job.held += 1;
            job.open.add(task.n);
            (job.framework, job.each)
        } else if let Some(service) = self.services.get_mut(&task.template) {
            service.held += 1;
            service.open.add(task.n);
            (service.framework, service.each)
        } else {
            return NONE;
        };
        self.hold(framework, each, 1, left);
        framework
    }

    pub(super) fn launched(&mut self, left: i64, task: TaskId) {
        let framework = self.book(left, task);
        self.count(framework, Count::TasksLaunched, 1);
    }

    /// An executor of a group holds what it needs itself; it is no task, so it is not counted as one.
    pub(super) fn executor_held(&mut self, left: i64, executor: TaskId) {
        let Some(service) = self.services.get_mut(&executor.template) else { return };
        service.held += 1;
        let (framework, each) = (service.framework, service.each);
        self.hold(framework, each, 1, left);
    }

    pub(super) fn executor_released(&mut self, left: i64, executor: TaskId) {
        let Some(service) = self.services.get_mut(&executor.template).filter(|s| s.held > 0) else { return };
        service.held -= 1;
        let (framework, each) = (service.framework, service.each);
        self.hold(framework, each, -1, left);
    }

    /// A master hears of a task that it has not launched itself.
    pub(super) fn task_reported(&mut self, left: i64, task: TaskId, state: TaskState) {
        if !state.is_terminal() {
            self.book(left, task);
        } else if self.open(task.template).is_some_and(|open| open.has(task.n)) {
            // It ended while nobody led, or while its agent was cut off.
            self.count_state(task, state);
        }
    }

    fn count_state(&mut self, task: TaskId, state: TaskState) {
        let which = match state {
            TaskState::Finished => Some(Count::StateFinished),
            TaskState::Failed => Some(Count::StateFailed),
            TaskState::Killed => Some(Count::StateKilled),
            TaskState::Error => Some(Count::StateError),
            TaskState::Lost => Some(Count::StateLost),
            TaskState::Dropped => Some(Count::StateDropped),
            TaskState::Gone | TaskState::GoneByOperator => Some(Count::StateGone),
            TaskState::Unreachable => Some(Count::StateUnreachable),
            TaskState::Staging | TaskState::Starting | TaskState::Running | TaskState::Killing | TaskState::Unknown => {
                None
            }
        };
        if let Some(which) = which {
            self.count(NONE, which, 1);
        }
        // Of the others the agent may still bring better news.
        if matches!(state, TaskState::Finished | TaskState::Failed | TaskState::Killed | TaskState::Error)
            && let Some(open) = self.open(task.template)
        {
            open.remove(task.n);
        }
    }

    pub(super) fn task_terminal(&mut self, left: i64, task: TaskId, state: TaskState) {
        self.count_state(task, state);
        let job = task.template;
        if let Some(service) = self.services.get_mut(&job).filter(|s| s.held > 0) {
            service.held -= 1;
            let (f, each) = (service.framework, service.each);
            return self.hold(f, each, -1, left);
        }
        let Some(slot) = self.slot(job) else { return };
        let entry = &mut self.jobs[slot];
        // A task that never held anything (its launch was refused) has nothing to give back.
        if entry.held > 0 {
            entry.held -= 1;
            let (f, each) = (entry.framework, entry.each);
            self.hold(f, each, -1, left);
            self.forget_if_over(job, slot);
        }
    }

    /// A master takes its books and its offers with it; its successor begins with nothing.
    pub(super) fn master_left(&mut self, left: i64) {
        for job in 0..self.jobs.len() {
            let &Job { framework, each, held, .. } = &self.jobs[job];
            if held > 0 {
                self.jobs[job].held = 0;
                add(&mut self.frameworks[framework as usize].allocated, each, -i64::from(held), left);
            }
        }
        for service in self.services.values_mut() {
            let held = i64::from(std::mem::take(&mut service.held));
            add(&mut self.frameworks[service.framework as usize].allocated, service.each, -held, left);
        }
        let orphans = std::mem::take(&mut self.outstanding);
        self.count(NONE, Count::OffersOrphaned, orphans);
        for level in &mut self.offered {
            level.add(-level.value, left);
        }
        for at in 0..self.agents.len() {
            let (&id, &agent) = self.agents.get_index(at).expect("below len");
            if agent.registered {
                self.set_agent(id, Agent { registered: false, connected: false, orphaned: true, ..agent }, left);
            }
        }
    }

    fn hold(&mut self, framework: u32, each: Quantities, sign: i64, left: i64) {
        add(&mut self.frameworks[framework as usize].allocated, each, sign, left);
    }
}
