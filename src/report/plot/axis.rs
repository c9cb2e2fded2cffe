//! Axes: range, ticks and their texts, in units that suit what is shown.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scale {
    Linear,
    Log,
    /// Linear, of simulated time in seconds.
    Time,
}

/// A linear or logarithmic axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    /// Quantity and unit.
    pub title: String,
    pub min: f64,
    pub max: f64,
    pub scale: Scale,
    pub ticks: Vec<(f64, String)>,
    /// Where lines run across, if not at the ticks.
    pub lines: Option<Vec<f64>>,
}

impl Axis {
    /// Simulated time from 0 to `end_s`, in s, min, h or d.
    #[must_use]
    pub fn time(end_s: f64) -> Self {
        const UNITS: [(&str, f64, f64, &[f64]); 4] = [
            ("s", 1.0, 300.0, &[1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0]),
            ("min", 60.0, 10_800.0, &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0]),
            ("h", 3_600.0, 259_200.0, &[0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0]),
            ("d", 86_400.0, f64::INFINITY, &[0.5, 1.0, 2.0, 5.0, 7.0, 14.0, 30.0, 60.0, 100.0, 365.0]),
        ];
        let end_s = if end_s > 0.0 { end_s } else { 1.0 };
        let (unit, size, _, steps) = UNITS.into_iter().find(|u| end_s <= u.2).unwrap_or(UNITS[3]);
        let end = end_s / size;
        let fallback = nice_step(end / 8.0);
        let step = steps.iter().copied().find(|s| end / s <= 10.0 && end / s >= 2.0).unwrap_or(fallback);
        let ticks = ticks(0.0, end, step).into_iter().map(|v| (v * size, number(v)));
        let (title, ticks) = (format!("simulated time ({unit})"), ticks.collect());
        Self { title, min: 0.0, max: end_s, scale: Scale::Time, ticks, lines: None }
    }

    /// Fractions as percentages from 0 to at least `top` (1 for all).
    #[must_use]
    pub fn percent(title: &str, top: f64) -> Self {
        let (max, step) = if top > 0.5 { (top.max(1.0), 0.25) } else { round_up(top.max(0.01)) };
        let ticks = ticks(0.0, max, step).into_iter().map(|v| (v, format!("{} %", number(v * 100.0))));
        Self { title: title.to_owned(), min: 0.0, max, scale: Scale::Linear, ticks: ticks.collect(), lines: None }
    }

    /// Amounts from 0 to at least `top`.
    #[must_use]
    pub fn amount(title: &str, top: f64) -> Self {
        let (max, step) = round_up(if top > 0.0 { top } else { 1.0 });
        let ticks = ticks(0.0, max, step).into_iter().map(|v| (v, number(v)));
        Self { title: title.to_owned(), min: 0.0, max, scale: Scale::Linear, ticks: ticks.collect(), lines: None }
    }

    /// Lengths of time from the decade of `low` to a round end not below `high` seconds.
    #[must_use]
    pub fn log_seconds(title: &str, low: f64, high: f64) -> Self {
        let first = libm::floor(libm::log10(low.max(1e-9))) as i32;
        let last = (libm::floor(libm::log10(high.max(1e-9))) as i32).max(first + 1);
        let decade = |k: i32| if k < 0 { 1.0 / tens(-k) } else { tens(k) };
        let ticks = (first..=last).map(|k| (decade(k), span_text(k))).collect();
        let max = nice_step(high).max(decade(last));
        Self { title: title.to_owned(), min: decade(first), max, scale: Scale::Log, ticks, lines: None }
    }

    /// Names at places from 0 to `max`, without lines across.
    #[must_use]
    pub fn names(title: &str, max: f64, ticks: Vec<(f64, String)>) -> Self {
        Self { title: title.to_owned(), min: 0.0, max, scale: Scale::Linear, ticks, lines: Some(Vec::new()) }
    }

    /// Where a value lies between both ends, 0 to 1; values outside stick to the ends.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let value = value.clamp(self.min, self.max);
        if self.scale == Scale::Log {
            libm::log10(value / self.min) / libm::log10(self.max / self.min)
        } else {
            (value - self.min) / (self.max - self.min)
        }
    }
}

