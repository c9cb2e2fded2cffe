//! What is known of instances, and everything about them that is counted as they change, so that
//! no question goes over all of them (`InstanceTracker`).

use super::constraints::{Fields, Member, Placed, is_abroad};
use super::flags::Quirks;
use super::limiter::ConfigKey;
use super::scaling;
use crate::base::id::{Names, Symbol};
use crate::base::map::{Lookup, Map};
use crate::fact::Condition;
use crate::marathon::model::app::Constraint;
use crate::marathon::model::instance::{Instance, InstanceId, Place, ReservationState, is_active, is_terminal};
use crate::marathon::model::path::PathId;
use crate::marathon::model::version::Version;
use crate::mesos::message::AgentInfo;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An app or pod that has instances, or had some.
#[derive(Clone, Debug)]
pub struct App {
    pub id: PathId,
    /// In order of their creation.
    pub instances: BTreeSet<InstanceId>,
    /// To be launched, by the time of the last change of their configuration.
    pub scheduled: BTreeMap<Version, BTreeSet<InstanceId>>,
    /// Those of them that need a reservation and have none.
    pub unreserved: BTreeMap<Version, BTreeSet<InstanceId>>,
    pub placed: Placed,
    /// Those that count towards the target (`scaling::counts`).
    pub counted: u32,
    /// Active, or to be launched: what a deployment counts as there.
    pub there: u32,
    /// Configuration whose constraints are known to `placed`.
    fields_of: Option<Version>,
}

impl App {
    fn new(id: PathId) -> Self {
        Self {
            id,
            instances: BTreeSet::new(),
            scheduled: BTreeMap::new(),
            unreserved: BTreeMap::new(),
            placed: Placed::default(),
            counted: 0,
            there: 0,
            fields_of: None,
        }
    }
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.scheduled.values().map(BTreeSet::len).sum()
    }
}

#[derive(Clone, Debug)]
struct Record {
    instance: Arc<Instance>,
    app: Symbol,
    /// A launch was decided here and is being written down.
    launching: Option<Place>,
}

/// How an instance is counted.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Standing {
    scheduled: bool,
    unreserved: bool,
    placed: bool,
    counted: bool,
    there: bool,
    launching: bool,
    inactive: bool,
    running: bool,
    reserving: bool,
    to_free: bool,
}

#[derive(Clone, Default, Debug)]
pub struct Tracker {
    records: Lookup<InstanceId, Record>,
    apps: Map<Symbol, App>,
    pub fields: Fields,
    /// Region of the masters.
    home: Option<Symbol>,
    /// Provisioned, staging or starting: those that may be overdue.
    pub coming_up: BTreeSet<InstanceId>,
    /// Unreachable for long: those that may be expunged.
    pub inactive: BTreeSet<InstanceId>,
    /// Reservations that were asked for and not seen yet: those that may be overdue.
    pub reserving: BTreeSet<InstanceId>,
    /// Instances that only wait until what they hold is offered, to be given back.
    pub to_free: BTreeSet<InstanceId>,
    running: u32,
    /// Constraints do not see launches before they are stored (an old bug).
    pub ignores_launching: bool,
}

fn standing(instance: &Instance, launching: bool) -> Standing {
    use Condition as C;
    let condition = instance.state.condition;
    let waits = instance.is_scheduled();
    let lost = matches!(condition, C::Gone | C::Unreachable | C::Unknown | C::Dropped);
    // One that waits with a reservation will come back to its place.
    let settled = if waits { instance.reservation.is_some() } else { !lost };
    let reserved = instance.reservation.as_ref().map(|reservation| reservation.state);
    Standing {
        scheduled: waits && !launching,
        unreserved: waits && !launching && reserved.is_none() && instance.spec.is_resident(),
        placed: launching || (settled && instance.place.is_some()),
        counted: scaling::counts(instance),
        there: waits || is_active(condition),
        launching: matches!(condition, C::Provisioned | C::Staging | C::Starting),
        inactive: condition == C::UnreachableInactive,
        running: condition == C::Running,
        reserving: matches!(reserved, Some(ReservationState::New { .. })),
        to_free: instance.is_to_be_freed(),
    }
}

impl Tracker {
    /// `home`: region of the masters.
    #[must_use]
    pub fn new(home: Option<Symbol>) -> Self {
        Self { home, ..Self::default() }
    }

