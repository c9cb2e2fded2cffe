//! The JSON forms of resources, both ways.
//!
//! Upstream's `Resource` message comes in two forms: since reservation refinement with a stack in
//! `reservations`, before it with `role` and at most one dynamic `reservation`. The third, compact
//! form is that of the allocator recordings: bare values, `[begin, end]` pairs, flags.
//! All three are read alike; any object may use its own.

use super::object::{Disk, DiskSource, Meta, Object, Persistence, SourceKind, Value, Volume};
use super::reservation::{Labels, Reservation, ReservationKind};
use super::text::{clash, items, ranges, scalar};
use super::{Place, ResourceError, Resources};
use crate::base::quantity::Milli;
use serde_json::{Map as JsonMap, Value as Json, json};
use std::sync::Arc;

/// Which JSON to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JsonForm {
    /// `Resource` messages with stacks of reservations.
    Refined,
    /// `Resource` messages with `role` and `reservation`; cannot tell refined reservations.
    PreRefinement,
    /// That of the allocator recordings, as far as it goes; the rest as in `Refined`.
    Compact,
}

type Fallible<T> = Result<T, ResourceError>;

impl Resources {
    /// A list of objects; a shared object once per copy.
    ///
    /// # Errors
    /// The pre-refinement form cannot tell a refined reservation.
    pub fn to_json(&self, form: JsonForm) -> Result<Json, ResourceError> {
        let mut all = Vec::new();
        for object in self.objects() {
            let one = write(&object, form)?;
            all.extend(std::iter::repeat_n(one, object.copies() as usize));
        }
        Ok(Json::Array(all))
    }
    /// Reads a list of objects of any form. Amounts of exactly zero leave nothing.
    ///
    /// # Errors
    /// The first thing that is wrong, the path to it, and what to write instead.
    pub fn from_json(json: &Json) -> Result<Self, ResourceError> {
        let Json::Array(list) = json else {
            return Err(wrong("", "resources are a list", "write `[{\"name\": ...}, ...]`"));
        };
        let objects = list.iter().enumerate().map(|(i, one)| read(&In { value: one, path: format!("[{i}]") }));
        let objects = objects.collect::<Fallible<Vec<Object>>>()?;
        if let Some(at) = clash(&objects) {
            let what = format!("`{}` has values of different types", objects[at].name());
            return Err(wrong(&format!("[{at}]"), &what, "give both the same type, or other names"));
        }
        Ok(Self::from_objects(&objects))
    }
}

fn wrong(path: &str, what: &str, mend: &str) -> ResourceError {
    ResourceError::new(what, Place::Path(path.to_owned()), mend)
}

/// A value and the path to it.
struct In<'a> {
    value: &'a Json,
    path: String,
}

impl<'a> In<'a> {
    fn error(&self, what: &str, mend: &str) -> ResourceError {
        wrong(&self.path, what, mend)
    }
    /// A field of an object; missing and null are the same.
    fn field(&self, name: &str) -> Fallible<Option<In<'a>>> {
        let Json::Object(map) = self.value else {
            return Err(self.error("not an object", "write `{...}`"));
        };
        let value = map.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| In { value, path: format!("{}.{name}", self.path) }))
    }
    fn needed(&self, name: &str) -> Fallible<In<'a>> {
        self.field(name)?.ok_or_else(|| self.error(&format!("`{name}` is missing"), "add it"))
    }
    fn list(&self) -> Fallible<Vec<In<'a>>> {
        let Json::Array(list) = self.value else { return Err(self.error("not a list", "write `[...]`")) };
        Ok(list.iter().enumerate().map(|(i, value)| In { value, path: format!("{}[{i}]", self.path) }).collect())
    }
    fn text(&self) -> Fallible<Arc<str>> {
        let text = self.value.as_str().ok_or_else(|| self.error("not a text", "write it in quotes"))?;
        Ok(text.into())
    }
    fn text_of(&self, name: &str) -> Fallible<Option<Arc<str>>> {
        self.field(name)?.map(|field| field.text()).transpose()
    }
    fn whole(&self) -> Fallible<u64> {
        self.value.as_u64().ok_or_else(|| self.error("not a whole number of at least 0", "write one"))
    }
    /// `true`, or an empty message as upstream has it.
    fn flag_of(&self, name: &str) -> Fallible<bool> {
        match self.field(name)? {
            None => Ok(false),
            Some(In { value: Json::Bool(set), .. }) => Ok(*set),
            Some(In { value: Json::Object(_), .. }) => Ok(true),
            Some(other) => Err(other.error("not a flag", "write `true` or `{}`, or leave it out")),
        }
    }
    /// The field of a message, or the value itself in the compact form.
    fn inner(self, name: &str) -> Fallible<In<'a>> {
        if self.value.is_object() { self.needed(name) } else { Ok(self) }
    }
}

