//! A TOML document as an owned tree that remembers places and the order of keys.
//!
//! `toml`'s own tree borrows the text and sorts the keys; roles and frameworks keep the order of
//! the file, and a section outlives the text.

use super::error::{Diagnostic, Help};
use super::source::{Place, Sources};
use crate::base::digest::Digest;
use crate::base::map::Map;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) place: Place,
    pub(crate) data: Data,
}

#[derive(Clone, Debug)]
pub(crate) enum Data {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Value>),
    Table(Table),
}

/// Keys in the order of the file; those that an override adds come last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(pub(crate) Map<String, Entry>);

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key_place: Place,
    pub(crate) value: Value,
}

impl Value {
    /// What it is, with an article, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.data {
            Data::Text(_) => "a text",
            Data::Integer(_) => "a whole number",
            Data::Float(_) => "a number",
            Data::Boolean(_) => "a boolean",
            Data::Array(_) => "a list",
            Data::Table(_) => "a table",
        }
    }
    /// Canonical bytes: independent of layout, comments, order of keys and the writing of numbers.
    pub(crate) fn digest(&self, into: &mut Digest) {
        match &self.data {
            Data::Text(text) => {
                into.put(b"t");
                into.put_text(text);
            }
            Data::Integer(n) => {
                into.put(b"n");
                into.put_text(&n.to_string());
            }
            // Prints whole values without a point, so 4.0 and 4 are the same.
            Data::Float(x) => {
                into.put(b"n");
                into.put_text(&x.to_string());
            }
            Data::Boolean(b) => into.put(if *b { b"y" } else { b"f" }),
            Data::Array(items) => {
                into.put(b"a");
                into.put_u64(items.len() as u64);
                items.iter().for_each(|item| item.digest(into));
            }
            Data::Table(table) => table.digest(into),
        }
    }
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).map(|entry| &entry.value)
    }
    /// Takes a key out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key).map(|entry| entry.value)
    }
    /// Moves the given keys into a table of their own.
    pub(crate) fn split(&mut self, keys: &[&str]) -> Self {
        Self(keys.iter().filter_map(|&key| self.0.shift_remove_entry(key)).collect())
    }
    pub(crate) fn digest(&self, into: &mut Digest) {
        let mut keys: Vec<&String> = self.0.keys().collect();
        keys.sort_unstable();
        into.put(b"{");
        into.put_u64(keys.len() as u64);
        for key in keys {
            into.put_text(key);
            self.0[key].value.digest(into);
        }
    }
}

/// Parses one of the texts as a document.
pub(crate) fn parse_document(sources: &Sources, file: u32) -> Result<Table, Diagnostic> {
    let text = &sources.texts[file as usize].text;
    let document = DeTable::parse(text).map_err(|e| syntax(&e, file, 0, text.len()))?;
    table(document.get_ref(), file, 0)
}

/// Parses one value that begins at `offset` of a text.
pub(crate) fn parse_value(text: &str, file: u32, offset: usize) -> Result<Value, Diagnostic> {
    let parsed = DeValue::parse(text).map_err(|e| syntax(&e, file, offset, text.len()))?;
    value(parsed.get_ref(), parsed.span(), file, offset)
}

fn syntax(error: &toml::de::Error, file: u32, offset: usize, len: usize) -> Diagnostic {
    let mut lines = error.message().lines();
    let message = lines.next().unwrap_or("this is not TOML").to_owned();
    let rest: Vec<&str> = lines.collect();
    let help = if message == "duplicate key" {
        "remove one of the two".to_owned()
    } else if rest.is_empty() {
        "see https://toml.io for how to write keys, tables and values".to_owned()
    } else {
        rest.join(", ")
    };
    Diagnostic { message, place: Some(place(error.span().unwrap_or(0..len), file, offset)), help: Help::Text(help) }
}

pub(crate) fn place(span: Range<usize>, file: u32, offset: usize) -> Place {
    Place { file, start: (span.start + offset) as u32, end: (span.end + offset) as u32 }
}

fn table(from: &DeTable<'_>, file: u32, offset: usize) -> Result<Table, Diagnostic> {
    let mut entries: Vec<_> = from.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut to = Table::default();
    for (key, item) in entries {
        let entry = Entry {
            key_place: place(key.span(), file, offset),
            value: value(item.get_ref(), item.span(), file, offset)?,
        };
        to.0.insert(key.get_ref().to_string(), entry);
    }
    Ok(to)
}

fn value(from: &DeValue<'_>, span: Range<usize>, file: u32, offset: usize) -> Result<Value, Diagnostic> {
    let place = place(span, file, offset);
    let data = match from {
        DeValue::String(text) => Data::Text(text.to_string()),
        DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => Data::Integer(n),
            Err(_) => return Err(Diagnostic::new(Some(place), "this number is too large", "write a smaller one")),
        },
        DeValue::Float(x) => match x.as_str().parse::<f64>() {
            Ok(x) if x.is_finite() => Data::Float(x),
            _ => return Err(Diagnostic::new(Some(place), "this number is not finite", "write a finite one")),
        },
        DeValue::Boolean(b) => Data::Boolean(*b),
        DeValue::Datetime(_) => {
            let help = "simulated time starts at 0: write a duration such as \"1h30m\"";
            return Err(Diagnostic::new(Some(place), "a scenario has no dates", help));
        }
        DeValue::Array(items) => {
            let items = items.iter().map(|item| value(item.get_ref(), item.span(), file, offset));
            Data::Array(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(t) => Data::Table(table(t, file, offset)?),
    };
    Ok(Value { place, data })
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.data {
            Data::Text(text) => to.serialize_str(text),
            Data::Integer(n) => to.serialize_i64(*n),
            Data::Float(x) => to.serialize_f64(*x),
            Data::Boolean(b) => to.serialize_bool(*b),
            Data::Array(items) => to.collect_seq(items),
            Data::Table(table) => table.serialize(to),
        }
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (key, entry) in &self.0 {
            map.serialize_entry(key, &entry.value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn parse(text: &str) -> Table {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", text);
        parse_document(&sources, file).unwrap()
    }
    fn digest(text: &str) -> String {
        let mut into = Digest::default();
        parse(text).digest(&mut into);
        into.hex()
    }

    #[test]
    fn digest_sees_content_only() {
        let a = digest("b = 4.0 # four\na = [1, 'x']\n[t]\nk = { z = true, y = 0x10 }");
        assert_eq!(a, digest("a = [\n 1,\n \"x\" ]\nb = 4\n\nt.k.y = 16\nt.k.z = true"));
        assert_ne!(a, digest("a = [1, \"x\"]\nb = 4\nt.k.y = 17\nt.k.z = true"));
        assert_ne!(digest("a = ['x', 'y']"), digest("a = ['xy']"));
        assert_ne!(digest("a = 'true'"), digest("a = true"));
    }

    #[test]
    fn prints_in_the_order_of_the_file_and_reads_back() {
        let text = "z = 1\n[t.b]\nx = 0.5\n[t.a]\ny = { min = \"1s\" }\n[[w]]\nn = 1\n[[w]]\nn = 2\n[s]\nq = true\n";
        let printed = toml::to_string(&parse(text)).unwrap();
        expect![[r#"
            z = 1

            [t.b]
            x = 0.5

            [t.a.y]
            min = "1s"

            [[w]]
            n = 1

            [[w]]
            n = 2

            [s]
            q = true
        "#]]
        .assert_eq(&printed);
        assert_eq!(digest(text), digest(&printed));
    }
}
