//! Tests of the recorder: integrals by hand, and a slow recount of random streams.

use super::*;
use crate::base::id::{FrameworkId, OfferId, TaskId};
use crate::fact::At;
use crate::mesos::task_state::{Reason, TaskState};
use crate::record::synthetic::{Plan, make};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const OWNER: Symbol = Symbol(0);
const FRAMEWORK: FrameworkId = FrameworkId(Symbol(1));
const MASTER: Symbol = Symbol(2);
const HOST: Symbol = Symbol(3);
const AGENT: AgentId = AgentId { master: MASTER, n: 0 };
const EACH: Quantities = Quantities([1_000, 512_000, 0, 0]);

fn setup(interval: Span) -> RecorderSetup {
    let frameworks = vec![FrameworkSetup { symbol: OWNER, name: "a".into(), role: "*".into(), weight: 1.0 }];
    RecorderSetup { interval, frameworks, fault_labels: vec!["rack".into()], ..RecorderSetup::default() }
}

fn names() -> Names {
    let mut names = Names::default();
    for text in ["a", "M0-0000", "M0", "host-1", "b"] {
        names.intern(text);
    }
    names
}

fn task(n: u32) -> TaskId {
    TaskId { template: JobId(0), n }
}

fn started(n: u32) -> Fact {
    Fact::TaskStarted { task: task(n), owner: OWNER, host: HOST }
}
fn ended(n: u32, how: End) -> Fact {
    Fact::TaskEnded { task: task(n), owner: OWNER, host: HOST, how }
}
fn launched(n: u32) -> Fact {
    Fact::TaskLaunched { framework: FRAMEWORK, task: task(n), agent: AGENT }
}
fn terminal(n: u32, state: TaskState) -> Fact {
    Fact::TaskTerminal { framework: FRAMEWORK, task: task(n), agent: AGENT, state, reason: Reason::None }
}

/// One server, three tasks of 4 s that arrive together (a batch of D/D/1): waits 0, 4, 8 s after
/// the first offer at 1 s; the integrals are triangles and rectangles.
#[test]
fn a_queue_worked_out_by_hand() {
    let mut recorder = Recorder::new(setup(Span::from_secs(10)));
    let mut at = |s: i64, fact: Fact| recorder.fact(Time::from_secs(s), &fact);
    at(0, Fact::AgentRegistered { agent: AGENT, host: HOST, total: EACH.times(2) });
    at(0, Fact::FrameworkSubscribed { framework: FRAMEWORK, name: OWNER, role: OWNER });
    at(1, Fact::JobSubmitted { job: JobId(0), owner: OWNER, tasks: 3, each: EACH });
    at(2, Fact::Offered { framework: FRAMEWORK, role: OWNER, first: OfferId::new(MASTER, 0), count: 1, total: EACH });
    at(2, Fact::JobOffered { job: JobId(0), owner: OWNER });
    let how = OfferEnd::Accepted;
    at(5, Fact::OffersEnded { framework: FRAMEWORK, first: OfferId::new(MASTER, 0), count: 1, how, total: EACH });
    for n in 0..3 {
        let begin = 5 + 4 * i64::from(n);
        at(begin, launched(n));
        at(begin, started(n));
        at(begin + 4, ended(n, End::Finished));
        at(begin + 4, terminal(n, TaskState::Finished));
    }
    at(17, Fact::JobEnded { job: JobId(0), owner: OWNER });
    assert_eq!(recorder.metric("tasks.finished"), Some(3.0));
    assert_eq!(recorder.metric("utilization.cpus.used"), Some(0.0));
    assert!(recorder.jobs.len() == 1 && recorder.free == [0] && recorder.slots == [NONE]);
    let recording = recorder.finish(Time::from_secs(20), &names());
    let (series, a) = (&recording.series, &recording.frameworks[0]);
    // Used 1 CPU from 5 to 17 s; offered 1 CPU from 2 to 5 s; queued 3 for 4 s, 2 for 4 s, 1 for 4 s.
    assert_eq!(series.used[0], [500_000, 700_000]);
    assert_eq!(series.used[1], [256_000_000, 358_400_000]);
    assert_eq!(series.offered[0], [300_000, 0]);
    assert_eq!(series.capacity[0], [2_000_000, 2_000_000]);
    assert_eq!(a.queued, [(3 * 4 + 2 * 4 + 1) * 100_000, 300_000]);
    assert_eq!(a.running, [500_000, 700_000]);
    assert_eq!(series.jobs_waiting, [400_000, 0]);
    assert_eq!(
        (series.tasks_started.as_slice(), series.tasks_ended.as_slice()),
        ([2, 1].as_slice(), [1, 2].as_slice())
    );
    let s = 1_000_000_000;
    assert_eq!(a.first_offer.points, [(1, s)]);
    assert_eq!(a.started.points, [(1, 4 * s), (2, 8 * s), (3, 12 * s)]);
    assert_eq!(a.completion.points, [(1, 16 * s)]);
}

