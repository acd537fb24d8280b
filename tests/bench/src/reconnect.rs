//! A service that comes and goes: P17.

use crate::{
    figures::{Times, short},
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

const CYCLES: u32 = 10_000;
/// What has grown by then is what a host needs.
const SETTLED: u32 = 1_000;

pub(crate) async fn cycles(world: &World) -> anyhow::Result<Measured> {
    let (home, sim) = (tempfile::tempdir()?, Sim::start("comfyui").await?);
    let (host, mut client) = Watching::host_of(&mut world.command(home.path()), home.path(), &sim).await?;
    let backend = client.snapshot.backends.first().context("the backend")?.id.clone();
    let (mut settled, first) = (None, Use::of(host.pid())?);
    let (mut lost, mut back, began) = (Times::default(), Times::default(), Instant::now());
    for cycle in 0..CYCLES {
        if cycle == SETTLED {
            settled = Some(Use::of(host.pid())?);
        }
        let gone = Instant::now();
        sim.stop().await;
        client.until(|snapshot| any(snapshot, |view| view.state != StateName::Connected)).await?;
        lost.add(gone.elapsed());
        sim.start_again().await?;
        let there = Instant::now();
        client.call("backends.try", &BackendChoice { backend: backend.clone() }).await?;
        client.until(|snapshot| any(snapshot, |view| view.state == StateName::Connected)).await?;
        back.add(there.elapsed());
    }
    let took = began.elapsed();
    let (before, after) = (settled.context("too few cycles")?, Use::of(host.pid())?);
    let grown = after.resident_kib as i64 - before.resident_kib as i64;
    let opened = after.descriptors as i64 - before.descriptors as i64;
    let threads = after.threads as i64 - before.threads as i64;
    let theirs: Value = crate::peer::run(world.peer("reconnect.py").arg(sim.addr().port().to_string()))?;
    Ok(Measured {
        ours: format!(
            "{CYCLES} whole losses and returns in {} ({} each, the simulated service's own part included): the loss \
             is seen after {}, connected again after {}; {} of the host's CPU each; {} kB after {SETTLED}, {} kB \
             ({grown:+}) after all; {} descriptors ({opened:+}), {} threads ({threads:+})",
            short(took),
            short(took / CYCLES),
            lost.told(),
            back.told(),
            short((after.cpu - first.cpu) / CYCLES),
            before.resident_kib,
            after.resident_kib,
            after.descriptors,
            after.threads,
        ),
        beside: format!("websocket-client, which only opens and closes: {} ms each", theirs["each_ms"]),
        ratio: None,
        verdict: Verdict::of(took <= Duration::from_secs(10) && grown <= 256 && opened == 0 && threads <= 0),
    })
}
