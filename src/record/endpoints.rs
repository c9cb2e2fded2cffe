//! What became of events for call-back subscribers, counted by subscriber.

use super::ordered::Ordered;
use crate::base::id::Symbol;
use crate::fact::Delivery;

/// Words for what became of an event, as they stand in `Delivery`.
pub(super) const PARTS: [&str; 4] = ["delivered", "slow", "failed", "skipped"];

/// Endpoints of the scenario; an address that is nobody's is not counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoints(Vec<(Symbol, String, [u64; PARTS.len()])>);

impl Endpoints {
    pub(super) fn new(names: Vec<(Symbol, String)>) -> Self {
        Self(names.into_iter().map(|(symbol, name)| (symbol, name, [0; PARTS.len()])).collect())
    }
    pub(super) fn posted(&mut self, endpoint: Symbol, how: Delivery) {
        if let Some((.., counts)) = self.0.iter_mut().find(|(symbol, ..)| *symbol == endpoint) {
            counts[how as usize] += 1;
        }
    }
    /// `NAME.PART`.
    pub(super) fn key(&self, text: &str) -> Option<(u32, usize)> {
        let (name, part) = text.rsplit_once('.')?;
        let index = self.0.iter().position(|(_, known, _)| known == name)?;
        Some((index as u32, PARTS.iter().position(|known| *known == part)?))
    }
    pub(super) fn value(&self, index: u32, part: usize) -> u64 {
        self.0[index as usize].2[part]
    }
    pub(super) fn finish(self) -> Ordered<Ordered<u64>> {
        let counts = |counts: [u64; PARTS.len()]| PARTS.iter().map(|part| (*part).to_owned()).zip(counts).collect();
        self.0.into_iter().map(|(_, name, all)| (name, counts(all))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_for_itself() {
        let mut endpoints = Endpoints::new(vec![(Symbol(1), "a.b".into()), (Symbol(2), "c".into())]);
        for (symbol, how) in [
            (1, Delivery::Skipped),
            (2, Delivery::Failed),
            (1, Delivery::Delivered),
            (1, Delivery::Skipped),
            (3, Delivery::Slow),
        ] {
            endpoints.posted(Symbol(symbol), how);
        }
        let value = |text: &str| endpoints.key(text).map(|(index, part)| endpoints.value(index, part));
        let all =
            ["a.b.delivered", "a.b.skipped", "a.b.failed", "c.failed", "c.slow", "d.slow", "c.lost", "c"].map(value);
        assert_eq!(all, [Some(1), Some(2), Some(0), Some(1), Some(0), None, None, None]);
        let told = endpoints.finish();
        assert_eq!(told.get("a.b").and_then(|counts| counts.get("skipped")), Some(&2));
    }
}
