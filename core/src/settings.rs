//! What a host is started with: command line and environment. With the user's file they become the [`config`](crate::config).

pub use crate::config::Named;

use etcetera::BaseStrategy as _;
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The journal's name in the state folder.
pub(crate) const JOURNAL: &str = "journal.db";
/// The log's name in the state folder.
const LOG: &str = "host.log";

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

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// A value that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

/// They say which host is asked and what is logged, and nothing of what the host does.
const OF_THE_PROGRAM: [&str; 3] = ["MDD_STATE_DIR", "MDD_LOG", "MDD_CONFIG_FILE"];

impl Environment {
    /// What tells one value of a variable of ours from another without telling the value.
    pub fn fingerprints(&self) -> BTreeMap<String, String> {
        let ours = self.0.keys().filter(|name| name.starts_with("MDD_") && !OF_THE_PROGRAM.contains(&name.as_str()));
        let known = ours.filter_map(|name| Some((name.clone(), fingerprint(name, self.get(name)?))));
        known.collect()
    }

    /// The same of variables of others; empty for one that is not set.
    pub(crate) fn fingerprints_of(&self, names: impl IntoIterator<Item = String>) -> BTreeMap<String, String> {
        names.into_iter().map(|name| (name.clone(), self.fingerprint_of(&name))).collect()
    }

    /// Those variables of others that somebody else has otherwise.
    pub(crate) fn differing_of(&self, theirs: &BTreeMap<String, String>) -> Vec<String> {
        theirs
            .iter()
            .filter(|(name, print)| self.fingerprint_of(name) != **print)
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn fingerprint_of(&self, name: &str) -> String {
        self.get(name).map(|value| fingerprint(name, value)).unwrap_or_default()
    }

    /// Variables of ours that somebody else has otherwise, or does not have, or has alone.
    pub fn differing(&self, theirs: &BTreeMap<String, String>) -> Vec<String> {
        let ours = self.fingerprints();
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)).cloned().collect()
    }
}

fn fingerprint(name: &str, value: &str) -> String {
    let hash = Sha256::digest(format!("{name}={value}"));
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// `MDD_<KIND>_<NAME>`.
pub(crate) fn variable(kind: &str, name: &str) -> String {
    format!("MDD_{kind}_{name}").to_uppercase().replace('-', "_")
}

impl Settings {
    /// Where a lasting host writes its jobs down.
    pub(crate) fn journal_file(&self) -> PathBuf {
        self.state_folder.join(JOURNAL)
    }

    /// Where a host that serves writes its log.
    pub fn log_file(&self) -> PathBuf {
        log_file_in(&self.state_folder)
    }

    /// Where jobs have their folders: `MDD_JOBS_DIR`, else among the user's data, else in a state folder of its own.
    pub fn jobs_folder(&self) -> PathBuf {
        let own = self.environment.get("MDD_JOBS_DIR").map(PathBuf::from);
        match own {
            Some(folder) if folder.is_absolute() => return folder,
            Some(folder) => tracing::warn!(folder = %folder.display(), "MDD_JOBS_DIR is not absolute"),
            None => {}
        }
        // Whoever chose another folder for the state wants all of it there.
        let usual = default_state_folder().filter(|usual| *usual == self.state_folder && !is_state_folder_set());
        usual.and_then(|_| data_folder()).unwrap_or_else(|| self.state_folder.clone()).join("jobs")
    }
}

/// The user's data folder of mdd-host.
pub fn data_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.data_dir().join("mdd-host"))
}

/// Where the host keeps its files unless told otherwise: `MDD_STATE_DIR`, else the system's usual place.
pub fn default_state_folder() -> Option<PathBuf> {
    if is_state_folder_set() {
        return std::path::absolute(std::env::var_os("MDD_STATE_DIR")?).ok();
    }
    let strategy = etcetera::choose_base_strategy().ok()?;
    // Only XDG knows a folder for state; elsewhere it is among the data.
    Some(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("mdd-host"))
}

fn is_state_folder_set() -> bool {
    std::env::var_os("MDD_STATE_DIR").is_some_and(|folder| !folder.is_empty())
}

/// The log of the host of a state folder.
pub fn log_file_in(state_folder: &Path) -> PathBuf {
    state_folder.join(LOG)
}

/// The user's file of settings unless told otherwise: `MDD_CONFIG_FILE`, else the system's usual place.
pub fn default_config_file() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("MDD_CONFIG_FILE").filter(|file| !file.is_empty()) {
        return Some(file.into());
    }
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join("mdd-host").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::{Environment, Settings};
    use std::path::PathBuf;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings {
            plugins: vec![],
            state_folder: PathBuf::from("/somewhere"),
            config_file: None,
            backends: vec![],
            discovery: true,
            environment: variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    #[test]
    fn a_state_folder_of_ones_own_has_the_jobs_too_unless_they_have_a_place() {
        assert_eq!(settings(&[]).jobs_folder(), PathBuf::from("/somewhere/jobs"));
        let jobs = std::env::temp_dir().join("shots");
        assert_eq!(settings(&[("MDD_JOBS_DIR", jobs.to_str().unwrap())]).jobs_folder(), jobs);
        assert_eq!(settings(&[("MDD_JOBS_DIR", "shots")]).jobs_folder(), PathBuf::from("/somewhere/jobs"));
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn variables_that_differ_are_named_and_their_values_are_not() {
        let host = environment(&[("MDD_A_URL", "1"), ("MDD_B_KEY", "canary"), ("MDD_LOG", "debug"), ("HOME", "/x")]);
        let same = environment(&[("MDD_A_URL", " 1 "), ("MDD_B_KEY", "canary"), ("HOME", "/y"), ("MDD_C_URL", "")]);
        assert_eq!(host.differing(&same.fingerprints()), Vec::<String>::new());
        let other = environment(&[("MDD_A_URL", "2"), ("MDD_C_URL", "3")]);
        assert_eq!(host.differing(&other.fingerprints()), ["MDD_A_URL", "MDD_B_KEY", "MDD_C_URL"]);
        assert!(!format!("{:?}", host.fingerprints()).contains("canary"));
    }

    #[test]
    fn variables_of_others_count_where_they_are_named() {
        let host = environment(&[("LAMP_KEY", "canary"), ("HOME", "/x")]);
        let prints = host.fingerprints_of(["LAMP_KEY".to_owned(), "LAMP_URL".to_owned()]);
        assert_eq!(host.differing_of(&prints), Vec::<String>::new());
        assert_eq!(environment(&[("HOME", "/y")]).differing_of(&prints), ["LAMP_KEY"]);
        let other = environment(&[("LAMP_KEY", "another"), ("LAMP_URL", "1")]);
        assert_eq!(other.differing_of(&prints), ["LAMP_KEY", "LAMP_URL"]);
        assert!(!format!("{prints:?}").contains("canary"));
    }
}
