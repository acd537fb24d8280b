//! Driver for Template.
#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, DriverError, Either, ErrorKind, Host, Job, Request, Result, Stage,
    model::{Attempt, Detach, Identity, Inspection, Instance, Model, Outcome, OutcomeStatus, Sample},
    race,
};
use serde_json::{Value, json};

struct Service {
    host: Host,
}

impl Driver for Service {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { host })
    }

    /// The cheapest question that tells it from all others.
    async fn identify(&self) -> Result<Identity> {
        let answer = self.host.get("/status").await?;
        if answer.status >= 500 {
            return answer.success().map(|answer| Identity::no(answer.in_words()));
        }
        let body: Value = answer.json().unwrap_or_default();
        Ok(match body.get("service").and_then(Value::as_str) {
            Some("template") if answer.is_success() => Identity::mine(95, "Template").because("/status names it"),
            _ => Identity::no(answer.in_words()),
        })
    }

    /// Every few seconds: free of cost and side effects.
    async fn check(&self) -> Result<Sample> {
        let status: Value = self.host.get("/status").await?.success()?.json()?;
        match status.get("awake").and_then(Value::as_bool) {
            Some(true) => Ok(Sample::default()),
            _ => Err(DriverError::new(ErrorKind::TRANSPORT, "it says that it is asleep").with_code("template.asleep")),
        }
    }

    async fn inspect(&self) -> Result<Inspection> {
        let status: Value = self.host.get("/status").await?.success()?.json()?;
        let models = status.get("models").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let mut inspection = Inspection::default();
        inspection.models = models.map(|name| Model::new(name, "chat")).collect();
        (inspection.slots, inspection.detach) = (1, Detach::Kills);
        Ok(inspection)
    }

    /// One question, one answer. This service gives its work no names, so what was sent cannot be found again.
    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        if attempt.checkpoint.is_some_and(|checkpoint| checkpoint.stage >= Stage::SENT.0) {
            return Ok(Outcome::new(OutcomeStatus::Unknown));
        }
        if job.is_cancelled() {
            return Ok(Outcome::new(OutcomeStatus::Cancelled));
        }
        job.checkpoint(Stage::SENT, "", &json!({"v": 1})).await?;
        let question = Request::post("/ask").json(&attempt.payload)?;
        // Dropping the question is all that this service knows of cancelling.
        let Either::First(answer) = race(self.host.send(question), job.cancelled()).await else {
            return Ok(Outcome::new(OutcomeStatus::Cancelled));
        };
        let body: Value = answer?.success()?.json()?;
        let text = body.get("answer").and_then(Value::as_str);
        job.append(text.ok_or_else(|| DriverError::new(ErrorKind::PROTOCOL, "it answers without text"))?).await?;
        Ok(Outcome::new(OutcomeStatus::Done))
    }
}

mdd_driver_api::export_driver!(Service, include_str!("../manifest.json"));
