//! The WebUI of RVC, both generations.

use super::{at, sim};
use crate::run::{Run, add_file, attempt};
use mdd_driver_api::{Effect, ErrorKind, Stage, model::OutcomeStatus};
use mdd_sim::{Fault, JobState};
use mdd_tests::Subject;
use serde_json::{Value, json};
use std::path::Path;

const FLAVOURS: [&str; 2] = ["webui", "webui-231006"];
const RECORDING: &[u8] = b"RIFF\x00\x01\x02\xff and so on";

fn convert(subject: &Subject, folder: &Path, file: &str, payload: Value) -> mdd_driver_api::model::Attempt {
    let mut all = json!({"audio": format!("mdd-file:{file}")});
    all.as_object_mut().unwrap().extend(payload.as_object().unwrap().clone());
    let mut attempt = attempt("convert", all);
    add_file(subject, folder, &mut attempt, file, RECORDING);
    attempt
}

#[tokio::test]
async fn a_recording_becomes_another_voice() {
    let folder = tempfile::tempdir().unwrap();
    for flavour in FLAVOURS {
        let sim = sim("rvc-webui", flavour).await;
        let subject = at("rvc", &sim).await;
        let wish = json!({"voice": "alice", "transpose": -12, "f0_method": "pm", "index_rate": 0.5, "protect": 0.2});
        let (outcome, port) = Run::start(&subject, convert(&subject, folder.path(), "voice", wish)).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{flavour}: {outcome:?}");
        assert_eq!((outcome.results.len(), outcome.results[0].role.as_str()), (1, "audio"));
        let sound = port.read(&outcome.results[0]);
        let sound = String::from_utf8_lossy(&sound);
        let rest = match flavour {
            "webui" => "-12,\"pm\",\"logs/alice/added.index\",0.5,0,0.25,0.2",
            _ => "-12,null,\"pm\",\"logs/alice/added.index\",\"\",0.5,3,0,0.25,0.2",
        };
        let wanted = format!("voice=alice.pth bytes={} rest={rest}", RECORDING.len());
        assert!(sound.ends_with(&wanted), "{flavour}: {sound}");
        assert!(port.notes().log[0].contains("Success"), "{:?}", port.notes().log);
        // The recording goes inside the message, or to the server before it.
        assert_eq!(sim.ledger().uploads.len(), usize::from(flavour != "webui"));
        assert_eq!(sim.ledger().forbidden, [""; 0]);
    }
}

#[tokio::test]
async fn two_conversions_at_once_keep_their_voices() {
    let folder = tempfile::tempdir().unwrap();
    for flavour in FLAVOURS {
        let sim = sim("rvc-webui", flavour).await;
        let subject = at("rvc", &sim).await;
        let voices = ["alice", "bob", "alice", "bob"];
        let runs: Vec<(&str, Run)> = voices
            .iter()
            .map(|voice| {
                let attempt = convert(&subject, folder.path(), "voice", json!({"voice": voice}));
                (*voice, Run::start(&subject, attempt))
            })
            .collect();
        for (voice, run) in runs {
            let (outcome, port) = run.outcome().await;
            let sound = port.read(&outcome.results[0]);
            let wanted = format!("voice={voice}.pth ");
            assert!(String::from_utf8_lossy(&sound).contains(&wanted), "{flavour}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    for flavour in FLAVOURS {
        let sim = sim("rvc-webui", flavour).await;
        let subject = at("rvc", &sim).await;
        let other = if flavour == "webui" { "crepe" } else { "fcpe" };
        for (payload, code, words) in [
            (
                json!({"voice": "carol"}),
                "rvc.unknown-voice",
                "there is no voice \"carol\"; it has alice.pth, bob.pth, broken.pth",
            ),
            (json!({"voice": "broken"}), "rvc.voice-failed", "it could not load the voice \"broken.pth\""),
            (json!({"voice": "alice", "f0_method": other}), "rvc.bad-conversion", "this RVC takes pm"),
            (json!({"voice": "alice", "resample_sr": 8000}), "rvc.bad-conversion", "it takes 0, or 16000 to 48000 Hz"),
            (
                json!({"voice": "alice", "audio": "mdd-file:other"}),
                "rvc.missing-file",
                "which names no file of the job",
            ),
            (json!({"voice": 7}), "rvc.bad-conversion", "the payload is no conversion"),
        ] {
            let error = Run::start(&subject, convert(&subject, folder.path(), "voice", payload)).error().await;
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::REJECTED, code), "{flavour}: {error:?}");
            assert_eq!(error.effect, Effect::NONE, "{flavour}: {error:?}");
            assert!(error.message.contains(words), "{flavour}: {}", error.message);
        }
        let ledger = sim.ledger();
        // Loading a voice is a call, too; no conversion was one.
        assert!(ledger.jobs.len() <= 1, "{flavour}: {:?}", ledger.jobs);
    }
}

#[tokio::test]
async fn an_answer_of_somebody_else_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let sim = sim("rvc-webui", "webui").await;
    let subject = at("rvc", &sim).await;
    sim.inject(Fault::Html.on("/api/infer_refresh")).await;
    let error =
        Run::start(&subject, convert(&subject, folder.path(), "voice", json!({"voice": "alice"}))).error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::PROTOCOL, Effect::NONE), "{error:?}");
    assert!(error.message.contains("a web page"), "{}", error.message);
}

#[tokio::test]
async fn silence_during_a_conversion_of_ours_is_work() {
    let folder = tempfile::tempdir().unwrap();
    for flavour in FLAVOURS {
        let sim = sim("rvc-webui", flavour).await;
        let subject = at("rvc", &sim).await;
        let run = Run::start(&subject, convert(&subject, folder.path(), "slow", json!({"voice": "bob"})));
        run.port.until_stage(Stage::RUNNING).await;
        sim.inject(Fault::Hang).await;
        let sample = subject.check().await.unwrap();
        assert_eq!(sample.queue.unwrap().running, 1, "{flavour}");
        run.port.cancel();
        let (outcome, _) = run.outcome().await;
        assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, true), "{flavour}");
        assert_eq!(sim.ledger().jobs.last().unwrap().state, JobState::Started, "{flavour}: nothing stops it");
        // With nothing of ours at work, silence is what it is.
        assert_eq!(subject.check().await.unwrap_err().kind, ErrorKind::TIMEOUT, "{flavour}");
    }
}
