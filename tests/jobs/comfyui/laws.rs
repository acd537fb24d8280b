//! The laws of `run`, one after the other.

use super::{VERSIONS, picture, posts, sim, slow};
use crate::{
    PATIENCE,
    port::unwritable,
    run::{Run, attempt, resumed, resumed_at},
};
use mdd_driver_api::{Effect, ErrorKind, Stage, model::OutcomeStatus};
use mdd_sim::{Fault, JobState};
use mdd_tests::Subject;
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// What a driver leaves in the journal before it sends.
fn sent_state() -> serde_json::Value {
    json!({"v": 1, "client_id": "somewhere", "uploads": {}})
}

#[tokio::test]
async fn law_1_nothing_is_sent_before_it_is_written_down() {
    for version in VERSIONS {
        let sim = Arc::new(sim(version).await);
        let subject = Subject::backend("comfyui", &sim.url());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (watched, writes) = (sim.clone(), seen.clone());
        let run = Run::hooked(&subject, attempt("workflow", picture(1)), move |stage| {
            writes.lock().unwrap().push((stage, posts(&watched)));
            Ok(())
        });
        let id = run.attempt.attempt.clone();
        let (outcome, port) = run.outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{version}");
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen[..2], [(Stage::SENT, 0), (Stage::ACKED, 1)], "{version}");
        let sent = &port.notes().checkpoints[0];
        assert_eq!((&sent.remote_id, &sent.state["v"]), (&id, &json!(1)));
        assert_eq!(sim.ledger().jobs[0].prompt_id, id);
    }
}

#[tokio::test]
async fn law_1_what_cannot_be_written_down_is_not_sent() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let refuse = |stage| if stage == Stage::SENT { Err(unwritable()) } else { Ok(()) };
    let error = Run::hooked(&subject, attempt("workflow", picture(1)), refuse).error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::HOST, Effect::NONE));
    assert_eq!(posts(&sim), 0);
}

#[tokio::test]
async fn law_2_letting_go_leaves_the_job_alone_and_another_instance_fetches_it() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let run = Run::start(&subject, attempt("workflow", slow(1, 10)));
        let noted = run.port.until_stage(Stage::RUNNING).await;
        let attempt = run.detach().await;
        drop(subject);
        let id = attempt.attempt.clone();
        sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
        let another = Subject::backend("comfyui", &sim.url());
        let (outcome, port) = Run::start(&another, resumed(attempt, &noted, Some(true))).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{version}: {outcome:?}");
        assert_eq!(outcome.results.len(), 1);
        assert!(port.read(&outcome.results[0]).starts_with(b"\x89PNG"));
        let ledger = sim.ledger();
        assert_eq!((ledger.accepted(&id), ledger.runs(&id), posts(&sim)), (1, 1, 1), "{version}");
        for path in ["/queue", "/interrupt", "/api/jobs"] {
            assert!(!ledger.requests.iter().any(|request| request.method == "POST" && request.path == path));
        }
    }
}

#[tokio::test]
async fn law_3_an_answer_that_was_cut_leaves_one_run() {
    for version in VERSIONS {
        let sim = sim(version).await;
        sim.inject(Fault::CutAnswer.times(1)).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let run = Run::start(&subject, attempt("workflow", slow(1, 5)));
        let (port, first) = (run.port.clone(), run.attempt.clone());
        let error = run.error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{error:?}");
        let sent = port.until_stage(Stage::SENT).await;
        assert_eq!(port.notes().checkpoints.len(), 1);
        let (outcome, port) = Run::start(&subject, resumed(first, &sent, Some(true))).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{version}: {outcome:?}");
        let stages: Vec<Stage> = port.notes().checkpoints.iter().map(|noted| noted.stage).collect();
        assert!(stages.contains(&Stage::RUNNING), "{stages:?}");
        let ledger = sim.ledger();
        assert_eq!((ledger.jobs.len(), ledger.runs(&sent.remote_id), posts(&sim)), (1, 1, 1), "{version}");
    }
}

#[tokio::test]
async fn law_3_a_read_that_failed_is_no_absence() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let gone = |stage| resumed_at(attempt("workflow", picture(1)), stage, sent_state(), 60_000, Some(false));
    for fault in [Fault::Drop, Fault::Html, Fault::Garbage, Fault::EmptyBody, Fault::HalfJson] {
        sim.inject(fault.clone()).await;
        let error = Run::start(&subject, gone(Stage::SENT)).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{fault:?}: {error:?}");
        sim.clear_faults().await;
    }
    sim.stop().await;
    for stage in [Stage::SENT, Stage::ACKED, Stage::RUNNING] {
        let error = Run::start(&subject, gone(stage)).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{error:?}");
    }
}

