//! What the journal keeps of a job.

use super::machine::Moment;
use crate::{diagnosis::Reason, events::JobState};
use mdd_driver_api::Stage;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// One job: what was asked for, and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What was asked for.
    pub ticket: Ticket,
    /// How far it has come.
    pub course: Course,
}

/// What never changes after a job was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The id that the client made.
    pub id: String,
    /// Its place in the order of submission, from 1.
    pub number: u64,
    /// Kind of the backend that it is for.
    pub kind: String,
    /// The one backend that it is for; any of its kind where there is none.
    pub backend: Option<String>,
    /// Name of an operation of the kind.
    pub operation: String,
    /// In the backend's own terms.
    pub payload: serde_json::Value,
    /// The files that came with it.
    pub files: Vec<FileRecord>,
    /// Its folder, which may be below the folder of all jobs.
    pub folder: String,
    /// When it was accepted, in milliseconds since 1970.
    pub created_ms: u64,
}

/// A file of a job, copied into its folder before the job was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The name that the payload uses.
    pub name: String,
    /// Its name in the job's folder.
    pub file: String,
    /// Length.
    pub bytes: u64,
    /// Media type, by the extension of its name.
    pub media_type: String,
    /// Lowercase hex.
    pub sha256: String,
}

/// How far a job has come. Only its own steps change it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Course {
    /// Where it stands.
    pub state: JobState,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Its id: a lowercase UUID.
    pub attempt_id: String,
    /// Where the driver left off.
    pub checkpoint: Option<Checkpoint>,
    /// The last checkpoint before anything was sent: what a proof of absence leads back to.
    pub prepared: Option<Checkpoint>,
    /// The user wants it to end.
    pub cancel_asked: bool,
    /// How often its driver or its backend went down with it.
    pub strikes: u32,
    /// What was saved.
    pub results: Vec<SavedResult>,
    /// Why it ended as it did.
    pub reason: Option<Reason>,
    /// The service goes on working although the job is over for us.
    pub remote_still_running: bool,
    /// The backend that had it when it ended.
    #[serde(default)]
    pub ended_on: Option<String>,
}

/// Where a driver left off, and on which backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// A [`Stage`].
    pub stage: u32,
    /// The backend's own id of the job; empty while unknown.
    pub remote_id: String,
    /// The driver's own data.
    pub state: serde_json::Value,
    /// The backend.
    pub backend: String,
    /// What changes when the backend restarts, where that is known.
    pub boot: Option<String>,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: u64,
    /// The same on a clock that is never set and stands still while the machine sleeps, where there is one that other
    /// processes can read.
    #[serde(default)]
    pub moment: Option<Moment>,
    /// The same for this process, or when it read this.
    #[serde(skip)]
    pub noted: Option<Instant>,
}

/// A result in the job's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedResult {
    /// Its file name there.
    pub name: String,
    /// The name that was asked for, made safe.
    pub wanted: String,
    /// What it is in the job: `image`, `video`, `audio`, ….
    pub role: String,
    /// Length.
    pub bytes: u64,
    /// Lowercase hex.
    pub sha256: String,
}

impl Checkpoint {
    /// Since it was written, and never more: whoever believes that a request can no longer be on its way sends it again.
    pub(super) fn age(&self) -> Duration {
        let here = self.noted.map_or(Duration::ZERO, |noted| noted.elapsed());
        self.moment.as_ref().and_then(Moment::elapsed).unwrap_or_default().max(here)
    }

    /// Whether the service still runs as it did then, where that can be known.
    pub(super) fn same_boot(&self, boot: Option<&str>) -> Option<bool> {
        Some(self.boot.as_deref()? == boot?)
    }
}

impl Course {
    /// A job that was just accepted.
    pub(super) fn new(attempt_id: String, now_ms: u64) -> Self {
        Self {
            state: JobState::Queued,
            since_ms: now_ms,
            attempt: 1,
            attempt_id,
            checkpoint: None,
            prepared: None,
            cancel_asked: false,
            strikes: 0,
            results: Vec::new(),
            reason: None,
            remote_still_running: false,
            ended_on: None,
        }
    }

    /// How far the attempt is; 0 before its first checkpoint.
    pub(super) fn stage(&self) -> u32 {
        self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.stage)
    }

    /// Whether the service may have it, so that only the same backend can tell more.
    pub(super) fn is_sent(&self) -> bool {
        self.stage() >= Stage::SENT.0
    }

    /// The backend that may have it.
    pub(super) fn bound_to(&self) -> Option<&str> {
        let checkpoint = self.checkpoint.as_ref().filter(|_| self.is_sent())?;
        Some(&checkpoint.backend)
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Such a time as RFC 3339 in UTC.
pub(super) fn in_words(ms: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}
