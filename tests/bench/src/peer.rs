//! Programs of the peers that run beside a measurement and tell lines.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

/// A running peer, which is ended with this.
pub(crate) struct Peer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().context("its output is a pipe")?;
        Ok(Self { child, lines: BufReader::new(out).lines() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its next line, which is JSON.
    pub(crate) fn told(&mut self) -> anyhow::Result<Value> {
        let line = self.lines.next().context("it has ended")??;
        serde_json::from_str(&line).with_context(|| line)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _already_ended = self.child.kill();
        let _already_waited = self.child.wait();
    }
}

/// Runs a peer to its end, which is one line of JSON.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<Value> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
