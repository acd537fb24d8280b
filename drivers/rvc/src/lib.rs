//! Driver for RVC: the WebUI of two generations, which are Gradio apps, and the API of rvc-python.
//!
//! The voice that is loaded is one for all clients of a server, so loading it and converting with it are one unit here
//! that nothing of ours comes between.
#![forbid(unsafe_code)]

mod conversion;
mod flavour;
mod inspection;
mod problem;
mod python;
mod webui;

use conversion::Conversion;
use flavour::Flavour;
use mdd_driver_api::{
    Driver, DriverError, Host, Job, Result,
    model::{Attempt, Identity, Inspection, Instance, Outcome, Sample},
};
use mdd_gradio::door::{self, Door};
use python::Python;
use std::sync::{Mutex, PoisonError};
use webui::WebUi;

struct Rvc {
    host: Host,
    webui: WebUi,
    python: Python,
    /// Which program it is, once that is known.
    flavour: Mutex<Option<Flavour>>,
}

impl Driver for Rvc {
    fn create(host: Host, instance: Instance) -> Result<Self> {
        let hint = instance.hint_flavour.as_deref().and_then(Flavour::of_name);
        Ok(Self {
            webui: WebUi::new(host.clone(), &instance),
            python: Python::new(host.clone()),
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
            Door::Stranger(seen) => self.python.identify(&seen).await?,
        };
        if let Some(flavour) = identity.flavour.as_deref().and_then(Flavour::of_name) {
            *self.flavour.lock().unwrap_or_else(PoisonError::into_inner) = Some(flavour);
        }
        Ok(identity)
    }

    async fn check(&self) -> Result<Sample> {
        match self.flavour() {
            Flavour::WebUi | Flavour::WebUi231006 => self.webui.check().await,
            Flavour::Python => self.python.check().await,
        }
    }

    async fn inspect(&self) -> Result<Inspection> {
        match self.flavour() {
            Flavour::WebUi | Flavour::WebUi231006 => self.webui.inspect().await,
            Flavour::Python => self.python.inspect().await,
        }
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        if attempt.operation != "convert" {
            return Err(DriverError::unsupported(&format!("the operation {:?}", attempt.operation)));
        }
        let conversion = Conversion::read(attempt.payload.clone())?;
        match self.flavour() {
            Flavour::WebUi | Flavour::WebUi231006 => self.webui.convert(attempt, conversion, job).await,
            Flavour::Python => self.python.convert(attempt, conversion, job).await,
        }
    }
}

impl Rvc {
    /// Only a WebUI can be behind a login, so that is what a closed door is taken for.
    fn flavour(&self) -> Flavour {
        let flavour = *self.flavour.lock().unwrap_or_else(PoisonError::into_inner);
        flavour.unwrap_or(Flavour::WebUi)
    }
}

mdd_driver_api::export_driver!(Rvc, include_str!("../manifest.json"));
