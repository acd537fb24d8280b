//! Commands: with the host that runs, without one, and what they print for programs.

use crate::{
    copy::Copy,
    home::Home,
    soon,
    talk::{Bridge, SocketTalk},
};
use mdd_sim::Sim;
use rustix::process::Signal;
use serde_json::Value;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader};

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn ready(home: &Home) {
    let mut client = SocketTalk::subscribed(home).await;
    let mut copy = Copy::default();
    while copy.state.as_ref().is_none_or(|state| !state.is_ready()) {
        copy.take(client.update().await);
    }
}

#[tokio::test]
async fn they_use_the_host_that_runs() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let _host = home.serve().await;
    ready(&home).await;
    let before = sim.ledger();
    // They are told of no driver and no backend, and yet they know them.
    let status = json(&home.output(&["status", "--json"]).await);
    assert_eq!(status["backends"][0]["endpoint"], sim.url(), "{status:#}");
    assert_eq!(status["backends"][0]["state"], "connected");
    let drivers = json(&home.output(&["drivers", "list", "--json"]).await);
    assert_eq!(drivers["drivers"][0]["kind"], "comfyui", "{drivers:#}");
    let waited = json(&home.output(&["status", "--json", "--wait", "20"]).await);
    assert_eq!(waited["backends"][0]["state"], "connected");
    let after = sim.ledger();
    assert_eq!(after.requests_to("/system_stats"), before.requests_to("/system_stats"));
    assert_eq!(after.sockets.len(), before.sockets.len());
}

#[tokio::test]
async fn they_look_for_themselves_when_they_are_told_where() {
    let [known, named] = [Sim::start("comfyui").await.unwrap(), Sim::start("comfyui").await.unwrap()];
    let home = Home::with(&["comfyui"], &[("comfyui", &known.url())]);
    let _host = home.serve().await;
    ready(&home).await;
    let plugins = mdd_tests::plugins(&["comfyui"]);
    let mut command = home.command(&["status", "--json", "--no-discovery"]);
    command.arg("--backend").arg(format!("comfyui={}", named.url())).arg("--plugins").arg(plugins.path());
    let status = json(&soon("the end", command.output()).await.unwrap());
    let endpoints: Vec<_> = status["backends"].as_array().unwrap().iter().map(|backend| &backend["endpoint"]).collect();
    assert_eq!(endpoints, [&Value::from(named.url())]);
    assert!(named.ledger().requests_to("/system_stats") > 0);
    let empty = tempfile::tempdir().unwrap();
    let mut command = home.command(&["drivers", "list", "--json"]);
    let drivers = json(&soon("the end", command.arg("--plugins").arg(empty.path()).output()).await.unwrap());
    assert_eq!(drivers["drivers"], Value::Array(vec![]));
}

#[tokio::test]
async fn without_a_host_they_need_none_and_leave_none() {
    let sim = Sim::start("litellm").await.unwrap();
    let home = Home::with(&["litellm"], &[("litellm", &sim.url())]);
    let status = json(&soon("the end", home.starter(&["status", "--json"]).output()).await.unwrap());
    assert_eq!(status["backends"][0]["state"], "connected");
    assert!(crate::processes::naming(home.state()).is_empty());
    assert!(!home.socket().exists());
}

/// Every field that programs rely on, with what it may be.
fn check_status(status: &Value) {
    const STATES: [&str; 4] = ["connected", "connecting", "disconnected", "disabled"];
    let text = |value: &Value| value.is_string();
    let text_or_null = |value: &Value| value.is_string() || value.is_null();
    let count_or_null = |value: &Value| value.is_u64() || value.is_null();
    let summary = &status["summary"];
    assert!(["ok", "attention", "problem"].contains(&summary["severity"].as_str().unwrap()));
    assert!(text(&summary["sentence"]));
    for backend in status["backends"].as_array().unwrap() {
        for field in ["id", "kind", "title", "state", "detail", "since"] {
            assert!(text(&backend[field]), "{field}: {backend:#}");
        }
        for field in
            ["endpoint", "reason", "attempt", "next_try_ms", "version", "flavour", "queue", "latency_ms", "devices"]
        {
            assert!(backend.get(field).is_some(), "{field} may be null and must be there: {backend:#}");
        }
        assert!(STATES.contains(&backend["state"].as_str().unwrap()));
        for field in ["endpoint", "version", "flavour"] {
            assert!(text_or_null(&backend[field]), "{field}");
        }
        assert!(backend["attempt"].is_u64() && count_or_null(&backend["next_try_ms"]));
        let since = backend["since"].as_str().unwrap();
        assert!(since.len() == 20 && since.ends_with('Z'), "{since}");
        if let Some(reason) = backend["reason"].as_object() {
            assert!(["code", "observation", "meaning"].iter().all(|field| text(&reason[*field])), "{reason:#?}");
            for remedy in reason["remedies"].as_array().unwrap() {
                assert!(text(&remedy["label"]) && remedy.get("argument").is_some_and(text_or_null), "{remedy}");
            }
        }
        if let Some(queue) = backend["queue"].as_object() {
            assert!(queue["running"].is_u64() && count_or_null(&queue["pending"]), "{queue:#?}");
        }
        if let Some(latency) = backend["latency_ms"].as_object() {
            assert!(["last", "p50", "p95"].iter().all(|field| latency[*field].is_number()), "{latency:#?}");
        }
    }
}

