//! One resource object: a name, a value, and the metadata that is part of its identity; and the
//! rules which two objects may merge, be subtracted or contain one another
//! (`src/common/resources.cpp`: addable, subtractable, contains).

use super::ranges::Ranges;
use super::reservation::{Reservation, is_strict_descendant};
use super::set::Items;
use crate::base::quantity::{KINDS, Milli};
use std::cmp::Ordering;
use std::sync::Arc;

/// The name of a resource. The usual ones need no memory.
#[derive(Clone, Debug)]
pub enum Name {
    Usual(&'static str),
    Other(Arc<str>),
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        match KINDS.into_iter().chain(["ports"]).find(|usual| *usual == text) {
            Some(usual) => Self::Usual(usual),
            None => Self::Other(text.into()),
        }
    }
}
impl std::ops::Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Self::Usual(text) => text,
            Self::Other(text) => text,
        }
    }
}
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
impl Eq for Name {}
impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

/// What there is of a resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    Scalar(Milli),
    Ranges(Ranges),
    Set(Items),
}

impl Value {
    /// The name of the type on the wire.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "SCALAR",
            Self::Ranges(_) => "RANGES",
            Self::Set(_) => "SET",
        }
    }
    /// Amounts at or below zero and collections without members are nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(v) => v.0 <= 0,
            Self::Ranges(v) => v.is_empty(),
            Self::Set(v) => v.is_empty(),
        }
    }
    /// The amount, the count of numbers, or the count of words; saturates.
    #[must_use]
    pub fn quantity(&self) -> Milli {
        let count = |n: u64| Milli(i64::try_from(n).unwrap_or(i64::MAX).saturating_mul(1000));
        match self {
            Self::Scalar(v) => *v,
            Self::Ranges(v) => count(v.count()),
            Self::Set(v) => count(v.len() as u64),
        }
    }
    /// Whether `other` is of the same type and fits in this.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a >= b,
            (Self::Ranges(a), Self::Ranges(b)) => a.contains(b),
            (Self::Set(a), Self::Set(b)) => a.contains(b),
            _ => false,
        }
    }
    fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a.0 = a.0.saturating_add(b.0),
            (Self::Ranges(a), Self::Ranges(b)) => *a = a.plus(b),
            (Self::Set(a), Self::Set(b)) => *a = a.plus(b),
            _ => {}
        }
    }
    fn subtract(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a.0 = a.0.saturating_sub(b.0),
            (Self::Ranges(a), Self::Ranges(b)) => *a = a.minus(b),
            (Self::Set(a), Self::Set(b)) => *a = a.minus(b),
            _ => {}
        }
    }
}

/// Where a disk comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceKind {
    Path,
    Mount,
    Block,
    Raw,
}

impl SourceKind {
    pub const ALL: [Self; 4] = [Self::Path, Self::Mount, Self::Block, Self::Raw];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => "PATH",
            Self::Mount => "MOUNT",
            Self::Block => "BLOCK",
            Self::Raw => "RAW",
        }
    }
    #[must_use]
    pub fn has_root(self) -> bool {
        matches!(self, Self::Path | Self::Mount)
    }
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A disk's source; `id`, `profile` and `vendor` are set by storage providers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiskSource {
    pub kind: SourceKind,
    pub root: Option<Arc<str>>,
    pub id: Option<Arc<str>>,
    pub profile: Option<Arc<str>>,
    pub vendor: Option<Arc<str>>,
}

impl DiskSource {
    #[must_use]
    pub fn new(kind: SourceKind, root: Option<&str>) -> Self {
        Self { kind, root: root.map(Into::into), id: None, profile: None, vendor: None }
    }
}

/// What makes a disk a persistent volume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Persistence {
    pub id: Arc<str>,
    pub principal: Option<Arc<str>>,
}

/// Where a volume appears in a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Volume {
    pub container_path: Arc<str>,
    pub host_path: Option<Arc<str>>,
    pub read_only: bool,
}

/// What is special about a disk. `volume` says how somebody uses it and is no part of identity.
#[derive(Clone, Default, Debug)]
pub struct Disk {
    pub source: Option<DiskSource>,
    pub persistence: Option<Persistence>,
    pub volume: Option<Volume>,
}

impl PartialEq for Disk {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.persistence == other.persistence
    }
}
impl Eq for Disk {}

/// Everything beside name and value. Objects whose metadata differ never merge.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Meta {
    /// Bottom first.
    pub reservations: Vec<Reservation>,
    pub disk: Option<Disk>,
    pub revocable: bool,
    pub shared: bool,
    pub provider_id: Option<Arc<str>>,
    pub allocation_role: Option<Arc<str>>,
}

