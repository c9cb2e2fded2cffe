//! Stateful apps on offers (`InstanceOpFactoryImpl.inferForResidents`, `OfferMatcherReconciler`).
//!
//! An instance with persistent volumes takes two offers. Of the first, everything that it needs is
//! reserved under its name and the volumes are made. When that is offered with its reservations it
//! is launched there, and again whenever its task has ended: nowhere else, however long that takes.
//! What is reserved for instances that are not known, or not wanted any more, is given back before
//! anybody else is asked about the offer.

use super::launch::{Launching, Planned};
use super::limiter::ConfigKey;
use super::offers::{Found, Match, Open};
use super::resources::{self, FRAMEWORK_LABEL, INSTANCE_LABEL, Roles};
use super::tracker::config_of;
use super::update::Operation;
use super::volumes::{self, Chosen};
use super::writes::Then;
use super::{Marathon, matching, ports};
use crate::actor::Cx;
use crate::base::dice::Site;
use crate::base::id::Symbol;
use crate::base::quantity::{Milli, Quantities};
use crate::fact::OfferRefusal;
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::instance::{Instance, InstanceId, Reservation, ReservationState};
use crate::mesos::resource::{
    self, Disk, Labels, Meta, Object, Persistence, ReservationKind, Resources, Value, Volume,
};
use std::sync::Arc;

const VOLUME_ID: Site = Site::new("marathon-volume-id");

/// What of an offer is reserved by this framework: names of instances, each once.
#[must_use]
pub fn holders(offer: &Resources, framework: &str) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for object in offer.reserved().objects() {
        if object.label(FRAMEWORK_LABEL) != Some(framework) {
            continue;
        }
        if let Some(name) = object.label(INSTANCE_LABEL).filter(|name| names.iter().all(|known| **known != **name)) {
            names.push(name.into());
        }
    }
    names
}

/// Objects with another amount and nothing but their metadata kept.
fn disk_of(size: Milli, meta: Meta) -> Object {
    Object::new("disk", Value::Scalar(size), meta)
}

impl Marathon {
    /// Instances, known or not, for which something of an offer is reserved.
    pub(super) fn held_in(&self, cx: &mut Cx, offer: &Resources) -> Vec<InstanceId> {
        let Some(framework) = self.driver.id.filter(|_| !offer.is_plain()) else { return Vec::new() };
        let names = holders(offer, cx.names.framework(framework));
        names.iter().map(|name| InstanceId(cx.names.intern(name))).collect()
    }

    // ---- giving back ----

    /// What is reserved for nobody: the instance or its definition is not there, or it is not wanted
    /// and its task is over.
    pub(super) fn free_strays(&mut self, cx: &mut Cx, open: &mut Open, accept: u64) -> Vec<Launching> {
        let mut all = Vec::new();
        for id in open.held.clone() {
            let instance = self.tracker.get(id).cloned();
            let operation = match &instance {
                None => None,
                Some(known) if self.spec(&known.spec.id).is_none() => Some(Operation::ForceExpunge),
                Some(known) if known.is_to_be_freed() => Some(Operation::Unreserve),
                Some(_) => continue,
            };
            let Some(own) = self.own_part(cx, &open.left, id) else { continue };
            open.left -= &own;
            let at = all.len() as u32;
            let written = operation.is_none();
            if let Some(operation) = operation {
                self.operate(id, operation, Then::Launch { accept, at });
            }
            all.push(Launching { id, what: Planned::Free(own), before: None, written });
        }
        all
    }

    /// What of an offer is reserved for an instance.
    fn own_part(&self, cx: &Cx, offer: &Resources, id: InstanceId) -> Option<Resources> {
        let framework = cx.names.framework(self.driver.id?);
        let own = offer.labelled(FRAMEWORK_LABEL, framework).labelled(INSTANCE_LABEL, cx.names.text(id.0));
        (!own.is_empty()).then_some(own)
    }

    // ---- launching and reserving ----

