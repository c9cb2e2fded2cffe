//! The text form of resources, both ways.
//!
//! Read are the form of `--resources` (`cpus:4;mem(role):512;ports:[1-10, 20-30];zone:{a,b}`, or a
//! JSON list), and what upstream prints in its logs, which alone can tell everything:
//!
//! ```text
//! name(allocated: role)(provider: id)(reservations: [(STATIC,a),(DYNAMIC,a/b,principal,{key: value})])
//!     [MOUNT(vendor,id,profile):root,persistence(principal: p):volume]{REV}<SHARED>:value<copies>
//! ```
//!
//! Printed is the latter, with `name(role)` for one static reservation as `--resources` has it.
//! Words with characters that mean something here are quoted as in JSON, so that whatever is
//! printed reads back; upstream leaves them bare, and leaves out provider and principal of a disk.

use super::object::{Disk, DiskSource, Meta, Object, Persistence, SourceKind, Value, Volume};
use super::ranges::Ranges;
use super::reservation::{Labels, Reservation, ReservationKind, role_fault};
use super::set::Items;
use super::{Place, ResourceError, Resources};
use crate::base::quantity::Milli;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Characters that end a bare word.
const SPECIAL: &str = "()[]{}<>:;,\"";
/// More than this of anything cannot be meant, and sums of it stay far from overflow.
pub(super) const MOST: f64 = 1e12;

/// JSON writes a shared object once per copy.
const MOST_COPIES: u32 = 10_000;

type Fallible<T> = Result<T, ResourceError>;

/// A scalar of at least 0, rounded to thousandths; the message says what is wrong otherwise.
pub(super) fn scalar(value: f64) -> Result<Milli, &'static str> {
    let milli = Milli::from_f64(value);
    if !value.is_finite() {
        Err("the amount is no finite number")
    } else if value < 0.0 {
        Err("the amount is negative")
    } else if value > MOST {
        Err("the amount is larger than 10^12")
    } else if milli == Milli::ZERO && value > 0.0 {
        Err("the amount is smaller than a thousandth")
    } else {
        Ok(milli)
    }
}

/// Ranges as written: neither backwards nor overlapping.
pub(super) fn ranges(intervals: &[(u64, u64)]) -> Result<Ranges, &'static str> {
    let mut sorted = intervals.to_vec();
    sorted.sort_unstable();
    if intervals.iter().any(|(begin, end)| begin > end) {
        Err("a range ends before it begins")
    } else if sorted.windows(2).any(|pair| pair[1].0 <= pair[0].1) {
        Err("two ranges overlap")
    } else {
        Ok(Ranges::new(sorted))
    }
}

/// A set as written: without duplicates.
pub(super) fn items(words: Vec<Arc<str>>) -> Result<Items, &'static str> {
    let count = words.len();
    let set = Items::new(words);
    if set.len() == count { Ok(set) } else { Err("an item of the set is named twice") }
}

/// The same name must mean the same type throughout; gives the first object that breaks this.
pub(super) fn clash(objects: &[Object]) -> Option<usize> {
    let mut types = BTreeMap::new();
    objects.iter().position(|object| {
        let type_name = object.value.type_name();
        *types.entry(object.name()).or_insert(type_name) != type_name
    })
}

