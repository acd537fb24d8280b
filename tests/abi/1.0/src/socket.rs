//! WebSockets as a driver author writes them.

use crate::{
    DriverError, ErrorKind, Result,
    abi::{FrameKind, Header, RString, RVec, Segment, WsConnBox, WsFrame, WsRequest},
};

/// What to connect to.
#[derive(Debug, Clone)]
#[must_use = "it does nothing until the host connects it"]
pub struct Connect(WsRequest);

impl Connect {
    /// `target` is a path below the endpoint; the scheme follows from the endpoint's.
    pub fn new(target: &str) -> Self {
        Self(WsRequest {
            target: target.into(),
            headers: RVec::new(),
            ping_ms: 0,
            max_in: 0,
            max_out: 0,
            ext: RString::new(),
        })
    }

    /// Adds a header field to the handshake.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    /// Cap on an incoming message, in bytes.
    pub fn max_in(mut self, bytes: u64) -> Self {
        self.0.max_in = bytes;
        self
    }

    /// Cap on an outgoing message, in bytes.
    pub fn max_out(mut self, bytes: u64) -> Self {
        self.0.max_out = bytes;
        self
    }

    pub(crate) fn into_abi(self) -> WsRequest {
        self.0
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// The peer closed with this code; nothing follows.
    Close(u16),
}

/// An open WebSocket. Dropping it closes the connection at once.
pub struct Socket(WsConnBox);

impl Socket {
    /// Code of the error for an incoming message over the cap. The connection ends with it.
    pub const MESSAGE_TOO_LARGE: &str = "message-too-large";

    pub(crate) fn new(connection: WsConnBox) -> Self {
        Self(connection)
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// `TRANSPORT` when the connection is gone, `LIMIT` for a message over the cap.
    pub async fn send_text(&mut self, text: &str) -> Result<()> {
        self.send(FrameKind::TEXT, vec![Segment::bytes(text)]).await
    }

    /// Sends a message out of segments, so that a file's bytes never pass through the driver.
    ///
    /// # Errors
    /// `TRANSPORT` when the connection is gone, `LIMIT` for a message over the cap.
    pub async fn send(&mut self, kind: FrameKind, segments: Vec<Segment>) -> Result<()> {
        self.0.send(kind, segments.into()).await.into_result()
    }

    /// The next message. Dropping the future loses none.
    ///
    /// # Errors
    /// `TRANSPORT` once the connection is gone; `LIMIT` with the code [`MESSAGE_TOO_LARGE`](Self::MESSAGE_TOO_LARGE) when a
    /// message was over the cap, and with other codes for other limits.
    pub async fn next(&mut self) -> Result<Frame> {
        loop {
            let WsFrame { kind, bytes, close_code } = self.0.next().await.into_result()?;
            return Ok(match kind {
                FrameKind::TEXT => Frame::Text(
                    String::from_utf8(bytes.into_vec())
                        .map_err(|_| DriverError::new(ErrorKind::PROTOCOL, "a text message was no UTF-8"))?,
                ),
                FrameKind::BINARY => Frame::Binary(bytes.into_vec()),
                FrameKind::CLOSE => Frame::Close(close_code),
                // A newer host may know more kinds of messages.
                _ => continue,
            });
        }
    }

    /// Closes the connection; resolves when TCP is closed.
    ///
    /// # Errors
    /// `TRANSPORT` when it broke before.
    pub async fn close(self) -> Result<()> {
        self.0.close().await.into_result()
    }
}
