//! The API of rvc-python: plain HTTP, one voice and one set of parameters for the whole process, and not a word from it
//! while it converts.

use crate::{conversion::Conversion, flavour::Flavour, inspection, problem, problem::KIND};
use mdd_driver_api::{
    DriverError, Effect, Either, ErrorKind, Host, Job, Request, Response, Result, Stage,
    abi::{Segment, SegmentKind},
    model::{Attempt, Identity, Inspection, JobFile, Outcome, OutcomeStatus, ResultMeta, Sample, Saved},
    multipart::{Part, multipart},
    race,
    sync::Lock,
    text::printable,
};
use mdd_gradio::{
    carrier::{cancelled, over},
    problem::{CONNECTION_LOST, FAILED, JOB_LOST, NOT_ACCEPTED, REFUSED},
};
use serde_json::{Map, Value, json};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

const PARAMS: &str = "/params";
const MODELS: &str = "/models";
/// The keys of its parameters, which no other service has together.
const KEYS: [&str; 7] =
    ["f0method", "f0up_key", "index_rate", "filter_radius", "resample_sr", "rms_mix_rate", "protect"];
/// How it finds the pitch.
const METHODS: [&str; 4] = ["harvest", "crepe", "rmvpe", "pm"];
/// The first voice is loaded together with the models that all of them need.
const LOADING: Duration = Duration::from_secs(600);
/// Voices are few, and their names short.
const LONGEST: u64 = 4 << 20;

/// An rvc-python at one endpoint.
pub(crate) struct Python {
    host: Host,
    /// Held from loading a voice until the end of the conversion with it.
    unit: Lock<()>,
    /// Conversions of ours: it is silent meanwhile.
    working: AtomicU32,
}

struct Working<'a>(&'a AtomicU32);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Python {
    pub(crate) fn new(host: Host) -> Self {
        Self { host, unit: Lock::new(()), working: AtomicU32::new(0) }
    }

    /// Whether an rvc-python answers; asked only of what is no Gradio app, of which `seen` is said.
    pub(crate) async fn identify(&self, seen: &str) -> Result<Identity> {
        let answer = self.host.get(PARAMS).await?;
        if matches!(answer.status, 502..=504) {
            return answer.success().map(|_| Identity::no(seen));
        }
        let known = answer.json::<Map<String, Value>>().is_ok_and(|fields| is_params(&fields));
        if answer.status != 200 || !known {
            return Ok(Identity::no(seen));
        }
        let identity = Identity::mine(95, "the API of rvc-python").with_flavour(Flavour::Python.name());
        Ok(identity.because("/params has the seven parameters of rvc-python"))
    }

