//! Every fault does what it says, to whom it says, and ends when it is cleared.

mod requests;
mod sockets;

use std::{io, time::Duration};

use mdd_sim::{Fault, Options, Sim};
use serde_json::json;

use crate::{
    PATIENCE, eventually,
    http::{Connection, get, post, try_request},
    soon,
};

async fn comfyui() -> Sim {
    Sim::start(Options::new("comfyui").version("0.33.0")).await.unwrap()
}

/// How a request fails, and that the service itself never saw it.
async fn failure(sim: &Sim, path: &str) -> io::ErrorKind {
    try_request(sim, "GET", path, &[], b"").await.expect_err("the request fails").kind()
}

fn workflow(color: u32) -> serde_json::Value {
    let inputs = json!({ "width": 8, "height": 8, "batch_size": 1, "color": color });
    json!({
        "1": { "class_type": "EmptyImage", "inputs": inputs },
        "2": { "class_type": "PreviewImage", "inputs": { "images": ["1", 0] } },
    })
}

#[tokio::test]
async fn refusing_keeps_the_port_and_the_open_connections() {
    let sim = comfyui().await;
    let mut open = Connection::open(sim.addr()).await.unwrap();
    open.send("GET", "/prompt", &[], b"").await.unwrap();
    soon("an answer", open.receive()).await.unwrap();

    sim.inject(Fault::Refuse).await;
    assert_eq!(failure(&sim, "/prompt").await, io::ErrorKind::ConnectionRefused);
    open.send("GET", "/prompt", &[], b"").await.unwrap();
    assert_eq!(soon("an answer", open.receive()).await.unwrap().status, 200);

    sim.clear_faults().await;
    assert_eq!(get(&sim, "/prompt").await.status, 200);
}

#[tokio::test]
async fn a_simulator_can_start_refusing() {
    let sim = Sim::start(Options::new("comfyui").fault(Fault::Refuse)).await.unwrap();
    assert_eq!(failure(&sim, "/prompt").await, io::ErrorKind::ConnectionRefused);
    sim.clear_faults().await;
    assert_eq!(get(&sim, "/prompt").await.status, 200);
}

