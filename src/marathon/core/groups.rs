//! The single write path (`GroupManagerImpl`): changes of the tree one after the other, each
//! stored before it counts, and deployed.

use super::http::Client;
use super::{Marathon, http};
use crate::actor::Cx;
use crate::actor::bug::Bug;
use crate::base::dice::Site;
use crate::base::id::Symbol;
use crate::fact::Fact;
use crate::marathon::group::change::Change;
use crate::marathon::group::update::{Updated, update};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;
use crate::marathon::model::rejection::Rejection;
use crate::marathon::model::version::Version;
use crate::marathon::rest::command::Update;
use crate::marathon::rest::event::Event;
use crate::marathon::rest::reply;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const DEPLOYMENT_ID: Site = Site::new("marathon-deployment-id");

/// Which write of a root update was carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Version,
    Plan,
    Root,
}

/// An update that is being stored.
#[derive(Clone, Debug)]
struct Updating {
    client: Client,
    asked: Update,
    updated: Updated,
}

#[derive(Clone, Default, Debug)]
pub(super) struct Groups {
    queue: VecDeque<(Client, Update)>,
    busy: Option<Box<Updating>>,
    /// Versions are unique and grow.
    last: Version,
    roots: BTreeMap<Version, Arc<Group>>,
    /// Definitions by app and version.
    specs: BTreeMap<PathId, BTreeMap<Version, Arc<RunSpec>>>,
    plans: u64,
}

impl Groups {
    /// Keeps a root among the versions that can be asked for.
    pub(super) fn remember(&mut self, root: &Arc<Group>) {
        self.last = self.last.max(root.version);
        let before = self.roots.values().next_back().cloned();
        self.roots.insert(root.version, root.clone());
        for (path, spec) in root.all_specs() {
            let same = before.as_ref().and_then(|before| before.spec(path)).is_some_and(|old| Arc::ptr_eq(old, spec));
            if !same {
                self.specs.entry(path.clone()).or_default().insert(spec.versions.version, spec.clone());
            }
        }
    }
    pub(super) fn versions(&self, path: &PathId) -> Vec<Version> {
        self.specs.get(path).map_or_else(Vec::new, |versions| versions.keys().rev().copied().collect())
    }
    pub(super) fn spec_at(&self, path: &PathId, version: Version) -> Option<Arc<RunSpec>> {
        self.specs.get(path)?.get(&version).cloned()
    }
    pub(super) fn root_versions(&self) -> Vec<Version> {
        self.roots.keys().rev().copied().collect()
    }
    pub(super) fn root_at(&self, version: Version) -> Option<Arc<Group>> {
        self.roots.get(&version).cloned()
    }
}

impl Marathon {
    pub(super) fn queue_update(&mut self, cx: &mut Cx, client: Client, asked: Update) {
        let most = self.flags.max_queued_root_group_updates as usize;
        if self.groups.queue.len() >= most {
            let response = reply::refused(&Rejection::TooManyUpdates(most));
            return http::answer(cx, client, response);
        }
        self.groups.queue.push_back((client, asked));
        self.next_update(cx);
    }

    fn next_update(&mut self, cx: &mut Cx) {
        while self.groups.busy.is_none() {
            let Some((client, asked)) = self.groups.queue.pop_front() else { return };
            self.begin_update(cx, client, asked);
        }
    }

    fn begin_update(&mut self, cx: &mut Cx, client: Client, asked: Update) {
        let most = self.flags.definitions.max_running_deployments;
        if self.deployments.len() >= most {
            return self.refuse_update(cx, client, &asked, &Rejection::TooManyDeployments(most));
        }
        let version = Version::next(cx.wall, self.groups.last);
        let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
        let n = self.groups.plans;
        self.groups.plans += 1;
        let (a, b) = (cx.draw(DEPLOYMENT_ID, entity, 2 * n).0, cx.draw(DEPLOYMENT_ID, entity, 2 * n + 1).0);
        let id = cx.names.intern(&super::launch::uuid(a, b));
        let change = match &asked.change {
            Change::Rollback(plan) if cx.shows(Bug::CancelRestoresAll) => {
                let (to, old) = (plan.original.version, plan.original.clone());
                Some(Change::RevertGroup { group: PathId::root(), to, old })
            }
            _ => None,
        };
        let change = change.as_ref().unwrap_or(&asked.change);
        let updated = match update(&self.root, change, version, id, &self.flags.definitions) {
            Ok(updated) => updated,
            Err(rejection) => return self.refuse_update(cx, client, &asked, &rejection),
        };
        self.groups.last = version;
        if let Some(plan) = &updated.plan {
            let conflicts = self.deployments.in_conflict(plan);
            if !conflicts.is_empty() && !asked.force {
                let response = reply::locked(&conflicts, cx.names);
                let (group, reason) = (asked.group.clone(), "AppLockedException".to_owned());
                self.event(cx, |_| Event::GroupChangeFailed { group, version, reason });
                return http::answer(cx, client, response);
            }
        }
        let (root, deploys) = (updated.root.clone(), updated.plan.is_some());
        self.groups.busy = Some(Box::new(Updating { client, asked, updated }));
        if deploys {
            self.store_version(cx, &root, Stage::Version);
        } else {
            // Its version is as before, and is stored already.
            self.store_root(cx, &root, Stage::Root);
        }
    }

