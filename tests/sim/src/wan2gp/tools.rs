//! Calls of tools. What fails does so with HTTP 200 and a text.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{facts, job::Job, process::Process, routes::told, work};
use crate::{
    fault::Fault,
    json::{self, Json, list, object},
    service::Request,
    uuid,
};

/// The tools that start work.
const SUBMITTING: [&str; 2] = ["wangp_generate", "wangp_postprocess"];
/// Settings that name media.
const MEDIA: [&str; 14] = [
    "image_start",
    "image_end",
    "image_refs",
    "image_guide",
    "image_mask",
    "video_guide",
    "video_guide2",
    "video_mask",
    "video_source",
    "audio_guide",
    "audio_guide2",
    "audio_source",
    "replace_voice_sample",
    "custom_guide",
];
const EVENT_LIMIT: i64 = 100;

/// Whether it is a call that starts work.
pub(super) fn submits_job(request: &Request) -> bool {
    let parsed = json::parse(&request.body()).ok();
    let name = parsed.as_ref().and_then(|message| message.get("params")?.get("name")?.as_str());
    name.is_some_and(|name| SUBMITTING.contains(&name))
}

/// Answers a call.
pub(super) async fn call(process: &Arc<Process>, parameters: &Json, fault: Option<&Fault>) -> Json {
    if let Some(recorded) = facts::call(parameters) {
        return recorded_again(recorded);
    }
    let name = parameters.get("name").and_then(Json::as_str).unwrap_or_default();
    let arguments = parameters.get("arguments").cloned().unwrap_or_else(|| object! {});
    if arguments.get("wait") == Some(&Json::Bool(true)) {
        process.book.forbidden(format!("{name} with wait:true blocks the whole server"));
    }
    if let Some(Fault::SlowJob(delay) | Fault::LateJob(delay)) = fault {
        sleep(*delay).await;
    }
    let answer = match name {
        "wangp_search_models" => Ok(search(&arguments)),
        "wangp_list_gallery" => Ok(object! { "result" => Json::List(process.state().gallery.list()) }),
        "wangp_create_gallery_upload" => Ok(process.state().gallery.offer_upload(text(&arguments, "filename"))),
        "wangp_create_gallery_download" => {
            let id = text(&arguments, "gallery_id");
            let offer = process.state().gallery.offer_download(id);
            offer.ok_or_else(|| format!("Unknown Gallery id: {id}"))
        }
        "wangp_generate" => generate(process, &arguments).await,
        "wangp_postprocess" => postprocess(process, &arguments).await,
        "wangp_get_job" => look(process, &arguments, false),
        "wangp_cancel_job" => look(process, &arguments, true),
        unknown => return refused(&format!("Unknown tool: {unknown}")),
    };
    match answer {
        Ok(value) => told(value),
        Err(message) => refused(&format!("Error executing tool {name}: {message}")),
    }
}

/// Long texts were trimmed in the recordings; what they are made of was not.
fn recorded_again(recorded: Json) -> Json {
    match recorded.get("structuredContent") {
        // What may be nothing is wrapped, and told as it is.
        Some(value) if value.get("result").is_some_and(|result| result.as_list().is_none()) => recorded,
        Some(value) => told(value.clone()),
        None => recorded,
    }
}

fn refused(text: &str) -> Json {
    object! { "content" => list![object! { "type" => "text", "text" => text }], "isError" => true }
}

fn text<'a>(arguments: &'a Json, name: &str) -> &'a str {
    arguments.get(name).and_then(Json::as_str).unwrap_or_default()
}

fn search(arguments: &Json) -> Json {
    let number =
        |name: &str, default: i64| arguments.get(name).and_then(Json::as_i64).unwrap_or(default).max(0) as usize;
    let (limit, offset) = (number("limit", 10).min(50), number("offset", 0));
    let query = text(arguments, "query").to_lowercase();
    let is_match = |model: &Json| {
        ["model_type", "name", "family"].iter().any(|member| text(model, member).to_lowercase().contains(&query))
    };
    let models: Vec<Json> = facts::models().into_iter().filter(is_match).collect();
    let page: Vec<Json> = models.iter().skip(offset).take(limit).cloned().collect();
    let end = offset + page.len();
    object! {
        "total_matches" => models.len(),
        "returned" => page.len(),
        "offset" => offset,
        "has_more" => end < models.len(),
        "matches" => Json::List(page),
    }
}

