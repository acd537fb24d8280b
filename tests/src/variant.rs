//! Variants of one built driver: the file itself is changed, so that each has a hash of its own and none takes a build.

use crate::built;
use std::{
    env::consts::DLL_EXTENSION,
    fs,
    path::{Path, PathBuf},
};

/// The bytes of a built driver with texts replaced by others of the same length.
///
/// # Panics
/// When it was not built, does not have a text, or the lengths differ.
pub fn variant(driver: &str, changes: &[(&str, &str)]) -> Vec<u8> {
    let file = built().driver(driver);
    let mut bytes = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for (from, to) in changes {
        assert_eq!(from.len(), to.len(), "{from:?} and {to:?} have one length");
        let places: Vec<usize> =
            bytes.windows(from.len()).enumerate().filter(|(_, at)| *at == from.as_bytes()).map(|(at, _)| at).collect();
        assert!(!places.is_empty(), "{driver} has no text {from:?}");
        for place in places {
            bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

/// Puts a driver's bytes into a folder in one step, as a careful copy does, and returns its path.
///
/// # Panics
/// When it cannot be written.
pub fn drop_in(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(format!("{name}.{DLL_EXTENSION}"));
    let beside = folder.join(format!(".{name}.part"));
    fs::write(&beside, bytes).expect("a plugins folder of a test can be written");
    fs::rename(&beside, &path).expect("a file can be renamed");
    path
}
