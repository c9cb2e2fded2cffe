//! `[[endpoints]]` of a scenario: addresses outside to which Marathon's call-back subscriptions post
//! events, and what becomes of them there.

use super::build::Error;
use crate::base::id::Names;
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use crate::frameworks::endpoint::Config;
use crate::marathon::rest::subscriptions::is_url;
use crate::scenario::model::Scenario;
use crate::scenario::units::Probability;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// In metrics; `endpoint-0` and so on without it.
    name: Option<String>,
    url: String,
    answers_after: Option<Distribution>,
    /// Of its answers, so many are 500 (0 to 1).
    fails: Option<Probability>,
    /// It takes posts and answers none.
    dead_from: Option<Span>,
    dead_until: Option<Span>,
}

pub(super) fn endpoints(scenario: &Scenario, names: &mut Names) -> Result<Vec<Arc<Config>>, Error> {
    let mut all: Vec<Arc<Config>> = Vec::new();
    for (i, section) in scenario.endpoints.iter().enumerate() {
        let p: Params = section.read()?;
        if !is_url(&p.url) {
            let message = format!("`{}` is no address that can be posted to", p.url);
            return Err(section.error("url", message, "write for example \"http://audit.example.com/events\""));
        }
        let name = p.name.unwrap_or_else(|| format!("endpoint-{i}"));
        let symbol = names.intern(&name);
        if all.iter().any(|other| other.name == symbol) {
            return Err(section.error("name", format!("there is another endpoint `{name}`"), "give it another name"));
        }
        if all.iter().any(|other| other.url == p.url) {
            let message = format!("`{}` is another endpoint's, too", p.url);
            return Err(section.error("url", message, "one address leads to one endpoint"));
        }
        let time = |span: Span| Time::ZERO + span;
        let dead = match (p.dead_from, p.dead_until) {
            (None, None) => None,
            (from, until) => Some((from.map_or(Time::ZERO, time), until.map_or(Time(i64::MAX), time))),
        };
        if dead.is_some_and(|(from, until)| from >= until) {
            return Err(section.error("dead_until", "it ends before it begins", "write a later instant"));
        }
        all.push(Arc::new(Config {
            name: symbol,
            url: p.url,
            answers_after: p.answers_after.unwrap_or(Distribution::Fixed(Span::ZERO)),
            fails_ppm: p.fails.map_or(0, |probability| probability.ppm),
            dead,
        }));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(text: &str) -> Result<Vec<Arc<Config>>, String> {
        let scenario =
            format!("duration = \"1m\"\n[[agents]]\nname = \"a\"\ncount = 1\nresources = \"cpus:1\"\n{text}");
        let scenario = Scenario::parse(&scenario, "test.toml", Path::new("."), &[], None);
        let scenario = scenario.map_err(|e| e.render(false))?;
        endpoints(&scenario, &mut Names::default()).map_err(|e| e.render(false))
    }

    #[test]
    fn endpoints_have_names_and_addresses_of_their_own() {
        let all =
            read("[[endpoints]]\nurl = \"http://a/x\"\n[[endpoints]]\nurl = \"http://b\"\ndead_from = \"5s\"").unwrap();
        assert_eq!(all.iter().map(|one| &*one.url).collect::<Vec<_>>(), ["http://a/x", "http://b"]);
        assert_eq!(all[1].dead, Some((Time::from_secs(5), Time(i64::MAX))));
        let same = "[[endpoints]]\nname = \"x\"\nurl = \"http://a\"\n[[endpoints]]\n";
        let told = [
            read("[[endpoints]]\nurl = \"here\"").unwrap_err(),
            read(&format!("{same}name = \"x\"\nurl = \"http://b\"")).unwrap_err(),
            read(&format!("{same}url = \"http://a\"")).unwrap_err(),
            read("[[endpoints]]\nurl = \"http://a\"\ndead_from = \"5s\"\ndead_until = \"5s\"").unwrap_err(),
            read("[[endpoints]]\nurl = \"http://a\"\nslow = 1").unwrap_err(),
        ];
        expect_test::expect![[r#"
            error: `here` is no address that can be posted to
             --> test.toml:7:7
              |
            7 | url = "here"
              |       ^^^^^^
              |
              = help: write for example "http://audit.example.com/events"error: there is another endpoint `x`
              --> test.toml:10:8
               |
            10 | name = "x"
               |        ^^^
               |
               = help: give it another nameerror: `http://a` is another endpoint's, too
              --> test.toml:10:7
               |
            10 | url = "http://a"
               |       ^^^^^^^^^^
               |
               = help: one address leads to one endpointerror: it ends before it begins
             --> test.toml:9:14
              |
            9 | dead_until = "5s"
              |              ^^^^
              |
              = help: write a later instanterror: unknown key `slow`
             --> test.toml:8:1
              |
            8 | slow = 1
              | ^^^^
              |
              = help: known here: `name`, `url`, `answers_after`, `fails`, `dead_from`, `dead_until`"#]]
        .assert_eq(&told.concat());
    }
}
