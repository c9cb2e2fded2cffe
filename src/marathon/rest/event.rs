//! Events (`Events.scala`): every type with its JSON, for the stream `/v2/events` and whoever else
//! listens. Ids of instances and tasks are texts here; the state machine has the names.

use super::show;
use super::view::View;
use crate::base::id::{Names, Symbol};
use crate::base::time::Time;
use crate::fact::Condition;
use crate::marathon::model::app::{HealthCheck, RunSpec};
use crate::marathon::model::json::write;
use crate::marathon::model::path::PathId;
use crate::marathon::model::plan::Plan;
use crate::marathon::model::version::Version;
use crate::mesos::task_state::TaskState;
use serde_json::{Map, Value, json};
use std::sync::Arc;

#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    ApiPost {
        client: String,
        uri: String,
        app: Arc<RunSpec>,
    },
    PodCreated {
        client: String,
        uri: String,
    },
    PodUpdated {
        client: String,
        uri: String,
    },
    PodDeleted {
        client: String,
        uri: String,
    },
    StreamAttached {
        remote: String,
    },
    StreamDetached {
        remote: String,
    },
    /// Of call-back subscriptions, which 1.11 no longer has.
    Subscribed {
        client: String,
        url: String,
    },
    Unsubscribed {
        client: String,
        url: String,
    },
    SchedulerRegistered {
        framework: String,
        master: String,
    },
    SchedulerReregistered {
        master: String,
    },
    SchedulerDisconnected,
    FrameworkMessage {
        executor: String,
        agent: String,
        message: Vec<u8>,
    },
    HealthCheckAdded {
        app: PathId,
        version: Version,
        check: HealthCheck,
    },
    HealthChecksRemoved {
        app: PathId,
    },
    HealthCheckFailed {
        app: PathId,
        instance: String,
        check: HealthCheck,
    },
    HealthStatusChanged {
        app: PathId,
        instance: String,
        version: Version,
        alive: bool,
    },
    UnhealthyKilled {
        app: PathId,
        task: String,
        instance: String,
        version: Version,
        reason: String,
        host: String,
        agent: Option<String>,
    },
    InstanceHealthChanged {
        instance: String,
        spec: PathId,
        version: Version,
        healthy: Option<bool>,
    },
    InstanceChanged {
        instance: String,
        spec: PathId,
        version: Version,
        condition: Condition,
        agent: Option<String>,
        host: Option<String>,
    },
    UnknownInstanceTerminated {
        instance: String,
        spec: PathId,
        condition: Condition,
    },
    StatusUpdate {
        agent: String,
        task: String,
        state: TaskState,
        message: String,
        app: PathId,
        host: String,
        /// The host's slot in the world.
        address: u32,
        ports: Vec<u16>,
        version: Version,
    },
    GroupChanged {
        group: PathId,
        version: Version,
    },
    GroupChangeFailed {
        group: PathId,
        version: Version,
        reason: String,
    },
    /// A step (from 0) of the plan begins.
    DeploymentInfo {
        plan: Arc<Plan>,
        step: usize,
    },
    StepSucceeded {
        plan: Arc<Plan>,
        step: usize,
    },
    StepFailed {
        plan: Arc<Plan>,
        step: usize,
    },
    DeploymentSucceeded {
        plan: Arc<Plan>,
    },
    DeploymentFailed {
        plan: Arc<Plan>,
        reason: String,
    },
    AppTerminated {
        app: PathId,
    },
}

