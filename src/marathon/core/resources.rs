//! What an instance takes of an offer (`ResourceMatcher.scala`): of which roles, which objects.

use crate::base::quantity::Quantities;
use crate::fact::OfferRefusal;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::{AcceptedRoles, Flags};
use crate::mesos::resource::{Object, Ranges, Resources, Value};

/// `GPU_SCHEDULING_BEHAVIOR` overrides the flag for one app.
const GPU_LABEL: &str = "GPU_SCHEDULING_BEHAVIOR";

/// Which reservations an app may use.
#[derive(Clone, Copy, Debug)]
pub struct Roles<'a> {
    spec: &'a RunSpec,
    default: AcceptedRoles,
}

impl<'a> Roles<'a> {
    #[must_use]
    pub fn of(spec: &'a RunSpec, flags: &Flags) -> Self {
        Self { spec, default: flags.accepted_roles }
    }
    /// `None`: what is not reserved.
    #[must_use]
    pub fn accepts(&self, reserved: Option<&str>) -> bool {
        let role = reserved.unwrap_or("*");
        match (&self.spec.accepted_roles, self.default) {
            (Some(accepted), _) => accepted.contains(role),
            (None, AcceptedRoles::Any) => role == "*" || role == self.spec.role,
            (None, AcceptedRoles::Reserved) => role == self.spec.role,
            (None, AcceptedRoles::Unreserved) => role == "*",
        }
    }
    #[must_use]
    pub fn usable(&self, object: &Object) -> bool {
        !object.is_persistent_volume() && !object.meta().revocable && self.accepts(object.reservation_role())
    }
}

/// What of an offer an app may use: scalars and ports.
#[must_use]
pub fn usable(offer: &Resources, roles: Roles) -> (Quantities, Ranges) {
    let mut ports = Ranges::default();
    let mut sum = if roles.accepts(None) { offer.scalars() } else { Quantities::ZERO };
    if offer.is_plain() {
        return (sum, ports);
    }
    for object in offer.objects() {
        if !roles.usable(&object) {
            continue;
        }
        match (object.value(), object.standard_scalar()) {
            (Value::Ranges(ranges), _) if object.name() == "ports" => {
                ports = if ports.is_empty() { ranges.clone() } else { ports.plus(ranges) };
            }
            (_, Some((kind, amount))) if object.is_reserved() => sum.0[kind] += amount,
            _ => {}
        }
    }
    (sum, ports)
}

/// Which amounts do not do, in the order of the funnel.
pub fn short(spec: &RunSpec, has: Quantities) -> impl Iterator<Item = OfferRefusal> {
    let kinds = [
        OfferRefusal::InsufficientCpus,
        OfferRefusal::InsufficientMemory,
        OfferRefusal::InsufficientDisk,
        OfferRefusal::InsufficientGpus,
    ];
    (0..4).filter(move |kind| spec.each.0[*kind] > has.0[*kind]).map(move |kind| kinds[kind])
}

/// Whether the offer has GPUs, which are kept for those that need some.
#[must_use]
pub fn scarce(spec: &RunSpec, has: Quantities, flags: &Flags) -> bool {
    let restricted = match spec.labels.get(GPU_LABEL).map(String::as_str) {
        Some("unrestricted") => false,
        Some("restricted") => true,
        _ => flags.gpus_restricted,
    };
    restricted && spec.each.gpus().0 == 0 && has.gpus().0 > 0
}

/// The first reason in the order of the funnel why these amounts do not do, constraints and ports
/// aside.
#[must_use]
pub fn refuse(spec: &RunSpec, has: Quantities, flags: &Flags) -> Option<OfferRefusal> {
    let scarce = || scarce(spec, has, flags).then_some(OfferRefusal::DeclinedScarceResources);
    short(spec, has).next().or_else(scarce)
}

