//! A burst of failing tasks: at its beginning a part of what runs on the machines fails, and while
//! it lasts the same part of what starts there fails at once (a bad image, a dependency away).

use super::{Error, Fault, Occurrence, Site, When, when_toml};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::Span;
use crate::fact::End;
use crate::scenario::section::Section;
use crate::world::World;
use serde::Deserialize;

pub const SUMMARY: &str = "a part of the tasks fails, running ones and those that start meanwhile";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    at: Option<Span>,
    #[serde(default)]
    lasts: Option<Span>,
    #[serde(default)]
    mtbf: Option<Span>,
    #[serde(default)]
    mttr: Option<Span>,
    #[serde(default = "all")]
    target: String,
    /// Tasks that fail, in a hundred.
    percent: f64,
}

fn all() -> String {
    "agents".into()
}

#[derive(Clone)]
struct TaskFailures {
    slots: Vec<u32>,
    ppm: u32,
}

impl Fault for TaskFailures {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        let mut bit = false;
        for &slot in &self.slots {
            bit |= world.fail_containers(slot, id, self.ppm, End::Failed);
        }
        bit
    }
    fn end(&self, _: &mut World, _: u32) {}
    fn fails_tasks_ppm(&self, slot: u32) -> u32 {
        if self.slots.binary_search(&slot).is_ok() { self.ppm } else { 0 }
    }
    fn clone_box(&self) -> Box<dyn Fault> {
        Box::new(self.clone())
    }
}

pub(super) fn plan(
    section: &Section,
    index: u32,
    site: &Site,
    names: &Names,
    dice: &mut Dice,
) -> Result<Vec<Occurrence>, Error> {
    let params: Params = section.read()?;
    if !(params.percent > 0.0 && params.percent <= 100.0) {
        let help = "write a percentage above 0 and up to 100";
        return Err(section.error("percent", format!("{} % of tasks cannot fail", params.percent), help));
    }
    let mut slots = site.agents(section, "target", &params.target, names)?;
    slots.sort_unstable();
    let Params { at, lasts, mtbf, mttr, percent, target } = params;
    let one = |(at, lasts)| Occurrence {
        at,
        lasts,
        label: format!("{percent} % of tasks on {target} fail"),
        toml: format!(
            "kind = \"task-failures\"\n{}target = \"{target}\"\npercent = {percent:?}\n",
            when_toml(at, lasts)
        ),
        fault: Box::new(TaskFailures { slots: slots.clone(), ppm: (percent * 10_000.0).round() as u32 }),
    };
    // One that has no length is over at once.
    let when = When { at, lasts: lasts.or(at.map(|_| Span::ZERO)), mtbf, mttr };
    let spans = when.spans(section, u64::from(index) << 32, site, dice)?;
    Ok(spans.into_iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tasks_of_the_target_fail() {
        let fault = TaskFailures { slots: vec![3, 9], ppm: 500_000 };
        assert_eq!([2, 3, 9].map(|slot| fault.fails_tasks_ppm(slot)), [0, 500_000, 500_000]);
    }
}
