//! A host that has nothing to do: P9.

use crate::{
    goals::{Measured, Verdict},
    peer::Peer,
    process::Use,
    world::{World, five, named},
};
use std::{fs, process::Stdio, time::Duration};
use tokio::time::sleep;

/// Until everything that happens at the start is over.
const SETTLE: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(20);

/// What a process uses in the window, as a share of a core and wake-ups a second, and what it has at the end.
pub(crate) async fn watched(pid: u32) -> anyhow::Result<(f64, f64, Use)> {
    let before = Use::of(pid)?;
    sleep(WINDOW).await;
    let after = Use::of(pid)?;
    let share = (after.cpu - before.cpu).as_secs_f64() / WINDOW.as_secs_f64();
    Ok((share, (after.wake_ups - before.wake_ups) as f64 / WINDOW.as_secs_f64(), after))
}

pub(crate) async fn five_idle(world: &World) -> anyhow::Result<Measured> {
    let (services, home) = (five().await?, tempfile::tempdir()?);
    let config = home.path().join("config.toml");
    fs::write(&config, "[health]\ninterval_ms = 1000\n")?;
    let mut command = world.command(home.path());
    command.arg("serve").arg("--config").arg(&config).args(named(&services));
    let host = Peer::start(command.stderr(Stdio::null()))?;
    let urls: Vec<String> = services.iter().map(|(_, sim)| sim.url()).collect();
    let peer = Peer::start(world.peer("checks.py").args(&urls))?;
    sleep(SETTLE).await;
    let (cpu, wake_ups, now) = watched(host.pid()).await?;
    let (their_cpu, their_wake_ups, theirs) = watched(peer.pid()).await?;
    let met =
        now.resident_kib <= 12 << 10 && cpu <= 0.001 && wake_ups <= 6.0 && now.threads <= 8 && now.descriptors <= 40;
    Ok(Measured {
        ours: format!(
            "{:.1} MB, {:.2} % CPU, {wake_ups:.1} wake-ups a second, {} threads, {} descriptors",
            now.resident_kib as f64 / 1024.0,
            cpu * 100.0,
            now.threads,
            now.descriptors
        ),
        beside: format!(
            "aiohttp {:.1} MB, {:.2} % CPU, {their_wake_ups:.1} wake-ups",
            theirs.resident_kib as f64 / 1024.0,
            their_cpu * 100.0
        ),
        ratio: Some(now.resident_kib as f64 / theirs.resident_kib as f64),
        verdict: Verdict::of(met),
    })
}
