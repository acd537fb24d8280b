//! What the process knows: its voices, the one that is loaded, and the parameters of every conversion.

use crate::json::{Json, object};

/// The names of the parameters. Others are ignored.
const PARAMETERS: [&str; 7] =
    ["f0method", "f0up_key", "index_rate", "filter_radius", "resample_sr", "rms_mix_rate", "protect"];

/// The state of one process.
pub(super) struct Voices {
    names: Vec<String>,
    loaded: Option<String>,
    parameters: Json,
}

impl Default for Voices {
    fn default() -> Self {
        Self {
            names: vec!["alice".to_owned(), "bob".to_owned()],
            loaded: None,
            parameters: object! {
                "f0method" => "rmvpe",
                "f0up_key" => 0,
                "index_rate" => 0.6,
                "filter_radius" => 3,
                "resample_sr" => 0,
                "rms_mix_rate" => 0.25,
                "protect" => 0.5,
            },
        }
    }
}

impl Voices {
    pub(super) fn list(&self) -> Json {
        object! { "models" => Json::List(self.names.iter().map(Json::from).collect()) }
    }

    pub(super) fn parameters(&self) -> &Json {
        &self.parameters
    }

    /// Values are not checked.
    pub(super) fn set(&mut self, given: &Json) {
        for (name, value) in given.members().unwrap_or_default() {
            if PARAMETERS.contains(&name.as_str()) {
                self.parameters.set(name, value);
            }
        }
    }

    /// A name that is not known is listed from now on, although it cannot be loaded.
    pub(super) fn load(&mut self, name: &str) -> Result<(), String> {
        match name {
            "broken" => return Err("Ran out of input".to_owned()),
            "alice" | "bob" => {}
            unknown => {
                if !self.names.iter().any(|known| known == unknown) {
                    self.names.push(unknown.to_owned());
                }
                return Err(format!("Model file {unknown} not found."));
            }
        }
        self.loaded = Some(name.to_owned());
        Ok(())
    }

    pub(super) fn loaded(&self) -> Option<&str> {
        self.loaded.as_deref()
    }

    /// Reads the folder again.
    pub(super) fn read_again(&mut self) {
        self.names = Self::default().names;
    }

    /// Why every conversion fails.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let is_number = |name: &str| self.parameters.get(name).is_some_and(|value| value.as_f64().is_some());
        (!is_number("f0up_key")).then_some("unsupported operand type(s) for /: 'str' and 'int'")
    }
}
