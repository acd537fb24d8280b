//! Bodies out of segments.

use crate::{
    caller::{ask, candidate, key, post, transport},
    server::{OK, Server},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use mdd_core::transport::{Policy, Services};
use mdd_driver_api::{
    ErrorKind,
    abi::{HostArc, Segment, SegmentKind},
};
use std::io::Write as _;

fn setup(port: u16) -> (Policy, HostArc) {
    let policy = candidate(port);
    policy.promote(vec![key("pass", None, "", "a\"b &c=ü")]).unwrap();
    let host = Services::under(&transport(), &policy);
    (policy, host)
}

fn file(len: usize) -> (tempfile::NamedTempFile, String) {
    let text: String = (0..len).map(|index| char::from(b'a' + (index % 26) as u8)).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    (file, text)
}

#[tokio::test]
async fn files_and_secrets_are_filled_in_with_a_known_length() {
    let server = Server::answering(OK).await;
    let (policy, host) = setup(server.port);
    // Not a multiple of 3 and more than one piece.
    let (big, big_text) = file(200_000);
    let (empty, _) = file(0);
    policy.add_file("big", big.path());
    policy.add_file("empty", empty.path());
    let segments = vec![
        Segment::bytes("<"),
        Segment::named(SegmentKind::FILE, "big"),
        Segment::bytes(""),
        Segment::bytes("|"),
        Segment::named(SegmentKind::FILE, "empty"),
        Segment::named(SegmentKind::FILE_BASE64, "big"),
        Segment::bytes("|"),
        Segment::named(SegmentKind::FILE_BASE64, "empty"),
        Segment::named(SegmentKind::SECRET_JSON, "pass"),
        Segment::bytes("|"),
        Segment::named(SegmentKind::SECRET_FORM, "pass"),
        Segment::bytes(">"),
    ];
    ask(&host, post("/", segments)).await.unwrap();
    let sent = server.seen.requests().remove(0);
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    let expected = format!("<{big_text}|{}|\"a\\\"b &c=ü\"|a%22b+%26c%3D%C3%BC>", BASE64_STANDARD.encode(&big_text));
    assert!(body == expected, "the body differs: {} and {} bytes", body.len(), expected.len());
    assert!(head.contains(&format!("content-length: {}", expected.len())), "{head}");
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_said_before_anything_is() {
    let server = Server::answering(OK).await;
    let (policy, host) = setup(server.port);
    let folder = tempfile::tempdir().unwrap();
    policy.add_file("gone", folder.path().join("secret-name.wav"));
    policy.add_file("folder", folder.path());
    policy.add_file("withdrawn", folder.path());
    policy.remove_file("withdrawn");
    let table = [
        (Segment::named(SegmentKind(99), "x"), "unknown-segment", ErrorKind::UNSUPPORTED),
        (Segment::named(SegmentKind::SECRET_JSON, "other"), "missing-secret", ErrorKind::AUTH),
        (Segment::named(SegmentKind::FILE, "unknown"), "file-unreadable", ErrorKind::HOST),
        (Segment::named(SegmentKind::FILE, "gone"), "file-unreadable", ErrorKind::HOST),
        (Segment::named(SegmentKind::FILE_BASE64, "folder"), "file-unreadable", ErrorKind::HOST),
        (Segment::named(SegmentKind::FILE, "withdrawn"), "file-unreadable", ErrorKind::HOST),
    ];
    for (segment, code, kind) in table {
        let error = ask(&host, post("/", vec![segment])).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.kind), (code, kind), "{error:?}");
        assert!(!error.message.contains("secret-name"), "a path is the user's: {error:?}");
    }
    assert_eq!(server.seen.connections(), 0);
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_sent_is_noticed() {
    let (mut file, _) = file(8 << 20);
    let path = file.path().to_owned();
    let server = Server::start(move |mut peer| {
        let path = path.clone();
        async move {
            // The head has come and the socket buffers are full: most of the file is still to be read.
            peer.stream.readable().await.unwrap();
            std::fs::write(path, "short").unwrap();
            peer.request().await;
        }
    })
    .await;
    let (policy, host) = setup(server.port);
    file.flush().unwrap();
    policy.add_file("file", file.path());
    let error = ask(&host, post("/", vec![Segment::named(SegmentKind::FILE, "file")])).await.unwrap_err();
    assert_eq!(error.code.as_str(), "file-unreadable", "{error:?}");
}
