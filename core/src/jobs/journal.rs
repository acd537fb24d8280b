//! Where jobs are written down: whatever is announced was durable before.

use super::record::{Course, Record};
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The journal did not take a record. Nothing that depends on it may be announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written: {0}")]
pub struct JournalError(pub String);

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

    /// A job that the user has discarded.
    fn forget<'a>(&'a self, id: &'a str) -> Written<'a>;
}

/// A journal that ends with the process.
#[derive(Debug, Default)]
pub struct Memory(Mutex<BTreeMap<String, Record>>);

impl Memory {
    fn records(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        // A panic in a holder leaves a whole map: each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for Memory {
    fn load(&self) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        Box::pin(async { Ok(self.records().values().cloned().collect()) })
    }

    fn admit<'a>(&'a self, record: &'a Record) -> Written<'a> {
        Box::pin(async {
            self.records().insert(record.ticket.id.clone(), record.clone());
            Ok(())
        })
    }

    fn note<'a>(&'a self, id: &'a str, course: &'a Course) -> Written<'a> {
        Box::pin(async move {
            match self.records().get_mut(id) {
                Some(record) => record.course = course.clone(),
                None => return Err(JournalError(format!("it has no job {id}"))),
            }
            Ok(())
        })
    }

    fn forget<'a>(&'a self, id: &'a str) -> Written<'a> {
        Box::pin(async {
            self.records().remove(id);
            Ok(())
        })
    }
}
