//! Placing queued jobs on a batch of offers.

use super::{Batch, Standing, Task};
use crate::actor::Cx;
use crate::base::dice::Site;
use crate::base::id::{JobId, TaskId};
use crate::base::quantity::Quantities;
use crate::fact::Fact;
use crate::frameworks::chooser::{Candidate, Chooser, ChooserUser};
use crate::job::Progress;
use crate::mesos::message::{Launch, Launches, Msg, OfferBatch, OfferRange, OfferRanges};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const CHOOSER: Site = Site::new("batch-chooser");

/// Memory that is kept between batches of offers.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    /// Free part of each offer of the batch; filled as far as somebody looked.
    free: Vec<Quantities>,
    /// (offer, job, first task, count) in order of placement.
    placed: Vec<(u32, JobId, u32, u32)>,
    /// (offer, count) of the job at hand.
    plan: Vec<(u32, u32)>,
    /// Demands that no offer of the batch can hold any more.
    blocked: Vec<Quantities>,
    launches: Vec<Launch>,
    declined: Vec<OfferRange>,
}

/// Plans one job on the offers that are left.
struct Plan<'a> {
    free: &'a mut Vec<Quantities>,
    plan: &'a mut Vec<(u32, u32)>,
    batch: &'a OfferBatch,
    need: Quantities,
    wanted: u32,
    /// Whether offer i can serve the job apart from its scalars, and at most how many tasks.
    allowed: &'a dyn Fn(u32) -> u32,
    draw: &'a dyn Fn(u32) -> crate::base::dice::Draw,
}

impl Plan<'_> {
    fn free(&mut self, i: u32) -> Quantities {
        while self.free.len() <= i as usize {
            let entry = self.batch.allocation.entry(self.free.len() as u32);
            self.free.push(entry.resources.scalars());
        }
        self.free[i as usize]
    }
    /// How many tasks of the job offer `i` can take now.
    fn room(&mut self, i: u32) -> u32 {
        let fits = self.free(i).fits(self.need).min(i64::from(self.wanted)) as u32;
        if fits == 0 { 0 } else { fits.min((self.allowed)(i)) }
    }
    fn take(&mut self, i: u32, count: u32) {
        self.free[i as usize] -= self.need.times(i64::from(count));
        self.wanted -= count;
        match self.plan.last_mut() {
            Some((last, n)) if *last == i => *n += count,
            _ => self.plan.push((i, count)),
        }
    }
}

impl ChooserUser<u32> for Plan<'_> {
    /// Returns how many tasks found no place.
    fn call<C: Chooser>(mut self, chooser: &C) -> u32 {
        let offers = self.batch.len();
        if C::IN_ORDER {
            for i in 0..offers {
                if self.wanted == 0 {
                    break;
                }
                let count = self.room(i);
                if count > 0 {
                    self.take(i, count);
                }
            }
            return self.wanted;
        }
        let need = self.need;
        let mut heap = BinaryHeap::new();
        let score = |plan: &mut Self, i: u32| {
            let free = plan.free(i);
            chooser.score(&Candidate { index: i, free, need, draw: (plan.draw)(i) })
        };
        for i in 0..offers {
            if self.room(i) > 0 {
                heap.push(Reverse((score(&mut self, i), i)));
            }
        }
        while self.wanted > 0 {
            let Some(Reverse((_, i))) = heap.pop() else { break };
            self.take(i, 1);
            // Shared devices are booked when the plan is carried out, so one task at a time.
            if (self.allowed)(i) > 1 && self.room(i) > 0 {
                heap.push(Reverse((score(&mut self, i), i)));
            }
        }
        self.wanted
    }
}

impl Batch {
    pub(super) fn offers(&mut self, cx: &mut Cx, batch: &OfferBatch) {
        for (agent, info) in &batch.described {
            self.devices.describe(cx.names, *agent, info);
        }
        let number = self.batches;
        self.batches += 1;
        let mut scratch = std::mem::take(&mut self.place);
        scratch.free.clear();
        scratch.placed.clear();
        scratch.blocked.clear();
        self.place_queue(cx, batch, number, &mut scratch);
        self.answer(cx, batch, &mut scratch);
        self.place = scratch;
        self.tell_devices(cx);
        self.suppress_if_idle(cx);
    }

