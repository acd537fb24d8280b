//! `/api/jobs`: the newer view of queue and history, since 0.6.0.

use super::{
    process::Process,
    queue::{Entry, Item},
};
use crate::{
    json::{Json, object},
    service::{Reply, Request},
    uuid,
};

const STATES: [&str; 5] = ["pending", "in_progress", "completed", "failed", "cancelled"];

/// `GET /api/jobs`.
pub(super) fn list(process: &Process, request: &Request) -> Reply {
    match Query::read(request) {
        Ok(query) => Reply::python_json(200, &query.answer(all(process))),
        Err(complaint) => Reply::python_json(400, &object! { "error" => complaint }),
    }
}

/// `GET /api/jobs/{id}`, which knows pending and running jobs too.
pub(super) fn one(process: &Process, id: &str) -> Reply {
    let finished = process.queue.finished().into_iter().find(|(known, _)| known == id);
    let job = match finished {
        Some((_, entry)) => Some(detailed(&entry)),
        None => unfinished(process).into_iter().find(|job| job.get("id").and_then(Json::as_str) == Some(id)),
    };
    match job {
        Some(job) => Reply::python_json(200, &job),
        None => Reply::python_json(404, &object! { "error" => "Job not found" }),
    }
}

/// `POST /api/jobs/{id}/cancel`: pending or running, both are stopped.
pub(super) fn cancel(process: &Process, id: &str) -> Reply {
    Reply::python_json(200, &object! { "cancelled" => stop(process, id) })
}

/// `POST /api/jobs/cancel` with a list of ids.
pub(super) fn cancel_all(process: &Process, body: &Json) -> Reply {
    let Some(ids) = body.get("job_ids").and_then(Json::as_list) else {
        return Reply::python_json(400, &object! { "error" => "job_ids must be a list" });
    };
    let is_valid = |id: &&Json| id.as_str().is_some_and(uuid::is_canonical);
    let invalid: Vec<Json> = ids.iter().filter(|id| !is_valid(id)).cloned().collect();
    if !invalid.is_empty() {
        let complaint = object! { "error" => "job_ids contains invalid id(s)", "invalid_ids" => invalid };
        return Reply::python_json(400, &complaint);
    }
    let stopped = ids.iter().filter_map(Json::as_str).filter(|id| stop(process, id)).count();
    Reply::python_json(200, &object! { "cancelled" => stopped > 0 })
}

fn stop(process: &Process, id: &str) -> bool {
    if process.queue.is_running(id) {
        process.interrupt();
        return true;
    }
    process.queue.delete(id, &process.book)
}

/// What a list is asked for.
struct Query {
    states: Vec<String>,
    workflow: Option<String>,
    by_duration: bool,
    is_ascending: bool,
    limit: Option<usize>,
    offset: usize,
}

impl Query {
    fn read(request: &Request) -> Result<Self, String> {
        let states = match request.parameter("status") {
            None => STATES.map(str::to_owned).to_vec(),
            Some(text) => text.split(',').map(|state| state.trim().to_lowercase()).filter(|s| !s.is_empty()).collect(),
        };
        let unknown: Vec<&str> = states.iter().map(String::as_str).filter(|state| !STATES.contains(state)).collect();
        if !unknown.is_empty() {
            let known = STATES.join(", ");
            return Err(format!("Invalid status value(s): {}. Valid values: {known}", unknown.join(", ")));
        }
        let one_of = |name: &str, known: [&'static str; 2]| match request.parameter(name) {
            None => Ok(known[0]),
            Some(value) => known
                .into_iter()
                .find(|known| *known == value)
                .ok_or_else(|| format!("{name} must be one of: {}", known.join(", "))),
        };
        let number = |name: &str| match request.parameter(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| format!("{name} must be an integer")),
        };
        Ok(Self {
            by_duration: one_of("sort_by", ["created_at", "execution_duration"])? == "execution_duration",
            is_ascending: one_of("sort_order", ["desc", "asc"])? == "asc",
            limit: number("limit")?,
            offset: number("offset")?.unwrap_or(0),
            workflow: request.parameter("workflow_id"),
            states,
        })
    }

    fn answer(&self, mut jobs: Vec<Json>) -> Json {
        let text = |job: &Json, key| job.get(key).and_then(Json::as_str).map(str::to_owned);
        jobs.retain(|job| text(job, "status").is_some_and(|state| self.states.contains(&state)));
        jobs.retain(|job| self.workflow.is_none() || text(job, "workflow_id") == self.workflow);
        // Jobs of the same millisecond keep their order in both directions, as with Python's `sorted`.
        jobs.sort_by_key(|job| if self.is_ascending { self.key(job) } else { -self.key(job) });
        let total = jobs.len();
        let page: Vec<Json> = jobs.into_iter().skip(self.offset).take(self.limit.unwrap_or(usize::MAX)).collect();
        let has_more = self.offset + page.len() < total;
        let pagination =
            object! { "offset" => self.offset, "limit" => self.limit, "total" => total, "has_more" => has_more };
        object! { "jobs" => page, "pagination" => pagination }
    }

    fn key(&self, job: &Json) -> i64 {
        let time = |key| job.get(key).and_then(Json::as_i64).unwrap_or(0);
        if self.by_duration { time("execution_end_time") - time("execution_start_time") } else { time("create_time") }
    }
}

