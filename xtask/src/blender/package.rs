//! What users install: made by a script that stands beside the extension, as it is about Blender's formats.

use super::{blender, folder};
use crate::{dist::Installation, process, python};
use anyhow::{Context, Result, bail};
use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the packages of this platform from an installation, and returns the folder that they are in.
pub fn make(installation: &Installation) -> Result<PathBuf> {
    let out = installation.root.join("packages");
    run(&platform()?, &installation.root, &out, &[])?;
    Ok(out)
}

/// The same for another platform, from a folder with `bin` and `plugins`.
pub fn make_for(platform: &str, root: &Path, out: &Path) -> Result<()> {
    run(platform, root, out, &[])
}

/// The same from programs that were built for debugging, with what is for debugging left out.
pub(super) fn make_for_tests(installation: &Installation) -> Result<PathBuf> {
    let out = installation.root.join("packages-for-tests");
    run(&platform()?, &installation.root, &out, &["--strip"])?;
    Ok(out)
}

fn run(platform: &str, root: &Path, out: &Path, options: &[&str]) -> Result<()> {
    let mut script = Command::new(python::find("3.11")?.program);
    script.arg(folder().join("package.py")).args(["--platform", platform]).args(options);
    process::run(script.arg("--installation").arg(root).arg("--out").arg(out))
}

/// The extension among the packages.
pub(super) fn extension(packages: &Path) -> Result<PathBuf> {
    let end = format!("-{}.zip", platform()?);
    let files = std::fs::read_dir(packages)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let named = |file: &&PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("movie_director-") && !name.contains("addon") && name.ends_with(&end)
    };
    files.iter().find(named).cloned().with_context(|| format!("{} has no extension", packages.display()))
}

/// Lets Blender's own tool judge the package, and its own index be compared with ours.
pub(super) fn check(packages: &Path) -> Result<()> {
    let python = blender("5.2")?;
    let found = process::capture(Command::new(&python).args(["-I", "-c", FIND_TOOL]))?;
    let tool = |words: &[&str]| {
        let mut command = Command::new(&python);
        command.arg(found.trim()).args(words);
        command
    };
    let extension = extension(packages)?;
    process::run(tool(&["validate"]).arg(&extension))?;
    let beside = tempfile::tempdir()?;
    std::fs::copy(&extension, beside.path().join(extension.file_name().context("a package has a name")?))?;
    process::run(tool(&["server-generate", "--repo-dir"]).arg(beside.path()))?;
    let read = |folder: &Path| -> Result<serde_json::Value> {
        Ok(serde_json::from_str(&std::fs::read_to_string(folder.join("index.json"))?)?)
    };
    let (ours, theirs) = (read(packages)?, read(beside.path())?);
    if ours["data"] != theirs["data"] {
        bail!("our index says {:#}, Blender's own {:#}", ours["data"], theirs["data"]);
    }
    Ok(())
}

const FIND_TOOL: &str = "import pathlib, sysconfig; packages = pathlib.Path(sysconfig.get_path('purelib')); \
    print(next(packages.glob('bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py')))";

/// As Blender calls it.
fn platform() -> Result<String> {
    let machine = match ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("there are no packages for {other}"),
    };
    Ok(format!("{OS}-{machine}"))
}
