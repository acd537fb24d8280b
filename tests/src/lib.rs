//! What the tests across crates share: built files, folders of drivers, hosts, and waiting for a condition.

#![forbid(unsafe_code)]

mod announcement;
mod build;
mod chat;
mod checks;
mod command;
#[cfg(target_os = "linux")]
mod neighbour;
mod own_network;
pub mod provoked;
mod running;
mod served;
mod stub;
mod subject;
mod variant;

pub use announcement::Announcement;
pub use build::{Built, built};
pub use chat::chat;
pub use checks::checks;
pub use command::mdd_host;
#[cfg(target_os = "linux")]
pub use neighbour::{HERE, Neighbour, THERE, pass_on};
pub use own_network::{in_own_network, on_own_disk};
pub use running::{Running, eventually};
pub use served::{Served, ServedHome};
pub use stub::{Answer, Stub};
pub use subject::{Subject, noted};
pub use variant::{drop_in, variant};

use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A plugins folder with copies of the named drivers: `comfyui` or `panics-in-drop`, whatever is built.
///
/// # Panics
/// When a driver was not built or cannot be copied.
pub fn plugins(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for name in names {
        add_driver(folder.path(), name);
    }
    folder
}

/// Copies a built driver into a folder and returns its path there.
///
/// # Panics
/// When it was not built or cannot be copied.
pub fn add_driver(folder: &Path, name: &str) -> PathBuf {
    let file = built().driver(name);
    let target = folder.join(file.file_name().expect("a library has a name"));
    std::fs::copy(&file, &target).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    target
}
