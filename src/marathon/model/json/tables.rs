//! The shapes of Marathon's API (`docs/rest-api/public/api/v2/types/*.raml`): names, types,
//! bounds. Defaults are filled in by `normal`. Fields of old versions stand here too, as far as
//! they are still understood.
// flat table

use super::shape::{Field, Form, Type, may, must};
use serde_json::Value;

const ALL: usize = usize::MAX;
const INT: i64 = i32::MAX as i64;

static TEXT: Type = Type::Text { least: 0, most: ALL, form: Form::Free };
static WORD: Type = Type::Text { least: 1, most: ALL, form: Form::Free };
static PLACE: Type = Type::Text { least: 1, most: 1024, form: Form::Free };
static NAME: Type = Type::Text { least: 1, most: 63, form: Form::Name };
static LONG_NAME: Type = Type::Text { least: 1, most: ALL, form: Form::Name };
static NETWORK_NAME: Type = Type::Text { least: 1, most: 63, form: Form::Network };
static PATH: Type = Type::Text { least: 1, most: ALL, form: Form::Path };
static FLAG: Type = Type::Flag;
static ANY: Type = Type::Any;
static COUNT: Type = Type::Whole { least: 0, most: INT };
static WHOLE: Type = Type::Whole { least: -INT, most: INT };
static LONG: Type = Type::Whole { least: 0, most: 1 << 53 };
static SECONDS_FROM_1: Type = Type::Whole { least: 1, most: INT };
static PORT: Type = Type::Whole { least: 0, most: 65_535 };
static REAL_PORT: Type = Type::Whole { least: 1, most: 65_535 };
static AMOUNT: Type = Type::Number { least: 0.0, most: f64::MAX };
static CPUS: Type = Type::Number { least: 0.001, most: f64::MAX };
static SHARE: Type = Type::Number { least: 0.0, most: 1.0 };
static FACTOR: Type = Type::Number { least: 1.0, most: f64::MAX };
static TEXTS: Type = Type::List { of: &TEXT, least: 0, most: ALL };
static NAMES: Type = Type::List { of: &NAME, least: 0, most: ALL };
static PATHS: Type = Type::List { of: &PATH, least: 0, most: ALL };
static LABELS: Type = Type::Table(&TEXT);
static PROTOCOL: Type = Type::OneOf(&["tcp", "udp", "udp,tcp"]);
static SCHEME: Type = Type::OneOf(&["HTTP", "HTTPS"]);
static IP: Type = Type::OneOf(&["IPv4", "IPv6"]);
static MODE: Type = Type::OneOf(&["RO", "RW"]);

static SECRET_REFERENCE: Type = Type::Object(&[must("secret", &TEXT)]);
static VARIABLE: Type = Type::Either(|value| if value.is_object() { &SECRET_REFERENCE } else { &TEXT });
pub static ENVIRONMENT: Type = Type::Table(&VARIABLE);
static SECRETS: Type = Type::Table(&Type::Object(&[must("source", &WORD)]));

static ARTIFACT: Type = Type::Object(&[
    must("uri", &PLACE),
    may("extract", &FLAG),
    may("executable", &FLAG),
    may("cache", &FLAG),
    may("destPath", &PLACE),
]);
static ARTIFACTS: Type = Type::List { of: &ARTIFACT, least: 0, most: ALL };

// ---- containers ----

static PORT_MAPPING: Type = Type::Object(&[
    may("containerPort", &PORT),
    may("hostPort", &PORT),
    may("labels", &LABELS),
    may("name", &LONG_NAME),
    may("protocol", &PROTOCOL),
    may("servicePort", &PORT),
    may("networkNames", &NAMES),
]);
static PORT_MAPPINGS: Type = Type::List { of: &PORT_MAPPING, least: 0, most: ALL };
static DOCKER: Type = Type::Object(&[
    may("credential", &Type::Object(&[must("principal", &TEXT), may("secret", &TEXT)])),
    may("pullConfig", &Type::Object(&[must("secret", &WORD)])),
    may("forcePullImage", &FLAG),
    must("image", &WORD),
    may("network", &Type::OneOf(&["BRIDGE", "HOST", "NONE", "USER"])),
    may("parameters", &Type::List { of: &PARAMETER, least: 0, most: ALL }),
    may("portMappings", &PORT_MAPPINGS),
    may("privileged", &FLAG),
]);
static PARAMETER: Type = Type::Object(&[must("key", &WORD), must("value", &TEXT)]);
static PLACED: Type = Type::List { of: &TEXT, least: 2, most: 3 };
static PERSISTENT: Type = Type::Object(&[
    may("type", &Type::OneOf(&["root", "path", "mount"])),
    must("size", &LONG),
    may("maxSize", &LONG),
    may("profileName", &TEXT),
    may("constraints", &Type::List { of: &PLACED, least: 0, most: ALL }),
]);
static EXTERNAL: Type = Type::Object(&[
    may("size", &LONG),
    may("name", &TEXT),
    may("provider", &TEXT),
    may("options", &Type::Table(&ANY)),
    may("shared", &FLAG),
]);
static PERSISTENT_VOLUME: Type =
    Type::Object(&[must("containerPath", &WORD), must("persistent", &PERSISTENT), must("mode", &MODE)]);
