//! What is downloaded: P14.

use crate::{
    goals::{Measured, Verdict},
    world::World,
};
use std::fs;

pub(crate) async fn host(world: &World) -> anyhow::Result<Measured> {
    let megabytes = fs::metadata(world.program("mdd-host"))?.len() as f64 / 1e6;
    Ok(Measured {
        ours: format!("{megabytes:.2} MB"),
        beside: "an environment of Python for the same work: 49 MB, with Gradio's client 367 MB".to_owned(),
        ratio: None,
        verdict: Verdict::of(megabytes <= 8.0),
    })
}
