//! What downloads take: the bandwidth of machines, and `[sizes]` of what they fetch.
//!
//! ```toml
//! [[agents]]
//! count = 10
//! resources = "cpus:4;mem:8192"
//! bandwidth = "1Gbit/s"             # of each machine, shared by all that it downloads at a time
//!
//! [sizes]                           # of images and of URIs; what is not listed takes no time
//! "nginx:1.25" = "180MiB"
//! "https://example.com/app.tgz" = "40MiB"
//! ```

use super::decimal;
use super::error::Diagnostic;
use super::load::Loader;
use super::units::Size;
use super::value::{Data, Table};
use crate::base::id::image_name;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;

/// Bits of a thousandth of a MiB, in thousandths.
const MILLIBITS: u64 = 8 * 1_048_576;

/// Bits a second, above zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bandwidth {
    pub bits_per_s: u64,
}

/// Units in bits; networks count in powers of ten.
const UNITS: [(&str, i64); 11] = [
    ("bit", 1),
    ("kbit", 1_000),
    ("Mbit", 1_000_000),
    ("Gbit", 1_000_000_000),
    ("B", 8),
    ("kB", 8_000),
    ("MB", 8_000_000),
    ("GB", 8_000_000_000),
    ("KiB", 8 << 10),
    ("MiB", 8 << 20),
    ("GiB", 8 << 30),
];

const HELP: &str = "write for example \"1Gbit/s\", \"100Mbit/s\", \"40MB/s\" or \"40MiB/s\"";

/// Reads `1Gbit/s`, `12.5MB/s`.
///
/// # Errors
/// What is wrong, and in a second line what to write.
pub fn parse_bandwidth(text: &str) -> Result<Bandwidth, String> {
    let Some(amount) = text.trim().strip_suffix("/s") else {
        return Err(format!("{text:?} is not a bandwidth\n{HELP}"));
    };
    let amount = amount.trim();
    let digits = amount.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(amount.len());
    let (number, unit) = amount.split_at(digits);
    let Some((_, bits)) = UNITS.iter().find(|(name, _)| *name == unit.trim()) else {
        let unit = unit.trim();
        return Err(format!("unknown unit `{unit}/s` in {text:?}\n{HELP}"));
    };
    match decimal::scaled(number, *bits) {
        Ok(0) => Err(format!("with {text:?} nothing would ever arrive\nwrite a bandwidth above zero")),
        Ok(bits) => Ok(Bandwidth { bits_per_s: bits.unsigned_abs() }),
        Err(wrong) => Err(format!("{text:?} is {wrong}\n{HELP}")),
    }
}

impl<'de> Deserialize<'de> for Bandwidth {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct WithUnit;
        impl Visitor<'_> for WithUnit {
            type Value = Bandwidth;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a bandwidth such as \"1Gbit/s\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Bandwidth, E> {
                parse_bandwidth(text).map_err(E::custom)
            }
            fn visit_i64<E: Error>(self, n: i64) -> Result<Bandwidth, E> {
                Err(E::custom(format_args!("a bandwidth needs a unit, found {n}\n{HELP}")))
            }
        }
        from.deserialize_any(WithUnit)
    }
}

