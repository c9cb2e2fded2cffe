//! Values with units: durations, rates, sizes, probabilities, distributions.
//!
//! Every refusal says in its second line what to write instead. A bare number never stands for
//! anything that has a unit: whether 90 meant seconds or milliseconds cannot be seen.

use super::decimal::{self, Wrong};
use crate::base::dice::Draw;
use crate::base::quantity::Milli;
use crate::base::sampler::{Distribution, normal};
use crate::base::time::{SECOND_NS, Span, Time};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::fmt;

/// Units of time, longest first, in nanoseconds.
const TIME_UNITS: [(&str, i64); 7] = [
    ("d", 86_400 * SECOND_NS),
    ("h", 3_600 * SECOND_NS),
    ("m", 60 * SECOND_NS),
    ("s", SECOND_NS),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

const TIME_HELP: &str = "the units are d, h, m, s, ms, us and ns: write for example \"1h30m\", \"90s\" or \"250ms\"";

/// Reads `1h30m`, `250ms`, `1.5s`, `-1m1s`: units from large to small, each at most once; spaces
/// between them are allowed. Reads everything that `Span` prints.
///
/// # Errors
/// What is wrong, and in a second line what to write.
pub fn parse_span(text: &str) -> Result<Span, String> {
    let (sign, mut rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1, rest.trim_start()),
        None => (1, text.trim()),
    };
    if rest.is_empty() {
        return Err(format!("expected a duration, found {text:?}\n{TIME_HELP}"));
    }
    let (mut total_ns, mut allowed) = (0_i64, &TIME_UNITS[..]);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        if number.is_empty() {
            return Err(format!("{text:?} is not a duration\n{TIME_HELP}"));
        }
        if unit.is_empty() {
            return Err(format!("a duration needs a unit\nwrite \"{text}s\" for seconds; {TIME_HELP}"));
        }
        let Some(i) = allowed.iter().position(|(name, _)| *name == unit) else {
            return Err(match TIME_UNITS.iter().any(|(name, _)| *name == unit) {
                true => format!("the unit `{unit}` is out of order in {text:?}\nwrite units from large to small"),
                false => format!("unknown unit `{unit}` in {text:?}\n{}", unit_help(number, unit)),
            });
        };
        let part = decimal::scaled(number, allowed[i].1).map_err(|wrong| match wrong {
            Wrong::NotANumber => format!("`{number}` in {text:?} is not a number\n{TIME_HELP}"),
            Wrong::TooFine(_) => format!("{text:?} is finer than a nanosecond\nuse fewer decimals"),
            Wrong::TooLarge => format!("{text:?} is too long\nsimulated time ends after 292 years"),
        })?;
        let too_long = || format!("{text:?} is too long\nsimulated time ends after 292 years");
        total_ns = total_ns.checked_add(part).ok_or_else(too_long)?;
        allowed = &allowed[i + 1..];
        rest = tail.trim_start();
    }
    Ok(Span(sign * total_ns))
}

/// People write `90sec` and `5min`.
fn unit_help(number: &str, unit: &str) -> String {
    let lower = unit.to_lowercase();
    let words = [
        ("day", "d"),
        ("hour", "h"),
        ("hr", "h"),
        ("min", "m"),
        ("sec", "s"),
        ("milli", "ms"),
        ("msec", "ms"),
        ("micro", "us"),
        ("µs", "us"),
        ("nano", "ns"),
    ];
    let meant = words.iter().find(|(word, _)| lower.starts_with(word)).map(|(_, unit)| *unit);
    let meant = meant.or_else(|| TIME_UNITS.iter().map(|(name, _)| *name).find(|name| *name == lower));
    meant.map_or_else(|| TIME_HELP.to_owned(), |meant| format!("write \"{number}{meant}\""))
}

/// A mean number of events in a length of time: `"6/min"`, `"0.1/s"`, `"2/h"`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rate {
    pub count: f64,
    pub per: Span,
}

impl Rate {
    /// Mean distance of two events in nanoseconds.
    #[must_use]
    pub fn gap_ns(self) -> f64 {
        self.per.0 as f64 / self.count
    }
}

