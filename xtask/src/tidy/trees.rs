//! A driver brings no runtime and no network client of its own: those are the host's, once for all.

use super::Finding;
use crate::process;
use crate::workspace::{self, Driver};
use anyhow::Result;

const BANNED: &[&str] =
    &["async-std", "hyper", "mio", "reqwest", "rustls", "smol", "tokio", "tokio-tungstenite", "tungstenite", "ureq"];

pub(super) fn check(drivers: &[Driver]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for driver in drivers {
        let mut cargo = workspace::cargo();
        cargo.args(["tree", "--package", &driver.package, "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
        let tree = process::capture(&mut cargo)?;
        let path = driver.manifest.strip_prefix(workspace::root()).unwrap_or(&driver.manifest).display().to_string();
        findings.extend(banned(&tree).into_iter().map(|name| {
            let message = format!("{} depends on {name}: ask the host instead", driver.package);
            Finding { path: path.clone(), line: 0, message }
        }));
    }
    Ok(findings)
}

fn banned(tree: &str) -> Vec<&'static str> {
    let packages: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    BANNED.iter().copied().filter(|name| packages.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_packages_are_found_by_their_whole_name() {
        assert_eq!(banned("mdd-driver-x v0.1.0 (path)\nserde v1.0.0\ntokio v1.50.0 (*)\n"), ["tokio"]);
        assert!(banned("tokio-macros v2.0.0\nhyperx v1.0.0\n").is_empty());
    }
}
