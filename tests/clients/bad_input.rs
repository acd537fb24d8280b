//! Lines that no client should send. Each costs its sender an error and nobody anything else.

use crate::{home::Home, processes, soon, talk::SocketTalk};
use mdd_core::rpc::{ErrorCode, MAX_LINE};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

/// What the host may grow by for one client, in bytes.
const MAX_GROWTH: u64 = 16 << 20;

async fn refusal(talk: &mut SocketTalk, line: &[u8]) -> i64 {
    talk.send(line).await;
    let answer = talk.answer().await;
    assert_eq!(answer["id"], Value::Null, "{answer}");
    answer["error"]["code"].as_i64().unwrap()
}

#[tokio::test]
async fn what_is_no_json_is_refused_and_forgotten() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::greeted(&home).await;
    let deep = "[".repeat(100_000) + "\n";
    let deep_params = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{}{}}}\n",
        "{\"a\":".repeat(50_000),
        "}".repeat(50_000)
    );
    for line in [
        &b"\n"[..],
        b"\r\n",
        b"hello\n",
        b"\0\n",
        b"{\"jsonrpc\":\"2.0\",\0\"id\":1,\"method\":\"ping\"}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}\n",
        b"\xc3\x28\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} {}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1e999,\"method\":\"ping\"}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":NaN,\"method\":\"ping\"}\n",
        deep.as_bytes(),
        deep_params.as_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
        assert_eq!(refusal(&mut talk, line).await, ErrorCode::Parse as i64, "{shown}");
    }
    for line in [&b"7\n"[..], b"null\n", b"[]\n", b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]\n", b"{}\n"] {
        assert_eq!(refusal(&mut talk, line).await, ErrorCode::InvalidRequest as i64);
    }
    assert_eq!(talk.ask("ping", Value::Null).await, json!({}));
}

#[tokio::test]
async fn binary_garbage_gets_one_error_for_each_line() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::greeted(&home).await;
    let mut garbage = Vec::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..32_768 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        garbage.extend(random.to_le_bytes());
    }
    garbage.push(b'\n');
    let lines = garbage.iter().filter(|byte| **byte == b'\n').count();
    let mut writer = talk.take_writer();
    let writing = tokio::spawn(async move {
        writer.write_all(&garbage).await.unwrap();
        writer.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"ping\"}\n").await.unwrap();
        writer
    });
    for _ in 0..lines {
        assert_eq!(talk.answer().await["error"]["code"], ErrorCode::Parse as i64);
    }
    assert_eq!(talk.answer().await["id"], "last");
    soon("the writer", writing).await.unwrap();
}

#[tokio::test]
async fn a_hundred_thousand_requests_in_one_write_are_answered_in_order() {
    const REQUESTS: u64 = 100_000;
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::greeted(&home).await;
    let requests: String =
        (0..REQUESTS).map(|id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n")).collect();
    let mut writer = talk.take_writer();
    let writing = tokio::spawn(async move {
        writer.write_all(requests.as_bytes()).await.unwrap();
        writer
    });
    for id in 0..REQUESTS {
        assert_eq!(talk.answer().await["id"], id);
    }
    soon("the writer", writing).await.unwrap();
}

#[tokio::test]
async fn half_a_line_before_the_end_is_no_request() {
    let home = Home::empty();
    let mut host = home.serve().await;
    let mut talk = SocketTalk::greeted(&home).await;
    talk.send(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"host.stop\"}").await;
    talk.finish().await;
    assert_eq!(talk.hear().await, None);
    SocketTalk::greeted(&home).await;
    assert!(host.is_running());
}

#[tokio::test]
async fn a_line_without_end_costs_no_memory() {
    const LINE: usize = 256 << 20;
    let home = Home::empty();
    let host = home.serve().await;
    let mut talk = SocketTalk::greeted(&home).await;
    let just_too_long = vec![b' '; MAX_LINE + 1];
    talk.send(&just_too_long).await;
    assert_eq!(refusal(&mut talk, b"\n").await, ErrorCode::Parse as i64);
    let before = processes::memory(host.pid);
    let piece = vec![b'x'; 1 << 20];
    let mut most = before;
    for _ in 0..LINE / piece.len() {
        talk.send(&piece).await;
        most = most.max(processes::memory(host.pid));
    }
    assert_eq!(refusal(&mut talk, b"\n").await, ErrorCode::Parse as i64);
    assert!(most - before <= MAX_GROWTH, "it grew by {} KiB", (most - before) >> 10);
    assert_eq!(talk.ask("ping", Value::Null).await, json!({}));
}

#[tokio::test]
async fn the_longest_line_that_is_allowed_is_read() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::greeted(&home).await;
    let frame = r#"{"jsonrpc":"2.0","id":8,"method":"ping","params":{"text":""}}"#;
    let text = "x".repeat(MAX_LINE - frame.len());
    let line = frame.replace("\"\"", &format!("\"{text}\"")) + "\n";
    assert_eq!(line.len(), MAX_LINE + 1);
    talk.send(line.as_bytes()).await;
    assert_eq!(talk.answer().await["id"], 8);
}
