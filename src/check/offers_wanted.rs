//! Whoever has something to launch or to give back asks for offers.
//!
//! Upstream promises it by `ReviveOffersStreamLogic`: at most one frame in each
//! `min_revive_offers_interval`, and a role without offers as long as nothing is wanted alone
//! (MARATHON-8663, MARATHON-7711).
//!
//! AREAS VERIFIED: no Marathon keeps its role suppressed for longer than two such intervals and half a
//! minute of calm while an instance is to be launched, or holds a reservation that is to be given back.
//! AREAS NOT VERIFIED: configurations that failed, and gave their last sign of life within their
//! largest delay, which may have to wait; that offers come at all, which the master decides; the
//! reverse, that a role without wishes is suppressed.

use super::marathons::Known;
use super::{Hears, Invariant, View};
use crate::base::id::{JobId, RoleId, Symbol};
use crate::base::map::{Lookup, Map};
use crate::base::time::{Span, Time};
use crate::fact::{At, Condition, Fact, Goal, ProcessKind};
use crate::marathon::model::instance::is_terminal;
use crate::mesos::message::Msg;
use crate::world::Seen;

pub const SUMMARY: &str = "a Marathon that has something to launch does not stay suppressed";

const MARGIN: Span = Span::from_secs(30);
/// Two intervals of a Marathon with the default flags.
const DEFAULT: Span = Span::from_secs(10);

#[derive(Clone, Default)]
pub struct OffersWanted {
    /// Roles of processes that are suppressed, since when.
    suppressed: Map<(u32, RoleId), Time>,
    /// When a configuration that failed last gave a sign of life.
    failed: Lookup<JobId, Time>,
    /// Instances that want an offer, since when.
    waiting: Map<Symbol, Time>,
}

fn wants_offer(known: &Known) -> bool {
    let over = known.condition == Condition::Scheduled || is_terminal(known.condition);
    let reserved = || known.record.as_ref().is_some_and(|record| record.reservation.is_some());
    over && (known.goal == Goal::Running || (known.goal == Goal::Decommissioned && reserved()))
}

