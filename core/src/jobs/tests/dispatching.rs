//! Where jobs go, in which order, and what they wait for.

use super::bench::{Bench, settle, submission};
use crate::{
    diagnosis::Reason,
    events::{BackendView, JobState},
    jobs::{Submission, Target},
};
use mdd_driver_api::{ErrorKind, Stage, model::OutcomeStatus};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_backend_gets_as_many_jobs_as_it_takes_in_the_order_of_submission() {
    for (slots, at_once) in [(Some(1), 1), (Some(2), 2), (Some(0), 5), (None, 1)] {
        let bench = Bench::new();
        for number in 0..5 {
            bench.submit(&number.to_string()).await;
        }
        let lamp = bench.connect_as("lamp@1", slots, None, 0);
        let mut running = Vec::new();
        for number in 0..at_once {
            running.push(lamp.run().await);
            assert_eq!(running[number].attempt.job, number.to_string());
        }
        for number in at_once..5 {
            assert!(lamp.is_idle().await);
            running.remove(0).end(OutcomeStatus::Done);
            running.push(lamp.run().await);
            assert_eq!(running.last().unwrap().attempt.job, number.to_string());
        }
        assert_eq!(
            bench.jobs.list().iter().map(|view| view.id.as_str()).collect::<Vec<_>>(),
            ["0", "1", "2", "3", "4"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_for_a_kind_goes_to_the_backend_with_the_least_to_do() {
    let bench = Bench::new();
    let busy = bench.connect_as("lamp@1", Some(2), None, 2);
    let idle = bench.connect_as("lamp@2", Some(2), None, 1);
    bench.submit("a").await;
    let first = idle.run().await;
    assert_eq!(bench.until("a", |view| view.backend.is_some()).await.backend.unwrap(), "lamp@2");
    bench.submit("b").await;
    let second = idle.run().await;
    bench.submit("c").await;
    assert_eq!(busy.run().await.attempt.job, "c");
    drop((first, second));
}

#[tokio::test(start_paused = true)]
async fn a_job_for_a_backend_waits_for_that_one_and_blocks_no_other() {
    let bench = Bench::new();
    let away = bench.connect("lamp@1", 1);
    let here = bench.connect("lamp@2", 1);
    bench.disconnect(&away);
    let target = Target::Backend("lamp@1".to_owned());
    bench.jobs.submit(Submission { target, ..submission("a") }).await.unwrap();
    bench.submit("b").await;
    assert_eq!(here.run().await.attempt.job, "b");
    let back = bench.connect("lamp@1", 1);
    assert_eq!(back.run().await.attempt.job, "a");
    assert!(away.is_idle().await);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_job_says_why() {
    let bench = Bench::new();
    bench.submit("a").await;
    let code = |view: &crate::events::JobView| view.reason.as_ref().map(|reason| reason.code.clone());
    let view = bench.until("a", |view| view.reason.is_some()).await;
    assert_eq!(view.reason.unwrap().observation, "waiting for Lamp: none is known");

    let lamp = bench.connect("lamp@1", 1);
    bench.disconnect(&lamp);
    let view = bench.until("a", |view| code(view).is_some_and(|code| code == "waiting-for-backend")).await;
    assert_eq!(view.backend, None);
    let mut row = crate::discovery::missing_view(&super::bench::lamp(), &BTreeMap::new(), String::new());
    row.id = "lamp@1".to_owned();
    row.reason = Some(Reason::new("connection-refused", "port 1 refused the connection", &super::bench::lamp()));
    bench.bus.publish(row.clone(), None);
    bench.until("a", |view| code(view).is_some_and(|code| code == "connection-refused")).await;
    bench.bus.publish(BackendView { reason: None, ..row }, None);

    let lamp = bench.connect("lamp@1", 1);
    let run = lamp.run().await;
    assert_eq!(bench.jobs.show("a").unwrap().reason, None);
    bench.submit("b").await;
    let view = bench.until("b", |view| view.reason.is_some()).await;
    assert_eq!(code(&view).unwrap(), "waiting-for-slot");
    run.end(OutcomeStatus::Done);
    lamp.run().await;
    assert_eq!(bench.jobs.show("b").unwrap().reason, None);
}

#[tokio::test(start_paused = true)]
async fn a_busy_backend_rests_and_the_order_stays() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    for id in ["a", "b"] {
        bench.submit(id).await;
    }
    let began = Instant::now();
    let mut refused = mdd_driver_api::DriverError::new(ErrorKind::BUSY, "already in progress").without_effect();
    refused.retry_after_ms = 7_000;
    let run = lamp.run().await;
    let attempt = run.attempt.attempt.clone();
    run.checkpoint(Stage::SENT, "x").await.unwrap();
    run.end_with(Err(refused));
    let run = lamp.run().await;
    assert_eq!((run.attempt.job.as_str(), &run.attempt.attempt), ("a", &attempt), "it does not count as an attempt");
    assert!(run.resumed().is_none(), "nothing was sent");
    assert!(began.elapsed() >= Duration::from_secs(7));
    assert_eq!(bench.jobs.show("a").unwrap().attempt, 1);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_takes_any_number_refuses_only_one() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 0);
    bench.submit("a").await;
    lamp.run().await.fail(ErrorKind::BUSY, "too many of this model");
    settle().await;
    assert_eq!(bench.jobs.show("a").unwrap().reason.unwrap().code, "service-busy");
    bench.submit("b").await;
    assert_eq!(lamp.run().await.attempt.job, "b");
    assert_eq!(lamp.run().await.attempt.job, "a");
}

#[tokio::test(start_paused = true)]
async fn what_was_prepared_on_one_backend_is_nothing_to_another() {
    let bench = Bench::new();
    let first = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = first.run().await;
    run.checkpoint(Stage::PREPARED, "uploads").await.unwrap();
    bench.disconnect(&first);
    run.dropped().await;
    let second = bench.connect("lamp@2", 1);
    let run = second.run().await;
    assert!(run.resumed().is_none());
    bench.disconnect(&second);
    run.dropped().await;
    let first = bench.connect("lamp@1", 1);
    assert_eq!(first.run().await.resumed().unwrap().0, Stage::PREPARED);
}

#[tokio::test(start_paused = true)]
async fn a_job_of_unknown_outcome_blocks_no_other() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    bench.submit("b").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::SENT, "x").await.unwrap();
    run.end(OutcomeStatus::Unknown);
    assert_eq!(lamp.run().await.attempt.job, "b");
    assert_eq!(bench.state("a"), JobState::Unknown);
}

#[tokio::test(start_paused = true)]
async fn the_host_ends_by_letting_runs_go() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::RUNNING, "x").await.unwrap();
    bench.jobs.close();
    run.dropped().await;
    assert!(!run.progress(1.0) && !run.port.is_cancelled());
    assert_eq!(bench.jobs.submit(submission("b")).await.unwrap_err().code(), "host-ending");
}
