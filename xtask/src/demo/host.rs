//! The installed host, which watches its services and says every change in a line of JSON.

use super::News;
use super::status::Status;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use tempfile::TempDir;

/// A running host; it ends with the value.
pub(super) struct Host {
    process: Child,
    /// A state folder of its own, removed after the host has ended.
    _state: TempDir,
}

impl Host {
    /// Starts a host that connects to these backends, given as kind and address, and to whatever else it finds.
    pub(super) fn start(program: &Path, backends: &[(&str, &str)], news: Sender<News>) -> Result<Host> {
        let state = tempfile::tempdir().context("no temporary folder")?;
        let mut command = Command::new(program);
        command.args(["status", "--follow", "--json", "--quiet", "--state-dir"]).arg(state.path());
        for (kind, url) in backends {
            command.args(["--backend", &format!("{kind}={url}")]);
        }
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = process.stdout.take().expect("it was piped");
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            let all = lines.map(|line| read(&line)).chain([News::Lost("the host has ended".to_owned())]);
            // The demo may be over before the host is.
            all.map(|news_of_host| news.send(news_of_host)).find(Result::is_err)
        });
        Ok(Host { process, _state: state })
    }
}

fn read(line: &str) -> News {
    match serde_json::from_str::<Status>(line) {
        Ok(status) => News::Status(status),
        Err(error) => News::Lost(format!("the host says {line:?}: {error}")),
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
