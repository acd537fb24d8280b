//! A session since Gradio 4.9: calls are posted, and one stream tells of all of them.

use crate::{
    app::App,
    config::{Config, Protocol},
    input,
    input::Input,
    line::Line,
    problem,
};
use mdd_driver_api::{DriverError, Effect, ErrorKind, Request, Response, Result, text::printable};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// An app whose event loop is busy answers late; what was posted is not posted again for that.
const PATIENCE: Duration = Duration::from_secs(60);
/// A cancel that nobody answers is none.
const CANCEL: Duration = Duration::from_secs(4);

/// A session of an app.
pub struct Session<'a> {
    app: &'a App,
    config: Arc<Config>,
    hash: String,
}

/// Whether a call was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It says so, and the stream will say more.
    Taken,
    /// It cannot be stopped.
    Impossible,
}

impl<'a> Session<'a> {
    /// A session with an id of our choice.
    ///
    /// # Errors
    /// `UNSUPPORTED` for an app without sessions; `REJECTED` for a protocol that this version does not know.
    pub fn new(app: &'a App, config: Arc<Config>, hash: impl Into<String>) -> Result<Self> {
        match &config.protocol {
            Protocol::Unknown(name) => Err(unknown_protocol(app.kind(), name)),
            protocol if protocol.has_sessions() => Ok(Self { app, config, hash: hash.into() }),
            protocol => Err(DriverError::unsupported(&format!("a session with the protocol {protocol}"))),
        }
    }

    /// Its id.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Posts a call and returns the server's id of it. Only some functions look at what triggered them.
    ///
    /// # Errors
    /// Without effect where the server has refused it; otherwise it may have it.
    pub async fn join(&self, function: u64, data: &[Input], trigger: Option<u64>) -> Result<String> {
        let fields = [
            ("event_data", Value::Null),
            ("fn_index", json!(function)),
            ("session_hash", json!(self.hash)),
            ("trigger_id", json!(trigger)),
        ];
        let target = self.config.path("/queue/join");
        let request = || {
            let request = Request::post(&target).header("content-type", "application/json");
            request.body(input::message(data, &fields)).head_within(PATIENCE).total_within(PATIENCE)
        };
        let answer = self.app.send(request).await.map_err(unclear)?;
        joined(self.app.kind(), &answer)
    }

    /// Opens the stream. It tells of everything since the first call of the session, however late it is opened; but what
    /// was told once is not told again.
    ///
    /// # Errors
    /// Those of the network.
    pub async fn listen(&self) -> Result<Line> {
        let target = self.config.path("/queue/data");
        let target = format!("{target}?session_hash={}", self.hash);
        Line::open(self.app.host(), &target).await
    }

    /// Stops a call: by `/cancel` where there is one, else by `/reset`.
    ///
    /// # Errors
    /// Those of the network.
    pub async fn cancel(&self, function: u64, event: &str) -> Result<Stop> {
        let body = json!({"session_hash": self.hash, "fn_index": function, "event_id": event});
        let answer = self.post("/cancel", &body).await?;
        // Before 4.31.
        let answer = if matches!(answer.status, 404 | 405) { self.post("/reset", &body).await? } else { answer };
        let answer = answer.success()?;
        let body: Value = answer.json().unwrap_or_default();
        Ok(if body["success"] == true { Stop::Taken } else { Stop::Impossible })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        let request = Request::post(&self.config.path(path)).json(body)?.head_within(CANCEL).total_within(CANCEL);
        self.app.host().send(request).await
    }
}

/// Nothing is sent where nobody knows how.
pub(crate) fn unknown_protocol(kind: &str, name: &str) -> DriverError {
    let text = format!("it speaks the protocol \"{name}\" of Gradio, which is not known here");
    problem::UNKNOWN_PROTOCOL.error(kind, ErrorKind::REJECTED, text).without_effect()
}

/// An id that no other session has.
pub fn fresh_hash(app: &App) -> String {
    format!("{:016x}", app.host().random())
}

/// The answer to a call that was posted.
pub(crate) fn joined(kind: &str, answer: &Response) -> Result<String> {
    accepted(answer).ok_or_else(|| refusal(kind, answer))
}

fn accepted(answer: &Response) -> Option<String> {
    let body: Value = (answer.status == 200).then(|| answer.json().ok()).flatten()?;
    body["event_id"].as_str().map(str::to_owned)
}

/// Why it was not taken, or that nobody knows.
pub(crate) fn refusal(kind: &str, answer: &Response) -> DriverError {
    let status = answer.status;
    let detail: Value = answer.json().unwrap_or_default();
    let said = match &detail["detail"] {
        Value::String(text) => printable(text, 160),
        // A list of what is wrong with each input.
        list @ Value::Array(_) => printable(&list.to_string(), 160),
        _ => answer.in_words(),
    };
    let refused = |error| problem::REFUSED.error(kind, error, said.clone()).with_status(status).without_effect();
    match status {
        503 if said.starts_with("Queue is ") => {
            problem::QUEUE_FULL.error(kind, ErrorKind::BUSY, said.clone()).with_status(status).without_effect()
        }
        429 => refused(ErrorKind::BUSY),
        401 | 403 | 407 => refused(ErrorKind::AUTH),
        // 500 is what an unknown function is answered with; the queue is only reached after that.
        400..=500 => refused(ErrorKind::REJECTED),
        // Somebody on the way, or an answer that cannot be read.
        _ => DriverError::new(ErrorKind::TRANSPORT, format!("it answered {} to a call", answer.in_words()))
            .with_status(status),
    }
}

/// Whatever broke, the call may have arrived, unless not a byte was sent.
fn unclear(mut error: DriverError) -> DriverError {
    let is_clear = error.effect == Effect::NONE || matches!(error.kind, ErrorKind::TIMEOUT | ErrorKind::HOST);
    if !is_clear {
        error.kind = ErrorKind::TRANSPORT;
    }
    error
}
