//! Health checks (`HealthCheckActor`, `MarathonHealthCheckManager`): Marathon's own as probes at
//! intervals, those that executors run by the flags in statuses; both are counted alike.

use super::changes::health_changed;
use super::probe::{Probe, Purpose};
use super::writes::Change;
use super::{Marathon, timer};
use crate::actor::{Cx, TimerKey};
use crate::base::id::Symbol;
use crate::base::map::{Lookup, Map};
use crate::base::time::Span;
use crate::fact::{Condition, Fact, KillReason};
use crate::marathon::model::app::{HealthKind, RunSpec};
use crate::marathon::model::instance::{Instance, InstanceId, is_active};
use crate::marathon::model::version::Version;
use crate::marathon::rest::event::Event;
use crate::marathon::rest::view::{HealthRecord, View};
use std::sync::Arc;

/// The first tick comes after the interval, or after this if that is shorter.
const FIRST_TICK: Span = Span::from_secs(5);

/// Checks of one version of an app.
#[derive(Clone, Debug)]
struct Checked {
    spec: Arc<RunSpec>,
    /// Number of the first check's ticks; the others follow.
    first: u64,
}

/// What is known of one instance.
#[derive(Clone, Default, Debug)]
struct Known {
    /// By check; `None`: no result yet.
    records: Vec<Option<HealthRecord>>,
    aggregate: Option<bool>,
}

#[derive(Clone, Default, Debug)]
pub(super) struct Health {
    checks: Map<(Symbol, Version), Checked>,
    /// Which check a number of ticks is for.
    ticks: Map<u64, (Symbol, Version, u8)>,
    next: u64,
    known: Lookup<InstanceId, Known>,
}

impl Marathon {
    // ---- which versions are checked ----

    /// From now on instances of this version are checked.
    pub(super) fn add_health_checks(&mut self, cx: &mut Cx, app: Symbol, spec: &Arc<RunSpec>) {
        let version = spec.versions.version;
        if spec.health_checks.is_empty() || self.health.checks.contains_key(&(app, version)) {
            return;
        }
        let first = self.health.next;
        for (i, check) in spec.health_checks.iter().enumerate().filter(|(_, check)| check.kind.by_marathon()) {
            let number = first + i as u64;
            self.health.ticks.insert(number, (app, version, i as u8));
            cx.timer(TimerKey::new(timer::HEALTH, number), check.interval.min(FIRST_TICK));
        }
        self.health.next += spec.health_checks.len() as u64;
        self.health.checks.insert((app, version), Checked { spec: spec.clone(), first });
        for check in &spec.health_checks {
            let (app, check) = (spec.id.clone(), check.clone());
            self.event(cx, |_| Event::HealthCheckAdded { app, version, check });
        }
    }

    fn remove_health_checks(&mut self, cx: &mut Cx, key: (Symbol, Version)) {
        let Some(checked) = self.health.checks.swap_remove(&key) else { return };
        for i in 0..checked.spec.health_checks.len() as u64 {
            self.health.ticks.swap_remove(&(checked.first + i));
            cx.cancel(TimerKey::new(timer::HEALTH, checked.first + i));
        }
    }

    pub(super) fn remove_all_health_checks(&mut self, cx: &mut Cx, app: Symbol) {
        let keys: Vec<_> = self.health.checks.keys().copied().filter(|key| key.0 == app).collect();
        keys.into_iter().for_each(|key| self.remove_health_checks(cx, key));
    }

    /// Versions with instances are checked, and the present ones; others no more.
    pub(super) fn reconcile_health(&mut self, cx: &mut Cx) {
        let mut live: Map<(Symbol, Version), Arc<RunSpec>> = Map::default();
        for (app, _) in self.tracker.apps() {
            for instance in self.tracker.of_app(app) {
                let key = (app, instance.spec.versions.version);
                live.entry(key).or_insert_with(|| instance.spec.clone());
            }
        }
        for (path, spec) in self.root.all_specs() {
            let app = cx.names.intern(path.as_str());
            live.entry((app, spec.versions.version)).or_insert_with(|| spec.clone());
        }
        let gone: Vec<_> = self.health.checks.keys().copied().filter(|key| !live.contains_key(key)).collect();
        gone.into_iter().for_each(|key| self.remove_health_checks(cx, key));
        for ((app, _), spec) in live {
            self.add_health_checks(cx, app, &spec);
        }
    }

    // ---- Marathon's own checks ----

    /// A tick: every running instance of the version is asked.
    pub(super) fn check_health(&mut self, cx: &mut Cx, number: u64) {
        let Some((app, version, index)) = self.health.ticks.get(&number).copied() else { return };
        let Some(checked) = self.health.checks.get(&(app, version)) else { return };
        let check = &checked.spec.health_checks[index as usize];
        let (interval, timeout) = (check.interval, check.timeout);
        cx.timer(TimerKey::new(timer::HEALTH, number), interval);
        let of_version = self.tracker.of_app(app).filter(|i| i.spec.versions.version == version);
        let running = of_version.filter(|i| i.state.condition == Condition::Running);
        let ids: Vec<InstanceId> = running.map(|instance| instance.id).collect();
        for id in ids {
            self.probe(cx, id, Purpose::Health(index), timeout);
        }
    }

