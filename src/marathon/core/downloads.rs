//! What agents fetch for the tasks of an app: artifacts and images, by the sizes that the scenario
//! gives. What has no size takes no time and is left out.
//!
//! Docker's containerizer fetches artifacts, then pulls the image; Mesos' own provisions the image
//! first. The containers of a pod fetch beside each other, each its own in order.

use super::Marathon;
use crate::actor::Cx;
use crate::base::id::image_name;
use crate::job::{Download, Keep};
use crate::marathon::model::app::{AppOnly, PodOnly, RunSpec};
use serde_json::Value;
use std::sync::Arc;

/// Something to fetch, by name.
type Need = (String, Keep);

impl Marathon {
    pub(super) fn downloads(&self, cx: &mut Cx, spec: &RunSpec) -> Option<Arc<[Download]>> {
        if self.flags.download_bits.is_empty() {
            return None;
        }
        self.sized(cx, spec.app().map(needs).unwrap_or_default())
    }

    /// The same of one container of a pod.
    pub(super) fn container_downloads(&self, cx: &mut Cx, pod: &PodOnly, at: usize) -> Option<Arc<[Download]>> {
        if self.flags.download_bits.is_empty() {
            return None;
        }
        self.sized(cx, container_needs(&pod.definition["containers"][at]))
    }

    fn sized(&self, cx: &mut Cx, needs: Vec<Need>) -> Option<Arc<[Download]>> {
        let sizes = &self.flags.download_bits;
        let known = needs.into_iter().filter_map(|(name, keep)| {
            let bits = *sizes.get(&name).filter(|bits| **bits > 0)?;
            Some(Download { name: cx.names.intern(&name), bits, keep })
        });
        let all: Vec<Download> = known.collect();
        (!all.is_empty()).then(|| all.into())
    }
}

/// Everything that one instance of an app needs, in order.
fn needs(app: &AppOnly) -> Vec<Need> {
    let container = app.container.as_ref();
    let docker = container.and_then(|container| container.get("docker"));
    let image = docker.and_then(|docker| image(docker, "image", "forcePullImage"));
    let artifacts = app.fetch.iter().filter_map(artifact);
    if container.is_some_and(|container| container["type"] == "MESOS") {
        image.into_iter().chain(artifacts).collect()
    } else {
        artifacts.chain(image).collect()
    }
}

/// Images and artifacts that a body of the API names: of an app, a pod, a group, or a list of them, in
/// modern and old forms.
#[must_use]
pub fn named_in(body: &Value) -> Vec<String> {
    let mut all = Vec::new();
    match body {
        Value::Array(list) => list.iter().for_each(|one| all.extend(named_in(one))),
        Value::Object(fields) => {
            for inner in ["apps", "pods", "groups", "containers"] {
                fields.get(inner).into_iter().for_each(|list| all.extend(named_in(list)));
            }
            let docker = fields.get("container").and_then(|container| container.get("docker"));
            let of_pod = fields.get("image").filter(|image| image["kind"] == "DOCKER");
            all.extend(docker.and_then(|docker| image(docker, "image", "")).map(|need| need.0));
            all.extend(of_pod.and_then(|docker| image(docker, "id", "")).map(|need| need.0));
            let lists = ["fetch", "artifacts", "uris"].iter().filter_map(|list| fields.get(*list)?.as_array());
            let uri = |one: &Value| one.as_str().or_else(|| one.get("uri")?.as_str()).map(str::to_owned);
            all.extend(lists.flatten().filter_map(uri));
        }
        _ => {}
    }
    all
}

/// Everything that a container of a pod needs, in order.
fn container_needs(container: &Value) -> Vec<Need> {
    let docker = container.get("image").filter(|image| image["kind"] == "DOCKER");
    let image = docker.and_then(|docker| image(docker, "id", "forcePull"));
    let artifacts = container["artifacts"].as_array().into_iter().flatten().filter_map(artifact);
    image.into_iter().chain(artifacts).collect()
}

fn image(of: &Value, name: &str, force: &str) -> Option<Need> {
    let force = of.get(force).and_then(Value::as_bool).unwrap_or(false);
    Some((image_name(of.get(name)?.as_str()?), Keep::Image { force }))
}

fn artifact(of: &Value) -> Option<Need> {
    let cache = of.get("cache").and_then(Value::as_bool).unwrap_or(false);
    Some((of.get("uri")?.as_str()?.to_owned(), if cache { Keep::Cache } else { Keep::Sandbox }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marathon::model::json::read::testing;
    use serde_json::json;

    #[test]
    fn bodies_of_all_forms_are_searched() {
        let body = json!({ "id": "/g", "apps": [
            { "id": "a", "uris": ["http://a/1"], "container": { "type": "DOCKER", "docker": { "image": "nginx" } } },
            { "id": "b", "fetch": [{ "uri": "http://a/2" }], "container": { "docker": { "image": "web:2" } } },
        ], "groups": [{ "id": "h", "pods": [{ "id": "p", "containers": [
            { "name": "x", "image": { "kind": "DOCKER", "id": "redis" }, "artifacts": [{ "uri": "http://a/3" }] },
            { "name": "y", "image": { "kind": "APPC", "id": "other" } },
        ] }] }] });
        let expected = ["nginx:latest", "http://a/1", "web:2", "http://a/2", "redis:latest", "http://a/3"];
        assert_eq!(named_in(&body), expected);
        assert_eq!(named_in(&json!([{ "id": "/a", "cmd": "x" }, 7])), [""; 0]);
    }

    #[test]
    fn the_order_is_that_of_the_containerizer() {
        let fetch = json!([{ "uri": "http://a/1", "cache": true }, { "uri": "http://a/2" }]);
        let docker = json!({ "image": "nginx", "forcePullImage": true });
        let of = |kind: &str| {
            let app = json!({ "id": "/a", "fetch": fetch, "container": { "type": kind, "docker": docker } });
            needs(testing::app(app).app().expect("an app"))
        };
        let image = ("nginx:latest".to_owned(), Keep::Image { force: true });
        let artifacts = [("http://a/1".to_owned(), Keep::Cache), ("http://a/2".to_owned(), Keep::Sandbox)];
        assert_eq!(of("DOCKER"), [&artifacts[..], std::slice::from_ref(&image)].concat());
        assert_eq!(of("MESOS"), [std::slice::from_ref(&image), &artifacts[..]].concat());
    }

    #[test]
    fn each_container_of_a_pod_needs_its_own() {
        let container = json!({ "image": { "kind": "DOCKER", "id": "redis:7", "forcePull": true },
            "artifacts": [{ "uri": "http://a/1", "cache": true }] });
        let image = ("redis:7".to_owned(), Keep::Image { force: true });
        assert_eq!(container_needs(&container), [image, ("http://a/1".to_owned(), Keep::Cache)]);
        assert!(container_needs(&json!({ "image": { "kind": "APPC", "id": "x" } })).is_empty());
    }
}
