//! The API of rvc-python.

use crate::conversion::Conversion;
use mdd_driver_api::{
    DriverError, Host, Job, Result,
    model::{Attempt, Identity, Inspection, Outcome, Sample},
};

/// An rvc-python at one endpoint.
pub(crate) struct Python {
    _host: Host,
}

impl Python {
    pub(crate) fn new(host: Host) -> Self {
        Self { _host: host }
    }

    /// Whether an rvc-python answers; asked only of what is no Gradio app, of which `seen` is said.
    pub(crate) async fn identify(&self, seen: &str) -> Result<Identity> {
        Ok(Identity::no(seen))
    }

    pub(crate) async fn check(&self) -> Result<Sample> {
        Err(DriverError::unsupported("check"))
    }

    pub(crate) async fn inspect(&self) -> Result<Inspection> {
        Err(DriverError::unsupported("inspect"))
    }

    pub(crate) async fn convert(&self, _attempt: Attempt, _conversion: Conversion, _job: Job) -> Result<Outcome> {
        Err(DriverError::unsupported("convert"))
    }
}
