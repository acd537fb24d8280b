//! Every key that a setting may have: the host's own, and those that the manifests of the drivers bring along.

use super::{Reference, value};
use crate::jobs::Retention;
use mdd_driver_api::manifest::Declaration;
use serde_json::{Value, json};

/// A setting.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its parts joined by dots.
    pub name: String,
    /// What a value has to be.
    pub shape: Shape,
    /// What counts when nobody says anything.
    pub default: Value,
    /// Whether its value is never shown.
    pub secret: bool,
}

/// What a value has to be.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Yes or no.
    Switch,
    /// A whole number within bounds.
    Whole(u64, u64),
    /// Absolute folders.
    Folders,
    /// One address or several.
    Endpoints,
    /// One address.
    Endpoint,
    /// A secret, or where it is kept.
    Secret,
    /// Whatever this JSON Schema allows.
    Schema(Value),
}

/// Names that a secret of a driver cannot have, as a setting has it.
const OF_A_KIND: [&str; 4] = ["url", "accepted", "disabled", "default"];

impl Key {
    fn new(name: impl Into<String>, shape: Shape, default: Value) -> Self {
        Self { name: name.into(), shape, default, secret: false }
    }

    /// The key's value in its usual form.
    ///
    /// # Errors
    /// What is wanted instead.
    pub fn check(&self, value: &Value) -> Result<Value, String> {
        match &self.shape {
            Shape::Switch => value.as_bool().map(Value::Bool).ok_or_else(|| "it takes true or false".to_owned()),
            Shape::Whole(least, most) => match value.as_u64() {
                Some(number) if (*least..=*most).contains(&number) => Ok(number.into()),
                _ => Err(format!("it takes a whole number from {least} to {most}")),
            },
            Shape::Folders => value::folders(value),
            Shape::Endpoints => value::endpoints(value),
            Shape::Endpoint => value::endpoint(value),
            Shape::Secret => match value.as_str().map(str::trim) {
                Some(text) if !text.is_empty() && !text.chars().any(char::is_control) => {
                    Reference::parse(text).map(|_| text.into())
                }
                _ => Err("it takes a text on one line".to_owned()),
            },
            Shape::Schema(schema) => crate::jobs::check_schema("the value", schema, value).map(|()| value.clone()),
        }
    }
}

/// The variables that set keys of the host's own.
pub(super) const VARIABLES: [(&str, &str); 2] =
    [("jobs.keep_count", "MDD_JOBS_KEEP_COUNT"), ("jobs.keep_days", "MDD_JOBS_KEEP_DAYS")];

/// Every key, in the order of their names.
pub(super) fn all(declarations: &[Declaration]) -> Vec<Key> {
    let mut keys = vec![
        Key::new("discovery.enabled", Shape::Switch, json!(true)),
        Key::new("discovery.lan", Shape::Switch, json!(false)),
        Key::new("discovery.mdns", Shape::Switch, json!(true)),
        Key::new("discovery.sockets", Shape::Switch, json!(true)),
        Key::new("health.interval_ms", Shape::Whole(1_000, 10_000), json!(5_000)),
        Key::new("idle_minutes", Shape::Whole(1, 10_080), json!(10)),
        Key::new("jobs.keep_count", Shape::Whole(0, 1_000_000), json!(Retention::DEFAULT.count)),
        Key::new("jobs.keep_days", Shape::Whole(0, 36_500), json!(Retention::DEFAULT.days)),
        Key::new("metrics.port", Shape::Whole(0, 65_535), json!(0)),
        Key::new("plugins", Shape::Folders, json!([])),
    ];
    keys.extend(declarations.iter().flat_map(of_kind));
    keys.sort_by(|one, other| one.name.cmp(&other.name));
    keys.dedup_by(|one, other| one.name == other.name);
    keys
}

fn of_kind(declaration: &Declaration) -> Vec<Key> {
    let kind = &declaration.kind;
    let named = |name: &str, shape, default| Key::new(format!("backends.{kind}.{name}"), shape, default);
    let mut keys = vec![
        named("url", Shape::Endpoints, json!([])),
        named("accepted", Shape::Endpoints, json!([])),
        named("disabled", Shape::Endpoints, json!([])),
        named("default", Shape::Endpoint, Value::Null),
    ];
    let secrets = declaration.secrets.keys().filter(|name| !OF_A_KIND.contains(&name.as_str()));
    keys.extend(secrets.map(|name| Key { secret: true, ..named(name, Shape::Secret, Value::Null) }));
    let properties = declaration.settings.get("properties").and_then(Value::as_object);
    keys.extend(properties.into_iter().flatten().map(|(name, schema)| {
        let default = schema.get("default").cloned().unwrap_or_default();
        Key::new(format!("drivers.{kind}.{name}"), Shape::Schema(schema.clone()), default)
    }));
    keys
}

/// The key that was most probably meant.
pub(super) fn nearest<'k>(keys: &'k [Key], name: &str) -> Option<&'k str> {
    let likeness = |key: &Key| strsim::normalized_damerau_levenshtein(&key.name, name);
    let best = keys.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    Some(&best.name)
}
