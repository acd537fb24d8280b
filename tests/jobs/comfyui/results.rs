//! What goes in and what comes out.

use super::{VERSIONS, copied, others, picture, sim};
use crate::{
    PATIENCE,
    run::{Run, add_file, attempt, resumed, resumed_at},
};
use mdd_driver_api::{ErrorKind, Stage, model::OutcomeStatus};
use mdd_sim::Fault;
use mdd_tests::Subject;
use serde_json::json;

/// A picture as some server once made it, different for every colour.
async fn png(color: u32) -> Vec<u8> {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let (outcome, port) = Run::start(&subject, attempt("workflow", picture(color))).outcome().await;
    port.read(&outcome.results[0])
}

#[tokio::test]
async fn a_picture_is_downloaded_with_its_role() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let (outcome, port) = Run::start(&subject, attempt("workflow", picture(255))).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{version}: {outcome:?}");
        let saved = &outcome.results[0];
        assert_eq!((saved.name.as_str(), saved.role.as_str()), ("0-mdd_00001_.png", "image"));
        assert!(port.read(saved).starts_with(b"\x89PNG"));
        assert_eq!((outcome.text, outcome.problem, outcome.remote_still_running), (None, None, false));
        let fetching = port.notes().checkpoints.last().cloned().unwrap();
        assert_eq!(fetching.stage, Stage::FETCHING);
        assert_eq!(fetching.state["harvest"]["saved"][0]["name"], "0-mdd_00001_.png");
    }
}

#[tokio::test]
async fn a_rerun_from_the_cache_has_its_results_too() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        for _ in 0..2 {
            let (outcome, _) = Run::start(&subject, attempt("workflow", picture(7))).outcome().await;
            assert_eq!((outcome.status, outcome.results.len()), (OutcomeStatus::Done, 1), "{version}");
        }
    }
}

#[tokio::test]
async fn texts_are_results_and_previews_only_where_there_is_nothing_else() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let mut workflow = picture(1);
        workflow["3"] = json!({"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}});
        workflow["4"] = json!({"class_type": "GetImageSize", "inputs": {"image": ["1", 0]}});
        workflow["5"] = json!({"class_type": "PreviewAny", "inputs": {"source": ["4", 0]}});
        let (outcome, _) = Run::start(&subject, attempt("workflow", workflow.clone())).outcome().await;
        assert_eq!(outcome.text.as_deref(), Some("64"), "{version}: {outcome:?}");
        assert_eq!(outcome.results.len(), 1);
        assert!(outcome.results[0].name.contains("mdd_"), "{outcome:?}");
        workflow.as_object_mut().unwrap().remove("2");
        let (outcome, _) = Run::start(&subject, attempt("workflow", workflow)).outcome().await;
        assert!(outcome.results[0].name.contains("ComfyUI_temp_"), "{outcome:?}");
    }
}

#[tokio::test]
async fn files_are_uploaded_and_named_as_the_server_names_them() {
    let (first, second) = (png(1).await, png(2).await);
    assert_ne!(first, second);
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let folder = tempfile::tempdir().unwrap();
        for (bytes, name) in [(&first, "ref.png"), (&second, "ref (1).png"), (&first, "ref.png")] {
            let mut attempt = attempt("workflow", copied());
            add_file(&subject, folder.path(), &mut attempt, "ref", bytes);
            add_file(&subject, folder.path(), &mut attempt, "not-named", b"x");
            let (outcome, port) = Run::start(&subject, attempt).outcome().await;
            assert_eq!(outcome.status, OutcomeStatus::Done, "{version}: {outcome:?}");
            assert_eq!(&port.read(&outcome.results[0]), bytes);
            let upload = sim.ledger().uploads.last().cloned().unwrap();
            assert_eq!((upload.name.as_str(), upload.subfolder.as_str()), (name, "mdd-host"));
            assert_eq!(upload.bytes, bytes.len() as u64);
        }
        assert_eq!(sim.ledger().uploads.len(), 3, "only what is named is sent");
    }
}