/// Reads a rate; it must be above zero.
///
/// # Errors
/// What is wrong, and in a second line what to write.
pub fn parse_rate(text: &str) -> Result<Rate, String> {
    const HELP: &str = "write a number per s, min, h or d, for example \"6/min\" or \"0.1/s\"";
    let (count, unit) = text.split_once('/').ok_or_else(|| format!("{text:?} is not a rate\n{HELP}"))?;
    let per = match unit.trim() {
        "min" => Span::from_secs(60),
        unit => match TIME_UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, ns)) => Span(*ns),
            None => return Err(format!("unknown unit `{unit}` in the rate {text:?}\n{HELP}")),
        },
    };
    // Exact decimals first, so that nothing odd such as "inf" or "1e9" gets through.
    match decimal::scaled(count.trim(), 1_000_000_000) {
        Ok(0) => Err(format!("the rate {text:?} is zero\nwrite a rate above zero, or remove the section")),
        Ok(n) if n > 0 => Ok(Rate { count: n as f64 / 1e9, per }),
        Ok(_) => Err(format!("the rate {text:?} is negative\nwrite a rate above zero")),
        Err(_) => Err(format!("`{count}` in the rate {text:?} is not a number\n{HELP}")),
    }
}

/// A duration as a parameter of a plug-in, `"90s"`.
#[derive(serde::Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct DurationValue(pub Span);

/// A probability in millionths, written as a number between 0 and 1.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Probability {
    pub ppm: u32,
}

/// A number of CPUs (or of anything without a unit) in thousandths, not negative.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Amount(pub Milli);

/// Memory or disk in thousandths of a MiB, written `"512MiB"`, `"2GiB"` or `"0.5TiB"`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Size(pub Milli);

/// Reads a size.
///
/// # Errors
/// What is wrong, and in a second line what to write.
pub fn parse_size(text: &str) -> Result<Size, String> {
    const HELP: &str = "write MiB, GiB or TiB, for example \"512MiB\" or \"2GiB\"";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let thousandths_of_mib = match unit.trim() {
        "MiB" => 1_000,
        "GiB" => 1_024_000,
        "TiB" => 1_048_576_000,
        "" => return Err(format!("a size needs a unit\nwrite \"{text}MiB\"; or GiB or TiB")),
        "MB" | "GB" | "TB" | "M" | "G" | "T" | "Mi" | "Gi" | "Ti" => {
            let unit = &unit.trim()[..1];
            return Err(format!("unknown unit in {text:?}\nMesos counts in powers of two: write \"{number}{unit}iB\""));
        }
        other => return Err(format!("unknown unit `{other}` in {text:?}\n{HELP}")),
    };
    let scaled = decimal::scaled(number, thousandths_of_mib).map_err(|wrong| format!("{text:?} is {wrong}\n{HELP}"))?;
    Ok(Size(Milli(scaled)))
}

/// A distribution of a whole number of at least one: `3`, `{ exponential = 100 }` (mean),
/// `{ uniform = [1, 10] }` or `{ lognormal = { median = 20, sigma = 1.0 } }`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Count {
    Fixed(u32),
    Uniform { low: u32, high: u32 },
    Exponential { mean: f64 },
    Lognormal { median: f64, sigma: f64 },
}

impl Count {
    /// Continuous values are rounded up, so that none is zero.
    #[must_use]
    pub fn sample(&self, draw: Draw) -> u32 {
        let up = |x: f64| libm::ceil(x).max(1.0) as u32;
        match *self {
            Self::Fixed(n) => n,
            Self::Uniform { low, high } => draw.between(i64::from(low), i64::from(high)) as u32,
            Self::Exponential { mean } => up(-libm::log(draw.unit()) * mean),
            Self::Lognormal { median, sigma } => up(median * libm::exp(sigma * normal(draw))),
        }
    }
}

/// Named texts in the order of the file, for a table whose keys are free.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Pairs(pub Vec<(String, String)>);

/// The message and the help of a refusal in two lines.
#[must_use]
pub fn split_help(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// Refuses numbers where a text with a unit is wanted, with the text to write instead.
struct WithUnit<T> {
    expecting: &'static str,
    /// The unit that a bare number gets in the help.
    unit: &'static str,
    what: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> WithUnit<T> {
    fn bare<E: Error, R>(&self, number: &dyn fmt::Display) -> Result<R, E> {
        Err(E::custom(format_args!("{} needs a unit\nwrite \"{number}{}\"", self.what, self.unit)))
    }
}

impl<T> Visitor<'_> for WithUnit<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
    fn visit_i64<E: Error>(self, n: i64) -> Result<T, E> {
        self.bare(&n.unsigned_abs())
    }
    fn visit_f64<E: Error>(self, x: f64) -> Result<T, E> {
        self.bare(&x.abs())
    }
}

fn parse_length(text: &str) -> Result<Span, String> {
    match parse_span(text)? {
        span if span < Span::ZERO => Err(format!("{text:?} is negative\nwrite a duration of \"0s\" or more")),
        span => Ok(span),
    }
}

fn span_visitor() -> WithUnit<Span> {
    WithUnit { expecting: "a duration such as \"90s\"", unit: "s", what: "a duration", parse: parse_length }
}

/// Not negative.
impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(span_visitor())
    }
}

