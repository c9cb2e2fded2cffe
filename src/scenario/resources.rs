//! The shape of Mesos' resource texts, checked early so that the mistake is shown in the scenario.
//!
//! The meaning of `--resources` is Mesos' business (`mesos::resource`); here only what is
//! contradictory or cannot be such a text is refused.

use super::decimal;
use crate::base::quantity::{KINDS, Milli, Quantities};

const EXAMPLE: &str = "write for example \"cpus:16;mem:65536;ports:[31000-32000]\"";

/// Checks `name[(role)]:value;...` where a value is a number, `[a-b,...]` or `{x,...}`, and disks of
/// their own, `disk[MOUNT:/ssd]:2000`.
///
/// # Errors
/// What is wrong, and in a second line the mend.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = match part.starts_with("disk[") {
            true => Some(disk(part)?),
            false => part.split_once(':'),
        }
        .ok_or_else(|| format!("`{part}` is not a resource of the form name:value\n{EXAMPLE}"))?;
        let (name, value) = (name.trim(), value.trim());
        let plain = name.split_once(['(', '[']).map_or(name, |(plain, _)| plain);
        if plain.is_empty() || plain.contains(char::is_whitespace) || (name.contains('(') && !name.ends_with(')')) {
            return Err(format!("`{name}` is not the name of a resource\n{EXAMPLE}"));
        }
        if seen.contains(&name) {
            return Err(format!("`{name}` is given twice\nwrite one amount for it"));
        }
        seen.push(name);
        let scalar_kind = KINDS.contains(&plain);
        if value.starts_with('[') || value.starts_with('{') {
            if scalar_kind {
                return Err(format!("`{name}` is a number, found `{value}`\nwrite for example \"{name}:4\""));
            }
            if value.starts_with('[') {
                ranges(name, value)?;
            } else if !value.ends_with('}') {
                return Err(format!("the set `{value}` is not closed\nwrite for example \"{name}:{{a,b}}\""));
            }
            continue;
        }
        match decimal::scaled(value, 1_000_000) {
            Ok(n) if n < 0 => return Err(format!("`{name}` is negative: {value}\nwrite an amount of at least 0")),
            Ok(n) if plain == "gpus" && n % 1_000_000 != 0 => {
                let help = "Mesos knows whole GPUs only; frameworks share those of `devices = N`";
                return Err(format!("`{name}` is not whole: {value}\n{help}"));
            }
            Ok(_) => {}
            Err(_) if scalar_kind && value.starts_with(|c: char| c.is_ascii_digit()) => {
                let help = "Mesos' resource texts have no units: cpus and gpus are counted, mem and disk are in MiB";
                return Err(format!("`{name}` has a unit: {value}\n{help}"));
            }
            Err(wrong) => return Err(format!("`{value}` of `{name}` is {wrong}\n{EXAMPLE}")),
        }
    }
    if seen.is_empty() {
        return Err(format!("there are no resources\n{EXAMPLE}"));
    }
    Ok(())
}

/// Name and value of a disk with a source.
fn disk(part: &str) -> Result<(&str, &str), String> {
    let help = "write for example \"disk[MOUNT:/ssd]:2000\"";
    let end = part.find("]:").ok_or_else(|| format!("the source of `{part}` is not closed\n{help}"))?;
    let source = part["disk[".len()..end].split_once(':');
    match source {
        Some(("PATH" | "MOUNT", root)) if root.starts_with('/') => Ok((&part[..=end], &part[end + 2..])),
        _ => Err(format!("`{}` is not a disk of type PATH or MOUNT with its root\n{help}", &part[..=end])),
    }
}

fn ranges(name: &str, value: &str) -> Result<(), String> {
    let help = format!("write for example \"{name}:[31000-32000]\"");
    let inner = value.strip_prefix('[').and_then(|v| v.strip_suffix(']'));
    let inner = inner.ok_or_else(|| format!("the range `{value}` is not closed\n{help}"))?;
    for range in inner.split(',').map(str::trim) {
        let ends = range.split_once('-').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
        match ends {
            Some((low, high)) if low <= high => {}
            Some((low, high)) => {
                let (low, high): (u64, u64) = (low, high);
                return Err(format!("the range {low}-{high} of `{name}` is empty\nwrite {high}-{low}"));
            }
            None => return Err(format!("`{range}` of `{name}` is not a range\n{help}")),
        }
    }
    Ok(())
}

/// Reads the allocator's `min_allocatable_resources`: sets with `|` between, `cpus:0.01|mem:32`.
///
/// # Errors
/// What is wrong, and in a second line the mend.
pub(crate) fn min_allocatable(text: &str) -> Result<Vec<Quantities>, String> {
    let mut sets = Vec::new();
    for set in text.split('|').filter(|set| !set.trim().is_empty()) {
        check(set)?;
        let mut amounts = [0; KINDS.len()];
        for part in set.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once(':').unwrap_or((part, ""));
            let kind = KINDS.iter().position(|kind| *kind == name.trim());
            let kind = kind.ok_or_else(|| {
                format!("`{}` cannot be a minimum\nthe kinds are {}", name.trim(), super::suggest::list(&KINDS))
            })?;
            let amount = decimal::scaled(value.trim(), 1_000);
            amounts[kind] =
                amount.map_err(|wrong| format!("`{value}` of `{name}` is {wrong}\nwrite a plainer number"))?;
        }
        sets.push(Quantities(amounts));
    }
    Ok(sets)
}