static EXTERNAL_VOLUME: Type =
    Type::Object(&[must("containerPath", &WORD), must("external", &EXTERNAL), must("mode", &MODE)]);
static SECRET_VOLUME: Type = Type::Object(&[must("containerPath", &WORD), must("secret", &WORD)]);
static HOST_VOLUME: Type = Type::Object(&[must("containerPath", &WORD), must("hostPath", &WORD), must("mode", &MODE)]);
static VOLUME: Type = Type::Either(|value| match value {
    _ if value.get("persistent").is_some() => &PERSISTENT_VOLUME,
    _ if value.get("external").is_some() => &EXTERNAL_VOLUME,
    _ if value.get("secret").is_some() => &SECRET_VOLUME,
    _ => &HOST_VOLUME,
});
static CONTAINER: Type = Type::Object(&[
    may("type", &Type::OneOf(&["MESOS", "DOCKER"])),
    may("docker", &DOCKER),
    may("linuxInfo", &ANY),
    may("volumes", &Type::List { of: &VOLUME, least: 0, most: ALL }),
    may("portMappings", &PORT_MAPPINGS),
]);

// ---- networks ----

static NETWORK: Type = Type::Object(&[
    may("name", &NETWORK_NAME),
    may("mode", &Type::OneOf(&["container", "container/bridge", "host"])),
    may("labels", &LABELS),
]);
static NETWORKS: Type = Type::List { of: &NETWORK, least: 0, most: ALL };
static PORT_DEFINITION: Type =
    Type::Object(&[may("port", &PORT), may("labels", &LABELS), may("name", &LONG_NAME), may("protocol", &PROTOCOL)]);
static DISCOVERY_PORT: Type =
    Type::Object(&[may("number", &PORT), must("name", &LONG_NAME), may("protocol", &PROTOCOL), may("labels", &LABELS)]);
static DISCOVERY: Type = Type::Object(&[may("ports", &Type::List { of: &DISCOVERY_PORT, least: 0, most: ALL })]);
static IP_ADDRESS: Type = Type::Object(&[
    may("discovery", &DISCOVERY),
    may("groups", &TEXTS),
    may("labels", &LABELS),
    may("networkName", &WORD),
]);

// ---- checks ----

static HEALTH_CHECK: Type = Type::Object(&[
    may("command", &Type::Object(&[must("value", &TEXT)])),
    may("gracePeriodSeconds", &COUNT),
    may("ignoreHttp1xx", &FLAG),
    may("intervalSeconds", &COUNT),
    may("maxConsecutiveFailures", &COUNT),
    may("path", &TEXT),
    may("port", &PORT),
    may("portIndex", &PORT),
    may("protocol", &Type::OneOf(&["HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_TCP", "MESOS_HTTP", "MESOS_HTTPS"])),
    may("ipProtocol", &IP),
    may("timeoutSeconds", &WHOLE),
    may("delaySeconds", &COUNT),
]);
static SHELL_OR_ARGV: Type = Type::Object(&[may("shell", &WORD), may("argv", &TEXTS)]);
static COMMAND_CHECK: Type = Type::Object(&[must("command", &SHELL_OR_ARGV)]);
static CHECK: Type = Type::Object(&[
    may(
        "http",
        &Type::Object(&[may("portIndex", &PORT), may("port", &PORT), may("path", &PLACE), may("scheme", &SCHEME)]),
    ),
    may("tcp", &Type::Object(&[may("portIndex", &PORT), may("port", &PORT)])),
    may("exec", &COMMAND_CHECK),
    may("intervalSeconds", &COUNT),
    may("timeoutSeconds", &COUNT),
    may("delaySeconds", &COUNT),
]);
static READINESS_CHECK: Type = Type::Object(&[
    may("name", &WORD),
    may("protocol", &SCHEME),
    may("path", &PLACE),
    may("portName", &LONG_NAME),
    may("intervalSeconds", &COUNT),
    may("timeoutSeconds", &SECONDS_FROM_1),
    may("httpStatusCodesForReady", &Type::List { of: &STATUS, least: 1, most: ALL }),
    may("preserveLastResponse", &FLAG),
]);
static STATUS: Type = Type::Whole { least: 100, most: 999 };

