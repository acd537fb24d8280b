//! Driver for Ollama, written after its documentation: <https://github.com/ollama/ollama/blob/main/docs/api.md> and
//! <https://docs.ollama.com/api/errors>.
//!
//! Nothing is asked of it by itself that loads a model: an empty prompt would.
#![forbid(unsafe_code)]

mod answer;
mod run;

use mdd_driver_api::{
    Driver, DriverError, ErrorKind, Host, Job, Request, Response, Result,
    model::{Attempt, Detach, Identity, Inspection, Instance, Model, Outcome, Sample},
};
use run::Run;
use serde_json::Value;
use std::time::Duration;

/// What it says at its root.
const GREETING: &[u8] = b"Ollama is running";
/// As in the manifest.
const FIRST_WORD_SECONDS: u64 = 600;
/// Hundreds of models are a few hundred kilobytes.
const LONGEST_LIST: u64 = 16 << 20;

struct Ollama {
    host: Host,
    /// A model may have to be read from disk first.
    first_word: Duration,
}

impl Driver for Ollama {
    fn create(host: Host, instance: Instance) -> Result<Self> {
        let seconds = instance.settings.get("first_word_seconds").and_then(Value::as_u64).unwrap_or(FIRST_WORD_SECONDS);
        Ok(Self { host, first_word: Duration::from_secs(seconds) })
    }

    async fn identify(&self) -> Result<Identity> {
        let greeting = self.host.get("/").await?;
        if greeting.status >= 500 {
            return greeting.success().map(|answer| Identity::no(answer.in_words()));
        }
        if !greeting.is_success() || greeting.bytes().trim_ascii() != GREETING {
            return Ok(Identity::no(greeting.in_words()));
        }
        let version = self.version().await.ok();
        Ok(Identity::mine(95, "Ollama").because("/ says \"Ollama is running\"").with_version(version))
    }

    async fn check(&self) -> Result<Sample> {
        self.version().await.map(|_| Sample::default())
    }

    async fn inspect(&self) -> Result<Inspection> {
        let mut inspection = Inspection::default();
        inspection.models = self.models().await?.into_iter().map(|name| Model::new(name, "chat")).collect();
        inspection.capabilities = ["chat", "generate", "stream"].map(str::to_owned).to_vec();
        // It has a queue of its own; one at a time leaves the others to ours, where they can be seen and cancelled.
        inspection.slots = 1;
        inspection.detach = Detach::Kills;
        inspection.version = self.version().await.ok();
        Ok(inspection)
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        let target = match attempt.operation.as_str() {
            "chat" => "/api/chat",
            "generate" => "/api/generate",
            other => return Err(DriverError::unsupported(&format!("the operation {other:?}"))),
        };
        Run::new(self, target, job).carry(attempt).await
    }
}

impl Ollama {
    async fn version(&self) -> Result<String> {
        let answer = self.host.get("/api/version").await?.success()?;
        let version: Value = answer.json()?;
        version.get("version").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| odd(&answer, "/api/version"))
    }

    /// The names of its models.
    async fn models(&self) -> Result<Vec<String>> {
        let answer = self.host.send(Request::get("/api/tags").max_bytes(LONGEST_LIST)).await?.success()?;
        let list: Value = answer.json()?;
        let models = list.get("models").and_then(Value::as_array).ok_or_else(|| odd(&answer, "/api/tags"))?;
        let name = |model: &Value| model.get("name").and_then(Value::as_str).map(str::to_owned);
        Ok(models.iter().filter_map(name).collect())
    }
}

fn odd(answer: &Response, question: &str) -> DriverError {
    let text = format!("it answered {} to {question}", answer.in_words());
    DriverError::new(ErrorKind::PROTOCOL, text).with_status(answer.status)
}

mdd_driver_api::export_driver!(Ollama, include_str!("../manifest.json"));
