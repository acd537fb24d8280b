//! Cancelling: one's own job and no other, wherever it is.

use super::{VERSIONS, others, picture, posts, sim, slow};
use crate::{
    PATIENCE,
    run::{Run, attempt, resumed},
};
use mdd_driver_api::{Stage, model::OutcomeStatus};
use mdd_sim::{JobState, Sim};
use mdd_tests::Subject;
use serde_json::json;

async fn state(sim: &Sim, id: &str) -> JobState {
    let known = |ledger: &mdd_sim::Ledger| ledger.jobs.iter().any(|job| job.prompt_id == id);
    let ledger = sim.wait_for(known, PATIENCE).await.unwrap();
    ledger.jobs.iter().find(|job| job.prompt_id == id).unwrap().state
}

#[tokio::test]
async fn a_job_that_was_cancelled_before_it_began_is_not_sent() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let (outcome, port) = Run::cancelled(&subject, attempt("workflow", picture(1))).outcome().await;
    assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, false));
    assert!(port.notes().checkpoints.is_empty());
    assert_eq!(sim.ledger().requests_total, 0);
}

#[tokio::test]
async fn a_job_that_is_cancelled_while_that_is_written_down_is_not_sent() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let run = Run::held(&subject, attempt("workflow", picture(1)));
    run.port.until_asked(Stage::SENT).await;
    run.port.cancel();
    run.port.release();
    assert_eq!(run.outcome().await.0.status, OutcomeStatus::Cancelled);
    assert_eq!(posts(&sim), 0);
}

#[tokio::test]
async fn a_waiting_job_is_taken_from_the_queue_and_the_running_one_goes_on() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let theirs = others::submit(&sim, &slow(1, 6000)).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let run = Run::start(&subject, attempt("workflow", picture(2)));
        let ours = run.attempt.attempt.clone();
        assert_eq!(run.port.until(|notes| notes.queue.last().copied()).await, (0, 1));
        run.port.cancel();
        let (outcome, _) = run.outcome().await;
        assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, false), "{version}");
        assert_eq!(state(&sim, &ours).await, JobState::Cancelled, "{version}");
        assert_eq!(state(&sim, &theirs).await, JobState::Started, "{version}");
        assert_eq!(sim.ledger().runs(&ours), 0);
    }
}

#[tokio::test]
async fn a_running_job_is_interrupted_and_the_next_one_runs() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let run = Run::start(&subject, attempt("workflow", slow(1, 6000)));
        let ours = run.attempt.attempt.clone();
        run.port.until_stage(Stage::RUNNING).await;
        let theirs = others::submit(&sim, &slow(2, 20)).await;
        run.port.cancel();
        let (outcome, port) = run.outcome().await;
        assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, false), "{version}");
        assert_eq!(outcome.problem, None);
        assert!(port.notes().results.is_empty());
        assert_eq!(state(&sim, &ours).await, JobState::Cancelled, "{version}");
        sim.wait_for(|ledger| ledger.finished(&theirs) == 1, PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn a_cancel_reaches_a_job_that_an_earlier_run_has_sent() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let run = Run::start(&subject, attempt("workflow", slow(1, 6000)));
        let noted = run.port.until_stage(Stage::RUNNING).await;
        let left = run.detach().await;
        let (outcome, _) = Run::cancelled(&subject, resumed(left, &noted, Some(true))).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Cancelled, "{version}");
        assert_eq!(state(&sim, &noted.remote_id).await, JobState::Cancelled, "{version}");
    }
}

#[tokio::test]
async fn a_node_that_does_not_notice_is_not_waited_for() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let mut workflow = picture(1);
    workflow["3"] = json!({"class_type": "LabBlock", "inputs": {"image": ["1", 0], "seconds": 120.0}});
    workflow["2"]["inputs"]["images"] = json!(["3", 0]);
    let run = Run::start(&subject, attempt("workflow", workflow));
    run.port.until_stage(Stage::RUNNING).await;
    run.port.cancel();
    let (outcome, _) = run.outcome().await;
    assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, true));
}

#[tokio::test]
async fn a_job_that_somebody_interrupts_is_cancelled_and_says_so() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let run = Run::start(&subject, attempt("workflow", slow(1, 6000)));
        run.port.until_stage(Stage::RUNNING).await;
        others::post(&sim, "/interrupt", &json!({})).await;
        let (outcome, _) = run.outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Cancelled, "{version}");
        let problem = outcome.problem.unwrap();
        assert_eq!(problem.code, "comfyui.interrupted");
        assert_eq!(problem.observation, "it was interrupted at node 3 (LabSlow)");
    }
}
