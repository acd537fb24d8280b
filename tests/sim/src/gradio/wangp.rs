//! The functions of WanGP's page that a job needs, as recorded: a queue is loaded into a session, worked off, and what came
//! of it is in the gallery of the session. The work outlives the stream that tells of it.
//!
//! A task whose prompt has `nothing` in it makes no file.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::watch, time::sleep};

use super::{
    Gradio,
    call::{Call, progress},
    functions::Done,
    lock,
};
use crate::{
    json::{Json, list, object, parse},
    wan2gp::{PICTURE, POSTPROCESSING, Plan, STEP, VIDEO, now, plan},
};

const EMPTY: &str = "<div style='text-align: center; color: grey; padding: 20px;'>Queue is empty.</div>";
/// A local file of an archive.
const FILE: &[u8] = b"PK\x03\x04";

/// Everything that the page keeps of its sessions.
#[derive(Default)]
pub(super) struct Queues(Mutex<HashMap<String, Session>>);

#[derive(Default)]
struct Session {
    tasks: Vec<Json>,
    /// Files that were made, in order.
    gallery: Vec<String>,
    is_aborted: bool,
    /// How far the work is: step, steps and words; nothing while there is none to do.
    status: watch::Sender<Option<(u64, u64, String)>>,
}

impl Queues {
    fn with<R>(&self, session: &str, change: impl FnOnce(&mut Session) -> R) -> R {
        let mut sessions = lock(&self.0);
        change(sessions.entry(session.to_owned()).or_default())
    }
}

/// Whether a function runs beside the one that has the graphics card.
pub(super) fn is_aside(function: &str) -> bool {
    matches!(
        function,
        "load_queue_action"
            | "init_process_queue_if_any"
            | "activate_status_1"
            | "refresh_status_async"
            | "refresh_gallery"
            | "finalize_generation_with_state"
            | "unload_model_if_needed_1"
            | "abort_generation"
    )
}

/// Whether a function is a thread of its own, and its generator only looks at it.
pub(super) fn outlives_its_stream(function: &str) -> bool {
    function == "process_tasks_1"
}

/// What a function of the page does.
pub(super) async fn run(process: &Arc<Gradio>, call: &Call, function: &str) -> Done {
    match function {
        "load_queue_action" => Ok(load(process, call)),
        "init_process_queue_if_any" => Ok(vec![shown(false), shown(true), shown(true)]),
        "activate_status_1" => Ok(vec![mark()]),
        "process_tasks_1" => work_off(process, call).await,
        "refresh_status_async" => follow(process, call).await,
        "refresh_gallery" => Ok(gallery(process, call)),
        "finalize_generation_with_state" | "unload_model_if_needed_1" => Ok(vec![mark()]),
        "abort_generation" => {
            process.queues.with(&call.session, |session| session.is_aborted = true);
            Ok(vec![mark()])
        }
        _ => Err(None),
    }
}

/// Values that only say that something has changed.
fn mark() -> Json {
    Json::from(now().to_string())
}

fn shown(visible: bool) -> Json {
    object! { "visible" => visible, "__type__" => "update" }
}

fn say(call: &Call, level: &str, text: &str) {
    let title = if level == "info" { "Info" } else { "Warning" };
    (call.tell)(object! {
        "msg" => "log", "log" => text, "level" => level, "duration" => 10.0, "visible" => true, "title" => title
    });
}

/// It says success whatever happened.
fn load(process: &Gradio, call: &Call) -> Vec<Json> {
    match tasks(process, call) {
        // It believes that the page is being loaded.
        _ if !call.is_triggered => {}
        Some(tasks) => {
            say(call, "info", &format!("Loaded {} task(s)", tasks.len()));
            process.queues.with(&call.session, |session| {
                session.tasks = tasks;
                session.status.send_replace(Some((0, 0, String::new())));
            });
        }
        None => say(call, "warning", "Failed to load queue: it is no archive of a queue"),
    }
    vec![object! { "value" => EMPTY, "__type__" => "update" }]
}

/// The tasks of an archive that was uploaded; nothing if a file that one of them names is not in it.
fn tasks(process: &Gradio, call: &Call) -> Option<Vec<Json>> {
    let archive = process.files.read(call.data.first()?.get("path")?.as_str()?)?;
    let files = stored(&archive)?;
    let queue = parse(files.iter().find(|(name, _)| name == "queue.json").map(|(_, bytes)| bytes)?).ok()?;
    let tasks: Option<Vec<Json>> = queue.as_list()?.iter().map(|task| task.get("params").cloned()).collect();
    let is_there = |task: &Json| match task.get("video_source").and_then(Json::as_str) {
        Some(wanted) => files.iter().any(|(name, _)| name == wanted),
        None => true,
    };
    tasks.filter(|tasks| tasks.iter().all(is_there))
}

