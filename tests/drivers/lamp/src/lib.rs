//! A well-behaved driver for a lamp: a web server with `/lamp.json`, which may say how its jobs take it when their
//! connection is let go, and `/done` when their work is.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, Host, Job, Result, Stage,
    model::{Attempt, Detach, Identity, Inspection, Instance, Outcome, OutcomeStatus, Sample},
};
use serde_json::{Value, json};
use std::time::Duration;

struct Lamp {
    host: Host,
}

impl Lamp {
    async fn read(&self) -> Result<Value> {
        self.host.get("/lamp.json").await?.success()?.json()
    }
}

impl Driver for Lamp {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        let answer = self.host.get("/lamp.json").await?;
        let body: Value = answer.json().unwrap_or_default();
        let mut identity = match body.get("lamp").and_then(Value::as_str) {
            Some(name) => Identity::mine(95, name),
            None => Identity::no(answer.in_words()),
        };
        identity.flavour = Some(version());
        Ok(identity)
    }

    async fn check(&self) -> Result<Sample> {
        self.read().await.map(|_| Sample::default())
    }

    async fn inspect(&self) -> Result<Inspection> {
        let mut inspection = Inspection::default();
        inspection.devices = Vec::new();
        inspection.slots = 4;
        inspection.detach = match self.read().await?.get("detach").and_then(Value::as_str) {
            Some("resumes") => Detach::Resumes,
            _ => Detach::Kills,
        };
        Ok(inspection)
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        if attempt.checkpoint.is_none() {
            job.checkpoint(Stage::SENT, "", &json!({"v": 1})).await?;
            job.checkpoint(Stage::RUNNING, "light", &json!({"v": 1})).await?;
        }
        job.append(format!("{} ", version())).await?;
        while self.host.get("/done").await?.status != 200 {
            self.host.sleep(Duration::from_millis(50)).await;
        }
        Ok(Outcome::new(OutcomeStatus::Done))
    }
}

/// Tests change it in the built file, together with the manifest.
fn version() -> String {
    std::hint::black_box(concat!("lamp-", env!("CARGO_PKG_VERSION"))).to_owned()
}

mdd_driver_api::export_driver!(
    Lamp,
    r#"{"kind": "lamp", "title": "Lamp", "mdns_types": ["_lamp._tcp"], "operations": {"glow": {"title": "Glow", "results": []}}}"#
);
