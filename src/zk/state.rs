//! The replicated state: a tree of nodes and the sessions. Every server applies the same entries in
//! the same order and comes to the same state and the same answers.

use super::wire::{Answer, Data, Refused, Request, SessionId, Txn};
use crate::actor::ProcessId;
use crate::base::map::Map;
use crate::base::time::Span;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

#[derive(Clone, PartialEq, Debug)]
struct Node {
    data: Data,
    version: u32,
    /// Children ever created; numbers sequential ones.
    created: u32,
    children: u32,
    /// The session whose end it does not survive; 0: it stays.
    owner: SessionId,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Session {
    pub client: ProcessId,
    pub timeout: Span,
    ephemerals: Vec<Arc<str>>,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct State {
    /// By full path. The root is not a node: it is always there.
    nodes: BTreeMap<Arc<str>, Node>,
    sessions: Map<SessionId, Session>,
}

/// What a watcher may wait for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The node was created, deleted or set.
    Node(Arc<str>),
    /// A child was created or deleted, or the node itself.
    Children(Arc<str>),
}

/// How to take back what a failed `Multi` did: the node as it was.
type Undo = Vec<(Arc<str>, Option<Node>)>;

/// The path without its last part; `None` for the root.
fn parent(path: &str) -> Option<&str> {
    path.rfind('/').map(|at| &path[..at])
}

impl State {
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.iter().map(|(id, session)| (*id, session))
    }
    /// Nodes and sessions together.
    #[must_use]
    pub fn size(&self) -> usize {
        self.nodes.len() + self.sessions.len()
    }

    /// Applies entry number `index`.
    pub fn apply(&mut self, index: u64, txn: &Txn, changes: &mut Vec<Change>) -> Answer {
        match txn {
            Txn::Nothing => Answer::Done { version: 0 },
            Txn::Open { client, timeout } => {
                let session = Session { client: *client, timeout: *timeout, ephemerals: Vec::new() };
                self.sessions.insert(index, session);
                Answer::Done { version: 0 }
            }
            Txn::Close { session, .. } => {
                let Some(closed) = self.sessions.swap_remove(session) else {
                    return Answer::Refused(Refused::SessionExpired);
                };
                for path in closed.ephemerals {
                    self.remove(&path, changes);
                }
                Answer::Done { version: 0 }
            }
            Txn::Write { session, request, .. } => {
                if !self.sessions.contains_key(session) {
                    return Answer::Refused(Refused::SessionExpired);
                }
                let first = changes.len();
                let mut undo = Undo::new();
                match self.write(*session, request, changes, &mut undo) {
                    Ok(answer) => answer,
                    Err(refused) => {
                        changes.truncate(first);
                        for (path, before) in undo.into_iter().rev() {
                            self.restore(&path, before);
                        }
                        Answer::Refused(refused)
                    }
                }
            }
        }
    }

    fn write(
        &mut self,
        session: SessionId,
        request: &Request,
        changes: &mut Vec<Change>,
        undo: &mut Undo,
    ) -> Result<Answer, Refused> {
        match request {
            Request::Create { path, data, ephemeral, sequential } => {
                let up: Arc<str> = parent(path).ok_or(Refused::NodeExists)?.into();
                let number = match self.nodes.get(&up) {
                    None if up.is_empty() => 0,
                    None => return Err(Refused::NoNode),
                    Some(up) if up.owner != 0 => return Err(Refused::NoChildrenForEphemerals),
                    Some(up) => up.created,
                };
                let path: Arc<str> = if *sequential { format!("{path}{number:010}").into() } else { path.clone() };
                if self.nodes.contains_key(&path) {
                    return Err(Refused::NodeExists);
                }
                if let Some(node) = self.nodes.get_mut(&up) {
                    undo.push((up.clone(), Some(node.clone())));
                    node.created += 1;
                    node.children += 1;
                }
                let owner = if *ephemeral { session } else { 0 };
                if *ephemeral && let Some(session) = self.sessions.get_mut(&session) {
                    session.ephemerals.push(path.clone());
                }
                undo.push((path.clone(), None));
                self.nodes
                    .insert(path.clone(), Node { data: data.clone(), version: 0, created: 0, children: 0, owner });
                changes.extend([Change::Node(path.clone()), Change::Children(path.clone()), Change::Children(up)]);
                Ok(Answer::Created(path))
            }
            Request::Set { path, data, version } => {
                let node = self.nodes.get_mut(path).ok_or(Refused::NoNode)?;
                if version.is_some_and(|wanted| wanted != node.version) {
                    return Err(Refused::BadVersion);
                }
                undo.push((path.clone(), Some(node.clone())));
                node.data = data.clone();
                node.version += 1;
                changes.push(Change::Node(path.clone()));
                Ok(Answer::Done { version: node.version })
            }
            Request::Delete { path, version } => {
                let node = self.nodes.get(path).ok_or(Refused::NoNode)?;
                if version.is_some_and(|wanted| wanted != node.version) {
                    return Err(Refused::BadVersion);
                }
                if node.children > 0 {
                    return Err(Refused::NotEmpty);
                }
                let node = node.clone();
                let (owner, version) = (node.owner, node.version);
                if let Some((up, before)) = parent(path).and_then(|up| self.nodes.get_key_value(up)) {
                    undo.push((up.clone(), Some(before.clone())));
                }
                undo.push((path.clone(), Some(node)));
                if let Some(session) = self.sessions.get_mut(&owner) {
                    session.ephemerals.retain(|own| own != path);
                }
                self.remove(path, changes);
                Ok(Answer::Done { version })
            }
            Request::Multi(requests) => {
                let one = |request| self.write(session, request, changes, undo);
                requests.iter().map(one).collect::<Result<_, _>>().map(Answer::Multi)
            }
            Request::Get { .. } | Request::Children { .. } | Request::Tree { .. } => Ok(self.read(request)),
        }
    }

