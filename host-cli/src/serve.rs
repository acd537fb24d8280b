//! `serve` and `stop`: the host that all clients of a user share.

use crate::{
    Verdict,
    arguments::{Global, ServeOptions},
    output,
};
use anyhow::Context as _;
use mdd_core::{
    Host,
    rpc::{self, Client, Ended, HostLock, LockError, Nothing, StartTurn},
    settings::Settings,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{path::Path, time::Duration};
use tokio::time::{Instant, sleep};

/// Longer than a host takes to end, or to begin.
const FREE_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(crate) async fn run(settings: Settings, options: ServeOptions) -> anyhow::Result<Verdict> {
    if options.detached {
        leave_session();
    }
    let Some(lock) = lock(&settings.state_folder).await? else {
        output::text("A host runs already, and serves all.\n")?;
        return Ok(Verdict::InOrder);
    };
    let host = Host::lasting(settings, crate::drivers::vetting()?, &lock)?;
    let idle = options.idle_exit.or_else(|| host.settings().idle());
    match rpc::serve(host, lock, idle, asked_to_stop()).await? {
        Ended::Stopped => tracing::info!("stopped"),
        Ended::Idle => tracing::info!("nobody needed this host any more"),
        Ended::HandedOver => tracing::info!("another version takes over"),
    }
    Ok(Verdict::InOrder)
}

/// The lock of the state folder; `None` when a host that answers has it. Whoever is just ending, or only looks whether it
/// is free, gives it back soon.
async fn lock(state: &Path) -> anyhow::Result<Option<HostLock>> {
    let deadline = Instant::now() + FREE_WITHIN;
    loop {
        match HostLock::take(state) {
            Ok(lock) => return Ok(Some(lock)),
            Err(LockError::Held) => {}
            Err(error) => return Err(error.into()),
        }
        match Client::connect(state, "mdd-host serve").await {
            Ok(_) => return Ok(None),
            Err(error) if !error.is_no_answer() => return Ok(None),
            Err(_) if Instant::now() < deadline => sleep(LOOK_EVERY).await,
            Err(error) => return Err(error).context("another process has the state folder"),
        }
    }
}

/// The end of the terminal or session that started us must not be our end.
#[cfg(unix)]
fn leave_session() {
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "this process already leads a session");
    }
}

/// Done by the flags of the start.
#[cfg(not(unix))]
fn leave_session() {}

/// Resolves when the system asks us to end.
#[cfg(unix)]
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Resolves when the system asks us to end.
#[cfg(not(unix))]
async fn asked_to_stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Which host has ended.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Stopped {
    /// Its process; null when none ran.
    pid: Option<u32>,
}

pub(crate) async fn stop(global: &Global, state: &Path) -> anyhow::Result<Verdict> {
    let Some(mut client) = running(state).await? else {
        match global.json {
            true => output::json(&Stopped { pid: None })?,
            false => output::text("No host runs.\n")?,
        }
        return Ok(Verdict::InOrder);
    };
    let pid = client.host().pid;
    client.call::<_, Nothing>("host.stop", &Nothing {}).await?;
    until_gone(state, pid).await?;
    match global.json {
        true => output::json(&Stopped { pid: Some(pid) })?,
        false => output::text(&format!("The host (process {pid}) has ended.\n"))?,
    }
    Ok(Verdict::InOrder)
}

/// The host that runs, or is just being started.
async fn running(state: &Path) -> anyhow::Result<Option<Client>> {
    let deadline = Instant::now() + FREE_WITHIN;
    loop {
        match Client::connect(state, "mdd-host stop").await {
            Ok(client) => return Ok(Some(client)),
            Err(error) if !error.is_no_answer() || Instant::now() >= deadline => return Err(error.into()),
            Err(error) => tracing::debug!(%error, "no connection"),
        }
        if is_free(state)? {
            return Ok(None);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Nobody runs or starts a host.
fn is_free(state: &Path) -> Result<bool, LockError> {
    if !state.exists() {
        return Ok(true);
    }
    let starts = StartTurn::take(state).map(drop);
    match starts.and_then(|()| HostLock::take(state).map(drop)) {
        Ok(()) => Ok(true),
        Err(LockError::Held) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until a host has let go of its state folder, or another has it already.
pub(crate) async fn until_gone(state: &Path, pid: u32) -> anyhow::Result<()> {
    let deadline = Instant::now() + FREE_WITHIN;
    loop {
        match HostLock::take(state) {
            Ok(_lock) => return Ok(()),
            Err(LockError::Held) => {}
            Err(error) => return Err(error.into()),
        }
        match Client::connect(state, "mdd-host").await {
            Ok(client) if client.host().pid != pid => return Ok(()),
            _ if Instant::now() < deadline => sleep(LOOK_EVERY).await,
            _ => anyhow::bail!("the host (process {pid}) was asked to end and still runs"),
        }
    }
}
