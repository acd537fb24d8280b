//! What the measurements use: the shipped host and drivers, simulated services, and the interpreters of the peers.

use crate::Arguments;
use anyhow::Context as _;
use mdd_core::{
    Host,
    endpoint::Endpoint,
    events::{BackendView, Origin, Snapshot, StateName},
    settings::{Environment, Named, Settings},
};
use mdd_sim::Sim;
use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

/// Nothing that works takes longer.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// Pairs of a peer and ours.
pub(crate) const ROUNDS: usize = 15;
/// The five services: what the simulator calls them, and the kind of the driver.
pub(crate) const FIVE: [(&str, &str); 5] = [
    ("comfyui", "comfyui"),
    ("litellm", "litellm"),
    ("wan2gp", "wan2gp"),
    ("rvc-python", "rvc"),
    ("audioldm", "audioldm"),
];

pub(crate) struct World {
    installation: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) gradio: PathBuf,
    pub(crate) root: PathBuf,
}

impl World {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let Arguments { installation, python, gradio, root, .. } = arguments;
        Self { installation: installation.clone(), python: python.clone(), gradio: gradio.clone(), root: root.clone() }
    }

    /// A shipped program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.installation.join("bin").join(format!("{name}{EXE_SUFFIX}"))
    }

    /// A shipped driver.
    pub(crate) fn driver(&self, kind: &str) -> PathBuf {
        self.installation.join("plugins").join(format!("{DLL_PREFIX}mdd_driver_{kind}{DLL_SUFFIX}"))
    }

    /// A plugins folder with the drivers of these kinds.
    pub(crate) fn plugins(&self, kinds: &[&str]) -> anyhow::Result<TempDir> {
        let folder = tempfile::tempdir()?;
        for kind in kinds {
            let file = self.driver(kind);
            let name = file.file_name().context("a driver has a name")?;
            fs::copy(&file, folder.path().join(name)).with_context(|| file.display().to_string())?;
        }
        Ok(folder)
    }

    /// The drivers of the five services.
    pub(crate) fn five_drivers(&self) -> anyhow::Result<TempDir> {
        self.plugins(&FIVE.map(|(_, kind)| kind))
    }

    /// The shipped drivers, by file, with their bytes.
    pub(crate) fn drivers(&self) -> anyhow::Result<Vec<(String, u64)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.installation.join("plugins"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = name.trim_end_matches(DLL_SUFFIX).trim_start_matches(DLL_PREFIX);
            all.push((name.trim_start_matches("mdd_driver_").to_owned(), entry.metadata()?.len()));
        }
        all.sort();
        Ok(all)
    }

    /// The shipped host with the drivers beside it, away from whatever the user has.
    pub(crate) fn command(&self, home: &Path) -> Command {
        away(&self.program("mdd-host"), home)
    }

    /// The same in a folder without drivers.
    pub(crate) fn command_without_drivers(&self, home: &Path, folder: &Path) -> anyhow::Result<Command> {
        Ok(away(&self.copy_alone(folder)?, home))
    }

    /// A copy of the shipped host in a folder without drivers.
    pub(crate) fn copy_alone(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let program = folder.join(format!("mdd-host{EXE_SUFFIX}"));
        fs::copy(self.program("mdd-host"), &program)?;
        Ok(program)
    }

    /// A program of the peers.
    pub(crate) fn peer(&self, script: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.root.join("tests/bench/peers").join(script));
        command
    }
}

/// A program away from whatever the user has.
pub(crate) fn away(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home).env("MDD_STATE_DIR", home.join("state"));
    command
}

/// The five services, simulated within this process.
pub(crate) async fn five() -> anyhow::Result<Vec<(&'static str, Sim)>> {
    let mut all = Vec::new();
    for (simulated, kind) in FIVE {
        all.push((kind, Sim::start(simulated).await?));
    }
    Ok(all)
}

/// Options of the program for services.
pub(crate) fn named(services: &[(&'static str, Sim)]) -> Vec<String> {
    services.iter().flat_map(|(kind, sim)| ["--backend".to_owned(), format!("{kind}={}", sim.url())]).collect()
}

/// What a host within this process is told.
pub(crate) fn settings(
    plugins: &Path,
    state: &Path,
    backends: &[(&str, String)],
    discovery: bool,
) -> anyhow::Result<Settings> {
    let named = |(kind, url): &(&str, String)| -> anyhow::Result<Named> {
        Ok(Named { kind: (*kind).to_owned(), endpoint: Endpoint::parse(url)?, origin: Origin::Flag })
    };
    Ok(Settings {
        plugins: vec![plugins.to_owned()],
        state_folder: state.to_owned(),
        config_file: None,
        backends: backends.iter().map(named).collect::<anyhow::Result<_>>()?,
        discovery,
        environment: Environment::default(),
    })
}

/// A host within this process, which keeps no jobs.
pub(crate) fn host(plugins: &Path, state: &Path, backends: &[(&str, String)], discovery: bool) -> anyhow::Result<Host> {
    Ok(Host::start(settings(plugins, state, backends, discovery)?)?)
}

/// Resolves once the snapshot is as wanted.
pub(crate) async fn until(host: &Host, wanted: impl Fn(&Snapshot) -> bool) -> anyhow::Result<()> {
    let mut changes = host.changes();
    let waiting = async {
        while !wanted(&host.snapshot()) {
            changes.next().await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.with_context(|| format!("{:#?}", host.snapshot()))
}

/// Whether a backend is as wanted.
pub(crate) fn any(snapshot: &Snapshot, wanted: impl Fn(&BackendView) -> bool) -> bool {
    snapshot.backends.iter().any(wanted)
}

/// Whether the service at this address is connected.
pub(crate) fn is_connected(snapshot: &Snapshot, url: &str) -> bool {
    let is_there =
        |view: &BackendView| view.endpoint.as_deref().is_some_and(|place| place.trim_end_matches('/') == url);
    any(snapshot, |view| view.state == StateName::Connected && is_there(view))
}
