//! The ways in which a LiteLLM refuses a key, or its absence.

use crate::problem::{KEY_MISSING, KEY_REJECTED};
use mdd_driver_api::{DriverError, ErrorKind};
use serde_json::Value;

/// A request was turned away for its key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    /// LiteLLM's own word for it. The message beside it is never shown: it may quote a part of the key.
    word: Option<String>,
}

impl Refusal {
    /// `None` for every answer that says nothing about the key. `has_key` tells whether one was shown.
    pub(crate) fn read(status: u16, body: &[u8], has_key: bool) -> Option<Self> {
        let word = word(body);
        let refused = match (status, word.as_deref()) {
            // The key that the proxy itself shows to a provider.
            (401 | 403, Some("authentication_error")) => false,
            (401 | 403, _) => true,
            // A key that is not the master key is looked up in a database that is not there.
            (400, Some("no_db_connection")) => true,
            // Without the package `prisma` the refusal of a missing key fails itself.
            (500, None) => !has_key && body == b"Internal Server Error",
            _ => false,
        };
        refused.then_some(Self { status, word })
    }

    pub(crate) fn into_error(self, target: &str, has_key: bool) -> DriverError {
        let word = self.word.map(|word| format!(" ({word})")).unwrap_or_default();
        let (code, which) = if has_key { (KEY_REJECTED, "with the key") } else { (KEY_MISSING, "without a key") };
        let text = format!("{target} answered HTTP {}{word} {which}", self.status);
        DriverError::new(ErrorKind::AUTH, text).with_code(code).with_status(self.status).without_effect()
    }
}

/// `error.type` of a LiteLLM error.
fn word(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let word = body.get("error")?.get("type")?.as_str()?;
    Some(mdd_driver_api::text::printable(word, 40))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Refusal;
    use crate::problem::{KEY_MISSING, KEY_REJECTED};
    use mdd_driver_api::ErrorKind;
    use serde_json::Value;
    use std::path::Path;

    /// Status and body of a recorded answer.
    pub(crate) fn recorded(name: &str) -> (u16, Vec<u8>) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/litellm");
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        let body = match answer["text"].as_str() {
            Some(text) => text.to_owned(),
            None => answer["json"].to_string(),
        };
        (u16::try_from(answer["status"].as_u64().unwrap()).unwrap(), body.into_bytes())
    }

    fn refusal(name: &str, has_key: bool) -> Option<Refusal> {
        let (status, body) = recorded(name);
        Refusal::read(status, &body, has_key)
    }

    #[test]
    fn every_recorded_refusal_is_one() {
        for (name, has_key, text) in [
            ("key_noauth_models", false, "/v1/models answered HTTP 401 (auth_error) without a key"),
            ("key_noauth_noprisma_models", false, "/v1/models answered HTTP 500 without a key"),
            ("key_noauth_bad_key", true, "/v1/models answered HTTP 400 (no_db_connection) with the key"),
        ] {
            let error = refusal(name, has_key).unwrap().into_error("/v1/models", has_key);
            assert_eq!(error.kind, ErrorKind::AUTH, "{name}");
            assert_eq!(error.message, text, "{name}");
            assert_eq!(error.code, if has_key { KEY_REJECTED } else { KEY_MISSING }, "{name}");
        }
        for name in ["backlog", "health", "model_info_trimmed", "chat_ok"] {
            for prefix in ["key_noauth", "key_noauth_noprisma"] {
                assert!(refusal(&format!("{prefix}_{name}"), false).is_some(), "{prefix}_{name}");
            }
        }
    }

    #[test]
    fn a_malformed_key_is_refused_too() {
        let body = br#"{"error":{"message":"Authentication Error, Malformed API Key passed in.","type":"auth_error"}}"#;
        assert!(Refusal::read(401, body, true).is_some());
        assert!(Refusal::read(403, b"<html>Forbidden</html>", true).is_some());
    }

    #[test]
    fn what_a_proxy_says_of_the_key_is_not_repeated() {
        let body = br#"{"error":{"message":"Invalid proxy server token passed. Received API Key = sk-...abcd"}}"#;
        let error = Refusal::read(401, body, true).unwrap().into_error("/v1/models", true);
        assert_eq!(error.message, "/v1/models answered HTTP 401 with the key");
    }

    #[test]
    fn other_failures_say_nothing_about_the_key() {
        for name in ["upstream_401", "upstream_429", "upstream_503", "upstream_timeout_408", "upstream_context_400"] {
            assert_eq!(refusal(name, true), None, "{name}");
            assert_eq!(refusal(name, false), None, "{name}");
        }
        for name in ["nokey_models", "key_auth_models", "nokey_chat_bad_model", "nokey_chat_dead_upstream"] {
            assert_eq!(refusal(name, true), None, "{name}");
        }
        // With a key the same answer is a failure like any other.
        assert_eq!(refusal("key_noauth_noprisma_models", true), None);
    }
}
