//! Everything that is counted, as one flat table: the counter and its key in `summary.json`.

macro_rules! counts {
    ($($name:ident $key:literal $doc:literal;)*) => {
        /// A counter of the recorder.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Count { $(#[doc = $doc] $name,)* }

        impl Count {
            /// All counters in the order in which they are written.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// `group.name`, as in `summary.json`.
            #[must_use]
            pub fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }
        }
    };
}

counts! {
    TasksSubmitted "tasks.submitted" "Tasks of all jobs that were submitted.";
    TasksLaunched "tasks.launched" "Launches that the master accepted.";
    TasksStarted "tasks.started" "Containers that began, in truth, further attempts included.";
    TasksFinished "tasks.finished" "Containers that ended well.";
    TasksFailed "tasks.failed" "Containers that exited with an error.";
    TasksKilled "tasks.killed" "Containers that were stopped.";
    TasksLost "tasks.lost" "Containers that died with their machine.";
    TasksUnplaceable "tasks.unplaceable" "Tasks of jobs that no machine can ever hold.";
    StateFinished "task_states.finished" "Tasks that became TASK_FINISHED in the master's books.";
    StateFailed "task_states.failed" "The same for TASK_FAILED.";
    StateKilled "task_states.killed" "The same for TASK_KILLED.";
    StateError "task_states.error" "The same for TASK_ERROR.";
    StateLost "task_states.lost" "The same for TASK_LOST.";
    StateDropped "task_states.dropped" "The same for TASK_DROPPED.";
    StateGone "task_states.gone" "The same for TASK_GONE and TASK_GONE_BY_OPERATOR.";
    StateUnreachable "task_states.unreachable" "The same for TASK_UNREACHABLE.";
    JobsSubmitted "jobs.submitted" "Jobs that reached their owner's queue.";
    JobsOffered "jobs.offered" "Jobs whose owner got an offer while they waited.";
    JobsEnded "jobs.ended" "Jobs all of whose tasks have finished.";
    JobsUnplaceable "jobs.unplaceable" "Jobs given up because no machine can hold a task.";
    OffersMade "offers.made" "Offers sent, one per agent and framework.";
    OffersAccepted "offers.accepted" "Offers that ended accepted.";
    OffersDeclined "offers.declined" "Offers that ended declined.";
    OffersRescinded "offers.rescinded" "Offers that were taken back.";
    OffersOrphaned "offers.orphaned" "Offers whose master was lost before they ended.";
    AllocatorRuns "allocator.runs" "Allocation runs.";
    AllocatorCandidates "allocator.candidates" "Agents visited by all runs together.";
    AgentsRegistrations "agents.registrations" "Admissions of agents under new ids.";
    AgentsReregistrations "agents.reregistrations" "Agents back under their ids.";
    AgentsDisconnections "agents.disconnections" "Connections with agents that broke.";
    AgentsUnreachable "agents.unreachable" "Agents written off as unreachable.";
    AgentsRemovals "agents.removals" "Agents removed for good.";
    FrameworksSubscriptions "subscriptions.subscribed" "Subscriptions of frameworks.";
    FrameworksDisconnections "subscriptions.disconnected" "Connections with frameworks that broke.";
    FrameworksRemovals "subscriptions.removed" "Frameworks removed for good.";
    FrameworksSuppressions "subscriptions.suppressed" "SUPPRESS calls that had an effect.";
    FrameworksRevivals "subscriptions.revived" "REVIVE calls.";
    OperationsReserve "operations.reserved" "RESERVE operations that the master carried out.";
    OperationsUnreserve "operations.unreserved" "The same for UNRESERVE.";
    OperationsCreate "operations.created" "The same for CREATE: persistent volumes made.";
    OperationsDestroy "operations.destroyed" "The same for DESTROY.";
    RegistryWrites "registry.writes" "Versions of the registry written.";
    RegistryOperations "registry.operations" "Operations in them.";
    ProcessesStarted "processes.started" "Processes that began.";
    ProcessesStopped "processes.stopped" "Processes that ended or crashed.";
    SchedulersBegun "schedulers.begun" "Schedulers that began as tasks of an app.";
    SchedulersIds "schedulers.ids" "Framework ids that masters gave; a second one to the same framework: it lost the first.";
    MastersElected "leaders.masters_elected" "Elections of a leading master.";
    MarathonsElected "leaders.marathons_elected" "Elections of a leading Marathon.";
    RequestsAnswered "requests.answered" "Requests of operators that were answered with a status below 400.";
    RequestsRefused "requests.refused" "Those answered with a status from 400 on.";
    RequestsUnanswered "requests.unanswered" "Those that nobody answered.";
    FaultsBegan "faults_injected.began" "Faults that began.";
    FaultsBit "faults_injected.bit" "Faults that had an effect.";
    FaultsEnded "faults_injected.ended" "Faults that ended.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::map::Set;

    #[test]
    fn keys_are_distinct_and_have_two_levels() {
        let keys: Set<&str> = Count::ALL.iter().map(|c| c.key()).collect();
        assert_eq!(keys.len(), Count::ALL.len());
        assert!(keys.iter().all(|k| k.split('.').count() == 2));
        assert!(Count::ALL.iter().enumerate().all(|(i, &c)| c as usize == i));
    }
}
