//! The digest of a run: canonical little-endian bytes through streaming xxh3 (128 bits).
//!
//! Values are written by hand, field by field; nothing here depends on a platform's word size,
//! a derived `Hash`, or an enum's layout.

use xxhash_rust::xxh3::Xxh3;

/// A running digest. Cloning it forks it.
#[derive(Clone)]
pub struct Digest {
    state: Box<Xxh3>,
    bytes: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self { state: Box::new(Xxh3::new()), bytes: 0 }
    }
}

impl Digest {
    pub fn put(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.bytes += bytes.len() as u64;
    }
    pub fn put_u64(&mut self, v: u64) {
        self.put(&v.to_le_bytes());
    }
    /// Length first, so that two texts never run together.
    pub fn put_text(&mut self, text: &str) {
        self.put_u64(text.len() as u64);
        self.put(text.as_bytes());
    }
    /// The digest so far, as 32 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        format!("{:032x}", self.state.digest128())
    }
    /// How many bytes went in.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

/// 64-bit hash of some bytes, for keys and file contents.
#[must_use]
pub fn hash64(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        let mut d = Digest::default();
        assert_eq!(d.hex(), "99aa06d3014798d86001c324468d497f");
        d.put_u64(7);
        let mut e = d.clone();
        d.put_text("a");
        e.put_text("b");
        assert_ne!(d.hex(), e.hex());
    }
}
