//! A host in a process of its own.

use mdd_core::events::Snapshot;
use mdd_tests::mdd_host;
use std::{ffi::OsString, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{Instant, timeout_at},
};

/// What a host with these backends shows after a while.
pub(crate) async fn look(
    home: &Path,
    plugins: &Path,
    settings: &Path,
    seconds: u32,
    backends: impl Iterator<Item = String>,
) -> Snapshot {
    let mut command = mdd_host(home);
    command.args(["status", "--json", "--quiet", "--no-discovery", "--wait", &seconds.to_string()]);
    command.arg("--plugins").arg(plugins).arg("--config").arg(settings);
    command.args(backends.flat_map(|backend| ["--backend".to_owned(), backend])).stdin(Stdio::null());
    let output = Command::from(command).kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One whose memory is measured and which says what changes. It is ended with this value.
pub(crate) struct Watched {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    snapshot: Option<Snapshot>,
}

impl Watched {
    /// A host that finds nothing and knows these backends.
    pub(crate) fn of(home: &Path, plugins: &Path, backends: &[String]) -> Self {
        let named = backends.iter().flat_map(|backend| ["--backend".into(), backend.into()]);
        let options: Vec<OsString> = ["--no-discovery".into()].into_iter().chain(named).collect();
        Self::start(home, plugins, &options)
    }

    /// The same with any options of `mdd-host status`.
    pub(crate) fn start(home: &Path, plugins: &Path, options: &[OsString]) -> Self {
        let mut command = mdd_host(home);
        command.args(["status", "--json", "--quiet", "--follow", "--wait", "0"]).args(options);
        command.arg("--plugins").arg(plugins).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut process = Command::from(command).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines, snapshot: None }
    }

    /// Waits until it shows what is wanted; false when it has not within the time.
    pub(crate) async fn until(&mut self, within: Duration, wanted: impl Fn(&Snapshot) -> bool) -> bool {
        let deadline = Instant::now() + within;
        while !self.snapshot.as_ref().is_some_and(&wanted) {
            let Ok(line) = timeout_at(deadline, self.lines.next_line()).await else { return false };
            let line = line.unwrap().expect("it stays until it is ended");
            self.snapshot = Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
        }
        true
    }

    /// Lets it go on for a while.
    pub(crate) async fn stay(&mut self, time: Duration) {
        self.until(time, |_| false).await;
    }

    /// The most memory that it has held, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id().expect("it was not waited for"));
        let text = std::fs::read_to_string(status).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What it showed last.
    pub(crate) fn shown(&self) -> &Snapshot {
        self.snapshot.as_ref().expect("it shows its status at once")
    }
}
