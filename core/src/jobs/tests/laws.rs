//! The host's side of the laws of `run`.

use super::bench::{Bench, settle};
use crate::events::JobState;
use mdd_driver_api::{DriverError, ErrorKind, Stage, model::OutcomeStatus};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn law_1_a_checkpoint_is_in_the_journal_before_it_resolves() {
    let bench = Bench::new();
    let lamp = bench.connect_as("lamp@1", Some(1), Some("boot-1"), 0);
    bench.submit("a").await;
    let run = lamp.run().await;
    let states = [
        (Stage::PREPARED, JobState::Queued),
        (Stage::SENT, JobState::Submitting),
        (Stage::ACKED, JobState::Running),
        (Stage::RUNNING, JobState::Running),
        (Stage::FETCHING, JobState::Fetching),
    ];
    for (stage, state) in states {
        run.checkpoint(stage, "x").await.unwrap();
        let course = bench.journal.record("a").await.unwrap().course;
        let checkpoint = course.checkpoint.unwrap();
        assert_eq!((course.state, checkpoint.stage), (state, stage.0));
        assert_eq!((checkpoint.backend.as_str(), checkpoint.boot.as_deref()), ("lamp@1", Some("boot-1")));
        let view = bench.jobs.show("a").unwrap();
        assert_eq!((view.state, view.remote_id.as_deref()), (state, Some("remote")));
    }
    let error = run.checkpoint(Stage::SENT, "again").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PROTOCOL, "what the service has is not sent again");
}

#[tokio::test(start_paused = true)]
async fn law_2_a_backend_that_goes_away_detaches_and_gets_its_job_back() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::ACKED, "x").await.unwrap();
    run.progress(7.0);
    bench.disconnect(&lamp);
    run.dropped().await;
    assert!(!run.progress(8.0), "nobody listens");
    assert_eq!(run.checkpoint(Stage::RUNNING, "y").await.unwrap_err().kind, ErrorKind::CANCELLED);
    assert!(run.append("late").await.is_err());
    assert!(!run.port.is_cancelled(), "detached is not cancelled");
    bench.until("a", |view| view.reason.is_some()).await;
    assert_eq!(bench.state("a"), JobState::Running);

    sleep(Duration::from_secs(100)).await;
    let lamp = bench.connect("lamp@1", 1);
    let again = lamp.run().await;
    assert_eq!(again.attempt.attempt, run.attempt.attempt);
    assert_eq!(again.resumed(), Some((Stage::ACKED, json!("x"), None)));
    let age = again.attempt.checkpoint.as_ref().unwrap().age_ms;
    assert!((100_000..101_000).contains(&age), "{age}");
    assert_eq!(bench.jobs.show("a").unwrap().progress, None, "what was true then is not shown as if it were now");
    again.end(OutcomeStatus::Done);
    assert_eq!(bench.over("a").await.state, JobState::Done);
}

#[tokio::test(start_paused = true)]
async fn law_3_the_slot_of_a_job_that_may_be_there_is_kept() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    bench.submit("b").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::SENT, "x").await.unwrap();
    bench.disconnect(&lamp);
    run.dropped().await;
    let lamp = bench.connect("lamp@1", 1);
    let again = lamp.run().await;
    assert_eq!(again.attempt.job, "a");
    assert!(lamp.is_idle().await, "the other one still waits");
    again.end(OutcomeStatus::Lost);
    assert_eq!(lamp.run().await.attempt.job, "b");
    assert_eq!(bench.over("a").await.reason.unwrap().code, "job-lost");
}

#[tokio::test(start_paused = true)]
async fn law_3_a_restarted_service_is_asked_again_and_the_driver_knows() {
    let bench = Bench::new();
    let lamp = bench.connect_as("lamp@1", Some(1), None, 0);
    bench.submit("a").await;
    let run = lamp.run().await;
    // The boot becomes known while the job runs: that is no restart.
    bench.tell(&lamp, Some("boot-1"));
    settle().await;
    assert!(!run.is_over());
    run.checkpoint(Stage::ACKED, "x").await.unwrap();
    bench.tell(&lamp, Some("boot-2"));
    run.dropped().await;
    let run = lamp.run().await;
    assert_eq!(run.resumed().unwrap().2, Some(false));
    run.checkpoint(Stage::RUNNING, "y").await.unwrap();
    bench.disconnect(&lamp);
    run.dropped().await;
    bench.tell(&lamp, Some("boot-2"));
    assert_eq!(lamp.run().await.resumed().unwrap().2, Some(true));
}

