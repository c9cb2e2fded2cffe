//! "Did you mean": the nearest of the known words.

/// The known word that `wrong` most likely stands for, if any is near enough; the first of equals.
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    // Every third letter may be wrong; beyond that a guess confuses more than it helps.
    let reach = wrong.chars().count() / 3;
    let distances = known.iter().map(|word| (distance(&fold(wrong), &fold(word)), *word));
    distances.filter(|(d, _)| *d <= reach).min_by_key(|(d, _)| *d).map(|(_, word)| word)
}

/// `-`, `_` and case are what people mix up most; they count for nothing.
fn fold(word: &str) -> Vec<char> {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Edit distance with transpositions of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substitute = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitute.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// The words in backquotes with commas between, for a list of what would have been right.
pub fn list(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_typos_and_leaves_strangers_alone() {
        let known = ["latency", "failover_timeout", "name", "role"];
        assert_eq!(nearest("latnecy", &known), Some("latency"));
        assert_eq!(nearest("Failover-Timeout", &known), Some("failover_timeout"));
        assert_eq!(nearest("nmae", &known), Some("name"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("", &known), None);
        assert_eq!(nearest("c", &["a", "b"]), None);
    }
}
