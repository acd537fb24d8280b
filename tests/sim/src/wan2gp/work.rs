//! What works on a job: task after task, until one fails.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::sleep;

use super::{
    job::{End, Fault},
    plan::{self, Plan},
    process::Process,
};
use crate::{
    json::{Json, object},
    ledger::JobState,
    tasks::OwnedTask,
};

/// What a video looks like.
pub(crate) const VIDEO: &[u8] = include_bytes!("../../../fixtures/media/waveform.mp4");
/// A picture that any reader takes for one.
pub(crate) const PICTURE: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";
/// Post-processing of a small picture.
pub(crate) const POSTPROCESSING: Duration = Duration::from_millis(60);
pub(crate) const STEP: Duration = Duration::from_millis(100);
/// Until a model is found to be missing.
const LOADING: Duration = Duration::from_millis(60);
/// What tells a version of WanGP.
const MADE_BY: &str = "WanGP v12.60 by DeepBeepMeep - Post Processing";

/// Works on a job until its process ends.
pub(super) fn start(process: &Arc<Process>, id: String, tasks: Vec<Json>) -> OwnedTask {
    let process = Arc::downgrade(process);
    OwnedTask::spawn(async move {
        // `None`: there is no process any more.
        let _gone = work(&process, &id, &tasks).await;
    })
}

async fn work(process: &Weak<Process>, id: &str, tasks: &[Json]) -> Option<()> {
    let worker = Worker { process, id, count: tasks.len() };
    worker.report(JobState::Started)?;
    let mut end = End::default();
    for (index, task) in tasks.iter().enumerate() {
        if worker.is_cancelled()? {
            end.fault = Some(stopped(index));
            break;
        }
        match worker.task(index, task).await? {
            Ok(path) => end.files.push(path),
            Err(fault) => {
                end.fault = Some(fault);
                break;
            }
        }
    }
    let state = match &end.fault {
        None => JobState::Finished,
        Some(fault) if fault.stage == "cancelled" => JobState::Cancelled,
        Some(_) => JobState::Failed,
    };
    let alive = process.upgrade()?;
    alive.board.running().await;
    let mut held = alive.state();
    let mut paths = end.files.clone();
    paths.dedup();
    end.items = paths.iter().filter_map(|path| held.gallery.made(path)).collect();
    held.job(id)?.end(end);
    drop(held);
    worker.report(state)
}

fn stopped(index: usize) -> Fault {
    Fault { message: "Generation was cancelled".to_owned(), task: Some(index + 1), stage: "cancelled" }
}

struct Worker<'a> {
    process: &'a Weak<Process>,
    id: &'a str,
    count: usize,
}

impl Worker<'_> {
    fn report(&self, state: JobState) -> Option<()> {
        let process = self.process.upgrade()?;
        let number = process.state().job(self.id)?.number;
        process.book.job_is(number, state);
        Some(())
    }

    fn is_cancelled(&self) -> Option<bool> {
        Some(self.process.upgrade()?.state().job(self.id)?.cancel_requested)
    }

    /// Waits as long as a running process needs for it.
    async fn pass(&self, time: Duration) -> Option<()> {
        sleep(time).await;
        let process = self.process.upgrade()?;
        process.board.running().await;
        Some(())
    }

    fn status(&self, index: usize, text: &str) -> String {
        if self.count > 1 { format!("Prompt {}/{} - {text}", index + 1, self.count) } else { text.to_owned() }
    }

    async fn task(&self, index: usize, task: &Json) -> Option<Result<String, Fault>> {
        let runtime = |message: &str| Fault { message: message.to_owned(), task: None, stage: "runtime" };
        match plan::of(task) {
            Plan::Postprocessing => self.postprocess(index, task).await.map(Ok),
            Plan::Steps(steps) => self.slow(index, steps).await,
            Plan::MissingModel(message) => {
                let process = self.process.upgrade()?;
                process.state().job(self.id)?.event("status", "Loading model Wan2.1 Text2video 14B...".into());
                drop(process);
                self.pass(LOADING).await?;
                Some(Err(Fault { message: message.to_owned(), task: Some(index + 1), stage: "generation" }))
            }
            Plan::Fails(message) => Some(Err(runtime(message))),
        }
    }

    async fn postprocess(&self, index: usize, task: &Json) -> Option<String> {
        let grain = task.get("film_grain_intensity");
        let raw = if grain.is_some() { "Adding Film Grain" } else { "Upsampling - Starting" };
        {
            let process = self.process.upgrade()?;
            process.state().job(self.id)?.progress(&self.status(index, raw), raw, 15, None);
        }
        self.pass(POSTPROCESSING).await?;
        let source = {
            let process = self.process.upgrade()?;
            let state = process.state();
            state.gallery.path(task.get("video_source")?.as_str()?)?.to_owned()
        };
        let stem = super::gallery::name(&source).rsplit_once('.').map_or("out", |(stem, _)| stem).to_owned();
        let mut settings = object! { "type" => MADE_BY, "client_id" => format!("api_{}_{}", self.id, index + 1) };
        match task.get("spatial_upsampling") {
            Some(upsampling) => settings.set("spatial_upsampling", upsampling),
            None => {
                settings.set("film_grain_intensity", grain.cloned().unwrap_or(Json::Null));
                settings.set("film_grain_saturation", 0.5);
            }
        }
        self.save(&format!("/srv/Wan2GP/outputs/{stem}_post.jpg"), Bytes::from_static(PICTURE), settings)
    }

    async fn slow(&self, index: usize, steps: usize) -> Option<Result<String, Fault>> {
        for step in 1..=steps {
            self.pass(STEP).await?;
            if self.is_cancelled()? {
                return Some(Err(stopped(index)));
            }
            let status = self.status(index, &format!("Denoising | {step}/{steps}"));
            let process = self.process.upgrade()?;
            process.state().job(self.id)?.progress(&status, "Denoising", step * 100 / steps, Some((step, steps)));
        }
        let settings = object! { "type" => "WanGP v12.60 by DeepBeepMeep - slow" };
        let path = format!("/srv/Wan2GP/outputs/{}_{}.mp4", self.id, index + 1);
        self.save(&path, Bytes::from_static(VIDEO), settings).map(Ok)
    }

    fn save(&self, path: &str, bytes: Bytes, mut settings: Json) -> Option<String> {
        let process = self.process.upgrade()?;
        settings.set("creation_date", "2026-11-22T10:50:54");
        settings.set("creation_timestamp", super::job::now().trunc() as u64);
        let mut state = process.state();
        state.gallery.add(path, bytes, settings);
        state.job(self.id)?.event("output", Json::Null);
        Some(path.to_owned())
    }
}
