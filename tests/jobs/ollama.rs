//! Ollama, played by the script of its documentation: what goes wrong, each under its code.

use crate::run::{Run, attempt, resumed_at};
use mdd_driver_api::{Effect, ErrorKind, Stage, model::OutcomeStatus};
use mdd_replay::Script;
use mdd_sim::{Fault, Options, Rule, Sim};
use mdd_tests::Subject;
use serde_json::{Value, json};

const SCRIPT: &str = include_str!("../../drivers/ollama/conformance/ollama.json");
const CHAT: &str = "/api/chat";

/// Ollama with another answer to one of the questions.
async fn answering(question: &str, answer: Value) -> Sim {
    let mut script: Value = serde_json::from_str(SCRIPT).unwrap();
    let exchanges = script["exchanges"].as_array_mut().unwrap();
    let exchange = exchanges.iter_mut().find(|exchange| exchange["request"] == question);
    exchange.unwrap_or_else(|| panic!("the script has no {question}"))["answer"] = answer;
    play(&script.to_string()).await
}

async fn play(script: &str) -> Sim {
    let script = Script::parse("ollama", script, |_| None).unwrap();
    Sim::start(Options::replay(script)).await.unwrap()
}

/// Ollama with something wrong from the start.
async fn broken(fault: impl Into<Rule>) -> Sim {
    let sim = play(SCRIPT).await;
    sim.inject(fault).await;
    sim
}

fn chat() -> Value {
    json!({"model": "llama3.2", "messages": [{"role": "user", "content": "why is the sky blue?"}]})
}

fn without_model() -> Value {
    json!({"messages": [{"role": "user", "content": "why is the sky blue?"}]})
}

#[tokio::test]
async fn refusals_are_told_apart_and_start_nothing() {
    let list = |names: &[&str]| {
        let models: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        json!({"json": {"models": models}})
    };
    let unknown = json!({"status": 404, "json": {"error": "model 'llama3.2' not found"}});
    for (sim, payload, kind, code, words) in [
        (broken(Fault::Status(400).on(CHAT)).await, chat(), ErrorKind::REJECTED, "bad-request", "HTTP 400"),
        (play(SCRIPT).await, json!([1]), ErrorKind::REJECTED, "bad-request", "no object"),
        (broken(Fault::Status(503).on(CHAT)).await, chat(), ErrorKind::BUSY, "busy", "HTTP 503"),
        (broken(Fault::Status(500).on(CHAT)).await, chat(), ErrorKind::REJECTED, "failed", "HTTP 500"),
        (answering("POST /api/chat", unknown).await, chat(), ErrorKind::REJECTED, "no-model", "not found"),
        (
            answering("GET /api/tags", list(&[])).await,
            without_model(),
            ErrorKind::REJECTED,
            "no-model",
            "Ollama has none",
        ),
        (
            answering("GET /api/tags", list(&["llama3.2", "qwen3"])).await,
            without_model(),
            ErrorKind::REJECTED,
            "no-model",
            "Ollama has llama3.2, qwen3",
        ),
    ] {
        let subject = Subject::backend("ollama", &sim.url());
        let error = Run::start(&subject, attempt("chat", payload)).error().await;
        assert_eq!((error.kind, error.effect), (kind, Effect::NONE), "{error:?}");
        assert_eq!(error.code.as_str(), format!("ollama.{code}"), "{error:?}");
        assert!(error.message.contains(words), "{error:?}");
    }
}

#[tokio::test]
async fn a_model_that_fails_or_breaks_off_keeps_what_came() {
    let piece = json!({"json": {"message": {"role": "assistant", "content": "The sky "}, "done": false}});
    for (last, code) in [
        (json!({"json": {"error": "an error was encountered while running the model"}}), "ollama.failed"),
        (json!("<html>"), "ollama.broke-off"),
        (json!({"wait_ms": 1}), "ollama.broke-off"),
    ] {
        let answer = json!({"headers": {"content-type": "application/x-ndjson"}, "pieces": [piece, last]});
        let sim = answering("POST /api/chat", answer).await;
        let subject = Subject::backend("ollama", &sim.url());
        let (outcome, port) = Run::start(&subject, attempt("chat", chat())).outcome().await;
        assert_eq!((outcome.status, outcome.problem.unwrap().code.as_str()), (OutcomeStatus::Failed, code));
        assert_eq!(port.notes().text, "The sky ");
    }
}

#[tokio::test]
async fn what_was_never_sent_is_told_from_what_was_lost() {
    let sim = play(SCRIPT).await;
    let subject = Subject::backend("ollama", &sim.url());
    sim.stop().await;
    let error = Run::start(&subject, attempt("chat", chat())).error().await;
    assert_eq!((error.code.as_str(), error.effect), ("ollama.not-sent", Effect::NONE), "{error:?}");

    let sim = broken(Fault::Drop.on(CHAT)).await;
    let subject = Subject::backend("ollama", &sim.url());
    let (outcome, _) = Run::start(&subject, attempt("chat", chat())).outcome().await;
    let problem = outcome.problem.unwrap();
    assert_eq!((outcome.status, problem.code.as_str()), (OutcomeStatus::Unknown, "ollama.answer-lost"));
    let left = |stage| resumed_at(attempt("chat", chat()), stage, json!({"v": 1}), 1000, None);
    for (stage, status, code) in [
        (Stage::SENT, OutcomeStatus::Unknown, "ollama.answer-lost"),
        (Stage::ACKED, OutcomeStatus::Failed, "ollama.broke-off"),
    ] {
        let (outcome, _) = Run::start(&subject, left(stage)).outcome().await;
        assert_eq!((outcome.status, outcome.problem.unwrap().code.as_str()), (status, code));
    }
    assert_eq!(sim.ledger().requests_to(CHAT), 1, "what was sent once is not sent again");
}

#[tokio::test]
async fn the_first_word_is_waited_for_as_long_as_was_said() {
    let sim = broken(Fault::Hang.on(CHAT)).await;
    let subject = Subject::with("ollama", &sim.url(), json!({"first_word_seconds": 1}), None).unwrap().promoted();
    let (outcome, _) = Run::start(&subject, attempt("chat", chat())).outcome().await;
    assert_eq!((outcome.status, outcome.problem.unwrap().code.as_str()), (OutcomeStatus::Failed, "ollama.no-answer"));
}
