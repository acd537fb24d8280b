//! Every key that a setting may have: the host's own, and those that the manifests of the drivers bring along.

use super::{Reference, value};
use crate::jobs::Retention;
use crate::settings::variable;
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
    /// What it is for, in a sentence.
    pub about: String,
    /// Variables that set it, too, the strongest first.
    pub variables: Vec<String>,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Switch => f.write_str("`true` or `false`"),
            Self::Whole(least, most) => write!(f, "{least} to {most}"),
            Self::Folders => f.write_str("absolute folders"),
            Self::Interfaces => f.write_str("names or addresses of interfaces"),
            Self::Endpoints => f.write_str("addresses"),
            Self::Endpoint => f.write_str("an address"),
            Self::Secret => f.write_str("a secret, or where it is kept"),
            Self::Schema(schema) => f.write_str(&of_schema(schema)),
        }
    }
}

/// As much of a schema as a line has room for.
fn of_schema(schema: &Value) -> String {
    let bound = |name: &str| schema.get(name).filter(|bound| bound.is_number());
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    match (schema.get("type").and_then(Value::as_str), bound("minimum"), bound("maximum")) {
        (Some("boolean"), ..) => "`true` or `false`".to_owned(),
        (_, Some(least), Some(most)) => format!("{least} to {most}"),
        (_, Some(least), None) => format!("from {least}"),
        (_, None, Some(most)) => format!("up to {most}"),
        (Some("string"), ..) => "text".to_owned(),
        (Some(word), ..) => word.to_owned(),
        (None, ..) => "any JSON".to_owned(),
    }
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
    /// Names of network interfaces, or addresses that they have.
    Interfaces,
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
    fn new(name: impl Into<String>, shape: Shape, default: Value, about: impl Into<String>) -> Self {
        Self { name: name.into(), shape, default, secret: false, about: about.into(), variables: Vec::new() }
    }

    fn or_variables(self, variables: impl IntoIterator<Item = String>) -> Self {
        Self { variables: variables.into_iter().collect(), ..self }
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
            Shape::Interfaces => value::interfaces(value),
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

/// Every key that there is beside these drivers, in the order of their names.
pub fn all(declarations: &[Declaration]) -> Vec<Key> {
    let mut keys = vec![
        Key::new(
            "discovery.enabled",
            Shape::Switch,
            json!(true),
            "Look for services; off, only what is named is known.",
        ),
        Key::new(
            "discovery.interfaces",
            Shape::Interfaces,
            json!([]),
            "The interfaces at which other machines are heard, such as eth0 or 192.168.1.5; none named is all of them.",
        ),
        Key::new("discovery.lan", Shape::Switch, json!(false), "Hear other machines of the network as well."),
        Key::new("discovery.mdns", Shape::Switch, json!(true), "Hear what announces itself by mDNS, on this machine."),
        Key::new(
            "discovery.sockets",
            Shape::Switch,
            json!(true),
            "See which programs of this machine listen, so that a service is found on any port.",
        ),
        Key::new(
            "health.interval_ms",
            Shape::Whole(1_000, 10_000),
            json!(5_000),
            "Milliseconds between two questions whether a healthy service lives.",
        ),
        Key::new(
            "idle_minutes",
            Shape::Whole(0, 10_080),
            json!(10),
            "How long a host stays that nobody needs; 0 for always. Counts from the next start.",
        ),
        Key::new(
            "jobs.keep_count",
            Shape::Whole(0, 1_000_000),
            json!(Retention::DEFAULT.count),
            "How many jobs that are done, failed or cancelled are kept, the last ones; 0 for all.",
        ),
        Key::new(
            "jobs.keep_days",
            Shape::Whole(0, 36_500),
            json!(Retention::DEFAULT.days),
            "For how many days jobs that are over are kept; 0 for ever.",
        ),
        Key::new(
            "metrics.port",
            Shape::Whole(0, 65_535),
            json!(0),
            "The port of this machine for monitoring; 0 is none.",
        ),
        Key::new("plugins", Shape::Folders, json!([]), "Folders to search for drivers. Counts from the next start."),
    ];
    for (name, variable) in VARIABLES {
        keys.iter_mut().filter(|key| key.name == name).for_each(|key| key.variables.push(variable.to_owned()));
    }
    keys.extend(declarations.iter().flat_map(of_kind));
    keys.sort_by(|one, other| one.name.cmp(&other.name));
    keys.dedup_by(|one, other| one.name == other.name);
    keys
}

fn of_kind(declaration: &Declaration) -> Vec<Key> {
    let Declaration { kind, environment, .. } = declaration;
    let named =
        |name: &str, shape, default, about: &str| Key::new(format!("backends.{kind}.{name}"), shape, default, about);
    let urls = std::iter::once(variable(kind, "URL")).chain(environment.url.clone()).chain(environment.port.clone());
    let mut keys = vec![
        named("url", Shape::Endpoints, json!([]), "Where services of the kind are: an address, or a list of them.")
            .or_variables(urls),
        named("accepted", Shape::Endpoints, json!([]), "What was found and has your word."),
        named("disabled", Shape::Endpoints, json!([]), "What is switched off."),
        named("default", Shape::Endpoint, Value::Null, "Which one jobs for the kind go to when it can take them."),
    ];
    let secrets = declaration.secrets.iter().filter(|(name, _)| !OF_A_KIND.contains(&name.as_str()));
    keys.extend(secrets.map(|(name, secret)| {
        let key = named(name, Shape::Secret, Value::Null, &sentence(&secret.title));
        let variables = std::iter::once(variable(kind, name)).chain(secret.environment.clone());
        Key { secret: true, ..key }.or_variables(variables)
    }));
    let properties = declaration.settings.get("properties").and_then(Value::as_object);
    keys.extend(properties.into_iter().flatten().map(|(name, schema)| {
        let default = schema.get("default").cloned().unwrap_or_default();
        let words = ["description", "title"].iter().find_map(|word| schema.get(word)?.as_str());
        let about = sentence(words.unwrap_or_default());
        Key::new(format!("drivers.{kind}.{name}"), Shape::Schema(schema.clone()), default, about)
    }));
    keys
}

/// Titles have no full stop.
fn sentence(title: &str) -> String {
    match title.ends_with('.') || title.is_empty() {
        true => title.to_owned(),
        false => format!("{title}."),
    }
}

/// The key that was most probably meant.
pub(super) fn nearest<'k>(keys: &'k [Key], name: &str) -> Option<&'k str> {
    nearest_of(keys.iter().map(|key| key.name.as_str()), name)
}

/// The name that was most probably meant.
pub(super) fn nearest_of<'n>(names: impl Iterator<Item = &'n str>, name: &str) -> Option<&'n str> {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(known, name);
    names.max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
}
