//! A rack loses power: all machines with one value of an attribute die at one instant.

use super::agent_crash::Crash;
use super::{Error, Occurrence, Site, Target, explicit, read};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::scenario::section::Section;
use serde::Deserialize;

pub const SUMMARY: &str = "all machines of a rack lose power together";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// `attribute=value`.
    rack: String,
}

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    let (when, Params { rack }) = read(section)?;
    let rack = if rack.contains('=') { rack } else { format!("rack_id={rack}") };
    let slots = site.agents(section, "rack", &rack, names)?;
    when.each(section, 0, site, dice, |at, lasts| Occurrence {
        at,
        lasts,
        label: format!("{rack} lost"),
        toml: explicit("rack-loss", at, ("down", lasts), &format!("rack = \"{rack}\"\n")),
        fault: Box::new(Crash { target: Target::Slots(slots.clone()), noticed: false, held: true }),
    })
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;
    use crate::world::World;
    use std::path::Path;

    #[test]
    fn racks_are_lost_at_an_instant_or_at_random() {
        let lost = |when: &str| {
            let text = format!(
                "duration = \"10h\"\n[[agents]]\ncount = 4\nracks = 2\nresources = \"cpus:1\"\n\
                 [[fault]]\nkind = \"rack-loss\"\nrack = \"r1\"\n{when}"
            );
            let scenario = Scenario::parse(&text, "t.toml", Path::new("."), &[], None).expect("a scenario");
            World::build(&scenario).expect("a world").1
        };
        let once = lost("at = \"1m\"\ndown = \"5m\"\n");
        assert_eq!(once[0].toml, "kind = \"rack-loss\"\nat = \"1m\"\ndown = \"5m\"\nrack = \"rack_id=r1\"\n");
        let often = lost("mtbf = \"1h\"\nmttr = \"1m\"\n");
        assert!(often.len() > 2 && often.iter().all(|o| o.label == "rack_id=r1 lost" && o.fault.holds_down()));
    }
}
