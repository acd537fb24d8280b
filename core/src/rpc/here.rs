//! The same methods for a host in this process.

use super::{CallError, server::Serving, session::Session};
use crate::Host;
use serde::{Serialize, de::DeserializeOwned};
use std::{io, sync::Arc};
use tokio::io::Sink;

/// A host of one's own, asked as a client asks one that runs.
pub struct Here {
    session: Session<Sink>,
    serving: Arc<Serving>,
}

impl Here {
    /// Takes the host.
    pub fn new(host: Host) -> Self {
        let serving = Serving::of(host);
        Self { session: Session::trusted(serving.clone(), tokio::io::sink()), serving }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.serving.host
    }

    /// Calls a method.
    ///
    /// # Errors
    /// When the host refuses.
    pub async fn call<P: Serialize, R: DeserializeOwned>(&mut self, method: &str, params: &P) -> Result<R, CallError> {
        let params = serde_json::to_value(params).map_err(io::Error::other)?;
        let answer = self.session.call(method, params).await?;
        serde_json::from_value(answer).map_err(|error| CallError::Unexpected(error.to_string()))
    }
}
