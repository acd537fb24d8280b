//! What `GET /config` tells of an app, read leniently: fields are missing, `null` or of another type in some generation.

mod protocol;
mod raw;

pub use protocol::Protocol;

use crate::loose::Loose;
use mdd_driver_api::text::{lenient_json, printable};
use raw::Raw;
use std::fmt;

/// An app as it describes itself. Components and functions that cannot be read are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Version of Gradio; `3.34.0` writes its own with a newline.
    pub version: Option<String>,
    /// Title of the app; `Gradio` where it sets none.
    pub title: Option<String>,
    /// How it wants to be asked.
    pub protocol: Protocol,
    /// Before every path but `/config` and `/login`; empty before Gradio 5.
    pub prefix: String,
    /// Another one after every start. Gradio 3.14 has none; 3.34 tells it, but not in here.
    pub app_id: Option<String>,
    /// What its page is made of.
    pub components: Vec<Component>,
    /// What it can be asked for.
    pub functions: Vec<Function>,
    /// Whether `POST /upload` exists: since 3.34 or somewhat earlier.
    pub takes_uploads: bool,
}

/// A part of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Its number.
    pub id: u64,
    /// `textbox`, `video`, `markdown`, ….
    pub kind: String,
    /// What people read beside it, in the language of the server.
    pub label: Option<String>,
    /// Its value where that is text.
    pub value: Option<String>,
    /// What the app's author calls it.
    pub elem_id: Option<String>,
    /// What can be chosen: the values, not their names for people.
    pub choices: Vec<String>,
}

/// Something that an app does when a component is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Function {
    /// `fn_index`.
    pub index: u64,
    /// Its name for programs, which Gradio 3 gives only to functions whose author did.
    pub api_name: Option<String>,
    /// Components whose values it takes.
    pub inputs: Vec<u64>,
    /// Components that it changes.
    pub outputs: Vec<u64>,
    /// Whether it can be stopped in the middle; unknown on 3.14.
    pub is_generator: Option<bool>,
    /// Whether it runs on the server at all.
    pub has_backend: bool,
}

impl Config {
    /// Reads the answer to `GET /config`. `Ok(None)` for JSON that is no description of a Gradio app.
    ///
    /// # Errors
    /// Text that is no JSON.
    pub fn read(body: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        lenient_json::<Loose<Raw>>(body).map(|raw| raw.0.and_then(Raw::into_config))
    }

    /// The function with that name for programs.
    pub fn function(&self, api_name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.api_name.as_deref() == Some(api_name))
    }

    /// The component with that number.
    pub fn component(&self, id: u64) -> Option<&Component> {
        self.components.iter().find(|component| component.id == id)
    }

    /// A path of this app below its prefix.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

/// In words for people: `a Gradio app titled "X"`.
impl fmt::Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.title.as_deref().map(|title| printable(title, 80)).filter(|title| !title.is_empty()) {
            Some(title) => write!(formatter, "a Gradio app titled \"{title}\""),
            None => formatter.write_str("a Gradio app without a title"),
        }
    }
}

#[cfg(test)]
mod tests;
