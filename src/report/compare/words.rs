//! Numbers and verdicts of a comparison as people read them: as many digits as the interval
//! deserves, units that suit the size, a sentence for each difference.

use crate::analysis::compare::{Difference, Row, Verdict};
use crate::analysis::measure::{Measure, Unit};

/// How the numbers of one metric are shown: alike in all its rows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Style {
    scale: f64,
    decimals: usize,
    unit: &'static str,
    /// Of differences.
    apart: &'static str,
}

/// Digits of half an interval that are shown.
const DIGITS: i32 = 2;

impl Style {
    pub(super) fn of(row: &Row) -> Self {
        let means = row.cells.iter().filter_map(|cell| cell.mean);
        let intervals = || row.cells.iter().filter_map(|cell| cell.difference.as_ref()?.interval);
        let largest = means.chain(intervals().flat_map(|i| [i.low, i.high])).map(f64::abs).fold(0.0, f64::max);
        let (scale, unit, apart) = match row.measure.unit {
            Unit::Seconds if largest < 1.0 => (1e3, " ms", " ms"),
            Unit::Seconds => (1.0, " s", " s"),
            Unit::Share => (100.0, " %", " pp"),
            Unit::Count | Unit::Plain => (1.0, "", ""),
        };
        let halves = intervals().map(|i| (i.high - i.low) / 2.0);
        // Less than that is the dust of binary fractions.
        let finest = halves.filter(|half| *half > largest * 1e-9).fold(f64::INFINITY, f64::min);
        let fine = match row.measure.unit {
            _ if finest.is_finite() => finest,
            Unit::Count => f64::INFINITY,
            _ => largest / 100.0,
        };
        Self { scale, decimals: decimals(fine * scale), unit, apart }
    }

    pub(super) fn value(&self, x: f64) -> String {
        format!("{}{}", self.number(x), self.unit)
    }
    /// A difference with its sign: `+3.1 s`.
    pub(super) fn signed(&self, x: f64) -> String {
        let number = self.number(x);
        let plus = if number.starts_with('-') || is_zero(&number) { "" } else { "+" };
        format!("{plus}{number}{}", self.apart)
    }
    /// Two ends without unit: `[2.2, 4.0]`.
    pub(super) fn range(&self, low: f64, high: f64) -> String {
        format!("[{}, {}]", self.number(low), self.number(high))
    }
    /// `+3.1 s [2.2, 4.0]`
    pub(super) fn difference(&self, d: &Difference) -> String {
        d.interval.map_or("-".into(), |i| format!("{} {}", self.signed(i.mean), self.range(i.low, i.high)))
    }
    fn number(&self, x: f64) -> String {
        let text = format!("{:.*}", self.decimals, x * self.scale);
        let text = if is_zero(&text) { text.trim_start_matches('-').to_owned() } else { text };
        spaced(&text)
    }
}

fn is_zero(text: &str) -> bool {
    !text.contains(|c: char| ('1'..='9').contains(&c))
}

/// Decimals with which `fine` shows `DIGITS` digits.
fn decimals(fine: f64) -> usize {
    if fine <= 0.0 || !fine.is_finite() {
        return 0;
    }
    let order = libm::floor(libm::log10(fine)) as i32;
    (DIGITS - 1 - order).clamp(0, 6) as usize
}

/// Thousands apart.
fn spaced(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut out = sign.to_owned();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out + fraction
}

/// `+3.6 %`, of the first variant's mean.
pub(super) fn relative(d: &Difference) -> String {
    let Some(fraction) = d.relative else { return String::new() };
    let percent = fraction * 100.0;
    // Beyond a hundredfold nobody reads per cent.
    if percent.abs() >= 10_000.0 {
        return format!("x{}", spaced(&format!("{:.0}", fraction + 1.0)));
    }
    let text = if percent.abs() < 10.0 { format!("{percent:+.1} %") } else { format!("{percent:+.0} %") };
    if is_zero(&text) { "0 %".into() } else { text }
}

