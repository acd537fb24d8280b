//! Driver for the LiteLLM proxy.
//!
//! It asks only for pages that every LiteLLM knows: the first unknown one stalls a proxy for seconds, and `/health` calls
//! every upstream model for real, which costs money.
#![forbid(unsafe_code)]

mod backlog;
mod chat;
mod failure;
mod inventory;
mod key;
mod memory;
mod problem;
mod pulse;
mod run;
mod settings;
mod transcript;

use backlog::Reading;
use key::Refusal;
use mdd_driver_api::{
    Driver, DriverError, ErrorKind, Host, Job, Request, Response, Result,
    model::{Attempt, Detach, Identity, Inspection, Instance, Outcome, Queue, Sample},
};
use memory::{Backlog, Memory, Standing};
use pulse::Pulse;
use run::Run;
use settings::Settings;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

const MODELS: &str = "/v1/models";
/// A proxy in front of a large provider lists thousands of models.
const LONGEST_LIST: u64 = 16 << 20;
/// For questions beside the decisive one, whose answers are only worth a short wait.
const ASIDE: Duration = Duration::from_secs(1);

struct LiteLlm {
    host: Host,
    /// Whether the host has a key to show; it adds it to every request by itself.
    has_key: bool,
    settings: Settings,
    memory: Mutex<Memory>,
}

impl Driver for LiteLlm {
    fn create(host: Host, instance: Instance) -> Result<Self> {
        let settings = Settings::read(&instance.settings)?;
        let has_key = instance.secrets.get("key").copied().unwrap_or(false);
        Ok(Self { host, has_key, settings, memory: Mutex::default() })
    }

    async fn identify(&self) -> Result<Identity> {
        let answer = self.host.get(pulse::TARGET).await?;
        match Pulse::read(answer.status, answer.bytes()) {
            Pulse::Alive => {}
            Pulse::Ending => return Err(ending(&answer)),
            Pulse::Locked => return Ok(locked(&answer)),
            Pulse::Absent => return answer.success().map(|answer| Identity::no(answer.in_words())),
            Pulse::Stranger => return Ok(Identity::no(answer.in_words())),
        }
        // This may be another process than before.
        *self.memory() = Memory::default();
        let state = self.aside("/health/readiness").await;
        let models = self.aside(MODELS).await;
        // Whether a key was shown is the host's affair here; the question is whether the door is open.
        let refusal = models.and_then(|models| Refusal::read(models.status, models.bytes(), false));
        Ok(inventory::identity(state.and_then(|state| state.json().ok()), refusal.as_ref()))
    }

    async fn check(&self) -> Result<Sample> {
        self.alive().await?;
        if self.memory().key.is_due(self.host.now()) {
            self.verify_key().await?;
        }
        Ok(self.queue().await?.map_or_else(Sample::default, Sample::with_queue))
    }

    async fn inspect(&self) -> Result<Inspection> {
        let list = self.host.send(Request::get(MODELS).max_bytes(LONGEST_LIST)).await?;
        if let Some(refusal) = Refusal::read(list.status, list.bytes(), self.has_key) {
            return Err(refusal.into_error(MODELS, self.has_key));
        }
        let mut inspection = Inspection::default();
        inspection.models = inventory::models(&list.success()?.json()?);
        inspection.capabilities = ["chat", "stream"].map(str::to_owned).to_vec();
        inspection.detach = Detach::Kills;
        inspection.version = self.version().await;
        Ok(inspection)
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        match attempt.operation.as_str() {
            "chat" => Run::new(self, job).carry(attempt).await,
            other => Err(DriverError::unsupported(&format!("the operation {other:?}"))),
        }
    }
}

impl LiteLlm {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn alive(&self) -> Result<()> {
        let answer = self.host.get(pulse::TARGET).await?;
        match Pulse::read(answer.status, answer.bytes()) {
            Pulse::Alive => Ok(()),
            Pulse::Ending => Err(ending(&answer)),
            Pulse::Locked | Pulse::Absent | Pulse::Stranger => {
                let answer = answer.success()?;
                let text = format!("it answered {} to {}", answer.in_words(), pulse::TARGET);
                Err(DriverError::new(ErrorKind::PROTOCOL, text).with_status(answer.status))
            }
        }
    }

    /// Asks for something that needs the key; `true` when that worked. Only a refusal is an error: the proxy lives.
    async fn verify_key(&self) -> Result<bool> {
        let answer = self.aside(MODELS).await;
        let refusal = answer.as_ref().and_then(|answer| Refusal::read(answer.status, answer.bytes(), self.has_key));
        if let Some(refusal) = refusal {
            self.memory().key = Standing::Unknown;
            return Err(refusal.into_error(MODELS, self.has_key));
        }
        let accepted = answer.is_some_and(|answer| answer.is_success());
        let now = self.host.now();
        self.memory().key = if accepted { Standing::Accepted(now) } else { Standing::Undecided(now) };
        Ok(accepted)
    }

    /// The requests that it works on, where it tells. The page needs the key, so it also proves it.
    async fn queue(&self) -> Result<Option<Queue>> {
        if self.memory().backlog == Backlog::Absent {
            return Ok(None);
        }
        let Some(answer) = self.aside(backlog::TARGET).await else {
            return Ok(None);
        };
        match Reading::read(answer.status, answer.bytes(), self.has_key) {
            Reading::Queue(queue) => {
                self.memory().key = Standing::Accepted(self.host.now());
                return Ok(Some(queue));
            }
            Reading::Absent => self.memory().backlog = Backlog::Absent,
            // Some keys are good for models only.
            Reading::Refused => {
                if self.verify_key().await? {
                    self.memory().backlog = Backlog::Absent;
                }
            }
            Reading::Nothing => {}
        }
        Ok(None)
    }

    /// Older versions tell it to everybody, newer ones to whoever has the key.
    async fn version(&self) -> Option<String> {
        let open = inventory::version(&self.aside("/health/readiness").await?.json().ok()?);
        if open.is_some() {
            return open;
        }
        let details = self.aside("/health/readiness/details").await?;
        inventory::version(&details.json().ok()?)
    }

    /// An answer that would be good to have.
    async fn aside(&self, target: &str) -> Option<Response> {
        let request = Request::get(target).total_within(ASIDE).max_bytes(LONGEST_LIST);
        self.host.send(request).await.ok()
    }
}

fn ending(answer: &Response) -> DriverError {
    DriverError::new(ErrorKind::TRANSPORT, "it says that it is shutting down")
        .with_code(problem::SHUTTING_DOWN)
        .with_status(answer.status)
}

/// Something in front of the service wants a login. What is behind it cannot be seen, so no stranger is claimed.
fn locked(answer: &Response) -> Identity {
    Identity::locked(40, answer.in_words()).because(format!("{} is behind a login", pulse::TARGET))
}

mdd_driver_api::export_driver!(LiteLlm, include_str!("../manifest.json"));
