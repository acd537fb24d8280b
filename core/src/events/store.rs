//! How the store of jobs is, as clients see it.

use crate::diagnosis::Reason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where jobs are written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreView {
    /// Whether it takes what happens.
    pub state: StoreState,
    /// Why not, or what has happened to it.
    pub reason: Option<Reason>,
}

/// Whether the store takes what happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    /// It does.
    #[default]
    Ok,
    /// It does not: no job is accepted, and none goes on to its next step, until it does again.
    Degraded,
}
