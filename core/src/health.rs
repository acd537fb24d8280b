//! Samples condensed into what people read: response times, uptime, what went wrong, and one sentence.

mod checks;
mod history;
mod latency;
mod records;
mod ring;
mod summary;
mod teller;

pub use checks::Checks;
pub use history::{ErrorView, HealthView, History, Point, SeriesView, UptimeView};
pub use latency::{Latency, LatencyView};
pub use records::{Record, Records};
#[cfg(test)]
pub(crate) use summary::tests::backend;
pub use summary::{Severity, Summary, summarize};
pub(crate) use summary::{capital, reads_differently};
pub use teller::Teller;
