//! Which request goes where.

use std::sync::Arc;

use http::Method;

use super::{
    facts,
    gallery::{media_type, name},
    process::Process,
    tools,
};
use crate::{
    json::{self, Json, list, object},
    ledger::Upload,
    service::{Reply, Request},
};

const UPLOAD: &str = "/wangp_api/gallery/upload/";
const DOWNLOAD: &str = "/wangp_api/gallery/download/";

/// Answers one request.
pub(super) async fn answer(process: &Arc<Process>, request: Request) -> Reply {
    let path = request.path.as_str();
    if let Some(token) = path.strip_prefix(UPLOAD).filter(|_| request.method == Method::PUT) {
        return upload(process, token, &request);
    }
    if let Some(token) = path.strip_prefix(DOWNLOAD).filter(|_| request.method == Method::GET) {
        return download(process, token);
    }
    match (path, &request.method) {
        ("/mcp", _) => Reply::empty(307).with("location", "/mcp/"),
        ("/mcp/", &Method::POST) if !accepts(&request) => {
            let message = "Not Acceptable: Client must accept both application/json and text/event-stream";
            Reply::compact_json(406, &failure("server-error", -32600, message, None))
        }
        ("/mcp/", &Method::POST) => message(process, &request).await,
        ("/mcp/", &Method::GET) => {
            let message = "Not Acceptable: Client must accept text/event-stream";
            Reply::compact_json(406, &failure("server-error", -32600, message, None))
        }
        ("/mcp/", _) => {
            let message = "Method Not Allowed: Session termination not supported";
            Reply::compact_json(405, &failure("server-error", -32600, message, None))
        }
        _ => Reply::text(404, "text/plain; charset=utf-8", "Not Found"),
    }
}

fn accepts(request: &Request) -> bool {
    let accepted = request.header("accept").unwrap_or_default();
    ["application/json", "text/event-stream"].iter().all(|wanted| accepted.contains(wanted))
}

async fn message(process: &Arc<Process>, request: &Request) -> Reply {
    let Ok(message) = json::parse(&request.body()) else {
        return Reply::compact_json(400, &failure("server-error", -32700, "Parse error", None));
    };
    let Some(id) = message.get("id") else {
        return Reply::empty(202).with("content-type", "application/json");
    };
    let method = message.get("method").and_then(Json::as_str).unwrap_or_default();
    let parameters = message.get("params").cloned().unwrap_or(Json::Null);
    let result = match method {
        "initialize" => Some(hello(&parameters)),
        "ping" => Some(object! {}),
        "tools/call" => Some(tools::call(process, &parameters, request.job_fault.as_ref()).await),
        other => facts::method(other),
    };
    let reply = match result {
        Some(result) => object! { "jsonrpc" => "2.0", "id" => id, "result" => result },
        None => failure(id, -32602, "Invalid request parameters", Some("")),
    };
    Reply::compact_json(200, &reply)
}

fn hello(parameters: &Json) -> Json {
    let version = parameters.get("protocolVersion").cloned().unwrap_or("2025-03-26".into());
    let changes = || object! { "listChanged" => false };
    object! {
        "protocolVersion" => version,
        "capabilities" => object! {
            "experimental" => object! {},
            "prompts" => changes(),
            "resources" => object! { "subscribe" => false, "listChanged" => false },
            "tools" => changes(),
        },
        "serverInfo" => object! { "name" => "WanGP", "version" => "1.10.1" },
    }
}

fn failure(id: impl Into<Json>, code: i64, message: &str, data: Option<&str>) -> Json {
    let mut error = object! { "code" => code, "message" => message };
    if let Some(data) = data {
        error.set("data", data);
    }
    object! { "jsonrpc" => "2.0", "id" => id.into(), "error" => error }
}

fn upload(process: &Process, token: &str, request: &Request) -> Reply {
    let mut state = process.state();
    let Some(path) = state.gallery.take_upload(token) else {
        return error(404, "Upload expired or not found.");
    };
    let bytes = request.body();
    if media_type(&path) == "image" && image_type(&bytes).is_none() {
        return error(400, &format!("cannot identify image file '{path}'"));
    }
    process.book.upload(Upload { name: name(&path).to_owned(), subfolder: String::new(), bytes: bytes.len() as u64 });
    let size = bytes.len();
    let entry = state.gallery.add(&path, bytes, object! {});
    let mut told = object! { "status" => "uploaded", "size" => size };
    for (key, value) in entry.members().unwrap_or_default() {
        told.set(key, value);
    }
    Reply::compact_json(200, &told)
}

fn download(process: &Process, token: &str) -> Reply {
    let taken = process.state().gallery.take_download(token);
    let Some((path, bytes)) = taken else { return error(404, "Download expired or not found.") };
    let content_type = match media_type(&path) {
        "video" => "video/mp4",
        _ => image_type(&bytes).unwrap_or("image/jpeg"),
    };
    Reply::text(200, content_type, bytes)
        .with("accept-ranges", "bytes")
        .with("content-disposition", format!("attachment; filename=\"{}\"", name(&path)))
}

fn image_type(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 3] = [(b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"RIFF", "image/webp")];
    kinds.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, kind)| *kind)
}

fn error(status: u16, text: &str) -> Reply {
    Reply::compact_json(status, &object! { "error" => text })
}

/// Only lists are made of more than one text.
pub(super) fn told(value: Json) -> Json {
    let text = |value: &Json| object! { "type" => "text", "text" => super::pretty::pretty(value) };
    let content = match value.get("result").and_then(Json::as_list) {
        Some(items) => Json::List(items.iter().map(text).collect()),
        None => list![text(&value)],
    };
    object! { "content" => content, "structuredContent" => value, "isError" => false }
}
