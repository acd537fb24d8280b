//! What the bridge must remember of a conversation to go on with it at another host.

use mdd_core::rpc::{ErrorCode, MAX_LINE, Message, RpcError};
use serde_json::{Value, json};
use std::time::SystemTime;

/// Ids of the bridge's own requests begin with it; their answers are not the program's.
const OWN: &str = "mdd-bridge:";
/// More requests than any client has open. Those beyond are not answered when the host is lost.
const MAX_OPEN: usize = 10_000;

/// The conversation so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    hello: Option<Value>,
    subscribed: bool,
    open: Vec<Value>,
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
            self.open.push(id);
        }
    }

    /// The host sends this line. False when it is not for the program.
    pub(super) fn answered(&mut self, line: &[u8]) -> bool {
        let Ok(Message::Response { id, .. }) = Message::parse(line) else { return true };
        if id.as_str().is_some_and(|id| id.starts_with(OWN)) {
            return false;
        }
        if let Some(at) = self.open.iter().position(|open| *open == id) {
            self.open.swap_remove(at);
        }
        true
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
    use super::Memory;
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
        assert!(memory.answered(&Message::Response { id: json!(1), outcome: Ok(Value::Null) }.line()));
        let lost = memory.lost();
        assert!(matches!(&lost[..], [Message::Response { id, outcome: Err(_) }] if *id == json!(2)), "{lost:?}");
        assert!(memory.lost().is_empty());
    }

    #[test]
    fn answers_to_the_bridge_itself_stay_here() {
        let mut memory = Memory::default();
        memory.asked(&Message::request(1, "hello", json!({})).line());
        let Message::Request { id: Some(id), .. } = memory.again().remove(0) else { panic!("a request") };
        assert!(!memory.answered(&Message::Response { id, outcome: Ok(Value::Null) }.line()));
    }
}
