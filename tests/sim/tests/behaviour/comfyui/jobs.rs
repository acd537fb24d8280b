//! Submitting, queueing, running, interrupting and forgetting jobs.

use mdd_sim::JobState;
use serde_json::json;

use super::{VERSIONS, image, lab, slow, start, submit};
use crate::{
    PATIENCE, eventually,
    http::{get, post, post_text},
    websocket::Socket,
};

const ID: &str = "deadbeef-0000-4000-8000-000000000001";

#[tokio::test]
async fn the_same_id_runs_as_often_as_it_is_posted() {
    for version in VERSIONS {
        let sim = start(version).await;
        for color in 1..3 {
            let body = json!({ "prompt": image(color), "prompt_id": ID });
            assert_eq!(post(&sim, "/prompt", &body).await.status, 200);
        }
        let ledger = sim.wait_for(|ledger| ledger.finished(ID) == 2, PATIENCE).await.unwrap();
        assert_eq!((ledger.accepted(ID), ledger.runs(ID)), (2, 2));
        assert_eq!(get(&sim, "/history").await.json().as_object().unwrap().len(), 1, "the second overwrites the first");
    }
}

#[tokio::test]
async fn a_double_post_with_a_number_fails_and_is_queued_all_the_same() {
    let sim = start("0.33.0").await;
    let blocker = submit(&sim, slow(1, 500), None).await;
    sim.wait_for(|ledger| ledger.runs(&blocker) == 1, PATIENCE).await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let body = json!({ "prompt": image(2), "prompt_id": ID, "number": 5 });
        statuses.push(post(&sim, "/prompt", &body).await.status);
        // Only jobs of different milliseconds differ.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert_eq!(statuses, [200, 500, 500]);
    assert_eq!(pending(&sim).await, [ID, ID, ID]);
    post(&sim, "/queue", &json!({ "delete": [ID] })).await;
    assert_eq!(pending(&sim).await, [ID, ID], "one delete removes one copy");
    assert_eq!(sim.ledger().accepted(ID), 3);

    // The older version has nothing to tell the copies apart by, and is content with that.
    let sim = start("0.3.64").await;
    submit(&sim, slow(1, 500), None).await;
    for _ in 0..2 {
        let body = json!({ "prompt": image(2), "prompt_id": ID, "number": 5 });
        assert_eq!(post(&sim, "/prompt", &body).await.status, 200);
    }
}

