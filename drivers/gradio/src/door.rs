//! Who answers at an address: one `GET /config`, the one path that every Gradio app has always had.

use crate::config::Config;
use mdd_driver_api::{
    Host, Request, Response, Result,
    model::Identity,
    text::{lenient_json, printable},
};
use serde::de::IgnoredAny;
use serde_json::Value;
use std::time::Duration;

const CONFIG: &str = "/config";
/// Wan2GP's has 2.4 MB; what is larger than this is an attack.
const LONGEST: u64 = 16 << 20;
/// A LiteLLM that is asked this as its first unknown page needs up to 4 s to say so.
const STRANGERS_TIME: Duration = Duration::from_secs(5);
/// Until the whole of it is there, within the time that one driver has for its questions.
const WHOLE: Duration = Duration::from_secs(7);

/// Who answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// A Gradio app.
    Open(Box<Config>),
    /// Somebody who wants a login first. What is behind it cannot be seen.
    Locked(String),
    /// Somebody else, in words.
    Stranger(String),
}

/// Asks who it is. Drivers that ask this of the same candidate share one answer.
///
/// # Errors
/// Those of the network, an answer that is too long, JSON that is cut short, and a gateway that speaks for a service
/// that is not there.
pub async fn look(host: &Host) -> Result<Door> {
    let request = Request::get(CONFIG).head_within(STRANGERS_TIME).total_within(WHOLE).max_bytes(LONGEST);
    read(host.send(request).await?)
}

fn read(answer: Response) -> Result<Door> {
    match answer.status {
        200 => {}
        401 | 403 | 407 => return Ok(Door::Locked(locked(&answer))),
        500.. => return answer.success().map(|answer| Door::Stranger(answer.in_words())),
        _ => return Ok(Door::Stranger(answer.in_words())),
    }
    // What begins as JSON and is none may be a Gradio app in trouble: that is an error, not another service.
    let is_json = matches!(answer.bytes().trim_ascii_start().first(), Some(b'{' | b'['));
    let config = if is_json { Config::read(answer.bytes()) } else { Ok(None) };
    match config {
        Ok(Some(config)) => Ok(Door::Open(Box::new(config))),
        Ok(None) => Ok(Door::Stranger(answer.in_words())),
        // Nothing of it is kept: it may be long.
        Err(_) => answer.json::<IgnoredAny>().map(|_| Door::Stranger(answer.in_words())),
    }
}

fn locked(answer: &Response) -> String {
    let body: Value = lenient_json(answer.bytes()).unwrap_or_default();
    let detail = &body["detail"];
    let said = detail.as_str().or_else(|| detail["error"].as_str());
    match said {
        Some("Not authenticated") => match detail["auth_message"].as_str() {
            Some(message) => format!("a Gradio app that wants a login and says \"{}\"", printable(message, 80)),
            None => "a Gradio app that wants a login".to_owned(),
        },
        _ => answer.in_words(),
    }
}

/// What a driver says of an app that is none of its own.
pub fn not_ours(config: &Config) -> Identity {
    Identity::no(format!("{config}, not one of ours"))
}

/// What a driver says of a closed door: so that no stranger is claimed, it is no match for a search.
pub fn behind_a_login(seen: &str) -> Identity {
    Identity::locked(40, seen).because("/config is behind a login")
}
