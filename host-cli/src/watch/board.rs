//! What is shown, and what keys do to it: no terminal and no network in here.

use super::terminal::Key;
use mdd_core::{
    events::{BackendView, Change, Detail, JobView, Snapshot, StateName, Update},
    health::LatencyView,
};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Response times that are kept of each backend.
const KEPT_TIMES: usize = 60;
/// A service that does not answer leaves a gap as often as one that answers a time.
const GAP_EVERY: Duration = Duration::from_secs(5);
/// A sentence makes room for the keys again after so many seconds.
const MESSAGE_STAYS: u32 = 6;

/// What the user wants of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    Leave,
    Refresh,
    /// The backend with this id.
    TryNow(String),
    /// The job with this id.
    Cancel(String),
}

/// Which of the two lists the keys move in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum List {
    #[default]
    Backends,
    Jobs,
}

/// What lies over the lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Over {
    #[default]
    Nothing,
    Details,
    Help,
    /// Whether the job with this id shall really be cancelled.
    Confirm(String),
}

/// Everything that is drawn.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// `None` until the host has told, and while there is no host.
    pub(super) snapshot: Option<Snapshot>,
    pub(super) list: List,
    pub(super) over: Over,
    /// What the last key came to.
    pub(super) message: String,
    /// For how many seconds it has been there.
    message_age: u32,
    /// The first line that is shown of what lies over the lists; drawing keeps it within the text.
    pub(super) scroll: usize,
    /// Whether a host was there before and is gone.
    lost: bool,
    chosen_backend: usize,
    chosen_job: usize,
    times: BTreeMap<String, Times>,
    /// When the view of a backend came: its countdown began then.
    came: BTreeMap<String, Instant>,
}

/// The response times of a backend, with gaps where it did not answer.
#[derive(Debug)]
struct Times {
    kept: VecDeque<Option<f64>>,
    /// When the last one came.
    at: Instant,
    /// All figures of the last answer: as long as they are the same there was no other.
    seen: Option<LatencyView>,
}

impl Times {
    fn new(now: Instant) -> Self {
        Self { kept: VecDeque::new(), at: now, seen: None }
    }

    fn add(&mut self, time: Option<f64>, now: Instant) {
        if self.kept.len() == KEPT_TIMES {
            self.kept.pop_front();
        }
        self.kept.push_back(time);
        self.at = now;
    }

    /// Takes in a view: an answer that is new, or that there is none.
    fn take(&mut self, backend: &BackendView, now: Instant) {
        if let Some(latency) = backend.latency_ms.filter(|latency| self.seen != Some(*latency)) {
            self.seen = Some(latency);
            self.add(Some(latency.last), now);
        } else if is_silent(backend) && self.kept.back().is_none_or(Option::is_some) {
            self.add(None, now);
        }
    }
}

/// Whether it is asked and does not answer.
fn is_silent(backend: &BackendView) -> bool {
    match (backend.state, backend.detail) {
        (StateName::Connected, Detail::Unresponsive | Detail::Suspended) => true,
        (StateName::Disconnected, _) => backend.endpoint.is_some(),
        (StateName::Connected | StateName::Connecting | StateName::Disabled, _) => false,
    }
}

impl Board {
    /// Takes in what the host tells.
    pub(super) fn take(&mut self, update: Update, now: Instant) {
        match &update {
            Update::Snapshot(snapshot) => snapshot.backends.iter().for_each(|backend| self.note(backend, now)),
            Update::Changes { changes, .. } => {
                for numbered in changes {
                    match &numbered.change {
                        Change::Backend(backend) => self.note(backend, now),
                        Change::BackendRemoved(id) => {
                            self.times.remove(id);
                            self.came.remove(id);
                        }
                        _ => {}
                    }
                }
            }
        }
        match (&mut self.snapshot, update) {
            (Some(snapshot), update) => snapshot.apply(update),
            (None, Update::Snapshot(snapshot)) => {
                self.snapshot = Some(*snapshot);
                if std::mem::take(&mut self.lost) {
                    self.tell("The host is back.".to_owned());
                }
            }
            // A snapshot comes first.
            (None, Update::Changes { .. }) => {}
        }
    }

    fn note(&mut self, backend: &BackendView, now: Instant) {
        self.came.insert(backend.id.clone(), now);
        self.times.entry(backend.id.clone()).or_insert_with(|| Times::new(now)).take(backend, now);
    }

    /// A second has passed: who is still silent leaves another gap, and what was said makes room.
    pub(super) fn tick(&mut self, now: Instant) {
        self.message_age += 1;
        if self.message_age > MESSAGE_STAYS && self.snapshot.is_some() {
            self.message.clear();
        }
        for backend in self.snapshot.iter().flat_map(|snapshot| &snapshot.backends).filter(|it| is_silent(it)) {
            if let Some(times) = self.times.get_mut(&backend.id).filter(|it| now.duration_since(it.at) >= GAP_EVERY) {
                times.add(None, now);
            }
        }
    }

    /// The host is gone: what it told is no longer true.
    pub(super) fn lose_host(&mut self) {
        let message = "The host has ended. Looking for one, q leaves.".to_owned();
        *self = Self { message, lost: true, ..Self::default() };
    }