async fn pending(sim: &mdd_sim::Sim) -> Vec<String> {
    let queue = get(sim, "/queue").await.json();
    queue["queue_pending"].as_array().unwrap().iter().map(|item| item[1].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_interruption_with_an_id_only_hits_that_job_while_it_runs() {
    for version in VERSIONS {
        let sim = start(version).await;
        let running = submit(&sim, slow(1, 1000), None).await;
        let waiting = submit(&sim, slow(2, 1), None).await;
        sim.wait_for(|ledger| ledger.runs(&running) == 1, PATIENCE).await.unwrap();
        for other in [waiting.as_str(), ID] {
            assert_eq!(post(&sim, "/interrupt", &json!({ "prompt_id": other })).await.status, 200);
        }
        assert_eq!(get(&sim, "/prompt").await.json()["exec_info"]["queue_remaining"], 2);
        assert_eq!(post(&sim, "/interrupt", &json!({ "prompt_id": running })).await.status, 200);
        let ledger = sim.wait_for(|ledger| ledger.finished(&waiting) == 1, PATIENCE).await.unwrap();
        assert_eq!(ledger.jobs[0].state, JobState::Cancelled);
        let entry = get(&sim, &format!("/history/{running}")).await.json();
        let messages = entry[&running]["status"]["messages"].as_array().unwrap().clone();
        assert_eq!(messages.last().unwrap()[0], "execution_interrupted");
    }
}

#[tokio::test]
async fn an_idle_interruption_is_forgotten() {
    let sim = start("0.33.0").await;
    assert_eq!(post_text(&sim, "/interrupt", "").await.status, 200);
    let id = submit(&sim, slow(1, 2), None).await;
    sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn an_interruption_inside_a_node_names_the_next_one() {
    let sim = start("0.33.0").await;
    let mut socket = Socket::greeted(&sim, "c").await;
    let id = submit(&sim, lab(1, "LabBlock", json!({ "seconds": 0.3 })), Some("c")).await;
    socket.until(|event| event.kind() == "executing" && format!("{event:?}").contains("String(\"3\")")).await;
    post(&sim, "/interrupt", &json!({})).await;
    let events = socket.until_end_of(&id).await;
    let interrupted = events.iter().find(|event| event.kind() == "execution_interrupted").unwrap();
    let crate::websocket::Event::Text(interrupted) = interrupted else { panic!("a text event") };
    assert_eq!(interrupted["data"]["node_id"], "2");
    assert_eq!(interrupted["data"]["executed"], json!(["1", "3"]));
}

#[tokio::test]
async fn pending_jobs_can_be_deleted_and_cleared_the_running_one_cannot() {
    let sim = start("0.3.64").await;
    let running = submit(&sim, slow(1, 1000), None).await;
    sim.wait_for(|ledger| ledger.runs(&running) == 1, PATIENCE).await.unwrap();
    let first = submit(&sim, image(2), None).await;
    let second = submit(&sim, image(3), None).await;
    let body = json!({ "delete": [first, running, "unknown"] });
    assert_eq!(post(&sim, "/queue", &body).await.status, 200);
    assert_eq!(pending(&sim).await, [second]);
    assert_eq!(post(&sim, "/queue", &json!({ "clear": true })).await.status, 200);
    assert_eq!(get(&sim, "/prompt").await.json()["exec_info"]["queue_remaining"], 1);
    let ledger = sim.ledger();
    assert_eq!(ledger.jobs.iter().filter(|job| job.state == JobState::Cancelled).count(), 2);
    assert_eq!(get(&sim, &format!("/history/{first}")).await.json(), json!({}), "it never ran");
}

#[tokio::test]
async fn history_can_be_cut_and_forgotten() {
    let sim = start("0.3.64").await;
    let mut ids = Vec::new();
    for color in 0..4 {
        let id = submit(&sim, image(color), None).await;
        sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
        ids.push(id);
    }
    let keys = async |query: &str| {
        let history = get(&sim, &format!("/history{query}")).await.text();
        let mut found: Vec<usize> =
            (0..4).filter(|index| history.contains(&format!("\"{}\": {{", ids[*index]))).collect();
        found.sort_by_key(|index| history.find(&ids[*index]));
        found
    };
    assert_eq!(keys("").await, [0, 1, 2, 3]);
    assert_eq!(keys("?max_items=1").await, [3]);
    assert_eq!(keys("?max_items=2&offset=1").await, [1, 2]);
    assert_eq!(keys("?offset=3").await, [3]);
    assert!(keys("?max_items=0").await.is_empty());
    post(&sim, "/history", &json!({ "delete": [ids[1]] })).await;
    assert_eq!(keys("").await, [0, 2, 3]);
    post(&sim, "/history", &json!({ "clear": true })).await;
    assert!(keys("").await.is_empty());
}

#[tokio::test]
async fn freeing_memory_ends_the_cache() {
    let sim = start("0.33.0").await;
    let run = async || {
        let id = submit(&sim, image(1), None).await;
        sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
        let entry = get(&sim, &format!("/history/{id}")).await.json();
        entry[&id]["outputs"]["2"]["images"][0]["filename"].as_str().unwrap().to_owned()
    };
    assert_eq!(run().await, "lab_00001_.png");
    assert_eq!(run().await, "lab_00001_.png", "a cached run repeats the old file");
    assert_eq!(post(&sim, "/free", &json!({ "unload_models": true, "free_memory": true })).await.status, 200);
    assert_eq!(run().await, "lab_00002_.png");
}

#[tokio::test]
async fn a_restart_forgets_all_but_the_files() {
    for version in VERSIONS {
        let sim = start(version).await;
        let done = submit(&sim, image(1), None).await;
        sim.wait_for(|ledger| ledger.finished(&done) == 1, PATIENCE).await.unwrap();
        let running = submit(&sim, slow(2, 10_000), None).await;
        let waiting = submit(&sim, image(3), None).await;
        sim.wait_for(|ledger| ledger.runs(&running) == 1, PATIENCE).await.unwrap();
        let (addr, mut socket) = (sim.addr(), Socket::greeted(&sim, "c").await);

        sim.restart().await.unwrap();

        assert_eq!(sim.addr(), addr);
        let end = loop {
            match socket.raw().await {
                Some(Ok(message)) => assert!(!message.is_close(), "a killed server says nothing"),
                end => break end,
            }
        };
        assert!(!matches!(end, Some(Ok(_))));
        assert_eq!(get(&sim, "/history").await.json(), json!({}));
        assert_eq!(get(&sim, "/prompt").await.json()["exec_info"]["queue_remaining"], 0);
        assert_eq!(get(&sim, "/view?filename=lab_00001_.png").await.status, 200);
        let ledger = sim.ledger();
        assert_eq!(ledger.restarts, 1);
        let lost: Vec<&str> =
            ledger.jobs.iter().filter(|job| job.state == JobState::Lost).map(|job| job.prompt_id.as_str()).collect();
        assert_eq!(lost, [running, waiting]);

        let again = post(&sim, "/prompt", &json!({ "prompt": image(4) })).await.json();
        assert_eq!(again["number"], 0, "numbers start anew");
        let id = again["prompt_id"].as_str().unwrap();
        sim.wait_for(|ledger| ledger.finished(id) == 1, PATIENCE).await.unwrap();
        assert_eq!(get(&sim, "/view?filename=lab_00002_.png").await.status, 200, "file numbers continue");
    }
}

#[tokio::test]
async fn previews_are_lost_with_a_restart() {
    let sim = start("0.3.64").await;
    let mut workflow = image(1);
    workflow["2"] = json!({ "class_type": "PreviewImage", "inputs": { "images": ["1", 0] } });
    let id = submit(&sim, workflow, None).await;
    sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
    let entry = get(&sim, &format!("/history/{id}")).await.json();
    let name = entry[&id]["outputs"]["2"]["images"][0]["filename"].as_str().unwrap();
    let path = format!("/view?filename={name}&type=temp");
    assert_eq!(get(&sim, &path).await.status, 200);
    sim.restart().await.unwrap();
    assert_eq!(get(&sim, &path).await.status, 404);
}

#[tokio::test]
async fn the_job_list_of_the_newer_version_cancels_what_waits_and_what_runs() {
    let sim = start("0.33.0").await;
    let running = submit(&sim, slow(1, 1000), None).await;
    let waiting = submit(&sim, image(2), None).await;
    sim.wait_for(|ledger| ledger.runs(&running) == 1, PATIENCE).await.unwrap();
    assert_eq!(get(&sim, &format!("/api/jobs/{waiting}")).await.json()["status"], "pending");
    let cancel = async |id: &str| post(&sim, &format!("/api/jobs/{id}/cancel"), &json!({})).await.json();
    assert_eq!(cancel(&waiting).await, json!({ "cancelled": true }));
    assert_eq!(cancel(&waiting).await, json!({ "cancelled": false }));
    assert_eq!(get(&sim, &format!("/api/jobs/{waiting}")).await.status, 404);
    let stopped = post(&sim, "/api/jobs/cancel", &json!({ "job_ids": [running] })).await;
    assert_eq!(stopped.json(), json!({ "cancelled": true }));
    let path = format!("/api/jobs/{running}");
    eventually("the cancelled job", || get(&sim, &path), |job| job.json()["status"] == "cancelled").await;
}

#[tokio::test]
async fn what_python_can_write_comes_back() {
    let sim = start("0.3.64").await;
    let blocker = submit(&sim, slow(1, 1000), None).await;
    sim.wait_for(|ledger| ledger.runs(&blocker) == 1, PATIENCE).await.unwrap();
    let extra = "{\"a\": NaN, \"b\": 18446744073709551615, \"c\": 1e+16, \"d\": \"\\u00e9\"}";
    let body = format!("{{\"extra_data\": {extra}, \"prompt\": {}}}", image(2));
    assert_eq!(post_text(&sim, "/prompt", &body).await.status, 200);
    let queue = get(&sim, "/queue").await.text();
    assert!(queue.contains(extra), "{queue}");
}
