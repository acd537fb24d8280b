//! Which request goes where.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::Method;
use tokio::time::sleep;

use super::voices::Voices;
use crate::{
    json::{self, Json, list, object},
    ledger::{JobState, Upload},
    multipart,
    registry::Setup,
    service::{Reply, Request, decode},
    uuid,
};

const CONVERSION: Duration = Duration::from_millis(50);

pub(super) fn is_conversion(path: &str) -> bool {
    matches!(path, "/convert" | "/convert_file")
}

/// Answers one request, while everybody else waits.
pub(super) async fn answer(setup: &Setup, voices: &mut Voices, request: &Request) -> Reply {
    let path = request.path.as_str();
    let voice = path.strip_prefix("/models/").filter(|name| !name.contains('/'));
    let allowed = match path {
        "/models" | "/openapi.json" => Method::GET,
        "/params" if request.method == Method::GET => Method::GET,
        "/params" | "/convert" | "/convert_file" | "/upload_model" | "/set_device" | "/set_models_dir" => Method::POST,
        _ if voice.is_some() => Method::POST,
        _ => return detail(404, "Not Found"),
    };
    if request.method != allowed {
        return detail(405, "Method Not Allowed").with("allow", allowed.as_str());
    }
    let body = json::parse(&request.body()).unwrap_or(Json::Null);
    match path {
        "/models" => Reply::compact_json(200, &voices.list()),
        "/openapi.json" => {
            Reply::text(200, "application/json", include_str!("../../../fixtures/rvc-python/openapi.json"))
        }
        "/params" if request.method == Method::GET => Reply::compact_json(200, voices.parameters()),
        "/params" => match body.get("params") {
            Some(given) => {
                voices.set(given);
                message("Parameters updated successfully")
            }
            None => missing("params", &body),
        },
        "/set_device" => match body.get("device").and_then(Json::as_str) {
            Some(device) => message(&format!("Device set to {device}")),
            None => missing("device", &body),
        },
        "/set_models_dir" => match body.get("models_dir").and_then(Json::as_str) {
            Some("rvc_models") => {
                voices.read_again();
                message("Models directory set to rvc_models")
            }
            Some(other) => detail(400, &format!("Directory {other} does not exist")),
            None => missing("models_dir", &body),
        },
        "/upload_model" => detail(500, "File is not a zip file"),
        "/convert" | "/convert_file" => convert(setup, voices, request, &body).await,
        _ => {
            let name = decode(voice.unwrap_or_default(), false);
            match voices.load(&name) {
                Ok(()) => message(&format!("Model {name} loaded successfully")),
                Err(why) => detail(400, &why),
            }
        }
    }
}

async fn convert(setup: &Setup, voices: &Voices, request: &Request, body: &Json) -> Reply {
    let recording = match request.path.as_str() {
        "/convert_file" => {
            multipart::fields(request).into_iter().find(|field| field.name == "file").map(|field| field.value)
        }
        _ => match body.get("audio_data").and_then(Json::as_str) {
            // Python takes characters that are no base64 for nothing, and only minds the padding.
            Some(text) => match decoded(text) {
                Some(bytes) => Some(bytes),
                None if voices.loaded().is_some() => return detail(400, "Invalid audio data"),
                None => Some(Bytes::new()),
            },
            None => return missing("audio_data", body),
        },
    };
    let Some(recording) = recording else { return missing("file", &Json::Null) };
    let Some(voice) = voices.loaded() else {
        return detail(400, "No model loaded. Please load a model first.");
    };
    let number = setup.book.job_accepted(&uuid::hex(), Some(voice));
    let bytes = recording.len() as u64;
    setup.book.upload(Upload { name: voice.to_owned(), subfolder: String::new(), bytes });
    setup.book.job_is(number, JobState::Started);
    sleep(CONVERSION + Duration::from_millis(bytes / 1024)).await;
    setup.board.running().await;
    let fault = if recording.is_empty() { Some("Failed to load audio") } else { voices.fault() };
    match fault {
        Some(why) => {
            setup.book.job_is(number, JobState::Failed);
            detail(500, &format!("An error occurred: {why}"))
        }
        None => {
            setup.book.job_is(number, JobState::Finished);
            Reply::text(200, "audio/wav", recording)
        }
    }
}

fn decoded(text: &str) -> Option<Bytes> {
    let kept: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')).collect();
    BASE64_STANDARD.decode(kept).ok().map(Bytes::from)
}

fn message(text: &str) -> Reply {
    Reply::compact_json(200, &object! { "message" => text })
}

fn detail(status: u16, text: &str) -> Reply {
    Reply::compact_json(status, &object! { "detail" => text })
}

fn missing(field: &str, input: &Json) -> Reply {
    let missing = object! {
        "type" => "missing", "loc" => list!["body", field], "msg" => "Field required", "input" => input
    };
    Reply::compact_json(422, &object! { "detail" => list![missing] })
}
