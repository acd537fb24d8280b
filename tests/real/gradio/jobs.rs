//! What a user does with each of them: it is recognised, makes something, fails, and is stopped.

use super::{App, SOON, is_ready};
use mdd_core::{
    events::{JobState, JobView},
    jobs::{FileSource, Submission, Target},
};
use mdd_tests::{Running, eventually};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// How each app is asked.
struct Wishes {
    /// What is made, the role of the result, and how its file begins.
    good: Value,
    role: &'static str,
    magic: &'static [u8],
    /// What fails, and the code of that.
    bad: Value,
    code: &'static str,
    /// What takes a minute.
    slow: Value,
    /// A file, by the name that the payloads use.
    file: Option<(&'static str, &'static [u8])>,
    /// Whether it tells how far it is.
    has_progress: bool,
}

/// A second of silence, which is a whole WAV.
fn silence() -> Vec<u8> {
    let data = vec![0_u8; 32_000];
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    wav
}

async fn submit(running: &Running, kind: &str, id: &str, payload: &Value, file: Option<&FileSource>) {
    let submission = Submission {
        id: id.to_owned(),
        target: Target::Kind(kind.to_owned()),
        operation: None,
        payload: payload.clone(),
        files: file.into_iter().cloned().collect(),
    };
    running.host.jobs().submit(submission).await.unwrap();
}

async fn end(running: &Running, id: &str) -> JobView {
    let end = tokio::time::timeout(SOON, running.host.jobs().wait(id)).await;
    end.unwrap_or_else(|_| panic!("it did not end: {:#?}", running.host.jobs().show(id))).unwrap()
}

async fn until(running: &Running, id: &str, wanted: impl Fn(&JobView) -> bool) -> JobView {
    eventually(&running.host, SOON, |_| running.host.jobs().show(id).filter(|job| wanted(job))).await
}

/// Everything with one app.
async fn works(app: &App, wishes: Wishes) {
    let mut served = app.serve().await;
    let (_folder, running) = app.connected(&served).await;
    let backend = running.until(app.kind, SOON, |backend| is_ready(backend) && backend.latency_ms.is_some()).await;
    assert_eq!(backend.flavour.as_deref(), Some(app.flavour), "{backend:#?}");

    let file = wishes.file.map(|(name, bytes)| {
        let bytes = if bytes.is_empty() { silence() } else { bytes.to_vec() };
        let path: PathBuf = served.home.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        FileSource { name: name.to_owned(), path }
    });
    submit(&running, app.kind, "good", &wishes.good, file.as_ref()).await;
    let good = end(&running, "good").await;
    assert_eq!((good.state, good.results.len()), (JobState::Done, 1), "{good:#?}");
    assert_eq!(good.results[0].role, wishes.role);
    let made = std::fs::read(Path::new(&good.results[0].path)).unwrap();
    assert!(made.starts_with(wishes.magic), "{:?}", &made[..made.len().min(16)]);
    if wishes.has_progress {
        let progress = good.progress.unwrap();
        assert!(progress.step > 0.0 && progress.total > 0.0, "{progress:?}");
    }

    submit(&running, app.kind, "bad", &wishes.bad, file.as_ref()).await;
    let bad = end(&running, "bad").await;
    let reason = bad.reason.clone().unwrap();
    assert_eq!((bad.state, reason.code.as_str()), (JobState::Failed, wishes.code), "{bad:#?}");
    assert!(!reason.remedies.is_empty());

    submit(&running, app.kind, "slow", &wishes.slow, file.as_ref()).await;
    until(&running, "slow", |job| job.state == JobState::Running).await;
    let slow = running.host.jobs().cancel("slow").await.unwrap();
    assert_eq!(slow.state, JobState::Cancelled, "{slow:#?}");

    // A crash is noticed, and the return of the same program, too.
    let port = served.server.port;
    served.server.kill();
    running.until(app.kind, SOON, |backend| !is_ready(backend) && backend.reason.is_some()).await;
    // This one does not take a port that was used a moment ago.
    if app.gradio != "3.14.0" {
        let _again = app.start(&served.python, served.home.path(), port).await;
        running.until(app.kind, super::START, is_ready).await;
    }
}

