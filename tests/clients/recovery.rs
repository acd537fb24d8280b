//! The host dies: what the program at a bridge sees of it.

use crate::{
    copy::Copy,
    home::Home,
    processes,
    talk::{Bridge, SocketTalk},
};
use mdd_core::{events::Update, rpc::ErrorCode};
use mdd_sim::Sim;
use rustix::process::Signal;
use serde_json::{Value, json};

fn pid_of(hello: &Value) -> u32 {
    u32::try_from(hello["pid"].as_u64().unwrap()).unwrap()
}

#[tokio::test]
async fn one_notice_then_everything_again() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let (mut bridge, hello) = Bridge::greeted(&home).await;
    bridge.talk.ask("subscribe", Value::Null).await;
    let mut copy = Copy::default();
    while copy.state.as_ref().is_none_or(|state| !state.is_ready()) {
        copy.take(bridge.talk.update().await);
    }
    processes::signal(pid_of(&hello), Signal::KILL);
    // Updates that were on their way come first.
    let notice = loop {
        let message = bridge.talk.hear().await.expect("the bridge goes on");
        match message["method"].as_str() {
            Some("notice") => break message,
            Some("update") => copy.take(serde_json::from_value(message["params"].clone()).unwrap()),
            _ => panic!("{message}"),
        }
    };
    assert!(notice["params"]["text"].as_str().unwrap().contains("started again"), "{notice}");
    let mut copy = Copy::default();
    // It panics at a second notice, and at anything else that is no update.
    while copy.state.as_ref().is_none_or(|state| !state.is_ready()) {
        copy.take(bridge.talk.update().await);
    }
    assert_eq!(copy.snapshots, 1);
    let again = bridge.talk.hello().await;
    assert_ne!(again["pid"], hello["pid"]);
    assert_eq!(again["pid"], home.only_host().await);
}

#[tokio::test]
async fn open_requests_are_answered_and_later_ones_reach_the_next_host() {
    let home = Home::empty();
    let (mut bridge, hello) = Bridge::greeted(&home).await;
    let host = pid_of(&hello);
    // It takes requests and answers none.
    processes::signal(host, Signal::STOP);
    let open: Vec<u64> = [
        bridge.talk.request("snapshot", Value::Null).await,
        bridge.talk.request("ping", Value::Null).await,
        bridge.talk.request("drivers.list", Value::Null).await,
    ]
    .into();
    processes::signal(host, Signal::KILL);
    for id in open {
        let answer = bridge.talk.answer().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(ErrorCode::HostLost as i64)));
        assert!(answer["error"]["message"].as_str().unwrap().contains("started again"), "{answer}");
    }
    bridge.talk.notification("notice").await;
    // `hello` was said on its behalf.
    assert_eq!(bridge.talk.ask("ping", Value::Null).await, json!({}));
}

#[tokio::test]
async fn requests_while_there_is_no_host_are_answered_and_hold_up_nothing() {
    let home = Home::empty();
    let (mut bridge, hello) = Bridge::greeted(&home).await;
    processes::signal(pid_of(&hello), Signal::KILL);
    let mut refused = 0;
    let mut noticed = 0;
    // As fast as it can, which must not keep the bridge from its work.
    loop {
        let id = bridge.talk.request("ping", Value::Null).await;
        let answer = loop {
            let message = bridge.talk.hear().await.unwrap();
            match message.get("id") {
                Some(theirs) => {
                    assert_eq!(*theirs, id);
                    break message;
                }
                None => noticed += 1,
            }
        };
        match answer.get("error") {
            Some(error) => {
                assert_eq!(error["code"], ErrorCode::HostLost as i64);
                refused += 1;
            }
            None if noticed > 0 => break,
            None => {}
        }
    }
    assert_eq!(noticed, 1, "{refused} requests were refused meanwhile");
}

#[tokio::test]
async fn a_program_that_never_subscribed_is_not_subscribed_afterwards() {
    let home = Home::empty();
    let (mut bridge, hello) = Bridge::greeted(&home).await;
    bridge.talk.ask("subscribe", Value::Null).await;
    assert!(matches!(bridge.talk.update().await, Update::Snapshot(_)));
    bridge.talk.ask("unsubscribe", Value::Null).await;
    processes::signal(pid_of(&hello), Signal::KILL);
    bridge.talk.notification("notice").await;
    for _ in 0..3 {
        bridge.talk.ask("backends.refresh", Value::Null).await;
    }
    assert_eq!(bridge.talk.ask("ping", Value::Null).await, json!({}));
}

#[tokio::test]
async fn the_host_may_die_again_and_again() {
    let home = Home::empty();
    let (mut bridge, hello) = Bridge::greeted(&home).await;
    let mut pid = pid_of(&hello);
    for _ in 0..5 {
        processes::signal(pid, Signal::KILL);
        bridge.talk.notification("notice").await;
        let next = pid_of(&bridge.talk.hello().await);
        assert_ne!(next, pid);
        pid = next;
    }
    // None of the dead waits to be buried by the bridge.
    let bridge_pid = bridge.child.id().unwrap();
    crate::until("the burial", || (dead_children(bridge_pid) == 0).then_some(())).await;
}

#[tokio::test]
async fn a_host_whose_file_was_replaced_meanwhile_comes_back_as_the_new_one() {
    let home = Home::empty();
    let program = home.folder().join("mdd-host");
    let install = || {
        let _absent_at_first = std::fs::remove_file(&program);
        std::fs::copy(mdd_tests::built().program("mdd-host"), &program).unwrap();
    };
    install();
    let mut bridge = Bridge::of(home.starter_of(&program, &["bridge"]));
    let hello = bridge.talk.hello().await;
    install();
    processes::signal(pid_of(&hello), Signal::KILL);
    bridge.talk.notification("notice").await;
    let host = home.only_host().await;
    assert_eq!(std::fs::read_link(format!("/proc/{host}/exe")).unwrap(), program.canonicalize().unwrap());
}

fn dead_children(parent: u32) -> usize {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let children = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap());
    let children: String = children.collect();
    children.split_whitespace().filter(|child| !processes::is_alive(child.parse().unwrap())).count()
}

#[tokio::test]
async fn every_program_of_the_user_gets_its_host_back() {
    let home = Home::empty();
    let (first, hello) = Bridge::greeted(&home).await;
    let mut bridges = vec![first];
    for _ in 1..8 {
        bridges.push(Bridge::greeted(&home).await.0);
    }
    processes::signal(pid_of(&hello), Signal::KILL);
    let mut pids = Vec::new();
    for bridge in &mut bridges {
        bridge.talk.notification("notice").await;
        pids.push(bridge.talk.hello().await["pid"].clone());
    }
    pids.dedup();
    assert_eq!(pids, [json!(home.only_host().await)]);
    SocketTalk::greeted(&home).await;
}
