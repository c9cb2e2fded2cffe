//! How long launches of a configuration wait after failures (`RateLimiter.scala`).
//!
//! One entry for each (app, time of the last change of configuration) that failed lately. What
//! advances an entry and what forgets it follows section 13.2 of the notes; a new leader begins
//! without entries.

use crate::base::id::Symbol;
use crate::base::map::Map;
use crate::base::time::{Span, Time};
use crate::fact::Condition;
use crate::marathon::model::app::Backoff;
use crate::marathon::model::version::Version;

/// Whose launches wait: an app (interned path) in one configuration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConfigKey {
    pub app: Symbol,
    pub changed: Version,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Entry {
    reference: Time,
    delay: Span,
    most: Span,
}

impl Entry {
    fn deadline(&self) -> Time {
        self.reference.saturating_add(self.delay)
    }
}

#[derive(Clone, Default, Debug)]
pub struct Limiter {
    entries: Map<ConfigKey, Entry>,
}

impl Limiter {
    /// Launches are allowed from this instant on; `None`: at once.
    #[must_use]
    pub fn deadline(&self, key: ConfigKey) -> Option<Time> {
        self.entries.get(&key).map(Entry::deadline)
    }

    /// A failure: the delay begins, or grows.
    pub fn add(&mut self, key: ConfigKey, backoff: &Backoff, now: Time) {
        let entry = match self.entries.get(&key) {
            None => Entry { reference: now, delay: backoff.first.min(backoff.most), most: backoff.most },
            Some(entry) => {
                let grown = Span((entry.delay.0 as f64 * backoff.factor) as i64);
                Entry { reference: now, delay: grown.min(backoff.most), most: backoff.most }
            }
        };
        self.entries.insert(key, entry);
    }

    /// A sign of life: the delay counts from now. Only if there is one.
    pub fn advance(&mut self, key: ConfigKey, now: Time) -> bool {
        let entry = self.entries.get_mut(&key);
        entry.is_some_and(|entry| {
            entry.reference = now;
            true
        })
    }

    pub fn reset(&mut self, key: ConfigKey) -> bool {
        self.entries.swap_remove(&key).is_some()
    }

    /// Forgets everything of an app, whatever the configuration; says which.
    pub fn reset_app(&mut self, app: Symbol) -> Vec<ConfigKey> {
        let keys: Vec<ConfigKey> = self.entries.keys().copied().filter(|key| key.app == app).collect();
        keys.iter().for_each(|key| {
            self.entries.swap_remove(key);
        });
        keys
    }

    /// Forgets what has been quiet for longer than its largest delay; says which.
    pub fn clean_up(&mut self, now: Time) -> Vec<ConfigKey> {
        let is_old = |entry: &Entry| now > entry.reference.saturating_add(entry.most);
        let old: Vec<ConfigKey> = self.entries.iter().filter(|(_, e)| is_old(e)).map(|(key, _)| *key).collect();
        old.iter().for_each(|key| {
            self.entries.swap_remove(key);
        });
        old
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// What a change of an instance's condition means for its configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    Add,
    Advance,
    Nothing,
}

#[must_use]
pub fn effect_of(condition: Condition) -> Effect {
    use Condition as C;
    match condition {
        C::Dropped | C::Error | C::Failed | C::Gone | C::Finished => Effect::Add,
        C::Staging | C::Starting | C::Running | C::Provisioned => Effect::Advance,
        _ => Effect::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ConfigKey = ConfigKey { app: Symbol(1), changed: Version(7) };
    const BACKOFF: Backoff = Backoff { first: Span::from_secs(1), factor: 1.15, most: Span::from_secs(300) };

    /// 13.2 of the notes: 1, 1.15, 1.3225, ... with 41 increases until the cap of 300 s.
    #[test]
    fn delays_grow_to_the_cap() {
        let (mut limiter, mut delays) = (Limiter::default(), Vec::new());
        for _ in 0..45 {
            limiter.add(KEY, &BACKOFF, Time::ZERO);
            delays.push(limiter.deadline(KEY).unwrap() - Time::ZERO);
        }
        assert_eq!(delays[..4], [1_000_000_000, 1_150_000_000, 1_322_500_000, 1_520_875_000].map(Span));
        assert_eq!(delays.iter().position(|d| *d == Span::from_secs(300)), Some(41));
        assert_eq!(delays[44], Span::from_secs(300));
    }

    #[test]
    fn an_entry_moves_with_signs_of_life_and_is_forgotten_in_silence() {
        let mut limiter = Limiter::default();
        assert!(!limiter.advance(KEY, Time::from_secs(5)), "there is nothing to advance");
        limiter.add(KEY, &BACKOFF, Time::from_secs(10));
        assert_eq!(limiter.deadline(KEY), Some(Time::from_secs(11)));
        assert!(limiter.advance(KEY, Time::from_secs(20)));
        assert_eq!(limiter.deadline(KEY), Some(Time::from_secs(21)));
        assert_eq!(limiter.clean_up(Time::from_secs(320)), []);
        assert_eq!(limiter.clean_up(Time(320_000_000_001)), [KEY]);
        assert_eq!(limiter.deadline(KEY), None);
        limiter.add(KEY, &BACKOFF, Time::from_secs(400));
        assert_eq!(limiter.deadline(ConfigKey { changed: Version(8), ..KEY }), None, "a new configuration");
        assert!(limiter.reset(KEY) && limiter.is_empty());
    }

    #[test]
    fn conditions_that_count() {
        assert_eq!(effect_of(Condition::Finished), Effect::Add, "success backs off too");
        assert_eq!(effect_of(Condition::Killed), Effect::Nothing);
        assert_eq!(effect_of(Condition::Unreachable), Effect::Nothing);
        assert_eq!(effect_of(Condition::Provisioned), Effect::Advance);
    }
}
