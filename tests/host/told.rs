//! Codes that no service of today makes its driver say: a driver that does as it is told says each of them.

use crate::{steps::FINE, watched::SOON};
use mdd_core::{
    events::JobState,
    jobs::{Submission, Target},
};
use mdd_tests::{Answer, Running, Stub, Subject, in_own_network, plugins};
use serde_json::Value;

const fn answer(body: &'static str) -> Answer {
    (200, "application/json", body)
}

#[tokio::test]
async fn an_error_without_a_code_is_named_by_its_kind() {
    let folder = plugins(&["told"]);
    for (body, code) in [
        (r#"{"error": [1, ""]}"#, "connection-failed"),
        (r#"{"error": [3, ""]}"#, "unexpected-answer"),
        (r#"{"error": [4, ""]}"#, "request-rejected"),
        (r#"{"error": [5, ""]}"#, "bad-setting"),
        (r#"{"error": [8, ""]}"#, "unsupported-version"),
        (r#"{"error": [10, ""]}"#, "service-busy"),
        (r#"{"error": [11, ""]}"#, "answer-too-large"),
        (r#"{"error": [12, ""]}"#, "host-fault"),
        (r#"{"error": [77, ""]}"#, "unknown-error"),
    ] {
        says(folder.path(), body, code).await;
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_is_told_with_its_reason() {
    let folder = plugins(&["told"]);
    for (body, code) in [
        (r#"{"ask": {"target": "http://127.0.0.1:9/"}}"#, "blocked-by-policy"),
        (r#"{"ask": {"secret": "key"}}"#, "missing-secret"),
        (r#"{"ask": {"file": "nowhere"}}"#, "file-unreadable"),
        (r#"{"ask": {"segment": 99}}"#, "unknown-segment"),
        (r#"{"ask": {"target": "/held", "ms": 300}}"#, "took-too-long"),
    ] {
        says(folder.path(), body, code).await;
    }
}

/// A driver may go on for a moment after its backend was taken away.
#[tokio::test]
async fn a_question_that_is_asked_after_the_end_is_not_sent() {
    let stub = Stub::start(&[], answer("{}")).await;
    let subject = Subject::backend("told", &stub.url);
    subject.check().await.unwrap();
    subject.instance.close();
    assert_eq!(subject.check().await.unwrap_err().code.as_str(), "instance-closed");
}

/// The code of the driver that authors begin with.
#[tokio::test]
async fn the_template_says_that_its_service_is_asleep() {
    let folder = plugins(&["template"]);
    let stub = Stub::start(&[], answer(r#"{"service": "template", "awake": false}"#)).await;
    let running = Running::start(folder.path(), &[("template", &stub.url)]);
    let is_told = |reason: &mdd_core::diagnosis::Reason| reason.code == "template.asleep";
    running.until("template", SOON, |view| view.reason.as_ref().is_some_and(is_told)).await;
}

/// A driver's check does that, and the backend shows it.
async fn says(plugins: &std::path::Path, body: &'static str, code: &str) {
    let stub = Stub::start(&[("/check", answer(body))], FINE).await;
    stub.hold("/held");
    let running = Running::start(plugins, &[("told", &stub.url)]);
    let has_code = |reason: &mdd_core::diagnosis::Reason| reason.code == code;
    let shown = running.until("told", SOON, |view| view.reason.as_ref().is_some_and(has_code)).await;
    let reason = shown.reason.unwrap();
    assert!(!reason.observation.is_empty() && !reason.meaning.is_empty(), "{reason:?}");
}

#[tokio::test]
async fn the_end_of_a_job_without_a_reason_is_named_by_its_kind() {
    let folder = plugins(&["told"]);
    let stub = Stub::start(&[], FINE).await;
    let running = Running::start(folder.path(), &[("told", &stub.url)]);
    let jobs = running.host.jobs();
    for (body, state, code) in [
        (r#"{"status": "failed"}"#, JobState::Failed, "job-failed"),
        (r#"{"status": "cancelled"}"#, JobState::Cancelled, "job-cancelled"),
        (r#"{"status": "lost"}"#, JobState::Lost, "job-lost"),
        (r#"{"status": "unknown"}"#, JobState::Unknown, "job-unknown"),
    ] {
        stub.answer("/run", answer(body));
        submit(&running, code).await;
        let job = tokio::time::timeout(SOON, jobs.wait(code)).await.unwrap().unwrap();
        assert_eq!((job.state, job.reason.unwrap().code.as_str()), (state, code));
    }
    stub.answer("/run", answer(r#"{"status": "never"}"#));
    submit(&running, "never").await;
    mdd_tests::eventually(&running.host, SOON, |_| {
        jobs.show("never").filter(|job| job.state == JobState::Submitting || job.state == JobState::Running)
    })
    .await;
    let job = tokio::time::timeout(SOON, jobs.cancel("never")).await.unwrap().unwrap();
    assert_eq!((job.state, job.reason.unwrap().code.as_str()), (JobState::Unknown, "cancel-unconfirmed"));
}

#[tokio::test]
async fn a_job_that_its_driver_dies_of_twice_is_held() {
    let folder = plugins(&["told"]);
    let stub = Stub::start(&[("/run", answer(r#"{"panic": true}"#))], FINE).await;
    let running = Running::start(folder.path(), &[("told", &stub.url)]);
    submit(&running, "guilty").await;
    let jobs = running.host.jobs();
    let held =
        mdd_tests::eventually(&running.host, SOON, |_| jobs.show("guilty").filter(|job| job.state == JobState::Held))
            .await;
    assert_eq!(held.reason.unwrap().code, "job-held");
    assert_eq!(stub.asked("/run"), 2);
}

async fn submit(running: &Running, id: &str) {
    let target = Target::Kind("told".to_owned());
    let payload = Value::Object(serde_json::Map::new());
    let submission = Submission { id: id.to_owned(), target, operation: None, payload, files: vec![] };
    running.host.jobs().submit(submission).await.unwrap();
}

#[test]
fn an_address_to_which_there_is_no_way_is_told_from_one_that_refuses() {
    in_own_network("told::an_address_to_which_there_is_no_way_is_told_from_one_that_refuses", async {
        let folder = plugins(&["told"]);
        let sim = mdd_sim::Sim::start("comfyui").await.unwrap();
        let tls = sim.url().replace("http://", "https://");
        for (url, code) in [
            ("http://10.9.8.7:80", "unreachable"),
            ("http://no-such-host.invalid:80", "name-not-found"),
            (tls.as_str(), "tls-failed"),
        ] {
            let running = Running::start(folder.path(), &[("told", url)]);
            running.until("told", SOON, |view| view.reason.as_ref().is_some_and(|reason| reason.code == code)).await;
        }
    });
}
