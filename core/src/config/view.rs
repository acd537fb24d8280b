//! The settings as clients see them.

use super::{Config, Layer, Reference, UserFile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What stands in place of a secret that is set.
const HIDDEN: &str = "(set)";

/// The answer to `config.show` and `config.set`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ConfigView {
    /// The user's file, whether or not it exists yet.
    pub file: Option<String>,
    /// Every setting, by key.
    pub values: Vec<ConfigValue>,
    /// What is wrong with them.
    pub problems: Vec<ConfigProblem>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigValue {
    /// Its name.
    pub key: String,
    /// What counts; null when nothing does. For a secret that is set only the fact, or where it is kept.
    pub value: Value,
    /// Who set it.
    pub origin: Layer,
    /// Name of the variable or option, or file and line.
    pub source: Option<String>,
    /// Whether its value is never shown.
    pub secret: bool,
}

/// A mistake in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigProblem {
    /// The setting, where it is about one.
    pub key: Option<String>,
    /// Name of the variable, or file and line.
    pub source: String,
    /// What was seen.
    pub observation: String,
    /// What to do about it.
    pub remedy: String,
}

/// A reference is no secret.
fn hidden(value: Value) -> Value {
    match value.as_str().map(Reference::parse) {
        None => Value::Null,
        Some(Ok(Some(_))) => value,
        Some(_) => HIDDEN.into(),
    }
}

impl Config {
    /// Everything of it.
    pub fn view(&self, file: &UserFile) -> ConfigView {
        let values = self.keys.iter().map(|key| {
            let (value, origin, source) = self.value(&key.name).unwrap_or((Value::Null, Layer::Default, None));
            let value = if key.secret { hidden(value) } else { value };
            ConfigValue { key: key.name.clone(), value, origin, source, secret: key.secret }
        });
        let problems = self.problems.iter().map(|problem| ConfigProblem {
            key: problem.key.clone(),
            source: problem.source.clone(),
            observation: problem.observation.clone(),
            remedy: problem.remedy.clone(),
        });
        ConfigView {
            file: file.path().map(|path| path.display().to_string()),
            values: values.collect(),
            problems: problems.collect(),
        }
    }
}
