//! The life of a backend: one pure state machine and one task around it.

mod backend;
mod backoff;
mod instance;
mod life;
mod link;
mod supervisor;
mod view;

pub use backend::Backend;
pub use backoff::Backoff;
pub use instance::{Instance, News};
pub use life::{Ask, Command, Connected, Fault, Input, Life, Phase, Push, State, Words};
pub use link::Link;
pub use supervisor::{Shared, Supervisor};
