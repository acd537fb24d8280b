//! One HTTP request on its way through the faults to the service and back.

use std::{
    borrow::Cow,
    io,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderName, HeaderValue, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::{sync::mpsc, time::sleep};

use super::{
    Server,
    idle::{Answering, Idle},
    misbehaviour::{self, Takeover},
    socket,
};
use crate::{
    fault::Fault,
    ledger::SeenRequest,
    service::{Answer, Payload, Reply, ReplyBody, Request, Service, Transport},
};

/// What a request needs to know about its connection.
pub(super) struct Context {
    pub(super) server: Arc<Server>,
    pub(super) connection: u64,
    pub(super) idle: Idle,
}

/// The body of an answer. Where it fails, the connection breaks.
pub(super) type Stream = UnsyncBoxBody<Bytes, io::Error>;

/// Answers a request, or takes the connection away from HTTP.
pub(super) async fn respond(
    context: &Context,
    request: hyper::Request<Incoming>,
) -> Result<Response<Tracked>, Takeover> {
    let answering = context.idle.answering();
    let (head, incoming) = request.into_parts();
    record(context, &head);
    let setup = &context.server.setup;
    let path = head.uri.path().to_owned();
    let service = context.server.service(&path);

    if let Some(Fault::Slow(delay)) = setup.board.take(&path, |fault| matches!(fault, Fault::Slow(_))) {
        sleep(delay).await;
    }
    let fault = setup.board.take(&path, |fault| fault.is_about_requests() && !matches!(fault, Fault::Slow(_)));
    if fault == Some(Fault::StopReading) {
        return std::future::pending().await;
    }
    let payload = read(incoming, service.transport().max_body).await?;
    if let Some(stream) = misbehaviour::instead(fault.as_ref()).await? {
        return Ok(stream.map(|body| Tracked { body, _answering: answering }));
    }

    let query = head.uri.query().unwrap_or_default().to_owned();
    let mut request = Request { method: head.method, path, query, headers: head.headers, payload, job_fault: None };
    if service.submits_job(&request) {
        request.job_fault = setup.board.take(&request.path, Fault::is_about_jobs);
    }
    let response = handle(context, service, request, fault).await?;
    Ok(response.map(|body| Tracked { body, _answering: answering }))
}

async fn handle(
    context: &Context,
    service: Arc<dyn Service>,
    request: Request,
    fault: Option<Fault>,
) -> Result<Response<Stream>, Takeover> {
    let transport = service.transport();
    let key = request.headers.get("sec-websocket-key").cloned();
    let path = request.path.clone();
    let cuts_answer = request.job_fault == Some(Fault::CutAnswer);
    let reply = match context.server.run(service.handle(request)).await.ok_or(Takeover::Close)? {
        Answer::Reply(_) if cuts_answer => return Err(Takeover::Close),
        Answer::Reply(reply) => reply,
        Answer::Socket(upgrade) => {
            let fault = context.server.setup.board.take(&path, Fault::is_about_sockets);
            if fault != Some(Fault::SocketRefused) {
                return Err(Takeover::Socket(Box::new(socket::accept(upgrade, path, key, fault, &transport))));
            }
            Reply::empty(403)
        }
    };
    let reply = misbehaviour::spoil(reply, fault.as_ref(), &transport)?;
    Ok(into_response(reply, &transport))
}

fn record(context: &Context, head: &http::request::Parts) {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let credentials = ["authorization", "x-api-key", "api-key", "x-litellm-api-key", "x-goog-api-key"];
    context.server.setup.book.request(SeenRequest {
        connection: context.connection,
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
        has_auth: credentials.iter().any(|name| head.headers.contains_key(*name)),
        user_agent: text("user-agent"),
        origin: text("origin"),
    });
}

/// Reads the body up to a limit. A client that goes away in the middle ends the connection.
async fn read(mut incoming: Incoming, limit: usize) -> Result<Payload, Takeover> {
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        if let Ok(data) = frame.map_err(|_| Takeover::Close)?.into_data() {
            if body.len() + data.len() > limit {
                return Ok(Payload::TooLarge);
            }
            body.extend_from_slice(&data);
        }
    }
    Ok(Payload::Whole(body.freeze()))
}

fn into_response(reply: Reply, transport: &Transport) -> Response<Stream> {
    let mut response = Response::new(match reply.body {
        ReplyBody::Whole(bytes) => whole(bytes),
        ReplyBody::Chunked(bytes) => chunked(bytes),
        ReplyBody::Stream(chunks) => streamed(chunks),
        ReplyBody::Cut(chunks) => misbehaviour::cut(chunks),
    });
    *response.status_mut() = reply.status;
    let common = if reply.bare { &[] } else { transport.headers };
    let common = common.iter().map(|(name, value)| (Cow::Borrowed(*name), (*value).to_owned()));
    for (name, value) in common.chain(reply.headers) {
        let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
        // A script may name a field that is none.
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A body with a known length.
pub(super) fn whole(bytes: Bytes) -> Stream {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A body sent in chunks although it is known.
fn chunked(bytes: Bytes) -> Stream {
    StreamBody::new(stream::once(async move { Ok(Frame::data(bytes)) })).boxed_unsync()
}

/// A body sent in chunks as they come.
fn streamed(chunks: mpsc::Receiver<Bytes>) -> Stream {
    let next = |mut chunks: mpsc::Receiver<Bytes>| async move {
        let chunk = chunks.recv().await?;
        Some((Ok(Frame::data(chunk)), chunks))
    };
    StreamBody::new(stream::unfold(chunks, next)).boxed_unsync()
}

/// A body whose end, or loss, is the end of the answer.
pub(super) struct Tracked {
    body: Stream,
    _answering: Answering,
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
