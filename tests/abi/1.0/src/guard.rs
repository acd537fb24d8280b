//! The panic walls of both sides.
//!
//! A panic that leaves a driver's `poll` reaches the host without its message, one in a future's drop aborts the
//! process, and one in a synchronous method of a `#[sabi_trait]` exits it. So every function, future and drop that is
//! handed across the boundary, in either direction, runs inside one of these.

#[cfg(test)]
mod tests;

use crate::abi::{BorrowingFfiFuture, DriverError, ErrorKind, FfiFuture, FutureExt as _, Res};
use std::{
    any::Any,
    cell::RefCell,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

thread_local! {
    /// The last panic of this thread with its place, left by [`remember_panics`].
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Installs a panic hook that remembers message and place for the error value and passes them to `report`.
///
/// A driver has its own copy of the standard library and so its own hook: the host's never sees its panics.
pub fn remember_panics(report: impl Fn(&str) + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let message = info.payload_as_str().unwrap_or("a value that is no text");
        let text = format!("panicked at {place}: {message}");
        report(&text);
        LAST_PANIC.with(|last| *last.borrow_mut() = Some(text));
    }));
}

fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let remembered = LAST_PANIC.with(|last| last.borrow_mut().take());
    let text = remembered.unwrap_or_else(|| {
        let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
        format!("panicked: {}", text.unwrap_or("a value that is no text"))
    });
    // One of another type may panic in its own drop.
    if !payload.is::<&str>() && !payload.is::<String>() {
        std::mem::forget(payload);
    }
    text
}

/// Runs `work`; a panic becomes its text.
///
/// # Errors
/// The message and place of the panic.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(panic_text)
}

/// One wall: what kind of error a panic becomes, and what it poisons.
#[derive(Debug, Clone)]
pub struct Wall {
    kind: ErrorKind,
    poison: Option<Arc<OnceLock<String>>>,
}

impl Wall {
    /// The wall of a driver instance: a panic becomes `PANIC`, and every later call fails with it.
    pub fn of_driver() -> Self {
        Self { kind: ErrorKind::PANIC, poison: Some(Arc::default()) }
    }

    /// The wall of the host: a panic becomes `HOST` and poisons nothing.
    pub fn of_host() -> Self {
        Self { kind: ErrorKind::HOST, poison: None }
    }

    fn error(&self, text: String) -> DriverError {
        if let Some(poison) = &self.poison {
            let _first_wins = poison.set(text.clone());
        }
        DriverError::new(self.kind, text)
    }

    fn first_panic(&self) -> Option<&str> {
        self.poison.as_ref().and_then(|poison| poison.get()).map(String::as_str)
    }

    /// Fails once a panic has passed this wall: running on broken state would make matters worse.
    ///
    /// # Errors
    /// The first panic.
    pub fn check(&self) -> Result<(), DriverError> {
        match self.first_panic() {
            Some(first) => Err(DriverError::new(self.kind, format!("poisoned by an earlier panic: {first}"))),
            None => Ok(()),
        }
    }

    /// Runs a function.
    ///
    /// # Errors
    /// Its own, or its panic.
    pub fn run<T>(&self, work: impl FnOnce() -> Result<T, DriverError>) -> Result<T, DriverError> {
        self.check()?;
        catch(work).unwrap_or_else(|text| Err(self.error(text)))
    }

    /// Wraps a future that owns everything it needs.
    pub fn future<T: 'static>(
        &self,
        future: impl Future<Output = Result<T, DriverError>> + Send + 'static,
    ) -> FfiFuture<Res<T>> {
        Guarded::new(self.clone(), future).into_ffi()
    }

    /// Wraps a future that borrows.
    pub fn borrowing_future<'a, T: 'a>(
        &self,
        future: impl Future<Output = Result<T, DriverError>> + Send + 'a,
    ) -> BorrowingFfiFuture<'a, Res<T>> {
        Guarded::new(self.clone(), future).into_ffi()
    }

    /// Wraps a future without a result; after a panic it is ready.
    pub fn signal(&self, future: impl Future<Output = ()> + Send + 'static) -> FfiFuture<()> {
        let guarded = Guarded::new(self.clone(), async move {
            future.await;
            Ok(())
        });
        async move { drop(guarded.await) }.into_ffi()
    }
}

/// A future whose panics, in `poll` and in drop, become errors.
struct Guarded<F> {
    wall: Wall,
    /// `None` once it is done or has panicked: a future must not be polled after that.
    future: Option<Pin<Box<F>>>,
}

impl<F> Guarded<F> {
    fn new(wall: Wall, future: F) -> Self {
        Self { wall, future: Some(Box::pin(future)) }
    }

    /// Whatever poisoned the instance meanwhile, a drop inside the future included, is worth more than its result.
    fn verdict<T>(&self, result: Result<T, DriverError>) -> Result<T, DriverError> {
        match result {
            Err(panic) if panic.kind == self.wall.kind => Err(panic),
            result => match self.wall.first_panic() {
                Some(first) => Err(DriverError::new(self.wall.kind, first)),
                None => result,
            },
        }
    }
}

impl<F, T> Future for Guarded<F>
where
    F: Future<Output = Result<T, DriverError>>,
{
    type Output = Res<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Res<T>> {
        let Some(future) = self.future.as_mut() else {
            return Poll::Ready(Err(DriverError::new(self.wall.kind, "polled after its end")).into());
        };
        let result = match catch(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => result,
            Err(text) => Err(self.wall.error(text)),
        };
        let ended = self.future.take();
        if let Err(text) = catch(move || drop(ended)) {
            let _poisoned = self.wall.error(text);
        }
        Poll::Ready(self.verdict(result).into())
    }
}

impl<F> Drop for Guarded<F> {
    fn drop(&mut self) {
        let Some(future) = self.future.take() else { return };
        if let Err(text) = catch(move || drop(future)) {
            // The panic hook has reported it; what remains is to poison the instance.
            let _poisoned = self.wall.error(text);
        }
    }
}

/// Owns a value whose drop may panic.
pub struct Held<T> {
    wall: Wall,
    value: Option<T>,
}

impl<T> Held<T> {
    /// Takes the value.
    pub fn new(wall: Wall, value: T) -> Self {
        Self { wall, value: Some(value) }
    }

    /// The value.
    pub fn get(&self) -> &T {
        self.value.as_ref().expect("the value is only taken when its owner is dropped")
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        let value = self.value.take();
        if let Err(text) = catch(move || drop(value)) {
            let _poisoned = self.wall.error(text);
        }
    }
}
