//! Forms of the first Marathons (0.4 to 0.7), as slides and tutorials still show them: containers
//! as `{"image": "docker:///ubuntu", "options": [...]}`, health checks with `initialDelaySeconds`
//! and `acceptableResponses`, `taskRateLimit`. What has a modern form is rewritten into it; the rest
//! is refused with the modern form in the answer. The peer itself no longer knows these.

use crate::marathon::model::rejection::Rejection;
use serde_json::{Value, json};

/// Rewrites old forms in the JSON of an app, in place.
pub fn modernise(app: &mut Value) -> Result<(), Rejection> {
    let Some(fields) = app.as_object_mut() else { return Ok(()) };
    if let Some(container) = fields.get_mut("container") {
        image(container)?;
    }
    for check in fields.get_mut("healthChecks").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(check) = check.as_object_mut() else { continue };
        if let Some(delay) = check.remove("initialDelaySeconds") {
            check.entry("gracePeriodSeconds").or_insert(delay);
        }
        // Any status from 200 to 399 is good now; it cannot be chosen.
        check.remove("acceptableResponses");
    }
    // Launches are paced by `backoffSeconds` since 0.7.
    fields.remove("taskRateLimit");
    Ok(())
}

fn image(container: &mut Value) -> Result<(), Rejection> {
    let Some(fields) = container.as_object_mut() else { return Ok(()) };
    let Some(Value::String(url)) = fields.get("image") else { return Ok(()) };
    if fields.contains_key("docker") {
        let told = "an image belongs into `docker`; leave out `container.image`";
        return Err(Rejection::invalid("/container/image", told));
    }
    let name = url.strip_prefix("docker://").unwrap_or(url).trim_start_matches('/').to_owned();
    let modern = json!({ "type": "DOCKER", "docker": { "image": name } });
    if name.is_empty() || (url.contains("://") && !url.starts_with("docker://")) {
        let told = format!("`{url}` is no image of Docker; write \"container\": {modern}");
        return Err(Rejection::invalid("/container/image", told));
    }
    let options = fields.get("options").and_then(Value::as_array).is_some_and(|options| !options.is_empty());
    if options {
        let modern =
            json!({ "type": "DOCKER", "docker": { "image": name, "parameters": [{ "key": "...", "value": "..." }] } });
        let told = format!("`options` are gone; write \"container\": {modern}");
        return Err(Rejection::invalid("/container/options", told));
    }
    fields.remove("image");
    fields.remove("options");
    fields.entry("type").or_insert_with(|| Value::from("DOCKER"));
    fields.insert("docker".to_owned(), json!({ "image": name }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modern(mut app: Value) -> Result<Value, String> {
        modernise(&mut app).map(|()| app).map_err(|rejection| format!("{:?}", rejection.response().body))
    }

    #[test]
    fn slides_of_2014_are_understood() {
        let old = json!({
            "id": "web", "container": { "image": "docker:///libmesos/ubuntu:13.10", "options": [] },
            "healthChecks": [{ "protocol": "HTTP", "portIndex": 0, "path": "/", "acceptableResponses": [200],
                "initialDelaySeconds": 3 }],
            "taskRateLimit": 1.0,
        });
        let new = json!({
            "id": "web", "container": { "type": "DOCKER", "docker": { "image": "libmesos/ubuntu:13.10" } },
            "healthChecks": [{ "protocol": "HTTP", "portIndex": 0, "path": "/", "gracePeriodSeconds": 3 }],
        });
        assert_eq!(modern(old), Ok(new.clone()));
        assert_eq!(modern(new.clone()), Ok(new));
    }

    #[test]
    fn what_has_no_modern_form_is_refused_with_a_model() {
        let told = modern(json!({ "container": { "image": "docker://a", "options": ["-v"] } })).unwrap_err();
        assert!(told.contains("/container/options") && told.contains("parameters"), "{told}");
        let told = modern(json!({ "container": { "image": "ftp://a" } })).unwrap_err();
        assert!(told.contains("DOCKER"), "{told}");
        let both = json!({ "container": { "image": "docker://a", "docker": { "image": "b" } } });
        assert!(modern(both).is_err());
    }
}
