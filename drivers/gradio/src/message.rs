//! One message of an app about a call, whatever brought it.

use crate::{
    loose::{Loose, maybe, objects, or_default},
    progress::Progress,
};
use mdd_driver_api::{
    DriverError, ErrorKind, Result,
    text::{lenient_json, printable},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// A message, and which call it is about. Gradio before 4.9 does not say, as its every stream is about one.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The server's id of the call.
    pub event: Option<String>,
    /// What it says.
    pub said: Said,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// The server asks for function and session (WebSocket).
    SendHash,
    /// The server asks for the data (WebSocket and `sse`).
    SendData,
    /// The call waits: so many are before it, and so many wait in all.
    Waits {
        /// Calls before it.
        rank: u32,
        /// Calls that wait.
        length: u32,
    },
    /// The function runs now.
    Starts,
    /// How far it has come.
    Progress(Progress),
    /// A value that is not the last one.
    Generating,
    /// A line for people.
    Log(Log),
    /// The function is over.
    Completed(Output),
    /// The stream is of no use any more.
    Broken {
        /// What the server says.
        text: String,
        /// It knows no such session: the call is gone, or the stream was opened too late.
        is_unknown_session: bool,
    },
    /// There is no room in the queue.
    QueueFull,
    /// The stream is still open.
    Heartbeat,
    /// No call of the session is left.
    CloseStream,
    /// One that this version has never heard of.
    Unknown,
}

/// A line that the app shows to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `info`, `warning`, `success` or `error`.
    pub level: String,
    /// What it says.
    pub text: String,
}

impl Log {
    /// On one line, with its level unless that is the usual one.
    pub fn in_words(&self) -> String {
        let text = printable(&self.text, 400);
        match self.level.as_str() {
            "warning" | "error" => format!("{}: {text}", self.level),
            _ => text,
        }
    }
}

/// How a function ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// The values of its outputs.
    Values(Vec<Value>),
    /// It failed. Most failures are told only on the server's console.
    Failure(Option<String>),
    /// It says success and brings no data: it was cancelled.
    Cancelled,
    /// Success with something else in place of a list of values.
    Odd,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    #[serde(deserialize_with = "maybe")]
    msg: Option<String>,
    #[serde(deserialize_with = "maybe")]
    event_id: Option<String>,
    #[serde(deserialize_with = "maybe")]
    rank: Option<f64>,
    #[serde(deserialize_with = "maybe")]
    queue_size: Option<f64>,
    #[serde(deserialize_with = "or_default")]
    progress_data: Vec<Loose<Progress>>,
    #[serde(deserialize_with = "or_default")]
    level: String,
    #[serde(deserialize_with = "maybe")]
    log: Option<String>,
    #[serde(deserialize_with = "maybe")]
    success: Option<bool>,
    /// Large, and read only where it counts.
    output: Option<Box<RawValue>>,
    #[serde(deserialize_with = "maybe")]
    message: Option<String>,
    #[serde(deserialize_with = "maybe")]
    session_not_found: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawOutput {
    data: Option<Value>,
    #[serde(deserialize_with = "maybe")]
    error: Option<String>,
}

objects!(Raw);

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// `PROTOCOL` for what is none.
    pub fn read(text: &str) -> Result<Self> {
        let raw = lenient_json::<Loose<Raw>>(text.as_bytes()).ok().and_then(|raw| raw.0);
        let named = raw.and_then(|mut raw| Some((raw.msg.take()?, raw)));
        let (name, raw) = named.ok_or_else(|| {
            let text = format!("it sent \"{}\" in place of a message", printable(text, 60));
            DriverError::new(ErrorKind::PROTOCOL, text)
        })?;
        Ok(Self { event: raw.event_id.clone(), said: raw.said(&name) })
    }
}

impl Raw {
    fn said(self, name: &str) -> Said {
        match name {
            "send_hash" => Said::SendHash,
            "send_data" => Said::SendData,
            "estimation" => Said::Waits { rank: count(self.rank), length: count(self.queue_size) },
            "process_starts" => Said::Starts,
            "progress" => match self.progress_data.into_iter().filter_map(|bar| bar.0).next_back() {
                Some(progress) => Said::Progress(progress),
                None => Said::Unknown,
            },
            "process_generating" | "process_streaming" => Said::Generating,
            "log" => match self.log {
                Some(text) => Said::Log(Log { level: self.level, text }),
                None => Said::Unknown,
            },
            "process_completed" => Said::Completed(Output::read(self.success, self.output.as_deref())),
            "unexpected_error" => {
                let text = self.message.unwrap_or_default();
                // 4.x says it in words only.
                let is_unknown_session = self.session_not_found.unwrap_or(text == "404: Session not found.");
                Said::Broken { text, is_unknown_session }
            }
            "queue_full" => Said::QueueFull,
            "heartbeat" => Said::Heartbeat,
            "close_stream" => Said::CloseStream,
            _ => Said::Unknown,
        }
    }
}

fn count(number: Option<f64>) -> u32 {
    // Conversion of floats saturates, and takes NaN for 0.
    number.map_or(0, |number| number as u32)
}

impl Output {
    fn read(success: Option<bool>, output: Option<&RawValue>) -> Self {
        let read: Option<Loose<RawOutput>> = output.and_then(|output| lenient_json(output.get().as_bytes()).ok());
        let output = read.and_then(|output| output.0).unwrap_or_default();
        match (success, output.data) {
            (Some(false), _) => Self::Failure(output.error.map(|text| unquoted(&text))),
            (_, Some(Value::Array(values))) => Self::Values(values),
            (Some(true), None) => Self::Cancelled,
            (None, None) => Self::Failure(output.error.map(|text| unquoted(&text))),
            (_, Some(_)) => Self::Odd,
        }
    }
}

objects!(RawOutput);

/// The text of Python's `repr` of a string, which is what Gradio 3 and 4 tell of an error; other text as it is.
fn unquoted(text: &str) -> String {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
    let inner = quote.and_then(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    let Some(inner) = inner else { return text.to_owned() };
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(next) = rest.next() {
        // `repr` would have escaped it: these are two quoted words, at the ends of a text.
        if Some(next) == quote {
            return text.to_owned();
        }
        if next != '\\' {
            out.push(next);
            continue;
        }
        match rest.next() {
            Some('n' | 'r' | 't') => out.push(' '),
            Some(kind @ ('x' | 'u' | 'U')) => {
                let digits: String = rest.by_ref().take(length_of(kind)).collect();
                out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            Some(escaped) => out.push(escaped),
            None => out.push('\\'),
        }
    }
    out
}

fn length_of(kind: char) -> usize {
    match kind {
        'x' => 2,
        'u' => 4,
        _ => 8,
    }
}