fn read(json: &In) -> Fallible<Object> {
    let name = json.needed("name")?.text()?;
    if name.is_empty() {
        return Err(json.error("the name is empty", "name the resource"));
    }
    let value = read_value(json)?;
    if let Some(written) = json.text_of("type")?.filter(|written| **written != *value.type_name()) {
        let what = format!("the type is {written} and the value {}", value.type_name());
        return Err(json.error(&what, "let them agree"));
    }
    let meta = Meta {
        reservations: read_reservations(json)?,
        disk: read_disk(json)?,
        revocable: json.flag_of("revocable")?,
        shared: json.flag_of("shared")?,
        provider_id: json.field("provider_id")?.map(|id| id.inner("value")?.text()).transpose()?,
        allocation_role: match json.field("allocation_info")? {
            Some(info) => info.text_of("role")?,
            None => None,
        },
    };
    let object = Object::new(&name, value, meta);
    object.fault().map_or(Ok(object), |fault| Err(json.error(fault, "correct this object")))
}

fn read_value(json: &In) -> Fallible<Value> {
    if let Some(field) = json.field("scalar")? {
        let field = field.inner("value")?;
        let number = field.value.as_f64().ok_or_else(|| field.error("not a number", "write one"))?;
        return scalar(number).map(Value::Scalar).map_err(|what| field.error(what, "write an amount"));
    }
    if let Some(field) = json.field("ranges")? {
        // A message without any range has no `range` field.
        let list = if field.value.is_object() { field.field("range")? } else { Some(field) };
        let mut intervals = Vec::new();
        let Some(list) = list else { return Ok(Value::Ranges(super::Ranges::default())) };
        for one in list.list()? {
            intervals.push(match one.value {
                Json::Array(_) => match &one.list()?[..] {
                    [begin, end] => (begin.whole()?, end.whole()?),
                    _ => return Err(one.error("not a pair", "write `[begin, end]`")),
                },
                _ => (one.needed("begin")?.whole()?, one.needed("end")?.whole()?),
            });
        }
        return ranges(&intervals).map(Value::Ranges).map_err(|what| list.error(what, "write ranges apart"));
    }
    if let Some(field) = json.field("set")? {
        let list = if field.value.is_object() { field.field("item")? } else { Some(field) };
        let Some(list) = list else { return Ok(Value::Set(super::Items::default())) };
        let words = list.list()?.iter().map(In::text).collect::<Fallible<Vec<_>>>()?;
        return items(words).map(Value::Set).map_err(|what| list.error(what, "name each item once"));
    }
    Err(json.error("there is no value", "add `scalar`, `ranges` or `set`"))
}

fn read_labels(json: &In) -> Fallible<Labels> {
    let Some(field) = json.field("labels")? else { return Ok(Labels::default()) };
    let mut pairs = Vec::new();
    match field.field("labels")?.filter(|list| list.value.is_array()) {
        Some(list) => {
            for one in list.list()? {
                pairs.push((one.needed("key")?.text()?, one.text_of("value")?));
            }
        }
        None => {
            let keys = field.value.as_object().into_iter().flat_map(JsonMap::keys);
            for key in keys {
                pairs.push((key.as_str().into(), field.text_of(key)?));
            }
        }
    }
    Ok(Labels::new(pairs))
}

