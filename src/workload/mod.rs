//! Workloads: where jobs come from. One file each.
//!
//! A source gives the arrivals of one `[[workload]]` in order of time, one at a time, so that a
//! trace is never in memory as a whole. Sources are cloned when a world forks.

mod jobs;
mod jobs_csv;
mod openb;
mod poisson;

pub use jobs::request_arrivals;

use crate::base::dice::Dice;
use crate::base::quantity::{Milli, Quantities};
use crate::base::time::Time;
use crate::job::{Behaviour, DeviceDemand};
use crate::scenario::units::{Amount, Size};
use crate::scenario::{Error, Scenario, Section};

/// Makes the source of a section, or says what is wrong with it.
pub type Build = fn(&Section, &Scenario) -> Result<Box<dyn Source>, Error>;

/// One kind of workload.
pub struct Plugin {
    pub name: &'static str,
    pub summary: &'static str,
    pub build: Build,
}

/// All workloads; `mesosim plugins` prints them in this order.
pub const WORKLOADS: &[Plugin] = &[poisson::PLUGIN, jobs::PLUGIN, jobs_csv::PLUGIN, openb::PLUGIN];

/// The source of one `[[workload]]`.
///
/// # Errors
/// What is wrong with the section, at its place in the scenario.
pub fn build(section: &Section, scenario: &Scenario) -> Result<Box<dyn Source>, Error> {
    match WORKLOADS.iter().find(|plugin| plugin.name == section.kind) {
        Some(plugin) => (plugin.build)(section, scenario),
        None => {
            let known: Vec<&str> = WORKLOADS.iter().map(|plugin| plugin.name).collect();
            Err(section.unknown_kind("workload", &known))
        }
    }
}

/// The sources of all `[[workload]]` sections in their order.
///
/// # Errors
/// Everything that is wrong in any of them.
pub fn build_all(scenario: &Scenario) -> Result<Vec<Box<dyn Source>>, Error> {
    let (mut sources, mut wrong) = (Vec::new(), None::<Error>);
    for section in &scenario.workloads {
        match (build(section, scenario), &mut wrong) {
            (Ok(source), _) => sources.push(source),
            (Err(e), Some(wrong)) => wrong.merge(e),
            (Err(e), None) => wrong = Some(e),
        }
    }
    wrong.map_or(Ok(sources), Err)
}

/// How jobs that ask for parts of GPUs get them, in the scenario's words; `None` if none ask.
#[must_use]
pub fn gpu_share(scenario: &Scenario) -> Option<String> {
    let sections = scenario.workloads.iter().filter(|section| section.kind == openb::PLUGIN.name);
    let mut shares: Vec<&str> = sections.filter_map(openb::gpu_share).collect();
    shares.dedup();
    (!shares.is_empty()).then(|| shares.join(" and "))
}

/// How much work a finite source holds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Census {
    pub jobs: u64,
    pub tasks: u64,
    /// Instant of the last arrival.
    pub last: Time,
}

impl Census {
    fn add(&mut self, at: Time, tasks: u32) {
        self.jobs += 1;
        self.tasks += u64::from(tasks);
        self.last = self.last.max(at);
    }
}

/// A job that is about to be submitted.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrival {
    pub at: Time,
    /// Index into the scenario's `[[frameworks]]`.
    pub framework: u32,
    pub tasks: u32,
    pub each: Quantities,
    pub behaviour: Behaviour,
    pub devices: Option<DeviceDemand>,
    /// Overrides the framework's own setting if present.
    pub gang: Option<bool>,
}

/// A stream of arrivals, instants never decreasing.
pub trait Source: dyn_clone::DynClone + Send {
    /// The next arrival, or `None` at the end for ever.
    ///
    /// # Errors
    /// What is wrong with the input, with file, line and the mend, ready to print.
    fn next(&mut self, dice: &mut Dice) -> Result<Option<Arrival>, String>;
    /// Counts everything from the start, whatever has been taken; a trace is read once from end to
    /// end. `None` if the source draws its jobs.
    ///
    /// # Errors
    /// What is wrong with the input, with file, line and the mend, ready to print.
    fn census(&self) -> Result<Option<Census>, String> {
        Ok(None)
    }
}

dyn_clone::clone_trait_object!(Source);

/// What one task asks for, as sections spell it.
fn quantities(cpus: Amount, mem: Size, disk: Option<Size>, gpus: Option<Amount>) -> Quantities {
    let (disk, gpus) = (disk.map_or(Milli::ZERO, |d| d.0), gpus.map_or(Milli::ZERO, |g| g.0));
    Quantities::new(cpus.0, mem.0, disk, gpus)
}

