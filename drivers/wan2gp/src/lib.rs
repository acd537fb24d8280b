//! Driver for Wan2GP, which calls itself WanGP: its web UI, which is a Gradio app, and the MCP server that it has for
//! programs.
#![forbid(unsafe_code)]

mod flavour;
mod generation;
mod mcp;
mod problem;
mod settings;
mod webui;

use flavour::Flavour;
use generation::Generation;
use mcp::Mcp;
use mdd_driver_api::{
    Driver, DriverError, Host, Job, Result,
    model::{Attempt, Identity, Inspection, Instance, Outcome, Sample, Verdict},
};
use mdd_gradio::door::{self, Door};
use std::sync::{Mutex, PoisonError};
use webui::WebUi;

struct Wan2Gp {
    host: Host,
    webui: WebUi,
    mcp: Mcp,
    /// Which face it shows, once that is known.
    flavour: Mutex<Option<Flavour>>,
}

impl Driver for Wan2Gp {
    fn create(host: Host, instance: Instance) -> Result<Self> {
        let hint = instance.hint_flavour.as_deref().and_then(Flavour::of_name);
        Ok(Self {
            webui: WebUi::new(host.clone(), &instance)?,
            mcp: Mcp::new(host.clone()),
            flavour: Mutex::new(hint),
            host,
        })
    }

    async fn identify(&self) -> Result<Identity> {
        let identity = match door::look(&self.host).await? {
            Door::Open(config) => {
                let stranger = door::not_ours(&config);
                self.webui.recognise(*config).unwrap_or(stranger)
            }
            Door::Locked(seen) => door::behind_a_login(&seen),
            Door::Stranger(seen) => self.mcp.identify(&seen).await?,
        };
        if identity.verdict == Verdict::Mine {
            let flavour = identity.flavour.as_deref().and_then(Flavour::of_name);
            *self.flavour.lock().unwrap_or_else(PoisonError::into_inner) = flavour;
        }
        Ok(identity)
    }

    async fn check(&self) -> Result<Sample> {
        match self.flavour().await? {
            Flavour::WebUi => self.webui.check().await,
            Flavour::Mcp => self.mcp.check().await,
        }
    }

    async fn inspect(&self) -> Result<Inspection> {
        match self.flavour().await? {
            Flavour::WebUi => self.webui.inspect().await,
            Flavour::Mcp => self.mcp.inspect().await,
        }
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        if attempt.operation != "generate" {
            return Err(DriverError::unsupported(&format!("the operation {:?}", attempt.operation)));
        }
        let generation = Generation::read(attempt.payload.clone(), &attempt.files)?;
        match self.flavour().await? {
            Flavour::WebUi => self.webui.generate(attempt, generation, job).await,
            Flavour::Mcp => self.mcp.generate(attempt, generation, job).await,
        }
    }
}

impl Wan2Gp {
    /// Which face it shows; it is looked at when nobody has done so yet. Only the web UI can be behind a login, so that is
    /// what a closed door is taken for.
    async fn flavour(&self) -> Result<Flavour> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        self.identify().await?;
        Ok(self.known().unwrap_or(Flavour::WebUi))
    }

    fn known(&self) -> Option<Flavour> {
        *self.flavour.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

mdd_driver_api::export_driver!(Wan2Gp, include_str!("../manifest.json"));
