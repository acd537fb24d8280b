//! A job as clients see it. Fields are only ever added; what is not known is null.

use crate::diagnosis::Reason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// The id that the client made.
    pub id: String,
    /// Kind of the backend that it is for.
    pub kind: String,
    /// The backend that has it; null while none has.
    pub backend: Option<String>,
    /// Name of the operation.
    pub operation: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it waits or how it failed.
    pub reason: Option<Reason>,
    /// When it was submitted, RFC 3339 in UTC.
    pub created: String,
    /// When its state became what it is, RFC 3339 in UTC.
    pub since: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// The backend's own id of it.
    pub remote_id: Option<String>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// Place in the backend's queue, 0 for the next one.
    pub queue_place: Option<u32>,
    /// File with the latest preview.
    pub preview: Option<String>,
    /// How many previews there were: when it grows, the file is another.
    pub previews: u32,
    /// Text so far, or the whole of it when the job is done.
    pub text: Option<String>,
    /// What was saved.
    pub results: Vec<ResultFile>,
    /// The folder of its files.
    pub folder: String,
    /// The service goes on working although the job is over for us.
    pub remote_still_running: bool,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for a backend.
    Queued,
    /// Is being sent.
    Submitting,
    /// The backend has it.
    Running,
    /// The backend is done; results are being fetched.
    Fetching,
    /// All results are here.
    Done,
    /// The backend tried and could not, or refused it.
    Failed,
    /// Cancelled by the user.
    Cancelled,
    /// The backend had it and has it no more.
    Lost,
    /// What became of it cannot be known.
    Unknown,
    /// It took its backend or its driver down more than once, and waits for the user.
    Held,
}

impl JobState {
    /// Every one, in the order of a job's life.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Submitting,
        Self::Running,
        Self::Fetching,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
        Self::Lost,
        Self::Unknown,
        Self::Held,
    ];

    /// Whether nothing more happens by itself.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Submitting | Self::Running | Self::Fetching => false,
            Self::Done | Self::Failed | Self::Cancelled | Self::Lost | Self::Unknown | Self::Held => true,
        }
    }
}

impl std::fmt::Display for JobState {
    /// The word that JSON uses.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Queued => "queued",
            Self::Submitting => "submitting",
            Self::Running => "running",
            Self::Fetching => "fetching",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
            Self::Held => "held",
        })
    }
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Of `total`.
    pub step: f64,
    /// 0 when unknown.
    pub total: f64,
    /// What is being worked on.
    pub detail: String,
    /// Until it is done at the pace so far, in milliseconds; null while that cannot be told.
    #[serde(default)]
    pub left_ms: Option<u64>,
}

/// A result in the job's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResultFile {
    /// Where it is.
    pub path: String,
    /// What it is in the job: `image`, `video`, `audio`, ….
    pub role: String,
    /// Length.
    pub bytes: u64,
    /// Lowercase hex.
    pub sha256: String,
}
