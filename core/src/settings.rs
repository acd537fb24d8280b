//! What a host is started with: command line and environment. With the user's file they become the [`config`](crate::config).

pub use crate::config::Named;

use etcetera::BaseStrategy as _;
use std::{collections::BTreeMap, path::PathBuf};

/// Everything that a host is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folders to search for drivers, before the usual ones.
    pub plugins: Vec<PathBuf>,
    /// Where the host keeps its files.
    pub state_folder: PathBuf,
    /// The user's file of settings, which need not exist.
    pub config_file: Option<PathBuf>,
    /// Backends that were named on the command line.
    pub backends: Vec<Named>,
    /// Whether to look for services by itself.
    pub discovery: bool,
    /// The environment of the start.
    pub environment: Environment,
}

/// Environment variables, read once.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    /// Values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl Environment {
    /// That of this process. A variable that is no Unicode text is none of ours.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os();
        variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
    }

    /// A value that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

/// `MDD_<KIND>_<NAME>`.
pub(crate) fn variable(kind: &str, name: &str) -> String {
    format!("MDD_{kind}_{name}").to_uppercase().replace('-', "_")
}

/// The user's data folder of mdd-host.
pub fn data_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.data_dir().join("mdd-host"))
}

/// Where the host keeps its files unless told otherwise: `MDD_STATE_DIR`, else the system's usual place.
pub fn default_state_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("MDD_STATE_DIR").filter(|folder| !folder.is_empty()) {
        return std::path::absolute(folder).ok();
    }
    let strategy = etcetera::choose_base_strategy().ok()?;
    // Only XDG knows a folder for state; elsewhere it is among the data.
    Some(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("mdd-host"))
}

/// The user's file of settings unless told otherwise: `MDD_CONFIG_FILE`, else the system's usual place.
pub fn default_config_file() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("MDD_CONFIG_FILE").filter(|file| !file.is_empty()) {
        return Some(file.into());
    }
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join("mdd-host").join("config.toml"))
}
