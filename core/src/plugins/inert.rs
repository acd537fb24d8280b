//! A host that offers nothing: every service fails at once.

use mdd_driver_api::{
    ErrorKind,
    abi::{
        Body, Checkpoint, DriverError, Event, EventSink, EventSinkArc, FfiFuture, Fut, HostArc, HostServices,
        HttpRequest, HttpResponse, HttpStream, J, JobPort, JobPortArc, RVec, WsConnBox, WsRequest, ready, unsupported,
    },
    model::{Recipe, ResultMeta, Saved},
};

pub(super) fn host() -> HostArc {
    HostArc::of(Inert)
}

pub(super) fn job() -> JobPortArc {
    JobPortArc::of(Inert)
}

pub(super) fn sink() -> EventSinkArc {
    EventSinkArc::of(Inert)
}

#[derive(Clone)]
struct Inert;

fn nobody<T: Send + 'static>() -> Fut<T> {
    ready(Err(DriverError::new(ErrorKind::TRANSPORT, "nothing answers during a trial").without_effect()).into())
}

impl HostServices for Inert {
    fn http(&self, _request: HttpRequest) -> Fut<HttpResponse> {
        nobody()
    }

    fn http_stream(&self, _request: HttpRequest) -> Fut<HttpStream> {
        nobody()
    }

    fn ws_connect(&self, _request: WsRequest) -> Fut<WsConnBox> {
        nobody()
    }

    fn sleep_ms(&self, _ms: u64) -> FfiFuture<()> {
        ready(())
    }

    fn now_ms(&self) -> u64 {
        0
    }

    fn random_u64(&self) -> u64 {
        4
    }
}

impl EventSink for Inert {
    fn emit(&self, _event: Event) -> bool {
        false
    }
}

impl JobPort for Inert {
    fn emit(&self, _event: Event) -> bool {
        false
    }

    fn append(&self, _bytes: RVec<u8>) -> Fut<()> {
        unsupported("append")
    }

    fn checkpoint(&self, _checkpoint: Checkpoint) -> Fut<()> {
        unsupported("checkpoint")
    }

    fn download(&self, _request: HttpRequest, _meta: J<ResultMeta>) -> Fut<J<Saved>> {
        unsupported("download")
    }

    fn put(&self, _meta: J<ResultMeta>, _body: Body) -> Fut<J<Saved>> {
        unsupported("put")
    }

    fn derive(&self, _recipe: J<Recipe>) -> Fut<J<Saved>> {
        unsupported("derive")
    }

    fn cancelled(&self) -> FfiFuture<()> {
        ready(())
    }

    fn is_cancelled(&self) -> bool {
        true
    }
}
