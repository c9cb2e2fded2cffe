//! `job-list`: jobs written out in the scenario itself, for examples and tests.
//!
//! ```toml
//! [[workload]]
//! kind = "job-list"
//! framework = "one"          # for the jobs that name none
//! jobs = [
//!     { at = "1s", cpus = 2, mem = "1GiB", duration = "60s" },
//!     { at = "5s", framework = "two", tasks = 3, cpus = 1, mem = "2GiB", duration = "10s" },
//! ]
//! ```
//!
//! The order in the list decides between jobs of one instant; otherwise it does not matter. A
//! `[[request]]` of kind `submit` has the keys of one job, and its own `at`.

use super::{Arrival, Census, Plugin, Source, check_demand, quantities};
use crate::base::dice::Dice;
use crate::base::sampler::Distribution;
use crate::base::time::Time;
use crate::job::Behaviour;
use crate::scenario::units::{Amount, Probability, Size};
use crate::scenario::{Error, Scenario, Section};
use serde::Deserialize;
use std::sync::Arc;

pub(crate) const PLUGIN: Plugin =
    Plugin { name: "job-list", summary: "jobs written out in the scenario itself", build };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    framework: Option<String>,
    jobs: Vec<Job>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    /// Only in a list: a request has its instant already.
    at: Option<Time>,
    framework: Option<String>,
    tasks: Option<u32>,
    duration: Distribution,
    cpus: Amount,
    mem: Size,
    disk: Option<Size>,
    gpus: Option<Amount>,
    #[serde(default)]
    failure: Probability,
    gang: Option<bool>,
}

fn build(section: &Section, scenario: &Scenario) -> Result<Box<dyn Source>, Error> {
    let p: Params = section.read()?;
    let common = match &p.framework {
        Some(name) => Some(scenario.framework_of(section, "framework", name)?),
        None => None,
    };
    let mut jobs = Vec::new();
    for (i, job) in p.jobs.into_iter().enumerate() {
        let Some(at) = job.at else {
            return Err(section.error(&format!("jobs.{i}"), "missing key `at`", "add `at = ...` here"));
        };
        jobs.push(arrival(section, scenario, &format!("jobs.{i}"), at, common, job)?);
    }
    jobs.sort_by_key(|job| job.at);
    Ok(Box::new(JobList { jobs: jobs.into(), taken: 0 }))
}

/// `key` leads to the job in its section, "" if it is the section.
fn arrival(
    section: &Section,
    scenario: &Scenario,
    key: &str,
    at: Time,
    common: Option<u32>,
    job: Job,
) -> Result<Arrival, Error> {
    let framework = match (&job.framework, common) {
        (Some(name), _) => scenario.framework_of(section, &format!("{key}.framework"), name)?,
        (None, Some(common)) => common,
        (None, None) => {
            let help = "add `framework = \"...\"` to the job, or to the section for all of its jobs";
            return Err(section.error(key, "missing key `framework`", help));
        }
    };
    let tasks = job.tasks.unwrap_or(1);
    if tasks == 0 {
        let help = "write a number of at least 1";
        return Err(section.error(&format!("{key}.tasks"), "a job has at least one task", help));
    }
    let each = quantities(job.cpus, job.mem, job.disk, job.gpus);
    check_demand(section, &format!("{key}."), each)?;
    let behaviour = Behaviour { duration: job.duration, failure_ppm: job.failure.ppm };
    Ok(Arrival { at, framework, tasks, each, behaviour, devices: None, gang: job.gang })
}

/// The jobs that a `[[request]]` submits. The kind `submit` has the keys of one job in a list.
///
/// # Errors
/// What is wrong with the request, at its place in the scenario.
pub fn request_arrivals(section: &Section, scenario: &Scenario, at: Time) -> Result<Vec<Arrival>, Error> {
    if section.kind != "submit" {
        return Err(section.unknown_kind("request", &["submit"]));
    }
    let job: Job = section.read()?;
    Ok(vec![arrival(section, scenario, "", at, None, job)?])
}

#[derive(Clone)]
struct JobList {
    jobs: Arc<[Arrival]>,
    taken: usize,
}