// ---- strategies and limits ----

static UPGRADE: Type = Type::Object(&[must("maximumOverCapacity", &SHARE), must("minimumHealthCapacity", &SHARE)]);
static UNREACHABLE_ENABLED: Type =
    Type::Object(&[may("inactiveAfterSeconds", &LONG), may("expungeAfterSeconds", &LONG)]);
static UNREACHABLE_DISABLED: Type = Type::OneOf(&["disabled"]);
static UNREACHABLE: Type =
    Type::Either(|value| if value.is_string() { &UNREACHABLE_DISABLED } else { &UNREACHABLE_ENABLED });
static KILL_SELECTION: Type = Type::OneOf(&["YOUNGEST_FIRST", "OLDEST_FIRST"]);
static RESIDENCY: Type = Type::Object(&[
    may("relaunchEscalationTimeoutSeconds", &LONG),
    may("taskLostBehavior", &Type::OneOf(&["WAIT_FOREVER", "RELAUNCH_AFTER_TIMEOUT"])),
]);
static UNLIMITED: Type = Type::OneOf(&["unlimited"]);
static ANY_NUMBER: Type = Type::Number { least: f64::MIN, most: f64::MAX };
static LIMIT: Type = Type::Either(|value: &Value| if value.is_string() { &UNLIMITED } else { &ANY_NUMBER });
static LIMITS: Type = Type::Object(&[may("cpus", &LIMIT), may("mem", &LIMIT)]);
static EXECUTOR_RESOURCES: Type = Type::Object(&[
    may("cpus", &Type::Number { least: 0.1, most: f64::MAX }),
    may("mem", &Type::Number { least: 32.0, most: f64::MAX }),
    may("disk", &Type::Number { least: 10.0, most: f64::MAX }),
]);
static CONSTRAINTS: Type = Type::List { of: &PLACED, least: 0, most: ALL };

// ---- apps ----

/// All fields of an app but its id, which only a whole app must have.
macro_rules! app_fields {
    ($id:expr) => {
        &[
            $id,
            may("acceptedResourceRoles", &TEXTS),
            may("args", &TEXTS),
            may("backoffFactor", &FACTOR),
            may("backoffSeconds", &COUNT),
            may("check", &CHECK),
            may("cmd", &WORD),
            may("constraints", &CONSTRAINTS),
            may("container", &CONTAINER),
            may("cpus", &CPUS),
            may("dependencies", &PATHS),
            may("disk", &AMOUNT),
            may("env", &ENVIRONMENT),
            may("executor", &TEXT),
            may("executorResources", &EXECUTOR_RESOURCES),
            may("fetch", &ARTIFACTS),
            may("gpus", &COUNT),
            may("healthChecks", &Type::List { of: &HEALTH_CHECK, least: 0, most: ALL }),
            may("instances", &COUNT),
            may("ipAddress", &IP_ADDRESS),
            may("killSelection", &KILL_SELECTION),
            may("labels", &LABELS),
            may("maxLaunchDelaySeconds", &COUNT),
            may("mem", &AMOUNT),
            may("networks", &NETWORKS),
            may("portDefinitions", &Type::List { of: &PORT_DEFINITION, least: 0, most: ALL }),
            may("ports", &Type::List { of: &PORT, least: 0, most: ALL }),
            may("readinessChecks", &Type::List { of: &READINESS_CHECK, least: 0, most: ALL }),
            may("requirePorts", &FLAG),
            may("residency", &RESIDENCY),
            may("resourceLimits", &LIMITS),
            may("role", &WORD),
            may("secrets", &SECRETS),
            may("taskKillGracePeriodSeconds", &COUNT),
            may("tty", &FLAG),
            may("unreachableStrategy", &UNREACHABLE),
            may("upgradeStrategy", &UPGRADE),
            may("uris", &TEXTS),
            may("user", &TEXT),
            may("version", &TEXT),
            may("versionInfo", &ANY),
            // What Marathon adds when it shows an app; clients send it back.
            may("tasksStaged", &ANY),
            may("tasksRunning", &ANY),
            may("tasksHealthy", &ANY),
            may("tasksUnhealthy", &ANY),
            may("deployments", &ANY),
            may("tasks", &ANY),
            may("lastTaskFailure", &ANY),
            may("readinessCheckResults", &ANY),
            may("taskStats", &ANY),
        ]
    };
}

