//! Driver for Wan2GP, which calls itself WanGP: the MCP server that it has for programs.
#![forbid(unsafe_code)]

mod generation;
mod mcp;
mod problem;

use generation::Generation;
use mcp::Mcp;
use mdd_driver_api::{
    Driver, DriverError, Host, Job, Result,
    model::{Attempt, Identity, Inspection, Instance, Outcome, Sample},
};

struct Wan2Gp {
    mcp: Mcp,
}

impl Driver for Wan2Gp {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { mcp: Mcp::new(host) })
    }

    async fn identify(&self) -> Result<Identity> {
        self.mcp.identify().await
    }

    async fn check(&self) -> Result<Sample> {
        self.mcp.check().await
    }

    async fn inspect(&self) -> Result<Inspection> {
        self.mcp.inspect().await
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        if attempt.operation != "generate" {
            return Err(DriverError::unsupported(&format!("the operation {:?}", attempt.operation)));
        }
        let generation = Generation::read(attempt.payload.clone(), &attempt.files)?;
        self.mcp.generate(attempt, generation, job).await
    }
}

mdd_driver_api::export_driver!(Wan2Gp, include_str!("../manifest.json"));
