//! The fault matrix of HTTP: each fault is named, in time, with flat memory.

use crate::{
    caller::{ask, body, get, host, request, transport, within},
    server::{OK, Peer, Server, closed_port},
};
use mdd_core::{
    endpoint::Endpoint,
    transport::{Failure, Policy, Services},
};
use mdd_driver_api::{DriverError, Effect, ErrorKind, abi::HttpRequest};
use std::time::Duration;
use tokio::net::TcpStream;

const TOTAL: Duration = Duration::from_millis(900);

/// A question with short deadlines.
fn hasty(method: &str) -> HttpRequest {
    HttpRequest { head_ms: 400, idle_ms: 400, total_ms: 900, ..request(method, "/") }
}

/// What a question to such a server ends with.
async fn fault<F>(behave: impl Fn(Peer) -> F + Send + Sync + 'static) -> DriverError
where
    F: Future<Output = ()> + Send + 'static,
{
    fault_of(hasty("GET"), behave).await
}

/// Checks the time, and that the server could not send more than the socket buffers take: what this side keeps cannot be
/// more.
async fn fault_of<F>(request: HttpRequest, behave: impl Fn(Peer) -> F + Send + Sync + 'static) -> DriverError
where
    F: Future<Output = ()> + Send + 'static,
{
    let server = Server::start(behave).await;
    let total = Duration::from_millis(request.total_ms);
    let error = within(total, ask(&host(server.port), request)).await.unwrap_err();
    assert!(server.seen.sent() < 32 << 20, "the server could send {} bytes", server.seen.sent());
    assert_eq!(server.seen.connections(), 1, "a new connection is asked once: {error:?}");
    let subject = format!("port {} ", server.port);
    assert!(error.message.starts_with(&subject), "{error:?}");
    error
}

/// What a question ends with when the server sends `bytes` and closes the connection.
async fn answer(bytes: impl Into<Vec<u8>>) -> DriverError {
    let bytes = bytes.into();
    fault(move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.request().await;
            peer.say(bytes).await;
        }
    })
    .await
}

fn assert_is(error: &DriverError, code: &str, kind: ErrorKind) {
    assert_eq!((error.code.as_str(), error.kind), (code, kind), "{error:?}");
}

#[tokio::test]
async fn nobody_listens() {
    let port = closed_port().await;
    let error = within(TOTAL, ask(&host(port), hasty("POST"))).await.unwrap_err();
    assert_is(&error, "connection-refused", ErrorKind::TRANSPORT);
    assert_eq!(error.message.as_str(), format!("port {port} refused the connection"));
    assert_eq!(error.effect, Effect::NONE);
    for name in ["localhost", "[::1]"] {
        let endpoint: Endpoint = format!("{name}:{port}").parse().unwrap();
        let transport = transport();
        let host = Services::under(&transport, &Policy::candidate(endpoint.clone(), Vec::new(), None));
        assert_is(&ask(&host, hasty("GET")).await.unwrap_err(), "connection-refused", ErrorKind::TRANSPORT);
        assert_eq!(transport.dial(&endpoint, false).await, Err(Failure::ConnectionRefused));
    }
}

/// A queue of connections that nobody accepts: the kernel drops further attempts.
#[tokio::test]
async fn a_port_that_accepts_nobody() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(connected) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queue.push(connected.unwrap());
        assert!(queue.len() < 100, "the queue has no end");
    }
    let error = within(Duration::from_secs(1), ask(&host(address.port()), get("/"))).await.unwrap_err();
    // Somebody holds it: that is no machine which cannot be reached.
    assert_is(&error, "no-answer", ErrorKind::TIMEOUT);
    assert_eq!(error.effect, Effect::NONE);
    let dialling = transport().dial(&Endpoint::local(address.port()), false);
    assert_eq!(within(Duration::from_secs(1), dialling).await, Err(Failure::NotAccepted(1_000)));
}

#[tokio::test]
async fn reset_and_closed_connections() {
    let error = fault(|mut peer| async move {
        peer.request().await;
        peer.reset();
    })
    .await;
    assert_is(&error, "connection-reset", ErrorKind::TRANSPORT);
    assert_eq!(error.effect, Effect::UNKNOWN);
    let error = answer("").await;
    assert_is(&error, "closed-without-answer", ErrorKind::TRANSPORT);
    let error = answer("HTTP/1.1 200 OK\r\ncontent-le").await;
    assert_is(&error, "closed-without-answer", ErrorKind::TRANSPORT);
}

#[tokio::test]
async fn silence_and_drips() {
    let error = fault(|mut peer| async move { peer.hang().await }).await;
    assert_is(&error, "no-answer", ErrorKind::TIMEOUT);
    let error = fault(|mut peer| async move {
        peer.request().await;
        peer.drip(OK.bytes().take(15).chain(std::iter::repeat(b'x'))).await;
    })
    .await;
    assert_is(&error, "no-answer", ErrorKind::TIMEOUT);
    let error = fault(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
        peer.drip(std::iter::repeat(b'x')).await;
    })
    .await;
    assert_is(&error, "took-too-long", ErrorKind::TIMEOUT);
    let error = fault(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
        peer.hang().await;
    })
    .await;
    assert_is(&error, "stalled", ErrorKind::TIMEOUT);
    // Interim answers are thrown away as they come, so only time bounds them.
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.flood(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000)).await;
    })
    .await;
    let error = within(TOTAL, ask(&host(server.port), hasty("GET"))).await.unwrap_err();
    assert_is(&error, "no-answer", ErrorKind::TIMEOUT);
}

