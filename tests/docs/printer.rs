//! The job of the author's guide, so that it compiles as long as it is printed.

#[path = "../../docs/examples/printer/run.rs"]
mod job;

/// It is what a driver's `run` may do: nothing in it keeps it from going from thread to thread.
const _: fn() = || {
    fn is_send<T: Send>(_: impl Fn(mdd_driver_api::Host, mdd_driver_api::model::Attempt, mdd_driver_api::Job) -> T) {}
    is_send(|host, attempt, port| async move { job::run(&host, attempt, port).await });
};
