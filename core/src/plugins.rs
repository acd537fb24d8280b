//! Drivers: where they are, whether they can be trusted with a load, and the loaded ones.
//!
//! A file goes through [`search`], [`inspect`] (nothing of it runs), a trial in a process of its own and the load of an
//! image that nobody can exchange, before it may meet a service. Each way to fail is a [`Refusal`] of one line.

mod content;
mod gate;
mod image;
mod inert;
mod inside;
pub mod inspect;
mod live;
mod load;
mod log;
mod named;
mod permission;
mod records;
mod refusal;
mod registry;
mod runtime;
pub mod search;
mod signals;
mod source;
mod stamp;
mod trial;
pub mod vet;
mod watcher;

pub use gate::{Gate, is_hash};
pub use inside::Tag;
pub use inspect::Inspected;
pub use live::Plugins;
pub use load::LoadedDriver;
pub use mdd_driver_api::manifest::Declaration;
pub use named::Meant;
pub use refusal::Refusal;
pub use registry::{DriverFile, DriverStatus, Registry};
pub use runtime::{DriverRuntime, Misdeed};
pub use search::SearchPath;
pub use vet::Vetting;

use std::path::Path;

/// Brings one file from the disk to a loaded driver, and tries it in this process.
///
/// # Errors
/// The first step that refused it.
pub fn open(path: &Path, folder: &Path) -> Result<LoadedDriver, Refusal> {
    Gate::new(folder, Vetting::InProcess).admit(path)
}
