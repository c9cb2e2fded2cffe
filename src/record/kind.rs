//! Facts by kind: a dense index and a name for each, for counting and for traces.

use crate::fact::Fact;

macro_rules! kinds {
    ($($name:ident)*) => {
        #[derive(Clone, Copy)]
        #[repr(u8)]
        enum Kind { $($name,)* }

        impl Fact {
            /// Names of all kinds, by `kind()`.
            pub const KINDS: &'static [&'static str] = &[$(stringify!($name),)*];

            /// The index of the fact's kind in `KINDS`.
            #[inline]
            #[must_use]
            pub fn kind(&self) -> usize {
                (match self { $(Self::$name { .. } => Kind::$name,)* }) as usize
            }
        }
    };
}

kinds! {
    JobSubmitted JobOffered JobEnded JobUnplaceable TaskStarted TaskEnded ProcessStarted ProcessStopped
    FaultBegan FaultBit FaultEnded AgentRegistered AgentReregistered AgentDisconnected AgentUnreachable
    AgentRemoved FrameworkSubscribed FrameworkDisconnected FrameworkRemoved FrameworkSuppressed
    FrameworkRevived AllocationRun Offered OffersEnded TaskLaunched TaskTerminal RegistryWritten
    DevicesUsed
    SessionOpened SessionExpired LeaderElected LeaderReady LeaderLost ServiceTemplate AppTarget
    InstanceChanged InstanceHealth InstanceKill DeploymentBegan DeploymentStep DeploymentEnded
    OfferRefused Answered PlacementLimit TaskReported ResourcesConverted FrameworkRole EventPosted Hosted
    ExecutorHeld ExecutorReleased ExecutorStarted ExecutorEnded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_variant() {
        for fact in [Fact::FaultBit { fault: 3 }, Fact::RegistryWritten { version: 1, operations: 2 }] {
            let debug = format!("{fact:?}");
            assert_eq!(debug.split(' ').next(), Some(Fact::KINDS[fact.kind()]));
        }
    }
}
