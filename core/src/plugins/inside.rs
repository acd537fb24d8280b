//! Which driver the current thread is inside of, and in which method: for whoever has to name the one to blame.

use std::{
    cell::Cell,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// More memory than any driver needs, in bytes: media never passes through one.
pub(super) const MAX_MEMORY: u64 = 256 << 20;

/// One loaded content. It lives as long as the process.
#[derive(Debug)]
pub struct Tag {
    /// What it drives.
    pub kind: String,
    /// Hash of its bytes, lowercase hex.
    pub sha256: String,
    /// Asks it how much memory it holds; there is none for a driver that cannot tell.
    memory: OnceLock<extern "C" fn() -> u64>,
    /// It has been told once that it holds too much.
    is_over: AtomicBool,
}

impl Tag {
    /// Made once for each content.
    pub(super) fn leaked(kind: &str, sha256: &str) -> &'static Self {
        let (kind, sha256) = (kind.to_owned(), sha256.to_owned());
        Box::leak(Box::new(Self { kind, sha256, memory: OnceLock::new(), is_over: AtomicBool::new(false) }))
    }

    pub(super) fn counts_memory_by(&self, count: extern "C" fn() -> u64) {
        let _only_once = self.memory.set(count);
    }

    /// Does something with the thread marked as being inside of it.
    pub(crate) fn during<T>(&'static self, method: &'static str, work: impl FnOnce() -> T) -> T {
        let _inside = Inside::enter(Place { tag: self, method });
        work()
    }

    /// Bytes that it holds, where it can tell.
    pub fn memory(&self) -> Option<u64> {
        self.memory.get().map(|count| count())
    }

    /// How much it holds when that is too much, and whether that is news.
    pub(super) fn excess(&self) -> Option<(u64, bool)> {
        let held = self.memory().filter(|held| *held > MAX_MEMORY)?;
        Some((held, !self.is_over.swap(true, Ordering::Relaxed)))
    }
}

/// A driver and one of its methods.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) tag: &'static Tag,
    pub(super) method: &'static str,
}

thread_local! {
    static CURRENT: Cell<Option<Place>> = const { Cell::new(None) };
}

/// Where the current thread is; `None` in the host's own code. Only signals ask.
#[cfg(unix)]
pub(super) fn current() -> Option<Place> {
    CURRENT.try_with(Cell::get).ok().flatten()
}

/// The thread is inside a driver until this is dropped.
pub(super) struct Inside(Option<Place>);

impl Inside {
    pub(super) fn enter(place: Place) -> Self {
        Self(CURRENT.replace(Some(place)))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