#[tokio::test]
async fn stopping_closes_everything_and_the_process_lives_on() {
    let sim = comfyui().await;
    let mut open = Connection::open(sim.addr()).await.unwrap();
    open.send("GET", "/prompt", &[], b"").await.unwrap();
    soon("an answer", open.receive()).await.unwrap();
    let id = post(&sim, "/prompt", &json!({ "prompt": workflow(1) })).await.json()["prompt_id"].clone();
    let id = id.as_str().unwrap();

    let addr = sim.addr();
    sim.stop().await;
    sim.stop().await;
    assert_eq!(soon("the end", open.more()).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(failure(&sim, "/prompt").await, io::ErrorKind::ConnectionRefused);
    assert_eq!(sim.ledger().connections_open, 0);
    sim.wait_for(|ledger| ledger.finished(id) == 1, PATIENCE).await.unwrap();

    sim.start_again().await.unwrap();
    sim.start_again().await.unwrap();
    assert_eq!(sim.addr(), addr);
    assert_eq!(get(&sim, &format!("/history/{id}")).await.json()[id]["status"]["completed"], true);
}

/// As SIGSTOP does: connects succeed, nothing is answered, and afterwards everything is.
#[tokio::test]
async fn a_frozen_process_goes_on_where_it_stood() {
    let sim = comfyui().await;
    let mut open = Connection::open(sim.addr()).await.unwrap();
    sim.inject(Fault::Freeze).await;
    let mut fresh = Connection::open(sim.addr()).await.expect("the kernel accepts");
    for connection in [&mut open, &mut fresh] {
        connection.send("GET", "/prompt", &[], b"").await.unwrap();
    }
    let silence = tokio::time::timeout(Duration::from_millis(300), open.more()).await;
    assert!(silence.is_err() && fresh.unread().is_empty(), "{silence:?}");
    assert_eq!(sim.ledger().requests_total, 0);
    sim.clear_faults().await;
    for connection in [&mut open, &mut fresh] {
        assert_eq!(soon("an answer", connection.receive()).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_frozen_process_runs_no_job() {
    let sim = comfyui().await;
    let mut slow = workflow(1);
    let inputs = json!({ "image": ["1", 0], "steps": 5, "delay": 0.02, "preview": false });
    slow["3"] = json!({ "class_type": "LabSlow", "inputs": inputs });
    slow["2"]["inputs"]["images"] = json!(["3", 0]);
    let id = post(&sim, "/prompt", &json!({ "prompt": slow })).await.json()["prompt_id"].clone();
    let finished = |ledger: &mdd_sim::Ledger| ledger.finished(id.as_str().unwrap()) == 1;
    sim.inject(Fault::Freeze).await;
    assert!(sim.wait_for(finished, Duration::from_millis(500)).await.is_err());
    sim.clear_faults().await;
    sim.wait_for(finished, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn an_identity_can_change_and_change_back() {
    let sim = comfyui().await;
    sim.inject(Fault::Identity { kind: "litellm".into(), version: Some("1.75.8".into()) }).await;
    let impostor = get(&sim, "/health/readiness").await;
    assert_eq!(impostor.json()["litellm_version"], "1.75.8");
    assert_eq!(get(&sim, "/system_stats").await.status, 404);
    sim.clear_faults().await;
    assert_eq!(get(&sim, "/system_stats").await.json()["system"]["comfyui_version"], "0.33.0");
    sim.inject("identity=comfyui:0.3.64".parse::<mdd_sim::Rule>().unwrap()).await;
    assert_eq!(get(&sim, "/system_stats").await.json()["system"]["comfyui_version"], "0.3.64");
}

#[tokio::test]
async fn faults_keep_to_their_path_and_their_count() {
    let sim = comfyui().await;
    sim.inject(Fault::Drop.on("/prompt").times(2)).await;
    assert_eq!(get(&sim, "/queue").await.status, 200);
    for _ in 0..2 {
        assert_eq!(failure(&sim, "/prompt").await, io::ErrorKind::UnexpectedEof);
    }
    assert_eq!(get(&sim, "/prompt").await.status, 200);
}

#[tokio::test]
async fn a_late_job_is_acknowledged_before_it_is_queued() {
    let sim = comfyui().await;
    sim.inject(Fault::LateJob(Duration::from_millis(400)).times(1)).await;
    assert_eq!(get(&sim, "/prompt").await.status, 200, "reading is no submission");
    let response = post(&sim, "/prompt", &json!({ "prompt": workflow(1) })).await;
    let id = response.json()["prompt_id"].as_str().unwrap().to_owned();
    assert_eq!(sim.ledger().accepted(&id), 0);
    assert_eq!(get(&sim, &format!("/api/jobs/{id}")).await.status, 404);
    sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_late_job_is_lost_with_its_process() {
    let sim = comfyui().await;
    sim.inject(Fault::LateJob(Duration::from_millis(300)).times(1)).await;
    post(&sim, "/prompt", &json!({ "prompt": workflow(1) })).await;
    sim.restart().await.unwrap();
    let waited = sim.wait_for(|ledger| !ledger.jobs.is_empty(), Duration::from_millis(600)).await;
    assert_eq!(waited.unwrap_err().ledger.restarts, 1);
}

/// The client gives up; the job comes all the same.
#[tokio::test]
async fn a_slow_job_is_queued_although_its_client_has_gone() {
    let sim = comfyui().await;
    sim.inject(Fault::SlowJob(Duration::from_millis(300)).times(1)).await;
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    let body = json!({ "prompt": workflow(1) }).to_string();
    connection.send("POST", "/prompt", &[], body.as_bytes()).await.unwrap();
    sim.wait_for(|ledger| ledger.requests_total == 1, PATIENCE).await.unwrap();
    drop(connection);
    sim.wait_for(|ledger| ledger.connections_open == 0, PATIENCE).await.unwrap();
    assert!(sim.ledger().jobs.is_empty(), "not yet");
    sim.wait_for(|ledger| ledger.jobs.len() == 1, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_cut_answer_belongs_to_a_job_that_runs() {
    for kind in ["comfyui", "litellm"] {
        let sim = Sim::start(kind).await.unwrap();
        sim.inject(Fault::CutAnswer.times(1)).await;
        let (path, body) = match kind {
            "comfyui" => ("/prompt", json!({ "prompt": workflow(1) })),
            _ => ("/v1/chat/completions", json!({ "model": "mock-gpt", "messages": [] })),
        };
        let cut = try_request(&sim, "POST", path, &[], body.to_string().as_bytes()).await.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
        sim.wait_for(|ledger| ledger.jobs.len() == 1, PATIENCE).await.unwrap();
        assert_eq!(post(&sim, path, &body).await.status, 200);
    }
}

#[tokio::test]
async fn every_kind_knows_every_request_fault() {
    for kind in mdd_sim::kinds() {
        let sim = Sim::start(kind.name).await.unwrap();
        sim.inject(Fault::Reset).await;
        assert_eq!(failure(&sim, "/").await, io::ErrorKind::ConnectionReset, "{}", kind.name);
        sim.clear_faults().await;
        // Not every kind has a page at its root.
        eventually("an answer", || get(&sim, "/"), |answer| answer.status < 500).await;
    }
}
