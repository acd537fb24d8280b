//! The trait that a driver author implements.

use crate::{
    DriverError, Host, Job, Result, Sink,
    model::{Attempt, Identity, Inspection, Instance, Outcome, Sample},
};
use std::future::Future;

/// One backend instance: one service at one endpoint.
///
/// Drivers report facts; only the host names states. Methods may run at the same time, are dropped at any await, and must
/// never block. A panic is contained: the instance is dropped and created again after a pause.
pub trait Driver: Send + Sync + Sized + 'static {
    /// Makes an instance. No I/O in here.
    ///
    /// # Errors
    /// `CONFIG` for settings that cannot work.
    fn create(host: Host, instance: Instance) -> Result<Self>;

    /// Is the service at this endpoint one of ours? Ask the cheapest distinguishing question first, and nothing that
    /// could harm a stranger's service. `Ok(Identity::no(..))` when somebody else answers; `Err` when nothing does.
    fn identify(&self) -> impl Future<Output = Result<Identity>> + Send;

    /// The cheapest proof of life, free of side effects and of cost. Called every few seconds.
    fn check(&self) -> impl Future<Output = Result<Sample>> + Send;

    /// What the service can do and holds: devices, models, capabilities. It may be slow; nothing waits for it.
    fn inspect(&self) -> impl Future<Output = Result<Inspection>> + Send {
        async { Ok(Inspection::default()) }
    }

    /// Holds one push channel open for one life of it and reports to `sink`, a [`Sample`] first. It returns when the
    /// channel ends and never reconnects by itself. Without it the host polls [`check`](Self::check).
    fn watch(&self, sink: Sink) -> impl Future<Output = Result<()>> + Send {
        async {
            drop(sink);
            Err(DriverError::unsupported("watch"))
        }
    }

    /// Carries a job to its end, fresh or from a checkpoint.
    ///
    /// # The laws
    /// 1. `checkpoint(SENT)` completes before the first byte that can start work.
    /// 2. Dropping the future is *detach*: it never touches the remote job. Only [`Job::cancelled`] cancels, and it may
    ///    be set already at entry.
    /// 3. With a checkpoint: reconcile first, never send again before that. Read the queue, then the history, as jobs
    ///    move that way. A read that failed is `Err(TRANSPORT)`, not absence.
    /// 4. Absent and ACKED or later: `lost`. Absent and SENT: with the same boot it takes the service's settle time and
    ///    two answered reads, another boot settles it at once; then an error without effect, and the host may send
    ///    again. What cannot be known is `unknown`.
    /// 5. `TRANSPORT` and `TIMEOUT`: the host waits and calls again with the last checkpoint. `BUSY`: queued again, not
    ///    counted. `AUTH`: the job waits for the user. An error without effect: back to PREPARED. `REJECTED`: failed.
    /// 6. [`watch`](Self::watch) is only for speed: every wait in here also polls (every 2 s without a push channel,
    ///    every 10 s with one).
    fn run(&self, attempt: Attempt, job: Job) -> impl Future<Output = Result<Outcome>> + Send {
        async {
            drop((attempt, job));
            Err(DriverError::unsupported("run"))
        }
    }

    /// A short operation, such as freeing memory.
    fn call(
        &self,
        operation: String,
        argument: serde_json::Value,
    ) -> impl Future<Output = Result<serde_json::Value>> + Send {
        async move {
            drop(argument);
            Err(DriverError::unsupported(&operation))
        }
    }

    /// The end of the instance, for a clean close only: it may never be called.
    fn shutdown(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}
