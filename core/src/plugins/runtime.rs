//! The runtime that polls drivers: apart from the host's own, so that a driver that blocks stalls no connection, and left
//! behind when one does.

mod live;

use super::inside::Tag;
use live::{Live, Running};
use mdd_driver_api::{DriverError, ErrorKind, abi::Fut};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread::{self, Thread},
    time::{Duration, Instant},
};
use tokio::{
    runtime::{self, Handle, Runtime},
    sync::mpsc,
};

/// A poll that takes longer blocks: a driver computes for microseconds.
const STUCK_AFTER: Duration = Duration::from_secs(1);
/// Between two looks of the watchdog.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Something that a driver did and must not.
#[derive(Debug, Clone)]
pub struct Misdeed {
    /// Which driver.
    pub tag: &'static Tag,
    /// What, for people.
    pub what: String,
    /// It cannot be used any more; others get another chance.
    pub is_final: bool,
}

/// Two threads that poll the futures of all drivers, and a watchdog. Cloning is cheap.
#[derive(Clone)]
pub struct DriverRuntime(Arc<Owned>);

struct Owned {
    shared: Arc<Shared>,
    watchdog: Thread,
}

pub(super) struct Shared {
    /// `None` once nobody needs it any more.
    runtime: Mutex<Option<Runtime>>,
    live: Mutex<Futures>,
    misdeeds: Option<mpsc::UnboundedSender<Misdeed>>,
}

#[derive(Default)]
struct Futures {
    last: u64,
    by_number: BTreeMap<u64, Weak<dyn Live>>,
}

impl DriverRuntime {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start() -> io::Result<Self> {
        Self::start_with(None)
    }

    /// The same, telling of misdeeds.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start_telling(misdeeds: mpsc::UnboundedSender<Misdeed>) -> io::Result<Self> {
        Self::start_with(Some(misdeeds))
    }

    fn start_with(misdeeds: Option<mpsc::UnboundedSender<Misdeed>>) -> io::Result<Self> {
        let runtime = Mutex::new(Some(threads()?));
        let shared = Arc::new(Shared { runtime, live: Mutex::default(), misdeeds });
        let watched = Arc::downgrade(&shared);
        let watchdog = thread::Builder::new().name("mdd-watchdog".to_owned()).spawn(move || watch(&watched))?;
        Ok(Self(Arc::new(Owned { shared, watchdog: watchdog.thread().clone() })))
    }

    /// Runs a driver's future; dropping the returned one drops it.
    pub fn run<T: Send + 'static>(
        &self,
        tag: &'static Tag,
        method: &'static str,
        future: Fut<T>,
    ) -> impl Future<Output = Result<T, DriverError>> + Send + use<T> {
        let shared = &self.0.shared;
        let is_first = shared.live().by_number.is_empty();
        let running = Running::start(shared, tag, method, future);
        if is_first {
            self.0.watchdog.unpark();
        }
        running
    }
}

impl Shared {
    fn live(&self) -> MutexGuard<'_, Futures> {
        // A panic in a holder leaves a whole map: each change is one insertion or removal.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn runtime(&self) -> MutexGuard<'_, Option<Runtime>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self) -> Option<Handle> {
        self.runtime().as_ref().map(|runtime| runtime.handle().clone())
    }

    fn tell(&self, tag: &'static Tag, what: String, is_final: bool) {
        tracing::error!(driver = tag.kind, what, "a driver misbehaves");
        if let Some(misdeeds) = &self.misdeeds {
            // Nobody listens only when all ends.
            let _told = misdeeds.send(Misdeed { tag, what, is_final });
        }
    }

    /// Gives up what is stuck, and lets everything else go on in a fresh runtime.
    fn look(&self, now: Instant) {
        let is_stuck =
            |live: &dyn Live| live.inside_since().is_some_and(|since| now.duration_since(since) > STUCK_AFTER);
        let stuck: Vec<_> = self.alive().into_iter().filter(|(_, live)| is_stuck(&**live)).collect();
        if stuck.is_empty() {
            return;
        }
        // First of all, so that whatever begins from now on begins there, and whatever has begun is seen below.
        let old = match threads() {
            Ok(fresh) => self.runtime().replace(fresh),
            Err(error) => {
                tracing::error!(%error, "no threads for a fresh runtime of drivers");
                None
            }
        };
        for (number, future) in &stuck {
            self.live().by_number.remove(number);
            let (tag, method) = future.place();
            let what = format!("it blocks in {method} for more than {} s", STUCK_AFTER.as_secs());
            future.give_up(DriverError::new(ErrorKind::PANIC, what.clone()).with_code("driver-stuck"));
            self.tell(tag, what, false);
        }
        if let (Some(old), Some(handle)) = (old, self.handle()) {
            self.alive().iter().for_each(|(_, future)| future.move_to(&handle));
            // Its threads end when they come back, or never.
            old.shutdown_background();
        }
    }

    fn alive(&self) -> Vec<(u64, Arc<dyn Live>)> {
        self.live().by_number.iter().filter_map(|(number, live)| Some((*number, live.upgrade()?))).collect()
    }
}

/// Looks after the futures for as long as there is a runtime, and sleeps while there are none.
fn watch(watched: &Weak<Shared>) {
    while let Some(shared) = watched.upgrade() {
        shared.look(Instant::now());
        let is_idle = shared.live().by_number.is_empty();
        drop(shared);
        if is_idle { thread::park() } else { thread::park_timeout(LOOK_EVERY) }
    }
}

fn threads() -> io::Result<Runtime> {
    // Two, so that one driver that blocks in a poll does not stop the others at once.
    runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .thread_name("mdd-driver")
        .enable_time()
        .build()
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.shared.runtime().take() {
            // Waiting could take for ever, and is forbidden inside another runtime.
            runtime.shutdown_background();
        }
        self.watchdog.unpark();
    }
}

#[cfg(test)]
mod tests;
