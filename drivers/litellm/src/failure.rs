//! Errors of chats: `{"error": {message, type, param, code}}`, as an answer or in the middle of a stream.

use crate::{
    key::Refusal,
    problem::{self, refused},
    pulse::Pulse,
};
use mdd_driver_api::{
    DriverError, ErrorKind,
    text::{lenient_json, printable},
};
use serde_json::Value;
use std::time::Duration;

/// Longest piece of a message that is shown.
const QUOTE: usize = 300;

/// An answer other than 200.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'a> {
    pub(crate) status: u16,
    /// Of `retry-after`, or of the provider's, which LiteLLM passes on under another name.
    pub(crate) retry_after: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

impl Failure<'_> {
    /// What it means for the chat. Whatever was answered, nothing of it goes on.
    pub(crate) fn into_error(self, target: &str, has_key: bool) -> DriverError {
        let Self { status, body, .. } = self;
        let parsed = lenient_json::<Value>(body).unwrap_or(Value::Null);
        let error = parsed.get("error").filter(|error| error.is_object());
        if let Some(error) = error
            && is_denied(error)
        {
            let text = format!("the key is not good for this model ({})", word(error));
            return refused(problem::MODEL_DENIED, text).with_status(status);
        }
        if let Some(refusal) = Refusal::read(status, body, has_key) {
            return refusal.into_error(target, has_key);
        }
        if Pulse::read(status, body) == Pulse::Ending {
            let error = DriverError::new(ErrorKind::TRANSPORT, "it says that it is shutting down");
            return error.with_code(problem::SHUTTING_DOWN).with_status(status).without_effect();
        }
        match error {
            Some(error) => self.told(error),
            None => self.untold(&parsed),
        }
    }

    /// The proxy says what is wrong.
    fn told(self, error: &Value) -> DriverError {
        let status = self.status;
        let (code, text) = (code(status, error), text(error));
        if code != problem::RATE_LIMITED {
            return refused(code, format!("it answered HTTP {status}: {text}")).with_status(status);
        }
        let mut busy = DriverError::new(ErrorKind::BUSY, format!("it answered HTTP {status}: {text}"));
        busy.retry_after_ms = self.wait();
        busy.with_code(code).with_status(status).without_effect()
    }

    /// Something else answers, in front of the proxy or in its place.
    fn untold(self, body: &Value) -> DriverError {
        let status = self.status;
        let detail = body.get("detail").and_then(Value::as_str).map(|detail| format!(": {}", printable(detail, QUOTE)));
        let text = format!("it answered HTTP {status}{}", detail.unwrap_or_default());
        match status {
            429 => {
                let mut busy = DriverError::new(ErrorKind::BUSY, text).with_code(problem::RATE_LIMITED);
                busy.retry_after_ms = self.wait();
                busy.with_status(status).without_effect()
            }
            // Somebody speaks for a proxy that is not there.
            502 | 503 => {
                let error = DriverError::new(ErrorKind::TRANSPORT, text).with_code(problem::NOT_SENT);
                error.with_status(status).without_effect()
            }
            408 | 504 => refused(problem::PROVIDER_TIMEOUT, text).with_status(status),
            500.. => refused(problem::PROVIDER_FAILED, text).with_status(status),
            _ => refused(problem::BAD_REQUEST, text).with_status(status),
        }
    }

    /// How long to wait, in milliseconds; 0 where it does not say, or says a date.
    fn wait(self) -> u64 {
        let seconds = self.retry_after.and_then(|text| text.trim().parse::<f64>().ok());
        let wait = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
        u64::try_from(wait.as_millis()).unwrap_or(0)
    }
}

/// The code of an error that came in place of the rest of an answer, and what it says.
pub(crate) fn in_stream(error: &Value) -> (&'static str, String) {
    let status = match &error["code"] {
        Value::String(text) => text.parse().unwrap_or(500),
        number => number.as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(500),
    };
    let text = match error.as_str() {
        Some(text) => first_line(text),
        None => text(error),
    };
    (code(status, error), text)
}

