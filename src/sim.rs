//! One run from end to end: a world, its recorder, its checks and its expectations.
//!
//! `Sim::of(scenario).run()` is what the command line, tests and comparisons call. One run is one
//! thread; nothing here reads a clock or a file.

use crate::analysis::{Expectations, Outcome, Summary};
use crate::base::dice::Dice;
use crate::base::id::{Names, Symbol};
use crate::base::map::Map;
use crate::base::time::Time;
use crate::check::{Checker, INVARIANTS, Violation};
use crate::fact::{At, Detail, Fact};
use crate::frameworks::operator::Scripted;
use crate::record::manifest::FORMAT;
use crate::record::recorder::FrameworkSetup;
use crate::record::recording::RequestRecord;
use crate::record::{Manifest, RackSetup, Recorder, RecorderSetup, Recording, trace};
use crate::scenario::model::{Expect, Op, When};
use crate::scenario::{Error, Scenario};
use crate::workload;
use crate::world::{Seen, World, fault};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

mod sandbox;

pub use sandbox::Sandbox;
use sandbox::Sandboxes;

/// Events between two looks at the facts, unless somebody must see each of them.
const CHUNK: u32 = 2048;
/// How many of the last facts a violation shows.
const TAIL: usize = 40;

/// What a run is to do beside running.
pub struct Sim {
    scenario: Scenario,
    world: World,
    faults_toml: String,
    recorder: Recorder,
    expectations: Expectations,
    checker: Option<Checker>,
    sandboxes: Sandboxes,
    tail: VecDeque<At<Fact>>,
    /// What came out of the last stretch.
    facts: Vec<At<Fact>>,
    details: Vec<At<Detail>>,
    seen: Vec<Seen>,
}

/// How a stretch of a run ended.
pub enum Stretch {
    More,
    /// The run is over, with what broke, if anything did.
    Over(Option<Broken>),
}

/// Something that must not happen did: an invariant was violated, or a core's own assertion.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Name of the invariant, or `assertion`.
    pub what: String,
    pub at: Time,
    pub text: String,
    /// The last facts before it, one line each.
    pub tail: Vec<String>,
}

/// What a run leaves.
pub struct Finished {
    pub summary: Summary,
    pub recording: Recording,
    pub manifest: Manifest,
    pub expectations: Vec<Outcome>,
    pub broken: Option<Broken>,
    /// The explicit list of faults, as TOML that can stand for the scenario's.
    pub faults_toml: String,
    /// Of the commands that ran as frameworks of their own.
    pub sandboxes: Vec<Sandbox>,
    pub world: World,
}

/// Why a run did not come to its end.
#[derive(Debug)]
pub enum Stop {
    Scenario(Error),
    /// A trace or another input turned out wrong on the way.
    Input(String),
}

/// Where a run stands, for whoever shows progress.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub now: Time,
    pub end: Time,
    pub events: u64,
}

/// Watches a run.
pub trait Watcher {
    fn progress(&mut self, _: Progress) {}
    /// Whether lines of the trace are wanted.
    fn wants_trace(&self) -> bool {
        false
    }
    fn trace(&mut self, _: &str) {}
}

impl Watcher for () {}

impl Finished {
    /// What came of requests to HTTP APIs, one JSON object a line, in the order in which they ended.
    #[must_use]
    pub fn responses(&self) -> String {
        let script = self.world.script();
        let request = |number| script.iter().find(|s| s.number == number).map(|s| &*s.request);
        let lines =
            self.world.answers().into_iter().filter_map(|o| Some(o.json(request(o.number)?).to_string() + "\n"));
        lines.collect()
    }
}

impl Sim {
    /// Builds the world of a scenario. `check`: whether to check its invariants.
    ///
    /// # Errors
    /// What the scenario says wrong.
    pub fn of(scenario: Scenario, check: bool) -> Result<Self, Error> {
        let dice = Dice::new(scenario.seed);
        Self::with_dice(scenario, check, dice)
    }

