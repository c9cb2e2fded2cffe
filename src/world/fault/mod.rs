//! Faults: what breaks, when, and for how long. One file each.
//!
//! Faults are data. A `[[fault]]` section, explicit or random, is planned before the run into
//! occurrences, and the list of occurrences can be written out and run instead of the sections
//! with the same outcome. A plan draws only from its own dice, so removing one fault changes
//! nobody's dice. Each occurrence records that it began, that it had an effect, and that it ended.

use super::World;
use super::build::Blueprint;
use crate::base::dice::{self, Dice};
use crate::base::id::Names;
use crate::base::sampler;
use crate::base::time::{Span, Time};
use crate::fact::ProcessKind;
use crate::scenario::section::Section;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Something that can go wrong at an instant and be mended.
pub trait Fault: dyn_clone::DynClone + Send + Sync {
    /// Strikes; says whether it had an effect at once.
    fn begin(&self, world: &mut World, id: u32) -> bool;
    fn end(&self, world: &mut World, id: u32);
    /// Whether the processes that it struck must stay down while it is active.
    fn holds_down(&self) -> bool {
        false
    }
    /// Whether writes of those processes wait.
    fn stalls_disks(&self) -> bool {
        false
    }
    /// Containers of those processes that fail as soon as they run, in a million.
    fn fails_tasks_ppm(&self) -> u32 {
        0
    }
    /// How long those processes take for each input.
    fn service(&self) -> Span {
        Span::ZERO
    }
}

dyn_clone::clone_trait_object!(Fault);

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

/// Whom a fault strikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Known before the run.
    Slots(Vec<u32>),
    /// Whoever leads its kind when the fault strikes.
    Leader(ProcessKind),
    /// The processes of a program that runs as tasks, when the fault strikes.
    Program(u32),
    /// The machines on which it runs then.
    MachinesOf(u32),
}

impl Target {
    /// The slots, now.
    #[must_use]
    pub fn resolve(&self, world: &World) -> Vec<u32> {
        match self {
            Self::Slots(slots) => slots.clone(),
            Self::Leader(kind) => world.leader_of(*kind).into_iter().collect(),
            Self::Program(program) => world.guests(*program),
            Self::MachinesOf(program) => world.machines_of(*program),
        }
    }
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

    /// Processes for a selector, or `leading-master`, `leading-zookeeper`, `leading-marathon`; for what
    /// runs as tasks of an app its name, or `machine-of-` and its name.
    ///
    /// # Errors
    /// If it names none.
    pub fn target(&self, section: &Section, key: &str, selector: &str, names: &Names) -> Result<Target, Error> {
        let program = |name: &str| self.blueprint.program_named(names, name);
        if let Some(program) = program(selector) {
            return Ok(Target::Program(program));
        }
        if let Some(program) = selector.strip_prefix("machine-of-").and_then(program) {
            return Ok(Target::MachinesOf(program));
        }
        let word = selector.strip_prefix("leading-").filter(|_| self.processes(section, key, selector, names).is_err());
        match word.and_then(|word| self.blueprint.kind_named(word)) {
            Some(kind) => Ok(Target::Leader(kind)),
            None => self.processes(section, key, selector, names).map(Target::Slots),
        }
    }

    /// Two groups of processes (`from`, `to`) that have none in common, as far as that is known
    /// before the run.
    ///
    /// # Errors
    /// If one names nobody, or they overlap.
    pub fn two_groups(
        &self,
        section: &Section,
        (from, to): (&str, &str),
        names: &Names,
    ) -> Result<(Target, Target), Error> {
        let groups = (self.target(section, "from", from, names)?, self.target(section, "to", to, names)?);
        if let (Target::Slots(a), Target::Slots(b)) = &groups
            && let Some(slot) = a.iter().find(|s| b.contains(s))
        {
            let what = format!("`{from}` and `{to}` overlap (slot {slot})");
            return Err(section.error("to", what, "name two groups that have no process in common"));
        }
        Ok(groups)
    }

