//! JSON Schema of every message, for clients in other languages.

use super::{PROTOCOL, RpcError, service::METHODS};
use crate::events::{Notice, Update};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Names of all methods.
pub fn method_names() -> impl Iterator<Item = &'static str> {
    METHODS.iter().map(|method| method.name)
}

/// The whole protocol as one JSON Schema document: `methods`, `notifications`, and definitions that they refer to.
pub fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let methods: Map<String, Value> = METHODS
        .iter()
        .map(|method| {
            let params = (method.params)(&mut generator);
            let result = (method.result)(&mut generator);
            (method.name.to_owned(), json!({"description": method.about, "params": params, "result": result}))
        })
        .collect();
    let update = generator.subschema_for::<Update>();
    let notice = generator.subschema_for::<Notice>();
    let error = generator.subschema_for::<RpcError>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mdd-host protocol",
        "description": "JSON-RPC 2.0, UTF-8, one object per line.",
        "protocol": PROTOCOL,
        "methods": methods,
        "notifications": {
            "update": {"description": "After `subscribe`.", "params": update},
            "notice": {"description": "From the bridge: it lost the host and brought it back.", "params": notice},
        },
        "error": error,
        "$defs": generator.take_definitions(true),
    })
}
