//! WebSockets that work.

use crate::{
    caller::{backend, connect, host, key, socket, transport, within},
    server::{Peer, Server, eventually},
};
use mdd_core::transport::{Policy, Services};
use mdd_driver_api::{
    DriverError, ErrorKind,
    abi::{Body, FrameKind, Segment, SegmentKind, WsConnBox, WsFrame, WsRequest},
};
use std::{io::Write as _, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Answers the upgrade; `first` goes into the same segment. What follows is for [`read_frame`].
pub(crate) async fn accept(peer: &mut Peer, first: &[u8]) {
    let request = peer.request().await.unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {}\r\n\r\n",
        derive_accept_key(key.trim().as_bytes())
    );
    peer.say([head.as_bytes(), first].concat()).await;
}

/// A frame of a server: not masked.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        len @ 0..=125 => frame.push(len as u8),
        len @ 126..=0xffff => {
            frame.push(126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    frame(1, text.as_bytes())
}

/// The next frame of the client: opcode and payload. `None` at the end of the connection.
pub(crate) async fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.ok()?;
    assert!(head[0] & 0x80 != 0, "clients send whole messages");
    assert!(head[1] & 0x80 != 0, "clients mask");
    let len = match head[1] & 0x7f {
        126 => u64::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()?,
        len => u64::from(len),
    };
    let mut mask = [0; 4];
    stream.read_exact(&mut mask).await.ok()?;
    let mut payload = vec![0; len as usize];
    stream.read_exact(&mut payload).await.ok()?;
    for (index, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[index % 4];
    }
    Some((head[0] & 0x0f, payload))
}

pub(crate) async fn next(socket: &mut WsConnBox) -> Result<WsFrame, DriverError> {
    socket.next().await.into_result()
}

pub(crate) async fn send(socket: &mut WsConnBox, kind: FrameKind, body: impl Into<Body>) -> Result<(), DriverError> {
    socket.send(kind, body.into()).await.into_result()
}

/// Echoes messages until the client closes; then answers the close frame.
async fn echo(mut peer: Peer) {
    accept(&mut peer, b"").await;
    while let Some((opcode, payload)) = read_frame(&mut peer.stream).await {
        peer.say(frame(opcode, &payload)).await;
        if opcode == 8 {
            return;
        }
    }
}