    pub(super) fn health_answered(&mut self, cx: &mut Cx, probe: Probe, index: u8, status: Option<u16>) {
        let Some(instance) = self.tracker.get(probe.id) else { return };
        if instance.incarnation != probe.incarnation {
            return;
        }
        let Some(check) = instance.spec.health_checks.get(index as usize) else { return };
        let well = match (check.kind, status) {
            (_, None | Some(0)) => false,
            (HealthKind::Tcp, Some(_)) => true,
            (_, Some(code)) => (200..400).contains(&code),
        };
        let cause = (!well).then(|| match status {
            None => "TimeoutException".to_owned(),
            Some(0) => "ConnectException: connection refused".to_owned(),
            Some(code) => code.to_string(),
        });
        self.health_result(cx, probe.id, index, well, cause);
    }

    // ---- results ----

    fn health_result(&mut self, cx: &mut Cx, id: InstanceId, index: u8, well: bool, cause: Option<String>) {
        let Some(instance) = self.tracker.get(id).cloned() else { return };
        let Some(check) = instance.spec.health_checks.get(index as usize) else { return };
        let wall = cx.wall;
        let known = self.health.known.get_or_insert_with(id, Known::default);
        known.records.resize(instance.spec.health_checks.len(), None);
        let before = known.records[index as usize].clone().unwrap_or_default();
        let mut record = before.clone();
        let mut kill = false;
        if well {
            record.first_success.get_or_insert(wall);
            record.last_success = Some(wall);
            record.consecutive_failures = 0;
        } else {
            let in_grace =
                before.first_success.is_none() && instance.state.since.saturating_add(check.grace_period) > wall;
            if instance.state.condition != Condition::Running || in_grace {
                return;
            }
            // Quirk: the failure at hand does not count yet, so it takes one more than the limit.
            let most = check.max_consecutive_failures;
            kill = most > 0 && before.consecutive_failures >= most;
            record.last_failure = Some(wall);
            record.consecutive_failures += 1;
            record.cause = cause;
        }
        let (was_alive, alive, why) = (before.alive(), record.alive(), record.cause.clone().unwrap_or_default());
        let known = self.health.known.get_or_insert_with(id, Known::default);
        known.records[index as usize] = Some(record);
        if !well {
            self.event(cx, |view| Event::HealthCheckFailed {
                app: instance.spec.id.clone(),
                instance: view.names().text(id.0).to_owned(),
                check: instance.spec.health_checks[index as usize].clone(),
            });
        }
        if kill {
            self.event(cx, |view| unhealthy_kill(&instance, why, view));
            self.kill(cx, id, KillReason::Health);
        }
        if was_alive != alive {
            self.event(cx, |view| Event::HealthStatusChanged {
                app: instance.spec.id.clone(),
                instance: view.names().text(id.0).to_owned(),
                version: instance.spec.versions.version,
                alive,
            });
        }
        self.aggregate_health(cx, id);
    }

    /// All checks well: well; one without a result: unknown; otherwise ill.
    fn aggregate_health(&mut self, cx: &mut Cx, id: InstanceId) {
        let Some(app) = self.tracker.app_of(id) else { return };
        let Some(known) = self.health.known.get_mut(&id) else { return };
        let healthy = if known.records.iter().any(Option::is_none) {
            None
        } else {
            Some(known.records.iter().flatten().all(HealthRecord::alive))
        };
        if known.aggregate == healthy {
            return;
        }
        known.aggregate = healthy;
        cx.fact(Fact::InstanceHealth { app, instance: id.0, healthy });
        if let Some(instance) = self.tracker.get(id).cloned() {
            self.event(cx, |view| health_changed(&instance, healthy, view));
        }
        if healthy == Some(true) {
            self.deployments_healthy(cx, app, id);
        }
    }

    pub(super) fn health_saw(&mut self, cx: &mut Cx, change: &Change) {
        let after = &change.after;
        let replaced = change.before.as_ref().is_some_and(|before| before.incarnation != after.incarnation);
        if change.expunged || !is_active(after.state.condition) || replaced {
            let known = self.health.known.remove(&change.id);
            if known.is_some_and(|known| known.aggregate.is_some()) && !change.expunged {
                let app = self.tracker.app_of(change.id).unwrap_or_default();
                cx.fact(Fact::InstanceHealth { app, instance: change.id.0, healthy: None });
            }
            return;
        }
        // What its executor found out.
        let Some(healthy) = change.status.and_then(|status| status.healthy) else { return };
        let checks = after.spec.health_checks.iter().enumerate();
        let by_executor: Vec<u8> = checks.filter(|(_, c)| !c.kind.by_marathon()).map(|(i, _)| i as u8).collect();
        for index in by_executor {
            let cause = (!healthy).then(|| "reported by the executor".to_owned());
            self.health_result(cx, change.id, index, healthy, cause);
        }
    }

    /// Results so far, one for each check that has any.
    pub(super) fn health_records(&self, id: InstanceId) -> Vec<HealthRecord> {
        self.health.known.get(&id).map_or_else(Vec::new, |known| known.records.iter().flatten().cloned().collect())
    }
}

fn unhealthy_kill(instance: &Instance, reason: String, view: &dyn View) -> Event {
    let names = view.names();
    let task = instance.tasks.first().map_or("", |task| names.text(Symbol(task.id.n))).to_owned();
    Event::UnhealthyKilled {
        app: instance.spec.id.clone(),
        task,
        instance: names.text(instance.id.0).to_owned(),
        version: instance.spec.versions.version,
        reason,
        host: instance.place.as_ref().map_or("", |place| names.text(place.info.hostname)).to_owned(),
        agent: instance.place.as_ref().map(|place| names.agent(place.agent)),
    }
}
