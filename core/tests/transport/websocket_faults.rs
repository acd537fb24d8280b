//! The fault matrix of WebSockets.

use crate::{
    caller::{connect, host, socket, within},
    server::{OK, Peer, Server, closed_port, eventually},
    websocket::{accept, frame, next, read_frame, text},
};
use mdd_driver_api::{DriverError, Effect, ErrorKind, abi::WsRequest};
use std::time::Duration;

fn assert_is(error: &DriverError, code: &str, kind: ErrorKind) {
    assert_eq!((error.code.as_str(), error.kind), (code, kind), "{error:?}");
}

/// How a handshake fails with such a server.
async fn refusal<F>(behave: impl Fn(Peer) -> F + Send + Sync + 'static) -> DriverError
where
    F: Future<Output = ()> + Send + 'static,
{
    let server = Server::start(behave).await;
    let host = host(server.port);
    // The handshake has 3 s.
    let error = within(Duration::from_secs(3), connect(&host, socket("/ws"))).await.err().unwrap();
    assert!(server.seen.sent() < 16 << 20, "the server could send {} bytes", server.seen.sent());
    assert_eq!(server.seen.connections(), 1);
    error
}

async fn answered(bytes: &'static str) -> DriverError {
    refusal(move |mut peer| async move {
        peer.request().await;
        peer.say(bytes).await;
    })
    .await
}

/// How an open socket fails when the server sends `bytes` after the handshake, again and again if `endless`.
async fn failure(bytes: Vec<u8>, endless: bool) -> DriverError {
    let server = Server::start(move |mut peer| {
        let bytes = bytes.clone();
        async move {
            accept(&mut peer, b"").await;
            peer.say(&bytes).await;
            if endless {
                peer.flood(&bytes).await;
            } else {
                peer.hang().await;
            }
        }
    })
    .await;
    let mut socket = connect(&host(server.port), socket("/ws")).await.unwrap();
    let failing = async {
        loop {
            if let Err(error) = next(&mut socket).await {
                return error;
            }
        }
    };
    let error = within(Duration::from_secs(2), failing).await;
    assert!(server.seen.sent() < 48 << 20, "the server could send {} bytes", server.seen.sent());
    eventually("the connection ends", || server.seen.ended() == 1).await;
    error
}

#[tokio::test]
async fn handshakes_that_fail() {
    let port = closed_port().await;
    let error = connect(&host(port), socket("/")).await.err().unwrap();
    assert_is(&error, "connection-refused", ErrorKind::TRANSPORT);
    assert_eq!(
        (error.effect, error.message.as_str()),
        (Effect::NONE, format!("port {port} refused the connection").as_str())
    );
    assert_is(&answered("").await, "closed-without-answer", ErrorKind::TRANSPORT);
    assert_is(&answered("SSH-2.0\r\n\r\n").await, "not-http", ErrorKind::PROTOCOL);
    assert_is(&answered("HTTP/1.1 101 Switching Protocols\r\n\r\n").await, "not-websocket", ErrorKind::PROTOCOL);
    let wrong_key = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    assert_is(&answered(wrong_key).await, "not-websocket", ErrorKind::PROTOCOL);
    let error = refusal(|peer| async move { peer.reset() }).await;
    assert!(["connection-reset", "closed-without-answer"].contains(&error.code.as_str()), "{error:?}");
}

#[tokio::test]
async fn answers_other_than_101_are_told_with_their_status() {
    let table = [
        (OK, 200, ErrorKind::REJECTED),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n", 302, ErrorKind::REJECTED),
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", 401, ErrorKind::AUTH),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", 403, ErrorKind::AUTH),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404, ErrorKind::REJECTED),
        ("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", 500, ErrorKind::REJECTED),
    ];
    for (bytes, status, kind) in table {
        let error = answered(bytes).await;
        assert_is(&error, "upgrade-refused", kind);
        assert_eq!(error.http_status, status);
    }
}

#[tokio::test]
async fn handshakes_that_do_not_end() {
    let silent = refusal(|mut peer| async move { peer.hang().await });
    let dripping = refusal(|mut peer| async move {
        peer.request().await;
        peer.drip(std::iter::repeat(b'x')).await;
    });
    let flooding = refusal(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 101 Switching Protocols\r\nx: ").await;
        peer.flood(&[b'a'; 64 << 10]).await;
    });
    let (silent, dripping, flooding) = tokio::join!(silent, dripping, flooding);
    assert_is(&silent, "no-answer", ErrorKind::TIMEOUT);
    assert!(["no-answer", "not-http", "head-too-large"].contains(&dripping.code.as_str()), "{dripping:?}");
    assert_is(&flooding, "head-too-large", ErrorKind::LIMIT);
}

