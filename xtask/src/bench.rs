//! `cargo xtask bench`: what is shipped, measured beside its peers.

use crate::{dist, process, venv, workspace};
use anyhow::Result;

/// Builds and lays out what is shipped, and measures the metrics with these ids, or all. The book's page is written when
/// all of them are measured.
pub fn run(ids: &[String]) -> Result<()> {
    let installation = dist::lay_out("dist")?;
    let root = workspace::root();
    // One measurement is of a driver that does harm; it looks for it beside itself.
    process::run(workspace::cargo().args(["build", "--quiet", "--release", "--package", "mdd-test-driver-hostile"]))?;
    let mut bench = workspace::cargo();
    bench.args(["run", "--quiet", "--release", "--package", "mdd-bench", "--", "--installation"]);
    bench.arg(&installation.root).arg("--root").arg(root);
    bench.arg("--python").arg(venv::ensure("peers")?).arg("--gradio").arg(venv::ensure("gradio-5.50.0")?);
    bench.arg("--page").arg(root.join("docs/src/benchmarks.md")).args(ids);
    process::run(&mut bench)
}
