//! Faults of WebSockets.

use std::time::Duration;

use mdd_sim::{Fault, Sim};
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use super::{comfyui, workflow};
use crate::{
    PATIENCE,
    http::{get, post},
    websocket::Socket,
};

async fn run_job(sim: &Sim, color: u32, client: &str) -> String {
    let body = json!({ "prompt": workflow(color), "client_id": client });
    let id = post(sim, "/prompt", &body).await.json()["prompt_id"].as_str().unwrap().to_owned();
    sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
    id
}

#[tokio::test]
async fn a_refused_upgrade_leaves_http_alone() {
    let sim = comfyui().await;
    sim.inject(Fault::SocketRefused.times(1)).await;
    match Socket::try_open(sim.addr(), "c").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 403),
        _ => panic!("the upgrade is refused"),
    }
    assert_eq!(get(&sim, "/prompt").await.status, 200);
    Socket::greeted(&sim, "c").await;
}

#[tokio::test]
async fn a_deaf_socket_is_greeted_and_answers_pings() {
    let sim = comfyui().await;
    sim.inject(Fault::SocketDeaf).await;
    let mut socket = Socket::greeted(&sim, "c").await;
    run_job(&sim, 1, "c").await;
    assert!(socket.ping().await.is_empty());
    sim.clear_faults().await;
    let id = run_job(&sim, 2, "c").await;
    socket.until_end_of(&id).await;

    // Open sockets become deaf as well.
    sim.inject(Fault::SocketDeaf).await;
    socket.ping().await;
    run_job(&sim, 3, "c").await;
    assert!(socket.ping().await.is_empty());
}

#[tokio::test]
async fn a_counted_fault_is_one_socket_s_alone() {
    let sim = comfyui().await;
    sim.inject(Fault::SocketDeaf.times(1)).await;
    let mut deaf = Socket::greeted(&sim, "deaf").await;
    let mut well = Socket::greeted(&sim, "well").await;
    let id = run_job(&sim, 1, "well").await;
    well.until_end_of(&id).await;
    run_job(&sim, 2, "deaf").await;
    assert!(deaf.ping().await.is_empty());
}

#[tokio::test]
async fn a_silent_socket_is_shaken_hands_with_and_no_more() {
    let sim = comfyui().await;
    sim.inject(Fault::SocketSilent).await;
    let mut socket = Socket::open(&sim, "c").await;
    let silence = tokio::time::timeout(Duration::from_millis(300), socket.ping()).await;
    assert!(silence.is_err(), "neither a greeting nor a pong: {silence:?}");
    assert_eq!(get(&sim, "/prompt").await.status, 200);
}

#[tokio::test]
async fn a_dropped_socket_ends_without_a_close_frame() {
    let sim = comfyui().await;
    let mut open = Socket::greeted(&sim, "open").await;
    sim.inject(Fault::SocketDropped).await;
    let mut fresh = Socket::open(&sim, "fresh").await;
    for socket in [&mut open, &mut fresh] {
        match socket.raw().await {
            None | Some(Err(_)) => {}
            Some(Ok(message)) => panic!("nothing more was to come, but {message:?} did"),
        }
    }
    sim.wait_for(|ledger| ledger.sockets_open() == 0, PATIENCE).await.unwrap();
    sim.clear_faults().await;
    Socket::greeted(&sim, "again").await;
}
