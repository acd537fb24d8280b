//! LiteLLM beyond its recorded files: keys, connections, streams, and what a client must not do.

use std::{
    io,
    time::{Duration, Instant},
};

use mdd_sim::{JobState, Options, Sim};
use serde_json::{Value, json};

use crate::{
    PATIENCE, eventually,
    http::{Connection, get, post, request, try_request},
    soon,
};

const KEY: &str = "sk-lab-key";

async fn start(options: Options) -> Sim {
    Sim::start(options).await.unwrap()
}

fn newer() -> Options {
    Options::new("litellm").first_miss(Duration::ZERO)
}

fn older() -> Options {
    Options::new("litellm").version("1.75.8")
}

async fn models(sim: &Sim, header: &str, value: &str) -> (u16, String) {
    let response = request(sim, "GET", "/v1/models", &[(header, value)], b"").await;
    (response.status, response.text())
}

#[tokio::test]
async fn every_way_of_showing_a_key_is_treated_as_observed() {
    let sim = start(newer().key(KEY)).await;
    let bearer = format!("Bearer {KEY}");
    assert_eq!(models(&sim, "Authorization", &bearer).await.0, 200);
    for header in ["x-api-key", "api-key", "x-litellm-api-key", "x-goog-api-key"] {
        assert_eq!(models(&sim, header, KEY).await.0, 200, "{header}");
        assert_eq!(models(&sim, header, &bearer).await.0, 200, "{header} with Bearer");
    }
    for wrong in ["Bearer sk-wrong", "Bearer wrong", "Basic abc"] {
        let (status, body) = models(&sim, "Authorization", wrong).await;
        assert_eq!(status, 400, "{wrong}");
        assert!(body.contains("\"type\":\"no_db_connection\""), "{body}");
    }
    for malformed in [KEY, "Bearer "] {
        let (status, body) = models(&sim, "Authorization", malformed).await;
        assert_eq!(status, 401, "{malformed}");
        assert!(body.contains("Malformed API Key passed in. Ensure Key has `Bearer ` prefix."), "{body}");
    }
    let (status, body) = models(&sim, "Accept", "*/*").await;
    assert_eq!(status, 401);
    assert!(body.contains("No api key passed in") && body.contains("auth_error"), "{body}");
    let seen = sim.ledger().requests;
    assert!(seen[0].has_auth && !seen.last().unwrap().has_auth);
}

#[tokio::test]
async fn without_prisma_a_missing_key_is_a_crash() {
    let sim = start(newer().key(KEY).without_prisma()).await;
    for path in ["/v1/models", "/health/backlog", "/model/info"] {
        let response = get(&sim, path).await;
        assert_eq!((response.status, response.text().as_str()), (500, "Internal Server Error"), "{path}");
        assert_eq!(response.header("connection"), Some("close"));
        assert_eq!(response.header("x-frame-options"), None, "the answer comes from below the application");
    }
    assert_eq!(models(&sim, "Authorization", KEY).await.0, 500, "nor does a malformed one get further");
    assert_eq!(models(&sim, "Authorization", "Bearer sk-wrong").await.0, 400);
    assert_eq!(get(&sim, "/health/liveliness").await.status, 200);
    // The older release has no such bug.
    let old = start(older().key(KEY).without_prisma()).await;
    assert_eq!(get(&old, "/v1/models").await.status, 401);
}

#[tokio::test]
async fn public_paths_need_no_key() {
    for options in [newer(), older()] {
        let sim = start(options.key(KEY)).await;
        for path in ["/health/liveliness", "/health/liveness", "/health/readiness", "/", "/routes", "/test"] {
            assert_eq!(get(&sim, path).await.status, 200, "{path}");
        }
        assert_eq!(get(&sim, "/health/liveliness").await.text(), "\"I'm alive!\"");
    }
}

#[tokio::test]
async fn without_a_configured_key_everything_is_open() {
    let sim = start(newer()).await;
    assert_eq!(models(&sim, "Authorization", "Bearer whatever").await.0, 200);
    assert_eq!(models(&sim, "Origin", "http://evil.example").await.0, 200);
}

#[tokio::test]
async fn the_older_release_lacks_some_routes_and_names_its_server() {
    let old = start(older()).await;
    assert_eq!(get(&old, "/health/backlog").await.status, 404);
    let models = get(&old, "/v1/models").await;
    assert_eq!(models.header("server"), Some("uvicorn"));
    assert_eq!(models.header("x-frame-options"), None);
    let new = start(newer()).await;
    assert_eq!(get(&new, "/health/backlog").await.json()["in_flight_requests"], 1, "it counts itself");
    assert_eq!(get(&new, "/v1/models").await.header("server"), None);
}

#[tokio::test]
async fn other_paths_and_methods_get_the_framework_s_answers() {
    let sim = start(newer()).await;
    let missing = get(&sim, "/system_stats").await;
    assert_eq!((missing.status, missing.text().as_str()), (404, "{\"detail\":\"Not Found\"}"));
    let refused = get(&sim, "/v1/chat/completions").await;
    assert_eq!((refused.status, refused.text().as_str()), (405, "{\"detail\":\"Method Not Allowed\"}"));
    assert_eq!(refused.header("allow"), Some("POST"));
    assert_eq!(request(&sim, "HEAD", "/health/liveliness", &[], b"").await.status, 405);
    assert_eq!(get(&sim, "/health/services").await.status, 422);
}

