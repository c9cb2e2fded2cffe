//! UNIQUE and MAX_PER hold among instances of one configuration, at every launch.
//!
//! Upstream promises it in `core/matcher/` (`Constraints.meetsConstraint` over the instances that are
//! placed): those of an older configuration do not count, nor do those that are unreachable, gone,
//! unknown or dropped.
//!
//! AREAS VERIFIED: whenever an instance is placed, the number of placed instances of its
//! configuration with the same value of the field. AREAS NOT VERIFIED: the other operators
//! (GROUP_BY is best effort upstream); what an unreachable task does to the rule when it returns.

use super::{Hears, Invariant, View};
use crate::base::id::{JobId, Symbol};
use crate::base::map::Map;
use crate::fact::{Condition, Fact};

pub const SUMMARY: &str = "UNIQUE and MAX_PER hold among the instances of one configuration when one is placed";

#[derive(Clone, Default)]
pub struct Placement {
    /// Field and largest number for each template that has such constraints.
    limits: Map<JobId, Vec<(Symbol, u32)>>,
    /// Where each placed instance is: its configuration and host.
    placed: Map<Symbol, (JobId, Symbol)>,
    /// Placed instances by configuration and host.
    counts: Map<(JobId, Symbol), u32>,
}

impl Placement {
    fn remove(&mut self, instance: Symbol) {
        if let Some(key) = self.placed.swap_remove(&instance)
            && let Some(count) = self.counts.get_mut(&key)
        {
            *count -= 1;
        }
    }
}

impl Invariant for Placement {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["InstanceChanged", "PlacementLimit"]
    }

    fn fact(&mut self, view: View, fact: &Fact) -> Result<(), String> {
        match *fact {
            Fact::PlacementLimit { template, field, most } => {
                let limits = self.limits.entry(template).or_default();
                if !limits.contains(&(field, most)) {
                    limits.push((field, most));
                }
            }
            Fact::InstanceChanged { instance, config, condition, host, .. } => {
                use Condition as C;
                let counts = matches!(
                    condition,
                    C::Provisioned | C::Staging | C::Starting | C::Running | C::Killing | C::UnreachableInactive
                );
                self.remove(instance);
                if !counts {
                    return Ok(());
                }
                self.placed.insert(instance, (config, host));
                *self.counts.entry((config, host)).or_default() += 1;
                if condition != C::Provisioned {
                    return Ok(());
                }
                for &(field, most) in self.limits.get(&config).into_iter().flatten() {
                    let names = view.world.names();
                    let value = view.world.attribute(host, field);
                    let valued = |h| view.world.attribute(h, field) == value;
                    let same = |h: Symbol| if value.is_none() { h == host } else { valued(h) };
                    let ours = self.counts.iter().filter(|((c, h), n)| *c == config && **n > 0 && same(*h));
                    let count: u32 = ours.map(|(_, n)| n).sum();
                    if count > most {
                        let (instance, field, host) = (names.text(instance), names.text(field), names.text(host));
                        return Err(format!(
                            "{instance} was placed on {host}: {count} instances of its configuration have the same {field}, {most} may"
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::base::id::{JobId, Symbol};
    use crate::fact::{Condition, Fact, Goal};

    #[test]
    fn fires_when_a_second_instance_is_placed_on_a_host() {
        let (template, app) = (JobId::service(Symbol(9)), Symbol(2));
        let changed = |n: u32, condition| Fact::InstanceChanged {
            app,
            instance: Symbol(n),
            config: template,
            condition,
            goal: Goal::Running,
            host: HOST,
        };
        let mut stage = Stage::new("placement");
        stage.facts(&[Fact::PlacementLimit { template, field: Symbol(2), most: 1 }]);
        assert!(stage.facts(&[changed(0, Condition::Provisioned), changed(0, Condition::Running)]).is_empty());
        assert!(stage.facts(&[changed(0, Condition::Unreachable), changed(1, Condition::Provisioned)]).is_empty());
        assert!(stage.facts(&[changed(1, Condition::Failed), changed(0, Condition::Running)]).is_empty());
        let found = stage.facts(&[changed(1, Condition::Provisioned)]);
        assert!(found[0].contains("2 instances of its configuration have the same f, 1 may"), "{found:?}");
    }
}
