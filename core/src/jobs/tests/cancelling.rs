//! The user cancels, looks again, sends again and discards.

use super::bench::{Bench, settle, within};
use crate::events::JobState;
use mdd_driver_api::{
    DriverError, ErrorKind, Stage,
    model::{Outcome, OutcomeStatus},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_queued_job_is_cancelled_at_once() {
    let bench = Bench::new();
    bench.submit("a").await;
    settle().await;
    let began = Instant::now();
    assert_eq!(within(bench.jobs.cancel("a")).await.unwrap().state, JobState::Cancelled);
    assert_eq!(began.elapsed(), Duration::ZERO);
    let lamp = bench.connect("lamp@1", 1);
    assert!(lamp.is_idle().await);
    assert!(bench.journal.record("a").await.unwrap().course.cancel_asked);
}

#[tokio::test(start_paused = true)]
async fn a_running_job_is_cancelled_by_its_driver() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::RUNNING, "x").await.unwrap();
    assert!(!run.port.is_cancelled());
    let driver = async {
        run.port.cancelled().await;
        assert!(run.port.is_cancelled());
        run.checkpoint(Stage::RUNNING, "cancelling").await.unwrap();
        sleep(Duration::from_secs(3)).await;
        run.end(OutcomeStatus::Cancelled);
    };
    let (view, ()) = within(async { tokio::join!(bench.jobs.cancel("a"), driver) }).await;
    let view = view.unwrap();
    assert_eq!((view.state, view.reason), (JobState::Cancelled, None));
}

#[tokio::test(start_paused = true)]
async fn a_job_may_be_done_before_the_cancel_arrives() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::FETCHING, "x").await.unwrap();
    let (view, ()) = tokio::join!(bench.jobs.cancel("a"), async { run.end(OutcomeStatus::Done) });
    assert_eq!(view.unwrap().state, JobState::Done);
    assert_eq!(bench.jobs.cancel("a").await.unwrap().state, JobState::Done, "over is over");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_nobody_confirms_leaves_the_outcome_open() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    bench.submit("b").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::RUNNING, "x").await.unwrap();
    let began = Instant::now();
    let view = within(bench.jobs.cancel("a")).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    assert_eq!((view.state, view.remote_still_running), (JobState::Unknown, true));
    assert_eq!(view.reason.unwrap().code, "cancel-unconfirmed");
    assert!(run.is_over());
    let other = lamp.run().await;
    assert_eq!(other.attempt.job, "b");
    other.end(OutcomeStatus::Done);

    bench.jobs.retry("a").await.unwrap();
    let again = lamp.run().await;
    assert_eq!((again.resumed().unwrap().0, again.port.is_cancelled()), (Stage::RUNNING, false));
    again.end(OutcomeStatus::Done);
    assert_eq!(bench.over("a").await.state, JobState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_not_sent_yet_is_not_sent_after_a_cancel() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::PREPARED, "uploads").await.unwrap();
    let driver = async {
        run.port.cancelled().await;
        settle().await;
        let error = run.checkpoint(Stage::SENT, "x").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::CANCELLED);
        run.end_with(Err(error));
    };
    let (view, ()) = within(async { tokio::join!(bench.jobs.cancel("a"), driver) }).await;
    assert_eq!(view.unwrap().state, JobState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_reaches_a_backend_that_returns_in_time() {
    for (back_after, state) in [(3, JobState::Cancelled), (30, JobState::Unknown)] {
        let bench = Bench::new();
        let lamp = bench.connect("lamp@1", 1);
        bench.submit("a").await;
        let run = lamp.run().await;
        run.checkpoint(Stage::ACKED, "x").await.unwrap();
        bench.disconnect(&lamp);
        run.dropped().await;
        let returning = async {
            sleep(Duration::from_secs(back_after)).await;
            let lamp = bench.connect("lamp@1", 1);
            if state == JobState::Cancelled {
                let run = lamp.run().await;
                assert!(run.port.is_cancelled(), "it is set at entry");
                run.end(OutcomeStatus::Cancelled);
            } else {
                assert!(lamp.is_idle().await);
            }
        };
        let (view, ()) = within(async { tokio::join!(bench.jobs.cancel("a"), returning) }).await;
        assert_eq!(view.unwrap().state, state);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_before_anything_was_sent_ends_a_cancelled_job() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    let driver = async {
        run.port.cancelled().await;
        run.end_with(Err(DriverError::new(ErrorKind::TRANSPORT, "cut")));
    };
    let (view, ()) = within(async { tokio::join!(bench.jobs.cancel("a"), driver) }).await;
    assert_eq!(view.unwrap().state, JobState::Cancelled);
    assert!(lamp.is_idle().await);
}

#[tokio::test(start_paused = true)]
async fn a_lost_job_is_sent_again_when_the_user_says_so() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    let first = run.attempt.attempt.clone();
    run.checkpoint(Stage::ACKED, "x").await.unwrap();
    assert_eq!(bench.jobs.resubmit("a").await.unwrap_err().code(), "job-open");
    run.append("old").await.unwrap();
    run.end(OutcomeStatus::Lost);
    bench.over("a").await;
    let view = bench.jobs.resubmit("a").await.unwrap();
    assert_eq!((view.attempt, view.reason), (2, None));
    let run = lamp.run().await;
    assert!(run.resumed().is_none() && run.attempt.attempt != first);
    assert_eq!(bench.jobs.show("a").unwrap().text, None);
    run.end(OutcomeStatus::Done);
    bench.over("a").await;
    assert_eq!(bench.jobs.resubmit("a").await.unwrap_err().code(), "job-done");
    assert_eq!(bench.jobs.retry("a").await.unwrap_err().code(), "job-done");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_reopened_twice_at_once_runs_once() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 0);
    bench.submit("a").await;
    lamp.run().await.end(OutcomeStatus::Unknown);
    bench.over("a").await;
    let (one, other) = tokio::join!(bench.jobs.retry("a"), bench.jobs.resubmit("a"));
    one.unwrap();
    other.unwrap();
    let _run = lamp.run().await;
    assert!(lamp.is_idle().await);
}

