//! `poisson`: jobs that arrive at random, at a rate that may change over the day.
//!
//! ```toml
//! [[workload]]
//! kind = "poisson"
//! framework = "analytics"
//! rate = "6/min"                        # mean, times the profile
//! profile = [["0h", 0.5], ["8h", 2.0], ["18h", 1.0]]   # factors from these hours on, each day
//! tasks = { exponential = 20 }          # or a number, uniform, lognormal
//! duration = { lognormal = { median = "60s", sigma = 1.0 } }
//! duration_per = "task"                 # or "job": all tasks of a job run equally long
//! cpus = 1
//! mem = "2GiB"
//! failure = 0.01                        # probability that a task fails at its end
//! ```
//!
//! Arrivals are a Poisson process by inversion: between two jobs lies one unit-exponential amount
//! of expected arrivals, and the clock runs until the rate has added up to it. Every draw is keyed
//! by the section's number and the job's number, so a changed rate or size moves no other draw.

use super::{Arrival, Plugin, Source, check_demand, quantities};
use crate::base::dice::{Dice, Site};
use crate::base::quantity::Quantities;
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use crate::job::Behaviour;
use crate::scenario::units::{Amount, Count, Probability, Rate, Size};
use crate::scenario::{Error, Scenario, Section};
use serde::Deserialize;

pub(crate) const PLUGIN: Plugin =
    Plugin { name: "poisson", summary: "jobs that arrive at random, at a rate that may change over the day", build };

const GAP: Site = Site::new("workload-gap");
const TASKS: Site = Site::new("workload-tasks");
const DURATION: Site = Site::new("workload-duration");

const DAY: Span = Span::from_secs(86_400);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    framework: String,
    rate: Rate,
    profile: Option<Vec<(Span, f64)>>,
    tasks: Count,
    duration: Distribution,
    #[serde(default)]
    duration_per: Per,
    cpus: Amount,
    mem: Size,
    disk: Option<Size>,
    gpus: Option<Amount>,
    #[serde(default)]
    failure: Probability,
    gang: Option<bool>,
    from: Option<Time>,
    until: Option<Time>,
    max_jobs: Option<u64>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Default)]
#[serde(rename_all = "lowercase")]
enum Per {
    #[default]
    Task,
    Job,
}

fn build(section: &Section, scenario: &Scenario) -> Result<Box<dyn Source>, Error> {
    let p: Params = section.read()?;
    let framework = scenario.framework_of(section, "framework", &p.framework)?;
    let each = quantities(p.cpus, p.mem, p.disk, p.gpus);
    check_demand(section, "", each)?;
    let profile = profile(section, p.profile)?;
    let end = Time(scenario.duration.0);
    let (from, until) = (p.from.unwrap_or(Time::ZERO), p.until.unwrap_or(end));
    if from >= until {
        let help =
            format!("the first arrival comes after `from`, the last before `until`; the run ends at {}", Span(end.0));
        return Err(section.error("from", "no job can arrive", help));
    }
    Ok(Box::new(Poisson {
        entity: section.index() as u64,
        framework,
        gap_ns: p.rate.gap_ns(),
        profile,
        tasks: p.tasks,
        behaviour: Behaviour { duration: p.duration, failure_ppm: p.failure.ppm },
        per: p.duration_per,
        each,
        gang: p.gang,
        until: until.min(end),
        max_jobs: p.max_jobs.unwrap_or(u64::MAX),
        at: from,
        jobs: 0,
    }))
}

/// Steps that cover a whole day.
fn profile(section: &Section, given: Option<Vec<(Span, f64)>>) -> Result<Vec<(Span, f64)>, Error> {
    let Some(steps) = given else { return Ok(vec![(Span::ZERO, 1.0)]) };
    let at = |i: usize| format!("profile.{i}");
    if steps.first().is_none_or(|(start, _)| *start != Span::ZERO) {
        return Err(section.error(&at(0), "the profile does not begin with the day", "begin with [\"0h\", 1.0]"));
    }
    for (i, &(start, factor)) in steps.iter().enumerate() {
        if i > 0 && start <= steps[i - 1].0 {
            return Err(section.error(&at(i), format!("{start} is not after the step before"), "sort the steps"));
        }
        if start >= DAY {
            let help = "the profile repeats every day: write hours below \"24h\"";
            return Err(section.error(&at(i), format!("{start} is beyond the day"), help));
        }
        if !(0.0..=1e6).contains(&factor) {
            return Err(section.error(&at(i), format!("factor {factor} is out of range"), "write 0 to 1000000"));
        }
    }
    if steps.iter().all(|&(_, factor)| factor <= 0.0) {
        return Err(section.error("profile", "no job ever arrives", "give one step a factor above 0"));
    }
    Ok(steps)
}