/// LiteLLM names the class of the exception in the message; the status and `type` alone are not enough.
fn code(status: u16, error: &Value) -> &'static str {
    let message = error["message"].as_str().unwrap_or_default();
    match (status, word(error).as_str()) {
        (_, "budget_exceeded") => problem::BUDGET,
        _ if message.contains("ContextWindowExceededError") => problem::CONTEXT_WINDOW,
        _ if message.contains("ContentPolicyViolationError") => problem::CONTENT_POLICY,
        (400, _) if message.contains("Invalid model name") => problem::UNKNOWN_MODEL,
        (401 | 403, _) => problem::PROVIDER_KEY,
        (408, _) => problem::PROVIDER_TIMEOUT,
        (429, _) => problem::RATE_LIMITED,
        (500.., _) => problem::PROVIDER_FAILED,
        _ => problem::BAD_REQUEST,
    }
}

/// What it says, without what may hold a part of a key.
fn text(error: &Value) -> String {
    let message = error["message"].as_str().unwrap_or_default();
    if message.contains("AuthenticationError") || message.contains("PermissionDenied") {
        return "the provider did not accept the key that the proxy has for it".to_owned();
    }
    first_line(message)
}

/// What follows is about routing inside the proxy.
fn first_line(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or("it did not say why");
    printable(line, QUOTE)
}

fn is_denied(error: &Value) -> bool {
    word(error).ends_with("_model_access_denied")
}

/// LiteLLM's own word for it.
fn word(error: &Value) -> String {
    printable(error["type"].as_str().unwrap_or_default(), 40)
}

#[cfg(test)]
mod tests {
    use super::{Failure, in_stream};
    use crate::{key::tests::recorded, problem::*};
    use mdd_driver_api::{DriverError, Effect, ErrorKind};
    use serde_json::{Value, json};

    const TARGET: &str = "/v1/chat/completions";

    fn error(name: &str, has_key: bool) -> DriverError {
        let (status, body) = recorded(name);
        Failure { status, retry_after: None, body: &body }.into_error(TARGET, has_key)
    }

    fn of(status: u16, body: &Value, retry_after: Option<&str>) -> DriverError {
        Failure { status, retry_after, body: body.to_string().as_bytes() }.into_error(TARGET, true)
    }

    #[test]
    fn every_recorded_failure_is_told_apart() {
        use ErrorKind as K;
        for (name, kind, code, text) in [
            (
                "nokey_chat_bad_model",
                K::REJECTED,
                UNKNOWN_MODEL,
                "it answered HTTP 400: /chat/completions: Invalid model name passed in model=no-such-model. Call \
                 `/v1/models` to view available models for your key.",
            ),
            (
                "old_1.75.8_bad_model",
                K::REJECTED,
                UNKNOWN_MODEL,
                "it answered HTTP 400: {'error': '/chat/completions: Invalid model name passed in model=nope. Call \
                 `/v1/models` to view available models for your key.'}",
            ),
            (
                "nokey_chat_missing_messages",
                K::REJECTED,
                BAD_REQUEST,
                "it answered HTTP 400: /chat/completions: Missing required parameter: 'messages'.",
            ),
            (
                "nokey_chat_dead_upstream",
                K::REJECTED,
                PROVIDER_FAILED,
                "it answered HTTP 500: litellm.InternalServerError: InternalServerError: OpenAIException - Connection \
                 error.",
            ),
            (
                "upstream_401",
                K::REJECTED,
                PROVIDER_KEY,
                "it answered HTTP 401: the provider did not accept the key that the proxy has for it",
            ),
            (
                "upstream_503",
                K::REJECTED,
                PROVIDER_FAILED,
                "it answered HTTP 503: litellm.ServiceUnavailableError: ServiceUnavailableError: OpenAIException - boom",
            ),
            (
                "upstream_context_400",
                K::REJECTED,
                CONTEXT_WINDOW,
                "it answered HTTP 400: litellm.ContextWindowExceededError: litellm.BadRequestError: \
                 ContextWindowExceededError: OpenAIException - This model's maximum context length is 10 tokens.",
            ),
            (
                "upstream_timeout_408",
                K::REJECTED,
                PROVIDER_TIMEOUT,
                "it answered HTTP 408: litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed \
                 out. - timeout value=2.0, time taken=2.01 seconds",
            ),
        ] {
            let error = error(name, true);
            assert_eq!((error.kind, error.code.as_str(), error.message.as_str()), (kind, code, text), "{name}");
            assert_eq!(error.effect, Effect::NONE, "{name}");
        }
    }

