//! Marathon's side of a run: instances of every app by how they stand, deployments, refused offers.

use super::level::{Level, average_micro};
use super::recording::{AppRecord, DeploymentRecord, Micro, STANDINGS, Step};
use crate::base::id::{Names, Symbol};
use crate::base::map::{Lookup, Set};
use crate::base::time::Time;
use crate::fact::{Condition, DeploymentEnd, Fact, Goal, KillReason, OfferRefusal};
use xxhash_rust::xxh3::xxh3_64;

/// Indices in `STANDINGS`.
const TARGET: usize = 0;
const HEALTHY: usize = 1;
const RUNNING: usize = 2;
const UNHEALTHY: usize = 3;
const STAGED: usize = 4;
const LOST: usize = 5;
const STOPPING: usize = 6;

const KILLS: [&str; 8] =
    ["deployment", "scale_down", "over_capacity", "health", "operator", "overdue", "unknown_task", "orphan"];

#[derive(Clone, Debug)]
struct App {
    symbol: Symbol,
    /// Whether it has health checks: an instance of which they say nothing yet does not serve.
    watched: bool,
    /// Of its name; 0 until that is known.
    hash: u64,
    levels: [Level; STANDINGS.len()],
    rows: [Vec<Micro>; STANDINGS.len()],
    lost: u64,
    failed: u64,
    kills: [u64; KILLS.len()],
    refused: [u64; OfferRefusal::ALL.len()],
}

#[derive(Clone, Copy, Debug)]
struct Instance {
    app: u32,
    condition: Condition,
    healthy: Option<bool>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Services {
    apps: Vec<App>,
    by_symbol: Lookup<Symbol, u32>,
    by_hash: Lookup<u64, u32>,
    unnamed: bool,
    instances: Lookup<Symbol, Instance>,
    deployments: Vec<(Symbol, DeploymentRecord)>,
    /// How many apps have fewer instances that serve than they should.
    short: u64,
    short_since: Option<Time>,
    shortages: Vec<(i64, i64)>,
    /// Length of the interval that is under way when an app appears, and rows before it.
    rows: usize,
}

/// How an instance counts; `None` when it is over.
fn standing(condition: Condition, healthy: Option<bool>, watched: bool) -> Option<usize> {
    match condition {
        Condition::Scheduled | Condition::Provisioned | Condition::Staging | Condition::Starting => Some(STAGED),
        Condition::Running => Some(match healthy {
            Some(true) => HEALTHY,
            Some(false) => UNHEALTHY,
            None if watched => STAGED,
            None => RUNNING,
        }),
        Condition::Killing => Some(STOPPING),
        Condition::Unreachable | Condition::UnreachableInactive => Some(LOST),
        Condition::Error
        | Condition::Failed
        | Condition::Finished
        | Condition::Killed
        | Condition::Gone
        | Condition::Dropped
        | Condition::Unknown
        | Condition::Expunged => None,
    }
}

/// Whether an instance in this condition has a task that has not ended.
fn has_task(condition: Condition) -> bool {
    matches!(condition, Condition::Staging | Condition::Starting | Condition::Running)
}

impl Services {
    pub(super) fn fact(&mut self, at: Time, left_ns: i64, fact: &Fact) {
        match *fact {
            Fact::AppTarget { app, instances } => self.change(at, app, |a| {
                let level = &mut a.levels[TARGET];
                level.add(i64::from(instances) - level.value, left_ns);
            }),
            Fact::InstanceChanged { app, instance, condition, goal, .. } => {
                let index = self.app(app);
                let before = self.instances.get(&instance).copied();
                // Marathon says it once: whoever comes back is as healthy as he was.
                let stays = [Condition::Running, Condition::Unreachable, Condition::UnreachableInactive];
                let healthy = before.and_then(|i| i.healthy).filter(|_| stays.contains(&condition));
                self.move_instance(at, left_ns, instance, Instance { app: index, condition, healthy });
                let counted = &mut self.apps[index as usize];
                let was = before.map(|i| i.condition);
                let away = [Some(Condition::Unreachable), Some(Condition::UnreachableInactive)].contains(&was);
                match condition {
                    // What was lost before is not lost again.
                    _ if was == Some(condition) || away => {}
                    // Without patience (`inactiveAfterSeconds` 0) it is inactive at once.
                    Condition::Unreachable
                    | Condition::UnreachableInactive
                    | Condition::Gone
                    | Condition::Dropped
                    | Condition::Unknown => counted.lost += 1,
                    // With no patience at all (`expungeAfterSeconds` 0, too) it is forgotten at once, while it
                    // was to run.
                    Condition::Expunged if goal == Goal::Running && was.is_some_and(has_task) => counted.lost += 1,
                    Condition::Failed | Condition::Error => counted.failed += 1,
                    _ => {}
                }
            }
            Fact::InstanceHealth { app, instance, healthy } => {
                let index = self.app(app) as usize;
                if !std::mem::replace(&mut self.apps[index].watched, true) {
                    self.change(at, app, |a| {
                        let unknown = a.levels[RUNNING].value;
                        a.levels[RUNNING].add(-unknown, left_ns);
                        a.levels[STAGED].add(unknown, left_ns);
                    });
                }
                if let Some(&old) = self.instances.get(&instance) {
                    self.move_instance(at, left_ns, instance, Instance { healthy, ..old });
                }
            }
            Fact::InstanceKill { app, why, .. } => {
                let index = self.app(app) as usize;
                self.apps[index].kills[kill_index(why)] += 1;
            }
            Fact::OfferRefused { app, why, count } => {
                let index = self.app(app) as usize;
                self.apps[index].refused[why as usize] += u64::from(count);
            }
            // A new leader takes up what its predecessor had begun: it is the same one.
            Fact::DeploymentBegan { deployment, .. } if self.deployment(deployment).is_some() => {}
            Fact::DeploymentBegan { deployment, steps } => {
                let record = DeploymentRecord { began_ns: at.0, steps_planned: steps, ..DeploymentRecord::default() };
                self.deployments.push((deployment, record));
            }
            Fact::DeploymentStep { deployment, step, app } => {
                self.app(app);
                let app = app.0.to_string();
                if let Some(record) = self.deployment(deployment)
                    && !record.steps.iter().any(|known| known.step == step && known.app == app)
                {
                    record.steps.push(Step { step, at_ns: at.0, app });
                }
            }
            Fact::DeploymentEnded { deployment, how } => {
                if let Some(record) = self.deployment(deployment) {
                    record.ended_ns = Some(at.0);
                    record.how = match how {
                        DeploymentEnd::Succeeded => "succeeded",
                        DeploymentEnd::Failed => "failed",
                        DeploymentEnd::Cancelled => "cancelled",
                    }
                    .to_owned();
                }
            }
            _ => {}
        }
    }

