//! A thousand services at once: P10.

use crate::{
    goals::{Measured, Verdict},
    idle::watched,
    peer::Peer,
    world::World,
};
use mdd_sim::Sim;
use std::{fmt::Write as _, fs, process::Stdio, time::Duration};
use tokio::time::sleep;

const COUNT: usize = 1000;
const SETTLE: Duration = Duration::from_secs(15);

fn asked(services: &[Sim]) -> u64 {
    services.iter().map(|service| service.ledger().requests_total).sum()
}

/// Microseconds of CPU for each request, requests, and megabytes.
async fn cost(peer: &Peer, services: &[Sim]) -> anyhow::Result<(f64, u64, f64)> {
    sleep(SETTLE).await;
    let before = asked(services);
    let (share, _, now) = watched(peer.pid()).await?;
    let requests = asked(services) - before;
    let seconds = share * 20.0;
    Ok((seconds * 1e6 / requests.max(1) as f64, requests, now.resident_kib as f64 / 1024.0))
}

pub(crate) async fn thousand(world: &World) -> anyhow::Result<Measured> {
    let mut services = Vec::new();
    for _ in 0..COUNT {
        services.push(Sim::start("litellm").await?);
    }
    let home = tempfile::tempdir()?;
    let mut config =
        "[health]\ninterval_ms = 1000\n\n[discovery]\nenabled = false\n\n[backends.litellm]\nurl = [\n".to_owned();
    for service in &services {
        writeln!(config, "    \"{}\",", service.url())?;
    }
    config.push_str("]\n");
    let file = home.path().join("config.toml");
    fs::write(&file, config)?;
    let mut command = world.command(home.path());
    command.arg("serve").arg("--config").arg(&file);
    let (ours, requests, memory) = {
        let host = Peer::start(command.stderr(Stdio::null()))?;
        cost(&host, &services).await?
    };
    let urls: Vec<String> = services.iter().map(|service| format!("{}/health/liveliness", service.url())).collect();
    let (theirs, their_requests, their_memory) = {
        let peer = Peer::start(world.peer("checks.py").args(&urls))?;
        cost(&peer, &services).await?
    };
    let ratio = ours / theirs;
    Ok(Measured {
        ours: format!("{ours:.0} µs each ({requests} in 20 s), {memory:.0} MB"),
        beside: format!("aiohttp {theirs:.0} µs ({their_requests}), {their_memory:.0} MB"),
        ratio: Some(ratio),
        verdict: Verdict::of(ours <= 170.0 && ratio <= 0.45 && memory <= 40.0),
    })
}
