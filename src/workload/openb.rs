//! `openb`: the pods of Alibaba's GPU trace of 2023 as arrivals, each a job of one task.
//!
//! ```toml
//! [[workload]]
//! kind = "openb"
//! framework = "pods"
//! file = "openb_pod_list_default.csv"
//! compress = 10000          # arrivals only: the 149 days of the trace pass in 22 minutes
//! speedup = 1               # arrivals and run times
//! gpu_share = "devices"     # or "round-up"
//! ```
//!
//! A pod arrives at its creation time and runs as long as from its scheduling (or its creation if it
//! never was scheduled) to its deletion. `speedup` divides both, which leaves the load as it is (on
//! average 194 CPUs of 125,514); `compress` divides arrivals alone, which multiplies the load. A pod
//! is a job that succeeds, whatever its phase in the trace.
//!
//! Many pods ask for a part of one GPU. Mesos gives out whole GPUs only, so either the framework
//! packs devices itself (`"devices"`: the pod asks Mesos for cpus and mem, and carries a demand for
//! devices), or every part becomes a whole GPU of Mesos (`"round-up"`). In both cases a pod that
//! names GPU models carries them as a demand (for no device of the framework's own, in the latter).

use super::{Arrival, Census, Plugin, Source};
use crate::base::dice::Dice;
use crate::base::quantity::{Milli, Quantities};
use crate::base::time::{SECOND_NS, Span, Time};
use crate::job::{Behaviour, DeviceDemand};
use crate::scenario::file::{Row, Rows};
use crate::scenario::units::Amount;
use crate::scenario::{Error, Scenario, Section};
use serde::Deserialize;
use std::sync::Arc;

pub(crate) const PLUGIN: Plugin =
    Plugin { name: "openb", summary: "the pods of Alibaba's GPU trace of 2023 (openb)", build };

const COLUMNS: &[&str] = &[
    "name",
    "cpu_milli",
    "memory_mib",
    "num_gpu",
    "gpu_milli",
    "gpu_spec",
    "qos",
    "pod_phase",
    "creation_time",
    "deletion_time",
    "scheduled_time",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Read by `Section::data_file`.
    #[serde(rename = "file")]
    _file: String,
    framework: String,
    speedup: Option<Amount>,
    compress: Option<Amount>,
    #[serde(default)]
    gpu_share: GpuShare,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
enum GpuShare {
    #[default]
    Devices,
    RoundUp,
}

/// How pods that ask for a part of a GPU get it, in the words of the scenario.
pub(super) fn gpu_share(section: &Section) -> Option<&'static str> {
    let params: Params = section.read().ok()?;
    Some(match params.gpu_share {
        GpuShare::Devices => "devices",
        GpuShare::RoundUp => "round-up",
    })
}

fn build(section: &Section, scenario: &Scenario) -> Result<Box<dyn Source>, Error> {
    let file = section.data_file()?;
    let p: Params = section.read()?;
    let framework = scenario.framework_of(section, "framework", &p.framework)?;
    let factor = |key: &str, amount: Option<Amount>| match amount {
        Some(Amount(Milli(0))) => {
            let help = "write the factor by which time is to pass faster, for example 100";
            Err(section.error(key, "time would stand still", help))
        }
        amount => Ok(amount.map_or(1_000, |amount| i128::from(amount.0.0))),
    };
    let scale = Scale { speedup: factor("speedup", p.speedup)?, compress: factor("compress", p.compress)? };
    let pods = Rows::open(file, COLUMNS).and_then(|mut rows| {
        let mut pods = Vec::new();
        while let Some(row) = rows.next_row()? {
            pods.push(pod(&row, framework, scale, p.gpu_share)?);
        }
        Ok(pods)
    });
    let mut pods = pods.map_err(|e| section.in_file(&e))?;
    // The list is not quite in order; a stable sort keeps its order within an instant.
    pods.sort_by_key(|pod| pod.at);
    Ok(Box::new(Openb { pods: pods.into(), taken: 0 }))
}

