//! Operations on resources: RESERVE, UNRESERVE, CREATE, DESTROY as conversions of one collection
//! into another (`getResourceConversions` in `src/common/resources_utils.cpp`), and what of an
//! agent's resources must be written down there (`needCheckpointing`, `applyCheckpointedResources`).
//!
//! A conversion changes metadata and never amounts.

use super::object::{Disk, Meta, Object};
use super::{ReservationKind, ResourceError, Resources, Value};
use crate::base::quantity::Milli;

/// What a scheduler asks the master to do with resources that it is offered.
#[derive(Clone, PartialEq, Debug)]
pub enum ResourceOperation {
    /// The resources as they are afterwards.
    Reserve(Resources),
    /// The resources as they are before.
    Unreserve(Resources),
    /// The volumes as they are afterwards.
    Create(Resources),
    /// The volumes as they are before.
    Destroy(Resources),
}

/// These resources become those.
#[derive(Clone, PartialEq, Debug)]
pub struct Conversion {
    pub before: Resources,
    pub after: Resources,
}

impl ResourceOperation {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reserve(_) => "RESERVE",
            Self::Unreserve(_) => "UNRESERVE",
            Self::Create(_) => "CREATE",
            Self::Destroy(_) => "DESTROY",
        }
    }
    /// The resources that it names.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        match self {
            Self::Reserve(named) | Self::Unreserve(named) | Self::Create(named) | Self::Destroy(named) => named,
        }
    }
    /// What it takes and what it makes of it.
    ///
    /// # Errors
    /// The resources are not reserved, and the operation is about reservations.
    pub fn conversion(&self) -> Result<Conversion, ResourceError> {
        Ok(match self {
            Self::Reserve(after) => Conversion { before: after.pop_reservation()?, after: after.clone() },
            Self::Unreserve(before) => Conversion { before: before.clone(), after: before.pop_reservation()? },
            Self::Create(after) => Conversion { before: after.without_volumes(), after: after.clone() },
            Self::Destroy(before) => Conversion { before: before.clone(), after: before.without_volumes() },
        })
    }
}

fn is_dynamic(object: &Object) -> bool {
    object.meta().reservations.iter().any(|entry| entry.kind == ReservationKind::Dynamic)
}

fn without_volume(meta: &mut Meta) {
    meta.shared = false;
    if let Some(disk) = &mut meta.disk {
        (disk.persistence, disk.volume) = (None, None);
        if *disk == Disk::default() {
            meta.disk = None;
        }
    }
}

impl Resources {
    /// Every object for itself with its metadata changed; copies of a shared object become one.
    fn reshape(&self, change: impl Fn(&mut Meta)) -> Self {
        let changed: Vec<Object> =
            self.objects().map(|object| Object { copies: 1, ..object.with_meta(&change) }).collect();
        Self::from_objects(&changed)
    }
    /// The disks beneath volumes; everything else as it is.
    #[must_use]
    pub fn without_volumes(&self) -> Self {
        self.reshape(without_volume)
    }
    /// The part that exists only because somebody reserved or created it at run time, so that the
    /// agent has to write it down.
    #[must_use]
    pub fn checkpointed(&self) -> Self {
        self.filter(false, |object| is_dynamic(object) || object.is_persistent_volume())
    }
    /// The same as an operator configured it: without volumes and dynamic reservations.
    #[must_use]
    pub fn as_configured(&self) -> Self {
        self.reshape(|meta| {
            without_volume(meta);
            meta.reservations.retain(|entry| entry.kind == ReservationKind::Static);
        })
    }
    /// What an agent has that was configured with this and wrote down that; `None` if it was not
    /// configured with what was written down.
    #[must_use]
    pub fn with_checkpointed(&self, checkpointed: &Self) -> Option<Self> {
        if checkpointed.is_empty() {
            return Some(self.clone());
        }
        let plain = checkpointed.as_configured();
        self.contains(&plain).then(|| self.clone() - &plain + checkpointed)
    }
    /// The part whose topmost reservation has a label with this key and value.
    #[must_use]
    pub fn labelled(&self, key: &str, value: &str) -> Self {
        self.filter(false, |object| object.label(key) == Some(value))
    }
}

impl Object {
    /// The value of a label of the topmost reservation.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        let labels = &self.meta().reservations.last()?.labels;
        labels.iter().find(|(name, _)| *name == key).and_then(|(_, value)| value)
    }
    /// The id of the persistent volume that it is.
    #[must_use]
    pub fn persistence_id(&self) -> Option<&str> {
        self.meta().disk.as_ref()?.persistence.as_ref().map(|persistence| &*persistence.id)
    }
    /// The amount of a scalar.
    #[must_use]
    pub fn scalar(&self) -> Option<Milli> {
        match self.value {
            Value::Scalar(amount) => Some(amount),
            Value::Ranges(_) | Value::Set(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }

    const HELD: &str = "(reservations: [(DYNAMIC,db,p,{task: a})])";

    #[test]
    fn operations_convert_and_the_opposite_converts_back() {
        use ResourceOperation as Op;
        let reserved = r(&format!("cpus{HELD}:1; disk{HELD}:10; ports{HELD}:[5-6]"));
        let volume = r(&format!("disk{HELD}[data]:10"));
        let there = Op::Reserve(reserved.clone()).conversion().unwrap();
        assert_eq!((&there.before, &there.after), (&r("cpus:1; disk:10; ports:[5-6]"), &reserved));
        let back = Op::Unreserve(reserved).conversion().unwrap();
        assert_eq!((back.before, back.after), (there.after, there.before));
        let made = Op::Create(volume.clone()).conversion().unwrap();
        assert_eq!((&made.before, &made.after), (&r(&format!("disk{HELD}:10")), &volume));
        assert_eq!(made.before.quantities(), made.after.quantities());
        let gone = Op::Destroy(volume).conversion().unwrap();
        assert_eq!((gone.before, gone.after), (made.after, made.before));
        assert!(Op::Unreserve(r("cpus:1")).conversion().is_err());
    }

    #[test]
    fn a_mount_disk_stays_one_beneath_its_volume() {
        let volume = r(&format!("disk{HELD}[MOUNT:/m,data]:10"));
        assert!(volume.objects().all(|object| object.persistence_id() == Some("data")));
        assert_eq!(volume.without_volumes(), r(&format!("disk{HELD}[MOUNT:/m]:10")));
        assert_eq!(volume.as_configured(), r("disk[MOUNT:/m]:10"));
    }

    #[test]
    fn what_was_written_down_is_put_back_over_what_was_configured() {
        let configured = r("cpus:4; cpus(db):1; disk:100; ports:[1-9]");
        let volume = format!("disk{HELD}[data]:10");
        let total = r(&format!("cpus:3; cpus(db):1; cpus{HELD}:1; disk:90; {volume}; ports:[1-9]"));
        let kept = total.checkpointed();
        assert_eq!(kept, r(&format!("cpus{HELD}:1; {volume}")), "static reservations are configured");
        assert_eq!(configured.with_checkpointed(&kept), Some(total));
        assert_eq!(configured.with_checkpointed(&Resources::EMPTY), Some(configured.clone()));
        assert_eq!(r("cpus:4").with_checkpointed(&kept), None, "it has no disk any more");
    }

    #[test]
    fn labels_say_whose_it_is() {
        let all = r(&format!("cpus{HELD}:1; cpus(reservations: [(DYNAMIC,db,p,{{task: b}})]):2; cpus:4"));
        assert_eq!(all.labelled("task", "a"), r(&format!("cpus{HELD}:1")));
        assert!(all.labelled("task", "c").is_empty());
    }
}
