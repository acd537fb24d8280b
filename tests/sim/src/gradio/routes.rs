//! Which request goes where.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use super::{
    Gradio,
    call::{self, Call, Tell},
    dialect::Dialect,
    functions, lock, session,
};
use crate::{
    fault::Fault,
    json::{self, Json, list, object},
    ledger::Upload,
    service::{Reply, ReplyBody, Request, decode},
    uuid,
};

/// Answers one request.
pub(super) async fn answer(process: &Arc<Gradio>, request: Request) -> Reply {
    if let Some(call) = forbidden(process, &request) {
        process.setup.book.forbidden(call);
    }
    let is_get = request.method == Method::GET;
    let path = request.path.clone();
    if path == "/" {
        return Reply::text(200, "text/html; charset=utf-8", "<html><head><title>Gradio</title></head></html>");
    }
    if path == "/login" && request.method == Method::POST {
        return login(process, &request);
    }
    let Some(below) = process.app.below_prefix(&path).filter(|_| path != "/config") else {
        return match path.as_str() {
            "/config" if is_closed(process, &request) => locked(process),
            "/config" if is_get => config(process),
            "/config" => detail(405, "Method Not Allowed"),
            _ => detail(404, "Not Found"),
        };
    };
    if below == "/app_id" {
        return app_id(process);
    }
    if is_closed(process, &request) {
        return locked(process);
    }
    let dialect = process.app.dialect;
    if let Some(file) = below.strip_prefix("/file=") {
        return file_answer(process, &decode(file, false));
    }
    match (request.method.as_str(), below) {
        ("GET", "/queue/status") => status(process),
        ("POST", "/upload") if dialect != Dialect::Inline => upload(process, &request),
        ("POST", "/api/infer_refresh") => Reply::compact_json(
            200,
            &object! { "data" => list![functions::voices()], "is_generating" => false, "duration" => 0.001 },
        ),
        ("GET", "/queue/join") if dialect == Dialect::Sse => asking(process, &request),
        ("POST", "/queue/data") if dialect == Dialect::Sse => data(process, &request).await,
        ("POST", "/queue/join") if dialect.has_sessions() => join(process, &request).await,
        ("GET", "/queue/data") if dialect.has_sessions() => {
            session::stream(process, &request.parameter("session_hash").unwrap_or_default())
        }
        ("POST", "/cancel") if dialect == Dialect::SseV3 => cancel(process, &request),
        ("POST", "/reset") if dialect != Dialect::Inline => reset(process, &request),
        _ => detail(404, "Not Found"),
    }
}

/// What costs the service something, or changes it, and is never needed.
fn forbidden(process: &Gradio, request: &Request) -> Option<String> {
    let below = process.app.below_prefix(&request.path).unwrap_or(&request.path);
    let is_needless = match below {
        "/" => request.method == Method::GET,
        "/info" | "/startup-events" => true,
        path if path.starts_with("/heartbeat") || path.starts_with("/call/") || path.starts_with("/run/") => true,
        path if path.starts_with("/api/") => path != "/api/infer_refresh",
        _ => false,
    };
    is_needless.then(|| format!("{} {}", request.method, request.path))
}

pub(super) fn detail(status: u16, text: &str) -> Reply {
    Reply::compact_json(status, &object! { "detail" => text })
}

fn config(process: &Gradio) -> Reply {
    let mut config = process.app.config.clone();
    if config.get("app_id").is_some() {
        config.set("app_id", process.app_id);
    }
    Reply::compact_json(200, &config)
}

fn app_id(process: &Gradio) -> Reply {
    if process.app.dialect == Dialect::Inline {
        return Reply::text(500, "text/plain; charset=utf-8", "Internal Server Error");
    }
    Reply::compact_json(200, &object! { "app_id" => process.app_id })
}

fn status(process: &Gradio) -> Reply {
    let size = process.waiting();
    let mut status = object! { "rank" => Json::Null, "queue_size" => size, "rank_eta" => Json::Null };
    if !matches!(process.app.dialect, Dialect::Sse | Dialect::SseV1) {
        status.set("msg", "estimation");
    }
    Reply::compact_json(200, &status)
}