fn read_reservations(json: &In) -> Fallible<Vec<Reservation>> {
    if let Some(stack) = json.field("reservations")? {
        let old = json.text_of("role")?.is_some_and(|role| &*role != "*") || json.field("reservation")?.is_some();
        if old {
            return Err(json.error("both forms of reservation at once", "write `reservations` alone"));
        }
        let mut entries = Vec::new();
        for one in stack.list()? {
            let kind = one.needed("type")?;
            let kind = ReservationKind::from_name(&kind.text()?)
                .ok_or_else(|| kind.error("not a type of reservation", "write STATIC or DYNAMIC"))?;
            let principal = one.text_of("principal")?;
            entries.push(Reservation {
                kind,
                role: one.needed("role")?.text()?,
                principal,
                labels: read_labels(&one)?,
            });
        }
        return Ok(entries);
    }
    let role = json.text_of("role")?.unwrap_or_else(|| "*".into());
    match json.field("reservation")? {
        Some(one) => {
            let (kind, principal) = (ReservationKind::Dynamic, one.text_of("principal")?);
            Ok(vec![Reservation { kind, role, principal, labels: read_labels(&one)? }])
        }
        None if &*role == "*" => Ok(Vec::new()),
        None => Ok(vec![Reservation::fixed(&role)]),
    }
}

fn read_disk(json: &In) -> Fallible<Option<Disk>> {
    let mut disk = Disk::default();
    if let Some(field) = json.field("disk")? {
        if let Some(one) = field.field("persistence")? {
            disk.persistence =
                Some(Persistence { id: one.needed("id")?.text()?, principal: one.text_of("principal")? });
        }
        if let Some(one) = field.field("volume")? {
            let mode = one.text_of("mode")?.unwrap_or_else(|| "RW".into());
            if !matches!(&*mode, "RW" | "RO") {
                return Err(one.error("not a mode", "write RW or RO"));
            }
            let (container_path, host_path) = (one.needed("container_path")?.text()?, one.text_of("host_path")?);
            disk.volume = Some(Volume { container_path, host_path, read_only: &*mode == "RO" });
        }
        if let Some(one) = field.field("source")? {
            let kind = one.needed("type")?;
            let kind = SourceKind::from_name(&kind.text()?)
                .ok_or_else(|| kind.error("not a type of disk", "write PATH, MOUNT, BLOCK or RAW"))?;
            let place = match kind {
                SourceKind::Path => one.field("path")?,
                SourceKind::Mount => one.field("mount")?,
                SourceKind::Block | SourceKind::Raw => None,
            };
            disk.source = Some(DiskSource {
                kind,
                root: place.map_or(Ok(None), |place| place.text_of("root"))?,
                id: one.text_of("id")?,
                profile: one.text_of("profile")?,
                vendor: one.text_of("vendor")?,
            });
        }
    }
    if let Some(id) = json.text_of("persistence_id")? {
        disk.persistence = Some(Persistence { id, principal: None });
    }
    if let Some(field) = json.field("disk_source")? {
        let text = field.text()?;
        let (kind, root) = text.split_once(':').map_or((&*text, None), |(kind, root)| (kind, Some(root)));
        let kind = SourceKind::from_name(kind)
            .ok_or_else(|| field.error("not a disk source", "write `MOUNT:/path` or `PATH:/path`"))?;
        disk.source = Some(DiskSource::new(kind, root));
    }
    let said = disk.source.is_some() || disk.persistence.is_some() || disk.volume.is_some();
    Ok(said.then_some(disk))
}

/// Whole amounts as whole numbers, others as the double nearest to the decimal: upstream prints
/// 15 digits of the one that it rebuilds (1.2349999999999999), which is the same text (1.235).
fn number(amount: Milli) -> Json {
    if amount.0 % 1000 == 0 { json!(amount.0 / 1000) } else { json!(amount.0 as f64 / 1000.0) }
}

