//! One host per state folder: how it starts, that it stays alone, and how it ends.

use crate::{home::Home, processes, soon, talk::SocketTalk};
use mdd_sim::{Fault, Sim};
use mdd_tests::mdd_host;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::process::Output;
use tokio::process::Command;

#[tokio::test]
async fn hosts_that_race_at_the_start_end_as_one() {
    for racers in [2, 8] {
        let home = Home::empty();
        let mut hosts: Vec<_> = (0..racers).map(|_| home.start_serving(&[])).collect();
        let winner = SocketTalk::open(&home).await.hello().await["pid"].clone();
        for host in &mut hosts {
            if json!(host.pid) != winner {
                assert!(host.ended().await.success(), "to be one too many is no failure: {}", home.log());
            }
        }
        assert_eq!(json!(processes::hosts(home.state())), json!([winner]));
        assert_eq!(SocketTalk::open(&home).await.hello().await["pid"], winner);
    }
}

#[tokio::test]
async fn a_second_one_says_that_it_is_not_needed() {
    let home = Home::empty();
    let _host = home.serve().await;
    let second = home.output(&["serve"]).await;
    assert_eq!(second.status.code(), Some(0));
    assert_eq!(String::from_utf8(second.stdout).unwrap(), "A host runs already, and serves all.\n");
}

#[tokio::test]
async fn what_a_killed_host_leaves_is_cleaned_by_the_next() {
    let home = Home::empty();
    home.serve().await.kill().await;
    assert!(home.socket().exists() && home.state().join("host.lock").exists(), "there is something to clean");
    let mut next = home.serve().await;
    next.signal(Signal::TERM);
    assert!(next.ended().await.success());
}

#[tokio::test]
async fn signals_end_it_cleanly_even_with_clients_and_a_service_that_hangs() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    for signal in [Signal::TERM, Signal::INT] {
        sim.clear_faults().await;
        let mut host = home.serve().await;
        let mut client = SocketTalk::subscribed(&home).await;
        sim.inject(Fault::Freeze).await;
        host.signal(signal);
        assert_eq!(host.ended().await.code(), Some(0), "{}", home.log());
        assert!(!home.socket().exists());
        soon("the end of the connection", async { while client.hear().await.is_some() {} }).await;
    }
}

#[tokio::test]
async fn stop_ends_the_host_and_tells_when_there_is_none() {
    let home = Home::empty();
    let told = |output: Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(told(home.output(&["stop"]).await), "No host runs.\n");
    let mut host = home.serve().await;
    let said = told(home.output(&["stop"]).await);
    assert_eq!(said, format!("The host (process {}) has ended.\n", host.pid));
    assert!(host.ended().await.success());
    assert!(!home.socket().exists());
    assert_eq!(told(home.output(&["stop"]).await), "No host runs.\n");
}

#[tokio::test]
async fn a_host_that_does_not_answer_holds_up_nobody_for_ever() {
    let home = Home::empty();
    let host = home.serve().await;
    host.signal(Signal::STOP);
    let status = home.output(&["status", "--json"]).await;
    assert!(status.status.success(), "it looks for itself: {}", String::from_utf8_lossy(&status.stderr));
    assert!(String::from_utf8_lossy(&status.stderr).contains("cannot be used"), "and says why");
    let stop = home.output(&["stop"]).await;
    assert_eq!(stop.status.code(), Some(1), "{}", String::from_utf8_lossy(&stop.stdout));
    host.signal(Signal::CONT);
    assert!(home.output(&["stop"]).await.status.success());
}

#[tokio::test]
async fn a_long_state_folder_works_like_any_other() {
    let home = Home::empty().at(&format!("{}/state", "long".repeat(40)));
    assert!(home.state().as_os_str().len() > 108, "more than an address can hold");
    let mut host = home.serve().await;
    // The same folder by another name.
    let detour = home.state().join("..").join("state").display().to_string() + "/";
    let mut stop = Command::from(mdd_host(home.folder()));
    let output = soon("the end", stop.args(["stop", "--state-dir", &detour]).output()).await.unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("has ended"), "{output:?}");
    assert!(host.ended().await.success());
    assert!(!home.socket().exists());
}

#[tokio::test]
async fn nothing_of_it_can_be_reached_over_the_network() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let host = home.serve().await;
    let mut client = SocketTalk::subscribed(&home).await;
    let mut copy = crate::copy::Copy::default();
    while copy.state.as_ref().is_none_or(|state| !state.is_ready()) {
        copy.take(client.update().await);
    }
    assert_eq!(processes::ports(host.pid), Vec::<String>::new());
    client.ask("ping", Value::Null).await;
}
