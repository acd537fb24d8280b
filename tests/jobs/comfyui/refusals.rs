//! Workflows that the server, or the driver, does not take, and nodes that fail.

use super::{VERSIONS, others, picture, posts, sim, slow};
use crate::run::{Run, attempt};
use mdd_driver_api::{Effect, ErrorKind, Stage, model::OutcomeStatus};
use mdd_tests::{Stub, Subject};
use serde_json::{Value, json};

#[tokio::test]
async fn a_refusal_says_what_is_wrong_and_at_which_node() {
    let missing_model = json!({
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "nope.safetensors"}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "4": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["1", 2]}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "x"}},
    });
    let mut bad_value = picture(1);
    bad_value["1"]["inputs"]["width"] = json!(-1);
    let mut no_output = picture(1);
    no_output.as_object_mut().unwrap().remove("2");
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        for (workflow, code, part) in [
            (&missing_model, "comfyui.missing-model", "asks for \"nope.safetensors\" as ckpt_name"),
            (&bad_value, "comfyui.bad-input", "node 1 (EmptyImage), width: Value -1 smaller than min of 1"),
            (&no_output, "comfyui.no-outputs", "Prompt has no outputs"),
            (&json!({"1": {"class_type": "Nowhere", "inputs": {}}}), "comfyui.missing-node", "Nowhere"),
        ] {
            let error = Run::start(&subject, attempt("workflow", workflow.clone())).error().await;
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::REJECTED, code), "{version}: {error:?}");
            assert_eq!((error.effect, error.http_status), (Effect::NONE, 400));
            assert!(error.message.contains(part), "{version}: {}", error.message);
        }
        assert!(sim.ledger().jobs.is_empty());
    }
}

#[tokio::test]
async fn what_is_no_workflow_is_not_even_sent() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let mut nameless = picture(1);
    nameless["1"]["inputs"]["image"] = json!("mdd-file:ref");
    for (workflow, code) in [
        (json!({"nodes": [], "links": []}), "comfyui.bad-workflow"),
        (Value::Null, "comfyui.bad-workflow"),
        (nameless, "comfyui.missing-file"),
    ] {
        let error = Run::start(&subject, attempt("workflow", workflow)).error().await;
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::REJECTED, code), "{error:?}");
        assert_eq!(error.effect, Effect::NONE);
    }
    let error = Run::start(&subject, attempt("dream", picture(1))).error().await;
    assert_eq!(error.kind, ErrorKind::UNSUPPORTED);
    assert_eq!(posts(&sim), 0);
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_whether_it_has_the_job() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        // The server's own code falls over a node whose inputs are no object.
        let mut odd = picture(1);
        odd["1"]["inputs"] = json!(7);
        let error = Run::start(&subject, attempt("workflow", odd)).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::REJECTED, Effect::NONE), "{version}: {error:?}");
        assert!(sim.ledger().jobs.is_empty());
    }
}

#[tokio::test]
async fn a_server_that_raises_may_have_taken_the_job_nevertheless() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let run = attempt("workflow", picture(1));
    // The first one gets number 0; a second one with our id takes the number that ours will get, which cannot be ordered.
    let first = others::submit(&sim, &slow(2, 6000)).await;
    let twin = json!({"prompt": picture(3), "prompt_id": run.attempt, "number": 1});
    others::post(&sim, "/prompt", &twin).await;
    let run = Run::start(&subject, run);
    run.port.until_stage(Stage::ACKED).await;
    others::post(&sim, "/interrupt", &json!({"prompt_id": first})).await;
    let (outcome, port) = run.outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done, "{outcome:?}");
    assert_eq!(port.notes().log, ["it said that it \"got itself in trouble\", and has taken the job nevertheless"]);
    assert_eq!(posts(&sim), 3, "it is not sent again");
}

#[tokio::test]
async fn a_node_that_fails_is_named_without_the_servers_folders() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let mut workflow = picture(1);
        workflow["7"] = json!({"class_type": "LabError", "inputs": {"image": ["1", 0]}});
        workflow["2"]["inputs"]["images"] = json!(["7", 0]);
        let (outcome, _) = Run::start(&subject, attempt("workflow", workflow)).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Failed, "{version}");
        let problem = outcome.problem.unwrap();
        assert_eq!(problem.code, "comfyui.node-failed");
        assert_eq!(problem.observation, "node 7 (LabError) failed with ValueError: lab error on purpose");
    }
}

#[tokio::test]
async fn a_picture_for_which_there_is_no_memory_is_told_apart() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let mut workflow = picture(1);
        workflow["1"]["inputs"] = json!({"width": 16_384, "height": 16_384, "batch_size": 4_096, "color": 1});
        let (outcome, _) = Run::start(&subject, attempt("workflow", workflow)).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Failed, "{version}");
        let problem = outcome.problem.unwrap();
        mdd_tests::provoked::code(&problem.code);
        assert_eq!(problem.code, "comfyui.out-of-memory");
        assert!(problem.observation.contains("tried to allocate 13194139533312 bytes"), "{}", problem.observation);
    }
}

#[tokio::test]
async fn a_part_that_is_left_out_is_noted() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let mut workflow = picture(1);
    workflow["5"] = json!({"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}});
    let (outcome, port) = Run::start(&subject, attempt("workflow", workflow)).outcome().await;
    assert_eq!((outcome.status, outcome.results.len()), (OutcomeStatus::Done, 1));
    let expected = "a part of the workflow was left out: node 5 (SaveImage), images: Required input is missing";
    assert_eq!(port.notes().log, [expected]);
}

/// What stands before a server may refuse in its place.
#[tokio::test]
async fn refusals_without_a_list_of_errors_are_told_by_their_status() {
    for (answer, code) in [
        ((403, "text/plain", "no"), "comfyui.refused"),
        ((413, "text/plain", "Maximum request body size exceeded"), "comfyui.too-large"),
    ] {
        let stub = Stub::start(&[("/prompt", answer)], (404, "text/plain", "")).await;
        let subject = Subject::backend("comfyui", &stub.url);
        let error = Run::start(&subject, attempt("workflow", picture(1))).error().await;
        assert_eq!((error.effect, error.code.as_str()), (Effect::NONE, code), "{error:?}");
    }
}
