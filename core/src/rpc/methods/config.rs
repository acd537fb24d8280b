//! Settings, and what drivers can be told and asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// `config.show`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ConfigChoice {
    /// With what this open project adds.
    #[serde(default)]
    pub project: Option<String>,
}

/// `config.set`: writes the user's file and applies it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ConfigChange {
    /// Name of the setting.
    pub key: String,
    /// What it shall be; null takes it out of the file.
    #[serde(default)]
    pub value: Value,
}

/// The answer to `drivers.describe`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Kinds {
    /// Every kind that has a driver, in the order of their names.
    pub kinds: Vec<KindView>,
}

/// What the driver of a kind declares.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct KindView {
    /// The kind.
    pub kind: String,
    /// The service's name.
    pub title: String,
    /// Name of its icon.
    pub icon: String,
    /// What it makes.
    pub makes: Vec<String>,
    /// Where it usually listens.
    pub default_ports: Vec<u16>,
    /// How to start it.
    pub start_hint: String,
    /// What jobs may ask for, by name.
    pub operations: BTreeMap<String, OperationView>,
    /// JSON Schema of the settings `drivers.<kind>.<name>`.
    pub settings: Value,
    /// Names of the secrets, set as `backends.<kind>.<name>`.
    pub secrets: Vec<String>,
    /// A sentence that its terms ask to show.
    pub attribution: Option<String>,
}

/// Something that a job may ask for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OperationView {
    /// For people.
    pub title: String,
    /// JSON Schema of the payload.
    pub parameters: Value,
    /// Files that it takes, by name; `*` for any number of any name.
    pub files: Vec<String>,
    /// Roles of its results.
    pub results: Vec<String>,
}
