//! Fleets: where the machines of an `[[agents]]` section come from. One file each.
//!
//! The key `from` chooses; without it the section itself describes a group of equal machines.

mod group;
mod openb_nodes;

use super::error::Error;
use super::model::Host;
use super::section::Section;

/// One way to describe machines.
pub struct Plugin {
    pub name: &'static str,
    pub summary: &'static str,
    /// The machines of a section whose fleet has this name.
    pub read: fn(&Section, &str) -> Result<Vec<Host>, Error>,
}

/// All fleets; `mesosim plugins` prints them in this order.
pub const FLEETS: &[Plugin] = &[group::PLUGIN, openb_nodes::PLUGIN];

/// The machines of one `[[agents]]` section.
pub(crate) fn read(section: &Section, name: &str) -> Result<Vec<Host>, Error> {
    match FLEETS.iter().find(|plugin| plugin.name == section.kind) {
        Some(plugin) => (plugin.read)(section, name),
        None => {
            let known: Vec<&str> = FLEETS.iter().map(|plugin| plugin.name).collect();
            Err(section.unknown_kind("fleet", &known))
        }
    }
}
