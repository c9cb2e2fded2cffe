//! Instances of pods as task groups (`TaskGroupBuilder.scala`): one task for each container, under an
//! executor that takes `executorResources`, the host ports of all endpoints, and the volumes.
//!
//! The health of a pod is what the statuses of its containers say; Marathon runs no check of its own.

use super::limiter::ConfigKey;
use super::offers::{Open, agent_check, provisioned_task};
use super::resources::{self, Roles};
use super::tracker::config_of;
use super::update::Operation;
use super::writes::{Change, Then};
use super::{Marathon, Synthetic, ports};
use crate::actor::Cx;
use crate::base::id::{JobId, Symbol, TaskId};
use crate::base::map::Lookup;
use crate::base::quantity::{Milli, Quantities};
use crate::base::time::Span;
use crate::fact::Fact;
use crate::job::{Behaviour, Member, TaskGroup, TaskSpec};
use crate::marathon::model::app::PodOnly;
use crate::marathon::model::instance::Instance;
use crate::mesos::resource::{Ranges, Resources};
use std::sync::Arc;

/// What all groups of a configuration have in common.
#[derive(Debug)]
pub(super) struct Parts {
    executor: Arc<TaskSpec>,
    containers: Vec<Arc<TaskSpec>>,
}

/// By configuration and the disk of its volumes, which may be more than was asked for.
pub(super) type Known = Lookup<(ConfigKey, Milli), Arc<Parts>>;

/// Where an instance is put: roles whose resources it uses, its host ports, its volumes.
pub(super) type On<'a> = (Roles<'a>, &'a [u16], &'a Resources);

/// `<safe path>.instance-<uuid>` has the executor `instance-<safe path>.<uuid>`.
fn executor_name(instance: &str) -> String {
    instance
        .rsplit_once(".instance-")
        .map_or_else(|| instance.to_owned(), |(path, uuid)| format!("instance-{path}.{uuid}"))
}

/// The spec with what it was given; the common one if there is nothing special to it.
fn with(base: &Arc<TaskSpec>, (each, extra): (Quantities, Resources)) -> Arc<TaskSpec> {
    if extra.is_empty() && each == base.each {
        return base.clone();
    }
    Arc::new(TaskSpec { each, extra, ..(**base).clone() })
}

impl Marathon {
    /// Takes what an instance needs out of an offer on which it fits.
    pub(super) fn task_group(
        &mut self,
        cx: &mut Cx,
        app: Symbol,
        instance: &Instance,
        pod: &PodOnly,
        left: &mut Resources,
        (roles, host_ports, volumes): On,
    ) -> Arc<TaskGroup> {
        let parts = self.pod_parts(cx, app, instance, pod, volumes.quantities().disk());
        let name = cx.names.text(instance.id.0).to_owned();
        let (each, taken) = resources::take(left, roles, pod.executor, ports::ranges(host_ports));
        let id = TaskId { template: parts.executor.template, n: cx.names.intern(&executor_name(&name)).0 };
        let executor = Member { id, spec: with(&parts.executor, (each, taken + volumes)) };
        let tasks = pod.containers.iter().zip(&parts.containers).map(|(container, base)| {
            let spec = with(base, resources::take(left, roles, container.each, Ranges::default()));
            let name = format!("{name}.{}.{}", container.name, instance.incarnation + 1);
            Member { id: TaskId { template: spec.template, n: cx.names.intern(&name).0 }, spec }
        });
        Arc::new(TaskGroup { tasks: tasks.collect(), executor })
    }

    fn pod_parts(&mut self, cx: &mut Cx, app: Symbol, instance: &Instance, pod: &PodOnly, disk: Milli) -> Arc<Parts> {
        let key = config_of(app, instance);
        if let Some(known) = self.launch.pods.get(&(key, disk)) {
            return known.clone();
        }
        let spec = &instance.spec;
        let config = self.template(cx, app, instance);
        Self::note_limits(cx, config, spec);
        let owner = self.flags.framework_name;
        let prefix = format!("{}@{}", spec.id, key.changed);
        let template = |cx: &mut Cx, part: &str, each| {
            let template = JobId::service(cx.names.intern(&format!("{prefix}@{part}")));
            cx.fact(Fact::ServiceTemplate { template, owner, app, each });
            template
        };
        let mut held = pod.executor;
        held.0[2] += disk.0;
        // No container has such a name.
        let part = if disk.0 == 0 { "*executor".to_owned() } else { format!("*executor@{disk}") };
        let executor = template(cx, &part, held);
        let executor = Arc::new(TaskSpec::plain(executor, owner, pod.executor, Behaviour::fixed(Span::MAX)));
        let mut containers = Vec::new();
        for (at, container) in pod.containers.iter().enumerate() {
            let own = cx.names.find(&format!("{}::{}", spec.id, container.name));
            let own = own.filter(|name| self.synthetic.contains(name)).unwrap_or(app);
            let Synthetic { behaviour, service, program } = self.synthetic(own);
            let template = template(cx, &container.name, container.each);
            containers.push(Arc::new(TaskSpec {
                downloads: self.container_downloads(cx, pod, at),
                // What is said of all containers of a pod says nothing of what one of them is.
                program: program.filter(|_| own != app),
                service: Some(service),
                check: container.health_check.as_ref().map(agent_check),
                kill_grace: container.kill_grace,
                ..TaskSpec::plain(template, owner, container.each, behaviour)
            }));
        }
        let parts = Arc::new(Parts { executor, containers });
        self.launch.pods.insert((key, disk), parts.clone());
        parts
    }

    /// Writes down that the instance is to run there, with a task for each container.
    pub(super) fn begin_group(
        &mut self,
        cx: &Cx,
        instance: &Instance,
        open: &Open,
        group: &TaskGroup,
        host_ports: &[u16],
        then: Then,
    ) {
        let containers = instance.spec.pod().map(|pod| &pod.containers);
        let tasks = group.tasks.iter().zip(containers.into_iter().flatten()).map(|(task, container)| {
            let own = host_ports.get(container.ports.clone()).unwrap_or_default();
            provisioned_task(cx, instance, task.id, own)
        });
        let operation = Operation::Provision { place: open.place(), tasks: tasks.collect() };
        self.operate(instance.id, operation, then);
    }

    /// What the statuses of a pod's containers say of its health is the health of the instance.
    pub(super) fn pod_health_saw(&mut self, cx: &mut Cx, app: Symbol, change: &Change) {
        let after = &change.after;
        let before = change.before.as_ref().and_then(|before| before.state.healthy);
        let healthy = after.state.healthy;
        if after.spec.pod().is_none() || change.expunged || healthy == before {
            return;
        }
        cx.fact(Fact::InstanceHealth { app, instance: after.id.0, healthy });
    }

    /// A deployment may wait for that.
    pub(super) fn pod_became_healthy(&mut self, cx: &mut Cx, app: Symbol, change: &Change) {
        let well = |instance: &Instance| instance.state.healthy == Some(true);
        let new = well(&change.after) && !change.before.as_ref().is_some_and(|before| well(before));
        if new && !change.expunged && change.after.spec.pod().is_some() {
            self.deployments_healthy(cx, app, change.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executor_bears_the_name_of_its_instance() {
        assert_eq!(executor_name("shop_web.instance-0a-1b"), "instance-shop_web.0a-1b");
        assert_eq!(executor_name("strange"), "strange");
    }
}
