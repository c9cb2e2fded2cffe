//! Roles of frameworks at the master: UPDATE_FRAMEWORK, REVIVE and SUPPRESS.
//!
//! A framework may have several roles. It is tracked in the allocator under each, every offer is made
//! to one of them, and what is launched on it is held under that role whatever becomes of the role
//! later (`Master::updateFramework`, `src/common/roles.cpp`).

use super::Master;
use crate::actor::{Cx, ProcessId};
use crate::base::id::{FrameworkId, Names, RoleId};
use crate::fact::{Fact, RoleStanding};
use crate::mesos::message::{FrameworkInfo, Msg, Refusal};
use std::sync::Arc;

impl Master {
    /// UPDATE_FRAMEWORK: other roles, or others of them suppressed, while offers of the roles that
    /// stay and tasks of all go on. What is not valid is answered with an error, as upstream, which
    /// ends the scheduler.
    pub(super) fn update_call(&mut self, cx: &mut Cx, from: ProcessId, id: FrameworkId, info: &Arc<FrameworkInfo>) {
        let Some(slot) = self.caller(from, id) else { return };
        let old = self.framework(slot).info.clone();
        let immutable = (old.checkpoint, old.principal) != (info.checkpoint, info.principal);
        let wrong = refuse(cx.names, info).or(immutable.then_some(Refusal::ImmutableField));
        if let Some(what) = wrong {
            return cx.send(from, Msg::Error { what });
        }
        let was_suppressed = self.framework(slot).suppressed.clone();
        self.change(cx, slot, info);
        for &role in &info.roles {
            let suppressed = info.suppressed.contains(&role);
            if !old.roles.contains(&role) || was_suppressed.contains(&role) != suppressed {
                let standing = if suppressed { RoleStanding::Suppressed } else { RoleStanding::Wanted };
                cx.fact(Fact::FrameworkRole { framework: id, role, standing });
            }
        }
        for &role in old.roles.iter().filter(|role| !info.roles.contains(role)) {
            cx.fact(Fact::FrameworkRole { framework: id, role, standing: RoleStanding::Dropped });
        }
        self.rescind_roles(cx, slot);
        if old.roles != info.roles {
            self.tell_its_agents(cx, slot);
        }
    }

    /// Some of the roles of a framework that may speak from there, none standing for all; `None`: the
    /// call is dropped.
    fn spoken_for(&self, from: ProcessId, id: FrameworkId, roles: &[RoleId]) -> Option<u32> {
        let slot = self.caller(from, id)?;
        roles.iter().all(|role| self.framework(slot).info.roles.contains(role)).then_some(slot)
    }

    pub(super) fn revive(&mut self, cx: &mut Cx, from: ProcessId, id: FrameworkId, roles: Arc<[RoleId]>) {
        let Some(slot) = self.spoken_for(from, id, &roles) else { return };
        self.note_suppression(slot, &roles, false);
        cx.fact(Fact::FrameworkRevived { framework: id });
        self.tell_allocator(cx, Msg::ReviveOffers { framework: id, roles });
    }

    pub(super) fn suppress(&mut self, cx: &mut Cx, from: ProcessId, id: FrameworkId, roles: Arc<[RoleId]>) {
        let Some(slot) = self.spoken_for(from, id, &roles) else { return };
        self.note_suppression(slot, &roles, true);
        cx.fact(Fact::FrameworkSuppressed { framework: id });
        self.tell_allocator(cx, Msg::SuppressOffers { framework: id, roles });
    }

    /// The allocator heeds it; here it tells what a later UPDATE_FRAMEWORK changes.
    fn note_suppression(&mut self, slot: u32, roles: &[RoleId], suppressed: bool) {
        let framework = self.framework_mut(slot);
        let named = |role: &RoleId| roles.is_empty() || roles.contains(role);
        let was = std::mem::take(&mut framework.suppressed);
        let now = |role: &RoleId| if named(role) { suppressed } else { was.contains(role) };
        framework.suppressed = framework.info.roles.iter().copied().filter(now).collect();
    }
}
/// What is wrong with the roles that a framework wants.
pub(super) fn refuse(names: &Names, info: &FrameworkInfo) -> Option<Refusal> {
    if info.roles.iter().any(|role| !valid_role(names.text(*role))) {
        return Some(Refusal::InvalidRole);
    }
    let twice = (1..info.roles.len()).any(|i| info.roles[..i].contains(&info.roles[i]));
    let count = info.capabilities.multi_role || info.roles.len() == 1;
    let stranger = info.suppressed.iter().any(|role| !info.roles.contains(role));
    (twice || !count || stranger).then_some(Refusal::InvalidRoles)
}

