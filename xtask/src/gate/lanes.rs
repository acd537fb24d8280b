//! The lanes, cheapest first: what is quickly wrong is quickly said.

use super::{Lane, provoked};
use crate::simulator::Simulator;
use crate::{blender, debian, demo, dist, process, tidy, tool, venv, workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) const LANES: &[Lane] = &[
    lane("format", "rustfmt has nothing to change", format),
    lane("tidy", "the rules of this repository that no linter knows", tidy::check),
    lane("ruff", "Python files are formatted and clean", ruff),
    lane("deny", "licences, banned crates and sources of every dependency", deny),
    lane("advisories", "no dependency has a known vulnerability", advisories),
    lane("clippy", "no warning in any target", clippy),
    lane("doc", "the documentation builds and its links lead somewhere", doc),
    lane("dist", "host and drivers build and lay out as an installation", lay_out),
    lane("venvs", "the pinned Python environments of the tests install", venvs),
    lane("test", "unit and integration tests", test),
    lane("provoked", "every code and every step of a connection was seen by the test named for it", provoked::check),
    lane("interleavings", "shared cells in every order in which threads can run", interleavings),
    lane("address-sanitizer", "drivers opened and refused fifty times with every access checked", address_sanitizer),
    lane("miri", "the boundary's own code under an interpreter that checks every access", miri),
    lane("disk", "no job is acknowledged before it is durable, and a disk that fails costs none", disk),
    lane("avahi", "what a real Avahi on another machine announces is found", avahi),
    lane("nightly-driver", "a driver of another compiler with shuffled layouts is good", nightly_driver),
    by_name(
        "windows",
        "host and drivers build for Windows and are packed, and run under Wine where there is one",
        windows,
    ),
    lane("doctest", "the examples in the documentation run", doctest),
    lane("comfyui-client", "comfy-cli drives the simulator", comfyui_client),
    lane(
        "blender-parts",
        "the extension's modules without Blender are typed and work on the oldest Python",
        blender_parts,
    ),
    lane("blender", "the extension works in real Blenders without a window", blender_headless),
    lane("blender-legacy", "the add-on works in Blender 3.4.1", blender_legacy),
    lane(
        "blender-packages",
        "the extension installs from its package, as Blender's own tools see it",
        blender_packages,
    ),
    lane(
        "blender-window",
        "the extension works in the newest Blender with a window, and is never felt",
        blender_window,
    ),
    lane("demo", "each state of the demo is really seen", demonstrate),
];

const fn lane(name: &'static str, about: &'static str, run: fn() -> Result<()>) -> Lane {
    Lane { name, about, in_whole: true, run }
}

/// For one that takes more than its place in the whole is worth.
const fn by_name(name: &'static str, about: &'static str, run: fn() -> Result<()>) -> Lane {
    Lane { name, about, in_whole: false, run }
}

/// The profile of everything the gate builds.
const PROFILE: &str = "dev";

fn format() -> Result<()> {
    process::run(workspace::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    process::run(workspace::cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

fn ruff() -> Result<()> {
    let python = venv::ensure("ruff")?;
    let ruff = |words: &[&str]| {
        process::run(Command::new(&python).current_dir(workspace::root()).args(["-I", "-m", "ruff"]).args(words))
    };
    ruff(&["format", "--check", "."])?;
    ruff(&["check", "."])
}

fn deny() -> Result<()> {
    // It looks at the crates of every platform; the builds of this machine fetch only their own.
    process::run(workspace::cargo().args(["fetch", "--locked"]))?;
    process::run(cargo_deny()?.args(["--offline", "check", "licenses", "bans", "sources"]))
}

fn advisories() -> Result<()> {
    process::capture(cargo_deny()?.args(["fetch", "db"]))
        .map_err(|_| tool::Missing("the advisory database cannot be fetched".into()))?;
    process::run(cargo_deny()?.args(["--offline", "check", "advisories"]))
}

fn cargo_deny() -> Result<Command> {
    let mut command = Command::new(tool::from_crate("cargo-deny", "0.20.2")?);
    command.current_dir(workspace::root()).arg("--workspace");
    Ok(command)
}

fn lay_out() -> Result<()> {
    let installation = dist::lay_out(PROFILE)?;
    println!("laid out {}", installation.root.display());
    Ok(())
}

fn venvs() -> Result<()> {
    venv::names().try_for_each(|name| venv::ensure(name).map(|_| ()))
}

fn test() -> Result<()> {
    let mut cargo = workspace::cargo();
    if tool::on_path("cargo-nextest").is_some() {
        cargo.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        cargo.args(["test", "--no-fail-fast", "--all-targets"]);
    }
    process::run(cargo.arg("--workspace"))
}

fn interleavings() -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["rustc", "--package", "mdd-core", "--lib", "--profile", "test", "--message-format", "json"]);
    // Of one crate only: the crates that it needs are those of every other lane.
    let messages = process::capture(cargo.args(["--", "--cfg", "mdd_shuttle"]))?;
    process::run(
        Command::new(test_program(&messages)?).current_dir(workspace::root().join("core")).arg("interleavings"),
    )
}

/// The program among what cargo says that it built.
fn test_program(messages: &str) -> Result<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut programs = messages.filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)));
    programs.next().context("cargo built no program")
}

