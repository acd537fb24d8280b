//! Which request goes where. Every path exists with and without `/api`, but for the jobs, which need it.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use super::{
    Release,
    errors::{crash, too_large},
    jobs, origin,
    process::Process,
    socket, status, submission, upload, view,
};
use crate::{
    json::{self, Json, list, object},
    service::{Answer, Payload, Reply, ReplyBody, Request, decode},
};

/// A known path.
enum Route {
    Root,
    Socket,
    Prompt,
    Queue,
    Interrupt,
    Free,
    History,
    HistoryOf(String),
    SystemStats,
    Features,
    ObjectInfo,
    ObjectInfoOf(String),
    Models,
    ModelsIn(String),
    Embeddings,
    Extensions,
    Users,
    Settings,
    View,
    UploadImage,
    Logs,
    Jobs,
    Job(String),
    CancelJob(String),
    CancelJobs,
}

impl Route {
    fn find(release: Release, path: &str) -> Option<Self> {
        let (path, is_api) = match path.strip_prefix("/api") {
            Some(rest) if rest.starts_with('/') => (rest, true),
            _ => (path, false),
        };
        let parts: Vec<String> = path.split('/').skip(1).map(|part| decode(part, false)).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let has_jobs = is_api && release >= Release::V0_33_0;
        Some(match parts.as_slice() {
            [""] => Route::Root,
            ["ws"] => Route::Socket,
            ["prompt"] => Route::Prompt,
            ["queue"] => Route::Queue,
            ["interrupt"] => Route::Interrupt,
            ["free"] => Route::Free,
            ["history"] => Route::History,
            ["history", id] if !id.is_empty() => Route::HistoryOf((*id).to_owned()),
            ["system_stats"] => Route::SystemStats,
            ["features"] => Route::Features,
            ["object_info"] => Route::ObjectInfo,
            ["object_info", class] if !class.is_empty() => Route::ObjectInfoOf((*class).to_owned()),
            ["models"] => Route::Models,
            ["models", folder] if !folder.is_empty() => Route::ModelsIn((*folder).to_owned()),
            ["embeddings"] => Route::Embeddings,
            ["extensions"] => Route::Extensions,
            ["users"] => Route::Users,
            ["settings"] => Route::Settings,
            ["view"] => Route::View,
            ["upload", "image"] => Route::UploadImage,
            ["internal", "logs", "raw"] if !is_api => Route::Logs,
            ["jobs"] if has_jobs => Route::Jobs,
            ["jobs", "cancel"] if has_jobs => Route::CancelJobs,
            ["jobs", id] if has_jobs && !id.is_empty() => Route::Job((*id).to_owned()),
            ["jobs", id, "cancel"] if has_jobs => Route::CancelJob((*id).to_owned()),
            _ => return None,
        })
    }

    fn takes_get(&self) -> bool {
        !matches!(self, Route::Interrupt | Route::Free | Route::UploadImage | Route::CancelJob(_) | Route::CancelJobs)
    }

    fn takes_post(&self) -> bool {
        matches!(self, Route::Prompt | Route::Queue | Route::History | Route::Users | Route::Settings)
            || !self.takes_get()
    }
}

/// Answers one request.
pub(super) async fn answer(process: Arc<Process>, request: Request) -> Answer {
    if origin::is_foreign(process.release, &request) {
        return Reply::empty(403).into();
    }
    let route = Route::find(process.release, &request.path);
    match (request.method.as_str(), route) {
        ("OPTIONS", _) => Reply::empty(200).into(),
        ("GET" | "HEAD", Some(Route::Socket)) => socket::upgrade(process, &request),
        ("GET" | "HEAD", Some(route)) if route.takes_get() => get(&process, route, &request).into(),
        ("GET" | "HEAD", _) => missing(&request).into(),
        ("POST", Some(route)) if route.takes_post() => post(&process, route, request).await.into(),
        (_, route) => not_allowed(route.is_some_and(|route| route.takes_post())).into(),
    }
}

/// Whatever is unknown goes to the handler of static files, which has none of that name; a part of the paths is
/// out of its reach.
fn missing(request: &Request) -> Reply {
    if request.path.starts_with("/internal/") || request.path.starts_with("//") {
        return Reply::text(404, "text/plain; charset=utf-8", "404: Not Found");
    }
    let reply = Reply::new(404, ReplyBody::Chunked(Bytes::new()));
    if request.method == Method::HEAD { reply } else { reply.with("content-type", "application/octet-stream") }
}

fn not_allowed(takes_post: bool) -> Reply {
    Reply::text(405, "text/plain; charset=utf-8", "405: Method Not Allowed")
        .with("allow", if takes_post { "GET,HEAD,POST" } else { "GET,HEAD" })
}

