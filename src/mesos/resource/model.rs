//! Tests of `Resources` against a slow, obvious model on random operations: a list of amounts by
//! kind, sets of single numbers, every copy for itself, no fast path.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The universe of kinds: (text without value, indivisible, shared).
const KINDS_OF: [(&str, bool, bool); 12] = [
    ("cpus", false, false),
    ("mem", false, false),
    ("disk", false, false),
    ("fpga", false, false),
    ("cpus(a)", false, false),
    ("cpus(reservations: [(STATIC,a),(DYNAMIC,a/b,p)])", false, false),
    ("cpus{REV}", false, false),
    ("disk[PATH:/p]", false, false),
    ("disk[MOUNT:/m]", true, false),
    ("disk(a)[v1:data]", true, false),
    ("disk(a)[v2:data]<SHARED>", true, true),
    ("mem(allocated: r)", false, false),
];

/// One object of the universe. `Numbers` are ports, plain or reserved to `a`.
#[derive(Clone, PartialEq, Debug)]
enum Thing {
    Amount { kind: usize, milli: i64 },
    Numbers { reserved: bool, first: u64, count: u64 },
}

impl Thing {
    fn text(&self) -> String {
        match self {
            Self::Amount { kind, milli } => format!("{}:{}", KINDS_OF[*kind].0, Milli(*milli)),
            Self::Numbers { reserved, first, count } => {
                format!("ports{}:[{first}-{}]", if *reserved { "(a)" } else { "" }, first + count)
            }
        }
    }
}

/// Divisible amounts by kind; whole pieces by kind and amount with their number; ports.
#[derive(Clone, PartialEq, Default, Debug)]
struct Model {
    amounts: BTreeMap<usize, i64>,
    pieces: BTreeMap<(usize, i64), u32>,
    ports: BTreeMap<bool, BTreeSet<u64>>,
}

impl Model {
    fn add(&mut self, thing: &Thing) {
        match *thing {
            Thing::Amount { kind, milli } if KINDS_OF[kind].1 => *self.pieces.entry((kind, milli)).or_default() += 1,
            Thing::Amount { kind, milli } => *self.amounts.entry(kind).or_default() += milli,
            Thing::Numbers { reserved, first, count } => {
                self.ports.entry(reserved).or_default().extend(first..=first + count);
            }
        }
    }
    fn of(things: &[Thing]) -> Self {
        let mut model = Self::default();
        things.iter().for_each(|thing| model.add(thing));
        model
    }
    fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        other.amounts.iter().for_each(|(&kind, v)| *sum.amounts.entry(kind).or_default() += v);
        other.pieces.iter().for_each(|(&piece, n)| *sum.pieces.entry(piece).or_default() += n);
        other.ports.iter().for_each(|(&kind, v)| sum.ports.entry(kind).or_default().extend(v));
        sum
    }
    fn minus(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        for (kind, v) in &mut rest.amounts {
            *v = (*v - other.amounts.get(kind).unwrap_or(&0)).max(0);
        }
        for (piece, n) in &mut rest.pieces {
            *n = n.saturating_sub(*other.pieces.get(piece).unwrap_or(&0));
        }
        for (kind, v) in &mut rest.ports {
            v.retain(|port| !other.ports.get(kind).is_some_and(|taken| taken.contains(port)));
        }
        rest.amounts.retain(|_, v| *v > 0);
        rest.pieces.retain(|_, n| *n > 0);
        rest.ports.retain(|_, v| !v.is_empty());
        rest
    }
    fn contains(&self, other: &Self) -> bool {
        other.amounts.iter().all(|(kind, v)| self.amounts.get(kind).unwrap_or(&0) >= v)
            && other.pieces.iter().all(|(piece, n)| self.pieces.get(piece).unwrap_or(&0) >= n)
            && other.ports.iter().all(|(kind, v)| self.ports.get(kind).is_some_and(|ours| ours.is_superset(v)))
    }
    fn quantity(&self, name: &str) -> i64 {
        let named = |kind: &usize| KINDS_OF[*kind].0.split(['(', '[', '{']).next() == Some(name);
        let amounts = self.amounts.iter().filter(|(kind, _)| named(kind)).map(|(_, v)| *v);
        let pieces = self.pieces.iter().filter(|((kind, _), _)| named(kind));
        let pieces = pieces.map(|((kind, v), n)| if KINDS_OF[*kind].2 { *v } else { v * i64::from(*n) });
        amounts.chain(pieces).sum()
    }
}

