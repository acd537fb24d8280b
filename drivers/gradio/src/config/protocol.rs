//! The generations of the wire protocol.

use mdd_driver_api::text::printable;
use std::fmt;

/// How an app is asked and heard, by what its `/config` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Protocol {
    /// 3.x, which names none: a WebSocket for each call.
    #[default]
    WebSocket,
    /// `sse`, 4.0 to 4.8: the stream is opened first and asks for the data.
    Sse,
    /// `sse_v1`: the call is posted, and one stream tells of every call of a session.
    SseV1,
    /// `sse_v2`: the same, with intermediate values as differences.
    SseV2,
    /// `sse_v2.1`: the same.
    SseV21,
    /// `sse_v3`, since 4.24: the same, and the server says when the stream is over.
    SseV3,
    /// One that this version has never heard of.
    Unknown(String),
}

impl Protocol {
    pub(super) fn read(name: Option<&str>) -> Self {
        match name {
            None | Some("ws") => Self::WebSocket,
            Some("sse") => Self::Sse,
            Some("sse_v1") => Self::SseV1,
            Some("sse_v2") => Self::SseV2,
            Some("sse_v2.1") => Self::SseV21,
            Some("sse_v3") => Self::SseV3,
            Some(other) => Self::Unknown(printable(other, 40)),
        }
    }

    /// Whether calls are posted, and one stream tells of every call of a session.
    pub fn has_sessions(&self) -> bool {
        match self {
            Self::SseV1 | Self::SseV2 | Self::SseV21 | Self::SseV3 => true,
            Self::WebSocket | Self::Sse | Self::Unknown(_) => false,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::WebSocket => "WebSocket",
            Self::Sse => "sse",
            Self::SseV1 => "sse_v1",
            Self::SseV2 => "sse_v2",
            Self::SseV21 => "sse_v2.1",
            Self::SseV3 => "sse_v3",
            Self::Unknown(name) => name,
        })
    }
}