/// A lost task waits again, its further attempt is no first start, and an interval cut by the end
/// of the run is averaged over its own length.
#[test]
fn losses_queue_again_and_the_last_interval_is_short() {
    let mut recorder = Recorder::new(setup(Span::from_secs(10)));
    let mut at = |s: i64, fact: Fact| recorder.fact(Time::from_secs(s), &fact);
    at(0, Fact::JobSubmitted { job: JobId(0), owner: OWNER, tasks: 1, each: EACH });
    at(0, launched(0));
    at(0, started(0));
    at(10, Fact::FaultBegan { fault: 0 });
    at(10, ended(0, End::Lost));
    at(10, terminal(0, TaskState::Unreachable));
    // A second report about a task that holds nothing changes nothing.
    at(10, terminal(0, TaskState::Lost));
    at(13, launched(1));
    at(13, started(1));
    let mut fork = recorder.clone();
    let recording = recorder.finish(Time::from_secs(14), &names());
    let a = &recording.frameworks[0];
    assert_eq!(a.running, [1_000_000, 250_000]);
    assert_eq!(a.queued, [0, 750_000]);
    assert_eq!(recording.series.used[0], [1_000_000, 250_000]);
    assert_eq!(a.started.points, [(1, 0)]);
    assert_eq!(recording.counts.get("tasks.lost"), Some(&1));
    assert_eq!(recording.faults[0].began, Some(Time::from_secs(10)));
    // The copy goes on for itself.
    fork.fact(Time::from_secs(15), &ended(1, End::Finished));
    assert_eq!(fork.metric("frameworks.a.tasks.running"), Some(0.0));
    assert_eq!(fork.metric("frameworks.b.tasks.running"), None);
    assert_eq!(fork.metric("tasks.nonsense"), None);
}

#[test]
fn agents_come_and_go() {
    let mut recorder = Recorder::new(setup(Span::from_secs(10)));
    let total = EACH.times(4);
    let facts = [
        (0, Fact::AgentRegistered { agent: AGENT, host: HOST, total }),
        (2, Fact::AgentDisconnected { agent: AGENT, host: HOST }),
        (5, Fact::AgentUnreachable { agent: AGENT, host: HOST }),
        (8, Fact::AgentReregistered { agent: AGENT, host: HOST, total: total.times(2) }),
        (9, Fact::AgentReregistered { agent: AGENT, host: HOST, total }),
    ];
    for (s, fact) in facts {
        recorder.fact(Time::from_secs(s), &fact);
    }
    // An owner nobody announced gets its name at the end.
    recorder.fact(Time::from_secs(9), &Fact::JobSubmitted { job: JobId(7), owner: Symbol(4), tasks: 1, each: EACH });
    let recording = recorder.finish(Time::from_secs(10), &names());
    assert_eq!(recording.series.agents_registered, [700_000]);
    assert_eq!(recording.series.agents_connected, [400_000]);
    assert_eq!(recording.series.capacity[0], [(4 * 5 + 8 + 4) * 100_000]);
    let marks: Vec<_> = recording.agent_marks.iter().map(|m| m.what).collect();
    assert_eq!(marks, [AgentEvent::Disconnected, AgentEvent::Lost, AgentEvent::Returned]);
    assert_eq!(recording.frameworks[1].name, "b");
    assert_eq!(recording.levels.get("tasks.queued"), Some(&1));
}

/// What a new master hears of tasks that others launched, or that ended while nobody led.
#[test]
fn a_task_is_launched_once_and_ends_once() {
    let mut recorder = Recorder::new(setup(Span::from_secs(10)));
    let reported = |n, state| Fact::TaskReported { framework: FRAMEWORK, task: task(n), agent: AGENT, state };
    let died = Fact::ProcessStopped { slot: 0, incarnation: 0, kind: ProcessKind::Master, name: MASTER };
    let facts = [
        Fact::JobSubmitted { job: JobId(0), owner: OWNER, tasks: 4, each: EACH },
        launched(0),
        launched(1),
        launched(2),
        launched(3),
        terminal(0, TaskState::Finished),
        terminal(3, TaskState::Unreachable),
        Fact::ProcessStarted { slot: 0, incarnation: 0, kind: ProcessKind::Master, name: MASTER },
        died,
        // Of the first the old master had heard, of the second nobody; the third runs; the last is back.
        reported(0, TaskState::Finished),
        reported(1, TaskState::Finished),
        reported(2, TaskState::Running),
        reported(3, TaskState::Running),
    ];
    for (s, fact) in (0..).zip(facts) {
        recorder.fact(Time::from_secs(s), &fact);
    }
    let counts = |recorder: &Recorder| {
        ["tasks.launched", "frameworks.a.tasks.launched", "task_states.finished", "task_states.unreachable"]
            .map(|key| recorder.metric(key))
    };
    assert_eq!(counts(&recorder), [4.0, 4.0, 2.0, 1.0].map(Some));
    // Both that run hold their resources again.
    let recording = recorder.clone().finish(Time::from_secs(30), &names());
    assert_eq!(recording.series.used[0].last(), Some(&2_000_000));
    for n in [2, 3] {
        recorder.fact(Time::from_secs(14), &terminal(n, TaskState::Failed));
        recorder.fact(Time::from_secs(15), &reported(n, TaskState::Failed));
    }
    assert_eq!(recorder.metric("task_states.failed"), Some(2.0));
}

