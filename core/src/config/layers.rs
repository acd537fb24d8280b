//! All layers together: which value counts, and who said so.

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
    jobs::Retention,
    keyring::{Entry, Keyring},
    settings::Settings,
    transport::{Credential, Secret},
};
use figment::{Figment, Metadata, Profile, Provider, Source, value::Dict};
use mdd_driver_api::manifest::Declaration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    time::Duration,
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
        };
        let mut given = config.of_file(file);
        given.extend(of_backends(Layer::Project, project));
        given.extend(config.of_variables(start));
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
        config
    }

    /// Follows the references.
    fn find_secrets(&mut self, start: &Settings, keyring: &Keyring) {
        let keys: Vec<String> = self.keys.iter().filter(|key| key.secret).map(|key| key.name.clone()).collect();
        for key in keys {
            let Some((Value::String(text), layer, source)) = self.value(&key) else { continue };
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
        let ports = declaration.environment.port.iter().map(|name| (name.clone(), true));
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

    /// The value of a key with who set it.
    pub(super) fn value(&self, key: &str) -> Option<(Value, Layer, Option<String>)> {
        let found = self.layers.find_value(key).ok()?;
        let metadata = self.layers.get_metadata(found.tag())?;
        let layer = Layer::ALL.into_iter().find(|layer| layer.to_string() == metadata.name)?;
        let source = match &metadata.source {
            Some(Source::Custom(source)) => Some(source.clone()),
            _ => None,
        };
        Some((found.deserialize().ok()?, layer, source))
    }

    fn plain(&self, key: &str) -> Value {
        self.value(key).map(|(value, ..)| value).unwrap_or_default()
    }

    /// The environment variables that drivers declare and references name, beside those of ours.
    pub(crate) fn variables_of_others(&self) -> BTreeSet<String> {
        let declared = self.keys.iter().flat_map(|key| key.variables.iter().cloned());
        let secrets = self.keys.iter().filter(|key| key.secret);
        let named = secrets.filter_map(|key| match Reference::parse(self.plain(&key.name).as_str()?) {
            Ok(Some(Reference::Environment(name))) => Some(name),
            Ok(Some(Reference::Keyring(_)) | None) | Err(_) => None,
        });
        declared.chain(named).filter(|name| !name.starts_with("MDD_")).collect()
    }

    /// What was found to be wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether a switch is on.
    pub fn is_on(&self, key: &str) -> bool {
        self.plain(key).as_bool().unwrap_or_default()
    }

    /// Whether to look for services by oneself.
    pub fn discovers(&self) -> bool {
        self.is_on("discovery.enabled")
    }

    /// Between two checks of a healthy backend.
    pub fn check_every(&self) -> Duration {
        Duration::from_millis(self.plain("health.interval_ms").as_u64().unwrap_or(5_000))
    }

    /// How long a host stays that nobody needs; `None` for always.
    pub fn idle(&self) -> Option<Duration> {
        let minutes = self.plain("idle_minutes").as_u64().unwrap_or(10);
        (minutes > 0).then(|| Duration::from_secs(60 * minutes))
    }

    /// How long jobs that are over are kept.
    pub fn retention(&self) -> Retention {
        let number = |name: &str| self.plain(name).as_u64();
        let Retention { days, count } = Retention::DEFAULT;
        Retention {
            days: number("jobs.keep_days").and_then(|days| days.try_into().ok()).unwrap_or(days),
            count: number("jobs.keep_count").and_then(|count| count.try_into().ok()).unwrap_or(count),
        }
    }

    /// Where figures for monitoring systems are to be had on this machine; 0 is nowhere.
    pub fn metrics_port(&self) -> u16 {
        self.plain("metrics.port").as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or_default()
    }

    /// Folders to search for drivers.
    pub fn plugins(&self) -> Vec<PathBuf> {
        texts(&self.plain("plugins")).map(PathBuf::from).collect()
    }

    /// The backends of a kind that were named, by whoever has the last word.
    pub fn named(&self, kind: &str) -> Vec<Named> {
        let Some((value, layer, _)) = self.value(&format!("backends.{kind}.url")) else { return Vec::new() };
        let named = |endpoint| Named { kind: kind.to_owned(), endpoint, origin: layer.origin() };
        texts(&value).filter_map(|text| Endpoint::parse(text).ok()).map(named).collect()
    }

    /// The backends of a kind that the user's file names, when nobody above it names others.
    pub(crate) fn named_in_file(&self, kind: &str) -> Vec<Endpoint> {
        let named = self.named(kind).into_iter().filter(|named| named.origin == Origin::File);
        named.map(|named| named.endpoint).collect()
    }

    /// The variable or option that names the backends of a kind, so that the file does not count.
    pub(crate) fn who_names(&self, kind: &str) -> Option<String> {
        let (_, layer, source) = self.value(&format!("backends.{kind}.url"))?;
        match layer {
            Layer::Default | Layer::File => None,
            Layer::Project | Layer::Environment | Layer::Flag => Some(source.unwrap_or_else(|| layer.to_string())),
        }
    }

    /// What was found and has the user's word.
    pub fn accepted(&self, kind: &str) -> Vec<Endpoint> {
        self.endpoints(kind, "accepted")
    }

    /// What is switched off.
    pub fn disabled(&self, kind: &str) -> Vec<Endpoint> {
        self.endpoints(kind, "disabled")
    }

    /// Which one jobs for the kind go to when it can take them.
    pub fn default_of(&self, kind: &str) -> Option<Endpoint> {
        self.plain(&format!("backends.{kind}.default")).as_str().and_then(|text| Endpoint::parse(text).ok())
    }

    fn endpoints(&self, kind: &str, name: &str) -> Vec<Endpoint> {
        let value = self.plain(&format!("backends.{kind}.{name}"));
        texts(&value).filter_map(|text| Endpoint::parse(text).ok()).collect()
    }

    /// The settings of a kind's driver that somebody has set.
    pub fn driver_settings(&self, kind: &str) -> Value {
        let prefix = format!("drivers.{kind}.");
        let mut settings = Map::new();
        for key in self.keys.iter().filter_map(|key| Some((key, key.name.strip_prefix(&prefix)?))) {
            if let (key, name) = key
                && let Some((value, layer, _)) = self.value(&key.name)
                && layer != Layer::Default
            {
                settings.insert(name.to_owned(), value);
            }
        }
        Value::Object(settings)
    }

    /// The secrets of a kind that are set, by name.
    pub fn secrets(&self, kind: &str) -> BTreeMap<String, Credential> {
        let declared = self.declarations.get(kind).into_iter().flat_map(|declaration| &declaration.secrets);
        let credential = |(name, secret): (&String, &mdd_driver_api::manifest::Secret)| {
            let credential = Credential {
                name: name.clone(),
                header: secret.header.clone(),
                prefix: secret.prefix.clone(),
                value: self.secrets.get(&format!("backends.{kind}.{name}"))?.clone(),
            };
            Some((name.clone(), credential))
        };
        declared.filter_map(credential).collect()
    }

    /// What has to be read from the keyring before all secrets are known.
    pub fn unread(&self) -> &[Entry] {
        &self.unread
    }

    /// The key of that name.
    ///
    /// # Errors
    /// A sentence with the nearest one.
    pub fn key(&self, name: &str) -> Result<&Key, String> {
        self.keys.iter().find(|key| key.name == name).ok_or_else(|| {
            let nearest = keys::nearest(&self.keys, name).unwrap_or_default();
            let name = mdd_driver_api::text::printable(name, 80);
            format!("there is no setting `{name}`; did you mean `{nearest}`?")
        })
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
