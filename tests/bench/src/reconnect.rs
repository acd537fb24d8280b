//! A service that comes and goes: P17.

use crate::{
    figures::short,
    goals::{Measured, Verdict},
    process::Use,
    watching::Watching,
    world::{World, any},
};
use anyhow::Context as _;
use mdd_core::{events::StateName, rpc::BackendChoice};
use mdd_sim::Sim;
use serde_json::Value;
use std::time::{Duration, Instant};

const CYCLES: u32 = 3000;

pub(crate) async fn cycles(world: &World) -> anyhow::Result<Measured> {
    let (home, sim) = (tempfile::tempdir()?, Sim::start("comfyui").await?);
    let (host, mut client) = Watching::host_of(&mut world.command(home.path()), home.path(), &sim).await?;
    let backend = client.snapshot.backends.first().context("the backend")?.id.clone();
    let (mut settled, began) = (0, Instant::now());
    for cycle in 0..CYCLES {
        client.until(|snapshot| any(snapshot, |view| view.state == StateName::Connected)).await?;
        if cycle == CYCLES / 3 {
            settled = Use::of(host.pid())?.resident_kib;
        }
        sim.stop().await;
        client.until(|snapshot| any(snapshot, |view| view.state != StateName::Connected)).await?;
        sim.start_again().await?;
        client.call("backends.try", &BackendChoice { backend: backend.clone() }).await?;
    }
    let (took, grown) = (began.elapsed(), Use::of(host.pid())?.resident_kib as i64 - settled as i64);
    let theirs: Value = crate::peer::run(world.peer("reconnect.py").arg(sim.addr().port().to_string()))?;
    let each = took / CYCLES;
    Ok(Measured {
        ours: format!(
            "{CYCLES} whole losses and returns in {} ({} each, the simulated service's own part included); the \
             host {grown} kB larger after the last two thirds",
            short(took),
            short(each)
        ),
        beside: format!("websocket-client, which only opens and closes: {} ms each", theirs["each_ms"]),
        ratio: None,
        verdict: Verdict::of(each * 10_000 <= Duration::from_secs(10) && grown <= 256),
    })
}
