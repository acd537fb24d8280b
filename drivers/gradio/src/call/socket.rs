//! The WebSocket of Gradio 3: one for each call.

use crate::{input, input::Input, message::Message, message::Said};
use mdd_driver_api::{Connect, DriverError, ErrorKind, Frame, Host, Result, Socket, abi::FrameKind};
use serde_json::{Value, json};
use std::time::Duration;

const TARGET: &str = "/queue/join";
/// Files go inside the message, in base64.
const LONGEST_OUT: u64 = 2 << 30;
/// Values are few, and files only their names.
const LONGEST_IN: u64 = 8 << 20;
/// For the server's first word.
const GREETING: Duration = Duration::from_secs(15);

/// A socket whose server knows the function and the session.
pub(super) struct Wire(Socket);

impl Wire {
    pub(super) async fn open(host: &Host, function: u64, hash: &str) -> Result<Self> {
        let connect = Connect::new(TARGET).max_out(LONGEST_OUT).max_in(LONGEST_IN);
        let mut wire = Self(host.connect(connect).await?);
        let greeting = host.timeout(GREETING, wire.next()).await?;
        match greeting.map(|message| message.said) {
            Some(Said::SendHash) => {}
            Some(_) => {
                let text = "it began a call with another message than \"send_hash\"";
                return Err(DriverError::new(ErrorKind::PROTOCOL, text));
            }
            None => return Err(DriverError::new(ErrorKind::TRANSPORT, "it closed the socket without a word")),
        }
        wire.0.send_text(&json!({"fn_index": function, "session_hash": hash}).to_string()).await?;
        Ok(wire)
    }

    /// The next message, `None` once the server has closed.
    pub(super) async fn next(&mut self) -> Result<Option<Message>> {
        match self.0.next().await? {
            Frame::Text(text) => Message::read(&text).map(Some),
            Frame::Binary(_) => Err(DriverError::new(ErrorKind::PROTOCOL, "it sent bytes in place of a message")),
            Frame::Close(_) => Ok(None),
        }
    }

    pub(super) async fn send(&mut self, data: &[Input], function: u64, hash: &str) -> Result<()> {
        let fields = [("event_data", Value::Null), ("fn_index", json!(function)), ("session_hash", json!(hash))];
        self.0.send(FrameKind::TEXT, input::message(data, &fields)).await
    }
}
