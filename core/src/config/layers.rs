//! All layers together: which value counts, and who said so.

mod values;

use super::{
    file::UserFile,
    keys::{self, Key},
    problem::Problem,
    reference::Reference,
    value,
};
use crate::{
    endpoint::Endpoint,
    events::Origin,
    keyring::{Entry, Keyring},
    settings::Settings,
    transport::Secret,
};
use figment::{Figment, Metadata, Profile, Provider, Source, value::Dict};
use mdd_driver_api::manifest::Declaration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZeroU16,
};

/// What helps against a bad variable.
const END_THE_HOST: &str = "correct it, and end the running host with `mdd-host stop`";

/// Who said what a setting is; a later one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Nobody.
    Default,
    /// The user's file.
    File,
    /// The open project.
    Project,
    /// The environment of the host's start.
    Environment,
    /// The command line.
    Flag,
}

impl Layer {
    const ALL: [Self; 5] = [Self::Default, Self::File, Self::Project, Self::Environment, Self::Flag];

    /// How a backend that it names became known.
    pub fn origin(self) -> Origin {
        match self {
            Self::Default => Origin::DefaultPort,
            Self::File => Origin::File,
            Self::Project => Origin::Project,
            Self::Environment => Origin::Environment,
            Self::Flag => Origin::Flag,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Project => "project",
            Self::Environment => "environment",
            Self::Flag => "flag",
        })
    }
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

/// One value that somebody has set.
pub(crate) struct Given {
    pub(crate) layer: Layer,
    /// Name of a variable, or file and line.
    pub(crate) source: Option<String>,
    pub(crate) key: String,
    pub(crate) value: Value,
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        let metadata = Metadata::named(self.layer.to_string());
        match &self.source {
            Some(source) => metadata.source(Source::Custom(source.clone())),
            None => metadata,
        }
    }

    fn data(&self) -> Result<figment::value::Map<Profile, Dict>, figment::Error> {
        let mut nested = figment::value::Value::serialize(&self.value)?;
        for name in self.key.rsplit('.') {
            nested = Dict::from([(name.to_owned(), nested)]).into();
        }
        let dict = nested.into_dict().unwrap_or_default();
        Ok(figment::value::Map::from([(Profile::Default, dict)]))
    }
}

/// The settings that count.
pub struct Config {
    layers: Figment,
    pub(super) keys: Vec<Key>,
    pub(super) problems: Vec<Problem>,
    /// Backends of kinds that nobody drives.
    pub(crate) undriven: Vec<Named>,
    declarations: BTreeMap<String, Declaration>,
    /// The secrets that are set and known, by key.
    secrets: BTreeMap<String, Secret>,
    /// What has to be read from the keyring before all of them are known.
    unread: Vec<Entry>,
    /// Where services may be beside the usual ports.
    pub(crate) ports: BTreeSet<u16>,
    /// Variables that hold secrets because a setting says so.
    referred: BTreeSet<String>,
}

impl fmt::Debug for Config {
    /// Values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("problems", &self.problems).finish_non_exhaustive()
    }
}

impl Config {
    /// Puts the layers together. `project` are the backends that the open project names, `keyring` what is known of
    /// the secrets that are kept there.
    pub fn resolve(
        start: &Settings,
        file: &UserFile,
        declarations: &[Declaration],
        project: &[Named],
        keyring: &Keyring,
    ) -> Self {
        let mut config = Self {
            layers: Figment::new(),
            keys: keys::all(declarations),
            problems: Vec::new(),
            undriven: Vec::new(),
            declarations: declarations.iter().map(|driver| (driver.kind.clone(), driver.clone())).collect(),
            secrets: BTreeMap::new(),
            unread: Vec::new(),
            ports: BTreeSet::new(),
            referred: BTreeSet::new(),
        };
        let mut given = config.of_file(file);
        given.extend(of_backends(Layer::Project, project));
        given.extend(config.of_variables(start));
        config.find_ports(start);
        for declaration in declarations {
            given.extend(config.of_environment(start, declaration));
        }
        given.extend(of_backends(Layer::Flag, &start.backends));
        given.extend(of_flags(start));
        // Without an order of their own the layers would be those of their reading.
        given.sort_by_key(|given| given.layer);
        let known: Vec<String> = config.keys.iter().map(|key| key.name.clone()).collect();
        let (given, others): (Vec<_>, Vec<_>) = given.into_iter().partition(|given| known.contains(&given.key));
        config.undriven = others.into_iter().flat_map(undriven).collect();
        let defaults = config.keys.iter().map(|key| Given {
            layer: Layer::Default,
            source: None,
            key: key.name.clone(),
            value: key.default.clone(),
        });
        let defaults: Vec<_> = defaults.collect();
        config.layers = defaults.into_iter().chain(given).fold(Figment::new(), Figment::merge);
        config.find_secrets(start, keyring);
        config.find_strange_variables(start);
        config
    }