static APP_FIELDS: &[Field] = app_fields!(must("id", &PATH));
static UPDATE_FIELDS: &[Field] = app_fields!(may("id", &PATH));

pub static APP: Type = Type::Object(APP_FIELDS);
pub static APP_UPDATE: Type = Type::Object(UPDATE_FIELDS);
pub static APPS: Type = Type::List { of: &APP, least: 0, most: ALL };
pub static APP_UPDATES: Type = Type::List { of: &APP_UPDATE, least: 0, most: ALL };

/// What Marathon adds when it shows an app, and nobody can set.
pub const SHOWN_ONLY: &[&str] = &[
    "tasksStaged",
    "tasksRunning",
    "tasksHealthy",
    "tasksUnhealthy",
    "deployments",
    "tasks",
    "lastTaskFailure",
    "readinessCheckResults",
    "taskStats",
];

// ---- groups ----

static GROUPS: Type = Type::List { of: &GROUP, least: 0, most: ALL };
pub static GROUP: Type = Type::Object(&[
    may("id", &PATH),
    may("apps", &APPS),
    may("pods", &PODS),
    may("groups", &GROUPS),
    may("dependencies", &PATHS),
    may("scaleBy", &Type::Number { least: 0.0, most: f64::MAX }),
    may("version", &TEXT),
    may("enforceRole", &FLAG),
]);
pub static GROUP_PATCH: Type = Type::Object(&[may("enforceRole", &FLAG)]);

// ---- pods ----

static POD_RESOURCES: Type = Type::Object(&[
    must("cpus", &CPUS),
    must("mem", &Type::Number { least: 0.001, most: f64::MAX }),
    may("disk", &AMOUNT),
    may("gpus", &COUNT),
]);
static ENDPOINT: Type = Type::Object(&[
    must("name", &NAME),
    may("containerPort", &REAL_PORT),
    may("hostPort", &PORT),
    may("protocol", &Type::List { of: &NAME, least: 1, most: ALL }),
    may("labels", &LABELS),
    may("networkNames", &NAMES),
]);
static HTTP_PROBE: Type = Type::Object(&[must("endpoint", &NAME), may("path", &PLACE), may("scheme", &SCHEME)]);
static TCP_PROBE: Type = Type::Object(&[must("endpoint", &NAME)]);
static POD_HEALTH: Type = Type::Object(&[
    may("http", &HTTP_PROBE),
    may("tcp", &TCP_PROBE),
    may("exec", &COMMAND_CHECK),
    may("gracePeriodSeconds", &COUNT),
    may("intervalSeconds", &COUNT),
    may("maxConsecutiveFailures", &COUNT),
    may("timeoutSeconds", &COUNT),
    may("delaySeconds", &COUNT),
]);
static POD_CHECK: Type = Type::Object(&[
    may("http", &HTTP_PROBE),
    may("tcp", &TCP_PROBE),
    may("exec", &COMMAND_CHECK),
    may("intervalSeconds", &COUNT),
    may("timeoutSeconds", &COUNT),
    may("delaySeconds", &COUNT),
]);
static IMAGE: Type = Type::Object(&[
    must("kind", &Type::OneOf(&["DOCKER", "APPC"])),
    must("id", &WORD),
    may("pullConfig", &ANY),
    may("forcePull", &FLAG),
    may("labels", &LABELS),
]);
static POD_CONTAINER: Type = Type::Object(&[
    must("name", &NAME),
    may("exec", &Type::Object(&[must("command", &SHELL_OR_ARGV), may("overrideEntrypoint", &FLAG)])),
    must("resources", &POD_RESOURCES),
    may("endpoints", &Type::List { of: &ENDPOINT, least: 0, most: ALL }),
    may("image", &IMAGE),
    may("environment", &ENVIRONMENT),
    may("user", &TEXT),
    may("healthCheck", &POD_HEALTH),
    may("check", &POD_CHECK),
    may(
        "volumeMounts",
        &Type::List {
            of: &Type::Object(&[must("name", &NAME), must("mountPath", &PLACE), may("readOnly", &FLAG)]),
            least: 0,
            most: ALL,
        },
    ),
    may("artifacts", &ARTIFACTS),
    may("labels", &LABELS),
    may("lifecycle", &Type::Object(&[may("killGracePeriodSeconds", &AMOUNT)])),
    may("tty", &FLAG),
    may("linuxInfo", &ANY),
    may("resourceLimits", &LIMITS),
]);
static POD_VOLUME: Type =
    Type::Object(&[must("name", &WORD), may("host", &TEXT), may("secret", &WORD), may("persistent", &PERSISTENT)]);
