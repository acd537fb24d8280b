//! The web UI of WanGP: a queue in a session of a Gradio app.

use super::{
    at,
    script::{Script, Scripted},
    sim,
};
use crate::{
    PATIENCE, comfyui,
    port::Noted,
    run::{Run, attempt, resumed},
};
use mdd_core::{
    events::JobState,
    jobs::{FileSource, Submission, Target},
};
use mdd_driver_api::{
    Effect, ErrorKind, Stage,
    model::{Attempt, Outcome, OutcomeStatus},
};
use mdd_sim::{JobState as Remote, Options, Sim};
use mdd_tests::{Running, Subject, plugins};
use serde_json::{Value, json};
use tokio::time::timeout;

const CONFIG: &str = include_str!("../../fixtures/wan2gp/webui/config.json");

async fn wangp() -> (Sim, Subject) {
    let sim = sim("wan2gp-webui", "12.60").await;
    let subject = at("wan2gp", &sim).await;
    (sim, subject)
}

/// A video of so many tenths of a second.
fn slow(steps: u32) -> Value {
    json!({"model_type": "slow", "prompt": "a red bicycle", "num_inference_steps": steps})
}

/// The call that works, among the small ones around it.
fn work(sim: &Sim, event: &str) -> mdd_sim::Job {
    sim.ledger().jobs.into_iter().find(|job| job.prompt_id == event).unwrap()
}

