//! The faults of single answers.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::{
    respond::{Stream, whole},
    socket::Accepted,
};
use crate::{
    deflate,
    fault::Fault,
    service::{Reply, ReplyBody, Transport},
};

/// The endless body ends here, so that a client that swallows everything does not run for ever.
const ENDLESS_BYTES: usize = 4 << 30;
const ENDLESS_CHUNK: usize = 64 << 10;
const BOMB_BYTES: u64 = 1 << 30;

/// What happens to a connection instead of HTTP.
pub(super) enum Takeover {
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
    /// These bytes are sent, then it is closed.
    Bytes(Vec<u8>),
    /// It becomes a WebSocket.
    Socket(Box<Accepted>),
}

/// What a fault answers instead of the service; `None` if the service is to answer.
pub(super) async fn instead(fault: Option<&Fault>) -> Result<Option<Response<Stream>>, Takeover> {
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Drop) => Err(Takeover::Close),
        Some(Fault::Reset) => Err(Takeover::Reset),
        Some(Fault::Garbage) => {
            Err(Takeover::Bytes(b"\x00\xff\x13\x37 this is no HTTP \xde\xad\xbe\xef\r\n\r\n".to_vec()))
        }
        Some(Fault::Html) => Ok(Some(page())),
        Some(Fault::Status(code)) => Ok(Some(refusal(*code))),
        Some(Fault::EndlessBody) => Ok(Some(endless())),
        Some(Fault::GzipBomb) => Ok(Some(bomb())),
        _ => Ok(None),
    }
}

fn page() -> Response<Stream> {
    let html = "<!doctype html><html><head><title>Sign in to the network</title></head><body>…</body></html>";
    response("text/html; charset=utf-8", whole(Bytes::from_static(html.as_bytes())))
}

fn refusal(code: u16) -> Response<Stream> {
    let mut response = response("text/plain", whole(Bytes::from_static(b"as the fault wants it")));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn endless() -> Response<Stream> {
    let mut chunk = vec![b'a'; ENDLESS_CHUNK];
    chunk[..2].copy_from_slice(b"[\"");
    let first = Bytes::from(chunk);
    let rest = Bytes::from(vec![b'a'; ENDLESS_CHUNK]);
    let next = move |sent: usize| {
        let chunk = if sent == 0 { first.clone() } else { rest.clone() };
        async move { (sent < ENDLESS_BYTES).then(|| (Ok(Frame::data(chunk)), sent + ENDLESS_CHUNK)) }
    };
    response("application/json", StreamBody::new(stream::unfold(0, next)).boxed_unsync())
}

fn bomb() -> Response<Stream> {
    let mut response = response("application/json", whole(deflate::gzip_of_zeros(BOMB_BYTES).into()));
    response.headers_mut().insert("content-encoding", http::HeaderValue::from_static("gzip"));
    response
}

fn response(content_type: &'static str, body: Stream) -> Response<Stream> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(content_type));
    response
}

/// Spoils a true answer.
pub(super) fn spoil(mut reply: Reply, fault: Option<&Fault>, transport: &Transport) -> Result<Reply, Takeover> {
    let body = match reply.body {
        ReplyBody::Whole(ref bytes) | ReplyBody::Chunked(ref bytes) => bytes.clone(),
        ReplyBody::Stream(chunks) | ReplyBody::Cut(chunks) => {
            reply.body = match fault {
                Some(Fault::EmptyBody) => ReplyBody::Whole(Bytes::new()),
                Some(Fault::HalfJson) => ReplyBody::Cut(chunks),
                // What is not known yet has no place for odd numbers.
                _ => ReplyBody::Stream(chunks),
            };
            return Ok(reply);
        }
    };
    match fault {
        Some(Fault::EmptyBody) => reply.body = ReplyBody::Whole(Bytes::new()),
        Some(Fault::Nan) => reply.body = ReplyBody::Whole(with_member(&body, "nan", "NaN")),
        Some(Fault::BigSeeds) => reply.body = ReplyBody::Whole(with_member(&body, "seed", "18446744073709551615")),
        Some(Fault::HalfJson) => {
            let mut bytes = head(&reply, body.len(), transport);
            bytes.extend_from_slice(&body[..body.len() / 2]);
            return Err(Takeover::Bytes(bytes));
        }
        _ => {}
    }
    Ok(reply)
}

/// A stream's first chunk, half of its second, and the end of the connection.
pub(super) fn cut(chunks: mpsc::Receiver<Bytes>) -> Stream {
    let next = |(mut chunks, sent): (mpsc::Receiver<Bytes>, u8)| async move {
        let chunk = match sent {
            2 => None,
            _ => chunks.recv().await,
        };
        let frame = match chunk {
            None => {
                // What was sent goes out before the connection ends.
                tokio::task::yield_now().await;
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Some(chunk) if sent == 0 => Ok(Frame::data(chunk)),
            Some(chunk) => Ok(Frame::data(chunk.slice(..chunk.len() / 2))),
        };
        Some((frame, (chunks, sent + 1)))
    };
    StreamBody::new(stream::unfold((chunks, 0), next)).boxed_unsync()
}

/// Adds a member to the front of a JSON object; anything else becomes a list with the value.
fn with_member(body: &[u8], name: &str, value: &str) -> Bytes {
    let text = String::from_utf8_lossy(body);
    let spoilt = match text.trim().strip_prefix('{').map(str::trim_start) {
        Some("}") => format!("{{\"{name}\": {value}}}"),
        Some(rest) => format!("{{\"{name}\": {value}, {rest}"),
        None => format!("[{value}]"),
    };
    spoilt.into()
}

/// The head of an answer as bytes.
fn head(reply: &Reply, length: usize, transport: &Transport) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {}\r\ncontent-length: {length}\r\n", reply.status);
    let common = transport.headers.iter().map(|(name, value)| (*name, *value));
    for (name, value) in common.chain(reply.headers.iter().map(|(name, value)| (name.as_ref(), value.as_str()))) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}
