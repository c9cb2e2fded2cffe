//! Disks stop taking writes for a while; what was asked meanwhile is written when they go on.

use super::{Error, Fault, Occurrence, Site, When, when_toml};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::Span;
use crate::scenario::section::Section;
use crate::world::World;
use serde::Deserialize;

pub const SUMMARY: &str = "disks of processes take no writes for a while";

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
    target: String,
}

#[derive(Clone)]
struct DiskStall {
    slots: Vec<u32>,
}

impl Fault for DiskStall {
    fn begin(&self, _: &mut World, _: u32) -> bool {
        false
    }
    fn end(&self, world: &mut World, id: u32) {
        world.release_writes(id);
    }
    fn stalls_disk(&self, slot: u32) -> bool {
        self.slots.contains(&slot)
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
    let Params { at, lasts, mtbf, mttr, target } = params;
    let slots = site.processes(section, "target", &target, names)?;
    let one = |(at, lasts)| Occurrence {
        at,
        lasts,
        label: format!("disk of {target} stalls"),
        toml: format!("kind = \"disk-stall\"\n{}target = \"{target}\"\n", when_toml(at, lasts)),
        fault: Box::new(DiskStall { slots: slots.clone() }),
    };
    let spans = When { at, lasts, mtbf, mttr }.spans(section, u64::from(index) << 32, site, dice)?;
    Ok(spans.into_iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_target_waits() {
        let stall = DiskStall { slots: vec![0] };
        assert!(stall.stalls_disk(0) && !stall.stalls_disk(1));
    }
}
