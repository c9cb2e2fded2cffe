//! Leaders and Marathon in the recorder: what is gone with a leading master, what tasks of
//! services hold, and the names of apps.

use super::{NONE, Recorder};
use crate::base::id::{JobId, Names};
use crate::base::time::Time;
use crate::fact::ProcessKind;
use crate::record::Count;

impl Recorder {
    pub(super) fn leader_gone(&mut self, left: i64, at: Time, kind: ProcessKind, slot: u32, incarnation: Option<u32>) {
        if self.leaders.gone(kind, slot, incarnation, at, self.registered.value as u64) {
            self.masters_lost(left);
        }
    }

    /// There is no leading master: nobody counts an agent until it is back, and no offer is worth
    /// anything. The machines are still there, and so is what runs on them.
    pub(super) fn masters_lost(&mut self, left: i64) {
        self.orphan_offers(left);
        self.epoch += 1;
        self.registered.add(-self.registered.value, left);
        self.connected.add(-self.connected.value, left);
    }

    /// Offers that are out will never end.
    pub(super) fn orphan_offers(&mut self, left: i64) {
        if let Some((_, count)) = self.offering.take() {
            self.count(NONE, Count::OffersOrphaned, count);
            for level in &mut self.offered {
                level.add(-level.value, left);
            }
        }
    }

    #[cold]
    pub(super) fn service_launched(&mut self, left: i64, template: JobId) {
        let framework = match self.templates.get_mut(&template) {
            Some(t) => {
                t.held += 1;
                let (framework, each) = (t.framework, t.each);
                self.hold(framework, each, 1, left);
                framework
            }
            None => NONE,
        };
        self.count(framework, Count::TasksLaunched, 1);
    }

    /// Whether `take_names` should be called: there are apps whose names are not known.
    #[inline]
    #[must_use]
    pub fn wants_names(&self) -> bool {
        self.services.wants_names()
    }

    /// Learns the names of apps, so that they can be asked for by name.
    pub fn take_names(&mut self, names: &Names) {
        self.services.take_names(names);
    }
}
