//! Requests and answers as a well-behaved client with a mistake sees them.

use crate::{home::Home, talk::SocketTalk};
use mdd_core::rpc::{ErrorCode, PROTOCOL};
use serde_json::{Value, json};

#[tokio::test]
async fn hello_comes_first() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::open(&home).await;
    for method in ["ping", "snapshot", "subscribe", "host.stop", "no.such.method"] {
        assert_eq!(talk.error(method, Value::Null).await.0, ErrorCode::HelloFirst as i64, "{method}");
    }
    talk.hello().await;
    assert_eq!(talk.ask("ping", Value::Null).await, json!({}));
}

#[tokio::test]
async fn another_protocol_is_refused_with_the_side_to_update() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::open(&home).await;
    for (protocol, side) in [(PROTOCOL - 1, "update the client"), (PROTOCOL + 1, "update the host")] {
        let hello = json!({"protocol": protocol, "client": "a test", "version": "7.8.9"});
        let (code, message) = talk.error("hello", hello).await;
        assert_eq!(code, ErrorCode::ProtocolMismatch as i64);
        assert!(message.contains(side) && message.contains("7.8.9"), "{message}");
        assert!(message.contains(env!("CARGO_PKG_VERSION")), "{message}");
        assert_eq!(talk.error("ping", Value::Null).await.0, ErrorCode::HelloFirst as i64);
    }
    talk.hello().await;
}

#[tokio::test]
async fn unknown_methods_and_wrong_parameters_are_told_apart() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::greeted(&home).await;
    let (code, message) = talk.error("backends.explode\u{1b}[31m", Value::Null).await;
    assert_eq!(code, ErrorCode::MethodNotFound as i64);
    assert!(message.contains("backends.explode") && !message.contains('\u{1b}'), "{message}");
    for params in [Value::Null, json!({}), json!([]), json!({"backend": 7}), json!("x")] {
        assert_eq!(talk.error("backends.try", params.clone()).await.0, ErrorCode::InvalidParams as i64, "{params}");
    }
    let (code, message) = talk.error("backends.try", json!({"backend": "lamp@nowhere"})).await;
    assert_eq!(code, ErrorCode::NotFound as i64);
    assert!(message.contains("lamp@nowhere"), "{message}");
    // A newer client may say more than this host understands.
    assert_eq!(talk.ask("ping", json!({"novelty": [1, 2]})).await, json!({}));
}

#[tokio::test]
async fn every_request_is_answered_even_if_ids_are_used_twice() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::greeted(&home).await;
    let ids = [json!(7), json!(7), json!("seven"), json!(7.5), json!(-1), json!("")];
    for id in &ids {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
        talk.send(format!("{request}\n").as_bytes()).await;
    }
    for id in &ids {
        assert_eq!(talk.answer().await, json!({"jsonrpc": "2.0", "id": id, "result": {}}));
    }
}

#[tokio::test]
async fn what_wants_no_answer_gets_none() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::greeted(&home).await;
    for silent in [
        json!({"jsonrpc": "2.0", "method": "ping"}),
        json!({"jsonrpc": "2.0", "method": "no.such.method"}),
        json!({"jsonrpc": "2.0", "id": 5, "result": "an answer to nothing"}),
        json!({"jsonrpc": "2.0", "id": 5, "error": {"code": 1, "message": "an error to nothing"}}),
    ] {
        talk.send(format!("{silent}\n").as_bytes()).await;
    }
    // The next thing that is heard is the answer to this.
    assert_eq!(talk.ask("ping", Value::Null).await, json!({}));
}

#[tokio::test]
async fn subscribing_again_begins_with_a_snapshot_again() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut talk = SocketTalk::subscribed(&home).await;
    assert_eq!(talk.notification("update").await["update"], "snapshot");
    talk.ask("subscribe", Value::Null).await;
    assert_eq!(talk.notification("update").await["update"], "snapshot");
    talk.ask("unsubscribe", Value::Null).await;
    talk.ask("unsubscribe", Value::Null).await;
    talk.ask("ping", Value::Null).await;
}

#[tokio::test]
async fn more_clients_than_anybody_has_are_served_as_others_leave() {
    let home = Home::empty();
    let _host = home.serve().await;
    let mut clients = Vec::new();
    for _ in 0..256 {
        clients.push(SocketTalk::greeted(&home).await);
    }
    let mut waiting = SocketTalk::open(&home).await;
    let request = waiting.request("hello", json!({"protocol": PROTOCOL, "client": "a test", "version": "1"})).await;
    drop(clients.swap_remove(100));
    assert_eq!(waiting.answer().await["id"], request);
    for client in &mut clients {
        client.ask("ping", Value::Null).await;
    }
}
