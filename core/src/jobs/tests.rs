//! Jobs from their submission to their end, on scripted backends.

mod bench;
mod cancelling;
mod dispatching;
mod keeping;
mod laws;
mod reporting;
mod results;
mod submitting;