impl Invariant for OffersWanted {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts, Hears::Time]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["REVIVE", "SUBSCRIBE", "SUPPRESS", "UPDATE_FRAMEWORK_CALL"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["InstanceChanged", "LeaderReady", "ProcessStopped"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        from == ProcessKind::Marathon
            && sent
            && matches!(
                msg,
                Msg::Suppress { .. } | Msg::Revive { .. } | Msg::Subscribe { .. } | Msg::UpdateCall { .. }
            )
    }

    fn message(&mut self, _: View, seen: &Seen) -> Result<(), String> {
        let slot = seen.from.slot;
        match &seen.msg {
            Msg::UpdateCall { info, .. } | Msg::Subscribe { info, .. } => {
                self.suppressed.retain(|(of, role), _| *of != slot || info.suppressed.contains(role));
                for role in &info.suppressed {
                    self.suppressed.entry((slot, *role)).or_insert(seen.at);
                }
            }
            Msg::Suppress { roles, .. } => {
                for role in roles.iter() {
                    self.suppressed.entry((slot, *role)).or_insert(seen.at);
                }
            }
            // Without roles: of all.
            Msg::Revive { roles, .. } => {
                self.suppressed.retain(|(of, role), _| *of != slot || !(roles.is_empty() || roles.contains(role)));
            }
            _ => {}
        }
        Ok(())
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::InstanceChanged { instance, config, condition, .. } => {
                use Condition as C;
                match condition {
                    C::Dropped | C::Error | C::Failed | C::Gone | C::Finished => {
                        self.failed.insert(config, fact.at);
                    }
                    // A sign of life moves its delay.
                    C::Provisioned | C::Staging | C::Starting | C::Running => {
                        if let Some(then) = self.failed.get_mut(&config) {
                            *then = fact.at;
                        }
                    }
                    _ => {}
                }
                let known = view.marathons.fleet(fact.by).and_then(|fleet| fleet.instances.get(&instance));
                if known.is_some_and(wants_offer) {
                    self.waiting.entry(instance).or_insert(fact.at);
                } else {
                    self.waiting.swap_remove(&instance);
                }
            }
            Fact::LeaderReady { kind: ProcessKind::Marathon, slot, .. } => {
                let fleet = view.marathons.fleet(slot);
                let found = fleet.into_iter().flat_map(|fleet| &fleet.instances).filter(|(_, i)| wants_offer(i));
                self.waiting.extend(found.map(|(id, _)| (*id, fact.at)));
            }
            Fact::ProcessStopped { kind: ProcessKind::Marathon, slot, .. } => {
                self.suppressed.retain(|(of, _), _| *of != slot);
            }
            _ => {}
        }
        Ok(())
    }

    fn passed(&mut self, view: View, now: Time) -> Result<(), String> {
        for ((slot, role), said) in &self.suppressed {
            let role = view.world.names().text(*role);
            let two = view.world.flags(*slot).map_or(DEFAULT, |flags| flags.min_revive_offers_interval * 2);
            let bound = two + MARGIN;
            if now - *said <= bound || view.marathons.calm(now) <= bound {
                continue;
            }
            let Some(fleet) = view.marathons.fleet(*slot) else { continue };
            let late = self.waiting.iter().find(|(id, since)| {
                let known = fleet.instances.get(*id).filter(|known| wants_offer(known));
                let known = known.filter(|known| known.spec().is_some_and(|spec| spec.role == role));
                known.is_some_and(|known| {
                    let most = known.spec().map_or(Span::from_secs(3600), |spec| spec.backoff.most);
                    let failed = known.config.and_then(|config| self.failed.get(&config));
                    now - **since > bound && failed.is_none_or(|then| now - *then > most + bound)
                })
            });
            if let Some((id, since)) = late {
                let id = view.world.names().text(*id);
                return Err(format!("{id} wants an offer since {since}; its Marathon suppressed {role} at {said}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::marathon::core::testing::{scheduled, spec};
    use crate::marathon::model::app::RunSpec;
    use std::sync::Arc;

    fn is(condition: Condition) -> Fact {
        instance(1, condition, Goal::Running)
    }

    /// An instance of role `f` waits for an offer since 100 s; its Marathon had suppressed that role.
    fn waiting() -> Stage {
        let now = Time::from_secs;
        let mut stage = Stage::new("offers-wanted");
        let app = Arc::new(RunSpec { role: "f".into(), ..spec("/app", 1) });
        let record = (true, store(1, "instances/host", scheduled(1, app)));
        stage.at(now(1), &[elected(0), serves(0)]);
        let roles: Arc<[RoleId]> = [FRAMEWORK.0].into();
        stage.moment(now(10), 0, &[(true, Msg::Suppress { framework: FRAMEWORK, roles })], &[]);
        stage.moment(now(100), 0, &[record], &[is(Condition::Scheduled)]);
        stage
    }

    fn run(after: Option<Msg>, last: Condition) -> Vec<String> {
        let mut stage = waiting();
        let after: Vec<(bool, Msg)> = after.into_iter().map(|msg| (true, msg)).collect();
        stage.moment(Time::from_secs(110), 0, &after, &[is(last)]);
        stage.at(Time::from_secs(200), &[serves(1)])
    }

    #[test]
    fn fires_when_an_instance_waits_in_silence() {
        let text = "host wants an offer since 00:01:40.000000; its Marathon suppressed f at 00:00:10.000000";
        assert_eq!(run(None, Condition::Scheduled), [text]);
        let revive = |roles: &[RoleId]| Some(Msg::Revive { framework: FRAMEWORK, roles: roles.into() });
        assert!(run(revive(&[]), Condition::Scheduled).is_empty());
        assert_eq!(run(revive(&[APP]), Condition::Scheduled), [text], "of another role");
        assert!(run(None, Condition::Provisioned).is_empty(), "it has its offer");
        assert!(run(None, Condition::Failed).is_empty(), "it backs off");
        let mut stage = waiting();
        stage.moment(Time::from_secs(110), 0, &[], &[Condition::Failed, Condition::Provisioned].map(is));
        stage.at(Time::from_secs(450), &[is(Condition::Starting), is(Condition::Scheduled)]);
        assert!(stage.at(Time::from_secs(600), &[serves(1)]).is_empty(), "it backs off since its last sign of life");
        assert_eq!(stage.at(Time::from_secs(900), &[serves(1)]).len(), 1);
    }
}
