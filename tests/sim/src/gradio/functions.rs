//! What the functions of the apps do. A prompt or a file with `slow` in its name takes half a minute.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    Gradio,
    call::{Call, progress},
    lock, wangp,
};
use crate::json::{Json, list, object};

/// The values, or what a `gr.Error` says; nothing for any other exception.
pub(super) type Done = Result<Vec<Json>, Option<String>>;

const VOICES: [&str; 2] = ["alice.pth", "bob.pth"];
/// The voice that cannot be loaded.
const BROKEN: &str = "broken.pth";
const SLOW: Duration = Duration::from_secs(30);
/// The MP4 of the audio apps: two seconds of sound under a picture.
const VIDEO: &[u8] = include_bytes!("../../../fixtures/media/waveform.mp4");

pub(super) async fn run(process: &Arc<Gradio>, call: &Call) -> Done {
    match call.function.as_str() {
        "generate" | "generate_gen" => generate(process, call).await,
        "echo" => Ok(vec![call.data.first().cloned().unwrap_or(Json::Null)]),
        "long_text" => Ok(vec![Json::from("t 0. t 1. ")]),
        "fail" => Err(Some("CUDA out of memory: tried to allocate 20 GiB".to_owned())),
        "warn" => warn(process, call),
        "text2audio" => text2audio(process, call).await,
        "infer_refresh" => Ok(vec![voices()]),
        "infer_change_voice" => change_voice(process, call).await,
        "infer_convert" => convert(process, call).await,
        function => wangp::run(process, call, function).await,
    }
}

/// The list of voices as an update of a component.
pub(super) fn voices() -> Json {
    let choices: Vec<&str> = VOICES.iter().copied().chain([BROKEN]).collect();
    object! { "choices" => choices, "__type__" => "update" }
}

async fn generate(process: &Gradio, call: &Call) -> Done {
    let dialect = process.app.dialect;
    let [prompt, steps, seconds, _] = call.data.as_slice() else { return Err(None) };
    let steps = u64::try_from(steps.as_i64().unwrap_or(1)).unwrap_or(1).max(1);
    let pause = Duration::from_secs_f64(seconds.as_f64().unwrap_or(0.1) / steps as f64);
    let say = |message: Json| {
        if dialect.has_progress() {
            (call.tell)(message);
        }
    };
    say(progress(None, steps, "Loading model"));
    for step in 1..=steps {
        sleep(pause).await;
        say(progress(Some(step), steps, "Denoising"));
        if call.is_generator {
            let text = format!("Step {step}/{steps}");
            let data = if step == 1 { list![Json::Null, Json::Null, Json::Null, text] } else { dialect.change(&text) };
            let output = object! { "data" => data, "is_generating" => true };
            (call.tell)(object! { "msg" => "process_generating", "output" => output, "success" => true });
        }
    }
    let version = process.setup.version;
    let prompt = prompt.as_str().unwrap_or_default();
    let settings = format!("{{\"prompt\": \"{prompt}\"}}");
    Ok(vec![
        dialect.video(&process.files.save("clip.mp4", VIDEO), version),
        dialect.file(&process.files.save_sound("sound.wav", prompt.as_bytes())),
        dialect.file(&process.files.save("settings.json", settings)),
        Json::from(format!("Done: {prompt}")),
    ])
}

fn warn(process: &Gradio, call: &Call) -> Done {
    if process.app.dialect.has_logs(process.setup.version) {
        (call.tell)(object! { "msg" => "log", "log" => "model will be downloaded", "level" => "info" });
        (call.tell)(object! { "msg" => "log", "log" => "low VRAM", "level" => "warning" });
    }
    Ok(vec![Json::from("warned")])
}

async fn text2audio(process: &Gradio, call: &Call) -> Done {
    let prompt = call.data.first().and_then(Json::as_str).ok_or(None)?;
    let seconds = call.data.get(1).and_then(Json::as_f64).ok_or(None)?;
    sleep(if prompt.contains("slow") { SLOW } else { Duration::from_secs_f64(seconds / 50.0) }).await;
    if prompt.contains("fail") {
        return Err(None);
    }
    let video = if prompt.contains("silent picture") { &b"no video at all"[..] } else { VIDEO };
    Ok(vec![process.app.dialect.video(&process.files.save("tmpdemldiu8.mp4", video), process.setup.version)])
}

async fn change_voice(process: &Gradio, call: &Call) -> Done {
    let voice = call.data.first().and_then(Json::as_str).ok_or(None)?;
    sleep(Duration::from_millis(50)).await;
    if voice == BROKEN || !VOICES.contains(&voice) {
        return Err(None);
    }
    voice.clone_into(&mut lock(&process.voice));
    let update = |value: Json| object! { "value" => value, "__type__" => "update" };
    let index = format!("logs/{}/added.index", voice.trim_end_matches(".pth"));
    let speakers = object! { "visible" => true, "maximum" => 2, "__type__" => "update" };
    Ok(vec![speakers, update(0.33.into()), update(0.33.into()), update(index.clone().into()), update(index.into())])
}

/// The result says what it was made of.
async fn convert(process: &Gradio, call: &Call) -> Done {
    let audio = call.data.get(1).ok_or(None)?;
    if *audio == Json::Null {
        let text = "【Single Inference】\nStatus：Waiting for input\n\nUpload an audio file";
        return Ok(vec![Json::from(text), Json::Null]);
    }
    let (name, bytes) = recording(process, audio).ok_or(None)?;
    sleep(if name.contains("slow") { SLOW } else { Duration::from_millis(100) }).await;
    let voice = lock(&process.voice).clone();
    if voice.is_empty() {
        return Err(None);
    }
    let rest: Vec<String> = call.data[2..].iter().map(Json::to_compact).collect();
    let note = format!("voice={voice} bytes={bytes} rest={}", rest.join(","));
    let path = process.files.save_sound("audio.wav", note.as_bytes());
    let text = "【Single Inference】\nStatus：Success\n\nIndex：none\nTime：1";
    Ok(vec![Json::from(text), process.app.dialect.file(&path)])
}

/// Name and length of what is to be converted: a path that was uploaded, or bytes in base64.
fn recording(process: &Gradio, audio: &Json) -> Option<(String, usize)> {
    if let Some(path) = audio.as_str() {
        return Some((path.to_owned(), process.files.read(path)?.len()));
    }
    let text = audio.get("data")?.as_str()?.split_once(";base64,")?.1;
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    Some((audio.get("name")?.as_str()?.to_owned(), text.len() / 4 * 3 - padding))
}
