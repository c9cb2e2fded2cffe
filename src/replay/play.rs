//! Playing a case: whoever can be asked event by event is a `Player`.

use super::event::{Event, Init};
use super::ledger::Ledger;
use super::record::{Body, Record, Step};
use super::{Case, Fault};

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
    /// Lets the next event happen.
    ///
    /// # Errors
    /// The event contradicts what went before; then nothing has changed, its number included.
    pub fn apply(&mut self, event: &Event) -> Result<Vec<Record>, Fault> {
        self.ledger.check(event)?;
        let steps = self.player.apply(event)?;
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
