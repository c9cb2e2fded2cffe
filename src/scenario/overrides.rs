//! `--set key=value`: single values of a scenario replaced from outside.
//!
//! Keys are dotted as in TOML. An element of a list is named by its number from 0, or by its
//! `name` where it has one: `fault.2.at=10m`, `frameworks.analytics.role=dev`. The value is TOML,
//! or a plain word where it is not. Each override is a text of its own named `--set`, so that what
//! is wrong with it is shown in it.

use super::error::Diagnostic;
use super::source::{Place, Sources};
use super::suggest;
use super::value::{self, Data, Entry, Table, Value};
use toml::de::{DeTable, DeValue};

/// Applies one override.
pub(crate) fn apply(table: &mut Table, key: &str, value: &str, sources: &mut Sources) -> Result<(), Diagnostic> {
    let text = format!("{key}={value}");
    let file = sources.add("--set", text.as_str());
    let whole = Place { file, start: 0, end: text.len() as u32 };
    let path = path(key, file).ok_or_else(|| {
        let help = "write --set KEY=VALUE with a dotted key, for example --set network.latency=2ms";
        Diagnostic::new(Some(whole), format!("`{key}` is not a key"), help)
    })?;
    let offset = key.len() + 1;
    let place = Place { file, start: offset as u32, end: text.len() as u32 };
    // A duration, a name or a path needs no second pair of quotes around it.
    let value = value::parse_value(value, file, offset)
        .unwrap_or_else(|_| Value { place, data: Data::Text(value.trim().to_owned()) });
    set(table, &path, value)
}

struct Step {
    name: String,
    place: Place,
}

/// The steps of a dotted key, by letting TOML read it as one.
fn path(key: &str, file: u32) -> Option<Vec<Step>> {
    let text = format!("{key}=0");
    let document = DeTable::parse(&text).ok()?;
    let (mut table, mut steps) = (document.get_ref(), Vec::new());
    loop {
        let (name, value) = table.iter().next()?;
        steps.push(Step { name: name.get_ref().to_string(), place: value::place(name.span(), file, 0) });
        if table.len() > 1 {
            return None;
        }
        match value.get_ref() {
            DeValue::Table(next) => table = next,
            DeValue::Integer(_) => return Some(steps),
            _ => return None,
        }
    }
}

fn set(table: &mut Table, path: &[Step], value: Value) -> Result<(), Diagnostic> {
    let [step, rest @ ..] = path else { return Ok(()) };
    if rest.is_empty() {
        let entry = Entry { key_place: step.place, value };
        table.0.insert(step.name.clone(), entry);
        return Ok(());
    }
    let missing =
        || Entry { key_place: step.place, value: Value { place: step.place, data: Data::Table(Table::default()) } };
    let entry = table.0.entry(step.name.clone()).or_insert_with(missing);
    descend(&mut entry.value, step, rest, value)
}

/// `rest` is not empty.
fn descend(at: &mut Value, above: &Step, rest: &[Step], value: Value) -> Result<(), Diagnostic> {
    match &mut at.data {
        Data::Table(table) => set(table, rest, value),
        Data::Array(items) => {
            let step = &rest[0];
            let chosen = select(items, above, step)?;
            let item = &mut items[chosen];
            if rest.len() == 1 {
                *item = value;
                return Ok(());
            }
            descend(item, step, &rest[1..], value)
        }
        _ => {
            let message = format!("`{}` is {} and has no `{}`", above.name, at.kind(), rest[0].name);
            Err(Diagnostic::new(Some(rest[0].place), message, format!("set `{}` itself", above.name)))
        }
    }
}

