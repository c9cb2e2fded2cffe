//! What a stateful instance has reserved stays as long as the instance is not to go.
//!
//! Upstream promises it by giving back reservations of unknown instances and of those whose goal is
//! Decommissioned alone (`OfferMatcherReconciler`; marathon#4603, #5207), and by launching an instance
//! on its own volumes only.
//!
//! AREAS VERIFIED: a Marathon destroys or unreserves nothing that bears the name of an instance of an
//! app in its tree with another goal than Decommissioned; an instance with a reservation is launched
//! with all its volumes. AREAS NOT VERIFIED: reservations that timed out, whose instance is forgotten
//! first; machines that are gone for good; what operators do by hand; Marathons that keep their state
//! in memory.

use super::marathons::instance_of;
use super::{Hears, Invariant, View};
use crate::base::id::{Symbol, TaskId};
use crate::fact::{Goal, ProcessKind};
use crate::mesos::message::{Launch, Msg, Operation};
use crate::mesos::resource::{ResourceOperation, Resources};
use crate::world::Seen;

pub const SUMMARY: &str = "volumes of an instance that is to stay are kept, and it is launched on them";

/// The label of a reservation that names the instance.
pub(super) const INSTANCE_LABEL: &str = "marathon_task_id";

#[derive(Clone, Default)]
pub struct VolumesStay;

fn freed(view: View, slot: u32, resources: &Resources) -> Result<(), String> {
    let Some(fleet) = view.marathons.fleet(slot) else { return Ok(()) };
    let names = view.world.names();
    for object in resources.objects() {
        let named = object.label(INSTANCE_LABEL).and_then(|name| names.find(name));
        let known = named.and_then(|name| fleet.instances.get(&name));
        if let Some(known) = known.filter(|known| known.goal != Goal::Decommissioned)
            && fleet.spec(names, known.app).is_some()
        {
            let name = object.label(INSTANCE_LABEL).unwrap_or_default();
            return Err(format!("what {name} has reserved is given back, and its goal is {:?}", known.goal));
        }
    }
    Ok(())
}

/// Each task of these is launched with what its instance has reserved.
fn launched(view: View, slot: u32, launch: &Launch) -> Result<(), String> {
    launch.tasks().try_for_each(|task| has_volumes(view, slot, task, &[&launch.spec.extra]))
}

fn has_volumes(view: View, slot: u32, task: TaskId, given: &[&Resources]) -> Result<(), String> {
    let Some(fleet) = view.marathons.fleet(slot) else { return Ok(()) };
    let names = view.world.names();
    let instance = instance_of(names, task);
    let record = instance.and_then(|instance| fleet.instances.get(&instance)?.record.as_ref());
    let Some(reservation) = record.and_then(|record| record.reservation.as_ref()) else { return Ok(()) };
    let has = |id: &str| {
        let made = |resources: &&Resources| resources.objects().any(|object| object.persistence_id() == Some(id));
        given.iter().any(made)
    };
    match reservation.volumes.iter().find(|id| !has(id)) {
        Some(missing) => {
            let task = names.text(Symbol(task.n));
            Err(format!("{task} is launched without its volume {missing}"))
        }
        None => Ok(()),
    }
}

impl Invariant for VolumesStay {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["ACCEPT"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        from == ProcessKind::Marathon && sent && matches!(msg, Msg::Accept { .. } | Msg::AcceptBulk(_))
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        let slot = seen.from.slot;
        let acceptance = match &seen.msg {
            Msg::Accept { launches, .. } => {
                return launches.as_slice().iter().try_for_each(|launch| launched(view, slot, launch));
            }
            Msg::AcceptBulk(acceptance) => acceptance,
            _ => return Ok(()),
        };
        acceptance.operations.iter().try_for_each(|operation| match operation {
            Operation::Convert(ResourceOperation::Unreserve(resources) | ResourceOperation::Destroy(resources)) => {
                freed(view, slot, resources)
            }
            Operation::Launch(launch) => launched(view, slot, launch),
            // A pod's volumes are those of all its containers.
            Operation::LaunchGroup(group) => {
                let members = group.tasks.iter().chain([&group.executor]);
                let given: Vec<&Resources> = members.map(|member| &member.spec.extra).collect();
                group.tasks.first().map_or(Ok(()), |first| has_volumes(view, slot, first.id, &given))
            }
            Operation::Convert(_) => Ok(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::base::id::JobId;
    use crate::base::time::{Span, Time};
    use crate::fact::Condition;
    use crate::job::{Behaviour, TaskSpec};
    use crate::marathon::core::testing::{scheduled, spec};
    use crate::marathon::model::group::Group;
    use crate::marathon::model::instance::{Instance, Reservation, ReservationState};
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::version::Version;
    use crate::mesos::message::{Acceptance, Refuse};
    use std::sync::Arc;

    fn accept(operation: Operation) -> Msg {
        let (offers, operations) = (Vec::new(), vec![operation]);
        Msg::AcceptBulk(Arc::new(Acceptance { framework: FRAMEWORK, offers, refuse: Refuse::NONE, operations }))
    }

    /// An instance with volume `v`, and what of it is then to be done.
    fn run(goal: Goal, operation: impl Fn(&mut Stage) -> Operation) -> Vec<String> {
        let mut stage = Stage::new("volumes-stay");
        let name = stage.name("app.instance-1");
        let app = Arc::new(spec("/app", 1));
        let mut group = Group::empty(PathId::root(), Version(1));
        group.specs.insert(app.id.clone(), app.clone());
        let reservation = Reservation { volumes: vec!["v".into()], state: ReservationState::Launched };
        let record = Instance { reservation: Some(reservation), ..scheduled(name.0, app) };
        let messages = [
            (true, opens_store()),
            (true, store(1, "root", group)),
            (true, store(2, "instances/app.instance-1", record)),
        ];
        stage.moment(Time::ZERO, 0, &messages, &[instance(name.0, Condition::Failed, goal)]);
        let operation = operation(&mut stage);
        stage.send(accept(operation))
    }

    #[test]
    fn fires_when_a_volume_is_destroyed_under_an_instance() {
        let volume = || {
            let text = format!("disk(reservations: [(DYNAMIC,r,p,{{{INSTANCE_LABEL}: app.instance-1}})])[v:data]:5");
            Resources::parse(&text).unwrap()
        };
        let destroy = |_: &mut Stage| Operation::Convert(ResourceOperation::Destroy(volume()));
        assert!(run(Goal::Decommissioned, destroy).is_empty());
        assert_eq!(
            run(Goal::Stopped, destroy),
            ["what app.instance-1 has reserved is given back, and its goal is Stopped"]
        );
    }

    #[test]
    fn fires_when_an_instance_is_launched_beside_its_volume() {
        let launch = |volumes: &'static str| {
            move |stage: &mut Stage| {
                let n = stage.name("app.instance-1._app.2").0;
                let behaviour = Behaviour::fixed(Span::from_secs(1));
                let base = TaskSpec::plain(JobId::service(APP), FRAMEWORK.0, cpus(1), behaviour);
                let extra = Resources::parse(volumes).unwrap();
                Operation::Launch(Launch { spec: Arc::new(TaskSpec { extra, ..base }), first: n, count: 1 })
            }
        };
        assert!(run(Goal::Running, launch("cpus:1;disk(r)[v:data]:5")).is_empty());
        assert_eq!(
            run(Goal::Running, launch("cpus:1;disk(r)[w:data]:5")),
            ["app.instance-1._app.2 is launched without its volume v"]
        );
    }
}
