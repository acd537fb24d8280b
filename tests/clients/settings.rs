//! Settings from the terminal: through the host that runs, and without one.

use crate::{home::Home, soon, talk::SocketTalk};
use mdd_sim::Sim;
use serde_json::{Value, json};
use std::{fs, process::Stdio};
use tokio::io::AsyncWriteExt as _;

async fn said(home: &Home, words: &[&str]) -> (Option<i32>, String) {
    let output = soon("the end", home.starter(words).output()).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn the_running_host_takes_changes_from_the_terminal_and_keeps_them() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui", "litellm"], &[]);
    let _host = home.serve().await;
    let output = home.output(&["backends", "add", "comfyui", &sim.url()]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut talk = SocketTalk::greeted(&home).await;
    let shown = talk.call("config.show", json!({})).await.unwrap();
    let url = shown["values"].as_array().unwrap().iter().find(|value| value["key"] == "backends.comfyui.url").unwrap();
    assert_eq!((&url["value"], &url["origin"]), (&json!([sim.url()]), &json!("file")));
    assert!(url["source"].as_str().unwrap().contains("config.toml:"));
    let file = shown["file"].as_str().unwrap();
    assert!(fs::read_to_string(file).unwrap().contains(&sim.url()));

    let id = format!("comfyui@{}", sim.addr());
    let output = home.output(&["backends", "disable", &id]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let snapshot = talk.call("snapshot", json!({})).await.unwrap();
    assert_eq!(snapshot["backends"][0]["state"], "disabled");

    // A key from stdin reaches the host, and nothing tells it.
    let mut command = home.command(&["config", "set", "backends.litellm.key", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"sk-canary\n").await.unwrap();
    let output = soon("the end", child.wait_with_output()).await.unwrap();
    assert!(output.status.success());
    let all = talk.call("config.show", json!({})).await.unwrap().to_string();
    assert!(!all.contains("canary") && !String::from_utf8(output.stdout).unwrap().contains("canary"));
    assert!(fs::read_to_string(file).unwrap().contains("sk-canary"));

    let error = talk.call("config.set", json!({"key": "idle_minuts", "value": 3})).await.unwrap_err();
    assert_eq!(error["code"], -32602);
    assert!(error["message"].as_str().unwrap().contains("`idle_minutes`"), "{error}");
}

#[tokio::test]
async fn without_a_host_they_need_none_and_the_next_one_knows() {
    let sim = Sim::start("litellm").await.unwrap();
    let home = Home::with(&["litellm"], &[]);
    let (code, text) = said(&home, &["backends", "add", "litellm", &sim.url()]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("connected"), "{text}");
    let (_, text) = said(&home, &["config", "show", "--json"]).await;
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["problems"], json!([]));
    let (code, text) = said(&home, &["config", "set", "health.interval_ms", "1"]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("from 1000 to 10000"), "{text}");
    assert_eq!(said(&home, &["backends", "test", &sim.url(), "--kind", "litellm"]).await.0, Some(0));
    assert_eq!(said(&home, &["backends", "test", "127.0.0.1:9"]).await.0, Some(3));
    let (_, text) = said(&home, &["config", "unset", "backends.litellm.url"]).await;
    assert!(text.contains("default"), "{text}");
    let (_, text) = said(&home, &["backends", "list", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"backends": []}));
}
