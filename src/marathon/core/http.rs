//! Requests of clients: answered from what is known, carried out, or passed on to the leader.

use super::store::Pending;
use super::update::Operation;
use super::writes::Then;
use super::{Marathon, Phase, timer};
use crate::actor::bug::Bug;
use crate::actor::{Cx, Mailbox, ProcessId, TimerKey};
use crate::base::map::Map;
use crate::base::time::Span;
use crate::fact::{Goal, KillReason};
use crate::http::{Body, Request, Response};
use crate::marathon::model::instance::InstanceId;
use crate::marathon::rest::command::{Command, Outcome};
use crate::marathon::rest::event::Event;
use crate::marathon::rest::{reply, route, show};
use crate::mesos::message::Msg;
use crate::zk::wire::Request as ZkRequest;
use std::sync::Arc;

/// A standby looks for the leader so often, ...
const TRIES: u32 = 10;
/// ... with this pause.
const PAUSE: Span = Span::from_millis(250);
const ABDICATE_AFTER: Span = Span::from_millis(500);

/// Who asked, and what the answer must carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Client {
    pub(super) process: ProcessId,
    pub(super) token: u64,
}

/// A request that this standby passes on.
#[derive(Clone, Debug)]
struct Forwarded {
    client: Client,
    request: Arc<Request>,
    tries: u32,
    leader: Option<ProcessId>,
}

#[derive(Clone, Debug)]
struct Listener {
    client: Client,
    types: Vec<String>,
}

#[derive(Clone, Default, Debug)]
pub(super) struct Http {
    forwarded: Map<u64, Forwarded>,
    next: u64,
    listeners: Vec<Listener>,
}

impl Http {
    /// A token of something that is asked of others.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}

pub(super) fn answer(cx: &mut Cx, client: Client, response: Response) {
    cx.send(client.process, Msg::HttpReply { token: client.token, response: Arc::new(response) });
}

impl Marathon {
    pub(super) fn http(&mut self, cx: &mut Cx, client: Client, request: &Arc<Request>) {
        let outcome = route::route(request, &self.lend(cx));
        match outcome {
            Outcome::Reply(response) => answer(cx, client, response),
            Outcome::Forward => self.forward(cx, client, request),
            Outcome::Command(command) => self.command(cx, client, command),
        }
    }

    fn command(&mut self, cx: &mut Cx, client: Client, command: Command) {
        match command {
            Command::Update(asked) => self.queue_update(cx, client, asked),
            Command::Kill { instances, wipe, reply } => {
                for id in instances {
                    self.kill_for_client(cx, id, wipe);
                }
                answer(cx, client, reply);
            }
            Command::Cancel { deployment, reply } => {
                self.cancel_deployment(cx, deployment);
                answer(cx, client, reply);
            }
            Command::ResetDelay { spec, reply } => {
                self.reset_delay(cx, &spec, None);
                answer(cx, client, reply);
            }
            Command::Abdicate { reply } => {
                answer(cx, client, reply);
                if cx.shows(Bug::PlansLeaveWithLeader) {
                    self.deployments.ids().into_iter().for_each(|id| self.forget_plan(cx, id));
                }
                cx.timer(TimerKey::new(timer::ABDICATE, 0), ABDICATE_AFTER);
            }
            Command::Subscribe { url } => self.change_subscription(cx, Some(client), &url, true),
            Command::Unsubscribe { url } => self.change_subscription(cx, Some(client), &url, false),
            Command::Attach { types } => {
                let remote = show::address(client.process.slot);
                self.http.listeners.push(Listener { client, types });
                self.event(cx, |_| Event::StreamAttached { remote });
            }
        }
    }

    /// `wipe`: the instance is forgotten at once, and its task killed as one that nobody knows.
    fn kill_for_client(&mut self, cx: &mut Cx, id: InstanceId, wipe: bool) {
        if !wipe {
            return self.kill(cx, id, KillReason::Operator);
        }
        let Some(instance) = self.tracker.get(id).cloned() else { return };
        self.set_goal(cx, id, Goal::Decommissioned, KillReason::Operator);
        self.operate(id, Operation::ForceExpunge, Then::Nothing);
        if let Some(place) = instance.place.as_ref().filter(|_| !instance.is_considered_terminal()) {
            instance.tasks.iter().for_each(|task| self.kill_unknown(cx, task.id, place.agent));
        }
    }

    pub(super) fn abdicate(&mut self, cx: &mut Cx) {
        if !self.is_alone() {
            cx.dispatch(Mailbox::ZK, Msg::Resign);
        }
        self.exit(cx);
    }

    // ---- events ----

