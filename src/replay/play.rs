//! Playing a case: whoever can be asked event by event is a `Player`.

use super::event::{Event, Init};
use super::ledger::Ledger;
use super::record::{Body, Record, Step};
use super::{Case, Fault};
use crate::mesos::resource::Resources;

/// An allocator that can be replayed.
///
/// It sees only events that fit together (known ids, nothing recovered that is not held, roles
/// that are roles): `Session` refuses all others before. What remains for it to refuse is what it
/// cannot do, like a policy that it does not have.
pub trait Player: Sized {
    /// Sets up an allocator.
    ///
    /// # Errors
    /// It has not got what `init` asks for.
    fn start(init: &Init) -> Result<Self, Fault>;

    /// Lets an event happen and settles: in an event-driven case every run that it causes is made
    /// before this returns. Gives the runs, in order: always for `allocate`, otherwise those that
    /// made offers; and an error for a `reserve` or `unreserve` that does not fit in what is free.
    ///
    /// # Errors
    /// The event cannot be played; then nothing has changed.
    fn apply(&mut self, event: &Event) -> Result<Vec<Step>, Fault>;
}

/// A player in the middle of a case.
#[derive(Clone, Debug)]
pub struct Session<P> {
    pub player: P,
    ledger: Ledger,
    next: usize,
}

impl<P: Player> Session<P> {
    /// Begins with event 0.
    ///
    /// # Errors
    /// The event is not `init`, or the player cannot do what it asks for.
    pub fn start(event: &Event) -> Result<Self, Fault> {
        event.check()?;
        let Event::Init(init) = event else {
            return Err(Fault::new("the first event is not `init`", "begin with `{\"op\":\"init\"}`"));
        };
        let mut ledger = Ledger::default();
        ledger.book(event);
        Ok(Self { player: P::start(init)?, ledger, next: 1 })
    }
    /// The number of the event that comes next.
    #[must_use]
    pub fn next_event(&self) -> usize {
        self.next
    }
    /// What frameworks hold at present: agent, framework, role, resources.
    pub fn holdings(&self) -> impl Iterator<Item = (&str, &str, &str, &Resources)> {
        self.ledger.holdings()
    }
    /// Lets the next event happen.
    ///
    /// # Errors
    /// The event contradicts what went before; then nothing has changed, its number included.
    pub fn apply(&mut self, event: &Event) -> Result<Vec<Record>, Fault> {
        self.ledger.check(event)?;
        // Nothing given back or accepted is nothing at all, as upstream.
        let idle = match event {
            Event::Recover { resources, .. } | Event::Accept { resources, .. } => resources.is_empty(),
            _ => false,
        };
        let steps = if idle { Vec::new() } else { self.player.apply(event)? };
        self.ledger.book(event);
        let number = self.next;
        self.next += 1;
        let record = |step: Step| {
            if let Body::Allocation { offers, .. } = &step.body {
                self.ledger.book_offers(offers);
            }
            Record { event: number, op: event.op().to_owned(), clock: step.clock, body: step.body }
        };
        Ok(steps.into_iter().map(record).collect())
    }
}

/// An event of a case that was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("case `{case}`, event {event} ({op}): {what}\nhelp: {mend}", what = fault.what, mend = fault.mend)]
pub struct Refused {
    pub case: String,
    pub event: usize,
    pub op: &'static str,
    pub fault: Fault,
}