/// What a difference says, without numbers.
pub(super) fn verdict(measure: &Measure, d: &Difference) -> String {
    match d.verdict {
        Verdict::More => measure.more.clone(),
        Verdict::Less => measure.less.clone(),
        Verdict::Same => "the same with every seed".into(),
        Verdict::NotShown => "no difference shown at 95 %".into(),
        Verdict::TooFew => "fewer than two pairs of runs have a value".into(),
    }
}

/// `random waits longer: +3.1 s [2.2, 4.0]`; nothing is claimed that is not shown.
pub(super) fn sentence(style: &Style, measure: &Measure, variant: &str, d: &Difference) -> String {
    match d.verdict {
        Verdict::More | Verdict::Less => format!("{variant} {}: {}", verdict(measure, d), style.difference(d)),
        Verdict::NotShown => format!("{variant}: {}: {}", verdict(measure, d), style.difference(d)),
        Verdict::Same | Verdict::TooFew => format!("{variant}: {}", verdict(measure, d)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::testing::example;

    #[test]
    fn sentences_have_the_digits_that_they_deserve() {
        let comparison = example();
        let mut lines = Vec::new();
        for row in &comparison.rows {
            let style = Style::of(row);
            for (cell, variant) in row.cells.iter().zip(&comparison.variants) {
                let mean = cell.mean.map_or("-".into(), |mean| style.value(mean));
                let said = cell.difference.as_ref().map_or("the first".to_owned(), |d| {
                    format!("{} ({})", sentence(&style, &row.measure, &variant.name, d), relative(d))
                });
                lines.push(format!("{} | {mean} | {said}", row.measure.label));
            }
        }
        expect_test::expect![[r#"
            web & co: wait until running, p50 | 21.40 s | the first
            web & co: wait until running, p50 | 24.46 s | random waits longer: +3.06 s [2.80, 3.32] (+14 %)
            web & co: wait until running, p50 | 21.41 s | lottery_50%: no difference shown at 95 %: +0.01 s [-0.25, 0.27] (0 %)
            web & co: wait until running, p99 | 66.8 s | the first
            web & co: wait until running, p99 | 75.9 s | random waits longer: +9.1 s [8.0, 10.3] (+14 %)
            web & co: wait until running, p99 | 66.8 s | lottery_50%: no difference shown at 95 %: 0.0 s [-1.1, 1.1] (0 %)
            cpus used | 81.40 % | the first
            cpus used | 76.40 % | random uses less cpus: -5.00 pp [-5.00, -5.00] (-6.1 %)
            cpus used | 81.40 % | lottery_50%: the same with every seed (0 %)
            tasks finished | 10 140 | the first
            tasks finished | 10 145 | random: no difference shown at 95 %: +5 [-18, 29] (+0.1 %)
            tasks finished | 10 145 | lottery_50%: no difference shown at 95 %: +5 [-18, 29] (+0.1 %)
            tasks lost | 2 | the first
            tasks lost | 2 | random: the same with every seed (0 %)
            tasks lost | 2 | lottery_50%: the same with every seed (0 %)"#]].assert_eq(&lines.join("\n"));
    }

    #[test]
    fn digits_follow_the_interval() {
        assert_eq!([0.9, 0.04, 12.0, 1234.0, 0.0].map(decimals), [2, 3, 0, 0, 0]);
        assert_eq!(["1234567.5", "-1000", "999"].map(spaced), ["1\u{202f}234\u{202f}567.5", "-1\u{202f}000", "999"]);
        let style = Style { scale: 1.0, decimals: 1, unit: " s", apart: " s" };
        assert_eq!([0.04, -0.04, -1.0, 2.0].map(|x| style.signed(x)), ["0.0 s", "0.0 s", "-1.0 s", "+2.0 s"]);
    }
}
