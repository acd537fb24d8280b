//! The bridge: it starts the host, passes everything on, and ends when its program does.

use crate::{
    copy::Copy,
    home::Home,
    processes, soon,
    talk::{Bridge, SocketTalk},
};
use mdd_core::rpc::{ErrorCode, MAX_LINE};
use mdd_sim::Sim;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn it_starts_the_host_that_then_stays() {
    let home = Home::empty();
    let (mut bridge, hello) = Bridge::greeted(&home).await;
    assert_eq!(hello["pid"], home.only_host().await);
    bridge.talk.finish().await;
    assert_eq!(bridge.ended().await, Some(0));
    // The next one finds the same host.
    let (_second, again) = Bridge::greeted(&home).await;
    assert_eq!(again, hello);
}

#[tokio::test]
async fn bridges_that_start_together_share_one_host() {
    let home = Home::empty();
    let mut bridges: Vec<_> = (0..8).map(|_| Bridge::start(&home)).collect();
    let mut pids = Vec::new();
    for bridge in &mut bridges {
        pids.push(bridge.talk.hello().await["pid"].clone());
    }
    pids.dedup();
    assert_eq!(pids, [json!(home.only_host().await)]);
}

#[tokio::test]
async fn the_host_leaves_the_session_of_whoever_started_it() {
    let home = Home::empty();
    let (bridge, hello) = Bridge::greeted(&home).await;
    let host = rustix::process::Pid::from_raw(i32::try_from(hello["pid"].as_u64().unwrap()).unwrap()).unwrap();
    // The starter's own session may belong to a process that this one cannot see, so only the host is asked.
    assert_eq!(rustix::process::getsid(Some(host)).unwrap(), host);
    drop(bridge);
}

#[tokio::test]
async fn requests_before_the_end_of_the_input_are_answered() {
    let home = Home::empty();
    let hello = json!({"protocol": 1, "client": "a shell script", "version": "1"});
    let requests = format!(
        "{}\n{}\n{{\"half a line",
        json!({"jsonrpc": "2.0", "id": 1, "method": "hello", "params": hello}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "snapshot"}),
    );
    let mut command = home.starter(&["bridge"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(requests.as_bytes()).await.unwrap();
    let output = soon("the end of the bridge", child.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<Value> = output
        .stdout
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let ids: Vec<_> = lines.iter().map(|line| &line["id"]).collect();
    assert_eq!(ids, [1, 2], "{lines:#?}");
}

#[tokio::test]
async fn it_ends_with_its_program_even_if_that_does_not_read() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["floods"], &[("floods", &sim.url())]);
    let (mut bridge, _) = Bridge::greeted(&home).await;
    bridge.talk.ask("subscribe", Value::Null).await;
    let mut witness = SocketTalk::subscribed(&home).await;
    let mut copy = Copy::default();
    // More than the pipe holds.
    while copy.changes < 2000 {
        copy.take(witness.update().await);
    }
    bridge.talk.finish().await;
    assert_eq!(bridge.ended().await, Some(0));
}

#[tokio::test]
async fn an_output_that_nobody_reads_any_more_is_a_normal_end() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["floods"], &[("floods", &sim.url())]);
    let mut command = home.starter(&["bridge"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut bridge = crate::talk::Talk::over(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    bridge.hello().await;
    bridge.ask("subscribe", Value::Null).await;
    let writer = bridge.take_writer();
    drop(bridge);
    let output = soon("the end of the bridge", child.wait_with_output()).await.unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
    drop(writer);
}

#[tokio::test]
async fn a_log_that_nobody_reads_any_more_disturbs_nothing() {
    let home = Home::empty();
    let mut command = home.starter(&["bridge", "-vv"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let mut talk = crate::talk::Talk::over(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let hello = talk.hello().await;
    processes::signal(u32::try_from(hello["pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
    talk.notification("notice").await;
    talk.ask("ping", Value::Null).await;
    talk.finish().await;
    assert_eq!(soon("the end", child.wait()).await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_killed_bridge_leaves_the_host_as_it_was() {
    let home = Home::empty();
    let (mut bridge, hello) = Bridge::greeted(&home).await;
    let mut witness = SocketTalk::subscribed(&home).await;
    bridge.talk.ask("subscribe", Value::Null).await;
    bridge.child.kill().await.unwrap();
    // The host holds no end of its pipes.
    while bridge.talk.hear().await.is_some() {}
    assert_eq!(witness.ask("ping", Value::Null).await, json!({}));
    let (_next, again) = Bridge::greeted(&home).await;
    assert_eq!(again, hello);
}

#[tokio::test]
async fn thousands_of_requests_at_once_pass_through_it() {
    const REQUESTS: u64 = 30_000;
    let home = Home::empty();
    let (mut bridge, _) = Bridge::greeted(&home).await;
    let requests: String =
        (0..REQUESTS).map(|id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n")).collect();
    let mut writer = bridge.talk.take_writer();
    let writing = tokio::spawn(async move {
        writer.write_all(requests.as_bytes()).await.unwrap();
        writer
    });
    for id in 0..REQUESTS {
        assert_eq!(bridge.talk.answer().await["id"], id);
    }
    soon("the writer", writing).await.unwrap();
}

#[tokio::test]
async fn bad_lines_cost_their_sender_an_error_and_no_memory() {
    let home = Home::empty();
    let (mut bridge, _) = Bridge::greeted(&home).await;
    for line in [&b"hello\n"[..], b"\0\xff\n", b"[]\n", b"\n"] {
        bridge.talk.send(line).await;
        assert_eq!(bridge.talk.answer().await["id"], Value::Null);
    }
    bridge.talk.send(&vec![b'x'; MAX_LINE + 1]).await;
    let before = processes::memory(bridge.child.id().unwrap());
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        bridge.talk.send(&piece).await;
    }
    let growth = processes::memory(bridge.child.id().unwrap()).saturating_sub(before);
    assert!(growth <= 16 << 20, "it grew by {} KiB", growth >> 10);
    bridge.talk.send(b"\n").await;
    assert_eq!(bridge.talk.answer().await["error"]["code"], ErrorCode::Parse as i64);
    assert_eq!(bridge.talk.ask("ping", Value::Null).await, json!({}));
}

#[tokio::test]
async fn nothing_is_written_that_is_no_message() {
    let home = Home::empty();
    let (mut bridge, _) = Bridge::greeted(&home).await;
    bridge.talk.ask("host.stop", Value::Null).await;
    bridge.talk.notification("notice").await;
    bridge.talk.ask("ping", Value::Null).await;
    bridge.talk.finish().await;
    let mut rest = Vec::new();
    if let Some(mut output) = bridge.child.stdout.take() {
        output.read_to_end(&mut rest).await.unwrap();
    }
    assert!(rest.is_empty());
    assert_eq!(bridge.talk.hear().await, None);
}
