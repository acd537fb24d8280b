//! What calls come to in every generation.

use super::{at, call, generate, is_3, sim, versions};
use crate::{
    PATIENCE,
    run::{Run, add_file},
};
use mdd_driver_api::{ErrorKind, Stage, model::OutcomeStatus};
use mdd_sim::JobState;
use serde_json::{Value, json};

#[tokio::test]
async fn files_and_text_come_home_and_progress_is_told() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        for function in ["generate", "generate_gen"] {
            let (outcome, port) = Run::start(&subject, generate(function, 0.2)).outcome().await;
            assert_eq!(outcome.status, OutcomeStatus::Done, "{version} {function}: {outcome:?}");
            assert_eq!(outcome.text.as_deref(), Some("Done: a red bicycle"), "{version}");
            let names: Vec<&str> = outcome.results.iter().map(|saved| saved.name.as_str()).collect();
            assert_eq!(names.len(), 3, "{version}: {names:?}");
            let sound = port.read(&outcome.results[1]);
            assert!(sound.starts_with(b"RIFF") && sound.ends_with(b"a red bicycle"), "{version}");
            let notes = port.notes();
            let stages: Vec<Stage> = notes.checkpoints.iter().map(|noted| noted.stage).collect();
            let acked = if is_3(version) { None } else { Some(Stage::ACKED) };
            let wanted: Vec<Stage> =
                [Some(Stage::SENT), acked, Some(Stage::RUNNING), Some(Stage::FETCHING)].into_iter().flatten().collect();
            assert_eq!(stages[..wanted.len()], wanted, "{version}");
            assert_eq!(notes.queue.first(), Some(&(0, 1)), "{version}");
            if *version == "3.14.0" {
                assert_eq!(notes.progress, []);
            } else {
                assert_eq!(notes.progress.first(), Some(&(0.0, 1.0, "Loading model".to_owned())), "{version}");
                assert_eq!(notes.progress.last(), Some(&(20.0, 20.0, "Denoising".to_owned())), "{version}");
            }
        }
        let ledger = sim.ledger();
        assert!(ledger.jobs.iter().all(|job| job.state == JobState::Finished && job.runs == 1), "{version}");
        assert_eq!((ledger.jobs.len(), ledger.forbidden.len()), (2, 0), "{version}");
        // On Gradio 3 a socket that stays open keeps the worker.
        sim.wait_for(|ledger| ledger.sockets_open() == 0, PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn failures_are_told_with_what_was_said() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        for (function, text) in [
            ("fail", "CUDA out of memory: tried to allocate 20 GiB"),
            ("crash", "it failed and gave no reason; its own window tells more"),
        ] {
            let (outcome, _) = Run::start(&subject, call(function, json!(["x"]))).outcome().await;
            let problem = outcome.problem.unwrap();
            assert_eq!(
                (outcome.status, problem.code.as_str()),
                (OutcomeStatus::Failed, "any-gradio.failed"),
                "{version}"
            );
            assert_eq!(problem.observation, text, "{version}");
        }
        let error = Run::start(&subject, call("nope", json!([]))).error().await;
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::REJECTED, "any-gradio.missing-function"));
    }
}

#[tokio::test]
async fn lines_for_people_are_noted() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        let (outcome, port) = Run::start(&subject, call("warn", json!(["x"]))).outcome().await;
        assert_eq!(outcome.text.as_deref(), Some("warned"), "{version}");
        let told: &[&str] = match *version {
            "3.14.0" | "3.34.0" => &[],
            _ => &["model will be downloaded", "warning: low VRAM"],
        };
        assert_eq!(port.notes().log, told, "{version}");
    }
}

#[tokio::test]
async fn a_file_goes_in_as_each_generation_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        let mut attempt = call("echo", json!(["mdd-file:voice"]));
        add_file(&subject, folder.path(), &mut attempt, "voice", b"\x00\xffRIFF and so on");
        let (outcome, port) = Run::start(&subject, attempt).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{version}: {outcome:?}");
        let uploads = sim.ledger().uploads;
        if *version == "3.14.0" {
            assert!(uploads.is_empty(), "it has no uploads");
        } else {
            assert_eq!((uploads.len(), uploads[0].bytes), (1, 16), "{version}");
            // The function gives it back as it was named to it.
            assert_eq!(port.read(&outcome.results[0]), b"\x00\xffRIFF and so on", "{version}");
        }
    }
}

#[tokio::test]
async fn the_place_in_the_queue_is_told_and_waiting_can_be_cancelled() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        let first = Run::start(&subject, generate("generate_gen", 60.0));
        first.port.until_stage(Stage::RUNNING).await;
        let second = Run::start(&subject, generate("generate", 0.1));
        second.port.until(|notes| notes.queue.first().copied()).await;
        second.port.until_stage(Stage::SENT).await;
        sim.wait_for(|ledger| ledger.jobs.len() == 2, PATIENCE).await.unwrap();
        assert_eq!(subject.check().await.unwrap().queue.unwrap().pending, Some(1), "{version}");
        second.port.cancel();
        let (outcome, _) = second.outcome().await;
        assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, false), "{version}");
        if *version != "4.0.2" {
            sim.wait_for(|ledger| ledger.jobs[1].state == JobState::Cancelled, PATIENCE).await.unwrap();
        }
        assert_eq!(sim.ledger().jobs[1].runs, 0, "{version}");
        first.detach().await;
    }
}

#[tokio::test]
async fn a_generator_stops_and_a_plain_function_is_known_to_go_on() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        for (function, stops) in [("generate_gen", *version != "3.14.0"), ("generate", false)] {
            let run = Run::start(&subject, generate(function, 2.0));
            run.port.until_stage(Stage::RUNNING).await;
            run.port.cancel();
            let (outcome, _) = run.outcome().await;
            assert_eq!(outcome.status, OutcomeStatus::Cancelled, "{version} {function}");
            assert_eq!(outcome.remote_still_running, !stops, "{version} {function}");
            assert!(outcome.results.is_empty() && outcome.problem.is_none());
            let last = sim.wait_for(|ledger| ledger.jobs.last().unwrap().state.is_final(), PATIENCE).await.unwrap();
            let is_stopped = last.jobs.last().unwrap().state == JobState::Cancelled;
            // 3.14 does not say which of its functions are generators, and stops them when nobody listens.
            assert_eq!(is_stopped, stops || function == "generate_gen", "{version} {function}");
            assert_eq!(last.jobs.last().unwrap().runs, 1, "{version} {function}: it is not begun again");
        }
    }
}

#[tokio::test]
async fn what_somebody_else_stops_is_no_result() {
    for version in ["4.44.1", "5.50.0", "6.31.0"] {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        let run = Run::start(&subject, generate("generate_gen", 60.0));
        let event = run.port.until_stage(Stage::RUNNING).await.remote_id;
        let prefix = if version.starts_with('4') { "" } else { "/gradio_api" };
        post(&sim.url(), &format!("{prefix}/cancel"), &json!({"event_id": event})).await;
        let (outcome, _) = run.outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Cancelled, "{version}");
        assert_eq!(outcome.problem.unwrap().code, "any-gradio.stopped", "{version}");
    }
}

/// One POST by hand.
async fn post(url: &str, path: &str, body: &Value) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let place = url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(place).await.unwrap();
    let body = body.to_string();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
