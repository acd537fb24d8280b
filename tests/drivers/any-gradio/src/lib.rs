//! A driver that calls any function of any Gradio app: what the shipped drivers share is tested with it on every
//! generation, whatever their own apps use of it.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, DriverError, Host, Job, Result,
    model::{Attempt, Identity, Inspection, Instance, JobFile, Outcome, OutcomeStatus, Sample},
};
use mdd_gradio::{
    app::App,
    carrier::{Called, Carrier, Fetched, Left},
    config::{Config, Protocol},
    door::{self, Door},
    file::RemoteFile,
    input::{Input, file_data, file_of_3},
};
use serde_json::Value;

struct AnyGradio {
    app: App,
}

impl Driver for AnyGradio {
    fn create(host: Host, instance: Instance) -> Result<Self> {
        Ok(Self { app: App::new(host, "any-gradio", &instance, |_| true) })
    }

    async fn identify(&self) -> Result<Identity> {
        Ok(match door::look(self.app.host()).await? {
            Door::Open(config) => {
                let identity = Identity::mine(90, config.to_string()).with_version(config.version.clone());
                let identity = identity.with_flavour(config.protocol.to_string());
                self.app.remember(*config);
                identity
            }
            Door::Locked(seen) => door::behind_a_login(&seen),
            Door::Stranger(seen) => Identity::no(seen),
        })
    }

    async fn check(&self) -> Result<Sample> {
        self.app.check().await
    }

    async fn inspect(&self) -> Result<Inspection> {
        let mut inspection = Inspection::default();
        inspection.version = self.app.config().await?.version.clone();
        Ok(inspection)
    }

    /// The payload is `{"function": NAME, "data": […]}`; a file of the job is an input named `mdd-file:NAME`.
    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        let mut carrier = Carrier::new(&self.app, job, attempt.checkpoint)?;
        match carrier.left().await? {
            Left::Nothing => {}
            Left::Results => return fetch(carrier).await,
            Left::Over(outcome) => return Ok(outcome),
        }
        let config = self.app.config().await.map_err(DriverError::without_effect)?;
        let name = attempt.payload["function"].as_str().unwrap_or_default();
        let function = self.app.function(&config, name)?.clone();
        let mut data = Vec::new();
        for input in attempt.payload["data"].as_array().into_iter().flatten() {
            let file = input.as_str().and_then(|text| text.strip_prefix("mdd-file:"));
            let file = file.and_then(|name| attempt.files.iter().find(|file| file.name == name));
            data.push(match file {
                Some(file) => self.input(&config, file).await?,
                None => Input::from(input.clone()),
            });
        }
        let values = match carrier.call(config.clone(), &function, &data).await? {
            Called::Done(values) => values,
            Called::Over(outcome) => return Ok(outcome),
        };
        let files = values.iter().flat_map(RemoteFile::find).map(|file| (file, "file")).collect();
        let text = values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
        carrier.harvest(&config.prefix, files, Some(text));
        fetch(carrier).await
    }
}

impl AnyGradio {
    /// A file as each generation takes it.
    async fn input(&self, config: &Config, file: &JobFile) -> Result<Input> {
        if !config.takes_uploads {
            return Ok(Input::Inline(file.clone()));
        }
        let path = self.app.upload(file).await?;
        Ok(Input::from(match config.protocol {
            Protocol::WebSocket => file_of_3(&path, &file.name),
            _ => file_data(&path, &file.name),
        }))
    }
}

async fn fetch(mut carrier: Carrier<'_>) -> Result<Outcome> {
    Ok(match carrier.fetch().await? {
        Fetched::All(saved, text) => {
            let mut outcome = Outcome::new(OutcomeStatus::Done);
            (outcome.results, outcome.text) = (saved, text);
            outcome
        }
        Fetched::Over(outcome) => outcome,
    })
}

mdd_driver_api::export_driver!(
    AnyGradio,
    r#"{
        "kind": "any-gradio",
        "title": "Any Gradio app",
        "secrets": { "username": { "title": "User name" }, "password": { "title": "Password" } },
        "operations": { "call": { "title": "Call a function", "files": ["*"], "results": ["file", "text"] } }
    }"#
);
