//! The journal in a file of SQLite, which belongs to a thread of its own: nobody waits for the disk but who must.

mod file;
mod keeper;
mod migrations;
mod rows;
#[cfg(test)]
mod tests;

use super::{Condition, Journal, JournalError, Written};
use crate::jobs::record::{Course, Record};
use futures_util::future::BoxFuture;
use keeper::{Keeper, Request};
use rows::Write;
use std::{
    io,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};
use tokio::sync::{oneshot, watch};

/// A journal that outlives the process.
#[derive(Debug)]
pub struct Sqlite {
    requests: mpsc::Sender<Request>,
    condition: watch::Receiver<Condition>,
}

impl Sqlite {
    /// The journal in that file, which is made when it is missing. Returns at once: the file is opened beside.
    ///
    /// Only one process at a time may do so; whoever has the lock of the state folder.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn start(path: PathBuf) -> io::Result<Self> {
        let (requests, waiting) = mpsc::channel();
        let (telling, condition) = watch::channel(Condition::default());
        let keeper = Keeper::new(path, waiting, telling);
        thread::Builder::new().name("journal".to_owned()).spawn(move || keeper.run())?;
        Ok(Self { requests, condition })
    }

    /// The jobs in that file, beside whoever writes it; none where there is no file. May block.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> Result<Vec<Record>, JournalError> {
        let unread = |error: &dyn std::error::Error| JournalError::Unread(error.to_string());
        let Some(file) = file::open_to_read(path).map_err(|error| unread(&error))? else { return Ok(Vec::new()) };
        rows::load(&file).map_err(|error| unread(&error))
    }

    fn write(&self, write: Result<Write, serde_json::Error>) -> Written<'_> {
        let (reply, written) = oneshot::channel();
        // In line from now on, whether or not somebody waits for it.
        let sent = match write {
            Ok(write) => self.requests.send(Request::Write(write, reply)).map_err(|_| gone()),
            Err(error) => Err(JournalError::Degraded(error.to_string())),
        };
        Box::pin(async move {
            sent?;
            written.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

impl Journal for Sqlite {
    fn load(&self) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        let (reply, loaded) = oneshot::channel();
        let sent = self.requests.send(Request::Load(reply)).map_err(|_| gone());
        Box::pin(async move {
            sent?;
            loaded.await.unwrap_or_else(|_| Err(gone()))
        })
    }

    fn admit<'a>(&'a self, record: &'a Record) -> Written<'a> {
        self.write(Write::admit(record))
    }

    fn note<'a>(&'a self, id: &'a str, course: &'a Course) -> Written<'a> {
        self.write(Write::note(id, course))
    }

    fn forget<'a>(&'a self, id: &'a str) -> Written<'a> {
        self.write(Ok(Write::Forget { id: id.to_owned() }))
    }

    fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }
}

fn gone() -> JournalError {
    JournalError::Degraded("its thread has ended".to_owned())
}
