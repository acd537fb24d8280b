//! Carries a job: an archive is loaded into the queue of a session, the queue is worked off, and the gallery of the session
//! shows what came of it. Every attempt has a session of its own, so that nothing in there is somebody else's.

use super::{
    ACTIVATE_STATUS, FINALIZE, GALLERY, INIT_QUEUE, LOAD_QUEUE, UNLOAD, WebUi,
    course::{Working, lost, post},
    talk::{Talk, says_nothing},
};
use crate::{
    generation::{Generation, upload_name},
    problem::{self, refused},
};
use mdd_driver_api::{
    DriverError, Either, ErrorKind, Job, Result, Stage,
    abi::{Segment, SegmentKind},
    model::{Attempt, Outcome, OutcomeStatus, Problem, Recipe, ResultMeta},
    race,
};
use mdd_gradio::{
    carrier::{Carrier, Fetched, Left, cancelled, over},
    course::Ending,
    file::RemoteFile,
    input::{Input, file_data},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// What the host makes the archive with.
pub(super) const ZIP: &str = "zip/1";
/// Whatever the age of the job, its gallery is looked at for so long.
const LOOKING_AT_LEAST: Duration = Duration::from_secs(120);
/// Between two looks at a gallery, at first and later.
const PAUSE: Duration = Duration::from_secs(2);
const LATER: Duration = Duration::from_secs(10);

pub(super) async fn carry(web: &WebUi, attempt: Attempt, generation: Generation, job: Job) -> Result<Outcome> {
    let hash = hash(&attempt);
    let sent = attempt.checkpoint.as_ref().is_some_and(|left| left.stage >= Stage::SENT.0);
    let mut carrier = Carrier::new(&web.app, job.clone(), attempt.checkpoint.clone())?;
    match carrier.left().await? {
        Left::Results => return bring(carrier).await,
        // The server is the same, so the session may still have what the stream would have told of.
        Left::Over(outcome) if outcome.status == OutcomeStatus::Unknown && sent => {
            let age = attempt.checkpoint.as_ref().map(|left| Duration::from_millis(left.age_ms)).unwrap_or_default();
            let tasks = generation.tasks();
            return look_again(Lost { web, job: &job, hash: &hash, tasks, age, unknown: outcome }, carrier).await;
        }
        Left::Over(outcome) => return Ok(outcome),
        Left::Nothing => {}
    }
    let run = Run { web, job: &job, attempt: &attempt, hash };
    match race(job.cancelled(), run.prepare(&generation)).await {
        Either::First(()) => Ok(cancelled(false)),
        Either::Second(talk) => {
            let talk = talk.map_err(DriverError::without_effect)?;
            run.work(&talk, carrier).await
        }
    }
}

/// The session's id, which the next run of the attempt finds again.
fn hash(attempt: &Attempt) -> String {
    format!("mdd{}", attempt.attempt.chars().filter(char::is_ascii_alphanumeric).take(32).collect::<String>())
}

/// A job whose stream was lost.
struct Lost<'a> {
    web: &'a WebUi,
    job: &'a Job,
    hash: &'a str,
    /// How many results it will have.
    tasks: usize,
    /// Since its last checkpoint.
    age: Duration,
    /// What becomes of it when they do not come.
    unknown: Outcome,
}

struct Run<'a> {
    web: &'a WebUi,
    job: &'a Job,
    attempt: &'a Attempt,
    hash: String,
}

