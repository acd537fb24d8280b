//! A driver that panics at work.

use mdd_core::events::{Detail, StateName};
use mdd_sim::Sim;
use mdd_tests::{Running, plugins};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_panic_costs_one_instance_for_a_moment_and_no_other_backend() {
    let sim = Sim::start("comfyui").await.unwrap();
    let folder = plugins(&["panics-at-work", "comfyui"]);
    let url = sim.url();
    let running = Running::start(folder.path(), &[("panics-at-work", &url), ("comfyui", &url)]);
    running.until("comfyui", SOON, |backend| backend.state == StateName::Connected).await;
    let faulted = running
        .until("panics-at-work", SOON, |backend| {
            backend.reason.as_ref().is_some_and(|reason| reason.code == "driver-panicked")
        })
        .await;
    assert_eq!((faulted.state, faulted.detail), (StateName::Disconnected, Detail::Waiting));
    assert!(faulted.reason.unwrap().observation.contains("the second check panics"));
    // A new instance is made, and the other backend has noticed nothing.
    running.until("panics-at-work", SOON, |backend| backend.state == StateName::Connected).await;
    assert_eq!(running.backend("comfyui").state, StateName::Connected);
}
