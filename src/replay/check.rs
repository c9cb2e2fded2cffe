//! What an event by itself must fulfil, whatever the state: roles that are roles, amounts that are
//! not negative, quota on top-level roles only.

use super::Fault;
use super::event::{Event, Framework, Init};
use crate::base::time::Span;
use crate::mesos::resource::{Resources, role_fault};

/// Shortest allocation interval: a replay makes every batch run.
const LEAST_INTERVAL: Span = Span::from_millis(1);

/// `*` is a role of frameworks, though nothing can be reserved to it. Parts that begin with `-` are
/// refused by masters for the sake of command lines; allocators have no opinion on them.
pub(super) fn check_role(role: &str) -> Result<(), Fault> {
    let parts: Vec<&str> = role.split('/').map(|part| part.strip_prefix('-').unwrap_or(part)).collect();
    match role_fault(&parts.join("/")).filter(|_| role != "*") {
        Some(fault) => Err(Fault::new(format!("role `{role}`: {fault}"), "write a role like `a` or `a/b`")),
        None => Ok(()),
    }
}

fn check_reserved(resources: &Resources) -> Result<(), Fault> {
    if resources.is_empty() {
        return Err(Fault::new("there are no resources", "name what is to be reserved or unreserved"));
    }
    if let Some(object) = resources.objects().find(|object| object.is_persistent_volume()) {
        let mend = "destroy the volume before; here it stays reserved as it is";
        return Err(Fault::new(format!("`{object}` is a persistent volume"), mend));
    }
    match resources.objects().find(|object| !object.is_reserved()) {
        Some(object) => {
            let mend = "write resources in their reserved form, with `reservations`";
            Err(Fault::new(format!("`{object}` is not reserved"), mend))
        }
        None => Ok(()),
    }
}

impl Framework {
    fn check(&self) -> Result<(), Fault> {
        for (i, role) in self.roles.iter().enumerate() {
            check_role(role)?;
            if self.roles[..i].contains(role) {
                return Err(Fault::new(format!("role `{role}` twice"), "name each role once"));
            }
        }
        if let Some(role) = self.suppressed.iter().find(|role| !self.roles.contains(role)) {
            let what = format!("`{role}` is suppressed and no role of the framework");
            return Err(Fault::new(what, "suppress roles that it has"));
        }
        self.min_allocatable.keys().try_for_each(|role| check_role(role))
    }
}

impl Init {
    fn check(&self) -> Result<(), Fault> {
        if self.allocation_interval < LEAST_INTERVAL {
            return Err(Fault::new("the allocation interval is too short", "write at least 0.001 s"));
        }
        if self.runs_given && !self.event_driven {
            return Err(Fault::new("runs are given and the case is not event driven", "add `\"event_driven\":true`"));
        }
        Ok(())
    }
}

impl Event {
    /// What can be said about the event without knowing what went before.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Init(init) => init.check(),
            Self::AddFramework { framework, used, .. } => {
                framework.check()?;
                used.iter().try_for_each(|one| check_role(&one.role))
            }
            Self::UpdateFramework(framework) => framework.check(),
            Self::AddAgent { used, .. } => used.iter().try_for_each(|one| check_role(&one.role)),
            Self::UpdateWeights { weights } => weights.iter().try_for_each(|(role, weight)| {
                check_role(role)?;
                if *weight > 0.0 && weight.is_finite() {
                    return Ok(());
                }
                Err(Fault::new(format!("the weight of `{role}` is {weight}"), "write a weight above 0"))
            }),
            Self::UpdateQuota { role, guarantees, limits } => {
                check_role(role)?;
                if role.contains('/') {
                    return Err(Fault::new(format!("quota on the nested role `{role}`"), "set it on a top-level role"));
                }
                if role == "*" {
                    return Err(Fault::new("quota on the role `*`", "set it on another role"));
                }
                let negative = |(_, amount): &(&String, &crate::base::quantity::Milli)| amount.0 < 0;
                match guarantees.iter().chain(limits).find(negative) {
                    Some((name, amount)) => Err(Fault::new(format!("a quota of {amount} {name}"), "write at least 0")),
                    None => Ok(()),
                }
            }
            Self::Reserve { resources, .. }
            | Self::Unreserve { resources, .. }
            | Self::ReserveOffered { resources, .. }
            | Self::UnreserveOffered { resources, .. } => check_reserved(resources),
            Self::ConvertOffered { resources, into, .. } if resources.all_quantities() != into.all_quantities() => {
                Err(Fault::new(format!("{resources} cannot become {into}"), "convert into the same amounts"))
            }
            Self::Advance { by } if *by < Span::ZERO => {
                Err(Fault::new("the clock goes backwards", "write at least 0 seconds"))
            }
            Self::Allocate(Some(visits)) if visits.ago < Span::ZERO => {
                Err(Fault::new("the run is asked for after it is made", "write at least 0 seconds"))
            }
            Self::Allocate(Some(visits)) => {
                let sorted = |names: &[String]| {
                    let mut names = names.to_vec();
                    names.sort_unstable();
                    names
                };
                let (first, second) = (sorted(&visits.agents), sorted(&visits.again));
                if let Some(pair) = first.windows(2).find(|pair| pair[0] == pair[1]) {
                    return Err(Fault::new(format!("agent `{}` is visited twice", pair[0]), "name each agent once"));
                }
                if first == second {
                    return Ok(());
                }
                Err(Fault::new("`agents` and `again` are not the same agents", "name the same ones in both"))
            }
            _ => Ok(()),
        }
    }
}
