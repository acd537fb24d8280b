//! Bodies that go to a file.

use crate::{
    caller::{backend, get, transport, within},
    server::{Peer, Server, eventually},
};
use mdd_core::transport::Downloaded;
use mdd_driver_api::{DriverError, ErrorKind, abi::HttpRequest};
use std::{fs::File, path::PathBuf, time::Duration};

const CAP: u64 = 64 << 20;

struct Target {
    folder: tempfile::TempDir,
}

impl Target {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("part")
    }

    fn file(&self) -> File {
        File::create(self.path()).unwrap()
    }

    fn content(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }
}

async fn download(port: u16, request: HttpRequest, target: &Target, cap: u64) -> Result<Downloaded, DriverError> {
    transport().download(&backend(port), request, target.file(), cap).await
}

/// Sends the head of an answer and its body, and keeps the connection.
async fn answer(mut peer: Peer, head: &str, body: &[u8]) {
    while peer.request().await.is_some() {
        peer.say(head).await;
        peer.say(body).await;
    }
}

#[tokio::test]
async fn a_body_arrives_whole_with_its_hash() {
    let server = Server::start(|peer| async move {
        let body: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
        answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n", &body).await;
    })
    .await;
    let target = Target::new();
    let downloaded = download(server.port, get("/view"), &target, CAP).await.unwrap();
    assert_eq!(downloaded.bytes, 3_000_000);
    assert_eq!(downloaded.sha256, "4d3870d4655ed773027a713ea136507d22e076248e0e9cc920a996039653b76f");
    assert!(target.content().iter().enumerate().all(|(index, byte)| usize::from(*byte) == index % 251));
}

#[tokio::test]
async fn an_empty_body_is_a_body_and_chunks_are_put_together() {
    for (answered, len) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 0),
        ("HTTP/1.1 204 No Content\r\n\r\n", 0),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 6),
    ] {
        let server = Server::answering(answered).await;
        let target = Target::new();
        let downloaded = download(server.port, get("/"), &target, CAP).await.unwrap();
        assert_eq!((downloaded.bytes, target.content().len()), (len, len as usize));
    }
}

#[tokio::test]
async fn only_a_success_goes_to_disk() {
    let table = [
        ("404 Not Found", 404, "no such image"),
        ("500 Internal Server Error", 500, "oops"),
        ("302 Found", 302, "elsewhere"),
        ("401 Unauthorized", 401, "who are you"),
    ];
    for (line, status, body) in table {
        let server = Server::start(move |peer| async move {
            let head = format!("HTTP/1.1 {line}\r\nlocation: /other\r\ncontent-length: {}\r\n\r\n", body.len());
            answer(peer, &head, body.as_bytes()).await;
        })
        .await;
        let target = Target::new();
        let error = download(server.port, get("/view"), &target, CAP).await.unwrap_err();
        assert_eq!((error.kind, error.http_status), (ErrorKind::REJECTED, status));
        assert_eq!(error.detail.as_str(), serde_json::json!({ "body": body }).to_string());
        assert_eq!(target.content(), b"");
        assert_eq!(server.seen.requests().len(), 1, "no redirect is followed");
    }
}

#[tokio::test]
async fn of_a_refusal_only_the_beginning_is_kept() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n").await;
        peer.flood(format!("2710\r\n{}\r\n", "x".repeat(10_000)).as_bytes()).await;
    })
    .await;
    let target = Target::new();
    let error = download(server.port, get("/"), &target, CAP).await.unwrap_err();
    assert_eq!(error.http_status, 500);
    let detail: serde_json::Value = serde_json::from_str(&error.detail).unwrap();
    assert_eq!(detail["body"].as_str().unwrap().len(), 64 * 1024);
    eventually("the request ends", || server.seen.ended() == 1).await;
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_one_all_the_same() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\ngone").await;
    })
    .await;
    let target = Target::new();
    let error = download(server.port, get("/"), &target, CAP).await.unwrap_err();
    assert_eq!((error.kind, error.http_status), (ErrorKind::REJECTED, 404));
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_no_result() {
    for head in ["content-length: 100", "transfer-encoding: chunked"] {
        let server = Server::start(move |mut peer| async move {
            peer.request().await;
            peer.say(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n3\r\nabc\r\n")).await;
        })
        .await;
        let target = Target::new();
        let error = download(server.port, get("/"), &target, CAP).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::TRANSPORT, "answer-cut-short"), "{head}");
    }
}

#[tokio::test]
async fn caps_hold_whether_or_not_the_length_is_declared() {
    for (head, body) in
        [("content-length: 11", "xxxxxxxxxxx"), ("transfer-encoding: chunked", "b\r\nxxxxxxxxxxx\r\n0\r\n\r\n")]
    {
        let server = Server::start(move |peer| async move {
            answer(peer, &format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n"), body.as_bytes()).await;
        })
        .await;
        for (asked, cap) in [(0, 10), (10, CAP), (u64::MAX, 10)] {
            let target = Target::new();
            let request = HttpRequest { max_bytes: asked, ..get("/") };
            let error = download(server.port, request, &target, cap).await.unwrap_err();
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::LIMIT, "answer-too-large"), "{head}");
        }
        let target = Target::new();
        assert_eq!(download(server.port, get("/"), &target, 11).await.unwrap().bytes, 11);
    }
}

#[tokio::test]
async fn a_slow_body_is_waited_for_and_a_silent_one_is_not() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n").await;
        peer.drip([b'x'; 49]).await;
        peer.hang().await;
    })
    .await;
    let target = Target::new();
    let request = HttpRequest { idle_ms: 500, ..get("/") };
    let work = download(server.port, request, &target, CAP);
    let error = within(Duration::from_secs(3), work).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::TIMEOUT, "stalled"));
    assert_eq!(target.content().len(), 49);
}

