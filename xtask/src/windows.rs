//! What is shipped, built for Windows on another system, and tried under Wine where that is installed.

use crate::simulator::Simulator;
use crate::{
    blender, debian,
    dist::{self, Installation},
    process, tool, workspace,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const TARGET: &str = "x86_64-pc-windows-gnu";
const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// Builds host, drivers and simulator without a warning, and packs them; under Wine the host must find its drivers and
/// a service.
pub fn check(installation: &Installation) -> Result<()> {
    require_target()?;
    if tool::on_path(COMPILER).is_none() {
        debian::install(&["gcc-mingw-w64-x86-64"])?;
    }
    let laid_out = lay_out(&build()?)?;
    blender::package_for("windows-x64", laid_out.path(), &workspace::root().join("target/windows/packages"))?;
    match wine() {
        Some(wine) => try_out(&wine, laid_out.path(), installation),
        None => {
            println!("There is no Wine on this machine: what was built was not run.");
            Ok(())
        }
    }
}

fn require_target() -> Result<()> {
    let mut rustc = Command::new("rustc");
    let folder =
        process::capture(rustc.current_dir(workspace::root()).args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    process::capture(Command::new("rustup").current_dir(workspace::root()).args(["target", "add", TARGET]))
        .map(drop)
        .map_err(|_| tool::Missing(format!("the toolchain has no standard library for {TARGET}")).into())
}

/// The folder with the programs and libraries.
fn build() -> Result<PathBuf> {
    let target = workspace::root().join("target/windows");
    let mut cargo = workspace::cargo();
    // A folder of its own, since the flags make every crate another one.
    cargo.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", "--deny warnings").env("CARGO_PROFILE_DEV_DEBUG", "0");
    // Nothing here is slow because of the journal, and to optimise it takes a while.
    cargo.args(["--config", "profile.dev.package.libsqlite3-sys.opt-level=0"]);
    cargo.args(["build", "--target", TARGET, "--package", "mdd-host", "--package", "mdd-sim"]);
    for driver in workspace::drivers()? {
        cargo.args(["--package", &driver.package]);
    }
    process::run(&mut cargo)?;
    Ok(target.join(TARGET).join("debug"))
}

fn wine() -> Option<PathBuf> {
    let debian = || Some(PathBuf::from("/usr/lib/wine/wine64")).filter(|program| program.is_file());
    tool::on_path("wine64").or_else(|| tool::on_path("wine")).or_else(debian)
}

/// As an installation, in a folder of its own.
fn lay_out(built: &Path) -> Result<TempDir> {
    let home = tempfile::tempdir()?;
    let (bin, plugins) = (home.path().join("bin"), home.path().join("plugins"));
    fs::create_dir_all(&bin)?;
    fs::create_dir_all(&plugins)?;
    dist::examples(&home.path().join(dist::EXAMPLES))?;
    for name in ["mdd-host.exe", "mdd-sim.exe"] {
        fs::copy(built.join(name), bin.join(name))?;
    }
    for driver in workspace::drivers()? {
        let name = format!("mdd_driver_{}.dll", driver.kind);
        fs::copy(built.join(&name), plugins.join(&name))?;
    }
    Ok(home)
}

fn try_out(wine: &Path, home: &Path, installation: &Installation) -> Result<()> {
    let (bin, drivers) = (home.join("bin"), workspace::drivers()?);
    let missing = workspace::root().join("tests/windows/bcryptprimitives.c");
    let library = bin.join("bcryptprimitives.dll");
    process::run(Command::new(COMPILER).args(["-shared", "-O1", "-o"]).arg(library).arg(missing).arg("-ladvapi32"))?;

    let host = |words: &[&str]| {
        let mut command = Command::new(wine);
        command.current_dir(home).env("WINEPREFIX", home.join("wine")).env("WINEDEBUG", "-all");
        command.arg(bin.join("mdd-host.exe")).args(words);
        process::capture(&mut command)
    };
    let version = host(&["--version"])?;
    ensure!(version.starts_with("mdd-host "), "it calls itself {version:?}");
    let listed: Value = serde_json::from_str(&host(&["drivers", "list", "--json", "--plugins", "plugins"])?)?;
    let listed = listed["drivers"].as_array().context("the drivers are a list")?;
    let active = listed.iter().filter(|driver| driver["status"] == "active").count();
    ensure!(active == drivers.len(), "of {} drivers {active} are active: {listed:?}", drivers.len());

    let service = Simulator::start(&installation.simulator, &["comfyui"])?;
    let backend = format!("comfyui={}", service.url);
    let status = host(&[
        "status",
        "--json",
        "--no-discovery",
        "--plugins",
        "plugins",
        "--state-dir",
        "state",
        "--backend",
        &backend,
    ])?;
    let status: Value = serde_json::from_str(&status)?;
    ensure!(status["backends"][0]["state"] == "connected", "the host did not reach the service: {status}");
    println!("Under Wine {active} drivers are active, and a service is connected.");
    Ok(())
}
