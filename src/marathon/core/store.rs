//! What outlives the process: written to the store before it counts, read back by the next leader.
//!
//! In ZooKeeper each record is a node below `<path>/state`: `instances/<id>`, `roots/<version>`,
//! `deployments/<id>`, and the nodes `root` (which version counts) and `framework`. In memory
//! (`--internal_store_backend mem`) a write is done at once and nothing outlives anything.

use super::callbacks::{Subscribing, Urls};
use super::flags::Store as Kind;
use super::groups::Stage;
use super::writes::Writing;
use super::{Marathon, Phase};
use crate::actor::bug::Bug;
use crate::actor::{Cx, Mailbox};
use crate::base::id::FrameworkId;
use crate::base::map::Lookup;
use crate::marathon::model::group::Group;
use crate::marathon::model::instance::Instance;
use crate::marathon::model::plan::Plan;
use crate::marathon::model::version::Version;
use crate::mesos::message::Msg;
use crate::zk::wire::{Answer, Data, Opaque, Refused, Request};
use std::collections::VecDeque;
use std::sync::Arc;

/// What follows when a request was carried out.
#[derive(Clone, Debug)]
pub(super) enum Pending {
    /// Nobody waits for it.
    Nobody,
    Instance(Box<Writing>),
    /// The next stage of the root update that is under way.
    Update(Stage),
    /// A folder of the store; it may be there already.
    Folder,
    Loaded,
    /// Instances that a standby takes for lost (an old bug).
    Purged,
    /// Members of the election, then the data of the first.
    Members(u64),
    Leader(u64),
    Subscribers(Box<Subscribing>),
}

#[derive(Clone, Default, Debug)]
pub(super) struct Store {
    next: u64,
    pending: Lookup<u64, Pending>,
    /// Of the store in memory: done, and to be followed up.
    done: VecDeque<Pending>,
}

fn node(path: String, data: Data) -> Request {
    Request::Create { path: path.into(), data, ephemeral: false, sequential: false }
}

impl Marathon {
    fn at(&self, rest: &str) -> String {
        format!("{}/state{rest}", self.flags.zk_path)
    }

    fn in_memory(&self) -> bool {
        self.flags.store == Kind::Memory
    }

    pub(super) fn request(&mut self, cx: &mut Cx, request: Request, then: Pending) {
        let token = self.store.next;
        self.store.next += 1;
        self.store.pending.insert(token, then);
        cx.dispatch(Mailbox::ZK, Msg::Store { token, request: Arc::new(request) });
    }

    // ---- writing ----

    pub(super) fn store_instance(&mut self, cx: &mut Cx, instance: &Arc<Instance>, expunged: bool, writing: Writing) {
        let then = Pending::Instance(Box::new(writing));
        if self.in_memory() {
            return self.store.done.push_back(then);
        }
        let path = self.at(&format!("/instances/{}", cx.names.text(instance.id.0)));
        let data = Data::Record(Opaque(instance.clone()));
        let request = match (expunged, self.tracker.get(instance.id).is_some()) {
            (true, _) => Request::Delete { path: path.into(), version: None },
            (false, true) => Request::Set { path: path.into(), data, version: None },
            (false, false) => node(path, data),
        };
        self.request(cx, request, then);
    }

    /// A new version of the root; it does not count yet.
    pub(super) fn store_version(&mut self, cx: &mut Cx, root: &Arc<Group>, then: Stage) {
        if self.in_memory() {
            return self.store.done.push_back(Pending::Update(then));
        }
        let path = self.at(&format!("/roots/{}", root.version));
        let request = node(path, Data::Record(Opaque(root.clone())));
        self.request(cx, request, Pending::Update(then));
    }

    pub(super) fn forget_version(&mut self, cx: &mut Cx, version: Version) {
        if !self.in_memory() {
            let path = self.at(&format!("/roots/{version}"));
            self.request(cx, Request::Delete { path: path.into(), version: None }, Pending::Nobody);
        }
    }

    /// A deployment, in place of those that it overrides.
    pub(super) fn store_plan(
        &mut self,
        cx: &mut Cx,
        plan: &Arc<Plan>,
        instead: &[crate::base::id::Symbol],
        then: Stage,
    ) {
        if self.in_memory() {
            return self.store.done.push_back(Pending::Update(then));
        }
        for old in instead {
            self.forget_plan(cx, *old);
        }
        let path = self.at(&format!("/deployments/{}", cx.names.text(plan.id)));
        let request = node(path, Data::Record(Opaque(plan.clone())));
        self.request(cx, request, Pending::Update(then));
    }

    pub(super) fn forget_plan(&mut self, cx: &mut Cx, plan: crate::base::id::Symbol) {
        if !self.in_memory() {
            let path = self.at(&format!("/deployments/{}", cx.names.text(plan)));
            self.request(cx, Request::Delete { path: path.into(), version: None }, Pending::Nobody);
        }
    }

    /// From now on this root counts.
    pub(super) fn store_root(&mut self, cx: &mut Cx, root: &Arc<Group>, then: Stage) {
        if self.in_memory() {
            return self.store.done.push_back(Pending::Update(then));
        }
        let (path, data) = (self.at("/root").into(), Data::Record(Opaque(root.clone())));
        self.request(cx, Request::Set { path, data, version: None }, Pending::Update(then));
    }

