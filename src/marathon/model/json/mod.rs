//! Definitions in JSON: what clients send (`shape`, `tables`), old forms and defaults (`antique`,
//! `normal`), from there to values (`read`) and back as Marathon prints them (`write`).

pub mod antique;
pub mod normal;
pub mod read;
pub mod shape;
pub mod tables;
pub mod write;

use super::rejection::Rejection;
use crate::http::Body;
use serde_json::{Map, Value};
use shape::{Problems, Type};

/// The JSON of a request's body.
pub fn parse(body: &Body) -> Result<Value, Rejection> {
    match body {
        Body::Json(value) => Ok(value.clone()),
        Body::Text(text) => serde_json::from_str(text).map_err(|e| Rejection::NotJson(e.to_string())),
        Body::Empty => Err(Rejection::NotJson("no content to read".to_owned())),
    }
}

/// Checks a value against a shape; `strict`: fields that Marathon would ignore are refused.
pub fn checked(value: &Value, of: &Type, strict: bool) -> Result<Value, Rejection> {
    let mut problems = Problems::default();
    let value = shape::check(value, of, "", &mut problems);
    problems.refuse(strict)?;
    Ok(value)
}

/// The same for a shape that is an object.
pub fn object(value: &Value, of: &Type, strict: bool) -> Result<Map<String, Value>, Rejection> {
    match checked(value, of, strict)? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_json_is_refused() {
        let refused = parse(&Body::Text("{\"id\":".to_owned())).unwrap_err().response();
        assert_eq!(refused.status, 400);
        assert!(matches!(refused.body, Body::Json(body) if body["message"] == "Invalid JSON"));
        assert_eq!(parse(&Body::Text("[1]".to_owned())), Ok(serde_json::json!([1])));
        assert!(parse(&Body::Empty).is_err());
    }
}
