//! Service ports (`AssignDynamicServiceLogic.scala`): every 0 of a new or changed app becomes a
//! number that nobody in the old or the new tree has, smallest first; an app that posts zeros again
//! keeps its numbers.

use super::tree;
use crate::marathon::model::flags::Flags;
use crate::marathon::model::group::Group;
use crate::marathon::model::rejection::Rejection;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The tree `to` with numbers.
pub fn assign(from: &Group, to: &Group, flags: &Flags) -> Result<Group, Rejection> {
    let (low, high) = flags.local_ports;
    let changed = |root: &Group| -> bool {
        root.all_specs().values().any(|spec| {
            spec.app().is_some()
                && from.spec(&spec.id).is_none_or(|old| !Arc::ptr_eq(old, spec))
                && spec.ports.iter().any(|port| port.service_port == 0)
        })
    };
    if !changed(to) {
        return Ok(to.clone());
    }
    let mut taken: BTreeSet<u16> = BTreeSet::new();
    for root in [from, to] {
        for spec in root.all_specs().values() {
            taken.extend(spec.ports.iter().map(|port| port.service_port));
        }
    }
    let mut free = (low..=high).filter(|port| !taken.contains(port));
    let mut exhausted = false;
    let assigned = tree::map_specs(to, &mut |spec| {
        let old = from.spec(&spec.id);
        if spec.app().is_none() || old.is_some_and(|old| Arc::ptr_eq(old, spec) || !old.is_upgrade(spec)) {
            return None;
        }
        let wanted = spec.service_ports();
        if !wanted.contains(&0) {
            return None;
        }
        let held = old.map(|old| old.service_ports()).unwrap_or_default();
        let mut held = held.into_iter().filter(|port| (low..=high).contains(port) && !wanted.contains(port));
        let number = |port: &u16| match port {
            0 => held.next().or_else(|| free.next()).unwrap_or_else(|| {
                exhausted = true;
                0
            }),
            port => *port,
        };
        let numbers: Vec<u16> = wanted.iter().map(number).collect();
        let mut new = spec.as_ref().clone();
        new.set_service_ports(&numbers);
        Some(new)
    });
    if exhausted {
        return Err(Rejection::Failed(format!("All ports in the range [{low}-{high}) are already in use")));
    }
    Ok(assigned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::json::read::testing::app;
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::version::Version;
    use serde_json::json;

    fn put(root: &Group, id: &str, ports: &[u16]) -> Group {
        let spec = app(json!({ "id": id, "cmd": "run", "ports": ports }));
        tree::put_spec(root, &Arc::new(spec), &Flags::default())
    }
    fn of(root: &Group, id: &str) -> Vec<u16> {
        root.spec(&PathId::absolute(id)).expect("there").service_ports()
    }

    #[test]
    fn zeros_get_the_smallest_free_numbers_and_keep_them() {
        let (empty, flags) = (Group::empty(PathId::root(), Version(0)), Flags::default());
        let one = assign(&empty, &put(&empty, "/a", &[10_000, 0, 10_001]), &flags).unwrap();
        assert_eq!(of(&one, "/a"), [10_000, 10_002, 10_001]);
        let two = assign(&one, &put(&put(&one, "/b", &[0]), "/a", &[0, 0, 0, 0]), &flags).unwrap();
        assert_eq!((of(&two, "/a"), of(&two, "/b")), (vec![10_000, 10_002, 10_001, 10_003], vec![10_004]));
        // A port named by the new definition is not given twice.
        let three = assign(&two, &put(&two, "/a", &[0, 10_000]), &flags).unwrap();
        assert_eq!(of(&three, "/a"), [10_002, 10_000]);
    }

    #[test]
    fn an_exhausted_range_is_told() {
        let flags = Flags { local_ports: (10_000, 10_001), ..Flags::default() };
        let empty = Group::empty(PathId::root(), Version(0));
        assert!(assign(&empty, &put(&empty, "/a", &[0, 0]), &flags).is_ok());
        let told = assign(&empty, &put(&empty, "/a", &[0, 0, 0]), &flags).unwrap_err();
        assert_eq!(told.reason(), "All ports in the range [10000-10001) are already in use");
    }
}
