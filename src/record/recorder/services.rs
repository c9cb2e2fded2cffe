//! Leaders and Marathon in the recorder: when a leader was lost, and the names of apps.

use super::Recorder;
use crate::base::id::Names;
use crate::base::time::Time;
use crate::fact::ProcessKind;

impl Recorder {
    pub(super) fn leader_gone(&mut self, at: Time, kind: ProcessKind, slot: u32, incarnation: Option<u32>) {
        self.leaders.gone(kind, slot, incarnation, at, self.registered.value as u64);
    }

    /// Whether `take_names` should be called: there are apps whose names are not known.
    #[inline]
    #[must_use]
    pub fn wants_names(&self) -> bool {
        self.apps.wants_names()
    }

    /// Learns the names of apps, so that they can be asked for by name.
    pub fn take_names(&mut self, names: &Names) {
        self.apps.take_names(names);
    }
}
