//! What drivers report besides results.

use super::{EventKind, Json, RStr, RString, RVec, Stage};
use abi_stable::StableAbi;

/// News of a job or of a backend. The latest wins; an event may be dropped.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Event {
    pub kind: EventKind,
    pub step: f64,
    /// 0 when unknown.
    pub total: f64,
    pub payload: Json,
    pub blob: RVec<u8>,
}

/// Where an attempt stands, written to the journal.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Checkpoint {
    pub stage: Stage,
    /// The backend's own id of the job; empty while unknown.
    pub remote_id: RString,
    /// The driver's own data, at most 64 KiB of JSON with a version in `v`.
    pub state: Json,
}

/// A line of a driver's log.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct LogRecord<'a> {
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub level: u8,
    pub target: RStr<'a>,
    pub message: RStr<'a>,
    /// A JSON object.
    pub fields: RStr<'a>,
    pub file: RStr<'a>,
    pub line: u32,
}