    /// Takes a node away that has no children.
    fn remove(&mut self, path: &Arc<str>, changes: &mut Vec<Change>) {
        if self.nodes.remove(path).is_none() {
            return;
        }
        changes.extend([Change::Node(path.clone()), Change::Children(path.clone())]);
        if let Some(up) = parent(path) {
            if let Some(node) = self.nodes.get_mut(up) {
                node.children -= 1;
            }
            changes.push(Change::Children(up.into()));
        }
    }

    fn restore(&mut self, path: &Arc<str>, before: Option<Node>) {
        let owner = before.as_ref().or_else(|| self.nodes.get(path)).map_or(0, |node| node.owner);
        if let Some(session) = self.sessions.get_mut(&owner) {
            session.ephemerals.retain(|own| own != path);
            if before.is_some() {
                session.ephemerals.push(path.clone());
            }
        }
        match before {
            Some(node) => self.nodes.insert(path.clone(), node),
            None => self.nodes.remove(path),
        };
    }

    #[must_use]
    pub fn read(&self, request: &Request) -> Answer {
        match request {
            Request::Get { path, .. } => match self.nodes.get(path) {
                Some(node) => Answer::Data { data: node.data.clone(), version: node.version },
                None => Answer::Refused(Refused::NoNode),
            },
            Request::Children { path, .. } => {
                if !path.is_empty() && !self.nodes.contains_key(path) {
                    return Answer::Refused(Refused::NoNode);
                }
                let prefix = path.len() + 1;
                let child = |(p, _): (&Arc<str>, &Node)| p.get(prefix..).filter(|n| !n.contains('/')).map(Arc::from);
                Answer::Children(self.below(path).filter_map(child).collect())
            }
            Request::Tree { path } => Answer::Tree(
                self.below(path).map(|(path, node)| (path.clone(), node.data.clone(), node.version)).collect(),
            ),
            Request::Create { .. } | Request::Delete { .. } | Request::Set { .. } | Request::Multi(_) => {
                Answer::Refused(Refused::NoNode)
            }
        }
    }

