//! The real LiteLLM proxy in both recorded versions, with and without a key.

use super::server::{Server, free_port};
use mdd_core::{
    events::{BackendView, Detail, JobState, JobView, StateName},
    jobs::{Submission, Target},
};
use mdd_tests::{Running, plugins};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

const KEY: &str = "sk-a-key-for-tests";
/// A proxy takes 10 to 30 s until it listens, more on a busy machine.
const START: Duration = Duration::from_secs(180);
const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Proxy {
    python: PathBuf,
    home: TempDir,
    port: u16,
    key: Option<&'static str>,
}

impl Proxy {
    fn new(version: &str, key: Option<&'static str>) -> Self {
        Self::at(version, free_port(), key)
    }

    pub(crate) fn at(version: &str, port: u16, key: Option<&'static str>) -> Self {
        let python = xtask::venv::ensure(&format!("litellm-{version}")).unwrap();
        Self { python, home: tempfile::tempdir().unwrap(), port, key }
    }

    pub(crate) async fn start(&self) -> Server {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("real/litellm.yaml");
        let mut command = Command::new(self.python.with_file_name("litellm"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").current_dir(self.home.path());
        match self.key {
            Some(key) => command.env("LITELLM_MASTER_KEY", key),
            None => command.env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true"),
        };
        command.arg("--config").arg(config).args(["--host", "127.0.0.1", "--port", &self.port.to_string()]);
        Server::start(&mut command, self.port, &self.home.path().join("log"), START).await
    }
}

fn is_ready(backend: &BackendView) -> bool {
    backend.state == StateName::Connected && backend.models.is_some()
}

fn has_code(backend: &BackendView, code: &str) -> bool {
    backend.reason.as_ref().is_some_and(|reason| reason.code == code)
}

async fn a_proxy_without_a_key(version: &str) {
    let proxy = Proxy::new(version, None);
    let mut server = proxy.start().await;
    let folder = plugins(&["litellm"]);
    let running = Running::start(folder.path(), &[("litellm", &server.url())]);
    let ready = running.until("litellm", SOON, is_ready).await;
    let models: Vec<_> =
        ready.models.iter().flat_map(|models| models.iter()).map(|model| model.name.as_str()).collect();
    assert_eq!(models, ["mock-gpt", "mock-story", "dead-upstream"]);
    assert_eq!(ready.version.as_deref(), Some(version));
    assert!(ready.latency_ms.is_some());

    let done = chat(&running).await;
    assert_eq!(
        (done.state, done.text.as_deref()),
        (JobState::Done, Some("Scene one: a quiet street at dawn.")),
        "{done:#?}"
    );

    server.kill();
    let gone = running.until("litellm", SOON, |backend| backend.state == StateName::Disconnected).await;
    // Where the host sees processes it knows more than that the port is closed.
    assert!(["process-exited", "connection-refused"].iter().any(|code| has_code(&gone, code)), "{gone:#?}");
    assert_eq!(gone.detail, Detail::Waiting);
    let _server = proxy.start().await;
    running.until("litellm", Duration::from_secs(90), is_ready).await;
}

/// A streamed chat, carried by the driver.
async fn chat(running: &Running) -> JobView {
    let payload = json!({"model": "mock-story", "messages": [{"role": "user", "content": "Begin."}]});
    let submission = Submission {
        id: "a-chat".to_owned(),
        target: Target::Kind("litellm".to_owned()),
        operation: None,
        payload,
        files: vec![],
    };
    let jobs = running.host.jobs();
    jobs.submit(submission).await.unwrap();
    tokio::time::timeout(SOON, jobs.wait("a-chat")).await.unwrap().unwrap()
}

async fn a_proxy_with_a_key(version: &str) {
    let proxy = Proxy::new(version, Some(KEY));
    let server = proxy.start().await;
    let folder = plugins(&["litellm"]);
    let url = server.url();
    let with = |environment: &[(&str, &str)]| Running::with(folder.path(), &[("litellm", &url)], environment);

    let without = with(&[]);
    let locked = without.until("litellm", SOON, |backend| backend.detail == Detail::Refused).await;
    let reason = locked.reason.unwrap();
    assert!(reason.remedies.iter().any(|remedy| remedy.action == "set-key"), "{reason:#?}");

    let wrong = with(&[("MDD_LITELLM_KEY", "sk-not-the-key")]);
    let refused = wrong.until("litellm", SOON, |backend| backend.detail == Detail::Refused).await;
    assert!(has_code(&refused, "litellm.key-rejected"), "{refused:#?}");

    let right = with(&[("LITELLM_MASTER_KEY", KEY)]);
    let ready = right.until("litellm", SOON, is_ready).await;
    assert_eq!(ready.version.as_deref(), Some(version));
    assert!(!serde_json::to_string(&right.host.snapshot()).unwrap().contains(KEY));
}

#[tokio::test]
async fn litellm_1_75_8_without_a_key() {
    a_proxy_without_a_key("1.75.8").await;
}

#[tokio::test]
async fn litellm_1_106_2_without_a_key() {
    a_proxy_without_a_key("1.106.2").await;
}

#[tokio::test]
async fn litellm_1_75_8_with_a_key() {
    a_proxy_with_a_key("1.75.8").await;
}

#[tokio::test]
async fn litellm_1_106_2_with_a_key() {
    a_proxy_with_a_key("1.106.2").await;
}