impl Event {
    /// `eventType`.
    #[must_use]
    #[rustfmt::skip] // one line an event: a flat table
    pub fn name(&self) -> &'static str {
        match self {
            Self::ApiPost { .. } => "api_post_event",
            Self::PodCreated { .. } => "pod_created_event",
            Self::PodUpdated { .. } => "pod_updated_event",
            Self::PodDeleted { .. } => "pod_deleted_event",
            Self::StreamAttached { .. } => "event_stream_attached",
            Self::StreamDetached { .. } => "event_stream_detached",
            Self::Subscribed { .. } => "subscribe_event",
            Self::Unsubscribed { .. } => "unsubscribe_event",
            Self::SchedulerRegistered { .. } => "scheduler_registered_event",
            Self::SchedulerReregistered { .. } => "scheduler_reregistered_event",
            Self::SchedulerDisconnected => "scheduler_disconnected_event",
            Self::FrameworkMessage { .. } => "framework_message_event",
            Self::HealthCheckAdded { .. } => "add_health_check_event",
            Self::HealthChecksRemoved { .. } => "remove_health_check_event",
            Self::HealthCheckFailed { .. } => "failed_health_check_event",
            Self::HealthStatusChanged { .. } => "health_status_changed_event",
            Self::UnhealthyKilled { .. } => "unhealthy_instance_kill_event",
            Self::InstanceHealthChanged { .. } => "instance_health_changed_event",
            Self::InstanceChanged { .. } => "instance_changed_event",
            Self::UnknownInstanceTerminated { .. } => "unknown_instance_terminated_event",
            Self::StatusUpdate { .. } => "status_update_event",
            Self::GroupChanged { .. } => "group_change_success",
            Self::GroupChangeFailed { .. } => "group_change_failed",
            Self::DeploymentInfo { .. } => "deployment_info",
            Self::StepSucceeded { .. } => "deployment_step_success",
            Self::StepFailed { .. } => "deployment_step_failure",
            Self::DeploymentSucceeded { .. } => "deployment_success",
            Self::DeploymentFailed { .. } => "deployment_failed",
            Self::AppTerminated { .. } => "app_terminated_event",
        }
    }

    /// The event as it goes out.
    #[must_use]
    pub fn json(&self, at: Time, names: &Names) -> Value {
        let mut shown = self.fields(names);
        shown.insert("eventType".to_owned(), self.name().into());
        shown.insert("timestamp".to_owned(), show::instant(at));
        Value::Object(shown)
    }

    /// The lines of one event of a stream.
    #[must_use]
    pub fn lines(&self, at: Time, names: &Names) -> String {
        format!("event: {}\r\ndata: {}\r\n\r\n", self.name(), self.json(at, names))
    }

    fn fields(&self, names: &Names) -> Map<String, Value> {
        let of_step = |plan: &Plan, step: usize| {
            let current = plan.steps.get(step).map_or(&[][..], Vec::as_slice);
            json!({ "plan": show::plan(plan, names), "currentStep": show::step(current) })
        };
        let of_plan = |plan: &Plan| json!({ "id": names.text(plan.id), "plan": show::plan(plan, names) });
        let value = match self {
            Self::ApiPost { client, uri, app } => {
                json!({ "clientIp": client, "uri": uri, "appDefinition": write::run_spec(app) })
            }
            Self::PodCreated { client, uri } | Self::PodUpdated { client, uri } | Self::PodDeleted { client, uri } => {
                json!({ "clientIp": client, "uri": uri })
            }
            Self::StreamAttached { remote } | Self::StreamDetached { remote } => json!({ "remoteAddress": remote }),
            Self::Subscribed { client, url } | Self::Unsubscribed { client, url } => {
                json!({ "clientIp": client, "callbackUrl": url })
            }
            Self::SchedulerRegistered { framework, master } => json!({ "frameworkId": framework, "master": master }),
            Self::SchedulerReregistered { master } => json!({ "master": master }),
            Self::SchedulerDisconnected => json!({}),
            Self::FrameworkMessage { executor, agent, message } => {
                json!({ "executorId": executor, "slaveId": agent, "message": message })
            }
            Self::HealthCheckAdded { app, version, check } => json!({
                "appId": app.as_str(), "version": version.to_string(), "healthCheck": write::health_check(check),
            }),
            Self::HealthChecksRemoved { app } | Self::AppTerminated { app } => json!({ "appId": app.as_str() }),
            // Quirk: `taskId` holds the id of the instance.
            Self::HealthCheckFailed { app, instance, check } => json!({
                "appId": app.as_str(), "taskId": instance, "healthCheck": write::health_check(check),
            }),
            Self::HealthStatusChanged { app, instance, version, alive } => json!({
                "appId": app.as_str(), "instanceId": instance, "version": version.to_string(), "alive": alive,
            }),
            Self::UnhealthyKilled { app, task, instance, version, reason, host, agent } => json!({
                "appId": app.as_str(), "taskId": task, "instanceId": instance, "version": version.to_string(),
                "reason": reason, "host": host, "slaveId": agent,
            }),
            Self::InstanceHealthChanged { instance, spec, version, healthy } => json!({
                "instanceId": instance, "runSpecId": spec.as_str(), "runSpecVersion": version.to_string(),
                "healthy": healthy,
            }),
            Self::InstanceChanged { instance, spec, version, condition, agent, host } => json!({
                "instanceId": instance, "condition": format!("{condition:?}"), "runSpecId": spec.as_str(),
                "agentId": agent, "host": host, "runSpecVersion": version.to_string(),
            }),
            Self::UnknownInstanceTerminated { instance, spec, condition } => json!({
                "instanceId": instance, "runSpecId": spec.as_str(), "condition": format!("{condition:?}"),
            }),
            Self::StatusUpdate { agent, task, state, message, app, host, address, ports, version } => json!({
                "slaveId": agent, "taskId": task, "taskStatus": state.name(), "message": message,
                "appId": app.as_str(), "host": host,
                "ipAddresses": [{ "ipAddress": show::address(*address), "protocol": "IPv4" }],
                "ports": ports, "version": version.to_string(),
            }),
            Self::GroupChanged { group, version } => {
                json!({ "groupId": group.as_str(), "version": version.to_string() })
            }
            Self::GroupChangeFailed { group, version, reason } => {
                json!({ "groupId": group.as_str(), "version": version.to_string(), "reason": reason })
            }
            Self::DeploymentInfo { plan, step }
            | Self::StepSucceeded { plan, step }
            | Self::StepFailed { plan, step } => of_step(plan, *step),
            Self::DeploymentSucceeded { plan } => of_plan(plan),
            Self::DeploymentFailed { plan, reason } => {
                let mut shown = of_plan(plan);
                shown["reason"] = json!(reason);
                shown
            }
        };
        match value {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// What is told when an instance's record changed.
    #[must_use]
    pub fn instance_changed(
        instance: &crate::marathon::model::instance::Instance,
        condition: Condition,
        view: &dyn View,
    ) -> Self {
        let names = view.names();
        let text = |symbol: Symbol| names.text(symbol).to_owned();
        Self::InstanceChanged {
            instance: text(instance.id.0),
            spec: instance.spec.id.clone(),
            version: instance.spec.versions.version,
            condition,
            agent: instance.place.as_ref().map(|place| names.agent(place.agent)),
            host: instance.place.as_ref().map(|place| text(place.info.hostname)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, app, spec};
    use super::*;
    use expect_test::expect;

    #[test]
    fn every_event_has_its_fields() {
        let mut fixture = Fixture::new();
        let plan = fixture.deploy(app("/a"));
        fixture.run("/a", 1);
        let (id, version) = (PathId::absolute("/a"), Version::at(Time::ZERO));
        let check = spec(app("/a")).health_checks[0].clone();
        let s = str::to_owned;
        let events = [
            Event::PodDeleted { client: s("c"), uri: s("/v2/pods/p") },
            Event::StreamAttached { remote: s("r") },
            Event::Subscribed { client: s("c"), url: s("http://x") },
            Event::SchedulerRegistered { framework: s("f"), master: s("m") },
            Event::SchedulerReregistered { master: s("m") },
            Event::SchedulerDisconnected,
            Event::FrameworkMessage { executor: s("e"), agent: s("a"), message: vec![1, 2] },
            Event::HealthCheckAdded { app: id.clone(), version, check: check.clone() },
            Event::HealthChecksRemoved { app: id.clone() },
            Event::HealthCheckFailed { app: id.clone(), instance: s("i"), check },
            Event::HealthStatusChanged { app: id.clone(), instance: s("i"), version, alive: true },
            Event::UnhealthyKilled {
                app: id.clone(),
                task: s("t"),
                instance: s("i"),
                version,
                reason: s("why"),
                host: s("h"),
                agent: None,
            },
            Event::InstanceHealthChanged { instance: s("i"), spec: id.clone(), version, healthy: None },
            Event::instance_changed(&fixture.instances[0], Condition::Running, &fixture),
            Event::UnknownInstanceTerminated { instance: s("i"), spec: id.clone(), condition: Condition::Gone },
            Event::StatusUpdate {
                agent: s("a"),
                task: s("t"),
                state: TaskState::Running,
                message: s(""),
                app: id.clone(),
                host: s("h"),
                address: 258,
                ports: vec![31_000],
                version,
            },
            Event::GroupChanged { group: id.clone(), version },
            Event::GroupChangeFailed { group: id.clone(), version, reason: s("why") },
            Event::DeploymentInfo { plan: Arc::clone(&plan), step: 0 },
            Event::StepFailed { plan: Arc::clone(&plan), step: 1 },
            Event::DeploymentSucceeded { plan: Arc::clone(&plan) },
            Event::DeploymentFailed { plan, reason: s("why") },
            Event::AppTerminated { app: id },
        ];
        let line = |event: &Event| {
            let mut shown = event.json(Time::ZERO, fixture.names());
            let (kind, at) = (shown["eventType"].take(), shown["timestamp"].take());
            assert_eq!((kind, at), (event.name().into(), "2026-01-01T00:00:00.000Z".into()));
            let Value::Object(mut fields) = shown else { panic!("an object") };
            fields.retain(|name, _| name != "eventType" && name != "timestamp");
            format!("{} {}\n", event.name(), Value::Object(fields))
        };
        expect![[r#"
            pod_deleted_event {"clientIp":"c","uri":"/v2/pods/p"}
            event_stream_attached {"remoteAddress":"r"}
            subscribe_event {"clientIp":"c","callbackUrl":"http://x"}
            scheduler_registered_event {"frameworkId":"f","master":"m"}
            scheduler_reregistered_event {"master":"m"}
            scheduler_disconnected_event {}
            framework_message_event {"executorId":"e","slaveId":"a","message":[1,2]}
            add_health_check_event {"appId":"/a","version":"2026-01-01T00:00:00.000Z","healthCheck":{"gracePeriodSeconds":300,"intervalSeconds":60,"maxConsecutiveFailures":3,"protocol":"HTTP","ipProtocol":"IPv4","timeoutSeconds":20,"delaySeconds":15}}
            remove_health_check_event {"appId":"/a"}
            failed_health_check_event {"appId":"/a","taskId":"i","healthCheck":{"gracePeriodSeconds":300,"intervalSeconds":60,"maxConsecutiveFailures":3,"protocol":"HTTP","ipProtocol":"IPv4","timeoutSeconds":20,"delaySeconds":15}}
            health_status_changed_event {"appId":"/a","instanceId":"i","version":"2026-01-01T00:00:00.000Z","alive":true}
            unhealthy_instance_kill_event {"appId":"/a","taskId":"t","instanceId":"i","version":"2026-01-01T00:00:00.000Z","reason":"why","host":"h","slaveId":null}
            instance_health_changed_event {"instanceId":"i","runSpecId":"/a","runSpecVersion":"2026-01-01T00:00:00.000Z","healthy":null}
            instance_changed_event {"instanceId":"a.instance-0","condition":"Running","runSpecId":"/a","agentId":"M0-S0","host":"host-0","runSpecVersion":"2026-01-01T00:00:01.000Z"}
            unknown_instance_terminated_event {"instanceId":"i","runSpecId":"/a","condition":"Gone"}
            status_update_event {"slaveId":"a","taskId":"t","taskStatus":"TASK_RUNNING","message":"","appId":"/a","host":"h","ipAddresses":[{"ipAddress":"10.0.1.2","protocol":"IPv4"}],"ports":[31000],"version":"2026-01-01T00:00:00.000Z"}
            group_change_success {"groupId":"/a","version":"2026-01-01T00:00:00.000Z"}
            group_change_failed {"groupId":"/a","version":"2026-01-01T00:00:00.000Z","reason":"why"}
            deployment_info {"plan":{"id":"deployment-1","version":"2026-01-01T00:00:01.000Z","steps":[{"actions":[{"action":"StartApplication","app":"/a"}]},{"actions":[{"action":"ScaleApplication","app":"/a"}]}]},"currentStep":{"actions":[{"action":"StartApplication","app":"/a"}]}}
            deployment_step_failure {"plan":{"id":"deployment-1","version":"2026-01-01T00:00:01.000Z","steps":[{"actions":[{"action":"StartApplication","app":"/a"}]},{"actions":[{"action":"ScaleApplication","app":"/a"}]}]},"currentStep":{"actions":[{"action":"ScaleApplication","app":"/a"}]}}
            deployment_success {"id":"deployment-1","plan":{"id":"deployment-1","version":"2026-01-01T00:00:01.000Z","steps":[{"actions":[{"action":"StartApplication","app":"/a"}]},{"actions":[{"action":"ScaleApplication","app":"/a"}]}]}}
            deployment_failed {"id":"deployment-1","plan":{"id":"deployment-1","version":"2026-01-01T00:00:01.000Z","steps":[{"actions":[{"action":"StartApplication","app":"/a"}]},{"actions":[{"action":"ScaleApplication","app":"/a"}]}]},"reason":"why"}
            app_terminated_event {"appId":"/a"}
        "#]].assert_eq(&events.iter().map(line).collect::<String>());
    }

    #[test]
    fn a_stream_has_lines() {
        let lines = Event::SchedulerDisconnected.lines(Time::ZERO, &Names::default());
        let data = r#"{"eventType":"scheduler_disconnected_event","timestamp":"2026-01-01T00:00:00.000Z"}"#;
        assert_eq!(lines, format!("event: scheduler_disconnected_event\r\ndata: {data}\r\n\r\n"));
    }

    #[test]
    fn a_posted_app_is_in_its_event() {
        let event = Event::ApiPost { client: "c".into(), uri: "/v2/apps".into(), app: Arc::new(spec(app("/a"))) };
        assert_eq!(event.json(Time::ZERO, &Names::default())["appDefinition"]["id"], "/a");
    }
}
