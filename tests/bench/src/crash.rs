//! A driver that takes the host down at work: R11.

use crate::{
    figures::{Times, ratio, short},
    goals::{Measured, Verdict},
    peer::Peer,
    watching::Watching,
    world::{SOON, World, any},
};
use anyhow::{Context as _, ensure};
use mdd_core::events::{JobState, Snapshot, StateName, Update};
use mdd_sim::Sim;
use serde_json::{Value, json};
use std::{
    env::{self, consts::DLL_EXTENSION},
    fs,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

const HARMS: [&str; 4] = ["segv", "abort", "exit", "overflow"];
/// Of each harm.
const TIMES: usize = 5;
const JOB: &str = "shot";

pub(crate) async fn back(world: &World) -> anyhow::Result<Measured> {
    let (mut heard, mut whole, mut fresh) = (Times::default(), Times::default(), Times::default());
    let mut worst = Vec::new();
    for harm in HARMS {
        let mut of_harm = Times::default();
        for _ in 0..TIMES {
            let scene = Scene::with(world, harm).await?;
            let (told, back) = scene.crash(world).await.context(harm)?;
            heard.add(told);
            whole.add(back);
            of_harm.add(back);
            fresh.add(scene.start(world).await?);
        }
        worst.push(format!("{harm} {}", short(of_harm.at(100))));
    }
    Ok(Measured {
        ours: format!(
            "{} until all is as before but for the driver, which is in quarantine (worst: {}); {} until the program \
             at the bridge is told; the job that was open is done once",
            whole.told(),
            worst.join(", "),
            short(heard.p50())
        ),
        beside: format!("the same host started by hand, with a store and known drivers: {}", fresh.told()),
        ratio: Some(ratio(whole.p50(), fresh.p50())),
        verdict: Verdict::of(whole.at(100) <= Duration::from_secs(1)),
    })
}

/// A service that works, one whose driver does harm, and what a host of them keeps.
struct Scene {
    home: TempDir,
    plugins: TempDir,
    good: Sim,
    bad: Door,
}

impl Scene {
    async fn with(world: &World, harm: &str) -> anyhow::Result<Self> {
        let (home, plugins) = (tempfile::tempdir_in(world.root.join("target"))?, tempfile::tempdir()?);
        fs::write(plugins.path().join(format!("hostile.{DLL_EXTENSION}")), hostile(harm)?)?;
        Ok(Self { home, plugins, good: Sim::start("comfyui").await?, bad: Door::open().await? })
    }

    fn command(&self, world: &World, word: &str) -> std::process::Command {
        let mut command = world.command(self.home.path());
        command.arg(word).arg("--no-discovery").arg("--plugins").arg(self.plugins.path());
        command.args(["--backend", &format!("comfyui={}", self.good.url())]);
        command.args(["--backend", &format!("hostile={}", self.bad.url)]);
        command
    }

    /// From the last answer before the crash until the program at the bridge is told, and until it sees all again.
    async fn crash(&self, world: &World) -> anyhow::Result<(Duration, Duration)> {
        let mut bridge = Bridge::start(self.command(world, "bridge"))?;
        bridge.say("hello", json!({"protocol": 1, "client": "a measurement", "version": "0"})).await?;
        bridge.say("subscribe", json!({})).await?;
        bridge.say("jobs.submit", json!({"id": JOB, "kind": "comfyui", "payload": workflow()})).await?;
        let told = bridge.until(|bridge| bridge.is_restarted).await?;
        let back = bridge.until(|bridge| bridge.snapshot.as_ref().is_some_and(is_whole)).await?;
        let crash = self.bad.last().context("the driver was never at work")?;
        bridge.until(|bridge| bridge.snapshot.as_ref().and_then(job) == Some(JobState::Done)).await?;
        let runs: Vec<_> = self.good.ledger().jobs.iter().map(|job| job.runs).collect();
        ensure!(runs == [1], "the job was run {runs:?} times");
        drop(bridge);
        world.command(self.home.path()).arg("stop").output()?;
        Ok((told - crash, back - crash))
    }

    /// The same host again, without a crash.
    async fn start(&self, world: &World) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let _host = Peer::start(self.command(world, "serve").stderr(Stdio::null()))?;
        let mut client = Watching::start(&self.home.path().join("state")).await?;
        client.until(is_whole).await?;
        Ok(began.elapsed())
    }
}

