//! `metrics`: the figures of the running host for monitoring systems.

use crate::{Verdict, connect, output};
use anyhow::bail;
use mdd_core::rpc::{MetricsAnswer, Nothing};
use std::path::Path;

pub(crate) async fn run(state: &Path) -> anyhow::Result<Verdict> {
    let Some(mut client) = connect::running(state, "mdd-host metrics").await else {
        bail!("no host runs, so there is nothing to measure");
    };
    let MetricsAnswer { text } = client.call("metrics", &Nothing {}).await?;
    output::text(&text)?;
    Ok(Verdict::InOrder)
}