/// Counted from the start of the simulation, so not negative.
impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let parse = |text: &str| match parse_span(text)? {
            span if span < Span::ZERO => {
                Err(format!("{text:?} is before the start of the simulation\nwrite an instant from \"0s\" on"))
            }
            span => Ok(Self(span.0)),
        };
        from.deserialize_any(WithUnit { expecting: "an instant such as \"90s\"", unit: "s", what: "an instant", parse })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let expecting = "a rate such as \"6/min\"";
        from.deserialize_any(WithUnit { expecting, unit: "/s", what: "a rate", parse: parse_rate })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let expecting = "a size such as \"2GiB\"";
        from.deserialize_any(WithUnit { expecting, unit: "MiB", what: "a size", parse: parse_size })
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let p = f64::deserialize(from)?;
        if !(0.0..=1.0).contains(&p) {
            let help = "write a number from 0 to 1, for example 0.05 for five in a hundred";
            return Err(D::Error::custom(format_args!("{p} is not a probability\n{help}")));
        }
        Ok(Self { ppm: libm::round(p * 1e6) as u32 })
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let amount = f64::deserialize(from)?;
        if !(0.0..=1e12).contains(&amount) {
            let help = "write a number from 0 to 1000000000000, for example 0.5 or 2";
            return Err(D::Error::custom(format_args!("{amount} is not an amount\n{help}")));
        }
        Ok(Self(Milli::from_f64(amount)))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(PairsVisitor)
    }
}

/// The body of a lognormal distribution; `T` is a duration or a number.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Lognormal<T> {
    median: T,
    sigma: f64,
}

fn check_sigma<E: Error>(sigma: f64) -> Result<f64, E> {
    if (0.0..=10.0).contains(&sigma) {
        return Ok(sigma);
    }
    let help = "it is the standard deviation of the logarithm: write a number from 0 to 10, often 0.5 to 2";
    Err(E::custom(format_args!("sigma {sigma} is out of range\n{help}")))
}

fn one_of<E: Error>(what: &str, forms: &str) -> E {
    E::custom(format_args!("{what} is given by exactly one form\nwrite one of {forms}"))
}

struct DistributionVisitor;

