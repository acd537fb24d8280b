//! What any Gradio app can do wrong, at the apps of the shipped drivers: each tells it under a code of its own kind.

use super::{
    at,
    script::{Script, Scripted, events},
    sim,
};
use crate::run::{Run, add_file, attempt, resumed};
use mdd_driver_api::{Stage, model::Attempt};
use mdd_sim::{Fault, Options, Sim};
use mdd_tests::Subject;
use serde_json::{Value, json};
use std::path::Path;

const AUDIOLDM2: &str = include_str!("../../fixtures/audioldm2/config.json");

/// A kind whose app is simulated.
struct App {
    kind: &'static str,
    sim: &'static str,
    version: &'static str,
}

const APPS: [App; 3] = [
    App { kind: "audioldm", sim: "audioldm", version: "audioldm2" },
    App { kind: "rvc", sim: "rvc-webui", version: "webui-231006" },
    App { kind: "rvc", sim: "rvc-webui", version: "webui" },
];

impl App {
    /// Something that takes a while.
    fn slow(&self, subject: &Subject, folder: &Path) -> Attempt {
        if self.kind == "audioldm" {
            return attempt("generate", json!({"prompt": "slow"}));
        }
        let mut attempt = attempt("convert", json!({"voice": "bob", "audio": "mdd-file:slow"}));
        add_file(subject, folder, &mut attempt, "slow", b"RIFF\x00");
        attempt
    }

    fn code(&self, name: &str) -> String {
        format!("{}.{name}", self.kind)
    }
}

#[tokio::test]
async fn a_restart_is_told_apart_from_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    for app in APPS {
        let sim = sim(app.sim, app.version).await;
        let subject = at(app.kind, &sim).await;
        subject.check().await.unwrap();
        let run = Run::start(&subject, app.slow(&subject, folder.path()));
        let running = run.port.until_stage(Stage::RUNNING).await;
        let sent = run.port.until_stage(Stage::SENT).await;
        let attempt = run.detach().await;
        let (outcome, _) = Run::start(&subject, resumed(attempt.clone(), &running, Some(true))).outcome().await;
        assert_eq!(outcome.problem.unwrap().code, app.code("connection-lost"), "{}", app.version);
        sim.restart().await.unwrap();
        let same_boot = (app.version == "webui").then_some(false);
        let (outcome, _) = Run::start(&subject, resumed(attempt.clone(), &running, same_boot)).outcome().await;
        assert_eq!(outcome.problem.unwrap().code, app.code("job-lost"), "{}", app.version);
        let error = Run::start(&subject, resumed(attempt, &sent, same_boot)).error().await;
        assert_eq!(error.code.as_str(), app.code("not-accepted"), "{}: {error:?}", app.version);
    }
}

#[tokio::test]
async fn a_missing_and_a_wrong_login_need_the_user() {
    for app in APPS {
        let options = Options::new(app.sim).version(app.version).key("open:open");
        let sim = Sim::start(options).await.unwrap();
        for (word, name) in [(None, "login-missing"), (Some("wrong"), "login-rejected")] {
            let subject = Subject::with(app.kind, &sim.url(), Value::Null, word).unwrap();
            subject.identify().await.unwrap();
            let error = subject.promoted().check().await.unwrap_err();
            assert_eq!(error.code.as_str(), app.code(name), "{}: {error:?}", app.version);
        }
    }
}

#[tokio::test]
async fn an_upload_that_is_refused_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let app = &APPS[1];
    let sim = sim(app.sim, app.version).await;
    let subject = at(app.kind, &sim).await;
    sim.inject(Fault::Html.on("/upload")).await;
    let error = Run::start(&subject, app.slow(&subject, folder.path())).error().await;
    assert_eq!(error.code.as_str(), app.code("upload-refused"), "{error:?}");
}

/// AudioLDM2 that answers by the letter, and a wish.
async fn scripted(mut script: Script) -> (Scripted, Subject, Attempt) {
    script.config.get_or_insert_with(|| AUDIOLDM2.to_owned());
    let app = Scripted::start(script).await;
    let subject = Subject::of("audioldm", &app.url);
    subject.identify().await.unwrap();
    (app, subject.promoted(), attempt("generate", json!({"prompt": "rain"})))
}

const STARTS: &str = r#"{"msg":"process_starts","event_id":"e1","eta":null}"#;

#[tokio::test]
async fn refusals_and_endings_are_told_under_the_code_of_the_kind() {
    let full = r#"{"detail":"Queue is full. Max size is 2 and size is 2."}"#;
    let failed = r#"{"msg":"process_completed","event_id":"e1","output":{"error":null},"success":false}"#;
    let nothing = r#"{"msg":"process_completed","event_id":"e1","output":{"data":["well"]},"success":true}"#;
    for (code, script) in [
        ("audioldm.queue-full", Script { join: (503, full.to_owned()), ..Script::default() }),
        ("audioldm.refused", Script { join: (500, "Internal Server Error".to_owned()), ..Script::default() }),
        ("audioldm.missing-result", Script::saying(events(&[STARTS, nothing]))),
        ("audioldm.failed", Script::saying(events(&[STARTS, failed]))),
    ] {
        let (_app, subject, wish) = scripted(script).await;
        let told = match Run::start(&subject, wish).end().await {
            Ok(outcome) => outcome.problem.unwrap().code,
            Err(error) => error.code.to_string(),
        };
        assert_eq!(told, code);
    }
}

#[tokio::test]
async fn an_unknown_protocol_is_told_and_nothing_is_sent() {
    let mut config: Value = serde_json::from_str(AUDIOLDM2).unwrap();
    config["protocol"] = "quic_v9".into();
    let script = Script { config: Some(config.to_string()), ..Script::saying(Vec::new()) };
    let (app, subject, wish) = scripted(script).await;
    let error = Run::start(&subject, wish).error().await;
    assert_eq!(error.code.as_str(), "audioldm.unknown-protocol", "{error:?}");
    assert_eq!(app.joined(), 0);
}
