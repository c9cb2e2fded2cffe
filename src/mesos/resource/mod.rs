//! Resources as Mesos counts them (`src/common/resources.cpp`, `values.cpp`).
//!
//! `Resources` is a value of 40 bytes. Plain cpus, mem, disk and gpus (unreserved, not revocable,
//! nothing special about them) are inline numbers, and as long as both sides have nothing else
//! every operation is a handful of integer instructions. All other objects are shared behind an
//! `Arc`: copying counts a reference, and giving back exactly what was taken compares pointers.
//!
//! Differences that cannot be seen in results: plain scalars print first, and objects are compared
//! without regard to order.

pub mod attributes;
mod extra;
mod json;
#[cfg(test)]
mod model;
mod object;
mod operation;
mod ranges;
mod reservation;
mod set;
mod shrink;
mod text;

pub use json::JsonForm;
pub use object::{Disk, DiskSource, Meta, Name, Object, Persistence, SourceKind, Value, Volume};
pub use operation::{Conversion, ResourceOperation};
pub use ranges::Ranges;
pub use reservation::{Labels, Reservation, ReservationKind, is_strict_descendant, role_fault};
pub use set::Items;
pub use shrink::{UNLIMITED, Unnamed};

use crate::base::quantity::{KINDS, Milli, Quantities};
use extra::Extra;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::Arc;

/// Why a text, a JSON value or an operation on reservations was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}, at {place}: {mend}")]
pub struct ResourceError {
    /// What is wrong.
    pub what: String,
    pub place: Place,
    /// What to write instead.
    pub mend: String,
}

impl ResourceError {
    fn new(what: impl Into<String>, place: Place, mend: impl Into<String>) -> Self {
        Self { what: what.into(), place, mend: mend.into() }
    }
}

/// Where in the input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Offset in bytes into the text.
    Byte(usize),
    /// Path into the JSON value, empty for the whole.
    Path(String),
    /// A resource object, printed.
    Object(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Byte(at) => write!(f, "byte {at}"),
            Self::Path(path) if path.is_empty() => f.write_str("the top"),
            Self::Path(path) => write!(f, "`{path}`"),
            Self::Object(object) => write!(f, "`{object}`"),
        }
    }
}

/// A collection of resource objects.
#[derive(Clone, Default, Debug)]
pub struct Resources {
    /// Plain standard scalars, never negative; all zero while `extra` is contended.
    scalars: Quantities,
    extra: Option<Arc<Extra>>,
}

impl Resources {
    pub const EMPTY: Self = Self { scalars: Quantities::ZERO, extra: None };