fn resources(things: &[Thing]) -> Resources {
    let mut sum = Resources::EMPTY;
    things.iter().for_each(|thing| sum += &Resources::parse(&thing.text()).unwrap());
    sum
}

fn amount() -> impl Strategy<Value = Thing> {
    (0..KINDS_OF.len(), 1_i64..6).prop_map(|(kind, units)| Thing::Amount { kind, milli: units * 500 })
}
fn things_with_ports(ports: std::ops::Range<u64>) -> impl Strategy<Value = Vec<Thing>> {
    let numbers =
        (any::<bool>(), ports, 0_u64..5).prop_map(|(reserved, first, count)| Thing::Numbers { reserved, first, count });
    let plain = (0_usize..3, 1_i64..6).prop_map(|(kind, units)| Thing::Amount { kind, milli: units * 500 });
    prop_oneof![
        prop::collection::vec(plain, 0..5),
        prop::collection::vec(prop_oneof![5 => amount(), 1 => numbers], 0..9)
    ]
}
fn things() -> impl Strategy<Value = Vec<Thing>> {
    things_with_ports(0..20)
}

/// Equality must not depend on the way by which the content came about.
fn assert_same(real: &Resources, model: &Model, what: &str) -> Result<(), TestCaseError> {
    let expected = model_resources(model);
    prop_assert_eq!(real, &expected, "{}: {} instead of {}", what, real, expected);
    prop_assert_eq!(real.is_plain(), expected.is_plain());
    prop_assert_eq!(real.is_contended(), expected.is_contended());
    for (kind, name) in KINDS.iter().enumerate() {
        prop_assert_eq!(real.quantities().0[kind], model.quantity(name));
    }
    prop_assert_eq!(real.quantity_of("fpga").0, model.quantity("fpga"));
    let total: i64 = real.all_quantities().iter().filter(|(name, _)| &***name != "ports").map(|(_, v)| v.0).sum();
    prop_assert_eq!(total, ["cpus", "mem", "disk", "fpga"].iter().map(|name| model.quantity(name)).sum::<i64>());
    Ok(())
}
fn model_resources(model: &Model) -> Resources {
    let amounts = model.amounts.iter().map(|(&kind, &milli)| (Thing::Amount { kind, milli }, 1));
    let pieces = model.pieces.iter().map(|(&(kind, milli), &n)| (Thing::Amount { kind, milli }, n));
    let ports = model
        .ports
        .iter()
        .flat_map(|(&reserved, all)| all.iter().map(move |&first| (Thing::Numbers { reserved, first, count: 0 }, 1)));
    let all: Vec<Thing> =
        amounts.chain(pieces).chain(ports).flat_map(|(thing, n)| std::iter::repeat_n(thing, n as usize)).collect();
    resources(&all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn agrees_with_the_model(a in things(), b in things(), c in things()) {
        let (ra, rb, rc) = (resources(&a), resources(&b), resources(&c));
        let (ma, mb, mc) = (Model::of(&a), Model::of(&b), Model::of(&c));
        assert_same(&(ra.clone() + &rb), &ma.plus(&mb), "a + b")?;
        assert_same(&(ra.clone() - &rb), &ma.minus(&mb), "a - b")?;
        assert_same(&(ra.clone() + &rb - &rc), &ma.plus(&mb).minus(&mc), "a + b - c")?;
        assert_same(&(ra.clone() - &rb + &rc), &ma.minus(&mb).plus(&mc), "a - b + c")?;
        prop_assert_eq!(ra.contains(&rb), ma.contains(&mb));
        let sum = ra.clone() + &rb;
        prop_assert_eq!(sum.contains(&rc), ma.plus(&mb).contains(&mc));
    }

    /// Numbers are united, so they come back only when they were apart.
    #[test]
    fn what_was_added_can_be_taken_away(a in things_with_ports(0..20), b in things_with_ports(40..60)) {
        let (a, b) = (resources(&a), resources(&b));
        let sum = a.clone() + &b;
        prop_assert!(sum.contains(&a) && sum.contains(&b));
        prop_assert_eq!(&(sum.clone() - &b), &a);
        prop_assert_eq!(&(b.clone() + &a), &sum);
        prop_assert!((sum.clone() - &sum).is_empty());
    }

    #[test]
    fn contains_is_a_partial_order(a in things(), b in things(), c in things()) {
        let (a, b, c) = (resources(&a), resources(&b), resources(&c));
        prop_assert!(a.contains(&a) && a.contains(&Resources::EMPTY));
        prop_assert_eq!(a.contains(&b) && b.contains(&a), a == b);
        let (ab, abc) = (a.clone() + &b, a.clone() + &b + &c);
        prop_assert!(abc.contains(&ab) && ab.contains(&a) && abc.contains(&a));
        prop_assert!(!(a.contains(&b) && b.contains(&c)) || a.contains(&c));
    }

    #[test]
    fn quantities_add_up_but_for_shared_objects(a in things(), b in things()) {
        let (a, b) = (resources(&a).non_shared(), resources(&b).non_shared());
        prop_assert_eq!((a.clone() + &b).quantities(), a.quantities() + b.quantities());
    }

    #[test]
    fn filters_split_without_loss(a in things()) {
        let a = resources(&a);
        for (one, other) in [
            (a.reserved(), a.unreserved()),
            (a.revocable(), a.non_revocable()),
            (a.shared(), a.non_shared()),
            (a.scalars_only(), a.non_scalars()),
        ] {
            prop_assert_eq!(one + &other, a.clone());
        }
    }

    #[test]
    fn text_and_json_read_back(a in things()) {
        let a = resources(&a);
        prop_assert_eq!(&Resources::parse(&a.to_string()).unwrap(), &a);
        for form in [JsonForm::Refined, JsonForm::Compact] {
            let json = a.to_json(form).unwrap();
            prop_assert_eq!(&Resources::from_json(&json).unwrap(), &a);
            prop_assert_eq!(&Resources::parse(&json.to_string()).unwrap(), &a);
        }
        let a = a.unrefined();
        prop_assert_eq!(&Resources::from_json(&a.to_json(JsonForm::PreRefinement).unwrap()).unwrap(), &a);
    }

    #[test]
    fn shrinking_stays_within_target_and_source(a in things(), target in prop::array::uniform4(0_i64..4_000)) {
        let (a, target) = (resources(&a), Quantities(target));
        let (few, most) = (a.shrink_to_quantities(target), a.shrink_to_limits(target));
        prop_assert!(a.contains(&few) && a.contains(&most) && most.contains(&few));
        prop_assert!(target.contains(few.quantities()) && target.contains(most.quantities()));
        prop_assert_eq!(&few, &most.filter(true, |object| object.standard_scalar().is_some()));
        let named = KINDS.iter().zip(target.0).map(|(name, v)| ((*name).into(), Milli(v))).collect();
        prop_assert_eq!(&few, &a.shrink_to(&named, Unnamed::Drop));
        prop_assert_eq!(&most, &a.shrink_to(&named, Unnamed::Keep));
        // Names that can be cut are filled up.
        let divisible = a.filter(true, |object| !object.is_indivisible());
        prop_assert_eq!(divisible.shrink_to_quantities(target).quantities(), divisible.quantities().min(target));
    }

    /// Whatever the reader takes, it prints so that it reads back; nothing panics.
    #[test]
    fn any_text_is_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        words in prop::collection::vec(prop::sample::select(WORDS), 0..14),
    ) {
        for text in [String::from_utf8_lossy(&bytes).into_owned(), words.concat()] {
            if let Ok(read) = Resources::parse(&text) {
                prop_assert_eq!(&Resources::parse(&read.to_string()).unwrap(), &read, "{}", text);
                let json = read.to_json(JsonForm::Refined).unwrap();
                prop_assert_eq!(&Resources::from_json(&json).unwrap(), &read, "{}", text);
            }
        }
    }

    #[test]
    fn any_json_is_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        object in any_object(),
    ) {
        if let Ok(json) = serde_json::from_slice::<serde_json::Value>(&bytes) {
            prop_assert!(Resources::from_json(&json).is_ok() == json.as_array().is_some_and(Vec::is_empty));
        }
        if let Ok(read) = Resources::from_json(&serde_json::json!([object])) {
            for form in [JsonForm::Refined, JsonForm::Compact] {
                prop_assert_eq!(&Resources::from_json(&read.to_json(form).unwrap()).unwrap(), &read);
            }
            prop_assert_eq!(&Resources::parse(&read.to_string()).unwrap(), &read);
        }
    }
}

