//! Small `Copy` ids, as they travel, and the name table that prints them as Mesos does.
//!
//! Strings exist only at the border: a name is interned once as a `Symbol`, and the append-only
//! table belongs to the world. Ids are serial and never reused; each core maps them to slots of
//! its own.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;
use std::fmt;

/// An interned name: an index into `Names`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Symbol(pub u32);

/// A role path (`*`, `eng/dev`), interned.
pub type RoleId = Symbol;

/// Framework id, minted by a master as `<masterId>-%04d` and interned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FrameworkId(pub Symbol);

/// Agent id: prints `<masterId>-S<n>`. `master` is the interned id of the master that minted it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AgentId {
    pub master: Symbol,
    pub n: u32,
}

/// Offer id: prints `<masterId>-O<n>`. Kept as three words so that it aligns to four bytes and a
/// message that carries one still fits in a cache line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OfferId {
    pub master: Symbol,
    high: u32,
    low: u32,
}

impl OfferId {
    #[must_use]
    pub fn new(master: Symbol, n: u64) -> Self {
        Self { master, high: (n >> 32) as u32, low: n as u32 }
    }
    /// Serial number within the master's life.
    #[must_use]
    pub fn n(self) -> u64 {
        u64::from(self.high) << 32 | u64::from(self.low)
    }
    /// The id `k` after this one.
    #[must_use]
    pub fn plus(self, k: u64) -> Self {
        Self::new(self.master, self.n() + k)
    }
}

/// A job: one template of tasks submitted together. Serial within a run, in order of submission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JobId(pub u32);

/// Task id as the framework chose it: template and serial number in it; prints `<job>.<n>`.
/// A task is identified by its framework and this.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TaskId {
    pub template: JobId,
    pub n: u32,
}

impl JobId {
    const SERVICE: u32 = 1 << 31;

    /// The template of a service (a version of a Marathon app), named by an interned text. Those of
    /// jobs are below.
    #[must_use]
    pub fn service(name: Symbol) -> Self {
        Self(Self::SERVICE | name.0)
    }
    #[must_use]
    pub fn is_service(self) -> bool {
        self.0 & Self::SERVICE != 0
    }
    /// The name that a service's template was made from.
    #[must_use]
    pub fn service_name(self) -> Option<Symbol> {
        self.is_service().then_some(Symbol(self.0 & !Self::SERVICE))
    }
}

impl TaskId {
    /// Both numbers in one word, as the entity of a draw.
    #[must_use]
    pub fn bits(self) -> u64 {
        u64::from(self.template.0) << 32 | u64::from(self.n)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.service_name() {
            Some(name) => write!(f, "service-{}", name.0),
            None => write!(f, "job-{}", self.0),
        }
    }
}
impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.template, self.n)
    }
}

/// The append-only table of names. Equal text gives the equal symbol.
#[derive(Clone, Debug, Default)]
pub struct Names(IndexSet<Box<str>, FxBuildHasher>);

impl Names {
    pub fn intern(&mut self, text: &str) -> Symbol {
        let index = match self.0.get_index_of(text) {
            Some(i) => i,
            None => self.0.insert_full(text.into()).0,
        };
        Symbol(u32::try_from(index).expect("fewer than 2^32 names"))
    }
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.0.get_index_of(text).map(|i| Symbol(i as u32))
    }
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        self.0.get_index(symbol.0 as usize).map_or("?", |s| s)
    }
    #[must_use]
    pub fn framework(&self, id: FrameworkId) -> &str {
        self.text(id.0)
    }
    #[must_use]
    pub fn agent(&self, id: AgentId) -> String {
        format!("{}-S{}", self.text(id.master), id.n)
    }
    #[must_use]
    pub fn offer(&self, id: OfferId) -> String {
        format!("{}-O{}", self.text(id.master), id.n())
    }
    /// Compares two agent ids as upstream compares their texts, byte by byte ("S10" < "S2").
    #[must_use]
    pub fn compare_agents(&self, a: AgentId, b: AgentId) -> std::cmp::Ordering {
        self.text(a.master).cmp(self.text(b.master)).then_with(|| byte_rank(a.n).cmp(&byte_rank(b.n)))
    }
}

/// A key that sorts decimal numbers as their texts sort ("10" before "2"): the digits aligned to
/// the left, then the length.
#[must_use]
pub fn byte_rank(n: u32) -> u64 {
    let digits = n.checked_ilog10().unwrap_or(0) + 1;
    u64::from(n) * 10_u64.pow(10 - digits) * 16 + u64::from(digits)
}

/// The name under which an image is known: without a tag it is the latest. URIs stay as they are.
#[must_use]
pub fn image_name(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if name.contains("://") || last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_as_mesos_prints_them() {
        let mut names = Names::default();
        let master = names.intern("6c1f-M0");
        assert_eq!(names.agent(AgentId { master, n: 12 }), "6c1f-M0-S12");
        assert_eq!(names.offer(OfferId::new(master, 1 << 40)), "6c1f-M0-O1099511627776");
        assert_eq!(TaskId { template: JobId(3), n: 7 }.to_string(), "job-3.7");
        assert_eq!(names.intern("6c1f-M0"), master);
    }

    #[test]
    fn byte_rank_sorts_like_text() {
        let mut numbers: Vec<u32> = (0..3_000).chain([u32::MAX, u32::MAX - 1, 1_000_000_000, 42_949_672]).collect();
        let mut texts: Vec<String> = numbers.iter().map(u32::to_string).collect();
        numbers.sort_by_key(|&n| byte_rank(n));
        texts.sort();
        assert_eq!(numbers.iter().map(u32::to_string).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        let all = ["nginx", "nginx:1.25", "host:5000/team/app", "app@sha256:00", "https://example.com/app"];
        let named =
            ["nginx:latest", "nginx:1.25", "host:5000/team/app:latest", "app@sha256:00", "https://example.com/app"];
        assert_eq!(all.map(image_name), named);
    }
}
