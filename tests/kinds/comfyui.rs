//! ComfyUI, both recorded versions.

mod post;
mod watch;

use crate::{PATIENCE, stub::Stub};
use mdd_driver_api::{
    ErrorKind,
    model::{Detach, Queue, Verdict},
};
use mdd_sim::{Options, Sim};
use mdd_tests::Subject;
use serde_json::json;

const VERSIONS: [&str; 2] = ["0.3.64", "0.33.0"];

async fn sim(version: &str) -> Sim {
    Sim::start(Options::new("comfyui").version(version)).await.unwrap()
}

#[tokio::test]
async fn both_versions_are_identified_by_one_question() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let identity = Subject::of("comfyui", &sim.url()).identify().await.unwrap();
        assert_eq!(identity.verdict, Verdict::Mine);
        assert!(identity.score >= 90);
        assert_eq!(identity.version.as_deref(), Some(version));
        assert_eq!(identity.seen, format!("ComfyUI {version}"));
        assert_eq!(identity.boot, None);
        assert_eq!(sim.ledger().requests_total, 1);
    }
}

#[tokio::test]
async fn the_inventory_tells_devices_and_abilities() {
    for (version, has_jobs) in [("0.3.64", false), ("0.33.0", true)] {
        let sim = sim(version).await;
        let inspection = Subject::backend("comfyui", &sim.url()).inspect().await.unwrap();
        assert_eq!(inspection.version.as_deref(), Some(version));
        assert_eq!((inspection.slots, inspection.detach), (1, Detach::Resumes));
        let device = &inspection.devices[0];
        assert_eq!((device.name.as_str(), device.kind.as_str(), device.index), ("CPU", "cpu", None));
        assert_eq!(device.memory_total, Some(25_276_510_208));
        assert!(device.memory_free < device.memory_total);
        let can = |name: &str| inspection.capabilities.iter().any(|capability| capability == name);
        assert!(can("workflow") && can("preview-metadata"));
        assert_eq!((can("jobs-api"), can("job-cancel")), (has_jobs, has_jobs), "{version}");
        assert_eq!(sim.ledger().requests_to("/object_info"), 0);
    }
}

#[tokio::test]
async fn models_are_listed_and_a_missing_list_costs_only_itself() {
    let stats = include_str!("../fixtures/comfyui-0.33.0/system_stats.json");
    let answers = [
        ("/system_stats", (200, "application/json", stats)),
        ("/models/checkpoints", (200, "application/json", r#"["sd xl.safetensors", "sub/v1.ckpt"]"#)),
        ("/models/diffusion_models", (500, "text/plain", "500 Internal Server Error")),
    ];
    let stub = Stub::start(&answers, (404, "application/octet-stream", "")).await;
    let inspection = Subject::backend("comfyui", &stub.url).inspect().await.unwrap();
    let models: Vec<_> = inspection.models.iter().map(|model| (model.name.as_str(), model.kind.as_str())).collect();
    assert_eq!(models, [("sd xl.safetensors", "checkpoint"), ("sub/v1.ckpt", "checkpoint")]);
    assert_eq!(inspection.devices.len(), 1);
    assert!(!inspection.capabilities.contains(&"preview-metadata".to_owned()));
}

#[tokio::test]
async fn a_check_tells_what_runs_and_what_waits() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let queue = subject.check().await.unwrap().queue.unwrap();
        assert_eq!(queue, Queue { running: 0, pending: Some(0) });
        for seed in 0..3 {
            post::slow_job(&sim, seed).await;
        }
        let queue = subject.check().await.unwrap().queue.unwrap();
        assert_eq!(queue, Queue { running: 1, pending: Some(2) });
        assert_eq!(sim.ledger().requests_to("/queue"), 0, "it holds every workflow in full");
    }
}

#[tokio::test]
async fn a_restart_forgets_the_queue() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    post::slow_job(&sim, 1).await;
    sim.wait_for(|ledger| ledger.jobs.len() == 1, PATIENCE).await.unwrap();
    sim.restart().await.unwrap();
    let queue = subject.check().await.unwrap().queue.unwrap();
    assert_eq!(queue, Queue { running: 0, pending: Some(0) });
}

#[tokio::test]
async fn another_shape_of_the_queue_is_no_outage_and_another_page_is() {
    for (body, is_alive) in [
        (r#"{"exec_info": {"queue_remaining": "many"}}"#, true),
        (r#"{"exec_info": {}}"#, true),
        (r#"{"exec_info": null}"#, false),
        ("[]", false),
    ] {
        let stub = Stub::start(&[], (200, "application/json", body)).await;
        match Subject::backend("comfyui", &stub.url).check().await {
            Ok(sample) => assert!(is_alive && sample.queue.is_none(), "{body}"),
            Err(error) => assert!(!is_alive && error.kind == ErrorKind::PROTOCOL, "{body}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_wrong_setting_is_said_when_the_instance_is_made() {
    let settings = json!({"live_updates": 1});
    let error = Subject::with("comfyui", "http://127.0.0.1:9", settings, None).err().unwrap();
    assert_eq!(error.kind, ErrorKind::CONFIG);
    assert_eq!(error.message, "`live_updates` is 1, it takes true or false");
}