#[tokio::test(start_paused = true)]
async fn a_discarded_job_is_forgotten_and_its_results_stay() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    assert_eq!(bench.jobs.discard("a", false).await.unwrap_err().code(), "job-open");
    run.put("a.png", vec![mdd_driver_api::abi::Segment::bytes("pixels")]).await.unwrap();
    run.end(OutcomeStatus::Done);
    bench.over("a").await;
    let result = bench.folder("a").join("results").join("a.png");
    bench.jobs.discard("a", false).await.unwrap();
    assert!(result.is_file());
    assert!(bench.jobs.show("a").is_none() && bench.bus.snapshot().jobs.is_empty());
    assert!(bench.journal.record("a").await.is_none());
    for code in [bench.jobs.cancel("a").await.unwrap_err().code(), bench.jobs.wait("a").await.unwrap_err().code()] {
        assert_eq!(code, "unknown-job");
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_goes_on_after_a_cancel_keeps_its_place_until_the_service_is_idle() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    bench.submit("b").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::RUNNING, "x").await.unwrap();
    let cancelling = async {
        run.port.cancelled().await;
        let mut outcome = Outcome::new(OutcomeStatus::Cancelled);
        outcome.remote_still_running = true;
        run.end_with(Ok(outcome));
    };
    let (cancelled, ()) = tokio::join!(bench.jobs.cancel("a"), cancelling);
    assert!(cancelled.unwrap().remote_still_running);
    assert!(lamp.is_idle().await, "the next one would only wait there");
    let waits = bench.until("b", |view| view.reason.is_some()).await;
    assert_eq!(waits.reason.unwrap().code, "waiting-for-slot");
    bench.tell(&lamp, None);
    assert_eq!(lamp.run().await.attempt.job, "b");
}
