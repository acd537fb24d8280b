//! Background tasks that end with their owner.

use std::future::Future;

use tokio::task::JoinHandle;

/// A task that is aborted when this is dropped.
pub(crate) struct OwnedTask(JoinHandle<()>);

impl OwnedTask {
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }

    /// Ends the task before its owner ends.
    pub(crate) fn end(&self) {
        self.0.abort();
    }
}

impl Drop for OwnedTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}
