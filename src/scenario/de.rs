//! Reads plain structs out of `Value`s with serde; every error points at the words that caused it.
//!
//! Stricter than serde by itself: a struct refuses keys that it does not know even if its author
//! forgot to say so. A custom error may hold two lines: the message and the help.

use super::error::{Diagnostic, Help};
use super::source::Place;
use super::value::{Data, Entry, Table, Value};
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use std::fmt;

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl de::Error for Diagnostic {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        let (message, help) = match text.split_once('\n') {
            Some((message, help)) => (message.to_owned(), Help::Text(help.to_owned())),
            None => (text, Help::None),
        };
        Self { message, place: None, help }
    }
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = plain(expected);
        let help = match expected.as_str() {
            "a whole number" => "write digits only, for example 5",
            "a number" => "write a number without quotes, for example 0.5",
            "a text in quotes" => "put it in quotes",
            "true or false" => "write true or false without quotes",
            "a list" => "write it in square brackets, for example [\"a\", \"b\"]",
            "a table" => "write keys and values, for example { key = 1 }",
            _ => "",
        };
        let line = if help.is_empty() { "" } else { "\n" };
        Self::custom(format_args!("expected {expected}, found {}{line}{help}", describe(&found)))
    }
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let help = match &found {
            Unexpected::Signed(n) if *n < 0 => "\nwrite a number that is not negative",
            Unexpected::Signed(_) | Unexpected::Unsigned(_) => "\nwrite a smaller number",
            _ => "",
        };
        Self::custom(format_args!("expected {}, found {}{help}", plain(expected), describe(&found)))
    }
    fn invalid_length(len: usize, expected: &dyn Expected) -> Self {
        let wanted = plain(expected).replace("a tuple of size ", "a list of ");
        Self::custom(format_args!("expected {wanted}, found a list of {len}\nwrite exactly that many"))
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown(None, "word", variant, expected)
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown(None, "key", field, expected)
    }
    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("missing key `{field}`\nadd `{field} = ...` here"))
    }
    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format_args!("key `{field}` is given twice\nremove one of them"))
    }
}

/// Rust's words for types, in those of a scenario's author.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" => "a text in quotes".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        "a boolean" => "true or false".to_owned(),
        other => other.strip_prefix("struct ").map_or_else(|| other.to_owned(), |_| "a table".to_owned()),
    }
}

fn describe(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(b) => format!("`{b}`"),
        Unexpected::Signed(n) => format!("`{n}`"),
        Unexpected::Unsigned(n) => format!("`{n}`"),
        Unexpected::Float(x) => format!("`{x:?}`"),
        Unexpected::Str(text) => format!("the text {text:?}"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// A table together with the place that stands for it as a whole.
pub(crate) struct TableDeserializer<'de> {
    pub(crate) table: &'de Table,
    pub(crate) place: Place,
}

impl<'de> Deserializer<'de> for TableDeserializer<'de> {
    type Error = Diagnostic;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        visitor.visit_map(Entries { rest: self.table.0.iter(), current: None }).map_err(|e| e.or_at(self.place))
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Diagnostic> {
        let unknown = self.table.0.iter().find(|(key, _)| !fields.contains(&key.as_str()));
        match unknown {
            Some((key, entry)) => Err(Diagnostic::unknown(Some(entry.key_place), "key", key, fields)),
            None => self.deserialize_any(visitor),
        }
    }
    serde::forward_to_deserialize_any! {
        bool u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 char str string seq bytes byte_buf map unit option
        newtype_struct enum ignored_any unit_struct tuple_struct tuple identifier
    }
}

impl<'de> Deserializer<'de> for &'de Value {
    type Error = Diagnostic;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        match &self.data {
            Data::Text(text) => visitor.visit_borrowed_str(text),
            Data::Integer(n) => visitor.visit_i64(*n),
            Data::Float(x) => visitor.visit_f64(*x),
            Data::Boolean(b) => visitor.visit_bool(*b),
            Data::Array(items) => visitor.visit_seq(Items { rest: items.iter() }),
            Data::Table(table) => TableDeserializer { table, place: self.place }.deserialize_any(visitor),
        }
        .map_err(|e: Diagnostic| e.or_at(self.place))
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        visitor.visit_some(self)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Diagnostic> {
        visitor.visit_newtype_struct(self).map_err(|e| e.or_at(self.place))
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Diagnostic> {
        match &self.data {
            Data::Table(table) => {
                TableDeserializer { table, place: self.place }.deserialize_struct(name, fields, visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }
    /// A word, or a table of one key: `"all"`, `{ only = [...] }`.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Diagnostic> {
        let choice = match &self.data {
            Data::Text(word) => Choice { word, place: self.place, value: None },
            Data::Table(table) if table.0.len() == 1 => {
                let (word, Entry { key_place, value }) = &table.0[..].iter().next().expect("one entry");
                Choice { word, place: *key_place, value: Some(value) }
            }
            _ => {
                let help = format!("write one of {}", super::suggest::list(variants));
                return Err(Diagnostic::new(Some(self.place), format!("expected a word, found {}", self.kind()), help));
            }
        };
        visitor.visit_enum(choice).map_err(|e| e.or_at(self.place))
    }
    serde::forward_to_deserialize_any! {
        bool u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 char str string seq bytes byte_buf map unit
        ignored_any unit_struct tuple_struct tuple identifier
    }
}

struct Items<'de> {
    rest: std::slice::Iter<'de, Value>,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Diagnostic;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Diagnostic> {
        self.rest.next().map(|item| seed.deserialize(item)).transpose()
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Entries<'de> {
    rest: indexmap::map::Iter<'de, String, Entry>,
    current: Option<&'de Value>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Diagnostic;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Diagnostic> {
        let Some((key, entry)) = self.rest.next() else { return Ok(None) };
        self.current = Some(&entry.value);
        let key: StrDeserializer<'_, Diagnostic> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|e| e.or_at(entry.key_place))
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Diagnostic> {
        let value = self.current.take().ok_or_else(|| <Diagnostic as de::Error>::custom("value before key"))?;
        seed.deserialize(value).map_err(|e| e.or_at(value.place))
    }
}

struct Choice<'de> {
    word: &'de str,
    place: Place,
    value: Option<&'de Value>,
}

impl<'de> de::EnumAccess<'de> for Choice<'de> {
    type Error = Diagnostic;
    type Variant = Self;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Diagnostic> {
        let word: StrDeserializer<'_, Diagnostic> = self.word.into_deserializer();
        Ok((seed.deserialize(word).map_err(|e| e.or_at(self.place))?, self))
    }
}

impl<'de> Choice<'de> {
    fn value(&self) -> Result<&'de Value, Diagnostic> {
        let missing = || format!("`{}` needs a value\nwrite `{{ {} = ... }}`", self.word, self.word);
        self.value.ok_or_else(|| <Diagnostic as de::Error>::custom(missing()).or_at(self.place))
    }
}

impl<'de> de::VariantAccess<'de> for Choice<'de> {
    type Error = Diagnostic;
    fn unit_variant(self) -> Result<(), Diagnostic> {
        match self.value {
            None => Ok(()),
            Some(value) => {
                let help = format!("write just \"{}\"", self.word);
                Err(Diagnostic::new(Some(value.place), format!("`{}` takes no value", self.word), help))
            }
        }
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Diagnostic> {
        seed.deserialize(self.value()?)
    }
    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Diagnostic> {
        self.value()?.deserialize_any(visitor)
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Diagnostic> {
        self.value()?.deserialize_struct("", fields, visitor)
    }
}
