//! Leaders and Marathon in the recorder: when a leader was lost, the names of apps, what became of
//! requests.

use super::Recorder;
use crate::base::id::Names;
use crate::base::time::Time;
use crate::fact::ProcessKind;
use crate::record::Count;

impl Recorder {
    pub(super) fn leader_gone(&mut self, at: Time, kind: ProcessKind, slot: u32, incarnation: Option<u32>) {
        self.leaders.gone(kind, slot, incarnation, at, self.registered.value as u64);
    }

    /// What `NAME.PART` of a subscriber stands for.
    pub(in crate::record) fn endpoint_key(&self, text: &str) -> Option<(u32, usize)> {
        self.endpoints.key(text)
    }
    pub(in crate::record) fn endpoint_value(&self, index: u32, part: usize) -> u64 {
        self.endpoints.value(index, part)
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

    /// A client's request came to its end; status 0: nobody answered.
    pub(super) fn answered(&mut self, at: Time, request: u32, status: u16) {
        let which = match status {
            0 => Count::RequestsUnanswered,
            400.. => Count::RequestsRefused,
            _ => Count::RequestsAnswered,
        };
        self.count(super::NONE, which, 1);
        if let Some(record) = self.requests.iter_mut().find(|r| r.number == request) {
            record.status = Some(status);
            record.ended_ns = Some(at.0);
        }
    }
}
