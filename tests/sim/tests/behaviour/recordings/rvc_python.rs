//! rvc-python: the recorded requests in their order, before any voice is loaded.

use mdd_sim::{Fault, JobState, Sim};
use serde_json::{Value, json};

use super::{json as recorded, text};
use crate::{
    http::{Response, get, post, request},
    soon,
};

const FOLDER: &str = "rvc-python";

#[tokio::test]
async fn requests_are_answered_as_recorded() {
    let sim = Sim::start("rvc-python").await.unwrap();
    let recordings = recorded(FOLDER, "requests.json");
    let mut compared = 0;
    for recording in recordings.as_array().unwrap() {
        let asked = recording["request"].as_str().unwrap();
        let (method, path) = asked.split_once(' ').unwrap();
        // The recorder failed over answers without a body, and the pages for people are FastAPI's own.
        if recording.get("status").is_none() || path == "/docs" || method == "OPTIONS" {
            continue;
        }
        let response = send(&sim, method, path, recording).await;
        assert_eq!(response.status, recording["status"], "{asked}");
        for header in ["server", "content-type", "vary", "allow"] {
            assert_eq!(response.header(header), recording["headers"][header].as_str(), "{asked}: {header}");
        }
        if recording["json"] != "<large: see own file>" {
            assert_eq!(response.json(), theirs(path, &recording["json"]), "{asked}");
        }
        compared += 1;
    }
    assert_eq!(compared, 21);
}

/// There was one voice when they were recorded.
fn theirs(path: &str, answer: &Value) -> Value {
    if path == "/models" { json!({"models": ["alice", "bob"]}) } else { answer.clone() }
}

async fn send(sim: &Sim, method: &str, path: &str, recording: &Value) -> Response {
    if path == "/convert_file" {
        let is_whole = recording["status"] == 400;
        let name = if is_whole { "file" } else { "other" };
        return form(sim, path, name, b"RIFF").await;
    }
    // The recorded voice had a broken file; here that is another one.
    let path = if path == "/models/alice" { "/models/broken" } else { path };
    let body = match (&recording["body"], path) {
        (Value::Null, _) if path == "/upload_model" => return form(sim, path, "file", b"no zip").await,
        (Value::Null, _) => Value::Null,
        (Value::String(_), _) if recording["status"] == 422 => json!({"audio": "UklGRg=="}),
        (Value::String(_), _) => json!({"audio_data": "UklGRg=="}),
        (body, _) => body.clone(),
    };
    let text = if body.is_null() { String::new() } else { body.to_string() };
    request(sim, method, path, &[("content-type", "application/json")], text.as_bytes()).await
}

async fn form(sim: &Sim, path: &str, name: &str, bytes: &[u8]) -> Response {
    let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a.wav\"\r\n\r\n");
    let body = [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat();
    request(sim, "POST", path, &[("content-type", "multipart/form-data; boundary=b")], &body).await
}

#[tokio::test]
async fn its_api_is_described_as_recorded() {
    let sim = Sim::start("rvc-python").await.unwrap();
    assert_eq!(get(&sim, "/openapi.json").await.json(), recorded(FOLDER, "openapi.json"));
}

/// `unknown_model_is_listed.txt`: asking for a voice that is not there makes it one.
#[tokio::test]
async fn an_unknown_voice_is_listed_afterwards() {
    assert!(text(FOLDER, "unknown_model_is_listed.txt").contains("{\"models\":[\"alice\",\"nope\"]}"));
    let sim = Sim::start("rvc-python").await.unwrap();
    let refused = post(&sim, "/models/nope", &Value::Null).await;
    assert_eq!((refused.status, refused.json()), (400, json!({"detail": "Model file nope not found."})));
    assert_eq!(get(&sim, "/models").await.json(), json!({"models": ["alice", "bob", "nope"]}));
    assert_eq!(post(&sim, "/set_models_dir", &json!({"models_dir": "rvc_models"})).await.status, 200);
    assert_eq!(get(&sim, "/models").await.json(), json!({"models": ["alice", "bob"]}));
    assert_eq!(request(&sim, "HEAD", "/models", &[], b"").await.status, 405);
}

/// `busy.txt`: one after the other, nothing is answered meanwhile, and nothing is stopped by hanging up.
#[tokio::test]
async fn it_is_silent_while_it_converts() {
    let busy = text(FOLDER, "busy.txt");
    for line in [
        "GET /models while converting -> ReadTimeout",
        "POST /convert bad padding 400",
        "(the conversion is not cancelled)",
    ] {
        assert!(busy.contains(line), "{line}");
    }
    let sim = Sim::start("rvc-python").await.unwrap();
    assert_eq!(post(&sim, "/models/alice", &Value::Null).await.status, 200);
    let long = vec![b'x'; 1 << 20];
    let begun = std::time::Instant::now();
    let converting = form(&sim, "/convert_file", "file", &long);
    let asking = async {
        sim.wait_for(|ledger| ledger.jobs.len() == 1, std::time::Duration::from_secs(20)).await.unwrap();
        get(&sim, "/models").await
    };
    let (converted, models) = soon("both", async { tokio::join!(converting, asking) }).await;
    assert_eq!((converted.status, converted.body.len(), models.status), (200, long.len(), 200));
    assert!(begun.elapsed().as_millis() > 1_000, "the list came after the conversion");
    for (body, status, detail) in [
        (json!({"audio_data": ""}), 500, "An error occurred: Failed to load audio"),
        (json!({"audio_data": "!!!"}), 500, "An error occurred: Failed to load audio"),
        (json!({"audio_data": "abcde"}), 400, "Invalid audio data"),
    ] {
        let answer = post(&sim, "/convert", &body).await;
        assert_eq!((answer.status, answer.json()["detail"].as_str()), (status, Some(detail)));
    }
    sim.inject(Fault::CutAnswer.on("/convert").times(1)).await;
    let _cut = crate::http::try_request(
        &sim,
        "POST",
        "/convert",
        &[],
        json!({"audio_data": "UklGRg=="}).to_string().as_bytes(),
    )
    .await;
    sim.wait_for(|ledger| ledger.jobs.last().unwrap().state == JobState::Finished, std::time::Duration::from_secs(20))
        .await
        .unwrap();
}