    fn some(&self, section: &Section, key: &str, selector: &str, slots: Vec<u32>) -> Result<Vec<u32>, Error> {
        if slots.is_empty() {
            let help = "write a hostname (\"agent-3\"), an attribute (\"rack_id=r2\"), \"agents\" for all, \
                        \"masters\", \"master-1\", \"zookeepers\", \"marathons\", a framework's name, or, for a fault \
                        that strikes processes, \"leading-master\", or \"machine-of-NAME\" for what an app runs";
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
type Plan = fn(&Section, &Site, &Names, &mut Dice) -> Result<Vec<Occurrence>, Error>;

macro_rules! faults {
    ($($name:ident $text:literal),+) => {
        $(pub mod $name;)+
        /// Names in scenarios, summaries and planners, in the order of the list.
        pub const FAULTS: &[(&str, &str, Plan)] = &[$(($text, $name::SUMMARY, $name::plan)),+];
    };
}
faults!(
    agent_crash "agent-crash",
    rack_loss "rack-loss",
    partition "partition",
    latency_burst "latency-burst",
    loss_burst "loss-burst",
    task_failures "task-failures",
    slow_agent "slow-agent",
    disk_stall "disk-stall",
    master_crash "master-crash",
    zookeeper_crash "zookeeper-crash",
    marathon_crash "marathon-crash",
    framework_crash "framework-crash"
);

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
    for section in sections {
        let Some(row) = FAULTS.iter().find(|row| row.0 == section.kind) else {
            let known: Vec<&str> = FAULTS.iter().map(|row| row.0).collect();
            return Err(section.unknown_kind("fault", &known));
        };
        all.extend((row.2)(section, site, names, dice)?);
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

/// Keys that all faults share: the instants of an explicit one (`at`, and `lasts` or `down` for how
/// long), or of random ones (`mtbf`, `mttr`), whose times between failures and to repair are
/// exponential.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct When {
    at: Option<Span>,
    #[serde(alias = "down")]
    lasts: Option<Span>,
    mtbf: Option<Span>,
    mttr: Option<Span>,
}

const UP: dice::Site = dice::Site::new("fault-up");
const DOWN: dice::Site = dice::Site::new("fault-down");

/// The shared keys of a section, and those of its kind.
///
/// # Errors
/// A mistake in either.
pub(super) fn read<P: DeserializeOwned>(section: &Section) -> Result<(When, P), Error> {
    let (when, own) = section.divide(&["at", "lasts", "down", "mtbf", "mttr"]);
    Ok((when.read()?, own.read()?))
}

impl When {
    /// One occurrence for each time. `entity` tells the dice of the targets of a section apart.
    ///
    /// # Errors
    /// If the section mixes both ways or lacks a key.
    pub(super) fn each(
        self,
        section: &Section,
        entity: u32,
        site: &Site,
        dice: &mut Dice,
        one: impl Fn(Time, Option<Span>) -> Occurrence,
    ) -> Result<Vec<Occurrence>, Error> {
        let spans = self.spans(section, u64::from(section.index() as u32) << 32 | u64::from(entity), site, dice)?;
        Ok(spans.into_iter().map(|(at, lasts)| one(at, lasts)).collect())
    }

    /// Begin and length of each.
    fn spans(
        self,
        section: &Section,
        entity: u64,
        site: &Site,
        dice: &mut Dice,
    ) -> Result<Vec<(Time, Option<Span>)>, Error> {
        let (mtbf, mttr) = match (self.mtbf, self.mttr) {
            (None, None) => return Ok(vec![(instant(section, self.at)?, self.lasts)]),
            (Some(mtbf), Some(mttr)) if mtbf > Span::ZERO && mttr > Span::ZERO => (mtbf, mttr),
            _ => {
                let help = "write both, for example mtbf = \"6h\" and mttr = \"10m\"";
                return Err(section.error("mtbf", "random faults need mtbf and mttr above zero", help));
            }
        };
        if self.at.is_some() || self.lasts.is_some() {
            let help = "write at and how long for one fault, or mtbf and mttr for random ones";
            return Err(section.error("at", "a fault is either explicit or random", help));
        }
        let mut spans = Vec::new();
        let mut at = Time::ZERO;
        for n in 0.. {
            let span = |dice: &mut Dice, which, mean: Span| {
                Span(sampler::exponential(mean.0 as f64, dice.draw(which, entity, n)).max(1))
            };
            at = at.saturating_add(span(dice, UP, mtbf));
            if at >= site.end {
                break;
            }
            let down = span(dice, DOWN, mttr);
            spans.push((at, Some(down)));
            at = at.saturating_add(down);
        }
        Ok(spans)
    }
}

/// The section that stands for one occurrence: `kind`, `at`, how long under the name `lasts` or
/// `down`, and the other keys.
pub(super) fn explicit(kind: &str, at: Time, (key, lasts): (&str, Option<Span>), rest: &str) -> String {
    let lasts = lasts.map(|span| format!("{key} = \"{span}\"\n")).unwrap_or_default();
    format!("kind = \"{kind}\"\nat = \"{}\"\n{lasts}{rest}", Span(at.0))
}

/// `at` of an explicit fault, checked.
///
/// # Errors
/// If it lies before the start or is missing.
fn instant(section: &Section, at: Option<Span>) -> Result<Time, crate::scenario::Error> {
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