    /// Shows a sentence.
    pub(super) fn tell(&mut self, message: String) {
        self.message = message;
        self.message_age = 0;
    }

    pub(super) fn backends(&self) -> &[BackendView] {
        self.snapshot.as_ref().map_or(&[], |snapshot| &snapshot.backends)
    }

    /// The newest first: the open ones are what one looks for.
    pub(super) fn jobs(&self) -> Vec<&JobView> {
        let mut jobs: Vec<_> = self.snapshot.iter().flat_map(|snapshot| &snapshot.jobs).collect();
        jobs.sort_by(|a, b| (a.state.is_final(), &b.created, &b.id).cmp(&(b.state.is_final(), &a.created, &a.id)));
        jobs
    }

    /// Number of the chosen row of a list.
    pub(super) fn chosen(&self, list: List) -> usize {
        let (chosen, rows) = match list {
            List::Backends => (self.chosen_backend, self.backends().len()),
            List::Jobs => (self.chosen_job, self.jobs().len()),
        };
        chosen.min(rows.saturating_sub(1))
    }

    pub(super) fn backend(&self) -> Option<&BackendView> {
        self.backends().get(self.chosen(List::Backends))
    }

    pub(super) fn job(&self) -> Option<&JobView> {
        self.jobs().get(self.chosen(List::Jobs)).copied()
    }

    /// The last response times of a backend, the oldest first.
    pub(super) fn times(&self, backend: &str) -> Vec<Option<f64>> {
        self.times.get(backend).map(|times| times.kept.iter().copied().collect()).unwrap_or_default()
    }

    /// Seconds until the next attempt.
    pub(super) fn countdown(&self, backend: &BackendView, now: Instant) -> Option<u64> {
        let passed = now.duration_since(*self.came.get(&backend.id)?);
        let left = u128::from(backend.next_try_ms?).saturating_sub(passed.as_millis());
        u64::try_from(left.div_ceil(1000)).ok()
    }

    /// Whether a key ends the program wherever one is.
    pub(super) fn leaves(key: Key) -> bool {
        matches!(key, Key::Interrupt | Key::Letter('q'))
    }

    /// What a key means.
    pub(super) fn press(&mut self, key: Key) -> Option<Wish> {
        if Self::leaves(key) {
            return Some(Wish::Leave);
        }
        match std::mem::take(&mut self.over) {
            Over::Confirm(job) => match key {
                Key::Letter('y') => return Some(Wish::Cancel(job)),
                Key::Resize => self.over = Over::Confirm(job),
                _ => self.tell("It goes on.".to_owned()),
            },
            over => return self.press_in(over, key),
        }
        None
    }

    fn press_in(&mut self, over: Over, key: Key) -> Option<Wish> {
        let is_open = over != Over::Nothing;
        let stays = over.clone();
        self.message.clear();
        match key {
            Key::Interrupt => return Some(Wish::Leave),
            Key::Escape if is_open => {}
            Key::Escape => return Some(Wish::Leave),
            Key::Letter('?' | 'h') => self.lay(if over == Over::Help { Over::Nothing } else { Over::Help }),
            Key::Enter => self.lay(if over == Over::Details { Over::Nothing } else { Over::Details }),
            Key::Tab => {
                self.list = if self.list == List::Backends { List::Jobs } else { List::Backends };
                self.lay(stays);
            }
            Key::Up | Key::Letter('k') if is_open => self.scroll_in(stays, -1),
            Key::Down | Key::Letter('j') if is_open => self.scroll_in(stays, 1),
            Key::Up | Key::Letter('k') => self.go(-1),
            Key::Down | Key::Letter('j') => self.go(1),
            Key::Letter('r') => return self.wish(stays, Some(Wish::Refresh)),
            Key::Letter('t') => {
                let backend = self.backend().map(|backend| Wish::TryNow(backend.id.clone()));
                return self.wish(stays, backend);
            }
            Key::Letter('c') => match self.job().filter(|job| self.list == List::Jobs && !job.state.is_final()) {
                Some(job) => self.lay(Over::Confirm(job.id.clone())),
                None => {
                    self.tell("Choose an open job first: Tab goes to the jobs.".to_owned());
                    self.over = stays;
                }
            },
            Key::Letter(_) | Key::Resize => self.over = stays,
        }
        None
    }

    /// Lays something over the lists, shown from its beginning.
    fn lay(&mut self, over: Over) {
        self.over = over;
        self.scroll = 0;
    }

    fn wish(&mut self, over: Over, wish: Option<Wish>) -> Option<Wish> {
        self.over = over;
        wish
    }

    fn scroll_in(&mut self, over: Over, by: isize) {
        self.over = over;
        self.scroll = self.scroll.saturating_add_signed(by);
    }

    fn go(&mut self, by: isize) {
        let rows = match self.list {
            List::Backends => self.backends().len(),
            List::Jobs => self.jobs().len(),
        };
        let at = self.chosen(self.list).saturating_add_signed(by).min(rows.saturating_sub(1));
        match self.list {
            List::Backends => self.chosen_backend = at,
            List::Jobs => self.chosen_job = at,
        }
    }
}
