//! What the system has to end a program.

use anyhow::Context as _;

/// A future that resolves when the system asks this process to end.
///
/// # Errors
/// When that cannot be listened for.
#[cfg(unix)]
pub(crate) fn asked() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A future that resolves when the system asks this process to end.
///
/// # Errors
/// When that cannot be listened for.
#[cfg(windows)]
pub(crate) fn asked() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::windows::{ctrl_break, ctrl_c};
    let mut interrupt = ctrl_c().context("cannot listen for Ctrl-C")?;
    let mut terminate = ctrl_break().context("cannot listen for Ctrl-Break")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
