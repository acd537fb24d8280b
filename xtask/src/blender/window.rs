//! Blender as a program: with a window on an X server of its own, and an old one without.

use super::{bin, examples, folder};
use crate::{
    debian,
    dist::{self, Installation},
    process, python, rootfs, tool, workspace,
};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages around the newest Blender. Debian forgets the last two, without which its extensions do not work.
const NEWEST: &[&str] = &[
    "blender",
    "libgl1-mesa-dri",
    "libegl1",
    "imagemagick",
    "xdotool",
    "fonts-dejavu-core",
    "python3-cattr",
    "python3-requests",
];
const SCENES: &[&str] = &["empty", "services", "stall"];
/// The first service, and what it gets to do: ten seconds in fifty steps.
const FIRST: &str = "comfyui";
const PAYLOAD: &str = "blender_bridge/tests/window/payload.json";

/// Plays the scenes with the extension as users install it; pictures are kept in `target/blender`.
pub(super) fn play(installation: &Installation, package: &Path) -> Result<()> {
    let root = rootfs::ensure("blender", "sid", NEWEST)?;
    if tool::on_path("Xvfb").is_none() {
        debian::install(&["xvfb"])?;
    }
    for scene in SCENES {
        let mut rehearsal = Command::new(python::find("3.11")?.program);
        rehearsal.arg(folder().join("tests/window/rehearse.py")).arg("--root").arg(&root);
        rehearsal.arg("--package").arg(package).arg("--out").arg(out(installation)?.join(scene));
        rehearsal.args(["--first", FIRST, "--payload"]).arg(workspace::root().join(PAYLOAD)).arg(scene);
        rehearsal.env("MDD_TEST_BIN", bin(installation)?).env("MDD_TEST_PLUGINS", &installation.plugins);
        rehearsal.env("MDD_TEST_CACHE", tool::cache()?.join("shaders")).env("PYTHONDONTWRITEBYTECODE", "1");
        process::run(&mut rehearsal).with_context(|| format!("the scene {scene}"))?;
    }
    Ok(())
}

/// The tests in Blender 3.4.1, which has neither extensions nor the newer functions of layouts.
pub(super) fn run_legacy(installation: &Installation) -> Result<()> {
    let root = rootfs::ensure("blender", "bookworm", &["blender", "python3-pytest"])?;
    let mut enter = Command::new("sh");
    enter.arg(folder().join("tests/enter.sh")).arg(root);
    let mounts = [
        (folder(), "/mnt/bridge"),
        (bin(installation)?, "/mnt/bin"),
        (installation.plugins.clone(), "/mnt/plugins"),
        (examples(), "/mnt/examples"),
        (installation.root.join(dist::EXAMPLES), "/mnt/payloads"),
    ];
    enter.args(mounts.iter().map(|(from, to)| format!("{}:{to}", from.display())));
    enter.args(["--", "env", "PYTHONDONTWRITEBYTECODE=1", "MDD_TEST_BIN=/mnt/bin"]);
    enter.args(["MDD_TEST_PLUGINS=/mnt/plugins", "MDD_TEST_EXAMPLES=/mnt/examples", "MDD_TEST_PAYLOADS=/mnt/payloads"]);
    enter.args(["blender", "-b", "--factory-startup", "--python-exit-code", "1", "--python"]);
    enter.args(["/mnt/bridge/tests/headless/run_in_blender.py", "--"]);
    enter.args(["test_life.py", "test_panels.py", "test_files.py", "test_ends.py", "test_generate.py"]);
    process::run(&mut enter)
}

fn out(installation: &Installation) -> Result<PathBuf> {
    let target = installation.root.parent().context("an installation lies in the target folder")?;
    Ok(target.join("blender"))
}