    /// Launches one of the app's instances on what is reserved for it, or reserves for another.
    pub(super) fn match_resident(
        &mut self,
        cx: &mut Cx,
        app: Symbol,
        role: Symbol,
        open: &mut Open,
        stage: usize,
    ) -> Result<Option<Match>, OfferRefusal> {
        let mut why = None;
        for id in open.held.clone() {
            if self.tracker.app_of(id) != Some(app) || !self.tracker.waits(id) {
                continue;
            }
            let Some(instance) = self.tracker.get(id).cloned() else { continue };
            if !self.may_launch(cx, app, role, &instance) {
                continue;
            }
            match self.launch_on_reservation(cx, app, &instance, open, stage) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(reason) => why = Some(reason),
            }
        }
        let unreserved = self.tracker.app(app).map(|known| &known.unreserved);
        let candidates: smallvec::SmallVec<[InstanceId; 2]> = unreserved
            .into_iter()
            .flat_map(|configs| configs.values())
            .filter_map(|ids| ids.first().copied())
            .collect();
        for id in candidates {
            let Some(instance) = self.tracker.get(id).cloned() else { continue };
            if !self.may_launch(cx, app, role, &instance) {
                continue;
            }
            match self.reserve(cx, app, &instance, open, stage) {
                Ok(found) => return Ok(Some(found)),
                Err(reason) => why = Some(reason),
            }
        }
        Err(why.unwrap_or(OfferRefusal::NoCorrespondingReservationFound))
    }

    /// Of the offer's role, and no backoff in its way.
    fn may_launch(&self, cx: &Cx, app: Symbol, role: Symbol, instance: &Instance) -> bool {
        let deadline = self.limiter.deadline(config_of(app, instance));
        cx.names.text(role) == instance.spec.role && deadline.is_none_or(|deadline| deadline <= cx.now)
    }

    /// `None`: not all of its volumes are in the offer.
    fn launch_on_reservation(
        &mut self,
        cx: &mut Cx,
        app: Symbol,
        instance: &Arc<Instance>,
        open: &mut Open,
        stage: usize,
    ) -> Result<Option<Match>, OfferRefusal> {
        let (id, spec) = (instance.id, instance.spec.clone());
        let Some(reservation) = &instance.reservation else { return Ok(None) };
        let Some(own) = self.own_part(cx, &open.left, id) else { return Ok(None) };
        let made = own.persistent_volumes();
        let is_there = |id: &String| made.objects().any(|object| object.persistence_id() == Some(&**id));
        if !reservation.volumes.iter().all(is_there) {
            return Ok(None);
        }
        let framework = self.driver.id.map(|id| cx.names.framework(id).to_owned()).unwrap_or_default();
        let name = cx.names.text(id.0).to_owned();
        let roles = Roles::own(&spec, &framework, &name);
        let at = (spec.versions.last_config_change, spec.instances);
        let allowed = self.tracker.allows_back(cx.names, id, &spec.constraints, at, &open.info, self.flags.quirks);
        let dice = self.port_dice(cx, open, stage);
        let host_ports = matching::fit_back(&spec, &open.left, &self.flags.definitions, dice, roles, allowed)?;
        if let Some(pod) = spec.pod() {
            open.left -= &made;
            let on = (roles, &*host_ports, &made);
            let group = self.task_group(cx, app, instance, pod, &mut open.left, on);
            return Ok(Some(Match { instance: instance.clone(), found: Found::LaunchGroup { group, host_ports } }));
        }
        let (_, taken) = resources::take(&mut open.left, roles, spec.each, ports::ranges(&host_ports));
        open.left -= &made;
        let extra = taken + &made;
        let key = ConfigKey { app, changed: spec.versions.last_config_change };
        let base = self.task_spec(cx, app, key, instance, extra.quantities());
        let task = crate::job::TaskSpec { each: Quantities::ZERO, extra, ..(*base).clone() };
        let found = Found::Launch { spec: Arc::new(task), host_ports };
        Ok(Some(Match { instance: instance.clone(), found }))
    }

    fn reserve(
        &mut self,
        cx: &mut Cx,
        app: Symbol,
        instance: &Arc<Instance>,
        open: &mut Open,
        stage: usize,
    ) -> Result<Match, OfferRefusal> {
        let spec = instance.spec.clone();
        let roles = Roles::unreserved(&spec);
        let at = (spec.versions.last_config_change, spec.instances);
        let allowed = self.tracker.allows(cx.names, app, &spec.constraints, at, &open.info, self.flags.quirks);
        let dice = self.port_dice(cx, open, stage);
        let (definitions, words) = (&self.flags.definitions, (&mut *cx.names, &mut self.tracker.fields));
        let may = (allowed, self.flags.principal.is_some());
        let found = matching::fit_new(&spec, &open.left, definitions, dice, words, may)?;
        let matching::Reservable { needs, disks, ports: host_ports } = found;
        let principal = self.flags.principal.ok_or(OfferRefusal::NoCorrespondingReservationFound)?;
        let (plain, ports) = resources::take(&mut open.left, roles, needs, ports::ranges(&host_ports));
        let all = Resources::from_scalars(plain) + &ports + &volumes::take(&mut open.left, &disks);
        let reservation = self.reservation(cx, &spec, instance.id, principal);
        // Nothing of it is revocable or reserved already, and the role was checked with the definition.
        let reserved = all.push_reservation(&reservation).map_err(|_| OfferRefusal::UnfulfilledRole)?;
        let mut ids = Vec::new();
        let mut made: Vec<Object> = Vec::new();
        for Chosen { volume, size, source } in disks {
            let path = &spec.volumes[volume].container_path;
            let id = self.volume_id(cx, &spec, path);
            let persistence = Persistence { id: id.as_str().into(), principal: reservation.principal.clone() };
            let mount = Volume { container_path: path.as_str().into(), host_path: None, read_only: false };
            let disk = Disk { source, persistence: Some(persistence), volume: Some(mount) };
            let meta = Meta { reservations: vec![reservation.clone()], disk: Some(disk), ..Meta::default() };
            made.push(disk_of(size, meta));
            ids.push(id);
        }
        let volumes = Resources::from_objects(&made);
        Ok(Match { instance: instance.clone(), found: Found::Reserve { reserved, volumes, ids } })
    }

    fn reservation(&self, cx: &Cx, spec: &RunSpec, id: InstanceId, principal: Symbol) -> resource::Reservation {
        let framework = self.driver.id.map_or("", |id| cx.names.framework(id));
        let label = |key: &str, value: &str| (key.into(), Some(value.into()));
        let labels = [label(FRAMEWORK_LABEL, framework), label(INSTANCE_LABEL, cx.names.text(id.0))];
        resource::Reservation {
            kind: ReservationKind::Dynamic,
            role: spec.role.as_str().into(),
            principal: Some(cx.names.text(principal).into()),
            labels: Labels::new(labels),
        }
    }

    /// `<safe path>#<container path>#<uuid>`.
    fn volume_id(&mut self, cx: &mut Cx, spec: &RunSpec, path: &str) -> String {
        let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
        let n = self.launch.volumes_made;
        self.launch.volumes_made += 1;
        let (a, b) = (cx.draw(VOLUME_ID, entity, 2 * n).0, cx.draw(VOLUME_ID, entity, 2 * n + 1).0);
        format!("{}#{path}#{}", spec.id.safe(), super::launch::uuid(a, b))
    }

    /// Writes down that this is to be reserved for the instance.
    pub(super) fn begin_reservation(&mut self, cx: &Cx, id: InstanceId, open: &Open, volumes: Vec<String>, then: Then) {
        let deadline = cx.wall + self.flags.task_reservation_timeout;
        let reservation = Reservation { volumes, state: ReservationState::New { deadline } };
        self.operate(id, Operation::Reserve { place: open.place(), reservation }, then);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_framework_reserved_has_holders() {
        let held = |framework: &str, instance: &str| {
            format!(
                "cpus(reservations: [(DYNAMIC,db,p,{{{FRAMEWORK_LABEL}: {framework}, {INSTANCE_LABEL}: {instance}}})]):1"
            )
        };
        let text = format!("cpus:1; mem(db):5; {}; {}; {}", held("f", "i2"), held("g", "i3"), held("f", "i1"));
        let names: Vec<String> =
            holders(&Resources::parse(&text).unwrap(), "f").iter().map(|name| name.to_string()).collect();
        assert_eq!(names, ["i2", "i1"]);
        assert!(holders(&Resources::parse("cpus:1;ports:[1-2]").unwrap(), "f").is_empty());
    }
}
