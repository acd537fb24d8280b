//! What a check has found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One driver's check.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Report {
    /// A line for each law.
    pub laws: Vec<Line>,
    /// The codes of its manifest that it never reported here.
    pub not_seen: Vec<String>,
}

/// One law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its name, which does not change.
    pub law: String,
    /// What it says.
    pub title: String,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// Whether a law is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", content = "seen", rename_all = "kebab-case")]
pub enum Finding {
    /// It is.
    Kept,
    /// It is not: what was seen.
    Broken(String),
    /// Nobody knows: why it was not checked.
    NotChecked(String),
}

impl Report {
    /// The laws that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &Line> {
        self.laws.iter().filter(|line| matches!(line.finding, Finding::Broken(_)))
    }

    /// The laws that were not checked.
    pub fn not_checked(&self) -> impl Iterator<Item = &Line> {
        self.laws.iter().filter(|line| matches!(line.finding, Finding::NotChecked(_)))
    }
}
