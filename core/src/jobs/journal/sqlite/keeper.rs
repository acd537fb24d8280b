//! The thread that has the file: everything that waits is written together, with one sync, and only then acknowledged.

use super::{
    file::{self, OpenError, Opened},
    rows::{self, Taken, Write},
};
use crate::jobs::{
    journal::{Condition, JournalError},
    record::Record,
};
use rusqlite::{Connection, ErrorCode};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};
use tokio::sync::{oneshot, watch};

/// Most writes that share one sync.
const MAX_BATCH: usize = 512;
/// How soon a file that failed is tried again when nobody asks; each time twice as late.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// What is asked of the thread.
#[derive(Debug)]
pub(super) enum Request {
    Load(Reply<Vec<Record>>),
    Write(Write, Reply<()>),
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// Who has the file.
pub(super) struct Keeper {
    path: PathBuf,
    requests: Receiver<Request>,
    file: Option<Connection>,
    /// After the file, so that its end tells that the file is closed.
    condition: watch::Sender<Condition>,
    /// The file was read from end to end, or needs to be again.
    is_checked: bool,
    /// Jobs whose admission was refused, and of which the file may have something.
    refused: BTreeSet<String>,
    retry_in: Duration,
}

impl Keeper {
    pub(super) fn new(path: PathBuf, requests: Receiver<Request>, condition: watch::Sender<Condition>) -> Self {
        let refused = BTreeSet::new();
        Self { path, requests, condition, file: None, is_checked: false, refused, retry_in: FIRST_RETRY }
    }

    /// Until nobody can ask any more.
    pub(super) fn run(mut self) {
        self.open();
        loop {
            let request = match &self.file {
                Some(_) => self.requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
                None => self.requests.recv_timeout(self.retry_in),
            };
            match request {
                Ok(request) => self.serve(request),
                Err(RecvTimeoutError::Timeout) => {
                    self.retry_in = (2 * self.retry_in).min(LAST_RETRY);
                    self.open();
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Serves a request and whatever else waits.
    fn serve(&mut self, first: Request) {
        let mut writes = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Write(write, reply) => writes.push((write, reply)),
                Request::Load(reply) => {
                    self.write(std::mem::take(&mut writes));
                    // Nobody waits any more, perhaps.
                    let _unwanted = reply.send(self.load());
                }
            }
            next = if writes.len() < MAX_BATCH { self.requests.try_recv().ok() } else { None };
        }
        self.write(writes);
    }

    fn write(&mut self, writes: Vec<(Write, Reply<()>)>) {
        if writes.is_empty() {
            return;
        }
        match self.with_file(|file| rows::write(file, writes.iter().map(|(write, _)| write))) {
            Ok(taken) => {
                self.retry_in = FIRST_RETRY;
                for ((write, reply), taken) in writes.into_iter().zip(taken) {
                    let result = match taken {
                        Taken::Written => Ok(()),
                        Taken::Missing => Err(JournalError::Missing(write.id().to_owned())),
                    };
                    let _unwanted = reply.send(result);
                }
            }
            Err(error) => {
                for (write, reply) in writes {
                    if let Write::Admit { id, .. } = write {
                        self.refused.insert(id);
                    }
                    let _unwanted = reply.send(Err(error.clone()));
                }
            }
        }
    }

    fn load(&mut self) -> Result<Vec<Record>, JournalError> {
        self.with_file(|file| rows::load(file))
    }

    /// Works with the file, which is opened if it must be. After a failure it is closed: what a system that could not
    /// sync once believes to be on the disk is not to be trusted.
    fn with_file<T>(&mut self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        if self.file.is_none() {
            self.open();
        }
        let Some(file) = &mut self.file else {
            let why = self.condition.borrow().degraded.clone();
            return Err(JournalError::Degraded(why.unwrap_or_default()));
        };
        work(file).map_err(|error| {
            self.file = None;
            if matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
                self.is_checked = false;
            }
            self.fail(error.to_string())
        })
    }

    fn open(&mut self) {
        match self.try_open() {
            Ok(Opened { file, set_aside }) => {
                self.file = Some(file);
                self.is_checked = true;
                self.refused.clear();
                self.condition.send_if_modified(|condition| {
                    let mended = condition.degraded.take().is_some();
                    let news = set_aside.is_some();
                    condition.set_aside = set_aside.or(condition.set_aside.take());
                    mended || news
                });
            }
            Err(error) => drop(self.fail(error.to_string())),
        }
    }

    fn try_open(&self) -> Result<Opened, OpenError> {
        let mut opened = file::open(&self.path, !self.is_checked)?;
        if self.condition.borrow().degraded.is_some() {
            rows::mend(&mut opened.file, &self.refused)?;
        }
        Ok(opened)
    }

    fn fail(&self, why: String) -> JournalError {
        tracing::error!(why, "the journal cannot be used");
        self.condition.send_if_modified(|condition| condition.degraded.replace(why.clone()).as_ref() != Some(&why));
        JournalError::Degraded(why)
    }
}
