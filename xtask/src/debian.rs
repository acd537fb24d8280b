//! Packages of Debian, for what no language's registry carries.

use crate::{process, tool};
use anyhow::Result;
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
