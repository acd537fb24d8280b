//! Collects what everybody publishes, numbers the changes, and tells who waits for them.
//!
//! There is no queue per reader: the last changes are kept once, and a reader that falls behind them gets a snapshot.

#[cfg(mdd_shuttle)]
mod interleavings;

use super::{BackendView, Change, JobView, Marks, Notice, Numbered, Snapshot, StoreView, Update};
use crate::health::{self, Summary, summarize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, PoisonError},
};
use tokio::time::Instant;
#[cfg(mdd_shuttle)]
use {
    interleavings::watch,
    shuttle::sync::{Mutex, MutexGuard},
};
#[cfg(not(mdd_shuttle))]
use {
    std::sync::{Mutex, MutexGuard},
    tokio::sync::watch,
};

/// Changes that are kept for readers that are a little behind.
const KEPT_CHANGES: usize = if cfg!(mdd_shuttle) { 1 } else { 512 };
/// Notices that a new reader still gets to see.
const KEPT_NOTICES: usize = 20;

/// The state of everything. Publishing never waits for a reader.
#[derive(Debug)]
pub struct Bus {
    state: Mutex<State>,
    /// Number of the last change.
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    backends: BTreeMap<String, Entry>,
    marks: BTreeMap<String, Marks>,
    jobs: BTreeMap<String, JobView>,
    notices: VecDeque<Notice>,
    store: StoreView,
    changes: VecDeque<Numbered>,
    /// Until something changes that it speaks of: it is read with every change, and most are response times.
    summary: Option<Summary>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    /// As its supervisor sees it.
    plain: BackendView,
    /// With its marks.
    view: BackendView,
    /// Counted down when it is read.
    next_try: Option<Instant>,
}

impl Default for Bus {
    fn default() -> Self {
        Self { state: Mutex::default(), last: watch::Sender::new(0) }
    }
}

impl Bus {
    /// Publishes a backend's view, under its id. Readers only wake up when something in it is new.
    pub fn publish(&self, view: BackendView, next_try: Option<Instant>) {
        self.change(|state| state.show(view, next_try));
    }

    /// Lays marks over a backend's views, those to come as well.
    pub fn mark(&self, id: &str, marks: Marks) {
        self.change(|state| {
            if state.marks.get(id) == Some(&marks) {
                return None;
            }
            state.marks.insert(id.to_owned(), marks);
            let Entry { plain, next_try, .. } = state.backends.get(id)?.clone();
            state.show(plain, next_try)
        });
    }

    /// Changes the marks of a backend.
    pub fn remark(&self, id: &str, change: impl FnOnce(&mut Marks)) {
        let mut marks = self.state().marks.get(id).cloned().unwrap_or_default();
        change(&mut marks);
        self.mark(id, marks);
    }

    /// Reads the backends without copying them.
    pub fn look<T>(&self, look: impl FnOnce(&mut dyn Iterator<Item = &BackendView>) -> T) -> T {
        look(&mut self.state().backends.values().map(|entry| &entry.view))
    }

    /// One backend as it is now.
    pub fn backend(&self, id: &str) -> Option<BackendView> {
        self.state().backends.get(id).map(|entry| entry.at(Instant::now()))
    }

    /// Takes a backend out.
    pub fn remove(&self, id: &str) {
        self.change(|state| {
            state.marks.remove(id);
            state.summary = None;
            state.backends.remove(id).map(|_| Change::BackendRemoved(id.to_owned()))
        });
    }

    /// Publishes a job's view, under its id.
    pub fn publish_job(&self, view: JobView) {
        self.change(|state| {
            if state.jobs.get(&view.id) == Some(&view) {
                return None;
            }
            state.jobs.insert(view.id.clone(), view.clone());
            Some(Change::Job(Arc::new(view)))
        });
    }

    /// Takes a job out.
    pub fn remove_job(&self, id: &str) {
        self.change(|state| state.jobs.remove(id).map(|_| Change::JobRemoved(id.to_owned())));
    }

