//! The methods with what they take and give.

mod backends;
mod config;

pub use backends::{
    BackendAddition, BackendMove, BackendTest, BackendTested, PendingBackend, ProjectBackend, ProjectChoice,
    ProjectConsent, ProjectOpened, ProjectOpening,
};
pub use config::{ConfigChange, ConfigChoice, KindView, Kinds, OperationView};

use crate::{
    events::JobView,
    plugins::{DriverFile, DriverStatus, Refusal, Registry, SearchPath, search::Searched},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the protocol. Within it methods and fields are only added.
pub const PROTOCOL: u32 = 1;

/// `hello`: must be the first request.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// [`PROTOCOL`] as the client knows it.
    pub protocol: u32,
    /// What the client is, for the log.
    pub client: String,
    /// Version of the client.
    pub version: String,
    /// Fingerprints of the `MDD_` variables of the client, by name, to be told which of them the host was started without.
    #[serde(default)]
    pub environment: Option<BTreeMap<String, String>>,
    /// Whether the client may reach other machines, as Blender's switch says. While one may not, the host hears nothing
    /// from the network. Said again with another `hello` when it changes.
    #[serde(default)]
    pub online: Option<bool>,
}

/// The answer to `hello`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct HelloAnswer {
    /// [`PROTOCOL`] as the host knows it.
    pub protocol: u32,
    /// Version of the host.
    pub version: String,
    /// Process id of the host.
    pub pid: u32,
    /// When the host started, RFC 3339 in UTC.
    pub started: String,
    /// Variables of the client that differ from those of the host's start; they count from its next one.
    #[serde(default)]
    pub environment_differs: Vec<String>,
    /// Fingerprints of the other variables that the host's drivers and settings name, by name, for a client that has sent
    /// its own; empty for one that was not set. Whoever has another one differs in that, too.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// For methods that take or give nothing.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

/// The answer to `metrics`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MetricsAnswer {
    /// OpenMetrics 1.0.
    pub text: String,
}

/// Names a backend.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BackendChoice {
    /// Id of the backend.
    pub backend: String,
}

/// Names a job.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JobChoice {
    /// Its id.
    pub job: String,
}

/// The answer to `jobs.open_folder`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FolderAnswer {
    /// Where it is, and whatever the job has made with it.
    pub folder: String,
}

/// The answer to `jobs.list`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JobList {
    /// In the order of submission.
    pub jobs: Vec<JobView>,
}

/// `host.hand-over`: ends the host as soon as no job is open, so that another version can take its place.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HandOver {
    /// Version of the host that waits.
    pub version: String,
}

/// The answer to `host.hand-over`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HandOverAnswer {
    /// Jobs that are finished first.
    pub open_jobs: u32,
}

/// The answer to `drivers.list`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Drivers {
    /// Every file of the plugins folders.
    pub drivers: Vec<DriverView>,
    /// Every folder where drivers are looked for, in that order.
    #[serde(default)]
    pub searched: Vec<SearchedFolder>,
}

impl Drivers {
    /// What was found where.
    pub fn of(registry: &Registry, path: &SearchPath) -> Self {
        Self {
            drivers: registry.files().iter().map(DriverView::of).collect(),
            searched: path.searched().into_iter().map(SearchedFolder::from).collect(),
        }
    }
}

/// A folder where drivers are looked for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SearchedFolder {
    /// Which.
    pub folder: String,
    /// Why there: `flag`, `environment`, `executable`, `user` or `system`.
    pub origin: String,
    /// Whether there is such a folder.
    pub exists: bool,
    /// Why it was not searched although it was named; null otherwise.
    pub reason: Option<String>,
}

impl From<Searched> for SearchedFolder {
    fn from(searched: Searched) -> Self {
        let Searched { folder, origin, exists, reason } = searched;
        Self { folder: folder.display().to_string(), origin: origin.name().to_owned(), exists, reason }
    }
}

/// `drivers.trust`, `drivers.quarantine`, `drivers.forget`: names a content, by one of the three.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DriverChoice {
    /// A file with it.
    pub file: Option<String>,
    /// Its hash, or the beginning of one that is known.
    pub sha256: Option<String>,
    /// Its kind: the driver in use, or, to trust one, the one that is not used.
    pub kind: Option<String>,
    /// Why it shall not be used, for `drivers.quarantine`.
    pub reason: Option<String>,
}

/// Which content was meant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DriverAnswer {
    /// Its hash.
    pub sha256: String,
}

/// A file of a plugins folder. What is not known is null.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DriverView {
    /// The kind of backend that it drives.
    pub kind: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Version of the interface that it was built for.
    pub api_version: Option<String>,
    /// Where it is.
    pub path: String,
    /// Hash of its bytes, lowercase hex.
    pub sha256: Option<String>,
    /// `active`, `shadowed`, `rejected` or `quarantined`.
    pub status: String,
    /// Why it is not used.
    pub reason: Option<String>,
    /// Stable name of that reason.
    pub code: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl DriverView {
    /// What became of a file.
    pub fn of(file: &DriverFile) -> Self {
        let manifest = file.manifest();
        let (status, reason, refusal) = match &file.status {
            DriverStatus::Active(_) => ("active", None, None),
            DriverStatus::Shadowed { by, .. } => ("shadowed", Some(format!("{} drives this kind", by.display())), None),
            DriverStatus::Rejected { refusal, .. } => {
                let isolated = matches!(**refusal, Refusal::Quarantined { .. });
                let status = if isolated { "quarantined" } else { "rejected" };
                (status, Some(refusal.to_string()), Some(refusal))
            }
        };
        Self {
            kind: manifest.map(|manifest| manifest.driver.kind.clone()),
            version: manifest.map(|manifest| manifest.version.clone()),
            api_version: manifest.map(|manifest| manifest.api_version.clone()),
            path: file.path.display().to_string(),
            sha256: file.sha256.clone(),
            status: status.to_owned(),
            reason,
            code: refusal.map(|refusal| refusal.code().to_owned()),
            remedy: refusal.map(|refusal| refusal.remedy().to_owned()),
        }
    }
}