/// One object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    pub(super) name: Name,
    pub(super) value: Value,
    /// None if there is nothing to say, so that plain objects need no memory.
    pub(super) meta: Option<Arc<Meta>>,
    /// Copies of a shared object; 1 otherwise.
    pub(super) copies: u32,
}

/// The metadata of plain objects.
static PLAIN: Meta = Meta {
    reservations: Vec::new(),
    disk: None,
    revocable: false,
    shared: false,
    provider_id: None,
    allocation_role: None,
};

impl Object {
    #[must_use]
    pub fn new(name: &str, value: Value, meta: Meta) -> Self {
        let meta = (meta != PLAIN).then(|| Arc::new(meta));
        Self { name: name.into(), value, meta, copies: 1 }
    }
    pub(super) fn plain_scalar(kind: usize, amount: i64) -> Self {
        Self { name: Name::Usual(KINDS[kind]), value: Value::Scalar(Milli(amount)), meta: None, copies: 1 }
    }
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
    #[must_use]
    pub fn meta(&self) -> &Meta {
        self.meta.as_deref().unwrap_or(&PLAIN)
    }
    /// Copies of a shared object; 1 otherwise.
    #[must_use]
    pub fn copies(&self) -> u32 {
        self.copies
    }
    /// The same object with other metadata.
    pub(super) fn with_meta(&self, change: impl FnOnce(&mut Meta)) -> Self {
        let mut meta = self.meta().clone();
        change(&mut meta);
        Self { meta: (meta != PLAIN).then(|| Arc::new(meta)), ..self.clone() }
    }
    /// The index among the standard scalars, whatever the metadata.
    #[must_use]
    pub fn standard_scalar(&self) -> Option<(usize, i64)> {
        let Value::Scalar(amount) = self.value else { return None };
        KINDS.iter().position(|kind| *kind == &*self.name).map(|kind| (kind, amount.0))
    }
    /// A standard scalar without metadata.
    pub(super) fn plain(&self) -> Option<(usize, i64)> {
        if self.meta.is_none() { self.standard_scalar() } else { None }
    }
    /// An unreserved, non-revocable standard scalar with metadata (a MOUNT disk, say): shrinking
    /// takes it and the plain amount of its name in the order in which they stand.
    pub(super) fn contends(&self) -> bool {
        self.meta.is_some() && !self.is_reserved() && !self.meta().revocable && self.standard_scalar().is_some()
    }
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        !self.meta().reservations.is_empty()
    }
    /// The role of the topmost reservation.
    #[must_use]
    pub fn reservation_role(&self) -> Option<&str> {
        self.meta().reservations.last().map(|top| &*top.role)
    }
    /// Unreserved, or reserved to the role or to one above it.
    #[must_use]
    pub fn is_allocatable_to(&self, role: &str) -> bool {
        self.reservation_role().is_none_or(|held| held == role || is_strict_descendant(role, held))
    }
    #[must_use]
    pub fn is_persistent_volume(&self) -> bool {
        self.meta().disk.as_ref().is_some_and(|disk| disk.persistence.is_some())
    }
    /// Whether it can be taken only as a whole: volumes, MOUNT and BLOCK disks, RAW disks with id.
    #[must_use]
    pub fn is_indivisible(&self) -> bool {
        self.meta().disk.as_ref().is_some_and(|disk| {
            disk.persistence.is_some()
                || disk.source.as_ref().is_some_and(|source| match source.kind {
                    SourceKind::Mount | SourceKind::Block => true,
                    SourceKind::Raw => source.id.is_some(),
                    SourceKind::Path => false,
                })
        })
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.copies == 0 || self.value.is_empty()
    }
    /// Same name, type and metadata.
    fn alike(&self, other: &Self) -> bool {
        let same_meta = match (&self.meta, &other.meta) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            _ => false,
        };
        same_meta && self.name == other.name && self.value.type_name() == other.value.type_name()
    }
    /// Whether both together make one valid object.
    pub(super) fn is_addable(&self, other: &Self) -> bool {
        self.alike(other) && if self.meta().shared { self.value == other.value } else { !self.is_indivisible() }
    }
    /// Whether taking `other` away leaves one valid object (or nothing).
    pub(super) fn is_subtractable(&self, other: &Self) -> bool {
        let whole = self.meta().shared || self.is_indivisible();
        self.alike(other) && (!whole || self.value == other.value)
    }
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.is_subtractable(other) && self.value.contains(&other.value) && self.copies >= other.copies
    }
    /// Merges an addable object: of a shared one there are more copies, not more.
    pub(super) fn add(&mut self, other: &Self) {
        if self.meta().shared {
            self.copies = self.copies.saturating_add(other.copies);
        } else {
            self.value.add(&other.value);
        }
    }
    pub(super) fn subtract(&mut self, other: &Self) {
        if self.meta().shared {
            self.copies = self.copies.saturating_sub(other.copies);
        } else {
            self.value.subtract(&other.value);
        }
    }
    /// What is wrong with it by itself, if anything.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let meta = self.meta();
        let volume = self.is_persistent_volume();
        let dynamic = meta.reservations.iter().any(|r| r.kind == super::ReservationKind::Dynamic);
        if let Some(fault) = super::reservation::stack_fault(&meta.reservations) {
            return Some(fault);
        }
        match &meta.disk {
            Some(_) if &*self.name != "disk" => return Some("only `disk` can have a disk source or a volume"),
            Some(disk) if disk.source.is_none() && disk.persistence.is_none() => {
                return Some("disk information needs a source or a persistence id");
            }
            Some(Disk { source: Some(source), .. }) if source.root.is_some() && !source.kind.has_root() => {
                return Some("only PATH and MOUNT disks have a root");
            }
            Some(disk) if disk.volume.is_some() && !volume => return Some("a volume needs a persistence id"),
            _ => {}
        }
        if matches!(self.value, Value::Scalar(v) if v.0 < 0) {
            Some("the amount is negative")
        } else if matches!(self.value, Value::Scalar(v) if &*self.name == "gpus" && v.0 % 1000 != 0) {
            Some("gpus come in whole numbers")
        } else if meta.shared && !volume {
            Some("only persistent volumes can be shared")
        } else if meta.revocable && volume {
            Some("revocable disk cannot be a persistent volume")
        } else if meta.revocable && dynamic {
            Some("revocable resources cannot be reserved dynamically")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(kind: Option<SourceKind>, id: Option<&str>, amount: i64, shared: bool) -> Object {
        let source = kind.map(|kind| DiskSource::new(kind, Some("/d")));
        let persistence = id.map(|id| Persistence { id: id.into(), principal: None });
        let disk = Disk { source, persistence, volume: None };
        let disk = (disk != Disk::default()).then_some(disk);
        Object::new("disk", Value::Scalar(Milli(amount)), Meta { disk, shared, ..Meta::default() })
    }

    #[test]
    fn addable_and_subtractable_follow_the_kind_of_disk() {
        use SourceKind::{Block, Mount, Path, Raw};
        // (kind, persistence id, may two merge, may a part be taken)
        let rows = [
            (None, None, true, true),
            (Some(Path), None, true, true),
            (Some(Mount), None, false, false),
            (Some(Block), None, false, false),
            (Some(Raw), None, true, true),
            (None, Some("v"), false, false),
            (Some(Path), Some("v"), false, false),
        ];
        for (kind, id, merges, divides) in rows {
            let (whole, part) = (disk(kind, id, 10, false), disk(kind, id, 4, false));
            assert_eq!(whole.is_addable(&part), merges, "{kind:?} {id:?}");
            assert_eq!(whole.contains(&part), divides, "{kind:?} {id:?}");
            assert!(whole.contains(&whole) && whole.is_subtractable(&whole));
        }
        let mut raw = DiskSource::new(Raw, None);
        raw.id = Some("vol-1".into());
        let meta = Meta { disk: Some(Disk { source: Some(raw), ..Disk::default() }), ..Meta::default() };
        assert!(Object::new("disk", Value::Scalar(Milli(1)), meta).is_indivisible());
    }

    #[test]
    fn shared_objects_count_copies_and_keep_their_amount() {
        let one = disk(None, Some("v"), 10, true);
        let mut two = one.clone();
        assert!(two.is_addable(&one) && !two.is_addable(&disk(None, Some("v"), 11, true)));
        two.add(&one);
        assert_eq!((two.copies, two.value.quantity()), (2, Milli(10)));
        assert!(two.contains(&one) && !one.contains(&two));
        two.subtract(&one);
        two.subtract(&one);
        assert!(two.is_empty());
    }

    #[test]
    fn the_path_in_a_container_is_no_part_of_identity() {
        let a = disk(None, Some("v"), 10, false);
        let b = a.with_meta(|meta| {
            let volume = Volume { container_path: "data".into(), host_path: None, read_only: true };
            meta.disk.as_mut().unwrap().volume = Some(volume);
        });
        assert!(a.contains(&b) && b.contains(&a));
    }
}
