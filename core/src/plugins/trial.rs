//! A driver's first steps, against a host that offers nothing.
//!
//! Every service fails at once, so no method has anything to wait for: each future is polled once and dropped. What
//! panics here would panic sooner or later with a service, and is better told at the plugins folder.

use super::{LoadedDriver, Refusal, inert};
use mdd_driver_api::{
    DriverError, ErrorKind,
    abi::{DriverBox, Fut, J},
    model::{Attempt, Instance},
};
use std::{
    pin::pin,
    task::{Context, Waker},
};

/// Creates, asks and drops an instance, and tells `at` what comes next.
///
/// # Errors
/// [`Refusal::Panicked`] or [`Refusal::NotCreated`].
pub(super) fn run(driver: &LoadedDriver, at: &mut dyn FnMut(&str)) -> Result<(), Refusal> {
    at("create");
    let mut candidate = Instance::default();
    candidate.backend_id = "trial".to_owned();
    candidate.endpoint = "http://127.0.0.1:1".to_owned();
    let instance = driver.create(inert::host(), &candidate).map_err(|error| match error.kind {
        ErrorKind::PANIC => panicked("create", &error),
        _ => Refusal::NotCreated(error.to_string()),
    })?;
    at("identify");
    ask("identify", &instance, DriverBox::identify)?;
    at("check");
    ask("check", &instance, DriverBox::check)?;
    at("inspect");
    ask("inspect", &instance, DriverBox::inspect)?;
    at("watch");
    ask("watch", &instance, |instance| instance.watch(inert::sink()))?;
    at("run");
    let attempt = J::encode(&Attempt::default()).map_err(|error| Refusal::NotCreated(error.to_string()))?;
    ask("run", &instance, |instance| instance.run(attempt, inert::job()))?;
    at("call");
    ask("call", &instance, |instance| instance.call("trial".into(), "null".into()))?;
    at("drop");
    // The last future owns the driver's value, so it also tells whether dropping that panicked.
    let last = instance.shutdown();
    drop(instance);
    fails_by_panic("drop", last)
}

fn ask<T>(place: &'static str, instance: &DriverBox, method: impl FnOnce(&DriverBox) -> Fut<T>) -> Result<(), Refusal> {
    fails_by_panic(place, method(instance))?;
    // A panic while a pending future was dropped has poisoned the instance.
    fails_by_panic(place, instance.check())
}

fn fails_by_panic<T>(place: &'static str, future: Fut<T>) -> Result<(), Refusal> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())).map(|result| result.into_result().err()) {
        std::task::Poll::Ready(Some(error)) if error.kind == ErrorKind::PANIC => Err(panicked(place, &error)),
        std::task::Poll::Ready(_) | std::task::Poll::Pending => Ok(()),
    }
}

fn panicked(place: &'static str, error: &DriverError) -> Refusal {
    Refusal::Panicked { place, message: error.message.to_string() }
}