/// The files of an archive in which nothing is compressed.
fn stored(archive: &Bytes) -> Option<Vec<(String, Bytes)>> {
    let number = |at: usize, bytes: usize| {
        let field = archive.get(at..at + bytes)?;
        Some(field.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let (mut files, mut at) = (Vec::new(), 0);
    while archive.get(at..at + 4) == Some(FILE) {
        let (method, length) = (number(at + 8, 2)?, number(at + 18, 4)?);
        let (name, extra) = (number(at + 26, 2)?, number(at + 28, 2)?);
        let begin = at + 30 + name + extra;
        let is_whole = method == 0 && begin + length <= archive.len();
        let text = String::from_utf8(archive.get(at + 30..at + 30 + name)?.to_vec()).ok()?;
        files.push((text, is_whole.then(|| archive.slice(begin..begin + length))?));
        at = begin + length;
    }
    Some(files)
}

/// A generator that runs until the queue is empty. Its values are only marks of changes.
async fn work_off(process: &Arc<Gradio>, call: &Call) -> Done {
    let tasks = process.queues.with(&call.session, |session| {
        session.is_aborted = false;
        std::mem::take(&mut session.tasks)
    });
    let output =
        object! { "data" => list![mark(), mark(), object! { "__type__" => "update" }], "is_generating" => true };
    (call.tell)(object! { "msg" => "process_generating", "output" => output, "success" => true });
    let work = Work { process, session: &call.session };
    let mut done = Ok(());
    for (index, task) in tasks.iter().enumerate() {
        done = work.task(&format!("Prompt {}/{}", index + 1, tasks.len()), task).await;
        if done.is_err() || work.is_aborted() {
            break;
        }
    }
    process.queues.with(&call.session, |session| session.status.send_replace(None));
    match done {
        Ok(()) => Ok(vec![mark(), mark(), object! { "__type__" => "update" }]),
        Err(text) => {
            say(call, "info", "Error Queue autosaved successfully to error_queue.zip");
            Err(Some(text.to_owned()))
        }
    }
}

/// The work on one session's queue.
struct Work<'a> {
    process: &'a Gradio,
    session: &'a str,
}

impl Work<'_> {
    async fn task(&self, place: &str, task: &Json) -> Result<(), &'static str> {
        match plan::of(task) {
            Plan::Postprocessing => {
                self.pass(POSTPROCESSING).await;
                let source = task.get("video_source").and_then(Json::as_str).unwrap_or("start.png");
                let stem = source.rsplit_once('.').map_or(source, |(stem, _)| stem);
                self.save(task, &format!("{stem}_post.jpg"), PICTURE);
            }
            Plan::Steps(steps) => {
                for step in 1..=steps as u64 {
                    self.pass(STEP).await;
                    if self.is_aborted() {
                        return Ok(());
                    }
                    let status = (step, steps as u64, format!("{place} | Denoising | {step}s"));
                    self.process.queues.with(self.session, |session| session.status.send_replace(Some(status)));
                }
                self.save(task, "clip.mp4", VIDEO);
            }
            Plan::MissingModel(text) | Plan::Fails(text) => return Err(text),
        }
        Ok(())
    }

    /// Waits as long as a running process needs for it.
    async fn pass(&self, time: Duration) {
        sleep(time).await;
        self.process.setup.board.running().await;
    }

    fn is_aborted(&self) -> bool {
        self.process.queues.with(self.session, |session| session.is_aborted)
    }

    fn save(&self, task: &Json, name: &str, bytes: &'static [u8]) {
        if task.get("prompt").and_then(Json::as_str).is_some_and(|prompt| prompt.contains("nothing")) {
            return;
        }
        let path = self.process.files.save(name, bytes);
        self.process.queues.with(self.session, |session| session.gallery.push(path));
    }
}

/// Tells how far the work of the session is, as long as there is some.
async fn follow(process: &Arc<Gradio>, call: &Call) -> Done {
    let mut status = process.queues.with(&call.session, |session| session.status.subscribe());
    loop {
        let seen = status.borrow_and_update().clone();
        match seen {
            None => return Ok(vec![mark()]),
            Some((_, 0, _)) => {}
            Some((step, steps, text)) => (call.tell)(progress(Some(step), steps, &text)),
        }
        if status.changed().await.is_err() {
            return Err(None);
        }
    }
}

/// The third value is the gallery of pictures and videos, the fifth the list of sounds.
fn gallery(process: &Gradio, call: &Call) -> Vec<Json> {
    let paths = process.queues.with(&call.session, |session| session.gallery.clone());
    let items: Vec<Json> = paths.iter().map(|path| item(process, path)).collect();
    let update = object! { "selected_index" => 0, "value" => items, "__type__" => "update" };
    let selected = object! { "selected" => "video_images", "__type__" => "update" };
    vec![selected, 0.into(), update, 0.into(), "[]".into(), Json::from(-1), mark()]
}

fn item(process: &Gradio, path: &str) -> Json {
    let file = process.app.dialect.file(path);
    if path.ends_with(".mp4") {
        return object! { "video" => file, "subtitles" => Json::Null, "caption" => Json::Null };
    }
    object! { "image" => file, "caption" => Json::Null }
}