    /// Plain scalars; amounts below zero count as nothing.
    #[must_use]
    pub fn from_scalars(scalars: Quantities) -> Self {
        Self { scalars: Quantities(scalars.0.map(|v| v.max(0))), extra: None }
    }
    /// Adds the objects one after the other.
    #[must_use]
    pub fn from_objects<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut all = Vec::new();
        for object in objects {
            extra::add(&mut all, object);
        }
        Self::from_parts(Quantities::ZERO, all)
    }
    /// Brings parts into the one representation that their content has.
    fn from_parts(mut scalars: Quantities, mut objects: Vec<Object>) -> Self {
        let contended = objects.iter().any(Object::contends);
        if contended {
            if !scalars.is_zero() {
                let mut all: Vec<Object> = plain_objects(scalars).collect();
                objects.iter().for_each(|object| extra::add(&mut all, object));
                (scalars, objects) = (Quantities::ZERO, all);
            }
        } else {
            objects.retain(|object| match object.plain() {
                Some((kind, amount)) => {
                    scalars.0[kind] = scalars.0[kind].saturating_add(amount);
                    false
                }
                None => true,
            });
        }
        let extra = (!objects.is_empty()).then(|| Arc::new(Extra { objects, contended }));
        Self { scalars, extra }
    }
    /// Whether there is nothing but plain cpus, mem, disk and gpus.
    #[inline]
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.extra.is_none()
    }
    #[inline]
    fn is_contended(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.contended)
    }
    fn extra_objects(&self) -> &[Object] {
        self.extra.as_ref().map_or(&[], |extra| &extra.objects)
    }
    /// Plain cpus, mem, disk and gpus: unreserved, non-revocable, without other metadata.
    #[inline]
    #[must_use]
    pub fn scalars(&self) -> Quantities {
        if !self.is_contended() {
            return self.scalars;
        }
        let mut sum = Quantities::ZERO;
        for (kind, amount) in self.extra_objects().iter().filter_map(Object::plain) {
            sum.0[kind] += amount;
        }
        sum
    }
    /// Totals of cpus, mem, disk and gpus, whatever their metadata; a shared object counts once.
    #[inline]
    #[must_use]
    pub fn quantities(&self) -> Quantities {
        let mut sum = self.scalars;
        for (kind, amount) in self.extra_objects().iter().filter_map(Object::standard_scalar) {
            sum.0[kind] = sum.0[kind].saturating_add(amount);
        }
        sum
    }
    /// Totals by name, whatever the metadata: amounts, counts of numbers in ranges, of words in
    /// sets. Names without anything are left out.
    #[must_use]
    pub fn all_quantities(&self) -> BTreeMap<Arc<str>, Milli> {
        let mut sums = BTreeMap::<Arc<str>, Milli>::new();
        for object in self.objects() {
            let sum = sums.entry(object.name().into()).or_default();
            sum.0 = sum.0.saturating_add(object.value.quantity().0);
        }
        sums
    }
    /// The total of one name, as `all_quantities` counts it.
    #[must_use]
    pub fn quantity_of(&self, name: &str) -> Milli {
        let kind = KINDS.iter().position(|kind| *kind == name);
        let plain = kind.map_or(0, |kind| self.scalars.0[kind]);
        let named = self.extra_objects().iter().filter(|object| object.name() == name);
        Milli(named.fold(plain, |sum, object| sum.saturating_add(object.value.quantity().0)))
    }
    /// Whether there is nothing at all.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.extra.is_none() && self.scalars.is_empty()
    }
    /// All objects, plain scalars first unless order matters.
    pub fn objects(&self) -> impl Iterator<Item = Cow<'_, Object>> {
        plain_objects(self.scalars).map(Cow::Owned).chain(self.extra_objects().iter().map(Cow::Borrowed))
    }
    /// Whether all of `other` fits in this: persistent volumes and MOUNT disks only as a whole,
    /// shared objects with enough copies.
    #[inline]
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        if self.extra.is_none() && other.extra.is_none() {
            return self.scalars.contains(other.scalars);
        }
        self.scalars().contains(other.scalars())
            && (same_extra(self, other) || extra::contains(self.extra_objects(), other.extra_objects()))
    }
    /// The objects for which `keep` holds; `keep_plain` says so for all plain scalars.
    fn filter(&self, keep_plain: bool, keep: impl Fn(&Object) -> bool) -> Self {
        let scalars = if keep_plain { self.scalars } else { Quantities::ZERO };
        let Some(extra) = &self.extra else { return Self { scalars, extra: None } };
        let kept = extra.objects.iter().filter(|object| keep(object)).count();
        if kept == extra.objects.len() {
            return Self { scalars, extra: Some(extra.clone()) };
        }
        if kept == 0 {
            return Self { scalars, extra: None };
        }
        Self::from_parts(scalars, extra.objects.iter().filter(|object| keep(object)).cloned().collect())
    }
    /// What is reserved to exactly this role.
    #[must_use]
    pub fn reserved_to(&self, role: &str) -> Self {
        self.filter(false, |object| object.reservation_role() == Some(role))
    }
    /// What is reserved to any role.
    #[must_use]
    pub fn reserved(&self) -> Self {
        self.filter(false, Object::is_reserved)
    }
    /// What is unreserved, or reserved to the role or to one above it.
    #[inline]
    #[must_use]
    pub fn allocatable_to(&self, role: &str) -> Self {
        self.filter(true, |object| object.is_allocatable_to(role))
    }
    #[must_use]
    pub fn unreserved(&self) -> Self {
        self.filter(true, |object| !object.is_reserved())
    }
    #[must_use]
    pub fn revocable(&self) -> Self {
        self.filter(false, |object| object.meta().revocable)
    }
    #[must_use]
    pub fn non_revocable(&self) -> Self {
        self.filter(true, |object| !object.meta().revocable)
    }
    #[must_use]
    pub fn shared(&self) -> Self {
        self.filter(false, |object| object.meta().shared)
    }
    #[must_use]
    pub fn non_shared(&self) -> Self {
        self.filter(true, |object| !object.meta().shared)
    }
    /// Scalars of any name and with any metadata.
    #[must_use]
    pub fn scalars_only(&self) -> Self {
        self.filter(true, |object| matches!(object.value, Value::Scalar(_)))
    }
    /// What `scalars_only` leaves out.
    #[must_use]
    pub fn non_scalars(&self) -> Self {
        self.filter(false, |object| !matches!(object.value, Value::Scalar(_)))
    }
    /// What is not reserved more than once, for frameworks that cannot read refined reservations.
    #[must_use]
    pub fn unrefined(&self) -> Self {
        self.filter(true, |object| object.meta().reservations.len() <= 1)
    }
    #[must_use]
    pub fn persistent_volumes(&self) -> Self {
        self.filter(false, Object::is_persistent_volume)
    }
    /// The numbers of a ranges resource, whatever the metadata.
    #[must_use]
    pub fn ranges(&self, name: &str) -> Ranges {
        let named = self.extra_objects().iter().filter(|object| object.name() == name);
        named.fold(Ranges::default(), |all, object| match &object.value {
            Value::Ranges(ranges) => all.plus(ranges),
            Value::Scalar(_) | Value::Set(_) => all,
        })
    }
    /// Every object with its metadata changed.
    fn map_meta(&self, change: impl Fn(&mut Meta)) -> Self {
        Self::from_objects(self.objects().map(|object| object.with_meta(&change)).collect::<Vec<_>>().iter())
    }
    /// Marks everything as allocated to the role.
    #[must_use]
    pub fn with_allocation_role(&self, role: &str) -> Self {
        let role: Arc<str> = role.into();
        self.map_meta(|meta| meta.allocation_role = Some(role.clone()))
    }
    #[must_use]
    pub fn without_allocation_role(&self) -> Self {
        if self.extra_objects().iter().all(|object| object.meta().allocation_role.is_none()) {
            return self.clone();
        }
        self.map_meta(|meta| meta.allocation_role = None)
    }
    /// Refines the reservation of every object by one more entry.
    ///
    /// # Errors
    /// The first object that cannot be reserved so.
    pub fn push_reservation(&self, reservation: &Reservation) -> Result<Self, ResourceError> {
        let pushed = self.map_meta(|meta| meta.reservations.push(reservation.clone()));
        let refused = pushed.objects().find_map(|object| Some((object.fault()?, object.to_string())));
        match refused {
            Some((fault, object)) => {
                let mend = "reserve to a role below the present one, dynamically if there is one";
                Err(ResourceError::new(fault, Place::Object(object), mend))
            }
            None => Ok(pushed),
        }
    }
    /// Takes the topmost reservation off every object.
    ///
    /// # Errors
    /// The first object that is not reserved.
    pub fn pop_reservation(&self) -> Result<Self, ResourceError> {
        if let Some(object) = self.objects().find(|object| !object.is_reserved()) {
            let place = Place::Object(object.to_string());
            return Err(ResourceError::new(
                "there is no reservation to take off",
                place,
                "name reserved resources only",
            ));
        }
        Ok(self.map_meta(|meta| {
            meta.reservations.pop();
        }))
    }
    /// Everything without reservations.
    #[must_use]
    pub fn to_unreserved(&self) -> Self {
        self.map_meta(|meta| meta.reservations.clear())
    }
    #[cold]
    fn add_slowly(&mut self, other: &Self) {
        if self.is_contended() || other.is_contended() {
            let mut all: Vec<Object> = self.objects().map(Cow::into_owned).collect();
            other.objects().for_each(|object| extra::add(&mut all, &object));
            *self = Self::from_parts(Quantities::ZERO, all);
            return;
        }
        self.scalars += other.scalars;
        match (&mut self.extra, &other.extra) {
            (Some(ours), Some(theirs)) => {
                let ours = Arc::make_mut(ours);
                theirs.objects.iter().for_each(|object| extra::add(&mut ours.objects, object));
            }
            (ours @ None, theirs) => ours.clone_from(theirs),
            (Some(_), None) => {}
        }
    }
    #[cold]
    fn subtract_slowly(&mut self, other: &Self) {
        if self.is_contended() {
            let mut all: Vec<Object> = self.objects().map(Cow::into_owned).collect();
            other.objects().for_each(|object| extra::subtract(&mut all, &object));
            *self = Self::from_parts(Quantities::ZERO, all);
            return;
        }
        self.scalars = self.scalars.saturating_sub(other.scalars());
        if same_extra(self, other) {
            self.extra = None;
        } else if let Some(ours) = &mut self.extra {
            let taken = other.extra_objects().iter().filter(|object| object.plain().is_none());
            let ours = Arc::make_mut(ours);
            taken.for_each(|object| extra::subtract(&mut ours.objects, object));
            if ours.objects.is_empty() {
                self.extra = None;
            }
        }
    }
}