fn get(process: &Process, route: Route, request: &Request) -> Reply {
    let value = match route {
        Route::Root => return page(),
        Route::View => return view::answer(process, request),
        Route::History => return history(process, request),
        Route::Jobs => return jobs::list(process, request),
        Route::Job(id) => return jobs::one(process, &id),
        Route::ModelsIn(folder) if !status::MODEL_FOLDERS.contains(&folder.as_str()) => return Reply::empty(404),
        Route::Prompt => process.queue.info(),
        Route::Queue => process.queue.to_json(),
        Route::HistoryOf(id) => process.queue.history_of(&id),
        Route::SystemStats => status::system_stats(process),
        Route::Features => status::features(process.release),
        Route::ObjectInfo => process.nodes.all(&process.files),
        Route::ObjectInfoOf(class) => {
            let found = process.nodes.find(&class, &process.files);
            Json::Object(found.map(|definition| (class, definition)).into_iter().collect())
        }
        Route::Models => Json::from(status::MODEL_FOLDERS.to_vec()),
        Route::ModelsIn(_) | Route::Embeddings => list![],
        Route::Extensions => list!["/extensions/core/clipspace.js"],
        Route::Users => object! { "storage" => "server", "migrated" => false },
        Route::Settings => object! {},
        Route::Logs => object! { "entries" => list![], "size" => object! { "cols" => 80, "rows" => 24 } },
        Route::Socket
        | Route::Interrupt
        | Route::Free
        | Route::UploadImage
        | Route::CancelJob(_)
        | Route::CancelJobs => return missing(request),
    };
    Reply::python_json(200, &value)
}

fn page() -> Reply {
    let html = "<!doctype html><html lang=\"en\"><head><meta charset=\"UTF-8\"><title>ComfyUI</title></head></html>";
    Reply::text(200, "text/html", html).with("cache-control", "no-cache")
}

fn history(process: &Process, request: &Request) -> Reply {
    let number = |name| match request.parameter(name) {
        None => Some(None),
        Some(text) => text.trim().parse::<i64>().ok().map(Some),
    };
    match (number("max_items"), number("offset")) {
        (Some(max_items), Some(offset)) => {
            Reply::python_json(200, &process.queue.history(max_items, offset.unwrap_or(-1)))
        }
        _ => crash(),
    }
}

async fn post(process: &Arc<Process>, route: Route, request: Request) -> Reply {
    if matches!(request.payload, Payload::TooLarge) {
        return too_large();
    }
    let body = json::parse(&request.body());
    match (route, body) {
        (Route::Prompt, Ok(body)) => submission::answer(process, body, request.job_fault).await,
        (Route::Queue, Ok(body)) => change_queue(process, &body),
        (Route::History, Ok(body)) => change_history(process, &body),
        (Route::Interrupt, body) => interrupt(process, body.ok()),
        (Route::Free, Ok(Json::Object(members))) => {
            if Json::Object(members).get("free_memory").is_some_and(Json::is_truthy) {
                process.free_memory();
            }
            Reply::empty(200)
        }
        (Route::UploadImage, _) => upload::answer(process, &request),
        (Route::CancelJob(id), _) => jobs::cancel(process, &id),
        (Route::CancelJobs, Ok(body)) => jobs::cancel_all(process, &body),
        (Route::Settings, Ok(_)) => Reply::empty(200),
        _ => crash(),
    }
}

fn change_queue(process: &Process, body: &Json) -> Reply {
    let Some((clear, ids)) = changes(body) else { return crash() };
    if clear {
        process.queue.clear(&process.book);
    }
    for id in ids {
        process.queue.delete(&id, &process.book);
    }
    Reply::empty(200)
}

fn change_history(process: &Process, body: &Json) -> Reply {
    let Some((clear, ids)) = changes(body) else { return crash() };
    if clear {
        process.queue.clear_history();
    }
    for id in ids {
        process.queue.forget(&id);
    }
    Reply::empty(200)
}

/// What a body wants cleared or deleted; `None` if it is of a kind that raises in the real server.
fn changes(body: &Json) -> Option<(bool, Vec<String>)> {
    match body {
        Json::Object(_) => {}
        Json::List(items) if !items.iter().any(|item| matches!(item.as_str(), Some("clear" | "delete"))) => {}
        _ => return None,
    }
    let clear = body.get("clear").is_some_and(Json::is_truthy);
    let ids = match body.get("delete") {
        // A text is a list of characters, none of which is an id.
        None | Some(Json::String(_)) => Vec::new(),
        Some(ids) => ids.as_list()?.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
    };
    Some((clear, ids))
}

/// A body that is no JSON counts as `{}`; JSON that is no object raises.
fn interrupt(process: &Process, body: Option<Json>) -> Reply {
    let body = body.unwrap_or(object! {});
    if !matches!(body, Json::Object(_)) {
        return crash();
    }
    match body.get("prompt_id").filter(|id| id.is_truthy()) {
        None => process.interrupt(),
        Some(id) if process.queue.is_running(id.as_str().unwrap_or_default()) => process.interrupt(),
        Some(_) => {}
    }
    Reply::empty(200)
}
