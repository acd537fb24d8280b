//! The format of a script.

use crate::pattern::Pattern;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// One service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Where its exchanges come from: a recording of which version, or a documentation.
    pub source: String,
    /// The user's settings, where the service needs any.
    #[serde(default)]
    pub settings: Value,
    /// Secrets that the user has set.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// A job that it carries.
    #[serde(default)]
    pub job: Option<JobScript>,
    /// What is asked and answered; the first that fits a request answers it.
    pub exchanges: Vec<Exchange>,
}

/// A job, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobScript {
    /// Name of an operation of the manifest.
    pub operation: String,
    /// Its payload.
    pub payload: Value,
    /// Its files.
    #[serde(default)]
    pub files: Vec<ScriptFile>,
    /// The roles of its results.
    #[serde(default)]
    pub results: Vec<String>,
    /// Its text.
    #[serde(default)]
    pub text: Option<String>,
}

/// A file of a job.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptFile {
    /// As the payload names it.
    pub name: String,
    /// What it is.
    pub media_type: String,
}

/// A request and its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// `METHOD /path`. In the path `*` stands for one segment, or at the end for any rest, and `{name}` for the value of
    /// a variable. A query is only compared where the script has one.
    pub request: Pattern,
    /// Text that the body of the request contains.
    #[serde(default)]
    pub contains: Option<String>,
    /// Variables to set: by name, a JSON pointer into the body of the request.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
    /// The phases in which it happens; none stands for all. A service begins in the phase `start`.
    #[serde(default)]
    pub during: Vec<String>,
    /// The phase after it.
    #[serde(default)]
    pub then: Option<String>,
    /// How often it happens in a phase; after that the next one that fits is taken.
    #[serde(default)]
    pub times: Option<u32>,
    /// What asking does.
    #[serde(default)]
    pub effect: Option<Effect>,
    /// What is answered.
    pub answer: Answer,
}

/// What asking does at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Work begins.
    Starts,
    /// Work ends.
    Cancels,
    /// It costs something: money, time of a model, or memory. A driver must not ask it by itself.
    Costs,
}

/// An answer: one of the bodies, or none.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status.
    #[serde(default = "ok")]
    pub status: u16,
    /// Header fields. `content-type` has a default.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A body of JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// A body of text.
    #[serde(default)]
    pub text: Option<String>,
    /// A body of any bytes.
    #[serde(default)]
    pub base64: Option<String>,
    /// A body that is a file beside the script.
    #[serde(default)]
    pub file: Option<String>,
    /// A body that comes piece by piece.
    #[serde(default)]
    pub pieces: Option<Vec<Piece>>,
    /// A WebSocket is opened, and these are its messages. It stays open after the last one.
    #[serde(default)]
    pub socket: Option<Vec<Piece>>,
}

fn ok() -> u16 {
    200
}

/// A piece of a body, or a message of a WebSocket.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Piece {
    /// Text.
    Text(String),
    /// JSON on a line of its own.
    Json {
        /// The value.
        json: Value,
    },
    /// Bytes.
    Bytes {
        /// In base64.
        base64: String,
    },
    /// Nothing comes for a while.
    Wait {
        /// How long.
        wait_ms: u64,
    },
    /// Nothing comes before the client has sent a message with this text; only in a WebSocket.
    Expect {
        /// The text.
        expect: String,
        /// What that message does.
        #[serde(default)]
        effect: Option<Effect>,
    },
    /// The service closes; only in a WebSocket.
    Close {
        /// Its code.
        close: u16,
    },
}

/// Why something is no script.
#[derive(Debug, Error)]
pub enum Invalid {
    /// A file that cannot be read.
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// A file that is no JSON of a script.
    #[error("{0} is no script")]
    Json(String, #[source] serde_json::Error),
    /// A mistake in a script.
    #[error("{0}: {1}")]
    Content(String, String),
    /// A folder without scripts.
    #[error("{} holds no script: a file that ends with .json", .0.display())]
    Empty(PathBuf),
}

impl Script {
    /// A service that has nothing of what it is asked for.
    pub fn empty() -> Self {
        Self {
            source: "nothing".to_owned(),
            settings: Value::Null,
            secrets: Vec::new(),
            job: None,
            exchanges: Vec::new(),
        }
    }

    /// Reads every script of a folder, by name.
    ///
    /// # Errors
    /// The first that is none.
    pub fn read_all(folder: &Path) -> Result<BTreeMap<String, Self>, Invalid> {
        let unreadable = |error| Invalid::Read(folder.to_owned(), error);
        let mut scripts = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if path.extension().is_some_and(|ending| ending == "json") {
                let text = fs::read_to_string(&path).map_err(|error| Invalid::Read(path.clone(), error))?;
                let script = Self::parse(&stem, &text, |name| fs::read(folder.join(name)).ok())?;
                scripts.insert(stem, script);
            }
        }
        if scripts.is_empty() { Err(Invalid::Empty(folder.to_owned())) } else { Ok(scripts) }
    }

    /// Reads one. `file` gives the files beside it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str, text: &str, file: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Self, Invalid> {
        let mut script: Self =
            serde_json::from_str(text).map_err(|error| Invalid::Json(format!("{name}.json"), error))?;
        for exchange in &mut script.exchanges {
            let fault = |what: String| Invalid::Content(format!("{name}.json, {}", exchange.request), what);
            let answer = &mut exchange.answer;
            if let Some(beside) = answer.file.take() {
                let bytes = file(&beside).ok_or_else(|| fault(format!("the file {beside:?} cannot be read")))?;
                answer.base64 = Some(BASE64_STANDARD.encode(bytes));
            }
            answer.check().map_err(fault)?;
        }
        Ok(script)
    }
}

impl Answer {
    fn check(&self) -> Result<(), String> {
        let bodies = [self.json.is_some(), self.text.is_some(), self.base64.is_some(), self.pieces.is_some()];
        let bodies = bodies.into_iter().chain([self.socket.is_some()]).filter(|is_there| *is_there).count();
        if bodies > 1 {
            return Err("an answer has one body".to_owned());
        }
        if !(100..=599).contains(&self.status) {
            return Err(format!("{} is no status", self.status));
        }
        let pieces = self.pieces.iter().chain(&self.socket).flatten();
        let encoded = pieces.filter_map(|piece| match piece {
            Piece::Bytes { base64 } => Some(base64),
            _ => None,
        });
        for text in encoded.chain(&self.base64) {
            BASE64_STANDARD.decode(text).map_err(|error| format!("a body is no base64: {error}"))?;
        }
        Ok(())
    }
}