fn write(object: &Object, form: JsonForm) -> Fallible<Json> {
    let (compact, meta) = (form == JsonForm::Compact, object.meta());
    let mut out = JsonMap::new();
    out.insert("name".into(), json!(object.name()));
    if !compact {
        out.insert("type".into(), json!(object.value().type_name()));
    }
    let (key, inner, value) = match object.value() {
        Value::Scalar(amount) => ("scalar", "value", number(*amount)),
        Value::Ranges(all) if compact => ("ranges", "range", all.iter().map(|(b, e)| json!([b, e])).collect()),
        Value::Ranges(all) => ("ranges", "range", all.iter().map(|(b, e)| json!({"begin": b, "end": e})).collect()),
        Value::Set(all) => ("set", "item", all.iter().map(Json::from).collect()),
    };
    out.insert(key.into(), if compact { value } else { json!({ inner: value }) });
    write_reservations(&mut out, object, form)?;
    if let Some(disk) = &meta.disk {
        write_disk(&mut out, disk, compact);
    }
    for (key, set) in [("revocable", meta.revocable), ("shared", meta.shared)] {
        if set {
            out.insert(key.into(), if compact { json!(true) } else { json!({}) });
        }
    }
    if let Some(id) = &meta.provider_id {
        out.insert("provider_id".into(), json!({"value": &**id}));
    }
    if let Some(role) = &meta.allocation_role {
        out.insert("allocation_info".into(), json!({"role": &**role}));
    }
    Ok(Json::Object(out))
}

fn write_labels(labels: &Labels, compact: bool) -> Json {
    let keys: Vec<&str> = labels.iter().map(|(key, _)| key).collect();
    let simple = keys.windows(2).all(|pair| pair[0] != pair[1]) && labels.iter().all(|(_, value)| value.is_some());
    if compact && simple {
        return Json::Object(labels.iter().map(|(key, value)| (key.to_owned(), json!(value))).collect());
    }
    let list: Json = labels.iter().map(|(key, value)| with(json!({"key": key}), "value", value)).collect();
    json!({ "labels": list })
}

/// Adds a field if there is something to say.
fn with(mut json: Json, key: &str, value: Option<&str>) -> Json {
    if let (Some(value), Some(map)) = (value, json.as_object_mut()) {
        map.insert(key.to_owned(), value.into());
    }
    json
}

fn write_reservations(out: &mut JsonMap<String, Json>, object: &Object, form: JsonForm) -> Fallible<()> {
    let stack = &object.meta().reservations[..];
    let add_labels = |mut json: Json, labels: &Labels| {
        if let (false, Some(map)) = (labels.is_empty(), json.as_object_mut()) {
            map.insert("labels".into(), write_labels(labels, form == JsonForm::Compact));
        }
        json
    };
    if form == JsonForm::PreRefinement {
        if let [_, _, ..] = stack {
            let place = Place::Object(object.to_string());
            let mend = "leave refined reservations out for those who cannot read them";
            return Err(ResourceError::new("the old form cannot tell a refined reservation", place, mend));
        }
        out.insert("role".into(), json!(stack.first().map_or("*", |one| &*one.role)));
        if let Some(one) = stack.first().filter(|one| one.kind == ReservationKind::Dynamic) {
            let json = with(json!({}), "principal", one.principal.as_deref());
            out.insert("reservation".into(), add_labels(json, &one.labels));
        }
    } else if !stack.is_empty() {
        let entry = |one: &Reservation| {
            let json = json!({"type": one.kind.name(), "role": &*one.role});
            add_labels(with(json, "principal", one.principal.as_deref()), &one.labels)
        };
        out.insert("reservations".into(), stack.iter().map(entry).collect());
    }
    Ok(())
}

