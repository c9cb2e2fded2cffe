//! Looks a metric up in a summary by its dotted key.
//!
//! Names of frameworks and `p99.9` hold dots themselves, so a key is split wherever it leads to a
//! number. In the list of faults an element is named by its label or its position.

use serde_json::Value;

/// The number of this key; a truth value counts as 1 or 0. `None` if there is no such key or it
/// has no value (the percentile of no samples).
#[must_use]
pub fn metric(summary: &Value, key: &str) -> Option<f64> {
    match find(summary, key)? {
        Value::Number(n) => n.as_f64(),
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => None,
    }
}

/// Whether the key exists, with a value or without.
#[must_use]
pub fn exists(summary: &Value, key: &str) -> bool {
    matches!(find(summary, key), Some(Value::Number(_) | Value::Bool(_) | Value::Null))
}

fn find<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    if let Some(whole) = child(value, key) {
        return Some(whole);
    }
    let dots = key.match_indices('.').map(|(i, _)| i);
    dots.filter_map(|i| find(child(value, &key[..i])?, &key[i + 1..])).next()
}

fn child<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(name),
        Value::Array(list) => {
            let labelled = list.iter().find(|v| v.get("label").and_then(Value::as_str) == Some(name));
            labelled.or_else(|| list.get(name.parse::<usize>().ok()?))
        }
        _ => None,
    }
}

/// All keys that lead to a number, a truth value or nothing, in order.
#[must_use]
pub fn keys(summary: &Value) -> Vec<String> {
    fn walk(value: &Value, prefix: &str, keys: &mut Vec<String>) {
        let at = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        match value {
            Value::Object(map) => map.iter().for_each(|(name, v)| walk(v, &at(name), keys)),
            Value::Array(list) => {
                for (i, v) in list.iter().enumerate() {
                    let label = v.get("label").and_then(Value::as_str).map_or_else(|| i.to_string(), str::to_owned);
                    walk(v, &at(&label), keys);
                }
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => keys.push(prefix.to_owned()),
            Value::String(_) => {}
        }
    }
    let mut keys = Vec::new();
    walk(summary, "", &mut keys);
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_through_dots_and_lists() {
        let summary = json!({
            "waits": { "web.eu": { "running_s": { "p99.9": 2.5, "p50": null } } },
            "faults": [{ "label": "rack 1", "bit": true }, { "label": "1", "bit": false }],
            "run": { "name": "x" },
        });
        assert_eq!(metric(&summary, "waits.web.eu.running_s.p99.9"), Some(2.5));
        assert_eq!(metric(&summary, "waits.web.eu.running_s.p50"), None);
        assert!(exists(&summary, "waits.web.eu.running_s.p50"));
        assert_eq!(metric(&summary, "faults.rack 1.bit"), Some(1.0));
        assert_eq!(metric(&summary, "faults.1.bit"), Some(0.0));
        assert_eq!(metric(&summary, "faults.0.bit"), Some(1.0));
        assert_eq!(metric(&summary, "run.name"), None);
        assert_eq!(metric(&summary, "waits"), None);
        let all = ["waits.web.eu.running_s.p99.9", "waits.web.eu.running_s.p50", "faults.rack 1.bit", "faults.1.bit"];
        assert_eq!(keys(&summary), all);
    }
}