impl<'a> Run<'a> {
    /// Everything up to the work itself. The queue that it leaves in the session is nobody else's.
    async fn prepare(&self, generation: &Generation) -> Result<Talk<'a>> {
        let app = &self.web.app;
        let talk = Talk::new(app, app.config().await?, &self.hash)?;
        let archive = self.archive(generation).await?;
        let load = talk.function(LOAD_QUEUE)?;
        // Without a trigger it believes that the page is being loaded.
        let trigger = load.inputs.first().copied();
        let mut data = Talk::states(&load);
        if let Some(first) = data.first_mut() {
            *first = Input::Value(file_data(&archive, "queue.zip"));
        }
        let loaded = talk.call(LOAD_QUEUE, Some(data), trigger).await?;
        for log in &loaded.logs {
            self.job.note(&log.in_words());
        }
        // It says success whatever happened; only the words beside it tell.
        if let Some(warning) = loaded.logs.iter().find(|log| matches!(log.level.as_str(), "warning" | "error")) {
            return Err(refused(problem::REFUSED, mdd_driver_api::text::printable(&warning.text, 300)));
        }
        done(loaded.ending, "it did not load the queue")?;
        for name in [INIT_QUEUE, ACTIVATE_STATUS] {
            done(talk.call(name, None, None).await?.ending, "its queue could not be started")?;
        }
        Ok(talk)
    }

    /// Makes the archive and uploads it.
    async fn archive(&self, generation: &Generation) -> Result<String> {
        if !self.web.makes_archives {
            return Err(DriverError::unsupported("a job for the web UI on a host that makes no archives"));
        }
        let mut names = BTreeMap::new();
        for (number, file) in (1..).zip(&generation.files) {
            names.insert(file.name.clone(), upload_name(&self.attempt.attempt, number, file));
        }
        let settings = generation.with_files(&names);
        let queue = queue(settings, &self.hash);
        let inputs = names.keys().cloned().collect();
        let mut recipe = Recipe::new(ZIP, inputs, ResultMeta::scratch("queue.zip"));
        recipe.options = json!({"names": names, "texts": {"queue.json": queue.to_string()}});
        let made = self.job.derive(&recipe).await?;
        let content = Segment::named(SegmentKind::FILE, made.handle.as_str());
        self.web.app.upload_as("queue.zip", "application/zip", content, made.bytes).await
    }

    async fn work(&self, talk: &Talk<'_>, mut carrier: Carrier<'_>) -> Result<Outcome> {
        if let Err(error) = self.checkpoint(talk, Stage::SENT, "").await {
            // The host may have been quicker to see that nobody wants it any more.
            return if self.job.is_cancelled() { Ok(cancelled(false)) } else { Err(error.without_effect()) };
        }
        let _working = self.web.app.work();
        // Not raced with a cancel: only the answer tells what there is to cancel.
        let event = post(talk).await?;
        self.checkpoint(talk, Stage::ACKED, &event).await?;
        let working = Working::listen(talk, self.job, &event).await?;
        let ending = working.follow(&event, &self.state(talk)).await?;
        match ending {
            Ending::Lost(text) => Err(lost(text)),
            Ending::QueueFull => Err(lost("its queue is full".to_owned())),
            _ if self.job.is_cancelled() => Ok(cancelled(false)),
            Ending::Cancelled => {
                Ok(over(OutcomeStatus::Cancelled, Problem::new(problem::STOPPED, "it was stopped at the service")))
            }
            Ending::Failed(text) => {
                let text = text.unwrap_or_else(|| "it failed and gave no reason; its own window tells more".to_owned());
                let text = mdd_driver_api::text::printable(&text, 400);
                Ok(over(OutcomeStatus::Failed, Problem::new(problem::code_of(&text), text)))
            }
            Ending::Done(_) => {
                let files = gallery(talk).await.map_err(says_nothing)?;
                tidy(talk).await;
                if files.is_empty() {
                    let text = "it is done, and there is nothing in its gallery";
                    return Ok(over(OutcomeStatus::Failed, Problem::new(problem::MISSING_RESULT, text)));
                }
                harvest(&mut carrier, talk, files);
                bring(carrier).await
            }
        }
    }

    async fn checkpoint(&self, talk: &Talk<'_>, stage: Stage, id: &str) -> Result<()> {
        self.job.checkpoint(stage, id, &self.state(talk)).await
    }

    /// What the next run of the attempt needs to know.
    fn state(&self, talk: &Talk<'_>) -> Value {
        json!({"v": 1, "boot": talk.config.app_id, "hash": self.hash})
    }
}

/// The file of a queue. Each task carries whose it is.
fn queue(settings: Value, client: &str) -> Value {
    let tasks = match settings {
        Value::Array(tasks) => tasks,
        one => vec![one],
    };
    let task = |(number, mut params): (usize, Value)| {
        params["client_id"] = Value::from(format!("{client}-{number}"));
        json!({"id": number, "params": params})
    };
    (1..).zip(tasks).map(task).collect()
}

fn done(ending: Ending, what: &str) -> Result<()> {
    match ending {
        Ending::Done(_) => Ok(()),
        Ending::Failed(text) => {
            let why = text.map(|text| format!(": {}", mdd_driver_api::text::printable(&text, 300))).unwrap_or_default();
            Err(refused(problem::REFUSED, format!("{what}{why}")))
        }
        Ending::QueueFull => Err(DriverError::new(ErrorKind::BUSY, "its queue is full").with_code(problem::BUSY)),
        Ending::Cancelled | Ending::Lost(_) => Err(DriverError::new(ErrorKind::TRANSPORT, what)),
    }
}

