//! The figures of a host as monitoring systems read them: [OpenMetrics](https://openmetrics.io), or the older text
//! format of Prometheus. They are made of the snapshot when somebody asks.

mod endpoint;
mod families;

pub(crate) use endpoint::serve;

use crate::{
    events::{BackendView, Origin, Snapshot},
    health::Checks,
};
use families::Figures;
use prometheus_client::{
    encoding::{prometheus_text, text},
    registry::Registry,
};
use std::{fmt, time::SystemTime};

/// What every name begins with.
const PREFIX: &str = "mdd";

/// How the figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// What Prometheus read before, for programs that know nothing newer.
    Prometheus,
}

impl Format {
    /// The type of such a text.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
        }
    }

    /// The one that a client asks for by its `Accept` header.
    pub(crate) fn accepted(header: &str) -> Self {
        match header.contains("application/openmetrics-text") {
            true => Self::OpenMetrics,
            false => Self::Prometheus,
        }
    }
}

/// Writes everything that is known at one moment.
///
/// # Errors
/// Never, as writing into a text does not fail.
pub fn text(
    snapshot: Snapshot,
    started: SystemTime,
    checks: impl Fn(&str) -> Option<Checks>,
    format: Format,
) -> Result<String, fmt::Error> {
    // A row that says what is missing is no backend.
    let backends = snapshot.backends.into_iter().filter(|backend| backend.origin != Origin::Missing);
    let with_checks = |backend: BackendView| {
        let checks = checks(&backend.id).unwrap_or_default();
        (backend, checks)
    };
    let figures = Figures {
        started,
        backends: backends.map(with_checks).collect(),
        jobs: snapshot.jobs,
        store: snapshot.store.state,
    };
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(figures));
    let mut text = String::new();
    match format {
        Format::OpenMetrics => text::encode(&mut text, &registry)?,
        Format::Prometheus => prometheus_text::encode(&mut text, &registry)?,
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
