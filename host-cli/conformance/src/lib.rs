//! Does a driver keep the laws of the boundary?
//!
//! The driver is loaded as a host loads it, and given a host whose network is a [script](mdd_replay::Script) and whose
//! clock runs as fast as the driver works: an hour of waiting takes no time, and a check is the same every time. A driver
//! cannot tell the difference, as all that it does goes through the host.
#![forbid(unsafe_code)]

mod bench;
mod child;
mod clock;
mod host;
mod job;
mod laws;
mod process;
mod report;
mod service;
mod socket;
mod strangers;

pub use child::run as run_child;
pub use process::{Impossible, Progress, check};
pub use report::{Finding, Line, Report};
