//! The objects that host and driver call each other through.
//!
//! Arc objects are `Send + Sync + Clone`, box objects `Send`; the driver box is also `Sync`. An `async fn` in here would
//! be accepted and silently made synchronous, so the gate forbids it.

use super::{
    Body, Checkpoint, DriverError, Event, FfiFuture, FrameKind, Fut, FutRef, HttpRequest, HttpResponse, HttpStream, J,
    Json, LogRecord, RArc, ROption, RStr, RString, RVec, WsFrame, WsRequest, ready, unsupported,
};
use crate::model::{Attempt, Identity, Inspection, Outcome, Recipe, ResultMeta, Sample, Saved};
use abi_stable::{
    sabi_trait,
    sabi_trait::TD_Opaque,
    std_types::{RBox, RResult},
};

/// The log of one driver file.
#[sabi_trait]
pub trait Log: Send + Sync + Clone {
    fn log(&self, record: LogRecord<'_>);
    /// The most talkative level that is wanted: 0 none, 5 trace.
    #[sabi(last_prefix_field)]
    fn level(&self) -> u8;
}
pub type LogArc = Log_TO<'static, RArc<()>>;

/// The body of an answer, piece by piece.
#[sabi_trait]
pub trait BodyStream: Send {
    /// `RNone`: the body is complete. A body that was cut short is `Err(TRANSPORT)`. Cancel-safe.
    #[sabi(last_prefix_field)]
    fn next<'a>(&'a mut self) -> FutRef<'a, ROption<RVec<u8>>>;
}
pub type BodyStreamBox = BodyStream_TO<'static, RBox<()>>;

/// An open WebSocket. Dropping it closes the connection at once.
#[sabi_trait]
pub trait WsConn: Send {
    /// When the future is dropped, the message may or may not have been sent.
    fn send<'a>(&'a mut self, kind: FrameKind, body: Body) -> FutRef<'a, ()>;
    /// The end is a CLOSE frame, then `Err(TRANSPORT)`. Cancel-safe: dropping the future loses no frame.
    fn next<'a>(&'a mut self) -> FutRef<'a, WsFrame>;
    /// Resolves when TCP is closed.
    #[sabi(last_prefix_field)]
    fn close(self) -> Fut<()>;
}
pub type WsConnBox = WsConn_TO<'static, RBox<()>>;

/// Where `watch` reports.
#[sabi_trait]
pub trait EventSink: Send + Sync + Clone {
    /// False when nobody listens any more.
    #[sabi(last_prefix_field)]
    fn emit(&self, event: Event) -> bool;
}
pub type EventSinkArc = EventSink_TO<'static, RArc<()>>;

/// Everything of one attempt at a job.
#[sabi_trait]
pub trait JobPort: Send + Sync + Clone {
    /// False when nobody listens any more.
    fn emit(&self, event: Event) -> bool;
    /// Partial text or tokens: in order, with back-pressure, kept when the job fails.
    fn append(&self, bytes: RVec<u8>) -> Fut<()>;
    /// Resolves once it is durable. `Err` means: do not send.
    fn checkpoint(&self, checkpoint: Checkpoint) -> Fut<()>;
    /// Only a 2xx answer goes to disk; any other is `REJECTED` with its status and at most 64 KiB of its body.
    fn download(&self, request: HttpRequest, meta: J<ResultMeta>) -> Fut<J<Saved>>;
    /// Saves a small result.
    fn put(&self, meta: J<ResultMeta>, body: Body) -> Fut<J<Saved>>;
    /// Makes a result out of saved ones by a recipe of the host.
    fn derive(&self, recipe: J<Recipe>) -> Fut<J<Saved>>;
    fn cancelled(&self) -> FfiFuture<()>;
    #[sabi(last_prefix_field)]
    fn is_cancelled(&self) -> bool;
}
pub type JobPortArc = JobPort_TO<'static, RArc<()>>;

/// The host, as one backend instance sees it.
#[sabi_trait]
pub trait HostServices: Send + Sync + Clone {
    fn http(&self, request: HttpRequest) -> Fut<HttpResponse>;
    fn http_stream(&self, request: HttpRequest) -> Fut<HttpStream>;
    fn ws_connect(&self, request: WsRequest) -> Fut<WsConnBox>;
    fn sleep_ms(&self, ms: u64) -> FfiFuture<()>;
    /// Milliseconds of a clock that never goes back.
    fn now_ms(&self) -> u64;
    fn random_u64(&self) -> u64;
    /// Open-ended; `UNSUPPORTED` for an unknown id.
    #[sabi(last_prefix_field)]
    fn extension(&self, id: RStr<'_>, _argument: Json) -> Fut<Json> {
        unsupported(id.as_str())
    }
}
pub type HostArc = HostServices_TO<'static, RArc<()>>;

/// One backend instance. What each method means is told at [`Driver`](crate::Driver).
#[sabi_trait]
pub trait BackendDriver: Send + Sync {
    fn identify(&self) -> Fut<J<Identity>>;
    fn inspect(&self) -> Fut<J<Inspection>>;
    fn check(&self) -> Fut<J<Sample>>;
    fn watch(&self, _sink: EventSinkArc) -> Fut<()> {
        unsupported("watch")
    }
    fn run(&self, attempt: J<Attempt>, port: JobPortArc) -> Fut<J<Outcome>>;
    fn call(&self, operation: RString, _argument: Json) -> Fut<Json> {
        unsupported(&operation)
    }
    #[sabi(last_prefix_field)]
    fn shutdown(&self) -> Fut<()> {
        ready(RResult::<(), DriverError>::ROk(()))
    }
}
pub type DriverBox = BackendDriver_TO<'static, RBox<()>>;

macro_rules! constructors {
    ($($object:ident: $trait:ident by $pointer:ident through $from:ident;)*) => {
        $(impl $object {
            /// Makes the object out of its implementation.
            pub fn of(implementation: impl $trait + 'static) -> Self {
                Self::$from($pointer::new(implementation), TD_Opaque)
            }
        })*
    };
}

constructors! {
    LogArc: Log by RArc through from_ptr;
    EventSinkArc: EventSink by RArc through from_ptr;
    JobPortArc: JobPort by RArc through from_ptr;
    HostArc: HostServices by RArc through from_ptr;
    BodyStreamBox: BodyStream by RBox through from_ptr;
    WsConnBox: WsConn by RBox through from_ptr;
    DriverBox: BackendDriver by RBox through from_ptr;
}
