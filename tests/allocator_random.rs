//! Random scripts on the reference and on the allocator of the simulator: both must answer alike.
//!
//! Every run has new seeds. `MESOSIM_SEED=n` plays one seed, `MESOSIM_SCRIPTS=n` that many scripts.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "new seeds come from the clock")]

mod reference;

use mesosim::base::time::Span;
use mesosim::replay::{Cases, Event, Fault, Init, Mesos, Player, Step, play};
use reference::Reference;
use reference::duel::{Tally, duel};
use std::io::Write;

/// Events of one script.
const EVENTS: usize = 120;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// New seeds, unless the environment names some.
fn seeds(scripts: u64) -> std::ops::Range<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let given = number("MESOSIM_SEED");
    let first = given.unwrap_or(now.as_nanos() as u64 >> 16);
    first..first + number("MESOSIM_SCRIPTS").unwrap_or(if given.is_some() { 1 } else { scripts })
}

fn play_all(seeds: std::ops::Range<u64>) {
    // Past the harness, so that it can be seen in a run that passes.
    let mut out = std::io::stderr();
    writeln!(out, "seeds {seeds:?}").unwrap();
    let (mut tally, mut different) = (Tally::default(), Vec::new());
    for seed in seeds {
        if let Err(told) = duel::<Reference, Mesos>(seed, EVENTS, &mut tally) {
            different.push(told);
            // A few show whether they have one cause.
            if different.len() == 8 {
                break;
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    writeln!(out, "{tally:?}").unwrap();
}

#[test]
fn random_scripts_are_played_alike() {
    play_all(seeds(60));
}

/// Part of `.ci/full`.
#[test]
#[ignore = "takes minutes"]
fn many_random_scripts_are_played_alike() {
    play_all(seeds(20_000));
}

/// The reference without one of its rules.
struct Faulty(Reference);

impl Player for Faulty {
    fn start(init: &Init) -> Result<Self, Fault> {
        Reference::start(init).map(Self)
    }
    fn apply(&mut self, event: &Event) -> Result<Vec<Step>, Fault> {
        match event {
            Event::Recover { framework, role, agent, resources, refuse, allocated } => {
                // No filter outlives 2 s.
                let refuse = refuse.map(|span| span.min(Span::from_secs(2)));
                let (framework, role, agent) = (framework.clone(), role.clone(), agent.clone());
                let resources = resources.clone();
                self.0.apply(&Event::Recover { framework, role, agent, resources, refuse, allocated: *allocated })
            }
            _ => self.0.apply(event),
        }
    }
}

#[test]
fn a_difference_is_found_and_told_in_few_events() {
    let told = (0..200).find_map(|seed| duel::<Reference, Faulty>(seed, EVENTS, &mut Tally::default()).err());
    let told = told.expect("200 scripts find a rule that is missing");
    let json = told.lines().last().unwrap();
    let (_, case) = Cases::new(json).next().unwrap().expect("it is a case");
    assert!(case.input.len() <= 16, "{} events: {told}", case.input.len());
    assert!(case.input.iter().any(|event| matches!(event, Event::Recover { refuse: Some(_), .. })), "{told}");
    let (ours, theirs) = (play::<Reference>(&case).unwrap(), play::<Faulty>(&case).unwrap());
    assert!(case.first_difference(&ours).is_none() && case.first_difference(&theirs).is_some());
}
