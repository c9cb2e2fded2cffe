//! Shapes of JSON: which fields an object has and of which types, as tables (`tables`), and the
//! one function that checks a value against them, collecting everything that is wrong.
//!
//! Names of errors are those of the peer's JSON library, since clients look at them. Unknown fields
//! are what the peer ignores; they are dropped and listed, so that tools can refuse them.

use crate::base::suggest;
use crate::marathon::model::rejection::{Detail, Rejection};
use serde_json::{Map, Number, Value};

/// The type of a value.
#[derive(Debug)]
pub enum Type {
    Text {
        least: usize,
        most: usize,
        form: Form,
    },
    /// Integers; a double without a fraction counts.
    Whole {
        least: i64,
        most: i64,
    },
    Number {
        least: f64,
        most: f64,
    },
    Flag,
    OneOf(&'static [&'static str]),
    List {
        of: &'static Type,
        least: usize,
        most: usize,
    },
    Object(&'static [Field]),
    /// Any names, values of one type.
    Table(&'static Type),
    /// The type depends on the value.
    Either(fn(&Value) -> &'static Type),
    Any,
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub of: &'static Type,
    pub required: bool,
}

/// Alphabets of names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Free,
    /// Lower-case letters, digits, dashes inside.
    Name,
    /// The same and underscores inside.
    Network,
    /// A relative or absolute path of names with dots.
    Path,
}

/// An optional field.
#[must_use]
pub const fn may(name: &'static str, of: &'static Type) -> Field {
    Field { name, of, required: false }
}

/// A field that must be there.
#[must_use]
pub const fn must(name: &'static str, of: &'static Type) -> Field {
    Field { name, of, required: true }
}

/// What is wrong with a value.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Problems {
    errors: Vec<Detail>,
    /// Whether some value is of a wrong type, not merely out of bounds.
    misshapen: bool,
    /// Fields that nobody knows, with the nearest known name.
    pub unknown: Vec<Detail>,
}

impl Problems {
    fn add(&mut self, path: &str, error: &str, misshapen: bool) {
        self.misshapen |= misshapen;
        add(&mut self.errors, path, error);
    }

    /// Refuses if anything is wrong; `strict`: also unknown fields.
    pub fn refuse(self, strict: bool) -> Result<(), Rejection> {
        if !self.errors.is_empty() {
            return Err(Rejection::Malformed { details: self.errors, semantic: !self.misshapen });
        }
        if strict && !self.unknown.is_empty() {
            return Err(Rejection::Malformed { details: self.unknown, semantic: true });
        }
        Ok(())
    }
}

/// Adds an error to its path's detail.
pub fn add(details: &mut Vec<Detail>, path: &str, error: &str) {
    let path = if path.is_empty() { "/" } else { path };
    match details.iter_mut().find(|detail| detail.path == path) {
        Some(detail) => {
            if detail.errors.iter().all(|known| known != error) {
                detail.errors.push(error.to_owned());
            }
        }
        None => details.push(Detail { path: path.to_owned(), errors: vec![error.to_owned()] }),
    }
}

/// The value with unknown fields and nulls left out. After a problem the result is of no use.
pub fn check(value: &Value, of: &Type, path: &str, problems: &mut Problems) -> Value {
    match of {
        Type::Any => {}
        Type::Flag => {
            if !value.is_boolean() {
                problems.add(path, "error.expected.jsboolean", true);
            }
        }
        Type::Text { least, most, form } => match value.as_str() {
            None => problems.add(path, "error.expected.jsstring", true),
            Some(text) if text.chars().count() < *least => problems.add(path, "error.minLength", false),
            Some(text) if text.chars().count() > *most => problems.add(path, "error.maxLength", false),
            Some(text) if !form.fits(text) => problems.add(path, "error.pattern", false),
            Some(_) => {}
        },
        Type::OneOf(words) => match value.as_str() {
            None => problems.add(path, "error.expected.jsstring", true),
            // Words are compared as the peer's enumerations are, without case.
            Some(text) => match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                None => problems.add(path, "error.unknown.enum.literal", false),
                Some(word) => return Value::from(*word),
            },
        },
        Type::Whole { least, most } => match value.as_f64() {
            None => problems.add(path, "error.expected.jsnumber", true),
            Some(number) if number.fract() != 0.0 => problems.add(path, "error.expected.int", true),
            Some(number) if number < *least as f64 => problems.add(path, "error.min", false),
            Some(number) if number > *most as f64 => problems.add(path, "error.max", false),
            Some(number) => return Value::from(number as i64),
        },
        Type::Number { least, most } => match value.as_f64() {
            None => problems.add(path, "error.expected.jsnumber", true),
            Some(number) if number < *least => problems.add(path, "error.min", false),
            Some(number) if number > *most => problems.add(path, "error.max", false),
            Some(number) => return self::number(number),
        },
        Type::List { of, least, most } => {
            let Some(items) = value.as_array() else {
                problems.add(path, "error.expected.jsarray", true);
                return Value::Null;
            };
            if items.len() < *least {
                problems.add(path, "error.minLength", false);
            }
            if items.len() > *most {
                problems.add(path, "error.maxLength", false);
            }
            let checked = items.iter().enumerate();
            return checked.map(|(i, item)| check(item, of, &format!("{path}({i})"), problems)).collect();
        }
        Type::Table(of) => {
            let Some(entries) = value.as_object() else {
                problems.add(path, "error.expected.jsobject", true);
                return Value::Null;
            };
            let checked = entries.iter();
            let checked = checked.map(|(key, item)| (key.clone(), check(item, of, &format!("{path}/{key}"), problems)));
            return Value::Object(checked.collect());
        }
        Type::Object(fields) => {
            let Some(entries) = value.as_object() else {
                problems.add(path, "error.expected.jsobject", true);
                return Value::Null;
            };
            return Value::Object(check_object(entries, fields, path, problems));
        }
        Type::Either(choose) => return check(value, choose(value), path, problems),
    }
    value.clone()
}