/// Reads one text from left to right.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
    pub(super) fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }
    pub(super) fn at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
    }
    /// Takes the token if it comes next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let here = self.rest().starts_with(token);
        self.at += if here { token.len() } else { 0 };
        here
    }
    pub(super) fn error(&self, what: impl Into<String>, mend: &str) -> ResourceError {
        ResourceError::new(what, Place::Byte(self.at), mend)
    }
    pub(super) fn expect(&mut self, token: &str, mend: &str) -> Fallible<()> {
        if self.take(token) { Ok(()) } else { Err(self.error(format!("expected `{token}`"), mend)) }
    }
    fn next_is(&mut self, token: &str) -> bool {
        self.skip_space();
        self.rest().starts_with(token)
    }
    /// A bare or quoted word; none if there is nothing but the next special character.
    fn word(&mut self) -> Fallible<Option<String>> {
        self.skip_space();
        if self.rest().starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
            let word = values.next();
            let used = values.byte_offset();
            let Some(Ok(word)) = word else {
                return Err(self.error("the quoted word is not complete", "close it with `\"`, escape as in JSON"));
            };
            self.at += used;
            return Ok(Some(word));
        }
        let len = self.rest().find(|c| SPECIAL.contains(c)).unwrap_or(self.rest().len());
        let word = self.rest()[..len].trim_end();
        self.at += len;
        Ok((!word.is_empty()).then(|| word.to_owned()))
    }
    fn needed(&mut self, what: &str) -> Fallible<String> {
        let word = self.word()?;
        word.ok_or_else(|| {
            self.error(format!("{what} is missing"), "write it here, in quotes if it has special characters")
        })
    }
    pub(super) fn ranges(&mut self) -> Fallible<Ranges> {
        const MEND: &str = "write ranges as `[1-10, 20-30]`";
        self.expect("[", MEND)?;
        let start = self.at;
        let mut intervals = Vec::new();
        while !self.take("]") {
            if !intervals.is_empty() {
                self.expect(",", MEND)?;
            }
            let word = self.needed("a range")?;
            let parsed = word.split_once('-').and_then(|(b, e)| Some((b.trim().parse().ok()?, e.trim().parse().ok()?)));
            intervals.push(parsed.ok_or_else(|| self.error(format!("`{word}` is no range"), MEND))?);
        }
        ranges(&intervals).map_err(|what| ResourceError::new(what, Place::Byte(start), MEND))
    }
    pub(super) fn items(&mut self) -> Fallible<Items> {
        const MEND: &str = "write sets as `{a, b}`";
        self.expect("{", MEND)?;
        let start = self.at;
        let mut words = Vec::new();
        while !self.take("}") {
            if !words.is_empty() {
                self.expect(",", MEND)?;
            }
            words.push(self.needed("an item of the set")?.into());
        }
        items(words).map_err(|what| ResourceError::new(what, Place::Byte(start), MEND))
    }
    fn value(&mut self) -> Fallible<Value> {
        if self.next_is("[") {
            return self.ranges().map(Value::Ranges);
        }
        if self.next_is("{") {
            return self.items().map(Value::Set);
        }
        let start = self.at;
        let word = self.needed("the value")?;
        let mend = "write a number, ranges `[1-10]` or a set `{a,b}`, and `;` before the next resource";
        let here = |what: String| ResourceError::new(what, Place::Byte(start), mend);
        let number = f64::from_str(&word).map_err(|_| here(format!("`{word}` is no value of a resource")))?;
        scalar(number).map(Value::Scalar).map_err(|what| here(what.into()))
    }
    fn labels(&mut self) -> Fallible<Labels> {
        let mut pairs: Vec<(Arc<str>, Option<Arc<str>>)> = Vec::new();
        while !self.take("}") {
            if !pairs.is_empty() {
                self.expect(",", "write labels as `{key: value, key}`")?;
            }
            let key = self.needed("the key of a label")?.into();
            pairs.push((key, if self.take(":") { Some(self.word()?.unwrap_or_default().into()) } else { None }));
        }
        Ok(Labels::new(pairs))
    }
    fn reservation(&mut self) -> Fallible<Reservation> {
        const MEND: &str = "write `(STATIC,role)` or `(DYNAMIC,role,principal,{key: value})`";
        self.expect("(", MEND)?;
        let kind = self.needed("the type of the reservation")?;
        let kind = ReservationKind::from_name(&kind);
        let kind = kind.ok_or_else(|| self.error("a reservation is STATIC or DYNAMIC", MEND))?;
        self.expect(",", MEND)?;
        let mut reservation = Reservation::fixed(&self.needed("the role of the reservation")?);
        reservation.kind = kind;
        while self.take(",") {
            if self.take("{") {
                reservation.labels = self.labels()?;
            } else {
                reservation.principal = Some(self.needed("the principal")?.into());
            }
        }
        self.expect(")", MEND)?;
        Ok(reservation)
    }
    /// What follows `(`: a role, or a keyword with what belongs to it.
    fn parenthesis(&mut self, meta: &mut Meta) -> Fallible<()> {
        const MEND: &str = "write `(role)`, `(reservations: [...])`, `(allocated: role)` or `(provider: id)`";
        let start = self.at;
        let word = self.needed("a role")?;
        if !self.take(":") {
            if word != "*" {
                if let Some(fault) = role_fault(&word) {
                    return Err(ResourceError::new(fault, Place::Byte(start), "name parts with `/` between them"));
                }
                meta.reservations.push(Reservation::fixed(&word));
            }
            return self.expect(")", MEND);
        }
        match &*word {
            "allocated" => meta.allocation_role = Some(self.needed("the role")?.into()),
            "provider" => meta.provider_id = Some(self.needed("the id of the provider")?.into()),
            "reservations" => {
                self.expect("[", MEND)?;
                while !self.take("]") {
                    if !meta.reservations.is_empty() {
                        self.expect(",", MEND)?;
                    }
                    meta.reservations.push(self.reservation()?);
                }
            }
            _ => return Err(ResourceError::new(format!("`{word}` is unknown"), Place::Byte(start), MEND)),
        }
        self.expect(")", MEND)
    }
    fn source(&mut self, kind: SourceKind) -> Fallible<DiskSource> {
        const MEND: &str = "write `MOUNT:/path`, or `RAW(vendor,id,profile)` with any of the three empty";
        let mut source = DiskSource::new(kind, None);
        if self.take("(") {
            source.vendor = self.word()?.map(Into::into);
            self.expect(",", MEND)?;
            source.id = self.word()?.map(Into::into);
            self.expect(",", MEND)?;
            source.profile = self.word()?.map(Into::into);
            self.expect(")", MEND)?;
        }
        if self.take(":") {
            source.root = Some(self.needed("the root of the disk")?.into());
        }
        Ok(source)
    }
    /// What follows `[` after the name.
    fn disk(&mut self) -> Fallible<Disk> {
        const MEND: &str = "write `[MOUNT:/path]`, `[id:path]` or `[PATH:/root,id:path]`";
        let mut disk = Disk::default();
        self.skip_space();
        let quoted = self.rest().starts_with('"');
        let mut word = self.needed("a disk source or the id of a volume")?;
        let mut volume = true;
        if let (false, Some(kind)) = (quoted, SourceKind::from_name(&word)) {
            disk.source = Some(self.source(kind)?);
            volume = self.take(",");
            if volume {
                word = self.needed("the id of the volume")?;
            }
        }
        if volume {
            let mut principal = None;
            if self.take("(") {
                let keyword = self.needed("`principal`")?;
                if keyword != "principal" {
                    return Err(self.error(format!("`{keyword}` is unknown"), "write `(principal: name)`"));
                }
                self.expect(":", "write `(principal: name)`")?;
                principal = Some(self.needed("the principal")?.into());
                self.expect(")", MEND)?;
            }
            disk.persistence = Some(Persistence { id: word.into(), principal });
            if self.take(":") {
                let mut parts = vec![self.needed("the path in the container")?];
                while self.take(":") {
                    parts.push(self.needed("a path or `rw` or `ro`")?);
                }
                disk.volume = Some(self.volume(&parts)?);
            }
        }
        self.expect("]", MEND)?;
        Ok(disk)
    }
    fn volume(&self, parts: &[String]) -> Fallible<Volume> {
        let made = |host: Option<&String>, container: &str, read_only| Volume {
            container_path: container.into(),
            host_path: host.map(|host| host.as_str().into()),
            read_only,
        };
        let mode = |word: &str| ["rw", "ro"].iter().position(|mode| *mode == word).map(|at| at == 1);
        let volume = match parts {
            [container] => Some(made(None, container, false)),
            [container, word] => mode(word).map(|ro| made(None, container, ro)),
            [host, container, word] => mode(word).map(|ro| made(Some(host), container, ro)),
            _ => None,
        };
        let mend = "write `path`, `path:ro` or `host:path:rw`";
        volume.ok_or_else(|| self.error("the volume has no such form", mend))
    }
    /// One object and the place where it began.
    fn object(&mut self) -> Fallible<Object> {
        self.skip_space();
        let start = self.at;
        let name = self.needed("the name of a resource")?;
        let mut meta = Meta::default();
        loop {
            if self.take("(") {
                self.parenthesis(&mut meta)?;
            } else if self.take("[") {
                meta.disk = Some(self.disk()?);
            } else if self.take("{REV}") {
                meta.revocable = true;
            } else if self.take("<SHARED>") {
                meta.shared = true;
            } else {
                break;
            }
        }
        self.expect(":", "write `name:value`")?;
        let mut object = Object::new(&name, self.value()?, meta);
        if self.take("<") {
            let copies = self.needed("the number of copies")?.parse().ok();
            let copies = copies.filter(|n| (1..=MOST_COPIES).contains(n) && object.meta().shared);
            let what = "only shared objects have copies, 1 to 10000";
            object.copies = copies.ok_or_else(|| self.error(what, "leave it out"))?;
            self.expect(">", "write `<2>`")?;
        }
        match object.fault() {
            Some(fault) => Err(ResourceError::new(fault, Place::Byte(start), "correct this object")),
            None => Ok(object),
        }
    }
}

