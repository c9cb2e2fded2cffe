//! What an instance takes of an offer (`ResourceMatcher.scala`): of which roles, which objects.

use crate::base::quantity::Quantities;
use crate::fact::OfferRefusal;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::flags::{AcceptedRoles, Flags};
use crate::mesos::resource::{Object, Ranges, Resources, Value};

/// `GPU_SCHEDULING_BEHAVIOR` overrides the flag for one app.
const GPU_LABEL: &str = "GPU_SCHEDULING_BEHAVIOR";

/// Labels of Marathon's own reservations: the framework, and the instance whose they are.
pub const FRAMEWORK_LABEL: &str = "marathon_framework_id";
pub const INSTANCE_LABEL: &str = "marathon_task_id";

/// Which reservations an app may use.
#[derive(Clone, Copy, Debug)]
pub struct Roles<'a> {
    spec: &'a RunSpec,
    default: AcceptedRoles,
    kind: Kind<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    /// As the definition says, but for what belongs to resident instances.
    Accepted,
    /// What can still be reserved.
    Unreserved,
    /// What is reserved for one instance.
    Own { framework: &'a str, instance: &'a str },
}

impl<'a> Roles<'a> {
    #[must_use]
    pub fn of(spec: &'a RunSpec, flags: &Flags) -> Self {
        Self { spec, default: flags.accepted_roles, kind: Kind::Accepted }
    }
    #[must_use]
    pub fn unreserved(spec: &'a RunSpec) -> Self {
        Self { spec, default: AcceptedRoles::Unreserved, kind: Kind::Unreserved }
    }
    #[must_use]
    pub fn own(spec: &'a RunSpec, framework: &'a str, instance: &'a str) -> Self {
        Self { spec, default: AcceptedRoles::Reserved, kind: Kind::Own { framework, instance } }
    }
    /// `None`: what is not reserved.
    #[must_use]
    pub fn accepts(&self, reserved: Option<&str>) -> bool {
        let role = reserved.unwrap_or("*");
        match self.kind {
            Kind::Unreserved => return role == "*",
            Kind::Own { .. } => return role == self.spec.role,
            Kind::Accepted => {}
        }
        match (&self.spec.accepted_roles, self.default) {
            (Some(accepted), _) => accepted.contains(role),
            (None, AcceptedRoles::Any) => role == "*" || role == self.spec.role,
            (None, AcceptedRoles::Reserved) => role == self.spec.role,
            (None, AcceptedRoles::Unreserved) => role == "*",
        }
    }
    #[must_use]
    pub fn usable(&self, object: &Object) -> bool {
        let meta = object.meta();
        // Scratch space is root disk, never a disk of its own or a volume.
        meta.disk.is_none()
            && !meta.revocable
            && self.accepts(object.reservation_role())
            && match self.kind {
                Kind::Accepted => object.label(FRAMEWORK_LABEL).is_none() && object.label(INSTANCE_LABEL).is_none(),
                Kind::Unreserved => true,
                Kind::Own { framework, instance } => {
                    object.label(FRAMEWORK_LABEL) == Some(framework) && object.label(INSTANCE_LABEL) == Some(instance)
                }
            }
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

/// Which amounts do not do for needs, in the order of the funnel.
pub fn short(needs: Quantities, has: Quantities) -> impl Iterator<Item = OfferRefusal> {
    let kinds = [
        OfferRefusal::InsufficientCpus,
        OfferRefusal::InsufficientMemory,
        OfferRefusal::InsufficientDisk,
        OfferRefusal::InsufficientGpus,
    ];
    (0..4).filter(move |kind| needs.0[*kind] > has.0[*kind]).map(move |kind| kinds[kind])
}

/// Whether the offer has GPUs, which are kept for those that need some.
#[must_use]
pub fn scarce(spec: &RunSpec, needs: Quantities, has: Quantities, flags: &Flags) -> bool {
    let restricted = match spec.labels.get(GPU_LABEL).map(String::as_str) {
        Some("unrestricted") => false,
        Some("restricted") => true,
        _ => flags.gpus_restricted,
    };
    restricted && needs.gpus().0 == 0 && has.gpus().0 > 0
}

/// The first reason in the order of the funnel why an instance that needs so much cannot be put on
/// these amounts, constraints and ports aside.
#[must_use]
pub fn refuse(spec: &RunSpec, needs: Quantities, has: Quantities, flags: &Flags) -> Option<OfferRefusal> {
    let scarce = || scarce(spec, needs, has, flags).then_some(OfferRefusal::DeclinedScarceResources);
    short(needs, has).next().or_else(scarce)
}

/// Takes what one instance needs out of the offer: plain scalars, and whatever is not plain.
/// Entries are used in the order in which they are offered, split where they are larger.
pub fn take(offer: &mut Resources, roles: Roles, each: Quantities, ports: Ranges) -> (Quantities, Resources) {
    let mut left = each;
    let mut objects: Vec<Object> = Vec::new();
    let mut plain = Quantities::ZERO;
    if offer.reserved().is_empty() && roles.accepts(None) {
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
    fn what_an_instance_reserved_is_for_that_instance_alone() {
        let flags = Flags::default();
        let held = |name: &str, instance: &str| {
            format!("{name}(reservations: [(DYNAMIC,web,p,{{{FRAMEWORK_LABEL}: f, {INSTANCE_LABEL}: {instance}}})])")
        };
        let text = format!("cpus:1; disk:5; {}:2; {}:4; disk[MOUNT:/m]:9", held("cpus", "i1"), held("cpus", "i2"));
        let mut offer = r(&text);
        let mut spec = testing::spec("/a", 1);
        spec.role = "web".into();
        let cpus = |roles: Roles| usable(&offer, roles).0.cpus().0;
        assert_eq!(cpus(Roles::of(&spec, &flags)), 1000);
        assert_eq!(cpus(Roles::unreserved(&spec)), 1000);
        assert_eq!((cpus(Roles::own(&spec, "f", "i2")), cpus(Roles::own(&spec, "g", "i2"))), (4000, 0));
        assert_eq!(usable(&offer, Roles::of(&spec, &flags)).0.disk().0, 5000, "a mount is no scratch space");
        let roles = Roles::own(&spec, "f", "i1");
        let (plain, extra) = take(&mut offer, roles, r("cpus:2").scalars(), Ranges::default());
        assert_eq!((plain, extra), (Quantities::ZERO, r(&format!("{}:2", held("cpus", "i1")))));
    }

    #[test]
    fn the_funnel_names_one_reason() {
        let flags = Flags::default();
        let spec = testing::spec("/a", 1);
        let why = |text: &str| refuse(&spec, spec.each, r(text).scalars(), &flags);
        assert_eq!(why("cpus:0.5;mem:1"), Some(OfferRefusal::InsufficientCpus));
        assert_eq!(why("cpus:1;mem:1"), Some(OfferRefusal::InsufficientMemory));
        assert_eq!(why("cpus:1;mem:128;gpus:1"), Some(OfferRefusal::DeclinedScarceResources));
        assert_eq!(why("cpus:1;mem:128"), None);
        let mut free = spec.clone();
        free.labels.insert(GPU_LABEL.into(), "unrestricted".into());
        assert_eq!(refuse(&free, free.each, r("cpus:1;mem:128;gpus:1").scalars(), &flags), None);
    }
}