/// The running job, the pending ones, then the finished ones.
fn all(process: &Process) -> Vec<Json> {
    let finished = process.queue.finished();
    unfinished(process).into_iter().chain(finished.iter().map(|(_, entry)| brief(entry))).collect()
}

fn unfinished(process: &Process) -> Vec<Json> {
    let running = process.queue.running().map(|item| queued(&item, "in_progress"));
    let pending = process.queue.pending().into_iter().map(|item| queued(&item, "pending"));
    running.into_iter().chain(pending).collect()
}

fn queued(item: &Item, state: &str) -> Json {
    let mut job = head(item, state);
    job.set("outputs_count", 0);
    job.set("previewable_outputs_count", 0);
    set_workflow_id(&mut job, item);
    job
}

fn head(item: &Item, state: &str) -> Json {
    let mut job = object! { "id" => &item.prompt_id, "status" => state, "priority" => &item.priority };
    if let Some(time) = item.extra_data.get("create_time") {
        job.set("create_time", time);
    }
    job
}

fn set_workflow_id(job: &mut Json, item: &Item) {
    let workflow = item.extra_data.get("extra_pnginfo").and_then(|info| info.get("workflow"));
    if let Some(id) = workflow.and_then(|workflow| workflow.get("id")) {
        job.set("workflow_id", id);
    }
}

/// A finished job in a list.
fn brief(entry: &Entry) -> Json {
    let messages = entry.status.get("messages").and_then(Json::as_list).unwrap_or_default();
    let message = |kind: &str| {
        messages.iter().filter_map(Json::as_list).find(|m| m[0].as_str() == Some(kind)).map(|message| &message[1])
    };
    let time = |kind| message(kind).and_then(|data| data.get("timestamp"));
    let state = match entry.status.get("completed") {
        Some(Json::Bool(true)) => "completed",
        _ if message("execution_interrupted").is_some() => "cancelled",
        _ => "failed",
    };
    let mut job = head(&entry.item, state);
    let ends = ["execution_success", "execution_error", "execution_interrupted"];
    for (key, value) in [
        ("execution_start_time", time("execution_start")),
        ("execution_end_time", ends.into_iter().find_map(time)),
        ("execution_error", message("execution_error")),
    ] {
        if let Some(value) = value {
            job.set(key, value);
        }
    }
    let files = files(&entry.outputs);
    job.set("outputs_count", count(&entry.outputs));
    job.set("previewable_outputs_count", files.len());
    let is_output = |file: &&Json| file.get("type").and_then(Json::as_str) == Some("output");
    if let Some(file) = files.iter().find(is_output).or(files.first()) {
        job.set("preview_output", file);
    }
    set_workflow_id(&mut job, &entry.item);
    job
}

/// A finished job by itself.
fn detailed(entry: &Entry) -> Json {
    let mut job = brief(entry);
    job.set("outputs", &entry.outputs);
    job.set("execution_status", &entry.status);
    let workflow = object! { "prompt" => &entry.item.prompt, "extra_data" => &entry.item.extra_data };
    job.set("workflow", workflow);
    job
}

fn items(outputs: &Json) -> impl Iterator<Item = (&String, &String, &Json)> {
    let nodes = outputs.members().unwrap_or_default().iter();
    nodes.flat_map(|(node, shown)| {
        let kinds = shown.members().unwrap_or_default().iter();
        kinds.flat_map(move |(kind, items)| {
            items.as_list().unwrap_or_default().iter().map(move |item| (node, kind, item))
        })
    })
}

fn count(outputs: &Json) -> usize {
    items(outputs).count()
}

/// The pictures among the outputs, with where they come from.
fn files(outputs: &Json) -> Vec<Json> {
    let pictures = items(outputs).filter(|(_, kind, item)| *kind == "images" && item.get("filename").is_some());
    pictures
        .map(|(node, kind, item)| {
            let mut file = item.clone();
            file.set("nodeId", node);
            file.set("mediaType", kind);
            file
        })
        .collect()
}
