//! Programs that a lane needs: found on this machine, or installed at a pinned version into the user's cache folder.

use crate::{process, workspace};
use anyhow::{Context, Result};
use etcetera::BaseStrategy;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Something that a lane needs is not on this machine and could not be installed.
#[derive(Debug)]
pub struct Missing(pub String);

impl std::fmt::Display for Missing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// Our folder in the user's cache.
pub fn cache() -> Result<PathBuf> {
    let base = etcetera::choose_base_strategy().context("this user has no home folder")?;
    Ok(base.cache_dir().join("mdd-host"))
}

/// The first file of that name on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(&name)).find(|file| file.is_file())
}

/// The program `name` of the crate `name` at exactly `version`, built on first use.
///
/// Built without optimisation: the tool runs for seconds, its optimised build takes many minutes.
pub fn from_crate(name: &str, version: &str) -> Result<PathBuf> {
    let folder = cache()?.join("tools").join(format!("{name}-{version}"));
    let program = folder.join("bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    once(&folder, || {
        eprintln!("building {name} {version}, once");
        let mut cargo = workspace::cargo();
        cargo.args(["install", "--quiet", "--locked", "--debug", "--version", version, name, "--root"]).arg(&folder);
        // The tool is no part of this workspace: neither its target folder nor its build settings concern it.
        cargo.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS").current_dir(&folder);
        process::run(&mut cargo)
            .map_err(|error| Missing(format!("{name} {version} cannot be installed: {error}")).into())
    })?;
    Ok(program)
}

/// Fills `folder` with `fill` unless an earlier call did, in this process or in another one.
///
/// The folder is filled in place and marked as complete at the end, since neither a Python environment nor a
/// program knows how to be renamed. What an interrupted call left behind is thrown away by the next.
pub fn once(folder: &Path, fill: impl FnOnce() -> Result<()>) -> Result<()> {
    let parent = folder.parent().context("a cache folder has a parent")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let lock = File::create(beside(folder, ".lock"))?;
    lock.lock().with_context(|| format!("cannot lock {}", folder.display()))?;
    let mark = folder.join(".complete");
    if mark.is_file() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir(folder)?;
    fill()?;
    File::create(mark)?;
    Ok(())
}

fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or(OsStr::new("cache")).to_owned();
    name.push(suffix);
    folder.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_filled_once_and_again_after_a_failure() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("thing-1.2");
        let failed = once(&folder, || {
            fs::write(folder.join("half"), "")?;
            anyhow::bail!("interrupted")
        });
        assert!(failed.is_err());

        let fill = || fs::write(folder.join("whole"), "").map_err(Into::into);
        once(&folder, fill).unwrap();
        assert!(folder.join("whole").is_file() && !folder.join("half").exists());

        once(&folder, || panic!("filled twice")).unwrap();
    }
}
