//! Keyed dice: a draw is a pure function of (seed, site, entity, n) and of nothing else.
//!
//! There is no stream to be consumed, so skipping work, adding a consumer or removing a fault
//! changes no other draw. The seed is expanded by ChaCha8 into one key per site (this is the only
//! file that names a generator); a draw is a keyed permutation of (entity, n) built from two
//! 64x64 -> 128 bit multiplications.

use super::map::Lookup;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;

/// A named place in the code that throws dice. Declared as a constant beside its only user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Site {
    pub name: &'static str,
    hash: u64,
}

impl Site {
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        // FNV-1a: any stable hash of the name will do, the key is derived by ChaCha below.
        let (bytes, mut hash, mut i) = (name.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
            i += 1;
        }
        Self { name, hash }
    }
}

/// 64 uniformly random bits, and ways to read them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw(pub u64);

impl Draw {
    /// Uniform in `0..n` by multiplication; the bias is below n / 2^64. `n` must not be 0.
    #[must_use]
    pub fn below(self, n: u64) -> u64 {
        debug_assert!(n > 0);
        ((u128::from(self.0) * u128::from(n)) >> 64) as u64
    }
    /// Uniform in [low, high], both ends included; `low` if the interval is empty.
    #[must_use]
    pub fn between(self, low: i64, high: i64) -> i64 {
        if high <= low { low } else { low + self.below((high - low) as u64 + 1) as i64 }
    }
    /// Uniform double strictly between 0 and 1: an odd multiple of 2^-53, never rounded.
    #[must_use]
    pub fn unit(self) -> f64 {
        ((self.0 >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0
    }
    /// True with a probability of `ppm` in a million.
    #[must_use]
    pub fn chance_ppm(self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }
}

/// The key of one site; cheap to copy into a hot loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SiteKey([u64; 2]);

impl SiteKey {
    #[inline]
    #[must_use]
    pub fn draw(self, entity: u64, n: u64) -> Draw {
        let a = fold(entity ^ self.0[0], 0xa076_1d64_78bd_642f);
        Draw(fold(a ^ n ^ self.0[1], 0xe703_7ed1_a0b4_28db ^ a.rotate_left(32)))
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let p = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b | 1);
    let x = (p >> 64) as u64 ^ p as u64;
    // One xor-shift-multiply round: the folded product alone is weak where one factor is small.
    let x = (x ^ x >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ x >> 32
}

/// A draw replaced by name, as `--log-decisions` writes it: `site entity n value`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    pub site: &'static str,
    pub entity: u64,
    pub n: u64,
    pub value: u64,
}

/// Replacements for draws: (hash of the site's name, entity, n) -> value.
pub type Overrides = BTreeMap<(u64, u64, u64), u64>;

/// All dice of a run.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: u64,
    keys: Lookup<u64, SiteKey>,
    overrides: Option<Box<Overrides>>,
    log: Option<Vec<Decision>>,
}

impl Dice {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, keys: Lookup::default(), overrides: None, log: None }
    }
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
    /// The key of a site. Draws made through it can be neither overridden nor logged: for hot
    /// loops whose outcome is recorded otherwise use `watched`, everything else `draw`.
    pub fn key(&mut self, site: Site) -> SiteKey {
        let seed = self.seed;
        *self.keys.get_or_insert_with(site.hash, || {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(site.hash);
            SiteKey([rng.next_u64(), rng.next_u64()])
        })
    }
    pub fn draw(&mut self, site: Site, entity: u64, n: u64) -> Draw {
        let draw = self.key(site).draw(entity, n);
        if self.overrides.is_none() && self.log.is_none() {
            return draw;
        }
        self.hooked(site, entity, n, draw)
    }
    /// Whether draws are overridden or logged; hot loops that hold a key ask once.
    #[must_use]
    pub fn is_hooked(&self) -> bool {
        self.overrides.is_some() || self.log.is_some()
    }
    #[cold]
    fn hooked(&mut self, site: Site, entity: u64, n: u64, draw: Draw) -> Draw {
        let value = self.overrides.as_ref().and_then(|o| o.get(&(site.hash, entity, n)));
        let value = value.copied().unwrap_or(draw.0);
        if let Some(log) = &mut self.log {
            log.push(Decision { site: site.name, entity, n, value });
        }
        Draw(value)
    }
    pub fn log_decisions(&mut self) {
        self.log.get_or_insert_default();
    }
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        self.log.as_deref().unwrap_or_default()
    }
    /// Reads lines of `site entity n value`; a draw so named gets that value.
    ///
    /// # Errors
    /// The number of the first line that is not of that form.
    pub fn override_from(&mut self, text: &str) -> Result<(), usize> {
        let mut overrides = Overrides::new();
        for (i, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.is_empty() || words[0].starts_with('#') {
                continue;
            }
            let number = |k: usize| words.get(k).and_then(|w| w.parse::<u64>().ok()).ok_or(i + 1);
            let hash = fnv(words[0]);
            overrides.insert((hash, number(1)?, number(2)?), number(3)?);
        }
        self.overrides = Some(Box::new(overrides));
        Ok(())
    }
}

