//! A made-up cluster for tests: a few frameworks, a central queue, agents that die and return.
//!
//! Not a model of Mesos: just a valid, plausible stream of facts with a seed, made without any
//! other part of the simulator.

use super::recorder::{FrameworkSetup, RackSetup, Recorder, RecorderSetup};
use super::{Manifest, Recording};
use crate::base::dice::{Dice, Site};
use crate::base::id::{AgentId, FrameworkId, JobId, Names, OfferId, Symbol, TaskId};
use crate::base::quantity::Quantities;
use crate::base::sampler::exponential;
use crate::base::time::{Span, Time};
use crate::fact::{At, End, Fact, OfferEnd};
use crate::mesos::task_state::{Reason, TaskState};
use std::collections::{BTreeMap, VecDeque};

/// What to make up.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) frameworks: &'static [&'static str],
    pub(crate) agents: u32,
    pub(crate) jobs: u32,
    /// Mean gap between jobs.
    pub(crate) gap: Span,
    pub(crate) gpus: bool,
    pub(crate) faults: u32,
}

impl Plan {
    pub(crate) fn small() -> Self {
        let frameworks = &["analytics", "web"];
        Self { seed: 1, frameworks, agents: 20, jobs: 150, gap: Span::from_secs(20), gpus: false, faults: 2 }
    }
}

pub(crate) struct Made {
    pub(crate) setup: RecorderSetup,
    pub(crate) names: Names,
    pub(crate) facts: Vec<At<Fact>>,
    pub(crate) end: Time,
}

impl Made {
    pub(crate) fn recorder(&self) -> Recorder {
        let mut recorder = Recorder::new(self.setup.clone());
        for fact in &self.facts {
            recorder.fact(fact.at, &fact.what);
        }
        recorder.set_messages(&[("OFFERS", 1_234), ("ACCEPT", 321), ("DECLINE", 99)]);
        recorder
    }
    pub(crate) fn recording(&self) -> Recording {
        self.recorder().finish(self.end, &self.names)
    }
    pub(crate) fn manifest(&self) -> Manifest {
        Manifest {
            format: super::manifest::FORMAT,
            name: "synthetic".into(),
            scenario: "5d41402abc4b2a76".into(),
            seed: 1,
            digest: "99aa06d3014798d86001c324468d497f".into(),
            digest_bytes: 96 * self.facts.len() as u64,
            simulated_ns: self.end.0,
        }
    }
}

enum Event {
    Submit(u32),
    End { task: TaskId, agent: u32, birth: u32 },
    Strike(u32),
    Heal(u32),
}

struct Pending {
    job: JobId,
    framework: usize,
    next: u32,
    left: u32,
    done: u32,
    tasks: u32,
    each: Quantities,
    offered: bool,
}