/// The key of the simulator is `user:password`.
fn is_closed(process: &Gradio, request: &Request) -> bool {
    let shows = request.header("cookie").is_some_and(|cookie| cookie.contains(&process.token));
    process.setup.key.is_some() && !shows
}

fn locked(process: &Gradio) -> Reply {
    let version = process.app.gradio();
    if version.starts_with("5.") || version.starts_with("6.") {
        let error = object! { "error" => "Not authenticated", "auth_message" => Json::Null };
        return Reply::compact_json(401, &object! { "detail" => error });
    }
    detail(401, "Not authenticated")
}

fn login(process: &Gradio, request: &Request) -> Reply {
    let body = String::from_utf8_lossy(&request.body()).into_owned();
    let field = |name: &str| {
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| decode(value, true)).next().unwrap_or_default()
    };
    let shown = format!("{}:{}", field("username"), field("password"));
    if process.setup.key.as_deref().is_some_and(|key| key != shown) {
        return detail(400, "Incorrect credentials.");
    }
    let cookie = |name: &str, rest: &str| format!("{name}={}; Path=/; HttpOnly; {rest}", process.token);
    let reply = match process.app.dialect {
        Dialect::Inline => Reply::empty(302).with("location", "/"),
        _ => Reply::compact_json(200, &object! { "success" => true }),
    };
    reply
        .with("set-cookie", cookie("access-token-x", "SameSite=none; Secure"))
        .with("set-cookie", cookie("access-token-unsecure-x", "SameSite=lax"))
}

fn file_answer(process: &Gradio, path: &str) -> Reply {
    match process.files.read(path) {
        Some(bytes) => Reply::text(200, "application/octet-stream", bytes),
        None if process.app.dialect == Dialect::Inline => Reply::text(500, "text/plain", "Internal Server Error"),
        None => detail(403, &format!("File not allowed: {path}.")),
    }
}