    /// Publishes how the store of jobs is.
    pub fn publish_store(&self, store: StoreView) {
        self.change(|state| {
            if state.store == store {
                return None;
            }
            state.store = store.clone();
            Some(Change::Store(store))
        });
    }

    /// Tells people something.
    pub fn notify(&self, notice: Notice) {
        self.change(|state| {
            if state.notices.len() == KEPT_NOTICES {
                state.notices.pop_front();
            }
            state.notices.push_back(notice.clone());
            Some(Change::Notice(notice))
        });
    }

    /// Everything as it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.state().snapshot()
    }

    /// Tells of changes from now on, without saying which.
    pub fn changes(&self) -> Changes {
        Changes(self.last.subscribe())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in a holder leaves whole maps: each change is a few insertions.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The only place where the state changes and is numbered.
    fn change(&self, change: impl FnOnce(&mut State) -> Option<Change>) {
        let last = {
            let mut state = self.state();
            let Some(change) = change(&mut state) else { return };
            state.last += 1;
            if state.changes.len() == KEPT_CHANGES {
                state.changes.pop_front();
            }
            let number = state.last;
            state.changes.push_back(Numbered { seq: number, change });
            number
        };
        self.last.send_modify(|seen| *seen = last.max(*seen));
    }
}

impl State {
    /// Keeps a view with its marks, when something in it is new.
    fn show(&mut self, plain: BackendView, next_try: Option<Instant>) -> Option<Change> {
        let mut view = plain.clone();
        if let Some(marks) = self.marks.get(&plain.id) {
            marks.apply(&mut view);
        }
        let entry = Entry { plain, view, next_try };
        let known = self.backends.get(&entry.view.id);
        if known == Some(&entry) {
            return None;
        }
        if known.is_none_or(|known| health::reads_differently(&known.view, &entry.view)) {
            self.summary = None;
        }
        let seen = entry.at(Instant::now());
        self.backends.insert(entry.view.id.clone(), entry);
        Some(Change::Backend(Arc::new(seen)))
    }

    fn snapshot(&mut self) -> Snapshot {
        let now = Instant::now();
        let backends: Vec<_> = self.backends.values().map(|entry| entry.at(now)).collect();
        Snapshot {
            seq: self.last,
            summary: self.summary(),
            backends,
            jobs: self.jobs.values().cloned().collect(),
            notices: self.notices.iter().cloned().collect(),
            store: self.store.clone(),
        }
    }

    fn summary(&mut self) -> Summary {
        let Self { summary, backends, .. } = self;
        summary.get_or_insert_with(|| summarize(backends.values().map(|entry| &entry.view))).clone()
    }

    /// The changes after `seen`, or nothing when some of them are no longer kept.
    fn after(&self, seen: u64) -> Option<Vec<Numbered>> {
        let missing = usize::try_from(self.last - seen).ok()?;
        let from = self.changes.len().checked_sub(missing)?;
        Some(self.changes.range(from..).cloned().collect())
    }
}

impl Entry {
    fn at(&self, now: Instant) -> BackendView {
        let left = self.next_try.map(|next_try| next_try.saturating_duration_since(now));
        let next_try_ms = left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        BackendView { next_try_ms, ..self.view.clone() }
    }
}

/// Wakes up after changes.
#[derive(Debug)]
pub struct Changes(watch::Receiver<u64>);

impl Changes {
    /// Resolves after the next change; several may be seen as one. False when the bus is gone.
    pub async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }

    /// Whether there was one since this was asked last.
    pub fn has_changed(&mut self) -> bool {
        let changed = self.0.has_changed().unwrap_or(false);
        self.0.mark_unchanged();
        changed
    }
}

/// A reader of a snapshot and all changes after it.
#[derive(Debug)]
pub struct Subscription {
    bus: Arc<Bus>,
    last: watch::Receiver<u64>,
    /// `None` until the first snapshot was read.
    seen: Option<u64>,
}

