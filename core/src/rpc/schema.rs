//! JSON Schema of every message, for clients in other languages.

use super::{BackendChoice, Drivers, HandOver, HandOverAnswer, Hello, HelloAnswer, Nothing, PROTOCOL, RpcError};
use crate::events::{Notice, Snapshot, Update};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// A method as the schema shows it.
struct Method {
    name: &'static str,
    about: &'static str,
    params: fn(&mut SchemaGenerator) -> Schema,
    result: fn(&mut SchemaGenerator) -> Schema,
}

macro_rules! methods {
    ($($name:literal($params:ty) -> $result:ty: $about:literal,)*) => {
        &[$(Method {
            name: $name,
            about: $about,
            params: SchemaGenerator::subschema_for::<$params>,
            result: SchemaGenerator::subschema_for::<$result>,
        },)*]
    };
}

const METHODS: &[Method] = methods! {
    "hello"(Hello) -> HelloAnswer: "Must be the first request.",
    "ping"(Nothing) -> Nothing: "Shows that the host is alive.",
    "snapshot"(Nothing) -> Snapshot: "Everything as it is now.",
    "subscribe"(Nothing) -> Nothing: "From now on the host sends `update`: a snapshot first, then changes.",
    "unsubscribe"(Nothing) -> Nothing: "Ends that.",
    "backends.refresh"(Nothing) -> Nothing: "Tries at once whatever waits.",
    "backends.try"(BackendChoice) -> Nothing: "Tries one backend at once.",
    "drivers.list"(Nothing) -> Drivers: "Every file of the plugins folders and what it is used for.",
    "diagnostics"(Nothing) -> Value: "One object for a report, without names of folders and without secrets.",
    "host.stop"(Nothing) -> Nothing: "Ends the host.",
    "host.hand-over"(HandOver) -> HandOverAnswer: "Ends the host as soon as no job is open.",
};

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
