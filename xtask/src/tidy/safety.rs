//! `unsafe` lives in the ABI and in the loader; every other crate forbids it at its root.

use super::Finding;
use super::source::{File, has_word};
use crate::{process, workspace};
use anyhow::Result;
use serde::Deserialize;
use std::path::PathBuf;

pub(super) fn check(files: &[File]) -> Result<Vec<Finding>> {
    let roots = crate_roots()?;
    let root = |file: &&File| roots.contains(&file.path);
    Ok(files.iter().flat_map(uses).chain(files.iter().filter(root).filter_map(forbids)).collect())
}

fn uses(file: &File) -> Vec<Finding> {
    // The frozen interface and the smallest host that loads drivers of it hold the same code as those two.
    let same = file.is_in("tests/abi/1.0") || file.is_in("tests/abi/host");
    if same || file.is_in("driver-api") || file.path.starts_with("core/src/plugins/load") {
        return Vec::new();
    }
    let lines = file.code_lines().filter(|(_, text)| has_word(text, "unsafe"));
    lines
        .map(|(line, _)| Finding::new(file, line, "unsafe code outside driver-api and core/src/plugins/load"))
        .collect()
}

fn forbids(file: &File) -> Option<Finding> {
    // Both hold the unsafe code of one module, which the root could not allow again.
    if file.is_in("driver-api") || file.is_in("core") {
        return None;
    }
    let says = file.code_lines().any(|(_, text)| text.trim() == "#![forbid(unsafe_code)]");
    (!says).then(|| Finding::new(file, 1, "a crate's root says #![forbid(unsafe_code)]"))
}

/// Roots of libraries and programs, relative to the workspace.
fn crate_roots() -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        targets: Vec<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        kind: Vec<String>,
        src_path: PathBuf,
    }
    let mut cargo = workspace::cargo();
    let text = process::capture(cargo.args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let packages = serde_json::from_str::<Metadata>(&text)?.packages;
    let targets = packages.into_iter().flat_map(|package| package.targets);
    let product =
        |target: &Target| target.kind.iter().any(|kind| kind.ends_with("lib") || kind == "bin" || kind == "proc-macro");
    let roots = targets.filter(product).filter_map(|target| {
        Some(target.src_path.strip_prefix(workspace::root()).ok()?.to_string_lossy().replace('\\', "/"))
    });
    Ok(roots.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_is_found_where_it_may_not_be() {
        let text = "//! unsafe\nfn a() { unsafe { b() } }\n#![forbid(unsafe_code)]\n";
        let lines: Vec<usize> =
            uses(&File::new("core/src/store.rs", text)).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2]);
        assert!(uses(&File::new("core/src/plugins/load.rs", text)).is_empty());
        assert!(uses(&File::new("driver-api/src/lib.rs", text)).is_empty());
    }

    #[test]
    fn a_root_must_forbid_and_a_comment_does_not() {
        assert!(forbids(&File::new("drivers/x/src/lib.rs", "//! x\n// #![forbid(unsafe_code)]\n")).is_some());
        assert!(forbids(&File::new("drivers/x/src/lib.rs", "//! x\n#![forbid(unsafe_code)]\n")).is_none());
    }

    #[test]
    fn the_roots_are_those_of_the_workspace() {
        let roots = crate_roots().unwrap();
        assert!(
            roots.contains(&"xtask/src/main.rs".to_owned()) && roots.contains(&"xtask/src/lib.rs".to_owned()),
            "{roots:?}"
        );
    }
}
