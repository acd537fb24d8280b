//! The host's figures for monitoring systems.

use super::Inner;
use crate::{
    events::{Notice, NoticeSeverity},
    metrics::{self, Format},
};
use std::{io, sync::Arc, time::SystemTime};

impl Inner {
    pub(super) fn metrics(&self, format: Format) -> String {
        let checks = |id: &str| self.shared.records.checks(id);
        // Writing into a text does not fail.
        metrics::text(self.shared.bus.snapshot(), self.started, checks, format).unwrap_or_default()
    }

    /// Answers at the port of the settings, as long as there is one.
    pub(super) async fn serve_metrics(self: Arc<Self>) {
        let (port, inner) = (self.metrics_port.subscribe(), self.clone());
        metrics::serve(port, move |format| inner.metrics(format), |port, error| self.no_metrics(port, error)).await;
    }

    fn no_metrics(&self, port: u16, error: &io::Error) {
        tracing::warn!(port, %error, "metrics cannot be served");
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let text = format!("Metrics cannot be served at port {port}: {error}. It is tried again.");
        self.shared.bus.notify(Notice { at, severity: NoticeSeverity::Attention, backend: None, text });
    }
}
