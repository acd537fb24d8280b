//! `metrics`: the figures of the running host for monitoring systems.

use crate::{Verdict, arguments::Global, connect, failure::Coded, output};
use anyhow::bail;
use mdd_core::rpc::{MetricsAnswer, Nothing};
use std::path::Path;

pub(crate) async fn run(global: &Global, state: &Path) -> anyhow::Result<Verdict> {
    let Some(mut client) = connect::running(state, "mdd-host metrics").await else {
        bail!(Coded::no_host("there is nothing to measure"));
    };
    let answer: MetricsAnswer = client.call("metrics", &Nothing {}).await?;
    match global.json {
        true => output::json(&answer)?,
        false => output::text(&answer.text)?,
    }
    Ok(Verdict::InOrder)
}
