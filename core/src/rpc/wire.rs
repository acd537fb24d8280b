//! JSON-RPC 2.0 as it stands on the line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a line may hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Somebody wants an answer, or, without an id, none.
    Request {
        /// A string or number of the sender's choice.
        id: Option<Value>,
        /// What is wanted.
        method: String,
        /// With what.
        params: Value,
    },
    /// The answer to a request.
    Response {
        /// That of the request; null when it could not be read.
        id: Value,
        /// What came of it.
        outcome: Result<Value, RpcError>,
    },
}

/// Why a request was not fulfilled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct RpcError {
    /// See [`ErrorCode`].
    pub code: i32,
    /// One sentence without a full stop.
    pub message: String,
    /// Facts for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// The codes in use: those of JSON-RPC 2.0, and our own from -32000 down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum ErrorCode {
    /// Not JSON, not UTF-8, or too long a line.
    Parse = -32700,
    /// JSON, but no request.
    InvalidRequest = -32600,
    /// No such method.
    MethodNotFound = -32601,
    /// The parameters are not those of the method.
    InvalidParams = -32602,
    /// A fault of the host.
    Internal = -32603,
    /// `hello` must come first.
    HelloFirst = -32001,
    /// Client and host speak different versions of the protocol.
    ProtocolMismatch = -32002,
    /// Nothing has the id that was given.
    NotFound = -32003,
    /// The host is about to end.
    Draining = -32004,
    /// The request cannot be done as things stand.
    Refused = -32005,
    /// The bridge lost the host while the request was open.
    HostLost = -32006,
}

impl RpcError {
    /// An error without facts for programs.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: code as i32, message: message.into(), data: None }
    }
}

/// What comes in.
#[derive(Deserialize)]
struct Raw {
    jsonrpc: String,
    id: Option<Value>,
    method: Option<String>,
    params: Option<Value>,
    #[serde(default, deserialize_with = "even_null")]
    result: Option<Value>,
    error: Option<RpcError>,
}

/// What goes out.
#[derive(Serialize)]
struct Written<'m, P> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'m Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'m P>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'m Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'m RpcError>,
}

impl<P: Serialize> Written<'_, P> {
    fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a message holds nothing that JSON cannot");
        line.push(b'\n');
        line
    }
}

/// A line that wants no answer, made without a copy of what is in it.
pub(super) fn notification_line(method: &str, params: &impl Serialize) -> Vec<u8> {
    let written =
        Written { jsonrpc: "2.0", id: None, method: Some(method), params: Some(params), result: None, error: None };
    written.line()
}

/// A result may be null, which is not the same as none.
fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Message {
    /// A request that wants an answer.
    pub fn request(id: u64, method: &str, params: Value) -> Self {
        Self::Request { id: Some(id.into()), method: method.to_owned(), params }
    }

    /// A request that wants none.
    pub fn notification(method: &str, params: Value) -> Self {
        Self::Request { id: None, method: method.to_owned(), params }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is to be answered to whoever sent it.
    pub fn parse(line: &[u8]) -> Result<Self, RpcError> {
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| RpcError::new(ErrorCode::Parse, format!("the line is no JSON: {error}")))?;
        let invalid = |what: String| RpcError::new(ErrorCode::InvalidRequest, what);
        let raw: Raw =
            serde_json::from_value(value).map_err(|error| invalid(format!("this is no request: {error}")))?;
        if raw.jsonrpc != "2.0" {
            return Err(invalid("`jsonrpc` is not \"2.0\"".to_owned()));
        }
        match raw {
            Raw { id: Some(id), .. } if !(id.is_string() || id.is_number() || id.is_null()) => {
                Err(invalid("`id` is no string or number".to_owned()))
            }
            Raw { id, method: Some(method), params, .. } => {
                Ok(Self::Request { id, method, params: params.unwrap_or_default() })
            }
            Raw { id, error: Some(error), .. } => {
                Ok(Self::Response { id: id.unwrap_or_default(), outcome: Err(error) })
            }
            Raw { id, result: Some(result), .. } => {
                Ok(Self::Response { id: id.unwrap_or_default(), outcome: Ok(result) })
            }
            Raw { .. } => Err(invalid("there is no `method`".to_owned())),
        }
    }

    /// Writes a line with its end.
    pub fn line(&self) -> Vec<u8> {
        let empty = Written { jsonrpc: "2.0", id: None, method: None, params: None, result: None, error: None };
        let written = match self {
            Self::Request { id, method, params } => Written {
                id: id.as_ref(),
                method: Some(method),
                params: Some(params).filter(|params| !params.is_null()),
                ..empty
            },
            Self::Response { id, outcome: Ok(result) } => Written { id: Some(id), result: Some(result), ..empty },
            Self::Response { id, outcome: Err(error) } => Written { id: Some(id), error: Some(error), ..empty },
        };
        written.line()
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorCode, Message, RpcError};
    use serde_json::{Value, json};

    #[test]
    fn messages_survive_the_line() {
        let messages = [
            Message::request(7, "hello", json!({"protocol": 1})),
            Message::notification("update", json!([1])),
            Message::Response { id: json!("a"), outcome: Ok(Value::Null) },
            Message::Response { id: json!(1), outcome: Err(RpcError::new(ErrorCode::NotFound, "no such thing")) },
        ];
        for message in messages {
            let line = message.line();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(Message::parse(&line).unwrap(), message);
        }
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        let code = |line: &[u8]| Message::parse(line).unwrap_err().code;
        let deep = "[".repeat(100_000);
        for line in [&b""[..], b"{", b"\xff\xfe", b"\0", b"{\"jsonrpc\":\"2.0\",\"method\":", deep.as_bytes()] {
            assert_eq!(code(line), ErrorCode::Parse as i32);
        }
        for line in [
            &b"1"[..],
            b"[]",
            b"{}",
            br#"{"jsonrpc":"1.0","method":"x"}"#,
            br#"{"jsonrpc":"2.0","id":{},"method":"x"}"#,
            br#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            br#"{"jsonrpc":"2.0","id":1}"#,
        ] {
            assert_eq!(code(line), ErrorCode::InvalidRequest as i32, "{}", String::from_utf8_lossy(line));
        }
    }
}
