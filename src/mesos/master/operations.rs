//! ACCEPT with operations on resources (`Master::_accept`, `src/master/validation.cpp`).
//!
//! Operations are carried out in their order on what is left of the offers; one that is not valid
//! is dropped by itself. The master believes in each at once (speculatively), tells the allocator,
//! and has the agent write down the whole of its reservations and volumes. Agents here are
//! without resource providers: as long as the master knows an agent its own word counts, and is
//! repeated when the agent registers again; a master that does not know it believes what it wrote
//! down.

use super::Master;
use crate::actor::{Cx, ProcessId};
use crate::base::id::{RoleId, Symbol};
use crate::base::map::Set;
use crate::fact::{Fact, ResourceOp};
use crate::mesos::message::{Acceptance, Converted, FrameworkInfo, Msg, Operation, Refuse};
use crate::mesos::resource::{Conversion, Object, ReservationKind, ResourceOperation, Resources};
use std::sync::Arc;

impl Master {
    pub(super) fn accept_bulk(&mut self, cx: &mut Cx, from: ProcessId, acceptance: &Acceptance) {
        let id = acceptance.framework;
        let Some(slot) = self.caller(from, id) else { return };
        let Some((&offer, more)) = acceptance.offers.split_first() else { return };
        let Some((agent, role, offered)) = self.take_offers(cx, id, offer, Some(more)) else {
            return self.refuse_launches(cx, slot, acceptance.tasks());
        };
        let mut rest = offered.clone();
        for operation in &acceptance.operations {
            match operation {
                Operation::Launch(launch) => {
                    for n in launch.first..launch.first + launch.count {
                        self.launch(cx, slot, (agent, role), launch, n, &mut rest);
                    }
                }
                Operation::LaunchGroup(group) => self.launch_group(cx, slot, (agent, role), group, &mut rest),
                Operation::Convert(operation) => self.convert(cx, slot, (agent, role), operation, &mut rest),
            }
        }
        // What was made by operations comes back without a filter, the rest was declined.
        let made = rest.clone() - &offered;
        let declined = rest - &made;
        let agent_id = self.agent(agent).id;
        for (resources, refuse) in [(made, Refuse::NONE), (declined, acceptance.refuse)] {
            if !resources.is_empty() {
                self.tell_allocator(cx, Msg::recover(id, role, agent_id, resources, refuse));
            }
        }
    }

    /// Carries one operation out, if it is valid.
    fn convert(
        &mut self,
        cx: &mut Cx,
        slot: u32,
        (agent, role): (u32, RoleId),
        operation: &ResourceOperation,
        rest: &mut Resources,
    ) {
        let framework = self.framework(slot);
        let id = framework.id;
        let record = self.agent(agent);
        let caller = Caller::new(cx, &framework.info, role);
        let Some(Conversion { before, after }) = caller.check(operation, rest, &record.total) else { return };
        let agent_id = record.id;
        *rest = rest.clone() - &before + &after;
        let record = self.agent_mut(agent);
        record.total = record.total.clone() - &before + &after;
        let (process, checkpointed) = (record.process, record.total.checkpointed());
        let (kind, total) = (kind_of(operation), after.quantities());
        cx.fact(Fact::ResourcesConverted { framework: id, agent: agent_id, operation: kind, total });
        let converted = Converted { framework: id, role, agent: agent_id, before, after };
        self.tell_allocator(cx, Msg::UpdateAllocation(Arc::new(converted)));
        cx.send(process, Msg::CheckpointResources(checkpointed));
    }

    /// An agent that the master knew is back: it hears what it is to have, if it has or had anything
    /// else than what was configured.
    pub(super) fn repeat_checkpoint(&self, cx: &mut Cx, agent: u32, reported: &Resources) {
        let record = self.agent(agent);
        if record.total.is_plain() && reported.is_empty() {
            return;
        }
        let checkpointed = record.total.checkpointed();
        if !checkpointed.is_empty() || !reported.is_empty() {
            cx.send(record.process, Msg::CheckpointResources(checkpointed));
        }
    }
}

fn kind_of(operation: &ResourceOperation) -> ResourceOp {
    match operation {
        ResourceOperation::Reserve(_) => ResourceOp::Reserve,
        ResourceOperation::Unreserve(_) => ResourceOp::Unreserve,
        ResourceOperation::Create(_) => ResourceOp::Create,
        ResourceOperation::Destroy(_) => ResourceOp::Destroy,
    }
}

/// Who asks for an operation, as far as it matters.
struct Caller {
    /// Of the offer.
    role: String,
    principal: Option<String>,
    shared_resources: bool,
    reservation_refinement: bool,
}

impl Caller {
    fn new(cx: &Cx, info: &FrameworkInfo, role: RoleId) -> Self {
        let text = |symbol: Symbol| cx.names.text(symbol).to_owned();
        Self {
            role: text(role),
            principal: info.principal.map(text),
            shared_resources: info.capabilities.shared_resources,
            reservation_refinement: info.capabilities.reservation_refinement,
        }
    }

    /// The conversion if the operation is valid on what is left of the offers of an agent that has
    /// `total`.
    fn check(&self, operation: &ResourceOperation, rest: &Resources, total: &Resources) -> Option<Conversion> {
        let named = operation.resources();
        if named.is_empty() || named.objects().any(|object| object.fault().is_some()) {
            return None;
        }
        let valid = match operation {
            ResourceOperation::Reserve(_) => named.objects().all(|object| self.may_reserve(&object)),
            ResourceOperation::Unreserve(_) => named.objects().all(|object| is_ours_to_unreserve(&object)),
            ResourceOperation::Create(_) => {
                named.objects().all(|object| self.may_create(&object)) && are_new(named, total)
            }
            // What is in use is not offered, so it cannot be in the rest.
            ResourceOperation::Destroy(_) => named.objects().all(|object| object.is_persistent_volume()),
        };
        let conversion = operation.conversion().ok().filter(|_| valid)?;
        rest.contains(&conversion.before).then_some(conversion)
    }

