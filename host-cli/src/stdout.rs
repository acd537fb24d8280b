//! Our own stdout, out of the reach of drivers: one that prints must not write between the lines of a protocol.

use std::{fs::File, io, sync::OnceLock};

static OURS: OnceLock<File> = OnceLock::new();

/// Keeps stdout for ourselves and points descriptor 1 at stderr. To be called before any driver is loaded.
///
/// # Errors
/// When the system has no descriptor left.
pub(crate) fn guard() -> io::Result<()> {
    let ours = os::take()?;
    // A second call would keep stderr.
    let _only_once = OURS.set(ours);
    Ok(())
}

/// Where output goes.
///
/// # Errors
/// When stdout is closed.
pub(crate) fn ours() -> io::Result<File> {
    match OURS.get() {
        Some(file) => file.try_clone(),
        None => os::duplicate(),
    }
}

#[cfg(unix)]
mod os {
    use std::{fs::File, io, os::fd::AsFd as _};

    pub(super) fn duplicate() -> io::Result<File> {
        Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
    }

    pub(super) fn take() -> io::Result<File> {
        let ours = duplicate()?;
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(ours)
    }
}

#[cfg(windows)]
mod os {
    use std::{fs::File, io, os::windows::io::AsHandle as _};

    pub(super) fn duplicate() -> io::Result<File> {
        Ok(io::stdout().as_handle().try_clone_to_owned()?.into())
    }

    /// There is no safe way to move the standard handle of the C library, so a driver that prints is heard here.
    pub(super) fn take() -> io::Result<File> {
        duplicate()
    }
}