/// Until the server has seen that nobody listens any more, the session cannot be spoken with.
async fn taken_up_again(subject: &Subject, attempt: Attempt, running: &Noted) -> Outcome {
    loop {
        match Run::start(subject, resumed(attempt.clone(), running, Some(true))).end().await {
            Ok(outcome) => break outcome,
            Err(error) => assert_eq!(error.kind, ErrorKind::TRANSPORT, "{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_queue_is_loaded_worked_off_and_brought_home() {
    let (sim, subject) = wangp().await;
    let (outcome, port) = Run::start(&subject, attempt("generate", json!([slow(3), slow(3)]))).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done, "{outcome:?}");
    assert_eq!(outcome.results.iter().map(|video| video.role.as_str()).collect::<Vec<_>>(), ["video", "video"]);
    assert_eq!(port.read(&outcome.results[1]), include_bytes!("../../fixtures/media/waveform.mp4"));
    let notes = port.notes();
    let stages: Vec<Stage> = notes.checkpoints.iter().map(|noted| noted.stage).collect();
    assert_eq!(stages[..4], [Stage::SENT, Stage::ACKED, Stage::RUNNING, Stage::FETCHING]);
    assert!(
        notes.progress.iter().any(|(step, total, text)| *step > 0.0 && *total == 3.0 && text.contains("Denoising"))
    );
    assert_eq!(notes.log, ["Loaded 2 task(s)"]);
    let ledger = sim.ledger();
    assert_eq!(work(&sim, &notes.checkpoints[1].remote_id).runs, 1);
    assert!(ledger.forbidden.is_empty(), "{:?}", ledger.forbidden);
}

#[tokio::test]
async fn a_picture_goes_in_with_the_queue() {
    let folder = plugins(&["wan2gp"]);
    let sim = sim("wan2gp-webui", "12.60").await;
    let running = Running::start(folder.path(), &[("wan2gp", &sim.url())]);
    let path = folder.path().join("start.png");
    std::fs::write(&path, b"\x89PNG\r\n\x1a\n not quite").unwrap();
    let settings =
        json!({"mode": "edit_postprocessing", "video_source": "mdd-file:start", "film_grain_intensity": 0.3});
    let submission = Submission {
        id: "grain".to_owned(),
        target: Target::Kind("wan2gp".to_owned()),
        operation: None,
        payload: settings,
        files: vec![FileSource { name: "start".to_owned(), path }],
    };
    running.host.jobs().submit(submission).await.unwrap();
    let job = timeout(PATIENCE, running.host.jobs().wait("grain")).await.unwrap().unwrap();
    assert_eq!((job.state, job.results.len()), (JobState::Done, 1), "{job:#?}");
    assert!(std::fs::read(&job.results[0].path).unwrap().starts_with(b"\xff\xd8"));
}

#[tokio::test]
async fn failures_are_told_in_its_own_words() {
    let (_sim, subject) = wangp().await;
    for (settings, code, text) in [
        (json!({"model_type": "t2v"}), "wan2gp.missing-model", "An error happened while trying to locate"),
        (json!({"model_type": "nope"}), "wan2gp.unknown-model", "'NoneType' object has no attribute 'get'"),
        (json!({"model_type": "slow", "resolution": "bad"}), "wan2gp.failed", "not enough values to unpack"),
        (
            json!({"model_type": "slow", "prompt": "nothing", "num_inference_steps": 1}),
            "wan2gp.missing-result",
            "it is done, and there is nothing",
        ),
    ] {
        let (outcome, _) = Run::start(&subject, attempt("generate", settings)).outcome().await;
        let problem = outcome.problem.unwrap();
        assert_eq!((outcome.status, problem.code.as_str()), (OutcomeStatus::Failed, code));
        assert!(problem.observation.starts_with(text), "{}", problem.observation);
    }
    let foreign = json!({"mode": "edit_postprocessing", "video_source": "elsewhere.png"});
    let error = Run::start(&subject, attempt("generate", foreign)).error().await;
    assert_eq!((error.effect, error.code.as_str()), (Effect::NONE, "wan2gp.refused"), "{error:?}");
}

#[tokio::test]
async fn a_cancel_and_a_stop_at_the_service_are_told_apart() {
    let (sim, subject) = wangp().await;
    let run = Run::start(&subject, attempt("generate", slow(6000)));
    let running = run.port.until_stage(Stage::RUNNING).await;
    run.port.cancel();
    let (outcome, _) = run.outcome().await;
    assert_eq!((outcome.status, outcome.problem), (OutcomeStatus::Cancelled, None));
    let stopped = |ledger: &mdd_sim::Ledger| {
        ledger.jobs.iter().any(|job| job.prompt_id == running.remote_id && job.state.is_final())
    };
    sim.wait_for(stopped, PATIENCE).await.unwrap();

    let run = Run::start(&subject, attempt("generate", slow(6000)));
    let running = run.port.until_stage(Stage::RUNNING).await;
    comfyui::others::post(&sim, "/gradio_api/cancel", &json!({"event_id": running.remote_id})).await;
    let (outcome, _) = run.outcome().await;
    assert_eq!((outcome.status, outcome.problem.unwrap().code.as_str()), (OutcomeStatus::Cancelled, "wan2gp.stopped"));
}

#[tokio::test]
async fn a_job_that_was_let_go_is_found_in_its_gallery() {
    let (sim, subject) = wangp().await;
    let run = Run::start(&subject, attempt("generate", slow(8)));
    let running = run.port.until_stage(Stage::RUNNING).await;
    let attempt = run.detach().await;
    let outcome = taken_up_again(&subject, attempt, &running).await;
    assert_eq!((outcome.status, outcome.results.len()), (OutcomeStatus::Done, 1), "{outcome:?}");
    let work = work(&sim, &running.remote_id);
    assert_eq!((work.state, work.runs), (Remote::Finished, 1));
}

#[tokio::test]
async fn a_result_that_does_not_come_is_not_waited_for_for_ever() {
    let sim = sim("wan2gp-webui", "12.60").await;
    let settings = serde_json::json!({"look_again_seconds": 0});
    let subject = Subject::with("wan2gp", &sim.url(), settings, None).unwrap();
    subject.identify().await.unwrap();
    let subject = subject.promoted();
    let run = Run::start(&subject, attempt("generate", slow(6000)));
    let running = run.port.until_stage(Stage::RUNNING).await;
    let attempt = run.detach().await;
    let outcome = taken_up_again(&subject, attempt, &running).await;
    let code = outcome.problem.unwrap().code;
    mdd_tests::provoked::code(&code);
    assert_eq!((outcome.status, code.as_str()), (OutcomeStatus::Unknown, "wan2gp.connection-lost"));
    assert!(outcome.remote_still_running);
}

#[tokio::test]
async fn a_restart_loses_the_job_and_says_so() {
    let (sim, subject) = wangp().await;
    let run = Run::start(&subject, attempt("generate", slow(6000)));
    let running = run.port.until_stage(Stage::RUNNING).await;
    let sent = run.port.until_stage(Stage::SENT).await;
    let attempt = run.detach().await;
    sim.restart().await.unwrap();
    let (outcome, _) = Run::start(&subject, resumed(attempt.clone(), &running, None)).outcome().await;
    assert_eq!((outcome.status, outcome.problem.unwrap().code.as_str()), (OutcomeStatus::Lost, "wan2gp.job-lost"));
    let error = Run::start(&subject, resumed(attempt, &sent, None)).error().await;
    assert_eq!((error.effect, error.code.as_str()), (Effect::NONE, "wan2gp.not-accepted"), "{error:?}");
}

#[tokio::test]
async fn its_door_may_be_closed() {
    let sim = Sim::start(Options::new("wan2gp-webui").key("open:open")).await.unwrap();
    for (word, code) in [(None, "wan2gp.login-missing"), (Some("wrong"), "wan2gp.login-rejected")] {
        let subject = Subject::with("wan2gp", &sim.url(), Value::Null, word).unwrap();
        subject.identify().await.unwrap();
        let error = subject.promoted().check().await.unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::AUTH, code), "{error:?}");
    }
}

#[tokio::test]
async fn what_it_does_not_take_was_not_started() {
    let full = (503, r#"{"detail":"Queue is full. Max size is 2 and size is 2."}"#.to_owned());
    let mut older: Value = serde_json::from_str(CONFIG).unwrap();
    for function in older["dependencies"].as_array_mut().unwrap() {
        if function["api_name"] == "load_queue_action" {
            function["api_name"] = "load_queue".into();
        }
    }
    let mut newer: Value = serde_json::from_str(CONFIG).unwrap();
    newer["protocol"] = "quic_v9".into();
    for (config, join, code) in [
        (CONFIG.to_owned(), full, "wan2gp.queue-full"),
        (older.to_string(), (200, String::new()), "wan2gp.missing-function"),
        (newer.to_string(), (200, String::new()), "wan2gp.unknown-protocol"),
    ] {
        let app = Scripted::start(Script { config: Some(config), join, ..Script::default() }).await;
        let subject = Subject::of("wan2gp", &app.url);
        subject.identify().await.unwrap();
        let error = Run::start(&subject.promoted(), attempt("generate", slow(1))).error().await;
        assert_eq!((error.effect, error.code.as_str()), (Effect::NONE, code), "{error:?}");
    }
}
