//! Files in payloads: a payload names a file of its job as the string `mdd-file:NAME`.

use serde_json::Value;

const PREFIX: &str = "mdd-file:";

/// Replaces every `mdd-file:NAME` by what `value` gives for the name, anywhere in the payload.
///
/// # Errors
/// The first error of `value`, for example because the job has no such file.
pub fn substitute_files<E>(payload: &mut Value, value: &mut impl FnMut(&str) -> Result<Value, E>) -> Result<(), E> {
    match payload {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(PREFIX) {
                *payload = value(name)?;
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| substitute_files(item, value)),
        Value::Object(fields) => fields.values_mut().try_for_each(|field| substitute_files(field, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::substitute_files;
    use serde_json::{Value, json};

    #[test]
    fn files_are_found_anywhere() {
        let mut payload = json!({"1": {"inputs": {"image": "mdd-file:ref", "list": ["mdd-file:ref", "plain"]}}});
        substitute_files(&mut payload, &mut |name| Ok::<_, ()>(Value::from(format!("{name} (1).png")))).unwrap();
        assert_eq!(payload, json!({"1": {"inputs": {"image": "ref (1).png", "list": ["ref (1).png", "plain"]}}}));
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let mut payload = json!(["mdd-file:gone"]);
        assert_eq!(substitute_files(&mut payload, &mut |name| Err(name.to_owned())), Err("gone".to_owned()));
    }
}
