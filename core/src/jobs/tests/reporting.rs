//! What clients see while a driver works.

use super::bench::{Bench, settle};
use crate::events::{Change, JobState, Progress, Subscription, Update};
use mdd_driver_api::{
    ErrorKind, Stage,
    abi::{self, EventKind},
    model::OutcomeStatus,
};
use std::{fs, time::Duration};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn progress_is_shown_at_a_bounded_rate_and_the_latest_wins() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    assert!(run.emit(EventKind::QUEUE, 3.0, "", Vec::new()));
    assert_eq!(bench.until("a", |view| view.queue_place.is_some()).await.queue_place, Some(3));
    let mut reader = Subscription::new(&bench.bus);
    reader.next().await;
    for step in 0..1000 {
        assert!(run.progress(f64::from(step)));
        sleep(Duration::from_millis(1)).await;
    }
    let Update::Changes { changes, .. } = reader.next().await else { panic!("nothing was lost") };
    assert!((9..=12).contains(&changes.len()), "{} views in a second", changes.len());
    let Change::Job(view) = &changes.last().unwrap().change else { panic!("only the job changes") };
    let Progress { step, total, detail, .. } = view.progress.clone().unwrap();
    assert!(step > 850.0, "{step}");
    assert_eq!((total, detail.as_str(), view.queue_place), (20.0, "KSampler", None));
    run.end(OutcomeStatus::Done);
    assert_eq!(bench.over("a").await.progress.unwrap().step, 999.0, "the last one is not lost");
}

#[tokio::test(start_paused = true)]
async fn numbers_and_words_of_drivers_are_made_harmless() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    for step in [f64::NAN, f64::INFINITY, -1.0] {
        run.emit(EventKind::PROGRESS, step, "\"\\u001b[31mred\\u202e\"", Vec::new());
        let view = bench.until("a", |view| view.progress.is_some()).await;
        assert_eq!(
            view.progress.unwrap(),
            Progress { step: 0.0, total: 20.0, detail: " [31mred".to_owned(), left_ms: None }
        );
    }
    run.emit(EventKind::PROGRESS, 5.0, "not json", Vec::new());
    bench.until("a", |view| view.progress.as_ref().is_some_and(|progress| progress.detail.is_empty())).await;
    run.emit(EventKind::QUEUE, 1e300, "", Vec::new());
    bench.until("a", |view| view.queue_place == Some(u32::MAX)).await;
    assert!(run.emit(EventKind(77), 0.0, "", Vec::new()), "a newer driver is listened to all the same");
}

#[tokio::test(start_paused = true)]
async fn previews_are_one_file_that_changes_at_most_twice_a_second() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    for number in 0..20 {
        run.preview(&number.to_string());
        sleep(Duration::from_millis(50)).await;
    }
    let view = bench.until("a", |view| view.previews >= 2).await;
    assert!(view.previews <= 3, "{}", view.previews);
    sleep(Duration::from_secs(1)).await;
    let view = bench.jobs.show("a").unwrap();
    assert_eq!(fs::read_to_string(view.preview.unwrap()).unwrap(), "19", "the last one is shown");
    let files = fs::read_dir(bench.folder("a")).unwrap();
    let previews = files.filter(|entry| entry.as_ref().unwrap().path().is_file());
    assert_eq!(previews.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn text_is_kept_in_order() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    for number in 0..100 {
        run.append(&format!("{number} ")).await.unwrap();
    }
    let all: String = (0..100).map(|number| format!("{number} ")).collect();
    bench.until("a", |view| view.text.as_ref() == Some(&all)).await;
    run.end(OutcomeStatus::Done);
    assert_eq!(bench.over("a").await.text.unwrap(), all);
    assert_eq!(fs::read_to_string(bench.folder("a").join("text.txt")).unwrap(), all);
}

#[tokio::test(start_paused = true)]
async fn checkpoints_have_limits() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    assert_eq!(run.checkpoint(Stage::SENT, &"x".repeat(64 * 1024)).await.unwrap_err().kind, ErrorKind::LIMIT);
    let broken = abi::Checkpoint { stage: Stage::SENT, remote_id: "".into(), state: "{".into() };
    assert_eq!(run.port.checkpoint(broken).await.into_result().unwrap_err().kind, ErrorKind::PROTOCOL);
    let unknown = abi::Checkpoint { stage: Stage(9), remote_id: "".into(), state: "".into() };
    assert_eq!(run.port.checkpoint(unknown).await.into_result().unwrap_err().kind, ErrorKind::PROTOCOL);
    assert_eq!(bench.state("a"), JobState::Queued);
    run.checkpoint(Stage::SENT, &"x".repeat(63 * 1024)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn people_are_told_once_of_jobs_that_end_together() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 0);
    for id in ["a", "b", "c", "d"] {
        bench.submit(id).await;
    }
    for status in [OutcomeStatus::Done, OutcomeStatus::Done, OutcomeStatus::Lost] {
        lamp.run().await.end(status);
    }
    sleep(Duration::from_secs(2)).await;
    lamp.run().await.fail(ErrorKind::REJECTED, "no such bulb");
    sleep(Duration::from_secs(2)).await;
    let notices = bench.bus.snapshot().notices;
    let told: Vec<_> = notices.iter().map(|notice| (notice.backend.as_deref(), notice.text.as_str())).collect();
    let expected =
        [(Some("lamp@1"), "Lamp: 3 jobs: 2 done, 1 lost"), (Some("lamp@1"), "Lamp: job d failed: no such bulb")];
    assert_eq!(told, expected);
    bench.submit("e").await;
    let _run = lamp.run().await;
    settle().await;
}
