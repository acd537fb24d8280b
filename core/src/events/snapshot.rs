//! What clients see. Fields are only ever added; what is not known is null.

use super::{Change, JobView, Notice, Numbered, StoreView, Update};
use crate::{
    diagnosis::Reason,
    health::{ErrorView, LatencyView, Summary, UptimeView},
    process::Process,
};
use mdd_driver_api::model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Where jobs are written down.
    #[serde(default)]
    pub store: StoreView,
}

impl Snapshot {
    /// Whether there is a backend and all of them are connected and inspected.
    pub fn is_ready(&self) -> bool {
        let is_ready = |backend: &BackendView| backend.state == StateName::Connected && backend.devices.is_some();
        let mut backends = self.backends.iter().filter(|backend| backend.origin != Origin::Missing).peekable();
        backends.peek().is_some() && backends.all(is_ready)
    }

    /// Brings a client's copy up to date.
    pub fn apply(&mut self, update: Update) {
        match update {
            Update::Snapshot(snapshot) => *self = *snapshot,
            Update::Changes { summary, changes } => {
                self.summary = summary;
                for Numbered { seq, change } in changes {
                    self.seq = seq;
                    self.take(change);
                }
            }
        }
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Backend(view) => {
                let at = self.backends.binary_search_by(|known| known.id.cmp(&view.id));
                put(&mut self.backends, at, Arc::unwrap_or_clone(view));
            }
            Change::BackendRemoved(id) => self.backends.retain(|known| known.id != id),
            Change::Job(view) => {
                let at = self.jobs.binary_search_by(|known| known.id.cmp(&view.id));
                put(&mut self.jobs, at, Arc::unwrap_or_clone(view));
            }
            Change::JobRemoved(id) => self.jobs.retain(|known| known.id != id),
            Change::Notice(notice) => self.notices.push(notice),
            Change::Store(store) => self.store = store,
        }
    }
}

fn put<T>(list: &mut Vec<T>, at: Result<usize, usize>, item: T) {
    match at {
        Ok(known) => list[known] = item,
        Err(new) => list.insert(new, item),
    }
}

/// One backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Which part of the time it was usable; null until anything is known.
    pub uptime: Option<UptimeView>,
    /// How often it was connected again since the host started.
    pub reconnects: u32,
    /// The last things that went wrong, the oldest first.
    pub last_errors: Vec<ErrorView>,
    /// The process that serves it, if it is one of this machine.
    pub process: Option<ProcessView>,
    /// Its processors; null while unknown.
    pub devices: Option<Vec<DeviceView>>,
    /// What can be asked for by name; null while unknown. Shared, as there may be hundreds and each change has them.
    pub models: Option<Arc<[ModelView]>>,
    /// What it makes.
    pub makes: Vec<String>,
    /// Name of its icon.
    pub icon: String,
    /// A sentence that its terms ask to show.
    pub attribution: Option<String>,
    /// Whether jobs for its kind go there when it can take them.
    #[serde(default)]
    pub is_default: bool,
    /// The open projects that name it.
    #[serde(default)]
    pub projects: Vec<String>,
    /// Whether it was found where only the user can say that it is theirs.
    #[serde(default)]
    pub needs_word: bool,
}

/// How a backend became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// Given on the command line.
    Flag,
    /// Given in the environment.
    Environment,
    /// Given in the user's file of settings.
    File,
    /// Given by an open project.
    Project,
    /// Found at a default port of its kind.
    DefaultPort,
    /// Found among the listening sockets of this machine.
    Socket,
    /// Found because it announces itself in the network.
    Mdns,
    /// Not found: a row that says what is missing.
    Missing,
}

impl Origin {
    /// Whether it was found, and nobody has named it.
    pub fn is_found(self) -> bool {
        match self {
            Self::DefaultPort | Self::Socket | Self::Mdns => true,
            Self::Flag | Self::Environment | Self::File | Self::Project | Self::Missing => false,
        }
    }
}

/// The words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueueView {
    /// Being worked on.
    pub running: u32,
    /// Waiting; null where the service does not tell.
    pub pending: Option<u32>,
}

impl From<model::Queue> for QueueView {
    fn from(queue: model::Queue) -> Self {
        Self { running: queue.running, pending: queue.pending }
    }
}

/// A process of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessView {
    /// Its number.
    pub pid: u32,
    /// When it started, RFC 3339 in UTC.
    pub started: String,
}

impl From<&Process> for ProcessView {
    fn from(process: &Process) -> Self {
        Self { pid: process.pid(), started: humantime::format_rfc3339_seconds(process.started_at()).to_string() }
    }
}

/// A processor of a backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceView {
    /// As a person would call it.
    pub name: String,
    /// `cuda`, `cpu`, `mps`, ….
    pub kind: String,
    /// Number among devices of its kind.
    pub index: Option<u32>,
    /// Bytes of memory.
    pub memory_total: Option<u64>,
    /// Bytes of it that were free when it was inspected.
    pub memory_free: Option<u64>,
}

impl From<&model::Device> for DeviceView {
    fn from(device: &model::Device) -> Self {
        let model::Device { name, kind, index, memory_total, memory_free, .. } = device.clone();
        Self { name, kind, index, memory_total, memory_free }
    }
}

/// Something that a job can ask for by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelView {
    /// The name to ask for.
    pub name: String,
    /// What it is: `chat`, `checkpoint`, `voice`, ….
    pub kind: String,
}

impl From<&model::Model> for ModelView {
    fn from(model: &model::Model) -> Self {
        let model::Model { name, kind, .. } = model.clone();
        Self { name, kind }
    }
}

macro_rules! words {
    ($($name:ident { $($variant:ident => $word:literal,)* })*) => {
        $(impl std::fmt::Display for $name {
            /// The word that JSON uses.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $(Self::$variant => $word,)* })
            }
        })*
    };
}

words! {
    Origin {
        Flag => "flag",
        Environment => "environment",
        File => "file",
        Project => "project",
        DefaultPort => "default-port",
        Socket => "socket",
        Mdns => "mdns",
        Missing => "missing",
    }
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