#[tokio::test]
async fn what_was_uploaded_is_not_uploaded_again() {
    let bytes = png(3).await;
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let folder = tempfile::tempdir().unwrap();
    let mut first = attempt("workflow", copied());
    add_file(&subject, folder.path(), &mut first, "ref", &bytes);
    sim.inject(Fault::Drop.on("/prompt").times(1)).await;
    let run = Run::start(&subject, first.clone());
    let port = run.port.clone();
    run.error().await;
    let prepared = port.until_stage(Stage::PREPARED).await;
    assert_eq!((prepared.remote_id.as_str(), &prepared.state["uploads"]["ref"]), ("", &json!("mdd-host/ref.png")));
    let (outcome, _) = Run::start(&subject, resumed(first, &prepared, None)).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done, "{outcome:?}");
    assert_eq!(sim.ledger().uploads.len(), 1);
}

#[tokio::test]
async fn an_upload_that_fails_has_started_nothing() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let folder = tempfile::tempdir().unwrap();
    for (fault, kind) in [
        (Fault::Reset, ErrorKind::TRANSPORT),
        (Fault::Html, ErrorKind::REJECTED),
        (Fault::EmptyBody, ErrorKind::REJECTED),
    ] {
        sim.inject(fault.clone().on("/upload").times(1)).await;
        let mut attempt = attempt("workflow", copied());
        add_file(&subject, folder.path(), &mut attempt, "ref", b"bytes");
        let error = Run::start(&subject, attempt).error().await;
        assert_eq!((error.kind, error.effect), (kind, mdd_driver_api::Effect::NONE), "{fault:?}: {error:?}");
    }
    assert!(sim.ledger().jobs.is_empty());
}

#[tokio::test]
async fn fetching_goes_on_where_it_stopped() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let mut workflow = picture(9);
    workflow["1"]["inputs"]["batch_size"] = json!(3);
    let run = Run::start(&subject, attempt("workflow", workflow));
    let saved = |notes: &crate::port::Notes| {
        let noted = notes.checkpoints.iter().find(|noted| noted.state["harvest"]["saved"][0].is_object());
        noted.cloned()
    };
    let noted = run.port.until(saved).await;
    let left = run.detach().await;
    // Not even the history is needed any more.
    others::post(&sim, "/history", &json!({"clear": true})).await;
    let before = sim.ledger().requests_to("/view");
    let (outcome, port) = Run::start(&subject, resumed(left, &noted, None)).outcome().await;
    assert_eq!((outcome.status, outcome.results.len()), (OutcomeStatus::Done, 3), "{outcome:?}");
    assert_eq!(port.notes().results.len(), 2, "the first one was there");
    assert_eq!(sim.ledger().requests_to("/view") - before, 2);
    assert_eq!(sim.ledger().requests_to("/history/"), 1);
}

#[tokio::test]
async fn a_result_that_is_gone_is_said_and_the_others_are_kept() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let there = Run::start(&subject, attempt("workflow", picture(1)));
    there.outcome().await;
    let item = |name: &str| json!({"filename": name, "subfolder": "", "folder": "output"});
    let harvest = json!({"items": [item("gone.png"), item("mdd_00001_.png")], "text": null, "saved": []});
    let state = json!({"v": 1, "client_id": "c", "uploads": {}, "harvest": harvest});
    let left = resumed_at(attempt("workflow", picture(1)), Stage::FETCHING, state, 0, None);
    let (outcome, _) = Run::start(&subject, left).outcome().await;
    assert_eq!((outcome.status, outcome.results.len()), (OutcomeStatus::Failed, 1));
    let problem = outcome.problem.unwrap();
    assert_eq!(problem.code, "comfyui.missing-result");
    assert_eq!(problem.observation, "1 of 2 results were gone from the server when they were fetched");
}

#[tokio::test]
async fn a_download_that_breaks_is_tried_again_later() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    // Broken once, it would go on by itself.
    sim.inject(Fault::HalfJson.on("/view")).await;
    let run = Run::start(&subject, attempt("workflow", picture(1)));
    let (port, first) = (run.port.clone(), run.attempt.clone());
    let error = run.error().await;
    sim.clear_faults().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, mdd_driver_api::Effect::UNKNOWN), "{error:?}");
    let noted = port.until_stage(Stage::FETCHING).await;
    let (outcome, port) = Run::start(&subject, resumed(first, &noted, None)).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done);
    assert!(port.read(&outcome.results[0]).starts_with(b"\x89PNG"));
    let _quiet = sim.wait_for(|ledger| ledger.jobs.len() == 1, PATIENCE).await.unwrap();
}