    /// The same with given dice, whose draws may be logged or overridden.
    ///
    /// # Errors
    /// What the scenario says wrong.
    pub fn with_dice(scenario: Scenario, check: bool, dice: Dice) -> Result<Self, Error> {
        let (world, occurrences) = World::build_with(&scenario, dice)?;
        let names: Vec<&str> = INVARIANTS.iter().map(|row| row.0).collect();
        let wanted = scenario.check.select(&names)?;
        let checker = (check && !wanted.is_empty()).then(|| Checker::new(&wanted));
        let framework = |f: &crate::scenario::model::Framework| FrameworkSetup {
            symbol: world.names().find(&f.name).expect("the world has interned it"),
            name: f.name.clone(),
            role: f.role.clone(),
            weight: scenario.roles.iter().find(|r| r.name == f.role).map_or(1.0, |r| r.weight),
        };
        let mut frameworks: Vec<FrameworkSetup> = scenario.frameworks.iter().map(framework).collect();
        let marathons = world.marathon_frameworks();
        for &(symbol, role) in &marathons {
            if frameworks.iter().all(|f| f.symbol != symbol) {
                let [name, role] = [symbol, role].map(|s| world.names().text(s).to_owned());
                let weight = scenario.roles.iter().find(|r| r.name == role).map_or(1.0, |r| r.weight);
                frameworks.push(FrameworkSetup { symbol, name, role, weight });
            }
        }
        let recorder = Recorder::new(RecorderSetup {
            interval: scenario.report.interval,
            frameworks,
            fault_labels: occurrences.iter().map(|o| o.label.clone()).collect(),
            racks: racks(&scenario, world.names()),
            gpu_share: workload::gpu_share(&scenario),
            marathons: marathons.iter().map(|m| m.0).collect(),
            requests: world.script().iter().map(asked).collect(),
            endpoints: world.endpoints().map(|symbol| (symbol, world.names().text(symbol).to_owned())).collect(),
        });
        let expectations = Expectations::new(&scenario.expects, &recorder).map_err(|problems| {
            let mut all = problems.iter().map(|p| {
                let (what, mend) = p.text.split_once("; ").unwrap_or((&p.text, ""));
                scenario.check.section.error_in_line(p.line, what, mend)
            });
            let first = all.next().expect("at least one problem");
            all.fold(first, |mut sum, e| {
                sum.merge(e);
                sum
            })
        })?;
        let faults_toml = fault::to_toml(&occurrences);
        let sandboxes = Sandboxes::of(&world);
        let (tail, facts, details, seen) = Default::default();
        Ok(Self {
            scenario,
            world,
            faults_toml,
            recorder,
            expectations,
            checker,
            sandboxes,
            tail,
            facts,
            details,
            seen,
        })
    }

    /// Whether the summary will have a metric of this key.
    ///
    /// # Errors
    /// That it will not, and the nearest that it will have.
    pub fn find_metric(&self, key: &str) -> Result<(), String> {
        let (metric, why) = (key.to_owned(), String::new());
        let probe = Expect { metric, op: Op::Equal, value: 0.0, when: When::End, line: 0, why };
        let known = Expectations::new(&[probe], &self.recorder);
        known.map(drop).map_err(|problems| problems.into_iter().map(|p| p.text).collect())
    }

    /// The world before it runs, to be hooked or sabotaged.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The facts of the last stretch.
    #[must_use]
    pub fn facts(&self) -> &[At<Fact>] {
        &self.facts
    }

    /// The details of the last stretch, if the world watches them.
    #[must_use]
    pub fn details(&self) -> &[At<Detail>] {
        &self.details
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// If an input of the run turns out wrong on the way.
    pub fn run(mut self, watcher: &mut dyn Watcher) -> Result<Finished, Stop> {
        loop {
            if let Stretch::Over(broken) = self.advance(watcher)? {
                return Ok(self.finish(broken));
            }
        }
    }

    /// Runs for a while: a few thousand events, or up to the next that has to be checked.
    ///
    /// # Errors
    /// If an input of the run turns out wrong on the way.
    pub fn advance(&mut self, watcher: &mut dyn Watcher) -> Result<Stretch, Stop> {
        let end = Time(self.scenario.duration.0);
        if let Some(checker) = &self.checker {
            self.world.watch(checker.watch());
        }
        let traced = watcher.wants_trace();
        if traced {
            self.world.watch_details();
        }
        self.facts.clear();
        self.seen.clear();
        self.details.clear();
        let before = self.world.counts()[0];
        let until = (before / u64::from(CHUNK) + 1) * u64::from(CHUNK);
        let mut violation = None;
        let more = catch_unwind(AssertUnwindSafe(|| {
            while self.world.counts()[0] < until && violation.is_none() {
                if !self.drive(end, until) {
                    return false;
                }
                violation = self.look();
            }
            true
        }));
        if let Some(failure) = self.world.failure() {
            return Err(Stop::Input(failure.to_owned()));
        }
        // What happened before a core gave up, or the run was over.
        let violation = violation.or_else(|| self.look());
        self.world.take_details(&mut self.details);
        if traced {
            self.write_trace(watcher);
        }
        let violation = match (violation, more) {
            (Some(violation), _) => Some(violation),
            (None, Err(panic)) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                let what = text.unwrap_or_else(|| "no message".into());
                Some(Violation { invariant: "assertion", at: self.world.now(), what })
            }
            (None, Ok(true)) => {
                watcher.progress(Progress { now: self.world.now(), end, events: self.world.counts()[0] });
                return Ok(Stretch::More);
            }
            (None, Ok(false)) => self.checker.as_mut().and_then(|c| c.finish(&self.world)),
        };
        Ok(Stretch::Over(violation.map(|violation| self.broken(violation))))
    }

