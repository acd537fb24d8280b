//! Faults of single requests.

use std::{
    io,
    time::{Duration, Instant},
};

use mdd_sim::Fault;
use serde_json::json;

use super::{comfyui, failure};
use crate::{
    PATIENCE,
    http::{Connection, get, post, request, try_request},
    soon,
};

#[tokio::test]
async fn hang_says_nothing_until_the_client_goes() {
    let sim = comfyui().await;
    sim.inject(Fault::Hang).await;
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    connection.send("GET", "/prompt", &[], b"").await.unwrap();
    sim.wait_for(|ledger| ledger.requests_total == 1, PATIENCE).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(300), connection.more()).await.is_err());
    assert_eq!(sim.ledger().connections_open, 1);
    drop(connection);
    sim.wait_for(|ledger| ledger.connections_open == 0, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn drop_and_reset_end_the_connection_without_a_byte() {
    let sim = comfyui().await;
    sim.inject(Fault::Drop.times(1)).await;
    assert_eq!(failure(&sim, "/prompt").await, io::ErrorKind::UnexpectedEof);
    sim.inject(Fault::Reset.times(1)).await;
    assert_eq!(failure(&sim, "/prompt").await, io::ErrorKind::ConnectionReset);
    assert_eq!(get(&sim, "/prompt").await.status, 200);
}

#[tokio::test]
async fn garbage_is_no_http() {
    let sim = comfyui().await;
    sim.inject(Fault::Garbage).await;
    assert_eq!(failure(&sim, "/prompt").await, io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn html_comes_with_200() {
    let sim = comfyui().await;
    sim.inject(Fault::Html).await;
    let response = get(&sim, "/prompt").await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(response.text().starts_with("<!doctype html>"));
}

#[tokio::test]
async fn an_empty_body_keeps_status_and_headers() {
    let sim = comfyui().await;
    sim.inject(Fault::EmptyBody).await;
    let response = get(&sim, "/prompt").await;
    assert_eq!((response.status, response.body.len()), (200, 0));
    assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
}

#[tokio::test]
async fn half_a_document_is_announced_whole() {
    let sim = comfyui().await;
    sim.inject(Fault::HalfJson).await;
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    connection.send("GET", "/prompt", &[], b"").await.unwrap();
    let end = soon("the end", connection.receive()).await.unwrap_err();
    assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(connection.unread(), b"{\"exec_info\": {\"qu");
}

#[tokio::test]
async fn an_endless_body_ends_with_its_client() {
    let sim = comfyui().await;
    sim.inject(Fault::EndlessBody).await;
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    connection.send("GET", "/prompt", &[], b"").await.unwrap();
    let bytes = soon("many bytes", connection.exactly(20 << 20)).await.unwrap();
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
    drop(connection);
    sim.wait_for(|ledger| ledger.connections_open == 0, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_bomb_is_small_on_the_wire() {
    let sim = comfyui().await;
    sim.inject(Fault::GzipBomb).await;
    let response = get(&sim, "/prompt").await;
    assert_eq!((response.status, response.header("content-encoding")), (200, Some("gzip")));
    assert!(response.body.starts_with(b"\x1f\x8b") && response.body.len() < 1_100_000);
    assert_eq!(response.body[response.body.len() - 4..], (1u32 << 30).to_le_bytes());
}

#[tokio::test]
async fn odd_numbers_are_added_to_the_true_answer() {
    let sim = comfyui().await;
    sim.inject(Fault::Nan.times(1)).await;
    assert_eq!(get(&sim, "/prompt").await.text(), "{\"nan\": NaN, \"exec_info\": {\"queue_remaining\": 0}}");
    sim.inject(Fault::BigSeeds.times(2)).await;
    assert_eq!(get(&sim, "/prompt").await.json()["seed"], u64::MAX);
    assert_eq!(get(&sim, "/history").await.text(), "{\"seed\": 18446744073709551615}");
    sim.inject(Fault::Nan.times(1)).await;
    assert_eq!(get(&sim, "/embeddings").await.text(), "[NaN]");
}

#[tokio::test]
async fn slow_waits_and_combines_with_others() {
    let sim = comfyui().await;
    let delay = Duration::from_millis(200);
    sim.inject(Fault::Slow(delay)).await;
    let started = Instant::now();
    assert_eq!(get(&sim, "/prompt").await.status, 200);
    assert!(started.elapsed() >= delay);
    sim.inject(Fault::Drop).await;
    let started = Instant::now();
    assert_eq!(failure(&sim, "/prompt").await, io::ErrorKind::UnexpectedEof);
    assert!(started.elapsed() >= delay);
}

/// The client can send what the buffers between the two hold, and then no more.
#[tokio::test]
async fn stop_reading_blocks_large_bodies() {
    let sim = comfyui().await;
    sim.inject(Fault::StopReading).await;
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    let body = vec![b' '; 64 << 20];
    let sending = connection.send("POST", "/prompt", &[], &body);
    assert!(tokio::time::timeout(Duration::from_millis(500), sending).await.is_err(), "it cannot be sent");
    assert_eq!(sim.ledger().requests_total, 1);
}

#[tokio::test]
async fn unhandled_requests_have_no_effect() {
    let sim = comfyui().await;
    sim.inject(Fault::Drop.on("/prompt").times(1)).await;
    let body = json!({ "prompt": super::workflow(1) });
    try_request(&sim, "POST", "/prompt", &[], body.to_string().as_bytes()).await.unwrap_err();
    let ledger = sim.ledger();
    assert_eq!((ledger.requests_total, ledger.jobs.len()), (1, 0));
    let answer = post(&sim, "/prompt", &body).await.json();
    assert_eq!(answer["number"], 0, "the dropped one was never counted");
    assert_eq!(request(&sim, "GET", "/prompt", &[], b"").await.status, 200);
}
