//! The reference of the protocol is made from its schema.

use crate::page::root;
use mdd_core::rpc::schema;
use serde_json::{Map, Value};
use std::{env, fmt::Write as _, fs};

/// From the root of the repository.
const CHAPTER: &str = "docs/src/protocol.md";
const HEAD: &str = "\
# The protocol, word by word

<!-- Made from the code by `MDD_UPDATE=1 cargo test -p mdd-tests --test docs protocol`. -->

How a conversation goes stands with [one host for all](host.md#the-protocol). This chapter has every method and every
object, as `docs/schema/rpc.json` in the repository has them for programs. A field that may be left out has a `?`.
";

#[test]
fn the_reference_is_fresh() {
    let fresh = page(&schema::document());
    let path = root().join(CHAPTER);
    if env::var_os("MDD_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, &fresh).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == fresh,
        "{CHAPTER} is not what the code says; `MDD_UPDATE=1 cargo test -p mdd-tests --test docs protocol` writes it anew"
    );
}

fn page(document: &Value) -> String {
    let mut page = format!("{HEAD}\n## Methods\n\n| method | takes | gives | meaning |\n|---|---|---|---|\n");
    for (name, method) in object(&document["methods"]) {
        let (takes, gives) = (type_of(&method["params"]), type_of(&method["result"]));
        let _infallible = writeln!(page, "| `{name}` | {takes} | {gives} | {} |", about(method));
    }
    page.push_str("\n## Notifications\n\n| name | holds | meaning |\n|---|---|---|\n");
    for (name, notification) in object(&document["notifications"]) {
        let _infallible =
            writeln!(page, "| `{name}` | {} | {} |", type_of(&notification["params"]), about(notification));
    }
    page.push_str("\n## Objects\n");
    for (name, schema) in object(&document["$defs"]) {
        let _infallible = write!(page, "\n### {name}\n\n{}\n", about(schema));
        describe(&mut page, schema);
    }
    page
}

/// What may stand there.
fn describe(page: &mut String, schema: &Value) {
    if let Some(variants) = schema["oneOf"].as_array() {
        page.push('\n');
        for variant in variants {
            let _infallible = writeln!(page, "* {}", described(variant));
        }
    } else if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let _infallible = write!(page, "\n{}\n", words.join(", "));
    } else if schema["type"] == "string" {
        page.push_str("\nA text.\n");
    }
    let fields: Vec<_> = object(&schema["properties"]).collect();
    if fields.is_empty() {
        return;
    }
    page.push_str("\n| field | type | meaning |\n|---|---|---|\n");
    for (name, field) in fields {
        let mark = if is_required(schema, name) { "" } else { "?" };
        let _infallible = writeln!(page, "| `{name}`{mark} | {} | {} |", type_of(field), about(field));
    }
}

/// One of several things that may stand there, on one line.
fn described(variant: &Value) -> String {
    let fields: Vec<String> =
        object(&variant["properties"]).map(|(name, field)| format!("`{name}`: {}", type_of(field))).collect();
    let what = if fields.is_empty() { type_of(variant) } else { fields.join(", ") };
    match about(variant) {
        about if about.is_empty() => what,
        about => format!("{what}. {about}"),
    }
}

/// The type in a word, or a link to it.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(word) = schema.get("const") {
        return format!("`{word}`");
    }
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        return choices.iter().map(type_of).collect::<Vec<_>>().join(" or ");
    }
    let words: Vec<&str> = match &schema["type"] {
        Value::String(word) => vec![word],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        _ => return "any JSON".to_owned(),
    };
    let word = |word: &&str| match (*word, schema.get("items"), schema.get("additionalProperties")) {
        ("array", Some(items), _) => format!("list of {}", type_of(items)),
        ("array", None, _) => "list".to_owned(),
        ("object", _, Some(values)) if values.is_object() => format!("object of {}", type_of(values)),
        ("string", ..) => "text".to_owned(),
        ("integer", ..) => "whole number".to_owned(),
        ("boolean", ..) => "yes or no".to_owned(),
        (other, ..) => other.to_owned(),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" or ")
}

fn is_required(schema: &Value, field: &str) -> bool {
    schema["required"].as_array().is_some_and(|required| required.iter().any(|name| name == field))
}

/// The words of whoever wrote the type, on one line and without links into the code.
fn about(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
