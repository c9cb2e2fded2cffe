//! What outlives the process: written to the store before it counts.

use super::writes::Writing;
use super::{Marathon, Phase};
use crate::actor::Cx;
use crate::base::id::FrameworkId;
use crate::base::map::Lookup;
use crate::marathon::model::instance::Instance;
use crate::zk::wire::Answer;

/// What follows when a request was carried out.
#[derive(Clone, Debug)]
enum Pending {
    Instance(Box<Writing>),
}

#[derive(Clone, Default, Debug)]
pub(super) struct Store {
    pending: Lookup<u64, Pending>,
}

impl Marathon {
    /// Reads what a predecessor left.
    pub(super) fn load(&mut self, cx: &mut Cx) {
        if self.phase == Phase::Loading {
            self.ready(cx);
        }
    }

    pub(super) fn store_instance(&mut self, cx: &mut Cx, _instance: &Instance, _expunged: bool, writing: Writing) {
        self.written(cx, writing);
    }

    pub(super) fn keep_framework_id(&mut self, _cx: &mut Cx, _id: FrameworkId) {}

    pub(super) fn stored(&mut self, cx: &mut Cx, token: u64, _answer: &Answer) {
        match self.store.pending.remove(&token) {
            Some(Pending::Instance(writing)) => self.written(cx, *writing),
            None => {}
        }
    }
}

impl Marathon {
    /// A deployment has ended: its record goes.
    pub(super) fn deployment_over(
        &mut self,
        _cx: &mut Cx,
        _plan: &crate::marathon::model::plan::Plan,
        _how: crate::fact::DeploymentEnd,
    ) {
    }
}
