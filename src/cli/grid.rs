//! What `--vary` and `--seeds` say: a grid of variants, a row of seeds.

use super::Failure;
use crate::analysis::compare::Variant;

/// Which seeds to run with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seeds {
    /// So many, from the scenario's own on.
    Count(u64),
    /// From the first to the last, both included.
    Range(u64, u64),
}

impl Seeds {
    /// For clap.
    ///
    /// # Errors
    /// What is wrong and how to write it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let seeds = match text.split_once("..") {
            None => number(text).map(Self::Count),
            Some((first, last)) => {
                let last = last.strip_prefix('=').unwrap_or(last);
                number(first).zip(number(last)).map(|(first, last)| Self::Range(first, last))
            }
        };
        match seeds {
            Some(Self::Count(0)) => Err("no seed, no run".into()),
            Some(Self::Range(first, last)) if last < first => Err(format!("{last} comes before {first}")),
            // As many would take years, so it is a slip; and each of them costs a few words.
            Some(Self::Count(n)) if n > MOST => Err(format!("at most {MOST} seeds")),
            Some(Self::Range(first, last)) if last - first >= MOST => Err(format!("at most {MOST} seeds")),
            Some(seeds) => Ok(seeds),
            None => Err("write how many, as in 10, or the first and the last, as in 1..10".into()),
        }
    }

    /// The seeds, where a scenario's own is `own`.
    pub(super) fn list(self, own: u64) -> Vec<u64> {
        match self {
            Self::Count(n) => (own..=own.saturating_add(n - 1)).collect(),
            Self::Range(first, last) => (first..=last).collect(),
        }
    }
}

const MOST: u64 = 1_000_000;
/// Variants of a grid; more cannot be read side by side.
const MOST_VARIANTS: usize = 100;

/// A key and the values that it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Axis {
    key: String,
    values: Vec<String>,
}

fn refused(what: impl std::fmt::Display, mend: impl std::fmt::Display) -> Failure {
    Failure::Input(format!("error: {what}\nhelp: {mend}"))
}

fn axis(text: &str) -> Result<Axis, Failure> {
    let Some((key, values)) = text.split_once('=') else {
        let what = format!("--vary {text}: there are no values");
        return Err(refused(what, format!("write --vary {text}=ONE,OTHER")));
    };
    let (key, values) = (key.trim().to_owned(), split(values));
    if key == "seed" {
        return Err(refused("--vary seed: every variant is run with every seed", "write --seeds FIRST..LAST"));
    }
    if values.iter().any(String::is_empty) {
        let mend = "write --vary KEY=ONE,OTHER without a comma too many";
        return Err(refused(format!("--vary {text}: a value is empty"), mend));
    }
    if let Some((i, value)) = values.iter().enumerate().find(|(i, value)| values[..*i].contains(value)) {
        let what = format!("--vary {key}: `{value}` is there twice");
        return Err(refused(what, format!("remove it in place {}", i + 1)));
    }
    Ok(Axis { key, values })
}

/// Splits at commas that are outside of quotes, brackets and braces.
fn split(values: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0_i32, None);
    for c in values.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

/// All combinations, the last key fastest.
///
/// # Errors
/// What is wrong with the texts of `--vary`.
pub(super) fn variants(vary: &[String]) -> Result<Vec<Variant>, Failure> {
    let axes = vary.iter().map(|text| axis(text)).collect::<Result<Vec<_>, _>>()?;
    if let Some((i, axis)) = axes.iter().enumerate().find(|(i, a)| axes[..*i].iter().any(|b| b.key == a.key)) {
        let all = [&axes[..i], &axes[i + 1..]].concat();
        let others = all.iter().filter(|a| a.key == axis.key).flat_map(|a| a.values.clone());
        let values: Vec<String> = others.chain(axis.values.clone()).collect();
        let mend = format!("write --vary {}={}", axis.key, values.join(","));
        return Err(refused(format!("--vary {} is there twice", axis.key), mend));
    }
    let count = axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.values.len())).unwrap_or(usize::MAX);
    if count < 2 {
        let mend = "give two values or more, as in --vary allocator.policy=drf,random";
        return Err(refused("there is only one variant, nothing to compare it with", mend));
    }
    if count > MOST_VARIANTS {
        return Err(refused(format!("{count} variants"), format!("vary less: at most {MOST_VARIANTS} are compared")));
    }
    let mut rows: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for axis in &axes {
        let extend = |row: &Vec<(String, String)>| {
            let with = |value: &String| [row.clone(), vec![(axis.key.clone(), value.clone())]].concat();
            axis.values.iter().map(with).collect::<Vec<_>>()
        };
        rows = rows.iter().flat_map(extend).collect();
    }
    Ok(rows.into_iter().map(|overrides| Variant { name: name(&overrides), overrides }).collect())
}

