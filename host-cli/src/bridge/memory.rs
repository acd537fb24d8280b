//! What the bridge must remember of a conversation to go on with it at another host.

use mdd_core::rpc::{ErrorCode, MAX_LINE, Message, RpcError};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
use std::{collections::VecDeque, time::SystemTime};

/// Ids of the bridge's own requests begin with it; their answers are not the program's.
const OWN: &str = "mdd-bridge:";
/// More requests than any client has open. Those beyond are not answered when the host is lost.
const MAX_OPEN: usize = 10_000;

/// The conversation so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    hello: Option<Value>,
    subscribed: bool,
    open: VecDeque<Value>,
}

impl Memory {
    /// The program sends this line.
    pub(super) fn asked(&mut self, line: &[u8]) {
        let Ok(Message::Request { id, method, params }) = Message::parse(line) else { return };
        match method.as_str() {
            "hello" => self.hello = Some(params),
            "subscribe" => self.subscribed = true,
            "unsubscribe" => self.subscribed = false,
            _ => {}
        }
        if let Some(id) = id
            && self.open.len() < MAX_OPEN
        {
            self.open.push_back(id);
        }
    }

    /// The program has the answer to its request.
    pub(super) fn answered(&mut self, id: &Value) {
        // The oldest one, nearly always.
        if let Some(at) = self.open.iter().position(|open| open == id) {
            self.open.remove(at);
        }
    }

    /// Whether an answer is still to come.
    pub(super) fn waits(&self) -> bool {
        !self.open.is_empty()
    }

    /// The host is gone: what is answered to the open requests.
    pub(super) fn lost(&mut self) -> Vec<Message> {
        let error =
            || RpcError::new(ErrorCode::HostLost, "the host ended before it answered; it is being started again");
        self.open.drain(..).map(|id| Message::Response { id, outcome: Err(error()) }).collect()
    }

    /// What another host must be told first.
    pub(super) fn again(&self) -> Vec<Message> {
        let own = |name: &str, params: Value| Message::Request {
            id: Some(Value::from(format!("{OWN}{name}"))),
            method: name.to_owned(),
            params,
        };
        let hello = self.hello.clone().map(|params| own("hello", params));
        let subscribe = self.subscribed.then(|| own("subscribe", Value::Null));
        hello.into_iter().chain(subscribe).collect()
    }
}

/// The id of a line if that is an answer. Everything else in it is only skimmed.
pub(super) fn id_of_answer(line: &[u8]) -> Option<Value> {
    #[derive(Deserialize)]
    struct Head {
        id: Option<Value>,
        method: Option<IgnoredAny>,
    }
    match serde_json::from_slice(line) {
        Ok(Head { id, method: None }) => id,
        Ok(Head { method: Some(_), .. }) | Err(_) => None,
    }
}

/// Whether the bridge itself has asked: such an answer is not for the program.
pub(super) fn is_own(id: &Value) -> bool {
    id.as_str().is_some_and(|id| id.starts_with(OWN))
}

/// A message for the user that comes from the bridge itself.
pub(super) fn notice(text: &str) -> Message {
    let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    Message::notification("notice", json!({"at": at, "backend": null, "text": text}))
}

/// The answer to a line that nobody can keep.
pub(super) fn too_long() -> Message {
    let error = RpcError::new(ErrorCode::Parse, format!("the line is longer than {MAX_LINE} bytes"));
    Message::Response { id: Value::Null, outcome: Err(error) }
}

#[cfg(test)]
mod tests {
    use super::{Memory, id_of_answer, is_own};
    use mdd_core::rpc::Message;
    use serde_json::{Value, json};

    #[test]
    fn another_host_is_told_what_the_first_one_knew() {
        let mut memory = Memory::default();
        memory.asked(&Message::request(1, "hello", json!({"protocol": 1})).line());
        memory.asked(&Message::request(2, "subscribe", Value::Null).line());
        let methods: Vec<_> = memory
            .again()
            .into_iter()
            .map(|message| match message {
                Message::Request { method, .. } => method,
                Message::Response { .. } => panic!("the bridge only asks"),
            })
            .collect();
        assert_eq!(methods, ["hello", "subscribe"]);
        memory.asked(&Message::request(3, "unsubscribe", Value::Null).line());
        assert_eq!(memory.again().len(), 1);
    }

    #[test]
    fn open_requests_are_answered_when_the_host_is_lost() {
        let mut memory = Memory::default();
        memory.asked(&Message::request(1, "snapshot", Value::Null).line());
        memory.asked(&Message::request(2, "ping", Value::Null).line());
        memory.asked(&Message::notification("ping", Value::Null).line());
        memory.asked(b"no request at all");
        memory.answered(&json!(1));
        assert!(memory.waits());
        let lost = memory.lost();
        assert!(matches!(&lost[..], [Message::Response { id, outcome: Err(_) }] if *id == json!(2)), "{lost:?}");
        assert!(memory.lost().is_empty() && !memory.waits());
    }

    #[test]
    fn only_answers_have_an_id_that_counts() {
        let answer = Message::Response { id: json!("seven"), outcome: Ok(json!({"id": 8, "method": "x"})) };
        assert_eq!(id_of_answer(&answer.line()), Some(json!("seven")));
        assert_eq!(id_of_answer(&Message::request(7, "x", Value::Null).line()), None);
        assert_eq!(id_of_answer(&Message::notification("update", json!({"id": 9})).line()), None);
        assert_eq!(id_of_answer(b"no JSON"), None);
    }

    #[test]
    fn answers_to_the_bridge_itself_are_known_by_their_id() {
        let mut memory = Memory::default();
        memory.asked(&Message::request(1, "hello", json!({})).line());
        let Message::Request { id: Some(id), .. } = memory.again().remove(0) else { panic!("a request") };
        assert!(is_own(&id));
        assert!(!is_own(&json!(1)) && !is_own(&json!("seven")));
    }
}
