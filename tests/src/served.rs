//! A host as a process, in a home of its own, with a journal that outlives it.

use crate::{mdd_host, plugins};
use mdd_core::rpc::Client;
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Nothing takes longer on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The folders of one host after the other.
pub struct ServedHome {
    folder: TempDir,
    options: Vec<OsString>,
    plugins: TempDir,
}

impl ServedHome {
    /// With drivers and backends, `("kind", "http://…")`.
    ///
    /// # Panics
    /// When a driver was not built.
    pub fn new(kinds: &[&str], backends: &[(String, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut options: Vec<OsString> = vec!["--no-discovery".into()];
        for (kind, url) in backends {
            options.extend(["--backend".into(), format!("{kind}={url}").into()]);
        }
        Self { folder, options, plugins: plugins(kinds) }
    }

    /// Its state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Any other file of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a host and does not wait for it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn serve(&self) -> Served {
        self.serve_under(&[], &[])
    }

    /// The same as the last words of another command, and with variables.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn serve_under(&self, wrapper: &[&OsStr], variables: &[(&str, &str)]) -> Served {
        let log = File::options().create(true).append(true).open(self.file("log")).expect("a log can be written");
        let host = mdd_host(self.folder.path());
        let mut command = match wrapper.split_first() {
            None => Command::from(host),
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words).arg(host.get_program());
                for (name, value) in host.get_envs() {
                    match value {
                        Some(value) => command.env(name, value),
                        None => command.env_remove(name),
                    };
                }
                command
            }
        };
        command.args(["serve", "-v", "--plugins"]).arg(self.plugins.path()).args(&self.options);
        command.arg("--state-dir").arg(self.state()).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        Served { child: command.spawn().expect("the host can be started"), began: Instant::now() }
    }

    /// The last lines that its hosts have logged.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.file("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

/// A host that was started, and is killed when this goes.
pub struct Served {
    child: Child,
    began: Instant,
}

impl Served {
    /// Its process.
    ///
    /// # Panics
    /// When it has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it has not been waited for")
    }

    /// Waits until it answers, and says how long it took since its start.
    ///
    /// # Panics
    /// When it does not.
    pub async fn answers(&self, state: &Path) -> (Client, Duration) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Client::connect(state, "a test").await {
                Ok(client) => return (client, self.began.elapsed()),
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub async fn ended(mut self) {
        self.child.wait().await.expect("a child can be waited for");
    }

    /// Ends it as a loss of power would, but for what the system still writes.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill(mut self) {
        self.child.start_kill().expect("a child can be killed");
        self.child.wait().await.expect("a child can be waited for");
    }
}
