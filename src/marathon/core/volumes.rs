//! Disks for persistent volumes out of what is not reserved (`PersistentVolumeMatcher`,
//! `ResourceMatcher.findMatches` of disk sources).
//!
//! Each type of disk for itself, the largest request first: `root` as offered, `path` from the
//! largest source, `mount` the smallest source that is large enough and not larger than `maxSize`,
//! which is used up entirely, so that the volume grows.

use super::constraints::Fields;
use crate::base::id::Names;
use crate::base::quantity::Milli;
use crate::marathon::model::app::{Operator, PersistentVolume, RunSpec};
use crate::mesos::resource::{Disk, DiskSource, Meta, Object, Resources, SourceKind, Value};

/// A disk for one volume.
#[derive(Clone, PartialEq, Debug)]
pub struct Chosen {
    /// Which of the definition's volumes.
    pub volume: usize,
    pub size: Milli,
    /// `None`: root disk.
    pub source: Option<DiskSource>,
}

/// What all volumes of the definition ask for together, as far as it is known before a disk is.
#[must_use]
pub fn nominal(spec: &RunSpec) -> Milli {
    Milli(spec.volumes.iter().map(|volume| volume.size.0).sum())
}

/// The part of `nominal` that comes from the root disk.
#[must_use]
pub fn on_root(spec: &RunSpec) -> Milli {
    let root = spec.volumes.iter().filter(|volume| volume.disk_type == "root");
    Milli(root.map(|volume| volume.size.0).sum())
}

/// Disks for all volumes; `None` if one has none. Root disk is counted by the caller.
#[must_use]
pub fn choose(names: &mut Names, fields: &mut Fields, spec: &RunSpec, offer: &Resources) -> Option<Vec<Chosen>> {
    let mut disks = sources(offer);
    let mut order: Vec<usize> = (0..spec.volumes.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(spec.volumes[*i].size));
    let mut chosen = Vec::new();
    for volume in order {
        let asked = &spec.volumes[volume];
        let kind = match &*asked.disk_type {
            "path" => SourceKind::Path,
            "mount" => SourceKind::Mount,
            _ => {
                chosen.push(Chosen { volume, size: asked.size, source: None });
                continue;
            }
        };
        let mut fitting: Vec<usize> = Vec::new();
        for (i, (source, free)) in disks.iter().enumerate() {
            if source.kind == kind && *free >= asked.size && suits(names, fields, asked, source) {
                fitting.push(i);
            }
        }
        let most = asked.max_size.filter(|_| kind == SourceKind::Mount);
        fitting.retain(|i| most.is_none_or(|most| disks[*i].1 <= most));
        let at = match kind {
            SourceKind::Mount => fitting.into_iter().min_by_key(|i| disks[*i].1)?,
            // The first of equal ones, as with a stable sort.
            _ => fitting.into_iter().rev().max_by_key(|i| disks[*i].1)?,
        };
        let size = if kind == SourceKind::Mount { disks[at].1 } else { asked.size };
        disks[at].1.0 -= size.0;
        chosen.push(Chosen { volume, size, source: Some(disks[at].0.clone()) });
    }
    chosen.sort_by_key(|chosen| chosen.volume);
    Some(chosen)
}

/// Takes the disks with a source that were chosen, out of the offer.
pub fn take(offer: &mut Resources, disks: &[Chosen]) -> Resources {
    let mut all = Resources::EMPTY;
    for Chosen { size, source, .. } in disks.iter().filter(|chosen| chosen.source.is_some()) {
        let meta = Meta { disk: Some(Disk { source: source.clone(), ..Disk::default() }), ..Meta::default() };
        let one = Resources::from_objects([&Object::new("disk", Value::Scalar(*size), meta)]);
        *offer -= &one;
        all += &one;
    }
    all
}

