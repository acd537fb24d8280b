//! ComfyUI: each recorded session is acted again, as far as the recording needs it.

mod events;
mod session;

use mdd_sim::{Options, Sim};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use self::session::{CLIENT, Session, empty_image, slow};
use super::{files, json as recorded, text};
use crate::{
    http::{get, post, post_text, request},
    normal::assert_same,
};

#[tokio::test]
async fn version_0_3_64_answers_as_recorded() {
    compare_all("0.3.64").await;
}

#[tokio::test]
async fn version_0_33_0_answers_as_recorded() {
    compare_all("0.33.0").await;
}

async fn compare_all(version: &str) {
    let folder = format!("comfyui-{version}");
    for name in files(&folder) {
        let sim = Sim::start(Options::new("comfyui").version(version)).await.unwrap();
        compare(&sim, &folder, &name).await;
    }
}

async fn compare(sim: &Sim, folder: &str, name: &str) {
    let stem = name.split_once('.').expect("names have endings").0;
    let expect = |got: Value| assert_same(&got, &recorded(folder, name), &format!("{folder}/{name}"));
    let id = "5c1e9a52-75a8-4f0f-9f0e-5c5b9f6e7a01";
    match stem {
        "features" => expect(get(sim, "/features").await.json()),
        "prompt_get" => expect(get(sim, "/prompt").await.json()),
        "queue_idle" => expect(get(sim, "/queue").await.json()),
        "history_empty" => expect(get(sim, &format!("/history/{id}")).await.json()),
        "object_info_one" => expect(get(sim, "/object_info/EmptyImage").await.json()),
        "jobs" => expect(get(sim, "/api/jobs?status=pending,in_progress").await.json()),
        "job_unknown" => {
            let response = get(sim, &format!("/api/jobs/{id}")).await;
            assert_eq!(response.status, 404);
            expect(response.json());
        }
        "object_info_trimmed" => compare_definitions(sim, folder, name).await,
        "system_stats" => compare_stats(sim, folder, name).await,
        "upload_image_response" => expect(upload(sim).await),
        "prompt_response" => {
            let body = json!({ "prompt": workflow(folder), "client_id": CLIENT });
            expect(post(sim, "/prompt", &body).await.json());
        }
        "workflow_emptyimage" => {
            let mut session = Session::open(sim).await;
            session.run(workflow(folder)).await;
            let entry = &session.last_history().await[&session.last];
            assert_eq!(entry["status"]["status_str"], "success", "{folder}/{name}");
        }
        "history_success" => {
            let mut session = Session::open(sim).await;
            session.run(workflow(folder)).await;
            expect(session.last_history().await);
        }
        "history_cached" => {
            let mut session = Session::open(sim).await;
            session.run(workflow(folder)).await;
            session.run(workflow(folder)).await;
            expect(session.last_history().await);
        }
        "history_error" => {
            let mut session = Session::open(sim).await;
            session.run(workflow(folder)).await;
            session.skip_to(26).await;
            session.run(session::failing()).await;
            expect(session.last_history().await);
        }
        "history_interrupted" => {
            let mut session = Session::open(sim).await;
            session.skip_to(27).await;
            session.post(slow(100, 40)).await;
            session.wait_for_kind("progress").await;
            session.interrupt().await;
            expect(session.last_history().await);
        }
        "queue_busy" => {
            let mut session = Session::open(sim).await;
            session.skip_to(27).await;
            session.fill_queue().await;
            expect(get(sim, "/queue").await.json());
        }
        "jobs_busy" => {
            session::whole(sim, &workflow(folder)).await;
            expect(get(sim, "/api/jobs").await.json());
        }
        "jobs_list" => {
            session::with_cancelled(sim).await;
            expect(get(sim, "/api/jobs?limit=2").await.json());
        }
        "job_cancelled" | "job_completed" => {
            let ids = session::with_cancelled(sim).await;
            let id = if stem == "job_completed" { &ids.completed } else { &ids.cancelled };
            expect(get(sim, &format!("/api/jobs/{id}")).await.json());
        }
        "raw_empty_body" => compare_raw(sim, folder, name, "", &[]).await,
        "raw_invalid_json" => compare_raw(sim, folder, name, "{not json", &[]).await,
        "raw_json_array" => compare_raw(sim, folder, name, "[]", &[]).await,
        "raw_text_plain" => {
            Session::open(sim).await.skip_to(24).await;
            let body = json!({ "prompt": workflow(folder) }).to_string();
            compare_raw(sim, folder, name, &body, &[("Content-Type", "text/plain")]).await;
        }
        "raw_no_ct" => {
            Session::open(sim).await.skip_to(25).await;
            let body = json!({ "prompt": workflow(folder) }).to_string();
            compare_raw(sim, folder, name, &body, &[]).await;
        }
        "partial_one_bad_output" => {
            Session::open(sim).await.skip_to(21).await;
            compare_post(sim, folder, name).await;
        }
        "ui_workflow_format" => compare_post(sim, folder, name).await,
        stem if stem.starts_with("err_") => compare_post(sim, folder, name).await,
        stem if stem.starts_with("ws_events") => events::compare(sim, folder, name).await,
        _ => panic!("{folder}/{name} is compared with nothing"),
    }
}

