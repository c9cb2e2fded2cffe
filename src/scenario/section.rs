//! A plug-in's part of a scenario: its kind and its table, with the place in the file.
//!
//! The parser does not know what a plug-in wants. It keeps the table as it stands; the plug-in
//! reads its own parameters later, and a mistake in them is still shown in the scenario's text.

use super::error::{Diagnostic, Error, Help};
use super::file::DataFile;
use super::source::{Place, Sources};
use super::value::{Data, Table, Value};
use super::{de, suggest};
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

#[derive(Clone)]
pub struct Section {
    pub kind: String,
    kind_place: Option<Place>,
    /// Everything but the kind and the keys that belong to all sections of this sort.
    table: Arc<Table>,
    place: Option<Place>,
    /// Which of the sections of its sort, from 0: the entity of its dice.
    index: usize,
    /// Keys that the parser has read; named in did-you-mean.
    common: &'static [&'static str],
    data_file: Option<DataFile>,
    sources: Arc<Sources>,
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = toml::to_string(&*self.table).unwrap_or_default();
        write!(f, "Section({} #{}: {})", self.kind, self.index, text.trim_end().replace('\n', "; "))
    }
}

/// How the parser cuts a section out of a table.
pub(crate) struct Cut {
    /// The key that holds the kind.
    pub(crate) kind_key: &'static str,
    /// The kind if the key is absent; without one, the key must be there.
    pub(crate) default_kind: Option<&'static str>,
    pub(crate) common: &'static [&'static str],
}