fn tens(k: i32) -> f64 {
    (0..k).fold(1.0, |x, _| x * 10.0)
}

/// `10^k` seconds in a unit that people read.
fn span_text(k: i32) -> String {
    match k {
        ..-6 => format!("{} ns", number(tens((k + 9).max(0)))),
        -6..-3 => format!("{} us", number(tens(k + 6))),
        -3..0 => format!("{} ms", number(tens(k + 3))),
        _ => format!("{} s", number(tens(k))),
    }
}

/// The step of 1, 2 or 5 times a power of ten that is not below `raw`.
#[must_use]
pub fn nice_step(raw: f64) -> f64 {
    let power = libm::floor(libm::log10(raw)) as i32;
    let base = if power < 0 { 1.0 / tens(-power) } else { tens(power) };
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * base).find(|s| *s >= raw * 0.999_999).unwrap_or(10.0 * base)
}

/// A round end not below `top` and a step with three to five ticks.
fn round_up(top: f64) -> (f64, f64) {
    let step = nice_step(top / 4.0);
    (libm::ceil(top / step - 1e-9) * step, step)
}

fn ticks(from: f64, to: f64, step: f64) -> Vec<f64> {
    let count = libm::floor((to - from) / step + 1e-9) as i64;
    (0..=count).map(|i| from + step * i as f64).collect()
}

/// Up to three decimals, thousands apart: `12 500`, `0.25`.
#[must_use]
pub fn number(v: f64) -> String {
    let text = crate::record::text::fixed(libm::round(v * 1000.0) as i64, 3);
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(w, r)| (w, Some(r)));
    let digits = whole.len();
    let spaced: String = (whole.chars().enumerate())
        .flat_map(|(i, c)| {
            (i > 0 && (digits - i) % 3 == 0 && !whole.starts_with('-')).then_some('\u{202f}').into_iter().chain([c])
        })
        .collect();
    rest.map_or(spaced.clone(), |r| format!("{spaced}.{r}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> String {
        let ticks: Vec<&str> = axis.ticks.iter().map(|t| t.1.as_str()).collect();
        format!("{}: {}", axis.title, ticks.join(" | "))
    }

    #[test]
    fn units_follow_the_span() {
        assert_eq!(
            texts(&Axis::time(100.0)),
            "simulated time (s): 0 | 10 | 20 | 30 | 40 | 50 | 60 | 70 | 80 | 90 | 100"
        );
        assert_eq!(texts(&Axis::time(3_435.0)), "simulated time (min): 0 | 10 | 20 | 30 | 40 | 50");
        assert_eq!(texts(&Axis::time(86_400.0)), "simulated time (h): 0 | 3 | 6 | 9 | 12 | 15 | 18 | 21 | 24");
        assert!(texts(&Axis::time(0.02)).starts_with("simulated time (s): 0 | 0.005"));
        assert!(texts(&Axis::time(4e9)).contains("(d)"));
    }

    #[test]
    fn values_get_round_ends() {
        assert_eq!(texts(&Axis::amount("tasks", 12_300.0)), "tasks: 0 | 5\u{202f}000 | 10\u{202f}000 | 15\u{202f}000");
        assert_eq!(texts(&Axis::percent("share", 0.31)), "share: 0 % | 10 % | 20 % | 30 % | 40 %");
        assert_eq!(texts(&Axis::log_seconds("wait", 0.02, 300.0)), "wait: 10 ms | 100 ms | 1 s | 10 s | 100 s");
        let log = Axis::log_seconds("wait", 0.01, 100.0);
        assert!((log.place(1.0) - 0.5).abs() < 1e-12 && log.place(0.0) == 0.0);
    }
}
