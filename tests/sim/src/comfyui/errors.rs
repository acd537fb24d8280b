//! Answers to requests that went wrong.

use crate::{
    json::{Json, object},
    service::Reply,
};

/// aiohttp's answer when a handler raises, which ComfyUI's handlers do for most malformed bodies.
pub(super) fn crash() -> Reply {
    let text = "500 Internal Server Error\n\nServer got itself in trouble";
    Reply::text(500, "text/plain; charset=utf-8", text).with("connection", "close")
}

/// A request body beyond the limit.
pub(super) fn too_large() -> Reply {
    let text = format!("Maximum request body size {} exceeded.", super::MAX_UPLOAD);
    Reply::text(413, "text/plain; charset=utf-8", text)
}

/// An error of a kind, as `POST /prompt` reports it.
pub(super) fn error(kind: &str, message: &str, details: &str, extra: Json) -> Json {
    object! { "type" => kind, "message" => message, "details" => details, "extra_info" => extra }
}

/// A rejected submission.
pub(super) fn rejected(error: Json, node_errors: Json) -> Reply {
    Reply::python_json(400, &object! { "error" => error, "node_errors" => node_errors })
}
