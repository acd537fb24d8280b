//! What can be wrong with a submission.

use crate::jobs::journal::JournalError;
use std::io;

/// Why a job was not accepted. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Not 1 to 64 of the allowed characters.
    #[error("the id {0:?} is not 1 to 64 of the characters A-Z, a-z, 0-9, `.`, `_` and `-`")]
    BadId(String),
    /// The id belongs to another job.
    #[error("the id {0:?} belongs to another job")]
    IdTaken(String),
    /// No driver.
    #[error("no driver for {kind:?} is loaded; there is one for {}", listed(known))]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No such backend.
    #[error("there is no backend {backend:?}; there is {}", listed(known))]
    UnknownBackend {
        /// What was asked for.
        backend: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No such operation.
    #[error("{kind} has no operation {operation:?}; it has {}", listed(known))]
    UnknownOperation {
        /// The kind.
        kind: String,
        /// What was asked for.
        operation: String,
        /// What it has.
        known: Vec<String>,
    },
    /// The payload breaks the operation's schema.
    #[error("the payload is not valid: {0}")]
    BadPayload(String),
    /// The operation needs a file that did not come.
    #[error("the file {0:?} is missing")]
    MissingFile(String),
    /// The operation takes no file of this name.
    #[error("the operation takes no file {name:?}; it takes {}", listed(known))]
    UnknownFile {
        /// What came.
        name: String,
        /// What it takes.
        known: Vec<String>,
    },
    /// Two files of one name, or more than a job may have.
    #[error("the file {0:?} is one too many")]
    ExtraFile(String),
    /// A file cannot be copied.
    #[error("the file {name:?} cannot be read: {source}")]
    UnreadableFile {
        /// Its name in the job.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// The job's folder cannot be made.
    #[error("the folder for the job cannot be made: {0}")]
    Folder(io::Error),
    /// The job cannot be written down.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The host is ending.
    #[error("the host is ending")]
    Closed,
}

impl SubmitError {
    /// Stable name of the error, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadId(_) => "bad-id",
            Self::IdTaken(_) => "id-taken",
            Self::UnknownKind { .. } => "unknown-kind",
            Self::UnknownBackend { .. } => "unknown-backend",
            Self::UnknownOperation { .. } => "unknown-operation",
            Self::BadPayload(_) => "bad-payload",
            Self::MissingFile(_) => "missing-file",
            Self::UnknownFile { .. } => "unknown-file",
            Self::ExtraFile(_) => "extra-file",
            Self::UnreadableFile { .. } => "unreadable-file",
            Self::Folder(_) => "no-folder",
            Self::Journal(_) => "store-degraded",
            Self::Closed => "host-ending",
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