/// Refuses tasks that ask for nothing, and parts of GPUs, which Mesos does not know. `prefix` leads
/// to the keys.
fn check_demand(section: &Section, prefix: &str, each: Quantities) -> Result<(), Error> {
    if each.is_zero() {
        let help = "write `cpus = 1` and `mem = \"2GiB\"`, or what a task needs";
        return Err(section.error(&format!("{prefix}cpus"), "a task of nothing can run nowhere", help));
    }
    if each.gpus().0 % 1000 != 0 {
        let help = "write a whole number; a share of a GPU is a matter of `devices`, see the workload `openb`";
        return Err(section.error(&format!("{prefix}gpus"), "Mesos gives out whole GPUs only", help));
    }
    Ok(())
}

/// Everything that a source gives, from a copy of it, under seed 1.
#[cfg(test)]
fn drain(source: &dyn Source) -> Vec<Arrival> {
    let (mut copy, mut dice) = (dyn_clone::clone_box(source), Dice::new(1));
    std::iter::from_fn(|| copy.next(&mut dice).unwrap()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::testing::parse;
    use expect_test::expect;

    #[test]
    fn all_mistakes_of_all_workloads_are_told() {
        let text = "duration = '1h'\n[[frameworks]]\nname = 'one'\n[[workload]]\nkind = 'poison'\n[[workload]]\nkind = \
                    'job-list'\njobs = []\nframework = 'oen'\n";
        let error = build_all(&parse(text)).err().map(|e| e.render(false)).unwrap_or_default();
        expect![[r#"
            error: unknown workload `poison`
             --> test.toml:5:8
              |
            5 | kind = 'poison'
              |        ^^^^^^^^
              |
              = help: did you mean `poisson`? there are `poisson`, `job-list`, `job-csv`, `openb`

            error: unknown framework `oen`
             --> test.toml:9:13
              |
            9 | framework = 'oen'
              |             ^^^^^
              |
              = help: did you mean `one`?"#]]
        .assert_eq(&error);
    }

    /// Every scenario that comes with the project is right, as far as its workloads go; one is right
    /// but for data that we may not pass on, and says where to get it.
    #[test]
    fn our_scenarios_build() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut told = String::new();
        for folder in [root.clone(), root.join("streams")] {
            let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
            files.sort();
            for file in files {
                let said = match Scenario::load(&file, &[], None).and_then(|s| Ok((build_all(&s)?, s))) {
                    Ok((sources, scenario)) => {
                        let hosts: usize = scenario.fleets.iter().map(|fleet| fleet.hosts.len()).sum();
                        let all = sources.iter().map(|source| source.census().unwrap());
                        let known = all.flatten().map(|c| format!(", {} jobs, {} tasks", c.jobs, c.tasks));
                        format!("{}: {hosts} hosts{}\n", scenario.name, known.collect::<String>())
                    }
                    Err(e) => format!("{e}\n"),
                };
                told += &said.replace(&format!("{}/", root.display()), "");
            }
        }
        expect![[r#"
            dream-within-a-dream: 11 hosts
            first-flight: 200 hosts
            offer-example: 1 hosts, 3 jobs, 3 tasks
            openb.toml:21: there is no file openb_node_list_all_node.csv; it belongs to Alibaba's GPU trace of 2023 (github.com/alibaba/clusterdata, folder cluster-trace-gpu-v2023, "openb"): fetch it and pass its folder with `--data DIR`
            openb.toml:33: there is no file openb_pod_list_default.csv; it belongs to Alibaba's GPU trace of 2023 (github.com/alibaba/clusterdata, folder cluster-trace-gpu-v2023, "openb"): fetch it and pass its folder with `--data DIR`
            s1-day-short: 1000 hosts, 1076 jobs, 77715 tasks
            s2-day: 1000 hosts, 12930 jobs, 917952 tasks
            s3-day-hot: 400 hosts, 12930 jobs, 917952 tasks
            s4-wide: 10000 hosts, 10721 jobs, 759246 tasks
        "#]].assert_eq(&told);
    }

    #[test]
    fn names_are_unique() {
        for (i, plugin) in WORKLOADS.iter().enumerate() {
            assert!(WORKLOADS[..i].iter().all(|other| other.name != plugin.name), "{}", plugin.name);
        }
    }
}
