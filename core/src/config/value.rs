//! Values of settings in the forms that people write, brought into the one that is used.

use crate::endpoint::Endpoint;
use serde_json::Value;
use std::path::Path;

/// More addresses of one kind than anybody writes down.
const MAX_ENDPOINTS: usize = 1_000;

/// More interfaces than a machine has.
const MAX_INTERFACES: usize = 64;
/// Windows gives them whole sentences as names.
const MAX_INTERFACE: usize = 256;

/// Those of a list; a single one stands for itself.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// A list of addresses; a single one stands for itself, a whole number for a port of this machine.
pub(super) fn endpoints(value: &Value) -> Result<Value, String> {
    let items = items(value);
    if items.len() > MAX_ENDPOINTS {
        return Err(format!("it takes {MAX_ENDPOINTS} addresses at most"));
    }
    let mut known = Vec::new();
    for item in items {
        let item = endpoint(item)?;
        if !known.contains(&item) {
            known.push(item);
        }
    }
    Ok(Value::Array(known))
}

/// One address.
pub(super) fn endpoint(value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(port) => port.to_string(),
        _ => return Err("it takes an address such as http://127.0.0.1:8000".to_owned()),
    };
    Endpoint::parse(&text).map(|endpoint| endpoint.to_string().into()).map_err(|error| error.to_string())
}

/// A list of absolute folders; a single one stands for itself.
pub(super) fn folders(value: &Value) -> Result<Value, String> {
    let items = items(value);
    let is_folder = |item: &Value| item.as_str().is_some_and(|text| Path::new(text).is_absolute());
    match items.iter().find(|item| !is_folder(item)) {
        Some(bad) => Err(format!("it takes absolute folders, and {bad} is none")),
        None => Ok(Value::Array(items.to_vec())),
    }
}

/// A list of network interfaces by name or address; a single one stands for itself.
pub(super) fn interfaces(value: &Value) -> Result<Value, String> {
    let items = items(value);
    if items.len() > MAX_INTERFACES {
        return Err(format!("it takes {MAX_INTERFACES} interfaces at most"));
    }
    let is_word = |text: &str| {
        !text.is_empty() && text.len() <= MAX_INTERFACE && !text.chars().any(|one| one.is_control() || one == '/')
    };
    match items.iter().find(|item| !item.as_str().is_some_and(is_word)) {
        Some(bad) => Err(format!("it takes names of interfaces such as eth0, and {bad} is none")),
        None => Ok(Value::Array(items.to_vec())),
    }
}

/// What a file holds, as JSON. A date is its text.
pub(super) fn of_toml(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        toml_edit::Value::Float(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(switch) => (*switch.value()).into(),
        toml_edit::Value::Datetime(date) => date.value().to_string().into(),
        toml_edit::Value::Array(items) => items.iter().map(of_toml).collect(),
        toml_edit::Value::InlineTable(table) => {
            Value::Object(table.iter().map(|(name, value)| (name.to_owned(), of_toml(value))).collect())
        }
    }
}

/// The same the other way. Null has no form there.
pub(super) fn to_toml(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(switch) => (*switch).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => {
            toml_edit::Value::Array(items.iter().map(to_toml).collect::<Option<toml_edit::Array>>()?)
        }
        Value::Object(fields) => {
            let mut table = toml_edit::InlineTable::new();
            for (name, field) in fields {
                table.insert(name, to_toml(field)?);
            }
            toml_edit::Value::InlineTable(table)
        }
    })
}