#[tokio::test]
async fn the_first_frame_may_come_with_the_handshake() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, &[text("first"), frame(2, b"second")].concat()).await;
        peer.hang().await;
    })
    .await;
    let mut socket = connect(&host(server.port), socket("/ws?clientId=a b")).await.unwrap();
    let first = next(&mut socket).await.unwrap();
    assert_eq!((first.kind, &first.bytes[..]), (FrameKind::TEXT, b"first".as_slice()));
    let second = next(&mut socket).await.unwrap();
    assert_eq!((second.kind, &second.bytes[..]), (FrameKind::BINARY, b"second".as_slice()));
    let request = server.seen.requests().remove(0);
    assert!(request.starts_with("GET /ws?clientId=a%20b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("Host: 127.0.0.1:{}\r\n", server.port)), "{request}");
    let lower = request.to_lowercase();
    assert!(!lower.contains("origin:") && !lower.contains("extensions"), "{request}");
}

#[tokio::test]
async fn secrets_travel_in_the_handshake_and_in_messages() {
    let server = Server::start(echo).await;
    let policy = backend(server.port);
    policy.promote(vec![key("k", Some("authorization"), "Bearer ", "s3cret")]).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"RIFF").unwrap();
    policy.add_file("voice", file.path());
    let mut socket = connect(&Services::under(&transport(), &policy), socket("/")).await.unwrap();
    assert!(server.seen.requests()[0].contains("authorization: Bearer s3cret\r\n"));
    let segments = vec![
        Segment::bytes("{\"key\":"),
        Segment::named(SegmentKind::SECRET_JSON, "k"),
        Segment::bytes(",\"data\":\""),
        Segment::named(SegmentKind::FILE_BASE64, "voice"),
        Segment::bytes("\"}"),
    ];
    send(&mut socket, FrameKind::TEXT, segments).await.unwrap();
    let echoed = next(&mut socket).await.unwrap();
    assert_eq!(&echoed.bytes[..], br#"{"key":"s3cret","data":"UklGRg=="}"#);
}

#[tokio::test]
async fn messages_up_to_the_cap_go_both_ways() {
    let server = Server::start(echo).await;
    let mut socket = connect(&host(server.port), socket("/")).await.unwrap();
    let large = vec![7; 3 << 20];
    send(&mut socket, FrameKind::BINARY, vec![Segment::bytes(large.clone())]).await.unwrap();
    let echoed = next(&mut socket).await.unwrap();
    assert!(echoed.kind == FrameKind::BINARY && echoed.bytes[..] == large[..]);
    let error = send(&mut socket, FrameKind::BINARY, vec![Segment::bytes(vec![7; (4 << 20) + 1])]).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.kind), ("outgoing-too-large", ErrorKind::LIMIT));
    // That was said before anything was sent: the socket lives.
    send(&mut socket, FrameKind::TEXT, vec![Segment::bytes("still here")]).await.unwrap();
    assert_eq!(&next(&mut socket).await.unwrap().bytes[..], b"still here");
    for odd in [FrameKind::CLOSE, FrameKind(77)] {
        assert_eq!(send(&mut socket, odd, vec![]).await.unwrap_err().kind, ErrorKind::UNSUPPORTED);
    }
    let no_text = send(&mut socket, FrameKind::TEXT, vec![Segment::bytes(vec![0xff])]).await.unwrap_err();
    assert_eq!(no_text.kind, ErrorKind::UNSUPPORTED);
}

#[tokio::test]
async fn dropping_a_next_loses_no_frame() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, b"").await;
        for index in 0..200 {
            peer.say(text(&format!("{index}"))).await;
            tokio::task::yield_now().await;
        }
        peer.hang().await;
    })
    .await;
    let mut socket = connect(&host(server.port), socket("/")).await.unwrap();
    let mut all = Vec::new();
    while all.len() < 200 {
        if let Ok(result) = tokio::time::timeout(Duration::from_micros(50), next(&mut socket)).await {
            all.push(String::from_utf8(result.unwrap().bytes.into_vec()).unwrap());
        }
    }
    assert!(all.iter().enumerate().all(|(index, text)| *text == index.to_string()), "{all:?}");
}

#[tokio::test]
async fn pings_are_answered_and_sent() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, &frame(9, b"are you there")).await;
        let mut pings = 0;
        while let Some((opcode, payload)) = read_frame(&mut peer.stream).await {
            match opcode {
                10 => assert_eq!(payload, b"are you there"),
                9 => {
                    pings += 1;
                    peer.say(frame(10, &payload)).await;
                    if pings == 3 {
                        peer.say(text("three pings")).await;
                    }
                }
                other => panic!("opcode {other}"),
            }
        }
    })
    .await;
    let request = WsRequest { ping_ms: 100, ..socket("/") };
    let mut socket = connect(&host(server.port), request).await.unwrap();
    let told = within(Duration::from_secs(1), next(&mut socket)).await.unwrap();
    assert_eq!(&told.bytes[..], b"three pings");
}

