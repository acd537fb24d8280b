//! What the host says of a service that comes, goes, hangs, or is another one.

use mdd_core::events::{BackendView, Detail, StateName};
use mdd_sim::{Fault, Options, Sim};
use mdd_tests::{Running, Stub, plugins};
use std::time::Duration;
use tempfile::TempDir;

/// Longer than any deadline and pause of the host's state machine.
const SOON: Duration = Duration::from_secs(60);

struct Scene {
    sim: Sim,
    running: Running,
    _plugins: TempDir,
}

impl Scene {
    async fn of(options: impl Into<Options>) -> Self {
        let sim = Sim::start(options).await.unwrap();
        let plugins = plugins(&["comfyui", "litellm"]);
        let running = Running::start(plugins.path(), &[(sim.kind(), &sim.url())]);
        Self { sim, running, _plugins: plugins }
    }

    async fn connected(options: impl Into<Options>) -> Self {
        let scene = Self::of(options).await;
        scene.until(is_ready).await;
        scene
    }

    async fn until(&self, wanted: impl Fn(&BackendView) -> bool) -> BackendView {
        self.running.until(self.sim.kind(), SOON, wanted).await
    }

    async fn until_reason(&self, code: &str) -> BackendView {
        self.until(|backend| backend.reason.as_ref().is_some_and(|reason| reason.code == code)).await
    }
}

fn is_ready(backend: &BackendView) -> bool {
    (backend.state, backend.detail) == (StateName::Connected, Detail::Ready) && backend.devices.is_some()
}

#[tokio::test]
async fn every_version_connects_and_tells_what_it_is() {
    for (kind, version) in [("comfyui", "0.3.64"), ("comfyui", "0.33.0"), ("litellm", "1.75.8"), ("litellm", "1.106.2")]
    {
        let scene = Scene::connected(Options::new(kind).version(version)).await;
        let ready = scene.until(is_ready).await;
        assert_eq!((ready.attempt, ready.reason, ready.next_try_ms), (0, None, None), "{kind} {version}");
        assert!(ready.latency_ms.is_some());
        if (kind, version) != ("litellm", "1.106.2") {
            // That one tells its version only to those with a key.
            assert_eq!(ready.version.as_deref(), Some(version));
        }
    }
}

#[tokio::test]
async fn a_service_that_stops_is_missed_and_one_that_returns_is_found() {
    for kind in ["comfyui", "litellm"] {
        let scene = Scene::connected(kind).await;
        scene.sim.stop().await;
        let gone = scene.until_reason("connection-refused").await;
        assert_eq!((gone.state, gone.detail), (StateName::Disconnected, Detail::Waiting));
        assert!(gone.attempt > 0 && gone.next_try_ms.is_some());
        assert!(gone.reason.unwrap().remedies.iter().any(|remedy| remedy.action == "start-hint"));
        scene.sim.start_again().await.unwrap();
        scene.until(is_ready).await;
    }
}

#[tokio::test]
async fn a_service_that_hangs_is_unresponsive_and_not_gone() {
    let scene = Scene::connected("comfyui").await;
    scene.sim.inject(Fault::Freeze).await;
    let hung = scene.until(|backend| backend.detail == Detail::Unresponsive).await;
    assert_eq!(hung.state, StateName::Connected);
    assert_eq!(hung.reason.unwrap().code, "no-answer");
    scene.sim.clear_faults().await;
    scene.until(is_ready).await;
}

#[tokio::test]
async fn live_updates_that_break_or_are_refused_only_degrade() {
    let scene = Scene::connected("comfyui").await;
    scene.sim.inject(Fault::SocketDropped).await;
    let degraded = scene.until(|backend| backend.detail == Detail::Degraded).await;
    assert_eq!(degraded.state, StateName::Connected);
    scene.sim.clear_faults().await;
    scene.until(is_ready).await;

    let refused = Scene::of(Options::new("comfyui").fault(Fault::SocketRefused)).await;
    let degraded = refused.until_reason("comfyui.socket-blocked").await;
    assert_eq!((degraded.state, degraded.detail), (StateName::Connected, Detail::Degraded));
    refused.sim.clear_faults().await;
    refused.until(is_ready).await;
}

