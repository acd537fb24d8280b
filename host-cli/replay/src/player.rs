//! What answers by a script.

use crate::{
    pattern::filled,
    script::{Answer, Effect, Exchange, Piece, Script},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// The phase in which a service begins.
const START: &str = "start";

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path, with its query.
    pub target: &'a str,
    /// Its body.
    pub body: &'a [u8],
    /// Whether it would open a WebSocket.
    pub is_upgrade: bool,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What asking has done.
    pub effect: Option<Effect>,
    /// The status; 101 for a WebSocket.
    pub status: u16,
    /// Header fields, names in lowercase.
    pub headers: Vec<(String, String)>,
    /// The body, or the messages of a WebSocket, with variables filled in.
    pub pieces: Vec<Piece>,
}

/// One life of a played service after the other.
#[derive(Debug, Clone)]
pub struct Player {
    script: Arc<Script>,
    phase: String,
    variables: BTreeMap<String, String>,
    /// How often each exchange has happened in this phase.
    used: Vec<u32>,
    never_ends: bool,
}

impl Player {
    /// A service that was just started and is reached at `endpoint`.
    pub fn new(script: Arc<Script>, endpoint: &str) -> Self {
        let variables = [("endpoint".to_owned(), endpoint.trim_end_matches('/').to_owned())].into();
        let used = vec![0; script.exchanges.len()];
        Self { script, phase: START.to_owned(), variables, used, never_ends: false }
    }

    /// Forgets everything, as a restarted service does.
    pub fn restart(&mut self) {
        let endpoint = self.variables.remove("endpoint").unwrap_or_default();
        *self = Self::new(self.script.clone(), &endpoint);
    }

    /// Its work goes on until it is cancelled: exchanges with `times` happen again and again.
    pub fn never_end(&mut self) {
        self.never_ends = true;
    }

    /// The phase that it is in.
    pub fn phase(&self) -> &str {
        &self.phase
    }

    /// Answers. What no exchange fits is answered with 404.
    pub fn answer(&mut self, asked: Asked<'_>) -> Reply {
        let script = self.script.clone();
        let found = script.exchanges.iter().enumerate().find(|(index, exchange)| self.fits(*index, exchange, &asked));
        let Some((index, exchange)) = found else { return not_found() };
        self.used[index] += 1;
        let body: Value = serde_json::from_slice(asked.body).unwrap_or_default();
        for (name, pointer) in &exchange.capture {
            if let Some(value) = body.pointer(pointer) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                self.variables.insert(name.clone(), text);
            }
        }
        let reply = Reply { effect: exchange.effect, ..self.reply(&exchange.answer) };
        if exchange.effect == Some(Effect::Cancels) {
            self.never_ends = false;
        }
        if let Some(phase) = &exchange.then
            && *phase != self.phase
        {
            self.phase.clone_from(phase);
            self.used.fill(0);
        }
        reply
    }

    fn fits(&self, index: usize, exchange: &Exchange, asked: &Asked<'_>) -> bool {
        let is_phase = exchange.during.is_empty() || exchange.during.contains(&self.phase);
        let is_left = self.never_ends || exchange.times.is_none_or(|times| self.used[index] < times);
        let has_text = exchange.contains.as_ref().is_none_or(|text| {
            let text = filled(text, &self.variables);
            asked.body.windows(text.len().max(1)).any(|window| window == text.as_bytes())
        });
        let is_socket = exchange.answer.socket.is_some();
        is_phase
            && is_left
            && has_text
            && (!is_socket || asked.is_upgrade)
            && exchange.request.fits(asked.method, asked.target, &self.variables)
    }

    fn reply(&self, answer: &Answer) -> Reply {
        let fill = |text: &str| filled(text, &self.variables);
        let (pieces, media_type) = match answer {
            Answer { socket: Some(pieces), .. } | Answer { pieces: Some(pieces), .. } => {
                (pieces.iter().map(|piece| self.filled(piece)).collect(), "application/octet-stream")
            }
            Answer { json: Some(value), .. } => (vec![Piece::Text(fill(&value.to_string()))], "application/json"),
            Answer { text: Some(text), .. } => (vec![Piece::Text(fill(text))], "text/plain; charset=utf-8"),
            Answer { base64: Some(text), .. } => {
                (vec![Piece::Bytes { base64: text.clone() }], "application/octet-stream")
            }
            _ => (Vec::new(), ""),
        };
        let status = if answer.socket.is_some() { 101 } else { answer.status };
        let fields = answer.headers.iter();
        let mut headers: Vec<_> = fields.map(|(name, value)| (name.to_ascii_lowercase(), fill(value))).collect();
        if !media_type.is_empty() && status != 101 && headers.iter().all(|(name, _)| name != "content-type") {
            headers.push(("content-type".to_owned(), media_type.to_owned()));
        }
        Reply { effect: None, status, headers, pieces }
    }

    fn filled(&self, piece: &Piece) -> Piece {
        match piece {
            Piece::Text(text) => Piece::Text(filled(text, &self.variables)),
            Piece::Json { json } => Piece::Text(filled(&json.to_string(), &self.variables) + "\n"),
            other => other.clone(),
        }
    }
}