impl Section {
    /// The rest of a table from which the common keys have been taken.
    pub(crate) fn cut(
        mut table: Table,
        place: Place,
        index: usize,
        how: &Cut,
        sources: &Arc<Sources>,
    ) -> Result<Self, Diagnostic> {
        let (kind, kind_place) = match table.take(how.kind_key) {
            Some(Value { data: Data::Text(kind), place }) => (kind, Some(place)),
            Some(other) => {
                let message = format!("`{}` must be a text, found {}", how.kind_key, other.kind());
                return Err(Diagnostic::new(Some(other.place), message, "write it in quotes"));
            }
            None => match how.default_kind {
                Some(kind) => (kind.to_owned(), None),
                None => {
                    let message = format!("missing key `{}`", how.kind_key);
                    let help = format!("add `{} = \"...\"`; `mesosim plugins` lists what there is", how.kind_key);
                    return Err(Diagnostic::new(Some(place), message, help));
                }
            },
        };
        Ok(Self {
            kind,
            kind_place,
            table: Arc::new(table),
            place: Some(place),
            index,
            common: how.common,
            data_file: None,
            sources: Arc::clone(sources),
        })
    }
    /// A kind alone, `policy = "drf"`, or a table with `kind`; the default if absent.
    pub(crate) fn word_or_table(
        value: Option<Value>,
        default: &str,
        sources: &Arc<Sources>,
    ) -> Result<Self, Diagnostic> {
        let bare = |kind: &str, place| Self {
            kind: kind.to_owned(),
            kind_place: place,
            table: Arc::default(),
            place,
            index: 0,
            common: &[],
            data_file: None,
            sources: Arc::clone(sources),
        };
        match value {
            None => Ok(bare(default, None)),
            Some(Value { data: Data::Text(kind), place }) => Ok(bare(&kind, Some(place))),
            Some(Value { data: Data::Table(table), place }) => {
                let how = Cut { kind_key: "kind", default_kind: None, common: &[] };
                Self::cut(table, place, 0, &how, sources)
            }
            Some(other) => {
                let help = format!("write \"{default}\", or {{ kind = \"{default}\" }} with parameters");
                Err(Diagnostic::new(Some(other.place), format!("expected a name, found {}", other.kind()), help))
            }
        }
    }
    pub(crate) fn set_data_file(&mut self, file: DataFile) {
        self.data_file = Some(file);
    }
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.table.get(key)
    }
    /// Which of the sections of its sort this is, from 0 in the order of the file.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }
    /// Line in the scenario file, from 1; 0 if the section is a default that no text holds.
    #[must_use]
    pub fn line(&self) -> usize {
        self.place.map_or(0, |place| self.sources.line(place))
    }
    /// The plug-in's parameters.
    ///
    /// # Errors
    /// An unknown, missing or ill-typed key, at its place.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let place = self.place.unwrap_or(Place { file: 0, start: 0, end: 0 });
        T::deserialize(de::TableDeserializer { table: &self.table, place }).map_err(|mut e| {
            if let Help::Choose { known, .. } = &mut e.help
                && e.message.starts_with("unknown key")
            {
                known.extend(self.common.iter().map(|&key| key.to_owned()));
            }
            if self.place.is_none() {
                e.place = None;
            }
            self.error_of(e)
        })
    }
    /// The keys that plug-ins of one sort share, and the rest.
    #[must_use]
    pub fn divide(&self, shared: &'static [&'static str]) -> (Self, Self) {
        let mut rest = (*self.table).clone();
        let first = rest.split(shared);
        let part = |table: Table, common| Self { table: Arc::new(table), common, ..self.clone() };
        (part(first, self.common), part(rest, shared))
    }
    /// The file named by the key `file`.
    ///
    /// # Errors
    /// If there is no such key.
    pub fn data_file(&self) -> Result<&DataFile, Error> {
        self.data_file.as_ref().ok_or_else(|| {
            let help = "add `file = \"...\"`, relative to this scenario or to the folder given by `--data`";
            self.error("", "missing key `file`", help)
        })
    }
    /// A mistake in the data file, told as `file:line: what; mend`, shown at the key that names it.
    #[must_use]
    pub fn in_file(&self, told: &str) -> Error {
        let (what, mend) = told.rsplit_once("; ").unwrap_or((told, "correct the file"));
        self.error("file", what, mend)
    }
    /// A mistake in the value of `key`, which may be a path (`frameworks.Batch`, `jobs.2.at`); the
    /// place is the deepest part of the path that exists. `kind` is the kind, "" the whole section.
    #[must_use]
    pub fn error(&self, key: &str, message: impl Into<String>, help: impl Into<String>) -> Error {
        self.error_of(Diagnostic::new(self.place_of(key), message, help))
    }
    /// A mistake in a line of the scenario file, counted from 1, wherever this section stands.
    #[must_use]
    pub fn error_in_line(&self, line: usize, message: impl Into<String>, help: impl Into<String>) -> Error {
        let place = self.sources.texts.first().and_then(|source| {
            let mut lines = source.text.split_inclusive('\n');
            let start = lines.by_ref().take(line.checked_sub(1)?).map(str::len).sum::<usize>();
            let text = lines.next()?;
            Some(Place { file: 0, start: start as u32, end: (start + text.trim_end().len()) as u32 })
        });
        self.error_of(Diagnostic::new(place, message, help))
    }
    /// The value of `key` is none of the known words.
    #[must_use]
    pub fn unknown(&self, key: &str, what: &str, wrong: &str, known: &[&str]) -> Error {
        self.error_of(Diagnostic::unknown(self.place_of(key), what, wrong, known))
    }
    /// There is no plug-in of this kind; `what` is the sort, such as "workload".
    #[must_use]
    pub fn unknown_kind(&self, what: &str, known: &[&str]) -> Error {
        let mut d = Diagnostic::unknown(self.place_of("kind"), what, &self.kind, known);
        // A near miss still leaves the question what else there is.
        if suggest::nearest(&self.kind, known).is_some() {
            let all = suggest::list(known);
            if let Some(near) = suggest::nearest(&self.kind, known) {
                d.help = Help::Text(format!("did you mean `{near}`? there are {all}"));
            }
        }
        self.error_of(d)
    }
    fn error_of(&self, diagnostic: Diagnostic) -> Error {
        Error::new(&self.sources, vec![diagnostic])
    }
    fn place_of(&self, key: &str) -> Option<Place> {
        if key == "kind" {
            return self.kind_place.or(self.place);
        }
        let (mut place, mut table, mut items) = (self.place, Some(&*self.table), None::<&[Value]>);
        for part in key.split('.').filter(|part| !part.is_empty()) {
            let next = match (table, items) {
                (Some(table), _) => table.get(part),
                (None, Some(items)) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
                (None, None) => None,
            };
            let Some(value) = next else { break };
            place = Some(value.place);
            (table, items) = match &value.data {
                Data::Table(t) => (Some(t), None),
                Data::Array(a) => (None, Some(a.as_slice())),
                _ => (None, None),
            };
        }
        place
    }
}
