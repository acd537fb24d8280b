//! What is shown, and what keys do to it: no terminal and no network in here.

use super::terminal::Key;
use mdd_core::events::{BackendView, Change, JobView, Snapshot, Update};
use std::collections::{BTreeMap, VecDeque};
use tokio::time::Instant;

/// Response times that are kept of each backend.
const KEPT_TIMES: usize = 60;

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
    chosen_backend: usize,
    chosen_job: usize,
    times: BTreeMap<String, VecDeque<f64>>,
    /// When the view of a backend came: its countdown began then.
    came: BTreeMap<String, Instant>,
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
            (None, Update::Snapshot(snapshot)) => self.snapshot = Some(*snapshot),
            // A snapshot comes first.
            (None, Update::Changes { .. }) => {}
        }
    }

    fn note(&mut self, backend: &BackendView, now: Instant) {
        self.came.insert(backend.id.clone(), now);
        if let Some(latency) = &backend.latency_ms {
            let times = self.times.entry(backend.id.clone()).or_default();
            if times.len() == KEPT_TIMES {
                times.pop_front();
            }
            times.push_back(latency.last);
        }
    }

    /// The host is gone: what it told is no longer true.
    pub(super) fn lose_host(&mut self) {
        *self = Self { message: "The host has ended. Looking for one, q leaves.".to_owned(), ..Self::default() };
    }

    /// Shows a sentence.
    pub(super) fn tell(&mut self, message: String) {
        self.message = message;
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
    pub(super) fn times(&self, backend: &str) -> Vec<f64> {
        self.times.get(backend).map(|times| times.iter().copied().collect()).unwrap_or_default()
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
                _ => self.message = "It goes on.".to_owned(),
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
            Key::Letter('?' | 'h') => self.over = if over == Over::Help { Over::Nothing } else { Over::Help },
            Key::Enter => self.over = if over == Over::Details { Over::Nothing } else { Over::Details },
            Key::Tab => {
                self.list = if self.list == List::Backends { List::Jobs } else { List::Backends };
                self.over = stays;
            }
            Key::Up | Key::Letter('k') => self.go(stays, -1),
            Key::Down | Key::Letter('j') => self.go(stays, 1),
            Key::Letter('r') => return self.wish(stays, Some(Wish::Refresh)),
            Key::Letter('t') => {
                let backend = self.backend().map(|backend| Wish::TryNow(backend.id.clone()));
                return self.wish(stays, backend);
            }
            Key::Letter('c') => match self.job().filter(|job| self.list == List::Jobs && !job.state.is_final()) {
                Some(job) => self.over = Over::Confirm(job.id.clone()),
                None => {
                    self.message = "Choose an open job first: Tab goes to the jobs.".to_owned();
                    self.over = stays;
                }
            },
            Key::Letter(_) | Key::Resize => self.over = stays,
        }
        None
    }

    fn wish(&mut self, over: Over, wish: Option<Wish>) -> Option<Wish> {
        self.over = over;
        wish
    }

    fn go(&mut self, over: Over, by: isize) {
        self.over = over;
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