/// Unreserved disks with a source, and how much of each there is.
fn sources(offer: &Resources) -> Vec<(DiskSource, Milli)> {
    let mut all = Vec::new();
    for object in offer.objects() {
        let (meta, amount) = (object.meta(), object.scalar());
        let free = !object.is_reserved() && !meta.revocable && !object.is_persistent_volume();
        if let (Some(source), Some(amount), true) =
            (meta.disk.as_ref().and_then(|disk| disk.source.clone()), amount, free)
        {
            all.push((source, amount));
        }
    }
    all
}

/// Whether profile and constraints of a volume allow a source.
fn suits(names: &mut Names, fields: &mut Fields, volume: &PersistentVolume, source: &DiskSource) -> bool {
    let path = names.intern(source.root.as_deref().unwrap_or_default());
    source.profile.as_deref() == volume.profile.as_deref()
        && volume.constraints.iter().all(|constraint| {
            let pattern = constraint.value.as_deref().unwrap_or_default();
            let matches = constraint.field == "path" && fields.matches(names, pattern, path);
            match constraint.operator {
                Operator::Like => matches,
                Operator::Unlike => !matches,
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn volume(disk_type: &str, size: i64) -> PersistentVolume {
        PersistentVolume {
            container_path: "data".into(),
            size: Milli::from_int(size),
            disk_type: disk_type.into(),
            max_size: None,
            profile: None,
            constraints: Vec::new(),
        }
    }

    /// Root and size of each disk that was chosen.
    fn run(volumes: &[PersistentVolume], offer: &str) -> Option<Vec<String>> {
        let spec = RunSpec { volumes: volumes.to_vec(), ..testing::spec("/a", 1) };
        let offer = Resources::parse(offer).unwrap();
        let chosen = choose(&mut testing::names(), &mut Fields::default(), &spec, &offer)?;
        let root = |chosen: &Chosen| chosen.source.as_ref().and_then(|source| source.root.clone());
        Some(chosen.iter().map(|c| format!("{} {}", root(c).as_deref().unwrap_or("-"), c.size)).collect())
    }

    #[test]
    fn each_type_has_its_way_of_choosing() {
        let offer = "disk:50; disk[PATH:/p1]:20; disk[PATH:/p2]:30; disk[MOUNT:/m1]:40; disk[MOUNT:/m2]:15";
        let all = [volume("mount", 10), volume("path", 12), volume("root", 5), volume("path", 15)];
        let found = run(&all, offer).unwrap();
        // The larger path goes to the larger source, which is then the smaller one.
        assert_eq!(found, ["/m2 15", "/p1 12", "- 5", "/p2 15"]);
        assert_eq!(run(&[volume("mount", 16), volume("mount", 11)], offer).unwrap(), ["/m1 40", "/m2 15"]);
        assert_eq!(run(&[volume("mount", 41)], offer), None);
        assert_eq!(run(&[volume("path", 20), volume("path", 20)], "disk[PATH:/p]:30"), None);
    }

    #[test]
    fn limits_profiles_and_constraints_exclude_sources() {
        let offer = "disk[MOUNT:/ssd]:40; disk[MOUNT:/hdd]:20";
        let constraint = |operator, value| testing::constraint("path", operator, Some(value));
        let with = |operator, value| PersistentVolume {
            constraints: vec![constraint(operator, value)],
            ..volume("mount", 10)
        };
        assert_eq!(run(&[with(Operator::Like, "/s.*")], offer).unwrap(), ["/ssd 40"]);
        assert_eq!(run(&[with(Operator::Unlike, "/h.*")], offer).unwrap(), ["/ssd 40"]);
        assert_eq!(run(&[with(Operator::Like, "/x")], offer), None);
        let small = PersistentVolume { max_size: Some(Milli::from_int(15)), ..volume("mount", 10) };
        assert_eq!(run(&[small], offer), None);
        let fast = PersistentVolume { profile: Some("fast".into()), ..volume("mount", 10) };
        assert_eq!(run(&[fast], offer), None);
    }
}
