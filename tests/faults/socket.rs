//! What a service may do with a WebSocket while it answers every question over HTTP: live updates go, the service stays.

use crate::{
    bombs,
    entry::{Entry, Outcome},
    peer::{Peer, listen},
};
use base64::Engine as _;
use sha1::{Digest as _, Sha1};
use std::sync::Arc;

/// As recorded from ComfyUI 0.33.0.
pub(crate) const STATS: &[u8] = include_bytes!("../fixtures/comfyui-0.33.0/system_stats.json");
const PROMPT: &[u8] = include_bytes!("../fixtures/comfyui-0.33.0/prompt_get.json");

/// Answers HTTP as ComfyUI does; a handshake is somebody else's.
pub(crate) async fn comfyui<F: Future<Output = ()>>(mut peer: Peer, upgraded: impl Fn(Peer, String) -> F) {
    while let Some(head) = peer.head().await {
        if let Some(key) = head.key() {
            return upgraded(peer, key).await;
        }
        let (status, body) = match head.target() {
            "/system_stats" => ("200 OK", STATS),
            "/prompt" => ("200 OK", PROMPT),
            _ => ("404 Not Found", b"{}".as_slice()),
        };
        if !peer.answer(status, "application/json", body).await {
            return;
        }
    }
}

async fn entry<F>(
    name: &'static str,
    codes: &'static [&'static str],
    upgraded: impl Fn(Peer, String) -> F + Send + Sync + 'static,
) -> Entry
where
    F: Future<Output = ()> + Send + 'static,
{
    let upgraded = Arc::new(upgraded);
    let port = listen(move |peer| {
        let upgraded = upgraded.clone();
        async move { comfyui(peer, |peer, key| upgraded(peer, key)).await }
    })
    .await;
    Entry { name, port, codes, outcome: Outcome::Degraded, heavy: false }
}

pub(crate) fn accept(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let token = base64::engine::general_purpose::STANDARD.encode(hash.finalize());
    format!("HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {token}\r\n")
}

/// Accepts and says these bytes, then stays.
async fn after(name: &'static str, codes: &'static [&'static str], said: Vec<u8>) -> Entry {
    let said: Arc<[u8]> = said.into();
    entry(name, codes, move |mut peer, key| {
        let said = said.clone();
        async move {
            peer.say(format!("{}\r\n", accept(&key))).await;
            peer.say(&said).await;
            peer.hang().await;
        }
    })
    .await
}

/// The same again and again once the socket is open.
async fn flood(
    name: &'static str,
    codes: &'static [&'static str],
    first: impl Into<Vec<u8>>,
    again: impl Into<Vec<u8>>,
) -> Entry {
    let (first, again): (Arc<[u8]>, Arc<[u8]>) = (first.into().into(), again.into().into());
    let entry = entry(name, codes, move |mut peer, key| {
        let (first, again) = (first.clone(), again.clone());
        async move {
            peer.say(format!("{}\r\n", accept(&key))).await;
            peer.say(&first).await;
            peer.flood(&again).await;
        }
    });
    entry.await.heavy()
}

/// A whole message.
fn message(opcode: u8, body: &[u8]) -> Vec<u8> {
    [&[0x80 | opcode, 127], body.len().to_be_bytes().as_slice(), body].concat()
}

/// The start of a message that has so many bytes.
fn announced(bytes: u64) -> Vec<u8> {
    [&[0x82, 127], bytes.to_be_bytes().as_slice()].concat()
}

const LARGE: &[&str] = &["message-too-large", "comfyui.preview-too-large"];
const BROKEN: &[&str] = &["broken-frame"];
const GONE: &[&str] = &["no-live-updates", "connection-lost", "socket-closed"];

/// Every entry that a port answers over a WebSocket.
pub(crate) async fn entries() -> Vec<Entry> {
    let status = br#"{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}}}"#;
    let body = [b'x'; 1 << 15];
    let fragment = |first: u8| [[first, 126].as_slice(), &0x8000u16.to_be_bytes(), &body].concat();
    // An event of kind 1, a picture of kind 2: PNG.
    let preview = |picture: &[u8]| [[0, 0, 0, 1, 0, 0, 0, 2].as_slice(), picture].concat();
    let frame = |first: u8, body: &[u8]| [&[first, u8::try_from(body.len()).unwrap()], body].concat();
    vec![
        after("length of 2^62", LARGE, announced(1 << 62)).await,
        flood("700 MB message", LARGE, announced(700_000_000), [b'x'; 1 << 16]).await,
        flood("endless fragments", LARGE, fragment(0x02), fragment(0x00)).await,
        flood("endless empty fragments", GONE, [0x02, 0x00], [0x00, 0x00].repeat(4_096)).await,
        flood("ping flood", &["control-flood"], [], [0x89, 0x00].repeat(4_096)).await,
        flood("pong flood", &["control-flood"], [], [0x8a, 0x00].repeat(4_096)).await,
        flood("flood of news", &[], [], message(0x01, status)).await.usable(),
        flood("flood of previews 8 k × 8 k", &[], message(0x01, status), message(0x02, &preview(&bombs::picture())))
            .await
            .usable(),
        after("preview 8 k × 8 k", &[], [message(0x01, status), message(0x02, &preview(&bombs::picture()))].concat())
            .await
            .usable()
            .heavy(),
        entry("wrong accept key", &["not-websocket"], |mut peer, _| async move {
            peer.say(format!("{}\r\n", accept("another"))).await;
            peer.hang().await;
        })
        .await,
        after("silent after the handshake", GONE, vec![]).await,
        entry("silent instead of a handshake", &["no-answer", "no-live-updates"], |mut peer, _| async move {
            peer.hang().await
        })
        .await,
        after("masked frame", BROKEN, [vec![0x81, 0x82], vec![1, 2, 3, 4], vec![0x69, 0x6b]].concat()).await,
        after("RSV bits", BROKEN, frame(0xf1, b"hi")).await,
        after("unknown opcode", BROKEN, frame(0x83, b"hi")).await,
        after("invalid UTF-8", BROKEN, frame(0x81, &[0xff, 0xfe])).await,
        after("unsolicited deflate", BROKEN, frame(0xc1, b"hi")).await,
        after("fragmented ping", BROKEN, frame(0x09, b"x")).await,
        entry(
            "HTTP 200 instead of 101",
            &["comfyui.socket-blocked", "not-websocket", "upgrade-refused"],
            |mut peer, _| async move {
                peer.answer("200 OK", "text/html", b"<title>Proxy</title>").await;
            },
        )
        .await,
        entry("HTTP 403 instead of 101", &["comfyui.socket-blocked"], |mut peer, _| async move {
            peer.answer("403 Forbidden", "text/html", b"no").await;
        })
        .await,
        entry("extension that nobody offered", &["not-websocket", "no-live-updates"], |mut peer, key| async move {
            peer.say(format!("{}sec-websocket-extensions: permessage-deflate\r\n\r\n", accept(&key))).await;
            peer.hang().await;
        })
        .await,
        after("close frame but no FIN", GONE, frame(0x88, &1000u16.to_be_bytes())).await,
        after("data after close", GONE, [frame(0x88, &1000u16.to_be_bytes()), frame(0x81, b"after")].concat()).await,
        entry("dropped after the first news", GONE, move |mut peer, key| async move {
            peer.say(format!("{}\r\n", accept(&key))).await;
            peer.say([&[0x81, u8::try_from(status.len()).unwrap()], status.as_slice()].concat()).await;
        })
        .await,
    ]
}
