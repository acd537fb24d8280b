//! The one place where the state of everything can be read and waited for.

mod bus;
mod change;
mod job;
mod marks;
mod snapshot;
mod store;

pub use bus::{Bus, Changes, Subscription};
pub use change::{Change, Notice, NoticeSeverity, Numbered, Update};
pub use job::{JobState, JobView, Progress, ResultFile};
pub use marks::Marks;
pub use snapshot::{BackendView, Detail, DeviceView, ModelView, Origin, ProcessView, QueueView, Snapshot, StateName};
pub use store::{StoreState, StoreView};