fn workflow(folder: &str) -> Value {
    let workflow = recorded(folder, "workflow_emptyimage.json");
    assert_eq!(workflow, empty_image(255));
    workflow
}

/// The recorded request of a file.
#[derive(Deserialize)]
struct Request {
    request: Box<RawValue>,
}

/// A recording of `{request, status, response}` or `{request, status, response_text, content_type}`.
async fn compare_post(sim: &Sim, folder: &str, name: &str) {
    let recorded = recorded(folder, name);
    // As text, because the order of members decides which error is found first.
    let request: Request = serde_json::from_str(&text(folder, name)).expect("the recording has a request");
    let response = post_text(sim, "/prompt", request.request.get()).await;
    assert_eq!(response.status, recorded["status"], "{folder}/{name}");
    match recorded.get("response_text") {
        Some(text) => {
            assert_eq!(response.text(), *text, "{folder}/{name}");
            assert_eq!(response.header("content-type"), recorded["content_type"].as_str(), "{folder}/{name}");
        }
        None => assert_same(&response.json(), &recorded["response"], &format!("{folder}/{name}")),
    }
}

/// A recording of `{status, content_type, body}`, whose body is compared byte by byte but for the ids.
async fn compare_raw(sim: &Sim, folder: &str, name: &str, body: &str, headers: &[(&str, &str)]) {
    let recorded = recorded(folder, name);
    let response = request(sim, "POST", "/prompt", headers, body.as_bytes()).await;
    let masked = |text: &str| crate::normal::masked(text, "\"prompt_id\": \"", "\"");
    assert_eq!(response.status, recorded["status"], "{folder}/{name}");
    assert_eq!(response.header("content-type"), recorded["content_type"].as_str(), "{folder}/{name}");
    assert_eq!(masked(&response.text()), masked(recorded["body"].as_str().unwrap()), "{folder}/{name}");
}

/// The recording was trimmed to a few classes; each of them must be the same.
async fn compare_definitions(sim: &Sim, folder: &str, name: &str) {
    let all = get(sim, "/object_info").await.json();
    for (class, definition) in recorded(folder, name).as_object().unwrap() {
        assert_eq!(all[class], *definition, "{folder}/{name}: {class}");
        let one = get(sim, &format!("/api/object_info/{class}")).await.json();
        assert_eq!(one, json!({ class: definition }), "{folder}/{name}: {class}");
    }
}

async fn compare_stats(sim: &Sim, folder: &str, name: &str) {
    let response = get(sim, "/system_stats").await;
    assert_eq!(response.status, 200);
    let mut expected = recorded(folder, name);
    // The sixth argument is the port.
    expected["system"]["argv"][5] = json!(sim.addr().port().to_string());
    assert_same(&response.json(), &expected, &format!("{folder}/{name}"));
    // The order of members as well, which JSON values do not compare.
    let order = |text: &str| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let port = |names: Vec<String>| names.into_iter().filter(|name| name.parse::<u16>().is_err()).collect::<Vec<_>>();
    assert_eq!(port(order(&response.text())), port(order(&text(folder, name))), "{folder}/{name}");
}

async fn upload(sim: &Sim) -> Value {
    let body = "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"ref.png\"\r\n\
                Content-Type: image/png\r\n\r\nnot really a picture\r\n--b--\r\n";
    let headers = [("Content-Type", "multipart/form-data; boundary=b")];
    request(sim, "POST", "/upload/image", &headers, body.as_bytes()).await.json()
}
