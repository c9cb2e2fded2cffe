//! Counts and lifetimes of an app's tasks (`TaskForStatistics`, `TaskStatsByVersion`).

use super::view::View;
use crate::base::time::SECOND_NS;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::json::shape::number;
use crate::marathon::model::version::Version;
use crate::mesos::task_state::TaskState;
use serde_json::{Map, Value, json};

/// What statistics know of a task.
struct Counted {
    version: Version,
    running: bool,
    staged: bool,
    healthy: bool,
    unhealthy: bool,
    /// Since it started, in seconds.
    life: Option<f64>,
}

pub(super) struct Stats(Vec<Counted>);

impl Stats {
    /// Of the first task of each instance that has been launched.
    pub(super) fn of(spec: &RunSpec, view: &dyn View) -> Self {
        let now = view.wall();
        let instances = view.instances(&spec.id).into_iter().filter(|instance| !instance.is_scheduled());
        let counted = instances.filter_map(|instance| {
            let task = instance.tasks.first()?;
            let health = view.health(instance.id);
            Some(Counted {
                version: instance.spec.versions.version,
                running: task.mesos == Some(TaskState::Running),
                staged: task.mesos.is_none_or(|state| state == TaskState::Staging),
                healthy: !health.is_empty() && health.iter().all(super::view::HealthRecord::alive),
                unhealthy: health.iter().any(|record| !record.alive()),
                // Milliseconds are all that the peer keeps of instants.
                life: task.started_at.map(|at| ((now.0 - at.0) / (SECOND_NS / 1_000)) as f64 / 1_000.0),
            })
        });
        Self(counted.collect())
    }

    /// Adds `tasksStaged` and the like.
    pub(super) fn put_counts(&self, app: &mut Map<String, Value>) {
        let [staged, running, healthy, unhealthy] = counts(self.0.iter());
        app.insert("tasksStaged".to_owned(), staged.into());
        app.insert("tasksRunning".to_owned(), running.into());
        app.insert("tasksHealthy".to_owned(), healthy.into());
        app.insert("tasksUnhealthy".to_owned(), unhealthy.into());
    }

    /// `taskStats`.
    pub(super) fn by_version(&self, spec: &RunSpec) -> Value {
        let versions = spec.versions;
        let mut stats = Map::new();
        let mut put = |name: &str, wanted: &dyn Fn(&Counted) -> bool| {
            let tasks: Vec<&Counted> = self.0.iter().filter(|task| wanted(task)).collect();
            if !tasks.is_empty() {
                stats.insert(name.to_owned(), summary(&tasks));
            }
        };
        put("startedAfterLastScaling", &|task| task.version >= versions.last_scaling);
        put("withLatestConfig", &|task| task.version >= versions.last_config_change);
        put("withOutdatedConfig", &|task| task.version < versions.last_config_change);
        put("totalSummary", &|_| true);
        Value::Object(stats)
    }
}

fn counts<'a>(tasks: impl Iterator<Item = &'a Counted>) -> [u32; 4] {
    tasks.fold([0; 4], |[s, r, h, u], task| {
        let one = u32::from;
        [s + one(task.staged), r + one(task.running), h + one(task.healthy), u + one(task.unhealthy)]
    })
}

fn summary(tasks: &[&Counted]) -> Value {
    let [staged, running, healthy, unhealthy] = counts(tasks.iter().copied());
    let mut stats = json!({
        "counts": { "staged": staged, "running": running, "healthy": healthy, "unhealthy": unhealthy },
    });
    let mut lives: Vec<f64> = tasks.iter().filter_map(|task| task.life).collect();
    lives.sort_by(f64::total_cmp);
    if !lives.is_empty() {
        let average = lives.iter().sum::<f64>() / lives.len() as f64;
        let median = lives[lives.len() / 2];
        stats["lifeTime"] = json!({ "averageSeconds": number(average), "medianSeconds": number(median) });
    }
    json!({ "stats": stats })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, app};
    use super::*;
    use expect_test::expect;

    #[test]
    fn tasks_are_counted_by_version() {
        let mut fixture = Fixture::new();
        fixture.deploy(app("/web"));
        fixture.run("/web", 2);
        fixture.healthy(0, true);
        let spec = fixture.spec("/web");
        let stats = Stats::of(&spec, &fixture);
        let mut counts = Map::new();
        stats.put_counts(&mut counts);
        expect![[r#"
            {"tasksStaged":0,"tasksRunning":2,"tasksHealthy":1,"tasksUnhealthy":0}
            {"startedAfterLastScaling":{"stats":{"counts":{"staged":0,"running":2,"healthy":1,"unhealthy":0},"lifeTime":{"averageSeconds":9,"medianSeconds":9}}},"withLatestConfig":{"stats":{"counts":{"staged":0,"running":2,"healthy":1,"unhealthy":0},"lifeTime":{"averageSeconds":9,"medianSeconds":9}}},"totalSummary":{"stats":{"counts":{"staged":0,"running":2,"healthy":1,"unhealthy":0},"lifeTime":{"averageSeconds":9,"medianSeconds":9}}}}"#]].assert_eq(&format!("{}\n{}", Value::Object(counts), stats.by_version(&spec)));
    }

    #[test]
    fn an_app_without_tasks_has_no_statistics() {
        let mut fixture = Fixture::new();
        fixture.deploy(app("/web"));
        let spec = fixture.spec("/web");
        assert_eq!(Stats::of(&spec, &fixture).by_version(&spec), json!({}));
    }
}
