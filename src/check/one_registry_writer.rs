//! One leader writes the registry: its versions form one chain, and who has been succeeded as a
//! writer never writes again.
//!
//! Upstream promises it by the replicated log: a coordinator that has lost its promise cannot
//! append, and a master whose write fails exits (`log/coordinator.cpp`, `master/registrar.cpp`).
//!
//! AREAS VERIFIED: every version is written once and they grow, over all masters; after a process
//! has written, none that wrote before it writes again. AREAS NOT VERIFIED: what stands in a
//! version, and what single replicas hold; the registrar's own tests look into those.

use super::{Hears, Invariant, View};
use crate::base::map::Set;
use crate::fact::{At, Fact};

pub const SUMMARY: &str = "versions of the registry form one chain, and a succeeded writer never writes again";

#[derive(Clone, Default)]
pub struct OneRegistryWriter {
    /// The last version, and the process that wrote it: slot and number of its start.
    last: Option<(u64, (u32, u32))>,
    /// Processes that are no longer the writer.
    succeeded: Set<(u32, u32)>,
    /// How often each slot has started.
    starts: crate::base::map::Map<u32, u32>,
}

impl Invariant for OneRegistryWriter {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["ProcessStarted", "RegistryWritten"]
    }

    fn said(&mut self, _: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::ProcessStarted { slot, .. } => *self.starts.entry(slot).or_default() += 1,
            Fact::RegistryWritten { version, .. } => {
                let by = fact.by;
                let life = (by, self.starts.get(&by).copied().unwrap_or(0));
                let last = self.last.replace((version, life));
                if let Some((before, writer)) = last {
                    if version <= before {
                        return Err(format!("version {version} of the registry was written after version {before}"));
                    }
                    if writer != life {
                        self.succeeded.insert(writer);
                    }
                }
                if self.succeeded.contains(&life) {
                    return Err(format!("process {by} wrote version {version} of the registry after another had"));
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
    use crate::fact::Fact;

    fn written(version: u64) -> Fact {
        Fact::RegistryWritten { version, operations: 1 }
    }

    #[test]
    fn fires_when_a_version_is_written_twice_and_when_the_succeeded_writes() {
        let mut stage = Stage::new("one-registry-writer");
        assert!(stage.said(1, written(1)).is_empty());
        assert!(stage.said(1, written(2)).is_empty());
        assert!(stage.said(2, written(3)).is_empty());
        assert_eq!(stage.said(1, written(4)), ["process 1 wrote version 4 of the registry after another had"]);
        let mut stage = Stage::new("one-registry-writer");
        stage.said(1, written(5));
        assert_eq!(stage.said(1, written(5)), ["version 5 of the registry was written after version 5"]);
    }
}