    /// The ports of variables that several kinds declare: whichever of them it is, somebody may be there.
    fn find_ports(&mut self, start: &Settings) {
        let declared = self.declarations.values().flat_map(|declaration| &declaration.environment.port);
        let shared: BTreeSet<&String> = declared.filter(|name| self.is_shared(name)).collect();
        for name in shared {
            let Some(text) = start.environment.get(name) else { continue };
            match text.parse::<NonZeroU16>() {
                Ok(port) => _ = self.ports.insert(port.get()),
                Err(_) => self.problems.push(Problem {
                    key: None,
                    source: name.clone(),
                    observation: format!("the variable {name} holds no port"),
                    remedy: END_THE_HOST.to_owned(),
                }),
            }
        }
    }

    fn is_shared(&self, port: &String) -> bool {
        let declares = |declaration: &&Declaration| declaration.environment.port.contains(port);
        self.declarations.values().filter(declares).nth(1).is_some()
    }

    /// Variables that look like ours, and that nothing reads.
    fn find_strange_variables(&mut self, start: &Settings) {
        let is_ours = |name: &&String| name.starts_with("MDD_");
        let ours: Vec<&String> = self.keys.iter().flat_map(|key| &key.variables).filter(is_ours).collect();
        let of_backends = self.keys.iter().filter(|key| key.name.starts_with("backends.") && !key.variables.is_empty());
        let parts: BTreeSet<String> =
            of_backends.filter_map(|key| Some(format!("_{}", key.name.rsplit('.').next()?.to_uppercase()))).collect();
        let looks_like_ours = |name: &str| parts.iter().any(|part| name.ends_with(part.as_str()));
        let strange = start
            .environment
            .names()
            .filter(is_ours)
            .filter(|name| looks_like_ours(name) && !ours.contains(name) && !self.referred.contains(*name));
        let problem = |name: &String| Problem {
            key: None,
            source: name.clone(),
            observation: format!("no setting has the variable {name}"),
            remedy: match keys::nearest_of(ours.iter().map(|name| name.as_str()), name) {
                Some(nearest) => format!("did you mean `{nearest}`? Then {END_THE_HOST}"),
                None => "take it away".to_owned(),
            },
        };
        let problems: Vec<_> = strange.map(problem).collect();
        self.problems.extend(problems);
    }

    /// Follows the references.
    fn find_secrets(&mut self, start: &Settings, keyring: &Keyring) {
        let keys: Vec<String> = self.keys.iter().filter(|key| key.secret).map(|key| key.name.clone()).collect();
        for key in keys {
            let Some((Value::String(text), layer, source)) = self.value(&key) else { continue };
            if let Ok(Some(Reference::Environment(name))) = Reference::parse(&text) {
                self.referred.insert(name);
            }
            match found(&text, start, keyring) {
                Found::Secret(secret) => {
                    self.secrets.insert(key, secret);
                }
                Found::Unread(entry) => self.unread.push(entry),
                Found::Nothing { observation, remedy } => {
                    let source = source.unwrap_or_else(|| layer.to_string());
                    let observation = format!("`{key}` is not known: {observation}");
                    self.problems.push(Problem { key: Some(key), source, observation, remedy });
                }
            }
        }
    }

    fn of_file(&mut self, file: &UserFile) -> Vec<Given> {
        self.problems.extend(file.problem());
        let mut given = Vec::new();
        for leaf in file.leaves(&self.keys) {
            let Some(key) = self.keys.iter().find(|key| key.name == leaf.key) else {
                let is_address = leaf.key.starts_with("backends.") && leaf.key.ends_with(".url");
                let observation = match is_address {
                    true => format!("no driver for the kind of `{}` is in use", leaf.key),
                    false => format!("there is no setting `{}`", leaf.key),
                };
                let nearest = keys::nearest(&self.keys, &leaf.key).unwrap_or_default();
                let remedy = format!("did you mean `{nearest}`?");
                self.problems.push(Problem {
                    key: Some(leaf.key.clone()),
                    source: leaf.place.clone(),
                    observation,
                    remedy,
                });
                if is_address && let Ok(value) = value::endpoints(&leaf.value) {
                    given.push(Given { layer: Layer::File, source: Some(leaf.place), key: leaf.key, value });
                }
                continue;
            };
            match key.check(&leaf.value) {
                Ok(value) => given.push(Given { layer: Layer::File, source: Some(leaf.place), key: leaf.key, value }),
                Err(error) => {
                    // What is wrong with a key may tell the key.
                    let observation = format!("`{}` cannot be used: {error}", leaf.key);
                    let remedy = "correct it; until then it counts as not set".to_owned();
                    let key = Some(leaf.key);
                    self.problems.push(Problem { key, source: leaf.place, observation, remedy });
                }
            }
        }
        given
    }

