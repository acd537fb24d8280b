//! Streamed answers: server-sent events in the recorded order.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::mpsc, time::sleep};

use super::{
    super::{InFlight, LiteLlm},
    Call, headers,
};
use crate::{
    json::{Json, list, object},
    ledger::JobState,
    service::{Reply, ReplyBody},
    uuid,
};

/// The recorded model sends so many characters at a time.
const CHUNK: usize = 3;

/// The unlisted model `slow` pauses so long between chunks.
const PAUSE: Duration = Duration::from_millis(250);

const DIED: &str = "litellm.APIConnectionError: APIConnectionError: OpenAIException - Response payload is not \
                    completed: <TransferEncodingError: 400, message='Not enough data to satisfy transfer length \
                    header.'>";

/// Starts a stream; it ends early when the client goes away, and counts as in flight until it ends.
pub(super) fn answer(service: &LiteLlm, call: Call, in_flight: InFlight, number: u64) -> Reply {
    let (sender, chunks) = mpsc::channel(1);
    let reply = Reply::new(200, ReplyBody::Stream(chunks))
        .with("content-type", "text/event-stream; charset=utf-8")
        .with("cache-control", "no-cache")
        .with("x-accel-buffering", "no");
    let reply = headers(service, reply, &call);
    let book = Arc::clone(&service.setup.book);
    let (event_loop, board) = (Arc::clone(&service.event_loop), Arc::clone(&service.setup.board));
    tokio::spawn(async move {
        let _in_flight = in_flight;
        let pause = if call.model == "slow" { PAUSE } else { Duration::ZERO };
        let (events, state) = events(&call);
        for event in events {
            board.running().await;
            drop(event_loop.lock().await);
            if sender.send(Bytes::from(format!("data: {event}\n\n"))).await.is_err() {
                return book.job_is(number, JobState::Cancelled);
            }
            sleep(pause).await;
        }
        book.job_is(number, state);
    });
    reply
}

/// All events of a stream and what becomes of the job.
fn events(call: &Call) -> (Vec<String>, JobState) {
    if call.model == "midfail" {
        let id = Json::from("x");
        let mut events: Vec<String> =
            ["t0 ", "t1 ", "t2 "].iter().enumerate().map(|(index, text)| piece(call, &id, index, text)).collect();
        let error = object! { "message" => DIED, "type" => Json::Null, "param" => Json::Null, "code" => "500" };
        events.push(object! { "error" => error }.to_python());
        return (events, JobState::Failed);
    }
    let id = Json::from(format!("chatcmpl-{}", uuid::v4()));
    let characters: Vec<char> = call.says.chars().collect();
    let pieces = characters.chunks(CHUNK).map(|piece| piece.iter().collect::<String>());
    let mut events: Vec<String> = pieces.enumerate().map(|(index, text)| piece(call, &id, index, &text)).collect();
    let stop = object! { "index" => 0, "delta" => object! {}, "finish_reason" => "stop" };
    events.push(chunk(call, &id, stop).to_compact());
    if call.has_usage {
        events.push(usage(call, &id).to_compact());
    }
    events.push("[DONE]".to_owned());
    (events, JobState::Finished)
}

fn piece(call: &Call, id: &Json, index: usize, text: &str) -> String {
    let delta = match index {
        0 => object! { "role" => "assistant", "content" => text },
        _ => object! { "content" => text },
    };
    chunk(call, id, object! { "index" => 0, "delta" => delta }).to_compact()
}

fn chunk(call: &Call, id: &Json, choice: Json) -> Json {
    object! {
        "id" => id,
        "object" => "chat.completion.chunk",
        "created" => call.created,
        "model" => &call.model,
        "choices" => list![choice],
    }
}

/// The extra chunk before the end; its members come in another order than those of the others.
fn usage(call: &Call, id: &Json) -> Json {
    let completion = call.says.split(' ').count() + 1;
    let details = object! { "reasoning_tokens" => 0, "text_tokens" => completion };
    let usage = object! {
        "completion_tokens" => completion,
        "prompt_tokens" => 8,
        "total_tokens" => completion + 8,
        "completion_tokens_details" => details,
    };
    object! {
        "id" => id,
        "created" => call.created,
        "model" => &call.model,
        "object" => "chat.completion.chunk",
        "choices" => list![object! { "index" => 0, "delta" => object! {} }],
        "usage" => usage,
    }
}