/// Others wait for the first unknown path of a process; later ones cost nothing.
#[tokio::test]
async fn the_first_miss_blocks_everybody() {
    let block = Duration::from_millis(600);
    let sim = start(Options::new("litellm").first_miss(block)).await;
    let started = Instant::now();
    let mut blocker = Connection::open(sim.addr()).await.unwrap();
    blocker.send("GET", "/system_stats", &[], b"").await.unwrap();
    sim.wait_for(|ledger| ledger.requests_to("/system_stats") == 1, PATIENCE).await.unwrap();
    assert_eq!(get(&sim, "/health/liveliness").await.status, 200);
    assert!(started.elapsed() >= block, "liveliness had to wait");
    assert_eq!(soon("the first 404", blocker.receive()).await.unwrap().status, 404);
    let again = Instant::now();
    assert_eq!(get(&sim, "/system_stats").await.status, 404);
    assert!(again.elapsed() < block, "only the first one costs");
    sim.restart().await.unwrap();
    let started = Instant::now();
    assert_eq!(get(&sim, "/system_stats").await.status, 404);
    assert!(started.elapsed() >= block, "a new process has it before it again");
}

#[tokio::test]
async fn idle_connections_are_closed_by_the_server() {
    let sim = start(newer().keep_alive(Duration::from_millis(300))).await;
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    for _ in 0..2 {
        connection.send("GET", "/health/liveliness", &[], b"").await.unwrap();
        assert_eq!(soon("an answer", connection.receive()).await.unwrap().header("keep-alive"), None);
    }
    let idle = Instant::now();
    let end = soon("the end", connection.more()).await.unwrap_err();
    assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    assert!(idle.elapsed() >= Duration::from_millis(250), "not before its time");
    assert_eq!(sim.ledger().connections_opened, 1);
    sim.wait_for(|ledger| ledger.connections_open == 0, PATIENCE).await.unwrap();

    // The clock only starts with an answer.
    let mut silent = Connection::open(sim.addr()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(600), silent.more()).await.is_err());
}

#[tokio::test]
async fn health_is_there_and_noted_as_forbidden() {
    let sim = start(newer().key(KEY)).await;
    get(&sim, "/health/readiness").await;
    assert!(sim.ledger().forbidden.is_empty());
    assert_eq!(get(&sim, "/health").await.status, 401);
    assert_eq!(sim.ledger().forbidden, ["GET /health calls every upstream model"]);
}

#[tokio::test]
async fn a_stream_counts_as_in_flight_and_ends_with_its_client() {
    let sim = start(newer()).await;
    let body = chat("slow", true).to_string();
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    connection.send("POST", "/v1/chat/completions", &[], body.as_bytes()).await.unwrap();
    soon("the first chunk", connection.more()).await.unwrap();
    let backlog = get(&sim, "/health/backlog").await.json();
    assert_eq!(backlog["in_flight_requests"], 2);
    drop(connection);
    eventually("an idle proxy", || get(&sim, "/health/backlog"), |answer| answer.json()["in_flight_requests"] == 1)
        .await;
    let cancelled = |ledger: &mdd_sim::Ledger| ledger.jobs[0].state == JobState::Cancelled;
    sim.wait_for(cancelled, PATIENCE).await.unwrap();
}

/// A request that is no stream goes on although its client has gone.
#[tokio::test]
async fn a_plain_request_outlives_its_client() {
    let sim = start(newer()).await;
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    connection.send("POST", "/v1/chat/completions", &[], chat("slow", false).to_string().as_bytes()).await.unwrap();
    sim.wait_for(|ledger| ledger.jobs.len() == 1, PATIENCE).await.unwrap();
    drop(connection);
    sim.wait_for(|ledger| ledger.connections_open == 0, PATIENCE).await.unwrap();
    assert_eq!(get(&sim, "/health/backlog").await.json()["in_flight_requests"], 2);
    sim.wait_for(|ledger| ledger.jobs[0].state == JobState::Finished, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_killed_proxy_cuts_its_streams() {
    let sim = start(newer()).await;
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    connection.send("POST", "/v1/chat/completions", &[], chat("slow", true).to_string().as_bytes()).await.unwrap();
    soon("the first chunk", connection.more()).await.unwrap();
    sim.stop().await;
    let end = soon("the end", connection.receive()).await.unwrap_err();
    assert!(matches!(end.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset), "{end}");
    let refused = try_request(&sim, "GET", "/health/liveliness", &[], b"").await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn an_empty_body_lacks_messages() {
    let sim = start(newer()).await;
    let response = request(&sim, "POST", "/chat/completions", &[], b"").await;
    assert_eq!(response.status, 400);
    assert_eq!(response.json()["error"]["param"], "messages");
    assert_eq!(post(&sim, "/v1/chat/completions", &chat("mock-writer", false)).await.json()["model"], "mock-writer");
}

fn chat(model: &str, is_stream: bool) -> Value {
    json!({ "model": model, "stream": is_stream, "messages": [{ "role": "user", "content": "hi" }] })
}
