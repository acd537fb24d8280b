//! From an announcement by mDNS to a connection: P15. On the loopback interface alone.

use crate::{
    figures::{Times, ratio},
    goals::{Measured, Verdict},
    peer::Peer,
    world::{World, host, is_connected, until},
};
use anyhow::Context as _;
use mdd_sim::Sim;
use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const ROUNDS: usize = 9;
/// Who asks again within a second gets no answer at once: RFC 6762, 6.
const APART: Duration = Duration::from_millis(1500);

pub(crate) async fn found(world: &World) -> anyhow::Result<Measured> {
    let (plugins, sim) = (world.plugins(&["comfyui"])?, Sim::start("comfyui").await?);
    let daemon = ServiceDaemon::new()?;
    daemon.disable_interface(IfKind::All)?;
    daemon.enable_interface(IfKind::LoopbackV4)?;
    let port = sim.addr().port();
    daemon.register(ServiceInfo::new("_http._tcp.local.", "bench", "bench.local.", "127.0.0.1", port, None)?)?;
    let (mut ours, mut theirs) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        sleep(APART).await;
        let mut peer = Peer::start(&mut world.peer("browse.py"))?;
        let told = |told: Value, name: &str| told[name].as_u64().map(Duration::from_nanos).context("a time");
        let begun = told(peer.told()?, "begun")?;
        theirs.add(told(peer.told()?, "found")?.saturating_sub(begun));
        drop(peer);
        sleep(APART).await;
        let state = tempfile::tempdir()?;
        let began = Instant::now();
        let host = host(plugins.path(), state.path(), &[], true)?;
        until(&host, |snapshot| is_connected(snapshot, &sim.url())).await?;
        ours.add(began.elapsed());
    }
    daemon.shutdown()?;
    Ok(Measured {
        ours: format!("{}, connected", ours.told()),
        beside: format!("python-zeroconf, after its import, resolved only: {}", theirs.told()),
        ratio: Some(ratio(ours.p50(), theirs.p50())),
        verdict: Verdict::of(ours.p50() <= Duration::from_millis(250)),
    })
}
