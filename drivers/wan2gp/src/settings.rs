//! The user's settings of one backend.

use mdd_driver_api::{DriverError, ErrorKind, Result};
use serde_json::Value;
use std::time::Duration;

/// Videos take minutes each, and there may be many in one job.
const LOOK_AGAIN: u64 = 2 * 60 * 60;
/// Nobody waits for longer than a day.
const LONGEST: u64 = 24 * 60 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// How long the gallery of a job is looked at whose stream was lost.
    pub(crate) look_again: Duration,
}

impl Settings {
    pub(crate) fn read(settings: &Value) -> Result<Self> {
        let seconds = match settings.get("look_again_seconds") {
            None | Some(Value::Null) => LOOK_AGAIN,
            Some(given) => given.as_u64().filter(|seconds| *seconds <= LONGEST).ok_or_else(|| {
                let text = format!("`look_again_seconds` is {given}, it takes 0 to {LONGEST}");
                DriverError::new(ErrorKind::CONFIG, text)
            })?,
        };
        Ok(Self { look_again: Duration::from_secs(seconds) })
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, LOOK_AGAIN, Settings};
    use mdd_driver_api::ErrorKind;
    use serde_json::{Value, json};

    #[test]
    fn the_time_of_looking_can_be_chosen() {
        let of = |seconds: Value| json!({"look_again_seconds": seconds});
        for (settings, seconds) in
            [(Value::Null, LOOK_AGAIN), (of(Value::Null), LOOK_AGAIN), (of(json!(0)), 0), (of(json!(LONGEST)), LONGEST)]
        {
            assert_eq!(Settings::read(&settings).unwrap().look_again.as_secs(), seconds, "{settings}");
        }
        for odd in [json!(-1), json!(LONGEST + 1), json!("soon")] {
            assert_eq!(Settings::read(&of(odd)).unwrap_err().kind, ErrorKind::CONFIG);
        }
    }

    #[test]
    fn the_manifest_says_the_same() {
        let manifest: Value = serde_json::from_str(include_str!("../manifest.json")).unwrap();
        let declared = &manifest["settings"]["properties"]["look_again_seconds"];
        assert_eq!((&declared["default"], &declared["maximum"]), (&json!(LOOK_AGAIN), &json!(LONGEST)));
    }
}