impl Resources {
    /// Reads the text of `--resources` (or a JSON list), and what `Display` prints. Amounts of
    /// exactly zero are read and leave nothing.
    ///
    /// # Errors
    /// The first thing that is wrong, where, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        if text.trim_start().starts_with('[') {
            let value = serde_json::from_str(text).map_err(|error| {
                let line = text.split('\n').take(error.line().saturating_sub(1)).map(|l| l.len() + 1).sum::<usize>();
                let at = Place::Byte(line + error.column().saturating_sub(1));
                ResourceError::new(format!("no JSON: {error}"), at, "write a list of Resource objects")
            })?;
            return Self::from_json(&value);
        }
        let mut reader = Reader::new(text);
        let (mut objects, mut starts) = (Vec::new(), Vec::new());
        if reader.take("{}") && reader.at_end() {
            return Ok(Self::EMPTY);
        }
        while !reader.at_end() {
            if !objects.is_empty() {
                reader.expect(";", "put `;` between resources")?;
                if reader.at_end() {
                    break;
                }
            }
            reader.skip_space();
            starts.push(reader.at);
            objects.push(reader.object()?);
        }
        if let Some(at) = clash(&objects) {
            let what = format!("`{}` has values of different types", objects[at].name());
            return Err(ResourceError::new(what, Place::Byte(starts[at]), "give both the same type, or other names"));
        }
        Ok(Self::from_objects(&objects))
    }
}