/// Plays all events of a case; gives the records.
///
/// # Errors
/// The first event that contradicts what went before.
pub fn play<P: Player>(case: &Case) -> Result<Vec<Record>, Refused> {
    let refused = |event: usize, fault: Fault| {
        let op = case.input.get(event).map_or("none", Event::op);
        Refused { case: case.name.clone(), event, op, fault }
    };
    let Some((init, events)) = case.input.split_first() else {
        return Err(refused(0, Fault::new("there is no event", "begin with `{\"op\":\"init\"}`")));
    };
    let mut session = Session::<P>::start(init).map_err(|fault| refused(0, fault))?;
    let mut records = Vec::new();
    for (i, event) in events.iter().enumerate() {
        records.extend(session.apply(event).map_err(|fault| refused(i + 1, fault))?);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::super::Cases;
    use super::*;
    use crate::base::time::Time;
    use crate::mesos::resource::Resources;
    use expect_test::expect;

    /// Offers framework `f` all of agent `s` at every `allocate`, and counts what it is told.
    #[derive(Debug)]
    struct Generous {
        events: usize,
    }

    impl Player for Generous {
        fn start(_: &Init) -> Result<Self, Fault> {
            Ok(Self { events: 0 })
        }
        fn apply(&mut self, event: &Event) -> Result<Vec<Step>, Fault> {
            self.events += 1;
            let Event::Allocate(_) = event else { return Ok(Vec::new()) };
            let mut offers = super::super::Offers::new();
            let of = offers.entry("f".into()).or_default().entry("a".into()).or_default();
            of.insert("s".into(), Resources::parse("cpus:4;mem:64").unwrap());
            Ok(vec![Step { clock: Time::ZERO, body: Body::Allocation { offers, ranking: None } }])
        }
    }

    const BEGIN: &str = r#"{"op":"init"},{"op":"add_agent","id":"s","resources":[{"name":"cpus","scalar":4}]},
        {"op":"add_framework","id":"f","roles":["a","b"]},{"op":"allocate"}"#;

    fn events(text: &str) -> Vec<Event> {
        let case = format!(r#"{{"name":"c","input":[{text}]}}"#);
        Cases::new(&case).next().unwrap().unwrap().1.input
    }

    #[test]
    fn contradictions_are_refused_and_change_nothing() {
        let cpus = |n: f64| format!(r#"[{{"name":"cpus","scalar":{n}}}]"#);
        let recover = |framework: &str, role: &str, agent: &str, n: f64| {
            let ids = format!(r#""framework":"{framework}","role":"{role}","agent":"{agent}""#);
            format!(r#"{{"op":"recover",{ids},"resources":{}}}"#, cpus(n))
        };
        let change = |n: f64| {
            let part = format!(r#"[{{"name":"cpus","scalar":{n},"reservations":[{{"type":"DYNAMIC","role":"a"}}]}}]"#);
            let ids = r#""framework":"f","role":"a","agent":"s""#;
            format!(r#"{{"op":"reserve_offered",{ids},"offered":{},"resources":{part}}}"#, cpus(2.0))
        };
        let bad = [
            recover("f", "a", "t", 1.0),
            recover("g", "a", "s", 1.0),
            recover("f", "b", "s", 1.0),
            recover("f", "a", "s", 4.001),
            format!(r#"{{"op":"accept","agent":"s","role":"a","resources":{}}}"#, cpus(5.0)),
            change(3.0),
            format!(r#"{{"op":"add_agent","id":"s","resources":{}}}"#, cpus(1.0)),
            r#"{"op":"add_agent","id":"t","resources":[{"name":"mem","scalar":1e12},{"name":"mem","scalar":1}]}"#
                .to_owned(),
            r#"{"op":"add_framework","id":"f","roles":["a"]}"#.to_owned(),
            r#"{"op":"remove_framework","id":"g"}"#.to_owned(),
            r#"{"op":"deactivate_agent","id":"t"}"#.to_owned(),
            r#"{"op":"suppress","framework":"f","roles":["c"]}"#.to_owned(),
            r#"{"op":"tick"}"#.to_owned(),
            r#"{"op":"allocate","agents":["s"]}"#.to_owned(),
        ];
        let begin = events(BEGIN);
        let mut session = Session::<Generous>::start(&begin[0]).unwrap();
        for event in &begin[1..] {
            session.apply(event).unwrap();
        }
        let mut told = String::new();
        for text in &bad {
            let event = &events(&format!(r#"{{"op":"init"}},{text}"#))[1];
            let before = (session.next_event(), session.player.events, format!("{:?}", session.ledger));
            told.push_str(&format!("{}: {}\n", event.op(), session.apply(event).unwrap_err()));
            assert_eq!(before, (session.next_event(), session.player.events, format!("{:?}", session.ledger)));
        }
        expect![[r#"
            recover: unknown agent `t`; add the agent before, or correct the id
            recover: unknown framework `g`; add the framework before, or correct the id
            recover: framework `f` holds {} in role `b` on `s`, not cpus:1; name what it was offered and has not given back
            recover: framework `f` holds cpus:4; mem:64 in role `a` on `s`, not cpus:4.001; name what it was offered and has not given back
            accept: cpus:5 accepted of cpus:4; mem:64 that role `a` holds on `s`; accept what was offered
            reserve_offered: cpus:3 is no part of the offered cpus:2; name a part of what is offered
            add_agent: agent `s` is there already; remove it before, or update it
            add_agent: agent `t` has 1000000000001 mem; write at most 10^12
            add_framework: framework `f` is there already; remove it before, or update it
            remove_framework: unknown framework `g`; add the framework before, or correct the id
            deactivate_agent: unknown agent `t`; add the agent before, or correct the id
            suppress: `c` is no role of framework `f`; name its roles, or none for all of them
            tick: runs are not given in this case; write `"runs":"given"` in `init`
            allocate: runs are not given in this case; write `"runs":"given"` in `init`
        "#]].assert_eq(&told);
        let give_back = &events(&format!(r#"{{"op":"init"}},{}"#, recover("f", "a", "s", 4.0)))[1];
        assert!(session.apply(give_back).is_ok() && session.apply(give_back).is_err());
    }

    #[test]
    fn a_framework_that_is_not_active_cannot_be_revived() {
        let text = r#"{"op":"deactivate_framework","id":"f"},{"op":"revive","framework":"f","roles":[]}"#;
        let case = Case {
            name: "c".into(),
            why: String::new(),
            input: events(&format!("{BEGIN},{text}")),
            output: None,
            rounded: false,
        };
        expect![[r#"
            case `c`, event 5 (revive): framework `f` is not active
            help: activate it before reviving it
        "#]]
        .assert_eq(&format!("{}\n", play::<Generous>(&case).unwrap_err()));
    }

    #[test]
    fn late_recoveries_of_those_who_left_give_back_nothing() {
        let late =
            r#"{"op":"recover","framework":"f","role":"a","agent":"s","resources":[{"name":"cpus","scalar":4}]}"#;
        for gone in [r#"{"op":"remove_agent","id":"s"}"#, r#"{"op":"remove_framework","id":"f"}"#] {
            let mut session = Session::<Generous>::start(&events(BEGIN)[0]).unwrap();
            for event in &events(&format!("{BEGIN},{gone},{late},{late}"))[1..] {
                session.apply(event).unwrap();
            }
            assert_eq!(session.holdings().count(), 0);
        }
    }
}
