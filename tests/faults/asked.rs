//! Faults that no question of a shipped driver meets: a driver that does as its service tells asks for each of them.

use crate::{
    peer::{Peer, Port, listen},
    socket::accept,
};
use mdd_core::jobs::{Submission, Target};
use mdd_tests::{Running, eventually, on_own_disk, plugins};
use serde_json::json;
use std::time::Duration;

/// Each attempt may miss it on a loaded machine, and the next one comes soon.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Tells the driver's check to do that, and does `then` at what it asks for.
pub(crate) async fn service<F>(
    order: &'static str,
    then: impl Fn(Peer, Option<String>) -> F + Send + Sync + Copy + 'static,
) -> Port
where
    F: Future<Output = ()> + Send + 'static,
{
    listen(move |mut peer| async move {
        loop {
            let Some(head) = peer.head().await else { return };
            let body: &[u8] = match head.target() {
                "/identify" | "/watch" => b"{}",
                "/check" => order.as_bytes(),
                _ => return then(peer, head.key()).await,
            };
            if !peer.answer("200 OK", "application/json", body).await {
                return;
            }
        }
    })
    .await
}

/// A driver that does as it is told shows this code.
pub(crate) async fn says(port: Port, code: &str) {
    let folder = plugins(&["told"]);
    let running = Running::start(folder.path(), &[("told", &format!("http://127.0.0.1:{}", port.number))]);
    let has_code = |reason: &mdd_core::diagnosis::Reason| reason.code == code;
    let shown = running.until("told", SOON, |view| view.reason.as_ref().is_some_and(has_code)).await;
    let observation = shown.reason.unwrap().observation;
    assert!(!observation.is_empty() && !observation.chars().any(char::is_control), "{observation:?}");
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_has_stalled() {
    let port = service(r#"{"ask": {"target": "/half", "idle": 200}}"#, |mut peer, _| async move {
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
        peer.hang().await;
    })
    .await;
    says(port, "stalled").await;
}

#[tokio::test]
async fn a_handshake_that_is_refused_is_told_with_its_status() {
    let port = service(r#"{"talk": {"target": "/ws"}}"#, |mut peer, _| async move {
        peer.answer("503 Service Unavailable", "text/plain", b"not now").await;
    })
    .await;
    says(port, "upgrade-refused").await;
}

#[tokio::test]
async fn a_message_over_the_cap_is_not_sent() {
    let port = service(r#"{"talk": {"target": "/ws", "bytes": 5000000}}"#, |mut peer, key| async move {
        peer.say(format!("{}\r\n", accept(&key.unwrap()))).await;
        peer.hang().await;
    })
    .await;
    says(port, "outgoing-too-large").await;
}

#[tokio::test]
async fn a_driver_that_does_not_read_loses_its_socket() {
    let port = service(r#"{"talk": {"target": "/ws", "ms": 1000}}"#, |mut peer, key| async move {
        peer.say(format!("{}\r\n", accept(&key.unwrap()))).await;
        peer.flood(&[0x81, 4, b't', b'i', b'c', b'k']).await;
    })
    .await;
    says(port, "reader-too-slow").await;
}

#[test]
fn a_result_for_which_the_disk_has_no_room_waits_for_it() {
    on_own_disk("asked::a_result_for_which_the_disk_has_no_room_waits_for_it", async {
        let port = listen(|mut peer| async move {
            while let Some(head) = peer.head().await {
                let body: &[u8] = match head.target() {
                    "/run" => br#"{"download": "/result"}"#,
                    "/result" => {
                        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n").await;
                        return peer.hang().await;
                    }
                    _ => b"{}",
                };
                if !peer.answer("200 OK", "application/json", body).await {
                    return;
                }
            }
        })
        .await;
        let folder = plugins(&["told"]);
        let running = Running::start(folder.path(), &[("told", &format!("http://127.0.0.1:{}", port.number))]);
        let target = Target::Kind("told".to_owned());
        let submission =
            Submission { id: "large".to_owned(), target, operation: None, payload: json!({}), files: vec![] };
        running.host.jobs().submit(submission).await.unwrap();
        let is_told = |job: &mdd_core::events::JobView| job.reason.as_ref().is_some_and(|why| why.code == "disk-full");
        eventually(&running.host, SOON, |_| running.host.jobs().show("large").filter(is_told)).await;
    });
}