    fn place_queue(&mut self, cx: &mut Cx, batch: &OfferBatch, number: u64, scratch: &mut Scratch) {
        let key = cx.dice.key(CHOOSER);
        let owner = self.config.name;
        let mut kept = 0;
        for _ in 0..self.queue.len() {
            let id = self.queue[kept];
            let job = &self.jobs[&id];
            let (need, gang) = (job.job.spec.each, job.job.gang);
            if !job.offered {
                cx.fact(Fact::JobOffered { job: id, owner });
                self.jobs[&id].offered = true;
            }
            let job = &self.jobs[&id];
            let demand = job.job.spec.devices.clone();
            if demand.is_none() && scratch.blocked.iter().any(|&b| need.contains(b)) {
                kept += 1;
                continue;
            }
            scratch.plan.clear();
            let devices = &self.devices;
            let names = &*cx.names;
            let allowed = |i: u32| match &demand {
                None => u32::MAX,
                Some(demand) => u32::from(devices.fits(names, batch.allocation.entry(i).agent, demand)),
            };
            let draw = |i: u32| key.draw(u64::from(owner.0) << 40 | number, u64::from(i));
            let plan = Plan {
                free: &mut scratch.free,
                plan: &mut scratch.plan,
                batch,
                need,
                wanted: job.waiting,
                allowed: &allowed,
                draw: &draw,
            };
            let left = self.config.chooser.with(plan);
            if left > 0 && gang {
                for &(i, count) in &scratch.plan {
                    scratch.free[i as usize] += need.times(i64::from(count));
                }
                kept += 1;
                continue;
            }
            if left > 0 && demand.is_none() {
                scratch.blocked.push(need);
            }
            let job = &mut self.jobs[&id];
            job.waiting = left;
            for &(i, count) in &scratch.plan {
                let first = job.tasks.len() as u32;
                let agent = batch.allocation.entry(i).agent;
                for n in first..first + count {
                    job.tasks.push(Task { standing: Standing::Launched, agent });
                    if let Some(demand) = &demand {
                        self.devices.take(cx.names, agent, TaskId { template: id, n }, demand);
                    }
                }
                scratch.placed.push((i, id, first, count));
            }
            if left == 0 {
                job.in_queue = false;
                self.queue.remove(kept);
            } else {
                kept += 1;
            }
        }
    }

    /// One ACCEPT per offer used, one DECLINE for the rest.
    fn answer(&mut self, cx: &mut Cx, batch: &OfferBatch, scratch: &mut Scratch) {
        let Some(framework) = self.id else { return };
        let refuse = self.refuse();
        scratch.placed.sort_by_key(|p| p.0);
        scratch.declined.clear();
        let mut next = 0;
        let mut at = 0;
        while at < scratch.placed.len() {
            let offer = scratch.placed[at].0;
            scratch.launches.clear();
            while let Some(&(_, id, first, count)) = scratch.placed.get(at).filter(|p| p.0 == offer) {
                scratch.launches.push(Launch { spec: self.jobs[&id].job.spec.clone(), first, count });
                at += 1;
            }
            if offer > next {
                scratch.declined.push(OfferRange { first: batch.id(next), count: offer - next });
            }
            next = offer + 1;
            let launches = match scratch.launches.len() {
                1 => Launches::One(scratch.launches.pop().expect("one")),
                _ => Launches::Many(scratch.launches.as_slice().into()),
            };
            let placed = || Progress::Placed {
                agent: batch.allocation.entry(offer).agent,
                tasks: launches.as_slice().iter().map(|l| (l.spec.template, l.first, l.count)).collect(),
            };
            let placed = self.store.is_kept.then(placed);
            let accept = Msg::Accept { framework, offer: batch.id(offer), more: None, refuse, launches };
            self.tell_placed(cx, placed, accept);
        }
        if next < batch.len() {
            scratch.declined.push(OfferRange { first: batch.id(next), count: batch.len() - next });
        }
        if !scratch.declined.is_empty() {
            let offers = OfferRanges::from_slice(&scratch.declined);
            self.tell(cx, Msg::Decline { framework, offers, refuse });
        }
    }
}
