//! Identical questions of one discovery round are asked once.

use crate::{
    caller::{ask, body, get, post, transport},
    server::{OK, Peer, Server},
};
use mdd_core::{
    endpoint::Endpoint,
    transport::{Policy, Round, Services},
};
use mdd_driver_api::abi::{HostArc, HttpRequest};
use std::{sync::Arc, time::Duration};

fn drivers<const N: usize>(port: u16, round: &Arc<Round>) -> [HostArc; N] {
    let transport = transport();
    std::array::from_fn(|_| {
        let posts = vec!["/probe".to_owned()];
        Services::under(&transport, &Policy::candidate(Endpoint::local(port), posts, Some(round.clone())))
    })
}

async fn slowly(mut peer: Peer) {
    while peer.request().await.is_some() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        peer.say(OK).await;
    }
}

#[tokio::test]
async fn three_drivers_ask_once() {
    let server = Server::start(slowly).await;
    let round = Round::new();
    let [a, b, c] = drivers(server.port, &round);
    // At the same time, then later.
    let (first, second) = tokio::join!(ask(&a, get("/config")), ask(&b, get("/config")));
    for response in [first, second, ask(&c, get("/config")).await] {
        assert_eq!(body(&response.unwrap()), "ok");
    }
    assert_eq!(server.seen.requests().len(), 1);
    // Other questions are other questions.
    ask(&a, get("/config?x")).await.unwrap();
    ask(&b, post("/probe", vec![])).await.unwrap();
    ask(&c, post("/probe", vec![])).await.unwrap();
    let [d] = drivers(server.port, &Round::new());
    ask(&d, get("/config")).await.unwrap();
    assert_eq!(server.seen.requests().len(), 5);
}

#[tokio::test]
async fn one_who_gives_up_leaves_the_question_to_the_next() {
    let server = Server::start(slowly).await;
    let round = Round::new();
    let [a, b] = drivers(server.port, &round);
    let (gave_up, answered) =
        tokio::join!(tokio::time::timeout(Duration::from_millis(30), a.http(get("/config"))), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            ask(&b, get("/config")).await
        });
    assert!(gave_up.is_err());
    assert_eq!(body(&answered.unwrap()), "ok");
}

#[tokio::test]
async fn a_hasty_driver_s_deadline_is_not_the_answer() {
    let server = Server::start(slowly).await;
    let round = Round::new();
    let [a, b] = drivers(server.port, &round);
    let hasty = HttpRequest { head_ms: 20, ..get("/config") };
    assert_eq!(ask(&a, hasty).await.unwrap_err().code.as_str(), "no-answer");
    assert_eq!(body(&ask(&b, get("/config")).await.unwrap()), "ok");
}

#[tokio::test]
async fn everybody_s_cookies_are_kept() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nset-cookie: a=1; Path=/\r\ncontent-length: 2\r\n\r\nok").await;
    let round = Round::new();
    let [a, b] = drivers(server.port, &round);
    for driver in [&a, &b] {
        ask(driver, get("/config")).await.unwrap();
        ask(driver, get("/next")).await.unwrap();
    }
    let requests = server.seen.requests();
    let with_cookie = requests.iter().filter(|request| request.contains("cookie: a=1")).count();
    // One question together, then each with its own cookie.
    assert_eq!((requests.len(), with_cookie), (3, 2), "{requests:?}");
}

#[tokio::test]
async fn a_round_does_not_grow_without_end() {
    let server = Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
            peer.say(vec![b'x'; 1_000_000]).await;
        }
    })
    .await;
    let round = Round::new();
    let [a] = drivers(server.port, &round);
    let get = |target: &str| HttpRequest { max_bytes: 1_000_000, ..get(target) };
    for index in 0..30 {
        assert_eq!(ask(&a, get(&format!("/{index}"))).await.unwrap().body.len(), 1_000_000);
    }
    assert_eq!(format!("{round:?}"), "Round { questions: 16, bytes: 16000000 }");
    ask(&a, get("/0")).await.unwrap();
    assert_eq!(server.seen.requests().len(), 30);
    ask(&a, get("/29")).await.unwrap();
    assert_eq!(server.seen.requests().len(), 31);
}
