//! The problems of LiteLLM's own: their codes, which the manifest explains.

use mdd_driver_api::{DriverError, ErrorKind};

pub(crate) const KEY_MISSING: &str = "litellm.key-missing";
pub(crate) const KEY_REJECTED: &str = "litellm.key-rejected";
pub(crate) const SHUTTING_DOWN: &str = "litellm.shutting-down";

/// The chat names no model, and there is not exactly one.
pub(crate) const NO_MODEL: &str = "litellm.no-model";
/// The proxy has no model of that name.
pub(crate) const UNKNOWN_MODEL: &str = "litellm.unknown-model";
/// The key is good, but not for that model.
pub(crate) const MODEL_DENIED: &str = "litellm.model-denied";
/// The chat is longer than the model takes.
pub(crate) const CONTEXT_WINDOW: &str = "litellm.context-window";
/// The provider does not answer such a chat.
pub(crate) const CONTENT_POLICY: &str = "litellm.content-policy";
/// Something in the request is wrong.
pub(crate) const BAD_REQUEST: &str = "litellm.bad-request";
/// The key has spent its money.
pub(crate) const BUDGET: &str = "litellm.budget";
/// Too many requests.
pub(crate) const RATE_LIMITED: &str = "litellm.rate-limited";
/// The key that the proxy shows to a provider is bad.
pub(crate) const PROVIDER_KEY: &str = "litellm.provider-key";
/// The provider failed, or the proxy could not reach it.
pub(crate) const PROVIDER_FAILED: &str = "litellm.provider-failed";
/// The provider was too slow for the proxy.
pub(crate) const PROVIDER_TIMEOUT: &str = "litellm.provider-timeout";
/// The proxy could not be reached when it was to be sent.
pub(crate) const NOT_SENT: &str = "litellm.not-sent";
/// Not a word came in time.
pub(crate) const NO_ANSWER: &str = "litellm.no-answer";
/// The answer ended before its end.
pub(crate) const STREAM_BROKE: &str = "litellm.stream-broke";
/// It was sent, and nobody knows what became of it.
pub(crate) const ANSWER_LOST: &str = "litellm.answer-lost";

/// The proxy, or this driver in its place, does not take the chat. Nothing goes on at the proxy.
pub(crate) fn refused(code: &str, observation: impl Into<String>) -> DriverError {
    DriverError::new(ErrorKind::REJECTED, observation).with_code(code).without_effect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdd_driver_api::manifest::Declaration;

    #[test]
    fn the_manifest_explains_every_problem() {
        let declaration: Declaration = serde_json::from_str(include_str!("../manifest.json")).unwrap();
        declaration.validate().unwrap();
        let explained: Vec<&str> = declaration.errors.keys().map(String::as_str).collect();
        let mut known = [
            KEY_MISSING,
            KEY_REJECTED,
            SHUTTING_DOWN,
            NO_MODEL,
            UNKNOWN_MODEL,
            MODEL_DENIED,
            CONTEXT_WINDOW,
            CONTENT_POLICY,
            BAD_REQUEST,
            BUDGET,
            RATE_LIMITED,
            PROVIDER_KEY,
            PROVIDER_FAILED,
            PROVIDER_TIMEOUT,
            NOT_SENT,
            NO_ANSWER,
            STREAM_BROKE,
            ANSWER_LOST,
        ];
        known.sort_unstable();
        assert_eq!(explained, known);
        assert!(declaration.errors.values().all(|entry| !entry.meaning.is_empty() && !entry.remedies.is_empty()));
        assert_eq!(declaration.secrets["key"].header.as_deref(), Some("authorization"));
    }
}
