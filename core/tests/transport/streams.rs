//! Answers that are read piece by piece.

use crate::{
    caller::{ask, get, host, within},
    server::{Server, eventually},
};
use mdd_driver_api::{
    DriverError, ErrorKind,
    abi::{HttpRequest, HttpStream},
};
use std::time::Duration;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

async fn open(port: u16, request: HttpRequest) -> Result<HttpStream, DriverError> {
    host(port).http_stream(request).await.into_result()
}

async fn next(stream: &mut HttpStream) -> Result<Option<Vec<u8>>, DriverError> {
    let piece = stream.body.next().await.into_result()?;
    Ok(piece.into_option().map(|piece| piece.into_vec()))
}

#[tokio::test]
async fn pieces_come_as_they_are_sent_and_the_end_is_the_end() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say(HEAD).await;
        for piece in ["one", "two"] {
            peer.say(format!("3\r\n{piece}\r\n")).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        peer.say("0\r\n\r\n").await;
    })
    .await;
    let mut stream = open(server.port, get("/")).await.unwrap();
    assert_eq!(stream.status, 200);
    assert!(stream.headers.iter().any(|field| field.name.as_str() == "content-type"));
    let mut all = Vec::new();
    while let Some(piece) = next(&mut stream).await.unwrap() {
        all.extend(piece);
    }
    assert_eq!(all, b"onetwo");
    assert_eq!(next(&mut stream).await.unwrap(), None);
}

#[tokio::test]
async fn dropping_a_next_loses_nothing() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say(HEAD).await;
        for index in 0..200_u32 {
            peer.say(format!("4\r\n{index:04}\r\n")).await;
            tokio::task::yield_now().await;
        }
        peer.say("0\r\n\r\n").await;
    })
    .await;
    let mut stream = open(server.port, get("/")).await.unwrap();
    let mut all = Vec::new();
    loop {
        match tokio::time::timeout(Duration::from_micros(50), next(&mut stream)).await {
            Err(_) => {}
            Ok(Ok(Some(piece))) => all.extend(piece),
            Ok(Ok(None)) => break,
            Ok(Err(error)) => panic!("{error:?}"),
        }
    }
    let expected: String = (0..200_u32).map(|index| format!("{index:04}")).collect();
    assert_eq!(String::from_utf8(all).unwrap(), expected);
}

#[tokio::test]
async fn a_stream_that_is_cut_says_so() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say(HEAD).await;
        peer.say("3\r\none\r\n").await;
    })
    .await;
    let mut stream = open(server.port, get("/")).await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap().unwrap(), b"one");
    let error = next(&mut stream).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.kind), ("answer-cut-short", ErrorKind::TRANSPORT));
    assert_eq!(next(&mut stream).await.unwrap_err().kind, ErrorKind::TRANSPORT);
}

#[tokio::test]
async fn a_stream_that_stalls_or_never_ends() {
    let server = Server::start(|mut peer| async move {
        let request = peer.request().await.unwrap();
        peer.say(HEAD).await;
        if request.starts_with("GET /drip") {
            loop {
                if !peer.say("1\r\nx\r\n").await {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        peer.hang().await;
    })
    .await;
    let table =
        [("/hang", 300, u64::MAX, "stalled"), ("/drip", 300, 500, "took-too-long"), ("/hang", 0, 300, "took-too-long")];
    for (target, idle_ms, total_ms, code) in table {
        let mut stream = open(server.port, HttpRequest { idle_ms, total_ms, ..get(target) }).await.unwrap();
        let ending = async {
            loop {
                if let Err(error) = next(&mut stream).await {
                    return error;
                }
            }
        };
        let error = within(Duration::from_millis(500), ending).await;
        assert_eq!((error.code.as_str(), error.kind), (code, ErrorKind::TIMEOUT));
    }
}

#[tokio::test]
async fn a_slow_reader_slows_the_server_and_dropping_it_ends_the_request() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\n\r\n").await;
        peer.flood(&[b'x'; 64 << 10]).await;
    })
    .await;
    let stream = open(server.port, get("/")).await.unwrap();
    let mut before = 0;
    // The buffers fill up, then the server stands still.
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sent = server.seen.sent();
        assert!(sent < 32 << 20, "{sent} bytes although nobody reads");
        if sent == before {
            break;
        }
        before = sent;
    }
    drop(stream);
    eventually("the connection ends", || server.seen.ended() == 1).await;
}

#[tokio::test]
async fn the_cap_of_a_stream_is_the_driver_s() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\n\r\n").await;
        peer.flood(&[b'x'; 1_000]).await;
    })
    .await;
    let mut stream = open(server.port, HttpRequest { max_bytes: 100_000, ..get("/") }).await.unwrap();
    let mut taken = 0;
    let error = loop {
        match next(&mut stream).await {
            Ok(piece) => taken += piece.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert_eq!((error.code.as_str(), error.kind), ("answer-too-large", ErrorKind::LIMIT));
    assert!(taken <= 100_000);
}

#[tokio::test]
async fn dropping_a_question_ends_the_request() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.hang().await;
    })
    .await;
    let host = host(server.port);
    // Nothing else would end it.
    let endless = || HttpRequest { head_ms: u64::MAX, total_ms: u64::MAX, ..get("/") };
    for (dropped, stream) in [false, true].into_iter().enumerate() {
        let asking = async {
            if stream {
                drop(host.http_stream(endless()).await);
            } else {
                drop(ask(&host, endless()).await);
            }
        };
        tokio::select! {
            () = asking => panic!("it was answered"),
            () = eventually("the request arrives", || server.seen.requests().len() == dropped + 1) => {}
        }
        eventually("the connection ends", || server.seen.ended() == dropped + 1).await;
    }
}
