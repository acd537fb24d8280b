//! The part of JSON Schema that manifests use for parameters, so that most mistakes are found before anything is sent.
//!
//! A full validator would bring a regular-expression engine and a resolver of references; what is beyond these keywords
//! the service checks itself.

use mdd_driver_api::text::printable;
use serde_json::Value;

/// Checks a value. Unknown keywords are ignored.
///
/// # Errors
/// The first mistake, with its place: `payload.messages[0]: "role" is missing`; and what is wanted, if the schema says so.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    at("payload", schema, value).map_err(|mistake| match schema.get("description").and_then(Value::as_str) {
        Some(wanted) => format!("{mistake}. What is wanted: {}", first_sentence(wanted)),
        None => mistake,
    })
}

/// The rest is for those who read the manifest.
fn first_sentence(text: &str) -> String {
    let first = text.split_once(". ").map_or(text, |(first, _)| first);
    printable(first.trim_end_matches('.'), 120)
}

pub(crate) fn at(place: &str, schema: &Value, value: &Value) -> Result<(), String> {
    let mistake = |text: String| Err(format!("{place}: {text}"));
    if let Some(types) = schema.get("type")
        && !types_of(types).any(|name| has_type(value, name))
    {
        let wanted: Vec<&str> = types_of(types).collect();
        return mistake(format!("{} is wanted, not {}", wanted.join(" or "), name_of(value)));
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        return mistake(format!("it is none of {}", printable(&allowed.join(", "), 200)));
    }
    if let Some(text) = beyond(schema, value) {
        return mistake(text);
    }
    match value {
        Value::Object(fields) => {
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                if let Some(name) = name.as_str().filter(|name| !fields.contains_key(*name)) {
                    return mistake(format!("{name:?} is missing"));
                }
            }
            for (name, field) in fields {
                let place = format!("{place}.{}", printable(name, 60));
                match schema.get("properties").and_then(|properties| properties.get(name)) {
                    Some(schema) => at(&place, schema, field)?,
                    None => match schema.get("additionalProperties") {
                        Some(Value::Bool(false)) => return Err(format!("{place}: it is not known")),
                        Some(schema) => at(&place, schema, field)?,
                        None => {}
                    },
                }
            }
            Ok(())
        }
        Value::Array(items) => match schema.get("items") {
            Some(schema) => {
                items.iter().enumerate().try_for_each(|(i, item)| at(&format!("{place}[{i}]"), schema, item))
            }
            None => Ok(()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// The first limit that the value breaks.
fn beyond(schema: &Value, value: &Value) -> Option<String> {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let (least, most, size) = match value {
        Value::Number(number) => ("minimum", "maximum", number.as_f64()?),
        Value::String(text) => ("minLength", "maxLength", text.chars().count() as f64),
        Value::Array(items) => ("minItems", "maxItems", items.len() as f64),
        Value::Object(fields) => ("minProperties", "maxProperties", fields.len() as f64),
        Value::Null | Value::Bool(_) => return None,
    };
    let too_small = limit(least).filter(|&limit| size < limit).map(|limit| format!("{least} is {limit}"));
    too_small.or_else(|| limit(most).filter(|&limit| size > limit).map(|limit| format!("{most} is {limit}")))
}

fn types_of(types: &Value) -> impl Iterator<Item = &str> {
    let many = types.as_array().into_iter().flatten().filter_map(Value::as_str);
    types.as_str().into_iter().chain(many)
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        // A newer draft may know more.
        "null" | "boolean" | "number" | "string" | "array" | "object" => name_of(value) == name,
        _ => true,
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use serde_json::{Value, json};

    #[test]
    fn mistakes_are_found_with_their_place() {
        let chat = json!({
            "type": "object",
            "required": ["model", "messages"],
            "properties": {
                "model": {"type": "string", "minLength": 1},
                "messages": {"type": "array", "minItems": 1, "items": {
                    "type": "object", "required": ["role"],
                    "properties": {"role": {"enum": ["user", "system"]}, "content": {"type": ["string", "null"]}},
                }},
                "seed": {"type": "integer"},
                "temperature": {"type": "number", "minimum": 0, "maximum": 2},
            },
        });
        let good = json!({"model": "m", "messages": [{"role": "user", "content": null}], "seed": 3.0, "other": []});
        assert_eq!(check(&chat, &good), Ok(()));
        let table = [
            (json!([]), "payload: object is wanted, not array"),
            (json!({"model": "m"}), "payload: \"messages\" is missing"),
            (json!({"model": "", "messages": []}), "payload.messages: minItems is 1"),
            (json!({"model": "", "messages": [{"role": "user"}]}), "payload.model: minLength is 1"),
            (json!({"model": "m", "messages": [{}]}), "payload.messages[0]: \"role\" is missing"),
            (
                json!({"model": "m", "messages": [{"role": "cat"}]}),
                "payload.messages[0].role: it is none of \"user\", \"system\"",
            ),
            (
                json!({"model": "m", "messages": [{"role": "user", "content": 1}]}),
                "payload.messages[0].content: string or null is wanted, not number",
            ),
            (
                json!({"model": "m", "messages": [{"role": "user"}], "seed": 1.5}),
                "payload.seed: integer is wanted, not number",
            ),
            (
                json!({"model": "m", "messages": [{"role": "user"}], "temperature": 3}),
                "payload.temperature: maximum is 2",
            ),
        ];
        for (payload, mistake) in table {
            assert_eq!(check(&chat, &payload), Err(mistake.to_owned()), "{payload}");
        }
    }

    #[test]
    fn other_fields_may_be_forbidden_or_described() {
        let closed = json!({"properties": {"a": {}}, "additionalProperties": false});
        assert_eq!(check(&closed, &json!({"a": 1, "b": 2})), Err("payload.b: it is not known".to_owned()));
        let nodes = json!({"type": "object", "minProperties": 1,
            "additionalProperties": {"type": "object", "required": ["class_type"]}});
        assert_eq!(check(&nodes, &json!({"3": {"class_type": "X"}})), Ok(()));
        assert_eq!(check(&nodes, &json!({"3": {}})), Err("payload.3: \"class_type\" is missing".to_owned()));
        assert_eq!(check(&nodes, &json!({})), Err("payload: minProperties is 1".to_owned()));
    }

    #[test]
    fn what_is_wanted_is_said_if_the_schema_says_it() {
        let nodes = json!({"type": "object", "description": "Nodes by their id. More of it.", "additionalProperties": {"type": "object"}});
        let wanted = "payload.version: object is wanted, not number. What is wanted: Nodes by their id";
        assert_eq!(check(&nodes, &json!({"version": 1})), Err(wanted.to_owned()));
    }

    #[test]
    fn no_schema_allows_everything() {
        for schema in [Value::Null, json!({}), json!({"$ref": "#/x"})] {
            assert_eq!(check(&schema, &json!([1, {"a": null}])), Ok(()));
        }
    }
}
