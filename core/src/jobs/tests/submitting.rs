//! What is accepted, and that it is accepted once.

use super::bench::{Bench, file, submission, within};
use crate::{
    events::JobState,
    jobs::{Submission, SubmitError, Target},
};
use mdd_driver_api::model::OutcomeStatus;
use serde_json::json;
use std::{fs, path::Path, sync::atomic::Ordering};

fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn a_driver_gets_what_was_submitted() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    let photo = bench.state.path().join("photo.png");
    fs::write(&photo, "pixels").unwrap();
    let payload = json!({"image": "mdd-file:ref"});
    let files = vec![file("ref", &photo)];
    let view = bench.jobs.submit(Submission { payload: payload.clone(), files, ..submission("cut-1") }).await.unwrap();
    assert_eq!((view.state, view.kind.as_str(), view.operation.as_str()), (JobState::Queued, "lamp", "shine"));
    fs::remove_file(photo).unwrap();

    let run = lamp.run().await;
    let attempt = &run.attempt;
    assert_eq!((attempt.job.as_str(), attempt.operation.as_str()), ("cut-1", "shine"));
    assert_eq!(attempt.payload, payload);
    assert!(attempt.checkpoint.is_none());
    let uuid = &attempt.attempt;
    assert_eq!(uuid.len(), 36);
    assert!(uuid.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        14 => byte == b'4',
        19 => b"89ab".contains(&byte),
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    }));
    let sent = &attempt.files[0];
    assert_eq!((sent.name.as_str(), sent.bytes, sent.media_type.as_str()), ("ref", 6, "image/png"));
    let offered = lamp.runner.files.lock().unwrap()[&sent.handle].clone();
    assert_eq!(fs::read_to_string(offered).unwrap(), "pixels");
    run.end(OutcomeStatus::Done);
    assert_eq!(bench.over("cut-1").await.state, JobState::Done);
    assert!(lamp.runner.files.lock().unwrap().is_empty(), "files are offered only while they are needed");
}

#[tokio::test(start_paused = true)]
async fn the_same_submission_is_the_same_job() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 0);
    let note = bench.state.path().join("note.txt");
    fs::write(&note, "one").unwrap();
    let wanted = Submission { files: vec![file("note", &note)], ..submission("a") };
    let (first, second) = tokio::join!(bench.jobs.submit(wanted.clone()), bench.jobs.submit(wanted.clone()));
    assert_eq!(first.unwrap().created, second.unwrap().created);
    lamp.run().await.end(OutcomeStatus::Done);
    bench.over("a").await;
    assert_eq!(bench.jobs.submit(wanted.clone()).await.unwrap().state, JobState::Done);
    assert!(lamp.is_idle().await, "it was run once");

    let others = [
        Submission { payload: json!({"other": 1}), ..wanted.clone() },
        Submission { target: Target::Backend("lamp@1".to_owned()), ..wanted.clone() },
        Submission { files: Vec::new(), ..wanted.clone() },
        Submission { operation: Some("flicker".to_owned()), ..wanted.clone() },
    ];
    for other in others {
        assert_eq!(bench.jobs.submit(other).await.unwrap_err().code(), "id-taken");
    }
    fs::write(&note, "two").unwrap();
    assert_eq!(bench.jobs.submit(wanted.clone()).await.unwrap_err().code(), "id-taken");
    fs::remove_file(&note).unwrap();
    assert!(bench.jobs.submit(wanted).await.is_ok(), "a retry does not need the file any more");
    assert_eq!(bench.jobs.list().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_leaves_nothing() {
    let bench = Bench::new();
    let jobs = bench.state.path().join("jobs");
    let gone = Submission { files: vec![file("x", &jobs.join("gone"))], ..submission("a") };
    let table = [
        (gone, "unreadable-file"),
        (Submission { files: vec![file("x", bench.state.path())], ..submission("a") }, "unreadable-file"),
        (Submission { payload: json!(null), ..submission("a") }, "bad-payload"),
        (Submission { target: Target::Kind("torch".to_owned()), ..submission("a") }, "unknown-kind"),
        (Submission { target: Target::Backend("lamp@9".to_owned()), ..submission("a") }, "unknown-backend"),
        (submission("a/../b"), "bad-id"),
    ];
    for (submission, code) in table {
        assert_eq!(bench.jobs.submit(submission).await.unwrap_err().code(), code);
    }
    bench.journal.fails.store(true, Ordering::SeqCst);
    assert!(matches!(bench.jobs.submit(submission("a")).await, Err(SubmitError::Journal(_))));
    assert!(bench.jobs.list().is_empty() && bench.bus.snapshot().jobs.is_empty());
    assert_eq!(entries(&jobs), Vec::<String>::new());

    bench.journal.fails.store(false, Ordering::SeqCst);
    bench.submit("a").await;
    assert_eq!(entries(&jobs), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_leaves_no_half_of_a_job() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    let big = bench.state.path().join("big.bin");
    fs::write(&big, vec![0; 4 << 20]).unwrap();
    let wanted = Submission { files: vec![file("big", &big)], ..submission("a") };
    let given_up = tokio::time::timeout(std::time::Duration::ZERO, bench.jobs.submit(wanted.clone())).await;
    assert!(given_up.is_err(), "it was dropped in the middle");
    let again = within(bench.jobs.submit(wanted)).await.unwrap();
    assert_eq!(lamp.run().await.attempt.job, again.id);
    assert_eq!(entries(&bench.state.path().join("jobs")), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn folders_of_earlier_jobs_are_left_alone() {
    let bench = Bench::new();
    let theirs = bench.state.path().join("jobs").join("A");
    fs::create_dir_all(&theirs).unwrap();
    fs::write(theirs.join("result.png"), "theirs").unwrap();
    bench.submit("A").await;
    assert!(bench.folder("A").ends_with("A (2)"));
    assert_eq!(entries(&theirs), ["result.png"]);
}
