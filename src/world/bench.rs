//! Actors of `bench engine`: the workloads on which other engines were measured, driven through
//! the same mailboxes, outbox and payload slab as a cluster run.

use super::{Core, World};
use crate::actor::{Cx, Input, ProcessId, TimerKey};
use crate::base::dice::{Dice, Site};
use crate::base::sampler;
use crate::base::time::{SECOND_NS, Span, Time};
use crate::mesos::message::Msg;
use std::collections::VecDeque;

const GAP: Site = Site::new("bench-gap");
const SERVICE: Site = Site::new("bench-service");

/// One actor of a benchmark.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Sends back what it gets while the budget in the message lasts.
    Ping,
    /// Entity `i` of `of`: ticks with the period 1 + i/of seconds and re-arms its timer `left` times.
    Ticker { i: u64, of: u64, left: u64 },
    /// One server with a queue: exponential gaps (rate 0.8/s) and services (1/s).
    Mm1 { left: u64, served: u64, arrivals: VecDeque<Time>, sojourn_ns: i128 },
}

impl Actor {
    pub(super) fn handle(&mut self, cx: &mut Cx, input: Input) {
        match self {
            Self::Ping => {
                if let Input::Message { from, msg: Msg::Ball(n) } = input
                    && n > 0
                {
                    cx.send(from, Msg::Ball(n - 1));
                }
            }
            Self::Ticker { i, of, left } => {
                let again = match input {
                    Input::Start { .. } => true,
                    Input::Timer { .. } if *left > 0 => {
                        *left -= 1;
                        true
                    }
                    _ => false,
                };
                if again {
                    let period = SECOND_NS + (*i * SECOND_NS as u64 / *of) as i64;
                    cx.timer(TimerKey::new(0, 0), Span(period));
                }
            }
            Self::Mm1 { left, served, arrivals, sojourn_ns } => {
                let span = |cx: &mut Cx, site, rate: f64, n: u64| {
                    Span(sampler::exponential(SECOND_NS as f64 / rate, cx.draw(site, 0, n)))
                };
                let (arrival, departure) = (TimerKey::new(1, 0), TimerKey::new(2, 0));
                match input {
                    Input::Start { .. } => {
                        let gap = span(cx, GAP, 0.8, *left);
                        cx.timer(arrival, gap);
                    }
                    Input::Timer { key } if key == arrival => {
                        *left -= 1;
                        if *left > 0 {
                            let gap = span(cx, GAP, 0.8, *left);
                            cx.timer(arrival, gap);
                        }
                        arrivals.push_back(cx.now);
                        if arrivals.len() == 1 {
                            let service = span(cx, SERVICE, 1.0, *served);
                            cx.timer(departure, service);
                        }
                    }
                    Input::Timer { .. } => {
                        *served += 1;
                        let since = arrivals.pop_front().expect("a customer is served");
                        *sojourn_ns += i128::from((cx.now - since).0);
                        if !arrivals.is_empty() {
                            let service = span(cx, SERVICE, 1.0, *served);
                            cx.timer(departure, service);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

/// `of` entities that together re-arm `budget` times.
#[must_use]
pub fn tickers(of: u64, budget: u64) -> Vec<Actor> {
    (0..of).map(|i| Actor::Ticker { i, of, left: budget / of + u64::from(i < budget % of) }).collect()
}

impl World {
    /// A world of benchmark actors. Messages take one second.
    #[must_use]
    pub fn of_actors(seed: u64, actors: Vec<Actor>) -> Self {
        let mut world = Self::empty(Dice::new(seed), crate::base::sampler::Distribution::Fixed(Span::from_secs(1)));
        for (slot, actor) in actors.into_iter().enumerate() {
            let name = world.names.intern("bench");
            world.add_process(crate::fact::ProcessKind::Bench, name);
            world.processes[slot].core = Some(Core::Bench(Box::new(actor)));
        }
        for slot in 0..world.processes.len() as u32 {
            let id = world.id_of(slot);
            world.handle(id, crate::actor::Mailbox::MAIN, Input::Start { disk: [].into() });
        }
        world
    }

    /// Lets actor 0 receive a ping from actor 1 at once.
    pub fn serve_ping(&mut self, budget: u64) {
        let (from, to): (ProcessId, ProcessId) = (self.id_of(1), self.id_of(0));
        self.send(from, to, Msg::Ball(budget));
    }

    /// Mean time in the system of the customers of actor 0, in seconds.
    #[must_use]
    pub fn mean_sojourn_s(&self) -> Option<f64> {
        match self.processes.first()?.core.as_ref()? {
            Core::Bench(actor) => match &**actor {
                Actor::Mm1 { served, sojourn_ns, .. } => Some(*sojourn_ns as f64 / 1e9 / *served as f64),
                _ => None,
            },
            _ => None,
        }
    }

    /// Runs until nothing is left to happen.
    pub fn run_dry(&mut self) {
        while self.step() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_definitions_come_out() {
        let mut ping = World::of_actors(1, vec![Actor::Ping, Actor::Ping]);
        ping.serve_ping(1000);
        ping.run_dry();
        assert_eq!(ping.now(), Time::from_secs(1001));

        let mut tickers = World::of_actors(1, tickers(10, 1000));
        tickers.run_dry();
        assert_eq!(tickers.counts()[0], 1010);

        let empty = VecDeque::new();
        let mut mm1 =
            World::of_actors(1, vec![Actor::Mm1 { left: 200_000, served: 0, arrivals: empty, sojourn_ns: 0 }]);
        mm1.run_dry();
        assert_eq!(mm1.counts()[0], 400_000);
        let mean = mm1.mean_sojourn_s().unwrap();
        assert!((4.6..5.4).contains(&mean), "1 / (1 - 0.8) = 5: {mean}");
    }
}
