//! What the layers come to: the values that count, as the rest of the host takes them.

use super::{Config, Layer, Named, texts};
use crate::{
    config::{
        keys::{self, Key},
        problem::Problem,
        reference::Reference,
    },
    endpoint::Endpoint,
    events::Origin,
    jobs::Retention,
    keyring::Entry,
    transport::Credential,
};
use figment::Source;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

impl Config {
    /// The value of a key with who set it.
    pub(in crate::config) fn value(&self, key: &str) -> Option<(Value, Layer, Option<String>)> {
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

    /// Where other machines are heard: names and addresses of interfaces, none for all.
    pub fn interfaces(&self) -> Vec<String> {
        texts(&self.plain("discovery.interfaces")).map(str::to_owned).collect()
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
            let key = format!("backends.{kind}.{name}");
            let credential = Credential {
                name: name.clone(),
                header: secret.header.clone(),
                prefix: secret.prefix.clone(),
                value: self.secrets.get(&key)?.clone(),
                source: self.source_of_secret(&key),
            };
            Some((name.clone(), credential))
        };
        declared.filter_map(credential).collect()
    }

    /// Where a secret that is set comes from, for people.
    fn source_of_secret(&self, key: &str) -> String {
        let Some((Value::String(text), layer, source)) = self.value(key) else { return key.to_owned() };
        match (Reference::parse(&text), source) {
            (Ok(Some(Reference::Environment(name))), _) => format!("the variable {name}"),
            (Ok(Some(Reference::Keyring(entry))), _) => format!("the keyring ({}/{})", entry.service, entry.user),
            (_, Some(source)) if layer == Layer::Environment => format!("the variable {source}"),
            (_, Some(source)) => source,
            (_, None) => layer.to_string(),
        }
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