#[tokio::test]
async fn frames_that_break_the_rules() {
    let masked = [&[0x81, 0x82, 1, 2, 3, 4][..], b"hi"].concat();
    let compressed = [&[0xc1, 0x02][..], b"hi"].concat();
    let table = [
        ("masked", masked),
        ("reserved bit", compressed),
        ("invalid UTF-8", frame(1, &[0xff, 0xfe])),
        ("unknown opcode", frame(3, b"x")),
        ("unknown control opcode", frame(11, b"x")),
        ("long ping", frame(9, &[0; 126])),
        ("continuation of nothing", frame(0, b"x")),
        ("garbage", b"HTTP/1.1 200 OK\r\n\r\n".repeat(10)),
    ];
    for (what, bytes) in table {
        let error = failure(bytes, false).await;
        assert_eq!((error.code.as_str(), error.kind), ("broken-frame", ErrorKind::PROTOCOL), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn messages_that_are_too_large() {
    let claim = |len: u64| [&[0x82, 127][..], &len.to_be_bytes()].concat();
    assert_is(&failure(claim(1 << 62), false).await, "message-too-large", ErrorKind::LIMIT);
    assert_is(&failure(claim(700_000_000), false).await, "message-too-large", ErrorKind::LIMIT);
    // One message in fragments without end.
    let fragment = |opcode: u8| [&[opcode, 126, 0xff, 0xff][..], &[b'x'; 0xffff]].concat();
    let endless = async {
        let server = Server::start(move |mut peer| async move {
            accept(&mut peer, &fragment(0x02)).await;
            peer.flood(&fragment(0x00)).await;
        })
        .await;
        let mut socket = connect(&host(server.port), socket("/ws")).await.unwrap();
        let error = within(Duration::from_secs(2), next(&mut socket)).await.unwrap_err();
        assert!(server.seen.sent() < 24 << 20, "the server could send {} bytes", server.seen.sent());
        error
    };
    assert_is(&endless.await, "message-too-large", ErrorKind::LIMIT);
}

#[tokio::test]
async fn the_caps_are_the_driver_s_within_the_host_s() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, &frame(2, &vec![1; 5 << 20])).await;
        peer.hang().await;
    })
    .await;
    let host = host(server.port);
    let mut usual = connect(&host, socket("/")).await.unwrap();
    assert_is(&next(&mut usual).await.unwrap_err(), "message-too-large", ErrorKind::LIMIT);
    let mut large = connect(&host, WsRequest { max_in: 6 << 20, ..socket("/") }).await.unwrap();
    assert_eq!(next(&mut large).await.unwrap().bytes.len(), 5 << 20);
}

#[tokio::test]
async fn floods() {
    let pings = failure(frame(9, b"ping").repeat(1_000), true).await;
    assert_is(&pings, "control-flood", ErrorKind::LIMIT);
    let pongs = failure(frame(10, b"").repeat(1_000), true).await;
    assert_is(&pongs, "control-flood", ErrorKind::LIMIT);
}

#[tokio::test]
async fn a_driver_that_does_not_read_loses_its_socket_and_nothing_before_it() {
    for (message, kept_at_least) in [(text("tick"), 256), (frame(2, &vec![0; 256 << 10]), 16)] {
        let server = Server::start(move |mut peer| {
            let message = message.clone();
            async move {
                accept(&mut peer, b"").await;
                peer.flood(&message).await;
            }
        })
        .await;
        let mut socket = connect(&host(server.port), socket("/")).await.unwrap();
        eventually("the host gives up", || server.seen.ended() == 1).await;
        assert!(server.seen.sent() < 32 << 20, "the server could send {} bytes", server.seen.sent());
        let mut kept = 0;
        let error = loop {
            match next(&mut socket).await {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
        };
        assert_is(&error, "reader-too-slow", ErrorKind::LIMIT);
        assert_eq!(kept, kept_at_least);
    }
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_given_up() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, b"").await;
        peer.hang().await;
    })
    .await;
    let host = host(server.port);
    let mut pinging = connect(&host, WsRequest { ping_ms: 150, ..socket("/") }).await.unwrap();
    let mut silent = connect(&host, WsRequest { ping_ms: u64::MAX, ..socket("/") }).await.unwrap();
    let error = within(Duration::from_millis(300), next(&mut pinging)).await.unwrap_err();
    assert_is(&error, "stalled", ErrorKind::TIMEOUT);
    assert!(tokio::time::timeout(Duration::from_millis(300), next(&mut silent)).await.is_err());
}

#[tokio::test]
async fn connections_that_break() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, &text("hello")).await;
        if peer.nth == 0 {
            peer.reset();
        }
    })
    .await;
    let host = host(server.port);
    for _ in 0..2 {
        let mut socket = connect(&host, socket("/")).await.unwrap();
        let mut last = next(&mut socket).await;
        if last.is_ok() {
            last = next(&mut socket).await;
        }
        assert_is(&last.unwrap_err(), "connection-lost", ErrorKind::TRANSPORT);
    }
    // What comes after a close frame is not for the driver.
    let error = failure([frame(8, &[0x03, 0xe8]), text("after")].concat(), false).await;
    assert_is(&error, "socket-closed", ErrorKind::TRANSPORT);
}

#[tokio::test]
async fn an_endless_empty_fragment_is_no_message() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, &[0x02, 0x00]).await;
        let empty = [0x00, 0x00].repeat(4_096);
        let flooding = peer.flood(&empty);
        tokio::time::timeout(Duration::from_millis(300), flooding).await.ok();
        // The socket still answers.
        peer.say(frame(9, b"x")).await;
        while let Some((opcode, _)) = read_frame(&mut peer.stream).await {
            if opcode == 10 {
                peer.say([0x80, 0x00]).await;
            }
        }
    })
    .await;
    let mut socket = connect(&host(server.port), socket("/")).await.unwrap();
    let message = within(Duration::from_secs(10), next(&mut socket)).await.unwrap();
    assert!(message.bytes.is_empty());
}