fn address_sanitizer() -> Result<()> {
    let target = process::capture(workspace::cargo().args(["-vV"]))?;
    let target = target.lines().find_map(|line| line.strip_prefix("host: ")).context("cargo names its platform")?;
    let library =
        process::capture(Command::new("rustc").current_dir(workspace::root()).args(["--print", "target-libdir"]))?;
    let has_runtime = |name: &std::ffi::OsStr| name.to_string_lossy().contains("rt.asan");
    if !std::fs::read_dir(library.trim())?.flatten().any(|file| has_runtime(&file.file_name())) {
        return Err(tool::Missing("this toolchain has no runtime of AddressSanitizer".into()).into());
    }
    let mut cargo = workspace::cargo();
    cargo.env("CARGO_TARGET_DIR", workspace::root().join("target/address-sanitizer"));
    // Given a platform, cargo leaves build scripts and macros as they are.
    cargo.env("CARGO_BUILD_TARGET", target);
    // Sanitizers are not stable; drivers take the runtime's symbols from the program that loads them.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address -Clink-arg=-rdynamic");
    // Each cycle hashes the whole file, so it has to be small.
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_DEV_STRIP", "symbols");
    // Loaded drivers and their log handles are kept on purpose for the life of the process.
    cargo.env("ASAN_OPTIONS", "detect_leaks=0").env("MDD_LOAD_CYCLES", "50");
    process::run(cargo.args(["test", "--package", "mdd-tests", "--test", "cycles"]))
}

fn miri() -> Result<()> {
    process::capture(Command::new("cargo").args(["+nightly", "miri", "--version"]))
        .map_err(|_| tool::Missing("there is no nightly toolchain with miri".into()))?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace::root()).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    cargo.env("CARGO_TARGET_DIR", workspace::root().join("target/miri"));
    // Layout checks read type names through pointers that leave their provenance behind.
    cargo.env("MIRIFLAGS", "-Zmiri-permissive-provenance -Zmiri-ignore-leaks");
    process::run(cargo.args(["+nightly", "miri", "test", "--package", "mdd-driver-api", "--lib"]))
}

fn disk() -> Result<()> {
    if tool::on_path("strace").is_none() {
        debian::install(&["strace"])?;
    }
    process::capture(Command::new("strace").args(["-o", "/dev/null", "true"]))
        .map_err(|_| tool::Missing("strace may not look at processes here".into()))?;
    process::run(workspace::cargo().args(["run", "--package", "mdd-tests", "--example", "disk"]))
}

fn avahi() -> Result<()> {
    for tool in ["ip", "nsenter", "unshare"] {
        tool::on_path(tool).ok_or_else(|| tool::Missing(format!("there is no {tool}")))?;
    }
    let mut namespaces = Command::new("unshare");
    // Whoever is root has no need to become it.
    if process::capture(Command::new("id").arg("-u"))?.trim() != "0" {
        namespaces.args(["--map-root-user", "--map-auto"]);
    }
    process::capture(namespaces.args(["--net", "--mount", "ip", "link", "add", "type", "veth"]))
        .map_err(|_| tool::Missing("this machine makes no namespaces".into()))?;
    debian::unpacked("avahi-daemon")?;
    process::run(workspace::cargo().args(["run", "--package", "mdd-tests", "--example", "avahi"]))
}

fn nightly_driver() -> Result<()> {
    process::capture(Command::new("cargo").args(["+nightly", "--version"]))
        .map_err(|_| tool::Missing("there is no nightly toolchain".into()))?;
    let installation = dist::lay_out(PROFILE)?;
    let target = workspace::root().join("target/nightly-driver");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace::root()).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    cargo.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", "-Zrandomize-layout");
    process::run(cargo.args(["+nightly", "build", "--package", "mdd-driver-template"]))?;
    let library = format!("{}mdd_driver_template{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let state = tempfile::tempdir()?;
    let mut check = Command::new(&installation.host);
    check.args(["drivers", "check"]).arg(target.join("debug").join(library)).arg("--state-dir").arg(state.path());
    process::run(&mut check)
}

fn windows() -> Result<()> {
    crate::windows::check(&dist::lay_out(PROFILE)?)
}

fn doc() -> Result<()> {
    let mut cargo = workspace::cargo();
    process::run(cargo.env("RUSTDOCFLAGS", "--deny warnings").args(["doc", "--workspace", "--no-deps"]))
}

fn doctest() -> Result<()> {
    process::run(workspace::cargo().args(["test", "--doc", "--workspace"]))
}

fn comfyui_client() -> Result<()> {
    let installation = dist::lay_out(PROFILE)?;
    let python = venv::ensure("comfyui-client")?;
    for version in ["0.3.64", "0.33.0"] {
        let simulator = Simulator::start(&installation.simulator, &["comfyui", "--version", version])?;
        run_client(&python, &simulator.url, version).with_context(|| format!("against ComfyUI {version}"))?;
    }
    Ok(())
}

fn run_client(python: &Path, url: &str, version: &str) -> Result<()> {
    let workflow = format!("tests/fixtures/comfyui-{version}/workflow_emptyimage.json");
    let mut command = Command::new(python);
    command.current_dir(workspace::root()).arg("tests/real/run_comfyui_client.py").arg(url).arg(workflow);
    process::run(&mut command)
}

fn blender_parts() -> Result<()> {
    blender::check_parts(&dist::lay_out(PROFILE)?)
}

fn blender_headless() -> Result<()> {
    blender::run_headless(&dist::lay_out(PROFILE)?)
}

fn blender_legacy() -> Result<()> {
    blender::run_legacy(&dist::lay_out(PROFILE)?)
}

fn blender_packages() -> Result<()> {
    blender::check_packages(&dist::lay_out(PROFILE)?)
}

fn blender_window() -> Result<()> {
    blender::play_scenes(&dist::lay_out(PROFILE)?)
}

fn demonstrate() -> Result<()> {
    demo::run(true)
}