    /// Lets events happen, up to this number or to the next that has to be checked; false at the end
    /// of the run.
    fn drive(&mut self, end: Time, until: u64) -> bool {
        let world = &mut self.world;
        // While something is booked that has not been compared, each step may end its instant.
        let settled = self.checker.as_ref().is_none_or(Checker::is_settled);
        loop {
            if self.scenario.stop_when_done && world.is_done() || world.failure().is_some() {
                return false;
            }
            if world.next_time().is_none_or(|t| t > end) {
                world.run_until(end);
                return false;
            }
            world.step();
            if !settled || world.counts()[0] >= until || self.checker.is_some() && world.has_news() {
                return true;
            }
        }
    }

    fn write_trace(&self, watcher: &mut dyn Watcher) {
        // Both are in order of time; at one instant facts come first.
        let (mut f, mut d) = (self.facts.iter().peekable(), self.details.iter().peekable());
        loop {
            let line = match (f.peek(), d.peek()) {
                (Some(fact), Some(detail)) if fact.at > detail.at => next_detail(&self.world, &mut d),
                (Some(_), _) => f.next().map(|fact| trace::line(self.world.names(), fact.at, &fact.what)),
                (None, _) => next_detail(&self.world, &mut d),
            };
            match line {
                Some(line) => watcher.trace(&line),
                None => break,
            }
        }
    }

    /// Shows what is new to the recorder, the expectations and the checks.
    fn look(&mut self) -> Option<Violation> {
        let known = self.facts.len();
        self.world.take_facts(&mut self.facts);
        self.seen.clear();
        self.world.take_messages(&mut self.seen);
        let new = &self.facts[known..];
        for fact in new {
            while let Some(due) = self.expectations.due().filter(|due| fact.at > *due) {
                self.expectations.settle(&self.recorder, due);
            }
            if self.expectations.is_lasting() {
                let since = self.tail.back().map_or(Time::ZERO, |last| last.at);
                self.expectations.lasted(&self.recorder, since, fact.at);
            }
            self.recorder.take(fact);
            self.sandboxes.take(fact);
            if self.recorder.wants_names() {
                self.recorder.take_names(self.world.names());
            }
            if self.expectations.is_watching() {
                self.expectations.observe(&self.recorder, fact.at);
            }
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(*fact);
        }
        self.checker.as_mut()?.after_step(&self.world, new, &self.seen)
    }

    fn broken(&self, violation: Violation) -> Broken {
        let line = |fact: &At<Fact>| trace::line(self.world.names(), fact.at, &fact.what);
        Broken {
            what: violation.invariant.to_owned(),
            at: violation.at,
            text: violation.what,
            tail: self.tail.iter().map(line).collect(),
        }
    }

    /// What the run leaves, after its last stretch.
    #[must_use]
    pub fn finish(mut self, broken: Option<Broken>) -> Finished {
        let now = self.world.now();
        while self.expectations.due().is_some_and(|due| due <= now) {
            self.expectations.settle(&self.recorder, now);
        }
        let since = self.tail.back().map_or(Time::ZERO, |last| last.at);
        self.expectations.lasted(&self.recorder, since, Time::MAX);
        self.expectations.settle(&self.recorder, Time::MAX);
        self.recorder.set_messages(&self.world.messages());
        let manifest = Manifest {
            format: FORMAT,
            name: self.scenario.name.clone(),
            scenario: self.scenario.hash.clone(),
            seed: self.scenario.seed,
            digest: self.world.digest().hex(),
            digest_bytes: self.world.digest().len(),
            simulated_ns: now.0,
        };
        let recording = self.recorder.finish(now, self.world.names());
        let summary = Summary::of(&recording, &manifest);
        let expectations = self.expectations.finish(&summary);
        let (faults_toml, sandboxes, world) = (self.faults_toml, self.sandboxes.0, self.world);
        Finished { summary, recording, manifest, expectations, broken, faults_toml, sandboxes, world }
    }
}

fn asked(scripted: &Scripted) -> RequestRecord {
    RequestRecord {
        number: scripted.number,
        at_ns: scripted.at.0,
        method: scripted.request.method.name().to_owned(),
        path: scripted.request.path.clone(),
        ..RequestRecord::default()
    }
}

/// Machines by rack, the racks in the order in which the scenario names them first.
fn racks(scenario: &Scenario, names: &Names) -> Vec<RackSetup> {
    let mut racks: Map<&str, Vec<Symbol>> = Map::default();
    for fleet in &scenario.fleets {
        for host in &fleet.hosts {
            let rack = host.attributes.iter().find(|(key, _)| key == "rack_id").map_or(&fleet.name, |(_, rack)| rack);
            racks.entry(rack).or_default().extend(names.find(&host.hostname));
        }
    }
    racks.into_iter().map(|(name, hosts)| RackSetup { name: name.to_owned(), hosts }).collect()
}

fn next_detail<'a>(
    world: &World,
    details: &mut std::iter::Peekable<impl Iterator<Item = &'a At<Detail>>>,
) -> Option<String> {
    details.next().map(|detail| trace::detail_line(world.names(), detail.at, &detail.what))
}
