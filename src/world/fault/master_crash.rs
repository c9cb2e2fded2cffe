//! Masters crash and come back: at an instant, or again and again by `mtbf` and `mttr`.
//!
//! The target is `leading-master` (whoever leads at that instant), `masters`, or one, `master-1`. By
//! default the machine dies and nobody is told: ZooKeeper finds out when the session expires.
//! `process = true` kills the process alone: its connections break at once, and unless `down` says
//! how long it stays away, its supervisor starts it again.

use super::agent_crash::Crash;
use super::{Error, Occurrence, Site, Target, explicit, read};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::{Span, Time};
use crate::scenario::section::Section;
use serde::Deserialize;

pub const SUMMARY: &str = "masters stop and start again, the leading one or any, at an instant or by mtbf and mttr";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    process: bool,
}

/// Occurrences of a crash of processes of one kind; `what` names the fault.
pub(super) fn crashes(
    what: &str,
    default: &str,
    section: &Section,
    site: &Site,
    names: &Names,
    dice: &mut Dice,
) -> Result<Vec<Occurrence>, Error> {
    let (when, params): (_, Params) = read(section)?;
    let selector = params.target.as_deref().unwrap_or(default);
    let targets = match site.target(section, "target", selector, names)? {
        // Which processes these are is known when they are struck.
        Target::Program(_) if section.get("down").or(section.get("lasts")).is_some() => {
            let key = if section.get("down").is_some() { "down" } else { "lasts" };
            let what = format!("`{selector}` is a task of an app: its Marathon starts it again as soon as it can");
            let help = format!("remove `{key}`, or crash its machine: kind = \"agent-crash\", target = \"machine-of-{selector}\"");
            return Err(section.error(key, what, help));
        }
        target @ (Target::Leader(_) | Target::Program(_) | Target::MachinesOf(_)) => {
            vec![(selector.to_owned(), target, u32::MAX)]
        }
        Target::Slots(slots) => slots
            .into_iter()
            .map(|slot| {
                let name = site.blueprint.selector_of(slot).unwrap_or_else(|| selector.to_owned());
                (name, Target::Slots(vec![slot]), slot)
            })
            .collect(),
    };
    let mut all = Vec::new();
    for (name, target, entity) in targets {
        let one = |at, lasts| occurrence(what, at, lasts, &name, target.clone(), params.process);
        all.extend(when.each(section, entity, site, dice, one)?);
    }
    Ok(all)
}

fn occurrence(what: &str, at: Time, lasts: Option<Span>, name: &str, target: Target, process: bool) -> Occurrence {
    let how = if process { "process = true\n" } else { "" };
    // A task is started again by whoever runs it, elsewhere.
    let is_task = matches!(target, Target::Program(_));
    let lasts = lasts.filter(|_| !is_task);
    let (noticed, held) = (process || is_task, (!process || lasts.is_some()) && !is_task);
    Occurrence {
        at,
        lasts,
        label: format!("{name} crashed"),
        toml: explicit(what, at, ("down", lasts), &format!("target = \"{name}\"\n{how}")),
        fault: Box::new(Crash { target, noticed, held }),
    }
}

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    crashes("master-crash", "leading-master", section, site, names, dice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::ProcessKind;

    #[test]
    fn a_killed_process_is_left_to_its_supervisor() {
        let (at, target) = (Time::from_secs(60), Target::Leader(ProcessKind::Master));
        let killed = occurrence("master-crash", at, None, "leading-master", target, true);
        assert_eq!(
            killed.toml,
            "kind = \"master-crash\"\nat = \"1m\"\ntarget = \"leading-master\"\nprocess = true\n"
        );
        assert!(!killed.fault.holds_down());
    }
}