#[tokio::test]
async fn another_program_at_the_address_is_told_apart_and_left_alone() {
    let sim = Sim::start("comfyui").await.unwrap();
    let folder = plugins(&["litellm"]);
    let running = Running::start(folder.path(), &[("litellm", &sim.url())]);
    let refused = running.until("litellm", SOON, |backend| backend.detail == Detail::Refused).await;
    let reason = refused.reason.unwrap();
    assert_eq!(reason.code, "wrong-service");
    assert!(refused.next_try_ms.is_some_and(|ms| ms <= 30_000));
    let asked = sim.ledger().requests_total;
    assert!(asked <= 3, "a stranger was asked {asked} questions");
}

#[tokio::test]
async fn a_service_that_becomes_another_is_noticed() {
    let scene = Scene::connected("comfyui").await;
    scene.sim.inject("identity=litellm".parse::<mdd_sim::Rule>().unwrap()).await;
    let other = scene.until(|backend| backend.state == StateName::Disconnected).await;
    assert!(other.reason.is_some());
    scene.until(|backend| backend.detail == Detail::Refused).await;
}

#[tokio::test]
async fn garbage_is_shown_as_what_it_is() {
    for fault in [Fault::Garbage, Fault::Html, Fault::EmptyBody, Fault::HalfJson, Fault::Drop, Fault::Reset] {
        let scene = Scene::of(Options::new("comfyui").fault(fault.clone())).await;
        let seen = scene
            .until(|backend| {
                backend.state == StateName::Disconnected && backend.attempt > 1 || backend.detail == Detail::Refused
            })
            .await;
        let reason = seen.reason.unwrap();
        assert!(!reason.observation.is_empty() && !reason.meaning.is_empty(), "{fault:?}: {reason:?}");
        scene.sim.clear_faults().await;
        scene.running.host.refresh();
        scene.until(is_ready).await;
    }
}

/// What is free changes with the work, so it is looked at after it.
#[tokio::test]
async fn memory_is_looked_at_again_after_work() {
    const JSON: &str = "application/json";
    const IDLE: &str = r#"{"exec_info": {"queue_remaining": 0}}"#;
    const STATS: &str = include_str!("../fixtures/comfyui-0.33.0/system_stats.json");
    let answers = [("/system_stats", (200, JSON, STATS)), ("/prompt", (200, JSON, IDLE))];
    let stub = Stub::start(&answers, (404, "text/plain", "")).await;
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &stub.url)]);
    let devices = |view: &BackendView| view.devices.as_ref()?.first()?.memory_free;
    let before = running.until("comfyui", SOON, |view| devices(view).is_some()).await;
    stub.answer("/prompt", (200, JSON, r#"{"exec_info": {"queue_remaining": 2}}"#));
    running.until("comfyui", SOON, |view| view.queue.is_some_and(|queue| queue.running == 1)).await;
    let later = STATS.replace("\"vram_free\": ", "\"vram_free\": 7, \"before\": ");
    stub.answer("/system_stats", (200, JSON, later.leak()));
    stub.answer("/prompt", (200, JSON, IDLE));
    let after = running.until("comfyui", SOON, |view| devices(view) != devices(&before)).await;
    assert_eq!(devices(&after), Some(7));
}

#[tokio::test]
async fn a_kind_without_a_driver_is_a_row_that_says_so() {
    let folder = plugins(&["litellm"]);
    let running = Running::start(folder.path(), &[("teapot", "http://127.0.0.1:1")]);
    let row = running.backend("teapot");
    assert_eq!(row.reason.as_ref().unwrap().code, "no-driver");
    assert_eq!(row.state, StateName::Disconnected);
    let error = running.host.try_now(&row.id).unwrap_err().to_string();
    assert_eq!(error, "teapot cannot be tried: no file in the plugins folders drives teapot");
}

#[tokio::test]
async fn two_backends_of_one_kind_are_normal() {
    let (one, two) = (Sim::start("comfyui").await.unwrap(), Sim::start("comfyui").await.unwrap());
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &one.url()), ("comfyui", &two.url())]);
    mdd_tests::eventually(&running.host, SOON, |snapshot| {
        (snapshot.backends.len() == 2 && snapshot.backends.iter().all(is_ready)).then_some(())
    })
    .await;
    one.stop().await;
    mdd_tests::eventually(&running.host, SOON, |snapshot| {
        let ready = snapshot.backends.iter().filter(|backend| is_ready(backend)).count();
        (ready == 1 && snapshot.summary.sentence.contains("ComfyUI")).then_some(())
    })
    .await;
}