    fn deployment(&mut self, id: Symbol) -> Option<&mut DeploymentRecord> {
        self.deployments.iter_mut().rev().find(|d| d.0 == id && d.1.ended_ns.is_none()).map(|d| &mut d.1)
    }

    fn app(&mut self, symbol: Symbol) -> u32 {
        if let Some(&index) = self.by_symbol.get(&symbol) {
            return index;
        }
        let index = self.apps.len() as u32;
        let rows = self.rows;
        self.apps.push(App {
            symbol,
            watched: false,
            hash: 0,
            levels: Default::default(),
            rows: std::array::from_fn(|_| vec![0; rows]),
            lost: 0,
            failed: 0,
            kills: Default::default(),
            refused: Default::default(),
        });
        self.by_symbol.insert(symbol, index);
        self.unnamed = true;
        index
    }

    fn move_instance(&mut self, at: Time, left_ns: i64, instance: Symbol, new: Instance) {
        let watched = self.apps[new.app as usize].watched;
        let to = standing(new.condition, new.healthy, watched);
        let old = match to {
            Some(_) => self.instances.insert(instance, new),
            None => self.instances.remove(&instance),
        };
        let symbol = self.apps[new.app as usize].symbol;
        self.change(at, symbol, |app| {
            if let Some(from) = old.and_then(|i| standing(i.condition, i.healthy, watched)) {
                app.levels[from].add(-1, left_ns);
            }
            if let Some(to) = to {
                app.levels[to].add(1, left_ns);
            }
        });
    }

    /// Changes an app and sees whether it now has what it should.
    fn change(&mut self, at: Time, symbol: Symbol, change: impl FnOnce(&mut App)) {
        let index = self.app(symbol) as usize;
        let app = &mut self.apps[index];
        let before = app.is_short();
        change(app);
        match (before, app.is_short()) {
            (false, true) => self.short += 1,
            (true, false) => self.short -= 1,
            _ => return,
        }
        if self.short > 0 {
            self.short_since.get_or_insert(at);
        } else if let Some(since) = self.short_since.take().filter(|&s| s < at) {
            self.shortages.push((since.0, at.0));
        }
    }

    /// Whether there are apps whose names are not known yet.
    #[inline]
    pub(super) fn wants_names(&self) -> bool {
        self.unnamed
    }

    pub(super) fn take_names(&mut self, names: &Names) {
        for (i, app) in self.apps.iter_mut().enumerate().filter(|(_, app)| app.hash == 0) {
            app.hash = hash(names.text(app.symbol));
            self.by_hash.insert(app.hash, i as u32);
        }
        self.unnamed = false;
    }