/// A recording read back from its folder equals the one in memory.
#[test]
fn files_read_back() {
    let recording = make(&Plan { gpus: true, jobs: 400, ..Plan::small() }).recording();
    let dir = std::env::temp_dir().join(format!("mesosim-recording-{}", std::process::id()));
    recording.files().write(&dir, &[]).unwrap();
    assert_eq!(Recording::read(&dir).unwrap(), recording);

    let series = std::fs::read_to_string(dir.join("series.csv")).unwrap();
    let broken = series.replacen("\n0,", "\nzero,", 1).replacen(",20,", ",x,", 1);
    std::fs::write(dir.join("series.csv"), broken).unwrap();
    let error = Recording::read(&dir).unwrap_err().to_string();
    assert!(error.contains("series.csv: line ") && error.contains("`x` is not a number"), "{error}");
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(Recording::read(&dir).unwrap_err().to_string().contains("mesosim run"));
}

/// Nobody would notice a slow recorder in a small run.
#[test]
fn a_task_costs_little_memory() {
    // And a bit for each of its tasks.
    assert!(std::mem::size_of::<Job>() <= 104);
    // Worlds fork and move to other threads with their recorder.
    fn forks<T: Clone + Send>(_: &T) {}
    forks(&Recorder::new(setup(Span::from_secs(1))));
}

// ---- the slow recount ----

/// Levels at one instant, from the whole list of facts so far: cpus used, cpus offered, cpus of
/// registered agents, tasks running, tasks queued, jobs waiting.
fn levels_after(facts: &[At<Fact>]) -> [i128; 6] {
    let (mut held, mut running) = (BTreeSet::new(), BTreeSet::new());
    let mut jobs: BTreeMap<u32, (i64, i64, BTreeSet<u32>, bool)> = BTreeMap::new();
    let mut agents = BTreeMap::new();
    let mut offered = 0;
    for fact in facts {
        match fact.what {
            Fact::JobSubmitted { job, tasks, each, .. } => {
                jobs.insert(job.0, (i64::from(tasks), each.0[0], BTreeSet::new(), false));
            }
            Fact::JobEnded { job, .. } | Fact::JobUnplaceable { job, .. } => jobs.get_mut(&job.0).unwrap().3 = true,
            Fact::TaskLaunched { task, .. } => drop(held.insert(task)),
            Fact::TaskTerminal { task, .. } => drop(held.remove(&task)),
            Fact::TaskStarted { task, .. } => drop(running.insert(task)),
            Fact::TaskEnded { task, how, .. } => {
                running.remove(&task);
                if how != End::Lost {
                    jobs.get_mut(&task.template.0).unwrap().2.insert(task.n);
                }
            }
            Fact::Offered { total, .. } => offered += total.0[0],
            Fact::OffersEnded { total, .. } => offered -= total.0[0],
            Fact::AgentRegistered { agent, total, .. } | Fact::AgentReregistered { agent, total, .. } => {
                agents.insert(agent, total.0[0]);
            }
            Fact::AgentUnreachable { agent, .. } | Fact::AgentRemoved { agent, .. } => drop(agents.remove(&agent)),
            _ => {}
        }
    }
    let used: i64 = held.iter().map(|t: &TaskId| jobs[&t.template.0].1).sum();
    let open = jobs.iter().filter(|(_, j)| !j.3);
    let queued = |(id, j): (&u32, &(i64, i64, BTreeSet<u32>, bool))| {
        let active = running.iter().filter(|t| t.template.0 == *id).count();
        (j.0 - j.2.len() as i64 - active as i64).max(0)
    };
    let ever =
        |id: u32| facts.iter().any(|f| matches!(f.what, Fact::TaskStarted { task, .. } if task.template.0 == id));
    let waiting = open.clone().filter(|(id, _)| !ever(**id)).count();
    let agents: i64 = agents.values().sum();
    [used, offered, agents, running.len() as i64, open.map(queued).sum(), waiting as i64].map(i128::from)
}