fn upload(process: &Gradio, request: &Request) -> Reply {
    let body = request.body();
    let Some(boundary) = request.header("content-type").and_then(|kind| kind.split_once("boundary=")).map(|(_, b)| b)
    else {
        return detail(400, "Invalid content type.");
    };
    let mark = format!("--{boundary}");
    let find = |from: usize, what: &[u8]| {
        body[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let mut paths = Vec::new();
    let mut at = 0;
    while let Some(begin) = find(at, mark.as_bytes()) {
        let (Some(head), Some(end)) = (find(begin, b"\r\n\r\n"), find(begin + mark.len(), mark.as_bytes())) else {
            break;
        };
        at = end;
        let field = String::from_utf8_lossy(&body[begin..head]).into_owned();
        let name = field.split_once("filename=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name);
        // A wrong field name is answered with an empty list.
        if let (true, Some(name)) = (field.contains("name=\"files\""), name) {
            let bytes = body.slice(head + 4..end - 2);
            let length = bytes.len() as u64;
            process.setup.book.upload(Upload { name: name.to_owned(), subfolder: String::new(), bytes: length });
            paths.push(process.files.save(name, bytes));
        }
    }
    Reply::compact_json(200, &Json::from(paths))
}

/// `POST /queue/join` since 4.9.
async fn join(process: &Arc<Gradio>, request: &Request) -> Reply {
    let Ok(body) = json::parse(&request.body()) else { return detail(422, "JSON decode error") };
    let Some(hash) = body.get("session_hash").and_then(Json::as_str).map(str::to_owned) else {
        return detail(400, "Session hash not found.");
    };
    let index = body.get("fn_index").and_then(Json::as_i64);
    let Some((function, is_generator)) = index.and_then(|index| process.app.function(index)) else {
        return Reply::text(500, "text/plain; charset=utf-8", "Internal Server Error");
    };
    let event = uuid::hex();
    let number = process.setup.book.job_accepted(&event, Some(&hash));
    let (said, gone) = process.sessions.join(&hash);
    let (dialect, id, line) = (process.app.dialect, event.clone(), said.clone());
    let tell: Tell = Arc::new(move |mut message: Json| {
        message.set("event_id", &id);
        // Nobody listens after the session is gone.
        let _ = said.send(dialect.write(&message));
    });
    call::tell_place(process, &tell);
    let data = body.get("data").and_then(Json::as_list).unwrap_or_default().to_vec();
    let gone = gone.subscribe();
    let is_triggered = body.get("trigger_id").and_then(Json::as_i64).is_some();
    let session = hash.clone();
    let call = Call { function, is_generator, data, session, is_triggered, event: event.clone(), number, tell, gone };
    let fault = request.job_fault.clone();
    if let Some(Fault::SlowJob(time)) = fault {
        sleep(time).await;
    }
    let process = Arc::clone(process);
    tokio::spawn(async move {
        if let Some(Fault::LateJob(time)) = fault {
            sleep(time).await;
        }
        call::run(Arc::clone(&process), call).await;
        process.sessions.close(&hash, &line, dialect);
    });
    Reply::compact_json(200, &object! { "event_id" => event })
}

/// `GET /queue/join` of 4.0: the stream asks for the data.
fn asking(process: &Arc<Gradio>, request: &Request) -> Reply {
    let (sender, chunks) = mpsc::channel::<Bytes>(64);
    let number = request.parameter("fn_index").and_then(|index| index.parse::<i64>().ok());
    let Some((function, is_generator)) = number.and_then(|index| process.app.function(index)) else {
        return Reply::text(500, "text/plain; charset=utf-8", "Internal Server Error");
    };
    let (event, dialect) = (uuid::hex(), process.app.dialect);
    let tell: Tell = Arc::new(move |message: Json| {
        // A full channel has a reader that is gone.
        let _ = sender.try_send(Bytes::from(format!("data: {}\n\n", dialect.write(&message))));
    });
    call::tell_place(process, &tell);
    tell(object! { "msg" => "send_data", "event_id" => &event });
    let waiting = session::Asked { function, is_generator, tell };
    process.sessions.ask(&event, waiting);
    Reply::new(200, ReplyBody::Stream(chunks)).with("content-type", "text/event-stream; charset=utf-8")
}

/// `POST /queue/data` of 4.0.
async fn data(process: &Arc<Gradio>, request: &Request) -> Reply {
    let body = json::parse(&request.body()).unwrap_or(Json::Null);
    let event = body.get("event_id").and_then(Json::as_str).unwrap_or_default().to_owned();
    let Some(asked) = process.sessions.asked(&event) else { return detail(404, "Event not found") };
    let session = body.get("session_hash").and_then(Json::as_str).map(str::to_owned);
    let number = process.setup.book.job_accepted(&event, session.as_deref());
    let data = body.get("data").and_then(Json::as_list).unwrap_or_default().to_vec();
    if let Some(Fault::SlowJob(time)) = request.job_fault {
        sleep(time).await;
    }
    let (function, is_generator, tell) = (asked.function, asked.is_generator, asked.tell);
    // Nobody watches whether the reader is still there.
    let gone = watch::Sender::new(false);
    let session = session.unwrap_or_default();
    let is_heard = gone.subscribe();
    let call = Call { function, is_generator, data, session, is_triggered: false, event, number, tell, gone: is_heard };
    let process = Arc::clone(process);
    tokio::spawn(async move {
        call::run(process, call).await;
        drop(gone);
    });
    Reply::compact_json(200, &Json::Null)
}

/// Says success whatever it was asked.
fn cancel(process: &Gradio, request: &Request) -> Reply {
    let body = json::parse(&request.body()).unwrap_or(Json::Null);
    let event = body.get("event_id").and_then(Json::as_str).unwrap_or_default();
    if let Some(control) = lock(&process.calls).get(event) {
        control.cancel();
    }
    Reply::compact_json(200, &object! { "success" => true })
}

/// Before 4.31: only generators that run.
fn reset(process: &Gradio, request: &Request) -> Reply {
    let body = json::parse(&request.body()).unwrap_or(Json::Null);
    let id = if process.app.dialect.is_socket() { "session_hash" } else { "event_id" };
    let id = body.get(id).and_then(Json::as_str).unwrap_or_default();
    let control = lock(&process.calls).get(id).cloned();
    let stops = control.filter(|control| control.is_generator && control.is_running());
    if let Some(control) = &stops {
        control.cancel();
    }
    let says = process.app.dialect.is_socket() || stops.is_some();
    Reply::compact_json(200, &object! { "success" => says })
}