#[derive(Clone)]
struct Poisson {
    entity: u64,
    framework: u32,
    gap_ns: f64,
    /// Start within the day and factor; the first start is 0, some factor is above 0.
    profile: Vec<(Span, f64)>,
    tasks: Count,
    behaviour: Behaviour,
    per: Per,
    each: Quantities,
    gang: Option<bool>,
    until: Time,
    max_jobs: u64,
    /// The last arrival, or where arrivals begin.
    at: Time,
    jobs: u64,
}

impl Poisson {
    /// The instant at which `expected` more arrivals have been expected since `self.at`.
    fn advance(&self, mut expected: f64) -> Time {
        let mut at = self.at;
        loop {
            let of_day = Span(at.0 % DAY.0);
            let i = self.profile.partition_point(|(start, _)| *start <= of_day) - 1;
            let factor = self.profile[i].1;
            let step_end = self.profile.get(i + 1).map_or(DAY, |(start, _)| *start);
            let left_ns = (step_end - of_day).0;
            let needed_ns = expected * self.gap_ns / factor;
            let whole_day = self.profile.len() == 1;
            if whole_day || needed_ns <= left_ns as f64 {
                return at.saturating_add(Span(libm::round(needed_ns) as i64));
            }
            expected -= left_ns as f64 * factor / self.gap_ns;
            at = at.saturating_add(Span(left_ns));
            if at >= self.until {
                return at;
            }
        }
    }
}

