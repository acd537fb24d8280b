//! Driver for RVC: the WebUI of two generations, which are Gradio apps, and the API of rvc-python.
//!
//! The voice that is loaded is one for all clients of a server, so loading it and converting with it are one unit here
//! that nothing of ours comes between.
#![forbid(unsafe_code)]

mod conversion;
mod flavour;
mod problem;
mod python;

use flavour::Flavour;
use mdd_driver_api::{
    Driver, DriverError, Host, Job, Result,
    model::{Attempt, Identity, Inspection, Instance, Outcome, Sample},
};
use mdd_gradio::door::{self, Door};
use std::sync::{Mutex, PoisonError};

struct Rvc {
    host: Host,
    /// Which program it is, once that is known.
    flavour: Mutex<Option<Flavour>>,
}

impl Driver for Rvc {
    fn create(host: Host, instance: Instance) -> Result<Self> {
        let hint = instance.hint_flavour.as_deref().and_then(Flavour::of_name);
        Ok(Self { host, flavour: Mutex::new(hint) })
    }

    async fn identify(&self) -> Result<Identity> {
        let identity = match door::look(&self.host).await? {
            Door::Open(config) => door::not_ours(&config),
            Door::Locked(seen) => door::behind_a_login(&seen),
            Door::Stranger(seen) => python::identify(&self.host, &seen).await?,
        };
        if let Some(flavour) = identity.flavour.as_deref().and_then(Flavour::of_name) {
            *self.flavour.lock().unwrap_or_else(PoisonError::into_inner) = Some(flavour);
        }
        Ok(identity)
    }

    async fn check(&self) -> Result<Sample> {
        match self.flavour()? {
            Flavour::WebUi | Flavour::WebUi231006 | Flavour::Python => Err(DriverError::unsupported("check")),
        }
    }

    async fn inspect(&self) -> Result<Inspection> {
        match self.flavour()? {
            Flavour::WebUi | Flavour::WebUi231006 | Flavour::Python => Err(DriverError::unsupported("inspect")),
        }
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        drop((attempt, job));
        match self.flavour()? {
            Flavour::WebUi | Flavour::WebUi231006 | Flavour::Python => Err(DriverError::unsupported("run")),
        }
    }
}

impl Rvc {
    fn flavour(&self) -> Result<Flavour> {
        let flavour = *self.flavour.lock().unwrap_or_else(PoisonError::into_inner);
        flavour.ok_or_else(|| DriverError::unsupported("asking before it is known which RVC this is"))
    }
}

mdd_driver_api::export_driver!(Rvc, include_str!("../manifest.json"));
