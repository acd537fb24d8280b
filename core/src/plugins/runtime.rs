//! The runtime that polls drivers: apart from the host's own, so that a driver that blocks stalls no connection.

use mdd_driver_api::{DriverError, ErrorKind, abi::Fut};
use std::{io, sync::Arc};
use tokio::{runtime, task::JoinHandle};

/// Two threads that poll the futures of all drivers. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct DriverRuntime(Arc<Owned>);

#[derive(Debug)]
struct Owned(Option<runtime::Runtime>);

impl DriverRuntime {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start() -> io::Result<Self> {
        // Two, so that one driver that blocks in a poll does not stop the others at once.
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(1)
            .thread_name("mdd-driver")
            .enable_time()
            .build()?;
        Ok(Self(Arc::new(Owned(Some(runtime)))))
    }

    /// Runs a driver's future; dropping the returned one drops it.
    pub fn run<T: Send + 'static>(
        &self,
        future: Fut<T>,
    ) -> impl Future<Output = Result<T, DriverError>> + Send + use<T> {
        let runtime = self.0.0.as_ref().expect("it is only taken when the last owner is dropped");
        let task = Aborting(runtime.spawn(async move { future.await.into_result() }));
        async move {
            let mut task = task;
            (&mut task.0).await.unwrap_or_else(|error| {
                Err(DriverError::new(ErrorKind::HOST, format!("the driver's task ended: {error}")))
            })
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting could take for ever, and is forbidden inside another runtime.
            runtime.shutdown_background();
        }
    }
}

struct Aborting<T>(JoinHandle<T>);

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
