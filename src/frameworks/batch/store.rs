//! What a batch framework with `store = "disk"` writes down, so that its next life goes on with its
//! jobs: the framework id, each job before it counts as submitted, each placement before its ACCEPT
//! leaves, each end of a task before it is acknowledged.
//!
//! With `store = "memory"` nothing is written, and whoever starts it again starts with nothing: a new
//! framework id, no jobs.

use super::{Batch, Queued, Standing, Task};
use crate::actor::{Cx, DiskOp};
use crate::base::id::{JobId, TaskId};
use crate::base::map::Map;
use crate::fact::Fact;
use crate::job::{Job, Progress};
use crate::mesos::message::{Msg, StatusUpdate};
use std::sync::Arc;

/// What is done as soon as something is durable.
#[derive(Clone, Debug)]
enum Then {
    Nothing,
    Submit(JobId, Arc<Job>),
    Say(Msg),
    Judge(StatusUpdate),
    Close(JobId),
}

#[derive(Clone, Debug)]
pub(super) struct Store {
    /// Something is written at all.
    pub(super) is_kept: bool,
    writes: u64,
    under_way: Map<u64, Then>,
}

impl Store {
    pub(super) fn new(is_kept: bool) -> Self {
        Self { is_kept, writes: 0, under_way: Map::default() }
    }
    fn write(&mut self, cx: &mut Cx, op: DiskOp, then: Then) {
        self.writes += 1;
        cx.persist(self.writes, op);
        self.under_way.insert(self.writes, then);
    }
    fn note(&mut self, cx: &mut Cx, what: Progress, then: Then) {
        self.write(cx, DiskOp::Progress(Arc::new(what)), then);
    }
}

impl Batch {
    /// What an earlier life wrote.
    pub(super) fn recover(&mut self, cx: &mut Cx, disk: &[DiskOp]) {
        for op in disk {
            match op {
                DiskOp::FrameworkId(id) => self.id = Some(*id),
                DiskOp::Progress(what) => self.recall(what),
                _ => {}
            }
        }
        for (id, job) in &mut self.jobs {
            let live = job.tasks.iter().filter(|task| task.standing != Standing::Over).count() as u32;
            job.waiting = job.job.tasks.saturating_sub(job.ended + live);
            job.in_queue = job.waiting > 0;
            if job.in_queue {
                self.queue.push_back(*id);
            }
        }
        let done = self.jobs.values().filter(|job| job.ended == job.job.tasks).map(|job| job.id);
        for job in done.collect::<Vec<_>>() {
            self.job_over(cx, job);
        }
    }

    fn recall(&mut self, what: &Progress) {
        match what {
            Progress::Taken { id, job } => {
                let queued = Queued::new(*id, job.clone());
                self.jobs.insert(*id, queued);
            }
            Progress::Placed { agent, tasks } => {
                for &(id, first, count) in &**tasks {
                    let Some(job) = self.jobs.get_mut(&id) else { continue };
                    // It had an offer, whoever remembers it.
                    job.offered = true;
                    let end = (first + count) as usize;
                    if job.tasks.len() < end {
                        job.tasks.resize(end, Task { standing: Standing::Over, agent: *agent });
                    }
                    job.tasks[first as usize..end].fill(Task { standing: Standing::Launched, agent: *agent });
                    let Some(demand) = &job.job.spec.devices else { continue };
                    for n in first..first + count {
                        self.devices.remember(*agent, TaskId { template: id, n }, demand);
                    }
                }
            }
            Progress::Ended { task, for_good } => {
                self.devices.release(*task);
                let Some(job) = self.jobs.get_mut(&task.template) else { return };
                let Some(record) = job.tasks.get_mut(task.n as usize) else { return };
                // An update and its repetition may both have been written before either was judged.
                if std::mem::replace(&mut record.standing, Standing::Over) != Standing::Over {
                    job.ended += u32::from(*for_good);
                }
            }
            Progress::Over(id) => {
                self.jobs.shift_remove(id);
            }
        }
    }

    /// Something is durable now.
    pub(super) fn persisted(&mut self, cx: &mut Cx, token: u64) {
        match self.store.under_way.swap_remove(&token) {
            None | Some(Then::Nothing) => {}
            Some(Then::Submit(id, job)) => self.submitted(cx, id, job),
            Some(Then::Say(msg)) => self.tell(cx, msg),
            Some(Then::Judge(update)) => self.judge(cx, update),
            Some(Then::Close(job)) => self.close(cx, job),
        }
    }

    pub(super) fn submit(&mut self, cx: &mut Cx, job: Arc<Job>, id: JobId) {
        if !self.store.is_kept {
            return self.submitted(cx, id, job);
        }
        self.store.note(cx, Progress::Taken { id, job: job.clone() }, Then::Submit(id, job));
    }

    pub(super) fn keep_id(&mut self, cx: &mut Cx, id: crate::base::id::FrameworkId) {
        if self.store.is_kept && self.id != Some(id) {
            self.store.write(cx, DiskOp::FrameworkId(id), Then::Nothing);
        }
    }

    /// Says it when the placement is durable.
    pub(super) fn tell_placed(&mut self, cx: &mut Cx, what: Option<Progress>, msg: Msg) {
        match what {
            Some(what) => self.store.note(cx, what, Then::Say(msg)),
            None => self.tell(cx, msg),
        }
    }

    /// An update from Mesos; one that ends a task is judged when that is durable.
    pub(super) fn update(&mut self, cx: &mut Cx, update: StatusUpdate) {
        if self.store.is_kept && Some(update.framework) == self.id {
            let task = update.task;
            let known = self.jobs.get(&task.template).and_then(|job| job.tasks.get(task.n as usize));
            let lives = known.is_some_and(|task| task.standing != Standing::Over);
            if let (true, Some(for_good)) = (lives, super::ends(update.state)) {
                return self.store.note(cx, Progress::Ended { task, for_good }, Then::Judge(update));
            }
        }
        self.judge(cx, update);
    }

    /// Tasks that end without an update.
    pub(super) fn note_lost(&mut self, cx: &mut Cx, task: TaskId) {
        if self.store.is_kept {
            self.store.note(cx, Progress::Ended { task, for_good: false }, Then::Nothing);
        }
    }

    /// All tasks of a job have ended; that it has ended counts when it is durable.
    pub(super) fn job_over(&mut self, cx: &mut Cx, job: JobId) {
        match self.store.is_kept {
            true => self.store.note(cx, Progress::Over(job), Then::Close(job)),
            false => self.close(cx, job),
        }
    }

    fn close(&mut self, cx: &mut Cx, job: JobId) {
        cx.fact(Fact::JobEnded { job, owner: self.config.name });
        self.jobs.swap_remove(&job);
    }
}
