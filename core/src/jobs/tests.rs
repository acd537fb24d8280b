//! Jobs from their submission to their end, on scripted backends.

mod bench;
mod cancelling;
mod crowd;
mod dispatching;
mod flaky;
mod keeping;
mod lamp;
mod laws;
mod reporting;
mod results;
mod submitting;
