//! Reads back the folder that `write` made, strictly: a folder that was edited by hand is refused
//! with the file and line.

use super::folder::FolderError;
use super::manifest::FORMAT;
use super::recording::{AgentEvent, AgentMark, AppRecord, FaultMark, FrameworkRecord, RackRecord, Recording, Series};
use super::text::parse_fixed;
use super::write::{
    AGENTS_FILE, APPS_FILE, FRAMEWORKS_FILE, FrameworkHead, HEAD_FILE, Head, MICRO, SERIES_FILE, WAITS_FILE,
    framework_columns, series_columns,
};
use super::{Ecdf, write};
use crate::base::time::{Span, Time};
use std::path::{Path, PathBuf};

/// A CSV file in memory: header and rows of texts.
struct Table {
    path: PathBuf,
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    fn read(path: PathBuf) -> Result<Self, FolderError> {
        let bytes = std::fs::read(&path).map_err(|e| FolderError::read(&path, &e))?;
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let wrong = |e: csv::Error| FolderError::new(&path, e.to_string());
        let header = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
        let rows = reader.records().collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Self { path, header, rows })
    }
    /// What is wrong with row `row` (the header is line 1).
    fn wrong(&self, row: usize, text: &str) -> FolderError {
        FolderError::new(&self.path, format!("line {}: {text}; run the scenario again", row + 2))
    }
    fn text(&self, row: usize, column: usize) -> &str {
        self.rows[row].get(column).unwrap_or_default()
    }
    fn number(&self, row: usize, column: usize, decimals: usize) -> Result<i64, FolderError> {
        let text = self.text(row, column);
        parse_fixed(text, decimals).ok_or_else(|| self.wrong(row, &format!("`{text}` is not a number")))
    }
    /// The values of rows `from..to` of the column of that name; zeros if there is no such column.
    fn column(&self, name: &str, decimals: usize, from: usize, to: usize) -> Result<Vec<i64>, FolderError> {
        match self.header.iter().position(|h| h == name) {
            None => Ok(vec![0; to - from]),
            Some(column) => (from..to).map(|row| self.number(row, column, decimals)).collect(),
        }
    }
}

impl Recording {
    /// Reads the folder of a run.
    ///
    /// # Errors
    /// The file, the line and what is wrong.
    pub fn read(dir: &Path) -> Result<Self, FolderError> {
        let head = read_head(&dir.join(HEAD_FILE))?;
        let series = read_series(&head, &Table::read(dir.join(SERIES_FILE))?)?;
        let mut frameworks = read_frameworks(&head, series.rows(), &Table::read(dir.join(FRAMEWORKS_FILE))?)?;
        read_waits(&head, &mut frameworks, &Table::read(dir.join(WAITS_FILE))?, &dir.join(HEAD_FILE))?;
        let agents = dir.join(AGENTS_FILE);
        let agent_marks = if agents.exists() { read_marks(&head, &Table::read(agents)?)? } else { Vec::new() };
        let apps = match head.apps.is_empty() {
            true => Vec::new(),
            false => read_apps(&head, &series, &Table::read(dir.join(APPS_FILE))?)?,
        };
        let time = |ns: Option<i64>| ns.map(Time);
        Ok(Self {
            series,
            frameworks,
            counts: head.counts,
            levels: head.levels,
            facts: head.facts,
            messages: head.messages,
            faults: (head.faults.into_iter())
                .map(|f| FaultMark {
                    label: f.label,
                    began: time(f.began_ns),
                    bit: time(f.bit_ns),
                    ended: time(f.ended_ns),
                })
                .collect(),
            racks: head.racks.0.into_iter().map(|(name, agents)| RackRecord { name, agents }).collect(),
            agent_marks,
            gpu_share: head.gpu_share,
            failovers: head.failovers,
            apps,
            deployments: head.deployments,
            shortages: head.shortages,
            requests: head.requests,
            endpoints: head.endpoints,
        })
    }
}

fn read_head(path: &Path) -> Result<Head, FolderError> {
    let text = std::fs::read_to_string(path).map_err(|e| FolderError::read(path, &e))?;
    let head: Head = serde_json::from_str(&text).map_err(|e| FolderError::new(path, e.to_string()))?;
    if head.format != FORMAT || head.interval_ns < 1 {
        return Err(FolderError::new(path, "has another format than this program reads; run the scenario again"));
    }
    Ok(head)
}

fn read_series(head: &Head, table: &Table) -> Result<Series, FolderError> {
    let mut series = Series { interval: Span(head.interval_ns), end: Time(head.end_ns), ..Series::default() };
    let rows = head.end_ns.max(0).unsigned_abs().div_ceil(head.interval_ns.unsigned_abs()) as usize;
    if table.rows.len() != rows {
        return Err(table.wrong(table.rows.len(), &format!("there are {} rows instead of {rows}", table.rows.len())));
    }
    for (name, decimals, column) in series_columns(&mut series) {
        *column = table.column(&name, decimals, 0, rows)?;
    }
    Ok(series)
}

