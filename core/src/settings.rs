//! What the user asked for: command line and environment, each value with its origin.

use crate::{
    endpoint::{Endpoint, EndpointError},
    events::Origin,
    transport::{Credential, Secret},
};
use etcetera::BaseStrategy as _;
use mdd_driver_api::manifest::Declaration;
use std::{collections::BTreeMap, path::PathBuf};

/// Everything that a host is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folders to search for drivers, before the usual ones.
    pub plugins: Vec<PathBuf>,
    /// Where the host keeps its files.
    pub state_folder: PathBuf,
    /// Backends that were named on the command line.
    pub backends: Vec<Named>,
    /// Whether to look for services by itself.
    pub discovery: bool,
    /// The environment of the start.
    pub environment: Environment,
}

/// A backend that somebody named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The kind, which may have no driver.
    pub kind: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// Who named it.
    pub origin: Origin,
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
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

/// `MDD_<KIND>_<NAME>`.
pub(crate) fn variable(kind: &str, name: &str) -> String {
    format!("MDD_{kind}_{name}").to_uppercase().replace('-', "_")
}

impl Settings {
    /// The backends of a kind that were named: on the command line, else in the environment.
    pub fn named(&self, declaration: &Declaration) -> Vec<Named> {
        let flags: Vec<_> = self.backends.iter().filter(|named| named.kind == declaration.kind).cloned().collect();
        if flags.is_empty() { self.named_in_environment(declaration).into_iter().collect() } else { flags }
    }

    /// Our own variable first, then those that users of the service already set.
    fn named_in_environment(&self, declaration: &Declaration) -> Option<Named> {
        let own = variable(&declaration.kind, "URL");
        let urls =
            std::iter::once(&own).chain(&declaration.environment.url).map(|name| (name, Endpoint::parse as Read));
        let ports = declaration.environment.port.iter().map(|name| (name, local_port as Read));
        for (name, read) in urls.chain(ports) {
            let Some(value) = self.environment.get(name) else { continue };
            match read(value) {
                Ok(endpoint) => {
                    return Some(Named { kind: declaration.kind.clone(), endpoint, origin: Origin::Environment });
                }
                Err(error) => tracing::warn!(name, %error, "an environment variable holds no usable address"),
            }
        }
        None
    }

    /// The secrets of a kind that are set, by name: `MDD_<KIND>_<NAME>` first, then the service's own variables.
    pub fn secrets(&self, declaration: &Declaration) -> BTreeMap<String, Credential> {
        let mut secrets = BTreeMap::new();
        for (name, secret) in &declaration.secrets {
            let own = variable(&declaration.kind, name);
            let value = std::iter::once(&own).chain(&secret.environment).find_map(|name| self.environment.get(name));
            if let Some(value) = value {
                let credential = Credential {
                    name: name.clone(),
                    header: secret.header.clone(),
                    prefix: secret.prefix.clone(),
                    value: Secret::new(value),
                };
                secrets.insert(name.clone(), credential);
            }
        }
        secrets
    }
}

type Read = fn(&str) -> Result<Endpoint, EndpointError>;

fn local_port(text: &str) -> Result<Endpoint, EndpointError> {
    match text.parse() {
        Ok(port @ 1..) => Ok(Endpoint::local(port)),
        // Its words are those for any other bad address.
        Ok(0) | Err(_) => Endpoint::parse(&format!("127.0.0.1:{text}")),
    }
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

#[cfg(test)]
mod tests {
    use super::{Named, Settings};
    use crate::{endpoint::Endpoint, events::Origin};
    use mdd_driver_api::manifest::Declaration;
    use std::path::PathBuf;

    fn lamp() -> Declaration {
        serde_json::from_str(
            r#"{"kind": "lamp-post", "title": "Lamp", "environment": {"url": ["LAMP_URL"], "port": ["LAMP_PORT"]},
                "secrets": {"key": {"environment": ["LAMP_KEY"], "header": "authorization", "prefix": "Bearer "}}}"#,
        )
        .unwrap()
    }

    fn settings(variables: &[(&str, &str)], backends: Vec<Named>) -> Settings {
        Settings {
            plugins: vec![],
            state_folder: PathBuf::new(),
            backends,
            discovery: true,
            environment: variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    fn endpoints(settings: &Settings) -> Vec<String> {
        settings.named(&lamp()).iter().map(|named| named.endpoint.to_string()).collect()
    }

    #[test]
    fn our_variable_wins_over_the_services_own() {
        let both = [("LAMP_URL", "http://127.0.0.1:1"), ("MDD_LAMP_POST_URL", "http://127.0.0.1:2")];
        assert_eq!(endpoints(&settings(&both, vec![])), ["http://127.0.0.1:2"]);
        assert_eq!(endpoints(&settings(&both[..1], vec![])), ["http://127.0.0.1:1"]);
        assert_eq!(endpoints(&settings(&[("LAMP_PORT", "77")], vec![])), ["http://127.0.0.1:77"]);
    }

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let named = |kind: &str, url: &str| Named {
            kind: kind.to_owned(),
            endpoint: Endpoint::parse(url).unwrap(),
            origin: Origin::Flag,
        };
        let flags = vec![named("lamp-post", "127.0.0.1:3"), named("other", "127.0.0.1:4")];
        assert_eq!(endpoints(&settings(&[("LAMP_PORT", "77")], flags)), ["http://127.0.0.1:3"]);
    }

    #[test]
    fn bad_and_empty_variables_are_passed_over() {
        assert!(endpoints(&settings(&[("LAMP_URL", "  "), ("LAMP_PORT", "no")], vec![])).is_empty());
    }

    #[test]
    fn secrets_never_show() {
        let settings = settings(&[("LAMP_KEY", "canary-1"), ("MDD_LAMP_POST_KEY", "canary-2")], vec![]);
        let secrets = settings.secrets(&lamp());
        assert_eq!(secrets.keys().collect::<Vec<_>>(), ["key"]);
        assert!(!format!("{settings:?} {secrets:?}").contains("canary"));
    }
}
