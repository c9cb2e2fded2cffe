//! Disks stop taking writes for a while; what was asked meanwhile is written when they go on.

use super::{Error, Fault, Occurrence, Site, Target, explicit, read};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::scenario::section::Section;
use crate::world::World;
use serde::Deserialize;

pub const SUMMARY: &str = "disks of processes take no writes for a while";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    target: String,
}

#[derive(Clone)]
struct DiskStall {
    target: Target,
}

impl Fault for DiskStall {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        world.strike(id, self.target.resolve(world));
        false
    }
    fn end(&self, world: &mut World, id: u32) {
        world.release_writes(id);
    }
    fn stalls_disks(&self) -> bool {
        true
    }
}

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    let (when, Params { target: selector }) = read(section)?;
    let target = site.target(section, "target", &selector, names)?;
    when.each(section, 0, site, dice, |at, lasts| Occurrence {
        at,
        lasts,
        label: format!("disk of {selector} stalls"),
        toml: explicit("disk-stall", at, ("lasts", lasts), &format!("target = \"{selector}\"\n")),
        fault: Box::new(DiskStall { target: target.clone() }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stalled_disk_stops_no_process() {
        let stall = DiskStall { target: Target::Slots(vec![0]) };
        assert!(stall.stalls_disks() && !stall.holds_down());
    }
}