    /// Tells whoever listens; nobody makes an event for nobody.
    pub(super) fn event(&mut self, cx: &mut Cx, make: impl FnOnce(&super::view::Lent) -> Event) {
        if !self.has_listeners() {
            return;
        }
        let event = make(&self.lend(cx));
        if !self.callbacks.urls.is_empty() {
            let body = event.json(cx.wall, cx.names);
            self.call_back(cx, body);
        }
        if self.http.listeners.is_empty() {
            return;
        }
        let lines = event.lines(cx.wall, cx.names);
        for listener in &self.http.listeners {
            if listener.types.is_empty() || listener.types.iter().any(|name| name == event.name()) {
                let body = Body::Text(lines.clone());
                answer(cx, listener.client, Response { status: 200, headers: Vec::new(), body });
            }
        }
    }

    pub(super) fn has_listeners(&self) -> bool {
        !self.http.listeners.is_empty() || !self.callbacks.urls.is_empty()
    }

    pub(super) fn client_gone(&mut self, peer: ProcessId) {
        self.http.listeners.retain(|listener| listener.client.process != peer);
    }

    // ---- passing on ----

    fn forward(&mut self, cx: &mut Cx, client: Client, request: &Arc<Request>) {
        if request.hops > 0 {
            return answer(cx, client, reply::proxy_loop());
        }
        let number = self.http.number();
        let request = request.clone();
        self.http.forwarded.insert(number, Forwarded { client, request, tries: 0, leader: None });
        self.find_leader(cx, number);
    }

    /// Asks the election who leads.
    pub(super) fn find_leader(&mut self, cx: &mut Cx, number: u64) {
        let Some(forwarded) = self.http.forwarded.get_mut(&number) else { return };
        if self.phase == Phase::Leading {
            // Elected meanwhile.
            let (client, request) = (forwarded.client, forwarded.request.clone());
            self.http.forwarded.swap_remove(&number);
            return self.http(cx, client, &request);
        }
        forwarded.tries += 1;
        if self.is_alone() {
            return self.forward_to(cx, number, None);
        }
        let path = format!("{}/leader-curator", self.flags.zk_path).into();
        self.request(cx, ZkRequest::Children { path, watch: false }, Pending::Members(number));
    }

    pub(super) fn members(&mut self, cx: &mut Cx, number: u64, names: &[Arc<str>]) {
        // The smallest number behind the label leads.
        let Some(first) = names.iter().min() else { return self.forward_to(cx, number, None) };
        let path = format!("{}/leader-curator/{first}", self.flags.zk_path).into();
        self.request(cx, ZkRequest::Get { path, watch: false }, Pending::Leader(number));
    }

    pub(super) fn forward_to(&mut self, cx: &mut Cx, number: u64, leader: Option<ProcessId>) {
        let me = cx.me;
        let Some(forwarded) = self.http.forwarded.get_mut(&number) else { return };
        match leader.filter(|leader| *leader != me) {
            Some(leader) => {
                forwarded.leader = Some(leader);
                let request = Request { hops: forwarded.request.hops + 1, ..(*forwarded.request).clone() };
                cx.send(leader, Msg::Http { token: number, request: Arc::new(request) });
            }
            None if forwarded.tries < TRIES => cx.timer(TimerKey::new(timer::FORWARD, number), PAUSE),
            None => self.give_up_forwarding(cx, number),
        }
    }

    fn give_up_forwarding(&mut self, cx: &mut Cx, number: u64) {
        if let Some(forwarded) = self.http.forwarded.swap_remove(&number) {
            answer(cx, forwarded.client, reply::no_leader());
        }
    }

    pub(super) fn forwarded_answered(&mut self, cx: &mut Cx, from: ProcessId, token: u64, response: Arc<Response>) {
        if self.post_answered(cx, from, token, &response) {
            return;
        }
        let ours = self.http.forwarded.get(&token).is_some_and(|forwarded| forwarded.leader == Some(from));
        if let Some(forwarded) = ours.then(|| self.http.forwarded.swap_remove(&token)).flatten() {
            cx.send(forwarded.client.process, Msg::HttpReply { token: forwarded.client.token, response });
        }
    }

    /// The connection with the leader broke: whoever waits for it gets no answer.
    pub(super) fn leader_gone(&mut self, cx: &mut Cx, peer: ProcessId) {
        let waiting = self.http.forwarded.iter().filter(|(_, forwarded)| forwarded.leader == Some(peer));
        let numbers: Vec<u64> = waiting.map(|(number, _)| *number).collect();
        for number in numbers {
            self.give_up_forwarding(cx, number);
        }
    }
}