/// Factors in thousandths.
#[derive(Clone, Copy)]
struct Scale {
    speedup: i128,
    compress: i128,
}

fn pod(row: &Row<'_>, framework: u32, scale: Scale, share: GpuShare) -> Result<Arrival, String> {
    let (cpus, mem_mib) = (Milli(row.decimal(1, 1)?), row.decimal(2, 1_000)?);
    let (gpus, gpu_milli) = (row.whole(3)?, row.whole(4)?);
    let gpus = u32::try_from(gpus).map_err(|_| row.error("too many GPUs", "write a smaller number"))?;
    let models: Vec<String> = row.text(5).split('|').filter(|m| !m.is_empty()).map(str::to_owned).collect();
    let gpu_milli = match (gpus, gpu_milli) {
        (0, 0) => 0,
        (1, 1..=1_000) | (2.., 1_000) => gpu_milli as u32,
        _ => {
            let what = format!("num_gpu {gpus} with gpu_milli {gpu_milli}");
            return Err(row.error(&what, "only a single GPU is shared: write 0,0 or 1,1..1000 or N,1000"));
        }
    };
    let created = row.decimal(8, SECOND_NS)?;
    let deleted = row.decimal(9, SECOND_NS)?;
    let started = if row.text(10).is_empty() { created } else { row.decimal(10, SECOND_NS)? };
    if started < created || deleted < started {
        let what = "creation_time, scheduled_time and deletion_time are not in order";
        return Err(row.error(what, "correct the times"));
    }
    // Divides by both factors at once, so that nothing is rounded in between.
    let divide = |ns: i64, compress: i128| (i128::from(ns) * 1_000_000 / (scale.speedup * compress)) as i64;
    let (arrives, runs) = (divide(created, scale.compress), divide(deleted - started, 1_000));
    let (in_mesos, devices) = match share {
        GpuShare::RoundUp => (Milli::from_int(i64::from(gpus)), (0, 0)),
        GpuShare::Devices => (Milli::ZERO, (gpus, gpu_milli)),
    };
    let demand = DeviceDemand { count: devices.0, milli: devices.1, models };
    Ok(Arrival {
        at: Time(arrives),
        framework,
        tasks: 1,
        each: Quantities::new(cpus, Milli(mem_mib), Milli::ZERO, in_mesos),
        behaviour: Behaviour::fixed(Span(runs)),
        devices: (demand.count > 0 || !demand.models.is_empty()).then_some(demand),
        gang: None,
    })
}

#[derive(Clone)]
struct Openb {
    pods: Arc<[Arrival]>,
    taken: usize,
}

