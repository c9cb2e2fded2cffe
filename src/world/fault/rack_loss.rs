//! A rack loses power: all machines with one value of an attribute die at one instant.

use super::agent_crash::Down;
use super::{Error, Occurrence, Site, instant};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::Span;
use crate::scenario::section::Section;
use serde::Deserialize;

pub const SUMMARY: &str = "all machines of a rack lose power together";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    at: Option<Span>,
    #[serde(default)]
    down: Option<Span>,
    /// `attribute=value`.
    rack: String,
}

pub(super) fn plan(
    section: &Section,
    _: u32,
    site: &Site,
    names: &Names,
    _: &mut Dice,
) -> Result<Vec<Occurrence>, Error> {
    let params: Params = section.read()?;
    let at = instant(section, params.at)?;
    let rack = if params.rack.contains('=') { params.rack } else { format!("rack_id={}", params.rack) };
    let slots = site.agents(section, "rack", &rack, names)?;
    let lasts = params.down;
    let down = lasts.map(|d| format!("down = \"{d}\"\n")).unwrap_or_default();
    Ok(vec![Occurrence {
        at,
        lasts,
        label: format!("{rack} lost"),
        toml: format!("kind = \"rack-loss\"\nat = \"{}\"\n{down}rack = \"{rack}\"\n", Span(at.0)),
        fault: Box::new(Down { slots, noticed: false }),
    }])
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::*;

    #[test]
    fn holds_every_machine_of_the_rack_down() {
        let down = Down { slots: vec![4, 5], noticed: false };
        assert!(down.holds_down(4) && down.holds_down(5) && !down.holds_down(6));
        assert!(SUMMARY.contains("rack"));
    }
}
