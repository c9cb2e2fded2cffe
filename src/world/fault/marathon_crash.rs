//! Marathons crash and come back: at an instant, or again and again by `mtbf` and `mttr`.
//!
//! The target is `leading-marathon` (the default), `marathons`, or one of them, `marathon-1`. As
//! with masters the machine dies unless `process = true`.

use super::master_crash::crashes;
use super::{Error, Occurrence, Site};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::scenario::section::Section;

pub const SUMMARY: &str = "Marathons stop and start again, the leading one or any, at an instant or by mtbf and mttr";

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    crashes("marathon-crash", "leading-marathon", section, site, names, dice)
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;
    use crate::world::World;
    use std::path::Path;

    #[test]
    fn the_leader_is_struck_by_default() {
        let plan = |target: &str| {
            let text = format!(
                "duration = \"1h\"\n[cluster]\nzookeepers = 3\n[[marathon]]\ninstances = 2\n[[agents]]\ncount = 1\n\
                 resources = \"cpus:1\"\n[[fault]]\nkind = \"marathon-crash\"\nat = \"1m\"\n{target}"
            );
            let scenario = Scenario::parse(&text, "t.toml", Path::new("."), &[], None).expect("a scenario");
            let (_, occurrences) = World::build(&scenario).expect("a world");
            occurrences.into_iter().map(|o| o.label).collect::<Vec<_>>()
        };
        assert_eq!(plan(""), ["leading-marathon crashed"]);
        assert_eq!(plan("target = \"marathons\"\n"), ["marathon-0 crashed", "marathon-1 crashed"]);
    }
}
