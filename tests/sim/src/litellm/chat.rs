//! `POST /v1/chat/completions`: answers, streams, and every recorded way to fail.

mod failure;
mod stream;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;

use self::failure::Failure;
use super::{
    InFlight, LiteLlm,
    errors::error,
    models::{self, Model},
};
use crate::{
    fault::Fault,
    json::{self, Json, object},
    ledger::JobState,
    service::{Reply, Request},
    uuid,
};

/// The unlisted model `slow` takes so long.
const SLOW: Duration = Duration::from_secs(2);

/// One request to a model.
struct Call {
    id: String,
    model: String,
    says: &'static str,
    target: &'static str,
    target_id: &'static str,
    /// Seconds since 1970.
    created: u64,
    has_usage: bool,
}

/// Answers a chat request of somebody who may make it.
pub(super) async fn answer(service: &LiteLlm, request: Request, in_flight: InFlight) -> Reply {
    let call_id = uuid::v4();
    let body = match read(&request) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    if let Some(refusal) = failure::refuse(service.release, &body, &call_id) {
        return refusal;
    }
    let number = service.setup.book.job_accepted(&call_id, None);
    let state = |state| service.setup.book.job_is(number, state);
    if let Some(Fault::SlowJob(delay) | Fault::LateJob(delay)) = request.job_fault {
        sleep(delay).await;
    }
    state(JobState::Started);
    let model = body.get("model").and_then(Json::as_str).unwrap_or_default().to_owned();
    if let Some(failure) = Failure::of(&model) {
        sleep(failure.delay).await;
        state(JobState::Failed);
        return failure.reply(&call_id);
    }
    if model == "slow" {
        sleep(SLOW).await;
    }
    let call = Call::new(call_id, model, &body);
    service.turn().await;
    if body.get("stream") == Some(&Json::Bool(true)) {
        return stream::answer(service, call, in_flight, number);
    }
    state(JobState::Finished);
    let body = completion(&call);
    headers(service, Reply::compact_json(200, &body), &call)
}

fn read(request: &Request) -> Result<Json, Reply> {
    let bytes = request.body();
    if bytes.is_empty() {
        return Ok(object! {});
    }
    json::parse(&bytes).map_err(|invalid| {
        let at = invalid.at.min(bytes.len());
        let wanted = if bytes[..at].trim_ascii_end().ends_with(b"{") { ", expected a string key" } else { "" };
        let column = at + 1;
        let message = format!("Invalid JSON payload: unexpected character{wanted}: line 1 column {column} (char {at})");
        Reply::compact_json(400, &error(400, "invalid_request_error", "request_body", &message))
    })
}

impl Call {
    fn new(id: String, model: String, body: &Json) -> Self {
        let found = models::LISTED.iter().find(|listed| listed.name == model);
        let Model { target, id: target_id, says, .. } = found.unwrap_or(&models::LISTED[0]);
        let options = body.get("stream_options");
        Self {
            id,
            model,
            says: says.unwrap_or_default(),
            target,
            target_id,
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
            has_usage: options.and_then(|options| options.get("include_usage")) == Some(&Json::Bool(true)),
        }
    }
}

fn completion(call: &Call) -> Json {
    let message = object! { "content" => call.says, "role" => "assistant" };
    let choice = object! { "finish_reason" => "stop", "index" => 0, "message" => message };
    object! {
        "id" => format!("chatcmpl-{}", uuid::v4()),
        "created" => call.created,
        "model" => &call.model,
        "object" => "chat.completion",
        "choices" => vec![choice],
        "usage" => object! { "completion_tokens" => 20, "prompt_tokens" => 10, "total_tokens" => 30 },
    }
}

/// The headers of a successful call.
fn headers(service: &LiteLlm, reply: Reply, call: &Call) -> Reply {
    let zero = [
        "x-litellm-response-cost-original",
        "x-litellm-response-cost-discount-amount",
        "x-litellm-response-cost-margin-amount",
        "x-litellm-response-cost-margin-percent",
        "x-litellm-response-cost-input",
        "x-litellm-response-cost-output",
        "x-litellm-response-cost-tool-usage",
        "x-litellm-key-spend",
        "x-litellm-callback-duration-ms",
    ];
    let reply = reply
        .with("x-litellm-call-id", &call.id)
        .with("x-litellm-model-id", call.target_id)
        .with("x-litellm-model-name", call.target)
        .with("x-litellm-model-api-base", "https://api.openai.com")
        .with("x-litellm-version", service.setup.version)
        .with("x-litellm-response-duration-ms", "27.36210823059082")
        .with("x-litellm-model-group", &call.model)
        .with("x-litellm-attempted-retries", "0")
        .with("x-litellm-attempted-fallbacks", "0");
    zero.into_iter().fold(reply, |reply, name| reply.with(name, "0.0"))
}
