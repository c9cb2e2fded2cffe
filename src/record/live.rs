//! Metrics that can be asked for at any instant of a run, by the keys of `summary.json`.
//!
//! | key | what it is |
//! |---|---|
//! | every key of `Count` | the counter so far |
//! | `agents.registered`, `agents.connected` | agents that the master counts now |
//! | `requests.answered`, `.refused`, `.unanswered` | operators' requests by how they ended |
//! | `jobs.waiting` | jobs none of whose tasks has started |
//! | `jobs.open` | jobs that are neither done nor given up |
//! | `tasks.queued`, `tasks.running` | tasks that wait; containers that run, in truth |
//! | `offers.outstanding` | offers made that have not ended |
//! | `utilization.KIND.used`, `.offered`, `.free` | fractions of the capacity registered now |
//! | `frameworks.NAME.tasks.queued`, `.running`, `.finished`, ... | the same for one framework |
//! | `frameworks.NAME.jobs.ended`, `.offers.made`, ... | its counters |
//! | `frameworks.NAME.dominant_share` | largest share of a kind that its tasks hold now |
//! | `apps.NAME.target`, `.instances` | instances that an app of Marathon should have; that it has |
//! | `apps.NAME.healthy`, `.running`, `.unhealthy` | good by health checks; without any; bad |
//! | `apps.NAME.staged`, `.lost`, `.stopping` | on their way up; on unreachable agents; being killed |
//! | `apps.NAME.losses`, `.failures`, `.kills` | how often an instance of it was lost, failed, was killed |
//! | `apps.NAME.kills_REASON`, `.refused.REASON` | kills and unused offers by reason |
//! | `endpoints.NAME.delivered`, `.slow`, `.failed`, `.skipped` | what became of events for a subscriber |
//! | `deployments.running`, `.succeeded`, `.failed`, `.cancelled` | deployments of Marathon, not in the summary |
//!
//! At the end of a run the same keys are found in `summary.json`; there `utilization` and
//! `dominant_share` are means over the run.

use super::count::Count;
use super::recorder::Recorder;
use super::services::{ENDS, hash, part};
use crate::base::quantity::KINDS;

