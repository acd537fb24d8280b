//! Python interpreters, found by their version.

use crate::{debian, process, tool};
use anyhow::Result;
use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An interpreter that runs and can make environments.
#[derive(Debug)]
pub struct Python {
    /// The program itself, not a shim of a version manager.
    pub program: PathBuf,
    /// Its full version, such as `3.11.7`.
    pub version: String,
}

/// The interpreter of `series`, such as `3.11`: by name, then from pyenv, then installed from Debian.
pub fn find(series: &str) -> Result<Python> {
    let name = format!("python{series}");
    let present = || candidates(&name, series).iter().find_map(|program| ask(program, series));
    if let Some(python) = present() {
        return Ok(python);
    }
    debian::install(&[&name, &format!("{name}-venv")])?;
    present().ok_or_else(|| tool::Missing(format!("{name} was installed but does not run")).into())
}

/// Programs that may be that interpreter, most likely first. The newest patch release of pyenv's comes first.
fn candidates(name: &str, series: &str) -> Vec<PathBuf> {
    let mut programs: Vec<PathBuf> = tool::on_path(name).into_iter().collect();
    let pyenv =
        std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".pyenv")));
    let versions = pyenv.and_then(|folder| fs::read_dir(folder.join("versions")).ok()).into_iter().flatten().flatten();
    let mut installed: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let patch = entry.file_name().to_str()?.strip_prefix(series)?.strip_prefix('.')?.parse().ok()?;
            Some((patch, entry.path().join("bin").join(name)))
        })
        .collect();
    installed.sort_by_key(|(patch, _)| Reverse(*patch));
    programs.extend(installed.into_iter().map(|(_, program)| program));
    programs.push(Path::new("/usr/bin").join(name));
    programs
}

/// What the program says about itself, unless it is a shim without an interpreter or lacks what `venv` needs.
fn ask(program: &Path, series: &str) -> Option<Python> {
    const QUESTION: &str =
        "import ensurepip, platform, sys, venv; print(sys.executable, platform.python_version(), sep='\\n')";
    let answer = process::capture(Command::new(program).args(["-I", "-c", QUESTION])).ok()?;
    let (program, version) = answer.trim().split_once('\n')?;
    let python = Python { program: program.into(), version: version.trim().into() };
    python.version.strip_prefix(series)?.starts_with('.').then_some(python)
}