    /// It is silent while it converts; with a conversion of ours that is no news.
    pub(crate) async fn check(&self) -> Result<Sample> {
        match self.params().await {
            Ok(_) => Ok(Sample::default()),
            Err(error) if error.kind == ErrorKind::TIMEOUT && self.working.load(Ordering::Relaxed) > 0 => {
                Ok(Sample::default())
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn inspect(&self) -> Result<Inspection> {
        Ok(inspection::of(self.voices().await?))
    }

    pub(crate) async fn convert(&self, attempt: Attempt, conversion: Conversion, job: Job) -> Result<Outcome> {
        let recording = conversion.recording(&attempt.files)?.clone();
        let wanted = wanted(&conversion)?;
        if let Some(left) = attempt.checkpoint.filter(|left| left.stage >= Stage::SENT.0) {
            return left_behind(left.same_boot, left.stage, job.is_cancelled());
        }
        let _unit = match race(job.cancelled(), self.unit.lock()).await {
            Either::First(()) => return Ok(cancelled(false)),
            Either::Second(unit) => unit,
        };
        let before = match race(job.cancelled(), self.prepare(&conversion.voice, &wanted)).await {
            // The voice may still be loaded; that is over soon, and makes nothing.
            Either::First(()) => return Ok(cancelled(false)),
            Either::Second(before) => before.map_err(DriverError::without_effect)?,
        };
        if let Err(error) = job.checkpoint(Stage::SENT, "", &json!({"v": 1})).await {
            // The host may have been quicker to see that nobody wants it any more.
            return if job.is_cancelled() { Ok(cancelled(false)) } else { Err(error.without_effect()) };
        }
        self.working.fetch_add(1, Ordering::Relaxed);
        let working = Working(&self.working);
        let converted = match race(job.cancelled(), self.send(&job, &recording, &conversion.voice)).await {
            // Nothing stops it; its result goes nowhere.
            Either::First(()) => return Ok(cancelled(true)),
            Either::Second(converted) => converted,
        };
        drop(working);
        // The parameters are one set for everybody: what the user has started it with comes back.
        let _unrestored = self.set(&Value::Object(before)).await;
        match converted {
            Ok(saved) => {
                let mut outcome = Outcome::new(OutcomeStatus::Done);
                outcome.results = vec![saved];
                Ok(outcome)
            }
            Err(error) => refusal(error),
        }
    }

    /// Loads the voice and sets the parameters; the answer is what they were.
    async fn prepare(&self, voice: &str, wanted: &Map<String, Value>) -> Result<Map<String, Value>> {
        let voices = self.voices().await?;
        if !voices.iter().any(|known| known == voice) || voice.contains('/') {
            // Asking for an unknown voice would add it to the server's list.
            return Err(unknown_voice(voice, &voices));
        }
        let before = self.params().await?;
        let target = format!("{MODELS}/{}", encoded(voice));
        let loading = Request::post(&target).head_within(LOADING).total_within(LOADING);
        let loaded = self.host.send(loading).await?;
        if !loaded.is_success() {
            let text = format!("it could not load the voice \"{}\": {}", printable(voice, 80), said(&loaded));
            return Err(problem::refused(problem::VOICE_FAILED, text).with_status(loaded.status));
        }
        let mut merged = before.clone();
        merged.extend(wanted.clone());
        self.set(&Value::Object(merged)).await?;
        Ok(before)
    }

    async fn set(&self, params: &Value) -> Result<()> {
        let answer = self.host.send(Request::post(PARAMS).json(&json!({"params": params}))?).await?;
        if answer.is_success() {
            return Ok(());
        }
        let text = format!("it did not take the parameters: {}", said(&answer));
        Err(REFUSED.error(KIND, ErrorKind::REJECTED, text).with_status(answer.status))
    }

    /// The conversion itself. Version 0.1.4 takes no files, and the recording as text.
    async fn send(&self, job: &Job, recording: &JobFile, voice: &str) -> Result<Saved> {
        let stem = recording.name.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
        let mut meta = ResultMeta::new(format!("{stem}-{voice}.wav"), "audio");
        meta.media_type = Some("audio/wav".to_owned());
        let content = Segment::named(SegmentKind::FILE, recording.handle.as_str());
        let part = Part::file("file", "recording.wav", recording.media_type.as_str(), content);
        let form = multipart(Request::post("/convert_file"), self.host.random(), vec![part]);
        match job.download(patient(form), &meta).await {
            Err(error) if error.kind == ErrorKind::REJECTED && matches!(error.http_status, 404 | 405) => {}
            result => return result,
        }
        let body = vec![
            Segment::bytes("{\"audio_data\":\""),
            Segment::named(SegmentKind::FILE_BASE64, recording.handle.as_str()),
            Segment::bytes("\"}"),
        ];
        let text = Request::post("/convert").header("content-type", "application/json").body(body);
        job.download(patient(text), &meta).await
    }

    async fn params(&self) -> Result<Map<String, Value>> {
        let answer = self.host.get(PARAMS).await?.success()?;
        let params: Map<String, Value> = answer.json()?;
        if is_params(&params) {
            return Ok(params);
        }
        let text = format!("it answered {} to {PARAMS}", answer.in_words());
        Err(DriverError::new(ErrorKind::PROTOCOL, text).with_status(answer.status))
    }

    async fn voices(&self) -> Result<Vec<String>> {
        let answer = self.host.send(Request::get(MODELS).max_bytes(LONGEST)).await?.success()?;
        let body: Value = answer.json()?;
        let models = body["models"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(models.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }
}

fn is_params(fields: &Map<String, Value>) -> bool {
    fields.len() == KEYS.len() && KEYS.iter().all(|key| fields.contains_key(*key))
}

/// Not a byte comes before all of them: there is no deadline.
fn patient(request: Request) -> Request {
    request.head_within(Duration::MAX).idle_within(Duration::MAX).without_deadline()
}

/// The parameters that the job asks for, in this server's words. It does not check them, and a wrong one breaks every
/// conversion that follows.
fn wanted(conversion: &Conversion) -> Result<Map<String, Value>> {
    let refuse = |text: String| Err(problem::refused(problem::BAD_CONVERSION, text));
    if conversion.index_path.is_some() || conversion.speaker_id.is_some() {
        return refuse("rvc-python takes neither `index_path` nor `speaker_id`".to_owned());
    }
    if let Some(method) = conversion.f0_method.as_deref().filter(|method| !METHODS.contains(method)) {
        let text =
            format!("rvc-python knows no `f0_method` \"{}\"; it has {}", printable(method, 40), METHODS.join(", "));
        return refuse(text);
    }
    let given = [
        ("f0method", conversion.f0_method.as_deref().map(Value::from)),
        ("f0up_key", conversion.transpose.map(Value::from)),
        ("index_rate", conversion.index_rate.map(Value::from)),
        ("filter_radius", conversion.filter_radius.map(Value::from)),
        ("resample_sr", conversion.resample_sr.map(Value::from)),
        ("rms_mix_rate", conversion.rms_mix_rate.map(Value::from)),
        ("protect", conversion.protect.map(Value::from)),
    ];
    Ok(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn unknown_voice(voice: &str, voices: &[String]) -> DriverError {
    let wanted = printable(voice, 80);
    let text = match voices {
        [] => format!("there is no voice \"{wanted}\": it has none at all"),
        voices => format!("there is no voice \"{wanted}\"; it has {}", printable(&voices.join(", "), 300)),
    };
    problem::refused(problem::UNKNOWN_VOICE, text)
}

/// What an earlier run has left: the result goes to the one who has asked for it, and to nobody else.
fn left_behind(same_boot: Option<bool>, stage: u32, is_cancelled: bool) -> Result<Outcome> {
    let restarted = same_boot == Some(false);
    if is_cancelled {
        return Ok(cancelled(!restarted));
    }
    if restarted && stage == Stage::SENT.0 {
        let text = "it was restarted before the conversion was done";
        return Err(NOT_ACCEPTED.error(KIND, ErrorKind::TRANSPORT, text).without_effect());
    }
    let (status, problem) = match restarted {
        true => (OutcomeStatus::Lost, JOB_LOST.problem(KIND, "it was restarted, and keeps nothing over that")),
        false => {
            let text = "the connection ended before the result came, and nobody can ask for it again";
            (OutcomeStatus::Unknown, CONNECTION_LOST.problem(KIND, text))
        }
    };
    let mut outcome = over(status, problem);
    outcome.remote_still_running = !restarted;
    Ok(outcome)
}

/// Why there is no result.
fn refusal(error: DriverError) -> Result<Outcome> {
    if error.kind != ErrorKind::REJECTED {
        // Whoever comes next finds out what is known.
        let mut error = error;
        if error.effect == Effect::NONE && matches!(error.kind, ErrorKind::TRANSPORT | ErrorKind::TIMEOUT) {
            return Err(error.with_code(&NOT_ACCEPTED.of(KIND)));
        }
        if !matches!(error.kind, ErrorKind::TIMEOUT | ErrorKind::AUTH | ErrorKind::HOST | ErrorKind::LIMIT) {
            error.kind = ErrorKind::TRANSPORT;
        }
        return Err(error);
    }
    let told = detail(&error);
    match error.http_status {
        // It was restarted since the voice was loaded, so nothing was converted.
        400 if told.contains("No model loaded") => {
            Err(NOT_ACCEPTED.error(KIND, ErrorKind::TRANSPORT, told).with_status(400).without_effect())
        }
        500.. => Ok(over(OutcomeStatus::Failed, FAILED.problem(KIND, told))),
        status => Err(REFUSED.error(KIND, ErrorKind::REJECTED, told).with_status(status).without_effect()),
    }
}

/// What it said, out of the body that the host has kept.
fn detail(error: &DriverError) -> String {
    let kept: Value = serde_json::from_str(&error.detail).unwrap_or_default();
    let body: Value = serde_json::from_str(kept["body"].as_str().unwrap_or_default()).unwrap_or_default();
    match body["detail"].as_str() {
        Some(text) => printable(text, 300),
        None => printable(&error.message, 300),
    }
}

fn said(answer: &Response) -> String {
    let body: Value = answer.json().unwrap_or_default();
    match body["detail"].as_str() {
        Some(text) => printable(text, 300),
        None => answer.in_words(),
    }
}

/// Percent-encodes all but unreserved characters.
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{left_behind, wanted};
    use crate::{conversion::Conversion, problem::BAD_CONVERSION};
    use mdd_driver_api::{Effect, Stage, model::OutcomeStatus};
    use serde_json::{Value, json};

    fn conversion(mut more: Value) -> Conversion {
        more["voice"] = json!("alice");
        more["audio"] = json!("mdd-file:a");
        Conversion::read(more).unwrap()
    }

    #[test]
    fn only_what_was_given_is_set() {
        assert!(wanted(&conversion(json!({}))).unwrap().is_empty());
        let given = json!({"transpose": 2, "f0_method": "pm", "protect": 0.5});
        let expected = json!({"f0up_key": 2, "f0method": "pm", "protect": 0.5});
        assert_eq!(Value::Object(wanted(&conversion(given)).unwrap()), expected);
    }

    #[test]
    fn what_it_cannot_do_is_refused() {
        for odd in [json!({"f0_method": "fcpe"}), json!({"index_path": "x"}), json!({"speaker_id": 0})] {
            assert_eq!(wanted(&conversion(odd)).unwrap_err().code, BAD_CONVERSION);
        }
    }

    #[test]
    fn nobody_is_told_twice() {
        let sent = Stage::SENT.0;
        for same_boot in [Some(true), None] {
            let outcome = left_behind(same_boot, sent, false).unwrap();
            assert_eq!((outcome.status, outcome.remote_still_running), (OutcomeStatus::Unknown, true));
        }
        assert_eq!(left_behind(Some(false), sent, false).unwrap_err().effect, Effect::NONE);
        assert_eq!(left_behind(Some(false), Stage::ACKED.0, false).unwrap().status, OutcomeStatus::Lost);
        assert_eq!(left_behind(None, sent, true).unwrap().status, OutcomeStatus::Cancelled);
    }
}
