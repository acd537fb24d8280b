//! The layout of an installation: `target/dist/bin` and `target/dist/plugins`.

use crate::process;
use crate::workspace::{self, Driver};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What [`lay_out`] made.
#[derive(Debug)]
pub struct Installation {
    /// The folder that holds everything.
    pub root: PathBuf,
    /// The host.
    pub host: PathBuf,
    /// The simulator of services; no installation of a user has it.
    pub simulator: PathBuf,
    /// The folder of drivers.
    pub plugins: PathBuf,
}

/// Builds host, drivers and simulator with a cargo profile and lays them out in the target folder.
///
/// Files are replaced by renaming, so that a running host keeps the ones it has open. Drivers that no longer exist
/// are removed.
pub fn lay_out(profile: &str) -> Result<Installation> {
    let drivers = workspace::drivers()?;
    let built = build(profile, &drivers)?;
    let root = target_folder()?.join("dist");
    let (bin, plugins) = (root.join("bin"), root.join("plugins"));
    fs::create_dir_all(&bin)?;
    fs::create_dir_all(&plugins)?;

    let mut kept = BTreeSet::new();
    for driver in &drivers {
        let name = format!("{DLL_PREFIX}mdd_driver_{}{DLL_SUFFIX}", driver.kind);
        let library = built.file(&driver.manifest, "cdylib").with_context(|| {
            format!("{} builds no cdylib: a driver's Cargo.toml says crate-type = [\"cdylib\"]", driver.package)
        })?;
        replace(library, &plugins.join(&name))?;
        kept.insert(OsString::from(name));
    }
    for entry in fs::read_dir(&plugins)? {
        let entry = entry?;
        if !kept.contains(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }

    let program = |folder: &str, name: &str| -> Result<PathBuf> {
        let manifest = workspace::root().join(folder).join("Cargo.toml");
        let place = bin.join(format!("{name}{EXE_SUFFIX}"));
        replace(built.file(&manifest, "bin").with_context(|| format!("{folder} builds no program"))?, &place)?;
        Ok(place)
    };
    let host = program("host-cli", "mdd-host")?;
    share(&host, &root.join("share"))?;
    examples(&root.join(EXAMPLES))?;
    Ok(Installation { host, simulator: program("tests/sim", "mdd-sim")?, root, plugins })
}

/// Where an installation has a payload for each kind.
pub const EXAMPLES: &str = "share/examples";

/// A payload for each kind whose driver has one.
///
/// # Errors
/// When a file cannot be read or written.
pub fn examples(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for driver in workspace::drivers()? {
        let example = driver.manifest.with_file_name("example.json");
        if example.exists() {
            fs::copy(&example, folder.join(driver.kind).with_extension("json"))?;
        }
    }
    Ok(())
}

/// Manual pages and what completes commands, where systems look for them below a prefix.
fn share(host: &Path, folder: &Path) -> Result<()> {
    const COMPLETIONS: [(&str, &str); 3] = [
        ("bash", "bash-completion/completions/mdd-host"),
        ("zsh", "zsh/site-functions/_mdd-host"),
        ("fish", "fish/vendor_completions.d/mdd-host.fish"),
    ];
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    process::run(Command::new(host).arg("man").arg(folder.join("man/man1")))?;
    for (shell, name) in COMPLETIONS {
        let script = process::capture(Command::new(host).args(["completions", shell]))?;
        let file = folder.join(name);
        fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
        fs::write(file, script)?;
    }
    Ok(())
}

/// Cargo's account of one target that it built.
#[derive(Deserialize)]
struct Artifact {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

struct Built(Vec<Artifact>);

impl Built {
    /// The file that the package with this manifest built as a target of this kind.
    fn file(&self, manifest: &Path, kind: &str) -> Option<&Path> {
        let suffix = if kind == "bin" { EXE_SUFFIX } else { DLL_SUFFIX };
        let artifacts = self.0.iter().filter(|artifact| artifact.manifest_path == manifest);
        let artifact = artifacts.into_iter().find(|artifact| {
            artifact.target.as_ref().is_some_and(|target| target.kind.iter().any(|built| built == kind))
        })?;
        artifact.filenames.iter().map(PathBuf::as_path).find(|file| file.to_string_lossy().ends_with(suffix))
    }
}

fn build(profile: &str, drivers: &[Driver]) -> Result<Built> {
    let drivers: Vec<&str> = drivers.iter().map(|driver| driver.package.as_str()).collect();
    let packages = [&["mdd-host", "mdd-sim"], &drivers[..]].concat();
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--profile", profile, "--message-format", "json-render-diagnostics"]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the {profile} build failed");
    }
    let lines = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Artifact>();
    let artifacts = lines.collect::<Result<Vec<_>, _>>().context("cannot read what cargo built")?;
    Ok(Built(artifacts.into_iter().filter(|artifact| artifact.reason == "compiler-artifact").collect()))
}

fn target_folder() -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }
    let mut cargo = workspace::cargo();
    let text = process::capture(cargo.args(["metadata", "--no-deps", "--format-version", "1"]))?;
    Ok(serde_json::from_str::<Metadata>(&text)?.target_directory)
}

fn replace(from: &Path, to: &Path) -> Result<()> {
    let beside = to.with_extension("new");
    fs::copy(from, &beside)
        .and_then(|_| fs::rename(&beside, to))
        .with_context(|| format!("cannot write {}", to.display()))
}