/// Pieces of texts that nearly make sense.
const WORDS: &[&str] = &[
    "cpus",
    "mem",
    "disk",
    "gpus",
    "ports",
    "zone",
    ":",
    ":",
    ":",
    ";",
    "; ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    ",",
    "1",
    "2.5",
    "-1",
    "1e3",
    "[1-10]",
    "[1-2,4-5]",
    "{a,b}",
    "(a)",
    "(*)",
    "{REV}",
    "<SHARED>",
    "<2>",
    "[MOUNT:/m]",
    "[v:data]",
    "[PATH:/p,v(principal: x):d:ro]",
    "(reservations: [(DYNAMIC,a,p,{k: v, l})])",
    "(allocated: b)",
    "(provider: r)",
    "\"",
    "\"a;b\"",
    "RAW(,i,)",
    " ",
    "é",
    "MOUNT",
    "18446744073709551615",
    "disk(a)[v:d]<SHARED>:3",
    "cpus:1;",
    "ports:[0-18446744073709551615];",
];

fn parsed((key, text): (&str, &str)) -> (String, serde_json::Value) {
    (key.to_owned(), serde_json::from_str(text).unwrap())
}

/// Objects with the right keys and values of any sense.
fn any_object() -> impl Strategy<Value = serde_json::Value> {
    let keys = prop::sample::select(vec![
        "name",
        "type",
        "scalar",
        "ranges",
        "set",
        "role",
        "reservation",
        "reservations",
        "disk",
        "disk_source",
        "persistence_id",
        "revocable",
        "shared",
        "provider_id",
        "allocation_info",
    ]);
    let values = prop::sample::select(JSON_VALUES).prop_map(|text| serde_json::from_str(text).unwrap());
    let field = prop_oneof![
        4 => (keys.prop_map(str::to_owned), values).boxed(),
        6 => prop::sample::select(JSON_FIELDS).prop_map(parsed).boxed(),
    ];
    (prop::sample::select(vec!["cpus", "disk", "ports"]), prop::collection::vec(field, 0..6)).prop_map(
        |(name, fields)| {
            let mut object = serde_json::Map::new();
            object.insert("name".to_owned(), name.into());
            object.extend(fields);
            object.into()
        },
    )
}