#[tokio::test(start_paused = true)]
async fn law_4_what_never_arrived_is_sent_again_as_another_attempt() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    let first = run.attempt.attempt.clone();
    run.checkpoint(Stage::PREPARED, "uploads").await.unwrap();
    run.checkpoint(Stage::SENT, "sent").await.unwrap();
    run.append("half").await.unwrap();
    run.fail(ErrorKind::TRANSPORT, "cut");
    let run = lamp.run().await;
    assert_eq!(run.resumed(), Some((Stage::SENT, json!("sent"), None)));
    assert_eq!(run.attempt.attempt, first);
    run.end_with(Err(DriverError::new(ErrorKind::TRANSPORT, "it never arrived").without_effect()));
    let run = lamp.run().await;
    assert_eq!(run.resumed(), Some((Stage::PREPARED, json!("uploads"), None)));
    assert_ne!(run.attempt.attempt, first);
    let view = bench.jobs.show("a").unwrap();
    assert_eq!((view.attempt, view.text), (2, None));
}

#[tokio::test(start_paused = true)]
async fn law_5_failures_are_tried_again_with_pauses_that_grow() {
    for (kind, stage) in [(ErrorKind::TRANSPORT, 0), (ErrorKind::TIMEOUT, 4), (ErrorKind::HOST, 0)] {
        let bench = Bench::new();
        let lamp = bench.connect("lamp@1", 1);
        bench.submit("a").await;
        let began = Instant::now();
        for _ in 0..20 {
            let run = lamp.run().await;
            if stage > 0 {
                run.checkpoint(Stage(stage), "x").await.unwrap();
            }
            run.fail(kind, "port 1 refused the connection");
        }
        let run = lamp.run().await;
        assert!(began.elapsed() >= Duration::from_secs(20), "{kind:?}: {:?}", began.elapsed());
        assert_eq!(run.attempt.checkpoint.is_some(), stage > 0);
        assert_eq!(bench.jobs.show("a").unwrap().attempt, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn law_5_a_pause_ends_when_the_backend_returns_or_the_user_does_not_want_to_wait() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let mut run = lamp.run().await;
    run.checkpoint(Stage::ACKED, "x").await.unwrap();
    for _ in 0..10 {
        run.fail(ErrorKind::TRANSPORT, "cut");
        run = lamp.run().await;
    }
    run.fail(ErrorKind::TRANSPORT, "cut");
    settle().await;
    let began = Instant::now();
    bench.jobs.retry("a").await.unwrap();
    lamp.run().await.fail(ErrorKind::TRANSPORT, "cut");
    assert_eq!(began.elapsed(), Duration::ZERO);
    settle().await;
    bench.disconnect(&lamp);
    let lamp = bench.connect("lamp@1", 1);
    lamp.run().await;
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn law_5_a_key_that_is_missing_waits_for_the_user_and_blocks_no_other() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    bench.submit("b").await;
    lamp.run().await.fail(ErrorKind::AUTH, "the key was not accepted");
    let run = lamp.run().await;
    assert_eq!(run.attempt.job, "b");
    run.end(OutcomeStatus::Done);
    sleep(Duration::from_secs(3600)).await;
    assert!(lamp.is_idle().await);
    assert_eq!(bench.jobs.show("a").unwrap().reason.unwrap().code, "needs-key");
    bench.jobs.retry("a").await.unwrap();
    lamp.run().await.fail(ErrorKind::AUTH, "the key was not accepted");
    settle().await;
    let lamp = bench.connect("lamp@1", 1);
    assert_eq!(lamp.run().await.attempt.job, "a", "a new connection may have another key");
}

#[tokio::test(start_paused = true)]
async fn law_5_refusals_fail_and_keep_the_text() {
    for kind in [ErrorKind::REJECTED, ErrorKind::PROTOCOL, ErrorKind::UNSUPPORTED, ErrorKind::LIMIT] {
        let bench = Bench::new();
        let lamp = bench.connect("lamp@1", 1);
        bench.submit("a").await;
        let run = lamp.run().await;
        run.append("as far as it came").await.unwrap();
        run.fail(kind, "no");
        let view = bench.over("a").await;
        assert_eq!((view.state, view.text.as_deref()), (JobState::Failed, Some("as far as it came")));
        assert_eq!(view.reason.unwrap().observation, "no");
    }
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_panicked_is_not_asked_again_and_a_job_that_does_it_twice_is_held() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 0);
    bench.submit("guilty").await;
    let guilty = lamp.run().await;
    bench.submit("innocent").await;
    let innocent = lamp.run().await;
    for run in [&guilty, &innocent] {
        run.checkpoint(Stage::ACKED, "x").await.unwrap();
    }
    guilty.fail(ErrorKind::PANIC, "panicked at lamp.rs:1");
    innocent.dropped().await;
    sleep(Duration::from_secs(60)).await;
    // The supervisor tells of the same object until it has noticed.
    bench.tell(&lamp, Some("boot"));
    assert!(lamp.is_idle().await);

    let lamp = bench.connect("lamp@1", 0);
    let (one, other) = (lamp.run().await, lamp.run().await);
    let (guilty, innocent) = if one.attempt.job == "guilty" { (one, other) } else { (other, one) };
    assert_eq!(guilty.resumed().unwrap().0, Stage::ACKED);
    guilty.fail(ErrorKind::PANIC, "panicked at lamp.rs:1");
    let view = bench.over("guilty").await;
    assert_eq!((view.state, view.reason.unwrap().code.as_str()), (JobState::Held, "job-held"));
    innocent.dropped().await;

    let lamp = bench.connect("lamp@1", 0);
    lamp.run().await.end(OutcomeStatus::Done);
    assert_eq!(bench.over("innocent").await.state, JobState::Done);
    bench.jobs.retry("guilty").await.unwrap();
    assert_eq!(lamp.run().await.resumed().unwrap().0, Stage::ACKED, "the user may have it looked at again");
}

#[tokio::test(start_paused = true)]
async fn a_restart_before_anything_was_sent_is_not_the_jobs_fault() {
    let bench = Bench::new();
    bench.submit("a").await;
    for boot in 0..4 {
        let lamp = bench.connect_as("lamp@1", Some(1), Some(&boot.to_string()), 0);
        let run = lamp.run().await;
        run.checkpoint(Stage::PREPARED, "uploads").await.unwrap();
        run.checkpoint(Stage::SENT, "x").await.unwrap();
        let refused = DriverError::new(ErrorKind::TRANSPORT, "not a byte was sent").without_effect();
        run.end_with(Err(refused));
        let run = lamp.run().await;
        assert_eq!(run.resumed().unwrap().0, Stage::PREPARED);
        bench.disconnect(&lamp);
        run.dropped().await;
    }
    assert_eq!(bench.journal.record("a").await.unwrap().course.strikes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_its_backend_down_twice_is_held() {
    let bench = Bench::new();
    bench.submit("a").await;
    for boot in 0..2 {
        let lamp = bench.connect_as("lamp@1", Some(1), Some(&boot.to_string()), 0);
        let mut run = lamp.run().await;
        if run.resumed().is_some() {
            assert_eq!(run.resumed().unwrap().2, Some(false));
            run.end_with(Err(DriverError::new(ErrorKind::TRANSPORT, "it never arrived").without_effect()));
            run = lamp.run().await;
        }
        run.checkpoint(Stage::SENT, "x").await.unwrap();
        bench.disconnect(&lamp);
        run.dropped().await;
    }
    let lamp = bench.connect_as("lamp@1", Some(1), Some("2"), 0);
    let absent = DriverError::new(ErrorKind::TRANSPORT, "it never arrived").without_effect();
    lamp.run().await.end_with(Err(absent));
    let view = bench.over("a").await;
    assert_eq!((view.state, view.reason.unwrap().code.as_str()), (JobState::Held, "job-held"));
}
