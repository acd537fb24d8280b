//! Samples condensed into what people read: response times and one sentence.

mod latency;
mod summary;

pub use latency::{Latency, LatencyView};
pub use summary::{Severity, Summary, summarize};
