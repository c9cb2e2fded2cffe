//! Which agent was away when, in the master's eyes, and as a grid that fits a figure: rows of
//! neighbouring agents, columns of time.

use crate::base::map::Map;
use crate::base::time::Time;
use crate::record::Recording;
use crate::record::recording::{AgentEvent, AgentMark};

/// How an agent is not simply there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Away {
    /// Has not registered yet.
    NotYet,
    /// Its connection broke.
    Disconnected,
    /// Written off as unreachable.
    Unreachable,
    Removed,
}

impl Away {
    pub const ALL: [Self; 4] = [Self::NotYet, Self::Disconnected, Self::Unreachable, Self::Removed];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotYet => "not yet registered",
            Self::Disconnected => "disconnected",
            Self::Unreachable => "unreachable",
            Self::Removed => "removed",
        }
    }
}

/// One agent away from one instant to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stay {
    pub host: String,
    pub rack: u32,
    /// Among all agents, rack by rack.
    pub index: u32,
    pub how: Away,
    pub from: Time,
    pub to: Time,
}

/// All stays, in the order in which they began. Agents whose place is not known are left out.
#[must_use]
pub fn stays(recording: &Recording) -> Vec<Stay> {
    let firsts = firsts(recording);
    // Which mark took it away, and how.
    let mut open: Map<(u32, u32), (Away, &AgentMark)> = Map::default();
    let mut stays = Vec::new();
    let end = recording.series.end;
    for mark in &recording.agent_marks {
        let Some(place) = mark.place else { continue };
        let mut close = |from: Time, to: Time, how: Away| {
            if from < to {
                let index = firsts[place.0 as usize] + place.1;
                stays.push(Stay { host: mark.host.clone(), rack: place.0, index, how, from, to });
            }
        };
        if let Some((how, since)) = open.swap_remove(&place) {
            close(since.at, mark.at, how);
        }
        let how = match mark.what {
            AgentEvent::Joined => {
                close(Time::ZERO, mark.at, Away::NotYet);
                continue;
            }
            AgentEvent::Returned => continue,
            AgentEvent::Disconnected => Away::Disconnected,
            AgentEvent::Lost => Away::Unreachable,
            AgentEvent::Removed => Away::Removed,
        };
        open.insert(place, (how, mark));
    }
    for (place, (how, mark)) in open {
        let index = firsts[place.0 as usize] + place.1;
        let (host, from) = (mark.host.clone(), mark.at);
        stays.push(Stay { host, rack: place.0, index, how, from, to: end.max(from) });
    }
    stays.sort_by_key(|s| (s.from, s.index));
    stays
}

/// The index of the first agent of every rack.
fn firsts(recording: &Recording) -> Vec<u32> {
    let sums = recording.racks.iter().scan(0, |sum, rack| {
        let first = *sum;
        *sum += rack.agents;
        Some(first)
    });
    sums.collect()
}

/// Agents `first..end` that share a row of the grid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    pub rack: u32,
    pub first: u32,
    pub end: u32,
}

/// At most about `most` rows of equally many agents; no row holds agents of two racks as long as
/// there are fewer racks than rows.
#[must_use]
pub fn rows(recording: &Recording, most: u32) -> Vec<Row> {
    let agents: u32 = recording.racks.iter().map(|r| r.agents).sum();
    let firsts = firsts(recording);
    let each = agents.div_ceil(most.max(1)).max(1);
    let mut rows = Vec::new();
    if recording.racks.len() as u32 > most {
        let rack_of = |agent: u32| firsts.partition_point(|&f| f <= agent) as u32 - 1;
        rows.extend((0..agents).step_by(each as usize).map(|first| Row {
            rack: rack_of(first),
            first,
            end: (first + each).min(agents),
        }));
        return rows;
    }
    for (i, (rack, &first)) in recording.racks.iter().zip(&firsts).enumerate() {
        // Equal parts look better than full ones and a rest.
        let parts = rack.agents.div_ceil(each);
        let edge = |k: u32| first + (u64::from(rack.agents) * u64::from(k) / u64::from(parts.max(1))) as u32;
        rows.extend((0..parts).map(|k| Row { rack: i as u32, first: edge(k), end: edge(k + 1) }));
    }
    rows
}

/// A run of equal cells of a row.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cell {
    pub row: usize,
    /// Columns `from..to`.
    pub from: usize,
    pub to: usize,
    /// What most of those away were.
    pub how: Away,
    /// Quarters of the row's agents and the column's time that were away, rounded up: 1 to 4.
    pub quarters: u8,
}

