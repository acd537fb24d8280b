//! How a file looks from outside: equal stamps mean that it was not touched.

use std::{
    fs::{self, Metadata},
    path::Path,
    time::SystemTime,
};

/// Length and times of a file, and which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    identity: Option<Identity>,
}

/// Device, number and time of the last change of anything about the file.
type Identity = (u64, u64, i64, i64);

/// `None` for a file that cannot be looked at.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let data = fs::metadata(path).ok()?;
    Some(Stamp { len: data.len(), modified: data.modified().ok(), identity: identity(&data) })
}

#[cfg(unix)]
fn identity(data: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    Some((data.dev(), data.ino(), data.ctime(), data.ctime_nsec()))
}

#[cfg(not(unix))]
fn identity(_data: &Metadata) -> Option<Identity> {
    None
}