impl FromStr for Resources {
    type Err = ResourceError;
    fn from_str(text: &str) -> Result<Self, ResourceError> {
        Self::parse(text)
    }
}

/// A word, quoted if it would not read back bare.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let odd = |c: char| SPECIAL.contains(c) || c.is_control();
        if self.0.is_empty() || self.0.trim() != self.0 || self.0.contains(odd) {
            // A JSON string, so that every character has an escape.
            write!(f, "{}", serde_json::Value::from(self.0))
        } else {
            f.write_str(self.0)
        }
    }
}

impl fmt::Display for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, item) in self.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, Word(item))?;
        }
        f.write_str("}")
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{}", self.kind.name(), Word(&self.role))?;
        if let Some(principal) = &self.principal {
            write!(f, ",{}", Word(principal))?;
        }
        if !self.labels.is_empty() {
            f.write_str(",{")?;
            for (i, (key, value)) in self.labels.iter().enumerate() {
                write!(f, "{}{}", if i == 0 { "" } else { ", " }, Word(key))?;
                if let Some(value) = value {
                    write!(f, ": {}", Word(value))?;
                }
            }
            f.write_str("}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |word: &Option<Arc<str>>| word.as_deref().map_or(String::new(), |word| Word(word).to_string());
        if let Some(source) = &self.source {
            f.write_str(source.kind.name())?;
            if source.vendor.is_some() || source.id.is_some() || source.profile.is_some() {
                write!(f, "({},{},{})", word(&source.vendor), word(&source.id), word(&source.profile))?;
            }
            if let Some(root) = &source.root {
                write!(f, ":{}", Word(root))?;
            }
        }
        if let Some(persistence) = &self.persistence {
            let comma = if self.source.is_some() { "," } else { "" };
            match SourceKind::from_name(&persistence.id) {
                Some(kind) => write!(f, "{comma}\"{}\"", kind.name())?,
                None => write!(f, "{comma}{}", Word(&persistence.id))?,
            }
            if let Some(principal) = &persistence.principal {
                write!(f, "(principal: {})", Word(principal))?;
            }
        }
        let Some(volume) = &self.volume else { return Ok(()) };
        let mode = if volume.read_only { "ro" } else { "rw" };
        match &volume.host_path {
            Some(host) => write!(f, ":{}:{}:{mode}", Word(host), Word(&volume.container_path)),
            None if volume.read_only => write!(f, ":{}:ro", Word(&volume.container_path)),
            None => write!(f, ":{}", Word(&volume.container_path)),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meta = self.meta();
        write!(f, "{}", Word(&self.name))?;
        if let Some(role) = &meta.allocation_role {
            write!(f, "(allocated: {})", Word(role))?;
        }
        if let Some(provider) = &meta.provider_id {
            write!(f, "(provider: {})", Word(provider))?;
        }
        match &meta.reservations[..] {
            [] => {}
            [one] if *one == Reservation::fixed(&one.role) => write!(f, "({})", Word(&one.role))?,
            stack => {
                let stack: Vec<String> = stack.iter().map(Reservation::to_string).collect();
                write!(f, "(reservations: [{}])", stack.join(","))?;
            }
        }
        if let Some(disk) = &meta.disk {
            write!(f, "[{disk}]")?;
        }
        f.write_str(if meta.revocable { "{REV}" } else { "" })?;
        f.write_str(if meta.shared { "<SHARED>" } else { "" })?;
        match &self.value {
            Value::Scalar(v) => write!(f, ":{v}")?,
            Value::Ranges(v) => write!(f, ":{v}")?,
            Value::Set(v) => write!(f, ":{v}")?,
        }
        if self.copies > 1 { write!(f, "<{}>", self.copies) } else { Ok(()) }
    }
}

/// Prints objects with `; ` between them; `{}` if there is none.
impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (i, object) in self.objects().enumerate() {
            write!(f, "{}{object}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn reads_what_operators_write() {
        let r =
            Resources::parse("cpus:2.5; mem(*):512;ports(web/prod):[1-10,20-30] ;zone:{b,a};gpus:0;cpus:0.5;").unwrap();
        expect!["cpus:3; mem:512; ports(web/prod):[1-10, 20-30]; zone:{a, b}"].assert_eq(&r.to_string());
        assert_eq!(Resources::parse(" ").unwrap(), Resources::EMPTY);
        assert_eq!(Resources::parse("{}").unwrap().to_string(), "{}");
        assert_eq!(Resources::parse("cpus:1.0005").unwrap().to_string(), "cpus:1.001");
        let json = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":4}}]"#;
        assert_eq!(Resources::parse(json).unwrap().to_string(), "cpus:4");
    }

    #[test]
    fn prints_what_it_can_read_again() {
        for text in [
            "cpus(allocated: a)(provider: rp-1)(reservations: [(STATIC,a),(DYNAMIC,a/b,ops,{team: x, urgent})]):1",
            "disk(reservations: [(DYNAMIC,a,p)])[MOUNT(v,id,fast):/mnt/a,vol1(principal: p):data]:100",
            "disk(a)[vol:/host:data:rw]<SHARED>:10<3>",
            "disk(a)[\"MOUNT\":data:ro]:10",
            "\" padded \":1",
            "disk[RAW(,7,)]:5; cpus{REV}:2; \"a;b\":{\"x y,\", z}",
        ] {
            let r = Resources::parse(text).unwrap();
            assert_eq!(r, Resources::parse(&r.to_string()).unwrap());
            assert_eq!(r.to_string(), text);
        }
    }

    #[test]
    fn errors_say_what_where_and_how_to_mend() {
        let texts = [
            "cpus",
            "cpus:",
            "cpus:x",
            "cpus:-1",
            "cpus:nan",
            "cpus:1e13",
            "cpus:0.00001",
            "cpus:1 mem:2",
            "gpus:0.5",
            "ports:[5-1]",
            "ports:[1-5,5-6]",
            "ports:[1]",
            "ports:[1-2",
            "zone:{a,a}",
            "cpus:1;cpus:[1-2]",
            "cpus(a b):1",
            "cpus(reservations: [(STATIC,a),(STATIC,a/b)]):1",
            "cpus(who: a):1",
            "cpus[MOUNT:/a]:1",
            "cpus<SHARED>:1",
            "disk[a:b:c]:1",
            "cpus:1<2>",
            ":1",
            "\"cpus:1",
            "[{]",
        ];
        let lines: String =
            texts.iter().map(|text| format!("{text:24} {}\n", Resources::parse(text).unwrap_err())).collect();
        expect![[r#"
            cpus                     expected `:`, at byte 4: write `name:value`
            cpus:                    the value is missing, at byte 5: write it here, in quotes if it has special characters
            cpus:x                   `x` is no value of a resource, at byte 5: write a number, ranges `[1-10]` or a set `{a,b}`, and `;` before the next resource
            cpus:-1                  the amount is negative, at byte 5: write a number, ranges `[1-10]` or a set `{a,b}`, and `;` before the next resource
            cpus:nan                 the amount is no finite number, at byte 5: write a number, ranges `[1-10]` or a set `{a,b}`, and `;` before the next resource
            cpus:1e13                the amount is larger than 10^12, at byte 5: write a number, ranges `[1-10]` or a set `{a,b}`, and `;` before the next resource
            cpus:0.00001             the amount is smaller than a thousandth, at byte 5: write a number, ranges `[1-10]` or a set `{a,b}`, and `;` before the next resource
            cpus:1 mem:2             `1 mem` is no value of a resource, at byte 5: write a number, ranges `[1-10]` or a set `{a,b}`, and `;` before the next resource
            gpus:0.5                 gpus come in whole numbers, at byte 0: correct this object
            ports:[5-1]              a range ends before it begins, at byte 7: write ranges as `[1-10, 20-30]`
            ports:[1-5,5-6]          two ranges overlap, at byte 7: write ranges as `[1-10, 20-30]`
            ports:[1]                `1` is no range, at byte 8: write ranges as `[1-10, 20-30]`
            ports:[1-2               expected `,`, at byte 10: write ranges as `[1-10, 20-30]`
            zone:{a,a}               an item of the set is named twice, at byte 6: write sets as `{a, b}`
            cpus:1;cpus:[1-2]        `cpus` has values of different types, at byte 7: give both the same type, or other names
            cpus(a b):1              the role contains a space, a control character or a backslash, at byte 5: name parts with `/` between them
            cpus(reservations: [(STATIC,a),(STATIC,a/b)]):1 a STATIC reservation stands above another one, at byte 0: correct this object
            cpus(who: a):1           `who` is unknown, at byte 5: write `(role)`, `(reservations: [...])`, `(allocated: role)` or `(provider: id)`
            cpus[MOUNT:/a]:1         only `disk` can have a disk source or a volume, at byte 0: correct this object
            cpus<SHARED>:1           only persistent volumes can be shared, at byte 0: correct this object
            disk[a:b:c]:1            the volume has no such form, at byte 10: write `path`, `path:ro` or `host:path:rw`
            cpus:1<2>                only shared objects have copies, 1 to 10000, at byte 8: leave it out
            :1                       the name of a resource is missing, at byte 0: write it here, in quotes if it has special characters
            "cpus:1                  the quoted word is not complete, at byte 0: close it with `"`, escape as in JSON
            [{]                      no JSON: key must be a string at line 1 column 3, at byte 2: write a list of Resource objects
        "#]].assert_eq(&lines);
    }
}