impl Piece {
    /// Its bytes; none for one that is no content.
    pub fn content(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Json { json } => Some(format!("{json}\n").into_bytes()),
            // A script that was read holds nothing else.
            Self::Bytes { base64 } => Some(BASE64_STANDARD.decode(base64).unwrap_or_default()),
            Self::Wait { .. } | Self::Expect { .. } | Self::Close { .. } => None,
        }
    }
}

impl Reply {
    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.iter().filter_map(Piece::content).flatten().collect()
    }
}

fn not_found() -> Reply {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Reply { effect: None, status: 404, headers, pieces: vec![Piece::Text(r#"{"detail":"Not Found"}"#.to_owned())] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(exchanges: &str) -> Player {
        let text = format!(r#"{{"source": "a test", "exchanges": {exchanges}}}"#);
        Player::new(Arc::new(Script::parse("test", &text, |_| None).unwrap()), "http://127.0.0.1:1/")
    }

    fn ask(player: &mut Player, request: &str, body: &str) -> (u16, String) {
        let (method, target) = request.split_once(' ').unwrap();
        let reply = player.answer(Asked { method, target, body: body.as_bytes(), is_upgrade: false });
        (reply.status, String::from_utf8(reply.body()).unwrap())
    }

    const WORK: &str = r#"[
        {"request": "POST /tasks", "effect": "starts", "then": "busy", "capture": {"id": "/name"}, "answer": {"json": {"id": "{id}"}}},
        {"request": "GET /tasks/{id}", "during": ["busy"], "times": 2, "answer": {"text": "wait"}},
        {"request": "GET /tasks/{id}", "during": ["busy"], "answer": {"text": "{endpoint}/result"}},
        {"request": "DELETE /tasks/{id}", "effect": "cancels", "then": "start", "answer": {"status": 204}}
    ]"#;

    #[test]
    fn a_job_has_phases_and_a_name() {
        let mut player = player(WORK);
        assert_eq!(ask(&mut player, "GET /tasks/42", "").0, 404);
        assert_eq!(ask(&mut player, "POST /tasks", r#"{"name": 42}"#), (200, r#"{"id":"42"}"#.to_owned()));
        assert_eq!(ask(&mut player, "GET /tasks/7", "").0, 404);
        assert_eq!(ask(&mut player, "GET /tasks/42", "").1, "wait");
        assert_eq!(ask(&mut player, "GET /tasks/42", "").1, "wait");
        assert_eq!(ask(&mut player, "GET /tasks/42", "").1, "http://127.0.0.1:1/result");
        player.restart();
        assert_eq!(ask(&mut player, "GET /tasks/42", "").0, 404);
    }

    #[test]
    fn work_without_an_end_ends_when_it_is_cancelled() {
        let mut player = player(WORK);
        player.never_end();
        ask(&mut player, "POST /tasks", r#"{"name": "x"}"#);
        for _ in 0..9 {
            assert_eq!(ask(&mut player, "GET /tasks/x", "").1, "wait");
        }
        assert_eq!(ask(&mut player, "DELETE /tasks/x", "").0, 204);
        assert_eq!(player.phase(), "start");
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let error = |text: &str| Script::parse("x", text, |_| None).unwrap_err().to_string();
        let of = |answer: &str| {
            error(&format!(r#"{{"source": "", "exchanges": [{{"request": "GET /a", "answer": {answer}}}]}}"#))
        };
        assert_eq!(of(r#"{"text": "", "json": 1}"#), "x.json, GET /a: an answer has one body");
        assert_eq!(of(r#"{"status": 99}"#), "x.json, GET /a: 99 is no status");
        assert_eq!(of(r#"{"file": "b.png"}"#), "x.json, GET /a: the file \"b.png\" cannot be read");
        assert_eq!(error("{}"), "x.json is no script");
    }
}