const JSON_VALUES: &[&str] =
    &["null", "true", "1", "-1", "1e300", "0.0001", "\"a\"", "[]", "{}", "[[1,2]]", "[{}]", "{\"value\":2}"];
const JSON_FIELDS: &[(&str, &str)] = &[
    ("scalar", "3.5"),
    ("scalar", "{\"value\": 1.0005}"),
    ("ranges", "[[1,2],[4,18446744073709551615]]"),
    ("ranges", "{\"range\": [{\"begin\": 1, \"end\": 9}]}"),
    ("set", "{\"item\": [\"b\", \"a;\"]}"),
    ("role", "\"a/b\""),
    ("reservation", "{\"principal\": \"p q\", \"labels\": {\"labels\": [{\"key\": \"k\"}]}}"),
    ("reservations", "[{\"type\": \"STATIC\", \"role\": \"a\", \"labels\": {\"labels\": \"x\"}}]"),
    (
        "reservations",
        "[{\"type\": \"STATIC\", \"role\": \"a\"}, {\"type\": \"DYNAMIC\", \"role\": \"a/b\", \"principal\": \"\"}]",
    ),
    ("disk", "{\"persistence\": {\"id\": \"MOUNT\"}, \"volume\": {\"container_path\": \"d\", \"mode\": \"RO\"}}"),
    ("disk", "{\"source\": {\"type\": \"RAW\", \"id\": \"i,\", \"profile\": \"f\"}}"),
    ("disk", "{\"source\": {\"type\": \"MOUNT\", \"mount\": {\"root\": \"/m:\"}}, \"persistence\": {\"id\": \"\"}}"),
    ("disk_source", "\"PATH:/p\""),
    ("shared", "{}"),
    ("revocable", "true"),
    ("provider_id", "{\"value\": \"rp (1)\"}"),
    ("allocation_info", "{\"role\": \"r\"}"),
];