#[tokio::test]
async fn dropping_it_ends_the_request() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nabc").await;
        peer.hang().await;
    })
    .await;
    let target = Target::new();
    {
        let mut work = std::pin::pin!(download(server.port, get("/"), &target, CAP));
        let asked = eventually("it is asked", || server.seen.sent() > 0);
        tokio::select! {
            result = &mut work => panic!("it cannot end: {result:?}"),
            () = asked => {}
        }
    }
    eventually("the request ends", || server.seen.ended() == 1).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_a_fault_of_the_host() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let target = Target::new();
    std::fs::write(target.path(), "").unwrap();
    let read_only = File::open(target.path()).unwrap();
    let error = transport().download(&backend(server.port), get("/"), read_only, CAP).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::HOST);
    assert!(!error.message.contains("part"), "a path is the user's: {error:?}");
}

#[tokio::test]
async fn a_closed_instance_downloads_nothing_more() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nabc").await;
        peer.hang().await;
    })
    .await;
    let target = Target::new();
    let policy = backend(server.port);
    let work = transport().download(&policy, get("/"), target.file(), CAP);
    let closing = async {
        eventually("it is asked", || server.seen.sent() > 0).await;
        policy.close();
    };
    let (result, ()) = tokio::join!(work, closing);
    assert_eq!(result.unwrap_err().code.as_str(), "instance-closed");
}

/// The head of an answer with `ten bytes!`, or a part of it.
fn head(status: &str, tag: &str, rest: usize, from: usize) -> String {
    let range = if from > 0 { format!("content-range: bytes {from}-9/10\r\n") } else { String::new() };
    format!("HTTP/1.1 {status}\r\n{tag}content-length: {rest}\r\n{range}\r\n")
}

#[tokio::test]
async fn a_body_that_breaks_off_goes_on_where_it_was() {
    let server = Server::start(|mut peer| async move {
        let request = peer.request().await.unwrap();
        let from = ["bytes=0-", "bytes=3-", "bytes=7-"].iter().position(|range| request.contains(range)).unwrap_or(0);
        let (sent, next) = [(0, 3), (3, 7), (7, 10)][from];
        let status = if sent == 0 { "200 OK" } else { "206 Partial Content" };
        peer.say(head(status, "etag: \"one\"\r\n", 10 - sent, sent)).await;
        peer.say(&b"ten bytes!"[sent..next]).await;
    })
    .await;
    let target = Target::new();
    let downloaded = download(server.port, get("/view"), &target, CAP).await.unwrap();
    assert_eq!((downloaded.bytes, target.content().as_slice()), (10, &b"ten bytes!"[..]));
    let requests = server.seen.requests();
    assert_eq!(requests.len(), 3, "{requests:#?}");
    assert!(!requests[0].contains("range"), "{requests:#?}");
    for request in &requests[1..] {
        assert!(request.contains("if-range: \"one\""), "{request}");
    }
    let once = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nten bytes!").await;
    let same = download(once.port, get("/view"), &Target::new(), CAP).await.unwrap();
    assert_eq!(same.sha256, downloaded.sha256);
}

#[tokio::test]
async fn another_body_by_then_is_taken_from_its_beginning() {
    // It is another one; the service knows no ranges; it is shorter; it goes on somewhere else.
    for second in [
        "HTTP/1.1 200 OK\r\netag: \"two\"\r\ncontent-length: 5\r\n\r\nother",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother",
        "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-4/5\r\ncontent-length: 5\r\n\r\nother",
    ] {
        let server = Server::start(move |mut peer| async move {
            let asked = peer.request().await.unwrap();
            match peer.nth {
                0 => {
                    peer.say(head("200 OK", "etag: \"one\"\r\n", 10, 0)).await;
                    peer.say("ten").await;
                }
                1 => drop(peer.say(second).await),
                _ => {
                    assert!(!asked.contains("range"), "{asked}");
                    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother").await;
                }
            }
        })
        .await;
        let target = Target::new();
        let downloaded = download(server.port, get("/view"), &target, CAP).await;
        assert_eq!(downloaded.unwrap_or_else(|error| panic!("{second}: {error}")).bytes, 5);
        assert_eq!(target.content(), b"other", "{second}");
    }
}

#[tokio::test]
async fn a_body_that_only_ever_breaks_off_is_given_up() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say(head("200 OK", "etag: \"one\"\r\n", 10, 0)).await;
    })
    .await;
    let error = download(server.port, get("/view"), &Target::new(), CAP).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::TRANSPORT, "answer-cut-short"));
    assert!((2..=10).contains(&server.seen.connections()), "{}", server.seen.connections());
    // One that is merely alike is no place to go on.
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say(head("200 OK", "etag: W/\"one\"\r\n", 10, 0)).await;
        peer.say("ten").await;
    })
    .await;
    assert!(download(server.port, get("/view"), &Target::new(), CAP).await.is_err());
    assert_eq!(server.seen.connections(), 1);
}

#[tokio::test]
#[cfg(unix)]
async fn what_the_disk_has_no_room_for_is_not_begun() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", u64::MAX / 4)).await;
        peer.hang().await;
    })
    .await;
    let error = download(server.port, get("/view"), &Target::new(), u64::MAX).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::HOST, "disk-full"), "{error}");
    eventually("the request ends", || server.seen.ended() == 1).await;
}
