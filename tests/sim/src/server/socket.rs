//! WebSockets: the handshake, the frames, and the ways in which they can be deaf, silent or cut.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use http::HeaderValue;
use tokio::{io::AsyncWriteExt, sync::Mutex};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{Server, wire::Wire};
use crate::{
    fault::Fault,
    ledger::Book,
    service::{Transport, Upgrade},
};

/// aiohttp's default, beyond which it closes with 1009.
const MAX_MESSAGE: usize = 4 << 20;

/// Messages are read whole and refused afterwards, so that the close frame is not lost in a reset.
const READ_LIMIT: usize = 256 << 20;

/// An upgrade that was accepted but not answered yet.
pub(super) struct Accepted {
    upgrade: Upgrade,
    path: String,
    head: Vec<u8>,
    fault: Option<Fault>,
}

/// Prepares the answer to an upgrade.
pub(super) fn accept(
    upgrade: Upgrade,
    path: String,
    key: Option<HeaderValue>,
    fault: Option<Fault>,
    transport: &Transport,
) -> Accepted {
    let accept = derive_accept_key(key.as_ref().map_or(b"", HeaderValue::as_bytes));
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
    );
    for (name, value) in transport.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    Accepted { upgrade, path, head: head.into_bytes(), fault }
}

/// Runs a WebSocket to its end.
pub(super) async fn run(server: &Server, connection: u64, wire: Wire, unread: Bytes, accepted: Accepted) {
    let Accepted { upgrade, path, head, fault } = accepted;
    let board = &server.setup.board;
    let mut changes = board.changes();
    let clears = board.clears();
    // The first frame shares a segment with the handshake, which trips clients that forget the leftover.
    wire.prepend(head);
    let _entry = Entry::open(&server.setup.book, connection, &upgrade.client_id);

    let config = WebSocketConfig::default().max_message_size(Some(READ_LIMIT)).max_frame_size(Some(READ_LIMIT));
    let stream = WebSocketStream::from_partially_read(wire.clone(), unread.to_vec(), Role::Server, Some(config)).await;
    let (sink, frames) = stream.split();
    let sender = SocketSender { sink: Arc::new(Mutex::new(sink)), mood: Arc::default() };
    let mut life = (upgrade.run)(Socket { sender: sender.clone(), frames });
    loop {
        // A fault that came with the handshake lasts until the board is cleared.
        let own = fault.as_ref().filter(|_| board.clears() == clears);
        let mood =
            own.cloned().or_else(|| board.lasting(&path, Fault::is_about_sockets)).map_or(Mood::Well, Mood::from);
        sender.mood.store(mood as u8, Ordering::Relaxed);
        if mood != Mood::Well {
            // The handshake itself is always answered; an error here shows at the next read.
            let _ = wire.clone().flush().await;
        }
        wire.set_silent(mood == Mood::Silent);
        if mood == Mood::Cut {
            break;
        }
        tokio::select! {
            () = &mut life => break,
            _ = changes.changed() => {}
        }
    }
    wire.cut();
}

/// How a WebSocket fares.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Deaf,
    Silent,
    Cut,
}

impl From<Fault> for Mood {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::SocketDeaf => Mood::Deaf,
            Fault::SocketSilent => Mood::Silent,
            Fault::SocketDropped => Mood::Cut,
            _ => Mood::Well,
        }
    }
}

/// The line of an open socket in the ledger.
struct Entry {
    book: Arc<Book>,
    index: usize,
}

impl Entry {
    fn open(book: &Arc<Book>, connection: u64, client_id: &str) -> Self {
        Self { index: book.socket_opened(connection, client_id), book: Arc::clone(book) }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.book.socket_closed(self.index);
    }
}

/// A WebSocket as a service sees it.
pub(crate) struct Socket {
    sender: SocketSender,
    frames: SplitStream<WebSocketStream<Wire>>,
}

/// What a client sent.
pub(crate) enum Incoming {
    Text(String),
    Binary,
}

impl Socket {
    pub(crate) fn sender(&self) -> SocketSender {
        self.sender.clone()
    }

    /// The next message; `None` when the socket is closed. Pings are answered, too long messages with 1009.
    pub(crate) async fn next(&mut self) -> Option<Incoming> {
        loop {
            let message = self.frames.next().await?.ok()?;
            if message.len() > MAX_MESSAGE {
                return self.refuse(message.len()).await;
            }
            match message {
                Message::Text(text) => return Some(Incoming::Text(text.to_string())),
                Message::Binary(_) => return Some(Incoming::Binary),
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
            }
        }
    }

    async fn refuse(&mut self, size: usize) -> Option<Incoming> {
        let reason = format!("Message size {size} exceeds limit {MAX_MESSAGE}").into();
        let close = CloseFrame { code: CloseCode::Size, reason };
        self.sender.sink.lock().await.send(Message::Close(Some(close))).await.ok()?;
        while self.frames.next().await?.is_ok() {}
        None
    }
}

/// The sending half of a WebSocket. Clones share it.
#[derive(Clone)]
pub(crate) struct SocketSender {
    sink: Arc<Mutex<SplitSink<WebSocketStream<Wire>, Message>>>,
    mood: Arc<AtomicU8>,
}

impl SocketSender {
    /// Sends an event and waits until the client's side has room for it. A deaf socket swallows it; on a closed
    /// one it is lost, which the reading half reports.
    pub(crate) async fn send(&self, message: Message) {
        if self.mood.load(Ordering::Relaxed) == Mood::Well as u8 {
            self.write(message).await;
        }
    }

    /// Sends the first frame, which even a deaf socket gets.
    pub(crate) async fn greet(&self, message: Message) {
        if self.mood.load(Ordering::Relaxed) != Mood::Silent as u8 {
            self.write(message).await;
        }
    }

    async fn write(&self, message: Message) {
        // An error means that the socket is closed.
        let _ = self.sink.lock().await.send(message).await;
    }
}