/// `*`, or a path without empty, dotted, starred, dashed or blank components (`roles.cpp`).
#[must_use]
fn valid_role(role: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c == '\u{7f}' || c == '\u{8}';
    role == "*"
        || role
            .split('/')
            .all(|part| !matches!(part, "" | "." | ".." | "*") && !part.starts_with('-') && !part.contains(bad))
}

#[cfg(test)]
mod tests {
    use super::super::Flags;
    use super::*;
    use crate::actor::testing::Bench;
    use crate::actor::{Effect, Input, Mailbox};
    use crate::base::id::{AgentId, Symbol};
    use crate::base::quantity::{Milli, Quantities};
    use crate::base::time::Span;
    use crate::mesos::message::{AgentInfo, Allocation, Capabilities, OfferEntry, Reregistration};
    use crate::mesos::resource::Resources;

    const SCHEDULER: ProcessId = ProcessId { slot: 7, incarnation: 0 };
    const AGENT: ProcessId = ProcessId { slot: 8, incarnation: 0 };

    #[test]
    fn role_names() {
        for good in ["*", "a", "eng/dev", "a.b", "a-b"] {
            assert!(valid_role(good), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "a/.", "a/..", "*/a", "-a", "a/-b", "a b"] {
            assert!(!valid_role(bad), "{bad}");
        }
    }

    /// A master that leads alone, one agent, and a framework that is about to subscribe.
    struct Desk {
        bench: Bench,
        master: Master,
        framework: FrameworkId,
        agent: AgentId,
    }

    impl Desk {
        fn new() -> Self {
            let mut bench = Bench::new();
            let flags = Flags {
                agent_ping_timeout: Span::from_secs(15),
                max_agent_ping_timeouts: 5,
                agent_reregister_timeout: Span::from_secs(600),
                offer_timeout: None,
                max_completed_frameworks: 50,
                max_completed_tasks_per_framework: 1000,
                max_unreachable_tasks_per_framework: 1000,
                recovery_agent_removal_limit_percent: 100,
                registry_gc_interval: Span::from_secs(900),
                registry_max_agent_age: Span::from_secs(1_209_600),
                registry_max_agent_count: 102_400,
            };
            let id = bench.names.intern("m");
            let framework = FrameworkId(bench.names.intern("f"));
            let agent = AgentId { master: id, n: 0 };
            let mut desk = Self { bench, master: Master::new(id, flags, true), framework, agent };
            let info = AgentInfo { hostname: id, total: cpus(4), attributes: Vec::new(), devices: 0, address: 8 };
            let (tasks, executors, frameworks) = (Vec::new(), Vec::new(), Vec::new());
            let checkpointed = Resources::EMPTY;
            let report = Reregistration { id: agent, info: Arc::new(info), checkpointed, tasks, executors, frameworks };
            let told = desk.tell(AGENT, Msg::ReregisterAgent(Arc::new(report)));
            let token = told.iter().find_map(|e| match e {
                Effect::Dispatch { msg: Msg::Apply { token, .. }, .. } => Some(*token),
                _ => None,
            });
            desk.tell(Bench::ME, Msg::Applied { token: token.expect("it is admitted"), mutated: true });
            desk
        }
        fn tell(&mut self, from: ProcessId, msg: Msg) -> Vec<Effect> {
            self.bench.run(|cx| self.master.handle(cx, Input::Message { from, msg }))
        }
        fn role(&mut self, name: &str) -> RoleId {
            self.bench.names.intern(name)
        }
        /// Roles in order, in brackets those that are suppressed.
        fn info(&mut self, roles: &str, multi_role: bool) -> Arc<FrameworkInfo> {
            let names = roles.split(' ').filter(|name| !name.is_empty());
            let both: Vec<(RoleId, bool)> =
                names.map(|name| (self.role(name.trim_matches(['(', ')'])), name.starts_with('('))).collect();
            Arc::new(FrameworkInfo {
                name: Symbol(0),
                id: Some(self.framework),
                roles: both.iter().map(|(role, _)| *role).collect(),
                principal: None,
                failover_timeout: Span::ZERO,
                checkpoint: false,
                capabilities: Capabilities { multi_role, ..Capabilities::default() },
                suppressed: both.iter().filter(|(_, suppressed)| *suppressed).map(|(role, _)| *role).collect(),
            })
        }
        fn subscribe(&mut self, roles: &str, multi_role: bool) -> Vec<Effect> {
            let info = self.info(roles, multi_role);
            self.tell(SCHEDULER, Msg::Subscribe { info, force: true })
        }
        fn update(&mut self, roles: &str) -> Vec<Effect> {
            let (framework, info) = (self.framework, self.info(roles, true));
            self.tell(SCHEDULER, Msg::UpdateCall { framework, info })
        }
        /// An offer of one CPU for a role.
        fn offer(&mut self, role: &str) -> Vec<Effect> {
            let entries = vec![OfferEntry { agent: self.agent, resources: cpus(1) }];
            let allocation = Allocation::new(self.framework, self.role(role), entries);
            self.tell(Bench::ME, Msg::Allocated(Arc::new(allocation)))
        }
    }

    fn cpus(n: i64) -> Resources {
        Resources::from_scalars(Quantities::new(Milli::from_int(n), Milli::ZERO, Milli::ZERO, Milli::ZERO))
    }

    /// What left for the scheduler and the allocator, in order.
    fn labels(effects: &[Effect]) -> Vec<&'static str> {
        let label = |effect: &Effect| match effect {
            Effect::Send { to, msg } if *to == SCHEDULER => Some(msg.label()),
            Effect::Dispatch { to: Mailbox::ALLOCATOR, msg } => Some(msg.label()),
            _ => None,
        };
        effects.iter().filter_map(label).collect()
    }

