//! A burst of failing tasks: at its beginning a part of what runs on the machines fails, and while
//! it lasts the same part of what starts there fails at once (a bad image, a dependency away).

use super::{Error, Fault, Occurrence, Site, Target, explicit, read};
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
    target: Target,
    ppm: u32,
}

impl Fault for TaskFailures {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        let slots = world.strike(id, self.target.resolve(world));
        slots.into_iter().fold(false, |bit, slot| bit | world.fail_containers(slot, id, self.ppm, End::Failed))
    }
    fn end(&self, _: &mut World, _: u32) {}
    fn fails_tasks_ppm(&self) -> u32 {
        self.ppm
    }
}

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    let (when, Params { target, percent }) = read(section)?;
    if !(percent > 0.0 && percent <= 100.0) {
        let help = "write a percentage above 0 and up to 100";
        return Err(section.error("percent", format!("{percent} % of tasks cannot fail"), help));
    }
    let slots = site.agents(section, "target", &target, names)?;
    let keys = format!("target = \"{target}\"\npercent = {percent:?}\n");
    when.each(section, 0, site, dice, |at, lasts| {
        // One that has no length is over at once.
        let lasts = lasts.or(Some(Span::ZERO));
        Occurrence {
            at,
            lasts,
            label: format!("{percent} % of tasks on {target} fail"),
            toml: explicit("task-failures", at, ("lasts", lasts), &keys),
            fault: Box::new(TaskFailures {
                target: Target::Slots(slots.clone()),
                ppm: (percent * 10_000.0).round() as u32,
            }),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_failures_stops_no_process() {
        let fault = TaskFailures { target: Target::Slots(vec![3, 9]), ppm: 500_000 };
        assert_eq!((fault.fails_tasks_ppm(), fault.holds_down(), fault.service()), (500_000, false, Span::ZERO));
    }
}