#[tokio::test]
async fn the_peer_s_close_is_a_frame_and_then_an_error() {
    let server = Server::start(|mut peer| async move {
        let code = [0x0f, 0xa1];
        accept(&mut peer, &[text("last"), frame(8, &code)].concat()).await;
        // The reply, then TCP is left open.
        assert_eq!(read_frame(&mut peer.stream).await, Some((8, code.to_vec())));
        peer.hang().await;
    })
    .await;
    let mut socket = connect(&host(server.port), socket("/")).await.unwrap();
    assert_eq!(&next(&mut socket).await.unwrap().bytes[..], b"last");
    let close = next(&mut socket).await.unwrap();
    assert_eq!((close.kind, close.close_code), (FrameKind::CLOSE, 4001));
    let error = within(Duration::from_millis(100), next(&mut socket)).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.kind), ("socket-closed", ErrorKind::TRANSPORT));
    let error = send(&mut socket, FrameKind::TEXT, vec![]).await.unwrap_err();
    assert_eq!(error.code.as_str(), "socket-closed");
    eventually("the host does not wait for the peer for ever", || server.seen.ended() == 1).await;
}

#[tokio::test]
async fn close_resolves_when_tcp_is_closed() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, b"").await;
        assert_eq!(read_frame(&mut peer.stream).await, Some((8, vec![0x03, 0xe8])));
        peer.say(frame(8, &[0x03, 0xe8])).await;
        // Both ends are still open here: `close` must not have resolved.
        peer.say(text("too late")).await;
        peer.stream.shutdown().await.unwrap();
        peer.hang().await;
    })
    .await;
    let socket = connect(&host(server.port), socket("/")).await.unwrap();
    within(Duration::from_secs(1), socket.close()).await.into_result().unwrap();
    eventually("the connection ends", || server.seen.ended() == 1).await;
}

#[tokio::test]
async fn close_does_not_wait_for_a_peer_that_does_not() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, b"").await;
        peer.hang().await;
    })
    .await;
    let socket = connect(&host(server.port), socket("/")).await.unwrap();
    within(Duration::from_secs(2), socket.close()).await.into_result().unwrap();
    eventually("the connection ends", || server.seen.ended() == 1).await;
}

#[tokio::test]
async fn dropping_ends_the_connection_at_once() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, b"").await;
        // The close frame, then the end.
        assert_eq!(read_frame(&mut peer.stream).await.map(|(opcode, _)| opcode), Some(8));
        assert_eq!(read_frame(&mut peer.stream).await, None);
        peer.hang().await;
    })
    .await;
    let socket = connect(&host(server.port), socket("/")).await.unwrap();
    drop(socket);
    within(Duration::from_millis(100), eventually("the connection ends", || server.seen.ended() == 1)).await;
}

#[tokio::test]
async fn closing_the_instance_ends_its_sockets() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, b"").await;
        peer.hang().await;
    })
    .await;
    let policy: Policy = backend(server.port);
    let mut socket = connect(&Services::under(&transport(), &policy), socket("/")).await.unwrap();
    policy.close();
    assert_eq!(next(&mut socket).await.unwrap_err().code.as_str(), "instance-closed");
    eventually("the connection ends", || server.seen.ended() == 1).await;
}

#[tokio::test]
async fn a_stopped_reader_is_waited_for_and_reading_goes_on() {
    let server = Server::start(|mut peer| async move {
        accept(&mut peer, b"").await;
        // It reads nothing for a while, but talks.
        for index in 0..10 {
            peer.say(text(&format!("{index}"))).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut taken = 0;
        while let Some((_, payload)) = read_frame(&mut peer.stream).await {
            taken += payload.len();
            peer.say(text(&format!("taken {taken}"))).await;
        }
    })
    .await;
    let large = WsRequest { max_out: 32 << 20, ..socket("/") };
    let mut socket = connect(&host(server.port), large).await.unwrap();
    let len = 16 << 20;
    // It waits for the peer, then is dropped.
    let sending = send(&mut socket, FrameKind::BINARY, vec![Segment::bytes(vec![1; len])]);
    assert!(tokio::time::timeout(Duration::from_millis(50), sending).await.is_err());
    for index in 0..10 {
        assert_eq!(next(&mut socket).await.unwrap().bytes[..], *index.to_string().as_bytes());
    }
    let told = next(&mut socket).await.unwrap();
    assert_eq!(told.bytes[..], *format!("taken {len}").as_bytes());
}