/// Takes what one instance needs out of the offer: plain scalars, and whatever is not plain.
/// Entries are used in the order in which they are offered, split where they are larger.
pub fn take(offer: &mut Resources, roles: Roles, each: Quantities, ports: Ranges) -> (Quantities, Resources) {
    let mut left = each;
    let mut objects: Vec<Object> = Vec::new();
    let mut plain = Quantities::ZERO;
    if offer.reserved().is_empty() {
        plain = each;
    } else {
        for object in offer.objects().filter(|object| roles.usable(object)) {
            let Some((kind, amount)) = object.standard_scalar() else { continue };
            let used = amount.min(left.0[kind]);
            left.0[kind] -= used;
            if used > 0 && object.is_reserved() {
                let value = Value::Scalar(crate::base::quantity::Milli(used));
                objects.push(Object::new(object.name(), value, object.meta().clone()));
            } else {
                plain.0[kind] += used;
            }
        }
    }
    if !ports.is_empty() {
        let mut wanted = ports;
        for object in offer.objects().filter(|object| roles.usable(object) && object.name() == "ports") {
            let Value::Ranges(has) = object.value() else { continue };
            let missing = wanted.minus(has);
            let here = wanted.minus(&missing);
            if !here.is_empty() {
                objects.push(Object::new("ports", Value::Ranges(here), object.meta().clone()));
            }
            wanted = missing;
        }
    }
    let extra = if objects.is_empty() { Resources::EMPTY } else { Resources::from_objects(&objects) };
    *offer -= &Resources::from_scalars(plain);
    if !extra.is_empty() {
        *offer -= &extra;
    }
    (plain, extra)
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use std::collections::BTreeSet;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }

    #[test]
    fn reservations_of_other_roles_are_no_use() {
        let flags = Flags::default();
        let offer = r("cpus:1; cpus(web):2; cpus(db):4; mem:512; ports:[1-5]; ports(web):[8-9]");
        let mut spec = testing::spec("/a", 1);
        spec.role = "web".into();
        let cpus = |spec: &RunSpec| usable(&offer, Roles::of(spec, &flags)).0.cpus().0;
        assert_eq!(cpus(&spec), 3000, "reserved and unreserved together");
        spec.accepted_roles = Some(BTreeSet::from(["*".to_owned()]));
        assert_eq!(cpus(&spec), 1000);
        spec.accepted_roles = Some(BTreeSet::from(["web".to_owned()]));
        assert_eq!(cpus(&spec), 2000);
        assert_eq!(usable(&offer, Roles::of(&spec, &flags)).1, Ranges::new([(8, 9)]));
    }

    #[test]
    fn entries_are_split_and_leave_the_offer() {
        let flags = Flags::default();
        let mut spec = testing::spec("/a", 1);
        spec.role = "web".into();
        let mut offer = r("cpus(web):2; mem(web):64; cpus:4; mem:512; ports:[1-5]");
        let each = r("cpus:3; mem:128").scalars();
        let ports = Ranges::new([(2, 3)]);
        let (plain, extra) = take(&mut offer, Roles::of(&spec, &flags), each, ports);
        // Plain scalars come first in an offer's objects.
        assert_eq!(plain, r("cpus:3; mem:128").scalars());
        assert_eq!(extra, r("ports:[2-3]"));
        assert_eq!(offer, r("cpus(web):2; mem(web):64; cpus:1; mem:384; ports:[1-1,4-5]"));
        let (plain, extra) = take(&mut offer, Roles::of(&spec, &flags), r("cpus:2").scalars(), Ranges::default());
        assert_eq!((plain, extra), (r("cpus:1").scalars(), r("cpus(web):1")));
        assert_eq!(offer, r("cpus(web):1; mem(web):64; mem:384; ports:[1-1,4-5]"));
    }

    #[test]
    fn the_funnel_names_one_reason() {
        let flags = Flags::default();
        let spec = testing::spec("/a", 1);
        let why = |text: &str| refuse(&spec, r(text).scalars(), &flags);
        assert_eq!(why("cpus:0.5;mem:1"), Some(OfferRefusal::InsufficientCpus));
        assert_eq!(why("cpus:1;mem:1"), Some(OfferRefusal::InsufficientMemory));
        assert_eq!(why("cpus:1;mem:128;gpus:1"), Some(OfferRefusal::DeclinedScarceResources));
        assert_eq!(why("cpus:1;mem:128"), None);
        let mut free = spec.clone();
        free.labels.insert(GPU_LABEL.into(), "unrestricted".into());
        assert_eq!(refuse(&free, r("cpus:1;mem:128;gpus:1").scalars(), &flags), None);
    }
}
