//! A driver that behaves well until it meets a service: then its second check panics.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, Host, Result,
    model::{Identity, Instance, Sample},
};
use std::sync::atomic::{AtomicU32, Ordering};

struct PanicsAtWork {
    host: Host,
    checks: AtomicU32,
}

impl Driver for PanicsAtWork {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { host, checks: AtomicU32::new(0) })
    }

    async fn identify(&self) -> Result<Identity> {
        self.host.get("/").await?;
        Ok(Identity::mine(100, "anything that answers"))
    }

    async fn check(&self) -> Result<Sample> {
        self.host.get("/").await?;
        assert!(self.checks.fetch_add(1, Ordering::Relaxed) == 0, "the second check panics");
        Ok(Sample::default())
    }
}

mdd_driver_api::export_driver!(PanicsAtWork, r#"{"kind": "panics-at-work", "title": "Panics at work"}"#);
