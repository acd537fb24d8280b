//! Drivers: where they are, whether they can be trusted with a load, and the loaded ones.
//!
//! A file goes through [`search`], [`inspect`] (nothing of it runs), a private copy, the load and a trial before it
//! may meet a service. Each way to fail is a [`Refusal`] of one line.

mod copy;
mod inert;
pub mod inspect;
mod live;
mod load;
mod log;
mod refusal;
mod registry;
mod runtime;
pub mod search;
mod stamp;
mod trial;
mod watcher;

pub use inspect::Inspected;
pub use live::Plugins;
pub use load::LoadedDriver;
pub use refusal::Refusal;
pub use registry::{DriverFile, DriverStatus, Registry};
pub use runtime::DriverRuntime;
pub use search::SearchPath;

use std::path::Path;

/// Brings one file from the disk to a loaded driver.
///
/// # Errors
/// The first step that refused it.
pub fn open(path: &Path, copies: &Path) -> Result<LoadedDriver, Refusal> {
    let inspected = inspect::inspect(path)?;
    let copy = copy::private_copy(&inspected, copies)?;
    let driver = load::load(inspected, &copy)?;
    trial::run(&driver)?;
    Ok(driver)
}
