//! What this repository holds: its root, its drivers, its files.

use crate::process;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One folder below `drivers/` that declares a kind of backend.
#[derive(Debug, Clone)]
pub struct Driver {
    /// The kind, from its `manifest.json`.
    pub kind: String,
    /// Name of its package.
    pub package: String,
    /// Its `Cargo.toml`.
    pub manifest: PathBuf,
}

impl Driver {
    /// Where its folder says which test provokes each of its codes.
    #[must_use]
    pub fn provoked(&self) -> PathBuf {
        self.manifest.with_file_name("provoked.txt")
    }
}

/// Where it is said which test provokes each code of the host and each step of a connection.
#[must_use]
pub fn provoked() -> PathBuf {
    root().join("tests/provoked.txt")
}

/// The folder that holds the workspace's `Cargo.toml`.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is a folder of the workspace")
}

/// The cargo that runs us, started in the root.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo has told us of our own crate: build scripts would take it for a change and build everything anew.
    for (name, _) in std::env::vars_os() {
        let is_ours = ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|about| name.to_string_lossy().starts_with(about));
        if is_ours {
            command.env_remove(name);
        }
    }
    command.current_dir(root());
    command
}

/// Every driver, by kind. A folder without a `manifest.json` is no driver.
pub fn drivers() -> Result<Vec<Driver>> {
    let folder = root().join("drivers");
    let mut drivers = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let folder = entry?.path();
        // What new drivers are made from drives nothing.
        if folder.join("manifest.json").is_file() && folder.file_name().is_some_and(|name| name != "template") {
            drivers.push(driver(&folder).with_context(|| format!("{} is no driver", folder.display()))?);
        }
    }
    drivers.sort_by(|a, b| a.kind.cmp(&b.kind));
    Ok(drivers)
}

fn driver(folder: &Path) -> Result<Driver> {
    #[derive(Deserialize)]
    struct Declaration {
        kind: String,
    }
    #[derive(Deserialize)]
    struct Cargo {
        package: Package,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
    }
    let manifest = folder.join("Cargo.toml");
    let declaration: Declaration = serde_json::from_str(&fs::read_to_string(folder.join("manifest.json"))?)?;
    let cargo: Cargo = toml::from_str(&fs::read_to_string(&manifest)?)?;
    Ok(Driver { kind: declaration.kind, package: cargo.package.name, manifest })
}

/// Every file that is or would be committed, relative to the root, with `/` between folders.
pub fn files() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = process::capture(&mut git)?;
    let mut files: Vec<String> = listed.split_terminator('\0').map(str::to_owned).collect();
    // A file may be listed and deleted, or listed twice during a merge.
    files.retain(|file| root().join(file).is_file());
    files.dedup();
    Ok(files)
}
