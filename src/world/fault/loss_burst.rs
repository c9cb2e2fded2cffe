//! Packets between two groups are lost with a probability for a while, both ways.
//!
//! The connections are TCP, so a message is never missing in the middle: a lost packet is sent
//! again after 200 ms, 400 ms, ... and everything behind it waits.

use super::latency_burst::Late;
use super::{Error, Occurrence, Site, explicit, read};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::Span;
use crate::scenario::section::Section;
use serde::Deserialize;

pub const SUMMARY: &str = "packets between two groups are lost and sent again for a while";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    from: String,
    to: String,
    /// Packets lost, in a hundred.
    percent: f64,
}

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    let (when, params): (_, Params) = read(section)?;
    let percent = params.percent;
    if !(percent > 0.0 && percent <= 90.0) {
        let help = "write a percentage above 0 and up to 90; for more, cut the network with a partition";
        return Err(section.error("percent", format!("cannot lose {percent} % of packets"), help));
    }
    let loss_ppm = (percent * 10_000.0).round() as u32;
    let (a, b) = (&params.from, &params.to);
    let (from, to) = site.two_groups(section, (a, b), names)?;
    let keys = format!("from = \"{a}\"\nto = \"{b}\"\npercent = {percent:?}\n");
    when.each(section, 0, site, dice, |at, lasts| Occurrence {
        at,
        lasts,
        label: format!("{a} | {b} lose {percent} %"),
        toml: explicit("loss-burst", at, ("lasts", lasts), &keys),
        fault: Box::new(Late { from: from.clone(), to: to.clone(), extra: Span::ZERO, loss_ppm }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::link::{Network, Slots, Trouble};
    use crate::base::sampler::Distribution;

    /// One in four packets is lost: on average a message waits for
    /// sum over k of p^k (1-p) (2^k - 1) 200 ms = 200 ms (p / (1 - 2p)) = 100 ms.
    #[test]
    fn lost_packets_make_messages_late_by_the_closed_form() {
        let mut dice = Dice::new(3);
        let mut network = Network::new(Distribution::Fixed(Span::ZERO), &mut dice);
        let all = Slots::All;
        let loss_ppm = 250_000;
        network.trouble(Trouble { id: 0, from: all.clone(), to: all, extra: Span::ZERO, loss_ppm, beats_only: false });
        let n = 200_000;
        let mean_ms = (0..n).map(|k| network.beat_late(1, 2, k).0 / 1_000_000).sum::<i64>() as f64 / n as f64;
        // Cut off after ten losses, the series gives 99.8 ms; three standard errors are 3.5 ms.
        assert!((mean_ms - 99.8).abs() < 3.5, "{mean_ms}");
    }
}