/// Whether everything is there but the driver in quarantine.
fn is_whole(snapshot: &Snapshot) -> bool {
    let is_out = any(snapshot, |view| view.reason.as_ref().is_some_and(|reason| reason.code == "no-driver"));
    is_out && any(snapshot, |view| view.state == StateName::Connected) && job(snapshot).is_some()
}

fn job(snapshot: &Snapshot) -> Option<JobState> {
    snapshot.jobs.iter().find(|job| job.id == JOB).map(|job| job.state)
}

/// Longer than a host takes to be lost and found.
fn workflow() -> Value {
    json!({
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
        "2": {"class_type": "LabSlow", "inputs": {"image": ["1", 0], "steps": 40, "delay": 0.1, "preview": false}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mdd"}},
    })
}

/// The driver that does harm, built beside this program, with this harm at work.
fn hostile(harm: &str) -> anyhow::Result<Vec<u8>> {
    let name = format!("{}mdd_test_driver_hostile{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let file = env::current_exe()?.with_file_name(name);
    let mut bytes = fs::read(&file).with_context(|| file.display().to_string())?;
    for (slot, word) in [("harm=nothing.....................", harm), ("place=nowhere....................", "work")] {
        let (name, _) = slot.split_once('=').context("a slot has a name")?;
        let filled = format!("{:.<1$}", format!("{name}={word}"), slot.len());
        let at = bytes.windows(slot.len()).position(|window| window == slot.as_bytes()).context("the slot is there")?;
        bytes[at..at + slot.len()].copy_from_slice(filled.as_bytes());
    }
    Ok(bytes)
}

/// A service that answers every question with an empty object.
struct Door {
    url: String,
    last: Arc<Mutex<Option<Instant>>>,
    task: JoinHandle<()>,
}

impl Door {
    async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (url, last) = (format!("http://{}", listener.local_addr()?), Arc::default());
        let noted = Arc::clone(&last);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&noted)));
            }
        });
        Ok(Self { url, last, task })
    }

    /// When it has answered for the last time.
    fn last(&self) -> Option<Instant> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(stream: TcpStream, last: Arc<Mutex<Option<Instant>>>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while matches!(stream.read_line(&mut line).await, Ok(read) if read > 0) {
        if line == "\r\n" {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
        line.clear();
    }
}

/// A program at a bridge that knows what the host shows.
struct Bridge {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    snapshot: Option<Snapshot>,
    is_restarted: bool,
}

impl Bridge {
    fn start(command: std::process::Command) -> anyhow::Result<Self> {
        let mut command = Command::from(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let lines = BufReader::new(child.stdout.take().context("its output is a pipe")?).lines();
        Ok(Self { child, lines, snapshot: None, is_restarted: false })
    }

    async fn say(&mut self, method: &str, params: Value) -> anyhow::Result<()> {
        let line = json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params}).to_string() + "\n";
        Ok(self.child.stdin.as_mut().context("its input is a pipe")?.write_all(line.as_bytes()).await?)
    }

    /// When it is as wanted.
    async fn until(&mut self, wanted: impl Fn(&Self) -> bool) -> anyhow::Result<Instant> {
        while !wanted(self) {
            let line = timeout(SOON, self.lines.next_line()).await.context("it says nothing more")??;
            self.take(serde_json::from_str(&line.context("the bridge has ended")?)?)?;
        }
        Ok(Instant::now())
    }

    fn take(&mut self, said: Value) -> anyhow::Result<()> {
        ensure!(said.get("error").is_none(), "{said}");
        match said["method"].as_str() {
            Some("notice") => self.is_restarted |= said["params"]["text"].to_string().contains("started again"),
            Some("update") => match (serde_json::from_value(said["params"].clone())?, &mut self.snapshot) {
                (Update::Snapshot(snapshot), mine) => *mine = Some(*snapshot),
                (update, Some(mine)) => mine.apply(update),
                (_, None) => {}
            },
            _ => {}
        }
        Ok(())
    }
}