    fn refuse_update(&mut self, cx: &mut Cx, client: Client, asked: &Update, rejection: &Rejection) {
        let (group, version, reason) = (asked.group.clone(), self.groups.last, rejection.reason());
        self.event(cx, |_| Event::GroupChangeFailed { group, version, reason });
        http::answer(cx, client, reply::refused(rejection));
    }

    /// One of the writes is done: the next, or the end.
    pub(super) fn update_stored(&mut self, cx: &mut Cx, stage: Stage) {
        let Some(updating) = &self.groups.busy else { return };
        let (plan, root) = (updating.updated.plan.clone(), updating.updated.root.clone());
        match (stage, plan) {
            (Stage::Version, Some(plan)) => {
                let overridden = self.deployments.in_conflict(&plan);
                self.store_plan(cx, &plan, &overridden, Stage::Plan);
            }
            (Stage::Plan, Some(plan)) => {
                for id in self.deployments.in_conflict(&plan) {
                    self.cancel_deployment(cx, id);
                }
                self.deploy(cx, plan);
                self.store_root(cx, &root, Stage::Root);
            }
            (Stage::Version | Stage::Plan, None) | (Stage::Root, _) => {
                self.publish(cx);
                self.next_update(cx);
            }
        }
    }

    fn publish(&mut self, cx: &mut Cx) {
        let Some(updating) = self.groups.busy.take() else { return };
        let Updating { client, asked, updated } = *updating;
        let before = std::mem::replace(&mut self.root, updated.root.clone());
        self.groups.remember(&updated.root);
        while self.groups.roots.len() > self.flags.zk_max_versions as usize {
            if let Some((old, _)) = self.groups.roots.pop_first() {
                self.forget_version(cx, old);
            }
        }
        for path in updated.plan.iter().flat_map(|plan| plan.affected()) {
            let target = updated.root.spec(path).map_or(0, |spec| spec.instances);
            if before.spec(path).map(|spec| spec.instances) != Some(target) || target == 0 {
                let app = cx.names.intern(path.as_str());
                cx.fact(Fact::AppTarget { app, instances: target });
            }
            let versions = self.groups.specs.entry(path.clone()).or_default();
            while versions.len() > self.flags.zk_max_versions as usize {
                versions.pop_first();
            }
        }
        let (group, version) = (asked.group.clone(), updated.root.version);
        self.post_event(cx, &asked, &updated);
        self.event(cx, |_| Event::GroupChanged { group, version });
        let response = reply::updated(&asked.answer, &updated, &self.lend(cx));
        http::answer(cx, client, response);
    }

    fn post_event(&mut self, cx: &mut Cx, asked: &Update, updated: &Updated) {
        let (uri, client) = (asked.uri.clone(), "client".to_owned());
        let path: Option<&PathId> = match &asked.change {
            Change::Create(spec) | Change::PutPod(spec) => Some(&spec.id),
            Change::PutApps(puts) => puts.first().map(|put| &put.id),
            _ => None,
        };
        let Some(spec) = path.and_then(|path| updated.root.spec(path)).cloned() else { return };
        let event = match (&asked.change, spec.pod().is_some()) {
            (Change::Create(_), true) => Event::PodCreated { client, uri },
            (_, true) => Event::PodUpdated { client, uri },
            (_, false) => Event::ApiPost { client, uri, app: spec },
        };
        self.event(cx, |_| event);
    }

    /// Deployments that a predecessor left, in the order in which they stand in the store.
    pub(super) fn resume_deployments(&mut self, cx: &mut Cx) {
        for plan in std::mem::take(&mut self.deployments.reloaded) {
            let conflicts: Vec<Symbol> = self.deployments.in_conflict(&plan);
            if conflicts.is_empty() {
                self.deploy(cx, plan);
            }
        }
    }
}
