//! What drivers save.

use super::bench::{Bench, file, submission};
use crate::{events::JobState, jobs::Submission};
use mdd_driver_api::{
    ErrorKind, Stage,
    abi::{Segment, SegmentKind},
    model::{Outcome, OutcomeStatus, Recipe, ResultMeta},
};
use std::fs;

#[tokio::test(start_paused = true)]
async fn results_are_saved_under_safe_names_and_listed() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    lamp.runner.serve("/view?1", "one");
    lamp.runner.serve("/view?2", "two");
    bench.submit("a").await;
    let run = lamp.run().await;
    let first = run.download("/view?1", "../../out.png").await.unwrap();
    let second = run.download("/view?2", "OUT.png").await.unwrap();
    assert_eq!((first.name.as_str(), second.name.as_str(), first.bytes), ("out.png", "OUT (2).png", 3));
    assert_eq!(first.sha256, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    let mut outcome = Outcome::new(OutcomeStatus::Done);
    outcome.results = vec![first, second];
    run.end_with(Ok(outcome));
    let view = bench.over("a").await;
    let files: Vec<_> = view.results.iter().map(|result| fs::read_to_string(&result.path).unwrap()).collect();
    assert_eq!(files, ["one", "two"]);
    assert!(view.results.iter().all(|result| result.role == "image" && result.bytes == 3));
    assert_eq!(fs::read_dir(bench.folder("a").join("results")).unwrap().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_download_that_fails_leaves_nothing() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    let error = run.download("/gone", "a.png").await.unwrap_err();
    assert_eq!((error.kind, error.http_status), (ErrorKind::REJECTED, 404));
    assert_eq!(fs::read_dir(bench.folder("a").join("results")).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_finds_its_results_again() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    lamp.runner.serve("/1", "one");
    bench.submit("a").await;
    let run = lamp.run().await;
    run.checkpoint(Stage::FETCHING, "x").await.unwrap();
    let twins = [run.download("/1", "a.png").await.unwrap(), run.download("/1", "a.png").await.unwrap()];
    assert_eq!(twins.clone().map(|saved| saved.name), ["a.png", "a (2).png"], "one run may save the same twice");
    run.fail(ErrorKind::TRANSPORT, "cut");
    let run = lamp.run().await;
    let again = [run.download("/1", "a.png").await.unwrap(), run.download("/1", "a.png").await.unwrap()];
    assert_eq!(again, twins, "and the next run gets the same ones");
    let third = run.put("a.png", vec![Segment::bytes("other")]).await.unwrap();
    assert_eq!(third.name, "a (3).png");
    run.end(OutcomeStatus::Done);
    assert_eq!(bench.over("a").await.results.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn small_results_are_bytes_and_files_of_the_job() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    let voice = bench.state.path().join("voice.wav");
    fs::write(&voice, "voice").unwrap();
    bench.jobs.submit(Submission { files: vec![file("voice", &voice)], ..submission("a") }).await.unwrap();
    let run = lamp.run().await;
    let handle = &run.attempt.files[0].handle;
    let segments = vec![Segment::bytes("<"), Segment::named(SegmentKind::FILE, handle), Segment::bytes(">")];
    let saved = run.put("a.txt", segments).await.unwrap();
    assert_eq!(fs::read_to_string(bench.folder("a").join("results").join(saved.name)).unwrap(), "<voice>");

    let refused = [
        (Segment::named(SegmentKind::SECRET_JSON, "key"), ErrorKind::UNSUPPORTED),
        (Segment::named(SegmentKind(99), "x"), ErrorKind::UNSUPPORTED),
        (Segment::named(SegmentKind::FILE, "other-job/voice"), ErrorKind::HOST),
    ];
    for (segment, kind) in refused {
        assert_eq!(run.put("b.txt", vec![segment]).await.unwrap_err().kind, kind);
    }
    assert_eq!(run.derive(&Recipe::default()).await.unwrap_err().kind, ErrorKind::UNSUPPORTED);
}

#[tokio::test(start_paused = true)]
async fn results_are_made_out_of_saved_ones_and_files() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    let voice = bench.state.path().join("voice.wav");
    fs::write(&voice, "voice").unwrap();
    bench.jobs.submit(Submission { files: vec![file("voice", &voice)], ..submission("a") }).await.unwrap();
    let run = lamp.run().await;
    let saved = run.put("a.txt", vec![Segment::bytes("text")]).await.unwrap();
    let inputs = vec![saved.name.clone(), "voice".to_owned()];
    let zipped = run.derive(&Recipe::new("zip/1", inputs, ResultMeta::new("../all.zip", "archive"))).await.unwrap();
    assert_eq!((zipped.name.as_str(), zipped.role.as_str()), ("all.zip", "archive"));
    let written = fs::read(bench.folder("a").join("results/all.zip")).unwrap();
    assert_eq!((&written[..4], written.len() as u64), (&b"PK\x03\x04"[..], zipped.bytes));
    assert_eq!(zipped.sha256, crate::jobs::folder::measure(&bench.folder("a").join("results/all.zip")).unwrap().1);
    for (input, kind) in [("gone", ErrorKind::HOST), ("voice", ErrorKind::PROTOCOL)] {
        let recipe = Recipe::new("audio-track/1", vec![input.to_owned()], ResultMeta::new("a.m4a", "audio"));
        assert_eq!(run.derive(&recipe).await.unwrap_err().kind, kind);
    }
    assert_eq!(fs::read_dir(bench.folder("a").join("results")).unwrap().count(), 2, "what failed has left nothing");
    run.end(OutcomeStatus::Done);
    let roles: Vec<String> = bench.over("a").await.results.into_iter().map(|result| result.role).collect();
    assert_eq!(roles, ["image", "archive"]);
}

#[tokio::test(start_paused = true)]
async fn what_only_a_run_works_with_is_gone_with_it() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    let offered = |handle: &str| lamp.runner.files.lock().unwrap().get(handle).cloned();
    let result = run.put("a.txt", vec![Segment::bytes("text")]).await.unwrap();
    assert_eq!(fs::read_to_string(offered(&result.handle).unwrap()).unwrap(), "text");
    let recipe = Recipe::new("zip/1", vec![result.name.clone()], ResultMeta::scratch("queue.zip"));
    let scratch = [run.derive(&recipe).await.unwrap(), run.derive(&recipe).await.unwrap()];
    assert_eq!(scratch.clone().map(|saved| saved.name), ["queue.zip", "queue (2).zip"]);
    let paths = scratch.clone().map(|saved| offered(&saved.handle).unwrap());
    assert!(paths.iter().all(|path| path.is_file()));
    let nested = Recipe::new("zip/1", vec![scratch[1].name.clone()], ResultMeta::scratch("two.zip"));
    assert!(run.derive(&nested).await.unwrap().bytes > scratch[1].bytes);
    run.end(OutcomeStatus::Failed);
    let view = bench.over("a").await;
    assert_eq!(view.results.len(), 1, "only the text is a result");
    assert_eq!(fs::read_dir(bench.folder("a").join("results")).unwrap().count(), 1);
    assert!(paths.iter().all(|path| !path.exists()));
    assert!(lamp.runner.files.lock().unwrap().is_empty(), "nothing can be named any more");
}

#[tokio::test(start_paused = true)]
async fn only_what_counts_is_listed_in_the_end() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    run.put("raw.bin", vec![Segment::bytes("raw")]).await.unwrap();
    let counts = run.put("final.txt", vec![Segment::bytes("final")]).await.unwrap();
    let mut outcome = Outcome::new(OutcomeStatus::Done);
    outcome.results = vec![counts];
    run.end_with(Ok(outcome));
    let view = bench.over("a").await;
    assert_eq!(view.results.len(), 1);
    assert!(view.results[0].path.ends_with("final.txt"));
}

#[tokio::test(start_paused = true)]
async fn results_of_a_job_that_failed_are_kept() {
    let bench = Bench::new();
    let lamp = bench.connect("lamp@1", 1);
    bench.submit("a").await;
    let run = lamp.run().await;
    run.put("a.png", vec![Segment::bytes("pixels")]).await.unwrap();
    let mut outcome = Outcome::new(OutcomeStatus::Failed);
    outcome.text = Some("out of memory".to_owned());
    run.end_with(Ok(outcome));
    let view = bench.over("a").await;
    assert_eq!((view.state, view.results.len(), view.text.as_deref()), (JobState::Failed, 1, Some("out of memory")));
}