#[tokio::test]
async fn bodies_that_end_too_early() {
    let short = answer("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":").await;
    assert_is(&short, "answer-cut-short", ErrorKind::TRANSPORT);
    let chunk = answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe").await;
    assert_is(&chunk, "answer-cut-short", ErrorKind::TRANSPORT);
    let end = answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    assert_is(&end, "answer-cut-short", ErrorKind::TRANSPORT);
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    for head in ["", "transfer-encoding: chunked\r\n"] {
        let error = fault(move |mut peer| async move {
            peer.request().await;
            peer.say(format!("HTTP/1.1 200 OK\r\n{head}\r\n")).await;
            let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
            peer.flood(&chunk).await;
        })
        .await;
        assert_is(&error, "answer-too-large", ErrorKind::LIMIT);
    }
    let announced = answer("HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n").await;
    assert_is(&announced, "answer-too-large", ErrorKind::LIMIT);
}

#[tokio::test]
async fn a_bomb_is_never_unpacked() {
    for encoding in ["gzip", "br", "deflate", "zstd", "GZIP, identity"] {
        let bomb = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: 4\r\n\r\n\x1f\u{0b}..");
        let error = answer(bomb).await;
        assert_is(&error, "encoded-answer", ErrorKind::PROTOCOL);
        assert_eq!(error.http_status, 200);
    }
    let server =
        Server::answering("HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length: 2\r\n\r\nok").await;
    let response = ask(&host(server.port), get("/")).await.unwrap();
    assert_eq!(body(&response), "ok");
    assert!(server.seen.requests()[0].contains("accept-encoding: identity\r\n"), "{:?}", server.seen.requests());
}

#[tokio::test]
async fn what_is_no_http() {
    let table: [&[u8]; 7] = [
        &[0xff, 0x00, 0x13, 0x37, 0x0d, 0x0a, 0x0d, 0x0a],
        // A TLS alert: "handshake failure".
        &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28],
        // The preface of an HTTP/2 server: an empty SETTINGS frame.
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        // HTTP/0.9.
        b"<html>hello</html>",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk",
    ];
    for bytes in table {
        let error = answer(bytes).await;
        assert_is(&error, "not-http", ErrorKind::PROTOCOL);
    }
}

#[tokio::test]
async fn framing_that_is_wrong() {
    for body in ["xyz\r\nhello\r\n", "5\r\nhelloXX0\r\n\r\n", "ffffffffffffffffff\r\n"] {
        let error = answer(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}")).await;
        assert_is(&error, "broken-answer", ErrorKind::PROTOCOL);
    }
}

#[tokio::test]
async fn heads_that_are_too_large() {
    // Parsing takes a while without optimisation.
    let patient = || HttpRequest { head_ms: 8_000, total_ms: 8_000, ..get("/") };
    let error = fault_of(patient(), |mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nx: ").await;
        for _ in 0..160 {
            if !peer.say([b'a'; 64 << 10]).await {
                return;
            }
        }
    })
    .await;
    assert_is(&error, "head-too-large", ErrorKind::LIMIT);
    let error = fault_of(patient(), |mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\n").await;
        for index in 0..100_000 {
            if !peer.say(format!("x-{index}: 1\r\n")).await {
                return;
            }
        }
        peer.say("\r\n").await;
    })
    .await;
    assert_is(&error, "head-too-large", ErrorKind::LIMIT);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let canary = Server::answering(OK).await;
    let targets = [format!("http://127.0.0.1:{}/", canary.port), "file:///etc/passwd".to_owned(), "/again".to_owned()];
    for target in targets {
        let server = Server::start(move |mut peer| {
            let answer = format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
            async move {
                while peer.request().await.is_some() {
                    peer.say(&answer).await;
                }
            }
        })
        .await;
        let response = ask(&host(server.port), get("/")).await.unwrap();
        assert_eq!(response.status, 302);
        assert_eq!(server.seen.requests().len(), 1);
    }
    assert_eq!(canary.seen.connections(), 0);
}

#[tokio::test]
async fn odd_answers_that_are_answers() {
    let table = [
        ("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>", 200, "<html>"),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 503 Oops\r\nretry-after: 1000000000\r\ncontent-length: 4\r\n\r\n\x1b[3m", 503, "\x1b[3m"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
    ];
    for (bytes, status, text) in table {
        let server = Server::start(move |mut peer| async move {
            peer.request().await;
            peer.say(bytes).await;
        })
        .await;
        let response = ask(&host(server.port), get("/")).await.unwrap_or_else(|error| panic!("{bytes:?}: {error:?}"));
        assert_eq!((response.status, body(&response)), (status, text));
    }
    let server =
        Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\ncontent-encoding: gzip\r\n\r\n").await;
    let response = ask(&host(server.port), hasty("HEAD")).await.unwrap();
    assert_eq!((response.status, response.body.len()), (200, 0));
}

#[tokio::test]
async fn the_cap_is_the_driver_s_within_the_host_s() {
    let server = Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            let body = vec![b'x'; 3 << 20];
            peer.say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len())).await;
            peer.say(body).await;
        }
    })
    .await;
    let host = host(server.port);
    assert_is(&ask(&host, get("/")).await.unwrap_err(), "answer-too-large", ErrorKind::LIMIT);
    let large = HttpRequest { max_bytes: 3 << 20, ..get("/") };
    assert_eq!(ask(&host, large).await.unwrap().body.len(), 3 << 20);
}