/// A key of a live metric, resolved once; reading it costs a few loads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LiveKey {
    Count(Option<u32>, Count),
    Level(LevelKey),
    Queued(u32),
    Running(u32),
    DominantShare(u32),
    /// Kind of resource, and what of it.
    Utilization(usize, Part),
    /// Hash of an app's name, and what of it (`services::PARTS`).
    App(u64, usize),
    /// An endpoint, and what became of events for it (`endpoints::PARTS`).
    Endpoint(u32, usize),
    /// Deployments that run, or ended in the way that has this index in `services::ENDS`.
    Deployments(Option<usize>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LevelKey {
    AgentsRegistered,
    AgentsConnected,
    JobsWaiting,
    JobsOpen,
    TasksQueued,
    TasksRunning,
    OffersOutstanding,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Used,
    Offered,
    Free,
}

/// Levels by their keys.
pub const LEVELS: [(&str, LevelKey); 7] = [
    ("agents.registered", LevelKey::AgentsRegistered),
    ("agents.connected", LevelKey::AgentsConnected),
    ("jobs.waiting", LevelKey::JobsWaiting),
    ("jobs.open", LevelKey::JobsOpen),
    ("tasks.queued", LevelKey::TasksQueued),
    ("tasks.running", LevelKey::TasksRunning),
    ("offers.outstanding", LevelKey::OffersOutstanding),
];

impl Recorder {
    /// The live metric of this key, if there is one.
    #[must_use]
    pub fn key(&self, text: &str) -> Option<LiveKey> {
        let count = |text: &str| Count::ALL.iter().copied().find(|c| c.key() == text);
        if let Some(rest) = text.strip_prefix("frameworks.") {
            // Names may hold dots: the longest one that fits is meant.
            let names = self.framework_names().filter(|n| rest.strip_prefix(n).is_some_and(|r| r.starts_with('.')));
            let name = names.max_by_key(|n| n.len())?;
            let (framework, key) = (self.framework_named(name)?, &rest[name.len() + 1..]);
            return match key {
                "tasks.queued" => Some(LiveKey::Queued(framework)),
                "tasks.running" => Some(LiveKey::Running(framework)),
                "dominant_share" => Some(LiveKey::DominantShare(framework)),
                _ => count(key).map(|c| LiveKey::Count(Some(framework), c)),
            };
        }
        if let Some((kind, part)) = text.strip_prefix("utilization.").and_then(|rest| rest.split_once('.')) {
            let part = match part {
                "used" => Part::Used,
                "offered" => Part::Offered,
                "free" => Part::Free,
                _ => return None,
            };
            return KINDS.iter().position(|k| *k == kind).map(|k| LiveKey::Utilization(k, part));
        }
        if let Some(rest) = text.strip_prefix("apps.") {
            let at = rest.rfind(".refused.").or_else(|| rest.rfind('.'))?;
            return part(&rest[at + 1..]).map(|part| LiveKey::App(hash(&rest[..at]), part));
        }
        if let Some(rest) = text.strip_prefix("endpoints.") {
            return self.endpoint_key(rest).map(|(index, part)| LiveKey::Endpoint(index, part));
        }
        if let Some(what) = text.strip_prefix("deployments.") {
            let ended = ENDS.iter().position(|how| *how == what);
            return (what == "running" || ended.is_some()).then_some(LiveKey::Deployments(ended));
        }
        let level = LEVELS.iter().find(|l| l.0 == text).map(|l| LiveKey::Level(l.1));
        level.or_else(|| count(text).map(|c| LiveKey::Count(None, c)))
    }

    /// The value now.
    #[must_use]
    pub fn value(&self, key: LiveKey) -> f64 {
        let counted = |c| self.counted(None, c);
        match key {
            LiveKey::Count(framework, which) => self.counted(framework, which) as f64,
            LiveKey::Queued(f) => self.queued_now(Some(f)) as f64,
            LiveKey::Running(f) => self.running_now(Some(f)) as f64,
            LiveKey::Level(LevelKey::AgentsRegistered) => self.agents_now().0 as f64,
            LiveKey::Level(LevelKey::AgentsConnected) => self.agents_now().1 as f64,
            LiveKey::Level(LevelKey::JobsWaiting) => self.waiting_now() as f64,
            LiveKey::Level(LevelKey::JobsOpen) => {
                let over = counted(Count::JobsEnded) + counted(Count::JobsUnplaceable);
                counted(Count::JobsSubmitted) as f64 - over as f64
            }
            LiveKey::Level(LevelKey::TasksQueued) => self.queued_now(None) as f64,
            LiveKey::Level(LevelKey::TasksRunning) => self.running_now(None) as f64,
            LiveKey::Level(LevelKey::OffersOutstanding) => {
                let ended =
                    [Count::OffersAccepted, Count::OffersDeclined, Count::OffersRescinded, Count::OffersOrphaned];
                let ended = ended.map(counted);
                counted(Count::OffersMade) as f64 - ended.iter().sum::<u64>() as f64
            }
            LiveKey::App(hash, part) => self.app_value(hash, part),
            LiveKey::Endpoint(index, part) => self.endpoint_value(index, part) as f64,
            LiveKey::Deployments(how) => self.deployments_now(how.map(|i| ENDS[i])),
            LiveKey::DominantShare(f) => {
                let shares = self.allocated_now(Some(f)).into_iter().zip(self.capacity_now());
                shares.filter(|(_, c)| *c > 0).map(|(a, c)| a as f64 / c as f64).fold(0.0, f64::max)
            }
            LiveKey::Utilization(kind, part) => {
                let capacity = self.capacity_now()[kind];
                let devices = if KINDS[kind] == "gpus" { self.devices_now() } else { 0 };
                let used = self.allocated_now(None)[kind] + devices;
                // Mesos offers devices that it does not know to be in use.
                let offered = match devices {
                    0 => self.offered_now()[kind],
                    _ => self.offered_now()[kind].min(capacity - used).max(0),
                };
                let amount = match part {
                    Part::Used => used,
                    Part::Offered => offered,
                    Part::Free => capacity - used - offered,
                };
                if capacity > 0 { amount as f64 / capacity as f64 } else { 0.0 }
            }
        }
    }

    /// The value now of the metric with this key, or `None` if there is no such live metric.
    #[must_use]
    pub fn metric(&self, key: &str) -> Option<f64> {
        self.key(key).map(|k| self.value(k))
    }
}

#[cfg(test)]
mod tests {
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn keys_of_apps_and_deployments_are_known_before_there_are_any() {
        let recorder = make(&Plan::small()).recorder();
        for key in [
            "apps./a.healthy",
            "apps./a.b.kills_scale_down",
            "apps./a.refused.InsufficientCpus",
            "deployments.running",
            "deployments.cancelled",
        ] {
            assert_eq!(recorder.metric(key), Some(0.0), "{key}");
        }
        for key in ["apps./a.kills_boredom", "apps./a.refused.Boredom", "apps./a", "deployments.began"] {
            assert_eq!(recorder.metric(key), None, "{key}");
        }
    }
}
