//! LiteLLM, both recorded versions.

use crate::{
    PATIENCE,
    port::unwritable,
    run::{Run, attempt, resumed_at},
};
use mdd_driver_api::{Effect, ErrorKind, Stage, model::OutcomeStatus};
use mdd_sim::{Fault, JobState, Options, Sim};
use mdd_tests::{Stub, Subject};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const VERSIONS: [&str; 2] = ["1.106.2", "1.75.8"];
const KEY: &str = "sk-of-the-lab";
const CHAT: &str = "/v1/chat/completions";

async fn sim(version: &str) -> Sim {
    Sim::start(Options::new("litellm").version(version)).await.unwrap()
}

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}

#[tokio::test]
async fn an_answer_is_streamed_in_order_to_its_end() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("litellm", &sim.url());
        let (outcome, port) = Run::start(&subject, attempt("chat", chat("mock-gpt"))).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{version}: {outcome:?}");
        assert_eq!(outcome.text.as_deref(), Some("Hello from the mock model."));
        let notes = port.notes();
        assert_eq!((notes.text.as_str(), notes.pieces), ("Hello from the mock model.", 9));
        assert_eq!(notes.log, ["8 tokens in, 6 out"]);
        let stages: Vec<Stage> = notes.checkpoints.iter().map(|noted| noted.stage).collect();
        assert_eq!(stages, [Stage::SENT, Stage::ACKED]);
        // The proxy's own id of the call, for its log.
        assert_eq!(notes.checkpoints[1].remote_id, sim.ledger().jobs[0].prompt_id);
    }
}

#[tokio::test]
async fn law_1_nothing_is_sent_before_it_is_written_down() {
    let sim = Arc::new(sim("1.106.2").await);
    let subject = Subject::backend("litellm", &sim.url());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (watched, writes) = (sim.clone(), seen.clone());
    let run = Run::hooked(&subject, attempt("chat", chat("mock-gpt")), move |stage| {
        writes.lock().unwrap().push((stage, watched.ledger().requests_to(CHAT)));
        Ok(())
    });
    run.outcome().await;
    assert_eq!(*seen.lock().unwrap(), [(Stage::SENT, 0), (Stage::ACKED, 1)]);
    let refuse = |stage| if stage == Stage::SENT { Err(unwritable()) } else { Ok(()) };
    let error = Run::hooked(&subject, attempt("chat", chat("mock-gpt")), refuse).error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::HOST, Effect::NONE));
    assert_eq!(sim.ledger().requests_to(CHAT), 1);
}

#[tokio::test]
async fn a_cancel_ends_the_request_at_the_proxy() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("litellm", &sim.url());
        let run = Run::start(&subject, attempt("chat", chat("slow")));
        let begun = run.port.until(|notes| (notes.pieces > 1).then(|| notes.text.clone())).await;
        run.port.cancel();
        let (outcome, port) = run.outcome().await;
        assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, false), "{version}");
        assert!(outcome.text.unwrap().starts_with(&begun));
        assert!(port.notes().text.starts_with(&begun));
        sim.wait_for(|ledger| ledger.jobs[0].state == JobState::Cancelled, PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn a_cancel_before_the_answer_or_before_anything() {
    let sim = sim("1.106.2").await;
    let subject = Subject::backend("litellm", &sim.url());
    let (outcome, port) = Run::cancelled(&subject, attempt("chat", chat("mock-gpt"))).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Cancelled);
    assert!(port.notes().checkpoints.is_empty());
    assert_eq!(sim.ledger().requests_total, 0);
    sim.inject(Fault::Hang.on(CHAT)).await;
    let run = Run::start(&subject, attempt("chat", chat("mock-gpt")));
    sim.wait_for(|ledger| ledger.requests_to(CHAT) == 1, PATIENCE).await.unwrap();
    run.port.cancel();
    assert_eq!(run.outcome().await.0.status, OutcomeStatus::Cancelled);
    sim.wait_for(|ledger| ledger.connections_open == 0, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn letting_go_ends_it_as_the_inventory_says() {
    let sim = sim("1.106.2").await;
    let subject = Subject::backend("litellm", &sim.url());
    let run = Run::start(&subject, attempt("chat", chat("slow")));
    run.port.until(|notes| (notes.pieces > 0).then_some(())).await;
    run.detach().await;
    sim.wait_for(|ledger| ledger.jobs[0].state == JobState::Cancelled, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_failed_and_kept() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("litellm", &sim.url());
        let (outcome, port) = Run::start(&subject, attempt("chat", chat("midfail"))).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Failed, "{version}");
        assert_eq!(outcome.text.as_deref(), Some("t0 t1 t2 "));
        assert_eq!(port.notes().text, "t0 t1 t2 ");
        let problem = outcome.problem.unwrap();
        assert_eq!(problem.code, "litellm.provider-failed");
        assert!(problem.observation.contains("APIConnectionError"), "{}", problem.observation);
    }
}

#[tokio::test]
async fn a_proxy_that_dies_in_the_middle_leaves_what_came() {
    let sim = sim("1.106.2").await;
    let subject = Subject::backend("litellm", &sim.url());
    let run = Run::start(&subject, attempt("chat", chat("slow")));
    run.port.until(|notes| (notes.pieces > 1).then_some(())).await;
    sim.stop().await;
    let (outcome, port) = run.outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Failed);
    assert_eq!(outcome.problem.unwrap().code, "litellm.stream-broke");
    assert!(!port.notes().text.is_empty());
    assert_eq!(outcome.text, Some(port.notes().text));
}

