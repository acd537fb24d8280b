//! Calls the services as a driver does.

use mdd_core::{
    endpoint::Endpoint,
    transport::{Credential, Policy, Secret, Services, Transport},
};
use mdd_driver_api::{
    DriverError,
    abi::{Body, Header, HostArc, HttpRequest, HttpResponse, RString, RVec, WsConnBox, WsRequest},
};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

pub(crate) fn transport() -> Transport {
    Transport::new(Handle::current()).unwrap()
}

pub(crate) fn candidate(port: u16) -> Policy {
    Policy::candidate(Endpoint::local(port), vec!["/probe".to_owned()], None)
}

pub(crate) fn backend(port: u16) -> Policy {
    let policy = candidate(port);
    policy.promote(Vec::new()).unwrap();
    policy
}

pub(crate) fn key(name: &str, header: Option<&str>, prefix: &str, value: &str) -> Credential {
    Credential {
        name: name.to_owned(),
        header: header.map(str::to_owned),
        prefix: prefix.to_owned(),
        value: Secret::new(value),
        source: "a test".to_owned(),
    }
}

/// Services of a fresh backend at that port.
pub(crate) fn host(port: u16) -> HostArc {
    Services::under(&transport(), &backend(port))
}

pub(crate) fn request(method: &str, target: &str) -> HttpRequest {
    HttpRequest {
        method: method.into(),
        target: target.into(),
        headers: RVec::new(),
        body: RVec::new(),
        head_ms: 0,
        idle_ms: 0,
        total_ms: 0,
        max_bytes: 0,
        ext: RString::new(),
    }
}

pub(crate) fn get(target: &str) -> HttpRequest {
    request("GET", target)
}

pub(crate) fn post(target: &str, body: impl Into<Body>) -> HttpRequest {
    HttpRequest { body: body.into(), ..request("POST", target) }
}

pub(crate) fn header(name: &str, value: &str) -> Header {
    Header { name: name.into(), value: value.into() }
}

pub(crate) fn socket(target: &str) -> WsRequest {
    WsRequest { target: target.into(), headers: RVec::new(), ping_ms: 0, max_in: 0, max_out: 0, ext: RString::new() }
}

pub(crate) async fn ask(host: &HostArc, request: HttpRequest) -> Result<HttpResponse, DriverError> {
    host.http(request).await.into_result()
}

pub(crate) async fn connect(host: &HostArc, request: WsRequest) -> Result<WsConnBox, DriverError> {
    host.ws_connect(request).await.into_result()
}

pub(crate) fn body(response: &HttpResponse) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// Runs `work`, which must end in time: what it waits for, and a generous rest for a busy machine.
pub(crate) async fn within<T>(time: Duration, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let limit = time + Duration::from_secs(2);
    let result = tokio::time::timeout(limit * 2, work).await.unwrap_or_else(|_| panic!("no end after {limit:?}"));
    assert!(start.elapsed() <= limit, "took {:?} where {time:?} are allowed", start.elapsed());
    result
}
