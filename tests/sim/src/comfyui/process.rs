//! The state of one ComfyUI process.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use super::{Release, events::Hub, files::Files, nodes::Nodes, queue::Queue};
use crate::{fault::Board, ledger::Book, registry::Setup, uuid};

pub(super) struct Process {
    pub(super) release: Release,
    pub(super) version: &'static str,
    pub(super) port: u16,
    pub(super) book: Arc<Book>,
    pub(super) board: Arc<Board>,
    pub(super) queue: Queue,
    pub(super) hub: Arc<Hub>,
    pub(super) files: Arc<Files>,
    pub(super) nodes: Nodes,
    /// The five letters in the names of previews, drawn anew by each process.
    pub(super) temp_letters: String,
    /// The priority of the next job; starts at 0 with every process.
    number: AtomicI64,
    interrupted: AtomicBool,
    free_memory: AtomicBool,
    current: Mutex<Current>,
}

/// Whom the running job belongs to and which node it is at.
#[derive(Clone, Default)]
pub(super) struct Current {
    pub(super) client_id: Option<String>,
    pub(super) node: Option<String>,
}

impl Process {
    pub(super) fn new(release: Release, setup: &Setup, hub: Arc<Hub>, files: Arc<Files>) -> Self {
        let letters = uuid::hex().bytes().filter(u8::is_ascii_alphabetic).map(char::from).take(5).collect::<String>();
        Self {
            release,
            version: setup.version,
            port: setup.port,
            book: Arc::clone(&setup.book),
            board: Arc::clone(&setup.board),
            queue: Queue::new(Arc::clone(&hub)),
            hub,
            files,
            nodes: Nodes::of(release),
            temp_letters: format!("{letters:a<5}"),
            number: AtomicI64::new(0),
            interrupted: AtomicBool::new(false),
            free_memory: AtomicBool::new(false),
            current: Mutex::default(),
        }
    }

    /// The priority that the next job gets by default.
    pub(super) fn next_number(&self) -> i64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Whether an interruption was asked for since this was last called.
    pub(super) fn take_interrupt(&self) -> bool {
        self.interrupted.swap(false, Ordering::Relaxed)
    }

    pub(super) fn free_memory(&self) {
        self.free_memory.store(true, Ordering::Relaxed);
    }

    pub(super) fn take_free_memory(&self) -> bool {
        self.free_memory.swap(false, Ordering::Relaxed)
    }

    pub(super) fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
