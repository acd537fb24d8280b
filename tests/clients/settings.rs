//! Settings from the terminal: through the host that runs, and without one.

use crate::{home::Home, soon, talk::SocketTalk};
use mdd_sim::Sim;
use mdd_tests::{Stub, built, provoked};
use serde_json::{Value, json};
use std::{fs, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

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

/// A proxy for the web is never asked about this machine.
#[tokio::test]
async fn ac_17_the_systems_proxy_is_not_used_for_this_machine() {
    let (sim, proxy) = (Sim::start("comfyui").await.unwrap(), Stub::start(&[], (502, "text/plain", "no")).await);
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let mut command = home.starter(&["status", "--json", "--wait", "20"]);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"] {
        command.env(name, &proxy.url);
    }
    let output = soon("the end", command.output()).await.unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["backends"][0]["state"], "connected", "{status:#}");
    assert_eq!(proxy.asked_in_all(), 0);
}

#[tokio::test]
async fn a_variable_that_the_host_was_started_without_is_told() {
    let home = Home::with(&["litellm"], &[]);
    let _host = home.serve().await;
    let mut command = home.command(&["config", "show"]);
    let output = soon("the end", command.env("MDD_LITELLM_KEY", "sk-canary").output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("MDD_LITELLM_KEY") && said.contains("mdd-host stop") && !said.contains("canary"), "{said}");
    let mut command = home.command(&["doctor", "--json"]);
    let output = soon("the end", command.env("MDD_LITELLM_KEY", "sk-canary").output()).await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(codes(&report).contains(&"environment-differs".to_owned()), "{report:#}");
    // So is one that the driver declares for those who know the service.
    let mut command = home.command(&["config", "show"]);
    let output = soon("the end", command.env("LITELLM_MASTER_KEY", "sk-canary").output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("LITELLM_MASTER_KEY") && !said.contains("canary"), "{said}");
    // The same environment is no difference, and a program behind the bridge is told by a notice.
    let quiet = home.output(&["config", "show"]).await;
    assert_eq!(String::from_utf8(quiet.stderr).unwrap(), "");
    let mut child = home
        .command(&["bridge"])
        .env("MDD_LITELLM_KEY", "sk-canary")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = soon("a notice", lines.next_line()).await.unwrap().unwrap();
    assert!(line.contains("\"notice\"") && line.contains("MDD_LITELLM_KEY"), "{line}");
}

/// A host that runs has read its environment at its start, and says so; a variable with a mistake in its name is named.
#[tokio::test]
async fn the_environment_is_that_of_the_hosts_start() {
    let environment = [("MDD_LITELLM_KEY", "sk-canary"), ("MDD_LITELM_URL", "http://127.0.0.1:9")];
    let home = Home::with(&["litellm"], &[]);
    let _host = home.start_serving_in(&[], &environment);
    SocketTalk::greeted(&home).await;
    let shown = home.command(&["config", "show"]).envs(environment).output();
    let shown = String::from_utf8(soon("the end", shown).await.unwrap().stdout).unwrap();
    let row = shown.lines().find(|line| line.contains("MDD_LITELLM_KEY")).unwrap();
    assert!(row.contains("environment MDD_LITELLM_KEY, at the start of the host ") && row.ends_with(" ago"), "{row}");
    assert!(shown.contains("MDD_LITELM_URL") && shown.contains("did you mean `MDD_LITELLM_URL`?"), "{shown}");
    assert!(!shown.contains("canary"));
}

fn codes(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let codes: Vec<String> =
        findings.filter_map(|finding| finding["reason"]["code"].as_str().map(str::to_owned)).collect();
    codes.iter().for_each(|code| provoked::code(code));
    codes
}

#[tokio::test]
async fn the_doctor_looks_at_everything_and_says_what_helps() {
    let sim = Sim::start("comfyui").await.unwrap();
    let healthy = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let (code, text) = said(&healthy, &["doctor"]).await;
    assert_eq!(code, Some(0), "{text}");
    for subject in ["state-folder", "host", "settings", "drivers", "sockets", "comfyui@"] {
        assert!(text.contains(&format!("✔ {subject}")), "{subject}: {text}");
    }
    // It is copied into reports, and a home folder has its user's name.
    assert!(text.contains("~/state") && !text.contains(&*healthy.folder().to_string_lossy()), "{text}");

    let ill = Home::with(&["comfyui", "panics-in-create"], &[("comfyui", "http://127.0.0.1:9")]);
    fs::create_dir_all(ill.folder().join(".config/mdd-host")).unwrap();
    fs::write(ill.folder().join(".config/mdd-host/config.toml"), "idle_minuts = 3\n").unwrap();
    let (code, text) = said(&ill, &["doctor"]).await;
    assert_eq!(code, Some(3), "{text}");
    for words in ["config.toml:1", "`idle_minutes`", "driver-panicked", "connection-refused", "→ "] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let output = soon("the end", ill.starter(&["doctor", "--json"]).output()).await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!report.to_string().contains(&*ill.folder().to_string_lossy()), "{report:#}");
    let codes = codes(&report);
    for code in ["settings-mistake", "driver-panicked", "connection-refused"] {
        assert!(codes.contains(&code.to_owned()), "{code}: {report:#}");
    }
}

#[tokio::test]
async fn the_doctor_says_so_when_there_is_no_place_to_work() {
    let home = Home::empty().at("taken/state");
    fs::write(home.folder().join("taken"), "a file").unwrap();
    let (code, text) = said(&home, &["doctor"]).await;
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("state-folder-unusable") && text.contains("--state-dir"), "{text}");
    assert!(found_by_doctor(&home).await.contains(&"state-folder-unusable".to_owned()));
}

async fn found_by_doctor(home: &Home) -> Vec<String> {
    found_by(home.starter(&["doctor", "--json"])).await
}

async fn found_by(mut doctor: Command) -> Vec<String> {
    let output = soon("the end", doctor.output()).await.unwrap();
    codes(&serde_json::from_slice(&output.stdout).unwrap())
}

/// A sandbox lets no program open the sockets over which the kernel tells.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_doctor_says_so_when_the_sockets_of_this_machine_cannot_be_seen() {
    let (home, python) = (Home::empty(), xtask::python::find("3.11").unwrap());
    let sandbox = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/unseen.py");
    let host = built().program("mdd-host");
    let doctor = home.starter_of(&python.program, &["-I", sandbox, host.to_str().unwrap(), "doctor", "--json"]);
    let found = found_by(doctor).await;
    assert!(found.contains(&"sockets-unseen".to_owned()), "{found:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_doctor_finds_a_folder_that_others_may_read_and_a_file_that_is_no_driver() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::with(&["no-driver"], &[]);
    fs::create_dir_all(home.state()).unwrap();
    fs::set_permissions(home.state(), fs::Permissions::from_mode(0o755)).unwrap();
    let found = found_by_doctor(&home).await;
    for code in ["state-folder-open", "driver-no-manifest"] {
        assert!(found.contains(&code.to_owned()), "{code}: {found:?}");
    }
}