static POD_CONSTRAINT: Type = Type::Object(&[
    must("fieldName", &TEXT),
    must("operator", &Type::OneOf(&["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"])),
    may("value", &TEXT),
]);
static POD_SCHEDULING: Type = Type::Object(&[
    may(
        "backoff",
        &Type::Object(&[may("backoff", &AMOUNT), may("backoffFactor", &AMOUNT), may("maxLaunchDelay", &AMOUNT)]),
    ),
    may("upgrade", &Type::Object(&[may("minimumHealthCapacity", &SHARE), may("maximumOverCapacity", &SHARE)])),
    may(
        "placement",
        &Type::Object(&[
            may("constraints", &Type::List { of: &POD_CONSTRAINT, least: 0, most: ALL }),
            may("acceptedResourceRoles", &TEXTS),
        ]),
    ),
    may("killSelection", &KILL_SELECTION),
    may("unreachableStrategy", &UNREACHABLE),
]);
pub static POD: Type = Type::Object(&[
    must("id", &PATH),
    may("version", &TEXT),
    may("user", &TEXT),
    may("labels", &LABELS),
    may("environment", &ENVIRONMENT),
    must("containers", &Type::List { of: &POD_CONTAINER, least: 1, most: ALL }),
    may("networks", &NETWORKS),
    may("secrets", &SECRETS),
    may("volumes", &Type::List { of: &POD_VOLUME, least: 0, most: ALL }),
    may(
        "scaling",
        &Type::Object(&[must("kind", &Type::OneOf(&["fixed"])), may("instances", &COUNT), may("maxInstances", &COUNT)]),
    ),
    may("scheduling", &POD_SCHEDULING),
    may("executorResources", &EXECUTOR_RESOURCES),
    may("legacySharedCgroups", &FLAG),
    may("linuxInfo", &ANY),
    may("role", &WORD),
]);
static PODS: Type = Type::List { of: &POD, least: 0, most: ALL };

/// `POST /v2/tasks/delete`.
pub static TASK_IDS: Type = Type::Object(&[must("ids", &TEXTS)]);
/// `DELETE /v2/pods/x::instances`.
pub static INSTANCE_IDS: Type = Type::List { of: &TEXT, least: 0, most: ALL };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::json::shape::{Problems, check};
    use serde_json::json;

    #[test]
    fn an_app_with_everything_in_it_fits() {
        let app = json!({
            "id": "/shop/web", "cmd": "run", "instances": 3, "cpus": 0.5, "mem": 64, "disk": 1, "gpus": 0,
            "env": { "A": "b", "C": { "secret": "s" } }, "secrets": { "s": { "source": "x" } },
            "container": {
                "type": "DOCKER",
                "docker": { "image": "nginx", "parameters": [{ "key": "a", "value": "b" }] },
                "portMappings": [{ "containerPort": 80, "hostPort": 0, "name": "http" }],
                "volumes": [
                    { "containerPath": "data", "mode": "RW", "persistent": { "size": 10, "type": "mount" } },
                    { "containerPath": "/a", "hostPath": "/b", "mode": "RO" },
                ],
            },
            "networks": [{ "mode": "container/bridge" }], "constraints": [["hostname", "UNIQUE"]],
            "healthChecks": [{ "protocol": "HTTP", "portIndex": 0 }], "unreachableStrategy": "disabled",
            "upgradeStrategy": { "minimumHealthCapacity": 1, "maximumOverCapacity": 0.5 },
            "resourceLimits": { "cpus": "unlimited", "mem": 128 },
        });
        let mut problems = Problems::default();
        assert_eq!(check(&app, &APP, "", &mut problems).as_object().map(|o| o.len()), app.as_object().map(|o| o.len()));
        assert_eq!(problems, Problems::default());
    }

    #[test]
    fn a_group_nests_and_a_volume_is_what_it_has() {
        let group = json!({ "groups": [{ "id": "a", "groups": [{ "id": "b", "apps": [{ "id": "c", "container": {
            "volumes": [{ "containerPath": "x", "persistent": {}, "mode": "RW" }] } }] }] }] });
        let mut problems = Problems::default();
        check(&group, &GROUP, "", &mut problems);
        let told = format!("{problems:?}");
        assert!(
            told.contains("/groups(0)/groups(0)/apps(0)/container/volumes(0)/persistent/size")
                && told.contains("missing"),
            "{told}"
        );
    }
}
