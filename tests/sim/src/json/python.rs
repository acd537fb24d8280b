//! How Python prints a value inside a message: `str()` and `repr()`.

use super::{Json, write::float};

impl Json {
    /// `str(value)`.
    pub(crate) fn python_str(&self) -> String {
        match self {
            Json::String(text) => text.clone(),
            other => other.python_repr(),
        }
    }

    /// `repr(value)`.
    pub(crate) fn python_repr(&self) -> String {
        match self {
            Json::Null => "None".to_owned(),
            Json::Bool(true) => "True".to_owned(),
            Json::Bool(false) => "False".to_owned(),
            Json::Int(number) => number.to_string(),
            Json::Float(number) if number.is_nan() => "nan".to_owned(),
            Json::Float(number) if number.is_infinite() => if *number > 0.0 { "inf" } else { "-inf" }.to_owned(),
            Json::Float(number) => float(*number),
            Json::String(text) => quoted(text),
            Json::List(items) => format!("[{}]", joined(items.iter().map(Json::python_repr))),
            Json::Object(members) => {
                let members = members.iter().map(|(key, value)| format!("{}: {}", quoted(key), value.python_repr()));
                format!("{{{}}}", joined(members))
            }
        }
    }

    /// The name of the value's Python type.
    pub(crate) fn python_type(&self) -> &'static str {
        match self {
            Json::Null => "NoneType",
            Json::Bool(_) => "bool",
            Json::Int(_) => "int",
            Json::Float(_) => "float",
            Json::String(_) => "str",
            Json::List(_) => "list",
            Json::Object(_) => "dict",
        }
    }

    /// Whether Python takes the value for true.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Json::Null => false,
            Json::Bool(value) => *value,
            Json::Int(number) => *number != 0,
            Json::Float(number) => *number != 0.0,
            Json::String(text) => !text.is_empty(),
            Json::List(items) => !items.is_empty(),
            Json::Object(members) => !members.is_empty(),
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}
