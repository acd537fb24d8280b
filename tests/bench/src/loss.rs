//! How soon what happens to a process is seen: P4, P5 and P6, of the same rounds.

use crate::{
    figures::{Times, ratio},
    goals::{Measured, Verdict},
    peer::Peer,
    world::{ROUNDS, World, any, host, until},
};
use anyhow::Context as _;
use mdd_core::events::{BackendView, Detail, Snapshot, StateName};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::OnceCell;

#[derive(Default)]
struct Seen {
    killed: Times,
    killed_by_peer: Times,
    stopped: Times,
    continued: Times,
    back: Times,
}

static SEEN: OnceCell<Seen> = OnceCell::const_new();

pub(crate) async fn killed(world: &World) -> anyhow::Result<Measured> {
    let seen = SEEN.get_or_try_init(|| rounds(world)).await?;
    Ok(Measured {
        ours: seen.killed.told(),
        beside: format!("websocket-client in a thread: {}", seen.killed_by_peer.told()),
        ratio: Some(ratio(seen.killed.p50(), seen.killed_by_peer.p50())),
        verdict: Verdict::of(
            seen.killed.p50() <= Duration::from_millis(2) && seen.killed.p99() <= Duration::from_millis(10),
        ),
    })
}

pub(crate) async fn stopped(world: &World) -> anyhow::Result<Measured> {
    let seen = SEEN.get_or_try_init(|| rounds(world)).await?;
    Ok(Measured {
        ours: format!("{}; that it goes on: {}", seen.stopped.told(), seen.continued.told()),
        beside: "a WebSocket client: never".to_owned(),
        ratio: None,
        verdict: Verdict::of(seen.stopped.p99() <= Duration::from_millis(500)),
    })
}

pub(crate) async fn back(world: &World) -> anyhow::Result<Measured> {
    let seen = SEEN.get_or_try_init(|| rounds(world)).await?;
    Ok(Measured {
        ours: seen.back.told(),
        beside: "a retry each 30 s: 15 s on average".to_owned(),
        ratio: None,
        verdict: Verdict::of(
            seen.back.p50() <= Duration::from_millis(300) && seen.back.p99() <= Duration::from_millis(600),
        ),
    })
}

fn service(world: &World, port: u16) -> std::io::Result<Child> {
    let mut command = Command::new(world.program("mdd-sim"));
    command.args(["comfyui", "--exit-with-stdin", "--port", &port.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
}

fn is_whole(view: &BackendView) -> bool {
    view.state == StateName::Connected && view.process.is_some() && view.detail == Detail::Ready
}

/// Not one that the system gives to clients: who tries such a port again and again is once connected with itself.
fn free_port() -> anyhow::Result<u16> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (20_000..30_000).find(is_free).context("a free port")
}

async fn rounds(world: &World) -> anyhow::Result<Seen> {
    let (plugins, state) = (world.plugins(&["comfyui"])?, tempfile::tempdir()?);
    let port = free_port()?;
    let url = format!("http://127.0.0.1:{port}");
    let host = host(plugins.path(), state.path(), &[("comfyui", url.clone())], true)?;
    // Others may run on this machine as well.
    let any = |snapshot: &Snapshot, wanted: fn(&BackendView) -> bool| {
        any(snapshot, |view| view.endpoint.as_deref() == Some(&url) && wanted(view))
    };
    let mut peer = Peer::start(world.peer("loss.py").arg(port.to_string()))?;
    let mut seen = Seen::default();
    for round in 0..ROUNDS {
        let mut child = service(world, port)?;
        // From when it listens, which the service itself takes a while for.
        let mut listening = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            tokio::task::yield_now().await;
            listening = Instant::now();
        }
        until(&host, |snapshot| any(snapshot, |view| view.state == StateName::Connected)).await?;
        if round > 0 {
            seen.back.add(listening.elapsed());
        }
        until(&host, |snapshot| any(snapshot, is_whole)).await?;
        peer.told()?;
        let pid = Pid::from_child(&child);
        let at = Instant::now();
        kill_process(pid, Signal::STOP)?;
        until(&host, |snapshot| any(snapshot, |view| view.detail == Detail::Suspended)).await?;
        seen.stopped.add(at.elapsed());
        let at = Instant::now();
        kill_process(pid, Signal::CONT)?;
        until(&host, |snapshot| any(snapshot, is_whole)).await?;
        seen.continued.add(at.elapsed());
        let (at, clock) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH)?);
        child.kill()?;
        until(&host, |snapshot| any(snapshot, |view| view.state != StateName::Connected)).await?;
        seen.killed.add(at.elapsed());
        let lost = peer.told()?["lost"].as_u64().context("when it was lost")?;
        seen.killed_by_peer.add(Duration::from_nanos(lost).saturating_sub(clock));
        child.wait()?;
        // Long enough for some attempts to fail, so that pauses have grown.
        until(&host, |snapshot| any(snapshot, |view| view.attempt >= 5)).await?;
    }
    Ok(seen)
}
