//! LiteLLM: each recorded request is sent again to a proxy that is configured as the recorded one was.

use mdd_sim::{Options, Sim};
use serde_json::{Value, json};

use super::{files, json as recorded, text};
use crate::{
    eventually,
    http::{Connection, Response, get, post, request},
    normal::{assert_same, masked},
    soon,
};

const FOLDER: &str = "litellm";
const KEY: &str = "sk-lab-key";

/// Recordings that were trimmed afterwards: their length is no longer that of the body.
const TRIMMED: [&str; 3] = ["model_info_trimmed", "key_auth_health", "nokey_health"];

#[tokio::test]
async fn both_versions_answer_as_recorded() {
    for name in files(FOLDER) {
        let (stem, ending) = name.rsplit_once('.').expect("names have endings");
        let sim = Sim::start(options(stem)).await.unwrap();
        match ending {
            "json" => compare_json(&sim, stem, &name).await,
            "sse" => compare_stream(&sim, stem, &name).await,
            _ => panic!("{name} is compared with nothing"),
        }
    }
}

/// How the proxy of a recording was configured.
fn options(stem: &str) -> Options {
    let options = Options::new("litellm").version(if stem.starts_with("old_1.75.8") { "1.75.8" } else { "1.106.2" });
    match stem {
        stem if stem.starts_with("key_noauth_noprisma") => options.key(KEY).without_prisma(),
        stem if stem.starts_with("key_") => options.key(KEY),
        _ => options,
    }
}

async fn compare_json(sim: &Sim, stem: &str, name: &str) {
    let recorded = recorded(FOLDER, name);
    let response = match recorded.get("request") {
        Some(request) => send(sim, stem, request).await,
        None => derived(sim, stem).await,
    };
    assert_eq!(response.status, recorded["status"], "{name}");
    let is_trimmed = TRIMMED.iter().any(|trimmed| stem.ends_with(trimmed));
    compare_headers(&response, &recorded["headers"], is_trimmed, name);
    match recorded.get("text") {
        Some(text) => {
            assert_eq!(masked_stream(&response.text()), masked_stream(text.as_str().unwrap()), "{name}");
        }
        None if stem.contains("model_info_trimmed") && response.status == 200 => {
            // Trimmed to the first model.
            assert_eq!(response.json()["data"][0], recorded["json"]["data"][0], "{name}");
        }
        None => assert_same(&response.json(), &recorded["json"], name),
    }
}

/// Sends a recorded request, with the key in place of its placeholder.
async fn send(sim: &Sim, stem: &str, recorded: &Value) -> Response {
    let key = if stem == "key_noauth_bad_key" { "sk-wrong" } else { KEY };
    let authorization = recorded["authorization"].as_str().map(|value| value.replace("<key>", key));
    // The recorder did not keep its connections.
    let mut headers = vec![("Connection", "close"), ("Content-Type", "application/json")];
    if let Some(authorization) = &authorization {
        headers.push(("Authorization", authorization));
    }
    let body = match &recorded["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let (method, path) = (recorded["method"].as_str().unwrap(), recorded["path"].as_str().unwrap());
    request(sim, method, path, &headers, body.as_bytes()).await
}

/// The request behind a recording that does not hold it.
async fn derived(sim: &Sim, stem: &str) -> Response {
    match stem {
        "old_1.75.8_readiness" => get(sim, "/health/readiness").await,
        "old_1.75.8_bad_model" => chat(sim, "nope", json!({})).await,
        "upstream_401" => chat(sim, "auth", json!({})).await,
        "upstream_429" => chat(sim, "ratelimit", json!({})).await,
        "upstream_503" => chat(sim, "five", json!({})).await,
        "upstream_context_400" => chat(sim, "ctx", json!({})).await,
        "upstream_timeout_408" => chat(sim, "hang", json!({})).await,
        "backlog_3_slow_in_flight" => backlog_behind_three(sim).await,
        _ => panic!("{stem} is compared with nothing"),
    }
}

async fn chat(sim: &Sim, model: &str, more: Value) -> Response {
    post(sim, "/v1/chat/completions", &chat_body(model, more)).await
}

fn chat_body(model: &str, more: Value) -> Value {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn backlog_behind_three(sim: &Sim) -> Response {
    let body = chat_body("slow", json!({})).to_string();
    let mut busy = Vec::new();
    for _ in 0..3 {
        let mut connection = Connection::open(sim.addr()).await.unwrap();
        connection.send("POST", "/v1/chat/completions", &[], body.as_bytes()).await.unwrap();
        busy.push(connection);
    }
    let backlog = eventually(
        "three requests in flight",
        || get(sim, "/health/backlog"),
        |answer| answer.json()["in_flight_requests"] == 4,
    )
    .await;
    for mut connection in busy {
        assert_eq!(soon("a slow answer", connection.receive()).await.unwrap().status, 200);
    }
    backlog
}

/// Recorded headers are lower-case, as uvicorn sends them; ids and times only have to be there.
fn compare_headers(response: &Response, recorded: &Value, is_trimmed: bool, name: &str) {
    for (header, value) in recorded.as_object().into_iter().flatten() {
        let sent = response.headers.iter().find(|(known, _)| known == header);
        let (_, sent) = sent.unwrap_or_else(|| panic!("{name}: no header {header} in {:?}", response.headers));
        match header.as_str() {
            "x-litellm-call-id" | "x-litellm-response-duration-ms" | "x-litellm-callback-duration-ms" => {}
            "content-length" if is_trimmed => {}
            _ => assert_eq!(Some(sent.as_str()), value.as_str(), "{name}: {header}"),
        }
    }
    if response.header("server").is_some() {
        assert!(recorded.get("server").is_some(), "{name}: the recorded proxy sends no Server header");
    }
}

/// A stream is compared as text, in its order of members, but for ids and times.
async fn compare_stream(sim: &Sim, stem: &str, name: &str) {
    let authorization = format!("Bearer {KEY}");
    let (model, more) = match stem {
        "stream_upstream_dies_midway" => ("midfail", json!({ "stream": true })),
        "nokey_chat_stream" | "key_auth_chat_stream" => ("mock-gpt", json!({ "stream": true })),
        "nokey_chat_stream_usage" | "key_auth_chat_stream_usage" => {
            ("mock-gpt", json!({ "stream": true, "stream_options": { "include_usage": true } }))
        }
        _ => panic!("{name} is compared with nothing"),
    };
    let body = chat_body(model, more).to_string();
    let headers = [("Authorization", authorization.as_str())];
    let response = request(sim, "POST", "/v1/chat/completions", &headers, body.as_bytes()).await;
    assert_eq!(response.status, 200, "{name}");
    assert_eq!(masked_stream(&response.text()), masked_stream(&text(FOLDER, name)), "{name}");
}

fn masked_stream(text: &str) -> String {
    masked(&masked(text, "\"id\":\"chatcmpl-", "\""), "\"created\":", ",")
}