fn check_object(
    entries: &Map<String, Value>,
    fields: &[Field],
    path: &str,
    problems: &mut Problems,
) -> Map<String, Value> {
    let mut checked = Map::new();
    for field in fields {
        match entries.get(field.name).filter(|value| !value.is_null()) {
            Some(value) => {
                let value = check(value, field.of, &format!("{path}/{}", field.name), problems);
                checked.insert(field.name.to_owned(), value);
            }
            None if field.required => problems.add(&format!("{path}/{}", field.name), "error.path.missing", true),
            None => {}
        }
    }
    for name in entries.keys().filter(|name| fields.iter().all(|field| field.name != **name)) {
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let hint = match suggest::nearest(name, &known) {
            Some(near) => format!("unknown field; did you mean `{near}`?"),
            None => format!("unknown field; known here: {}", suggest::list(&known)),
        };
        add(&mut problems.unknown, &format!("{path}/{name}"), &hint);
    }
    checked
}

impl Form {
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        match self {
            Self::Free => true,
            Self::Name => is_label(text, false),
            Self::Network => is_label(text, true),
            Self::Path => {
                let text = text.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(text);
                let text = text.strip_prefix('/').unwrap_or(text);
                let segment = |part: &str| matches!(part, "." | "..") || part.split('.').all(|l| is_label(l, false));
                text.is_empty() || text.split('/').all(segment)
            }
        }
    }
}

/// Lower-case letters and digits, with dashes (and underscores) between.
fn is_label(text: &str, underscores: bool) -> bool {
    let outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| outer(c) || c == '-' || (underscores && c == '_');
    text.starts_with(outer) && text.ends_with(outer) && text.chars().all(inner)
}

/// A number as JSON: whole ones without a fraction.
#[must_use]
pub fn number(v: f64) -> Value {
    if v.fract() == 0.0 && v.abs() < 9e15 {
        Value::from(v as i64)
    } else {
        Number::from_f64(v).map_or(Value::Null, Value::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static COUNT: Type = Type::Whole { least: 0, most: 9 };
    static NAME: Type = Type::Text { least: 1, most: 5, form: Form::Name };
    static INNER: Type = Type::Object(&[must("name", &NAME), may("kind", &Type::OneOf(&["TCP", "UDP"]))]);
    static LIST: Type = Type::List { of: &INNER, least: 0, most: 2 };
    static OUTER: Type = Type::Object(&[may("count", &COUNT), may("list", &LIST), may("flag", &Type::Flag)]);

    fn refused(value: &Value, strict: bool) -> Value {
        let mut problems = Problems::default();
        check(value, &OUTER, "", &mut problems);
        match problems.refuse(strict) {
            Ok(()) => json!("good"),
            Err(rejection) => {
                let response = rejection.response();
                let crate::http::Body::Json(body) = response.body else { return json!("no body") };
                json!([response.status, body["details"]])
            }
        }
    }

    #[test]
    fn all_errors_come_at_once_with_their_places() {
        let wrong = json!({ "count": "3", "flag": 1, "list": [{}, { "name": "Ab", "kind": "icmp" }] });
        let details = json!([400, [
            { "path": "/count", "errors": ["error.expected.jsnumber"] },
            { "path": "/list(0)/name", "errors": ["error.path.missing"] },
            { "path": "/list(1)/name", "errors": ["error.pattern"] },
            { "path": "/list(1)/kind", "errors": ["error.unknown.enum.literal"] },
            { "path": "/flag", "errors": ["error.expected.jsboolean"] },
        ]]);
        assert_eq!(refused(&wrong, false), details);
        assert_eq!(refused(&json!([]), false), json!([400, [{ "path": "/", "errors": ["error.expected.jsobject"] }]]));
    }

    #[test]
    fn values_out_of_bounds_are_semantic_errors() {
        let details = json!([422, [{ "path": "/count", "errors": ["error.max"] }]]);
        assert_eq!(refused(&json!({ "count": 10 }), false), details);
        let details = json!([400, [{ "path": "/count", "errors": ["error.expected.int"] }]]);
        assert_eq!(refused(&json!({ "count": 1.5 }), false), details);
        assert_eq!(refused(&json!({ "count": 4.0, "flag": null }), true), json!("good"));
    }

    #[test]
    fn unknown_fields_are_dropped_or_refused_with_a_hint() {
        let value = json!({ "cuont": 1, "colour": 2, "count": 3 });
        assert_eq!(refused(&value, false), json!("good"));
        let details = json!([422, [
            { "path": "/cuont", "errors": ["unknown field; did you mean `count`?"] },
            { "path": "/colour", "errors": ["unknown field; known here: `count`, `list`, `flag`"] },
        ]]);
        assert_eq!(refused(&value, true), details);
        assert_eq!(check(&value, &OUTER, "", &mut Problems::default()), json!({ "count": 3 }));
    }

    #[test]
    fn enumerations_ignore_case_and_paths_know_their_alphabet() {
        let mut problems = Problems::default();
        let value = check(&json!({ "name": "a", "kind": "udp" }), &INNER, "", &mut problems);
        assert_eq!(value, json!({ "name": "a", "kind": "UDP" }));
        for good in ["/", "web", "/shop/db", "../db", "a.b-c.d/e", "/shop/", "."] {
            assert!(Form::Path.fits(good), "{good}");
        }
        for bad in ["Web", "a//b", "a_b", "-a", "a-", "/a b", "a..b"] {
            assert!(!Form::Path.fits(bad), "{bad}");
        }
    }
}