    /// Closes a row of all series.
    pub(super) fn row(&mut self, length_ns: i64, take: &impl Fn(&mut Level) -> i128) {
        for app in &mut self.apps {
            for (level, rows) in app.levels.iter_mut().zip(&mut app.rows) {
                rows.push(average_micro(take(level), length_ns, 1));
            }
        }
        self.rows += 1;
    }

    /// A metric of the app whose name has this hash; see `PARTS`.
    pub(super) fn value(&self, hash: u64, part: usize) -> f64 {
        let Some(&index) = self.by_hash.get(&hash) else { return 0.0 };
        let app = &self.apps[index as usize];
        match part {
            0..7 => app.levels[part].value as f64,
            7 => app.levels[HEALTHY..].iter().map(|l| l.value).sum::<i64>() as f64,
            8 => app.lost as f64,
            9 => app.failed as f64,
            10 => app.kills.iter().sum::<u64>() as f64,
            _ => match app.kills.iter().chain(&app.refused).nth(part - PARTS.len()) {
                Some(n) => *n as f64,
                None => 0.0,
            },
        }
    }

    /// How many deployments run; with `how`, how many have ended so. One that a new leader takes up
    /// is recorded anew, so of each the last record counts.
    pub(super) fn deployments(&self, how: Option<&str>) -> f64 {
        let mut seen = Set::default();
        let last = self.deployments.iter().rev().filter(|(id, _)| seen.insert(*id));
        let is = |record: &DeploymentRecord| match how {
            None => record.ended_ns.is_none(),
            Some(how) => record.ended_ns.is_some() && record.how == how,
        };
        last.filter(|(_, record)| is(record)).count() as f64
    }

    pub(super) fn finish(
        mut self,
        end: Time,
        names: &Names,
    ) -> (Vec<AppRecord>, Vec<DeploymentRecord>, Vec<(i64, i64)>) {
        if let Some(since) = self.short_since.take() {
            self.shortages.push((since.0, end.0));
        }
        let mut deployments = Vec::new();
        for (id, mut record) in self.deployments {
            record.name = names.text(id).to_owned();
            for step in &mut record.steps {
                let symbol = step.app.parse().map(Symbol).expect("a symbol was kept here until now");
                step.app = names.text(symbol).to_owned();
            }
            deployments.push(record);
        }
        let apps = self.apps.into_iter().map(|app| app.finish(names)).collect();
        (apps, deployments, self.shortages)
    }
}

impl App {
    /// Fewer instances that serve, or run unwatched, than there should be.
    fn is_short(&self) -> bool {
        self.levels[HEALTHY].value + self.levels[RUNNING].value < self.levels[TARGET].value
    }

    fn finish(self, names: &Names) -> AppRecord {
        let mut counts: Vec<(String, u64)> =
            STANDINGS.iter().zip(&self.levels).map(|(name, l)| ((*name).to_owned(), l.value.max(0) as u64)).collect();
        let instances = self.levels[HEALTHY..].iter().map(|l| l.value.max(0) as u64).sum();
        counts.push(("instances".into(), instances));
        counts.push(("losses".into(), self.lost));
        counts.push(("failures".into(), self.failed));
        counts.push(("kills".into(), self.kills.iter().sum()));
        counts.extend(KILLS.iter().zip(self.kills).filter(|k| k.1 > 0).map(|(why, n)| (format!("kills_{why}"), n)));
        let refused = OfferRefusal::ALL.iter().zip(self.refused).filter(|r| r.1 > 0);
        AppRecord {
            name: names.text(self.symbol).to_owned(),
            counts: counts.into_iter().collect(),
            refused: refused.map(|(why, n)| (format!("{why:?}"), n)).collect(),
            standing: self.rows,
        }
    }
}

fn kill_index(why: KillReason) -> usize {
    why as usize
}

/// What can be asked of an app: the standings, then these.
const PARTS: [&str; 11] = [
    "target",
    "healthy",
    "running",
    "unhealthy",
    "staged",
    "lost",
    "stopping",
    "instances",
    "losses",
    "failures",
    "kills",
];

/// The index for `value` of what follows an app's name in a key.
pub(super) fn part(text: &str) -> Option<usize> {
    let kill = || KILLS.iter().position(|why| Some(*why) == text.strip_prefix("kills_"));
    let refused = || {
        let reason = text.strip_prefix("refused.")?;
        OfferRefusal::ALL.iter().position(|why| format!("{why:?}") == reason)
    };
    let own = PARTS.iter().position(|part| *part == text);
    own.or_else(|| kill().map(|i| PARTS.len() + i)).or_else(|| refused().map(|i| PARTS.len() + KILLS.len() + i))
}

/// How deployments end.
pub(super) const ENDS: [&str; 3] = ["succeeded", "failed", "cancelled"];

/// Of an app's name.
pub(super) fn hash(name: &str) -> u64 {
    // 0 says that the name is not known.
    xxh3_64(name.as_bytes()).max(1)
}
