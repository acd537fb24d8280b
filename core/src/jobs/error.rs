//! What can be wrong with a request about a job.

use super::journal::JournalError;
use std::io;

/// Why something cannot be done with a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// No such job.
    #[error("there is no job {0:?}")]
    Unknown(String),
    /// It is not over.
    #[error("the job {0:?} is not over; cancel it first")]
    Open(String),
    /// All of it is there.
    #[error("the job {0:?} is done")]
    Done(String),
    /// It cannot be written down.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its folder cannot be removed.
    #[error("the folder of the job cannot be removed: {0}")]
    Folder(io::Error),
}

impl JobError {
    /// Stable name of the error, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown-job",
            Self::Open(_) => "job-open",
            Self::Done(_) => "job-done",
            Self::Journal(_) => "store-degraded",
            Self::Folder(_) => "no-folder",
        }
    }
}