fn write_disk(out: &mut JsonMap<String, Json>, disk: &Disk, compact: bool) {
    let plain_id = disk.persistence.as_ref().is_none_or(|one| one.principal.is_none());
    let plain_source = disk.source.as_ref().is_none_or(|one| *one == DiskSource::new(one.kind, one.root.as_deref()));
    if compact && plain_id && plain_source && disk.volume.is_none() {
        if let Some(one) = &disk.persistence {
            out.insert("persistence_id".into(), json!(&*one.id));
        }
        if let Some(one) = &disk.source {
            let root = one.root.as_ref().map_or(String::new(), |root| format!(":{root}"));
            out.insert("disk_source".into(), json!(format!("{}{root}", one.kind.name())));
        }
        return;
    }
    let mut json = JsonMap::new();
    if let Some(one) = &disk.persistence {
        json.insert("persistence".into(), with(json!({"id": &*one.id}), "principal", one.principal.as_deref()));
    }
    if let Some(one) = &disk.volume {
        let mode = if one.read_only { "RO" } else { "RW" };
        let volume = json!({"container_path": &*one.container_path, "mode": mode});
        json.insert("volume".into(), with(volume, "host_path", one.host_path.as_deref()));
    }
    if let Some(one) = &disk.source {
        let mut source = json!({"type": one.kind.name()});
        for (key, value) in [("id", &one.id), ("profile", &one.profile), ("vendor", &one.vendor)] {
            source = with(source, key, value.as_deref());
        }
        let place = match one.kind {
            SourceKind::Path => Some("path"),
            SourceKind::Mount => Some("mount"),
            SourceKind::Block | SourceKind::Raw => None,
        };
        if let (Some(place), Some(root), Some(map)) = (place, &one.root, source.as_object_mut()) {
            map.insert(place.into(), json!({"root": &**root}));
        }
        json.insert("source".into(), source);
    }
    out.insert("disk".into(), Json::Object(json));
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }
    const MANY: &str = "cpus:0.5; ports:[1-10, 20-30]; zone:{x, y}; mem(a):64; cpus{REV}:2; \
        disk(reservations: [(DYNAMIC,a,ops,{team: x})])[PATH:/d,v(principal: ops):/h:data:ro]<SHARED>:10<2>";

    #[test]
    fn the_three_forms_look_as_upstream_and_recordings_have_them() {
        let forms = [JsonForm::Refined, JsonForm::PreRefinement, JsonForm::Compact];
        let text: String = forms.iter().map(|&form| lines(&r(MANY).to_json(form).unwrap())).collect();
        expect![[r#"
            {"name":"cpus","type":"SCALAR","scalar":{"value":0.5}}
            {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":10},{"begin":20,"end":30}]}}
            {"name":"zone","type":"SET","set":{"item":["x","y"]}}
            {"name":"mem","type":"SCALAR","scalar":{"value":64},"reservations":[{"type":"STATIC","role":"a"}]}
            {"name":"cpus","type":"SCALAR","scalar":{"value":2},"revocable":{}}
            {"name":"disk","type":"SCALAR","scalar":{"value":10},"reservations":[{"type":"DYNAMIC","role":"a","principal":"ops","labels":{"labels":[{"key":"team","value":"x"}]}}],"disk":{"persistence":{"id":"v","principal":"ops"},"volume":{"container_path":"data","mode":"RO","host_path":"/h"},"source":{"type":"PATH","path":{"root":"/d"}}},"shared":{}}
            {"name":"disk","type":"SCALAR","scalar":{"value":10},"reservations":[{"type":"DYNAMIC","role":"a","principal":"ops","labels":{"labels":[{"key":"team","value":"x"}]}}],"disk":{"persistence":{"id":"v","principal":"ops"},"volume":{"container_path":"data","mode":"RO","host_path":"/h"},"source":{"type":"PATH","path":{"root":"/d"}}},"shared":{}}
            {"name":"cpus","type":"SCALAR","scalar":{"value":0.5},"role":"*"}
            {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":10},{"begin":20,"end":30}]},"role":"*"}
            {"name":"zone","type":"SET","set":{"item":["x","y"]},"role":"*"}
            {"name":"mem","type":"SCALAR","scalar":{"value":64},"role":"a"}
            {"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"*","revocable":{}}
            {"name":"disk","type":"SCALAR","scalar":{"value":10},"role":"a","reservation":{"principal":"ops","labels":{"labels":[{"key":"team","value":"x"}]}},"disk":{"persistence":{"id":"v","principal":"ops"},"volume":{"container_path":"data","mode":"RO","host_path":"/h"},"source":{"type":"PATH","path":{"root":"/d"}}},"shared":{}}
            {"name":"disk","type":"SCALAR","scalar":{"value":10},"role":"a","reservation":{"principal":"ops","labels":{"labels":[{"key":"team","value":"x"}]}},"disk":{"persistence":{"id":"v","principal":"ops"},"volume":{"container_path":"data","mode":"RO","host_path":"/h"},"source":{"type":"PATH","path":{"root":"/d"}}},"shared":{}}
            {"name":"cpus","scalar":0.5}
            {"name":"ports","ranges":[[1,10],[20,30]]}
            {"name":"zone","set":["x","y"]}
            {"name":"mem","scalar":64,"reservations":[{"type":"STATIC","role":"a"}]}
            {"name":"cpus","scalar":2,"revocable":true}
            {"name":"disk","scalar":10,"reservations":[{"type":"DYNAMIC","role":"a","principal":"ops","labels":{"team":"x"}}],"disk":{"persistence":{"id":"v","principal":"ops"},"volume":{"container_path":"data","mode":"RO","host_path":"/h"},"source":{"type":"PATH","path":{"root":"/d"}}},"shared":true}
            {"name":"disk","scalar":10,"reservations":[{"type":"DYNAMIC","role":"a","principal":"ops","labels":{"team":"x"}}],"disk":{"persistence":{"id":"v","principal":"ops"},"volume":{"container_path":"data","mode":"RO","host_path":"/h"},"source":{"type":"PATH","path":{"root":"/d"}}},"shared":true}
        "#]].assert_eq(&text);
    }
    fn lines(json: &Json) -> String {
        json.as_array().unwrap().iter().map(|one| format!("{one}\n")).collect()
    }

    #[test]
    fn refined_reservations_need_the_new_form() {
        let refined = r("cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):1");
        assert!(refined.to_json(JsonForm::PreRefinement).is_err());
        assert_eq!(Resources::from_json(&refined.to_json(JsonForm::Refined).unwrap()).unwrap(), refined);
    }

    #[test]
    fn errors_name_the_path() {
        let bad = [
            json!({}),
            json!([1]),
            json!([{"name": "cpus"}]),
            json!([{"name": "", "scalar": 1}]),
            json!([{"name": "cpus", "scalar": "1"}]),
            json!([{"name": "cpus", "scalar": -1}]),
            json!([{"name": "cpus", "type": "SET", "scalar": 1}]),
            json!([{"name": "cpus", "scalar": {"value": 1}}, {"name": "ports", "ranges": {"range": [{"begin": 1}]}}]),
            json!([{"name": "ports", "ranges": [[1, 2], [2, 3]]}]),
            json!([{"name": "ports", "ranges": [[1]]}]),
            json!([{"name": "zone", "set": ["a", "a"]}]),
            json!([{"name": "cpus", "scalar": 1}, {"name": "cpus", "set": ["a"]}]),
            json!([{"name": "cpus", "scalar": 1, "reservations": [{"type": "FIXED", "role": "a"}]}]),
            json!([{"name": "cpus", "scalar": 1, "role": "a", "reservations": []}]),
            json!([{"name": "cpus", "scalar": 1, "reservation": {}}]),
            json!([{"name": "cpus", "scalar": 1, "revocable": 1}]),
            json!([{"name": "disk", "scalar": 1, "disk_source": "TAPE:/a"}]),
            json!([{"name": "disk", "scalar": 1, "disk": {"volume": {"container_path": "a", "mode": "XX"}}}]),
        ];
        let text: String = bad.iter().map(|json| format!("{}\n", Resources::from_json(json).unwrap_err())).collect();
        expect![[r#"
            resources are a list, at the top: write `[{"name": ...}, ...]`
            not an object, at `[0]`: write `{...}`
            there is no value, at `[0]`: add `scalar`, `ranges` or `set`
            the name is empty, at `[0]`: name the resource
            not a number, at `[0].scalar`: write one
            the amount is negative, at `[0].scalar`: write an amount
            the type is SET and the value SCALAR, at `[0]`: let them agree
            `end` is missing, at `[1].ranges.range[0]`: add it
            two ranges overlap, at `[0].ranges`: write ranges apart
            not a pair, at `[0].ranges[0]`: write `[begin, end]`
            an item of the set is named twice, at `[0].set`: name each item once
            `cpus` has values of different types, at `[1]`: give both the same type, or other names
            not a type of reservation, at `[0].reservations[0].type`: write STATIC or DYNAMIC
            both forms of reservation at once, at `[0]`: write `reservations` alone
            `*` stands for unreserved and cannot hold a reservation, at `[0]`: correct this object
            not a flag, at `[0].revocable`: write `true` or `{}`, or leave it out
            not a disk source, at `[0].disk_source`: write `MOUNT:/path` or `PATH:/path`
            not a mode, at `[0].disk.volume`: write RW or RO
        "#]]
        .assert_eq(&text);
    }
}
