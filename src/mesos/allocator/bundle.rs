//! Resources by number: what agents have free, what is lent whole and what was refused are small
//! numbers into one table, so that offering, taking back and refusing an agent copies a word.
//!
//! Equal plain resources have one number; others may have several, which costs a comparison and
//! nothing else. Rows that nobody names are collected when the table has doubled.

use super::amounts::Amounts;
use crate::base::map::Lookup;
use crate::base::quantity::Quantities;
use crate::mesos::resource::{Resources, Value};

/// The number of nothing at all.
pub(super) const NOTHING: u32 = 0;

#[derive(Clone, Debug)]
pub(super) struct Bundle {
    pub resources: Resources,
    /// Scalars of objects that are not shared.
    pub amounts: Amounts,
    /// Nothing but usual scalars and collections: nothing reserved, revocable, shared or competing.
    pub simple: bool,
    /// At least one of the general minimum sets fits.
    pub ready: bool,
    /// Grows when the row gets another content.
    pub generation: u32,
    /// Where the last run put it into an answer: (stamp of the answer, position there).
    pub placed: (u64, u32),
    named: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Bundles {
    rows: Vec<Bundle>,
    free: Vec<u32>,
    plain: Lookup<Quantities, u32>,
    minima: Vec<Amounts>,
    /// Collect when the table has this many rows.
    limit: usize,
}

/// Whether at least one of the sets fits; without any set, whether there is anything.
pub(super) fn allocatable(resources: &Resources, minima: &[Amounts]) -> bool {
    !resources.is_empty() && (minima.is_empty() || minima.iter().any(|set| set.fits_in(resources)))
}

fn is_simple(resources: &Resources) -> bool {
    resources.is_plain()
        || resources.objects().all(|object| match object.value() {
            Value::Scalar(_) => *object.meta() == Default::default() && object.standard_scalar().is_some(),
            Value::Ranges(_) | Value::Set(_) => {
                let meta = object.meta();
                meta.reservations.is_empty() && !meta.revocable && !meta.shared
            }
        })
}

impl Bundles {
    pub(super) fn new(minima: Vec<Amounts>) -> Self {
        let mut table = Self { rows: Vec::new(), free: Vec::new(), plain: Lookup::default(), minima, limit: 1024 };
        table.number(&Resources::EMPTY);
        table
    }
    #[inline]
    pub(super) fn row(&self, number: u32) -> &Bundle {
        &self.rows[number as usize]
    }
    #[inline]
    pub(super) fn row_mut(&mut self, number: u32) -> &mut Bundle {
        &mut self.rows[number as usize]
    }
    #[inline]
    pub(super) fn resources(&self, number: u32) -> &Resources {
        &self.rows[number as usize].resources
    }
    /// Whether `number` still means what it meant.
    #[inline]
    pub(super) fn is(&self, number: u32, generation: u32) -> bool {
        self.rows[number as usize].generation == generation
    }
    pub(super) fn minima(&self) -> &[Amounts] {
        &self.minima
    }

    /// The number of these resources.
    pub(super) fn number(&mut self, resources: &Resources) -> u32 {
        if resources.is_plain() {
            if let Some(&number) = self.plain.get(&resources.scalars()) {
                return number;
            }
            let number = self.put(resources);
            self.plain.insert(resources.scalars(), number);
            return number;
        }
        self.put(resources)
    }
    /// The number of these resources, which may be that of `like`.
    pub(super) fn number_like(&mut self, resources: &Resources, like: u32) -> u32 {
        if !resources.is_plain() && *self.resources(like) == *resources { like } else { self.number(resources) }
    }

    fn put(&mut self, resources: &Resources) -> u32 {
        let simple = is_simple(resources);
        let amounts = if simple || resources.is_plain() {
            Amounts::from(resources.quantities())
        } else {
            Amounts::of(&resources.non_shared())
        };
        let ready = allocatable(resources, &self.minima);
        let mut row = Bundle {
            resources: resources.clone(),
            amounts,
            simple,
            ready,
            generation: 0,
            placed: (0, 0),
            named: false,
        };
        if let Some(number) = self.free.pop() {
            row.generation = self.rows[number as usize].generation + 1;
            self.rows[number as usize] = row;
            return number;
        }
        self.rows.push(row);
        self.rows.len() as u32 - 1
    }

    /// Whether it is time to collect.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.rows.len() - self.free.len() >= self.limit
    }
    /// Frees all rows but those in `named`.
    pub(super) fn collect(&mut self, named: impl Iterator<Item = u32>) {
        named.for_each(|number| self.rows[number as usize].named = true);
        let mut vacant = vec![false; self.rows.len()];
        self.free.iter().for_each(|&number| vacant[number as usize] = true);
        for (number, row) in self.rows.iter_mut().enumerate() {
            if number as u32 != NOTHING && !row.named && !vacant[number] {
                if row.resources.is_plain() {
                    self.plain.remove(&row.resources.scalars());
                }
                row.resources = Resources::EMPTY;
                row.generation += 1;
                self.free.push(number as u32);
            }
            row.named = false;
        }
        self.limit = 1024.max(2 * (self.rows.len() - self.free.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }

    #[test]
    fn equal_plain_resources_have_one_number() {
        let mut table = Bundles::new(vec![Amounts::of(&r("cpus:2"))]);
        let (a, b) = (table.number(&r("cpus:2;mem:1")), table.number(&r("mem:1;cpus:2")));
        assert_eq!((a, table.number(&Resources::EMPTY)), (b, NOTHING));
        let c = table.number(&r("cpus:1"));
        assert!(table.row(a).ready && !table.row(c).ready && !table.row(NOTHING).ready);
        let ports = table.number(&r("cpus:1;ports:[1-2]"));
        assert_eq!(table.number_like(&r("cpus:1;ports:[1-2]"), ports), ports);
        assert_ne!(table.number_like(&r("cpus:1;ports:[1-3]"), ports), ports);
        let simple = ["cpus:1;ports:[1-2]", "zone:{a}", "cpus(a):1", "cpus{REV}:1", "fpga:1", "ports(a):[1-2]"];
        let simple = simple.map(|text| {
            let number = table.number(&r(text));
            table.row(number).simple
        });
        assert_eq!(simple, [true, true, false, false, false, false]);
    }

    #[test]
    fn rows_are_collected_and_their_numbers_change_meaning() {
        let mut table = Bundles::new(Vec::new());
        let (a, b) = (table.number(&r("cpus:1")), table.number(&r("cpus:2")));
        let generation = table.row(a).generation;
        table.collect([b].into_iter());
        assert!(!table.is(a, generation) && table.number(&r("cpus:2")) == b);
        assert_eq!(table.number(&r("cpus:3")), a);
        assert_eq!(*table.resources(a), r("cpus:3"));
        assert_ne!(table.number(&r("cpus:1")), a);
    }
}