fn select(items: &[Value], above: &Step, step: &Step) -> Result<usize, Diagnostic> {
    let name_of = |item: &Value| match &item.data {
        Data::Table(table) => match table.get("name") {
            Some(Value { data: Data::Text(name), .. }) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    };
    if let Some(i) = items.iter().position(|item| name_of(item).as_ref() == Some(&step.name)) {
        return Ok(i);
    }
    match step.name.parse::<usize>() {
        Ok(i) if i < items.len() => Ok(i),
        Ok(i) => {
            let message = format!("there is no `{}.{i}`", above.name);
            let help = match items.len() {
                0 => "the list is empty".to_owned(),
                n => format!("numbers go from 0 to {}", n - 1),
            };
            Err(Diagnostic::new(Some(step.place), message, help))
        }
        Err(_) => {
            let names: Vec<String> = items.iter().filter_map(name_of).collect();
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            if suggest::nearest(&step.name, &known).is_some() {
                return Err(Diagnostic::unknown(Some(step.place), "name", &step.name, &known));
            }
            let message = format!("no element of `{}` is named `{}`", above.name, step.name);
            let named =
                if known.is_empty() { String::new() } else { format!(", or a name: {}", suggest::list(&known)) };
            let help = format!("write a number from 0 to {}{named}", items.len().saturating_sub(1));
            Err(Diagnostic::new(Some(step.place), message, help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Error;
    use super::*;
    use expect_test::expect;
    use std::sync::Arc;

    const BASE: &str = "seed = 1\nlist = [1, 2]\n[[frameworks]]\nname = 'one'\n[[frameworks]]\nname = 'two'\n";

    fn with(overrides: &[(&str, &str)]) -> String {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", BASE);
        let mut table = value::parse_document(&sources, file).unwrap();
        for (key, value) in overrides {
            if let Err(d) = apply(&mut table, key, value, &mut sources) {
                return Error::new(&Arc::new(sources), vec![d]).render(false);
            }
        }
        toml::to_string(&table).unwrap()
    }

    #[test]
    fn reaches_everything() {
        let got = with(&[
            ("seed", "7"),
            ("network.latency", "2ms"),
            ("network.\"odd.key\"", "{ uniform = ['1ms', '2ms'] }"),
            ("list.1", "9"),
            ("frameworks.two.role", "dev/x"),
            ("frameworks.0.weight", "0.5"),
        ]);
        expect![[r#"
            seed = 7
            list = [1, 9]

            [[frameworks]]
            name = "one"
            weight = 0.5

            [[frameworks]]
            name = "two"
            role = "dev/x"

            [network]
            latency = "2ms"

            [network."odd.key"]
            uniform = ["1ms", "2ms"]
        "#]]
        .assert_eq(&got);
    }

    #[test]
    fn mistakes_point_into_the_override() {
        let said = [
            [("frameworks.tow.role", "x")],
            [("frameworks.5.role", "x")],
            [("frameworks.analytics.role", "x")],
            [("seed.deep", "1")],
            [("a b", "1")],
            [("x=1\ny", "1")],
        ]
        .map(|one| with(&one))
        .join("\n\n");
        expect![[r#"
            error: unknown name `tow`
             --> --set:1:12
              |
            1 | frameworks.tow.role=x
              |            ^^^
              |
              = help: did you mean `two`?

            error: there is no `frameworks.5`
             --> --set:1:12
              |
            1 | frameworks.5.role=x
              |            ^
              |
              = help: numbers go from 0 to 1

            error: no element of `frameworks` is named `analytics`
             --> --set:1:12
              |
            1 | frameworks.analytics.role=x
              |            ^^^^^^^^^
              |
              = help: write a number from 0 to 1, or a name: `one`, `two`

            error: `seed` is a whole number and has no `deep`
             --> --set:1:6
              |
            1 | seed.deep=1
              |      ^^^^
              |
              = help: set `seed` itself

            error: `a b` is not a key
             --> --set:1:1
              |
            1 | a b=1
              | ^^^^^
              |
              = help: write --set KEY=VALUE with a dotted key, for example --set network.latency=2ms

            error: `x=1
                   y` is not a key
             --> --set:1:1
              |
            1 | / x=1
            2 | | y=1
              | |___^
              |
              = help: write --set KEY=VALUE with a dotted key, for example --set network.latency=2ms"#]]
        .assert_eq(&said);
    }
}
