//! What crosses the boundary as JSON.
//!
//! Every type may gain fields within a major version: fields are optional on reading, unknown ones are ignored, and each
//! open enum has an `Unknown` that stands for what this version has never heard of.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A backend instance, as its driver is told of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Instance {
    /// Stable id of the backend.
    pub backend_id: String,
    /// Scheme, host, port and base path.
    pub endpoint: String,
    /// What the instance may do.
    pub role: Role,
    /// The flavour seen here before.
    pub hint_flavour: Option<String>,
    /// The user's settings, valid under the manifest's schema.
    pub settings: serde_json::Value,
    /// Which secrets are present. Their values never reach a driver.
    pub secrets: BTreeMap<String, bool>,
    /// What this host offers beyond the traits, such as recipes.
    pub features: Vec<String>,
}

/// What an instance may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Somebody's service that is only being asked what it is: no secrets, GET, HEAD and the manifest's probe POSTs.
    #[default]
    Candidate,
    /// A service that was recognised.
    Backend,
    /// Unknown to this version.
    #[serde(other)]
    Unknown,
}

/// The answer to "is this one of yours?".
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Identity {
    /// The verdict.
    pub verdict: Verdict,
    /// How sure, 0 to 100. 90 and more ends the search, below 50 is a no.
    pub score: u8,
    /// What the score rests on.
    pub reasons: Vec<String>,
    /// What answered, in words for the user.
    pub seen: String,
    /// Which of the shapes that one driver knows.
    pub flavour: Option<String>,
    /// Version of the service.
    pub version: Option<String>,
    /// Changes whenever the service restarts.
    pub boot: Option<String>,
}

/// Whose service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// This driver's.
    Mine,
    /// This driver's, but it wants a key or a login first.
    Locked,
    /// Somebody else's.
    #[default]
    No,
    /// Unknown to this version.
    #[serde(other)]
    Unknown,
}

impl Identity {
    /// This driver's service.
    pub fn mine(score: u8, seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Mine, score, seen: seen.into(), ..Self::default() }
    }

    /// This driver's service behind a key or a login.
    pub fn locked(score: u8, seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Locked, score, seen: seen.into(), ..Self::default() }
    }

    /// Not this driver's service; `seen` says what answered instead.
    pub fn no(seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::No, seen: seen.into(), ..Self::default() }
    }

    /// Adds a reason for the score.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reasons.push(reason.into());
        self
    }

    /// Sets the flavour.
    #[must_use]
    pub fn with_flavour(mut self, flavour: impl Into<String>) -> Self {
        self.flavour = Some(flavour.into());
        self
    }

    /// Sets the version.
    #[must_use]
    pub fn with_version(mut self, version: Option<String>) -> Self {
        self.version = version;
        self
    }
}

/// What a backend can do and holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Inspection {
    /// What this backend can do now, of the manifest's capabilities.
    pub capabilities: Vec<String>,
    /// How many jobs it takes at once; 0 for any number.
    pub slots: u32,
    /// It answers nothing while it works: silence during a job of ours means busy.
    pub quiet_while_running: bool,
    /// What becomes of a job when the connection to it is let go.
    pub detach: Detach,
    /// Its processors.
    pub devices: Vec<Device>,
    /// What it can be asked for by name: checkpoints, chat models, voices.
    pub models: Vec<Model>,
    /// The version, when `identify` could not see it.
    pub version: Option<String>,
}

/// What becomes of a job when the connection to it is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Detach {
    /// It goes on and can be found again.
    Resumes,
    /// The service ends it.
    Kills,
    /// Nobody can tell.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A processor of a backend.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Device {
    /// As a person would call it.
    pub name: String,
    /// `cuda`, `cpu`, `mps`, ….
    pub kind: String,
    /// Number among devices of its kind.
    pub index: Option<u32>,
    /// Bytes of memory.
    pub memory_total: Option<u64>,
    /// Bytes of it that are free.
    pub memory_free: Option<u64>,
}

impl Device {
    /// A device of which nothing more is known.
    pub fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { name: name.into(), kind: kind.into(), ..Self::default() }
    }
}

/// Something that a job can ask for by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Model {
    /// The name to ask for.
    pub name: String,
    /// What it is: `chat`, `checkpoint`, `voice`, ….
    pub kind: String,
}

impl Model {
    /// A model of a kind.
    pub fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { name: name.into(), kind: kind.into() }
    }
}

/// A health sample.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Sample {
    /// Changes whenever the service restarts.
    pub boot: Option<String>,
    /// How much it has to do, where it tells.
    pub queue: Option<Queue>,
}

