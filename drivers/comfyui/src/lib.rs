//! Driver for ComfyUI.
//!
//! One WebSocket per life tells how long the queue is and what becomes of our jobs; a tiny GET proves that the server
//! lives and that the socket still hears. What became of a job is asked of queue and history, so that it ends without any
//! socket, too. Both the flat and the `/api` routes exist on every version; the flat ones are used where there are any.
#![forbid(unsafe_code)]

mod complaint;
mod depth;
mod features;
mod harvest;
mod hearing;
mod history;
mod lines;
mod mailbox;
mod message;
mod meter;
mod paths;
mod preview;
mod problem;
mod queue;
mod run;
mod settings;
mod socket;
mod state;
mod stats;
mod submission;
mod tracker;
mod upload;
mod watch;
mod workflow;

use lines::Lines;
use mdd_driver_api::{
    Driver, DriverError, Host, Job, Request, Response, Result, Sink,
    model::{Attempt, Detach, Identity, Inspection, Instance, Model, Outcome, Sample},
    tracing,
};
use run::Run;
use serde_json::Value;
use settings::Settings;
use stats::Stats;
use std::time::Duration;
use watch::Watch;

/// Folders of models that a workflow begins with.
const MODEL_FOLDERS: [(&str, &str); 2] = [("checkpoints", "checkpoint"), ("diffusion_models", "diffusion-model")];
/// A LiteLLM that is asked this as its first unknown page needs up to 4 s to say so.
const STRANGERS_TIME: Duration = Duration::from_secs(5);
/// A model library may hold tens of thousands of files.
const LONGEST_LIST: u64 = 16 << 20;

struct ComfyUi {
    host: Host,
    settings: Settings,
    lines: Lines,
    watch: Watch,
}

impl Driver for ComfyUi {
    fn create(host: Host, instance: Instance) -> Result<Self> {
        let lines = Lines::default();
        let watch = Watch::new(host.clone(), lines.clone());
        Ok(Self { settings: Settings::read(&instance.settings)?, host, lines, watch })
    }

    async fn identify(&self) -> Result<Identity> {
        let answer = self.host.send(Request::get("/system_stats").head_within(STRANGERS_TIME)).await?;
        match answer.status {
            200 => {}
            401 | 403 | 407 => return Ok(locked(&answer)),
            500.. => return answer.success().map(|answer| Identity::no(answer.in_words())),
            _ => return Ok(Identity::no(answer.in_words())),
        }
        // What begins as JSON and is none may be a ComfyUI in trouble: that is an error, not another service.
        let is_json = matches!(answer.bytes().trim_ascii_start().first(), Some(b'{' | b'['));
        let stats = if is_json { Stats::read(&answer.json()?) } else { None };
        Ok(stats.map_or_else(|| Identity::no(answer.in_words()), |stats| stats.identity()))
    }

    async fn check(&self) -> Result<Sample> {
        let depth = depth::ask(&self.host).await?;
        self.watch.polled(depth);
        Ok(depth::sample(depth))
    }

    async fn inspect(&self) -> Result<Inspection> {
        let answer = self.host.get("/system_stats").await?.success()?;
        let stats = Stats::read(&answer.json()?).unwrap_or_default();
        let flags = self.optional("/features").await?;
        let mut inspection = Inspection::default();
        inspection.capabilities = features::capabilities(stats.version.as_deref(), &flags);
        inspection.slots = 1;
        inspection.detach = Detach::Resumes;
        inspection.models = self.models().await?;
        inspection.devices = stats.devices;
        inspection.version = stats.version;
        Ok(inspection)
    }

    async fn watch(&self, sink: Sink) -> Result<()> {
        if self.settings.live_updates {
            self.watch.live(&sink).await
        } else {
            Err(DriverError::unsupported("watch with `live_updates` switched off"))
        }
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        match attempt.operation.as_str() {
            "workflow" => Run::new(self, attempt, job)?.carry().await,
            other => Err(DriverError::unsupported(&format!("the operation {other:?}"))),
        }
    }
}

impl ComfyUi {
    async fn models(&self) -> Result<Vec<Model>> {
        let mut models = Vec::new();
        for (folder, kind) in MODEL_FOLDERS {
            let names = self.optional(&format!("/models/{folder}")).await?;
            let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
            models.extend(names.map(|name| Model::new(name, kind)));
        }
        Ok(models)
    }

    /// What only some versions know, `Null` where it is missing or odd: the rest of the inventory is worth having.
    async fn optional(&self, target: &str) -> Result<Value> {
        let answer = self.host.send(Request::get(target).max_bytes(LONGEST_LIST)).await?;
        match answer.success().and_then(|answer| answer.json()) {
            Ok(value) => Ok(value),
            Err(error) if error.http_status == 404 => Ok(Value::Null),
            Err(error) => {
                tracing::warn!(page = target, %error, "left out of the inventory");
                Ok(Value::Null)
            }
        }
    }
}

/// Something in front of the service wants a login. What is behind it cannot be seen, so no stranger is claimed.
fn locked(answer: &Response) -> Identity {
    Identity::locked(40, answer.in_words()).because("/system_stats is behind a login")
}

mdd_driver_api::export_driver!(ComfyUi, include_str!("../manifest.json"));
