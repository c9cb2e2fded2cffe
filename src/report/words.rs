//! Numbers, lengths of time and lists as people read them, for tables and sentences.

pub use super::plot::axis::number;

/// A fraction as a percentage with one decimal: `84.7 %`.
#[must_use]
pub fn percent(x: f64) -> String {
    format!("{:.1} %", libm::round(x * 1000.0) / 10.0)
}

/// A whole number, thousands apart.
#[must_use]
pub fn whole(n: i64) -> String {
    number(n as f64)
}

/// A number of things: `1 agent`, `20 agents`.
#[must_use]
pub fn count(n: i64, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", whole(n))
}

/// A length of time in three digits or so: `12.3 ms`, `4.56 s`, `2h 03m`.
#[must_use]
pub fn length(seconds: f64) -> String {
    match seconds {
        s if s <= 0.0 => "0 s".to_owned(),
        s if s < 1e-3 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7_200.0 => format!("{:.0}m {:02.0}s", libm::floor(s / 60.0), libm::floor(s % 60.0)),
        s => format!("{:.0}h {:02.0}m", libm::floor(s / 3600.0), libm::floor(s % 3600.0 / 60.0)),
    }
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// At most `most` of them, and how many are left out.
#[must_use]
pub fn some(mut items: Vec<String>, most: usize) -> String {
    if items.len() > most {
        let others = items.len() - (most - 1);
        items.truncate(most - 1);
        items.push(format!("{others} others"));
    }
    list(&items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_suit_their_size() {
        let texts = [0.0, 2e-5, 0.0123, 4.567, 99.94, 754.0, 90_061.0].map(length);
        assert_eq!(texts, ["0 s", "20 us", "12.3 ms", "4.57 s", "99.9 s", "12m 34s", "25h 01m"]);
    }

    #[test]
    fn lists_end_in_and() {
        let items = |n: i64| (0..n).map(|i| format!("f{i}")).collect::<Vec<_>>();
        assert_eq!([0, 1, 3].map(|n| list(&items(n))), ["", "f0", "f0, f1 and f2"]);
        assert_eq!(some(items(5), 3), "f0, f1 and 3 others");
        assert_eq!((count(1, "agent"), count(1_200, "task")), ("1 agent".into(), "1\u{202f}200 tasks".into()));
        assert_eq!(percent(0.8471), "84.7 %");
    }
}
