//! The API of rvc-python.

use crate::{
    PATIENCE,
    run::{Run, add_file, attempt, resumed, resumed_at},
};
use mdd_driver_api::{
    Effect, ErrorKind, Stage,
    model::{Attempt, OutcomeStatus, Verdict},
};
use mdd_sim::{Fault, JobState, Sim};
use mdd_tests::Subject;
use serde_json::{Value, json};
use std::path::Path;

/// It gives back what it got, so that it can be told whether every byte has made the way.
const RECORDING: &[u8] = b"RIFF\x00\x01\x02\xff and so on";

async fn backend() -> (Sim, Subject) {
    let sim = Sim::start("rvc-python").await.unwrap();
    let subject = Subject::of("rvc", &sim.url());
    let identity = subject.identify().await.unwrap();
    assert_eq!((identity.verdict, identity.flavour.as_deref()), (Verdict::Mine, Some("rvc-python")));
    assert!(identity.score >= 90);
    (sim, subject.promoted())
}

fn convert(subject: &Subject, folder: &Path, bytes: &[u8], payload: Value) -> Attempt {
    let mut all = json!({"audio": "mdd-file:voice.wav"});
    all.as_object_mut().unwrap().extend(payload.as_object().unwrap().clone());
    let mut attempt = attempt("convert", all);
    add_file(subject, folder, &mut attempt, "voice.wav", bytes);
    attempt
}

#[tokio::test]
async fn a_recording_becomes_another_voice_and_the_parameters_come_back() {
    let (sim, subject) = backend().await;
    let folder = tempfile::tempdir().unwrap();
    let wish = json!({"voice": "bob", "transpose": 12, "f0_method": "pm"});
    let (outcome, port) = Run::start(&subject, convert(&subject, folder.path(), RECORDING, wish)).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done, "{outcome:?}");
    assert!(outcome.results[0].name.ends_with("voice-bob.wav"), "{}", outcome.results[0].name);
    assert_eq!(port.read(&outcome.results[0]), RECORDING);
    let ledger = sim.ledger();
    assert_eq!((ledger.jobs.len(), ledger.jobs[0].client_id.as_deref()), (1, Some("bob")));
    let asked: Vec<String> =
        ledger.requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect();
    let wanted =
        ["GET /models", "GET /params", "POST /models/bob", "POST /params", "POST /convert_file", "POST /params"];
    assert_eq!(asked[asked.len() - 6..], wanted);
    let (inspection, sample) = (subject.inspect().await.unwrap(), subject.check().await);
    let voices: Vec<&str> = inspection.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!((voices, inspection.slots, inspection.quiet_while_running), (vec!["alice", "bob"], 1, true));
    sample.unwrap();
}

#[tokio::test]
async fn a_server_without_files_gets_the_recording_as_text() {
    let (sim, subject) = backend().await;
    let folder = tempfile::tempdir().unwrap();
    // Version 0.1.4 answers so.
    sim.inject(Fault::Identity { kind: "wan2gp".to_owned(), version: None }.on("/convert_file")).await;
    let wish = json!({"voice": "alice"});
    let (outcome, port) = Run::start(&subject, convert(&subject, folder.path(), RECORDING, wish)).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done, "{outcome:?}");
    assert_eq!(port.read(&outcome.results[0]), RECORDING);
}

#[tokio::test]
async fn an_unknown_voice_is_never_asked_for() {
    let (sim, subject) = backend().await;
    let folder = tempfile::tempdir().unwrap();
    for (voice, code) in
        [("nope", "rvc.unknown-voice"), ("../alice", "rvc.unknown-voice"), ("broken", "rvc.unknown-voice")]
    {
        let attempt = convert(&subject, folder.path(), RECORDING, json!({"voice": voice}));
        let error = Run::start(&subject, attempt).error().await;
        assert_eq!((error.kind, error.effect, error.code.as_str()), (ErrorKind::REJECTED, Effect::NONE, code));
    }
    let fcpe = convert(&subject, folder.path(), RECORDING, json!({"voice": "alice", "f0_method": "fcpe"}));
    assert_eq!(Run::start(&subject, fcpe).error().await.code, "rvc.bad-conversion");
    assert_eq!(sim.ledger().requests_to("/models/"), 0);
    assert!(sim.ledger().jobs.is_empty());
}

#[tokio::test]
async fn it_is_alive_while_it_is_silent_and_a_cancel_does_not_stop_it() {
    let (sim, subject) = backend().await;
    let folder = tempfile::tempdir().unwrap();
    // Six seconds of silence.
    let long = vec![b'x'; 6 << 20];
    let run = Run::start(&subject, convert(&subject, folder.path(), &long, json!({"voice": "alice"})));
    sim.wait_for(|ledger| ledger.jobs.len() == 1, PATIENCE).await.unwrap();
    subject.check().await.unwrap();
    run.port.cancel();
    let (outcome, _) = run.outcome().await;
    assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, true));
    sim.wait_for(|ledger| ledger.jobs[0].state == JobState::Finished, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_broken_recording_fails_with_its_own_words() {
    let (sim, subject) = backend().await;
    let folder = tempfile::tempdir().unwrap();
    let attempt = convert(&subject, folder.path(), b"", json!({"voice": "alice"}));
    let (outcome, _) = Run::start(&subject, attempt).outcome().await;
    let problem = outcome.problem.unwrap();
    assert_eq!((outcome.status, problem.code.as_str()), (OutcomeStatus::Failed, "rvc.failed"));
    assert_eq!(problem.observation, "An error occurred: Failed to load audio");
    assert_eq!(sim.ledger().jobs[0].state, JobState::Failed);
}

#[tokio::test]
async fn what_was_sent_is_never_sent_again_while_the_server_lives() {
    let (sim, subject) = backend().await;
    let folder = tempfile::tempdir().unwrap();
    sim.inject(Fault::CutAnswer.on("/convert").times(1)).await;
    let run = Run::start(&subject, convert(&subject, folder.path(), RECORDING, json!({"voice": "alice"})));
    let (attempt, port) = (run.attempt.clone(), run.port.clone());
    let error = run.error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN));
    let sent = port.until_stage(Stage::SENT).await;
    let (outcome, _) = Run::start(&subject, resumed(attempt.clone(), &sent, Some(true))).outcome().await;
    assert_eq!(
        (outcome.status, outcome.problem.unwrap().code.as_str()),
        (OutcomeStatus::Unknown, "rvc.connection-lost")
    );
    let error = Run::start(&subject, resumed(attempt.clone(), &sent, Some(false))).error().await;
    assert_eq!((error.effect, error.code.as_str()), (Effect::NONE, "rvc.not-accepted"));
    let prepared = resumed_at(attempt, Stage::PREPARED, json!({"v": 1}), 0, None);
    assert_eq!(Run::start(&subject, prepared).outcome().await.0.status, OutcomeStatus::Done);
    assert_eq!(sim.ledger().jobs.len(), 2);
}
