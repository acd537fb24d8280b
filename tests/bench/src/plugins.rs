//! What drivers cost: P11, P11b and P12.

use crate::{
    figures::{Times, short},
    goals::{Measured, Verdict},
    peer::Peer,
    process::Use,
    world::{FIVE, ROUNDS, World, host},
};
use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::time::sleep;

fn start(plugins: &Path, state: &Path) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let host = host(plugins, state, &[], false)?;
    let took = began.elapsed();
    drop(host);
    Ok(took)
}

pub(crate) async fn load(world: &World) -> anyhow::Result<Measured> {
    let (all, none, state) = (world.five_drivers()?, tempfile::tempdir()?, tempfile::tempdir()?);
    start(all.path(), state.path())?;
    let (mut with, mut without) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        with.add(start(all.path(), state.path())?);
        without.add(start(none.path(), state.path())?);
    }
    let each = with.p50().saturating_sub(without.p50()) / FIVE.len() as u32;
    Ok(Measured {
        ours: format!("{} ({} with five, {} with none)", short(each), short(with.p50()), short(without.p50())),
        beside: "-".to_owned(),
        ratio: None,
        verdict: Verdict::of(each <= Duration::from_millis(4)),
    })
}

async fn idle(mut command: Command) -> anyhow::Result<Use> {
    let host = Peer::start(command.args(["serve", "--no-discovery"]).stderr(Stdio::null()))?;
    sleep(Duration::from_secs(5)).await;
    Use::of(host.pid())
}

pub(crate) async fn weight(world: &World) -> anyhow::Result<Measured> {
    let home = tempfile::tempdir()?;
    let drivers = world.drivers()?;
    let with = idle(world.command(home.path())).await?;
    let (elsewhere, home) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let without = idle(world.command_without_drivers(home.path(), elsewhere.path())?).await?;
    let count = drivers.len().max(1) as u64;
    let memory = with.resident_kib.saturating_sub(without.resident_kib) / count;
    let threads = with.threads.saturating_sub(without.threads) / count;
    let largest = drivers.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default();
    let listed: Vec<String> = drivers.iter().map(|(kind, bytes)| format!("{kind} {} kB", bytes / 1000)).collect();
    Ok(Measured {
        ours: format!("{}; {memory} kB of memory and {threads} threads for each more", listed.join(", ")),
        beside: "a driver that does nothing: 659 kB".to_owned(),
        ratio: None,
        verdict: Verdict::of(largest <= 600_000 && memory <= 450 && threads == 0),
    })
}

pub(crate) async fn isolated(_: &World) -> anyhow::Result<Measured> {
    Ok(Measured {
        ours: "drivers run in the host; only their trial has a process of its own".to_owned(),
        beside: "-".to_owned(),
        ratio: None,
        verdict: Verdict::Open,
    })
}
