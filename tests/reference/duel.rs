//! Two players at one random script, event by event, until they differ; then the script is made
//! as short as it gets and told as a case.

use super::script::Script;
use mesosim::replay::{Case, Event, Player, Record, Session, TOLERANCE, first_difference};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How much was compared.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) scripts: u64,
    pub(crate) events: u64,
    pub(crate) runs: u64,
    pub(crate) offers: u64,
}

impl Tally {
    fn add(&mut self, records: &[Record]) {
        self.events += 1;
        for record in records {
            if let mesosim::replay::Body::Allocation { offers, .. } = &record.body {
                self.runs += 1;
                self.offers +=
                    offers.values().flat_map(|roles| roles.values()).map(|agents| agents.len() as u64).sum::<u64>();
            }
        }
    }
}

/// Plays a script on both.
///
/// # Errors
/// The first difference, and the shortened script as a line of JSON.
pub(crate) fn duel<A: Player, B: Player>(seed: u64, events: usize, tally: &mut Tally) -> Result<(), String> {
    let (mut script, init) = Script::new(seed);
    let mut one = Session::<A>::start(&init).map_err(|fault| fault.to_string())?;
    let mut other = Session::<B>::start(&init).map_err(|fault| fault.to_string())?;
    let mut input = vec![init];
    tally.scripts += 1;
    while input.len() < events {
        let event = script.next(&one);
        let Ok(records) = one.apply(&event) else { continue };
        script.note(&event, &records);
        input.push(event.clone());
        let answer = catch_unwind(AssertUnwindSafe(|| other.apply(&event)));
        if told(&records, answer).is_some() {
            return Err(report::<A, B>(seed, input));
        }
        tally.add(&records);
    }
    Ok(())
}

/// What is different about the answers to one event.
fn told(
    expected: &[Record],
    answer: std::thread::Result<Result<Vec<Record>, mesosim::replay::Fault>>,
) -> Option<String> {
    match answer {
        Ok(Ok(records)) => first_difference(expected, &records, TOLERANCE).map(|found| found.to_string()),
        Ok(Err(fault)) => Some(format!("the event is refused: {fault}")),
        Err(_) => Some("a panic".to_owned()),
    }
}

/// Plays what can be played of an input; the events up to the first difference, and that.
fn differs<A: Player, B: Player>(input: &[Event]) -> Option<(Vec<Event>, String)> {
    let mut one = Session::<A>::start(input.first()?).ok()?;
    let mut other = Session::<B>::start(input.first()?).ok()?;
    let mut played = vec![input.first()?.clone()];
    for event in &input[1..] {
        // Without events before it this one may make no sense any more.
        let Ok(records) = one.apply(event) else { continue };
        played.push(event.clone());
        let answer = catch_unwind(AssertUnwindSafe(|| other.apply(event)));
        if let Some(what) = told(&records, answer) {
            return Some((played, what));
        }
    }
    None
}

/// Drops events, first many at once, as long as there is a difference left.
fn shorten<A: Player, B: Player>(input: Vec<Event>) -> (Vec<Event>, String) {
    let Some((mut input, mut what)) = differs::<A, B>(&input) else {
        return (input, "it did not differ again".to_owned());
    };
    let mut chunk = input.len() / 2;
    while chunk > 0 {
        let (mut at, before) = (1, input.len());
        while at < input.len() {
            let mut fewer = input.clone();
            fewer.drain(at..(at + chunk).min(fewer.len()));
            match differs::<A, B>(&fewer) {
                Some(found) => (input, what) = found,
                None => at += chunk,
            }
        }
        if chunk > 1 || input.len() == before {
            chunk /= 2;
        }
    }
    (input, what)
}

fn report<A: Player, B: Player>(seed: u64, input: Vec<Event>) -> String {
    let length = input.len();
    let (input, what) = shorten::<A, B>(input);
    let mut case = Case {
        name: format!("seed_{seed}"),
        why: format!("shortened from {length} events"),
        output: None,
        rounded: false,
        input,
    };
    case.output = mesosim::replay::play::<A>(&case).ok();
    format!("seed {seed}: {} of {length} events are enough; {what}\n{}", case.input.len(), case.to_json())
}