impl Sample {
    /// A sample with a queue depth.
    pub fn with_queue(queue: Queue) -> Self {
        Self { queue: Some(queue), ..Self::default() }
    }
}

/// How much a backend has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// Jobs being worked on.
    pub running: u32,
    /// Jobs waiting, or `None` where the service does not tell them apart.
    pub pending: Option<u32>,
}

/// Something that is wrong with a backend or a job, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Problem {
    /// `<kind>.<name>`, listed in the manifest.
    pub code: String,
    /// What was observed.
    pub observation: String,
}

impl Problem {
    /// A problem of the manifest's list.
    pub fn new(code: impl Into<String>, observation: impl Into<String>) -> Self {
        Self { code: code.into(), observation: observation.into() }
    }
}

/// One try at a job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Attempt {
    /// The job's id.
    pub job: String,
    /// A lowercase UUID, new for each resubmission.
    pub attempt: String,
    /// Name of an operation of the manifest.
    pub operation: String,
    /// In the backend's own terms, valid under the operation's schema.
    pub payload: serde_json::Value,
    /// Files that the payload refers to as `mdd-file:NAME`.
    pub files: Vec<JobFile>,
    /// Where an earlier call of `run` left off.
    pub checkpoint: Option<Resume>,
}

/// A file of a job. Its bytes stay in the host.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct JobFile {
    /// The name that the payload uses.
    pub name: String,
    /// The name that segments use: unlike `name` it differs between jobs.
    pub handle: String,
    /// Length.
    pub bytes: u64,
    /// Media type.
    pub media_type: String,
    /// Lowercase hex.
    pub sha256: String,
}

/// A checkpoint that comes back.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Resume {
    /// A [`Stage`](crate::abi::Stage).
    pub stage: u32,
    /// The backend's own id of the job; empty while unknown.
    pub remote_id: String,
    /// The driver's own data.
    pub state: serde_json::Value,
    /// Since it was written, in milliseconds.
    pub age_ms: u64,
    /// Whether the service still runs as it did then, where that can be known.
    pub same_boot: Option<bool>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Outcome {
    /// The end.
    pub status: OutcomeStatus,
    /// What was saved, by the names that [`Saved`] gave.
    pub results: Vec<Saved>,
    /// Text that is a result by itself.
    pub text: Option<String>,
    /// Why, unless it is done.
    pub problem: Option<Problem>,
    /// The service goes on working although the job is over for us.
    pub remote_still_running: bool,
}

impl Outcome {
    /// An end without results or problem.
    pub fn new(status: OutcomeStatus) -> Self {
        Self { status, ..Self::default() }
    }
}

/// The end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OutcomeStatus {
    /// All results are saved.
    Done,
    /// The service tried and could not.
    Failed,
    /// Cancelled, as asked.
    Cancelled,
    /// The service had it and has it no more.
    Lost,
    /// What became of it cannot be known.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What the host should know of a result before its bytes come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ResultMeta {
    /// The name that the service gave; the host makes it safe and unique.
    pub name: String,
    /// What it is in the job: `image`, `video`, `audio`, `preview`, ….
    pub role: String,
    /// Media type, where known.
    pub media_type: Option<String>,
    /// It is no result: segments and recipes of this run can name it, and it is gone with the run.
    pub scratch: bool,
}

impl ResultMeta {
    /// A result of which no media type is known.
    pub fn new(name: impl Into<String>, role: impl Into<String>) -> Self {
        Self { name: name.into(), role: role.into(), media_type: None, scratch: false }
    }

    /// Something that only this run works with.
    pub fn scratch(name: impl Into<String>) -> Self {
        Self { scratch: true, ..Self::new(name, "scratch") }
    }
}

/// A result in the job's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Saved {
    /// Its file name there.
    pub name: String,
    /// The name that segments use while the run lasts; empty where the host is too old for it.
    pub handle: String,
    /// What it is in the job.
    pub role: String,
    /// Length.
    pub bytes: u64,
    /// Lowercase hex.
    pub sha256: String,
}

/// How to make a result out of saved ones.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Recipe {
    /// Listed in [`Instance::features`], for example `zip/1`.
    pub recipe: String,
    /// What it works on: names of saved results, or of the job's files.
    pub inputs: Vec<String>,
    /// What the recipe asks for besides.
    pub options: serde_json::Value,
    /// The result.
    pub result: ResultMeta,
}

impl Recipe {
    /// A recipe without options.
    pub fn new(recipe: impl Into<String>, inputs: Vec<String>, result: ResultMeta) -> Self {
        Self { recipe: recipe.into(), inputs, options: serde_json::Value::Null, result }
    }
}
