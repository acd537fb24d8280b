//! Work on the I/O runtime that ends when nobody waits for it.

use super::Failure;
use mdd_driver_api::guard;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    runtime::Handle,
    task::{JoinError, JoinHandle},
};

/// A task that is aborted when this is dropped.
pub(super) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(io: &Handle, work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(io.spawn(work))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for Task<Result<T, Failure>> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(cx)).unwrap_or_else(|error| Err(fault(error))))
    }
}

fn fault(error: JoinError) -> Failure {
    Failure::Host(match error.try_into_panic() {
        Ok(payload) => {
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or(payload.downcast_ref::<String>().map(String::as_str));
            let text = format!("panicked: {}", text.unwrap_or("a value that is no text"));
            // A payload may panic in its own drop.
            std::mem::forget(payload);
            text
        }
        Err(_) => "its runtime has ended".to_owned(),
    })
}

/// Owns what a driver drops: a panic in there would end the process.
pub(super) struct Walled<T>(Option<T>);

impl<T> Walled<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(super) fn get(&self) -> &T {
        self.0.as_ref().expect("the value is only taken by `into_inner` and drop, which end it")
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("the value is only taken by `into_inner` and drop, which end it")
    }

    pub(super) fn into_inner(mut self) -> T {
        self.0.take().expect("the value is only taken by `into_inner` and drop, which end it")
    }
}

impl<T> Drop for Walled<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        if let Err(panic) = guard::catch(move || drop(value)) {
            tracing::error!(panic, "a host object could not be dropped cleanly");
        }
    }
}