/// Whether both share the very same objects.
fn same_extra(a: &Resources, b: &Resources) -> bool {
    matches!((&a.extra, &b.extra), (Some(x), Some(y)) if Arc::ptr_eq(x, y))
}

fn plain_objects(scalars: Quantities) -> impl Iterator<Item = Object> {
    (0..KINDS.len())
        .filter(move |&kind| scalars.0[kind] > 0)
        .map(move |kind| Object::plain_scalar(kind, scalars.0[kind]))
}

impl PartialEq for Resources {
    fn eq(&self, other: &Self) -> bool {
        if self.extra.is_none() && other.extra.is_none() {
            return self.scalars == other.scalars;
        }
        self.contains(other) && other.contains(self)
    }
}
impl Eq for Resources {}

impl AddAssign<&Self> for Resources {
    #[inline]
    fn add_assign(&mut self, other: &Self) {
        if other.extra.is_none() && !self.is_contended() {
            self.scalars += other.scalars;
        } else {
            self.add_slowly(other);
        }
    }
}
/// What is not there cannot be taken: amounts never fall below zero.
impl SubAssign<&Self> for Resources {
    #[inline]
    fn sub_assign(&mut self, other: &Self) {
        if other.extra.is_none() && !self.is_contended() {
            self.scalars = self.scalars.saturating_sub(other.scalars);
        } else {
            self.subtract_slowly(other);
        }
    }
}
impl Add<&Resources> for Resources {
    type Output = Self;
    fn add(mut self, other: &Self) -> Self {
        self += other;
        self
    }
}
impl Sub<&Resources> for Resources {
    type Output = Self;
    fn sub(mut self, other: &Self) -> Self {
        self -= other;
        self
    }
}
impl From<Quantities> for Resources {
    fn from(scalars: Quantities) -> Self {
        Self::from_scalars(scalars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }

    #[test]
    fn resources_are_small() {
        assert_eq!(std::mem::size_of::<Resources>(), 40);
    }

    #[test]
    fn giving_back_what_was_taken_needs_no_new_objects() {
        let total = r("cpus:4;mem:512;ports:[1-10]");
        let offered = total.clone();
        let mut free = total.clone() - &offered;
        assert!(free.is_empty() && free.is_plain());
        free += &offered;
        assert!(same_extra(&free, &total));
        let rest = total.clone() - &r("cpus:1");
        assert!(same_extra(&rest, &total) && rest == r("cpus:3;mem:512;ports:[1-10]"));
    }

    #[test]
    fn subtraction_never_goes_below_zero() {
        assert_eq!(r("cpus:1;mem:5") - &r("cpus:2;disk:1"), r("mem:5"));
        assert_eq!(r("cpus(a):1") - &r("cpus:1"), r("cpus(a):1"));
        assert_eq!(Resources::from_scalars(Quantities([-1, 5, 0, 0])), r("mem:0.005"));
    }

    #[test]
    fn mount_disks_keep_plain_scalars_in_their_order() {
        let all = r("disk[MOUNT:/a]:10; cpus:2; disk:5; disk[MOUNT:/b]:10");
        assert!(all.is_contended());
        assert_eq!(all.to_string(), "disk[MOUNT:/a]:10; cpus:2; disk:5; disk[MOUNT:/b]:10");
        assert_eq!(all.scalars(), r("cpus:2;disk:5").scalars());
        assert_eq!(all.quantities(), r("cpus:2;disk:25").quantities());
        // The last object takes the place of the one used up.
        let less = all.clone() - &r("disk[MOUNT:/a]:10");
        assert_eq!(less.to_string(), "disk[MOUNT:/b]:10; cpus:2; disk:5");
        let none = less - &r("disk[MOUNT:/b]:10");
        assert!(none.is_plain() && none == r("cpus:2;disk:5"));
    }

    #[test]
    fn who_may_get_what() {
        let all = r("cpus:1; cpus(a):2; mem(a/b):4; cpus{REV}:8; ports:[1-2]");
        assert_eq!(all.allocatable_to("a"), r("cpus:1; cpus(a):2; cpus{REV}:8; ports:[1-2]"));
        assert_eq!(all.allocatable_to("a/b/c"), all);
        assert_eq!(all.allocatable_to("ab"), r("cpus:1; cpus{REV}:8; ports:[1-2]"));
        assert_eq!(all.reserved_to("a"), r("cpus(a):2"));
        assert_eq!(all.reserved(), r("cpus(a):2; mem(a/b):4"));
        assert_eq!(all.revocable(), r("cpus{REV}:8"));
        assert_eq!(all.unreserved().non_revocable().scalars_only(), r("cpus:1"));
        assert_eq!(all.non_scalars(), r("ports:[1-2]"));
        assert_eq!(all.ranges("ports").count(), 2);
        assert_eq!(all.quantities(), r("cpus:11;mem:4").quantities());
        assert_eq!(all.quantity_of("ports"), Milli(2000));
    }

    #[test]
    fn allocation_roles_and_reservations_come_and_go() {
        let all = r("cpus:1; ports:[1-2]");
        let given = all.with_allocation_role("a");
        assert!(!all.contains(&given) && !given.contains(&all));
        assert_eq!(given.without_allocation_role(), all);
        let held = all.push_reservation(&Reservation::fixed("a")).unwrap();
        assert_eq!(held, r("cpus(a):1; ports(a):[1-2]"));
        let finer = held.push_reservation(&Reservation::dynamic("a/b", Some("p"))).unwrap();
        assert_eq!(finer.unrefined(), Resources::EMPTY);
        assert_eq!(finer.pop_reservation().unwrap(), held);
        assert_eq!(finer.to_unreserved(), all);
        assert!(finer.push_reservation(&Reservation::dynamic("a/bc", None)).is_err());
        assert!(r("cpus{REV}:1").push_reservation(&Reservation::dynamic("a", None)).is_err());
        let error = all.pop_reservation().unwrap_err();
        assert_eq!(error.place, Place::Object("cpus:1".into()));
    }

    #[test]
    fn shared_volumes_count_once() {
        let one = r("disk(reservations: [(DYNAMIC,a)])[v:data]<SHARED>:10");
        let two = one.clone() + &one;
        assert_eq!(two.quantities(), one.quantities());
        assert!(two.contains(&one) && !one.contains(&two));
        assert_eq!(two.clone() - &one, one);
        assert!((two - &one - &one).is_empty());
    }

    #[test]
    fn equal_mount_disks_are_needed_as_often_as_asked() {
        let one = r("disk[MOUNT]:10");
        let two = one.clone() + &one;
        assert_eq!(two.quantities().disk(), Milli(20_000));
        assert!(two.contains(&one) && !one.contains(&two) && two.contains(&two));
    }
}