impl Source for JobList {
    fn next(&mut self, _dice: &mut Dice) -> Result<Option<Arrival>, String> {
        let job = self.jobs.get(self.taken).cloned();
        self.taken += usize::from(job.is_some());
        Ok(job)
    }
    fn census(&self) -> Result<Option<Census>, String> {
        let mut census = Census::default();
        self.jobs.iter().for_each(|job| census.add(job.at, job.tasks));
        Ok(Some(census))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{build_all, drain};
    use super::*;
    use crate::scenario::testing::parse;
    use expect_test::expect;

    fn scenario(section: &str) -> Scenario {
        let frameworks = "[[frameworks]]\nname = 'one'\n[[frameworks]]\nname = 'two'\n";
        parse(&format!("duration = '1h'\n{frameworks}[[workload]]\nkind = 'job-list'\n{section}\n"))
    }

    #[test]
    fn jobs_come_in_order_of_time() {
        let sources = build_all(&scenario(
            "framework = 'one'
            jobs = [
                { at = '5s', framework = 'two', tasks = 3, cpus = 0.5, mem = '2GiB', duration = '10s', gang = true },
                { at = '1s', cpus = 2, mem = '1GiB', duration = { uniform = ['1s', '2s'] }, failure = 0.25 },
            ]",
        ))
        .unwrap();
        let jobs = drain(&*sources[0]);
        expect![[r#"
            [
                Arrival {
                    at: Time(
                        1000000000,
                    ),
                    framework: 0,
                    tasks: 1,
                    each: Quantities(
                        [
                            2000,
                            1024000,
                            0,
                            0,
                        ],
                    ),
                    behaviour: Behaviour {
                        duration: Uniform {
                            low: Span(
                                1000000000,
                            ),
                            high: Span(
                                2000000000,
                            ),
                        },
                        failure_ppm: 250000,
                    },
                    devices: None,
                    gang: None,
                },
                Arrival {
                    at: Time(
                        5000000000,
                    ),
                    framework: 1,
                    tasks: 3,
                    each: Quantities(
                        [
                            500,
                            2048000,
                            0,
                            0,
                        ],
                    ),
                    behaviour: Behaviour {
                        duration: Fixed(
                            Span(
                                10000000000,
                            ),
                        ),
                        failure_ppm: 0,
                    },
                    devices: None,
                    gang: Some(
                        true,
                    ),
                },
            ]
        "#]]
        .assert_debug_eq(&jobs);
        assert_eq!(
            sources[0].census(),
            Ok(Some(Census { jobs: 2, tasks: 4, last: Time::from_secs(5) })),
            "counts all, taken or not"
        );
    }

    #[test]
    fn a_request_submits_one_job() {
        let request = |rest: &str| {
            let text = format!("duration = '1h'\n[[frameworks]]\nname = 'one'\n[[request]]\nat = '5m'\n{rest}\n");
            let scenario = parse(&text);
            let request = &scenario.requests[0];
            request_arrivals(&request.section, &scenario, request.at)
        };
        let job = "framework = 'one'\ntasks = 2\ncpus = 1\nmem = '1GiB'\nduration = '10s'";
        let arrivals = request(&format!("kind = 'submit'\n{job}")).unwrap();
        let [one] = &arrivals[..] else { panic!("{arrivals:?}") };
        assert_eq!((one.at, one.framework, one.tasks), (Time::from_secs(300), 0, 2));
        let said = ["kind = 'submitt'", "kind = 'submit'\ncpus = 1\nmem = '1GiB'\nduration = '10s'"]
            .map(|rest| request(rest).unwrap_err().render(false))
            .join("\n\n");
        expect![[r#"
            error: unknown request `submitt`
             --> test.toml:6:8
              |
            6 | kind = 'submitt'
              |        ^^^^^^^^^
              |
              = help: did you mean `submit`? there are `submit`

            error: missing key `framework`
             --> test.toml:4:1
              |
            4 | [[request]]
              | ^^^^^^^^^^^
              |
              = help: add `framework = "..."` to the job, or to the section for all of its jobs"#]]
        .assert_eq(&said);
    }

    #[test]
    fn mistakes_are_shown_in_place() {
        let said = [
            "jobs = [{ at = '1s', cpus = 2, mem = '1GiB', duration = '60s' }]",
            "framework = 'one'\njobs = [{ at = '1s', cpus = 2, mem = '1GiB', duration = '60s', tasks = 0 }]",
            "framework = 'one'\njobs = [{ at = '1s', cpus = 0, mem = '0MiB', duration = '60s' }]",
            "framework = 'one'\njobs = [{ at = '1s', cpus = 2, mem = '1GiB' }]",
            "framework = 'one'\njobs = [{ at = -1, cpus = 2, mem = '1GiB', duration = '1s' }]",
            "framework = 'one'\njobs = [{ at = '-1s', cpus = 2, mem = '1GiB', duration = '1s' }]",
            "framework = 'one'\njobs = [\n{ at = '1s', framework = 'tow', cpus = 2, mem = '1GiB', duration = '1s' }]",
        ]
        .map(|text| build_all(&scenario(text)).err().map(|e| e.render(false)).unwrap_or_default())
        .join("\n\n");
        expect![[r#"
            error: missing key `framework`
             --> test.toml:8:9
              |
            8 | jobs = [{ at = '1s', cpus = 2, mem = '1GiB', duration = '60s' }]
              |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: add `framework = "..."` to the job, or to the section for all of its jobs

            error: a job has at least one task
             --> test.toml:9:72
              |
            9 | jobs = [{ at = '1s', cpus = 2, mem = '1GiB', duration = '60s', tasks = 0 }]
              |                                                                        ^
              |
              = help: write a number of at least 1

            error: a task of nothing can run nowhere
             --> test.toml:9:29
              |
            9 | jobs = [{ at = '1s', cpus = 0, mem = '0MiB', duration = '60s' }]
              |                             ^
              |
              = help: write `cpus = 1` and `mem = "2GiB"`, or what a task needs

            error: missing key `duration`
             --> test.toml:9:9
              |
            9 | jobs = [{ at = '1s', cpus = 2, mem = '1GiB' }]
              |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: add `duration = ...` here

            error: an instant needs a unit
             --> test.toml:9:16
              |
            9 | jobs = [{ at = -1, cpus = 2, mem = '1GiB', duration = '1s' }]
              |                ^^
              |
              = help: write "1s"

            error: "-1s" is before the start of the simulation
             --> test.toml:9:16
              |
            9 | jobs = [{ at = '-1s', cpus = 2, mem = '1GiB', duration = '1s' }]
              |                ^^^^^
              |
              = help: write an instant from "0s" on

            error: unknown framework `tow`
              --> test.toml:10:26
               |
            10 | { at = '1s', framework = 'tow', cpus = 2, mem = '1GiB', duration = '1s' }]
               |                          ^^^^^
               |
               = help: did you mean `two`?"#]]
        .assert_eq(&said);
    }
}
