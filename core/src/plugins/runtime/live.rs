//! One future of a driver, which may be taken from one runtime to another between two polls.

use super::Shared;
use crate::plugins::inside::{Inside, MAX_MEMORY, Place, Tag};
use mdd_driver_api::{DriverError, ErrorKind, abi::Fut};
use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak},
    task::{Context, Poll},
    time::Instant,
};
use tokio::{runtime::Handle, sync::oneshot, task::AbortHandle};
use tracing::Span;

/// What the watchdog does with a future.
pub(super) trait Live: Send + Sync {
    /// Whose it is.
    fn place(&self) -> (&'static Tag, &'static str);
    /// When the poll that is under way began.
    fn inside_since(&self) -> Option<Instant>;
    /// Answers in its place. What it does from then on is nobody's concern.
    fn give_up(&self, error: DriverError);
    /// Goes on with it there, unless it is inside a poll.
    fn move_to(&self, handle: &Handle);
}

/// The waiting side. Dropping it drops the future.
pub(super) struct Running<T: Send + 'static> {
    result: oneshot::Receiver<Result<T, DriverError>>,
    /// The future belongs to its task.
    body: Weak<Body<T>>,
    number: u64,
    shared: Weak<Shared>,
}

struct Body<T> {
    place: Place,
    /// What is logged inside belongs to whoever asked, and to the driver.
    span: Span,
    /// `None` once it has ended.
    future: Mutex<Option<Fut<T>>>,
    result: Mutex<Option<oneshot::Sender<Result<T, DriverError>>>>,
    inside_since: Mutex<Option<Instant>>,
    task: Mutex<Option<AbortHandle>>,
    shared: Weak<Shared>,
    /// For tasks that begin later.
    this: Weak<Self>,
}

impl<T: Send + 'static> Running<T> {
    pub(super) fn start(shared: &Arc<Shared>, tag: &'static Tag, method: &'static str, future: Fut<T>) -> Self {
        let (sender, result) = oneshot::channel();
        let body = Arc::new_cyclic(|this| Body {
            place: Place { tag, method },
            span: tracing::error_span!("driver", kind = tag.kind, method),
            future: Mutex::new(Some(future)),
            result: Mutex::new(Some(sender)),
            inside_since: Mutex::default(),
            task: Mutex::default(),
            shared: Arc::downgrade(shared),
            this: this.clone(),
        });
        let weak = Arc::downgrade(&body);
        let number = {
            let mut live = shared.live();
            live.last += 1;
            let number = live.last;
            live.by_number.insert(number, weak.clone());
            number
        };
        if let Some(handle) = shared.handle() {
            Body::drive(body, &handle);
        }
        Self { result, body: weak, number, shared: Arc::downgrade(shared) }
    }
}

impl<T: Send + 'static> Future for Running<T> {
    type Output = Result<T, DriverError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = || Err(DriverError::new(ErrorKind::HOST, "the runtime of drivers has ended"));
        Pin::new(&mut self.result).poll(cx).map(|result| result.unwrap_or_else(|_| ended()))
    }
}

impl<T: Send + 'static> Drop for Running<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.live().by_number.remove(&self.number);
        }
        if let Some(task) = self.body.upgrade().and_then(|body| locked(&body.task).take()) {
            task.abort();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each holder replaces the value as a whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send + 'static> Body<T> {
    /// Polls it to its end on a runtime.
    fn drive(self: Arc<Self>, handle: &Handle) {
        let body = self.clone();
        let task = handle.spawn(poll_fn(move |cx| body.step(cx)));
        let before = locked(&self.task).replace(task.abort_handle());
        if let Some(before) = before {
            before.abort();
        }
    }

    /// One poll, with its thread marked as being inside the driver.
    fn step(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut slot = locked(&self.future);
        let Some(future) = slot.as_mut() else { return Poll::Ready(()) };
        *locked(&self.inside_since) = Some(Instant::now());
        let polled = {
            let _logged = self.span.enter();
            let _inside = Inside::enter(self.place);
            Pin::new(future).poll(cx)
        };
        *locked(&self.inside_since) = None;
        let result = match (polled, self.excess()) {
            (_, Some(error)) => Err(error),
            (Poll::Ready(result), None) => result.into_result(),
            (Poll::Pending, None) => return Poll::Pending,
        };
        self.drop_future(&mut slot);
        drop(slot);
        if let Err(error) = &result {
            self.report(error);
        }
        self.answer(result);
        Poll::Ready(())
    }

    fn drop_future(&self, slot: &mut Option<Fut<T>>) {
        let _inside = Inside::enter(self.place);
        drop(slot.take());
    }

    fn answer(&self, result: Result<T, DriverError>) {
        if let Some(sender) = locked(&self.result).take() {
            // Nobody waits for it any more: then it is dropped anyway.
            let _received = sender.send(result);
        }
    }

    fn excess(&self) -> Option<DriverError> {
        let (held, is_news) = self.place.tag.excess()?;
        let what = format!("it holds {} MiB of memory, {} are allowed", held >> 20, MAX_MEMORY >> 20);
        if is_news && let Some(shared) = self.shared.upgrade() {
            shared.tell(self.place.tag, what.clone(), true);
        }
        Some(DriverError::new(ErrorKind::PANIC, what).with_code("driver-memory"))
    }

    /// A panic counts once: what fails after it fails of the same.
    fn report(&self, error: &DriverError) {
        let is_new_panic =
            error.kind == ErrorKind::PANIC && error.code.is_empty() && !error.message.starts_with("poisoned");
        if is_new_panic && let Some(shared) = self.shared.upgrade() {
            shared.tell(self.place.tag, format!("in {} it {}", self.place.method, error.message), false);
        }
    }
}

impl<T: Send + 'static> Live for Body<T> {
    fn place(&self) -> (&'static Tag, &'static str) {
        (self.place.tag, self.place.method)
    }

    fn inside_since(&self) -> Option<Instant> {
        *locked(&self.inside_since)
    }

    fn give_up(&self, error: DriverError) {
        self.answer(Err(error));
    }

    fn move_to(&self, handle: &Handle) {
        // One that is inside a poll now goes on where it is, on a thread that ends with it.
        let is_free = match self.future.try_lock() {
            Ok(future) => future.is_some(),
            Err(TryLockError::Poisoned(_)) => true,
            Err(TryLockError::WouldBlock) => false,
        };
        let Some(this) = self.this.upgrade().filter(|_| is_free) else { return };
        this.drive(handle);
    }
}

impl<T> Drop for Body<T> {
    fn drop(&mut self) {
        let slot = self.future.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _inside = Inside::enter(self.place);
        drop(slot.take());
    }
}
