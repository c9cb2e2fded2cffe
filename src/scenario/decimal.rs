//! Decimal text to whole numbers of a small unit, exactly: no double in between.

use std::fmt;

/// Why a text is not such a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    NotANumber,
    /// More decimals than the smallest unit has.
    TooFine(u32),
    TooLarge,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber => f.write_str("not a number"),
            Self::TooFine(digits) => write!(f, "finer than {digits} decimals"),
            Self::TooLarge => f.write_str("too large"),
        }
    }
}

/// Reads `12`, `-0.25` or `.5` as a number of `unit`s; `unit` is a power of ten times a whole
/// number, and the text must come out as a whole number of them.
///
/// # Errors
/// If the text is no plain decimal (exponents are none), or not exactly representable.
pub fn scaled(text: &str, unit: i64) -> Result<i64, Wrong> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !all_digits(whole) || !all_digits(part) {
        return Err(Wrong::NotANumber);
    }
    let part = part.trim_end_matches('0');
    // 10^18 and 10^18 more fit an i128 with room for the unit.
    if whole.trim_start_matches('0').len() > 18 {
        return Err(Wrong::TooLarge);
    }
    if part.len() > 15 {
        return Err(Wrong::TooFine(unit.ilog10()));
    }
    let number = |s: &str| s.bytes().fold(0_i128, |n, b| n * 10 + i128::from(b - b'0'));
    let scale = 10_i128.pow(part.len() as u32);
    let scaled = (number(whole) * scale + number(part)) * i128::from(unit);
    if scaled % scale != 0 {
        return Err(Wrong::TooFine(unit.ilog10()));
    }
    let value = i64::try_from(scaled / scale).map_err(|_| Wrong::TooLarge)?;
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_where_a_double_is_not() {
        assert_eq!(scaled("86399.999999999", 1_000_000_000), Ok(86_399_999_999_999));
        assert_eq!(scaled("0.29", 1_000), Ok(290));
        assert_eq!(scaled("-.5", 1_000), Ok(-500));
        assert_eq!(scaled("2.", 1_000), Ok(2_000));
        assert_eq!(scaled("0.5000", 10), Ok(5));
        assert_eq!(scaled("1.5", 86_400), Ok(129_600));
        assert_eq!(scaled("0.0001", 1_000), Err(Wrong::TooFine(3)));
        assert_eq!(scaled("9999999999999", 1_000_000_000), Err(Wrong::TooLarge));
        assert_eq!(scaled("99999999999999999999", 1), Err(Wrong::TooLarge));
        for text in ["", ".", "-", "1e3", "+1", "1,5", "0x1", "nan", " 1", "1 "] {
            assert_eq!(scaled(text, 1_000), Err(Wrong::NotANumber), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_prints(ns in 0_i64..i64::MAX) {
            let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
            prop_assert_eq!(scaled(&text, 1_000_000_000), Ok(ns));
        }
    }
}
