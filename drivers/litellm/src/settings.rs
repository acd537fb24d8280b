//! The user's settings of one backend.

use mdd_driver_api::{DriverError, ErrorKind, Result};
use serde_json::Value;
use std::time::Duration;

/// A local model that is loaded from disk first may need minutes.
const FIRST_WORD: u64 = 300;
/// Nobody waits for longer than a day.
const LONGEST: u64 = 24 * 60 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// How long a chat may take until its first word.
    pub(crate) first_word: Duration,
}

impl Settings {
    pub(crate) fn read(settings: &Value) -> Result<Self> {
        let seconds = match settings.get("first_word_seconds") {
            None | Some(Value::Null) => FIRST_WORD,
            Some(given) => given.as_u64().filter(|seconds| (1..=LONGEST).contains(seconds)).ok_or_else(|| {
                let text = format!("`first_word_seconds` is {given}, it takes 1 to {LONGEST}");
                DriverError::new(ErrorKind::CONFIG, text)
            })?,
        };
        Ok(Self { first_word: Duration::from_secs(seconds) })
    }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_WORD, LONGEST, Settings};
    use mdd_driver_api::ErrorKind;
    use serde_json::{Value, json};

    #[test]
    fn the_time_until_the_first_word_can_be_chosen() {
        for (settings, seconds) in [
            (Value::Null, FIRST_WORD),
            (json!({}), FIRST_WORD),
            (json!({"first_word_seconds": null}), FIRST_WORD),
            (json!({"first_word_seconds": 5}), 5),
        ] {
            assert_eq!(Settings::read(&settings).unwrap().first_word.as_secs(), seconds);
        }
    }

    #[test]
    fn other_values_are_wrong_settings() {
        for odd in [json!(0), json!(-1), json!(1.5), json!("5"), json!(LONGEST + 1)] {
            let error = Settings::read(&json!({"first_word_seconds": odd})).unwrap_err();
            assert_eq!(error.kind, ErrorKind::CONFIG);
        }
    }

    #[test]
    fn the_manifest_says_the_same() {
        let manifest: Value = serde_json::from_str(include_str!("../manifest.json")).unwrap();
        let declared = &manifest["settings"]["properties"]["first_word_seconds"];
        assert_eq!((&declared["default"], &declared["maximum"]), (&json!(FIRST_WORD), &json!(LONGEST)));
    }
}
