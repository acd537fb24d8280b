//! `serve` and `stop`: the host that all clients of a user share.

use crate::{Verdict, arguments::ServeOptions, output};
use anyhow::Context as _;
use mdd_core::{
    Host,
    rpc::{self, Client, ConnectError, Ended, HostLock, LockError, Nothing},
    settings::Settings,
};
use std::{path::Path, time::Duration};
use tokio::time::{Instant, sleep};

/// Longer than a host takes to end.
const STOP_WITHIN: Duration = Duration::from_secs(10);

pub(crate) async fn run(settings: Settings, options: ServeOptions) -> anyhow::Result<Verdict> {
    if options.detached {
        leave_session();
    }
    let lock = match HostLock::take(&settings.state_folder) {
        Ok(lock) => lock,
        Err(LockError::Held) => {
            tracing::info!("another host runs already, so this one is not needed");
            return Ok(Verdict::InOrder);
        }
        Err(error) => return Err(error.into()),
    };
    let host = Host::start(settings)?;
    match rpc::serve(host, lock, options.idle_exit, asked_to_stop()).await? {
        Ended::Stopped => tracing::info!("stopped"),
        Ended::Idle => tracing::info!("nobody needed this host any more"),
        Ended::HandedOver => tracing::info!("another version takes over"),
    }
    Ok(Verdict::InOrder)
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

pub(crate) async fn stop(state: &Path) -> anyhow::Result<Verdict> {
    let mut client = match Client::connect(state, "mdd-host stop").await {
        Ok(client) => client,
        Err(ConnectError::NoHost(error)) => {
            tracing::debug!(%error, "no connection");
            output::text("No host runs.\n")?;
            return Ok(Verdict::InOrder);
        }
        Err(error) => return Err(error.into()),
    };
    let pid = client.host().pid;
    client.call::<_, Nothing>("host.stop", &Nothing {}).await?;
    until_gone(state).await.with_context(|| format!("the host (process {pid}) was asked to end and still runs"))?;
    output::text(&format!("The host (process {pid}) has ended.\n"))?;
    Ok(Verdict::InOrder)
}

/// Waits until a host has let go of its state folder.
pub(crate) async fn until_gone(state: &Path) -> Result<(), LockError> {
    let deadline = Instant::now() + STOP_WITHIN;
    loop {
        match HostLock::take(state) {
            Ok(_lock) => return Ok(()),
            Err(LockError::Held) if Instant::now() < deadline => sleep(Duration::from_millis(10)).await,
            Err(error) => return Err(error),
        }
    }
}
