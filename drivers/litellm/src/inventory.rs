//! What a LiteLLM tells of itself: version, state and models.

use crate::key::Refusal;
use mdd_driver_api::{
    model::{Identity, Model},
    text::printable,
};
use serde_json::Value;

/// Of a proxy that lives. `readiness` is its answer to `/health/readiness`, `refusal` that to a question without a key.
pub(crate) fn identity(readiness: Option<Value>, refusal: Option<&Refusal>) -> Identity {
    let is_ready = readiness.as_ref().is_some_and(|state| state.get("status").is_some() && state.get("db").is_some());
    let version = readiness.as_ref().and_then(version);
    let score = if is_ready { 98 } else { 92 };
    let seen = match &version {
        Some(version) => format!("LiteLLM {version}"),
        None => "LiteLLM".to_owned(),
    };
    let identity = match refusal {
        Some(_) => Identity::locked(score, seen),
        None => Identity::mine(score, seen),
    };
    let identity = identity.because("/health/liveliness says \"I'm alive!\"").with_version(version);
    if is_ready { identity.because("/health/readiness tells status and db") } else { identity }
}

/// `litellm_version` of a readiness answer.
pub(crate) fn version(answer: &Value) -> Option<String> {
    answer.get("litellm_version")?.as_str().map(|version| printable(version, 40))
}

/// The names in an answer to `/v1/models`, in its order.
pub(crate) fn models(answer: &Value) -> Vec<Model> {
    let entries = answer.get("data").and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| entry.get("id")?.as_str()).map(|name| Model::new(name, "chat")).collect()
}

#[cfg(test)]
mod tests {
    use super::{identity, models, version};
    use crate::key::{Refusal, tests::recorded};
    use mdd_driver_api::model::Verdict;
    use serde_json::{Value, json};

    fn answer(name: &str) -> Value {
        serde_json::from_slice(&recorded(name).1).unwrap()
    }

    fn refusal(name: &str) -> Option<Refusal> {
        let (status, body) = recorded(name);
        Refusal::read(status, &body, false)
    }

    #[test]
    fn the_older_version_says_which_it_is() {
        let identity = identity(Some(answer("old_1.75.8_readiness")), None);
        assert_eq!(identity.version.as_deref(), Some("1.75.8"));
        assert_eq!(identity.seen, "LiteLLM 1.75.8");
        assert_eq!(identity.verdict, Verdict::Mine);
    }

    #[test]
    fn the_newer_one_only_to_whoever_has_the_key() {
        let identity = identity(Some(answer("nokey_readiness")), None);
        assert_eq!((identity.version, identity.seen.as_str()), (None, "LiteLLM"));
        assert_eq!(version(&answer("key_auth_readiness_details")).as_deref(), Some("1.106.2"));
        assert_eq!(version(&answer("key_noauth_readiness_details")), None);
    }

    #[test]
    fn a_proxy_with_a_key_is_locked() {
        for name in ["key_noauth_models", "key_noauth_noprisma_models"] {
            let identity = identity(Some(answer("key_noauth_readiness")), refusal(name).as_ref());
            assert_eq!(identity.verdict, Verdict::Locked, "{name}");
            assert!(identity.score >= 90, "{name}");
            assert_eq!(identity.seen, "LiteLLM", "{name}");
        }
    }

    #[test]
    fn its_pulse_alone_is_enough() {
        assert!(identity(None, None).score >= 90);
        assert!(identity(Some(json!([1])), None).score >= 90);
    }

    #[test]
    fn models_are_listed_in_their_order() {
        let models = models(&answer("key_auth_models"));
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, ["mock-gpt", "mock-writer", "dead-upstream"]);
        assert!(super::models(&json!({"data": [{}, null, {"id": 7}]})).is_empty());
        assert!(super::models(&json!([])).is_empty());
    }
}