#[tokio::test]
async fn law_4_a_job_that_comes_late_is_found_and_not_sent_again() {
    for version in VERSIONS {
        let sim = sim(version).await;
        sim.inject(Fault::SlowJob(Duration::from_secs(3)).times(1)).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let run = Run::start(&subject, attempt("workflow", picture(1)));
        let sent = run.port.until_stage(Stage::SENT).await;
        sim.wait_for(|ledger| ledger.requests_to("/prompt") == 1, PATIENCE).await.unwrap();
        // The host goes down while the server still looks at the workflow.
        let left = run.detach().await;
        assert_eq!(sim.ledger().jobs.len(), 0);
        let (outcome, _) = Run::start(&subject, resumed(left, &sent, Some(true))).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{version}: {outcome:?}");
        assert_eq!((sim.ledger().accepted(&sent.remote_id), posts(&sim)), (1, 1), "{version}");
    }
}

#[tokio::test]
async fn law_4_a_job_that_was_acknowledged_may_come_late() {
    let sim = sim("0.33.0").await;
    sim.inject(Fault::LateJob(Duration::from_secs(3)).times(1)).await;
    let subject = Subject::backend("comfyui", &sim.url());
    let (outcome, _) = Run::start(&subject, attempt("workflow", picture(1))).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done, "{outcome:?}");
    assert_eq!(sim.ledger().jobs.len(), 1);
}

#[tokio::test]
async fn law_4_what_never_arrived_may_be_sent_again() {
    for version in VERSIONS {
        let sim = sim(version).await;
        sim.inject(Fault::Drop.on("/prompt")).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let run = Run::start(&subject, attempt("workflow", picture(1)));
        let (port, first) = (run.port.clone(), run.attempt.clone());
        assert_eq!(run.error().await.effect, Effect::UNKNOWN);
        let sent = port.until_stage(Stage::SENT).await;
        // Another process cannot have it.
        let error = Run::start(&subject, resumed(first.clone(), &sent, Some(false))).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::NONE), "{error:?}");
        assert_eq!(error.code, "comfyui.not-accepted");
        // The same one could, for a while.
        let before = sim.ledger().requests_to("/history/");
        let error = Run::start(&subject, resumed_at(first, Stage::SENT, sent.state, 20_000, None)).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::NONE), "{error:?}");
        assert_eq!(sim.ledger().requests_to("/history/") - before, 2, "two answered reads");
        assert_eq!(posts(&sim), 1, "the driver never sends twice");
    }
}

#[tokio::test]
async fn law_4_a_restart_loses_what_was_there() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let run = Run::start(&subject, attempt("workflow", slow(1, 6000)));
        let noted = run.port.until_stage(Stage::RUNNING).await;
        let left = run.detach().await;
        sim.restart().await.unwrap();
        for same_boot in [Some(false), None] {
            let (outcome, _) = Run::start(&subject, resumed(left.clone(), &noted, same_boot)).outcome().await;
            assert_eq!(outcome.status, OutcomeStatus::Lost, "{version}: {outcome:?}");
            assert_eq!(outcome.problem.unwrap().code, "comfyui.job-lost");
        }
        assert_eq!((sim.ledger().jobs.len(), sim.ledger().jobs[0].state), (1, JobState::Lost));
    }
}

#[tokio::test]
async fn law_4_a_job_that_somebody_deleted_is_lost() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    super::others::submit(&sim, &slow(1, 6000)).await;
    let run = Run::start(&subject, attempt("workflow", picture(2)));
    assert_eq!(run.port.until(|notes| notes.queue.last().copied()).await, (0, 1));
    super::others::post(&sim, "/queue", &json!({"clear": true})).await;
    let (outcome, _) = run.outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Lost, "{outcome:?}");
}

#[tokio::test]
async fn law_5_the_end_of_the_server_is_told_as_such() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let run = Run::start(&subject, attempt("workflow", slow(1, 6000)));
    run.port.until_stage(Stage::RUNNING).await;
    sim.stop().await;
    let error = run.error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{error:?}");
}

#[tokio::test]
async fn law_5_a_server_that_is_not_there_got_nothing() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    sim.stop().await;
    let error = Run::start(&subject, attempt("workflow", picture(1))).error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::NONE), "{error:?}");
    assert_eq!(error.code, "comfyui.not-accepted");
}

#[tokio::test]
async fn a_checkpoint_of_a_newer_driver_is_not_guessed_at() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let newer = resumed_at(attempt("workflow", picture(1)), Stage::SENT, json!({"v": 2}), 60_000, None);
    let error = Run::start(&subject, newer).error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::UNSUPPORTED, Effect::UNKNOWN), "{error:?}");
    assert_eq!(sim.ledger().requests_total, 0);
}
