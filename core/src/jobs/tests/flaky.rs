//! A journal in memory that can be told to fail.

use crate::jobs::{Journal, JournalError, Memory, Record, Written, record::Course};
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicBool, Ordering};

/// The journal.
#[derive(Default)]
pub(super) struct Flaky {
    inner: Memory,
    pub(super) fails: AtomicBool,
}

impl Flaky {
    fn checked(&self) -> Result<(), JournalError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(JournalError::Degraded("no space left on device".to_owned())),
            false => Ok(()),
        }
    }

    pub(super) async fn record(&self, id: &str) -> Option<Record> {
        self.inner.load().await.unwrap().into_iter().find(|record| record.ticket.id == id)
    }
}

impl Journal for Flaky {
    fn load(&self) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        Box::pin(async {
            self.checked()?;
            self.inner.load().await
        })
    }

    fn admit<'a>(&'a self, record: &'a Record) -> Written<'a> {
        Box::pin(async {
            self.checked()?;
            self.inner.admit(record).await
        })
    }

    fn note<'a>(&'a self, id: &'a str, course: &'a Course) -> Written<'a> {
        Box::pin(async {
            self.checked()?;
            self.inner.note(id, course).await
        })
    }

    fn forget<'a>(&'a self, id: &'a str) -> Written<'a> {
        Box::pin(async {
            self.checked()?;
            self.inner.forget(id).await
        })
    }
}
