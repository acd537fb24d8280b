//! The life of a backend: one pure state machine and one task around it.

mod awake;
mod backend;
mod backoff;
mod instance;
mod life;
mod link;
mod supervisor;
mod view;
mod witness;

pub use backend::Backend;
pub use backoff::Backoff;
pub use instance::{Instance, News};
pub use life::{
    Ask, CHECK_EVERY, Command, Connected, Evidence, Fault, Input, LONGEST, Life, Phase, Push, SHORTEST, Silence, State,
    Step, Tempo, Words,
};
pub use link::Link;
pub use supervisor::{Configuration, Shared, Supervisor};
