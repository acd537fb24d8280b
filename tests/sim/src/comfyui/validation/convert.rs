//! Python's conversions of a plain value to the type of an input, with Python's complaints.

use crate::json::Json;

/// Converts a value; the error is the text of Python's exception.
pub(super) fn convert(value: &Json, wanted: &Json) -> Result<Json, String> {
    match wanted.as_str() {
        Some("INT") => to_int(value).map(Json::Int),
        Some("FLOAT") => to_float(value).map(Json::Float),
        Some("STRING") => Ok(Json::from(value.python_str())),
        Some("BOOLEAN") => Ok(Json::Bool(value.is_truthy())),
        _ => Ok(value.clone()),
    }
}

fn to_int(value: &Json) -> Result<i128, String> {
    match value {
        Json::Int(number) => Ok(*number),
        Json::Bool(value) => Ok(i128::from(*value)),
        Json::Float(number) if number.is_nan() => Err("cannot convert float NaN to integer".to_owned()),
        Json::Float(number) if number.is_infinite() => Err("cannot convert float infinity to integer".to_owned()),
        Json::Float(number) => Ok(*number as i128),
        Json::String(text) => {
            let digits = text.trim().strip_prefix('+').unwrap_or(text.trim()).replace('_', "");
            let complaint = || format!("invalid literal for int() with base 10: {}", value.python_repr());
            digits.parse().map_err(|_| complaint())
        }
        other => {
            let kind = other.python_type();
            Err(format!("int() argument must be a string, a bytes-like object or a real number, not '{kind}'"))
        }
    }
}

fn to_float(value: &Json) -> Result<f64, String> {
    match value {
        Json::Bool(value) => Ok(f64::from(u8::from(*value))),
        Json::String(text) => {
            text.trim().parse().map_err(|_| format!("could not convert string to float: {}", value.python_repr()))
        }
        other => other.as_f64().ok_or_else(|| {
            format!("float() argument must be a string or a real number, not '{}'", other.python_type())
        }),
    }
}
