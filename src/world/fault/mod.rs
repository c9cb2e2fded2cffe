//! Faults: what breaks, when, and for how long. One file each.
//!
//! Faults are data. A `[[fault]]` section, explicit or random, is planned before the run into
//! occurrences, and the list of occurrences can be written out and run instead of the sections
//! with the same outcome. A plan draws only from its own dice, so removing one fault changes
//! nobody's dice. Each occurrence records that it began, that it had an effect, and that it ended.

use super::World;
use super::build::Blueprint;
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::{Span, Time};
use crate::scenario::section::Section;

/// Something that can go wrong at an instant and be mended.
pub trait Fault: Send + Sync {
    /// Strikes; says whether it had an effect at once.
    fn begin(&self, world: &mut World, id: u32) -> bool;
    fn end(&self, world: &mut World, id: u32);
    /// Whether the process must stay down while the fault is active.
    fn holds_down(&self, _slot: u32) -> bool {
        false
    }
    fn clone_box(&self) -> Box<dyn Fault>;
}

impl Clone for Box<dyn Fault> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// One planned fault.
pub struct Occurrence {
    pub at: Time,
    /// `None`: it is never mended.
    pub lasts: Option<Span>,
    /// Short text for figures and messages, e.g. `rack r3 lost`.
    pub label: String,
    /// The section that stands for just this one: TOML lines without the header.
    pub toml: String,
    pub fault: Box<dyn Fault>,
}

/// Where faults are planned for.
pub struct Site<'a> {
    pub blueprint: &'a Blueprint,
    pub end: Time,
}

impl Site<'_> {
    /// Agent slots for a selector.
    ///
    /// # Errors
    /// If it names none.
    pub fn agents(&self, section: &Section, key: &str, selector: &str, names: &Names) -> Result<Vec<u32>, Error> {
        self.some(section, key, selector, self.blueprint.select(names, selector))
    }

    /// Slots of any processes for a selector.
    ///
    /// # Errors
    /// If it names none.
    pub fn processes(&self, section: &Section, key: &str, selector: &str, names: &Names) -> Result<Vec<u32>, Error> {
        self.some(section, key, selector, self.blueprint.select_processes(names, selector))
    }

    fn some(&self, section: &Section, key: &str, selector: &str, slots: Vec<u32>) -> Result<Vec<u32>, Error> {
        if slots.is_empty() {
            let help = "write a hostname (\"agent-3\"), an attribute (\"rack_id=r2\"), \"agents\" for all, \
                        \"master\", or a framework's name";
            return Err(section.error(key, format!("`{selector}` selects nothing in this scenario"), help));
        }
        Ok(slots)
    }

    #[must_use]
    pub fn hostname<'n>(&self, slot: u32, names: &'n Names) -> &'n str {
        names.text(self.blueprint.hostname(slot))
    }
}

type Error = crate::scenario::Error;
type Plan = fn(&Section, u32, &Site, &Names, &mut Dice) -> Result<Vec<Occurrence>, Error>;

macro_rules! faults {
    ($($name:ident $text:literal),+) => {
        $(pub mod $name;)+
        /// Names in scenarios, summaries and planners, in the order of the list.
        pub const FAULTS: &[(&str, &str, Plan)] = &[$(($text, $name::SUMMARY, $name::plan)),+];
    };
}
faults!(agent_crash "agent-crash", rack_loss "rack-loss", partition "partition");

/// Expands all sections into one list in order of time.
///
/// # Errors
/// What a section says wrong.
pub fn plan(
    sections: &[Section],
    site: &Site,
    names: &Names,
    dice: &mut Dice,
) -> Result<Vec<Occurrence>, crate::scenario::Error> {
    let mut all = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let Some(row) = FAULTS.iter().find(|row| row.0 == section.kind) else {
            let known: Vec<&str> = FAULTS.iter().map(|row| row.0).collect();
            return Err(section.unknown_kind("fault", &known));
        };
        all.extend((row.2)(section, index as u32, site, names, dice)?);
    }
    // Stable: at one instant the order of the file.
    all.sort_by_key(|o: &Occurrence| o.at);
    Ok(all)
}

/// The explicit list as a TOML text that can stand for the sections.
#[must_use]
pub fn to_toml(occurrences: &[Occurrence]) -> String {
    occurrences.iter().map(|o| format!("[[fault]]\n{}\n", o.toml)).collect()
}

/// `at` of an explicit fault, checked.
///
/// # Errors
/// If it lies before the start or is missing.
pub(super) fn instant(section: &Section, at: Option<Span>) -> Result<Time, crate::scenario::Error> {
    match at {
        Some(span) if span >= Span::ZERO => Ok(Time(span.0)),
        Some(span) => {
            let what = format!("a fault cannot strike {span} before the start");
            Err(section.error("at", what, "write an instant from \"0s\" on, for example at = \"10m\""))
        }
        None => {
            Err(section.error("kind", "the fault has no instant", "add at = \"10m\", or mtbf and mttr for random ones"))
        }
    }
}
