//! Wan2GP's MCP server.

use crate::{
    PATIENCE,
    port::unwritable,
    run::{Run, add_file, attempt, resumed, resumed_at},
};
use mdd_driver_api::{Effect, ErrorKind, Stage, model::OutcomeStatus};
use mdd_sim::{Fault, JobState, Sim};
use mdd_tests::Subject;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n not quite";
const RPC: &str = "/mcp/";

async fn sim() -> Sim {
    Sim::start("wan2gp").await.unwrap()
}

/// A video of so many tenths of a second.
fn slow(steps: u32) -> Value {
    json!({"model_type": "slow", "prompt": "a red bicycle", "num_inference_steps": steps})
}

fn grain() -> Value {
    json!({"mode": "edit_postprocessing", "video_source": "mdd-file:start", "film_grain_intensity": 0.3})
}

#[tokio::test]
async fn a_video_is_made_and_fetched() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    let (outcome, port) = Run::start(&subject, attempt("generate", slow(15))).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done, "{outcome:?}");
    let [video] = &outcome.results[..] else { panic!("{outcome:?}") };
    assert_eq!(video.role, "video");
    assert!(video.name.ends_with(".mp4"));
    assert_eq!(port.read(video), include_bytes!("../fixtures/media/waveform.mp4"));
    let notes = port.notes();
    let stages: Vec<Stage> = notes.checkpoints.iter().map(|noted| noted.stage).collect();
    assert_eq!(stages, [Stage::SENT, Stage::ACKED, Stage::RUNNING, Stage::FETCHING]);
    assert!(
        notes.progress.iter().any(|(step, total, text)| *step > 0.0 && *total == 15.0 && text.contains("Denoising"))
    );
    let ledger = sim.ledger();
    assert_eq!((ledger.jobs.len(), ledger.jobs[0].runs), (1, 1));
    assert_eq!(notes.checkpoints[1].remote_id, ledger.jobs[0].prompt_id);
    assert!(ledger.forbidden.is_empty(), "{:?}", ledger.forbidden);
}

#[tokio::test]
async fn files_go_in_once_and_under_names_of_their_own() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    let folder = tempfile::tempdir().unwrap();
    let mut jobs = [attempt("generate", json!([grain(), grain()])), attempt("generate", grain())];
    for attempt in &mut jobs {
        add_file(&subject, folder.path(), attempt, "start", PICTURE);
        add_file(&subject, folder.path(), attempt, "unused", PICTURE);
    }
    for attempt in jobs {
        let (outcome, port) = Run::start(&subject, attempt).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{outcome:?}");
        assert_eq!((outcome.results.len(), outcome.results[0].role.as_str()), (1, "image"));
        assert!(port.read(&outcome.results[0]).starts_with(b"\xff\xd8"));
    }
    let uploads = sim.ledger().uploads;
    assert_eq!(uploads.len(), 2, "{uploads:?}");
    assert_ne!(uploads[0].name, uploads[1].name);
    assert_eq!(uploads[0].bytes, PICTURE.len() as u64);
}

#[tokio::test]
async fn law_1_nothing_is_sent_before_it_is_written_down() {
    let sim = Arc::new(sim().await);
    let subject = Subject::backend("wan2gp", &sim.url());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (watched, writes) = (sim.clone(), seen.clone());
    let run = Run::hooked(&subject, attempt("generate", slow(1)), move |stage| {
        writes.lock().unwrap().push((stage, watched.ledger().jobs.len()));
        Ok(())
    });
    run.outcome().await;
    assert_eq!(seen.lock().unwrap()[..2], [(Stage::SENT, 0), (Stage::ACKED, 1)]);
    let refuse = |stage| if stage == Stage::SENT { Err(unwritable()) } else { Ok(()) };
    let error = Run::hooked(&subject, attempt("generate", slow(1)), refuse).error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::HOST, Effect::NONE));
    assert_eq!(sim.ledger().jobs.len(), 1);
}