/// Makes the facts of a plan, in order of time.
pub(crate) fn make(plan: &Plan) -> Made {
    let mut names = Names::default();
    let master = names.intern("6c1f-M0");
    let owners: Vec<Symbol> = plan.frameworks.iter().map(|n| names.intern(n)).collect();
    let ids: Vec<FrameworkId> =
        (0..owners.len()).map(|i| FrameworkId(names.intern(&format!("6c1f-M0-{i:04}")))).collect();
    let hosts: Vec<Symbol> = (0..plan.agents).map(|i| names.intern(&format!("rack-{}-{i}", i % 4))).collect();
    let key = Dice::new(plan.seed).key(Site::new("test-synthetic"));
    let total = Quantities([16_000, 65_536_000, 0, if plan.gpus { 4_000 } else { 0 }]);
    let agent_id = |i: u32| AgentId { master, n: i };

    let mut facts = Vec::new();
    let mut queue: BTreeMap<(Time, u64), Event> = BTreeMap::new();
    let mut sequence = 0;
    let mut free = vec![total; hosts.len()];
    let mut births = vec![0_u32; hosts.len()];
    let mut up = vec![true; hosts.len()];
    let mut running: BTreeMap<TaskId, u32> = BTreeMap::new();
    let mut jobs: Vec<Pending> = Vec::new();
    let mut waiting: VecDeque<usize> = VecDeque::new();
    let mut offers = 0_u64;
    let mut push = |queue: &mut BTreeMap<(Time, u64), Event>, at: Time, event| {
        sequence += 1;
        queue.insert((at, sequence), event);
    };

    let mut say = |at: Time, what: Fact| facts.push(At { at, by: crate::fact::WORLD, what });
    for (i, &host) in hosts.iter().enumerate() {
        let at = Time::ZERO + Span::from_millis(key.draw(0, i as u64).below(900) as i64 * i as i64 / 20);
        say(
            Time(at.0.min(900_000_000 * (i as i64 + 1) / 20)),
            Fact::AgentRegistered { agent: agent_id(i as u32), host, total },
        );
    }
    let start = Time::from_secs(60);
    for (&framework, &name) in ids.iter().zip(&owners) {
        say(start, Fact::FrameworkSubscribed { framework, name, role: name });
    }
    let mut at = start;
    for i in 0..plan.jobs {
        at += Span(exponential(plan.gap.0 as f64, key.draw(1, u64::from(i))));
        push(&mut queue, at, Event::Submit(i));
    }
    for i in 0..plan.faults {
        let at = Time((at.0 - start.0) / i64::from(plan.faults + 1) * i64::from(i + 1));
        push(&mut queue, at, Event::Strike(i));
        push(&mut queue, at + Span::from_secs(240), Event::Heal(i));
    }
    let mut now = start;
    while let Some(((at, _), event)) = queue.pop_first() {
        now = at;
        match event {
            Event::Submit(i) => {
                let draw = |n: u64| key.draw(100 + u64::from(i), n);
                let framework = draw(0).below(owners.len() as u64) as usize;
                let tasks = 1 + draw(1).below(40) as u32;
                let cpus = 500 * (1 + draw(2).below(4) as i64);
                let mem = 512_000 * (1 + draw(3).below(12) as i64);
                let gpus = if plan.gpus && framework == 0 { 1_000 } else { 0 };
                let each = Quantities([cpus, mem, 0, gpus]);
                let job = JobId(i);
                say(at, Fact::JobSubmitted { job, owner: owners[framework], tasks, each });
                waiting.push_back(jobs.len());
                jobs.push(Pending { job, framework, next: 0, left: tasks, done: 0, tasks, each, offered: false });
            }
            Event::End { task, agent, birth } => {
                if births[agent as usize] != birth || running.remove(&task).is_none() {
                    continue;
                }
                let job = &mut jobs[task.template.0 as usize];
                let (owner, framework) = (owners[job.framework], ids[job.framework]);
                say(at, Fact::TaskEnded { task, owner, host: hosts[agent as usize], how: End::Finished });
                let (state, reason) = (TaskState::Finished, Reason::None);
                say(at, Fact::TaskTerminal { framework, task, agent: agent_id(agent), state, reason });
                free[agent as usize] += job.each;
                job.done += 1;
                if job.done == job.tasks {
                    say(at, Fact::JobEnded { job: job.job, owner });
                }
            }
            Event::Strike(fault) => {
                say(at, Fact::FaultBegan { fault });
                say(at, Fact::FaultBit { fault });
                for a in (0..plan.agents).filter(|a| a % 4 == fault % 4) {
                    let i = a as usize;
                    (up[i], births[i], free[i]) = (false, births[i] + 1, Quantities::ZERO);
                    let dead: Vec<TaskId> = running.iter().filter(|r| *r.1 == a).map(|r| *r.0).collect();
                    for &task in &dead {
                        running.remove(&task);
                        let job = &mut jobs[task.template.0 as usize];
                        let (owner, framework) = (owners[job.framework], ids[job.framework]);
                        say(at, Fact::TaskEnded { task, owner, host: hosts[i], how: End::Lost });
                        let (state, reason) = (TaskState::Lost, Reason::AgentRemoved);
                        say(at, Fact::TaskTerminal { framework, task, agent: agent_id(a), state, reason });
                        job.left += 1;
                        if !waiting.contains(&(task.template.0 as usize)) {
                            waiting.push_front(task.template.0 as usize);
                        }
                    }
                    say(at, Fact::AgentDisconnected { agent: agent_id(a), host: hosts[i] });
                    say(at, Fact::AgentUnreachable { agent: agent_id(a), host: hosts[i] });
                }
            }
            Event::Heal(fault) => {
                say(at, Fact::FaultEnded { fault });
                for a in (0..plan.agents).filter(|a| a % 4 == fault % 4) {
                    let i = a as usize;
                    (up[i], free[i]) = (true, total);
                    say(at, Fact::AgentReregistered { agent: agent_id(a), host: hosts[i], total });
                }
            }
        }
        // Offer every agent with room to the framework of the first waiting job, and use it.
        while let Some(&index) = waiting.front() {
            let job = &mut jobs[index];
            let (owner, framework) = (owners[job.framework], ids[job.framework]);
            let roomy: Vec<usize> = (0..free.len()).filter(|&i| up[i] && free[i].fits(job.each) > 0).collect();
            if roomy.is_empty() {
                break;
            }
            let total = roomy.iter().fold(Quantities::ZERO, |sum, &i| sum + free[i]);
            let (first, count) = (OfferId::new(master, offers), roomy.len() as u32);
            offers += u64::from(count);
            say(now, Fact::AllocationRun { run: offers, candidates: free.len() as u32, offers: count });
            say(now, Fact::Offered { framework, role: owner, first, count, total });
            if !std::mem::replace(&mut job.offered, true) {
                say(now, Fact::JobOffered { job: job.job, owner });
            }
            let mut taken = 0;
            for &i in &roomy {
                let fits = free[i].fits(job.each).min(i64::from(job.left)) as u32;
                taken += u32::from(fits > 0);
                for _ in 0..fits {
                    let task = TaskId { template: job.job, n: job.next };
                    (job.next, job.left) = (job.next + 1, job.left - 1);
                    free[i] -= job.each;
                    say(now, Fact::TaskLaunched { framework, task, agent: agent_id(i as u32) });
                    say(now, Fact::TaskStarted { task, owner, host: hosts[i] });
                    running.insert(task, i as u32);
                    let length = Span(exponential(300e9, key.draw(2, task.bits())).max(1_000_000));
                    let (agent, birth) = (i as u32, births[i]);
                    push(&mut queue, now + length, Event::End { task, agent, birth });
                }
            }
            let one = Quantities([
                total.0[0] / i64::from(count),
                total.0[1] / i64::from(count),
                0,
                total.0[3] / i64::from(count),
            ]);
            let accepted = one.times(i64::from(taken));
            let how = OfferEnd::Accepted;
            say(now, Fact::OffersEnded { framework, first, count: taken, how, total: accepted });
            if taken < count {
                let how = OfferEnd::Declined;
                let first = first.plus(u64::from(taken));
                say(now, Fact::OffersEnded { framework, first, count: count - taken, how, total: total - accepted });
            } else if accepted != total {
                // The division above lost some thousandths; give them back under no offer.
                let (how, total) = (OfferEnd::Accepted, total - accepted);
                say(now, Fact::OffersEnded { framework, first, count: 0, how, total });
            }
            if job.left > 0 {
                break;
            }
            waiting.pop_front();
        }
    }
    facts.sort_by_key(|f| f.at);
    let frameworks = (owners.iter().zip(plan.frameworks).enumerate())
        .map(|(i, (&symbol, name))| FrameworkSetup {
            symbol,
            name: (*name).to_owned(),
            role: (*name).to_owned(),
            weight: 1.0 + i as f64,
        })
        .collect();
    let interval = Span((now.0 / 240 / 1_000_000_000).max(1) * 1_000_000_000);
    // Machines stand in racks in turn, as their names say.
    let rack =
        |r: usize| RackSetup { name: format!("rack-{r}"), hosts: hosts.iter().copied().skip(r).step_by(4).collect() };
    let racks = (0..hosts.len().min(4)).map(rack).collect();
    let fault_labels = (0..plan.faults).map(|i| format!("rack-{i} lost")).collect();
    let setup = RecorderSetup { interval, frameworks, fault_labels, racks, ..RecorderSetup::default() };
    Made { setup, names, facts, end: now }
}
