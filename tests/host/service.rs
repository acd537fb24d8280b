//! A simulated service as a process of its own, with a program that discovery may recognise.

use mdd_tests::built;
use serde_json::Value;
use std::{os::unix::fs::PermissionsExt, process::Stdio};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// Ends when it is dropped.
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) pid: u32,
    _child: Child,
    _folder: TempDir,
}

impl Service {
    /// In a folder that tells nothing.
    pub(crate) async fn start(kind: &str, words: &[&str]) -> Self {
        Self::run("service", None, kind, words).await
    }

    /// In a folder of that name, as its users have it.
    pub(crate) async fn start_in(folder: &str, kind: &str, words: &[&str]) -> Self {
        Self::run(folder, None, kind, words).await
    }

    /// As another user.
    pub(crate) async fn start_as(user: u32, kind: &str, words: &[&str]) -> Self {
        Self::run("service", Some(user), kind, words).await
    }

    async fn run(name: &str, user: Option<u32>, kind: &str, words: &[&str]) -> Self {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        // Whoever it is has to get there.
        std::fs::set_permissions(outer.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let program = folder.join("main");
        std::fs::copy(built().program("mdd-sim"), &program).unwrap();
        let mut command = Command::new(&program);
        command.arg(kind).args(words).current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::piped());
        if let Some(user) = user {
            command.uid(user);
        }
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("it says where it listens");
        let said: Value = serde_json::from_str(&line).unwrap();
        Self { url: said["url"].as_str().unwrap().to_owned(), pid: child.id().unwrap(), _child: child, _folder: outer }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The port is free again when this returns.
        let _gone = self._child.start_kill();
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid).unwrap()).unwrap();
        let _reaped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    }
}

/// Passes every connection on to a service.
pub(crate) fn forward(address: &str, url: &str) -> tokio::task::JoinSet<()> {
    mdd_tests::pass_on(std::net::TcpListener::bind(address).unwrap(), url)
}
