//! Whether one instance of a definition fits on what is left of an offer, and why not: the order
//! of the checks, apart from the state machine so that tools ask the same (`ResourceMatcher`).

use super::constraints::Fields;
use super::ports::{self, PortDice, Ports};
use super::resources::{self, Roles};
use super::volumes::{self, Chosen};
use crate::base::id::Names;
use crate::base::quantity::Quantities;
use crate::base::time::{Span, Time};
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

/// Whether an offer is refused because its machine is in maintenance (`Availability`): a window from
/// `start` on, for ever or as long as it says. The master of a simulation has no maintenance yet.
#[must_use]
pub fn in_maintenance((start, length): (Time, Option<Span>), now: Time) -> bool {
    now > start && length.is_none_or(|length| now <= start.saturating_add(length))
}

/// What a new stateful instance reserves on an offer.
#[derive(Clone, Debug)]
pub struct Reservable {
    /// Scalars, with the volumes on the root disk.
    pub needs: Quantities,
    /// A disk for each volume.
    pub disks: Vec<Chosen>,
    pub ports: Ports,
}

/// What a stateful instance needs of what is not reserved, scalars alone.
#[must_use]
pub fn to_reserve(spec: &RunSpec) -> Quantities {
    let mut needs = spec.each;
    needs.0[2] += volumes::on_root(spec).0;
    needs
}

/// Whether a new stateful instance fits on what is not reserved, or the first reason why not.
/// `can_reserve`: there is a principal for reservations. `words`: names and patterns of constraints.
pub fn fit_new(
    spec: &RunSpec,
    left: &Resources,
    flags: &Flags,
    dice: PortDice,
    words: (&mut Names, &mut Fields),
    (allowed, can_reserve): (bool, bool),
) -> Result<Reservable, OfferRefusal> {
    let (has, offered) = resources::usable(left, Roles::unreserved(spec));
    if has.is_empty() && offered.is_empty() {
        return Err(OfferRefusal::UnfulfilledRole);
    }
    if !allowed {
        return Err(OfferRefusal::UnfulfilledConstraint);
    }
    // Quirk: without a principal nothing is reserved, and Marathon tells its log alone.
    if !can_reserve {
        return Err(OfferRefusal::NoCorrespondingReservationFound);
    }
    let needs = to_reserve(spec);
    if let Some(why) = resources::refuse(spec, needs, has, flags) {
        return Err(why);
    }
    let disks = volumes::choose(words.0, words.1, spec, left).ok_or(OfferRefusal::InsufficientDisk)?;
    let ports = ports::choose(spec, &offered, dice).ok_or(OfferRefusal::InsufficientPorts)?;
    Ok(Reservable { needs, disks, ports })
}

/// All reasons against a new stateful instance, in the order of the funnel but for disks, which are
/// looked at after all amounts; none if it fits.
#[must_use]
pub fn reasons_new(
    spec: &RunSpec,
    left: &Resources,
    flags: &Flags,
    dice: PortDice,
    words: (&mut Names, &mut Fields),
    (allowed, can_reserve): (bool, bool),
) -> Vec<OfferRefusal> {
    let (has, offered) = resources::usable(left, Roles::unreserved(spec));
    let mut all = Vec::new();
    if has.is_empty() && offered.is_empty() {
        all.push(OfferRefusal::UnfulfilledRole);
    }
    if !allowed {
        all.push(OfferRefusal::UnfulfilledConstraint);
    }
    if !can_reserve {
        all.push(OfferRefusal::NoCorrespondingReservationFound);
    }
    let needs = to_reserve(spec);
    all.extend(resources::short(needs, has));
    if resources::scarce(spec, needs, has, flags) {
        all.push(OfferRefusal::DeclinedScarceResources);
    }
    if !all.contains(&OfferRefusal::InsufficientDisk) && volumes::choose(words.0, words.1, spec, left).is_none() {
        all.push(OfferRefusal::InsufficientDisk);
    }
    if all.is_empty() && ports::choose(spec, &offered, dice).is_none() {
        all.push(OfferRefusal::InsufficientPorts);
    }
    all
}

/// Whether a stateful instance can be launched on what is reserved for it, all its volumes being
/// there; or the first reason why not.
pub fn fit_back(
    spec: &RunSpec,
    left: &Resources,
    flags: &Flags,
    dice: PortDice,
    own: Roles,
    allowed: bool,
) -> Result<Ports, OfferRefusal> {
    let (has, offered) = resources::usable(left, own);
    if !allowed {
        return Err(OfferRefusal::UnfulfilledConstraint);
    }
    if let Some(why) = resources::refuse(spec, spec.each, has, flags) {
        return Err(why);
    }
    ports::choose(spec, &offered, dice).ok_or(OfferRefusal::InsufficientPorts)
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
    use crate::base::quantity::Milli;
    use crate::marathon::model::app::{HostPort, PersistentVolume, PortNeed};
    use proptest::prelude::*;

    fn dice() -> PortDice {
        PortDice { key: Dice::new(1).key(Site::new("marathon-ports")), entity: 0, stage: 0 }
    }

    #[test]
    fn maintenance_begins_after_its_start_and_ends_after_its_end() {
        let at = |s| Time::from_secs(s);
        let hour = (at(100), Some(Span::from_secs(3600)));
        let told = [100, 101, 3700, 3701].map(|s| in_maintenance(hour, at(s)));
        assert_eq!(told, [false, true, true, false]);
        assert!(in_maintenance((at(100), None), Time::MAX));
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

        /// The same for a stateful instance that has nothing yet.
        #[test]
        fn a_new_stateful_instance_is_refused_for_the_first_reason(
            cpus in 0i32..3, disk in 0i64..4, mount in 0i64..3, root in 0i64..3, large in 0i64..3, gpus in 0i32..2,
            allowed: bool, can_reserve: bool, wanted in 0usize..2
        ) {
            let volume = |disk_type: &str, size| PersistentVolume {
                container_path: "data".into(),
                size: Milli::from_int(size),
                disk_type: disk_type.into(),
                max_size: None,
                profile: None,
                constraints: Vec::new(),
            };
            let mut spec = testing::spec("/a", 1);
            spec.volumes = vec![volume("root", root), volume("mount", large)];
            spec.ports = vec![PortNeed { name: None, service_port: 0, host: HostPort::Dynamic }; wanted];
            let text = format!("cpus:{cpus};mem:128;gpus:{gpus};disk:{disk};disk[MOUNT:/m]:{mount}");
            let (offer, flags) = (Resources::parse(&text).unwrap(), Flags::default());
            let (mut names, mut fields) = (testing::names(), Fields::default());
            let may = (allowed, can_reserve);
            let one = fit_new(&spec, &offer, &flags, dice(), (&mut names, &mut fields), may).err();
            let all = reasons_new(&spec, &offer, &flags, dice(), (&mut names, &mut fields), may);
            prop_assert_eq!(one, all.first().copied(), "{:?}", all);
            if one.is_none() {
                prop_assert!(i64::from(cpus) * 1000 >= spec.each.0[0] && root <= disk && large <= mount);
            }
        }
    }
}