/// Reads amounts of a quota, `cpus:4;mem:8192`.
///
/// # Errors
/// What is wrong, and in a second line the mend.
pub(crate) fn amounts(text: &str) -> Result<Vec<(String, Milli)>, String> {
    check(text)?;
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    let amount = |part: &str| {
        let (name, value) = part.split_once(':').unwrap_or((part, ""));
        let name = name.trim();
        if name.contains(['(', '[']) || value.trim().starts_with(['[', '{']) {
            let help = "write amounts alone, for example \"cpus:16;mem:65536\"";
            return Err(format!("`{part}` cannot be a part of a quota\n{help}"));
        }
        let amount = decimal::scaled(value.trim(), 1_000);
        let amount = amount.map_err(|wrong| format!("`{value}` of `{name}` is {wrong}\nwrite a plainer number"))?;
        Ok((name.to_owned(), Milli(amount)))
    };
    parts.map(amount).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::default_min_allocatable;

    #[test]
    fn accepts_mesos_texts() {
        for text in [
            "cpus:16;mem:65536;disk:1000000;gpus:2;ports:[31000-32000]",
            "cpus:0.5; mem:32 ;ports:[1-2, 5-9];zones:{a,b}",
            "cpus(ads):2;cpus(*):1;mem:1",
            "tokens:7",
            "disk:5;disk[MOUNT:/ssd]:2000;disk[PATH:/var]:10",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        assert_eq!(min_allocatable("cpus:0.01|mem:32"), Ok(default_min_allocatable()));
        assert_eq!(
            amounts("cpus:1.5; tokens:7"),
            Ok(vec![("cpus".into(), Milli(1_500)), ("tokens".into(), Milli(7_000))])
        );
        assert_eq!(min_allocatable(""), Ok(vec![]));
        assert_eq!(min_allocatable("cpus:1;mem:5"), Ok(vec![Quantities([1_000, 5_000, 0, 0])]));
    }

    #[test]
    fn refuses_with_the_mend() {
        let said: String = [
            "",
            "cpus",
            "cpus=4",
            "cpus:4;cpus:5",
            "cpus:-1",
            "mem:4GiB",
            "gpus:0.5",
            "cpus:[1-2]",
            "ports:[9-1]",
            "ports:[1",
            "ports:[x]",
            "set:{a",
            "cpus:x",
            ":4",
            "cpus(a:4",
            "disk[RAW:/x]:5",
            "disk[MOUNT:/x:5",
            "disk[MOUNT:/x]:5GiB",
        ]
        .map(|text| check(text).unwrap_err() + "\n")
        .concat()
            + &min_allocatable("ports:1").unwrap_err()
            + &["ports:[1-2]", "cpus(a):1", "cpus:4 "].map(|text| format!("\n{:?}", amounts(text))).concat();
        expect_test::expect![[r#"
            there are no resources
            write for example "cpus:16;mem:65536;ports:[31000-32000]"
            `cpus` is not a resource of the form name:value
            write for example "cpus:16;mem:65536;ports:[31000-32000]"
            `cpus=4` is not a resource of the form name:value
            write for example "cpus:16;mem:65536;ports:[31000-32000]"
            `cpus` is given twice
            write one amount for it
            `cpus` is negative: -1
            write an amount of at least 0
            `mem` has a unit: 4GiB
            Mesos' resource texts have no units: cpus and gpus are counted, mem and disk are in MiB
            `gpus` is not whole: 0.5
            Mesos knows whole GPUs only; frameworks share those of `devices = N`
            `cpus` is a number, found `[1-2]`
            write for example "cpus:4"
            the range 9-1 of `ports` is empty
            write 1-9
            the range `[1` is not closed
            write for example "ports:[31000-32000]"
            `x` of `ports` is not a range
            write for example "ports:[31000-32000]"
            the set `{a` is not closed
            write for example "set:{a,b}"
            `x` of `cpus` is not a number
            write for example "cpus:16;mem:65536;ports:[31000-32000]"
            `` is not the name of a resource
            write for example "cpus:16;mem:65536;ports:[31000-32000]"
            `cpus(a` is not the name of a resource
            write for example "cpus:16;mem:65536;ports:[31000-32000]"
            `disk[RAW:/x]` is not a disk of type PATH or MOUNT with its root
            write for example "disk[MOUNT:/ssd]:2000"
            the source of `disk[MOUNT:/x:5` is not closed
            write for example "disk[MOUNT:/ssd]:2000"
            `disk[MOUNT:/x]` has a unit: 5GiB
            Mesos' resource texts have no units: cpus and gpus are counted, mem and disk are in MiB
            `ports` cannot be a minimum
            the kinds are `cpus`, `mem`, `disk`, `gpus`
            Err("`ports:[1-2]` cannot be a part of a quota\nwrite amounts alone, for example \"cpus:16;mem:65536\"")
            Err("`cpus(a):1` cannot be a part of a quota\nwrite amounts alone, for example \"cpus:16;mem:65536\"")
            Ok([("cpus", Milli(4000))])"#]]
        .assert_eq(&said);
    }
}
