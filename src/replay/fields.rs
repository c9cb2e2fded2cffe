//! Strict reading of JSON: every field of an object is taken by name, and what is left over is an
//! error. Errors say the path within the event.

use super::Fault;
use super::event::Amounts;
use crate::base::quantity::Milli;
use crate::base::time::Span;
use crate::mesos::resource::Resources;
use serde_json::{Map, Value as Json};

pub(super) type Fallible<T> = Result<T, Fault>;

/// The longest time that a case may tell: a hundred years.
pub(super) const MOST_SECONDS: f64 = 3.2e9;

/// The largest amount of a quota or a minimum: an exabyte in MiB, as upstream has it.
const MOST_AMOUNT: f64 = 1_099_511_627_776.0;

/// A value and the path to it.
#[derive(Clone)]
pub(super) struct At<'a> {
    pub(super) value: &'a Json,
    pub(super) path: String,
}

/// An object whose fields are being taken.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Json>,
    path: String,
    taken: Vec<&'static str>,
}

impl<'a> At<'a> {
    pub(super) fn top(value: &'a Json) -> Self {
        Self { value, path: String::new() }
    }
    pub(super) fn error(&self, what: &str, mend: &str) -> Fault {
        let what = if self.path.is_empty() { what.to_owned() } else { format!("`{}`: {what}", self.path) };
        Fault::new(what, mend)
    }
    pub(super) fn fields(&self) -> Fallible<Fields<'a>> {
        let Json::Object(map) = self.value else { return Err(self.error("not an object", "write `{...}`")) };
        Ok(Fields { map, path: self.path.clone(), taken: Vec::new() })
    }
    pub(super) fn list(&self) -> Fallible<Vec<Self>> {
        let Json::Array(list) = self.value else { return Err(self.error("not a list", "write `[...]`")) };
        Ok(list.iter().enumerate().map(|(i, value)| At { value, path: format!("{}[{i}]", self.path) }).collect())
    }
    /// Keys and values of an object in which any key may stand.
    pub(super) fn entries(&self) -> Fallible<Vec<(&'a str, Self)>> {
        let Json::Object(map) = self.value else { return Err(self.error("not an object", "write `{...}`")) };
        let entry = |(key, value): (&'a String, &'a Json)| {
            (key.as_str(), At { value, path: format!("{}.{key}", self.path).trim_start_matches('.').to_owned() })
        };
        Ok(map.iter().map(entry).collect())
    }
    pub(super) fn text(&self) -> Fallible<String> {
        let text = self.value.as_str().ok_or_else(|| self.error("not a text", "write it in quotes"))?;
        Ok(text.to_owned())
    }
    pub(super) fn texts(&self) -> Fallible<Vec<String>> {
        self.list()?.iter().map(At::text).collect()
    }
    pub(super) fn flag(&self) -> Fallible<bool> {
        self.value.as_bool().ok_or_else(|| self.error("not a flag", "write `true` or `false`"))
    }
    pub(super) fn number(&self) -> Fallible<f64> {
        let number = self.value.as_f64().filter(|number| number.is_finite());
        number.ok_or_else(|| self.error("not a number", "write one"))
    }
    pub(super) fn whole(&self) -> Fallible<u64> {
        self.value.as_u64().ok_or_else(|| self.error("not a whole number of at least 0", "write one"))
    }
    /// Seconds, of either sign.
    pub(super) fn seconds(&self) -> Fallible<Span> {
        let seconds = self.number()?;
        if seconds.abs() > MOST_SECONDS {
            return Err(self.error("more than a hundred years", "write a shorter time in seconds"));
        }
        Ok(Span::from_secs_f64(seconds))
    }
    pub(super) fn amounts(&self) -> Fallible<Amounts> {
        let mut amounts = Amounts::new();
        for (name, at) in self.entries()? {
            let number = at.number()?;
            if number < 0.0 {
                return Err(at.error("the amount is negative", "write at least 0"));
            }
            if number > MOST_AMOUNT {
                return Err(at.error("the amount is too large", "write less, or leave out what is unlimited"));
            }
            if name.is_empty() {
                return Err(at.error("a resource has no name", "name it"));
            }
            amounts.insert(name.to_owned(), Milli::from_f64(number));
        }
        Ok(amounts)
    }
    pub(super) fn amount_sets(&self) -> Fallible<Vec<Amounts>> {
        self.list()?.iter().map(At::amounts).collect()
    }
    /// Resources, of which every field must be known.
    pub(super) fn resources(&self) -> Fallible<Resources> {
        for one in self.list()? {
            for (key, at) in one.entries()? {
                match key {
                    "name" | "type" | "scalar" | "ranges" | "set" | "role" | "reservation" | "reservations"
                    | "disk" | "disk_source" | "persistence_id" | "revocable" | "shared" | "provider_id" => {}
                    "allocation_info" => {
                        return Err(at.error("resources of a case are allocated to nobody", "leave it out"));
                    }
                    _ => return Err(at.error("no field of a resource", "correct or remove it")),
                }
            }
        }
        Resources::from_json(self.value).map_err(|error| {
            let place = error.place.to_string();
            Fault::new(format!("`{}` at {place}: {}", self.path, error.what), error.mend)
        })
    }
}

impl<'a> Fields<'a> {
    /// A field that may be missing. Null is a value like any other.
    pub(super) fn get(&mut self, name: &'static str) -> Option<At<'a>> {
        self.taken.push(name);
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        self.map.get(name).map(|value| At { value, path })
    }
    pub(super) fn needed(&mut self, name: &'static str) -> Fallible<At<'a>> {
        let path = self.path.clone();
        self.get(name).ok_or_else(|| {
            let place = if path.is_empty() { "the object".to_owned() } else { format!("`{path}`") };
            Fault::new(format!("{place} has no `{name}`"), "add it")
        })
    }
    pub(super) fn text(&mut self, name: &'static str) -> Fallible<String> {
        self.needed(name)?.text()
    }
    /// An id or a name, of which there must be something.
    pub(super) fn id(&mut self, name: &'static str) -> Fallible<String> {
        let at = self.needed(name)?;
        let text = at.text()?;
        if text.is_empty() { Err(at.error("the text is empty", "write an id")) } else { Ok(text) }
    }
    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> Fallible<bool> {
        self.get(name).map_or(Ok(default), |at| at.flag())
    }
    pub(super) fn texts(&mut self, name: &'static str) -> Fallible<Vec<String>> {
        self.get(name).map_or(Ok(Vec::new()), |at| at.texts())
    }
    pub(super) fn amounts(&mut self, name: &'static str) -> Fallible<Amounts> {
        self.get(name).map_or(Ok(Amounts::new()), |at| at.amounts())
    }
    pub(super) fn list(&mut self, name: &'static str) -> Fallible<Vec<At<'a>>> {
        self.get(name).map_or(Ok(Vec::new()), |at| at.list())
    }
    pub(super) fn resources(&mut self, name: &'static str) -> Fallible<Resources> {
        self.needed(name)?.resources()
    }
    /// There must be nothing else.
    pub(super) fn finish(self) -> Fallible<()> {
        let Some(odd) = self.map.keys().find(|key| !self.taken.contains(&key.as_str())) else { return Ok(()) };
        let known = self.taken.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let place = if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) };
        Err(Fault::new(format!("unknown field `{odd}`{place}"), format!("known here are {known}")))
    }
}
