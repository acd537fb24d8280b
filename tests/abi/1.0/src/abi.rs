//! Everything that crosses the boundary between host and driver; nothing else in the workspace but the loader names
//! `abi_stable`.
//!
//! Rules within a major version:
//! * methods are only ever added at the end of a trait and with a default body;
//! * no plain struct changes: open-ended data goes into the JSON of `ext`, `detail`, `state` and `payload`;
//! * whatever may grow is a `u32` newtype, never a `repr(u8)` enum, whose unknown values would be undefined behaviour;
//! * every future is `'static`, unless its method borrows `&mut self`.
//!
//! Driver authors do not use these types: they write a [`Driver`](crate::Driver).

// `#[sabi_trait]` expands to impls inside functions and to braces around single expressions, and its output has no docs
// of its own.
#![allow(non_local_definitions, unused_braces, missing_docs, clippy::all)]

mod body;
mod codes;
mod error;
mod event;
mod http;
mod json;
mod module;
mod objects;
mod websocket;

pub use body::{Body, Segment};
pub use codes::{Effect, ErrorKind, EventKind, FrameKind, SegmentKind, Stage};
pub use error::DriverError;
pub use event::{Checkpoint, Event, LogRecord};
pub use http::{Header, HttpRequest, HttpResponse, HttpStream};
pub use json::J;
pub use module::{DriverMod, DriverModRef, LOADER_SYMBOL, Refused, RootHeader, export};
pub use objects::{
    BackendDriver, BodyStream, BodyStreamBox, DriverBox, EventSink, EventSinkArc, HostArc, HostServices, JobPort,
    JobPortArc, Log, LogArc, WsConn, WsConnBox,
};
pub use websocket::{WsFrame, WsRequest};

pub use abi_stable::std_types::{RArc, RErr, RNone, ROk, ROption, RResult, RSome, RStr, RString, RVec};
pub use async_ffi::{BorrowingFfiFuture, FfiFuture, FutureExt};

/// Version of this interface. Its major version and that of a driver must be equal.
pub const API_VERSION: &str = "1.0.0";

/// JSON text without a fixed type; empty means "nothing".
pub type Json = RString;
/// Outcome of a call across the boundary.
pub type Res<T> = RResult<T, DriverError>;
/// A future that owns everything it needs.
pub type Fut<T> = FfiFuture<Res<T>>;
/// A future that borrows its object for `'a`.
pub type FutRef<'a, T> = BorrowingFfiFuture<'a, Res<T>>;

/// A future that is ready at once.
pub fn ready<T: Send + 'static>(value: T) -> FfiFuture<T> {
    async move { value }.into_ffi()
}

/// The answer of every default body.
pub fn unsupported<T: Send + 'static>(what: &str) -> Fut<T> {
    ready(RErr(DriverError::unsupported(what)))
}

/// Compile-time proof that what tasks of the host hold may move between its threads.
const _: () = {
    const fn send<T: Send>() {}
    const fn send_sync<T: Send + Sync>() {}
    send::<WsConnBox>();
    send::<BodyStreamBox>();
    send::<HttpStream>();
    send::<Fut<HttpStream>>();
    send::<FutRef<'static, WsFrame>>();
    send_sync::<DriverBox>();
    send_sync::<HostArc>();
    send_sync::<JobPortArc>();
    send_sync::<EventSinkArc>();
    send_sync::<LogArc>();
    send_sync::<HttpRequest>();
    send_sync::<DriverError>();
    assert!(size_of::<DriverError>() <= 128, "a DriverError is moved with every result");
};
