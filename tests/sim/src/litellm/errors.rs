//! Answers that are no success.

use bytes::Bytes;

use crate::{
    json::{Json, object},
    service::{Reply, ReplyBody},
};

/// `{"error": {…}}` with the status repeated as a string.
pub(super) fn error(status: u16, kind: &str, param: impl Into<Json>, message: &str) -> Json {
    object! { "error" => error_body(status, kind, param, message) }
}

fn error_body(status: u16, kind: &str, param: impl Into<Json>, message: &str) -> Json {
    object! { "message" => message, "type" => kind, "param" => param.into(), "code" => status.to_string() }
}

/// FastAPI's form for what never reached a handler.
pub(super) fn detail(status: u16, detail: &str) -> Reply {
    Reply::compact_json(status, &object! { "detail" => detail })
}

/// What uvicorn answers when the application raises: no headers of its stack, and the connection is closed.
pub(super) fn crash() -> Reply {
    let mut reply = Reply::new(500, ReplyBody::Chunked(Bytes::from_static(b"Internal Server Error")))
        .with("content-type", "text/plain; charset=utf-8")
        .with("connection", "close");
    reply.bare = true;
    reply
}
