//! The fields of a `/config` that are looked at.

use super::{Component, Config, Function, Protocol};
use crate::loose::{Loose, Shape, maybe, objects, or_default};
use serde::{Deserialize, de::SeqAccess};

/// The object as a whole.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Raw {
    #[serde(deserialize_with = "maybe")]
    version: Option<String>,
    #[serde(deserialize_with = "maybe")]
    title: Option<String>,
    #[serde(deserialize_with = "maybe")]
    protocol: Option<String>,
    #[serde(deserialize_with = "or_default")]
    api_prefix: String,
    #[serde(deserialize_with = "maybe")]
    app_id: Option<AppId>,
    #[serde(deserialize_with = "maybe")]
    components: Option<Vec<Loose<RawComponent>>>,
    #[serde(deserialize_with = "maybe")]
    dependencies: Option<Vec<Loose<RawFunction>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawComponent {
    #[serde(deserialize_with = "maybe")]
    id: Option<u64>,
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    props: Props,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Props {
    #[serde(deserialize_with = "maybe")]
    label: Option<String>,
    #[serde(deserialize_with = "maybe")]
    value: Option<String>,
    #[serde(deserialize_with = "maybe")]
    elem_id: Option<String>,
    #[serde(deserialize_with = "or_default")]
    choices: Vec<Loose<Choice>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawFunction {
    #[serde(deserialize_with = "maybe")]
    id: Option<u64>,
    #[serde(deserialize_with = "maybe")]
    api_name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    inputs: Vec<Loose<u64>>,
    #[serde(deserialize_with = "or_default")]
    outputs: Vec<Loose<u64>>,
    #[serde(deserialize_with = "maybe")]
    backend_fn: Option<bool>,
    #[serde(deserialize_with = "maybe")]
    types: Option<Types>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Types {
    #[serde(deserialize_with = "maybe")]
    generator: Option<bool>,
}

objects!(Raw, RawComponent, Props, RawFunction, Types);

/// A number of 64 bits or, one day, text.
struct AppId(String);

impl Shape for AppId {
    fn of_text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn of_number(number: u64) -> Option<Self> {
        Some(Self(number.to_string()))
    }
}

/// A value, or since 4.0 a pair of what people read and the value.
#[derive(Default)]
struct Choice(String);

impl Shape for Choice {
    fn of_text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut last = None;
        while let Some(item) = list.next_element::<Loose<String>>()? {
            last = item.0;
        }
        Ok(last.map(Self))
    }
}

impl Raw {
    /// The two lists are what makes it a description of an app.
    pub(super) fn into_config(self) -> Option<Config> {
        let (components, functions) = (self.components?, self.dependencies?);
        let takes_uploads =
            self.protocol.is_some() || functions.iter().flat_map(|it| &it.0).any(|it| it.types.is_some());
        Some(Config {
            version: self.version.map(|version| version.trim().to_owned()),
            title: self.title,
            protocol: Protocol::read(self.protocol.as_deref()),
            prefix: prefix(&self.api_prefix),
            app_id: self.app_id.map(|id| id.0),
            components: components.into_iter().filter_map(|it| it.0?.into_component()).collect(),
            functions: (0..).zip(functions).filter_map(|(place, it)| Some(it.0?.into_function(place))).collect(),
            takes_uploads,
        })
    }
}

/// A path below the endpoint that was asked, whatever the app says: never another host, never a query.
fn prefix(given: &str) -> String {
    let is_path = given.starts_with('/') && !given.starts_with("//");
    let is_plain = given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.~".contains(&byte));
    let climbs = given.split('/').any(|part| part == "..");
    if is_path && is_plain && !climbs { given.trim_end_matches('/').to_owned() } else { String::new() }
}

impl RawComponent {
    fn into_component(self) -> Option<Component> {
        let Props { label, value, elem_id, choices } = self.props;
        let choices = choices.into_iter().filter_map(|choice| choice.0).map(|choice| choice.0).collect();
        Some(Component { id: self.id?, kind: self.kind, label, value, elem_id, choices })
    }
}

impl RawFunction {
    fn into_function(self, place: u64) -> Function {
        let numbers = |list: Vec<Loose<u64>>| list.into_iter().filter_map(|number| number.0).collect();
        Function {
            index: self.id.unwrap_or(place),
            api_name: self.api_name,
            inputs: numbers(self.inputs),
            outputs: numbers(self.outputs),
            is_generator: self.types.and_then(|types| types.generator),
            has_backend: self.backend_fn.unwrap_or(true),
        }
    }
}
