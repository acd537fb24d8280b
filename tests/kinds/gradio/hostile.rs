//! What strangers answer to `/config`, and worse.

use super::KINDS;
use crate::stub::{Answer, Stub};
use mdd_driver_api::{ErrorKind, model::Verdict};
use mdd_tests::Subject;

const NOT_FOUND: Answer = (404, "application/json", "{\"detail\":\"Not Found\"}");

/// A body that lives as long as the test does.
fn lasting(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

async fn config(body: &'static str) -> Stub {
    Stub::start(&[("/config", (200, "application/json", body))], NOT_FOUND).await
}

#[tokio::test]
async fn a_config_of_20_mb_is_refused_while_it_comes() {
    let large = format!("{{\"components\": [], \"dependencies\": [], \"css\": \"{}\"}}", "x".repeat(20 << 20));
    let stub = config(lasting(large)).await;
    for kind in KINDS {
        let error = Subject::of(kind, &stub.url).identify().await.unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::LIMIT, "answer-too-large"), "{kind}");
    }
}

#[tokio::test]
async fn a_config_full_of_nothing_is_read_without_keeping_it() {
    let large =
        format!("{{\"components\": [{}0], \"dependencies\": [{}0]}}", "0,".repeat(3 << 17), "[],".repeat(1 << 17));
    let stub = config(lasting(large)).await;
    for kind in KINDS {
        let identity = Subject::of(kind, &stub.url).identify().await.unwrap();
        assert_eq!(identity.seen, "a Gradio app without a title, not one of ours", "{kind}");
    }
}

#[tokio::test]
async fn nulls_where_strings_belong_are_passed_over() {
    let body = r#"{"version": null, "title": null, "protocol": null, "api_prefix": null, "app_id": null, "root": null,
        "components": [null, {"id": null, "type": null, "props": null}, {"id": 1, "props": {"elem_id": null, "value": NaN}}],
        "dependencies": [null, {"api_name": null, "inputs": null, "outputs": [null]}]}"#;
    let stub = config(body).await;
    for kind in KINDS {
        let identity = Subject::of(kind, &stub.url).identify().await.unwrap();
        assert_eq!(
            (identity.verdict, identity.seen.as_str()),
            (Verdict::No, "a Gradio app without a title, not one of ours")
        );
    }
}

#[tokio::test]
async fn what_is_cut_short_is_an_error_and_no_other_service() {
    let stub = config(r#"{"version": "5.50.0", "components": [{"id": 1"#).await;
    for kind in KINDS {
        let error = Subject::of(kind, &stub.url).identify().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::PROTOCOL, "{kind}");
        assert!(error.message.contains("broken JSON"), "{}", error.message);
    }
}

#[tokio::test]
async fn other_hosts_in_it_are_never_asked() {
    let other = Stub::start(&[], (200, "application/json", "{}")).await;
    let recorded = include_str!("../../fixtures/audioldm2/config.json");
    let mut config: serde_json::Value = serde_json::from_str(recorded).unwrap();
    config["root"] = other.url.clone().into();
    config["api_prefix"] = format!("{}/gradio_api", other.url).into();
    let id = ("/app_id", (200, "application/json", "{\"app_id\": 7}"));
    let status = ("/queue/status", (200, "application/json", "{\"queue_size\": 3}"));
    let answers = [("/config", (200, "application/json", lasting(config.to_string()))), id, status];
    let stub = Stub::start(&answers, NOT_FOUND).await;
    let subject = Subject::of("audioldm", &stub.url);
    assert_eq!(subject.identify().await.unwrap().verdict, Verdict::Mine);
    let sample = subject.promoted().check().await.unwrap();
    assert_eq!((sample.boot.as_deref(), sample.queue.unwrap().pending), (Some("7"), Some(3)));
    assert_eq!((stub.asked("/app_id"), other.asked("/app_id"), other.asked("/gradio_api/app_id")), (1, 0, 0));
}

#[tokio::test]
async fn numbers_without_sense_do_no_harm() {
    let recorded = include_str!("../../fixtures/audioldm2/config.json");
    for (status, pending) in [
        ("{\"queue_size\": NaN}", None),
        ("{\"queue_size\": -7}", Some(0)),
        ("{\"queue_size\": 1e300}", Some(u32::MAX)),
        ("{\"queue_size\": \"many\"}", None),
        ("[]", None),
        ("<html>", None),
    ] {
        let id = ("/app_id", (200, "application/json", "{\"app_id\": 18446744073709551615}"));
        let answers = [
            ("/config", (200, "application/json", recorded)),
            id,
            ("/queue/status", (200, "application/json", status)),
        ];
        let stub = Stub::start(&answers, NOT_FOUND).await;
        let subject = Subject::of("audioldm", &stub.url);
        subject.identify().await.unwrap();
        let sample = subject.promoted().check().await.unwrap();
        assert_eq!(sample.boot.as_deref(), Some("18446744073709551615"), "{status}");
        assert_eq!(sample.queue.and_then(|queue| queue.pending), pending, "{status}");
    }
}

#[tokio::test]
async fn a_login_page_in_place_of_an_answer_is_told() {
    let recorded = include_str!("../../fixtures/audioldm2/config.json");
    let page = (200, "text/html", "<html><title>Sign in</title></html>");
    let answers = [("/config", (200, "application/json", recorded)), ("/app_id", page)];
    let stub = Stub::start(&answers, page).await;
    let subject = Subject::of("audioldm", &stub.url);
    subject.identify().await.unwrap();
    let error = subject.promoted().check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PROTOCOL);
    assert_eq!(error.message, "it answered HTTP 200 with a web page titled \"Sign in\", as no Gradio app does");
}
