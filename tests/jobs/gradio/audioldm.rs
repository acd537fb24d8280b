//! AudioLDM and AudioLDM2.

use super::{at, sim};
use crate::{
    PATIENCE,
    run::{Run, attempt},
};
use mdd_core::{
    events::JobState,
    jobs::{Submission, Target},
};
use mdd_driver_api::{Effect, ErrorKind, Stage, model::OutcomeStatus};
use mdd_sim::JobState as Remote;
use mdd_tests::{Running, plugins};
use serde_json::{Value, json};
use tokio::time::timeout;

const FLAVOURS: [&str; 2] = ["audioldm", "audioldm2"];

#[tokio::test]
async fn the_sound_is_taken_out_of_the_video_by_the_host() {
    let folder = plugins(&["audioldm"]);
    for flavour in FLAVOURS {
        let sim = sim("audioldm", flavour).await;
        let running = Running::start(folder.path(), &[("audioldm", &sim.url())]);
        for (id, payload, roles) in [
            ("sound", json!({"prompt": "a hammer", "duration": 5}), vec!["audio"]),
            ("both", json!({"prompt": "a hammer", "duration": 5, "keep_video": true}), vec!["audio", "video"]),
        ] {
            let target = Target::Kind("audioldm".to_owned());
            let submission = Submission { id: id.to_owned(), target, operation: None, payload, files: Vec::new() };
            running.host.jobs().submit(submission).await.unwrap();
            let job = timeout(PATIENCE, running.host.jobs().wait(id)).await.unwrap().unwrap();
            assert_eq!((job.state, job.attempt), (JobState::Done, 1), "{flavour} {id}: {job:#?}");
            let mut kept: Vec<&str> = job.results.iter().map(|result| result.role.as_str()).collect();
            kept.sort_unstable();
            assert_eq!(kept, roles, "{flavour} {id}: {job:#?}");
            let sound = job.results.iter().find(|result| result.role == "audio").unwrap();
            let bytes = std::fs::read(&sound.path).unwrap();
            assert_eq!(&bytes[4..11], b"ftypM4A", "{flavour}");
            assert!(!bytes.windows(4).any(|word| word == b"vide"), "{flavour}: no picture is left");
        }
        let ledger = sim.ledger();
        assert!(ledger.jobs.iter().all(|job| job.state == Remote::Finished && job.runs == 1), "{flavour}");
        assert_eq!((ledger.jobs.len(), ledger.forbidden.len()), (2, 0), "{flavour}");
    }
}

#[tokio::test]
async fn a_video_without_sound_is_kept_and_told() {
    let folder = plugins(&["audioldm"]);
    let sim = sim("audioldm", "audioldm2").await;
    let running = Running::start(folder.path(), &[("audioldm", &sim.url())]);
    let payload = json!({"prompt": "a silent picture"});
    let target = Target::Kind("audioldm".to_owned());
    let submission = Submission { id: "x".to_owned(), target, operation: None, payload, files: Vec::new() };
    running.host.jobs().submit(submission).await.unwrap();
    let job = timeout(PATIENCE, running.host.jobs().wait("x")).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Failed, "{job:#?}");
    assert_eq!(job.reason.unwrap().code, "audioldm.no-sound");
    assert_eq!(job.results.len(), 1);
}

#[tokio::test]
async fn values_reach_the_function_in_its_order_and_bad_ones_do_not() {
    for flavour in FLAVOURS {
        let sim = sim("audioldm", flavour).await;
        let subject = at("audioldm", &sim).await;
        for (payload, code) in [
            (json!({"prompt": ""}), "audioldm.bad-request"),
            (json!({"prompt": "x", "duration": 2}), "audioldm.bad-request"),
            (json!({"prompt": "x", "model": "no-such-model"}), "audioldm.bad-request"),
            (Value::Null, "audioldm.bad-request"),
        ] {
            let error = Run::start(&subject, attempt("generate", payload)).error().await;
            assert_eq!((error.kind, error.effect, error.code.as_str()), (ErrorKind::REJECTED, Effect::NONE, code));
        }
        assert_eq!(sim.ledger().jobs.len(), 0, "{flavour}");
        // Without the host's recipe the video itself is the result.
        let (outcome, port) = Run::start(&subject, attempt("generate", json!({"prompt": "rain"}))).outcome().await;
        assert_eq!((outcome.status, outcome.results[0].role.as_str()), (OutcomeStatus::Done, "video"), "{flavour}");
        assert_eq!(&port.read(&outcome.results[0])[4..8], b"ftyp");
        assert_eq!(port.notes().log.len(), 1);
    }
}

#[tokio::test]
async fn it_fails_without_a_reason_and_goes_on_after_a_cancel() {
    for flavour in FLAVOURS {
        let sim = sim("audioldm", flavour).await;
        let subject = at("audioldm", &sim).await;
        let (outcome, _) = Run::start(&subject, attempt("generate", json!({"prompt": "fail"}))).outcome().await;
        assert_eq!(outcome.problem.unwrap().code, "audioldm.failed", "{flavour}");
        let run = Run::start(&subject, attempt("generate", json!({"prompt": "slow"})));
        run.port.until_stage(Stage::RUNNING).await;
        assert_eq!(subject.check().await.unwrap().queue.unwrap().running, 1, "{flavour}");
        run.port.cancel();
        let (outcome, _) = run.outcome().await;
        assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, true), "{flavour}");
        assert_eq!(sim.ledger().jobs[1].state, Remote::Started, "{flavour}: nothing stops it");
    }
}
