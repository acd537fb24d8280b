//! WebSocket rules, among them the traps that clients fall into.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use super::{VERSIONS, image, lab, slow, start, submit};
use crate::{
    PATIENCE, eventually,
    http::{get, request},
    soon,
    websocket::{Event, Socket},
};

#[tokio::test]
async fn the_first_frame_comes_with_the_handshake() {
    let sim = start("0.33.0").await;
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    let request = "GET /ws?clientId=abc HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = vec![0; 4096];
    let count = soon("the handshake", stream.read(&mut bytes)).await.unwrap();
    let text = String::from_utf8_lossy(&bytes[..count]);
    assert!(text.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{text}");
    assert!(text.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{text}");
    assert!(text.contains("\"sid\": \"abc\""), "both arrive in one read: {text}");
}

#[tokio::test]
async fn a_client_without_an_id_is_given_one() {
    let sim = start("0.3.64").await;
    let Event::Text(status) = Socket::open(&sim, "").await.next().await else { panic!("a text frame") };
    let sid = status["data"]["sid"].as_str().unwrap();
    assert!(sid.len() == 32 && sid.bytes().all(|byte| byte.is_ascii_hexdigit()), "{sid}");
}

#[tokio::test]
async fn a_request_that_is_no_upgrade_gets_400() {
    let sim = start("0.3.64").await;
    let response = get(&sim, "/ws").await;
    assert_eq!(response.status, 400);
    assert_eq!(response.text(), "No WebSocket UPGRADE hdr: None\n Can \"Upgrade\" only to \"WebSocket\".");
    let foreign = [("Origin", "http://evil.example"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")];
    assert_eq!(request(&sim, "GET", "/ws", &foreign, b"").await.status, 403);
}

#[tokio::test]
async fn feature_flags_are_answered_as_the_first_message_only() {
    let sim = start("0.33.0").await;
    let flags = json!({ "type": "feature_flags", "data": { "supports_preview_metadata": true } }).to_string();
    let mut socket = Socket::greeted(&sim, "a").await;
    socket.send(flags.clone()).await;
    let Event::Text(answer) = socket.next().await else { panic!("a text frame") };
    assert_eq!(answer, json!({ "type": "feature_flags", "data": get(&sim, "/features").await.json() }));

    let mut late = Socket::greeted(&sim, "b").await;
    late.send("{\"type\": \"something\"}").await;
    late.send(flags).await;
    late.send("no JSON").await;
    assert!(late.ping().await.is_empty(), "neither is answered");
}

/// Two sockets with one id: the second is deaf once the first has closed.
#[tokio::test]
async fn a_second_socket_with_the_same_id_becomes_deaf() {
    for version in VERSIONS {
        let sim = start(version).await;
        let mut first = Socket::greeted(&sim, "same").await;
        let mut second = Socket::greeted(&sim, "same").await;
        let id = submit(&sim, image(1), Some("same")).await;
        second.until_end_of(&id).await;
        assert!(first.ping().await.is_empty(), "the first is open and gets nothing");

        first.close().await;
        sim.wait_for(|ledger| ledger.sockets_open() == 1, PATIENCE).await.unwrap();
        let id = submit(&sim, image(2), Some("same")).await;
        sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
        assert!(second.ping().await.is_empty(), "the second answers pings and is deaf");

        let mut fresh = Socket::greeted(&sim, "fresh").await;
        let id = submit(&sim, image(3), Some("fresh")).await;
        fresh.until_end_of(&id).await;
    }
}

#[tokio::test]
async fn closing_before_opening_again_is_fine() {
    let sim = start("0.33.0").await;
    for color in 1..20 {
        let mut socket = Socket::greeted(&sim, "same").await;
        let id = submit(&sim, image(color), Some("same")).await;
        socket.until_end_of(&id).await;
        socket.close().await;
    }
}

/// One client that does not read stops the events of all, until it goes; HTTP goes on.
#[tokio::test]
async fn a_stalled_reader_stalls_everybody() {
    let sim = start("0.33.0").await;
    let stalled = Socket::open(&sim, "stalled").await;
    let mut other = Socket::greeted(&sim, "other").await;
    // More than all buffers between the two processes hold.
    let noise = lab(1, "LabNoise", json!({ "count": 40, "size": 512 }));
    let id = submit(&sim, noise, Some("stalled")).await;
    sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
    other.until(|event| event.kind() == "status").await;
    other.ping().await;

    let own = submit(&sim, image(2), Some("other")).await;
    sim.wait_for(|ledger| ledger.finished(&own) == 1, PATIENCE).await.unwrap();
    let path = format!("/history/{own}");
    eventually("the history", || get(&sim, &path), |entry| entry.json()[&own]["status"]["completed"] == true).await;
    let before = other.ping().await;
    assert!(!format!("{before:?}").contains(&own), "the job is done and nothing was said of it: {before:?}");
    assert_eq!(Socket::open(&sim, "new").await.next().await.kind(), "status", "newcomers are greeted all the same");

    drop(stalled);
    other.until_end_of(&own).await;
}

#[tokio::test]
async fn a_message_beyond_4_mib_is_answered_with_1009() {
    let sim = start("0.33.0").await;
    let mut socket = Socket::greeted(&sim, "c").await;
    socket.send("x".repeat(4 << 20)).await;
    assert!(socket.ping().await.is_empty(), "4 MiB are allowed");
    socket.send("x".repeat((4 << 20) + 1)).await;
    match socket.raw().await {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(frame.code, CloseCode::Size),
        other => panic!("expected a close frame, got {other:?}"),
    }
}

#[tokio::test]
async fn an_idle_socket_is_left_in_peace() {
    let sim = start("0.33.0").await;
    let mut socket = Socket::greeted(&sim, "c").await;
    let silence = tokio::time::timeout(Duration::from_millis(500), socket.next()).await;
    assert!(silence.is_err(), "neither events nor pings: {silence:?}");
}

/// Without a client id progress goes to everybody and the milestones to nobody.
#[tokio::test]
async fn a_job_without_a_client_is_seen_in_parts_by_all() {
    let sim = start("0.33.0").await;
    let mut socket = Socket::greeted(&sim, "watcher").await;
    let id = submit(&sim, slow(1, 2), None).await;
    sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
    // The end of this job of our own comes after everything of the other.
    let own = submit(&sim, image(2), Some("watcher")).await;
    let events = socket.until_end_of(&own).await;
    let of_other: Vec<&str> = events
        .iter()
        .filter(|event| matches!(event, Event::Text(event) if event["data"]["prompt_id"] == id.as_str()))
        .map(Event::kind)
        .collect();
    assert!(of_other.contains(&"progress") && of_other.contains(&"progress_state"), "{of_other:?}");
    assert!(of_other.iter().all(|kind| kind.starts_with("progress")), "{of_other:?}");
}

#[tokio::test]
async fn a_job_of_another_client_shows_as_status_only() {
    let sim = start("0.3.64").await;
    let mut socket = Socket::greeted(&sim, "watcher").await;
    let id = submit(&sim, slow(1, 2), Some("somebody else")).await;
    sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
    let own = submit(&sim, image(2), Some("watcher")).await;
    let events = socket.until_end_of(&own).await;
    let is_foreign = |event: &&Event| matches!(event, Event::Text(event) if event["data"]["prompt_id"] == id.as_str());
    assert_eq!(events.iter().filter(is_foreign).count(), 0);
}