/// What the gallery of the session shows, pictures and videos first.
async fn gallery(talk: &Talk<'_>) -> Result<Vec<RemoteFile>> {
    let Ending::Done(values) = talk.call(GALLERY, None, None).await?.ending else {
        return Err(lost("its gallery cannot be read".to_owned()));
    };
    let mut files: Vec<RemoteFile> = values.iter().flat_map(RemoteFile::find).collect();
    // Sounds are a list in a text.
    for text in values.iter().filter_map(Value::as_str).filter(|text| text.starts_with('[')) {
        if let Ok(Value::Array(sounds)) = serde_json::from_str(text) {
            files.extend(sounds.iter().filter_map(sound));
        }
    }
    let mut known = Vec::new();
    files.retain(|file| {
        let is_new = !known.contains(&file.path);
        known.push(file.path.clone());
        is_new
    });
    Ok(files)
}

fn sound(item: &Value) -> Option<RemoteFile> {
    let path = item.as_str().or_else(|| item["path"].as_str()).filter(|path| !path.is_empty() && path.len() < 4096)?;
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    Some(RemoteFile { path: path.to_owned(), name, media_type: None })
}

/// The web page does both after every job; whether that works is of no matter for this one.
async fn tidy(talk: &Talk<'_>) {
    for name in [FINALIZE, UNLOAD] {
        if talk.function(name).is_ok() {
            let _untidy = talk.call(name, None, None).await;
        }
    }
}

fn harvest(carrier: &mut Carrier<'_>, talk: &Talk<'_>, files: Vec<RemoteFile>) {
    let roles = files.into_iter().map(|file| {
        let role = role(&file);
        (file, role)
    });
    carrier.harvest(&talk.config.prefix, roles.collect(), None);
}

fn role(file: &RemoteFile) -> &'static str {
    let extension = file.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "png" | "jpg" | "jpeg" | "webp" | "gif" | "bmp" => "image",
        "wav" | "mp3" | "flac" | "ogg" | "m4a" => "audio",
        _ => "video",
    }
}

async fn bring(mut carrier: Carrier<'_>) -> Result<Outcome> {
    match carrier.fetch().await? {
        Fetched::Over(outcome) => Ok(outcome),
        Fetched::All(results, _) => {
            let mut outcome = Outcome::new(OutcomeStatus::Done);
            outcome.results = results;
            Ok(outcome)
        }
    }
}

/// The stream was lost, and the work may have gone on: what it has made is in the gallery of its session. A server that is
/// started again meanwhile ends the looking by not answering, or the host ends it.
async fn look_again(lost: Lost<'_>, mut carrier: Carrier<'_>) -> Result<Outcome> {
    let Lost { web, job, hash, tasks, age, .. } = lost;
    let talk = Talk::new(&web.app, web.app.config().await.map_err(says_nothing)?, hash)?;
    let (host, longest) = (web.app.host(), web.settings.look_again);
    let began = host.now();
    job.note("the connection to its work was lost; its gallery is looked at until it is there");
    loop {
        let files = gallery(&talk).await.map_err(says_nothing)?;
        if files.len() >= tasks {
            tidy(&talk).await;
            harvest(&mut carrier, &talk, files);
            return bring(carrier).await;
        }
        let looking = host.now() - began;
        if looking >= LOOKING_AT_LEAST.min(longest) && age + looking >= longest {
            return Ok(lost.unknown);
        }
        let pause = if looking < LOOKING_AT_LEAST { PAUSE } else { LATER };
        if let Either::First(()) = race(job.cancelled(), host.sleep(pause)).await {
            return Ok(cancelled(true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{queue, role, sound};
    use mdd_gradio::file::RemoteFile;
    use serde_json::json;

    #[test]
    fn a_queue_has_tasks_with_their_owner() {
        let one = queue(json!({"prompt": "a"}), "mdd1");
        assert_eq!(one, json!([{"id": 1, "params": {"prompt": "a", "client_id": "mdd1-1"}}]));
        let two = queue(json!([{"prompt": "a"}, {"prompt": "b", "client_id": "theirs"}]), "mdd1");
        assert_eq!(two[1], json!({"id": 2, "params": {"prompt": "b", "client_id": "mdd1-2"}}));
    }

    #[test]
    fn sounds_are_paths_in_a_text() {
        assert_eq!(sound(&json!("/outputs/a.wav")).unwrap().name, "a.wav");
        assert_eq!(sound(&json!({"path": "C:\\out\\b.mp3"})).unwrap().name, "b.mp3");
        assert!(sound(&json!(7)).is_none() && sound(&json!("")).is_none());
        let file = |name: &str| RemoteFile { path: String::new(), name: name.to_owned(), media_type: None };
        assert_eq!(
            ["a.PNG", "a.wav", "a.mp4", "a"].map(|name| role(&file(name))),
            ["image", "audio", "video", "video"]
        );
    }
}
