//! Streams that no app should send: a clear end, and nothing that grows.

use super::{
    generate,
    script::{EVENT, Script, Scripted, events},
};
use crate::run::Run;
use mdd_driver_api::{Effect, ErrorKind, Stage, model::OutcomeStatus};
use mdd_tests::Subject;

const STARTS: &str = r#"{"msg":"process_starts","event_id":"e1","eta":null}"#;
const DONE: &str = r#"{"msg":"process_completed","event_id":"e1","output":{"data":["well"]},"success":true}"#;

async fn start(script: Script) -> (Scripted, Subject) {
    let app = Scripted::start(script).await;
    let subject = Subject::of("any-gradio", &app.url);
    subject.identify().await.unwrap();
    (app, subject.promoted())
}

#[tokio::test]
async fn a_stream_that_breaks_off_or_makes_no_sense_is_no_result_and_nothing_is_sent_again() {
    let half = format!("data: {STARTS}\n\ndata: {{\"msg\":\"process_comp").into_bytes();
    let foreign = events(&[STARTS, &DONE.replace(EVENT, "e2"), r#"{"msg":"close_stream","event_id":null}"#]);
    for (what, stream) in [
        ("nothing at all", Vec::new()),
        ("it ends", events(&[STARTS])),
        ("it stops in the middle of a message", half),
        ("it is closed", events(&[STARTS, r#"{"msg":"close_stream","event_id":null}"#])),
        ("it tells of somebody else's call only", foreign),
        ("a web page", b"data: <html><title>Sign in</title></html>\n\n".to_vec()),
        ("no text", b"data: \xff\xfe\n\n".to_vec()),
        ("numbers beyond numbers", events(&[STARTS, r#"{"msg":"progress","event_id":"e1","rank":1e999}"#])),
        (
            "an unknown session",
            events(&[
                r#"{"msg":"unexpected_error","event_id":null,"message":"404: Not Found","session_not_found":true,"success":false}"#,
            ]),
        ),
        (
            "success without a list",
            events(&[
                STARTS,
                r#"{"msg":"process_completed","event_id":"e1","output":{"data":{"x":1}},"success":true}"#,
            ]),
        ),
    ] {
        let (app, subject) = start(Script::saying(stream)).await;
        let error = Run::start(&subject, generate("generate", 0.1)).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{what}: {error:?}");
        assert!(!error.message.is_empty(), "{what}");
        assert_eq!(app.joined(), 1, "{what}");
    }
}

#[tokio::test]
async fn what_is_unknown_or_odd_in_between_is_passed_over() {
    let odd = events(&[
        r#"{"msg":"heartbeat","event_id":null}"#,
        r#"{"msg":"brand_new","event_id":"e1","x":[1]}"#,
        r#"{"msg":"estimation","event_id":"e1","rank":NaN,"queue_size":-5}"#,
        r#"{"msg":"progress","event_id":"e1","progress_data":[{"index":1e308,"length":-1},null,{"progress":Infinity,"desc":7}]}"#,
        r#"{"msg":"progress","event_id":"e1","progress_data":"soon"}"#,
        r#"{"msg":"log","event_id":"e1","log":null}"#,
        r#"{"msg":"process_generating","event_id":"e1","output":[["replace",[9,"x"],1]],"success":true}"#,
        r#"{"msg":"process_completed","event_id":"other","output":{"data":["not yours"]},"success":true}"#,
        STARTS,
        DONE,
    ]);
    let (_app, subject) = start(Script::saying(odd)).await;
    let (outcome, port) = Run::start(&subject, generate("generate", 0.1)).outcome().await;
    assert_eq!((outcome.status, outcome.text.as_deref()), (OutcomeStatus::Done, Some("well")));
    let notes = port.notes();
    assert_eq!(notes.queue, [(0, 0)]);
    assert!(
        notes.progress.iter().all(|(step, total, _)| step.is_finite() && total.is_finite()),
        "{:?}",
        notes.progress
    );
    assert!(notes.log.is_empty());
}

#[tokio::test]
async fn a_stream_that_never_ends_is_heard_until_the_user_cancels() {
    let mut script = Script::saying(events(&[STARTS]));
    script.repeats = events(&[r#"{"msg":"heartbeat","event_id":null}"#]).repeat(100);
    let (_app, subject) = start(script).await;
    let run = Run::start(&subject, generate("generate", 0.1));
    run.port.until_stage(Stage::RUNNING).await;
    run.port.cancel();
    let (outcome, _) = run.outcome().await;
    assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Cancelled, true));
}

#[tokio::test]
async fn a_message_without_an_end_is_refused_before_it_is_kept() {
    let mut script = Script::saying(b"data: {\"msg\":\"log\",\"log\":\"".to_vec());
    script.repeats = vec![b'x'; 1 << 16];
    let (_app, subject) = start(script).await;
    let error = Run::start(&subject, generate("generate", 0.1)).error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN));
    assert!(error.message.contains("longer than"), "{}", error.message);
}

#[tokio::test]
async fn a_stream_that_is_quiet_after_its_end_is_let_go() {
    let (_app, subject) = start(Script::saying(events(&[STARTS, DONE])).and_stays()).await;
    let (outcome, _) = Run::start(&subject, generate("generate", 0.1)).outcome().await;
    assert_eq!(outcome.status, OutcomeStatus::Done);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (status, body, kind, code) in [
        (503, r#"{"detail":"Queue is full. Max size is 2 and size is 2."}"#, ErrorKind::BUSY, "any-gradio.queue-full"),
        (503, r#"{"detail":"Queue is stopped."}"#, ErrorKind::BUSY, "any-gradio.queue-full"),
        (400, r#"{"detail":"Session hash not found."}"#, ErrorKind::REJECTED, "any-gradio.refused"),
        (422, r#"{"detail":[{"type":"json_invalid"}]}"#, ErrorKind::REJECTED, "any-gradio.refused"),
        (500, "Internal Server Error", ErrorKind::REJECTED, "any-gradio.refused"),
        (401, r#"{"detail":"Not authenticated"}"#, ErrorKind::AUTH, "any-gradio.login-missing"),
    ] {
        let script = Script { join: (status, body.to_owned()), ..Script::default() };
        let (app, subject) = start(script).await;
        let error = Run::start(&subject, generate("generate", 0.1)).error().await;
        assert_eq!((error.kind, error.effect, error.code.as_str()), (kind, Effect::NONE, code), "{status}: {error:?}");
        assert_eq!(app.joined(), 1, "{status}: it is not sent again");
    }
    for (status, body) in [(200, "<html>"), (200, "{}"), (502, "Bad Gateway"), (504, "")] {
        let script = Script { join: (status, body.to_owned()), ..Script::default() };
        let (_app, subject) = start(script).await;
        let error = Run::start(&subject, generate("generate", 0.1)).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{status} {body}");
    }
}

#[tokio::test]
async fn an_unknown_protocol_is_told_and_nothing_is_sent() {
    let config = include_str!("../../fixtures/gradio-5.50.0/config.json");
    let mut config: serde_json::Value = serde_json::from_str(config).unwrap();
    config["protocol"] = "quic_v9".into();
    let script = Script { config: Some(config.to_string()), ..Script::saying(Vec::new()) };
    let (app, subject) = start(script).await;
    let error = Run::start(&subject, generate("generate", 0.1)).error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::REJECTED, Effect::NONE));
    assert_eq!(error.code, "any-gradio.unknown-protocol");
    assert_eq!(error.message, "it speaks the protocol \"quic_v9\" of Gradio, which is not known here");
    assert_eq!(app.joined(), 0);
}
