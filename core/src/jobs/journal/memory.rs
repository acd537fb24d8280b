//! A journal that ends with the process.

use super::{Journal, JournalError, Written};
use crate::jobs::record::{Course, Record};
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

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
                None => return Err(JournalError::Missing(id.to_owned())),
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
