//! Closing connections that are idle after an answer, as uvicorn does.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Since when a connection has been idle after an answer. Clones share the state.
#[derive(Clone)]
pub(super) struct Idle(Arc<watch::Sender<Option<Instant>>>);

impl Idle {
    /// A connection without a request so far; it is never idle, as only answers start the clock.
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// A byte has arrived.
    pub(super) fn busy(&self) {
        self.0.send_if_modified(|since| since.take().is_some());
    }

    /// Something that calls [`Idle::since_now`] when it is dropped, at the end of an answer.
    pub(super) fn answering(&self) -> Answering {
        Answering(self.clone())
    }

    fn since_now(&self) {
        self.0.send_replace(Some(Instant::now()));
    }

    /// Returns when the connection was idle for so long; never without a limit.
    pub(super) async fn expired(&self, keep_alive: Option<Duration>) {
        let Some(keep_alive) = keep_alive else { return std::future::pending().await };
        let mut changes = self.0.subscribe();
        loop {
            let since = *changes.borrow_and_update();
            let expiry = async {
                match since {
                    Some(since) => sleep_until(since + keep_alive).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = expiry => return,
                _ = changes.changed() => {}
            }
        }
    }
}

/// An answer on its way; its end starts the idle clock.
pub(super) struct Answering(Idle);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.since_now();
    }
}