#[tokio::test]
async fn a_server_that_works_for_somebody_else_is_busy() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    let first = Run::start(&subject, attempt("generate", slow(600)));
    first.port.until_stage(Stage::ACKED).await;
    let error = Run::start(&subject, attempt("generate", slow(1))).error().await;
    assert_eq!((error.kind, error.effect, error.code.as_str()), (ErrorKind::BUSY, Effect::NONE, "wan2gp.busy"));
    assert!(error.retry_after_ms > 0);
    first.port.cancel();
    assert_eq!(first.outcome().await.0.status, OutcomeStatus::Cancelled);
    let (outcome, _) = Run::start(&subject, attempt("generate", slow(1))).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done);
    assert_eq!(sim.ledger().jobs.len(), 2);
}

#[tokio::test]
async fn a_cancel_ends_the_job_at_the_server() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    let run = Run::start(&subject, attempt("generate", slow(600)));
    run.port.until_stage(Stage::RUNNING).await;
    run.port.cancel();
    let (outcome, _) = run.outcome().await;
    assert_eq!((outcome.status, outcome.problem), (OutcomeStatus::Cancelled, None));
    assert_eq!(sim.ledger().jobs[0].state, JobState::Cancelled);
    let (outcome, port) = Run::cancelled(&subject, attempt("generate", slow(1))).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Cancelled);
    assert!(port.notes().checkpoints.is_empty());
    assert_eq!(sim.ledger().jobs.len(), 1);
}

#[tokio::test]
async fn a_job_that_was_let_go_is_found_again() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    let run = Run::start(&subject, attempt("generate", slow(8)));
    let acked = run.port.until_stage(Stage::ACKED).await;
    let attempt = run.detach().await;
    sim.wait_for(|ledger| ledger.jobs[0].state == JobState::Finished, PATIENCE).await.unwrap();
    let (outcome, _) = Run::start(&subject, resumed(attempt, &acked, Some(true))).outcome().await;
    assert_eq!((outcome.status, outcome.results.len()), (OutcomeStatus::Done, 1));
    assert_eq!((sim.ledger().jobs.len(), sim.ledger().jobs[0].runs), (1, 1));
}

#[tokio::test]
async fn a_restart_loses_the_job_and_says_so() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    let run = Run::start(&subject, attempt("generate", slow(600)));
    let acked = run.port.until_stage(Stage::ACKED).await;
    let attempt = run.detach().await;
    sim.restart().await.unwrap();
    let (outcome, _) = Run::start(&subject, resumed(attempt, &acked, Some(false))).outcome().await;
    assert_eq!((outcome.status, outcome.problem.unwrap().code.as_str()), (OutcomeStatus::Lost, "wan2gp.job-lost"));
    assert_eq!(sim.ledger().jobs.len(), 1);
}

#[tokio::test]
async fn what_was_sent_and_never_acknowledged_is_unknown_and_not_sent_again() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    sim.inject(Fault::CutAnswer.on(RPC).times(1)).await;
    let (outcome, port) = Run::start(&subject, attempt("generate", slow(1))).outcome().await;
    assert_eq!(
        (outcome.status, outcome.problem.unwrap().code.as_str()),
        (OutcomeStatus::Unknown, "wan2gp.answer-lost")
    );
    assert_eq!(port.notes().checkpoints.last().unwrap().stage, Stage::SENT);
    let left = resumed_at(attempt("generate", slow(1)), Stage::SENT, json!({"v": 1}), 60_000, Some(false));
    assert_eq!(Run::start(&subject, left).outcome().await.0.status, OutcomeStatus::Unknown);
    assert_eq!(sim.ledger().jobs.len(), 1);
    let newer = resumed_at(attempt("generate", slow(1)), Stage::ACKED, json!({"v": 2}), 0, None);
    assert_eq!(Run::start(&subject, newer).error().await.kind, ErrorKind::UNSUPPORTED);
}

#[tokio::test]
async fn what_never_left_was_not_sent() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    subject.check().await.unwrap();
    sim.stop().await;
    let error = Run::start(&subject, attempt("generate", slow(1))).error().await;
    assert_eq!((error.effect, error.code.as_str()), (Effect::NONE, "wan2gp.not-sent"), "{error:?}");
}

