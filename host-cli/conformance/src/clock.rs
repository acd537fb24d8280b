//! Time that passes only when nobody has anything to do, and what polls a driver's futures by it.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

/// A poll that takes longer blocks: a driver computes for microseconds.
const BLOCKS_AFTER: Duration = Duration::from_secs(1);
/// How long something that is not the host's may take before a driver is said to wait for it.
const FOREIGN_WAIT: Duration = Duration::from_millis(500);

/// A clock that starts at 0. Cloning is cheap; every clone is the same clock.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Inner>);

#[derive(Default)]
struct Inner {
    time: Mutex<Time>,
    /// Waits of the host's that have no end.
    endless: AtomicUsize,
}

#[derive(Default)]
struct Time {
    now_ms: u64,
    next: u64,
    timers: BTreeMap<(u64, u64), Waker>,
}

/// How it went with a future.
#[derive(Debug)]
pub(crate) enum Driven<T> {
    /// It is ready.
    Ready(T),
    /// It was dropped when the condition was met.
    Stopped,
    /// It waits, and nothing that the host knows of will ever happen.
    Quiet,
    /// It was not ready in time.
    Late,
}

/// What was seen while a future was polled.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Conduct {
    /// The longest poll that was too long.
    pub(crate) blocked: Option<Duration>,
    /// It waited for something that is not the host's.
    pub(crate) waited_elsewhere: bool,
}

impl Clock {
    fn time(&self) -> MutexGuard<'_, Time> {
        // Each holder leaves it whole.
        self.0.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.time().now_ms
    }

    pub(crate) fn sleep(&self, ms: u64) -> Sleep {
        Sleep { until_ms: self.now_ms().saturating_add(ms), clock: self.clone(), key: None }
    }

    /// Never ready, and known to be so.
    pub(crate) async fn never<T>(&self) -> T {
        self.endless(std::future::pending()).await
    }

    /// A wait of the host's that may have no end.
    pub(crate) async fn endless<T>(&self, waiting: impl Future<Output = T>) -> T {
        let _endless = Endless::new(&self.0);
        waiting.await
    }

    /// Lets time pass until the next timer. False: there is none until then.
    fn advance(&self, until_ms: u64) -> bool {
        let waker = {
            let mut time = self.time();
            let Some(entry) = time.timers.first_entry() else { return false };
            let due = entry.key().0;
            if due > until_ms {
                return false;
            }
            let waker = entry.remove();
            time.now_ms = time.now_ms.max(due);
            waker
        };
        waker.wake();
        true
    }

    /// Polls `future` to its end, but for at most `within_ms` of this clock and until `stop` says so.
    pub(crate) fn drive<T>(
        &self,
        mut future: Pin<Box<dyn Future<Output = T> + '_>>,
        within_ms: u64,
        mut stop: impl FnMut() -> bool,
        conduct: &mut Conduct,
    ) -> Driven<T> {
        let signal = Arc::new(Signal::default());
        let waker = Waker::from(signal.clone());
        let until_ms = self.now_ms().saturating_add(within_ms);
        loop {
            let began = Instant::now();
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            let took = began.elapsed();
            if took > BLOCKS_AFTER {
                conduct.blocked = conduct.blocked.max(Some(took));
            }
            if let Poll::Ready(output) = polled {
                return Driven::Ready(output);
            }
            if stop() {
                return Driven::Stopped;
            }
            if signal.take() {
                continue;
            }
            if self.advance(until_ms) {
                continue;
            }
            if !self.time().timers.is_empty() {
                return Driven::Late;
            }
            if self.0.endless.load(Ordering::Relaxed) > 0 {
                return Driven::Quiet;
            }
            conduct.waited_elsewhere = true;
            if !signal.wait(FOREIGN_WAIT) {
                return Driven::Quiet;
            }
        }
    }
}

struct Endless<'a>(&'a Inner);

impl<'a> Endless<'a> {
    fn new(inner: &'a Inner) -> Self {
        inner.endless.fetch_add(1, Ordering::Relaxed);
        Self(inner)
    }
}

impl Drop for Endless<'_> {
    fn drop(&mut self) {
        self.0.endless.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ready at its time.
pub(crate) struct Sleep {
    clock: Clock,
    until_ms: u64,
    key: Option<(u64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut time = clock.time();
        if let Some(key) = self.key.take() {
            time.timers.remove(&key);
        }
        if time.now_ms >= self.until_ms {
            return Poll::Ready(());
        }
        time.next += 1;
        let key = (self.until_ms, time.next);
        time.timers.insert(key, cx.waker().clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.clock.time().timers.remove(&key);
        }
    }
}

/// Whether the future asked to be polled again.
#[derive(Default)]
struct Signal {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn flag(&self) -> MutexGuard<'_, bool> {
        self.is_set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> bool {
        std::mem::take(&mut *self.flag())
    }

    fn wait(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.flag(), time, |is_set| !*is_set);
        let (mut flag, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *flag)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *self.flag() = true;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive<T>(clock: &Clock, future: impl Future<Output = T>, within_ms: u64) -> (Driven<T>, Conduct) {
        let mut conduct = Conduct::default();
        (clock.drive(Box::pin(future), within_ms, || false, &mut conduct), conduct)
    }

    #[test]
    fn an_hour_takes_no_time_and_the_order_is_that_of_the_clock() {
        let clock = Clock::default();
        let (driven, conduct) = drive(
            &clock,
            async {
                let (long, short) = (clock.sleep(3_600_000), clock.sleep(5));
                short.await;
                let between = clock.now_ms();
                long.await;
                (between, clock.now_ms())
            },
            u64::MAX,
        );
        assert!(matches!(driven, Driven::Ready((5, 3_600_000))), "{driven:?}");
        assert!(!conduct.waited_elsewhere && conduct.blocked.is_none());
    }

    #[test]
    fn who_is_late_who_is_quiet_and_who_waits_elsewhere() {
        let clock = Clock::default();
        assert!(matches!(drive(&clock, clock.sleep(10), 9).0, Driven::Late));
        let (driven, conduct) = drive(&clock, clock.never::<()>(), 9);
        assert!(matches!(driven, Driven::Quiet) && !conduct.waited_elsewhere);
        let (driven, conduct) = drive(&clock, std::future::pending::<()>(), 9);
        assert!(matches!(driven, Driven::Quiet) && conduct.waited_elsewhere);
    }
}
