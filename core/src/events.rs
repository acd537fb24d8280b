//! The one place where the state of everything can be read and waited for.

mod bus;
mod snapshot;

pub use bus::{Bus, Changes};
pub use snapshot::{BackendView, Detail, Origin, QueueView, Snapshot, StateName};
