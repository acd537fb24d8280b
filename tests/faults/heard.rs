//! What a WebSocket says once the driver has spoken. In the matrix such a fault may also be met by the driver's first
//! word, or be cut short by a deadline; here each can only be met by reading, and has its one code.

use crate::{
    asked,
    peer::{Peer, listen},
    socket::{self, accept},
};
use mdd_tests::{Running, plugins};

/// Accepts, waits for a word and says these bytes.
async fn tell(peer: &mut Peer, key: &str, said: &[u8]) {
    peer.say(format!("{}\r\n", accept(key))).await;
    if peer.hear().await {
        peer.say(said).await;
    }
}

async fn told(said: &'static [u8], code: &str) {
    let port = asked::service(r#"{"talk": {"target": "/ws"}}"#, move |mut peer, key| async move {
        tell(&mut peer, &key.unwrap(), said).await;
        peer.hang().await;
    })
    .await;
    asked::says(port, code).await;
}

/// The head of a message of 700 MB.
const HUGE: &[u8] = &[0x82, 127, 0, 0, 0, 0, 0x29, 0xb9, 0x27, 0];

#[tokio::test]
async fn a_message_over_the_cap_is_not_read() {
    told(HUGE, "message-too-large").await;
}

#[tokio::test]
async fn a_frame_that_breaks_the_protocol_is_told() {
    told(b"\x83\x02hi", "broken-frame").await;
}

#[tokio::test]
async fn a_close_is_told_to_whoever_reads_on() {
    told(&[0x88, 2, 0x03, 0xe8], "socket-closed").await;
}

#[tokio::test]
async fn a_flood_of_pings_ends_the_connection() {
    static PINGS: [u8; 1 << 14] = {
        let mut pings = [0; 1 << 14];
        let mut at = 0;
        while at < pings.len() {
            pings[at] = 0x89;
            at += 2;
        }
        pings
    };
    told(&PINGS, "control-flood").await;
}

#[tokio::test]
async fn a_preview_over_the_cap_is_told_by_its_driver() {
    let port = listen(|peer| {
        socket::comfyui(peer, |mut peer, key| async move {
            tell(&mut peer, &key, HUGE).await;
            peer.hang().await;
        })
    })
    .await;
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &format!("http://127.0.0.1:{}", port.number))]);
    let is_told = |code: &str| code == "comfyui.preview-too-large";
    let is_seen = |view: &mdd_core::events::BackendView| {
        view.reason.as_ref().is_some_and(|reason| is_told(&reason.code))
            || view.last_errors.iter().any(|error| is_told(&error.code))
    };
    running.until("comfyui", asked::SOON, is_seen).await;
}