impl Source for Poisson {
    fn next(&mut self, dice: &mut Dice) -> Result<Option<Arrival>, String> {
        if self.jobs >= self.max_jobs || self.at >= self.until {
            return Ok(None);
        }
        let n = self.jobs;
        let expected = -libm::log(dice.draw(GAP, self.entity, n).unit());
        self.at = self.advance(expected);
        if self.at >= self.until {
            return Ok(None);
        }
        self.jobs += 1;
        let mut behaviour = self.behaviour;
        if self.per == Per::Job {
            let duration = behaviour.duration.sample(dice.draw(DURATION, self.entity, n));
            behaviour.duration = Distribution::Fixed(duration);
        }
        Ok(Some(Arrival {
            at: self.at,
            framework: self.framework,
            tasks: self.tasks.sample(dice.draw(TASKS, self.entity, n)),
            each: self.each,
            behaviour,
            devices: None,
            gang: self.gang,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{build_all, drain};
    use super::*;
    use crate::scenario::testing::parse;
    use expect_test::expect;

    const HEAD: &str = "duration = '10d'\n[[frameworks]]\nname = 'a'\n[[frameworks]]\nname = 'b'\n";
    const BODY: &str = "framework = 'b'\ntasks = 3\nduration = '10s'\ncpus = 1\nmem = '1GiB'\n";

    fn arrivals(rest: &str) -> Vec<Arrival> {
        let scenario = parse(&format!("{HEAD}[[workload]]\nkind = 'poisson'\n{BODY}{rest}\n"));
        drain(&*build_all(&scenario).unwrap()[0])
    }
    fn refuse(body: &str) -> String {
        let scenario = parse(&format!("{HEAD}[[workload]]\nkind = 'poisson'\n{body}\n"));
        build_all(&scenario).err().map(|e| e.render(false)).unwrap_or_else(|| format!("accepted: {body}"))
    }

    #[test]
    fn rate_and_dispersion_are_those_of_a_poisson_process() {
        let jobs = arrivals("rate = '6/min'");
        // 86,400 expected, standard deviation 294.
        assert!((85_200..87_600).contains(&jobs.len()), "{}", jobs.len());
        // Arrivals per minute: mean 6, variance 6.
        let mut minutes = vec![0_u32; 14_400];
        jobs.iter().for_each(|job| minutes[(job.at.0 / 60_000_000_000) as usize] += 1);
        let variance = minutes.iter().map(|&k| (f64::from(k) - 6.0) * (f64::from(k) - 6.0)).sum::<f64>() / 14_400.0;
        assert!((5.6..6.4).contains(&variance), "{variance}");
        assert!(jobs.is_sorted_by_key(|job| job.at));
        assert!(jobs.iter().all(|job| (job.framework, job.tasks) == (1, 3)));
    }

    #[test]
    fn the_profile_shapes_the_day() {
        let jobs = arrivals("rate = '1/min'\nprofile = [['0h', 0.5], ['8h', 2.0], ['18h', 0]]");
        let within = |low: i64, high: i64| {
            jobs.iter().filter(|job| (low..high).contains(&(job.at.0 / 3_600_000_000_000 % 24))).count() as f64
        };
        assert!((within(0, 8) / 2_400.0 - 1.0).abs() < 0.08, "{}", within(0, 8));
        assert!((within(8, 18) / 12_000.0 - 1.0).abs() < 0.04, "{}", within(8, 18));
        assert_eq!(within(18, 24) as u32, 0);
    }

    /// A profile of equal steps is the plain process, but for rounding: the dice are the same.
    #[test]
    fn equal_steps_change_nothing() {
        let plain = arrivals("rate = '6/min'\nmax_jobs = 5000");
        let steps = arrivals("rate = '6/min'\nmax_jobs = 5000\nprofile = [['0h', 1], ['5h', 1], ['11h', 1]]");
        assert_eq!(plain.len(), 5_000);
        assert!(plain.iter().zip(&steps).all(|(a, b)| (a.at - b.at).0.abs() < 1_000_000));
    }

    #[test]
    fn bounds_are_kept() {
        let jobs = arrivals("rate = '1/s'\nfrom = '1h'\nuntil = '2h'");
        assert!(jobs.first().unwrap().at > Time::from_secs(3_600) && jobs.last().unwrap().at < Time::from_secs(7_200));
        assert_eq!(arrivals("rate = '1/s'\nmax_jobs = 7").len(), 7);
    }

    #[test]
    fn a_section_has_its_own_dice_and_keeps_them() {
        let one = format!("[[workload]]\nkind = 'poisson'\nrate = '1/min'\n{BODY}");
        let sources = build_all(&parse(&format!("{HEAD}{one}{one}"))).unwrap();
        let (first, second) = (drain(&*sources[0]), drain(&*sources[1]));
        assert_ne!(first[0].at, second[0].at);
        assert_eq!(first, arrivals("rate = '1/min'"), "another section changes nothing");
        // One exponential amount per job at any rate.
        let twice = arrivals("rate = '2/min'");
        assert!((first[9].at.0 / 2 - twice[9].at.0).abs() < 20);
    }

    #[test]
    fn one_duration_for_the_job() {
        let body = BODY.replace("'10s'", "{ exponential = '100s' }");
        let scenario =
            parse(&format!("{HEAD}[[workload]]\nkind = 'poisson'\nrate = '1/min'\nduration_per = 'job'\n{body}"));
        let jobs = drain(&*build_all(&scenario).unwrap()[0]);
        let seconds = |job: &Arrival| match job.behaviour.duration {
            Distribution::Fixed(span) => span.as_secs_f64(),
            _ => f64::NAN,
        };
        let mean = jobs.iter().map(seconds).sum::<f64>() / jobs.len() as f64;
        assert!((94.0..106.0).contains(&mean), "{mean}");
    }

    #[test]
    fn mistakes_are_shown_in_place() {
        let said = [
            format!("{BODY}rate = '6'"),
            format!("{BODY}rate = '6/min'\nfrom = '11d'"),
            format!("{BODY}rate = '6/min'\nprofile = [['1h', 1]]"),
            format!("{BODY}rate = '6/min'\nprofile = [['0h', 1], ['5h', 1], ['4h', 1]]"),
            format!("{BODY}rate = '6/min'\nprofile = [['0h', 0]]"),
            format!("{BODY}rate = '6/min'\nprofile = [['0h', 1], ['24h', 2]]"),
            format!("{BODY}rate = '6/min'\nfailure = 5"),
            format!("{BODY}rate = '6/min'\ngpus = 0.5"),
            format!("{BODY}rate = '6/min'\nduration_per = 'jobs'"),
            BODY.replace("tasks = 3", "tasks = 0\nrate = '1/s'"),
            BODY.replace("tasks = 3", "tasks = { exponential = 0 }\nrate = '1/s'"),
            BODY.replace("'b'", "'c'") + "rate = '6/min'",
            BODY.replace("'1GiB'", "1024") + "rate = '6/min'",
            BODY.replace("'1GiB'", "'0MiB'").replace("cpus = 1", "cpus = 0") + "rate = '6/min'",
            BODY.to_owned(),
        ]
        .map(|body| refuse(&body))
        .join("\n\n");
        expect![[r#"
            error: "6" is not a rate
              --> test.toml:13:8
               |
            13 | rate = '6'
               |        ^^^
               |
               = help: write a number per s, min, h or d, for example "6/min" or "0.1/s"

            error: no job can arrive
              --> test.toml:14:8
               |
            14 | from = '11d'
               |        ^^^^^
               |
               = help: the first arrival comes after `from`, the last before `until`; the run ends at 10d

            error: the profile does not begin with the day
              --> test.toml:14:12
               |
            14 | profile = [['1h', 1]]
               |            ^^^^^^^^^
               |
               = help: begin with ["0h", 1.0]

            error: 4h is not after the step before
              --> test.toml:14:34
               |
            14 | profile = [['0h', 1], ['5h', 1], ['4h', 1]]
               |                                  ^^^^^^^^^
               |
               = help: sort the steps

            error: no job ever arrives
              --> test.toml:14:11
               |
            14 | profile = [['0h', 0]]
               |           ^^^^^^^^^^^
               |
               = help: give one step a factor above 0

            error: 1d is beyond the day
              --> test.toml:14:23
               |
            14 | profile = [['0h', 1], ['24h', 2]]
               |                       ^^^^^^^^^^
               |
               = help: the profile repeats every day: write hours below "24h"

            error: 5 is not a probability
              --> test.toml:14:11
               |
            14 | failure = 5
               |           ^
               |
               = help: write a number from 0 to 1, for example 0.05 for five in a hundred

            error: Mesos gives out whole GPUs only
              --> test.toml:14:8
               |
            14 | gpus = 0.5
               |        ^^^
               |
               = help: write a whole number; a share of a GPU is a matter of `devices`, see the workload `openb`

            error: unknown word `jobs`
              --> test.toml:14:16
               |
            14 | duration_per = 'jobs'
               |                ^^^^^^
               |
               = help: did you mean `job`?

            error: 0 is out of range
             --> test.toml:9:9
              |
            9 | tasks = 0
              |         ^
              |
              = help: write a whole number of at least 1

            error: 0 is out of range
             --> test.toml:9:9
              |
            9 | tasks = { exponential = 0 }
              |         ^^^^^^^^^^^^^^^^^^^
              |
              = help: write a number above 0, at most 1000000000

            error: unknown framework `c`
             --> test.toml:8:13
              |
            8 | framework = 'c'
              |             ^^^
              |
              = help: known here: `a`, `b`

            error: a size needs a unit
              --> test.toml:12:7
               |
            12 | mem = 1024
               |       ^^^^
               |
               = help: write "1024MiB"

            error: a task of nothing can run nowhere
              --> test.toml:11:8
               |
            11 | cpus = 0
               |        ^
               |
               = help: write `cpus = 1` and `mem = "2GiB"`, or what a task needs

            error: missing key `rate`
             --> test.toml:6:1
              |
            6 | [[workload]]
              | ^^^^^^^^^^^^
              |
              = help: add `rate = ...` here"#]]
        .assert_eq(&said);
    }
}