    #[must_use]
    pub fn get(&self, id: InstanceId) -> Option<&Arc<Instance>> {
        self.records.get(&id).map(|record| &record.instance)
    }
    /// The interned path of the instance's app.
    #[must_use]
    pub fn app_of(&self, id: InstanceId) -> Option<Symbol> {
        self.records.get(&id).map(|record| record.app)
    }
    #[must_use]
    pub fn app(&self, app: Symbol) -> Option<&App> {
        self.apps.get(&app)
    }
    pub fn apps(&self) -> impl Iterator<Item = (Symbol, &App)> {
        self.apps.iter().map(|(symbol, app)| (*symbol, app))
    }
    /// Of one app, in order of creation.
    pub fn of_app(&self, app: Symbol) -> impl Iterator<Item = &Arc<Instance>> {
        let ids = self.apps.get(&app).map(|app| &app.instances);
        ids.into_iter().flatten().filter_map(|id| self.get(*id))
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
    #[must_use]
    pub fn running(&self) -> u32 {
        self.running
    }

    /// Puts an instance, new or changed; `None` removes it.
    pub fn put(&mut self, names: &mut Names, id: InstanceId, next: Option<Arc<Instance>>) {
        let app = match (&next, self.records.get(&id)) {
            (_, Some(record)) => record.app,
            (Some(instance), None) => names.intern(instance.spec.id.as_str()),
            (None, None) => return,
        };
        let before = self.records.remove(&id);
        if let Some(record) = &before {
            self.count(names, record, false);
        }
        let Some(instance) = next else {
            if let Some(entry) = self.apps.get_mut(&app) {
                entry.instances.remove(&id);
                if entry.instances.is_empty() {
                    self.apps.shift_remove(&app);
                }
            }
            return;
        };
        if before.is_none() {
            let path = || App::new(instance.spec.id.clone());
            self.apps.entry(app).or_insert_with(path).instances.insert(id);
        }
        self.learn_fields(names, app, &instance);
        let launching = before.and_then(|record| record.launching).filter(|_| instance.is_scheduled());
        let record = Record { instance, app, launching };
        self.count(names, &record, true);
        self.records.insert(id, record);
    }

    /// A launch was decided (it counts as placed from now on), or its write failed.
    pub fn set_launching(&mut self, names: &mut Names, id: InstanceId, place: Option<Place>) {
        let Some(mut record) = self.records.remove(&id) else { return };
        self.count(names, &record, false);
        record.launching = place;
        self.count(names, &record, true);
        self.records.insert(id, record);
    }

    /// A configuration may name fields in constraints that were not counted so far.
    fn learn_fields(&mut self, names: &mut Names, app: Symbol, instance: &Instance) {
        let config = instance.spec.versions.last_config_change;
        let entry = &mut self.apps[&app];
        if entry.fields_of == Some(config) || instance.spec.constraints.is_empty() {
            return;
        }
        entry.fields_of = Some(config);
        if entry.placed.count_fields(&instance.spec.constraints) {
            return;
        }
        for id in entry.instances.clone() {
            if let Some(record) = self.records.remove(&id) {
                self.count_placed(names, &record, true);
                self.records.insert(id, record);
            }
        }
    }

    /// Whether the app's constraints let an instance of a definition (last changed, target) go there.
    pub fn allows(
        &mut self,
        names: &mut Names,
        app: Symbol,
        constraints: &[Constraint],
        at: (Version, u32),
        info: &AgentInfo,
        quirks: Quirks,
    ) -> bool {
        if self.home.is_some_and(|home| is_abroad(names, constraints, info, names.text(home))) {
            return false;
        }
        let Some(app) = self.apps.get(&app) else { return true };
        app.placed.allows(names, &mut self.fields, constraints, at, info, quirks)
    }

    /// The same for an instance that has a reservation there: its own place is not counted.
    pub fn allows_back(
        &mut self,
        names: &mut Names,
        id: InstanceId,
        constraints: &[Constraint],
        at: (Version, u32),
        info: &AgentInfo,
        quirks: Quirks,
    ) -> bool {
        if constraints.is_empty() && self.home.is_none() {
            return true;
        }
        let Some(record) = self.records.remove(&id) else { return false };
        self.count_placed(names, &record, false);
        let allowed = self.allows(names, record.app, constraints, at, info, quirks);
        self.count_placed(names, &record, true);
        self.records.insert(id, record);
        allowed
    }

    /// Whether it may be launched: it waits, and nobody decided on it yet.
    #[must_use]
    pub fn waits(&self, id: InstanceId) -> bool {
        self.records.get(&id).is_some_and(|record| record.launching.is_none() && record.instance.is_scheduled())
    }

    fn count_placed(&mut self, names: &mut Names, record: &Record, add: bool) {
        let instance = &record.instance;
        let is = standing(instance, record.launching.is_some() && !self.ignores_launching);
        let Some(place) = record.launching.as_ref().or(instance.place.as_ref()).filter(|_| is.placed) else { return };
        let (config, target) = (instance.spec.versions.last_config_change, instance.spec.instances);
        let member = Member { id: instance.id, config, target, info: &place.info };
        let placed = &mut self.apps[&record.app].placed;
        if add {
            placed.add(names, &mut self.fields, &member);
        } else {
            placed.remove(names, &mut self.fields, &member);
        }
    }

    fn count(&mut self, names: &mut Names, record: &Record, add: bool) {
        let (instance, id) = (&record.instance, record.instance.id);
        let is = standing(instance, record.launching.is_some());
        let by = |count: &mut u32, counts: bool| {
            if counts && add {
                *count += 1;
            } else if counts {
                *count -= 1;
            }
        };
        let app = &mut self.apps[&record.app];
        by(&mut app.counted, is.counted);
        by(&mut app.there, is.there);
        by(&mut self.running, is.running);
        let config = instance.spec.versions.last_config_change;
        for (counts, sets) in [(is.scheduled, &mut app.scheduled), (is.unreserved, &mut app.unreserved)] {
            if !counts {
                continue;
            }
            if add {
                sets.entry(config).or_default().insert(id);
            } else if let Some(set) = sets.get_mut(&config) {
                set.remove(&id);
                if set.is_empty() {
                    sets.remove(&config);
                }
            }
        }
        let mark = |set: &mut BTreeSet<InstanceId>, counts: bool| {
            if counts && add {
                set.insert(id);
            } else if counts {
                set.remove(&id);
            }
        };
        mark(&mut self.coming_up, is.launching);
        mark(&mut self.inactive, is.inactive);
        mark(&mut self.reserving, is.reserving);
        mark(&mut self.to_free, is.to_free);
        self.count_placed(names, record, add);
    }
}

/// Whose backoff the instance is subject to.
#[must_use]
pub fn config_of(app: Symbol, instance: &Instance) -> ConfigKey {
    ConfigKey { app, changed: instance.spec.versions.last_config_change }
}

/// Whether a change of condition calls for a look at the number of instances.
#[must_use]
pub fn calls_for_scale_check(before: Option<Condition>, after: Condition) -> bool {
    let ends = |c| is_terminal(c) || c == Condition::UnreachableInactive;
    ends(after) && before.is_none_or(|c| !ends(c))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::base::quantity::Milli;
    use crate::base::time::Time;
    use crate::fact::Goal;
    use crate::marathon::model::app::{Operator, PersistentVolume, RunSpec};
    use crate::marathon::model::instance::Reservation;

    #[test]
    fn an_instance_is_counted_by_what_it_is() {
        let mut names = testing::names();
        let app = names.intern("/a");
        let mut tracker = Tracker::default();
        let spec = Arc::new(testing::spec("/a", 2));
        for n in [50, 51] {
            tracker.put(&mut names, InstanceId(Symbol(n)), Some(Arc::new(testing::scheduled(n, spec.clone()))));
        }
        let counts = |t: &Tracker| {
            let a = t.app(app).unwrap();
            (a.waiting(), a.counted, a.there, t.running())
        };
        assert_eq!(counts(&tracker), (2, 2, 2, 0));
        let id = InstanceId(Symbol(50));
        tracker.set_launching(&mut names, id, Some(testing::place("h1", &[])));
        assert_eq!(counts(&tracker), (1, 2, 2, 0));
        let up = testing::running(50, spec.clone(), testing::place("h1", &[]), 1);
        tracker.put(&mut names, id, Some(Arc::new(up.clone())));
        assert_eq!(counts(&tracker), (1, 2, 2, 1));
        let mut gone = up;
        gone.state.condition = Condition::UnreachableInactive;
        tracker.put(&mut names, id, Some(Arc::new(gone)));
        assert_eq!((counts(&tracker), tracker.inactive.len()), ((1, 1, 1, 0), 1));
        tracker.put(&mut names, id, None);
        assert_eq!((counts(&tracker), tracker.len(), tracker.inactive.len()), ((1, 1, 1, 0), 1, 0));
        tracker.put(&mut names, InstanceId(Symbol(51)), None);
        assert!(tracker.app(app).is_none() && tracker.is_empty());
    }

    #[test]
    fn a_reservation_holds_the_place_and_is_freed_at_the_end() {
        let mut names = testing::names();
        let app = names.intern("/a");
        let mut tracker = Tracker::default();
        let mut spec: RunSpec = testing::spec("/a", 2);
        spec.constraints = vec![testing::constraint("hostname", Operator::Unique, None)];
        spec.volumes = vec![PersistentVolume {
            container_path: "data".into(),
            size: Milli::from_int(5),
            disk_type: "root".into(),
            max_size: None,
            profile: None,
            constraints: Vec::new(),
        }];
        let spec = Arc::new(spec);
        let place = testing::place("h1", &[]);
        let mut instance = testing::scheduled(50, spec.clone());
        let id = instance.id;
        let seen = |t: &Tracker| {
            let unreserved: usize = t.app(app).unwrap().unreserved.values().map(BTreeSet::len).sum();
            (t.app(app).unwrap().waiting(), unreserved, t.reserving.len(), t.to_free.len())
        };
        tracker.put(&mut names, id, Some(Arc::new(instance.clone())));
        assert_eq!(seen(&tracker), (1, 1, 0, 0));
        let state = ReservationState::New { deadline: Time::from_secs(20) };
        instance.place = Some(place.clone());
        instance.reservation = Some(Reservation { volumes: vec!["v".into()], state });
        tracker.put(&mut names, id, Some(Arc::new(instance.clone())));
        assert_eq!((seen(&tracker), tracker.waits(id)), ((1, 0, 1, 0), true));
        let at = (spec.versions.last_config_change, 2);
        let (rules, quirks) = (&spec.constraints, Quirks::Real);
        assert!(!tracker.allows(&mut names, app, rules, at, &place.info, quirks), "it will come back there");
        assert!(tracker.allows_back(&mut names, id, rules, at, &place.info, quirks), "as it may");
        instance.state.goal = Goal::Decommissioned;
        tracker.put(&mut names, id, Some(Arc::new(instance)));
        assert_eq!((seen(&tracker), tracker.waits(id)), ((0, 0, 1, 1), false));
        tracker.put(&mut names, id, None);
        assert!(tracker.reserving.is_empty() && tracker.to_free.is_empty());
    }

    #[test]
    fn a_new_configuration_brings_new_fields() {
        let mut names = testing::names();
        let app = names.intern("/a");
        let mut tracker = Tracker::default();
        let mut place = |host: &str| testing::place_in(&mut names, host, &[("rack", "r1")]);
        let (h1, h2) = (place("h1"), place("h2"));
        let with = |operator, config| {
            let mut spec: RunSpec = testing::spec("/a", 2);
            spec.constraints = vec![testing::constraint("hostname", Operator::Unique, None)];
            spec.constraints.extend(operator);
            spec.versions.last_config_change = Version(config);
            Arc::new(spec)
        };
        let first = with(None, 1);
        let i = testing::running(50, first.clone(), h1.clone(), 1);
        tracker.put(&mut names, i.id, Some(Arc::new(i)));
        let second = with(Some(testing::constraint("rack", Operator::MaxPer, Some("1"))), 2);
        let i = testing::running(51, second.clone(), h2.clone(), 1);
        tracker.put(&mut names, i.id, Some(Arc::new(i)));
        let placed = &tracker.apps[&app].placed;
        assert_eq!(placed.count(), 2);
        let mut fields = tracker.fields.clone();
        let mut allows = |spec: &RunSpec, place: &Place| {
            let at = (spec.versions.last_config_change, 2);
            placed.allows(&mut names, &mut fields, &spec.constraints, at, &place.info, Default::default())
        };
        assert!(!allows(&second, &h1), "one of the second configuration is in the rack");
        assert!(!allows(&first, &h2), "of either configuration");
    }
}