fn audioldm(shape: &'static str, flavour: &'static str, gradio: &'static str) -> (App, Wishes) {
    let app = App { kind: "audioldm", flavour, program: "audioldm.py", shape, gradio };
    let wishes = Wishes {
        good: json!({"prompt": "a hammer", "candidates": 1}),
        role: "audio",
        magic: b"\0\0\0\x1cftypM4A ",
        bad: json!({"prompt": "fail"}),
        code: "audioldm.failed",
        slow: json!({"prompt": "slow"}),
        file: None,
        has_progress: false,
    };
    (app, wishes)
}

fn rvc(shape: &'static str, flavour: &'static str, gradio: &'static str) -> (App, Wishes) {
    let app = App { kind: "rvc", flavour, program: "rvc.py", shape, gradio };
    let convert = |voice: &str| json!({"voice": voice, "audio": "mdd-file:voice.wav"});
    let wishes = Wishes {
        good: convert("alice"),
        role: "audio",
        magic: b"RIFF",
        bad: convert("broken"),
        code: "rvc.voice-failed",
        slow: convert("slow"),
        // A whole recording.
        file: Some(("voice.wav", b"")),
        has_progress: false,
    };
    (app, wishes)
}

fn wan2gp(gradio: &'static str) -> (App, Wishes) {
    let app = App { kind: "wan2gp", flavour: "webui", program: "wan2gp.py", shape: "", gradio };
    let slow = |steps: u32| json!({"model_type": "slow", "prompt": "a red bicycle", "num_inference_steps": steps});
    let wishes = Wishes {
        good: slow(20),
        role: "video",
        magic: b"\0\0\0\x20ftyp",
        bad: json!({"model_type": "t2v", "prompt": "x"}),
        code: "wan2gp.missing-model",
        slow: slow(600),
        file: None,
        has_progress: true,
    };
    (app, wishes)
}

macro_rules! apps {
    ($($name:ident: $app:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let (app, wishes) = $app;
            works(&app, wishes).await;
        })*
    };
}

apps! {
    rvc_on_gradio_3_14: rvc("", "webui", "3.14.0");
    rvc_231006_on_gradio_3_50: rvc("12", "webui-231006", "3.50.2");
    audioldm_on_gradio_3_50: audioldm("1", "audioldm", "3.50.2");
    audioldm2_on_gradio_4_0: audioldm("2", "audioldm2", "4.0.2");
    audioldm2_on_gradio_4_44: audioldm("2", "audioldm2", "4.44.1");
    wan2gp_on_gradio_5_50: wan2gp("5.50.0");
    wan2gp_on_gradio_6_31: wan2gp("6.31.0");
}

/// A picture goes along in the archive, and comes back out of the gallery.
#[tokio::test]
async fn wan2gp_gets_files_in_an_archive() {
    let (app, _) = wan2gp("5.50.0");
    let served = app.serve().await;
    let (_folder, running) = app.connected(&served).await;
    let path = served.home.path().join("photo.png");
    // One pixel.
    let pixel = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";
    std::fs::write(&path, pixel).unwrap();
    let settings = json!({"mode": "edit_postprocessing", "image_start": "mdd-file:start", "num_inference_steps": 2});
    let file = FileSource { name: "start".to_owned(), path };
    submit(&running, app.kind, "a", &settings, Some(&file)).await;
    let job = end(&running, "a").await;
    assert_eq!((job.state, job.results.len()), (JobState::Done, 1), "{job:#?}");
    assert_eq!(job.results[0].role, "image");
    assert_eq!(std::fs::read(&job.results[0].path).unwrap(), pixel);
    assert!(job.results[0].path.contains("mdd-"), "uploads have names of their own: {}", job.results[0].path);
}