    pub(super) fn keep_framework_id(&mut self, cx: &mut Cx, id: FrameworkId) {
        if !self.in_memory() {
            let (path, data) = (self.at("/framework").into(), Data::Text(cx.names.framework(id).into()));
            self.request(cx, Request::Set { path, data, version: None }, Pending::Nobody);
        }
    }

    pub(super) fn store_subscribers(&mut self, cx: &mut Cx, urls: Urls, then: Subscribing) {
        let then = Pending::Subscribers(Box::new(then));
        if self.in_memory() {
            return self.store.done.push_back(then);
        }
        let (path, data) = (self.at("/subscribers").into(), Data::Record(Opaque(urls)));
        self.request(cx, Request::Set { path, data, version: None }, then);
    }

    // ---- reading ----

    /// Reads what a predecessor left; folders are made first.
    pub(super) fn load(&mut self, cx: &mut Cx) {
        if self.in_memory() {
            return self.ready(cx);
        }
        self.request(cx, node(self.flags.zk_path.to_string(), Data::Empty), Pending::Folder);
        for folder in ["", "/instances", "/roots", "/deployments", "/root", "/framework"] {
            self.request(cx, node(self.at(folder), Data::Empty), Pending::Folder);
        }
        if self.flags.event_subscriber {
            self.request(cx, node(self.at("/subscribers"), Data::Empty), Pending::Folder);
        }
        self.request(cx, Request::Tree { path: self.at("").into() }, Pending::Loaded);
    }

    fn loaded(&mut self, cx: &mut Cx, nodes: &[(Arc<str>, Data, u32)]) {
        let prefix = self.at("/");
        let early = cx.shows(Bug::IdReadTooEarly) && cx.me.incarnation == 0;
        for (path, data, _) in nodes {
            let Some(name) = path.strip_prefix(&*prefix) else { continue };
            match (name.split_once('/'), data) {
                (Some(("instances", _)), Data::Record(_)) if cx.shows(Bug::InstancesForgotten) => {}
                (Some(("instances", _)), Data::Record(record)) => self.load_instance(cx, record),
                (Some(("roots", _)), Data::Record(record)) => {
                    if let Some(root) = shared::<Group>(record) {
                        self.groups.remember(&root);
                    }
                }
                (Some(("deployments", _)), Data::Record(record)) => {
                    self.deployments.reloaded.extend(shared::<Plan>(record));
                }
                (None, Data::Record(record)) if name == "root" => {
                    if let Some(root) = shared::<Group>(record) {
                        self.groups.remember(&root);
                        self.root = root;
                    }
                }
                (None, Data::Record(record)) if name == "subscribers" => {
                    self.load_subscribers(shared(record).unwrap_or_default());
                }
                // Processes of the first life started before anything was stored.
                (None, Data::Text(_)) if name == "framework" && early => {}
                (None, Data::Text(id)) if name == "framework" => {
                    self.driver.id = Some(FrameworkId(cx.names.intern(id)));
                }
                _ => {}
            }
        }
    }

    fn load_instance(&mut self, cx: &mut Cx, record: &Opaque) {
        if let Some(instance) = shared::<Instance>(record) {
            self.tracker.put(cx.names, instance.id, Some(instance));
        }
    }

    /// A standby finds instances in the store that it knows nothing of.
    pub(super) fn purge(&mut self, cx: &mut Cx) {
        self.request(cx, Request::Tree { path: self.at("/instances").into() }, Pending::Purged);
    }

    // ---- answers ----

    /// Follows up a write of the store in memory; false if there is none.
    pub(super) fn follow_up(&mut self, cx: &mut Cx) -> bool {
        let Some(done) = self.store.done.pop_front() else { return false };
        self.carried_out(cx, done);
        true
    }

    fn carried_out(&mut self, cx: &mut Cx, done: Pending) {
        match done {
            Pending::Instance(writing) => self.written(cx, *writing),
            Pending::Update(stage) => self.update_stored(cx, stage),
            Pending::Subscribers(done) => self.subscribed_to(cx, *done),
            _ => {}
        }
    }

    pub(super) fn stored(&mut self, cx: &mut Cx, token: u64, answer: &Answer) {
        let Some(pending) = self.store.pending.remove(&token) else { return };
        match (pending, answer) {
            (Pending::Folder, Answer::Refused(Refused::NodeExists)) | (Pending::Nobody, _) => {}
            (Pending::Purged, Answer::Tree(nodes)) => {
                for (path, ..) in nodes.iter().filter(|(_, data, _)| matches!(data, Data::Record(_))) {
                    self.request(cx, Request::Delete { path: path.clone(), version: None }, Pending::Nobody);
                }
            }
            (Pending::Purged, _) => {}
            (Pending::Members(request), Answer::Children(names)) => self.members(cx, request, names),
            (Pending::Leader(request), Answer::Data { data: Data::Process(leader), .. }) => {
                self.forward_to(cx, request, Some(*leader));
            }
            (Pending::Members(request) | Pending::Leader(request), _) => self.forward_to(cx, request, None),
            // What could not be written leaves a leader that knows less than its store.
            (_, Answer::Refused(_)) => self.exit(cx),
            (Pending::Loaded, Answer::Tree(nodes)) if self.phase == Phase::Loading => {
                self.loaded(cx, nodes);
                self.ready(cx);
            }
            (pending, _) => self.carried_out(cx, pending),
        }
    }
}

fn shared<T: Send + Sync + 'static>(record: &Opaque) -> Option<Arc<T>> {
    record.0.clone().downcast().ok()
}
