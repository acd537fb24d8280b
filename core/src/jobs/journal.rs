//! Where jobs are written down: whatever is announced was durable before.

mod memory;
mod sqlite;

pub use memory::Memory;
pub use sqlite::Sqlite;

use super::record::{Course, Record};
use futures_util::future::BoxFuture;
use std::path::PathBuf;
use tokio::sync::watch;

/// The journal did not take a record. Nothing that depends on it may be announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Nothing can be written.
    #[error("the journal cannot be written: {0}")]
    Degraded(String),
    /// Nothing can be read.
    #[error("the journal cannot be read: {0}")]
    Unread(String),
    /// It does not know the job: its file is another one by now.
    #[error("the journal has no job {0:?}")]
    Missing(String),
}

/// How a journal is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// Why nothing can be written; `None` while all is well.
    pub degraded: Option<String>,
    /// A file that could not be read, and where it was set aside.
    pub set_aside: Option<SetAside>,
}

/// A file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// When that is durable.
pub type Written<'a> = BoxFuture<'a, Result<(), JournalError>>;

/// Keeps jobs. Calls come from many tasks at once, so that writes can share one sync; those for one job come one after
/// the other. Dropping a future does not take its write back.
pub trait Journal: Send + Sync + 'static {
    /// Every job, in any order.
    fn load(&self) -> BoxFuture<'_, Result<Vec<Record>, JournalError>>;

    /// A new job. Its ticket never changes afterwards.
    fn admit<'a>(&'a self, record: &'a Record) -> Written<'a>;

    /// A step of a job.
    fn note<'a>(&'a self, id: &'a str, course: &'a Course) -> Written<'a>;

    /// A job that is no longer kept.
    fn forget<'a>(&'a self, id: &'a str) -> Written<'a>;

    /// How it is, now and whenever that changes.
    fn condition(&self) -> watch::Receiver<Condition> {
        watch::channel(Condition::default()).1
    }
}
