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

/// An app that answers by the letter, and a wish.
struct ByTheLetter {
    kind: &'static str,
    config: Value,
    /// The calls that are made before the one that counts, and what they and the functions without a queue answer.
    before: usize,
    values: &'static str,
}

impl ByTheLetter {
    fn audioldm() -> Self {
        let config = include_str!("../../fixtures/audioldm2/config.json");
        Self { kind: "audioldm", config: serde_json::from_str(config).unwrap(), before: 0, values: "[]" }
    }

    /// The recorded page of RVC's WebUI as a newer Gradio would tell it. A voice is loaded first.
    fn rvc() -> Self {
        let config = include_str!("../../fixtures/rvc-webui/config.json");
        let mut config: Value = serde_json::from_str(config).unwrap();
        config["version"] = "5.50.0".into();
        config["protocol"] = "sse_v3".into();
        config["api_prefix"] = "/gradio_api".into();
        Self { kind: "rvc", config, before: 1, values: r#"[{"choices":["alice.pth"],"__type__":"update"}]"# }
    }

    async fn end(&self, script: Script) -> (Scripted, String) {
        let mut script = script.after(self.before, self.values);
        (script.config, script.direct) = (Some(self.config.to_string()), format!("{{\"data\":{}}}", self.values));
        let app = Scripted::start(script).await;
        let subject = Subject::of(self.kind, &app.url);
        subject.identify().await.unwrap();
        let subject = subject.promoted();
        let folder = tempfile::tempdir().unwrap();
        let wish = if self.kind == "rvc" {
            let mut wish = attempt("convert", json!({"voice": "alice", "audio": "mdd-file:voice"}));
            add_file(&subject, folder.path(), &mut wish, "voice", b"RIFF\x00");
            wish
        } else {
            attempt("generate", json!({"prompt": "rain"}))
        };
        let told = match Run::start(&subject, wish).end().await {
            Ok(outcome) => outcome.problem.unwrap().code,
            Err(error) => error.code.to_string(),
        };
        (app, told)
    }
}

const STARTS: &str = r#"{"msg":"process_starts","event_id":"e1","eta":null}"#;

#[tokio::test]
async fn refusals_and_endings_are_told_under_the_code_of_the_kind() {
    let full = r#"{"detail":"Queue is full. Max size is 2 and size is 2."}"#;
    let failed = r#"{"msg":"process_completed","event_id":"e1","output":{"error":null},"success":false}"#;
    let stopped = r#"{"msg":"process_completed","event_id":"e1","output":{},"success":true}"#;
    let nothing = r#"{"msg":"process_completed","event_id":"e1","output":{"data":["",null]},"success":true}"#;
    for app in [ByTheLetter::audioldm(), ByTheLetter::rvc()] {
        for (name, script) in [
            ("queue-full", Script { join: (503, full.to_owned()), ..Script::default() }),
            ("refused", Script { join: (500, "Internal Server Error".to_owned()), ..Script::default() }),
            ("missing-result", Script::saying(events(&[STARTS, nothing]))),
            ("stopped", Script::saying(events(&[STARTS, stopped]))),
            ("failed", Script::saying(events(&[STARTS, failed]))),
        ] {
            let (_app, told) = app.end(script).await;
            assert_eq!(told, format!("{}.{name}", app.kind));
        }
    }
}

#[tokio::test]
async fn an_unknown_protocol_is_told_and_nothing_is_sent() {
    for mut app in [ByTheLetter::audioldm(), ByTheLetter::rvc()] {
        app.config["protocol"] = "quic_v9".into();
        let (scripted, told) = app.end(Script::saying(Vec::new())).await;
        assert_eq!(told, format!("{}.unknown-protocol", app.kind));
        assert_eq!(scripted.joined(), 0);
    }
}

#[tokio::test]
async fn a_function_that_is_missing_is_named() {
    let mut app = ByTheLetter::rvc();
    for function in app.config["dependencies"].as_array_mut().unwrap() {
        if function["api_name"] == "infer_refresh" {
            function["api_name"] = Value::Null;
        }
    }
    let (scripted, told) = app.end(Script::saying(Vec::new())).await;
    assert_eq!((told.as_str(), scripted.joined()), ("rvc.missing-function", 0));
}
