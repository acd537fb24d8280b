//! The payload of a conversion, the same for every flavour. What is left out takes the value that the service begins with.

use crate::problem;
use mdd_driver_api::{DriverError, Result, model::JobFile, text::printable};
use serde::Deserialize;
use serde_json::Value;

const FILE: &str = "mdd-file:";

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conversion {
    pub(crate) voice: String,
    pub(crate) audio: String,
    #[serde(default)]
    pub(crate) transpose: Option<i64>,
    #[serde(default)]
    pub(crate) f0_method: Option<String>,
    #[serde(default)]
    pub(crate) index_path: Option<String>,
    #[serde(default)]
    pub(crate) index_rate: Option<f64>,
    #[serde(default)]
    pub(crate) filter_radius: Option<u64>,
    #[serde(default)]
    pub(crate) resample_sr: Option<u64>,
    #[serde(default)]
    pub(crate) rms_mix_rate: Option<f64>,
    #[serde(default)]
    pub(crate) protect: Option<f64>,
    #[serde(default)]
    pub(crate) speaker_id: Option<u64>,
}

impl Conversion {
    /// # Errors
    /// `REJECTED` with `rvc.bad-conversion` for what is none.
    pub(crate) fn read(payload: Value) -> Result<Self> {
        serde_json::from_value(payload).map_err(|error| {
            let text = format!("the payload is no conversion: {}", printable(&error.to_string(), 160));
            problem::refused(problem::BAD_CONVERSION, text)
        })
    }

    /// The recording among the job's files.
    ///
    /// # Errors
    /// `REJECTED` with `rvc.missing-file` where it is not among them.
    pub(crate) fn recording<'a>(&self, files: &'a [JobFile]) -> Result<&'a JobFile> {
        let named = self.audio.strip_prefix(FILE);
        named.and_then(|name| files.iter().find(|file| file.name == name)).ok_or_else(|| missing(&self.audio))
    }
}

fn missing(audio: &str) -> DriverError {
    let text = format!("`audio` is \"{}\", which names no file of the job", printable(audio, 80));
    problem::refused(problem::MISSING_FILE, text)
}
