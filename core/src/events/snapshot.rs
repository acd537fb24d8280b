//! What clients see. Fields are only ever added; what is not known is null.

use super::{JobView, Notice};
use crate::{
    diagnosis::Reason,
    health::{LatencyView, Summary},
};
use mdd_driver_api::model::{Device, Model, Queue};
use serde::{Deserialize, Serialize};

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Number of the last change that is in it.
    pub seq: u64,
    /// All of it in one word and one sentence.
    pub summary: Summary,
    /// Every backend, in a stable order.
    pub backends: Vec<BackendView>,
    /// Every job that is kept, by id.
    pub jobs: Vec<JobView>,
    /// The last messages for the user.
    pub notices: Vec<Notice>,
}

/// One backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendView {
    /// Stable id.
    pub id: String,
    /// Which driver drives it.
    pub kind: String,
    /// The service's name.
    pub title: String,
    /// Where it is; null for a kind of which no service is known.
    pub endpoint: Option<String>,
    /// How it became known.
    pub origin: Origin,
    /// The three words for people, and `disabled`.
    pub state: StateName,
    /// The finer word.
    pub detail: Detail,
    /// Why it is not simply fine.
    pub reason: Option<Reason>,
    /// When state and detail became what they are, RFC 3339 in UTC.
    pub since: String,
    /// Number of the attempt to connect that is under way or comes next; 0 while connected.
    pub attempt: u32,
    /// Until the next attempt, in milliseconds.
    pub next_try_ms: Option<u64>,
    /// Version of the service.
    pub version: Option<String>,
    /// Which of the shapes that the driver knows.
    pub flavour: Option<String>,
    /// What it has to do.
    pub queue: Option<QueueView>,
    /// Response times of its checks.
    pub latency_ms: Option<LatencyView>,
    /// Its processors; null while unknown.
    pub devices: Option<Vec<Device>>,
    /// What can be asked for by name; null while unknown.
    pub models: Option<Vec<Model>>,
    /// What it makes.
    pub makes: Vec<String>,
    /// Name of its icon.
    pub icon: String,
    /// A sentence that its terms ask to show.
    pub attribution: Option<String>,
}

/// How a backend became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// Given on the command line.
    Flag,
    /// Given in the environment.
    Environment,
    /// Found at a default port of its kind.
    DefaultPort,
    /// Not found: a row that says what is missing.
    Missing,
}

/// The words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateName {
    /// Usable.
    Connected,
    /// Being connected.
    Connecting,
    /// Not usable.
    Disconnected,
    /// Switched off by the user.
    Disabled,
}

/// The finer words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Detail {
    /// Connected and idle.
    Ready,
    /// Connected and working.
    Busy,
    /// Connected, with a part missing.
    Degraded,
    /// Connected, but it does not answer just now.
    Unresponsive,
    /// Its process is stopped.
    Suspended,
    /// Opening a connection.
    Dial,
    /// Asking what it is.
    Identify,
    /// Waiting for the first good answer.
    Check,
    /// Opening the push channel.
    Watch,
    /// Until the next attempt.
    Waiting,
    /// Until the user changes something.
    Refused,
    /// Switched off.
    Off,
}

/// What a backend has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// Being worked on.
    pub running: u32,
    /// Waiting; null where the service does not tell.
    pub pending: Option<u32>,
}

impl From<Queue> for QueueView {
    fn from(queue: Queue) -> Self {
        Self { running: queue.running, pending: queue.pending }
    }
}

macro_rules! words {
    ($($name:ident { $($variant:ident => $word:literal,)* })*) => {
        $(impl std::fmt::Display for $name {
            /// The word that JSON uses.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)* })
            }
        })*
    };
}

words! {
    StateName {
        Connected => "connected",
        Connecting => "connecting",
        Disconnected => "disconnected",
        Disabled => "disabled",
    }
    Detail {
        Ready => "ready",
        Busy => "busy",
        Degraded => "degraded",
        Unresponsive => "unresponsive",
        Suspended => "suspended",
        Dial => "dial",
        Identify => "identify",
        Check => "check",
        Watch => "watch",
        Waiting => "waiting",
        Refused => "refused",
        Off => "off",
    }
}