    fn may_reserve(&self, object: &Object) -> bool {
        let meta = object.meta();
        let Some(top) = meta.reservations.last() else { return false };
        top.kind == ReservationKind::Dynamic
            && *top.role == *self.role
            && top.principal.as_deref() == self.principal.as_deref()
            && (meta.reservations.len() == 1 || self.reservation_refinement)
            && !meta.revocable
            && !object.is_persistent_volume()
    }

    fn may_create(&self, object: &Object) -> bool {
        let meta = object.meta();
        let Some(disk) = &meta.disk else { return false };
        let (Some(persistence), Some(volume)) = (&disk.persistence, &disk.volume) else { return false };
        object.reservation_role() == Some(&*self.role)
            && !meta.revocable
            && (!meta.shared || self.shared_resources)
            && persistence.principal.as_deref() == self.principal.as_deref()
            && volume.host_path.is_none()
            && !volume.container_path.starts_with('/')
    }
}

/// Whoever has the role may unreserve what others in it reserved; what an operator configured and
/// volumes stay.
fn is_ours_to_unreserve(object: &Object) -> bool {
    let top = object.meta().reservations.last();
    top.is_some_and(|top| top.kind == ReservationKind::Dynamic) && !object.is_persistent_volume()
}

/// A persistence id is unique on its agent within a role.
fn are_new(volumes: &Resources, total: &Resources) -> bool {
    let key = |object: &Object| {
        let role = object.reservation_role().unwrap_or_default().to_owned();
        object.persistence_id().map(|id| (role, id.to_owned()))
    };
    let mut known: Set<(String, String)> = total.objects().filter_map(|object| key(&object)).collect();
    volumes.objects().all(|object| key(&object).is_some_and(|key| known.insert(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ResourceOperation as Op;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }

    fn caller() -> Caller {
        let (role, principal) = ("db".to_owned(), Some("p".to_owned()));
        Caller { role, principal, shared_resources: false, reservation_refinement: false }
    }

    /// The conversion that an operation is allowed to make on an offer of these.
    fn run(operation: &Op, rest: &str) -> bool {
        caller().check(operation, &r(rest), &r(rest)).is_some()
    }

    fn held(name: &str, role: &str, principal: &str) -> String {
        format!("{name}(reservations: [(DYNAMIC,{role},{principal})])")
    }

    #[test]
    fn reservations_are_to_the_role_by_its_principal_and_of_what_is_there() {
        let reserve = |name: &str, role: &str, principal: &str, rest: &str| {
            run(&Op::Reserve(r(&format!("{}:2", held(name, role, principal)))), rest)
        };
        assert!(reserve("cpus", "db", "p", "cpus:2"));
        assert!(!reserve("cpus", "db", "p", "cpus:1"), "more than there is");
        assert!(!reserve("cpus", "web", "p", "cpus:2"), "another role");
        assert!(!reserve("cpus", "db", "q", "cpus:2"), "another principal");
        assert!(!run(&Op::Reserve(r("cpus(db):2")), "cpus:2"), "static");
        assert!(!run(&Op::Reserve(r("cpus:2")), "cpus:2"), "not reserved at all");
        let refined = r("cpus(reservations: [(STATIC,d),(DYNAMIC,d/b,p)]):2");
        let with = |reservation_refinement| Caller { role: "d/b".to_owned(), reservation_refinement, ..caller() };
        let reserve = Op::Reserve(refined);
        for able in [true, false] {
            assert_eq!(with(able).check(&reserve, &r("cpus(d):2"), &r("cpus(d):2")).is_some(), able);
        }
    }

    #[test]
    fn what_is_reserved_is_unreserved_by_anybody_of_the_role_but_volumes_are_not() {
        let other = held("cpus", "db", "q");
        assert!(run(&Op::Unreserve(r(&format!("{other}:1"))), &format!("{other}:2")));
        assert!(!run(&Op::Unreserve(r("cpus(db):1")), "cpus(db):2"), "static");
        let volume = format!("{}[v:data]:5", held("disk", "db", "p"));
        assert!(!run(&Op::Unreserve(r(&volume)), &volume));
    }

    #[test]
    fn volumes_are_made_of_reserved_disk_with_new_ids_and_destroyed_whole() {
        let disk = |principal: &str| format!("{}[v(principal: p):data]:5", held("disk", "db", principal));
        let plain = format!("{}:9", held("disk", "db", "p"));
        let volume = disk("p");
        let text = |volume: &str| Resources::parse(volume).map(|v| v.to_string()).unwrap_or_default();
        let all = [Op::Create(r(&volume)), Op::Destroy(r(&volume))];
        assert!(run(&all[0], &plain), "{}", text(&volume));
        assert!(!run(&all[0], "disk:9"), "not reserved");
        assert!(!run(&all[0], &format!("{plain}; {volume}")), "there is one of that name");
        assert!(run(&all[1], &volume));
        assert!(!run(&all[1], &plain), "there is none");
        let unnamed = format!("{}[v:data]:5", held("disk", "db", "p"));
        assert!(!run(&Op::Create(r(&unnamed)), &plain), "no principal");
    }
}