#[tokio::test]
async fn every_recorded_failure_is_told_apart() {
    use ErrorKind as K;
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("litellm", &sim.url());
        for (model, kind, code, wait) in [
            ("no-such-model", K::REJECTED, "litellm.unknown-model", 0),
            ("dead-upstream", K::REJECTED, "litellm.provider-failed", 0),
            ("auth", K::REJECTED, "litellm.provider-key", 0),
            ("ratelimit", K::BUSY, "litellm.rate-limited", 7000),
            ("five", K::REJECTED, "litellm.provider-failed", 0),
            ("ctx", K::REJECTED, "litellm.context-window", 0),
            ("hang", K::REJECTED, "litellm.provider-timeout", 0),
        ] {
            let run = Run::start(&subject, attempt("chat", chat(model)));
            let port = run.port.clone();
            let error = run.error().await;
            assert_eq!((error.kind, error.code.as_str()), (kind, code), "{version} {model}: {error:?}");
            assert_eq!((error.effect, error.retry_after_ms), (Effect::NONE, wait), "{version} {model}");
            assert_eq!(port.notes().text, "");
        }
    }
}

#[tokio::test]
async fn a_key_is_asked_for_and_used() {
    for (prisma, version) in [(true, "1.106.2"), (false, "1.106.2"), (true, "1.75.8")] {
        let options = Options::new("litellm").version(version).key(KEY);
        let sim = Sim::start(if prisma { options } else { options.without_prisma() }).await.unwrap();
        let without = Subject::backend("litellm", &sim.url());
        let error = Run::start(&without, attempt("chat", chat("mock-gpt"))).error().await;
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::AUTH, "litellm.key-missing"), "{error:?}");
        let wrong = Subject::with_key("litellm", &sim.url(), "sk-wrong");
        let error = Run::start(&wrong, attempt("chat", chat("mock-gpt"))).error().await;
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::AUTH, "litellm.key-rejected"), "{error:?}");
        assert_eq!(error.effect, Effect::NONE);
        let right = Subject::with_key("litellm", &sim.url(), KEY);
        let (outcome, _) = Run::start(&right, attempt("chat", chat("mock-gpt"))).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done);
    }
}

#[tokio::test]
async fn what_was_sent_once_is_never_sent_again() {
    let sim = sim("1.106.2").await;
    let subject = Subject::backend("litellm", &sim.url());
    for (stage, status, code) in [
        (Stage::SENT, OutcomeStatus::Unknown, "litellm.answer-lost"),
        (Stage::ACKED, OutcomeStatus::Failed, "litellm.stream-broke"),
    ] {
        for same_boot in [Some(true), Some(false), None] {
            let left = resumed_at(attempt("chat", chat("mock-gpt")), stage, json!({"v": 1}), 60_000, same_boot);
            let (outcome, _) = Run::start(&subject, left).outcome().await;
            assert_eq!((outcome.status, outcome.problem.unwrap().code.as_str()), (status, code));
        }
    }
    assert_eq!(sim.ledger().requests_total, 0);
}

