//! What a subscriber gets.

use super::{BackendView, JobView, Snapshot, StoreView};
use crate::health::Summary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The next thing that a subscriber gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "update")]
pub enum Update {
    /// Everything: at first, and when changes were missed.
    Snapshot(Box<Snapshot>),
    /// What has changed, without a gap after the last update.
    Changes {
        /// All of it in one word and one sentence, after these changes.
        summary: Summary,
        /// The changes, in order.
        changes: Vec<Numbered>,
    },
}

/// A change with its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Numbered {
    /// One more than that of the change before.
    pub seq: u64,
    /// The change.
    #[serde(flatten)]
    pub change: Change,
}

/// One thing that is new. Readers share it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "what", content = "value")]
#[non_exhaustive]
pub enum Change {
    /// A backend is new or different.
    Backend(Arc<BackendView>),
    /// The backend with this id is gone.
    BackendRemoved(String),
    /// A job is new or different.
    Job(Arc<JobView>),
    /// The job with this id is no longer kept.
    JobRemoved(String),
    /// Something for people to read.
    Notice(Notice),
    /// The store of jobs is different.
    Store(StoreView),
}

/// A message for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// How much it matters.
    #[serde(default)]
    pub severity: NoticeSeverity,
    /// Which backend it is about.
    pub backend: Option<String>,
    /// The message: one sentence.
    pub text: String,
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoticeSeverity {
    /// Good to know.
    #[default]
    Info,
    /// Something is limited, or wants a look.
    Attention,
    /// Something that should work does not.
    Problem,
}