impl Subscription {
    /// A new reader.
    pub fn new(bus: &Arc<Bus>) -> Self {
        Self { bus: bus.clone(), last: bus.last.subscribe(), seen: None }
    }

    /// A snapshot first, then changes without a gap in their numbers; a snapshot again when this reader was so slow that
    /// changes it has not seen are no longer kept. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Update {
        loop {
            if let Some(update) = self.ready() {
                return update;
            }
            // The sender lives in the bus that this reader holds.
            let _bus_lives = self.last.changed().await;
        }
    }

    fn ready(&mut self) -> Option<Update> {
        let bus = self.bus.clone();
        let mut state = bus.state();
        self.last.mark_unchanged();
        let update = match self.seen {
            Some(seen) if seen == state.last => return None,
            Some(seen) => match state.after(seen) {
                Some(changes) => Update::Changes { summary: state.summary(), changes },
                None => Update::Snapshot(Box::new(state.snapshot())),
            },
            None => Update::Snapshot(Box::new(state.snapshot())),
        };
        self.seen = Some(state.last);
        Some(update)
    }
}

#[cfg(all(test, not(mdd_shuttle)))]
mod tests {
    use super::{Bus, KEPT_CHANGES, Subscription};
    use crate::{
        events::{BackendView, Change, Detail, Notice, NoticeSeverity, StateName, Update},
        health::{LatencyView, backend},
    };
    use std::sync::Arc;

    fn notice(number: usize) -> Notice {
        Notice { at: String::new(), severity: NoticeSeverity::Info, backend: None, text: number.to_string() }
    }

    #[tokio::test]
    async fn a_reader_gets_a_snapshot_and_then_every_change_once() {
        let bus = Arc::new(Bus::default());
        bus.notify(notice(0));
        let mut reader = Subscription::new(&bus);
        let Update::Snapshot(first) = reader.next().await else { panic!("a snapshot comes first") };
        assert_eq!((first.seq, first.notices.len()), (1, 1));
        let mut expected = first.seq;
        for round in 1..50 {
            for number in 0..round % 4 + 1 {
                bus.notify(notice(number));
            }
            let Update::Changes { changes, .. } = reader.next().await else { panic!("nothing was lost") };
            for change in changes {
                expected += 1;
                assert_eq!(change.seq, expected);
            }
        }
        assert_eq!(expected, bus.snapshot().seq);
    }

    #[test]
    fn the_summary_follows_what_it_speaks_of() {
        let bus = Bus::default();
        let show = |state, latency_ms| {
            bus.publish(BackendView { latency_ms, ..backend("A", state, Detail::Ready, &[]) }, None);
            bus.snapshot().summary.sentence
        };
        let fast = LatencyView { last: 1.0, p50: 1.0, p95: 1.0, p99: 1.0 };
        assert_eq!(show(StateName::Connected, None), "Everything is ready: A.");
        assert_eq!(show(StateName::Connected, Some(fast)), "Everything is ready: A.");
        assert_eq!(show(StateName::Connecting, Some(fast)), "A is being connected.");
        bus.remove("A");
        assert_eq!(bus.snapshot().summary.sentence, "No AI service is known yet.");
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_gets_a_snapshot_and_goes_on() {
        let bus = Arc::new(Bus::default());
        let mut reader = Subscription::new(&bus);
        reader.next().await;
        for number in 0..=KEPT_CHANGES {
            bus.notify(notice(number));
        }
        let Update::Snapshot(again) = reader.next().await else { panic!("too much was missed for changes") };
        bus.notify(notice(0));
        let Update::Changes { changes, .. } = reader.next().await else { panic!("it has caught up") };
        assert_eq!(changes[0].seq, again.seq + 1);
        assert!(matches!(changes[0].change, Change::Notice(_)));
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken() {
        let bus = Arc::new(Bus::default());
        let mut reader = Subscription::new(&bus);
        reader.next().await;
        let waiting = tokio::spawn(async move { reader.next().await });
        bus.notify(notice(1));
        assert!(matches!(waiting.await.unwrap(), Update::Changes { .. }));
    }
}