#[tokio::test]
async fn an_answer_that_never_came_is_told_from_a_chat_that_was_never_sent() {
    let sim = sim("1.106.2").await;
    let subject = Subject::backend("litellm", &sim.url());
    for fault in [Fault::Drop, Fault::Reset, Fault::Garbage] {
        sim.inject(fault.clone().on(CHAT).times(1)).await;
        let (outcome, _) = Run::start(&subject, attempt("chat", chat("mock-gpt"))).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Unknown, "{fault:?}: {outcome:?}");
        assert_eq!(outcome.problem.unwrap().code, "litellm.answer-lost");
    }
    sim.inject(Fault::Html.on(CHAT).times(1)).await;
    let (outcome, _) = Run::start(&subject, attempt("chat", chat("mock-gpt"))).outcome().await;
    assert_eq!(outcome.problem.unwrap().observation, "it answered text/html; charset=utf-8 in place of a stream");
    sim.stop().await;
    let error = Run::start(&subject, attempt("chat", chat("mock-gpt"))).error().await;
    assert_eq!(
        (error.kind, error.effect, error.code.as_str()),
        (ErrorKind::TRANSPORT, Effect::NONE, "litellm.not-sent")
    );
}

#[tokio::test]
async fn the_first_word_is_waited_for_as_long_as_was_said() {
    let sim = sim("1.106.2").await;
    sim.inject(Fault::Hang.on(CHAT)).await;
    let settings = json!({"first_word_seconds": 1});
    let subject = Subject::with("litellm", &sim.url(), settings, None).unwrap().promoted();
    let (outcome, _) = Run::start(&subject, attempt("chat", chat("mock-gpt"))).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Failed);
    let problem = outcome.problem.unwrap();
    assert_eq!(problem.code, "litellm.no-answer");
    assert!(problem.observation.ends_with("did not answer within 1000 ms"), "{}", problem.observation);
    let error = Subject::with("litellm", &sim.url(), json!({"first_word_seconds": 0}), None).err().unwrap();
    assert_eq!(error.kind, ErrorKind::CONFIG);
}

#[tokio::test]
async fn a_chat_without_a_model_takes_the_only_one() {
    let sim = sim("1.106.2").await;
    let subject = Subject::backend("litellm", &sim.url());
    let error = Run::start(&subject, attempt("chat", json!({"messages": []}))).error().await;
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::REJECTED, "litellm.no-model"));
    assert_eq!(error.message, "the chat names no model; the proxy has mock-gpt, mock-writer, dead-upstream");
    assert_eq!(sim.ledger().requests_to(CHAT), 0);
}

/// What the recorded proxies do not say by themselves: each refusal has a code of its own.
#[tokio::test]
async fn refusals_that_a_proxy_may_give_are_told_apart() {
    for (status, body, code) in [
        (400, r#"{"error": {"message": "Budget has been exceeded!", "type": "budget_exceeded"}}"#, "litellm.budget"),
        (
            400,
            r#"{"error": {"message": "litellm.ContentPolicyViolationError: no", "type": "invalid_request_error"}}"#,
            "litellm.content-policy",
        ),
        (
            401,
            r#"{"error": {"message": "key not allowed to access model", "type": "key_model_access_denied"}}"#,
            "litellm.model-denied",
        ),
        (400, r#"{"error": {"message": "so not", "type": "invalid_request_error"}}"#, "litellm.bad-request"),
    ] {
        let stub = Stub::start(&[(CHAT, (status, "application/json", body))], (404, "text/plain", "")).await;
        let subject = Subject::backend("litellm", &stub.url);
        let error = Run::start(&subject, attempt("chat", chat("mock-gpt"))).error().await;
        assert_eq!((error.effect, error.code.as_str()), (Effect::NONE, code), "{error:?}");
        assert_eq!(stub.asked(CHAT), 1, "{code}");
    }
}