fn look(process: &Process, arguments: &Json, cancels: bool) -> Result<Json, String> {
    let id = text(arguments, "job_id");
    let limit = arguments.get("event_limit").and_then(Json::as_i64).unwrap_or(EVENT_LIMIT);
    let mut state = process.state();
    let job = state.job(id).ok_or_else(|| format!("'Unknown WanGP job_id: {id}'"))?;
    job.cancel_requested |= cancels;
    Ok(job.snapshot(limit.max(0) as usize))
}

async fn generate(process: &Arc<Process>, arguments: &Json) -> Result<Json, String> {
    let source = arguments.get("source").cloned().unwrap_or(Json::Null);
    let tasks = match (&source, source.as_list()) {
        (_, Some(tasks)) => tasks.to_vec(),
        (Json::Object(_), None) => vec![source.clone()],
        (other, None) => return Err(invalid(other)),
    };
    for task in &tasks {
        for (name, value) in MEDIA.iter().filter_map(|name| Some((*name, task.get(name)?))) {
            let named = value.as_list().map_or(std::slice::from_ref(value), |list| list);
            if named.iter().filter_map(Json::as_str).any(|media| process.state().gallery.path(media).is_none()) {
                return Err(format!(
                    "Direct filesystem paths are disabled for this MCP server. Use a Gallery id for {name}, or restart \
                     with filesystem reads enabled."
                ));
            }
        }
    }
    let id = accept(process, tasks)?;
    settle().await;
    let mut state = process.state();
    state.job(&id).map(|job| job.snapshot(EVENT_LIMIT as usize)).ok_or_else(|| "the job is gone".to_owned())
}

/// Pydantic's words, which name the type of the value.
fn invalid(value: &Json) -> String {
    let kind = value.python_type();
    let input = format!("input_value={}, input_type={kind}", value.python_repr());
    let help = |what: &str| format!("    For further information visit https://errors.pydantic.dev/2.10/v/{what}_type");
    format!(
        "2 validation errors for wangp_generateArguments\nsource.dict[str,any]\n  Input should be a valid dictionary \
         [type=dict_type, {input}]\n{}\nsource.list[dict[str,any]]\n  Input should be a valid list [type=list_type, \
         {input}]\n{}",
        help("dict"),
        help("list")
    )
}

async fn postprocess(process: &Arc<Process>, arguments: &Json) -> Result<Json, String> {
    let id = text(arguments, "path");
    let path = process.state().gallery.path(id).map(str::to_owned);
    let path = path.ok_or_else(|| format!("Unknown Gallery id: {id}"))?;
    let Some(chosen) = arguments.get("process").and_then(Json::as_str) else {
        return Ok(facts::discovery(&path));
    };
    let parameters = arguments.get("parameters").cloned().unwrap_or_else(|| object! {});
    let multiplier = parameters.get("multiplier").and_then(Json::as_f64).unwrap_or(2.0);
    let task = object! {
        "mode" => "edit_postprocessing",
        "video_source" => id,
        "spatial_upsampling" => format!("{chosen}{multiplier}"),
    };
    let job = accept(process, vec![task])?;
    settle().await;
    let mut state = process.state();
    let mut snapshot = state.job(&job).map(|job| job.snapshot(EVENT_LIMIT as usize)).unwrap_or(Json::Null);
    snapshot.set("source_path", path);
    snapshot.set("media_type", "image");
    snapshot.set("process", chosen);
    let label = chosen[..1].to_uppercase() + &chosen[1..];
    snapshot.set("process_label", label);
    snapshot.set("parameters", parameters);
    Ok(snapshot)
}

/// Takes a job, one at a time.
fn accept(process: &Arc<Process>, tasks: Vec<Json>) -> Result<String, String> {
    let mut state = process.state();
    if state.is_busy() {
        return Err("WanGP session already has a generation in progress".to_owned());
    }
    let id = uuid::hex();
    let number = process.book.job_accepted(&id, None);
    let mut job = Job::new(id.clone(), number, tasks.len());
    job.event("started", object! { "tasks" => tasks.len() });
    state.jobs.push(job);
    state.worker = Some(work::start(process, id.clone(), tasks));
    Ok(id)
}

/// A job that fails at once has failed when its submission is answered.
async fn settle() {
    sleep(Duration::from_millis(5)).await;
}