    #[test]
    fn a_refused_key_is_the_users_affair() {
        for (name, has_key, code) in [
            ("key_noauth_chat_ok", false, KEY_MISSING),
            ("key_noauth_noprisma_chat_ok", false, KEY_MISSING),
            ("key_noauth_bad_key", true, KEY_REJECTED),
        ] {
            let error = error(name, has_key);
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::AUTH, code), "{name}");
            assert_eq!(error.effect, Effect::NONE, "{name}");
        }
        let denied = json!({"error": {"message": "key sk-…1 not allowed", "type": "key_model_access_denied"}});
        let error = of(401, &denied, None);
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::REJECTED, MODEL_DENIED));
        assert!(!error.message.contains("sk-"));
    }

    #[test]
    fn a_limit_says_when_to_come_back() {
        let (status, body) = recorded("upstream_429");
        for (retry_after, wait) in [(Some("7"), 7000), (Some("0.5"), 500), (Some("Fri, 01 Jan"), 0), (None, 0)] {
            let error = Failure { status, retry_after, body: &body }.into_error(TARGET, true);
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::BUSY, RATE_LIMITED));
            assert_eq!((error.retry_after_ms, error.effect), (wait, Effect::NONE));
        }
        assert_eq!(of(429, &json!("slow down"), Some("3")).retry_after_ms, 3000);
    }

    #[test]
    fn money_does_not_come_back_by_waiting() {
        for status in [400, 429] {
            let body = json!({"error": {"message": "Budget has been exceeded!", "type": "budget_exceeded"}});
            let error = of(status, &body, Some("7"));
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::REJECTED, BUDGET));
        }
    }

    #[test]
    fn others_on_the_way_are_told_apart() {
        for (status, body, kind, code) in [
            (503, json!({"status": "shutting_down"}), ErrorKind::TRANSPORT, SHUTTING_DOWN),
            (502, json!("Bad Gateway"), ErrorKind::TRANSPORT, NOT_SENT),
            (504, json!(null), ErrorKind::REJECTED, PROVIDER_TIMEOUT),
            (500, json!("oops"), ErrorKind::REJECTED, PROVIDER_FAILED),
            (404, json!({"detail": "Not Found"}), ErrorKind::REJECTED, BAD_REQUEST),
            (302, json!(null), ErrorKind::REJECTED, BAD_REQUEST),
        ] {
            let error = of(status, &body, None);
            assert_eq!((error.kind, error.code.as_str()), (kind, code), "{status}");
            assert_eq!(error.effect, Effect::NONE);
        }
        assert_eq!(of(404, &json!({"detail": "Not Found"}), None).message, "it answered HTTP 404: Not Found");
    }

    #[test]
    fn errors_in_a_stream_have_codes_too() {
        for (error, code, text) in [
            (
                json!({"message": "litellm.X: died\n\nmore", "type": null, "code": "500"}),
                PROVIDER_FAILED,
                "litellm.X: died",
            ),
            (
                json!({"message": "m ContextWindowExceededError", "code": 400}),
                CONTEXT_WINDOW,
                "m ContextWindowExceededError",
            ),
            (json!({}), PROVIDER_FAILED, "it did not say why"),
            (json!("died"), PROVIDER_FAILED, "died"),
        ] {
            assert_eq!(in_stream(&error), (code, text.to_owned()));
        }
    }
}