impl Source for Openb {
    fn next(&mut self, _dice: &mut Dice) -> Result<Option<Arrival>, String> {
        let pod = self.pods.get(self.taken).cloned();
        self.taken += usize::from(pod.is_some());
        Ok(pod)
    }
    fn census(&self) -> Result<Option<Census>, String> {
        let mut census = Census::default();
        self.pods.iter().for_each(|pod| census.add(pod.at, pod.tasks));
        Ok(Some(census))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{build_all, drain};
    use super::*;
    use crate::scenario::file::scratch::Folder;
    use crate::scenario::testing::parse_in;
    use expect_test::expect;

    fn sources(folder: &Folder, lines: &str, rest: &str) -> Result<Vec<Box<dyn Source>>, String> {
        folder.write("openb_t.csv", COLUMNS.join(",") + "\n" + lines);
        let head = "duration = '1h'\n[[frameworks]]\nname = 'pods'\n[[workload]]\nkind = 'openb'\n";
        let text = format!("{head}file = 'openb_t.csv'\nframework = 'pods'\n{rest}\n");
        build_all(&parse_in(&text, &folder.0)).map_err(|e| e.render(false))
    }

    const PODS: &str = "a,12000,16384,1,1000,,LS,Running,100,500,200\n\
                        b,6000,12288,1,460,V100M16|V100M32,LS,Running,50,650,\n\
                        c,500,1024,0,0,,BE,Failed,100,101,100\n\
                        d,500,1024,8,1000,,BE,Pending,1000,1101,\n";

    #[test]
    fn pods_are_sorted_and_speeded_up() {
        let folder = Folder::new("openb-pods");
        for share in ["devices", "round-up"] {
            let rest = format!("speedup = 2.5\ncompress = 2\ngpu_share = '{share}'");
            let all = sources(&folder, PODS, &rest).unwrap();
            let lines: String = drain(&*all[0])
                .iter()
                .map(|p| {
                    let devices = p.devices.as_ref().map(|d| format!("{}x{} of {:?}", d.count, d.milli, d.models));
                    let runs = p.behaviour.duration.max();
                    format!("{} for {runs}: {} + {}\n", p.at, p.each, devices.unwrap_or_default())
                })
                .collect();
            if share == "devices" {
                expect![[r#"
                    00:00:10.000000 for 4m: cpus:6;mem:12288 + 1x460 of ["V100M16", "V100M32"]
                    00:00:20.000000 for 2m: cpus:12;mem:16384 + 1x1000 of []
                    00:00:20.000000 for 400ms: cpus:0.5;mem:1024 + 
                    00:03:20.000000 for 40.4s: cpus:0.5;mem:1024 + 8x1000 of []
                "#]]
                .assert_eq(&lines);
            } else {
                expect![[r#"
                    00:00:10.000000 for 4m: cpus:6;mem:12288;gpus:1 + 0x0 of ["V100M16", "V100M32"]
                    00:00:20.000000 for 2m: cpus:12;mem:16384;gpus:1 + 
                    00:00:20.000000 for 400ms: cpus:0.5;mem:1024 + 
                    00:03:20.000000 for 40.4s: cpus:0.5;mem:1024;gpus:8 + 
                "#]]
                .assert_eq(&lines);
            }
            assert_eq!(all[0].census().unwrap().unwrap().jobs, 4);
        }
    }

    #[test]
    fn mistakes_are_shown_in_place() {
        let folder = Folder::new("openb-bad");
        let said = [
            ("a,1,1,2,500,,LS,Running,1,2,1\n", ""),
            ("a,1,1,0,0,,LS,Running,5,2,\n", ""),
            ("a,1,1,0,0,,LS,Running,5\n", ""),
            (PODS, "speedup = 0"),
            (PODS, "gpu_share = 'roundup'"),
        ]
        .map(|(lines, rest)| sources(&folder, lines, rest).err().unwrap_or_default())
        .join("\n\n");
        expect![[r#"
            error: openb_t.csv:2: num_gpu 2 with gpu_milli 500
             --> test.toml:6:8
              |
            6 | file = 'openb_t.csv'
              |        ^^^^^^^^^^^^^
              |
              = help: only a single GPU is shared: write 0,0 or 1,1..1000 or N,1000

            error: openb_t.csv:2: creation_time, scheduled_time and deletion_time are not in order
             --> test.toml:6:8
              |
            6 | file = 'openb_t.csv'
              |        ^^^^^^^^^^^^^
              |
              = help: correct the times

            error: openb_t.csv:2: field `deletion_time` is missing
             --> test.toml:6:8
              |
            6 | file = 'openb_t.csv'
              |        ^^^^^^^^^^^^^
              |
              = help: write 11 fields: name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time

            error: time would stand still
             --> test.toml:8:11
              |
            8 | speedup = 0
              |           ^
              |
              = help: write the factor by which time is to pass faster, for example 100

            error: unknown word `roundup`
             --> test.toml:8:13
              |
            8 | gpu_share = 'roundup'
              |             ^^^^^^^^^
              |
              = help: did you mean `round-up`?"#]].assert_eq(&folder.hide(&said));
    }
}
