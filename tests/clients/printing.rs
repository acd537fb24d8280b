//! A driver that prints to stdout, where only our own lines may come.

use crate::{
    copy::Copy,
    home::Home,
    soon,
    talk::{Bridge, SocketTalk},
};
use mdd_sim::Sim;
use serde_json::Value;
use std::process::Stdio;

#[tokio::test]
async fn it_cannot_write_between_the_lines_of_a_command() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["prints"], &[("prints", &sim.url())]);
    for (words, runs_it) in [(&["status", "--json", "--wait", "20"][..], true), (&["drivers", "list", "--json"], false)]
    {
        let output = soon("the end", home.starter(words).output()).await.unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        let kind = value.pointer("/backends/0/kind").or(value.pointer("/drivers/0/kind"));
        assert_eq!(kind, Some(&Value::from("prints")), "{text}");
        // Where it ran in the host it did print: into the log. A list only tries it, in a process that nobody hears.
        assert_eq!(String::from_utf8_lossy(&output.stderr).contains("printed in create"), runs_it);
    }
}

#[tokio::test]
async fn it_cannot_write_between_the_lines_of_the_protocol() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["prints"], &[("prints", &sim.url())]);
    // The host that this bridge starts has stdout of its own, and the bridge loads no driver.
    let (mut bridge, _) = Bridge::greeted(&home).await;
    bridge.talk.ask("subscribe", Value::Null).await;
    let mut copy = Copy::default();
    while copy.state.as_ref().is_none_or(|state| !state.is_ready()) {
        copy.take(bridge.talk.update().await);
    }
}

#[tokio::test]
async fn a_host_in_the_foreground_prints_nothing() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["prints"], &[("prints", &sim.url())]);
    let mut command = home.starter(&["serve"]);
    let host = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut client = SocketTalk::subscribed(&home).await;
    let mut copy = Copy::default();
    while copy.state.as_ref().is_none_or(|state| !state.is_ready()) {
        copy.take(client.update().await);
    }
    client.ask("host.stop", Value::Null).await;
    let output = soon("the end", host.wait_with_output()).await.unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(["create", "identify", "check"].iter().all(|place| log.contains(&format!("printed in {place}"))), "{log}");
}
