//! What each fault cost in machines, and how long it took until the cluster was whole again.

use super::agent_states::{Away, Stay, stays};
use crate::base::time::{Span, Time};
use crate::record::Recording;
use crate::record::recording::FaultMark;

/// One fault and what the master saw of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Recovery {
    pub label: String,
    pub began: Time,
    /// Whether it had an effect.
    pub bit: bool,
    pub ended: Option<Time>,
    /// From its beginning until the first agent lost its connection or was given up while it lasted.
    pub noticed: Option<Span>,
    /// Agents of which that is true.
    pub agents: usize,
    /// From its end until no more agents were away than before it began. `None` if that never
    /// happened, or if nobody was away.
    pub whole: Option<Span>,
}

/// All faults that began, in order.
#[must_use]
pub fn recoveries(recording: &Recording) -> Vec<Recovery> {
    let mut stays = stays(recording);
    stays.retain(|s| s.how != Away::NotYet);
    // Whoever is still away at the end has not come back.
    let end = recording.series.end;
    let mut returns: Vec<Time> = stays.iter().map(|s| s.to).filter(|&t| t < end).collect();
    returns.sort_unstable();
    let mut found: Vec<Recovery> = recording.faults.iter().filter_map(|f| recovery(end, &stays, &returns, f)).collect();
    found.sort_by_key(|r| r.began);
    found
}

/// `stays` and `returns` are in order of time.
fn recovery(end: Time, stays: &[Stay], returns: &[Time], fault: &FaultMark) -> Option<Recovery> {
    let began = fault.began?;
    let until = fault.ended.unwrap_or(end);
    let left = |t: Time| stays.partition_point(|s| s.from <= t);
    let returned = |t: Time| returns.partition_point(|&r| r <= t);
    let first = stays.partition_point(|s| s.from < began);
    let before = first - returns.partition_point(|&r| r < began);
    let hit = &stays[first..left(until).max(first)];
    let mut hosts: Vec<u32> = hit.iter().map(|s| s.index).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let later = returns[returned(until)..].iter().copied();
    let whole = std::iter::once(until).chain(later).find(|&t| left(t) - returned(t) <= before);
    Some(Recovery {
        label: fault.label.clone(),
        began,
        bit: fault.bit.is_some(),
        ended: fault.ended,
        noticed: hit.first().map(|s| s.from - began),
        agents: hosts.len(),
        whole: whole.filter(|_| fault.ended.is_some() && !hosts.is_empty()).map(|t| t - until),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Span;
    use crate::record::recording::{AgentEvent, AgentMark, RackRecord, Series};
    use crate::record::synthetic::{Plan, make};

    fn mark(at: i64, place: u32, what: AgentEvent) -> AgentMark {
        AgentMark { at: Time::from_secs(at), host: format!("h{place}"), what, place: Some((0, place)) }
    }

    /// Agent 0 is away all the time; 1 and 2 fall to the fault from 100 s to 200 s.
    #[test]
    fn whole_is_as_before_and_not_better() {
        let fault = |label: &str, began, ended| FaultMark {
            label: label.into(),
            began: Some(Time::from_secs(began)),
            bit: Some(Time::from_secs(began)),
            ended: Some(Time::from_secs(ended)),
        };
        let mut recording = Recording {
            series: Series { interval: Span::from_secs(1), end: Time::from_secs(500), ..Series::default() },
            racks: vec![RackRecord { name: "r".into(), agents: 4 }],
            faults: vec![fault("rack", 100, 200), fault("calm", 300, 310)],
            ..Recording::default()
        };
        use AgentEvent::{Disconnected, Lost, Returned};
        recording.agent_marks = vec![
            mark(10, 0, Lost),
            mark(130, 1, Disconnected),
            mark(140, 2, Disconnected),
            mark(170, 1, Lost),
            mark(210, 2, Returned),
            mark(260, 1, Returned),
        ];
        let found = recoveries(&recording);
        let spans =
            |r: &Recovery| (r.agents, r.noticed.map(|s| s.0 / 1_000_000_000), r.whole.map(|s| s.0 / 1_000_000_000));
        assert_eq!(spans(&found[0]), (2, Some(30), Some(60)));
        assert_eq!(spans(&found[1]), (0, None, None));
        recording.agent_marks.pop();
        assert_eq!(spans(&recoveries(&recording)[0]), (2, Some(30), None), "one never came back");
    }

    #[test]
    fn made_up_racks_are_back_at_once() {
        let found = recoveries(&make(&Plan::small()).recording());
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|r| r.agents == 5 && r.noticed == Some(Span(0)) && r.whole == Some(Span(0))));
    }
}
