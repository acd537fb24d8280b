//! Writing JSON in the two styles that the simulated services use.

use std::fmt::Write;

use super::Json;

/// How a service writes JSON.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// `json.dumps` as it comes: a space after `,` and `:`, everything beyond ASCII escaped.
    Python,
    /// As FastAPI does: no spaces, UTF-8 as it is.
    Compact,
}

impl Json {
    /// The value as `json.dumps` writes it by default.
    pub(crate) fn to_python(&self) -> String {
        self.write(Style::Python)
    }

    /// The value as FastAPI writes it.
    pub(crate) fn to_compact(&self) -> String {
        self.write(Style::Compact)
    }

    fn write(&self, style: Style) -> String {
        let mut out = String::new();
        write_value(&mut out, self, style);
        out
    }
}

fn write_value(out: &mut String, value: &Json, style: Style) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Int(number) => out.push_str(&number.to_string()),
        Json::Float(number) => out.push_str(&float(*number)),
        Json::String(text) => write_string(out, text, style),
        Json::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index, style);
                write_value(out, item, style);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (index, (key, item)) in members.iter().enumerate() {
                separate(out, index, style);
                write_string(out, key, style);
                out.push_str(if style == Style::Python { ": " } else { ":" });
                write_value(out, item, style);
            }
            out.push('}');
        }
    }
}

fn separate(out: &mut String, index: usize, style: Style) {
    if index > 0 {
        out.push_str(if style == Style::Python { ", " } else { "," });
    }
}

fn write_string(out: &mut String, text: &str, style: Style) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || (style == Style::Python && !c.is_ascii()) => write_escaped(out, c),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn write_escaped(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}").expect("writing to a string cannot fail");
    }
}

/// A float as Python's `repr` writes it, with the words that `json.dumps` has for the rest.
pub(super) fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{number:?}")
}
