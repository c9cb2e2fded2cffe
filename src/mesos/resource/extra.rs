//! Everything that is not a plain standard scalar: objects in the order in which they stand.
//!
//! Order matters to shrinking alone, and there as upstream has it: a new object goes to the end,
//! and the last one takes the place of one that is used up.

use super::object::Object;

/// Objects that cannot merge with one another, none of them empty.
#[derive(Clone, Default, Debug)]
pub(super) struct Extra {
    pub(super) objects: Vec<Object>,
    /// An object competes with a plain scalar for its name (`Object::contends`). Then the plain
    /// scalars stand among the objects, so that their order is kept; otherwise none does.
    pub(super) contended: bool,
}

/// Adds to the first object that can take it, or at the end.
pub(super) fn add(objects: &mut Vec<Object>, object: &Object) {
    if object.is_empty() {
        return;
    }
    match objects.iter_mut().find(|ours| ours.is_addable(object)) {
        Some(ours) => ours.add(object),
        None => objects.push(object.clone()),
    }
}

/// Takes from the first object that is alike; what is not there cannot be taken.
pub(super) fn subtract(objects: &mut Vec<Object>, object: &Object) {
    if object.is_empty() {
        return;
    }
    if let Some(at) = objects.iter().position(|ours| ours.is_subtractable(object)) {
        objects[at].subtract(object);
        if objects[at].is_empty() {
            objects.swap_remove(at);
        }
    }
}

/// Whether all of `wanted` fits in `ours` at once. Plain scalars are not looked at.
pub(super) fn contains(ours: &[Object], wanted: &[Object]) -> bool {
    wanted.iter().enumerate().filter(|(_, want)| want.plain().is_none()).all(|(i, want)| {
        // Equal indivisible objects stand side by side, so there must be one for each.
        let before = if want.is_indivisible() && !want.meta().shared {
            wanted[..i].iter().filter(|other| other.contains(want)).count()
        } else {
            0
        };
        ours.iter().filter(|have| have.contains(want)).nth(before).is_some()
    })
}
