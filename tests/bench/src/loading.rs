//! What it takes until a driver is in use, and what many of them take: P11c, P11d and P11e.

use crate::{
    figures::{Times, short},
    goals::{Measured, Verdict},
    peer::Peer,
    process::Use,
    watching::connected,
    world::{ROUNDS, SOON, World, away},
};
use anyhow::{Context as _, ensure};
use mdd_core::rpc::{Client, Drivers, Nothing};
use std::{
    env::consts::DLL_EXTENSION,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::time::sleep;

/// The driver that is multiplied.
const KIND: &str = "ollama";
const MANY: [u8; 3] = [5, 20, 50];

/// A host away from all drivers but those of its plugins folder.
struct Scene {
    /// One file for all of a scene: the trials that are known are those of this one.
    program: PathBuf,
    plugins: TempDir,
    home: TempDir,
    _alone: TempDir,
}

impl Scene {
    fn new(world: &World) -> anyhow::Result<Self> {
        let alone = tempfile::tempdir()?;
        let program = world.copy_alone(alone.path())?;
        Ok(Self { program, plugins: tempfile::tempdir()?, home: tempfile::tempdir()?, _alone: alone })
    }

    fn command(&self, plugins: &Path) -> Command {
        let mut command = away(&self.program, self.home.path());
        command.args(["--no-discovery", "--plugins"]).arg(plugins);
        command
    }

    fn serve(&self) -> anyhow::Result<Peer> {
        Peer::start(self.command(self.plugins.path()).arg("serve").stderr(Stdio::null()))
    }

    /// A host that only opens drivers and ends.
    fn list(&self, plugins: &Path) -> anyhow::Result<Duration> {
        let mut command = self.command(plugins);
        let began = Instant::now();
        let output = command.args(["drivers", "list"]).output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(began.elapsed())
    }

    async fn client(&self) -> anyhow::Result<Client> {
        connected(&self.home.path().join("state")).await
    }

    /// Puts another driver into the folder in one step.
    fn drop_in(&self, number: u8, bytes: &[u8]) -> anyhow::Result<()> {
        let beside = self.plugins.path().join(".part");
        fs::write(&beside, bytes)?;
        fs::rename(beside, self.plugins.path().join(format!("{number}.{DLL_EXTENSION}")))?;
        Ok(())
    }
}

/// The same driver for another kind, so that it is another file.
fn variant(bytes: &[u8], number: u8) -> Vec<u8> {
    let other = format!("{}{number:02}", &KIND[..KIND.len() - 2]);
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(KIND.len() + 2) {
        let end = at + 1 + KIND.len();
        // The manifest, and the codes in it.
        if bytes[at] == b'"' && bytes[at + 1..end] == *KIND.as_bytes() && matches!(bytes[end], b'"' | b'.') {
            bytes[at + 1..end].copy_from_slice(other.as_bytes());
        }
    }
    bytes
}

/// Waits until so many drivers are in use.
async fn until_active(client: &mut Client, wanted: u8) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let list: Drivers = client.call("drivers.list", &Nothing {}).await?;
        if list.drivers.iter().filter(|driver| driver.status == "active").count() == usize::from(wanted) {
            return Ok(());
        }
        ensure!(began.elapsed() < SOON, "{list:#?}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// From a file in the folder to a driver in use.
pub(crate) async fn drop_in(world: &World) -> anyhow::Result<Measured> {
    let (scene, bytes) = (Scene::new(world)?, fs::read(world.driver(KIND))?);
    let _host = scene.serve()?;
    let mut client = scene.client().await?;
    let mut times = Times::default();
    for number in 0..ROUNDS as u8 {
        let bytes = variant(&bytes, number);
        let began = Instant::now();
        scene.drop_in(number, &bytes)?;
        until_active(&mut client, number + 1).await?;
        times.add(began.elapsed());
    }
    Ok(Measured {
        ours: times.told(),
        beside: "200 ms of these are waited for the file to be at rest".to_owned(),
        ratio: None,
        verdict: Verdict::of(times.at(100) <= Duration::from_secs(1)),
    })
}

/// The trial of a driver that is new, and the load of one whose trial is known.
pub(crate) async fn trial(world: &World) -> anyhow::Result<Measured> {
    const LOADED: u8 = 20;
    let scene = Scene::new(world)?;
    let mut told = Vec::new();
    for (kind, _) in world.drivers()? {
        let (file, mut times) = (world.driver(&kind), Times::default());
        for _ in 0..ROUNDS {
            let mut command = scene.command(scene.plugins.path());
            let began = Instant::now();
            let vet = command.args(["drivers", "vet"]).stdin(File::open(&file)?).output()?;
            times.add(began.elapsed());
            ensure!(String::from_utf8_lossy(&vet.stdout).contains("good"), "{vet:?}");
        }
        told.push(format!("{kind} {}", short(times.p50())));
    }
    let bytes = fs::read(world.driver(KIND))?;
    (0..LOADED).try_for_each(|number| scene.drop_in(number, &variant(&bytes, number)))?;
    let empty = tempfile::tempdir()?;
    scene.list(scene.plugins.path())?;
    let mut loads = Times::default();
    for _ in 0..ROUNDS {
        let with = scene.list(scene.plugins.path())?;
        loads.add(with.saturating_sub(scene.list(empty.path())?) / u32::from(LOADED));
    }
    Ok(Measured {
        ours: format!("trials {} p50; a load {}", told.join(", "), loads.told()),
        beside: "a trial is once for each content and host".to_owned(),
        ratio: None,
        verdict: Verdict::of(loads.p50() <= Duration::from_millis(4)),
    })
}

/// A host with many drivers and no service.
pub(crate) async fn many(world: &World) -> anyhow::Result<Measured> {
    let bytes = fs::read(world.driver(KIND))?;
    let (mut memory, mut starts) = (Vec::new(), Vec::new());
    for count in [0].into_iter().chain(MANY) {
        let scene = Scene::new(world)?;
        (0..count).try_for_each(|number| scene.drop_in(number, &variant(&bytes, number)))?;
        scene.list(scene.plugins.path())?;
        let mut times = Times::default();
        for _ in 0..ROUNDS {
            times.add(scene.list(scene.plugins.path())?);
        }
        starts.push(times.p50());
        let host = scene.serve()?;
        until_active(&mut scene.client().await?, count).await?;
        memory.push(Use::of(host.pid())?.resident_kib);
    }
    let (none, most) = (memory[0], memory.last().copied().context("something was measured")?);
    let each = most.saturating_sub(none) / u64::from(MANY[MANY.len() - 1]);
    let all = starts[starts.len() - 1].saturating_sub(starts[0]);
    let told = |kib: &u64| format!("{:.1}", *kib as f64 / 1000.0);
    let memory: Vec<String> = memory.iter().map(told).collect();
    Ok(Measured {
        ours: format!("{} MB, {each} kB for each; fifty are loaded in {}", memory.join(", "), short(all)),
        beside: "-".to_owned(),
        ratio: None,
        verdict: Verdict::of(each <= 450 && all <= Duration::from_millis(200)),
    })
}
