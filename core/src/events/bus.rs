//! Collects the views of all backends and tells who waits for a change.

use super::{BackendView, Snapshot};
use crate::health::summarize;
use std::collections::BTreeMap;
use tokio::{sync::watch, time::Instant};

/// The state of everything. Publishing never waits for a reader.
#[derive(Debug)]
pub struct Bus {
    backends: watch::Sender<BTreeMap<String, Entry>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    view: BackendView,
    /// Counted down when it is read.
    next_try: Option<Instant>,
}

impl Default for Bus {
    fn default() -> Self {
        Self { backends: watch::Sender::new(BTreeMap::new()) }
    }
}

/// Wakes up after changes.
#[derive(Debug)]
pub struct Changes(watch::Receiver<BTreeMap<String, Entry>>);

impl Bus {
    /// Publishes a backend's view, under its id. Readers only wake up when something in it is new.
    pub fn publish(&self, view: BackendView, next_try: Option<Instant>) {
        let entry = Entry { view, next_try };
        self.backends.send_if_modified(|backends| {
            if backends.get(&entry.view.id) == Some(&entry) {
                return false;
            }
            backends.insert(entry.view.id.clone(), entry);
            true
        });
    }

    /// Takes a backend out.
    pub fn remove(&self, id: &str) {
        self.backends.send_if_modified(|backends| backends.remove(id).is_some());
    }

    /// Everything as it is now.
    pub fn snapshot(&self) -> Snapshot {
        let now = Instant::now();
        let backends: Vec<_> = self.backends.borrow().values().map(|entry| entry.at(now)).collect();
        Snapshot { summary: summarize(&backends), backends }
    }

    /// Tells of changes from now on.
    pub fn changes(&self) -> Changes {
        Changes(self.backends.subscribe())
    }
}

impl Entry {
    fn at(&self, now: Instant) -> BackendView {
        let left = self.next_try.map(|next_try| next_try.saturating_duration_since(now));
        let next_try_ms = left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        BackendView { next_try_ms, ..self.view.clone() }
    }
}

impl Changes {
    /// Resolves after the next change; several may be seen as one. False when the bus is gone.
    pub async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}
