//! The journal: what it does not take is not announced, and what it has goes on in another process.

use super::bench::{Bench, settle, submission};
use crate::events::{JobState, StoreState};
use mdd_driver_api::{ErrorKind, Stage, abi::Segment, model::OutcomeStatus};
use serde_json::json;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_driver_may_not_send_what_the_journal_does_not_take() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    bench.journal.fails.store(true, Ordering::SeqCst);
    let error = run.checkpoint(Stage::SENT, "x").await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::HOST, "store-degraded"));
    assert_eq!(bench.state("a"), JobState::Queued);
    run.end_with(Err(error));
    bench.until("a", |view| view.reason.as_ref().is_some_and(|reason| reason.code == "store-degraded")).await;
    bench.journal.fails.store(false, Ordering::SeqCst);
    let run = lamp.run().await;
    run.checkpoint(Stage::SENT, "x").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_end_is_announced_when_it_is_durable() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::RUNNING, "x").await.unwrap();
    bench.journal.fails.store(true, Ordering::SeqCst);
    run.end(OutcomeStatus::Done);
    sleep(Duration::from_secs(60)).await;
    let view = bench.jobs.show("a").unwrap();
    assert_eq!((view.state, view.reason.unwrap().code.as_str()), (JobState::Running, "store-degraded"));
    bench.journal.fails.store(false, Ordering::SeqCst);
    let view = bench.over("a").await;
    assert_eq!((view.state, view.reason), (JobState::Done, None));
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_where_the_last_one_was() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    for id in ["done", "sent", "queued"] {
        bench.submit(id).await;
    }
    let run = lamp.run().await;
    run.append("a text").await.unwrap();
    run.put("a.png", vec![Segment::bytes("pixels")]).await.unwrap();
    run.end(OutcomeStatus::Done);
    let run = lamp.run().await;
    let attempt = run.attempt.attempt.clone();
    run.checkpoint(Stage::ACKED, "x").await.unwrap();
    let before = bench.over("done").await;

    let bench = bench.restart();
    let late = bench.jobs.submit(submission("late"));
    let (late, ()) = tokio::join!(late, settle());
    late.unwrap();
    let ids: Vec<_> = bench.jobs.list().into_iter().map(|view| view.id).collect();
    assert_eq!(ids, ["done", "sent", "queued", "late"]);
    let after = bench.jobs.show("done").unwrap();
    assert_eq!((&after.text, &after.results, &after.since), (&before.text, &before.results, &before.since));
    assert_eq!(bench.bus.snapshot().jobs.len(), 4);

    let lamp = bench.connect("lamp@1", 1);
    let run = lamp.run().await;
    assert_eq!((run.attempt.job.as_str(), &run.attempt.attempt), ("sent", &attempt));
    assert_eq!(run.resumed().unwrap().1, json!("x"));
    assert!(lamp.is_idle().await, "the slot is taken by what the service may have");
    run.end(OutcomeStatus::Done);
    assert_eq!(lamp.run().await.attempt.job, "queued");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_outlives_the_process() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::ACKED, "x").await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_secs(1), bench.jobs.cancel("a")).await;
    assert!(given_up.is_err());
    let bench = bench.restart();
    let lamp = bench.connect("lamp@1", 1);
    let run = lamp.run().await;
    assert!(run.port.is_cancelled());
    run.end(OutcomeStatus::Cancelled);
    assert_eq!(bench.over("a").await.state, JobState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_read_is_told_and_read_later() {
    let bench = Bench::new();
    bench.submit("a").await;
    bench.journal.fails.store(true, Ordering::SeqCst);
    let bench = bench.restart();
    settle().await;
    assert!(bench.bus.snapshot().notices[0].text.starts_with("store degraded"));
    assert_eq!(bench.bus.snapshot().store.state, StoreState::Degraded);
    assert!(bench.jobs.list().is_empty());
    let refused = bench.jobs.submit(submission("a")).await.unwrap_err();
    assert_eq!(refused.code(), "store-degraded");
    assert_eq!(bench.jobs.retry("a").await.unwrap_err().code(), "store-degraded", "nobody knows whether it is there");
    bench.journal.fails.store(false, Ordering::SeqCst);
    bench.until("a", |_| true).await;
    assert_eq!(bench.bus.snapshot().store.state, StoreState::Ok);
    bench.jobs.submit(submission("a")).await.unwrap();
    assert_eq!(bench.jobs.list().len(), 1, "it is the same job");
}

#[tokio::test(start_paused = true)]
async fn another_process_knows_where_a_job_has_failed() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    // Before its first checkpoint.
    lamp.run().await.end(OutcomeStatus::Failed);
    let before = bench.over("a").await;
    assert_eq!((before.state, before.backend.as_deref()), (JobState::Failed, Some("lamp@1")));
    let bench = bench.restart();
    bench.jobs.restored().await.unwrap();
    assert_eq!(bench.jobs.show("a").unwrap(), before);
    // Sent again it is nobody's until somebody takes it.
    let again = bench.jobs.resubmit("a").await.unwrap();
    assert_eq!(again.state, JobState::Queued);
    bench.until("a", |view| view.backend.is_none()).await;
}
