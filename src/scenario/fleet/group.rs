//! `group`: a number of equal machines, spread over racks in turn.
//!
//! ```toml
//! [[agents]]
//! name = "worker"
//! count = 200
//! resources = "cpus:16;mem:65536"
//! racks = 10                      # host i gets the attribute rack_id = "r<i mod 10>"
//! region = "eu"                   # its fault domain, with zone = "eu-1"
//! attributes = { zone = "a" }
//! ```

use super::Plugin;
use crate::scenario::error::Error;
use crate::scenario::model::Host;
use crate::scenario::section::Section;
use crate::scenario::units::Pairs;
use crate::scenario::{resources, units};
use serde::Deserialize;

pub(crate) const PLUGIN: Plugin =
    Plugin { name: "group", summary: "a number of equal machines, spread over racks", read };

/// More than the largest cluster ever reported, by far; guards against a slip of the finger.
const COUNT_MAX: u32 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    count: u32,
    resources: String,
    racks: Option<u32>,
    region: Option<String>,
    zone: Option<String>,
    #[serde(default)]
    attributes: Pairs,
    #[serde(default)]
    devices: u32,
}

fn read(section: &Section, name: &str) -> Result<Vec<Host>, Error> {
    let params: Params = section.read()?;
    if params.count == 0 || params.count > COUNT_MAX {
        let help = format!("write a number from 1 to {COUNT_MAX}, or remove the section");
        return Err(section.error("count", format!("{} machines make no fleet", params.count), help));
    }
    resources::check(&params.resources).map_err(|text| {
        let (message, help) = units::split_help(&text);
        section.error("resources", message, help)
    })?;
    if let Some(racks) = params.racks {
        if racks == 0 || racks > params.count {
            let help = format!("write a number from 1 to {}, or remove the key", params.count);
            return Err(section.error("racks", format!("{} machines cannot fill {racks} racks", params.count), help));
        }
        if params.attributes.0.iter().any(|(key, _)| key == "rack_id") {
            let help = "remove one of the two";
            return Err(section.error("attributes.rack_id", "`rack_id` is set by `racks` too", help));
        }
    }
    if let (None, Some(zone)) = (&params.region, &params.zone) {
        let help = "add region = \"...\"; a zone is a part of a region";
        return Err(section.error("zone", format!("zone `{zone}` is in no region"), help));
    }
    // A fault domain is no attribute; here it stands among them under names that none can have.
    let domain = [("@region", &params.region), ("@zone", &params.zone)];
    let domain = domain.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    let domain: Vec<(String, String)> = domain.collect();
    let host = |i: u32| {
        let rack = params.racks.map(|racks| ("rack_id".to_owned(), format!("r{}", i % racks)));
        Host {
            hostname: format!("{name}-{i}"),
            resources: params.resources.clone(),
            attributes: rack.into_iter().chain(params.attributes.0.iter().cloned()).chain(domain.clone()).collect(),
            devices: params.devices,
        }
    };
    Ok((0..params.count).map(host).collect())
}

#[cfg(test)]
mod tests {
    use crate::scenario::load::testing::{parse, refuse};
    use expect_test::expect;

    #[test]
    fn spreads_over_racks() {
        let agents = "count = 5\nresources = 'cpus:1;mem:32'\nracks = 2\nattributes = { zone = 'a' }\ndevices = 3";
        let scenario = parse(&format!("duration = '1h'\n[[agents]]\nname = 'w'\n{agents}"));
        let hosts = &scenario.fleets[0].hosts;
        assert_eq!(hosts.len(), 5);
        expect![[r#"
            Host {
                hostname: "w-3",
                resources: "cpus:1;mem:32",
                attributes: [
                    (
                        "rack_id",
                        "r1",
                    ),
                    (
                        "zone",
                        "a",
                    ),
                ],
                devices: 3,
            }
        "#]]
        .assert_debug_eq(&hosts[3]);
    }

    #[test]
    fn refuses_what_cannot_be() {
        let base = |rest: &str| format!("duration = '1h'\n[[agents]]\n{rest}\n");
        let said = [
            "count = 0\nresources = 'cpus:1'",
            "count = 2\nresources = 'cpus:1;cpus:2'",
            "count = 2\nresources = 'cpus:1'\nracks = 3",
            "count = 2\nresources = 'cpus:1'\nracks = 2\nattributes = { rack_id = 'x' }",
            "count = 2\nresources = 4",
            "count = -2\nresources = 'cpus:1'",
            "count = 2.5\nresources = 'cpus:1'",
            "count = 2\nresources = 'cpus:1'\nattributes = { zone = 1 }",
            "count = 2",
            "from = 'groups'\ncount = 2",
        ]
        .map(|rest| refuse(&base(rest)))
        .join("\n\n");
        expect![[r#"
            error: 0 machines make no fleet
             --> test.toml:3:9
              |
            3 | count = 0
              |         ^
              |
              = help: write a number from 1 to 1000000, or remove the section

            error: `cpus` is given twice
             --> test.toml:4:13
              |
            4 | resources = 'cpus:1;cpus:2'
              |             ^^^^^^^^^^^^^^^
              |
              = help: write one amount for it

            error: 2 machines cannot fill 3 racks
             --> test.toml:5:9
              |
            5 | racks = 3
              |         ^
              |
              = help: write a number from 1 to 2, or remove the key

            error: `rack_id` is set by `racks` too
             --> test.toml:6:26
              |
            6 | attributes = { rack_id = 'x' }
              |                          ^^^
              |
              = help: remove one of the two

            error: expected a text in quotes, found `4`
             --> test.toml:4:13
              |
            4 | resources = 4
              |             ^
              |
              = help: put it in quotes

            error: expected a whole number, found `-2`
             --> test.toml:3:9
              |
            3 | count = -2
              |         ^^
              |
              = help: write a number that is not negative

            error: expected a whole number, found `2.5`
             --> test.toml:3:9
              |
            3 | count = 2.5
              |         ^^^
              |
              = help: write digits only, for example 5

            error: expected a text in quotes, found `1`
             --> test.toml:5:23
              |
            5 | attributes = { zone = 1 }
              |                       ^
              |
              = help: put it in quotes

            error: missing key `resources`
             --> test.toml:2:1
              |
            2 | [[agents]]
              | ^^^^^^^^^^
              |
              = help: add `resources = ...` here

            error: unknown fleet `groups`
             --> test.toml:3:8
              |
            3 | from = 'groups'
              |        ^^^^^^^^
              |
              = help: did you mean `group`? there are `group`, `openb-nodes`"#]]
        .assert_eq(&said);
    }
}
