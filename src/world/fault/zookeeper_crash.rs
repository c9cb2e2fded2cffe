//! ZooKeeper servers crash and come back: at an instant, or again and again by `mtbf` and `mttr`.
//!
//! The target is `zookeepers` (the default), one of them, `zookeeper-2`, or `leading-zookeeper`. As
//! with masters the machine dies unless `process = true`. Disks survive.

use super::master_crash::crashes;
use super::{Error, Occurrence, Site};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::scenario::section::Section;

pub const SUMMARY: &str = "ZooKeeper servers stop and start again, at an instant or by mtbf and mttr";

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    crashes("zookeeper-crash", "zookeepers", section, site, names, dice)
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;
    use crate::world::World;
    use std::path::Path;

    #[test]
    fn every_server_is_struck_by_default_and_one_by_its_number() {
        let plan = |target: &str| {
            let text = format!(
                "duration = \"1h\"\n[cluster]\nzookeepers = 3\n[[agents]]\ncount = 1\nresources = \"cpus:1\"\n\
                 [[fault]]\nkind = \"zookeeper-crash\"\nat = \"1m\"\ndown = \"1s\"\n{target}"
            );
            let scenario = Scenario::parse(&text, "t.toml", Path::new("."), &[], None).expect("a scenario");
            let (_, occurrences) = World::build(&scenario).expect("a world");
            occurrences.into_iter().map(|o| o.label).collect::<Vec<_>>()
        };
        assert_eq!(plan(""), ["zookeeper-0 crashed", "zookeeper-1 crashed", "zookeeper-2 crashed"]);
        assert_eq!(plan("target = \"zookeeper-2\"\n"), ["zookeeper-2 crashed"]);
        assert_eq!(plan("target = \"leading-zookeeper\"\n"), ["leading-zookeeper crashed"]);
    }
}
