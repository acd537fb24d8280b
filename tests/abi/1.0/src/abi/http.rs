//! HTTP requests and answers.

use super::{Body, BodyStreamBox, Json, RString, RVec};
use abi_stable::StableAbi;

/// A header field. Frozen for the major version.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Header {
    pub name: RString,
    pub value: RString,
}

/// A request. For every deadline and cap 0 means the host's default.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct HttpRequest {
    pub method: RString,
    /// A path below the endpoint, or an absolute URL of the same origin.
    pub target: RString,
    pub headers: RVec<Header>,
    pub body: Body,
    /// Until the head of the answer is complete, in milliseconds.
    pub head_ms: u64,
    /// Between two pieces of the body, in milliseconds.
    pub idle_ms: u64,
    /// For the whole exchange, in milliseconds; `u64::MAX` means none.
    pub total_ms: u64,
    /// Cap on the body of the answer, in bytes.
    pub max_bytes: u64,
    pub ext: Json,
}

/// An answer with its whole body.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: RVec<Header>,
    pub body: RVec<u8>,
    pub ext: Json,
}

/// An answer whose body is still coming. Dropping `body` ends the request.
#[repr(C)]
#[derive(StableAbi)]
pub struct HttpStream {
    pub status: u16,
    pub headers: RVec<Header>,
    pub body: BodyStreamBox,
    pub ext: Json,
}
