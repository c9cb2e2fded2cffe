//! A recording as files: `recording.json` and CSV tables.
//!
//! Tables are columns of integers with a fixed number of decimals. A column that is zero
//! throughout is left out, which keeps folders of clusters without GPUs or disks small.

use super::manifest::FORMAT;
use super::ordered::Ordered;
use super::recording::{
    AgentMark, DeploymentRecord, Failover, FrameworkRecord, Recording, RequestRecord, STANDINGS, Series,
};
use super::text::{fixed, seconds};
use super::{Ecdf, Files};
use crate::base::quantity::KINDS;
use crate::base::time::Time;
use serde::{Deserialize, Serialize};

/// All that is not a table.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) format: u32,
    pub(super) interval_ns: i64,
    pub(super) end_ns: i64,
    pub(super) frameworks: Vec<FrameworkHead>,
    pub(super) counts: Ordered<u64>,
    pub(super) levels: Ordered<i64>,
    pub(super) facts: Ordered<u64>,
    pub(super) messages: Ordered<u64>,
    pub(super) faults: Vec<FaultHead>,
    /// Agents by rack.
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) racks: Ordered<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gpu_share: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failovers: Vec<Failover>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) apps: Vec<AppHead>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) deployments: Vec<DeploymentRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) shortages: Vec<(i64, i64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) requests: Vec<RequestRecord>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) endpoints: Ordered<Ordered<u64>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AppHead {
    pub(super) name: String,
    pub(super) counts: Ordered<u64>,
    pub(super) refused: Ordered<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FrameworkHead {
    pub(super) name: String,
    pub(super) role: String,
    pub(super) weight: f64,
    pub(super) counts: Ordered<u64>,
    pub(super) waits: Ordered<WaitHead>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitHead {
    pub(super) samples: u64,
    /// A text, because a sum of nanoseconds can be larger than a JSON reader's integers.
    pub(super) sum_ns: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultHead {
    pub(super) label: String,
    pub(super) began_ns: Option<i64>,
    pub(super) bit_ns: Option<i64>,
    pub(super) ended_ns: Option<i64>,
}

/// Decimals of averages.
pub(super) const MICRO: usize = 6;

pub(super) const HEAD_FILE: &str = "recording.json";
pub(super) const SERIES_FILE: &str = "series.csv";
pub(super) const FRAMEWORKS_FILE: &str = "frameworks.csv";
pub(super) const WAITS_FILE: &str = "waits.csv";
/// Written only if agents came or went.
pub const AGENTS_FILE: &str = "agents.csv";

/// Written only if there are apps.
pub const APPS_FILE: &str = "apps.csv";

/// The names of a framework's distributions of waits, as in files and in the summary.
pub const WAITS: [&str; 3] = ["first_offer", "running", "completion"];

/// The waits in the order of `WAITS`.
pub(super) fn waits(framework: &FrameworkRecord) -> [&Ecdf; 3] {
    [&framework.first_offer, &framework.started, &framework.completion]
}

/// Name, decimals and values of every column of `series.csv`.
pub(crate) fn series_columns(series: &mut Series) -> Vec<(String, usize, &mut Vec<i64>)> {
    let mut columns = Vec::new();
    let groups = [("capacity", &mut series.capacity), ("used", &mut series.used), ("offered", &mut series.offered)];
    for (what, kinds) in groups {
        let named = KINDS.iter().zip(kinds.iter_mut());
        columns.extend(named.map(|(kind, column)| (format!("{kind}_{what}"), MICRO, column)));
    }
    let others: [(&str, usize, &mut Vec<i64>); 12] = [
        ("devices_used", MICRO, &mut series.devices_used),
        ("agents_registered", MICRO, &mut series.agents_registered),
        ("agents_connected", MICRO, &mut series.agents_connected),
        ("jobs_waiting", MICRO, &mut series.jobs_waiting),
        ("offers_made", 0, &mut series.offers_made),
        ("offers_accepted", 0, &mut series.offers_accepted),
        ("offers_declined", 0, &mut series.offers_declined),
        ("offers_rescinded", 0, &mut series.offers_rescinded),
        ("tasks_started", 0, &mut series.tasks_started),
        ("tasks_ended", 0, &mut series.tasks_ended),
        ("tasks_failed", 0, &mut series.tasks_failed),
        ("tasks_lost", 0, &mut series.tasks_lost),
    ];
    columns.extend(others.map(|(name, decimals, column)| (name.to_owned(), decimals, column)));
    columns
}

/// The same for one framework in `frameworks.csv`.
pub(crate) fn framework_columns(framework: &mut FrameworkRecord) -> Vec<(String, &mut Vec<i64>)> {
    let named = KINDS.iter().zip(framework.allocated.iter_mut());
    let mut columns: Vec<_> = named.map(|(kind, column)| (format!("{kind}_allocated"), column)).collect();
    columns.push(("devices_used".to_owned(), &mut framework.devices));
    columns.push(("tasks_queued".to_owned(), &mut framework.queued));
    columns.push(("tasks_running".to_owned(), &mut framework.running));
    columns
}

/// Renders rows of cells as CSV.
#[must_use]
pub fn csv_bytes(rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).expect("memory takes equal rows");
    }
    writer.into_inner().expect("memory takes everything")
}

impl Recording {
    /// Everything as files; `read` of the folder gives back an equal recording.
    #[must_use]
    pub fn files(&self) -> Files {
        let mut files = Files::default();
        let head = serde_json::to_string_pretty(&self.head()).expect("plain numbers and texts");
        files.push(HEAD_FILE, head + "\n");
        files.push(SERIES_FILE, self.series_csv());
        files.push(FRAMEWORKS_FILE, self.frameworks_csv());
        files.push(WAITS_FILE, self.waits_csv());
        if !self.agent_marks.is_empty() {
            let header = ["at_s", "host", "what", "rack", "place"].map(str::to_owned).to_vec();
            let place = |m: &AgentMark| match m.place {
                Some((rack, place)) => [self.racks[rack as usize].name.clone(), place.to_string()],
                None => Default::default(),
            };
            let rows = self.agent_marks.iter().map(|m| {
                let [rack, place] = place(m);
                vec![seconds(m.at.0), m.host.clone(), m.what.name().to_owned(), rack, place]
            });
            files.push(AGENTS_FILE, csv_bytes(std::iter::once(header).chain(rows)));
        }
        if !self.apps.is_empty() {
            files.push(APPS_FILE, self.apps_csv());
        }
        files
    }

    /// A row only where an app differs from the row before: most apps stand still most of the time.
    fn apps_csv(&self) -> Vec<u8> {
        let mut header = vec!["app".to_owned(), "from_s".to_owned()];
        header.extend(STANDINGS.map(str::to_owned));
        let rows = self.apps.iter().flat_map(|app| {
            let differs = |i: &usize| *i == 0 || app.standing.iter().any(|column| column[*i] != column[*i - 1]);
            (0..self.series.rows()).filter(differs).map(move |i| {
                let mut row = vec![app.name.clone(), seconds(self.series.edge(i).0)];
                row.extend(app.standing.iter().map(|column| fixed(column[i], MICRO)));
                row
            })
        });
        csv_bytes(std::iter::once(header).chain(rows))
    }

    fn head(&self) -> Head {
        let ns = |t: Option<Time>| t.map(|t| t.0);
        let wait = |e: &Ecdf| WaitHead { samples: e.samples, sum_ns: e.sum_ns.to_string() };
        Head {
            format: FORMAT,
            interval_ns: self.series.interval.0,
            end_ns: self.series.end.0,
            frameworks: (self.frameworks.iter())
                .map(|f| FrameworkHead {
                    name: f.name.clone(),
                    role: f.role.clone(),
                    weight: f.weight,
                    counts: f.counts.clone(),
                    waits: WAITS.iter().zip(waits(f)).map(|(name, e)| ((*name).to_owned(), wait(e))).collect(),
                })
                .collect(),
            counts: self.counts.clone(),
            levels: self.levels.clone(),
            facts: self.facts.clone(),
            messages: self.messages.clone(),
            faults: (self.faults.iter())
                .map(|f| FaultHead {
                    label: f.label.clone(),
                    began_ns: ns(f.began),
                    bit_ns: ns(f.bit),
                    ended_ns: ns(f.ended),
                })
                .collect(),
            racks: self.racks.iter().map(|r| (r.name.clone(), r.agents)).collect(),
            gpu_share: self.gpu_share.clone(),
            failovers: self.failovers.clone(),
            apps: (self.apps.iter())
                .map(|a| AppHead { name: a.name.clone(), counts: a.counts.clone(), refused: a.refused.clone() })
                .collect(),
            deployments: self.deployments.clone(),
            shortages: self.shortages.clone(),
            requests: self.requests.clone(),
            endpoints: self.endpoints.clone(),
        }
    }

    fn series_csv(&self) -> Vec<u8> {
        let mut series = self.series.clone();
        let columns: Vec<_> = series_columns(&mut series).into_iter().filter(|c| c.2.iter().any(|&v| v != 0)).collect();
        let mut header = vec!["from_s".to_owned(), "to_s".to_owned()];
        header.extend(columns.iter().map(|c| c.0.clone()));
        let rows = (0..self.series.rows()).map(|i| {
            let mut row = vec![seconds(self.series.edge(i).0), seconds(self.series.edge(i + 1).0)];
            row.extend(columns.iter().map(|(_, decimals, values)| fixed(values[i], *decimals)));
            row
        });
        csv_bytes(std::iter::once(header).chain(rows))
    }

    fn frameworks_csv(&self) -> Vec<u8> {
        let mut frameworks = self.frameworks.clone();
        let mut tables: Vec<_> = frameworks.iter_mut().map(framework_columns).collect();
        let width = tables.first().map_or(0, Vec::len);
        let used: Vec<bool> = (0..width).map(|c| tables.iter().any(|t| t[c].1.iter().any(|&v| v != 0))).collect();
        for table in &mut tables {
            let mut keep = used.iter();
            table.retain(|_| *keep.next().expect("one flag a column"));
        }
        let mut header = vec!["framework".to_owned(), "from_s".to_owned()];
        header.extend(tables.first().into_iter().flatten().map(|c| c.0.clone()));
        let rows = self.frameworks.iter().zip(&tables).flat_map(|(framework, table)| {
            (0..self.series.rows()).map(move |i| {
                let mut row = vec![framework.name.clone(), seconds(self.series.edge(i).0)];
                row.extend(table.iter().map(|c| fixed(c.1[i], MICRO)));
                row
            })
        });
        csv_bytes(std::iter::once(header).chain(rows))
    }

    fn waits_csv(&self) -> Vec<u8> {
        let header = ["framework", "wait", "rank", "wait_s"].map(str::to_owned).to_vec();
        let rows = self.frameworks.iter().flat_map(|f| {
            WAITS.iter().zip(waits(f)).flat_map(|(name, ecdf)| {
                ecdf.points
                    .iter()
                    .map(|&(rank, ns)| vec![f.name.clone(), (*name).to_owned(), rank.to_string(), seconds(ns as i64)])
            })
        });
        csv_bytes(std::iter::once(header).chain(rows))
    }
}
