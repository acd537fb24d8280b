//! Adding, moving, switching and trying backends, and what projects name.

use crate::diagnosis::Reason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `backends.add`: names a backend in the user's file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BackendAddition {
    /// Its kind.
    pub kind: String,
    /// Its address.
    pub url: String,
}

/// `backends.set`: gives a backend another address.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BackendMove {
    /// Its id.
    pub backend: String,
    /// Its new address.
    pub url: String,
}

/// `backends.test`: asks what an address is, and changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BackendTest {
    /// What it should be; null for anything that a driver knows.
    #[serde(default)]
    pub kind: Option<String>,
    /// The address.
    pub url: String,
}

/// The answer to `backends.test`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BackendTested {
    /// Whether it is what it should be.
    pub ok: bool,
    /// The kind that it is, or should be.
    pub kind: Option<String>,
    /// The service's name.
    pub title: Option<String>,
    /// Its version, where it tells.
    pub version: Option<String>,
    /// Which of the shapes that the driver knows.
    pub flavour: Option<String>,
    /// How long it took to recognise it.
    pub latency_ms: Option<f64>,
    /// Why it is not simply fine.
    pub reason: Option<Reason>,
}

/// `project.open`: a client has opened a project.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProjectOpening {
    /// An id of the client's choice, the same each time it opens the project.
    pub project: String,
    /// What it names.
    #[serde(default)]
    pub backends: Vec<ProjectBackend>,
    /// What the project remembers of its backends, for a file that is not saved; null asks for what it said last.
    #[serde(default)]
    pub remembered: Value,
}

/// A backend that a project names.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProjectBackend {
    /// Its kind.
    pub kind: String,
    /// Its address.
    pub url: String,
}

/// The answer to `project.open`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProjectOpened {
    /// On other machines, so that nothing is asked there before the user agrees.
    pub pending: Vec<PendingBackend>,
    /// What the project said last, while this host runs.
    pub remembered: Value,
}

/// A backend of a project that waits for the user's word.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PendingBackend {
    /// Its kind.
    pub kind: String,
    /// Its address.
    pub url: String,
    /// The id that it gets.
    pub backend: String,
}

/// `project.close`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProjectChoice {
    /// The client's id of it.
    pub project: String,
}

/// `project.accept`: gives the user's word for a backend of a project.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProjectConsent {
    /// The client's id of the project.
    pub project: String,
    /// The id of the backend.
    pub backend: String,
}