/// Averages over interval `from..to`, rounded half up, by going through all the facts.
fn averages(facts: &[At<Fact>], from: i64, to: i64) -> [i64; 6] {
    let mut sums = [0_i128; 6];
    for i in 0..facts.len() {
        let until = facts.get(i + 1).map_or(i64::MAX, |f| f.at.0);
        let overlap = until.min(to) - facts[i].at.0.max(from);
        if overlap > 0 {
            let levels = levels_after(&facts[..=i]);
            sums = std::array::from_fn(|k| sums[k] + levels[k] * i128::from(overlap));
        }
    }
    let per_unit = [1000, 1000, 1000, 1, 1, 1];
    std::array::from_fn(|k| {
        let (numerator, denominator) = (sums[k] * 2_000_000, i128::from(to - from) * per_unit[k]);
        ((numerator + denominator) / (2 * denominator)) as i64
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// The recorder agrees with the recount on every interval of made-up runs.
    #[test]
    fn agrees_with_a_slow_recount(seed in 0_u64..1_000_000, jobs in 1_u32..8, faults in 0_u32..3, ns in 1_i64..1000) {
        let plan = Plan { seed, jobs, faults, agents: 5, gap: Span::from_secs(120), ..Plan::small() };
        let mut made = make(&plan);
        // An interval that does not divide anything evenly.
        made.setup.interval = Span(made.end.0 / 7 + ns);
        let recording = made.recording();
        let series = &recording.series;
        prop_assert_eq!(series.rows(), 7);
        for row in 0..7 {
            let want = averages(&made.facts, series.edge(row).0, series.edge(row + 1).0);
            type Rows = fn(&FrameworkRecord) -> &Vec<i64>;
            let sum = |of: Rows| recording.frameworks.iter().map(|f| of(f)[row]).sum::<i64>();
            let got = [
                series.used[0][row],
                series.offered[0][row],
                series.capacity[0][row],
                sum(|f| &f.running),
                sum(|f| &f.queued),
                series.jobs_waiting[row],
            ];
            for (k, (got, want)) in got.iter().zip(want).enumerate() {
                // Sums over two frameworks are each rounded once more.
                let tolerance = if k == 3 || k == 4 { 1 } else { 0 };
                prop_assert!((got - want).abs() <= tolerance, "level {} in row {}: {} instead of {}", k, row, got, want);
            }
        }
    }
}

/// A successor begins what its predecessor had begun: one deployment, from the first beginning on.
#[test]
fn a_deployment_that_is_taken_up_is_one() {
    let mut recorder = Recorder::new(setup(Span::from_secs(10)));
    let mut at = |s: i64, fact: Fact| recorder.fact(Time::from_secs(s), &fact);
    let (deployment, app) = (Symbol(4), Symbol(0));
    let began = Fact::DeploymentBegan { deployment, steps: 2 };
    let step = |step| Fact::DeploymentStep { deployment, step, app };
    for (s, fact) in [(1, began), (1, step(1)), (5, began), (5, step(1)), (7, step(2))] {
        at(s, fact);
    }
    at(9, Fact::DeploymentEnded { deployment, how: crate::fact::DeploymentEnd::Succeeded });
    // The same id once more, after its end, is another run of it.
    at(20, began);
    let recording = recorder.finish(Time::from_secs(30), &names());
    let shown = |d: &crate::record::recording::DeploymentRecord| {
        (d.began_ns, d.steps.iter().map(|step| (step.step, step.at_ns)).collect::<Vec<_>>(), d.ended_ns)
    };
    let s = 1_000_000_000;
    assert_eq!(
        recording.deployments.iter().map(shown).collect::<Vec<_>>(),
        [(s, vec![(1, s), (2, 7 * s)], Some(9 * s)), (20 * s, vec![], None)]
    );
}

#[test]
fn a_framework_of_several_roles_shows_them() {
    let mut recorder = Recorder::new(setup(Span::from_secs(10)));
    let mut at = |fact: Fact| recorder.fact(Time::from_secs(1), &fact);
    at(Fact::FrameworkSubscribed { framework: FRAMEWORK, name: OWNER, role: OWNER });
    at(Fact::FrameworkRole { framework: FRAMEWORK, role: Symbol(4), standing: RoleStanding::Subscribed });
    let role = |recorder: &Recorder| recorder.clone().finish(Time::from_secs(2), &names()).frameworks[0].role.clone();
    assert_eq!(role(&recorder), "*", "as the scenario calls it");
    let other = Fact::FrameworkRole { framework: FRAMEWORK, role: Symbol(0), standing: RoleStanding::Wanted };
    recorder.fact(Time::from_secs(1), &other);
    assert_eq!(role(&recorder), "a, b");
}
