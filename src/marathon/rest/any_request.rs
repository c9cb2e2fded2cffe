//! Whatever clients send: nothing panics, every answer has a status that Marathon gives, and the
//! tree stays valid and can be stored.

use super::testing::Fixture;
use crate::http::Method;
use crate::marathon::group::validate;
use crate::marathon::model::group::Group;
use crate::marathon::model::path::PathId;
use crate::marathon::model::store;
use crate::marathon::model::version::Version;
use crate::marathon::rest::view::View;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// Good bodies, into which strange values are put.
fn bodies() -> Vec<Value> {
    vec![
        Value::Null,
        json!({ "id": "/a", "cmd": "run", "instances": 2, "constraints": [["rack", "GROUP_BY", "2"]],
            "healthChecks": [{ "protocol": "HTTP", "portIndex": 0 }], "ports": [0, 0],
            "upgradeStrategy": { "minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.5 } }),
        json!({ "id": "/s/b", "cmd": "run", "container": { "type": "MESOS", "volumes": [
            { "containerPath": "d", "mode": "RW", "persistent": { "size": 5 } }] }, "role": "s" }),
        json!({ "id": "/s/c", "args": ["x"], "networks": [{ "mode": "container/bridge" }], "dependencies": ["/a"],
            "container": { "docker": { "image": "i" }, "portMappings": [{ "containerPort": 80, "name": "w" }] } }),
        json!({ "id": "s", "apps": [{ "id": "b", "cmd": "run" }], "groups": [{ "id": "t", "apps": [
            { "id": "u", "cmd": "run", "dependencies": ["../../a"] }], "dependencies": ["/a"] }] }),
        json!({ "id": "/p", "containers": [{ "name": "x", "resources": { "cpus": 1, "mem": 32 } }] }),
        json!({ "scaleBy": 1.5 }),
        json!({ "version": "2026-01-01T00:00:01.000Z" }),
        json!({ "ids": ["a.instance-0._app.1"] }),
        json!([{ "id": "/a", "cpus": 2 }, { "id": "/d", "cmd": "run" }]),
        json!({ "enforceRole": true }),
        json!({ "cmd": "other", "env": { "A": "1" }, "labels": { "x": "y" } }),
    ]
}

const STRANGE: &[&str] = &[
    "null",
    "true",
    "-1",
    "0",
    "1.5",
    "1e300",
    "70000",
    "\"\"",
    "\"/\"",
    "\"..\"",
    "\"A b\"",
    "\"é\"",
    "[]",
    "[[]]",
    "{}",
    "[null]",
    "\"disabled\"",
    "[\"x\"]",
    "{\"mode\":\"host\"}",
];

const URLS: &[&str] = &[
    "/v2/apps",
    "/v2/apps/a",
    "/v2/apps/s/b",
    "/v2/apps/*",
    "/v2/apps/s/*",
    "/v2/apps/a/tasks",
    "/v2/apps//a/versions",
    "/v2/apps/a/restart",
    "/v2/apps/a/tasks/a.instance-0._app.1",
    "/v2/apps/a/tasks?scale=true",
    "/v2/groups",
    "/v2/groups/s",
    "/v2/groups/s/t",
    "/v2/groups?dryRun=true",
    "/v2/groups/s/versions",
    "/v2/groups/s/apps",
    "/v2/pods",
    "/v2/pods/p",
    "/v2/pods/p::status",
    "/v2/pods/::status",
    "/v2/pods/p::instances",
    "/v2/tasks",
    "/v2/tasks/delete",
    "/v2/tasks/delete?wipe=true",
    "/v2/queue",
    "/v2/queue/a/delay",
    "/v2/deployments",
    "/v2/deployments/x",
    "/v2/info",
    "/v2/leader",
    "/v2/apps?label=a in (",
    "/ping",
    "/",
    "/x",
    "/v2/apps/é",
    "/v2/apps?embed=apps.tasks&embed=apps.taskStats",
    "/v2/apps/a?partialUpdate=false",
    "/v2/events",
];

/// Replaces the `at`-th value of a body, counting all of them, by a strange one.
fn disturb(value: &mut Value, at: &mut usize, by: &Value) {
    if *at == 0 {
        *value = by.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| disturb(item, at, by)),
        Value::Object(fields) => fields.values_mut().for_each(|item| disturb(item, at, by)),
        _ => {}
    }
}

fn a_request() -> impl Strategy<Value = (Method, &'static str, Value)> {
    let method = prop::sample::select(Method::ALL).prop_map(|(_, method)| method);
    let strange = prop::sample::select(STRANGE).prop_map(|text| serde_json::from_str(text).expect("JSON"));
    let body =
        (prop::sample::select(bodies()), 0..40_usize, strange).prop_map(|(mut body, mut at, by): (_, _, Value)| {
            disturb(&mut body, &mut at, &by);
            body
        });
    // Most bodies as they are, so that something gets deployed.
    let body = prop_oneof![2 => prop::sample::select(bodies()), 1 => body];
    (method, prop::sample::select(URLS), body)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_request_is_answered_and_leaves_a_valid_tree(requests in prop::collection::vec(a_request(), 1..40)) {
        const KNOWN: [u16; 12] = [200, 201, 202, 204, 302, 400, 404, 405, 406, 409, 422, 500];
        let mut fixture = Fixture::new();
        fixture.deploy(json!({ "id": "/a", "cmd": "run", "instances": 2 }));
        fixture.run("/a", 2);
        for (method, url, body) in requests {
            let response = fixture.send(method, url, body.clone());
            prop_assert!(KNOWN.contains(&response.status), "{method:?} {url} {body}: {response:?}");
        }
        let empty = Group::empty(PathId::root(), Version(0));
        prop_assert_eq!(validate::root(fixture.root(), &empty, &fixture.flags), vec![]);
        let root = fixture.root();
        let find = |id: &PathId, version: Version| {
            let spec = root.spec(id).filter(|spec| spec.versions.version == version)?;
            store::read_spec(&store::spec(spec)).ok().map(Arc::new)
        };
        prop_assert_eq!(&store::read_root(&store::root(root), &find).expect("stored"), root.as_ref());
    }
}
