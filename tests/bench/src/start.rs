//! From the start of the program to a status: P1, P1b and P2.

use crate::{
    figures::{Times, ratio, short},
    goals::{Measured, Verdict},
    peer::Peer,
    process::cpu_of_ended_children,
    watching::Watching,
    world::{FIVE, ROUNDS, World, five, host, is_connected, named, until},
};
use anyhow::ensure;
use mdd_sim::Sim;
use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How the floor is told its ports.
pub(crate) const FLOOR: &str = "MDD_BENCH_FLOOR";

/// Asks the ports with nothing but sockets, one thread each.
pub(crate) fn floor(ports: &str) -> ExitCode {
    let ask = |port: u16| -> std::io::Result<usize> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        stream.read(&mut [0; 1024])
    };
    let threads: Vec<_> =
        ports.split(',').filter_map(|port| port.parse().ok()).map(|port| thread::spawn(move || ask(port))).collect();
    let answered = threads.into_iter().all(|thread| matches!(thread.join(), Ok(Ok(read)) if read > 0));
    if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One program after the other.
#[derive(Default)]
struct Runs {
    times: Times,
    cpu: Duration,
}

impl Runs {
    fn add(&mut self, command: &mut Command) -> anyhow::Result<()> {
        let (before, began) = (cpu_of_ended_children(), Instant::now());
        let output = command.stdin(Stdio::null()).output()?;
        self.times.add(began.elapsed());
        self.cpu += cpu_of_ended_children() - before;
        ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

fn status_command(world: &World, home: &Path, services: &[(&'static str, Sim)]) -> Command {
    let mut command = world.command(home);
    command.args(["status", "--json"]).args(named(services));
    command
}

pub(crate) async fn status(world: &World) -> anyhow::Result<Measured> {
    let (services, home) = (five().await?, tempfile::tempdir()?);
    let urls: Vec<String> = services.iter().map(|(_, sim)| sim.url()).collect();
    let ports: Vec<String> = services.iter().map(|(_, sim)| sim.addr().port().to_string()).collect();
    let (mut ours, mut theirs, mut least) = (Runs::default(), Runs::default(), Runs::default());
    let warm = status_command(world, home.path(), &services).output()?;
    let text = String::from_utf8_lossy(&warm.stdout);
    ensure!(text.matches(r#""state":"connected""#).count() >= FIVE.len(), "not all are connected: {text}");
    for _ in 0..ROUNDS {
        ours.add(&mut status_command(world, home.path(), &services))?;
        theirs.add(world.peer("status.py").args(&urls))?;
        least.add(Command::new(env::current_exe()?).env(FLOOR, ports.join(",")))?;
    }
    let cpu = ratio(ours.cpu, theirs.cpu);
    let (p50, p99) = (ours.times.p50(), ours.times.p99());
    Ok(Measured {
        ours: format!("{}; {} of CPU each", ours.times.told(), short(ours.cpu / ROUNDS as u32)),
        beside: format!(
            "aiohttp {}, CPU ratio {cpu:.3}; nothing but sockets {}",
            theirs.times.told(),
            short(least.times.p50())
        ),
        ratio: Some(ratio(p50, theirs.times.p50())),
        verdict: Verdict::of(p50 <= ms(25) && p99 <= ms(60) && cpu <= 0.05),
    })
}

/// From the start of the host that lasts until a client of it sees the five connected.
async fn served(world: &World, home: &Path, services: &[(&'static str, Sim)]) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut command = world.command(home);
    command.arg("serve").args(named(services)).stderr(Stdio::null());
    let _host = Peer::start(&mut command)?;
    let mut client = Watching::start(&home.join("state")).await?;
    client.until(|snapshot| services.iter().all(|(_, sim)| is_connected(snapshot, &sim.url()))).await?;
    Ok(began.elapsed())
}

pub(crate) async fn first(world: &World) -> anyhow::Result<Measured> {
    let (services, home) = (five().await?, tempfile::tempdir()?);
    served(world, home.path(), &services).await?;
    let (mut known, mut new, mut untried) = (Times::default(), Times::default(), Times::default());
    for _ in 0..ROUNDS {
        known.add(served(world, home.path(), &services).await?);
        for entry in fs::read_dir(home.path().join("state"))? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("journal.db")) {
                fs::remove_file(path)?;
            }
        }
        new.add(served(world, home.path(), &services).await?);
        let empty = tempfile::tempdir()?;
        untried.add(served(world, empty.path(), &services).await?);
    }
    let times = ratio(new.p50(), known.p50());
    Ok(Measured {
        ours: format!("{} with a new store; {} with five drivers to try as well", new.told(), short(untried.p50())),
        beside: format!("the same with a store: {}", known.told()),
        ratio: Some(times),
        verdict: Verdict::of(times <= 1.2),
    })
}

pub(crate) async fn among_bad(world: &World) -> anyhow::Result<Measured> {
    let (services, plugins) = (five().await?, world.five_drivers()?);
    let good: Vec<String> = services.iter().map(|(_, sim)| sim.url()).collect();
    let mut backends: Vec<(&str, String)> = services.iter().map(|(kind, sim)| (*kind, sim.url())).collect();
    for (port, (_, kind)) in bad()?.into_iter().zip(FIVE) {
        backends.push((kind, format!("http://127.0.0.1:{port}")));
    }
    let mut connected = Times::default();
    for _ in 0..ROUNDS {
        let state = tempfile::tempdir()?;
        let began = Instant::now();
        let host = host(plugins.path(), state.path(), &backends, false)?;
        until(&host, |snapshot| good.iter().all(|url| is_connected(snapshot, url))).await?;
        connected.add(began.elapsed());
    }
    Ok(Measured {
        ours: connected.told(),
        beside: "a client in Python without deadlines: never".to_owned(),
        ratio: None,
        verdict: Verdict::of(connected.p50() <= ms(20)),
    })
}

/// Ports that take connections and never answer as they should. Their threads end with the process.
fn bad() -> anyhow::Result<Vec<u16>> {
    let answers: [fn(TcpStream); 5] = [
        |mut stream| drop(stream.read_to_end(&mut Vec::new())),
        |stream| drip(stream, b"HTTP/1.1 200 OK\r\nx-slow: "),
        drop,
        |mut stream| drop(stream.write_all(b"\x15\x03\x01\0\x02\x02\x50")),
        |mut stream| drop(stream.write_all(&[0xfe; 4096])),
    ];
    let listen = |answer: fn(TcpStream)| -> anyhow::Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(stream));
            }
        });
        Ok(port)
    };
    answers.into_iter().map(listen).collect()
}

#[allow(clippy::disallowed_methods, reason = "a thread of its own that is slow on purpose")]
fn drip(mut stream: TcpStream, head: &[u8]) {
    if stream.write_all(head).is_ok() {
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
