//! Packages of Debian, for what no language's registry carries.

use crate::{process, tool};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Installs packages when this is a Debian machine on which we may.
pub fn install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    if tool::on_path("apt-get").is_none() {
        return Err(tool::Missing(format!("please install {wanted}: this machine has no apt-get")).into());
    }
    if process::capture(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(tool::Missing(format!("please run: sudo apt-get install {wanted}")).into());
    }
    eprintln!("installing Debian packages: {wanted}");
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq").args(words);
        process::run(&mut command)
    };
    let install: Vec<&str> =
        ["install", "--yes", "--no-install-recommends"].into_iter().chain(packages.iter().copied()).collect();
    apt(&["update"])
        .and_then(|()| apt(&install))
        .map_err(|error| tool::Missing(format!("{wanted} cannot be installed: {error}")).into())
}

/// A folder of the user's cache with the files of one package, for a program that needs no others. Nothing of the system
/// changes.
pub fn unpacked(package: &str) -> Result<PathBuf> {
    let folder = tool::cache()?.join("debian").join(package);
    tool::once(&folder, || {
        eprintln!("fetching the Debian package {package}, once");
        fetch(package, &folder).map_err(|error| tool::Missing(format!("{package} cannot be fetched: {error:#}")).into())
    })?;
    Ok(folder)
}

fn fetch(package: &str, folder: &Path) -> Result<()> {
    let download = || process::run(Command::new("apt-get").current_dir(folder).args(["-qq", "download", package]));
    // The lists of a fresh machine are empty.
    download().or_else(|_| process::run(Command::new("apt-get").args(["-qq", "update"])).and_then(|()| download()))?;
    let archives = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let archive = archives.filter(|path| path.extension().is_some_and(|name| name == "deb")).last();
    let archive = archive.context("apt-get has left no package")?;
    process::run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(folder))?;
    fs::remove_file(archive)?;
    Ok(())
}