fn fnv(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// A uniformly random order of `0..len`, filled into `order`: Fisher-Yates from the front, so that
/// the first k elements cost k draws. A pure function of (key, entity, stage).
pub fn permute(key: SiteKey, entity: u64, stage: u64, order: &mut [u32]) {
    let len = order.len() as u64;
    for i in 0..len.saturating_sub(1) {
        let j = i + key.draw(entity, stage << 32 | i).below(len - i);
        order.swap(i as usize, j as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const A: Site = Site::new("test-a");
    const B: Site = Site::new("test-b");

    /// Golden values: a change here changes every recorded digest.
    #[test]
    fn draws_are_stable() {
        let mut dice = Dice::new(42);
        let got: Vec<u64> = [(A, 0, 0), (A, 0, 1), (A, 1, 0), (B, 0, 0)].map(|(s, e, n)| dice.draw(s, e, n).0).to_vec();
        expect_test::expect![[r#"
            [
                2006771743738177458,
                10645521212378296080,
                1061642922010506989,
                13136824507560140614,
            ]
        "#]]
        .assert_debug_eq(&got);
        assert_ne!(Dice::new(43).draw(A, 0, 0).0, got[0]);
    }

    /// Chi-square over 256 bins of every byte, for sequential entities and numbers: the weakest
    /// inputs that we use. 255 degrees of freedom: mean 255, standard deviation 22.6.
    #[test]
    fn bytes_are_uniform_on_sequential_keys() {
        let key = Dice::new(7).key(A);
        for by_entity in [false, true] {
            for byte in 0..8 {
                let mut bins = [0_u32; 256];
                for i in 0..65_536_u64 {
                    let d = if by_entity { key.draw(i, 3) } else { key.draw(3, i) };
                    bins[(d.0 >> (8 * byte) & 255) as usize] += 1;
                }
                let off = |b: u32| f64::from(b) - 256.0;
                let chi: f64 = bins.iter().map(|&b| off(b) * off(b) / 256.0).sum();
                assert!((150.0..370.0).contains(&chi), "byte {byte}, by entity {by_entity}: {chi}");
            }
        }
    }

    /// Flipping any single input bit flips about half of the output.
    #[test]
    fn avalanche() {
        let key = Dice::new(9).key(A);
        for bit in 0..64 {
            let (mut by_entity, mut by_n) = (0, 0);
            for i in 0..512_u64 {
                by_entity += (key.draw(i, 5).0 ^ key.draw(i ^ 1 << bit, 5).0).count_ones();
                by_n += (key.draw(5, i).0 ^ key.draw(5, i ^ 1 << bit).0).count_ones();
            }
            for flips in [by_entity, by_n] {
                let mean = f64::from(flips) / 512.0;
                assert!((30.0..34.0).contains(&mean), "bit {bit}: {mean}");
            }
        }
    }

    #[test]
    fn permutations_are_uniform() {
        let key = Dice::new(1).key(B);
        let mut counts = BTreeMap::new();
        for run in 0..24_000 {
            let mut order = [0, 1, 2, 3];
            permute(key, run, 0, &mut order);
            *counts.entry(order).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 24);
        assert!(counts.values().all(|&c| (850..1150).contains(&c)), "{counts:?}");
    }

    #[test]
    fn overrides_replace_one_draw_and_the_log_reads_back() {
        let mut plain = Dice::new(5);
        let mut logged = Dice::new(5);
        logged.log_decisions();
        for n in 0..3 {
            assert_eq!(plain.draw(A, 1, n), logged.draw(A, 1, n));
        }
        let text: String = logged
            .decisions()
            .iter()
            .map(|d| format!("{} {} {} {}\n", d.site, d.entity, d.n, if d.n == 1 { 99 } else { d.value }))
            .collect();
        let mut replayed = Dice::new(6);
        replayed.override_from(&text).unwrap();
        assert_eq!(replayed.draw(A, 1, 0), plain.draw(A, 1, 0));
        assert_eq!(replayed.draw(A, 1, 1), Draw(99));
        assert_eq!(replayed.draw(A, 1, 7), Dice::new(6).draw(A, 1, 7));
        assert_eq!(replayed.override_from("a b c d"), Err(1));
    }
}
