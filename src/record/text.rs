//! Exact decimal text of fixed-point integers, both ways: what is written reads back unchanged,
//! on every platform.

/// `value` / 10^`decimals` without trailing zeros: `1500` with 3 decimals is `1.5`.
#[must_use]
pub fn fixed(value: i64, decimals: usize) -> String {
    let scale = 10_u64.pow(decimals as u32);
    let (sign, abs) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    if abs % scale == 0 {
        return format!("{sign}{}", abs / scale);
    }
    let rest = format!("{:0decimals$}", abs % scale);
    format!("{sign}{}.{}", abs / scale, rest.trim_end_matches('0'))
}

/// The inverse of `fixed`; `None` for anything that it cannot have written.
#[must_use]
pub fn parse_fixed(text: &str, decimals: usize) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let clean = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || rest.len() > decimals || !clean(whole) || !clean(rest) {
        return None;
    }
    let value: i64 = format!("{whole}{rest:0<decimals$}").parse().ok()?;
    Some(if negative { -value } else { value })
}

/// Nanoseconds as seconds.
#[must_use]
pub fn seconds(ns: i64) -> String {
    fixed(ns, 9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_without_trailing_zeros() {
        assert_eq!(fixed(1_500_000, 6), "1.5");
        assert_eq!(fixed(-1, 6), "-0.000001");
        assert_eq!(fixed(7_000_000, 6), "7");
        assert_eq!(parse_fixed("1.0000001", 6), None);
        assert_eq!(parse_fixed("1e3", 6), None);
        assert_eq!(parse_fixed("", 6), None);
    }

    proptest! {
        #[test]
        fn reads_back(value in -(1_i64 << 60)..1_i64 << 60, decimals in 1_usize..10) {
            prop_assert_eq!(parse_fixed(&fixed(value, decimals), decimals), Some(value));
        }
    }
}
