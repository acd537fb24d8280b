//! The user's settings of one backend.

use mdd_driver_api::{DriverError, ErrorKind, Result};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Off where something on the way swallows WebSockets: the host then polls.
    pub(crate) live_updates: bool,
}

impl Settings {
    pub(crate) fn read(settings: &Value) -> Result<Self> {
        let live_updates = match settings.get("live_updates") {
            None | Some(Value::Null) => true,
            Some(Value::Bool(wanted)) => *wanted,
            Some(other) => {
                let text = format!("`live_updates` is {other}, it takes true or false");
                return Err(DriverError::new(ErrorKind::CONFIG, text));
            }
        };
        Ok(Self { live_updates })
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use mdd_driver_api::ErrorKind;
    use serde_json::{Value, json};

    #[test]
    fn live_updates_are_wanted_unless_switched_off() {
        for wanted in [Value::Null, json!({}), json!({"live_updates": true}), json!({"live_updates": null})] {
            assert!(Settings::read(&wanted).unwrap().live_updates);
        }
        assert!(!Settings::read(&json!({"live_updates": false})).unwrap().live_updates);
    }

    #[test]
    fn another_type_is_a_wrong_setting() {
        let error = Settings::read(&json!({"live_updates": "yes"})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::CONFIG);
        assert_eq!(error.message, "`live_updates` is \"yes\", it takes true or false");
    }
}
