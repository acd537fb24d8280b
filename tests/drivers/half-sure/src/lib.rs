//! A driver that takes much for its service and is not sure of it. Tests write into the built file how sure it is, so
//! that several of them can meet.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, Host, Result,
    model::{Identity, Instance, Sample},
};
use std::hint::black_box;

/// `score=` and three digits.
const SCORE: &str = "score=060";

struct HalfSure {
    host: Host,
}

impl Driver for HalfSure {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        self.host.get("/").await?;
        let score = black_box(SCORE).trim_start_matches(|c: char| !c.is_ascii_digit());
        Ok(Identity::mine(score.parse().unwrap_or_default(), "anything that answers"))
    }

    async fn check(&self) -> Result<Sample> {
        self.host.get("/").await.map(|_| Sample::default())
    }
}

mdd_driver_api::export_driver!(
    HalfSure,
    r#"{"kind": "half-sure", "title": "Half sure", "default_ports": [8188], "probe_rank": 1}"#
);