#[tokio::test]
async fn a_look_that_fails_proves_nothing() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    let run = Run::start(&subject, attempt("generate", slow(30)));
    let acked = run.port.until_stage(Stage::ACKED).await;
    sim.inject(Fault::Html.on(RPC)).await;
    let attempt = run.attempt.clone();
    let error = run.error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN));
    sim.clear_faults().await;
    let (outcome, _) = Run::start(&subject, resumed(attempt, &acked, None)).outcome().await;
    assert_eq!((outcome.status, sim.ledger().jobs.len()), (OutcomeStatus::Done, 1));
}

#[tokio::test]
async fn failures_are_told_in_its_own_words() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    for (settings, code, text) in [
        (
            json!({"model_type": "t2v", "prompt": "x"}),
            "wan2gp.missing-model",
            "An error happened while trying to locate",
        ),
        (json!({"model_type": "nope"}), "wan2gp.unknown-model", "'NoneType' object has no attribute 'get'"),
        (json!({"model_type": "slow", "resolution": "bad"}), "wan2gp.failed", "not enough values to unpack"),
    ] {
        let (outcome, _) = Run::start(&subject, attempt("generate", settings)).outcome().await;
        let problem = outcome.problem.unwrap();
        assert_eq!((outcome.status, problem.code.as_str()), (OutcomeStatus::Failed, code));
        assert!(problem.observation.starts_with(text), "{}", problem.observation);
    }
    let path = json!({"model_type": "t2v", "image_start": "/etc/hostname"});
    let error = Run::start(&subject, attempt("generate", path)).error().await;
    assert_eq!((error.kind, error.effect, error.code.as_str()), (ErrorKind::REJECTED, Effect::NONE, "wan2gp.refused"));
    assert!(error.message.starts_with("Direct filesystem paths are disabled"), "{}", error.message);
}

#[tokio::test]
async fn bad_payloads_and_files_start_nothing() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    let folder = tempfile::tempdir().unwrap();
    for (payload, code) in [(json!({}), "wan2gp.bad-settings"), (grain(), "wan2gp.missing-file")] {
        let error = Run::start(&subject, attempt("generate", payload)).error().await;
        assert_eq!((error.effect, error.code.as_str()), (Effect::NONE, code));
    }
    let mut broken = attempt("generate", grain());
    add_file(&subject, folder.path(), &mut broken, "start", b"no picture");
    let error = Run::start(&subject, broken).error().await;
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::REJECTED, "wan2gp.upload-refused"));
    assert!(error.message.contains("cannot identify image file mdd-"), "{}", error.message);
    assert_eq!(Run::start(&subject, attempt("train", json!({"a": 1}))).error().await.kind, ErrorKind::UNSUPPORTED);
    assert!(sim.ledger().jobs.is_empty());
}

#[tokio::test]
async fn uploads_that_the_server_still_has_are_not_made_again() {
    let sim = sim().await;
    let subject = Subject::backend("wan2gp", &sim.url());
    let folder = tempfile::tempdir().unwrap();
    let mut attempt = attempt("generate", grain());
    add_file(&subject, folder.path(), &mut attempt, "start", PICTURE);
    let refuse = |stage| if stage == Stage::SENT { Err(unwritable()) } else { Ok(()) };
    let run = Run::hooked(&subject, attempt.clone(), refuse);
    let prepared = run.port.until_stage(Stage::PREPARED).await;
    run.error().await;
    let again = resumed(attempt.clone(), &prepared, Some(true));
    assert_eq!(Run::start(&subject, again).outcome().await.0.status, OutcomeStatus::Done);
    assert_eq!(sim.ledger().uploads.len(), 1);
    sim.restart().await.unwrap();
    let again = resumed(attempt, &prepared, Some(false));
    assert_eq!(Run::start(&subject, again).outcome().await.0.status, OutcomeStatus::Done);
    assert_eq!(sim.ledger().uploads.len(), 2);
}
