//! The state of one process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{gallery::Gallery, job::Job};
use crate::{fault::Board, ledger::Book, registry::Setup, tasks::OwnedTask};

/// One process. A restart makes another one, without jobs and with an empty gallery.
pub(super) struct Process {
    pub(super) book: Arc<Book>,
    pub(super) board: Arc<Board>,
    state: Mutex<State>,
}

/// What changes.
#[derive(Default)]
pub(super) struct State {
    pub(super) gallery: Gallery,
    pub(super) jobs: Vec<Job>,
    /// What works on the newest job.
    pub(super) worker: Option<OwnedTask>,
}

impl Process {
    pub(super) fn new(setup: &Setup) -> Self {
        Self { book: Arc::clone(&setup.book), board: Arc::clone(&setup.board), state: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn is_busy(&self) -> bool {
        self.jobs.last().is_some_and(|job| !job.is_done())
    }

    pub(super) fn job(&mut self, id: &str) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }
}
