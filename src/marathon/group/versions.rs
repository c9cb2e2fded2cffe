//! Versions of what changed (`GroupVersioningUtil.scala`): an upgrade renews all three instants, a
//! change of size those of version and scaling, a restart those of version and configuration; what
//! is equal keeps its own and causes no deployment.

use super::tree;
use crate::marathon::model::app::{RunSpec, VersionInfo};
use crate::marathon::model::group::Group;
use crate::marathon::model::version::Version;
use std::sync::Arc;

/// Marks a spec to be restarted: as if nobody knew its versions.
#[must_use]
pub fn marked_for_restart(spec: &RunSpec) -> RunSpec {
    RunSpec { versions: VersionInfo::default(), ..spec.clone() }
}

/// The tree `to` with versions, compared with `from`; all groups are of `version`.
#[must_use]
pub fn stamp(version: Version, from: &Group, to: &Group) -> Group {
    let stamped = tree::map_specs(to, &mut |spec| {
        let versions = match from.spec(&spec.id) {
            None => new(version),
            Some(old) if Arc::ptr_eq(old, spec) => return None,
            Some(old) => of(version, old, spec),
        };
        (versions != spec.versions).then(|| RunSpec { versions, ..spec.as_ref().clone() })
    });
    tree::stamped(&stamped, version)
}

fn new(version: Version) -> VersionInfo {
    VersionInfo { version, last_scaling: version, last_config_change: version }
}

fn of(version: Version, old: &RunSpec, spec: &RunSpec) -> VersionInfo {
    if old.is_upgrade(spec) {
        new(version)
    } else if old.instances != spec.instances {
        VersionInfo { version, last_scaling: version, ..old.versions }
    } else if old.versions != spec.versions && spec.versions == VersionInfo::default() {
        VersionInfo { version, last_config_change: version, ..old.versions }
    } else {
        old.versions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::flags::Flags;
    use crate::marathon::model::json::read::testing::app;
    use crate::marathon::model::path::PathId;
    use serde_json::json;

    #[test]
    fn each_kind_of_change_renews_its_own_instants() {
        let put = |root: &Group, spec: RunSpec| tree::put_spec(root, &Arc::new(spec), &Flags::default());
        let empty = Group::empty(PathId::root(), Version(1));
        let base = app(json!({ "id": "/a", "cmd": "run" }));
        let id = base.id.clone();
        let first = stamp(Version(10), &empty, &put(&empty, base.clone()));
        let old = first.spec(&id).expect("deployed").as_ref().clone();
        assert_eq!(old.versions, new(Version(10)));
        let next = |spec: RunSpec| {
            let root = stamp(Version(20), &first, &put(&first, spec));
            assert_eq!(root.version, Version(20));
            let v = root.spec(&id).expect("deployed").versions;
            (v.version.0, v.last_scaling.0, v.last_config_change.0)
        };
        assert_eq!(next(RunSpec { instances: 5, ..old.clone() }), (20, 20, 10));
        assert_eq!(next(RunSpec { role: "x".into(), ..old.clone() }), (20, 20, 20));
        assert_eq!(next(marked_for_restart(&old)), (20, 10, 20));
        assert_eq!(next(old), (10, 10, 10));
        // Posted again with a version of its own: equal all the same.
        let again = RunSpec { versions: VersionInfo { version: Version(15), ..VersionInfo::default() }, ..base };
        assert_eq!(next(again), (10, 10, 10));
    }
}
