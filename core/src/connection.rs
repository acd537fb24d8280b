//! The life of a backend: one pure state machine and one task around it.

mod backoff;
mod instance;
mod life;
mod supervisor;
mod view;

pub use backoff::Backoff;
pub use instance::{Instance, News};
pub use life::{Ask, Command, Connected, Fault, Input, Life, Phase, Push, State, Words};
pub use supervisor::{Backend, Link, Shared, Supervisor};
