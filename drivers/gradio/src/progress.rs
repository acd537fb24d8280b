//! How far a function has come.

use crate::loose::{Shape, maybe};
use mdd_driver_api::text::printable;
use serde::{
    Deserialize,
    de::{MapAccess, value::MapAccessDeserializer},
};

/// The last of the bars that a function shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Steps that are done.
    pub step: f64,
    /// Steps in all; 0 when unknown.
    pub total: f64,
    /// What is worked on, in words of the app.
    pub detail: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    #[serde(deserialize_with = "maybe")]
    index: Option<f64>,
    #[serde(deserialize_with = "maybe")]
    length: Option<f64>,
    #[serde(deserialize_with = "maybe")]
    progress: Option<f64>,
    #[serde(deserialize_with = "maybe")]
    desc: Option<String>,
}

impl Shape for Progress {
    fn of_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        Raw::deserialize(MapAccessDeserializer::new(object)).map(|raw| Some(raw.into_progress()))
    }
}

impl Raw {
    /// A fraction counts before steps. Numbers come from strangers, so they may be anything.
    fn into_progress(self) -> Progress {
        let detail = printable(&self.desc.unwrap_or_default(), 120);
        let sane = |number: f64| number.is_finite() && (0.0..=1e9).contains(&number);
        let (step, total) = match (self.progress, self.index, self.length) {
            (Some(fraction), _, _) if sane(fraction) => (fraction.min(1.0), 1.0),
            (_, Some(index), Some(length)) if sane(index) && sane(length) => (index.min(length), length),
            (_, Some(index), _) if sane(index) => (index, 0.0),
            _ => (0.0, 0.0),
        };
        Progress { step, total, detail }
    }
}
