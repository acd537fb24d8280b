//! A driver that panics in every method, in some of them only after an await.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, Host, Job, Result, Sink,
    model::{Attempt, Identity, Inspection, Instance, Outcome, Sample},
};
use std::time::Duration;

struct Panics {
    host: Host,
}

impl Driver for Panics {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        self.host.sleep(Duration::from_millis(1)).await;
        panic!("identify panics after an await");
    }

    async fn check(&self) -> Result<Sample> {
        panic!("check panics");
    }

    async fn inspect(&self) -> Result<Inspection> {
        panic!("inspect panics");
    }

    async fn watch(&self, _sink: Sink) -> Result<()> {
        panic!("watch panics");
    }

    async fn run(&self, _attempt: Attempt, _job: Job) -> Result<Outcome> {
        panic!("run panics");
    }

    async fn call(&self, _operation: String, _argument: serde_json::Value) -> Result<serde_json::Value> {
        panic!("call panics");
    }

    async fn shutdown(&self) -> Result<()> {
        panic!("shutdown panics");
    }
}

mdd_driver_api::export_driver!(Panics, r#"{"kind": "panics-in-methods", "title": "Panics in methods"}"#);