    /// The host's own settings in the environment.
    fn of_variables(&mut self, start: &Settings) -> Vec<Given> {
        let mut given = Vec::new();
        for (name, variable) in keys::VARIABLES {
            let known = self.keys.iter().find(|key| key.name == name);
            let (Some(key), Some(text)) = (known, start.environment.get(variable)) else { continue };
            let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
            match key.check(&value) {
                Ok(value) => {
                    let (source, key) = (Some(variable.to_owned()), name.to_owned());
                    given.push(Given { layer: Layer::Environment, source, key, value });
                }
                Err(error) => self.problems.push(Problem {
                    key: Some(name.to_owned()),
                    source: variable.to_owned(),
                    observation: format!("the variable {variable} cannot be used: {error}"),
                    remedy: END_THE_HOST.to_owned(),
                }),
            }
        }
        given
    }

    /// Our own variable wins over those that users of the service already set.
    fn of_environment(&mut self, start: &Settings, declaration: &Declaration) -> Vec<Given> {
        let mut given = Vec::new();
        let kind = &declaration.kind;
        let urls = std::iter::once(crate::settings::variable(kind, "URL")).chain(declaration.environment.url.clone());
        let urls = urls.map(|name| (name, false));
        let ports = declaration.environment.port.iter().filter(|name| !self.is_shared(name));
        let ports: Vec<_> = ports.map(|name| (name.clone(), true)).collect();
        for (name, is_port) in urls.chain(ports) {
            let Some(text) = start.environment.get(&name) else { continue };
            // Its words are those for any other bad address.
            let text = if is_port && !is_number(text) { format!("127.0.0.1:{text}") } else { text.to_owned() };
            let key = format!("backends.{kind}.url");
            match value::endpoints(&Value::String(text)) {
                Ok(value) => {
                    given.push(Given { layer: Layer::Environment, source: Some(name), key, value });
                    break;
                }
                Err(error) => self.problems.push(Problem {
                    key: Some(key),
                    observation: format!("the variable {name} holds no usable address: {error}"),
                    remedy: END_THE_HOST.to_owned(),
                    source: name,
                }),
            }
        }
        for (name, secret) in &declaration.secrets {
            let own = crate::settings::variable(kind, name);
            let mut variables = std::iter::once(&own).chain(&secret.environment);
            if let Some((variable, value)) =
                variables.find_map(|variable| Some((variable, start.environment.get(variable)?)))
            {
                let key = format!("backends.{kind}.{name}");
                let source = Some(variable.clone());
                given.push(Given { layer: Layer::Environment, source, key, value: value.into() });
            }
        }
        given
    }
}

/// What came of following a reference, if it is one.
enum Found {
    Secret(Secret),
    Unread(Entry),
    Nothing { observation: String, remedy: String },
}

fn found(text: &str, start: &Settings, keyring: &Keyring) -> Found {
    match Reference::parse(text) {
        Ok(None) => Found::Secret(Secret::new(text)),
        Ok(Some(Reference::Environment(name))) => match start.environment.get(&name) {
            Some(secret) => Found::Secret(Secret::new(secret)),
            None => Found::Nothing {
                observation: format!("the variable {name} is not set where the host was started"),
                remedy: "set it, and end the running host with `mdd-host stop`".to_owned(),
            },
        },
        Ok(Some(Reference::Keyring(entry))) => match keyring.get(&entry) {
            Some(Ok(secret)) => Found::Secret(secret.clone()),
            Some(Err(error)) => Found::Nothing { observation: error.to_string(), remedy: error.remedy() },
            None => Found::Unread(entry),
        },
        Err(wrong) => Found::Nothing { observation: wrong, remedy: "correct it".to_owned() },
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The addresses of each kind as one value, as they win together.
fn of_backends(layer: Layer, backends: &[Named]) -> Vec<Given> {
    let mut kinds: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for named in backends {
        kinds.entry(&named.kind).or_default().push(named.endpoint.to_string().into());
    }
    let source = match layer {
        Layer::Flag => Some("--backend".to_owned()),
        Layer::Default | Layer::File | Layer::Project | Layer::Environment => None,
    };
    kinds
        .into_iter()
        .map(|(kind, urls)| Given {
            layer,
            source: source.clone(),
            key: format!("backends.{kind}.url"),
            value: urls.into(),
        })
        .collect()
}

fn of_flags(start: &Settings) -> Vec<Given> {
    let flag = |key: &str, name: &str, value: Value| Given {
        layer: Layer::Flag,
        source: Some(name.to_owned()),
        key: key.to_owned(),
        value,
    };
    let mut given = Vec::new();
    if !start.discovery {
        given.push(flag("discovery.enabled", "--no-discovery", false.into()));
    }
    given
}

/// The backends of a value whose kind nobody drives.
fn undriven(given: Given) -> Vec<Named> {
    let kind = given.key.strip_prefix("backends.").and_then(|rest| rest.strip_suffix(".url")).unwrap_or_default();
    let named = |endpoint| Named { kind: kind.to_owned(), endpoint, origin: given.layer.origin() };
    texts(&given.value).filter_map(|text| Endpoint::parse(text).ok()).map(named).collect()
}