fn read_frameworks(head: &Head, rows: usize, table: &Table) -> Result<Vec<FrameworkRecord>, FolderError> {
    let wanted = rows * head.frameworks.len();
    if table.rows.len() != wanted {
        return Err(table.wrong(table.rows.len(), &format!("there are {} rows instead of {wanted}", table.rows.len())));
    }
    let one = |(k, h): (usize, &FrameworkHead)| {
        let mut framework = FrameworkRecord {
            name: h.name.clone(),
            role: h.role.clone(),
            weight: h.weight,
            counts: h.counts.clone(),
            ..FrameworkRecord::default()
        };
        if let Some(row) = (k * rows..(k + 1) * rows).find(|&row| table.text(row, 0) != h.name) {
            return Err(table.wrong(row, &format!("expected framework `{}`", h.name)));
        }
        for (name, column) in framework_columns(&mut framework) {
            *column = table.column(&name, MICRO, k * rows, (k + 1) * rows)?;
        }
        Ok(framework)
    };
    head.frameworks.iter().enumerate().map(one).collect()
}

fn read_waits(
    head: &Head,
    frameworks: &mut [FrameworkRecord],
    table: &Table,
    head_path: &Path,
) -> Result<(), FolderError> {
    let mut row = 0;
    for (framework, h) in frameworks.iter_mut().zip(&head.frameworks) {
        let into = [&mut framework.first_offer, &mut framework.started, &mut framework.completion];
        for (name, ecdf) in write::WAITS.iter().zip(into) {
            let sums = h.waits.get(name).and_then(|w| Some((w.samples, w.sum_ns.parse().ok()?)));
            let Some((samples, sum_ns)) = sums else {
                return Err(FolderError::new(head_path, format!("lacks waits `{name}` of `{}`", h.name)));
            };
            *ecdf = Ecdf { samples, sum_ns, points: Vec::new() };
            while ecdf.points.last().map_or(0, |p| p.0) < samples {
                if row >= table.rows.len() || table.text(row, 0) != h.name || table.text(row, 1) != *name {
                    return Err(table.wrong(row, &format!("expected wait `{name}` of `{}`", h.name)));
                }
                let point = (table.number(row, 2, 0)? as u64, table.number(row, 3, 9)? as u64);
                if ecdf.points.last().is_some_and(|last| point.0 <= last.0 || point.1 <= last.1) {
                    return Err(table.wrong(row, "ranks and waits must rise"));
                }
                ecdf.points.push(point);
                row += 1;
            }
        }
    }
    if row < table.rows.len() { Err(table.wrong(row, "one row too many")) } else { Ok(()) }
}

fn read_apps(head: &Head, series: &Series, table: &Table) -> Result<Vec<AppRecord>, FolderError> {
    let mut row = 0;
    let mut apps = Vec::new();
    for h in &head.apps {
        let mut app = AppRecord {
            name: h.name.clone(),
            counts: h.counts.clone(),
            refused: h.refused.clone(),
            standing: Default::default(),
        };
        for i in 0..series.rows() {
            let here =
                row < table.rows.len() && table.text(row, 0) == h.name && table.number(row, 1, 9)? == series.edge(i).0;
            if i == 0 && !here {
                return Err(table.wrong(row, &format!("expected app `{}`", h.name)));
            }
            for (k, column) in app.standing.iter_mut().enumerate() {
                let value = if here { table.number(row, 2 + k, MICRO)? } else { column[i - 1] };
                column.push(value);
            }
            row += usize::from(here);
        }
        apps.push(app);
    }
    if row < table.rows.len() { Err(table.wrong(row, "one row too many")) } else { Ok(apps) }
}

fn read_marks(head: &Head, table: &Table) -> Result<Vec<AgentMark>, FolderError> {
    let one = |row: usize| {
        let what = AgentEvent::ALL.into_iter().find(|e| e.name() == table.text(row, 2));
        let what = what.ok_or_else(|| table.wrong(row, "unknown event"))?;
        let place = match table.text(row, 3) {
            "" => None,
            name => {
                let rack = head.racks.0.iter().position(|r| r.0 == name);
                let rack = rack.ok_or_else(|| table.wrong(row, "unknown rack"))? as u32;
                Some((rack, table.number(row, 4, 0)? as u32))
            }
        };
        Ok(AgentMark { at: Time(table.number(row, 0, 9)?), host: table.text(row, 1).to_owned(), what, place })
    };
    (0..table.rows.len()).map(one).collect()
}
