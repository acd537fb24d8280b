//! One host per state folder, and one process at a time that starts or replaces it: whoever holds the lock. The system
//! lets go of it when the holder dies.

use crate::private_folder;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct HostLock {
    _file: File,
    folder: PathBuf,
}

/// The turn to start a host or to replace an older one, held until it is dropped.
///
/// Without it, clients of an older version would start their host again before the newer one that has asked it to go can
/// take its place.
#[derive(Debug)]
pub struct StartTurn {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another process has the state folder")]
    Held,
    /// The folder cannot be used.
    #[error("the state folder {folder} cannot be used: {source}")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl HostLock {
    /// Takes the lock of a state folder, which is made when it is missing.
    ///
    /// # Errors
    /// When another host has it, or the folder cannot be used.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        Ok(Self { _file: locked(folder, "host.lock")?, folder: folder.to_owned() })
    }

    /// The folder that it locks.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl StartTurn {
    /// Takes the turn at a state folder, which is made when it is missing.
    ///
    /// # Errors
    /// When another process has it, or the folder cannot be used.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        Ok(Self { _file: locked(folder, "start.lock")? })
    }
}

fn locked(folder: &Path, name: &str) -> Result<File, LockError> {
    let cannot = |source| LockError::Folder { folder: folder.to_owned(), source };
    private_folder::create(folder).map_err(cannot)?;
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).read(true).write(true).open(folder.join(name)).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Held),
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::{HostLock, LockError};

    #[test]
    fn only_one_holds_it_and_it_is_free_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let lock = HostLock::take(folder.path()).unwrap();
        assert!(matches!(HostLock::take(folder.path()), Err(LockError::Held)));
        drop(lock);
        HostLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_that_is_a_file_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(HostLock::take(file.path()), Err(LockError::Folder { .. })));
    }
}
