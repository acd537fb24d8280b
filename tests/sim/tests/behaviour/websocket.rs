//! A WebSocket client.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use mdd_sim::Sim;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message},
};

use crate::soon;

/// One event as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Text(Value),
    Binary(Vec<u8>),
}

impl Event {
    /// The type of a text event.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Event::Text(event) => event["type"].as_str().unwrap_or_default(),
            Event::Binary(_) => "",
        }
    }

    /// Whether this is the last event of a job.
    pub(crate) fn ends(&self, prompt_id: &str) -> bool {
        matches!(self, Event::Text(event) if event["type"] == "executing"
            && event["data"]["node"].is_null() && event["data"]["prompt_id"] == prompt_id)
    }
}

pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a socket and reads nothing.
    pub(crate) async fn open(sim: &Sim, client_id: &str) -> Self {
        Self::try_open(sim.addr(), client_id).await.expect("the handshake succeeds")
    }

    pub(crate) async fn try_open(addr: SocketAddr, client_id: &str) -> Result<Self, Error> {
        soon("a handshake", async {
            let stream = TcpStream::connect(addr).await?;
            let (socket, _) = client_async(format!("ws://{addr}/ws?clientId={client_id}"), stream).await?;
            Ok(Self(socket))
        })
        .await
    }

    /// Opens a socket and takes its first frame.
    pub(crate) async fn greeted(sim: &Sim, client_id: &str) -> Self {
        let mut socket = Self::open(sim, client_id).await;
        assert_eq!(socket.next().await.kind(), "status");
        socket
    }

    pub(crate) async fn send(&mut self, message: impl Into<Message>) {
        self.0.send(message.into()).await.expect("the socket is open");
    }

    /// The next event; pongs are skipped.
    pub(crate) async fn next(&mut self) -> Event {
        loop {
            match soon("an event", self.0.next()).await.expect("the socket is open").expect("the stream is sound") {
                Message::Text(text) => return Event::Text(serde_json::from_str(&text).expect("events are JSON")),
                Message::Binary(bytes) => return Event::Binary(bytes.to_vec()),
                Message::Pong(_) | Message::Ping(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// The next message as it came, or how the socket ended.
    pub(crate) async fn raw(&mut self) -> Option<Result<Message, Error>> {
        soon("a message", self.0.next()).await
    }

    /// All events up to the one wanted.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            events.push(self.next().await);
            if events.last().is_some_and(&wanted) {
                return events;
            }
        }
    }

    /// All events until the job has ended.
    pub(crate) async fn until_end_of(&mut self, prompt_id: &str) -> Vec<Event> {
        self.until(|event| event.ends(prompt_id)).await
    }

    /// Pings and takes everything up to the pong: events that were sent before are among it.
    pub(crate) async fn ping(&mut self) -> Vec<Message> {
        self.send(Message::Ping(b"there?".to_vec().into())).await;
        let mut before = Vec::new();
        loop {
            match self.raw().await.expect("the socket is open").expect("the stream is sound") {
                Message::Pong(payload) => {
                    assert_eq!(payload.as_ref(), b"there?");
                    return before;
                }
                other => before.push(other),
            }
        }
    }

    pub(crate) async fn close(mut self) {
        self.0.close(None).await.expect("the socket is open");
        while self.raw().await.is_some() {}
    }
}
