//! Reaching the host of a state folder, and starting it when none runs.

use crate::{arguments::Global, serve::until_gone};
use anyhow::{Context as _, bail};
use mdd_core::{
    rpc::{Client, ConnectError, HandOver, HandOverAnswer, LockError, StartTurn},
    settings::log_file_in,
};
use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

/// Longer than a host takes to load a folder full of drivers.
const START_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks whether it listens.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Connects to the running host, if there is one.
pub(crate) async fn running(state: &Path, client: &str) -> Option<Client> {
    match Client::connect(state, client).await {
        Ok(client) => {
            if let Some(text) = differs(&client) {
                tracing::warn!(remedy = "`mdd-host stop`, then try again", "{text}");
            }
            Some(client)
        }
        Err(ConnectError::NoHost(_)) => None,
        Err(error) => {
            tracing::warn!(%error, "the running host cannot be used");
            None
        }
    }
}

/// What a user has to know who has set a variable and wonders why it does not count.
pub(crate) fn differs(client: &Client) -> Option<String> {
    let names = client.host().environment_differs.join(", ");
    let text = format!("{names}: changed since mdd-host was started, so it does not count yet");
    (!names.is_empty()).then_some(text)
}

/// Connects to the host, after starting one when none runs, or when the one that runs is older than this program and
/// free to go.
pub(crate) async fn or_start(options: &Global, state: &Path, client: &str) -> anyhow::Result<Client> {
    program()?;
    let deadline = Instant::now() + START_WITHIN;
    let mut turn = None;
    let mut child = None;
    loop {
        match Client::connect(state, client).await {
            Ok(client) if !is_older(&client.host().version) => return Ok(client),
            Ok(client) => {
                if turn.is_some()
                    && let Some(client) = replaced(client, state).await?
                {
                    return Ok(client);
                }
            }
            Err(error) if !error.is_no_answer() => return Err(error.into()),
            Err(error) if Instant::now() >= deadline => {
                return Err(error).context(format!("no host could be started; see {}", log_file_in(state).display()));
            }
            Err(_) if turn.is_some() && !is_under_way(&mut child, state)? => child = Some(start(options, state)?),
            Err(_) => {}
        }
        if turn.is_none() {
            turn = my_turn(state)?;
            if turn.is_some() {
                // Whoever had it before may have left a host.
                continue;
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The turn to start or replace the host, if nobody has it. Whoever has it may be done soon, so that none is needed.
fn my_turn(state: &Path) -> Result<Option<StartTurn>, LockError> {
    match StartTurn::take(state) {
        Ok(turn) => Ok(Some(turn)),
        Err(LockError::Held) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Asks an older host to go. `None`: it is gone.
async fn replaced(mut client: Client, state: &Path) -> anyhow::Result<Option<Client>> {
    let pid = client.host().pid;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let answer: HandOverAnswer = client.call("host.hand-over", &HandOver { version }).await?;
    if answer.open_jobs > 0 {
        tracing::info!(answer.open_jobs, "an older host finishes its jobs first");
        return Ok(Some(client));
    }
    drop(client);
    until_gone(state, pid).await?;
    Ok(None)
}

fn is_older(host: &str) -> bool {
    let ours = semver::Version::parse(env!("CARGO_PKG_VERSION"));
    matches!((semver::Version::parse(host), ours), (Ok(host), Ok(ours)) if host < ours)
}

/// Where this program was when it was first asked: after an update the system only says that the file was deleted.
pub(crate) fn program() -> io::Result<&'static Path> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    match PROGRAM.get() {
        Some(program) => Ok(program),
        None => std::env::current_exe().map(|program| PROGRAM.get_or_init(|| program).as_path()),
    }
}

/// Starts a host that outlives us, in a session of its own and without a window.
fn start(options: &Global, state: &Path) -> anyhow::Result<Child> {
    // For what it says before it has a log of its own; that bounds the file.
    let log = OpenOptions::new().create(true).append(true).open(log_file_in(state))?;
    let mut command = Command::new(program()?);
    command.args(options.for_child()).args(["serve", "--detached"]);
    // Ours may be on a disk that somebody wants to take out.
    command.current_dir(state);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    spawn_detached(command).context("the host could not be started")
}

/// Whether a host that we have started is still to answer. One that ended because another was faster is no failure.
fn is_under_way(child: &mut Option<Child>, state: &Path) -> anyhow::Result<bool> {
    match child.as_mut().map(Child::try_wait).transpose()?.flatten() {
        Some(status) if !status.success() => {
            bail!("the host ended at once ({status}); see {}", log_file_in(state).display())
        }
        Some(_) => Ok(false),
        None => Ok(child.is_some()),
    }
}

#[cfg(windows)]
fn spawn_detached(mut command: Command) -> io::Result<Child> {
    const DETACHED_PROCESS: u32 = 0x0000_0008;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_BREAKAWAY_FROM_JOB: u32 = 0x0100_0000;
    const APART: u32 = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
    // Not every job lets its processes go.
    command.creation_flags(APART | CREATE_BREAKAWAY_FROM_JOB).spawn().or_else(|_| command.creation_flags(APART).spawn())
}

/// The host leaves the session itself: `--detached`.
#[cfg(not(windows))]
fn spawn_detached(mut command: Command) -> io::Result<Child> {
    command.spawn()
}
