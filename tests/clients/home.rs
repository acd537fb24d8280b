//! A user of its own for each test: a state folder, drivers, backends, and every process that belongs to them.

use crate::{processes, soon, talk::SocketTalk, until};
use mdd_core::rpc::address_of;
use mdd_tests::{mdd_host, plugins};
use rustix::process::Signal;
use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The folders of one test. When it goes, so does every process that was started for it.
pub(crate) struct Home {
    folder: TempDir,
    state: PathBuf,
    /// What a host of this home is started with.
    options: Vec<OsString>,
    /// Held for the processes that load from it.
    plugins: Option<TempDir>,
}

impl Home {
    /// No drivers and no backends.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        Self { folder, state, options: vec!["--no-discovery".into()], plugins: None }
    }

    /// With drivers and backends, `("kind", "http://…")`.
    pub(crate) fn with(drivers: &[&str], backends: &[(&str, &str)]) -> Self {
        let plugins = plugins(drivers);
        let mut home = Self::empty();
        home.options.extend(["--plugins".into(), plugins.path().into()]);
        for (kind, url) in backends {
            home.options.extend(["--backend".into(), format!("{kind}={url}").into()]);
        }
        home.plugins = Some(plugins);
        home
    }

    /// The same with another state folder below this home.
    pub(crate) fn at(mut self, state: &str) -> Self {
        self.state = self.folder.path().join(state);
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its drivers.
    pub(crate) fn plugins(&self) -> &Path {
        self.plugins.as_ref().unwrap().path()
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn socket(&self) -> PathBuf {
        address_of(&self.state)
    }

    /// A command that knows the state folder and nothing else.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::from(mdd_host(self.folder.path()));
        command.args(words).arg("--state-dir").arg(&self.state).kill_on_drop(true).stdin(Stdio::null());
        command
    }

    /// A command that starts a host, or may have to.
    pub(crate) fn starter(&self, words: &[&str]) -> Command {
        let mut command = self.command(words);
        command.args(&self.options);
        command
    }

    /// The same with another file of the program.
    pub(crate) fn starter_of(&self, program: &Path, words: &[&str]) -> Command {
        let usual = self.starter(words);
        let mut command = Command::new(program);
        command.args(usual.as_std().get_args()).kill_on_drop(true);
        for (name, value) in usual.as_std().get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// What a command says when it has ended.
    pub(crate) async fn output(&self, words: &[&str]) -> Output {
        soon("the end of a command", self.command(words).output()).await.unwrap()
    }

    /// Starts a host and waits until it answers.
    pub(crate) async fn serve(&self) -> Served {
        self.serve_with(&[]).await
    }

    pub(crate) async fn serve_with(&self, words: &[&str]) -> Served {
        let served = self.start_serving(words);
        let pid = served.pid;
        let mut talk = SocketTalk::greeted(self).await;
        let hello = talk.hello().await;
        assert_eq!(hello["pid"], pid, "{}", self.log());
        served
    }

    /// Starts a host that may be refused.
    pub(crate) fn start_serving(&self, words: &[&str]) -> Served {
        self.start_serving_in(words, &[])
    }

    /// The same with variables of its environment.
    pub(crate) fn start_serving_in(&self, words: &[&str], environment: &[(&str, &str)]) -> Served {
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = self.starter(&["serve", "-vv"]);
        let child =
            command.args(words).envs(environment.iter().copied()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Served { pid: child.id().unwrap(), child }
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    /// What hosts of this home have logged.
    pub(crate) fn log(&self) -> String {
        [self.log_file(), self.state.join("host.log")]
            .iter()
            .map(|file| fs::read(file).unwrap_or_default())
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .collect()
    }

    /// The host that runs, once there is just one.
    pub(crate) async fn only_host(&self) -> u32 {
        until("one host", || match processes::hosts(&self.state)[..] {
            [pid] => Some(pid),
            _ => None,
        })
        .await
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for pid in processes::naming(&self.state) {
            processes::signal(pid, Signal::CONT);
            processes::signal(pid, Signal::KILL);
        }
        // Outside of the state folder when that has a long name.
        let socket = self.socket();
        let _gone = fs::remove_file(&socket);
        let _gone = socket.parent().map(fs::remove_dir);
    }
}

/// A host that the test has started itself.
pub(crate) struct Served {
    pub(crate) pid: u32,
    child: Child,
}

impl Served {
    pub(crate) fn signal(&self, signal: Signal) {
        processes::signal(self.pid, signal);
    }

    /// How it ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        soon("the end of the host", self.child.wait()).await.unwrap()
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}
