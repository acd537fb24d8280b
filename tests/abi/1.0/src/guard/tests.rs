//! The walls, on futures that cross the boundary within one program. Miri can interpret these.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{Held, Wall};
use crate::abi::{DriverError, ErrorKind, RResult};
use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn ready<T>(future: impl Future<Output = RResult<T, DriverError>>) -> Result<T, DriverError> {
    match poll_once(future) {
        Poll::Ready(result) => result.into_result(),
        Poll::Pending => panic!("it waits for something"),
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

#[test]
fn a_result_passes_unchanged() {
    let wall = Wall::of_driver();
    assert_eq!(ready(wall.future(async { Ok(7) })).unwrap(), 7);
    let error = ready(wall.future(async { Err::<(), _>(DriverError::new(ErrorKind::BUSY, "busy")) })).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BUSY);
    assert!(wall.check().is_ok(), "an error is no panic");
}

#[test]
fn a_panic_in_poll_becomes_an_error_and_poisons_the_instance() {
    let wall = Wall::of_driver();
    let error = ready(wall.future::<()>(async { panic!("in poll") })).unwrap_err();
    assert_eq!(error.kind, ErrorKind::PANIC);
    assert!(error.message.contains("in poll"), "{}", error.message);
    assert!(wall.check().unwrap_err().message.contains("poisoned"));
    assert!(wall.run(|| Ok(())).is_err());
}

#[test]
fn a_panic_of_the_host_poisons_nothing() {
    let wall = Wall::of_host();
    assert_eq!(ready(wall.future::<()>(async { panic!("in poll") })).unwrap_err().kind, ErrorKind::HOST);
    assert!(wall.check().is_ok());
}

#[test]
fn a_panic_while_a_waiting_future_is_dropped_stays_inside() {
    let wall = Wall::of_driver();
    let waiting = wall.future::<()>(async {
        let _held = PanicsWhenDropped;
        std::future::pending().await
    });
    assert!(poll_once(waiting).is_pending());
    assert!(wall.check().unwrap_err().message.contains("in drop"));
}

#[test]
fn a_panic_while_a_finished_future_is_dropped_is_worth_more_than_its_result() {
    let wall = Wall::of_driver();
    let held = PanicsWhenDropped;
    let future = std::future::poll_fn(move |_| {
        let _owned = &held;
        Poll::Ready(Ok(()))
    });
    assert_eq!(ready(wall.future(future)).unwrap_err().kind, ErrorKind::PANIC);
}

#[test]
fn a_borrowing_future_sees_what_it_borrows() {
    let wall = Wall::of_host();
    let mut count = 0;
    ready(wall.borrowing_future(async {
        count += 1;
        Ok(())
    }))
    .unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_signal_is_ready_after_a_panic() {
    assert!(poll_once(Wall::of_host().signal(async { panic!("in a signal") })).is_ready());
}

#[test]
fn a_panic_while_a_held_value_is_dropped_stays_inside() {
    let wall = Wall::of_driver();
    drop(Held::new(wall.clone(), PanicsWhenDropped));
    assert!(wall.check().is_err());
}
