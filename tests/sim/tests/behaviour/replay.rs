//! A service that is played from a script.

use mdd_replay::Script;
use mdd_sim::{Fault, Options, Sim};
use serde_json::json;

use tokio_tungstenite::tungstenite::Message;

use crate::{
    http, soon,
    websocket::{Event, Socket},
};

const PRESS: &str = r#"{
    "source": "made up",
    "exchanges": [
        {"request": "GET /ws", "answer": {"socket": [{"json": {"type": "status"}}, {"expect": "hello"}, "{\"type\": \"heard\"}", {"close": 1000}]}},
        {"request": "POST /jobs", "effect": "starts", "capture": {"id": "/id"}, "then": "busy", "answer": {"status": 201, "headers": {"X-Press": "1"}, "json": {"id": "{id}"}}},
        {"request": "GET /jobs/{id}", "during": ["busy"], "times": 1, "answer": {"json": {"done": false}}},
        {"request": "GET /jobs/{id}", "during": ["busy"], "answer": {"pieces": [{"json": {"done": true}}, {"wait_ms": 10}, "{endpoint}"]}}
    ]
}"#;

async fn press() -> Sim {
    Sim::start(Options::replay(Script::parse("press", PRESS, |_| None).unwrap())).await.unwrap()
}

async fn ask(sim: &Sim, request: &str, body: &str) -> (u16, String) {
    let (method, path) = request.split_once(' ').unwrap();
    let answer = http::request(sim, method, path, &[], body.as_bytes()).await;
    (answer.status, answer.text())
}

#[tokio::test]
async fn a_job_has_its_phases_and_a_restart_forgets_it() {
    let sim = press().await;
    assert_eq!(ask(&sim, "GET /jobs/7", "").await.0, 404);
    assert_eq!(ask(&sim, "POST /jobs", r#"{"id": "7"}"#).await, (201, r#"{"id":"7"}"#.to_owned()));
    assert_eq!(ask(&sim, "GET /jobs/7", "").await.1, r#"{"done":false}"#);
    assert_eq!(ask(&sim, "GET /jobs/7", "").await.1, format!("{{\"done\":true}}\n{}", sim.url()));
    assert_eq!(sim.ledger().jobs.len(), 1);
    sim.restart().await.unwrap();
    assert_eq!(ask(&sim, "GET /jobs/7", "").await.0, 404);
}

#[tokio::test]
async fn faults_lie_over_it() {
    let sim = press().await;
    sim.inject(Fault::Status(503).on("/jobs").times(1)).await;
    assert_eq!(ask(&sim, "POST /jobs", r#"{"id": "7"}"#).await.0, 503);
    assert_eq!(ask(&sim, "GET /jobs/7", "").await.0, 404, "the fault was in place of the service");
    sim.inject(Fault::EmptyBody.on("/jobs").times(1)).await;
    assert_eq!(ask(&sim, "POST /jobs", r#"{"id": "7"}"#).await, (201, String::new()));
    assert_eq!(ask(&sim, "GET /jobs/7", "").await.0, 200, "the service has the job");
}

#[tokio::test]
async fn what_comes_in_pieces_breaks_off_in_the_middle() {
    let sim = press().await;
    ask(&sim, "POST /jobs", r#"{"id": "7"}"#).await;
    ask(&sim, "GET /jobs/7", "").await;
    sim.inject(Fault::HalfJson).await;
    let mut connection = http::Connection::open(sim.addr()).await.unwrap();
    connection.send("GET", "/jobs/7", &[], b"").await.unwrap();
    while soon("the end", connection.more()).await.is_ok() {}
    let (text, url) = (String::from_utf8_lossy(connection.unread()).into_owned(), sim.url());
    let half = &url[..url.len() / 2];
    let body = format!("\r\n\r\nE\r\n{{\"done\":true}}\n\r\n{:X}\r\n{half}\r\n", half.len());
    // No empty chunk says that this was all.
    assert!(text.to_uppercase().ends_with(&body.to_uppercase()), "{text}");
}

#[tokio::test]
async fn a_socket_speaks_and_listens() {
    let sim = press().await;
    let mut socket = Socket::greeted(&sim, "somebody").await;
    socket.send("hello there").await;
    assert_eq!(socket.next().await, Event::Text(json!({"type": "heard"})));
    assert!(matches!(socket.raw().await, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1000));
}
