//! What a kind of service implements, and what passes between it and the server.

use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::sync::mpsc;

use crate::{fault::Fault, json::Json, server::Socket};

/// A running request. It is never cancelled when its client goes away, as in the simulated servers.
pub(crate) type Handling = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The life of a WebSocket.
pub(crate) type SocketLife = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One process of a service: created at start, replaced at a restart.
pub(crate) trait Service: Send + Sync + 'static {
    /// How the service speaks HTTP.
    fn transport(&self) -> Transport;

    /// Answers one request.
    fn handle(self: Arc<Self>, request: Request) -> Handling;

    /// Whether the request submits a job, so that job faults apply to it.
    fn submits_job(&self, request: &Request) -> bool;

    /// The process that comes up after this one, with whatever it left on its disk.
    fn restarted(&self) -> Arc<dyn Service>;
}

/// How a service speaks HTTP.
pub(crate) struct Transport {
    /// Whether header names are written `Like-This` rather than `like-this`.
    pub(crate) title_case: bool,
    /// How long a connection may be idle after an answer before the server closes it.
    pub(crate) keep_alive: Option<Duration>,
    /// Bodies beyond this many bytes arrive as [`Payload::TooLarge`].
    pub(crate) max_body: usize,
    /// Headers on every answer.
    pub(crate) headers: &'static [(&'static str, &'static str)],
}

/// One HTTP request.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path as sent, percent-encoding included.
    pub(crate) path: String,
    /// The query as sent, without `?`.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    /// The fault that this submission of a job shall suffer.
    pub(crate) job_fault: Option<Fault>,
}

/// The body of a request.
pub(crate) enum Payload {
    Whole(Bytes),
    TooLarge,
}

impl Request {
    /// The body; empty if it was too large.
    pub(crate) fn body(&self) -> Bytes {
        match &self.payload {
            Payload::Whole(bytes) => bytes.clone(),
            Payload::TooLarge => Bytes::new(),
        }
    }

    /// A header that is readable text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A query parameter, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.map(|(key, value)| (decode(key, true), decode(value, true))).find(|(key, _)| key == name).map(|(_, v)| v)
    }
}

/// Undoes percent-encoding, in a query also `+` for a space.
pub(crate) fn decode(text: &str, is_query: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                at += 2;
            }
            (b'+', _) if is_query => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What a service does with a request.
pub(crate) enum Answer {
    Reply(Reply),
    /// Accepts the WebSocket upgrade.
    Socket(Upgrade),
}

/// An accepted WebSocket upgrade.
pub(crate) struct Upgrade {
    /// The client's name for itself.
    pub(crate) client_id: String,
    /// Runs the socket to its end.
    pub(crate) run: Box<dyn FnOnce(Socket) -> SocketLife + Send>,
}

/// An HTTP answer without the headers common to all.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: ReplyBody,
    /// Whether the common headers are left out, as answers made outside of a framework's stack do.
    pub(crate) bare: bool,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// Sent with its length.
    Whole(Bytes),
    /// Sent in chunks, although it is known.
    Chunked(Bytes),
    /// Sent in chunks as they come.
    Stream(mpsc::Receiver<Bytes>),
    /// The same, but it breaks off.
    Cut(mpsc::Receiver<Bytes>),
}

impl Reply {
    /// An answer with neither body nor headers.
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, ReplyBody::Whole(Bytes::new()))
    }

    /// An answer with a body of the given type.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::new(status, ReplyBody::Whole(body.into())).with("content-type", content_type)
    }

    pub(crate) fn new(status: u16, body: ReplyBody) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers: Vec::new(), body, bare: false }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A Python-styled JSON answer as aiohttp sends it.
    pub(crate) fn python_json(status: u16, value: &Json) -> Self {
        Self::text(status, "application/json; charset=utf-8", value.to_python())
    }

    /// A JSON answer as FastAPI sends it.
    pub(crate) fn compact_json(status: u16, value: &Json) -> Self {
        Self::text(status, "application/json", value.to_compact())
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Answer::Reply(reply)
    }
}