    /// Everything below a path, in byte order of paths.
    fn below<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a Arc<str>, &'a Node)> {
        let prefix = format!("{path}/");
        let range = (Bound::Excluded(prefix.as_str()), Bound::Unbounded);
        let nodes = self.nodes.range::<str, _>(range);
        nodes.take_while(move |(path, _)| path.starts_with(&prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLIENT: ProcessId = ProcessId { slot: 7, incarnation: 0 };

    fn state_with_sessions(n: u64) -> State {
        let mut state = State::default();
        for id in 1..=n {
            state.apply(id, &Txn::Open { client: CLIENT, timeout: Span::from_secs(10) }, &mut Vec::new());
        }
        state
    }

    fn write(state: &mut State, session: SessionId, request: Request) -> Answer {
        state.apply(99, &Txn::Write { session, xid: 0, request }, &mut Vec::new())
    }

    fn create(path: &str, ephemeral: bool, sequential: bool) -> Request {
        Request::Create { path: path.into(), data: Data::Empty, ephemeral, sequential }
    }

    #[test]
    fn sequential_nodes_count_on_and_ephemerals_go_with_their_session() {
        let mut state = state_with_sessions(2);
        assert_eq!(write(&mut state, 1, create("/m", false, false)), Answer::Created("/m".into()));
        let first = write(&mut state, 1, create("/m/x_", true, true));
        assert_eq!(first, Answer::Created("/m/x_0000000000".into()));
        assert_eq!(write(&mut state, 2, create("/m/x_", true, true)), Answer::Created("/m/x_0000000001".into()));
        assert_eq!(
            write(&mut state, 1, create("/m/x_0000000001/y", false, false)),
            refused(Refused::NoChildrenForEphemerals)
        );
        let mut changes = Vec::new();
        state.apply(3, &Txn::Close { session: 1, expired: true }, &mut changes);
        assert!(changes.contains(&Change::Children("/m".into())));
        let children = Request::Children { path: "/m".into(), watch: false };
        assert_eq!(state.read(&children), Answer::Children(vec!["x_0000000001".into()]));
        assert_eq!(write(&mut state, 2, create("/m/x_", true, true)), Answer::Created("/m/x_0000000002".into()));
        assert_eq!(write(&mut state, 1, create("/n", false, false)), refused(Refused::SessionExpired));
    }

    fn refused(why: Refused) -> Answer {
        Answer::Refused(why)
    }

    #[test]
    fn versions_and_refusals() {
        let mut state = state_with_sessions(1);
        let set = |version| Request::Set { path: "/a".into(), data: Data::Text("x".into()), version };
        let delete = |path: &str, version| Request::Delete { path: path.into(), version };
        assert_eq!(write(&mut state, 1, set(None)), refused(Refused::NoNode));
        assert_eq!(write(&mut state, 1, create("/a/b", false, false)), refused(Refused::NoNode));
        write(&mut state, 1, create("/a", false, false));
        write(&mut state, 1, create("/a/b", false, false));
        assert_eq!(write(&mut state, 1, create("/a", false, false)), refused(Refused::NodeExists));
        assert_eq!(write(&mut state, 1, set(Some(1))), refused(Refused::BadVersion));
        assert_eq!(write(&mut state, 1, set(Some(0))), Answer::Done { version: 1 });
        assert_eq!(write(&mut state, 1, delete("/a", None)), refused(Refused::NotEmpty));
        assert_eq!(write(&mut state, 1, delete("/a/b", Some(3))), refused(Refused::BadVersion));
        let tree = state.read(&Request::Tree { path: "/a".into() });
        assert_eq!(tree, Answer::Tree(vec![("/a/b".into(), Data::Empty, 0)]));
        assert_eq!(write(&mut state, 1, delete("/a/b", Some(0))), Answer::Done { version: 0 });
        assert_eq!(state.read(&Request::Get { path: "/a/b".into(), watch: false }), refused(Refused::NoNode));
    }

    fn requests() -> impl Strategy<Value = Request> {
        let path = prop::sample::select(vec!["/a", "/b", "/a/x", "/a/y", "/a/x/z"]);
        prop_oneof![
            (path.clone(), any::<bool>(), any::<bool>()).prop_map(|(p, e, s)| create(p, e, s)),
            path.clone().prop_map(|p| Request::Delete { path: p.into(), version: None }),
            (path, prop::option::of(0..2u32)).prop_map(|(p, version)| Request::Set {
                path: p.into(),
                data: Data::Text("t".into()),
                version
            }),
        ]
    }

    proptest! {
        /// A `Multi` does all that its parts do one by one, or nothing.
        #[test]
        fn multi_is_all_or_nothing(
            before in prop::collection::vec(requests(), 0..12),
            parts in prop::collection::vec(requests(), 1..5),
        ) {
            let mut state = state_with_sessions(1);
            for request in before {
                write(&mut state, 1, request);
            }
            let (mut one_by_one, untouched) = (state.clone(), state.clone());
            let answers: Vec<Answer> = parts.iter().map(|r| write(&mut one_by_one, 1, r.clone())).collect();
            let answer = write(&mut state, 1, Request::Multi(parts));
            match answers.iter().find(|a| matches!(a, Answer::Refused(_))) {
                Some(refused) => {
                    prop_assert_eq!(&answer, refused);
                    prop_assert_eq!(&state.nodes, &untouched.nodes);
                    let paths = |s: &State| { let mut p = s.sessions[0].ephemerals.clone(); p.sort(); p };
                    prop_assert_eq!(paths(&state), paths(&untouched));
                }
                None => {
                    prop_assert_eq!(answer, Answer::Multi(answers));
                    prop_assert_eq!(state, one_by_one);
                }
            }
        }
    }
}
