//! What a network does to a connection while the service itself is well.

use crate::{steps::submit_slow_job, watched::SOON};
use mdd_core::events::{BackendView, Detail, StateName};
use mdd_sim::{Fault, Sim};
use mdd_tests::{Neighbour, Running, THERE, eventually, in_own_network, pass_on, plugins};
use std::time::{Duration, Instant};

/// A loss of any kind shows within this time.
const SHOWS_WITHIN: Duration = Duration::from_secs(15);

fn has_code(view: &BackendView, code: &str) -> bool {
    view.reason.as_ref().is_some_and(|reason| reason.code == code)
}

/// Nothing ends the connection: no packet comes any more, and none says so.
#[test]
fn half_open_tcp_shows_and_what_returns_is_connected() {
    in_own_network("network::half_open_tcp_shows_and_what_returns_is_connected", async {
        let (sim, neighbour) = (Sim::start("comfyui").await.unwrap(), Neighbour::join());
        let _passing = pass_on(neighbour.listen(8188), &sim.url());
        let folder = plugins(&["comfyui"]);
        let running = Running::start(folder.path(), &[("comfyui", &format!("http://{THERE}:8188"))]);
        running.until("comfyui", SOON, |view| view.detail == Detail::Ready && view.devices.is_some()).await;

        let begun = Instant::now();
        neighbour.vanish();
        let silent = running.until("comfyui", SOON, |view| view.detail != Detail::Ready).await;
        println!("the peer vanished: {} ({}) after {:?}", silent.state, silent.detail, begun.elapsed());
        assert!(begun.elapsed() < SHOWS_WITHIN, "{:?}: {silent:?}", begun.elapsed());
        assert!(silent.reason.is_some(), "{silent:?}");
        let lost = running.until("comfyui", SOON, |view| view.state == StateName::Disconnected).await;
        println!("given up after {:?}: {:?}", begun.elapsed(), lost.reason.unwrap().observation);
        running.until("comfyui", SOON, |view| has_code(view, "connect-timeout")).await;

        neighbour.appear();
        let back = running.until("comfyui", SOON, |view| view.detail == Detail::Ready).await;
        assert_eq!(back.reconnects, 1);
    });
}

/// The socket answers every ping and tells nothing: what the queue holds is asked for meanwhile.
#[tokio::test]
async fn a_connected_but_deaf_websocket_degrades_and_comes_back() {
    let sim = Sim::start("comfyui").await.unwrap();
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    running.until("comfyui", SOON, |view| view.detail == Detail::Ready).await;
    sim.inject(Fault::SocketDeaf).await;
    submit_slow_job(&running).await;
    let deaf = running.until("comfyui", SOON, |view| has_code(view, "comfyui.deaf-socket")).await;
    assert_eq!((deaf.state, deaf.detail), (StateName::Connected, Detail::Degraded));
    let asked = sim.ledger().requests_to("/prompt");
    eventually(&running.host, SOON, |_| (sim.ledger().requests_to("/prompt") >= asked + 3).then_some(())).await;
    assert_eq!(running.backend("comfyui").queue.unwrap().running, 1, "it is known although the socket tells nothing");
    sim.clear_faults().await;
    running.until("comfyui", SOON, |view| matches!(view.detail, Detail::Ready | Detail::Busy)).await;
    assert_eq!(running.backend("comfyui").reconnects, 0);
}