/// Words speak for themselves; numbers and the like need their key.
fn name(overrides: &[(String, String)]) -> String {
    let one = |(key, value): &(String, String)| {
        let word = value.starts_with(char::is_alphabetic) && !matches!(value.as_str(), "true" | "false");
        let last = key.rsplit('.').next().unwrap_or(key);
        let bare = value.trim_matches(|c| c == '"' || c == '\'');
        if word { bare.to_owned() } else { format!("{last}={bare}") }
    };
    overrides.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vary(texts: &[&str]) -> Result<Vec<String>, String> {
        let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        match variants(&texts) {
            Ok(variants) => Ok(variants.into_iter().map(|v| v.name).collect()),
            Err(Failure::Input(text)) => Err(text),
            Err(Failure::Broken) => panic!("it ran nothing"),
        }
    }

    #[test]
    fn a_grid_is_all_combinations() {
        assert_eq!(vary(&["allocator.policy=drf,random"]).unwrap(), ["drf", "random"]);
        let grid = vary(&["allocator.policy=drf,random", "frameworks.a.refuse=1s,5s, 9s"]).unwrap();
        assert_eq!(grid.len(), 6);
        assert_eq!((grid[0].as_str(), grid[5].as_str()), ("drf, refuse=1s", "random, refuse=9s"));
        let tables = vary(&["network.latency='1ms',{ uniform = ['1ms', '3ms'] }"]).unwrap();
        assert_eq!(tables, ["latency=1ms", "latency={ uniform = ['1ms', '3ms'] }"]);
    }

    #[test]
    fn slips_are_told() {
        let wrong = [
            &["allocator.policy"][..],
            &["allocator.policy=drf"],
            &["allocator.policy=drf,,random"],
            &["allocator.policy=drf,drf"],
            &["seed=1,2"],
            &["a=1,2", "a=3"],
            &["a=1,2,3,4,5,6,7,8,9,10,11", "b=1,2,3,4,5,6,7,8,9,10"],
            &[],
        ];
        let told: Vec<String> = wrong.iter().map(|texts| vary(texts).unwrap_err()).collect();
        expect_test::expect![[r#"
            error: --vary allocator.policy: there are no values
            help: write --vary allocator.policy=ONE,OTHER
            error: there is only one variant, nothing to compare it with
            help: give two values or more, as in --vary allocator.policy=drf,random
            error: --vary allocator.policy=drf,,random: a value is empty
            help: write --vary KEY=ONE,OTHER without a comma too many
            error: --vary allocator.policy: `drf` is there twice
            help: remove it in place 2
            error: --vary seed: every variant is run with every seed
            help: write --seeds FIRST..LAST
            error: --vary a is there twice
            help: write --vary a=1,2,3
            error: 110 variants
            help: vary less: at most 100 are compared
            error: there is only one variant, nothing to compare it with
            help: give two values or more, as in --vary allocator.policy=drf,random"#]]
        .assert_eq(&told.join("\n"));
    }

    #[test]
    fn seeds_are_counted_or_named() {
        assert_eq!(Seeds::parse("3").unwrap().list(7), [7, 8, 9]);
        assert_eq!(Seeds::parse("2..4").unwrap().list(7), [2, 3, 4]);
        assert_eq!(Seeds::parse("2..=4").unwrap().list(7), [2, 3, 4]);
        for wrong in ["", "0", "x", "4..2", "1..", "-1", "1..99999999", "99999999"] {
            assert!(Seeds::parse(wrong).is_err(), "{wrong}");
        }
    }
}
