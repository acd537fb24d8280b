//! Reaching the host of a state folder, and starting it when none runs.

use crate::{arguments::Global, serve::until_gone};
use anyhow::{Context as _, bail};
use mdd_core::rpc::{CallError, Client, ConnectError, HandOver, HandOverAnswer};
use std::{
    fs::{self, OpenOptions},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Longer than a host takes to load a folder full of drivers.
const START_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks whether it listens.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A log that has grown beyond it is begun anew, in bytes.
const MAX_LOG: u64 = 4 << 20;

/// Connects to the running host, if there is one.
pub(crate) async fn running(state: &Path, client: &str) -> Option<Client> {
    match Client::connect(state, client).await {
        Ok(client) => Some(client),
        Err(ConnectError::NoHost(_)) => None,
        Err(error) => {
            tracing::warn!(%error, "the running host cannot be used");
            None
        }
    }
}

/// Connects to the host, after starting one when none runs, or when the one that runs is older than this program and
/// free to go.
pub(crate) async fn or_start(options: &Global, state: &Path, client: &str) -> anyhow::Result<Client> {
    let mut child = None;
    let deadline = Instant::now() + START_WITHIN;
    loop {
        match Client::connect(state, client).await {
            Ok(client) => match replaced(client, state).await? {
                Some(client) => return Ok(client),
                None => child = None,
            },
            // A host that is just ending may still accept.
            Err(error @ (ConnectError::NoHost(_) | ConnectError::Hello(CallError::Broken(_)))) => {
                if Instant::now() >= deadline {
                    return Err(error).context(format!("no host could be started; see {}", log_of(state).display()));
                }
            }
            Err(ConnectError::Hello(error)) => return Err(error.into()),
        }
        match &mut child {
            None => child = Some(start(options, state)?),
            Some(child) => survive(child, state)?,
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Asks an older host to go. `None`: it is gone.
async fn replaced(mut client: Client, state: &Path) -> anyhow::Result<Option<Client>> {
    if !is_older(&client.host().version) {
        return Ok(Some(client));
    }
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let answer: HandOverAnswer = client.call("host.hand-over", &HandOver { version }).await?;
    if answer.open_jobs > 0 {
        tracing::info!(answer.open_jobs, "an older host finishes its jobs first");
        return Ok(Some(client));
    }
    drop(client);
    until_gone(state).await?;
    Ok(None)
}

fn is_older(host: &str) -> bool {
    let ours = semver::Version::parse(env!("CARGO_PKG_VERSION"));
    matches!((semver::Version::parse(host), ours), (Ok(host), Ok(ours)) if host < ours)
}

fn log_of(state: &Path) -> std::path::PathBuf {
    state.join("host.log")
}

/// Starts a host that outlives us, in a session of its own and without a window.
fn start(options: &Global, state: &Path) -> anyhow::Result<Child> {
    fs::create_dir_all(state).with_context(|| format!("the state folder {} cannot be made", state.display()))?;
    let log = log_of(state);
    let begin_anew = fs::metadata(&log).is_ok_and(|log| log.len() > MAX_LOG);
    let mut open = OpenOptions::new();
    let log = open.create(true).append(!begin_anew).write(true).truncate(begin_anew).open(&log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(options.for_child()).args(["serve", "--detached"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    detach(&mut command);
    command.spawn().context("the host could not be started")
}

/// A host that ended because another was faster is no failure.
fn survive(child: &mut Child, state: &Path) -> anyhow::Result<()> {
    match child.try_wait()? {
        Some(status) if !status.success() => {
            bail!("the host ended at once ({status}); see {}", log_of(state).display())
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(windows)]
fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const DETACHED_PROCESS: u32 = 0x0000_0008;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_BREAKAWAY_FROM_JOB: u32 = 0x0100_0000;
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP | CREATE_BREAKAWAY_FROM_JOB);
}

/// The host leaves the session itself: `--detached`.
#[cfg(not(windows))]
fn detach(_command: &mut Command) {}