    fn standings(desk: &Desk, effects: &[Effect]) -> Vec<(String, RoleStanding)> {
        let standing = |effect: &Effect| match effect {
            Effect::Fact(Fact::FrameworkRole { role, standing, .. }) => {
                Some((desk.bench.names.text(*role).to_owned(), *standing))
            }
            _ => None,
        };
        effects.iter().filter_map(standing).collect()
    }

    #[test]
    fn roles_are_as_many_as_the_framework_can_have_and_each_once() {
        let refused = |roles: &str, multi_role| {
            let told = Desk::new().subscribe(roles, multi_role);
            told.iter().any(|e| matches!(e, Effect::Send { msg: Msg::Error { .. }, .. }))
        };
        for (roles, alone, several) in [
            ("a", false, false),
            ("(a)", false, false),
            ("a (b)", true, false),
            ("", true, false),
            ("a a", true, true),
            ("a -b", true, true),
        ] {
            assert_eq!((refused(roles, false), refused(roles, true)), (alone, several), "{roles:?}");
        }
    }

    #[test]
    fn an_update_tells_what_changed_and_takes_back_offers_of_roles_that_go() {
        let mut desk = Desk::new();
        desk.subscribe("a b", true);
        assert_eq!(labels(&desk.offer("a")), ["OFFERS"]);
        assert_eq!(labels(&desk.offer("b")), ["OFFERS"]);
        assert_eq!(labels(&desk.offer("c")), ["recoverResources"], "it has not got that role");
        let told = desk.update("(a) c");
        assert_eq!(labels(&told), ["updateFramework", "RESCIND", "recoverResources"]);
        let named = |role: &str, standing| (role.to_owned(), standing);
        use RoleStanding as R;
        let all = [named("a", R::Suppressed), named("c", R::Wanted), named("b", R::Dropped)];
        assert_eq!(standings(&desk, &told), all);
        let told = desk.update("(a) c");
        assert_eq!((labels(&told), standings(&desk, &told)), (vec!["updateFramework"], vec![]), "nothing new");
        // REVIVE and SUPPRESS count, too.
        let (framework, roles) = (desk.framework, [desk.role("a")].into());
        desk.tell(SCHEDULER, Msg::Revive { framework, roles });
        let told = desk.update("(a) c");
        assert_eq!(standings(&desk, &told), [named("a", R::Suppressed)]);
    }

    #[test]
    fn calls_for_a_role_that_it_has_not_got_are_dropped_whole() {
        let mut desk = Desk::new();
        desk.subscribe("a b", true);
        let (a, c, framework) = (desk.role("a"), desk.role("c"), desk.framework);
        let revive = |roles: &[RoleId]| Msg::Revive { framework, roles: roles.into() };
        assert_eq!(labels(&desk.tell(SCHEDULER, revive(&[a]))), ["reviveOffers"]);
        assert_eq!(labels(&desk.tell(SCHEDULER, revive(&[]))), ["reviveOffers"]);
        assert!(desk.tell(SCHEDULER, revive(&[a, c])).is_empty());
        assert!(desk.tell(AGENT, revive(&[a])).is_empty(), "from somebody else");
        assert_eq!(labels(&desk.update("a a")), ["ERROR"]);
        assert_eq!(labels(&desk.tell(SCHEDULER, revive(&[c]))), [""; 0], "nothing has changed");
    }
}