/// The cells in which anybody is away.
#[must_use]
pub fn grid(recording: &Recording, stays: &[Stay], rows: &[Row], columns: usize) -> Vec<Cell> {
    let end = recording.series.end.0.max(1);
    let edge = |column: usize| (i128::from(end) * column as i128 / columns as i128) as i64;
    let column_of = |ns: i64| ((i128::from(ns) * columns as i128 / i128::from(end)) as usize).min(columns - 1);
    let mut away: Map<usize, Vec<[i64; 4]>> = Map::default();
    for stay in stays {
        let row = rows.partition_point(|r| r.end <= stay.index);
        let cells = away.entry(row).or_insert_with(|| vec![[0; 4]; columns]);
        let (from, to) = (stay.from.0, stay.to.0.min(end));
        let (first, last) = (column_of(from), column_of((to - 1).max(from)));
        for (column, cell) in cells.iter_mut().enumerate().take(last + 1).skip(first) {
            let time = to.min(edge(column + 1)) - from.max(edge(column));
            cell[stay.how as usize] += time.max(0);
        }
    }
    let mut found: Vec<Cell> = Vec::new();
    for (row, cells) in away {
        let agents = i64::from(rows.get(row).map_or(0, |r| r.end - r.first));
        for (column, times) in cells.iter().enumerate() {
            let total: i64 = times.iter().sum();
            if total == 0 {
                continue;
            }
            let all = i128::from(agents * (edge(column + 1) - edge(column)));
            let quarters = ((i128::from(total) * 4 + all - 1) / all).clamp(1, 4) as u8;
            let most = (0..4).max_by_key(|&i| times[i]).unwrap_or(0);
            let how = Away::ALL[most];
            match found.last_mut() {
                Some(last) if (last.row, last.to, last.how, last.quarters) == (row, column, how, quarters) => {
                    last.to = column + 1;
                }
                _ => found.push(Cell { row, from: column, to: column + 1, how, quarters }),
            }
        }
    }
    found
}

/// The largest number of agents away at one instant, and when that was first so.
#[must_use]
pub fn worst(stays: &[Stay]) -> (i64, Time) {
    let mut changes: Vec<(Time, i64)> = stays.iter().flat_map(|s| [(s.from, 1), (s.to, -1)]).collect();
    changes.sort_unstable();
    let (mut now, mut worst) = (0, (0, Time::ZERO));
    for (at, change) in changes {
        now += change;
        if now > worst.0 {
            worst = (now, at);
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Span;
    use crate::record::recording::{RackRecord, Series};
    use crate::record::synthetic::{Plan, make};

    fn recording(racks: &[u32]) -> Recording {
        let series = Series { interval: Span::from_secs(1), end: Time::from_secs(100), ..Series::default() };
        let rack = |(i, &agents): (usize, &u32)| RackRecord { name: format!("r{i}"), agents };
        Recording { series, racks: racks.iter().enumerate().map(rack).collect(), ..Recording::default() }
    }

    fn mark(at: i64, place: (u32, u32), what: AgentEvent) -> AgentMark {
        AgentMark { at: Time::from_secs(at), host: format!("h{}-{}", place.0, place.1), what, place: Some(place) }
    }

    #[test]
    fn a_stay_ends_with_the_next_event_or_the_run() {
        let mut recording = recording(&[2, 2]);
        recording.agent_marks = vec![
            mark(10, (1, 0), AgentEvent::Disconnected),
            mark(20, (1, 0), AgentEvent::Lost),
            mark(30, (0, 1), AgentEvent::Joined),
            mark(60, (1, 0), AgentEvent::Returned),
            mark(90, (1, 1), AgentEvent::Removed),
        ];
        let stays = stays(&recording);
        let short: Vec<_> =
            stays.iter().map(|s| (s.index, s.how, s.from.0 / 1_000_000_000, s.to.0 / 1_000_000_000)).collect();
        let wanted = [
            (1, Away::NotYet, 0, 30),
            (2, Away::Disconnected, 10, 20),
            (2, Away::Unreachable, 20, 60),
            (3, Away::Removed, 90, 100),
        ];
        assert_eq!(short, wanted);
        assert_eq!(worst(&stays), (2, Time::from_secs(10)));
        let cells = grid(&recording, &stays, &rows(&recording, 10), 10);
        let unreachable: Vec<_> = cells.iter().filter(|c| c.how == Away::Unreachable).collect();
        assert_eq!((unreachable.len(), unreachable[0].from, unreachable[0].to, unreachable[0].quarters), (1, 2, 6, 4));
    }

    #[test]
    fn many_agents_share_rows_within_their_rack() {
        let rows_of = |racks: &[u32], most| rows(&recording(racks), most);
        assert_eq!(rows_of(&[2, 1], 100).len(), 3);
        let many = rows_of(&[1_000; 10], 200);
        assert_eq!((many.len(), many[20]), (200, Row { rack: 1, first: 1_000, end: 1_050 }));
        assert_eq!(rows_of(&[1; 10_000], 200).len(), 200);
        assert!(rows_of(&[], 200).is_empty());
    }

    #[test]
    fn cells_hold_every_stay() {
        let recording = make(&Plan::small()).recording();
        let stays = stays(&recording);
        assert_eq!(stays.len(), 10);
        let rows = rows(&recording, 2);
        let cells = grid(&recording, &stays, &rows, 50);
        // Five of ten agents of a row are away: half of it.
        assert!(!cells.is_empty() && cells.iter().all(|c| c.quarters <= 4 && c.how == Away::Unreachable));
    }
}
