//! Whether one instance of a definition fits on what is left of an offer, and why not: the order
//! of the checks, apart from the state machine so that tools ask the same (`ResourceMatcher`).

use super::ports::{self, PortDice, Ports};
use super::resources::{self, Roles};
use crate::fact::OfferRefusal;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::Flags;
use crate::mesos::resource::{Ranges, Resources};

/// The ports of an instance on this offer, or the first reason in the order of the funnel.
/// `allows`: whether the constraints do; they are asked only if something of the offer is usable.
pub fn fit(
    spec: &RunSpec,
    left: &Resources,
    flags: &Flags,
    dice: PortDice,
    allows: impl FnOnce() -> bool,
) -> Result<(Ports, Ranges), OfferRefusal> {
    let (has, offered) = resources::usable(left, Roles::of(spec, flags));
    if has.is_empty() && offered.is_empty() {
        return Err(OfferRefusal::UnfulfilledRole);
    }
    if !allows() {
        return Err(OfferRefusal::UnfulfilledConstraint);
    }
    if let Some(why) = resources::refuse(spec, spec.each, has, flags) {
        return Err(why);
    }
    let chosen = ports::choose(spec, &offered, dice).ok_or(OfferRefusal::InsufficientPorts)?;
    let ranges = ports::ranges(&chosen);
    Ok((chosen, ranges))
}

/// All reasons, in the order of the funnel; none if it fits. Ports are looked at only when
/// everything else is well.
#[must_use]
pub fn reasons(spec: &RunSpec, left: &Resources, flags: &Flags, dice: PortDice, allows: bool) -> Vec<OfferRefusal> {
    let (has, offered) = resources::usable(left, Roles::of(spec, flags));
    let mut all = Vec::new();
    if has.is_empty() && offered.is_empty() {
        all.push(OfferRefusal::UnfulfilledRole);
    }
    if !allows {
        all.push(OfferRefusal::UnfulfilledConstraint);
    }
    all.extend(resources::short(spec.each, has));
    if resources::scarce(spec, spec.each, has, flags) {
        all.push(OfferRefusal::DeclinedScarceResources);
    }
    if all.is_empty() && ports::choose(spec, &offered, dice).is_none() {
        all.push(OfferRefusal::InsufficientPorts);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::base::dice::{Dice, Site};
    use crate::marathon::model::app::{HostPort, PortNeed};
    use proptest::prelude::*;

    fn dice() -> PortDice {
        PortDice { key: Dice::new(1).key(Site::new("marathon-ports")), entity: 0, stage: 0 }
    }

    #[test]
    fn all_reasons_are_told() {
        let spec = testing::spec("/a", 1);
        let all =
            |text: &str, allows| reasons(&spec, &Resources::parse(text).unwrap(), &Flags::default(), dice(), allows);
        use OfferRefusal as R;
        assert_eq!(all("cpus:1;mem:128", true), []);
        assert_eq!(
            all("cpus:0.5;mem:100", false),
            [R::UnfulfilledConstraint, R::InsufficientCpus, R::InsufficientMemory]
        );
        assert_eq!(all("cpus:1;mem:128;gpus:1", true), [R::DeclinedScarceResources]);
        assert_eq!(all("cpus(db):8", true), [R::UnfulfilledRole, R::InsufficientCpus, R::InsufficientMemory]);
    }

    proptest! {
        /// The core stops at the first of what tools tell.
        #[test]
        fn the_first_reason_is_the_one_that_counts(
            cpus in 0i32..3, mem in 0i32..3, gpus in 0i32..2, ports in 0u16..3,
            role in "(db)?", wanted in 0usize..3, allows: bool
        ) {
            let mut spec = testing::spec("/a", 1);
            let need = PortNeed { name: None, service_port: 0, host: HostPort::Dynamic };
            spec.ports = vec![need; wanted];
            let role = if role.is_empty() { String::new() } else { format!("({role})") };
            let mut text = format!("cpus{role}:{cpus};mem:{};gpus:{gpus}", mem * 64);
            if ports > 0 {
                text += &format!(";ports:[1-{ports}]");
            }
            let offer = Resources::parse(&text).unwrap();
            let flags = Flags::default();
            let all = reasons(&spec, &offer, &flags, dice(), allows);
            let one = fit(&spec, &offer, &flags, dice(), || allows);
            prop_assert_eq!(one.err(), all.first().copied());
            prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
