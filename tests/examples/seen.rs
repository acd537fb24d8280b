//! How soon the host sees what happens to a service, and what many reconnects cost. Prints figures and judges nothing:
//! `cargo run --release -p mdd-tests --example seen`.

#![allow(clippy::print_stdout, reason = "a measurement talks to the person who started it")]

use mdd_core::{
    Host,
    endpoint::Endpoint,
    events::{BackendView, Detail, Origin, Snapshot, StateName},
    settings::{Environment, Named, Settings},
};
use mdd_sim::Sim;
use mdd_tests::{Running, built, eventually, plugins};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const SOON: Duration = Duration::from_secs(60);
const ROUNDS: usize = 15;

fn service(port: u16) -> Child {
    let mut command = Command::new(built().program("mdd-sim"));
    command.args(["comfyui", "--exit-with-stdin", "--port", &port.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the simulator starts")
}

fn first(snapshot: &Snapshot, wanted: impl Fn(&BackendView) -> bool) -> Option<()> {
    snapshot.backends.iter().any(wanted).then_some(())
}

fn is_whole(view: &BackendView) -> bool {
    view.state == StateName::Connected && view.process.is_some() && view.detail == Detail::Ready
}

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
    println!("{what}: p50 {:?}, p99 {:?}, {} rounds", at(50), at(99), times.len());
}

fn host(folder: &Path, state: &Path, port: u16) -> Host {
    let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}")).expect("a good address");
    let named = Named { kind: "comfyui".to_owned(), endpoint, origin: Origin::Flag };
    let settings = Settings {
        plugins: vec![folder.to_owned()],
        state_folder: state.to_owned(),
        config_file: None,
        backends: vec![named],
        discovery: true,
        environment: Environment::default(),
    };
    Host::start(settings).expect("a host starts")
}

#[tokio::main]
async fn main() {
    let folder = plugins(&["comfyui"]);
    let state = tempfile::tempdir().expect("a temporary folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
    let host = host(folder.path(), state.path(), port);
    let (mut killed, mut stopped, mut continued, mut back) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        let mut child = service(port);
        let begun = Instant::now();
        // From when it listens, which the service itself takes a while for.
        let mut listening = begun;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            tokio::task::yield_now().await;
            listening = Instant::now();
        }
        eventually(&host, SOON, |snapshot| first(snapshot, |view| view.state == StateName::Connected)).await;
        if round > 0 {
            back.push(listening.elapsed());
        }
        eventually(&host, SOON, |snapshot| first(snapshot, is_whole)).await;
        let pid = Pid::from_child(&child);
        let at = Instant::now();
        kill_process(pid, Signal::STOP).expect("our own child");
        eventually(&host, SOON, |snapshot| first(snapshot, |view| view.detail == Detail::Suspended)).await;
        stopped.push(at.elapsed());
        let at = Instant::now();
        kill_process(pid, Signal::CONT).expect("our own child");
        eventually(&host, SOON, |snapshot| first(snapshot, is_whole)).await;
        continued.push(at.elapsed());
        let at = Instant::now();
        child.kill().expect("our own child");
        eventually(&host, SOON, |snapshot| first(snapshot, |view| view.state != StateName::Connected)).await;
        killed.push(at.elapsed());
        child.wait().expect("our own child");
        // Long enough for some attempts to fail, so that pauses have grown.
        eventually(&host, SOON, |snapshot| first(snapshot, |view| view.attempt >= 5)).await;
    }
    told("SIGKILL seen (P4)", killed);
    told("SIGSTOP seen (P5)", stopped);
    told("SIGCONT seen", continued);
    told("connected after the port listens again (P6)", back);
    drop(host);
    cycles(folder.path()).await;
}

/// Whole connections, up and down again, in one host.
async fn cycles(folder: &Path) {
    let count: u32 = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let sim = Sim::start("comfyui").await.expect("the simulator starts");
    let running = Running::start(folder, &[("comfyui", &sim.url())]);
    let id = running.backend("comfyui").id;
    let begun = Instant::now();
    let mut settled = (0, 0);
    for cycle in 0..count {
        running.until("comfyui", SOON, |view| view.state == StateName::Connected).await;
        if cycle == count / 10 {
            settled = (resident(), descriptors());
        }
        sim.stop().await;
        running.until("comfyui", SOON, |view| view.state != StateName::Connected).await;
        sim.start_again().await.expect("its port is free");
        running.host.try_now(&id);
    }
    let (rss, fds) = (resident(), descriptors());
    println!(
        "{count} reconnect cycles (P17, R10) in {:?}; from a tenth of them on: RSS {} to {rss} KiB, descriptors {} to \
         {fds}",
        begun.elapsed(),
        settled.0,
        settled.1,
    );
}

fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