#[tokio::test]
async fn what_status_prints_for_programs_keeps_its_fields() {
    let [comfyui, litellm] = [Sim::start("comfyui").await.unwrap(), Sim::start("litellm").await.unwrap()];
    let nobody = "http://127.0.0.1:9";
    let backends =
        [("comfyui", &*comfyui.url()), ("litellm", &litellm.url()), ("litellm", nobody), ("unheard-of", nobody)];
    let home = Home::with(&["comfyui", "litellm"], &backends);
    let alone = json(&soon("the end", home.starter(&["status", "--json", "--wait", "3"]).output()).await.unwrap());
    let _host = home.serve().await;
    let shared = json(&home.output(&["status", "--json", "--wait", "3"]).await);
    for status in [alone, shared] {
        check_status(&status);
        let of = |kind: &str, state: &str| {
            let backends = status["backends"].as_array().unwrap();
            backends.iter().find(|backend| backend["kind"] == kind && backend["state"] == state).cloned().unwrap()
        };
        for kind in ["comfyui", "litellm"] {
            let connected = of(kind, "connected");
            let filled = ["endpoint", "version", "queue", "latency_ms", "devices"];
            let filled = filled.iter().filter(|field| kind == "comfyui" || !["queue", "devices"].contains(field));
            for field in filled {
                assert!(!connected[*field].is_null(), "{field}: {connected:#}");
            }
            assert!(connected["reason"].is_null(), "{connected:#}");
        }
        let absent = of("litellm", "disconnected");
        assert_eq!(absent["reason"]["code"], "connection-refused", "{absent:#}");
        assert!(!absent["reason"]["remedies"].as_array().unwrap().is_empty());
        assert_eq!(of("unheard-of", "disconnected")["reason"]["code"], "no-driver");
        assert_eq!(status["summary"]["severity"], "problem");
    }
}

#[tokio::test]
async fn follow_prints_one_object_a_line_until_it_is_interrupted() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    for with_host in [false, true] {
        let _host = if with_host { Some(home.serve().await) } else { None };
        let mut command = match with_host {
            true => home.command(&["status", "--follow", "--json", "--wait", "20"]),
            false => home.starter(&["status", "--follow", "--json", "--wait", "20"]),
        };
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut until = async |wanted: &str| {
            soon(wanted, async {
                loop {
                    let line = lines.next_line().await.unwrap().expect("it follows");
                    let status: Value = serde_json::from_str(&line).unwrap();
                    check_status(&status);
                    if status["backends"][0]["state"] == wanted {
                        return;
                    }
                }
            })
            .await;
        };
        until("connected").await;
        sim.stop().await;
        until("disconnected").await;
        sim.start_again().await.unwrap();
        until("connected").await;
        crate::processes::signal(child.id().unwrap(), Signal::INT);
        assert_eq!(soon("the end", child.wait()).await.unwrap().code(), Some(0), "with a host: {with_host}");
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_a_normal_end() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    for words in [
        &["status"][..],
        &["status", "--json"],
        &["status", "--follow"],
        &["drivers", "list"],
        &["drivers", "list", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = home.starter(words).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = soon("the end", child.wait_with_output()).await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[tokio::test]
async fn the_exit_code_tells_whether_all_is_well_when_it_is_asked_to() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let code = async |words: &[&str]| soon("the end", home.starter(words).output()).await.unwrap().status.code();
    let asked = ["status", "--exit-code", "--wait", "20"];
    assert_eq!(code(&asked).await, Some(0));
    let host = home.serve().await;
    ready(&home).await;
    let of_host = async |words: &[&str]| home.output(words).await.status.code();
    assert_eq!(of_host(&asked).await, Some(0));
    sim.stop().await;
    let mut client = SocketTalk::greeted(&home).await;
    while client.snapshot().await.is_ready() {
        tokio::task::yield_now().await;
    }
    assert_eq!(of_host(&["status", "--exit-code"]).await, Some(3));
    assert_eq!(of_host(&["status"]).await, Some(0));
    assert_eq!(code(&["status", "--exit-code"]).await, Some(3));
    drop(host);
}

#[tokio::test]
async fn a_host_that_ends_ends_those_who_follow_it_with_a_reason() {
    let home = Home::empty();
    let (_bridge, hello) = Bridge::greeted(&home).await;
    let mut command = home.command(&["status", "--follow", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    soon("a line", lines.next_line()).await.unwrap().unwrap();
    crate::processes::signal(u32::try_from(hello["pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
    let output = soon("the end", child.wait_with_output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the host has ended"), "{said}");
    assert_eq!(output.status.code(), Some(0));
}