/// The table `[sizes]`: its keys are free, its values sizes.
pub(super) fn sizes(loader: &mut Loader, table: &mut Table) -> Vec<(String, u64)> {
    let Some(value) = table.take("sizes") else { return Vec::new() };
    let Data::Table(named) = value.data else {
        let message = format!("`sizes` is a table, found {}", value.kind());
        loader.refuse(value.place, message, "write [sizes] once, and a line \"NAME\" = \"180MiB\" for each thing");
        return Vec::new();
    };
    let mut sizes: Vec<(String, u64)> = Vec::new();
    for (name, entry) in named.0 {
        let Some(Size(mib)) = loader.value(&entry.value) else { continue };
        let bits = u64::try_from(mib.0).ok().and_then(|mib| mib.checked_mul(MILLIBITS));
        let Some(bits) = bits.map(|bits| bits / 1_000) else {
            loader.refuse(entry.value.place, format!("{name:?} is too large"), "write a size of at most 1TiB");
            continue;
        };
        let name = image_name(&name);
        if sizes.iter().any(|(other, _)| *other == name) {
            let message = format!("{name:?} has two sizes");
            loader.errors.push(Diagnostic::new(Some(entry.key_place), message, "an image without a tag is `latest`"));
            continue;
        }
        sizes.push((name, bits));
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load::testing::{parse, refuse};
    use expect_test::expect;

    #[test]
    fn bandwidths_have_units() {
        let bits = |text| parse_bandwidth(text).map(|b| b.bits_per_s).map_err(|e| e.lines().next().unwrap().to_owned());
        assert_eq!(
            [bits("1Gbit/s"), bits("12.5MB/s"), bits("1MiB/s")],
            [Ok(1_000_000_000), Ok(100_000_000), Ok(8 << 20)]
        );
        let wrong = ["1Gbps", "1Gb/s", "0bit/s", "fast/s", "-1Mbit/s"].map(|text| bits(text).unwrap_err()).join("\n");
        expect![[r#"
            "1Gbps" is not a bandwidth
            unknown unit `Gb/s` in "1Gb/s"
            with "0bit/s" nothing would ever arrive
            unknown unit `fast/s` in "fast/s"
            unknown unit `-1Mbit/s` in "-1Mbit/s""#]]
        .assert_eq(&wrong);
    }

    #[test]
    fn sizes_are_read_and_mistakes_shown() {
        let base = "duration = '1h'\n";
        let more = "[[agents]]\ncount = 1\nresources = 'cpus:1'\nbandwidth = '1Mbit/s'\n[sizes]\nnginx = '1MiB'\n'http://a/b' = '0.5MiB'";
        let scenario = parse(&format!("{base}{more}"));
        assert_eq!(scenario.sizes, [("nginx:latest".to_owned(), 8 << 20), ("http://a/b".to_owned(), 4 << 20)]);
        assert_eq!(scenario.fleets[0].bandwidth, Some(Bandwidth { bits_per_s: 1_000_000 }));
        let said = [
            "[sizes]\nnginx = 180",
            "[sizes]\nnginx = '180MB'",
            "[sizes]\nnginx = '1MiB'\n'nginx:latest' = '1MiB'",
            "[sizes]\nnginx = '99999999TiB'",
            "[[sizes]]\nnginx = '1MiB'",
            "[[agents]]\ncount = 1\nresources = 'cpus:1'\nbandwidth = 1000",
            "[[agents]]\ncount = 1\nresources = 'cpus:1'\nbandwith = '1Gbit/s'",
            "[agent]\nexecutor_registration_timeout = 60",
        ]
        .map(|rest| refuse(&format!("{base}{rest}")))
        .join("\n");
        expect![[r#"
            error: a size needs a unit
             --> test.toml:3:9
              |
            3 | nginx = 180
              |         ^^^
              |
              = help: write "180MiB"
            error: unknown unit in "180MB"
             --> test.toml:3:9
              |
            3 | nginx = '180MB'
              |         ^^^^^^^
              |
              = help: Mesos counts in powers of two: write "180MiB"
            error: "nginx:latest" has two sizes
             --> test.toml:4:1
              |
            4 | 'nginx:latest' = '1MiB'
              | ^^^^^^^^^^^^^^
              |
              = help: an image without a tag is `latest`
            error: "nginx" is too large
             --> test.toml:3:9
              |
            3 | nginx = '99999999TiB'
              |         ^^^^^^^^^^^^^
              |
              = help: write a size of at most 1TiB
            error: `sizes` is a table, found a list
             --> test.toml:2:1
              |
            2 | [[sizes]]
              | ^^^^^^^^^
              |
              = help: write [sizes] once, and a line "NAME" = "180MiB" for each thing
            error: a bandwidth needs a unit, found 1000
             --> test.toml:5:13
              |
            5 | bandwidth = 1000
              |             ^^^^
              |
              = help: write for example "1Gbit/s", "100Mbit/s", "40MB/s" or "40MiB/s"
            error: unknown key `bandwith`
             --> test.toml:5:1
              |
            5 | bandwith = '1Gbit/s'
              | ^^^^^^^^
              |
              = help: did you mean `bandwidth`?
            error: a duration needs a unit
             --> test.toml:3:33
              |
            3 | executor_registration_timeout = 60
              |                                 ^^
              |
              = help: write "60s""#]]
        .assert_eq(&said);
    }
}
