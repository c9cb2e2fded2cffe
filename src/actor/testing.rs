//! A bench for unit tests of cores: lends a `Cx` and gives back the effects.

use crate::actor::{Behaviour, Cx, Effect, ProcessId};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::Time;

/// What a world would lend.
pub(crate) struct Bench {
    pub(crate) now: Time,
    pub(crate) dice: Dice,
    pub(crate) names: Names,
}

impl Bench {
    pub(crate) const ME: ProcessId = ProcessId { slot: 0, incarnation: 0 };

    pub(crate) fn new() -> Self {
        Self { now: Time::ZERO, dice: Dice::new(1), names: Names::default() }
    }

    pub(crate) fn run(&mut self, step: impl FnOnce(&mut Cx)) -> Vec<Effect> {
        let mut outbox = Vec::new();
        step(&mut Cx {
            now: self.now,
            wall: self.now,
            me: Self::ME,
            dice: &mut self.dice,
            names: &mut self.names,
            behaviour: &Behaviour::default(),
            outbox: &mut outbox,
            detailed: false,
        });
        outbox
    }
}
