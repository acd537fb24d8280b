//! WebSocket connections.

use super::{FrameKind, Header, Json, RString, RVec};
use abi_stable::StableAbi;

/// What to connect to. For every period and cap 0 means the host's default.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct WsRequest {
    /// A path below the endpoint, or an absolute URL of the same origin.
    pub target: RString,
    pub headers: RVec<Header>,
    /// Between two pings of the host, in milliseconds; `u64::MAX` means none.
    pub ping_ms: u64,
    /// Cap on an incoming message, in bytes.
    pub max_in: u64,
    /// Cap on an outgoing message, in bytes.
    pub max_out: u64,
    pub ext: Json,
}

/// A message. Frozen for the major version.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct WsFrame {
    pub kind: FrameKind,
    pub bytes: RVec<u8>,
    /// Only for [`FrameKind::CLOSE`].
    pub close_code: u16,
}
