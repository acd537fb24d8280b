//! Requests that are refused, and upstreams that fail before they say anything.

use std::time::Duration;

use super::super::{Release, errors::error, models};
use crate::{
    json::{Json, object},
    service::Reply,
};

/// Unlisted models that work.
const WORKING: [&str; 2] = ["midfail", "slow"];

/// A failing upstream.
pub(super) struct Failure {
    pub(super) delay: Duration,
    status: u16,
    kind: &'static str,
    message: String,
    /// The configured timeout, which is told in a header.
    timeout: &'static str,
    retry_after: Option<&'static str>,
}

impl Failure {
    /// The recorded failure of a model with this name.
    pub(super) fn of(model: &str) -> Option<Self> {
        let openai = |class: &str, reason: &str| format!("litellm.{class}: {class}: OpenAIException - {reason}");
        let (status, kind, message) = match model {
            "dead-upstream" => (500, "internal_server_error", openai("InternalServerError", "Connection error.")),
            "auth" => (401, "authentication_error", openai("AuthenticationError", "Incorrect API key provided")),
            "ratelimit" => (429, "throttling_error", openai("RateLimitError", "Rate limit reached")),
            "five" => (503, "internal_server_error", openai("ServiceUnavailableError", "boom")),
            "ctx" => (400, "invalid_request_error", context_exceeded()),
            "hang" => (408, "invalid_request_error", timed_out()),
            _ => return None,
        };
        let note = format!("LiteLLM: model group '{model}' failed with the error above. No fallback was attempted.");
        Some(Self {
            delay: if model == "hang" { Duration::from_secs(2) } else { Duration::ZERO },
            status,
            kind,
            message: format!("{message}\n\n{note}"),
            timeout: match model {
                "dead-upstream" => "3.0",
                "hang" => "2.0",
                _ => "6000.0",
            },
            retry_after: (model == "ratelimit").then_some("7"),
        })
    }

    pub(super) fn reply(&self, call_id: &str) -> Reply {
        let body = error(self.status, self.kind, Json::Null, &self.message);
        let reply = costless(Reply::compact_json(self.status, &body), call_id).with("x-litellm-timeout", self.timeout);
        match self.retry_after {
            Some(seconds) => reply.with("llm_provider-retry-after", seconds),
            None => reply,
        }
    }
}

fn context_exceeded() -> String {
    "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - \
     This model's maximum context length is 10 tokens.\nmodel=ctx. context_window_fallbacks=None. fallbacks=None.\n\n\
     Set 'context_window_fallback' - https://docs.litellm.ai/docs/routing#fallbacks"
        .to_owned()
}

fn timed_out() -> String {
    "litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed out. - timeout value=2.0, \
     time taken=2.01 seconds\n\nDeployment Info: request_timeout: None\ntimeout: 2.0"
        .to_owned()
}

/// Refuses what never reaches an upstream.
pub(super) fn refuse(release: Release, body: &Json, call_id: &str) -> Option<Reply> {
    let kind = "invalid_request_error";
    if body.get("messages").is_none() {
        let message = "/chat/completions: Missing required parameter: 'messages'.";
        return Some(costless(Reply::compact_json(400, &error(400, kind, "messages", message)), call_id));
    }
    let model = body.get("model").map(Json::python_str).unwrap_or_default();
    let is_listed = models::LISTED.iter().any(|listed| listed.name == model);
    if is_listed || WORKING.contains(&model.as_str()) || Failure::of(&model).is_some() {
        return None;
    }
    let message = format!(
        "/chat/completions: Invalid model name passed in model={model}. \
         Call `/v1/models` to view available models for your key."
    );
    let body = match release {
        Release::V1_75_8 => error(400, "None", "None", &format!("{{'error': '{message}'}}")),
        Release::V1_106_2 => {
            let mut body = error(400, kind, Json::Null, &message);
            let mut inner = body.remove("error").unwrap_or(Json::Null);
            inner.set("provider_specific_fields", object! { "error" => message });
            body.set("error", inner);
            body
        }
    };
    Some(costless(Reply::compact_json(400, &body), call_id))
}

/// The headers of a call that cost nothing.
fn costless(reply: Reply, call_id: &str) -> Reply {
    reply.with("x-litellm-call-id", call_id).with("x-litellm-response-cost", "0").with("x-litellm-key-spend", "0.0")
}