impl<'de> Visitor<'de> for DistributionVisitor {
    type Value = Distribution;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"90s\", or a distribution such as { exponential = \"100s\" }")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Distribution, E> {
        span_visitor().visit_str(text).map(Distribution::Fixed)
    }
    fn visit_i64<E: Error>(self, n: i64) -> Result<Distribution, E> {
        span_visitor().visit_i64(n).map(Distribution::Fixed)
    }
    fn visit_f64<E: Error>(self, x: f64) -> Result<Distribution, E> {
        span_visitor().visit_f64(x).map(Distribution::Fixed)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Distribution, A::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Forms {
            fixed: Option<Span>,
            uniform: Option<(Span, Span)>,
            exponential: Option<Span>,
            shift: Option<Span>,
            lognormal: Option<Lognormal<Span>>,
        }
        let forms = Forms::deserialize(MapAccessDeserializer::new(map))?;
        if forms.shift.is_some() && forms.exponential.is_none() {
            return Err(A::Error::custom("`shift` goes with `exponential` only\nremove it"));
        }
        match (forms.fixed, forms.uniform, forms.exponential, forms.lognormal) {
            (Some(span), None, None, None) => Ok(Distribution::Fixed(span)),
            (None, Some((low, high)), None, None) if low <= high => Ok(Distribution::Uniform { low, high }),
            (None, Some((low, high)), None, None) => Err(A::Error::custom(format_args!(
                "uniform from {low} to {high} is empty\nwrite the smaller one first: [\"{high}\", \"{low}\"]"
            ))),
            (None, None, Some(mean), None) => {
                Ok(Distribution::Exponential { shift: forms.shift.unwrap_or(Span::ZERO), mean })
            }
            (None, None, None, Some(Lognormal { median, sigma })) => {
                Ok(Distribution::Lognormal { median, sigma: check_sigma(sigma)? })
            }
            _ => Err(one_of(
                "a distribution",
                "\"90s\", { uniform = [\"1ms\", \"3ms\"] }, { exponential = \"100s\" }, \
                 { lognormal = { median = \"60s\", sigma = 1.2 } }",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(DistributionVisitor)
    }
}

struct CountVisitor;

impl CountVisitor {
    fn mean<E: Error>(x: f64) -> Result<f64, E> {
        if x > 0.0 && x <= 1e9 {
            return Ok(x);
        }
        Err(E::custom(format_args!("{x} is out of range\nwrite a number above 0, at most 1000000000")))
    }
    fn whole<E: Error>(n: u64) -> Result<u32, E> {
        match u32::try_from(n) {
            Ok(n) if n > 0 => Ok(n),
            _ => Err(E::custom(format_args!("{n} is out of range\nwrite a whole number of at least 1"))),
        }
    }
}

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or a distribution such as { exponential = 100 }")
    }
    fn visit_u64<E: Error>(self, n: u64) -> Result<Count, E> {
        Self::whole(n).map(Count::Fixed)
    }
    fn visit_i64<E: Error>(self, n: i64) -> Result<Count, E> {
        match u64::try_from(n) {
            Ok(n) => self.visit_u64(n),
            Err(_) => Err(E::custom(format_args!("{n} is out of range\nwrite a whole number of at least 1"))),
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Count, A::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Forms {
            fixed: Option<u64>,
            uniform: Option<(u64, u64)>,
            exponential: Option<f64>,
            lognormal: Option<Lognormal<f64>>,
        }
        let forms = Forms::deserialize(MapAccessDeserializer::new(map))?;
        match (forms.fixed, forms.uniform, forms.exponential, forms.lognormal) {
            (Some(n), None, None, None) => Self::whole(n).map(Count::Fixed),
            (None, Some((low, high)), None, None) if low <= high => {
                Ok(Count::Uniform { low: Self::whole(low)?, high: Self::whole(high)? })
            }
            (None, Some((low, high)), None, None) => Err(A::Error::custom(format_args!(
                "uniform from {low} to {high} is empty\nwrite the smaller one first: [{high}, {low}]"
            ))),
            (None, None, Some(mean), None) => Ok(Count::Exponential { mean: Self::mean(mean)? }),
            (None, None, None, Some(Lognormal { median, sigma })) => {
                Ok(Count::Lognormal { median: Self::mean(median)?, sigma: check_sigma(sigma)? })
            }
            _ => Err(one_of(
                "a count",
                "10, { uniform = [1, 20] }, { exponential = 100 }, { lognormal = { median = 20, sigma = 1.0 } }",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CountVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::{Dice, Site};
    use proptest::prelude::*;

    #[test]
    fn spans_read_in_all_forms() {
        let cases = [
            ("1h30m", 5_400 * SECOND_NS),
            ("250ms", 250_000_000),
            ("90s", 90 * SECOND_NS),
            ("1d", 86_400 * SECOND_NS),
            ("0.5h", 1_800 * SECOND_NS),
            ("1.5ms", 1_500_000),
            ("1m 30s", 90 * SECOND_NS),
            ("0s", 0),
            ("-1m1s", -61 * SECOND_NS),
            ("7ns", 7),
        ];
        for (text, ns) in cases {
            assert_eq!(parse_span(text), Ok(Span(ns)), "{text}");
        }
    }

    #[test]
    fn wrong_spans_say_what_to_write() {
        let refusals: String =
            ["90", "", "90sec", "5 minutes", "1m1h", "1m1m", "s", "1.2.3s", "0.5ns", "400000d", "1x"]
                .map(|text| parse_span(text).unwrap_err() + "\n")
                .concat();
        expect_test::expect![[r#"
            a duration needs a unit
            write "90s" for seconds; the units are d, h, m, s, ms, us and ns: write for example "1h30m", "90s" or "250ms"
            expected a duration, found ""
            the units are d, h, m, s, ms, us and ns: write for example "1h30m", "90s" or "250ms"
            unknown unit `sec` in "90sec"
            write "90s"
            unknown unit `minutes` in "5 minutes"
            write "5m"
            the unit `h` is out of order in "1m1h"
            write units from large to small
            the unit `m` is out of order in "1m1m"
            write units from large to small
            "s" is not a duration
            the units are d, h, m, s, ms, us and ns: write for example "1h30m", "90s" or "250ms"
            `1.2.3` in "1.2.3s" is not a number
            the units are d, h, m, s, ms, us and ns: write for example "1h30m", "90s" or "250ms"
            "0.5ns" is finer than a nanosecond
            use fewer decimals
            "400000d" is too long
            simulated time ends after 292 years
            unknown unit `x` in "1x"
            the units are d, h, m, s, ms, us and ns: write for example "1h30m", "90s" or "250ms"
        "#]].assert_eq(&refusals);
    }

    #[test]
    fn wrong_rates_and_sizes_say_what_to_write() {
        let rates = ["6", "6/week", "-1/s", "0/s", "inf/s", "x/s"].map(|t| parse_rate(t).unwrap_err() + "\n").concat();
        let sizes = ["5", "2GB", "2Gi", "2 cups", "GiB", "0.0000001MiB"].map(|t| parse_size(t).unwrap_err() + "\n");
        expect_test::expect![[r#"
            "6" is not a rate
            write a number per s, min, h or d, for example "6/min" or "0.1/s"
            unknown unit `week` in the rate "6/week"
            write a number per s, min, h or d, for example "6/min" or "0.1/s"
            the rate "-1/s" is negative
            write a rate above zero
            the rate "0/s" is zero
            write a rate above zero, or remove the section
            `inf` in the rate "inf/s" is not a number
            write a number per s, min, h or d, for example "6/min" or "0.1/s"
            `x` in the rate "x/s" is not a number
            write a number per s, min, h or d, for example "6/min" or "0.1/s"
            a size needs a unit
            write "5MiB"; or GiB or TiB
            unknown unit in "2GB"
            Mesos counts in powers of two: write "2GiB"
            unknown unit in "2Gi"
            Mesos counts in powers of two: write "2GiB"
            unknown unit `cups` in "2 cups"
            write MiB, GiB or TiB, for example "512MiB" or "2GiB"
            "GiB" is not a number
            write MiB, GiB or TiB, for example "512MiB" or "2GiB"
            "0.0000001MiB" is finer than 3 decimals
            write MiB, GiB or TiB, for example "512MiB" or "2GiB"
        "#]]
        .assert_eq(&(rates + &sizes.concat()));
    }

    #[test]
    fn rates_and_sizes_are_exact() {
        assert!((parse_rate("6/min").unwrap().gap_ns() - 1e10).abs() < 1e-3);
        assert!((parse_rate("0.1/s").unwrap().gap_ns() - 1e10).abs() < 1e-3);
        assert_eq!(parse_size("2GiB"), Ok(Size(Milli::from_int(2_048))));
        assert_eq!(parse_size("0.5 TiB"), Ok(Size(Milli::from_int(524_288))));
    }

    #[test]
    fn counts_have_the_right_mean_and_are_never_zero() {
        let key = Dice::new(5).key(Site::new("test-count"));
        // The mean of ceil(Exp(mean)) is 1 / (1 - e^(-1/mean)) = 100.5 for 100.
        let cases = [
            (Count::Fixed(3), 3.0),
            (Count::Uniform { low: 1, high: 9 }, 5.0),
            (Count::Exponential { mean: 100.0 }, 100.5),
            (Count::Lognormal { median: 20.0, sigma: 1.0 }, 20.0 * 1.648_7 + 0.5),
        ];
        for (k, (count, mean)) in cases.into_iter().enumerate() {
            let samples = (0..200_000).map(|n| count.sample(key.draw(k as u64, n)));
            let (sum, least) = samples.fold((0_u64, u32::MAX), |(s, m), n| (s + u64::from(n), m.min(n)));
            assert!(least >= 1);
            assert!((sum as f64 / 200_000.0 / mean - 1.0).abs() < 0.02, "{count:?}: {}", sum as f64 / 200_000.0);
        }
    }

    proptest! {
        #[test]
        fn every_printed_span_reads_back(ns in prop_oneof![-10_000_i64..10_000, i64::MIN + 1..i64::MAX]) {
            prop_assert_eq!(parse_span(&Span(ns).to_string()), Ok(Span(ns)));
        }
        #[test]
        fn no_text_panics(text in "[-0-9.dhmsu µx/]{0,12}") {
            let _ = (parse_span(&text), parse_rate(&text), parse_size(&text));
        }
    }
}
