//! Connections are shared, given up before servers give them up, and a lost one costs nothing.

use crate::{
    caller::{ask, backend, body, candidate, get, host, post, transport},
    server::{LONG, OK, Server},
};
use mdd_core::transport::{Policy, Services};
use mdd_driver_api::abi::Segment;
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_drivers_share_two_connections() {
    let server = Server::answering(OK).await;
    let transport = transport();
    let drivers = [backend(server.port), candidate(server.port)].map(|policy| Services::under(&transport, &policy));
    let mut asking = JoinSet::new();
    for driver in drivers {
        asking.spawn(async move {
            for _ in 0..100 {
                assert_eq!(body(&ask(&driver, get("/check")).await.unwrap()), "ok");
            }
        });
    }
    asking.join_all().await;
    assert_eq!(server.seen.requests().len(), 200);
    assert!(server.seen.connections() <= 2, "{} connections", server.seen.connections());
}

/// A server that closes idle connections after 5.0 s, as uvicorn does, and gaps of all lengths around that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_idle_gap_fails() {
    const SERVER_IDLE: Duration = Duration::from_secs(5);
    let server = Server::start(|mut peer| async move {
        while let Ok(Some(_)) = tokio::time::timeout(SERVER_IDLE, peer.request()).await {
            peer.say(OK).await;
        }
    })
    .await;
    let mut asking = JoinSet::new();
    let gaps = (0..20).map(|step| 3_900 + step * 10).chain((0..40).map(|step| 4_900 + step * 5));
    for gap in gaps.map(Duration::from_millis) {
        let host = host(server.port);
        asking.spawn(async move {
            let question = || post("/", vec![Segment::bytes("x")]);
            ask(&host, question()).await.unwrap();
            tokio::time::sleep(gap).await;
            if let Err(error) = ask(&host, question()).await {
                panic!("a gap of {gap:?}: {error:?}");
            }
        });
    }
    tokio::time::timeout(LONG, asking.join_all()).await.unwrap();
    assert_eq!(server.seen.requests().len(), 120);
}

/// Answers the first request on each of the first two connections and closes on the second one.
async fn forgetful() -> Server {
    Server::start(|mut peer| async move {
        peer.request().await;
        peer.say(OK).await;
        peer.request().await;
    })
    .await
}

#[tokio::test]
async fn a_get_on_a_dying_connection_is_sent_again_on_a_new_one() {
    let server = forgetful().await;
    let host = host(server.port);
    for _ in 0..2 {
        assert_eq!(body(&ask(&host, get("/")).await.unwrap()), "ok");
    }
    assert_eq!(server.seen.requests().len(), 3);
    assert_eq!(server.seen.connections(), 2);
}

#[tokio::test]
async fn a_post_on_a_dying_connection_is_not_sent_again() {
    let server = forgetful().await;
    let host = host(server.port);
    ask(&host, post("/", vec![Segment::bytes("one")])).await.unwrap();
    let error = ask(&host, post("/", vec![Segment::bytes("two")])).await.unwrap_err();
    assert_eq!(error.code.as_str(), "closed-without-answer");
    assert_eq!(server.seen.requests().len(), 2);
}

#[tokio::test]
async fn the_other_family_answers_for_localhost() {
    // A system without IPv6 has nothing to fall back to.
    let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else { return };
    let server = Server::on(listener, |mut peer| async move {
        peer.request().await;
        peer.say(OK).await;
    });
    let endpoint = format!("localhost:{}", server.port).parse().unwrap();
    let host = Services::under(&transport(), &Policy::candidate(endpoint, Vec::new(), None));
    assert_eq!(body(&ask(&host, get("/")).await.unwrap()), "ok");
    assert!(server.seen.requests()[0].contains(&format!("host: localhost:{}\r\n", server.port)));
}
