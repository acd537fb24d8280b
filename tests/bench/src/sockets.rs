//! Which programs listen: P3 and its kin.

use crate::{
    figures::{Times, ratio, short},
    goals::{Measured, Verdict},
    world::{FIVE, ROUNDS, World, host, is_connected, until},
};
use anyhow::Context as _;
use mdd_core::discovery::sockets;
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const LISTS: usize = 200;

fn listeners(count: usize) -> std::io::Result<Vec<TcpListener>> {
    (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect()
}

fn lists(system: &mut dyn sockets::Sockets) -> anyhow::Result<Times> {
    let mut times = Times::default();
    for _ in 0..LISTS {
        let began = Instant::now();
        std::hint::black_box(system.list()?);
        times.add(began.elapsed());
    }
    Ok(times)
}

fn crates() -> anyhow::Result<Times> {
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        std::hint::black_box(listeners::get_all().map_err(|error| anyhow::anyhow!("{error}"))?);
        times.add(began.elapsed());
    }
    Ok(times)
}

pub(crate) async fn few(_: &World) -> anyhow::Result<Measured> {
    let _open = listeners(8)?;
    let ours = lists(&mut *sockets::of_system()?)?;
    let theirs = crates()?;
    Ok(Measured {
        ours: ours.told(),
        beside: format!("crate `listeners` {}", theirs.told()),
        ratio: Some(ratio(ours.p50(), theirs.p50())),
        verdict: Verdict::of(ours.p50() <= Duration::from_micros(100)),
    })
}

pub(crate) async fn many(_: &World) -> anyhow::Result<Measured> {
    let _open = listeners(1001)?;
    let ours = lists(&mut *sockets::of_system()?)?;
    let mut cold = Times::default();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut system = sockets::of_system()?;
        let all = system.list()?;
        std::hint::black_box(system.programs(&all));
        cold.add(began.elapsed());
    }
    let theirs = crates()?;
    let (steady, first) = (ratio(theirs.p50(), ours.p50()), ratio(theirs.p50(), cold.p50()));
    Ok(Measured {
        ours: format!("{}; with programs, the first time {}", ours.told(), short(cold.p50())),
        beside: format!("crate `listeners` {}: {steady:.0} and {first:.1} times as long", theirs.told()),
        ratio: Some(ratio(ours.p50(), theirs.p50())),
        verdict: Verdict::of(ours.p50() <= Duration::from_millis(1) && steady >= 20.0 && first >= 4.0),
    })
}

/// A simulated service as a process of its own, at any port.
struct Service {
    child: Child,
    url: String,
}

impl Service {
    /// In a folder whose name tells what the real program's command line would.
    fn start(world: &World, kind: &str, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join(match kind {
            "rvc-python" => "rvc_python api",
            "wan2gp" => "wgp.py",
            other => other,
        });
        fs::create_dir(&folder)?;
        let mut command = Command::new(world.program("mdd-sim"));
        command.current_dir(folder).args([kind, "--exit-with-stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line)?;
        Ok(Self { child, url: told["url"].as_str().context("its address")?.to_owned() })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _already_ended = self.child.kill();
        let _already_waited = self.child.wait();
    }
}

pub(crate) async fn found(world: &World) -> anyhow::Result<Measured> {
    let _open = listeners(1000)?;
    let (plugins, folder) = (world.five_drivers()?, tempfile::tempdir()?);
    let start = |(simulated, _): &(&str, &str)| Service::start(world, simulated, folder.path());
    let services: Vec<Service> = FIVE.iter().map(start).collect::<anyhow::Result<_>>()?;
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        let state = tempfile::tempdir()?;
        let began = Instant::now();
        let host = host(plugins.path(), state.path(), &[], true)?;
        until(&host, |snapshot| services.iter().all(|service| is_connected(snapshot, &service.url))).await?;
        times.add(began.elapsed());
    }
    Ok(Measured {
        ours: times.told(),
        beside: "asking all thousand one after the other in Python: about 2 s".to_owned(),
        ratio: None,
        verdict: Verdict::of(times.p50() <= Duration::from_millis(150)),
    })
}

pub(crate) async fn scanned(_: &World) -> anyhow::Result<Measured> {
    Ok(Measured {
        ours: "none: whoever does not listen is never asked, but for the drivers' default ports".to_owned(),
        beside: "-".to_owned(),
        ratio: None,
        verdict: Verdict::Met,
    })
}
