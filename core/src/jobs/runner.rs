//! What carries attempts: a driver's instance, or a scripted one in tests.

use crate::{
    connection::Instance,
    transport::{Downloaded, Transport},
};
use futures_util::future::BoxFuture;
use mdd_driver_api::{
    DriverError, ErrorKind,
    abi::{HttpRequest, JobPortArc},
    model::{Attempt, Outcome},
};
use std::{fs::File, path::Path, sync::Arc};

/// When an attempt is over.
pub(super) type Running = BoxFuture<'static, Result<Outcome, DriverError>>;
/// When a body is in its file.
pub(super) type Downloading = BoxFuture<'static, Result<Downloaded, DriverError>>;

/// One life of a connected backend, as far as jobs need it.
pub(super) trait Runner: Send + Sync {
    /// Carries an attempt. Dropping the future detaches from it.
    fn run(&self, attempt: &Attempt, port: JobPortArc) -> Running;

    /// Lets segments name a file.
    fn offer(&self, handle: &str, path: &Path);

    /// Ends that.
    fn withdraw(&self, handle: &str);

    /// Downloads the body of a 2xx answer under the rules of the backend.
    fn download(&self, request: HttpRequest, to: File, max_bytes: u64) -> Downloading;
}

/// A driver's instance with the network that its backend is reached by.
pub(super) struct Driven {
    pub(super) instance: Arc<Instance>,
    pub(super) transport: Transport,
}

impl Runner for Driven {
    fn run(&self, attempt: &Attempt, port: JobPortArc) -> Running {
        let (running, instance) = (self.instance.run(attempt, port), self.instance.clone());
        Box::pin(async move {
            let result = running.await;
            // Whoever is restarted between two checks must not get a job of its life before.
            if let Err(error) = &result
                && matches!(error.kind, ErrorKind::TRANSPORT | ErrorKind::TIMEOUT)
            {
                instance.doubt();
            }
            result
        })
    }

    fn offer(&self, handle: &str, path: &Path) {
        self.instance.policy().add_file(handle, path);
    }

    fn withdraw(&self, handle: &str) {
        self.instance.policy().remove_file(handle);
    }

    fn download(&self, request: HttpRequest, to: File, max_bytes: u64) -> Downloading {
        Box::pin(self.transport.download(self.instance.policy(), request, to, max_bytes))
    }
}
