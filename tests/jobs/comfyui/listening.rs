//! What the socket tells, and that a job ends without it (law 6).

use super::{VERSIONS, picture, sim, slow};
use crate::{
    PATIENCE,
    run::{Run, attempt},
};
use mdd_driver_api::{DriverError, Stage, model::OutcomeStatus};
use mdd_sim::{Fault, Sim};
use mdd_tests::Subject;
use serde_json::json;
use tokio::task::JoinHandle;

/// Opens the push channel and waits until the server knows it.
async fn watch(subject: &Subject, sim: &Sim) -> JoinHandle<Result<(), DriverError>> {
    let known = sim.ledger().sockets.len();
    let (end, mut news) = subject.instance.watch();
    let life = tokio::spawn(async move {
        let read = async { while news.recv().await.is_some() {} };
        let (end, ()) = tokio::join!(end, read);
        end
    });
    sim.wait_for(|ledger| ledger.sockets.len() > known, PATIENCE).await.unwrap();
    life
}

#[tokio::test]
async fn progress_and_previews_are_passed_on() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let life = watch(&subject, &sim).await;
        // The socket's own first message comes a moment after its handshake.
        subject.check().await.unwrap();
        let run = Run::start(&subject, attempt("workflow", slow(1, 10)));
        let id = run.attempt.attempt.clone();
        let (outcome, port) = run.outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{version}: {outcome:?}");
        let notes = port.notes();
        // Only the latest counts, so that steps may be left out.
        let steps: Vec<_> = notes.progress.iter().filter(|(_, _, detail)| detail.starts_with("Slowly ")).collect();
        assert!(!steps.is_empty(), "{version}: {:?}", notes.progress);
        for (step, total, detail) in steps {
            assert_eq!((format!("Slowly {}/10", ((step - 1.0) * 10.0).round()), *total), (detail.clone(), 3.0));
        }
        assert!(notes.progress.is_sorted_by(|a, b| a.0 <= b.0), "{version}: {:?}", notes.progress);
        let (media_type, bytes) = notes.previews.first().expect("there are previews");
        assert_eq!(media_type, "image/jpeg");
        assert!(bytes.starts_with(b"\xff\xd8"));
        let ledger = sim.ledger();
        assert_eq!(ledger.jobs[0].client_id.as_deref(), Some(ledger.sockets[0].client_id.as_str()));
        // Told by the socket, it was looked at when it was sent, when it began and when it ended.
        assert!(ledger.requests_to("/queue") <= 6, "{version}: {}", ledger.requests_to("/queue"));
        assert_eq!(ledger.runs(&id), 1);
        life.abort();
    }
}

#[tokio::test]
async fn a_job_ends_without_any_socket() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let (outcome, port) = Run::start(&subject, attempt("workflow", slow(1, 10))).outcome().await;
        assert_eq!((outcome.status, outcome.results.len()), (OutcomeStatus::Done, 1), "{version}: {outcome:?}");
        assert!(port.notes().progress.is_empty());
        assert!(sim.ledger().sockets.is_empty());
    }
}

#[tokio::test]
async fn a_job_ends_when_the_socket_is_deaf_silent_or_broken() {
    for fault in [Fault::SocketDeaf, Fault::SocketSilent, Fault::SocketDropped, Fault::SocketRefused] {
        let sim = sim("0.33.0").await;
        sim.inject(fault.clone()).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let (end, _news) = subject.instance.watch();
        let life = tokio::spawn(end);
        if fault != Fault::SocketRefused {
            sim.wait_for(|ledger| ledger.sockets.len() == 1, PATIENCE).await.unwrap();
        }
        let (outcome, _) = Run::start(&subject, attempt("workflow", slow(1, 5))).outcome().await;
        assert_eq!((outcome.status, outcome.results.len()), (OutcomeStatus::Done, 1), "{fault:?}: {outcome:?}");
        life.abort();
    }
}

#[tokio::test]
async fn a_socket_that_breaks_in_the_middle_is_replaced_for_the_job_too() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let life = watch(&subject, &sim).await;
    subject.check().await.unwrap();
    let run = Run::start(&subject, attempt("workflow", slow(1, 150)));
    run.port.until(|notes| notes.progress.last().cloned()).await;
    sim.inject(Fault::SocketDropped).await;
    life.await.unwrap().unwrap_err();
    sim.clear_faults().await;
    let heard = run.port.notes().progress.len();
    let life = watch(&subject, &sim).await;
    // Events go only to the id that the job was sent with.
    run.port.until(|notes| (notes.progress.len() > heard + 3).then_some(())).await;
    let ids: Vec<String> = sim.ledger().sockets.iter().map(|socket| socket.client_id.clone()).collect();
    assert_eq!((ids.len(), &ids[0]), (3, &ids[2]), "the old id, a fresh one, and the old one again");
    assert_ne!(ids[0], ids[1]);
    run.port.cancel();
    assert_eq!(run.outcome().await.0.status, OutcomeStatus::Cancelled);
    sim.wait_for(|ledger| ledger.sockets_open() == 1, PATIENCE).await.unwrap();
    life.abort();
}

#[tokio::test]
async fn without_live_updates_there_is_no_socket_at_all() {
    let sim = sim("0.33.0").await;
    let subject = Subject::with("comfyui", &sim.url(), json!({"live_updates": false}), None).unwrap().promoted();
    let run = Run::start(&subject, attempt("workflow", picture(1)));
    run.port.until_stage(Stage::ACKED).await;
    assert_eq!(run.outcome().await.0.status, OutcomeStatus::Done);
    assert!(sim.ledger().sockets.is_empty());
}
